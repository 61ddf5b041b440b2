"""Six rows of two classes, events about them, and their journals."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from relabel_widget.inputs import row_digests
from relabel_widget.journal import Event, Imported, Journal, Kind, Rows, State, fold
from relabel_widget.journal.events import exported, imported, judged, relabelled, step, verified

CLASSES = np.array(["ham", "spam"])
TEXTS = ["a", "b", "c", "d", "e", "f"]
CODES = np.array([0, 1, 0, 1, 0, 1])


def rows(texts: list[str] = TEXTS, codes: np.ndarray = CODES, ids: np.ndarray | None = None) -> Rows:
    return Rows(lambda: row_digests(texts, len(texts)), None, ids, CLASSES, codes[: len(texts)])


def opened(store: Path | None) -> Journal:
    return Journal(rows(), store)


def swap(row: int, before: int | None = None, *, note: str = "", annotator: str = "ada") -> Event:
    code = int(CODES[row]) if before is None else before
    return relabelled((row,), (code,), (1 - code,), note=note, annotator=annotator)


def numbered(*events: Event) -> list[Event]:
    return [
        event._replace(
            seq=seq,
            time=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seq),
            uid=event.uid or str(seq),
            original=tuple(int(CODES[row]) for row in event.rows),
        )
        for seq, event in enumerate(events, 1)
    ]


def folded(*events: Event) -> State:
    return fold(numbered(*events), CODES)


def overlay(state: State) -> dict[int, int]:
    return {row: mark.code for row, mark in state.overlay.items()}


def done(state: State, person: str = "ada") -> list[int]:
    return [event.seq for event in state.done.get(person, ())]


NASTY = "'); DROP TABLE events; --\x00\n\u202e<script>\U0001f600"


ITEMS = (
    Imported(Kind.RELABEL, "eve", NASTY, datetime(2025, 1, 1, 10, 30, 0, 5, tzinfo=UTC)),
    Imported(Kind.UNSURE, "", "", None),
)


def given() -> list[Event]:
    return [
        relabelled((3, 0), (1, 0), (0, 1), note=NASTY, annotator="Ada"),
        step(Kind.UNDO, "1", annotator=NASTY),
        step(Kind.REDO, "1", annotator="")._replace(session="s"),
        verified({"n_flipped": 2, "accuracy_after": 0.1 + 0.2, "log_loss_after": None}, annotator="bo"),
        exported("folder/ü.csv", 2, annotator="bo"),
        judged(Kind.ADJUDICATE, (4,), (0,), (1,), note="", annotator="eve"),
        imported((1, 1), (1, 1), (0, 1), ITEMS, source=NASTY, annotator="bo"),
        relabelled((3,), (0,), (1,), note="", annotator="Ada")._replace(details={"query": 7, "flip_set": "[]"}),
    ]


def damaged(store: Path, *statements: str) -> None:
    other = sqlite3.connect(store)
    for trigger in ("relabel_events_stay", "relabel_events_last"):
        other.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        other.execute(statement)
    other.commit()
    other.close()

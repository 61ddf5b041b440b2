"""The closed list of events on a workbench, and how each is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from .base import JournalError

Detail: TypeAlias = str | int | float | None

UNRECORDED = datetime.min.replace(tzinfo=UTC)
"""The time of an event that no journal has recorded yet."""


class Kind(StrEnum):
    """The kind of an event. The values are written to stores: never rename one."""

    RELABEL = "relabel"
    UNDO = "undo"
    REDO = "redo"
    VERIFY = "verify"
    EXPORT = "export"
    KEEP = "keep"
    UNSURE = "unsure"


DECISIONS = frozenset({Kind.RELABEL, Kind.KEEP, Kind.UNSURE})
"""Decisions about training rows, which can be undone."""


@dataclass(frozen=True)
class Event:
    """One event, made by `relabelled`, `judged`, `step`, `verified` or `exported`.

    Parameters
    ----------
    kind
        One of the closed list.
    annotator
        Who did it; may be empty.
    rows, before, after
        For a decision: training rows and their class codes before and after it, all of the same length. Rows marked
        as kept or unsure have their original codes afterwards.
    note
        For a decision: the reason.
    target
        For an undo or redo: ``seq`` of the decision that is undone or redone.
    details
        For a verification or an export: its summary.
    seq, time
        Position in the journal, from 1, and time in UTC. Both are set by the journal; before that they are 0 and
        `UNRECORDED`.

    Raises
    ------
    TypeError, ValueError
        If ``annotator`` or ``note`` is not a string that can be written as UTF-8.
    """

    kind: Kind
    annotator: str = ""
    rows: tuple[int, ...] = ()
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    note: str = ""
    target: int | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)
    seq: int = 0
    time: datetime = UNRECORDED

    def __post_init__(self) -> None:
        check_text("annotator", self.annotator)
        check_text("note", self.note)


def check_text(name: str, text: object) -> None:
    """Refuse text that cannot be encoded as UTF-8.

    Raises
    ------
    TypeError
        If it is not a string.
    ValueError
        If it holds half of a surrogate pair.
    """
    if not isinstance(text, str):
        raise TypeError(f"{name}: expected a string, got {type(text).__name__}. Pass str({name}).")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}: expected text that can be written as UTF-8, got half of a surrogate pair at character "
            f"{error.start}. Pass text.encode(errors='replace').decode()."
        ) from error


def relabelled(
    rows: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...], *, note: str, annotator: str
) -> Event:
    """Relabelled rows, with their class codes before and after."""
    assert len(rows) == len(before) == len(after)
    return Event(Kind.RELABEL, annotator, rows, before, after, note)


def judged(
    kind: Kind, rows: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...], *, note: str, annotator: str
) -> Event:
    """Rows whose original label was confirmed (`Kind.KEEP`) or is in doubt (`Kind.UNSURE`)."""
    assert kind in DECISIONS - {Kind.RELABEL}
    assert len(rows) == len(before) == len(after)
    return Event(kind, annotator, rows, before, after, note)


def step(kind: Kind, target: int, *, annotator: str) -> Event:
    """The undo or redo of decision number ``target``."""
    assert kind in {Kind.UNDO, Kind.REDO}
    return Event(kind, annotator, target=target)


def verified(details: Mapping[str, Detail], *, annotator: str) -> Event:
    """A refit with all current relabels."""
    return Event(Kind.VERIFY, annotator, details=details)


def exported(path: str, count: int, digest: str = "", *, annotator: str) -> Event:
    """An export of ``count`` corrected labels to ``path``; the file's digest tells whether it is still ours."""
    return Event(Kind.EXPORT, annotator, details={"path": path, "count": count, "digest": digest})


def payload(event: Event) -> str:
    """What a store keeps of an event besides kind, annotator, number and time, as ASCII JSON."""
    if event.kind in DECISIONS:
        kept: dict[str, object] = {name: getattr(event, name) for name in ("rows", "before", "after", "note")}
    elif event.kind in {Kind.UNDO, Kind.REDO}:
        kept = {"target": event.target}
    else:
        kept = {"details": dict(event.details)}
    return json.dumps(kept, allow_nan=False)


def restore(seq: int, time: str, annotator: str, kind: str, text: str) -> Event:
    """Restore an event from what a store kept of it.

    Raises
    ------
    JournalError
        If the text was not written by `payload`.
    """
    try:
        kept = json.loads(text)
        for name in kept.keys() & {"rows", "before", "after"}:
            kept[name] = tuple(int(value) for value in kept[name])
        return Event(Kind(kind), annotator, seq=seq, time=datetime.fromisoformat(time), **kept)
    except (ValueError, TypeError, AttributeError) as error:
        raise JournalError(
            f"journal: expected event {seq} to be one of {', '.join(Kind)}, as this version writes them, "
            f"got kind {kind!r} with {text[:200]!r}. The store was damaged or edited by hand: restore it "
            "from a backup."
        ) from error

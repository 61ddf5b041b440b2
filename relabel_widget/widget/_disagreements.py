"""What the page is told of decisions that people made differently, and of those that do not fit the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from ..facts import clip, plural
from ..files.characters import isolated, quoted
from ..workbench.carried import Uncarried
from ._pages import Pages

MATTERS = 200
LONGEST_TEXT = 4_000
LONGEST_NOTE = 2_000

_VERBS = {"relabel": "Relabelled", "keep": "Kept", "unsure": "Unsure about", "adjudicate": "Adjudicated"}

Value = dict[str, Any]


def in_conflict(number: int) -> str:
    """How many rows are in conflict, in words; empty if none."""
    return plural(number, "conflict") if number else ""


def not_carried(found: Sequence[Uncarried]) -> str:
    """How many decisions did not carry over, in words; empty if none. Those that the data took over count apart."""
    corrected = sum(one.is_corrected for one in found)
    if corrected < len(found):
        return f"{plural(len(found) - corrected, 'decision')} did not carry over"
    return f"{plural(corrected, 'decision')} already in the data" if corrected else ""


def _told(matters: list[Value], total: int, about: str) -> Value:
    more = f" These are the first {len(matters):,} of {total:,}." if total > len(matters) else ""
    return {"about": about + more, "matters": matters}


def _choice(words: str, decision: str, label: Any = None, note: str = "", effect: str = "") -> Value:
    named = None if label is None else str(label)
    return {"words": words, "effect": effect, "decision": decision, "label": named, "note": note}


def _quoted(label: Any) -> str:
    return quoted(clip(label, 40))


def _line(row: int | None, what: str, who: str, note: str, time: datetime) -> Value:
    return {
        "event": 0,
        "time": pd.Timestamp(time).isoformat(),
        "who": clip(who, 80),
        "what": what,
        "note": clip(note, 400),
        "state": "record",
        "row": row,
        "text": "",
    }


def _name(row: int | None, name: Any) -> str:
    return f"row {row}" if name is None or str(name) == str(row) else f"row {row} · {isolated(clip(name, 80))}"


# Conflicts


def conflicts(workbench: Any, pages: Pages, test_row: int | None) -> Value:
    """The rows that people decided differently, with what each label is predicted to do to a test row."""
    table = workbench.conflicts()
    effects = _Effects(workbench, None if test_row is None else pages.line(test_row))
    groups = [(int(row), group) for row, group in table.groupby("row")]
    if not groups:
        return _told([], 0, "No conflicts: nobody decided about a row otherwise than somebody else.")
    matters = [_conflict(workbench, row, group, effects) for row, group in groups[:MATTERS]]
    who = "Anybody who shares the store may settle a conflict; a later decision about the row opens it again."
    return _told(matters, len(groups), f"{who} {effects.about}")


def _conflict(workbench: Any, row: int, opinions: pd.DataFrame, effects: _Effects) -> Value:
    said: dict[Any, list[Value]] = {}
    for one in opinions.to_dict("records"):
        what = f"{_VERBS[one['decision']]}: {_quoted(one['label'])}"
        who = one["annotator"] or "somebody without a name"
        said.setdefault(one["label"], []).append(_line(None, what, who, one["note"], one["time"]))
    sides = sorted(said.items(), key=lambda side: -len(side[1]))  # of as many people, the older first
    most, next_most = (len(lines) for _, lines in sides[:2])
    choices = []
    for label, lines in sides:
        words = "Take the majority:" if len(lines) == most > next_most else "Take"
        choices.append(_choice(f"{words} {_quoted(label)}", "adjudicate", label, effect=effects.of(row, label)))
    original = _quoted(opinions["original"].iloc[0])
    return {
        "row": row,
        "title": f"Training {_name(row, workbench.ids[row])} · originally {original}",
        "text": clip(workbench.train_text(row), LONGEST_TEXT),
        "said": [line for _, lines in sides for line in lines],
        "choices": choices,
    }


class _Effects:
    """What giving a training row a label is predicted to do to the chosen test row, in words."""

    def __init__(self, workbench: Any, line: Value | None) -> None:
        self._workbench = workbench
        self._line = line
        self._known = workbench.classes.tolist()

    @property
    def about(self) -> str:
        """What these effects are about."""
        line = self._line
        if line is None:
            return "No test row is chosen, so no effect is shown."
        return (
            f"Effects are first-order predictions for test row {line['row']}, predicted {_quoted(line['predicted'])} "
            "on the original labels, with all other labels as they are now."
        )

    def of(self, row: int, label: Any) -> str:
        """Empty without a test row, and for a label that is none of the classes."""
        line = self._line
        if line is None or label not in self._known:
            return ""
        found = self._workbench.forecast(line["row"], [row], label)
        named = self._known[1] if len(self._known) == 2 else line["predicted"]
        verb = "stays" if str(found.predicted) == line["predicted"] else "becomes"
        then = f"Test row {line['row']} {verb} {_quoted(found.predicted)}"
        return f"{then}, probability of {_quoted(named)} about {found.proba:.3f}"


# What did not carry over


def carried(workbench: Any) -> Value:
    """The decisions that do not fit the data, each with what can be done; what needs nothing comes last."""
    found = sorted(workbench.uncarried, key=lambda one: one.is_corrected)
    if not found:
        return _told([], 0, "All decisions in the store fit this data.")
    labels = workbench.labels()
    matters = [_uncarried(workbench, one, labels) for one in found[:MATTERS]]
    about = "Decisions in the store about rows that are not here as they were then. They do not count for this data."
    return _told(matters, len(found), about)


def _uncarried(workbench: Any, one: Uncarried, labels: Any) -> Value:
    number = one.row if one.name is None else one.name.number
    event = one.event
    what = f"{_VERBS[event.kind.value]} {_name(number, one.id(workbench.ids))}: {_before_and_after(one)}"
    return {
        "row": one.row,
        "title": one.why,
        "text": one.advice if one.row is None else clip(workbench.train_text(one.row), LONGEST_TEXT),
        "said": [_line(one.row, what, event.annotator, event.note, event.time)],
        "choices": list(_choices(workbench, one, labels)) if one.is_open else [],
    }


def _before_and_after(one: Uncarried) -> str:
    if one.event.kind.value in ("keep", "unsure"):
        return _quoted(one.original)
    return f"{_quoted(one.original)} → {_quoted(one.label)}"


def _choices(workbench: Any, one: Uncarried, labels: Any) -> Iterable[Value]:
    """The same decision about the row at hand, and to keep its label."""
    row, now = one.row, labels[one.row]
    kind = "relabel" if one.name is None else one.event.kind.value  # against a new label of the data, one insists
    note = clip(one.event.note, LONGEST_NOTE)
    if kind == "unsure":
        yield _choice(f"Unsure about row {row}", kind, note=note)
    elif kind != "keep" and one.label != now and one.label in workbench.classes.tolist():
        verb = "Relabel" if kind == "relabel" else "Adjudicate"
        yield _choice(f"{verb} row {row}: {_quoted(one.label)}", kind, one.label, note)
    yield _choice(f"Keep row {row}: {_quoted(now)}", "keep")

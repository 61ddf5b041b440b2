"""The widget's messages to people about what it did."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..facts import accuracy_change, clip, flips, own_word, plural, probabilities
from ..files.characters import isolated, readable
from ..journal.events import DECISIONS
from ..workbench import Workbench


def in_words(error: BaseException) -> str:
    """The message of an exception; its type if it has none."""
    return readable(str(error)).strip().strip("'\"") or f"{type(error).__name__}, no details given"


def on_page(error: BaseException) -> str:
    """`in_words` without the name of the room or method that begins the messages of this package."""
    message = in_words(error)
    name, colon, rest = message.partition(": ")
    if not colon or not rest or not (name == "journal" or "_" in name or hasattr(Workbench, name)):
        return message
    word = rest.split(maxsplit=1)[0].rstrip(":")
    return rest[0].upper() + rest[1:] if word.isalpha() else rest


def picked(line: dict[str, Any], classes: list[str]) -> str:
    """The message after a test row was chosen."""
    truth = "" if line["label"] is None else f", true label “{isolated(line['label'])}”"
    named = classes[1] if len(classes) == 2 else line["predicted"]
    chance = f"probability of “{isolated(named)}” {line['proba']:.3f}"
    return f"Test row {line['row']} is predicted “{isolated(line['predicted'])}”{truth} ({chance})."


def found(workbench: Any, result: Any, row: int) -> str:
    """How a search for a flip set ended."""
    if not result.found:
        return f"Test row {row}. {result.outcome}"
    size = plural(result.size, "training row")
    if not result.verified:
        return f"Test row {row}. {result.outcome} The set has {size}. {own_word(result)}".rstrip()
    change = f"probability {' → '.join(probabilities(result.proba_before, result.proba_after))}"
    if len(workbench.classes) > 2:
        change = f"“{result.predicted_before}” → “{result.predicted_after}”, {change} of the former"
    return f"Test row {row}. {result.outcome} The set has {size}; {change}. {own_word(result)}".rstrip()


def retrained(workbench: Any) -> str:
    """The result of a verification."""
    summary = workbench.verification_summary()
    if summary is None:
        return "Retrained, but the labels changed meanwhile. Verify again."
    flipped = flips(summary.n_flipped, summary.n_test)
    words = f"Retrained with {plural(summary.n_relabelled, 'changed label')}: {flipped}."
    return words + accuracy_change(summary)


_VERBS = {
    "relabel": "Relabelled",
    "keep": "Kept the label of",
    "unsure": "Marked as unsure:",
    "clear": "Cleared the decision on",
}


def decided(decision: str, rows: list[int], total: int) -> str:
    """The message after a decision."""
    if not rows:
        return f"Already decided. {plural(total, 'label')} changed in all."
    which = f"training row {rows[0]}" if len(rows) == 1 else plural(len(rows), "training row")
    return f"{_VERBS[decision]} {which}; {plural(total, 'label')} changed in all."


def stepped(undo: bool, what: str, number: int, total: int) -> str:
    """The message after undo and redo, with what it was and whose."""
    verb = "Undone" if undo else "Redone"
    which = f"decision on {plural(number, 'training row')} ({what})" if what else plural(number, "training row")
    return f"{verb}: {which}; {plural(total, 'label')} changed in all."


def written(number: int, path: str, *, every: bool) -> str:
    """The message after an export of corrected labels, or of the decisions on ``number`` rows."""
    what = f"all decisions on {plural(number, 'row')}" if every else plural(number, "corrected label")
    return f"Wrote {what} to {path}. workbench.corrected_estimator() gives the model fitted on the corrected labels."


def history(workbench: Any, most: int) -> dict[str, Any]:
    """The latest events in words, newest first, each with its current state."""
    table = workbench.history(most)
    standing = workbench.standing_decisions
    newest = table.iloc[::-1]
    lines = [
        {
            "event": int(line["event"]),
            "time": pd.Timestamp(line["time"]).isoformat(),
            "who": clip(line["annotator"], 80),
            "what": _event_words(line),
            "note": clip(line["note"], 400) if line["kind"] not in ("undo", "redo") else "",
            "state": _state(line, standing),
            **_first_row(workbench, line["rows"]),
        }
        for line in newest.to_dict("records")
    ]
    return {"total": workbench.n_events, "lines": lines}


def _first_row(workbench: Any, rows: Any) -> dict[str, Any]:
    if not len(rows):
        return {"row": None, "text": ""}
    return {"row": int(rows[0]), "text": clip(workbench.train_text(int(rows[0])), 160)}


def _state(line: dict[Any, Any], standing: frozenset[int]) -> str:
    """Whether a decision is in force or undone; other events are records."""
    if line["kind"] not in DECISIONS:
        return "record"
    return "done" if int(line["event"]) in standing else "undone"


def _event_words(line: dict[Any, Any]) -> str:
    rows, kind = line["rows"], line["kind"]
    if kind in ("verify", "export"):
        verb = "Verified" if kind == "verify" else "Exported"
        return f"{verb}: {clip(line['details'], 300)}"
    which = f"row {rows[0]}" if len(set(rows)) == 1 else plural(len(set(rows)), "row")
    if kind in ("undo", "redo"):
        return f"{'Undid' if kind == 'undo' else 'Redid'} the decision on {which}"
    if kind == "relabel":
        old, new = (isolated(clip(line[end][0], 40)) for end in ("from", "to"))
        return f"Relabelled {which}: {old} → {new}" if len(rows) == 1 else f"Relabelled {which}"
    if kind == "import":
        return f"Imported decisions on {which} {clip(line['details'], 300)}"
    return f"{'Kept the label of' if kind == 'keep' else 'Marked as unsure:'} {which}"

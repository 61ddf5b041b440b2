"""The widget's messages to people about what it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._typing import IntArray
from ..facts import accuracy_change, clip, flips, own_word, plural, proba, probabilities
from ..files.characters import isolated, quoted, readable
from ..journal.events import DECISIONS
from ..workbench import Workbench
from ..workbench.reasons import Reasons
from ..workbench.row_content import Image
from ..workbench.summary import VerificationSummary
from ._jobs import Job
from ._search import NEARLY, alike


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
    truth = "" if line["label"] is None else f", true label {quoted(line['label'])}"
    named = classes[1] if len(classes) == 2 else line["predicted"]
    chance = f"probability of {quoted(named)} {proba(line['proba'])}"
    return f"Test row {line['row']} is predicted {quoted(line['predicted'])}{truth} ({chance})."


def found(workbench: Any, result: Any, row: int) -> str:
    """How a search for a flip set ended."""
    if not result.found:
        return f"Test row {row}. {result.outcome}"
    size = plural(result.size, "training row")
    if not result.verified:
        return f"Test row {row}. {result.outcome} The set has {size}. {own_word(result)}".rstrip()
    change = f"probability {' → '.join(probabilities(result.proba_before, result.proba_after))}"
    if len(workbench.classes) > 2:
        change = f"{quoted(result.predicted_before)} → {quoted(result.predicted_after)}, {change} of the former"
    return f"Test row {row}. {result.outcome} The set has {size}; {change}. {own_word(result)}".rstrip()


def retrained(summary: VerificationSummary | None, n_tried: int = 0) -> str:
    """The result of a verification; of a trial if rows are tried."""
    if summary is None:
        return "Retrained, but the labels changed meanwhile. Verify again."
    flipped = flips(summary.n_flipped, summary.n_test)
    words = f"Retrained with {plural(summary.n_relabelled, 'changed label')}: {flipped}."
    trial = f"Trial of {plural(n_tried, 'label')}, nothing recorded. " if n_tried else ""
    return trial + words + accuracy_change(summary)


def running(job: Job) -> str:
    """What a job does."""
    return (
        f"Looking for the flip set of test row {job.row}…"
        if job.kind == "find"
        else "Retraining on the changed labels…"
    )


def tried(number: int) -> str:
    """The message after a trial has begun, changed or ended."""
    if not number:
        return "The trial has ended. Nothing of it was recorded."
    return f"Trial: {plural(number, 'label')} changed, nothing recorded. Verify to see what retraining makes of it."


_VERBS = {
    "relabel": "Relabelled",
    "keep": "Kept the label of",
    "unsure": "Marked as unsure:",
    "clear": "Cleared the decision on",
    "adjudicate": "Adjudicated",
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
    which = f"decision on {plural(number, 'training row')} ({isolated(what)})"
    return f"{verb}: {which}; {plural(total, 'label')} changed in all."


def written(noted: Mapping[str, Any] | None, path: str, *, every: bool) -> str:
    """The message after an export of corrected labels, or of all decisions, with the event that the file is true of."""
    noted = noted or {"count": 0, "as_of": 0}
    number = noted["count"]
    what = plural(number, "decision" if every else "corrected label")
    as_of = f", as of event {noted['as_of']}" if noted["as_of"] else ""
    wrote = f"Wrote {what} to {path}{as_of}."
    return f"{wrote} workbench.corrected_estimator() gives the model fitted on the corrected labels."


_PARTS = 10  # features that a line names
_BESIDE = 300  # characters of a row that is alike
_LINES = 5  # of reasons that the page has room for, beside the one on the effect
_PATIENCE = 1.0  # seconds that reasons wait for rows to be grouped, which happens once
_BY = "What each adds to the log-odds, by the model retrained without this row"


def checked(workbench: Any) -> str:
    """How many labels were found right or wrong."""
    number, wrong = workbench.n_checked, len(workbench.relabelled)
    return f"{number:,} checked, {wrong:,} wrong ({wrong / number:.1%})" if number else "None checked yet"


def suspected(label: Any, suggested: Any, score: float) -> str:
    """What is wrong with a label."""
    return f"Labelled {quoted(label)}, wrong with a probability of {score:.1%}. Suggested: {quoted(suggested)}."


def reasons(workbench: Any, found: Reasons) -> list[list[str]]:
    """Why a label may be wrong, in lines: about what, what there is of that, how it was found, and where it leads."""
    equal, lines = _equal_rows(workbench, found.row)
    pixels = isinstance(workbench.train_content(found.row), Image)  # which have no names
    for label, sign in () if pixels else ((found.suggested, -1.0), (found.label, 1.0)):
        told = found.features[found.features["contribution"] * sign > 0].head(_PARTS)
        parts = zip(told["feature"], told["contribution"].abs(), strict=True)
        named = ", ".join(f"{clip(word, 80)} {part:.2f}" for word, part in parts)
        lines.append([f"Speaks for {quoted(label)}: ", named or "nothing", _BY])
    nearest = found.nearest[~found.nearest["row"].isin(equal)]
    for line in nearest.head(_LINES - len(lines)).to_dict("records"):
        text = clip(workbench.train_text(int(line["row"])), _BESIDE)
        about = f"Alike ({line['similarity']:.2f}), labelled {quoted(line['label'])}: "
        lines.append([about, text, f"Training row {line['row']}: {text}", alike(line["row"])])
    effect = found.effect
    before, after = effect.log_loss_before, effect.log_loss_after
    if before is not None and after is not None:
        way = "falls" if after <= before else "rises"
        errors = plural(effect.n_became_right or 0, "test error")
        done = f"{errors} repaired, {effect.n_became_wrong} made; log-loss {way} by {abs(after - before):.5f}"
        lines.append(["Corrected alone and retrained: ", done, done])
    return lines


def _equal_rows(workbench: Any, row: int) -> tuple[IntArray, list[list[str]]]:
    """The other rows that say the same, or else nearly the same, if any is labelled otherwise, and a line on them."""
    labels = workbench.labels()
    for about, near in [("Equal rows: ", None), *[("Nearly equal rows: ", NEARLY)] * workbench.counts_words]:
        same = workbench.same_texts(row, near=near, patience=_PATIENCE)
        others = same[same != row]
        if (labels[others] != labels[row]).any():
            counted = Counter(labels[others].tolist()).most_common()
            named = ", ".join(f"{number:,} labelled {quoted(label)}" for label, number in counted)
            return others, [[about, named, "Click to see them all", alike(row, nearly=near is not None)]]
    return np.empty(0, dtype=np.int64), []


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
        event = str(line["details"]).partition(";")[0].rpartition(" ")[2]
        return f"{'Undid' if kind == 'undo' else 'Redid'} event {event}, the decision on {which}"
    if kind in ("relabel", "adjudicate"):
        verb = "Relabelled" if kind == "relabel" else "Adjudicated"
        old, new = (isolated(clip(line[end][0], 40)) if len(rows) == 1 else "" for end in ("from", "to"))
        return f"{verb} {which}: {old} → {new}" if len(rows) == 1 else f"{verb} {which}"
    if kind == "import":
        return f"Imported decisions on {which} {clip(line['details'], 300)}"
    return f"{'Kept the label of' if kind == 'keep' else 'Marked as unsure:'} {which}"

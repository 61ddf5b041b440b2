"""What is known of a test row and of a retraining, in sentences: facts from refits, and predictions marked as such."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ..evidence import Verification
from ..facts import own_word, plural, proba, probabilities, set_size, signed
from ..files.characters import quoted
from ..workbench.findings import Forecast
from ..workbench.summary import VerificationSummary

_SCORES = (("accuracy", "Accuracy", ".1%"), ("f1", "F1", ".3f"), ("auc", "AUC", ".3f"), ("log_loss", "Log-loss", ".4f"))


def of_test_row(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the list of test rows as the page shows it."""
    same = {name: line[name] for name in ("row", "text", "content", "label", "predicted")}
    return {
        **same,
        "proba": proba(line["proba"]),
        "margin": signed(line["margin"]),
        "size": of_size(line["flip_size"]),
        "verdict": _verdict(line),
    }


def of_size(size: int | None) -> dict[str, str]:
    """The size of a flip set: 0 if none was found, None if it was not looked for.

    What is read out has a unit: a bare number would be mistaken for the row's own.
    """
    if size is None:
        return {"shown": "·", "said": "not searched"}
    shown = set_size(size)
    return {"shown": shown, "said": plural(size, "row") if size else shown}


_WORTH = {"fact": ("⇄", "changed"), "better": ("▲", "now right"), "worse": ("▼", "now wrong")}


def _worth(line: Mapping[str, Any]) -> str:
    """What the flip of a row is worth: with several classes, one wrong class may take the place of another."""
    if line["label"] == line["before_predicted"]:
        return "worse"
    return "better" if line["label"] is not None and line["label"] == line["verified_predicted"] else "fact"


def _verdict(line: Mapping[str, Any]) -> dict[str, str]:
    if not line["flipped"]:
        return {"words": "–" if line["flipped"] is None else "same", "worth": "", "to": ""}
    worth, before = _worth(line), line["before_predicted"]
    start = "" if before == line["predicted"] else f"from {before} "  # which the line does not show
    return {"words": f"{_WORTH[worth][0]} flips", "worth": worth, "to": f"{start}to {line['verified_predicted']}"}


def of_flip(line: Mapping[str, Any]) -> dict[str, Any]:
    """A test row that a verification flipped."""
    worth, change = _worth(line), f"{proba(line['before_proba'])} → {proba(line['verified_proba'])}"
    words = " ".join(_WORTH[worth])
    return {"row": line["row"], "text": line["text"], "words": words, "worth": worth, "change": change}


def of_chosen_row(line: Mapping[str, Any], classes: list[str]) -> list[str]:
    """The predicted class, the true label, the probability and the margin of a test row."""
    predicted, label, own = line["predicted"], line["label"], line["own_proba"]
    several = len(classes) > 2
    truth = "unknown" if label is None else label if label == predicted else f"{label} (misclassified)"
    of = predicted if several else classes[1]
    yours = "" if own is None else f", your estimator {proba(own)}"
    over = f" over the rival {quoted(line['rival'])}" if several else ""
    return [predicted, truth, f"{proba(line['proba'])} for {quoted(of)}{yours}", f"{signed(line['margin'])}{over}"]


def of_share(part: float, whole: str) -> str:
    """A part of a whole; how much more than ten times as much it is says nothing."""
    return f"{'>999%' if part > 9.99 else format(part, '.1%')} of the {whole}"


def _smallness(found: Any) -> str:
    """What is proven about the size of a set."""
    if found.optimal:
        return "No smaller set exists." if found.size == 1 else "No smaller set can flip it."
    if found.lower_bound <= 1:
        return "No smaller set was found; one may exist."
    return f"No set of fewer than {found.lower_bound:,} rows can flip it."


def of_flip_set(found: Any, *, several: bool) -> tuple[str, str]:
    """How sure a flip set is (``fact``, ``guess`` or ``open``), and what is known of it."""
    if not found.found:
        return "open", str(found.outcome)
    rows, own = plural(int(found.size), "training row"), own_word(found)
    if not found.verified and own:
        return "open", f"Set of {rows}. {found.outcome} {own}"
    if not found.verified or math.isnan(found.proba_after):
        return "guess", f"Relabelling {rows} is predicted to flip it. {found.outcome}"
    change = f"probability {' → '.join(probabilities(found.proba_before, found.proba_after))}."
    to = f" to {quoted(found.predicted_after)}" if several and found.predicted_after is not None else ""
    known = " ".join(filter(None, (change, own, _smallness(found))))
    return "fact", f"Relabelling {rows} flips the prediction{to} after retraining: {known}"


def of_forecast(found: Forecast, before: float) -> str:
    """What changed labels do to a row whose probability is ``before``, to first order."""
    return (
        f"Not retrained yet. With {plural(found.n_relabelled, 'changed label')}: probability {proba(before)} → about "
        f"{proba(found.proba)}, so probably {quoted(found.predicted)}. Verify to confirm."
    )


def of_retrained_row(line: Mapping[str, Any], done: Verification | None) -> str:
    """What a retraining made of a line of the test rows; empty where that is not known."""
    after, predicted = line["verified_proba"], line["verified_predicted"]
    if done is None or after is None or predicted is None:
        return ""
    own = done.how != "minimiser"
    before = line["own_proba"] if own and line["own_proba"] is not None else line["proba"]
    who = f"Your {done.how} retrained" if own else "Retrained"
    return (
        f"{who} with {plural(len(done.rows), 'changed label')}: this row "
        f"{'flips to' if line['flipped'] else 'stays'} {quoted(predicted)}, "
        f"probability {' → '.join(probabilities(before, after))}."
    )


def of_retraining(summary: VerificationSummary) -> dict[str, Any]:
    """How many test rows a retraining flipped, and where the scores went."""
    right, wrong, luck = summary.n_became_right, summary.n_became_wrong, summary.p_value
    verb = "changes" if 1 in (summary.n_flipped, summary.n_test) else "change"
    split = "" if right is None or wrong is None else f": {right:,} now right, {wrong:,} now wrong"
    words = f"{summary.n_flipped:,} of {plural(summary.n_test, 'test row')} {verb} class{split}."
    if luck is not None and luck != 1:
        p = "< 0.001" if luck < 0.001 else f"= {proba(luck)}"
        words += f" {'Hardly' if luck < 0.05 else 'Possibly'} by chance (p {p})."
    return {"words": words, "scores": list(_scores(summary))}


def _scores(summary: VerificationSummary) -> Iterator[dict[str, str]]:
    for name, label, digits in _SCORES:
        before, after = (getattr(summary, f"{name}_{when}") for when in ("before", "after"))
        if before is None or after is None:
            continue
        cells = {"before": format(before, digits), "after": format(after, digits)}
        same = cells["before"] == cells["after"]
        sign, worth = ("=", "") if same else trend(before, after, falls=name == "log_loss")
        yield {"label": label, **cells, "worth": worth, "trend": f"{sign} {worth or 'unchanged'}"}


def trend(before: float, after: float, *, falls: bool) -> tuple[str, str]:
    """Where a score went, and whether that is ``better`` or ``worse``; it ``falls`` as it gets better, or rises."""
    if after == before:
        return "=", ""
    rose = after > before
    return "↑" if rose else "↓", "worse" if rose == falls else "better"

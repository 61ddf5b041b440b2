"""Facts phrased for people, each in one place; used by the page, report, snapshot, charts and history."""

from __future__ import annotations

import math
from typing import Any

UNKNOWN = "–"


def clip(text: Any, length: int) -> str:
    """At most ``length`` characters, ending in an ellipsis if cut."""
    words = str(text)
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"


def on_one_line(text: str) -> str:
    """Line breaks and runs of spaces as one space each: names that people gave may hold them."""
    return " ".join(text.split())


def plural(number: int, one: str, many: str = "") -> str:
    """``1 row``, ``2 rows``, ``1,000 rows``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def signed(value: float) -> str:
    """A number with its sign, in two or three digits: ``+0.512``, ``−12.3``, ``+1.2e−4``, ``0``."""
    if not value:
        return "0"
    size = abs(value)
    digits = f"{size:.{3 if size < 1 else 2 if size < 10 else 1}f}"
    if size < 0.001 or 1e6 <= size < math.inf:
        front, power = f"{size:.1e}".split("e")
        digits = f"{front}e{int(power)}".replace("-", "−")
    return f"{'−' if value < 0 else '+'}{digits}"


REFITTED = {
    "minimiser": "the model at its exact minimum",
    "estimator": "your own estimator",
    "pipeline": "your whole pipeline",
}
"""What a refit was of, by `How`."""


def set_size(size: int) -> str:
    """The size of a test row's flip set: -1 if it was not searched for, 0 if none was found."""
    return UNKNOWN if size < 0 else "none" if size == 0 else f"{size:,}"


def judged_on(n_known: int, n_test: int) -> str:
    """The rows that a score is of: all test rows, or those whose true label is known."""
    return "test rows" if n_known == n_test else f"the {n_known:,} of {n_test:,} test rows with a known label"


def probability_of(classes: Any) -> str:
    """What probabilities of test rows are of."""
    return f"Probability of {classes[1]}" if len(classes) == 2 else "Probability of the predicted class"


def proba(value: float) -> str:
    """Three decimals; what is not certain never rounds to certainty."""
    if 0 < value < 0.001:
        return "<0.001"
    return ">0.999" if 0.999 < value < 1 else f"{value:.3f}"


def probabilities(before: float, after: float) -> tuple[str, str]:
    """A probability before and after, up to eight decimals of each where two different ones would look the same."""
    shown = proba(before), proba(after)
    for decimals in range(4, 9):
        if shown[0] != shown[1] or before == after:
            break
        shown = f"{before:.{decimals}f}", f"{after:.{decimals}f}"
    return shown


def influence_on(classes: Any, predicted: Any, rival: Any) -> str:
    """What influences on a test row are changes of, to first order."""
    moved = f"log-odds of {classes[1]}" if len(classes) == 2 else f"margin of {predicted} over {rival}"
    given = "relabelling that row alone" if len(classes) == 2 else "giving that row alone the suggested label"
    return f"First-order change of the {moved} by {given}; a prediction."


def own_word(flip_set: Any) -> str:
    """What the user's own estimator, refitted, says of a flip set; nothing where it was not asked."""
    if math.isnan(flip_set.own_proba_after):
        return ""
    change = f"probability {' → '.join(probabilities(flip_set.own_proba_before, flip_set.own_proba_after))}"
    if flip_set.verified:
        return f"Confirmed by refitting your {flip_set.confirmed_by}: {change}."
    return f"Your own model, refitted: {change}."


def flips(n_flipped: int, n_test: int) -> str:
    """How many test predictions flipped on retraining."""
    return f"{n_flipped:,} of {plural(n_test, 'prediction')} flipped"


def flips_by(n_flipped: int, n_test: int, n_relabelled: int) -> str:
    """`flips`, with the number of relabels it was retrained on."""
    return f"{flips(n_flipped, n_test)} by {plural(n_relabelled, 'relabel')}"


def share_change(before: float | None, after: float | None) -> tuple[str, str]:
    """A share before and after, such as an accuracy."""
    return f"{before:.2%}", f"{after:.2%}"


def accuracy_change(summary: Any) -> str:
    """A sentence on the accuracy before and after a retraining, with a space before it; empty without true labels."""
    if summary.accuracy_before is None:
        return ""
    partly = f" on {judged_on(summary.n_known, summary.n_test)}:" if summary.n_known < summary.n_test else ""
    return f" Accuracy{partly} {' → '.join(share_change(summary.accuracy_before, summary.accuracy_after))}."


def score_change(before: float | None, after: float | None) -> tuple[str, str]:
    """A score before and after: log-loss, F1, AUC."""
    return f"{before:.4f}", f"{after:.4f}"

"""Every way in which the search for a flip set may end, each with its sentence."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How a search ended. The value is the sentence that people read; it is also a plain string."""

    FOUND = "Found: a refit on the edited labels flips the prediction."
    PREDICTED = "Found to first order only: no refit was made, so the flip is a prediction."
    NOT_PREDICTED = "Not found: no prefix of the first-order ranking is predicted to flip."
    BUDGET = "Not found within budget: no set tried so far flips the prediction, which does not prove that none exists."
    BUDGET_FOUND = "Found, then out of budget: the set flips on a refit, but a smaller one was still being looked for."
    EXHAUSTED = "Not found: no set tried flips the prediction, which does not prove that none exists."
    ALREADY = "Nothing to flip: the target class is predicted already."
    CANNOT_FLIP = "Cannot flip: the prediction is the same whatever the labels of the candidate rows are."

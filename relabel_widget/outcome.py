"""Every way a search for a flip set or a repair can end, each with its sentence."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How a search ended. The value is the sentence shown to people; it is also a plain string."""

    FOUND = "Found: a refit confirms that this set flips the prediction."
    PREDICTED = "Found to first order only: the flip is predicted, not confirmed by a refit."
    NOT_PREDICTED = "Not found: no prefix of the first-order ranking is predicted to flip."
    BUDGET = "Not found within budget: no set tried so far flips the prediction, which does not prove that none exists."
    BUDGET_FOUND = "Found, then out of budget: the set flips on a refit; the search for a smaller one was cut short."
    EXHAUSTED = "Not found: no set tried flips the prediction, which does not prove that none exists."
    ALREADY = "Nothing to flip: the target class is predicted already."
    CANNOT_FLIP = "Cannot flip: the prediction is the same whatever the labels of the candidate rows are."
    REPAIRED = "Repaired: a refit confirms that all that was wanted holds."
    REPAIRED_BUDGET = "Repaired, then out of budget: all that was wanted holds after a refit; a smaller set may exist."
    REPAIRED_IN_PART = "Repaired in part: some of what was wanted could not be had; the rest holds after a refit."
    NOT_REPAIRED = "Not repaired: nothing of what was wanted could be had."
    NOTHING_TO_REPAIR = "Nothing to repair: all that was wanted holds already."
    UNCONFIRMED = "Not confirmed: the set flips at the model's minimum, but your own estimator could not be refitted."
    CONTRADICTED = "Not confirmed: the set flips at the model's minimum, but not in a refit of your own estimator."

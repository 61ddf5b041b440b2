"""What a search hands back, and what it may spend."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import AnyArray, IntArray
from ..arguments import shown
from ..facts import REFITTED, clip, on_one_line, plural, probabilities
from ..files.cards import card, several
from ..fits import How
from ..outcome import Outcome
from ..problem import Edit


@dataclass(frozen=True, eq=False)
class FlipSet:
    """Training rows whose edit flips one prediction.

    Attributes
    ----------
    rows
        Training rows, most influential first (rows a few per cent apart may trade places), int64, shape (size,).
    labels
        The new label of each of those rows, shape (size,); for removals, the label the row was left out with.
    found
        Whether there is a set.
    verified
        True only after a refit on the edited labels flipped the prediction, and no refit of the user's own estimator
        contradicted it.
    proba_before, proba_after
        Probability of ``classes[1]`` at the minimiser, before, and after the refit (NaN if no refit was made); with
        several classes, of the class that was predicted before.
    proba_class
        The class that these are probabilities of.
    lower_bound
        No set of fewer rows can flip the query at the minimiser of the given features, proven; at least 1.
    outcome
        How the search ended, one of `Outcome`: a sentence, and a string.
    edit
        ``"relabel"`` or ``"remove"``.
    method
        ``"verified"`` or ``"first-order"``.
    refits
        Number of refits that the search made.
    confirmed_by
        The strongest refit that confirmed the set: ``"minimiser"`` of the objective at the given features,
        ``"estimator"`` as the user fits it, or the whole ``"pipeline"``, whose steps may look at labels; None if no
        refit did. The latter two are asked where they could contradict the first.
    margin_after
        Log-odds by which the class predicted after the refit leads the one predicted before; NaN without a refit.
    own_proba_before, own_proba_after
        The same probabilities by the user's own estimator, where it was asked; NaN elsewhere.
    predicted_before, predicted_after
        The predicted class before, and after the refit (None if no refit was made).
    """

    rows: IntArray
    labels: AnyArray
    found: bool
    verified: bool
    proba_before: float
    proba_after: float
    lower_bound: int
    outcome: Outcome
    edit: Edit
    method: str
    refits: int
    confirmed_by: How | None = None
    margin_after: float = np.nan
    own_proba_before: float = np.nan
    own_proba_after: float = np.nan
    predicted_before: Any = None
    predicted_after: Any = None
    proba_class: Any = None

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def optimal(self) -> bool:
        """Whether the size equals the lower bound of a verified set: then no smaller set exists."""
        return self.verified and self.size == self.lower_bound

    def __repr__(self) -> str:
        change = " -> ".join(probabilities(self.proba_before, self.proba_after))
        return (
            f"FlipSet(size={self.size}, verified={self.verified}, lower_bound={self.lower_bound}, "
            f"P({self._named()}) {change}, rows={self.rows.tolist()[:8]}"
            f"{'...' if self.size > 8 else ''}: {self.outcome})"
        )

    def _repr_html_(self) -> str:
        smallest = "no smaller set exists" if self.optimal else "a smaller set may exist"
        facts = {"Outcome": str(self.outcome)}
        if self.found:
            facts["Size"] = f"{plural(self.size, 'training row')}; lower bound {self.lower_bound:,}: {smallest}"
            facts["Rows"] = several(self.rows.tolist())
            facts["New labels" if self.edit == "relabel" else "Labels of the removed rows"] = several(self.labels)
            if self.verified:
                facts["Prediction"] = f"{clip(self.predicted_before, 60)} → {clip(self.predicted_after, 60)}"
            facts[f"Probability of {self._named()}"] = " → ".join(probabilities(self.proba_before, self.proba_after))
            facts["Confirmed by a refit"] = (
                f"yes, of {REFITTED[self.confirmed_by]}" if self.verified and self.confirmed_by else "no"
            )
        return card("FlipSet", facts.items())

    def _named(self) -> str:
        return on_one_line(clip(self.proba_class, 60))


@dataclass(frozen=True)
class Budget:
    """What one search may spend: refits, seconds of wall-clock time, or both; None is no limit."""

    refits: int | None = None
    seconds: float | None = None


def as_budget(budget: Any, *, who: str) -> Budget:
    """A budget from what callers pass: None, a number of refits (int), seconds (float) or a `Budget`.

    Raises
    ------
    ValueError
        If it is something else, or negative.
    """
    if budget is None:
        return Budget()
    if isinstance(budget, numbers.Integral) and not isinstance(budget, bool):
        budget = Budget(refits=int(budget))
    elif isinstance(budget, numbers.Real) and not isinstance(budget, bool):
        budget = Budget(seconds=float(budget))
    if isinstance(budget, Budget) and all(limit is None or limit >= 0 for limit in (budget.refits, budget.seconds)):
        return budget
    raise ValueError(
        f"{who}: expected budget as a whole number of refits, a float of seconds or a Budget, none negative, "
        f"got {budget!r}."
    )


def check_flip_sets(flip_sets: Any, *, who: str) -> None:
    """Refuse what is not a list of flip sets.

    Raises
    ------
    TypeError
        If it is not a sequence of `FlipSet`.
    """
    if not isinstance(flip_sets, Sequence) or not all(isinstance(each, FlipSet) for each in flip_sets):
        raise TypeError(
            f"{who}: expected flip_sets as a list of FlipSet, as find_flip_sets returns, got {shown(flip_sets)}."
        )

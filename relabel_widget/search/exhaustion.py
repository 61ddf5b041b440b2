"""The end of a search: every smaller set is tried, size by size, where that is cheap.

What no refit flips is proven by exhaustion, and what the search missed is found. A size is tried whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..bound import SLACK, SmallProblem, sets_of, small_refit_operations
from ..question import Question
from .forecasts import best_rows
from .refit import Refit
from .refits import BudgetSpent, Refits
from .settings import LESS

# The budget of one query, in the measure of `small_refit_operations`: all 2^14 sets of 14 rows with 6 features and an
# intercept, about a fifth of a second. Within it are sets of up to three rows of 30 x 5, of two of 60 x 10, of one of
# 300 x 10; beyond it is one row of 400 x 30.
MOST_OPERATIONS = 2.2e9
# What one refit of a search takes, in the same measure: calls, and some products with all rows.
_REFIT, _REFIT_EACH_VALUE = 1e7, 300


@dataclass(frozen=True, eq=False)
class Ending:
    """What is known when a search ends.

    ``best`` is the cheapest set whose flip a refit confirmed, None if there is none, and ``margin`` that of the refit.
    No set of fewer than ``lower_bound`` rows flips. ``out_of_budget`` says whether the budget ended the search,
    ``nothing`` that every set was tried and none flips.
    """

    best: Refit | None
    margin: float
    out_of_budget: bool
    lower_bound: int = 1
    nothing: bool = False


def exhausted(refits: Refits, end: Ending) -> Ending:
    """Try all sets that could be better than the best, or whose failure would raise the bound, while that is cheap.

    Sets are tried in order of size as long as `MOST_OPERATIONS` lasts; single rows also where that takes no longer than
    the search did. Refits and seconds are the search's budget: a size is begun only if its sets, and a confirming
    refit, fit into the refits that are left. Deterministic.
    """
    question = refits.context.question
    n_rows = len(question.candidates)
    each = small_refit_operations(question.fit.problem)
    work = 0.0
    small = None
    for size in range(1, n_rows + 1):
        if _done(question, end, size):
            return end
        count = comb(n_rows, size)
        work += count * each
        if work > _affordable(size, refits) or count >= refits.spending.left:
            return end
        if small is None:
            small = SmallProblem.of(question)
            ranked = best_rows(refits.base, n_rows)
        end = _tried(small, ranked, size, refits, end)
        if end.out_of_budget:
            return end
    return replace(end, nothing=end.lower_bound > n_rows)


def _affordable(size: int, refits: Refits) -> float:
    n_stored = refits.context.question.fit.problem.design.n_stored
    searched = refits.spending.refits * (_REFIT + _REFIT_EACH_VALUE * n_stored)
    return max(MOST_OPERATIONS, searched) if size == 1 else MOST_OPERATIONS


def _done(question: Question, end: Ending, size: int) -> bool:
    """Whether sets of so many rows neither improve on the best nor raise the bound."""
    if end.best is None:
        return False
    if question.costs is None:
        return size >= len(end.best.rows)
    cheapest = float(np.sort(question.costs[question.candidates])[:size].sum())
    # a smaller size was left unproven: the bound cannot rise any more
    return end.lower_bound < size and cheapest >= question.cost(end.best.rows) - LESS


def _tried(small: SmallProblem, rows: IntArray, size: int, refits: Refits, end: Ending) -> Ending:
    """What is known after all sets of one size, or as soon as one flips where all cost the same, or the budget ends."""
    question = refits.context.question
    rising = end.lower_bound == size  # so far every set of this size, and every smaller one, is proven not to flip
    for group in sets_of(rows, size, small.group_size):
        sets = group if rising else group[_better(question, group, end.best)]
        try:
            refits.spending.spend(refits.context.monitor, len(sets))
            margins, doubts = small.margins(sets)
            least = margins - doubts
            rising = rising and bool((least > SLACK).all())
            may_flip = least < -SLACK
            end = _confirmed(sets[may_flip], margins[may_flip], refits, end)
        except BudgetSpent:
            return replace(end, out_of_budget=True)
        if question.costs is None and end.best is not None and len(end.best.rows) == size:
            return end
    return replace(end, lower_bound=size + 1) if rising else end


def _confirmed(sets: IntArray, margins: FloatArray, refits: Refits, end: Ending) -> Ending:
    """What is known after the refit that confirms a set, the cheapest first and then the surest, until one flips."""
    question = refits.context.question
    of_sets = np.zeros(len(sets)) if question.costs is None else question.costs[sets].sum(axis=1)
    for place in np.lexsort((margins, of_sets)):
        if not _better(question, sets[place : place + 1], end.best).all():
            break
        refit = refits.at(sets[place], refits.base)
        margin = refits.confirmed_margin(refit)
        if margin < -SLACK:
            return replace(end, best=refit, margin=margin)
    return end


def _better(question: Question, sets: IntArray, best: Refit | None) -> BoolArray:
    """Which of the sets (m, size) would be better than the best; (m,)."""
    if best is None:
        return np.ones(len(sets), dtype=bool)
    if question.costs is None:
        return np.full(len(sets), sets.shape[1] < len(best.rows))
    return np.asarray(question.costs[sets].sum(axis=1) < question.cost(best.rows) - LESS)

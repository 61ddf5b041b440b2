"""What is forecast at a refit: which rows rank first, how many it takes, the margin of sets that are near.

A forecast adds up effects of rows. It ranks what is refitted next, and says which sets are not worth a refit.
"""

from __future__ import annotations

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from .ranking import largest
from .refit import Refit, contained


def best_rows(refit: Refit, size: int) -> IntArray:
    """The ``size`` candidates of most worth, edited at the refit or not, best first."""
    question = refit.context.question
    rows = refit.shortlist.rows
    effects = refit.shortlist.effects
    if len(rows) < min(size, len(refit.candidates)):
        rows = refit.candidates
        effects = refit.effects(rows)
    return rows[largest(question.worth(effects, rows), size)]


def best_outsiders(refit: Refit, count: int) -> IntArray:
    """The candidates outside the set that gain most (per cost), best first.

    By gain, which ranks all rows alike: those that are not on the shortlist have no effect of their own.
    """
    worth = refit.context.question.worth(refit.gains[refit.candidates], refit.candidates)
    rows = refit.candidates[largest(worth, count + len(refit.rows))]
    return rows[~refit.has(rows)][:count]


def weakest_members(refit: Refit) -> IntArray:
    """The rows of the set, those that are worth least first."""
    worth = refit.context.question.worth(refit.effects(refit.rows), refit.rows)
    return refit.rows[np.argsort(worth, kind="stable")]


def size_needed(refit: Refit) -> int:
    """How many rows of most worth it takes to flip; all that help if they are not enough."""
    question = refit.context.question
    wanted = refit.margin + float(refit.effects(refit.rows).sum())  # the forecast margin with no row edited
    for among in (refit.shortlist.rows, refit.candidates):
        effects = refit.effects(among)
        order = np.argsort(-question.worth(effects, among), kind="stable")
        total = np.cumsum(np.maximum(effects[order], 0.0))
        if len(total) and total[-1] > wanted:
            return int(np.searchsorted(total, wanted)) + 1
    return max(1, n_helpful(refit))


def n_helpful(refit: Refit) -> int:
    """The number of candidates whose edit moves the margin towards a flip."""
    return int(np.count_nonzero(refit.gains[refit.candidates] > 0))


def forecast(refit: Refit, rows: IntArray) -> float:
    """The margin to expect of another set of rows."""
    rows = np.sort(rows)
    added = rows[~refit.has(rows)]
    taken = refit.rows[~contained(refit.rows, rows)]
    return refit.margin - float(refit.effects(added).sum()) + float(refit.effects(taken).sum())


def forecast_without(refit: Refit, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    """Of each row of the set, the margin to expect without it, and how far off that may be; both (len(rows),)."""
    effects = refit.effects(rows)
    own = np.abs(effects - refit.gains[rows])
    interaction = refit.context.settings.accuracy.interaction * np.abs(effects)
    return refit.margin + effects, own + interaction + refit.doubt


def surely_stands_without(refit: Refit, rows: IntArray) -> BoolArray:
    """Whether the prediction is forecast to stand, by more than the doubt, if each row alone is left out."""
    margins, doubts = forecast_without(refit, rows)
    return (margins > doubts) & (not refit.context.settings.exact)


def too_far(refit: Refit, size: int) -> bool:
    """Whether the best set of a size is forecast too far from a flip to be worth a refit.

    Never with costs: there a set of any size may be the cheapest.
    """
    settings = refit.context.settings
    if refit.context.question.costs is not None or settings.exact:
        return False
    hope = settings.effort.hope_of_swaps if size == len(refit.rows) else settings.effort.hope
    return forecast(refit, best_rows(refit, size)) > hope * mean_effect(refit)


def mean_effect(refit: Refit) -> float:
    """The mean size of the effects of the edited rows."""
    return float(np.abs(refit.effects(refit.rows)).mean())


def forecast_swaps(refit: Refit, out: IntArray, into: IntArray) -> FloatArray:
    """The margin to expect with row ``out[i]`` taken back and ``into[j]`` edited instead, (len(out), len(into))."""
    return refit.margin + refit.effects(out)[:, None] - refit.effects(into)

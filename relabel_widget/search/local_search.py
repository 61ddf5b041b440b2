"""The local search: bracket the size, then drop and swap rows, until no neighbouring set is better.

Each decision is a refit's. Forecasts choose what is refitted; what they put beyond doubt is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from .._typing import FloatArray, IntArray
from ..question import Question
from .forecasts import (
    best_outsiders,
    best_rows,
    forecast,
    forecast_coupled_swaps,
    forecast_swaps,
    n_helpful,
    size_needed,
    weakest_members,
)
from .refit import Refit
from .refits import BudgetSpent, Refits
from .settings import Settings

_CLOSER = 1e-9  # log-odds, and cost: less is rounding, and a climb might go round in circles
_FARTHEST_SWAP = 0.1  # of a row's mean effect: how much worse than now a swap may be forecast and be worth a refit


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The best flipping refit, if any, and whether the budget ended the search."""

    best: Refit | None
    out_of_budget: bool


def search(refits: Refits, first_order: Callable[[int | None], IntArray | None]) -> SearchResult:
    """Find a small flipping set; deterministic. Each refit costs a Newton step or two from a nearby refit.

    Where rows have costs, the cheapest set is the aim instead of the smallest. ``first_order`` gives the set of the
    paper's algorithm, None if it has more than so many rows: where it flips, the result is not larger.
    """
    incumbent = Incumbent(refits.context.question, refits.context.settings)
    try:
        _bracket(refits, incumbent)
        rows = first_order(incumbent.largest_better)
        if rows is not None and incumbent.would_improve(rows) and refits.context.question.feasible(rows):
            incumbent.offer(refits.at(rows, refits.base))
        if incumbent.closest is not None:
            _climb(refits, incumbent, incumbent.closest)
        while incumbent.best is not None and _shrink(refits, incumbent, incumbent.best):
            pass
    except BudgetSpent:
        return SearchResult(incumbent.best, out_of_budget=True)
    return SearchResult(incumbent.best, out_of_budget=False)


class Incumbent:
    """The cheapest flipping refit so far, kept where an exhausted budget cannot lose it."""

    def __init__(self, question: Question, settings: Settings) -> None:
        self.best: Refit | None = None
        self.closest: Refit | None = None  # of those that were offered, as long as none flips
        self._question = question
        self._settings = settings

    @property
    def largest_better(self) -> int | None:
        """The most rows of a set that would improve on the best, if its size tells."""
        return None if self.best is None or self._question.costs is not None else len(self.best.rows) - 1

    def would_improve(self, rows: IntArray) -> bool:
        """Whether the set, if it flips, is cheaper than the best."""
        return self.best is None or self._question.cost(rows) < self._question.cost(self.best.rows) - _CLOSER

    def offer(self, refit: Refit) -> bool:
        """Take the refit if it is the best so far; whether it is."""
        better = refit.flips and self.would_improve(refit.rows)
        if better:
            self.best, self.closest = refit, None
        elif self.best is None and (self.closest is None or refit.margin < self.closest.margin):
            self.closest = refit
        return better

    def hopeless(self, refit: Refit, size: int) -> bool:
        """Whether the best set of a size stands, by a forecast from a near refit, too far for more refits to help.

        Not for costs: there a set of any size may be the cheapest.
        """
        if self._question.costs is not None or self._settings.accuracy.exact:
            return False
        effort = self._settings.effort
        hope = effort.hope_of_swaps if size == len(refit.rows) else effort.hope
        return forecast(refit, best_rows(refit, size)) > hope * _mean_effect(refit)


def _mean_effect(refit: Refit) -> float:
    """Of the rows of the set, without signs."""
    return float(np.abs(refit.effects(refit.rows)).mean())


def _bracket(refits: Refits, incumbent: Incumbent) -> None:
    """Narrow the size between the largest that does not flip and the smallest that does."""
    start, low, stride = refits.base, 0, 1
    size = size_needed(start)
    while incumbent.best is None or len(incumbent.best.rows) - low > 1:
        if incumbent.best is not None:
            if incumbent.hopeless(incumbent.best, len(incumbent.best.rows) - 1):
                return
            size = min(size, len(incumbent.best.rows) - 1)
        size = max(size, low + 1)
        refit = _settle(refits, incumbent, size, start)
        if refit is None:
            low = size
        else:
            start, size = refit, size_needed(refit)
            if incumbent.offer(refit):
                continue
            low = max(low + 1, len(refit.rows))
        size, stride = max(size, low + stride), 2 * stride  # a ranking that promises too much must not crawl
        if incumbent.best is None and (refit is None or low >= n_helpful(refit)):
            _widen(refits, incumbent, start)
            if incumbent.best is None:
                return
            start = incumbent.best


def _settle(refits: Refits, incumbent: Incumbent, size: int, start: Refit) -> Refit | None:
    """Refit the ``size`` rows that rank first, and again those that rank first then, until it flips or they repeat."""
    best, seen = None, set()
    for _ in range(refits.context.settings.limits.rerankings):
        if best is not None and incumbent.hopeless(start, size):
            break
        rows = _best_feasible(start, size)
        if rows is None or rows.tobytes() in seen:
            break
        seen.add(rows.tobytes())
        start = refits.at(rows, start)
        if best is None or start.margin < best.margin:
            best = start
        if start.flips:
            break
    return best


def _best_feasible(refit: Refit, size: int) -> IntArray | None:
    """The ``size`` rows that rank first at a refit, sorted by number.

    Where they would leave one class only, the last of the other gives way to the row that ranks next, if that helps.
    """
    question, spared = refit.context.question, list[int]()
    ranked = best_rows(refit, size)
    while len(lost := question.last_of_their_class(ranked)):
        spared.append(int(lost[-1]))
        others = best_rows(refit, size + len(spared))
        others = others[~np.isin(others, spared)]
        kept, instead = np.split(others, [size - len(spared)])
        ranked = np.append(kept, instead[refit.effects(instead) > 0])
    return np.sort(ranked) if len(ranked) else None


def _widen(refits: Refits, incumbent: Incumbent, refit: Refit) -> None:
    """Edit every row that helps where the last refit stands, again and again; then one more, last all candidates.

    One more, because to relabel all of one class takes one of the other, which does not help.
    """
    seen = {refit.rows.tobytes()}
    for _ in range(refits.context.settings.limits.widenings):
        rows = _best_feasible(refit, n_helpful(refit))
        if rows is None or rows.tobytes() in seen:
            break
        seen.add(rows.tobytes())
        refit = refits.at(rows, refit)
        if incumbent.offer(refit):
            return
    for size in (n_helpful(refit) + 1, len(refits.context.question.candidates)):
        rows = _best_feasible(refit, size)
        if rows is not None and incumbent.offer(refits.at(rows, refit)):
            return


def _shrink(refits: Refits, incumbent: Incumbent, best: Refit) -> bool:
    """Look for a cheaper flipping set: leave each row out in turn, and climb by swaps from there.

    The row worth least goes first, and its climb before the other rows: it succeeds most often.
    """
    question, effort = refits.context.question, refits.context.settings.effort
    if len(best.rows) == 1 and question.costs is None:
        return False
    weakest = weakest_members(best)
    stands, hopeless = refits.stands_without(best, weakest), incumbent.hopeless(best, len(best.rows) - 1)
    fewer = best.rows[best.rows != weakest[0]]
    if question.feasible(fewer) and not (hopeless and stands[0]):
        trial = refits.at(fewer, best)
        if incumbent.offer(trial) or (not hopeless and _climb(refits, incumbent, trial)):
            return True
    starts = effort.starts if len(best.rows) <= effort.small and not hopeless else 0
    others = []
    for row in weakest[1:] if starts else weakest[1:][~stands[1:]]:
        fewer = best.rows[best.rows != row]
        if not question.feasible(fewer):
            continue
        trial = refits.at(fewer, best)
        if incumbent.offer(trial):
            return True
        if starts:  # a refit holds the log-odds of all rows
            others.append(trial)
    others.sort(key=lambda trial: trial.margin)
    return any(_climb(refits, incumbent, trial) for trial in others[:starts])


def _climb(refits: Refits, incumbent: Incumbent, trial: Refit) -> bool:
    """Swap as long as a refit comes closer to a flip; whether one flips."""
    settings = refits.context.settings
    for _ in range(settings.limits.climbs):
        if incumbent.offer(trial):
            return True
        if incumbent.hopeless(trial, len(trial.rows)):
            return False
        swaps = islice(_swaps(refits, incumbent, trial), settings.effort.swaps)
        closer = (refits.at(rows, trial) for rows in swaps)
        improved = next((refit for refit in closer if refit.margin < trial.margin - _CLOSER), None)
        if improved is None:
            return False
        trial = improved
    return incumbent.offer(trial)


def _swaps(refits: Refits, incumbent: Incumbent, refit: Refit) -> Iterator[IntArray]:
    """Sets that differ by one row (with costs: or have one row more) and would improve, best forecast first."""
    question, effort = refits.context.question, refits.context.settings.effort
    into, out = best_outsiders(refit, effort.pool), weakest_members(refit)[: effort.pool]
    most = np.inf
    if effort.pairwise and len(out):
        margins = forecast_coupled_swaps(refit, out, into)
        most = refit.margin + _FARTHEST_SWAP * _mean_effect(refit)
    else:
        margins = forecast_swaps(refit, out, into)
    leaving = [refit.rows[refit.rows != row] for row in out]
    if question.costs is not None:
        leaving.append(refit.rows)
        margins = np.vstack([margins, refit.margin - refit.effects(into)])
    for i, j in _in_order(margins, most):
        rows = np.append(leaving[i], into[j])
        if incumbent.would_improve(rows) and question.feasible(rows):
            yield rows


def _in_order(margins: FloatArray, most: float) -> Iterator[tuple[int, int]]:
    """The places of a table (m, k) by their values, ascending, as far as ``most``."""
    order = np.argsort(margins, axis=None, kind="stable")
    for i, j in zip(*np.unravel_index(order, margins.shape), strict=True):
        if margins[i, j] > most:
            return
        yield int(i), int(j)

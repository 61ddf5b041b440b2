"""The local search: bracket the size, then drop and swap rows, until no neighbouring set is better.

A flip is only ever claimed after a refit. Forecasts choose what is refitted next, and say which directions to give up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from .._typing import FloatArray, IntArray
from .first_order import first_order_set
from .forecasts import (
    best_outsiders,
    best_rows,
    forecast_swaps,
    mean_effect,
    n_helpful,
    size_needed,
    surely_stands_without,
    too_far,
    weakest_members,
)
from .refit import Refit
from .refits import BudgetSpent, Refits
from .responses import forecast_coupled_swaps
from .settings import LESS


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The best flipping refit, if any, and whether the budget ended the search."""

    best: Refit | None
    out_of_budget: bool


class LocalSearch:
    """Find a small flipping set, or a cheap one where the question has costs.

    Deterministic, but for a budget in seconds. Each refit costs a Newton step or two from a nearby refit. Only sets of
    a cost below ``below`` are looked for.
    """

    def __init__(self, refits: Refits, below: float = np.inf) -> None:
        self._below = below
        self.best: Refit | None = None  # the cheapest flip so far: an exhausted budget cannot lose it
        self.closest: Refit | None = None  # of those that were offered, as long as none flips
        self._refits = refits
        self._question = refits.context.question
        self._effort = refits.context.settings.effort
        self._limits = refits.context.settings.limits

    def run(self) -> SearchResult:
        """The whole search. Where the set of the paper's algorithm, by this ranking, flips, the result is no larger."""
        try:
            self._bracket()
            self._try_first_order()
            if self.closest is not None:
                self._climb(self.closest)
            while self.best is not None and self._shrink(self.best):
                pass
        except BudgetSpent:
            return SearchResult(self.best, out_of_budget=True)
        return SearchResult(self.best, out_of_budget=False)

    # The incumbent

    def _improves(self, rows: IntArray) -> bool:
        """Whether the set, if it flips, is cheaper than the best."""
        least = self._below if self.best is None else self._question.cost(self.best.rows)
        return self._question.cost(rows) < least - LESS

    def _offer(self, refit: Refit) -> bool:
        """Take the refit if it is the best so far; whether it is."""
        better = refit.flips and self._improves(refit.rows)
        if better:
            self.best = refit
            self.closest = None
        elif self.best is None and not refit.flips and (self.closest is None or refit.margin < self.closest.margin):
            self.closest = refit
        return better

    # The size

    def _bracket(self) -> None:
        """Narrow the size: no set tried of ``low`` rows flips, the best one does.

        Each refit says what size to try next; after a failure the size rises by at least a stride that doubles. With
        costs this is a heuristic: a dearer flip counts as none.
        """
        start = self._refits.base
        low = 0
        stride = 1
        size = size_needed(start)
        while self.best is None or len(self.best.rows) - low > 1:
            if self.best is not None:
                if too_far(self.best, len(self.best.rows) - 1):
                    return
                size = min(size, len(self.best.rows) - 1)
            size = max(size, low + 1)
            if self._question.costs is None and size >= self._below:
                return
            refit = self._rerank(size, start)
            if refit is None:
                low = size
            else:
                start, size = refit, size_needed(refit)
                if self._offer(refit):
                    continue
                low = max(low + 1, len(refit.rows))
            size = max(size, low + stride)  # if forecasts are too hopeful, the size must not creep up one by one
            stride *= 2
            if self.best is None and (refit is None or low >= n_helpful(refit)):
                self._widen(start)
                if self.best is None:
                    return
                start = self.best

    def _rerank(self, size: int, refit: Refit) -> Refit | None:
        """Refit with the ``size`` rows that rank first edited, and again with those that rank first then.

        Until a refit flips or the set repeats. The refit of least margin; None if no set was feasible.
        """
        best, seen = None, set()
        for _ in range(self._limits.rerankings):
            if best is not None and too_far(refit, size):
                break
            rows = self._best_feasible(refit, size)
            if rows is None or rows.tobytes() in seen:
                break
            seen.add(rows.tobytes())
            refit = self._refits.at(rows, refit)
            if best is None or refit.margin < best.margin:
                best = refit
            if refit.flips:
                break
        return best

    def _best_feasible(self, refit: Refit, size: int) -> IntArray | None:
        """The ``size`` rows that rank first at a refit, sorted by number.

        Where they would leave one class only, the lowest-ranked row of the class that would vanish is left out and the
        next-ranked row taken, if it helps.
        """
        spared = list[int]()
        ranked = best_rows(refit, size)
        while len(lost := self._question.last_of_their_class(ranked)):
            spared.append(int(lost[-1]))
            others = best_rows(refit, size + len(spared))
            others = others[~np.isin(others, spared)]
            kept, instead = np.split(others, [size - len(spared)])
            ranked = np.append(kept, instead[refit.effects(instead) > 0])
        return np.sort(ranked) if len(ranked) else None

    def _widen(self, refit: Refit) -> None:
        """Edit all rows that help at the last refit, refit, repeat; then one row more; finally all candidates.

        One more, because to relabel all of one class takes one of the other, which does not help.
        """
        seen = {refit.rows.tobytes()}
        for _ in range(self._limits.widenings):
            rows = self._best_feasible(refit, n_helpful(refit))
            if rows is None or rows.tobytes() in seen:
                break
            seen.add(rows.tobytes())
            refit = self._refits.at(rows, refit)
            if self._offer(refit):
                return
        for size in (n_helpful(refit) + 1, len(self._question.candidates)):
            rows = self._best_feasible(refit, size)
            if rows is not None and self._offer(self._refits.at(rows, refit)):
                return

    def _try_first_order(self) -> None:
        """Refit the set of the paper's algorithm, if it would improve on the best."""
        at_most = None if self.best is None or self._question.costs is not None else len(self.best.rows) - 1
        rows = first_order_set(self._question, self._refits.base.gains, at_most)
        if rows is not None and self._improves(rows) and self._question.feasible(rows):
            self._offer(self._refits.at(rows, self._refits.base))

    # Neighbouring sets

    def _shrink(self, best: Refit) -> bool:
        """Whether a cheaper flipping set was found: leave each row out in turn, and climb by swaps from there.

        The row worth least goes first, and its climb before the other rows: it succeeds most often.
        """
        if len(best.rows) == 1 and self._question.costs is None:
            return False
        weakest = weakest_members(best)
        stands, hopeless = surely_stands_without(best, weakest), too_far(best, len(best.rows) - 1)
        fewer = best.rows[best.rows != weakest[0]]
        if self._question.feasible(fewer) and not (hopeless and stands[0]):
            trial = self._refits.at(fewer, best)
            if self._offer(trial) or (not hopeless and self._climb(trial)):
                return True
        starts = self._effort.starts if len(best.rows) <= self._effort.small and not hopeless else 0
        trials = []
        for row in weakest[1:] if starts else weakest[1:][~stands[1:]]:
            fewer = best.rows[best.rows != row]
            if not self._question.feasible(fewer):
                continue
            trial = self._refits.at(fewer, best)
            if self._offer(trial):
                return True
            if starts:  # kept only if used: each holds the log-odds of all rows
                trials.append(trial)
        trials.sort(key=lambda trial: trial.margin)
        return any(self._climb(trial) for trial in trials[:starts])

    def _climb(self, trial: Refit) -> bool:
        """Swap as long as a refit comes closer to a flip; whether one flips."""
        for _ in range(self._limits.climbs):
            if self._offer(trial):
                return True
            if too_far(trial, len(trial.rows)):
                return False
            swaps = islice(self._swaps(trial), self._effort.swaps)
            closer = (self._refits.at(rows, trial) for rows in swaps)
            improved = next((refit for refit in closer if refit.margin < trial.margin - LESS), None)
            if improved is None:
                return False
            trial = improved
        return self._offer(trial)

    def _swaps(self, refit: Refit) -> Iterator[IntArray]:
        """Sets that differ by one row (with costs: or have one row more) and would improve, best forecast first."""
        into, out = best_outsiders(refit, self._effort.pool), weakest_members(refit)[: self._effort.pool]
        most = np.inf  # rough forecasts are not cut off: only their order is worth something
        if self._effort.pairwise and len(out):
            margins = forecast_coupled_swaps(refit, out, into)
            most = refit.margin + self._effort.worst_swap * mean_effect(refit)
        else:
            margins = forecast_swaps(refit, out, into)
        leaving = [refit.rows[refit.rows != row] for row in out]
        if self._question.costs is not None:
            leaving.append(refit.rows)
            margins = np.vstack([margins, refit.margin - refit.effects(into)])
        for i, j in _ascending(margins, most):
            rows = np.append(leaving[i], into[j])
            if self._improves(rows) and self._question.feasible(rows):
                yield rows


def _ascending(margins: FloatArray, most: float) -> Iterator[tuple[int, int]]:
    """The places of a table (m, k) by their values, as far as ``most``."""
    order = np.argsort(margins, axis=None, kind="stable")
    for i, j in zip(*np.unravel_index(order, margins.shape), strict=True):
        if margins[i, j] > most:
            return
        yield int(i), int(j)

"""The search for a set that a refit confirms, as small (or cheap) as it can be had.

First the size is bracketed: at each size the rows that rank first at the last refit, by their effect along their own
path, are refitted until the set repeats or flips. Then rows are dropped and swapped until no row can be left out and
no swap, of the few that are forecast to lead furthest, leads further down. A refit decides; what a forecast puts beyond
doubt is not refitted.

Source: ``theta_S - theta = -Hbar^-1 u_S`` with Hbar the Hessian averaged along the path is exact. A row's response
takes its own part of that average exactly, which is most of it; the others' part is in the next refit, at which rows
are ranked anew. The trapezoidal rule, gains averaged over start and refit, takes all of it to second order; ranked by
that, mean sets were larger on seven problems of seven, on long documents 10.8 rows instead of 8.2. Drop-and-swap is a
local search as for approximate knapsack covers, on refits instead of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from .._typing import FloatArray, IntArray
from ..design import Design
from .probe import Probe
from .refits import BudgetSpent, Refits

_SETTLE = 4  # re-rankings at one size
_WIDEN = 10  # re-rankings of the set of all helpful rows
_CLIMBS = 8  # successful swaps from one start
_FARTHEST = 0.1  # of the effect of a row: how much worse than now a swap may be forecast and be worth a refit
LESS = 1e-9  # what counts as closer, and as cheaper


@dataclass(frozen=True)
class Effort:
    """How hard to look for a smaller set.

    ``hope`` and ``hope_of_swaps`` are how far from a flip, as multiples of the effect of one row, the best set of one
    row fewer, or of the same size, may be forecast for refits to be worth it. ``swaps`` are tried at one set before it
    counts as locally best, of ``among`` rows in it for as many outside, ranked as pairs that see each other if
    ``coupled``. Sets of up to ``small`` rows, where one row more or less matters most, get ``starts`` further starts.
    """

    hope: float
    hope_of_swaps: float
    swaps: int
    among: int
    coupled: bool
    small: int
    starts: int


# On small tables 8 swaps of pairs that see each other found more than 60 ranked by the rows' own effects, in a third of
# the refits. On texts, whose rows see little of each other, to rank pairs takes longer than the refits it spares: long
# documents' sets became a fiftieth smaller in one and a half times the time, others' stayed.
_THOROUGH = Effort(hope=1.0, hope_of_swaps=0.6, swaps=8, among=24, coupled=True, small=8, starts=1)
_QUICK = Effort(hope=0.5, hope_of_swaps=0.3, swaps=4, among=8, coupled=False, small=0, starts=0)
_DENSE = replace(_QUICK, among=24, coupled=True)
_THOROUGH_UP_TO = 50_000  # stored values: a refit takes about a millisecond


def effort_for(design: Design) -> Effort:
    """How hard to look where a refit on this design takes as long as it takes."""
    if design.n_stored <= _THOROUGH_UP_TO:
        return _THOROUGH
    return _DENSE if design.n_stored == design.n_rows * design.n_features else _QUICK


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The best flipping probe, if any, and whether the budget ended the search."""

    best: Probe | None
    spent: bool


def search(refits: Refits, first_order: Callable[[int | None], IntArray | None], effort: Effort) -> SearchResult:
    """Find a small flipping set; deterministic. Each refit costs a Newton step or two from a nearby refit.

    Where effects have costs, the cheapest set is the aim instead of the smallest. ``first_order`` gives the set of the
    paper's algorithm, None if it has more than so many rows: where it flips, the result is not larger.
    """
    found = _Found(refits.effects.costs, effort)
    try:
        _bracket(refits, found)
        rows = first_order(found.largest_better)
        if rows is not None and found.would_improve(rows) and refits.feasible(rows):
            found.offer(refits.at(rows, refits.base))
        if found.closest is not None:
            _climb(refits, found, found.closest)
        while found.best is not None and _shrink(refits, found, found.best):
            pass
    except BudgetSpent:
        return SearchResult(found.best, spent=True)
    return SearchResult(found.best, spent=False)


class _Found:
    """The cheapest flipping probe so far, kept where an exhausted budget cannot lose it."""

    def __init__(self, costs: FloatArray | None, effort: Effort) -> None:
        self.best: Probe | None = None
        self.closest: Probe | None = None  # of those that were offered, as long as none flips
        self.costs, self.effort = costs, effort

    def cost(self, rows: IntArray) -> float:
        return float(len(rows)) if self.costs is None else float(self.costs[rows].sum())

    @property
    def largest_better(self) -> int | None:
        """The most rows of a set that would improve on the best, if its size tells."""
        return None if self.best is None or self.costs is not None else len(self.best.rows) - 1

    def would_improve(self, rows: IntArray) -> bool:
        return self.best is None or self.cost(rows) < self.cost(self.best.rows) - LESS

    def offer(self, probe: Probe) -> bool:
        better = probe.flips and self.would_improve(probe.rows)
        if better:
            self.best, self.closest = probe, None
        elif self.best is None and (self.closest is None or probe.margin < self.closest.margin):
            self.closest = probe
        return better

    def hopeless(self, refits: Refits, size: int, near: Probe) -> bool:
        """Whether the best set of a size stands, by a forecast from a near refit, too far for more refits to help.

        Not for costs. How much hope to keep was chosen on texts, tables and images, where it made hardly a set larger.
        """
        if self.costs is not None or refits.exact:
            return False
        effects = refits.effects
        margin = effects.forecast(effects.best(near, size), near)
        hope = self.effort.hope_of_swaps if size == len(near.rows) else self.effort.hope
        return margin > hope * float(np.abs(effects.of(near, near.rows)).mean())


def _bracket(refits: Refits, found: _Found) -> None:
    """Narrow the size between the largest that does not flip and the smallest that does."""
    near, low, stride = refits.base, 0, 1
    size = refits.effects.needed(near)
    while found.best is None or len(found.best.rows) - low > 1:
        if found.best is not None:
            if found.hopeless(refits, len(found.best.rows) - 1, found.best):
                return
            size = min(size, len(found.best.rows) - 1)
        size = max(size, low + 1)
        probe = _settle(refits, found, size, near)
        if probe is None:
            low = size
        else:
            near, size = probe, refits.effects.needed(probe)
            if found.offer(probe):
                continue
            low = max(low + 1, len(probe.rows))
        size, stride = max(size, low + stride), 2 * stride  # a ranking that promises too much must not crawl
        if found.best is None and (probe is None or low >= refits.effects.helpful(probe)):
            _widen(refits, found, near)
            if found.best is None:
                return
            near = found.best


def _settle(refits: Refits, found: _Found, size: int, near: Probe) -> Probe | None:
    """Refit the ``size`` rows that rank first, and again those that rank first then, until it flips or they repeat."""
    best, seen = None, set()
    for _ in range(_SETTLE):
        if best is not None and found.hopeless(refits, size, near):
            break
        rows = _best(refits, near, size)
        if rows is None or rows.tobytes() in seen:
            break
        seen.add(rows.tobytes())
        near = refits.at(rows, near)
        if best is None or near.margin < best.margin:
            best = near
        if near.flips:
            break
    return best


def _best(refits: Refits, near: Probe, size: int) -> IntArray | None:
    """The ``size`` rows that rank first at a refit, sorted by number.

    Where they would leave one class only, the last of the other gives way to the row that ranks next, if that helps.
    """
    effects, spared = refits.effects, list[int]()
    ranked = effects.best(near, size)
    while len(gone := refits.gone(ranked)):
        spared.append(int(gone[-1]))
        others = effects.best(near, size + len(spared))
        others = others[~np.isin(others, spared)]
        kept, instead = np.split(others, [size - len(spared)])
        ranked = np.append(kept, instead[effects.of(near, instead) > 0])
    return np.sort(ranked) if len(ranked) else None


def _widen(refits: Refits, found: _Found, probe: Probe) -> None:
    """Edit every row that helps where the last refit stands, again and again; then one more, last all allowed rows.

    One more, because to relabel all of one class takes one of the other, which does not help.
    """
    effects = refits.effects
    seen = {probe.rows.tobytes()}
    for _ in range(_WIDEN):
        rows = _best(refits, probe, effects.helpful(probe))
        if rows is None or rows.tobytes() in seen:
            break
        seen.add(rows.tobytes())
        probe = refits.at(rows, probe)
        if found.offer(probe):
            return
    for size in (effects.helpful(probe) + 1, len(effects.allowed)):
        rows = _best(refits, probe, size)
        if rows is not None and found.offer(refits.at(rows, probe)):
            return


def _shrink(refits: Refits, found: _Found, best: Probe) -> bool:
    """Look for a cheaper flipping set: leave each row out in turn, and climb by swaps from there.

    The row worth least goes first, and its climb before the other rows: it succeeds most often.
    """
    if len(best.rows) == 1 and found.costs is None:
        return False
    behind = refits.effects.behind(best)
    stands, hopeless = refits.stands_without(best, behind), found.hopeless(refits, len(best.rows) - 1, best)
    fewer = best.rows[best.rows != behind[0]]
    if refits.feasible(fewer) and not (hopeless and stands[0]):
        trial = refits.at(fewer, best)
        if found.offer(trial) or (not hopeless and _climb(refits, found, trial)):
            return True
    effort = found.effort
    starts = effort.starts if len(best.rows) <= effort.small and not hopeless else 0
    others = []
    for row in behind[1:] if starts else behind[1:][~stands[1:]]:
        fewer = best.rows[best.rows != row]
        if not refits.feasible(fewer):
            continue
        trial = refits.at(fewer, best)
        if found.offer(trial):
            return True
        if starts:  # a probe holds the log-odds of all rows
            others.append(trial)
    others.sort(key=lambda trial: trial.margin)
    return any(_climb(refits, found, trial) for trial in others[:starts])


def _climb(refits: Refits, found: _Found, trial: Probe) -> bool:
    """Swap as long as a refit comes closer to a flip; whether one flips."""
    for _ in range(_CLIMBS):
        if found.offer(trial):
            return True
        if found.hopeless(refits, len(trial.rows), trial):
            return False
        swaps = islice(_swaps(refits, found, trial), found.effort.swaps)
        closer = (refits.at(rows, trial) for rows in swaps)
        improved = next((probe for probe in closer if probe.margin < trial.margin - LESS), None)
        if improved is None:
            return False
        trial = improved
    return found.offer(trial)


def _swaps(refits: Refits, found: _Found, probe: Probe) -> Iterator[IntArray]:
    """Sets that differ by one row (with costs: or have one row more) and would improve, best forecast first."""
    effects, effort = refits.effects, found.effort
    into, out = effects.ahead(probe, effort.among), effects.behind(probe)[: effort.among]
    own, most = effects.of(probe, into), np.inf
    if effort.coupled and len(out):
        margins = effects.swapped(probe, out, into)
        most = probe.margin + _FARTHEST * float(np.abs(effects.of(probe, probe.rows)).mean())
    else:
        margins = probe.margin + effects.of(probe, out)[:, None] - own
    leaving = [probe.rows[probe.rows != row] for row in out]
    if found.costs is not None:
        leaving.append(probe.rows)
        margins = np.vstack([margins, probe.margin - own])
    order = np.argsort(margins, axis=None, kind="stable")
    for i, j in zip(*np.unravel_index(order, margins.shape), strict=True):
        if margins[i, j] > most:
            return
        rows = np.append(leaving[i], into[j])
        if found.would_improve(rows) and refits.feasible(rows):
            yield rows

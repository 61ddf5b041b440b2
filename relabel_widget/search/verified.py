"""The search for a set that a refit confirms, as small (or cheap) as it can be had.

First the size is bracketed: at each size the top rows of the path-averaged ranking are refitted until the set
repeats or flips. Then rows are dropped and swapped until no row can be left out and no swap leads further down. A
refit decides; what a forecast puts beyond doubt is not refitted.

Source: the path average is the trapezoidal rule for ``theta_S - theta = -Hbar^-1 u_S`` with Hbar the Hessian
averaged along the path, which is exact; drop-and-swap is a local search as for approximate knapsack covers, on
refits instead of weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IntArray
from .refits import BudgetSpent, Probe, Refits

_SETTLE = 4  # re-rankings at one size
_WIDEN = 10  # re-rankings of the set of all helpful rows
_CLIMBS = 8  # successful swaps from one start
_HOPE, _HOPE_OF_SWAPS = 0.7, 0.4  # times the effect of one row: for one row fewer, and for swaps at one size
_LESS = 1e-9  # what counts as closer, and as cheaper


@dataclass(frozen=True)
class Effort:
    """How hard to look for a smaller set.

    ``swaps`` are tried at one set before it counts as locally best; sets of up to ``small`` rows get
    ``swaps_small`` and ``starts`` further starts, since one row more or less matters most there.
    """

    swaps: int
    small: int
    swaps_small: int
    starts: int


# Where a refit takes well under a millisecond, a person does not notice a hundred of them more. Beyond, more of
# everything doubled the refits on SST-2 and made no set smaller.
THOROUGH = Effort(swaps=8, small=8, swaps_small=60, starts=4)
QUICK = Effort(swaps=4, small=0, swaps_small=4, starts=0)
THOROUGH_UP_TO = 50_000  # stored values of the design


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The best flipping probe, if any, and whether the budget ended the search."""

    best: Probe | None
    spent: bool


def search(refits: Refits, costs: FloatArray | None, first_order: IntArray | None, effort: Effort) -> SearchResult:
    """Find a small flipping set; deterministic. Each refit costs a Newton step or two from a nearby refit.

    ``costs`` (n_rows,) makes the cheapest set the aim instead of the smallest. ``first_order`` is the set of the
    paper's algorithm: where it flips, the result is not larger.
    """
    found = _Found(costs)
    try:
        _bracket(refits, found)
        if first_order is not None and found.would_improve(first_order) and refits.feasible(first_order):
            found.offer(refits.at(first_order, refits.base))
        while found.best is not None and _shrink(refits, found, found.best, effort):
            pass
    except BudgetSpent:
        return SearchResult(found.best, spent=True)
    return SearchResult(found.best, spent=False)


class _Found:
    """The cheapest flipping probe so far, kept where an exhausted budget cannot lose it."""

    def __init__(self, costs: FloatArray | None) -> None:
        self.best: Probe | None = None
        self.costs = costs

    def cost(self, rows: IntArray) -> float:
        return float(len(rows)) if self.costs is None else float(self.costs[rows].sum())

    def would_improve(self, rows: IntArray) -> bool:
        return self.best is None or self.cost(rows) < self.cost(self.best.rows) - _LESS

    def offer(self, probe: Probe) -> bool:
        better = probe.flips and self.would_improve(probe.rows)
        if better:
            self.best = probe
        return better

    def hopeless(self, refits: Refits, size: int, near: Probe) -> bool:
        """Whether the best set of a size stands, by a forecast from a near refit, too far for more refits to help.

        Not for costs. How much hope to keep was chosen on texts, tables and images, where it made hardly a set larger.
        """
        if self.costs is not None or refits.exact:
            return False
        margin, _ = refits.forecast(refits.best_of_size(size, near), near)
        hope = _HOPE_OF_SWAPS if size == len(near.rows) else _HOPE
        return margin > hope * float(np.abs(refits.effects(near)[near.rows]).mean())

    def worth(self, gains: FloatArray, rows: IntArray) -> FloatArray:
        """Gain per cost of the given rows: what to rank by."""
        if self.costs is None:
            return gains[rows]
        return np.asarray(gains[rows] / np.maximum(self.costs[rows], 1e-12))


def _bracket(refits: Refits, found: _Found) -> None:
    """Narrow the size between the largest that does not flip and the smallest that does."""
    ranking, near = refits.gains(refits.base), refits.base
    low, stride, size = 0, 1, _predicted_size(refits, found, ranking, 1.0)
    while found.best is None or len(found.best.rows) - low > 1:
        if found.best is not None:
            if found.hopeless(refits, len(found.best.rows) - 1, found.best):
                return
            size = min(size, len(found.best.rows) - 1)
        probe = _settle(refits, found, ranking, max(size, low + 1), near)
        if probe is None:
            return
        ranking, near = refits.averaged(probe), probe
        size = _predicted_size(refits, found, ranking, _calibration(refits, ranking, probe))
        if found.offer(probe):
            continue
        low = max(low + 1, len(probe.rows))
        size, stride = max(size, low + stride), 2 * stride  # a ranking that promises too much must not crawl
        if found.best is None and low >= np.count_nonzero(ranking[refits.allowed] > 0):
            _widen(refits, found, probe)
            if found.best is None:
                return
            ranking = refits.averaged(found.best)


def _settle(refits: Refits, found: _Found, ranking: FloatArray, size: int, near: Probe) -> Probe | None:
    """Refit the top ``size`` rows, re-rank by the path average, and again until the set flips or repeats.

    Where it repeats, the rows that rank first at the last refit alone are tried.
    """
    best, seen = None, set()
    for _ in range(_SETTLE):
        if best is not None and found.hopeless(refits, size, near):
            break
        rows = _top(refits, found, ranking, size)
        if rows is not None and rows.tobytes() in seen:
            rows = _top(refits, found, refits.effects(near), size)
        if rows is None or rows.tobytes() in seen:
            break
        seen.add(rows.tobytes())
        probe = refits.at(rows, near)
        if best is None or probe.margin < best.margin:
            best = probe
        if probe.flips:
            break
        ranking, near = refits.averaged(probe), probe
    return best


def _top(refits: Refits, found: _Found, ranking: FloatArray, size: int) -> IntArray | None:
    """The ``size`` allowed rows that rank first, sorted by row number; fewer where one class would vanish."""
    allowed = refits.allowed
    size = min(size, len(allowed))
    if size == 0:
        return None
    values = found.worth(ranking, allowed)
    first = np.argpartition(-values, size - 1)[:size] if size < len(allowed) else np.arange(len(allowed))
    first = first[np.argsort(-values[first], kind="stable")]
    rows: IntArray = np.sort(allowed[first])
    while len(rows) and not refits.feasible(rows):
        first = first[:-1]
        rows = np.sort(allowed[first])
    return rows if len(rows) else None


def _predicted_size(refits: Refits, found: _Found, ranking: FloatArray, calibration: float) -> int:
    """The number of top rows whose gains, scaled, add up to the margin; all helpful ones if they do not."""
    gains = ranking[refits.allowed]
    if found.costs is None:
        gains = -np.sort(-gains)
    else:
        gains = gains[np.argsort(-found.worth(ranking, refits.allowed), kind="stable")]
    total = calibration * np.cumsum(np.maximum(gains, 0.0))
    enough = int(np.searchsorted(total, refits.base.margin)) + 1
    return max(1, min(enough, int(np.count_nonzero(gains > 0)), len(gains)))


def _calibration(refits: Refits, ranking: FloatArray, probe: Probe) -> float:
    """What the refit moved the margin by, as a multiple of what the ranking says."""
    predicted = float(ranking[probe.rows].sum())
    actual = refits.base.margin - probe.margin
    return actual / predicted if predicted > 0 and actual > 0 else 1.0


def _widen(refits: Refits, found: _Found, probe: Probe) -> None:
    """Edit every row that helps where the last refit stands, again and again; last, edit all allowed rows."""
    seen = {probe.rows.tobytes()}
    for _ in range(_WIDEN):
        gains = refits.gains(probe)
        rows = _top(refits, found, gains, int(np.count_nonzero(gains[refits.allowed] > 0)))
        if rows is None or rows.tobytes() in seen:
            break
        seen.add(rows.tobytes())
        probe = refits.at(rows, probe)
        if found.offer(probe):
            return
    everything = _top(refits, found, refits.gains(probe), len(refits.allowed))
    if everything is not None:
        found.offer(refits.at(everything, probe))


def _shrink(refits: Refits, found: _Found, best: Probe, effort: Effort) -> bool:
    """Look for a cheaper flipping set: leave each row out in turn, and climb by swaps from there.

    The row worth least goes first, and its climb before the other rows: it succeeds most often.
    """
    if len(best.rows) == 1 and found.costs is None:
        return False
    order = np.argsort(found.worth(refits.effects(best), best.rows), kind="stable")
    fewer = [np.delete(best.rows, place) for place in order]
    hopeless = found.hopeless(refits, len(best.rows) - 1, best)
    if not (hopeless and refits.stands(fewer[0], best)):
        trial = refits.at(fewer[0], best)
        if found.offer(trial) or (not hopeless and _climb(refits, found, trial, effort)):
            return True
    starts = effort.starts if len(best.rows) <= effort.small and not hopeless else 0
    others = []
    for rows in fewer[1:]:
        if not starts and refits.stands(rows, best):
            continue
        trial = refits.at(rows, best)
        if found.offer(trial):
            return True
        if starts:  # a probe holds the log-odds of all rows
            others.append(trial)
    others.sort(key=lambda trial: trial.margin)
    return any(_climb(refits, found, trial, effort) for trial in others[:starts])


def _climb(refits: Refits, found: _Found, trial: Probe, effort: Effort) -> bool:
    """Swap as long as a refit comes closer to a flip; whether one flips."""
    for _ in range(_CLIMBS):
        if found.offer(trial):
            return True
        if found.hopeless(refits, len(trial.rows), trial):
            return False
        closer = (refits.at(rows, trial) for rows in _swaps(refits, found, trial, effort))
        improved = next((probe for probe in closer if probe.margin < trial.margin - _LESS), None)
        if improved is None:
            return False
        trial = improved
    return found.offer(trial)


def _swaps(refits: Refits, found: _Found, probe: Probe, effort: Effort) -> Iterator[IntArray]:
    """The most promising sets that differ by one row (with costs: or have one row more) and would be an improvement."""
    gains = refits.gains(probe)
    outside = refits.allowed[~np.isin(refits.allowed, probe.rows)]
    tries = effort.swaps_small if len(probe.rows) < effort.small else effort.swaps
    into = outside[np.argsort(-found.worth(gains, outside), kind="stable")[:tries]]
    out = probe.rows[np.argsort(found.worth(gains, probe.rows), kind="stable")[:tries]]
    leaving = [np.delete(probe.rows, np.searchsorted(probe.rows, row)) for row in out]
    promise = gains[into][None, :] - gains[out][:, None]
    if found.costs is not None:
        leaving.append(probe.rows)
        promise = np.vstack([promise, gains[into][None, :]])
    for place in np.argsort(-promise, axis=None, kind="stable")[:tries]:
        i, j = np.unravel_index(place, promise.shape)
        rows = np.append(leaving[i], into[j])
        if found.would_improve(rows) and refits.feasible(rows):
            yield rows

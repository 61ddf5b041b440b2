"""The search for a set that a refit confirms, as small as it can be had.

First the size is bracketed: at each size the top rows of the path-averaged ranking are refitted until the set
repeats or flips. Then rows are dropped and swapped, every decision by a refit, until no row can be left out.

Source: the path average is the trapezoidal rule for ``theta_S - theta = -Hbar^-1 u_S`` with Hbar the Hessian
averaged along the path, which is exact; drop-and-swap is a local search as in Broderick, Giordano, Meager, "An
Automatic Finite-Sample Robustness Metric" (2020), but on refits instead of predictions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IntArray
from .refits import BudgetSpent, Probe, Refits

_SETTLE = 4  # re-rankings at one size
_WIDEN = 10  # re-rankings of the set of all helpful rows
_SWAPS = 4  # swaps tried at one set before it counts as locally best
_CLIMBS = 8  # successful swaps at one size
_SMALL = 5  # sets up to this size get more of everything: one row more or less matters most there
_SWAPS_SMALL = 8
_STARTS = 2  # further starts of a climb, beside the set without the row of least gain


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The best flipping probe, if any, and whether the budget ended the search."""

    best: Probe | None
    spent: bool


def search(refits: Refits) -> SearchResult:
    """Find a small flipping set; deterministic. Each refit costs a Newton step or two from a nearby refit."""
    found = _Found()
    try:
        _bracket(refits, found)
        if found.best is not None:
            _reduce(refits, found)
    except BudgetSpent:
        return SearchResult(found.best, spent=True)
    return SearchResult(found.best, spent=False)


class _Found:
    """The smallest flipping probe so far, kept where an exhausted budget cannot lose it."""

    def __init__(self) -> None:
        self.best: Probe | None = None

    def offer(self, probe: Probe) -> bool:
        better = probe.flips and (self.best is None or len(probe.rows) < len(self.best.rows))
        if better:
            self.best = probe
        return better


def _bracket(refits: Refits, found: _Found) -> None:
    """Narrow the size between the largest that does not flip and the smallest that does."""
    ranking = refits.gains(refits.base)
    low, stride, size = 0, 1, _predicted_size(refits, ranking, 1.0)
    while found.best is None or len(found.best.rows) - low > 1:
        if found.best is not None:
            size = min(size, len(found.best.rows) - 1)
        probe = _settle(refits, ranking, max(size, low + 1))
        if probe is None:
            return
        ranking = refits.averaged(probe)
        size = _predicted_size(refits, ranking, _calibration(refits, ranking, probe))
        if found.offer(probe):
            continue
        low = max(low + 1, len(probe.rows))
        size, stride = max(size, low + stride), 2 * stride  # a ranking that promises too much must not crawl
        if found.best is None and low >= np.count_nonzero(ranking[refits.allowed] > 0):
            _widen(refits, found, probe)
            if found.best is None:
                return
            ranking = refits.averaged(found.best)


def _settle(refits: Refits, ranking: FloatArray, size: int) -> Probe | None:
    """Refit the top ``size`` rows, re-rank by the path average, and again until the set repeats or flips."""
    near, best, seen = refits.base, None, set()
    for _ in range(_SETTLE):
        rows = _top(refits, ranking, size)
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


def _top(refits: Refits, ranking: FloatArray, size: int) -> IntArray | None:
    """The ``size`` allowed rows that rank first, sorted by row number; fewer where one class would vanish."""
    allowed = refits.allowed
    size = min(size, len(allowed))
    if size == 0:
        return None
    values = ranking[allowed]
    first = np.argpartition(-values, size - 1)[:size] if size < len(allowed) else np.arange(len(allowed))
    first = first[np.argsort(-values[first], kind="stable")]
    rows: IntArray = np.sort(allowed[first])
    while len(rows) and not refits.feasible(rows):
        first = first[:-1]
        rows = np.sort(allowed[first])
    return rows if len(rows) else None


def _predicted_size(refits: Refits, ranking: FloatArray, calibration: float) -> int:
    """The number of top rows whose gains, scaled, add up to the margin; all helpful ones if they do not."""
    gains = -np.sort(-ranking[refits.allowed])
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
        rows = _top(refits, gains, int(np.count_nonzero(gains[refits.allowed] > 0)))
        if rows is None or rows.tobytes() in seen:
            break
        seen.add(rows.tobytes())
        probe = refits.at(rows, probe)
        if found.offer(probe):
            return
    everything = _top(refits, refits.gains(probe), len(refits.allowed))
    if everything is not None:
        found.offer(refits.at(everything, probe))


def _reduce(refits: Refits, found: _Found) -> None:
    """Drop and swap until a refit without any one row no longer flips and no swap leads to a smaller set."""
    while found.best is not None and len(found.best.rows) > 1:
        if not _shrink(refits, found, found.best):
            return


def _shrink(refits: Refits, found: _Found, best: Probe) -> bool:
    """Look for a flipping set with one row fewer: leave each row out in turn, and climb by swaps from there.

    The row of least gain goes first, and its climb before the other rows: it succeeds most often.
    """
    order = np.argsort(refits.gains(best)[best.rows], kind="stable")
    least = refits.at(np.delete(best.rows, order[0]), best)
    if _climb(refits, found, least):
        return True
    others = []
    for place in order[1:]:
        trial = refits.at(np.delete(best.rows, place), best)
        if found.offer(trial):
            return True
        others.append(trial)
    others.sort(key=lambda trial: trial.margin)
    starts = _STARTS if len(best.rows) <= _SMALL else 0
    return any(_climb(refits, found, trial) for trial in others[:starts])


def _climb(refits: Refits, found: _Found, trial: Probe) -> bool:
    """Swap as long as a refit comes closer to a flip; whether one flips."""
    for _ in range(_CLIMBS):
        if found.offer(trial):
            return True
        improved = _best_swap(refits, trial)
        if improved is None:
            return False
        trial = improved
    return found.offer(trial)


def _best_swap(refits: Refits, probe: Probe) -> Probe | None:
    """The first of the most promising swaps whose refit is closer to a flip, or None."""
    gains = refits.gains(probe)
    outside = refits.allowed[~np.isin(refits.allowed, probe.rows)]
    if not len(outside):
        return None
    tries = _SWAPS_SMALL if len(probe.rows) < _SMALL else _SWAPS
    out = probe.rows[np.argsort(gains[probe.rows], kind="stable")[:tries]]
    into = outside[np.argsort(-gains[outside], kind="stable")[:tries]]
    promise = gains[into][None, :] - gains[out][:, None]
    for flat in np.argsort(-promise, axis=None, kind="stable")[:tries]:
        i, j = np.unravel_index(flat, promise.shape)
        rows = np.append(probe.rows[probe.rows != out[i]], into[j])
        if refits.feasible(rows):
            trial = refits.at(rows, probe)
            if trial.margin < probe.margin - 1e-9:
                return trial
    return None

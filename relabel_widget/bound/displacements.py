"""Effects of refits with a few relabelled rows on every training row: computed once, used for every query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..evidence import refit_sets
from ..fits import Fit
from ..monitor import Monitor
from .gains import Query
from .kernel import row_blocks
from .pointwise import Pointwise

_WIDTH = 32


@dataclass(frozen=True, eq=False)
class Displacements:
    """Refits on m sets of relabelled rows, as displacements of all rows.

    Attributes
    ----------
    sets
        The rows of each set, shape (m, size).
    moved
        Change of each row's log-odds, float32, shape (m, n_rows); 0 if the set cannot be refitted.
    remainder
        ``e_l`` there (see `Pointwise`), float32, shape (m, n_rows).
    possible
        Whether the set leaves both classes, shape (m,).
    gradient
        Bound on the gradient norms of the refits, including that of the fit and all rounding.
    distance
        Bound on the Euclidean norm of the change of theta.
    """

    sets: IntArray
    moved: AnyArray
    remainder: AnyArray
    possible: BoolArray
    gradient: float
    distance: float

    def gains(self, rows: Pointwise, query: Query) -> tuple[FloatArray, float]:
        """How far each refit moves the query towards the threshold, (m,), -inf if impossible; and their error.

        ``gain = -pull . (force on the set + e)``, exact except for the remaining gradients, an inexact
        factor and float32. Cost: one pass over the table.
        """
        force = rows.weights * rows.signs * query.pull
        out = -force[self.sets].sum(axis=1)
        largest = 0.0
        for part in row_blocks(len(out), 2 * len(query.pull)):
            block = self.remainder[part].astype(np.float64)
            out[part] -= block @ query.pull
            largest = max(largest, float(np.square(block).sum(axis=1).max(initial=0.0)))
        out[~self.possible] = -np.inf
        rounding = 2.0 * float(np.finfo(np.float32).eps) * np.sqrt(largest) * float(np.linalg.norm(query.pull))
        return out, query.factor_norm * self.gradient + query.residual * self.distance + rounding


def displacements(
    fit: Fit, rows: Pointwise, sets: IntArray, phase: str, monitor: Monitor | None = None
) -> Displacements:
    """Refit each of the sets (m, size). Cost: `refit_sets` in groups of 32; memory 8 m n_rows bytes."""
    count, n = len(sets), fit.n_rows
    moved, remainder = np.zeros((count, n), dtype=np.float32), np.zeros((count, n), dtype=np.float32)
    possible = np.ones(count, dtype=bool)
    gradient = 0.0
    distance = 0.0
    for first in range(0, count, _WIDTH):
        part = slice(first, min(first + _WIDTH, count))
        refitted = refit_sets(fit, sets[part], monitor=monitor)
        possible[part] = ~np.isnan(refitted.gradient_norm)
        change = (refitted.eta - fit.eta[:, None]).T[possible[part]]
        place = np.flatnonzero(possible[part]) + first
        moved[place] = change
        for one, where in zip(change, place, strict=True):
            remainder[where] = rows.remainder(one)
        length = np.linalg.norm(refitted.theta - fit.theta[:, None], axis=0)[possible[part]]
        gradient = max(gradient, float(refitted.gradient_norm[possible[part]].max(initial=0.0)))
        distance = max(distance, float(length.max(initial=0.0)))
        if monitor is not None:
            monitor.step(phase, part.stop, count)
    return Displacements(sets, moved, remainder, possible, gradient + left_of_gradient(fit), distance)


def left_of_gradient(fit: Fit) -> float:
    """The gradient norm of the fit, plus the rounding errors in evaluating it and that of a refit."""
    n = fit.n_rows
    return float(fit.gradient_norm + 4.0 * n**1.5 * np.finfo(np.float64).eps * fit.problem.gradient_scale)

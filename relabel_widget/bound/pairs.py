"""Public functions of the pair bound, for one and two relabels, even when C is large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..arguments import check_monitor
from ..fits import Fit, check_logistic
from ..monitor import Monitor
from .base import Bound
from .cost import DECISION_RTOL, MAX_BYTES, BoundCost
from .displacements import Displacements, displacements
from .gains import Query
from .interactions import Interactions, make_interactions
from .pointwise import Pointwise

_GROUP = 32


def pair_bound_cost(fit: Fit) -> BoundCost:
    """Estimate the cost of `pair_bound` in advance.

    Memory: 28 n_rows^2 bytes and some blocks; the rest of ``max_bytes`` is used for refitted pairs. Operations:
    4 n_rows^3 in float32, and n_rows refits, counted as 150 products with X and X' each.
    """
    check_logistic(fit, who="pair_bound_cost")
    n, problem = fit.n_rows, fit.problem
    blocks = 2**27 + 8 * 200 * (n + problem.n_params)
    return BoundCost(n, 28 * n * n + blocks, 4 * n**3 + 600 * n * problem.design.n_stored)


def pair_bound(fit: Fit, *, max_bytes: int = MAX_BYTES, monitor: Monitor | None = None) -> PairBound:
    """Refit every single relabel, and every pair whose joint effect cannot be bounded, once for all queries.

    Parameters
    ----------
    fit
        A fit at its minimiser.
    max_bytes
        Memory limit.
    monitor
        Receives progress and can cancel the work within a group of 32 refits.

    Raises
    ------
    ValueError
        If the tables would take more memory than allowed; raised before any work.

    Notes
    -----
    Cost: `pair_bound_cost`, plus a refit and 8 n_rows bytes for each pair of rows so close, or so far out, that their
    joint effect cannot be bounded; these are refitted if they all fit into ``max_bytes``, otherwise none. The tables
    stay in memory: 16 n_rows^2 bytes.
    """
    check_logistic(fit, who="pair_bound")
    check_monitor(monitor, who="pair_bound")
    cost = pair_bound_cost(fit)
    if cost.bytes > max_bytes:
        raise ValueError(
            f"pair_bound: expected tables of at most {max_bytes / 2**30:.2f} GiB, got {cost}. Allow more with "
            "max_bytes if the machine has it, or go without: a flip set is just as valid with a bound of 1."
        )
    rows = Pointwise(fit.eta, fit.problem.weights, fit.problem.labels.signs, fit.problem.d2loss(fit.eta))
    singles = displacements(fit, rows, np.arange(fit.n_rows)[:, None], "refitting every single relabel", monitor)
    interactions = make_interactions(fit, rows, singles, monitor)
    close = _unbounded(interactions)
    kept = None
    if cost.bytes + 8 * fit.n_rows * len(close) <= max_bytes:
        kept = displacements(fit, rows, close, "refitting close pairs", monitor)
    return PairBound(fit, "relabel", rows, singles, interactions, kept, len(close))


def _unbounded(interactions: Interactions) -> IntArray:
    """Pairs i < j without a bound, (m, 2)."""
    found = [np.empty((0, 2), dtype=np.int64)]
    for i, row in enumerate(interactions.energy):
        j = i + 1 + np.flatnonzero(~np.isfinite(row[i + 1 :]))
        found.append(np.column_stack([np.full_like(j, i), j]))
    return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class PairBound(Bound):
    """A bound of 1, 2 or 3: proves that no single relabel, or no pair, flips a query. Made by `pair_bound`."""

    rows: Pointwise
    singles: Displacements
    interactions: Interactions
    close: Displacements | None
    n_close: int

    @property
    def reason(self) -> str:  # noqa: D102 - as in Bound
        if self.close is None:
            return (
                f"The bound is at most 2: {self.n_close} pairs of rows would have to be refitted, more than the memory "
                "limit holds. Allow more with max_bytes, or use a smaller C."
            )
        return f"The bound is at most 3: it covers single relabels and pairs, {self.n_close} of which were refitted."

    @property
    def nbytes(self) -> int:  # noqa: D102 - as in Bound
        held = [self.singles] if self.close is None else [self.singles, self.close]
        tables = [table for each in held for table in (each.moved, each.remainder)]
        return int(sum(table.nbytes for table in [self.interactions.energy, self.interactions.bent, *tables]))

    def _smallest(
        self, query: Query, candidates: BoolArray, at_most: int | None, max_refits: int, monitor: Monitor | None
    ) -> int:
        most = 3 if at_most is None else min(3, int(at_most))
        need = query.need * (1.0 - DECISION_RTOL)
        gains, error = self.singles.gains(self.rows, query)
        if most < 2 or not gains[candidates].max(initial=-np.inf) + error < need:
            return 1
        if most < 3 or self.close is None or self._close_reach(query, candidates, need):
            return 2
        pairs = self._open_pairs(query, candidates, gains, need - 4.0 * error)
        if len(pairs) > max_refits:
            return 2
        for first in range(0, len(pairs), _GROUP):
            refitted = displacements(self.fit, self.rows, pairs[first : first + _GROUP], "refitting pairs", monitor)
            found, error = refitted.gains(self.rows, query)
            if not found.max() + error < need:
                return 2
        return 3

    def _close_reach(self, query: Query, mask: BoolArray, need: float) -> bool:
        assert self.close is not None
        gains, error = self.close.gains(self.rows, query)
        allowed = mask[self.close.sets].all(axis=1)
        return not gains[allowed].max(initial=-np.inf) + error < need

    def _open_pairs(self, query: Query, mask: BoolArray, gains: FloatArray, need: float) -> IntArray:
        """Pairs of candidates with ``g_i + g_j + Y E_ij >= need``, largest first, (m, 2); without close pairs."""
        norms = self.interactions.norms(self.rows, query)
        rows, most = np.flatnonzero(mask & np.isfinite(gains)), norms.most
        order = rows[np.argsort(-gains[rows], kind="stable")]
        found = []
        largest = most.max()
        for place, i in enumerate(order):
            if 2.0 * gains[i] + largest < need:  # i is the row of the pair that gains more
                break
            others = order[place + 1 :]
            others = others[: np.searchsorted(-gains[others], gains[i] + most[i] - need, side="right")]
            energy = self.interactions.energy[i, others].astype(np.float64)
            others, energy = others[np.isfinite(energy)], energy[np.isfinite(energy)]
            value = gains[i] + gains[others] + norms.of(i, others, energy) * energy
            keep = value >= need
            found.append(np.column_stack([np.full(keep.sum(), i), others[keep], value[keep]]))
        table = np.concatenate(found) if found else np.empty((0, 3))
        return table[np.argsort(-table[:, 2], kind="stable"), :2].astype(np.int64)

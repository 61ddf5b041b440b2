"""A lower bound by trying every set: for tiny data, where it is exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations, islice
from math import comb
from typing import Any

import numpy as np
from scipy.special import expit

from .._typing import BoolArray, FloatArray, IntArray
from ..arguments import as_rows, check_edit, check_threshold
from ..fitting import Fit
from ..monitor import Monitor
from ..problem import Edit

MAX_REFITS = 50_000
# A margin within this of the threshold counts as a flip: so close, another solver might see one.
SLACK = 1e-6
_GROUP_BYTES = 2**24
_MOST_STEPS = 50
_MOST_HALVINGS = 30
_DONE = 1e-11


def exhaustive_refits(n_candidates: int, largest: int) -> int:
    """Number of sets of 1 to ``largest`` of ``n_candidates`` rows: the refits that trying all of them takes."""
    return sum(comb(n_candidates, size) for size in range(1, largest + 1))


def exhaustive_lower_bound(
    fit: Fit,
    x: Any,
    *,
    threshold: float = 0.5,
    edit: Edit = "relabel",
    candidates: Any = None,
    largest: int = 2,
    max_refits: int = MAX_REFITS,
    monitor: Monitor | None = None,
) -> int:
    """The size of the smallest set that flips a query, by a refit for every set of at most ``largest`` rows.

    Parameters
    ----------
    fit, x, threshold, edit, candidates
        As `find_flip_set` takes them.
    largest
        The largest sets that are tried.
    max_refits
        Refuse to start if more would be needed; `exhaustive_refits` counts them.

    Returns
    -------
    int
        The least size at which some set flips, or ``largest + 1`` if none does. A set whose margin after its refit is
        within 1e-6 of the threshold counts as flipping, one that leaves a single class cannot be refitted and does
        not count.

    Raises
    ------
    ValueError
        If more than ``max_refits`` refits would be needed, or an argument is not as described.

    Notes
    -----
    Cost: a few Newton steps a set, each 2 n_rows r^2 operations, r the lesser of n_rows and n_features.
    """
    check_edit(edit, who="exhaustive_lower_bound")
    cut = check_threshold(threshold, who="exhaustive_lower_bound")
    rows = np.arange(fit.n_rows) if candidates is None else as_rows(candidates, fit.n_rows, who=_WHO)
    largest = min(int(largest), len(rows))
    count = exhaustive_refits(len(rows), largest)
    if count > max_refits:
        fewer = max((s for s in range(largest) if exhaustive_refits(len(rows), s) <= max_refits), default=0)
        raise ValueError(
            f"exhaustive_lower_bound: expected at most {max_refits} refits, got {count} for sets of up to {largest} "
            f"of {len(rows)} rows. Take largest={fewer}, or fewer candidates, or raise max_refits."
        )
    task = _Small.of(fit, fit.problem.extended_rows(fit.query_of(x, who=_WHO))[:, 0], cut, edit)
    done = 0
    for size in range(1, largest + 1):
        for sets in _groups(rows, size, task.group_size):
            if task.may_flip(sets).any():
                return size
            done += len(sets)
            if monitor is not None:
                monitor.step("trying all sets", done, count)
    return largest + 1


_WHO = "exhaustive_lower_bound"


def _groups(rows: IntArray, size: int, group: int) -> Iterator[IntArray]:
    sets = combinations(rows.tolist(), size)
    while block := list(islice(sets, group)):
        yield np.fromiter(chain.from_iterable(block), np.int64, len(block) * size).reshape(-1, size)


@dataclass(frozen=True, eq=False)
class _Small:
    """The problem in coordinates of the row space, where the minimiser lies: at most n_rows + 1 parameters.

    ``z`` (n_rows, r) are the rows, the intercept's one included; ``query`` (r,) is the query, ``sign`` that of its
    margin at the fit, ``start`` (r,) the fit.
    """

    z: FloatArray
    penalty: FloatArray
    signs: FloatArray
    weights: FloatArray
    query: FloatArray
    start: FloatArray
    cut: float
    sign: float
    edit: Edit

    @classmethod
    def of(cls, fit: Fit, query: FloatArray, cut: float, edit: Edit) -> _Small:
        problem = fit.problem
        dense, free = problem.design.to_dense(), problem.has_intercept
        features = query[:-1] if free else query
        if dense.shape[1] > dense.shape[0]:
            basis, triangle = np.linalg.qr(dense.T)
            dense, features, coef = triangle.T, basis.T @ features, basis.T @ fit.coef
        else:
            coef = fit.coef
        penalty = np.full(dense.shape[1], problem.l2)
        if free:
            dense, features = np.column_stack([dense, np.ones(len(dense))]), np.append(features, 1.0)
            coef, penalty = np.append(coef, fit.intercept), np.append(penalty, problem.intercept_l2)
        sign = 1.0 if float(query @ fit.theta) - cut > 0 else -1.0
        signs, weights = problem.labels.signs, problem.weights
        return cls(dense, penalty, signs, weights, features, coef, cut, sign, edit)

    @property
    def group_size(self) -> int:
        """How many sets are refitted together."""
        return max(1, _GROUP_BYTES // (8 * self.z.size))

    def may_flip(self, sets: IntArray) -> BoolArray:
        """For sets (m, size) of rows: False where a refit shows that the prediction stands; (m,)."""
        signs, weights = np.tile(self.signs, (len(sets), 1)), np.tile(self.weights, (len(sets), 1))
        places = np.arange(len(sets))[:, None], sets
        if self.edit == "relabel":
            signs[places] *= -1.0
        else:
            weights[places] = 0.0
        both = (np.where(signs > 0, weights, 0.0).any(axis=1)) & (np.where(signs < 0, weights, 0.0).any(axis=1))
        out = np.zeros(len(sets), dtype=bool)
        if both.any():
            margin, error = self._margins(signs[both], weights[both])
            out[both] = ~(self.sign * margin > SLACK + 2.0 * error)
        return out

    def _margins(self, signs: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Margins after refits by damped Newton, and the size of what a further step could change of them."""
        theta = np.tile(self.start, (len(signs), 1))
        for _ in range(_MOST_STEPS):
            eta = theta @ self.z.T
            gradient = -(weights * signs * expit(-signs * eta)) @ self.z + theta * self.penalty
            hessian = (self.z.T * (weights * expit(eta) * expit(-eta))[:, None, :]) @ self.z
            hessian[:, range(len(self.penalty)), range(len(self.penalty))] += self.penalty
            right = np.stack([-gradient, np.broadcast_to(self.query, gradient.shape)], axis=2)
            solved = np.linalg.solve(hessian, right)
            step, factor = solved[:, :, 0], solved[:, :, 1]
            decrement = np.sqrt(np.abs(np.einsum("br,br->b", gradient, step)))
            error = decrement * np.sqrt(np.abs(factor @ self.query))
            if decrement.max() < _DONE:
                break
            theta = theta + self._lengths(theta, step, signs, weights, decrement)[:, None] * step
        return theta @ self.query - self.cut, error

    def _lengths(
        self, theta: FloatArray, step: FloatArray, signs: FloatArray, weights: FloatArray, decrement: FloatArray
    ) -> FloatArray:
        """Lengths at which the objective falls; 1 where the step is so short that rounding hides its fall."""
        before, lengths = self._objective(theta, signs, weights), np.ones(len(step))
        for _ in range(_MOST_HALVINGS):
            after = self._objective(theta + lengths[:, None] * step, signs, weights)
            worse = (after > before) & (decrement > 1e-5)
            if not worse.any():
                break
            lengths[worse] *= 0.5
        return lengths

    def _objective(self, theta: FloatArray, signs: FloatArray, weights: FloatArray) -> FloatArray:
        losses = np.logaddexp(0.0, -signs * (theta @ self.z.T))
        return np.asarray((weights * losses).sum(axis=1) + 0.5 * np.square(theta) @ self.penalty)

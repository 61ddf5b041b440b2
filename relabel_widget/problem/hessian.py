"""The Hessian as an operator: products and a diagonal, never a matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..design import Design, Gram
from ..vectors import PIECE, pieces


def eta_of(design: Design, v: FloatArray, has_intercept: bool) -> FloatArray:
    """``[X, 1] v`` for all rows of a design, or ``X v`` without intercept; (n_rows,). Cost: one product with X."""
    if not has_intercept:
        return design.matvec(v)
    out = design.matvec(v[:-1])
    out += v[-1]
    return out


@dataclass(frozen=True, eq=False)
class Hessian:
    """``[X, 1]' diag(curvature) [X, 1] + diag(penalty)`` (without the ones if there is no intercept).

    ``curvature`` (n_rows,) is ``weights_i p_i (1 - p_i)``; ``penalty`` (n_params,). Symmetric, positive definite
    as long as some curvature or an intercept penalty is positive. A product costs one pass over
    the blocks of X.

    With ``curvature`` of shape (n_rows, m) it stands for m Hessians that share the design, and ``matmat`` applies
    the k-th to column k.
    """

    design: Design
    curvature: FloatArray
    penalty: FloatArray
    has_intercept: bool

    @cached_property
    def _gram(self) -> Gram:
        return self.design.gram(self.curvature)

    def matvec(self, v: FloatArray, eta_direction: FloatArray | None = None) -> FloatArray:
        """``H v`` for v (n_params,). ``eta_direction`` (n_rows,), if given, receives ``[X, 1] v``."""
        out = self.penalty * v
        if not self.has_intercept:
            return out + self._gram.matvec(v, 0.0, eta_direction)[0]
        pulled, total = self._gram.matvec(v[:-1], float(v[-1]), eta_direction)
        out[:-1] += pulled
        out[-1] += total
        return out

    def matvec_from(self, v: FloatArray, eta_direction: FloatArray) -> FloatArray:
        """``H v`` given ``[X, 1] v``, (n_rows,). Cost: one product with X'."""
        out, u = self.penalty * v, self.curvature * eta_direction
        if not self.has_intercept:
            return out + self.design.rmatvec(u)
        out[:-1] += self.design.rmatvec(u)
        out[-1] += u.sum()
        return out

    def matmat(self, v: FloatArray) -> FloatArray:
        """``H V`` for V (n_params, m)."""
        out = self.penalty[:, None] * v
        if not self.has_intercept:
            return out + self._gram.matmat(v, np.zeros(v.shape[1]))[0]
        pulled, total = self._gram.matmat(np.ascontiguousarray(v[:-1]), v[-1])
        out[:-1] += pulled
        out[-1] += total
        return out

    def with_curvature(self, rows: IntArray, curvature: FloatArray) -> Hessian:
        """A copy in which the given rows have another curvature, (len(rows),)."""
        changed = self.curvature.copy()
        changed[rows] = curvature
        return replace(self, curvature=changed)

    def eta(self, v: FloatArray) -> FloatArray:
        """``[X, 1] v`` for v (n_params,). Cost: one product with X."""
        return eta_of(self.design, v, self.has_intercept)

    def root(self, a: FloatArray) -> FloatArray:
        """``sqrt(curvature) A`` for A (n_rows, m): of white noise, noise whose covariance is the rows' curvature."""
        return np.asarray(a * np.sqrt(self.curvature)[:, None])

    def energies(self, moved: FloatArray) -> FloatArray:
        """``curvature_i moved_i^2`` of rows that move so far, (n_rows, m); the mean over columns, (n_rows,)."""
        return np.asarray(self.curvature * np.square(moved).mean(axis=1))

    def columns(self, chosen: BoolArray) -> Hessian:
        """The Hessians of the chosen columns, mask (m,); itself if all columns share one."""
        return self if self.curvature.ndim == 1 else replace(self, curvature=self.curvature[:, chosen])

    def bound(self, apart: IntArray, f: Callable[..., FloatArray], *given: FloatArray) -> tuple[float, FloatArray]:
        """Upper bound on the norm of ``[X, 1]' u`` in ``H^-1``: ``sqrt(sum_i u_i^2 / curvature_i)``.

        ``u = f(*given)``, row by row on vectors (n_rows,), but 0 in the sorted rows ``apart``; the values of f there
        are returned, too, (len(apart),). H is at least ``[X, 1]' diag(curvature) [X, 1]``, so that
        ``[X, 1] H^-1 [X, 1]'`` is at most the inverse of the curvatures. Enormous if a row without curvature has
        a nonzero u. Cost: one pass over rows, without temporary vectors of full length.
        """
        total, kept = 0.0, np.empty(len(apart))
        with np.errstate(over="ignore"):
            for rows in pieces(len(self.curvature), PIECE):
                u = f(*(each[rows] for each in given))
                own = slice(*np.searchsorted(apart, (rows.start, rows.stop)))
                places = apart[own] - rows.start
                kept[own], u[places] = u[places], 0.0
                np.square(u, out=u)
                u /= np.maximum(self.curvature[rows], np.finfo(float).tiny)
                total += float(u.sum())
        return float(np.sqrt(total)), kept

    def diagonal(self) -> FloatArray:
        """The diagonal, shape (n_params,). Cost: one pass over X."""
        squares = self.design.weighted_square_sum(self.curvature)
        if self.has_intercept:
            squares = np.append(squares, self.curvature.sum())
        return squares + self.penalty

"""The rows' effects on each other, ``K = X H^-1 X'``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas, lapack

from .._typing import AnyArray, FloatArray, IntArray
from ..evidence import factors
from ..fits import Fit
from ..monitor import Monitor
from ..problem import Problem

# Entries may be off by this times sqrt(K_ii K_jj). Rounding to float32 takes 6e-8 of it; the rest allows for the
# factorisation, which is checked on some columns by conjugate gradients, to half of it.
ENTRY_ERROR = 1e-6
_CHECKED_ROWS = 6
_IN_CACHE, _FOR_PRODUCTS = 2**21, 2**25  # bytes of a block of rows, for one pass over it or for a product with a matrix


@dataclass(frozen=True, eq=False)
class Kernel:
    """``K_ij = x_i . H^-1 x_j`` of the training rows, including the intercept's 1, with H the Hessian at the fit.

    Attributes
    ----------
    cross
        K with zeros on its diagonal, float32, shape (n_rows, n_rows), symmetric.
    own
        The diagonal, float64, shape (n_rows,).
    inverse_norm
        An upper bound on the spectral norm of ``H^-1``.
    """

    cross: AnyArray
    own: FloatArray
    inverse_norm: float

    @property
    def outward(self) -> float:
        """A factor that covers the rounding of a float32 sum of n_rows non-negative terms in any order."""
        return 1.0 + 2.0 * (len(self.own) + 8) * float(np.finfo(np.float32).eps)

    def absolute_product(self, v: FloatArray) -> FloatArray:
        """Upper bounds on ``out_j = sum_l |K_jl| v_l`` over l != j, for v >= 0. Cost: one pass over K."""
        return self._product(np.abs, v)

    def square_product(self, v: FloatArray) -> FloatArray:
        """Upper bounds on ``out_j = sum_l K_jl^2 v_l`` over l != j, for v >= 0. Cost: one pass over K."""
        return self._product(np.square, v)

    def _product(self, entries: np.ufunc, v: FloatArray) -> FloatArray:
        scale = float(v.max(initial=0.0))
        if scale == 0.0:
            return np.zeros_like(v)
        narrow, out = (v / scale).astype(np.float32), np.empty_like(v)  # scaled, so that float32 does not underflow
        for rows in row_blocks(len(v), len(v)):
            # not BLAS: memory is the bottleneck, and on a busy machine its threads wait for each other at every block
            out[rows] = np.einsum("ij,j->i", entries(self.cross[rows]), narrow)
        return out * (self.outward * scale) + np.finfo(np.float32).tiny * len(v) * scale


def row_blocks(n_rows: int, width: int, *, product: bool = False) -> Iterator[slice]:
    """The rows in order, in blocks of some megabytes for ``width`` float32 columns."""
    size = max(1, (_FOR_PRODUCTS if product else _IN_CACHE) // (4 * max(1, width)))
    for first in range(0, n_rows, size):
        yield slice(first, min(first + size, n_rows))


def make_kernel(fit: Fit, monitor: Monitor | None = None) -> Kernel:
    """Make the kernel of a fit.

    With G = X L^-1 X' of the penalised columns (L the penalties), D the curvatures and V = chol(I + D^.5 G D^.5)^-1
    D^.5 G, Woodbury's identity gives K = G - V'V; rows without curvature need no special case. An unpenalised
    intercept adds z z' / (d . z), z = 1 - K d (the inverse of a bordered matrix).

    Raises
    ------
    ArithmeticError
        If a few columns, recomputed by conjugate gradients, differ by more than half of `ENTRY_ERROR`.

    Notes
    -----
    Cost: about 2.3 n_rows^3 floating-point operations in float64; peak memory 16 n_rows^2 bytes.
    """
    problem, d = fit.problem, fit.problem.d2loss(fit.eta)
    free = problem.has_intercept and problem.intercept_l2 == 0
    _tell(monitor, "factorising", 0)
    whitened, gram_d = _whitened(problem, d)
    _tell(monitor, "multiplying out", 1)
    bordered = 1.0 - (gram_d - whitened.T @ (whitened @ d)) if free else np.zeros_like(d)
    pivot = float(d @ bordered) if free else 1.0
    cross, own = _difference(problem, whitened, bordered, pivot)
    del whitened
    kernel = Kernel(cross, own, _inverse_norm(problem, d, pivot))
    _check(fit, kernel)
    return kernel


def _tell(monitor: Monitor | None, what: str, done: int) -> None:
    if monitor is not None:
        monitor.step(f"tables of the lower bound: {what}", done, 4)


def _gram_block(problem: Problem, rows: slice) -> FloatArray:
    """``G[:, rows]``: inner products in the penalised parameters, each divided by its penalty."""
    design = problem.design
    block = design.take(np.arange(rows.start, rows.stop, dtype=np.int64)).to_dense()
    out = design.matmat(np.ascontiguousarray(block.T)) / problem.l2
    if problem.has_intercept and problem.intercept_l2 > 0:
        out += 1.0 / problem.intercept_l2
    return out


def _whitened(problem: Problem, d: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``chol(I + D^.5 G D^.5)^-1 D^.5 G`` and ``G d``."""
    n, root = len(d), np.sqrt(d)
    gram = np.empty((n, n), order="F")
    for rows in row_blocks(n, 2 * max(n, problem.design.n_features), product=True):
        gram[:, rows] = _gram_block(problem, rows)
    gram_d = gram @ d
    gram *= root[:, None]
    system = np.asfortranarray(gram * root[None, :]) if n else gram
    system[np.diag_indices(n)] += 1.0
    factor, failed = lapack.dpotrf(system, lower=1, overwrite_a=1, clean=0)
    if failed:  # the identity plus a positive semidefinite matrix, up to rounding
        raise _inaccurate(np.inf)
    return np.asarray(blas.dtrsm(1.0, factor, gram, lower=1, overwrite_b=1)), gram_d


def _difference(
    problem: Problem, whitened: FloatArray, bordered: FloatArray, pivot: float
) -> tuple[AnyArray, FloatArray]:
    """``G - V'V + z z' / pivot`` by blocks of rows, lower half first, then mirrored; the diagonal separately."""
    n = len(bordered)
    cross, own = np.zeros((n, n), dtype=np.float32), np.empty(n)
    for rows in row_blocks(n, 2 * max(n, problem.design.n_features), product=True):
        upto = slice(0, rows.stop)
        block = _gram_block(problem, rows)[upto].T - whitened[:, rows].T @ whitened[:, upto]
        block += np.outer(bordered[rows] / pivot, bordered[upto])
        own[rows] = np.diagonal(block, offset=rows.start)
        cross[rows, upto] = block
        cross[upto, rows] = block.T
    cross[np.diag_indices(n)] = 0.0
    return cross, np.maximum(own, 0.0)


def _inverse_norm(problem: Problem, d: FloatArray, pivot: float) -> float:
    """An upper bound on ``|H^-1|``.

    If all parameters are penalised, 1 / the smallest penalty. Otherwise H^-1 = diag(A^-1, 0) + v v' / pivot, A >= l2,
    v = (-A^-1 X'd, 1), and |A^-1 X'd|^2 <= d'X A^-1 X'd / l2 <= sum(d) / l2.
    """
    if not problem.has_intercept:
        return 1.0 / problem.l2
    if problem.intercept_l2 > 0:
        return 1.0 / min(problem.l2, problem.intercept_l2)
    return 1.0 / problem.l2 + (1.0 + float(d.sum()) / problem.l2) / pivot


def _check(fit: Fit, kernel: Kernel) -> None:
    rows = _spread(kernel.own)
    design = fit.problem.design
    solved = fit.problem.extended_matvec(design, factors(fit, design.take(rows)))
    made = kernel.cross[:, rows].astype(np.float64)
    made[rows, np.arange(len(rows))] = kernel.own[rows]
    scale = np.sqrt(np.outer(kernel.own, kernel.own[rows]))
    error = float((np.abs(made - solved) / np.where(scale > 0, scale, 1.0)).max(initial=0.0))
    if not error <= 0.5 * ENTRY_ERROR:
        raise _inaccurate(error)


def _inaccurate(error: float) -> ArithmeticError:
    return ArithmeticError(
        f"remainder_bound: the tables are accurate to {error:.1g}, expected {0.5 * ENTRY_ERROR:.1g}. Likely "
        "cause: columns of very different scale, or a very large C; standardise the columns, or use a smaller C."
    )


def _spread(own: FloatArray) -> IntArray:
    """Some rows, from the smallest to the largest own effect."""
    places = np.linspace(0, len(own) - 1, min(_CHECKED_ROWS, len(own))).astype(np.int64)
    return np.unique(np.argsort(own, kind="stable")[places])

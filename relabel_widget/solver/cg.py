"""Preconditioned conjugate gradients, for one and for many right-hand sides.

Source: Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems" (1952), in the
preconditioned form of Saad, "Iterative Methods for Sparse Linear Systems", algorithm 9.1. Residuals are measured as
``sqrt(r' M^-1 r)``, M the preconditioner: if M were H, this would be the error in the norm of H, which bounds the
error of every score ``x_i . H^-1 b`` and of a margin at the end of a Newton step. The Euclidean norm emphasises
columns with large curvature, where a residual matters least, and takes a sixth more products on texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np

from .._typing import FloatArray
from ..monitor import Monitor
from ..problem import Hessian
from ..vectors import add_scaled, blas_in_one_thread, column_dots, dot, pieces
from .preconditioner import Preconditioner
from .result import SolveResult

_NO_CURVATURE = 1e-14  # of what the preconditioner expects: less means saturated rows and an unpenalised intercept
_RECOMPUTE = 50  # the recursive residual drifts from the true one and is recomputed after this many iterations


def solve(
    hessian: Hessian,
    b: FloatArray,
    *,
    rtol: float,
    preconditioner: Preconditioner,
    start: tuple[FloatArray, FloatArray] | None = None,
    with_eta: bool = False,
    max_iterations: int = 10_000,
    monitor: Monitor | None = None,
) -> SolveResult:
    """Solve ``H x = b`` for one right-hand side.

    Parameters
    ----------
    b
        Shape (n_params,).
    rtol
        Stop when ``|b - H x| <= rtol |b|`` in the norm of the preconditioner.
    start
        Initial guess, shape (n_params,), and its ``[X, 1] x``, (n_rows,), which saves half a product; zero if
        None.
    with_eta
        Whether to return ``[X, 1] x``, which products compute on the way.
    monitor
        Checked at every iteration.

    Ends unconverged if H has practically no curvature. Cost: one Hessian product per iteration, one product with X'
    for an initial guess; memory of four vectors, and two of n_rows for ``[X, 1] x``.
    """
    if start is None:
        x, r = np.zeros_like(b), b.copy()
    else:
        x, r = start[0].copy(), b - hessian.matvec_from(*start)
    etas, products = _Eta(hessian, start and start[1]) if with_eta else None, 0
    z = preconditioner.apply(r)
    p, rz = z, dot(r, z)
    size = rz if start is None else dot(b, preconditioner.apply(b))
    target = rtol**2 * size
    while rz > target and products < max_iterations:
        if monitor is not None:
            monitor.check()
        hp = hessian.matvec(p, etas.latest if etas else None)
        products += 1
        curvature = dot(p, hp)
        if not curvature > _NO_CURVATURE * rz:
            break
        alpha = rz / curvature
        add_scaled(x, alpha, p)
        if etas is not None:
            etas.add(alpha)
        if products % _RECOMPUTE:
            add_scaled(r, -alpha, hp)
        else:
            r = b - hessian.matvec(x)
        z = preconditioner.apply(r)
        rz_next = dot(r, z)
        p *= rz_next / rz
        p += z
        rz = rz_next
    scale = float(np.sqrt(size))
    residual = float(np.sqrt(rz)) / scale if scale else 0.0
    found = np.empty(0) if etas is None else etas.total(x)
    return SolveResult(x, residual, scale, products, rz <= target, found, r)


class _Eta:
    """``[X, 1] x`` of a solution, accumulated from products with its directions, from ``start`` (n_rows,) or zero.

    Each product computes ``[X, 1]`` times its direction on the way, which takes one write per row and a pass to add.
    If rows live on workers, that would transfer a vector each time: one product at the end costs less.
    """

    def __init__(self, hessian: Hessian, start: FloatArray | None) -> None:
        self._hessian = hessian
        n_rows = len(hessian.curvature)
        self._sum = np.zeros(n_rows) if start is None else start.copy()
        self.latest = None if hessian.design.place == "workers" else np.empty(n_rows)

    def add(self, scale: float) -> None:
        """Add ``scale`` times that of the latest direction."""
        if self.latest is not None:
            add_scaled(self._sum, scale, self.latest)

    def total(self, x: FloatArray) -> FloatArray:
        """``[X, 1] x`` of the solution x, (n_rows,)."""
        if self.latest is not None:
            return self._sum
        return self._hessian.eta(x)


def solve_many(
    hessian: Hessian,
    b: FloatArray,
    *,
    rtol: float,
    preconditioner: Preconditioner,
    start: FloatArray | None = None,
    width: int | None = None,
    with_eta: bool = False,
    max_iterations: int = 10_000,
    monitor: Monitor | None = None,
) -> SolveResult:
    """Solve ``H X = B`` for many right-hand sides, ``width`` columns at a time; converged columns drop out.

    Parameters
    ----------
    b
        Shape (n_params, m).
    start
        Initial guesses, same shape; they cost a product. Zero if None.
    width
        16 if groups of columns are solved in parallel, one per core, because a product keeps only one core busy;
        32 otherwise.
    with_eta
        As in `solve` for one column; ignored for many.

    The columns share passes over X, but not Krylov spaces. Cost: at most as many blocked products as the slowest
    column takes iterations by itself; memory of five (n_params, width) arrays besides the solution, for each
    group being solved.
    """
    # threads would cost as much as a small system itself
    if b.shape[1] == 1 and hessian.curvature.ndim == 1 and start is None:
        one = solve(
            hessian,
            b[:, 0],
            rtol=rtol,
            preconditioner=preconditioner,
            with_eta=with_eta,
            max_iterations=max_iterations,
            monitor=monitor,
        )
        return replace(one, x=one.x[:, None])
    design = hessian.design
    width = width or (16 if design.one_core else 32)
    if b.shape[1] <= width:
        return _solve_group(hessian, b, start, rtol, preconditioner, max_iterations, monitor)
    solution = np.zeros_like(b)
    parts = list(pieces(b.shape[1], width))

    def solved(part: slice) -> SolveResult:
        first = None if start is None else start[:, part]
        return _solve_group(hessian, b[:, part], first, rtol, preconditioner, max_iterations, monitor)

    worst = 0.0
    scale = 0.0
    products = 0
    converged = True
    with _side_by_side(_cores(len(parts)) if design.one_core else 1) as pool:
        for part, done in zip(parts, pool.map(solved, parts), strict=True):
            solution[:, part] = done.x
            worst = max(worst, done.residual)
            scale = max(scale, done.scale)
            products = products + done.iterations
            converged = converged and done.converged
    return SolveResult(solution, worst, scale, products, converged)


@contextmanager
def _side_by_side(n_threads: int) -> Iterator[Executor]:
    """Threads for groups of columns, with BLAS limited to one: both kinds together took twice as long on two cores."""
    with blas_in_one_thread() if n_threads > 1 else nullcontext(), ThreadPoolExecutor(n_threads) as pool:
        yield pool


def _cores(most: int) -> int:
    from joblib import cpu_count

    return max(1, min(most, int(cpu_count())))


def _solve_group(
    hessian: Hessian,
    b: FloatArray,
    start: FloatArray | None,
    rtol: float,
    preconditioner: Preconditioner,
    max_iterations: int,
    monitor: Monitor | None,
) -> SolveResult:
    z = preconditioner.apply(b)
    size = column_dots(b, z)
    if start is None:
        solution, r, rz, products = np.zeros_like(b), b, size, 0
    else:
        solution, r, products = start * (size > 0), b - hessian.matmat(start), 1
        z = preconditioner.apply(r)
        rz = column_dots(r, z)
    left = np.divide(rz, size, out=np.zeros_like(size), where=size > 0)  # squared relative residuals
    going = left > rtol**2
    active = np.flatnonzero(going)
    hessian = hessian.columns(going)
    x = solution[:, active].copy()
    r = r[:, active].copy()
    p = z[:, active].copy()
    rz = rz[active]
    scratch = np.empty_like(r)
    while len(active) and products < max_iterations:
        if monitor is not None:
            monitor.check()
        hp = hessian.matmat(p)
        products += 1
        curvature = column_dots(p, hp)
        curved = curvature > _NO_CURVATURE * rz
        alpha = np.divide(rz, curvature, out=np.zeros_like(rz), where=curved)
        x += np.multiply(p, alpha, out=scratch)
        if products % _RECOMPUTE:
            hp *= alpha
            r -= hp
        else:
            r = b[:, active] - hessian.matmat(x)
        z = preconditioner.apply(r)
        rz_next = column_dots(r, z)
        left[active] = rz_next / size[active]
        going = (left[active] > rtol**2) & curved
        p *= rz_next / rz
        p += z
        rz = rz_next
        if not going.all():
            solution[:, active[~going]] = x[:, ~going]
            active = active[going]
            x = x[:, going]
            r = r[:, going]
            p = p[:, going]
            rz = rz[going]
            hessian, scratch = hessian.columns(going), np.empty_like(p)
    solution[:, active] = x
    worst, scale = (float(np.sqrt(squares.max(initial=0.0))) for squares in (left, size))
    return SolveResult(solution, worst, scale, products, bool((left <= rtol**2).all()))

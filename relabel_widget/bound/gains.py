"""The largest gain that editing a given number of rows can have at one query, from closed boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IntArray
from ..fits import Fit
from .boxes import Boxes, Closure

_BEST = 200  # rows whose pairs are bounded individually


@dataclass(frozen=True, eq=False)
class Query:
    """One query as the bound sees it.

    Attributes
    ----------
    need
        Distance to the threshold, in log-odds.
    pull
        ``x_i . v`` for each training row, v about ``H^-1 x``, times -1 if the flip lowers the log-odds; (n_rows,).
    residual, factor_norm
        Euclidean norms of ``x - H v`` and of v.
    product
        ``x . v``.
    """

    need: float
    pull: FloatArray
    residual: float
    factor_norm: float
    product: float


def queries_of(fit: Fit, right: FloatArray, solved: FloatArray, offset: float) -> list[Query]:
    """Queries from their extended rows and factors, (n_params, m), and the threshold as log-odds."""
    problem, theta = fit.problem, fit.theta
    residuals = np.linalg.norm(right - fit.hessian.matmat(solved), axis=0)
    pulls = problem.extended_matvec(problem.design, solved)
    margins = theta @ right - offset
    norms = np.linalg.norm(solved, axis=0)
    products = np.einsum("pm,pm->m", right, solved)
    return [
        Query(abs(float(margin)), pull if margin <= 0 else -pull, float(residual), float(norm), float(product))
        for margin, pull, residual, norm, product in zip(margins, pulls.T, residuals, norms, products, strict=True)
    ]


def direct_gains(closure: Closure, boxes: Boxes, query: Query) -> FloatArray:
    """Upper bounds on the gain from each candidate's own force if edited, (n_rows,). Cost: a pass over vectors."""
    ends = -closure.rows.signs * query.pull * np.stack(boxes.push)
    return np.asarray(np.maximum(ends.max(axis=0), 0.0))


def largest_gain(closure: Closure, boxes: Boxes, query: Query) -> float:
    """Upper bound on how far any set of at most ``boxes.size`` candidates moves the query towards the threshold.

    Equation (4) in the package docstring. Cost: one pass over the kernel and a product of 200 of its rows.
    """
    direct = direct_gains(closure, boxes, query)
    bend_below, bend_above = closure.rows.bends(boxes.kept)
    weight = np.maximum(query.pull, 0.0) * bend_below + np.maximum(-query.pull, 0.0) * bend_above
    weight = weight / np.square(boxes.contraction)
    cross = float(np.sqrt(weight @ np.square(boxes.cross)))
    quadratic = _quadratic(closure, boxes, direct, weight)
    return _best_split(direct, quadratic, cross, boxes.size) + _errors(closure, boxes, query)


def _quadratic(closure: Closure, boxes: Boxes, direct: FloatArray, weight: FloatArray) -> FloatArray:
    """Rows' shares r_i with ``beta' W beta <= sum over S of r_i``, ``W = K0 diag(weight) K0``; shape (n_rows,)."""
    size = boxes.size
    force = np.maximum(np.abs(boxes.push[0]), np.abs(boxes.push[1]))
    norms = force * np.sqrt(closure.kernel.square_product(weight))
    largest = np.sort(norms)[-size:]
    shares = norms * largest.sum()  # Cauchy-Schwarz for any partners
    best = np.argsort(-(direct + shares), kind="stable")[:_BEST]
    left_out = np.delete(norms, best).max(initial=0.0)
    pairs = _pairs(closure, boxes, weight, best, force, norms)
    partners = np.column_stack([pairs, np.repeat((norms[best] * left_out)[:, None], size - 1, axis=1)])
    paired = np.square(norms[best]) + _largest_sum(partners, size - 1)
    shares[best] = np.minimum(shares[best], paired)
    return np.asarray(shares)


def _pairs(
    closure: Closure, boxes: Boxes, weight: FloatArray, best: IntArray, force: FloatArray, norms: FloatArray
) -> FloatArray:
    """Upper bounds on ``beta_i W_ij beta_j`` for pairs of the best rows, 0 for i = j; uses known signs."""
    rows = closure.kernel.cross[best].astype(np.float64)
    scale = closure.rows.signs[best] * force[best]
    table = ((rows * weight) @ rows.T) * np.outer(scale, scale)
    forward = boxes.push[0][best] >= 0
    table = np.where(np.outer(forward, forward), np.maximum(table, 0.0), np.abs(table))
    table += 1e-12 * np.outer(norms[best], norms[best])
    np.fill_diagonal(table, 0.0)
    return np.asarray(table)


def _largest_sum(table: FloatArray, size: int) -> FloatArray:
    """Sum of the ``size`` largest entries of each row."""
    if size == 0:
        return np.zeros(len(table))
    return np.asarray(np.partition(table, table.shape[1] - size, axis=1)[:, table.shape[1] - size :].sum(axis=1))


def _best_split(direct: FloatArray, quadratic: FloatArray, cross: float, size: int) -> float:
    """``sum direct + (sqrt(sum quadratic) + cross)^2`` over the worst rows, split by (1 + s) and (1 + 1/s).

    Any s > 0 is sound; those tried fit the sum of the quadratic shares of the worst rows, half of it and a quarter.
    """
    largest = float(np.sort(quadratic)[-size:].sum())
    if cross == 0.0 or largest == 0.0:
        return float(np.sort(direct + quadratic)[-size:].sum()) + cross**2
    found = np.inf
    for part in (1.0, 0.5, 0.25):
        split = cross / (part * np.sqrt(largest))
        total = float(np.sort(direct + (1.0 + split) * quadratic)[-size:].sum())
        found = min(found, total + (1.0 + 1.0 / split) * cross**2)
    return found


def _errors(closure: Closure, boxes: Boxes, query: Query) -> float:
    """Error bound for an inexact factor and an inexact minimiser: ``|v| |g| + |x - H v| |change of theta|``."""
    root = float(np.sqrt(closure.kernel.inverse_norm))
    change = root * (boxes.moved * (1.0 + 1e-5) + closure.gradient_error)
    return float(query.factor_norm * closure.gradient_error / root + query.residual * change)

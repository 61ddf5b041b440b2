"""Evidence about a row's label from each column by itself, which no other column can explain away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import FloatArray
from ..design import Design
from ..monitor import Monitor

_ENTRIES = 1_000_000  # of a block, processed at a time: temporary arrays of 8 MB


def column_evidence(
    design: Design,
    targets: FloatArray,
    weights: FloatArray,
    shrinkage: Sequence[float],
    *,
    monitor: Monitor | None = None,
) -> FloatArray:
    """Sum over columns of each one's own log-odds for a left-out row, divided by the root of the row's length.

    ``out_ik = sum_j x_ij (g_j - r_i x_ij) / (lambda_k m + q_j - v_i x_ij^2) / sqrt(1 + sum_j x_ij^2 / m)`` with
    ``r_i = s_i (t_i - pi)``, ``v_i = s_i pi (1 - pi)``, ``g_j = sum_i r_i x_ij``, ``q_j = sum_i v_i x_ij^2``, pi the
    weighted mean of t, and m the mean square of the nonzero entries.

    Parameters
    ----------
    design
        X, shape (n_rows, n_features).
    targets
        t, 0 or 1, shape (n_rows,).
    weights
        s, non-negative, shape (n_rows,).
    shrinkage
        lambda for each result: the number of neutral pseudo-entries added to each column.

    Returns
    -------
    float64, shape (n_rows, len(shrinkage))
        In log-odds up to a positive factor and a constant. Scaling X by a number does not change it.

    Notes
    -----
    The quotient is one Newton step from the constant model for column j alone, on all rows except i: logistic
    regression with a diagonal Hessian, a close relative of naive Bayes (Ng and Jordan, "On discriminative vs.
    generative classifiers", 2001). Leaving a row out is exact for g and q; pi is that of all rows. The evidence of
    many words is added as if they were independent, hence the division by the root of the row's length.

    Cost: the passes over X of three products, and a few operations per entry and lambda.
    """
    prior = float(np.average(targets, weights=weights))
    pull, curve = weights * (targets - prior), weights * prior * (1.0 - prior)
    gradient, curvature = design.rmatvec(pull), design.weighted_square_sum(curve)
    scale = _mean_square(design)
    out = np.empty((design.n_rows, len(shrinkage)))
    for rows, of_row, of_column, x in _entries(design):
        if monitor is not None:
            monitor.check()
        here = np.square(x)
        own = rows.start + of_row
        n_rows = rows.stop - rows.start
        force = gradient[of_column] - pull[own] * x
        stiffness = np.maximum(curvature[of_column] - curve[own] * here, 0.0)  # rounding, if no other row has it
        length = np.sqrt(1.0 + np.bincount(of_row, here, n_rows) / scale)
        for k, each in enumerate(shrinkage):
            out[rows, k] = np.bincount(of_row, x * force / (each * scale + stiffness), n_rows) / length
    return out


def _mean_square(design: Design) -> float:
    """The mean square of the nonzero entries; 1 if there are none."""
    count = sum(int(np.count_nonzero(x)) for _, _, _, x in _entries(design))
    return float(design.weighted_square_sum(np.ones(design.n_rows)).sum()) / count if count else 1.0


def _entries(design: Design) -> Iterator[tuple[slice, Any, Any, FloatArray]]:
    """The entries of X in pieces: (slice of rows, row within it, column, value), the last three of equal length."""
    for rows, block in design.blocks():
        n_rows = rows.stop - rows.start
        stored = block.nnz if sparse.issparse(block) else block.size
        step = max(1, int(n_rows * _ENTRIES / max(stored, 1)))
        for first in range(0, n_rows, step):
            last = min(first + step, n_rows)
            part = block[first:last]
            if sparse.issparse(part):
                of_row = np.repeat(np.arange(last - first), np.diff(part.indptr))
                of_column = part.indices
                x = part.data
            else:
                of_row, of_column = (index.ravel() for index in np.indices(part.shape, sparse=False))
                x = np.ascontiguousarray(part).ravel()
            yield slice(rows.start + first, rows.start + last), of_row, of_column, x

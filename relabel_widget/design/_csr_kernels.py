"""Compiled loops over one block of compressed sparse rows as it is stored.

Each function runs without the interpreter's lock and adds in a fixed order. A block is ``starts`` int32 (n_rows + 1,),
``columns`` uint32 (signed numbers would be compared with 0 at each use) and ``values`` of any type, or None where all
are 1: numba compiles a function for each type that occurs. Sums are float64.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import numpy as np

from ._kernels import compiled


@compiled
def _value(values, k):
    if values is None:
        return 1.0
    return float(values[k])


@compiled
def _dot(starts, columns, values, i, v, c):
    """``sum_j X_ij V_jc``: four sums side by side, as one would wait for itself at every addition."""
    s0 = s1 = s2 = s3 = 0.0
    k, end = starts[i], starts[i + 1]
    while k + 4 <= end:
        s0 += _value(values, k) * v[columns[k], c]
        s1 += _value(values, k + 1) * v[columns[k + 1], c]
        s2 += _value(values, k + 2) * v[columns[k + 2], c]
        s3 += _value(values, k + 3) * v[columns[k + 3], c]
        k += 4
    while k < end:
        s0 += _value(values, k) * v[columns[k], c]
        k += 1
    return (s0 + s1) + (s2 + s3)


@compiled
def _add(starts, columns, values, i, w, out, c):
    """``out_jc += X_ij w``."""
    for k in range(starts[i], starts[i + 1]):
        out[columns[k], c] += _value(values, k) * w


@compiled
def forward(starts, columns, values, v, out):
    """``out_i = sum_j X_ij v_j0``."""
    for i in range(len(starts) - 1):
        out[i] = _dot(starts, columns, values, i, v, 0)


@compiled
def backward(starts, columns, values, u, out):
    """``out_j0 += sum_i X_ij u_i``."""
    for i in range(len(starts) - 1):
        _add(starts, columns, values, i, u[i], out, 0)


@compiled
def backward_squares(starts, columns, values, u, out):
    """``out_j0 += sum_i X_ij^2 u_i``."""
    for i in range(len(starts) - 1):
        for k in range(starts[i], starts[i + 1]):
            value = _value(values, k)
            out[columns[k], 0] += value * value * u[i]


@compiled
def side_by_side(v, columns):
    """What the sweeps below walk, (n_features, 2 m): m columns of v, and as many of zeros to add to.

    What is added to a column then lies where the column was just read, which halves the lines of the cache that a row
    needs.
    """
    n, m = len(v), len(columns)
    both = np.empty((n, 2 * m))
    for j in range(n):
        for c in range(m):
            both[j, c], both[j, m + c] = v[j, columns[c]], 0.0
    return both


@compiled
def sweep(starts, columns, values, d, shift, both, totals):
    """``out += X' u`` and ``totals_0 += sum u`` for ``u = d (X v + shift)``.

    ``both`` (n_features, 2) holds v and out; d (n_rows, 1), shift and totals (1,).
    """
    total = 0.0
    for i in range(len(starts) - 1):
        u = d[i, 0] * (_dot(starts, columns, values, i, both, 0) + shift[0])
        total += u
        _add(starts, columns, values, i, u, both, 1)
    totals[0] += total


@compiled
def sweep_four(starts, columns, values, d, shift, both, totals):
    """`sweep` for four columns side by side: d (n_rows, 1) or (n_rows, 4), shift and totals (4,).

    ``both`` (n_features, 8) holds four of v, then four of out. The sums of a row are four names, not an array: only
    so does the compiler keep them in registers.
    """
    step = min(1, d.shape[1] - 1)
    for i in range(len(starts) - 1):
        a0, a1, a2, a3 = shift[0], shift[1], shift[2], shift[3]
        for k in range(starts[i], starts[i + 1]):
            row, value = both[columns[k]], _value(values, k)
            a0 += value * row[0]
            a1 += value * row[1]
            a2 += value * row[2]
            a3 += value * row[3]
        a0 *= d[i, 0]
        a1 *= d[i, step]
        a2 *= d[i, 2 * step]
        a3 *= d[i, 3 * step]
        totals[0] += a0
        totals[1] += a1
        totals[2] += a2
        totals[3] += a3
        for k in range(starts[i], starts[i + 1]):
            row, value = both[columns[k]], _value(values, k)
            row[4] += value * a0
            row[5] += value * a1
            row[6] += value * a2
            row[7] += value * a3

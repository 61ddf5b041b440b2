"""Compiled loops over one block of compressed sparse rows in its stored form.

Each function releases the GIL and adds in a fixed order. A block is ``starts`` int32 (n_rows + 1,), ``columns`` uint32
(signed numbers would be compared with 0 at each use) and ``values`` of any type, or None if all are 1: numba compiles
a version for each type that occurs. If each value is used only once or twice, the values of a row are converted to
float64 together, which is a third faster than converting each in place. Sums are float64.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import numpy as np

from ._kernels import compiled


@compiled
def _row_buffer(starts):
    """Ones, as many as there are values in the longest row."""
    longest = 0
    for i in range(len(starts) - 1):
        longest = max(longest, starts[i + 1] - starts[i])
    return np.ones(longest)


@compiled
def _decode(values, first, size, row):
    """Copy values into ``row``, made by `_row_buffer`; if all values are 1, it holds them already."""
    if values is not None:
        part = values[first : first + size]
        for k in range(size):
            row[k] = part[k]


@compiled
def _dot(columns, first, size, row, v, step):
    """``sum_j X_ij v_(step j)``: four interleaved sums: a single one would wait for itself at every addition."""
    at = columns[first : first + size]
    s0 = s1 = s2 = s3 = 0.0
    whole = size // 4 * 4
    for k in range(0, whole, 4):
        s0 += row[k] * v[step * at[k]]
        s1 += row[k + 1] * v[step * at[k + 1]]
        s2 += row[k + 2] * v[step * at[k + 2]]
        s3 += row[k + 3] * v[step * at[k + 3]]
    for k in range(whole, size):
        s0 += row[k] * v[step * at[k]]
    return (s0 + s1) + (s2 + s3)


@compiled
def forward(starts, columns, values, v, out):
    """``out_i = sum_j X_ij v_j``."""
    row = _row_buffer(starts)
    for i in range(len(starts) - 1):
        first, size = starts[i], starts[i + 1] - starts[i]
        _decode(values, first, size, row)
        out[i] = _dot(columns, first, size, row, v, 1)


@compiled
def backward(starts, columns, values, u, out):
    """``out_j += sum_i X_ij u_i``."""
    row = _row_buffer(starts)
    for i in range(len(starts) - 1):
        first = starts[i]
        size = starts[i + 1] - starts[i]
        w = u[i]
        _decode(values, first, size, row)
        at = columns[first : first + size]
        for k in range(size):
            out[at[k]] += row[k] * w


@compiled
def backward_squares(starts, columns, values, u, out):
    """``out_j += sum_i X_ij^2 u_i``."""
    row = _row_buffer(starts)
    for i in range(len(starts) - 1):
        first = starts[i]
        size = starts[i + 1] - starts[i]
        w = u[i]
        _decode(values, first, size, row)
        at = columns[first : first + size]
        for k in range(size):
            out[at[k]] += row[k] * row[k] * w


@compiled
def side_by_side(v, columns, both):
    """Write the array that the sweeps below use, (n_features, 2 m): m columns of v, then m columns of zeros for sums.

    Sums for a column are then next to the values just read, which halves the number of cache lines that a row needs.
    """
    m = len(columns)
    for j in range(len(v)):
        for c in range(m):
            both[j, c], both[j, m + c] = v[j, columns[c]], 0.0


@compiled
def sweep(starts, columns, values, d, shift, both, totals, image):
    """``out += X' u`` and ``totals_0 += sum u`` for ``u = d (X v + shift)``.

    ``both`` (n_features, 2) holds v and out; d (n_rows, 1), shift and totals (1,). ``image`` receives ``X v + shift``,
    unless it is None.
    """
    row = _row_buffer(starts)
    flat = both.reshape(-1)
    total = 0.0
    for i in range(len(starts) - 1):
        first, size = starts[i], starts[i + 1] - starts[i]
        _decode(values, first, size, row)
        moved = _dot(columns, first, size, row, flat, 2) + shift[0]
        if image is not None:
            image[i] = moved
        u = d[i, 0] * moved
        total += u
        at = columns[first : first + size]
        for k in range(size):
            flat[2 * at[k] + 1] += row[k] * u
    totals[0] += total


@compiled
def _value(values, k):
    if values is None:
        return 1.0
    return float(values[k])


@compiled
def sweep_four(starts, columns, values, d, shift, both, totals):
    """`sweep` for four columns side by side: d (n_rows, 1) or (n_rows, 4), shift and totals (4,).

    ``both`` (n_features, 8) holds four of v, then four of out. The sums of a row are four variables, not an array:
    otherwise the compiler would not keep them in registers.
    """
    step = min(1, d.shape[1] - 1)
    for i in range(len(starts) - 1):
        a0 = shift[0]
        a1 = shift[1]
        a2 = shift[2]
        a3 = shift[3]
        for k in range(starts[i], starts[i + 1]):
            line, value = both[columns[k]], _value(values, k)
            a0 += value * line[0]
            a1 += value * line[1]
            a2 += value * line[2]
            a3 += value * line[3]
        a0 *= d[i, 0]
        a1 *= d[i, step]
        a2 *= d[i, 2 * step]
        a3 *= d[i, 3 * step]
        totals[0] += a0
        totals[1] += a1
        totals[2] += a2
        totals[3] += a3
        for k in range(starts[i], starts[i + 1]):
            line, value = both[columns[k]], _value(values, k)
            line[4] += value * a0
            line[5] += value * a1
            line[6] += value * a2
            line[7] += value * a3

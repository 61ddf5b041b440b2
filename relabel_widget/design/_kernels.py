"""Compiled loops over a `CompactDesign`; the one module that imports numba.

Each function runs over the row blocks ``first .. last``, releases the GIL and adds in a fixed order. The arrays, as in
`Layout`: ``columns`` and ``starts`` are the entries equal to 1, row by row; ``rest_*`` are all others, block by block,
as (row in its block, column, value). Within a block the rest is ordered by position in the row, so that successive
additions go to different rows and need not wait for each other.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

_RUN = 32  # blocks


def compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call; cached on disk if numba finds a writable directory."""
    try:
        made: Callable[..., Any] = njit(nogil=True, cache=True)(loop)
    except RuntimeError:  # no writable directory: compiled again in each process
        made = njit(nogil=True)(loop)
    return made


@compiled
def _dots(r0, r1, columns, starts, v, t):
    """Four interleaved sums: a single one would wait for itself at every addition."""
    for i in range(r0, r1):
        a = b = c = d = 0.0
        k, end = starts[i], starts[i + 1]
        while k + 4 <= end:
            a += v[columns[k]]
            b += v[columns[k + 1]]
            c += v[columns[k + 2]]
            d += v[columns[k + 3]]
            k += 4
        while k < end:
            a += v[columns[k]]
            k += 1
        t[i - r0] = (a + b) + (c + d)


@compiled
def forward(first, last, size, columns, starts, rest_starts, rest_rows, rest_columns, rest_values, v, out):
    """``out_i = sum_j X_ij v_j``."""
    for block in range(first, last):
        r0 = block * size
        r1 = min(len(starts) - 1, r0 + size)
        t = out[r0:r1]
        _dots(r0, r1, columns, starts, v, t)
        for k in range(rest_starts[block], rest_starts[block + 1]):
            t[rest_rows[k]] += rest_values[k] * v[rest_columns[k]]


@compiled
def backward(first, last, size, columns, starts, rest_starts, rest_rows, rest_columns, rest_values, u, out):
    """``out_j += sum_i X_ij u_i``."""
    for block in range(first, last):
        r0 = block * size
        r1 = min(len(starts) - 1, r0 + size)
        for i in range(r0, r1):
            w = u[i]
            for k in range(starts[i], starts[i + 1]):
                out[columns[k]] += w
        for k in range(rest_starts[block], rest_starts[block + 1]):
            out[rest_columns[k]] += rest_values[k] * u[r0 + rest_rows[k]]


@compiled
def sweep(
    first, last, size, columns, starts, rest_starts, rest_rows, rest_columns, rest_values, v, d, shift, out, sums, image
):
    """``out += X' u`` and ``sums_0 += sum u`` for ``u = d (X v + shift)``: a block is read twice while it is in cache.

    ``image`` receives ``X v + shift``, unless it is None.
    """
    t, total = np.empty(size), 0.0
    for block in range(first, last):
        r0 = block * size
        r1 = min(len(starts) - 1, r0 + size)
        low, high = rest_starts[block], rest_starts[block + 1]
        _dots(r0, r1, columns, starts, v, t)
        for k in range(low, high):
            t[rest_rows[k]] += rest_values[k] * v[rest_columns[k]]
        for i in range(r0, r1):
            moved = t[i - r0] + shift
            if image is not None:
                image[i] = moved
            w = d[i] * moved
            t[i - r0] = w
            total += w
            for k in range(starts[i], starts[i + 1]):
                out[columns[k]] += w
        for k in range(low, high):
            out[rest_columns[k]] += rest_values[k] * t[rest_rows[k]]
    sums[0] += total


@compiled
def _add_four(first, last, values, places, sums, sources, terms):
    """``sums[places_k] += values_k terms[sources_k]`` for k from ``first`` on, both with four columns."""
    for k in range(first, last):
        total = sums[places[k]]
        term = terms[sources[k]]
        value = values[k]
        for c in range(4):
            total[c] += value * term[c]


@compiled
def sweep_four(
    first, last, size, columns, starts, rest_starts, rest_rows, rest_columns, rest_values, v, d, shift, out, sums
):
    """`sweep` for four columns side by side, v and out (n_features, 4): a gather loads half a cache line.

    d is (n_rows, 1) or (n_rows, 4), shift and sums (4,). All of v is gathered for some blocks before anything is added
    to out: the two together exceed the inner caches, and reading the blocks twice costs much less. The sums of a row
    are four variables, not an array: otherwise the compiler would not keep them in registers. Eight columns at a time
    were slower, because fewer then fit into the caches.
    """
    t, step = np.empty((min(last - first, _RUN) * size, 4)), min(1, d.shape[1] - 1)
    for begin in range(first, last, _RUN):
        end = min(last, begin + _RUN)
        r0 = begin * size
        r1 = min(len(starts) - 1, end * size)
        for i in range(r0, r1):
            a0 = shift[0]
            a1 = shift[1]
            a2 = shift[2]
            a3 = shift[3]
            for k in range(starts[i], starts[i + 1]):
                gathered = v[columns[k]]
                a0 += gathered[0]
                a1 += gathered[1]
                a2 += gathered[2]
                a3 += gathered[3]
            row = t[i - r0]
            row[0] = a0
            row[1] = a1
            row[2] = a2
            row[3] = a3
        for block in range(begin, end):
            low = rest_starts[block]
            high = rest_starts[block + 1]
            rows = t[block * size - r0 :]
            _add_four(low, high, rest_values, rest_rows, rows, rest_columns, v)
        for i in range(r0, r1):
            row = t[i - r0]
            for c in range(4):
                row[c] *= d[i, c * step]
                sums[c] += row[c]
            a0 = row[0]
            a1 = row[1]
            a2 = row[2]
            a3 = row[3]
            for k in range(starts[i], starts[i + 1]):
                target = out[columns[k]]
                target[0] += a0
                target[1] += a1
                target[2] += a2
                target[3] += a3
        for block in range(begin, end):
            low = rest_starts[block]
            high = rest_starts[block + 1]
            rows = t[block * size - r0 :]
            _add_four(low, high, rest_values, rest_columns, out, rest_rows, rows)


@compiled
def count(indptr, indices, data, rank, narrow, size, lengths, rest_lengths):
    """Count the two parts: entries of value 1 in each row, and the rest in each block."""
    for i in range(len(indptr) - 1):
        for k in range(indptr[i], indptr[i + 1]):
            if data[k] == 1.0 and rank[indices[k]] < narrow:
                lengths[i] += 1
            else:
                rest_lengths[i // size] += 1


@compiled
def fill(indptr, indices, data, rank, narrow, size, columns, starts, rest_starts, rest_rows, rest_columns, rest_values):
    """Write the two parts into arrays of the lengths found by `count`."""
    n = len(indptr) - 1
    for block in range(len(rest_starts) - 1):
        r0, r1 = block * size, min(n, (block + 1) * size)
        held = np.empty(rest_starts[block + 1] - rest_starts[block], np.int64)
        begins = np.empty(size + 1, np.int64)
        used = longest = 0
        for i in range(r0, r1):
            begins[i - r0], place = used, starts[i]
            for k in range(indptr[i], indptr[i + 1]):
                if data[k] == 1.0 and rank[indices[k]] < narrow:
                    columns[place] = rank[indices[k]]
                    place += 1
                else:
                    held[used] = k
                    used += 1
            longest = max(longest, used - begins[i - r0])
        begins[r1 - r0] = used
        at = rest_starts[block]
        for depth in range(longest):
            for i in range(r1 - r0):
                if begins[i] + depth < begins[i + 1]:
                    k = held[begins[i] + depth]
                    rest_rows[at] = i
                    rest_columns[at] = rank[indices[k]]
                    rest_values[at] = data[k]
                    at += 1

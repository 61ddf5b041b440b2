"""Products of parameter vectors, in the calling thread.

BLAS splits a dot product of more than 10,000 entries among threads, which costs more than it saves as soon as another
process wants a core (up to 8 ms of waiting where the product takes 40 microseconds), and may sum in another order next
time. Once woken, its threads keep a core busy for some 50 ms, while our own compiled products want it. It gets pieces
that it does not split: ``einsum``, which calls no BLAS, takes half as long again to four times as long.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.blas import daxpy, dgemm

from ._typing import FloatArray

_IN_ONE_THREAD = 10_000  # entries of vectors that BLAS does not split
_MULTIPLIED_IN_ONE = 2**18  # multiplications of a product of matrices, for the same reason
_ROWS_AT_A_TIME = 16


def dot(a: FloatArray, b: FloatArray) -> float:
    """``sum_i a_i b_i`` of two vectors of equal length."""
    if len(a) <= _IN_ONE_THREAD:
        return float(a.dot(b))
    pieces = (slice(first, first + _IN_ONE_THREAD) for first in range(0, len(a), _IN_ONE_THREAD))
    return float(sum(a[piece].dot(b[piece]) for piece in pieces))


def add_scaled(out: FloatArray, scale: float, a: FloatArray) -> None:
    """``out += scale a``, vectors of equal length; out contiguous. No scaled copy is made."""
    for first in range(0, len(a), _IN_ONE_THREAD):
        daxpy(a[first : first + _IN_ONE_THREAD], out[first : first + _IN_ONE_THREAD], a=scale)


def column_dots(a: FloatArray, b: FloatArray) -> FloatArray:
    """``sum_i a_ik b_ik`` for each column k, (n, m) to (m,)."""
    return np.asarray(np.einsum("ij,ij->j", a, b))


def symmetric_product(a: FloatArray, v: FloatArray) -> FloatArray:
    """``a v`` of a symmetric matrix (k, k), in Fortran order, and v (k,) or (k, m): products of matrices, in pieces."""
    rows = v.T if v.ndim == 2 else v[None, :]
    out = np.empty(rows.shape)
    for first in range(0, len(rows), _ROWS_AT_A_TIME):
        some = rows[first : first + _ROWS_AT_A_TIME]
        width = max(1, _MULTIPLIED_IN_ONE // some.size)
        for column in range(0, len(a), width):
            out[first : first + len(some), column : column + width] = dgemm(1.0, some, a[:, column : column + width])
    return out.T if v.ndim == 2 else out[0]


def norm(a: FloatArray) -> float:
    """Euclidean norm of a vector."""
    return float(np.sqrt(dot(a, a)))

"""Products of parameter vectors, in the calling thread.

BLAS splits a dot product of more than 10,000 entries among threads, which costs more than it saves as soon as another
process wants a core (up to 8 ms of waiting where the product takes 40 microseconds), and may sum in another order next
time. It gets pieces that it does not split: ``einsum``, which calls no BLAS, takes half as long again to four times as
long.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.blas import daxpy, dgemm

from ._typing import FloatArray

_IN_ONE_THREAD = 10_000  # entries of vectors that BLAS does not split
_MULTIPLIED_IN_ONE = 2**18  # multiplications of a product of matrices, for the same reason


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


def symmetric_matvec(a: FloatArray, v: FloatArray) -> FloatArray:
    """``a v`` of a symmetric matrix (k, k), in Fortran order, and a vector (k,): as matrices, which are split later."""
    row, width = v[None, :], max(1, _MULTIPLIED_IN_ONE // len(v))
    parts = [dgemm(1.0, row, a[:, first : first + width])[0] for first in range(0, len(v), width)]
    return np.concatenate(parts)


def norm(a: FloatArray) -> float:
    """Euclidean norm of a vector."""
    return float(np.sqrt(dot(a, a)))

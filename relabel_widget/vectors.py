"""Inner products of parameter vectors, in the calling thread.

BLAS splits a dot product of more than 10,000 entries among threads, which costs more than it saves as soon as another
process wants a core, and may sum in another order next time. It gets pieces that it does not split: ``einsum``, which
calls no BLAS, takes half as long again to twice as long.
"""

from __future__ import annotations

import numpy as np

from ._typing import FloatArray

_IN_ONE_THREAD = 10_000  # entries that BLAS does not split


def dot(a: FloatArray, b: FloatArray) -> float:
    """``sum_i a_i b_i`` of two vectors of equal length."""
    if len(a) <= _IN_ONE_THREAD:
        return float(a.dot(b))
    pieces = (slice(first, first + _IN_ONE_THREAD) for first in range(0, len(a), _IN_ONE_THREAD))
    return float(sum(a[piece].dot(b[piece]) for piece in pieces))


def column_dots(a: FloatArray, b: FloatArray) -> FloatArray:
    """``sum_i a_ik b_ik`` for each column k, (n, m) to (m,)."""
    return np.asarray(np.einsum("ij,ij->j", a, b))


def norm(a: FloatArray) -> float:
    """Euclidean norm of a vector."""
    return float(np.sqrt(dot(a, a)))

"""Inner products of parameter vectors, in the calling thread.

BLAS splits a dot product of more than 10,000 entries among threads, which costs more than it saves as soon as another
process wants a core, and may sum in another order next time. ``einsum`` without optimisation calls no BLAS, but takes
several times as long to call, which is most of a short product.
"""

from __future__ import annotations

import numpy as np

from ._typing import FloatArray

_IN_ONE_THREAD = 10_000  # entries that BLAS does not split


def dot(a: FloatArray, b: FloatArray) -> float:
    """``sum_i a_i b_i`` of two vectors of equal length."""
    return float(a.dot(b) if len(a) <= _IN_ONE_THREAD else np.einsum("i,i->", a, b))


def column_dots(a: FloatArray, b: FloatArray) -> FloatArray:
    """``sum_i a_ik b_ik`` for each column k, (n, m) to (m,)."""
    return np.asarray(np.einsum("ij,ij->j", a, b))


def norm(a: FloatArray) -> float:
    """Euclidean norm of a vector."""
    return float(np.sqrt(dot(a, a)))

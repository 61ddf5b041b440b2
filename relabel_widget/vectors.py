"""Products of parameter vectors, in the calling thread.

BLAS splits a dot product of more than 10,000 entries among threads, which costs more than it saves as soon as another
process wants a core (up to 8 ms of waiting for a product that takes 40 microseconds), and may change the order of
summation from run to run. Once woken, its threads keep a core busy for some 50 ms that our own compiled products need.
So BLAS gets pieces too small to split: ``einsum``, which does not call BLAS, takes 1.5 to 4 times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import accumulate, pairwise
from threading import Lock
from typing import Any

import numpy as np
from scipy.linalg.blas import daxpy, dgemm

from ._typing import AnyArray, FloatArray

_IN_ONE_THREAD = 10_000  # entries: BLAS does not split vectors of this length
_MULTIPLIED_IN_ONE = 2**18  # multiplications in one product of matrices, for the same reason
_ROWS_AT_A_TIME = 16  # of the other matrix, at least, in one product
PIECE = 2**15  # rows: 256 KB of each vector


class _Limited:
    """How many callers currently need BLAS in one thread, and the limits to restore afterwards."""

    lock = Lock()
    callers = 0
    limits: Any = None


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


@contextmanager
def blas_in_one_thread() -> Iterator[None]:
    """Keep BLAS in one thread for the whole process, for work too large for pieces. Thread-safe."""
    with _Limited.lock:
        if not _Limited.callers:
            _Limited.limits = _libraries().limit(limits=1)
        _Limited.callers += 1
    try:
        yield
    finally:
        with _Limited.lock:
            _Limited.callers -= 1
            if not _Limited.callers:
                _Limited.limits.restore_original_limits()


def dot(a: FloatArray, b: FloatArray) -> float:
    """``sum_i a_i b_i`` of two vectors of equal length."""
    if len(a) <= _IN_ONE_THREAD:
        return float(a.dot(b))
    return float(sum(a[piece].dot(b[piece]) for piece in pieces(len(a), _IN_ONE_THREAD)))


def add_scaled(out: FloatArray, scale: float, a: FloatArray) -> None:
    """``out += scale a``, vectors of equal length; out contiguous. Makes no scaled copy."""
    for piece in pieces(len(a), _IN_ONE_THREAD):
        daxpy(a[piece], out[piece], a=scale)


def column_dots(a: FloatArray, b: FloatArray) -> FloatArray:
    """``sum_i a_ik b_ik`` for each column k, (n, m) to (m,)."""
    return np.asarray(np.einsum("ij,ij->j", a, b))


def symmetric_product(a: FloatArray, v: FloatArray) -> FloatArray:
    """``a v`` of a symmetric matrix (k, k), in Fortran order, and v (k,) or (k, m), multiplied piece by piece."""
    rows = v.T if v.ndim == 2 else v[None, :]
    out, height = np.empty(rows.shape), max(_ROWS_AT_A_TIME, _MULTIPLIED_IN_ONE // a.size)
    for first in range(0, len(rows), height):
        some = rows[first : first + height]
        width = max(1, _MULTIPLIED_IN_ONE // some.size)
        for column in range(0, len(a), width):
            out[first : first + len(some), column : column + width] = dgemm(1.0, some, a[:, column : column + width])
    return out.T if v.ndim == 2 else out[0]


def norm(a: FloatArray) -> float:
    """Euclidean norm of a vector."""
    return float(np.sqrt(dot(a, a)))


def pieces(length: int, size: int) -> Iterator[slice]:
    """Consecutive slices of a vector, ``size`` entries each."""
    return (slice(first, first + size) for first in range(0, length, size))


def consecutive(lengths: Iterable[int]) -> list[slice]:
    """Consecutive slices of these lengths."""
    ends = list(accumulate(lengths, initial=0))
    return [slice(first, end) for first, end in pairwise(ends)]


def row_by_row(f: Callable[..., AnyArray], *given: Any) -> AnyArray:
    """``f(*given)`` of vectors (the first is one) and numbers, where row i depends only on row i; some rows at a time.

    The temporaries of f stay in the cache, and no new memory is paged in.
    """
    if len(given[0]) <= PIECE:
        return f(*given)
    out = np.empty(len(given[0]))
    for rows in pieces(len(out), PIECE):
        out[rows] = f(*(each if np.ndim(each) == 0 else each[rows] for each in given))
    return out

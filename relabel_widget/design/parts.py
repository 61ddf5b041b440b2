"""Compiled products in threads: each part of the rows runs on any free thread, and partial sums are added in order.

The partition depends only on the matrix, and each part has its own sums, so results depend neither on the number of
threads nor on their timing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np

from .._typing import AnyArray, FloatArray, IntArray

Parts: TypeAlias = list[tuple[int, int]]  # first block and end block of each part

PART = 2**22  # stored values of a part
_PARTS = 16
_STORED_A_SUM = 8  # stored values per number in the sums of all parts, at least, which bounds the memory for sums
_SIDE_BY_SIDE = 4  # columns per sweep
_WORTH_FILLING = 3  # columns; fewer are faster one by one
_KEPT_BYTES = 2**24  # largest array that a thread keeps for its next product
_here = threading.local()


def cut(ends: IntArray, n_features: int, *, each: int = PART, most: int = _PARTS) -> Parts:
    """Split the blocks into consecutive parts with about equal numbers of stored values; at least two if possible.

    ``ends`` (n_blocks + 1,) are cumulative numbers of stored values, from 0. A part has about ``each`` values or
    more, and there are at most ``most`` parts.
    """
    n_blocks, total = len(ends) - 1, int(ends[-1])
    wanted = max(2, min(-(-total // each), total // (_STORED_A_SUM * n_features), most))
    n_parts = min(n_blocks, _PARTS, wanted)
    cuts = np.searchsorted(ends, np.linspace(0, total, n_parts + 1))
    cuts[0], cuts[-1] = 0, n_blocks
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))


def column_groups(m: int) -> list[IntArray]:
    """The columns ``0 .. m - 1`` in groups for sweeps, of four columns or one.

    A remainder of three is padded by repeating the last column, whose results are then written twice.
    """
    left = m % _SIDE_BY_SIDE
    end = m + _SIDE_BY_SIDE - left if left >= _WORTH_FILLING else m - left
    fours = np.minimum(np.arange(end).reshape(-1, _SIDE_BY_SIDE), m - 1)
    return [*fours, *np.arange(end, m)[:, None]]


@contextmanager
def no_other_threads() -> Iterator[None]:
    """Keep compiled products of this thread in this thread: the other cores are busy already."""
    before = getattr(_here, "alone", False)
    _here.alone = True
    try:
        yield
    finally:
        _here.alone = before


def in_threads(parts: Parts, work: Callable[[int, int, int], object], *, last_first: bool = False) -> None:
    """Run ``work(part, first block, end block)`` for each part, on any free thread, in either order.

    Each call must write to its own memory. Uses as many threads as numba would, but see `no_other_threads`; the threads
    end with the product, so that none outlives a fork or is shared by two callers. Exceptions of ``work`` are raised
    here, after all threads have ended.
    """
    import numba

    numbered = [(k, *blocks) for k, blocks in enumerate(parts)]
    waiting = iter(numbered[::-1] if last_first else numbered)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            for each in waiting:
                work(*each)
        except BaseException as failure:
            failures.append(failure)
            deque(waiting, maxlen=0)  # no thread starts another part

    wanted = 1 if getattr(_here, "alone", False) else numba.get_num_threads()
    others = [threading.Thread(target=run) for _ in range(min(wanted, len(parts)) - 1)]
    for thread in others:
        thread.start()
    run()
    for thread in others:
        thread.join()
    if failures:
        raise failures[0]


def summed(
    parts: Parts, work: Callable[[int, int, int], Sequence[FloatArray]], *, last_first: bool = False
) -> list[FloatArray]:
    """Sum the arrays returned by ``work(part, first block, end block)`` over the parts, in order.

    The sums are stored in the arrays of the first part.
    """
    found: list[Sequence[FloatArray]] = [()] * len(parts)

    def run(k: int, first: int, last: int) -> None:
        found[k] = work(k, first, last)

    in_threads(parts, run, last_first=last_first)
    return [_in_order(arrays) for arrays in zip(*found, strict=True)]


def _in_order(arrays: Iterable[FloatArray]) -> FloatArray:
    first, *others = arrays
    for each in others:
        first += each
    return first


def scratch(name: str, *shape: int) -> FloatArray:
    """An uninitialised array for one product, reused within this thread; it must not be returned to callers.

    If freed memory is returned to the system at once, as in Dask workers, page faults on arrays allocated for every
    product took a tenth of its time or more.
    """
    kept: dict[str, FloatArray] = vars(_here).setdefault("scratch", {})
    array = kept.pop(name, None)
    if array is None or array.shape != shape:
        array = np.empty(shape)
    if array.nbytes <= _KEPT_BYTES:
        kept[name] = array
    return array


class Sums:
    """Zeros of a given shape for each part, in one array, which may use large pages; see `scratch`."""

    def __init__(self, parts: Parts, *shape: int) -> None:
        self._held = scratch("sums", len(parts), *shape)

    def __call__(self, k: int) -> FloatArray:
        """The zeros of one part, written by the calling thread, which warms the caches of its core."""
        self._held[k] = 0.0
        return np.asarray(self._held[k])


def writable(array: AnyArray) -> AnyArray:
    """A contiguous, writable array, copied if necessary: compiled code supports only that kind."""
    return array if array.flags.c_contiguous and array.flags.writeable else np.array(array, order="C")

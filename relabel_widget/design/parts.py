"""Products by compiled loops: fixed parts of the rows on whichever thread is free, their sums added up in order.

A partition depends on the matrix alone and each part has sums of its own: results depend neither on the number of
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

Parts: TypeAlias = list[tuple[int, int]]  # the first block and the one after the last of each

PART = 2**22  # stored values of a part
_PARTS = 16
_STORED_A_SUM = 8  # stored values for each number in the sums of all parts, at least: what they take stays small
_SIDE_BY_SIDE = 4  # columns that one sweep takes
_WORTH_FILLING = 3  # columns; fewer are faster one by one
_KEPT_BYTES = 2**24  # of an array that a thread keeps for its next product
_here = threading.local()


def cut(ends: IntArray, n_features: int, *, each: int = PART, most: int = _PARTS) -> Parts:
    """Parts of about as many stored values, each some blocks one after the other; at least two where there are two.

    ``ends`` (n_blocks + 1,) are the stored values before each block, and all. A part has about ``each`` values or
    more, and there are at most ``most``.
    """
    n_blocks, total = len(ends) - 1, int(ends[-1])
    wanted = max(2, min(-(-total // each), total // (_STORED_A_SUM * n_features), most))
    n_parts = min(n_blocks, _PARTS, wanted)
    cuts = np.searchsorted(ends, np.linspace(0, total, n_parts + 1))
    cuts[0], cuts[-1] = 0, n_blocks
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))


def together(m: int) -> list[IntArray]:
    """The columns ``0 .. m - 1`` as sweeps take them, four at a time or one.

    Three that are left are filled up by the last one again, whose results are then written twice.
    """
    left = m % _SIDE_BY_SIDE
    end = m + _SIDE_BY_SIDE - left if left >= _WORTH_FILLING else m - left
    fours = np.minimum(np.arange(end).reshape(-1, _SIDE_BY_SIDE), m - 1)
    return [*fours, *np.arange(end, m)[:, None]]


@contextmanager
def no_other_threads() -> Iterator[None]:
    """Meanwhile compiled products that this thread asks for start no others: the other cores have work already."""
    before = getattr(_here, "alone", False)
    _here.alone = True
    try:
        yield
    finally:
        _here.alone = before


def in_threads(parts: Parts, work: Callable[[int, int, int], object], *, last_first: bool = False) -> None:
    """Run ``work(part, first block, last block)`` for each part, on whichever thread is free, in either order.

    Each call writes where no other does. As many threads as numba would use, but see `no_other_threads`; those of one
    product end with it: none is left to outlive a fork, or to be shared by two callers. What ``work`` raises is raised
    here, once all have ended.
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
            deque(waiting, maxlen=0)  # no thread begins another part

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
    """What ``work(part, first block, last block)`` gives, some arrays, each summed over the parts from the first on.

    Sums are in the arrays of the first part.
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
    """An array for one product, as an earlier one of this thread may have left it; it must not be handed on.

    Where freed memory goes back to the system at once, as in workers of Dask, page faults on arrays that every product
    allocates anew took a tenth of its time and more.
    """
    kept: dict[str, FloatArray] = vars(_here).setdefault("scratch", {})
    array = kept.pop(name, None)
    if array is None or array.shape != shape:
        array = np.empty(shape)
    if array.nbytes <= _KEPT_BYTES:
        kept[name] = array
    return array


class Sums:
    """Zeros of a shape for each part: one array, which the system may hold in large pages; see `scratch`."""

    def __init__(self, parts: Parts, *shape: int) -> None:
        self._held = scratch("sums", len(parts), *shape)

    def __call__(self, k: int) -> FloatArray:
        """Those of a part, written by the caller: this warms the caches of the core that is about to add to them."""
        self._held[k] = 0.0
        return np.asarray(self._held[k])


def writable(array: AnyArray) -> AnyArray:
    """Contiguous and writable, a copy if need be: compiled code is made for that one kind."""
    return array if array.flags.c_contiguous and array.flags.writeable else np.array(array, order="C")

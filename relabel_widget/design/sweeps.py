"""Compiled, threaded products of blocks in their stored form, without conversion to float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .._typing import AnyArray, FloatArray, IntArray
from .parts import Parts, Sums, column_groups, cut, in_threads, summed, writable

# One block: starts int32 (n_rows + 1,), columns int32 and values, or None if all are 1; read-only.
Stored: TypeAlias = tuple[AnyArray, AnyArray, AnyArray | None]

_PART = 2**23  # stored values of a part, at least
_SUMS = 2**23  # numbers in the sums of all parts, at most, unless two parts hold more
_RUN = 16  # blocks swept for one group of columns, while its sums are cached, before the next group


@dataclass(frozen=True, eq=False)
class _Group:
    """Columns that are swept together in one part: their numbers and shifts, and what is summed over the part's blocks.

    ``both`` has shape (n_features, 2 * n_columns): the columns themselves beside the sums of their products.
    """

    columns: IntArray
    shift: FloatArray
    both: FloatArray
    total: FloatArray

    @property
    def pulled(self) -> FloatArray:
        """The sums of the products."""
        return self.both[:, len(self.columns) :]


class BlockSweeps:
    """The products of a `Design` over stored blocks, as `Design` describes them. Needs numba.

    The sums of all parts take at most 64 MB, or the size of two parts: four times the (n_features, m) result.

    Parameters
    ----------
    stored
        Returns a block by its index; called from several threads. Its exceptions are raised by the product.
    ahead
        Called with the index of the next block of a thread, before the current one is processed.
    first
        First row of each block, and n_rows, shape (n_blocks + 1,).
    sizes
        Stored values of each block, shape (n_blocks,).
    last_first
        Whether to process the parts from last to first; the results are the same.
    """

    def __init__(
        self,
        stored: Callable[[int], Stored],
        ahead: Callable[[int], None],
        first: IntArray,
        sizes: IntArray,
        n_features: int,
        last_first: bool = False,
    ) -> None:
        self._stored = stored
        self._ahead = ahead
        self._first = first
        self._n_features = n_features
        self._last_first = last_first
        self._ends = np.append(0, np.cumsum(sizes))

    @property
    def _kernels(self) -> Any:
        from . import _csr_kernels

        return _csr_kernels

    def matvec(self, v: FloatArray) -> FloatArray:  # noqa: D102 - as in Design
        v, out = writable(v), np.empty(int(self._first[-1]))

        def work(_: int, first: int, last: int) -> None:
            for rows, block in self._blocks(first, last):
                self._kernels.forward(*block, v, out[rows])

        in_threads(self._parts(1), work, last_first=self._last_first)
        return out

    def rmatvec(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self._backward(self._kernels.backward, u)

    def weighted_square_sum(self, d: FloatArray) -> FloatArray:  # noqa: D102
        return self._backward(self._kernels.backward_squares, d)

    def _backward(self, kernel: Any, u: FloatArray) -> FloatArray:
        parts = self._parts(1)
        sums = Sums(parts, self._n_features)

        def work(k: int, first: int, last: int) -> tuple[FloatArray]:
            mine = sums(k)
            for rows, block in self._blocks(first, last):
                kernel(*block, writable(u[rows]), mine)
            return (mine,)

        return summed(parts, work, last_first=self._last_first)[0].copy()

    def gram_matvec(  # noqa: D102
        self, v: FloatArray, d: FloatArray, shift: float, image: FloatArray | None
    ) -> tuple[FloatArray, float]:
        pulled, totals = self.gram_matmat(v[:, None], d[:, None], np.array([float(shift)]), image)
        return pulled[:, 0], float(totals[0])

    def gram_matmat(
        self, v: FloatArray, d: FloatArray, shift: FloatArray, image: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """As in `Design`. A few blocks are swept for all columns, four at a time, before the next blocks."""
        groups, parts = column_groups(v.shape[1]), self._parts(v.shape[1])
        v, shifts = writable(v), [writable(shift[columns]) for columns in groups]
        held = [np.empty((len(parts), self._n_features, 2 * len(columns))) for columns in groups]

        def work(k: int, first: int, last: int) -> list[FloatArray]:
            mine = [
                _Group(columns, some_shifts, sums[k], np.zeros(len(columns)))
                for columns, some_shifts, sums in zip(groups, shifts, held, strict=True)
            ]
            for group in mine:
                self._kernels.side_by_side(v, group.columns, group.both)
            for begin in range(first, last, _RUN):
                for group in mine:
                    self._sweep(begin, min(last, begin + _RUN), d, image, group)
            return [group.pulled for group in mine] + [group.total for group in mine]

        found = summed(parts, work, last_first=self._last_first)
        pulled, totals = np.empty(v.shape), np.empty(v.shape[1])
        for columns, some, total in zip(groups, found[: len(groups)], found[len(groups) :], strict=True):
            pulled[:, columns], totals[columns] = some, total
        return pulled, totals

    def _sweep(self, first: int, last: int, d: FloatArray, image: FloatArray | None, group: _Group) -> None:
        sums = (group.shift, group.both, group.total)
        for rows, block in self._blocks(first, last):
            theirs = writable(d[rows] if d.shape[1] == 1 else d[rows, group.columns])
            if len(group.columns) == 1:
                self._kernels.sweep(*block, theirs, *sums, None if image is None else image[rows])
            else:
                self._kernels.sweep_four(*block, theirs, *sums)

    def _parts(self, m: int) -> Parts:
        """The parts for products of m columns; each holds v and its sums side by side."""
        most = _SUMS // (2 * max(1, m) * self._n_features)
        even = 2 ** max(0, most.bit_length() - 1)  # two threads would take as long for five parts as for six
        return cut(self._ends, self._n_features, each=_PART, most=even)

    def _blocks(self, first: int, last: int) -> Iterator[tuple[slice, Stored]]:
        """Rows and arrays of some blocks, as the compiled loops expect them."""
        for i in range(first, last):
            if i + 1 < last:
                self._ahead(i + 1)
            starts, columns, values = self._stored(i)
            yield slice(int(self._first[i]), int(self._first[i + 1])), (starts, columns.view(np.uint32), values)

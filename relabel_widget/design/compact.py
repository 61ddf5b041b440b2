"""A design for large count matrices: narrow types, columns by frequency, one compiled sweep per Hessian product.

Needs the extra ``fast`` (numba). Without it, or if the matrix is small or not made of counts, `compacted` returns its
argument, and every result agrees up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import AnyArray, FloatArray, IntArray
from .base import Block, Design
from .csr import CsrDesign
from .parts import PART, Sums, column_groups, cut, in_threads, scratch, summed, writable

# Importing numba and loading compiled code takes about as long as a hundred products of this size.
LARGE = 2**21  # stored values
_NARROW = 2**16  # column numbers that fit 16 bits
_BLOCK_ROWS = 8192
_FEWEST_BLOCKS = 16
_PIECE = 2**20


@dataclass(frozen=True, eq=False)
class Layout:
    """The arrays that `_kernels` uses; columns are numbered by decreasing frequency.

    ``columns`` uint16 and ``starts`` (n_rows + 1,) are the entries equal to 1 in the 65,536 most frequent columns, as
    in CSR without values. The rest, with values uint8 if exact and float64 otherwise, is stored by blocks of
    ``size`` rows delimited by ``rest_starts`` (n_blocks + 1,).
    """

    size: int
    columns: AnyArray
    starts: IntArray
    rest_starts: IntArray
    rest_rows: AnyArray
    rest_columns: AnyArray
    rest_values: AnyArray

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The arrays in the order of the compiled functions' arguments."""
        return (
            self.size, self.columns, self.starts,
            self.rest_starts, self.rest_rows, self.rest_columns, self.rest_values,
        )  # fmt: skip

    def rows(self, block: int, rows: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        """(index into ``rows``, column as numbered here, value) for ascending distinct rows of one block."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        i = np.repeat(np.arange(len(rows)), lengths)
        ones = self.columns[np.arange(len(i)) + np.repeat(self.starts[rows] - (np.cumsum(lengths) - lengths), lengths)]
        rest = slice(self.rest_starts[block], self.rest_starts[block + 1])
        places = np.full(self.size, -1)
        places[rows - block * self.size] = np.arange(len(rows))
        rest_i = places[self.rest_rows[rest]]
        asked = rest_i >= 0
        return (
            np.concatenate([i, rest_i[asked]]),
            np.concatenate([ones.astype(np.int32), self.rest_columns[rest][asked].astype(np.int32)]),
            np.concatenate([np.ones(len(i)), self.rest_values[rest][asked].astype(np.float64)]),
        )


class CompactDesign(Design):
    """X as counts in narrow types, about a quarter of the size of float64 CSR if most values are 1.

    Frequent columns are adjacent, so that most gathers and scatters stay in the innermost caches. Products run over
    a partition of the rows that depends only on the matrix, in as many threads as numba would use; partial sums are
    added in the partition's order, so results do not depend on the number of threads or their timing. All sums are
    float64. Products other than ``gram_*``, ``matvec`` and ``rmatvec`` decode row blocks as they go.
    """

    place = "memory"

    def __init__(self, x: sparse.csr_array) -> None:
        self._shape = (int(x.shape[0]), int(x.shape[1]))
        self._nnz = int(x.nnz)
        frequency = np.zeros(x.shape[1], dtype=np.int64)
        for part in _pieces(x.indices):  # bincount converts its input to a wider type
            frequency += np.bincount(part, minlength=x.shape[1])
        self._order = np.argsort(-frequency, kind="stable").astype(np.int32)
        self._rank = np.empty(len(self._order), dtype=np.uint32)
        self._rank[self._order] = np.arange(len(self._order), dtype=np.uint32)
        self._layout = self._laid_out(x)
        n_blocks = len(self._layout.rest_starts) - 1
        ends = self._layout.starts[np.minimum(np.arange(n_blocks + 1) * self._layout.size, self._shape[0])]
        self._parts = cut(ends + self._layout.rest_starts, self.n_features, each=PART)

    @property
    def _kernels(self) -> Any:
        """Not an attribute, because a module cannot be pickled."""
        from . import _kernels

        return _kernels

    def _laid_out(self, x: sparse.csr_array) -> Layout:
        n = x.shape[0]
        size = max(1, min(_BLOCK_ROWS, -(-n // _FEWEST_BLOCKS)))
        counts = np.zeros(n, dtype=np.int64), np.zeros(-(-n // size), dtype=np.int64)
        source = x.indptr, x.indices, x.data
        self._kernels.count(*source, self._rank, _NARROW, size, *counts)
        starts, rest_starts = (np.append(0, np.cumsum(each)) for each in counts)
        n_ones, n_rest = int(starts[-1]), int(rest_starts[-1])
        layout = Layout(
            size,
            np.empty(n_ones, dtype=np.uint16),
            starts,
            rest_starts,
            np.empty(n_rest, dtype=np.uint16),
            np.empty(n_rest, dtype=np.uint32),
            np.empty(n_rest, dtype=np.uint8 if _fits_byte(x.data) else np.float64),
        )
        _, columns, *rest = layout.arrays
        self._kernels.fill(*source, self._rank, _NARROW, size, columns, *rest)
        return layout

    @property
    def shape(self) -> tuple[int, int]:  # noqa: D102 - as in Design
        return self._shape

    @property
    def n_stored(self) -> int:  # noqa: D102
        return self._nnz

    @property
    def n_bytes(self) -> int:
        """Size of the arrays in bytes."""
        return sum(array.nbytes for array in (*self._layout.arrays[1:], self._order, self._rank))

    def blocks(self) -> Iterator[tuple[slice, Block]]:  # noqa: D102
        for first in range(0, self.n_rows, self._layout.size):
            last = min(self.n_rows, first + self._layout.size)
            yield slice(first, last), self._decoded(np.arange(first, last))

    def _decoded(self, rows: IntArray) -> sparse.csr_array:
        """Ascending distinct rows of one block as float64 CSR."""
        i, j, data = self._layout.rows(int(rows[0]) // self._layout.size, rows)
        return sparse.csr_array((data, (i, self._order[j])), shape=(len(rows), self.n_features))

    def take(self, rows: IntArray) -> Design:  # noqa: D102
        distinct, places = np.unique(rows, return_inverse=True)
        ends = np.flatnonzero(np.diff(distinct // self._layout.size)) + 1
        found = [self._decoded(part) for part in np.split(distinct, ends) if len(part)]
        return CsrDesign(sparse.vstack([sparse.csr_array((0, self.n_features)), *found], format="csr")[places])

    def matvec(self, v: FloatArray) -> FloatArray:  # noqa: D102
        hot, out = self._hot(v), np.empty(self.n_rows)
        in_threads(self._parts, lambda _, *blocks: self._kernels.forward(*blocks, *self._layout.arrays, hot, out))
        return out

    def rmatvec(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self._backward(self._layout, u)

    def weighted_square_sum(self, d: FloatArray) -> FloatArray:  # noqa: D102
        values = self._layout.rest_values
        values = np.square(values, dtype=np.uint16 if values.dtype == np.uint8 else np.float64)
        return self._backward(replace(self._layout, rest_values=values), d)

    def _backward(self, layout: Layout, u: FloatArray) -> FloatArray:
        u, sums = writable(u), Sums(self._parts, self.n_features)

        def work(k: int, first: int, last: int) -> tuple[FloatArray]:
            mine = sums(k)
            self._kernels.backward(first, last, *layout.arrays, u, mine)
            return (mine,)

        (out,) = summed(self._parts, work)
        return np.asarray(out[self._rank])

    def gram_matvec(  # noqa: D102
        self, v: FloatArray, d: FloatArray, shift: float = 0.0, image: FloatArray | None = None
    ) -> tuple[FloatArray, float]:
        pulled, totals = self._swept(self._kernels.sweep, v, d, float(shift), image)
        return pulled, float(totals[0])

    def gram_matmat(  # noqa: D102
        self, v: FloatArray, d: FloatArray, shift: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        pulled, totals = np.empty(v.shape), np.empty(v.shape[1])
        for columns in column_groups(v.shape[1]):
            theirs = d if d.shape[1] == 1 else d[:, columns]
            if len(columns) == 1:
                (k,) = columns
                pulled[:, k], totals[k] = self.gram_matvec(v[:, k], theirs[:, 0], shift[k])
            else:
                pulled[:, columns], totals[columns] = self._swept(
                    self._kernels.sweep_four, v[:, columns], theirs, writable(shift[columns])
                )
        return pulled, totals

    def _hot(self, v: FloatArray) -> FloatArray:
        """Rows of v by decreasing column frequency. (In another mode, ``take`` would fill a buffer first.)"""
        return np.take(v, self._order, axis=0, out=scratch("hot", *v.shape), mode="clip")

    def _swept(
        self, kernel: Any, v: FloatArray, d: FloatArray, shift: Any, *also: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        hot = self._hot(v)
        d = writable(d)
        sums = Sums(self._parts, *v.shape)

        def work(k: int, first: int, last: int) -> tuple[FloatArray, FloatArray]:
            mine, totals = sums(k), np.zeros(v.shape[1] if v.ndim == 2 else 1)
            kernel(first, last, *self._layout.arrays, hot, d, shift, mine, totals, *also)
            return mine, totals

        pulled, totals = summed(self._parts, work)
        return np.asarray(pulled[self._rank]), totals


def compacted(design: Design) -> Design:
    """The design for many products with this matrix: a `CompactDesign` if that pays off, otherwise itself.

    It pays off for CSR in memory with at least 2 million stored values of which at least half are 1; numba must be
    installed. Cost: about ten products, once.
    """
    if type(design) is not CsrDesign or design.n_stored < LARGE or find_spec("numba") is None:
        return design
    ((_, x),) = design.blocks()
    n_ones = sum(np.count_nonzero(part == 1.0) for part in _pieces(x.data))
    return CompactDesign(x) if 2 * n_ones >= design.n_stored else design


def _fits_byte(values: FloatArray) -> bool:
    return all(bool(((part >= 0) & (part <= 255) & (part == np.floor(part))).all()) for part in _pieces(values))


def _pieces(array: AnyArray) -> list[AnyArray]:
    """Consecutive views, so that temporaries made from each are small."""
    return np.array_split(array, 1 + len(array) // _PIECE)

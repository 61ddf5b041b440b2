"""A design of compressed sparse rows in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from .._typing import FloatArray, IntArray
from .base import Block, Design


class CsrDesign(Design):
    """X as a canonical ``scipy.sparse.csr_array`` (sorted, no duplicates), float64.

    The arrays of an already canonical matrix are shared, not copied; the transpose is a view of them.
    """

    one_core = True
    place = "memory"

    def __init__(self, x: sparse.csr_array) -> None:
        self._x = x
        self._xt = x.T

    @property
    def shape(self) -> tuple[int, int]:  # noqa: D102 - as in Design
        rows, columns = self._x.shape
        return int(rows), int(columns)

    @property
    def n_stored(self) -> int:  # noqa: D102
        return int(self._x.nnz)

    def blocks(self) -> Iterator[tuple[slice, Block]]:  # noqa: D102
        yield slice(0, self.n_rows), self._x

    def take(self, rows: IntArray) -> CsrDesign:  # noqa: D102
        return CsrDesign(self._x[rows])

    def matvec(self, v: FloatArray) -> FloatArray:  # noqa: D102
        return np.asarray(self._x @ v)

    def rmatvec(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return np.asarray(self._xt @ u)

    def matmat(self, v: FloatArray) -> FloatArray:  # noqa: D102
        return np.asarray(self._x @ v)

    def rmatmat(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return np.asarray(self._xt @ u)

    def gram_matvec(  # noqa: D102
        self, v: FloatArray, d: FloatArray, shift: float = 0.0, image: FloatArray | None = None
    ) -> tuple[FloatArray, float]:
        u = self._x @ v  # the stored transpose: building it again would cost a tenth of a small product
        if shift:
            u += shift
        if image is not None:
            image[:] = u
        u *= d
        return np.asarray(self._xt @ u), float(u.sum())

    def weighted_square_sum(self, d: FloatArray) -> FloatArray:  # noqa: D102
        # The squares live only during this call: keeping them would add half the size of the matrix.
        squares = sparse.csr_array((np.square(self._x.data), self._x.indices, self._x.indptr), shape=self.shape)
        return np.asarray(squares.T @ d)


def canonical_csr(x: sparse.sparray | sparse.spmatrix) -> sparse.csr_array:
    """The same matrix as canonical float64 CSR; shares the caller's arrays where possible, never modifies them."""
    csr = sparse.csr_array(x)
    if not csr.has_canonical_format:
        if x.format == "csr":  # its arrays are still the caller's, though not always the same objects
            csr = csr.copy()
        csr.sum_duplicates()
    return csr if csr.dtype == np.float64 else csr.astype(np.float64)

"""A dense design in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .._typing import FloatArray, IntArray
from .base import Block, Design


class DenseDesign(Design):
    """X as a float64 array, C or Fortran order; no copy if the caller's array has that type."""

    place = "memory"

    def __init__(self, x: FloatArray) -> None:
        self._x = x

    @property
    def shape(self) -> tuple[int, int]:  # noqa: D102 - as in Design
        return self._x.shape[0], self._x.shape[1]

    def blocks(self) -> Iterator[tuple[slice, Block]]:  # noqa: D102
        yield slice(0, self.n_rows), self._x

    def take(self, rows: IntArray) -> DenseDesign:  # noqa: D102
        return DenseDesign(self._x[rows])

    def matvec(self, v: FloatArray) -> FloatArray:  # noqa: D102
        return self._x @ v

    def rmatvec(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self._x.T @ u

    def matmat(self, v: FloatArray) -> FloatArray:  # noqa: D102
        return self._x @ v

    def rmatmat(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self._x.T @ u

    def weighted_square_sum(self, d: FloatArray) -> FloatArray:  # noqa: D102
        # einsum squares on the fly, without a second array of X's size
        return np.asarray(np.einsum("ij,ij,i->j", self._x, self._x, d))

"""The interface of every design: row blocks, and the products that follow from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy import sparse

from .._typing import FloatArray, IntArray

_SAMPLE = 2**14  # rows; designs of up to twice as many rows use all

Block: TypeAlias = Any  # a float64 array or scipy.sparse.csr_array, which publishes no types
Place: TypeAlias = Literal["memory", "file", "workers"]


class Design(ABC):
    """The matrix X, shape (n_rows, n_features), float64, as row blocks and products.

    There is no intercept column: the problem handles the intercept. A storage that only provides its blocks
    inherits every product, each in one pass over X (cost: nnz, or n_rows * n_features if dense); one that can
    do better overrides them. Instances are immutable.
    """

    dtype = np.dtype(np.float64)
    place: Place = "file"  # where the rows are: a product with rows on workers sends vectors there and back
    one_core = False  # whether a product keeps one core busy and lets other threads run

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_features)."""

    @abstractmethod
    def blocks(self) -> Iterator[tuple[slice, Block]]:
        """The rows in order, as (slice of rows, float64 block)."""

    @abstractmethod
    def take(self, rows: IntArray) -> Design:
        """The design of the given rows, in the order given."""

    @cached_property
    def sample(self) -> tuple[IntArray, Design]:
        """A seeded sample of 16,384 rows, ascending, and their design in memory; all rows if there are at most 32,768.

        Cost: one `take` of these rows; a design in memory of up to 32,768 rows is its own sample.
        """
        if self.n_rows > 2 * _SAMPLE:
            rows = np.sort(np.random.default_rng(0).choice(self.n_rows, _SAMPLE, replace=False))
            return rows, self.take(rows)
        rows = np.arange(self.n_rows)
        return rows, self if self.place == "memory" else self.take(rows)

    @property
    def n_stored(self) -> int:
        """Number of stored values, the cost of one pass."""
        return self.n_rows * self.n_features

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.shape[0]

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return self.shape[1]

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + 12 * self.n_stored  # a scheduler must not take it for cheap to move

    def matvec(self, v: FloatArray) -> FloatArray:
        """``out_i = sum_j X_ij v_j``, (n_features,) to (n_rows,)."""
        out = np.empty(self.n_rows)
        for rows, block in self.blocks():
            out[rows] = block @ v
        return out

    def rmatvec(self, u: FloatArray) -> FloatArray:
        """``out_j = sum_i X_ij u_i``, (n_rows,) to (n_features,)."""
        out = np.zeros(self.n_features)
        for rows, block in self.blocks():
            out += block.T @ u[rows]
        return out

    def matmat(self, v: FloatArray) -> FloatArray:
        """``out_ik = sum_j X_ij V_jk``, (n_features, m) to (n_rows, m)."""
        out = np.empty((self.n_rows, v.shape[1]))
        for rows, block in self.blocks():
            out[rows] = block @ v
        return out

    def rmatmat(self, u: FloatArray) -> FloatArray:
        """``out_jk = sum_i X_ij U_ik``, (n_rows, m) to (n_features, m)."""
        out = np.zeros((self.n_features, u.shape[1]))
        for rows, block in self.blocks():
            out += block.T @ u[rows]
        return out

    def gram_matvec(
        self, v: FloatArray, d: FloatArray, shift: float = 0.0, image: FloatArray | None = None
    ) -> tuple[FloatArray, float]:
        """``X' u`` and ``sum_i u_i`` for ``u_i = d_i (sum_j X_ij v_j + shift)``, reading each block once.

        v (n_features,), d (n_rows,); returns (n_features,) and a number. ``d`` is not modified. ``image`` (n_rows,), if
        given, receives ``sum_j X_ij v_j + shift``, at no cost unless rows are on workers.
        """
        out, total = np.zeros(self.n_features), 0.0
        for rows, block in self.blocks():
            u = block @ v + shift
            if image is not None:
                image[rows] = u
            u *= d[rows]
            out += block.T @ u
            total += float(u.sum())
        return out, total

    def gram(self, d: FloatArray) -> Gram:
        """The products `gram_matvec` and `gram_matmat` with fixed weights."""
        return Gram(self, d)

    def gram_matmat(self, v: FloatArray, d: FloatArray, shift: FloatArray) -> tuple[FloatArray, FloatArray]:
        """`gram_matvec` for many columns: V (n_features, m), d (n_rows, m) or (n_rows, 1), shift (m,).

        Returns (n_features, m) and (m,).
        """
        out, total = np.zeros((self.n_features, v.shape[1])), np.zeros(v.shape[1])
        for rows, block in self.blocks():
            u = d[rows] * (block @ v + shift)
            out += block.T @ u
            total += u.sum(axis=0)
        return out, total

    def weighted_square_sum(self, d: FloatArray) -> FloatArray:
        """``out_j = sum_i d_i X_ij^2``, (n_rows,) to (n_features,)."""
        out = np.zeros(self.n_features)
        for rows, block in self.blocks():
            out += block.power(2).T @ d[rows] if sparse.issparse(block) else np.square(block).T @ d[rows]
        return out

    def to_dense(self) -> FloatArray:
        """X as an array; for a few rows, such as queries (memory: 8 n_rows n_features bytes)."""
        out = np.empty(self.shape)
        for rows, block in self.blocks():
            out[rows] = block.toarray() if sparse.issparse(block) else block
        return out


class Gram:
    """``X' diag(d) X`` for one ``d`` (n_rows,), or (n_rows, m) with one weighting per column; d must not be modified.

    For many products with the same weights: a remote design sends them once.
    """

    def __init__(self, design: Design, d: FloatArray) -> None:
        self._design, self._d = design, d

    def matvec(self, v: FloatArray, shift: float = 0.0, image: FloatArray | None = None) -> tuple[FloatArray, float]:
        """`Design.gram_matvec`."""
        return self._design.gram_matvec(v, self._d, shift, image)

    def matmat(self, v: FloatArray, shift: FloatArray) -> tuple[FloatArray, FloatArray]:
        """`Design.gram_matmat`."""
        d = self._d if self._d.ndim == 2 else self._d[:, None]
        return self._design.gram_matmat(v, d, shift)

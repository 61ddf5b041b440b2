"""The training rows as naive Bayes counts them: one column at a time."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import FloatArray, IntArray
from ..design import Design
from ..design.base import Block


class Columns:
    """A design whose columns are taken few at a time, with values above a cut turned into 1 and others into 0.

    Parameters
    ----------
    design
        The rows, n of them.
    cut
        The ``binarize`` of a ``BernoulliNB``; None leaves values as they are.

    Notes
    -----
    A design in memory is held once more by columns, so that the columns of a query cost their stored values; others
    are read in one pass for each query.
    """

    def __init__(self, design: Design, cut: float | None) -> None:
        self.design, self.cut = design, cut

    @cached_property
    def _by_column(self) -> sparse.csc_array | None:
        if self.design.place != "memory":
            return None
        blocks = [sparse.csc_array(counted(block, self.cut)) for _, block in self.design.blocks()]
        return blocks[0] if len(blocks) == 1 else sparse.vstack(blocks, format="csc")

    def narrow(self, columns: IntArray) -> sparse.csc_array:
        """The given columns of all rows, shape (n, len(columns)); the caller may edit it."""
        by_column = self._by_column
        if by_column is not None:
            return by_column[:, columns]
        parts = [counted(block[:, columns], self.cut) for _, block in self.design.blocks()]
        return sparse.vstack([sparse.csc_array(part) for part in parts], format="csc")

    @cached_property
    def lengths(self) -> FloatArray:
        """The sum of each row, shape (n,)."""
        return product(self.design, self.cut, np.ones((self.design.n_features, 1)))[:, 0]

    def sums(self, u: FloatArray) -> FloatArray:
        """``out_kj = sum_i U_ik X_ij``, U (n, K): sums of the rows of each class, shape (K, n_features)."""
        out = np.zeros((u.shape[1], self.design.n_features))
        for rows, block in self.design.blocks():
            out += (counted(block, self.cut).T @ u[rows]).T
        return out


def product(design: Design, cut: float | None, v: FloatArray) -> FloatArray:
    """``X V`` with the values of X counted; V (n_features, m), the result (n_rows, m)."""
    if cut is None:
        return design.matmat(v)
    out = np.empty((design.n_rows, v.shape[1]))
    for rows, block in design.blocks():
        out[rows] = counted(block, cut) @ v
    return out


def counted(block: Block, cut: float | None) -> Any:
    """A block's values as they are, or 1 above the cut, which is not negative, and 0 elsewhere."""
    if cut is None:
        return block
    if not sparse.issparse(block):
        return (block > cut).astype(np.float64)
    block = block.copy()
    block.data = (block.data > cut).astype(np.float64)
    block.eliminate_zeros()
    return block

"""Sums of the largest entries in each row of a table, without storing the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .._typing import AnyArray, FloatArray, IntArray

KEPT = 64


@dataclass(frozen=True, eq=False)
class TopColumns:
    """For each row j of a non-negative table M, the columns i with the largest ``M_ji reference_i``.

    Attributes
    ----------
    values
        Their ``M_ji``, float32, shape (n_rows, kept).
    columns
        Their column indices i, int32, shape (n_rows, kept).
    rest
        The largest ``M_ji reference_i`` among the columns left out, shape (n_rows,); 0 if none were.
    reference
        A rough guess of the scales used later, positive in the relevant columns and 0 elsewhere, shape (n_columns,).
    """

    values: AnyArray
    columns: AnyArray
    rest: FloatArray
    reference: FloatArray

    @classmethod
    def of(cls, blocks: Iterable[AnyArray], allowed: IntArray, reference: FloatArray, kept: int = KEPT) -> TopColumns:
        """From blocks of rows of M, restricted to the ``allowed`` columns. Cost: one partition of M."""
        kept = min(kept, len(allowed))
        narrow = reference[allowed].astype(np.float32)
        values = []
        columns = []
        rest = []
        for block in blocks:
            scaled = block * narrow
            if kept < len(allowed):
                order = np.argpartition(scaled, len(allowed) - kept - 1, axis=1)
                left_out, best = order[:, len(allowed) - kept - 1, None], order[:, len(allowed) - kept :]
                rest.append(np.take_along_axis(scaled, left_out, axis=1)[:, 0])
            else:
                best = np.broadcast_to(np.arange(kept), scaled.shape)
                rest.append(np.zeros(len(scaled), dtype=np.float32))
            values.append(np.take_along_axis(block, best, axis=1))
            columns.append(allowed[best].astype(np.int32))
        return cls(np.concatenate(values), np.concatenate(columns), np.concatenate(rest).astype(np.float64), reference)

    def largest(self, size: int, scale: FloatArray) -> FloatArray:
        """Upper bounds on the sum of the ``size`` largest ``M_ji scale_i`` of each row j, scale >= 0; (n_rows,)."""
        kept = self.values.shape[1]
        if size <= 0 or kept == 0:
            return np.zeros(len(self.values))
        counts = self.reference > 0
        rest = self.rest * float((scale[counts] / self.reference[counts]).max())
        scaled = self.values * scale[self.columns]
        if size < kept:
            scaled = np.partition(scaled, kept - size, axis=1)[:, kept - size :]
        total = np.maximum(scaled, rest[:, None]).sum(axis=1) + max(0, size - kept) * rest
        return np.asarray(total * (1.0 + 4.0 * float(np.finfo(np.float32).eps)))

"""What conjugate gradients are preconditioned with, made once for a Hessian and used for every right-hand side.

Source: block Jacobi with one block, Saad, "Iterative Methods for Sparse Linear Systems", section 12.2; the block is
that of the columns which most rows share, as in the hot-cold splitting of Zipf data.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Protocol

import numpy as np
from scipy import linalg, sparse

from .._typing import FloatArray, IntArray
from ..operator import Hessian

_LARGEST_BLOCK = 1024
_LARGEST_OF_SAMPLE = 256
_SAMPLE = 2**14  # rows; up to twice as many are all used


class Preconditioner(Protocol):
    """An approximate inverse, symmetric and positive definite."""

    def apply(self, r: FloatArray) -> FloatArray:
        """To one residual (n_params,) or to the columns of (n_params, m); a new array."""


@dataclass(frozen=True, eq=False)
class Jacobi:
    """The inverse diagonal of a Hessian, made once and used for every right-hand side (and nearby Hessians)."""

    inverse: FloatArray

    @classmethod
    def of(cls, hessian: Hessian) -> Jacobi:
        """From a Hessian. Cost: one pass over X. A column that nothing curves or penalises is left as it is."""
        diagonal = hessian.diagonal()
        return cls(1.0 / np.where(diagonal > 0, diagonal, 1.0))

    def apply(self, r: FloatArray) -> FloatArray:  # noqa: D102 - as in Preconditioner
        return self.inverse * r if r.ndim == 1 else self.inverse[:, None] * r


@dataclass(frozen=True, eq=False)
class TwoLevel:
    """A Cholesky factor for the ``block`` (k,) of parameters with most curvature, the diagonal for all others.

    ``factor`` (k, k) is lower and in Fortran order. It takes the place of no exact answer: residuals decide.
    """

    diagonal: Jacobi
    block: IntArray
    factor: FloatArray

    def apply(self, r: FloatArray) -> FloatArray:
        """Cost: k^2 multiplications and additions for each column, beside the scaling."""
        z = self.diagonal.apply(r)
        z[self.block] = linalg.lapack.dpotrs(self.factor, r[self.block], lower=1)[0]
        return z


def preconditioner_of(hessian: Hessian) -> Preconditioner:
    """The preconditioner for a Hessian: `TwoLevel` for designs in memory, `Jacobi` for others.

    The block is the intercept and the k columns of most curvature, ``k = min(n_features, 1024, sqrt(n_stored / 2))``,
    so that applying it costs a quarter of a Hessian product. Where that is all columns (dense tables, one-hot codes)
    a solve near this Hessian takes a few products; on texts it halves them. Cost: a pass over X for the diagonal, and
    a Gram matrix of k columns over all rows, or over a sample of 16,384 (seeded) if there are more than twice as many;
    then k is 256 at most, as more columns of a sample tell more of the sample than of the rest.
    """
    jacobi, design = Jacobi.of(hessian), hessian.design
    largest = _LARGEST_BLOCK if design.n_rows <= 2 * _SAMPLE else _LARGEST_OF_SAMPLE
    k = min(design.n_features, largest, isqrt(design.n_stored // 2))
    if not design.samples_cheaply or k < 2:
        return jacobi
    curved = 1.0 / jacobi.inverse[: design.n_features] - hessian.penalty[: design.n_features]
    columns = np.sort(np.argsort(-curved, kind="stable")[:k])
    gram = _gram(hessian, columns)
    block = np.append(columns, design.n_features) if hessian.has_intercept else columns
    gram[np.diag_indices(len(block))] += hessian.penalty[block]
    try:
        factor = np.asfortranarray(linalg.cholesky(gram, lower=True))
    except linalg.LinAlgError:  # no curvature to speak of: every row saturated
        return jacobi
    return TwoLevel(jacobi, block, factor)


def _gram(hessian: Hessian, columns: IntArray) -> FloatArray:
    """``Z' diag(curvature) Z`` for ``Z = [X_columns, 1]``, from all rows or a sample of them."""
    design, curvature = hessian.design, hessian.curvature
    if design.n_rows > 2 * _SAMPLE:
        rows = np.sort(np.random.default_rng(0).choice(design.n_rows, _SAMPLE, replace=False))
        design, curvature = design.take(rows), curvature[rows] * (design.n_rows / _SAMPLE)
    k = len(columns)
    gram = np.zeros((k + hessian.has_intercept, k + hessian.has_intercept))
    for rows_of, block in design.blocks():
        part, weights = block[:, columns], curvature[rows_of]
        if sparse.issparse(part):
            gram[:k, :k] += (part.T @ sparse.diags_array(weights) @ part).toarray()
        else:
            gram[:k, :k] += part.T @ (weights[:, None] * part)
        if hessian.has_intercept:
            gram[k, :k] += part.T @ weights
            gram[k, k] += weights.sum()
    gram[:k, k:] = gram[k:, :k].T
    return gram

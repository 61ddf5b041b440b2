"""What conjugate gradients are preconditioned with, made once for a Hessian and used for every right-hand side.

Source: block Jacobi with one block, Saad, "Iterative Methods for Sparse Linear Systems", section 12.2; the block is
that of the columns which most rows share, as in the hot-cold splitting of Zipf data. Columns are centred first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Protocol

import numpy as np
from scipy import linalg, sparse

from .._typing import FloatArray, IntArray
from ..design import Design
from ..problem import Hessian
from ..vectors import blas_in_one_thread, column_dots, dot, symmetric_product

_LARGEST_BLOCK = 1024
_LARGEST_OF_SAMPLE = 256
_FEW_COLUMNS, _FEW_STORED = 16, 10_000
_ROUNDING = 16 * np.finfo(float).eps
_OF_CONSTANT = 1e-10  # of its squares: then the rounding of a gradient is too little to count
_CANCELLED = 1e-8  # of a column's squares: where so little is left without its mean, most digits of that are lost
# of 1 - leverage: of a column, where M has the row's own part but for rounding, and of columns together
_LEAST_LEFT_OF_COLUMN, _LEAST_LEFT = 1e-3, 0.1


class Preconditioner(Protocol):
    """An approximate inverse, symmetric and positive definite."""

    def apply(self, r: FloatArray) -> FloatArray:
        """To one residual (n_params,) or to the columns of (n_params, m); a new array."""

    def loo_leverages(self, rows: Design, curvature: FloatArray) -> FloatArray:
        """``z_i . (M - curvature_i z_i z_i')^-1 z_i``: how far row i, itself left out, yields to a force.

        z_i is a row that M was made of, with the intercept's one appended if there is one, ``curvature``
        (rows.n_rows,) that of the rows. Each part of M is left without the row by itself. Shape (rows.n_rows,).
        """


def norm_in(preconditioner: Preconditioner, r: FloatArray) -> float:
    """``sqrt(r' M^-1 r)`` of a residual or a gradient (n_params,), about its norm in ``H^-1``."""
    return float(np.sqrt(max(dot(r, preconditioner.apply(r)), 0.0)))


@dataclass(frozen=True, eq=False)
class Jacobi:
    """The inverse of a diagonal, (n,), made once and used for every right-hand side (and nearby Hessians)."""

    inverse: FloatArray

    @classmethod
    def of(cls, hessian: Hessian) -> Jacobi:
        """From a Hessian. Cost: one pass over X."""
        return cls.of_diagonal(hessian.diagonal())

    @classmethod
    def of_diagonal(cls, diagonal: FloatArray) -> Jacobi:
        """From a diagonal, (n,). A column that nothing curves or penalises is left as it is."""
        return cls(1.0 / np.where(diagonal > 0, diagonal, 1.0))

    def apply(self, r: FloatArray) -> FloatArray:  # noqa: D102 - as in Preconditioner
        return self.inverse * r if r.ndim == 1 else self.inverse[:, None] * r

    def loo_leverages(self, rows: Design, curvature: FloatArray) -> FloatArray:  # noqa: D102
        return _merged(*self.parts(rows, curvature, np.zeros_like(self.inverse)), curvature)

    def parts(self, rows: Design, curvature: FloatArray, centre: FloatArray) -> tuple[FloatArray, FloatArray]:
        """For rows less a centre: loo_leverages of the diagonal, and none more. Cost: one pass over the rows as stored.

        The little curvature that a row gives, through the centre, to columns in which it is 0 is not taken out.
        """
        out, at_rest = np.empty(rows.n_rows), self.inverse * np.square(centre)
        for part, block in rows.blocks():
            held = curvature[part]
            if not sparse.issparse(block):
                moved = self._yielding(np.square(block - centre), held[:, None], self.inverse)
                out[part] = np.where(block == 0, at_rest, moved).sum(axis=1)
                continue
            lengths, columns = np.diff(block.indptr), block.indices
            moved = self._yielding(
                np.square(block.data - centre[columns]), np.repeat(held, lengths), self.inverse[columns]
            )
            moved -= at_rest[columns]
            out[part] = np.bincount(np.repeat(np.arange(len(lengths)), lengths), moved, len(lengths)) + at_rest.sum()
        return out, np.zeros_like(out)

    @staticmethod
    def _yielding(squares: FloatArray, curvature: FloatArray, inverse: FloatArray) -> FloatArray:
        return np.asarray(squares * inverse / np.maximum(1.0 - curvature * squares * inverse, _LEAST_LEFT_OF_COLUMN))


@dataclass(frozen=True, eq=False)
class TwoLevel:
    """The inverse for the ``block`` (k,) of columns with most curvature, the diagonal for all others.

    A product with ``inverse`` (k, k), in Fortran order, takes a quarter of the time of two solves with a Cholesky
    factor. It takes the place of no exact answer: residuals decide.
    """

    diagonal: Jacobi
    block: IntArray
    inverse: FloatArray

    def apply(self, r: FloatArray) -> FloatArray:
        """Cost: k^2 multiplications and additions for each column, beside the scaling of columns outside the block."""
        if len(self.block) == len(r):
            return symmetric_product(self.inverse, r)
        z = self.diagonal.apply(r)
        z[self.block] = symmetric_product(self.inverse, r[self.block])
        return z

    def loo_leverages(self, rows: Design, curvature: FloatArray) -> FloatArray:  # noqa: D102 - as in Preconditioner
        return _merged(*self.parts(rows, curvature, np.zeros_like(self.diagonal.inverse)), curvature)

    def parts(self, rows: Design, curvature: FloatArray, centre: FloatArray) -> tuple[FloatArray, FloatArray]:
        """For rows less a centre: loo_leverages of the diagonal, and ``z . M^-1 z`` of the block.

        Cost: two passes over the rows, and k^2 multiplications and additions for each.
        """
        outside = self.diagonal.inverse.copy()
        outside[self.block] = 0.0
        apart, tied = Jacobi(outside).parts(rows, curvature, centre)
        for part, block in rows.blocks():
            columns = block[:, self.block]
            inside = (columns.toarray() if sparse.issparse(columns) else columns) - centre[self.block]
            tied[part] += column_dots(inside.T, symmetric_product(self.inverse, inside.T))
        return apart, tied


@dataclass(frozen=True, eq=False)
class Centred:
    """A preconditioner of the columns less their means, for Hessians with an intercept.

    In the log-odds ``(x - mean) . coef + b``, b is the intercept plus ``mean . coef``; with means weighted by the
    curvature the Hessian no longer couples b with any column, nor columns through their means alone. That coupling is
    what a block of some columns leaves out: the many columns outside it together, or the mean of an image.
    ``mean`` (n_features,); ``total`` is the curvature of b.
    """

    columns: Jacobi | TwoLevel
    mean: FloatArray
    total: float

    def apply(self, r: FloatArray) -> FloatArray:
        """Cost: two passes over parameters beside what the columns take."""
        out = np.empty_like(r)
        if r.ndim == 1:
            out[:-1] = self.columns.apply(r[:-1] - r[-1] * self.mean)
            out[-1] = r[-1] / self.total - dot(self.mean, out[:-1])
        else:
            out[:-1] = self.columns.apply(r[:-1] - np.outer(self.mean, r[-1]))
            out[-1] = r[-1] / self.total - np.einsum("i,ij->j", self.mean, out[:-1])
        return out

    def loo_leverages(self, rows: Design, curvature: FloatArray) -> FloatArray:  # noqa: D102 - as in Preconditioner
        apart, tied = self.columns.parts(rows, curvature, self.mean)
        return _merged(apart, tied + 1.0 / self.total, curvature)


def _merged(apart: FloatArray, tied: FloatArray, curvature: FloatArray) -> FloatArray:
    """Leave-one-out leverages of columns by themselves, and those of columns that a row moves together."""
    return np.asarray(apart + tied / np.maximum(1.0 - curvature * tied, _LEAST_LEFT))


def anew_is_cheap(design: Design) -> bool:
    """Whether making a preconditioner takes no longer than the products that an older one would take more.

    The block is then all columns: the preconditioner is the inverse of the Hessian, a step takes one product, and the
    norm of the gradient in it is the Newton decrement itself.
    """
    return design.n_features <= _FEW_COLUMNS and design.n_stored <= _FEW_STORED


def preconditioner_of(hessian: Hessian) -> Preconditioner:
    """The preconditioner for a Hessian: `TwoLevel`, of centred columns where there is an intercept.

    The block is the k columns of most curvature, ``k = min(n_features, 1024, sqrt(n_stored))``: applying it then costs
    a tenth of a Hessian product. Wider blocks saved too few products to make searches faster, on texts, tables and
    images. Where the block is all columns (dense tables, one-hot codes) a solve near this Hessian takes a few products;
    on texts it halves them.

    Cost: a pass over X for the diagonal, one for the means, and a Gram matrix of k columns over all rows or the
    design's sample of them; then k is 256 at most, as more columns of a sample tell more of the sample than of the
    rest.
    """
    diagonal = hessian.diagonal()
    if not hessian.has_intercept:
        return _columns(hessian, _Moments(np.zeros_like(diagonal), diagonal, hessian.penalty))
    moments = _moments(hessian, diagonal[:-1], float(diagonal[-1]))
    return Centred(_columns(hessian, moments), moments.mean, float(diagonal[-1]) or 1.0)


@dataclass(frozen=True, eq=False)
class _Moments:
    """Of columns: their ``mean``, their Hessian's ``diagonal`` less that, and what of it does not come from rows.

    Each (n_features,). ``held`` is the penalty; ``exact`` says whether columns are to be centred before products.
    """

    mean: FloatArray
    diagonal: FloatArray
    held: FloatArray
    exact: bool = False


def _moments(hessian: Hessian, squares: FloatArray, total: float) -> _Moments:
    """Means weighted by the curvature, ``total`` with the intercept's penalty, and the diagonal ``squares`` less them.

    Where a column's mean is 10,000 times its spread or more, as that of timestamps may be, the difference of squares is
    mostly rounding, and rows are centred first. Of a column that is the same in every row rounding is all there is,
    and must not count: its coefficient, which a free intercept makes up for, moves no training row.
    """
    if not total > 0:
        return _Moments(np.zeros_like(squares), squares, hessian.penalty[:-1])
    mean, held = hessian.design.rmatvec(hessian.curvature) / total, hessian.penalty[:-1]
    diagonal = squares - total * np.square(mean)
    flat = np.flatnonzero(diagonal <= _CANCELLED * squares)
    if not len(flat) or hessian.penalty[-1]:
        return _Moments(mean, np.maximum(diagonal, _OF_CONSTANT * squares), held)
    mean[flat], spread = _centred(hessian, flat, mean[flat], total)
    held = held.copy()
    constant = spread <= np.square(_ROUNDING * mean[flat]) * total
    held[flat[constant]] = np.maximum(_OF_CONSTANT * squares[flat], held[flat])[constant]
    diagonal[flat] = spread + held[flat]
    return _Moments(mean, diagonal, held, exact=True)


def _centred(hessian: Hessian, columns: IntArray, mean: FloatArray, total: float) -> tuple[FloatArray, FloatArray]:
    """Means of some columns, better than the given ones, and the weighted squares of the columns less these.

    Cost: a pass over X, and a dense copy of these columns of a block.
    """
    sums, squares = np.zeros(len(columns)), np.zeros(len(columns))
    for rows, block in hessian.design.blocks():
        part, weights = block[:, columns], hessian.curvature[rows]
        part = (part.toarray() if sparse.issparse(part) else part) - mean
        sums += part.T @ weights
        squares += np.square(part).T @ weights
    return mean + sums / total, np.maximum(squares - np.square(sums) / total, 0.0)


def _columns(hessian: Hessian, moments: _Moments) -> Jacobi | TwoLevel:
    """The preconditioner of the columns, less their means where there is an intercept."""
    jacobi, design = Jacobi.of_diagonal(moments.diagonal), hessian.design
    largest = _LARGEST_BLOCK if len(design.sample[0]) == design.n_rows else _LARGEST_OF_SAMPLE
    k = min(design.n_features, largest, isqrt(design.n_stored))
    if k < 2:
        return jacobi
    block = np.sort(np.argsort(moments.held - moments.diagonal, kind="stable")[:k])
    gram = _gram(hessian, block, moments.mean[block] if moments.exact else None)
    gram[np.diag_indices(k)] += moments.held[block]
    with blas_in_one_thread():
        factor, failed = linalg.lapack.dpotrf(gram, lower=1, clean=0)
        if failed:  # no curvature to speak of: every row saturated
            return jacobi
        inverse = np.tril(linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)[0])
    return TwoLevel(jacobi, block, np.asfortranarray(inverse + np.tril(inverse, -1).T))


def _gram(hessian: Hessian, columns: IntArray, mean: FloatArray | None) -> FloatArray:
    """``Z' diag(curvature) Z`` for Z the given columns of X, centred if there is an intercept, from the sample.

    With means, dense columns are centred before they are multiplied: afterwards, little might be left.
    """
    rows, design = hessian.design.sample
    curvature = hessian.curvature[rows] * (hessian.design.n_rows / len(rows))
    gram, sums = np.zeros((len(columns), len(columns))), np.zeros(len(columns))
    for rows_of, block in design.blocks():
        part, weights = block[:, columns], curvature[rows_of]
        if sparse.issparse(part):
            gram += (part.T @ sparse.diags_array(weights) @ part).toarray()
        else:
            part = part if mean is None else part - mean
            gram += part.T @ (weights[:, None] * part)
        sums += part.T @ weights
    if hessian.has_intercept:  # the sample's own means: what is left is positive whatever the sample
        total = float(curvature.sum()) + float(hessian.penalty[-1])
        gram -= np.outer(sums, sums) / (total or 1.0)
    return gram

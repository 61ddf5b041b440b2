"""Preconditioners for conjugate gradients, made once for a Hessian and used for every right-hand side.

Source: block Jacobi with one block, Saad, "Iterative Methods for Sparse Linear Systems", section 12.2; the block
consists of the columns that most rows share, as in the hot-cold splitting of Zipf data. Columns are centred first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Protocol

import numpy as np
from scipy import linalg, sparse

from .._typing import FloatArray, IntArray
from ..design import Design
from ..problem import Hessian, MultinomialHessian, TableHessian
from ..vectors import blas_in_one_thread, column_dots, dot, symmetric_product

_LARGEST_BLOCK = 1024
_MOST_IN_BLOCKS = 2**23  # entries of the blocks of several classes
_LARGEST_OF_SAMPLE = 256
_FEW_COLUMNS, _FEW_STORED = 16, 10_000
_ROUNDING = 16 * np.finfo(float).eps
_OF_CONSTANT = 1e-10  # of a column's squares: least diagonal entry, for which the rounding of a gradient does not count
_CANCELLED = 1e-8  # of a column's squares: if so little is left after centring, most of its digits are lost
# least 1 - leverage: of one column, where M contains the row's own part up to rounding, and of columns together
_LEAST_LEFT_OF_COLUMN, _LEAST_LEFT = 1e-3, 0.1


class Preconditioner(Protocol):
    """An approximate inverse, symmetric and positive definite."""

    def apply(self, r: FloatArray) -> FloatArray:
        """Apply to one residual (n_params,) or to the columns of (n_params, m); returns a new array."""

    def loo_leverages(self, rows: Design, curvature: FloatArray) -> FloatArray:
        """``z_i . (M - curvature_i z_i z_i')^-1 z_i``: how far row i, itself left out, moves under a force.

        z_i is a row that M was made from, with a 1 appended if there is an intercept; ``curvature`` (rows.n_rows,)
        is that of the rows. The row is removed from each part of M separately. Shape (rows.n_rows,).
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
        """The preconditioner of a Hessian. Cost: one pass over X."""
        return cls.of_diagonal(hessian.diagonal())

    @classmethod
    def of_diagonal(cls, diagonal: FloatArray) -> Jacobi:
        """The preconditioner of a diagonal, (n,). A column without curvature or penalty is left unscaled."""
        return cls(1.0 / np.where(diagonal > 0, diagonal, 1.0))

    def apply(self, r: FloatArray) -> FloatArray:  # noqa: D102 - as in Preconditioner
        return self.inverse * r if r.ndim == 1 else self.inverse[:, None] * r

    def loo_leverages(self, rows: Design, curvature: FloatArray) -> FloatArray:  # noqa: D102
        return _merged(*self.parts(rows, curvature, np.zeros_like(self.inverse)), curvature)

    def parts(self, rows: Design, curvature: FloatArray, centre: FloatArray) -> tuple[FloatArray, FloatArray]:
        """For centred rows: loo_leverages of the diagonal, and zeros. Cost: one pass over the stored values.

        The little curvature that a row adds, through the centre, to columns in which it is 0 is not removed.
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
    factor. Its lower accuracy does no harm in a preconditioner: residuals decide.
    """

    diagonal: Jacobi
    block: IntArray
    inverse: FloatArray

    def apply(self, r: FloatArray) -> FloatArray:
        """Cost: k^2 multiply-adds for each column, besides the scaling of columns outside the block."""
        if len(self.block) == len(r):
            return symmetric_product(self.inverse, r)
        z = self.diagonal.apply(r)
        z[self.block] = symmetric_product(self.inverse, r[self.block])
        return z

    def loo_leverages(self, rows: Design, curvature: FloatArray) -> FloatArray:  # noqa: D102 - as in Preconditioner
        return _merged(*self.parts(rows, curvature, np.zeros_like(self.diagonal.inverse)), curvature)

    def parts(self, rows: Design, curvature: FloatArray, centre: FloatArray) -> tuple[FloatArray, FloatArray]:
        """For centred rows: loo_leverages of the diagonal, and ``z . M^-1 z`` of the block.

        Cost: two passes over the rows, and k^2 multiply-adds for each.
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
    """A preconditioner of centred columns, for Hessians with an intercept.

    In the log-odds ``(x - mean) . coef + b``, b is the intercept plus ``mean . coef``; with means weighted by the
    curvature the Hessian no longer couples b with any column, nor columns through their means alone. A block of some
    columns would miss that coupling: of the many columns outside it together, or of the mean of an image.
    ``mean`` (n_features,); ``total`` is the curvature of b.
    """

    columns: Jacobi | TwoLevel
    mean: FloatArray
    total: float

    def apply(self, r: FloatArray) -> FloatArray:
        """Cost: two passes over parameters, besides the cost for the columns."""
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


@dataclass(frozen=True, eq=False)
class PerClass:
    """One preconditioner for each of K classes, made of its Hessian with the others held fixed.

    It takes and gives tables (n_params, K), row by row; where softmax has ``joined`` the classes, tables whose columns
    sum to zero: softmax sees no more of them. In this space the Hessian of K classes is curved about as each class's
    own. On texts (4 classes) and images (10) it takes a tenth to a third of the products that a diagonal does; coupling
    the classes in each column spared none.
    """

    classes: tuple[Preconditioner, ...]
    joined: bool = True

    def apply(self, r: FloatArray) -> FloatArray:  # noqa: D102 - as in Preconditioner
        tables = r.reshape(-1, len(self.classes), *r.shape[1:])
        if not self.joined:
            of_classes = [each.apply(np.ascontiguousarray(tables[:, k])) for k, each in enumerate(self.classes)]
            return np.stack(of_classes, axis=1).reshape(r.shape)
        common = np.einsum("jk...->j...", tables) / len(self.classes)
        out = np.empty_like(tables)
        for k, each in enumerate(self.classes):
            out[:, k] = each.apply(tables[:, k] - common)
        common = np.einsum("jk...->j...", out) / len(self.classes)
        out -= common[:, None]
        return out.reshape(r.shape)

    def loo_leverages(self, rows: Design, curvature: FloatArray) -> FloatArray:
        """Of each class by itself, (rows.n_rows, K), from the classes' curvatures, same shape."""
        of_classes = zip(self.classes, np.ascontiguousarray(curvature.T), strict=True)
        return np.column_stack([each.loo_leverages(rows, column) for each, column in of_classes])


def _merged(apart: FloatArray, tied: FloatArray, curvature: FloatArray) -> FloatArray:
    """Combine leave-one-out leverages of separate columns with those of columns that a row moves together."""
    return np.asarray(apart + tied / np.maximum(1.0 - curvature * tied, _LEAST_LEFT))


def rebuilding_is_cheap(design: Design) -> bool:
    """Whether making a new preconditioner costs no more than the extra products that an old one would need.

    The block then holds all columns: the preconditioner is the inverse of the Hessian, a step takes one product, and
    the norm of the gradient in it is the Newton decrement itself.
    """
    return design.n_features <= _FEW_COLUMNS and design.n_stored <= _FEW_STORED


def preconditioner_of(hessian: Hessian) -> Preconditioner:
    """The preconditioner for a Hessian: `TwoLevel`, with centred columns if there is an intercept.

    The block holds the k columns of most curvature, ``k = min(n_features, 1024, sqrt(n_stored))``: applying it then
    costs a tenth of a Hessian product. Wider blocks saved too few products to make searches faster, on texts, tables
    and images. If the block holds all columns (dense tables, one-hot codes) a solve near this Hessian takes a few
    products; on texts it halves them.

    Cost: a pass over X for the diagonal, one for the means, and a Gram matrix of k columns over all rows or the
    design's sample of them; with a sample k is at most 256, as more columns would overfit the sample. With several
    classes there is one for each, `PerClass`, whose blocks together are applied as fast as one would be and take 64 MB
    at most; half as many columns again saved no product on texts.
    """
    if isinstance(hessian, TableHessian):
        most = isqrt(min(_MOST_IN_BLOCKS, hessian.design.n_stored) // hessian.n_classes)
        each_class = tuple(_two_level(each, most) for each in hessian.of_classes())
        return PerClass(each_class, joined=isinstance(hessian, MultinomialHessian))
    return _two_level(hessian, _LARGEST_BLOCK)


def _two_level(hessian: Hessian, most: int) -> Preconditioner:
    """With at most so many columns in the block."""
    diagonal = hessian.diagonal()
    if not hessian.has_intercept:
        return _columns(hessian, _Moments(np.zeros_like(diagonal), diagonal, hessian.penalty), most)
    moments = _moments(hessian, diagonal[:-1], float(diagonal[-1]))
    return Centred(_columns(hessian, moments, most), moments.mean, float(diagonal[-1]) or 1.0)


@dataclass(frozen=True, eq=False)
class _Moments:
    """Moments of columns: their ``mean``, the Hessian's ``diagonal`` after centring, and the part not from rows.

    Each (n_features,). ``held`` is the penalty; ``exact`` says whether to centre columns before products.
    """

    mean: FloatArray
    diagonal: FloatArray
    held: FloatArray
    exact: bool = False


def _moments(hessian: Hessian, squares: FloatArray, total: float) -> _Moments:
    """Means weighted by the curvature, ``total`` with the intercept's penalty, and the diagonal ``squares`` less them.

    If a column's mean is 10,000 times its spread or more, as with timestamps, the difference of squares is mostly
    rounding, and rows are centred first. For a constant column nothing but rounding is left, which must not count:
    its coefficient, which a free intercept compensates, moves no training row.
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
    """Refined means of some columns, and the weighted squares of the columns centred by them.

    Cost: a pass over X, and a dense copy of these columns for one block at a time.
    """
    sums, squares = np.zeros(len(columns)), np.zeros(len(columns))
    for rows, block in hessian.design.blocks():
        part, weights = block[:, columns], hessian.curvature[rows]
        part = (part.toarray() if sparse.issparse(part) else part) - mean
        sums += part.T @ weights
        squares += np.square(part).T @ weights
    return mean + sums / total, np.maximum(squares - np.square(sums) / total, 0.0)


def _columns(hessian: Hessian, moments: _Moments, most: int) -> Jacobi | TwoLevel:
    """The preconditioner of the columns, centred if there is an intercept."""
    jacobi, design = Jacobi.of_diagonal(moments.diagonal), hessian.design
    largest = min(most, _LARGEST_BLOCK) if len(design.sample[0]) == design.n_rows else min(most, _LARGEST_OF_SAMPLE)
    k = min(design.n_features, largest, isqrt(design.n_stored))
    if k < 2:
        return jacobi
    block = np.sort(np.argsort(moments.held - moments.diagonal, kind="stable")[:k])
    gram = _gram(hessian, block, moments.mean[block] if moments.exact else None)
    gram[np.diag_indices(k)] += moments.held[block]
    with blas_in_one_thread():
        factor, failed = linalg.lapack.dpotrf(gram, lower=1, clean=0)
        if failed:  # practically no curvature: every row is saturated
            return jacobi
        inverse = np.tril(linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)[0])
    return TwoLevel(jacobi, block, np.asfortranarray(inverse + np.tril(inverse, -1).T))


def _gram(hessian: Hessian, columns: IntArray, mean: FloatArray | None) -> FloatArray:
    """``Z' diag(curvature) Z`` for Z the given columns of X, centred if there is an intercept, from the sample.

    If means are given, dense columns are centred before multiplying: afterwards few digits might be left.
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
    if hessian.has_intercept:  # the sample's own means keep the result positive semidefinite for any sample
        total = float(curvature.sum()) + float(hessian.penalty[-1])
        gram -= np.outer(sums, sums) / (total or 1.0)
    return gram

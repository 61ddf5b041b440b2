"""Converts any supported matrix to a design, and checks it once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import AnyArray
from ..inputs import as_matrix
from .base import Design
from .compressed import check_sparse
from .csr import CsrDesign, canonical_csr
from .dense import DenseDesign


def as_design(x: Any, *, who: str, n_features: int | None = None) -> Design:
    """Wrap a matrix as a `Design`.

    Parameters
    ----------
    x
        SciPy sparse matrix or array in any format, dense array or data frame of numbers, shape (n_rows,
        n_features), or a `Design`, which is returned unchanged.
    who
        The name of the calling function and argument, for messages.
    n_features
        The required number of columns, if any.

    Raises
    ------
    TypeError
        If the entries are not real numbers.
    ValueError
        If x is not two-dimensional, is empty, holds NaN or infinity, or has the wrong number of columns.
    """
    if isinstance(x, Design):
        design = x
    elif sparse.issparse(x):
        design = _sparse(x, who)
    else:
        design = _dense(x, who)
    if n_features is not None and design.n_features != n_features:
        raise ValueError(
            f"{who}: expected {n_features} columns, as in the training matrix, got shape {design.shape}. "
            "Transform these rows with the vectoriser or encoder that made the training matrix."
        )
    return design


def as_query(x: Any, *, who: str, n_features: int) -> Design:
    """Wrap a single query, shape (n_features,) or (1, n_features), as a design of one row.

    Raises
    ------
    ValueError
        If there is not exactly one row; otherwise as `as_design`.
    """
    if not isinstance(x, Design) and not sparse.issparse(x):
        array = as_matrix(x, who=who)
        x = array.reshape(1, -1) if array.ndim == 1 else array
    elif sparse.issparse(x) and x.ndim == 1:
        x = sparse.csr_array(x.reshape(1, -1))
    design = as_design(x, who=who, n_features=n_features)
    if design.n_rows != 1:
        raise ValueError(f"{who}: expected one query, got {design.n_rows} rows. Use find_flip_sets for many queries.")
    return design


def _sparse(x: Any, who: str) -> Design:
    _check_numbers(x.dtype, who)
    _check_shape(x.shape, who)
    check_sparse(x, who=who)
    if x.format not in ("csr", "csc", "bsr", "coo"):
        x = x.tocsr()
        check_sparse(x, who=who)
    csr = canonical_csr(x)
    _check_finite(csr.data, who)
    return CsrDesign(csr)


def _dense(x: Any, who: str) -> Design:
    array = as_matrix(x, who=who)
    if array.dtype == object:  # lists of mixed number types
        with suppress(TypeError, ValueError):
            array = array.astype(np.float64)
    _check_numbers(array.dtype, who)
    _check_shape(array.shape, who)
    array = np.asarray(array, dtype=np.float64)
    _check_finite(array, who)
    return DenseDesign(array)


def _check_numbers(dtype: np.dtype[Any], who: str) -> None:
    if dtype.kind not in "buif":
        raise TypeError(
            f"{who}: expected real numbers, got dtype {dtype}. "
            "Turn texts and categories into numbers first, or adopt the whole Pipeline, which then takes raw rows."
        )


def _check_shape(shape: tuple[int, ...], who: str) -> None:
    if shape in {(), (0,)}:
        raise ValueError(
            f"{who}: expected two dimensions (n_rows, n_features), got shape {shape}, which has no rows. Pass a matrix "
            "or a data frame with at least one row."
        )
    if len(shape) != 2:
        raise ValueError(
            f"{who}: expected two dimensions (n_rows, n_features), got shape {shape}. For a single row, pass "
            "x.reshape(1, -1)."
        )
    if 0 in shape:
        raise ValueError(f"{who}: expected at least one row and one column, got an empty matrix of shape {shape}.")


def _check_finite(values: AnyArray, who: str) -> None:
    # The sum is finite unless an entry is not (or it overflows): one cheap pass, and the exact test only if needed.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(values.sum())
    if suspicious and not np.isfinite(values).all():
        bad = int(np.size(values) - np.isfinite(values).sum())
        raise ValueError(
            f"{who}: expected finite numbers, got NaN or infinity in {bad} entries. Impute or drop those rows first."
        )

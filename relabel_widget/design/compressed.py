"""Compressed rows and columns as callers hand them in: checked before compiled code, which trusts them, sees them."""

from __future__ import annotations

from typing import Any

from .._typing import AnyArray


def check_sparse(x: Any, *, who: str) -> None:
    """Refuse a SciPy sparse matrix whose arrays do not fit each other or its shape: a product would read beyond them.

    Formats without such arrays pass; they are made into compressed rows by SciPy, and checked then. Cost: comparisons
    of each index, no copy.

    Raises
    ------
    ValueError
        If it is corrupt.
    """
    if x.format in ("csr", "csc", "bsr"):
        rows, columns = x.shape if x.format != "csc" else x.shape[::-1]
        height, width = x.blocksize if x.format == "bsr" else (1, 1)
        check_compressed(x.indptr, x.indices, len(x.data), (rows // height, columns // width), who=who)
    elif x.format == "coo":
        lengths = {len(x.data), *(len(each) for each in x.coords)}
        if len(lengths) > 1:
            raise _corrupt(who, f"as many indices as values, got {len(x.data)} values and other numbers of indices")
        for indices, size in zip(x.coords, x.shape, strict=True):
            _check_range(indices, size, who)


def check_compressed(starts: AnyArray, indices: AnyArray, n_values: int, shape: tuple[int, int], *, who: str) -> None:
    """`check_sparse` for the arrays of compressed rows of a shape (or columns, the shape turned round)."""
    check_starts(starts, len(indices), shape[0], who=who)
    if n_values != len(indices):
        raise _corrupt(who, f"as many column numbers as values, got {len(indices)} and {n_values}")
    _check_range(indices, shape[1], who)


def check_starts(starts: AnyArray, n_indices: int, n_rows: int, *, who: str) -> None:
    """Refuse row starts that are not 0 to ``n_indices``, never falling, one more than there are rows.

    Raises
    ------
    ValueError
        If they are not.
    """
    if starts.ndim != 1 or starts.dtype.kind not in "iu" or len(starts) != n_rows + 1:
        raise _corrupt(who, f"{n_rows + 1} whole row starts, got {starts.dtype} of shape {starts.shape}")
    if starts[0] != 0 or starts[-1] != n_indices:
        raise _corrupt(who, f"row starts from 0 to {n_indices}, got {starts[0]} to {starts[-1]}")
    if (starts[1:] < starts[:-1]).any():
        raise _corrupt(who, "row starts that never fall, got some that do")


def _check_range(indices: AnyArray, size: int, who: str) -> None:
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise _corrupt(who, f"whole indices in one dimension, got {indices.dtype} of shape {indices.shape}")
    if len(indices) and (indices.min() < 0 or indices.max() >= size):
        raise _corrupt(who, f"indices from 0 to {size - 1}, got {indices.min()} to {indices.max()}")


def _corrupt(who: str, words: str) -> ValueError:
    return ValueError(f"{who}: the sparse matrix is corrupt: expected {words}. Build it again from its source.")

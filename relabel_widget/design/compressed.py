"""Checks of compressed rows and columns from callers, before they reach compiled code, which trusts them."""

from __future__ import annotations

from typing import Any

from .._typing import AnyArray


def check_sparse(x: Any, *, who: str) -> None:
    """Refuse a SciPy sparse matrix with inconsistent arrays: a product would read out of bounds.

    Formats without such arrays pass; SciPy converts them to compressed rows, which are checked then. Cost: a few
    comparisons per index, no copy.

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
            raise _corrupt(who, f"as many indices as values, got {len(x.data)} values and another number of indices")
        for indices, size in zip(x.coords, x.shape, strict=True):
            _check_range(indices, size, who)


def check_compressed(starts: AnyArray, indices: AnyArray, n_values: int, shape: tuple[int, int], *, who: str) -> None:
    """`check_sparse` for the arrays of compressed rows (or of columns, with the shape reversed)."""
    check_starts(starts, len(indices), shape[0], who=who)
    if n_values != len(indices):
        raise _corrupt(who, f"as many column numbers as values, got {len(indices)} and {n_values}")
    _check_range(indices, shape[1], who)


def check_starts(starts: AnyArray, n_indices: int, n_rows: int, *, who: str) -> None:
    """Refuse row starts unless they are n_rows + 1 non-decreasing numbers from 0 to ``n_indices``.

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
        raise _corrupt(who, "non-decreasing row starts, got some that decrease")


def _check_range(indices: AnyArray, size: int, who: str) -> None:
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise _corrupt(who, f"whole indices in one dimension, got {indices.dtype} of shape {indices.shape}")
    if len(indices) and (indices.min() < 0 or indices.max() >= size):
        raise _corrupt(who, f"indices from 0 to {size - 1}, got {indices.min()} to {indices.max()}")


def _corrupt(who: str, words: str) -> ValueError:
    return ValueError(f"{who}: the sparse matrix is corrupt: expected {words}. Rebuild it from its source.")

"""The named values of one row, and one row as its owner brought it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from .containers import frame_of, series_of
from .texts import Names

Cells: TypeAlias = Callable[[int], dict[str, Any]]


def cells_of(rows: Any, names: Names) -> Cells | None:
    """What gives the values of row i by name, in the order of the columns; None where rows have no columns.

    Rows with columns are frames of several, dicts, and numeric matrices; of sparse ones the values that are not zero.
    ``names`` goes from the number of columns of a matrix to their names, or to None. One row is read at a time.
    """
    frame = frame_of(rows)
    if frame is not None:
        return _of_frame(frame) if frame.shape[1] > 1 else None
    if isinstance(rows, (list, tuple)):
        is_mapped = len(rows) > 0 and isinstance(rows[0], Mapping)
        return (lambda row: {str(name): value for name, value in rows[row].items()}) if is_mapped else None
    if sparse.issparse(rows):
        return _of_sparse(rows.tocsr(), names)  # the same object for CSR
    if isinstance(rows, np.ndarray) and rows.ndim == 2:
        return lambda row: dict(zip(_named(names, rows.shape[1]), rows[row].tolist(), strict=True))
    return None


def _named(names: Names, n_columns: int) -> Sequence[str]:
    found = names(n_columns)
    return [f"feature {j}" for j in range(n_columns)] if found is None else [str(name) for name in found]


def _of_frame(frame: Any) -> Cells:
    names = [str(name) for name in frame.columns]

    def read(row: int) -> dict[str, Any]:
        values = frame.row(row)
        # older narwhals leaves the values of a pyarrow table as its scalars
        return {n: v.as_py() if hasattr(v, "as_py") else v for n, v in zip(names, values, strict=True)}

    return read


def _of_sparse(matrix: Any, names: Names) -> Cells:
    def read(row: int) -> dict[str, Any]:
        one = matrix[[row]]
        named = _named(names, matrix.shape[1])
        pairs = zip(one.indices.tolist(), one.data.tolist(), strict=True)
        return {named[j]: value for j, value in sorted(pairs) if value}

    return read


def raw_row(rows: Any, row: int) -> Any:
    """One row as whoever brought the rows would take it out.

    Of a pandas frame it is a series, of another frame a dict, of a sparse matrix a matrix of one row, of an array an
    array or value, of anything else its item.
    """
    if hasattr(rows, "iloc"):
        return rows.iloc[row]
    if sparse.issparse(rows):
        return rows.tocsr()[[row]]
    if isinstance(rows, (np.ndarray, list, tuple)):
        return rows[row]
    frame = frame_of(rows)
    if frame is not None:
        return _of_frame(frame)(row)
    series = series_of(rows)
    return rows[row] if series is None else series[row]

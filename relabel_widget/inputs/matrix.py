"""Numbers out of frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import AnyArray, FloatArray
from ..arguments import as_array
from .containers import frame_of, materialised
from .missing import missing_rows

_NAMED = 6  # columns that a message names


def as_matrix(x: Any, *, who: str) -> AnyArray:
    """Rows of numbers as an array: the same memory where they are one, float64 out of a frame of any library.

    Raises
    ------
    ValueError
        If a frame lacks values; the message names the columns and the first row.
    TypeError
        If a frame has columns of texts, categories or dates; the message names them.
    """
    x = materialised(x, who=who)
    frame = None if isinstance(x, (np.ndarray, list, tuple)) else frame_of(x)
    if frame is None:
        return as_array(x, who=who)
    names = [str(name) for name in frame.columns]
    whole = _of_plain_pandas(frame.to_native())
    if whole is not None:
        _check_present(whole, names, who)
        return whole
    found = [_numbers(column) for column in frame.iter_columns()]
    other = [name for name, column in zip(names, found, strict=True) if column is None]
    if other:
        raise TypeError(
            f"{who}: expected real numbers, got texts, categories or dates in {_named(other)}. Turn them into numbers "
            "first, or adopt the whole Pipeline, which then takes raw rows."
        )
    columns = [column for column in found if column is not None]
    matrix = np.column_stack(columns) if columns else np.empty((frame.shape[0], 0))
    _check_present(matrix, names, who)
    return matrix


def _of_plain_pandas(frame: Any) -> FloatArray | None:
    """A frame of pandas all of whose columns are NumPy's numbers, at once: it may have thousands."""
    if not hasattr(frame, "iloc") or not all(isinstance(t, np.dtype) and t.kind in "buif" for t in frame.dtypes):
        return None
    return np.asarray(frame.to_numpy(dtype=np.float64))


def _numbers(column: Any) -> FloatArray | None:
    """A column as float64, NaN where a value is missing; None if it holds something else than numbers."""
    values = column.to_numpy()
    if values.dtype.kind in "buif":
        out: FloatArray = values.astype(np.float64)
        if column.null_count():
            out[missing_rows(column.to_native())] = np.nan
        return out
    if values.dtype != object:
        return None
    plain = column.to_list()
    gone = set(missing_rows(plain).tolist())
    if len(gone) == len(plain):
        return np.full(len(plain), np.nan)
    if any(isinstance(value, (str, bytes)) for value in plain):
        return None
    try:
        return np.array([np.nan if row in gone else float(value) for row, value in enumerate(plain)])
    except (TypeError, ValueError, OverflowError):
        return None


def _check_present(matrix: FloatArray, names: list[str], who: str) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isnan(matrix.sum()):  # one cheap pass; the exact test only on doubt
            return
    gone = np.isnan(matrix)
    if gone.any():
        columns = [names[j] for j in np.flatnonzero(gone.any(axis=0))]
        raise ValueError(
            f"{who}: expected a number in every place, got missing values in {_named(columns)}, first in row "
            f"{int(gone.any(axis=1).argmax())}. Impute or drop those rows first."
        )


def _named(columns: list[str]) -> str:
    more = f" and {len(columns) - _NAMED:,} more" if len(columns) > _NAMED else ""
    return f"column{'s' if len(columns) > 1 else ''} {', '.join(columns[:_NAMED])}{more}"

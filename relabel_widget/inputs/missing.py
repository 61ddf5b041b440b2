"""Values that are missing: None, NaN, NA, NaT and the nulls of Arrow."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np

from .._typing import AnyArray, IntArray
from .containers import frame_of, series_of

_NAMED = 5  # rows or columns that a message names


def missing_rows(values: Any) -> IntArray:
    """Positions of missing values in a one-dimensional array, list or column, int64, in order."""
    if isinstance(values, np.ndarray):
        return _of_array(values)
    series = series_of(values)
    if series is None:
        return _of_objects(values)
    import narwhals.stable.v1 as nw

    if series.dtype == nw.Object:
        return _of_objects(series.to_list())
    gone = series.is_null()
    if series.dtype.is_float():
        gone |= series.is_nan()
    return np.flatnonzero(gone.to_numpy()).astype(np.int64)


def _of_array(values: AnyArray) -> IntArray:
    if values.dtype.kind in "fc":
        return np.flatnonzero(np.isnan(values)).astype(np.int64)
    if values.dtype.kind in "mM":
        return np.flatnonzero(np.isnat(values)).astype(np.int64)
    if values.dtype.kind in "biuUS":
        return np.empty(0, dtype=np.int64)
    return _of_objects(values.tolist())


def _of_objects(values: Iterable[Any]) -> IntArray:
    if isinstance(values, (list, tuple)) and set(map(type, values)) <= {str, bytes, bool, int}:
        return np.empty(0, dtype=np.int64)  # most lists: a fifth of the time
    return np.fromiter((row for row, value in enumerate(values) if is_missing(value)), dtype=np.int64)


def is_missing(value: Any) -> bool:
    """Whether one value is None, NaN, NA, NaT or an Arrow null."""
    if value is None:
        return True
    if isinstance(value, (str, bytes, list, tuple, dict, np.ndarray)):
        return False
    if hasattr(value, "is_valid") and hasattr(value, "as_py"):
        return not value.is_valid
    try:
        return bool(value != value)  # noqa: PLR0124 - NaN is the only value that differs from itself
    except TypeError:  # pandas.NA: what it is compared with is neither true nor false
        return True
    except ValueError:  # holds several values
        return False


def missing_by_column(rows: Any) -> list[tuple[str, IntArray]]:
    """Of a frame, the first few columns that lack values, each with the positions; empty for anything else."""
    frame = frame_of(rows)
    columns = () if frame is None else frame.iter_columns()
    gaps = ((str(column.name), missing_rows(column.to_native())) for column in columns)
    return list(islice(((name, at) for name, at in gaps if len(at)), _NAMED))


def named_rows(rows: IntArray) -> str:
    """The first few of some rows, in words: "row 3", "rows 3, 9", "rows 3, 9, 12, 14, 20 and 17 more"."""
    first = ", ".join(map(str, rows[:_NAMED].tolist()))
    more = f" and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
    return f"row{'s' if len(rows) > 1 else ''} {first}{more}"

"""Labels in the type they came in."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import AnyArray, IntArray
from ..arguments import as_array
from .containers import frame_of, materialised, series_of
from .missing import missing_rows, named_rows


def as_labels(y: Any, n_rows: int, *, who: str) -> AnyArray:
    """Labels of every kind as an array of shape (n_rows,).

    Booleans come out as bool, whole numbers as integers, texts as str or object, categories as their values, from
    lists, generators and columns of NumPy, pandas, Polars, pyarrow and Dask alike, and from frames of one column.

    Raises
    ------
    ValueError
        If there is not one label for each row, or some are missing; the message says how many and where.
    TypeError
        If they hold no order, or are of several types.
    """
    labels, rows = known_labels(y, n_rows, who=who)
    if len(rows) < n_rows:
        gone = np.setdiff1d(np.arange(n_rows), rows, assume_unique=True)
        raise ValueError(
            f"{who}: expected a label for every row, got {len(gone)} missing (None, NaN or NA), in "
            f"{named_rows(gone)}. Drop those rows."
        )
    return labels


def known_labels(y: Any, n_rows: int, *, who: str) -> tuple[AnyArray, IntArray]:
    """Labels as `as_labels` reads them, of which some may be missing.

    Returns
    -------
    labels, rows
        The labels that are there, shape (k,), and the rows that have one, int64, shape (k,).
    """
    name = labels_name(who)
    labels, rows, shape = present_values(y, who=f"{who}: y" if name == "y" else who)
    if shape != (n_rows,):
        what = " of X, got y of shape" if name == "y" else ", got shape"
        raise ValueError(f"{who}: expected one label for each of the {n_rows} rows{what} {shape}.")
    return labels, rows


def labels_name(who: str) -> str:
    """What messages call the labels: the argument that ``who`` names after the function, or y."""
    return who.partition(": ")[2] or "y"


def present_values(values: Any, *, who: str) -> tuple[AnyArray, IntArray, tuple[int, ...]]:
    """The values of one column of anything that are not missing, in their natural type.

    Returns
    -------
    values, rows, shape
        The values that are there, (k,), their places, int64, (k,), and the shape of all. Without one dimension the
        values are an array of that shape as it came, and there are no places.

    Raises
    ------
    ValueError
        If a frame has several columns, or values are masked.
    TypeError
        If they hold no order, or texts stand among other things.
    """
    column = _column(materialised(values, who=who), who)
    shape = column.shape if isinstance(column, np.ndarray) else (len(column),)
    if isinstance(column, np.ndarray) and column.ndim != 1:
        return column, np.empty(0, dtype=np.int64), shape
    gone = missing_rows(column)
    rows = np.delete(np.arange(len(column), dtype=np.int64), gone)
    if not len(gone):
        return _natural(column, who), rows, shape
    if isinstance(column, list):
        return _natural([column[row] for row in rows.tolist()], who), rows, shape
    series = series_of(column)
    return _natural(column[rows] if series is None else series[rows.tolist()].to_native(), who), rows, shape


def _column(values: Any, who: str) -> Any:
    """A list, an array or a column of another library."""
    if not isinstance(values, (list, tuple, np.ndarray)):
        series, frame = series_of(values), frame_of(values)
        if series is not None:
            return series.to_native()
        if frame is not None:
            names = ", ".join(map(str, frame.columns[:6]))
            raise ValueError(
                f"{who}: expected one column, got a frame of the {len(frame.columns)} columns {names}"
                f"{', …' if len(frame.columns) > 6 else ''}. Pass one of them, such as frame[{frame.columns[-1]!r}]."
            )
    array = as_array(values, who=who)
    if array.ndim == 1 and array.dtype.kind in "USO" and isinstance(values, (list, tuple)):
        return list(values)  # NumPy makes the text "nan" of what is missing among texts
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _natural(values: Any, who: str) -> AnyArray:
    """Values none of which is missing, as the array that NumPy would have had of them from the start."""
    series = None if isinstance(values, (np.ndarray, list)) else series_of(values)
    if series is not None:
        values = series.to_numpy()
    array = as_array(values, who=who)
    if array.dtype.kind in "US" and isinstance(values, list):
        _check_one_type(values, who)
    if array.dtype == object and len(array):
        kinds = set(map(type, array.tolist()))
        if len(kinds) == 1 and kinds <= {bool, int, float, np.bool_}:
            return np.array(array.tolist())
    return array


def _check_one_type(values: list[Any], who: str) -> None:
    """NumPy turns 1 among texts into "1"."""
    kinds = {kind.__name__.removesuffix("_") for kind in set(map(type, values))}  # str and np.str_ are one
    if len(kinds) > 1:
        raise TypeError(f"{who}: expected values of one type, got {', '.join(sorted(kinds))} together.")

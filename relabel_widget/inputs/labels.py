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
    values = _column(materialised(y, who=f"{who}: y"), who)
    shape = np.shape(values) if isinstance(values, np.ndarray) else (len(values),)
    if shape != (n_rows,):
        raise ValueError(f"{who}: expected one label for each of the {n_rows} rows of X, got y of shape {shape}.")
    gone = missing_rows(values)
    rows = np.delete(np.arange(n_rows, dtype=np.int64), gone)
    if not len(gone):
        return _natural(values, who), rows
    if isinstance(values, list):
        return _natural([values[row] for row in rows.tolist()], who), rows
    series = series_of(values)
    return _natural(values[rows] if series is None else series[rows.tolist()].to_native(), who), rows


def _column(y: Any, who: str) -> Any:
    """Labels as a list, a one-dimensional array or a column of another library."""
    plain = isinstance(y, (list, tuple, np.ndarray))
    series = None if plain else series_of(y)
    if series is not None:
        return series.to_native()
    frame = None if plain else frame_of(y)
    if frame is not None:
        raise ValueError(
            f"{who}: expected one column of labels, got the columns {', '.join(map(str, frame.columns))}. "
            f'Pass one of them, such as y["{frame.columns[-1]}"].'
        )
    array = as_array(y, who=f"{who}: y")
    if array.ndim == 1 and array.dtype.kind in "USO" and isinstance(y, (list, tuple)):
        return list(y)  # NumPy makes the text "nan" of what is missing among texts
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _natural(values: Any, who: str) -> AnyArray:
    """Labels none of which is missing, as the array that NumPy would have had of them from the start."""
    series = None if isinstance(values, (np.ndarray, list)) else series_of(values)
    if series is not None:
        values = series.to_numpy()
    array = as_array(values, who=f"{who}: y")
    if array.dtype.kind in "US" and isinstance(values, list):
        _check_one_type(values, who)
    if array.dtype == object and len(array):
        kinds = {type(label) for label in array.tolist()}
        if len(kinds) == 1 and kinds <= {bool, int, float, np.bool_}:
            return np.array(array.tolist())
    return array


def _check_one_type(labels: list[Any], who: str) -> None:
    """NumPy turns 1 among texts into "1"."""
    kinds = {"str" if isinstance(label, str) else type(label).__name__ for label in labels}
    kinds -= {"bytes_"} if "bytes" in kinds else set()
    if len(kinds) > 1:
        raise TypeError(f"{who}: expected labels of one type, got {', '.join(sorted(kinds))} together in y.")

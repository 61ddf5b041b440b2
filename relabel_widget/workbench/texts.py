"""How a person reads one row: its text, or a line made from its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from .._typing import AnyArray
from ..files.characters import readable

Reader: TypeAlias = Callable[[int], str]

_MOST_VALUES = 16  # of a row without a text: what still reads as one line
_LONGEST_VALUE = 80


def count_rows(rows: Any, *, who: str) -> int:
    """Number of rows of anything that holds rows by position: an array, matrix, data frame, series, list or tuple.

    Raises
    ------
    TypeError
        If it is something else, such as one string or a generator.
    """
    shape = getattr(rows, "shape", None)
    if isinstance(shape, tuple) and shape:
        return int(shape[0])
    if isinstance(rows, Sequence) and not isinstance(rows, (str, bytes)):
        return len(rows)
    raise TypeError(f"{who}: expected a list, array, matrix or data frame of rows, got {type(rows).__name__}.")


def reader(rows: Any, texts: Any, n_rows: int, *, estimator: Any, who: str) -> Reader:
    """What gives the text of row i.

    Parameters
    ----------
    rows
        The rows as the estimator takes them. They are texts themselves if they are one-dimensional.
    texts
        A text for each row, or None.
    n_rows
        The number of rows.
    estimator
        Knows the names of its features, perhaps.
    who
        The name of ``texts`` in messages.

    Returns
    -------
    callable
        From a row's number to its text, `readable`. Rows and texts are held by reference and read one at a time.

    Raises
    ------
    ValueError, TypeError
        If ``texts`` is not a list or array of one text for each row.
    """
    read = _reader(rows, texts, n_rows, estimator, who)
    return lambda row: readable(read(row))


def _reader(rows: Any, texts: Any, n_rows: int, estimator: Any, who: str) -> Reader:
    if texts is not None:
        found = count_rows(texts, who=who)
        if found != n_rows or getattr(texts, "ndim", 1) != 1:
            shape = getattr(texts, "shape", (found,))
            raise ValueError(f"{who}: expected one text for each of the {n_rows} rows, got shape {shape}.")
        return _of_texts(texts)
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):
        return lambda row: _frame_line(rows, row)
    if isinstance(rows, Sequence) or getattr(rows, "ndim", 2) == 1:
        return _of_texts(rows)
    if sparse.issparse(rows) or isinstance(rows, np.ndarray):
        return _of_matrix(rows, estimator)
    return lambda row: f"row {row}"


def _of_texts(texts: Any) -> Reader:
    by_position = texts.array if hasattr(texts, "iloc") else texts  # a pandas Series is looked up by its index
    return lambda row: str(by_position[row])


def _frame_line(frame: Any, row: int) -> str:
    values = (f"{name}={_value(frame.iat[row, j])}" for j, name in enumerate(frame.columns[:_MOST_VALUES]))
    return ", ".join(values) + (", …" if len(frame.columns) > _MOST_VALUES else "")


def _value(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def _of_matrix(matrix: Any, estimator: Any) -> Reader:
    if not sparse.issparse(matrix):
        return lambda row: _matrix_line(np.flatnonzero(matrix[row]), matrix[row], estimator)
    by_row = matrix.tocsr()  # the same object for CSR

    def read(row: int) -> str:
        start, stop = by_row.indptr[row : row + 2]
        values = np.zeros(matrix.shape[1])
        columns = by_row.indices[start:stop]
        values[columns] = by_row.data[start:stop]
        return _matrix_line(columns[values[columns] != 0], values, estimator)

    return read


def _matrix_line(columns: AnyArray, values: AnyArray, estimator: Any) -> str:
    """The largest nonzero values with their names, in absolute size."""
    if not len(columns):
        return "(all features are zero)"
    names = feature_names(estimator, len(values))
    if values.dtype.kind in "fiu":
        columns = columns[np.argsort(-np.abs(values[columns]), kind="stable")]
    shown = (f"{names[j] if names is not None else f'feature {j}'}={_value(values[j])}" for j in columns[:_MOST_VALUES])
    return ", ".join(shown) + (", …" if len(columns) > _MOST_VALUES else "")


def feature_names(estimator: Any, n_features: int) -> Any:
    """Names of the columns where the estimator knows them: those it was fitted on, or those its pipeline makes."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None and hasattr(estimator, "steps") and len(estimator.steps) > 1:
        try:
            names = estimator[:-1].get_feature_names_out()
        except (AttributeError, ValueError):  # a step that does not name what it makes
            return None
    return names if names is not None and len(names) == n_features else None

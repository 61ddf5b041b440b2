"""Queries, and one query in any shape that holds one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from ..arguments import shown
from .containers import column_names, frame_of, is_one_value, materialised, series_of

_NAMED = 6  # columns that a message names


def one_row(x: Any, *, columns: Sequence[Any] | None = None, who: str = "x") -> Any:
    """One query as a thing of one row; what has one row already is returned as it is.

    Parameters
    ----------
    x
        A text; a list, tuple or one-dimensional array of values; a dict, named tuple or pandas Series with a value
        for each column; or rows, which stay as they are.
    columns
        Names of the columns of the training frame, in its order; None where the training rows were no frame. Values
        with names are then put into this order, and names beside these are left out.

    Returns
    -------
    object
        A list of one text, a frame of pandas with one row where there are names, otherwise an array of one row. A
        dict without ``columns`` becomes a list of that dict, as `DictVectorizer` takes rows.

    Raises
    ------
    ValueError
        If a column has no value, or there are more or fewer values than columns.
    """
    if sparse.issparse(x):
        return sparse.csr_array(x.reshape(1, -1)) if x.ndim == 1 else x
    if is_one_value(x):
        x = [_text_of(x, who)]
    if isinstance(x, (list, np.ndarray)):
        return _of_values(x, columns, who)
    if isinstance(x, Mapping):
        return [x] if columns is None else _named(dict(x), columns, who)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return _of_named_tuple(x, columns, who)
    return _of_others(materialised(x, who=who), columns, who)


def _text_of(x: Any, who: str) -> str | bytes:
    """A single text, also out of an array without dimensions or a scalar of pyarrow."""
    x = x.item() if isinstance(x, np.ndarray) else x.as_py() if hasattr(x, "as_py") else x
    if not isinstance(x, (str, bytes)):
        raise TypeError(f"{who}: expected one row, such as a text, a list, a dict or a row of a frame, got {shown(x)}.")
    return x


def _of_others(x: Any, columns: Sequence[Any] | None, who: str) -> Any:
    if hasattr(x, "to_frame") and hasattr(x, "index") and not hasattr(x, "columns"):
        return _of_pandas(x, columns, who)
    series = None if frame_of(x) is not None else series_of(x)
    return _of_values(x if series is None else series.to_list(), columns, who)


def queries_of(X: Any, *, columns: Sequence[Any] | None = None, who: str) -> Any:
    """Rows of queries as `materialised` reads them; one query in a shape of its own becomes rows of length one.

    Such a shape is a dict or named tuple of values, and where ``columns`` of a training frame are known a list, array
    or series with one value for each of them, as `one_row` takes it.
    """
    if isinstance(X, Mapping):
        single = _is_flat(list(X.values()))
    elif isinstance(X, tuple) and hasattr(X, "_fields"):
        single = True
    else:
        single = columns is not None and len(columns) > 1 and _is_one(X)
    return one_row(X, columns=columns, who=who) if single else materialised(X, who=who)


def _is_one(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return bool(len(x)) and _is_flat(x)
    if sparse.issparse(x) or isinstance(x, np.ndarray):
        return bool(x.ndim == 1)
    return frame_of(x) is None and series_of(x) is not None


def in_order(rows: Any, columns: Sequence[Any] | None, *, who: str) -> Any:
    """A frame with its columns in the order of the training frame, without those beside them; else what it is.

    Raises
    ------
    ValueError
        If a column is not there.
    """
    if columns is None or isinstance(rows, (np.ndarray, list, tuple)) or sparse.issparse(rows):
        return rows
    names = column_names(rows)
    unnamed = list(columns) == list(range(len(columns)))  # as pandas numbers columns: the places count
    if names is None or names == list(columns) or unnamed:
        return rows
    _check_distinct(columns, who)
    absent = [str(name) for name in columns if name not in names]
    if absent:
        raise ValueError(
            f"{who}: expected the columns of the training frame, {listed(columns)}, got a frame without "
            f"{listed(absent)}. Name its columns as they were for the fit."
        )
    return rows[list(columns)] if hasattr(rows, "iloc") else rows.select(list(columns))


def listed(names: Sequence[Any]) -> str:
    """The first few names, in words."""
    return ", ".join(map(str, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")


def _of_pandas(series: Any, columns: Sequence[Any] | None, who: str) -> Any:
    if columns is None and len(series) == 1 and isinstance(series.iloc[0], (str, bytes, list, tuple, Mapping)):
        return series  # one text, or its words, or one dict
    if columns is not None and len(columns) == len(series) == 1:
        return _of_values(series.tolist(), columns, who)  # no other column can be meant, whatever the index
    if columns is not None and series.index.nlevels == 1 and series.index.tolist() == list(range(len(series))):
        return _of_values(series.tolist(), columns, who)  # it has no names of its own
    # a frame's row of several types is a series of objects; infer_objects gives each column its own type back
    return in_order(series.to_frame().T.infer_objects(), columns, who=who)


def _of_named_tuple(x: Any, columns: Sequence[Any] | None, who: str) -> Any:
    if columns is None:
        return _of_values(list(x), None, who)
    named = x._asdict()
    # names that are no identifiers, or come twice, were replaced: the places count
    if not set(columns) <= set(named) or len(set(columns)) < len(columns):
        values = list(x)[1:] if x._fields[0] == "Index" and len(x) == len(columns) + 1 else list(x)
        return _of_values(values, columns, who)
    return _named(named, columns, who)


def _named(values: dict[str, Any], columns: Sequence[Any], who: str) -> Any:
    import pandas as pd

    _check_distinct(columns, who)
    _check_all_there(values, columns, who)
    return pd.DataFrame([[values[name] for name in columns]], columns=list(columns)).infer_objects()


def _of_values(x: Any, columns: Sequence[Any] | None, who: str) -> Any:
    """A flat list or array of values as one row; anything else as it is."""
    if not isinstance(x, (list, tuple, np.ndarray)) or not _is_flat(x):
        return x
    if columns is not None:
        if len(x) != len(columns):
            raise ValueError(
                f"{who}: expected a value for each of the {len(columns)} columns {listed(columns)}, got {len(x)}."
            )
        import pandas as pd

        return pd.DataFrame([list(x)], columns=list(columns))
    array = np.asarray(x)
    return array[None, :] if array.dtype.kind in "fiub" else x


def _is_flat(values: Any) -> bool:
    if isinstance(values, np.ndarray):
        return values.ndim == 1
    held = set(map(type, values))
    return not any(issubclass(kind, (list, tuple, np.ndarray, Mapping)) for kind in held)


def _check_distinct(columns: Sequence[Any], who: str) -> None:
    if len(set(columns)) < len(columns):
        raise ValueError(
            f"{who}: expected values in the order of the training frame, because some of its columns have the same "
            f"name ({listed(columns)}). Pass a list, or a frame with just these columns."
        )


def _check_all_there(names: Any, columns: Sequence[Any], who: str) -> None:
    absent = [str(name) for name in columns if name not in names]
    if absent:
        raise ValueError(
            f"{who}: expected a value for every column of the training frame, got none for {listed(absent)}."
        )

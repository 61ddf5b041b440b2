"""What holds rows: lists, arrays, frames and columns of any library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from ..arguments import shown

if TYPE_CHECKING:
    import narwhals.stable.v1 as nw

_EXPECTED = "expected a list, array, matrix or data frame of rows"


def materialised(rows: Any, *, who: str) -> Any:
    """Rows that can be counted and read twice.

    Generators, iterators and views of a dict become lists; a Polars lazy frame is collected; record batches of pyarrow
    become a table; Dask frames, series and arrays are computed. Everything else is returned as the same object.

    Raises
    ------
    TypeError
        If it is one text, a set or a dict, which hold no rows in an order.
    """
    if isinstance(rows, (np.ndarray, list, tuple)) or sparse.issparse(rows):
        return rows
    if isinstance(rows, (str, bytes, bytearray)):
        raise TypeError(f"{who}: {_EXPECTED}, got one text, {shown(rows)}. Put it into a list.")
    if isinstance(rows, (set, frozenset)):
        raise TypeError(f"{who}: {_EXPECTED}, got a {type(rows).__name__}, which has no order. Pass a list.")
    if isinstance(rows, Mapping):
        raise TypeError(
            f"{who}: {_EXPECTED}, got a {type(rows).__name__}. "
            "Make a frame of its columns, pandas.DataFrame(...), or pass list(d.values()) if it has one value a row."
        )
    if is_dask(rows):
        return rows.compute()
    if type(rows).__module__ == "pyarrow.lib" and not hasattr(rows, "combine_chunks"):
        return _table_of(rows)
    if _is_stream(rows):
        return list(rows)
    if hasattr(rows, "collect"):
        import narwhals.stable.v1 as nw

        lazy = nw.from_native(rows, pass_through=True)
        return lazy.collect().to_native() if isinstance(lazy, nw.LazyFrame) else rows
    return rows


def _table_of(rows: Any) -> Any:
    """A table of what pyarrow reads files and streams by, which narwhals does not know; anything else as it is."""
    import pyarrow

    if isinstance(rows, pyarrow.RecordBatchReader):
        return rows.read_all()
    return pyarrow.Table.from_batches([rows]) if isinstance(rows, pyarrow.RecordBatch) else rows


def is_dask(rows: Any) -> bool:
    """Whether it is a collection of Dask that has not been computed."""
    return hasattr(type(rows), "__dask_graph__") and hasattr(rows, "compute")


def _is_stream(rows: Any) -> bool:
    """Whether it can be read from front to end only."""
    by_position = hasattr(rows, "__getitem__") or hasattr(rows, "__array__") or hasattr(rows, "shape")
    return isinstance(rows, Iterable) and not by_position


def count_rows(rows: Any, *, who: str) -> int:
    """Number of rows of anything that holds rows by position: an array, matrix, frame, column, list or tuple.

    Raises
    ------
    TypeError
        If it is something else, such as one string or a generator.
    """
    shape = getattr(rows, "shape", None)
    if isinstance(shape, tuple) and shape:
        return int(shape[0])
    if isinstance(rows, Sequence) and not isinstance(rows, (str, bytes, bytearray)):
        return len(rows)
    if hasattr(rows, "__len__") and hasattr(rows, "__getitem__") and not isinstance(rows, (str, bytes, Mapping, Set)):
        return len(rows)  # a pyarrow array, a column of Hugging Face
    raise TypeError(f"{who}: {_EXPECTED}, got {type(rows).__name__}.")


def is_one_value(value: Any) -> bool:
    """Whether it is a single value: a text, a number, None, an array without dimensions."""
    if isinstance(value, (str, bytes)) or getattr(value, "ndim", None) == 0:
        return True
    return not isinstance(value, Iterable) and not hasattr(value, "__getitem__")


def column_names(rows: Any) -> list[Any] | None:
    """Names of the columns of a frame of pandas, Polars, pyarrow or their kin; None of anything else.

    They are texts, but for those that pandas also has, such as whole numbers.
    """
    frame = frame_of(rows)
    if frame is None:
        return None
    return list(rows.columns if hasattr(rows, "iloc") else frame.columns)


def frame_of(rows: Any) -> nw.DataFrame[Any] | None:
    """A frame of any library as narwhals has it, or None."""
    if _is_plain(rows):
        return None
    import narwhals.stable.v1 as nw

    found = nw.from_native(_known_to_narwhals(rows), allow_series=True, pass_through=True)
    return found if isinstance(found, nw.DataFrame) else None


def series_of(values: Any) -> nw.Series[Any] | None:
    """A column of any library as narwhals has it, or None; that of a frame that has no other."""
    if _is_plain(values):
        return None
    import narwhals.stable.v1 as nw

    found = nw.from_native(_known_to_narwhals(values), allow_series=True, pass_through=True)
    if isinstance(found, nw.DataFrame) and found.shape[1] == 1:
        return found[:, 0]
    return found if isinstance(found, nw.Series) else None


def _is_plain(rows: Any) -> bool:
    """Whether narwhals need not be asked, nor imported."""
    plain = isinstance(rows, (np.ndarray, np.generic, Sequence, Mapping, Set, int, float, type(None)))
    return plain or sparse.issparse(rows) or is_dask(rows)


def _known_to_narwhals(rows: Any) -> Any:
    """A pyarrow array as a chunked one, an array or index of pandas as a series, columns of one name told apart."""
    if type(rows).__module__ == "pyarrow.lib":
        import pyarrow

        return pyarrow.chunked_array([rows]) if isinstance(rows, pyarrow.Array) else rows
    if not type(rows).__module__.startswith("pandas"):
        return rows
    import pandas as pd

    if isinstance(rows, pd.DataFrame) and not rows.columns.is_unique:
        return rows.set_axis([f"{name}, column {j}" for j, name in enumerate(rows.columns)], axis=1)
    if isinstance(rows, pd.api.extensions.ExtensionArray) or (isinstance(rows, pd.Index) and rows.nlevels == 1):
        return pd.Series(rows)
    return rows

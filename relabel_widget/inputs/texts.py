"""How a person reads one row: its text, or a line made from its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from .._typing import AnyArray
from ..files.characters import readable
from .containers import count_rows, frame_of, series_of
from .missing import is_missing, missing_rows, named_rows

Reader: TypeAlias = Callable[[int], str]
Names: TypeAlias = Callable[[int], Any]

MISSING = "(missing)"
_MOST_VALUES = 16  # of a row without a text: what still reads as one line
_LONGEST_VALUE = 80  # of those in a row of many values; texts are shown whole


def reads_texts(estimator: Any) -> bool:
    """Whether the first step is a vectoriser that takes texts and nothing else, such as `TfidfVectorizer`."""
    first = estimator
    while hasattr(first, "steps") and first.steps:
        first = first.steps[0][1]
    return hasattr(first, "build_analyzer") and not any(
        callable(getattr(first, name, None)) for name in ("analyzer", "preprocessor")
    )


def encoding_of(estimator: Any) -> str:
    """How the estimator's vectoriser decodes bytes, wherever it is among the steps; UTF-8 without one."""
    try:
        params = estimator.get_params(deep=True)
    except (AttributeError, TypeError):  # not of scikit-learn
        return "utf-8"
    found = (value for name, value in params.items() if name.split("__")[-1] == "encoding" and isinstance(value, str))
    return next(found, "utf-8")


def text_column(rows: Any) -> Any:
    """Values as code that iterates takes them: of a frame of one column that column, of pyarrow a list, else as is."""
    series = series_of(rows)
    if series is None:
        return rows
    return series.to_list() if series.implementation.is_pyarrow() else series.to_native()


def check_texts(texts: Any, *, who: str) -> None:
    """Refuse texts of which some are missing, and frames of several columns.

    Texts that are read where they lie (`open_texts`) are not read for this; they refuse a missing one themselves.

    Raises
    ------
    ValueError
        If a text is missing, or there are several columns; the message says which rows or columns.
    """
    frame = frame_of(texts)
    if frame is not None and frame.shape[1] != 1:
        names = [str(name) for name in frame.columns]
        example = next((name for name in names if "text" in name.lower()), names[0] if names else "text")
        raise ValueError(
            f"{who}: expected one column of texts, got a frame of the {len(names)} columns {', '.join(names[:6])}"
            f'{", …" if len(names) > 6 else ""}. Pass the column alone, such as frame["{example}"].'
        )
    if isinstance(texts, (list, tuple, np.ndarray)) or series_of(texts) is not None:
        gone = missing_rows(texts)
        if len(gone):
            raise ValueError(
                f"{who}: expected a text for every row, got {len(gone)} missing (None, NaN or NA), in "
                f'{named_rows(gone)}. Drop those rows, or put "" in their place.'
            )


def check_vectorisable(rows: Any, *, who: str) -> None:
    """Refuse rows that a vectoriser of texts would misread or stumble over.

    A vectoriser reads the names of a frame's columns for texts, and ends in an AttributeError on what is no text.

    Raises
    ------
    TypeError, ValueError
        If something is no text, or as `check_texts`.
    """
    count_rows(rows, who=who)
    check_texts(rows, who=who)
    series = series_of(rows)
    texts = series.to_list() if series is not None else rows
    if getattr(texts, "ndim", 1) != 1 or not isinstance(texts, (list, tuple, np.ndarray)):
        return  # a matrix that was vectorised before, or texts that are read where they lie
    wrong = {kind for kind in set(map(type, texts)) if not issubclass(kind, (str, bytes))}
    if wrong:
        row = next(row for row, text in enumerate(texts) if type(text) in wrong)
        raise TypeError(f"{who}: expected texts, got {type(texts[row]).__name__} in row {row}.")


def reader(rows: Any, texts: Any, n_rows: int, *, names: Names, encoding: str = "utf-8", who: str) -> Reader:
    """What gives the text of row i.

    Parameters
    ----------
    rows
        The rows as the estimator takes them. They are texts themselves if they are one-dimensional.
    texts
        A text for each row, or None.
    n_rows
        The number of rows.
    names
        From the number of features of a matrix to their names, or to None; asked when the first row is read.
    encoding
        How texts that are bytes are decoded; what cannot be is replaced by U+FFFD.
    who
        The name of ``texts`` in messages.

    Returns
    -------
    callable
        From a row's number to its text, `readable`. Rows and texts are held by reference and read one at a time.

    Raises
    ------
    ValueError, TypeError
        If ``texts`` is not a list, array or column of one text for each row.
    """
    if texts is not None:
        check_texts(texts, who=who)
        texts = text_column(texts)
        found = count_rows(texts, who=who)
        if found != n_rows or getattr(texts, "ndim", 1) != 1:
            shape = getattr(texts, "shape", (found,))
            raise ValueError(f"{who}: expected one text for each of the {n_rows} rows, got shape {shape}.")
    read = _reader(rows if texts is None else texts, names, encoding)
    return lambda row: readable(read(row))


def _reader(rows: Any, names: Names, encoding: str) -> Reader:
    frame = frame_of(rows)
    if frame is not None:
        return _of_frame(frame, encoding)
    series = series_of(rows)
    if series is not None:
        return _of_series(series, encoding)
    if isinstance(rows, Sequence) or getattr(rows, "ndim", 2) == 1:
        return lambda row: _text(rows[row], encoding)
    if sparse.issparse(rows) or isinstance(rows, np.ndarray):
        return _of_matrix(rows, names)
    return lambda row: f"row {row}"


def _text(value: Any, encoding: str) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode(encoding, "replace")
    if isinstance(value, Mapping):  # as DictVectorizer takes rows
        return _line(list(value), list(value.values()), encoding, more=False)
    return MISSING if is_missing(value) else str(value)


def _of_frame(frame: Any, encoding: str) -> Reader:
    """A line of the first few values; columns of texts are never left out, because people judge by them."""
    is_text = [_holds_texts(column) for column in frame.iter_columns()]
    if is_text == [True]:
        return _of_series(frame[:, 0], encoding)
    columns = [j for j in range(len(is_text)) if j < _MOST_VALUES or is_text[j]]
    names = [str(frame.columns[j]) for j in columns]
    more = len(columns) < len(is_text)
    if hasattr(frame.to_native(), "iat"):
        at = frame.to_native().iat
        return lambda row: _line(names, [at[row, j] for j in columns], encoding, more)
    shown = frame[:, columns]
    # older narwhals leaves the values of a pyarrow table as its scalars
    return lambda row: _line(names, [v.as_py() if hasattr(v, "as_py") else v for v in shown.row(row)], encoding, more)


def _of_series(series: Any, encoding: str) -> Reader:
    native = series.to_native()
    by_position = native.array if hasattr(native, "iloc") else series  # pandas looks a series up by its index
    return lambda row: _text(by_position[row], encoding)


def _line(names: Sequence[Any], values: Sequence[Any], encoding: str, more: bool) -> str:
    parts = (f"{name}={value_text(value, encoding)}" for name, value in zip(names, values, strict=True))
    return ", ".join(parts) + (", …" if more else "")


def value_text(value: Any, encoding: str = "utf-8") -> str:
    """A value as people read it: a text whole, a number in six digits, anything else cut to a line."""
    if isinstance(value, (str, bytes, bytearray, memoryview)) or is_missing(value):
        return _text(value, encoding)
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def _holds_texts(column: Any) -> bool:
    import narwhals.stable.v1 as nw

    return column.dtype in {nw.String, nw.Binary, nw.Object}


def _of_matrix(matrix: Any, names: Names) -> Reader:
    if not sparse.issparse(matrix):
        return lambda row: _matrix_line(np.flatnonzero(matrix[row]), matrix[row], names)
    by_row = matrix.tocsr()  # the same object for CSR

    def read(row: int) -> str:
        start, stop = by_row.indptr[row : row + 2]
        values = np.zeros(matrix.shape[1])
        columns = by_row.indices[start:stop]
        values[columns] = by_row.data[start:stop]
        return _matrix_line(columns[values[columns] != 0], values, names)

    return read


def _matrix_line(columns: AnyArray, values: AnyArray, names: Names) -> str:
    """The largest nonzero values with their names, in absolute size."""
    if not len(columns):
        return "(all features are zero)"
    named = names(len(values))
    if values.dtype.kind in "fiu":
        columns = columns[np.argsort(-np.abs(values[columns]), kind="stable")]
    shown = (
        f"{named[j] if named is not None else f'feature {j}'}={value_text(values[j])}" for j in columns[:_MOST_VALUES]
    )
    return ", ".join(shown) + (", …" if len(columns) > _MOST_VALUES else "")

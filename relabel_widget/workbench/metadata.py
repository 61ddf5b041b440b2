"""Columns that say more about rows than the model sees: shown beside them, sorted and filtered by."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np

from .._typing import BoolArray, FloatArray
from ..arguments import shown
from ..facts import clip
from ..files.characters import isolated, readable
from ..inputs import column_names, count_rows, materialised, value_text

_QUESTION = re.compile(r"(.*?)\s*([=<>])\s*(.*)", re.DOTALL)
_COMPARED: Mapping[str, Callable[[FloatArray, float], Any]] = {"=": operator.eq, "<": operator.lt, ">": operator.gt}
_LONGEST = 200


@final
class Metadata:
    """The columns of one side, held by reference.

    Parameters
    ----------
    frame
        A frame of any library with a line for each row; None for no columns.
    n_rows
        The number of rows.
    who
        What the frame is called in messages.

    Raises
    ------
    TypeError, ValueError
        If it is no frame, or has another number of rows.
    """

    def __init__(self, frame: Any, n_rows: int, *, who: str) -> None:
        self._columns: dict[str, Any] = {}
        if frame is None:
            return
        frame = materialised(frame, who=who)
        if column_names(frame) is None:
            raise TypeError(f"{who}: expected a data frame with a line for each row, got {type(frame).__name__}.")
        found = count_rows(frame, who=who)
        if found != n_rows:
            raise ValueError(f"{who}: expected a line for each of the {n_rows} rows, got {found}.")
        import narwhals.stable.v1 as nw

        for series in nw.from_native(frame, eager_only=True).iter_columns():
            self._columns[readable(str(series.name))] = series.to_pandas().reset_index(drop=True)

    @property
    def names(self) -> list[str]:
        """Of the columns, in their order."""
        return list(self._columns)

    def of(self, row: int) -> dict[str, str]:
        """The values of one row by column, as people read them."""
        return {name: readable(value_text(column.iat[row])) for name, column in self._columns.items()}

    def line(self, row: int) -> str:
        """The same as one line."""
        pairs = (f"{isolated(name)}: {isolated(clip(value, _LONGEST))}" for name, value in self.of(row).items())
        return " · ".join(pairs)

    def sort_key(self, name: str) -> FloatArray:
        """Numbers in the order of a column's values, (n_rows,), NaN where one is missing.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        column = self._columns.get(name)
        if column is None:
            raise ValueError(f"There is no column {clip(shown(name), 80)} of metadata. The columns are {self.names}.")
        try:
            ranks = column.rank(method="dense")
        except TypeError:  # values that cannot be compared
            ranks = column.astype(str).where(column.notna()).rank(method="dense")
        return np.asarray(ranks, dtype=np.float64)

    def kept(self, search: str) -> BoolArray | None:
        """Rows that a question such as ``source = web`` or ``year > 2020`` keeps, (n_rows,).

        A column of texts is asked what it contains, without regard to case; one of numbers is compared. None where
        the words are no question about a column.
        """
        asked = _QUESTION.fullmatch(search.strip())
        by_name = {name.casefold(): column for name, column in self._columns.items()}
        column = None if asked is None else by_name.get(asked[1].casefold())
        if asked is None or column is None:
            return None
        if column.dtype.kind in "iuf":
            try:
                number = float(asked[3])
            except ValueError:
                return np.zeros(len(column), dtype=bool)
            return np.asarray(_COMPARED[asked[2]](column.to_numpy(dtype=np.float64, na_value=np.nan), number))
        if asked[2] != "=":
            return None
        words = asked[3].casefold()
        return np.fromiter((words in value_text(value).casefold() for value in column), dtype=bool, count=len(column))


def metadata_of(meta: Any, n_train: int, n_test: int) -> tuple[Metadata, Metadata]:
    """The columns of training and test rows from what a caller gave: a pair of frames, either of which may be None.

    Raises
    ------
    TypeError, ValueError
        If it is no pair, or as `Metadata`.
    """
    if meta is None:
        meta = (None, None)
    if not isinstance(meta, tuple | list) or len(meta) != 2:
        raise TypeError(
            "Workbench: meta: expected a pair of data frames, for the training and the test rows (None for none), got "
            f"{shown(meta)}."
        )
    return (
        Metadata(meta[0], n_train, who="Workbench: meta of the training rows"),
        Metadata(meta[1], n_test, who="Workbench: meta of the test rows"),
    )

"""The list of test rows as the page asks for it: filtered, searched and sorted on arrays, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..workbench.test_rows import TestColumns
from . import _outcomes as outcomes
from ._columns import SORTABLE, Known
from ._content import shown
from ._spread import Binned, binned, histograms
from ._trial import Trial

NEAR = 0.1
"""How far from the threshold, in probability, counts as near it; of more classes than two, half as far as the rival."""

_FOUND_BY = ("filter", "predicted", "search")
ARRANGED_BY = ("sort", "meta", "descending", "brushes", *_FOUND_BY)
"""What of a query decides which rows are listed, and in which order."""

SMALL = 3
"""Rows of a flip set that counts as small."""


def number_or_none(value: Any) -> float | None:
    """A finite float, or None: JSON has no NaN."""
    return None if value is None or pd.isna(value) or not np.isfinite(value) else float(value)


def _distances(columns: TestColumns, threshold: float, several: bool) -> FloatArray:
    """How far from a flip each row is, in probability."""
    if several:
        return columns.proba * -np.expm1(-columns.margin) / 2  # the rival has exp(-margin) times the probability
    return np.abs(columns.proba - threshold)


def _filters(columns: TestColumns, threshold: float, several: bool) -> Mapping[str, Callable[[], BoolArray]]:
    """What each filter keeps. Those that need labels or a verification keep nothing without them."""
    nothing = np.zeros(len(columns.predicted), dtype=bool)
    size = columns.flip_size
    flipped = nothing if columns.flipped is None else columns.flipped
    return {
        "all": lambda: ~nothing,
        "misclassified": lambda: columns.wrong,
        "near": lambda: _distances(columns, threshold, several) <= NEAR,
        "small": lambda: (size > 0) & (size <= SMALL),
        "has_set": lambda: size > 0,
        "flipped": lambda: flipped,
        "became_right": lambda: columns.became_right,
        "became_wrong": lambda: columns.became_wrong,
    }


def _ordered(rows: IntArray, key: AnyArray | None, descending: bool) -> IntArray:
    """Rows by their key, those without a value last either way; ties keep the order of the test set."""
    if key is None:
        return rows[::-1] if descending else rows
    values = key[rows]
    if values.dtype.kind != "f":
        found = np.argsort(values, kind="stable")
        return rows[found[::-1]] if descending else rows[found]
    return rows[np.argsort(-values if descending else values, kind="stable")]


class Pages:
    """Pages of the test rows; remembers the columns and the last arrangement until told that the data changed."""

    def __init__(self, workbench: Any, trial: Trial) -> None:
        self._workbench = workbench
        self._trial = trial
        self._version = 0
        self._columns: TestColumns | None = None
        self._found: tuple[tuple[Any, ...], IntArray] | None = None
        self._arranged: tuple[tuple[Any, ...], IntArray] | None = None

    def forget(self, *, order: bool = True) -> None:
        """The data changed; without ``order``, in a way that does not move the lines of the list on the page."""
        self._version += 1
        self._columns = None
        if order:
            self._found = None
            self._arranged = None

    def columns(self) -> TestColumns:
        """What is known of the test rows now."""
        found, version = self._columns, self._version
        if found is None:
            found = self._workbench.columns_after(self._trial.verification)
            if version == self._version:  # another thread may have changed the data meanwhile
                self._columns = found
        return found

    def line(self, row: int) -> dict[str, Any]:
        """What is known of one test row."""
        return self._known().line(row)

    def _known(self) -> Known:
        bench = self._workbench
        classes = [str(label) for label in bench.classes]
        return Known(self.columns(), classes, bench.test_text, lambda row: shown(bench.test_content(row, small=True)))

    def kept(self, name: str) -> IntArray:
        """The test rows that a filter keeps, in their own order."""
        several = len(self._workbench.classes) > 2
        return np.flatnonzero(_filters(self.columns(), self._workbench.threshold, several)[name]())

    def arranged(self, query: Mapping[str, Any]) -> IntArray:
        """The rows that fit filter, search and brushes, in the order asked for."""
        key = tuple(query[name] for name in ARRANGED_BY)
        found, version = self._arranged, self._version
        if found is not None and found[0] == key:
            return found[1]
        rows = self._searched(query)
        if query["brushes"]:
            binned = self._binned()
            rows = rows[np.logical_and.reduce([binned[brush["of"]].within(brush) for brush in query["brushes"]])[rows]]
        rows = _ordered(rows, self._sort_key(query), query["descending"])
        if version == self._version:
            self._arranged = (key, rows)
        return rows

    def _searched(self, query: Mapping[str, Any]) -> IntArray:
        """The rows that fit filter and search, in their own order."""
        key = tuple(query[name] for name in _FOUND_BY)
        found, version = self._found, self._version
        if found is not None and found[0] == key:
            return found[1]
        rows = self.kept(query["filter"])
        if query["predicted"] is not None:
            known = self._known()
            rows = rows[np.array(known.classes)[known.arrays.predicted[rows]] == query["predicted"]]
        words = query["search"].strip().casefold()
        by_column = self._workbench.test_metadata.kept(query["search"])
        if by_column is not None:
            rows = rows[by_column[rows]]
        elif words:
            text = self._workbench.test_text
            rows = np.array([row for row in rows.tolist() if words in text(row).casefold()], dtype=np.int64)
        if version == self._version:
            self._found = (key, rows)
        return rows

    def _binned(self) -> Mapping[str, Binned]:
        return binned(self.columns(), [str(label) for label in self._workbench.classes])

    def spread(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The histograms of the rows that fit filter and search."""
        return {"histograms": histograms(self._binned(), self._searched(query), query["brushes"])}

    def _sort_key(self, query: Mapping[str, Any]) -> AnyArray | None:
        if query["meta"] is None:
            return SORTABLE[query["sort"]].sort_key(self._known())
        key: AnyArray = self._workbench.test_metadata.sort_key(query["meta"])
        return key

    def page(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Rows ``offset`` to ``offset + limit`` of an arrangement, and how many it has."""
        rows = self.arranged(query)
        shown = rows[query["offset"] : query["offset"] + query["limit"]].tolist()
        known = self._known()
        lines = [outcomes.of_test_row(known.line(row)) for row in shown]
        return {"total": len(rows), "offset": query["offset"], "rows": lines}

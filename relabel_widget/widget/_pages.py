"""The list of test rows as the page asks for it: filtered, searched and sorted here, sent a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

TEXT_IN_LIST = 240
"""Characters of a text that a line of a list carries; the chosen row is shown in full."""

NEAR = 0.1
"""How far from the threshold, in probability, counts as near it."""


def clip(text: Any, length: int) -> str:
    """At most ``length`` characters, the last one an ellipsis if something was cut."""
    words = str(text)
    return words if len(words) <= length else words[: length - 1] + "…"


def is_missing(value: Any) -> bool:
    """None, NaN and pandas' NA."""
    return value is None or bool(pd.isna(value))


def number_or_none(value: Any) -> float | None:
    """A finite float, or None: JSON has no NaN."""
    return None if is_missing(value) or not np.isfinite(value) else float(value)


def text_or_none(value: Any) -> str | None:
    """A label as text, or None where it is missing."""
    return None if is_missing(value) else str(value)


def test_row(line: Mapping[Any, Any]) -> dict[str, Any]:
    """One line of `Workbench.test_rows` as it travels."""
    after = text_or_none(line["verified_predicted"])
    return {
        "row": int(line["row"]),
        "text": clip(line["text"], TEXT_IN_LIST),
        "label": text_or_none(line["label"]),
        "predicted": str(line["predicted"]),
        "proba": float(line["proba"]),
        "flip_size": None if is_missing(line["flip_size"]) else int(line["flip_size"]),
        "verified_proba": number_or_none(line["verified_proba"]),
        "flipped": None if after is None else after != str(line["predicted"]),
    }


def _as_labels(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.astype(object).map(text_or_none)


def _kept(frame: pd.DataFrame, name: str, classes: tuple[str, str], threshold: float) -> Any:
    """A mask of the rows that a filter keeps."""
    predicted = _as_labels(frame["predicted"])
    if name == "misclassified":
        label = _as_labels(frame["label"])
        return label.notna() & (label != predicted)
    if name == "near":
        return (frame["proba"] - threshold).abs() <= NEAR
    if name == "has_set":
        return frame["flip_size"].notna()
    if name == "flipped":
        after = _as_labels(frame["verified_predicted"])
        return after.notna() & (after != predicted)
    if name in ("class0", "class1"):
        return predicted == classes[int(name[-1])]
    return np.ones(len(frame), dtype=bool)


def _sort_key(column: pd.Series[Any]) -> pd.Series[Any]:
    return _as_labels(column) if column.name in ("label", "predicted", "text") else column


def arranged(frame: pd.DataFrame, query: Mapping[str, Any], classes: tuple[str, str], threshold: float) -> pd.DataFrame:
    """The rows that fit filter and search, in the order asked for; ties keep the order of the test set."""
    kept: pd.DataFrame = frame[_kept(frame, query["filter"], classes, threshold)]
    words = query["search"].strip()
    if words:
        kept = kept[kept["text"].astype(str).str.contains(words, case=False, regex=False)]
    if query["sort"] == "row" and not query["descending"]:
        return kept
    up = not query["descending"]
    ordered: pd.DataFrame = kept.sort_values(
        query["sort"], ascending=up, kind="stable", na_position="last", key=_sort_key
    )
    return ordered


class Pages:
    """Pages of the test rows; remembers the table and its last arrangement until told that the data changed."""

    def __init__(self, workbench: Any) -> None:
        self._workbench = workbench
        self._version = 0
        self._frame: pd.DataFrame | None = None
        self._arranged: tuple[tuple[Any, ...], pd.DataFrame] | None = None

    def forget(self) -> None:
        """The data changed."""
        self._version += 1
        self._frame = None
        self._arranged = None

    def frame(self) -> pd.DataFrame:
        """The table of test rows, in their own order."""
        frame, version = self._frame, self._version
        if frame is None:
            frame = self._workbench.test_rows()
            if version == self._version:  # another thread may have changed the data meanwhile
                self._frame = frame
        return frame

    def line(self, row: int) -> dict[str, Any]:
        """One test row as it travels."""
        return test_row(self.frame().iloc[row].to_dict())

    def page(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Rows ``offset`` to ``offset + limit`` of an arrangement, and how many it has."""
        key = tuple(query[name] for name in ("sort", "descending", "filter", "search"))
        found, version = self._arranged, self._version
        if found is None or found[0] != key:
            classes = tuple(str(label) for label in self._workbench.classes)
            assert len(classes) == 2
            found = (key, arranged(self.frame(), query, (classes[0], classes[1]), self._workbench.threshold))
            if version == self._version:
                self._arranged = found
        rows = found[1].iloc[query["offset"] : query["offset"] + query["limit"]]
        return {
            "total": len(found[1]),
            "offset": query["offset"],
            "rows": [test_row(line) for line in rows.to_dict("records")],
        }

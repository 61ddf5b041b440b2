"""The columns of the list of test rows: what each is called, what it holds, and what it is sorted by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import AnyArray
from ..facts import clip
from ..workbench.test_rows import TestColumns
from ._content import Shown

TEXT_IN_LIST = 240
"""Characters of a text that a line of the list carries; the chosen row is shown in full."""

_DIGITS = 3  # of a probability on the page


@dataclass(frozen=True, eq=False)
class Known:
    """What columns are made from: arrays over the test rows, the classes as text, and each row's text and looks."""

    arrays: TestColumns
    classes: list[str]
    text: Callable[[int], str]
    shown: Callable[[int], Shown]


def _in_order(_: Known) -> None:
    """The order of the test set."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column.

    Attributes
    ----------
    name, value
        What it is called, and its value of one test row.
    heading, title
        What stands over it, and what that means; the page has no column without a heading.
    sort_key
        What rows are sorted by: one value a row, NaN where there is none; None for the order of the test set.
    """

    name: str
    value: Callable[[Known, int], Any]
    heading: str = ""
    title: str = ""
    sort_key: Callable[[Known], AnyArray | None] = _in_order


def _label(known: Known, row: int) -> str | None:
    truth = known.arrays.truth
    return None if truth is None or truth[row] is None else str(truth[row])


def _labels(known: Known) -> AnyArray | None:
    codes = known.arrays.label
    return None if codes is None else np.where(known.arrays.known, codes, np.nan)


def _texts(known: Known) -> AnyArray:
    return np.array([known.text(row) for row in range(len(known.arrays.predicted))], dtype=object)


def _own_proba(known: Known, row: int) -> float | None:
    """Where it is shown otherwise than that of the minimum."""
    own = known.arrays.own_proba
    if own is None or round(float(own[row]), _DIGITS) == round(float(known.arrays.proba[row]), _DIGITS):
        return None
    return float(own[row])


def _flip_size(known: Known, row: int) -> int | None:
    size = int(known.arrays.flip_size[row])
    return None if size < 0 else size


def _flip_sizes(known: Known) -> AnyArray:
    sizes = known.arrays.flip_size
    return np.where(sizes > 0, sizes, np.nan)


def _verified_proba(known: Known, row: int) -> float | None:
    after = known.arrays.verified_proba
    return None if after is None else float(after[row])


def _verified_predicted(known: Known, row: int) -> str | None:
    after = known.arrays.verified_predicted
    return None if after is None else known.classes[after[row]]


def _before_proba(known: Known, row: int) -> float | None:
    before = known.arrays.before_proba
    return None if before is None else float(before[row])


def _before_predicted(known: Known, row: int) -> str | None:
    before = known.arrays.before_predicted
    return None if before is None else known.classes[before[row]]


def _flipped(known: Known, row: int) -> bool | None:
    flipped = known.arrays.flipped
    return None if flipped is None else bool(flipped[row])


COLUMNS = (
    Column("row", lambda _, row: row, "Row"),
    Column("text", lambda known, row: clip(known.shown(row)[0], TEXT_IN_LIST), "Text", sort_key=_texts),
    Column("content", lambda known, row: known.shown(row)[1]),
    Column("label", _label, "True", "True label", _labels),
    Column(
        "predicted",
        lambda known, row: known.classes[known.arrays.predicted[row]],
        "Predicted",
        "Predicted class",
        lambda known: known.arrays.predicted.astype(np.float64),
    ),
    Column("rival", lambda known, row: known.classes[known.arrays.rival[row]]),
    Column(
        "proba",
        lambda known, row: float(known.arrays.proba[row]),
        "Prob.",
        "Probability",
        lambda known: known.arrays.proba,
    ),
    Column(
        "margin",
        lambda known, row: float(known.arrays.margin[row]),
        "Margin",
        "Log-odds beyond the threshold, or those of the nearest rival",
        lambda known: known.arrays.margin,
    ),
    Column("flip_size", _flip_size, "Set", "Size of the flip set", _flip_sizes),
    Column(
        "verified_proba",
        _verified_proba,
        "Retrained",
        "Effect of retraining",
        lambda known: known.arrays.verified_proba,
    ),
    Column("verified_predicted", _verified_predicted),
    Column("before_proba", _before_proba),
    Column("before_predicted", _before_predicted),
    Column("own_proba", _own_proba),
    Column("flipped", _flipped),
)

SORTABLE = {column.name: column for column in COLUMNS if column.heading}
"""The columns that the page shows, by name, in their order there."""

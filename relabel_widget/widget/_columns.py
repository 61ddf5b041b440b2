"""What is known of a test row, and the columns of their list: what each is called, and what it is sorted by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import AnyArray, FloatArray, IntArray
from ..facts import clip
from ..workbench.test_rows import TestColumns
from ._content import Shown

TEXT_IN_LIST = 240
"""Characters of a text that a line of the list carries; the chosen row is shown in full."""

_DIGITS = 3  # of a probability on the page


@dataclass(frozen=True, eq=False)
class Known:
    """What there is to know: arrays over the test rows, the classes as text, and each row's text and looks."""

    arrays: TestColumns
    classes: list[str]
    text: Callable[[int], str]
    shown: Callable[[int], Shown]

    def line(self, row: int) -> dict[str, Any]:
        """One test row, None for what is not known of it.

        ``own_proba`` is that of the user's estimator, where it is shown otherwise than that of the minimum.
        ``flip_size`` is 0 where no set was found. What was before and after a verification is by what it retrained.
        """
        arrays = self.arrays
        text, content = self.shown(row)
        label = None if arrays.truth is None else arrays.truth[row]
        proba, own, size = float(arrays.proba[row]), _number(arrays.own_proba, row), int(arrays.flip_size[row])
        return {
            "row": row,
            "text": clip(text, TEXT_IN_LIST),
            "content": content,
            "label": None if label is None else str(label),
            "predicted": self._name(arrays.predicted, row),
            "rival": self._name(arrays.rival, row),
            "proba": proba,
            "margin": float(arrays.margin[row]),
            "flip_size": None if size < 0 else size,
            "own_proba": None if own is None or round(own, _DIGITS) == round(proba, _DIGITS) else own,
            "before_proba": _number(arrays.before_proba, row),
            "before_predicted": self._name(arrays.before_predicted, row),
            "verified_proba": _number(arrays.verified_proba, row),
            "verified_predicted": self._name(arrays.verified_predicted, row),
            "flipped": None if arrays.flipped is None else bool(arrays.flipped[row]),
        }

    def _name(self, codes: IntArray | None, row: int) -> str | None:
        return None if codes is None else self.classes[codes[row]]


def _number(values: FloatArray | None, row: int) -> float | None:
    return None if values is None else float(values[row])


@dataclass(frozen=True, eq=False)
class Column:
    """One column.

    Attributes
    ----------
    heading, title
        What stands over it, and what that means.
    sort_key
        What rows are sorted by: one value a row, NaN where there is none; None for the order of the test set.
    """

    heading: str
    title: str
    sort_key: Callable[[Known], AnyArray | None]


def _labels(known: Known) -> AnyArray | None:
    codes = known.arrays.label
    return None if codes is None else np.where(known.arrays.known, codes, np.nan)


def _texts(known: Known) -> AnyArray:
    return np.array([known.text(row) for row in range(len(known.arrays.predicted))], dtype=object)


def _flip_sizes(known: Known) -> AnyArray:
    sizes = known.arrays.flip_size
    return np.where(sizes > 0, sizes, np.nan)


SORTABLE = {
    "row": Column("Row", "", lambda _: None),
    "text": Column("Text", "", _texts),
    "label": Column("True", "True label", _labels),
    "predicted": Column("Predicted", "Predicted class", lambda known: known.arrays.predicted.astype(np.float64)),
    "proba": Column("Prob.", "Probability", lambda known: known.arrays.proba),
    "margin": Column(
        "Margin", "Log-odds beyond the threshold, or those of the nearest rival", lambda known: known.arrays.margin
    ),
    "flip_size": Column("Set", "Size of the flip set", _flip_sizes),
    "verified_proba": Column("Retrained", "Effect of retraining", lambda known: known.arrays.verified_proba),
}
"""The columns that the page shows, by name, in their order there."""

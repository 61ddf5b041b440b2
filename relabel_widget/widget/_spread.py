"""How the test rows spread over probability, margin, set size and class: histograms that are brushed to filter them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..workbench.test_rows import TestColumns

MEASURES = {
    "proba": "Prob.",
    "margin": "Margin",
    "flip_size": "Set size",
    "predicted": "Predicted",
}
"""What is measured, and what stands over its histogram."""

_BINS = 20  # of probability, and about as many of the margin: what 130 pixels show
_SIZES = (0, 1, 2, 3, 4, 6, 11, 21, 51)  # the smallest of each bin after that of the rows not searched for
_SIZE_ENDS = [
    *((name, name) for name in ("not searched", "none", "1", "2", "3")),
    *(("4", "5"), ("6", "10"), ("11", "20"), ("21", "50"), ("over 50", "over 50")),
]


@dataclass(frozen=True, eq=False)
class Binned:
    """One measure of the test rows: where each bin begins and ends, and the bin of each row, int64, shape (m,)."""

    ends: list[tuple[str, str]]
    bins: IntArray

    def within(self, brush: Mapping[str, Any]) -> BoolArray:
        """The rows that a brush covers, shape (m,)."""
        first: int = brush["first"]
        last: int = brush["last"]
        return (self.bins >= first) & (self.bins <= last)


def binned(columns: TestColumns, classes: list[str]) -> Mapping[str, Binned]:
    """Each of `MEASURES`. Bins depend on the data and the threshold alone, so that a brush keeps its meaning."""
    return {
        "proba": _in_steps(columns.proba, 0.0, 1.0 / _BINS, _BINS),
        "margin": _in_steps(columns.margin, *_steps(columns.margin)),
        "flip_size": Binned(_SIZE_ENDS, np.searchsorted(_SIZES, columns.flip_size, side="right").astype(np.int64)),
        "predicted": Binned([(name, name) for name in classes], columns.predicted),
    }


def _steps(values: FloatArray) -> tuple[float, float, int]:
    """The first edge, a round width, and the number of bins that hold finite values."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    rough = max((high - low) / _BINS, 1e-6)
    power = 10.0 ** np.floor(np.log10(rough))
    width = float(power * min(step for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9)))
    first = np.floor(low / width)
    return float(first * width), width, int(max(1, np.floor(high / width) - first + 1))


def _in_steps(values: FloatArray, first: float, width: float, number: int) -> Binned:
    digits = max(0, -int(np.floor(np.log10(width))))
    edges = [f"{first + width * i:.{digits}f}".replace("-", "−") for i in range(number + 1)]
    places = np.nan_to_num((values - first) / width, nan=0.0)
    bins = np.clip(np.floor(places + 1e-9), 0, number - 1).astype(np.int64)
    return Binned(list(pairwise(edges)), bins)


def histograms(
    measures: Mapping[str, Binned], rows: IntArray, brushes: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """How many of some rows are in each bin, and of these, how many fit the brushes of the other measures."""
    covered = {name: np.ones(len(rows), dtype=bool) for name in measures}
    for brush in brushes:
        fits = measures[brush["of"]].within(brush)[rows]
        for name in measures:
            if name != brush["of"]:
                covered[name] &= fits
    return [
        {
            "of": name,
            "title": MEASURES[name],
            "bins": [{"from": begin, "to": end} for begin, end in one.ends],
            "every": _counted(one, rows),
            "kept": _counted(one, rows[covered[name]]),
        }
        for name, one in measures.items()
    ]


def _counted(measure: Binned, rows: IntArray) -> list[int]:
    counts: list[int] = np.bincount(measure.bins[rows], minlength=len(measure.ends)).tolist()
    return counts

"""Columns that the model does not see: shown, sorted and asked by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from workbench_cases import TEST, TRAIN, Y_TEST, Y

import relabel_widget as rw
from relabel_widget.workbench.metadata import Metadata

FRAME = pd.DataFrame(
    {"source": ["Web", "phone", None], "year": [2021, 2019, 2020], "when": pd.to_datetime(["2021", "2019", None])}
)


@pytest.fixture
def meta() -> Metadata:
    return Metadata(FRAME, 3, who="meta")


def test_values_are_read_by_column(meta: Metadata) -> None:
    assert meta.names == ["source", "year", "when"]
    assert meta.of(1) == {"source": "phone", "year": "2019", "when": "2019-01-01 00:00:00"}
    assert meta.line(2) == "source: (missing) · year: 2020 · when: (missing)"


def test_frames_of_other_libraries_and_odd_indices_are_taken() -> None:
    polars = pytest.importorskip("polars")
    for frame in (polars.from_pandas(FRAME[["source"]]), FRAME[["source"]].set_axis([9, 9, 9])):
        assert Metadata(frame, 3, who="meta").of(1) == {"source": "phone"}


@pytest.mark.parametrize(
    ("search", "kept"),
    [
        ("source=web", [0]),
        (" SOURCE = o ", [1]),
        ("year>2019", [0, 2]),
        ("year < 2020", [1]),
        ("year=2020", [2]),
        ("year=soon", []),
        ("source=", [0, 1, 2]),
    ],
)
def test_a_question_keeps_rows(meta: Metadata, search: str, kept: list[int]) -> None:
    found = meta.kept(search)
    assert found is not None
    assert np.flatnonzero(found).tolist() == kept


@pytest.mark.parametrize("search", ["web", "a = b", "", "source > a", "=web"])
def test_other_words_are_no_question(meta: Metadata, search: str) -> None:
    assert meta.kept(search) is None


def test_sorting_goes_by_the_values(meta: Metadata) -> None:
    assert meta.sort_key("year").tolist() == [3, 1, 2]
    assert meta.sort_key("when")[:2].tolist() == [2, 1]
    assert np.isnan(meta.sort_key("source")[2])
    mixed = Metadata(pd.DataFrame({"a": [1, "x", 2]}), 3, who="meta")
    assert mixed.sort_key("a").tolist() == [1, 3, 2]
    with pytest.raises(ValueError, match=r"There is no column 'other' of metadata. The columns are \['source'"):
        meta.sort_key("other")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("frame", "Workbench: meta: expected a pair of data frames"),
        ((FRAME,), "Workbench: meta: expected a pair of data frames"),
        (
            (None, [1] * 30),
            "Workbench: meta of the test rows: expected a data frame with a line for each row, got list",
        ),
        ((FRAME, None), "Workbench: meta of the training rows: expected a line for each of the 80 rows, got 3"),
    ],
)
def test_anything_else_is_refused(pipeline: Any, given: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        rw.Workbench(pipeline, TRAIN, Y, TEST, Y_TEST, meta=given)

"""Training rows that say the same."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import relabel_widget as rw
from relabel_widget.workbench import equal_rows

TEXTS = [
    "Warm soup",
    "cold  soup",
    "warm soup",
    "WARM\tSOUP ",
    "ｗarm soup",
    "cold soup today",
    "stale bread",
    "warm bread",
]
LABELS = np.array(["good", "bad", "good", "bad", "good", "bad", "bad", "good"])


@pytest.fixture
def bench() -> rw.Workbench:
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    return rw.Workbench(pipeline, TEXTS, LABELS, ["soup"])


def test_case_spaces_and_forms_of_letters_make_no_difference(bench: rw.Workbench) -> None:
    assert bench.same_texts(2).tolist() == [0, 2, 3, 4]
    assert bench.same_texts(6).tolist() == [6]


def test_a_decision_goes_to_all_of_them(bench: rw.Workbench) -> None:
    assert np.flatnonzero(bench.same_text_other_label()).tolist() == [0, 2, 3, 4]
    rows = bench.relabel(bench.same_texts(0), "good", note="equal texts")
    assert rows == [0, 2, 3, 4]
    assert bench.labels()[[0, 2, 3, 4]].tolist() == ["good"] * 4
    assert not bench.same_text_other_label().any()
    assert not set(bench.suspects()["row"]) & {0, 2, 3, 4}
    bench.undo()
    assert bench.same_text_other_label().sum() == 4


def test_near_ones_have_that_cosine(bench: rw.Workbench) -> None:
    features = bench.fit.design.take(np.arange(8))
    (_, block), *_ = features.blocks()
    X = block.toarray()
    cosines = X @ X[1] / np.linalg.norm(X, axis=1) / np.linalg.norm(X[1])
    least = float(np.sort(cosines)[-2])
    assert 0.3 < least < 0.999
    assert bench.same_texts(1, near=least).tolist() == np.flatnonzero(cosines >= least - 1e-12).tolist()
    assert bench.same_texts(1, near=1.0).tolist() == [1]


@pytest.mark.parametrize("near", [0, 1.5, "0.9", True, float("nan")])
def test_a_cosine_is_asked_for(bench: rw.Workbench, near: Any) -> None:
    with pytest.raises(ValueError, match="same_texts: near: expected a cosine above 0, at most 1, such as"):
        bench.same_texts(0, near=near)


def test_patience_is_a_time(bench: rw.Workbench) -> None:
    for patience in ("long", -1, float("inf")):
        with pytest.raises((TypeError, ValueError), match="same_texts: patience: expected"):
            bench.same_texts(0, patience=patience)


def test_rows_of_values_are_equal_by_all_of_them() -> None:
    X = np.array([[1.0, 2.0], [1.0, 2.5], [1.0, 2.0], [0.0, 0.0], [3.0, 1.0], [3.0, 1.0]])
    y = np.array([0, 1, 0, 1, 0, 1])
    for rows in (X, pd.DataFrame(X, columns=["a", "b"])):
        bench = rw.Workbench(LogisticRegression().fit(rows, y), rows, y, rows[:1])
        assert bench.same_texts(0).tolist() == [0, 2]
        assert np.flatnonzero(bench.same_text_other_label()).tolist() == [4, 5]
        assert bench.same_texts(3, near=0.9).tolist() == [3]


def test_who_has_no_patience_gets_the_row_alone(bench: rw.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    slow = equal_rows._text_digests
    monkeypatch.setattr(equal_rows, "_text_digests", lambda *rows: go_on.wait(30) and slow(*rows))
    assert bench.same_texts(0, patience=0.01).tolist() == [0]
    go_on.set()
    assert bench.same_texts(0, patience=30).tolist() == [0, 2, 3, 4]

"""What cannot be a workbench, and what can although it looks odd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from workbench_cases import TEST, TRAIN, Y_TEST, Y

from relabel_widget.fits import adopt
from relabel_widget.journal import JournalError
from relabel_widget.workbench.workbench import Workbench


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"train": "one text"}, TypeError, "Workbench: train: expected a list, array, matrix or data frame"),
        ({"train": set(TRAIN)}, TypeError, "train: expected a list.* got a set, which has no order"),
        ({"train": 7}, TypeError, "train: expected a list.* got int"),
        ({"train": TRAIN[:79]}, ValueError, "one label for each of the 79 rows of train, got 80"),
        ({"y_train": None}, TypeError, "y_train: expected a list.* got NoneType"),
        ({"test": []}, ValueError, "at least one test row, got none"),
        ({"test": "one text"}, TypeError, "Workbench: test: expected a list"),
        (
            {"y_test": Y_TEST[:3]},
            ValueError,
            r"y_test: expected one label for each of the 30 rows, got shape \(3,\)",
        ),
        ({"y_test": ["neutral"] * 30}, ValueError, "Workbench: y_test: the estimator knows .* got .*'neutral'"),
        (
            {"train_text": TRAIN[:2]},
            ValueError,
            r"train_text: expected one text for each of the 80 rows, got shape \(2,",
        ),
        (
            {"train_text": pd.DataFrame({"n": range(80), "text": TRAIN})},
            ValueError,
            r'train_text: expected one column of texts, got a frame of the 2 columns n, text.* frame\["text"\]',
        ),
        ({"train_text": np.array(TRAIN)[:, None]}, ValueError, r"each of the 80 rows, got shape \(80, 1\)"),
        ({"train_text": [None, *TRAIN[1:]]}, ValueError, "train_text: expected a text for every row, got 1 missing"),
        ({"test_text": TEST[:2]}, ValueError, "test_text: expected one text for each of the 30 rows"),
        ({"test_text": "text"}, TypeError, "test_text: expected a list"),
        ({"ids": range(79)}, ValueError, r"expected one id for each of the 80 rows of train, got shape \(79,\)"),
        ({"ids": np.zeros((80, 2))}, ValueError, r"got shape \(80, 2\)"),
        ({"ids": [1, *range(1, 80)]}, ValueError, "ids with no two alike, got 1 more than once"),
        ({"ids": [None, *range(1, 80)]}, ValueError, "an id for every row, got none for row 0"),
        ({"annotator": 3}, TypeError, "Workbench: annotator: expected a string"),
        ({"store": ""}, JournalError, "got an empty one"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    pipeline: Pipeline, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    given = {"train": TRAIN, "y_train": Y, "test": TEST, "y_test": Y_TEST} | arguments
    with pytest.raises(error, match=words):
        Workbench(pipeline, **given)


def test_an_estimator_that_cannot_be_adopted_is_refused() -> None:
    with pytest.raises(ValueError, match="not fitted yet"):
        Workbench(LogisticRegression(), np.eye(2), [0, 1], np.eye(2))


def test_ids_of_several_parts_stay_as_they_are(pipeline: Pipeline) -> None:
    ids = [("batch", row) for row in range(80)]
    assert Workbench(pipeline, TRAIN, Y, TEST, ids=ids).ids.tolist() == ids


def test_mixed_ids_stay_as_they_are(pipeline: Pipeline) -> None:
    ids: list[Any] = ["a", 7, ("b", 1), *range(100, 177)]
    assert Workbench(pipeline, TRAIN, Y, TEST, ids=ids).ids.tolist() == ids


def test_features_may_be_given_without_a_pipeline() -> None:
    counts = CountVectorizer().fit(TRAIN)
    model = LogisticRegression(tol=1e-10, max_iter=1000).fit(counts.transform(TRAIN), Y)
    bench = Workbench(model, counts.transform(TRAIN), Y, counts.transform(TEST), test_text=TEST)
    fit = adopt(model, counts.transform(TRAIN), Y)
    np.testing.assert_allclose(bench.test_rows()["proba"], fit.proba(counts.transform(TEST)))


@pytest.mark.parametrize("act", ["relabel", "keep", "unsure"])
def test_a_note_that_is_no_text_is_refused_with_what_a_note_is(bench: Workbench, act: str) -> None:
    with pytest.raises(TypeError, match=f"{act}: expected note as one text that says why, .* got list"):
        getattr(bench, act)([3, 4], note=["sarcasm", "typo"])
    assert not len(bench.history())

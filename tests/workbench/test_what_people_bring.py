"""Whole journeys with the containers that people bring: rows, labels, ids and texts of every library."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from workbench_cases import TEST, TRAIN, Y_TEST, Y

import relabel_widget as rw
from relabel_widget.widget import _words
from relabel_widget.widget._pages import Pages
from relabel_widget.widget._trial import Trial
from relabel_widget.widget.snapshot import render

CONTAINERS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "generator": lambda v: (each for each in v),
    "array": np.array,
    "object array": lambda v: np.array(v, dtype=object),
    "series": pd.Series,
    "nullable": lambda v: pd.Series(v).convert_dtypes(),
    "arrow-backed": lambda v: pd.Series(v).convert_dtypes(dtype_backend="pyarrow"),
    "category": lambda v: pd.Series(v, dtype="category"),
    "frame": lambda v: pd.DataFrame({"column": v}),
    "polars": pl.Series,
    "polars frame": lambda v: pl.DataFrame({"column": v}),
    "polars lazy": lambda v: pl.LazyFrame({"column": v}),
    "pyarrow": pa.array,
    "pyarrow table": lambda v: pa.table({"column": v}),
}
LABELS: dict[str, Callable[[str], Any]] = {
    "texts": str,
    "booleans": lambda label: label == "praise",
    "whole numbers": lambda label: 7 if label == "praise" else -2,
}
IDS: dict[str, Callable[[int], Any]] = {"texts": lambda i: f"id {i}", "whole numbers": lambda i: 1000 - i}


@pytest.fixture(scope="module")
def models() -> dict[str, Pipeline]:
    return {
        kind: make_pipeline(CountVectorizer(), LogisticRegression()).fit(TRAIN, [label(each) for each in Y])
        for kind, label in LABELS.items()
    }


@pytest.mark.parametrize("kind_of_id", IDS)
@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_journey(models: dict[str, Pipeline], tmp_path: Path, container: str, kind: str, kind_of_id: str) -> None:
    made = CONTAINERS[container]
    y, y_test = ([LABELS[kind](label) for label in labels] for labels in (Y, Y_TEST))
    ids = [IDS[kind_of_id](row) for row in range(len(TRAIN))]
    bench = rw.Workbench(models[kind], made(TRAIN), made(y), made(TEST), made(y_test), ids=made(ids))
    assert [bench.train_text(row) for row in range(80)] == TRAIN
    assert [bench.test_text(row) for row in range(30)] == TEST
    assert bench.ids.tolist() == ids

    proba = models[kind].predict_proba(TEST)[:, 1]
    np.testing.assert_allclose(bench.test_rows()["proba"], proba, atol=1e-3)
    kinds = {type(y[0])}
    assert {type(label) for label in bench.classes.tolist()} == kinds
    assert bench.labels().tolist() == y
    assert bench.test_rows()["label"].tolist() == y_test
    assert bench.y_test is not None
    assert {type(label) for label in bench.y_test.tolist()} == kinds

    bench.relabel([3, 8], made([y[8], y[3]]) if y[3] != y[8] else None)
    corrected = bench.corrected_labels()
    assert {type(label) for label in corrected["corrected"].tolist()} == kinds
    assert corrected["corrected"].tolist() == bench.labels()[corrected["row"]].tolist()
    bench.export(tmp_path / "labels.parquet")
    read = rw.read_labels(tmp_path / "labels.parquet")
    assert {type(label) for label in read["corrected"].tolist()} == kinds


def test_bytes_are_decoded_as_the_vectoriser_does() -> None:
    """`load_files` gives bytes, as scikit-learn's tutorial on texts uses it: people read b'caf\\xe9 ...'."""
    rows, test = ([f"café {text}".encode("latin-1") for text in texts] for texts in (TRAIN, TEST))
    model = make_pipeline(TfidfVectorizer(encoding="latin-1"), LogisticRegression()).fit(rows, Y)
    bench = rw.Workbench(model, rows, Y, test)
    assert (bench.train_text(0), bench.test_text(0)) == (f"café {TRAIN[0]}", f"café {TEST[0]}")


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_with_a_column_of_texts(frame: Any) -> None:
    long = [f"{text} {'and so on ' * 12}" for text in TRAIN]
    rows = frame({"review": long, "shop": ["a", "b"] * 40})
    columns = make_column_transformer((TfidfVectorizer(), "review"), (OneHotEncoder(), ["shop"]))
    bench = rw.Workbench(make_pipeline(columns, LogisticRegression()).fit(rows, Y), rows, Y, rows[:5])
    assert bench.train_text(1) == f"review={long[1]}, shop=b"


# What is missing


@pytest.mark.parametrize("container", ["list", "object array", "series", "nullable", "polars", "pyarrow", "frame"])
@pytest.mark.parametrize("argument", ["train", "test", "train_text", "test_text"])
def test_a_missing_text_says_where(models: dict[str, Pipeline], container: str, argument: str) -> None:
    given = {"train": TRAIN, "test": TEST, "train_text": TRAIN, "test_text": TEST}
    given[argument] = CONTAINERS[container]([*given[argument][:5], None, *given[argument][6:]])
    with pytest.raises(ValueError, match=rf"Workbench: {argument}: .* got 1 missing .* in row 5\."):
        rw.Workbench(models["texts"], given["train"], Y, **{k: v for k, v in given.items() if k != "train"})


def test_a_frame_for_a_pipeline_of_texts_is_told_which_column(models: dict[str, Pipeline]) -> None:
    """A vectoriser reads the names of the columns for the texts: the message spoke of 2 rows, there were 80."""
    frame = pd.DataFrame({"text": TRAIN, "label": Y})
    with pytest.raises(ValueError, match=r'train: expected one column of texts, .* frame\["text"\]'):
        rw.Workbench(models["texts"], frame, Y, TEST)
    fit = rw.adopt(models["texts"], TRAIN, Y)
    with pytest.raises(ValueError, match="expected one column of texts"):
        fit.decision(frame)
    with pytest.raises(ValueError, match="a text for every row, got 1 missing"):
        fit.decision(["warm", None])


@pytest.mark.parametrize("blank", [None, float("nan"), pd.NA], ids=str)
def test_corrections_with_blanks_name_the_blank(models: dict[str, Pipeline], blank: Any) -> None:
    """A label tool's nullable column brought pandas' own error, and no row."""
    bench = rw.Workbench(models["texts"], TRAIN, Y, TEST)
    for labels in (pd.Series([Y[0], blank], dtype=object), [Y[0], blank]):
        with pytest.raises(ValueError, match=r"relabel: .* got 1 missing .*, for training row 9\. .*Nothing was"):
            bench.relabel([4, 9], labels)
    if blank is not None:  # which asks for the other label
        with pytest.raises(ValueError, match=r"relabel: .* which is missing"):
            bench.relabel([4], blank)
    assert bench.relabelled == []


# Test labels that are known in part, and those that are no class of the model

PART: list[Any] = [None, *Y_TEST[1:4], float("nan"), *Y_TEST[5:7], "neutral", *Y_TEST[8:]]


@pytest.fixture
def partly(models: dict[str, Pipeline]) -> rw.Workbench:
    bench = rw.Workbench(models["texts"], TRAIN, Y, TEST, PART)
    bench.relabel(range(20))
    bench.verify()
    return bench


@pytest.mark.parametrize("container", ["list", "series", "nullable", "category", "polars", "pyarrow"])
def test_labels_known_in_part_come_as_they_are(models: dict[str, Pipeline], container: str) -> None:
    part = [None if label != label else label for label in PART]  # noqa: PLR0124 - NaN, for Arrow
    bench = rw.Workbench(models["texts"], TRAIN, Y, TEST, CONTAINERS[container](part))
    labels = bench.test_rows()["label"]
    assert np.flatnonzero(labels.isna()).tolist() == [0, 4]
    assert labels[7] == "neutral"
    assert labels[~labels.isna()].tolist() == [label for label in part if label is not None]
    assert bench.y_test is not None
    assert bench.y_test.tolist() == part


def test_numbers_known_in_part_stay_whole(models: dict[str, Pipeline]) -> None:
    y, y_test = ([LABELS["whole numbers"](label) for label in labels] for labels in (Y, Y_TEST))
    part = pd.Series(y_test, dtype="Int64")
    part[3] = pd.NA
    bench = rw.Workbench(models["whole numbers"], TRAIN, y, TEST, part)
    assert bench.y_test is not None
    assert bench.y_test.tolist() == [*y_test[:3], None, *y_test[4:]]


def test_scores_are_of_the_rows_with_a_known_label(partly: rw.Workbench) -> None:
    rows, summary = partly.test_rows(), partly.verification_summary()
    known = rows["label"].notna()
    assert summary is not None
    assert summary.n_known == 28
    for score, column in ((summary.accuracy_before, "predicted"), (summary.accuracy_after, "verified_predicted")):
        assert score == (rows["label"] == rows[column])[known].mean()
    of_a_class = known & (rows["label"] != "neutral")
    right = np.where(rows["label"] == "praise", rows["proba"], 1 - rows["proba"])[of_a_class]
    assert summary.log_loss_before == pytest.approx(-np.log(right).mean())


def test_a_label_of_no_class_is_wrong_before_and_after(partly: rw.Workbench) -> None:
    columns = partly.test_columns()
    assert columns.wrong[7]
    assert not columns.became_right[7]
    assert not columns.wrong[[0, 4]].any()
    pages = Pages(partly, Trial(partly))
    assert 7 in pages.kept("misclassified")
    assert {0, 4, 7}.isdisjoint({*pages.kept("became_right"), *pages.kept("became_wrong")})


def test_everybody_is_told_how_many_labels_are_known(partly: rw.Workbench, tmp_path: Path) -> None:
    said = "the 28 of 30 test rows with a known label"
    report = re.sub("<[^>]+>", " ", partly.report(tmp_path / "r.html").read_text())
    snapshot = re.sub("<[^>]+>", " ", render(partly, 7))
    assert f"accuracy on {said}" in report
    assert "30, 28 of them with a known label" in report
    assert f"accuracy on {said}" in snapshot
    assert "30 test rows (28 with a known label)" in snapshot
    assert "true label neutral" in snapshot
    assert f"Accuracy on {said}: " in _words.retrained(partly.verification_summary())
    everything = {"filter": "all", "predicted": None, "meta": None, "search": "", "brushes": []}
    everything |= {"offset": 0, "limit": 30}
    lines = Pages(partly, Trial(partly)).page({"sort": "label", "descending": True, **everything})
    assert [line["label"] for line in lines["rows"]][-2:] == [None, None]
    assert lines["rows"][0]["label"] == "neutral"


def test_without_any_label_there_is_no_truth(models: dict[str, Pipeline]) -> None:
    bench = rw.Workbench(models["texts"], TRAIN, Y, TEST, [None] * 30)
    assert bench.y_test is None
    assert bench.test_rows()["label"].isna().all()


def test_all_labels_known_says_nothing_of_it(models: dict[str, Pipeline]) -> None:
    bench = rw.Workbench(models["texts"], TRAIN, Y, TEST, Y_TEST)
    bench.relabel([0])
    bench.verify()
    assert "known label" not in render(bench, 0) + _words.retrained(bench.verification_summary())

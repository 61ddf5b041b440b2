"""Every exported row says who, when and why, by which model, about which data, and what that is true of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from workbench_cases import TEST, TRAIN, Y_TEST, Y, closest

import relabel_widget as rw
from relabel_widget.workbench.workbench import Workbench

OTHER = {"praise": "complaint", "complaint": "praise"}
COLUMNS = ["row", "id", "original", "corrected", "annotator", "note", "time"]
PROVENANCE = ["event", "query", "query_text", "flip_set", "flip", "source", "verified", "as_of"]
DIGESTS = ["content", "model", "data", "version"]


def lines(bench: Workbench, folder: Path, **options: Any) -> Any:
    return rw.read_labels(bench.export(folder / "x.csv", overwrite=True, **options), provenance=True)


def test_why_a_label_was_corrected_and_what_that_did(bench: Workbench, tmp_path: Path) -> None:
    query = closest(bench)
    found = bench.flip_set(query)
    bench.relabel(found.rows, found.labels, note="sarcasm")
    summary = bench.verify()
    table = lines(bench, tmp_path)
    assert list(table) == [*COLUMNS, "decision", *PROVENANCE, *DIGESTS]
    assert table["row"].tolist() == sorted(found.rows.tolist())
    first = table.iloc[0]
    assert (first["query"], first["query_text"], first["event"], first["as_of"]) == (query, TEST[query], 1, 1)
    assert json.loads(first["flip_set"]) == [str(row) for row in found.rows]
    assert first["flip"].startswith(f"{found.predicted_before} → {found.predicted_after}, probability ")
    assert first["flip"].endswith(f"by a refit of the {found.confirmed_by}")
    flipped = int(summary.flipped.sum())
    assert first["verified"].startswith(f"{flipped} of 30 predictions flipped by {found.size} relabel")
    assert f"Test row {query}: {found.predicted_before} → {found.predicted_after}, probability " in first["verified"]
    assert first["version"] == rw.__version__


def test_what_is_not_known_is_not_said(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel([3, 4])
    table = lines(bench, tmp_path)
    assert set(table[["query_text", "flip_set", "flip", "verified", "source"]].to_numpy().ravel()) == {""}
    assert table["query"].isna().all()
    bench.verify()
    bench.relabel(5)  # the verification was of other labels
    assert set(lines(bench, tmp_path)["verified"]) == {""}


def test_the_test_row_that_a_page_decides_for_is_kept(bench: Workbench, tmp_path: Path) -> None:
    bench.set_relabelled([3], [3], test_row=7)
    bench.relabel([4], test_row=9)
    table = lines(bench, tmp_path)
    assert table["query"].tolist() == [7, 9]
    assert table["query_text"].tolist() == [TEST[7], TEST[9]]
    with pytest.raises(IndexError, match=r"relabel: test_row: expected a test row from 0 to 29, got 30"):
        bench.relabel([5], test_row=30)


def test_the_reason_is_in_the_store(pipeline: Pipeline, tmp_path: Path) -> None:
    with Workbench(pipeline, TRAIN, Y, TEST, Y_TEST, annotator="ada", store=tmp_path / "s.sqlite") as one:
        one.flip_set(closest(one))
        one.relabel(one.flip_set(closest(one)).rows)
        before = lines(one, tmp_path)
    with Workbench(pipeline, TRAIN, Y, TEST[::-1], store=tmp_path / "s.sqlite") as again:
        again.verify()
        after = lines(again, tmp_path)
    kept = ["event", "query", "query_text", "flip_set", "flip", *DIGESTS]
    assert before[kept].equals(after[kept])
    assert "Test row" not in after["verified"][0]  # the row of that number is another one now


def test_digests_tell_models_and_data_apart(pipeline: Pipeline, tmp_path: Path) -> None:
    def digests(estimator: Any, texts: list[str], labels: list[str], **options: Any) -> list[str]:
        one = Workbench(estimator, texts, labels, TEST, **options)
        one.relabel(0)
        return lines(one, tmp_path).loc[0, ["content", "model", "data"]].tolist()

    same = digests(pipeline, TRAIN, Y)
    assert digests(pipeline, TRAIN, Y) == same
    named = digests(pipeline, TRAIN, Y, ids=[f"r{row}" for row in range(80)])
    assert [one == two for one, two in zip(same, named, strict=True)] == [True, True, False]
    refitted = clone(pipeline).set_params(logisticregression__C=0.5).fit(TRAIN, Y)
    assert [one == two for one, two in zip(same, digests(refitted, TRAIN, Y), strict=True)] == [True, False, True]


def test_a_policy_is_followed_and_all_decisions_have_none(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel([3, 4], note="first")
    bench._annotator = "bo"
    bench.keep(4)
    latest, majority = lines(bench, tmp_path), lines(bench, tmp_path, policy="majority")
    assert (latest["row"].tolist(), majority["row"].tolist()) == ([3], [3])
    every = lines(bench, tmp_path, decisions="all")
    assert list(every)[:9] == [*COLUMNS, "decision", "counts"]
    assert every[["row", "decision", "counts", "event"]].to_numpy().tolist() == [
        [3, "relabel", True, 1],
        [4, "relabel", False, 1],
        [4, "keep", True, 2],
    ]
    assert every["corrected"].tolist() == [OTHER[Y[3]], OTHER[Y[4]], Y[4]]
    assert bench.history()["details"].iloc[-1].startswith("3 decisions to ")
    with pytest.raises(ValueError, match="export: expected no policy with all decisions, got 'majority'"):
        bench.export(tmp_path / "x.csv", decisions="all", policy="majority")
    with pytest.raises(ValueError, match='export: expected decisions "corrected" or "all", got \'some\''):
        bench.export(tmp_path / "x.csv", decisions="some")  # type: ignore[arg-type]


def test_a_verification_is_of_the_labels_that_it_was_made_with(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel(3)
    for bench._annotator in ("bo", "eve"):
        bench.keep(4)
    bench._annotator = "ada"
    bench.relabel(4)
    bench.verify()
    latest, majority = lines(bench, tmp_path), lines(bench, tmp_path, policy="majority")
    assert (latest["row"].tolist(), majority["row"].tolist()) == ([3, 4], [3])
    assert all(latest["verified"].str.contains("by 2 relabels"))
    assert majority["verified"].tolist() == [""]


def test_rows_whose_last_decision_is_about_another_label_are_left_out(pipeline: Pipeline, tmp_path: Path) -> None:
    with Workbench(pipeline, TRAIN, Y, TEST, annotator="bo", store=tmp_path / "s.sqlite") as one:
        one.relabel([3, 5])
        one._annotator = "ada"
        one.keep(3)
    labels = [*Y[:3], OTHER[Y[3]], *Y[4:]]
    refitted = clone(pipeline).fit(TRAIN, labels)
    with Workbench(refitted, TRAIN, labels, TEST, store=tmp_path / "s.sqlite") as again:
        assert lines(again, tmp_path, decisions="all")["row"].tolist() == [5]


def test_the_columns_of_the_contract_are_what_is_read(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel([3, 4], note="first")
    for name in ("x.csv", "x.jsonl", "x.parquet"):
        path = bench.export(tmp_path / name)
        assert list(rw.read_labels(path)) == COLUMNS
        assert list(rw.read_labels(bench.export(path, decisions="all"))) == [*COLUMNS, "decision", "counts"]
        back = rw.read_labels(path, provenance=True)
        assert back["query"].isna().all()
        assert back[["event", "as_of"]].dtypes.tolist() == [np.dtype("int64")] * 2


@pytest.mark.parametrize(("format", "wrong"), [("label-studio", "x.jsonl"), ("doccano", "x.json"), (None, "x.json")])
def test_each_format_has_its_ending(bench: Workbench, tmp_path: Path, format: Any, wrong: str) -> None:
    bench.relabel(3)
    with pytest.raises(ValueError, match=r"export: expected a path ending in \.\w+"):
        bench.export(tmp_path / wrong, format=format)
    assert list(tmp_path.iterdir()) == []


def test_an_export_of_no_decisions_replaces_nothing(bench: Workbench, tmp_path: Path) -> None:
    bench.keep(3)
    path = bench.export(tmp_path / "x.csv", decisions="all")
    bench.undo()
    with pytest.raises(ValueError, match=r"export: nothing is decided, and .*x\.csv' was not changed"):
        bench.export(path, decisions="all")
    assert len(rw.read_labels(path)) == 1


def test_of_an_import_its_source_is_said(bench: Workbench, tmp_path: Path) -> None:
    labels = np.array(Y, dtype=object)
    labels[3] = OTHER[Y[3]]
    bench.import_decisions(labels)
    assert lines(bench, tmp_path)["source"].tolist() == ["an array"]

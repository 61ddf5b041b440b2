"""Relabelling, its undo and redo, and what the corrected labels are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from workbench_cases import TEST, TRAIN, Y, closest

from relabel_widget.workbench.workbench import Workbench


def test_relabel_swaps_sets_and_takes_back(bench: Workbench) -> None:
    other = {"praise": "complaint", "complaint": "praise"}
    assert bench.relabel(5, note="why") == [5]
    assert bench.relabel(np.array([7, 2])) == [7, 2]
    assert bench.relabelled == [2, 5, 7]
    assert [bench.labels()[row] for row in (2, 5, 7)] == [other[Y[row]] for row in (2, 5, 7)]
    assert bench.relabel(5) == [5]
    assert bench.relabelled == [2, 7]
    assert bench.relabel(2, label=Y[2]) == [2]
    assert bench.relabelled == [7]


def test_relabel_takes_one_label_for_each_row(bench: Workbench) -> None:
    found = bench.flip_set(closest(bench))
    bench.relabel(found.rows, found.labels)
    assert bench.labels()[found.rows].tolist() == found.labels.tolist()
    assert bench.relabelled == sorted(found.rows.tolist())


def test_a_label_that_is_there_already_is_no_decision_unless_there_is_a_note(bench: Workbench) -> None:
    assert bench.relabel([3, 4], label=Y[3]) == ([] if Y[3] == Y[4] else [4])
    events = len(bench.history())
    assert bench.relabel(3, label=Y[3]) == []
    assert len(bench.history()) == events
    assert bench.relabel(3, label=Y[3], note="looked at it: right") == [3]
    assert 3 not in bench.relabelled
    assert bench.history().iloc[-1]["note"] == "looked at it: right"


def test_undo_and_redo(bench: Workbench) -> None:
    assert (bench.can_undo, bench.can_redo) == (False, False)
    bench.relabel([1, 2])
    bench.relabel(3)
    assert bench.undo() == [3]
    assert (bench.relabelled, bench.can_undo, bench.can_redo) == ([1, 2], True, True)
    assert bench.undo() == [1, 2]
    assert (bench.relabelled, bench.can_undo) == ([], False)
    assert bench.redo() == [1, 2]
    assert bench.redo() == [3]
    assert (bench.relabelled, bench.can_redo) == ([1, 2, 3], False)
    bench.undo()
    bench.relabel(9)
    assert bench.can_redo is False


def test_nothing_to_undo_or_redo(bench: Workbench) -> None:
    with pytest.raises(ValueError, match=r"undo: there is nothing to undo\. Decide about a row first"):
        bench.undo()
    with pytest.raises(ValueError, match=r"redo: there is nothing to redo\. Only what was undone last"):
        bench.redo()


@pytest.mark.parametrize(
    ("rows", "label", "note", "error", "words"),
    [
        (80, None, "", ValueError, "expected training rows 0 to 79, got 80"),
        ([0, -1], None, "", ValueError, "expected training rows 0 to 79, got -1"),
        ([2, 3, 2], None, "", ValueError, "each training row once"),
        ([0.5], None, "", TypeError, "expected training row numbers"),
        ([], None, "", ValueError, "expected at least one training row, got none"),
        ([0, 1], "neutral", "", ValueError, r"one of the labels \['complaint', 'praise'\], got 'neutral' \(str\)"),
        ([0, 1], 1, "", ValueError, r"got 1 \(int\)"),
        ([0, 1], float("nan"), "", ValueError, r"got nan \(float\)"),
        ([0, 1], ["praise"], "", ValueError, "one for each of the 2 rows, got 1 labels"),
        ([0, 1], ["praise", "x"], "", ValueError, "got 'x'"),
        ([0, 1], None, 3, TypeError, "relabel: expected note as one text that says why"),
        ([0, 1], None, "\udc00", ValueError, "surrogate"),
    ],
)
def test_what_cannot_be_decided_changes_nothing(
    bench: Workbench, rows: Any, label: Any, note: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        bench.relabel(rows, label, note)
    assert bench.relabelled == []
    assert len(bench.history()) == 0


def test_history_tells_every_event(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel([1, 2], note="why")
    bench.undo()
    bench.redo()
    bench.verify()
    bench.export(tmp_path / "x.csv")
    table = bench.history()
    assert table.columns.tolist() == ["event", "time", "annotator", "kind", "rows", "from", "to", "note", "details"]
    assert table["kind"].tolist() == ["relabel", "undo", "redo", "verify", "export"]
    assert table["rows"].tolist() == [[1, 2], [1, 2], [1, 2], [], []]
    assert table["from"].tolist()[:3] == [Y[1:3], table["to"][0], Y[1:3]]
    assert table["to"][1] == Y[1:3]
    assert (table["annotator"] == "ada").all()
    assert str(table["time"].dtype) == "datetime64[us, UTC]"
    assert table["details"].tolist()[:3] == ["", "takes back event 1", "brings back event 1"]
    assert "predictions flipped by 2 relabels" in table["details"][3]
    assert table["details"][4] == f"2 corrected labels to {tmp_path / 'x.csv'}, as of event 3"
    assert len(bench.history()) == 5


def test_corrected_labels_are_those_that_differ_now(pipeline: Pipeline) -> None:
    ids = [f"doc-{row}" for row in range(80)]
    bench = Workbench(pipeline, TRAIN, Y, TEST, ids=ids, annotator="ada")
    empty = bench.corrected_labels()
    bench.relabel([9, 1], note="why")
    bench.relabel(4)
    bench.relabel(4)
    table = bench.corrected_labels()
    assert table.columns.tolist() == ["row", "id", "original", "corrected", "annotator", "note", "time"]
    assert table["row"].tolist() == [1, 9]
    assert table["id"].tolist() == ["doc-1", "doc-9"]
    assert table["original"].tolist() == [Y[1], Y[9]]
    assert (table["corrected"] == bench.labels()[[1, 9]]).all()
    assert (table["note"] == "why").all()
    assert empty.columns.tolist() == table.columns.tolist()
    assert len(empty) == 0
    assert empty["row"].dtype == np.int64


@pytest.mark.parametrize("labels", [[0, 1], [False, True], [-1.0, 1.0]])
def test_labels_of_any_type_keep_it(labels: list[Any]) -> None:
    y = np.array(labels * 4)
    X = np.vstack([np.eye(4), np.eye(4)])
    bench = Workbench(LogisticRegression(tol=1e-10).fit(X, y), X, y, X[:2], y[:2])
    bench.relabel(0, labels[1], note="x")
    assert bench.labels().dtype == y.dtype
    assert bench.corrected_labels()["corrected"].tolist() == [labels[1]]

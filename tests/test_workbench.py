"""The workbench against the real engine: what it shows, what it keeps, and what it refuses."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import logit
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from relabel_widget.adoption import adopt
from relabel_widget.influence import relabel_influence
from relabel_widget.journal import JournalError
from relabel_widget.monitor import Cancelled, Monitor
from relabel_widget.search import find_flip_set
from relabel_widget.workbench import Workbench

GOOD, BAD, NEUTRAL = ["lovely", "warm", "kind"], ["dirty", "cold", "rude"], ["room", "desk", "bus", "key", "soap"]


def corpus(n_rows: int, seed: int) -> tuple[list[str], list[str]]:
    """Made texts: two words of the label's kind, or sometimes of the other, and two of neither."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n_rows):
        good = bool(rng.integers(2))
        words = [*rng.choice(GOOD if good else BAD, 2), *rng.choice(NEUTRAL, 2), rng.choice(GOOD + BAD)]
        texts.append(" ".join(words))
        labels.append("praise" if good ^ (rng.random() < 0.1) else "complaint")
    return texts, labels


TRAIN, Y = corpus(80, seed=1)
TEST, Y_TEST = corpus(30, seed=2)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return make_pipeline(TfidfVectorizer(), LogisticRegression(C=2.0, tol=1e-10, max_iter=1000)).fit(TRAIN, Y)


@pytest.fixture
def bench(pipeline: Pipeline) -> Workbench:
    return Workbench(pipeline, TRAIN, Y, TEST, Y_TEST, annotator="ada")


def closest(bench: Workbench) -> int:
    """The test row nearest to the threshold."""
    return int(bench.test_rows()["margin"].abs().idxmin())


# --- what it is about


def test_facts(bench: Workbench) -> None:
    assert (bench.n_train, bench.n_test, bench.annotator, bench.threshold) == (80, 30, "ada", 0.5)
    assert bench.classes.tolist() == ["complaint", "praise"]
    assert bench.ids.tolist() == list(range(80))
    assert bench.y_test is not None
    assert bench.y_test.tolist() == Y_TEST
    assert bench.train_text(3) == TRAIN[3]
    assert bench.test_text(3) == TEST[3]
    assert bench.labels().tolist() == Y
    assert bench.fit.n_rows == 80
    assert isinstance(bench.estimator, Pipeline)


def test_what_it_hands_out_cannot_change_it(bench: Workbench) -> None:
    bench.labels()[:] = "praise"
    assert bench.labels().tolist() == Y
    with pytest.raises(ValueError, match="read-only"):
        bench.ids[0] = 7


def test_test_rows_are_scikit_learns_predictions(bench: Workbench, pipeline: Pipeline) -> None:
    table = bench.test_rows()
    assert table.columns.tolist() == [
        *("row", "text", "label", "predicted", "proba", "margin", "flip_size", "verified_proba", "verified_predicted")
    ]
    assert table["text"].tolist() == TEST
    assert table["label"].tolist() == Y_TEST
    assert table["predicted"].tolist() == pipeline.predict(TEST).tolist()
    np.testing.assert_allclose(table["proba"], pipeline.predict_proba(TEST)[:, 1], atol=1e-6)
    np.testing.assert_allclose(table["margin"], pipeline.decision_function(TEST), atol=1e-5)
    assert table["flip_size"].dtype == "Int64"
    assert table["flip_size"].isna().all()
    assert table["verified_proba"].isna().all()
    assert table["verified_predicted"].isna().all()


def test_the_threshold_moves_margins_and_predictions(bench: Workbench) -> None:
    before = bench.test_rows()
    bench.threshold = 0.8
    after = bench.test_rows()
    np.testing.assert_allclose(after["margin"], before["margin"] - logit(0.8))
    assert (after["predicted"] == np.where(before["proba"] > 0.8, "praise", "complaint")).all()


def test_without_true_labels_there_are_none(pipeline: Pipeline) -> None:
    bench = Workbench(pipeline, TRAIN, Y, TEST)
    assert bench.y_test is None
    assert bench.test_rows()["label"].isna().all()
    bench.relabel(0)
    bench.verify()
    summary = bench.verification_summary()
    assert summary is not None
    assert (summary.n_relabelled, summary.accuracy_before, summary.n_became_right) == (1, None, None)


def test_the_test_set_is_transformed_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    honest = TfidfVectorizer.transform

    def transform(self: TfidfVectorizer, texts: Any) -> Any:
        seen.append(len(texts))
        return honest(self, texts)

    monkeypatch.setattr(TfidfVectorizer, "transform", transform)
    bench = Workbench(pipeline, TRAIN, Y, TEST, Y_TEST)
    bench.relabel(bench.flip_set(closest(bench)).rows)
    bench.verify()
    bench.influential_rows(0)
    assert seen == [80, 30]


# --- texts


def test_texts_may_be_given_apart(pipeline: Pipeline) -> None:
    features = pipeline[:-1].transform(TRAIN)
    model = LogisticRegression(tol=1e-10, max_iter=1000).fit(features, Y)
    texts = pd.Series(TRAIN, index=range(1000, 1080))
    bench = Workbench(model, features, Y, features[:5], train_text=texts, test_text=np.array(TRAIN[:5]))
    assert bench.train_text(79) == TRAIN[79]
    assert bench.test_text(4) == TRAIN[4]


def test_a_series_is_read_by_position(pipeline: Pipeline) -> None:
    bench = Workbench(pipeline, pd.Series(TRAIN, index=range(79, -1, -1)), Y, pd.Series(TEST, index=["x"] * 30))
    assert bench.train_text(0) == TRAIN[0]
    assert bench.test_text(29) == TEST[29]


def test_a_row_of_a_frame_reads_as_a_line() -> None:
    frame = pd.DataFrame({"age": [41.0, 23.5, 60, 18], "city": ["Ulm", "Bonn", "Ulm", "Köln"], "n": [1, 2, 3, 2**60]})
    columns = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["age"]))
    model = make_pipeline(columns, LogisticRegression(tol=1e-10)).fit(frame, [0, 1, 0, 1])
    bench = Workbench(model, frame, [0, 1, 0, 1], frame[2:])
    assert bench.train_text(0) == "age=41, city=Ulm, n=1"
    assert bench.test_text(1) == f"age=18, city=Köln, n={2**60}"
    assert bench.relabel(1) == [1]
    assert bench.labels().tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix, lambda X: X.toarray()])
def test_a_row_of_a_matrix_reads_as_its_largest_features(form: Any) -> None:
    X = sparse.csr_array(np.array([[0, 1.5, 0, -2], [0, 0, 0, 0], [3, 0, 0.125, 0]]))
    model = LogisticRegression(tol=1e-10).fit(X, [0, 1, 1])
    bench = Workbench(model, form(X), [0, 1, 1], form(X))
    assert bench.train_text(0) == "feature 3=-2, feature 1=1.5"
    assert bench.train_text(1) == "(all features are zero)"
    assert bench.test_text(2) == "feature 0=3, feature 2=0.125"


def test_features_are_named_where_the_pipeline_names_them(pipeline: Pipeline) -> None:
    features = pipeline[:-1].transform(["lovely room"])
    bench = Workbench(pipeline, TRAIN, Y, features)
    assert {part.split("=")[0] for part in bench.test_text(0).split(", ")} == {"lovely", "room"}


def test_a_pipeline_that_names_nothing_numbers_its_features() -> None:
    from sklearn.preprocessing import FunctionTransformer

    X = np.eye(4)
    model = make_pipeline(FunctionTransformer(), LogisticRegression()).fit(X, [0, 1, 0, 1])
    assert Workbench(model, X, [0, 1, 0, 1], X).train_text(2) == "feature 2=1"


def test_features_that_a_pipeline_picks_are_not_named_after_those_it_takes() -> None:
    X = np.eye(4) + np.outer([0, 1, 0, 1], [0, 0, 0, 5])
    model = make_pipeline(SelectKBest(k=2), LogisticRegression()).fit(X, [0, 1, 0, 1])
    assert Workbench(model, X, [0, 1, 0, 1], X).train_text(0) == "feature 0=1"


def test_zeros_that_a_sparse_matrix_stores_are_not_shown() -> None:
    X = sparse.csr_array((np.array([0.0, 2.0, 1.0]), np.array([0, 1, 0]), np.array([0, 2, 3])), shape=(2, 2))
    model = LogisticRegression(tol=1e-10).fit(X, [0, 1])
    assert Workbench(model, X, [0, 1], X).train_text(0) == "feature 1=2"


def test_long_lines_are_cut() -> None:
    frame = pd.DataFrame({f"c{j}": [0.0, 1.0] for j in range(40)})
    model = LogisticRegression().fit(frame, [0, 1])
    bench = Workbench(model, frame, [0, 1], frame.to_numpy())
    assert bench.train_text(1).endswith("c15=1, …")
    assert bench.test_text(1).endswith("c15=1, …")  # names are those of the frame it was fitted on


# --- influence


def test_influential_rows_are_those_of_the_engine(bench: Workbench) -> None:
    row = closest(bench)
    table = bench.influential_rows(row, top=80)
    assert table.columns.tolist() == [
        *("row", "id", "text", "original", "current", "influence", "share", "in_flip_set", "relabelled", "decision")
    ]
    influence = relabel_influence(bench.fit, [TEST[row]])[0]
    np.testing.assert_allclose(table["influence"], influence[table["row"]], rtol=1e-6, atol=1e-12)
    assert sorted(table["row"]) == list(range(80))
    gain = -np.sign(bench.test_rows()["margin"][row]) * table["influence"]
    assert (np.diff(gain) <= 1e-12).all()
    assert gain.iloc[0] > 0
    assert table["text"].tolist() == [TRAIN[each] for each in table["row"]]
    assert not table["in_flip_set"].any()


def test_rows_of_a_known_flip_set_come_first(bench: Workbench) -> None:
    row = int(bench.test_rows()["margin"].abs().nlargest(15).index[-1])
    found = bench.flip_set(row)
    assert found.size >= 2
    table = bench.influential_rows(row, top=found.size + 3)
    assert table["row"].tolist()[: found.size] == found.rows.tolist()
    assert table["in_flip_set"].tolist() == [True] * found.size + [False] * 3
    assert table["row"].is_unique
    assert len(bench.influential_rows(row, top=1)) == 1


def test_influential_rows_show_what_is_relabelled(bench: Workbench) -> None:
    row = closest(bench)
    first = int(bench.influential_rows(row)["row"].iloc[0])
    bench.relabel(first)
    line = bench.influential_rows(row).iloc[0]
    assert (line["row"], line["relabelled"]) == (first, True)
    assert {line["original"], line["current"]} == {"complaint", "praise"}
    assert line["original"] == Y[first]


def test_the_predicted_change_is_the_sum_and_close_to_the_refit(bench: Workbench) -> None:
    row = closest(bench)
    assert bench.predicted_change(row) == 0
    chosen = [1, 4]
    bench.relabel(chosen)
    influence = relabel_influence(bench.fit, [TEST[row]])[0]
    assert bench.predicted_change(row) == pytest.approx(influence[chosen].sum(), rel=1e-6)
    after = bench.verify().fit.decision([TEST[row]])[0]
    assert bench.predicted_change(row) == pytest.approx(after - bench.fit.decision([TEST[row]])[0], rel=0.3, abs=0.02)


@pytest.mark.parametrize("top", [0, -3, 2.5, "all"])
def test_a_senseless_top_is_refused(bench: Workbench, top: Any) -> None:
    with pytest.raises(ValueError, match="expected top as a positive whole number"):
        bench.influential_rows(0, top=top)


@pytest.mark.parametrize("method", ["test_text", "influential_rows", "predicted_change", "flip_set", "known_flip_set"])
def test_test_rows_that_do_not_exist_are_refused(bench: Workbench, method: str) -> None:
    for row in (30, -1):
        with pytest.raises(IndexError, match=f"{method}: expected a test row from 0 to 29, got {row}"):
            getattr(bench, method)(row)
    for row in (1.0, True, None, "1"):
        with pytest.raises(TypeError, match=f"{method}: expected the number of a test row, got"):
            getattr(bench, method)(row)


def test_training_rows_that_do_not_exist_are_refused(bench: Workbench) -> None:
    with pytest.raises(IndexError, match="train_text: expected a training row from 0 to 79, got 80"):
        bench.train_text(80)


# --- decisions


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
        ([0, 1], None, 3, TypeError, "relabel: note: expected a string"),
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
    assert table["details"][4] == f"2 corrected labels to {tmp_path / 'x.csv'}"
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


# --- flip sets and verification


def test_a_flip_set_is_kept_and_is_that_of_the_engine(bench: Workbench) -> None:
    row = closest(bench)
    assert bench.known_flip_set(row) is None
    found = bench.flip_set(row)
    assert found.verified
    assert found.rows.tolist() == find_flip_set(bench.fit, TEST[row]).rows.tolist()
    assert bench.flip_set(row) is found
    assert bench.known_flip_set(row) is found
    sizes = bench.test_rows()["flip_size"]
    assert sizes[row] == found.size
    assert sizes.notna().sum() == 1


def test_a_flip_set_that_is_not_found_has_no_size(pipeline: Pipeline) -> None:
    bench = Workbench(pipeline, TRAIN, Y, ["zzz"], threshold=1 - 1e-12)
    found = bench.flip_set(0)
    assert not found.found
    assert bench.test_rows()["flip_size"].isna().all()
    assert not bench.influential_rows(0)["in_flip_set"].any()


def test_the_relabels_of_a_flip_set_flip(bench: Workbench, pipeline: Pipeline) -> None:
    """Oracle: scikit-learn, fitted anew on the labels that the workbench shows."""
    row = closest(bench)
    bench.relabel(bench.flip_set(row).rows)
    result = bench.verify()
    anew = LogisticRegression(C=2.0, tol=1e-12, max_iter=5000).fit(pipeline[:-1].transform(TRAIN), bench.labels())
    expected = anew.predict_proba(pipeline[:-1].transform(TEST))[:, 1]
    np.testing.assert_allclose(result.proba_after, expected, atol=1e-5)
    table = bench.test_rows()
    np.testing.assert_allclose(table["verified_proba"], expected, atol=1e-5)
    assert table["verified_predicted"][row] != table["predicted"][row]
    assert (table["verified_predicted"] == np.where(expected > 0.5, "praise", "complaint")).all()


def test_the_summary_is_that_of_scikit_learn(bench: Workbench) -> None:
    assert bench.verification_summary() is None
    bench.relabel(bench.flip_set(closest(bench)).rows)
    result = bench.verify()
    summary = bench.verification_summary()
    assert summary is not None
    before = np.where(result.proba_before > 0.5, "praise", "complaint")
    after = np.where(result.proba_after > 0.5, "praise", "complaint")
    truth = np.array(Y_TEST)
    assert summary.n_relabelled == len(bench.relabelled)
    assert summary.n_flipped == (before != after).sum()
    assert summary.accuracy_before == accuracy_score(truth, before)
    assert summary.accuracy_after == accuracy_score(truth, after)
    assert summary.log_loss_before == pytest.approx(log_loss(truth, result.proba_before))
    assert summary.log_loss_after == pytest.approx(log_loss(truth, result.proba_after))
    assert summary.n_became_right == ((before != truth) & (after == truth)).sum()
    assert summary.n_became_wrong == ((before == truth) & (after != truth)).sum()


def test_log_loss_stays_finite_for_certain_predictions() -> None:
    X = np.array([[0.0], [1.0], [0.0], [1.0]])
    model = LogisticRegression(tol=1e-10).fit(X, [0, 1, 0, 1])
    bench = Workbench(model, X, [0, 1, 0, 1], np.array([[1e6], [-1e6]]), [0, 0])
    bench.relabel(0)
    bench.verify()
    summary = bench.verification_summary()
    assert summary is not None
    assert summary.log_loss_before == pytest.approx(-np.log(np.finfo(float).eps) / 2)


@pytest.mark.parametrize("change", ["relabel", "undo", "threshold"])
def test_a_verification_is_forgotten_when_its_ground_changes(bench: Workbench, change: str) -> None:
    bench.relabel([1, 2])
    result = bench.verify()
    assert bench.verification is result
    if change == "relabel":
        bench.relabel(3)
    elif change == "undo":
        bench.undo()
    else:
        bench.threshold = 0.4
    assert bench.verification is None
    assert bench.verification_summary() is None
    assert bench.test_rows()["verified_proba"].isna().all()


def test_flips_are_those_at_the_threshold(bench: Workbench) -> None:
    before = bench.test_rows()["proba"]
    bench.relabel(bench.flip_set(closest(bench)).rows)
    result = bench.verify()
    after = result.proba_after
    moved = int(np.argmax(np.where(result.flipped, 0, np.abs(after - before))))  # a row that does not flip at 0.5
    bench.threshold = float(before[moved] + after[moved]) / 2
    flipped = bench.verify().flipped
    assert flipped[moved]
    assert flipped.tolist() == ((before > bench.threshold) != (after > bench.threshold)).tolist()


def test_a_note_alone_keeps_the_verification(bench: Workbench) -> None:
    bench.relabel(1)
    result = bench.verify()
    bench.relabel(1, label=bench.labels()[1], note="sure")
    assert bench.verification is result


def test_the_threshold_forgets_flip_sets(bench: Workbench) -> None:
    row = closest(bench)
    bench.flip_set(row)
    bench.threshold = 0.5
    assert bench.known_flip_set(row) is not None
    bench.threshold = 0.6
    assert bench.known_flip_set(row) is None


def test_verify_without_relabels_says_what_to_do(bench: Workbench) -> None:
    with pytest.raises(ValueError, match=r"verify: expected relabelled rows, got none\. Relabel a row first"):
        bench.verify()


@pytest.mark.parametrize("threshold", [0, 1, -0.1, float("nan"), "0.5", None])
def test_a_threshold_lies_between_0_and_1(bench: Workbench, pipeline: Pipeline, threshold: Any) -> None:
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        bench.threshold = threshold
    assert bench.threshold == 0.5
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        Workbench(pipeline, TRAIN, Y, TEST, threshold=threshold)


def test_cancelled_work_leaves_everything_as_it_was(bench: Workbench) -> None:
    bench.relabel(1)
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        bench.verify(monitor=monitor)
    with pytest.raises(Cancelled):
        bench.flip_set(0, monitor=monitor)
    assert bench.verification is None
    assert bench.known_flip_set(0) is None
    assert len(bench.history()) == 1


# --- others at work meanwhile


class Meanwhile(Monitor):
    """Has another thread make a change once, from inside the work. Under a lock that thread would never end."""

    def __init__(self, change: Callable[[], object]) -> None:
        super().__init__()
        self.change: Callable[[], object] | None = change

    def check(self) -> None:
        change, self.change = self.change, None
        if change is not None:
            worker = threading.Thread(target=change, daemon=True)
            worker.start()
            worker.join(timeout=20)
            assert not worker.is_alive(), "the lock is held while computing"


def test_a_retraining_on_labels_that_changed_meanwhile_is_not_kept(bench: Workbench) -> None:
    heard: list[str] = []
    bench.relabel(1)
    bench.subscribe(heard.append)
    result = bench.verify(monitor=Meanwhile(lambda: bench.relabel(2)))
    np.testing.assert_allclose(result.proba_after, retrained([1]), atol=1e-6)
    assert bench.relabelled == [1, 2]
    assert bench.verification is None
    assert bench.history()["kind"].tolist() == ["relabel", "relabel"]
    assert heard == ["labels"]


def retrained(rows: list[int]) -> Any:
    labels = np.array(Y)
    labels[rows] = np.where(labels[rows] == "praise", "complaint", "praise")
    vectors = TfidfVectorizer().fit(TRAIN)
    model = LogisticRegression(C=2.0, tol=1e-12, max_iter=5000).fit(vectors.transform(TRAIN), labels)
    return model.predict_proba(vectors.transform(TEST))[:, 1]


def test_a_flip_set_for_another_threshold_is_not_kept(bench: Workbench) -> None:
    row, heard = closest(bench), list[str]()
    bench.subscribe(heard.append)
    assert bench.flip_set(row, monitor=Meanwhile(lambda: setattr(bench, "threshold", 0.7))).found
    assert bench.threshold == 0.7
    assert bench.known_flip_set(row) is None
    assert heard == ["threshold"]


def test_two_searches_for_one_row_agree_on_the_first(bench: Workbench) -> None:
    row, heard, other = closest(bench), list[str](), list[Any]()
    bench.subscribe(heard.append)
    found = bench.flip_set(row, monitor=Meanwhile(lambda: other.append(bench.flip_set(row))))
    assert found is other[0]
    assert heard == ["flip_set"]


def test_many_threads_decide_at_once(tmp_path: Path, pipeline: Pipeline) -> None:
    store = tmp_path / "store.sqlite"
    bench = Workbench(pipeline, TRAIN, Y, TEST, store=store)

    def work(first: int) -> None:
        for row in range(first, first + 10):
            bench.relabel(row)
            bench.test_rows()
        bench.influential_rows(first // 10)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bench.relabelled == list(range(40))
    assert Workbench(pipeline, TRAIN, Y, TEST, store=store).relabelled == list(range(40))


def test_listeners_hear_of_every_change_until_they_leave(bench: Workbench) -> None:
    heard: list[str] = []
    leave = bench.subscribe(heard.append)
    bench.relabel(1)
    bench.undo()
    bench.redo()
    bench.flip_set(0)
    bench.flip_set(0)
    bench.verify()
    bench.threshold = 0.4
    bench.threshold = 0.4
    bench.relabel(1, label=bench.labels()[1])
    assert heard == ["labels", "labels", "labels", "flip_set", "verification", "threshold"]
    leave()
    leave()
    bench.undo()
    assert len(heard) == 6


def test_a_listener_may_wait_for_another_thread(bench: Workbench) -> None:
    seen: list[list[int]] = []

    def listener(_: str) -> None:
        worker = threading.Thread(target=lambda: seen.append(bench.relabelled))
        worker.start()
        worker.join(timeout=20)

    bench.subscribe(listener)
    bench.relabel(1)
    assert seen == [[1]]


def test_a_listener_that_fails_does_not_undo_the_decision(bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def fails(_: str) -> None:
        raise RuntimeError("the view is gone")

    bench.subscribe(fails)
    bench.subscribe(heard.append)
    with caplog.at_level(logging.ERROR):
        bench.relabel(1)
    assert bench.relabelled == [1]
    assert heard == ["labels"]
    assert "the view is gone" in caplog.text


# --- stores


def test_decisions_are_taken_up_again(pipeline: Pipeline, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    first = Workbench(pipeline, TRAIN, Y, TEST, annotator="ada", store=store)
    first.relabel([1, 2], note="why")
    first.relabel(3)
    first.undo()
    second = Workbench(pipeline, TRAIN, Y, TEST, annotator="bo", store=str(store))
    assert second.relabelled == [1, 2]
    pd.testing.assert_frame_equal(second.corrected_labels(), first.corrected_labels())
    pd.testing.assert_frame_equal(second.history(), first.history())
    assert second.redo() == [3]
    assert second.corrected_labels()["annotator"].tolist() == ["ada"] * 3
    assert second.history()["annotator"].tolist()[-1] == "bo"


PROGRAM = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from test_workbench import TRAIN, TEST, Y, LogisticRegression, TfidfVectorizer, Workbench, make_pipeline
model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=2.0)).fit(TRAIN, Y)
bench = Workbench(model, TRAIN, Y, TEST, store=sys.argv[2])
bench.relabel([5, 6], note="before the crash")
print("told", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_told_survives_kill_9(pipeline: Pipeline, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(store)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "told\n"), done.stderr
    assert Workbench(pipeline, TRAIN, Y, TEST, store=store).relabelled == [5, 6]


def test_a_store_of_other_data_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    Workbench(pipeline, TRAIN, Y, TEST, store=store)
    with pytest.raises(JournalError, match="got other row ids"):
        Workbench(pipeline, TRAIN, Y, TEST, ids=range(1, 81), store=store)
    Workbench(pipeline, TRAIN, Y, TEST, ids=[str(row) for row in range(80)], store=store)


def test_a_store_that_cannot_be_written_leaves_the_labels(pipeline: Pipeline, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    one, two = (Workbench(pipeline, TRAIN, Y, TEST, store=store) for _ in range(2))
    heard: list[str] = []
    two.subscribe(heard.append)
    one.relabel(1)
    with pytest.raises(JournalError, match="another notebook or process"):
        two.relabel(2)
    assert (two.relabelled, heard, two.labels().tolist()) == ([], [], Y)


# --- what cannot be a workbench


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"train": "one text"}, TypeError, "Workbench: train: expected a list, array, matrix or data frame"),
        ({"train": (text for text in TRAIN)}, TypeError, "train: expected a list.* got generator"),
        ({"train": TRAIN[:79]}, ValueError, "one label for each of the 79 rows of train, got 80"),
        ({"y_train": None}, TypeError, "y_train: expected a list.* got NoneType"),
        ({"test": []}, ValueError, "at least one test row, got none"),
        ({"test": "one text"}, TypeError, "Workbench: test: expected a list"),
        ({"y_test": Y_TEST[:3]}, ValueError, r"expected y_test of shape \(30,\), as test has rows, got \(3,\)"),
        ({"y_test": ["neutral"] * 30}, ValueError, "Workbench: y_test: expected one of the labels .* got 'neutral'"),
        ({"y_test": [np.nan] * 30}, ValueError, "y_test: expected one of the labels .* got nan"),
        (
            {"train_text": TRAIN[:2]},
            ValueError,
            r"train_text: expected one text for each of the 80 rows, got shape \(2,",
        ),
        ({"train_text": pd.DataFrame({"t": TRAIN})}, ValueError, r"each of the 80 rows, got shape \(80, 1\)"),
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

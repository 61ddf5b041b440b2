"""Rows that were looked at and keep their label: kept, unsure, taken back, stored, and what else a workbench says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.pipeline import Pipeline
from workbench_cases import TEST, TRAIN, Y_TEST, Y

from relabel_widget.evidence import explain
from relabel_widget.journal import JournalError
from relabel_widget.monitor import Cancelled, Monitor
from relabel_widget.search import Budget
from relabel_widget.workbench.workbench import Workbench


def said(bench: Workbench) -> dict[int, str]:
    table = bench.decisions()
    return dict(zip(table["row"].tolist(), table["decision"].tolist(), strict=True))


def test_a_row_is_relabelled_kept_or_unsure_and_never_two_of_them(bench: Workbench) -> None:
    bench.relabel([3, 5])
    assert bench.keep(3, note="sarcasm") == [3]
    assert said(bench) == {3: "keep", 5: "relabel"}
    assert (bench.relabelled, bench.labels()[3]) == ([5], Y[3])
    assert bench.unsure([3, 8]) == [3, 8]
    assert said(bench) == {3: "unsure", 5: "relabel", 8: "unsure"}
    bench.relabel(8)
    assert said(bench) == {3: "unsure", 5: "relabel", 8: "relabel"}
    table = bench.decisions().set_index("row")
    assert table.loc[3, "annotator"] == "ada"
    assert table.loc[8, "label"] == bench.labels()[8]
    assert table["label"].isna().tolist() == [True, False, False]


def test_what_was_said_already_is_written_again_only_with_a_note(bench: Workbench) -> None:
    assert bench.keep([1, 2]) == [1, 2]
    assert bench.keep([1, 2, 4]) == [4]
    assert bench.keep(1) == []
    assert bench.keep(1, note="asked Bo") == [1]
    assert bench.decisions().set_index("row").loc[1, "note"] == "asked Bo"
    assert len(bench.history()) == 3


def test_the_original_label_ends_a_judgement(bench: Workbench) -> None:
    bench.keep(1)
    assert bench.relabel(1, label=Y[1]) == [1]
    assert said(bench) == {}
    assert bench.relabel(1, label=Y[1]) == []


def test_undo_and_redo_go_through_every_kind_of_decision(bench: Workbench) -> None:
    states = [said(bench)]
    for decide in (
        lambda: bench.relabel([1, 2]),
        lambda: bench.keep([2, 3]),
        lambda: bench.unsure([1, 3]),
        lambda: bench.relabel([3, 4]),
    ):
        decide()
        states.append(said(bench))
    assert len({str(state) for state in states}) == 5
    for state in reversed(states[:-1]):
        bench.undo()
        assert said(bench) == state
    for state in states[1:]:
        bench.redo()
        assert said(bench) == state


def test_the_history_shows_them_and_a_verification_stays_unless_a_label_moved(bench: Workbench) -> None:
    bench.relabel(7)
    bench.verify()
    bench.keep(8)
    bench.undo()
    assert bench.verification is not None
    bench.keep(7)
    assert bench.verification is None
    history = bench.history()
    assert history["kind"].tolist() == ["relabel", "verify", "keep", "undo", "keep"]
    assert history.iloc[-1]["to"] == [Y[7]]


def test_what_to_check_next_goes_by_test_rows_of_known_classes(bench: Workbench) -> None:
    first = bench.next_to_check(4)
    assert first["gain"].notna().all()
    row, other = first["row"].tolist()[:2]
    bench.relabel([row])
    bench.keep([other])
    left = bench.next_to_check()["row"].tolist()
    assert len(left) == 78
    assert not {row, other} & set(left)


def test_what_to_check_next_without_true_labels_goes_by_suspicion(pipeline: Pipeline) -> None:
    assert Workbench(pipeline, TRAIN, Y, TEST).next_to_check()["gain"].isna().all()
    partly = Workbench(pipeline, TRAIN, Y, TEST, ["neither", None, *Y_TEST[2:]])
    assert partly.next_to_check()["gain"].notna().all()


def test_suspects_leave_out_what_is_settled_and_not_what_nobody_is_sure_of(bench: Workbench) -> None:
    first, second, third, fourth = bench.suspects(4)["row"].tolist()
    bench.keep(first)
    bench.relabel([second, fourth])
    bench.keep(fourth)
    bench.unsure(third)
    table = bench.suspects()
    rows = table["row"].tolist()
    assert table["text"].tolist() == [TRAIN[row] for row in rows]
    assert table.drop(columns="text").equals(bench.suspects(texts=False))
    assert bench.next_to_check(2)["text"].tolist() == [TRAIN[row] for row in bench.next_to_check(2)["row"]]
    assert "text" not in bench.next_to_check(2, texts=False)
    assert len(rows) == 77
    assert third in rows
    assert not {first, second, fourth} & set(rows)


@pytest.mark.parametrize("method", ["keep", "unsure"])
def test_what_cannot_be_judged_changes_nothing(bench: Workbench, method: str) -> None:
    judge = getattr(bench, method)
    with pytest.raises(ValueError, match=rf"{method}: expected at least one training row, got none"):
        judge([])
    with pytest.raises(ValueError, match=rf"{method}: rows: expected training rows 0 to 79, got 80"):
        judge(80)
    with pytest.raises(TypeError, match=rf"{method}: expected note as one text that says why, .* got int"):
        judge(3, note=5)
    assert len(bench.history()) == 0


def test_judgements_are_taken_up_again(pipeline: Pipeline, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    with Workbench(pipeline, TRAIN, Y, TEST, annotator="ada", store=store) as bench:
        bench.relabel(4)
        bench.keep(5, note="right")
        bench.unsure(6)
        before = bench.decisions()
    with Workbench(pipeline, TRAIN, Y, TEST, annotator="ada", store=store) as bench:
        assert bench.decisions().equals(before)
        bench.undo()
        assert said(bench) == {4: "relabel", 5: "keep"}


def test_a_closed_workbench_is_read_but_decides_no_more(bench: Workbench) -> None:
    heard: list[str] = []
    bench.subscribe(heard.append)
    bench.relabel(2)
    bench.close()
    bench.close()
    assert heard == ["labels", "closed"]
    with pytest.raises(JournalError, match=r"this workbench was closed\. Nothing was recorded\. Make a new Workbench"):
        bench.relabel(3)
    assert bench.relabelled == [2]
    assert len(bench.test_rows()) == 30


# --- what else is found out


def test_f1_and_auc_are_those_of_scikit_learn(bench: Workbench) -> None:
    bench.relabel(list(range(0, 40, 3)))
    result = bench.verify()
    summary = bench.verification_summary()
    assert summary is not None
    truth = np.array(Y_TEST) == "praise"
    assert summary.f1_before == pytest.approx(f1_score(truth, result.proba_before > 0.5))
    assert summary.f1_after == pytest.approx(f1_score(truth, result.proba_after > 0.5))
    assert summary.auc_before == pytest.approx(roc_auc_score(truth, result.proba_before))
    assert summary.auc_after == pytest.approx(roc_auc_score(truth, result.proba_after))
    assert summary.f1_before != summary.f1_after


def test_scores_that_are_not_defined_are_none(pipeline: Pipeline) -> None:
    praise = [i for i, label in enumerate(pipeline.predict(TEST)) if label == "complaint"][:5]
    bench = Workbench(pipeline, TRAIN, Y, [TEST[i] for i in praise], ["complaint"] * 5)
    bench.relabel(1)
    bench.verify()
    summary = bench.verification_summary()
    assert summary is not None
    assert (summary.auc_before, summary.f1_before) == (None, None)


def test_shares_tell_how_much_of_the_way_to_the_threshold_a_row_goes(bench: Workbench) -> None:
    for row in (0, 1, 2):
        margin = bench.test_rows()["margin"][row]
        table = bench.influential_rows(row)
        np.testing.assert_allclose(margin + table["influence"], margin * (1 - table["share"]), rtol=1e-9)
        assert table["share"].iloc[0] > 0


def test_common_words_and_their_contributions(bench: Workbench, pipeline: Pipeline) -> None:
    rows = bench.influential_rows(0, top=20)
    for row, words in zip(rows["row"], bench.common_words(0, rows["row"].tolist()), strict=True):
        assert set(words) == set(TRAIN[row].split()) & set(TEST[0].split())
    row = int(rows["row"].iloc[0])
    table = bench.common_features(0, row)
    assert set(table["feature"]) == set(TRAIN[row].split()) & set(TEST[0].split())
    assert (np.diff(table["contribution"].abs()) <= 0).all()
    names = pipeline[0].get_feature_names_out().tolist()
    expected = [pipeline[-1].coef_[0, names.index(word)] for word in table["feature"]]
    np.testing.assert_allclose(table["weight"], expected, rtol=1e-4)
    # Each contribution by a dense inverse of our own; together with the intercept they are the influence.
    X = np.c_[pipeline[0].transform(TRAIN).toarray(), np.ones(80)]
    p = pipeline.predict_proba(TRAIN)[:, 1]
    hessian = X.T @ (X * (p * (1 - p))[:, None]) + np.diag([0.5] * (X.shape[1] - 1) + [0.0])
    factor = np.linalg.solve(hessian, np.r_[pipeline[0].transform([TEST[0]]).toarray()[0], 1.0])
    parts = -(1 if Y[row] == "praise" else -1) * X[row] * factor
    np.testing.assert_allclose(
        table["contribution"], [parts[names.index(word)] for word in table["feature"]], rtol=1e-4
    )
    assert parts.sum() == pytest.approx(rows["influence"].iloc[0], rel=1e-4)


def test_features_without_names_are_numbered_and_no_words() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = X[:, 0] > 0
    bench = Workbench(LogisticRegression().fit(X, y), X, y, X[:4])
    assert bench.common_words(0, [1, 2]) == [[], []]
    assert set(bench.common_features(0, 1)["feature"]) == {"feature 0", "feature 1", "feature 2"}


def test_the_explanation_is_that_of_the_engine_and_needs_a_known_set(bench: Workbench) -> None:
    row = int(bench.test_rows()["margin"].abs().idxmin())
    assert bench.explanation(row) is None
    found = bench.flip_set(row)
    explained = bench.explanation(row)
    assert explained is not None
    expected = explain(bench.fit, [TEST[row]], found.rows)
    np.testing.assert_allclose(explained.shares, expected.shares)
    assert bench.explanation(row) is explained


def test_a_search_that_runs_out_of_budget_is_not_kept(bench: Workbench) -> None:
    row = int(bench.test_rows()["margin"].abs().idxmax())
    assert not bench.flip_set(row, budget=Budget(refits=0)).verified
    assert bench.known_flip_set(row) is None
    assert bench.test_columns().flip_size[row] == -1
    bench.flip_set(row)
    assert bench.test_columns().flip_size[row] == bench.flip_set(row).size


def test_a_ranking_stops_when_it_is_cancelled(bench: Workbench) -> None:
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        bench.influential_rows(0, monitor=monitor)
    assert len(bench.influential_rows(0, monitor=Monitor()))

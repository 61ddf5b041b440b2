"""Flip sets and verifications against the real engine, and when they are forgotten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import Pipeline
from workbench_cases import TEST, TRAIN, Y_TEST, Y, closest

from relabel_widget.evidence import Verification, verify
from relabel_widget.monitor import Cancelled, Monitor
from relabel_widget.search import find_flip_set
from relabel_widget.workbench.summary import summarise
from relabel_widget.workbench.workbench import Workbench


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


@pytest.mark.parametrize("threshold", [0, 1, -0.1, float("nan"), "0.5", ()])
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


@pytest.mark.parametrize(("right", "wrong"), [(0, 0), (1, 0), (0, 5), (6, 2), (7, 7), (7, 8), (40, 20)])
def test_how_likely_a_split_is_by_chance_is_the_exact_sign_test(right: int, wrong: int) -> None:
    from scipy.stats import binomtest

    rows = right + wrong + 3
    truth = np.zeros(rows, dtype=np.int64)
    before, after = truth.copy(), truth.copy()
    before[:right] = 1
    after[right : right + wrong] = 1
    proba = np.full(rows, 0.5)
    made = Verification(proba, proba, before, after, classes=np.array(["a", "b"]), rows=np.arange(2), fit=None)
    found = summarise(made, truth)
    assert (found.n_became_right, found.n_became_wrong, found.n_relabelled) == (right, wrong, 2)
    expected = binomtest(right, right + wrong).pvalue if right + wrong else 1.0
    assert found.p_value == pytest.approx(expected, rel=1e-12)
    assert (found.p_value == 1) == (abs(right - wrong) < 2)


@pytest.mark.parametrize("name", ["verification_summary", "columns_after"])
def test_a_verification_of_other_queries_is_refused(bench: Workbench, name: str) -> None:
    other = verify(bench.fit, [0], TEST[:2])
    with pytest.raises(ValueError, match=rf"{name}: expected a Verification of the .* test rows, got one of 2 queries"):
        getattr(bench, name)(other)
    with pytest.raises(TypeError, match=rf"{name}: expected a Verification, as verify and what_if return, got 5"):
        getattr(bench, name)(5)

"""`verify`: a refit from the original labels, never in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import random_case, sklearn_edited, snapshot
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw


@pytest.mark.parametrize("edit", ["relabel", "remove"])
@pytest.mark.parametrize("kind", [{}, {"weighted": True}, {"fit_intercept": False}, {"sparsity": 0.5}], ids=str)
def test_against_scikit_learn(kind: dict[str, Any], edit: Any) -> None:
    case = random_case(130, n=60, **kind)
    settings = (case.C, case.weights, case.fit_intercept)
    fit, rows = rw.fit(case.x, case.y, *settings), np.array([4, 0, 33, 12, 7])
    queries = np.random.default_rng(0).normal(size=(50, 5))
    result = rw.verify(fit, rows, queries, edit=edit, threshold=0.4)
    before = sklearn_edited(case.x, case.y, [], edit, *settings).predict_proba(queries)[:, 1]
    after = sklearn_edited(case.x, case.y, rows, edit, *settings).predict_proba(queries)[:, 1]
    assert_allclose(result.proba_before, before, atol=1e-7)
    assert_allclose(result.proba_after, after, atol=1e-7)
    assert_array_equal(result.flipped, (before > 0.4) != (after > 0.4))
    assert result.flipped.dtype == np.bool_
    assert result.flipped.any()
    assert not result.flipped.all()
    assert_allclose(result.fit.proba(queries), result.proba_after, rtol=1e-12)


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_never_in_place(edit: Any) -> None:
    """The published script edits the shared labels, so that each validation starts from the last one's."""
    case = random_case(131)
    y = case.y.copy()
    fit = rw.fit(case.x, y, case.C)
    held = snapshot(fit.theta) + snapshot(fit.eta) + snapshot(fit.y) + snapshot(case.x) + snapshot(y)
    first = rw.verify(fit, [1, 2, 3], case.query[None], edit=edit)
    rw.verify(fit, [5, 6], case.query[None], edit=edit)
    again = rw.verify(fit, [1, 2, 3], case.query[None], edit=edit)
    assert_array_equal(again.proba_after, first.proba_after)
    assert_array_equal(again.fit.theta, first.fit.theta)
    assert snapshot(fit.theta) + snapshot(fit.eta) + snapshot(fit.y) + snapshot(case.x) + snapshot(y) == held
    assert_array_equal(fit.y, case.y)


@pytest.mark.parametrize("nothing", [[], (), np.array([]), np.zeros(40, dtype=bool)], ids=str)
def test_no_rows_change_nothing(nothing: Any) -> None:
    case = random_case(132)
    fit = rw.fit(case.x, case.y, case.C)
    result = rw.verify(fit, nothing, case.x)
    assert_array_equal(result.fit.y, case.y)
    assert_allclose(result.fit.theta, fit.theta, rtol=0, atol=1e-10)
    assert_allclose(result.proba_after, result.proba_before, rtol=0, atol=1e-10)
    assert not result.flipped.any()


def test_rows_as_numbers_mask_or_one_number() -> None:
    case = random_case(133)
    fit = rw.fit(case.x, case.y, case.C)
    mask = np.zeros(40, dtype=bool)
    mask[[3, 9]] = True
    expected = rw.verify(fit, [3, 9], case.x)
    for rows in ((9, 3), mask, mask.tolist(), np.array([3, 9], dtype=np.uint8), np.array([9, 3])):
        assert_allclose(rw.verify(fit, rows, case.x).fit.theta, expected.fit.theta, rtol=0, atol=1e-12)
    for one in (3, np.int64(3), [3]):
        assert rw.verify(fit, one, case.x).fit.y.tolist() == [*case.y[:3], 1 - case.y[3], *case.y[4:]]


def test_a_verified_fit_is_the_start_of_the_next() -> None:
    case = random_case(134)
    fit = rw.fit(case.x, case.y, case.C)
    step = rw.verify(fit, [1], case.x).fit
    both = rw.verify(step, [2], case.x).fit
    assert_array_equal(both.y, rw.verify(fit, [1, 2], case.x).fit.y)
    assert_allclose(both.theta, rw.verify(fit, [1, 2], case.x).fit.theta, rtol=0, atol=1e-9)
    back = rw.verify(both, [1, 2], case.x).fit
    assert_allclose(back.theta, fit.theta, rtol=0, atol=1e-9)


def test_relabelling_all_rows_flips_every_query_at_one_half() -> None:
    case = random_case(135)
    assert rw.verify(rw.fit(case.x, case.y), np.arange(40), case.x).flipped.all()


@pytest.mark.parametrize("edit", ["relabel", "remove"])
@pytest.mark.parametrize("gone", [0, 1])
def test_one_class_left_is_refused(edit: Any, gone: int) -> None:
    case = random_case(136, weighted=True)
    fit = rw.fit(case.x, case.y, sample_weight=case.weights)
    with pytest.raises(ValueError, match=r"refit: the edit of \d+ rows leaves examples of one class only.*Keep at"):
        rw.verify(fit, np.flatnonzero(case.y == gone), case.x, edit=edit)
    assert_array_equal(fit.y, case.y)


def test_a_cancelled_refit_stops() -> None:
    case = random_case(137)
    monitor = rw.Monitor()
    monitor.cancel()
    with pytest.raises(rw.Cancelled, match="cancelled on request"):
        rw.verify(rw.fit(case.x, case.y), [0, 1], case.x, monitor=monitor)


def test_a_card_of_several_classes_names_them_whatever_was_refitted() -> None:
    """An estimator's own refit has no fit of ours, and its card showed numbers in place of classes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = np.array(["no", "perhaps", "yes"])[np.argmax(X + rng.normal(size=X.shape), axis=1)]
    fitted = rw.adopt(LogisticRegression(tol=1e-10, max_iter=1000).fit(X, y), X, y)
    for how in ("minimiser", "estimator"):
        found = rw.verify(fitted, [3, 7], X[:4], labels=["no", "yes"], how=how)
        assert found.classes.tolist() == ["no", "perhaps", "yes"]
        assert found.rows.tolist() == [3, 7]
        shown = found._repr_html_()
        assert str(found.classes[found.predicted_after[0]]) in shown

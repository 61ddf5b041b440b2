"""Balanced weights that were given to an estimator's fit and not passed on."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.utils.class_weight import compute_sample_weight

import relabel_widget as rw

RNG = np.random.default_rng(3)
X = RNG.normal(size=(240, 5))
QUERIES = RNG.normal(size=(30, 5))


def labels(n_classes: int) -> Any:
    """The first class is the largest by far, and noise keeps classes from being separable."""
    scores = X[:, :n_classes] + RNG.normal(size=(240, n_classes))
    scores[:, 0] += 1.5
    return scores.argmax(axis=1)


def said(call: Any) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        result = call()
    return result, [str(one.message) for one in heard if issubclass(one.category, rw.AdoptionWarning)]


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("settings", [{}, {"solver": "newton-cg", "tol": 1e-8}, {"C": 0.01}])
def test_balanced_weights_are_found(n_classes: int, settings: dict[str, Any]) -> None:
    y = labels(n_classes)
    weights = compute_sample_weight("balanced", y)
    model = LogisticRegression(**settings).fit(X, y, sample_weight=weights)
    fit, words = said(lambda: rw.adopt(model, X, y))
    assert len(words) == 1
    assert words[0].startswith("adopt: No sample_weight was passed, but")
    np.testing.assert_allclose(fit.problem.weights, weights)
    proba = model.predict_proba(QUERIES)
    np.testing.assert_allclose(fit.proba(QUERIES), proba[:, 1] if n_classes == 2 else proba, atol=1e-3)
    rows = np.flatnonzero(y == 0)[:5]
    refitted = rw.verify(fit, rows, QUERIES, labels=1, how="estimator").estimator
    edited = y.copy()
    edited[rows] = 1
    again = LogisticRegression(**settings).fit(X, edited, sample_weight=weights)
    np.testing.assert_array_equal(refitted.coef_, again.coef_)


def test_the_workbench_says_so_once() -> None:
    y = labels(2)
    model = LogisticRegression(tol=1e-8).fit(X, y, sample_weight=compute_sample_weight("balanced", y))
    bench, words = said(lambda: rw.Workbench(model, X, y, QUERIES))
    assert [line.split(":")[0] for line in words] == ["Workbench"]
    assert bench.disagreement is None
    np.testing.assert_allclose(bench.test_rows()["proba"], model.predict_proba(QUERIES)[:, 1], atol=1e-5)
    assert said(lambda: rw.Workbench(bench.fit, X, y, QUERIES))[1] == []


@pytest.mark.parametrize("max_iter", [2, 100])
def test_nothing_is_found_where_none_were_given(max_iter: int) -> None:
    """Neither at the minimum, nor where the solver stopped long before it."""
    y = labels(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(max_iter=max_iter).fit(X, y)
    fit, words = said(lambda: rw.adopt(model, X, y))
    assert not any("balanced" in line for line in words)
    assert fit.own.sample_weight is None
    np.testing.assert_array_equal(fit.problem.weights, 1.0)


def test_other_weights_are_not_taken_for_balanced_ones() -> None:
    y = labels(2)
    weights = RNG.uniform(0.2, 3.0, 240) * compute_sample_weight("balanced", y)
    model = LogisticRegression(tol=1e-8).fit(X, y, sample_weight=weights)
    fit, words = said(lambda: rw.adopt(model, X, y))
    assert not fit.own.weights_found
    assert "a sample_weight that was not passed" in words[0]


def test_weights_that_were_passed_are_the_ones() -> None:
    y = labels(2)
    weights = compute_sample_weight("balanced", y)
    model = LogisticRegression(tol=1e-8).fit(X, y, sample_weight=weights)
    fit, words = said(lambda: rw.adopt(model, X, y, sample_weight=weights))
    assert words == []
    assert not fit.own.weights_found


def test_classes_of_one_size_have_nothing_to_balance() -> None:
    y = np.arange(240) % 2
    assert not rw.adopt(LogisticRegression(tol=1e-8).fit(X, y), X, y).own.weights_found


def test_descent_that_stays_far_from_any_minimum_tells_nothing() -> None:
    y = labels(2)
    model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=5, tol=None, random_state=0).fit(X, y)
    assert not said(lambda: rw.adopt(model, X, y))[0].own.weights_found

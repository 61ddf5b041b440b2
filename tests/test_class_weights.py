"""Weights that follow the label: scikit-learn's own estimator, cloned and refitted on the edited labels, judges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from class_problems import EXACT, Array, class_case, with_labels
from numpy.testing import assert_allclose, assert_array_equal
from oracles import quiet_fit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw

WEIGHTS: dict[str, Any] = {"a mapping": {0: 0.5, 1: 3.0}, "balanced": "balanced"}


def estimator(class_weight: Any, solver: str = EXACT) -> LogisticRegression:
    return LogisticRegression(C=0.8, class_weight=class_weight, solver=solver, tol=1e-11, max_iter=20_000)


def skewed(n_classes: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """Rows, labels of which the first class has most, and sample weights."""
    x, y = class_case(seed, n=80, p=3, n_classes=n_classes)
    y[20:45] = 0
    return x, y, np.random.default_rng(seed).uniform(0.5, 2, 80)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("class_weight", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_adoption_and_refit(n_classes: int, class_weight: Any, weighted: bool) -> None:
    x, y, sample_weight = skewed(n_classes)
    given = sample_weight if weighted else None
    model = quiet_fit(estimator(class_weight), x, y, sample_weight=given)
    expected = model.predict_proba(x)[:, 1] if n_classes == 2 else model.predict_proba(x)
    for fit in (rw.fit(x, y, 0.8, given, class_weight=class_weight), rw.adopt(model, x, y, given)):
        assert_allclose(fit.proba(x), expected, atol=1e-7)
        rows, labels = np.array([2, 21, 50]), (y[[2, 21, 50]] + 1) % n_classes
        edited = quiet_fit(clone(model), x, with_labels(y, rows, labels), sample_weight=given)
        after = edited.predict_proba(x)[:, 1] if n_classes == 2 else edited.predict_proba(x)
        assert_allclose(rw.verify(fit, rows, x, labels=labels).proba_after, after, atol=1e-7)
        kept = np.delete(np.arange(80), rows)
        without = quiet_fit(clone(model), x[kept], y[kept], sample_weight=None if given is None else given[kept])
        gone = without.predict_proba(x)[:, 1] if n_classes == 2 else without.predict_proba(x)
        assert_allclose(rw.verify(fit, rows, x, edit="remove").proba_after, gone, atol=1e-7)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("class_weight", WEIGHTS.values(), ids=WEIGHTS)
def test_flip_sets_are_confirmed(n_classes: int, class_weight: Any) -> None:
    for seed in range(3):
        x, y, sample_weight = skewed(n_classes, seed)
        model = quiet_fit(estimator(class_weight), x, y, sample_weight=sample_weight)
        fit, query = rw.adopt(model, x, y, sample_weight), np.random.default_rng(seed).normal(size=(1, 3))
        found = rw.find_flip_set(fit, query)
        assert found.verified
        assert found.lower_bound == 1
        edited = with_labels(y, found.rows, found.labels)
        refitted = quiet_fit(clone(model), x, edited, sample_weight=sample_weight)
        assert refitted.predict(query) == found.predicted_after != model.predict(query)
        for place in range(found.size):  # no row can be left out
            fewer = with_labels(y, np.delete(found.rows, place), np.delete(found.labels, place))
            assert quiet_fit(clone(model), x, fewer, sample_weight=sample_weight).predict(query) == model.predict(query)
        removed = rw.find_flip_set(fit, query, edit="remove")
        if removed.found:
            kept = np.delete(np.arange(80), removed.rows)
            after = quiet_fit(clone(model), x[kept], y[kept], sample_weight=sample_weight[kept])
            assert after.predict(query) != model.predict(query)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_influence_takes_the_new_weight(n_classes: int) -> None:
    """A derivative: a little of the row with its new label and that one's weight."""
    x, y, sample_weight = skewed(n_classes)
    fit = rw.fit(x, y, sample_weight=sample_weight, class_weight=WEIGHTS["a mapping"])
    query, h = np.array([[0.3, -0.2, 0.5]]), 1e-5
    influence, of_class = rw.relabel_influence(fit, query)[0], np.array([0.5, 3.0, 1.0])

    order = np.argsort(-fit.decision(query)[0]) if n_classes == 3 else np.array([0])

    def margin(fit: rw.Fit) -> float:
        decision = fit.decision(query)
        return float(decision[0]) if n_classes == 2 else float(decision[0, order[0]] - decision[0, order[1]])

    for row in (1, 25, 60):
        label = int((y[row] + 1) % n_classes)
        weights = np.append(sample_weight * of_class[y], h * sample_weight[row] * of_class[label])
        weights[row] *= 1 - h
        shared = rw.fit(np.vstack([x, x[row]]), np.append(y, label), sample_weight=weights)
        expected = influence[row] if n_classes == 2 else influence[row, label]
        assert_allclose(expected, (margin(shared) - margin(fit)) / h, atol=3e-4)
        found = rw.explain(fit, query, [row], labels=[label])
        assert abs(found.interaction) < 0.2 * abs(found.change) + 1e-3


def test_the_workbench_retrains_with_the_new_weights() -> None:
    x, y, _ = skewed(2)
    model, queries = estimator("balanced").fit(x, y), np.random.default_rng(0).normal(size=(5, 3))
    bench = rw.Workbench(model, x, y, queries)
    found = bench.flip_set(2)
    bench.relabel(found.rows.tolist())
    expected = clone(model).fit(x, with_labels(y, found.rows, found.labels)).predict_proba(queries)[:, 1]
    assert_allclose(bench.verify().proba_after, expected, atol=1e-6)
    assert (expected[2] > 0.5) != (model.predict_proba(queries)[2, 1] > 0.5)


def test_a_mapping_of_ones_changes_nothing() -> None:
    x, y, sample_weight = skewed(3)
    plain = rw.fit(x, y, sample_weight=sample_weight)
    ones = rw.fit(x, y, sample_weight=sample_weight, class_weight={1: 1.0})
    assert_allclose(ones.theta, plain.theta, atol=1e-12)
    assert_allclose(rw.relabel_influence(ones, x[:2]), rw.relabel_influence(plain, x[:2]), atol=1e-10)
    assert_array_equal(rw.find_flip_set(ones, x[0]).rows, rw.find_flip_set(plain, x[0]).rows)


def test_what_is_refused_in_words() -> None:
    x, y, _ = skewed(2)
    with pytest.raises(ValueError, match=r"expected the classes \[0, 1\] in class_weight, got \['1'\]\. Name each"):
        rw.fit(x, y, class_weight={"1": 2.0})
    with pytest.raises(ValueError, match=r"fit: class_weight: expected a finite number above 0, got 0"):
        rw.fit(x, y, class_weight={1: 0})
    with pytest.raises(TypeError, match=r'expected class_weight as a mapping, "balanced" or None, got \[1, 2\]'):
        rw.fit(x, y, class_weight=[1, 2])
    fit = rw.fit(x, y, class_weight="balanced")
    for refused in (rw.remainder_bound, rw.pair_bound):
        with pytest.raises(ValueError, match=r"weights that stay with the rows, .* pass the weights as sample_weight"):
            refused(fit)

"""Flip sets of several classes: scikit-learn's refit confirms each, exhaustive search says which are the smallest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from class_problems import Array, class_case, optimum, refitted, with_labels
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import root
from scipy.special import softmax

import relabel_widget as rw
from relabel_widget.bound import SmallClasses
from relabel_widget.search.class_responses import ClassEdits

SEEDS = st.integers(0, 10_000)


def confirmed(found: rw.FlipSet, x: Array, y: Array, query: Array, C: float = 1.0) -> Any:
    """The class that scikit-learn's refit predicts, after checks of what the set says of itself."""
    assert found.found
    assert found.verified
    before, after = refitted(x, y, C), None
    if found.edit == "remove":
        kept = np.setdiff1d(np.arange(len(y)), found.rows)
        after = refitted(x[kept], y[kept], C)
    else:
        assert (found.labels != y[found.rows]).all()
        after = refitted(x, with_labels(y, found.rows, found.labels), C)
    assert found.predicted_before == before.predict(query[None])[0]
    assert found.predicted_after == after.predict(query[None])[0]
    code = list(before.classes_).index(found.predicted_before)
    assert_allclose(found.proba_before, before.predict_proba(query[None])[0, code], atol=1e-6)
    assert_allclose(found.proba_after, after.predict_proba(query[None])[0, code], atol=1e-6)
    return found.predicted_after


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_every_kind_of_set_is_confirmed(seed: int) -> None:
    x, y = class_case(seed, n=60, p=3, n_classes=4)
    names, query = np.array(["a", "b", "c", "d"])[y], np.random.default_rng(seed).normal(size=3)
    fit = rw.fit(x, names)
    by_odds = fit.classes[np.argsort(-fit.decision(query[None])[0])]
    least = by_odds[-1]
    anything = rw.find_flip_set(fit, query)
    assert confirmed(anything, x, names, query) != by_odds[0]
    assert confirmed(rw.find_flip_set(fit, query, target=least), x, names, query) == least
    removal = rw.find_flip_set(fit, query, edit="remove", candidates=np.arange(50))
    if removal.found:
        confirmed(removal, x, names, query)
    allowed = rw.find_flip_set(fit, query, allowed_labels=[by_odds[1], by_odds[2]], candidates=x[:, 0] > -0.5)
    if allowed.found:
        assert set(allowed.labels) <= {by_odds[1], by_odds[2]}
        assert (x[allowed.rows, 0] > -0.5).all()
        confirmed(allowed, x, names, query)
    paper = rw.find_flip_set(fit, query, method="first-order")
    assert not paper.verified
    assert anything.size <= paper.size or not paper.found or not _flips(fit, paper, query)


def _flips(fit: rw.Fit, found: rw.FlipSet, query: Array) -> bool:
    return bool(rw.verify(fit, found.rows, query[None], labels=found.labels, edit=found.edit).flipped[0])


@pytest.mark.parametrize("seed", range(8))
def test_size_is_the_optimum(seed: int) -> None:
    x, y = class_case(seed, n=25, p=2)
    fit, query = rw.fit(x, y), np.random.default_rng(seed).normal(size=2)
    found, least = rw.find_flip_set(fit, query), optimum(fit, x, y, query, 2)
    if least:
        assert found.size == least
        assert found.optimal
        assert found.lower_bound == least
    else:
        assert found.size > 2
        assert found.lower_bound >= 2


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_small_refits_are_as_far_off_as_they_say(edit: Any) -> None:
    """Margins of wide rows, with weights, for a target, against full refits."""
    x, y = class_case(3, n=14, p=20)
    weights, query = np.random.default_rng(0).uniform(0.5, 2, 14), np.random.default_rng(1).normal(size=20)
    fit = rw.fit(x, y, 0.5, sample_weight=weights)
    small = SmallClasses.of(fit, np.append(query, 1.0), 0, 2, edit)
    problem = fit.problem
    singles = np.array([row * 3 + (y[row] + 1) % 3 if edit == "relabel" else row * 3 + y[row] for row in range(14)])
    margins, doubts = small.margins(singles[:, None])
    assert (doubts < np.abs(margins)).all()
    for edits, margin, doubt in zip(singles, margins, doubts, strict=True):
        rows = problem.rows_of(np.array([edits]))
        eta = fit.refit(rows, edit, labels=problem.new_labels(np.array([edits]), edit)).decision(query[None])[0]
        assert abs(eta[:2].max() - eta[2] - margin) <= doubt + 1e-8
    twice, _ = small.margins(np.array([[0, 1]]))
    assert twice == np.inf


def test_a_rows_own_response() -> None:
    """Where a row comes to rest, by a root finder."""
    rng = np.random.default_rng(0)
    eta, leverage, weights = 4 * rng.normal(size=(9, 4)), rng.uniform(0.1, 9, (9, 4)), rng.uniform(0.5, 2, 9)
    now, codes = rng.normal(size=(9, 4)), rng.integers(0, 4, 9)
    now -= now.mean(axis=1, keepdims=True)
    weights[0] = 0.0
    found = ClassEdits(eta, now, weights, weights, codes).moves(leverage)
    for i in range(9):

        def left(move: Array, i: int = i) -> Array:
            slope = weights[i] * (softmax(eta[i] + move) - np.eye(4)[codes[i]])
            return np.asarray(move + leverage[i] * (slope - now[i]))

        assert_allclose(found[i], root(left, found[i] + 0.1, tol=1e-12).x, atol=2e-3)


def test_costs_and_budgets() -> None:
    x, y = class_case(11, n=80, p=3)
    fit, query = rw.fit(x, y), np.array([1.5, -0.5, 1.0])
    free = rw.find_flip_set(fit, query)
    assert free.size > 1
    cost = np.ones(80)
    cost[free.rows] = 100.0
    cheap = rw.find_flip_set(fit, query, cost=cost)
    confirmed(cheap, x, y, query)
    assert cost[cheap.rows].sum() < cost[free.rows].sum()
    none = rw.find_flip_set(fit, query, budget=1)
    assert none.outcome == rw.Outcome.BUDGET
    assert none.size == 0
    some = rw.find_flip_set(fit, query, budget=4)
    assert some.refits <= 5


def test_a_large_design_gives_the_same_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings are other ones."""
    x, y = class_case(16, n=90, p=4)
    fit, query = rw.fit(x, y), np.array([0.7, -1.0, 0.4, 0.2])
    small = rw.find_flip_set(fit, query)
    monkeypatch.setattr("relabel_widget.search.settings.LARGE", 0)
    monkeypatch.setattr("relabel_widget.search.settings._THOROUGH_UP_TO", 0)
    large = rw.find_flip_set(fit, query)
    confirmed(large, x, y, query)
    assert abs(large.size - small.size) <= 1


def test_many_queries_are_a_loop() -> None:
    x, y = class_case(12, n=70, p=3)
    fit, queries = rw.fit(x, y), x[:5] + 0.3
    for alone, found in zip((rw.find_flip_set(fit, q) for q in queries), rw.find_flip_sets(fit, queries), strict=True):
        assert_array_equal(alone.rows, found.rows)
        assert_array_equal(alone.labels, found.labels)
    target = rw.find_flip_sets(fit, queries, target=0, n_jobs=2)
    codes = fit.decision(queries).argmax(axis=1)
    assert [each.outcome == rw.Outcome.ALREADY for each in target] == (codes == 0).tolist()
    assert {each.predicted_after for each in target if each.found} == {0}


def test_a_class_of_few_rows_keeps_one() -> None:
    """The rows nearest to the query are all that its class has."""
    x, y = class_case(13, n=60, p=2)
    y[y == 2] = 0
    x[:2], y[:2] = [[5.0, 5.0], [5.2, 4.9]], 2
    fit = rw.fit(x, y, 10.0)
    query = np.array([6.0, 6.0])
    assert fit.decision(query[None])[0].argmax() == 2
    for edit in ("relabel", "remove"):
        found = rw.find_flip_set(fit, query, edit=edit)
        assert not set(found.rows) >= {0, 1}
        if found.found:
            confirmed(found, x, y, query, 10.0)


def test_targets_and_labels_of_two_classes() -> None:
    x, y = class_case(14, n=50, p=3, n_classes=2)
    fit, query = rw.fit(x, y), np.array([0.4, 0.2, -0.3])
    code = int(fit.decision(query[None])[0] > 0)
    found = rw.find_flip_set(fit, query, target=1 - code)
    assert_array_equal(found.rows, rw.find_flip_set(fit, query).rows)
    assert (found.predicted_before, found.predicted_after) == (code, 1 - code)
    assert rw.find_flip_set(fit, query, target=code).outcome == rw.Outcome.ALREADY
    one_way = rw.find_flip_set(fit, query, allowed_labels=[1 - code])
    assert (one_way.labels == 1 - code).all()
    assert_array_equal(y[one_way.rows], code)
    other_way = rw.find_flip_set(fit, query, allowed_labels=[code])
    assert (other_way.labels == code).all()
    assert other_way.size > one_way.size or not other_way.found


def test_what_is_refused_in_words() -> None:
    x, y = class_case(15, n=30, p=2)
    fit = rw.fit(x, y)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"target": 9}, r"target: expected one of the labels \[0, 1, 2\], got 9"),
        ({"allowed_labels": [0, 7]}, r"allowed_labels: expected one of the labels \[0, 1, 2\], got 7"),
        ({"allowed_labels": []}, r"expected allowed_labels as some of \[0, 1, 2\], got \[\]"),
        ({"allowed_labels": [0], "edit": "remove"}, r'allowed_labels says .* edit "remove" gives none'),
        ({"threshold": 0.4}, r"expected no threshold with 3 classes, got 0\.4\. The likeliest is predicted"),
        ({"table": np.zeros((1, 30))}, r"expected table of shape \(1, 30, 3\), got \(1, 30\)"),
    ]
    for arguments, message in wrong:
        with pytest.raises(ValueError, match=message):
            rw.find_flip_set(fit, x[0], **arguments)
    assert rw.find_flip_set(fit, x[0], candidates=[]).outcome == rw.Outcome.CANNOT_FLIP

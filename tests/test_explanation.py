"""Shares of a flip set add up to what a refit changed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB

import relabel_widget as rw


def example() -> tuple[rw.Fit, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 6))
    x[:, 5] = 0.0
    x[40:, 4] = 0.0
    return rw.fit(x, (x[:, 0] + rng.normal(size=80) > 0).astype(int)), rng.normal(size=6)


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_shares_and_interaction_add_up_to_the_verified_change(edit: str) -> None:
    fit, query = example()
    rows = rw.find_flip_set(fit, query).rows
    told = rw.explain(fit, query, rows, edit=edit)
    after = rw.verify(fit, rows, query[None], edit=edit).fit.decision(query[None])[0]
    assert told.change == pytest.approx(after - fit.decision(query[None])[0], abs=1e-8)
    assert told.shares.sum() + told.interaction == pytest.approx(told.change, abs=1e-12)
    assert abs(told.interaction) < 0.1 * abs(told.change)


def test_interaction_is_of_third_order() -> None:
    """With an edit of a tenth of the weight, the share of one row is off a thousandfold less."""
    rng = np.random.default_rng(1)
    x, query = rng.normal(size=(60, 3)), rng.normal(size=3)
    y = (x[:, 0] + rng.normal(size=60) > 0).astype(int)
    errors = []
    for weight in (1.0, 0.1):
        # the edited row stands twice: the part of weight `weight` is what is relabelled
        weights = np.append(np.ones(60), weight)
        fit = rw.fit(np.vstack([x, x[0]]), np.append(y, y[0]), sample_weight=weights)
        errors.append(abs(rw.explain(fit, query, [60]).interaction))
    assert errors[1] < errors[0] / 300


def test_shared_features_are_those_of_row_and_query() -> None:
    fit, query = example()
    query[1] = 0.0
    row = int(np.flatnonzero(fit.problem.design.to_dense()[:, 4] == 0)[0])
    told = rw.explain(fit, query, [row])
    shared = told.shared[0]
    assert set(shared.columns.tolist()) == {0, 2, 3}  # 1 not in the query, 4 not in the row, 5 in none
    assert (np.diff(np.abs(shared.contributions)) <= 0).all()
    # an oracle for the whole: with the intercept's part, the contributions are the share
    x = fit.problem.design.to_dense()
    hidden = 0.0
    for point in (fit, fit.refit(np.array([row]))):
        extended = np.column_stack([x, np.ones(len(x))])
        hessian = extended.T @ (extended * point.hessian.curvature[:, None]) + np.diag([1.0] * 6 + [0.0])
        factor = np.linalg.solve(hessian, np.append(query, 1.0))
        sign = 2 * fit.y[row] - 1
        hidden += 0.5 * -sign * (factor[6] + factor[1] * x[row, 1])
    assert shared.contributions.sum() + hidden == pytest.approx(told.shares[0], abs=1e-7)


BAYES = [MultinomialNB(), ComplementNB(), BernoulliNB()]


def counts(n_rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.8, size=(n_rows, 6)).astype(float)


@pytest.mark.parametrize("edit", ["relabel", "remove"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", BAYES, ids=lambda model: type(model).__name__)
def test_of_a_naive_bayes_it_is_the_exact_change(model: object, n_classes: int, edit: str) -> None:
    """Held against scikit-learn's scores before and after; one class over the other, as it says."""
    x, y = counts(60, 0), np.arange(60) % n_classes
    query = counts(1, 9)
    fit = rw.adopt(model.fit(x, y), x, y)
    found = rw.find_flip_set(fit, query, edit=edit)
    rows, labels = found.rows[:3], found.labels[:3]
    told = rw.explain(fit, query, rows, labels=labels, edit=edit)
    edited, kept = y.copy(), np.ones(60, dtype=bool)
    if edit == "relabel":
        edited[rows] = labels
    else:
        kept[rows] = False
    first, second = told.classes
    before, after = (
        each.predict_joint_log_proba(query)[0, [first, second]] @ [1.0, -1.0]
        for each in (type(model)().fit(x, y), type(model)().fit(x[kept], edited[kept]))
    )
    assert told.change == pytest.approx(after - before, abs=1e-9)
    assert told.shares.sum() == pytest.approx(told.change, abs=1e-9)
    assert np.sign(told.shares).tolist() == [np.sign(told.change)] * len(rows)
    for shared, row in zip(told.shared, told.rows, strict=True):
        assert set(shared.columns.tolist()) <= set(np.flatnonzero(query[0] * x[row]))

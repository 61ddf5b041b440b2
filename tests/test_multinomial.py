"""Several classes: the multinomial problem, its fits and what they say of rows; scikit-learn is the oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from class_problems import CHOLESKY_IS_MULTINOMIAL, Array, class_case, refitted, with_labels
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from oracles import DESIGNS, quiet_fit
from scipy import sparse
from scipy.special import log_softmax, logsumexp, softmax
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

import relabel_widget as rw
from relabel_widget.audit.folds import folds_of, held_out_of_classes
from relabel_widget.design import as_design
from relabel_widget.fits import minimiser
from relabel_widget.problem import MultinomialProblem, encode
from relabel_widget.solver import PerClass, solve

SEEDS = st.integers(0, 10_000)


def problem_of(
    x: Any, y: Array, C: float = 1.0, weights: Array | None = None, has_intercept: bool = True
) -> MultinomialProblem:
    design = as_design(x, who="test")
    labels = encode(y, design.n_rows, who="test", several=True)
    return MultinomialProblem(design, labels, np.ones(len(y)) if weights is None else weights, 1 / C, has_intercept)


# --- the objective


@pytest.mark.parametrize("has_intercept", [True, False])
def test_objective_gradient_and_hessian(has_intercept: bool) -> None:
    x, y = class_case(0, n=20, p=3)
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 2, 20)
    problem = problem_of(x, y, 0.3, weights, has_intercept)
    z = np.column_stack([x, np.ones(20)]) if has_intercept else x
    table = rng.normal(size=(z.shape[1], 3))
    theta = table.ravel()

    def objective(theta: Array) -> float:
        table = theta.reshape(-1, 3)
        losses = -log_softmax(z @ table, axis=1)[np.arange(20), y]
        return float(weights @ losses + 0.5 / 0.3 * np.square(table[:3]).sum())

    def gradient(theta: Array) -> Array:
        return problem.gradient(theta, problem.dloss(problem.eta(theta)))

    eye, h = np.eye(len(theta)), 1e-6
    assert_allclose(problem.objective(theta, problem.eta(theta)), objective(theta), rtol=1e-13)
    numeric = [(objective(theta + h * e) - objective(theta - h * e)) / (2 * h) for e in eye]
    assert_allclose(gradient(theta), numeric, rtol=1e-6, atol=1e-7)
    hessian = problem.hessian(problem.eta(theta))
    dense = np.column_stack([hessian.matvec(e) for e in eye])
    assert_allclose(
        dense, np.array([(gradient(theta + h * e) - gradient(theta - h * e)) / (2 * h) for e in eye]), atol=1e-6
    )
    assert_allclose(hessian.matmat(eye), dense, rtol=1e-12, atol=1e-12)
    assert_allclose(hessian.diagonal(), np.diag(dense), rtol=1e-12)
    assert_allclose(problem.d2loss(problem.eta(theta)), hessian.curvature)


def test_far_log_odds_stay_finite() -> None:
    x, y = class_case(0, n=12, p=2)
    problem = problem_of(x, y)
    eta = np.full((12, 3), -1000.0)
    eta[np.arange(12), y] = 1000.0
    eta[0] = [1000.0, 0.0, -1000.0]
    y0 = int(y[0])
    expected = {0: 0.0, 1: 1000.0, 2: 2000.0}[y0]
    assert_allclose(problem.loss(eta.ravel()), expected)
    slopes = problem.dloss(eta.ravel()).reshape(-1, 3)
    assert np.isfinite(slopes).all()
    assert_allclose(slopes.sum(axis=1), 0.0, atol=1e-15)


def test_rows_that_are_nearly_certain_keep_their_slope() -> None:
    """p - 1 is 0 in float64 where p is 1 - 1e-20; the others' sum is not."""
    x, y = class_case(0, n=12, p=2)
    eta = np.zeros((12, 3))
    eta[np.arange(12), y] = 46.0
    slopes = problem_of(x, y).dloss(eta.ravel()).reshape(-1, 3)
    assert_allclose(slopes[np.arange(12), y], -2 * np.exp(-46.0), rtol=1e-12)


# --- fits


@pytest.mark.parametrize("guise", ["dense", "sparse"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_fit_is_scikit_learns_minimiser(guise: str, fit_intercept: bool) -> None:
    x, y = class_case(2, n=90, p=5, n_classes=4, sparsity=0.4)
    weights, names = np.random.default_rng(0).uniform(0.2, 3, 90), np.array(["a", "bb", "c", "d"])[y]
    model = refitted(x, names, 0.7, sample_weight=weights, fit_intercept=fit_intercept)
    given = sparse.coo_array(x) if guise == "sparse" else x
    fit = rw.fit(given, names, 0.7, sample_weight=weights, fit_intercept=fit_intercept)
    assert fit.coef.shape == (4, 5)
    assert_array_equal(fit.classes, model.classes_)
    assert_array_equal(fit.y, names)
    assert_allclose(fit.coef, model.coef_, atol=1e-7)
    assert_allclose(fit.intercept, model.intercept_ - model.intercept_.mean(), atol=1e-7)
    assert_allclose(fit.proba(x), model.predict_proba(x), atol=1e-8)
    assert fit.decision(x).shape == (90, 4)
    assert repr(fit).startswith("Fit(90 rows, 5 features, C=0.7, classes=['a', 'bb', 'c', 'd']")


@pytest.mark.parametrize("name", ["dense blocks and empty ones", "mapped, small blocks", "dask, sparse blocks"])
def test_every_design_gives_the_same(name: str) -> None:
    x, y = class_case(3, n=30, p=4, sparsity=0.5)
    design, fit = DESIGNS[name](x), rw.fit(x, y)
    made = rw.fit(design, y)
    assert_allclose(made.theta, fit.theta, atol=1e-9)
    assert_allclose(rw.relabel_influence(made, x[:2]), rw.relabel_influence(fit, x[:2]), atol=1e-7)
    found, expected = rw.find_flip_set(made, x[0]), rw.find_flip_set(fit, x[0])
    assert_array_equal(found.rows, expected.rows)
    assert_array_equal(found.labels, expected.labels)


def test_two_classes_by_the_way_of_several() -> None:
    """Both coefficients of a pair share what one column would have: half the penalty each, and C twice as large."""
    x, y = class_case(4, n=50, p=3, n_classes=2)
    weights = np.random.default_rng(0).uniform(0.5, 2, 50)
    problem = problem_of(x, y, 0.8, weights)
    several, two = minimiser(problem, np.zeros(problem.n_params), None, None, None), rw.fit(x, y, 1.6, weights)
    queries, edited = x[:7] + 0.1, np.array([3, 11])
    assert_allclose(np.diff(several.decision(queries))[:, 0], two.decision(queries), atol=1e-8)
    assert_allclose(several.proba(queries)[:, 1], two.proba(queries), atol=1e-8)
    refit = several.refit(edited, labels=1 - y[edited])
    assert_allclose(np.diff(refit.decision(queries))[:, 0], two.refit(edited).decision(queries), atol=1e-8)
    sides = np.where(two.decision(queries) > 0, 1.0, -1.0)
    influence = rw.relabel_influence(several, queries)
    assert_allclose(influence.sum(axis=2) * sides[:, None], rw.relabel_influence(two, queries), atol=1e-8)
    removal = rw.removal_influence(several, queries)
    assert_allclose(removal * sides[:, None], rw.removal_influence(two, queries), atol=1e-8)


def test_preconditioner_takes_the_classes_apart() -> None:
    x, y = class_case(5, n=200, p=6, n_classes=5)
    fit = rw.fit(x, y)
    assert isinstance(fit.preconditioner, PerClass)
    problem = fit.problem
    assert isinstance(problem, MultinomialProblem)
    b = problem.functional(np.append(x[0], 1.0), 0, 3)
    solved = solve(fit.hessian, b, rtol=1e-8, preconditioner=fit.preconditioner)
    assert solved.iterations < 25  # 46 by a diagonal
    assert_allclose(solved.x.reshape(-1, 5).sum(axis=1), 0.0, atol=1e-12)
    assert_allclose(fit.hessian.matvec(solved.x), b, atol=1e-6)
    both = fit.preconditioner.apply(np.column_stack([b, 2 * b]))
    assert_allclose(both, fit.preconditioner.apply(b)[:, None] * [1, 2])


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_laws(seed: int) -> None:
    x, y = class_case(seed, n=30, p=3)
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 3, 30).astype(float)
    fit = rw.fit(x, y, 0.5, sample_weight=weights)
    decision = fit.decision(x)
    classes, rows, columns = rng.permutation(3), rng.permutation(30), rng.permutation(3)
    assert_allclose(rw.fit(x, classes[y], 0.5, weights).decision(x)[:, classes], decision, atol=1e-7)
    assert_allclose(rw.fit(x[rows], y[rows], 0.5, weights[rows]).decision(x), decision, atol=1e-7)
    assert_allclose(rw.fit(x[:, columns], y, 0.5, weights).decision(x[:, columns]), decision, atol=1e-7)
    twice = np.repeat(np.arange(30), weights.astype(int))
    assert_allclose(rw.fit(x[twice], y[twice], 0.5).decision(x), decision, atol=1e-7)
    assert_allclose(rw.fit(x, y, 0.5 / 4, 4 * weights).decision(x), decision, atol=1e-7)
    influence = rw.relabel_influence(fit, x[:2])
    renamed = rw.relabel_influence(rw.fit(x[rows], classes[y][rows], 0.5, weights[rows]), x[:2])
    assert_allclose(renamed[:, :, classes], influence[:, rows], atol=1e-6)


def test_which_edits_leave_a_class_without_rows() -> None:
    x, y = class_case(1, n=12, p=2)
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2])
    weights = np.ones(12)
    weights[0] = 0.0
    problem = problem_of(x, y, weights=weights)

    def lost(edits: list[tuple[int, int]], edit: Any = "relabel") -> list[int]:
        numbers = np.array([row * 3 + code for row, code in edits])
        return problem.rows_of(problem.last_of_their_class(numbers, edit)).tolist()

    assert lost([(10, 0), (4, 1)]) == []
    assert lost([(10, 0), (4, 2), (11, 1)]) == []  # row 4 takes their place
    assert lost([(11, 0), (4, 0), (10, 1)]) == [11, 10]
    assert lost([(1, 1), (2, 1), (3, 2)]) == [1, 2, 3]  # row 0 weighs nothing
    assert lost([(10, 2), (4, 1), (11, 2)], "remove") == [10, 11]
    assert lost([(4, 0), (5, 0), (4, 2)]) == [4]  # one row cannot have two labels


# --- adoption


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky", "sag", "saga"])
def test_adopted_whatever_the_solver(solver: str) -> None:
    if solver == "newton-cholesky" and not CHOLESKY_IS_MULTINOMIAL:
        pytest.skip("one class against the rest before scikit-learn 1.6")
    x, y = class_case(6, n=80, p=3)
    model = quiet_fit(LogisticRegression(C=2.0, solver=solver, tol=1e-8, max_iter=5000), x, y)
    fit = rw.adopt(model, x, y)
    assert_allclose(fit.proba(x), softmax(rw.fit(x, y, 2.0).decision(x), axis=1), atol=1e-8)
    assert fit.polish is not None
    assert fit.polish.distance < 1e-3
    assert fit.polish.predictions_changed == 0


def test_adopted_pipeline_takes_texts() -> None:
    texts = [f"{word} {i % 4} words" for i, word in enumerate(["red", "green", "blue", "red green"] * 6)]
    y = np.array([text.split()[0] for text in texts])
    model = make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-8, max_iter=1000)).fit(texts, y)
    fit = rw.adopt(model, texts, y)
    assert_allclose(fit.proba(texts), model.predict_proba(texts), atol=1e-5)
    assert rw.find_flip_set(fit, texts[0]).verified


def test_coefficients_of_one_class_against_the_rest_are_taken_as_such() -> None:
    x, y = class_case(6, n=40, p=3)
    each = OneVsRestClassifier(LogisticRegression(solver="liblinear", tol=1e-10)).fit(x, y)
    model = LogisticRegression().fit(x, y)
    model.solver = "liblinear"  # older releases fit it; newer ones refuse
    model.coef_ = np.vstack([part.coef_ for part in each.estimators_])
    model.intercept_ = np.hstack([part.intercept_ for part in each.estimators_])
    fit = rw.adopt(model, x, y)
    assert_allclose(fit.decision(x), each.decision_function(x), rtol=0, atol=1e-6)
    assert_allclose(fit.proba(x), each.predict_proba(x), rtol=0, atol=1e-6)


# --- influence and verification


def test_influence_is_a_derivative() -> None:
    """Of the margin in the share of a row's weight that has the other label, or none: refits with a little of it."""
    x, y = class_case(7, n=40, p=3)
    weights = np.random.default_rng(0).uniform(0.5, 2, 40)
    fit, queries, h = rw.fit(x, y, sample_weight=weights), x[:3] + 0.2, 1e-5
    relabel, removal = rw.relabel_influence(fit, queries), rw.removal_influence(fit, queries)
    assert relabel.shape == (3, 40, 3)
    assert removal.shape == (3, 40)
    order = np.argsort(-fit.decision(queries), axis=1)

    def margins(fit: rw.Fit) -> Array:
        decision, every = fit.decision(queries), np.arange(3)
        return np.asarray(decision[every, order[:, 0]] - decision[every, order[:, 1]])

    for row in (0, 5, 17):
        less = weights.copy()
        less[row] *= 1 - h
        numeric = (margins(rw.fit(x, y, sample_weight=less)) - margins(fit)) / h
        assert_allclose(removal[:, row], numeric, atol=2e-4)
        for label in range(3):
            both = np.append(less, h * weights[row])
            shared = rw.fit(np.vstack([x, x[row]]), np.append(y, label), sample_weight=both)
            assert_allclose(relabel[:, row, label], (margins(shared) - margins(fit)) / h, atol=2e-4)
        assert not relabel[:, row, y[row]].any()


def test_verified_by_a_refit_on_the_new_labels() -> None:
    x, y = class_case(8, n=60, p=3)
    names = np.array(["a", "b", "c"])[y]
    fit, rows, labels = rw.fit(x, names), np.array([4, 9, 20]), np.array(["c", "a", "b"])
    done = rw.verify(fit, rows, x, labels=labels)
    model = refitted(x, with_labels(names, rows, labels))
    assert_allclose(done.proba_before, fit.proba(x))
    assert_allclose(done.proba_after, model.predict_proba(x), atol=1e-7)
    assert_array_equal(done.flipped, model.predict(x) != fit.classes[fit.decision(x).argmax(axis=1)])
    assert done.flipped.any()
    assert_array_equal(done.fit.y, with_labels(names, rows, labels))
    assert_array_equal(fit.y, names)
    back = done.fit.refit(rows, labels=names[rows])
    assert_allclose(back.decision(x), fit.decision(x), atol=1e-7)
    one = rw.verify(fit, rows, x, labels="c")
    assert_array_equal(one.fit.y[rows], "c")
    without = rw.verify(fit, rows, x, edit="remove")
    kept = np.delete(np.arange(60), rows)
    assert_allclose(without.proba_after, refitted(x[kept], names[kept]).predict_proba(x), atol=1e-7)


def test_labels_of_two_classes() -> None:
    """Rows that have the label already stay as they are."""
    x, y = class_case(8, n=40, p=3, n_classes=2)
    fit = rw.fit(x, y)
    rows = np.array([1, 2, 5, 6])
    done = rw.verify(fit, rows, x, labels=1)
    assert_array_equal(done.fit.y, with_labels(y, rows, np.ones(4)))


def test_explanation_adds_up() -> None:
    """Shares are the trapezoidal rule between fit and refit: little is left where the rows weigh little."""
    x, y = class_case(10, n=60, p=3)
    query = np.array([1.0, -1.0, 0.5])
    whole = rw.fit(x, y)
    for edit in ("relabel", "remove"):
        found, weights = rw.find_flip_set(whole, query, edit=edit), np.ones(60)
        weights[found.rows] = 0.1
        fit = rw.fit(x, y, sample_weight=weights)
        told = rw.explain(fit, query, found.rows, labels=found.labels, edit=edit)
        refit = fit.refit(found.rows, edit, labels=found.labels)
        before, after = fit.decision(query[None])[0], refit.decision(query[None])[0]
        code = before.argmax()
        rival = np.argmax(np.where(np.arange(3) == code, -np.inf, after))
        change = (after[code] - after[rival]) - (before[code] - before[rival])
        assert_allclose(told.change, change, atol=1e-7)
        assert_allclose(told.shares.sum() + told.interaction, change, atol=1e-7)
        assert abs(told.interaction) < 0.01 * abs(change)
        assert (told.shares < 0).all()


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_leverages_are_traces(fit_intercept: bool) -> None:
    """Against a dense inverse, with the error of so many random right-hand sides."""
    x, y = class_case(10, n=40, p=3)
    weights = np.random.default_rng(0).uniform(0.5, 2, 40)
    fit = rw.fit(x, y, sample_weight=weights, fit_intercept=fit_intercept)
    z, p = np.column_stack([x, np.ones(40)])[:, : 3 + fit_intercept], fit.proba(x)
    blocks = weights[:, None, None] * (p[:, :, None] * np.eye(3) - p[:, :, None] * p[:, None])
    dense = np.einsum("ij,ikl,im->jkml", z, blocks, z).reshape(z.shape[1] * 3, -1) + np.diag(fit.problem.penalty)
    inverse = np.linalg.pinv(dense).reshape(z.shape[1], 3, z.shape[1], 3)
    exact = np.einsum("ikl,ij,jlmk,im->i", blocks, z, inverse, z)
    found = rw.leverages(fit, probes=4000)
    assert_allclose(found, exact, rtol=0.12)
    assert_allclose(found.sum(), exact.sum(), rtol=0.01)


def test_suspects_of_a_multinomial_fit() -> None:
    """Planted errors come first, each with its true label; what a person decided is left out."""
    rng = np.random.default_rng(0)
    centres = np.repeat(5 * np.eye(3), 50, axis=0)
    x, y = centres + rng.normal(size=(150, 3)), np.repeat(["a", "b", "c"], 50)
    planted = np.array([3, 60, 110, 140])
    wrong = with_labels(y, planted, np.array(["b", "c", "a", "b"]))
    found = rw.suspects(rw.fit(x, wrong))
    assert set(found["row"][:4]) == set(planted)
    assert_array_equal(found["suggested"][:4], y[found["row"][:4]])
    assert found["score"].between(0, 1).all()
    rest = rw.suspects(rw.fit(x, wrong), decisions={3: "a", 60: "b", 0: "a"}, limit=5)
    assert set(rest["row"][:2]) == {110, 140}
    assert not {0, 3, 60} & set(rest["row"])


def test_rows_are_judged_by_a_model_that_has_not_seen_them() -> None:
    """One Newton step from the fit is nearly the refit without the fold, where C is small."""
    x, y = class_case(12, n=90, p=3)
    fit, folds = rw.fit(x, y, 0.02), folds_of(y)
    found, seen = held_out_of_classes(fit, folds), fit.decision(x)
    expected = np.empty_like(found)
    for fold in range(5):
        out = folds == fold
        expected[out] = rw.fit(x[~out], y[~out], 0.02).decision(x[out])

    def against_the_rest(eta: Array) -> Array:
        return np.column_stack([eta[:, k] - logsumexp(np.delete(eta, k, axis=1), axis=1) for k in range(3)])

    expected, seen = against_the_rest(expected), against_the_rest(seen)
    assert np.abs(found - expected).max() < 0.1 * np.abs(seen - expected).max()


def test_group_audit_of_several_classes() -> None:
    x, y = class_case(11, n=60, p=3)
    fit, group = rw.fit(x, y), np.arange(60) % 2
    truth = np.where(np.arange(6) < 3, fit.decision(x[:6]).argmax(axis=1), 3 - fit.decision(x[:6]).argmax(axis=1))
    audit = rw.group_audit(fit, x[:6], group, y_query=truth % 3, resamples=19)
    assert audit.n_audited == (fit.decision(x[:6]).argmax(axis=1) != truth % 3).sum()
    assert_allclose(audit.table["share"].sum(), 1.0)
    assert_allclose(audit.table["chance"].sum(), 1.0)


def test_what_is_refused_in_words() -> None:
    x, y = class_case(9, n=30, p=3)
    fit = rw.fit(x, y)
    with pytest.raises(ValueError, match=r"expected labels, the new label of each row: of 3 classes, .*Pass labels="):
        rw.verify(fit, [0], x[:1])
    with pytest.raises(ValueError, match=r"expected one new label for each of the 2 rows, got labels of \(3,\)"):
        rw.verify(fit, [0, 1], x[:1], labels=[0, 1, 2])
    with pytest.raises(ValueError, match=r"labels: expected one of the labels \[0, 1, 2\], got 7"):
        rw.verify(fit, [0], x[:1], labels=[7])
    with pytest.raises(ValueError, match=r"leaves the class .*2.* without examples"):
        rw.verify(fit, y == 2, x[:1], labels=1)
    with pytest.raises(ValueError, match=r"expected no threshold with 3 classes, got 0\.7"):
        rw.verify(fit, [0], x[:1], labels=[1], threshold=0.7)


def test_an_edit_that_changes_nothing() -> None:
    x, y = class_case(9, n=30, p=3)
    fit = rw.fit(x, y)
    same = fit.refit(np.array([3, 4]), labels=y[[3, 4]])
    assert_allclose(same.theta, fit.theta, atol=1e-12)
    assert replace(fit, polish=None).problem.edits_of(np.array([3]), "relabel", y[[3]]).size == 0

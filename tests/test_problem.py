"""The problem: objective, gradient and forces against a dense restatement and finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import DESIGNS, Case, DenseProblem, random_case

import relabel_widget as rw
from relabel_widget.design import DenseDesign
from relabel_widget.problem import Problem, encode

KINDS = [
    pytest.param({}, 0.0, id="plain"),
    pytest.param({"weighted": True}, 0.0, id="weighted"),
    pytest.param({"fit_intercept": False}, 0.0, id="no intercept"),
    pytest.param({"weighted": True}, 0.7, id="penalised intercept"),
    pytest.param({"sparsity": 0.6, "weighted": True}, 0.0, id="sparse"),
]
every_kind = pytest.mark.parametrize(("kind", "intercept_l2"), KINDS)


def problem_of(case: Case, make: Any = DenseDesign, intercept_l2: float = 0.0) -> Problem:
    labels = encode(case.y, len(case.y), who="test")
    weights = np.ones(len(case.y)) if case.weights is None else case.weights
    return Problem(make(case.x), labels, weights, 1 / case.C, case.fit_intercept, intercept_l2)


def dense_of(case: Case, intercept_l2: float) -> DenseProblem:
    dense = case.dense
    return DenseProblem(dense.x, dense.y, dense.l2, dense.weights, dense.has_intercept, intercept_l2)


@every_kind
@pytest.mark.parametrize("make", DESIGNS.values(), ids=DESIGNS)
def test_objective_gradient_and_curvature(make: Any, kind: dict[str, Any], intercept_l2: float) -> None:
    case = random_case(3, **kind)
    problem, dense = problem_of(case, make, intercept_l2), dense_of(case, intercept_l2)
    theta = np.random.default_rng(0).normal(size=problem.n_params)
    eta = problem.eta(theta)
    assert_allclose(eta, dense.z @ theta, rtol=1e-12, atol=1e-12)
    assert_allclose(problem.objective(theta, eta), dense.objective(theta), rtol=1e-12)
    assert_allclose(problem.gradient(theta, problem.dloss(eta)), dense.gradient(theta), rtol=1e-10, atol=1e-12)
    assert_allclose(problem.hessian(eta).matvec(theta), dense.hessian(theta) @ theta, rtol=1e-10, atol=1e-12)


@every_kind
def test_gradient_is_the_objectives_derivative(kind: dict[str, Any], intercept_l2: float) -> None:
    problem = problem_of(random_case(4, **kind), intercept_l2=intercept_l2)
    rng = np.random.default_rng(1)
    theta, step = rng.normal(size=problem.n_params), 1e-5

    def objective(at: np.ndarray) -> float:
        return problem.objective(at, problem.eta(at))

    unit = np.eye(problem.n_params)
    slopes = [(objective(theta + step * e) - objective(theta - step * e)) / (2 * step) for e in unit]
    assert_allclose(problem.gradient(theta, problem.dloss(problem.eta(theta))), slopes, rtol=1e-7, atol=1e-7)


@every_kind
def test_hessian_is_the_gradients_derivative(kind: dict[str, Any], intercept_l2: float) -> None:
    problem = problem_of(random_case(5, **kind), intercept_l2=intercept_l2)
    theta, step = np.random.default_rng(2).normal(size=problem.n_params), 1e-5

    def gradient(at: np.ndarray) -> np.ndarray:
        return problem.gradient(at, problem.dloss(problem.eta(at)))

    hessian = problem.hessian(problem.eta(theta))
    for e in np.eye(problem.n_params):
        slope = (gradient(theta + step * e) - gradient(theta - step * e)) / (2 * step)
        assert_allclose(hessian.matvec(e), slope, rtol=1e-7, atol=1e-7)


def test_loss_in_eta_is_the_loss_of_each_row() -> None:
    problem = problem_of(random_case(6, weighted=True))
    eta, step = np.random.default_rng(3).normal(size=len(problem.weights)), 1e-5
    for i in (0, 7, 39):
        e = step * np.eye(len(eta))[i]
        assert_allclose(problem.dloss(eta)[i], (problem.loss(eta + e) - problem.loss(eta - e)) / (2 * step), rtol=1e-6)
        bend = (problem.dloss(eta + e)[i] - problem.dloss(eta - e)[i]) / (2 * step)
        assert_allclose(problem.d2loss(eta)[i], bend, rtol=1e-6)


def test_margins_of_a_thousand_are_exact() -> None:
    """Closed forms: a row on the wrong side of 1000 loses 1000 and pulls with 1, one on the right side neither."""
    y, eta = np.array([0, 1, 0, 1, 0]), np.array([1000.0, 1000.0, -1000.0, -1000.0, 0.0])
    problem = Problem(DenseDesign(np.ones((5, 1))), encode(y, 5, who="test"), np.ones(5), 1.0)
    assert problem.loss(eta) == 2000 + np.log(2)
    assert_array_equal(problem.dloss(eta), [1, 0, 0, -1, 0.5])
    assert_array_equal(problem.d2loss(eta), [0, 0, 0, 0, 0.25])
    far = np.array([700.0, -700.0, 30.0, -30.0, 1e308])
    assert_allclose(problem.d2loss(far)[:4], np.exp([-700.0, -700.0, -30.0, -30.0]), rtol=1e-12)
    assert_allclose(problem.dloss(far)[1:3], [-1.0, 1.0], rtol=1e-12)  # p - y keeps its digits
    assert_allclose(problem.dloss(-far)[[1, 2]], [-np.exp(-700.0), np.exp(-30.0)], rtol=1e-12)
    assert np.isfinite(problem.loss(far[:4].repeat(2)[:5]))


def test_the_hessian_ignores_labels() -> None:
    problem = problem_of(random_case(7, weighted=True))
    eta, v = np.random.default_rng(4).normal(size=40), np.arange(6.0)
    swapped = problem.edited(np.array([0, 3, 9]), "relabel")
    assert_array_equal(problem.hessian(eta).matvec(v), swapped.hessian(eta).matvec(v))


@every_kind
def test_force_is_what_an_edit_adds_to_the_gradient(kind: dict[str, Any], intercept_l2: float) -> None:
    problem = problem_of(random_case(8, **kind), intercept_l2=intercept_l2)
    theta = np.random.default_rng(5).normal(size=problem.n_params)
    eta, rows = problem.eta(theta), np.array([1, 4, 30])
    for edit in ("relabel", "remove"):
        edited = problem.edited(rows, edit)
        gain = edited.gradient(theta, edited.dloss(eta)) - problem.gradient(theta, problem.dloss(eta))
        alone = np.zeros(40)
        alone[rows] = problem.force(eta, edit)[rows]
        assert_allclose(gain, problem.extended_rmatvec(alone), rtol=1e-10, atol=1e-12)


def test_edits_leave_the_problem_as_it_was() -> None:
    problem = problem_of(random_case(9, weighted=True))
    weights, codes = problem.weights.copy(), problem.labels.codes.copy()
    for edit in ("relabel", "remove"):
        edited = problem.edited(np.array([2, 5]), edit)
        assert edited is not problem
    assert_array_equal(problem.weights, weights)
    assert_array_equal(problem.labels.codes, codes)


@pytest.mark.parametrize("edit", ["relabel", "remove"])
@pytest.mark.parametrize("gone", [0, 1])
@pytest.mark.parametrize("seed", range(20))
def test_a_class_edited_away_has_no_weight_at_all(edit: Any, gone: int, seed: int) -> None:
    """The class's weight was once the total less the other's: weights of .1 left a crumb, and a fit was tried."""
    case = random_case(seed, weighted=True)
    left = problem_of(case).edited(np.flatnonzero(case.y == gone), edit).class_weights
    assert left[gone] == 0.0
    assert left[1 - gone] > 0


def test_gradient_scale_bounds_the_gradient_at_zero_up_to_root_n() -> None:
    """``|weights [X, 1]|_F / 2``: what tolerances are relative to."""
    case = random_case(10, weighted=True)
    z = case.dense.z * case.weights[:, None]
    assert_allclose(problem_of(case).gradient_scale, np.linalg.norm(z) / 2, rtol=1e-12)


@pytest.mark.parametrize("name", ["csr", "dense"])
def test_the_gradient_gains_the_force_times_the_row(name: str) -> None:
    case = random_case(91, n=12)
    problem = rw.fit(DESIGNS[name](case.x), case.y).problem
    rows, force = np.array([2, 5, 11]), np.array([0.5, -2.0, 1.0])
    assert_allclose(problem.extended_rmatvec_of(rows, force), case.dense.z[rows].T @ force, atol=1e-14)

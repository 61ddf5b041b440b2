"""Conjugate gradients against a dense solve, truncated Newton against a dense one."""

from __future__ import annotations

import threading
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import DESIGNS, DenseProblem, exact_log_odds, random_case, small_integers
from scipy import sparse

from relabel_widget.design import CsrDesign, DenseDesign
from relabel_widget.design import base as base_module
from relabel_widget.monitor import Cancelled, Monitor
from relabel_widget.problem import Hessian, Problem, encode, eta_of
from relabel_widget.solver import (
    Centred,
    Iterate,
    Jacobi,
    NewtonSettings,
    Preconditioner,
    TwoLevel,
    minimise,
    newton_step,
    norm_in,
    preconditioner_of,
    solve,
    solve_many,
)


def system(n: int = 60, p: int = 12, *, l2: float = 0.1, seed: int = 0) -> tuple[Hessian, np.ndarray]:
    """A Hessian with an unpenalised intercept, and the same as a matrix."""
    rng = np.random.default_rng(seed)
    x, curvature = small_integers(n, p, seed), rng.uniform(0.01, 0.25, size=n)
    penalty = np.append(np.full(p, l2), 0.0)
    z = np.column_stack([x, np.ones(n)])
    return Hessian(DENSE(x), curvature, penalty, True), z.T @ np.diag(curvature) @ z + np.diag(penalty)


DENSE = DESIGNS["dense"]


@pytest.mark.parametrize("make", DESIGNS.values(), ids=DESIGNS)
def test_solve_against_a_dense_solve(make: Any) -> None:
    hessian, dense = system()
    hessian = Hessian(make(hessian.design.to_dense()), hessian.curvature, hessian.penalty, True)
    b = np.random.default_rng(1).normal(size=13)
    solved = solve(hessian, b, rtol=1e-12, preconditioner=Jacobi.of(hessian))
    assert solved.converged
    assert solved.residual <= 1e-12
    assert_allclose(solved.x, np.linalg.solve(dense, b), rtol=1e-9)


def test_solve_stops_at_the_tolerance_asked_for() -> None:
    hessian, dense = system()
    b, used = np.random.default_rng(1).normal(size=13), []
    scale = 1 / np.sqrt(np.diag(dense))  # the residual is measured in the norm of the preconditioner, here Jacobi's
    for rtol in (1e-1, 1e-4, 1e-8):
        solved = solve(hessian, b, rtol=rtol, preconditioner=Jacobi.of(hessian))
        assert solved.residual <= rtol
        left = np.linalg.norm(scale * (b - dense @ solved.x)) / np.linalg.norm(scale * b)
        assert_allclose(left, solved.residual, rtol=1e-6, atol=1e-14)
        used.append(solved.iterations)
    assert used == sorted(set(used)), "a looser tolerance must be cheaper"


def test_the_start_is_used_and_left_alone() -> None:
    hessian, dense = system()
    b = np.random.default_rng(1).normal(size=13)
    there = np.linalg.solve(dense, b)
    for start, iterations in ((there, range(1)), (there + 1e-3, range(1, 14))):
        image = eta_of(hessian.design, start, hessian.has_intercept)
        given = start.copy(), image.copy()
        solved = solve(hessian, b, rtol=1e-10, preconditioner=Jacobi.of(hessian), start=(start, image), with_eta=True)
        assert solved.iterations in iterations
        assert_allclose(solved.x, there, rtol=1e-9)
        assert solved.eta_direction is not None
        assert_allclose(solved.eta_direction, eta_of(hessian.design, there, hessian.has_intercept), rtol=1e-9)
        assert_array_equal(start, given[0])
        assert_array_equal(image, given[1])


@pytest.mark.parametrize("has_intercept", [True, False])
def test_the_image_comes_with_the_solution(has_intercept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the residual is computed anew every so often."""
    monkeypatch.setattr("relabel_widget.solver.cg._RECOMPUTE", 3)
    rng, n = np.random.default_rng(2), 12 + has_intercept
    x = rng.normal(size=(60, 12))
    hessian = Hessian(DenseDesign(x), rng.uniform(0.01, 0.25, size=60), np.full(n, 0.1), has_intercept)
    z = np.column_stack([x, np.ones(60)])[:, :n]
    solved = solve(hessian, rng.normal(size=n), rtol=1e-9, preconditioner=Jacobi.of(hessian), with_eta=True)
    assert solved.iterations > 3
    assert solved.eta_direction is not None
    assert_allclose(solved.eta_direction, z @ solved.x, atol=1e-12)
    assert_allclose(hessian.matvec_from(solved.x, solved.eta_direction), hessian.matvec(solved.x), atol=1e-12)


def test_a_right_hand_side_of_zero_is_solved_by_zero() -> None:
    hessian, _ = system()
    solved = solve(hessian, np.zeros(13), rtol=1e-10, preconditioner=Jacobi.of(hessian))
    assert (solved.converged, solved.iterations, solved.residual) == (True, 0, 0.0)
    assert not solved.x.any()


def test_where_there_is_no_curvature_a_solve_ends() -> None:
    """Every row saturated, and an intercept that no penalty holds: the coefficients alone can be solved for."""
    x = np.random.default_rng(0).normal(size=(30, 4))
    flat = Hessian(DenseDesign(x), np.zeros(30), np.append(np.ones(4), 0.0), True)
    held, free = np.array([1.0, 2, 3, 4, 0]), np.array([1.0, 2, 3, 4, 5])
    made = Jacobi.of(Hessian(DenseDesign(x), np.ones(30), flat.penalty, True))
    assert solve(flat, held, rtol=1e-10, preconditioner=made).converged
    one = solve(flat, free, rtol=1e-10, preconditioner=made)
    many = solve_many(flat, np.column_stack([free, held, 2 * free]), rtol=1e-10, preconditioner=made)
    for solved in (one, many):
        assert not solved.converged
        assert np.isfinite(solved.x).all()
        assert solved.iterations < 20
    assert_allclose(many.x[:, 1], held, atol=1e-9)


def test_running_out_of_iterations_is_said() -> None:
    hessian, _ = system()
    b = np.random.default_rng(1).normal(size=(13, 3))
    one = solve(hessian, b[:, 0], rtol=1e-12, preconditioner=Jacobi.of(hessian), max_iterations=2)
    many = solve_many(hessian, b, rtol=1e-12, preconditioner=Jacobi.of(hessian), max_iterations=2)
    for solved in (one, many):
        assert not solved.converged
        assert solved.residual > 1e-12
        assert solved.iterations == 2
    assert_allclose(many.x[:, 0], one.x, rtol=1e-12)


class Meeting(CsrDesign):
    """Its first products wait until as many threads have come as there are cores."""

    def meet(self, cores: int) -> Meeting:
        self.barrier, self.met = threading.Barrier(cores), 0
        return self

    def gram_matmat(self, v: np.ndarray, d: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.met < 2 * self.barrier.parties:
            self.met += 1
            self.barrier.wait(timeout=60)
        return super().gram_matmat(v, d, shift)


def test_groups_side_by_side_give_what_one_after_the_other_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    x = sparse.random_array((40, 12), density=0.4, random_state=np.random.default_rng(5), format="csr")
    b = np.random.default_rng(6).normal(size=(13, 11))
    solved = []
    for cores in (1, 3):
        monkeypatch.setattr(joblib, "cpu_count", lambda cores=cores: cores)
        hessian = Hessian(Meeting(x).meet(cores), np.full(40, 0.2), np.append(np.ones(12), 0.0), True)
        solved.append(solve_many(hessian, b, rtol=1e-11, preconditioner=Jacobi.of(hessian), width=2))
    assert_array_equal(solved[0].x, solved[1].x)
    assert solved[0].iterations == solved[1].iterations
    assert_allclose(hessian.matmat(solved[0].x), b, rtol=0, atol=1e-9)


@pytest.mark.parametrize("width", [1, 2, 3, 32])
def test_many_are_the_single_solves(width: int) -> None:
    """Also where columns leave at different times: one is an eigenvector, one zero, one nearly solved by scaling."""
    hessian, dense = system()
    rng = np.random.default_rng(2)
    b = rng.normal(size=(13, 7))
    b[:, 1] = 0.0
    b[:, 2] = np.diag(dense) * np.linalg.eigh(dense / np.sqrt(np.outer(np.diag(dense), np.diag(dense))))[1][:, 0]
    b[:, 4] = 1e-30 * b[:, 3]
    b[:, 5] = dense @ np.eye(13)[3]
    given = b.copy()
    preconditioner = Jacobi.of(hessian)
    solved = solve_many(hessian, b, rtol=1e-11, preconditioner=preconditioner, width=width)
    assert solved.converged
    assert solved.residual <= 1e-11
    assert_array_equal(b, given)
    for k in range(7):
        single = solve(hessian, b[:, k], rtol=1e-11, preconditioner=preconditioner)
        scale = np.abs(single.x).max()
        assert_allclose(solved.x[:, k], single.x, rtol=0, atol=1e-9 * scale)
        assert_allclose(solved.x[:, k], np.linalg.solve(dense, b[:, k]), rtol=0, atol=1e-9 * scale)


def test_columns_that_are_done_leave() -> None:
    hessian, _ = system()
    b = np.random.default_rng(3).normal(size=(13, 3))
    b[:, [0, 2]] = 0.0
    preconditioner, widths = Jacobi.of(hessian), []

    class Watched(Hessian):
        def matmat(self, v: np.ndarray) -> np.ndarray:
            widths.append(v.shape[1])
            return super().matmat(v)

    watched = Watched(hessian.design, hessian.curvature, hessian.penalty, True)
    solve_many(watched, b, rtol=1e-10, preconditioner=preconditioner)
    assert set(widths) == {1}


@pytest.mark.parametrize("l2", [1e-2, 1e-4, 1e-6])
def test_little_damping_and_a_known_condition_number(l2: float) -> None:
    """``X'X`` of rank 3 in 6 dimensions, eigenvalues 1: the condition number is ``(1 + l2) / l2`` exactly."""
    q = np.linalg.qr(np.random.default_rng(4).normal(size=(8, 3)))[0]
    rotation = np.linalg.qr(np.random.default_rng(5).normal(size=(6, 6)))[0]
    x = q @ rotation[:3]
    hessian = Hessian(DenseDesign(x), np.ones(8), np.full(6, l2), False)
    assert_allclose(np.linalg.cond(x.T @ x + l2 * np.eye(6)), (1 + l2) / l2, rtol=1e-4)
    b = rotation.T @ np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    exact = rotation.T @ np.array([1 / (1 + l2), 2 / (1 + l2), 3 / (1 + l2), 4 / l2, 5 / l2, 6 / l2])
    solved = solve(hessian, b, rtol=1e-12, preconditioner=Jacobi.of(hessian))
    assert_allclose(solved.x, exact, rtol=0, atol=1e-8 * np.abs(exact).max())
    # the part that X sees is tiny beside the rest: a wrong curvature would hide there
    assert_allclose(x @ solved.x, x @ exact, rtol=0, atol=1e-12 * np.abs(exact).max() / l2)


def test_the_recomputed_residual_keeps_long_runs_honest() -> None:
    """Hundreds of iterations on a badly conditioned system: the reported residual is the true one."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(200, 80)) * np.logspace(0, -3, 80) @ np.linalg.qr(rng.normal(size=(80, 80)))[0]
    hessian = Hessian(DenseDesign(x), np.full(200, 0.25), np.full(80, 1e-6), False)
    b = rng.normal(size=80)
    solved = solve(hessian, b, rtol=1e-9, preconditioner=Jacobi.of(hessian))
    assert solved.converged
    assert solved.iterations > 100
    assert np.linalg.norm(b - hessian.matvec(solved.x)) <= 1.01e-9 * np.linalg.norm(b)
    many = solve_many(hessian, b[:, None], rtol=1e-9, preconditioner=Jacobi.of(hessian))
    assert np.linalg.norm(b - hessian.matvec(many.x[:, 0])) <= 1.01e-9 * np.linalg.norm(b)


def test_the_preconditioner_is_the_inverse_diagonal() -> None:
    hessian, dense = system()
    assert_allclose(Jacobi.of(hessian).inverse, 1 / np.diag(dense), rtol=1e-12)
    flat = Hessian(DenseDesign(np.zeros((3, 2))), np.zeros(3), np.array([0.5, 0.0]), False)
    assert Jacobi.of(flat).inverse.tolist() == [2.0, 1.0]


def test_a_cancelled_solve_stops() -> None:
    hessian, _ = system()
    monitor = Monitor()
    monitor.cancel()
    b = np.ones((13, 40))
    with pytest.raises(Cancelled, match="cancelled on request"):
        solve(hessian, b[:, 0], rtol=1e-10, preconditioner=Jacobi.of(hessian), monitor=monitor)
    with pytest.raises(Cancelled, match="cancelled on request"):
        solve_many(hessian, b, rtol=1e-10, preconditioner=Jacobi.of(hessian), monitor=monitor)


# --- Newton


def problem_and_dense(seed: int, C: float, **kind: Any) -> tuple[Problem, DenseProblem]:
    case = random_case(seed, C=C, **kind)
    labels = encode(case.y, len(case.y), who="test")
    weights = np.ones(len(case.y)) if case.weights is None else case.weights
    return Problem(DenseDesign(case.x), labels, weights, 1 / C, case.fit_intercept), case.dense


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0, 1e4])
@pytest.mark.parametrize("kind", [{}, {"weighted": True}, {"fit_intercept": False}, {"sparsity": 0.5}], ids=str)
def test_minimise_against_dense_newton(C: float, kind: dict[str, Any]) -> None:
    problem, dense = problem_and_dense(11, C, n=60, **kind)
    result = minimise(problem, np.zeros(problem.n_params))
    expected = dense.fit()
    assert result.converged
    assert np.linalg.norm(dense.gradient(result.theta)) <= 1e-9 * problem.gradient_scale
    assert_allclose(result.theta, expected, rtol=0, atol=1e-8 * np.abs(expected).max())
    assert_allclose(result.eta, dense.z @ result.theta, rtol=0, atol=1e-10 * np.abs(result.eta).max())
    assert_allclose(result.gradient_norm, np.linalg.norm(dense.gradient(result.theta)), atol=1e-11)


def test_the_minimiser_does_not_depend_on_the_start() -> None:
    problem, _ = problem_and_dense(12, 10.0)
    expected = minimise(problem, np.zeros(6)).theta
    for start in (np.full(6, 1.0), np.array([100.0, -100, 50, 0, 0, 30]), expected):
        given = start.copy()
        assert_allclose(minimise(problem, start).theta, expected, rtol=0, atol=1e-9)
        assert_array_equal(start, given)
    assert minimise(problem, expected).steps == 0


def test_columns_in_the_thousands_without_damping() -> None:
    """Log-odds of the first full step are in the hundreds: nothing overflows on the way to the minimiser."""
    case = random_case(13, C=1e4)
    x = case.x * np.array([1e3, 1.0, 1e-2, 1e3, 1.0])
    problem = Problem(DenseDesign(x), encode(case.y, 40, who="test"), np.ones(40), 1e-4)
    result, expected = minimise(problem, np.zeros(6)), DenseProblem.of(x, case.y, 1e4).fit()
    assert result.converged
    assert_allclose(result.theta * [1e3, 1, 1e-2, 1e3, 1, 1], expected * [1e3, 1, 1e-2, 1e3, 1, 1], rtol=1e-6)


def test_a_step_halves_the_gradient_or_lowers_the_objective() -> None:
    problem, dense = problem_and_dense(14, 100.0)
    point = Iterate.at(problem, np.array([8.0, -8, 8, -8, 8, 0]), problem.eta(np.array([8.0, -8, 8, -8, 8, 0])))
    shortened, by_objective = [], []
    for _ in range(20):
        made = preconditioner_of(problem.hessian(point.eta))
        stepped = newton_step(problem, point, rtol=1e-3, preconditioner=made)
        if stepped is None:
            break
        assert_allclose(stepped.gradient, dense.gradient(stepped.theta), rtol=0, atol=1e-10 * problem.gradient_scale)
        assert stepped.decrement == norm_in(made, stepped.gradient)
        if stepped.decrement > 0.5 * norm_in(made, point.gradient):
            assert dense.objective(stepped.theta) <= dense.objective(point.theta) * (1 + 1e-14)
            by_objective.append(stepped)
        shortened.append(stepped.length < 1)
        point = stepped
    assert any(shortened), "the start was to force the line search to shorten a step"
    assert 0 < len(by_objective) < len(shortened), "some steps were to be taken for the gradient's sake alone"
    assert np.linalg.norm(point.gradient) < 1e-8


@pytest.mark.parametrize("seed", [184, 187])
def test_a_smaller_gradient_far_away_is_no_progress(seed: int) -> None:
    """Where rows are saturated the gradient says little; the objective tells that the minimiser was left behind."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(6, 2)), rng.integers(0, 2, 6)
    y[:2] = 0, 1
    problem = Problem(DenseDesign(x), encode(y, 6, who="test"), np.ones(6), 0.01)
    start = 10.0 * rng.normal(size=3)
    point, made = Iterate.at(problem, start, problem.eta(start)), preconditioner_of(problem.hessian(np.zeros(6)))
    before, steps = problem.objective(point.theta, point.eta), 0
    while np.linalg.norm(point.gradient) > 1e-9 and steps < 30:
        point, steps = newton_step(problem, point, rtol=1e-3, preconditioner=made), steps + 1
        assert problem.objective(point.theta, point.eta) < before + 1e-12
        before = problem.objective(point.theta, point.eta)
    assert steps < 30


@pytest.mark.parametrize("has_intercept", [True, False])
def test_a_change_of_units_changes_nothing(has_intercept: bool) -> None:
    """Steps, products and log-odds are the same where columns, and their penalties, are in other units."""
    case, results = random_case(17, n=80), []
    for units in (np.ones(5), 2.0 ** np.array([50, -40, 0, 20, 3])):
        x, y = DenseDesign(case.x / units), encode(case.y, 80, who="test")
        problem = Problem(x, y, np.ones(80), 0.1, has_intercept)
        vars(problem)["penalty"] = np.append(0.1 / units**2, 0.0)[: problem.n_params]
        results.append(minimise(problem, np.zeros(problem.n_params)))
    plain, scaled = results
    assert plain.converged
    assert (scaled.steps, scaled.products) == (plain.steps, plain.products)
    assert_allclose(scaled.eta, plain.eta, rtol=0, atol=1e-12)
    assert_allclose(scaled.decrement, plain.decrement, rtol=0, atol=1e-12)


def test_a_minimiser_is_told_by_its_decrement_and_not_by_its_gradient() -> None:
    """Timestamps beside ages: what is left of a gradient was small beside what timestamps make of one elsewhere."""
    rng = np.random.default_rng(3)
    age, when = rng.normal(50, 15, 200), 1.6e18 + 6e16 * rng.uniform(size=200)
    y = encode((age + rng.normal(0, 9, 200) > 50) * 1, 200, who="test")
    alone = minimise(Problem(DenseDesign(when[:, None]), y, np.ones(200), 1.0), np.zeros(2))
    problem = Problem(DenseDesign(np.column_stack([when, age])), y, np.ones(200), 1.0)
    start = np.array([alone.theta[0], 0.0, alone.theta[1]])
    left = np.linalg.norm(problem.gradient(start, problem.dloss(problem.eta(start))))
    assert left < 1e-10 * problem.gradient_scale
    result = minimise(problem, start)
    assert result.converged
    assert result.decrement < 1e-10
    expected = exact_log_odds(problem.design.to_dense(), y.codes, 1.0, None, True, problem.design.to_dense())
    assert_allclose(result.eta, expected, rtol=0, atol=1e-8)
    assert minimise(problem, result.theta).steps == 0


def exactly(dense: np.ndarray) -> TwoLevel:
    return TwoLevel(Jacobi(np.ones(13)), np.arange(13), np.asfortranarray(np.linalg.inv(dense)))


@pytest.mark.parametrize("make", ["dense", "csr"])
def test_columns_that_are_all_but_constant_are_preconditioned_by_what_is_left(make: str) -> None:
    """Less their mean's, their squares were rounding, or taken for a millionth of a millionth: they hardly moved."""
    rng = np.random.default_rng(5)
    x = np.column_stack([rng.normal(size=300), 1.6e9 + 100.0 * rng.uniform(size=300), np.full(300, 1.7e9)])
    hessian = Hessian(DESIGNS[make](x), rng.uniform(0.05, 0.25, 300), np.append(np.full(3, 1e-6), 0.0), True)
    made, mean = preconditioner_of(hessian), np.average(x.astype(np.longdouble), axis=0, weights=hessian.curvature)
    assert_allclose(made.mean, mean.astype(float), rtol=1e-14)
    left = (hessian.curvature @ (x - mean) ** 2).astype(float)
    assert_allclose(made.columns.diagonal.inverse[:2], 1 / left[:2], rtol=1e-6)
    assert 1 / made.columns.diagonal.inverse[2] > 1e6, "rounding must not move a column that is the same in every row"
    if make == "dense":
        assert_allclose(np.diag(as_matrix(made.columns, 3))[:2], left[:2], rtol=1e-6)


def test_the_step_limit_is_said() -> None:
    problem, _ = problem_and_dense(15, 1.0)
    result = minimise(problem, np.full(6, 5.0), settings=NewtonSettings(max_steps=1))
    assert (result.converged, result.steps) == (False, 1)


def test_a_tolerance_below_rounding_ends_without_convergence_but_at_the_minimiser() -> None:
    problem, dense = problem_and_dense(16, 1.0)
    result = minimise(problem, np.zeros(6), settings=NewtonSettings(rtol=0.0))
    assert not result.converged
    assert_allclose(result.theta, dense.fit(), rtol=0, atol=1e-10)


# --- preconditioners


def counts_system(n: int = 120, p: int = 60, *, has_intercept: bool = True) -> tuple[Hessian, np.ndarray]:
    """A Hessian with a few dense, correlated columns among sparse ones, and the same as a matrix."""
    rng = np.random.default_rng(8)
    x = (rng.uniform(size=(n, p)) < 0.05) * 1.0
    x[:, :12] = rng.normal(size=(n, 1)) + 0.2 * rng.normal(size=(n, 12))  # frequent columns that say the same
    curvature, penalty = rng.uniform(0.01, 0.25, size=n), np.append(np.full(p, 0.01), 0.0)[: p + has_intercept]
    z = np.column_stack([x, np.ones(n)]) if has_intercept else x
    hessian = Hessian(DESIGNS["csr"](x), curvature, penalty, has_intercept)
    return hessian, z.T @ np.diag(curvature) @ z + np.diag(penalty)


def as_matrix(made: Preconditioner, n: int) -> np.ndarray:
    return np.linalg.inv(made.apply(np.eye(n)))


@pytest.mark.parametrize("intercept_l2", [None, 0.0, 0.7])
def test_two_levels_are_the_block_and_the_diagonal_of_centred_columns(intercept_l2: float | None) -> None:
    hessian, dense = counts_system(has_intercept=intercept_l2 is not None)
    centring = np.eye(len(dense))  # takes coefficients of columns to those of columns less their means
    if intercept_l2 is not None:
        hessian.penalty[-1] = intercept_l2
        dense[-1, -1] += intercept_l2
        centring[-1, :-1] = dense[-1, :-1] / dense[-1, -1]
    back = np.linalg.inv(centring)
    centred = back.T @ dense @ back
    made = preconditioner_of(hessian)
    columns = made.columns if isinstance(made, Centred) else made
    assert isinstance(columns, TwoLevel)
    assert 10 < len(columns.block) < 60
    assert set(np.argsort(-np.diag(centred)[:60])[:10]) <= set(columns.block)
    expected = np.diag(np.diag(centred))
    expected[np.ix_(columns.block, columns.block)] = centred[np.ix_(columns.block, columns.block)]
    assert_allclose(as_matrix(made, len(dense)), centring.T @ expected @ centring, atol=1e-9)
    r = np.random.default_rng(0).normal(size=(len(dense), 3))
    given = r.copy()
    assert_allclose(made.apply(r)[:, 1], made.apply(r[:, 1]), rtol=1e-12)
    assert_array_equal(r, given)


@pytest.mark.parametrize("name", ["csr", "dense", "sparse blocks of 3"])
@pytest.mark.parametrize("has_intercept", [True, False])
@pytest.mark.parametrize("kind", ["two levels", "diagonal"])
def test_springs_are_of_the_preconditioner_without_the_row(name: str, has_intercept: bool, kind: str) -> None:
    hessian, dense = counts_system(has_intercept=has_intercept)
    made = preconditioner_of(hessian) if kind == "two levels" else Jacobi.of(hessian)
    x, held = hessian.design.to_dense()[:7], hessian.curvature[:7]
    rows, inverse = DESIGNS[name](x), made.apply(np.eye(len(dense)))
    if kind == "diagonal":
        made = Jacobi(made.inverse[:60])  # columns alone, as `Centred` holds them
        own = np.square(x) * made.inverse
        assert_allclose(made.loo_leverages(rows, held), (own / (1 - held[:, None] * own)).sum(axis=1), rtol=1e-10)
        return
    columns = made.columns if isinstance(made, Centred) else made
    apart = np.setdiff1d(np.arange(60), columns.block)
    z = x - made.mean if isinstance(made, Centred) else x
    own = np.square(z[:, apart]) * columns.diagonal.inverse[apart]
    whole = np.column_stack([x, np.ones(7)]) if has_intercept else x
    together = np.einsum("ij,jk,ik->i", whole, inverse, whole) - own.sum(axis=1)
    alone = np.where(x[:, apart] == 0, own, own / (1 - held[:, None] * own)).sum(axis=1)
    assert_allclose(made.loo_leverages(rows, held), alone + together / (1 - held * together), rtol=1e-9)


def test_centring_takes_out_what_columns_share() -> None:
    """Many rare columns, none of which a block would hold: together they go with the intercept."""
    rng = np.random.default_rng(9)
    x = (rng.uniform(size=(3000, 400)) < 0.2) * 1.0
    hessian = Hessian(DESIGNS["csr"](x), rng.uniform(0.1, 0.25, 3000), np.append(np.ones(400), 0.0), True)
    b = rng.normal(size=401)
    plain = solve(hessian, b, rtol=1e-8, preconditioner=Jacobi.of(hessian))
    centred = solve(hessian, b, rtol=1e-8, preconditioner=preconditioner_of(hessian))
    assert centred.iterations < 0.7 * plain.iterations


def test_a_column_that_is_the_same_in_every_row_is_solved_all_the_same() -> None:
    hessian, _ = counts_system()
    x = np.column_stack([hessian.design.to_dense(), np.full(120, 3.0)])
    same = Hessian(DESIGNS["csr"](x), hessian.curvature, np.append(np.full(61, 0.01), 0.0), True)
    b = np.random.default_rng(3).normal(size=62)
    solved = solve(same, b, rtol=1e-9, preconditioner=preconditioner_of(same))
    assert solved.converged
    assert_allclose(same.matvec(solved.x), b, atol=1e-6)


def test_two_levels_need_fewer_products() -> None:
    hessian, dense = counts_system()
    b = np.random.default_rng(1).normal(size=61)
    plain = solve(hessian, b, rtol=1e-8, preconditioner=Jacobi.of(hessian))
    two = solve(hessian, b, rtol=1e-8, preconditioner=preconditioner_of(hessian))
    assert two.iterations < 0.7 * plain.iterations
    assert_allclose(two.x, np.linalg.solve(dense, b), rtol=0, atol=1e-7 * np.abs(two.x).max())


@pytest.mark.parametrize("name", ["dense", "dense, F order"])
def test_a_block_of_all_columns_solves_at_once(name: str) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 20)) + 5 * rng.normal(size=(200, 1))  # strongly correlated
    hessian = Hessian(DESIGNS[name](x), rng.uniform(size=200), np.append(np.full(20, 1e-3), 0.0), True)
    b = rng.normal(size=21)
    assert solve(hessian, b, rtol=1e-8, preconditioner=preconditioner_of(hessian)).iterations <= 2
    assert solve(hessian, b, rtol=1e-8, preconditioner=Jacobi.of(hessian)).iterations > 10


def test_a_block_from_a_sample_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    hessian, dense = counts_system(2000, 60)
    whole = preconditioner_of(hessian)
    monkeypatch.setattr(base_module, "_SAMPLE", 500)
    sampled, again = (preconditioner_of(counts_system(2000, 60)[0]) for _ in range(2))
    inverses = [made.columns.inverse for made in (sampled, again, whole)]
    assert_array_equal(inverses[0], inverses[1])
    assert not np.array_equal(inverses[0], inverses[2])
    b = np.random.default_rng(1).normal(size=61)
    solved = solve(hessian, b, rtol=1e-8, preconditioner=sampled)
    assert_allclose(solved.x, np.linalg.solve(dense, b), rtol=0, atol=1e-7 * np.abs(solved.x).max())
    assert solved.iterations < solve(hessian, b, rtol=1e-8, preconditioner=Jacobi.of(hessian)).iterations


def test_where_no_block_can_be_had_the_diagonal_remains() -> None:
    rng = np.random.default_rng(4)
    same = rng.normal(size=(30, 1)) * np.ones((1, 6))  # columns that are equal, and nothing to tell them apart
    flat = Hessian(DESIGNS["csr"](same), np.ones(30), np.zeros(7), True)
    assert isinstance(preconditioner_of(flat).columns, Jacobi)
    saturated = Hessian(DESIGNS["csr"](same), np.zeros(30), np.append(np.ones(6), 0.0), True)
    assert np.isfinite(preconditioner_of(saturated).apply(np.ones(7))).all()


def test_designs_elsewhere_have_a_block_too() -> None:
    hessian, dense = counts_system()
    x = DESIGNS["sparse blocks of 3"](hessian.design.to_dense())
    elsewhere = Hessian(x, hessian.curvature, hessian.penalty, True)
    made, b = preconditioner_of(elsewhere), np.random.default_rng(1).normal(size=61)
    assert isinstance(made.columns, TwoLevel)
    assert_allclose(
        as_matrix(made, 61)[np.ix_(made.columns.block, made.columns.block)],
        dense[np.ix_(made.columns.block, made.columns.block)],
        atol=1e-9,
    )
    assert solve(elsewhere, b, rtol=1e-8, preconditioner=made).converged


@pytest.mark.parametrize("has_intercept", [True, False])
@pytest.mark.parametrize("excluded", [[], [0]])
def test_a_step_taken_by_a_bound_is_the_one_measured(
    excluded: list[int], has_intercept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no product with X' to see, by a bound that holds, that the step succeeds, nor to go along a factor."""
    pulled: list[int] = []
    rmatvec = base_module.Design.rmatvec
    monkeypatch.setattr(DenseDesign, "rmatvec", lambda design, u: (pulled.append(len(u)), rmatvec(design, u))[1])
    rows, rng = np.array(excluded, dtype=np.int64), np.random.default_rng(4)
    for away in (0.1, 0.01):
        x, y = rng.normal(size=(60, 5)), rng.integers(0, 2, 60)
        x[0] *= 10.0  # moves farther than others
        problem = Problem(DenseDesign(x), encode(y, 60, who="test"), np.ones(60), 1.0, has_intercept)
        start = minimise(problem, np.zeros(problem.n_params)).theta + away * rng.normal(size=problem.n_params)
        point, made = Iterate.at(problem, start), Jacobi.of(problem.hessian(problem.eta(start)))
        measured = newton_step(problem, point, rtol=0.1, preconditioner=made)
        pulled.clear()
        taken = newton_step(problem, point, rtol=0.1, preconditioner=made, excluded_rows=rows)
        assert 60 not in pulled
        assert_allclose(taken.theta, measured.theta, rtol=0, atol=1e-14)
        assert_allclose(taken.eta, measured.eta, rtol=0, atol=1e-13)
        assert_allclose(taken.far, np.delete(np.abs(taken.eta - point.eta), rows).max(), rtol=1e-9)
        factor = rng.normal(size=problem.n_params)
        assert_allclose(taken.along(problem, factor, problem.eta(factor)), factor @ measured.gradient, rtol=1e-7)
        assert 60 not in pulled
        beyond = problem.dloss(taken.eta) - problem.dloss(point.eta)
        beyond -= problem.d2loss(point.eta) * (taken.eta - point.eta)
        beyond[rows] = 0.0
        by_many = problem.extended_rmatvec(beyond)
        inverse = np.linalg.inv(DenseProblem.of(x, y, 1.0, fit_intercept=has_intercept).hessian(taken.theta))
        least = norm_in(made, measured.gradient - by_many) + np.sqrt(by_many @ inverse @ by_many)
        assert least < taken.decrement < 3 * least
        assert_allclose(taken.gradient_in(problem), measured.gradient, rtol=0, atol=1e-12)
        assert_allclose(taken.along(problem, factor, np.empty(0)), factor @ measured.gradient, rtol=1e-9)


def test_a_step_that_no_bound_vouches_for_is_measured() -> None:
    problem, _ = problem_and_dense(14, 100.0)
    start = np.array([8.0, -8, 8, -8, 8, 0])
    point, made = Iterate.at(problem, start), preconditioner_of(problem.hessian(problem.eta(start)))
    found = [
        newton_step(problem, point, rtol=1e-3, preconditioner=made, excluded_rows=excluded)
        for excluded in (None, np.empty(0, dtype=np.int64))
    ]
    assert found[1].gradient is not None
    assert_array_equal(found[0].theta, found[1].theta)
    assert found[0].far == found[1].far


@pytest.mark.parametrize("width", [2, 32])
def test_many_go_on_from_what_is_known(width: int) -> None:
    """A solution takes one product, its residual's; what is nearly one takes fewer than nothing does."""
    hessian, dense = system()
    b = np.random.default_rng(2).normal(size=(13, 3))
    b[:, 1] = 0.0
    preconditioner = Jacobi.of(hessian)
    exact = np.linalg.solve(dense, b)
    groups = -(-3 // width)

    def products(start: np.ndarray | None) -> int:
        given = None if start is None else start.copy()
        solved = solve_many(hessian, b, start=start, rtol=1e-6, preconditioner=preconditioner, width=width)
        assert solved.converged
        assert solved.residual <= 1e-6
        assert_allclose(solved.x, exact, rtol=0, atol=1e-5 * np.abs(exact).max())
        assert_array_equal(solved.x[:, 1], 0.0)
        if start is not None:
            assert_array_equal(start, given)
        return solved.iterations

    assert products(exact) == groups
    assert products(exact + 1e-4) < products(None)

"""Losses of one row: slopes and curvatures by differences, where rows come to rest, minimisers by SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from class_problems import Array
from numpy.testing import assert_allclose
from oracles import random_case
from scipy.optimize import brentq, minimize

from relabel_widget.design import as_design
from relabel_widget.fits import minimiser
from relabel_widget.problem import (
    LOGISTIC,
    MODIFIED_HUBER,
    RIDGE,
    SQUARED_HINGE,
    Loss,
    OneVsRestProblem,
    Problem,
    encode,
)

LOSSES = {"logistic": LOGISTIC, "ridge": RIDGE, "squared hinge": SQUARED_HINGE, "modified Huber": MODIFIED_HUBER}
each_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def textbook(name: str, t: Array) -> Array:
    """The losses as they are written down."""
    return {
        "logistic": lambda: np.log1p(np.exp(-t)),
        "ridge": lambda: (1 - t) ** 2,
        "squared hinge": lambda: np.maximum(0, 1 - t) ** 2,
        "modified Huber": lambda: np.where(t >= -1, np.maximum(0, 1 - t) ** 2, -4 * t),
    }[name]()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_textbooks(name: str) -> None:
    eta, one = np.linspace(-5, 5, 101), np.ones(1)
    for sign in (-1.0, 1.0):
        found = [LOSSES[name].total(eta[i : i + 1], sign * one, 2 * one) for i in range(101)]
        assert_allclose(found, 2 * textbook(name, sign * eta), atol=1e-12)


@each_loss
def test_slopes_and_curvatures_are_differences(loss: Loss) -> None:
    rng, h = np.random.default_rng(0), 1e-6
    eta, weights = rng.normal(0, 3, 200), rng.uniform(0.5, 2, 200)
    signs = np.where(rng.random(200) < 0.5, -1.0, 1.0)
    eta = eta[np.abs(np.abs(eta) - 1) > 1e-3][:150]
    weights, signs = weights[:150], signs[:150]
    one = np.ones(1)
    up, down = (
        [
            loss.total(each + step * one, sign * one, weight * one)
            for each, sign, weight in zip(eta, signs, weights, strict=True)
        ]
        for step in (h, -h)
    )
    assert_allclose((np.array(up) - down) / (2 * h), loss.slopes(eta, signs, weights), atol=1e-6)
    turned = loss.slopes(eta + h, signs, weights) - loss.slopes(eta - h, signs, weights)
    assert_allclose(turned / (2 * h), loss.bends(eta, weights, signs), atol=1e-6)
    assert (np.abs(loss.slopes(eta, signs, weights)) <= loss.steepest * weights).all()


@each_loss
def test_what_relabelling_adds(loss: Loss) -> None:
    """A tilt, where the loss says so."""
    eta, ones = np.linspace(-4, 4, 50), np.ones(50)
    added = loss.slopes(eta, -ones, ones) - loss.slopes(eta, ones, ones)
    if loss.tilt is None:
        assert np.ptp(added) > 1
    else:
        assert_allclose(added, loss.tilt, atol=1e-12)


@each_loss
def test_a_row_comes_to_rest_where_its_forces_balance(loss: Loss) -> None:
    rng = np.random.default_rng(1)
    eta, weights, leverage = rng.normal(0, 2, 60), rng.uniform(0.1, 2, 60), 10.0 ** rng.uniform(-2, 2, 60)
    signs = np.where(rng.random(60) < 0.5, -1.0, 1.0)
    weights[:5] = 0.0  # left out
    now = loss.slopes(eta, -signs, np.full(60, 0.7))
    force = loss.slopes(eta, signs, weights) - now
    moved = -loss.shares(eta, signs, weights, now, leverage) * leverage * force
    for i in range(60):

        def balance(x: float, i: int = i) -> float:
            slope = loss.slopes(eta[[i]] + x, signs[[i]], weights[[i]])[0]
            return float(x / leverage[i] + slope - now[i])

        assert_allclose(moved[i], brentq(balance, -1e4, 1e4, xtol=1e-12), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("intercept_l2", [0.0, 0.4])
def test_the_minimiser_is_scipys(name: str, intercept_l2: float) -> None:
    case = random_case(5, n=50)
    x, labels = case.x, encode(case.y, 50, who="test")
    weights = np.random.default_rng(2).uniform(0.5, 2, 50)
    problem = Problem(as_design(x, who="test"), labels, weights, 0.7, intercept_l2=intercept_l2, row_loss=LOSSES[name])
    fit = minimiser(problem, np.zeros(x.shape[1] + 1), None, None, None)
    signs = 2.0 * case.y - 1.0

    def objective(theta: Array) -> Any:
        losses = weights @ textbook(name, signs * (x @ theta[:-1] + theta[-1]))
        return losses + 0.35 * theta[:-1] @ theta[:-1] + 0.5 * intercept_l2 * theta[-1] ** 2

    best = minimize(objective, fit.theta + 0.1, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    assert objective(fit.theta) <= best.fun + 1e-12
    assert_allclose(fit.theta, best.x, atol=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_one_class_against_the_rest_is_each_class_by_itself(name: str) -> None:
    case = random_case(6, n=60)
    y = np.digitize(case.x[:, 0], [-0.5, 0.5])
    design, weights = as_design(case.x, who="test"), np.random.default_rng(3).uniform(0.5, 2, 60)
    labels = encode(y, 60, who="test", several=True)
    several = OneVsRestProblem(design, labels, weights, 0.7, row_loss=LOSSES[name])
    fit = minimiser(several, np.zeros(several.n_params), None, None, None)
    for k in range(3):
        alone = Problem(design, encode(y == k, 60, who="test"), weights, 0.7, row_loss=LOSSES[name])
        expected = minimiser(alone, np.zeros(alone.n_params), None, None, None)
        assert_allclose(fit.coef[k], expected.coef, atol=1e-7)
        assert_allclose(fit.intercept[k], expected.intercept, atol=1e-7)
    v = np.random.default_rng(4).normal(size=(several.n_params, 2))
    hessian, h = fit.hessian, 1e-6
    slopes = [
        several.gradient(fit.theta + s * h * v[:, 0], several.dloss(several.eta(fit.theta + s * h * v[:, 0])))
        for s in (1, -1)
    ]
    assert_allclose((slopes[0] - slopes[1]) / (2 * h), hessian.matvec(v[:, 0]), rtol=1e-4, atol=1e-4)
    assert_allclose(hessian.matmat(v), np.column_stack([hessian.matvec(v[:, 0]), hessian.matvec(v[:, 1])]), rtol=1e-12)
    assert_allclose(
        hessian.diagonal(), [hessian.matvec(e)[i] for i, e in enumerate(np.eye(several.n_params))], rtol=1e-12
    )

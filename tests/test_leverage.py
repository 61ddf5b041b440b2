"""`leverage`: the estimate against a dense inverse, with the error it states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from oracles import DESIGNS, random_case, sigmoid

import relabel_widget as rw
from relabel_widget.evidence import leverages


def dense_leverages(case: Any) -> np.ndarray:
    dense = case.dense
    theta = dense.fit()
    p = sigmoid(dense.z @ theta)
    inverse = np.linalg.inv(dense.hessian(theta))
    return dense.weights * p * (1 - p) * np.einsum("ij,jk,ik->i", dense.z, inverse, dense.z)


@pytest.mark.parametrize("kind", [{}, {"weighted": True}, {"fit_intercept": False}, {"sparsity": 0.5}], ids=str)
@pytest.mark.parametrize("probes", [16, 256])
def test_the_stated_error(kind: dict[str, Any], probes: int) -> None:
    case = random_case(300, n=60, **kind)
    fit = rw.fit(case.x, case.y, case.C, case.weights, case.fit_intercept)
    exact = dense_leverages(case)
    estimates = np.array([leverages(fit, probes=probes, seed=seed) for seed in range(60)])
    errors = (estimates / exact - 1).ravel()
    stated = np.sqrt(2 / probes)
    assert abs(errors.mean()) < 0.1 * stated + 0.002
    assert 0.85 * stated < np.sqrt(np.mean(errors**2)) < 1.1 * stated


@pytest.mark.parametrize("design", DESIGNS)
def test_same_in_every_storage_and_for_the_same_seed(design: str) -> None:
    case = random_case(301, sparsity=0.5)
    here, there = rw.fit(case.x, case.y, 1.0), rw.fit(DESIGNS[design](case.x), case.y, 1.0)
    np.testing.assert_allclose(leverages(there), leverages(here), rtol=1e-2)
    assert_array_equal(leverages(here), leverages(here))
    assert (leverages(here) != leverages(here, seed=1)).all()


def test_never_one_or_more() -> None:
    """With a tiny penalty and as many columns as rows each row holds itself, and an estimate may exceed 1."""
    rng = np.random.default_rng(2)
    y = np.arange(20) % 2
    estimate = leverages(rw.fit(np.eye(20) + 0.1 * rng.normal(size=(20, 20)), y, 1e3), probes=4)
    assert estimate.max() == 0.99
    assert estimate.min() >= 0


def test_a_row_without_weight_holds_nothing() -> None:
    case = random_case(302)
    weights = np.ones(40)
    weights[7] = 0
    held = leverages(rw.fit(case.x, case.y, 1.0, weights))
    assert held[7] == 0
    assert (np.delete(held, 7) > 0).all()


def test_unsolvable_systems_say_so() -> None:
    from dataclasses import replace
    from unittest.mock import patch

    from relabel_widget.evidence import leverage

    case = random_case(303)
    fit = rw.fit(case.x, case.y, 1.0)
    limited = lambda *args, **settings: replace(original(*args, **settings), converged=False)  # noqa: E731
    original = leverage.solve_many
    with patch.object(leverage, "solve_many", limited), pytest.raises(ArithmeticError, match="leverages: conjugate"):
        leverages(fit)

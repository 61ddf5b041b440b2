"""The Hessian as an operator against the dense matrix, on every design."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import DESIGNS, small_integers

from relabel_widget.problem import Hessian


@pytest.mark.parametrize("has_intercept", [True, False])
@pytest.mark.parametrize("make", DESIGNS.values(), ids=DESIGNS)
def test_products_and_diagonal(make: Any, has_intercept: bool) -> None:
    x, rng = small_integers(23, 6, 0), np.random.default_rng(0)
    curvature, penalty = rng.uniform(size=23), rng.uniform(size=6 + has_intercept)
    z = np.column_stack([x, np.ones(23)]) if has_intercept else x
    dense = z.T @ np.diag(curvature) @ z + np.diag(penalty)
    hessian = Hessian(make(x), curvature, penalty, has_intercept)
    many = rng.normal(size=(len(penalty), 4))
    assert_allclose(hessian.matmat(many), dense @ many, rtol=1e-12, atol=1e-12)
    assert_allclose(hessian.matvec(many[:, 2]), dense @ many[:, 2], rtol=1e-12, atol=1e-12)
    assert_allclose(hessian.diagonal(), np.diag(dense), rtol=1e-12)
    u, v = many[:, 0], many[:, 1]
    assert_allclose(u @ hessian.matvec(v), hessian.matvec(u) @ v, rtol=1e-12)


def test_an_unpenalised_intercept_is_a_column_of_ones() -> None:
    x, rng = small_integers(15, 4, 1), np.random.default_rng(1)
    curvature, v = rng.uniform(size=15), rng.normal(size=5)
    penalty = np.array([0.3, 0.3, 0.3, 0.3, 0.0])
    ones = np.column_stack([x, np.ones(15)])
    flagged = Hessian(DESIGNS["csr"](x), curvature, penalty, True)
    spelled_out = Hessian(DESIGNS["csr"](ones), curvature, penalty, False)
    assert_allclose(flagged.matvec(v), spelled_out.matvec(v), rtol=1e-12)
    assert_allclose(flagged.diagonal(), spelled_out.diagonal(), rtol=1e-12)


def test_products_edit_nothing() -> None:
    x = small_integers(15, 4, 2)
    hessian = Hessian(DESIGNS["dense"](x), np.ones(15), np.ones(5), True)
    v, many = np.arange(5.0), np.ones((5, 2))
    hessian.matvec(v)
    hessian.matmat(many)
    assert v.tolist() == [0, 1, 2, 3, 4]
    assert (many == 1).all()
    assert (hessian.penalty == 1).all()


@pytest.mark.parametrize("has_intercept", [True, False])
def test_the_bound_on_what_is_pulled_back(has_intercept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never less than the norm in that of the inverse; the norm itself where u is a curvature's own image."""
    monkeypatch.setattr("relabel_widget.problem.hessian.PIECE", 16)
    rng = np.random.default_rng(8)
    for seed in range(20):
        x = small_integers(40, 6, seed)
        z = np.column_stack([x, np.ones(40)]) if has_intercept else x
        curvature, penalty = 10.0 ** rng.uniform(-4, 0, 40), np.full(z.shape[1], 1e-9)
        hessian = Hessian(DESIGNS["csr"](x), curvature, penalty, has_intercept)
        inverse = np.linalg.inv(z.T @ np.diag(curvature) @ z + np.diag(penalty))
        for u in (rng.normal(size=40), curvature * rng.normal(size=40)):
            for apart in (np.empty(0, dtype=int), np.array([0, 7, 39])):
                bound, own = hessian.bound(apart, np.add, u, u)
                assert_array_equal(own, 2 * u[apart])
                pulled = z.T @ np.where(np.isin(np.arange(40), apart), 0.0, 2 * u)
                assert np.sqrt(pulled @ inverse @ pulled) <= bound * (1 + 1e-9)
        pulled = z.T @ (u := curvature * (z @ rng.normal(size=z.shape[1])))
        bound, _ = hessian.bound(np.empty(0, dtype=int), np.positive, u)
        assert_allclose(bound, np.sqrt(pulled @ inverse @ pulled), rtol=1e-5)


@pytest.mark.filterwarnings("error")
def test_no_bound_where_a_row_pulls_that_holds_nothing() -> None:
    hessian = Hessian(DESIGNS["csr"](small_integers(3, 2, 0)), np.array([0.0, 0.0, 4.0]), np.ones(3), True)
    for u, rows, least, most in (
        ([0.0, 0.0, 3.0], [], 1.5, 1.5),
        ([0.0, 1.0, 3.0], [], 1e100, np.inf),
        ([0.0, 1.0, 3.0], [1], 1.5, 1.5),
    ):
        assert least <= hessian.bound(np.array(rows, dtype=int), np.positive, np.array(u))[0] <= most

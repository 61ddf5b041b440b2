"""What the remainder bound is made of, against dense refits and sums: boxes, gains, tables, ranges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bound_cases import (
    all_sets,
    bound_of,
    case_of,
    every_edit,
    every_kind,
    fit_of,
    queries_of,
    refits,
    seen_by,
    unedited,
)
from numpy.testing import assert_allclose
from oracles import DESIGNS, sigmoid

import relabel_widget as rw
from relabel_widget.bound import (
    remainder_bound,
)
from relabel_widget.bound.couplings import make_couplings
from relabel_widget.bound.gains import _pairs, _quadratic, largest_gain
from relabel_widget.bound.kernel import Kernel, make_kernel
from relabel_widget.bound.pointwise import Pointwise
from relabel_widget.bound.top import TopColumns


@every_edit
@pytest.mark.parametrize(
    ("kind", "C", "size"),
    [
        ("sparse", 0.1, 2),
        ("sparse, weighted", 0.03, 2),
        ("dense", 0.01, 2),
        ("sparse, no intercept", 0.1, 2),
        ("dense", 0.1, 1),
    ],
)
def test_boxes_hold_every_refit(kind: str, C: float, size: int, edit: str) -> None:
    """Displacements, forces and cross effects of all sets, by dense refits, against the boxes."""
    n, case, bound = 40, case_of(kind, 40, C), bound_of(kind, 40, C, edit)
    problem, boxes = case.dense, bound._sizes(None)._at(size)
    assert boxes is not None
    sets, z, theta = all_sets(n, size), problem.z, unedited(problem)
    eta, p, sign = z @ theta, sigmoid(z @ theta), 2 * problem.y - 1
    K = z @ np.linalg.solve(problem.hessian(theta), z.T)
    moved = refits(problem, sets, edit) @ z.T - eta
    curvature = problem.weights * p * (1 - p)
    e = problem.weights * (sigmoid(eta + moved) - p) - curvature * moved
    edited = np.zeros((len(sets), n), dtype=bool)
    edited[np.arange(len(sets))[:, None], sets] = True
    beta = problem.weights * sign + e if edit == "relabel" else problem.weights * (problem.y - p) - curvature * moved
    outside = np.where(edited, 0.0, e)
    cross = outside @ K - outside * np.diag(K)
    assert (np.where(edited, 0.0, moved) <= boxes.kept[1]).all()
    assert (np.where(edited, 0.0, moved) >= boxes.kept[0]).all()
    assert (np.where(edited, sign * beta, boxes.push[1]) <= boxes.push[1] + 1e-9).all()
    assert (np.where(edited, sign * beta, boxes.push[0]) >= boxes.push[0] - 1e-9).all()
    assert (np.abs(cross) <= boxes.cross).all()
    total = np.abs(np.where(edited, beta, e)) @ np.sqrt(np.diag(K))
    assert total.max() <= boxes.moved * (1 + 1e-6)
    # and the boxes are not much larger than what fills them
    assert np.median(np.abs(cross).max(axis=0) / boxes.cross) > 0.2
    assert np.median(np.abs(np.where(edited, 0.0, moved)).max(axis=0) / boxes.kept[1]) > 0.6


@every_edit
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("stretch", [1.0, 30.0])
def test_gain_covers_all_that_boxes_allow(size: int, edit: str, stretch: float) -> None:
    """Any forces and cross effects within the boxes, their worst second order included, gain no more than proven.

    Cross effects are small beside the edited rows' own; stretched, they matter as well.
    """
    case, bound = case_of("sparse", 40, 0.1), bound_of("sparse", 40, 0.1, edit)
    sizes, rng = bound._sizes(None), np.random.default_rng(9)
    boxes, rows = sizes._at(size), sizes.closure.rows
    assert boxes is not None
    boxes = replace(boxes, cross=stretch * boxes.cross, contraction=boxes.contraction / stretch**0.2)
    inside = boxes.kept[0] + np.linspace(0, 1, 301)[:, None] * (boxes.kept[1] - boxes.kept[0])
    inside = np.where(np.abs(inside) < 1e-4, np.nan, inside)
    for query in queries_of(case, 3):
        seen = seen_by(bound, query)
        proven, attained = largest_gain(sizes.closure, boxes, seen), 0.0
        worst = np.nanmax(-seen.pull * rows.remainder(inside) / inside**2, axis=0).clip(0) / boxes.contraction**2
        ends = -rows.signs * seen.pull * np.array(boxes.push)
        force, best = rows.signs * boxes.push[1], np.argsort(-ends.max(axis=0))[: size + 4]
        for _ in range(60):
            chosen, beta = rng.choice(best, size, replace=False), np.zeros(40)
            beta[chosen] = force[chosen]
            shaken = np.abs(bound.kernel.cross.astype(float) @ beta) + boxes.cross
            shaken[chosen] = 0.0
            attained = max(attained, float(-seen.pull @ beta + worst @ shaken**2))
        assert 0 < attained <= proven
        assert proven < 1.25 * attained or stretch > 1.0


@every_edit
@pytest.mark.parametrize(("kind", "size"), [("sparse", 1), ("sparse", 3), ("dense", 1), ("sparse, no intercept", 2)])
def test_shares_cover_the_quadratic_form(kind: str, size: int, edit: str) -> None:
    """``beta' W beta`` of any forces in the boxes against the sum of the edited rows' shares."""
    bound, rng = bound_of(kind, 40, 0.1, edit), np.random.default_rng(10)
    closure, boxes = bound._sizes(None).closure, bound._sizes(None)._at(size)
    assert boxes is not None
    K, closest = closure.kernel.cross.astype(float), np.inf
    for _ in range(20):
        weight = rng.exponential(size=40) * (rng.uniform(size=40) < 0.2)
        shares = _quadratic(closure, boxes, np.zeros(40), weight)
        for chosen in all_sets(40, size)[rng.choice(len(all_sets(40, size)), 40)]:
            beta = np.zeros(40)
            beta[chosen] = (closure.rows.signs * np.array(boxes.push)[rng.integers(2), np.arange(40)])[chosen]
            form = float(weight @ (K @ beta) ** 2)
            assert form <= shares[chosen].sum() * (1 + 1e-5)
            closest = min(closest, shares[chosen].sum() / form)
    assert closest < 1.5
    force, norms, best = np.abs(boxes.push).max(axis=0), np.zeros(40), np.arange(0, 40, 3)
    W = (K * weight) @ K
    for push in boxes.push:
        beta = (closure.rows.signs * push)[best]
        form = np.outer(beta, beta) * (W - np.diag(np.diag(W)))[np.ix_(best, best)]
        assert (form <= _pairs(closure, boxes, weight, best, force, norms) + 1e-12).all()


@pytest.mark.parametrize("allowed", [np.arange(40), np.arange(2, 40, 3)], ids=["all", "some"])
def test_couplings_are_the_dense_ones(allowed: np.ndarray) -> None:
    """The tables of all orders, by dense sums over what they are defined as; every entry is kept for 40 rows."""
    kernel = bound_of("sparse, weighted", 40, 0.1, "relabel").kernel
    rows, reference = bound_of("sparse, weighted", 40, 0.1, "relabel")._sizes(None).closure.rows, np.zeros(40)
    reference[allowed] = 1.0
    tables = make_couplings(kernel, rows, allowed, reference)
    K, signs = kernel.cross.astype(float), rows.signs
    T = np.einsum("jl,l,li->ji", np.abs(K), tables.bend, K**2)
    U = np.einsum("jl,l,li->ji", np.abs(K), tables.bend, np.where(np.eye(40) > 0, 0.0, T) ** 2) ** 0.25
    forward = K * signs[:, None] * signs
    for table, dense in (
        (tables.first, np.abs(K)),
        (tables.same, np.maximum(forward, 0)),
        (tables.opposite, np.maximum(-forward, 0)),
        (tables.second, np.sqrt(T)),
        (tables.third, U),
    ):
        found = np.zeros((40, 40))
        np.put_along_axis(found, table.columns.astype(int), table.values.astype(float), axis=1)
        assert_allclose(found[:, allowed], dense[:, allowed], rtol=1e-4, atol=1e-9)
        assert (found[:, allowed] >= dense[:, allowed] * (1 - 1e-6)).all()


@every_kind
def test_kernel_is_the_dense_one(kind: str) -> None:
    case, fit = case_of(kind, 40, 0.5), fit_of(kind, 40, 0.5)
    z, theta = case.dense.z, case.dense.fit()
    expected = z @ np.linalg.solve(case.dense.hessian(theta), z.T)
    kernel = make_kernel(fit)
    scale = np.sqrt(np.outer(kernel.own, kernel.own))
    assert_allclose(kernel.own, np.diag(expected), rtol=1e-8)
    assert (np.abs(kernel.cross + np.diag(kernel.own) - expected) <= 1e-6 * scale).all()
    norm = np.linalg.norm(np.linalg.inv(case.dense.hessian(theta)), 2)
    assert norm <= kernel.inverse_norm <= 50 * norm


@pytest.mark.parametrize("make", DESIGNS.values(), ids=DESIGNS)
def test_every_design(make: Any) -> None:
    case = case_of("sparse", 40, 0.1)
    fit = rw.fit(make(case.x), case.y, 0.1)
    queries = queries_of(case, 3)
    assert (
        remainder_bound(fit).lower_bounds(queries) == bound_of("sparse", 40, 0.1, "relabel").lower_bounds(queries)
    ).all()


def test_ranges_on_a_fine_grid() -> None:
    """Every range holds each of many values inside the interval, and is met by one of them."""
    rng = np.random.default_rng(3)
    n, grid = 400, np.linspace(0, 1, 2001)[:, None]
    eta, weights = rng.normal(size=n) * 3, rng.uniform(0.1, 3.0, n)
    eta[:4] = [0.0, 40.0, -800.0, 1.3]
    p = sigmoid(eta)
    rows = Pointwise(eta, weights, np.ones(n), weights * p * (1 - p))
    box = (
        -rng.exponential(size=n) * rng.choice([1e-6, 0.1, 4.0], n),
        rng.exponential(size=n) * rng.choice([1e-6, 1.0, 4.0], n),
    )
    x = box[0] + grid * (box[1] - box[0])
    e = weights * (sigmoid(eta + x) - p) - rows.curvature * x
    least, most = rows.remainder_range(box)
    assert (least <= e.min(axis=0) + 1e-12).all()
    assert (most >= e.max(axis=0) - 1e-12).all()
    assert_allclose(least, e.min(axis=0), atol=1e-4)
    assert_allclose(most, e.max(axis=0), atol=1e-4)
    below, above = rows.bends(box)
    assert (-below * x**2 - 1e-12 <= e).all()
    assert (e <= above * x**2 + 1e-12).all()
    with np.errstate(invalid="ignore", divide="ignore"):
        secant = np.where(np.abs(x) > 1e-3, (e + rows.curvature * x) / x, np.inf).min(axis=0)
    slope = rows.least_slope(box)
    assert (slope <= np.minimum(secant, rows.curvature) + 1e-9).all()
    assert_allclose(slope, np.minimum(secant, rows.curvature), atol=2e-3)


def test_displacement_solves_its_equation() -> None:
    rng = np.random.default_rng(4)
    eta, weights, force = rng.normal(size=300) * 2, rng.uniform(0.1, 2.0, 300), rng.normal(size=300) * 2
    curvature = weights * sigmoid(eta) * (1 - sigmoid(eta))
    leverage = rng.uniform(0, 0.95, 300) / curvature
    rows = Pointwise(eta, weights, np.ones(300), curvature)
    low, high = rows.displacement(leverage, force)
    assert (low + leverage * rows.remainder(low) <= force).all()
    assert (high + leverage * rows.remainder(high) >= force).all()
    assert (high - low < 1e-6).all()


@pytest.mark.parametrize("kept", [3, 10, 64])
def test_sums_of_the_largest(kept: int) -> None:
    rng = np.random.default_rng(6)
    table, allowed = (
        rng.exponential(size=(7, 20)).astype(np.float32),
        np.array([0, 1, 2, 5, 6, 7, 8, 11, 12, 13, 17, 19]),
    )
    reference, scale = np.zeros(20), rng.uniform(0.5, 2.0, 20)
    reference[allowed] = 1.0
    top = TopColumns.of(iter([table[:3][:, allowed], table[3:][:, allowed]]), allowed, reference, kept)
    for size in range(15):
        exact = np.sort(table[:, allowed] * scale[allowed], axis=1)[:, ::-1][:, :size].sum(axis=1)
        found = top.largest(size, scale)
        assert (found >= exact).all()
        if kept >= 12:
            assert_allclose(found, exact, rtol=1e-5)


def test_float32_products_are_rounded_outwards() -> None:
    rng = np.random.default_rng(7)
    half = rng.normal(size=(300, 300)) * 10.0 ** rng.uniform(-6, 6, size=(300, 1))
    cross = (half + half.T).astype(np.float32)
    kernel, v = Kernel(cross, np.ones(300), 1.0), 10.0 ** rng.uniform(-30, 0, size=300)
    wide = cross.astype(np.float64)
    for found, exact in ((kernel.absolute_product(v), np.abs(wide) @ v), (kernel.square_product(v), wide**2 @ v)):
        assert (found >= exact).all()
        assert_allclose(found, exact, rtol=1e-3)

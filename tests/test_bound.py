"""Lower bounds against enumeration with independent dense refits: never above the truth, and not vacuous."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import DESIGNS, Case, DenseProblem, exhaustive_minimum, random_case, sigmoid
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.bound import (
    BoundCost,
    RemainderBound,
    exhaustive_lower_bound,
    exhaustive_refits,
    remainder_bound,
    remainder_bound_cost,
)
from relabel_widget.bound.couplings import make_couplings
from relabel_widget.bound.gains import Query, _pairs, _quadratic, largest_gain
from relabel_widget.bound.kernel import Kernel, make_kernel
from relabel_widget.bound.pointwise import Pointwise
from relabel_widget.bound.top import TopColumns

EDITS = ("relabel", "remove")
every_edit = pytest.mark.parametrize("edit", EDITS)
KINDS: dict[str, dict[str, Any]] = {
    "dense": {"p": 6},
    "sparse": {"p": 40, "sparsity": 0.8},
    "sparse, weighted": {"p": 40, "sparsity": 0.8, "weighted": True},
    "dense, weighted": {"p": 6, "weighted": True},
    "sparse, no intercept": {"p": 40, "sparsity": 0.8, "fit_intercept": False},
    "weighted, no intercept": {"p": 12, "sparsity": 0.5, "weighted": True, "fit_intercept": False},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def case_of(kind: str, n: int, C: float) -> Case:
    case = random_case(70, n=n, C=C, **KINDS[kind])
    if case.weights is not None:
        case.weights[5] = 0.0  # a row that counts for nothing, and whose edit does nothing
        case.weights[6] = 6.0
    return case


@cache
def fit_of(kind: str, n: int, C: float) -> rw.Fit:
    case = case_of(kind, n, C)
    return rw.fit(case.x, case.y, C, case.weights, case.fit_intercept)


@cache
def bound_of(kind: str, n: int, C: float, edit: Any) -> RemainderBound:
    return remainder_bound(fit_of(kind, n, C), edit=edit)


def queries_of(case: Case, count: int = 8) -> np.ndarray:
    """New points, training rows, and points near the decision boundary."""
    rng = np.random.default_rng(5)
    new = rng.normal(size=(count, case.x.shape[1])) * case.x.std()
    return np.vstack([new, case.x[:count], 0.1 * new])


def all_sets(n: int, size: int) -> np.ndarray:
    return np.array(list(combinations(range(n), size)))


def refits(problem: DenseProblem, sets: np.ndarray, edit: str) -> np.ndarray:
    """Minimisers after editing each set of rows, (number of sets, n_params), by damped Newton on all sets at once.

    NaN where an edit leaves one class only.
    """
    z, penalty, count = problem.z, problem.penalty, len(sets)
    outer = (z[:, :, None] * z[:, None, :]).reshape(len(z), -1)
    y, weights = np.tile(problem.y, (count, 1)), np.tile(problem.weights, (count, 1))
    if edit == "relabel":
        y[np.arange(count)[:, None], sets] = 1 - y[np.arange(count)[:, None], sets]
    else:
        weights[np.arange(count)[:, None], sets] = 0.0
    theta = np.zeros((count, z.shape[1]))
    for _ in range(60):
        p = sigmoid(theta @ z.T)
        gradient = (weights * (p - y)) @ z + theta * penalty
        hessian = ((weights * p * (1 - p)) @ outer).reshape(count, *2 * [len(penalty)]) + np.diag(penalty + 1e-300)
        step = -np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        decrement = np.sqrt(np.abs((gradient * step).sum(axis=1)))
        theta += step / (1 + (decrement * 0.5 * np.abs(z).sum(axis=1).max() > 1) * decrement)[:, None]
        if np.abs(step).max() < 1e-11:
            break
    one_class = ((weights * y).sum(axis=1) == 0) | ((weights * (1 - y)).sum(axis=1) == 0)
    assert np.abs(step[~one_class]).max() < 1e-9
    theta[one_class] = np.nan
    return theta


def unedited(problem: DenseProblem) -> np.ndarray:
    return refits(problem, np.zeros((1, 0), dtype=int), "relabel")[0]


@cache
def gains_of(kind: str, n: int, C: float, size: int, edit: str, count: int) -> np.ndarray:
    """How far each set of ``size`` rows moves each of `queries_of` from its prediction, (sets, queries)."""
    case = case_of(kind, n, C)
    return dense_gains(case.dense, all_sets(n, size), edit, queries_of(case, count))


def dense_gains(problem: DenseProblem, sets: np.ndarray, edit: str, queries: np.ndarray) -> np.ndarray:
    z = problem.extended(queries)
    before, after = z @ unedited(problem), refits(problem, sets, edit) @ z.T
    return np.where(before > 0, before - after, after - before)


def smallest(
    kind: str, n: int, C: float, edit: str, count: int, largest: int, threshold: float = 0.5
) -> list[int | None]:
    """The size of the smallest flipping set of at most ``largest`` rows, for each query; None if there is none."""
    case, cut = case_of(kind, n, C), float(np.log(threshold / (1 - threshold)))
    before = case.dense.extended(queries_of(case, count)) @ unedited(case.dense)
    found: list[int | None] = [None] * len(before)
    for size in range(largest, 0, -1):
        gains = gains_of(kind, n, C, size, edit, count)
        after = np.where(before > 0, before - gains, before + gains)
        with np.errstate(invalid="ignore"):
            flips = ((after > cut) != (before > cut)) & ~np.isnan(after)
        found = [size if flip else known for flip, known in zip(flips.any(axis=0), found, strict=True)]
    return found


def gains_at_refit(case: Case, rows: np.ndarray, edit: str, query: np.ndarray) -> np.ndarray:
    """First-order changes of the query at the refit on labels edited in some rows, (n,)."""
    problem, theta = case.dense.edited(rows, edit), refits(case.dense, rows[None], edit)[0]
    p = sigmoid(problem.z @ theta)
    push = 2 * problem.y - 1 if edit == "relabel" else problem.y - p
    factor = np.linalg.solve(problem.hessian(theta), problem.extended(query)[0])
    return -(problem.z @ factor) * problem.weights * push


def bound_gain(bound: RemainderBound, query: np.ndarray, size: int, factor: np.ndarray | None = None) -> float:
    """The proven largest gain of ``size`` rows; infinite where boxes do not close."""
    sizes = bound._sizes(None)
    boxes = sizes._at(size)
    if boxes is None:
        return np.inf
    return largest_gain(sizes.closure, boxes, seen_by(bound, query, factor))


def seen_by(bound: RemainderBound, query: np.ndarray, factor: np.ndarray | None = None) -> Query:
    design = bound.fit.query_of(query)
    solved = rw.influence.factors(bound.fit, design) if factor is None else factor[:, None]
    return bound._queries(bound.fit.problem.extended_rows(design), solved, 0.0)[0]


# --- sound: no set of fewer rows flips


@every_edit
@every_kind
@pytest.mark.parametrize("C", [0.01, 0.1, 1.0])
def test_no_pair_does_better(kind: str, C: float, edit: str) -> None:
    n = 40
    case, bound = case_of(kind, n, C), bound_of(kind, n, C, edit)
    queries = queries_of(case, 4)
    for size in (1, 2):
        best = np.nanmax(gains_of(kind, n, C, size, edit, 4), axis=0)
        proven = np.array([bound_gain(bound, query, size) for query in queries])
        assert (proven >= best * (1 - 1e-9)).all()
    for threshold in (0.5, 0.25):
        lowers = bound.lower_bounds(queries, threshold)
        assert (lowers[:2] == [bound.lower_bound(query, threshold) for query in queries[:2]]).all()
        for lower, true in zip(lowers, smallest(kind, n, C, edit, 4, 2, threshold), strict=True):
            assert true is None or lower <= true


@every_edit
@pytest.mark.parametrize("kind", ["dense", "sparse, weighted"])
@pytest.mark.parametrize("C", [0.003, 0.1])
def test_no_triple_does_better(kind: str, C: float, edit: str) -> None:
    n = 24
    case, bound = case_of(kind, n, C), bound_of(kind, n, C, edit)
    queries = queries_of(case, 2)
    best = np.nanmax(gains_of(kind, n, C, 3, edit, 2), axis=0)
    assert (np.array([bound_gain(bound, query, 3) for query in queries]) >= best * (1 - 1e-9)).all()


@every_edit
@pytest.mark.parametrize(("kind", "C"), [("sparse", 0.02), ("sparse, weighted", 0.05), ("dense", 0.002)])
def test_no_chosen_set_one_row_short_flips(kind: str, C: float, edit: str) -> None:
    """Sets of lower_bound - 1 rows that try hard: best first-order gains, at the fit and at refits, and shuffles."""
    n, rng = 150, np.random.default_rng(8)
    case, bound = case_of(kind, n, C), bound_of(kind, n, C, edit)
    queries = queries_of(case, 6)
    lowers, tried = bound.lower_bounds(queries), 0
    influence = np.array([gains_at_refit(case, np.arange(0), edit, query) for query in queries])
    before = case.dense.extended(queries) @ unedited(case.dense)
    for query, lower, row, margin in zip(queries, lowers, influence, before, strict=True):
        size, gains = int(lower) - 1, -np.sign(margin) * row
        if size < 1:
            continue
        pool = np.argsort(-gains)[: size + 6]
        sets = [pool[:size], *(rng.choice(pool, size, replace=False) for _ in range(12))]
        sets += [np.argsort(-gains * rng.uniform(0.8, 1.2, n))[:size] for _ in range(4)]
        moved = gains_at_refit(case, pool[:size], edit, query) * -np.sign(margin)
        sets.append(np.argsort(-(gains + np.where(np.isin(np.arange(n), pool[:size]), gains, moved)))[:size])
        gained = dense_gains(case.dense, np.array(sets), edit, query[None])[:, 0]
        assert (gained < np.abs(margin)).all()
        tried += len(sets)
    assert tried > 50


@every_edit
def test_penalised_intercept(edit: str) -> None:
    case = case_of("sparse", 40, 0.1)
    model = LogisticRegression(solver="liblinear", C=0.1, intercept_scaling=2.0, tol=1e-10, max_iter=10_000)
    fit = rw.adopt(model.fit(case.x, case.y), case.x, case.y)
    spelled_out = DenseProblem.of(np.column_stack([case.x, np.full(40, 2.0)]), case.y, 0.1, fit_intercept=False)
    bound, queries = remainder_bound(fit, edit=edit), queries_of(case, 4)
    wide = np.column_stack([queries, np.full(len(queries), 2.0)])
    for size in (1, 2):
        best = np.nanmax(dense_gains(spelled_out, all_sets(40, size), edit, wide), axis=0)
        proven = np.array([bound_gain(bound, query, size) for query in queries])
        assert (proven >= best * (1 - 1e-9)).all()
        assert (proven < 1.2 * best).all()


@every_edit
def test_candidates(edit: str) -> None:
    """Only candidates are edited: the bound may rise, and stays below the best of all pairs of candidates."""
    n, C = 40, 0.03
    case, bound = case_of("sparse, weighted", n, C), bound_of("sparse, weighted", n, C, edit)
    queries, candidates = queries_of(case, 6), np.arange(3, 40, 3)
    everywhere = bound.lower_bounds(queries)
    lowers = bound.lower_bounds(queries, candidates=candidates)
    mask = np.zeros(n, dtype=bool)
    mask[candidates] = True
    assert (lowers == bound.lower_bounds(queries, candidates=mask)).all()
    assert (lowers >= everywhere).all()
    assert (lowers > everywhere).any()
    before = np.abs(case.dense.extended(queries) @ unedited(case.dense))
    for size in (1, 2, 3):
        gains = dense_gains(case.dense, candidates[all_sets(len(candidates), size)], edit, queries)
        assert (lowers[(gains >= before).any(axis=0)] <= size).all()
    assert bound._sizes(candidates).closes_to >= bound.closes_to
    assert (bound.lower_bounds(queries, candidates=[]) == 1).all()


@every_edit
def test_rough_factors_are_accounted_for(edit: str) -> None:
    """A factor of any kind gives a bound; the worse it is, the weaker."""
    case, bound = case_of("sparse, weighted", 40, 0.05), bound_of("sparse, weighted", 40, 0.05, edit)
    best = np.nanmax(gains_of("sparse, weighted", 40, 0.05, 2, edit, 4), axis=0)
    single = np.nanmax(gains_of("sparse, weighted", 40, 0.05, 1, edit, 4), axis=0)
    for query, pair, one in zip(queries_of(case, 4), best, single, strict=True):
        exact = rw.influence.factors(bound.fit, bound.fit.query_of(query))[:, 0]
        assert bound.lower_bound(query, factor=exact) == bound.lower_bound(query)
        assert bound.lower_bound(query, factor=exact * (1 + 1e-6)) == bound.lower_bound(query)
        for factor in (0.9 * exact, 0.5 * exact, 0 * exact, -exact):
            assert bound_gain(bound, query, 1, factor=factor) >= one
            assert bound_gain(bound, query, 2, factor=factor) >= pair
            assert bound.lower_bound(query, factor=factor) <= bound.lower_bound(query)


# --- sound: the boxes and what is made of them


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


# --- tight: a bound of 1 everywhere would pass the above


@every_edit
@pytest.mark.parametrize(("kind", "C"), [("sparse", 0.1), ("sparse, weighted", 0.05), ("dense", 0.01)])
def test_nearly_exact_where_it_closes(kind: str, C: float, edit: str) -> None:
    bound, queries = bound_of(kind, 40, C, edit), queries_of(case_of(kind, 40, C), 4)
    for size, allowed in ((1, 1.08), (2, 1.15)):
        best = np.nanmax(gains_of(kind, 40, C, size, edit, 4), axis=0)
        ratio = np.array([bound_gain(bound, query, size) for query in queries]) / best
        assert np.median(ratio) < allowed


@every_edit
def test_often_the_optimum_itself(edit: str) -> None:
    case, bound = case_of("sparse", 40, 0.1), bound_of("sparse", 40, 0.1, edit)
    lowers = bound.lower_bounds(queries_of(case, 20))
    true = smallest("sparse", 40, 0.1, edit, 20, 2)
    known = [(lower, size) for lower, size in zip(lowers, true, strict=True) if size is not None]
    assert len(known) >= 9
    assert all(lower <= size for lower, size in known)
    assert sum(lower == size for lower, size in known) > 0.85 * len(known)


@every_edit
def test_smaller_c_closes_for_larger_sets(edit: str) -> None:
    closes = [bound_of("sparse", 40, C, edit).closes_to for C in (1.0, 0.1, 0.01)]
    assert closes == sorted(closes)
    assert closes[1] >= 2
    assert closes[2] >= 7


@every_edit
def test_closes_as_far_as_it_used_to(edit: str) -> None:
    """Golden sizes beside the proofs above: without the third-order table each would be one smaller."""
    assert bound_of("sparse", 150, 0.035, edit).closes_to >= {"relabel": 7, "remove": 9}[edit]


@every_edit
def test_the_further_from_the_threshold_the_larger(edit: str) -> None:
    bound = bound_of("sparse", 40, 0.05, edit)
    query = queries_of(case_of("sparse", 40, 0.05))[0]
    proba = bound.fit.proba(query[None])[0]
    below = [bound.lower_bound(query, threshold) for threshold in np.linspace(proba, 0.02, 12)[1:]]
    above = [bound.lower_bound(query, threshold) for threshold in np.linspace(proba, 0.98, 12)[1:]]
    assert below == sorted(below)
    assert above == sorted(above)
    assert below[-1] > 2
    assert above[-1] > 2
    assert bound.lower_bound(query, float(proba)) == 1


# --- parts


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


# --- cost, refusals, words


def test_cost_is_what_is_spent() -> None:
    case = random_case(71, n=1500, p=40, sparsity=0.7, C=0.01)
    fit = rw.fit(case.x, case.y, 0.01)
    cost = remainder_bound_cost(fit)
    assert isinstance(cost, BoundCost)
    tracemalloc.start()
    bound = remainder_bound(fit)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert bound.nbytes == 1500 * 1500 * 4 + 1500 * 8
    assert 16 * 1500**2 <= peak <= cost.bytes
    twice = remainder_bound_cost(rw.fit(np.vstack([case.x, case.x]), np.tile(case.y, 2), 0.01))
    assert twice.operations == pytest.approx(8 * cost.operations)


def test_refuses_before_spending() -> None:
    fit = fit_of("sparse", 40, 0.1)
    with pytest.raises(
        ValueError, match=r"expected tables of at most 0\.00 GiB, got 0\.\d\d GiB and .* 40 rows.*max_bytes"
    ):
        remainder_bound(fit, max_bytes=1000)
    with pytest.raises(ValueError, match="expected edit"):
        remainder_bound(fit, edit="swap")  # type: ignore[arg-type]
    bound = bound_of("sparse", 40, 0.1, "relabel")
    with pytest.raises(ValueError, match="expected at_most of length 2"):
        bound.lower_bounds(case_of("sparse", 40, 0.1).x[:2], at_most=[1])
    with pytest.raises(ValueError, match="expected a threshold"):
        bound.lower_bound(case_of("sparse", 40, 0.1).x[0], 1.5)


def test_refuses_inaccurate_tables() -> None:
    case = case_of("sparse", 40, 1.0)
    x = case.x.copy()
    x[:, 0] *= 1e9
    fit = rw.fit(case.x, case.y, 1.0)
    object.__setattr__(
        fit, "problem", rw.fitting.Problem(rw.design.DenseDesign(x), fit.problem.labels, fit.problem.weights, 1.0)
    )
    with pytest.raises(ArithmeticError, match="the tables are accurate to"):
        make_kernel(fit)


def test_a_loose_fit_loosens_the_bound() -> None:
    """A gradient that is not zero is accounted for: the bound falls as it grows."""
    fit = fit_of("sparse", 150, 0.02)
    queries = queries_of(case_of("sparse", 150, 0.02), 4)
    found = []
    for gradient in (fit.gradient_norm, 1e-3, 1.0, 10.0):
        loose = rw.Fit(fit.problem, fit.theta, fit.eta, gradient)
        found.append(remainder_bound(loose).lower_bounds(queries).sum())
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2] > found[3] == len(queries)


def test_at_most_and_the_other_edit() -> None:
    case, bound = case_of("sparse", 40, 0.02), bound_of("sparse", 40, 0.02, "relabel")
    query = queries_of(case, 4)[5]
    full = bound.lower_bound(query)
    assert full > 3
    assert [bound.lower_bound(query, at_most=size) for size in (1, 2, full, full + 3)] == [1, 2, full, full]
    other = bound.with_edit("remove")
    assert other.kernel is bound.kernel
    assert other.lower_bound(query) == bound_of("sparse", 40, 0.02, "remove").lower_bound(query)
    assert bound.with_edit("relabel") is bound


def test_says_in_words_how_far_it_reaches() -> None:
    vacuous = bound_of("dense", 40, 1.0, "relabel")
    assert vacuous.closes_to == 0
    assert "No lower bound beyond 1" in vacuous.reason
    assert (vacuous.lower_bounds(queries_of(case_of("dense", 40, 1.0))) == 1).all()
    some = bound_of("sparse", 40, 0.05, "relabel")
    assert f"sets of up to {some.closes_to} rows" in some.reason
    assert bound_of("weighted, no intercept", 24, 1e-6, "relabel").reason == "The bound covers sets of any size."


# --- trying all sets


@every_edit
@pytest.mark.parametrize("kind", ["dense", "sparse, weighted", "weighted, no intercept"])
@pytest.mark.parametrize(("C", "threshold"), [(1.0, 0.5), (30.0, 0.25), (0.05, 0.5)])
def test_exhaustive_finds_the_minimum(kind: str, C: float, threshold: float, edit: Any) -> None:
    case, fit = case_of(kind, 24, C), fit_of(kind, 24, C)
    cut = float(np.log(threshold / (1 - threshold)))
    for query in 0.5 * queries_of(case, 4):
        true = exhaustive_minimum(case.dense, query, edit, cut, 2)
        found = exhaustive_lower_bound(fit, query, threshold=threshold, edit=edit)
        assert found == (3 if true is None else true)


def test_exhaustive_among_candidates() -> None:
    case, fit = case_of("sparse", 40, 1.0), fit_of("sparse", 40, 1.0)
    candidates = np.arange(1, 40, 4)
    for query in 0.3 * queries_of(case, 4):
        true = exhaustive_minimum(case.dense, query, "relabel", 0.0, 3, candidates)
        found = exhaustive_lower_bound(fit, query, candidates=candidates, largest=3)
        assert found == (4 if true is None else true)


def test_exhaustive_takes_a_class_that_vanishes_for_no_flip() -> None:
    """One row of a class: to remove it leaves no model, so that it cannot be the set."""
    x, y = np.arange(6.0)[:, None], np.array([1, 0, 0, 0, 0, 0])
    fit = rw.fit(x, y, 1.0)
    assert exhaustive_lower_bound(fit, [0.0], threshold=0.05, edit="remove", candidates=[0], largest=1) == 2


def test_exhaustive_counts_first() -> None:
    fit = fit_of("sparse", 40, 0.1)
    assert exhaustive_refits(40, 3) == 40 + 780 + 9880
    with pytest.raises(
        ValueError, match=r"at most 1000 refits, got 10700 for sets of up to 3 of 40 rows. Take largest=2"
    ):
        exhaustive_lower_bound(fit, case_of("sparse", 40, 0.1).x[0], largest=3, max_refits=1000)


def test_exhaustive_says_how_far_it_is_and_stops() -> None:
    case = case_of("sparse", 40, 0.01)
    seen: list[rw.Progress] = []
    fit = fit_of("sparse", 40, 0.01)
    assert exhaustive_lower_bound(fit, 3 * case.x[1], monitor=rw.Monitor(seen.append)) == 3
    assert seen[-1].done == seen[-1].total == 820
    monitor = rw.Monitor()
    monitor.cancel()
    with pytest.raises(rw.Cancelled):
        exhaustive_lower_bound(fit, 3 * case.x[1], monitor=monitor)
    with pytest.raises(rw.Cancelled):
        remainder_bound(fit, monitor=monitor)

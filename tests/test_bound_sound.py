"""The remainder bound against enumeration with independent dense refits: no set of fewer rows flips."""

from __future__ import annotations

import numpy as np
import pytest
from bound_cases import (
    all_sets,
    bound_gain,
    bound_of,
    case_of,
    dense_gains,
    every_edit,
    every_kind,
    gains_at_refit,
    gains_of,
    queries_of,
    smallest,
    unedited,
)
from oracles import DenseProblem
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.bound import (
    remainder_bound,
)


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
        exact = rw.evidence.factors(bound.fit, bound.fit.query_of(query))[:, 0]
        assert bound.lower_bound(query, factor=exact) == bound.lower_bound(query)
        assert bound.lower_bound(query, factor=exact * (1 + 1e-6)) == bound.lower_bound(query)
        for factor in (0.9 * exact, 0.5 * exact, 0 * exact, -exact):
            assert bound_gain(bound, query, 1, factor=factor) >= one
            assert bound_gain(bound, query, 2, factor=factor) >= pair
            assert bound.lower_bound(query, factor=factor) <= bound.lower_bound(query)

"""The pair bound against every pair, refitted densely: interactions, gains, and the sizes that follow."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from bound_cases import KINDS, all_sets, case_of, dense_gains, every_kind, fit_of, queries_of, smallest, unedited
from numpy.testing import assert_allclose
from oracles import random_case
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.bound.gains import Query
from relabel_widget.bound.gains import queries_of as fit_queries


@cache
def bound_of(kind: str, n: int, C: float) -> rw.PairBound:
    return rw.pair_bound(fit_of(kind, n, C))


def seen_by(fit: rw.Fit, query: np.ndarray, spoilt: float = 0.0) -> Query:
    design = fit.query_of(query)
    factor = rw.evidence.factors(fit, design) * (1.0 - spoilt)
    return fit_queries(fit, fit.problem.extended_rows(design), factor, 0.0)[0]


def proven(bound: rw.PairBound, query: Query) -> np.ndarray:
    """Upper bounds on the gain of every pair, inf where there is none."""
    sets = all_sets(bound.fit.n_rows, 2)
    gains, error = bound.singles.gains(bound.rows, query)
    energy = bound.interactions.energy[sets[:, 0], sets[:, 1]].astype(float)
    norms = bound.interactions.norms(bound.rows, query).of(sets[:, 0], sets[:, 1], energy)
    return gains[sets].sum(axis=1) + 4 * error + norms * energy


# --- sound


@every_kind
@pytest.mark.parametrize("C", [0.01, 0.1, 1.0])
def test_no_pair_gains_more_or_less_than_proven(kind: str, C: float) -> None:
    """Both ways: the interaction is bounded by its size, so that a mirrored query tries the other sign."""
    case, bound = case_of(kind, 40, C), bound_of(kind, 40, C)
    queries, sets = queries_of(case, 4), all_sets(40, 2)
    single = dense_gains(case.dense, np.arange(40)[:, None], "relabel", queries)
    pair = dense_gains(case.dense, sets, "relabel", queries)
    for t, query in enumerate(queries):
        seen = seen_by(bound.fit, query)
        gains, error = bound.singles.gains(bound.rows, seen)
        assert_allclose(gains, single[:, t], atol=1e-7 + error)
        assert error < 1e-5
        allowed = proven(bound, seen)
        assert (pair[:, t] <= allowed + 1e-9).all()
        assert (2 * gains[sets].sum(axis=1) - pair[:, t] <= allowed + 1e-9).all()


@every_kind
@pytest.mark.parametrize("C", [0.03, 0.3, 3.0])
@pytest.mark.parametrize("threshold", [0.5, 0.25])
def test_the_bound_is_the_optimum_up_to_three(kind: str, C: float, threshold: float) -> None:
    found = bound_of(kind, 40, C).lower_bounds(queries_of(case_of(kind, 40, C), 5), threshold)
    expected = [3 if size is None else size for size in smallest(kind, 40, C, "relabel", 5, 2, threshold)]
    assert found.tolist() == expected


def test_pairs_of_more_rows_by_the_hardest_queries() -> None:
    """Queries moved along the pair's own interaction: no direction gains more than proven."""
    case = random_case(72, n=70, p=40, sparsity=0.85, C=0.2)
    fit = rw.fit(case.x, case.y, 0.2)
    bound, sets = rw.pair_bound(fit), all_sets(70, 2)
    energy = bound.interactions.energy[sets[:, 0], sets[:, 1]]
    chosen = sets[np.argsort(np.where(np.isfinite(energy), -energy, 0))[:30]]
    rng, finite = np.random.default_rng(0), np.isfinite(energy)
    assert 0.5 < finite.mean() < 1.0
    queries = np.vstack([case.x[chosen[:8, 0]], case.x[chosen[:8, 1]], case.x[chosen[:8]].sum(axis=1)])
    queries = np.vstack([queries, rng.normal(size=(4, 40))])
    gains = dense_gains(case.dense, sets, "relabel", queries)
    worst = 0.0
    for t, query in enumerate(queries):
        seen = seen_by(fit, query)
        allowed = proven(bound, seen)
        assert (gains[:, t] <= allowed + 1e-9).all()
        plain = bound.singles.gains(bound.rows, seen)[0][sets].sum(axis=1)
        worst = max(worst, float((np.abs(gains[:, t] - plain) / (allowed - plain))[finite].max()))
    assert worst > 0.1  # and not far off the truth, since queries try


def test_candidates_and_limits() -> None:
    case, bound = case_of("sparse", 40, 0.3), bound_of("sparse", 40, 0.3)
    queries, candidates = queries_of(case, 8), np.arange(1, 40, 3)
    before = np.abs(case.dense.extended(queries) @ unedited(case.dense))
    single = (dense_gains(case.dense, candidates[:, None], "relabel", queries) >= before).any(axis=0)
    pair = (dense_gains(case.dense, candidates[all_sets(13, 2)], "relabel", queries) >= before).any(axis=0)
    expected = np.where(single, 1, np.where(pair, 2, 3))
    assert set(expected) == {1, 2, 3}
    found = bound.lower_bounds(queries, candidates=candidates)
    assert (found == expected).all()
    assert bound.lower_bound(queries[0], candidates=candidates) == expected[0]
    assert (bound.lower_bounds(queries, candidates=candidates, at_most=expected) == expected).all()
    assert (bound.lower_bounds(queries, candidates=candidates, at_most=[2] * 24) == np.minimum(expected, 2)).all()
    assert (bound.lower_bounds(queries, candidates=candidates, max_refits=0) <= expected).all()


@pytest.mark.parametrize("spoilt", [1e-6, 0.1, 0.5, 1.0, 2.0])
def test_rough_factors_are_accounted_for(spoilt: float) -> None:
    case, bound = case_of("sparse, weighted", 40, 0.1), bound_of("sparse, weighted", 40, 0.1)
    queries = queries_of(case, 3)
    pair = dense_gains(case.dense, all_sets(40, 2), "relabel", queries)
    for t, query in enumerate(queries):
        assert (pair[:, t] <= proven(bound, seen_by(bound.fit, query, spoilt))).all()
        factor = rw.evidence.factors(bound.fit, bound.fit.query_of(query))[:, 0] * (1 - spoilt)
        assert bound.lower_bound(query, factor=factor) <= bound.lower_bound(query)


def test_a_loose_fit_loosens_the_bound() -> None:
    fit = fit_of("sparse", 40, 0.1)
    queries, found = queries_of(case_of("sparse", 40, 0.1), 4), []
    for gradient in (fit.gradient_norm, 1e-2, 10.0):
        found.append(rw.pair_bound(rw.Fit(fit.problem, fit.theta, fit.eta, gradient)).lower_bounds(queries).sum())
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2]


def test_penalised_intercept() -> None:
    case = case_of("sparse", 40, 0.1)
    model = LogisticRegression(solver="liblinear", C=0.1, intercept_scaling=2.0, tol=1e-10, max_iter=10_000)
    fit = rw.adopt(model.fit(case.x, case.y), case.x, case.y)
    bound, queries = rw.pair_bound(fit), queries_of(case, 3)
    for query in queries:
        seen = seen_by(fit, query)
        sets = all_sets(40, 2)[::7]
        after = np.array([fit.refit(rows).decision(query[None])[0] for rows in sets])
        moved = np.sign(fit.decision(query[None])[0]) * (fit.decision(query[None])[0] - after)
        assert (moved <= proven(bound, seen)[::7] + 1e-9).all()
    assert np.isfinite(bound.interactions.energy).all()


def test_a_pair_may_be_possible_where_one_row_alone_is_not() -> None:
    """Swapping the only positive leaves one class; swapping another row as well makes two again."""
    x, y = np.random.default_rng(1).normal(size=(12, 2)), np.array([1] + [0] * 11)
    fit = rw.fit(x, y, 0.5)
    bound = rw.pair_bound(fit)
    queries, cut = x[:6], float(np.log(0.2 / 0.8))
    for query, found in zip(queries, bound.lower_bounds(queries, 0.2), strict=True):
        true = rw.exhaustive_lower_bound(fit, query, threshold=0.2)
        assert found == true
    assert not bound.singles.possible[0]
    assert bound.singles.gains(bound.rows, seen_by(fit, x[0]))[0][0] == -np.inf
    assert cut < 0


# --- says something


def test_most_pairs_are_bounded_where_the_remainder_bound_does_not_close() -> None:
    """Boxes close for no set there, not even of one row; here most pairs are proven harmless without a refit."""
    case = random_case(73, n=120, p=150, sparsity=0.93, C=0.5)
    fit = rw.fit(case.x, case.y, 0.5)
    bound = rw.pair_bound(fit)
    assert rw.remainder_bound(fit).closes_to == 0
    assert bound.n_close < 0.2 * 120 * 119 / 2
    order = np.argsort(fit.eta)  # what many rows of one class say together takes more than one label to turn
    queries = np.vstack([case.x[rows].sum(axis=0) for rows in np.split(order, 15)])
    sizes = [found.size for found in rw.find_flip_sets(fit, queries)]
    lowers = bound.lower_bounds(queries, at_most=sizes)
    assert (lowers <= sizes).all()
    assert (lowers == np.minimum(sizes, 3)).all()
    assert (lowers == 3).sum() > 8


def test_a_flip_set_takes_it() -> None:
    fit, bound = fit_of("sparse", 40, 0.3), bound_of("sparse", 40, 0.3)
    queries = queries_of(case_of("sparse", 40, 0.3), 4)
    for query, found in zip(queries, rw.find_flip_sets(fit, queries, bound=bound), strict=True):
        assert found.lower_bound == min(found.size, bound.lower_bound(query))
        assert found.optimal == (found.size <= 3 and found.size == found.lower_bound)
    with pytest.raises(ValueError, match="expected a bound made of this fit for edit 'remove'"):
        rw.find_flip_set(fit, queries[0], edit="remove", bound=bound)


# --- cost, refusals, words


def test_refuses_before_spending_and_says_so_when_pairs_do_not_fit() -> None:
    fit = fit_of("dense", 40, 1.0)
    with pytest.raises(ValueError, match=r"pair_bound: expected tables of at most 0\.00 GiB, got .* 40 rows"):
        rw.pair_bound(fit, max_bytes=1000)
    full = bound_of("dense", 40, 1.0)
    assert "at most 3" in full.reason
    assert f"{full.n_close} of which were refitted" in full.reason
    short = rw.pair_bound(fit, max_bytes=rw.pair_bound_cost(fit).bytes + 1)
    queries = queries_of(case_of("dense", 40, 1.0), 6)
    assert "at most 2" in short.reason
    assert (short.lower_bounds(queries) == np.minimum(full.lower_bounds(queries), 2)).all()
    assert short.nbytes < full.nbytes
    with pytest.raises(ValueError, match=r"PairBound\.lower_bounds: expected at_most of length 2"):
        full.lower_bounds(queries[:2], at_most=[1])


def test_says_how_far_it_is_and_stops() -> None:
    fit, seen = fit_of("sparse", 40, 0.1), []
    rw.pair_bound(fit, monitor=rw.Monitor(lambda progress: seen.append(progress.phase)))
    assert "refitting every single relabel" in seen
    monitor = rw.Monitor()
    monitor.cancel()
    with pytest.raises(rw.Cancelled):
        rw.pair_bound(fit, monitor=monitor)
    queries = queries_of(case_of("sparse", 40, 0.1), 2)
    progress: list[int] = []
    bound_of("sparse", 40, 0.1).lower_bounds(queries, monitor=rw.Monitor(lambda p: progress.append(p.done)))
    assert progress[-1] == len(queries)


def test_cost_is_what_is_spent() -> None:
    import tracemalloc

    case = random_case(74, n=700, p=30, sparsity=0.7, C=0.003)
    fit = rw.fit(case.x, case.y, 0.003)
    tracemalloc.start()
    bound = rw.pair_bound(fit)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert bound.nbytes - 8 * 700 * bound.n_close == 16 * 700**2
    assert 16 * 700**2 <= peak <= rw.pair_bound_cost(fit).bytes
    assert set(KINDS)

"""The remainder bound says something, says how much, what it costs, and when it cannot."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from bound_cases import (
    bound_gain,
    bound_of,
    case_of,
    every_edit,
    fit_of,
    gains_of,
    queries_of,
    smallest,
)
from oracles import random_case

import relabel_widget as rw
from relabel_widget.bound import (
    BoundCost,
    remainder_bound,
    remainder_bound_cost,
)
from relabel_widget.bound.kernel import make_kernel


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
        fit, "problem", rw.problem.Problem(rw.design.DenseDesign(x), fit.problem.labels, fit.problem.weights, 1.0)
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


def test_threads_share_what_is_remembered() -> None:
    """Tables of candidate sets and boxes are made once, whoever asks first, and answers are those of one thread."""
    fit = fit_of("sparse", 40, 0.02)
    queries, sets = queries_of(case_of("sparse", 40, 0.02), 1), [None, np.arange(0, 40, 2), np.arange(0, 40, 3)]
    bound, alone, seen = remainder_bound(fit), remainder_bound(fit), set()
    expected = [alone.lower_bounds(queries, candidates=rows).tolist() for rows in sets]

    def ask(k: int) -> list[int]:
        sizes = bound._sizes(sets[k % 3])
        seen.add((k % 3, id(sizes), id(sizes._at(2))))
        return bound.lower_bounds(queries, candidates=sets[k % 3]).tolist()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(16)))
    assert found == [expected[k % 3] for k in range(16)]
    assert len(seen) == 3

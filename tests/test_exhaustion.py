"""The end of a search: every smaller set is tried where that is cheap, against exhaustive search."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from oracles import Case, batch_margins, random_case
from scipy.special import logit
from small_problems import hostile, wrong_with

import relabel_widget as rw
from relabel_widget.bound import SmallProblem, sets_of
from relabel_widget.question import Question
from relabel_widget.search import exhaustion

EDITS = pytest.mark.parametrize("edit", ["relabel", "remove"])


def fit_of(case: Case) -> rw.Fit:
    return rw.fit(case.x, case.y, C=case.C, sample_weight=case.weights, fit_intercept=case.fit_intercept)


def found_in(case: Case, threshold: float, edit: Any, **settings: Any) -> rw.FlipSet:
    return rw.find_flip_set(fit_of(case), case.query, threshold=threshold, edit=edit, **settings)


def without(case: Case, threshold: float, edit: Any, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> rw.FlipSet:
    """What the search alone finds."""
    with monkeypatch.context() as patch:
        patch.setattr(exhaustion, "MOST_OPERATIONS", 0.0)
        patch.setattr(exhaustion, "_REFIT", 0.0)
        patch.setattr(exhaustion, "_REFIT_EACH_VALUE", 0.0)
        return found_in(case, threshold, edit, **settings)


# seeds of a problem whose set a search by refits alone misses, of one where it finds a larger one, of one without any
MISSED, LARGE, NONE = 48, 75, 2


def test_small_problems_are_solved() -> None:
    """Of 100 hostile problems a search by refits alone missed two flips and found two sets larger than the smallest."""
    wrong = {}
    for seed in range(100):
        case, threshold, edit = hostile(seed)
        wrong[seed] = wrong_with(found_in(case, threshold, edit), case, threshold, edit)
    assert {seed: said for seed, said in wrong.items() if said} == {}


@pytest.mark.parametrize("seed", [MISSED, LARGE])
def test_what_exhaustion_finds_is_confirmed_as_every_set_is(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case, threshold, edit = hostile(seed)
    before, found = without(case, threshold, edit, monkeypatch), found_in(case, threshold, edit)
    assert found.size < before.size or (found.found and not before.found)
    assert found.verified
    assert found.optimal
    assert found.outcome == rw.Outcome.FOUND
    again = rw.verify(fit_of(case), found.rows, case.query[None], edit=edit, threshold=threshold)
    assert again.flipped.all()
    assert abs(logit(again.proba_after[0]) - logit(found.proba_after)) < 1e-5


def test_where_no_set_flips_that_is_said() -> None:
    """With a free intercept no bound on log-odds says so: only all sets do."""
    said = 0
    for seed in range(40):
        case, threshold, edit = hostile(seed)
        found = found_in(case, threshold, edit)
        if not found.found and case.fit_intercept and found.outcome == rw.Outcome.CANNOT_FLIP:
            said += 1
            assert found.refits >= 2 ** np.count_nonzero(case.dense.weights > 0) - 1
            assert found.lower_bound == np.count_nonzero(case.dense.weights > 0) + 1
    assert said >= 3


@EDITS
def test_with_costs_the_cheapest_set_is_found(edit: Any) -> None:
    compared = 0
    for seed in range(200, 230):
        case, threshold, _ = hostile(seed)
        cut, allowed = float(logit(threshold)), np.flatnonzero(case.dense.weights > 0)
        cost = np.random.default_rng(seed).integers(0, 6, len(case.y)).astype(float)
        up = 1.0 if case.dense.extended(case.query)[0] @ case.dense.fit() > cut else -1.0
        cheapest, least = np.inf, len(allowed) + 1
        for size in range(1, len(allowed) + 1):
            sets = np.array(list(combinations(allowed, size)))
            flips = up * batch_margins(case.dense, sets, edit, case.query, cut) < -1e-6
            cheapest = min(cheapest, cost[sets[flips]].sum(axis=1).min(initial=np.inf))
            least = min(least, size) if flips.any() else least
        found = found_in(case, threshold, edit, cost=cost)
        assert (cost[found.rows].sum() if found.found else np.inf) == cheapest
        assert found.lower_bound <= least
        compared += found.found
    assert compared >= 10


@EDITS
def test_candidates_and_classes_that_would_vanish_are_heeded(edit: Any) -> None:
    """The only row of a class may not leave alone: such edits are passed over, and do not keep the bound down."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(9, 2)), np.array([1, 0, 0, 0, 0, 0, 0, 0, 0])
    fit = rw.fit(x, y, 1.0)
    for candidates in (np.arange(3), np.arange(9)):
        found = rw.find_flip_set(fit, x[0], threshold=0.02, edit=edit, candidates=candidates)
        assert set(found.rows.tolist()) <= set(candidates.tolist())
        least = rw.exhaustive_lower_bound(
            fit, x[0], threshold=0.02, edit=edit, candidates=candidates, largest=len(candidates)
        )
        assert found.lower_bound == least
        if found.found:
            rw.verify(fit, found.rows, x[:1], edit=edit)  # refuses a class that has vanished


def test_a_tie_is_neither_a_flip_nor_a_proof() -> None:
    """Removing both of a pair of opposite rows leaves a query of exactly even odds."""
    x, y = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), np.array([1, 0, 1, 0])
    fit = rw.fit(x, y, 1.0, fit_intercept=False)
    found = rw.find_flip_set(fit, [1.0, 0.0], edit="remove", candidates=[0, 1])
    assert not found.found
    assert found.outcome == rw.Outcome.EXHAUSTED
    assert found.lower_bound == 2


# --- what it may take


@EDITS
def test_a_budget_of_refits_is_never_exceeded(edit: Any) -> None:
    case, threshold, _ = hostile(NONE)
    n_sets = 2 ** len(case.y) - 1
    for budget in (0, 1, 5, 30, 100, 1000, n_sets + 100):
        found = found_in(case, threshold, edit, budget=budget)
        assert found.refits <= budget + found.found  # the one that confirms


def test_a_size_is_tried_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    case, threshold, edit = hostile(LARGE)
    alone = without(case, threshold, edit, monkeypatch)
    n_rows = np.count_nonzero(case.dense.weights > 0)
    short = found_in(case, threshold, edit, budget=alone.refits - 1 + n_rows)
    assert (short.refits, short.size, short.lower_bound) == (alone.refits, alone.size, 1)
    assert short.outcome == rw.Outcome.FOUND
    assert found_in(case, threshold, edit, budget=alone.refits + n_rows).size < alone.size


def test_seconds_and_cancel_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock jumps when single rows have been tried: what is known by then is kept."""
    case, now = random_case(1, n=60, p=10, C=0.3), [0.0]
    alone, free = without(case, 0.5, "relabel", monkeypatch), found_in(case, 0.5, "relabel")
    assert alone.size == free.size == free.lower_bound >= 3

    def jump(progress: rw.Progress) -> None:
        now[0] = 100.0 * (progress.done >= alone.refits + 60)

    monkeypatch.setattr("relabel_widget.search.refits.time", SimpleNamespace(monotonic=lambda: now[0]))
    found = found_in(case, 0.5, "relabel", budget=1.0, monitor=rw.Monitor(jump))
    assert found.outcome == rw.Outcome.BUDGET_FOUND
    assert_array_equal(found.rows, alone.rows)
    assert found.lower_bound == 2
    monitor = rw.Monitor(lambda progress: monitor.cancel() if progress.done >= alone.refits + 60 else None)
    with pytest.raises(rw.Cancelled):
        found_in(case, 0.5, "relabel", monitor=monitor)


def test_larger_tables_are_left_to_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_case(1, n=400, p=30, C=1.0)
    alone, found = without(case, 0.5, "relabel", monkeypatch), found_in(case, 0.5, "relabel")
    assert found.size >= 2
    assert (found.refits, found.lower_bound) == (alone.refits, 1)
    assert_array_equal(found.rows, alone.rows)


def test_single_rows_are_tried_where_the_search_took_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    case, threshold, edit = hostile(MISSED)
    monkeypatch.setattr(exhaustion, "MOST_OPERATIONS", 0.0)
    found = found_in(case, threshold, edit)
    assert found.lower_bound == 2


def test_many_queries_get_what_one_gets() -> None:
    case = random_case(5, n=14, p=4, C=10.0)
    queries, fit = np.random.default_rng(0).normal(size=(20, 4)), fit_of(case)
    for query, found in zip(queries, rw.find_flip_sets(fit, queries, n_jobs=2), strict=True):
        alone = rw.find_flip_set(fit, query)
        assert_array_equal(found.rows, alone.rows)
        assert found.lower_bound == alone.lower_bound == alone.size


# --- refits of many sets at once


@pytest.mark.parametrize("shape", [(12, 4), (7, 30)])
@EDITS
def test_margins_are_as_near_as_their_doubt_says(shape: tuple[int, int], edit: Any) -> None:
    """Also where the fit is far away from the refits, with every row saturated: 124 log-odds."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = np.round(4.0 * rng.normal(size=shape)) * rng.choice([1e-3, 1.0, 50.0], shape[1])
        y = rng.permutation(np.arange(shape[0]) % 2)
        C, free = float(rng.choice([0.01, 1.0, 900.0])), bool(seed % 3)
        case = Case(x, y, x[0] + x[1], C, None if seed % 2 else rng.uniform(0.2, 2, shape[0]), free)
        fit = fit_of(case)
        functional = fit.problem.extended_rows(fit.query_of(case.query))[:, 0]
        question = Question(fit, functional, 0.4, edit, np.arange(shape[0]))
        small = SmallProblem.of(question)
        sets = next(sets_of(np.arange(shape[0]), 3, 500))
        margins, doubts = small.margins(sets)
        true = small.direction * batch_margins(case.dense, sets, edit, case.query, 0.4)
        gone = np.isnan(true)
        assert np.isinf(margins[gone]).all()
        assert np.isfinite(doubts).all()
        assert (np.abs(margins - true)[~gone] <= doubts[~gone] + 1e-7 * np.abs(true[~gone])).all()
        assert ((doubts < np.abs(margins)) | (doubts < 1e-8)).all()

"""A row's own response, and forecasts made of it, against refits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import random_case
from scipy import sparse
from scipy.optimize import brentq
from scipy.special import expit

import relabel_widget as rw
from relabel_widget.evidence import solved_factors
from relabel_widget.question import Question
from relabel_widget.search import Budget
from relabel_widget.search.forecasts import (
    best_outsiders,
    best_rows,
    forecast,
    forecast_without,
    size_needed,
    weakest_members,
)
from relabel_widget.search.ranking import largest
from relabel_widget.search.refit import Context
from relabel_widget.search.refits import Refits, Spending
from relabel_widget.search.responses import RowResponses, forecast_coupled_swaps
from relabel_widget.search.row_edit import CoupledEdits, Leverages, RowEdits
from relabel_widget.search.settings import Limits, settings_for


def test_a_row_comes_to_rest_where_its_forces_balance() -> None:
    rng = np.random.default_rng(0)
    eta, weights, codes = rng.normal(0, 3, 50), rng.uniform(0.1, 2, 50), rng.integers(0, 2, 50).astype(float)
    now, leverage = weights * (expit(eta) - (1 - codes)), 10.0 ** rng.uniform(-3, 2, 50)
    edits = RowEdits(eta, now, weights, 2 * codes - 1)
    moved = -edits.share(leverage) * leverage * edits.force

    for i, x in enumerate(moved):

        def balance(x: float, i: int = i) -> float:
            return x / leverage[i] + weights[i] * (expit(eta[i] + x) - codes[i]) - now[i]

        assert_allclose(x, brentq(balance, -1e4, 1e4, xtol=1e-12), rtol=1e-3, atol=1e-4)


def test_two_rows_come_to_rest_where_both_their_forces_balance() -> None:
    rng = np.random.default_rng(1)
    eta, weights, codes = rng.normal(0, 2, (2, 40)), rng.uniform(0.1, 2, (2, 40)), rng.integers(0, 2, (2, 40)) * 1.0
    pairs = RowEdits(eta, weights * (expit(eta) - (1 - codes)), weights, 2 * codes - 1)
    held, left_out = weights * expit(eta) * expit(-eta), 10.0 ** rng.uniform(-2, 0.5, (2, 40))
    own, alone = left_out / (1.0 + held * left_out), -pairs.share(left_out) * left_out * pairs.force
    coupling = rng.uniform(-0.5, 0.5, 40) * np.sqrt(own.prod(axis=0))
    found = CoupledEdits(pairs, own, held).pair_moves(alone, coupling)
    for m in range(40):
        gram = np.array([[own[0, m], coupling[m]], [coupling[m], own[1, m]]])
        after = weights[:, m] * (expit(eta[:, m] + found[:, m]) - codes[:, m])
        left = (np.linalg.inv(gram) - np.diag(held[:, m])) @ found[:, m] + after - pairs.now[:, m]
        assert_allclose(left, 0.0, atol=1e-4)
    assert np.abs(found - alone).max() > 0.1


def refits_of(edit: Any, seed: int, *, n: int = 60, limits: Limits | None = None) -> tuple[rw.Fit, Refits, Any]:
    case = random_case(seed, n=n, p=12)
    fit = rw.fit(case.x, case.y, case.C)
    return fit, refits_for(fit, case.query, edit, np.arange(n), None, limits), case


def refits_for(
    fit: rw.Fit, query: Any, edit: Any, candidates: Any, costs: Any = None, limits: Limits | None = None
) -> Refits:
    design = fit.query_of(query)
    functional = fit.problem.extended_rows(design)[:, 0]
    (factor,) = solved_factors(fit, functional[:, None], rtol=1e-9).columns()
    question = Question(fit, functional, 0.0, edit, candidates, costs)
    settings = replace(settings_for(fit.problem.design), limits=limits or Limits())
    return Refits(Context(question, settings, RowResponses(fit)), factor, Spending(Budget()))


def spent(refits: Refits) -> int:
    return refits.spending.refits


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_effects_are_closer_to_refits_than_gains(edit: Any) -> None:
    for seed in range(4):
        fit, refits, case = refits_of(edit, seed)
        eta = float(fit.decision(case.query[None])[0])
        gains = refits.base.gains
        effects = refits.base.effects(np.arange(60))
        rows = np.flatnonzero(effects != gains)
        assert len(rows) >= 10
        after = np.array([fit.refit(np.array([row]), edit).decision(case.query[None])[0] for row in rows])
        true = np.sign(eta) * (eta - after)
        assert np.abs(effects[rows] - true).sum() < 0.7 * np.abs(gains[rows] - true).sum()


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_swaps_are_forecast_closer_where_the_two_rows_see_each_other(edit: Any) -> None:
    apart, coupled = [], []
    for seed in range(4):
        fit, refits, case = refits_of(edit, seed)
        near = refits.at(np.sort(best_rows(refits.base, 3)), refits.base)
        out, into = weakest_members(near), best_outsiders(near, 8)
        margins = forecast_coupled_swaps(near, out, into)
        assert margins.shape == (3, 8)
        sign = np.sign(float(fit.decision(case.query[None])[0]))
        for i, gone in enumerate(out):
            for j, come in enumerate(into):
                rows = np.append(near.rows[near.rows != gone], come)
                true = sign * float(fit.refit(rows, edit).decision(case.query[None])[0])
                apart.append(abs(forecast(near, rows) - true))
                coupled.append(abs(margins[i, j] - true))
    assert np.median(coupled) < 0.7 * np.median(apart)


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_an_edit_taken_back_is_forecast_from_where_it_was_made(edit: Any) -> None:
    """From a refit with three rows edited, the forecast without one of them, against the refit of two.

    Its doubt is an estimate: on 200 cases it fell short for one forecast in a hundred, however tight the refit.
    """
    errors, moves = [], []
    for seed in range(20):
        fit, refits, case = refits_of(edit, seed, n=60)
        rows = np.sort(best_rows(refits.base, 3))
        near = refits.at(rows, refits.base)
        for place, (margin, doubt) in enumerate(zip(*forecast_without(near, rows), strict=True)):
            fewer = np.delete(rows, place)
            assert_allclose(forecast(near, fewer), margin)
            sign = np.sign(float(fit.decision(case.query[None])[0]))
            true = sign * float(fit.refit(fewer, edit).decision(case.query[None])[0])
            errors.append(abs(margin - true) / doubt)
            moves.append(abs(true - near.margin))
    assert np.mean(np.array(errors) < 1.0) > 0.95
    assert max(moves) > 0.1


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_what_is_settled_has_the_sign_of_the_minimiser(edit: Any) -> None:
    refitted = 0
    for seed in range(8):
        fit, refits, case = refits_of(edit, 20 + seed, n=50)
        near = refits.base
        sign = np.sign(float(fit.decision(case.query[None])[0]))
        for size in (1, 2, 5, 9):
            rows = best_rows(near, size)
            near = refits.at(rows, near)
            true = sign * float(fit.refit(rows, edit).decision(case.query[None])[0])
            assert abs(near.margin - true) <= max(near.doubt, 1e-9) or np.sign(near.margin) == np.sign(true)
            assert (near.margin > 0) == (true > 0)
            assert_allclose(refits.confirmed_margin(near), true, atol=1e-7)
            refitted += 1
    assert refitted == 32


def test_a_refit_is_made_once_and_the_newest_are_kept() -> None:
    _, refits, _ = refits_of("relabel", 1, limits=Limits(kept_bytes=0))
    first = refits.at(np.array([3, 5]), refits.base)
    second = refits.at(np.array([5]), first)
    assert refits.at(np.array([5, 3]), second) is first, "in whatever order, from wherever"
    assert spent(refits) == 2
    refits.at(np.array([7]), refits.base)
    assert refits.at(np.array([5]), refits.base) is second
    assert refits.at(np.array([3, 5]), refits.base) is not first
    assert spent(refits) == 4


@pytest.mark.parametrize("count", [0, 1, 7, 300, 5_000])
def test_the_largest_of_many_are_those_of_a_sort(count: int) -> None:
    rng = np.random.default_rng(count)
    for values in (
        rng.normal(size=200_000),
        np.round(rng.normal(size=200_000), 2),
        np.zeros(200_000),
        rng.normal(size=9),
    ):
        assert_array_equal(largest(values, count), np.argsort(-values, kind="stable")[:count])


def test_rows_rank_by_effect_whether_listed_or_not() -> None:
    """More rows than are listed, fewer, and per cost where they help: as a sort of all effects would have them."""
    fit, _, case = refits_of("relabel", 3, n=900)
    costs, allowed = np.random.default_rng(0).uniform(0.5, 2.0, 900), np.arange(5, 900)
    for given in (None, costs):
        refits = refits_for(fit, case.query, "relabel", allowed, given)
        near = refits.at(np.array([30, 31, 700]), refits.base)
        worth = near.effects(allowed)
        if given is not None:
            worth = np.where(worth > 0, worth / costs[allowed], worth)
        ranked = allowed[np.argsort(-worth, kind="stable")]
        for size in (1, 5, 20, 800, 895, 2000):
            assert_array_equal(best_rows(near, size), ranked[:size])
        listed = np.flatnonzero(near.effects(allowed) != near.gains[allowed])
        assert 16 <= len(listed) < 800
        total = np.cumsum(np.maximum(near.effects(ranked), 0.0))
        wanted = near.margin + near.effects(near.rows).sum()
        assert size_needed(near) == min(
            np.searchsorted(total, wanted) + 1, np.count_nonzero(total[1:] > total[:-1]) + 1
        )


def test_leave_one_out_leverages_of_rows_with_words_of_their_own_are_exact() -> None:
    """Each row has three columns that no other has: their curvature is the row's alone, and leaves with it."""
    x = np.kron(np.eye(12), np.ones((1, 3)))
    fit = rw.fit(sparse.csr_array(x), np.arange(12) % 2, 5.0, fit_intercept=False)
    assert_allclose(Leverages(fit).of(np.arange(12)), 3 * 5.0, rtol=1e-9)

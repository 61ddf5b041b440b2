"""Verified flip sets: scikit-learn's own refits confirm them, exhaustive search says how small they could be."""

from __future__ import annotations

import functools
import threading
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Case, batch_margins, exact_log_odds, exhaustive_minimum, random_case, sklearn_edited, snapshot
from scipy import sparse
from scipy.special import logit

import relabel_widget as rw
from relabel_widget.search import Budget

EDGE = 1e-5  # a margin closer than this to the threshold proves nothing about either solver


def fit_of(case: Case) -> rw.Fit:
    return rw.fit(case.x, case.y, case.C, case.weights, case.fit_intercept)


def margins(case: Case, rows: Any, edit: str, cut: float) -> tuple[float, float]:
    """Margin of the query by scikit-learn before and after the edit."""
    settings = (edit, case.C, case.weights, case.fit_intercept)
    before = sklearn_edited(case.x, case.y, [], *settings).decision_function(case.query[None])[0] - cut
    return before, sklearn_edited(case.x, case.y, rows, *settings).decision_function(case.query[None])[0] - cut


def both_classes(case: Case, rows: Any, edit: str) -> bool:
    y, keep = case.y.copy(), np.ones(len(case.y), dtype=bool)
    if edit == "relabel":
        y[rows] = 1 - y[rows]
    else:
        keep[rows] = False
    return len(np.unique(y[keep])) == 2


def check_verified(case: Case, found: rw.FlipSet, edit: str, threshold: float) -> None:
    """A set that is called verified flips for scikit-learn too, and with any one row fewer it does not."""
    cut = float(logit(threshold))
    before, after = margins(case, found.rows, edit, cut)
    assert found.verified
    assert found.found
    assert found.outcome == rw.Outcome.FOUND
    assert (before > 0) != (after > 0)
    assert_allclose(found.proba_before, 1 / (1 + np.exp(-before - cut)), atol=1e-7)
    assert_allclose(found.proba_after, 1 / (1 + np.exp(-after - cut)), atol=1e-7)
    assert found.size == len(found.rows) == len(set(found.rows.tolist())) >= found.lower_bound >= 1
    assert found.rows.dtype == np.int64
    expected = 1 - case.y[found.rows] if edit == "relabel" else case.y[found.rows]
    assert found.labels.tolist() == expected.tolist()
    for left_out in range(found.size if found.size > 1 else 0):
        fewer = np.delete(found.rows, left_out)
        if both_classes(case, fewer, edit):
            _, margin = margins(case, fewer, edit, cut)
            assert abs(margin) < EDGE or (margin > 0) == (before > 0), f"flips without row {found.rows[left_out]}"


KINDS: dict[str, dict[str, Any]] = {
    "dense": {},
    "sparse": {"sparsity": 0.6},
    "weighted": {"weighted": True},
    "no intercept": {"fit_intercept": False},
    "wide": {"n": 25, "p": 40, "sparsity": 0.7},
    "tall": {"n": 150, "p": 3},
}


def odd_case(rng: np.random.Generator, n_features: tuple[int, int]) -> Case:
    """Few rows, of any scale and strength: twins, columns of zeros or constants, weights of 0 or far apart."""
    n, p = int(rng.integers(5, 30)), int(rng.integers(*n_features))
    x = rng.normal(size=(n, p)) * 10.0 ** rng.uniform(-1.5, 1.5, size=p if rng.random() < 0.5 else 1)
    x = np.rint(x) if rng.random() < 0.3 else x
    if rng.random() < 0.4:
        x[rng.integers(0, n, n // 2)] = x[rng.integers(0, n, n // 2)]
    if rng.random() < 0.2:
        x[:, rng.integers(p)] = rng.choice([0.0, 1.0, 100.0])
    y = (x @ rng.normal(size=p) + rng.normal(size=n) * x.std() > 0).astype(int)
    y[:2] = [0, 1]
    kinds = [None, None, None, rng.uniform(0.1, 3, n), rng.integers(0, 3, n).astype(float), 10 ** rng.uniform(-2, 2, n)]
    weights = kinds[int(rng.integers(6))]
    if weights is not None:
        weights[:2] = 1.0
    query = x[rng.integers(n)] if rng.random() < 0.3 else rng.normal(size=p) * x.std()
    return Case(x, y, query, float(10 ** rng.uniform(-3, 3)), weights, bool(rng.random() < 0.6))


@pytest.mark.parametrize("n_features", [(1, 8), (17, 40)], ids=["few columns", "more"])
def test_the_probability_after_is_the_minimisers(n_features: tuple[int, int]) -> None:
    """Within 1e-7 log-odds: once 1 in 20 was further off, up to 1.4e-2, where edits changed the Hessian much."""
    rng, sets = np.random.default_rng(n_features[0]), 0
    for _ in range(250 if n_features[0] == 1 else 120):
        case = odd_case(rng, n_features)
        edit, threshold = str(rng.choice(["relabel", "remove"])), float(rng.choice([0.05, 0.2, 0.5, 0.5, 0.8, 0.95]))
        found = rw.find_flip_set(fit_of(case), case.query, threshold=threshold, edit=edit, budget=60)
        if not found.found:
            continue
        sets += 1
        y, weights = case.y.copy(), np.ones(len(case.y)) if case.weights is None else case.weights.copy()
        if edit == "relabel":
            y[found.rows] = 1 - y[found.rows]
        else:
            weights[found.rows] = 0.0
        after = exact_log_odds(case.x, y, case.C, weights, case.fit_intercept, case.query[None])[0]
        if abs(after) < 15:  # beyond, a probability does not hold the digits of its log-odds
            assert_allclose(logit(found.proba_after), after, rtol=0, atol=1e-7)
    assert sets > 80


@pytest.mark.parametrize("edit", ["relabel", "remove"])
@pytest.mark.parametrize("threshold", [0.5, 0.25, 0.8])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.usefixtures("as_large")
def test_scikit_learn_confirms_every_set(kind: dict[str, Any], threshold: float, edit: Any) -> None:
    found = 0
    for seed in range(100, 106):
        case = random_case(seed, **kind)
        result = rw.find_flip_set(fit_of(case), case.query, threshold=threshold, edit=edit)
        if result.found:
            check_verified(case, result, edit, threshold)
            found += 1
        else:
            assert result.outcome == rw.Outcome.EXHAUSTED
            assert (result.rows.size, result.verified, result.size) == (0, False, 0)
            assert np.isnan(result.proba_after)
            # relabelling all rows negates the model: at one half a set always exists
            assert edit == "remove" or threshold != 0.5
    assert found >= (4 if edit == "relabel" else 1)


@functools.cache
def tiny(seed: int, kind: str) -> Case:
    rng = np.random.default_rng(seed)
    settings: dict[str, Any] = {"fit_intercept": kind != "no intercept", "weighted": kind == "weighted"}
    settings["sparsity"] = 0.5 if kind == "sparse" else 0.0
    return random_case(seed, n=int(rng.integers(14, 21)), p=int(rng.integers(2, 6)), **settings)


@pytest.mark.parametrize("edit", ["relabel", "remove"])
@pytest.mark.parametrize("threshold", [0.5, 0.25])
@pytest.mark.parametrize("kind", ["dense", "sparse", "weighted", "no intercept"])
@pytest.mark.usefixtures("as_large")
def test_as_small_as_exhaustive_search(kind: str, threshold: float, edit: Any) -> None:
    """Where a set of at most three rows flips, ours is as small; where none does, ours is larger."""
    larger, compared = [], 0
    for seed in range(30):
        case = tiny(seed, kind)
        found = rw.find_flip_set(fit_of(case), case.query, threshold=threshold, edit=edit)
        optimum = exhaustive_minimum(case.dense, case.query, edit, float(logit(threshold)), 3)
        if optimum is None:
            assert not found.found or found.size > 3
            continue
        compared += 1
        if found.size != optimum:
            larger.append((seed, found.size, optimum))
        assert found.lower_bound <= optimum
    assert larger == [], f"(seed, ours, optimum) of {compared}"
    assert compared >= 5


def rare(seed: int) -> Case:
    """Four to seven rows, of one class sometimes a single one; words, flags or numbers; weights of 0 among them."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(4, 8)), int(rng.integers(1, 4))
    kinds = (
        rng.normal(size=(n, p)),
        rng.poisson(0.6, size=(n, p)).astype(float),
        (rng.random((n, p)) < 0.4).astype(float),
    )
    x = kinds[seed % 3]
    y = (rng.random(n) < rng.choice([0.2, 0.5])).astype(int)
    weights = rng.choice([0.0, 0.5, 1.0, 3.0], size=n) if seed % 2 else None
    counted = np.arange(n) if weights is None else np.flatnonzero(weights)
    if len(np.unique(y[counted])) < 2:
        y[:2], weights = [0, 1], None
    query = x[rng.integers(n)] + (rng.normal(size=p) if seed % 3 == 0 else 0.0)
    return Case(x, y, query, 10 ** rng.uniform(-1, 2), weights, bool(rng.random() < 0.7))


@pytest.mark.parametrize("edit", ["relabel", "remove"])
@pytest.mark.parametrize("threshold", [0.5, 0.2, 0.8])
@pytest.mark.filterwarnings("error")
@pytest.mark.usefixtures("as_large")
def test_found_wherever_any_set_flips(threshold: float, edit: Any) -> None:
    """All sets that leave both classes are tried, of however many rows; costs change which set, not whether."""
    cut, compared, wrong = float(logit(threshold)), 0, []
    for seed in range(60):
        case = rare(seed)
        fit, n = fit_of(case), len(case.y)
        sets = [np.array(list(combinations(range(n), size)), dtype=int) for size in range(n + 1)]
        after = [batch_margins(case.dense, each, edit, case.query, cut) for each in sets]
        if np.nanmin(np.abs(np.concatenate(after))) < EDGE:
            continue
        was_one = after[0][0] > 0
        optimum = next(
            (size for size in range(n + 1) if ((after[size] < 0) if was_one else (after[size] > 0)).any()), 0
        )
        found = rw.find_flip_set(fit, case.query, threshold=threshold, edit=edit)
        cost = np.random.default_rng(seed).integers(0, 3, n).astype(float)
        cheap = rw.find_flip_set(fit, case.query, threshold=threshold, edit=edit, cost=cost)
        compared += optimum > 0
        if found.size != optimum or cheap.found != found.found:
            wrong.append((seed, found.size, optimum, cheap.found))
        assert not (optimum and found.outcome == rw.Outcome.CANNOT_FLIP)
    assert wrong == [], f"(seed, ours, optimum, found with costs) of {compared}"
    assert compared >= 15


def test_the_oracle_of_all_sets_agrees_with_scikit_learn() -> None:
    case = tiny(3, "dense")
    fit = fit_of(case)
    found = rw.find_flip_set(fit, case.query)
    for edit in ("relabel", "remove"):
        sets = np.array([[0, 5], [3, 4], [7, 9]])
        after = batch_margins(case.dense, sets, edit, case.query, 0.0)
        expected = [margins(case, rows, edit, 0.0)[1] for rows in sets]
        assert_allclose(after, expected, atol=1e-7)
    assert found.found


# --- candidates


def test_candidates_as_mask_and_as_numbers() -> None:
    case = random_case(110, n=60)
    fit, rng = fit_of(case), np.random.default_rng(0)
    mask = rng.uniform(size=60) < 0.5
    by_mask = rw.find_flip_set(fit, case.query, candidates=mask)
    shuffled = rng.permutation(np.flatnonzero(mask))
    for candidates in (np.flatnonzero(mask), shuffled, shuffled.tolist(), shuffled.astype(np.uint16)):
        assert_array_equal(rw.find_flip_set(fit, case.query, candidates=candidates).rows, by_mask.rows)
    assert by_mask.found
    assert mask[by_mask.rows].all()
    check_verified(case, by_mask, "relabel", 0.5)


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_few_candidates_are_used_as_well_as_they_can_be(edit: Any) -> None:
    compared = 0
    for seed in range(20):
        case = tiny(seed, "dense")
        allowed = np.random.default_rng(seed).choice(len(case.y), 6, replace=False)
        found = rw.find_flip_set(fit_of(case), case.query, edit=edit, candidates=allowed)
        optimum = exhaustive_minimum(case.dense, case.query, edit, 0.0, 6, allowed)
        assert set(found.rows.tolist()) <= set(allowed.tolist())
        assert found.size == (optimum or 0)
        compared += optimum is not None
    assert compared >= 5


def test_no_candidates_cannot_flip() -> None:
    case = random_case(111)
    for nothing in ([], np.zeros(40, dtype=bool)):
        for method in ("verified", "first-order"):
            found = rw.find_flip_set(fit_of(case), case.query, candidates=nothing, method=method)
            assert found.outcome == rw.Outcome.CANNOT_FLIP
            assert (found.found, found.verified, found.size, found.refits) == (False, False, 0, 0)


def test_a_zero_query_without_intercept_cannot_flip() -> None:
    case = random_case(112, fit_intercept=False)
    fit = fit_of(case)
    for threshold in (0.5, 0.3):
        found = rw.find_flip_set(fit, np.zeros(5), threshold=threshold)
        assert found.outcome == rw.Outcome.CANNOT_FLIP
        assert found.proba_before == 0.5
        assert not found.optimal


def test_a_query_that_no_candidate_touches_is_not_called_found() -> None:
    """Columns 3 and 4 are unknown to the rows that may be edited."""
    case = random_case(113, fit_intercept=False)
    x, query = case.x.copy(), np.array([0.0, 0.0, 0.0, 1.0, -1.0])
    x[:20, 3:], x[20:, :3] = 0.0, 0.0
    found = rw.find_flip_set(rw.fit(x, case.y, fit_intercept=False), query, candidates=np.arange(20))
    assert not found.found


def test_what_no_labels_can_reach_is_said() -> None:
    """Without a free intercept log-odds are bounded whatever the labels: beyond the bound nothing is searched.

    Within it all edits of ten rows are tried. Where it is said, exhaustive search agrees.
    """
    said = 0
    for seed in range(30):
        case = random_case(seed, n=10, p=3, C=0.05, fit_intercept=False)
        threshold = (0.3, 0.6, 0.75)[seed % 3]
        for edit in ("relabel", "remove"):
            found = rw.find_flip_set(fit_of(case), case.query, threshold=threshold, edit=edit)
            if found.outcome == rw.Outcome.CANNOT_FLIP:
                said += found.refits == 0
                assert not found.found
                assert found.lower_bound == 11
                assert exhaustive_minimum(case.dense, case.query, edit, float(logit(threshold)), 10) is None
    assert said >= 5


# --- costs


def test_equal_costs_are_no_costs() -> None:
    for seed in range(10):
        case = tiny(seed, "dense")
        fit = fit_of(case)
        plain, costly = (
            rw.find_flip_set(fit, case.query),
            rw.find_flip_set(fit, case.query, cost=np.full(len(case.y), 3.0)),
        )
        assert costly.verified
        assert costly.size == plain.size


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_as_cheap_as_exhaustive_search(edit: Any) -> None:
    """Against the cheapest of all sets of at most three rows; on a few the search may stay a little above."""
    compared, above = 0, []
    for seed in range(30):
        case = tiny(seed, "dense")
        cost = np.random.default_rng(seed).integers(1, 10, size=len(case.y)).astype(float)
        found = rw.find_flip_set(fit_of(case), case.query, edit=edit, cost=cost)
        before = float(case.dense.extended(case.query)[0] @ case.dense.fit())
        cheapest = np.inf
        for size in (1, 2, 3):
            sets = np.array(list(combinations(range(len(case.y)), size)))
            after = batch_margins(case.dense, sets, edit, case.query, 0.0)
            flips = ((after > 0) != (before > 0)) & ~np.isnan(after)
            cheapest = min(cheapest, cost[sets[flips]].sum(axis=1).min(initial=np.inf))
        if not np.isfinite(cheapest):
            continue
        compared += 1
        assert found.verified
        before, after = margins(case, found.rows, edit, 0.0)
        assert (before > 0) != (after > 0)
        if cost[found.rows].sum() > cheapest:
            above.append((seed, float(cost[found.rows].sum()), cheapest))
    assert compared >= 10
    assert len(above) <= 0.1 * compared, above


def test_rows_that_cost_too_much_are_left_alone() -> None:
    case = random_case(125, n=60, C=1.0)
    fit = fit_of(case)
    plain = rw.find_flip_set(fit, case.query)
    cost = np.ones(60)
    cost[plain.rows] = 1000.0
    costly = rw.find_flip_set(fit, case.query, cost=cost)
    assert costly.verified
    assert set(costly.rows.tolist()).isdisjoint(plain.rows.tolist())
    for free in (np.zeros(60), np.where(np.arange(60) % 2, 0.0, 1.0)):
        found = rw.find_flip_set(fit, case.query, cost=free)
        assert found.verified
        before, after = margins(case, found.rows, "relabel", 0.0)
        assert (before > 0) != (after > 0)


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_never_larger_than_algorithm_1_where_that_flips(edit: Any) -> None:
    for seed in range(30):
        case = random_case(seed, n=80, p=8, C=30.0, sparsity=0.5)
        fit = fit_of(case)
        predicted = rw.find_flip_set(fit, case.query, method="first-order", edit=edit)
        if predicted.found and both_classes(case, predicted.rows, edit):
            flips = rw.verify(fit, predicted.rows, case.query[None], edit=edit).flipped[0]
            assert not flips or rw.find_flip_set(fit, case.query, edit=edit).size <= predicted.size


# --- budget


def test_budget_of_refits() -> None:
    case = random_case(114, n=80, C=0.1)
    fit = fit_of(case)
    free = rw.find_flip_set(fit, case.query)
    assert free.refits > 3
    outcomes, sizes = [], []
    for refits in sorted({*range(20), *np.geomspace(20, free.refits + 1, 12).astype(int).tolist()}):
        for budget in (refits, Budget(refits=refits), np.int64(refits)):
            found = rw.find_flip_set(fit, case.query, budget=budget)
            assert found.refits <= refits + 1  # the search's, and the one that confirms
        outcomes.append(found.outcome)
        sizes.append(found.size or np.inf)
        if found.found:
            before, after = margins(case, found.rows, "relabel", 0.0)
            assert found.verified
            assert (before > 0) != (after > 0)
    assert outcomes[0] == rw.Outcome.BUDGET
    assert outcomes[-1] == rw.Outcome.FOUND
    assert rw.Outcome.BUDGET_FOUND in outcomes
    assert sizes == sorted(sizes, reverse=True), "more refits gave a larger set"
    assert sizes[-1] == free.size


def test_budget_of_seconds() -> None:
    case = random_case(114, n=80, C=0.1)
    fit = fit_of(case)
    free = rw.find_flip_set(fit, case.query)
    for budget in (0.0, Budget(seconds=0.0), Budget(refits=10_000, seconds=0.0)):
        found = rw.find_flip_set(fit, case.query, budget=budget)
        assert found.outcome in {rw.Outcome.BUDGET, rw.Outcome.BUDGET_FOUND}
        assert found.refits <= 2
    for budget in (60.0, Budget(seconds=60.0), Budget()):
        assert_array_equal(rw.find_flip_set(fit, case.query, budget=budget).rows, free.rows)


# --- monitor


def test_progress_is_reported_at_each_refit() -> None:
    case, seen = random_case(115), []
    found = rw.find_flip_set(fit_of(case), case.query, monitor=rw.Monitor(seen.append))
    refits = [step.done for step in seen if step.phase == "refitting"]
    assert refits == list(range(len(refits)))
    assert len(refits) >= 1
    assert len(refits) <= found.refits
    assert all(isinstance(step, rw.Progress) and step.phase and step.total is None for step in seen)
    limited: list[rw.Progress] = []
    rw.find_flip_set(fit_of(case), case.query, budget=3, monitor=rw.Monitor(limited.append))
    assert {step.total for step in limited if step.phase == "refitting"} == {3}


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_cancelled_within_one_refit(after: int) -> None:
    case = random_case(117, n=80, C=0.1)
    fit = fit_of(case)
    before, y = snapshot(fit.theta) + snapshot(fit.eta), fit.y
    seen: list[rw.Progress] = []

    def listen(progress: rw.Progress) -> None:
        if progress.phase == "refitting":
            seen.append(progress)
            if progress.done == after:
                monitor.cancel()

    monitor = rw.Monitor(listen)
    with pytest.raises(rw.Cancelled, match="cancelled on request"):
        rw.find_flip_set(fit, case.query, monitor=monitor)
    assert monitor.cancelled
    assert seen[-1].done == after, "a refit began after the cancellation"
    assert snapshot(fit.theta) + snapshot(fit.eta) == before
    assert_array_equal(fit.y, y)
    assert rw.find_flip_set(fit, case.query).found


def test_cancelled_from_another_thread() -> None:
    case = random_case(117, n=80, C=0.1)
    fit, started = fit_of(case), threading.Event()
    monitor = rw.Monitor(lambda _: started.set())
    ended: list[str] = []

    def work() -> None:
        try:
            while True:
                rw.find_flip_set(fit, case.query, monitor=monitor)
        except rw.Cancelled as stop:
            ended.append(str(stop))

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(10)
    monitor.cancel()
    thread.join(10)
    assert ended == ["cancelled on request"]


# --- the rest of the promise


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_deterministic_and_nothing_is_edited(edit: Any) -> None:
    case = random_case(118, n=60, sparsity=0.5)
    x, y, query = sparse.csr_array(case.x), case.y.copy(), sparse.csr_array(case.query[None])
    fit = rw.fit(x, y, case.C)
    held = snapshot(x) + snapshot(y) + snapshot(query) + snapshot(fit.theta) + snapshot(fit.eta)
    first = rw.find_flip_set(fit, query, edit=edit)
    again = rw.find_flip_set(fit, query, edit=edit)
    fresh = rw.find_flip_set(rw.fit(x, y, case.C), query, edit=edit)
    for other in (again, fresh):
        assert_array_equal(other.rows, first.rows)
        assert other.proba_after == first.proba_after
        assert other.refits == first.refits
    assert snapshot(x) + snapshot(y) + snapshot(query) + snapshot(fit.theta) + snapshot(fit.eta) == held


@pytest.mark.parametrize("method", ["verified", "first-order"])
@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_many_queries_are_the_loop(method: Any, edit: Any) -> None:
    case = random_case(119, n=60, p=6)
    fit, queries = fit_of(case), np.random.default_rng(1).normal(size=(35, 6))
    many = rw.find_flip_sets(fit, queries, method=method, edit=edit, threshold=0.4)
    assert len(many) == 35
    for x, found in zip(queries, many, strict=True):
        alone = rw.find_flip_set(fit, x, method=method, edit=edit, threshold=0.4)
        assert_array_equal(found.rows, alone.rows)
        assert found.outcome == alone.outcome
        assert_allclose(found.proba_before, alone.proba_before, rtol=1e-12)
        assert_allclose(found.proba_after, alone.proba_after, rtol=1e-8)


def test_progress_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    case = random_case(120)
    rw.find_flip_sets(fit_of(case), case.x[:3], progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.endswith("3 of 3\n")
    assert shown.err.count("\n") == 1
    rw.find_flip_sets(fit_of(case), case.x[:3])
    assert capsys.readouterr().err == ""


def test_most_influential_first() -> None:
    """The first row alone moves the query's log-odds further than the last alone, on refits."""
    case = random_case(121, n=100, C=0.05)
    found = rw.find_flip_set(fit_of(case), case.query)
    assert found.size > 4
    alone = [abs(np.subtract(*margins(case, [row], "relabel", 0.0))) for row in found.rows]
    assert np.mean(alone[: found.size // 2]) > np.mean(alone[-(found.size // 2) :])
    assert alone[0] > alone[-1]


def test_labels_are_the_callers_own() -> None:
    case = random_case(122)
    y = np.array(["ham", "spam"])[case.y]
    found = rw.find_flip_set(rw.fit(case.x, y), case.query)
    assert found.labels.tolist() == np.array(["ham", "spam"])[1 - case.y[found.rows]].tolist()
    removed = rw.find_flip_set(rw.fit(case.x, y), case.query, edit="remove")
    assert removed.labels.tolist() == y[removed.rows].tolist()
    assert removed.edit == "remove"


def test_margins_of_a_thousand() -> None:
    """Queries whose log-odds are far out: finite answers, and a set that scikit-learn confirms."""
    case = random_case(123, n=30, C=1.0)
    far = Case(case.x, case.y, 1e3 * case.query, 1.0)
    found = rw.find_flip_set(fit_of(far), far.query)
    assert abs(fit_of(far).decision(far.query[None])[0]) > 300
    assert found.found
    before, after = margins(far, found.rows, "relabel", 0.0)
    assert (before > 0) != (after > 0)
    assert np.isfinite([found.proba_before, found.proba_after]).all()


def test_optimal_only_if_the_bound_is_met() -> None:
    for seed in range(10):
        case = tiny(seed, "dense")
        found = rw.find_flip_set(fit_of(case), case.query)
        assert found.optimal == (found.verified and found.size == found.lower_bound)
        if found.optimal:
            assert exhaustive_minimum(case.dense, case.query, "relabel", 0.0, found.size) == found.size


def test_in_words() -> None:
    case = random_case(124, n=100, C=0.03)
    found = rw.find_flip_set(fit_of(case), case.query)
    shown = repr(found)
    assert shown.startswith(
        f"FlipSet(size={found.size}, verified=True, lower_bound={found.lower_bound}, P({found.proba_class}) 0."
    )
    assert "Found: a refit confirms that this set flips the prediction." in shown
    assert ("..." in shown) == (found.size > 8)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_many_queries_in_processes_return_what_a_loop_returns(n_jobs: int) -> None:
    rng = np.random.default_rng(11)
    x = rng.normal(size=(90, 6))
    fit = rw.fit(x, (x[:, 0] + rng.normal(size=90) > 0).astype(int))
    queries = rng.normal(size=(17, 6))
    seen: list[rw.Progress] = []
    many = rw.find_flip_sets(fit, queries, n_jobs=n_jobs, monitor=rw.Monitor(seen.append))
    for query, found in zip(queries, many, strict=True):
        np.testing.assert_array_equal(found.rows, rw.find_flip_set(fit, query).rows)
    assert [p.done for p in seen if p.phase == "finding flip sets"] == list(range(1, 18))


def test_number_of_processes_is_checked() -> None:
    fit = rw.fit(np.arange(6.0)[:, None], [0, 1, 0, 1, 1, 1])
    with pytest.raises(ValueError, match="expected n_jobs as a positive whole number or None, got 0"):
        rw.find_flip_sets(fit, np.ones((2, 1)), n_jobs=0)


def test_cost_is_checked_and_respected() -> None:
    rng = np.random.default_rng(12)
    x = rng.normal(size=(60, 4))
    fit = rw.fit(x, (x[:, 0] + rng.normal(size=60) > 0).astype(int))
    cost = rng.uniform(0.1, 3.0, 60)
    for query in rng.normal(size=(8, 4)):
        small, cheap = rw.find_flip_set(fit, query), rw.find_flip_set(fit, query, cost=cost)
        assert cheap.verified
        assert cost[cheap.rows].sum() <= cost[small.rows].sum() + 1e-9
    with pytest.raises(
        ValueError, match=r"find_flip_set: expected cost as finite, non-negative numbers of shape \(60,\)"
    ):
        rw.find_flip_set(fit, x[0], cost=-cost)

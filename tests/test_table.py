"""The single-relabel table, against one refit after another."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import exact_log_odds
from scipy import sparse

import relabel_widget as rw


def problem(seed: int, *, n: int = 70, weights: bool = False) -> tuple[rw.Fit, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = sparse.csr_array(rng.normal(size=(n, 12)) * (rng.uniform(size=(n, 12)) < 0.4))
    y = (x @ rng.normal(size=12) + rng.normal(size=n) > 0).astype(int)
    weight = rng.uniform(0.2, 3, n) if weights else None
    return rw.fit(x, y, C=5.0, sample_weight=weight), rng.normal(size=(9, 12))


@pytest.mark.parametrize("weights", [False, True])
def test_every_entry_is_what_a_refit_gives(weights: bool) -> None:
    fit, queries = problem(0, weights=weights)
    table = rw.single_relabel_table(fit, queries)
    for row in range(fit.n_rows):
        np.testing.assert_allclose(table[:, row], fit.refit(np.array([row])).decision(queries), atol=1e-7)


def test_a_row_of_great_leverage_is_refitted_all_the_same() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 3))
    x[7] *= 300  # Newton's full step overshoots here
    y = (x[:, 0] > 0).astype(int)
    fit = rw.fit(x, y, C=10.0)
    table = rw.single_relabel_table(fit, x[:5])
    np.testing.assert_allclose(table[:, 7], fit.refit(np.array([7])).decision(x[:5]), atol=1e-6)


def test_a_swap_that_leaves_one_class_is_not_a_number() -> None:
    x = np.arange(6.0)[:, None]
    table = rw.single_relabel_table(rw.fit(x, [0, 0, 0, 0, 0, 1]), x[:2])
    assert np.isnan(table[:, 5]).all()
    assert np.isfinite(table[:, :5]).all()


def test_it_stops_on_request_and_reports_rows() -> None:
    fit, queries = problem(1)
    seen: list[rw.Progress] = []
    monitor = rw.Monitor(lambda progress: (seen.append(progress), monitor.cancel()))
    with pytest.raises(rw.Cancelled):
        rw.single_relabel_table(fit, queries, monitor=monitor)
    assert seen[0].done == 32
    assert seen[0].total == fit.n_rows


def test_it_proves_that_two_rows_are_needed_and_no_more() -> None:
    fit, queries = problem(2)
    table = rw.single_relabel_table(fit, queries)
    before = fit.decision(queries)
    single = ((table > 0) != (before > 0)[:, None]).any(axis=1)
    sets = rw.find_flip_sets(fit, queries, table=table)
    assert {True, False} == set(single.tolist()), "both cases are wanted here"
    for found, flips, row, query in zip(sets, single, table, queries, strict=True):
        assert found.lower_bound >= (1 if flips else 2)
        assert found.optimal == (found.size == found.lower_bound)
        assert rw.find_flip_set(fit, query, table=row).lower_bound == found.lower_bound
    # among rows that flip nothing alone the bound is 2, whatever the others do
    query = int(np.flatnonzero(single)[0])
    idle = np.flatnonzero((table[query] > 0) == (before[query] > 0))
    assert rw.find_flip_set(fit, queries[query], candidates=idle, table=table[query]).lower_bound >= 2


def test_sources_of_bounds_are_checked() -> None:
    fit, queries = problem(4)
    other, _ = problem(5)
    with pytest.raises(ValueError, match=r"find_flip_set: expected table of shape \(1, 70\), got \(3,\)"):
        rw.find_flip_set(fit, queries[0], table=np.zeros(3))
    with pytest.raises(ValueError, match="says nothing about edit 'remove'"):
        rw.find_flip_set(fit, queries[0], edit="remove", table=np.zeros(70))
    with pytest.raises(ValueError, match="expected a bound made of this fit"):
        rw.find_flip_set(fit, queries[0], bound=rw.remainder_bound(other))


def test_the_remainder_bound_reaches_the_flip_set() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(60, 4))
    fit = rw.fit(x, (x[:, 0] > 0).astype(int), C=0.01)
    bound = rw.remainder_bound(fit)
    found = rw.find_flip_set(fit, x[3], bound=bound)
    assert 1 < found.lower_bound <= found.size


def test_columns_of_any_scale() -> None:
    """Every entry is a refit's, also where one column's gradient is far larger than another's."""
    rng = np.random.default_rng(4)
    z = rng.normal(size=(60, 3))
    x, y = z * [1e12, 1.0, 1e-3], (z[:, 0] + z[:, 1] + rng.normal(size=60) > 0).astype(int)
    fit = rw.fit(x, y, C=10.0)
    table = rw.single_relabel_table(fit, x[:5])
    for row in range(60):
        codes = np.where(np.arange(60) == row, 1 - y, y)
        expected = exact_log_odds(x, codes, 10.0, None, True, x[:5])
        np.testing.assert_allclose(table[:, row], expected, rtol=0, atol=1e-6)

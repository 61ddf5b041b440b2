"""A lower bound by trying all sets, against enumeration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bound_cases import (
    case_of,
    every_edit,
    fit_of,
    queries_of,
)
from oracles import exhaustive_minimum

import relabel_widget as rw
from relabel_widget.bound import (
    exhaustive_lower_bound,
    exhaustive_refits,
    remainder_bound,
)


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
        ValueError, match=r"at most 1000 refits, got 10700 for sets of up to 3 of 40 rows. Use largest=2"
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

"""`suspects`: which training labels are most likely wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import random_case, sklearn_edited, sklearn_fit

import relabel_widget as rw
from relabel_widget.audit.mislabelled import without_itself


@pytest.mark.parametrize("kind", [{}, {"weighted": True}, {"fit_intercept": False}, {"sparsity": 0.5}], ids=str)
def test_log_odds_without_a_row_against_refits(kind: dict[str, Any]) -> None:
    case = random_case(310, n=200, p=4, **kind)
    settings = (case.C, case.weights, case.fit_intercept)
    fit = rw.fit(case.x, case.y, *settings)
    exact = np.array(
        [
            sklearn_edited(case.x, case.y, [i], "remove", *settings).decision_function(case.x[i : i + 1])[0]
            for i in range(200)
        ]
    )
    moved = exact - fit.eta
    assert np.corrcoef(without_itself(fit) - fit.eta, moved)[0, 1] > 0.95
    assert np.abs(without_itself(fit) - exact).mean() < 0.25 * np.abs(moved).mean()


def planted(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    clean = (x @ [2.0, -2.0, 1.0, 0.0] > 0).astype(int)
    wrong = rng.choice(n, n // 10, replace=False)
    y = clean.copy()
    y[wrong] ^= 1
    return x, y, wrong


def test_planted_errors_come_first() -> None:
    x, y, wrong = planted(0)
    table = rw.suspects(rw.fit(x, y))
    assert table.columns.tolist() == ["row", "label", "suggested", "score"]
    assert len(table) == 400
    assert np.isin(table["row"][:20], wrong).mean() > 0.9
    assert_array_equal(table["label"], y[table["row"]])
    assert_array_equal(table["suggested"], 1 - y[table["row"]])
    assert (np.diff(table["score"]) <= 0).all()
    assert table["score"].between(0, 1).all()
    assert np.unique(table["row"]).size == 400


def test_labels_of_any_kind_come_back_in_their_kind() -> None:
    x, y, _ = planted(1)
    expected = rw.suspects(rw.fit(x, y))
    for classes in (np.array(["bad", "good"]), np.array([False, True]), np.array(["x", "y"], dtype=object)):
        table = rw.suspects(rw.fit(x, classes[y]))
        assert_array_equal(table["row"], expected["row"])
        assert_array_equal(table["suggested"], classes[expected["suggested"]])


def test_swapping_the_names_of_the_classes_changes_nothing() -> None:
    x, y, _ = planted(2)
    here, there = rw.suspects(rw.fit(x, y)), rw.suspects(rw.fit(x, 1 - y))
    assert_allclose(there["score"], here["score"], atol=1e-9)
    assert_array_equal(there["row"], here["row"])


def test_limit() -> None:
    x, y, _ = planted(3)
    fit = rw.fit(x, y)
    assert_array_equal(rw.suspects(fit, limit=7), rw.suspects(fit)[:7])
    assert len(rw.suspects(fit, limit=1000)) == 400


def test_decided_rows_are_left_out_and_the_fit_is_not_edited() -> None:
    x, y, _ = planted(4)
    fit = rw.fit(x, y)
    first, second = rw.suspects(fit)["row"][:2]
    table = rw.suspects(fit, decisions={first: 1 - y[first], second: y[second]})
    assert not table["row"].isin([first, second]).any()
    assert len(table) == 398
    assert_array_equal(fit.y, y)
    everything = dict(enumerate(y.tolist()))
    assert rw.suspects(fit, decisions=everything).empty


def test_a_correction_is_learned_from() -> None:
    x, y, wrong = planted(5)
    fit = rw.fit(x, y)
    y_after = y.copy()
    y_after[wrong[:10]] ^= 1
    corrected = rw.suspects(fit, decisions={int(row): y_after[row] for row in wrong[:10]})
    refitted = rw.suspects(rw.fit(x, y_after))
    refitted = refitted[~refitted["row"].isin(wrong[:10])]
    assert_array_equal(corrected["row"], refitted["row"])
    assert_allclose(corrected["score"], refitted["score"], atol=1e-6)
    assert np.abs(corrected.set_index("row")["score"] - rw.suspects(fit).set_index("row")["score"]).max() > 0.01


@pytest.mark.parametrize("limit", [0, -1, 2.5, True, "all"], ids=str)
def test_limit_must_be_a_count(limit: Any) -> None:
    x, y, _ = planted(6)
    with pytest.raises(ValueError, match="suspects: expected limit as a positive whole number, got"):
        rw.suspects(rw.fit(x, y), limit=limit)


def test_decisions_must_name_rows_and_labels() -> None:
    x, y, _ = planted(7)
    fit = rw.fit(x, y)
    with pytest.raises(ValueError, match="suspects: decisions: expected training rows 0 to 399, got 400"):
        rw.suspects(fit, decisions={400: 1})
    with pytest.raises(ValueError, match=r"suspects: decisions: expected one of the labels \[0, 1\], got 2"):
        rw.suspects(fit, decisions={3: 2})
    with pytest.raises(TypeError, match="suspects: decisions: expected training row numbers"):
        rw.suspects(fit, decisions={"a": 1})


def test_a_cancelled_ranking_stops() -> None:
    x, y, _ = planted(8)
    monitor = rw.Monitor()
    monitor.cancel()
    with pytest.raises(rw.Cancelled, match="cancelled on request"):
        rw.suspects(rw.fit(x, y), monitor=monitor)


def test_the_workbench_leaves_out_what_is_decided() -> None:
    x, y, _ = planted(9)
    model = sklearn_fit(x, y)
    bench = rw.Workbench(model, x, y, x[:5])
    rows = bench.suspects()["row"].tolist()
    assert rows == rw.suspects(bench.fit)["row"].tolist()
    bench.relabel(rows[:2])
    bench.relabel(rows[2], label=y[rows[2]], note="ironic, but right")
    table = bench.suspects(limit=5)
    assert not set(table["row"]) & set(rows[:3])
    expected = rw.suspects(bench.fit, decisions={row: bench.labels()[row] for row in rows[:3]}, limit=5)
    assert_array_equal(table, expected)
    bench.undo()
    assert rows[2] in bench.suspects()["row"].tolist()
    bench.relabel(rows[0], label=y[rows[0]])  # the mark is taken back: nothing is decided on that row
    assert rows[0] in bench.suspects()["row"].tolist()
    assert rows[1] not in bench.suspects()["row"].tolist()

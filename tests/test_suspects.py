"""`suspects`: which training labels are most likely wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import DESIGNS, random_case, sklearn_fit, sklearn_model
from scipy import sparse
from scipy.special import expit
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_predict

import relabel_widget as rw
from relabel_widget.audit import columns
from relabel_widget.audit import folds as folds_module
from relabel_widget.audit.columns import column_evidence
from relabel_widget.audit.folds import folds_of, held_out
from relabel_widget.audit.mislabelled import _log_odds


def planted(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    clean = (x @ [2.0, -2.0, 1.0, 0.0] > 0).astype(int)
    wrong = rng.choice(n, n // 10, replace=False)
    y = clean.copy()
    y[wrong] ^= 1
    return x, y, wrong


def documents(seed: int, n_classes: int = 2, *, flipped: bool = True) -> tuple[Any, np.ndarray, np.ndarray]:
    """1,000 word counts of about 15 words from 2,000, each class with its own; a tenth of the labels is wrong."""
    rng = np.random.default_rng(seed)
    common = 1 / np.arange(1, 2001)
    tastes = common * np.exp(rng.normal(scale=0.8, size=(n_classes, 2000)))
    y = rng.integers(n_classes, size=1000)
    x = sparse.csr_array(rng.poisson(15 * (tastes / tastes.sum(axis=1, keepdims=True))[y]).astype(float))
    wrong = rng.choice(1000, 100, replace=False)
    if flipped:
        y[wrong] = (y[wrong] + rng.integers(1, n_classes, size=100)) % n_classes
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


def test_decisions_count_as_rows_seen_twice() -> None:
    """The oracle is a new fit on the labels that were decided, those rows twice."""
    x, y, wrong = planted(5)
    fit = rw.fit(x, y)
    settled = {int(row): int(1 - y[row]) for row in wrong[:10]} | {int(row): int(y[row]) for row in range(40, 60)}
    settled |= {int(row): int(1 - y[row]) for row in wrong[:10]}
    after, weights = y.copy(), np.ones(400)
    for row, label in settled.items():
        after[row], weights[row] = label, 2.0
    learned = rw.fit(x, after, 1.0, weights)
    log_odds = _log_odds(learned.problem, held_out(learned, folds_of(y)), after == 1, None)
    table = rw.suspects(fit, decisions=settled).set_index("row")["score"].sort_index()
    rest = np.setdiff1d(np.arange(400), list(settled))
    assert_allclose(table, expit(-(2.0 * y - 1) * log_odds)[rest], atol=1e-6)
    assert np.abs(table - rw.suspects(fit).set_index("row")["score"]).max() > 0.01


def test_decisions_improve_what_comes_next() -> None:
    """Over ten data sets: after a hundred answers, more of the errors that are left come early."""
    with_answers, without = [], []
    for seed in range(10):
        x, y, wrong = documents(seed)
        fit = rw.fit(x, y)
        first = rw.suspects(fit)["row"].to_numpy()
        answers = {int(row): int(y[row] ^ np.isin(row, wrong)) for row in first[:100]}
        learned = rw.suspects(fit, decisions=answers)["row"].to_numpy()
        assert sorted(learned) == sorted(first[100:])
        with_answers.append(average_precision_score(np.isin(learned, wrong), -np.arange(len(learned))))
        without.append(average_precision_score(np.isin(first[100:], wrong), -np.arange(len(learned))))
    assert np.mean(with_answers) > 1.05 * np.mean(without)


def test_better_than_out_of_fold_loss_on_documents() -> None:
    """Word counts, a tenth of the labels wrong: what suspects is for."""
    ours, theirs = [], []
    for seed in range(3):
        x, y, wrong = documents(seed)
        bad = np.isin(np.arange(len(y)), wrong)
        table = rw.suspects(rw.fit(x, y))
        ours.append(average_precision_score(bad[table["row"]], -np.arange(len(y))))
        proba = cross_val_predict(sklearn_model(max_iter=1000), x, y, cv=5, method="predict_proba")
        theirs.append(average_precision_score(bad, -proba[np.arange(len(y)), y]))
    assert np.mean(ours) > 1.05 * np.mean(theirs)


def test_several_classes() -> None:
    x, y, wrong = documents(11, n_classes=4)
    names = np.array(["art", "law", "news", "sport"])
    table = rw.suspects(rw.fit_one_vs_rest(x, names[y]))
    assert len(table) == len(y)
    assert np.isin(table["row"][:30], wrong).mean() > 0.8
    assert_array_equal(table["label"], names[y[table["row"]]])
    assert (table["label"] != table["suggested"]).all()
    true = documents(11, n_classes=4, flipped=False)[1]
    found = table[np.isin(table["row"], wrong)][:30]
    assert (found["suggested"].to_numpy() == names[true[found["row"]]]).mean() > 0.8
    assert table["score"].between(0, 1).all()
    assert (np.diff(table["score"]) <= 0).all()
    row = int(table["row"][0])
    decided = rw.suspects(rw.fit_one_vs_rest(x, names[y]), decisions={row: "sport"})
    assert row not in set(decided["row"])


def test_two_classes_either_way() -> None:
    """One fit of two classes, or one for each class: each fit is the other's mirror."""
    x, y, _ = planted(12)
    one, both = rw.suspects(rw.fit(x, y)), rw.suspects(rw.fit_one_vs_rest(x, y))
    assert_array_equal(one["row"], both["row"])
    assert_allclose(one["score"], both["score"], atol=1e-8)


@pytest.mark.parametrize("design", DESIGNS)
def test_same_in_every_storage(design: str) -> None:
    case = random_case(330, n=60, sparsity=0.4)
    here, there = rw.fit(case.x, case.y), rw.fit(DESIGNS[design](case.x), case.y)
    expected = rw.suspects(here)
    assert_allclose(rw.suspects(there).set_index("row")["score"][expected["row"]], expected["score"], atol=1e-5)


def test_weight_two_is_a_row_twice_and_weight_nought_none() -> None:
    """In the evidence of columns exactly; the row left out is then both copies."""
    case = random_case(331, n=30, sparsity=0.4)
    weights = np.ones(30)
    weights[4] = 0.0
    design, y = rw.fit(case.x, case.y).problem.design, case.y.astype(float)
    evidence = column_evidence(design, y, weights, [1.0])
    keep = weights > 0
    scale = np.mean(case.x[case.x != 0] ** 2) / np.mean(case.x[keep][case.x[keep] != 0] ** 2)
    without = column_evidence(design.take(np.flatnonzero(keep)), y[keep], weights[keep], [scale])
    length, shorter = (
        np.sqrt(1 + (case.x[keep] ** 2).sum(axis=1) / np.mean(x[x != 0] ** 2)) for x in (case.x, case.x[keep])
    )
    assert_allclose(evidence[keep, 0] * length, without[:, 0] * shorter, rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_column_evidence_against_a_loop(weighted: bool) -> None:
    case = random_case(332, n=25, p=4, sparsity=0.4, weighted=weighted)
    x, y = case.x, case.y
    weights = np.ones(25) if case.weights is None else case.weights
    design = rw.fit(x, y).problem.design
    result = column_evidence(design, y.astype(float), weights, [0.3, 2.0])
    prior, size = np.average(y, weights=weights), np.mean(x[x != 0] ** 2)
    for k, shrinkage in enumerate([0.3, 2.0]):
        for i in range(25):
            rest = np.delete(np.arange(25), i)
            total = 0.0
            for j in range(4):
                slope = (weights[rest] * (y[rest] - prior)) @ x[rest, j]
                bend = prior * (1 - prior) * weights[rest] @ x[rest, j] ** 2 + shrinkage * size
                total += x[i, j] * slope / bend
            assert_allclose(result[i, k], total / np.sqrt(1 + (x[i] ** 2).sum() / size), rtol=1e-12, atol=1e-14)


def test_column_evidence_does_not_know_the_scale() -> None:
    case = random_case(333, n=50)
    y, ones = case.y.astype(float), np.ones(50)
    small, large = (
        column_evidence(rw.fit(factor * case.x, case.y).problem.design, y, ones, [1.0]) for factor in (1e-3, 1e3)
    )
    assert_allclose(small, large, rtol=1e-9)


def test_column_evidence_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_case(334, n=50, sparsity=0.4)
    design = rw.fit(case.x, case.y).problem.design
    whole = column_evidence(design, case.y.astype(float), np.ones(50), [1.0])
    monkeypatch.setattr(columns, "_ENTRIES", 7)
    assert_allclose(column_evidence(design, case.y.astype(float), np.ones(50), [1.0]), whole, rtol=1e-12)


def test_rows_of_noughts_have_no_evidence() -> None:
    x = np.zeros((20, 3))
    y = np.arange(20) % 2
    table = rw.suspects(rw.fit(x, y))
    assert_allclose(table["score"], 0.5, atol=1e-6)


@pytest.mark.parametrize("kind", [{}, {"weighted": True}, {"fit_intercept": False}, {"sparsity": 0.5}], ids=str)
def test_held_out_against_a_dense_step_and_a_refit(kind: dict[str, Any]) -> None:
    case = random_case(335, n=120, **kind)
    fit = rw.fit(case.x, case.y, case.C, case.weights, case.fit_intercept)
    folds = folds_of(case.y)
    result = held_out(fit, folds)
    dense, theta = case.dense, case.dense.fit()
    for k in range(5):
        out = np.flatnonzero(folds == k)
        rest = dense.removed(out)
        step = theta - np.linalg.solve(rest.hessian(theta), rest.gradient(theta))
        assert_allclose(result[out], dense.z[out] @ step, rtol=0.02, atol=0.02)
        refit = dense.z[out] @ rest.fit()
        assert np.corrcoef(result[out] - fit.eta[out], refit - fit.eta[out])[0, 1] > 0.9


def test_folds_hold_equal_parts_of_each_class() -> None:
    codes = np.repeat([0, 1, 2], [31, 50, 7])
    folds = folds_of(codes)
    counts = np.array([[np.sum((folds == k) & (codes == c)) for c in range(3)] for k in range(5)])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()
    assert_array_equal(folds, folds_of(codes))
    assert (folds != folds_of(codes, seed=1)).any()


def test_unsolvable_systems_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, _ = planted(13)
    original = folds_module.solve_many
    monkeypatch.setattr(
        folds_module, "solve_many", lambda *args, **settings: replace(original(*args, **settings), converged=False)
    )
    with pytest.raises(ArithmeticError, match="suspects: conjugate gradients reached a relative residual"):
        rw.suspects(rw.fit(x, y))


def test_only_fits_are_taken() -> None:
    x, y, _ = planted(14)
    with pytest.raises(TypeError, match=r"suspects: expected a fit from .*, got Logis"):
        rw.suspects(sklearn_fit(x, y))


def test_decisions_must_leave_each_class_a_row() -> None:
    x, y, _ = planted(15)
    with pytest.raises(ValueError, match="suspects: the decisions leave no row of some class"):
        rw.suspects(rw.fit(x, y), decisions={int(row): 0 for row in np.flatnonzero(y)})


def test_tiny_data_has_an_answer() -> None:
    table = rw.suspects(rw.fit(np.array([[0.0], [1.0]]), [0, 1]))
    assert len(table) == 2
    assert table["score"].between(0, 1).all()


@pytest.mark.parametrize("limit", [0, -1, 2.5, True, "all"], ids=str)
def test_limit_must_be_a_count(limit: Any) -> None:
    x, y, _ = planted(6)
    with pytest.raises(ValueError, match="suspects: expected limit to be a positive whole number, got"):
        rw.suspects(rw.fit(x, y), limit=limit)


def test_decisions_as_a_series_of_labels_by_row() -> None:
    x, y, _ = planted(7)
    fit, decided = rw.fit(x, y), {3: 1 - y[3], 4: y[4]}
    pd.testing.assert_frame_equal(rw.suspects(fit, decisions=pd.Series(decided)), rw.suspects(fit, decisions=decided))
    with pytest.raises(ValueError, match=r"suspects: decisions, row 4: .* got nan \(float\), which is missing"):
        rw.suspects(fit, decisions=pd.Series({3: 1.0, 4: np.nan}))
    with pytest.raises(ValueError, match="suspects: decisions: expected each training row once"):
        rw.suspects(fit, decisions=pd.Series([1, 0], index=[3, 3]))
    with pytest.raises(
        TypeError, match="suspects: expected decisions to be a mapping or Series from rows to labels, got list"
    ):
        rw.suspects(fit, decisions=[3, 4])  # type: ignore[arg-type]


def test_decisions_must_name_rows_and_labels() -> None:
    x, y, _ = planted(7)
    fit = rw.fit(x, y)
    with pytest.raises(ValueError, match="suspects: decisions: expected training rows 0 to 399, got 400"):
        rw.suspects(fit, decisions={400: 1})
    with pytest.raises(ValueError, match=r"suspects: decisions, row 3: expected one of the labels \[0, 1\], got 2"):
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
    table = bench.suspects(limit=5, texts=False)
    assert not set(table["row"]) & set(rows[:3])
    expected = rw.suspects(bench.fit, decisions={row: bench.labels()[row] for row in rows[:3]}, limit=5)
    assert_array_equal(table, expected)
    bench.undo()
    assert rows[2] in bench.suspects()["row"].tolist()
    bench.relabel(rows[0], label=y[rows[0]])  # the mark is taken back: nothing is decided on that row
    assert rows[0] in bench.suspects()["row"].tolist()
    assert rows[1] not in bench.suspects()["row"].tolist()

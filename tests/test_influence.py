"""First-order influence: a dense solve for the formula, true refits for its order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import DESIGNS, DenseProblem, random_case
from scipy import sparse
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.design import DenseDesign
from relabel_widget.evidence import influence as influence_module

FUNCTIONS = {"relabel": rw.relabel_influence, "remove": rw.removal_influence}
every_edit = pytest.mark.parametrize("edit", FUNCTIONS)
KINDS = [{}, {"weighted": True}, {"fit_intercept": False}, {"sparsity": 0.6}, {"weighted": True, "sparsity": 0.4}]


def close_to_the_row(actual: np.ndarray, expected: np.ndarray, rtol: float) -> None:
    """Relative to each query's largest influence: single rows may cancel to nearly nothing."""
    assert np.abs(actual - expected).max() <= rtol * np.abs(expected).max()


@every_edit
@pytest.mark.parametrize("C", [0.01, 1.0, 1e3])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_against_a_dense_solve(kind: dict[str, Any], C: float, edit: str) -> None:
    case = random_case(60, n=70, p=9, C=C, **kind)
    queries = np.random.default_rng(1).normal(size=(40, 9))  # more than one group of right-hand sides
    queries[3] = 0.0
    fit = rw.fit(case.x, case.y, C, case.weights, case.fit_intercept)
    actual, expected = FUNCTIONS[edit](fit, queries), case.dense.influence(queries, edit)
    assert actual.shape == (40, 70)
    assert actual.dtype == np.float64
    for t in range(40):
        close_to_the_row(actual[t], expected[t], 1e-6)
    if not case.fit_intercept:
        assert not actual[3].any()


@every_edit
@pytest.mark.parametrize("scaling", [0.2, 1.0, 5.0])
def test_liblinear(edit: str, scaling: float) -> None:
    case = random_case(61, C=0.7)
    model = LogisticRegression(solver="liblinear", C=0.7, intercept_scaling=scaling, tol=1e-10, max_iter=10_000)
    fit = rw.adopt(model.fit(case.x, case.y), case.x, case.y)
    ones = np.full(40, scaling)
    spelled_out = DenseProblem.of(np.column_stack([case.x, ones]), case.y, 0.7, fit_intercept=False)
    expected = spelled_out.influence(np.append(case.query, scaling)[None], edit)
    close_to_the_row(FUNCTIONS[edit](fit, case.query[None]), expected, 1e-6)


@every_edit
@pytest.mark.parametrize("make", DESIGNS.values(), ids=DESIGNS)
def test_every_design(make: Any, edit: str) -> None:
    case = random_case(62, sparsity=0.5)
    fit = rw.fit(make(case.x), case.y)
    expected = DenseProblem.of(case.x, case.y).influence(case.query[None], edit)
    close_to_the_row(FUNCTIONS[edit](fit, make(case.query[None])), expected, 1e-6)
    close_to_the_row(FUNCTIONS[edit](fit, sparse.coo_matrix(case.query[None])), expected, 1e-6)


@every_edit
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_second_order_agreement_with_true_refits(kind: dict[str, Any], edit: str) -> None:
    """Editing a row by a fraction t: the prediction's error falls fourfold when t halves, on refits.

    A relabel by t adds ``t s_i (2 y_i - 1) x_i . w`` to the objective, a removal by t takes t of the row's weight.
    A wrong sign, scale or Hessian would leave an error that falls twofold only.
    """
    case = random_case(63, n=30, p=4, C=1.0, **kind)
    dense, queries = case.dense, case.dense.extended(case.query)
    fit = rw.fit(case.x, case.y, 1.0, case.weights, case.fit_intercept)
    influence, before = FUNCTIONS[edit](fit, case.query[None])[0], float(queries[0] @ dense.fit())
    for row in np.argsort(-np.abs(influence))[[0, 3, 9]]:
        changes = [float(queries[0] @ dense.edited([row], edit, t).fit()) - before for t in (0.1, 0.05, 0.025)]
        errors = [abs(change - t * influence[row]) for change, t in zip(changes, (0.1, 0.05, 0.025), strict=True)]
        assert errors[0] < 0.1 * abs(changes[0])
        if errors[0] > 1e-7:  # by chance the second order may vanish
            assert 3.0 < errors[0] / errors[1] < 5.5
            assert 3.3 < errors[1] / errors[2] < 4.8


def test_the_sign_and_size_of_a_whole_relabel() -> None:
    """On many rows a single relabel is a small edit: prediction and refit agree within a few per cent."""
    case = random_case(64, n=2000, p=3, C=0.1)
    fit = rw.fit(case.x, case.y, 0.1)
    influence = rw.relabel_influence(fit, case.query[None])[0]
    before = float(case.dense.extended(case.query)[0] @ fit.theta)
    for row in np.argsort(influence)[[0, 1, -2, -1]]:
        after = float(case.dense.extended(case.query)[0] @ case.dense.relabelled([row]).fit())
        assert_allclose(influence[row], after - before, rtol=0.05)


def test_nothing_is_edited_and_a_cancelled_one_stops() -> None:
    case = random_case(66)
    fit, queries = rw.fit(case.x, case.y), case.query[None].copy()
    theta = fit.theta.copy()
    rw.relabel_influence(fit, queries)
    assert (fit.theta == theta).all()
    assert (queries[0] == case.query).all()
    monitor = rw.Monitor()
    monitor.cancel()
    with pytest.raises(rw.Cancelled, match="cancelled on request"):
        rw.removal_influence(fit, queries, monitor=monitor)


# --- the top of a ranking


@every_edit
@pytest.mark.parametrize("direction", ["either", "up", "down"])
@pytest.mark.parametrize("make", DESIGNS.values(), ids=DESIGNS)
def test_the_top_is_that_of_all_scores(make: Any, direction: Any, edit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influence_module, "_ROWS", 7)
    monkeypatch.setattr(influence_module, "_GROUP", 2)
    case = random_case(67, n=30, sparsity=0.4)
    fit, queries = rw.fit(make(case.x), case.y), np.random.default_rng(3).normal(size=(5, 5))
    expected = FUNCTIONS[edit](fit, queries)
    worth = {"either": np.abs(expected), "up": expected, "down": -expected}[direction]
    top = rw.top_influence(fit, queries, 6, edit=edit, direction=direction)
    assert (top.rows.shape, top.rows.dtype, top.values.dtype) == ((5, 6), np.int64, np.float64)
    for t in range(5):
        close = 1e-7 * np.abs(expected).max()
        assert_allclose(top.values[t], expected[t, top.rows[t]], rtol=0, atol=close)
        assert_allclose(worth[t, top.rows[t]], np.sort(worth[t])[::-1][:6], rtol=0, atol=close)
        assert len(set(top.rows[t].tolist())) == 6


@pytest.mark.parametrize("name", ["csr", "sparse blocks of 3"])
def test_of_equal_scores_the_first_rows_are_taken(name: str) -> None:
    x = np.tile([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], (5, 1))
    fit = rw.fit(DESIGNS[name](x), np.tile([0, 1, 0, 1], 5), fit_intercept=False)
    top = rw.top_influence(fit, np.array([[1.0, 0.0]]), 4)
    assert sorted(top.rows[0].tolist()) == [0, 1, 4, 5]
    assert rw.top_influence(fit, np.array([[1.0, 0.0]]), 99).rows.shape == (1, 20)


class CountingDesign(DenseDesign):
    """Counts products; with so few stored values, by its own account, that the block is of two columns."""

    products = 0
    n_stored = 8

    def gram_matvec(self, *arguments: Any) -> Any:
        self.products += 1
        return super().gram_matvec(*arguments)


def test_what_a_ranking_cannot_be_asked_for() -> None:
    fit = rw.fit(random_case(66).x, random_case(66).y)
    for k in (0, 1.5, "all"):
        with pytest.raises(ValueError, match="expected k as a whole number of at least 1"):
            rw.top_influence(fit, np.ones((1, 5)), k)
    with pytest.raises(ValueError, match='expected direction "either", "up" or "down"'):
        rw.top_influence(fit, np.ones((1, 5)), direction="both")
    with pytest.raises(ValueError, match="top_influence"):
        rw.top_influence(fit, np.ones((1, 5)), edit="delete")
    for rtol in (0, 1, np.nan):
        with pytest.raises(ValueError, match="expected rtol between 0 and 1"):
            rw.top_influence(fit, np.ones((1, 5)), rtol=rtol)


def test_a_looser_ranking_takes_fewer_products_and_comes_as_close_as_asked() -> None:
    case = random_case(69, n=200, p=40, sparsity=0.5)
    design = CountingDesign(case.x)
    fit, query = rw.fit(design, case.y), np.ones((1, 40))
    asked, values = [], []
    for rtol in (1e-9, 1e-3):
        design.products = 0
        values.append(rw.top_influence(fit, query, 200, rtol=rtol, direction="up"))
        asked.append(design.products)
    assert asked[1] < asked[0]
    tight, loose = (np.take(each.values[0], np.argsort(each.rows[0])) for each in values)
    assert 0 < np.abs(tight - loose).max() < 0.05 * np.abs(tight).max()

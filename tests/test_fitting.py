"""Fits by our own Newton-CG: against scikit-learn, a dense oracle, and the laws of the model."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import (
    DESIGNS,
    GUISES,
    DenseProblem,
    exact_log_odds,
    random_case,
    sigmoid,
    sklearn_fit,
    small_integers,
    snapshot,
)
from scipy import sparse

import relabel_widget as rw

KINDS = [{}, {"weighted": True}, {"fit_intercept": False}, {"weighted": True, "fit_intercept": False}]


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("sparsity", [0.0, 0.6], ids=["dense", "sparse"])
@pytest.mark.parametrize(("solver", "close"), [("newton-cholesky", 1e-7), ("lbfgs", 1e-4)])
def test_against_scikit_learn(C: float, kind: dict[str, Any], sparsity: float, solver: str, close: float) -> None:
    case = random_case(20, n=120, p=8, sparsity=sparsity, C=C, **kind)
    x = sparse.csr_array(case.x) if sparsity else case.x
    fit = rw.fit(x, case.y, C, case.weights, case.fit_intercept)
    model = sklearn_fit(case.x, case.y, C, case.weights, case.fit_intercept, solver)
    assert_allclose(fit.coef, model.coef_[0], rtol=0, atol=close)
    assert_allclose(fit.intercept, model.intercept_[0] if case.fit_intercept else 0.0, rtol=0, atol=close)
    assert_allclose(fit.decision(x), model.decision_function(case.x), rtol=0, atol=close)
    assert_allclose(fit.proba(x), model.predict_proba(case.x)[:, 1], rtol=0, atol=close)
    assert case.dense.objective(fit.theta) <= case.dense.objective(
        np.append(model.coef_, model.intercept_)[: len(fit.theta)]
    ) * (1 + 1e-13), "scikit-learn found a lower objective"


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_badly_scaled_columns(C: float) -> None:
    case = random_case(21, n=80, p=5, C=C)
    scales = np.array([1e-3, 1.0, 1e3, 1e2, 1e-2])
    x = case.x * scales + np.array([0.0, 0.0, 500.0, 0.0, 0.0])
    fit, expected = rw.fit(x, case.y, C), DenseProblem.of(x, case.y, C).fit()
    assert_allclose(x @ fit.coef + fit.intercept, x @ expected[:-1] + expected[-1], rtol=0, atol=1e-6)
    assert fit.gradient_norm <= 1e-7 * fit.problem.gradient_scale


SCALES: dict[str, Any] = {
    "together": lambda z: z * [1e-12, 1e15, 1.0, 1e3],
    "far from zero": lambda z: (z + 5.0) * [1e-12, 1e15, 1.0, 1e3],
    "nanoseconds": lambda z: np.column_stack([z[:, :3], 1.6e18 + 1e16 * z[:, 3]]),
    "constant": lambda z: np.column_stack([z, np.full(len(z), 1.6e18), np.full(len(z), 2024.0)]),
    "zero": lambda z: np.column_stack([z, np.zeros((len(z), 2))]),
    "nearly collinear": lambda z: np.column_stack([z, z[:, 0] * (1 + 1e-8 * z[:, 1])]),
    "the same in other units": lambda z: np.column_stack([z, 1e6 * z[:, 0]]),
}


@pytest.mark.parametrize("C", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("labels", ["noisy", "separable"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", SCALES)
def test_whatever_the_scales_the_minimiser_is_reached(kind: str, fit_intercept: bool, labels: str, C: float) -> None:
    """Against columns standardised by hand: a constant of 1e15 once moved log-odds by 0.03, in silence.

    Where all classes are separated, log-odds are large and known as far as the objective tells.
    """
    rng = np.random.default_rng(7)
    z, noise = rng.normal(size=(120, 4)), rng.normal(size=120) * (labels == "noisy")
    x, y = SCALES[kind](z), (z[:, 0] + z[:, 3] + noise > 0).astype(int)
    fit = rw.fit(x, y, C=C, fit_intercept=fit_intercept)
    expected = exact_log_odds(x, y, C, None, fit_intercept, x)
    assert_allclose(fit.eta, expected, rtol=1e-7, atol=1e-7)
    assert_allclose(fit.decision(x), fit.eta, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("value", "seed"), [(1.6e18, 7), (1.6e18, 192), (1e15, 63), (1e15, 242), (3e20, 223), (3e20, 245)]
)
def test_large_constants_do_not_stop_newton(value: float, seed: int) -> None:
    """One fit in a hundred once ended in an error: the rounding of a constant's gradient made steps that mattered."""
    rng = np.random.default_rng(seed)
    z, noise = rng.normal(size=(120, 4)), rng.normal(size=120)
    x, y = np.column_stack([z, np.full(120, value), np.full(120, 2024.0)]), (z[:, 0] + z[:, 3] + noise > 0).astype(int)
    assert_allclose(rw.fit(x, y, C=1e6).eta, rw.fit(z, y, C=1e6).eta, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_weights_of_twelve_orders(fit_intercept: bool) -> None:
    rng = np.random.default_rng(8)
    x, weights = rng.normal(size=(120, 4)) * [1e-6, 1e6, 1.0, 1e3], 10.0 ** rng.uniform(-6, 6, 120)
    y = (x[:, 2] + rng.normal(size=120) > 0).astype(int)
    fit = rw.fit(x, y, sample_weight=weights, fit_intercept=fit_intercept)
    assert_allclose(fit.eta, exact_log_odds(x, y, 1.0, weights, fit_intercept, x), rtol=0, atol=1e-7)


@pytest.mark.parametrize("unit", [1.0, 1e9])
def test_what_cannot_be_solved_is_refused_by_column(unit: float) -> None:
    """Timestamps of one second in fifty years: of what tells rows apart, float64 leaves too little."""
    rng = np.random.default_rng(9)
    when, age = (1.6e9 + 0.01 * rng.uniform(size=300)) * unit, rng.normal(50, 15, 300)
    y = (age + rng.normal(0, 15, 300) + 2000 * (when / unit - 1.6e9) > 60).astype(int)
    words = r"Newton decrement of .*columns of very different scale .*column 0: 1\.6e\+\d+.*standardise"
    with pytest.raises(ArithmeticError, match=words):
        rw.fit(np.column_stack([when, age]), y)


def test_one_row_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="expected two classes"):
        rw.fit(np.ones((1, 3)), [1])


@pytest.mark.parametrize("guise", GUISES.values(), ids=GUISES)
def test_every_guise_gives_the_same_fit(guise: Any) -> None:
    x = small_integers(30, 5, 3)
    y = (np.arange(30) % 3 == 0).astype(int)
    expected = DenseProblem.of(x, y).fit()
    held = guise(x)
    before, labels = snapshot(held), y.copy()
    fit = rw.fit(held, y)
    assert_allclose(fit.theta, expected, rtol=0, atol=1e-9)
    assert_allclose(fit.decision(held), x @ expected[:-1] + expected[-1], rtol=0, atol=1e-8)
    assert snapshot(held) == before
    assert_array_equal(y, labels)


@pytest.mark.parametrize("make", DESIGNS.values(), ids=DESIGNS)
def test_every_design_gives_the_same_fit(make: Any) -> None:
    x = small_integers(30, 5, 3)
    y = (np.arange(30) % 3 == 0).astype(int)
    fit = rw.fit(make(x), y, sample_weight=np.arange(1.0, 31.0))
    expected = DenseProblem.of(x, y, weights=np.arange(1.0, 31.0)).fit()
    assert_allclose(fit.theta, expected, rtol=0, atol=1e-9)
    assert_allclose(fit.decision(make(x)), fit.decision(x), rtol=0, atol=1e-12)


# --- laws


def test_weight_two_is_the_row_twice_and_weight_zero_is_the_row_removed() -> None:
    case = random_case(22)
    weights = np.ones(40)
    weights[:5], weights[5:9] = 2.0, 0.0
    repeated = np.concatenate([np.arange(5), np.arange(5), np.arange(9, 40)])
    weighted = rw.fit(case.x, case.y, case.C, weights)
    spelled_out = rw.fit(case.x[repeated], case.y[repeated], case.C)
    assert_allclose(weighted.theta, spelled_out.theta, rtol=0, atol=1e-9)


def test_the_intercept_is_a_column_of_ones_without_penalty() -> None:
    """Scaling the column of ones by k divides its penalty by k squared: the limit is the free intercept."""
    case = random_case(23, C=1.0)
    free = rw.fit(case.x, case.y)
    ones = rw.fit(np.column_stack([case.x, np.full(40, 1e4)]), case.y, fit_intercept=False)
    assert_allclose(ones.coef[:-1], free.coef, rtol=0, atol=1e-6)
    assert_allclose(ones.coef[-1] * 1e4, free.intercept, rtol=0, atol=1e-6)
    assert_allclose(np.sum(free.proba(case.x)), case.y.sum(), rtol=1e-9)  # a free intercept balances the residuals


def test_swapping_all_labels_negates_the_model() -> None:
    case = random_case(24, weighted=True)
    fit = rw.fit(case.x, case.y, case.C, case.weights)
    other = rw.fit(case.x, 1 - case.y, case.C, case.weights)
    assert_allclose(other.theta, -fit.theta, rtol=0, atol=1e-9)
    assert_allclose(fit.refit(np.arange(40)).theta, -fit.theta, rtol=0, atol=1e-9)


def test_relabelling_twice_is_nothing() -> None:
    case = random_case(25)
    fit = rw.fit(case.x, case.y, case.C)
    rows = np.array([3, 1, 20])
    twice = fit.refit(rows).refit(rows[::-1])
    assert_array_equal(twice.y, fit.y)
    assert_allclose(twice.theta, fit.theta, rtol=0, atol=1e-9)


@pytest.mark.parametrize("edit", ["relabel", "remove"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_warm_refit_is_the_cold_one(kind: dict[str, Any], edit: Any) -> None:
    case = random_case(26, **kind)
    fit, rows = rw.fit(case.x, case.y, case.C, case.weights, case.fit_intercept), np.array([0, 7, 13, 30])
    expected = case.dense.edited(rows, edit).fit()
    theta, y = fit.theta.copy(), fit.y
    for start in (None, np.zeros_like(theta), np.full_like(theta, 2.0)):
        assert_allclose(fit.refit(rows, edit, start=start).theta, expected, rtol=0, atol=1e-8)
    assert_array_equal(fit.theta, theta)
    assert_array_equal(fit.y, y)
    assert_allclose(fit.refit(np.array([], dtype=np.int64), edit).theta, fit.theta, rtol=0, atol=1e-10)


def test_proportional_weights_are_another_inverse_strength() -> None:
    case = random_case(27)
    assert_allclose(
        rw.fit(case.x, case.y, 0.5, np.full(40, 3.0)).theta, rw.fit(case.x, case.y, 1.5).theta, rtol=0, atol=1e-9
    )


def test_a_separated_class_at_small_damping() -> None:
    """Nothing but l2 = 1e-6 keeps the coefficients finite."""
    x = np.linspace(-1, 1, 20)[:, None]
    y = (x[:, 0] > 0).astype(int)
    fit = rw.fit(x, y, C=1e6)
    assert_allclose(fit.coef, DenseProblem.of(x, y, 1e6).fit()[:1], rtol=1e-6)
    assert fit.coef[0] > 100


# --- what a Fit says of itself


def test_attributes() -> None:
    case = random_case(28)
    y = np.array(["ham", "spam"])[case.y]
    fit = rw.fit(case.x, y, C=2.0)
    assert fit.coef.shape == (5,)
    assert isinstance(fit.intercept, float)
    assert fit.classes.tolist() == ["ham", "spam"]
    assert fit.C == 2.0
    assert fit.n_rows == 40
    assert_array_equal(fit.y, y)
    assert_allclose(
        fit.gradient_norm, np.linalg.norm(DenseProblem.of(case.x, case.y, 2.0).gradient(fit.theta)), atol=1e-9
    )
    assert_allclose(fit.proba(case.x), sigmoid(fit.decision(case.x)), rtol=1e-12)
    assert fit.transform is None
    assert fit.polish is None
    assert repr(fit).startswith("Fit(40 rows, 5 features, C=2, classes=['ham', 'spam'], gradient_norm=")
    without = rw.fit(case.x, y, fit_intercept=False)
    assert without.intercept == 0.0
    assert without.coef.shape == (5,)


def test_a_fit_cannot_be_edited() -> None:
    case = random_case(29)
    fit = rw.fit(case.x, case.y)
    fit.y[:] = 0
    assert_array_equal(fit.y, case.y)
    for array in (fit.theta, fit.coef, fit.eta):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        fit.theta = np.zeros(6)


@pytest.mark.parametrize("y", [["no", "yes"], [False, True], [-1, 1], [2.5, 7.0]], ids=str)
def test_labels_of_any_type(y: list[Any]) -> None:
    case = random_case(30)
    fit = rw.fit(case.x, np.array(y)[case.y])
    assert fit.classes.tolist() == y
    assert_allclose(fit.theta, rw.fit(case.x, case.y).theta, rtol=0, atol=0)


def test_a_data_frame_and_a_series_with_any_index() -> None:
    case = random_case(31)
    index = np.random.default_rng(0).permutation(40) + 1000
    fit = rw.fit(pd.DataFrame(case.x, index=index), pd.Series(case.y, index=index))
    assert_allclose(fit.theta, rw.fit(case.x, case.y).theta, rtol=0, atol=1e-10)


FRAME = pd.DataFrame(random_case(31).x[:, :3], columns=["b", "a", "c"])
FRAMES = {
    "pandas": lambda: FRAME,
    "nullable": FRAME.convert_dtypes,
    "polars": lambda: pl.from_pandas(FRAME),
    "polars lazy": lambda: pl.from_pandas(FRAME).lazy(),
    "pyarrow": lambda: pa.Table.from_pandas(FRAME),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_frames_of_any_library(frame: Any) -> None:
    y = random_case(31).y
    fit, plain = rw.fit(frame(), y), rw.fit(FRAME.to_numpy(), y)
    assert_allclose(fit.theta, plain.theta, rtol=0, atol=1e-12)
    assert fit.columns == ["b", "a", "c"]
    assert_allclose(fit.decision(frame()), plain.eta, rtol=0, atol=1e-9)
    other_order = pl.from_pandas(FRAME[["c", "b", "a"]].assign(beside="x"))
    assert_allclose(fit.decision(other_order), plain.eta, rtol=0, atol=1e-9)  # by place, it would be another model
    with pytest.raises(ValueError, match=r"decision: expected the columns of the training frame, b, .* without a"):
        fit.decision(FRAME.rename(columns={"a": "A"}))


def test_one_query_in_any_shape() -> None:
    y = random_case(31).y
    fit, x = rw.fit(FRAME, y), FRAME.to_numpy()
    expected = rw.find_flip_set(rw.fit(x, y), x[0]).rows
    first = FRAME.iloc[0]
    values = first.to_dict()
    shapes = [
        *(x[0], x[:1], x[0].tolist(), tuple(x[0]), sparse.csr_array(x[:1]), sparse.coo_array(x[0])),
        *(first, first[::-1], values, dict(reversed(values.items())), next(FRAME.itertuples())),
        *(FRAME[:1], FRAME[:1][["c", "a", "b"]], pl.from_pandas(FRAME[:1]), pl.from_pandas(FRAME).row(0, named=True)),
    ]
    for shape in shapes:
        assert_array_equal(rw.find_flip_set(fit, shape).rows, expected)
    assert fit.refit(np.array([1])).columns == fit.columns
    for wrong in (values | {"a": None}, {"a": 1.0}, [1.0], "text", FRAME):
        with pytest.raises((ValueError, TypeError), match="find_flip_set: x: expected"):
            rw.find_flip_set(fit, wrong)


def test_a_query_of_its_own_design_is_passed_through() -> None:
    case = random_case(32)
    fit = rw.fit(case.x, case.y)
    design = fit.design_of(case.x[:3])
    assert fit.design_of(design) is design
    assert_array_equal(fit.decision(design), fit.decision(case.x[:3]))


def test_a_cancelled_fit_stops() -> None:
    case = random_case(33)
    monitor = rw.Monitor()
    monitor.cancel()
    with pytest.raises(rw.Cancelled, match="cancelled on request"):
        rw.fit(case.x, case.y, monitor=monitor)


def test_a_bare_fit_keeps_what_was_computed_and_leaves_the_pipeline_behind() -> None:
    """It goes to other processes, where making the preconditioner again would cost each batch of queries anew."""
    fit = replace(rw.fit(np.eye(4), [0, 1, 0, 1]), transform=str)
    hessian, preconditioner = fit.hessian, fit.preconditioner
    bare = fit.bare()
    assert bare.transform is None
    assert fit.transform is str
    assert vars(bare)["hessian"] is hessian
    assert vars(bare)["preconditioner"] is preconditioner

"""Taking over scikit-learn's estimators: every solver, pipelines, labels, and how far they were from a minimiser."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import DenseProblem, exact_log_odds, quiet_fit, random_case, sklearn_model
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import relabel_widget as rw

SOLVERS = ["lbfgs", "newton-cg", "newton-cholesky", "sag", "saga", "liblinear"]

TEXTS = [
    "clean room and kind staff", "a clean quiet room", "kind staff great breakfast", "great view and quiet",
    "dirty room rude staff", "rude and slow and dirty", "cold breakfast and noise", "noise all night",
]  # fmt: skip
MOODS = np.array(["good"] * 4 + ["bad"] * 4)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_is_polished_to_its_own_minimiser(solver: str, weighted: bool) -> None:
    case = random_case(40, n=80, C=2.0, weighted=weighted)
    model = quiet_fit(
        LogisticRegression(solver=solver, C=2.0, random_state=0), case.x, case.y, sample_weight=case.weights
    )
    coef = model.coef_.copy()
    fit = rw.adopt(model, case.x, case.y, case.weights)
    intercept_l2 = 0.5 if solver == "liblinear" else 0.0
    dense = case.dense
    expected = DenseProblem(dense.x, dense.y, dense.l2, dense.weights, True, intercept_l2).fit()
    assert_allclose(fit.theta, expected, rtol=0, atol=1e-9)
    assert_allclose(np.append(model.coef_, model.intercept_), expected, rtol=0, atol=2e-2)
    assert_array_equal(model.coef_, coef)
    assert fit.C == 2.0


@pytest.mark.parametrize("scaling", [0.1, 1.0, 10.0])
def test_liblinear_penalises_its_intercept(scaling: float) -> None:
    """scikit-learn appends a column of ``intercept_scaling``; the oracle does just that, dense."""
    case = random_case(41, C=0.3)
    x = case.x + 1.0
    model = LogisticRegression(solver="liblinear", C=0.3, intercept_scaling=scaling, tol=1e-10, max_iter=10_000)
    fit = rw.adopt(model.fit(x, case.y), x, case.y)
    spelled_out = DenseProblem.of(np.column_stack([x, np.full(40, scaling)]), case.y, 0.3, fit_intercept=False).fit()
    assert_allclose(fit.coef, spelled_out[:-1], rtol=0, atol=1e-9)
    assert_allclose(fit.intercept, scaling * spelled_out[-1], rtol=0, atol=1e-9)
    assert fit.polish.distance < 1e-5
    assert fit.polish.predictions_changed == 0


@pytest.mark.parametrize("solver", ["lbfgs", "liblinear"])
def test_without_intercept(solver: str) -> None:
    case = random_case(42, fit_intercept=False)
    model = LogisticRegression(solver=solver, C=case.C, fit_intercept=False, tol=1e-8).fit(case.x, case.y)
    fit = rw.adopt(model, case.x, case.y)
    assert_allclose(fit.coef, case.dense.fit(), rtol=0, atol=1e-9)
    assert fit.intercept == 0.0


@pytest.mark.parametrize("penalty", ["elasticnet"])
def test_an_elastic_net_without_l1_is_l2(penalty: str) -> None:
    case = random_case(43, C=1.0)
    model = sklearn_model(penalty, solver="saga", tol=1e-8, max_iter=10_000).set_params(l1_ratio=0.0)
    fit = rw.adopt(quiet_fit(model, case.x, case.y), case.x, case.y)
    assert_allclose(fit.theta, case.dense.fit(), rtol=0, atol=1e-9)


CLASSES = {
    "string": np.array(["no", "yes"]),
    "object": np.array(["no", "yes"], dtype=object),
    "bool": np.array([False, True]),
    "int": np.array([-1, 1]),
    "float": np.array([0.0, 1.0]),
}


@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)
def test_labels_of_any_type(classes: np.ndarray) -> None:
    case = random_case(44)
    y = classes[case.y]
    model = LogisticRegression().fit(case.x, y)
    for given in (y, pd.Series(y), y.tolist()):
        fit = rw.adopt(model, case.x, given)
        assert fit.classes.tolist() == classes.tolist()
        assert fit.y.tolist() == y.tolist()
        assert_array_equal(fit.classes[(fit.decision(case.x) > 0).astype(int)], model.predict(case.x))


@pytest.mark.skipif(not hasattr(LogisticRegression(), "multi_class"), reason="scikit-learn 1.8 dropped multi_class")
def test_the_way_out_of_multinomial_keeps_the_probabilities() -> None:
    """With two classes its probabilities were once off by 0.07: scikit-learn fits two coefficient vectors."""
    case = random_case(53, C=0.25)
    model = LogisticRegression(multi_class="multinomial", C=0.25, tol=1e-8).fit(case.x, case.y)
    with pytest.raises(ValueError, match=r"Refit without multi_class; with C=0\.5 the probabilities stay the same"):
        rw.adopt(model, case.x, case.y)
    fit = rw.adopt(LogisticRegression(C=0.5).fit(case.x, case.y), case.x, case.y)
    assert_allclose(fit.proba(case.x), model.predict_proba(case.x)[:, 1], rtol=0, atol=1e-6)


def test_polish_says_how_far_the_estimator_was() -> None:
    case = random_case(45, n=200, C=1.0)
    model = quiet_fit(LogisticRegression(max_iter=3), case.x, case.y)
    start = np.append(model.coef_, model.intercept_)
    fit, expected = rw.adopt(model, case.x, case.y), case.dense.fit()
    changed = case.dense.z @ expected - case.dense.z @ start
    assert_allclose(fit.polish.distance, np.linalg.norm(expected - start), rtol=1e-6)
    assert_allclose(fit.polish.gradient_norm, np.linalg.norm(case.dense.gradient(start)), rtol=1e-9)
    assert_allclose(fit.polish.largest_change, np.abs(changed).max(), rtol=1e-6)
    flipped = (case.dense.z @ expected > 0) != (case.dense.z @ start > 0)
    assert fit.polish.predictions_changed == flipped.sum()
    assert fit.polish.distance > 1e-3


def test_an_estimator_far_from_its_minimiser_is_warned_about() -> None:
    case = random_case(46, n=100)
    model = LogisticRegression().fit(case.x, case.y)
    with pytest.warns(rw.AdoptionWarning, match=r"adopted estimator predicts \d+ of 100 training rows .*other rows"):
        fit = rw.adopt(model, -case.x, case.y)
    assert fit.polish.predictions_changed > 1
    assert_allclose(fit.coef, -rw.fit(case.x, case.y).coef, rtol=0, atol=1e-9)


@pytest.mark.parametrize("unit", [1.0, 1e3, 1e6, 1e9])
def test_timestamps_in_any_unit_are_polished_to_the_minimiser(unit: float) -> None:
    """In microseconds an estimator that had not moved from its start was once called the minimiser, in silence."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        age, when = rng.integers(18, 90, 600), rng.integers(0, 60_000_000, 600)
        y = (rng.random(600) < 1 / (1 + np.exp(-0.04 * (age - 45) - 4e-8 * (when - 3e7)))).astype(int)
        x = np.column_stack([(1.6e9 + when) * unit, age])
        model = quiet_fit(LogisticRegression(), x, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that predictions change is true
            fit = rw.adopt(model, x, y)
        expected = exact_log_odds(x, y, 1.0, None, True, x)
        assert_allclose(fit.eta, expected, rtol=0, atol=1e-8)
        assert fit.polish.predictions_changed == np.count_nonzero((expected > 0) != (model.decision_function(x) > 0))


def test_coefficients_that_saturate_every_row_are_polished_too() -> None:
    """An estimator of standardised columns, given the raw ones: log-odds of 1e5 leave no curvature to step by.

    Adoption once failed here, with advice on column scales.
    """
    case = random_case(47, n=100)
    model = LogisticRegression().fit(case.x, case.y)
    raw = (case.x + 3.0) * 1e4
    with pytest.warns(rw.AdoptionWarning, match="fitted to other rows or labels than these"):
        fit = rw.adopt(model, raw, case.y)
    assert np.abs(model.decision_function(raw)).min() > 500
    assert np.linalg.norm(DenseProblem.of(raw, case.y).gradient(fit.theta)) <= 1e-7 * fit.problem.gradient_scale


# --- pipelines


@pytest.fixture
def reviews() -> rw.Fit:
    pipeline = make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-8)).fit(TEXTS, MOODS)
    return rw.adopt(pipeline, TEXTS, MOODS)


def test_a_pipeline_of_texts(reviews: rw.Fit) -> None:
    counts = CountVectorizer().fit_transform(TEXTS).toarray()
    expected = DenseProblem.of(counts, (MOODS == "good").astype(int)).fit()
    assert_allclose(reviews.theta, expected, rtol=0, atol=1e-9)
    assert_allclose(reviews.decision(TEXTS[:3]), counts[:3] @ expected[:-1] + expected[-1], rtol=0, atol=1e-9)
    for texts in (pd.Series(TEXTS, index=range(50, 58)), np.array(TEXTS), np.array(TEXTS, dtype=object)):
        assert_allclose(reviews.decision(texts), reviews.eta, rtol=0, atol=1e-9)


def test_a_pipeline_of_texts_takes_counts_too(reviews: rw.Fit) -> None:
    counts = CountVectorizer().fit_transform(TEXTS)
    for rows in (counts, counts.toarray(), reviews.design_of(TEXTS)):
        assert_allclose(reviews.decision(rows), reviews.eta, rtol=0, atol=1e-9)


def test_a_refit_of_a_pipeline_takes_texts(reviews: rw.Fit) -> None:
    refit = reviews.refit(np.array([0]))
    assert refit.polish is None
    assert refit.decision(TEXTS).shape == (8,)
    assert rw.verify(reviews, [0], TEXTS[:2]).fit.proba(TEXTS[:1]).shape == (1,)


def test_single_queries_of_texts(reviews: rw.Fit) -> None:
    text = "a clean room and great staff"
    counts = CountVectorizer().fit(TEXTS).transform([text])
    expected = rw.find_flip_set(reviews, text)
    assert expected.found
    for query in (
        [text],
        pd.Series([text]),
        pd.Series([text], index=["r0001"]),
        np.array([text]),
        counts,
        counts.toarray(),
        counts.toarray()[0],
    ):
        found = rw.find_flip_set(reviews, query)
        assert found.rows.tolist() == expected.rows.tolist()
        assert_allclose(found.proba_before, expected.proba_before, rtol=1e-12)


def table() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "age": rng.integers(20, 70, size=60),
        "city": rng.choice(["Ulm", "Bern", "Graz"], size=60),
        "income": rng.normal(50_000, 9_000, size=60),
    }, index=np.arange(60) * 7)  # fmt: skip
    y = np.where(frame["age"] + rng.normal(0, 10, 60) + 8 * (frame["city"] == "Ulm") > 47, "paid", "late")
    return frame, y


def test_a_column_transformer_on_a_data_frame() -> None:
    frame, y = table()
    columns = ColumnTransformer([("town", OneHotEncoder(), ["city"]), ("number", StandardScaler(), ["age", "income"])])
    pipeline = make_pipeline(columns, LogisticRegression(tol=1e-8)).fit(frame, y)
    fit = rw.adopt(pipeline, frame, y)
    features = pipeline[:-1].transform(frame)
    features = features.toarray() if sparse.issparse(features) else features
    expected = DenseProblem.of(features, (y == "paid").astype(int)).fit()
    assert_allclose(fit.theta, expected, rtol=0, atol=1e-9)
    assert_allclose(fit.decision(frame), pipeline.decision_function(frame), rtol=0, atol=1e-5)
    found = rw.find_flip_set(fit, frame.iloc[3])
    assert found.found
    for query in (frame.iloc[[3]], frame.iloc[3:4], fit.design_of(frame.iloc[[3]])):
        assert rw.find_flip_set(fit, query).rows.tolist() == found.rows.tolist()
    assert_allclose(found.proba_before, pipeline.predict_proba(frame.iloc[[3]])[0, 1], rtol=1e-5)


@pytest.mark.parametrize("guise", [np.asarray, np.ndarray.tolist, pd.DataFrame], ids=["array", "list", "frame"])
def test_a_scaler_in_front(guise: Any) -> None:
    case = random_case(48, C=1.0)
    raw = 40 * case.x + 100
    pipeline = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression(tol=1e-8))])
    fit = rw.adopt(pipeline.fit(guise(raw), case.y), guise(raw), case.y)
    assert_allclose(fit.decision(guise(raw[:4])), pipeline.decision_function(guise(raw[:4])), rtol=0, atol=1e-5)
    scaled = (raw - raw.mean(axis=0)) / raw.std(axis=0)
    assert_allclose(fit.theta, DenseProblem.of(scaled, case.y).fit(), rtol=0, atol=1e-8)


def test_single_queries_of_numbers_pass_through_the_scaler() -> None:
    case = random_case(49, C=1.0)
    raw = 40 * case.x + 100
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8)).fit(raw, case.y)
    fit = rw.adopt(pipeline, raw, case.y)
    expected = rw.find_flip_set(fit, raw[:1])
    found = rw.find_flip_set(fit, raw[0])
    assert found.rows.tolist() == expected.rows.tolist()
    assert_allclose(found.proba_before, pipeline.predict_proba(raw[:1])[0, 1], rtol=1e-5)


def test_single_queries_outside_a_pipeline() -> None:
    case = random_case(50, sparsity=0.5)
    fit = rw.adopt(LogisticRegression(tol=1e-8).fit(sparse.csr_array(case.x), case.y), sparse.csr_array(case.x), case.y)
    expected = rw.find_flip_set(fit, case.query)
    sparse_row = sparse.csr_array(case.query[None])
    for query in (
        case.query[None],
        case.query.tolist(),
        pd.Series(case.query),
        sparse_row,
        sparse_row.tocoo(),
        sparse.csr_matrix(case.query[None]),
        pd.DataFrame(case.query[None]),
        case.query.astype(int),
    ):
        assert rw.find_flip_set(fit, query).rows.tolist() == expected.rows.tolist()


def test_a_pipeline_of_nothing_but_the_model() -> None:
    case = random_case(51)
    fit = rw.adopt(Pipeline([("model", LogisticRegression())]).fit(case.x, case.y), case.x, case.y)
    assert fit.transform is None
    assert_allclose(fit.theta, rw.fit(case.x, case.y).theta, rtol=0, atol=1e-9)


def test_a_data_frame_without_a_pipeline() -> None:
    case = random_case(52)
    frame = pd.DataFrame(case.x, columns=list("abcde"))
    fit = rw.adopt(LogisticRegression().fit(frame, case.y), frame, case.y)
    assert_allclose(fit.decision(frame), fit.decision(case.x), rtol=1e-12)


def test_a_pipeline_on_frames_of_any_library() -> None:
    frame, y = table()
    for made in (pl.from_pandas(frame), frame.convert_dtypes()):
        columns = ColumnTransformer([("scale", StandardScaler(), ["age"]), ("name", OneHotEncoder(), ["city"])])
        fit = rw.adopt(make_pipeline(columns, LogisticRegression()).fit(made, y), made, y)
        assert fit.columns == list(frame.columns)
        assert_allclose(fit.decision(made), fit.eta, rtol=0, atol=1e-9)
        row = frame.iloc[1]
        for shape in (made[1:2], row, row.to_dict(), row.tolist(), next(frame[1:2].itertuples())):
            assert_allclose(fit.problem.extended_matvec(fit.query_of(shape), fit.theta), fit.eta[1:2], atol=1e-9)


@pytest.mark.parametrize("kind", ["boolean", "Int64", "string", "category", "bool[pyarrow]"])
def test_classes_have_the_type_of_the_labels(kind: str) -> None:
    """scikit-learn has [0.0, 1.0] or objects for some of these."""
    values = {"boolean": [False, True], "bool[pyarrow]": [False, True], "Int64": [3, 8]}.get(kind, ["no", "yes"])
    case = random_case(30)
    y = pd.Series([values[code] for code in case.y], dtype=kind)
    model = LogisticRegression().fit(case.x, y)
    fit = rw.adopt(model, case.x, y)
    assert fit.classes.tolist() == values
    assert {type(label) for label in fit.y.tolist()} == {type(values[0])}
    found = rw.find_flip_set(fit, case.x[0])
    assert {type(label) for label in found.labels.tolist()} == {type(values[0])}

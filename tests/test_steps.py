"""Pipelines step by step: what reaches a refit, which steps are in doubt, rows in any shape, refusals."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from numpy.testing import assert_allclose
from review_cases import PIPELINES, TEST, TRAIN, Lengths, Y, fitted, flips
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectFromModel, SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler, TargetEncoder

import relabel_widget as rw


def test_nested_weights_reach_the_classifier() -> None:
    weights = np.where(Y == 1, 3.0, 1.0)
    inner = Pipeline([("scale", "passthrough"), ("model", LogisticRegression(tol=1e-8))])
    own = Pipeline([("words", CountVectorizer()), ("rest", inner)])
    own.fit(TRAIN, Y, rest__model__sample_weight=weights)
    fit = rw.adopt(own, TRAIN, Y, weights)
    result = rw.verify(fit, [0], TEST, how="pipeline")
    edited = Y.copy()
    edited[0] = 1 - Y[0]
    again = clone(own).fit(TRAIN, edited, rest__model__sample_weight=weights)
    assert_allclose(result.proba_after, again.predict_proba(TEST)[:, 1], atol=1e-12)


def test_a_refit_of_the_estimator_is_that_of_the_pipeline_to_the_last_digit() -> None:
    """``transform`` of a union adds up in another order than its ``fit_transform``; lbfgs, stopped early, minds."""
    union = make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 2)))
    own = fitted(make_pipeline(union, LogisticRegression(C=1e4)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = rw.adopt(own, TRAIN, Y)
    result = rw.verify(fit, [0, 1, 2, 3, 4], TEST, how="estimator")
    edited = Y.copy()
    edited[:5] ^= 1
    assert np.array_equal(result.estimator.coef_, fitted(own, TRAIN, edited)[-1].coef_)


@pytest.mark.parametrize("kind", ["frame", "lazy", "Arrow"])
def test_texts_in_any_column_reach_the_refitted_pipeline(kind: str) -> None:
    own = fitted(PIPELINES["best words"])
    frame = pd.DataFrame({"text": TRAIN})
    rows = {"frame": frame, "lazy": pl.from_pandas(frame).lazy(), "Arrow": pa.array(TRAIN)}[kind]
    fit = rw.adopt(own, rows, Y)
    for query in (TEST[0], pd.Series([TEST[0]], index=[17])):
        found = rw.find_flip_set(fit, query)
        assert found.confirmed_by == "pipeline"
        assert flips(own, found, TEST[0])


def test_an_arrow_table_is_read_by_a_pipeline_of_texts_and_numbers() -> None:
    frame = pd.DataFrame({"text": TRAIN, "length": [len(text) for text in TRAIN]})
    columns = make_column_transformer((TfidfVectorizer(), "text"), (StandardScaler(), ["length"]))
    own = fitted(make_pipeline(columns, LogisticRegression(tol=1e-8)), frame)
    table = pa.Table.from_pandas(frame)
    fit = rw.adopt(own, table, Y)
    assert_allclose(fit.proba(table), own.predict_proba(frame)[:, 1], atol=1e-5)
    chosen = fitted(make_pipeline(FunctionTransformer(lambda rows: rows["text"]), *own_words()), frame)
    assert_allclose(rw.adopt(chosen, table, Y).proba(table), chosen.predict_proba(frame)[:, 1], atol=1e-5)
    plain = fitted(make_pipeline(FunctionTransformer(lambda texts: [text.lower() for text in texts]), *own_words()))
    assert_allclose(
        rw.adopt(plain, pa.array(TRAIN), Y).proba(pa.array(TEST)), plain.predict_proba(TEST)[:, 1], atol=1e-5
    )


def own_words() -> list[Any]:
    return [TfidfVectorizer(), LogisticRegression(tol=1e-8)]


RANDOM = {
    "truncatedsvd": make_pipeline(CountVectorizer(), TruncatedSVD(4), LogisticRegression()),
    "selectfrommodel": make_pipeline(
        CountVectorizer(), SelectFromModel(ExtraTreesClassifier(n_estimators=5)), LogisticRegression()
    ),
    "targetencoder": make_pipeline(
        FunctionTransformer(lambda texts: np.array([text.split()[:2] for text in texts])),
        TargetEncoder(),
        LogisticRegression(),
    ),
}


@pytest.mark.parametrize("step", RANDOM)
def test_a_step_that_is_another_one_each_time_it_is_fitted_is_named(step: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = rw.adopt(fitted(RANDOM[step]), TRAIN, Y)
    with pytest.warns(rw.AdoptionWarning, match=rf"'{step}' makes other features each time .* Set its random_state"):
        found = rw.find_flip_set(fit, TEST[0])
    assert found.confirmed_by == "pipeline" or not found.verified


def test_a_step_with_a_seed_is_in_no_doubt() -> None:
    seeded = fitted(make_pipeline(CountVectorizer(), TruncatedSVD(4, random_state=0), LogisticRegression()))
    assert not rw.adopt(seeded, TRAIN, Y).own.looks_at_labels
    own = fitted(make_pipeline(RANDOM["targetencoder"][0], TargetEncoder(random_state=0), LogisticRegression(tol=1e-8)))
    fit = rw.adopt(own, TRAIN, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rw.find_flip_set(fit, TEST[0]).found


def test_features_in_place_of_texts_are_confirmed_by_the_classifier_alone() -> None:
    own = fitted(PIPELINES["best words"])
    fit = rw.adopt(own, own[:-1].transform(TRAIN), Y)
    found = rw.find_flip_set(fit, TEST[0])
    assert found.verified
    assert found.confirmed_by in {"minimiser", "estimator"}
    result = rw.verify(fit, [0, 1], TEST, how="pipeline")
    edited = Y.copy()
    edited[:2] ^= 1
    again = clone(own[-1]).fit(own[:-1].transform(TRAIN), edited)
    assert_allclose(result.proba_after, again.predict_proba(own[:-1].transform(TEST))[:, 1], atol=1e-9)


class NotClonable(Lengths):
    """Its constructor changes its parameter, which scikit-learn's clone refuses; what it looks at is not known."""

    def __init__(self, words: Any = ()) -> None:
        self.words = list(words)


def test_an_estimator_that_cannot_be_refitted_leaves_sets_unconfirmed() -> None:
    own = make_pipeline(NotClonable(["a"]), StandardScaler(), LogisticRegression()).fit(TRAIN, Y)
    bench = rw.Workbench(own, TRAIN, Y, TEST)
    with pytest.warns(rw.AdoptionWarning, match=r"could not be refitted .* It raised RuntimeError: Cannot clone"):
        found = bench.flip_set(0)
    assert found.found
    assert not found.verified
    assert found.outcome is rw.Outcome.UNCONFIRMED
    bench.relabel([0, 1])
    words = 'verify: how="minimiser" refits at fixed features; your Pipeline could not'
    with pytest.warns(rw.AdoptionWarning, match=words):
        assert bench.verify().how == "minimiser"
    with pytest.raises(ValueError, match=words):
        bench.verify(how="pipeline")


class WholeOnly(Lengths):
    """Cannot take fewer rows than it was fitted on."""

    def fit(self, X: Any, y: Any = None) -> WholeOnly:  # noqa: ARG002 - scikit-learn's signature
        self.n_ = len(X)
        return self

    def transform(self, X: Any) -> np.ndarray:
        if len(X) < self.n_:
            raise RuntimeError("too few rows")
        return super().transform(X)


def test_a_step_that_raises_is_named() -> None:
    own = make_pipeline(WholeOnly(), LogisticRegression()).fit(TRAIN, Y)
    words = (
        r"^Workbench: test: step 'wholeonly' \(WholeOnly\) could not transform these rows \(list\)\. .* RuntimeError:"
    )
    with pytest.raises(ValueError, match=words):
        rw.Workbench(own, TRAIN, Y, TEST)


NUMBERS = pd.DataFrame(np.random.default_rng(7).normal(size=(200, 3)) + Y[:, None] * [1, 0.5, 0], columns=list("abc"))


def test_a_step_that_raises_says_where_values_are_missing() -> None:
    frame = pd.DataFrame({"text": TRAIN, "amount": np.arange(len(TRAIN), dtype=float)})
    own = make_pipeline(make_column_transformer((CountVectorizer(), "text")), LogisticRegression()).fit(frame, Y)
    holed = frame.assign(text=["a", None, *TRAIN[2:]])
    with pytest.raises(ValueError, match=r"Values are missing in column text, row 1\. It raised"):
        rw.adopt(own, holed, Y)


def test_columns_of_a_pipeline_go_by_their_names() -> None:
    own = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8)).fit(NUMBERS, Y)
    wanted = own.predict_proba(NUMBERS[:9])[:, 1]
    fit = rw.adopt(own, NUMBERS[["c", "a", "b"]].assign(more="text"), Y)
    for rows in (NUMBERS[:9], NUMBERS[["b", "c", "a"]][:9], pl.from_pandas(NUMBERS[["b", "c", "a"]])[:9]):
        assert_allclose(fit.proba(rows), wanted, atol=1e-6)
    assert_allclose(fit.proba(NUMBERS[:9].assign(more=1)), wanted, atol=1e-6)
    with pytest.raises(
        ValueError, match=r"decision: step 'standardscaler' .* a frame of the columns a, b, c\. It raised"
    ):
        fit.proba(NUMBERS[["a", "b"]])


@pytest.mark.parametrize("shape", ["dict", "list", "array", "series", "named tuple", "frame"])
def test_verify_takes_one_row_in_any_shape(shape: str) -> None:
    own = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8)).fit(NUMBERS, Y)
    fit = rw.adopt(own, NUMBERS, Y)
    row = NUMBERS.iloc[4]
    query = {
        "dict": dict(reversed(row.to_dict().items())),
        "list": row.tolist(),
        "array": row.to_numpy(),
        "series": row[::-1],
        "named tuple": next(NUMBERS.iloc[[4]].itertuples(index=False)),
        "frame": NUMBERS.iloc[[4]],
    }[shape]
    assert_allclose(fit.proba(query), own.predict_proba(NUMBERS.iloc[[4]])[:, 1], atol=1e-6)
    result = rw.verify(fit, [0, 1], query, how="pipeline")
    assert_allclose(result.proba_before, own.predict_proba(NUMBERS.iloc[[4]])[:, 1], atol=1e-9)
    (found,) = rw.find_flip_sets(fit, query)
    assert found.found


def test_a_query_needs_the_columns_that_a_column_transformer_takes() -> None:
    frame = NUMBERS.assign(label=Y)
    own = make_pipeline(make_column_transformer((StandardScaler(), ["c", "a"])), LogisticRegression()).fit(frame, Y)
    fit = rw.adopt(own, frame, Y)
    found = rw.find_flip_set(fit, NUMBERS.iloc[3])
    assert list(found.rows) == list(rw.find_flip_set(fit, NUMBERS.iloc[[3]]).rows)
    with pytest.raises(ValueError, match="got none for a"):
        rw.find_flip_set(fit, {"c": 1.0, "label": 0})


def test_a_test_row_near_the_threshold_is_retrained_by_the_estimator() -> None:
    own = fitted(make_pipeline(TfidfVectorizer(), LogisticRegression(tol=1e-5)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bench = rw.Workbench(own, TRAIN, Y, TEST[:3])
    bench.relabel([0, 1])
    plain = bench.verify()
    assert plain.how == "minimiser"
    bench.threshold = float(plain.proba_after[0]) + 1e-5
    again = bench.verify()
    assert again.how == "estimator"
    edited = Y.copy()
    edited[:2] ^= 1
    wanted = fitted(own, TRAIN, edited).predict_proba(TEST[:3])[:, 1]
    assert (again.predicted_after == (wanted > bench.threshold)).all()


@pytest.mark.parametrize(("request_", "name"), [(True, "sample_weight"), ("cost", "cost")])
def test_weights_that_are_routed_reach_the_refit(request_: Any, name: str) -> None:
    weights = np.where(Y == 1, 3.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        model = LogisticRegression(tol=1e-8).set_fit_request(sample_weight=request_)
        own = make_pipeline(CountVectorizer(), SelectKBest(chi2, k=12), model).fit(TRAIN, Y, **{name: weights})
        found = rw.find_flip_set(rw.adopt(own, TRAIN, Y, weights), TEST[0])
        edited = Y.copy()
        edited[found.rows] ^= 1
        again = clone(own).fit(TRAIN, edited, **{name: weights})
    assert found.confirmed_by == "pipeline"
    assert again.predict(TEST[:1])[0] != own.predict(TEST[:1])[0]


def test_rows_of_words_in_a_series_are_rows() -> None:
    words = pd.Series([text.split() for text in TRAIN])
    count = CountVectorizer(analyzer=lambda row: row)
    own = fitted(make_pipeline(count, SelectKBest(chi2, k=12), LogisticRegression()), words)
    bench = rw.Workbench(own, words, Y, words[:4])
    assert bench.flip_set(3).confirmed_by == "pipeline"


class Sharper(Pipeline):
    """Probabilities that are not those of its steps."""

    def predict_proba(self, X: Any) -> np.ndarray:
        return super().predict_proba(X) ** 2


def test_a_pipeline_with_probabilities_of_its_own_is_refused() -> None:
    own = Sharper([("words", CountVectorizer()), ("model", LogisticRegression())]).fit(TRAIN, Y)
    with pytest.raises(TypeError, match=r"Sharper predicts by a predict_proba of its own.*Fit scikit-learn's Pipeline"):
        rw.adopt(own, TRAIN, Y)


def test_a_fit_of_other_rows_is_refused() -> None:
    x = CountVectorizer().fit_transform(TRAIN)
    fit = rw.fit(x, Y)
    same = np.flatnonzero(Y[0] == Y)
    order = np.arange(len(Y))
    order[same] = np.roll(same, 1)  # the same labels
    with pytest.raises(ValueError, match=r"train as the Fit was made of, got another row in place of row 0"):
        rw.Workbench(fit, x[order], Y, x[:5])

"""The user's own estimator has the last word: which refit confirms a set, and what is said where they disagree."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest, SelectPercentile, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler, TargetEncoder

import relabel_widget as rw

WORDS = [
    ["great", "lovely", "superb", "warm", "bright", "funny"],
    ["dull", "awful", "bland", "cold", "weak", "boring"],
    ["film", "plot", "actor", "scene", "score", "script", "camera", "story", "ending", "cast", "pace", "tone"],
]


def reviews(n: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts of eight words, some of them telling; one label in ten is wrong."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    texts = []
    for label in labels:
        kinds = [rng.choice(WORDS[1 - label if rng.random() < 0.75 else label]) for _ in range(3)]
        texts.append(" ".join([*kinds, *rng.choice(WORDS[2], 5)]))
    wrong = rng.random(n) < 0.1
    return texts, np.where(wrong, 1 - labels, labels)


TRAIN, Y = reviews(200, 0)
TEST, _ = reviews(12, 1)

EARLY = LogisticRegression(C=1e4, max_iter=5)
PIPELINES = {
    "best words": make_pipeline(CountVectorizer(), SelectKBest(chi2, k=12), LogisticRegression()),
    "a share of words": make_pipeline(TfidfVectorizer(), SelectPercentile(chi2, percentile=40), LogisticRegression()),
    "words of a model": make_pipeline(TfidfVectorizer(), SelectFromModel(LogisticRegression()), LogisticRegression()),
    "eliminated words": make_pipeline(
        CountVectorizer(), RFE(LogisticRegression(), n_features_to_select=10), LogisticRegression()
    ),
    "stopped early": make_pipeline(TfidfVectorizer(), EARLY),
    "saga stopped early": make_pipeline(
        TfidfVectorizer(), LogisticRegression(C=100, solver="saga", max_iter=3, random_state=0)
    ),
}


def fitted(estimator: Any, X: Any = TRAIN, y: Any = Y) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(estimator).fit(X, y)


def flips(estimator: Any, flip_set: rw.FlipSet, query: str) -> bool:
    """By the user's own refit, from scratch."""
    labels = Y.copy()
    labels[flip_set.rows] = flip_set.labels
    return bool(fitted(estimator, TRAIN, labels).predict([query])[0] != estimator.predict([query])[0])


@pytest.mark.parametrize("kind", PIPELINES)
def test_a_verified_set_flips_the_users_own_refit(kind: str) -> None:
    own = fitted(PIPELINES[kind])
    sets = rw.find_flip_sets(rw.adopt(own, TRAIN, Y), TEST)
    by = {each.confirmed_by for each in sets}
    assert by <= ({"pipeline"} if "word" in kind else {"estimator", "minimiser"}), by
    assert any(each.verified for each in sets)
    for each, query in zip(sets, TEST, strict=True):
        assert each.verified == flips(own, each, query)
        if each.confirmed_by == "pipeline":
            assert_allclose(each.own_proba_before, own.predict_proba([query])[0, 1], atol=1e-12)


def test_a_set_that_the_minimum_flips_and_the_estimator_does_not_says_so() -> None:
    """With no budget to look further."""
    own = fitted(PIPELINES["stopped early"])
    sets = rw.find_flip_sets(rw.adopt(own, TRAIN, Y), TEST, budget=1000)
    denied = [each for each in sets if each.outcome is rw.Outcome.CONTRADICTED]
    assert denied
    for each in denied:
        assert each.found
        assert not each.verified
        assert each.confirmed_by == "minimiser"
        assert (each.own_proba_before > 0.5) == (each.own_proba_after > 0.5)


def test_a_contradicted_set_grows_until_the_estimator_flips() -> None:
    own = fitted(PIPELINES["stopped early"])
    fit = rw.adopt(own, TRAIN, Y)
    kept = rw.find_flip_sets(fit, TEST, budget=1000)
    grown = rw.find_flip_sets(fit, TEST)
    larger = [(a, b) for a, b in zip(kept, grown, strict=True) if not a.verified and b.verified]
    assert larger
    for small, large in larger:
        assert set(small.rows) < set(large.rows)
        assert large.lower_bound == small.lower_bound


def test_without_doubt_nothing_is_refitted(monkeypatch: pytest.MonkeyPatch) -> None:
    own = fitted(make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-10, max_iter=10_000)))
    fit = rw.adopt(own, TRAIN, Y)
    monkeypatch.setattr(LogisticRegression, "fit", None)
    found = rw.find_flip_set(fit, TEST[0])
    assert found.confirmed_by == "minimiser"
    assert np.isnan(found.own_proba_after)


class Lengths(BaseEstimator, TransformerMixin):
    """Looks at nothing, and has nothing fitted."""

    def fit(self, X: Any, y: Any = None) -> Lengths:  # noqa: ARG002 - scikit-learn's signature
        return self

    def transform(self, X: Any) -> np.ndarray:
        return np.array([[len(text), text.count("a")] for text in X], dtype=float)


class Centred(Lengths):
    """Looks at the labels without a word of it: columns are centred on the mean of class 1."""

    def fit(self, X: Any, y: Any = None) -> Centred:
        self.mean_ = super().transform(X)[np.asarray(y) == 1].mean(axis=0)
        return self

    def transform(self, X: Any) -> np.ndarray:
        return super().transform(X) / (1 + self.mean_)


class AllButOne(BaseEstimator, TransformerMixin):
    """Drops the column that says least of the labels."""

    def fit(self, X: Any, y: Any = None) -> AllButOne:
        weights = np.abs(np.corrcoef(X, y, rowvar=False)[-1, :-1])
        self.kept_ = np.flatnonzero(weights > weights.min())
        return self

    def transform(self, X: Any) -> Any:
        return X[:, self.kept_]


SELECTORS = {
    "own": AllButOne(),
    "of a model": SelectFromModel(LogisticRegression(), max_features=3, threshold=-np.inf),
    "eliminating": RFE(LogisticRegression(), n_features_to_select=3),
}


@pytest.mark.parametrize("kind", SELECTORS)
@pytest.mark.parametrize("seed", [5, 11])
def test_a_selector_that_drops_one_column_of_four_is_found_out(kind: str, seed: int) -> None:
    """For labels in another order it drops the same column one time in four: sets were then said to be verified."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(50, 4))
    y = (x @ [2, 1.4, 0.7, 0.1] + 1.5 * rng.normal(size=50) > 0).astype(int)
    own = fitted(make_pipeline(SELECTORS[kind], LogisticRegression()), x, y)
    found = rw.find_flip_set(rw.adopt(own, x, y), 0.3 * rng.normal(size=(1, 4)))
    assert found.confirmed_by == "pipeline"


def test_an_estimator_that_went_on_from_earlier_fits_is_refitted_afresh() -> None:
    """It is at its minimum, and its clone is not: sets once stood that no fit from the start confirms."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 6))
    y = (x @ np.linspace(2, 0.1, 6) + 1.5 * rng.normal(size=150) > 0).astype(int)
    warm = LogisticRegression(C=100, max_iter=2, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(60):
            warm.fit(x, y)
    shorter = LogisticRegression(C=100, tol=1e-8).fit(x, y).set_params(max_iter=1)
    for own in (warm, shorter):
        found = rw.find_flip_set(rw.adopt(own, x, y), rng.normal(size=(1, 6)))
        assert found.confirmed_by == "estimator" or not found.verified
    warm.coef_ = -warm.coef_
    with pytest.warns(rw.AdoptionWarning, match="warm_start"):
        rw.adopt(warm, x, y)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_an_estimator_that_is_at_its_minimum_by_luck_is_refitted_near_the_threshold(solver: Any) -> None:
    """Its refits stop as soon as its tol allows: such a set once stood, and the estimator did not flip."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(132, 5))
    y = (x @ np.linspace(2, 0.1, 5) + 1.5 * rng.normal(size=132) > 0).astype(int)[:120]
    own = LogisticRegression(C=1e-4, solver=solver).fit(x[:120], y)
    query = x[130:131]
    found = rw.find_flip_set(rw.adopt(own, x[:120], y), query)
    edited = y.copy()
    edited[found.rows] = found.labels
    flipped = clone(own).fit(x[:120], edited).predict(query)[0] != own.predict(query)[0]
    assert found.verified == flipped
    assert found.confirmed_by == "estimator"


def test_a_solver_that_draws_without_a_seed_is_told() -> None:
    """Its refits are many, and its distance from the minimum was put down to other rows."""
    own = fitted(make_pipeline(TfidfVectorizer(), LogisticRegression(C=1000, solver="saga", max_iter=2)))
    with pytest.warns(rw.AdoptionWarning) as told:
        rw.find_flip_sets(rw.adopt(own, TRAIN, Y), TEST[:3])
    messages = [str(each.message) for each in told]
    assert any("The solver 'saga'" in message and "Set random_state" in message for message in messages)
    assert not any("other rows" in message for message in messages)


def test_a_frozen_pipeline_is_refitted_by_what_it_holds() -> None:
    """The clone of a frozen estimator is itself, and its fit does nothing: no set could ever be confirmed."""
    frozen = pytest.importorskip("sklearn.frozen", reason="scikit-learn before 1.6 freezes nothing")
    own = fitted(PIPELINES["best words"])
    fit = rw.adopt(frozen.FrozenEstimator(own), TRAIN, Y)
    found = rw.find_flip_set(fit, TEST[0])
    assert found.confirmed_by == "pipeline"
    assert flips(own, found, TEST[0])


def test_a_subclass_that_predicts_in_its_own_way_is_refused() -> None:
    class Squared(LogisticRegression):
        def predict_proba(self, X: Any) -> np.ndarray:
            return super().predict_proba(X) ** 2

    with pytest.raises(TypeError, match="Squared predicts by a predict_proba of its own"):
        rw.adopt(fitted(make_pipeline(CountVectorizer(), Squared())), TRAIN, Y)


def test_a_refit_of_the_pipeline_can_be_cancelled() -> None:
    fit = rw.adopt(fitted(PIPELINES["best words"]), TRAIN, Y)
    monitor = rw.Monitor()
    monitor.cancel()
    with pytest.raises(rw.Cancelled):
        rw.verify(fit, [0], TEST, how="pipeline", monitor=monitor)


@pytest.mark.parametrize(("step", "looks"), [(Lengths(), False), (Centred(), True)])
def test_a_step_of_ones_own_that_looks_at_labels_is_found_out(step: Any, looks: bool) -> None:
    fit = rw.adopt(fitted(make_pipeline(step, StandardScaler(), LogisticRegression())), TRAIN, Y)
    assert fit.own.looks_at_labels is looks


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        (LogisticRegression(C=1e4, max_iter=3), "stopped at max_iter=3"),
        (LogisticRegression(C=1e4, tol=0.05), "stopped at tol=0.05"),
    ],
)
def test_why_an_estimator_is_not_at_its_minimum(model: LogisticRegression, cause: str) -> None:
    own = fitted(make_pipeline(TfidfVectorizer(), model))
    with pytest.warns(rw.AdoptionWarning, match=cause):
        rw.adopt(own, TRAIN, Y)


def test_weights_that_were_not_passed_are_a_cause() -> None:
    weights = np.where(Y == 1, 8.0, 1.0)
    own = make_pipeline(TfidfVectorizer(), LogisticRegression(tol=1e-8, max_iter=1000))
    own.fit(TRAIN, Y, logisticregression__sample_weight=weights)
    with pytest.warns(rw.AdoptionWarning, match="with a sample_weight that was not passed"):
        rw.Workbench(own, TRAIN, Y, TEST)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bench = rw.Workbench(own, TRAIN, Y, TEST, sample_weight=weights)
    assert bench.disagreement is None
    assert_allclose(bench.test_rows()["proba"], own.predict_proba(TEST)[:, 1], atol=1e-6)


def test_a_workbench_says_once_which_rows_the_estimator_predicts_otherwise() -> None:
    own = fitted(PIPELINES["stopped early"])
    with pytest.warns(rw.AdoptionWarning, match=r"\d+ of 12 test rows and \d+ of 200 training rows") as said:
        bench = rw.Workbench(own, TRAIN, Y, TEST)
    assert len(said) == 1
    table = bench.test_rows()
    assert_allclose(table["own_proba"], own.predict_proba(TEST)[:, 1], atol=1e-12)
    other = (table["proba"] > 0.5) != (table["own_proba"] > 0.5)
    assert bench.disagreement.n_test == other.sum()


@pytest.mark.parametrize(("kind", "how"), [("best words", "pipeline"), ("stopped early", "estimator")])
def test_a_workbench_retrains_what_has_the_last_word(kind: str, how: str) -> None:
    own = fitted(PIPELINES[kind])
    bench = rw.Workbench(own, TRAIN, Y, TEST)
    bench.relabel(bench.flip_set(0).rows)
    result = bench.verify()
    assert result.how == how
    again = fitted(own, TRAIN, bench.labels())
    assert_allclose(result.proba_after, again.predict_proba(TEST)[:, 1], atol=1e-9)
    shown = bench.test_rows()["verified_predicted"].to_numpy()
    assert (shown == again.predict(TEST)).all()
    assert bench.verify(how="minimiser").how == "minimiser"


def test_verify_by_the_pipeline_with_labels_and_removals() -> None:
    own = fitted(PIPELINES["best words"])
    fit = rw.adopt(own, TRAIN, Y)
    rows = [0, 1, 2, 3]
    labels = np.array([1, 1, 0, 0])
    result = rw.verify(fit, rows, TEST, labels=labels, how="pipeline")
    edited = Y.copy()
    edited[rows] = labels
    assert_allclose(result.proba_after, fitted(own, TRAIN, edited).predict_proba(TEST)[:, 1], atol=1e-9)
    gone = rw.verify(fit, rows, TEST, edit="remove", how="pipeline")
    assert_allclose(gone.proba_after, fitted(own, TRAIN[4:], Y[4:]).predict_proba(TEST)[:, 1], atol=1e-9)
    assert gone.fit is None
    with pytest.raises(ValueError, match=r"not adopted from an estimator"):
        rw.verify(rw.fit(np.eye(4), [0, 1, 0, 1]), [0], np.eye(4), how="estimator")
    with pytest.raises(ValueError, match=r"Pass raw rows"):
        rw.verify(fit, rows, fit.design_of(TEST), how="pipeline")


def test_new_labels_that_change_nothing_are_left_alone() -> None:
    fit = rw.fit(np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2)
    same = rw.verify(fit, [0, 1], np.eye(3), labels=[0, 1])
    assert_allclose(same.proba_after, same.proba_before)
    one = rw.verify(fit, [0, 1], np.eye(3), labels=1)
    assert_allclose(one.proba_after, rw.verify(fit, [0], np.eye(3)).proba_after)


def test_target_encoded_columns_are_those_of_the_fit() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"city": rng.choice(list("abcdefgh"), 300), "shop": rng.choice(list("uvwxyz"), 300)})
    y = (rng.random(300) < np.where(frame["city"] < "d", 0.8, 0.3)).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = make_pipeline(TargetEncoder(random_state=0), LogisticRegression(tol=1e-10)).fit(frame, y)
        fit = rw.adopt(own, frame, y)
        found = rw.find_flip_set(fit, frame.iloc[1])
    assert fit.polish.largest_change < 1e-4
    assert fit.own.looks_at_labels
    assert found.confirmed_by == "pipeline"
    assert_allclose(fit.decision(frame[:5]), own.decision_function(frame[:5]), atol=1e-4)


def test_a_fit_of_a_pipeline_travels() -> None:
    fit = rw.adopt(fitted(PIPELINES["best words"]), TRAIN, Y)
    again = pickle.loads(pickle.dumps(fit))  # noqa: S301 - what was just written
    assert_allclose(again.proba(TEST), fit.proba(TEST))
    assert rw.find_flip_set(again, TEST[0]).confirmed_by == "pipeline"


def test_a_workbench_is_made_of_a_fit() -> None:
    x = CountVectorizer().fit_transform(TRAIN)
    fit = rw.fit(x, Y, sample_weight=np.linspace(1, 2, len(Y)))
    bench = rw.Workbench(fit, x, Y, x[:5], train_text=TRAIN)
    assert bench.fit is fit
    bench.relabel(bench.flip_set(0).rows)
    assert bench.verify().flipped[0]
    assert bench.test_rows()["own_proba"].isna().all()
    with pytest.raises(ValueError, match="other labels, the first in row 0"):
        rw.Workbench(fit, x, 1 - Y, x[:5])
    with pytest.raises(ValueError, match="no sample_weight beside a Fit"):
        rw.Workbench(fit, x, Y, x[:5], sample_weight=np.ones(len(Y)))


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
    own = fitted(make_pipeline(TfidfVectorizer(), LogisticRegression(tol=1e-3)))
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

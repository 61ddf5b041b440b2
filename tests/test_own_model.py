"""The user's own estimator has the last word: which refit confirms a set, and what is said where they disagree."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from review_cases import PIPELINES, TEST, TRAIN, Lengths, Y, fitted, flips
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.svm import LinearSVC

import relabel_widget as rw


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


@pytest.mark.parametrize("model", [LogisticRegression(), MultinomialNB()])
def test_a_pipeline_of_a_classifier_alone_is_refitted(model: Any) -> None:
    x = np.random.default_rng(4).poisson(1.0, (40, 3))
    y = np.arange(40) % 2
    pipeline = make_pipeline("passthrough", model).fit(x, y)
    result = rw.verify(rw.adopt(pipeline, x, y), [0, 1], x, how="pipeline")
    again = clone(model).fit(x, np.append([1, 0], y[2:]))
    assert_allclose(result.proba_after, again.predict_proba(x)[:, 1], atol=1e-12)


@pytest.mark.parametrize("model", [LogisticRegression(), LinearSVC(dual=True), MultinomialNB()])
@pytest.mark.parametrize("labels", [Y, np.array(["a", "b", "c"])[np.arange(len(Y)) % 3]], ids=["two", "three"])
def test_removed_rows_are_missing_in_the_steps_as_well(model: Any, labels: Any) -> None:
    """Words and their frequencies are those of the rows that are left, though no step looks at labels."""
    pipeline = make_pipeline(TfidfVectorizer(), clone(model)).fit(TRAIN, labels)
    fit = rw.adopt(pipeline, TRAIN, labels)
    sets = rw.find_flip_sets(fit, TEST, edit="remove")
    assert "pipeline" in {each.confirmed_by for each in sets}
    for query, each in zip(TEST, sets, strict=True):
        if len(each.rows):
            left = np.setdiff1d(np.arange(len(TRAIN)), each.rows)
            again = clone(pipeline).fit([TRAIN[row] for row in left], labels[left])
            assert each.verified == (again.predict([query])[0] != pipeline.predict([query])[0])


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

"""Estimators beside LogisticRegression: their objectives, and what is wrapped around them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from estimator_cases import GRID, NEAR, SEARCHES, TEXTS, FrozenEstimator, edited, quiet, with_freezing
from numpy.testing import assert_allclose
from oracles import DenseProblem, random_case
from review_cases import TEST, TRAIN, Y
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

import relabel_widget as rw

# --- LogisticRegressionCV


@pytest.mark.parametrize("solver", ["lbfgs", "liblinear"])
def test_a_cross_validated_one_is_adopted_at_the_c_it_chose(solver: str) -> None:
    case = random_case(60, n=120)
    x = case.x + 1.0
    cv = quiet(LogisticRegressionCV(Cs=[0.01, 0.1, 1.0], solver=solver, tol=1e-9, max_iter=10_000), x, case.y)
    fit = rw.adopt(cv, x, case.y)
    C = float(np.ravel(cv.C_)[0])
    assert_allclose(fit.C, C, rtol=1e-12)
    dense = DenseProblem.of(x, case.y, C)
    penalty = 1 / C if solver == "liblinear" else 0.0
    assert_allclose(fit.theta, DenseProblem(dense.x, dense.y, dense.l2, dense.weights, True, penalty).fit(), atol=1e-8)
    assert_allclose(np.append(cv.coef_, cv.intercept_), fit.theta, rtol=0, atol=1e-3)


def test_a_cross_validated_one_with_three_classes() -> None:
    case = random_case(61, n=150)
    y = np.array(["a", "b", "c"])[np.digitize(case.x[:, 0] + 0.5 * case.x[:, 1], [-0.5, 0.5])]
    cv = quiet(LogisticRegressionCV(Cs=[0.1, 1.0]), case.x, y)
    fit = rw.adopt(cv, case.x, y)
    assert_allclose(fit.coef, rw.fit(case.x, y, C=float(np.ravel(cv.C_)[0])).coef, rtol=0, atol=1e-8)
    cv.C_ = np.array([0.1, 1.0, 1.0])  # as one class against the rest has it
    with pytest.raises(ValueError, match=r"adopt: .* with a C for each: \[0\.1, 1\.0\]\. Refit with solver='lbfgs'"):
        rw.adopt(cv, case.x, y)


def test_a_cross_validated_one_chooses_c_again_and_confirms_every_set() -> None:
    """Its minimiser at the C of before says nothing certain of a refit that may choose another C."""
    counts = CountVectorizer().fit_transform(TRAIN)
    cv = quiet(LogisticRegressionCV(Cs=[0.01, 0.1, 1.0, 10.0], cv=3), counts, Y)
    fit = rw.adopt(cv, counts, Y)
    assert fit.own.n_stored == 12 * counts.nnz  # a refit makes so many fits
    queries = CountVectorizer().fit(TRAIN).transform(TEST[:6])
    sets = rw.find_flip_sets(fit, queries)
    assert {each.confirmed_by for each in sets if each.verified} == {"estimator"}
    for t, each in enumerate(sets):
        again = quiet(clone(cv), counts, edited(Y, each))
        assert each.verified == (again.predict(queries[[t]])[0] != cv.predict(queries[[t]])[0])


def test_a_cross_validated_one_weighs_classes() -> None:
    case = random_case(75, n=120)
    y = (case.x[:, 0] > 0.7).astype(int)
    cv = quiet(LogisticRegressionCV(Cs=[0.1, 1.0], class_weight="balanced"), case.x, y)
    plain = LogisticRegression(C=float(np.ravel(cv.C_)[0]), class_weight="balanced").fit(case.x, y)
    assert_allclose(rw.adopt(cv, case.x, y).theta, rw.adopt(plain, case.x, y).theta, rtol=0, atol=1e-8)


def test_averages_over_folds_are_refused() -> None:
    case = random_case(62, n=90)
    cv = quiet(LogisticRegressionCV(Cs=[0.1, 1.0], refit=False), case.x, case.y)
    with pytest.raises(ValueError, match=r"averages the coefficients of its folds.*Refit with refit=True"):
        rw.adopt(cv, case.x, case.y)


# --- SGDClassifier


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("average", [False, True])
def test_stochastic_steps_end_near_the_minimum_that_alpha_states(average: bool, weighted: bool) -> None:
    """Weights count in the loss alone: n in C = 1 / (alpha n) is the number of rows, not the sum of weights."""
    case = random_case(63, n=150)
    weights = np.random.default_rng(0).integers(0, 5, 150).astype(float) if weighted else None
    model = SGDClassifier(
        loss="log_loss", alpha=0.02, average=average, max_iter=3000, tol=None, random_state=0,
        learning_rate="invscaling", eta0=0.5, power_t=0.6,
    ).fit(case.x, case.y, sample_weight=weights)  # fmt: skip
    fit = rw.adopt(model, case.x, case.y, weights)
    assert_allclose(fit.C, 1 / (0.02 * 150), rtol=1e-12)
    assert_allclose(fit.theta, DenseProblem.of(case.x, case.y, fit.C, weights).fit(), rtol=0, atol=1e-8)
    ended = np.append(model.coef_, model.intercept_)
    assert np.linalg.norm(ended - fit.theta) < 0.02
    if weighted:
        by_sum = DenseProblem.of(case.x, case.y, 1 / (0.02 * weights.sum()), weights).fit()
        assert np.linalg.norm(ended - by_sum) > 0.05


def test_stochastic_steps_have_the_last_word() -> None:
    pipeline = make_pipeline(TfidfVectorizer(), SGDClassifier(loss="log_loss", alpha=1e-3, random_state=0)).fit(
        TRAIN, Y
    )
    fit = rw.adopt(pipeline, TRAIN, Y)
    sets = rw.find_flip_sets(fit, TEST)
    assert "estimator" in {each.confirmed_by for each in sets}
    for each, query in zip(sets, TEST, strict=True):
        if each.confirmed_by == "estimator":
            refitted = clone(pipeline).fit(TRAIN, edited(Y, each))
            assert refitted.predict([query])[0] != pipeline.predict([query])[0]


def test_steps_without_a_seed_are_warned_about() -> None:
    case = random_case(64, n=100)
    fit = rw.adopt(SGDClassifier(loss="log_loss", alpha=1e-3).fit(case.x, case.y), case.x, case.y)
    with pytest.warns(rw.AdoptionWarning, match="Your SGDClassifier takes random steps, .* Set random_state and fit"):
        rw.find_flip_set(fit, case.query)


def test_why_stochastic_steps_predict_otherwise_is_said() -> None:
    case = random_case(65, n=200)
    few = SGDClassifier(loss="log_loss", alpha=1e-4, max_iter=1, tol=None, random_state=3).fit(case.x, case.y)
    with pytest.warns(rw.AdoptionWarning, match="SGDClassifier stopped at max_iter=1"):
        rw.adopt(few, case.x, case.y)
    early = SGDClassifier(loss="log_loss", alpha=1e-4, tol=1.0, random_state=3).fit(case.x, case.y)
    with pytest.warns(rw.AdoptionWarning, match="SGDClassifier stopped at tol=1, .* average=True comes nearer"):
        rw.adopt(early, case.x, case.y)
    seedless = SGDClassifier(loss="log_loss", alpha=1e-4, max_iter=1, tol=None).fit(case.x, case.y)
    with pytest.warns(rw.AdoptionWarning, match="SGDClassifier stopped at max_iter=1"):
        rw.adopt(seedless, case.x, case.y)


STOCHASTIC = {
    "hinge": (
        {"loss": "hinge"},
        'expected SGDClassifier with loss="log_loss".*got "hinge".*Refit with loss="log_loss"',
    ),
    "l1": ({"penalty": "l1"}, 'expected an L2 penalty, got l1.*penalty="l2"'),
    "elastic net": ({"penalty": "elasticnet"}, r"got elastic net \(l1_ratio=0\.15\)"),
    "none": ({"penalty": None}, "got none.*positive alpha"),
    "held out": ({"early_stopping": True}, "holds out rows .* Refit with early_stopping=False"),
}


@pytest.mark.parametrize(("params", "words"), STOCHASTIC.values(), ids=STOCHASTIC)
def test_other_stochastic_objectives(params: dict[str, Any], words: str) -> None:
    case = random_case(66, n=80)
    model = SGDClassifier(**{"loss": "log_loss", **params}).fit(case.x, case.y)
    with pytest.raises(ValueError, match=f"^adopt: .*{words}"):
        rw.adopt(model, case.x, case.y)


# --- searches


def found_in(search: Any) -> Any:
    """The classifier, by hand."""
    while not hasattr(search, "coef_"):
        search = search.best_estimator_ if hasattr(search, "best_estimator_") else search.steps[-1][1]
    return search


@pytest.mark.parametrize("make", SEARCHES.values(), ids=SEARCHES)
def test_a_search_counts_as_what_it_found(make: Any) -> None:
    search = make().fit(TRAIN, Y)
    fit = rw.adopt(search, TRAIN, Y)
    assert fit.C == found_in(search).C
    assert_allclose(fit.proba(TEST), search.predict_proba(TEST)[:, 1], rtol=0, atol=1e-3)
    refitted = rw.verify(fit, [0, 1], TEST, how="pipeline").estimator
    assert found_in(refitted).C == fit.C
    assert not hasattr(refitted.steps[-1][1], "best_estimator_")
    assert not hasattr(refitted, "best_estimator_")
    wrapped = search if hasattr(search, "best_estimator_") else search.steps[-1][1]
    assert hasattr(wrapped, "best_estimator_")


def test_a_search_may_find_a_naive_bayes() -> None:
    search = GridSearchCV(make_pipeline(CountVectorizer(), MultinomialNB()), {"multinomialnb__alpha": [0.5, 1.0]}, cv=3)
    fit = rw.adopt(search.fit(TRAIN, Y), TRAIN, Y)
    assert_allclose(fit.proba(TEST), search.predict_proba(TEST)[:, 1], rtol=0, atol=1e-12)
    assert rw.find_flip_set(fit, TEST[0]).verified


def test_a_search_without_a_refit_is_refused() -> None:
    search = GridSearchCV(TEXTS, GRID, cv=3, refit=False).fit(TRAIN, Y)
    with pytest.raises(TypeError, match=r"got GridSearchCV\. Fit this search with refit=True"):
        rw.adopt(search, TRAIN, Y)


# --- frozen estimators


@with_freezing
def test_a_frozen_classifier_is_adopted_and_refitted() -> None:
    case = random_case(68, n=100)
    x = StandardScaler().fit_transform(case.x)
    model = clone(NEAR).fit(x, case.y)
    at_the_end = make_pipeline(StandardScaler(), FrozenEstimator(model)).fit(case.x, case.y)
    relabelled = case.y.copy()
    relabelled[:3] = 1 - relabelled[:3]
    expected = clone(NEAR).fit(x, relabelled).predict_proba(x)[:, 1]
    for frozen, rows in ((FrozenEstimator(model), x), (at_the_end, case.x)):
        fit = rw.adopt(frozen, rows, case.y)
        assert_allclose(fit.theta, DenseProblem.of(x, case.y, 0.7).fit(), rtol=0, atol=1e-8)
        assert_allclose(rw.verify(fit, [0, 1, 2], rows, how="pipeline").proba_after, expected, rtol=0, atol=1e-9)
    assert at_the_end.steps[-1][1].estimator is model


@with_freezing
def test_frozen_transformers_stay_as_they_are() -> None:
    """Those in a frozen pipeline as well: a selection that no fit changes does not look at labels."""
    chosen = make_pipeline(CountVectorizer(), SelectKBest(chi2, k=12)).fit(TRAIN, Y)
    pipeline = make_pipeline(FrozenEstimator(chosen), clone(NEAR)).fit(TRAIN, Y)
    fit = rw.adopt(pipeline, TRAIN, Y)
    assert not fit.own.looks_at_labels
    assert fit.feature_names == chosen.get_feature_names_out().tolist()
    assert fit.transform.takes_texts
    refitted = rw.verify(fit, [0, 1], TEST, how="pipeline").estimator
    assert refitted.steps[0][1].estimator is chosen
    assert_allclose(fit.proba(TEST), pipeline.predict_proba(TEST)[:, 1], rtol=0, atol=1e-6)


@with_freezing
def test_a_frozen_encoder_gives_training_rows_what_it_gives_others() -> None:
    """A fit of it would encode training rows on folds."""
    rng = np.random.default_rng(0)
    towns = rng.choice(list("abcdef"), size=(150, 1))
    y = (rng.random(150) < 0.2 + 0.1 * (towns[:, 0] > "c")).astype(int)
    encoder = TargetEncoder(random_state=0).fit(towns, y)
    pipeline = make_pipeline(FrozenEstimator(encoder), clone(NEAR)).fit(towns, y)
    fit = rw.adopt(pipeline, towns, y)
    assert not fit.own.looks_at_labels
    assert_allclose(fit.eta, pipeline.decision_function(towns), rtol=0, atol=1e-5)


@with_freezing
def test_a_frozen_pipeline_of_texts() -> None:
    pipeline = make_pipeline(CountVectorizer(), clone(NEAR)).fit(TRAIN, Y)
    fit = rw.adopt(FrozenEstimator(pipeline), TRAIN, Y)
    assert_allclose(fit.theta, rw.adopt(pipeline, TRAIN, Y).theta, rtol=0, atol=1e-12)
    assert rw.find_flip_set(fit, TEST[0]).found

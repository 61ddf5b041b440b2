"""Estimators beside LogisticRegression: their objectives, what is wrapped around them, their thresholds, refusals."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from oracles import DenseProblem, random_case
from review_cases import TEST, TRAIN, Y
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

import relabel_widget as rw

try:
    from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
except ImportError:
    FixedThresholdClassifier = None
try:
    from sklearn.frozen import FrozenEstimator
except ImportError:
    FrozenEstimator = None

with_thresholds = pytest.mark.skipif(FixedThresholdClassifier is None, reason="needs scikit-learn 1.5")
with_freezing = pytest.mark.skipif(FrozenEstimator is None, reason="needs scikit-learn 1.6")

RELEASE = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
NEAR = LogisticRegression(C=0.7, tol=1e-9, max_iter=10_000)


def quiet(estimator: Any, X: Any, y: Any, **params: Any) -> Any:
    """Fitted; scikit-learn warns of what it will rename, and of solvers that stop early."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(X, y, **params)


def edited(y: np.ndarray, flip_set: rw.FlipSet) -> np.ndarray:
    labels = y.copy()
    labels[flip_set.rows] = flip_set.labels
    return labels


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


GRID = {"logisticregression__C": [0.1, 1.0], "countvectorizer__min_df": [1, 3]}
TEXTS = make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-9, max_iter=1000))


def halving() -> Any:
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    return HalvingGridSearchCV(TEXTS, GRID, cv=3, random_state=0)


SEARCHES = {
    "grid": lambda: GridSearchCV(TEXTS, GRID, cv=3),
    "random": lambda: RandomizedSearchCV(TEXTS, GRID, n_iter=2, cv=3, random_state=0),
    "halving": halving,
    "in a pipeline": lambda: make_pipeline(CountVectorizer(), GridSearchCV(NEAR, {"C": [0.1, 1]}, cv=3)),
    "around a pipeline with a search in it": lambda: GridSearchCV(
        make_pipeline(CountVectorizer(), GridSearchCV(NEAR, {"C": [0.1, 1]}, cv=3)),
        {"countvectorizer__min_df": [1, 3]},
        cv=3,
    ),
}


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


# --- thresholds


@with_thresholds
@pytest.mark.parametrize("response_method", ["predict_proba", "decision_function"])
@pytest.mark.parametrize("pos_label", [None, "no", "yes"])
@pytest.mark.parametrize("wrapped", ["alone", "around a pipeline", "at its end"])
def test_a_threshold_is_taken_over(wrapped: str, pos_label: str | None, response_method: str) -> None:
    case = random_case(69, n=150)
    y = np.array(["no", "yes"])[case.y]
    t = 0.7 if response_method == "predict_proba" else 0.4

    def with_threshold(estimator: Any) -> Any:
        return FixedThresholdClassifier(
            estimator, threshold=t, pos_label="yes" if pos_label is None else pos_label, response_method=response_method
        )

    model = {
        "alone": with_threshold(clone(NEAR)),
        "around a pipeline": with_threshold(make_pipeline(StandardScaler(), clone(NEAR))),
        "at its end": make_pipeline(StandardScaler(), with_threshold(clone(NEAR))),
    }[wrapped].fit(case.x, y)
    fit = rw.adopt(model, case.x, y)
    p = t if response_method == "predict_proba" else 1 / (1 + np.exp(-t))
    assert_allclose(fit.threshold, 1 - p if pos_label == "no" else p, rtol=1e-12)
    assert_array_equal(fit.classes[(fit.proba(case.x) > fit.threshold).astype(int)], model.predict(case.x))
    found = rw.find_flip_sets(fit, case.x[:10])
    assert [each.predicted_before for each in found] == model.predict(case.x[:10]).tolist()
    for t_row, each in enumerate(found):
        again = clone(model).fit(case.x, edited(y, each))
        assert each.verified
        assert again.predict(case.x[[t_row]])[0] != model.predict(case.x[[t_row]])[0]
    checked = rw.verify(fit, found[0].rows, case.x[:10])
    assert checked.flipped[0]
    assert_array_equal(fit.classes[checked.predicted_before], model.predict(case.x[:10]))
    assert checked.fit is not None
    assert checked.fit.threshold == fit.threshold


STEPS = SGDClassifier(
    loss="modified_huber", alpha=0.05, learning_rate="invscaling", eta0=0.05, max_iter=2000, tol=None, random_state=0
)
VECTORS = LinearSVC(tol=1e-9, dual=False)
RESPONSES = {
    "a decision, without probabilities": lambda: FixedThresholdClassifier(VECTORS, threshold=0.3),
    "its own": lambda: FixedThresholdClassifier(RidgeClassifier()),
    "modified Huber": lambda: FixedThresholdClassifier(STEPS, threshold=0.6),
    "one against the rest": lambda: FixedThresholdClassifier(OneVsRestClassifier(clone(NEAR)), threshold=0.6),
    "calibrated": lambda: FixedThresholdClassifier(CalibratedClassifierCV(VECTORS, ensemble=False), threshold=0.7),
    "calibrated, of the first": lambda: FixedThresholdClassifier(
        CalibratedClassifierCV(VECTORS, ensemble=False), threshold=0.7, pos_label=0
    ),
    "a calibrated pipeline": lambda: FixedThresholdClassifier(
        CalibratedClassifierCV(make_pipeline(StandardScaler(), VECTORS), ensemble=False), threshold=0.7
    ),
    "calibrated modified Huber": lambda: FixedThresholdClassifier(
        CalibratedClassifierCV(STEPS, ensemble=False), threshold=0.4
    ),
}


@with_thresholds
@pytest.mark.parametrize("make", RESPONSES.values(), ids=RESPONSES)
def test_a_threshold_of_any_response_is_taken_over(make: Any) -> None:
    case = random_case(76, n=150)
    model = quiet(make(), case.x, case.y)
    fit = rw.adopt(model, case.x, case.y)
    assert_array_equal(fit.classes[(fit.proba(case.x) > fit.threshold).astype(int)], model.predict(case.x))
    assert rw.find_flip_set(fit, case.query).verified


# --- calibration


CALIBRATED = {
    "support vectors": lambda: CalibratedClassifierCV(VECTORS, ensemble=False),
    "logistic": lambda: CalibratedClassifierCV(LogisticRegression(solver="newton-cholesky"), ensemble=False),
    "around a pipeline": lambda: CalibratedClassifierCV(make_pipeline(StandardScaler(), VECTORS), ensemble=False),
    "at its end": lambda: make_pipeline(StandardScaler(), CalibratedClassifierCV(VECTORS, ensemble=False)),
    "found by a search": lambda: GridSearchCV(CalibratedClassifierCV(VECTORS, ensemble=False), {"cv": [3, 5]}, cv=3),
}


@pytest.mark.parametrize("make", CALIBRATED.values(), ids=CALIBRATED)
def test_calibration_counts_as_a_threshold(make: Any) -> None:
    case = random_case(77, n=150)
    y = np.array(["no", "yes"])[(case.x[:, 0] + 0.5 * case.x[:, 1] > 0.9).astype(int)]
    model = make().fit(case.x, y)
    fit = rw.adopt(model, case.x, y)
    assert abs(fit.threshold - 0.5) > 1e-4
    assert_array_equal(fit.classes[(fit.proba(case.x) > fit.threshold).astype(int)], model.predict(case.x))
    found = rw.find_flip_set(fit, case.query)
    assert found.verified
    assert found.predicted_before == model.predict(case.query[None])[0]
    sets = rw.find_flip_sets(fit, case.x[:5])
    how = "pipeline" if hasattr(model, "estimator") and hasattr(model.estimator, "steps") else "estimator"
    assert {each.confirmed_by for each in sets if each.verified} == {how}
    whole = getattr(model, "best_estimator_", model)
    for row, each in enumerate(sets):  # calibration is fitted again: its threshold moves
        if each.verified:
            again = clone(whole).fit(case.x, edited(y, each))
            assert again.predict(case.x[[row]])[0] != model.predict(case.x[[row]])[0]
    checked = rw.verify(fit, sets[0].rows, case.x, how=how)
    expected = clone(whole).fit(case.x, edited(y, sets[0])).predict(case.x)
    assert_array_equal(fit.classes[checked.predicted_after], expected)
    order = np.argsort(fit.decision(case.x))
    assert (np.diff(model.predict_proba(case.x)[order, 1]) >= 0).all()


def test_folds_of_a_calibrated_pipeline_fit_its_steps_again() -> None:
    """Words of a fold are not those of all rows, so that the threshold is another one than at fixed features."""
    calibrated = CalibratedClassifierCV(make_pipeline(TfidfVectorizer(), VECTORS), ensemble=False, cv=3).fit(TRAIN, Y)
    fit = rw.adopt(calibrated, TRAIN, Y)
    sets = [rw.Workbench(fit, TRAIN, Y, TEST).flip_set(row) for row in range(len(TEST))]
    assert {each.confirmed_by for each in sets if each.verified} == {"pipeline"}
    for query, each in zip(TEST, sets, strict=True):
        again = clone(calibrated).fit(TRAIN, edited(Y, each))
        assert each.verified == (again.predict([query])[0] != calibrated.predict([query])[0])
    checked = rw.verify(fit, [0, 1, 2], TEST, how="pipeline")
    expected = clone(calibrated).fit(TRAIN, np.append(1 - Y[:3], Y[3:])).predict(TEST)
    assert_array_equal(fit.classes[checked.predicted_after], expected)


@with_freezing
def test_a_calibrated_frozen_classifier() -> None:
    case = random_case(78, n=150)
    inside = clone(VECTORS).fit(case.x, case.y)
    fit = rw.adopt(CalibratedClassifierCV(FrozenEstimator(inside)).fit(case.x[:90], case.y[:90]), case.x, case.y)
    assert_allclose(fit.coef, inside.coef_[0], rtol=0, atol=1e-6)
    assert fit.threshold != 0.5


def test_a_calibrated_naive_bayes() -> None:
    model = CalibratedClassifierCV(MultinomialNB(), ensemble=False, cv=3)
    words = make_pipeline(CountVectorizer(), model).fit(TRAIN, Y)
    fit = rw.adopt(words, TRAIN, Y)
    assert_array_equal((fit.proba(TRAIN + TEST) > fit.threshold).astype(int), words.predict(TRAIN + TEST))


@pytest.mark.skipif(RELEASE < (1, 8), reason="needs scikit-learn 1.8")
def test_a_temperature_changes_no_prediction() -> None:
    """Nor does it with several classes."""
    case = random_case(79, n=150)
    for y in (case.y, np.digitize(case.x[:, 0], [-0.5, 0.5])):
        model = CalibratedClassifierCV(VECTORS, ensemble=False, method="temperature").fit(case.x, y)
        fit = rw.adopt(model, case.x, y)
        assert fit.threshold == 0.5
        assert_array_equal(fit.classes[fit.problem.predicted(fit.decision(case.x))], model.predict(case.x))
    if FixedThresholdClassifier is not None:
        model = FixedThresholdClassifier(
            CalibratedClassifierCV(VECTORS, ensemble=False, method="temperature"), threshold=0.7
        ).fit(case.x, case.y)
        fit = rw.adopt(model, case.x, case.y)
        assert_array_equal((fit.proba(case.x) > fit.threshold).astype(int), model.predict(case.x))


@pytest.mark.skipif(RELEASE < (1, 8), reason="needs scikit-learn 1.8")
@pytest.mark.parametrize("inside", [VECTORS, MultinomialNB(), RidgeClassifier(), OneVsRestClassifier(NEAR)])
@pytest.mark.parametrize("several", [False, True])
def test_a_temperature_is_fitted_to_codes_of_text_labels(inside: Any, several: bool) -> None:
    """scikit-learn fits the classifier inside to 0, 1, ... there: labels are not taken for those of another fit."""
    case = random_case(81, n=120)
    x = np.abs(case.x)
    y = np.array(["no", "perhaps", "yes"])[np.digitize(case.x[:, 0], [-0.5, 0.5]) if several else 2 * case.y]
    calibrated = CalibratedClassifierCV(inside, ensemble=False, method="temperature")
    model = make_pipeline(StandardScaler(with_mean=False), calibrated).fit(x, y)
    fit = rw.adopt(model, x, y)
    assert fit.classes.tolist() == model.classes_.tolist()
    verification = rw.verify(fit, [0], x, labels=[y[y != y[0]][0]], how="pipeline")
    assert_array_equal(fit.classes[verification.predicted_before], model.predict(x))
    for row, each in enumerate(rw.find_flip_sets(fit, x[:4])):
        assert each.verified
        assert clone(model).fit(x, edited(y, each)).predict(x[[row]])[0] != model.predict(x[[row]])[0]


@with_thresholds
def test_a_threshold_that_is_given_counts_instead() -> None:
    case = random_case(69, n=150)
    plain = clone(NEAR).fit(case.x, case.y)
    fit = rw.adopt(FixedThresholdClassifier(clone(NEAR), threshold=0.7).fit(case.x, case.y), case.x, case.y)
    given = rw.find_flip_set(fit, case.x[0], threshold=0.5)
    expected = rw.find_flip_set(rw.adopt(plain, case.x, case.y), case.x[0])
    assert given.rows.tolist() == expected.rows.tolist()


@with_thresholds
@pytest.mark.parametrize("of_first", [False, True])
def test_a_tuned_threshold_is_taken_over(of_first: bool) -> None:
    case = random_case(70, n=200)
    y = np.array(["no", "yes"])[case.y]
    scoring = make_scorer(f1_score, pos_label="no" if of_first else "yes")
    model = TunedThresholdClassifierCV(clone(NEAR), scoring=scoring, cv=3).fit(case.x, y)
    fit = rw.adopt(model, case.x, y)
    assert_allclose(fit.threshold, 1 - model.best_threshold_ if of_first else model.best_threshold_, rtol=1e-12)
    assert abs(fit.threshold - 0.5) > 0.02
    assert_array_equal(fit.classes[(fit.proba(case.x) > fit.threshold).astype(int)], model.predict(case.x))


@with_thresholds
def test_the_outermost_threshold_counts() -> None:
    case = random_case(71, n=100)
    inner = FixedThresholdClassifier(clone(NEAR), threshold=0.3)
    search = GridSearchCV(inner, {"threshold": [0.3]}, cv=3).fit(case.x, case.y)
    assert rw.adopt(search, case.x, case.y).threshold == 0.3
    assert rw.adopt(FixedThresholdClassifier(inner).fit(case.x, case.y), case.x, case.y).threshold == 0.5
    assert rw.fit(case.x, case.y).threshold == 0.5


@with_thresholds
def test_the_threshold_of_a_naive_bayes_counts_too() -> None:
    words = make_pipeline(CountVectorizer(), MultinomialNB())
    model = FixedThresholdClassifier(words, threshold=0.8).fit(TRAIN, Y)
    fit = rw.adopt(model, TRAIN, Y)
    assert fit.threshold == 0.8
    sets = rw.find_flip_sets(fit, TEST)
    assert [each.predicted_before for each in sets] == model.predict(TEST).tolist()
    assert any(each.predicted_before != now for each, now in zip(sets, words.fit(TRAIN, Y).predict(TEST), strict=True))
    assert rw.verify(fit, sets[0].rows, TEST, labels=sets[0].labels).flipped[0]


@with_thresholds
def test_thresholds_that_cannot_be_taken_over() -> None:
    case = random_case(72, n=100)
    one_class = FixedThresholdClassifier(clone(NEAR), threshold=1.0).fit(case.x, case.y)
    with pytest.raises(ValueError, match="threshold, 1 as a probability, predicts one class for every row"):
        rw.adopt(one_class, case.x, case.y)
    of_a_split = TunedThresholdClassifierCV(clone(NEAR), cv=0.3, refit=False, random_state=0).fit(case.x, case.y)
    for estimator in (of_a_split, TunedThresholdClassifierCV(clone(NEAR).fit(case.x, case.y))):
        with pytest.raises(TypeError, match=r"got TunedThresholdClassifierCV\. Fit it, with refit=True or cv='prefit'"):
            rw.adopt(estimator, case.x, case.y)


@with_thresholds
def test_audits_and_bounds_use_the_fits_own_threshold() -> None:
    case = random_case(73, n=60)
    fit = rw.adopt(
        FixedThresholdClassifier(clone(NEAR).set_params(C=0.01), threshold=0.7).fit(case.x, case.y), case.x, case.y
    )
    queries = case.x[:8]
    groups = np.arange(60) % 2
    for threshold in (None, 0.5):
        given = {} if threshold is None else {"threshold": threshold}
        effective = 0.7 if threshold is None else threshold
        sizes = [each.size for each in rw.find_flip_sets(fit, queries, threshold=effective)]
        assert rw.robustness_curve(fit, queries, **given).queries["size"].tolist() == sizes
        assert rw.exhaustive_lower_bound(fit, queries[0], largest=2, **given) == rw.exhaustive_lower_bound(
            fit, queries[0], largest=2, threshold=effective
        )
        bound = rw.remainder_bound(fit)
        assert bound.lower_bounds(queries, **given).tolist() == bound.lower_bounds(queries, effective).tolist()
        audit = rw.group_audit(fit, queries, groups, y_query=case.y[:8] * 0 + 1, **given)
        assert audit.n_audited == np.count_nonzero(fit.proba(queries) <= effective)
    noise = rw.noise_audit(groups, queries, fit=fit, permutations=0)
    assert noise.sizes.equals(rw.noise_audit(groups, queries, fit=fit, permutations=0, threshold=0.7).sizes)


# --- a workbench of each, to an export


def texts_and_threshold() -> Any:
    return FixedThresholdClassifier(make_pipeline(CountVectorizer(), clone(NEAR)), threshold=0.65)


JOURNEYS = {
    "cross-validated": lambda: Pipeline(
        [("words", CountVectorizer()), ("cv", LogisticRegressionCV(Cs=[0.1, 1], cv=3))]
    ),
    "stochastic": lambda: make_pipeline(
        CountVectorizer(), SGDClassifier(loss="log_loss", alpha=0.01, average=True, random_state=0)
    ),
    "support vectors": lambda: make_pipeline(TfidfVectorizer(), LinearSVC(dual=False)),
    "ridge": lambda: make_pipeline(TfidfVectorizer(), RidgeClassifier()),
    "one vs rest": lambda: make_pipeline(TfidfVectorizer(), OneVsRestClassifier(LogisticRegression())),
    "search": SEARCHES["grid"],
    "threshold": pytest.param(texts_and_threshold, marks=with_thresholds),
}


@pytest.mark.parametrize("make", JOURNEYS.values(), ids=JOURNEYS)
def test_a_workbench_of_it(make: Any, tmp_path: Path) -> None:
    estimator = quiet(make(), TRAIN, Y)
    bench = rw.Workbench(estimator, TRAIN, Y, TEST)
    assert bench.estimator is estimator
    assert bench.threshold == (
        0.65 if FixedThresholdClassifier and isinstance(estimator, FixedThresholdClassifier) else 0.5
    )
    assert (bench.test_rows()["own_proba"] > bench.threshold).tolist() == (estimator.predict(TEST) == 1).tolist()
    row = int(np.flatnonzero([bench.flip_set(row).verified for row in range(6)])[0])
    bench.relabel(bench.flip_set(row).rows)
    assert bench.verify().flipped[row]
    path = tmp_path / "labels.csv"
    bench.export(path)
    assert_array_equal(rw.read_labels(path)["corrected"], bench.corrected_labels()["corrected"])
    bench.report(tmp_path / "report.html")
    bench.threshold = 0.4
    assert bench.threshold == 0.4


@with_thresholds
def test_a_threshold_given_to_the_workbench_counts() -> None:
    estimator = texts_and_threshold().fit(TRAIN, Y)
    bench = rw.Workbench(estimator, TRAIN, Y, TEST, threshold=0.5)
    assert bench.threshold == 0.5
    assert bench.fit.threshold == 0.65


@with_freezing
def test_bytes_in_a_frozen_vectoriser_are_read_as_it_reads_them() -> None:
    texts = [text.replace("warm", "süß").encode("latin-1") for text in TRAIN]
    pipeline = make_pipeline(CountVectorizer(encoding="latin-1"), clone(NEAR)).fit(texts, Y)
    bench = rw.Workbench(FrozenEstimator(pipeline), texts, Y, texts[:3])
    row = next(row for row, text in enumerate(texts) if "süß".encode("latin-1") in text)
    assert "süß" in bench.train_text(row)


# --- refusals lead somewhere


REFUSED = {
    "SVC": (SVC(), "Nystroem"),
    "Ridge": (Ridge(), "RidgeClassifier with the same alpha"),
    "isotonic": (
        CalibratedClassifierCV(LinearSVC(dual=False), ensemble=False, method="isotonic"),
        "method='sigmoid' to two",
    ),
    "several calibrated": (CalibratedClassifierCV(LinearSVC(dual=False)), "ensemble=False"),
    "Perceptron": (Perceptron(), r'SGDClassifier\(loss="log_loss"\)'),
    "DecisionTreeClassifier": (DecisionTreeClassifier(), "KBinsDiscretizer"),
    "RandomForestClassifier": (RandomForestClassifier(n_estimators=2), "RandomTreesEmbedding"),
    "VotingClassifier": (VotingClassifier([("ridge", RidgeClassifier())]), "one of the classifiers inside"),
}


@pytest.mark.parametrize(("model", "instead"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_what_to_fit_instead(model: Any, instead: str) -> None:
    case = random_case(74, n=60)
    for estimator in (model, make_pipeline(StandardScaler(), model)):
        with pytest.raises(TypeError, match=f"got {type(model).__name__}\\. .*{instead}.* Or use rw.fit"):
            rw.adopt(clone(estimator).fit(case.x, case.y), case.x, case.y)


WAYS_OUT = {
    "hinge": (LinearSVC(loss="hinge", dual=True), 'refit with loss="squared_hinge"', LinearSVC(dual=False)),
    "steps of a hinge": (
        SGDClassifier(random_state=0),
        'with "squared_hinge"',
        SGDClassifier(loss="squared_hinge", alpha=0.05, learning_rate="invscaling", eta0=0.05, random_state=0),
    ),
    "Perceptron": (
        Perceptron(),
        r'Fit SGDClassifier\(loss="log_loss"\)',
        SGDClassifier(loss="log_loss", alpha=0.01, average=True, random_state=0),
    ),
    "Ridge": (Ridge(), "Fit RidgeClassifier with the same alpha", RidgeClassifier()),
    "several calibrated": (
        CalibratedClassifierCV(LinearSVC(dual=False), cv=3),
        "ensemble=False and method='sigmoid'",
        CalibratedClassifierCV(LinearSVC(dual=False), cv=3, ensemble=False),
    ),
}


@pytest.mark.parametrize(("refused", "words", "instead"), WAYS_OUT.values(), ids=WAYS_OUT)
def test_the_way_out_of_a_refusal_leads_to_an_export(refused: Any, words: str, instead: Any, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        rw.Workbench(quiet(make_pipeline(CountVectorizer(), refused), TRAIN, Y), TRAIN, Y, TEST)
    _exported(rw.Workbench(quiet(make_pipeline(CountVectorizer(), instead), TRAIN, Y), TRAIN, Y, TEST), tmp_path)


def test_a_fit_of_our_own_leads_to_an_export(tmp_path: Path) -> None:
    words = CountVectorizer().fit(TRAIN)
    fit = rw.fit(words.transform(TRAIN), Y)
    _exported(
        rw.Workbench(fit, words.transform(TRAIN), Y, words.transform(TEST), train_text=TRAIN, test_text=TEST), tmp_path
    )


def _exported(bench: rw.Workbench, folder: Path) -> None:
    row = int(np.flatnonzero([bench.flip_set(row).verified for row in range(6)])[0])
    flip_set = bench.flip_set(row)
    bench.relabel(flip_set.rows)
    assert bench.verify().flipped[row]
    bench.export(folder / "labels.csv")
    corrected = rw.read_labels(folder / "labels.csv")
    assert sorted(corrected["row"]) == sorted(flip_set.rows)

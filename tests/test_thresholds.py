"""Thresholds of classifiers and their calibration are taken over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from estimator_cases import (
    NEAR,
    RELEASE,
    VECTORS,
    FixedThresholdClassifier,
    FrozenEstimator,
    TunedThresholdClassifierCV,
    edited,
    quiet,
    with_freezing,
    with_thresholds,
)
from numpy.testing import assert_allclose, assert_array_equal
from oracles import random_case
from review_cases import TEST, TRAIN, Y
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import (
    LogisticRegression,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import relabel_widget as rw

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

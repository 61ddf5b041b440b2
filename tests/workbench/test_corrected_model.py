"""The user's own estimator on the corrected labels, and trials that leave the journal alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from workbench_cases import TEST, TRAIN, Y

import relabel_widget as rw

Y_THREE = ["question" if i % 4 == 0 else label for i, label in enumerate(Y)]
WEIGHTS = np.random.default_rng(0).uniform(0.5, 3.0, len(Y))
EXACT = LogisticRegression(C=2.0, tol=1e-10, max_iter=1000)
X = TfidfVectorizer().fit(TRAIN).transform(TRAIN)


def scores(model: Any, rows: Any) -> Any:
    return model.decision_function(rows) if hasattr(model, "decision_function") else model.predict_log_proba(rows)


@pytest.mark.parametrize(
    ("estimator", "labels", "named"),
    [
        (make_pipeline(TfidfVectorizer(), EXACT), Y, "logisticregression__sample_weight"),
        (make_pipeline(TfidfVectorizer(), EXACT), Y_THREE, "logisticregression__sample_weight"),
        (make_pipeline(TfidfVectorizer(), RidgeClassifier()), Y_THREE, "ridgeclassifier__sample_weight"),
        (make_pipeline(CountVectorizer(), MultinomialNB()), Y, "multinomialnb__sample_weight"),
        (make_pipeline(CountVectorizer(), ComplementNB()), Y_THREE, "complementnb__sample_weight"),
        (
            GridSearchCV(
                make_pipeline(TfidfVectorizer(), EXACT), {"logisticregression__C": [0.1, 2.0]}, cv=3, refit=True
            ),
            Y,
            "logisticregression__sample_weight",
        ),
        (
            make_pipeline(TfidfVectorizer(), GridSearchCV(EXACT, {"C": [0.1, 2.0]}, cv=3)),
            Y,
            "gridsearchcv__sample_weight",
        ),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_a_clone_fitted_by_hand(estimator: Any, labels: list[str], named: str, weighted: bool) -> None:
    given = {named: WEIGHTS} if weighted else {}
    fitted = clone(estimator).fit(TRAIN, labels, **given)
    before = scores(fitted, TEST)
    bench = rw.Workbench(fitted, TRAIN, labels, TEST, sample_weight=WEIGHTS if weighted else None)
    rows = [row for row, label in enumerate(labels) if label == "praise"][:8]
    bench.relabel(rows, "complaint")
    by_hand = clone(estimator).fit(TRAIN, bench.labels(), **given)
    own = bench.corrected_estimator()
    assert type(own) is type(estimator)
    assert_allclose(scores(own, TEST), scores(by_hand, TEST), rtol=0, atol=1e-12)
    assert np.abs(scores(own, TEST) - before).max() > 1e-3
    assert_array_equal(scores(fitted, TEST), before)  # what was given is left alone


def test_a_pipeline_of_features_gives_its_classifier() -> None:
    whole = make_pipeline(TfidfVectorizer(), EXACT).fit(TRAIN, Y)
    design = rw.fit(whole[0].transform(TRAIN), Y).design
    bench = rw.Workbench(whole, design, Y, TEST)
    bench.relabel(np.arange(8))
    by_hand = clone(EXACT).fit(whole[0].transform(TRAIN), bench.labels())
    assert_allclose(bench.corrected_estimator().coef_, by_hand.coef_, rtol=0, atol=1e-8)


def test_a_fit_gives_a_fit() -> None:
    fit = rw.fit(X, Y, C=2.0, sample_weight=WEIGHTS)
    bench = rw.Workbench(fit, X, Y, X[:5])
    bench.relabel(np.arange(8))
    own = bench.corrected_estimator()
    assert isinstance(own, rw.Fit)
    assert_array_equal(own.y, bench.labels())
    by_hand = clone(EXACT).fit(X, bench.labels(), WEIGHTS)
    assert_allclose(own.coef, by_hand.coef_[0], rtol=0, atol=1e-6)


def test_without_corrections_it_is_fitted_as_it_was(bench: rw.Workbench) -> None:
    assert_allclose(scores(bench.corrected_estimator(), TEST), scores(bench.estimator, TEST), rtol=0, atol=1e-12)


def test_labels_of_one_class_are_refused_in_words(bench: rw.Workbench) -> None:
    bench.relabel([row for row, label in enumerate(Y) if label == "praise"])
    with pytest.raises(ValueError, match="corrected_estimator: your Pipeline could not be fitted on"):
        bench.corrected_estimator()


def test_a_trial_is_made_on_top_of_the_current_labels(bench: rw.Workbench) -> None:
    bench.relabel([1, 5])
    events, labels = len(bench.history()), bench.labels()
    tried = bench.what_if([5, 9])  # 5 back to what it was
    assert len(bench.history()) == events
    assert_array_equal(bench.labels(), labels)
    assert bench.verification is None
    other = {"praise": "complaint", "complaint": "praise"}
    by_hand = np.array(Y)
    by_hand[[1, 9]] = [other[Y[1]], other[Y[9]]]
    expected = clone(bench.estimator).fit(TRAIN, by_hand).predict_proba(TEST)[:, 1]
    assert_allclose(tried.proba_after, expected, rtol=0, atol=1e-6)
    assert_allclose(tried.proba_before, bench.test_rows()["proba"], rtol=0, atol=1e-12)
    assert_allclose(bench.what_if([]).proba_after, bench.verify().proba_after, rtol=0, atol=1e-12)
    assert_allclose(bench.what_if([1, 5]).proba_after, tried.proba_before, rtol=0, atol=1e-9)  # all as it was


def test_a_trial_names_labels_of_several_classes() -> None:
    fitted = make_pipeline(TfidfVectorizer(), EXACT).fit(TRAIN, Y_THREE)
    bench = rw.Workbench(fitted, TRAIN, Y_THREE, TEST)
    by_hand = np.array(Y_THREE)
    by_hand[[3, 4]] = ["question", "praise"]
    tried = bench.what_if([3, 4], ["question", "praise"])
    assert_allclose(tried.proba_after, clone(fitted).fit(TRAIN, by_hand).predict_proba(TEST), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="what_if: expected the new label of the rows, because there are 3 classes"):
        bench.what_if([3])
    with pytest.raises(ValueError, match="what_if: expected one label, or one for each of the 2 rows, got 1 labels"):
        bench.what_if([3, 4], ["praise"])
    with pytest.raises(ValueError, match="what_if"):
        bench.what_if([3], "thanks")
    assert not len(bench.history())


def test_a_trial_by_the_whole_pipeline_where_steps_look_at_labels() -> None:
    from sklearn.feature_selection import SelectKBest

    fitted = make_pipeline(CountVectorizer(), SelectKBest(k=6), EXACT).fit(TRAIN, Y)
    tried = rw.Workbench(fitted, TRAIN, Y, TEST).what_if(np.arange(12))
    assert tried.how == "pipeline"

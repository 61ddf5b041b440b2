"""The corrected estimator of what is wrapped around a classifier: frozen, with a threshold, calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from workbench_cases import TEST, TRAIN, Y

import relabel_widget as rw

FrozenEstimator = pytest.importorskip("sklearn.frozen", reason="needs scikit-learn 1.6").FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV  # noqa: E402 - 1.5

EXACT = LogisticRegression(C=2.0, tol=1e-10, max_iter=1000)
X = TfidfVectorizer().fit(TRAIN).transform(TRAIN)


def classifier_in(model: Any) -> LogisticRegression:
    """What a wrapper predicts by."""
    if isinstance(model, LogisticRegression):
        return model
    if isinstance(model, CalibratedClassifierCV):
        return classifier_in(model.calibrated_classifiers_[0].estimator)
    return classifier_in(model.estimator if isinstance(model, FrozenEstimator) else model.estimator_)


@pytest.mark.parametrize(
    "wrap",
    [
        FrozenEstimator,
        lambda inner: FixedThresholdClassifier(inner, threshold=0.4).fit(X, Y),
        lambda inner: FixedThresholdClassifier(FrozenEstimator(inner), threshold=0.4).fit(X, Y),
        lambda inner: TunedThresholdClassifierCV(inner, cv="prefit", refit=False).fit(X, Y),
        lambda inner: CalibratedClassifierCV(FrozenEstimator(inner)).fit(X, Y),
    ],
)
@pytest.mark.filterwarnings("ignore::relabel_widget.AdoptionWarning")
def test_what_is_wrapped_around_is_fitted_again(wrap: Any) -> None:
    fitted = wrap(clone(EXACT).fit(X, Y))
    bench = rw.Workbench(fitted, X, Y, X[:5])
    bench.relabel(np.arange(8))
    by_hand = clone(EXACT).fit(X, bench.labels())
    own = bench.corrected_estimator()
    assert type(own) is type(fitted)
    assert_allclose(classifier_in(own).coef_, by_hand.coef_, rtol=0, atol=1e-8)


def test_a_frozen_classifier_at_the_end_of_a_pipeline() -> None:
    whole = make_pipeline(TfidfVectorizer(), EXACT).fit(TRAIN, Y)
    frozen = make_pipeline(whole[0], FrozenEstimator(whole[1]))
    bench = rw.Workbench(frozen, TRAIN, Y, TEST)
    bench.relabel(np.arange(8))
    by_hand = clone(whole).fit(TRAIN, bench.labels())
    assert_allclose(
        bench.corrected_estimator().decision_function(TEST), by_hand.decision_function(TEST), rtol=0, atol=1e-12
    )

"""Estimators that tests adopt, and what is needed to have them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import (
    LogisticRegression,
)
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import relabel_widget as rw

try:
    from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
except ImportError:
    FixedThresholdClassifier, TunedThresholdClassifierCV = None, None
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
VECTORS = LinearSVC(tol=1e-9, dual=False)

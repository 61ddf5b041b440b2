"""Linear classifiers of scikit-learn beside multinomial logistic regression, each run to its minimum."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from class_problems import class_case, with_labels
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier, RidgeClassifierCV, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

Array = NDArray[Any]

_LOGISTIC: dict[str, Any] = {"solver": "newton-cholesky", "tol": 1e-10}
_SVC: dict[str, Any] = {"tol": 1e-10, "max_iter": 1_000_000, "dual": False}
# steps that get smaller: they end near the minimum
_STEPS: dict[str, Any] = {"alpha": 0.05, "learning_rate": "invscaling", "eta0": 0.05, "max_iter": 2000, "tol": None}

EXACT: dict[str, Callable[[], Any]] = {
    "ridge": lambda: RidgeClassifier(alpha=2.0),
    "ridge, balanced": lambda: RidgeClassifier(class_weight="balanced"),
    "ridge, weighed": lambda: RidgeClassifier(class_weight={"a": 2.0, "b": 0.5}),
    "ridge, cross-validated": RidgeClassifierCV,
    "support vectors": lambda: LinearSVC(C=0.5, **_SVC),
    "support vectors, no intercept": lambda: LinearSVC(fit_intercept=False, **_SVC),
    "support vectors, scaled intercept": lambda: LinearSVC(intercept_scaling=10.0, **_SVC),
    "support vectors, balanced": lambda: LinearSVC(class_weight="balanced", **_SVC),
    "support vectors, weighed": lambda: LinearSVC(class_weight={"a": 2.0, "b": 0.5}, **_SVC),
    "one vs rest, logistic": lambda: OneVsRestClassifier(LogisticRegression(C=0.7, **_LOGISTIC)),
    "one vs rest, liblinear": lambda: OneVsRestClassifier(
        LogisticRegression(solver="liblinear", tol=1e-10, max_iter=10_000)
    ),
    "one vs rest, balanced": lambda: OneVsRestClassifier(LogisticRegression(class_weight="balanced", **_LOGISTIC)),
    "one vs rest, weighed": lambda: OneVsRestClassifier(LogisticRegression(class_weight={0: 0.5, 1: 2}, **_LOGISTIC)),
    "one vs rest, support vectors": lambda: OneVsRestClassifier(LinearSVC(**_SVC)),
    "one vs rest, ridge": lambda: OneVsRestClassifier(RidgeClassifier()),
}
STOCHASTIC: dict[str, Callable[[], Any]] = {
    f"steps, {loss}": lambda loss=loss: SGDClassifier(loss=loss, random_state=0, **_STEPS)
    for loss in ("log_loss", "squared_hinge", "modified_huber", "squared_error")
} | {
    "steps, balanced": lambda: SGDClassifier(loss="log_loss", class_weight="balanced", random_state=0, **_STEPS),
}
ALL = EXACT | STOCHASTIC
NAMES = np.array(list("abcdefghij"))


def named_case(seed: int, n: int = 60, p: int = 4, n_classes: int = 3) -> tuple[Array, Array]:
    """As `class_case`, the classes named by letters."""
    x, y = class_case(seed, n, p, n_classes)
    return x, NAMES[y]


def refitted(model: Any, x: Any, y: Array, found: Any = None, **params: Any) -> Any:
    """A clone, fitted to the labels that a set leaves."""
    if found is not None:
        y = with_labels(y, found.rows, found.labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(model).fit(x, y, **params)

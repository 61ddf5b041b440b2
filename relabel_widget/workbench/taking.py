"""From what a workbench is made of to its fit: an estimator is adopted, a fit must be of these rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import FloatArray
from ..bayes import BayesFit
from ..fits import AnyFit, Fit, adopted, check_weights
from ..inputs import rows_at
from ..problem import encode

_LOOKED_AT = 20  # rows of which the fit's log-odds are compared with those of the rows that were brought
_SAME = 1e-6  # log-odds


def fit_of(estimator: Any, train: Any, y_train: Any, sample_weight: Any) -> AnyFit:
    """The fit of a workbench: adopted, or the given one, whose rows and labels must be these.

    Raises
    ------
    ValueError, TypeError
        If the estimator cannot be adopted, or the fit is of other rows, labels or weights.
    """
    if not isinstance(estimator, (Fit, BayesFit)):
        return adopted(estimator, train, y_train, sample_weight, who="Workbench", x_name="train")
    _check_rows(estimator, train)
    labels = encode(y_train, estimator.n_rows, who="Workbench", classes=estimator.classes, several=True)
    if not np.array_equal(labels.codes, estimator.labels.codes):
        differing = np.flatnonzero(labels.codes != estimator.labels.codes)
        raise ValueError(
            f"Workbench: expected y_train as the Fit was made of, got {len(differing)} other labels, the first in row "
            f"{differing[0]}. Pass the rows and labels that were given to rw.fit or rw.adopt."
        )
    if sample_weight is not None:
        weights = check_weights(sample_weight, labels, who="Workbench")
        if not np.array_equal(weights, _given_weights(estimator)):
            raise ValueError("Workbench: expected no sample_weight beside a Fit, or the Fit's own, got other weights.")
    return estimator


def _given_weights(fit: AnyFit) -> FloatArray:
    """The weights of the rows, without those of their classes."""
    if isinstance(fit, BayesFit):
        return fit.weights
    following = fit.problem.label_weights
    return fit.problem.weights if following is None else following.base


def _check_rows(fit: AnyFit, train: Any) -> None:
    """Whether some rows, as they were brought, have the log-odds that the fit has of them."""
    if fit.own is not None and fit.own.steps is not None and fit.own.steps.cross_fit:
        return  # training rows have other features than the same rows as queries
    looked_at = np.unique(np.linspace(0, fit.n_rows - 1, _LOOKED_AT).astype(np.int64))
    brought, known = fit.decision(rows_at(train, looked_at)), fit.decision(fit.design.take(looked_at))
    differing = np.abs(brought - known).reshape(len(looked_at), -1).max(axis=1) > _SAME
    if differing.any():
        raise ValueError(
            f"Workbench: expected train as the Fit was made of, got another row in place of row "
            f"{looked_at[differing][0]}. Pass the rows that were given to rw.fit or rw.adopt, in their order."
        )

"""An independent refit on edited labels: does the prediction flip?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..arguments import as_array, as_rows, check_edit, check_monitor, check_threshold
from ..fits import Fit, How, NoRefitError, check_fit, check_how
from ..monitor import Monitor
from ..problem import Edit, code_of


@dataclass(frozen=True, eq=False)
class Verification:
    """What a refit on edited labels says of the queries.

    ``proba_before`` and ``proba_after`` are probabilities of ``classes[1]``, ``predicted_before`` and
    ``predicted_after`` say whether that class is predicted, ``flipped`` whether the prediction changed; all of shape
    (m,). ``how`` is what was refitted: ``fit`` is the new `Fit` where that is the minimiser, ``estimator`` the user's
    own estimator, refitted, where it is that one; the other is None.
    """

    proba_before: FloatArray
    proba_after: FloatArray
    predicted_before: BoolArray
    predicted_after: BoolArray
    fit: Fit | None
    how: How = "minimiser"
    estimator: Any = None

    @property
    def flipped(self) -> BoolArray:
        """Whether the predicted class changed, shape (m,)."""
        return np.asarray(self.predicted_before != self.predicted_after)


def verify(
    fit: Fit,
    rows: Any,
    X_query: Any,
    *,
    labels: Any = None,
    edit: Edit = "relabel",
    threshold: float = 0.5,
    how: How = "minimiser",
    monitor: Monitor | None = None,
) -> Verification:
    """Refit with some training rows relabelled (or removed) and compare the predictions.

    Parameters
    ----------
    fit
        The fit on the original labels; nothing in it changes.
    rows
        Distinct training rows to edit: numbers, or a mask of shape (n_rows,). An empty list gives the same fit.
    X_query
        Queries, shape (m, n_features), or raw rows of an adopted pipeline.
    labels
        The new label of each of these rows; None swaps them. A row whose label this does not change is left alone.
    edit
        ``"relabel"`` gives each row another label, ``"remove"`` leaves the row out.
    threshold
        A query is predicted ``classes[1]`` when its probability is above this.
    how
        What is refitted: the ``"minimiser"`` of the objective at the given features; the ``"estimator"`` that the fit
        was adopted from, with its own solver and stopping rule; or its whole ``"pipeline"``, whose steps may look at
        labels. For the latter two the probabilities are the estimator's own, before as well as after.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, the edit leaves one class only, the fit was not adopted from an estimator
        that could be refitted, or ``"pipeline"`` is asked for queries that are features already.
    Cancelled
        If ``monitor`` was cancelled; refits of an estimator cannot be stopped half-way.

    Notes
    -----
    Cost: one Newton-CG run to full accuracy, started at the fit (2 to 6 steps); or one fit of the estimator.
    """
    check_fit(fit, who="verify")
    check_monitor(monitor, who="verify")
    check_edit(edit, who="verify")
    threshold_logit = check_threshold(threshold, who="verify")
    check_how(how, fit.own, who="verify")
    chosen = as_rows(rows, fit.n_rows, who="verify: rows")
    if labels is not None:
        chosen = chosen[_changed(fit, chosen, labels, edit)]
    if how != "minimiser":
        return _by_estimator(fit, chosen, X_query, edit, threshold_logit, how)
    queries = fit.design_of(X_query, who="verify: X_query")
    refit = fit.refit(chosen, edit, monitor=monitor)
    return _compared(fit.decision(queries), refit.decision(queries), threshold_logit, fit=refit, how=how)


def _by_estimator(fit: Fit, rows: IntArray, X_query: Any, edit: Edit, threshold_logit: float, how: How) -> Verification:
    own = fit.own
    assert own is not None
    raw = fit.rows_of(X_query, who="verify: X_query")
    queries = fit.design_of(raw, who="verify: X_query")
    if how == "pipeline" and own.steps is not None:
        raw = fit.raw_queries(raw, who="verify: X_query")
        if raw is None:
            raise ValueError(
                'verify: expected queries as the pipeline takes them for how="pipeline", got features. Pass raw rows.'
            )
    problem = fit.problem.edited(rows, edit)
    if min(problem.class_weights) <= 0:
        raise ValueError(f"verify: the edit of {len(rows)} rows leaves one class only, so that no model can be fitted.")
    labels = problem.labels.decode(problem.labels.codes[rows])
    try:
        refitted = own.refitted(how, rows, labels, edit)
    except NoRefitError as error:
        raise NoRefitError(f'verify: how="minimiser" refits at fixed features; {error}') from error
    after = own.decision_of(refitted, how, queries, raw)
    return _compared(own.decision(queries), after, threshold_logit, how=how, estimator=refitted)


def _compared(before: FloatArray, after: FloatArray, threshold_logit: float, **what: Any) -> Verification:
    probabilities = (np.asarray(expit(before)), np.asarray(expit(after)))
    predicted = (np.asarray(before > threshold_logit), np.asarray(after > threshold_logit))
    return Verification(*probabilities, *predicted, **{"fit": None, **what})


def _changed(fit: Fit, rows: IntArray, labels: Any, edit: Edit) -> BoolArray:
    """Which of the rows get another label than they have."""
    if edit != "relabel":
        raise ValueError(f'verify: expected labels with edit="relabel" only, got them with edit="{edit}".')
    given = as_array(labels, who="verify: labels")
    if given.shape not in ((), rows.shape):
        raise ValueError(
            f"verify: expected one label, or one for each of the {len(rows)} rows, got shape {given.shape}."
        )
    each: AnyArray = np.broadcast_to(given, rows.shape)
    codes = np.array([code_of(label, fit.classes, who="verify") for label in each], dtype=np.int8)
    return np.asarray(codes != fit.problem.labels.codes[rows])

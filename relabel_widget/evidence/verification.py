"""An independent refit on edited labels: does the prediction flip?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from .._typing import BoolArray, FloatArray, IntArray
from ..arguments import as_array, as_rows, check_edit, check_monitor, check_threshold
from ..bayes import BayesFit
from ..design import Design
from ..fits import AnyFit, Fit, check_fit
from ..monitor import Monitor
from ..problem import Edit, code_of


@dataclass(frozen=True, eq=False)
class Verification:
    """What a refit on edited labels says of the queries.

    ``proba_before`` and ``proba_after`` are probabilities of ``classes[1]``, shape (m,), or of each of K classes, more
    than two, shape (m, K); ``flipped`` (m,) says whether the predicted class changed; ``fit`` is the new fit.
    """

    proba_before: FloatArray
    proba_after: FloatArray
    flipped: BoolArray
    fit: AnyFit


def verify(
    fit: AnyFit,
    rows: Any,
    X_query: Any,
    *,
    labels: Any = None,
    edit: Edit = "relabel",
    threshold: float = 0.5,
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
        The new label of each row, such as those of a `FlipSet`; with two classes, the other one if None.
    edit
        ``"relabel"`` gives each row its new label, ``"remove"`` leaves the row out.
    threshold
        A query is predicted ``classes[1]`` when its probability is above this.

    Raises
    ------
    ValueError, TypeError
        If rows, labels, queries or threshold are not as described, or the edit leaves a class without rows.
    Cancelled
        If ``monitor`` was cancelled.

    Notes
    -----
    Cost: one Newton-CG run to full accuracy, started at the fit (2 to 6 steps). For a naive Bayes, a copy
    of its counts.
    """
    if not isinstance(fit, BayesFit):
        check_fit(fit, who="verify")
    check_monitor(monitor, who="verify")
    check_edit(edit, who="verify")
    threshold_logit = check_threshold(threshold, who="verify")
    chosen = as_rows(rows, fit.n_rows, who="verify: rows")
    queries = fit.design_of(X_query, who="verify: X_query")
    if isinstance(fit, BayesFit):
        return _compared(fit, fit.refit(chosen, edit, labels=labels, monitor=monitor), queries, threshold_logit)
    if labels is not None:
        chosen = _swapped(fit, chosen, labels, edit)
    return _compared(fit, fit.refit(chosen, edit, monitor=monitor), queries, threshold_logit)


def _swapped(fit: Fit, rows: IntArray, labels: Any, edit: Edit) -> IntArray:
    """Those of the rows whose new label is another one than theirs.

    Raises
    ------
    ValueError
        If there is not one of the classes for each row, or rows are not relabelled.
    """
    if edit == "remove":
        raise ValueError('verify: expected no labels with edit="remove", got some.')
    given = np.atleast_1d(as_array(labels, who="verify: labels"))
    if given.shape != rows.shape:
        raise ValueError(f"verify: expected one label for each of the {len(rows)} rows, got shape {given.shape}.")
    codes = np.array([code_of(label, fit.classes, who="verify: labels") for label in given], dtype=np.int64)
    return np.asarray(rows[fit.problem.labels.codes[rows] != codes])


def _compared(fit: AnyFit, refit: AnyFit, queries: Design, threshold_logit: float) -> Verification:
    before, after = fit.decision(queries), refit.decision(queries)
    if before.ndim == 1:
        return Verification(
            np.asarray(expit(before)),
            np.asarray(expit(after)),
            np.asarray((before > threshold_logit) != (after > threshold_logit)),
            refit,
        )
    if threshold_logit:
        raise ValueError(
            f"verify: expected no threshold with {before.shape[1]} classes, got one. The likeliest class is predicted."
        )
    changed = before.argmax(axis=1) != after.argmax(axis=1)
    return Verification(softmax(before, axis=1), softmax(after, axis=1), changed, refit)

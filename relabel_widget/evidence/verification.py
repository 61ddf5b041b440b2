"""An independent refit on edited labels: does the prediction flip?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import AnyArray, BoolArray, CodeArray, FloatArray, IntArray
from ..arguments import as_rows, check_edit, check_monitor
from ..bayes import BayesFit, predicted_codes, proba_of, scores_of
from ..facts import REFITTED, clip, flips
from ..files.cards import card
from ..fits import AnyFit, Fit, How, NoRefitError, check_any_fit, check_how
from ..monitor import Monitor
from ..problem import Edit


@dataclass(frozen=True, eq=False)
class Verification:
    """What a refit on edited labels says of the queries.

    ``proba_before`` and ``proba_after`` are probabilities of ``classes[1]``, shape (m,), or of all K classes, (m, K).
    ``predicted_before`` and ``predicted_after`` are the codes of the predicted classes, their places in ``classes``,
    and ``flipped`` says whether they differ, shape (m,). ``rows`` are the training rows that were edited. ``how`` is
    what was refitted: ``fit`` is the new `Fit` where that is the minimiser, ``estimator`` the user's own estimator,
    refitted, where it is that one; the other is None.
    """

    proba_before: FloatArray
    proba_after: FloatArray
    predicted_before: CodeArray
    predicted_after: CodeArray
    classes: AnyArray
    rows: IntArray
    fit: AnyFit | None
    how: How = "minimiser"
    estimator: Any = None

    @property
    def flipped(self) -> BoolArray:
        """Whether the predicted class changed, shape (m,)."""
        return np.asarray(self.predicted_before != self.predicted_after)

    def __repr__(self) -> str:
        return f"Verification({self._flips()}; refit of the {self.how})"

    def _repr_html_(self) -> str:
        import pandas as pd

        of = self.classes[1] if len(self.classes) == 2 else "the class predicted before"
        facts = {"Flipped": self._flips(), "Refitted": REFITTED[self.how], "Probabilities": f"of {clip(of, 60)}"}
        before, after = self.proba_before, self.proba_after
        if before.ndim == 2:  # of the class predicted before
            places = np.arange(len(before)), self.predicted_before
            before, after = before[places], after[places]
        lines = {
            "query": np.arange(len(before)),
            "flipped": self.flipped,
            "predicted before": self.classes[self.predicted_before],
            "predicted after": self.classes[self.predicted_after],
            "probability before": before,
            "probability after": after,
        }
        table = pd.DataFrame(lines).sort_values("flipped", ascending=False, kind="stable")
        return card("Verification", facts.items(), table)

    def _flips(self) -> str:
        return flips(int(self.flipped.sum()), len(self.flipped))


def verify(
    fit: AnyFit,
    rows: Any,
    X_query: Any,
    *,
    labels: Any = None,
    edit: Edit = "relabel",
    threshold: float | None = None,
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
        The new label of each of these rows, such as `FlipSet.labels`, or one for all; with two classes, the other one
        if None. A row whose label this does not change is left alone.
    edit
        ``"relabel"`` gives each row another label, ``"remove"`` leaves the row out.
    threshold
        A query is predicted ``classes[1]`` when its probability is above this; `Fit.threshold` if None. Of several
        classes, the likeliest is predicted.
    how
        What is refitted: the ``"minimiser"`` of the objective at the given features; the ``"estimator"`` that the fit
        was adopted from, with its own solver and stopping rule; or its whole ``"pipeline"``, whose steps may look at
        labels. For the latter two the probabilities are the estimator's own, before as well as after.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, the edit leaves a class without examples, the fit was not adopted from an
        estimator that could be refitted, or ``"pipeline"`` is asked for queries that are features already.
    Cancelled
        If ``monitor`` was cancelled; refits of an estimator cannot be stopped half-way.

    Notes
    -----
    Cost: one Newton-CG run to full accuracy, started at the fit (2 to 6 steps); or one fit of the estimator.
    """
    check_any_fit(fit, who="verify", bayes=True)
    check_monitor(monitor, who="verify")
    check_edit(edit, who="verify")
    threshold_logit = fit.threshold_logit(threshold, who="verify")
    check_how(how, fit.own, who="verify")
    chosen = as_rows(rows, fit.n_rows, who="verify: rows")
    if isinstance(fit, BayesFit):
        return _of_bayes(fit, chosen, X_query, labels, edit, threshold_logit, how, monitor)
    if how == "minimiser":
        queries = fit.design_of(X_query, who="verify: X_query")
        refit = fit.refit(chosen, edit, labels=labels, monitor=monitor)
        decisions = fit.decision(queries), refit.decision(queries)
        return _compared(fit, decisions, threshold_logit, rows=chosen, fit=refit)
    edited = fit.edited(chosen, edit, labels)
    if edit == "remove":
        changed = np.flatnonzero((edited.weights == 0) & (fit.problem.weights > 0))
    else:
        changed = np.flatnonzero(edited.labels.codes != fit.problem.labels.codes)
    new = edited.labels.decode(edited.labels.codes[changed])
    if monitor is not None:
        monitor.step(f"refitting your {how}", 0)
    before, after, estimator = _by_estimator(fit, changed, new, X_query, edit, how)
    if monitor is not None:
        monitor.check()
    return _compared(fit, (before, after), threshold_logit, rows=chosen, how=how, estimator=estimator)


def _of_bayes(
    fit: BayesFit,
    rows: IntArray,
    X_query: Any,
    labels: Any,
    edit: Edit,
    threshold_logit: float,
    how: How,
    monitor: Monitor | None,
) -> Verification:
    """`verify` of a naive Bayes, whose refit at the given features is the estimator's own."""
    refit = fit.refit(rows, edit, labels=labels, monitor=monitor)
    refitted: dict[str, Any]
    if how == "minimiser":
        queries = fit.design_of(X_query, who="verify: X_query")
        before, after, refitted = fit.decision(queries), refit.decision(queries), {"fit": refit, "estimator": None}
    else:
        changed = rows if edit == "remove" else rows[refit.codes[rows] != fit.codes[rows]]
        before, after, estimator = _by_estimator(fit, changed, refit.y[changed], X_query, edit, how)
        refitted = {"fit": None, "estimator": estimator}
    predicted = [predicted_codes(scores_of(decision), threshold_logit) for decision in (before, after)]
    return Verification(
        proba_of(before),
        proba_of(after),
        predicted[0],
        predicted[1],
        classes=fit.classes,
        rows=rows,
        how=how,
        **refitted,
    )


def _by_estimator(
    fit: AnyFit, rows: IntArray, labels: AnyArray, X_query: Any, edit: Edit, how: How
) -> tuple[FloatArray, FloatArray, Any]:
    """Decisions on the queries by the user's own estimator and by its refit, and the refit."""
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
    try:
        refitted = own.refitted(how, rows, labels, edit)
    except NoRefitError as error:
        raise NoRefitError(f'verify: how="minimiser" refits at fixed features; {error}') from error
    return own.decision(queries), own.decision_of(refitted, how, queries, raw), refitted


def _compared(
    fit: Fit, decisions: tuple[FloatArray, FloatArray], threshold_logit: float, /, **made: Any
) -> Verification:
    before, after = decisions
    problem = fit.problem
    return Verification(
        problem.proba(before),
        problem.proba(after),
        problem.predicted(before, threshold_logit),
        problem.predicted(after, threshold_logit),
        classes=fit.classes,
        **{"fit": None, **made},
    )

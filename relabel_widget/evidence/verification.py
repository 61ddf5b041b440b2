"""An independent refit on edited labels: does the prediction flip?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._typing import BoolArray, FloatArray
from ..arguments import as_rows, check_edit, check_monitor, check_threshold
from ..fits import Fit, check_any_fit
from ..monitor import Monitor
from ..problem import Edit


@dataclass(frozen=True, eq=False)
class Verification:
    """What a refit on edited labels says of the queries.

    ``proba_before`` and ``proba_after`` are probabilities of ``classes[1]``, shape (m,), or of all K classes, (m, K);
    ``flipped`` (m,) says whether the predicted class changed; ``fit`` is the new `Fit`.
    """

    proba_before: FloatArray
    proba_after: FloatArray
    flipped: BoolArray
    fit: Fit


def verify(
    fit: Fit,
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
        The new label of each row, such as `FlipSet.labels`, or one for all; with two classes, the other one if None.
    edit
        ``"relabel"`` gives each row another label, ``"remove"`` leaves the row out.
    threshold
        A query is predicted ``classes[1]`` when its probability is above this; of several classes, the likeliest is
        predicted.

    Raises
    ------
    ValueError, TypeError
        If rows, labels, queries or threshold are not as described, or the edit leaves a class without examples.
    Cancelled
        If ``monitor`` was cancelled.

    Notes
    -----
    Cost: one Newton-CG run to full accuracy, started at the fit (2 to 6 steps).
    """
    check_any_fit(fit, who="verify")
    check_monitor(monitor, who="verify")
    check_edit(edit, who="verify")
    threshold_logit = check_threshold(threshold, who="verify")
    chosen = as_rows(rows, fit.n_rows, who="verify: rows")
    queries = fit.design_of(X_query, who="verify: X_query")
    refit = fit.refit(chosen, edit, labels=labels, monitor=monitor)
    problem = fit.problem
    before, after = fit.decision(queries), refit.decision(queries)
    flipped = problem.predicted(before, threshold_logit) != problem.predicted(after, threshold_logit)
    return Verification(problem.proba(before), problem.proba(after), flipped, refit)

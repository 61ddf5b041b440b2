"""Every single relabel refitted: one table that proves which predictions no single label can flip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import FloatArray, IntArray
from ..arguments import check_monitor
from ..design import Design
from ..fits import Fit, check_any_fit, minimiser
from ..monitor import Monitor
from ..problem import Hessian
from ..solver import solve_many
from ..vectors import column_dots
from .influence import factors

_WIDTH = 32
_RTOL = 1e-9  # of Newton decrements, in the fit's preconditioner, by the root of the fit's objective
_MAX_STEPS = 12
_OF_BAYES = "Its find_flip_set tries single relabels itself: see lower_bound."
_FARTHEST = 5.0  # log-odds: beyond, the curvature may vanish and the next system with it


def single_relabel_table(
    fit: Fit,
    X_query: Any,
    *,
    monitor: Monitor | None = None,
) -> FloatArray:
    """Log-odds of each query after each single training label was replaced and the model refitted.

    Parameters
    ----------
    fit
        A fit at its minimiser, of n_rows training rows.
    X_query
        Queries, shape (m, n_features), or raw rows of an adopted pipeline.
    monitor
        Receives progress in training rows, and can stop the work.

    Returns
    -------
    float64, shape (m, n_rows), or (m, n_rows, K) with K classes
        Refits to a relative gradient of 1e-9, corrected by the adjoint ``H^-1 x`` times the remaining gradient: what
        is left is that gradient times the change of the Hessian. NaN where the relabel would leave a class without
        rows. With K classes, the lead of the class that is predicted now over the best other one when row i has the
        label ``classes[b]``: negative where the prediction has changed.

    Notes
    -----
    If no entry of a query's row lies beyond the threshold, no single relabel flips that query: any flipping set has
    at least two rows. It is a proof by exhaustion, up to the accuracy above; `find_flip_set` takes a row as ``table``
    and counts entries within 1e-5 of the threshold as flips, the safe side.

    Cost: n_rows refits in groups of 32, each typically three Newton steps by block CG: as much as some n_rows
    first-order rankings. Memory: m * n_rows * 8 bytes for the result, and six arrays of (n_rows + n_params, 32).
    With several classes, other losses than the logistic, or weights that follow the label, each relabel is a refit of
    its own, n_rows * (K - 1) in all: ten milliseconds each on images of digits, .3 s on texts.
    """
    check_any_fit(fit, who="single_relabel_table", instead=_OF_BAYES)
    check_monitor(monitor, who="single_relabel_table")
    queries = fit.design_of(X_query, who="single_relabel_table: X_query")
    if len(fit.classes) > 2 or fit.problem.label_weights is not None or not fit.problem.row_loss.smooth:
        return _one_by_one(fit, queries, monitor)
    adjoint = factors(fit, queries, monitor=monitor)
    table = np.empty((queries.n_rows, fit.n_rows))
    for first in range(0, fit.n_rows, _WIDTH):
        rows = np.arange(first, min(first + _WIDTH, fit.n_rows))
        group = refit_sets(fit, rows[:, None], monitor=monitor)
        table[:, rows] = fit.problem.extended_matvec(queries, group.theta) - adjoint.T @ group.gradient
        if monitor is not None:
            monitor.step("refitting every single relabel", int(rows[-1]) + 1, fit.n_rows)
    return table


def _one_by_one(fit: Fit, queries: Design, monitor: Monitor | None) -> FloatArray:
    """The table where a relabel is no tilt of the objective of two classes."""
    problem, before = fit.problem, fit.decision(queries)
    code = problem.predicted(before)

    def values(decision: FloatArray) -> FloatArray:
        return decision if decision.ndim == 1 else _leads(decision, code)

    edits = problem.all_edits(np.arange(fit.n_rows), "relabel")
    shape = (fit.n_rows, *before.shape[1:])
    table = np.repeat(values(before)[:, None], np.prod(shape), axis=1)
    for done, edit in enumerate(edits[:, None], 1):
        edited = problem.edited(edit, "relabel")
        if min(edited.class_weights) <= 0:
            table[:, edit[0]] = np.nan
        else:
            refit = minimiser(edited, fit.theta, fit.preconditioner, monitor, fit)
            table[:, edit[0]] = values(refit.decision(queries))
        if monitor is not None:
            monitor.step("refitting every single relabel", done, len(edits))
    return table.reshape(-1, *shape)


def _leads(decision: FloatArray, code: IntArray) -> FloatArray:
    """The lead of one class of each query over the best other one; (m, K) and (m,) to (m,)."""
    every, others = np.arange(len(code)), decision.copy()
    others[every, code] = -np.inf
    return np.asarray(decision[every, code] - others.max(axis=1))


@dataclass(frozen=True, eq=False)
class Refitted:
    """Refits on labels swapped in each of m sets of rows, not exact: the gradients that are left say how far.

    ``theta`` and ``gradient`` (n_params, m), ``eta`` (n_rows, m), ``gradient_norm`` (m,); NaN where the swap would
    leave one class only.
    """

    theta: FloatArray
    eta: FloatArray
    gradient: FloatArray
    gradient_norm: FloatArray


def refit_sets(fit: Fit, sets: IntArray, *, monitor: Monitor | None = None) -> Refitted:
    """Refit with each of the given sets (m, size) of distinct rows relabelled, all m at once by block Newton.

    Cost: typically three Newton steps by block CG, each column with its own Hessian; a column that Newton's full step
    does not serve is refitted alone. Memory: six arrays of (n_rows + n_params, m).
    """
    problem, columns = fit.problem, np.arange(len(sets))
    force = problem.force(fit.eta, "relabel")
    push = np.zeros((fit.n_rows, len(sets)))
    push[sets.T, columns] = force[sets.T]
    theta, eta = np.repeat(fit.theta[:, None], len(sets), axis=1), np.repeat(fit.eta[:, None], len(sets), axis=1)
    gradient = problem.extended_rmatmat(push)
    decrement, target = _decrements(fit, gradient), _RTOL * problem.root(fit.theta, fit.eta)
    lost = np.array([min(problem.edited(rows, "relabel").class_weights) <= 0 for rows in sets], dtype=bool)
    for _ in range(_MAX_STEPS):
        going = (decrement > target) & ~lost
        if not going.any():
            break
        hessian = Hessian(problem.design, problem.d2loss(eta[:, going].T).T, problem.penalty, problem.has_intercept)
        step = solve_many(
            hessian, -gradient[:, going], rtol=1e-3, preconditioner=fit.preconditioner, width=_WIDTH, monitor=monitor
        ).x
        theta[:, going] += step
        there = problem.extended_matvec(problem.design, theta[:, going])
        lost[going] |= np.abs(there - eta[:, going]).max(axis=0) > _FARTHEST
        eta[:, going] = there
        residual = np.array(problem.dloss(eta[:, going].T).T) + push[:, going]
        gradient[:, going] = problem.extended_rmatmat(residual) + problem.penalty[:, None] * theta[:, going]
        before, decrement = decrement, _decrements(fit, gradient)
        lost |= going & ~(decrement < before)  # where Newton's full step is too long, the column is refitted alone
    for k in columns[lost | (decrement > target)]:
        theta[:, k], eta[:, k], gradient[:, k] = _alone(fit, sets[k], monitor)
    return Refitted(theta, eta, gradient, np.linalg.norm(gradient, axis=0))


def _decrements(fit: Fit, gradient: FloatArray) -> FloatArray:
    """Of gradients (n_params, m), about ``sqrt(g' H^-1 g)``, by the fit's preconditioner; (m,)."""
    return np.asarray(np.sqrt(np.maximum(column_dots(gradient, fit.preconditioner.apply(gradient)), 0.0)))


def _alone(fit: Fit, rows: IntArray, monitor: Monitor | None) -> tuple[Any, Any, Any]:
    if min(fit.problem.edited(rows, "relabel").class_weights) <= 0:
        return np.nan, np.nan, np.nan
    again = fit.refit(rows, monitor=monitor)
    return again.theta, again.eta, again.problem.gradient(again.theta, again.problem.dloss(again.eta))

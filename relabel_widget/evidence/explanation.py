"""What each row of a verified flip set contributes, and what it shares with the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import FloatArray, IntArray
from ..arguments import as_rows, check_edit, check_monitor
from ..bayes import BayesFit, bayes_parts
from ..design import Design
from ..fits import AnyFit, check_any_fit
from ..monitor import Monitor
from ..problem import Edit
from ..solver import solve


@dataclass(frozen=True, eq=False)
class SharedFeatures:
    """Columns in which one training row and the query both differ from zero, largest contribution first.

    ``columns`` (c,) are column numbers, ``contributions`` (c,) their part of the row's share in log-odds; what the
    row does through the intercept and through columns that the query lacks is the rest.
    """

    columns: IntArray
    contributions: FloatArray


@dataclass(frozen=True, eq=False)
class Explanation:
    """How the verified change of a query's log-odds comes about.

    Attributes
    ----------
    classes
        Two class labels: the change is that of the log-odds of the first over the second. Of two classes they are
        ``classes[1]`` and ``classes[0]``; of more, the one predicted before and the one predicted after the refit, or
        the nearest rival where the prediction stands.
    rows
        The edited rows, int64, shape (k,), as given, but for those that have their new label already.
    shares
        Each row's part of the change in log-odds, shape (k,): its influence averaged between the fit and the refit.
    interaction
        What the shares do not account for: the rows' joint effect beyond the path average.
    change
        The change that the refit brought; ``shares.sum() + interaction``.
    shared
        For each row the features that it shares with the query.
    """

    classes: tuple[Any, Any]
    rows: IntArray
    shares: FloatArray
    interaction: float
    change: float
    shared: list[SharedFeatures]


def explain(
    fit: AnyFit, x: Any, rows: Any, *, labels: Any = None, edit: Edit = "relabel", monitor: Monitor | None = None
) -> Explanation:
    """Split the change that editing some rows brings to a query into the rows' shares.

    Parameters
    ----------
    fit
        The fit on the original labels.
    x
        The query, as in `find_flip_set`.
    rows
        Distinct training rows, such as `FlipSet.rows`.
    labels
        The new label of each row, such as `FlipSet.labels`; with two classes, the other one if None.
    edit
        ``"relabel"`` or ``"remove"``.

    Raises
    ------
    ValueError, TypeError
        If the query or the rows are not as described, or the edit leaves one class only.

    Notes
    -----
    The shares are the trapezoidal rule for the exact path integral ``-sum_i f_i x_i . Hbar^-1 x``; ``interaction``
    is its error, of third order. Cost: one refit, two CG solves, and memory of k * n_params * 16 bytes. For a naive
    Bayes the integral is known, so that nothing is left for ``interaction`` but rounding.
    """
    check_any_fit(fit, who="explain", bayes=True)
    check_monitor(monitor, who="explain")
    check_edit(edit, who="explain")
    chosen = as_rows(rows, fit.n_rows, who="explain: rows")
    design = fit.query_of(x, who="explain: x")
    if isinstance(fit, BayesFit):
        return _of_bayes(fit, design, chosen, labels, edit, monitor)
    problem = fit.problem
    refit = fit.refit(chosen, edit, labels=labels, monitor=monitor)
    functional = problem.functionals(design, fit.theta, refit.theta)[:, 0]
    edits = problem.edits_of(chosen, edit, refit.problem.labels.codes[chosen])
    chosen = problem.rows_of(edits)
    rows_dense = problem.extended_rows(problem.design.take(chosen)).T
    # contribution of each parameter to each row's share, averaged over the two ends of the path
    parts = np.zeros_like(rows_dense)
    for point in (fit, refit):
        factor = solve(point.hessian, functional, rtol=1e-8, preconditioner=fit.preconditioner, monitor=monitor).x
        parts -= 0.5 * rows_dense * problem.pushes(point.eta, edits, edit, factor)
    shares, change = parts.sum(axis=1), float(functional @ (refit.theta - fit.theta))
    query, n_features = problem.extended_rows(design)[:, 0], problem.design.n_features
    shared = [_shared(part[:n_features], query[:n_features]) for part in parts]
    return Explanation(_margin(fit, refit, design), chosen, shares, change - float(shares.sum()), change, shared)


def _of_bayes(
    fit: BayesFit, query: Design, rows: IntArray, labels: Any, edit: Edit, monitor: Monitor | None
) -> Explanation:
    refit = fit.refit(rows, edit, labels=labels, monitor=monitor)
    if edit == "relabel":
        rows = rows[refit.codes[rows] != fit.codes[rows]]
    parts = bayes_parts(fit, refit, query, rows)
    shares = parts.of_terms.sum(axis=1)
    shared = []
    for part in parts.of_terms:
        held = np.flatnonzero((part != 0) & (parts.columns >= 0))
        held = held[np.argsort(-np.abs(part[held]), kind="stable")]
        shared.append(SharedFeatures(parts.columns[held], part[held]))
    left = parts.change - float(shares.sum())
    return Explanation(_margin(fit, refit, query), rows, shares, left, parts.change, shared)


def _margin(fit: AnyFit, refit: AnyFit, query: Design) -> tuple[Any, Any]:
    """The classes whose margin the change is of."""
    classes = fit.classes.tolist()
    if len(classes) == 2:
        return classes[1], classes[0]
    first = int(fit.decision(query)[0].argmax())
    others = refit.decision(query)[0]
    others[first] = -np.inf
    return classes[first], classes[int(others.argmax())]


def _shared(part: FloatArray, query: FloatArray) -> SharedFeatures:
    columns = np.flatnonzero((part != 0) & (query != 0))
    columns = columns[np.argsort(-np.abs(part[columns]), kind="stable")]
    return SharedFeatures(columns, part[columns])

"""How rows respond to their own edits at a refit: what the search takes beyond first order, with two classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..fits import Fit
from ..problem import Problem
from ..solver import Iterate, solve_many
from ..vectors import column_dots
from .row_edit import CoupledEdits, Leverages, RowEdits

if TYPE_CHECKING:
    from .refit import Refit


class RowResponses:
    """Those of a fit's rows, whatever the query; leverages are kept."""

    def __init__(self, fit: Fit) -> None:
        self._leverages = Leverages(fit)

    def effects(self, refit: Refit, rows: IntArray) -> FloatArray:
        """The gain of each row times its actual move over its first-order move; (len(rows),)."""
        if not len(rows):
            return np.empty(0)
        return np.asarray(refit.gains[rows] * self._stretches(refit, rows))

    def falls(self, refit: Refit, edits: IntArray, eta_directions: FloatArray) -> FloatArray:
        """What edits, or what undoing them raises, lets many functionals fall by; (len(edits), m).

        ``eta_directions`` (n_rows, m) is ``[X, 1] H^-1`` times each functional.
        """
        question = refit.context.question
        force = question.fit.problem.force(refit.eta, question.edit)[edits]
        return np.asarray((force * self._stretches(refit, edits))[:, None] * eta_directions[edits])

    def _stretches(self, refit: Refit, rows: IntArray) -> FloatArray:
        """How far each row moves by its edit, over its first-order move; (len(rows),)."""
        question = refit.context.question
        problem, leverage = question.fit.problem, self._leverages.of(rows)
        made, weights, signs = refit.has(rows), problem.weights[rows], problem.labels.signs[rows]
        if question.edit == "remove":
            weights = np.where(made, 0.0, weights)
        else:
            signs = np.where(made, -signs, signs)
            if problem.label_weights is not None:
                weights = problem.weights_of(rows, problem.labels.codes[rows] ^ made)
        held = leverage * problem.row_loss.bends(refit.eta[rows], weights, signs)
        # alone a row would move by h f, to first order in H by h f / (1 + h d): the ratio of both is share * (1 + h d)
        return np.asarray(_edits(refit, rows).share(leverage) * (1.0 + held))

    def start_point(self, problem: Problem, changed: IntArray, start: Refit) -> Iterate:
        """The start as a point of the edited problem, with secant curvature of the edited rows for the first step."""
        edits, leverage = _edits(start, changed), self._leverages.of(changed)
        share = edits.share(leverage)
        gradient = None
        if problem.edits_are_local:
            gradient = start.gradient + problem.extended_rmatvec_of(changed, edits.force)
        hessian = start.hessian.with_curvature(changed, (1.0 - share) / (share * leverage))
        return Iterate(start.point.theta, start.eta, gradient, hessian=hessian)


def forecast_coupled_swaps(refit: Refit, out: IntArray, into: IntArray) -> FloatArray:
    """The margin to expect with row ``out[i]`` taken back and ``into[j]`` edited instead, (len(out), len(into)).

    The two rows see each other, through the Hessian at the refit. Cost: a loose block solve with a column for each
    of the rows, made dense.
    """
    context, rows = refit.context, np.concatenate([out, into])
    fit, hessian = context.question.fit, refit.hessian
    columns = fit.problem.extended_rows(fit.problem.design.take(rows))
    solved = solve_many(
        hessian,
        columns,
        rtol=context.settings.accuracy.coupling,
        preconditioner=fit.preconditioner,
        width=len(rows),
        monitor=context.monitor,
    ).x
    edits = CoupledEdits.of(_edits(refit, rows), column_dots(columns, solved), hessian.curvature[rows])
    coupling = columns[:, : len(out)].T @ solved[:, len(out) :]
    pairs = np.indices(coupling.shape).reshape(2, -1)
    pairs[1] += len(out)
    moved = context.question.direction * (refit.factor @ columns)[pairs] * edits.pulls(pairs, coupling.ravel())
    return np.asarray(refit.margin - moved.sum(axis=0).reshape(coupling.shape))


def _edits(refit: Refit, rows: IntArray) -> RowEdits:
    """The edits of rows at a refit, taken back where it has made them."""
    question, eta = refit.context.question, refit.eta[rows]
    problem = question.fit.problem
    loss, signs = problem.row_loss, problem.labels.signs[rows]
    made: BoolArray = refit.has(rows)
    if question.edit == "relabel":
        signs = np.where(made, -signs, signs)
        before = problem.labels.codes[rows] ^ made
        weights = problem.weights_of(rows, 1 - before)
        held = weights if problem.label_weights is None else problem.weights_of(rows, before)
        return RowEdits(eta, loss.slopes(eta, signs, held), weights, -signs, loss)
    weights = problem.weights[rows]
    left_out = np.where(made, weights, 0.0)
    return RowEdits(eta, loss.slopes(eta, signs, weights - left_out), left_out, signs, loss)

"""How rows respond to their own edits where each class is fitted against the rest: in each class as with two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._typing import CodeArray, FloatArray, IntArray
from ..problem import OneVsRestProblem, Problem
from ..solver import Iterate
from .class_responses import ClassResponses, codes_at
from .row_edit import RowEdits

if TYPE_CHECKING:
    from .refit import Refit


class RestResponses(ClassResponses):
    """Those of the rows of a fit of one class against the rest, whatever the query; leverages are kept."""

    def _pulls(self, refit: Refit, edits: IntArray) -> FloatArray:
        """As for several classes at once."""
        problem = _problem(refit)
        rows = problem.rows_of(edits)
        made = _edits(refit, edits, codes_at(refit, rows))
        leverage = self.leverages_of(rows)
        force, share = made.force, made.share(leverage)
        curvature = refit.hessian.curvature.reshape(-1, problem.n_classes)[rows]
        # as with two classes: share * (1 + h d) is the whole move by the one of first order
        return np.asarray(force * share * (1.0 + leverage * curvature))

    def start_point(self, problem: Problem, changed: IntArray, start: Refit) -> Iterate:
        """The start as a point of the edited problem, with secant curvature of the edited rows for the first step."""
        rows, edits = problem.rows_of(changed), _edits(start, changed)
        n_classes = problem.n_classes
        leverage = self.leverages_of(rows)
        share, force = edits.share(leverage), edits.force
        gradient = None
        if problem.edits_are_local:
            gradient = start.gradient + problem.extended_rmatvec_of(rows, force.ravel())
        same = force == 0.0  # of other classes, whose losses stay as they are
        own = start.hessian.curvature.reshape(-1, n_classes)[rows]
        secant = np.where(same, own, (1.0 - share) / (share * leverage))
        places = (rows[:, None] * n_classes + np.arange(n_classes)).ravel()
        return Iterate(
            start.point.theta, start.eta, gradient, hessian=start.hessian.with_curvature(places, secant.ravel())
        )


def _problem(refit: Refit) -> OneVsRestProblem:
    problem = refit.context.question.fit.problem
    assert isinstance(problem, OneVsRestProblem)
    return problem


def _edits(refit: Refit, edits: IntArray, before: CodeArray | None = None) -> RowEdits:
    """As for several classes at once; tables (len(edits), K)."""
    problem = _problem(refit)
    rows, codes = np.divmod(edits, problem.n_classes)
    made, own = refit.has(edits), problem.labels.codes[rows]
    eta, loss = refit.eta.reshape(-1, problem.n_classes)[rows], problem.row_loss
    if refit.context.question.edit == "remove":
        signs, weights = problem.signs_of(own), problem.weights_as(rows, own) * np.ones((1, problem.n_classes))
        left_out = np.where(made[:, None], weights, 0.0)
        return RowEdits(eta, loss.slopes(eta, signs, weights - left_out), left_out, signs, loss)
    after = np.where(made, own, codes)
    if before is None:
        before = np.where(made, codes, own)
    weights = problem.weights_as(rows, after) * np.ones((1, problem.n_classes))
    return RowEdits(eta, problem.slopes_as(eta, rows, before), weights, problem.signs_of(after), loss)

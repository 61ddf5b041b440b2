"""How rows respond to their own edits where there are several classes.

Row i with log-odds eta, a vector of K, sees the other rows and the penalty as a spring. Without its own loss a force f,
whose entries sum to 0, moves it by ``-L f``, L the K x K block ``[x_i, 1] H_-i^-1 [x_i, 1]'`` of the Hessian without
the row. The preconditioner holds the classes apart, so that here L is diagonal, ``h_ik``; a constant added to eta
changes nothing. The edit turns the derivative of its loss from ``now`` to ``after(eta + x)``, and it comes to rest
where ``x_k + h_ik (after_k(eta + x) - now_k) = 0``: the minimum of a strictly convex function, as in `row_edit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._typing import CodeArray, FloatArray, IntArray
from ..fits import Fit
from ..problem import MultinomialHessian, MultinomialProblem, Problem, slopes, softmax
from ..solver import Iterate

if TYPE_CHECKING:
    from .refit import Refit

_PRECISE = 1e-4  # log-odds: a ranking needs no more
_MOST_STEPS = 20


@dataclass(frozen=True, eq=False)
class ClassEdits:
    """Edits of rows, each made or taken back; tables (m, K), vectors (m,).

    ``eta`` are the rows' log-odds, ``now`` the derivatives of their losses there, ``bend`` their weights in the
    Hessian; ``weights`` and ``codes`` are those of their losses afterwards: weight 0 for a row that is left out.
    """

    eta: FloatArray
    now: FloatArray
    bend: FloatArray
    weights: FloatArray
    codes: IntArray

    def after(self, x: FloatArray) -> FloatArray:
        """The derivatives of the losses once the rows have moved so far."""
        return slopes(softmax(self.eta + x), self.codes, self.weights)

    def moves(self, leverage: FloatArray) -> FloatArray:
        """How far each row goes, (m, K); leverages (m, K) are leave-one-out.

        Newton's method. A step that moves a row by r log-odds is cut to ``log(1 + r) / r`` of it: one log-odd changes
        the curvature by a factor of e at most. J is a diagonal less a matrix of rank one.
        """
        x = np.zeros_like(self.eta)
        stiff = leverage * self.weights[:, None]
        for _ in range(_MOST_STEPS):
            p = softmax(self.eta + x)
            left = x + leverage * (slopes(p, self.codes, self.weights) - self.now)
            bent = stiff * p
            diagonal = 1.0 + bent
            step, along = left / diagonal, bent / diagonal
            pulled = np.einsum("ik,ik->i", p, step) / (1.0 - np.einsum("ik,ik->i", p, along))
            step += along * pulled[:, None]
            far = np.ptp(step, axis=1)
            if not (far > _PRECISE).any():
                break
            step *= (np.log1p(far) / np.maximum(far, _PRECISE))[:, None]
            x -= step
        return x

    def pulls(self, leverage: FloatArray) -> FloatArray:
        """How much each row's loss derivatives change, less what its curvature in H accounts for; (m, K)."""
        x, p = self.moves(leverage), softmax(self.eta)
        held = p * x
        held -= p * held.sum(axis=1, keepdims=True)
        return self.after(x) - self.now - self.bend[:, None] * held


class ClassResponses:
    """Those of the rows of a multinomial fit, whatever the query; leverages are kept."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self._leverages: dict[int, FloatArray] = {}

    def effects(self, refit: Refit, edits: IntArray) -> FloatArray:
        """What each edit moves the margin by, its row's own response included; (len(edits),)."""
        if not len(edits):
            return np.empty(0)
        falls = self.falls(refit, edits, refit.eta_direction[:, None])[:, 0]
        return np.asarray(falls * refit.context.question.direction)

    def falls(self, refit: Refit, edits: IntArray, eta_directions: FloatArray) -> FloatArray:
        """As for two classes; ``eta_directions`` is (n_rows * K, m).

        Where the refit has relabelled an edit's row otherwise, this is what changing that label to the edit's does.
        """
        pulls = self._pulls(refit, edits)
        pulls[refit.has(edits)] *= -1.0
        n_classes = pulls.shape[1]
        places = _problem(refit).rows_of(edits)[:, None] * n_classes + np.arange(n_classes)
        return np.asarray(np.einsum("ik,ikm->im", pulls, eta_directions[places]))

    def _pulls(self, refit: Refit, edits: IntArray) -> FloatArray:
        """How much the loss derivatives of each edit's row change, less what its curvature accounts for; (m, K)."""
        rows = _problem(refit).rows_of(edits)
        return _edits(refit, edits, codes_at(refit, rows)).pulls(self.leverages_of(rows))

    def start_point(self, problem: Problem, changed: IntArray, start: Refit) -> Iterate:
        """The start as a point of the edited problem, with secant curvature of the edited rows for the first step.

        It is that halfway, scaled so that it is exact along the way that the row goes.
        """
        rows, edits = problem.rows_of(changed), _edits(start, changed)
        force = edits.after(np.zeros_like(edits.eta)) - edits.now
        gradient = None
        if problem.edits_are_local:
            gradient = start.gradient + problem.extended_rmatvec_of(rows, force.ravel())
        x = edits.moves(self.leverages_of(rows))
        p = softmax(edits.eta + 0.5 * x)
        turned = np.einsum("ik,ik->i", x, softmax(edits.eta + x) - softmax(edits.eta))
        spread = np.einsum("ik,ik->i", p, np.square(x - np.einsum("ik,ik->i", p, x)[:, None]))
        scale = np.divide(turned, spread, out=np.ones_like(turned), where=spread > 0)
        hessian = start.hessian
        assert isinstance(hessian, MultinomialHessian)
        return Iterate(
            start.point.theta, start.eta, gradient, hessian=hessian.with_rows(rows, p, edits.weights * scale)
        )

    def leverages_of(self, rows: IntArray) -> FloatArray:
        """Leave-one-out leverages, of each class by itself, by the preconditioner at the fit; (len(rows), K)."""
        missing = np.array([row for row in set(rows.tolist()) if row not in self._leverages], dtype=np.int64)
        if len(missing):
            hessian = self._fit.hessian
            curvature = hessian.curvature.reshape(len(self._fit.problem.weights), -1)[missing]
            stored = self._fit.problem.design.take(missing)
            found = np.maximum(self._fit.preconditioner.loo_leverages(stored, curvature), np.finfo(float).tiny)
            self._leverages.update(zip(missing.tolist(), found, strict=True))
        return np.stack([self._leverages[row] for row in rows.tolist()])


def _problem(refit: Refit) -> MultinomialProblem:
    problem = refit.context.question.fit.problem
    assert isinstance(problem, MultinomialProblem)
    return problem


def codes_at(refit: Refit, rows: IntArray) -> CodeArray:
    """The codes that rows have in a refit, (len(rows),): their own for removals."""
    problem = refit.context.question.fit.problem
    assert isinstance(problem, MultinomialProblem)
    codes = problem.labels.codes.copy()
    made, new = np.divmod(refit.rows, problem.n_classes)
    codes[made] = new
    return codes[rows]


def _edits(refit: Refit, edits: IntArray, before: CodeArray | None = None) -> ClassEdits:
    """The edits at a refit, taken back where it has made them.

    ``before`` are the codes that their rows have until then; by default other edits of these rows count as undone.
    """
    problem = _problem(refit)
    rows, codes = np.divmod(edits, problem.n_classes)
    made, own, weights = refit.has(edits), problem.labels.codes[rows], problem.weights[rows]
    eta = refit.eta.reshape(-1, problem.n_classes)[rows]
    p = softmax(eta)
    if refit.context.question.edit == "remove":
        left_out = np.where(made, weights, 0.0)
        bend = weights - left_out
        return ClassEdits(eta, slopes(p, own, bend), bend, left_out, own)
    after = np.where(made, own, codes)
    if before is None:
        before = np.where(made, codes, own)
    bend = problem.weights_of(rows, before)
    return ClassEdits(eta, slopes(p, before, bend), bend, problem.weights_of(rows, after), after)

"""A refit on edited labels, as far as its decision needed it, and what is known there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..bound import SLACK
from ..monitor import Monitor
from ..problem import Hessian, Problem
from ..question import Question
from ..solver import Iterate, SolveResult, norm_in, solve
from ..vectors import dot
from .ranking import largest
from .settings import Settings

NO_ROWS = np.empty(0, dtype=np.int64)


class Responses(Protocol):
    """How rows respond to their own edits: `RowResponses`, and `ClassResponses` where there are several classes."""

    def effects(self, refit: Refit, edits: IntArray) -> FloatArray:
        """What each edit moves the margin by at a refit, its row's own response included; (len(edits),)."""

    def falls(self, refit: Refit, edits: IntArray, eta_directions: FloatArray) -> FloatArray:
        """The same for many functionals, as what they fall by, by their ``[X, 1] H^-1 functional``; (len(edits), m)."""

    def start_point(self, problem: Problem, changed: IntArray, start: Refit) -> Iterate:
        """The start as a point of the problem in which some edits are made or taken back."""


@dataclass(frozen=True, eq=False)
class Context:
    """What all refits of one search share."""

    question: Question
    settings: Settings
    responses: Responses
    monitor: Monitor | None = None


@dataclass(frozen=True, eq=False)
class Shortlist:
    """Rows whose whole effect is known, sorted, and these effects; everywhere else the gain stands in for it."""

    rows: IntArray
    effects: FloatArray


@dataclass(eq=False)
class Refit:
    """A refit on the labels edited in ``rows``, which are sorted.

    Rows stand for edits: where there are several classes, numbers that name a row and its new label (`Problem`).

    ``margin`` is the question's margin, positive as long as the prediction stands, and ``doubt`` how far off it may be.
    ``point`` is the last iterate, which may be short of the minimiser; the margin is corrected for that.

    What is worked out here on demand, and kept as long as the refit is: the Hessian, the factor ``H^-1 functional``
    (from that of ``start``, the refit that this one started from, which is then let go), and of rows

    - the *gain*: what editing it moves the margin by, to first order, towards a flip where it is positive; for a row
      that this refit has edited, what undoing the edit would cost;
    - the *effect*: the gain with the row's own response (`Responses`), worked out for the shortlist.
    """

    context: Context
    rows: IntArray
    point: Iterate
    margin: float
    doubt: float = 0.0
    start: Refit | None = field(default=None, repr=False)

    @classmethod
    def of_fit(cls, context: Context, factor: SolveResult) -> Refit:
        """The fit itself, no row edited; ``factor`` is ``H^-1 functional``, roughly."""
        fit = context.question.fit
        point = Iterate(fit.theta, fit.eta, np.zeros_like(fit.theta))
        base = cls(context, NO_ROWS, point, abs(context.question.value))
        vars(base)["hessian"] = fit.hessian
        vars(base)["solved"] = factor
        return base

    # the refit itself

    @property
    def flips(self) -> bool:
        """Whether the prediction is the other one, beyond what another solver's error could be."""
        return self.margin < -SLACK

    @property
    def labels(self) -> AnyArray:
        """The new label of each edited row."""
        return self.context.question.new_labels(self.rows)

    @property
    def eta(self) -> FloatArray:
        """Log-odds of the training rows, (n_rows,)."""
        return self.point.eta

    @property
    def gradient(self) -> FloatArray:
        """The gradient at the point, kept; the slopes it is made of are dropped again."""
        if self.point.gradient is None:
            self.point.gradient_in(self.context.question.edited(self.rows))
            self.point.lean()
        assert self.point.gradient is not None
        return self.point.gradient

    # its Hessian, and the functional's factor there

    @cached_property
    def hessian(self) -> Hessian:
        """The Hessian at the point."""
        return self.context.question.edited(self.rows).hessian(self.eta)

    @cached_property
    def solved(self) -> SolveResult:
        """``H^-1 functional``, with the residual to which it is known. Cost: a CG solve from the start's, or none."""
        start = self.start
        assert start is not None, "the fit's own factor is given"
        self.start = None  # a refit that was left behind must not be kept by those that came from it
        return self._still_good(start) or self._solved_from(start)

    @property
    def factor(self) -> FloatArray:
        """``H^-1 functional``, (n_params,)."""
        return self.solved.x

    @property
    def eta_direction(self) -> FloatArray:
        """``[X, 1]`` times the factor, (n_rows,): where a push by the functional moves log-odds."""
        if not len(self.solved.eta_direction):
            self.solved = replace(self.solved, eta_direction=self.context.question.fit.problem.eta(self.factor))
        return self.solved.eta_direction

    @property
    def spread(self) -> float:
        """``sqrt(x . H^-1 x)`` of the functional x: how far a gradient of norm 1 in ``H^-1`` can move the margin."""
        return float(np.sqrt(max(dot(self.context.question.functional, self.factor), 0.0)))

    @property
    def factor_error(self) -> float:
        """Relative residual to which the factor is known here."""
        return self.solved.residual

    def factor_error_at(self, hessian: Hessian, changed_rows: IntArray = NO_ROWS) -> float:
        """Upper bound on the relative residual of this factor under another Hessian.

        It grows by ``[X, 1]' (change of the curvature) eta_direction``. The changed rows, which bend most, are worked
        out; the others are bounded, in a pass over rows.
        """
        fit = self.context.question.fit
        bound, own = hessian.bound(
            changed_rows, _curvature_change, hessian.curvature, self.hessian.curvature, self.eta_direction
        )
        of_changed = norm_in(fit.preconditioner, fit.problem.extended_rmatvec_of(changed_rows, own))
        return self.solved.residual + (of_changed + bound) / self.context.question.norm

    def _solved_from(self, start: Refit) -> SolveResult:
        question = self.context.question
        return solve(
            self.hessian,
            question.functional,
            rtol=self.context.settings.accuracy.factor,
            preconditioner=question.fit.preconditioner,
            start=(start.factor, start.eta_direction),
            with_eta=True,
            monitor=self.context.monitor,
        )

    def _still_good(self, start: Refit) -> SolveResult | None:
        """The start's factor, if a bound says that it is a solution here, too: that takes no product with X."""
        accuracy = self.context.settings.accuracy
        if not accuracy.bounded:
            return None
        changed = np.setxor1d(self.rows, start.rows, assume_unique=True)
        residual = start.factor_error_at(self.hessian, changed)
        return replace(start.solved, residual=residual) if residual <= accuracy.factor else None

    # what editing a row would do here

    @cached_property
    def gains(self) -> FloatArray:
        """Of all rows, (n_rows,). Cost: at the fit, one product with X."""
        return self.context.question.gains(self.eta, self.eta_direction)

    @cached_property
    def candidates(self) -> IntArray:
        """Of each row that may be edited the edit that this refit has made, or else the best one; sorted."""
        return self.context.question.edits_at(self.gains, self.rows)

    @cached_property
    def shortlist(self) -> Shortlist:
        """The rows of the set and those that rank first outside it: twice as many as the margin's distance to 0 takes.

        Cost: some passes over the stored values of these rows, mostly a few hundred.
        """
        question, limits = self.context.question, self.context.settings.limits
        worth = question.worth(self.gains[self.candidates], self.candidates)
        first = self.candidates[largest(worth, len(self.rows) + 2 * limits.shortlist_most)]
        outside = first[~self.has(first)]
        needed = int(np.searchsorted(np.cumsum(np.maximum(self.gains[outside], 0.0)), abs(self.margin)))
        count = min(limits.shortlist_least + 2 * needed, limits.shortlist_most, len(outside))
        rows = np.concatenate([outside[:count], self.rows])
        effects = self.context.responses.effects(self, rows)
        # effects are mostly smaller than gains: a row whose gain exceeds the least effect here could still outrank it
        least = question.worth(effects[:count], outside[:count]).min(initial=np.inf)
        others = outside[count:]
        others = others[question.worth(self.gains[others], others) > least]
        rows = np.concatenate([rows, others])
        effects = np.concatenate([effects, self.context.responses.effects(self, others)])
        order = np.argsort(rows)
        return Shortlist(rows[order], effects[order])

    def effects(self, rows: IntArray) -> FloatArray:
        """Effects of the given rows, gains for those that are not on the shortlist; (len(rows),)."""
        effects, known = self.gains[rows], contained(rows, self.shortlist.rows)
        effects[known] = self.shortlist.effects[np.searchsorted(self.shortlist.rows, rows[known])]
        return effects

    def has(self, rows: IntArray) -> BoolArray:
        """Which of the rows this refit has edited; a mask, (len(rows),)."""
        return contained(rows, self.rows)


def contained(rows: IntArray, among: IntArray) -> BoolArray:
    """Which of the rows are among some that are sorted; a mask, (len(rows),)."""
    if not len(among):
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(among[np.minimum(np.searchsorted(among, rows), len(among) - 1)] == rows)


def _curvature_change(after: FloatArray, before: FloatArray, eta_direction: FloatArray) -> FloatArray:
    return (after - before) * eta_direction

"""Makes, keeps and counts the refits of one search, each only as accurate as its decision needs."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from .._typing import BoolArray, IntArray
from ..fitting import minimised
from ..problem import Problem
from ..question import Question
from ..solver import Iterate, SolveResult, newton, norm_in
from .flip_set import Budget
from .forecasts import forecast, forecast_without
from .refit import NO_ROWS, Context, Refit

_SHORT = 1.0  # log-odds: over so much of a step the curvature of a row changes by no more than a factor of e


class BudgetSpent(Exception):  # noqa: N818 - an outcome of the search, caught by it
    """The search has used its refits or seconds."""


class Refits:
    """The refits of one search, which it counts and stops.

    A refit runs Newton's method from a nearby one and stops as soon as the sign of the margin is settled
    (`_SignSettled`). Its first step takes the edited rows' curvature from their own response.
    """

    def __init__(self, context: Context, factor: SolveResult, budget: Budget) -> None:
        self.context = context
        self.base = Refit.of_fit(context, factor)
        self.count = 0
        self._budget = budget
        self._deadline = time.monotonic() + (budget.seconds or 0.0)
        self._made: dict[bytes, Refit] = {}

    def at(self, rows: IntArray, start: Refit) -> Refit:
        """The refit on labels edited in the given rows, started from a nearby one; kept for a while.

        Raises
        ------
        BudgetSpent
            If no further refit may be made.
        """
        rows = np.sort(rows)
        key = rows.tobytes()
        if key not in self._made:
            self._spend()
            made = self._refitted(rows, start)
            limits, n_bytes = self.context.settings.limits, _bytes_of(made)
            if len(self._made) >= max(limits.refits_least, limits.refits_bytes // n_bytes):
                del self._made[next(iter(self._made))]
            self._made[key] = made
        return self._made[key]

    def _spend(self) -> None:
        spent = self._budget.refits is not None and self.count >= self._budget.refits
        late = self._budget.seconds is not None and time.monotonic() > self._deadline
        if spent or late:
            raise BudgetSpent
        if self.context.monitor is not None:
            self.context.monitor.step("refitting", self.count, self._budget.refits)
        self.count += 1

    def _refitted(self, rows: IntArray, start: Refit) -> Refit:
        problem, accuracy = self.context.question.edited(rows), self.context.settings.accuracy
        if accuracy.exact:
            return self._to_the_end(problem, rows, start)
        changed = np.setxor1d(rows, start.rows, assume_unique=True)
        rule = _SignSettled(problem, start, rows, self.base.spread)
        run = newton(
            problem,
            _started(problem, changed, start),
            rule,
            preconditioner=self.context.question.fit.preconditioner,
            excluded_rows=changed if accuracy.bounded else None,
            max_steps=self.context.settings.limits.newton_steps,
            monitor=self.context.monitor,
        )
        if not run.converged:
            return self._to_the_end(problem, rows, start)
        return Refit(self.context, rows, run.point.lean(), rule.margin, rule.doubt, start)

    def _to_the_end(self, problem: Problem, rows: IntArray, start: Refit) -> Refit:
        question = self.context.question
        done = minimised(problem, start.point.theta, question.fit.preconditioner, self.context.monitor)
        point = Iterate.at(problem, done.theta, done.eta)
        return Refit(self.context, rows, point, question.margin(done.theta), start=start)

    def confirmed(self, refit: Refit) -> float:
        """The margin of a refit that is followed to within 1e-7 log-odds of the minimiser's.

        That is by the base's preconditioner, which may make too little of a direction that the edited rows held. Where
        the sign could still change, the refit is followed to the end.
        """
        context, spread = self.context, self.base.spread
        problem = context.question.edited(refit.rows)
        rule = _Certain(problem, refit, spread)
        run = newton(
            problem,
            replace(refit.point, hessian=refit.hessian),
            rule,
            preconditioner=context.question.fit.preconditioner,
            excluded_rows=NO_ROWS if context.settings.accuracy.bounded else None,
            max_steps=context.settings.limits.newton_steps,
            monitor=context.monitor,
        )
        margin = _corrected(problem, run.point, refit)
        doubt = max(context.settings.accuracy.safety * abs(margin - refit.margin), spread * rule.decrement)
        return margin if doubt < abs(margin) else self._to_the_end(problem, refit.rows, refit).margin

    def stands_without(self, refit: Refit, rows: IntArray) -> BoolArray:
        """Whether it is beyond doubt, without a refit, that the prediction stands if each row alone is left out."""
        margins, doubts = forecast_without(refit, rows)
        return (margins > doubts) & (not self.context.settings.accuracy.exact)


class _SignSettled:
    """Stop as soon as the sign of the margin at the minimiser is settled.

    The margin at an unconverged point is corrected by the adjoint ``H^-1 x`` times the gradient, which leaves an error
    of third order in the step (Giles and Süli, "Adjoint methods for PDEs", 2002, section 3). It is settled when it is
    larger than its doubt: what the gradient left can still move by the adjoint's own error, and, on short steps, twice
    the change of the margin in the last step, the first of which is compared with the forecast.
    """

    def __init__(self, problem: Problem, start: Refit, rows: IntArray, spread: float) -> None:
        changed = np.setxor1d(rows, start.rows, assume_unique=True)
        self._question = start.context.question
        self._problem = problem
        self._start = start
        self._accuracy = start.context.settings.accuracy
        self._spread = spread
        self._moves = float(np.abs(start.gains[changed]).sum()) + start.doubt
        self._decrement: float | None = None  # at the start
        self.margin = forecast(start, rows)
        self.doubt = np.inf

    def tolerance(self, point: Iterate) -> float | None:
        """To which the next step's system is solved; None once the sign is settled."""
        if self._decrement is not None and self._settled(point):
            return None
        decrement = _measured(self._question, self._problem, point)  # the next step takes the gradient anyway
        if self._decrement is None:
            self._decrement = decrement
        doubt, accuracy = self._doubt(decrement), self._accuracy
        if not doubt:
            return accuracy.loosest_step
        return float(np.clip(0.5 * abs(self.margin) / doubt, accuracy.tightest_step, accuracy.loosest_step))

    def _settled(self, point: Iterate) -> bool:
        previous = self.margin if point.far <= _SHORT else np.inf
        self.margin = _corrected(self._problem, point, self._start)
        self.doubt = self._doubt(point.decrement)
        return max(self.doubt, self._accuracy.safety * abs(self.margin - previous)) < abs(self.margin)

    def _doubt(self, decrement: float) -> float:
        """How far a gradient of this size may move a margin that was corrected for it, in log-odds."""
        moved = self._accuracy.reach * self._moves * decrement / self._decrement if self._decrement else 0.0
        by_factor = self._start.factor_error() * self._spread * decrement
        return min(moved + by_factor, self._accuracy.doubt_by_norm * self._spread * decrement)


class _Certain:
    """Stop once the corrected margin is within `Accuracy.certain` of the minimiser's, by Cauchy and Schwarz.

    The correction's error is that of the factor, times the gradient; the factor's grows as the Hessian moves on.
    """

    def __init__(self, problem: Problem, refit: Refit, spread: float) -> None:
        self._question = refit.context.question
        self._problem = problem
        self._refit = refit
        self._spread = spread
        self._certain = refit.context.settings.accuracy.certain
        self._factor_error = refit.factor_error()
        self._moved = False
        self.decrement = np.nan

    def tolerance(self, point: Iterate) -> float | None:
        """To which the next step's system is solved; None at the end."""
        if self._moved:
            self._factor_error = self._refit.factor_error(point.hessian_in(self._problem))
        self._moved = True
        self.decrement = point.decrement
        if not self._left() <= self._certain:  # by a bound, if at all
            self.decrement = _measured(self._question, self._problem, point)
        left = self._left()
        return None if left <= self._certain else max(min(0.1, 0.1 * self.decrement), 0.5 * self._certain / left)

    def _left(self) -> float:
        """How far the corrected margin may be from the minimiser's."""
        return self._spread * self.decrement * max(self._factor_error, self.decrement)


def _started(problem: Problem, changed: IntArray, start: Refit) -> Iterate:
    """The start as a point of the edited problem, with the curvature that its first step takes the rows by."""
    edits, leverage = start.edits(changed), start.context.leverages.of(changed)
    share = edits.share(leverage)
    gradient = start.gradient + problem.extended_rmatvec_of(changed, edits.force)
    hessian = start.hessian.with_curvature(changed, (1.0 - share) / (share * leverage))
    return Iterate(start.point.theta, start.eta, gradient, hessian=hessian)


def _measured(question: Question, problem: Problem, point: Iterate) -> float:
    """The norm of a point's gradient, in the preconditioner of the fit, where a bound on it did not do."""
    return norm_in(question.fit.preconditioner, point.gradient_in(problem))


def _corrected(problem: Problem, point: Iterate, refit: Refit) -> float:
    """The margin at the minimiser, by the factor of a near refit."""
    question = refit.context.question
    along = point.along(problem, refit.factor, refit.eta_direction)
    return question.margin(point.theta) - question.direction * along


def _bytes_of(refit: Refit) -> int:
    """Of the vectors that a refit holds once all is worked out: four of rows, three of parameters."""
    return 4 * refit.eta.nbytes + 3 * refit.point.theta.nbytes

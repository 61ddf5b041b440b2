"""Makes and keeps the refits of one search, each only as accurate as its decision needs."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from .._typing import IntArray
from ..fits import minimised
from ..monitor import Monitor
from ..problem import Problem
from ..solver import Iterate, SolveResult, newton, norm_in
from .flip_set import Budget
from .forecasts import forecast
from .refit import NO_ROWS, Context, Refit

_SHORT = 1.0  # log-odds: over so short a step the curvature of a row changes by no more than a factor of e


class BudgetSpent(Exception):  # noqa: N818 - an outcome of the search, caught by it
    """The search has used its refits or seconds."""


class Spending:
    """What one query's search has spent of its budget."""

    def __init__(self, budget: Budget) -> None:
        self.refits = 0
        self._budget = budget
        self._deadline = time.monotonic() + (budget.seconds or 0.0)

    @property
    def left(self) -> float:
        """How many further refits may be made; infinite without a limit."""
        return np.inf if self._budget.refits is None else self._budget.refits - self.refits

    def spend(self, monitor: Monitor | None, refits: int = 1) -> None:
        """Count refits that are about to be made, and stop where a person says so.

        Raises
        ------
        BudgetSpent
            If they are too many, or seconds are over.
        """
        late = self._budget.seconds is not None and time.monotonic() > self._deadline
        if refits > self.left or late:
            raise BudgetSpent
        if monitor is not None:
            monitor.step("refitting", self.refits, self._budget.refits)
        self.refits += refits


class Refits:
    """The refits of one search.

    A refit runs Newton's method from a nearby one and stops as soon as the sign of the margin is settled
    (`_SignSettled`). Its first step takes the edited rows' curvature from their own response.
    """

    def __init__(self, context: Context, factor: SolveResult, spending: Spending) -> None:
        self.context = context
        self.base = Refit.of_fit(context, factor)
        self.spending = spending
        self._made: dict[bytes, Refit] = {}

    def at(self, rows: IntArray, start: Refit) -> Refit:
        """The refit on labels edited in the given rows, started from a nearby one; kept for a while.

        Raises
        ------
        BudgetSpent
            If no further refit may be made.
        """
        if not len(rows):
            return self.base
        rows = np.sort(rows)
        key = rows.tobytes()
        if key not in self._made:
            self.spending.spend(self.context.monitor)
            made = self._refit(rows, start)
            limits, n_bytes = self.context.settings.limits, _bytes_of(made)
            if len(self._made) >= max(limits.kept_least, limits.kept_bytes // n_bytes):
                del self._made[next(iter(self._made))]
            self._made[key] = made
        return self._made[key]

    def _refit(self, rows: IntArray, start: Refit) -> Refit:
        problem, accuracy = self.context.question.edited(rows), self.context.settings.accuracy
        if self.context.settings.exact:
            return self._minimised(problem, rows, start)
        changed = np.setxor1d(rows, start.rows, assume_unique=True)
        rule = _SignSettled(problem, start, rows, changed, self.base.spread)
        run = newton(
            problem,
            self.context.responses.start_point(problem, changed, start),
            rule,
            preconditioner=self.context.question.fit.preconditioner,
            # bounded: gradients are bounded, not computed, leaving out these rows; None computes them
            excluded_rows=changed if accuracy.bounded else None,
            max_steps=self.context.settings.limits.newton_steps,
            monitor=self.context.monitor,
        )
        if not run.converged:
            return self._minimised(problem, rows, start)
        return Refit(self.context, rows, run.point.lean(), rule.margin, rule.doubt, start)

    def _minimised(self, problem: Problem, rows: IntArray, start: Refit) -> Refit:
        question = self.context.question
        done = minimised(problem, start.point.theta, question.fit.preconditioner, self.context.monitor)
        point = Iterate.at(problem, done.theta, done.eta)
        return Refit(self.context, rows, point, question.margin(done.theta), start=start)

    def minimised(self, refit: Refit) -> Refit:
        """The same refit at its minimiser."""
        return self._minimised(self.context.question.edited(refit.rows), refit.rows, refit)

    def confirmed_margin(self, refit: Refit) -> float:
        """The margin of a refit that is followed to within 1e-7 log-odds of the minimiser's.

        To the minimiser where that is cheap, or where the sign could still change; elsewhere until the adjoint corrects
        what is left. There the error is measured in the fit's preconditioner, which underestimates it in directions
        whose curvature came mainly from the edited rows, as far as `Iterate.stretch` does not tell.
        """
        context = self.context
        if context.settings.accuracy.confirm_fully:
            return self.minimised(refit).margin
        problem = context.question.edited(refit.rows)
        rule = _Certain(problem, refit)
        run = newton(
            problem,
            replace(refit.point, hessian=refit.hessian),
            rule,
            preconditioner=context.question.fit.preconditioner,
            excluded_rows=NO_ROWS if context.settings.accuracy.bounded else None,
            max_steps=context.settings.limits.newton_steps,
            monitor=context.monitor,
        )
        margin = _corrected_margin(problem, run.point, refit)
        doubt = max(context.settings.accuracy.safety * abs(margin - refit.margin), refit.spread * rule.decrement)
        return margin if run.converged and doubt < abs(margin) else self.minimised(refit).margin


class _SignSettled:
    """Stop as soon as the sign of the margin at the minimiser is settled.

    The margin at an unconverged point is corrected by the adjoint, ``H^-1 x`` times the gradient, which leaves an error
    of third order in the step (Giles and Süli, "Adjoint methods for PDEs", 2002, section 3). The sign is settled once
    the corrected margin exceeds both its doubt, which is what the adjoint's own error times the remaining gradient can
    still change, and `Accuracy.safety` times its change in the last step; for the first step, the change from the
    forecast. After a step that moved a row by more than `_SHORT` it never counts as settled.
    """

    def __init__(self, problem: Problem, start: Refit, rows: IntArray, changed: IntArray, spread: float) -> None:
        self._problem = problem
        self._start = start
        self._accuracy = start.context.settings.accuracy
        self._spread = spread
        self._moves = float(np.abs(start.gains[changed]).sum()) + start.doubt
        self._first_decrement: float | None = None
        self.margin = forecast(start, rows)
        self.doubt = np.inf

    def tolerance(self, point: Iterate) -> float | None:
        """Relative tolerance of the next step's system; None once the sign is settled. Updates margin and doubt."""
        if self._first_decrement is not None and self._settled(point):
            return None
        decrement = _gradient_norm(self._start, self._problem, point)  # the next step takes the gradient anyway
        if self._first_decrement is None:
            self._first_decrement = decrement
        doubt, accuracy = self._doubt(decrement), self._accuracy
        if not doubt:
            return accuracy.loosest_step
        # leaves half of the margin as doubt, if the step reduces the gradient by its tolerance
        return float(np.clip(0.5 * abs(self.margin) / doubt, accuracy.tightest_step, accuracy.loosest_step))

    def _settled(self, point: Iterate) -> bool:
        before = self.margin
        self.margin = _corrected_margin(self._problem, point, self._start)
        self.doubt = self._doubt(point.decrement)
        if point.far > _SHORT:
            return False
        return max(self.doubt, self._accuracy.safety * abs(self.margin - before)) < abs(self.margin)

    def _doubt(self, decrement: float) -> float:
        """How far a gradient of this norm may move a margin that was corrected for it, in log-odds.

        The first gradient moves the margin by ``_moves`` at most, to first order. If the factor has turned by the share
        ``adjoint_drift`` since, so much of that is wrong, in proportion to what is left of the gradient. Added to it
        is the residual to which the start's factor was solved.
        """
        drift = 0.0
        if self._first_decrement:
            drift = self._accuracy.adjoint_drift * self._moves * decrement / self._first_decrement
        by_factor = self._start.factor_error * self._spread * decrement
        return min(drift + by_factor, self._accuracy.doubt_cap * self._spread * decrement)


class _Certain:
    """Stop once the corrected margin is within `Accuracy.certain` of the minimiser's, by Cauchy and Schwarz.

    The correction's error is that of the factor, times the gradient; the factor's grows as the Hessian moves on.
    """

    def __init__(self, problem: Problem, refit: Refit) -> None:
        self._problem = problem
        self._refit = refit
        self._spread = refit.spread
        self._certain = refit.context.settings.accuracy.certain
        self._factor_error = refit.factor_error
        self._moved = False
        self.decrement = np.nan

    def tolerance(self, point: Iterate) -> float | None:
        """Relative tolerance of the next step's system; None at the end. Updates the decrement."""
        if self._moved:
            self._factor_error = self._refit.factor_error_at(point.hessian_in(self._problem))
        self._moved = True
        self.decrement = point.decrement * point.stretch
        if not self._left() <= self._certain:  # a bound may be too large, and where there is none it is NaN
            self.decrement = _gradient_norm(self._refit, self._problem, point) * point.stretch
        left = self._left()
        # quadratic convergence, but no tighter than what halves the allowed error
        return None if left <= self._certain else max(min(0.1, 0.1 * self.decrement), 0.5 * self._certain / left)

    def _left(self) -> float:
        """How far the corrected margin may be from the minimiser's."""
        return self._spread * self.decrement * max(self._factor_error, self.decrement)


def _gradient_norm(refit: Refit, problem: Problem, point: Iterate) -> float:
    """The norm of a point's gradient, in the preconditioner of the fit. Cost: the gradient, once."""
    return norm_in(refit.context.question.fit.preconditioner, point.gradient_in(problem))


def _corrected_margin(problem: Problem, point: Iterate, refit: Refit) -> float:
    """The margin at the minimiser, by the factor of a near refit."""
    question = refit.context.question
    along = point.along(problem, refit.factor, refit.eta_direction)
    return question.margin(point.theta) - question.direction * along


def _bytes_of(refit: Refit) -> int:
    """Of the vectors that a refit holds once all is worked out: four of rows, three of parameters."""
    return 4 * refit.eta.nbytes + 3 * refit.point.theta.nbytes

"""Truncated Newton with conjugate gradients, and a line search if a full step does not clearly succeed.

Source: Dembo and Steihaug, "Truncated-Newton algorithms for large-scale unconstrained optimization" (1983). A full
step that halves the gradient and does not go far is taken without evaluating the objective, as in Eisenstat and
Walker, "Globally convergent inexact Newton methods" (1994): near the minimiser all steps do, and the gradient is
needed anyway. Where differences of the objective are lost in rounding, the gradient alone decides, as in the
approximate Wolfe condition of Hager and Zhang, "A new conjugate gradient method with guaranteed descent" (2005).

The distance to the minimum is measured by the Newton decrement ``sqrt(g' H^-1 g)``, which does not depend on the units
of columns; see Boyd and Vandenberghe, "Convex Optimization" (2004), section 9.5. It is measured in the preconditioner
instead of H, and corrected by the ratio of the two at the last step: its solution v has ``-g . v = g' H^-1 g``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from .._typing import FloatArray, IntArray
from ..monitor import Monitor
from ..problem import Hessian, Problem
from ..vectors import dot, norm, row_by_row
from .cg import solve
from .preconditioner import Preconditioner, norm_in, preconditioner_of, rebuilding_is_cheap
from .result import MinimiseResult, SolveResult

_CLEARLY = 0.5  # of the gradient, in the norm of the preconditioner
_FAR = 20.0  # log-odds: with saturated rows a step may overshoot the minimiser and still reduce the gradient
_ARMIJO = 1e-4
_SHORTEST = 1e-10
_ROUNDING = 8 * np.finfo(float).eps  # of the objective: a rise this small may be rounding
_FLATTER = 0.9
_FORCING = 0.5  # of the square root of the decrement: tighter solves saved no step on texts and tables
_SHARE_LEFT = 0.8  # share of the tolerance at the next point that the linear solve may leave as residual


@dataclass(frozen=True)
class NewtonSettings:
    """Tolerance of the Newton decrement relative to `Problem.root`, and the number of Newton steps allowed.

    The objective is then within ``rtol^2 / 2`` (relative) of its minimum, whatever the weights and units of columns.
    """

    rtol: float = 1e-10
    max_steps: int = 100


@dataclass(eq=False)
class Iterate:
    """A point of Newton's method: parameters, log-odds of the rows, and the step that led there.

    ``slopes`` (n_rows,), the derivatives of the rows' losses, and ``gradient`` (n_params,) are None until they are
    computed. ``length`` is the step's fraction of a full one, ``products`` its cost, ``far`` the largest move of a
    row, and ``decrement`` the norm of the gradient in the step's preconditioner or a bound. ``stretch`` is how much
    larger the norm in ``H^-1`` was at the start of the step, at least 1. ``hessian`` may approximate the point's own.
    """

    theta: FloatArray
    eta: FloatArray
    gradient: FloatArray | None = None
    slopes: FloatArray | None = None
    length: float = 1.0
    products: int = 0
    far: float = np.nan
    decrement: float = np.nan
    stretch: float = 1.0
    hessian: Hessian | None = None

    @classmethod
    def at(cls, problem: Problem, theta: FloatArray, eta: FloatArray | None = None) -> Iterate:
        """A point with its gradient. Cost: one product with X', and one with X if eta is not given."""
        if eta is None:
            eta = problem.eta(theta)
        return cls(theta, eta, problem.gradient(theta, problem.dloss(eta)))

    def slopes_in(self, problem: Problem) -> FloatArray:
        """The slopes in the point's own problem; computed once."""
        if self.slopes is None:
            self.slopes = problem.dloss(self.eta)
        return self.slopes

    def gradient_in(self, problem: Problem) -> FloatArray:
        """The gradient in the point's own problem. Cost: one product with X', once."""
        if self.gradient is None:
            self.gradient = problem.gradient(self.theta, self.slopes_in(problem))
        return self.gradient

    def hessian_in(self, problem: Problem) -> Hessian:
        """The Hessian in the point's own problem, or its approximation; computed once."""
        if self.hessian is None:
            self.hessian = problem.hessian(self.eta)
        return self.hessian

    def along(self, problem: Problem, factor: FloatArray, eta_direction: FloatArray) -> float:
        """``factor . gradient`` given ``[X, 1] factor``: needs neither a product nor the gradient."""
        if self.gradient is not None:
            return dot(factor, self.gradient)
        return dot(eta_direction, self.slopes_in(problem)) + dot(factor, problem.penalty * self.theta)

    def lean(self) -> Iterate:
        """The point without slopes and Hessian, for storage: one pass over rows recomputes them."""
        self.slopes = self.hessian = None
        return self


def newton_step(
    problem: Problem,
    point: Iterate,
    *,
    rtol: float,
    preconditioner: Preconditioner,
    excluded_rows: IntArray | None = None,
    monitor: Monitor | None = None,
) -> Iterate | None:
    """One Newton step, its system solved to ``rtol``, shortened by line search.

    None if rounding, or the saturation of all rows, prevents progress. With ``excluded_rows``, a full step whose
    gradient is bounded to be small is taken without computing it, which saves a product with X': these rows, which may
    move much farther than others, are left out of the bound and do not count in ``far``.
    """
    hessian = point.hessian_in(problem)
    gradient = point.gradient_in(problem)
    step = solve(hessian, -gradient, rtol=rtol, preconditioner=preconditioner, with_eta=True, monitor=monitor)
    if not step.x.any():
        return None

    stretch = max(1.0, float(np.sqrt(max(-dot(gradient, step.x), 0.0))) / step.scale)

    def measured(trial: Iterate, length: float) -> Iterate:
        decrement = norm_in(preconditioner, trial.gradient_in(problem))
        return replace(trial, length=length, products=step.iterations, decrement=decrement, stretch=stretch)

    def reached(length: float) -> Iterate:
        eta = row_by_row(_ahead, step.eta_direction, point.eta, length)  # it is linear in theta
        return measured(Iterate.at(problem, point.theta + length * step.x, eta), length)

    if excluded_rows is None:
        full = reached(1.0)
    else:
        full = _bounded(problem, point, hessian, step, preconditioner, excluded_rows)
        full.stretch = stretch
        if full.decrement <= _CLEARLY * step.scale:
            return full
        full = measured(full, 1.0)
    far, others = _farthest(step.eta_direction, excluded_rows)
    if full.decrement > _CLEARLY * step.scale or far > _FAR:
        found = _line_search(problem, point, step.x, step.scale, full, reached)
        return found and replace(found, far=found.length * others)
    return replace(full, far=others)


def _bounded(
    problem: Problem,
    point: Iterate,
    hessian: Hessian,
    step: SolveResult,
    preconditioner: Preconditioner,
    excluded_rows: IntArray,
) -> Iterate:
    """The end of a full step with a bound on its gradient, infinite if the step goes far.

    The gradient is the residual of the step's system plus ``[X, 1]'`` of the change of slopes beyond its Hessian.
    Curvatures at the end are at least ``exp(-far)`` of those at the start: a change of 1 in the log-odds changes
    ``p (1 - p)`` by a factor of e at most.
    """
    eta = row_by_row(_ahead, step.eta_direction, point.eta, 1.0)
    far, others = _farthest(step.eta_direction, excluded_rows)
    end = Iterate(point.theta + step.x, eta, products=step.iterations, far=others, decrement=np.inf)
    if far <= _FAR:
        slopes = end.slopes_in(problem), point.slopes_in(problem)
        bound, own = hessian.bound(excluded_rows, _beyond, *slopes, hessian.curvature, step.eta_direction)
        point.lean()
        known = norm_in(preconditioner, problem.extended_rmatvec_of(excluded_rows, own) - step.left)
        end.decrement = known + float(np.exp(0.5 * others)) * bound
    return end


def _ahead(moved: FloatArray, eta: FloatArray, length: float) -> FloatArray:
    """Log-odds after a fraction ``length`` of a step that moves them by ``moved``."""
    out = length * moved
    out += eta
    return out


def _beyond(after: FloatArray, before: FloatArray, curvature: FloatArray, moved: FloatArray) -> FloatArray:
    """The change of slopes beyond what the curvature predicts."""
    gained = after - before
    gained -= curvature * moved
    return gained


def _farthest(moved: FloatArray, excluded_rows: IntArray | None) -> tuple[float, float]:
    """The largest move of any row, and of any row not in ``excluded_rows``."""
    far = float(max(moved.max(), -moved.min()))
    if excluded_rows is None or np.abs(moved[excluded_rows]).max(initial=0.0) < far:
        return far, far
    others = np.abs(moved)
    others[excluded_rows] = 0.0
    return far, float(others.max())


def _line_search(
    problem: Problem,
    point: Iterate,
    step: FloatArray,
    decrement: float,
    trial: Iterate,
    reached: Callable[[float], Iterate],
) -> Iterate | None:
    """Backtrack from a full step until the objective falls enough, or the decrement where rounding hides that."""
    slope, before = dot(point.gradient_in(problem), step), problem.objective(point.theta, point.eta)
    rounding = _ROUNDING * abs(before)
    while trial.length > _SHORTEST:
        rise = problem.objective(trial.theta, trial.eta) - before
        if rise <= _ARMIJO * trial.length * slope and -slope > rounding:
            return trial
        if rise <= rounding and trial.decrement < _FLATTER * decrement:
            return trial
        trial = reached(0.5 * trial.length)
    return None


class StoppingRule(Protocol):
    """Decides when Newton's method stops."""

    def tolerance(self, point: Iterate) -> float | None:
        """The relative residual for solving the next step's system; None to stop here."""


@dataclass(frozen=True, eq=False)
class NewtonRun:
    """The end of a run; ``converged`` if the rule ended it, not rounding or the step limit."""

    point: Iterate
    steps: int
    products: int
    converged: bool


def newton(
    problem: Problem,
    start: Iterate,
    rule: StoppingRule,
    *,
    max_steps: int,
    preconditioner: Preconditioner | None = None,
    excluded_rows: IntArray | None = None,
    monitor: Monitor | None = None,
) -> NewtonRun:
    """Newton steps from a point until the rule is satisfied: the one loop behind fits, refits and confirmations.

    The preconditioner of a nearby Hessian saves a pass over X per step; without one it is rebuilt at each step.
    ``excluded_rows`` applies to the first step, as in `newton_step`; later steps exclude none.
    """
    point = start
    steps = 0
    products = 0
    while (rtol := rule.tolerance(point)) is not None:
        if steps == max_steps:
            return NewtonRun(point, steps, products, converged=False)
        made = preconditioner or preconditioner_of(point.hessian_in(problem))
        stepped = newton_step(
            problem, point, rtol=rtol, preconditioner=made, excluded_rows=excluded_rows, monitor=monitor
        )
        if stepped is None:
            return NewtonRun(point, steps, products, converged=False)
        point = stepped
        steps = steps + 1
        products = products + stepped.products
        excluded_rows = None if excluded_rows is None else excluded_rows[:0]
    return NewtonRun(point, steps, products, converged=True)


class _SmallDecrement:
    """Stop when the Newton decrement is small relative to the square root of the objective."""

    def __init__(
        self, problem: Problem, rtol: float, preconditioner: Preconditioner | None, monitor: Monitor | None
    ) -> None:
        self._problem = problem
        self._rtol = rtol
        self._lent = preconditioner
        self._monitor = monitor
        self._steps = 0
        self.relative = np.inf

    def tolerance(self, point: Iterate) -> float | None:
        """As tight as is useful: Dembo and Steihaug's forcing term, but no tighter than the tolerance requires."""
        if np.isnan(point.decrement):
            made = self._lent or preconditioner_of(point.hessian_in(self._problem))
            point.decrement = norm_in(made, point.gradient_in(self._problem))
        self.relative = point.decrement * point.stretch / self._problem.root(point.theta, point.eta)
        if self._monitor is not None and self._steps:
            self._monitor.step("retraining", self._steps)
        self._steps += 1
        if self.relative <= self._rtol:
            return None
        forcing = _FORCING * np.sqrt(point.decrement / self._problem.decrement_scale)
        return float(max(min(0.1, forcing), _SHARE_LEFT * self._rtol / self.relative))


def minimise(
    problem: Problem,
    start: FloatArray,
    *,
    settings: NewtonSettings | None = None,
    preconditioner: Preconditioner | None = None,
    monitor: Monitor | None = None,
) -> MinimiseResult:
    """Minimise the problem from ``start``, shape (n_params,).

    Cost: each step is a few passes over X and one truncated CG solve, as tight as is useful.
    """
    settings = settings or NewtonSettings()
    if rebuilding_is_cheap(problem.design):
        preconditioner = None
    rule = _SmallDecrement(problem, settings.rtol, preconditioner, monitor)
    run = newton(
        problem,
        Iterate.at(problem, start),
        rule,
        max_steps=settings.max_steps,
        preconditioner=preconditioner,
        monitor=monitor,
    )
    point = run.point
    eta = problem.eta(point.theta) if run.steps else point.eta
    decrement = rule.relative + _rounding_of(problem, point.eta, eta) / problem.root(point.theta, eta)
    size = norm(point.gradient_in(problem))
    return MinimiseResult(point.theta, eta, decrement, size, run.steps, run.products, run.converged)


def _rounding_of(problem: Problem, summed: FloatArray, eta: FloatArray) -> float:
    """Bound on how much larger the Newton decrement is at ``eta`` than at log-odds summed up over steps.

    They differ only by rounding, which is large where a column's mean is a million times its spread or more. A
    gradient ``[X, 1]' diag(curvature) u`` is at most ``sqrt(sum_i curvature_i u_i^2)`` in the norm of ``H^-1``.
    """
    return float(np.sqrt(dot(problem.d2loss(eta), np.square(eta - summed))))

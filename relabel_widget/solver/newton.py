"""Truncated Newton with conjugate gradients, and a line search where a full step does not clearly succeed.

Source: Dembo and Steihaug, "Truncated-Newton algorithms for large-scale unconstrained optimization" (1983). A full
step that halves the gradient and does not go far is taken without a look at the objective, as in Eisenstat and
Walker, "Globally convergent inexact Newton methods" (1994): near the minimiser all do, and the gradient is needed
anyway. The line search's test where differences of the objective drown in rounding is the approximate Wolfe condition
of Hager and Zhang, "A new conjugate gradient method with guaranteed descent" (2005).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .._typing import FloatArray, IntArray
from ..monitor import Monitor
from ..operator import Hessian
from ..problem import Problem
from ..vectors import dot, norm, row_by_row
from .cg import solve
from .preconditioner import Preconditioner, norm_in, preconditioner_of
from .result import MinimiseResult, SolveResult

_CLEARLY = 0.5  # of the gradient, in the norm of the preconditioner
_FAR = 20.0  # log-odds: where rows are saturated a step may leave the minimiser behind, and the gradient be smaller
_ARMIJO = 1e-4
_SHORTEST = 1e-10
_ROUNDING = 8 * np.finfo(float).eps  # of the objective: a rise this small may be none
_FLATTER = 0.9


@dataclass(frozen=True)
class NewtonSettings:
    """Tolerance relative to ``Problem.gradient_scale``, and the number of Newton steps allowed."""

    rtol: float = 1e-11
    max_steps: int = 100


@dataclass(eq=False)
class Iterate:
    """A point of Newton's method: parameters, log-odds of the rows, and the step that led there.

    ``slopes`` (n_rows,), the derivatives of the rows' losses, and ``gradient`` (n_params,) are None until they are
    worked out. ``length`` is the step's share of a full one, ``products`` what it took, ``far`` the largest move of a
    row, and ``decrement`` the norm of the gradient in the step's preconditioner or a bound.
    """

    theta: FloatArray
    eta: FloatArray
    gradient: FloatArray | None = None
    slopes: FloatArray | None = None
    length: float = 1.0
    products: int = 0
    far: float = np.nan
    decrement: float = np.nan

    @classmethod
    def at(cls, problem: Problem, theta: FloatArray, eta: FloatArray | None = None) -> Iterate:
        """A point with its gradient. Cost: one product with X', and one with X if eta is to be worked out."""
        if eta is None:
            eta = problem.eta(theta)
        return cls(theta, eta, problem.gradient(theta, problem.dloss(eta)))

    def slopes_in(self, problem: Problem) -> FloatArray:
        """The slopes, in the problem that the point is of; worked out once."""
        if self.slopes is None:
            self.slopes = problem.dloss(self.eta)
        return self.slopes

    def gradient_in(self, problem: Problem) -> FloatArray:
        """The gradient, in the problem that the point is of. Cost: one product with X', once."""
        if self.gradient is None:
            self.gradient = problem.gradient(self.theta, self.slopes_in(problem))
        return self.gradient

    def along(self, problem: Problem, factor: FloatArray, image: FloatArray) -> float:
        """``factor . gradient``, where the image ``[X, 1] factor`` is known: it takes no product, and no gradient."""
        if self.gradient is not None:
            return dot(factor, self.gradient)
        return dot(image, self.slopes_in(problem)) + dot(factor, problem.penalty * self.theta)

    def lean(self) -> Iterate:
        """The point itself, to be kept: without its slopes, which one pass over rows works out again."""
        self.slopes = None
        return self


def newton_step(
    problem: Problem,
    point: Iterate,
    *,
    rtol: float,
    preconditioner: Preconditioner,
    hessian: Hessian | None = None,
    apart: IntArray | None = None,
    monitor: Monitor | None = None,
) -> Iterate | None:
    """One Newton step, its system solved to ``rtol``, shortened by line search.

    None if rounding, or that every row is saturated, forbids progress. ``hessian`` may stand in for the problem's own
    at the point. With ``apart``, a full step whose gradient is small by a bound is taken without working it out, which
    spares a product with X': these rows, which may move much farther than others, are kept out of the bound, and do not
    count in ``far``.
    """
    hessian = hessian or problem.hessian(point.eta)
    gradient = point.gradient_in(problem)
    step = solve(hessian, -gradient, rtol=rtol, preconditioner=preconditioner, image=True, monitor=monitor)
    if not step.x.any():
        return None

    def measured(trial: Iterate, length: float) -> Iterate:
        decrement = norm_in(preconditioner, trial.gradient_in(problem))
        return replace(trial, length=length, products=step.iterations, decrement=decrement)

    def reached(length: float) -> Iterate:
        eta = row_by_row(_ahead, step.image, point.eta, length)  # it is linear in theta
        return measured(Iterate.at(problem, point.theta + length * step.x, eta), length)

    if apart is None:
        full = reached(1.0)
    else:
        full = _bounded(problem, point, hessian, step, preconditioner, apart)
        if full.decrement <= _CLEARLY * step.scale:
            return full
        full = measured(full, 1.0)
    far, others = _farthest(step.image, apart)
    if full.decrement > _CLEARLY * step.scale or far > _FAR:
        found = _line_search(problem, point, step.x, full, reached)
        return found and replace(found, far=found.length * others)
    return replace(full, far=others)


def _bounded(
    problem: Problem,
    point: Iterate,
    hessian: Hessian,
    step: SolveResult,
    preconditioner: Preconditioner,
    apart: IntArray,
) -> Iterate:
    """The end of a full step with a bound on its gradient, infinite where it goes far.

    The gradient is what the step's system left, and ``[X, 1]'`` of what slopes gained beyond its Hessian. Curvatures at
    the end are no less than ``exp(-far)`` of those at the start: one log-odd more or less changes ``p (1 - p)`` by a
    factor of e at most.
    """
    eta = row_by_row(_ahead, step.image, point.eta, 1.0)
    far, others = _farthest(step.image, apart)
    end = Iterate(point.theta + step.x, eta, products=step.iterations, far=others, decrement=np.inf)
    if far <= _FAR:
        slopes = end.slopes_in(problem), point.slopes_in(problem)
        bound, own = hessian.bound(apart, _beyond, *slopes, hessian.curvature, step.image)
        point.lean()
        known = norm_in(preconditioner, problem.extended_rmatvec_of(apart, own) - step.left)
        end.decrement = known + float(np.exp(0.5 * others)) * bound
    return end


def _ahead(moved: FloatArray, eta: FloatArray, length: float) -> FloatArray:
    """Log-odds after a share of a step that moves them so far."""
    out = length * moved
    out += eta
    return out


def _beyond(after: FloatArray, before: FloatArray, curvature: FloatArray, moved: FloatArray) -> FloatArray:
    """What slopes have gained beyond what the curvature says."""
    gained = after - before
    gained -= curvature * moved
    return gained


def _farthest(moved: FloatArray, apart: IntArray | None) -> tuple[float, float]:
    """The largest move of a row, and that of a row which is not among some."""
    far = float(max(moved.max(), -moved.min()))
    if apart is None or np.abs(moved[apart]).max(initial=0.0) < far:
        return far, far
    others = np.abs(moved)
    others[apart] = 0.0
    return far, float(others.max())


def _line_search(
    problem: Problem, point: Iterate, step: FloatArray, trial: Iterate, reached: Callable[[float], Iterate]
) -> Iterate | None:
    """Backtrack from a full step until the objective falls by enough, or as far as rounding lets one see."""
    slope, before = dot(point.gradient_in(problem), step), problem.objective(point.theta, point.eta)
    while trial.length > _SHORTEST:
        rise = problem.objective(trial.theta, trial.eta) - before
        if rise <= _ARMIJO * trial.length * slope:
            return trial
        if rise <= _ROUNDING * abs(before) and abs(dot(trial.gradient_in(problem), step)) < _FLATTER * abs(slope):
            return trial
        trial = reached(0.5 * trial.length)
    return None


def minimise(
    problem: Problem,
    start: FloatArray,
    *,
    settings: NewtonSettings | None = None,
    preconditioner: Preconditioner | None = None,
    monitor: Monitor | None = None,
) -> MinimiseResult:
    """Minimise the problem from ``start``, shape (n_params,).

    A preconditioner of a nearby Hessian saves a pass over X a step; without one it is made anew each step.
    Cost: each step is a few passes over X and one truncated CG solve, as tight as the step can use.
    """
    settings = settings or NewtonSettings()
    point = Iterate.at(problem, start)
    target = settings.rtol * problem.gradient_scale
    steps = products = 0
    size = norm(point.gradient_in(problem))
    while size > target and steps < settings.max_steps:
        rtol = max(min(0.1, np.sqrt(size / problem.gradient_scale)), 0.1 * target / size)
        hessian = problem.hessian(point.eta)
        made = preconditioner or preconditioner_of(hessian)
        stepped = newton_step(problem, point, rtol=rtol, preconditioner=made, hessian=hessian, monitor=monitor)
        if stepped is None:
            break
        point, size = stepped, norm(stepped.gradient_in(problem))
        steps, products = steps + 1, products + stepped.products
        if monitor is not None:
            monitor.step("retraining", steps)
    return MinimiseResult(point.theta, point.eta, size, steps, products, size <= target)

"""Truncated Newton with conjugate gradients and a line search.

Source: Dembo and Steihaug, "Truncated-Newton algorithms for large-scale unconstrained optimization" (1983); the
acceptance test near the minimiser, where differences of the objective drown in rounding, is the approximate Wolfe
condition of Hager and Zhang, "A new conjugate gradient method with guaranteed descent" (2005).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray
from ..monitor import Monitor
from ..operator import Hessian
from ..problem import Problem
from ..vectors import dot, norm
from .cg import solve
from .preconditioner import Preconditioner, preconditioner_of
from .result import MinimiseResult

_ARMIJO = 1e-4
_SHORTEST = 1e-10
_ROUNDING = 8 * np.finfo(float).eps  # of the objective: a rise this small may be none
_FLATTER = 0.9


@dataclass(frozen=True)
class NewtonSettings:
    """Tolerance relative to ``Problem.gradient_scale``, and the number of Newton steps allowed."""

    rtol: float = 1e-11
    max_steps: int = 100


@dataclass(frozen=True, eq=False)
class Iterate:
    """A point of Newton's method: parameters, log-odds of the rows, the objective and its gradient, the step to it."""

    theta: FloatArray
    eta: FloatArray
    objective: float
    gradient: FloatArray
    length: float = 1.0
    products: int = 0

    @classmethod
    def at(cls, problem: Problem, theta: FloatArray, eta: FloatArray) -> Iterate:
        """A starting point. Cost: one product with X'."""
        return cls(theta, eta, problem.objective(theta, eta), problem.gradient(theta, eta))

    @property
    def norm(self) -> float:
        """Euclidean norm of the gradient."""
        return norm(self.gradient)


def newton_step(
    problem: Problem,
    point: Iterate,
    *,
    rtol: float,
    preconditioner: Preconditioner | None,
    hessian: Hessian | None = None,
    monitor: Monitor | None = None,
) -> Iterate | None:
    """One Newton step, its system solved to ``rtol``, shortened by line search; None if rounding forbids progress.

    ``hessian`` may stand in for the problem's own at the point.
    """
    hessian = hessian or problem.hessian(point.eta)
    step = solve(
        hessian,
        -point.gradient,
        rtol=rtol,
        preconditioner=preconditioner or preconditioner_of(hessian),
        monitor=monitor,
    )
    change = problem.eta(step.x)  # eta is linear in theta: the line search costs no further products with X
    slope, length = dot(point.gradient, step.x), 1.0
    while length > _SHORTEST:  # backtrack from a full step
        theta, eta = point.theta + length * step.x, change * length
        eta += point.eta
        objective = problem.objective(theta, eta)
        rise = objective - point.objective
        falls = rise <= _ARMIJO * length * slope
        if not falls and rise <= _ROUNDING * abs(point.objective):
            slope_there = dot(problem.dloss(eta), change) + dot(problem.penalty * theta, step.x)
            falls = abs(slope_there) < _FLATTER * abs(slope)
        if falls:
            return Iterate(theta, eta, objective, problem.gradient(theta, eta), length, step.iterations)
        length *= 0.5
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
    point = Iterate.at(problem, start, problem.eta(start))
    target = settings.rtol * problem.gradient_scale
    steps = products = 0
    while point.norm > target and steps < settings.max_steps:
        rtol = max(min(0.1, np.sqrt(point.norm / problem.gradient_scale)), 0.1 * target / point.norm)
        stepped = newton_step(problem, point, rtol=rtol, preconditioner=preconditioner, monitor=monitor)
        if stepped is None:
            break
        point, steps, products = stepped, steps + 1, products + stepped.products
        if monitor is not None:
            monitor.step("retraining", steps)
    return MinimiseResult(point.theta, point.eta, point.norm, steps, products, point.norm <= target)

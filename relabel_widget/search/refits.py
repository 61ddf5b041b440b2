"""Refits for one query, each only as accurate as its decision needs."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IntArray
from ..fitting import Fit
from ..monitor import Monitor
from ..operator import Hessian
from ..problem import Edit, Problem
from ..solver import Iterate, minimise, newton_step, solve
from ..vectors import dot
from .flip_set import Budget

# A flip counts only if the margin passes zero by this much (in log-odds): less is within another solver's error.
SLACK = 1e-6
_FACTOR_RTOL = 3e-2
_STEP_RTOL = 0.1  # well below _CONTRACTED: a step that contracts must be Newton's doing
_CONTRACTED = 0.3  # a full step that shrinks the gradient this far: from here on Newton's method contracts
_SAFETY = 2.0  # a margin decides once it is this many times its last change
_MAX_STEPS = 30
_KEPT_BYTES, _KEPT_LEAST = 2**26, 4  # of refits whose gains are kept: all where rows are few, the newest where many


class BudgetSpent(Exception):  # noqa: N818 - an outcome of the search, caught by it
    """The search has used its refits or seconds."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A refit on the labels edited in ``rows``.

    ``margin`` is the query's distance to the threshold in log-odds, signed so that it is positive as long as the
    prediction stands. ``theta`` and ``eta`` may be short of the minimiser; ``margin`` is corrected for that.
    """

    rows: IntArray
    theta: FloatArray
    eta: FloatArray
    margin: float

    @property
    def flips(self) -> bool:
        """Whether the prediction is the other one."""
        return self.margin < -SLACK


class Refits:
    """Refits and first-order gains for one query; private to one search, which it counts and stops.

    A refit runs Newton's method from a nearby one and stops as soon as the sign of the margin is settled. The
    margin at an unconverged point is corrected by the adjoint ``H^-1 x`` times the gradient, which leaves an error
    of third order in the step (Giles and Süli, "Adjoint methods for PDEs", 2002, section 3); once Newton's method
    contracts, the change of the corrected margin from step to step bounds what is still to come.
    ``exact`` runs every refit to the end instead.
    """

    def __init__(
        self,
        fit: Fit,
        query: FloatArray,
        factor: FloatArray,
        cut: float,
        edit: Edit,
        allowed: IntArray,
        budget: Budget,
        *,
        monitor: Monitor | None,
        exact: bool = False,
    ) -> None:
        self._fit, self._query, self._edit, self._monitor, self._exact = fit, query, edit, monitor, exact
        self._budget, self._deadline = budget, time.monotonic() + (budget.seconds or 0.0)
        margin = dot(query, fit.theta) - cut
        self._cut, self._sign = cut, 1.0 if margin > 0 else -1.0
        self.allowed = allowed
        self.base = Probe(np.empty(0, dtype=np.int64), fit.theta, fit.eta, self._sign * margin)
        self.count = 0
        self._factors = {id(self.base): (self.base, factor)}
        self._gains: dict[int, tuple[Probe, FloatArray]] = {}
        self._most_kept = max(_KEPT_LEAST, _KEPT_BYTES // (16 * fit.n_rows))  # eta and gains, 8 bytes a row each

    def at(self, rows: IntArray, near: Probe) -> Probe:
        """The refit on labels edited in the given rows, started from a nearby one.

        Raises
        ------
        BudgetSpent
            If no further refit may be made.
        """
        self._spend()
        rows = np.sort(rows)
        problem = self._fit.problem.edited(rows, self._edit)
        if self._exact:
            return self._to_the_end(problem, rows, near)
        factor = self._factors.get(id(near), self._factors[id(self.base)])[1]
        point, previous = Iterate.at(problem, near.theta, near.eta), np.inf
        hessian: Hessian | None = problem.hessian_after(near.eta, np.setxor1d(rows, near.rows, assume_unique=True))
        for _ in range(_MAX_STEPS):
            margin = self._margin(point.theta) - self._sign * dot(factor, point.gradient)
            if _SAFETY * abs(margin - previous) < abs(margin):
                return Probe(rows, point.theta, point.eta, margin)
            stepped = newton_step(
                problem,
                point,
                rtol=_STEP_RTOL,
                preconditioner=self._fit.preconditioner,
                hessian=hessian,
                monitor=self._monitor,
            )
            if stepped is None:
                break
            contracts = stepped.length == 1.0 and stepped.norm < _CONTRACTED * point.norm
            point, previous, hessian = stepped, margin if contracts else np.inf, None
        return self._to_the_end(problem, rows, near)

    def _margin(self, theta: FloatArray) -> float:
        return self._sign * (dot(self._query, theta) - self._cut)

    def _to_the_end(self, problem: Problem, rows: IntArray, near: Probe) -> Probe:
        done = minimise(problem, near.theta, preconditioner=self._fit.preconditioner, monitor=self._monitor)
        return Probe(rows, done.theta, done.eta, self._margin(done.theta))

    def _spend(self) -> None:
        spent = self._budget.refits is not None and self.count >= self._budget.refits
        late = self._budget.seconds is not None and time.monotonic() > self._deadline
        if spent or late:
            raise BudgetSpent
        if self._monitor is not None:
            self._monitor.step("refitting", self.count, self._budget.refits)
        self.count += 1

    def factor(self, probe: Probe) -> FloatArray:
        """``H^-1 x`` at a refit, shape (n_params,); kept for a while."""
        known = self._factors.get(id(probe))
        if known is None:
            solved = solve(
                self._fit.problem.hessian(probe.eta),
                self._query,
                rtol=_FACTOR_RTOL,
                preconditioner=self._fit.preconditioner,
                start=self._factors[id(self.base)][1],
                monitor=self._monitor,
            )
            known = self._factors[id(probe)] = (probe, solved.x)
            self._forget(self._factors)
        return known[1]

    def gains(self, probe: Probe) -> FloatArray:
        """How far editing each row moves the margin towards a flip, to first order at a refit; (n_rows,), kept a while.

        For a row that the refit has edited already it is what undoing the edit would cost.
        """
        known = self._gains.get(id(probe))
        if known is None:
            problem = self._fit.problem
            gains = self._sign * problem.force(probe.eta, self._edit)
            gains *= problem.extended_matvec(problem.design, self.factor(probe))
            known = self._gains[id(probe)] = (probe, gains)
            self._forget(self._gains)
        return known[1]

    def _forget(self, kept: dict[int, tuple[Probe, FloatArray]]) -> None:
        """Drop the oldest entries but the base's: each holds vectors as long as the training set."""
        surplus = len(kept) - self._most_kept
        for key in [key for key in kept if key != id(self.base)][: max(surplus, 0)]:
            del kept[key]

    def averaged(self, probe: Probe) -> FloatArray:
        """Gains averaged between the start and a refit: the path average, correct to second order; (n_rows,)."""
        return 0.5 * (self.gains(self.base) + self.gains(probe))

    def feasible(self, rows: IntArray) -> bool:
        """Whether examples of both classes remain."""
        return min(self._fit.problem.edited(rows, self._edit).class_weights) > 0

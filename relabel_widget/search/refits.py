"""Refits for one query, each only as accurate as its decision needs."""

from __future__ import annotations

import time

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..fitting import Fit, minimised
from ..monitor import Monitor
from ..problem import Edit, Problem
from ..solver import Iterate, SolveResult, newton_step, norm_in
from ..vectors import dot
from .effects import NO_ROWS, Effects
from .flip_set import Budget
from .probe import Probe
from .response import Springs

_REACH = 0.3  # of the moves that a refit makes: how far the factor at its start may be from that at its end
_MOST_DOUBT = 0.5  # the same, of Cauchy and Schwarz's bound
_SAFETY = 2.0  # a margin decides once it is this many times its last change
_SHORT = 1.0  # log-odds: over so much of a step the curvature of a row changes by no more than a factor of e
_LOOSEST, _TIGHTEST = 0.7, 0.05  # tolerances of Newton steps
# On `LARGE` designs the Hessian's product is one sweep, and a step's two with X cost more than the iterations spared.
# By size, not by storage: wherever X lies, the same sets are found.
_LOOSEST_OF_LARGE = 0.3
_CERTAIN = 2e-7  # log-odds: a bound by Cauchy and Schwarz, which is seldom reached
_MAX_STEPS = 30
_KEPT_BYTES, _KEPT_LEAST = 2**24, 2  # of refits, which a search comes back to: all where they are small


class BudgetSpent(Exception):  # noqa: N818 - an outcome of the search, caught by it
    """The search has used its refits or seconds."""


class Refits:
    """Refits for one query, and the `effects` known at them; private to one search, which it counts and stops.

    A refit runs Newton's method from a nearby one and stops as soon as the sign of the margin is settled. The
    margin at an unconverged point is corrected by the adjoint ``H^-1 x`` times the gradient, which leaves an error
    of third order in the step (Giles and Süli, "Adjoint methods for PDEs", 2002, section 3). It is settled when it is
    larger than its doubt: what the gradient left can still move by the adjoint's own error, and, on short steps, twice
    the change of the margin in the last step, the first of which is compared with the forecast. The first step takes
    the edited rows' curvature from their own `Toggle` response.

    ``exact`` runs every refit to the end and forecasts nothing.
    """

    def __init__(
        self,
        fit: Fit,
        query: FloatArray,
        factor: SolveResult,
        cut: float,
        edit: Edit,
        allowed: IntArray,
        budget: Budget,
        *,
        costs: FloatArray | None = None,
        springs: Springs | None = None,
        monitor: Monitor | None = None,
        exact: bool = False,
    ) -> None:
        self._fit, self._query, self._edit, self._monitor, self.exact = fit, query, edit, monitor, exact
        self._budget, self._deadline = budget, time.monotonic() + (budget.seconds or 0.0)
        margin = dot(query, fit.theta) - cut
        self._cut, self._sign = cut, 1.0 if margin > 0 else -1.0
        start = Iterate(fit.theta, fit.eta, np.zeros_like(fit.theta))
        self.base = Probe(0, NO_ROWS, start, self._sign * margin)
        self.count = 0
        self._made: dict[bytes, Probe] = {}
        self._spread = float(np.sqrt(max(dot(query, factor.x), 0.0)))  # of the query, in the norm of H^-1
        self._springs = springs or Springs(fit)
        self.effects = Effects(fit, query, factor, self._sign, edit, allowed, costs, self._springs, monitor)
        self._loosest = _LOOSEST_OF_LARGE if self.effects.large else _LOOSEST
        codes, counted = fit.problem.labels.codes, fit.problem.weights > 0
        self._of_class = [int(np.count_nonzero(counted & (codes == code))) for code in (0, 1)]

    def at(self, rows: IntArray, near: Probe) -> Probe:
        """The refit on labels edited in the given rows, started from a nearby one; kept for a while.

        Raises
        ------
        BudgetSpent
            If no further refit may be made.
        """
        rows = np.sort(rows)
        key = rows.tobytes()
        if key not in self._made:
            self.spend()
            made = self._refitted(rows, near)
            if len(self._made) >= max(_KEPT_LEAST, _KEPT_BYTES // made.n_bytes):
                del self._made[next(iter(self._made))]
            self._made[key] = made
        return self._made[key]

    def _refitted(self, rows: IntArray, near: Probe) -> Probe:
        problem = self._fit.problem.edited(rows, self._edit)
        if self.exact:
            return self._to_the_end(problem, rows, near)
        changed, off = np.setxor1d(rows, near.rows, assume_unique=True), self.effects.factor_error(near)
        margin = self.effects.forecast(rows, near)
        reach = _REACH * (float(np.abs(self.effects.gains(near)[changed]).sum()) + near.doubt)
        point, curvature = self._started(problem, changed, near)
        hessian = self.effects.hessian(near).with_curvature(changed, curvature)
        start = self._measured(problem, point)
        doubt = self._doubt(reach, off, start, start)
        for step in range(_MAX_STEPS):
            rtol = float(np.clip(0.5 * abs(margin) / doubt, _TIGHTEST, self._loosest)) if doubt else self._loosest
            stepped = newton_step(
                problem,
                point,
                rtol=rtol,
                preconditioner=self._fit.preconditioner,
                hessian=hessian if step == 0 else None,
                apart=(changed if step == 0 else NO_ROWS) if self.effects.large else None,
                monitor=self._monitor,
            )
            if stepped is None:
                break
            previous, point = margin if stepped.far <= _SHORT else np.inf, stepped
            margin, doubt = self._corrected(problem, point, near), self._doubt(reach, off, point.decrement, start)
            if max(doubt, _SAFETY * abs(margin - previous)) < abs(margin):
                return Probe(self.count, rows, point.lean(), margin, doubt, near.number)
            doubt = self._doubt(reach, off, self._measured(problem, point), start)  # the next step takes the gradient
        return self._to_the_end(problem, rows, near)

    def _started(self, problem: Problem, changed: IntArray, near: Probe) -> tuple[Iterate, FloatArray]:
        """The near refit as a point of the edited problem, and the curvature that its first step takes the rows by."""
        toggle, spring = self.effects.toggle(near, changed), self._springs.of(changed)
        gradient = self._gradient(near) + problem.extended_rmatvec_of(changed, toggle.force)
        share = toggle.share(spring)
        return Iterate(near.point.theta, near.eta, gradient), (1.0 - share) / (share * spring)

    def _gradient(self, probe: Probe) -> FloatArray:
        """At a kept refit, which stays lean; worked out once."""
        known = probe.point.gradient
        if known is None:
            known = probe.point.gradient_in(self._fit.problem.edited(probe.rows, self._edit))
            probe.point.lean()
        return known

    def _measured(self, problem: Problem, point: Iterate) -> float:
        """The norm of a point's gradient, where a bound on it did not do."""
        return norm_in(self._fit.preconditioner, point.gradient_in(problem))

    def _doubt(self, reach: float, off: float, decrement: float, start: float) -> float:
        """How far a gradient of this size may move a margin that was corrected for it, in log-odds."""
        left = reach * decrement / start if start else 0.0
        return min(left + off * self._spread * decrement, _MOST_DOUBT * self._spread * decrement)

    def _margin(self, theta: FloatArray) -> float:
        return self._sign * (dot(self._query, theta) - self._cut)

    def _corrected(self, problem: Problem, point: Iterate, near: Probe) -> float:
        """The margin at the minimiser, by the factor of a near refit."""
        along = point.along(problem, self.effects.factor(near), self.effects.image(near))
        return self._margin(point.theta) - self._sign * along

    def _to_the_end(self, problem: Problem, rows: IntArray, near: Probe) -> Probe:
        done = minimised(problem, near.point.theta, self._fit.preconditioner, self._monitor)
        point = Iterate.at(problem, done.theta, done.eta)
        return Probe(self.count, rows, point, self._margin(done.theta), near=near.number)

    def confirmed(self, probe: Probe) -> float:
        """The margin of a refit that is followed to within 1e-7 log-odds of the minimiser's.

        That is by the base's preconditioner, which may make too little of a direction that the edited rows held. Where
        the sign could still change, the refit is followed to the end.
        """
        problem, point = self._fit.problem.edited(probe.rows, self._edit), probe.point
        hessian, off, decrement = self.effects.hessian(probe), self.effects.factor_error(probe), point.decrement
        for _ in range(_MAX_STEPS):
            left = self._left(decrement, off)
            if not left <= _CERTAIN:  # by a bound, if at all
                decrement = self._measured(problem, point)
                left = self._left(decrement, off)
            if left <= _CERTAIN:
                break
            stepped = newton_step(
                problem,
                point,
                rtol=max(min(0.1, 0.1 * decrement), 0.5 * _CERTAIN / left),
                preconditioner=self._fit.preconditioner,
                hessian=hessian,
                apart=NO_ROWS if self.effects.large else None,
                monitor=self._monitor,
            )
            if stepped is None:
                break
            point, decrement = stepped, stepped.decrement
            hessian = problem.hessian(point.eta)
            off = self.effects.factor_error(probe, hessian)
        margin = self._corrected(problem, point, probe)
        doubt = max(_SAFETY * abs(margin - probe.margin), self._spread * decrement)
        return margin if doubt < abs(margin) else self._to_the_end(problem, probe.rows, probe).margin

    def _left(self, decrement: float, off: float) -> float:
        """How far a corrected margin may be from the minimiser's; ``off`` is the factor's error."""
        return self._spread * decrement * max(off, decrement)

    @property
    def left(self) -> float:
        """How many further refits may be made; infinite without a limit."""
        return np.inf if self._budget.refits is None else self._budget.refits - self.count

    def spend(self, refits: int = 1) -> None:
        """Count refits that are about to be made.

        Raises
        ------
        BudgetSpent
            If they are too many, or seconds are over.
        """
        late = self._budget.seconds is not None and time.monotonic() > self._deadline
        if refits > self.left or late:
            raise BudgetSpent
        if self._monitor is not None:
            self._monitor.step("refitting", self.count, self._budget.refits)
        self.count += refits

    def stands_without(self, probe: Probe, rows: IntArray) -> BoolArray:
        """Whether it is beyond doubt, without a refit, that the prediction stands if each row alone is left out."""
        margins, doubts = self.effects.without(probe, rows)
        return (margins > doubts) & (not self.exact)

    def feasible(self, rows: IntArray) -> bool:
        """Whether examples of both classes remain."""
        return not len(self.gone(rows))

    def gone(self, rows: IntArray) -> IntArray:
        """Those of the rows, in their order, that are all examples of a class of which none would remain."""
        codes = self._fit.problem.labels.codes[rows]
        ones = int(np.count_nonzero(codes))
        out = len(codes) - ones, ones
        for code in (0, 1):
            added = out[1 - code] if self._edit == "relabel" else 0
            if out[code] == self._of_class[code] and not added:
                return np.asarray(rows[codes == code])
        return rows[:0]

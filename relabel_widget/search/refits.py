"""Refits for one query, each only as accurate as its decision needs, and forecasts that spare some of them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .._typing import BoolArray, FloatArray, IntArray
from ..fitting import Fit
from ..monitor import Monitor
from ..problem import Edit, Problem
from ..solver import Iterate, minimise, newton_step, solve
from ..vectors import dot
from .flip_set import Budget
from .response import Toggle

# A flip counts only if the margin passes zero by this much (in log-odds): less is within another solver's error.
SLACK = 1e-6
_FACTOR_RTOL = 3e-2
_DOUBT = 0.25  # of the moves that a forecast adds up: what rows do to each other
_REACH = 0.3  # of the moves that a refit makes: how far the factor at its start may be from that at its end
_MOST_DOUBT = 0.5  # the same, of Cauchy and Schwarz's bound
_SAFETY = 2.0  # a margin decides once it is this many times its last change
_SHORT = 1.0  # log-odds: over so much of a step the curvature of a row changes by no more than a factor of e
_LOOSEST, _TIGHTEST = 0.3, 0.01  # tolerances of Newton steps
_CERTAIN = 1e-6  # log-odds, before the correction by the adjoint takes most of it away
_MAX_STEPS = 30
_LEAST_LEFT = 0.1  # of 1 - leverage, which the preconditioner only estimates
_LISTED_LEAST, _LISTED_MOST, _LISTINGS = 16, 256, 4  # rows outside a set whose own response is worked out
_KEPT_BYTES, _KEPT_LEAST = 2**26, 2  # of refits whose gains are kept: all where rows are few, the newest where many


class BudgetSpent(Exception):  # noqa: N818 - an outcome of the search, caught by it
    """The search has used its refits or seconds."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A refit on the labels edited in ``rows``.

    ``margin`` is the query's distance to the threshold in log-odds, signed so that it is positive as long as the
    prediction stands, and ``doubt`` how far off it may be. ``point`` is the last iterate, which may be short of the
    minimiser; the margin is corrected for that. ``number`` and ``near`` count the refit and the one it started from.
    """

    number: int
    rows: IntArray
    point: Iterate
    margin: float
    doubt: float = 0.0
    near: int = 0

    @property
    def eta(self) -> FloatArray:
        """Log-odds of the training rows, (n_rows,)."""
        return self.point.eta

    @property
    def flips(self) -> bool:
        """Whether the prediction is the other one."""
        return self.margin < -SLACK


@dataclass(eq=False)
class _Known:
    """What has been worked out at a probe; effects of the ``listed`` rows alone, others are gains."""

    factor: FloatArray
    gains: FloatArray | None = None
    listed: IntArray | None = None
    effects: FloatArray | None = None


class Refits:
    """Refits, gains and forecasts for one query; private to one search, whose refits it counts and stops.

    A refit runs Newton's method from a nearby one and stops as soon as the sign of the margin is settled. The
    margin at an unconverged point is corrected by the adjoint ``H^-1 x`` times the gradient, which leaves an error
    of third order in the step (Giles and Süli, "Adjoint methods for PDEs", 2002, section 3). It is settled when it is
    larger than its doubt: what the gradient left can still move by the adjoint's own error, and, on short steps, twice
    the change of the margin in the last step, the first of which is compared with the forecast. The first step takes
    the edited rows' curvature from their own `Toggle` response.

    A forecast adds up the effects of editing rows, each with its own response, at a refit that is there already.
    ``exact`` runs every refit to the end and forecasts nothing.
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
        self._fit, self._query, self._edit, self._monitor, self.exact = fit, query, edit, monitor, exact
        self._budget, self._deadline = budget, time.monotonic() + (budget.seconds or 0.0)
        margin = dot(query, fit.theta) - cut
        self._cut, self._sign = cut, 1.0 if margin > 0 else -1.0
        self.allowed = allowed
        start = Iterate(fit.theta, fit.eta, fit.problem.objective(fit.theta, fit.eta), np.zeros_like(fit.theta))
        self.base = Probe(0, np.empty(0, dtype=np.int64), start, self._sign * margin)
        self.count = 0
        self._spread = float(np.sqrt(max(dot(query, factor), 0.0)))  # of the query, in the norm of H^-1
        self._known = {0: _Known(factor)}
        self._springs: dict[int, float] = {}
        self._most_kept = max(_KEPT_LEAST, _KEPT_BYTES // (24 * fit.n_rows))  # log-odds, gains and an iterate

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
        if self.exact:
            return self._to_the_end(problem, rows, near)
        changed = np.setxor1d(rows, near.rows, assume_unique=True)
        factor, margin = self.factor(near), self.forecast(rows, near)[0]
        reach = _REACH * (float(np.abs(self.gains(near)[changed]).sum()) + near.doubt)
        point, curvature = self._started(problem, changed, near)
        hessian, start = problem.hessian(near.eta), self._decrement(point)
        hessian.curvature[changed] = curvature
        doubt = self._doubt(reach, start, start)
        for step in range(_MAX_STEPS):
            rtol = float(np.clip(0.5 * abs(margin) / doubt, _TIGHTEST, _LOOSEST)) if doubt else _LOOSEST
            stepped = newton_step(
                problem,
                point,
                rtol=rtol,
                preconditioner=self._fit.preconditioner,
                hessian=hessian if step == 0 else None,
                monitor=self._monitor,
            )
            if stepped is None:
                break
            moved = stepped.eta - point.eta
            np.abs(moved, out=moved)
            if step == 0:
                moved[changed] = 0.0
            previous, point = margin if moved.max() <= _SHORT else np.inf, stepped
            margin, doubt = self._corrected(point, factor), self._doubt(reach, self._decrement(point), start)
            if max(doubt, _SAFETY * abs(margin - previous)) < abs(margin):
                return Probe(self.count, rows, point, margin, doubt, near.number)
        return self._to_the_end(problem, rows, near)

    def _started(self, problem: Problem, changed: IntArray, near: Probe) -> tuple[Iterate, FloatArray]:
        """The near refit as a point of the edited problem, and the curvature that its first step takes the rows by."""
        toggle, spring, point = self._toggle(near, changed), self._spring(changed), near.point
        gradient = point.gradient + problem.extended_rmatvec_of(changed, toggle.force)
        share = toggle.share(spring)
        start = Iterate(point.theta, point.eta, problem.objective(point.theta, point.eta), gradient)
        return start, (1.0 - share) / (share * spring)

    def _doubt(self, reach: float, decrement: float, start: float) -> float:
        """How far a gradient of this size may move a margin that was corrected for it, in log-odds."""
        left = reach * decrement / start if start else 0.0
        return min(left + _FACTOR_RTOL * self._spread * decrement, _MOST_DOUBT * self._spread * decrement)

    def _decrement(self, point: Iterate) -> float:
        """The norm of the gradient in the preconditioner, about that in ``H^-1``."""
        return float(np.sqrt(max(dot(point.gradient, self._fit.preconditioner.apply(point.gradient)), 0.0)))

    def _margin(self, theta: FloatArray) -> float:
        return self._sign * (dot(self._query, theta) - self._cut)

    def _corrected(self, point: Iterate, factor: FloatArray) -> float:
        return self._margin(point.theta) - self._sign * dot(factor, point.gradient)

    def _to_the_end(self, problem: Problem, rows: IntArray, near: Probe) -> Probe:
        done = minimise(problem, near.point.theta, preconditioner=self._fit.preconditioner, monitor=self._monitor)
        point = Iterate.at(problem, done.theta, done.eta)
        return Probe(self.count, rows, point, self._margin(done.theta), near=near.number)

    def confirmed(self, probe: Probe) -> float:
        """The margin of a refit that is followed to within about 1e-7 log-odds of the minimiser's."""
        problem, point = self._fit.problem.edited(probe.rows, self._edit), probe.point
        for _ in range(_MAX_STEPS):
            decrement = self._decrement(point)
            left = self._spread * decrement
            if left <= _CERTAIN:
                break
            stepped = newton_step(
                problem,
                point,
                rtol=max(min(0.1, decrement), 0.5 * _CERTAIN / left),
                preconditioner=self._fit.preconditioner,
                monitor=self._monitor,
            )
            if stepped is None:
                break
            point = stepped
        return self._corrected(point, self.factor(probe))

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
        known = self._known.get(probe.number)
        if known is None:
            solved = solve(
                self._fit.problem.edited(probe.rows, self._edit).hessian(probe.eta),
                self._query,
                rtol=_FACTOR_RTOL,
                preconditioner=self._fit.preconditioner,
                start=self._known.get(probe.near, self._known[0]).factor,
                monitor=self._monitor,
            )
            known = self._known[probe.number] = _Known(solved.x)
            self._forget(probe)
        return known.factor

    def _forget(self, newest: Probe) -> None:
        """Drop the oldest entries but the base's: each holds vectors as long as the training set."""
        surplus = len(self._known) - self._most_kept
        for number in [number for number in self._known if number not in (0, newest.number)][: max(surplus, 0)]:
            del self._known[number]

    def gains(self, probe: Probe) -> FloatArray:
        """How far editing each row moves the margin towards a flip, to first order at a refit; (n_rows,), kept a while.

        For a row that the refit has edited already it is what undoing the edit would cost.
        """
        factor, known = self.factor(probe), self._known[probe.number]
        if known.gains is None:
            problem = self._fit.problem
            known.gains = self._sign * problem.force(probe.eta, self._edit)
            known.gains *= problem.extended_matvec(problem.design, factor)
        return known.gains

    def effects(self, probe: Probe) -> FloatArray:
        """`gains` with each row's own response, for the edited rows and those that gain most; (n_rows,), a new array.

        Cost: some passes over the stored values of these rows, at most a few hundred, once.
        """
        effects, known = self.gains(probe).copy(), self._known[probe.number]
        if known.listed is not None:
            effects[known.listed] = known.effects
            return effects
        outside = self.allowed[~np.isin(self.allowed, probe.rows)]
        count = self._worth_listing(effects[outside], abs(probe.margin))
        listed = np.zeros(len(effects), dtype=bool)
        rows = np.concatenate([probe.rows, _largest(effects, outside, count)])
        for _ in range(_LISTINGS):  # responses only make effects smaller: others may now rank first
            effects[rows] *= self._ratio(probe, rows)
            listed[rows] = True
            rows = _largest(effects, outside, count)
            rows = rows[~listed[rows]]
            if not len(rows):
                break
        known.listed = np.flatnonzero(listed)
        known.effects = effects[known.listed]
        return effects

    def _worth_listing(self, gains: FloatArray, margin: float) -> int:
        """Twice as many rows as it would take to gain the margin, and some."""
        ahead = np.sort(gains)[: -_LISTED_MOST - 1 : -1]
        needed = int(np.searchsorted(np.cumsum(np.maximum(ahead, 0.0)), margin))
        return min(_LISTED_LEAST + 2 * needed, _LISTED_MOST, len(gains))

    def _ratio(self, probe: Probe, rows: IntArray) -> FloatArray:
        """The whole effect of editing each row as a multiple of its first-order effect; (len(rows),)."""
        spring, eta, weights = self._spring(rows), probe.eta[rows], self._fit.problem.weights[rows]
        if self._edit == "remove":
            weights = np.where(np.isin(rows, probe.rows), 0.0, weights)
        return np.asarray(self._toggle(probe, rows).share(spring) * (1.0 + spring * weights * expit(eta) * expit(-eta)))

    def _toggle(self, probe: Probe, rows: IntArray) -> Toggle:
        problem, eta = self._fit.problem, probe.eta[rows]
        edited: BoolArray = np.isin(rows, probe.rows)
        weights, codes = problem.weights[rows], problem.labels.codes[rows].astype(np.float64)
        if self._edit == "relabel":
            codes = np.where(edited, 1.0 - codes, codes)
            return Toggle(eta, weights * (expit(eta) - codes), weights, 1.0 - codes)
        left_out = np.where(edited, weights, 0.0)
        return Toggle(eta, (weights - left_out) * (expit(eta) - codes), left_out, codes)

    def _spring(self, rows: IntArray) -> FloatArray:
        """See `Toggle`; estimated by the preconditioner at the fit, (len(rows),), and kept."""
        missing = [row for row in rows.tolist() if row not in self._springs]
        if missing:
            new = np.array(missing)
            own = self._fit.preconditioner.leverages(self._fit.problem.design.take(new))
            left = np.maximum(1.0 - own * self._fit.hessian.curvature[new], _LEAST_LEFT)
            self._springs.update(zip(missing, np.maximum(own / left, np.finfo(float).tiny).tolist(), strict=True))
        return np.array([self._springs[row] for row in rows.tolist()])

    def forecast(self, rows: IntArray, near: Probe) -> tuple[float, float]:
        """The margin to expect of a refit, from what is known at a near one, and how far off it may be."""
        gains, effects = self.gains(near), self.effects(near)
        added = np.setdiff1d(rows, near.rows, assume_unique=True)
        taken = np.setdiff1d(near.rows, rows, assume_unique=True)
        margin = near.margin - float(effects[added].sum()) + float(effects[taken].sum())
        changed = np.concatenate([added, taken])
        own = float(np.abs(effects[changed] - gains[changed]).sum())
        return margin, own + _DOUBT * float(np.abs(effects[changed]).sum()) + near.doubt

    def stands(self, rows: IntArray, near: Probe) -> bool:
        """Whether it is beyond doubt, without a refit, that the prediction stands."""
        margin, doubt = self.forecast(rows, near)
        return margin > doubt and not self.exact

    def best_of_size(self, size: int, near: Probe) -> IntArray:
        """The rows whose edits promise most at a refit; sorted."""
        return np.sort(_largest(self.effects(near), self.allowed, size))

    def averaged(self, probe: Probe) -> FloatArray:
        """Gains averaged between the start and a refit: the path average, correct to second order; (n_rows,)."""
        return 0.5 * (self.gains(self.base) + self.gains(probe))

    def feasible(self, rows: IntArray) -> bool:
        """Whether examples of both classes remain."""
        return min(self._fit.problem.edited(rows, self._edit).class_weights) > 0


def _largest(values: FloatArray, among: IntArray, count: int) -> IntArray:
    """The ``count`` rows among some that have the largest values, in no order."""
    if count >= len(among):
        return among
    return among[np.argpartition(-values[among], count - 1)[:count]]

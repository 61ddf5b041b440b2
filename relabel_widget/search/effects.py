"""What editing one more row, or one less, would do to the margin of a refit, and forecasts that add this up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import expit

from .._typing import BoolArray, FloatArray, IntArray
from ..design import LARGE
from ..fitting import Fit
from ..monitor import Monitor
from ..operator import Hessian
from ..problem import Edit
from ..solver import SolveResult, norm_in, solve, solve_many
from ..vectors import column_dots
from .probe import Probe
from .ranking import largest
from .response import Springs, Toggle, pair_moves

FACTOR_RTOL = 3e-2
_COUPLING_RTOL = 0.3  # a row's own part, an energy, is then right to a tenth
_LEAST_LEFT = 1e-2  # of 1 - leverage, for the same reason
_NO_FEATURES = 1e-30  # instead of the own part, or the curvature, of a row that has none
_DOUBT = 0.25  # of the move that is forecast of a row: what rows do to each other
_LISTED_LEAST, _LISTED_MOST = 16, 256  # rows outside a set whose own response is worked out
NO_ROWS = np.empty(0, dtype=np.int64)
_KEPT_BYTES, _KEPT_LEAST = 2**26, 2  # of refits whose gains are kept: all where rows are few, the newest where many


@dataclass(eq=False)
class _Known:
    """What has been worked out at a probe on the labels edited in ``rows``.

    ``listed`` are some rows, sorted, and their effects: others' are gains.
    """

    hessian: Hessian
    rows: IntArray
    factor: SolveResult
    gains: FloatArray | None = None
    listed: tuple[IntArray, FloatArray] | None = None


class Effects:
    """Gains and effects of editing rows at the refits of one search.

    The *gain* of a row is what editing it moves the margin by, to first order; its *effect* takes the row's own
    `Toggle` response with it. Both are towards a flip where they are positive, and for a row that the refit has edited
    they are what undoing the edit would cost. Effects are worked out for the edited rows and those that gain most;
    elsewhere they are the gains.

    ``sign`` is 1.0 where log-odds must fall for a flip, -1.0 where they must rise. Rows are ranked by effect, or by
    effect per cost where ``costs`` (n_rows,) are given. Where the design is ``large``, and a pass over rows takes much
    less than a product, a bound is tried before a product is made.
    """

    def __init__(
        self,
        fit: Fit,
        query: FloatArray,
        factor: SolveResult,
        sign: float,
        edit: Edit,
        allowed: IntArray,
        costs: FloatArray | None,
        springs: Springs,
        monitor: Monitor | None,
    ) -> None:
        self._fit, self._query, self._sign, self._edit, self._monitor = fit, query, sign, edit, monitor
        self.allowed, self.costs, self.springs = allowed, costs, springs
        self._known = {0: _Known(fit.hessian, NO_ROWS, factor)}
        self.large = fit.problem.design.n_stored >= LARGE
        row_bytes = 32  # log-odds, curvature, gains, what passes
        self._most_kept = max(_KEPT_LEAST, _KEPT_BYTES // (row_bytes * fit.n_rows))

    def hessian(self, probe: Probe) -> Hessian:
        """The Hessian at a refit; kept for a while."""
        return self._at(probe).hessian

    def factor(self, probe: Probe) -> FloatArray:
        """``H^-1 x`` at a refit, shape (n_params,); kept for a while."""
        return self._at(probe).factor.x

    def image(self, probe: Probe) -> FloatArray:
        """``[X, 1]`` times the factor at a refit, shape (n_rows,). Cost: at the base, one product with X, once."""
        return self._image(self._at(probe))

    def factor_error(self, probe: Probe, hessian: Hessian | None = None) -> float:
        """Relative residual to which the factor at a refit is known, there or, by a bound, with another Hessian."""
        known = self._at(probe)
        return known.factor.residual if hessian is None else self._residual(hessian, NO_ROWS, known)

    def _at(self, probe: Probe) -> _Known:
        known = self._known.get(probe.number)
        if known is None:
            near = self._known.get(probe.near, self._known[0])
            hessian = self._fit.problem.edited(probe.rows, self._edit).hessian(probe.eta)
            kept = self._still_good(hessian, probe.rows, near) if self.large else None
            known = _Known(hessian, probe.rows, kept or self._solved(hessian, near))
            self._known[probe.number] = known
            self._forget(probe)
        return known

    @cached_property
    def _size(self) -> float:
        """Of the query, in the norm of the preconditioner."""
        return norm_in(self._fit.preconditioner, self._query)

    def _still_good(self, hessian: Hessian, rows: IntArray, near: _Known) -> SolveResult | None:
        """The factor of a near refit, if a bound says that it is a solution at this one, too: that takes no product."""
        residual = self._residual(hessian, np.setxor1d(rows, near.rows, assume_unique=True), near)
        return replace(near.factor, residual=residual) if residual <= FACTOR_RTOL else None

    def _residual(self, hessian: Hessian, apart: IntArray, near: _Known) -> float:
        """At least the relative residual that the factor of a near refit has with this Hessian.

        It grows by ``[X, 1]' (change of the curvature) image``; edited rows, which bend most, are taken apart.
        """
        bound, own = hessian.bound(apart, _bent, hessian.curvature, near.hessian.curvature, self._image(near))
        by_few = norm_in(self._fit.preconditioner, self._fit.problem.extended_rmatvec_of(apart, own))
        return near.factor.residual + (by_few + bound) / self._size

    def _solved(self, hessian: Hessian, near: _Known) -> SolveResult:
        return solve(
            hessian,
            self._query,
            rtol=FACTOR_RTOL,
            preconditioner=self._fit.preconditioner,
            start=(near.factor.x, self._image(near)),
            image=True,
            monitor=self._monitor,
        )

    def _image(self, known: _Known) -> FloatArray:
        if not len(known.factor.image):
            known.factor = replace(known.factor, image=self._fit.problem.eta(known.factor.x))
        return known.factor.image

    def _forget(self, newest: Probe) -> None:
        """Drop the oldest entries but the base's: each holds vectors as long as the training set."""
        surplus = len(self._known) - self._most_kept
        for number in [number for number in self._known if number not in (0, newest.number)][: max(surplus, 0)]:
            del self._known[number]

    def gains(self, probe: Probe) -> FloatArray:
        """Of all rows, (n_rows,), kept for a while. Cost: at the base, one product with X."""
        known = self._at(probe)
        if known.gains is None:
            known.gains = self._sign * self._fit.problem.force(probe.eta, self._edit)
            known.gains *= self._image(known)
        return known.gains

    def of(self, probe: Probe, rows: IntArray) -> FloatArray:
        """Effects of the given rows at a refit, (len(rows),)."""
        listed, effects = self._listed(probe)
        out = self.gains(probe)[rows]
        if len(listed):
            places = np.minimum(np.searchsorted(listed, rows), len(listed) - 1)
            known = listed[places] == rows
            out[known] = effects[places[known]]
        return out

    def worth(self, effects: FloatArray, rows: IntArray) -> FloatArray:
        """What rows of these gains or effects rank by: with costs, by what they bring for it where they help."""
        if self.costs is None:
            return effects
        return np.where(effects > 0, effects / np.maximum(self.costs[rows], 1e-12), effects)

    def best(self, probe: Probe, size: int) -> IntArray:
        """The allowed rows that rank first at a refit, edited there or not, best first."""
        rows, worth = self._ranked(probe, size)
        return rows[largest(worth, size)]

    def ahead(self, probe: Probe, count: int) -> IntArray:
        """The allowed rows outside the set that gain most (per cost) at a refit, best first."""
        values = self.worth(self.gains(probe)[self.allowed], self.allowed)
        rows = self.allowed[largest(values, count + len(probe.rows))]
        return rows[~_within(rows, probe.rows)][:count]

    def behind(self, probe: Probe) -> IntArray:
        """The rows of the set, those that are worth least at the refit first."""
        worth = self.worth(self.of(probe, probe.rows), probe.rows)
        return probe.rows[np.argsort(worth, kind="stable")]

    def needed(self, probe: Probe) -> int:
        """How many rows that rank first at a refit it takes to flip; all that help if they are not enough."""
        wanted = probe.margin + float(self.of(probe, probe.rows).sum())
        rows, _ = self._listed(probe)
        for among in (rows, self.allowed):
            effects = self.of(probe, among)
            order = np.argsort(-self.worth(effects, among), kind="stable")
            total = np.cumsum(np.maximum(effects[order], 0.0))
            if len(total) and total[-1] > wanted:
                return int(np.searchsorted(total, wanted)) + 1
        return max(1, self.helpful(probe))

    def helpful(self, probe: Probe) -> int:
        """The number of allowed rows whose edit moves the margin towards a flip."""
        return int(np.count_nonzero(self.gains(probe)[self.allowed] > 0))

    def forecast(self, rows: IntArray, near: Probe) -> float:
        """The margin to expect of a refit, from what is known at a near one."""
        rows = np.sort(rows)
        added = rows[~_within(rows, near.rows)]
        taken = near.rows[~_within(near.rows, rows)]
        return near.margin - float(self.of(near, added).sum()) + float(self.of(near, taken).sum())

    def without(self, probe: Probe, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Of each row of the set, the margin to expect without it, and how far off that may be; both (len(rows),)."""
        effects = self.of(probe, rows)
        own = np.abs(effects - self.gains(probe)[rows])
        return probe.margin + effects, own + _DOUBT * np.abs(effects) + probe.doubt

    def swapped(self, probe: Probe, out: IntArray, into: IntArray) -> FloatArray:
        """The margin to expect with row ``out[i]`` taken back and ``into[j]`` edited instead, (len(out), len(into)).

        As `forecast`, but the two rows see each other, through the Hessian at the refit. Cost: a loose block solve with
        a column for each of the rows, made dense.
        """
        problem, rows, hessian = self._fit.problem, np.concatenate([out, into]), self.hessian(probe)
        columns = problem.extended_rows(problem.design.take(rows))
        solved = solve_many(
            hessian, columns, rtol=_COUPLING_RTOL, preconditioner=self._fit.preconditioner, width=len(rows),
            monitor=self._monitor,
        ).x  # fmt: skip
        pull, held = self._sign * (self.factor(probe) @ columns), hessian.curvature[rows]
        own = np.clip(column_dots(columns, solved), _NO_FEATURES, (1.0 - _LEAST_LEFT) / np.maximum(held, _NO_FEATURES))
        spring, toggle = own / (1.0 - held * own), self.toggle(probe, rows)
        alone = -toggle.share(spring) * spring * toggle.force
        coupling = columns[:, : len(out)].T @ solved[:, len(out) :]
        places = np.indices(coupling.shape).reshape(2, -1)
        places[1] += len(out)
        pairs = toggle.take(places)
        moves = pair_moves(pairs, alone[places], own[places], held[places], coupling.ravel())
        pulled = pull[places] * (pairs.moved(moves)[0] - held[places] * moves)
        return np.asarray(probe.margin - pulled.sum(axis=0).reshape(coupling.shape))

    def toggle(self, probe: Probe, rows: IntArray) -> Toggle:
        """The edits of rows at a refit, taken back where it has made them."""
        problem, eta = self._fit.problem, probe.eta[rows]
        edited = _within(rows, probe.rows)
        weights, codes = problem.weights[rows], problem.labels.codes[rows].astype(np.float64)
        if self._edit == "relabel":
            codes = np.where(edited, 1.0 - codes, codes)
            return Toggle(eta, weights * (expit(eta) - codes), weights, 1.0 - codes)
        left_out = np.where(edited, weights, 0.0)
        return Toggle(eta, (weights - left_out) * (expit(eta) - codes), left_out, codes)

    def _ranked(self, probe: Probe, count: int) -> tuple[IntArray, FloatArray]:
        """Rows among which the ``count`` are that rank first, and what they rank by."""
        rows, effects = self._listed(probe)
        if len(rows) < min(count, len(self.allowed)):
            rows = self.allowed
            effects = self.of(probe, rows)
        return rows, self.worth(effects, rows)

    def _listed(self, probe: Probe) -> tuple[IntArray, FloatArray]:
        """The rows of the set and those that rank first outside it, sorted, and their effects.

        Cost: some passes over the stored values of these rows, a few hundred at most, once.
        """
        gains, known = self.gains(probe), self._at(probe)
        if known.listed is None:
            worth = self.worth(gains[self.allowed], self.allowed)
            first = self.allowed[largest(worth, len(probe.rows) + 2 * _LISTED_MOST)]
            outside = first[~_within(first, probe.rows)]
            count = self._worth_listing(gains[outside], abs(probe.margin))
            rows = np.concatenate([outside[:count], probe.rows])
            effects = gains[rows] * self._ratio(probe, rows)
            # effects are mostly smaller than gains: what gains more than the last of these has effect may rank first
            worth = self.worth(effects[:count], outside[:count])
            others = outside[count:]
            others = others[self.worth(gains[others], others) > worth.min(initial=np.inf)]
            rows = np.concatenate([rows, others])
            effects = np.concatenate([effects, gains[others] * self._ratio(probe, others)])
            order = np.argsort(rows)
            known.listed = rows[order], effects[order]
        return known.listed

    def _worth_listing(self, gains: FloatArray, margin: float) -> int:
        """Twice as many rows as it would take to gain the margin, and some."""
        needed = int(np.searchsorted(np.cumsum(np.maximum(gains, 0.0)), margin))
        return min(_LISTED_LEAST + 2 * needed, _LISTED_MOST, len(gains))

    def _ratio(self, probe: Probe, rows: IntArray) -> FloatArray:
        """The whole effect of editing each row as a multiple of its first-order effect; (len(rows),)."""
        if not len(rows):
            return np.empty(0)
        spring, eta, weights = self.springs.of(rows), probe.eta[rows], self._fit.problem.weights[rows]
        if self._edit == "remove":
            weights = np.where(_within(rows, probe.rows), 0.0, weights)
        share = self.toggle(probe, rows).share(spring)
        return np.asarray(share * (1.0 + spring * weights * expit(eta) * expit(-eta)))


def _bent(after: FloatArray, before: FloatArray, image: FloatArray) -> FloatArray:
    return (after - before) * image


def _within(rows: IntArray, among: IntArray) -> BoolArray:
    """Which of the rows are among some that are sorted; a mask, (len(rows),)."""
    if not len(among):
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(among[np.minimum(np.searchsorted(among, rows), len(among) - 1)] == rows)

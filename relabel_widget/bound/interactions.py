"""Bounds on the interaction of relabelled rows beyond their separate effects: one number per pair, no boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from .._typing import AnyArray, FloatArray, IntArray
from ..fits import Fit
from ..monitor import Monitor
from .displacements import Displacements, left_of_gradient
from .gains import Query
from .kernel import row_blocks
from .pointwise import Pointwise

_STEEPEST = 1.0 / (6.0 * np.sqrt(3.0))  # the largest second derivative of the logistic function
_FLAT = 0.06  # of p (1 - p): above this, the largest second derivative is the better bound than p (1 - p) e^|x|
CAPS = (0.5, 1.5)
LARGEST = 0.4  # pairs of larger energy are refitted
_REFINED = 0.3
_LEVELS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, LARGEST)
_ROUNDS = 20
_WIDER = 1.05
_TOGETHER = 64
_ROUNDS_OF_PAIRS = 4
_ROUNDING_OF_MOVES = 1e-6  # relative, of stored displacements: sixteen times the rounding of float32
_EXPONENT = 30.0  # beyond this the pair is refitted anyway


@dataclass(frozen=True, eq=False)
class Reach:
    """How far rows may move for the pair bound in the package docstring to hold; every array has shape (n_rows,).

    ``own`` is each row's displacement when it alone is relabelled; ``others[s]`` bounds the sum of its displacements
    by any s other relabelled rows. ``spread_outside`` and ``spread`` bound the standard deviation
    ``(x_l . Htilde^-1 x_l)^.5`` of a row outside the set and of any row.
    """

    own: FloatArray
    others: tuple[FloatArray, ...]
    spread_outside: FloatArray
    spread: FloatArray
    inverse_norm: float
    cap: float


@dataclass(frozen=True, eq=False)
class Interactions:
    """``energy_ij`` bounds ``|X'q|`` in the norm of ``Ht^-1`` for the pair (i, j), float32; inf above `LARGEST`.

    ``bent_il`` is ``4 sinh(|delta^i_l| / 2)^2``, float32, 0 for l = i; ``reach`` has an entry for each of `CAPS`.
    """

    energy: AnyArray
    bent: AnyArray
    reach: tuple[Reach, ...]

    def norms(self, rows: Pointwise, query: Query) -> QueryNorms:
        """The factors that multiply energies for this query. Cost: a product of the table with a dozen columns."""
        reach = self.reach[0]
        pull = query.pull
        d = rows.curvature
        held = np.min([each.spread for each in self.reach], axis=0)
        held[pull == 0.0] = 1.0  # 0 for a row without features
        weight = d * np.square(pull)
        base = max(
            float(np.sqrt(weight.sum())),
            float((np.abs(pull) * np.maximum(1 / held, 0.5 * np.sqrt(rows.weights))).max()),
        )
        base += query.residual * float(np.sqrt(max(each.inverse_norm for each in self.reach)))
        radius = np.array(_LEVELS)[:, None] * reach.spread_outside
        left = np.sqrt((weight * np.square(2 * np.sinh(radius / 2) * np.cosh(reach.others[2] / 2))).sum(axis=1))
        columns = weight * np.square(np.cosh(reach.others[1] / 2) * np.cosh(radius / 2))
        scale = max(float(columns.max()), np.finfo(np.float64).tiny)
        share = np.sqrt((self.bent @ (columns / scale).T.astype(np.float32)) * np.float64(scale))
        share *= 1.0 + 2.0 * (len(pull) + 16) * float(np.finfo(np.float32).eps)
        for place, level in enumerate(_LEVELS):
            worst = _worst(rows, reach.own, reach.others[1] + level * reach.spread)
            share[:, place] += np.abs(pull) * np.where(pull == 0.0, 0.0, np.sqrt(worst))
        return QueryNorms(base + left, share)


@dataclass(frozen=True, eq=False)
class QueryNorms:
    """``|x . Ht^-1 X'q| <= (base + share_i + share_j) energy_ij``, by level of the energy; (levels,), (n_rows, levels).

    ``x . Ht^-1 X'q = pull'q - pull'(Dt - D) X Ht^-1 X'q``: the first part is at most ``(sum d pull^2)^.5`` times the
    share of other rows in the energy, plus, for the two rows themselves, |pull| over their spread times their share;
    the second is at most P times the energy, ``P^2 = sum pull^2 (Dt - d)^2 / Dt <= sum d pull^2 4 sinh(reach / 2)^2``
    except for the two rows.
    """

    base: FloatArray
    share: FloatArray

    def of(self, i: Any, j: Any, energy: FloatArray) -> FloatArray:
        """The factor for pairs (i, j) of these energies, inf above `LARGEST`."""
        place = np.searchsorted(_LEVELS, energy)
        known = place < len(_LEVELS)
        place = np.minimum(place, len(_LEVELS) - 1)
        return np.asarray(np.where(known, self.base[place] + self.share[i, place] + self.share[j, place], np.inf))

    @property
    def most(self) -> FloatArray:
        """For each row, an upper bound on factor times energy over all pairs with it that have an energy."""
        steps = np.array(_LEVELS)
        return np.asarray(((self.base + self.share + self.share.max(axis=0)) * steps).max(axis=1))


def _worst(rows: Pointwise, centre: FloatArray, radius: FloatArray) -> FloatArray:
    """Largest ``(D - d)^2 / D`` over mean slopes D of each row's loss within the radius around the centre."""
    least, most = slopes(rows, centre, radius)
    d = rows.curvature
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.maximum(np.square(d - least) / least, np.square(most - d) / most)
    return np.where(rows.weights > 0, np.where(np.isnan(value), np.inf, value), 0.0)


def slopes(rows: Pointwise, centre: FloatArray, radius: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least and largest ``weights p (1 - p)`` at log-odds within the radius of ``eta + centre``, rounded outwards."""
    middle = np.abs(rows.eta + centre)
    near, far = np.maximum(middle - radius, 0.0), middle + radius
    return (
        rows.weights * expit(far) * expit(-far) * (1 - 1e-12),
        rows.weights * expit(near) * expit(-near) * (1 + 1e-12),
    )


def make_interactions(
    fit: Fit, rows: Pointwise, singles: Displacements, monitor: Monitor | None = None
) -> Interactions:
    """Make the table of all pairs. Cost: a product of n_rows^3 for each of `CAPS`; peak memory 16 n_rows^2 bytes."""
    moved = np.abs(singles.moved.T)  # row l, relabelled row i
    own = singles.moved.diagonal().astype(np.float64)
    np.fill_diagonal(moved, 0.0)
    others = _others(moved, 2)
    distances, centre = _distances(fit)
    energy, bent = np.full(moved.shape, np.inf, dtype=np.float32), np.empty_like(moved)
    made, noise = [], 0.0
    for cap in CAPS:
        reach = _reach(fit, rows, own, others, distances, centre, cap)
        if reach is None:
            break
        made.append(reach)
        noise = max(noise, 4.0 * np.sqrt(reach.inverse_norm) * (singles.gradient + left_of_gradient(fit)))
        _fill(energy, rows, moved, reach, noise, made[-2].cap if len(made) > 1 else 0.0)
        if monitor is not None:
            monitor.step("tables of the pair bound", len(made), len(CAPS) + 1)
    energy[~singles.possible] = energy[:, ~singles.possible] = np.inf
    if not made:  # no bound with the free intercept: all pairs are refitted
        made.append(Reach(own, others, np.zeros_like(own), np.ones_like(own), 1.0, CAPS[0]))
        energy[:] = np.inf
    else:
        _refine(energy, rows, singles, made[-1], noise, monitor)
    energy[energy > LARGEST] = np.inf
    np.fill_diagonal(energy, 0.0)
    for part in row_blocks(len(moved), 4 * len(moved)):
        block = np.minimum(moved.T[part], np.float32(_EXPONENT))
        moved_there = np.expm1(block) + np.expm1(-block)
        bent[part] = moved_there * np.float32(1 + 1e-5)
    return Interactions(energy, bent, tuple(made))


def _others(moved: AnyArray, size: int) -> tuple[FloatArray, ...]:
    """Sums of the s largest entries of each row, s = 0 .. size, rounded upwards."""
    out = np.zeros((size + 1, len(moved)))
    for part in row_blocks(len(moved), moved.shape[1]):
        kept = min(size, moved.shape[1])
        largest = -np.sort(
            -np.partition(moved[part], moved.shape[1] - kept, axis=1)[:, moved.shape[1] - kept :], axis=1
        )
        out[1 : kept + 1, part] = np.cumsum(largest.astype(np.float64), axis=1).T
        out[kept + 1 :, part] = out[kept, part]
    return tuple(out * (1.0 + 1e-6))


def _distances(fit: Fit) -> tuple[FloatArray, float]:
    """``(x_l - c) . L^-1 (x_l - c)`` of each row, and ``1 + |c|^2``; c the mean row if the intercept is free."""
    problem = fit.problem
    d = problem.d2loss(fit.eta)
    free = problem.has_intercept and problem.intercept_l2 == 0
    centre = problem.design.rmatvec(d / d.sum()) if free else np.zeros(problem.design.n_features)
    out = np.empty(fit.n_rows)
    for part in row_blocks(fit.n_rows, 2 * problem.design.n_features):
        block = problem.design.take(np.arange(part.start, part.stop, dtype=np.int64)).to_dense() - centre
        out[part] = np.square(block).sum(axis=1) / problem.l2
    if problem.has_intercept and not free:
        out += 1.0 / problem.intercept_l2
    return out * (1.0 + 1e-9), 1.0 + float(centre @ centre)


def _reach(
    fit: Fit,
    rows: Pointwise,
    own: FloatArray,
    others: tuple[FloatArray, ...],
    distances: FloatArray,
    centre: float,
    cap: float,
) -> Reach | None:
    """Spreads for energies up to the cap; None if the free intercept could not be bounded."""
    problem, d = fit.problem, rows.curvature
    free = problem.has_intercept and problem.intercept_l2 == 0
    floor = problem.l2 if free or not problem.has_intercept else min(problem.l2, problem.intercept_l2)
    assumed = 0.0
    for _ in range(_ROUNDS):
        spread = np.sqrt(distances + assumed)
        if not free:
            return Reach(own, others, _outside(rows, others[2], spread, cap), spread, 1.0 / floor, cap)
        least = slopes(rows, 0.0 * own, others[2] + cap * spread)[0]
        least_own = slopes(rows, own, others[1] + cap * spread)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            outside = np.where(d > 0, np.square(d) / least, 0.0)
            inside = np.maximum(np.where(d > 0, np.square(d) / least_own, 0.0) - outside, 0.0)
        found = float(outside.sum() + np.sort(inside)[-2:].sum()) / float(d.sum()) ** 2
        if not np.isfinite(found):
            return None
        if found <= assumed:
            outer = _outside(rows, others[2], spread, cap)
            return Reach(own, others, outer, spread, centre / floor + assumed, cap)
        assumed = _WIDER * found
    return None


def _outside(rows: Pointwise, others: FloatArray, spread: FloatArray, cap: float) -> FloatArray:
    """The spread of a row outside the set, which also satisfies ``Ktilde_ll <= 1 / Dtilde_l``."""
    least = slopes(rows, np.zeros_like(spread), others + cap * spread)[0]
    with np.errstate(divide="ignore"):
        return np.asarray(np.minimum(spread, 1.0 / np.sqrt(least)))


def _fill(energy: AnyArray, rows: Pointwise, moved: AnyArray, reach: Reach, noise: float, above: float) -> None:
    """Enter energies below the cap that were not known before, as at least ``above``."""
    n = len(moved)
    d, weights = rows.curvature, rows.weights
    flat = d > _FLAT * weights
    radius = reach.cap * reach.spread_outside
    wider = radius / -np.expm1(-np.maximum(radius, 1e-9)) * (1 + 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.sqrt(np.where(flat, np.square(weights * _STEEPEST) / d, d) * wider)
    exponent = np.where(flat, 0.5, 1.5)
    scaled = np.empty_like(moved)
    for part in row_blocks(n, moved.shape[1]):
        power = np.minimum(exponent[part, None].astype(np.float32) * moved[part], np.float32(_EXPONENT))
        root = np.sqrt(weight[part]).astype(np.float32)[:, None]
        scaled[part] = np.square(moved[part] * np.exp(power) * root)
    outward = 1.0 + 2.0 * (n + 16) * float(np.finfo(np.float32).eps)
    tame = 1.5 * moved.max(axis=0, initial=0.0) < _EXPONENT
    own = _own_rows(rows, moved, reach)
    for part in row_blocks(n, 3 * n, product=True):
        with np.errstate(over="ignore"):  # overflow: the energy stays unknown
            found = np.sqrt(scaled[:, part].T @ scaled) * np.float32(outward)
        found += own[part] + own[:, part].T
        found += np.float32(noise)
        found *= np.float32(1 + 1e-5)
        known = (found < reach.cap) & ~np.isfinite(energy[part]) & tame[part, None] & tame
        energy[part] = np.where(known, np.maximum(found, np.float32(above * (1 + 1e-6))), energy[part])


def _own_rows(rows: Pointwise, moved: AnyArray, reach: Reach) -> AnyArray:
    """Entry (i, j): the contribution of row i itself to the energy of (i, j), ``|q_i|`` times its spread; float32."""
    out = np.empty((len(moved), len(moved)), dtype=np.float32)
    radius = reach.cap * reach.spread
    wider = (radius / -np.expm1(-np.maximum(radius, 1e-9)))[:, None]
    for part in row_blocks(len(moved), 8 * len(moved)):
        window = moved[part] * (1 + 1e-6) + 1e-6 * np.abs(reach.own[part, None])
        picked = Pointwise(*(a[part, None] for a in (rows.eta, rows.weights, rows.signs, rows.curvature)))
        low, high = slopes(picked, np.zeros_like(window), window)
        low_own, high_own = slopes(picked, reach.own[part, None], window)
        bend = np.maximum(np.maximum(high_own - low, high - low_own), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0 for a row without features
            spread = np.fmin(reach.spread[part, None], np.sqrt(wider[part] / low_own))
        out[part] = moved[part] * bend * spread * (1 + 1e-6)
    return out


def _refine(
    energy: AnyArray, rows: Pointwise, singles: Displacements, reach: Reach, noise: float, monitor: Monitor | None
) -> None:
    """Recompute energies above `_REFINED` pair by pair from q. Cost: some passes over n_rows numbers each."""
    n, known = len(energy), singles.possible
    for i in np.flatnonzero(known):
        later = i + 1 + np.flatnonzero((energy[i, i + 1 :] > _REFINED) & known[i + 1 :])
        for first in range(0, len(later), _TOGETHER):
            j = later[first : first + _TOGETHER]
            found = _of_pairs(rows, singles, reach, int(i), j, energy[i, j].astype(np.float64), noise)
            energy[i, j] = energy[j, i] = np.where(found < energy[i, j], found, energy[i, j])
        if monitor is not None and i % _TOGETHER == 0:
            monitor.step("refining the pair bound", int(i) + 1, n)


def _of_pairs(
    rows: Pointwise, singles: Displacements, reach: Reach, i: int, j: IntArray, before: FloatArray, noise: float
) -> FloatArray:
    """Energies of the pairs (i, j), (m,), none larger than before; inf if no cap holds."""
    first, second = singles.moved[i].astype(np.float64), singles.moved[j].astype(np.float64)
    there = first + second
    q = np.abs(rows.remainder(there) - rows.remainder(first) - rows.remainder(second))
    q += _rounding_of_q(rows, first, second)
    slope = slopes(rows, there, _ROUNDING_OF_MOVES * (1.0 + np.abs(there)))[0]
    at = np.arange(len(j))
    own_q, own_slope = np.stack([q[:, i], q[at, j]]), np.stack([slope[:, i], slope[at, j]])
    q[:, i] = q[at, j] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        # at most the curvature at the fit, which QueryNorms uses for the query's part
        outside = np.where(q > 0, np.square(q) / np.minimum(slope, rows.curvature), 0.0)
    own_spread = np.stack([np.full(len(j), reach.spread[i]), reach.spread[j]])
    found = np.minimum(before, reach.cap)
    valid = np.isfinite(before)
    for _ in range(_ROUNDS_OF_PAIRS):
        total = np.sqrt((outside * _lengthened(found[:, None] * reach.spread_outside)).sum(axis=1))
        with np.errstate(divide="ignore"):
            spread = np.minimum(own_spread, np.sqrt(_lengthened(found * own_spread) / own_slope))
        total = (total + (own_q * spread).sum(axis=0) + noise) * (1.0 + 1e-6)
        valid |= total < found
        found = np.minimum(found, total)
    return np.where(valid, found, np.inf)


def _rounding_of_q(rows: Pointwise, first: FloatArray, second: FloatArray) -> FloatArray:
    """How much larger than computed ``|q|`` of equation (5) may be, for pairs of stored displacements.

    Displacements are stored in float32, each rounded by at most 2^-24 = 6e-8 of itself. The derivative of q in one of
    them is a difference of two slopes, at most ``s sup|sigma''|`` = .0963 s times the other one, so the two roundings
    together change q by less than ``1.2e-7 * .1 s |first second|``: 4e-7 leaves a factor of three. q is a difference
    of three remainders of size ``d |displacement|``, which cancel; float64 loses 1e-16 of them, and 1e-6 is generous.
    The sigmoids in them are off by a few units of 1e-16 s, hence 1e-14.
    """
    smaller = np.minimum(np.abs(first), np.abs(second))
    product = np.abs(first) * np.abs(second)
    return np.asarray(1e-6 * rows.curvature * smaller + 1e-14 * rows.weights + 4e-7 * 0.1 * rows.weights * product)


def _lengthened(radius: FloatArray) -> FloatArray:
    """``r / (1 - e^-r)``: the largest factor by which a mean slope over r may fall below the slope at the start."""
    radius = np.maximum(radius, 1e-9)
    return np.asarray(radius / -np.expm1(-radius) * (1 + 1e-9))

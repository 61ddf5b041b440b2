"""Boxes that contain the log-odds of all rows, whichever set of at most ``size`` candidates is edited."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import BoolArray, FloatArray
from .couplings import Couplings, bend_and_contraction
from .kernel import ENTRY_ERROR, Kernel
from .pointwise import Interval, Pointwise

_MOST_PASSES = 60
_CONTRACTIONS = 5
_WIDER = 1.02
_WIDER_CROSS = 1.05
_LEAST = 1e-9
_HOPELESS = 1e3  # log-odds
_MOST_GROWTHS = 3
_FURTHEST = 4.0
_LEAST_CONTRACTION = 1e-3
_LARGEST_LEVERAGE = 1.0 - 1e-6
_ROUNDING = 1e-11


@dataclass(frozen=True, eq=False)
class Boxes:
    """Bounds that hold after editing any set S of at most ``size`` candidates. Arrays have shape (n_rows,).

    Attributes
    ----------
    push
        Interval of ``z_i beta_i``, the force of row i in S in the direction of its edit; 0 for non-candidates.
    kept
        Interval of the displacement of row j outside S.
    cross
        Bound on the contribution to row j's displacement of rows outside S other than j, and of errors (``x_j``).
    contraction
        ``c_j``: ``c_j |delta_j| <= |(K0 beta)_j| + cross_j`` for j not in S.
    moved
        Bound on ``sum_i sqrt(K_ii) |force of i|`` over all rows.
    """

    size: int
    push: Interval
    kept: Interval
    cross: FloatArray
    contraction: FloatArray
    moved: float


@dataclass(frozen=True, eq=False)
class Closure:
    """The map from boxes to the boxes they imply, and its closed boxes.

    ``force`` is the force of one edit in the direction of its label's sign: the row's weight for a relabel, the weight
    times ``|y - p|`` for a removal, and 0 if the row is not a candidate. ``gradient_error`` bounds the gradient of the
    fit in the norm of ``H^-1``.
    """

    rows: Pointwise
    kernel: Kernel
    couplings: Couplings
    force: FloatArray
    candidates: BoolArray
    relabel: bool
    gradient_error: float

    def boxes(self, size: int, start: Boxes | None = None) -> Boxes | None:
        """Closed boxes for all sets of at most ``size`` candidates; None if none were found.

        ``start`` are boxes for a smaller size to start from. Cost: at most 60 passes of a few products with the
        kernel each, typically 5 to 15.
        """
        closed = self._closed(size, start)
        if closed is None:
            return None
        edited, kept, cross = closed
        for _ in range(_CONTRACTIONS):
            push = self._push(edited)
            cross = np.minimum(cross, self._respond(size, _largest(push), kept, cross)[0])
            edited, kept = self._final_boxes(size, push, edited, kept, cross)
        push = self._push(edited)
        final, contraction, moved = self._respond(size, _largest(push), kept, cross)
        return Boxes(size, push, kept, np.minimum(cross, final), contraction, moved)

    def _closed(self, size: int, start: Boxes | None) -> tuple[Interval, Interval, FloatArray] | None:
        """Boxes whose image lies strictly inside them: no path of minimisers from 0 can leave them."""
        if not (self.kernel.own * self.rows.curvature).max() < _LARGEST_LEVERAGE:
            return None
        force = self.couplings.first.reference
        cross = np.zeros(len(self.force))
        pace = _Pace()
        if start is not None:
            force, cross = np.maximum(force, _largest(start.push)), start.cross
        for _ in range(_MOST_PASSES):
            tried = cross * _WIDER_CROSS + _LEAST
            edited, kept = self._path_boxes(size, force, tried, _WIDER)
            force_there = self._path_force(edited)
            cross_there = self._respond(size, force_there, kept, tried)[0]
            images = self._path_boxes(size, force_there, cross_there, 1.0)
            if (cross_there < tried).all() and all(map(_strictly_inside, images, (edited, kept))):
                return images[0], images[1], cross_there
            step = np.maximum(cross_there - cross, 0.0)
            ahead = pace.ahead(float(step.max()))
            if ahead is None:
                return None
            force, cross = np.maximum(force, force_there), cross + (1.0 + ahead) * step
        return None

    def _respond(
        self, size: int, force: FloatArray, kept: Interval, cross: FloatArray
    ) -> tuple[FloatArray, FloatArray, float]:
        """Bounds on x_j, the contraction of each row's equation, and ``moved``, from boxes; (3) in the package."""
        bend, contraction = bend_and_contraction(self.kernel, self.rows, kept, least=_LEAST_CONTRACTION)
        root = np.sqrt(self.kernel.own)
        radius = np.maximum(-kept[0], kept[1])
        moved = size * float((root * force).max()) + float(root @ (bend * np.square(radius)))
        error = root * (self.gradient_error + ENTRY_ERROR * moved)
        bend = bend / np.square(contraction)
        ratio = float((bend / self.couplings.bend)[self.kernel.own > 0].max(initial=0.0))  # others move no row
        second = np.sqrt(ratio) * self.couplings.second.largest(size, force)
        third = ratio**0.75 * self.couplings.third.largest(size, force)
        out = np.square(second + np.sqrt(self._spread(bend, third, cross, error))) + error
        return out, contraction, moved

    def _spread(self, bend: FloatArray, third: FloatArray, cross: FloatArray, error: FloatArray) -> FloatArray:
        """Bounds V_j on ``sum_l |K0_jl| bend_l x_l^2``: for each x_l separately, or through the shared edited rows."""
        spread = self.kernel.absolute_product(bend * np.square(cross))
        errors = np.sqrt(self.kernel.absolute_product(bend * np.square(error)))
        fourth = self.kernel.absolute_product(bend * np.square(spread))
        return np.asarray(np.minimum(spread, np.square(np.square(third + fourth**0.25) + errors)))

    def _path_force(self, edited: Interval) -> FloatArray:
        """Bound on the force |beta_i| of an edited row at every t on the path."""
        least, most = self._towards_edit(self.rows.remainder_range(edited))
        if self.relabel:
            return np.where(self.candidates, np.maximum(self.force + most, -least), 0.0)
        return np.where(self.candidates, np.maximum.reduce([most, -least, _largest(self._push(edited))]), 0.0)

    def _push(self, edited: Interval) -> Interval:
        """Range of ``z_i beta_i`` at t = 1."""
        if self.relabel:
            least, most = self._towards_edit(self.rows.remainder_range(edited))
        else:
            least, most = self._towards_edit((-edited[0], -edited[1]))
            least, most = self.rows.curvature * np.minimum(least, most), self.rows.curvature * np.maximum(least, most)
        return np.where(self.candidates, self.force + least, 0.0), np.where(self.candidates, self.force + most, 0.0)

    def _towards_edit(self, interval: Interval) -> Interval:
        """Convert an interval of v to one of ``z v``."""
        up = self.rows.signs > 0
        return np.where(up, interval[0], -interval[1]), np.where(up, interval[1], -interval[0])

    def _path_boxes(self, size: int, force: FloatArray, cross: FloatArray, wider: float) -> tuple[Interval, Interval]:
        """The boxes implied by forces and cross effects at any t in [0, 1]."""
        others = (self.couplings.first.largest(size - 1, force) + cross) * wider + _ROUNDING
        all_of_them = (self.couplings.first.largest(size, force) + cross) * wider + _ROUNDING
        own = self.kernel.own * self.force * wider
        return self._edited_box(-others, own + others), self._kept_box(all_of_them)

    def _final_boxes(
        self, size: int, push: Interval, edited: Interval, kept: Interval, cross: FloatArray
    ) -> tuple[Interval, Interval]:
        """The boxes at t = 1, where signs are known, within the boxes given."""
        force = _largest(push)
        signed = bool((push[0] >= 0).all())
        tables = (self.couplings.opposite, self.couplings.same) if signed else (self.couplings.first,) * 2
        less, more = (table.largest(size - 1, force) + cross + _ROUNDING for table in tables)
        own = self.kernel.own * self.force
        return (
            _intersection(edited, self._edited_box(own - less, own + more)),
            _intersection(kept, self._kept_box(self.couplings.first.largest(size, force) + cross + _ROUNDING)),
        )

    def _edited_box(self, least: FloatArray, most: FloatArray) -> Interval:
        """Displacements of edited rows under a force of -z_i times a number in [least, most]."""
        up = self.rows.signs > 0
        low, high = np.where(up, -most, least), np.where(up, -least, most)
        if self.relabel:
            own = self.kernel.own
            return self.rows.displacement(own, low)[0], self.rows.displacement(own, high)[1]
        left = 1.0 - self.kernel.own * self.rows.curvature
        return low / left - _ROUNDING, high / left + _ROUNDING

    def _kept_box(self, radius: FloatArray) -> Interval:
        own = self.kernel.own
        return self.rows.displacement(own, -radius)[0], self.rows.displacement(own, radius)[1]


class _Pace:
    """Predicts from the lengths of the steps so far whether they converge, and how far to extrapolate.

    The map is convex except for one minimum: growing steps keep growing, and steps that shrink by a factor r sum to
    1 / (1 - r) of the last. The extrapolation is a guess; only the inclusion test decides.
    """

    def __init__(self) -> None:
        self._last, self._grew = np.inf, 0

    def ahead(self, length: float) -> float | None:
        """How far to go beyond the step, as a multiple of it; None if it is hopeless."""
        ratio = length / self._last if self._last > 0 else 0.0
        self._last = length
        self._grew = self._grew + 1 if ratio >= 1.0 else 0
        if self._grew >= _MOST_GROWTHS or not length < _HOPELESS:
            return None
        return min(ratio / (1.0 - ratio), _FURTHEST) if 0.0 < ratio < 1.0 else 0.0


def _largest(interval: Interval) -> FloatArray:
    return np.maximum(np.abs(interval[0]), np.abs(interval[1]))


def _intersection(first: Interval, second: Interval) -> Interval:
    lower = np.maximum(first[0], second[0])
    return lower, np.maximum(lower, np.minimum(first[1], second[1]))


def _strictly_inside(inner: Interval, outer: Interval) -> bool:
    return bool((inner[0] > outer[0]).all() and (inner[1] < outer[1]).all())

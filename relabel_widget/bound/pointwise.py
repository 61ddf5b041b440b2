"""Bounds on one row's loss while its log-odds move within an interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import expit

from .._typing import FloatArray

Interval: TypeAlias = tuple[FloatArray, FloatArray]  # lower and upper ends, shape (n_rows,) each

# The third derivative of the log-loss, p (1 - p) (1 - 2 p) as a function of the log-odds, has its extrema at +- this,
# where it is +- 1 / (6 sqrt 3).
_EXTREME = float(np.log(2.0 + np.sqrt(3.0)))
_LARGEST_BEND = 1.0 / (12.0 * np.sqrt(3.0))
_SHORT = 1e-4  # below this a difference quotient loses digits that a Taylor expansion keeps
_HALVINGS = 60
_ROUNDING = 1e-11


@dataclass(frozen=True, eq=False)
class Pointwise:
    """The rows' losses around a fit; every array has shape (n_rows,), every method costs a few passes over such arrays.

    With ``g_i(x) = weights_i (sigmoid(eta_i + x) - sigmoid(eta_i))`` and ``curvature_i = g_i'(0)``, the *remainder*
    is ``e_i(x) = g_i(x) - curvature_i x``. Intervals of the displacement x contain 0, except in `remainder_range`.
    """

    eta: FloatArray
    weights: FloatArray
    signs: FloatArray
    curvature: FloatArray

    def remainder(self, x: FloatArray) -> FloatArray:
        """``e_i(x_i)``."""
        return np.asarray(self.weights * (expit(self.eta + x) - expit(self.eta)) - self.curvature * x)

    def remainder_range(self, box: Interval) -> Interval:
        """Smallest and largest ``e_i`` over the interval: at its ends or where e_i' = 0, at 0 and -2 eta_i."""
        lower, upper = self.remainder(box[0]), self.remainder(box[1])
        least, most = np.minimum(lower, upper), np.maximum(lower, upper)
        for flat in (np.zeros_like(self.eta), -2.0 * self.eta):
            inside, there = (box[0] <= flat) & (flat <= box[1]), self.remainder(flat)
            least = np.where(inside, np.minimum(least, there), least)
            most = np.where(inside, np.maximum(most, there), most)
        return least, most

    def bends(self, box: Interval) -> Interval:
        """Bounds ``(c, C)`` >= 0 with ``-c_i x^2 <= e_i(x) <= C_i x^2`` over the interval: half the range of e_i''."""
        lower, upper = _third_derivative(self.eta + box[0]), _third_derivative(self.eta + box[1])
        least, most = np.minimum(lower, upper), np.maximum(lower, upper)
        for extreme in (-_EXTREME, _EXTREME):
            inside = (self.eta + box[0] <= extreme) & (extreme <= self.eta + box[1])
            value = _third_derivative(np.array(extreme))
            least = np.where(inside, np.minimum(least, value), least)
            most = np.where(inside, np.maximum(most, value), most)
        half = 0.5 * self.weights
        return half * np.maximum(-least, 0.0), half * np.maximum(most, 0.0)

    def least_slope(self, box: Interval) -> FloatArray:
        """Smallest secant slope ``g_i(x) / x`` over the interval.

        The secant slope is the mean of the unimodal g' over an interval that grows away from 0. It rises as long as
        g' at the far end exceeds it and falls from then on, so it is smallest at an end: at x = 0 or at the far end.
        """
        least = self.curvature
        for end in box:
            far = np.abs(end) > _SHORT
            x = np.where(far, end, 1.0)
            secant = self.weights * (expit(self.eta + x) - expit(self.eta)) / x
            taylor = self.curvature - self.weights * _LARGEST_BEND * np.abs(end)
            least = np.minimum(least, np.where(far, secant - _ROUNDING * self.weights, taylor))
        return np.maximum(least, 0.0)

    def displacement(self, leverage: FloatArray, force: FloatArray) -> Interval:
        """Bounds on the solution x of ``x + leverage_i e_i(x) = force_i``, where ``leverage_i curvature_i < 1``.

        The left side increases with slope at least ``1 - leverage_i curvature_i``, which brackets x; then bisection.
        """
        slope = 1.0 - leverage * self.curvature
        end = force / slope
        lower, upper = np.minimum(end, 0.0), np.maximum(end, 0.0)
        for _ in range(_HALVINGS):
            middle = 0.5 * (lower + upper)
            below = middle + leverage * self.remainder(middle) < force
            lower, upper = np.where(below, middle, lower), np.where(below, upper, middle)
        rounding = _ROUNDING * (1.0 + np.abs(force) + leverage * self.weights) / slope
        return lower - rounding, upper + rounding


def _third_derivative(eta: FloatArray) -> FloatArray:
    p = expit(eta)
    return np.asarray(p * expit(-eta) * (1.0 - 2.0 * p))

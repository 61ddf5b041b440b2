"""Losses of one row in its margin ``t = sign * eta``, sign -1 or +1: the logistic one, and pieces of ``(1 - t)^2``.

Everything that knows which loss is minimised asks it here. Arrays may have any shape; ``signs`` and ``weights`` are
broadcast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .._typing import FloatArray
from ..vectors import dot

_PRECISE = 1e-5  # of a share, which is at most 1: a ranking needs no more
_MOST_STEPS = 40


class Loss(ABC):
    """A convex loss of the margin, with what sets it apart from others.

    Attributes
    ----------
    tilt
        Where relabelling a row adds ``tilt * weight * sign * eta`` to the objective wherever it is, that factor; None
        where what it adds is not linear.
    symmetric
        Whether the curvature at some eta is the same for either label.
    steepest
        What no slope of a row of weight 1 exceeds; infinite for some.
    quadratic
        Whether the curvature is the same everywhere: then effects of relabelled rows add up exactly.
    smooth
        Whether the curvature is continuous, and the bounds of `bound` are proven, which rest on the logistic loss.
    """

    tilt: float | None
    symmetric: bool
    steepest: float
    quadratic: bool
    smooth: bool

    @abstractmethod
    def total(self, eta: FloatArray, signs: FloatArray, weights: FloatArray) -> float:
        """The weighted losses, summed. Finite for any finite eta."""

    @abstractmethod
    def slopes(self, eta: FloatArray, signs: FloatArray, weights: FloatArray) -> FloatArray:
        """Weighted derivatives in eta."""

    @abstractmethod
    def bends(self, eta: FloatArray, weights: FloatArray, signs: FloatArray | None = None) -> FloatArray:
        """Weighted second derivatives in eta; the signs may be left out where the loss is `symmetric`."""

    @abstractmethod
    def shares(
        self, eta: FloatArray, signs: FloatArray, weights: FloatArray, now: FloatArray, leverage: FloatArray
    ) -> FloatArray:
        """How far rows go whose losses were exchanged, as shares in (0, 1] of ``-leverage force``.

        ``now`` are the slopes of the losses before, ``signs`` and ``weights`` those of the losses afterwards, ``force``
        the difference of both at eta; leverages are leave-one-out. A row rests where
        ``move / leverage + slope(eta + move) - now = 0``.
        """


@dataclass(frozen=True)
class Logistic(Loss):
    """``log(1 + exp(-t))``: relabelling adds ``sign * eta``."""

    tilt = 1.0
    symmetric = True
    steepest = 1.0
    quadratic = False
    smooth = True

    def total(self, eta: FloatArray, signs: FloatArray, weights: FloatArray) -> float:  # noqa: D102 - as in Loss
        losses = np.abs(eta)  # log1p(exp(.)) takes a seventh of the time of logaddexp
        np.negative(losses, out=losses)
        np.log1p(np.exp(losses, out=losses), out=losses)
        against = signs * eta
        np.negative(against, out=against)
        losses += np.maximum(against, 0.0, out=against)
        return _weighted_sum(weights, losses)

    def slopes(self, eta: FloatArray, signs: FloatArray, weights: FloatArray) -> FloatArray:  # noqa: D102
        wrong = signs * eta <= 0
        slope = _less_likely(eta)
        np.abs(np.subtract(wrong, slope, out=slope), out=slope)  # |y - p| without cancellation
        slope *= signs
        slope *= weights
        return np.negative(slope, out=slope)

    def bends(self, eta: FloatArray, weights: FloatArray, signs: FloatArray | None = None) -> FloatArray:  # noqa: ARG002, D102
        less = _less_likely(eta)
        bend = 1.0 - less
        bend *= less
        bend *= weights
        return bend

    def shares(
        self, eta: FloatArray, signs: FloatArray, weights: FloatArray, now: FloatArray, leverage: FloatArray
    ) -> FloatArray:
        """As in `Loss`, by Newton's method from log-odds 0, or as near to them as the row can be.

        There the loss bends most and its derivative turns from convex to concave, so that every step falls short of the
        root on the same side. Cost: a few passes over the rows, seldom more than five.
        """
        codes = 0.5 * (signs + 1.0)
        force = weights * (expit(eta) - codes) - now
        moving = np.where(force == 0.0, 1.0, force)
        reach = leverage * moving
        stiffness = leverage * weights
        pull = weights / moving
        now = now / moving
        share = np.clip(eta / reach, 0.0, 1.0)
        for _ in range(_MOST_STEPS):
            p = expit(eta - share * reach)
            left = pull * (p - codes) - now - share  # falls from 1 at 0, and no slower than -share
            if np.abs(left).max(initial=0.0) < _PRECISE:
                break
            share += left / (1.0 + stiffness * p * (1.0 - p))
        return np.where(force == 0.0, 1.0, share)


@dataclass(frozen=True)
class Squared(Loss):
    """``(1 - t)^2``, with its derivative ``2 (t - 1)`` cut to [``least``, ``most``].

    Whole it is the loss of ridge regression on targets -1 and +1, cut at 0 the squared hinge, cut at -4 and 0 the
    modified Huber loss. Of the last, relabelling is a tilt: ``loss(t) - loss(-t) = -4 t``.
    """

    least: float = -np.inf
    most: float = np.inf

    symmetric = False
    smooth = False

    @property
    def tilt(self) -> float | None:  # type: ignore[override]  # noqa: D102
        return 4.0 if np.isinf(self.least) == np.isinf(self.most) else None

    @property
    def steepest(self) -> float:  # type: ignore[override]  # noqa: D102
        return max(-self.least, self.most)

    @property
    def quadratic(self) -> bool:  # type: ignore[override]  # noqa: D102
        return bool(np.isinf(self.least) and np.isinf(self.most))

    def total(self, eta: FloatArray, signs: FloatArray, weights: FloatArray) -> float:  # noqa: D102
        beyond = signs * eta - 1.0
        kept = np.clip(beyond, 0.5 * self.least, 0.5 * self.most)
        return _weighted_sum(weights, kept * (2.0 * beyond - kept))

    def slopes(self, eta: FloatArray, signs: FloatArray, weights: FloatArray) -> FloatArray:  # noqa: D102
        slope = signs * eta
        slope -= 1.0
        slope *= 2.0
        if not self.quadratic:
            np.clip(slope, self.least, self.most, out=slope)
        slope *= signs
        slope *= weights
        return slope

    def bends(self, eta: FloatArray, weights: FloatArray, signs: FloatArray | None = None) -> FloatArray:  # noqa: D102
        assert signs is not None
        return np.asarray(np.where(self.pieces(signs * eta) == 0, 2.0 * weights, 0.0))

    def pieces(self, t: FloatArray) -> FloatArray:
        """On which piece margins are: -1 or 1 where the derivative is cut, 0 between."""
        slope = 2.0 * (t - 1.0)
        return np.asarray((slope >= self.most).astype(np.int8) - (slope <= self.least))

    def shares(
        self, eta: FloatArray, signs: FloatArray, weights: FloatArray, now: FloatArray, leverage: FloatArray
    ) -> FloatArray:
        """As in `Loss`, exactly: where the row would go if nothing were cut says on which piece it comes to rest."""
        force = self.slopes(eta, signs, weights) - now
        t, held = signs * eta, signs * now
        uncut = t + leverage * (held - 2.0 * weights * (t - 1.0)) / (1.0 + 2.0 * weights * leverage)
        moved = signs * leverage * (held - weights * np.clip(2.0 * (uncut - 1.0), self.least, self.most))
        still = force == 0.0
        share = np.divide(-moved, leverage * force, out=np.ones_like(moved), where=~still)
        return np.clip(share, np.finfo(float).eps, 1.0)


LOGISTIC = Logistic()
RIDGE = Squared()
SQUARED_HINGE = Squared(most=0.0)
MODIFIED_HUBER = Squared(least=-4.0, most=0.0)


def _less_likely(eta: FloatArray) -> FloatArray:
    """The probability of the less likely class at these log-odds; ``expit`` is four times as slow."""
    less = np.abs(eta)
    np.exp(np.negative(less, out=less), out=less)
    less /= 1.0 + less
    return less


def _weighted_sum(weights: FloatArray, losses: FloatArray) -> float:
    if losses.ndim == 1:
        return dot(weights, losses)
    return float(np.einsum("ik,ik->", np.broadcast_to(weights, losses.shape), losses))

"""How far one row moves when its own label changes and everything else answers linearly: its response.

A row i with log-odds eta sees the other rows and the penalty as a spring: without its own loss a force f moves it by
``spring_i f``, ``spring_i = x_i . (H - d_i x_i x_i')^-1 x_i``. Its edit changes the derivative of its loss from ``now``
to ``after(eta + x)``, and it comes to rest where ``x / spring_i + after_i(eta + x) - now_i = 0``. That is exact for one
row and a quadratic rest; for removal it is the leave-one-out formula. Most of what a first-order effect misses, where
a row has much leverage, is this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .._typing import FloatArray, IntArray
from ..fitting import Fit

_PRECISE, _MOST_STEPS = 1e-5, 40
_MOST_COUPLED = 0.95  # as a correlation: the coupling is an estimate, as springs are
_PAIR_STEPS = 4


@dataclass(frozen=True, eq=False)
class Toggle:
    """Rows whose edit is made, or taken back if it was made before; every array (m,).

    ``eta`` are their log-odds, ``now`` the derivatives of their losses there, and ``weights`` and ``codes`` those of
    their losses afterwards: weight 0 for a row that is left out.
    """

    eta: FloatArray
    now: FloatArray
    weights: FloatArray
    codes: FloatArray

    def take(self, places: IntArray) -> Toggle:
        """Of the rows at these places, in their shape."""
        return Toggle(self.eta[places], self.now[places], self.weights[places], self.codes[places])

    def moved(self, by: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What the gradient has gained once the rows have moved so far, and the curvature of their losses there."""
        p = expit(self.eta + by)
        return self.weights * (p - self.codes) - self.now, self.weights * p * (1.0 - p)

    @property
    def force(self) -> FloatArray:
        """What the gradient gains in the direction of each row."""
        return np.asarray(self.weights * (expit(self.eta) - self.codes) - self.now)

    def share(self, spring: FloatArray) -> FloatArray:
        """How far each row goes, as a share in (0, 1] of ``-spring force``: its own loss holds it back; (m,).

        Newton's method from log-odds 0, or as near to them as the row can be: there the loss bends most and its
        derivative turns from convex to concave, so that every step falls short of the root on the same side. Cost: a
        few passes over m numbers, seldom more than five.
        """
        force = self.force
        moving = np.where(force == 0.0, 1.0, force)
        reach, stiffness = spring * moving, spring * self.weights
        pull, now = self.weights / moving, self.now / moving
        share = np.clip(self.eta / reach, 0.0, 1.0)
        for _ in range(_MOST_STEPS):
            p = expit(self.eta - share * reach)
            left = pull * (p - self.codes) - now - share  # falls from 1 at 0, and no slower than -share
            if np.abs(left).max(initial=0.0) < _PRECISE:
                break
            share += left / (1.0 + stiffness * p * (1.0 - p))
        return np.where(force == 0.0, 1.0, share)


def pair_moves(pairs: Toggle, alone: FloatArray, own: FloatArray, held: FloatArray, coupling: FloatArray) -> FloatArray:
    """How far two rows go that are edited at once, each seeing the other; every array (2, m), a column for each pair.

    ``alone`` is how far each row would go by itself, ``own`` is ``x_i . H^-1 x_i`` and ``held`` the curvature of the
    row in H; ``coupling`` (m,) is ``x_i . H^-1 x_j``. With G the 2 x 2 matrix of these products and D the diagonal one
    of the curvatures, they rest where ``(G^-1 - D) x + after(eta + x) - now = 0``. A few steps of Newton's method from
    ``alone``, unguarded: what comes of them ranks pairs and decides nothing.
    """
    leverage = own * held
    room = (1.0 - leverage).prod(axis=0) / np.maximum(leverage.prod(axis=0), np.finfo(float).tiny)
    most = _MOST_COUPLED * np.sqrt(np.clip(room, 0.0, 1.0))  # beyond, G^-1 - D would have no inverse
    scale = np.sqrt(own.prod(axis=0))
    rho = np.clip(coupling / scale, -most, most)
    stiff, cross = 1.0 / (own * (1.0 - np.square(rho))) - held, -rho / (scale * (1.0 - np.square(rho)))
    x = alone
    for _ in range(_PAIR_STEPS):
        force, bend = pairs.moved(x)
        force, bend = force + stiff * x + cross * x[::-1], bend + stiff
        x = x - (bend[::-1] * force - cross * force[::-1]) / (bend.prod(axis=0) - np.square(cross))
    return x


class Springs:
    """See `Toggle`; estimated by the preconditioner at the fit, whatever the query, and kept."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self._of: dict[int, float] = {}

    def of(self, rows: IntArray) -> FloatArray:
        """(len(rows),). Cost: a pass over the stored values of the rows that are new."""
        missing = [row for row in rows.tolist() if row not in self._of]
        if missing:
            new = np.array(missing)
            stored, curvature = self._fit.problem.design.take(new), self._fit.hessian.curvature[new]
            found = np.maximum(self._fit.preconditioner.springs(stored, curvature), np.finfo(float).tiny)
            self._of.update(zip(missing, found.tolist(), strict=True))
        return np.array([self._of[row] for row in rows.tolist()])

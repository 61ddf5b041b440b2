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

from .._typing import FloatArray

_HALVINGS = 16


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

    @property
    def force(self) -> FloatArray:
        """What the gradient gains in the direction of each row."""
        return self.after(self.eta)

    def after(self, eta: FloatArray) -> FloatArray:
        """What the gradient gains where the rows have log-odds ``eta``, less what their losses pulled before."""
        return np.asarray(self.weights * (expit(eta) - self.codes) - self.now)

    def share(self, spring: FloatArray) -> FloatArray:
        """How far each row goes, as a share in (0, 1] of ``-spring force``: its own loss holds it back; (m,).

        Cost: sixteen passes over m numbers.
        """
        force = self.force
        reach, forward = spring * force, np.sign(force)
        low, high = np.zeros_like(force), np.ones_like(force)
        for _ in range(_HALVINGS):
            share = 0.5 * (low + high)
            before = forward * (self.after(self.eta - share * reach) - share * force) > 0
            low, high = np.where(before, share, low), np.where(before, high, share)
        return high

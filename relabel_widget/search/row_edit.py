"""How far one row moves when its own label changes and everything else answers linearly: its own response.

A row i with log-odds eta sees the other rows and the penalty as a spring: without its own loss a force f moves it by
``h_i f``, where ``h_i = x_i . (H - d_i x_i x_i')^-1 x_i`` is its *leave-one-out leverage*. Its edit changes the
derivative of its loss from ``now`` to ``after(eta + x)``, and it comes to rest where
``x / h_i + after_i(eta + x) - now_i = 0``. That is exact for one row and a quadratic rest; for removal it is the
leave-one-out formula. It is most of what a first-order effect misses where a row has much leverage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IntArray
from ..fits import Fit
from ..problem import LOGISTIC, Loss

_PAIR_STEPS = 4  # of Newton's method from where each row would go alone: later steps hardly move
_MOST_COUPLED = 0.95  # as a correlation: the coupling is an estimate, as leverages are
_LEAST_LEFT = 1e-2  # of 1 - leverage, for the same reason
_NO_FEATURES = 1e-30  # instead of the leverage, or the curvature, of a row that has none


@dataclass(frozen=True, eq=False)
class RowEdits:
    """Edits of rows, each made or taken back; every array (m,).

    ``eta`` are the rows' log-odds, ``now`` the derivatives of their losses there; ``weights`` and ``signs`` are those
    of their losses afterwards: weight 0 for a row that is left out.
    """

    eta: FloatArray
    now: FloatArray
    weights: FloatArray
    signs: FloatArray
    loss: Loss = LOGISTIC

    def take(self, places: IntArray) -> RowEdits:
        """The edits at these places, in their shape."""
        return RowEdits(self.eta[places], self.now[places], self.weights[places], self.signs[places], self.loss)

    def moved(self, by: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What the gradient has gained once the rows have moved so far, and the curvature of their losses there."""
        eta = self.eta + by
        gained = self.loss.slopes(eta, self.signs, self.weights) - self.now
        return gained, self.loss.bends(eta, self.weights, self.signs)

    @property
    def force(self) -> FloatArray:
        """What the gradient gains in the direction of each row."""
        return self.loss.slopes(self.eta, self.signs, self.weights) - self.now

    def share(self, leverage: FloatArray) -> FloatArray:
        """How far each row goes, as a share in (0, 1] of ``-leverage force``: its own loss holds it back; (m,).

        ``leverage`` (m,) is leave-one-out.
        """
        return self.loss.shares(self.eta, self.signs, self.weights, self.now, leverage)


@dataclass(frozen=True, eq=False)
class CoupledEdits:
    """Edits of rows that see each other through ``H^-1``.

    ``edits`` of m rows; ``leverage`` (m,) is ``x_i . H^-1 x_i``, ``curvature`` (m,) that of each row in H.
    """

    edits: RowEdits
    leverage: FloatArray
    curvature: FloatArray

    @classmethod
    def of(cls, edits: RowEdits, leverage: FloatArray, curvature: FloatArray) -> CoupledEdits:
        """With leverages that are estimates: held where each row keeps something of its own."""
        largest = (1.0 - _LEAST_LEFT) / np.maximum(curvature, _NO_FEATURES)
        return cls(edits, np.clip(leverage, _NO_FEATURES, largest), curvature)

    def pulls(self, pairs: IntArray, coupling: FloatArray) -> FloatArray:
        """How much each row's loss derivative changes, less what its curvature in H accounts for; (2, k).

        ``pairs`` (2, k) are places of rows, ``coupling`` (k,) is ``x_i . H^-1 x_j``.
        """
        leave_one_out = self.leverage / (1.0 - self.curvature * self.leverage)
        alone = -self.edits.share(leave_one_out) * leave_one_out * self.edits.force
        both = CoupledEdits(self.edits.take(pairs), self.leverage[pairs], self.curvature[pairs])
        moves = both.pair_moves(alone[pairs], coupling)
        return both.edits.moved(moves)[0] - both.curvature * moves

    def pair_moves(self, alone: FloatArray, coupling: FloatArray) -> FloatArray:
        """How far two rows go that are edited at once; all arrays (2, k), a column for each pair, coupling (k,).

        ``alone`` is how far each row would go by itself. With G the 2 x 2 matrix of ``x_i . H^-1 x_j`` and D the
        diagonal one of the curvatures, they rest where ``(G^-1 - D) x + after(eta + x) - now = 0``. A few steps of
        Newton's method from ``alone``, unguarded: what comes of them ranks pairs and decides nothing.
        """
        held = self.leverage * self.curvature
        room = (1.0 - held).prod(axis=0) / np.maximum(held.prod(axis=0), np.finfo(float).tiny)
        most = _MOST_COUPLED * np.sqrt(np.clip(room, 0.0, 1.0))  # beyond, G^-1 - D would have no inverse
        scale = np.sqrt(self.leverage.prod(axis=0))
        rho = np.clip(coupling / scale, -most, most)
        stiff = 1.0 / (self.leverage * (1.0 - np.square(rho))) - self.curvature
        cross = -rho / (scale * (1.0 - np.square(rho)))
        x = alone
        for _ in range(_PAIR_STEPS):
            force, bend = self.edits.moved(x)
            force = force + stiff * x + cross * x[::-1]
            bend = bend + stiff
            x = x - (bend[::-1] * force - cross * force[::-1]) / (bend.prod(axis=0) - np.square(cross))
        return x


class Leverages:
    """Leave-one-out leverages of rows, estimated by the preconditioner at the fit, whatever the query, and kept."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self._of: dict[int, float] = {}

    def of(self, rows: IntArray) -> FloatArray:
        """(len(rows),). Cost: a pass over the stored values of the rows that are new."""
        missing = [row for row in rows.tolist() if row not in self._of]
        if missing:
            new = np.array(missing)
            stored, curvature = self._fit.problem.design.take(new), self._fit.hessian.curvature[new]
            found = np.maximum(self._fit.preconditioner.loo_leverages(stored, curvature), np.finfo(float).tiny)
            self._of.update(zip(missing, found.tolist(), strict=True))
        return np.array([self._of[row] for row in rows.tolist()])

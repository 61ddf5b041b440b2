"""The penalised logistic problem, stated in the log-odds eta."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from .._typing import FloatArray, IntArray
from ..design import Design
from ..vectors import dot, row_by_row
from .hessian import Hessian, eta_of
from .labels import Labels

Edit: TypeAlias = Literal["relabel", "remove"]


def _less_likely(eta: FloatArray) -> FloatArray:
    """The probability of the less likely class at these log-odds; ``expit`` is four times as slow."""
    less = np.abs(eta)
    np.exp(np.negative(less, out=less), out=less)
    less /= 1.0 + less
    return less


def _slopes(eta: FloatArray, signs: FloatArray, weights: FloatArray) -> FloatArray:
    wrong = signs * eta <= 0
    slope = _less_likely(eta)
    np.abs(np.subtract(wrong, slope, out=slope), out=slope)  # |y - p| without cancellation
    slope *= signs
    slope *= weights
    return np.negative(slope, out=slope)


def _bends(eta: FloatArray, weights: FloatArray) -> FloatArray:
    less = _less_likely(eta)
    bend = 1.0 - less
    bend *= less
    bend *= weights
    return bend


def _by_rows(f: Callable[..., FloatArray], eta: FloatArray, *given: FloatArray) -> FloatArray:
    """``f(eta, *given)`` for log-odds (n_rows,) or (m, n_rows)."""
    return row_by_row(f, eta, *given) if eta.ndim == 1 else f(eta, *given)


@dataclass(frozen=True, eq=False)
class Problem:
    """``sum_i weights_i * (log(1 + exp(eta_i)) - y_i eta_i) + l2/2 |coef|^2 + intercept_l2/2 intercept^2``.

    ``eta = X coef + intercept``; y in {0, 1}; parameters are one vector ``theta``, coefficients first and the
    intercept, if any, last. ``l2 = 1/C`` in scikit-learn's terms; ``intercept_l2`` is 0 except for
    liblinear, which penalises the intercept like a coefficient.
    """

    design: Design
    labels: Labels
    weights: FloatArray
    l2: float
    has_intercept: bool = True
    intercept_l2: float = 0.0

    @property
    def n_params(self) -> int:
        """Length of theta."""
        return self.design.n_features + self.has_intercept

    @cached_property
    def penalty(self) -> FloatArray:
        """The L2 weight of each parameter, shape (n_params,)."""
        penalty = np.full(self.n_params, self.l2)
        if self.has_intercept:
            penalty[-1] = self.intercept_l2
        return penalty

    @cached_property
    def decrement_scale(self) -> float:
        """The typical size of the Newton decrement far from a minimiser, whatever the units of the columns.

        ``sqrt(sum_i weights_i)``: at log-odds of 0 it is at most this.
        """
        return float(np.sqrt(self.weights.sum()))

    def root(self, theta: FloatArray, eta: FloatArray) -> float:
        """The square root of the objective, to which tolerances of the Newton decrement are relative; never 0."""
        return float(np.sqrt(max(self.objective(theta, eta), np.finfo(float).tiny)))

    @cached_property
    def gradient_scale(self) -> float:
        """The typical size of a gradient far from a minimiser: ``|weights X|_F / 2``."""
        squares = np.square(self.weights)
        return 0.5 * float(np.sqrt(self.design.weighted_square_sum(squares).sum() + self.has_intercept * squares.sum()))

    def eta(self, theta: FloatArray) -> FloatArray:
        """Log-odds of the training rows, shape (n_rows,). Cost: one product with X."""
        return self.extended_matvec(self.design, theta)

    def extended_matvec(self, design: Design, theta: FloatArray) -> FloatArray:
        """``[X, 1] theta`` (or ``X theta`` without intercept) for any rows, theta (n_params,) or (n_params, m)."""
        if theta.ndim == 1:
            return eta_of(design, theta, self.has_intercept)
        if not self.has_intercept:
            return design.matmat(theta)
        out = design.matmat(theta[:-1])
        out += theta[-1]
        return out

    def extended_rmatvec(self, u: FloatArray) -> FloatArray:
        """``[X, 1]' u`` for the training rows, u (n_rows,) to (n_params,)."""
        out = self.design.rmatvec(u)
        return np.append(out, u.sum()) if self.has_intercept else out

    def extended_rmatvec_of(self, rows: IntArray, u: FloatArray) -> FloatArray:
        """``[X, 1]' u`` for some training rows, u (len(rows),) to (n_params,). Cost: only those rows."""
        if not len(rows):
            return np.zeros(self.n_params)
        out = self.design.take(rows).rmatvec(u)
        return np.append(out, u.sum()) if self.has_intercept else out

    def extended_rmatmat(self, u: FloatArray) -> FloatArray:
        """``[X, 1]' U``, (n_rows, m) to (n_params, m)."""
        out = self.design.rmatmat(u)
        return np.vstack([out, u.sum(axis=0)]) if self.has_intercept else out

    def extended_rows(self, design: Design) -> FloatArray:
        """Rows with the intercept's one appended, as columns: shape (n_params, design.n_rows), dense."""
        columns = design.to_dense().T
        return (
            np.vstack([columns, np.ones((1, design.n_rows))]) if self.has_intercept else np.ascontiguousarray(columns)
        )

    def loss(self, eta: FloatArray) -> float:
        """The weighted log-loss, summed over rows. Finite for any finite eta."""
        losses = np.abs(eta)  # log1p(exp(.)) takes a seventh of the time of logaddexp
        np.negative(losses, out=losses)
        np.log1p(np.exp(losses, out=losses), out=losses)
        against = self.labels.signs * eta
        np.negative(against, out=against)
        losses += np.maximum(against, 0.0, out=against)
        return dot(self.weights, losses)

    def dloss(self, eta: FloatArray) -> FloatArray:
        """Derivative of the loss with respect to each eta_i: ``weights_i (p_i - y_i)``, (n_rows,) or (m, n_rows)."""
        return _by_rows(_slopes, eta, self.labels.signs, self.weights)

    def d2loss(self, eta: FloatArray) -> FloatArray:
        """Second derivative: ``weights_i p_i (1 - p_i)``, shape as `dloss`."""
        return _by_rows(_bends, eta, self.weights)

    def objective(self, theta: FloatArray, eta: FloatArray) -> float:
        """The objective at theta, whose log-odds are eta."""
        return self.loss(eta) + 0.5 * dot(self.penalty, np.square(theta))

    def gradient(self, theta: FloatArray, slopes: FloatArray) -> FloatArray:
        """Gradient in theta, shape (n_params,), given `dloss`. Cost: one product with X'."""
        return self.extended_rmatvec(slopes) + self.penalty * theta

    def hessian(self, eta: FloatArray) -> Hessian:
        """The Hessian at log-odds eta; it does not depend on the labels."""
        return Hessian(self.design, self.d2loss(eta), self.penalty, self.has_intercept)

    def force(self, eta: FloatArray, edit: Edit) -> FloatArray:
        """The force of editing each row: the gradient gains ``force_i x_i`` when row i is edited.

        Relabelling: ``weights_i (2 y_i - 1)``, independent of eta. Removal: ``weights_i (y_i - p_i)``. Shape (n_rows,).
        The change of a query's log-odds is then ``-force_i x_i . H^-1 x`` to first order.
        """
        return self.weights * self.labels.signs if edit == "relabel" else -self.dloss(eta)

    def edited(self, rows: IntArray, edit: Edit) -> Problem:
        """This problem with the given distinct rows relabelled, or left out (weight 0)."""
        if edit == "relabel":
            return replace(self, labels=self.labels.swap(rows))
        weights = self.weights.copy()
        weights[rows] = 0.0
        return replace(self, weights=weights)

    @cached_property
    def class_weights(self) -> tuple[float, float]:
        """Total weight of each class; a minimiser with a free intercept exists if both are positive."""
        # each class separately: the total minus the other's may round to a tiny number instead of 0
        ones = self.labels.codes == 1
        return float(self.weights[~ones].sum()), float(self.weights[ones].sum())

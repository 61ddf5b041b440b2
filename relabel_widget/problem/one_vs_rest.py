"""K problems of two classes on one X, each class against the rest; the largest decision is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

from .._typing import CodeArray, FloatArray, IntArray
from .hessian import Hessian
from .label_weights import RestWeights
from .multinomial import MultinomialProblem, TableHessian, product, transposed_product
from .problem import Edit


def shares(log_odds: FloatArray) -> FloatArray:
    """Probabilities of classes from log-odds against the rest, divided by their sum; (m, n_classes), both."""
    against = expit(log_odds)
    total = against.sum(axis=1, keepdims=True)
    # all classes may be as good as impossible: the sum underflows, and the nearest class takes it all
    nearest = log_odds == log_odds.max(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, against / np.where(total > 0, total, 1.0), nearest))


@dataclass(frozen=True, eq=False)
class RestHessian(TableHessian):
    """The K Hessians of two classes as one, without a part that joins classes; ``curvature`` is (n_rows * K,)."""

    classes: int

    @property
    def n_classes(self) -> int:
        """K."""
        return self.classes

    def matvec_from(self, v: FloatArray, eta_direction: FloatArray) -> FloatArray:  # noqa: D102 - as in Hessian
        u = (self.curvature * eta_direction).reshape(-1, self.classes)
        return self.penalty * v + transposed_product(self.design, u, self.has_intercept).ravel()

    def matmat(self, v: FloatArray) -> FloatArray:  # noqa: D102
        width = self.classes * v.shape[1]
        moved = product(self.design, v.reshape(-1, width), self.has_intercept).reshape(-1, v.shape[1])
        moved *= self.curvature[:, None]
        pushed = transposed_product(self.design, moved.reshape(-1, width), self.has_intercept)
        return self.penalty[:, None] * v + pushed.reshape(v.shape)

    def energies(self, moved: FloatArray) -> FloatArray:
        """As for two classes, summed over classes."""
        return np.asarray(Hessian.energies(self, moved).reshape(-1, self.classes).sum(axis=1))


@dataclass(frozen=True, eq=False)
class OneVsRestProblem(MultinomialProblem):
    """``sum_ik weights_i loss(s_ik eta_ik) + l2/2 |coef|^2 + intercept_l2/2 |intercept|^2``, K problems of two classes.

    ``s_ik`` is 1 if y_i = k, else -1; the loss is ``row_loss``. Vectors and edits are those of `MultinomialProblem`.
    Relabelling row i from a to b swaps it in the problems of a and of b, and in no other. Where weights follow the
    label, ``label_weights`` is a `RestWeights`, and ``weights`` are those that stay with the rows.
    """

    @cached_property
    def penalty(self) -> FloatArray:  # noqa: D102 - as in Problem
        penalty = np.full(self.n_params, self.l2)
        if self.has_intercept:
            penalty[-self.n_classes :] = self.intercept_l2
        return penalty

    def intercept(self, theta: FloatArray) -> FloatArray:
        """Intercepts, shape (K,); all 0 if the model has none."""
        return super().intercept(theta)

    def theta_of(self, coef: FloatArray, intercept: FloatArray) -> FloatArray:
        """The parameters, (n_params,), of coefficients (K, n_features) and intercepts (K,)."""
        return np.asarray(np.vstack([coef.T, intercept]) if self.has_intercept else coef.T).ravel()

    def proba(self, decision: FloatArray) -> FloatArray:
        """Probabilities, (m, K), those of each class against the rest divided by their sum; see `Problem.proba`."""
        return shares(decision)

    # the objective

    @cached_property
    def _signs(self) -> FloatArray:
        return self.signs_of(self.labels.codes)

    def signs_of(self, codes: CodeArray) -> FloatArray:
        """1 in the problem of each row's class, -1 in all others; (len(codes), K)."""
        signs = np.full((len(codes), self.n_classes), -1.0)
        signs[np.arange(len(codes)), codes] = 1.0
        return signs

    @cached_property
    def _row_weights(self) -> FloatArray:
        """Of each row in each problem: (n_rows, K), or (n_rows, 1) where all are the same."""
        return self.weights_as(np.arange(len(self.weights)), self.labels.codes)

    def weights_as(self, rows: IntArray, codes: CodeArray) -> FloatArray:
        """The weights of rows with these codes in each problem, all others as they are: (len(rows), K), or 1 column."""
        weights = self.weights[rows, None]
        return weights if self._table_of_weights is None else np.asarray(weights * self._table_of_weights[codes])

    @cached_property
    def _table_of_weights(self) -> FloatArray | None:
        if self.label_weights is None:
            return None
        assert isinstance(self.label_weights, RestWeights)
        return self.label_weights.table(self.labels.codes)

    def slopes_as(self, eta: FloatArray, rows: IntArray, codes: CodeArray) -> FloatArray:
        """The derivatives of rows' losses at eta, (len(rows), K), if they had these codes."""
        return self.row_loss.slopes(eta, self.signs_of(codes), self.weights_as(rows, codes))

    def loss(self, eta: FloatArray) -> float:  # noqa: D102
        return self.row_loss.total(self._table(eta), self._signs, self._row_weights)

    def dloss(self, eta: FloatArray) -> FloatArray:
        """Derivative of the loss in each eta_ik, flat."""
        return self.row_loss.slopes(self._table(eta), self._signs, self._row_weights).ravel()

    def d2loss(self, eta: FloatArray) -> FloatArray:
        """Second derivatives, flat."""
        signs = None if self.row_loss.symmetric else self._signs
        return self.row_loss.bends(self._table(eta), self._row_weights, signs).ravel()

    def hessian(self, eta: FloatArray) -> RestHessian:  # type: ignore[override]  # noqa: D102
        return RestHessian(self.design, self.d2loss(eta), self.penalty, self.has_intercept, self.n_classes)

    # edits

    def pulls(self, eta: FloatArray, eta_direction: FloatArray, edit: Edit) -> FloatArray:
        """What each edit moves a functional by, times -1, to first order; (n_rows * K,), by the number of the edit."""
        moved = self._table(eta_direction)
        if edit == "remove":
            return np.repeat(np.einsum("ik,ik->i", self.force(eta, "remove"), moved), self.n_classes)
        table = self._pushed(self._table(eta), moved)
        own = table[np.arange(len(table)), self.labels.codes]
        return np.asarray(table - own[:, None]).ravel()

    def _pushed(self, eta: FloatArray, moved: FloatArray) -> FloatArray:
        """``sum_k slope_ik moved_ik`` of each row for each code that it might have, (n_rows, K)."""
        outside = self.row_loss.slopes(eta, -np.ones_like(eta), np.ones((1, 1))) * moved
        inside = self.row_loss.slopes(eta, np.ones_like(eta), np.ones((1, 1))) * moved
        weights = self._table_of_weights
        if weights is None:
            table = inside - outside
            table += np.einsum("ik->i", outside)[:, None]
        else:
            table = outside @ weights.T + np.diag(weights) * (inside - outside)
        return np.asarray(self.weights[:, None] * table)

    def pushes(self, eta: FloatArray, edits: IntArray, edit: Edit, factor: FloatArray) -> FloatArray:
        """As for two classes, (len(edits), n_features + 1)."""
        rows, new = np.divmod(edits, self.n_classes)
        if edit == "remove":
            force = self.force(eta, "remove")[rows]
        else:
            of_rows, own = self._table(eta)[rows], self.labels.codes[rows]
            force = self.slopes_as(of_rows, rows, new) - self.slopes_as(of_rows, rows, own)
        return np.asarray(force @ self._table(factor).T)

    def influence(self, eta: FloatArray, eta_directions: FloatArray, edit: Edit) -> FloatArray:
        """As of `MultinomialProblem`."""
        columns = np.ascontiguousarray(eta_directions.T)
        pulls = [self.pulls(eta, column, edit).reshape(-1, self.n_classes) for column in columns]
        return -np.stack([each[:, 0] if edit == "remove" else each for each in pulls])

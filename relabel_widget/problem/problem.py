"""The penalised problem of two classes, stated in the log-odds eta."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from scipy.special import expit

from .._typing import AnyArray, CodeArray, FloatArray, IntArray
from ..design import Design
from ..vectors import dot, row_by_row
from .hessian import Hessian, eta_of
from .label_weights import LabelWeights
from .labels import Labels
from .losses import LOGISTIC, Loss

Edit: TypeAlias = Literal["relabel", "remove"]


def _by_rows(f: Callable[..., FloatArray], eta: FloatArray, *given: FloatArray) -> FloatArray:
    """``f(eta, *given)`` for log-odds (n_rows,) or (m, n_rows)."""
    return row_by_row(f, eta, *given) if eta.ndim == 1 else f(eta, *given)


@dataclass(frozen=True, eq=False)
class Problem:
    """``sum_i weights_i * loss((2 y_i - 1) eta_i) + l2/2 |coef|^2 + intercept_l2/2 intercept^2``.

    ``eta = X coef + intercept``; y in {0, 1}; the loss, logistic by default, is ``row_loss``. Parameters are one vector
    ``theta``, coefficients first and the intercept, if any, last. ``l2 = 1/C`` in scikit-learn's terms;
    ``intercept_l2`` is 0 except for liblinear, which penalises the intercept like a coefficient. ``label_weights`` says
    how ``weights`` follow from the labels; None where they stay with the rows. With any loss eta is called log-odds: a
    number whose sign is the prediction.
    """

    design: Design
    labels: Labels
    weights: FloatArray
    l2: float
    has_intercept: bool = True
    intercept_l2: float = 0.0
    label_weights: LabelWeights | None = None
    row_loss: Loss = LOGISTIC

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return 2

    @property
    def n_params(self) -> int:
        """Length of theta."""
        return self.design.n_features + self.has_intercept

    # what the parameters mean

    def coef(self, theta: FloatArray) -> FloatArray:
        """Coefficients, shape (n_features,)."""
        return theta[:-1] if self.has_intercept else theta

    def intercept(self, theta: FloatArray) -> Any:
        """The intercept; 0.0 if the model has none."""
        return float(theta[-1]) if self.has_intercept else 0.0

    def decision(self, design: Design, theta: FloatArray) -> FloatArray:
        """Log-odds of ``classes[1]`` of any rows, shape (m,)."""
        return self.extended_matvec(design, theta)

    def proba(self, decision: FloatArray) -> FloatArray:
        """Probabilities of ``classes[1]`` from log-odds, (m,).

        Other losses than the logistic have none: the same function of their decision says where it stands between the
        classes, and is .5 where the prediction changes.
        """
        return np.asarray(expit(decision))

    def predicted(self, decision: FloatArray, threshold_logit: float = 0.0) -> IntArray:
        """Codes of the predicted classes, (m,)."""
        return (decision > threshold_logit).astype(np.int64)

    def predicted_rows(self, eta: FloatArray, threshold_logit: float = 0.0) -> IntArray:
        """Codes of the predicted classes of the training rows, (n_rows,), from their ``eta``."""
        return self.predicted(eta, threshold_logit)

    # the objective

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
        """The weighted loss, summed over rows. Finite for any finite eta."""
        return self.row_loss.total(eta, self.labels.signs, self.weights)

    def dloss(self, eta: FloatArray) -> FloatArray:
        """Derivative of the loss with respect to each eta_i: logistic ``weights_i (p_i - y_i)``, (n_rows,) or
        (m, n_rows).
        """  # noqa: D205
        return _by_rows(self.row_loss.slopes, eta, self.labels.signs, self.weights)

    def d2loss(self, eta: FloatArray) -> FloatArray:
        """Second derivative: logistic ``weights_i p_i (1 - p_i)``, shape as `dloss`."""
        if self.row_loss.symmetric:
            return _by_rows(self.row_loss.bends, eta, self.weights)
        return _by_rows(self.row_loss.bends, eta, self.weights, self.labels.signs)

    def objective(self, theta: FloatArray, eta: FloatArray) -> float:
        """The objective at theta, whose log-odds are eta."""
        return self.loss(eta) + 0.5 * dot(self.penalty, np.square(theta))

    def gradient(self, theta: FloatArray, slopes: FloatArray) -> FloatArray:
        """Gradient in theta, shape (n_params,), given `dloss`. Cost: one product with X'."""
        return self.extended_rmatvec(slopes) + self.penalty * theta

    def hessian(self, eta: FloatArray) -> Hessian:
        """The Hessian at log-odds eta; with the logistic loss it does not depend on the labels."""
        return Hessian(self.design, self.d2loss(eta), self.penalty, self.has_intercept)

    def force(self, eta: FloatArray, edit: Edit) -> FloatArray:
        """The force of editing each row: the gradient gains ``force_i x_i`` when row i is edited.

        Relabelling: logistic ``weights_i (2 y_i - 1)``, which depends on eta where the row's weight changes with its
        label, or the loss has no `Loss.tilt`; what that does to other rows is left out. Removal: ``weights_i
        (y_i - p_i)``. Shape (n_rows,). The change of a query's log-odds is then ``-force_i x_i . H^-1 x`` to first
        order.
        """
        if edit == "remove":
            return -self.dloss(eta)
        tilt, signs = self.row_loss.tilt, self.labels.signs
        if self.label_weights is None and tilt is not None:
            force = self.weights * signs
            return force if tilt == 1.0 else tilt * force
        after = self.weights_of(np.arange(len(signs)), 1 - self.labels.codes)
        return self.row_loss.slopes(eta, -signs, after) - self.dloss(eta)

    def weights_of(self, rows: IntArray, codes: CodeArray) -> FloatArray:
        """The weights that rows have, or would have, with these codes and all others as they are; (len(rows),)."""
        if self.label_weights is None:
            return self.weights[rows]
        return np.asarray(self.label_weights.base[rows] * self._per_class[codes])

    @cached_property
    def _per_class(self) -> FloatArray:
        assert self.label_weights is not None
        return self.label_weights.per_class(self.labels.codes)

    @property
    def effects_add_up(self) -> bool:
        """Whether relabelling rows moves parameters by sums of what each row does: the Hessian never changes."""
        return self.row_loss.quadratic and self.label_weights is None

    @property
    def edits_are_local(self) -> bool:
        """Whether an edit changes its own row's loss alone."""
        return self.label_weights is None or not self.label_weights.balanced

    def pulls(self, eta: FloatArray, eta_direction: FloatArray, edit: Edit) -> FloatArray:
        """What each edit moves a functional by, times -1, to first order: ``force_i eta_direction_i``, (n_rows,).

        ``eta_direction`` (n_rows,) is ``[X, 1] H^-1 functional``.
        """
        pulls = self.force(eta, edit)
        pulls *= eta_direction
        return pulls

    def functionals(self, queries: Design, theta: FloatArray, after: FloatArray | None = None) -> FloatArray:  # noqa: ARG002
        """What influence on queries is measured by, (n_params, m): the log-odds of ``classes[1]``."""
        return self.extended_rows(queries)

    def pushes(self, eta: FloatArray, edits: IntArray, edit: Edit, factor: FloatArray) -> FloatArray:
        """What edits' forces make of a factor: ``x_i . pushes_i`` are their `pulls`; (len(edits), n_params)."""
        return np.asarray(self.force(eta, edit)[edits, None] * factor)

    def influence(self, eta: FloatArray, eta_directions: FloatArray, edit: Edit) -> FloatArray:
        """What edits move m functionals by, to first order, (m, n_rows); uses up ``eta_directions`` (n_rows, m)."""
        eta_directions *= -self.force(eta, edit)[:, None]
        return eta_directions.T

    # Edits are numbers: with two classes, that of the row. Problems of several classes have one for each new label.

    def edits_of(self, rows: IntArray, edit: Edit, codes: IntArray | None = None) -> IntArray:
        """The edits that relabel the rows, or leave them out; with codes, of those rows that have another one."""
        return rows if codes is None or edit == "remove" else rows[codes != self.labels.codes[rows]]

    def all_edits(self, rows: IntArray, edit: Edit, allowed: IntArray | None = None) -> IntArray:  # noqa: ARG002
        """Every edit of each of these rows; with several classes, to each other label, or to each of allowed codes."""
        return rows

    def rows_of(self, edits: IntArray) -> IntArray:
        """The rows that are edited."""
        return edits

    def best_edits(
        self,
        rows: IntArray,
        gains: FloatArray,  # noqa: ARG002
        edit: Edit,  # noqa: ARG002
        allowed: IntArray | None,  # noqa: ARG002
        made: IntArray | None,  # noqa: ARG002
    ) -> IntArray:
        """The best edit of each row: the only one."""
        return rows

    def new_labels(self, edits: IntArray, edit: Edit) -> AnyArray:
        """The label that each of these edits gives; for removals the row's own."""
        codes = self.labels.swap(edits).codes if edit == "relabel" else self.labels.codes
        return self.labels.decode(codes[edits])

    @cached_property
    def _class_sizes(self) -> IntArray:
        """Rows of each class that count."""
        return np.bincount(self.labels.codes[self.weights > 0], minlength=2)

    def last_of_their_class(self, edits: IntArray, edit: Edit) -> IntArray:
        """Those of the edits, in their order, whose row's class has no other rows and gets none; mostly none."""
        codes = self.labels.codes[edits]
        ones = int(np.count_nonzero(codes))
        leaving = (len(codes) - ones, ones)
        for code in (0, 1):
            arriving = leaving[1 - code] if edit == "relabel" else 0
            if leaving[code] == self._class_sizes[code] and not arriving:
                return np.asarray(edits[codes == code])
        return edits[:0]

    def reach(self, functional: FloatArray) -> float:
        """How far from 0 a functional can be at the minimiser for any labels whatever; infinite with a free intercept.

        Without one every minimiser is ``theta = -P^-1 sum_i s_i slope_i x_i``, P the penalties, and slopes are bounded,
        logistic ones by 1: the value stays within ``sum_i s_i |x_i . P^-1 x|`` times that of 0.
        """
        if not self.penalty.all() or self.label_weights is not None or np.isinf(self.row_loss.steepest):
            return np.inf
        return self.row_loss.steepest * float(self.weights @ np.abs(self.eta(functional / self.penalty)))

    def edited(self, rows: IntArray, edit: Edit) -> Problem:
        """This problem with the given distinct rows relabelled, or left out (weight 0)."""
        return self._with_labels(self.labels.swap(rows)) if edit == "relabel" else self._without(rows)

    def _with_labels(self, labels: Labels) -> Self:
        if self.label_weights is None:
            return replace(self, labels=labels)
        return replace(self, labels=labels, weights=self.label_weights.of(labels.codes))

    def _without(self, rows: IntArray) -> Self:
        if self.label_weights is not None:
            left = self.label_weights.without(rows)
            return replace(self, weights=left.of(self.labels.codes), label_weights=left)
        weights = self.weights.copy()
        weights[rows] = 0.0
        return replace(self, weights=weights)

    @cached_property
    def class_weights(self) -> tuple[float, ...]:
        """Total weight of each class; a minimiser with a free intercept exists if all are positive."""
        # each class separately: the total minus the other's may round to a tiny number instead of 0
        ones = self.labels.codes == 1
        return float(self.weights[~ones].sum()), float(self.weights[ones].sum())

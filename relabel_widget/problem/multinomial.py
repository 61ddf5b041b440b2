"""The penalised multinomial problem: the softmax loss of K classes, stated in the log-odds eta."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._typing import AnyArray, CodeArray, FloatArray, IntArray
from ..design import Design
from ..vectors import dot
from .hessian import Hessian
from .problem import Edit, Problem


def softmax(eta: FloatArray) -> FloatArray:
    """Probabilities of classes, (m, K), from log-odds (m, K); finite for any finite ones."""
    p = eta - _largest(eta)[:, None]
    np.exp(p, out=p)
    p /= _row_sums(p)[:, None]
    return p


def slopes(p: FloatArray, codes: CodeArray, weights: FloatArray) -> FloatArray:
    """``weights_i (p_ik - [k = code_i])``, (m, K): derivatives of the losses of rows with these codes."""
    out = p.copy()
    out[np.arange(len(out)), codes] -= 1.0
    out *= weights[:, None]
    return out


def _largest(table: FloatArray) -> FloatArray:
    """The largest of each row, (m,): a pass for each column, a fifth of the time that ``max(axis=1)`` takes."""
    out = table[:, 0].copy()
    for column in table.T[1:]:
        np.maximum(out, column, out=out)
    return out


def _row_sums(table: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("ik->i", table))


@dataclass(frozen=True, eq=False)
class TableHessian(Hessian):
    """One of several classes: it acts on vectors that are tables (n_features + 1, K) row by row.

    ``curvature`` (n_rows * K,) is the diagonal of the rows' K x K blocks.
    """

    @property
    @abstractmethod
    def n_classes(self) -> int:
        """K."""

    def matvec(self, v: FloatArray, eta_direction: FloatArray | None = None) -> FloatArray:  # noqa: D102 - as in Hessian
        moved = self.eta(v)
        if eta_direction is not None:
            eta_direction[:] = moved
        return self.matvec_from(v, moved)

    def eta(self, v: FloatArray) -> FloatArray:  # noqa: D102
        return product(self.design, v.reshape(-1, self.n_classes), self.has_intercept).ravel()

    def of_classes(self) -> list[Hessian]:
        """The diagonal blocks: each class's Hessian with all others held fixed, (n_features + 1,) square."""
        curvature = self.curvature.reshape(-1, self.n_classes)
        penalty = np.ascontiguousarray(self.penalty.reshape(-1, self.n_classes)[:, 0])
        return [
            Hessian(self.design, np.ascontiguousarray(column), penalty, self.has_intercept) for column in curvature.T
        ]

    def diagonal(self) -> FloatArray:  # noqa: D102
        return np.column_stack([each.diagonal() for each in self.of_classes()]).ravel()


@dataclass(frozen=True, eq=False)
class MultinomialHessian(TableHessian):
    """``sum_i [x_i, 1]' [x_i, 1] (x) weights_i (diag(p_i) - p_i p_i') + diag(penalty)``, (x) the Kronecker product.

    It acts on vectors that are tables (n_features + 1, K) row by row, as `MultinomialProblem` has them; a table whose
    columns are all the same is not curved, but by the penalty. ``probabilities`` (n_rows, K), ``weights`` (n_rows,);
    ``curvature`` (n_rows * K,) is the diagonal of the rows' blocks, ``weights_i p_ik (1 - p_ik)``. The blocks, K x K a
    row, are never made: a product costs one with X, one with X', each with K columns.
    """

    probabilities: FloatArray
    weights: FloatArray

    @classmethod
    def of(
        cls, design: Design, probabilities: FloatArray, weights: FloatArray, penalty: FloatArray, has_intercept: bool
    ) -> MultinomialHessian:
        """The Hessian where the rows have these probabilities."""
        curvature = probabilities * (1.0 - probabilities)
        curvature *= weights[:, None]
        return cls(design, curvature.ravel(), penalty, has_intercept, probabilities, weights)

    @property
    def n_classes(self) -> int:
        """K."""
        return int(self.probabilities.shape[1])

    def matvec_from(self, v: FloatArray, eta_direction: FloatArray) -> FloatArray:  # noqa: D102 - as in Hessian
        moved = eta_direction.reshape(-1, self.n_classes)
        u = self.probabilities * moved
        pulled = _row_sums(u)
        u -= self.probabilities * pulled[:, None]
        u *= self.weights[:, None]
        out = self.penalty * v
        n_coef = self.design.n_features * self.n_classes
        out[:n_coef] += self.design.rmatmat(u).ravel()
        if self.has_intercept:
            out[n_coef:] += np.einsum("ik->k", u)
        return out

    def matmat(self, v: FloatArray) -> FloatArray:  # noqa: D102
        n_classes, m = self.n_classes, v.shape[1]
        moved = product(self.design, v.reshape(-1, n_classes * m), self.has_intercept).reshape(-1, n_classes, m)
        pulled = np.einsum("ik,ikc->ic", self.probabilities, moved)
        moved -= pulled[:, None, :]
        moved *= (self.probabilities * self.weights[:, None])[:, :, None]
        pushed = transposed_product(self.design, moved.reshape(-1, n_classes * m), self.has_intercept)
        return self.penalty[:, None] * v + pushed.reshape(v.shape)

    def root(self, a: FloatArray) -> FloatArray:
        """As for two classes: ``diag(p) - p p'`` is ``B B'`` with ``B = diag(sqrt(p)) - p sqrt(p)'``."""
        noise, roots = a.reshape(*self.probabilities.shape, -1), np.sqrt(self.probabilities)
        pulled = np.einsum("ik,ikc->ic", roots, noise)
        out = roots[:, :, None] * noise - self.probabilities[:, :, None] * pulled[:, None]
        out *= np.sqrt(self.weights)[:, None, None]
        return np.asarray(out.reshape(a.shape))

    def energies(self, moved: FloatArray) -> FloatArray:
        """As for two classes, ``weights_i`` times the variance of the move under ``p_i``."""
        moves = moved.reshape(*self.probabilities.shape, -1)
        means = np.einsum("ik,ikc->ic", self.probabilities, moves)
        squares = np.einsum("ik,ikc->i", self.probabilities, np.square(moves)) - np.square(means).sum(axis=1)
        return np.asarray(self.weights * squares / moves.shape[2])

    def with_rows(self, rows: IntArray, probabilities: FloatArray, weights: FloatArray) -> MultinomialHessian:
        """A copy in which some rows have other probabilities, (len(rows), K), and weights."""
        p, w = self.probabilities.copy(), self.weights.copy()
        p[rows], w[rows] = probabilities, weights
        return MultinomialHessian.of(self.design, p, w, self.penalty, self.has_intercept)


def product(design: Design, v: FloatArray, has_intercept: bool) -> FloatArray:
    """``[X, 1] V`` for V (n_features + 1, m), or ``X V`` without intercept; (n_rows, m)."""
    if not has_intercept:
        return design.matmat(v)
    out = design.matmat(np.ascontiguousarray(v[:-1]))
    out += v[-1]
    return out


def transposed_product(design: Design, u: FloatArray, has_intercept: bool) -> FloatArray:
    """``[X, 1]' U`` for U (n_rows, m)."""
    out = design.rmatmat(u)
    return np.vstack([out, np.einsum("ik->k", u)]) if has_intercept else out


@dataclass(frozen=True, eq=False)
class MultinomialProblem(Problem):
    """``sum_i weights_i * (log sum_k exp(eta_ik) - eta_i,y_i) + l2/2 |coef|^2``, y in {0 .. K - 1}.

    ``eta = X coef + intercept``, (n_rows, K). Vectors of parameters are tables (n_features + 1, K) row by row, the
    intercepts last; ``eta`` and what is like it are tables (n_rows, K) row by row: so solvers and searches, which know
    vectors only, take this problem as they take one of two classes. The minimiser is unique but for a constant added
    to all intercepts, and its coefficients sum to zero over classes, as those of every point do that is reached from
    zero by way of the preconditioner (`solver.PerClass`).

    An edit of row i to the class of code b is the number ``i * K + b``; a removal bears the row's own code.
    """

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.labels.classes)

    @property
    def n_params(self) -> int:  # noqa: D102 - as in Problem
        return (self.design.n_features + self.has_intercept) * self.n_classes

    @cached_property
    def penalty(self) -> FloatArray:  # noqa: D102
        penalty = np.full(self.n_params, self.l2)
        if self.has_intercept:
            penalty[-self.n_classes :] = 0.0
        return penalty

    # what the parameters mean

    def coef(self, theta: FloatArray) -> FloatArray:
        """Coefficients, shape (K, n_features)."""
        return self._table(theta)[: self.design.n_features].T

    def intercept(self, theta: FloatArray) -> FloatArray:
        """Intercepts, shape (K,), of mean 0; all 0 if the model has none."""
        return self._table(theta)[-1] if self.has_intercept else np.zeros(self.n_classes)

    def theta_of(self, coef: FloatArray, intercept: FloatArray) -> FloatArray:
        """The parameters, (n_params,), of coefficients (K, n_features) and intercepts (K,), less what is common."""
        table = np.vstack([coef.T, intercept]) if self.has_intercept else coef.T
        return np.asarray(table - table.mean(axis=1, keepdims=True)).ravel()

    def decision(self, design: Design, theta: FloatArray) -> FloatArray:
        """The log-odds of any rows, shape (m, K); of mean 0 over classes."""
        return product(design, self._table(theta), self.has_intercept)

    def proba(self, decision: FloatArray) -> FloatArray:
        """Probabilities, (m, K)."""
        return softmax(decision)

    def predicted(self, decision: FloatArray, threshold_logit: float = 0.0) -> IntArray:  # noqa: ARG002
        """Codes of the likeliest classes, (m,); the first of equal ones."""
        return np.asarray(np.argmax(decision, axis=1))

    def predicted_rows(self, eta: FloatArray, threshold_logit: float = 0.0) -> IntArray:  # noqa: ARG002, D102
        return self.predicted(self._table(eta))

    def functional(self, query: FloatArray, code: int, rival: int) -> FloatArray:
        """What takes parameters to ``eta_code - eta_rival`` of a query, (n_features + 1,): ``(x, -x)``, (n_params,)."""
        out = np.zeros((len(query), self.n_classes))
        out[:, code] = query
        out[:, rival] = -query
        return out.ravel()

    # products

    def extended_matvec(self, design: Design, theta: FloatArray) -> FloatArray:
        """``[X, 1] V`` of any rows: V (n_params,) to (m * K,), or (n_params, c) to (m * K, c)."""
        columns = 1 if theta.ndim == 1 else theta.shape[1]
        out = product(design, theta.reshape(-1, self.n_classes * columns), self.has_intercept)
        return out.reshape(-1, *theta.shape[1:])

    def extended_rmatvec(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return transposed_product(self.design, self._table(u), self.has_intercept).ravel()

    def extended_rmatvec_of(self, rows: IntArray, u: FloatArray) -> FloatArray:
        """``[X, 1]' U`` of some training rows, u (len(rows) * K,) to (n_params,). Cost: those rows alone."""
        if not len(rows):
            return np.zeros(self.n_params)
        return transposed_product(self.design.take(rows), self._table(u), self.has_intercept).ravel()

    def extended_rmatmat(self, u: FloatArray) -> FloatArray:
        """``[X, 1]' U``, (n_rows * K, m) to (n_params, m)."""
        tables = u.reshape(self.design.n_rows, -1)
        return transposed_product(self.design, tables, self.has_intercept).reshape(-1, u.shape[1])

    def _table(self, vector: FloatArray) -> FloatArray:
        return vector.reshape(-1, self.n_classes)

    # the objective

    def loss(self, eta: FloatArray) -> float:  # noqa: D102
        table = self._table(eta)
        largest = _largest(table)
        losses = np.log(_row_sums(np.exp(table - largest[:, None])))
        losses += largest
        losses -= table[np.arange(len(table)), self.labels.codes]
        return dot(self.weights, losses)

    def dloss(self, eta: FloatArray) -> FloatArray:
        """Derivative of the loss in each eta_ik: ``weights_i (p_ik - [k = y_i])``, flat; the K of a row sum to 0."""
        slopes = softmax(self._table(eta))
        own = np.arange(len(slopes)), self.labels.codes
        slopes[own] = 0.0
        slopes[own] = -_row_sums(slopes)  # p - 1 without cancellation
        slopes *= self.weights[:, None]
        return slopes.ravel()

    def d2loss(self, eta: FloatArray) -> FloatArray:
        """The diagonal of the rows' second derivatives, flat, of which the whole is at most twice.

        ``diag(p) - p p'`` is the Laplacian of a graph with degrees ``p_k (1 - p_k)``.
        """
        p = softmax(self._table(eta))
        p *= 1.0 - p
        p *= self.weights[:, None]
        return p.ravel()

    def hessian(self, eta: FloatArray) -> MultinomialHessian:  # noqa: D102
        p = softmax(self._table(eta))
        return MultinomialHessian.of(self.design, p, self.weights, self.penalty, self.has_intercept)

    # edits

    def edits_of(self, rows: IntArray, edit: Edit, codes: IntArray | None = None) -> IntArray:
        """The edits that give rows these labels, or leave them out; rows that have their label already drop out.

        Raises
        ------
        ValueError
            If rows are to be relabelled and no codes are given: with several classes there is no other label.
        """
        own = self.labels.codes[rows].astype(np.int64)
        if edit == "remove":
            return np.asarray(rows * self.n_classes + own)
        if codes is None:
            raise ValueError(
                f"expected labels, the new label of each row: of {self.n_classes} classes, a row may be given "
                f"{self.n_classes - 1} others. Pass labels=..., one of {self.labels.classes.tolist()} for each row."
            )
        changed = codes != own
        return np.asarray(rows[changed] * self.n_classes + codes[changed])

    def all_edits(self, rows: IntArray, edit: Edit, allowed: IntArray | None = None) -> IntArray:  # noqa: D102
        if edit == "remove":
            return self.edits_of(rows, "remove")
        codes = np.arange(self.n_classes) if allowed is None else allowed
        table = rows[:, None] * self.n_classes + codes
        return np.asarray(table[codes != self.labels.codes[rows][:, None]])

    def rows_of(self, edits: IntArray) -> IntArray:  # noqa: D102
        return np.asarray(edits // self.n_classes)

    def edited(self, edits: IntArray, edit: Edit) -> MultinomialProblem:  # noqa: D102
        rows, codes = np.divmod(edits, self.n_classes)
        return self._with_labels(self.labels.relabel(rows, codes)) if edit == "relabel" else self._without(rows)

    def force(self, eta: FloatArray, edit: Edit) -> FloatArray:
        """``weights_i (y_i - p_i)``, (n_rows, K), for removals; relabels depend on the new label: see `pulls`."""
        assert edit == "remove"
        return -self._table(self.dloss(eta))

    def pulls(self, eta: FloatArray, eta_direction: FloatArray, edit: Edit) -> FloatArray:
        """What each edit moves a functional by, times -1, to first order; (n_rows * K,), by the number of the edit.

        ``eta_direction`` (n_rows * K,) is ``[X, 1] H^-1 functional``, V. Relabelling row i from a to b adds
        ``weights_i x_i (e_a - e_b)'`` to the gradient, wherever it is: ``weights_i (V_ia - V_ib)``. Where the weight
        follows the label, w_a to w_b: ``V_i . (w_a (e_a - p_i) - w_b (e_b - p_i))``. Removals, all K the same:
        ``weights_i V_i . (y_i - p_i)``.
        """
        moved = self._table(eta_direction)
        if edit == "remove":
            gains = _row_sums(self.force(eta, "remove") * moved)
            return np.repeat(gains, self.n_classes)
        if self.label_weights is not None:
            moved = moved - _row_sums(softmax(self._table(eta)) * moved)[:, None]
        every = np.arange(len(moved))
        own = self.weights * moved[every, self.labels.codes]
        table = own[:, None] - self._weight_table(every) * moved
        return table.ravel()

    def _weight_table(self, rows: IntArray) -> FloatArray:
        """The weights that rows have with each label: (len(rows), K), or (len(rows), 1) where all are the same."""
        if self.label_weights is None:
            return self.weights[rows, None]
        return np.asarray(self.label_weights.base[rows, None] * self._per_class)

    def functionals(self, queries: Design, theta: FloatArray, after: FloatArray | None = None) -> FloatArray:
        """Of each query the margin between its predicted class and the nearest rival, (n_params, m).

        With other parameters, ``after``, the nearest rival there, which may be the class that is predicted.
        """
        decision = self.decision(queries, theta)
        code = self.predicted(decision)
        there = decision.copy() if after is None else self.decision(queries, after)
        there[np.arange(len(code)), code] = -np.inf
        rivals, extended = there.argmax(axis=1).tolist(), self.extended_rows(queries).T
        pairs = zip(extended, code.tolist(), rivals, strict=True)
        return np.stack([self.functional(*each) for each in pairs], axis=1)

    def pushes(self, eta: FloatArray, edits: IntArray, edit: Edit, factor: FloatArray) -> FloatArray:
        """As for two classes, (len(edits), n_features + 1)."""
        rows, new = np.divmod(edits, self.n_classes)
        if edit == "remove":
            force = self.force(eta, "remove")[rows]
        else:
            p = softmax(self._table(eta)[rows])
            own = self.labels.codes[rows]
            force = slopes(p, new, self.weights_of(rows, new)) - slopes(p, own, self.weights[rows])
        return np.asarray(force @ self._table(factor).T)

    def influence(self, eta: FloatArray, eta_directions: FloatArray, edit: Edit) -> FloatArray:
        """As for two classes, but (m, n_rows, K) for relabels, the K new labels of each row."""
        moved = eta_directions.reshape(self.design.n_rows, self.n_classes, -1)
        if edit == "remove":
            return np.asarray(-np.einsum("ik,ikt->ti", self.force(eta, "remove"), moved))
        if self.label_weights is not None:
            moved -= np.einsum("ik,ikt->it", softmax(self._table(eta)), moved)[:, None]
        every = np.arange(len(moved))
        own = self.weights[:, None] * moved[every, self.labels.codes]
        moved *= self._weight_table(every)[:, :, None]
        moved -= own[:, None]
        return np.asarray(moved.transpose(2, 0, 1))

    def best_edits(
        self, rows: IntArray, gains: FloatArray, edit: Edit, allowed: IntArray | None, made: IntArray | None
    ) -> IntArray:
        """Of each row the edit of most gain to an allowed code, or the one that was made; sorted.

        Rows that no allowed code would change drop out. ``gains`` (n_rows * K,) as `pulls` makes them.
        """
        own = self.labels.codes[rows]
        if edit == "remove":
            return np.asarray(rows * self.n_classes + own)
        codes = np.arange(self.n_classes) if allowed is None else allowed
        table = self._table(gains)[np.ix_(rows, codes)]
        table[own[:, None] == codes] = -np.inf
        best = codes[table.argmax(axis=1)]
        if made is not None and len(made):
            known, new = np.divmod(made, self.n_classes)
            best[np.searchsorted(rows, known)] = new
        edits = rows * self.n_classes + best
        return np.asarray(edits if allowed is None else edits[best != own])

    @cached_property
    def class_weights(self) -> tuple[float, ...]:
        """Total weight of the rows of each class; a minimiser with free intercepts exists if all are positive."""
        sums = np.bincount(self.labels.codes, self.weights, self.n_classes)
        counted = np.bincount(self.labels.codes, self.weights > 0, self.n_classes)
        return tuple(np.where(counted > 0, sums, 0.0).tolist())

    def last_of_their_class(self, edits: IntArray, edit: Edit) -> IntArray:
        """Those of the edits, in their order, whose row's class has no other rows and gets none.

        Where a row is edited to two labels at once, one of these edits.
        """
        rows, codes = np.divmod(edits, self.n_classes)
        repeated = np.setdiff1d(np.arange(len(rows)), np.unique(rows, return_index=True)[1])
        if len(repeated):
            return edits[repeated]
        own = self.labels.codes[rows]
        left = self._class_sizes - np.bincount(own, minlength=self.n_classes)
        if edit == "relabel":
            left += np.bincount(codes, minlength=self.n_classes)
        return np.asarray(edits[(left == 0)[own]])

    @cached_property
    def _class_sizes(self) -> IntArray:
        """Rows of each class that count."""
        return np.bincount(self.labels.codes[self.weights > 0], minlength=self.n_classes)

    def reach(self, functional: FloatArray) -> float:  # noqa: ARG002, D102
        return np.inf

    def new_labels(self, edits: IntArray, edit: Edit) -> AnyArray:  # noqa: ARG002
        """The label that each of these edits gives; for removals the row's own."""
        return self.labels.decode(edits % self.n_classes)

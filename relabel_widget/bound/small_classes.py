"""Refits of a small multinomial problem on many sets of edits at once, each as far as its decision needs.

As in `small`, with the tables of K classes. What is used there of one row's loss holds for log-sum-exp: moving its
log-odds by u changes its curvature by a factor of ``e^r`` at most, r the range of u, since the third derivative along u
is ``E[(v - Ev)^2 (u - Eu)]`` under softmax, and ``|u - Eu| <= r``. So how far a row moves is the range of its move, and
the vectors that it is measured by are ``z_i (e_a - e_b)'``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IntArray
from ..fits import Fit
from ..problem import Edit, MultinomialProblem, softmax
from .small import CERTAIN, decided, farthest_reach, row_space

_GROUP_BYTES = 2**20  # of the Hessians of one group
_OF_A_ROW, _OF_A_STEP = 1_000, 30_000  # operations that a row's exponentials, and what calls cost, take as long as


def small_classes_operations(problem: MultinomialProblem) -> float:
    """How many floating-point operations one refit takes as long as: some four steps with a Hessian and its inverse."""
    n_rows, size = problem.design.n_rows, min(problem.design.shape) + problem.has_intercept
    of_rows = 4 * n_rows * size**2 * problem.n_classes**2 + _OF_A_ROW * n_rows * problem.n_classes
    return 4.0 * (of_rows + 2 * (size * problem.n_classes) ** 3 + _OF_A_STEP)


@dataclass(frozen=True, eq=False)
class SmallClasses:
    """A multinomial problem and a query in coordinates of the row space, dense.

    ``z`` (n_rows, r) are the rows, the intercept's one included, ``penalty`` (r,); ``query`` (r,) is the query,
    ``start`` (r, K) the fit. The prediction stands as long as ``code`` is above all others, or some class above
    ``target``.
    """

    z: FloatArray
    penalty: FloatArray
    codes: IntArray
    weights: FloatArray
    query: FloatArray
    start: FloatArray
    code: int
    target: int | None
    edit: Edit

    @classmethod
    def of(cls, fit: Fit, query: FloatArray, code: int, target: int | None, edit: Edit) -> SmallClasses:
        """Of a fit and a query (n_features + 1,). Cost: the dense matrix, and its QR where it is wide."""
        problem = fit.problem
        features = query[:-1] if problem.has_intercept else query
        z, features, coef = row_space(problem.design, features, fit.coef.T)
        penalty = np.full(z.shape[1], problem.l2)
        if problem.has_intercept:
            z = np.column_stack([z, np.ones(len(z))])
            features, coef = np.append(features, 1.0), np.vstack([coef, fit.intercept])
            penalty = np.append(penalty, 0.0)
        labels = problem.labels
        return cls(z, penalty, labels.codes, problem.weights, features, coef, code, target, edit)

    @property
    def group_size(self) -> int:
        """How many sets are refitted together."""
        return max(1, _GROUP_BYTES // (8 * self.start.size**2))

    def margins(self, sets: IntArray) -> tuple[FloatArray, FloatArray]:
        """Margins on the labels edited in each of the sets (m, size) of edits, and how far off they may be; both (m,).

        Positive as long as the prediction stands. A set that edits a row twice, or leaves a class without rows, counts
        as none: its margin is infinite. The doubt is infinite where no bound was reached.
        """
        n_classes = self.start.shape[1]
        codes, weights, possible = edited_classes(sets, self.codes, self.weights, n_classes, self.edit)
        return decided(self._stepped, self.start, possible, codes, weights)

    def _stepped(
        self, theta: FloatArray, codes: IntArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The points that Newton steps lead to, and the margins that full ones would lead to, with their doubts."""
        m, r, n_classes = theta.shape
        p = softmax((self.z @ theta).reshape(-1, n_classes)).reshape(m, -1, n_classes)
        slopes = weights[:, :, None] * (p - np.eye(n_classes)[codes])
        gradient = self.z.T @ slopes + self.penalty[:, None] * theta
        inverse = np.asarray(np.linalg.inv(self._hessian(p, weights)), dtype=np.float64)
        step = -(inverse @ gradient.reshape(m, -1, 1)).reshape(theta.shape)
        moved = np.ptp(self.z @ step, axis=2)
        far = moved.max(axis=1)
        decrement = np.sqrt(np.maximum(-np.einsum("mrk,mrk->m", gradient, step), 0.0))
        blocks = inverse.reshape(m, r, n_classes, r, n_classes).transpose(0, 2, 4, 1, 3).reshape(m, -1, r * r)
        widest = _largest_difference(blocks, _outer(self.z), n_classes)
        spread = _largest_difference(blocks, _outer(self.query[None, :]), n_classes)
        margin = self._margin(np.einsum("r,mrk->mk", self.query, theta + step))
        doubt = np.expm1(farthest_reach(far, decrement * widest)) * spread * decrement
        theta = theta + step * (np.log1p(far) / np.maximum(far, CERTAIN))[:, None, None]
        return theta, margin, doubt

    def _hessian(self, p: FloatArray, weights: FloatArray) -> FloatArray:
        """(m, r K, r K); a constant added to all intercepts, which nothing curves, is given the curvature 1."""
        m, n_classes, r = len(p), p.shape[2], self.z.shape[1]
        curvature = -p[:, :, :, None] * p[:, :, None, :]
        diagonal = range(n_classes)
        curvature[:, :, diagonal, diagonal] += p
        curvature *= weights[:, :, None, None]
        blocks = curvature.reshape(m, len(self.z), -1).transpose(0, 2, 1) @ _outer(self.z)
        hessian = blocks.reshape(m, n_classes, n_classes, r, r).transpose(0, 3, 1, 4, 2).reshape(m, r * n_classes, -1)
        every = range(hessian.shape[1])
        hessian[:, every, every] += np.repeat(self.penalty, n_classes)
        if not self.penalty[-1]:
            hessian[:, -n_classes:, -n_classes:] += 1.0
        return np.asarray(hessian)

    def _margin(self, eta: FloatArray) -> FloatArray:
        """Of log-odds of the query, (m, K); (m,)."""
        if self.target is None:
            return np.asarray(eta[:, self.code] - np.delete(eta, self.code, axis=1).max(axis=1))
        return np.asarray(np.delete(eta, self.target, axis=1).max(axis=1) - eta[:, self.target])


def _outer(rows: FloatArray) -> FloatArray:
    """``z_i z_i'`` of rows (n, r), flat: (n, r^2)."""
    return np.asarray((rows[:, :, None] * rows[:, None, :]).reshape(len(rows), -1))


def _largest_difference(blocks: FloatArray, outer: FloatArray, n_classes: int) -> FloatArray:
    """The largest norm of ``z_i (e_a - e_b)'`` over rows and classes, in the inverse; (m,).

    ``blocks`` (m, K^2, r^2) are those of the inverse, ``outer`` (n, r^2) as `_outer` makes it.
    """
    forms = (blocks @ outer.T).reshape(len(blocks), n_classes, n_classes, -1)
    own = np.einsum("maai->mai", forms)
    squares = own[:, :, None] + own[:, None] - forms - forms.transpose(0, 2, 1, 3)
    return np.asarray(np.sqrt(np.maximum(squares.reshape(len(blocks), -1).max(axis=1), 0.0)))


def edited_classes(
    sets: IntArray, codes: IntArray, weights: FloatArray, n_classes: int, edit: Edit
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Codes and weights after each set of edits, (m, n_rows) each, and which sets can be refitted."""
    rows, new = np.divmod(sets, n_classes)
    codes, weights = np.tile(codes, (len(sets), 1)), np.tile(weights, (len(sets), 1))
    places = np.arange(len(sets))[:, None], rows
    if edit == "relabel":
        codes[places] = new
    else:
        weights[places] = 0.0
    ordered = np.sort(rows, axis=1)
    possible = (ordered[:, 1:] != ordered[:, :-1]).all(axis=1)
    for code in range(n_classes):
        possible &= ((codes == code) & (weights > 0)).any(axis=1)
    return codes, weights, possible

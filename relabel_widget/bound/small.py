"""Refits of a small problem on many sets of edited labels at once, each only as far as its decision needs.

Newton's method with dense Hessians from the fit. Where a full step v moves some row's log-odds by r, the objective
falls along v at least until ``log(1 + r) / r`` of it: ``|d log p (1 - p) / d eta| <= 1`` bounds the curvature along
the way by ``e^(t r)`` times that at the start (Bach, "Self-concordant analysis for logistic regression", 2010). So a
step of that length, or a full one if r <= 1, needs no evaluation of the objective; a longer one is tested by its slope.

How far the minimiser is
------------------------
Let g be the gradient at a point, H the Hessian there, ``v = -H^-1 g`` and u the path to the minimiser, ``u = -Hm^-1 g``
with Hm the Hessian averaged along it. As long as no row moves by more than rho, ``e^-rho H <= Hm <= e^rho H``, so that
``|a . (u - v)| <= (e^rho - 1) |a| |g|`` for any a, in the norm of H^-1. With this for the rows themselves, ``|z_i . u|
<= |z_i . v| + (e^rho - 1) |z_i| |g|``; if that is at most rho for all rows, no row can have left its interval on the
way, on which the gradient fades from g to 0 and the minimiser moves continuously. For the query it then bounds the
error of the margin after a full step. Rounding of float64 is covered only by `SLACK`.

Of a loss made of quadratic pieces (`Squared`) a full step ends at the minimiser if it leaves every row on its piece:
the gradient is linear on the way. Otherwise nothing is known. There steps may be too long for the objective to fall;
then no bound is reached, and nothing is proven.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..design import Design
from ..problem import LOGISTIC, Edit, Loss, Problem, Squared
from ..question import Question

# A margin (log-odds) this close to the threshold decides nothing: it is within another solver's error. A bound counts
# it as a flip, a search does not.
SLACK = 1e-6
_GROUP_BYTES = 2**20  # of one array of (sets, n_rows, r), so that it stays in the cache
_MOST_STEPS = 60
_MOST_DOUBLINGS = 20
CERTAIN = 1e-9  # log-odds: the accuracy to which a margin at the threshold itself is computed
_NO_CURVATURE = 1e-250  # instead of underflowing, so that no Hessian is singular
_FARTHEST = 1.0  # log-odds: larger values of rho are not tried
_REACH_STEPS = 6
_OF_A_ROW, _OF_A_STEP = 1_000, 15_000  # operations equivalent to a row's exponential, and to a step's call overhead


def small_refit_operations(problem: Problem) -> float:
    """Equivalent number of floating-point operations of one refit: some four steps with a Hessian and its inverse.

    At 10 to 15 operations per nanosecond, calibrated from 14 x 7 to 398 x 31.
    """
    n_rows, size = problem.design.n_rows, min(problem.design.shape) + problem.has_intercept
    return 4.0 * (4 * n_rows * size**2 + 2 * size**3 + _OF_A_ROW * n_rows + _OF_A_STEP)


@dataclass(frozen=True, eq=False)
class SmallProblem:
    """A problem and a query in coordinates of the row space, dense, with centred columns of norm 1.

    ``z`` (n_rows, r) are the rows, including the intercept's 1; ``query`` (r,) is the query, ``start`` (r,) the fit;
    ``offset`` and ``direction`` as in `Question`.
    """

    z: FloatArray
    penalty: FloatArray
    signs: FloatArray
    weights: FloatArray
    query: FloatArray
    start: FloatArray
    offset: float
    direction: float
    edit: Edit
    loss: Loss = LOGISTIC

    @classmethod
    def of(cls, question: Question) -> SmallProblem:
        """From a question's fit and functional. Cost: the dense matrix, and its QR if it is wide."""
        fit = question.fit
        one = cls.of_class(fit.problem, question.functional, fit.theta, fit.problem.labels.signs, question.edit)
        return replace(one, offset=question.offset, direction=question.direction)

    @classmethod
    def of_class(
        cls, problem: Problem, query: FloatArray, theta: FloatArray, signs: FloatArray, edit: Edit
    ) -> SmallProblem:
        """Of a query and a fit of two classes with these signs, both (n_params,); its margin is the decision."""
        coef, intercept = (theta[:-1], theta[-1]) if problem.has_intercept else (theta, 0.0)
        z, features, coef = row_space(problem.design, query[:-1] if problem.has_intercept else query, coef)
        free = problem.has_intercept and not problem.intercept_l2
        centre = z.mean(axis=0) * free  # columns far from 0 would be collinear with the intercept's
        intercept = intercept + float(centre @ coef)
        z, features = z - centre, features - centre
        penalty = np.full(z.shape[1], problem.l2)
        if problem.has_intercept:
            z = np.column_stack([z, np.ones(len(z))])
            features, coef = np.append(features, 1.0), np.append(coef, intercept)
            penalty = np.append(penalty, problem.intercept_l2)
        scale = np.linalg.norm(z, axis=0)
        scale[scale == 0.0] = 1.0
        return cls(
            z=z / scale,
            penalty=penalty / np.square(scale),
            signs=signs,
            weights=problem.weights,
            query=features / scale,
            start=coef * scale,
            offset=0.0,
            direction=1.0,
            edit=edit,
            loss=problem.row_loss,
        )

    @property
    def group_size(self) -> int:
        """How many sets to refit together."""
        return max(1, _GROUP_BYTES // (8 * self.z.size))

    def margins(self, sets: IntArray) -> tuple[FloatArray, FloatArray]:
        """Margins with the labels of each of the sets (m, size) of rows edited, and their error bounds; both (m,).

        Positive if the prediction stands. Each is refined until its distance to the threshold exceeds its error
        bound, or the bound is negligible; the bound is infinite if neither was reached. A set that leaves only one
        class cannot be refitted: its margin is infinite.
        """
        signs, weights = self._edited(sets)
        of_class = [np.where(side * signs > 0, weights, 0.0).any(axis=1) for side in (-1, 1)]
        possible = np.asarray(of_class[0] & of_class[1])
        return decided(self.stepped, self.start, possible, signs, weights)

    def _edited(self, sets: IntArray) -> tuple[FloatArray, FloatArray]:
        """Label signs and weights, (m, n_rows) each."""
        signs, weights = np.tile(self.signs, (len(sets), 1)), np.tile(self.weights, (len(sets), 1))
        places = np.arange(len(sets))[:, None], sets
        if self.edit == "relabel":
            signs[places] *= -1.0
        else:
            weights[places] = 0.0
        return signs, weights

    def stepped(
        self, theta: FloatArray, signs: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The points after Newton steps, and the margins after full steps, with error bounds."""
        gradient, curvature = self._derivatives(theta, signs, weights)
        hessian = (self.z.T * np.maximum(curvature, _NO_CURVATURE)[:, None, :]) @ self.z
        diagonal = range(len(self.penalty))
        hessian[:, diagonal, diagonal] += self.penalty
        inverse = np.linalg.inv(hessian)
        step = -(inverse @ gradient[:, :, None])[:, :, 0]
        far = np.abs(step @ self.z.T).max(axis=1)
        widest = _root(((self.z @ inverse) * self.z).sum(axis=2).max(axis=1))
        decrement = _root(-(gradient * step).sum(axis=1))
        spread = _root(inverse @ self.query @ self.query)
        margin = self.direction * ((theta + step) @ self.query - self.offset)
        if isinstance(self.loss, Squared):
            doubt = np.where(self._stays(self.loss, theta, step, signs, weights), 0.0, np.inf)
        else:
            doubt = np.expm1(farthest_reach(far, decrement * widest)) * spread * decrement
        long = far > 1.0
        if long.any():
            step[long] *= self._lengths(theta[long], step[long], far[long], signs[long], weights[long])[:, None]
        return theta + step, margin, doubt

    def _derivatives(self, theta: FloatArray, signs: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The gradient, (m, r), and the curvature of each row's loss, (m, n_rows)."""
        eta = theta @ self.z.T
        gradient = theta * self.penalty + self.loss.slopes(eta, signs, weights) @ self.z
        return gradient, self.loss.bends(eta, weights, signs)

    def _stays(
        self, loss: Squared, theta: FloatArray, step: FloatArray, signs: FloatArray, weights: FloatArray
    ) -> BoolArray:
        """Whether full steps leave every row that counts on its piece, (m,)."""
        before = loss.pieces(signs * (theta @ self.z.T))
        after = loss.pieces(signs * ((theta + step) @ self.z.T))
        return np.asarray(((before == after) | (weights == 0)).all(axis=1))

    def _lengths(
        self, theta: FloatArray, step: FloatArray, far: FloatArray, signs: FloatArray, weights: FloatArray
    ) -> FloatArray:
        """Fractions of full steps along which the objective falls: the safe one, doubled as long as it still falls."""
        length = np.log1p(far) / far
        for _ in range(_MOST_DOUBLINGS):
            longer = np.minimum(2.0 * length, 1.0)
            gradient, _ = self._derivatives(theta + longer[:, None] * step, signs, weights)
            falling = ((gradient * step).sum(axis=1) < 0.0) & (longer > length)
            if not falling.any():
                break
            length[falling] = longer[falling]
        return length


def row_space(design: Design, features: FloatArray, coef: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The rows, a query's features and coefficients (n_features,) or (n_features, K) in at most n_rows coordinates."""
    dense = design.to_dense()
    if dense.shape[1] <= dense.shape[0]:
        return dense, features, coef
    basis, triangle = np.linalg.qr(dense.T)
    return triangle.T, basis.T @ features, basis.T @ coef


def decided(
    stepped: Callable[[FloatArray, AnyArray, FloatArray], tuple[FloatArray, FloatArray, FloatArray]],
    start: FloatArray,
    possible: AnyArray,
    labels: AnyArray,
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Margins of refits on many sets of edits and their doubts, (m,), each followed until its margin is decided.

    ``stepped`` takes points, labels and weights of some sets to the next points, margins and doubts. The margin is
    infinite where a refit is not ``possible``, the doubt where no bound was reached.
    """
    margin, doubt = np.full(len(possible), np.inf), np.zeros(len(possible))
    going = np.flatnonzero(possible)
    theta = np.repeat(start[None], len(going), axis=0)
    for _ in range(_MOST_STEPS):
        if not len(going):
            break
        theta, margin[going], doubt[going] = stepped(theta, labels[going], weights[going])
        undecided = ~(doubt[going] < np.maximum(np.abs(margin[going]) - SLACK, CERTAIN))
        theta, going = theta[undecided], going[undecided]
    doubt[going] = np.inf
    return margin, doubt


def _root(squares: FloatArray) -> FloatArray:
    """Square roots of numbers that rounding may leave slightly below 0."""
    return np.sqrt(np.maximum(squares, 0.0))


def farthest_reach(far: FloatArray, coupled: FloatArray) -> FloatArray:
    """A rho with ``far + (e^rho - 1) coupled <= rho``, infinite if none below 1 is found; (m,)."""
    rho = far
    for _ in range(_REACH_STEPS):  # from below, to the smallest solution
        rho = far + np.expm1(np.minimum(rho, _FARTHEST)) * coupled
    rho = 1.1 * rho
    holds = (rho <= _FARTHEST) & (far + np.expm1(np.minimum(rho, _FARTHEST)) * coupled <= rho)
    return np.where(holds, rho, np.inf)

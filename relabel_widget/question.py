"""The question behind a flip: which edits of training labels make a linear functional of the parameters change sign?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ._typing import AnyArray, FloatArray, IntArray
from .fits import Fit
from .problem import Edit, Problem
from .solver import norm_in
from .vectors import dot

_LEAST_COST = 1e-12  # instead of 0, so that a free row's worth is finite


@dataclass(frozen=True, eq=False)
class Question:
    """Which edits of training rows move ``functional . theta`` past ``offset``?

    For a query x of a fit with two classes the functional is x itself (with a 1 appended for the intercept), the offset
    the threshold in log-odds. A rival class is the same question with another functional: the prediction c falls to d
    as soon as ``(x, -x) . (theta_c, theta_d)`` falls below 0.

    The *margin* is the distance to the offset, signed so that it is positive as long as the prediction stands.

    Attributes
    ----------
    fit
        The fit on the original labels.
    functional
        float64, shape (n_params,).
    offset
        In the units of the functional's value: log-odds.
    edit
        ``"relabel"`` gives a row another label, ``"remove"`` leaves it out.
    candidates
        Rows that may be edited, int64, sorted.
    costs
        What each edit costs, (n_rows,), if a cheap set is wanted instead of a small one; (n_rows * K,) with K classes.
    allowed
        With several classes, the codes of the labels that rows may be given; all if None.
    """

    fit: Fit
    functional: FloatArray
    offset: float
    edit: Edit
    candidates: IntArray
    costs: FloatArray | None = None
    allowed: IntArray | None = None

    @cached_property
    def value(self) -> float:
        """``functional . theta - offset`` at the fit; log-odds."""
        return dot(self.functional, self.fit.theta) - self.offset

    @property
    def direction(self) -> float:
        """1.0 where the value must fall for a flip, -1.0 where it must rise."""
        return 1.0 if self.value > 0 else -1.0

    @cached_property
    def norm(self) -> float:
        """The norm of the functional in the fit's preconditioner, about ``sqrt(x . H^-1 x)``."""
        return norm_in(self.fit.preconditioner, self.functional)

    @property
    def effects_add_up(self) -> bool:
        """Whether what a set does is the sum of what its rows do, exactly."""
        return self.edit == "relabel" and self.fit.problem.effects_add_up

    def margin(self, theta: FloatArray) -> float:
        """The margin at some parameters, (n_params,)."""
        return self.direction * (dot(self.functional, theta) - self.offset)

    def edited(self, rows: IntArray) -> Problem:
        """The fit's problem with these rows edited."""
        return self.fit.problem.edited(rows, self.edit)

    def edits_at(self, gains: FloatArray, made: IntArray | None = None) -> IntArray:
        """The best edit of each candidate row by these gains; of rows that edits were made of, sorted, these."""
        return self.fit.problem.best_edits(self.candidates, gains, self.edit, self.allowed, made)

    def new_labels(self, rows: IntArray) -> AnyArray:
        """The label that each of these rows is given; for removals its own label."""
        return self.fit.problem.new_labels(rows, self.edit)

    def gains(self, eta: FloatArray, eta_direction: FloatArray) -> FloatArray:
        """What editing each row moves the margin by towards a flip, to first order; (n_rows,).

        ``eta`` are the log-odds of the rows, ``eta_direction`` is ``[X, 1] H^-1 functional`` there.
        """
        gains = self.fit.problem.pulls(eta, eta_direction, self.edit)
        return gains if self.direction > 0 else np.negative(gains, out=gains)

    def cost(self, rows: IntArray) -> float:
        """The cost of a set: its size, or the sum of its rows' costs."""
        return float(len(rows)) if self.costs is None else float(self.costs[rows].sum())

    def worth(self, effects: FloatArray, rows: IntArray) -> FloatArray:
        """What rows of these effects rank by: with costs, the effect per cost where it helps."""
        if self.costs is None:
            return effects
        return np.where(effects > 0, effects / np.maximum(self.costs[rows], _LEAST_COST), effects)

    def feasible(self, rows: IntArray) -> bool:
        """Whether examples of both classes remain: no estimator is fitted on one class."""
        return not len(self.last_of_their_class(rows))

    def last_of_their_class(self, rows: IntArray) -> IntArray:
        """Those of the rows, in their order, whose class has no other rows and gets none; mostly none."""
        return self.fit.problem.last_of_their_class(rows, self.edit)

    @cached_property
    def out_of_reach(self) -> bool:
        """Whether no edit whatever flips the prediction."""
        if not len(self.candidates):
            return True
        reach = self.fit.problem.reach(self.functional)
        return self.offset <= -reach if self.value > 0 else self.offset >= reach

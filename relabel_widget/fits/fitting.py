"""Fits: a minimiser together with the problem it minimises."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit

from .._typing import AnyArray, FloatArray, IntArray
from ..arguments import as_flag, as_numbers, as_rows, check_edit, check_monitor, shown
from ..bayes import BayesFit
from ..design import Design, as_design, as_query, compacted, one_raw_row
from ..monitor import Monitor
from ..problem import Edit, Hessian, Labels, Problem, encode
from ..solver import MinimiseResult, Preconditioner, minimise, preconditioner_of

# Influence is defined at a minimiser only: a Newton decrement above this fraction of the objective's root is refused.
# Log-odds are then right to about 1e-7.
MINIMISER_RTOL = 1e-9
_APART = 1e3  # times: closer scales are no trouble
_NAMED = 2  # of the columns of largest and of smallest scale


@dataclass(frozen=True)
class Polish:
    """How far an adopted estimator was from the minimiser.

    ``gradient_norm`` is that of the objective at the estimator's own coefficients, ``distance`` the Euclidean
    distance of coefficients and intercept to the minimiser, ``largest_change`` the largest change of a training
    row's log-odds, and ``predictions_changed`` the number of training rows whose predicted class differs.
    """

    gradient_norm: float
    distance: float
    largest_change: float
    predictions_changed: int


@dataclass(frozen=True, eq=False)
class Fit:
    """An L2-regularised logistic regression at its minimiser, as `fit` and `adopt` return it.

    Attributes
    ----------
    problem
        The objective: design, labels, weights, penalties.
    theta
        Coefficients and, if there is one, the intercept last; float64, shape (n_params,).
    eta
        Log-odds of the training rows, shape (n_rows,).
    gradient_norm
        Euclidean norm of the gradient of the objective ``sum_i s_i loss_i + |coef|^2 / (2 C)``.
    transform
        For an adopted pipeline: what turns raw rows into features.
    polish
        For an adopted estimator: how far it was from the minimiser.
    """

    problem: Problem
    theta: FloatArray
    eta: FloatArray
    gradient_norm: float
    transform: Callable[[Any], Any] | None = None
    polish: Polish | None = None

    @property
    def coef(self) -> FloatArray:
        """Coefficients, shape (n_features,)."""
        return self.theta[:-1] if self.problem.has_intercept else self.theta

    @property
    def intercept(self) -> float:
        """The intercept; 0.0 if the model has none."""
        return float(self.theta[-1]) if self.problem.has_intercept else 0.0

    @property
    def classes(self) -> AnyArray:
        """The two class labels, sorted; eta is the log-odds of ``classes[1]``."""
        return self.problem.labels.classes

    @property
    def C(self) -> float:  # noqa: N802 - scikit-learn's name
        """Inverse regularisation strength, as in scikit-learn."""
        return 1.0 / self.problem.l2

    @property
    def y(self) -> AnyArray:
        """The labels that were fitted, shape (n_rows,), a new array."""
        labels = self.problem.labels
        return labels.decode(labels.codes)

    @property
    def n_rows(self) -> int:
        """Number of training rows."""
        return self.problem.design.n_rows

    def design_of(self, X: Any, *, who: str = "X") -> Design:
        """Rows as a design with the model's columns; raw rows pass through the pipeline first.

        The result may be given to every function in place of the rows, so that they are transformed once.
        """
        return as_design(self._features(X), who=who, n_features=self.problem.design.n_features)

    def query_of(self, x: Any, *, who: str = "x") -> Design:
        """One query as a design of one row: a row of features, or one raw row of an adopted pipeline."""
        if self.transform is not None and not isinstance(x, Design):
            x = one_raw_row(x)
        return as_query(self._features(x), who=who, n_features=self.problem.design.n_features)

    def _features(self, X: Any) -> Any:
        return X if self.transform is None or isinstance(X, Design) else self.transform(X)

    def decision(self, X: Any) -> FloatArray:
        """Log-odds of ``classes[1]``, shape (m,). Cost: one pass over X."""
        return self.problem.extended_matvec(self.design_of(X, who="decision"), self.theta)

    def proba(self, X: Any) -> FloatArray:
        """Probability of ``classes[1]``, in [0, 1], shape (m,)."""
        return np.asarray(expit(self.decision(X)))

    @cached_property
    def hessian(self) -> Hessian:
        """The Hessian at the minimiser."""
        return self.problem.hessian(self.eta)

    @cached_property
    def preconditioner(self) -> Preconditioner:
        """Its preconditioner, kept for every query and refit."""
        return preconditioner_of(self.hessian)

    def bare(self) -> Fit:
        """This fit without the transform of raw rows, which might not travel; what has been computed comes along."""
        bare = copy(self)
        object.__setattr__(bare, "transform", None)
        return bare

    def refit(
        self,
        rows: IntArray,
        edit: Edit = "relabel",
        *,
        start: FloatArray | None = None,
        monitor: Monitor | None = None,
    ) -> Fit:
        """The fit on labels edited in the given distinct rows, started here or at ``start``, (n_params,).

        Nothing of this fit changes; the minimiser does not depend on the start.

        Raises
        ------
        ValueError
            If the edit leaves one class only, where a free intercept has no minimiser.
        """
        check_monitor(monitor, who="refit")
        check_edit(edit, who="refit")
        problem = self.problem.edited(as_rows(rows, self.n_rows, who="refit: rows"), edit)
        if min(problem.class_weights) <= 0:
            raise ValueError(
                f"refit: the edit of {len(rows)} rows leaves examples of one class only, so that no model can be "
                "fitted. Keep at least one row of each class."
            )
        start = self.theta if start is None else as_numbers(start, who="refit: start")
        if start.shape != self.theta.shape:
            raise ValueError(f"refit: expected start of shape {self.theta.shape}, got {start.shape}.")
        return minimiser(problem, start, self.preconditioner, monitor, replace(self, polish=None))

    def __repr__(self) -> str:
        design = self.problem.design
        return (
            f"Fit({design.n_rows} rows, {design.n_features} features, C={self.C:g}, "
            f"classes={self.classes.tolist()}, gradient_norm={self.gradient_norm:.2g})"
        )


def fit(
    X: Any,
    y: Any,
    C: float = 1.0,
    sample_weight: Any = None,
    fit_intercept: bool = True,
    *,
    monitor: Monitor | None = None,
) -> Fit:
    """Fit an L2-regularised logistic regression by truncated Newton.

    Minimises ``sum_i s_i log(1 + exp(-(2 y_i - 1) eta_i)) + |coef|^2 / (2 C)``, ``eta = X coef + intercept``, the
    intercept unpenalised: scikit-learn's objective.

    Parameters
    ----------
    X
        Training rows, shape (n_rows, n_features): SciPy sparse in any format, dense, data frame of numbers, or a
        `Design`. Held by reference where it is canonical float64 CSR or a float64 array, otherwise copied once.
    y
        Labels of two classes, shape (n_rows,): numbers, strings or booleans.
    C
        Inverse regularisation strength, positive and finite.
    sample_weight
        Non-negative weights, shape (n_rows,); all 1 if None.
    fit_intercept
        Whether there is an intercept.

    Returns
    -------
    Fit
        At the minimiser: the Newton decrement ``sqrt(g' H^-1 g)``, which does not depend on the scales of columns, is
        at most 1e-10 of the objective's root, or as small as rounding lets it be.

    Raises
    ------
    ValueError, TypeError
        If the input is not as described; the message says what was expected and what came.
    ArithmeticError
        If rounding leaves more than 1e-9 of it. The message names columns of very different scale.

    Notes
    -----
    Cost: each of typically 5 to 10 Newton steps is a truncated CG solve of 10 to 100 products with X and X'.
    """
    check_monitor(monitor, who="fit")
    design = compacted(as_design(X, who="fit: X"))
    labels = encode(y, design.n_rows, who="fit")
    weights = check_weights(sample_weight, labels, who="fit")
    problem = Problem(
        design,
        labels,
        weights,
        1.0 / check_C(C, who="fit"),
        has_intercept=as_flag(fit_intercept, who="fit: fit_intercept"),
    )
    return minimiser(problem, np.zeros(problem.n_params), None, monitor, None)


def minimiser(
    problem: Problem,
    start: FloatArray,
    preconditioner: Preconditioner | None,
    monitor: Monitor | None,
    like: Fit | None,
) -> Fit:
    """The fit of a problem from a start; ``like`` lends the transform of raw rows.

    Raises
    ------
    ArithmeticError
        If Newton's method stops far from a minimiser.
    """
    result = minimised(problem, start, preconditioner, monitor)
    if not result.decrement <= MINIMISER_RTOL:
        raise ArithmeticError(
            f"fit: stopped after {result.steps} Newton steps with a Newton decrement of {result.decrement:.3g} of the "
            f"objective's root, expected at most {MINIMISER_RTOL:.3g}. Likely causes: {_scales(problem)}a C so large "
            "that the classes are separated (take a smaller C)."
        )
    theta, eta = result.theta, result.eta
    theta.flags.writeable = eta.flags.writeable = False
    return Fit(problem, theta, eta, result.gradient_norm, transform=like.transform if like else None)


def minimised(
    problem: Problem, start: FloatArray, preconditioner: Preconditioner | None, monitor: Monitor | None
) -> MinimiseResult:
    """`minimise` from a start, and from zero where it stops short of a minimiser.

    A start where every row is saturated has no curvature to step by; at zero there is most of it.
    """
    result = minimise(problem, start, preconditioner=preconditioner, monitor=monitor)
    if result.decrement <= MINIMISER_RTOL or not start.any():
        return result
    return minimise(problem, np.zeros_like(start), monitor=monitor)


def _scales(problem: Problem) -> str:
    """The columns of largest and of smallest scale, in words, if they lie far apart. Cost: one pass over X."""
    sizes = np.sqrt(problem.design.weighted_square_sum(problem.weights) / problem.weights.sum())
    order = np.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    if not len(order) or sizes[order[-1]] < _APART * sizes[order[0]]:
        return ""
    named = np.unique(np.concatenate([order[:_NAMED], order[-_NAMED:]]))
    shown = ", ".join(f"column {j}: {sizes[j]:.2g}" for j in named)
    return f"columns of very different scale (root mean squares {shown}; standardise them), or "


def check_weights(sample_weight: Any, labels: Labels, *, who: str) -> FloatArray:
    """Row weights as float64, all 1 if None.

    Raises
    ------
    ValueError
        If the shape differs, a weight is negative or not finite, or a class has no weight.
    """
    n_rows = len(labels.original)
    if sample_weight is None:
        return np.ones(n_rows)
    weights = np.array(as_numbers(sample_weight, who=f"{who}: sample_weight"))
    if weights.shape != (n_rows,):
        raise ValueError(f"{who}: expected sample_weight of shape ({n_rows},), got {weights.shape}.")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"{who}: expected finite, non-negative sample_weight, got values outside that.")
    for code, label in enumerate(labels.classes.tolist()):
        if not weights[labels.codes == code].any():
            raise ValueError(f"{who}: expected some positive sample_weight in each class, got none for {label!r}.")
    return weights


def check_fit(fit: Any, *, who: str) -> None:
    """Refuse what is no `Fit`.

    Raises
    ------
    TypeError
        If it is something else, such as an estimator.
    """
    if isinstance(fit, BayesFit):
        raise TypeError(
            f"{who}: expected a Fit of a logistic regression, got {fit}. What takes a naive Bayes: find_flip_set, "
            "find_flip_sets, verify, relabel_influence, removal_influence and suspects."
        )
    if not isinstance(fit, Fit):
        raise TypeError(f"{who}: expected a Fit, as fit and adopt make, got {shown(fit)}.")


def check_C(C: Any, *, who: str) -> float:  # noqa: N802
    """C as a float.

    Raises
    ------
    ValueError
        If C is not a positive finite number.
    """
    if not isinstance(C, numbers.Real) or not 0 < float(C) < np.inf:
        raise ValueError(
            f"{who}: expected C as a positive finite number, got {C!r}. Without L2 there is no bound to claim."
        )
    return float(C)

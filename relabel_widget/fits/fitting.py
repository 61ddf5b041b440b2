"""Fits: a minimiser together with the problem it minimises."""

from __future__ import annotations

import numbers
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .._typing import AnyArray, FloatArray, IntArray
from ..arguments import as_array, as_flag, as_numbers, as_rows, check_edit, check_monitor, shown
from ..bayes import BayesFit
from ..design import Design, TakesQueries, as_design, compacted
from ..files.cards import card, several
from ..inputs import column_names, materialised
from ..monitor import Monitor
from ..problem import Edit, Hessian, Labels, Logistic, MultinomialProblem, Problem, code_of, encode
from ..solver import MinimiseResult, Preconditioner, minimise, preconditioner_of
from .class_weights import label_weights
from .own_model import OwnModel
from .steps import Steps

# Influence is defined at a minimiser only: a Newton decrement above this fraction of the objective's root is refused.
# Log-odds are then right to about 1e-7.
MINIMISER_RTOL = 1e-9
# What does for a naive Bayes, where a function has no meaning for it.
_OF_BAYES = (
    "A naive Bayes has no objective whose curvature this could ask for. What takes one: flip sets, verify, explain, "
    "influence, suspects, group_audit, robustness_curve and Workbench."
)
_APART = 1e3  # times: closer scales are no trouble
_NAMED = 2  # of the columns of largest and of smallest scale


@dataclass(frozen=True)
class Polish:
    """How far an adopted estimator was from the minimiser.

    ``gradient_norm`` is that of the objective at the estimator's own coefficients, ``distance`` the Euclidean
    distance of coefficients and intercept to the minimiser, ``largest_change`` the largest change of a training
    row's log-odds, ``typical_change`` the root mean square of these changes, and ``predictions_changed`` the number of
    training rows whose predicted class differs.
    """

    gradient_norm: float
    distance: float
    largest_change: float
    typical_change: float
    predictions_changed: int


@dataclass(frozen=True, eq=False)
class Fit(TakesQueries):
    """An L2-regularised linear classifier at its minimiser, as `fit` and `adopt` return it: a logistic regression.

    With K classes, three or more, it is multinomial; what has another shape then is said by ``problem``. Adopted
    estimators may have another loss, or fit each class against the rest: then what is called log-odds is their
    decision function, and what is called a probability rises with it and is 0.5 where the prediction changes.

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
    own
        For an adopted estimator: that estimator, which can be refitted.
    columns
        Names of the columns of the training frame, in its order; None if the training rows were no frame.
    threshold
        ``classes[1]`` is predicted above this probability, unless a function is given another one: that of an adopted
        estimator with a threshold of its own, otherwise 0.5.
    """

    problem: Problem
    theta: FloatArray
    eta: FloatArray
    gradient_norm: float
    transform: Steps | None = None
    polish: Polish | None = None
    own: OwnModel | None = None
    columns: list[Any] | None = None
    threshold: float = 0.5

    @property
    def coef(self) -> FloatArray:
        """Coefficients, shape (n_features,); (K, n_features) with K classes."""
        return self.problem.coef(self.theta)

    @property
    def intercept(self) -> Any:
        """The intercept, 0.0 if the model has none; shape (K,), of mean 0, with K classes."""
        return self.problem.intercept(self.theta)

    @property
    def classes(self) -> AnyArray:
        """The class labels, sorted; of two, eta is the log-odds of ``classes[1]``."""
        return self.problem.labels.classes

    @property
    def labels(self) -> Labels:
        """The labels that were fitted, as codes."""
        return self.problem.labels

    @property
    def design(self) -> Design:
        """The training rows as features."""
        return self.problem.design

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

    @property
    def _n_features(self) -> int:
        return self.problem.design.n_features

    @property
    def _n_classes(self) -> int:
        return len(self.classes)

    def decision(self, X: Any) -> FloatArray:
        """Log-odds of ``classes[1]``, shape (m,); of each class, (m, K), with K classes. Cost: one pass over X."""
        return self.problem.decision(self.design_of(X, who="decision"), self.theta)

    def proba(self, X: Any) -> FloatArray:
        """Probability of ``classes[1]``, in [0, 1], shape (m,); of each class, (m, K), with K classes."""
        return self.proba_of(self.decision(X))

    def proba_of(self, decision: FloatArray) -> FloatArray:
        """The probabilities that a decision means, same shape."""
        return self.problem.proba(decision)

    @cached_property
    def hessian(self) -> Hessian:
        """The Hessian at the minimiser."""
        return self.problem.hessian(self.eta)

    @cached_property
    def preconditioner(self) -> Preconditioner:
        """Its preconditioner, kept for every query and refit."""
        return preconditioner_of(self.hessian)

    def bare(self) -> Fit:
        """This fit without its estimator and raw rows, which might not travel; what has been computed comes along."""
        bare = copy(self)
        for name in ("transform", "own"):
            object.__setattr__(bare, name, None)
        return bare

    def refit(
        self,
        rows: IntArray,
        edit: Edit = "relabel",
        *,
        labels: Any = None,
        start: FloatArray | None = None,
        monitor: Monitor | None = None,
    ) -> Fit:
        """The fit on labels edited in the given distinct rows, started here or at ``start``, (n_params,).

        ``labels`` has the new label of each row, or is one for all; with two classes, the other one if None. Nothing of
        this fit changes; the minimiser does not depend on the start.

        Raises
        ------
        ValueError
            If the edit leaves a class without examples, where a free intercept has no minimiser.
        """
        check_monitor(monitor, who="refit")
        check_edit(edit, who="refit")
        problem = self.edited(as_rows(rows, self.n_rows, who="refit: rows"), edit, labels)
        start = self.theta if start is None else as_numbers(start, who="refit: start")
        if start.shape != self.theta.shape:
            raise ValueError(f"refit: expected start of shape {self.theta.shape}, got {start.shape}.")
        return minimiser(problem, start, self.preconditioner, monitor, self)

    def edited(self, rows: IntArray, edit: Edit, labels: Any) -> Problem:
        """The problem with rows edited, as `refit` edits them.

        Raises
        ------
        ValueError
            If labels are not one of the classes for each row, or a class is left without examples.
        """
        try:
            edits = self.problem.edits_of(rows, edit, self._new_codes(rows, edit, labels))
        except ValueError as error:
            raise ValueError(f"refit: {error}") from None
        problem = self.problem.edited(edits, edit)
        if min(problem.class_weights) <= 0:
            lost = self.classes[int(np.argmin(problem.class_weights))]
            left = "examples of one class only" if len(self.classes) == 2 else f"the class {lost!r} without examples"
            raise ValueError(
                f"refit: the edit of {len(rows)} rows leaves {left}, so that no model can be "
                "fitted. Keep at least one row of each class."
            )
        return problem

    def _new_codes(self, rows: IntArray, edit: Edit, labels: Any) -> IntArray | None:
        if labels is None or edit == "remove":
            return None
        given = as_array(labels, who="refit: labels")
        if given.ndim == 0:
            given = np.full(len(rows), given)
        if given.shape != (len(rows),):
            raise ValueError(f"expected one new label for each of the {len(rows)} rows, got labels of {given.shape}.")
        return np.array([code_of(label, self.classes, who="labels") for label in given.tolist()], dtype=np.int64)

    def __repr__(self) -> str:
        design = self.problem.design
        return (
            f"Fit({design.n_rows} rows, {design.n_features} features, C={self.C:g}, "
            f"classes={self.classes.tolist()}, gradient_norm={self.gradient_norm:.2g})"
        )

    def _repr_html_(self) -> str:
        facts = {
            "Training rows": f"{self.n_rows:,}",
            "Features": f"{self._n_features:,}",
            "Classes": several(self.classes.tolist()),
            "C": f"{self.C:g}",
            "Gradient norm": f"{self.gradient_norm:.2g}",
        }
        return card("Fit", facts.items())


def fit(
    X: Any,
    y: Any,
    C: float = 1.0,
    sample_weight: Any = None,
    fit_intercept: bool = True,
    *,
    class_weight: Any = None,
    monitor: Monitor | None = None,
) -> Fit:
    """Fit an L2-regularised logistic regression by truncated Newton.

    Minimises ``sum_i s_i log(1 + exp(-(2 y_i - 1) eta_i)) + |coef|^2 / (2 C)``, ``eta = X coef + intercept``, the
    intercept unpenalised: scikit-learn's objective. With more than two classes the multinomial one,
    ``sum_i s_i (log sum_k exp(eta_ik) - eta_i,y_i) + |coef|^2 / (2 C)``.

    Parameters
    ----------
    X
        Training rows, shape (n_rows, n_features): SciPy sparse in any format, dense, a frame of numbers of any library
        (its columns are then known by name), or a `Design`. Held by reference where it is canonical float64 CSR or a
        float64 array, otherwise copied once.
    y
        Labels of two classes or more, shape (n_rows,): numbers, strings or booleans, in a list, array or column of any
        library.
    C
        Inverse regularisation strength, positive and finite.
    sample_weight
        Non-negative weights, shape (n_rows,); all 1 if None.
    fit_intercept
        Whether there is an intercept.
    class_weight
        What the weights of a class's rows are multiplied by: a mapping of labels to positive numbers (others 1), or
        ``"balanced"``, ``n / (K n_k)``, n_k the weight of the class and n that of all rows. A relabelled row takes the
        weight of its new class.

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
    X = materialised(X, who="fit: X")
    design = compacted(as_design(X, who="fit: X"))
    labels = encode(y, design.n_rows, who="fit", several=True)
    weights = check_weights(sample_weight, labels, who="fit")
    following = label_weights(class_weight, labels, weights, who="fit")
    stated = Problem if len(labels.classes) == 2 else MultinomialProblem
    problem = stated(
        design,
        labels,
        weights if following is None else following.of(labels.codes),
        1.0 / check_C(C, who="fit"),
        has_intercept=as_flag(fit_intercept, who="fit: fit_intercept"),
        label_weights=following,
    )
    return replace(minimiser(problem, np.zeros(problem.n_params), None, monitor, None), columns=column_names(X))


def minimiser(
    problem: Problem,
    start: FloatArray,
    preconditioner: Preconditioner | None,
    monitor: Monitor | None,
    like: Fit | None,
) -> Fit:
    """The fit of a problem from a start; ``like`` lends transform, names of columns and threshold.

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
    found = Fit(problem, theta, eta, result.gradient_norm)
    if like is None:
        return found
    return replace(found, transform=like.transform, columns=like.columns, threshold=like.threshold)


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


def check_any_fit(fit: Any, *, who: str, bayes: bool = False, instead: str = "") -> None:
    """Refuse what is no `Fit`, nor a `BayesFit` where that will do; ``instead`` says what does for a naive Bayes.

    Raises
    ------
    TypeError
        If it is something else, such as an estimator.
    """
    if isinstance(fit, BayesFit):
        if bayes:
            return
        raise TypeError(f"{who}: expected a Fit with coefficients, got {fit}. {instead or _OF_BAYES}")
    if not isinstance(fit, Fit):
        raise TypeError(
            f"{who}: expected a Fit, as fit and adopt make, got {shown(fit)}. Adopt a scikit-learn estimator with "
            "rw.adopt(estimator, X, y)."
        )


def check_fit(fit: Any, *, who: str, several: bool = False, instead: str = "") -> None:
    """Refuse what is no `Fit` of two classes (or of ``several``) with weights that stay with the rows.

    Raises
    ------
    TypeError
        If it is something else, such as an estimator; ``instead`` says what does for a naive Bayes.
    ValueError
        If it has more classes, or weights that follow the label.
    """
    check_any_fit(fit, who=who, instead=instead)
    if len(fit.classes) > 2 and not several:
        raise ValueError(
            f"{who}: expected a fit of two classes, got {len(fit.classes)}: {shown(fit.classes.tolist())}. What proves "
            "bounds with more: find_flip_set on small problems, and single_relabel_table."
        )
    if fit.problem.label_weights is not None:
        raise ValueError(
            f"{who}: expected weights that stay with the rows, got a fit with class_weight, which gives a relabelled "
            "row another one. Refit with class_weight=None and pass the weights as sample_weight."
        )


def check_logistic(fit: Any, *, who: str) -> None:
    """As `check_fit`, but refuse other losses than the logistic as well, on whose curvature proofs rest.

    Raises
    ------
    TypeError, ValueError
        If it is something else.
    """
    check_fit(fit, who=who)
    if not isinstance(fit.problem.row_loss, Logistic):
        raise ValueError(
            f"{who}: expected a fit with the logistic loss, whose curvature the proof rests on, got one of another "
            "loss. Call find_flip_set without it: its lower bound comes from trying all smaller sets, or of ridge "
            "regression from the ranking."
        )


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

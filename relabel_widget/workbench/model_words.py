"""The user's model in words: what it is, and what was minimised to fit it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..bayes import BayesFit
from ..fits import AnyFit, Fit
from ..problem import LOGISTIC, MODIFIED_HUBER, RIDGE, SQUARED_HINGE, Logistic, OneVsRestProblem


def model_facts(fit: AnyFit, estimator: Any) -> Iterator[tuple[str, str]]:
    """Names and values of what the model is; ``estimator`` as it was given, or a fit."""
    given = fit.own.estimator if estimator is fit and fit.own is not None else estimator
    yield "Model", "fitted by relabel_widget" if given is fit else named(given)
    if isinstance(fit, Fit):
        yield "Objective", objective(fit)
        yield "C (inverse regularisation)", f"{fit.C:g}"
    else:
        yield "Fitted by", f"the words or features counted in each class (naive Bayes, {_of_bayes(fit)})"


def named(estimator: Any) -> str:
    """The classifier by the name of its class, and what is around it."""
    name = type(estimator).__name__
    steps = getattr(estimator, "steps", None)
    if steps and hasattr(estimator, "named_steps"):
        return f"{named(steps[-1][1])}, at the end of a {name}"
    inner = getattr(estimator, "best_estimator_", None) or getattr(estimator, "estimator", None)
    return f"{named(inner)}, inside {name}" if hasattr(inner, "fit") else name


def objective(fit: Fit) -> str:
    """What was minimised: the loss, and what several classes do to it."""
    name = next(words for loss, words in _LOSSES if loss == fit.problem.row_loss)
    if len(fit.classes) == 2:
        return name
    if isinstance(fit.problem, OneVsRestProblem):
        return f"{name}, each of {len(fit.classes)} classes against the rest"
    return f"{name} of {len(fit.classes)} classes"


def has_probabilities(fit: AnyFit) -> bool:
    """Whether what is shown as probabilities are estimates of such, and not the decision on a scale from 0 to 1."""
    return not isinstance(fit, Fit) or isinstance(fit.problem.row_loss, Logistic)


def _of_bayes(fit: BayesFit) -> str:
    return type(fit.model).__name__.lower()


_LOSSES = (
    (LOGISTIC, "L2-regularised logistic regression"),
    (RIDGE, "L2-regularised squared error of the classes (ridge regression)"),
    (SQUARED_HINGE, "L2-regularised squared hinge (linear support vector machine)"),
    (MODIFIED_HUBER, "L2-regularised modified Huber loss"),
)

"""What fitted classifiers of scikit-learn minimised; those that minimised something else are refused in words.

One function for each kind of classifier states its objective. All are the one of `Problem`: ``sum_i s_i loss_i +
|coef|^2 / (2 C)`` with the logistic loss, so that C and the penalty of the intercept tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .fitting import check_C
from .steps import check_ways


@dataclass(frozen=True)
class Objective:
    """The objective of a fitted classifier.

    Attributes
    ----------
    l2
        The penalty: ``l2 / 2`` times ``|coef|^2``; 1 / C.
    has_intercept
        Whether there is an intercept.
    intercept_l2
        Its penalty: ``intercept_l2 / 2`` times its square.
    of_mean
        Whether it is of the mean loss, so that in sums the penalty counts once for each row.
    chosen
        Whether the fit chose C by looking at the labels, as a refit would choose again.
    """

    l2: float
    has_intercept: bool
    intercept_l2: float = 0.0
    of_mean: bool = False
    chosen: bool = False

    def l2_on(self, n_rows: int) -> float:
        """The penalty in the sum over that many training rows."""
        return self.l2 * n_rows if self.of_mean else self.l2


def objective_of(classifier: Any) -> Objective:
    """What a fitted classifier minimised.

    Raises
    ------
    TypeError
        If it is of a kind with another objective.
    ValueError
        If it is not fitted, or its parameters give it another objective.
    """
    stated = _stated_by(classifier)
    if not hasattr(classifier, "coef_"):
        raise ValueError(f"adopt: this {type(classifier).__name__} is not fitted yet. Call its fit(X, y) first.")
    return stated(classifier)


def _stated_by(classifier: Any) -> Callable[[Any], Objective]:
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier

    kinds: dict[type, Callable[[Any], Objective]] = {
        LogisticRegressionCV: _cross_validated,
        LogisticRegression: _logistic,
        SGDClassifier: _stochastic,
    }
    for kind, stated in kinds.items():
        if isinstance(classifier, kind):
            check_ways(classifier, f"Refit with {kind.__name__} itself.")
            return stated
    raise TypeError(f"adopt: {refusal(classifier)}")


# --- the objectives


def _logistic(model: Any) -> Objective:
    """``sum_i s_i loss_i + |coef|^2 / (2 C)``; with liblinear the intercept is penalised like a coefficient."""
    return _of_logistic(model, model.C, _penalty_name(model, model.C, model.l1_ratio))


def _cross_validated(model: Any) -> Objective:
    """That of `_logistic` at the C that was chosen: the last step of the fit is a fit to all rows with it.

    Raises
    ------
    ValueError
        If it kept averages over folds, which minimise nothing, or chose another C for each class.
    """
    if not model.refit:
        raise ValueError(
            "adopt: LogisticRegressionCV with refit=False averages the coefficients of its folds, which minimise no "
            "objective. Refit with refit=True."
        )
    chosen = np.unique(np.ravel(model.C_))
    if len(chosen) > 1:
        raise ValueError(
            f"adopt: this LogisticRegressionCV fitted one class against the rest, with a C for each: {chosen.tolist()}."
            " Refit with solver='lbfgs', which chooses one C for all classes, or use rw.fit_one_vs_rest."
        )
    ratio = np.ravel(model.l1_ratio_)[0]
    return _of_logistic(model, float(chosen[0]), _penalty_name(model, chosen[0], ratio), chosen=True)


def _of_logistic(model: Any, C: Any, penalty: str, *, chosen: bool = False) -> Objective:
    name = type(model).__name__
    if penalty != "l2":
        raise ValueError(
            f"adopt: expected an L2 penalty, got {penalty}. The answers rest on a smooth, strongly convex objective: "
            "refit with LogisticRegression(C=...) and its default penalty."
        )
    if len(model.classes_) == 2 and getattr(model, "multi_class", None) == "multinomial":  # scikit-learn before 1.8
        raise ValueError(
            'adopt: multi_class="multinomial" gives two classes one penalised coefficient vector each: another '
            f"objective. Refit without multi_class; with C={2 * C:g} the probabilities stay the same."
        )
    if len(model.classes_) > 2 and not _is_multinomial(model):
        raise ValueError(
            f"adopt: expected a multinomial {name}, got one of {len(model.classes_)} classes with solver "
            f"{model.solver!r} that was fitted one class against the rest. Refit with solver='lbfgs', or use "
            "rw.fit_one_vs_rest."
        )
    l2 = 1.0 / check_C(C, who="adopt")
    # liblinear appends a column of ``intercept_scaling`` and penalises its coefficient like any other
    penalised = model.solver == "liblinear" and model.fit_intercept
    intercept_l2 = l2 / float(model.intercept_scaling) ** 2 if penalised else 0.0
    return Objective(l2, bool(model.fit_intercept), intercept_l2, chosen=chosen)


def _stochastic(model: Any) -> Objective:
    """``(1/n) sum_i s_i loss_i + alpha / 2 |coef|^2``, so that C is ``1 / (alpha n)``; the intercept is free.

    An epoch steps once for each row, whatever its weight: the row's slope is multiplied by ``s_i``, the decay by alpha
    is not (scikit-learn's ``_sgd_fast``). So n is the number of rows, also where the weights add up to something else.

    Raises
    ------
    ValueError
        If its loss, penalty, classes or rows are others.
    """
    if model.loss != "log_loss":
        raise ValueError(
            f'adopt: expected SGDClassifier with loss="log_loss", got "{model.loss}", another objective. Refit with '
            'loss="log_loss": the same penalty, and probabilities.'
        )
    penalty = _stochastic_penalty(model)
    if penalty != "l2":
        raise ValueError(
            f"adopt: expected an L2 penalty, got {penalty}. The answers rest on a smooth, strongly convex objective: "
            'refit SGDClassifier with penalty="l2" and a positive alpha.'
        )
    if len(model.classes_) > 2:
        raise ValueError(
            f"adopt: SGDClassifier fits {len(model.classes_)} classes one against the rest. Fit LogisticRegression, "
            "which is multinomial, or use rw.fit_one_vs_rest."
        )
    if model.early_stopping:
        raise ValueError(
            "adopt: SGDClassifier with early_stopping=True holds out rows that it does not name, so what it was fitted "
            "to is not known. Refit with early_stopping=False."
        )
    if model.class_weight is not None:
        raise ValueError(
            "adopt: class_weight of SGDClassifier is set. Refit with LogisticRegression, whose class_weight is known "
            "here, or with class_weight=None and the weights as sample_weight, to the estimator's fit and here."
        )
    return Objective(float(model.alpha), bool(model.fit_intercept), of_mean=True)


def _stochastic_penalty(model: Any) -> str:
    if model.penalty is None or model.alpha == 0:
        return "none"
    if model.penalty == "elasticnet":
        return _elastic_net(model.l1_ratio)
    return str(model.penalty)


def _penalty_name(model: Any, C: Any, l1_ratio: Any) -> str:
    """The penalty in words, from `penalty` (older scikit-learn) or from `l1_ratio` and C (1.8 and later)."""
    penalty = getattr(model, "penalty", "deprecated")
    if penalty in {None, "none"} or np.isinf(C):
        return "none"
    if penalty == "deprecated":  # scikit-learn 1.8 and later: l1_ratio alone decides
        return "l1" if l1_ratio == 1 else _elastic_net(l1_ratio or 0.0)
    return _elastic_net(l1_ratio or 0.0) if penalty == "elasticnet" else str(penalty)


def _elastic_net(l1_ratio: float) -> str:
    return "l2" if l1_ratio == 0 else f"elastic net (l1_ratio={l1_ratio})"


def _is_multinomial(model: Any) -> bool:
    """Whether scikit-learn minimised the multinomial objective: the solver says so, before 1.8 also ``multi_class``."""
    import sklearn

    stated = getattr(model, "multi_class", "deprecated")
    if stated in {"ovr", "multinomial"}:
        return bool(stated == "multinomial")
    release = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    return model.solver != "liblinear" and (model.solver != "newton-cholesky" or release >= (1, 6))


# --- what is refused, and what to fit instead

_LOGISTIC = "Fit LogisticRegression(C=...)"
_INSTEAD = {
    "LinearSVC": f"{_LOGISTIC} with the same C: the same penalty, a smooth loss, and probabilities.",
    "SVC": "Fit LogisticRegression on the features of kernel_approximation.Nystroem with the same kernel.",
    "NuSVC": "Fit LogisticRegression on the features of kernel_approximation.Nystroem with the same kernel.",
    "RidgeClassifier": f"{_LOGISTIC} with C = 1 / alpha: the same penalty, and the loss of probabilities.",
    "RidgeClassifierCV": f"{_LOGISTIC} with C = 1 / alpha_: the same penalty, and the loss of probabilities.",
    "Perceptron": 'Fit SGDClassifier(loss="log_loss"): it takes the same steps, towards a minimum.',
    "PassiveAggressiveClassifier": 'Fit SGDClassifier(loss="log_loss"): it takes the same steps, towards a minimum.',
    "OneVsRestClassifier": f"{_LOGISTIC}, which is multinomial, or use rw.fit_one_vs_rest.",
    "OneVsOneClassifier": f"{_LOGISTIC}, which is multinomial, or use rw.fit_one_vs_rest.",
    "CalibratedClassifierCV": f"{_LOGISTIC}, whose probabilities need no calibration; this one averages classifiers.",
    "TunedThresholdClassifierCV": "Fit it, with refit=True or cv='prefit': otherwise which rows it was fitted to is "
    "not known.",
}
_INSTEAD_OF_TREES = (
    "Fit LogisticRegression on columns cut into ranges (preprocessing.KBinsDiscretizer), or on the trees' leaves "
    "(ensemble.RandomTreesEmbedding)."
)


def refusal(estimator: Any) -> str:
    """Why an estimator is not taken, and what to fit instead, in words."""
    name = type(estimator).__name__
    if hasattr(estimator, "refit") and hasattr(estimator, "cv") and name not in _INSTEAD:
        instead = "Fit this search with refit=True (its default), so that it has a best_estimator_."
    elif type(estimator).__module__.startswith(("sklearn.tree", "sklearn.ensemble")):
        instead = _INSTEAD_OF_TREES
    else:
        instead = _INSTEAD.get(name, f"{_LOGISTIC} to the same rows.")
    return (
        f'expected a LogisticRegression, a LogisticRegressionCV, an SGDClassifier(loss="log_loss"), a naive Bayes of '
        "counts (MultinomialNB, ComplementNB, BernoulliNB), or a Pipeline or fitted search that ends in one, "
        f"got {name}. {instead} Or use rw.fit(features, labels, C=...), whose result a "
        "Workbench takes as well."
    )

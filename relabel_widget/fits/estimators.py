"""What fitted classifiers of scikit-learn minimised; those that minimised something else are refused in words.

One function for each kind of classifier states its objective. All are the one of `Problem`, ``sum_i s_i loss_i +
|coef|^2 / (2 C)``: the loss, C, and the penalty of the intercept tell them apart; and whether several classes were
fitted jointly, or each against the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..problem import LOGISTIC, MODIFIED_HUBER, RIDGE, SQUARED_HINGE, Loss, Weighing
from .fitting import check_C
from .linear import is_fitted
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
    loss
        Of one row.
    one_vs_rest
        Whether there are several classes, each fitted against the rest.
    counts_rows
        Whether ``class_weight="balanced"`` counts rows, whatever they weigh.
    weighing
        Where class weights count, if each class is fitted against the rest.
    """

    l2: float
    has_intercept: bool
    intercept_l2: float = 0.0
    of_mean: bool = False
    chosen: bool = False
    loss: Loss = LOGISTIC
    one_vs_rest: bool = False
    counts_rows: bool = False
    weighing: Weighing = "own class"

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
    if not is_fitted(classifier):
        raise ValueError(f"adopt: this {type(classifier).__name__} is not fitted yet. Call its fit(X, y) first.")
    return stated(classifier)


def _stated_by(classifier: Any) -> Callable[[Any], Objective]:
    from sklearn.linear_model import (
        LogisticRegression,
        LogisticRegressionCV,
        RidgeClassifier,
        RidgeClassifierCV,
        SGDClassifier,
    )
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import LinearSVC

    kinds: dict[type, Callable[[Any], Objective]] = {
        LogisticRegressionCV: _cross_validated,
        LogisticRegression: _logistic,
        SGDClassifier: _stochastic,
        LinearSVC: _support_vectors,
        RidgeClassifier: _ridge,
        RidgeClassifierCV: _ridge_cross_validated,
        OneVsRestClassifier: _each_against_the_rest,
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
    l2 = 1.0 / check_C(C, who="adopt")
    # liblinear appends a column of ``intercept_scaling`` and penalises its coefficient like any other
    penalised = model.solver == "liblinear" and model.fit_intercept
    intercept_l2 = l2 / float(model.intercept_scaling) ** 2 if penalised else 0.0
    one_vs_rest = len(model.classes_) > 2 and not _is_multinomial(model)
    return Objective(l2, bool(model.fit_intercept), intercept_l2, chosen=chosen, one_vs_rest=one_vs_rest)


_STOCHASTIC: dict[str, Loss] = {
    "log_loss": LOGISTIC,
    "squared_hinge": SQUARED_HINGE,
    "modified_huber": MODIFIED_HUBER,
    "squared_error": RIDGE,
}


def _stochastic(model: Any) -> Objective:
    """``(1/n) sum_i s_i loss_i + alpha / 2 |coef|^2``, so that C is ``1 / (alpha n)``; the intercept is free.

    The loss is logistic, the squared hinge or the modified Huber loss; ``"squared_error"`` is half of `_ridge`'s. More
    than two classes are fitted each against the rest.

    An epoch steps once for each row, whatever its weight: the row's slope is multiplied by ``s_i``, the decay by alpha
    is not (scikit-learn's ``_sgd_fast``). So n is the number of rows, also where the weights add up to something else.

    Raises
    ------
    ValueError
        If its loss, penalty or rows are others.
    """
    if model.loss not in _STOCHASTIC:
        raise ValueError(
            'adopt: expected SGDClassifier with loss="log_loss", "modified_huber", "squared_hinge" or '
            f'"squared_error", got "{model.loss}", another objective. Refit with loss="log_loss", which has '
            'probabilities, or instead of a hinge with "squared_hinge": the same penalty.'
        )
    penalty = _stochastic_penalty(model)
    if penalty != "l2":
        raise ValueError(
            f"adopt: expected an L2 penalty, got {penalty}. The answers rest on a smooth, strongly convex objective: "
            'refit SGDClassifier with penalty="l2" and a positive alpha.'
        )
    if model.early_stopping:
        raise ValueError(
            "adopt: SGDClassifier with early_stopping=True holds out rows that it does not name, so what it was fitted "
            "to is not known. Refit with early_stopping=False."
        )
    return Objective(
        float(model.alpha) * (2.0 if model.loss == "squared_error" else 1.0),
        bool(model.fit_intercept),
        of_mean=True,
        loss=_STOCHASTIC[model.loss],
        one_vs_rest=len(model.classes_) > 2,
        counts_rows=True,
    )


def _support_vectors(model: Any) -> Objective:
    """``sum_i s_i max(0, 1 - t_i)^2 + |coef|^2 / (2 C)``, t the margin; the intercept is penalised as by liblinear.

    Raises
    ------
    ValueError
        If its loss, penalty or way with several classes is another.
    """
    if model.penalty != "l2":
        raise ValueError(
            f"adopt: expected an L2 penalty, got {model.penalty}. The answers rest on a strongly convex objective: "
            'refit LinearSVC with penalty="l2".'
        )
    if model.loss != "squared_hinge" or model.multi_class != "ovr":
        got = f'loss="{model.loss}"' if model.multi_class == "ovr" else f'multi_class="{model.multi_class}"'
        raise ValueError(
            f'adopt: expected LinearSVC with loss="squared_hinge" and multi_class="ovr", got {got}. Its minimum '
            'has kinks: refit with loss="squared_hinge" and multi_class="ovr", the defaults.'
        )
    l2 = 1.0 / check_C(model.C, who="adopt")
    return Objective(
        l2,
        bool(model.fit_intercept),
        l2 / float(model.intercept_scaling) ** 2 if model.fit_intercept else 0.0,
        loss=SQUARED_HINGE,
        one_vs_rest=len(model.classes_) > 2,
    )


def _ridge(model: Any) -> Objective:
    """``sum_i s_i (1 - t_i)^2 + alpha |coef|^2``, t the margin on targets -1 and +1, so that C is ``1 / (2 alpha)``."""
    if getattr(model, "positive", False):
        raise ValueError(
            "adopt: positive=True keeps coefficients above 0, so that they change by jumps. Refit RidgeClassifier with "
            "positive=False."
        )
    return _of_ridge(model, model.alpha)


def _ridge_cross_validated(model: Any) -> Objective:
    """That of `_ridge` at the alpha that was chosen, with which all rows are fitted."""
    return replace(_of_ridge(model, model.alpha_), chosen=True)


def _of_ridge(model: Any, alpha: Any) -> Objective:
    alphas = np.unique(np.ravel(alpha))
    if len(alphas) > 1 or not 0 < alphas[0] < np.inf:
        raise ValueError(
            f"adopt: expected one positive alpha, got {alphas.tolist()}. Refit {type(model).__name__} with one, which "
            "makes the minimum unique."
        )
    return Objective(
        2.0 * float(alphas[0]),
        bool(model.fit_intercept),
        loss=RIDGE,
        one_vs_rest=len(model.classes_) > 2,
        counts_rows=True,
        weighing="rows",
    )


def _each_against_the_rest(model: Any) -> Objective:
    """That of the classifiers of two classes inside, one for each class.

    Raises
    ------
    ValueError
        If they are not of one objective, or rows may have several classes.
    """
    if model.multilabel_:
        raise ValueError(
            "adopt: expected one class for each row, got a OneVsRestClassifier of several. Fit and adopt one "
            "classifier for each label."
        )
    parts = model.estimators_
    if hasattr(parts[0], "steps") or not hasattr(parts[0], "coef_"):
        raise TypeError(f"adopt: {_inside_of_rest(parts[0])}")
    stated = {objective_of(part) for part in parts}
    if len(stated) > 1:
        raise ValueError(
            "adopt: the classifiers in this OneVsRestClassifier chose different penalties. Refit with "
            "LogisticRegression(C=...) or RidgeClassifier(alpha=...), and the same for all classes."
        )
    return replace(stated.pop(), one_vs_rest=len(model.classes_) > 2, weighing="each problem")


def _inside_of_rest(part: Any) -> str:
    """What to do about a OneVsRestClassifier of something without coefficients."""
    name = type(part).__name__
    if hasattr(part, "steps"):
        instead = "Put the steps before it: make_pipeline(..., OneVsRestClassifier(LogisticRegression()))."
    elif name.endswith("NB"):
        instead = f"{name} knows several classes: fit it without OneVsRestClassifier."
    else:
        instead = "Fit LogisticRegression, LinearSVC or RidgeClassifier inside."
    return f"expected a linear classifier in OneVsRestClassifier, got {name}. {instead}"


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
_LONE = "Fit one of the classifiers inside alone, if it is one of these."
_INSTEAD = {
    "SVC": "Fit LogisticRegression on the features of kernel_approximation.Nystroem with the same kernel.",
    "NuSVC": "Fit LogisticRegression on the features of kernel_approximation.Nystroem with the same kernel.",
    "Perceptron": 'Fit SGDClassifier(loss="log_loss"): it takes the same steps, towards a minimum.',
    "PassiveAggressiveClassifier": 'Fit SGDClassifier(loss="log_loss"): it takes the same steps, towards a minimum.',
    "OneVsOneClassifier": "Fit OneVsRestClassifier of the same, or LogisticRegression, which is multinomial.",
    "OutputCodeClassifier": "Fit OneVsRestClassifier of the same, or LogisticRegression, which is multinomial.",
    "CalibratedClassifierCV": "Fit it with ensemble=False and method='sigmoid' to two classes, method='temperature' to "
    "more, which keep the order of scores.",
    "VotingClassifier": _LONE,
    "StackingClassifier": _LONE,
    "BaggingClassifier": _LONE,
    "LinearRegression": "Fit RidgeClassifier(alpha=...), the same loss on labels, with a penalty.",
    "Ridge": "Fit RidgeClassifier with the same alpha: it is Ridge on labels.",
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
    elif name not in _INSTEAD and type(estimator).__module__.startswith(("sklearn.tree", "sklearn.ensemble")):
        instead = _INSTEAD_OF_TREES
    else:
        instead = _INSTEAD.get(name, f"{_LOGISTIC} to the same rows.")
    return (
        "expected a LogisticRegression, SGDClassifier, LinearSVC or RidgeClassifier, a naive Bayes of counts "
        "(MultinomialNB, ComplementNB, BernoulliNB), or a OneVsRestClassifier, Pipeline or fitted search of these, "
        f"got {name}. {instead} Or use rw.fit(features, labels, C=...), whose result a Workbench takes as well."
    )

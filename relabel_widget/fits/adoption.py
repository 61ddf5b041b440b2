"""Taking over fitted scikit-learn estimators."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from .._typing import AnyArray, FloatArray
from ..bayes import BayesFit, bayes_fit, is_bayes
from ..design import Design, as_design, compacted
from ..inputs import as_labels, column_names, count_rows, materialised
from ..problem import Labels, Problem, encode
from .class_weights import label_weights
from .fitting import Fit, Polish, check_C, check_weights, minimiser
from .multinomial import multinomial_objective
from .own_model import AdoptionWarning, OwnModel, as_dense, coefficients
from .steps import Steps, thawed, unrolled

AnyFit: TypeAlias = Fit | BayesFit
_WAYS = ("decision_function", "predict_proba", "predict")  # to predict


def adopt(estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> AnyFit:
    """Take over a fitted scikit-learn classifier at the minimiser of its objective, or a naive Bayes by its counts.

    Parameters
    ----------
    estimator
        A fitted ``LogisticRegression`` with an L2 penalty and any solver (for liblinear, whose intercept is
        penalised, the objective has that penalty too), a ``MultinomialNB``, ``ComplementNB`` or ``BernoulliNB``, or a
        ``Pipeline`` that ends in one of them. With three classes or more a ``LogisticRegression`` must be multinomial,
        as all solvers but liblinear make it. The steps of a pipeline may be nested pipelines,
        transformers of your own, and transformers that look at the labels.
    X
        What the estimator was fitted on: rows of features, or raw rows for a pipeline. Held by reference.
    y
        Its labels, shape (n_rows,).
    sample_weight
        The weights given to its fit, shape (n_rows,).

    Returns
    -------
    Fit or BayesFit
        A naive Bayes is taken as it is. Others are polished by Newton steps from the estimator's coefficients;
        `Fit.polish` says how far they were, and `Fit.own` refits the estimator itself. A fit from a pipeline takes raw
        rows as queries (numeric matrices too, where the pipeline takes texts).

    Raises
    ------
    TypeError
        If it is none of these, has a way to predict of its own, or a step of the pipeline resamples rows.
    ValueError
        If it is unfitted, has another penalty (l1, elastic net, none), was fitted one class against the rest or on
        other columns, or does not know the labels; or if a step changes the number of rows.

    Warns
    -----
    AdoptionWarning
        If polishing changes the predicted class of a training row; the message says why.
    """
    fit = adopted(estimator, X, y, sample_weight)
    disagreement = Disagreement.of(fit) if isinstance(fit, Fit) else None
    if disagreement is not None:
        warnings.warn(f"adopt: {disagreement}", AdoptionWarning, stacklevel=2)
    return fit


def adopted(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    *,
    who: str = "adopt",
    x_name: str = "X",
    several: bool = True,
) -> AnyFit:
    """`adopt`, without its warning; ``x_name`` is what its caller calls X, ``several`` allows more than two classes."""
    estimator = thawed(estimator)
    steps, model = unrolled(estimator, who=who)
    if not is_bayes(model):
        _check_adoptable(model)
    rows = materialised(X, who=f"{who}: {x_name}")
    y = materialised(y, who=f"{who}: y")
    columns = column_names(rows)
    features = rows
    if steps is not None:
        rows = steps.brought(rows, f"{who}: {x_name}")
        labels_given = as_labels(y, count_rows(rows, who=f"{who}: {x_name}"), who=who)
        features = steps.training(rows, labels_given, who=f"{who}: {x_name}")
    if is_bayes(model):
        if steps is None:
            _check_names(model, features, who)
        design = as_design(features, who=f"{who}: {x_name}")
        taken = bayes_fit(model, design, y, sample_weight, transform=steps, columns=columns)
        weights = None if sample_weight is None else taken.weights
        return replace(taken, own=_own(estimator, model, steps, rows, features, taken.y, weights, design))
    design = compacted(as_design(features, who=f"{who}: {x_name}"))
    coef = as_dense(model.coef_)
    if design.n_features != coef.shape[1]:
        raise ValueError(
            f"{who}: the estimator was fitted on {coef.shape[1]} columns, got {x_name} of shape {design.shape}. "
            "Pass the training matrix it was fitted on."
        )
    if steps is None:
        _check_names(model, features, who)
    labels = encode(y, design.n_rows, who=who, classes=np.asarray(model.classes_), several=several)
    weights = check_weights(sample_weight, labels, who=who)
    fit = _polished(*_objective(model, design, labels, weights))
    given_weights = None if sample_weight is None else weights
    own = _own(estimator, model, steps, rows, features, fit.y, given_weights, design)
    own = replace(own, distance=fit.polish.typical_change if fit.polish else 0.0)
    return replace(fit, transform=steps, own=own, columns=columns)


def _own(
    estimator: Any,
    model: Any,
    steps: Steps | None,
    rows: Any,
    features: Any,
    labels: AnyArray,
    sample_weight: FloatArray | None,
    design: Design,
) -> OwnModel:
    """The estimator with what it was fitted to; where that is the minimiser, it is no distance away."""
    as_features = isinstance(rows, Design)
    return OwnModel(
        estimator=model if as_features else estimator,
        classifier=model,
        steps=None if as_features else steps,
        rows=rows,
        features=features,
        labels=labels,
        sample_weight=sample_weight,
        distance=0.0,
        n_stored=design.n_stored,
    )


def _objective(model: Any, design: Design, labels: Labels, weights: FloatArray) -> tuple[Problem, FloatArray]:
    """What the estimator minimised, and where it stopped, (n_params,)."""
    following = label_weights(model.class_weight, labels, weights, who="adopt")
    if following is not None:
        weights = following.of(labels.codes)
    if len(labels.classes) > 2:
        multinomial, point = multinomial_objective(model, design, labels, weights)
        return replace(multinomial, label_weights=following), point
    problem = Problem(
        design,
        labels,
        weights,
        l2=1.0 / check_C(model.C, who="adopt"),
        has_intercept=bool(model.fit_intercept),
        intercept_l2=_intercept_l2(model),
        label_weights=following,
    )
    return problem, coefficients(model, problem.n_params)


@dataclass(frozen=True)
class Disagreement:
    """How many rows an estimator predicts differently from its minimiser, and why; at the threshold 0.5.

    Attributes
    ----------
    n_train, n_test
        Rows predicted otherwise.
    of_train, of_test
        Rows looked at.
    cause
        In words.
    """

    n_train: int
    of_train: int
    n_test: int
    of_test: int
    cause: str

    @classmethod
    def of(cls, fit: Fit, n_test: int = 0, of_test: int = 0) -> Disagreement | None:
        """Between a fit and the estimator it was adopted from; None where all predictions agree."""
        n_train = 0 if fit.polish is None else fit.polish.predictions_changed
        if fit.own is None or not n_train + n_test:
            return None
        return cls(n_train, fit.n_rows, n_test, of_test, fit.own.why_elsewhere(fit.coef))

    def __str__(self) -> str:
        rows = f"{self.n_train:,} of {self.of_train:,} training rows"
        if self.of_test:
            rows = f"{self.n_test:,} of {self.of_test:,} test rows and {rows}"
        return (
            f"The adopted estimator predicts {rows} differently from the minimum of its objective, which influences "
            f"and flip sets describe. {self.cause} Flip sets that this may affect are confirmed by refitting the "
            "estimator, or marked as not confirmed."
        )


def _check_adoptable(model: Any) -> None:
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

    if isinstance(model, LogisticRegressionCV) or not isinstance(model, LogisticRegression):
        raise TypeError(
            "adopt: expected a LogisticRegression, a naive Bayes of counts (MultinomialNB, ComplementNB, BernoulliNB) "
            f"or a Pipeline ending in one of them, got {type(model).__name__}. "
            "Refit with LogisticRegression (for a cross-validated model, with the C it chose), or use rw.fit, whose "
            "result a Workbench takes as well."
        )
    if not hasattr(model, "coef_"):
        raise ValueError("adopt: this LogisticRegression is not fitted yet. Call its fit(X, y) first.")
    penalty = _penalty_name(model)
    if penalty != "l2":
        raise ValueError(
            f"adopt: expected an L2 penalty, got {penalty}. The answers rest on a smooth, strongly convex objective: "
            "refit with LogisticRegression(C=...) and its default penalty."
        )
    own_ways = [name for name in _WAYS if getattr(type(model), name) is not getattr(LogisticRegression, name)]
    if own_ways:
        raise TypeError(
            f"adopt: {type(model).__name__} predicts by a {own_ways[0]} of its own, so that its probabilities are not "
            "those of its coefficients. Refit with LogisticRegression itself."
        )
    if len(model.classes_) == 2 and getattr(model, "multi_class", None) == "multinomial":  # scikit-learn before 1.8
        raise ValueError(
            'adopt: multi_class="multinomial" gives two classes one penalised coefficient vector each: another '
            f"objective. Refit without multi_class; with C={2 * model.C:g} the probabilities stay the same."
        )


def _penalty_name(model: Any) -> str:
    """The penalty in words, from `penalty` (older scikit-learn) or from `l1_ratio` and C (1.8 and later)."""
    penalty, l1_ratio = getattr(model, "penalty", "deprecated"), model.l1_ratio or 0.0
    if penalty in {None, "none"} or np.isinf(model.C):
        return "none"
    if penalty == "deprecated":  # scikit-learn 1.8 and later: l1_ratio alone decides
        return "l2" if l1_ratio == 0 else "l1" if l1_ratio == 1 else f"elastic net (l1_ratio={l1_ratio})"
    if penalty == "elasticnet":
        return "l2" if l1_ratio == 0 else f"elastic net (l1_ratio={l1_ratio})"
    return str(penalty)


def _intercept_l2(model: Any) -> float:
    """Liblinear appends a column of ``intercept_scaling`` and penalises its coefficient like any other."""
    if model.solver != "liblinear" or not model.fit_intercept:
        return 0.0
    return 1.0 / (float(model.C) * float(model.intercept_scaling) ** 2)


def _check_names(model: Any, X: Any, who: str) -> None:
    expected, got = getattr(model, "feature_names_in_", None), column_names(X)
    if expected is not None and got is not None and list(expected) != got:
        differing = [name for name in got if name not in set(expected)][:3] or ["the same names in another order"]
        raise ValueError(
            f"{who}: the estimator was fitted on other columns: {differing}. Pass the frame it was fitted on."
        )


def _polished(problem: Problem, start: FloatArray) -> Fit:
    before = problem.eta(start)
    fit = minimiser(problem, start, None, None, None)
    change = fit.eta - before
    polish = Polish(
        gradient_norm=float(np.linalg.norm(problem.gradient(start, problem.dloss(before)))),
        distance=float(np.linalg.norm(fit.theta - start)),
        largest_change=float(np.abs(change).max()),
        typical_change=float(np.sqrt(np.mean(change * change))),
        predictions_changed=int(np.count_nonzero(problem.predicted_rows(fit.eta) != problem.predicted_rows(before))),
    )
    return replace(fit, polish=polish)

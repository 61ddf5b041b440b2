"""Taking over fitted scikit-learn estimators."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from .._typing import FloatArray
from ..bayes import BayesFit, bayes_fit, is_bayes
from ..design import Design, as_design, compacted
from ..problem import Problem, encode
from .fitting import Fit, Polish, check_C, check_weights, minimiser

_NOTABLE = 0.01  # share of training predictions that must change before a warning is worth a person's attention


AnyFit: TypeAlias = Fit | BayesFit


def adopt(estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> AnyFit:
    """Take over a fitted scikit-learn classifier at the minimiser of its objective, or a naive Bayes by its counts.

    Parameters
    ----------
    estimator
        A fitted ``LogisticRegression`` with an L2 penalty and any solver (for liblinear, whose intercept is
        penalised, the objective has that penalty too), a ``MultinomialNB``, ``ComplementNB`` or ``BernoulliNB``, or
        a ``Pipeline`` that ends in one of them.
    X
        What the estimator was fitted on: rows of features, or raw rows for a pipeline.
    y
        Its labels, shape (n_rows,), two classes; two or more for a naive Bayes.
    sample_weight
        The weights given to its fit, shape (n_rows,).

    Returns
    -------
    Fit or BayesFit
        A naive Bayes is taken as it is. Others are polished by Newton steps from the estimator's coefficients;
        `Fit.polish` says how far they were. A fit from a pipeline takes raw rows as queries (numeric matrices too,
        where the pipeline takes texts).

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If it is unfitted, has another penalty (l1, elastic net, none), class weights or more than two classes,
        was fitted on other columns, or does not know the labels.

    Warns
    -----
    UserWarning
        If polishing changes the predicted class of more than 1 % of the training rows: the estimator was then
        fitted on other data, or stopped long before it converged.
    """
    model, transform = _final_step(estimator)
    who = "adopt"
    if is_bayes(model):
        _check_names(model, X if transform is None else None)
        return bayes_fit(
            model, as_design(X if transform is None else transform(X), who="adopt: X"), y, sample_weight, transform
        )
    _check_adoptable(model)
    design = compacted(as_design(X if transform is None else transform(X), who="adopt: X"))
    if design.n_features != model.coef_.shape[1]:
        raise ValueError(
            f"adopt: the estimator was fitted on {model.coef_.shape[1]} columns, got X of shape {design.shape}. "
            "Pass the training matrix it was fitted on."
        )
    _check_names(model, X if transform is None else None)
    labels = encode(y, design.n_rows, who=who, classes=np.asarray(model.classes_))
    problem = Problem(
        design,
        labels,
        check_weights(sample_weight, labels, who=who),
        l2=1.0 / check_C(model.C, who=who),
        has_intercept=bool(model.fit_intercept),
        intercept_l2=_intercept_l2(model),
    )
    start = np.asarray(model.coef_, dtype=np.float64)[0]
    if problem.has_intercept:
        start = np.append(start, float(model.intercept_[0]))
    return _polished(problem, start, transform)


def _final_step(estimator: Any) -> tuple[Any, Callable[[Any], Any] | None]:
    """The classifier, and what turns raw rows into its features (None outside a pipeline)."""
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from sklearn.pipeline import Pipeline

    model, transform = estimator, None
    if isinstance(estimator, Pipeline):
        model = estimator.steps[-1][1]
        if len(estimator.steps) > 1:
            transform = _raw_rows(estimator)
    if is_bayes(model):
        return model, transform
    if isinstance(model, LogisticRegressionCV) or not isinstance(model, LogisticRegression):
        raise TypeError(
            "adopt: expected a LogisticRegression, a naive Bayes of counts (MultinomialNB, ComplementNB, BernoulliNB) "
            f"or a Pipeline ending in one of them, got {type(model).__name__}. "
            "Refit with LogisticRegression (for a cross-validated model, with the C it chose), or use rw.fit."
        )
    return model, transform


def _raw_rows(pipeline: Any) -> Callable[[Any], Any]:
    takes_texts = not hasattr(pipeline, "n_features_in_")  # vectorisers of texts do not count columns

    def transform(rows: Any) -> Any:
        if isinstance(rows, Design):
            return rows
        numeric = sparse.issparse(rows) or (
            isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.dtype.kind in "fiub"
        )
        if takes_texts and numeric:
            return rows
        if takes_texts and hasattr(rows, "columns") and rows.shape[1] == 1:
            rows = rows.iloc[:, 0]  # a vectoriser would read the column's name for the only text
        return pipeline[:-1].transform(rows)

    return transform


def _check_adoptable(model: Any) -> None:
    if not hasattr(model, "coef_"):
        raise ValueError("adopt: this LogisticRegression is not fitted yet. Call its fit(X, y) first.")
    penalty = _penalty_name(model)
    if penalty != "l2":
        raise ValueError(
            f"adopt: expected an L2 penalty, got {penalty}. The answers rest on a smooth, strongly convex objective: "
            "refit with LogisticRegression(C=...) and its default penalty."
        )
    if model.class_weight is not None:
        raise ValueError(
            "adopt: class_weight is set, and a relabelled row would change its weight with its class. "
            "Refit with class_weight=None and pass the weights as sample_weight: they then stay with the rows."
        )
    if model.coef_.shape[0] != 1 or len(model.classes_) != 2:
        raise ValueError(
            f"adopt: expected two classes, got {len(model.classes_)}: {model.classes_.tolist()}. "
            "More than two are not supported yet: fit one class against the rest."
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


def _check_names(model: Any, X: Any) -> None:
    expected, got = getattr(model, "feature_names_in_", None), getattr(X, "columns", None)
    if expected is not None and got is not None and list(expected) != list(got):
        differing = [name for name in got if name not in set(expected)][:3] or ["the same names in another order"]
        raise ValueError(
            f"adopt: the estimator was fitted on other columns: {differing}. Pass the frame it was fitted on."
        )


def _polished(problem: Problem, start: FloatArray, transform: Callable[[Any], Any] | None) -> Fit:
    before = problem.eta(start)
    fit = minimiser(problem, start, None, None, None)
    polish = Polish(
        gradient_norm=float(np.linalg.norm(problem.gradient(start, problem.dloss(before)))),
        distance=float(np.linalg.norm(fit.theta - start)),
        largest_change=float(np.abs(fit.eta - before).max()),
        predictions_changed=int(np.count_nonzero((fit.eta > 0) != (before > 0))),
    )
    if polish.predictions_changed > _NOTABLE * fit.n_rows:
        warnings.warn(
            f"adopt: at the minimiser {polish.predictions_changed} of {fit.n_rows} training rows are predicted "
            "otherwise than by the estimator as given. Was it fitted on these rows and labels, and run to "
            "convergence (more max_iter, smaller tol)?",
            stacklevel=3,
        )
    return replace(fit, transform=transform, polish=polish)

"""Taking over a fitted multinomial LogisticRegression."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import FloatArray
from ..design import Design
from ..problem import Labels, MultinomialProblem
from .fitting import check_C


def multinomial_objective(
    model: Any, design: Design, labels: Labels, weights: FloatArray
) -> tuple[MultinomialProblem, FloatArray]:
    """The objective of a LogisticRegression of three classes or more, and its own point: parameters, (n_params,).

    Raises
    ------
    ValueError
        If it was fitted one class against the rest.
    """
    if not _is_multinomial(model):
        raise ValueError(
            f"adopt: expected a multinomial LogisticRegression, got one of {len(model.classes_)} classes with solver "
            f"{model.solver!r} that was fitted one class against the rest. Refit with solver='lbfgs', or use "
            "rw.fit_one_vs_rest."
        )
    problem = MultinomialProblem(
        design, labels, weights, l2=1.0 / check_C(model.C, who="adopt"), has_intercept=bool(model.fit_intercept)
    )
    coef = np.asarray(model.coef_, dtype=np.float64)
    return problem, problem.theta_of(coef, np.asarray(model.intercept_, dtype=np.float64))


def _is_multinomial(model: Any) -> bool:
    """Whether scikit-learn minimised the multinomial objective: the solver says so, before 1.8 also ``multi_class``."""
    import sklearn

    stated = getattr(model, "multi_class", "deprecated")
    if stated in {"ovr", "multinomial"}:
        return bool(stated == "multinomial")
    release = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    return model.solver != "liblinear" and (model.solver != "newton-cholesky" or release >= (1, 6))

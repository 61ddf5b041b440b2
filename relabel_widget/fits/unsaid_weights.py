"""Weights that an estimator was fitted with and nobody passed on: balanced ones, which are told by its coefficients."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ..problem import Labels, Problem

UNSAID = (
    "No sample_weight was passed, but the estimator's coefficients are the minimum with balanced weights, as "
    'compute_sample_weight("balanced", y) makes them, and not without: these are used. Each row keeps its weight when '
    'it is relabelled; for weights that follow the labels, fit with class_weight="balanced".'
)

_EXPLAINED = 0.01  # of the gradient: what a solver stopped at its usual tolerance leaves is far less


def unsaid_weights(problem: Problem, theta: FloatArray, labels: Labels) -> FloatArray | None:
    """Balanced weights of the rows, (n_rows,), if they explain an estimator's coefficients; otherwise None.

    They do where the gradient of the objective with these weights is at most a hundredth of the one without. Weights
    other than those that are looked for leave both gradients large, and a minimum without weights the second small.

    Notes
    -----
    Cost: one product with X and two with its transpose, where the classes are of different sizes.
    """
    sizes = np.bincount(labels.codes, minlength=len(labels.classes))
    if (sizes == sizes[0]).all() or not sizes.all():
        return None
    weights = (problem.design.n_rows / (len(sizes) * sizes))[labels.codes]
    slopes = problem.dloss(problem.eta(theta))
    weighted = (slopes.reshape(len(weights), -1) * weights[:, None]).ravel()
    without, balanced = (float(np.linalg.norm(problem.gradient(theta, each))) for each in (slopes, weighted))
    return weights if balanced <= _EXPLAINED * without else None

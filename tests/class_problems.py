"""Small problems of several classes, and scikit-learn's own answers to them."""

from __future__ import annotations

import inspect
from itertools import combinations
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from oracles import quiet_fit
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight

import relabel_widget as rw
from relabel_widget.bound import SmallClasses

Array = NDArray[Any]

CHOLESKY_IS_MULTINOMIAL = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 6)  # before, one against the rest
BALANCES_BY_WEIGHT = "sample_weight" in inspect.signature(compute_class_weight).parameters  # before, by rows
EXACT = "newton-cholesky" if CHOLESKY_IS_MULTINOMIAL else "newton-cg"


def class_case(seed: int, n: int = 60, p: int = 4, n_classes: int = 3, sparsity: float = 0.0) -> tuple[Array, Array]:
    """Rows and labels 0 .. n_classes - 1 that depend on them, at least three of each."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) * (rng.random((n, p)) >= sparsity)
    y = np.argmax(x @ rng.normal(size=(p, n_classes)) + rng.normal(size=(n, n_classes)), axis=1)
    y[: 3 * n_classes] = np.arange(3 * n_classes) % n_classes
    return x, y


def refitted(x: Any, y: Array, C: float = 1.0, **settings: Any) -> LogisticRegression:
    """scikit-learn's own multinomial minimiser."""
    weights = settings.pop("sample_weight", None)
    solver = "lbfgs" if sparse.issparse(x) or x.shape[1] > 200 else EXACT
    model = LogisticRegression(C=C, tol=1e-11, max_iter=50_000, solver=solver, **settings)
    return quiet_fit(model, x, y, sample_weight=weights)


def with_labels(y: Array, rows: Array, labels: Array) -> Array:
    """A copy of y in which some rows have these labels."""
    edited = y.copy()
    edited[rows] = labels
    return edited


def optimum(fit: rw.Fit, x: Array, y: Array, query: Array, most: int) -> int:
    """The least size of a flipping set, up to ``most``, by scikit-learn's refits of what is near; 0 if it is larger."""
    problem = fit.problem
    code = int(fit.decision(query[None])[0].argmax())
    edits = np.array([row * 3 + label for row in range(len(y)) for label in range(3) if label != y[row]])
    small = SmallClasses.of(fit, np.append(query, 1.0), code, None, "relabel")
    for size in range(1, most + 1):
        sets = np.array(list(combinations(edits, size)))
        parts = [small.margins(some) for some in np.array_split(sets, 9)]
        margins, doubts = (np.concatenate(part) for part in zip(*parts, strict=True))
        for place in np.flatnonzero(margins - doubts < 1e-4):
            rows = problem.rows_of(sets[place])
            edited = with_labels(y, rows, problem.new_labels(sets[place], "relabel"))
            if refitted(x, edited).predict(query[None])[0] != code:
                return size
    return 0

"""Small problems with two or three queries that are wanted otherwise, and their optima by refitting every set."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from class_problems import refitted
from numpy.typing import NDArray
from oracles import sklearn_fit

import relabel_widget as rw

Array = NDArray[Any]
TIE = 1e-5  # log-odds: scikit-learn's refit may fall either way


@dataclass(frozen=True)
class RepairCase:
    """Rows, labels, queries and the class that each query is to have."""

    x: Array
    y: Array
    queries: Array
    wanted: Array
    C: float

    @property
    def fit(self) -> rw.Fit:
        return rw.fit(self.x, self.y, self.C)

    def refit(self, rows: Any, labels: Any) -> Any:
        """scikit-learn's own, on edited labels."""
        y = self.y.copy()
        y[rows] = labels
        return sklearn_fit(self.x, y, self.C) if len(np.unique(self.y)) == 2 else refitted(self.x, y, self.C)

    def holds(self, rows: Any, labels: Any) -> bool:
        """Whether all queries have their class after a refit, or nearly."""
        y = self.y.copy()
        y[rows] = labels
        if len(np.unique(y)) < len(np.unique(self.y)):
            return False
        decision = np.asarray(self.refit(rows, labels).decision_function(self.queries))
        if decision.ndim == 1:
            return bool(((2 * self.wanted - 1) * decision > TIE).all())
        own = decision[np.arange(len(decision)), self.wanted]
        decision[np.arange(len(decision)), self.wanted] = -np.inf
        return bool((own - decision.max(axis=1) > TIE).all())

    def optimum(self, most: int) -> int:
        """The least number of rows whose relabelling gives all queries their class; most + 1 if it is larger."""
        n_classes = len(np.unique(self.y))
        for size in range(most + 1):
            for rows in combinations(range(len(self.y)), size):
                for shift in np.ndindex(*[n_classes - 1] * size):
                    chosen = np.array(rows, dtype=int)
                    labels = (self.y[chosen] + 1 + np.array(shift, dtype=int)) % n_classes
                    if self.holds(chosen, labels):
                        return size
        return most + 1


def repair_case(seed: int, n_classes: int = 2) -> RepairCase:
    """12 to 16 rows of two classes (12 of three), two or three queries, most of them wanted otherwise."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(12, 17)) if n_classes == 2 else 12
    p, m = int(rng.integers(2, 6)), int(rng.integers(2, 4))
    x = rng.normal(size=(n, p))
    y = np.argmax(x @ rng.normal(size=(p, n_classes)) + 0.5 * rng.normal(size=(n, n_classes)), axis=1)
    y[:n_classes] = np.arange(n_classes)
    queries, C = rng.normal(size=(m, p)), float(10 ** rng.uniform(-1, 1))
    fit = rw.fit(x, y, C)
    predicted = fit.problem.predicted(fit.decision(queries))
    wanted = (predicted + rng.integers(1, n_classes, m)) % n_classes
    if rng.random() < 0.3:
        wanted[0] = predicted[0]
    return RepairCase(x, y, queries, wanted, C)

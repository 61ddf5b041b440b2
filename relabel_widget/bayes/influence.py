"""First-order influence on a naive Bayes: one narrow product for each class that takes part."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ..design import Design
from ..monitor import Monitor
from ..problem import Edit
from .fitting import BayesFit
from .terms import terms_of


def bayes_influence(fit: BayesFit, queries: Design, edit: Edit, *, monitor: Monitor | None = None) -> FloatArray:
    """Change of each query's log-odds by editing each row alone, to first order.

    With two classes, of ``classes[1]``, shape (m, n_rows). With more, of the margin between the predicted class and its
    nearest rival: for relabels to each class, shape (m, n_rows, K), 0 for a row's own; for removals, shape (m, n_rows).

    Notes
    -----
    The derivative of ``sum_t w_t log(A_kt)`` in the weight that row i has in class k is ``sum_t w_t F_it / A_kt``.
    Cost: two products with the query's columns for each query.
    """
    n_classes, own = len(fit.classes), np.eye(len(fit.classes))[fit.codes]
    several = n_classes > 2 and edit == "relabel"
    out = np.empty((queries.n_rows, fit.n_rows, *([n_classes] if several else [])))
    for t in range(queries.n_rows):
        if monitor is not None:
            monitor.step("influence of each row", t, queries.n_rows)
        query = queries.take(np.array([t]))
        first, second = 1, 0
        if n_classes > 2:
            first, second = np.argsort(-fit.scores(query)[0], kind="stable")[:2]
        terms = terms_of(fit, query)
        sign = -1.0 if terms.complement else 1.0
        pulls = np.zeros((fit.n_rows, n_classes))  # of a row's weight in each class on the margin
        pulls[:, first] = sign * terms.product(terms.weights / terms.arguments[first])
        pulls[:, second] = -sign * terms.product(terms.weights / terms.arguments[second])
        of_own = (pulls * own).sum(axis=1)
        if several:
            out[t] = pulls - of_own[:, None]
        elif edit == "relabel":
            out[t] = pulls.sum(axis=1) - 2 * of_own
        else:
            out[t] = pulls.sum(axis=1) - of_own if terms.complement else -of_own
    return out

"""First-order influence on a naive Bayes: one narrow product for each class that takes part."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray, IntArray
from ..design import Design
from ..monitor import Monitor
from ..problem import Edit
from .columns import counted
from .fitting import BayesFit
from .terms import Terms, terms_of


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
        terms = terms_of(fit, query)
        pulls = _pulls(fit, terms, margin_of(fit, query))
        of_own = (pulls * own).sum(axis=1)
        if several:
            out[t] = pulls - of_own[:, None]
        elif edit == "relabel":
            out[t] = pulls.sum(axis=1) - 2 * of_own
        else:
            out[t] = pulls.sum(axis=1) - of_own if terms.complement else -of_own
    return out


def margin_of(fit: BayesFit, query: Design, after: BayesFit | None = None) -> tuple[int, int]:
    """Codes of the classes whose margin is looked at: of two the second over the first, else predicted and rival.

    The rival is the nearest other class, by the fit ``after`` if one is given.
    """
    if len(fit.classes) == 2:
        return 1, 0
    first = int(np.argmax(fit.scores(query)[0]))
    others = (fit if after is None else after).scores(query)[0].copy()
    others[first] = -np.inf
    return first, int(np.argmax(others))


def _pulls(fit: BayesFit, terms: Terms, margin: tuple[int, int]) -> FloatArray:
    """Derivative of a margin in the weight that each row has in each class, (n_rows, K)."""
    first, second = margin
    sign = -1.0 if terms.complement else 1.0
    pulls = np.zeros((fit.n_rows, len(fit.classes)))
    pulls[:, first] = sign * terms.product(terms.weights / terms.arguments[first])
    pulls[:, second] = -sign * terms.product(terms.weights / terms.arguments[second])
    return pulls


def bayes_parts(
    fit: BayesFit,
    query: Design,
    moved: FloatArray,
    rows: IntArray,
    margin: tuple[int, int],
    at: BayesFit | None = None,
) -> tuple[FloatArray, IntArray, FloatArray]:
    """What moving weight of some rows between classes does to a query's margin, to first order, and through what.

    Parameters
    ----------
    moved
        The change of each row's weight in each class, as `moved_weights` has it, (len(rows), K).
    margin
        As `margin_of` has it.
    at
        The fit at whose counts this is the derivative, of the same rows; ``fit`` if None.

    Returns
    -------
    changes
        Of the margin by each row, (len(rows),).
    columns, parts
        The columns of the query's words, (c,), and what comes through each, (len(rows), c). The rest comes through
        lengths, the prior and absent columns.
    """
    terms = terms_of(fit, query)
    first, second = margin
    sign = -1.0 if terms.complement else 1.0
    weights = sign * terms.weights / (terms if at is None else terms_of(at, query)).arguments
    pulled = moved[:, [first]] * weights[first] - moved[:, [second]] * weights[second]
    parts = terms.of_rows(rows) * pulled
    columns = np.flatnonzero(counted(query.to_dense(), fit.trained.cut)[0])
    return parts.sum(axis=1), columns, parts[:, np.flatnonzero(~terms.absent)]


def moved_weights(fit: BayesFit, rows: IntArray, codes: IntArray | None) -> FloatArray:
    """What relabelling rows to these codes, or (None) leaving them out, changes of their weights; (len(rows), K)."""
    each = np.eye(len(fit.classes))
    own = each[fit.codes[rows]]
    if codes is not None:
        return np.asarray(each[codes] - own)
    return 1.0 - own if fit.model.complement else -own

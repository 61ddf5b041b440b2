"""First-order influence on a naive Bayes: one narrow product for each class that takes part."""

from __future__ import annotations

from typing import NamedTuple

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


class BayesParts(NamedTuple):
    """How a refit moves a query's margin.

    ``of_terms`` (len(rows), n_terms) is what each edited row does by way of each term, ``columns`` (n_terms,) the
    column that a term is an entry of, -1 for what the query does not have: absent words, lengths, the prior.
    ``change`` is what the margin moved by.
    """

    of_terms: FloatArray
    columns: IntArray
    change: float


def bayes_parts(fit: BayesFit, refit: BayesFit, query: Design, rows: IntArray) -> BayesParts:
    """What each edited row does to the margin between the class predicted before and its nearest rival after the refit.

    With two classes, to the log-odds of ``classes[1]``.

    Notes
    -----
    Along the straight way from the counts of the fit to those of the refit a row's part of ``w log A`` is
    ``w F (log A' - log A) / (A' - A)``: over rows and terms these add up to the change, exactly.
    """
    scores, then = fit.scores(query)[0], refit.scores(query)[0]
    first, second = 1, 0
    if len(fit.classes) > 2:
        first = int(scores.argmax())
        second = int(np.where(np.arange(len(then)) == first, -np.inf, then).argmax())
    before, after = terms_of(fit, query), terms_of(refit, query)
    entries, stays = before.of_rows(rows), refit.weights[rows] > 0
    parts = np.zeros(entries.shape)
    for code, side in ((first, 1.0), (second, -1.0)):
        counted_before = (fit.codes[rows] == code) != before.complement
        counted_after = ((refit.codes[rows] == code) != before.complement) & stays
        moves = counted_after.astype(np.float64) - counted_before
        parts += side * moves[:, None] * entries * _slopes(before, after, code)
    values = counted(query.to_dense(), fit.trained.cut)[0]
    present = np.flatnonzero(values)
    layout = fit.model.layout(present, values[present])
    columns = np.full(entries.shape[1], -1)
    columns[: len(layout.columns)] = np.where(layout.absent, -1, layout.columns)
    return BayesParts(parts, columns, float(then[first] - then[second] - scores[first] + scores[second]))


def _slopes(before: Terms, after: Terms, code: int) -> FloatArray:
    """``w (log A' - log A) / (A' - A)`` of the terms of one class, and its limit ``w / A`` where they are the same."""
    start = before.arguments[code]
    growth = after.arguments[code] / start - 1.0
    same = growth == 0
    return np.asarray(before.weights / start * np.where(same, 1.0, np.log1p(growth) / np.where(same, 1.0, growth)))

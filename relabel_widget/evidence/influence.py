"""First-order influence: factors ``H^-1 x`` per query, then scores by one pass over the training rows.

Source: Yang, Xu, Yu, "Relabeling Minimal Training Subset to Flip a Prediction" (EACL Findings 2024), equations
(1)-(3), with the minus sign that their appendix derives and the equations drop, in log-odds instead of
probabilities; Koh and Liang, "Understanding Black-box Predictions via Influence Functions" (ICML 2017).
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from .._typing import AnyArray, FloatArray, IntArray
from ..arguments import check_choice, check_edit, check_monitor
from ..bayes import BayesFit, bayes_influence
from ..design import Design
from ..fits import AnyFit, Fit, check_any_fit
from ..monitor import Monitor
from ..problem import Edit
from ..solver import SolveResult, solve_many

FACTOR_RTOL = 1e-9
_GROUP = 64  # queries whose factors and scores of one row block are held at a time
_ROWS = 2**15

Direction: TypeAlias = Literal["either", "up", "down"]


class TopInfluence(NamedTuple):
    """Each query's k rows of most influence, the most first; all of shape (m, k).

    ``rows`` int64; ``values`` float64; ``labels``, the label that the value is of: the row's other label, with several
    classes its new label of most influence, for removals its own.
    """

    rows: IntArray
    values: FloatArray
    labels: AnyArray


def relabel_influence(fit: AnyFit, X_query: Any, *, monitor: Monitor | None = None) -> FloatArray:
    """Change of each query's log-odds when that one training row is relabelled, to first order.

    ``out_ti = -s_i (2 y_i - 1) x_i . H^-1 x_t``. With K classes ``out_tib`` is the change of the margin between the
    predicted class and its nearest rival when row i gets the label ``classes[b]``: 0 where it has that label.

    Parameters
    ----------
    fit
        A fit at its minimiser, of n_rows training rows.
    X_query
        Queries, shape (m, n_features), or raw rows of an adopted pipeline.

    Returns
    -------
    float64, shape (m, n_rows), or (m, n_rows, K)
        In units of log-odds (no factor 1/n).

    Raises
    ------
    ArithmeticError
        If conjugate gradients do not reach a relative residual of 1e-9.

    Notes
    -----
    Cost: m right-hand sides by block CG in groups of 16, then one product with X; memory m * n_rows * 8 bytes.
    """
    check_any_fit(fit, who="relabel_influence", bayes=True)
    check_monitor(monitor, who="relabel_influence")
    return _influence(fit, X_query, "relabel", monitor)


def removal_influence(fit: AnyFit, X_query: Any, *, monitor: Monitor | None = None) -> FloatArray:
    """Change of each query's log-odds when that one training row is left out, to first order.

    ``out_ti = -s_i (y_i - p_i) x_i . H^-1 x_t``, (m, n_rows); parameters, errors and cost as `relabel_influence`. It is
    the derivative in the row's weight times -1, without the leverage correction ``1 / (1 - lev_i)``.
    """
    check_any_fit(fit, who="removal_influence", bayes=True)
    check_monitor(monitor, who="removal_influence")
    return _influence(fit, X_query, "remove", monitor)


def factors(fit: Fit, queries: Design, *, rtol: float = FACTOR_RTOL, monitor: Monitor | None = None) -> FloatArray:
    """``H^-1 x_t`` for each query, shape (n_params, m); raises as `solved_factors`."""
    return solved_factors(fit, fit.problem.extended_rows(queries), rtol=rtol, monitor=monitor).x


def solved_factors(
    fit: Fit, functionals: FloatArray, *, rtol: float, with_eta: bool = False, monitor: Monitor | None = None
) -> SolveResult:
    """``H^-1`` times each functional, (n_params, m), and the residual to which it is known.

    Raises
    ------
    ArithmeticError
        If conjugate gradients do not reach ``rtol``.
    """
    solved = solve_many(
        fit.hessian, functionals, rtol=rtol, preconditioner=fit.preconditioner, with_eta=with_eta, monitor=monitor
    )
    if not solved.converged:
        raise ArithmeticError(
            f"influence: conjugate gradients reached a relative residual of {solved.residual:.2g} after "
            f"{solved.iterations} products, expected {rtol:.2g}. Likely cause: columns of very different scale; "
            "standardise them, or take a smaller C."
        )
    return solved


def _influence(fit: AnyFit, X_query: Any, edit: Edit, monitor: Monitor | None) -> FloatArray:
    queries = fit.design_of(X_query, who=f"{'relabel' if edit == 'relabel' else 'removal'}_influence: X_query")
    if isinstance(fit, BayesFit):
        return bayes_influence(fit, queries, edit, monitor=monitor)
    return _scores_of(fit, queries, edit, FACTOR_RTOL, monitor)


def _scores_of(fit: Fit, queries: Design, edit: Edit, rtol: float, monitor: Monitor | None) -> FloatArray:
    problem = fit.problem
    functionals = problem.functionals(queries, fit.theta)
    solved = solved_factors(fit, functionals, rtol=rtol, monitor=monitor).x
    return problem.influence(fit.eta, problem.extended_matvec(problem.design, solved), edit)


def top_influence(
    fit: AnyFit,
    X_query: Any,
    k: int = 100,
    *,
    edit: Edit = "relabel",
    direction: Direction = "either",
    rtol: float = FACTOR_RTOL,
    monitor: Monitor | None = None,
) -> TopInfluence:
    """The k training rows whose edit moves each query's log-odds most, to first order, without all other scores.

    Parameters
    ----------
    fit
        A fit at its minimiser, of n_rows training rows.
    X_query
        Queries, shape (m, n_features), or raw rows of an adopted pipeline.
    k
        Rows a query, at least 1; all n_rows if it is more. Of equal scores the row that comes first is taken.
    edit
        ``"relabel"`` or ``"remove"``: what `relabel_influence` or `removal_influence` would score.
    direction
        ``"up"`` for the largest scores, ``"down"`` for the smallest, ``"either"`` for the largest sizes.
    rtol
        Relative residual to which the systems are solved, in the norm of the preconditioner, between 0 and 1: about
        the error of scores beside the largest. 1e-6 is enough for a ranking that people read, and takes two thirds
        of the time.

    Returns
    -------
    TopInfluence
        Values in units of log-odds; with several classes, of the margin that `relabel_influence` speaks of.

    Raises
    ------
    ValueError
        If k, edit, direction or rtol is not as described.
    ArithmeticError
        If conjugate gradients do not reach ``rtol``.

    Notes
    -----
    Cost: as `relabel_influence`. Memory: 64 queries' factors, and n_rows scores of one query for a design in memory,
    or 64 times one block's for one that lies elsewhere, whose blocks are read once for 64 queries. With K classes
    64 * n_rows * K scores; for a naive Bayes n_rows * K.
    """
    check_any_fit(fit, who="top_influence", bayes=True)
    check_monitor(monitor, who="top_influence")
    check_edit(edit, who="top_influence")
    check_choice(direction, "direction", ("either", "up", "down"), who="top_influence")
    if not isinstance(k, numbers.Integral) or k < 1:
        raise ValueError(f"top_influence: expected k as a whole number of at least 1, got {k!r}.")
    if not 0 < rtol < 1:
        raise ValueError(f"top_influence: expected rtol between 0 and 1, got {rtol!r}.")
    queries, k = fit.design_of(X_query, who="top_influence: X_query"), min(int(k), fit.n_rows)
    if isinstance(fit, BayesFit) or len(fit.classes) > 2:
        return _top_of_all(fit, queries, k, edit, direction, rtol, monitor)
    force = -fit.problem.force(fit.eta, edit)
    rows, values = np.zeros((queries.n_rows, k), dtype=np.int64), np.zeros((queries.n_rows, k))
    for first in range(0, queries.n_rows, _GROUP):
        part = queries.take(np.arange(first, min(first + _GROUP, queries.n_rows)))
        best = [(rows[t, :0], values[t, :0]) for t in range(part.n_rows)]
        for t, start, products in _scores(fit, factors(fit, part, rtol=rtol, monitor=monitor), monitor):
            scores = force[start : start + len(products)] * products
            candidates = np.append(best[t][0], np.arange(start, start + len(scores)))
            both = np.append(best[t][1], scores)
            chosen = _first(_worth(both, direction), k)
            best[t] = candidates[chosen], both[chosen]
        for t, (found, theirs) in enumerate(best):
            order = np.argsort(-_worth(theirs, direction), kind="stable")
            rows[first + t], values[first + t] = found[order], theirs[order]
    codes = fit.problem.labels.codes[rows]
    return TopInfluence(rows, values, fit.problem.labels.decode(1 - codes if edit == "relabel" else codes))


def _top_of_all(
    fit: AnyFit, queries: Design, k: int, edit: Edit, direction: Direction, rtol: float, monitor: Monitor | None
) -> TopInfluence:
    """The same from all scores of one query after another."""
    own = fit.codes if isinstance(fit, BayesFit) else fit.problem.labels.codes
    every, shape = np.arange(fit.n_rows), (queries.n_rows, k)
    rows, values, codes = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape, dtype=np.int64)
    for t, scores in enumerate(_all_scores(fit, queries, edit, rtol, monitor)):
        worth = _worth(scores, direction)
        new = (1 - own if edit == "relabel" else own).astype(np.int64)
        if worth.ndim == 2:
            worth = worth.copy()
            worth[every, own] = -np.inf
            new = worth.argmax(axis=1)
            worth = worth[every, new]
        chosen = _first(worth, k)
        rows[t] = chosen[np.argsort(-worth[chosen], kind="stable")]
        codes[t] = new[rows[t]]
        values[t] = scores[rows[t], codes[t]] if scores.ndim == 2 else scores[rows[t]]
    return TopInfluence(rows, values, fit.classes[codes])


def _all_scores(fit: AnyFit, queries: Design, edit: Edit, rtol: float, monitor: Monitor | None) -> Iterator[FloatArray]:
    """Each query's scores of all rows, (n_rows,), or with several classes of all rows and labels, (n_rows, K)."""
    step = 1 if isinstance(fit, BayesFit) else _GROUP
    for first in range(0, queries.n_rows, step):
        part = queries.take(np.arange(first, min(first + step, queries.n_rows)))
        if isinstance(fit, BayesFit):
            yield from bayes_influence(fit, part, edit, monitor=monitor)
        else:
            yield from _scores_of(fit, part, edit, rtol, monitor)


def _scores(fit: Fit, solved: FloatArray, monitor: Monitor | None) -> Iterator[tuple[int, int, FloatArray]]:
    """``x_i . factor_t`` in runs of rows, as (query, first row, scores); rows ascend for each query."""
    problem = fit.problem
    if problem.design.place != "file":  # which a second pass would read again
        for t in range(solved.shape[1]):
            yield t, 0, problem.eta(np.ascontiguousarray(solved[:, t]))
        return
    coef, shift = (solved[:-1], solved[-1]) if problem.has_intercept else (solved, np.zeros(solved.shape[1]))
    for rows, block in problem.design.blocks():
        for start in range(0, block.shape[0], _ROWS):
            if monitor is not None:
                monitor.check()
            scores = block[start : start + _ROWS] @ coef + shift
            for t in range(solved.shape[1]):
                yield t, rows.start + start, scores[:, t]


def _worth(values: FloatArray, direction: Direction) -> FloatArray:
    if direction == "either":
        return np.abs(values)
    return values if direction == "up" else -values


def _first(worth: FloatArray, k: int) -> IntArray:
    """Places of the k largest, ascending; of equal ones those that come first."""
    if len(worth) <= k:
        return np.arange(len(worth))
    least = np.partition(worth, -k)[-k]
    chosen = worth > least
    chosen[np.flatnonzero(worth == least)[: k - np.count_nonzero(chosen)]] = True
    return np.flatnonzero(chosen)

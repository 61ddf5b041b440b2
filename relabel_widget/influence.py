"""First-order influence: factors ``H^-1 x`` per query, then scores by one pass over the training rows.

Source: Yang, Xu, Yu, "Relabeling Minimal Training Subset to Flip a Prediction" (EACL Findings 2024), equations
(1)-(3), with the minus sign that their appendix derives and the equations drop, in log-odds instead of
probabilities; Koh and Liang, "Understanding Black-box Predictions via Influence Functions" (ICML 2017).
"""

from __future__ import annotations

from typing import Any

from ._typing import FloatArray
from .design import Design
from .fitting import Fit
from .monitor import Monitor
from .problem import Edit
from .solver import solve_many

FACTOR_RTOL = 1e-9


def relabel_influence(fit: Fit, X_query: Any, *, monitor: Monitor | None = None) -> FloatArray:
    """Change of each query's log-odds when that one training row is relabelled, to first order.

    ``out_ti = -s_i (2 y_i - 1) x_i . H^-1 x_t``.

    Parameters
    ----------
    fit
        A fit at its minimiser, of n_rows training rows.
    X_query
        Queries, shape (m, n_features), or raw rows of an adopted pipeline.

    Returns
    -------
    float64, shape (m, n_rows)
        In units of log-odds (no factor 1/n).

    Raises
    ------
    ArithmeticError
        If conjugate gradients do not reach a relative residual of 1e-9.

    Notes
    -----
    Cost: m right-hand sides by block CG in groups of 32, then one product with X; memory m * n_rows * 8 bytes.
    """
    return _influence(fit, X_query, "relabel", monitor)


def removal_influence(fit: Fit, X_query: Any, *, monitor: Monitor | None = None) -> FloatArray:
    """Change of each query's log-odds when that one training row is left out, to first order.

    ``out_ti = -s_i (y_i - p_i) x_i . H^-1 x_t``; parameters, errors and cost as `relabel_influence`. It is the
    derivative in the row's weight times -1, without the leverage correction ``1 / (1 - lev_i)``.
    """
    return _influence(fit, X_query, "remove", monitor)


def factors(fit: Fit, queries: Design, *, rtol: float = FACTOR_RTOL, monitor: Monitor | None = None) -> FloatArray:
    """``H^-1 x_t`` for each query, shape (n_params, m).

    Raises
    ------
    ArithmeticError
        If conjugate gradients do not reach ``rtol``.
    """
    right = fit.problem.extended_rows(queries)
    solved = solve_many(fit.hessian, right, rtol=rtol, preconditioner=fit.preconditioner, monitor=monitor)
    if not solved.converged:
        raise ArithmeticError(
            f"influence: conjugate gradients reached a relative residual of {solved.residual:.2g} after "
            f"{solved.iterations} products, expected {rtol:.2g}. Likely cause: columns of very different scale; "
            "standardise them, or take a smaller C."
        )
    return solved.x


def _influence(fit: Fit, X_query: Any, edit: Edit, monitor: Monitor | None) -> FloatArray:
    queries = fit.design_of(X_query, who=f"{'relabel' if edit == 'relabel' else 'removal'}_influence: X_query")
    problem = fit.problem
    scores = problem.extended_matvec(problem.design, factors(fit, queries, monitor=monitor))
    scores *= -problem.force(fit.eta, edit)[:, None]
    return scores.T

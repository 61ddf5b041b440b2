"""How much each training row holds its own fitted log-odds, estimated from a few random right-hand sides."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ..arguments import as_whole, check_monitor
from ..fits import Fit, check_any_fit
from ..monitor import Monitor
from ..problem import OneVsRestProblem
from ..solver import solve_many

_SOLVE_RTOL = 1e-3  # far below the sampling error
_LARGEST = 0.99  # an exact leverage is below 1; the estimate need not be


def leverages(fit: Fit, *, probes: int = 64, seed: int = 0, monitor: Monitor | None = None) -> FloatArray:
    """``h_i = s_i p_i (1 - p_i) x_i . H^-1 x_i`` of the training rows, estimated without bias, shape (n_rows,).

    With K classes ``s_i tr((diag(p_i) - p_i p_i') B)``, B the K x K block ``x_i H^-1 x_i'``: a row holds its fitted
    log-odds in K - 1 directions; where each class is fitted against the rest, the sum over classes.

    Parameters
    ----------
    fit
        A fit at its minimiser.
    probes
        Number of random right-hand sides: the relative standard error of each estimate is ``sqrt(2 / probes)``,
        18 % at 64.
    seed
        Of the random numbers: the same seed, the same estimate.

    Returns
    -------
    float64, shape (n_rows,)
        In [0, 0.99], or [0, 0.99 (K - 1)] or [0, 0.99 K]; estimates above are cut.

    Raises
    ------
    ArithmeticError
        If conjugate gradients do not converge.

    Notes
    -----
    ``v = [X, 1]' sqrt(curvature) a + sqrt(penalty) b`` with independent standard normal a, b has covariance H, so
    ``u = H^-1 v`` has covariance ``H^-1`` and ``(x_i . u)^2`` has mean ``x_i . H^-1 x_i``, with chi-square errors.
    Source: Bekas, Kokiopoulou, Saad, "An estimator for the diagonal of a matrix" (2007), in a form whose relative
    error is the same for all rows. Cost: ``probes`` right-hand sides by block CG to 1e-3, and two products with X;
    memory of ``probes * n_rows`` and a few ``probes * n_params`` floats.
    """
    check_any_fit(fit, who="leverages")
    check_monitor(monitor, who="leverages")
    as_whole(seed, 0, who="leverages: seed")  # NumPy ends the process over some of what is none
    problem, hessian = fit.problem, fit.hessian
    rng = np.random.default_rng(seed)
    of_rows = hessian.root(rng.standard_normal((len(hessian.curvature), probes)))
    of_penalty = rng.standard_normal((problem.n_params, probes)) * np.sqrt(problem.penalty)[:, None]
    right = problem.extended_rmatmat(of_rows) + of_penalty
    solved = solve_many(hessian, right, rtol=_SOLVE_RTOL, preconditioner=fit.preconditioner, monitor=monitor)
    if not solved.converged:
        raise ArithmeticError(
            f"leverages: conjugate gradients reached a relative residual of {solved.residual:.2g} after "
            f"{solved.iterations} products, expected {_SOLVE_RTOL:.2g}. Likely cause: columns of very different "
            "scale; standardise them, or take a smaller C."
        )
    found = hessian.energies(problem.extended_matvec(problem.design, solved.x))
    held = problem.n_classes - (not isinstance(problem, OneVsRestProblem))
    return np.asarray(np.minimum(found, _LARGEST * held))

"""What correcting labels is worth to rows whose truth is known: first-order falls of log-loss, and their doubt."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .._typing import CodeArray, FloatArray, IntArray
from ..design import Design
from ..fits import Fit
from ..monitor import Monitor
from ..problem import Labels, Problem
from ..solver import solve_many

_PROBES, _SEED = 16, 0  # random signs of the known rows: the spread of a gain is known to 18 %
_GAIN_RTOL, _PROBE_RTOL = 1e-5, 1e-2  # of the solves: of the gains, and of what their spread is estimated from
_PAIR_SPREAD = 0.02  # least spread, between pairs of labels, of the mean gain in units of its doubt
# Chosen on seeds 0, 1 and 7 of SST-2, hate_speech and loan, among powers and shares of 0 to 1, and 1 or 4 variances.
_POWER = 0.25  # of the doubt that the worth of a label grows with
_KEPT = 0.2  # share of what shrinking leaves of single gains: its estimate takes what rows have in common for signal
_VARIANCES = 4.0  # sampling variances by which pairs of labels must differ to count: known rows may be a skewed draw
_LEAST = 0.1  # of the mean gain: labels whose correction seems to do harm are still ranked by their probability


class Known(NamedTuple):
    """Rows whose true class is known: their design, and the codes of their classes."""

    design: Design
    codes: CodeArray


class Gains(NamedTuple):
    """First-order gains of giving each row its suggested label, and what sampling the known rows does to them.

    ``first_order`` is the fall of the known rows' mean log-loss, (n_rows,), in nats. ``noise`` has what the gain would
    be under random signs of the known rows' gradients, (16, n_rows): draws of its sampling error.
    """

    first_order: FloatArray
    noise: FloatArray


def gains_of(fit: Fit, known: Known, suggested: IntArray, monitor: Monitor | None) -> Gains:
    """The gains of relabelling each row as suggested, by two solves.

    The mean log-loss of the known rows has the gradient ``g = mean_t x_t (p_t - y_t)``. Relabelling row i moves the
    parameters by ``-H^-1 f_i``, f_i the force of that edit (`Problem.pulls`), and so the loss by ``-f_i . H^-1 g``.

    Raises
    ------
    ArithmeticError
        If conjugate gradients do not converge.
    """
    problem = fit.problem
    gradients = _gradients(problem, fit.theta, known)
    solved = [
        _solved(fit, gradients[:, :1], _GAIN_RTOL, monitor),
        _solved(fit, gradients[:, 1:], _PROBE_RTOL, monitor),
    ]
    moved = problem.extended_matvec(problem.design, np.column_stack(solved))
    found = np.empty((1 + _PROBES, fit.n_rows))
    rows = np.arange(fit.n_rows)
    for gain, column in zip(found, moved.T, strict=True):
        pulls = problem.pulls(fit.eta, np.ascontiguousarray(column), "relabel")
        gain[:] = pulls if problem.n_classes == 2 else pulls.reshape(fit.n_rows, -1)[rows, suggested]
    return Gains(found[0], found[1:])


def _solved(fit: Fit, gradients: FloatArray, rtol: float, monitor: Monitor | None) -> FloatArray:
    solved = solve_many(fit.hessian, gradients, rtol=rtol, preconditioner=fit.preconditioner, monitor=monitor)
    if not solved.converged:
        raise ArithmeticError(
            f"next_to_check: conjugate gradients reached a relative residual of {solved.residual:.2g} after "
            f"{solved.iterations} products, expected {rtol:.2g}. Likely cause: columns of very different scale; "
            "standardise them, or use a smaller C."
        )
    return solved.x


def known_problem(problem: Problem, known: Known) -> Problem:
    """The mean loss of the known rows, as a problem with the same parameters."""
    m = known.design.n_rows
    labels = Labels(problem.labels.classes, known.codes)
    return replace(problem, design=known.design, labels=labels, weights=np.full(m, 1.0 / m), label_weights=None)


def mean_loss(fit: Fit, known: Known) -> float:
    """The mean loss of known rows at a fit: log-loss in nats, or the fit's own loss if that is another."""
    problem = known_problem(fit.problem, known)
    return problem.loss(problem.eta(fit.theta))


def _gradients(problem: Problem, theta: FloatArray, known: Known) -> FloatArray:
    """The gradient of the known rows' mean loss, then the same under random signs of the rows; (n_params, 17)."""
    of_known, m = known_problem(problem, known), known.design.n_rows
    slopes = of_known.dloss(of_known.eta(theta)).reshape(m, -1)
    signs = np.random.default_rng(_SEED).choice([-1.0, 1.0], (m, _PROBES))
    signed = slopes[:, :, None] * np.column_stack([np.ones(m), signs])[:, None, :]
    return of_known.extended_rmatmat(signed.reshape(-1, 1 + _PROBES))


class Expected(NamedTuple):
    """What correcting a label should bring if it is wrong, (n_rows,): to first order in nats, and for ranking."""

    gain: FloatArray
    worth: FloatArray


def expected_gains(gains: Gains, probability: FloatArray, pairs: IntArray) -> Expected:
    """Gains shrunk by their sampling errors.

    Parameters
    ----------
    probability
        Of each label being wrong; 0 for rows that are out of the question.
    pairs
        For each row a number for its label and the suggested one together.

    Notes
    -----
    From a few hundred known rows a single gain is nearly all sampling error: over wrong labels its correlation with
    the gain on other rows was below .15 on all four sets. What is known well is the mean gain of a pair of labels
    (which way the errors lean) in units of the doubt, and that gains grow with it: the doubt is
    ``sqrt(x_i . H^-1 V H^-1 x_i / m)``, V the covariance of the known rows' gradients, a measure of how far the row
    moves the model. So each gain is shrunk towards its pair's mean, and that towards the mean of all, by their own
    sampling errors (empirical Bayes: Efron and Morris, 1973). The mean of all is taken as no smaller than its
    sampling error, since correcting wrong labels does good on the whole. A large move overshoots, which the first
    order does not see, so the worth grows with a small power of the doubt only.
    """
    doubt = np.sqrt(np.square(gains.noise).mean(axis=0))
    typical = float(np.median(doubt))
    if not (typical > 0 and probability.any()):
        return Expected(np.zeros_like(doubt), np.ones_like(doubt))
    per_doubt = 1.0 / np.maximum(doubt, 1e-9 * typical)
    first, noise = gains.first_order * per_doubt, gains.noise * per_doubt
    _, pair = np.unique(pairs, return_inverse=True)
    sizes = np.maximum(np.bincount(pair, probability), np.finfo(float).tiny)
    found = np.bincount(pair, probability * first) / sizes
    error = np.mean([np.square(np.bincount(pair, probability * each) / sizes) for each in noise], axis=0)
    shares = sizes / sizes.sum()
    overall_error = float(np.sqrt(np.mean(np.square(noise @ probability) / np.square(sizes.sum()))))
    overall = max(float(shares @ found), overall_error)
    spread = max(float(shares @ (np.square(found - overall) - _VARIANCES * error)), _PAIR_SPREAD**2)
    mean = (overall + spread / (spread + error) * (found - overall))[pair]
    scatter = float(probability @ np.square(first - mean) / sizes.sum())
    kept = _KEPT * (1.0 - 1.0 / max(scatter, 1.0))
    shrunk = np.maximum(mean + kept * (first - mean), _LEAST * overall)
    return Expected(shrunk * doubt, shrunk * (doubt / typical) ** _POWER)

"""Which training rows are most likely mislabelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..arguments import as_rows, check_monitor
from ..bayes import BayesFit
from ..design import Design
from ..fits import AnyFit, Fit, OneVsRest, minimiser, shares
from ..fits import fit as fit_model
from ..monitor import Monitor
from ..problem import code_of
from .columns import column_evidence
from .folds import folds_of, held_out

if TYPE_CHECKING:
    import pandas as pd

SHRINKAGE = (0.3, 1.0, 10.0)
DECIDED_WEIGHT = 2.0  # of a row that a person looked at, in its own weights: it is worth more than a label as it came
_PENALTY = 1.0  # of the combination: four coefficients of columns with unit variance


def suspects(
    fit: AnyFit | OneVsRest,
    *,
    decisions: Mapping[int, Any] | None = None,
    limit: int | None = None,
    monitor: Monitor | None = None,
) -> pd.DataFrame:
    """Training rows by how likely it is that their label is wrong, the most suspect first.

    Parameters
    ----------
    fit
        A fit on the labels as they came; for more than two classes, of `fit_one_vs_rest`, or a naive Bayes.
    decisions
        Training row to the label that a person found right for it: another one than it came with, or the same.
        The other rows are judged by a refit with these labels, and these rows are left out of the result.
    limit
        At most that many rows; all if None.

    Returns
    -------
    DataFrame
        ``row, label, suggested, score``: the training row, the label it came with, the label to consider instead
        (the most probable other one), and the probability in [0, 1] of any other label than the one it came with, as
        a model gives it that has not seen this row. It is a probability of labels as noisy as these: with 10 % wrong,
        a row whose label is certainly wrong has about .9.

    Raises
    ------
    TypeError, ValueError
        If ``fit`` is neither, a decided row or label does not exist, the decisions leave a class without rows, or
        ``limit`` is not a positive whole number.
    ArithmeticError
        If conjugate gradients do not converge.
    Cancelled
        If ``monitor`` was cancelled.

    Notes
    -----
    For each class against the rest, four columns of log-odds for each row, none of which knows the row's own label:
    the fit's, with a fifth of the rows left out by one Newton step (`folds.held_out`; exactly for a naive Bayes), and
    what the columns of X say each by itself, at three strengths of shrinkage (`columns.column_evidence`). A small
    logistic regression of the labels on the four (five parameters, stacking: Wolpert, "Stacked generalization", 1992)
    weighs them.

    The combination was chosen on SST-2, hate_speech, loan and AG News with 10 and 20 % of labels flipped at random
    and with rates that differ by class, seeds 0 and 1, by average precision, and then frozen. The evidence of single
    columns is most of the gain on texts; the fit's log-odds are needed where columns depend on each other. What was
    tried and left out: leave-one-out log-odds with estimated leverages (their error costs more than the step
    gains); self-influence; models with more regularisation, alone best on texts and far the worst on loan; tf-idf;
    presence in flip sets of misclassified test rows (chance, on SST-2); the twenty nearest rows by tf-idf cosine (on
    SST-2 .51 would become .52, for n x n products); a second pass with suspects at less weight, which believes its
    own mistakes. ``tests/benchmarks/test_planted_errors.py`` has the figures of the rest.

    Decided rows count twice, in all four columns and in the combination, which are made anew: once as the label that
    was found right, which costs no more than a warm refit. Weights from 1 to 30 were tried; from 10 on the rows that
    were looked at, which are no fair sample, do harm.

    Cost: one block CG solve with five columns, and a few passes over X, for each class.
    """
    check_monitor(monitor, who="suspects")
    import pandas as pd

    classes, codes, fits = _classes_of(fit)
    decided, correct = _decided(classes, codes, decisions)
    limit = len(codes) if limit is None else _check_limit(limit)
    current = codes.copy()
    current[decided] = correct
    if len(np.unique(current)) < len(classes):
        raise ValueError("suspects: the decisions leave no row of some class. Keep at least one row of each class.")
    known = np.isin(np.arange(len(codes)), decided)
    # the folds stay as they were: a decision moves the rest by what it says, not by drawing lots anew
    if isinstance(fit, BayesFit):
        proba = _of_bayes(fit, current, known, folds_of(codes), monitor)
    else:
        proba = _probabilities(fits, current, known, folds_of(codes), monitor)
    rows = np.arange(len(codes))
    score = 1.0 - proba[rows, codes]
    proba[rows, codes] = -1.0
    suggested = proba.argmax(axis=1)
    order = np.argsort(-score, kind="stable")
    first = order[~known[order]][:limit]
    return pd.DataFrame(
        {
            "row": first,
            "label": classes[codes[first]],
            "suggested": classes[suggested[first]],
            "score": score[first],
        }
    )


def _probabilities(
    fits: tuple[Fit, ...], codes: IntArray, known: BoolArray, folds: IntArray, monitor: Monitor | None
) -> FloatArray:
    """Probability of each class for each row, (n_rows, n_classes), by models that have not seen the row's label.

    ``fits`` holds one fit for each class against the rest, or for two classes that of ``classes[1]`` alone.
    """
    first = 1 if len(fits) == 1 else 0
    log_odds = []
    for code, each in enumerate(fits, start=first):
        log_odds.append(_log_odds(_learned(each, codes == code, known, monitor), folds, monitor))
        if monitor is not None:
            monitor.step("looking for suspect labels", code - first + 1, len(fits))
    if len(fits) == 1:
        log_odds.insert(0, -log_odds[0])
    return shares(np.column_stack(log_odds))


def _of_bayes(fit: BayesFit, codes: IntArray, known: BoolArray, folds: IntArray, monitor: Monitor | None) -> FloatArray:
    """`_probabilities` where the model is a naive Bayes of all classes."""
    current = fit.relearned(codes, np.where(known, DECIDED_WEIGHT, 1.0) * fit.weights) if known.any() else fit
    scores, n_classes, log_odds = current.held_out(folds), len(fit.classes), []
    for code in range(1 if n_classes == 2 else 0, n_classes):
        own = scores[:, code] - logsumexp(np.delete(scores, code, axis=1), axis=1)
        log_odds.append(_combined(current.columns.design, own, codes == code, current.weights, monitor))
        if monitor is not None:
            monitor.step("looking for suspect labels", len(log_odds), n_classes)
    if n_classes == 2:
        log_odds.insert(0, -log_odds[0])
    return shares(np.column_stack(log_odds))


def _log_odds(current: Fit, folds: IntArray, monitor: Monitor | None) -> FloatArray:
    """The combination for one class against the rest, shape (n_rows,)."""
    problem, own = current.problem, held_out(current, folds, monitor=monitor)
    return _combined(problem.design, own, problem.labels.codes == 1, problem.weights, monitor)


def _combined(
    design: Design, own: FloatArray, targets: BoolArray, weights: FloatArray, monitor: Monitor | None
) -> FloatArray:
    """The fit's log-odds ``own``, (n_rows,), with those of the columns by themselves, weighed."""
    alone = column_evidence(design, targets.astype(np.float64), weights, SHRINKAGE, monitor=monitor)
    parts = np.column_stack([own, alone])
    spread = parts.std(axis=0)
    parts = (parts - parts.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return fit_model(parts, targets, 1.0 / _PENALTY, weights, monitor=monitor).decision(parts)


def _learned(original: Fit, targets: BoolArray, known: BoolArray, monitor: Monitor | None) -> Fit:
    """The fit with the labels that were decided, and more weight for the rows that a person looked at."""
    if not known.any():
        return original
    changed = np.flatnonzero(targets != (original.problem.labels.codes == 1))
    problem = original.problem.edited(changed, "relabel")
    problem = replace(problem, weights=np.where(known, DECIDED_WEIGHT, 1.0) * problem.weights)
    return minimiser(problem, original.theta, original.preconditioner, monitor, original)


def _classes_of(fit: AnyFit | OneVsRest) -> tuple[AnyArray, IntArray, tuple[Fit, ...]]:
    """Classes, class codes and fits of either."""
    if isinstance(fit, BayesFit):
        return fit.classes, fit.codes, ()
    if isinstance(fit, OneVsRest):
        return fit.classes, fit.codes, fit.fits
    if isinstance(fit, Fit):
        return fit.classes, fit.problem.labels.codes.astype(np.int64), (fit,)
    raise TypeError(
        f"suspects: expected a fit of rw.fit, rw.adopt or rw.fit_one_vs_rest, got {type(fit).__name__}. "
        "Take over a scikit-learn estimator with rw.adopt(estimator, X, y)."
    )


def _decided(classes: AnyArray, codes: IntArray, decisions: Mapping[int, Any] | None) -> tuple[IntArray, IntArray]:
    """The decided rows, and the code of the label found right for each."""
    given = {} if decisions is None else decisions
    if not isinstance(given, Mapping):
        raise TypeError(f"suspects: expected decisions as a mapping of rows to labels, got {type(decisions).__name__}.")
    rows = as_rows(list(given), len(codes), who="suspects: decisions")
    correct = [code_of(label, classes, who="suspects: decisions") for label in given.values()]
    return rows, np.array(correct, dtype=np.int64)


def _check_limit(limit: Any) -> int:
    """The limit as int.

    Raises
    ------
    ValueError
        If it is not a positive whole number.
    """
    if isinstance(limit, bool) or not isinstance(limit, (int, np.integer)) or limit < 1:
        raise ValueError(f"suspects: expected limit as a positive whole number, got {limit!r}.")
    return int(limit)

"""Which training rows are most likely mislabelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..arguments import as_rows, check_monitor
from ..fits import Fit, OneVsRest, minimiser, shares
from ..fits import fit as fit_model
from ..monitor import Monitor
from ..problem import Problem, code_of
from .columns import column_evidence
from .folds import folds_of, held_out, held_out_of_classes

if TYPE_CHECKING:
    import pandas as pd

SHRINKAGE = (0.3, 1.0, 10.0)
DECIDED_WEIGHT = 2.0  # of a row that a person looked at, in its own weights: it is worth more than a label as it came
_PENALTY = 1.0  # of the combination: four coefficients of columns with unit variance


def suspects(
    fit: Fit | OneVsRest,
    *,
    decisions: Mapping[int, Any] | None = None,
    limit: int | None = None,
    monitor: Monitor | None = None,
) -> pd.DataFrame:
    """Training rows by how likely it is that their label is wrong, the most suspect first.

    Parameters
    ----------
    fit
        A fit on the labels as they came, of two classes or more, or one of `fit_one_vs_rest`.
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
    the fit's, with a fifth of the rows left out by one Newton step (`folds.held_out`), and what the columns of X say
    each by itself, at three strengths of shrinkage (`columns.column_evidence`). A small logistic regression of the
    labels on the four (five parameters, stacking: Wolpert, "Stacked generalization", 1992) weighs them.

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

    Of a multinomial fit, the first column has the log-odds of each class against all others.

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

    ``fits`` holds one fit for each class against the rest, or for two classes that of ``classes[1]`` alone, or a
    multinomial one.
    """
    first = 1 if len(fits) == 1 and len(fits[0].classes) == 2 else 0
    if len(fits[0].classes) > 2:
        learned = _learned(fits[0], codes, known, monitor)
        of_classes = held_out_of_classes(learned, folds, monitor=monitor).T
        columns = ((learned.problem, held, codes == code) for code, held in enumerate(of_classes))
    else:
        columns = (_against_rest(each, codes == code, known, folds, monitor) for code, each in enumerate(fits, first))
    log_odds: list[FloatArray] = []
    total = 1 if first else max(len(fits), len(fits[0].classes))
    for problem, held, targets in columns:
        log_odds.append(_log_odds(problem, held, targets, monitor))
        if monitor is not None:
            monitor.step("looking for suspect labels", len(log_odds), total)
    if first:
        log_odds.insert(0, -log_odds[0])
    return shares(np.column_stack(log_odds))


def _against_rest(
    fit: Fit, targets: BoolArray, known: BoolArray, folds: IntArray, monitor: Monitor | None
) -> tuple[Problem, FloatArray, BoolArray]:
    """The fit of a class against the rest as it is with the decisions: its problem, held-out log-odds, and targets."""
    learned = _learned(fit, targets.astype(np.int64), known, monitor)
    return learned.problem, held_out(learned, folds, monitor=monitor), targets


def _log_odds(problem: Problem, held: FloatArray, targets: BoolArray, monitor: Monitor | None) -> FloatArray:
    """The combination for one class against the rest, shape (n_rows,)."""
    alone = column_evidence(problem.design, targets.astype(np.float64), problem.weights, SHRINKAGE, monitor=monitor)
    parts = np.column_stack([held, alone])
    spread = parts.std(axis=0)
    parts = (parts - parts.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return fit_model(parts, targets, 1.0 / _PENALTY, problem.weights, monitor=monitor).decision(parts)


def _learned(original: Fit, codes: IntArray, known: BoolArray, monitor: Monitor | None) -> Fit:
    """The fit with the labels that were decided, and more weight for the rows that a person looked at."""
    if not known.any():
        return original
    problem = original.problem
    problem = problem.edited(problem.edits_of(np.arange(len(codes)), "relabel", codes), "relabel")
    problem = replace(problem, weights=np.where(known, DECIDED_WEIGHT, 1.0) * problem.weights)
    return minimiser(problem, original.theta, original.preconditioner, monitor, original)


def _classes_of(fit: Fit | OneVsRest) -> tuple[AnyArray, IntArray, tuple[Fit, ...]]:
    """Classes, class codes and fits of either."""
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

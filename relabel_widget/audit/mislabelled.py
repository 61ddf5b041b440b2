"""Which training rows are most likely mislabelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..arguments import as_rows, check_monitor, shown
from ..bayes import BayesFit
from ..design import Design
from ..fits import AnyFit, Fit, OneVsRest, minimiser
from ..fits import fit as fit_model
from ..monitor import Monitor, shows_progress
from ..problem import Problem, code_of, shares
from .columns import column_evidence
from .folds import folds_of, held_out, held_out_of_classes

if TYPE_CHECKING:
    import pandas as pd

SHRINKAGE = (0.3, 1.0, 10.0)
DECIDED_WEIGHT = 2.0  # of a reviewed row, times its own weight: a reviewed label is worth more than an original one
_PENALTY = 1.0  # L2 penalty of the combination: four coefficients of columns with unit variance


@shows_progress
def suspects(
    fit: AnyFit | OneVsRest,
    *,
    decisions: Mapping[int, Any] | pd.Series[Any] | None = None,
    limit: int | None = None,
    monitor: Monitor | None = None,
) -> pd.DataFrame:
    """Rank training rows by the probability that their label is wrong, most suspect first.

    Parameters
    ----------
    fit
        A fit on the original labels, of two classes or more, or one from `fit_one_vs_rest`, or a naive Bayes.
    decisions
        Maps reviewed training rows to their correct label, which may be the original one: a dict, or a pandas Series
        whose index has the rows. The other rows are scored by a refit with these labels, and the reviewed rows are left
        out of the result.
    limit
        At most this many rows; all if None.

    Returns
    -------
    DataFrame
        ``row, label, suggested, score``: the training row, its original label, the label to consider instead (the most
        probable other one), and the probability in [0, 1] of any label other than the original one, according to a
        model that has not seen this row. It refers to labels as noisy as these: with 10 % wrong, a row whose label is
        certainly wrong scores about 0.9.

    Raises
    ------
    TypeError, ValueError
        If ``fit`` is not a fit, a decided row or label does not exist, the decisions leave a class without rows, or
        ``limit`` is not a positive whole number.
    ArithmeticError
        If conjugate gradients do not converge.
    Cancelled
        If ``monitor`` was cancelled.

    Notes
    -----
    For each class against the rest there are four log-odds per row, none of which uses the row's own label: those of
    the fit, with a fifth of the rows left out by one Newton step (`folds.held_out`; exactly for a naive Bayes), and the
    evidence of single columns at three strengths of shrinkage (`columns.column_evidence`). A small logistic regression
    of the labels on the four (five parameters; stacking: Wolpert, "Stacked generalization", 1992) weighs them.

    The combination was chosen on SST-2, hate_speech, loan and AG News with 10 and 20 % of labels flipped at random
    and with rates that differ by class, seeds 0 and 1, by average precision, and then frozen. The evidence of single
    columns accounts for most of the gain on texts; the fit's log-odds are needed when columns depend on each other.
    Tried and rejected: leave-one-out log-odds with estimated leverages (their error costs more than the step gains);
    self-influence; stronger regularisation (alone best on texts, but by far the worst on loan); tf-idf; presence in
    flip sets of misclassified test rows (no better than chance on SST-2); the twenty nearest rows by tf-idf cosine
    (.52 instead of .51 on SST-2, for n x n products); a second pass with less weight for suspects, which reinforces
    its own mistakes. ``tests/benchmarks/test_planted_errors.py`` has the other figures.

    Decided rows have double weight in all four columns and in the combination, which are recomputed with the decided
    labels; this costs no more than a warm refit. Weights from 1 to 30 were tried; from 10 on the decided rows, which
    are not a fair sample, do harm.

    Of a multinomial fit, the first column has the log-odds of each class against all others.

    Cost: one block CG solve with five columns, and a few passes over X, for each class.
    """
    check_monitor(monitor, who="suspects")
    import pandas as pd

    classes, codes, fits = _classes_of(fit)
    decided, correct = as_decided(classes, codes, decisions, who="suspects")
    limit = len(codes) if limit is None else check_limit(limit, who="suspects")
    current = codes.copy()
    current[decided] = correct
    if len(np.unique(current)) < len(classes):
        raise ValueError("suspects: the decisions leave no row of some class. Keep at least one row of each class.")
    known = np.isin(np.arange(len(codes)), decided)
    # the folds stay the same: a decision should affect the other rows by its label, not by new random folds
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

    ``fits`` holds one fit for each class against the rest, or one of all classes.
    """
    if len(fits) == 1:
        return class_probabilities(_learned(fits[0], codes, known, monitor), codes, folds, monitor)
    log_odds: list[FloatArray] = []
    _looked(monitor, 0, len(fits))
    for code, fit in enumerate(fits):
        targets = codes == code
        learned = _learned(fit, targets.astype(np.int64), known, monitor)
        log_odds.append(_log_odds(learned.problem, held_out(learned, folds, monitor=monitor), targets, monitor))
        _looked(monitor, len(log_odds), len(fits))
    return shares(np.column_stack(log_odds))


def class_probabilities(fit: Fit, codes: IntArray, folds: IntArray, monitor: Monitor | None) -> FloatArray:
    """Probability of each class for each row of a fit to these codes, by models that have not seen the row's label."""
    n_classes = len(fit.classes)
    n_scored = 1 if n_classes == 2 else n_classes
    _looked(monitor, 0, n_scored)
    if n_classes == 2:
        held = held_out(fit, folds, monitor=monitor)[:, None]
    else:
        held = held_out_of_classes(fit, folds, monitor=monitor)
    log_odds: list[FloatArray] = []
    for code, each in enumerate(held.T, n_classes - n_scored):
        log_odds.append(_log_odds(fit.problem, each, codes == code, monitor))
        _looked(monitor, len(log_odds), n_scored)
    if n_classes == 2:
        log_odds.insert(0, -log_odds[0])
    return shares(np.column_stack(log_odds))


def _of_bayes(fit: BayesFit, codes: IntArray, known: BoolArray, folds: IntArray, monitor: Monitor | None) -> FloatArray:
    """`_probabilities` where the model is a naive Bayes of all classes."""
    current = fit.relearned(codes, np.where(known, DECIDED_WEIGHT, 1.0) * fit.weights) if known.any() else fit
    scores, n_classes = current.held_out(folds), len(fit.classes)
    n_scored = 1 if n_classes == 2 else n_classes
    log_odds: list[FloatArray] = []
    _looked(monitor, 0, n_scored)
    for code in range(n_classes - n_scored, n_classes):
        held = scores[:, code] - logsumexp(np.delete(scores, code, axis=1), axis=1)
        log_odds.append(_combined(current.trained.design, current.weights, held, codes == code, monitor))
        _looked(monitor, len(log_odds), n_scored)
    if n_classes == 2:
        log_odds.insert(0, -log_odds[0])
    return shares(np.column_stack(log_odds))


def _looked(monitor: Monitor | None, done: int, total: int) -> None:
    """Report for how many classes suspect labels were looked for."""
    if monitor is not None:
        monitor.step("looking for suspect labels", done, total)


def _log_odds(problem: Problem, held: FloatArray, targets: BoolArray, monitor: Monitor | None) -> FloatArray:
    """`_combined` of the rows of a problem."""
    return _combined(problem.design, problem.weights, held, targets, monitor)


def _combined(
    design: Design, weights: FloatArray, held: FloatArray, targets: BoolArray, monitor: Monitor | None
) -> FloatArray:
    """The combined log-odds for one class against the rest, shape (n_rows,)."""
    alone = column_evidence(design, targets.astype(np.float64), weights, SHRINKAGE, monitor=monitor)
    parts = np.column_stack([held, alone])
    spread = parts.std(axis=0)
    parts = (parts - parts.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return fit_model(parts, targets, 1.0 / _PENALTY, weights, monitor=monitor).decision(parts)


def _learned(original: Fit, codes: IntArray, known: BoolArray, monitor: Monitor | None) -> Fit:
    """The fit with the decided labels, and more weight for the decided rows."""
    if not known.any():
        return original
    problem = original.problem
    problem = problem.edited(problem.edits_of(np.arange(len(codes)), "relabel", codes), "relabel")
    problem = replace(problem, weights=np.where(known, DECIDED_WEIGHT, 1.0) * problem.weights)
    return minimiser(problem, original.theta, original.preconditioner, monitor, original)


def _classes_of(fit: AnyFit | OneVsRest) -> tuple[AnyArray, IntArray, tuple[Fit, ...]]:
    """Classes, class codes and fits of either kind."""
    if isinstance(fit, BayesFit):
        return fit.classes, fit.codes, ()
    if isinstance(fit, OneVsRest):
        return fit.classes, fit.codes, fit.fits
    if isinstance(fit, Fit):
        return fit.classes, fit.problem.labels.codes.astype(np.int64), (fit,)
    raise TypeError(
        f"suspects: expected a fit from rw.fit, rw.adopt or rw.fit_one_vs_rest, got {type(fit).__name__}. "
        "Adopt a scikit-learn estimator with rw.adopt(estimator, X, y)."
    )


def as_decided(
    classes: AnyArray, codes: IntArray, decisions: Mapping[int, Any] | pd.Series[Any] | None, *, who: str
) -> tuple[IntArray, IntArray]:
    """The decided rows, and the code of the correct label of each."""
    given: Any = {} if decisions is None else decisions
    is_series = hasattr(given, "items") and getattr(given, "ndim", 0) == 1
    if not isinstance(given, Mapping) and not is_series:
        raise TypeError(
            f"{who}: expected decisions to be a mapping or Series from rows to labels, got {type(decisions).__name__}. "
            'Pass a dict {row: label}; of a frame with such columns, frame.set_index("row")["label"].'
        )
    pairs = list(given.items())
    numbers = [row for row, _ in pairs]
    if any(isinstance(row, (bool, np.bool_)) for row in numbers):
        raise TypeError(f"{who}: decisions: expected training row numbers, got {shown(numbers)}.")
    rows = as_rows(numbers, len(codes), who=f"{who}: decisions")
    correct = [code_of(label, classes, who=f"{who}: decisions, row {row}") for row, label in pairs]
    return rows, np.array(correct, dtype=np.int64)


def check_limit(limit: Any, *, who: str) -> int:
    """The limit as int.

    Raises
    ------
    ValueError
        If it is not a positive whole number.
    """
    if isinstance(limit, bool) or not isinstance(limit, (int, np.integer)) or limit < 1:
        raise ValueError(f"{who}: expected limit to be a positive whole number, got {limit!r}.")
    return int(limit)

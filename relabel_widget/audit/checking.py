"""Which training labels to check next, and how much there is left to find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._typing import FloatArray, IntArray
from ..arguments import as_whole, check_monitor
from ..fits import AnyFit, Fit, check_any_fit, minimiser
from ..monitor import Monitor, shows_progress
from ..problem import Labels, codes_of_queries
from .error_odds import ErrorOdds, error_odds
from .folds import folds_of
from .mislabelled import DECIDED_WEIGHT, as_decided, check_limit, class_probabilities
from .settings import stacked
from .worth import Expected, Gains, Known, expected_gains, gains_of

if TYPE_CHECKING:
    import pandas as pd

# A row whose truth is known weighs this many training rows where suspicion is learned. Of 1, 2 and 4, chosen on seed 0:
# 4 found most errors on loan and AG News, and about as many as the others on SST-2 and hate_speech.
_KNOWN_WEIGHT = 4.0
_SHARES_WEIGHT = 100.0  # known rows that tell as much of how common each class is as the labels do
_LEVEL = 0.9  # of the intervals


class Interval(NamedTuple):
    """An estimate, and the 90 % interval about it."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:.0f} ({self.low:.0f} to {self.high:.0f})"


@dataclass(frozen=True)
class CheckingOutlook:
    """How many labels are wrong, how many are left, and what checking more would bring.

    Attributes
    ----------
    checked
        Labels that were checked.
    found
        Wrong ones among them.
    wrong
        Wrong labels in all, those found included.
    left
        Wrong labels that were not checked yet.
    more
        How many labels would be checked next, in the order of `next_to_check`.
    next_found
        Wrong labels among these, never more than are left.
    next_gain
        The fall of the known rows' mean log-loss by correcting these, in nats: a first-order forecast without an
        interval, NaN without known rows. Effects overlap, so it is rather too large.
    """

    checked: int
    found: int
    wrong: Interval
    left: Interval
    more: int
    next_found: Interval
    next_gain: float

    def __repr__(self) -> str:
        return (
            f"CheckingOutlook({self.found} of {self.checked} checked labels were wrong; wrong in all: {self.wrong}; "
            f"left: {self.left}; among the next {self.more}: {self.next_found})"
        )


@shows_progress
def next_to_check(
    fit: AnyFit,
    X_known: Any = None,
    y_known: Any = None,
    *,
    decisions: Mapping[int, Any] | pd.Series[Any] | None = None,
    limit: int | None = None,
    monitor: Monitor | None = None,
) -> pd.DataFrame:
    """Rank training rows by what checking their label is expected to repair, most first.

    Parameters
    ----------
    fit
        A fit on the original labels, of two classes or more.
    X_known, y_known
        Rows whose true class is known, such as test rows, and their classes: what the model should get right. They
        must not be training rows, and should be drawn at random: they also tell how common each class is. Without them,
        labels are ranked by suspicion alone.
    decisions
        Maps training rows that were checked to their correct label, which may be the original one: a dict, or a pandas
        Series whose index has the rows. Everything is learned again from them, and they are left out of the result.
    limit
        At most this many rows; all if None.

    Returns
    -------
    DataFrame
        ``row, label, suggested, score, gain``: the training row, its original label, the label to consider instead, the
        probability in [0, 1] that its label is wrong, and the fall of the known rows' mean log-loss, in nats, to first
        order, when it gets the suggested one: NaN without known rows; of a fit with another loss, the fall of that one.
        A single gain is mostly chance unless there are thousands of known rows; the order takes that into account.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or the decisions leave a class without rows. A naive Bayes is refused.
    ArithmeticError
        If conjugate gradients do not converge.
    Cancelled
        If ``monitor`` was cancelled.

    Notes
    -----
    Rows come in the order of probability times expected gain.

    *The probability* is that of `suspects`, learned from the known rows too, which weigh four training rows each and
    say how common each class is (`at_known_shares`), and calibrated by the answers so far: a logistic regression of
    "was wrong" on the log-odds of the score, with a level for each label and each pair of labels, shrunk towards what
    planted errors showed (`error_odds`).

    *The expected gain* is the first-order fall of the known rows' log-loss at the fit to the labels corrected so far
    (two solves), shrunk by its sampling error (`worth.expected_gains`).

    That answers guide what is checked next is from Zhang, Zhu and Wright, "Training set debugging using trusted
    items" (2018), and Krishnan et al., "ActiveClean" (2016); that what counts is what is repaired, by influence, from
    Wu, Flokas et al., "Complaint-driven training data debugging" (2020); that difficult rows are to be told from
    wrong ones, from Bernhardt et al., "Active label cleaning" (2022). The combination was chosen on SST-2,
    hate_speech and loan with 10 % of the labels wrong, seeds 0, 1 and 7;
    ``tests/benchmarks/test_next_to_check.py`` has figures of other seeds.

    Known rows do not help suspicion where X is in a file or on workers: they are not copied there.

    Cost: two warm refits, solves of five folds (for each class, of several) and of 17 columns, and a few passes over
    X.
    """
    queue = _queue(fit, X_known, y_known, decisions, monitor, who="next_to_check")
    limit = len(queue.rows) if limit is None else check_limit(limit, who="next_to_check")
    import pandas as pd

    rows = queue.rows[:limit]
    gain = np.full(len(rows), np.nan) if queue.gains is None else queue.gains.first_order[rows]
    return pd.DataFrame(
        {
            "row": rows,
            "label": fit.classes[queue.given[rows]],
            "suggested": fit.classes[queue.suggested[rows]],
            "score": queue.odds.probability[rows],
            "gain": gain,
        }
    )


@shows_progress
def checking_outlook(
    fit: AnyFit,
    X_known: Any = None,
    y_known: Any = None,
    *,
    decisions: Mapping[int, Any] | pd.Series[Any] | None = None,
    more: int = 100,
    monitor: Monitor | None = None,
) -> CheckingOutlook:
    """How many labels are wrong, how many are left, and what checking more would bring: whether to stop.

    Parameters
    ----------
    fit, X_known, y_known, decisions
        As in `next_to_check`.
    more
        How many more labels would be checked.

    Returns
    -------
    CheckingOutlook
        With 90 % intervals.

    Raises
    ------
    TypeError, ValueError, ArithmeticError, Cancelled
        As `next_to_check`.

    Notes
    -----
    The numbers are sums of the probabilities of `next_to_check`. Their intervals are from draws of the coefficients of
    the calibration, and of errors given these. They count on the answers to be right, and on log-odds of errors that
    are linear in those of the score, as they are for planted errors. Before the first hundred answers or so, they are
    wide.

    Cost: as `next_to_check`, and 300 passes over vectors of n_rows.
    """
    queue = _queue(fit, X_known, y_known, decisions, monitor, who="checking_outlook")
    more = min(as_whole(more, 1, who="checking_outlook: more"), len(queue.rows))
    coming = queue.rows[:more]
    draws = queue.odds.totals([coming, queue.rows[more:]])  # disjoint: no draw finds more than are left in it
    p = queue.odds.probability
    left, found = _interval(draws.sum(axis=1), p[queue.rows]), int(np.count_nonzero(queue.wrong))
    gain = np.nan if queue.expected is None else float(p[coming] @ queue.expected.gain[coming])
    return CheckingOutlook(
        checked=len(queue.checked),
        found=found,
        wrong=Interval(*(found + each for each in left)),
        left=left,
        more=more,
        next_found=_interval(draws[:, 0], p[coming]),
        next_gain=gain,
    )


def _interval(draws: FloatArray, probabilities: FloatArray) -> Interval:
    low, high = np.quantile(draws, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    estimate = float(np.clip(probabilities.sum(), low, high))
    return Interval(estimate, float(low), float(high))


@dataclass(frozen=True, eq=False)
class _Queue:
    """Rows that are not checked yet, ``rows``, the first to check first, and what is known of each row."""

    rows: IntArray
    given: IntArray
    suggested: IntArray
    odds: ErrorOdds
    gains: Gains | None
    expected: Expected | None
    checked: IntArray
    wrong: IntArray


def _queue(fit: AnyFit, X_known: Any, y_known: Any, decisions: Any, monitor: Monitor | None, *, who: str) -> _Queue:
    check_any_fit(fit, who=who)
    assert isinstance(fit, Fit)
    check_monitor(monitor, who=who)
    known = as_known(fit, X_known, y_known, who=who)
    given = fit.problem.labels.codes.astype(np.int64)
    checked, correct = as_decided(fit.classes, given, decisions, who=who)
    current = given.copy()
    current[checked] = correct
    if len(np.unique(current)) < len(fit.classes):
        raise ValueError(f"{who}: the decisions leave no row of some class. Keep at least one row of each class.")
    wrong = correct != given[checked]
    score, suggested = _suspicion(fit, known, given, current, checked, monitor)
    odds = error_odds(score, given, suggested, len(fit.classes), checked, wrong)
    left = np.setdiff1d(np.arange(fit.n_rows), checked)
    gains: Gains | None = None
    expected: Expected | None = None
    worth = odds.probability
    if known is not None:
        corrected = fit
        if wrong.any():
            corrected = fit.refit(checked[wrong], labels=fit.classes[correct[wrong]], monitor=monitor)
        if monitor is not None:
            monitor.step("estimating what corrections repair", 0)
        gains = gains_of(corrected, known, suggested, monitor)
        of_question = np.zeros(fit.n_rows)
        of_question[left] = odds.probability[left]
        expected = expected_gains(gains, of_question, given * len(fit.classes) + suggested)
        worth = odds.probability * expected.worth
    order = left[np.argsort(-worth[left], kind="stable")]
    return _Queue(order, given, suggested, odds, gains, expected, checked, wrong)


def as_known(
    fit: Fit, X_known: Any, y_known: Any, *, who: str, names: tuple[str, str] = ("X_known", "y_known")
) -> Known | None:
    """The known rows; None if there are none. ``names`` are what messages call the two.

    Raises
    ------
    ValueError
        If only one of rows and classes is given.
    """
    if X_known is None and y_known is None:
        return None
    if X_known is None or y_known is None:
        missing = names[0] if X_known is None else names[1]
        raise ValueError(f"{who}: expected {' and '.join(names)} together, got no {missing}. Pass both, or neither.")
    design = fit.design_of(X_known, who=f"{who}: {names[0]}")
    codes = codes_of_queries(y_known, design.n_rows, who=f"{who}: {names[1]}", classes=fit.classes)
    return Known(design, codes)


def _suspicion(
    fit: Fit, known: Known | None, given: IntArray, current: IntArray, checked: IntArray, monitor: Monitor | None
) -> tuple[FloatArray, IntArray]:
    """The probability of labels other than the given ones, (n_rows,), and the likeliest other code."""
    folds = folds_of(given)  # of the original labels, so that an answer does not move rows between folds
    problem = fit.problem
    base = problem.weights if problem.label_weights is None else problem.label_weights.base
    base = base.copy()
    base[checked] *= DECIDED_WEIGHT
    design = problem.design
    if known is not None and design.place == "memory":
        design = stacked([design, known.design], who="next_to_check")
        current = np.concatenate([current, known.codes])
        folds = np.concatenate([folds, folds_of(known.codes)])
        base = np.concatenate([base, np.full(known.design.n_rows, _KNOWN_WEIGHT * base.mean())])
    following = None if problem.label_weights is None else replace(problem.label_weights, base=base)
    weights = base if following is None else following.of(current)
    labels = Labels(fit.classes, current.astype(problem.labels.codes.dtype))
    learned = replace(problem, design=design, labels=labels, weights=weights, label_weights=following)
    model = minimiser(learned, fit.theta, fit.preconditioner, monitor, None)
    rows = np.arange(fit.n_rows)
    proba = class_probabilities(model, current, folds, monitor)[: fit.n_rows]
    if known is not None:
        shares = np.bincount(current, weights, minlength=len(fit.classes)) / weights.sum()
        proba = at_known_shares(proba, shares, np.bincount(known.codes, minlength=len(fit.classes)))
    score = 1.0 - proba[rows, given]
    proba[rows, given] = -1.0
    return score, proba.argmax(axis=1)


def at_known_shares(proba: FloatArray, shares: FloatArray, counts: IntArray) -> FloatArray:
    """Probabilities of classes, (n_rows, K), where these are as common as among the known rows.

    Wrong labels make some classes look rarer than they are, and a model that learned from them says so too. By Bayes'
    rule only the prior changes (Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a
    priori probabilities", 2002).

    Parameters
    ----------
    shares
        Of each class among what the model has learned from, (K,).
    counts
        Known rows of each class, (K,). Their shares are shrunk towards ``shares``.
    """
    there = (counts + _SHARES_WEIGHT * shares) / (counts.sum() + _SHARES_WEIGHT)
    scaled = proba * (there / np.maximum(shares, np.finfo(float).eps))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))

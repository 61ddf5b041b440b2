"""What a verification means for a whole test set, in a few numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import bdtr
from scipy.stats import rankdata

from .._typing import BoolArray, FloatArray, IntArray
from ..arguments import shown
from ..evidence import Verification
from ..facts import plural


@dataclass(frozen=True)
class VerificationSummary:
    """A retraining in numbers. Those that need true labels are of the test rows that have one, None without any.

    Parameters
    ----------
    n_relabelled, n_test, n_flipped
        Training rows relabelled, test rows, and test rows whose predicted class changed.
    accuracy_before, accuracy_after
        Share of test rows predicted right, in [0, 1]; a label that is no class of the model cannot be.
    log_loss_before, log_loss_after
        Mean of -log(probability of the true label), natural logarithm, over the rows whose label is a class.
    n_became_right, n_became_wrong
        Test rows whose prediction changed to the true label, and away from it.
    f1_before, f1_after
        Harmonic mean of precision and recall of ``classes[1]``; None where neither the labels nor the predictions
        hold that class. With more than two classes the plain mean over those that they hold (macro).
    auc_before, auc_after
        Area under the ROC curve, ties counted half; None where the true labels hold one class only. With more than two
        classes the plain mean over those that they hold, each against all others.
    n_known
        Test rows whose true label is known.
    p_value
        How likely a split into became right and became wrong as uneven as this one, or more, is by chance alone:
        McNemar's test in its exact form, two-sided. 1.0 where no such row changed.
    """

    n_relabelled: int
    n_test: int
    n_flipped: int
    accuracy_before: float | None = None
    accuracy_after: float | None = None
    log_loss_before: float | None = None
    log_loss_after: float | None = None
    n_became_right: int | None = None
    n_became_wrong: int | None = None
    f1_before: float | None = None
    f1_after: float | None = None
    auc_before: float | None = None
    auc_after: float | None = None
    n_known: int = 0
    p_value: float | None = None


def summarise(verification: Verification, truth: IntArray | None) -> VerificationSummary:
    """Sum a verification up.

    Parameters
    ----------
    truth
        Class codes of the test rows, shape (m,), or None: -1 where not known, 2 and above for labels of no class.
    """
    n_relabelled = len(verification.rows)
    n_flipped = int(np.count_nonzero(verification.flipped))
    n_test = len(verification.flipped)
    known = np.zeros(n_test, dtype=bool) if truth is None else truth >= 0
    if truth is None or not known.any():
        return VerificationSummary(n_relabelled, n_test, n_flipped)
    truth = truth[known]
    before = verification.predicted_before[known]
    after = verification.predicted_after[known]
    proba_before = verification.proba_before[known]
    proba_after = verification.proba_after[known]
    right_before = before == truth
    right_after = after == truth
    became_right = int(np.count_nonzero(right_after & ~right_before))
    became_wrong = int(np.count_nonzero(right_before & ~right_after))
    return VerificationSummary(
        n_relabelled,
        n_test,
        n_flipped,
        accuracy_before=float(right_before.mean()),
        accuracy_after=float(right_after.mean()),
        log_loss_before=_log_loss(proba_before, truth),
        log_loss_after=_log_loss(proba_after, truth),
        n_became_right=became_right,
        n_became_wrong=became_wrong,
        f1_before=_mean_f1(before, truth, proba_before),
        f1_after=_mean_f1(after, truth, proba_after),
        auc_before=_mean_auc(proba_before, truth),
        auc_after=_mean_auc(proba_after, truth),
        n_known=int(known.sum()),
        p_value=_sign_test(became_right, became_wrong),
    )


def _sign_test(one: int, other: int) -> float:
    """Two-sided, by the binomial distribution of fair coin tosses."""
    if abs(one - other) < 2:
        return 1.0  # exactly: the sum of rounded probabilities falls short of it
    return float(min(1.0, 2 * bdtr(min(one, other), one + other, 0.5)))


def _mean_f1(predicted: IntArray, truth: IntArray, proba: FloatArray) -> float | None:
    if proba.ndim == 1:
        return _f1(predicted == 1, truth == 1)
    return _mean(_f1(predicted == code, truth == code) for code in range(proba.shape[1]))


def _mean_auc(proba: FloatArray, truth: IntArray) -> float | None:
    if proba.ndim == 1:
        return _auc(proba, truth == 1)
    return _mean(_auc(proba[:, code], truth == code) for code in range(proba.shape[1]))


def _mean(scores: Iterable[float | None]) -> float | None:
    """Of those that are defined."""
    defined = [score for score in scores if score is not None]
    return float(np.mean(defined)) if defined else None


def _f1(predicted: BoolArray, positive: BoolArray) -> float | None:
    claimed = int(predicted.sum()) + int(positive.sum())
    return 2 * int((predicted & positive).sum()) / claimed if claimed else None


def _auc(proba: FloatArray, positive: BoolArray) -> float | None:
    """The Mann-Whitney statistic: how often a positive row ranks above a negative one."""
    n_positive = int(positive.sum())
    pairs = n_positive * (len(positive) - n_positive)
    if not pairs:
        return None
    ranks = rankdata(proba)[positive].sum()
    return float((ranks - n_positive * (n_positive + 1) / 2) / pairs)


def _log_loss(proba: FloatArray, truth: IntArray) -> float:
    """As scikit-learn has it: probabilities are kept one rounding error away from 0 and 1."""
    eps = np.finfo(np.float64).eps
    of_classes = np.column_stack([1 - proba, proba]) if proba.ndim == 1 else proba
    places = np.flatnonzero(truth < of_classes.shape[1])
    kept = np.clip(of_classes[places, truth[places]], eps, 1 - eps)
    return float(-np.log(kept).mean())


def check_verification(result: Any, n_test: int, *, who: str) -> None:
    """Refuse what is no `Verification` of all test rows.

    Raises
    ------
    TypeError, ValueError
        If it is something else, or one of other queries.
    """
    if not isinstance(result, Verification):
        raise TypeError(f"{who}: expected a Verification, as verify and what_if return, got {shown(result)}.")
    if len(result.proba_after) != n_test:
        raise ValueError(
            f"{who}: expected a Verification of the {plural(n_test, 'test row')}, got one of "
            f"{len(result.proba_after)} queries."
        )

"""The last word of the user's own estimator on a flip set that the minimiser's refit confirmed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from .._typing import FloatArray, IntArray
from ..bayes import predicted_code, scores_of
from ..design import Design
from ..evidence import FACTOR_RTOL, factors, solved_factors
from ..fits import AdoptionWarning, Fit, NoRefitError, OwnModel
from ..monitor import Monitor
from ..outcome import Outcome
from ..problem import MultinomialProblem
from ..question import Question
from .flip_set import FlipSet

_MOST_ADDED = 64  # rows added to a set that the estimator contradicts: seven refits of its own to find out


@dataclass(frozen=True, eq=False)
class Asked:
    """One query: its features, a design of one row; as the estimator's pipeline takes it, rows of length one, or None
    where only features are at hand; and its place among the queries of one call.
    """  # noqa: D205

    query: Design
    raw: Any
    place: int


@dataclass(frozen=True, eq=False)
class Confirmation:
    """One query's flip set, held against refits of the estimator that the fit was adopted from.

    Attributes
    ----------
    question
        What the set answers.
    asked
        The query.
    monitor
        Receives progress and stops between two refits.
    """

    question: Question
    asked: Asked
    monitor: Monitor | None

    def applied(self, flip_set: FlipSet, *, may_grow: bool) -> FlipSet:
        """The set as it is without doubt, or if a refit would be slow; else confirmed, enlarged until it is, or denied.

        Notes
        -----
        Cost: nothing without doubt, else one fit of the user's estimator; up to thirteen if that one contradicts the
        set.
        """
        own = self.question.fit.own
        if own is None or not flip_set.verified or not own.is_quick:
            return flip_set
        before = float(own.decision(self.asked.query)[0]) - self.question.offset
        if before * self.question.value > 0 and not own.doubts(flip_set.margin_after, flip_set.edit):
            return flip_set
        trial = _Trial(self, own, before)
        try:
            margin = trial.margin(flip_set.rows)
            if margin >= 0 and may_grow and before * self.question.value > 0:
                grown = trial.enlarged(flip_set.rows)
                if grown is not None:
                    flip_set = self._with_rows(flip_set, grown)
                    margin = trial.margins[grown.tobytes()]
        except NoRefitError as error:
            return _unconfirmed(flip_set, _proba(before + self.question.offset), error)
        confirmed = margin < 0
        return replace(
            flip_set,
            verified=confirmed,
            confirmed_by=trial.how if confirmed else "minimiser",
            own_proba_before=_proba(before + self.question.offset),
            own_proba_after=_proba(np.sign(before) * margin + self.question.offset),
            outcome=flip_set.outcome if confirmed else Outcome.CONTRADICTED,
            refits=flip_set.refits + len(trial.margins),
        )

    def _with_rows(self, flip_set: FlipSet, rows: IntArray) -> FlipSet:
        refit = self.question.fit.refit(rows, self.question.edit, monitor=self.monitor)
        return replace(
            flip_set,
            rows=rows,
            labels=self.question.new_labels(rows),
            proba_after=float(refit.proba(self.asked.query)[0]),
            margin_after=-self.question.margin(refit.theta),
        )

    def outsiders(self, rows: IntArray) -> IntArray:
        """Rows that may be added to a set, those first that move the query furthest at the set's own refit."""
        question = self.question
        refit = question.fit.refit(rows, question.edit, monitor=self.monitor)
        eta_direction = refit.problem.eta(factors(refit, self.asked.query, monitor=self.monitor)[:, 0])
        others = np.setdiff1d(question.candidates, rows)
        worth = question.worth(question.gains(refit.eta, eta_direction)[others], others)
        order = np.argsort(-worth, kind="stable")[:_MOST_ADDED]
        return others[order[worth[order] > 0]]


class _Trial:
    """Refits of the estimator for one query, each made once."""

    def __init__(self, confirmation: Confirmation, own: OwnModel, before: float) -> None:
        self._confirmation = confirmation
        self._own = own
        self._direction = np.sign(before)
        self.how = own.strongest(confirmation.asked.raw, confirmation.question.edit)
        self.margins: dict[bytes, float] = {}

    def margin(self, rows: IntArray) -> float:
        """The estimator's margin after a refit, negative once its prediction has flipped."""
        key = rows.tobytes()
        if key not in self.margins:
            monitor = self._confirmation.monitor
            asked = self._confirmation.asked
            question = self._confirmation.question
            if monitor is not None:
                monitor.step(f"confirming by your {self.how}", len(self.margins))
            refitted = self._own.refitted(self.how, rows, question.new_labels(rows), question.edit)
            after = self._own.decision_of(refitted, self.how, asked.query, asked.raw)
            self.margins[key] = float(self._direction * (after[0] - question.offset))
        return self.margins[key]

    def enlarged(self, rows: IntArray) -> IntArray | None:
        """The set with the fewest of the best outsiders with which the estimator flips, found by bisection.

        None where no power of two of them, up to `_MOST_ADDED`, helps.
        """
        outsiders = self._confirmation.outsiders(rows)
        count = _fewest(lambda count: self.margin(np.append(rows, outsiders[:count])) < 0, len(outsiders))
        return None if count is None else np.append(rows, outsiders[:count])


def _fewest(flips: Callable[[int], bool], available: int) -> int | None:
    """How many it takes, by doubling and bisection; None where no power of two of those available flips."""
    least = 0
    most = 1
    while most <= available and not flips(most):
        least = most
        most *= 2
    if most > available:
        return None
    while most - least > 1:
        middle = (least + most) // 2
        if flips(middle):
            most = middle
        else:
            least = middle
    return most


def _softmax(scores: FloatArray) -> FloatArray:
    return np.asarray(softmax(scores, axis=1))


@dataclass(frozen=True, eq=False)
class ClassConfirmation:
    """`Confirmation` with several classes.

    ``target`` is the code of the class that was wanted, None: any other. ``candidates`` and ``allowed`` are as in
    `Question`.
    """

    fit: Fit
    asked: Asked
    target: int | None
    candidates: IntArray
    allowed: IntArray | None
    monitor: Monitor | None

    def applied(self, flip_set: FlipSet, *, may_grow: bool) -> FlipSet:
        """As `Confirmation.applied`."""
        own = self.fit.own
        if own is None or not flip_set.verified or not own.is_quick:
            return flip_set
        code = int(np.argmax(own.decision(self.asked.query)[0]))
        same = bool(self.fit.classes[code] == flip_set.predicted_before)
        if same and not own.doubts(flip_set.margin_after, flip_set.edit):
            return flip_set
        held = self._held(own, flip_set)
        if held.verified or not (same and may_grow) or held.outcome is not Outcome.CONTRADICTED:
            return held
        grown = self._enlarged(own, flip_set, code)
        return held if grown is None else grown

    def _held(self, own: OwnModel, flip_set: FlipSet) -> FlipSet:
        return held_against(own, flip_set, self.asked, 0.0, self.target, self.monitor, proba=self.fit.problem.proba)

    def _enlarged(self, own: OwnModel, flip_set: FlipSet, code: int) -> FlipSet | None:
        problem = self.fit.problem
        edits = self._edits_of(flip_set)
        outsiders = self._outsiders(flip_set, code)
        tried: dict[int, FlipSet] = {}

        def flips(count: int) -> bool:
            both = np.append(edits, outsiders[:count])
            if len(problem.last_of_their_class(np.sort(both), flip_set.edit)):
                return False
            labels = problem.new_labels(both, flip_set.edit)
            tried[count] = self._held(own, replace(flip_set, rows=problem.rows_of(both), labels=labels))
            return tried[count].verified

        count = _fewest(flips, len(outsiders))
        if count is None:
            return None
        found = tried[count]
        refit = self.fit.refit(found.rows, found.edit, labels=found.labels, monitor=self.monitor)
        after = refit.decision(self.asked.query)[0]
        winner = int(np.argmax(after))
        return replace(
            found,
            proba_after=float(problem.proba(after[None])[0, code]),
            margin_after=float(after[winner] - after[code]),
            predicted_after=self.fit.classes[winner],
            refits=flip_set.refits + len(tried) + 1,
        )

    def _edits_of(self, flip_set: FlipSet) -> IntArray:
        codes = np.searchsorted(self.fit.classes, flip_set.labels)
        return self.fit.problem.edits_of(flip_set.rows, flip_set.edit, codes)

    def _outsiders(self, flip_set: FlipSet, code: int) -> IntArray:
        """Edits that may be added to a set, those first that move the query furthest at the set's own refit."""
        refit = self.fit.refit(flip_set.rows, flip_set.edit, labels=flip_set.labels, monitor=self.monitor)
        problem = refit.problem
        assert isinstance(problem, MultinomialProblem)
        others = np.delete(np.arange(len(self.fit.classes)), code)
        after = refit.decision(self.asked.query)[0]
        rival = int(others[np.argmax(after[others])]) if self.target is None else self.target
        functional = problem.functional(problem.extended_rows(self.asked.query)[:, 0], code, rival)
        solved = solved_factors(refit, functional[:, None], rtol=FACTOR_RTOL, monitor=self.monitor)
        gains = problem.pulls(refit.eta, problem.eta(solved.x[:, 0]), flip_set.edit)
        rows = np.setdiff1d(self.candidates, flip_set.rows)
        edits = problem.best_edits(rows, gains, flip_set.edit, self.allowed, None)
        order = np.argsort(-gains[edits], kind="stable")[:_MOST_ADDED]
        return np.asarray(edits[order[gains[edits[order]] > 0]])


def held_against(
    own: OwnModel,
    flip_set: FlipSet,
    asked: Asked,
    threshold_logit: float,
    target: int | None,
    monitor: Monitor | None,
    *,
    proba: Callable[[FloatArray], FloatArray] = _softmax,
) -> FlipSet:
    """A set with the word of one refit of the estimator: confirmed, contradicted, or not confirmed without a refit.

    ``target`` is the code of the class that was wanted; None: any other than the estimator's own. ``proba`` makes
    probabilities of scores of classes, (m, K).
    """
    before = scores_of(own.decision(asked.query))[0]
    code = predicted_code(before, threshold_logit)
    shown = 1 if len(before) == 2 else code
    own_before = float(proba(before[None])[0, shown])
    how = own.strongest(asked.raw, flip_set.edit)
    if monitor is not None:
        monitor.step(f"confirming by your {how}", 0)
    try:
        refitted = own.refitted(how, flip_set.rows, flip_set.labels, flip_set.edit)
    except NoRefitError as error:
        return _unconfirmed(flip_set, own_before, error)
    after = scores_of(own.decision_of(refitted, how, asked.query, asked.raw))[0]
    now = predicted_code(after, threshold_logit)
    confirmed = now != code if target is None else now == target
    return replace(
        flip_set,
        verified=confirmed,
        confirmed_by=how if confirmed else "minimiser",
        own_proba_before=own_before,
        own_proba_after=float(proba(after[None])[0, shown]),
        outcome=flip_set.outcome if confirmed else Outcome.CONTRADICTED,
        refits=flip_set.refits + 1,
    )


def _unconfirmed(flip_set: FlipSet, own_before: float, error: NoRefitError) -> FlipSet:
    """The set where the estimator could not be refitted."""
    warnings.warn(f"A flip set is not confirmed: {error}", AdoptionWarning, stacklevel=3)
    return replace(flip_set, verified=False, own_proba_before=own_before, outcome=Outcome.UNCONFIRMED)


def _proba(log_odds: float) -> float:
    return float(expit(log_odds))

"""One query: its rivals, the smallest set that one of them needs, and how few rows any of them needs at least."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from .._typing import FloatArray, IntArray
from ..design import Design
from ..outcome import Outcome
from ..problem import Edit
from .contest import TIE, Contest, Rules, contest_of
from .exhaustion import exhausted
from .fitting import BayesFit
from .local_search import Ledger, LocalSearch, Pool, Spent, climb, flipping_prefix
from .relaxation import Relaxation
from .terms import terms_of

_FAR = 12  # rows between bound and size; farther apart, trying all sets of a size closes no gap


@dataclass(frozen=True, eq=False)
class Found:
    """Rows in order of effect with the codes of their new labels, both empty if there is no set; and how it ended.

    ``after`` are the class scores of the confirming refit, None without one.
    """

    rows: IntArray
    codes: IntArray
    after: FloatArray | None
    lower_bound: int
    outcome: Outcome


def predicted_codes(scores: FloatArray, threshold_logit: float) -> IntArray:
    """The classes that are predicted from scores, (m, K): above the threshold, or the first of the best; (m,)."""
    if scores.shape[1] == 2:
        return np.asarray(scores[:, 1] - scores[:, 0] > threshold_logit, dtype=np.int64)
    return np.asarray(np.argmax(scores, axis=1), dtype=np.int64)


def predicted_code(scores: FloatArray, threshold_logit: float) -> int:
    """The same for one query, (K,)."""
    return int(predicted_codes(scores[None], threshold_logit)[0])


def contests_of(rules: Rules, query: Design, threshold_logit: float, target: int | None) -> list[Contest]:
    """What may bring down the prediction, nearest first: each rival against the predicted class, or all before one."""
    scores, terms = rules.fit.scores(query)[0], terms_of(rules.fit, query)
    predicted = predicted_code(scores, threshold_logit)
    if target is not None:
        others = [k for k in range(len(scores)) if k not in (target, predicted)]
        offset = _offset(scores, threshold_logit, predicted)
        defenders = (predicted, *others)
        return [contest_of(rules, terms, target, defenders, offset, all_labels=True)]
    rivals = [int(k) for k in np.argsort(-scores, kind="stable") if k != predicted]
    offset = _offset(scores, threshold_logit, predicted)
    return [contest_of(rules, terms, rival, (predicted,), offset, all_labels=False) for rival in rivals]


def _offset(scores: FloatArray, threshold_logit: float, predicted: int) -> float:
    """What a lead has to exceed for the prediction to stand."""
    if len(scores) > 2:
        return 0.0
    return threshold_logit if predicted == 1 else -threshold_logit


class Finding:
    """The search for one query."""

    def __init__(self, rules: Rules, query: Design, threshold_logit: float, target: int | None, ledger: Ledger) -> None:
        self._rules, self._query, self._ledger = rules, query, ledger
        self._threshold_logit = threshold_logit
        self._predicted = predicted_code(rules.fit.scores(query)[0], threshold_logit)
        self._target = target
        self._contests = contests_of(rules, query, threshold_logit, target)
        self._relaxations = [Relaxation(contest) for contest in self._contests]
        self._proven = [0] * len(self._contests)
        self._best: tuple[Contest, IntArray] | None = None

    def run(self) -> Found:
        """The smallest set found (or cheapest), confirmed by a refit of the counts."""
        editable = int(np.count_nonzero(self._rules.editable))
        if not editable:
            return _nothing(Outcome.CANNOT_FLIP, 1)
        spent = False
        try:
            self._search()
            self._prove(editable)
        except Spent:
            spent = True
        confirmed = self._confirmed()
        if confirmed is not None:
            return replace(confirmed, outcome=Outcome.BUDGET_FOUND if spent else Outcome.FOUND)
        if spent:
            return _nothing(Outcome.BUDGET, 1 + min(self._proven))
        cannot = min(self._proven) >= editable
        return _nothing(Outcome.CANNOT_FLIP if cannot else Outcome.EXHAUSTED, 1 + min(self._proven))

    def _search(self) -> None:
        """Each rival in turn, unless it is proven to need no fewer rows than the best has needed."""
        for i, contest in enumerate(self._contests):
            if self._best is not None and self._rules.costs is None:
                fewer = len(self._best[1]) - 1
                self._proven[i] = max(0, self._relaxations[i].minorant(fewer).proven) if fewer else 0
                if self._proven[i] >= fewer:
                    continue
            self._improve(contest, climb(contest, self._ledger))
        if self._best is None:
            self._leap()

    def _leap(self) -> None:
        """Where no row alone brings any rival nearer, many together may: prefixes of what chords say of so many."""
        for contest, relaxation in zip(self._contests, self._relaxations, strict=True):
            size = int(np.count_nonzero(self._rules.editable))
            while size and self._best is None:
                self._improve(contest, flipping_prefix(contest, relaxation.minorant(size).effects, self._ledger))
                size //= 2

    def _improve(self, contest: Contest, taken: IntArray | None) -> None:
        if taken is None:
            return
        self._offer(contest, taken)
        pool = Pool.around(contest, taken)
        search = LocalSearch(pool, self._ledger, np.searchsorted(pool.moves, taken))
        try:
            search.run()
        finally:
            self._offer(contest, pool.moves[search.members])

    def _offer(self, contest: Contest, moves: IntArray) -> None:
        if self._best is None or _cost(contest, moves) < _cost(*self._best) - 1e-12:
            self._best = contest, moves

    def _prove(self, editable: int) -> None:
        """Lower bounds of all rivals, then sets that they leave open one by one."""
        size = self._size(editable)
        for i, relaxation in enumerate(self._relaxations):
            self._ledger.spend()
            self._proven[i] = min(relaxation.bound(size, self._proven[i]), size - 1)
        for i, contest in enumerate(self._contests):
            while self._proven[i] + 1 < self._size(editable) <= self._proven[i] + _FAR:
                found = exhausted(contest, self._relaxations[i].sharpened(self._proven[i] + 1), self._ledger)
                if found is None:
                    break
                if len(found):
                    self._offer(contest, found)
                    break
                self._proven[i] += 1

    def _size(self, editable: int) -> int:
        """Rows of the best set, or one more than there are."""
        return editable + 1 if self._best is None else len(self._best[1])

    def _confirmed(self) -> Found | None:
        """The best set, if a refit flips the prediction by more than rounding."""
        if self._best is None:
            return None
        contest, moves = self._best
        moves = moves[np.argsort(contest.margins(contest.start + contest.changes(moves)), kind="stable")]
        rows, codes = moves % contest.n_rows, contest.codes.ravel()[moves]
        fit, edit = self._rules.fit, self._rules.edit
        refit = fit.refit(rows, edit, labels=fit.classes[codes] if edit == "relabel" else None)
        after = refit.scores(self._query)[0]
        if not self._flips(after):
            return None
        bound = min(1 + min(self._proven), len(rows))
        return Found(rows, codes, after, max(bound, 1), Outcome.FOUND)

    def _flips(self, after: FloatArray) -> bool:
        """Whether another class is predicted, or the target, and leads by more than a tie."""
        now = predicted_code(after, self._threshold_logit)
        if now == self._predicted or (self._target is not None and now != self._target):
            return False
        if len(after) == 2:
            return abs(float(after[1] - after[0]) - self._threshold_logit) > 0.5 * TIE
        behind = np.delete(after, now) if self._target is not None else after[[self._predicted]]
        return float(after[now] - behind.max()) > 0.5 * TIE


def _cost(contest: Contest, moves: IntArray) -> float:
    return float(contest.costs(moves).sum())


def _nothing(outcome: Outcome, lower_bound: int) -> Found:
    none = np.empty(0, dtype=np.int64)
    return Found(none, none, None, lower_bound, outcome)


def predicted_set(contests: list[Contest]) -> tuple[Contest, IntArray] | None:
    """The shortest prefix of a first-order ranking that is predicted to flip, over all rivals; None if there is none.

    Source: Yang, Xu, Yu, "Relabeling Minimal Training Subset to Flip a Prediction" (EACL Findings 2024), Algorithm 1,
    in the probability of the predicted class against the rival's.
    """
    best: tuple[Contest, IntArray] | None = None
    for contest in contests:
        effects = contest.effects(contest.start)
        rows = np.flatnonzero(effects.min(axis=0) < 0)
        order = rows[np.argsort(effects.min(axis=0)[rows], kind="stable")]
        moves = effects.argmin(axis=0)[order] * contest.n_rows + order
        p = expit(float(contest.margins(contest.start)) + contest.offset)
        changed = p + p * (1 - p) * np.cumsum(effects.ravel()[moves])
        flips = np.flatnonzero(changed < expit(contest.offset))
        if flips.size and (best is None or flips[0] + 1 < len(best[1])):
            best = contest, moves[: flips[0] + 1]
    return best


def rules_of(fit: BayesFit, edit: Edit, rows: IntArray, labels: IntArray | None, costs: FloatArray | None) -> Rules:
    """Rules from candidate rows and codes of the labels that rows may be given; rows of weight 0 stay as they are."""
    editable = np.zeros(fit.n_rows, dtype=bool)
    editable[rows] = True
    allowed = np.ones(len(fit.classes), dtype=bool)
    if labels is not None:
        allowed = np.isin(np.arange(len(fit.classes)), labels)
    return Rules(fit, edit, editable & (fit.weights > 0), allowed, costs)

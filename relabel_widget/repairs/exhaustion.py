"""The end of a small repair: every smaller set is tried, size by size, where that is cheap, as for flip sets."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..bound import (
    SLACK,
    SmallClasses,
    SmallProblem,
    SmallRest,
    sets_of,
    small_classes_operations,
    small_refit_operations,
)
from ..problem import MultinomialProblem, OneVsRestProblem
from ..question import Question
from ..search.exhaustion import MOST_OPERATIONS
from ..search.refits import BudgetSpent
from .goals import Goals
from .trials import Trial, Trials


@dataclass(frozen=True, eq=False)
class Exhausted:
    """The best trial after all smaller sets were tried, None without one, and the least size that is not ruled out."""

    best: Trial | None
    lower_bound: int


def exhausted(trials: Trials, goals: Goals, best: Trial | None, lower_bound: int) -> Exhausted:
    """Try all sets of fewer edits than the best, as long as `MOST_OPERATIONS` lasts; without costs only.

    Sets that no refit can make good are proven so by the error bounds of `bound/small.py`; the others are refitted.
    """
    problem = trials.fit.problem
    edits = trials.all_edits
    if isinstance(problem, MultinomialProblem):
        each = small_classes_operations(problem)
    else:
        each = small_refit_operations(problem)
    if trials.carrier.costs is not None or problem.label_weights is not None:
        return Exhausted(best, lower_bound)
    most = len(trials.carrier.candidates) if best is None else len(best.edits) - 1
    asked = np.flatnonzero(~goals.given_up)
    small: list[_SmallGoal] | None = None
    work = 0.0
    for size in range(1, most + 1):
        count = comb(len(edits), size)
        work += count * each * len(asked)
        if work > MOST_OPERATIONS or count >= trials.spending.left:
            break
        small = small or [_SmallGoal.of(trials, goals, int(goal)) for goal in asked]
        try:
            found, rising = _tried(trials, goals, small, edits, size)
        except BudgetSpent:
            break
        if rising:
            lower_bound = max(lower_bound, size + 1)
        if found is not None:
            return Exhausted(found, lower_bound)
    return Exhausted(best, lower_bound)


@dataclass(frozen=True, eq=False)
class _SmallGoal:
    """A goal of a small problem, whose margin there rises or falls with the goal's (``sign``)."""

    goal: int
    small: SmallProblem | SmallClasses | SmallRest
    sign: float

    @classmethod
    def of(cls, trials: Trials, goals: Goals, goal: int) -> _SmallGoal:
        fit = trials.fit
        code = int(goals.codes[goal])
        row = goals.problem.extended_rows(goals.design.take(goals.queries[[goal]]))[:, 0]
        if isinstance(fit.problem, MultinomialProblem):
            # the margin there is positive as long as another class is above the goal's
            kind = SmallRest if isinstance(fit.problem, OneVsRestProblem) else SmallClasses
            return cls(goal, kind.of(fit, row, code, code, "relabel"), -1.0)
        question = Question(fit, row, goals.offset, "relabel", trials.carrier.candidates)
        return cls(goal, SmallProblem.of(question), question.direction * (1.0 if code == 1 else -1.0))

    def may_be_met(self, sets: IntArray) -> BoolArray:
        """Which of the sets (m, size) are not proven to miss the goal, by more than another solver's error; (m,)."""
        margins, doubts = self.small.margins(sets)
        most: FloatArray = self.sign * margins + doubts
        return ~(most < -SLACK) & np.isfinite(margins)


def _tried(
    trials: Trials, goals: Goals, small: list[_SmallGoal], edits: IntArray, size: int
) -> tuple[Trial | None, bool]:
    """The first set of this size that a refit confirms, and whether no set of it can be good."""
    rising = True
    base = trials.base(goals)
    for group in sets_of(edits, size, min(each.small.group_size for each in small)):
        trials.spending.spend(trials.monitor, len(group))
        for edits_of_set in group[_may_be_good(goals, small, group)]:
            rising = False
            trial = trials.at(edits_of_set, base, goals)
            if trial is not None and goals.all_met(trial.margins):
                return trial, False
    return None, rising


def _may_be_good(goals: Goals, small: list[_SmallGoal], sets: IntArray) -> BoolArray:
    left = np.ones(len(sets), dtype=bool)
    counts = np.zeros((len(sets), len(goals.needed)), dtype=np.int64)
    for each in small:
        places = np.flatnonzero(left)
        met = each.may_be_met(sets[places])
        quota = goals.quota[each.goal]
        if quota < 0:
            left[places[~met]] = False
        else:
            counts[places[met], quota] += 1
    return left & (counts >= goals.needed).all(axis=1)

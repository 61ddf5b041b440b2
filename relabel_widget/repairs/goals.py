"""What a repair is held to: the class that each query must have, as margins of one matrix of queries."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..arguments import as_rows, shown
from ..bound import SLACK
from ..design import Design
from ..problem import MultinomialProblem, Problem

_RIVALRY = 1.0  # log-odds behind the nearest rival beyond which another one is not looked at yet


@dataclass(frozen=True, eq=False)
class Rate:
    """A wanted share: of some queries, at least so many are to be predicted a class.

    Attributes
    ----------
    rows
        Queries of the call, by number, or a mask of shape (m,).
    class_
        One of the fit's classes.
    at_least
        The share, above 0 and at most 1.
    """

    rows: Any
    class_: Any
    at_least: float

    def rows_in(self, n_queries: int, *, who: str) -> IntArray:
        """The queries, int64.

        Raises
        ------
        ValueError, TypeError
            If rows or share are not as described.
        """
        rows = as_rows(self.rows, n_queries, who=f"{who}: rows of a Rate", kind="query row")
        if not len(rows):
            raise ValueError(f"{who}: expected a Rate of at least one query, got none.")
        share = self.at_least
        if not isinstance(share, numbers.Real) or isinstance(share, bool) or not 0 < share <= 1:
            raise ValueError(f"{who}: expected at_least of a Rate above 0 and at most 1, got {shown(share)}.")
        return rows


@dataclass(frozen=True, eq=False)
class Functionals:
    """Linear functionals of the parameters: the log-odds of a goal's class against a rival.

    Attributes
    ----------
    goals, rivals
        The goal and the code of the rival of each, (f,).
    columns
        The functionals, (n_params, f).
    """

    goals: IntArray
    rivals: IntArray
    columns: FloatArray


@dataclass(frozen=True, eq=False)
class Goals:
    """Queries and the classes that they must have.

    A goal is a query with a class; its *margin* is the log-odds by which that class leads all others, or the threshold,
    and the goal is met where that exceeds what is ``required``. Goals stand by themselves, or in a *quota*, of which so
    many must be met.

    Attributes
    ----------
    problem
        Gives decisions and functionals.
    design
        The queries, then the kept ones.
    offset
        The threshold in log-odds; 0.0 with several classes.
    queries, codes
        Of each goal, (n_goals,): a row of the design, and the code of the class.
    quota
        Of each goal, (n_goals,): the place of its quota in ``needed``, -1 for those by themselves.
    needed
        How many goals of each quota must be met.
    kept
        Which goals hold what is predicted already, and are given up last; (n_goals,).
    given_up
        Which goals are no longer asked for, (n_goals,).
    required
        The margin that each goal must exceed, (n_goals,).
    """

    problem: Problem
    design: Design
    offset: float
    queries: IntArray
    codes: IntArray
    quota: IntArray
    needed: IntArray
    kept: BoolArray
    given_up: BoolArray
    required: FloatArray

    @classmethod
    def of(cls, problem: Problem, design: Design, offset: float, goals: list[tuple[IntArray, IntArray, int]]) -> Goals:
        """From parts: queries, their codes, and how many are needed; -1 for all and 0 for kept ones."""
        sizes = [len(queries) for queries, _, _ in goals]
        parts = np.repeat([needed for _, _, needed in goals], sizes).astype(np.int64)
        quotas = [needed for _, _, needed in goals if needed > 0]
        places = np.cumsum([needed > 0 for _, _, needed in goals]) - 1
        n_goals = len(parts)
        return cls(
            problem,
            design,
            offset,
            queries=np.concatenate([queries for queries, _, _ in goals]).astype(np.int64),
            codes=np.concatenate([codes for _, codes, _ in goals]).astype(np.int64),
            quota=np.where(parts > 0, np.repeat(places, sizes), -1),
            needed=np.array(quotas, dtype=np.int64),
            kept=parts == 0,
            given_up=np.zeros(n_goals, dtype=bool),
            required=np.full(n_goals, SLACK),
        )

    def margins(self, decisions: FloatArray) -> FloatArray:
        """The margin of each goal from the decisions on the design, (n_goals,)."""
        if decisions.ndim == 1:
            return self._signs * (decisions[self.queries] - self.offset)
        table = decisions[self.queries]
        own = np.arange(len(table)), self.codes
        scores = table[own]
        table[own] = -np.inf
        return np.asarray(scores - table.max(axis=1))

    def met(self, margins: FloatArray) -> BoolArray:
        """Which goals are met; a mask, (n_goals,)."""
        return margins > self.required

    def demanded(self, margins: FloatArray) -> BoolArray:
        """Which goals must be met: those by themselves, and of each quota the nearest ones; (n_goals,)."""
        demanded = (self.quota < 0) & ~self.given_up
        for place, needed in enumerate(self.needed.tolist()):
            members = np.flatnonzero(self.quota == place)
            order = np.argsort(self.required[members] - margins[members], kind="stable")
            demanded[members[order[:needed]]] = True
        return demanded

    def all_met(self, margins: FloatArray) -> bool:
        """Whether nothing is left to be done."""
        return bool(self.met(margins)[self.demanded(margins)].all())

    def without(self, goal: int) -> Goals:
        """These goals with one less to meet."""
        if self.quota[goal] >= 0:
            needed = self.needed.copy()
            needed[self.quota[goal]] -= 1
            return replace(self, needed=needed)
        given_up = self.given_up.copy()
        given_up[goal] = True
        return replace(self, given_up=given_up)

    def functionals(self, goals: IntArray, decisions: FloatArray, most_rivals: int) -> Functionals:
        """Linear functionals of the parameters that must rise for goals to be met.

        With two classes one for each goal; with several one for each of its nearest rivals, as far as they are close.

        """
        problem = self.problem
        rows = problem.extended_rows(self.design.take(self.queries[goals]))
        if not isinstance(problem, MultinomialProblem):
            return Functionals(goals, 1 - self.codes[goals], rows * self._signs[goals])
        found: list[FloatArray] = []
        of_goal: list[int] = []
        against: list[int] = []
        for goal, row in zip(goals.tolist(), rows.T, strict=True):
            code = int(self.codes[goal])
            scores = decisions[self.queries[goal]]
            order = np.argsort(-scores, kind="stable")
            rivals = order[order != code][:most_rivals]
            for rival in rivals[scores[rivals] > scores[rivals[0]] - _RIVALRY].tolist():
                of_goal.append(goal)
                against.append(rival)
                found.append(problem.functional(row, code, rival))
        columns = np.stack(found, axis=1)
        return Functionals(np.array(of_goal, dtype=np.int64), np.array(against, dtype=np.int64), columns)

    def slack(self, functionals: Functionals, theta: FloatArray) -> FloatArray:
        """By how much each functional exceeds what is required, (f,)."""
        goals = functionals.goals
        values = theta @ functionals.columns - self.offset * self._signs[goals]
        return np.asarray(values - self.required[goals])

    @property
    def _signs(self) -> FloatArray:
        """1.0 where the second of two classes is wanted, -1.0 where the first is."""
        return np.asarray(2.0 * self.codes - 1.0)

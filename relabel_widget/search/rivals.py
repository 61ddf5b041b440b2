"""Flip sets where there are several classes: a prediction falls as soon as any rival overtakes it.

Each rival is a `Question` of its own, the difference of two classes' log-odds, and the search is that of two classes:
an edit is a row with its new label. Rivals are tried in the order of their log-odds. One is out once what is forecast
for it takes as many rows as the best set has.

A named target has to overtake all others. The set that takes it past the predicted class mostly does; where a third
class comes out on top, more rows are edited, until the target is past that one, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import comb

import numpy as np

from .._typing import FloatArray, IntArray
from ..bound import SLACK, SmallClasses, SmallRest, sets_of, small_classes_operations
from ..design import Design
from ..evidence import FACTOR_RTOL, solved_factors
from ..fits import Fit
from ..monitor import Monitor
from ..outcome import Outcome
from ..problem import Edit, MultinomialProblem, OneVsRestProblem
from ..question import Question
from ..solver import SolveResult
from .additive import shortest_prefix
from .class_responses import ClassResponses
from .confirmation import Asked, ClassConfirmation
from .exhaustion import MOST_OPERATIONS
from .first_order import first_order_set
from .flip_set import Budget, FlipSet
from .forecasts import size_needed, weakest_members
from .local_search import LocalSearch
from .proof import Proof
from .refit import NO_ROWS, Context, Refit
from .refits import BudgetSpent, Refits, Spending
from .rest_responses import RestResponses
from .settings import RANKING_RTOL, settings_for


def responses_of(fit: Fit) -> ClassResponses:
    """How rows of a fit of several classes respond to their own edits."""
    return RestResponses(fit) if isinstance(fit.problem, OneVsRestProblem) else ClassResponses(fit)


@dataclass(frozen=True, eq=False)
class _Found:
    """The best set so far: its edits, most influential first, their cost, and the parameters of the refit."""

    edits: IntArray
    cost: float
    theta: FloatArray


@dataclass(frozen=True, eq=False)
class RivalTask:
    """The checked arguments that all queries of one call share.

    ``target`` is the code of the class to flip to, ``allowed`` those of the labels that rows may be given; None: any.
    ``costs`` (n_rows * K,) are those of edits.
    """

    fit: Fit
    target: int | None
    edit: Edit
    method: str
    candidates: IntArray
    costs: FloatArray | None
    allowed: IntArray | None
    budget: Budget
    responses: ClassResponses

    def run_all(self, queries: Design, monitor: Monitor | None) -> Iterator[FlipSet]:
        """Each query's flip set."""
        problem = self.problem
        extended = problem.extended_rows(queries)
        for query, eta in zip(np.ascontiguousarray(extended.T), problem.decision(queries, self.fit.theta), strict=True):
            yield _Search(self, query, eta, monitor).run()

    def run_batch(self, queries: Design) -> list[FlipSet]:
        """`run_all` for a worker process."""
        return list(self.run_all(queries, None))

    def sent(self) -> RivalTask:
        """What worker processes get."""
        bare = self.fit.bare()
        return replace(self, fit=bare, responses=responses_of(bare))

    def concluded(self, flip_set: FlipSet, asked: Asked, proof: Proof, monitor: Monitor | None) -> FlipSet:
        """The flip set with the best lower bound that is proven, and with the word of the user's own estimator."""
        if proof.table is not None:
            edits = self.problem.all_edits(self.candidates, self.edit, self.allowed)
            flip_set = proof.by_table(flip_set, proof.table[asked.place].ravel()[edits])
        confirmation = ClassConfirmation(self.fit, asked, self.target, self.candidates, self.allowed, monitor)
        return confirmation.applied(flip_set, may_grow=self.budget == Budget())

    @property
    def problem(self) -> MultinomialProblem:
        """The fit's problem, which has several classes."""
        assert isinstance(self.fit.problem, MultinomialProblem)
        return self.fit.problem


class _Search:
    """The search for one query's set: ``query`` (n_features + 1,), ``eta`` (K,) its log-odds."""

    def __init__(self, task: RivalTask, query: FloatArray, eta: FloatArray, monitor: Monitor | None) -> None:
        self._task = task
        self._query = query
        self._eta = eta
        self._code = int(np.argmax(eta))
        self._monitor = monitor
        self._spending = Spending(task.budget)
        self._best: _Found | None = None
        self._lower_bound = 1
        self._least: list[int] = []  # rows that each rival takes at least, where effects add up
        self._tried_all = False

    def run(self) -> FlipSet:
        """The set with the fewest rows, or the least cost, that any rival's search found."""
        task = self._task
        if task.target == self._code:
            return self._none(Outcome.ALREADY)
        if not len(task.candidates):
            return replace(self._none(Outcome.CANNOT_FLIP), lower_bound=1)
        order = np.argsort(-self._eta, kind="stable")
        rivals = order[order != self._code].tolist() if task.target is None else [task.target]
        if task.method == "first-order":
            return self._first_order(rivals)
        out_of_budget = False
        try:
            for rival in rivals:
                if self._best is not None and len(self._best.edits) == 1 and task.costs is None:
                    break
                out_of_budget = self._try(rival) or out_of_budget
            else:
                self._tried_all = True
            if not out_of_budget and task.problem.label_weights is None:
                self._exhaust()
        except BudgetSpent:
            out_of_budget = True
        if self._best is None:
            self._raise_bound()
            nothing = self._lower_bound > len(task.candidates)
            not_found = Outcome.CANNOT_FLIP if nothing else Outcome.EXHAUSTED
            flip_set = self._none(Outcome.BUDGET if out_of_budget else not_found)
            return replace(flip_set, lower_bound=self._lower_bound)
        self._raise_bound()
        outcome = Outcome.BUDGET_FOUND if out_of_budget else Outcome.FOUND
        return replace(self._some(self._best.edits, outcome, self._best.theta), lower_bound=self._lower_bound)

    def _first_order(self, rivals: list[int]) -> FlipSet:
        shortest: IntArray | None = None
        for rival in rivals:
            question = self._question(self._task.fit, self._code, rival)
            solved = self._factor(question, FACTOR_RTOL)
            at_most = None if shortest is None else len(shortest) - 1
            found = first_order_set(question, question.gains(self._task.fit.eta, solved.eta_direction), at_most)
            shortest = shortest if found is None else found
        if shortest is None:
            return self._none(Outcome.NOT_PREDICTED)
        return self._some(shortest, Outcome.PREDICTED, None)

    # One rival

    def _try(self, rival: int) -> bool:
        """Look for a better set by which this rival wins; whether the budget ended that."""
        question = self._question(self._task.fit, self._code, rival)
        factor = self._factor(question, FACTOR_RTOL if question.effects_add_up else RANKING_RTOL)
        below = np.inf if self._best is None else self._best.cost
        refit, out_of_budget = self._prefix(question, factor, below)
        if refit is None:
            refit, out_of_budget = self._searched(question, factor, self._task.responses, below)
        if refit is None:
            return out_of_budget
        edits, theta = weakest_members(refit)[::-1], refit.point.theta
        while self._task.target is not None and (winner := self._winner(theta)) != rival:
            more = self._more(edits, theta, winner)
            if more is None:
                return out_of_budget
            edits, theta = more
        if self._best is None or self._cost(edits) < self._best.cost:
            self._best = _Found(edits, self._cost(edits), theta)
        return out_of_budget

    def _prefix(self, question: Question, factor: SolveResult, below: float) -> tuple[Refit | None, bool]:
        """The smallest set where effects add up, once its refit has flipped; the bound of all rivals is kept."""
        if not question.effects_add_up:
            return None, False
        refits = Refits(self._context(question, self._task.responses), factor, self._spending)
        prefix = shortest_prefix(question, refits.base.gains)
        self._least.append(prefix.lower_bound)
        if prefix.edits is None or question.costs is not None or len(prefix.edits) >= below:
            return None, False
        refit = refits.minimised(refits.at(prefix.edits, refits.base))
        return refit if refit.flips else None, False

    def _raise_bound(self) -> None:
        """Where effects add up, the prediction stands as long as every rival is short of rows."""
        if self._tried_all:
            self._lower_bound = max(self._lower_bound, min(self._least, default=1))

    def _context(self, question: Question, responses: ClassResponses, *, exact: bool = False) -> Context:
        problem = question.fit.problem
        settings = settings_for(problem.design, problem.n_classes, smooth=problem.row_loss.smooth)
        return Context(question, replace(settings, exact=exact), responses, self._monitor)

    def _cost(self, edits: IntArray) -> float:
        costs = self._task.costs
        return float(len(edits)) if costs is None else float(costs[edits].sum())

    def _searched(
        self, question: Question, factor: SolveResult, responses: ClassResponses, below: float
    ) -> tuple[Refit | None, bool]:
        """A set of less than this cost that flips, at its minimiser, or None; and whether the budget ended it."""
        for exact in (False, True):  # the second only where the refit at the minimiser contradicts the first
            refits = Refits(self._context(question, responses, exact=exact), factor, self._spending)
            if question.costs is None and not exact and size_needed(refits.base) >= below:
                return None, False
            result = LocalSearch(refits, below).run()
            if result.best is None:
                return None, result.out_of_budget
            refit = refits.minimised(result.best)
            if refit.flips:
                return refit, result.out_of_budget
        return None, result.out_of_budget

    def _more(self, edits: IntArray, theta: FloatArray, winner: int) -> tuple[IntArray, FloatArray] | None:
        """Further edits by which the target overtakes a class that came out on top; None if there are none."""
        task, problem = self._task, self._task.problem
        assert task.target is not None
        rows, labels = problem.rows_of(edits), problem.new_labels(edits, task.edit)
        near = task.fit.refit(rows, task.edit, labels=labels, start=theta, monitor=self._monitor)
        question = self._question(near, winner, task.target)
        question = replace(question, candidates=np.setdiff1d(task.candidates, rows, assume_unique=True))
        factor = self._factor(question, RANKING_RTOL)
        refit, _ = self._searched(question, factor, responses_of(near), np.inf)
        return None if refit is None else (np.append(edits, weakest_members(refit)[::-1]), refit.point.theta)

    # The end: smaller sets, size by size, as far as that is cheap

    def _exhaust(self) -> None:
        """Try all smaller sets: what no refit flips is proven, and what the search missed is found."""
        task, most = self._task, len(self._task.candidates)
        edits = task.problem.all_edits(task.candidates, task.edit, task.allowed)
        each, work, small = small_classes_operations(task.problem), 0.0, None
        for size in range(1, most + 1):
            if self._best is not None and (size >= len(self._best.edits) or task.costs is not None):
                return
            count = comb(len(edits), size)
            work += count * each
            if work > MOST_OPERATIONS or count >= self._spending.left:
                return
            small = small or self._small()
            if not self._exhausted(small, edits, size):
                return

    def _small(self) -> SmallClasses | SmallRest:
        task = self._task
        kind = SmallRest if isinstance(task.problem, OneVsRestProblem) else SmallClasses
        return kind.of(task.fit, self._query, self._code, task.target, task.edit)

    def _exhausted(self, small: SmallClasses | SmallRest, edits: IntArray, size: int) -> bool:
        """Whether no set of the size flips; the first that does becomes the best."""
        rising = True
        for sets in sets_of(edits, size, small.group_size):
            self._spending.spend(self._monitor, len(sets))
            margins, doubts = small.margins(sets)
            least = margins - doubts
            rising = rising and bool((least > SLACK).all())
            for place in np.argsort(margins, kind="stable"):
                if not least[place] < -SLACK:
                    break
                found = self._refitted(sets[place])
                if found is not None:
                    self._best = found
                    return False
        if rising:
            self._lower_bound = size + 1
        return rising

    def _refitted(self, edits: IntArray) -> _Found | None:
        """The set, if the refit at the minimiser flips."""
        task = self._task
        rows, labels = task.problem.rows_of(edits), task.problem.new_labels(edits, task.edit)
        theta = task.fit.refit(rows, task.edit, labels=labels, monitor=self._monitor).theta
        winner = self._winner(theta)
        flips = winner != self._code if task.target is None else winner == task.target
        return _Found(edits, self._cost(edits), theta) if flips else None

    def _question(self, fit: Fit, code: int, rival: int) -> Question:
        task = self._task
        functional = task.problem.functional(self._query, code, rival)
        return Question(fit, functional, 0.0, task.edit, task.candidates, task.costs, task.allowed)

    def _factor(self, question: Question, rtol: float) -> SolveResult:
        column = question.functional[:, None]
        solved = solved_factors(question.fit, column, rtol=rtol, with_eta=True, monitor=self._monitor)
        return next(solved.columns())

    # What comes of it

    def _decision(self, theta: FloatArray) -> FloatArray:
        return self._query @ theta.reshape(len(self._query), -1)

    def _winner(self, theta: FloatArray) -> int:
        return int(np.argmax(self._decision(theta)))

    def _some(self, edits: IntArray, outcome: Outcome, theta: FloatArray | None) -> FlipSet:
        """A flip set; with the parameters of its refit it is verified."""
        problem = self._task.problem
        before = problem.proba(self._eta[None, :])[0, self._code]
        classes = problem.labels.classes
        after = lead = np.nan
        winner = None
        if theta is not None:
            decision = self._decision(theta)
            after = problem.proba(decision[None, :])[0, self._code]
            lead = float(decision.max() - decision[self._code])
            winner = classes[int(np.argmax(decision))]
        return FlipSet(
            rows=problem.rows_of(edits),
            labels=problem.new_labels(edits, self._task.edit),
            found=True,
            verified=theta is not None,
            proba_before=float(before),
            proba_after=float(after),
            lower_bound=1,
            outcome=outcome,
            edit=self._task.edit,
            method=self._task.method,
            refits=self._spending.refits + (theta is not None),
            predicted_before=classes[self._code],
            predicted_after=winner,
            proba_class=classes[self._code],
            confirmed_by=None if theta is None else "minimiser",
            margin_after=lead,
        )

    def _none(self, outcome: Outcome) -> FlipSet:
        return replace(self._some(NO_ROWS, outcome, None), found=False)

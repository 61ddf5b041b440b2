"""The public entry: the fewest relabels after which every query has its wanted class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._typing import IntArray
from ..arguments import check_monitor
from ..fits import Fit, check_any_fit
from ..monitor import Monitor, shows_progress
from ..outcome import Outcome
from ..question import Question
from ..search import Budget, FlipSet, find_flip_sets
from ..search.find import Editable, check_jobs, editable_rows
from ..search.flip_set import as_budget
from ..search.refits import Spending
from ..search.responses import RowResponses
from ..search.rivals import responses_of
from .asked import Asked, Trusted, hopeless, wanted_of
from .confirmation import OwnWord
from .exhaustion import exhausted
from .goals import Goals
from .linear import Forecast
from .result import Made, Repair
from .search import RepairSearch
from .trials import Trial, Trials

_WHO = "repair"
_MOST_FLIP_SETS = 128  # wrong queries whose flip sets are searched for first
_OWN_ROUNDS = 4  # searches with the margins raised that the user's estimator asks for
_RAISED = 1.5  # times what its refit lacked
_TOGETHER = (
    "Not found together with the rest: no set tried gives it, the other wanted classes and the kept predictions."
)


@shows_progress
def repair(
    fit: Fit,
    X_query: Any,
    wanted: Any,
    *,
    keep: Any = None,
    threshold: float | None = None,
    candidates: Any = None,
    allowed_labels: Any = None,
    cost: Any = None,
    trusted: Any = None,
    trusted_weight: float = 1.0,
    budget: Any = None,
    n_jobs: int | None = None,
    monitor: Monitor | None = None,
) -> Repair:
    """Find the fewest relabels after which every query has its wanted class.

    Parameters
    ----------
    fit
        A fit on the original labels; nothing in it changes.
    X_query
        Queries, shape (m, n_features), or raw rows of an adopted pipeline.
    wanted
        The class that each query is to have, shape (m,), or one for all; queries that have it already keep it. Or a
        `Rate`, or a list of them: of these queries at least so many are to be predicted a class.
    keep
        Further queries whose prediction must stay, rows like X_query.
    threshold
        A query is predicted ``classes[1]`` when its probability is above this; `Fit.threshold` if None. Of several
        classes, the likeliest is predicted.
    candidates, allowed_labels, cost
        As in `find_flip_set`: rows that may be relabelled, labels that they may be given, what each costs.
    trusted
        Rows whose label is known to be right, numbers or a mask of shape (n_rows,): they are never touched.
    trusted_weight
        What the weights of trusted rows are multiplied by in the repaired model, positive.
    budget
        A number of refits (int), seconds (float), or a `Budget`; no limit if None. With one, the flip sets of single
        queries are not searched for: then the lower bound is 1 but for small problems.
    n_jobs
        As in `find_flip_sets`, for the flip sets of single queries.
    monitor
        Receives progress, and stops the search within one refit by raising `Cancelled`.

    Returns
    -------
    Repair
        What cannot be had is left out, and listed in ``not_had`` with the reason.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was expected and what came.

    Notes
    -----
    At a refit, one block solve with a column for each query gives what each relabel moves each query by. The smallest
    set by that forecast is a covering problem, solved by a linear programme with rounding and by tabu search; it is
    refitted at its minimiser and planned anew there until all queries are right. The union of the queries' flip sets
    is another start. Then rows are put back one by one: no row of the result can be, without losing a query, a kept
    one or the rate. On small problems all smaller sets are tried, as for flip sets, but not with ``cost``, nor where
    weights follow the labels (``class_weight``).

    Cost: the flip sets (`find_flip_sets`), some 20 block solves of m columns, and one refit for each row of the set,
    besides some 30. Memory: (n_rows + n_features) * m * 8 bytes, times the number of classes where there are
    more than two.

    Sources: Wu, Flokas, Wu and Wang, "Complaint-driven training data debugging for Query 2.0" (SIGMOD 2020), for
    complaints about many predictions and rates, which they answer by a first-order ranking; Zhang, Zhu and Wright,
    "Training set debugging using trusted items" (AAAI 2018), for trusted rows.
    """
    check_any_fit(fit, who=_WHO, instead="rw.find_flip_set takes one, for a single query.")
    check_monitor(monitor, who=_WHO)
    check_jobs(n_jobs, who=_WHO)
    threshold_logit = fit.threshold_logit(threshold, who=_WHO)
    if threshold_logit and len(fit.classes) > 2:
        raise ValueError(
            f"{_WHO}: expected no threshold with {len(fit.classes)} classes, got {threshold!r}. The likeliest is "
            "predicted."
        )
    asked = Asked.of(fit, X_query, wanted, keep, threshold_logit)
    editable = editable_rows(_WHO, fit, "relabel", candidates, cost, allowed_labels)
    trust = Trusted.of(trusted, trusted_weight, fit.n_rows)
    editable = replace(editable, rows=trust.left(editable.rows))
    limits = as_budget(budget, who=_WHO)
    return _Task(trust.weighted(fit, monitor), asked, editable, limits, monitor).repaired(n_jobs)


@dataclass(frozen=True, eq=False)
class _Task:
    """The checked arguments of one call; ``fit`` has trusted rows weighted."""

    fit: Fit
    asked: Asked
    editable: Editable
    budget: Budget
    monitor: Monitor | None

    def repaired(self, n_jobs: int | None) -> Repair:
        trials = self._trials()
        base = trials.base(self.asked.goals)
        if self.asked.goals.all_met(base.margins):
            return self._result(trials, base, {}, 0, Outcome.NOTHING_TO_REPAIR)
        flip_sets = self._flip_sets(base, n_jobs)
        lost = {goal: str(each.outcome) for goal, each in flip_sets.items() if not each.found}
        found = {goal: each for goal, each in flip_sets.items() if each.found}
        goals = hopeless(self.asked.goals, lost)
        search = RepairSearch(trials, goals)
        search.run([] if not found else [self._union(found)])
        best, goals = search.best, search.goals
        lost.update(dict.fromkeys(search.lost, _TOGETHER))
        lower_bound = max([1, *(each.lower_bound for goal, each in found.items() if not goals.given_up[goal])])
        if not search.out_of_budget:
            if search.lost:
                ended = exhausted(trials, hopeless(self.asked.goals, {}), None, 1)
                if ended.best is not None:
                    best, goals, lost = ended.best, self.asked.goals, {}
            ended = exhausted(trials, goals, best, lower_bound)
            best, lower_bound = ended.best, ended.lower_bound
        if best is None:
            best = base
            lost = {int(goal): str(Outcome.BUDGET) for goal in np.flatnonzero(wanted_of(self.asked.goals))}
            return self._result(trials, best, lost, 1, Outcome.BUDGET)
        outcome = Outcome.REPAIRED_BUDGET if search.out_of_budget else Outcome.REPAIRED
        result = self._result(trials, best, lost, lower_bound, outcome)
        if not result.complete:
            result = replace(result, outcome=Outcome.REPAIRED_IN_PART if result.size else Outcome.NOT_REPAIRED)
        return self._confirmed(trials, goals, result)

    def _trials(self) -> Trials:
        fit = self.fit
        n_classes = len(fit.classes)
        costs = self.editable.costs
        if n_classes > 2 and costs is not None:
            costs = np.repeat(costs, n_classes)
        none = np.zeros(fit.problem.n_params)
        carrier = Question(fit, none, 0.0, "relabel", self.editable.rows, costs, self.editable.allowed)
        responses = RowResponses(fit) if n_classes == 2 else responses_of(fit)
        return Trials(carrier, responses, Spending(self.budget), self.monitor)

    def _flip_sets(self, base: Trial, n_jobs: int | None) -> dict[int, FlipSet]:
        """Of each goal that is a wrong query by itself."""
        goals = self.asked.goals
        wrong = np.flatnonzero(wanted_of(goals) & ~goals.met(base.margins))
        if self.budget != Budget() or not len(wrong) or len(wrong) > _MOST_FLIP_SETS:
            return {}
        bare = self.fit.bare()
        classes = self.fit.classes
        found: dict[int, FlipSet] = {}
        for code in np.unique(goals.codes[wrong]).tolist():
            of_code = wrong[goals.codes[wrong] == code]
            allowed = self.editable.allowed
            sets = find_flip_sets(
                bare,
                goals.design.take(goals.queries[of_code]),
                threshold=float(1.0 / (1.0 + np.exp(-goals.offset))),
                target=classes[code],
                allowed_labels=None if allowed is None else classes[allowed],
                candidates=self.editable.rows,
                cost=self.editable.costs,
                n_jobs=n_jobs,
                progress=False,
                monitor=self.monitor,
            )
            found.update(zip(of_code.tolist(), sets, strict=True))
        return found

    def _union(self, flip_sets: dict[int, FlipSet]) -> IntArray:
        """The edits of all flip sets, of each row the first."""
        rows = np.concatenate([each.rows for each in flip_sets.values()])
        labels = np.concatenate([each.labels for each in flip_sets.values()])
        rows, first = np.unique(rows, return_index=True)
        codes = np.searchsorted(self.fit.classes, labels[first])
        return self.fit.problem.edits_of(rows, "relabel", codes)

    def _confirmed(self, trials: Trials, goals: Goals, found: Repair) -> Repair:
        """The repair with the word of the user's own estimator, enlarged where that contradicts it."""
        own = self.fit.own
        if own is None or not found.size:
            return found
        word = OwnWord(self.fit, own, self.asked, self.monitor)
        if not word.is_needed(found.made.margins):
            return found
        raised = goals
        for _ in range(_OWN_ROUNDS):
            margins = word.margins(found.made.edits)
            if margins is None:
                return replace(found, verified=False, outcome=Outcome.UNCONFIRMED)
            missed = goals.demanded(margins) & (margins <= 0)
            if not missed.any():
                return replace(found, confirmed_by=word.how)
            if self.budget != Budget():
                break
            raised = replace(
                raised, required=raised.required + np.where(missed, -_RAISED * margins, 0.0) + missed * 1e-3
            )
            search = RepairSearch(trials, raised)
            search.run([found.made.edits])
            if search.best is None or search.lost:
                break
            best = trials.at(search.best.edits, search.best, goals)
            assert best is not None
            found = self._result(trials, best, found.made.lost, found.lower_bound, found.outcome)
        return replace(found, verified=False, outcome=Outcome.CONTRADICTED)

    def _result(self, trials: Trials, best: Trial, lost: dict[int, str], lower_bound: int, outcome: Outcome) -> Repair:
        edits = best.edits
        goals = self.asked.goals
        if len(edits):
            forecast = Forecast.at(best, hopeless(goals, lost), trials, np.zeros(len(goals.queries), dtype=bool))
            edits = edits[np.argsort(forecast.spared(edits), kind="stable")]
        made = Made(self.fit, self.asked, trials, best, edits, lost)
        return made.repair(lower_bound, outcome)

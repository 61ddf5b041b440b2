"""The public entry: one query, or many that share the work that does not depend on the query."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy.special import expit

from .._typing import FloatArray, IntArray
from ..arguments import as_array, as_numbers, as_rows, check_edit, check_monitor, shown
from ..bayes import BayesFit, rules_of
from ..bound import SLACK, Bound
from ..design import Design
from ..evidence import FACTOR_RTOL, solved_factors
from ..fits import AnyFit, Fit, check_any_fit
from ..inputs import rows_at
from ..monitor import Monitor, ProgressLine
from ..outcome import Outcome
from ..problem import Edit, code_of
from ..question import Question
from ..solver import SolveResult
from .additive import shortest_prefix
from .bayes import BayesTask
from .confirmation import Asked, Confirmation
from .exhaustion import Ending, exhausted
from .first_order import first_order_set
from .flip_set import Budget, FlipSet, as_budget
from .forecasts import weakest_members
from .local_search import LocalSearch
from .proof import Proof, as_proof
from .refit import NO_ROWS, Context
from .refits import BudgetSpent, Refits, Spending
from .responses import RowResponses
from .rivals import RivalTask, responses_of
from .settings import RANKING_RTOL, settings_for

_WORTH_PROCESSES = 64  # queries; starting workers costs a second or two
_TOGETHER = 16  # queries whose first rankings are solved together: more are not faster on texts, and hold more
_FEWEST = 4  # the same for the last ones that several processes share, so that all end at about the same time

Method: TypeAlias = Literal["verified", "first-order"]


@dataclass(frozen=True, eq=False)
class _Goal:
    """Where the prediction must go: past a threshold in log-odds; to a class, by its code, or (None) to any other."""

    threshold_logit: float
    target: int | None


@dataclass(frozen=True, eq=False)
class Editable:
    """The rows that may be edited, sorted, what editing each row of the fit costs, and codes they may be given."""

    rows: IntArray
    costs: FloatArray | None
    allowed: IntArray | None


def find_flip_set(
    fit: AnyFit,
    x: Any,
    *,
    threshold: float | None = None,
    edit: Edit = "relabel",
    method: Method = "verified",
    target: Any = None,
    allowed_labels: Any = None,
    candidates: Any = None,
    cost: Any = None,
    budget: Any = None,
    bound: Bound | None = None,
    table: Any = None,
    monitor: Monitor | None = None,
) -> FlipSet:
    """Find a smallest set of training rows whose edit flips the prediction of one query.

    Parameters
    ----------
    fit
        A fit on the original labels; nothing in it changes.
    x
        The query: shape (n_features,) or (1, n_features), sparse or dense; one raw row for an adopted pipeline.
    threshold
        The query is predicted ``classes[1]`` when its probability is above this; strictly between 0 and 1. That of the
        adopted estimator if None (`Fit.threshold`), 0.5 without one. With several classes the likeliest is predicted,
        and there is no threshold.
    edit
        ``"relabel"`` gives rows another label, ``"remove"`` leaves them out: a pipeline's steps then learn from fewer
        rows, and raw queries have the set confirmed by a refit of the whole pipeline.
    method
        ``"verified"`` returns a set only if a refit flips the query, and makes it small by refits;
        ``"first-order"`` is the paper's Algorithm 1, a prediction that no refit has checked.
    target
        The class that is to be predicted; any other than now if None.
    allowed_labels
        The labels that rows may be given; any if None.
    candidates
        Rows that may be edited: numbers, or a mask of shape (n_rows,); all if None. Rows of weight 0 never are.
    cost
        What editing each row costs, non-negative, shape (n_rows,): then the set is made cheap instead of small.
    budget
        For ``"verified"``: a number of refits (int), seconds (float), or a `Budget`; no limit if None.
    bound
        What `remainder_bound` or `pair_bound` made of this fit and edit: raises ``lower_bound`` where it proves more.
    table
        The query's row of `single_relabel_table`, shape (n_rows,), or (n_rows, K) with K classes: ``lower_bound`` is 2
        if no single relabel flips.
    monitor
        Receives progress, and stops the search within one refit by raising `Cancelled`.

    Returns
    -------
    FlipSet
        Empty, with the reason in ``outcome``, if none was found.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was expected and what came.

    Notes
    -----
    Cost: one CG solve and a product with X for the ranking, then typically 5 to 20 refits of one or two Newton steps
    each, and one that is followed to within 1e-7 log-odds. For a naive Bayes, some hundred refits in closed form, each
    of which costs the query's words alone: sets that are worked out together count as one.
    """
    check_any_fit(fit, who="find_flip_set", bayes=True)
    check_monitor(monitor, who="find_flip_set")
    query = fit.query_of(x, who="find_flip_set: x")
    goal = _goal("find_flip_set", fit, threshold, target)
    editable = editable_rows("find_flip_set", fit, edit, candidates, cost, allowed_labels)
    task = _task("find_flip_set", fit, edit, method, goal, editable, budget)
    proof = as_proof(fit, edit, bound, table, 1, who="find_flip_set")
    (flip_set,) = task.run_all(query, monitor)
    asked = Asked(query, fit.raw_query(x, who="find_flip_set: x"), 0)
    return task.concluded(flip_set, asked, proof, monitor)


def find_flip_sets(
    fit: AnyFit,
    X_query: Any,
    *,
    threshold: float | None = None,
    edit: Edit = "relabel",
    method: Method = "verified",
    target: Any = None,
    allowed_labels: Any = None,
    candidates: Any = None,
    cost: Any = None,
    budget: Any = None,
    bound: Bound | None = None,
    table: Any = None,
    n_jobs: int | None = None,
    progress: bool | None = None,
    monitor: Monitor | None = None,
) -> list[FlipSet]:
    """`find_flip_set` for each query, in query order.

    Parameters
    ----------
    X_query
        Queries, shape (m, n_features), or raw rows of an adopted pipeline. The rest as in `find_flip_set`;
        ``budget`` is for each query, ``table`` has a row for each.
    n_jobs
        Number of processes; all cores if None and there are enough queries to be worth starting them.
    progress
        Whether to print one line of progress to standard error, which a notebook shows below the cell; None does so in
        a notebook where the work takes longer than two seconds.

    Notes
    -----
    The Hessian, its preconditioner and the first solves, by block CG, are shared. With a monitor, a cancel
    takes effect within one refit; with several processes, when the next batch returns.
    """
    check_any_fit(fit, who="find_flip_sets", bayes=True)
    check_monitor(monitor, who="find_flip_sets")
    X_query = fit.rows_of(X_query, who="find_flip_sets: X_query")
    queries = fit.design_of(X_query, who="find_flip_sets: X_query")
    whole = fit.raw_queries(X_query, who="find_flip_sets: X_query")
    goal = _goal("find_flip_sets", fit, threshold, target)
    editable = editable_rows("find_flip_sets", fit, edit, candidates, cost, allowed_labels)
    task = _task("find_flip_sets", fit, edit, method, goal, editable, budget)
    proof = as_proof(fit, edit, bound, table, queries.n_rows, who="find_flip_sets")
    line = ProgressLine(progress)
    found: list[FlipSet] = []
    for flip_set in _searched(task, queries, _processes(n_jobs, queries.n_rows, task), monitor):
        t = len(found)
        raw = None if whole is None else rows_at(whole, np.array([t]))
        found.append(task.concluded(flip_set, Asked(queries.take(np.array([t])), raw, t), proof, monitor))
        if monitor is not None:
            monitor.step("finding flip sets", t + 1, queries.n_rows)
        line.show(f"finding flip sets: {t + 1} of {queries.n_rows}")
    line.end()
    return found


def _processes(n_jobs: Any, n_queries: int, task: _Task | RivalTask | BayesTask) -> int:
    """How many processes to search in: one where starting more would take longer than they save."""
    from joblib import cpu_count

    if n_jobs is not None and (not isinstance(n_jobs, numbers.Integral) or n_jobs < 1):
        raise ValueError(f"find_flip_sets: expected n_jobs as a positive whole number or None, got {n_jobs!r}.")
    if n_jobs is None:
        least = _WORTH_PROCESSES * (8 if isinstance(task, BayesTask) else 1)  # whose searches take some milliseconds
        many = n_queries >= least and task.method == "verified" and _place(task.fit) != "workers"
        n_jobs = cpu_count() if many else 1
    return min(int(n_jobs), n_queries)


def _place(fit: AnyFit) -> str:
    """Where the training rows lie."""
    return (fit.trained.design if isinstance(fit, BayesFit) else fit.problem.design).place


def _searched(
    task: _Task | RivalTask | BayesTask, queries: Design, processes: int, monitor: Monitor | None
) -> Iterator[FlipSet]:
    """Each query's flip set, in order; only the factors of one batch of queries a process are held.

    Processes, not threads: between two products a search runs in the interpreter, which lets one thread through.
    """
    if processes == 1:
        for part in _batches(queries, 1):
            yield from task.run_all(part, monitor)
        return
    from joblib import Parallel, delayed

    sent = task.sent()
    with Parallel(n_jobs=processes, return_as="generator") as parallel:
        for batch in parallel(delayed(sent.run_batch)(part) for part in _batches(queries, processes)):
            yield from batch


def _batches(queries: Design, processes: int) -> Iterator[Design]:
    """The queries in order, the last ones in smaller batches where several processes take them in turn."""
    first = 0
    while first < queries.n_rows:
        share = (queries.n_rows - first) // (4 * processes) if processes > 1 else _TOGETHER
        last = min(first + min(max(share, _FEWEST), _TOGETHER), queries.n_rows)
        yield queries.take(np.arange(first, last))
        first = last


@dataclass(frozen=True, eq=False)
class _Task:
    """The checked arguments that all queries of one call share."""

    fit: Fit
    threshold_logit: float
    edit: Edit
    method: Method
    candidates: IntArray
    costs: FloatArray | None
    budget: Budget
    target: int | None
    responses: RowResponses

    def run_all(self, queries: Design, monitor: Monitor | None) -> Iterator[FlipSet]:
        """Each query's flip set, the factors solved together."""
        functionals, verified = self.fit.problem.extended_rows(queries), self.method == "verified"
        exactly = not verified or (self.edit == "relabel" and self.fit.problem.effects_add_up)
        rtol = FACTOR_RTOL if exactly else RANKING_RTOL
        solved = solved_factors(self.fit, functionals, rtol=rtol, with_eta=verified, monitor=monitor)
        for functional, factor in zip(np.ascontiguousarray(functionals.T), solved.columns(), strict=True):
            yield self._run(self.question(functional), factor, monitor)

    def question(self, functional: FloatArray) -> Question:
        """Of one query, (n_params,)."""
        return Question(self.fit, functional, self.threshold_logit, self.edit, self.candidates, self.costs)

    def concluded(self, flip_set: FlipSet, asked: Asked, proof: Proof, monitor: Monitor | None) -> FlipSet:
        """A set with the best lower bound that is proven, and with the word of the user's own estimator."""
        question = self.question(self.fit.problem.extended_rows(asked.query)[:, 0])
        flip_set = proof.applied(flip_set, question, asked.place)
        # a budget does not count fits of the user's estimator: with one, a set is confirmed but not enlarged
        return Confirmation(question, asked, monitor).applied(flip_set, may_grow=self.budget == Budget())

    def run_batch(self, queries: Design) -> list[FlipSet]:
        """`run_all` for a worker process."""
        return list(self.run_all(queries, None))

    def sent(self) -> _Task:
        """What worker processes get."""
        bare = self.fit.bare()
        return replace(self, fit=bare, responses=RowResponses(bare))

    def _run(self, question: Question, factor: SolveResult, monitor: Monitor | None) -> FlipSet:
        if self.target == int(question.value > 0):
            return self._none(question, Outcome.ALREADY, 0)
        if question.out_of_reach:
            return replace(self._none(question, Outcome.CANNOT_FLIP, 0), lower_bound=len(self.candidates) + 1)
        if self.method == "first-order":
            return self._first_order(question, factor.x)
        return self._verified(question, factor, monitor)

    def _first_order(self, question: Question, factor: FloatArray) -> FlipSet:
        gains = question.gains(self.fit.eta, self.fit.problem.eta(factor))
        rows = first_order_set(question, gains)
        if rows is None:
            return self._none(question, Outcome.NOT_PREDICTED, 0)
        return self._some(question, rows, np.nan, Outcome.PREDICTED, 0)

    def _verified(self, question: Question, factor: SolveResult, monitor: Monitor | None) -> FlipSet:
        problem = self.fit.problem
        settings = settings_for(problem.design, smooth=problem.row_loss.smooth)
        spending = Spending(self.budget)
        proven = 1
        if question.effects_add_up:
            prefix = self._prefix(Refits(Context(question, settings, self.responses, monitor), factor, spending))
            if prefix.best is not None or prefix.nothing:
                return self._ended(question, prefix, spending.refits)
            proven = prefix.lower_bound
        for exact in (False, True):  # the second only where the confirming refit contradicts the first
            context = Context(question, replace(settings, exact=exact), self.responses, monitor)
            refits = Refits(context, factor, spending)
            result = LocalSearch(refits).run()
            if result.best is None:
                end = Ending(None, np.inf, result.out_of_budget)
                break
            margin = refits.confirmed_margin(result.best)
            end = Ending(result.best if margin < -SLACK else None, margin, result.out_of_budget)
            if end.best is not None:
                break
        if not end.out_of_budget and self.fit.problem.label_weights is None:
            end = exhausted(refits, end)
        end = replace(end, lower_bound=max(proven, end.lower_bound))
        return self._ended(question, end, spending.refits)

    def _prefix(self, refits: Refits) -> Ending:
        """The smallest set where effects add up, once its refit has flipped; otherwise how many rows it takes at least.

        With costs the set is left to the search: the smallest one may not be the cheapest.
        """
        question = refits.context.question
        prefix = shortest_prefix(question, refits.base.gains)
        end = Ending(None, np.inf, False, prefix.lower_bound, nothing=prefix.lower_bound > len(self.candidates))
        if prefix.edits is None or question.costs is not None:
            return end
        try:
            refit = refits.at(prefix.edits, refits.base)
        except BudgetSpent:
            return end
        margin = refits.confirmed_margin(refit)
        return replace(end, best=refit, margin=margin) if margin < -SLACK else end

    def _ended(self, question: Question, end: Ending, refits: int) -> FlipSet:
        if end.best is None:
            not_found = Outcome.CANNOT_FLIP if end.nothing else Outcome.EXHAUSTED
            flip_set = self._none(question, Outcome.BUDGET if end.out_of_budget else not_found, refits)
        else:
            outcome = Outcome.BUDGET_FOUND if end.out_of_budget else Outcome.FOUND
            rows = weakest_members(end.best)[::-1]
            # the confirmation is made whatever the budget says: without it nothing is returned
            flip_set = self._some(question, rows, end.margin, outcome, refits + 1)
        return replace(flip_set, lower_bound=end.lower_bound)

    def _some(self, question: Question, rows: IntArray, margin: float, outcome: Outcome, refits: int) -> FlipSet:
        return FlipSet(
            rows=rows,
            labels=question.new_labels(rows),
            found=True,
            verified=not np.isnan(margin),
            proba_before=_proba(question, question.value),
            proba_after=_proba(question, question.direction * margin),
            lower_bound=1,
            outcome=outcome,
            edit=self.edit,
            method=self.method,
            refits=refits,
            confirmed_by=None if np.isnan(margin) else "minimiser",
            margin_after=-margin,
            predicted_before=self._predicted(question.value > 0),
            predicted_after=None if np.isnan(margin) else self._predicted(question.direction * margin > 0),
            proba_class=self.fit.classes[1],
        )

    def _predicted(self, above: bool) -> Any:
        return self.fit.classes[int(above)]

    def _none(self, question: Question, outcome: Outcome, refits: int) -> FlipSet:
        return replace(self._some(question, NO_ROWS, np.nan, outcome, refits), found=False)


def _proba(question: Question, value: float) -> float:
    """The probability for a value relative to the threshold."""
    return float(expit(value + question.offset))


def _task(
    who: str, fit: AnyFit, edit: Any, method: Any, goal: _Goal, editable: Editable, budget: Any
) -> _Task | RivalTask | BayesTask:
    """Check what one call was given.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as `find_flip_set` describes.
    """
    check_edit(edit, who=who)
    if method not in ("verified", "first-order"):
        raise ValueError(f'{who}: expected method "verified" or "first-order", got {method!r}.')
    limits = as_budget(budget, who=who)
    rows, costs = editable.rows, editable.costs
    if isinstance(fit, BayesFit):
        rules = rules_of(fit, edit, rows, editable.allowed, costs)
        return BayesTask(rules, goal.threshold_logit, method, goal.target, limits)
    n_classes = len(fit.classes)
    if n_classes == 2:
        return _Task(fit, goal.threshold_logit, edit, method, rows, costs, limits, goal.target, RowResponses(fit))
    costs = None if costs is None else np.repeat(costs, n_classes)
    return RivalTask(fit, goal.target, edit, method, rows, costs, editable.allowed, limits, responses_of(fit))


def _goal(who: str, fit: AnyFit, threshold: Any, target: Any) -> _Goal:
    """Check where the prediction must go.

    Raises
    ------
    ValueError
        If the threshold is none, or there are several classes; or the target is not one of the classes.
    """
    threshold_logit = fit.threshold_logit(threshold, who=who)
    return _Goal(threshold_logit, None if target is None else code_of(target, fit.classes, who=f"{who}: target"))


def editable_rows(who: str, fit: AnyFit, edit: Any, candidates: Any, cost: Any, allowed_labels: Any) -> Editable:
    """Check which rows may be edited, at which cost, and to which labels.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as `find_flip_set` describes.
    """
    check_edit(edit, who=who)
    rows = np.arange(fit.n_rows)
    if candidates is not None:
        rows = np.sort(as_rows(candidates, fit.n_rows, who=f"{who}: candidates"))
    costs = None if cost is None else _check_cost(cost, fit.n_rows, who)
    allowed = _allowed_codes(allowed_labels, fit, edit, who)
    of_fit = fit if isinstance(fit, BayesFit) else fit.problem
    rows = rows[of_fit.weights[rows] > 0]  # no other row has a part in any fit
    if allowed is not None:
        codes = fit.codes if isinstance(fit, BayesFit) else fit.problem.labels.codes
        rows = rows[(codes[rows][:, None] != allowed).any(axis=1)]
    return Editable(rows, costs, allowed)


def _allowed_codes(allowed_labels: Any, fit: AnyFit, edit: Edit, who: str) -> IntArray | None:
    """The codes of the labels that rows may be given, sorted, or None.

    Raises
    ------
    ValueError
        If they are not some of the fit's classes, or rows are not relabelled.
    """
    if allowed_labels is None:
        return None
    if edit == "remove":
        raise ValueError(f'{who}: allowed_labels says which labels rows may be given, but edit "remove" gives none.')
    labels = np.atleast_1d(as_array(allowed_labels, who=f"{who}: allowed_labels"))
    if labels.ndim != 1 or not len(labels):
        raise ValueError(
            f"{who}: expected allowed_labels as some of {fit.classes.tolist()}, got {shown(allowed_labels)}."
        )
    return np.unique([code_of(label, fit.classes, who=f"{who}: allowed_labels") for label in labels.tolist()])


def _check_cost(cost: Any, n_rows: int, who: str) -> FloatArray:
    costs = as_numbers(cost, who=f"{who}: cost")
    if costs.shape != (n_rows,) or not np.isfinite(costs).all() or (costs < 0).any():
        raise ValueError(
            f"{who}: expected cost as finite, non-negative numbers of shape ({n_rows},), got shape {costs.shape}"
            f"{'' if costs.shape != (n_rows,) else ' with values outside that'}."
        )
    return costs

"""Refits of one repair, each at its minimiser, with the margins of all goals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._typing import FloatArray, IntArray
from ..fits import Fit, minimised
from ..monitor import Monitor
from ..problem import MultinomialProblem
from ..question import Question
from ..search.refit import NO_ROWS, Responses
from ..search.refits import Spending
from ..search.settings import RANKING_RTOL
from ..solver import solve_many
from .goals import Functionals, Goals

_KEPT_BYTES = 2**27  # of refits: a search comes back to the last ones


@dataclass(frozen=True, eq=False)
class Trial:
    """A refit on edited labels.

    Attributes
    ----------
    edits
        What was edited, sorted: rows, or numbers of rows with their new labels where there are several classes.
    theta, eta
        Parameters and log-odds of the training rows at the minimiser.
    decisions
        On the queries and the kept ones: log-odds, (m,), or (m, K).
    margins
        Of each goal, (n_goals,).
    """

    edits: IntArray
    theta: FloatArray
    eta: FloatArray
    decisions: FloatArray
    margins: FloatArray


class Trials:
    """Makes refits and keeps the last ones.

    ``carrier`` says what may be edited at which cost; its functional is not used.
    """

    def __init__(self, carrier: Question, responses: Responses, spending: Spending, monitor: Monitor | None) -> None:
        self.carrier = carrier
        self.responses = responses
        self.spending = spending
        self.monitor = monitor
        self._made: dict[bytes, tuple[FloatArray, FloatArray]] = {}
        self._factors: tuple[Functionals, FloatArray] | None = None

    @property
    def fit(self) -> Fit:
        """The fit that is repaired."""
        return self.carrier.fit

    @cached_property
    def all_edits(self) -> IntArray:
        """All edits that may be made, sorted."""
        carrier = self.carrier
        problem = self.fit.problem
        if not isinstance(problem, MultinomialProblem):
            return carrier.candidates
        return problem.all_edits(carrier.candidates, "relabel", carrier.allowed)

    def base(self, goals: Goals) -> Trial:
        """Nothing edited."""
        return self._trial(NO_ROWS, self.fit.theta, self.fit.eta, goals)

    def at(self, edits: IntArray, start: Trial, goals: Goals) -> Trial | None:
        """The refit on labels edited so, started from a near one; None if it would leave a class without rows.

        Raises
        ------
        BudgetSpent
            If no further refit may be made.
        """
        if not len(edits):
            return self.base(goals)
        edits = np.sort(edits)
        if not self.carrier.feasible(edits):
            return None
        key = edits.tobytes()
        if key not in self._made:
            self.spending.spend(self.monitor)
            done = minimised(self.carrier.edited(edits), start.theta, self.fit.preconditioner, self.monitor)
            while self._made and (len(self._made) + 1) * (done.theta.nbytes + done.eta.nbytes) > _KEPT_BYTES:
                del self._made[next(iter(self._made))]
            self._made[key] = done.theta, done.eta
        return self._trial(edits, *self._made[key], goals)

    def factors(self, trial: Trial, functionals: Functionals) -> FloatArray:
        """``H^-1`` times each functional at a trial, (n_params, f), accurate enough for a ranking.

        Started from those that were asked for last: trials are mostly a few edits from each other.
        """
        start = np.zeros_like(functionals.columns)
        if self._factors is not None:
            known = self._factors[0]
            same = (functionals.goals[:, None] == known.goals) & (functionals.rivals[:, None] == known.rivals)
            here, there = np.nonzero(same)
            start[:, here] = self._factors[1][:, there]
        solved = solve_many(
            self.carrier.edited(trial.edits).hessian(trial.eta),
            functionals.columns,
            start=start,
            rtol=RANKING_RTOL,
            preconditioner=self.fit.preconditioner,
            monitor=self.monitor,
        ).x
        self._factors = functionals, solved
        return solved

    def _trial(self, edits: IntArray, theta: FloatArray, eta: FloatArray, goals: Goals) -> Trial:
        decisions = goals.problem.decision(goals.design, theta)
        return Trial(edits, theta, eta, decisions, goals.margins(decisions))

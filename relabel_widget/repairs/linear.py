"""What edits are forecast to do to all goals at once, and the smallest set by that forecast: a linear programme.

At a refit one block solve gives what each edit moves each goal's margin by. If these moves added up, the fewest edits
that meet all goals would be a covering problem: minimise the sum of costs such that for each goal the moves of the
chosen edits make up what its margin lacks. Its relaxation has a solution with at most as many fractions as goals;
rounding them leaves a set that is a few edits from the optimum of the forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import linprog

from .._typing import BoolArray, FloatArray, IntArray
from ..search.ranking import largest
from ..search.refit import Context, Refit, contained
from ..search.settings import LESS, settings_for
from ..solver import Iterate
from .goals import Goals
from .trials import Trial, Trials

_NEAR = 16  # goals that are met, but by least, are watched
_MOST_ACTIVE = 128  # goals that are not met are worked on at a time: the nearest
_MOST_RIVALS = 2
_OF_EACH, _OF_ALL = 32, 256  # edits that rank first for each goal, and for all together, are considered
_LACKING = 100.0  # what a log-odd that is lacking costs, in dearest edits
_BUFFER = 1e-4  # log-odds by which a forecast must exceed what is required
_CAUTION = 0.9  # share of a forecast help that is counted on with several classes: on AG News .6 to 1.05 of it came
_CHOSEN = 1e-6
_TINY = 1e-12
_TABU_STEPS = 300
_TABU_OUT, _TABU_INTO = 32, 96  # edits among which the best swap is looked for
TENURES = (8, 4, 14)  # steps for which an edit that left or came is not touched; each leads to other sets
_MORE = 0.1


@dataclass(frozen=True, eq=False)
class Forecast:
    """Moves of the goals' functionals by edits, at a refit.

    Attributes
    ----------
    goals
        The goal of each functional that is looked at, (f,).
    slack
        By how much each functional exceeds what is required, (f,); negative where it lacks something.
    edits, rows
        Edits that are considered, sorted, and the row of each; (e,). A row may be edited once.
    moves
        What each edit is counted on to add to each functional, (e, f); for edits that were made, what undoing them
        takes away.
    made
        Which of them were made, (e,).
    costs
        What each costs, (e,).
    """

    goals: IntArray
    slack: FloatArray
    edits: IntArray
    rows: IntArray
    moves: FloatArray
    made: BoolArray
    costs: FloatArray

    @classmethod
    def at(cls, trial: Trial, goals: Goals, trials: Trials, watched: BoolArray) -> Forecast:
        """Cost: a block solve with a column for each functional, and a product with X."""
        active = active_goals(trial, goals, watched)
        functionals = goals.functionals(active, trial.decisions, _MOST_RIVALS)
        slack = goals.slack(functionals, trial.theta)
        carrier = trials.carrier
        problem = carrier.fit.problem
        solved = trials.factors(trial, functionals)
        eta_directions = problem.extended_matvec(problem.design, solved)
        gains = np.stack(
            [-problem.pulls(trial.eta, np.ascontiguousarray(column), "relabel") for column in eta_directions.T], axis=1
        )
        edits = _considered(gains, slack, trial.edits, trials)
        context = Context(carrier, settings_for(problem.design, problem.n_classes), trials.responses)
        refit = Refit(context, trial.edits, Iterate(trial.theta, trial.eta), np.nan)
        moves = -trials.responses.falls(refit, edits, eta_directions) if len(edits) else np.zeros((0, len(slack)))
        costs = np.ones(len(edits)) if carrier.costs is None else carrier.costs[edits]
        rows = problem.rows_of(edits)
        made = contained(edits, trial.edits)
        instead = np.flatnonzero(contained(rows, rows[made]) & ~made)
        if len(carrier.fit.classes) > 2:  # with two, some sets of small tables became a row larger by this
            moves = np.where((moves > 0) & ~made[:, None], _CAUTION * moves, moves)
        moves[instead] += moves[made][np.searchsorted(rows[made], rows[instead])]  # these come with the other undone
        return cls(functionals.goals, slack, edits, rows, moves, made, costs)

    @cached_property
    def taken(self) -> FloatArray:
        """The moves with the sign that toggling has: positive where making an edit, or undoing it, helps."""
        return np.where(self.made[:, None], -self.moves, self.moves)

    def smallest(self, *, free: bool) -> IntArray:
        """The edits of a set that is forecast to meet the goals, or to come near; sorted.

        ``free`` lets edits that were made be undone.
        """
        if not len(self.edits):
            return self.edits
        lacking = self.slack - self.moves[self.made].sum(axis=0) - _BUFFER  # with nothing made
        least = np.where(self.made & (not free), 1.0, 0.0)
        x = self._relaxed(lacking, least)
        chosen = least == 1.0
        chosen |= x > 1.0 - _CHOSEN
        slack = lacking + self.moves[chosen].sum(axis=0)
        for place in np.argsort(-x, kind="stable"):
            if chosen[place] or x[place] < _CHOSEN or (slack >= 0).all() or self._barred(chosen)[place]:
                continue
            helps = np.minimum(self.moves[place], np.maximum(-slack, 0.0)).sum()
            if helps > 0:
                chosen[place] = True
                slack = slack + self.moves[place]
        self._topped_up(chosen, slack)
        self._thinned(chosen, least)
        return np.asarray(self.edits[chosen])

    def _relaxed(self, lacking: FloatArray, least: FloatArray) -> FloatArray:
        """Shares of edits, (e,): the relaxation, in which what cannot be had costs more than any edit."""
        n_edits, n_goals = self.moves.shape
        scale = np.maximum(np.abs(self.moves).max(axis=0), _TINY)
        penalty = _LACKING * max(float(self.costs.max()), _TINY)
        covers = -np.hstack([(self.moves / scale).T, np.eye(n_goals)])
        several = self.rows[1:][self.rows[1:] == self.rows[:-1]]
        once = np.hstack(
            [(np.unique(several)[:, None] == self.rows).astype(float), np.zeros((len(np.unique(several)), n_goals))]
        )
        found = linprog(
            np.append(np.maximum(self.costs, 1e-9), np.full(n_goals, penalty)),
            A_ub=np.vstack([covers, once]),
            b_ub=np.append(lacking / scale, np.ones(len(once))),
            bounds=np.column_stack(
                [np.append(least, np.zeros(n_goals)), np.append(np.ones(n_edits), np.full(n_goals, np.inf))]
            ),
            method="highs",
        )
        return np.asarray(found.x[:n_edits]) if found.x is not None else least

    def _barred(self, chosen: BoolArray) -> BoolArray:
        """Edits of rows that another chosen edit is of; (e,)."""
        return np.isin(self.rows, self.rows[chosen]) & ~chosen

    def _topped_up(self, chosen: BoolArray, slack: FloatArray) -> None:
        """Add the edit that makes up most of what is still lacking, until nothing is or none helps."""
        while (slack < 0).any():
            most = self._help(slack)
            most[chosen | self._barred(chosen)] = -np.inf
            place = int(np.argmax(most / np.maximum(self.costs, _TINY)))
            if not most[place] > 0:
                return
            chosen[place] = True
            slack += self.moves[place]

    def _help(self, slack: FloatArray) -> FloatArray:
        """What each edit makes up of what is lacking, less what it spoils; in shares of the largest moves."""
        scale = np.maximum(np.abs(self.moves).max(axis=0), _TINY)
        before = np.minimum(slack, 0.0) / scale
        after = np.minimum(slack + self.moves, 0.0) / scale
        return np.asarray((after - before).sum(axis=1))

    def _thinned(self, chosen: BoolArray, least: FloatArray) -> None:
        """Leave out edits that are not needed by the forecast, the dearest and weakest first."""
        slack = self.slack - self.moves[self.made].sum(axis=0) - _BUFFER + self.moves[chosen].sum(axis=0)
        short = np.minimum(slack, 0.0)
        places = np.flatnonzero(chosen & (least < 1.0))
        for place in places[np.lexsort((self.moves[places].sum(axis=1), -self.costs[places]))]:
            left = slack - self.moves[place]
            if (np.minimum(left, 0.0) >= short - _TINY).all():
                chosen[place] = False
                slack = left

    def cheaper(self, chosen: BoolArray, most: float, tenure: int = TENURES[0]) -> BoolArray | None:
        """A set of at most this cost that is forecast to meet the goals, near the chosen ones, (e,); or None.

        Tabu search: edits are left out, the least needed first, until the cost is small enough; then the best swap of
        one edit is made, whether it helps or not, and not taken back for some steps. Goals that are long not met count
        more with each step, as in local search for set covering (Gao et al., "An efficient local search heuristic with
        row weighting for the unicost set covering problem", 2015).
        """
        if not len(self.edits):
            return None
        chosen = chosen.copy()
        scale = np.maximum(np.abs(self.moves).max(axis=0), _TINY)
        moves = self.moves / scale
        slack = (self.slack - self.moves[self.made].sum(axis=0) - _BUFFER + self.moves[chosen].sum(axis=0)) / scale
        weights = np.ones(len(slack))
        barred = np.zeros(len(chosen), dtype=np.int64)
        for step in range(_TABU_STEPS):
            over = self.costs[chosen].sum() > most + LESS
            if not over and (slack >= 0).all():
                return chosen
            out = np.flatnonzero(chosen & (barred <= step))
            into = np.flatnonzero(~chosen & (barred <= step))
            taken = self._barred(chosen)
            if not len(out) or not len(into):
                return None
            lost = np.maximum(moves[out] - slack, 0.0) @ weights
            if over:
                place = out[np.argmin(lost / np.maximum(self.costs[out], _TINY))]
                chosen[place] = False
                slack = slack - moves[place]
                continue
            helped = np.minimum(moves[into], np.maximum(-slack, 0.0)) @ weights
            room = (self.costs[chosen].sum() + self.costs[into] <= most + LESS) & ~taken[into]
            if room.any():
                place = into[np.argmax(np.where(room, helped, -np.inf))]
                chosen[place] = True
                slack = slack + moves[place]
                barred[place] = step + tenure // 2
                continue
            out = out[np.argsort(lost, kind="stable")[:_TABU_OUT]]
            into = into[largest(helped, _TABU_INTO)]
            swapped = (slack - moves[out])[:, None] + moves[into]
            lacking = np.maximum(-swapped, 0.0) @ weights
            lacking[self.costs[chosen].sum() - self.costs[out][:, None] + self.costs[into] > most + LESS] = np.inf
            lacking[taken[into] & (self.rows[out][:, None] != self.rows[into])] = np.inf
            i, j = np.unravel_index(int(np.argmin(lacking)), lacking.shape)
            if not np.isfinite(lacking[i, j]):
                return None
            slack = swapped[i, j]
            chosen[out[i]] = False
            chosen[into[j]] = True
            barred[out[i]] = step + tenure
            barred[into[j]] = step + tenure // 2
            weights[slack < 0] += _MORE
        return None

    def spared(self, edits: IntArray) -> FloatArray:
        """By how much the least goal would still be met if each of the edits were undone, in its largest moves; (len,).

        Negative where a goal would be lost.
        """
        places = np.searchsorted(self.edits, edits)
        scale = np.maximum(np.abs(self.moves[places]).max(axis=0), _TINY)
        return np.asarray(((self.slack - self.moves[places]) / scale).min(axis=1))


def active_goals(trial: Trial, goals: Goals, watched: BoolArray) -> IntArray:
    """The goals to be worked on: those not met, the nearest of those that are, and those that are watched."""
    slack = trial.margins - goals.required
    demanded = goals.demanded(trial.margins)
    open_ = np.flatnonzero(demanded & (slack <= 0))
    open_ = open_[np.argsort(-slack[open_], kind="stable")][:_MOST_ACTIVE]
    held = np.flatnonzero(demanded & (slack > 0))
    near = held[np.argsort(slack[held], kind="stable")][:_NEAR]
    asked = np.flatnonzero(demanded & ~goals.kept)
    asked = asked[np.argsort(np.abs(slack[asked]), kind="stable")][:_MOST_ACTIVE]
    return np.unique(np.concatenate([open_, near, asked, np.flatnonzero(demanded & watched)]))


def _considered(gains: FloatArray, slack: FloatArray, made: IntArray, trials: Trials) -> IntArray:
    """Edits that rank first for some goal or for all together, and those that were made; sorted."""
    carrier = trials.carrier
    lacking = np.maximum(-slack, _BUFFER)
    open_ = slack <= 0
    scale = np.maximum(gains.max(axis=0), _TINY)
    if open_.any():
        together = np.minimum(gains[:, open_] / np.minimum(lacking, scale)[open_], 1.0).sum(axis=1)
    else:
        together = (gains / scale).sum(axis=1)
    together -= (np.maximum(-gains - np.maximum(slack, 0.0), 0.0) / scale)[:, ~open_].sum(axis=1)
    edits = trials.all_edits
    chosen = [edits[largest(carrier.worth(together[edits], edits), _OF_ALL)], made]
    for column in gains.T:
        chosen.append(edits[largest(carrier.worth(column[edits], edits), _OF_EACH)])
    return np.unique(np.concatenate(chosen))

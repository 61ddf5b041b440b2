"""The search for a small repair: plan by a linear forecast, refit, plan again from there, and thin out by refits."""

from __future__ import annotations

import numpy as np

from .._typing import BoolArray, IntArray
from ..search.refits import BudgetSpent
from ..search.settings import LESS
from .goals import Goals
from .linear import TENURES, Forecast
from .trials import Trial, Trials

_ROUNDS = 40  # plans from one start: each adds edits, so that seldom more than five are made
_FREE = 2  # of them may undo what was made
_PLANNED = 6  # of them are linear programmes; what still lacks something then is mended by swaps and additions
_DEARER = (0, 1, 2, 4, 8)  # edits more than now, among which a mend is looked for
_DEEPER = 4  # steps down by one forecast
_MENDED = 8  # refits to make a planned set good
_KEPT_FORECASTS = 16
_FEWEST = 2  # edits of a set that may become cheaper


class RepairSearch:
    """Looks for a cheap set of edits that meets all goals; goals that cannot be had are given up.

    ``best`` is the cheapest trial that meets the goals as they stand.
    """

    def __init__(self, trials: Trials, goals: Goals) -> None:
        self.goals = goals
        self.best: Trial | None = None
        self.out_of_budget = False
        self.lost: list[int] = []
        self._trials = trials
        self._watched = np.zeros(len(goals.queries), dtype=bool)
        self._forecasts: dict[tuple[bytes, bytes, int], Forecast] = {}

    def run(self, starts: list[IntArray]) -> None:
        """From nothing and from the given sets of edits; the best of what comes of them."""
        try:
            base = self._trials.base(self.goals)
            while self.best is None:
                stuck = self._from(base)
                if stuck is not None:
                    self._give_up(stuck)
            if not self.goals.demanded(base.margins).any():  # all was given up: nothing is the best
                return
            for start in starts:
                trial = self._at(start, base)
                if trial is not None:
                    self._from(trial)
            self._improve()
            self._finish()
        except BudgetSpent:
            self.out_of_budget = True

    def _from(self, trial: Trial) -> Trial | None:
        """Plan and refit until all goals are met; where that does not come about, the nearest trial."""
        nearest = trial
        seen = {trial.edits.tobytes()}
        for k in range(_ROUNDS):
            if self._meets(trial):
                self._offer(self._thinned(trial))
                return None
            forecast = self._forecast(trial)
            planned = forecast.smallest(free=k < _FREE)
            repeats = planned.tobytes() in seen or k >= _PLANNED
            edits = self._dearer(forecast, seen) if repeats else planned
            if edits is None:
                break
            seen.add(edits.tobytes())
            made = self._at(edits, trial)
            if made is None:
                break
            trial = made
            if self._lacking(trial) < self._lacking(nearest):
                nearest = trial
        return nearest

    def _dearer(self, forecast: Forecast, seen: set[bytes]) -> IntArray | None:
        """The cheapest set near this one that is forecast to do, and was not refitted yet; None if none is found."""
        step = max(float(np.median(forecast.costs)), LESS) if len(forecast.costs) else 1.0
        for steps in _DEARER:
            chosen = forecast.cheaper(forecast.made, float(forecast.costs[forecast.made].sum()) + steps * step)
            if chosen is not None and forecast.edits[chosen].tobytes() not in seen:
                return forecast.edits[chosen]
        return None

    def _improve(self) -> None:
        """Look for cheaper sets near the best one, by its forecast, as long as a refit confirms one of them."""
        improves = True
        while improves:
            improves = any(self._improved(tenure) for tenure in TENURES)

    def _improved(self, tenure: int) -> bool:
        """Whether a cheaper set was found: one that is planned by the forecast, and mended where that was wrong."""
        best = self.best
        if best is None or len(best.edits) < _FEWEST:
            return False
        forecast = self._forecast(best)
        step = max(float(forecast.costs[forecast.made].min()), LESS)
        limit = self._cost(best.edits) - step
        planned: BoolArray | None = None
        for _ in range(_DEEPER):
            most = limit if planned is None else float(forecast.costs[planned].sum()) - step
            chosen = forecast.cheaper(forecast.made if planned is None else planned, most, tenure)
            if chosen is None:
                break
            planned = chosen
        return planned is not None and self._mended(best, forecast, planned, step, tenure)

    def _mended(self, best: Trial, forecast: Forecast, planned: BoolArray, step: float, tenure: int) -> bool:
        """Refit a planned set, and swap or add where forecasts were wrong; whether a cheaper set is good."""
        most = float(forecast.costs[planned].sum())
        limit = self._cost(best.edits) - step
        dearer = max(step, (limit - most) / _MENDED)  # steps may be minute where a row is free
        trial = best
        chosen: BoolArray | None = planned
        for _ in range(_MENDED):
            while chosen is None:  # nothing of this cost by the forecast: a step dearer
                most += dearer
                if most > limit + LESS:
                    return False
                chosen = forecast.cheaper(forecast.made, most, tenure)
            made = self._at(forecast.edits[chosen], trial)
            if made is None:
                return False
            if self._meets(made):
                return self._offer(self._thinned(made))
            trial = made
            forecast = self._forecast(trial)
            chosen = forecast.cheaper(forecast.made, most, tenure)
        return False

    def _cost(self, edits: IntArray) -> float:
        return self._trials.carrier.cost(edits)

    def _thinned(self, trial: Trial) -> Trial:
        """Undo edits that the forecast says are not needed, by refits, as many at a time as are."""
        while len(trial.edits):
            forecast = self._forecast(trial)
            spared = forecast.spared(trial.edits)
            order = np.argsort(-spared, kind="stable")
            going: list[int] = []
            slack = forecast.slack
            for place in order.tolist():
                moves = forecast.moves[np.searchsorted(forecast.edits, trial.edits[place])]
                if (slack - moves > 0).all():
                    slack = slack - moves
                    going.append(place)
            while going:
                fewer = self._at(np.delete(trial.edits, going), trial)
                if fewer is not None and self._meets(fewer):
                    break
                going = going[: len(going) // 2]
            if not going:
                return trial
            assert fewer is not None
            trial = fewer
        return trial

    def _finish(self) -> None:
        """Undo each edit in turn, by a refit, until none can be spared."""
        while self.best is not None and len(self.best.edits):
            best = self.best
            spared = self._forecast(best).spared(best.edits)
            for place in np.argsort(-spared, kind="stable"):
                trial = self._at(np.delete(best.edits, place), best)
                if trial is not None and self._meets(trial):
                    self.best = self._thinned(trial)  # also where the row was free
                    break
            if self.best is best:
                return

    def _give_up(self, nearest: Trial) -> None:
        """Drop the goal that is furthest from being met, in what its best edits move it by."""
        goals = self.goals
        forecast = self._forecast(nearest)
        reach = np.maximum(np.sort(np.maximum(forecast.taken, 0.0), axis=0)[-8:].sum(axis=0), LESS)
        hardness = np.where(goals.kept[forecast.goals], -np.inf, -forecast.slack / reach)
        self.lost.append(int(forecast.goals[np.argmax(hardness)]))
        self.goals = goals.without(self.lost[-1])

    # small parts

    def _at(self, edits: IntArray, start: Trial) -> Trial | None:
        trial = self._trials.at(edits, start, self.goals)
        if trial is not None:
            self._watched |= self.goals.kept & ~self.goals.met(trial.margins)
        return trial

    def _forecast(self, trial: Trial) -> Forecast:
        """That of a trial; the last ones are kept, as the search comes back to its best one."""
        key = trial.edits.tobytes(), self._watched.tobytes(), len(self.lost)
        if key not in self._forecasts:
            if len(self._forecasts) == _KEPT_FORECASTS:
                del self._forecasts[next(iter(self._forecasts))]
            self._forecasts[key] = Forecast.at(trial, self.goals, self._trials, self._watched)
        return self._forecasts[key]

    def _meets(self, trial: Trial) -> bool:
        return self.goals.all_met(trial.margins)

    def _lacking(self, trial: Trial) -> float:
        demanded = self.goals.demanded(trial.margins)
        return float(np.maximum(self.goals.required - trial.margins, 0.0)[demanded].sum())

    def _offer(self, trial: Trial) -> bool:
        """Take a trial that meets the goals if it is the best so far; whether it is."""
        better = self.best is None or self._cost(trial.edits) < self._cost(self.best.edits) - LESS
        if better:
            self.best = trial
        return better

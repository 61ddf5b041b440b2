"""The word of the user's own estimator on a repair, where its refit could contradict the minimiser's."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IntArray
from ..fits import AdoptionWarning, Fit, How, NoRefitError, OwnModel
from ..monitor import Monitor
from .asked import Asked


@dataclass(frozen=True, eq=False)
class OwnWord:
    """Refits of the estimator that a fit was adopted from."""

    fit: Fit
    own: OwnModel
    asked: Asked
    monitor: Monitor | None

    @property
    def how(self) -> How:
        """What is refitted."""
        return self.own.strongest(None if any(part.raw is None for part in self.asked.parts) else True)

    def is_needed(self, margins: FloatArray) -> bool:
        """Whether the estimator could contradict goals that are met by these margins, (n_goals,)."""
        goals = self.asked.goals
        if not self.own.is_quick:
            return False
        held = goals.demanded(margins) & goals.met(margins)
        before = goals.problem.predicted(self.asked.before, goals.offset)
        own_before = goals.problem.predicted(self._before(), goals.offset)
        return bool((before != own_before).any() or self.own.doubts(float(margins[held].min(initial=np.inf))))

    def margins(self, edits: IntArray) -> FloatArray | None:
        """Of each goal by a refit on the edited labels, (n_goals,); None, with a warning, where it cannot be made.

        Kept queries that the estimator predicted otherwise from the start count as they are: their margin is infinite.
        """
        problem = self.fit.problem
        if self.monitor is not None:
            self.monitor.step(f"confirming by your {self.how}", 0)
        try:
            rows = problem.rows_of(edits)
            refitted = self.own.refitted(self.how, rows, problem.new_labels(edits, "relabel"), "relabel")
        except NoRefitError as error:
            warnings.warn(f"A repair is not confirmed: {error}", AdoptionWarning, stacklevel=3)
            return None
        goals = self.asked.goals
        found = [self.own.decision_of(refitted, self.how, part.design, part.raw) for part in self.asked.parts]
        margins = goals.margins(np.concatenate(found))
        different = goals.kept & (goals.margins(self._before()) <= 0)
        return np.asarray(np.where(different, np.inf, margins))

    def _before(self) -> FloatArray:
        return np.concatenate([self.own.decision(part.design) for part in self.asked.parts])

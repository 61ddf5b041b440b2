"""What `repair` hands back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..facts import REFITTED, plural
from ..files.cards import card, several
from ..fits import Fit, How
from ..outcome import Outcome
from .asked import Asked, wanted_of
from .trials import Trial, Trials

if TYPE_CHECKING:
    import pandas as pd

    from .explaining import RepairExplanation


@dataclass(frozen=True, eq=False)
class Made:
    """Where a repair comes from: what was asked of which fit, and the refit that answers.

    ``edits`` are those of the trial, most needed first; ``lost`` says why goals were given up.
    """

    fit: Fit
    asked: Asked
    trials: Trials
    trial: Trial
    edits: IntArray
    lost: dict[int, str]

    @property
    def margins(self) -> FloatArray:
        """Of each goal after the refit, (n_goals,)."""
        return self.trial.margins

    def repair(self, lower_bound: int, outcome: Outcome) -> Repair:
        """The result of a search that ended so."""
        goals, m = self.asked.goals, self.asked.n_queries
        problem = goals.problem
        before, after = self.asked.before, self.trial.decisions
        predicted = [problem.predicted(each, goals.offset) for each in (before, after)]
        classes = problem.labels.classes
        met = goals.met(self.margins)
        kept = np.flatnonzero(goals.kept)
        achieved = np.ones(m, dtype=bool)
        asked_of = np.flatnonzero(~goals.kept)
        np.logical_and.at(achieved, goals.queries[asked_of], met[asked_of])
        changed = predicted[0][goals.queries[kept]] != predicted[1][goals.queries[kept]]
        return Repair(
            rows=problem.rows_of(self.edits),
            labels=problem.new_labels(self.edits, "relabel"),
            cost=self.trials.carrier.cost(self.edits),
            verified=bool(len(self.edits)) and not changed.any(),
            achieved=achieved,
            not_had=self._not_had(met),
            kept_changed=np.flatnonzero(changed),
            lower_bound=lower_bound,
            outcome=outcome,
            refits=self.trials.spending.refits,
            confirmed_by="minimiser" if len(self.edits) else None,
            proba_before=problem.proba(before[:m]),
            proba_after=problem.proba(after[:m]),
            predicted_before=classes[predicted[0][:m]],
            predicted_after=classes[predicted[1][:m]],
            made=self,
        )

    def _not_had(self, met: BoolArray) -> pd.DataFrame:
        """One line for each query, and for each rate, that lacks what was wanted."""
        import pandas as pd

        goals = self.asked.goals
        classes = goals.problem.labels.classes
        lines: list[tuple[Any, Any, str]] = []
        for goal in np.flatnonzero(wanted_of(goals) & ~met).tolist():
            why = self.lost.get(goal, str(Outcome.BUDGET))
            lines.append((int(goals.queries[goal]), classes[goals.codes[goal]], why))
        for place, (rate, rows) in enumerate(self.asked.rates):
            got = int(met[goals.quota == place].sum())
            if got < goals.needed[place]:
                wanted = f"{rate.at_least:.3g} of {len(rows)} queries: {rate.class_}"
                lines.append(
                    (None, wanted, f"{got} of {goals.needed[place]} needed were had; no set tried gives more.")
                )
        return pd.DataFrame(lines, columns=["query", "wanted", "why"]).astype({"query": "Int64"})


@dataclass(frozen=True, eq=False)
class Repair:
    """Training rows whose relabelling gives queries their wanted classes, as `repair` finds them.

    Attributes
    ----------
    rows, labels
        Training rows, those whose undoing would cost most first, int64, and the new label of each; both (size,).
    cost
        What the rows cost; their number where no costs were given.
    verified
        True only after a refit on the edited labels gave every query of ``achieved`` its wanted class and changed no
        kept one, and no refit of the user's own estimator contradicted that.
    achieved
        Whether each query has the class that is wanted of it, or of its `Rate`, after the refit, (m,); True where
        nothing is.
    not_had
        DataFrame ``query, wanted, why``: queries that could not be given their class, and rates that were missed (with
        no query).
    kept_changed
        Kept queries, by number, whose prediction changed all the same; empty where the repair is verified.
    lower_bound
        No set of fewer rows does all that this one does, proven: at least that of the hardest query's flip set; 0 where
        nothing is to be done.
    outcome
        How the search ended, one of `Outcome`: a sentence, and a string.
    refits
        Number of refits that the search made, besides those of single flip sets.
    confirmed_by
        As `FlipSet.confirmed_by`.
    proba_before, proba_after
        Probabilities of the queries at the minimiser, before and after the refit, as `Fit.proba` gives them: (m,), or
        (m, K).
    predicted_before, predicted_after
        Their predicted classes, (m,).
    """

    rows: IntArray
    labels: AnyArray
    cost: float
    verified: bool
    achieved: BoolArray
    not_had: pd.DataFrame
    kept_changed: IntArray
    lower_bound: int
    outcome: Outcome
    refits: int
    confirmed_by: How | None
    proba_before: FloatArray
    proba_after: FloatArray
    predicted_before: AnyArray
    predicted_after: AnyArray
    made: Made = field(repr=False)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def complete(self) -> bool:
        """Whether all that was wanted holds."""
        return self.not_had.empty

    @property
    def optimal(self) -> bool:
        """Whether the size equals the lower bound of a verified repair: then no smaller set does the same."""
        return self.verified and self.size == self.lower_bound

    def explain(self, metadata: Any = None, X_other: Any = None, y_other: Any = None) -> RepairExplanation:
        """Which rows serve which queries, what the rows have in common, and what else changes.

        Parameters
        ----------
        metadata
            What else is known of training rows: a frame, or a mapping of names to columns, of n_rows values each.
        X_other
            Further queries, on which the repair may have changed something.
        y_other
            Their true labels: then each change is for better or for worse.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described.

        Notes
        -----
        Cost: one refit for each row, two block solves with a column for each query, and a pass over the features.
        """
        from .explaining import explained

        return explained(self, metadata, X_other, y_other)

    def __repr__(self) -> str:
        return (
            f"Repair(size={self.size}, verified={self.verified}, achieved={int(self.achieved.sum())} of "
            f"{len(self.achieved)}, lower_bound={self.lower_bound}, rows={self.rows.tolist()[:8]}"
            f"{'...' if self.size > 8 else ''}: {self.outcome})"
        )

    def _repr_html_(self) -> str:
        import pandas as pd

        smallest = "no smaller set does the same" if self.optimal else "a smaller set may exist"
        facts = {
            "Outcome": str(self.outcome),
            "Queries as wanted": f"{int(self.achieved.sum()):,} of {len(self.achieved):,}",
        }
        if self.size:
            facts["Size"] = f"{plural(self.size, 'training row')}; lower bound {self.lower_bound:,}: {smallest}"
            facts["Rows"] = several(self.rows.tolist())
            facts["New labels"] = several(self.labels)
            confirmed = self.verified and self.confirmed_by
            facts["Confirmed by a refit"] = f"yes, of {REFITTED[confirmed]}" if confirmed else "no"
        if len(self.kept_changed):
            facts["Kept queries that changed"] = several(self.kept_changed.tolist())
        lines = {
            "query": np.arange(len(self.achieved)),
            "as wanted": self.achieved,
            "predicted before": self.predicted_before,
            "predicted after": self.predicted_after,
        }
        table = pd.DataFrame(lines)
        table["changed"] = table["predicted before"] != table["predicted after"]
        table = table.sort_values(["as wanted", "changed"], ascending=[True, False], kind="stable")
        return card("Repair", facts.items(), table.drop(columns="changed"))

"""Flip sets of a naive Bayes: what was asked, and what its own room found, as a `FlipSet`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from .._typing import FloatArray
from ..bayes import (
    BayesFit,
    Finding,
    Found,
    Ledger,
    Rules,
    contests_of,
    predicted_code,
    predicted_set,
)
from ..design import Design
from ..monitor import Monitor
from ..outcome import Outcome
from .confirmation import Asked, held_against
from .flip_set import Budget, FlipSet
from .proof import Proof


@dataclass(frozen=True, eq=False)
class BayesTask:
    """The checked arguments that all queries of one call share."""

    rules: Rules
    threshold_logit: float
    method: str
    target: int | None
    budget: Budget

    @property
    def fit(self) -> BayesFit:
        """The fit on the original labels."""
        return self.rules.fit

    def run_all(self, queries: Design, monitor: Monitor | None) -> Iterator[FlipSet]:
        """Each query's flip set."""
        for t in range(queries.n_rows):
            yield self._run(queries.take(np.array([t])), monitor)

    def run_batch(self, queries: Design) -> list[FlipSet]:
        """`run_all` for a worker process."""
        return list(self.run_all(queries, None))

    def sent(self) -> BayesTask:
        """What worker processes get."""
        return replace(self, rules=replace(self.rules, fit=self.fit.bare()))

    def concluded(self, flip_set: FlipSet, asked: Asked, proof: Proof, monitor: Monitor | None) -> FlipSet:  # noqa: ARG002
        """The flip set with the word of the user's whole pipeline, where its steps or its calibration may change.

        Otherwise the refit of the counts is the estimator's own; and the lower bound needs no other proof.
        """
        own = self.fit.own
        if own is None or not flip_set.verified or not own.is_quick:
            return flip_set
        if not own.makes_other_features(flip_set.edit) and own.calibration is None:
            return flip_set
        return held_against(own, flip_set, asked, self.threshold_logit, self.target, monitor)

    def _run(self, query: Design, monitor: Monitor | None) -> FlipSet:
        none, ledger = np.empty(0, dtype=np.int64), Ledger(self.budget.refits, self.budget.seconds, monitor)
        before = self.fit.scores(query)[0]
        if self.target == predicted_code(before, self.threshold_logit):
            return self._flip_set(before, Found(none, none, None, 1, Outcome.ALREADY), 0)
        if self.method == "first-order":
            chosen = predicted_set(contests_of(self.rules, query, self.threshold_logit, self.target))
            if chosen is None:
                return self._flip_set(before, Found(none, none, None, 1, Outcome.NOT_PREDICTED), 0)
            contest, moves = chosen
            found = Found(moves % contest.n_rows, contest.codes.ravel()[moves], None, 1, Outcome.PREDICTED)
            return self._flip_set(before, found, 0)
        found = Finding(self.rules, query, self.threshold_logit, self.target, ledger).run()
        return self._flip_set(before, found, ledger.refits + 1)

    def _flip_set(self, before: FloatArray, found: Found, refits: int) -> FlipSet:
        classes, code = self.fit.classes, predicted_code(before, self.threshold_logit)
        shown = 1 if len(classes) == 2 else code
        after = found.after
        return FlipSet(
            rows=found.rows,
            labels=classes[found.codes],
            found=bool(len(found.rows)),
            verified=after is not None,
            proba_before=float(softmax(before)[shown]),
            proba_after=np.nan if after is None else float(softmax(after)[shown]),
            lower_bound=found.lower_bound,
            outcome=found.outcome,
            edit=self.rules.edit,
            method=self.method,
            refits=refits,
            confirmed_by=None if after is None else "minimiser",
            margin_after=np.nan if after is None else self._lead(after, code),
            predicted_before=classes[code],
            predicted_after=None if after is None else classes[predicted_code(after, self.threshold_logit)],
            proba_class=classes[shown],
        )

    def _lead(self, after: FloatArray, code: int) -> float:
        """Of the class that is predicted now over the one that was before."""
        now = predicted_code(after, self.threshold_logit)
        offset = 0.0 if len(after) > 2 else self.threshold_logit if now == 1 else -self.threshold_logit
        return float(after[now] - after[code] - offset)

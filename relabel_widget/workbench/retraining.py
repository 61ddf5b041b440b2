"""Retraining on the current labels by the refit that has the last word."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logit

from ..arguments import check_threshold
from ..fits import AdoptionWarning, How, NoRefitError
from ..monitor import Monitor
from .test_rows import Queries

if TYPE_CHECKING:
    from ..evidence import Verification


@dataclass(frozen=True, eq=False)
class Retraining:
    """One retraining with some rows relabelled.

    Attributes
    ----------
    queries
        The test rows, with the fit on the original labels.
    rows
        The relabelled training rows.
    threshold
        ``classes[1]`` is predicted above this probability.
    disagrees
        Whether the estimator already predicts some row otherwise than its minimiser does.
    monitor
        Receives progress and cancels.
    """

    queries: Queries
    rows: list[int]
    threshold: float
    disagrees: bool
    monitor: Monitor | None

    def result(self, how: How | None) -> Verification:
        """By the refit that is asked for; None is the one with the last word.

        That is the whole pipeline where a step looks at labels, the estimator where it may contradict the minimiser on
        a test row, and otherwise the minimiser.

        Warns
        -----
        AdoptionWarning
            If that one cannot be refitted, so that the minimiser has to do.
        """
        if how is not None:
            return self._by(how)
        own = self.queries.fit.own
        if own is None or not own.is_quick:
            return self._by("minimiser")
        result = None
        strongest = own.strongest(self.queries.raw)
        if strongest == "estimator" and not self.disagrees:
            result = self._by("minimiser")
            if not own.doubts(self._least_margin(result)):
                return result
        try:
            return self._by(strongest)
        except NoRefitError as error:
            warnings.warn(str(error), AdoptionWarning, stacklevel=3)
            return self._by("minimiser") if result is None else result

    def _least_margin(self, result: Verification) -> float:
        """How near to the threshold the nearest test row is, in log-odds."""
        threshold_logit = check_threshold(self.threshold, who="threshold")
        return float(np.abs(logit(result.proba_after) - threshold_logit).min())

    def _by(self, how: How) -> Verification:
        from ..evidence import verify

        raw = self.queries.raw
        queries = raw if how == "pipeline" and raw is not None else self.queries.design
        fit = self.queries.fit
        return verify(fit, self.rows, queries, threshold=self.threshold, how=how, monitor=self.monitor)

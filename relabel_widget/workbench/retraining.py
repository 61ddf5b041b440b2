"""Retraining on the current labels by the refit that has the last word."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
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
    labels
        The relabelled training rows, and the class code that each has now.
    threshold
        ``classes[1]`` is predicted above this probability.
    disagrees
        Whether the estimator already predicts some row otherwise than its minimiser does.
    monitor
        Receives progress and cancels.
    """

    queries: Queries
    labels: Mapping[int, int]
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
        """How near to another class the nearest test row is, in log-odds."""
        proba = result.proba_after
        if proba.ndim == 1:
            return float(np.abs(logit(proba) - check_threshold(self.threshold, who="threshold")).min())
        least, most = np.sort(proba, axis=1)[:, -2:].T
        return float(np.log(most / least).min())

    def _by(self, how: How) -> Verification:
        from ..evidence import verify

        raw = self.queries.raw
        queries = raw if how == "pipeline" and raw is not None else self.queries.design
        fit, rows = self.queries.fit, list(self.labels)
        labels = fit.classes[list(self.labels.values())]
        return verify(fit, rows, queries, labels=labels, threshold=self.threshold, how=how, monitor=self.monitor)

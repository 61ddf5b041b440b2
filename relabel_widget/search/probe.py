"""A refit on edited labels, as far as its decision needed it."""

from __future__ import annotations

from dataclasses import dataclass

from .._typing import FloatArray, IntArray
from ..bound import SLACK
from ..solver import Iterate


@dataclass(frozen=True, eq=False)
class Probe:
    """A refit on the labels edited in ``rows``, which are sorted.

    ``margin`` is the query's distance to the threshold in log-odds, signed so that it is positive as long as the
    prediction stands, and ``doubt`` how far off it may be. ``point`` is the last iterate, which may be short of the
    minimiser; the margin is corrected for that. ``number`` and ``near`` count the refit and the one it started from.
    """

    number: int
    rows: IntArray
    point: Iterate
    margin: float
    doubt: float = 0.0
    near: int = 0

    @property
    def eta(self) -> FloatArray:
        """Log-odds of the training rows, (n_rows,)."""
        return self.point.eta

    @property
    def n_bytes(self) -> int:
        """Of the vectors held, once the gradient is worked out."""
        return self.point.eta.nbytes + 2 * self.point.theta.nbytes

    @property
    def flips(self) -> bool:
        """Whether the prediction is the other one, beyond what another solver's error could be."""
        return self.margin < -SLACK

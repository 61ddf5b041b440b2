"""What the engine has found out about the test rows so far: rankings, flip sets, their explanations, a verification."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from .._typing import FloatArray, IntArray
from ..arguments import check_threshold
from ..monitor import Monitor
from .summary import VerificationSummary, summarise
from .test_rows import Queries

if TYPE_CHECKING:
    from ..evidence import Explanation, Verification
    from ..search import FlipSet

_KEPT_RANKINGS = 8  # of 16 bytes per training row and 8 per feature each
_KEPT_EXPLANATIONS = 64


@dataclass(frozen=True, eq=False)
class Ranking:
    """The training rows as they bear on one test row, to first order.

    Attributes
    ----------
    influence
        Change of the test row's log-odds by relabelling each training row alone, float64, shape (n_train,).
    order
        Training rows by how far that moves the test row towards its flip, the furthest first, int64, (n_train,).
    factor
        ``H^-1 x`` of the test row, float64, shape (n_params,).
    """

    influence: FloatArray
    order: IntArray
    factor: FloatArray


@final
class Findings:
    """Keeps what was computed for as long as it holds: until the threshold changes, or the labels do.

    Parameters
    ----------
    queries
        The test rows, with the fit on the original labels.
    threshold
        ``classes[1]`` is predicted above this probability.
    lock
        Guards what is kept; no lock is held while something is computed.
    """

    def __init__(self, queries: Queries, threshold: float, lock: threading.RLock) -> None:
        check_threshold(threshold, who="Workbench")
        self._queries, self._lock = queries, lock
        self._threshold = float(threshold)
        self._flip_sets: dict[int, FlipSet] = {}
        self._rankings: OrderedDict[tuple[int, bool], Ranking] = OrderedDict()
        self._explanations: OrderedDict[int, Explanation] = OrderedDict()
        self.verification: Verification | None = None

    @property
    def threshold(self) -> float:
        """The threshold that everything here holds for."""
        return self._threshold

    def move_threshold(self, threshold: float) -> bool:
        """Set it and forget what depends on it; False if it was that already."""
        check_threshold(threshold, who="Workbench.threshold")
        with self._lock:
            if float(threshold) == self._threshold:
                return False
            self._threshold = float(threshold)
            self._flip_sets.clear()
            self._explanations.clear()
            self.verification = None
        return True

    def is_above(self, row: int) -> bool:
        """Whether ``classes[1]`` is predicted for a test row."""
        return bool(self._queries.margin(row, self._threshold) > 0)

    def ranking(self, row: int, *, monitor: Monitor | None = None) -> Ranking:
        """The ranking for a test row, from the kept ones or computed: one CG solve, one product with X, one sort."""
        with self._lock:
            key = (row, self.is_above(row))
            if key in self._rankings:
                self._rankings.move_to_end(key)
                return self._rankings[key]
        ranking = Ranking(*self._queries.rank(*key, monitor=monitor))
        with self._lock:
            _keep(self._rankings, key, ranking, _KEPT_RANKINGS)
        return ranking

    def predicted_change(self, row: int, relabelled: list[int]) -> float:
        """First-order change of a test row's log-odds by relabelling some rows."""
        return float(self.ranking(row).influence[relabelled].sum()) if relabelled else 0.0

    def flip_set(self, row: int, *, budget: Any, monitor: Monitor | None) -> tuple[FlipSet, bool]:
        """The flip set of a test row, kept or searched for, and whether it is kept anew."""
        from ..outcome import Outcome
        from ..search import find_flip_set

        with self._lock:
            known, threshold = self._flip_sets.get(row), self._threshold
        if known is not None:
            return known, False
        query = self._queries.asked(row)
        found = find_flip_set(self._queries.fit, query, threshold=threshold, budget=budget, monitor=monitor)
        with self._lock:
            unfinished = found.outcome in {Outcome.BUDGET, Outcome.BUDGET_FOUND}
            if unfinished or threshold != self._threshold:
                return found, False
            kept = self._flip_sets.setdefault(row, found)
        return kept, kept is found

    def known_flip_set(self, row: int) -> FlipSet | None:
        """The flip set of a test row if it was searched for."""
        with self._lock:
            return self._flip_sets.get(row)

    def flip_sets(self) -> dict[int, FlipSet]:
        """All that are known, by test row."""
        with self._lock:
            return dict(self._flip_sets)

    def flip_sizes(self) -> IntArray:
        """Size of each test row's flip set, int64, shape (m,); -1 where unknown, 0 where none was found."""
        sizes = np.full(self._queries.n_rows, -1, dtype=np.int64)
        for row, found in self.flip_sets().items():
            sizes[row] = found.size if found.found else 0
        return sizes

    def explanation(self, row: int, *, monitor: Monitor | None = None) -> Explanation | None:
        """How the known flip set of a test row flips it, None without one. Cost: one refit, two CG solves."""
        from ..evidence import explain

        with self._lock:
            known, kept = self._flip_sets.get(row), self._explanations.get(row)
        if kept is not None or known is None or not known.found:
            return kept
        made = explain(self._queries.fit, self._queries.one(row), known.rows, monitor=monitor)
        with self._lock:
            if self._flip_sets.get(row) is known:
                _keep(self._explanations, row, made, _KEPT_EXPLANATIONS)
        return made

    def summary(self, result: Verification, n_relabelled: int) -> VerificationSummary:
        """A verification in numbers."""
        return summarise(result, self._queries.codes, n_relabelled=n_relabelled)

    def details(self, result: Verification, n_relabelled: int, threshold: float) -> dict[str, Any]:
        """What is written down of a verification."""
        return asdict(self.summary(result, n_relabelled)) | {"threshold": threshold, "how": result.how}


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    """The least recently used one goes."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)

"""What the engine has found out about the test rows so far: rankings, flip sets, their explanations, a verification."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from .._typing import AnyArray, CodeArray, FloatArray, IntArray
from ..arguments import check_threshold
from ..monitor import Monitor
from .summary import VerificationSummary, summarise
from .test_rows import Queries

if TYPE_CHECKING:
    from ..evidence import Explanation, Verification
    from ..search import FlipSet

_KEPT_RANKINGS = 8
_KEPT_BYTES = 2**28  # of their moves together: 8 per training row and class
_KEPT_EXPLANATIONS = 64


@dataclass(frozen=True, eq=False)
class Ranking:
    """The training rows as they bear on one test row, to first order.

    Attributes
    ----------
    moves, factor
        As `Queries.moves` has them.
    suggested
        Class code of the label that moves the test row furthest towards its flip, of each training row, (n_train,).
    influence
        What that label changes, float64, shape (n_train,).
    order
        Training rows by how far that moves the test row towards its flip, the furthest first, int64, (n_train,).
    """

    moves: FloatArray
    factor: FloatArray | None
    suggested: IntArray
    influence: FloatArray
    order: IntArray

    @classmethod
    def of(cls, moves: FloatArray, factor: FloatArray | None, original: CodeArray, *, falls: bool) -> Self:
        """From the moves; ``falls`` says whether a flip lowers what they change."""
        if moves.ndim == 1:
            influence, suggested = moves, 1 - original.astype(np.int64)
        else:
            every = np.arange(len(moves))
            others = moves.copy()
            others[every, original] = np.inf
            suggested = np.asarray(others.argmin(axis=1), dtype=np.int64)
            influence = others[every, suggested]
        order = np.argsort(influence if falls else -influence, kind="stable")
        return cls(moves, factor, suggested, influence, order)

    def effects(self, rows: IntArray, codes: IntArray) -> FloatArray:
        """First-order change by giving each of some rows another label than its original one, (len(rows),)."""
        return self.moves[rows] if self.moves.ndim == 1 else self.moves[rows, codes]

    def with_set(self, rows: IntArray, codes: IntArray) -> Self:
        """The same, but the labels of a flip set are suggested for its members."""
        if self.moves.ndim == 1 or not len(rows):
            return self
        suggested, influence = self.suggested.copy(), self.influence.copy()
        suggested[rows], influence[rows] = codes, self.effects(rows, codes)
        return replace(self, suggested=suggested, influence=influence)


@dataclass(frozen=True, eq=False)
class Forecast:
    """What relabelled rows do to a test row, to first order: a prediction, never a fact.

    Attributes
    ----------
    n_relabelled
        Number of relabelled rows.
    change
        Of the log-odds of ``classes[1]``, or, with more classes, of the margin between the predicted class and its
        rival.
    proba, predicted
        The probability after it, of the class that `Workbench.test_rows` has it of, and the class that is predicted
        then. With more than two classes the rival alone is taken to move.
    """

    n_relabelled: int
    change: float
    proba: float
    predicted: Any


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
        self._flip_sets: dict[tuple[int, int | None], FlipSet] = {}
        self._asked: dict[int, int | None] = {}
        self._rankings: OrderedDict[tuple[int, bool], Ranking] = OrderedDict()
        self._explanations: OrderedDict[int, tuple[FlipSet, Explanation]] = OrderedDict()
        self.verification: Verification | None = None

    @property
    def threshold(self) -> float:
        """The threshold that everything here holds for."""
        return self._threshold

    def move_threshold(self, threshold: float) -> bool:
        """Set it and forget what depends on it; False if it was that already."""
        check_threshold(threshold, who="Workbench.threshold")
        check_applies(threshold, self._queries.fit.classes, who="Workbench.threshold")
        with self._lock:
            if float(threshold) == self._threshold:
                return False
            self._threshold = float(threshold)
            self._flip_sets.clear()
            self._asked.clear()
            self._explanations.clear()
            self.verification = None
        return True

    def standing(self, row: int) -> tuple[int, int, float]:
        """The codes of the predicted class of a test row and of its rival, and its margin, as in `TestColumns`."""
        return self._queries.standing(row, self._threshold)

    def ranking(self, row: int, *, monitor: Monitor | None = None) -> Ranking:
        """The ranking for a test row, from the kept ones or computed: one CG solve, one product with X, one sort."""
        fit = self._queries.fit
        with self._lock:
            falls = len(fit.classes) > 2 or self.standing(row)[0] == 1
            key = (row, falls)
            if key in self._rankings:
                self._rankings.move_to_end(key)
                return self._rankings[key]
        ranking = Ranking.of(*self._queries.moves(row, monitor=monitor), fit.labels.original, falls=falls)
        with self._lock:
            _keep(self._rankings, key, ranking, max(1, min(_KEPT_RANKINGS, _KEPT_BYTES // ranking.moves.nbytes)))
        return ranking

    def suggestions(self, row: int, *, monitor: Monitor | None = None) -> Ranking:
        """The ranking for a test row, with the labels of its known flip set for the members."""
        ranking, known = self.ranking(row, monitor=monitor), self.known_flip_set(row)
        if known is None:
            return ranking
        return ranking.with_set(known.rows, np.searchsorted(self._queries.fit.classes, known.labels))

    def forecast(self, row: int, labels: Mapping[int, int]) -> Forecast:
        """What giving training rows other labels, from row to class code, is predicted to do to a test row."""
        change = 0.0
        if labels:
            change = float(self.ranking(row).effects(np.array(list(labels)), np.array(list(labels.values()))).sum())
        with self._lock:
            proba, code = self._queries.moved(row, change, self._threshold)
        return Forecast(len(labels), change, proba, self._queries.fit.classes[code])

    def flip_set(self, row: int, target: int | None, *, budget: Any, monitor: Monitor | None) -> tuple[FlipSet, bool]:
        """The flip set of a test row, kept or searched for, and whether there is news of it.

        ``target`` is the code of the class to flip to; the set asked for last is the one that is known of the row.
        """
        from ..outcome import Outcome
        from ..search import find_flip_set

        with self._lock:
            known, threshold = self._flip_sets.get((row, target)), self._threshold
            if known is not None:
                is_news = self.known_flip_set(row) is not known
                self._asked[row] = target
                return known, is_news
        fit = self._queries.fit
        found = find_flip_set(
            fit,
            self._queries.asked(row),
            threshold=threshold,
            target=None if target is None else fit.classes[target],
            budget=budget,
            monitor=monitor,
        )
        with self._lock:
            unfinished = found.outcome in {Outcome.BUDGET, Outcome.BUDGET_FOUND}
            if unfinished or threshold != self._threshold:
                return found, False
            kept = self._flip_sets.setdefault((row, target), found)
            self._asked[row] = target
        return kept, kept is found

    def known_flip_set(self, row: int) -> FlipSet | None:
        """The flip set of a test row that was asked for last."""
        with self._lock:
            return self._flip_sets.get((row, self._asked.get(row)))

    def target_of(self, row: int) -> int | None:
        """The code of the class that this one was to flip to; None for any."""
        with self._lock:
            return self._asked.get(row)

    def flip_sets(self) -> dict[int, FlipSet]:
        """These of all test rows, by row."""
        with self._lock:
            return {row: self._flip_sets[row, target] for row, target in self._asked.items()}

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
            known, kept = self.known_flip_set(row), self._explanations.get(row)
        if known is None or not known.found:
            return None
        if kept is not None and kept[0] is known:
            return kept[1]
        made = explain(self._queries.fit, self._queries.one(row), known.rows, labels=known.labels, monitor=monitor)
        with self._lock:
            if self.known_flip_set(row) is known:
                _keep(self._explanations, row, (known, made), _KEPT_EXPLANATIONS)
        return made

    def summary(self, result: Verification) -> VerificationSummary:
        """A verification in numbers."""
        return summarise(result, self._queries.codes)

    def details(self, result: Verification, threshold: float) -> dict[str, Any]:
        """What is written down of a verification."""
        return asdict(self.summary(result)) | {"threshold": threshold, "how": result.how}


def check_applies(threshold: Any, classes: AnyArray, *, who: str) -> None:
    """Refuse another threshold than 0.5 where there are more than two classes.

    Raises
    ------
    ValueError
        If there are, and it is.
    """
    if len(classes) > 2 and float(threshold) != 0.5:
        raise ValueError(
            f"{who}: expected no threshold, because the likeliest of {len(classes)} classes is predicted, got "
            f"{threshold!r}. Leave it at 0.5."
        )


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    """The least recently used one goes."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)

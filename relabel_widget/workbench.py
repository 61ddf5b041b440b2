"""What a person works on: labels, decisions, flip sets, verifications and files, without any display."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ._typing import AnyArray
from .decisions import Decisions
from .fitting import Fit
from .journal import Event, Fingerprint, JournalError, SqliteJournal
from .journal.events import check_text, exported, verified
from .monitor import Monitor
from .queries import Queries
from .rows import as_rows, check_threshold
from .summary import VerificationSummary, summarise
from .tables import corrected_table, history_table
from .training import TrainingRows, check_row

if TYPE_CHECKING:
    import pandas as pd

    from .search import FlipSet
    from .verification import Verification

_log = logging.getLogger(__name__)

Listener = Callable[[str], None]

_KEPT_RANKINGS = 8  # of 16 bytes per training row each


@final
class Workbench:
    """Holds labels, what people decide about them, and what retraining says of it.

    Safe to share between threads; searches and retraining do not hold others up.

    Parameters
    ----------
    estimator
        A fitted scikit-learn ``LogisticRegression`` with an L2 penalty, or a ``Pipeline`` ending in one.
    train, y_train
        What it was fitted on: rows as it takes them, and their labels, shape (n_train,). Held by reference.
    test, y_test
        Rows whose predictions are looked into, as the estimator takes them, and their true labels, if known.
    train_text, test_text
        What people read, one text for each row. By default the rows themselves where they are texts, otherwise
        a line made from their values.
    ids
        Your name for each training row, no two alike; row numbers by default.
    threshold
        ``classes[1]`` is predicted when its probability is above this; strictly between 0 and 1.
    annotator
        Who decides; may be empty.
    store
        Path to an SQLite file that keeps every decision, made if it does not exist. A store of the same data is
        taken up where it was left. None keeps decisions in memory only.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the others, or the estimator cannot be adopted; the message says why.
    JournalError
        If the store cannot be used: not a store, of other data, or made by a newer version.

    Examples
    --------
    >>> bench = Workbench(pipeline, texts, labels, new_texts)  # doctest: +SKIP
    >>> bench.relabel(bench.flip_set(0).rows, note="sarcasm")  # doctest: +SKIP
    >>> bench.verify().flipped[0]  # doctest: +SKIP
    """

    def __init__(
        self,
        estimator: Any,
        train: Any,
        y_train: Any,
        test: Any,
        y_test: Any = None,
        *,
        train_text: Any = None,
        test_text: Any = None,
        ids: Any = None,
        threshold: float = 0.5,
        annotator: str = "",
        store: str | os.PathLike[str] | None = None,
    ) -> None:
        from .adoption import adopt

        check_threshold(threshold, who="Workbench")
        check_text("Workbench: annotator", annotator)
        self._threshold, self._annotator = float(threshold), annotator
        self._training = TrainingRows.of(train, y_train, ids, train_text, estimator=estimator)
        self._estimator = estimator
        self._fit = adopt(estimator, train, y_train)
        self._queries = Queries.of(self._fit, test, y_test, test_text, estimator=estimator)
        self._decisions = Decisions(self._fit.problem.labels, self._open(store))
        self._lock = threading.RLock()
        self._flip_sets: dict[int, FlipSet] = {}
        self._verification: Verification | None = None
        self._listeners: dict[object, Listener] = {}
        self._ranking = lru_cache(_KEPT_RANKINGS)(self._queries.rank)

    def _open(self, store: str | os.PathLike[str] | None) -> SqliteJournal:
        fingerprint = Fingerprint.of(self._fit.y, self._training.ids)
        return SqliteJournal(":memory:" if store is None else store, fingerprint)

    # What it is about

    @property
    def fit(self) -> Fit:
        """The fit on the original labels."""
        return self._fit

    @property
    def estimator(self) -> Any:
        """The estimator as it was given."""
        return self._estimator

    @property
    def classes(self) -> AnyArray:
        """The two class labels; probabilities are those of ``classes[1]``."""
        return self._fit.classes

    @property
    def n_train(self) -> int:
        """Number of training rows."""
        return self._training.n_rows

    @property
    def n_test(self) -> int:
        """Number of test rows."""
        return self._queries.n_rows

    @property
    def ids(self) -> AnyArray:
        """Id of each training row, shape (n_train,), read-only."""
        return self._training.ids

    @property
    def y_test(self) -> AnyArray | None:
        """True label of each test row, shape (n_test,), or None."""
        return None if self._queries.codes is None else self.classes[self._queries.codes]

    @property
    def annotator(self) -> str:
        """Who decides."""
        return self._annotator

    def train_text(self, row: int) -> str:
        """What people read of a training row."""
        return self._training.text(check_row(row, self.n_train, who="train_text", what="training"))

    def test_text(self, row: int) -> str:
        """What people read of a test row."""
        return self._queries.text(self._check_test_row(row, "test_text"))

    # Predictions

    @property
    def threshold(self) -> float:
        """``classes[1]`` is predicted above this probability. Setting it forgets flip sets and the verification."""
        return self._threshold

    @threshold.setter
    def threshold(self, threshold: float) -> None:
        check_threshold(threshold, who="Workbench.threshold")
        with self._lock:
            if float(threshold) == self._threshold:
                return
            self._threshold = float(threshold)
            self._flip_sets.clear()
            self._verification = None
        self._notify("threshold")

    def test_rows(self) -> pd.DataFrame:
        """All test rows: ``row, text, label, predicted, proba, margin, flip_size, verified_proba, verified_predicted``.

        ``label`` is missing without ``y_test``, ``flip_size`` where no flip set is known, and ``verified_*`` without
        a current verification. ``margin`` is the log-odds less those of the threshold.
        """
        with self._lock:
            sizes = {row: found.size for row, found in self._flip_sets.items() if found.found}
            threshold, verification = self._threshold, self._verification
        return self._queries.table(threshold, sizes, verification)

    def influential_rows(self, test_row: int, top: int = 200) -> pd.DataFrame:
        """Training rows by how far relabelling them moves one prediction towards its flip, the furthest first.

        Columns: ``row, id, text, original, current, influence, in_flip_set, relabelled``. Rows of a known flip set
        come first, in its order. ``influence`` is the first-order change of the log-odds by swapping the original
        label of that row alone.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such test row, or ``top`` is not a positive whole number.
        """
        row = self._check_test_row(test_row, "influential_rows")
        if not isinstance(top, (int, np.integer)) or top < 1:
            raise ValueError(f"influential_rows: expected top as a positive whole number, got {top!r}.")
        with self._lock:
            known, above, state = self._flip_sets.get(row), self._is_above(row), self._decisions.state
        influence, order = self._ranking(row, above)
        first = known.rows if known is not None else order[:0]
        rest = order[: top + len(first)]
        rows = np.concatenate([first, rest[~np.isin(rest, first)]])[:top]
        return self._training.table(rows, influence, first, self._decisions.labels, state)

    def predicted_change(self, test_row: int) -> float:
        """First-order change of a test row's log-odds by all current relabels together. A prediction, not a fact."""
        row = self._check_test_row(test_row, "predicted_change")
        with self._lock:
            rows, above = self._decisions.rows(), self._is_above(row)
        return float(self._ranking(row, above)[0][rows].sum()) if rows else 0.0

    def _is_above(self, row: int) -> bool:
        return bool(self._queries.predicted(self._threshold)[row])

    def _check_test_row(self, row: Any, who: str) -> int:
        return check_row(row, self.n_test, who=who, what="test")

    # Decisions

    @property
    def relabelled(self) -> list[int]:
        """Training rows whose label differs from the original one, sorted."""
        with self._lock:
            return self._decisions.rows()

    @property
    def can_undo(self) -> bool:
        """Whether there is a relabelling to take back."""
        return bool(self._decisions.state.done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a relabelling to bring again."""
        return bool(self._decisions.state.undone)

    def relabel(self, rows: Any, label: Any = None, note: str = "") -> list[int]:
        """Give training rows another label.

        Parameters
        ----------
        rows
            One training row, several distinct ones, or a mask of shape (n_train,).
        label
            One label for all rows, or one for each; the original one takes a mark back. None swaps the label that
            each row has now.
        note
            Why. It is also kept for rows whose label it confirms.

        Returns
        -------
        list of int
            The rows that were written down: those whose label changed, or all if there is a note.

        Raises
        ------
        ValueError, TypeError
            If a row or label is not as described. Nothing is changed then.
        JournalError
            If the store cannot be written. Nothing is changed then.
        """
        chosen = as_rows(rows, self.n_train, who="relabel: rows")
        return self._decide(partial(self._decisions.relabel, chosen, label, note=note, annotator=self._annotator))

    def undo(self) -> list[int]:
        """Take the newest relabelling back, and return its rows.

        Raises
        ------
        ValueError
            If there is nothing to undo.
        """
        return self._decide(partial(self._decisions.undo, annotator=self._annotator))

    def redo(self) -> list[int]:
        """Bring the relabelling that was undone last again, and return its rows.

        Raises
        ------
        ValueError
            If there is nothing to redo.
        """
        return self._decide(partial(self._decisions.redo, annotator=self._annotator))

    def _decide(self, decide: Callable[[], Event | None]) -> list[int]:
        with self._lock:
            before = self._decisions.rows()
            event = decide()
            if event is None:
                return []
            if self._decisions.rows() != before:
                self._verification = None
        self._notify("labels")
        return list(event.rows)

    def labels(self) -> AnyArray:
        """The current labels, shape (n_train,), a new array."""
        with self._lock:
            return self.classes[self._decisions.codes()]

    def history(self) -> pd.DataFrame:
        """Everything that was decided, verified and exported, oldest first.

        Columns: ``event, time, annotator, kind, rows, from, to, note, details``; ``rows``, ``from`` and ``to`` hold
        lists.
        """
        return history_table(self._decisions.journal.events(), self.classes)

    def corrected_labels(self) -> pd.DataFrame:
        """The rows whose label differs now: ``row, id, original, corrected, annotator, note, time``, by row."""
        return corrected_table(self._decisions.state.overlay, self.ids, self.classes)

    # Long work. No lock is held while it computes; what a later change has made stale is returned, but not kept.

    def flip_set(self, test_row: int, *, monitor: Monitor | None = None) -> FlipSet:
        """The smallest set of training labels found whose change, by a refit, flips a test row's prediction.

        It starts from the original labels, whatever is relabelled now, and is kept until the threshold changes.

        Raises
        ------
        IndexError, TypeError
            If there is no such test row.
        Cancelled
            If ``monitor`` was cancelled.
        """
        from .search import find_flip_set

        row = self._check_test_row(test_row, "flip_set")
        with self._lock:
            known, threshold = self._flip_sets.get(row), self._threshold
        if known is not None:
            return known
        found = find_flip_set(self._fit, self._queries.one(row), threshold=threshold, monitor=monitor)
        with self._lock:
            if threshold != self._threshold:
                return found
            kept = self._flip_sets.setdefault(row, found)
        if kept is found:
            self._notify("flip_set")
        return kept

    def suspects(self, limit: int | None = None, *, monitor: Monitor | None = None) -> pd.DataFrame:
        """Training rows most likely mislabelled, as `suspects` ranks them, without the rows already decided."""
        from .audit import suspects

        with self._lock:
            settled = self._decisions.settled()
        return suspects(self._fit, decisions=settled, limit=limit, monitor=monitor)

    def known_flip_set(self, test_row: int) -> FlipSet | None:
        """The flip set of a test row if it was searched for at this threshold, otherwise None."""
        row = self._check_test_row(test_row, "known_flip_set")
        with self._lock:
            return self._flip_sets.get(row)

    def verify(self, *, monitor: Monitor | None = None) -> Verification:
        """Retrain with all current relabels, from the original labels, and compare the predictions of all test rows.

        The result becomes `verification` and is written down, unless labels or threshold changed meanwhile.

        Raises
        ------
        ValueError
            If nothing is relabelled, or the relabels leave one class only.
        Cancelled
            If ``monitor`` was cancelled.
        """
        from .verification import verify

        with self._lock:
            rows, threshold = self._decisions.rows(), self._threshold
        if not rows:
            raise ValueError("verify: expected relabelled rows, got none. Relabel a row first, then retrain.")
        result = verify(self._fit, rows, self._queries.design, threshold=threshold, monitor=monitor)
        details = asdict(self._summary(result, len(rows), threshold)) | {"threshold": threshold}
        with self._lock:
            if rows != self._decisions.rows() or threshold != self._threshold:
                return result
            self._decisions.record(verified(details, annotator=self._annotator))
            self._verification = result
        self._notify("verification")
        return result

    @property
    def verification(self) -> Verification | None:
        """What retraining said of the current labels and threshold; None once either changed."""
        return self._verification

    def verification_summary(self) -> VerificationSummary | None:
        """The current verification in numbers, or None."""
        with self._lock:
            current, n_relabelled, threshold = self._verification, len(self._decisions.rows()), self._threshold
        return None if current is None else self._summary(current, n_relabelled, threshold)

    def _summary(self, result: Verification, n_relabelled: int, threshold: float) -> VerificationSummary:
        predicted = self._queries.predicted(threshold)
        return summarise(result, predicted, self._queries.codes, n_relabelled=n_relabelled)

    # Files

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write `corrected_labels` to a ``.csv``, ``.parquet`` or ``.jsonl`` file, whole or not at all.

        Raises
        ------
        ValueError
            If the ending is another.
        ImportError
            If a Parquet file is asked for without pyarrow.
        OSError
            If the file cannot be written. An older file of that name is then as it was.
        JournalError
            If the file was written, but the store could not take a note of it.
        """
        from .export import write_table

        table = self.corrected_labels()
        written = write_table(path, table)
        try:
            with self._lock:
                self._decisions.record(exported(str(written), len(table), annotator=self._annotator))
        except JournalError as error:
            raise JournalError(
                f"export: {str(written)!r} was written, but not noted in the history: {error}"
            ) from error
        return written

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained HTML page: model, corrected labels, verification, flip sets, history.

        Raises
        ------
        OSError
            If the file cannot be written. An older file of that name is then as it was.
        """
        from .report import Report, write_report

        with self._lock:
            report = Report(
                fit=self._fit,
                estimator=repr(self._estimator),
                ids=self.ids,
                train_text=self._training.text,
                threshold=self._threshold,
                tests=self.test_rows(),
                corrected=self.corrected_labels(),
                history=self.history(),
                verification=self._verification,
                summary=self.verification_summary(),
                flip_sets=dict(self._flip_sets),
            )
        return write_report(path, report)

    # Who wants to know

    def subscribe(self, callback: Listener) -> Callable[[], None]:
        """Call back after every change, in the thread that made it, with what changed.

        Parameters
        ----------
        callback
            Called with ``"labels"``, ``"threshold"``, ``"flip_set"`` or ``"verification"``. What it raises is logged.

        Returns
        -------
        callable
            Ends the subscription; calling it again does nothing.
        """
        token = object()
        with self._lock:
            self._listeners[token] = callback

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(token, None)

        return unsubscribe

    def _notify(self, kind: str) -> None:
        """Never under the lock: a listener may wait for a thread that needs it."""
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            try:
                listener(kind)
            except Exception:  # the change is made and kept, whatever a listener makes of it
                _log.exception("a listener of the workbench failed on %r", kind)

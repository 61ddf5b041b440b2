"""How a workbench shows its rows, what else is known of them, and which of them say the same."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from .._typing import BoolArray, IntArray
from ..arguments import as_number
from ..fits import AnyFit
from .decisions import Decisions
from .equal_rows import EqualRows
from .findings import Findings
from .looks import Looks, Side
from .metadata import Metadata, metadata_of
from .row_content import Content
from .test_rows import Queries
from .train_rows import TrainingRows, check_row


class Appearance:
    """The part of a `Workbench` that shows rows as people know them."""

    _estimator: Any
    _fit: AnyFit
    _training: TrainingRows
    _queries: Queries
    _findings: Findings
    _decisions: Decisions
    _lock: threading.RLock
    _looks: Looks
    _metadata: tuple[Metadata, Metadata]
    _equal: EqualRows

    def _show_by(self, image_shape: Any, render: Any, meta: Any) -> None:
        """Take up how rows are to be shown; the arguments are those of `Workbench`."""
        fit, training, queries = self._fit, self._training, self._queries
        train = Side("train", training.rows, training.text, training.texts is not None, fit, fit.design)
        test = Side("test", queries.rows, queries.text, queries.is_read, fit, queries.design)
        self._looks = Looks(train, test, self._estimator, image_shape=image_shape, render=render)
        self._metadata = metadata_of(meta, training.n_rows, queries.n_rows)
        self._equal = EqualRows(train)

    # What rows look like

    def train_content(self, row: int, test_row: int | None = None, *, small: bool = False) -> Content:
        """What a training row looks like: `Text`, `Table` or `Image`, made now.

        Parameters
        ----------
        row
            A training row.
        test_row
            One that it is compared with: values of a table that differ come first, with the other row's beside them.
            With more than two classes, contributions are those to the margin between its predicted class and the
            rival; with two, to the log-odds of ``classes[1]``.
        small
            For a line of a list: an image is thinned out, a table has its first few values.

        Raises
        ------
        IndexError, TypeError
            If there is no such row.
        """
        chosen = check_row(row, self._training.n_rows, who="train_content", what="training")
        if test_row is not None:
            test_row = check_row(test_row, self._queries.n_rows, who="train_content: test_row", what="test")
        return self._looks.train(chosen, test_row, self._pair(test_row), small=small)

    def test_content(self, row: int, *, small: bool = False) -> Content:
        """What a test row looks like; the rest as `train_content`."""
        chosen = check_row(row, self._queries.n_rows, who="test_content", what="test")
        return self._looks.test(chosen, self._pair(chosen), small=small)

    def _pair(self, test_row: int | None) -> tuple[int, int] | None:
        """The classes whose log-odds contributions are of."""
        if len(self._fit.classes) == 2:
            return 1, 0
        return None if test_row is None else self._findings.standing(test_row)[:2]

    @property
    def train_metadata(self) -> Metadata:
        """The columns of ``meta`` for the training rows."""
        return self._metadata[0]

    @property
    def test_metadata(self) -> Metadata:
        """The columns of ``meta`` for the test rows."""
        return self._metadata[1]

    # Which rows say the same

    def same_texts(self, row: int, *, near: float | None = None, patience: float | None = None) -> IntArray:
        """Training rows that say the same as one of them, that row included, in order.

        Texts are the same if nothing but case, spaces and the way a character is written tells them apart; rows that
        are not texts, if all their values are.

        Parameters
        ----------
        row
            A training row.
        near
            A cosine above 0, at most 1, such as 0.95: rows whose features have at least this cosine with the row's are
            taken as well.
        patience
            Seconds to wait where the rows are not grouped yet; the row alone is returned after that, and a thread goes
            on with the grouping. None waits until it is done.

        Returns
        -------
        array of int
            At least the row itself.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such row, or ``near`` is not as described.

        Notes
        -----
        The first call reads all training rows once, about a second for a million short texts. ``near`` costs one
        product with the feature matrix.

        Examples
        --------
        >>> bench.relabel(bench.same_texts(7), "spam", note="equal texts")  # doctest: +SKIP
        """
        chosen = check_row(row, self._training.n_rows, who="same_texts", what="training")
        if patience is not None:
            seconds = as_number(patience, who="same_texts: patience", above=0.0, below=1e6)
            if not self._equal.known_within(seconds):
                return np.array([chosen], dtype=np.int64)
        same = self._equal.equal_to(chosen)
        if near is None:
            return same
        is_number = isinstance(near, int | float) and not isinstance(near, bool)
        if not is_number or not 0 < near <= 1:
            raise ValueError(f"same_texts: near: expected a cosine above 0, at most 1, such as 0.95, got {near!r}.")
        return np.union1d(same, self._equal.near(chosen, float(near)))

    @property
    def counts_words(self) -> bool:
        """Whether the features are of texts: only then rows of nearly the same direction say nearly the same."""
        return self._equal.counts_words and self._fit.design.place == "memory"

    def same_text_other_label(self) -> BoolArray:
        """Training rows that say the same as one whose current label is another, (n_train,), as `same_texts` has it."""
        with self._lock:
            codes = self._decisions.codes()
        return self._equal.contradicted(codes)

"""Which training rows a search finds: both lists of them, all rows and the queue of suspects, ask here."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .._typing import IntArray
from ..monitor import Monitor

NEARLY = 0.95
"""The cosine of the features of texts from which on they say nearly the same."""

_AT_ONCE = 2_000  # rows searched between two looks at whether anybody still waits for them
_NUMBER = r"\d{1,12}"  # what has more digits is no row, and int() refuses thousands of them
_ALIKE = re.compile(rf"(same|near)\s*=\s*({_NUMBER})")


def alike(row: int, *, nearly: bool = False) -> str:
    """What to search for to find the rows that say the same as one of them, or nearly so."""
    return f"{'near' if nearly else 'same'}={row}"


class TrainingSearch:
    """Finds training rows by their text, id or number, by a column of metadata, or as equals of another row."""

    def __init__(self, workbench: Any) -> None:
        self._workbench = workbench
        self._names: list[str] | None = None

    def places(self, rows: IntArray, search: str, monitor: Monitor) -> IntArray:
        """Where in ``rows`` the found ones are; those that the search names come first, the others in their order."""
        words = search.strip().casefold()
        like = _ALIKE.fullmatch(words)
        if like is not None and int(like[2]) < self._workbench.n_train:  # also where a column has such a name
            row = int(like[2])
            found = np.flatnonzero(np.isin(rows, self._workbench.same_texts(row, near=_nearness(like[1]))))
            return found[np.argsort(rows[found] != row, kind="stable")]
        by_column = self._workbench.train_metadata.kept(search)
        if by_column is not None:
            return np.flatnonzero(by_column[rows])
        return self._by_words(rows, words, monitor) if words else np.arange(len(rows))

    def _by_words(self, rows: IntArray, words: str, monitor: Monitor) -> IntArray:
        if self._names is None:
            self._names = [str(name).casefold() for name in self._workbench.ids.tolist()]
        names, text = self._names, self._workbench.train_text
        number = int(words) if re.fullmatch(_NUMBER, words) else -1
        first: list[int] = []
        others: list[int] = []
        for place, row in enumerate(rows.tolist()):
            if place % _AT_ONCE == 0:
                monitor.check()
                if place:
                    monitor.step("searching training rows", place, len(rows))
            if row == number or names[row] == words:
                first.append(place)
            elif words in names[row] or words in text(row).casefold():
                others.append(place)
        return np.array(first + others, dtype=np.int64)


def _nearness(how: str) -> float | None:
    return NEARLY if how == "near" else None

"""Which training row each line of a source is about. What cannot be told for certain is not guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..._typing import IntArray
from ...facts import clip
from ...inputs.digests import digest_of
from ...journal import Lost, Rows, Why
from ...journal.identity import plain, value_text
from .lines import Line
from .provenance import name_of


@dataclass(frozen=True)
class NoRow:
    """Why no row is found: whether none is there, or several could be meant, and the reason in words."""

    certain: bool
    why: str


@final
class Matching:
    """Finds the training rows that lines are about.

    Parameters
    ----------
    rows
        The training rows, looked at by nobody else.
    ids
        The user's ids by their texts, each with its rows; None where none were given.
    by_number
        Whether the caller says that row numbers are those of the same rows in the same order.
    """

    def __init__(self, rows: Rows, ids: Sequence[Any] | None, *, by_number: bool) -> None:
        self._rows, self._by_number = rows, by_number
        self._ids: dict[str, list[int]] | None = None if ids is None else {}
        for row, one in enumerate(() if ids is None else ids):
            assert self._ids is not None
            self._ids.setdefault(value_text(plain(one)), []).append(row)

    def find(self, lines: Sequence[Line]) -> list[int | NoRow]:
        """The row of each line, or why there is none."""
        found: list[int | NoRow | None] = [self._by_row(line) if self._by_number else None for line in lines]
        self._by_content(lines, found)
        self._by_id(lines, found)
        self._by_text(lines, found)
        return [NoRow(True, _nothing(line)) if one is None else one for line, one in zip(lines, found, strict=True)]

    def _by_row(self, line: Line) -> int | NoRow | None:
        """The row of that number, unless something else in the line contradicts it; None for a line without one."""
        if line.row is None:
            return None
        if not 0 <= line.row < self._rows.n_rows:
            return NoRow(True, f"There is no row {line.row}; rows go from 0 to {self._rows.n_rows - 1}.")
        content = (line.content or "").partition(":")[0]
        if content:
            same = bytes(self._rows.contents[line.row]).ljust(len(content) // 2, b"\0").hex() == content
            return line.row if same else NoRow(True, f"Row {line.row} has another content here.")
        named = None if line.id is None or self._ids is None else self._ids.get(value_text(plain(line.id)), [])
        if named is not None and line.row not in named:
            return NoRow(True, f"Row {line.row} has another id here than {clip(line.id, 80)!r}.")
        return line.row

    def _by_content(self, lines: Sequence[Line], found: list[int | NoRow | None]) -> None:
        """By what an export of ours says of the row."""
        names = [
            name_of(line.content, line.id, line.original) if one is None else None
            for line, one in zip(lines, found, strict=True)
        ]
        places = [place for place, name in enumerate(names) if name is not None]
        wanted = [(name[:-1], line.row or 0) for name, line in zip(names, lines, strict=True) if name is not None]
        for place, row in zip(places, self._rows.find(wanted), strict=True):
            found[place] = row if row >= 0 else self._lost(self._rows.lost[-1 - row])

    def _lost(self, lost: Lost) -> NoRow:
        name = lost.name
        if lost.why is Why.CHANGED:
            return NoRow(True, f"The row with id {name.id!r} has another content here.")
        if lost.why is Why.RENAMED:
            return NoRow(True, f"No row has the id {name.id!r}; row {lost.row} has the same content.")
        if lost.why is Why.UNCERTAIN:
            return NoRow(False, "Several rows have this content, and it cannot be told which one is meant.")
        return NoRow(True, "No row has this content" + ("." if name.id is None else f" and the id {name.id!r}."))

    def _by_id(self, lines: Sequence[Line], found: list[int | NoRow | None]) -> None:
        for place, line in enumerate(lines):
            if found[place] is None and line.id is not None and self._ids is not None:
                found[place] = self._named(line, self._ids)

    def _named(self, line: Line, ids: dict[str, list[int]]) -> int | NoRow:
        rows = ids.get(value_text(plain(line.id)), [])
        if len(rows) != 1:
            return NoRow(not rows, f"{'No row has' if not rows else 'Several rows have'} the id {clip(line.id, 80)!r}.")
        if line.text is not None and digest_of(line.text).rstrip(b"\0") != self._rows.contents[rows[0]]:
            return NoRow(True, f"The row with id {clip(line.id, 80)!r} has another text here.")
        return rows[0]

    def _by_text(self, lines: Sequence[Line], found: list[int | NoRow | None]) -> None:
        open_ = [place for place, line in enumerate(lines) if found[place] is None and line.text is not None]
        if not open_:
            return
        wanted = {digest_of(lines[place].text or "").rstrip(b"\0") for place in open_}
        rows = _rows_of(self._rows.contents, wanted)
        for place in open_:
            alike = rows[digest_of(lines[place].text or "").rstrip(b"\0")]
            found[place] = alike[0] if len(alike) == 1 else NoRow(not alike, _of_text(len(alike)))


def _rows_of(contents: Any, wanted: set[bytes]) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = {content: [] for content in wanted}
    places: IntArray = np.flatnonzero(np.isin(contents, np.array(sorted(wanted), dtype=contents.dtype)))
    for row in places.tolist():
        found[bytes(contents[row])].append(row)
    return found


def _of_text(number: int) -> str:
    if not number:
        return "No training row has this text. If texts were changed on the way, name the field of your ids as match=."
    return f"{number} training rows have this text. Give the workbench ids, and name the field that has them as match=."


def _nothing(line: Line) -> str:
    if line.row is not None or line.id is not None:
        return (
            "A row number does not say which row it is. If the training rows are the same in the same order, pass "
            'match="row".'
        )
    return "The file does not say which row it is: neither a text nor an id."

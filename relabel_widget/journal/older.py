"""Stores of formats 1 and 2: events about row numbers and class codes of one data set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sql

from .base import JournalError, StoreDamagedError
from .events import DECISIONS, Event, Kind
from .fingerprint import Fingerprint
from .identity import Rows
from .records import Record, recorded

_APPLICATION_ID = 0x524C4244
_NEWEST = 2


def is_older(connection: sql.Connection) -> bool:
    """Whether an SQLite database is a store of an older format that was not brought to the present one."""
    application = connection.exec_driver_sql("PRAGMA application_id").scalar()
    tables = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
    return application == _APPLICATION_ID and "relabel_store" not in tables and {"events", "data"} <= tables


@dataclass(frozen=True)
class OlderStore:
    """What such a store holds.

    Attributes
    ----------
    name
        How messages name it.
    data
        The data that it was made for.
    lines
        Number, time, annotator, kind and the rest as JSON, of each event in order.
    """

    name: str
    data: Fingerprint
    lines: Sequence[tuple[Any, ...]]

    @classmethod
    def read(cls, connection: sql.Connection, name: str) -> Self:
        """From its tables."""
        version = connection.exec_driver_sql("PRAGMA user_version").scalar()
        if version not in range(1, _NEWEST + 1):
            raise StoreDamagedError(f"journal: {name} is damaged: it says that it is of format {version}.")
        data = Fingerprint(*connection.exec_driver_sql("SELECT n_rows, labels, ids FROM data").one())
        query = "SELECT seq, time, annotator, kind, payload FROM events ORDER BY seq"
        return cls(name, data, [tuple(line) for line in connection.exec_driver_sql(query)])

    def records(self, rows: Rows, data: Fingerprint) -> list[Record]:
        """The events as the present format keeps them.

        Raises
        ------
        JournalError
            If the data at hand is not the one that the store was made for: row numbers are all it knows of its rows.
        StoreDamagedError
            If the events do not follow from one another.
        """
        if data != self.data:
            raise JournalError(
                f"journal: expected the data that {self.name} was made for, got {self.data.difference(data)}. An older "
                "relabel_widget wrote it, and names rows by their numbers: open it once with that data, and it will "
                "find its rows in other data, too. Or pass another path as store=."
            )
        migrated = []
        codes = rows.codes.tolist()
        done: list[str] = []
        undone: list[str] = []
        seen: set[int] = set()
        for number, (seq, time, annotator, kind, text) in enumerate(self.lines, start=1):
            event = self._event(seq, annotator, kind, text)
            self._check(event, seq == number, done, undone, codes)
            firsts = [(row, code) for row, code in zip(event.rows, event.before, strict=True) if row not in seen]
            if any(codes[row] != code for row, code in firsts):
                raise JournalError(
                    f"journal: {self.name} knows other labels in the same places: they may have been numbers when it "
                    "was made, and be texts now. Load them in the type that they had."
                )
            seen.update(event.rows)
            migrated.append(recorded(event._replace(time=_time(time, self._damaged(seq))), rows))
        return migrated

    def _event(self, seq: Any, annotator: Any, kind: Any, text: Any) -> Event:
        try:
            kept = json.loads(text)
            rows, before, after = (_numbers(kept.get(name, ())) for name in ("rows", "before", "after"))
            note, details, target = str(kept.get("note", "")), dict(kept.get("details", {})), kept.get("target")
            event = Event(Kind(kind), str(annotator), rows, before, after, note, details=details, uid=_uid(seq))
            return event if target is None else event._replace(target=_uid(int(target)))
        except (ValueError, TypeError, AttributeError) as error:
            raise self._damaged(seq) from error

    def _check(self, event: Event, in_place: bool, done: list[str], undone: list[str], codes: list[int]) -> None:
        """These formats have no digests: what does not follow from the events before it was not written by them."""
        good = in_place and len(event.rows) == len(event.before) == len(event.after)
        if event.kind in DECISIONS:
            good &= all(0 <= row < len(codes) for row in event.rows)
            good &= all(code in (0, 1) for code in (*event.before, *event.after))
            done.append(event.uid)
            undone.clear()
        elif event.kind in {Kind.UNDO, Kind.REDO}:
            source, goal = (done, undone) if event.kind is Kind.UNDO else (undone, done)
            good &= bool(source) and source[-1] == event.target
            if good:
                goal.append(source.pop())
        if not good:
            raise self._damaged(event.uid.removeprefix("older-"))

    def _damaged(self, seq: Any) -> StoreDamagedError:
        return StoreDamagedError(
            f"journal: {self.name} is damaged at event {seq}: it is not one that relabel_widget wrote. Restore it from "
            "a backup."
        )


def _uid(seq: int) -> str:
    return f"older-{seq}"


def _numbers(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _time(text: Any, damaged: StoreDamagedError) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise damaged from error

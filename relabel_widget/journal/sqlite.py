"""The journal in one SQLite file, or in memory."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import final

from relabel_widget.arguments import as_path

from .base import Journal, JournalError
from .events import Event, payload, restore
from .fingerprint import Fingerprint

SCHEMA_VERSION = 2
"""Format 2 added kept and unsure rows. A store of format 1 can be read; the next event upgrades it to format 2."""

APPLICATION_ID = 0x524C4244
"""Written into the header of the SQLite file ("RLBD") to distinguish a store from other databases."""

_TABLES = (
    "CREATE TABLE data (n_rows INTEGER NOT NULL, labels TEXT NOT NULL, ids TEXT NOT NULL)",
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, time TEXT NOT NULL, annotator TEXT NOT NULL,"
    " kind TEXT NOT NULL, payload TEXT NOT NULL)",
    "CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are never changed'); END",
    "CREATE TRIGGER events_last BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are never removed'); END",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


@final
class SqliteJournal(Journal):
    """Events in one SQLite database.

    Each `append` is one transaction in SQLite's rollback journal with ``synchronous=EXTRA``, which also
    flushes the folder: in this mode ``FULL`` alone may lose the last transaction in a power cut. Write-ahead
    logging would be faster, but does not work on the network folders where many notebook servers keep home
    directories.

    Parameters
    ----------
    store
        Path to a file, created if it does not exist; ``":memory:"`` keeps everything in memory.
    data
        The data that the events are about. A store made for other data is refused.

    Raises
    ------
    JournalError
        If the path cannot be opened, is not a store, was written by a newer version, or belongs to other
        data. The file is left unchanged.
    """

    def __init__(self, store: str | os.PathLike[str], data: Fingerprint) -> None:
        self._name = str(as_path(store, who="Workbench: store")) if store != "" else ""
        self._lock = threading.Lock()
        self._connection = _connect(self._name)
        # Closes the file of a journal that was never closed, in whichever thread drops it last.
        self._close = weakref.finalize(self, self._connection.close)
        try:
            with self._transaction("open"):
                self._check_or_create(data)
                self._events = list(self._read())
        except BaseException:
            self._close()
            raise

    def append(self, event: Event) -> Event:
        """Record an event permanently and return it with its number and UTC time.

        Raises
        ------
        JournalError
            If the store cannot be written, the journal was closed, or another process has written to the store
            since it was read: the event does not take theirs into account.
        """
        if not self._close.alive:
            raise JournalError(
                f"journal: expected {self._name!r} to be open, but this workbench was closed. Nothing was recorded. "
                "Make a new Workbench on it to continue."
            )
        with self._lock, self._transaction("write to"):
            known = len(self._events)
            (found,) = self._connection.execute("SELECT COALESCE(MAX(seq), 0) FROM events").fetchone()
            if found != known:
                raise JournalError(
                    f"journal: expected {known} events in {self._name!r}, got {found}: another notebook or "
                    "process has written to this store. Nothing was recorded. Make a new Workbench on it to "
                    "continue from there."
                )
            recorded = replace(event, seq=known + 1, time=datetime.now(UTC))
            self._connection.execute(
                "INSERT INTO events (seq, time, annotator, kind, payload) VALUES (?, ?, ?, ?, ?)",
                (known + 1, recorded.time.isoformat(), event.annotator, event.kind.value, payload(event)),
            )
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._connection.execute("COMMIT")
            self._events.append(recorded)
            return recorded

    def events(self) -> tuple[Event, ...]:
        """All events, oldest first."""
        with self._lock:
            return tuple(self._events)

    def close(self) -> None:
        """Release the store. Events that `append` returned are safe even without closing."""
        with self._lock:
            self._close()

    def _read(self) -> Iterator[Event]:
        query = "SELECT seq, time, annotator, kind, payload FROM events ORDER BY seq"
        for line in self._connection.execute(query):
            yield restore(*line)

    @contextmanager
    def _transaction(self, deed: str) -> Iterator[None]:
        """Roll back on errors. IMMEDIATE: what was read cannot change before the write."""
        with _in_words(deed, self._name):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _check_or_create(self, data: Fingerprint) -> None:
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        (tables,) = self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if application == 0 and tables == 0:
            self._create(data)
        elif application != APPLICATION_ID:
            raise JournalError(
                f"journal: expected {self._name!r} to be a store of relabel_widget, got an SQLite database "
                "that was not created by relabel_widget. Pass another path as store=; this file was not changed."
            )
        else:
            self._check_version()
            self._check_data(data)

    def _create(self, data: Fingerprint) -> None:
        for statement in _TABLES:
            self._connection.execute(statement)
        self._connection.execute(
            "INSERT INTO data (n_rows, labels, ids) VALUES (?, ?, ?)", (data.n_rows, data.labels, data.ids)
        )
        self._connection.execute("COMMIT")

    def _check_version(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise JournalError(
                f"journal: expected {self._name!r} in format {SCHEMA_VERSION} or older, got format "
                f"{version}: it was written by a newer relabel_widget. Run `pip install --upgrade relabel-widget`, "
                "or pass another path as store=."
            )

    def _check_data(self, data: Fingerprint) -> None:
        kept = Fingerprint(*self._connection.execute("SELECT n_rows, labels, ids FROM data").fetchone())
        if kept != data:
            raise JournalError(
                f"journal: expected the data that {self._name!r} was made for, got "
                f"{kept.difference(data)}. Load that data, or pass another path as store=."
            )


def _connect(name: str) -> sqlite3.Connection:
    if not name:
        raise JournalError(
            "journal: expected a path as store=, got an empty one. Pass a path, or None to keep it in memory."
        )
    with _in_words("open", name):
        # isolation_level None: we manage transactions. One lock guards every use, so any thread may use it.
        connection = sqlite3.connect(name, timeout=5, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = EXTRA")
    return connection


@contextmanager
def _in_words(deed: str, name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(
            f"journal: cannot {deed} the store {name!r}: {error}. Nothing was recorded. {_advice(error)}"
        ) from error


def _advice(error: sqlite3.Error) -> str:
    """What to do about an SQLite error, by its code."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return {
        sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and that it is not itself a folder.",
        sqlite3.SQLITE_NOTADB: "It is not a store of relabel_widget: pass another path as store=.",
        sqlite3.SQLITE_CORRUPT: "The file is damaged: restore it from a backup.",
        sqlite3.SQLITE_FULL: "Free space on the disk, then try again.",
        sqlite3.SQLITE_READONLY: "It is read-only: make it writable, or pass another path as store=.",
        sqlite3.SQLITE_BUSY: "Another process has it open: close that process, then try again.",
    }.get(primary, "Check the path, the disk and the permissions.")

"""A store in one SQLite file."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, final

import sqlalchemy as sql

from ..files.whole import write_whole
from .base import JournalError, StoreAwayError, StoreDamagedError
from .head import Head, HeadFile
from .older import OlderStore, is_older
from .records import Record
from .sql_store import EVENTS, HEAD, SqlStore
from .store import VERSION

_WAIT = 5.0  # seconds that a write waits for another one
_GUARDS = (
    "CREATE TRIGGER relabel_events_stay BEFORE UPDATE ON relabel_events "
    "BEGIN SELECT RAISE(ABORT, 'events are never changed'); END",
    "CREATE TRIGGER relabel_events_last BEFORE DELETE ON relabel_events "
    "BEGIN SELECT RAISE(ABORT, 'events are never removed'); END",
    f"PRAGMA user_version = {VERSION}",  # older versions refuse it in words
)
# File systems over a network: processes on several machines share no memory there, which write-ahead logs need.
_NETWORK = re.compile(r"nfs|cifs|smb|9p|afs|ceph|gluster|lustre|gpfs|beegfs|sshfs|davfs|vboxsf|virtiofs", re.IGNORECASE)


@final
class SqliteStore(SqlStore):
    """Events in one SQLite file, made if it does not exist.

    Each write is one transaction in a write-ahead log with ``synchronous=FULL``, so that readers never wait for a
    writer. Within a second it is brought into the file itself, so that copies of the file hold all decisions, and a
    second file notes how far that must be, so that a log that lost its end does not go unnoticed (`head`). Where
    the folder lies on a network, SQLite's rollback journal takes the place of the log, with ``synchronous=EXTRA``,
    because ``FULL`` alone may lose the last transaction in a power cut there.

    Parameters
    ----------
    path
        The file. It appears whole or not at all.

    Raises
    ------
    JournalError
        If it cannot be opened, or is something else than a store. It is then left as it is.
    """

    def __init__(self, path: Path) -> None:
        self._opener = opener = _Opener(path.absolute())
        self.beside = opener.path
        self._head_file = HeadFile(opener.path)
        self._is_whole = False  # whether all is there that was noted
        pool: dict[str, Any] = {"poolclass": sql.QueuePool, "pool_size": 2, "max_overflow": 4}
        super().__init__(f"the store {str(path)!r}", sql.create_engine("sqlite://", creator=opener.connect, **pool))
        self._file: tuple[int, int] | None = None
        try:
            if not self._opener.path.exists():
                self._make()
            self._open()
        except OSError as error:
            self.close()
            raise self._in_words("open", error) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """As `Store` says."""
        super().close()
        if self._is_whole and not self._log.exists():  # whoever closes it last brings all of the log in
            self._head_file.remove()

    @property
    def _log(self) -> Path:
        return self._opener.path.with_name(self._opener.path.name + "-wal")

    def _remember(self, newest: Record) -> None:
        if self._opener.log:
            self._head_file.note(Head(self.key, newest.seq, newest.digest))

    def _check_end(self, connection: sql.Connection, last: int) -> None:
        noted = self._head_file.read()
        if noted is None:
            self._is_whole = True
            return
        if noted.store != self.key:
            self._is_whole = True
            self.notice = (
                f"journal: another store lay at {str(self._opener.path)!r} before, with {noted.last} events, and was "
                "not closed: it was deleted, moved or replaced. If that was not meant, close this workbench and put it "
                "back before anything is decided here."
            )
            return
        there = connection.execute(sql.select(EVENTS.c.digest).where(EVENTS.c.seq == noted.last)).scalar()
        self._is_whole = there == noted.digest
        if not self._is_whole:
            raise StoreDamagedError(
                f"journal: {self.name} ends at event {last}, and lacks event {noted.last}, which was written to it: "
                f"its log {self._log.name!r} was truncated or deleted, or an older copy was put in its place. If that "
                f"was meant, delete {str(self._head_file.path)!r} and open it again."
            )

    def older(self) -> OlderStore | None:
        """As `Store` says."""
        with self._connected("open") as connection:
            return OlderStore.read(connection, self.name) if is_older(connection) else None

    def migrate(self, records: Sequence[Record], sample: str) -> None:
        """As `Store` says; the older tables stay as they are."""
        with self._connected("write to") as connection:
            self._begin(connection)
            if is_older(connection):
                self._fill(connection, records, sample)
                connection.commit()
            self._choose_journal(connection)

    def _make(self) -> None:
        """A new file of that name, unless another process was faster."""

        def fill(part: Path) -> None:
            with closing(sqlite3.connect(part)) as raw:
                raw.execute("PRAGMA journal_mode = DELETE")
            engine = sql.create_engine("sqlite://", creator=lambda: sqlite3.connect(part), poolclass=sql.NullPool)
            with engine.begin() as connection:
                self._create(connection)
            engine.dispose()

        try:
            write_whole(self._opener.path, fill, who="journal")
        except FileExistsError:
            return
        except OSError as error:
            if error.strerror is None:  # in our own words, which name the folder
                own = str(error).removeprefix("journal: ")
                raise StoreAwayError(f"journal: cannot create the store: {own}") from error
            raise StoreAwayError(
                f"journal: cannot create {self.name}: {error.strerror}. Check that its folder exists and can "
                "be written, and that it is not itself a folder."
            ) from error
        except (sql.exc.SQLAlchemyError, sqlite3.Error) as error:
            raise self._in_words("create", error) from error

    def _open(self) -> None:
        self._file = self._identity()
        with self._connected("open") as connection:
            tables = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
            is_present = "relabel_store" in tables
            if not is_present and not is_older(connection):
                raise JournalError(
                    f"journal: expected {self.name} to be a store of relabel_widget, got an SQLite database that was "
                    "not created by relabel_widget. Pass another path as store=; this file was not changed."
                )
            if is_present and self._opener.writable:
                self._choose_journal(connection)

    def _choose_journal(self, connection: sql.Connection) -> None:
        wanted = "wal" if self._opener.log else "delete"
        with suppress(sql.exc.OperationalError):  # in use: its journal stays as it is
            connection.exec_driver_sql(f"PRAGMA journal_mode = {wanted}")
        found = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        if found != "wal":
            connection.exec_driver_sql("PRAGMA synchronous = EXTRA")
            self.note = (
                f"Write-ahead logging does not work where {self.name} lies, so a reader may wait for a writer there. "
                "Decisions are as safe."
            )

    def _identity(self) -> tuple[int, int]:
        found = os.stat(self._opener.path)
        return found.st_dev, found.st_ino

    def _check_presence(self) -> None:
        try:
            found = os.stat(self._opener.path)
        except FileNotFoundError as error:
            raise StoreAwayError(
                f"journal: {self.name} is not there any more: it was deleted or moved. Put it back, or write the "
                "decisions to a new place with Workbench.store_as(path)."
            ) from error
        if not found.st_size:
            raise StoreDamagedError(
                f"journal: {self.name} is an empty file: it was truncated, or something else made it. Restore it from "
                "a backup, or delete it to begin a new store."
            )
        self._opener.writable = os.access(self._opener.path, os.W_OK) and os.access(self._opener.path.parent, os.W_OK)
        if self._file is not None and (found.st_dev, found.st_ino) != self._file:
            self._engine.dispose()  # connections to the file that was there before
            self._file = found.st_dev, found.st_ino

    def _begin(self, connection: sql.Connection) -> None:
        if not self._opener.writable:
            raise StoreAwayError(f"journal: {self.name} is read-only. Make it and its folder writable.")
        # SQLite's own waiting looks ten times a second, and may never find the moment between two busy writers.
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
        last, end = self._last(connection), time.monotonic() + self.patience
        while not self._begun(connection, is_last_time=time.monotonic() > end):
            if time.monotonic() > end:
                found = self._last(connection)
                end += self.patience if found != last else 0.0  # others get on: so shall we
                last = found
            time.sleep(random.uniform(0.001, 0.01))  # noqa: S311 - so that two do not meet again and again
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {_WAIT * 1000:.0f}")

    @staticmethod
    def _begun(connection: sql.Connection, is_last_time: bool) -> bool:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except sql.exc.OperationalError as error:
            if is_last_time or not _is_busy(error):
                raise
            return False
        return True

    def _last(self, connection: sql.Connection) -> int:
        """Number of the newest event, or -1 where it cannot be read now."""
        try:
            return int(connection.execute(sql.select(HEAD.c.last)).scalar_one())
        except sql.exc.SQLAlchemyError:
            return -1

    def _tidy_up(self, connection: sql.Connection) -> None:
        """Move what was written from the log into the file, unless somebody reads it now: copies then hold it."""
        try:
            if not self._opener.writable or not self._log.stat().st_size:
                return
        except OSError:
            return
        with suppress(sql.exc.SQLAlchemyError):
            connection.exec_driver_sql("PRAGMA busy_timeout = 0")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {_WAIT * 1000:.0f}")

    def _guards(self) -> Sequence[str]:
        return _GUARDS

    def _in_words(self, deed: str, error: Exception) -> JournalError:
        if isinstance(error, OSError):
            return StoreAwayError(
                f"journal: cannot {deed} {self.name}: {error.strerror or error}. Check its name, its folder, "
                "and the connection to it."
            )
        cause = getattr(error, "orig", None) or error
        primary = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if primary in _AWAY:
            return StoreAwayError(f"journal: cannot {deed} {self.name}: {cause}. {_AWAY[primary]}")
        if primary == sqlite3.SQLITE_NOTADB:
            return StoreDamagedError(
                f"journal: cannot {deed} {self.name}: {cause}. It is not a store of relabel_widget, or its beginning "
                "is damaged: restore it from a backup, or pass another path as store=."
            )
        return StoreDamagedError(f"journal: {self.name} is damaged or was truncated: {cause}. Restore a backup.")


class _Opener:
    """Opens connections to a file: apart from the store, which its engine must not keep alive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = not _on_a_network(path)
        self.writable = True

    def connect(self) -> sqlite3.Connection:
        """A connection in which nothing begins or ends a transaction but us."""
        if self.writable:
            connection = self._connect("mode=rw")
            connection.execute(f"PRAGMA synchronous = {'FULL' if self.log else 'EXTRA'}")
            return connection
        try:
            connection = self._connect("mode=ro")
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:  # the log needs a file beside it, which cannot be made here
            log = self.path.with_name(self.path.name + "-wal")
            if log.exists() and log.stat().st_size:
                raise StoreAwayError(
                    f"journal: cannot read all of the store {str(self.path)!r}: its newest decisions are in "
                    f"{log.name!r} beside it, which cannot be read in a folder that is read-only. Make the folder "
                    "writable, or copy both files to one that is."
                ) from None
            connection = self._connect("mode=ro&immutable=1")
        return connection

    def _connect(self, how: str) -> sqlite3.Connection:
        # The pool gives a connection to one thread at a time.
        address = f"{self.path.as_uri()}?{how}"
        return sqlite3.connect(address, timeout=_WAIT, isolation_level=None, check_same_thread=False, uri=True)


_AWAY = {
    sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and that it is not itself a folder.",
    sqlite3.SQLITE_FULL: "The disk is full: free some space.",
    sqlite3.SQLITE_READONLY: "It is read-only: make it and its folder writable.",
    sqlite3.SQLITE_BUSY: "Another process has locked it: close that process, or wait for it.",
    sqlite3.SQLITE_LOCKED: "Another process has locked it: close that process, or wait for it.",
    sqlite3.SQLITE_IOERR: "The disk does not answer as it should: check it, and the connection to it.",
    sqlite3.SQLITE_PERM: "Check its permissions.",
    sqlite3.SQLITE_AUTH: "Check its permissions.",
    sqlite3.SQLITE_NOLFS: "The file system does not hold files of this size.",
}


def _is_busy(error: sql.exc.OperationalError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _on_a_network(path: Path) -> bool:
    """Whether a folder lies on a network file system, as far as the system tells."""
    kinds = dict(_mounts())
    folder = path.parent
    with suppress(OSError):
        folder = folder.resolve()
    for place in (folder, *folder.parents):
        if str(place) in kinds:
            return _NETWORK.search(kinds[str(place)]) is not None
    return str(path).startswith("\\\\")


def _mounts() -> Iterator[tuple[str, str]]:
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return  # not Linux
    for line in lines:
        _, place, kind, *_ = line.split(" ")
        yield place.replace("\\040", " "), kind

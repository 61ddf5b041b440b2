"""A store in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import sqlalchemy as sql

from .base import JournalError, StoreAwayError, StoreDamagedError
from .sql_store import HEAD, SqlStore

_WAIT = 5  # seconds
# A connection of which nothing is heard any more ends, instead of being waited for; what the URL says goes first.
_NETWORK = {
    "connect_timeout": _WAIT,
    "keepalives": 1,
    "keepalives_idle": _WAIT,  # seconds without a word, then a question each
    "keepalives_interval": 2,  # so many seconds,
    "keepalives_count": 3,  # and so many of them
    "tcp_user_timeout": 2_000 * _WAIT,  # milliseconds until what was sent must have arrived (Linux)
}
_LOCK = 0x524C4244  # an arbitrary number of ours: who holds it makes the tables
_GUARDS = (
    "CREATE OR REPLACE FUNCTION relabel_events_stay() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'events are never changed or removed'; END $$",
    "CREATE TRIGGER relabel_events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON relabel_events "
    "FOR EACH STATEMENT EXECUTE FUNCTION relabel_events_stay()",
)


@final
class PostgresStore(SqlStore):
    """Events in the tables ``relabel_events``, ``relabel_store`` and ``relabel_data`` of one schema.

    Parameters
    ----------
    url
        ``postgresql://user:password@host/database``. The tables are made if they do not exist.

    Raises
    ------
    JournalError
        If the server cannot be reached, or the tables cannot be made.
    ImportError
        If psycopg is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            address = sql.make_url(url).set(drivername="postgresql+psycopg")
        except (sql.exc.ArgumentError, ValueError):
            raise JournalError(
                "journal: expected store= as postgresql://user:password@host/database, got a URL that cannot be read."
            ) from None  # what it could not read may be a part of the password
        if "@" in f"{address.host}{address.database}":
            raise JournalError(
                "journal: expected store= as postgresql://user:password@host/database, got a URL with another @ after "
                "the first. Write %40 for an @ in the password, and percent-encode : / and ? there, too."
            )
        shown = address.set(
            drivername="postgresql",
            query={name: value for name, value in address.query.items() if "password" not in name.lower()},
        )
        network = {name: value for name, value in _NETWORK.items() if name not in address.query}
        try:
            engine = sql.create_engine(
                address,
                isolation_level="READ COMMITTED",  # who has waited for another writer sees what it wrote
                pool_pre_ping=True,
                pool_size=2,
                connect_args={"client_encoding": "utf8", **network},
            )
        except ImportError as error:
            raise ImportError(
                "A store in PostgreSQL needs psycopg, which is not installed. Run: "
                'pip install "relabel-widget[postgres]"'
            ) from error
        sql.event.listen(engine, "connect", _limit_waiting)
        self.beside = Path.cwd() / f"relabel_widget-{address.database}"
        super().__init__(f"the store {shown.render_as_string()!r}", engine)
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self) -> None:
        with self._connected("open") as connection:
            if sql.inspect(connection).has_table(HEAD.name):
                return
            connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_LOCK)))
            if not sql.inspect(connection).has_table(HEAD.name):
                self._create(connection)
            connection.commit()

    def _begin(self, connection: sql.Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{self.patience * 1000:.0f}ms'")
        connection.execute(sql.select(HEAD.c.last).with_for_update())

    def _guards(self) -> Sequence[str]:
        return _GUARDS

    def _in_words(self, deed: str, error: Exception) -> JournalError:
        cause = getattr(error, "orig", None) or error
        code = str(getattr(cause, "sqlstate", "") or "")
        reason = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        for start, advice in _AWAY.items():
            if code.startswith(start):
                return StoreAwayError(f"journal: cannot {deed} {self.name}: {reason}. {advice}")
        if code:
            return StoreDamagedError(f"journal: cannot {deed} {self.name}: {reason}. Restore it from a backup.")
        return StoreAwayError(f"journal: cannot reach {self.name}: {reason}. Check server and network.")


def _limit_waiting(connection: Any, _: Any) -> None:
    """Have a reader, too, give up on tables that somebody locks altogether."""
    connection.execute(f"SET lock_timeout = '{_WAIT}s'")
    connection.commit()


_AWAY = {
    "08": "Check the connection to the server.",
    "25006": "It is read-only: connect to the server that takes writes.",
    "28": "Check user and password.",
    "3D": "Create the database, or pass another URL as store=.",
    "40": "Others wrote at the same time: try again.",
    "42501": "Ask for the right to read and write its tables.",
    "42P01": "Its tables were deleted: restore them from a backup.",
    "53": "The server lacks space or memory: free some.",
    "55P03": "Another process has locked it: close that process, or wait for it.",
    "57014": "The server allows no more time: another process may have locked it; close that process, or wait for it.",
    "57": "The server was stopped: start it again.",
}

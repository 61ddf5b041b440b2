"""What stores in SQLite and PostgreSQL have in common."""

from __future__ import annotations

import json
import secrets
import weakref
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count

import sqlalchemy as sql

from .base import JournalError, StoreAwayError, StoreDamagedError
from .records import START, Record, sound
from .store import VERSION, BehindError, Store

TABLES = sql.MetaData()
EVENTS = sql.Table(
    "relabel_events",
    TABLES,
    sql.Column("seq", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("uid", sql.Text, nullable=False, unique=True),
    sql.Column("time", sql.Text, nullable=False),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("body", sql.Text, nullable=False),
    sql.Column("digest", sql.Text, nullable=False),
)
HEAD = sql.Table(
    "relabel_store",
    TABLES,
    sql.Column("store", sql.Text, primary_key=True),  # a name that no other store has
    sql.Column("version", sql.Integer, nullable=False),
    sql.Column("last", sql.Integer, nullable=False),  # number and digest of the newest event: tells a store whose
    sql.Column("digest", sql.Text, nullable=False),  # newest events are missing from a shorter one
)
DATA = sql.Table(
    "relabel_data",
    TABLES,
    sql.Column("sample", sql.Text, primary_key=True),  # by which the data is recognised that decisions were made about
)


class SqlStore(Store):
    """A store in a database.

    Parameters
    ----------
    name
        How messages name it.
    engine
        Connects to it.
    """

    def __init__(self, name: str, engine: sql.Engine) -> None:
        self.name = name
        self._engine = engine
        self._samples: set[str] = set()  # that were written
        # Closes the connections of a store that was never closed, in whichever thread drops it last.
        self._dispose = weakref.finalize(self, engine.dispose)

    def close(self) -> None:
        """Let go of it."""
        self._dispose()

    def exchange(self, after: int, digest: str, drafts: Sequence[Record], sample: str) -> list[Record]:
        """As `Store` says."""
        if not drafts:
            with self._connected("read") as connection:
                records = self._news(connection, after, digest)
                self._tidy_up(connection)
            return records
        with self._connected("write to") as connection:
            self._begin(connection)
            records = self._news(connection, after, digest)
            _extend(records, drafts, after, digest)
            self._commit(connection, records, sample)
        return records

    def begin(self, drafts: Sequence[Record], sample: str) -> list[Record] | None:
        """As `Store` says."""
        records: list[Record] = []
        with self._connected("write to") as connection:
            self._begin(connection)
            if self._news(connection, 0, START):
                return None
            _extend(records, drafts, 0, START)
            self._commit(connection, records, sample)
        return records

    def _commit(self, connection: sql.Connection, records: list[Record], sample: str) -> None:
        self._write(connection, records, sample)
        connection.commit()
        if records:
            self._samples.add(sample)
            self._remember(records[-1])

    def _news(self, connection: sql.Connection, after: int, digest: str) -> list[Record]:
        """Records after a known one; how many there must be is written apart from them."""
        store, version, last, newest = self._head(connection)
        is_opening = not self.key
        self._check(store, version)
        if is_opening:
            self._check_end(connection, last)
        if last < after:
            raise BehindError(
                f"journal: {self.name} has {last} events, but this workbench has read {after} from it: an older copy "
                "was put in its place.",
                last,
                newest,
            )
        if last == after:
            if newest != digest:
                raise StoreDamagedError(self._damaged(after))
            return []
        wanted = (EVENTS.c.seq > after) & (EVENTS.c.seq <= last)
        rows = connection.execute(sql.select(EVENTS).where(wanted).order_by(EVENTS.c.seq))
        records = list(map(Record._make, rows.all()))
        good = sound(records, after, digest)
        if len(good) != last - after or good[-1].digest != newest:
            raise StoreDamagedError(self._damaged(after + len(good)))
        return good

    def _check(self, store: str, version: int) -> None:
        if version > VERSION:
            raise JournalError(
                f"journal: expected {self.name} in format {VERSION} or older, got format {version}: it was written by "
                "a newer relabel_widget. Run `pip install --upgrade relabel-widget`, or pass another store=."
            )
        if self.key and store != self.key:
            raise StoreAwayError(
                f"journal: {self.name} is another store now than the one that this workbench opened. Put the first one "
                "back, or write the decisions to a new place with Workbench.store_as(path)."
            )
        self.key = store

    def _head(self, connection: sql.Connection) -> tuple[str, int, int, str]:
        # In one statement, so that nobody writes between the two.
        newest = sql.select(sql.func.coalesce(sql.func.max(EVENTS.c.seq), 0)).scalar_subquery()
        found = connection.execute(sql.select(HEAD, newest)).all()
        if len(found) != 1 or [type(value) for value in found[0]] != [str, int, int, str, int]:
            raise StoreDamagedError(self._damaged(0))
        store, version, last, digest, newest_event = found[0]
        if newest_event > last and version <= VERSION:
            raise StoreDamagedError(self._damaged(last))
        return store, version, last, digest

    def _write(self, connection: sql.Connection, records: list[Record], sample: str) -> None:
        (last,) = connection.execute(sql.select(HEAD.c.last)).one()
        news = [record for record in records if record.seq > last]
        if not news:
            return
        connection.execute(sql.insert(EVENTS), [record._asdict() for record in news])
        connection.execute(sql.update(HEAD).values(last=news[-1].seq, digest=news[-1].digest))
        if sample in self._samples:
            return
        if connection.execute(sql.select(DATA).where(DATA.c.sample == sample)).first() is None:
            connection.execute(sql.insert(DATA).values(sample=sample))

    def one_by_one(self) -> Iterator[Record]:
        """As `Store` says."""
        for seq in count(1):
            try:
                with self._connected("read") as connection:
                    found = connection.execute(sql.select(EVENTS).where(EVENTS.c.seq == seq)).first()
            except JournalError:
                return
            if found is None:
                return
            yield Record(*found)

    def samples(self) -> list[list[str]]:
        """As `Store` says; what is damaged recognises nothing."""
        with self._connected("read") as connection:
            found = [sample for (sample,) in connection.execute(sql.select(DATA))]
        samples = []
        for text in found:
            try:
                samples.append([str(one) for one in json.loads(text)])
            except (ValueError, TypeError):
                samples.append([])
        return samples

    def _damaged(self, good: int) -> str:
        return (
            f"journal: {self.name} is damaged: after event {good} it holds something that relabel_widget did not write "
            "there, or lacks what it wrote."
        )

    def _fill(self, connection: sql.Connection, drafts: Sequence[Record], sample: str) -> None:
        """Make the tables, and write the first records."""
        self._create(connection)
        records: list[Record] = []
        _extend(records, drafts, 0, START)
        self._write(connection, records, sample)

    def _create(self, connection: sql.Connection) -> None:
        """Tables of a new store, whose events nobody changes or removes."""
        TABLES.create_all(connection)
        for statement in self._guards():
            connection.exec_driver_sql(statement)
        connection.execute(sql.insert(HEAD).values(store=secrets.token_hex(16), version=VERSION, last=0, digest=START))

    @contextmanager
    def _connected(self, deed: str) -> Iterator[sql.Connection]:
        """A connection whose errors are ours; what was not committed is rolled back."""
        try:
            self._check_presence()
            with self._engine.connect() as connection:
                yield connection
        except (sql.exc.SQLAlchemyError, OSError, ValueError, OverflowError) as error:
            raise self._in_words(deed, error) from error

    # What differs between engines

    def _check_presence(self) -> None:
        """Refuse what stands no longer where it was opened."""

    def _begin(self, connection: sql.Connection) -> None:
        """Begin a transaction that nobody else's can come between."""

    def _remember(self, newest: Record) -> None:
        """Note apart from the database what it has just taken for good."""

    def _check_end(self, connection: sql.Connection, last: int) -> None:
        """Refuse a store without what was remembered of it."""

    def _tidy_up(self, connection: sql.Connection) -> None:
        """Do what writes leave to be done when nobody waits."""

    @abstractmethod
    def _guards(self) -> Sequence[str]:
        """Statements that keep events from being changed or removed."""

    @abstractmethod
    def _in_words(self, deed: str, error: Exception) -> JournalError:
        """An error of the engine as one of ours."""


def _extend(records: list[Record], drafts: Sequence[Record], after: int, digest: str) -> None:
    """Put drafts behind the records that follow a known one, unless they are among them."""
    written = {record.uid for record in records}
    for draft in drafts:
        if draft.uid not in written:
            last = records[-1].digest if records else digest
            records.append(draft.after(after + len(records), last))

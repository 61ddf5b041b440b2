"""Events in order: those that the store has, then those that wait for it."""

from __future__ import annotations

import atexit
import gc
import json
import os
import re
import secrets
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import final
from urllib.parse import quote, urlencode

from ..arguments import as_path
from . import leftovers
from .base import JournalError, StoreAwayError, StoreDamagedError
from .events import DECISIONS, Event, Kind
from .identity import Rows
from .records import START, Record, recorded, restored, sound, understood
from .state import State, fold
from .store import BehindError, Store

Place = str | os.PathLike[str]

PATIENT, BRIEF = 5.0, 0.2
"""Seconds that a write waits for others, and that it does once the store has not answered."""

# A slash too few makes no path of what may hold a password, which messages about paths would show.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://|postgres(ql)?(\+\w+)?:")
# What libpq's own tools take, too: "host=db dbname=labels".
_DSN = re.compile(r"\s*(host|hostaddr|port|dbname|user|password|service|sslmode|passfile|options|connect_timeout)\s*=")
_PART_OF_DSN = re.compile(r"(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S*))")


def open_store(place: Place) -> Store:
    """The store at a path (SQLite) or URL (PostgreSQL), made if it does not exist.

    Raises
    ------
    JournalError
        If it cannot be opened.
    ImportError
        If it is in PostgreSQL, and psycopg is not installed.
    """
    if place == "":
        raise JournalError(
            "journal: expected a path or URL as store=, got an empty one. Pass a path, or None to keep decisions in "
            "memory."
        )
    if isinstance(place, str) and _URL.match(place.strip()):
        place = place.strip()
        if not re.match(r"postgres(ql)?(\+psycopg)?://", place):
            start = re.match(r"[^:]*:/*", place)
            assert start is not None
            raise JournalError(
                f"journal: expected store= as a path or a URL that begins with postgresql://, got one that begins "
                f"with {start.group()}."
            )
        from .postgres import PostgresStore

        return PostgresStore(place.replace("postgres://", "postgresql://", 1))
    if isinstance(place, str) and _DSN.match(place):
        raise JournalError(
            f"journal: expected store= as a path or a URL, got the parts of a connection. Write {_as_url(place)!r}; "
            "for a file of that name, pass a pathlib.Path."
        )
    path = as_path(place, who="Workbench: store")
    from .sqlite import SqliteStore

    return SqliteStore(path)


def _as_url(place: str) -> str:
    """The URL that says the same as a text of libpq's, without its password."""
    parts = {name: re.sub(r"\\(.)", r"\1", quoted) or bare for name, quoted, bare in _PART_OF_DSN.findall(place)}
    host, port = parts.pop("host", parts.pop("hostaddr", "localhost")), parts.pop("port", "")
    user, name = parts.pop("user", "user"), parts.pop("dbname", "database")
    secret = ":password" if parts.pop("password", "") else ""
    rest = urlencode(parts, quote_via=quote)
    where = f"{quote(host, safe='')}:{port}" if port else quote(host, safe="")
    return f"postgresql://{quote(user, safe='')}{secret}@{where}/{quote(name, safe='')}{'?' if rest else ''}{rest}"


@final
class Journal:
    """An append-only list of events about the training rows at hand, and the state that they add up to. Thread-safe.

    What is read of it is in memory: no reader waits for the store. An event that the store does not take at present
    counts as well; it waits, and is written when the store takes it. While events wait, the journal lives on even if
    nobody refers to it; at the end of the process it tries once more, and leaves them in a file otherwise.

    Parameters
    ----------
    rows
        The training rows.
    place
        Path or URL of the store, which other workbenches may use at the same time; None keeps events in memory only.

    Attributes
    ----------
    notices
        What was out of the ordinary when the store was opened.
    state
        What the events add up to.

    Raises
    ------
    JournalError
        If the store cannot be opened, none of its decisions can be read, or it is of other data.
    """

    def __init__(self, rows: Rows, place: Place | None) -> None:
        self._rows = rows
        self._exchanging = threading.Lock()  # held while the store works; who only reads never waits for it
        self._store: Store | None = None
        self._records: list[Record] = []
        self._written: tuple[Event, ...] = ()
        self._waiting: tuple[Event, ...] = ()
        self._base = State()
        self._uids: dict[str, Event] = {}
        self._closed = False
        self._damage = ""
        self._away = ""
        self._left: Path | None = None
        self.notices: list[str] = []
        self.state = State()
        if place is not None:
            self._store = open_store(place)
            try:
                self._take_up(self._store)
            except BaseException:
                self._store.close()
                raise

    # Reading

    @property
    def rows(self) -> Rows:
        """The training rows."""
        return self._rows

    def events(self) -> tuple[Event, ...]:
        """All events, oldest first."""
        return (*self._written, *self._waiting)

    @property
    def as_of(self) -> int:
        """Number of the newest event that may have changed labels; 0 before the first one."""
        steps = DECISIONS | {Kind.UNDO, Kind.REDO}
        return next((event.seq for event in reversed(self.events()) if event.kind in steps), 0)

    @property
    def trouble(self) -> str:
        """What is wrong with the store at present, and what becomes of events that wait; empty if all is well."""
        trouble = self._damage or self._away
        if self._closed:
            return f"{trouble} {self._after_closing()}" if self._waiting else self._damage
        if not trouble or not self._waiting:
            return trouble
        things = "1 event is" if len(self._waiting) == 1 else f"{len(self._waiting)} events are"
        until = "write them to a new place with Workbench.store_as(path)" if self._damage else "they are written then"
        return f"{trouble} Until then {things} kept in memory only; {until}."

    def _after_closing(self) -> str:
        number = _events(len(self._waiting))
        if self._left is None:
            return (
                f"When the workbench was closed, {number} kept in memory only, and could not be left in a file beside "
                "the store either: write them to a new place with Workbench.store_as(path)."
            )
        return (
            f"When the workbench was closed, {number} left in {str(self._left)!r}: the next workbench on this store "
            "writes them."
        )

    @property
    def note(self) -> str:
        """What is worth knowing about how the store works; empty if nothing is."""
        return "" if self._store is None else self._store.note

    @property
    def is_shared(self) -> bool:
        """Whether others may write where this journal does."""
        return self._store is not None and not self._closed

    @property
    def n_waiting(self) -> int:
        """Number of events that the store has not taken."""
        return len(self._waiting)

    def known(self, uid: str) -> Event | None:
        """The event of that uid, if there is one."""
        return self._uids.get(uid)

    # Writing

    def append(self, event: Event) -> Event:
        """Record an event, and return it with its number and UTC time; one of a known uid is recorded already.

        When this returns the event is on disk, or `trouble` says why not.

        Raises
        ------
        JournalError
            If the journal was closed.
        ValueError
            If it holds a number that JSON does not have.
        """
        with self._exchanging:
            if self._closed:
                raise JournalError(
                    "journal: expected an open store, but this workbench was closed. Nothing was recorded. Make a new "
                    "Workbench on the store to continue."
                )
            if event.uid in self._uids:
                return self._uids[event.uid]
            codes = self._rows.codes
            event = event._replace(
                uid=event.uid or secrets.token_hex(12),
                time=datetime.now(UTC),
                original=tuple(int(codes[row]) for row in event.rows),
            )
            if self._store is None:
                self._count((event,), ())
            else:
                self._try((*self._waiting, event))
            return self._uids[event.uid]

    def refresh(self) -> bool:
        """Take up what others have written meanwhile, and write what waits; whether the state is another one now."""
        with self._exchanging:
            before = self.state
            if self.is_shared:
                self._try(self._waiting)
            return self.state is not before

    def store_as(self, place: Place) -> None:
        """Write all events to a new store, and keep them there from now on.

        Raises
        ------
        JournalError
            If there is a store already that holds events, or it cannot be written. All stays as it is then.
        """
        with self._exchanging:
            store = open_store(place)
            try:
                drafts = [*self._records, *(self._record(event) for event in self.events()[len(self._records) :])]
                records = None if store.older() is not None else store.begin(drafts, self._sample())
                if records is None:
                    raise JournalError(f"store_as: {store.name} holds events already. Choose another place.")
            except BaseException:
                store.close()
                raise
            if self._store is not None:
                self._store.close()
            self._store, self._damage, self._away, self._closed = store, "", "", False
            self._records = records
            self._count(self._waiting, ())

    def close(self) -> None:
        """Write what waits, and let go of the store. What is known can still be read.

        What the store does not take now is left in a file beside it, from where the next opening takes it in.
        """
        with self._exchanging:
            if self.is_shared and self._waiting:
                self._try(self._waiting)
                self._leave()
            self._closed = True
            _UNWRITTEN.discard(self)
            if self._store is not None:
                self._store.close()

    def _leave(self) -> None:
        """Leave what waits in a file."""
        if not self._waiting:
            return
        assert self._store is not None
        drafts = [self._record(event) for event in self._waiting]
        with suppress(OSError):
            self._left = leftovers.leave(self._store.beside, leftovers.Left(self._store.key, self._sample(), drafts))

    def last_word(self) -> str:
        """Close it at the end of the process, and say what becomes of events that wait; empty if none do."""
        self.close()
        if not self._waiting or self._left is not None:
            return self.trouble
        return f"{self._damage or self._away} {_events(len(self._waiting))} not written anywhere, and are lost."

    def _record(self, event: Event) -> Record:
        return recorded(event, self._rows)

    def _sample(self) -> str:
        return json.dumps(self._rows.sample)

    def _try(self, waiting: tuple[Event, ...]) -> None:
        """Exchange news with the store, or keep what waits until that is possible."""
        assert self._store is not None
        drafts = [self._record(event) for event in waiting]
        if not self._damage:
            # Who decides does not wait again for a store that was not there a moment ago.
            self._store.patience = BRIEF if self._away else PATIENT
            try:
                self._exchange(drafts, waiting)
            except StoreDamagedError as error:
                self._damage = f"{error} Nothing is written to it any more."
            except JournalError as error:
                self._away = str(error)
            else:
                return
        self._count((), waiting)

    def _exchange(self, drafts: Sequence[Record], waiting: tuple[Event, ...]) -> None:
        assert self._store is not None
        last = len(self._records)
        digest = self._records[-1].digest if self._records else START
        sample = self._sample() if drafts else ""
        try:
            records = self._store.exchange(last, digest, drafts, sample)
        except BehindError as behind:
            kept = self._records[behind.last - 1].digest if behind.last else START
            if behind.digest != kept:
                raise StoreAwayError(f"{behind} Its events are others than those that were read from it.") from behind
            missing = self._records[behind.last :]
            self._store.exchange(behind.last, kept, missing, sample or self._sample())
            records = self._store.exchange(last, digest, drafts, sample)
        self._away = ""
        if records or waiting != self._waiting:
            good = understood(records, self._rows)
            self._records += good
            self._count(restored(good, self._rows), waiting if len(good) < len(records) else ())
            restored(records[len(good) :], self._rows)  # raises

    def _count(self, written: Iterable[Event], waiting: tuple[Event, ...]) -> None:
        """Let events count: some that were written, then those that wait."""
        first = len(self._written) + 1
        news = [event._replace(seq=seq) if event.seq != seq else event for seq, event in enumerate(written, first)]
        if not news and waiting == self._waiting:
            return
        self._written = (*self._written, *news)
        first = len(self._written) + 1
        self._waiting = tuple(event._replace(seq=seq) for seq, event in enumerate(waiting, first))
        if self._waiting and self._store is not None:
            _UNWRITTEN.add(self)
        else:
            _UNWRITTEN.discard(self)
        self._base = fold(news, self._rows.codes, self._base) if news else self._base
        self._uids.update((event.uid, event) for event in (*news, *self._waiting))
        self.state = fold(self._waiting, self._rows.codes, self._base) if self._waiting else self._base

    # Opening

    def _take_up(self, store: Store) -> None:
        with _uncollected():
            try:
                self._bring_forward(store)
                records = store.exchange(0, START, (), "")
                events = restored(records, self._rows)
            except StoreDamagedError as error:
                records = self._readable(store, error)
                events = restored(records, self._rows)
            self._check_data(store, events)
            self._records = records
            self._count(events, ())
        self.notices += [store.notice] if store.notice else []
        self._take_in(store)

    def _take_in(self, store: Store) -> None:
        """Write what earlier workbenches could not, and left in files."""
        for path, left in leftovers.found(store.beside):
            if left is None or left.store != store.key:
                what = "is damaged" if left is None else "is of another store"
                self.notices.append(f"journal: {str(path)!r} {what}: the events in it were not taken in.")
                continue
            if self._damage:
                self.notices.append(f"journal: the events in {str(path)!r} wait until {store.name} is whole again.")
                continue
            drafts = [draft for draft in left.drafts if draft.uid not in self._uids]
            store.patience = BRIEF
            try:
                if drafts:
                    self._exchange(drafts, ())
                path.unlink()
            except (JournalError, OSError) as error:
                self.notices.append(f"{error} The events in {str(path)!r} are not written yet.")
                continue
            written = f"{_events(len(drafts))} written" if drafts else "nothing was left to write"
            self.notices.append(f"journal: {str(path)!r} was taken into {store.name}: {written}.")

    def _bring_forward(self, store: Store) -> None:
        """Write the events of a store of an older format in the present one, too."""
        older = store.older()
        if older is not None:
            store.migrate(older.records(self._rows, self._rows.fingerprint()), self._sample())
            self.notices.append(
                f"journal: {store.name} was written by an older relabel_widget, which kept no texts or features, and "
                "was brought to the present format. Ids, original labels and their order are the same as then; whether "
                "the rows hold the same is not known, and the decisions count for what they hold now. If they were "
                "edited since, look through Workbench.decisions()."
            )

    def _readable(self, store: Store, error: StoreDamagedError) -> list[Record]:
        """The good events of a damaged store: those before the first that is not as it was written."""
        records = understood(sound(store.one_by_one(), 0, START), self._rows)
        decided = sum(record.kind in {kind.value for kind in DECISIONS} for record in records)
        if not decided:
            raise JournalError(
                f"{error} No decision before that can be read. Restore the store from a backup, or pass another one."
            ) from error
        self._damage = (
            f"{error} Its first {len(records)} events are as they were written and count here, {decided} decisions "
            "among them; what came after them is not known, and nothing is written to it any more. Restore it from a "
            "backup, or go on in a new place with Workbench.store_as(path)."
        )
        return records

    def _check_data(self, store: Store, events: Sequence[Event]) -> None:
        """Refuse a store none of whose rows are here."""
        decided = [row for event in events for row in event.rows]
        if not decided or any(row >= 0 for row in decided):
            return
        known = {one for sample in store.samples() for one in sample}
        if not known & set(self._rows.sample):
            raise JournalError(
                f"journal: expected the data that {store.name} was made for, got data that shares no row with it. Load "
                "that data, or pass another store=."
            )


_UNWRITTEN: set[Journal] = set()
"""Journals with events that wait for their stores: kept alive here, whoever drops them."""


@atexit.register
def _write_at_last() -> None:
    """Try once more at the end of the process, and say what became of it."""
    for words in [journal.last_word() for journal in list(_UNWRITTEN)]:
        if words:
            sys.stderr.write(f"relabel_widget: {words}\n")


def _events(number: int) -> str:
    return "1 event was" if number == 1 else f"{number} events were"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles, which looks at all events again and again while they are read."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

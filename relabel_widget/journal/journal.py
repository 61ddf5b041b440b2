"""Events in order: those that the store has, then those that wait for it."""

from __future__ import annotations

import gc
import json
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import final

from ..arguments import as_path
from .base import JournalError, StoreAwayError, StoreDamagedError
from .events import DECISIONS, Event, Kind
from .identity import Rows
from .records import START, Record, recorded, restored, sound
from .state import State, fold
from .store import BehindError, Store

Place = str | os.PathLike[str]

PATIENT, BRIEF = 5.0, 0.2
"""Seconds that a write waits for others, and that it does once the store has not answered."""

# A slash too few makes no path of what may hold a password, which messages about paths would show.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://|postgres(ql)?(\+\w+)?:")


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
    path = as_path(place, who="Workbench: store")
    from .sqlite import SqliteStore

    return SqliteStore(path)


@final
class Journal:
    """An append-only list of events about the training rows at hand, and the state that they add up to. Thread-safe.

    What is read of it is in memory: no reader waits for the store. An event that the store does not take at present
    counts as well; it waits, and is written when the store takes it.

    Parameters
    ----------
    rows
        The training rows.
    place
        Path or URL of the store, which other workbenches may use at the same time; None keeps events in memory only.

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
        """What is wrong with the store at present, and how many events wait for it; empty if all is well."""
        trouble = self._damage or self._away
        number = len(self._waiting)
        if not trouble or not number:
            return trouble
        things = "1 event is" if number == 1 else f"{number} events are"
        until = "write them to a new place with Workbench.store_as(path)" if self._damage else "they are written then"
        return f"{trouble} Until then {things} kept in memory only; {until}."

    @property
    def note(self) -> str:
        """What is worth knowing about how the store works; empty if nothing is."""
        return "" if self._store is None else self._store.note

    @property
    def is_shared(self) -> bool:
        """Whether others may write where this journal does."""
        return self._store is not None and not self._closed

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
                if store.older() is not None or store.exchange(0, START, (), ""):
                    raise JournalError(f"store_as: {store.name} holds events already. Choose another place.")
                records = store.exchange(0, START, drafts, self._sample())
            except BaseException:
                store.close()
                raise
            if self._store is not None:
                self._store.close()
            self._store, self._damage, self._away, self._closed = store, "", "", False
            self._records = records
            self._count(self._waiting, ())

    def close(self) -> None:
        """Write what waits, if that is possible now, and let go of the store. What is known can still be read."""
        with self._exchanging:
            if self.is_shared and self._waiting:
                self._try(self._waiting)
            self._closed = True
            if self._store is not None:
                self._store.close()

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
            events = restored(records, self._rows)
            self._records += records
            self._count(events, ())

    def _count(self, written: Iterable[Event], waiting: tuple[Event, ...]) -> None:
        """Let events count: some that were written, then those that wait."""
        first = len(self._written) + 1
        news = [event._replace(seq=seq) if event.seq != seq else event for seq, event in enumerate(written, first)]
        if not news and waiting == self._waiting:
            return
        self._written = (*self._written, *news)
        first = len(self._written) + 1
        self._waiting = tuple(event._replace(seq=seq) for seq, event in enumerate(waiting, first))
        self._base = fold(news, self._rows.codes, self._base) if news else self._base
        self._uids.update((event.uid, event) for event in (*news, *self._waiting))
        self.state = fold(self._waiting, self._rows.codes, self._base) if self._waiting else self._base

    # Opening

    def _take_up(self, store: Store) -> None:
        try:
            self._bring_forward(store)
            records = store.exchange(0, START, (), "")
        except StoreDamagedError as error:
            records = self._readable(store, error)
        with _uncollected():
            events = restored(records, self._rows)
            self._check_data(store, events)
            self._records = records
            self._count(events, ())

    def _bring_forward(self, store: Store) -> None:
        """Write the events of a store of an older format in the present one, too."""
        older = store.older()
        if older is not None:
            store.migrate(older.records(self._rows, self._rows.fingerprint()), self._sample())

    def _readable(self, store: Store, error: StoreDamagedError) -> list[Record]:
        """The good events of a damaged store: those before the first that is not as it was written."""
        records = sound(store.one_by_one(), 0, START)
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

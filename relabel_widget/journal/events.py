"""The closed list of events on a workbench, in terms of the rows and classes of the data at hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

Detail: TypeAlias = str | int | float | None

UNRECORDED = datetime.min.replace(tzinfo=UTC)
"""The time of an event that no journal has recorded yet."""


class Kind(StrEnum):
    """The kind of an event. The values are written to stores: never rename one."""

    RELABEL = "relabel"
    UNDO = "undo"
    REDO = "redo"
    VERIFY = "verify"
    EXPORT = "export"
    KEEP = "keep"
    UNSURE = "unsure"
    ADJUDICATE = "adjudicate"
    IMPORT = "import"


DECISIONS = frozenset({Kind.RELABEL, Kind.KEEP, Kind.UNSURE, Kind.ADJUDICATE, Kind.IMPORT})
"""Decisions about training rows, which can be undone."""


class Imported(NamedTuple):
    """What a decision was elsewhere: its kind, who made it, why, and when (None: not known)."""

    kind: Kind
    annotator: str
    note: str
    time: datetime | None


class Event(NamedTuple):
    """One event, made by `relabelled`, `judged`, `imported`, `step`, `verified` or `exported`.

    Parameters
    ----------
    kind
        One of the closed list.
    annotator
        Who did it; may be empty.
    rows, before, after
        For a decision: training rows and their class codes before and after it, all of the same length. Rows marked
        as kept or unsure have their original codes afterwards. An import may have a row several times, once for each
        person. Read from a store, rows that the data at hand does not
        have are negative numbers, and so are labels that are none of its classes.
    note
        For a decision: the reason.
    target
        For an undo or redo: ``uid`` of the decision that is undone or redone.
    details
        For a verification or an export: its summary. For an import: its source. For another decision: the reason for
        it that was known, a query and its flip set.
    original
        For a decision: the class codes that the data gave to its rows when it was made. Set by the journal.
    session
        Tells annotators without a name apart; empty where there is a name.
    uid
        Names the event for good. Appending an event of a known uid does nothing. Empty: the journal makes one.
    seq, time
        Position in the journal, from 1, and time in UTC. Both are set by the journal; before that they are 0 and
        `UNRECORDED`.
    items
        For an import: what each of its rows' decisions was elsewhere.
    """

    kind: Kind
    annotator: str = ""
    rows: tuple[int, ...] = ()
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    note: str = ""
    target: str = ""
    details: Mapping[str, Detail] = MappingProxyType({})
    original: tuple[int, ...] = ()
    session: str = ""
    uid: str = ""
    seq: int = 0
    time: datetime = UNRECORDED
    items: tuple[Imported, ...] = ()

    @property
    def person(self) -> str:
        """Whose undo and redo this event belongs to: the annotator, or the session of one without a name."""
        return self.annotator or f"\0{self.session}"

    def on(self, place: int) -> Event:
        """The decision on the row at a place: this one, or the one that it brings from elsewhere."""
        if not self.items:
            return self
        kind, annotator, note, time = self.items[place]
        return self._replace(kind=kind, annotator=annotator, note=note, time=time or self.time, items=())


def check_text(name: str, text: object) -> None:
    """Refuse text that cannot be encoded as UTF-8.

    Raises
    ------
    TypeError
        If it is not a string.
    ValueError
        If it holds half of a surrogate pair.
    """
    if not isinstance(text, str):
        own = name.rpartition(": ")[2]
        raise TypeError(f"{name}: expected a string, got {type(text).__name__}. Pass str({own}).")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}: expected text that can be written as UTF-8, got half of a surrogate pair at character "
            f"{error.start}. Pass text.encode(errors='replace').decode()."
        ) from error


def relabelled(
    rows: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...], *, note: str, annotator: str
) -> Event:
    """Relabelled rows, with their class codes before and after."""
    return judged(Kind.RELABEL, rows, before, after, note=note, annotator=annotator)


def judged(
    kind: Kind, rows: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...], *, note: str, annotator: str
) -> Event:
    """A decision about rows, with their class codes before and after."""
    assert kind in DECISIONS
    assert len(rows) == len(before) == len(after)
    check_text("note", note)
    check_text("annotator", annotator)
    return Event(kind, annotator, rows, before, after, note)


def imported(
    rows: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    items: tuple[Imported, ...],
    *,
    source: str,
    annotator: str,
) -> Event:
    """Decisions from elsewhere, with the class codes of their rows before and after; ``annotator`` brings them."""
    assert len(rows) == len(before) == len(after) == len(items)
    for item in items:
        assert item.kind in DECISIONS - {Kind.IMPORT}
        check_text("note", item.note)
        check_text("annotator", item.annotator)
    check_text("source", source)
    return Event(Kind.IMPORT, annotator, rows, before, after, details={"source": source}, items=items)


def step(kind: Kind, target: str, *, annotator: str) -> Event:
    """The undo or redo of the decision with uid ``target``."""
    assert kind in {Kind.UNDO, Kind.REDO}
    return Event(kind, annotator, target=target)


def verified(details: Mapping[str, Detail], *, annotator: str) -> Event:
    """A refit with all current relabels."""
    return Event(Kind.VERIFY, annotator, details=details)


def exported(path: str, count: int, digest: str = "", as_of: int = 0, what: str = "", *, annotator: str) -> Event:
    """An export of ``count`` corrected labels to ``path``, true of event ``as_of``; the digest is the file's.

    ``what`` is "all" where all decisions were exported.
    """
    details: Mapping[str, Detail] = {"path": path, "count": count, "digest": digest, "as_of": as_of}
    details = {**details, "what": what} if what else details
    return Event(Kind.EXPORT, annotator, details=details)

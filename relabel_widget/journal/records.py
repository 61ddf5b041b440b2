"""What a store keeps of an event, and the chain of digests that tells damage from data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from .base import StoreDamagedError
from .events import DECISIONS, Event, Imported, Kind
from .identity import LABEL, Rows

_KINDS = {kind.value: kind for kind in Kind}

_NO_DETAILS: dict[str, Any] = {}
_decode = json.JSONDecoder().raw_decode

START = ""
"""The digest before the first event."""


class Record(NamedTuple):
    """An event as stores keep it: texts alone, so that every engine gives back what it was given.

    Attributes
    ----------
    seq
        Position, from 1; 0 before it is written.
    uid, time, kind
        The event's, time in ISO 8601.
    body
        The rest of the event as ASCII JSON, with rows by name and labels by value.
    digest
        SHA-256 of the previous record's digest and of all that stands here; empty before it is written.
    """

    seq: int
    uid: str
    time: str
    kind: str
    body: str
    digest: str = ""

    def after(self, seq: int, digest: str) -> Record:
        """This record as the one that follows another."""
        return self._replace(seq=seq + 1, digest=_chained(digest, seq + 1, self))


def _chained(previous: str, seq: int, record: Record) -> str:
    _, uid, time, kind, body, _ = record
    # Lengths keep apart what runs together; str and errors="replace": damage must not raise anything of its own.
    lengths = f"{len(str(uid))} {len(str(time))} {len(str(kind))}"
    return sha256(f"{previous} {seq} {lengths} {uid}{time}{kind}{body}".encode(errors="replace")).hexdigest()


def sound(records: Iterable[Record], seq: int, digest: str) -> list[Record]:
    """The records up to the first that does not follow the one before it."""
    good = []
    for record in records:
        if record.seq != seq + 1 or record.digest != _chained(digest, record.seq, record):
            break
        good.append(record)
        seq, digest = record.seq, record.digest
    return good


def recorded(event: Event, rows: Rows) -> Record:
    """An event as it is written, not yet in a place.

    Raises
    ------
    ValueError
        If a detail is a number that JSON does not have.
    """
    body: dict[str, Any] = {"annotator": event.annotator}
    if not event.annotator:
        body["session"] = event.session
    if event.kind in DECISIONS:
        labels = {name: [rows.label(code) for code in getattr(event, name)] for name in ("before", "after")}
        names = [name[:-1] for name in rows.names(event.rows)]
        body |= {"rows": event.rows, "names": names, **labels, "note": event.note}
        if event.items:
            body["items"] = [(*item[:3], item.time and item.time.isoformat()) for item in event.items]
        if event.details:
            body["details"] = dict(event.details)
    elif event.kind in {Kind.UNDO, Kind.REDO}:
        body["target"] = event.target
    else:
        body["details"] = dict(event.details)
    return Record(0, event.uid, event.time.isoformat(), event.kind.value, json.dumps(body, allow_nan=False))


def restored(records: Sequence[Record], rows: Rows) -> list[Event]:
    """Records as events about the data at hand.

    Raises
    ------
    StoreDamagedError
        If one of them is not as `recorded` writes them, though it may be in the chain: another tool wrote it.
    """
    try:
        bodies = [_body(record) for record in records]
        names: list[tuple[Any, int]] = []
        for body in bodies:
            if "names" in body:
                names += zip(body["names"], body["rows"], strict=True)
        found = iter(rows.find(names))
        return [_restored(record, body, found, rows) for record, body in zip(records, bodies, strict=True)]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        bad = records[len(understood(records, rows)) if len(records) > 1 else 0]
        raise StoreDamagedError(
            f"journal: expected event {bad.seq} to be one of {', '.join(Kind)}, as this version writes them, got "
            f"kind {bad.kind!r} with {bad.body[:200]!r}. Install the newest relabel-widget, or restore the "
            "store from a backup."
        ) from error


def understood(records: Sequence[Record], rows: Rows) -> list[Record]:
    """The records up to the first that `restored` refuses."""
    good = []
    for record in records:
        try:
            restored([record], rows)
        except StoreDamagedError:
            break
        good.append(record)
    return good


def _body(record: Record) -> dict[str, Any]:
    body: dict[str, Any]
    body, end = _decode(record.body)
    if end != len(record.body):
        raise ValueError("expected one JSON value")
    body["kind"] = kind = _KINDS[record.kind]
    body["time"] = _time(record.time)
    body["items"] = items = tuple([_item(*item) for item in body.get("items", ())])
    if (kind in DECISIONS) != ("names" in body) or (kind is Kind.IMPORT) != bool(items):
        raise ValueError("expected rows of decisions alone, and items of imports")
    if items and len(items) != len(body["names"]):
        raise ValueError("expected an item for each row")
    return body


def _restored(record: Record, body: dict[str, Any], found: Iterator[int], rows: Rows) -> Event:
    code, names, of = rows.code, body.get("names", ()), body.get
    event = Event(
        body["kind"],
        body["annotator"],
        tuple([next(found) for _ in names]),
        tuple([code(label) for label in of("before", ())]),
        tuple([code(label) for label in of("after", ())]),
        of("note", ""),
        of("target", ""),
        of("details", _NO_DETAILS),
        tuple([code(name[LABEL]) for name in names]),
        of("session", ""),
        record.uid,
        record.seq,
        body["time"],
        body["items"],
    )
    _check(event)
    return event


def _item(kind: str, annotator: str, note: str, time: str | None) -> Imported:
    for text in (annotator, note):
        text.encode()
    if _KINDS[kind] not in DECISIONS - {Kind.IMPORT}:
        raise ValueError(f"expected a decision, got {kind}")
    return Imported(_KINDS[kind], annotator, note, None if time is None else _time(time))


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"expected a time in UTC, got {text}")
    return time


def _check(event: Event) -> None:
    """Refuse what would fail only where it is used.

    Raises
    ------
    ValueError, AttributeError
        If it is not as `recorded` writes it.
    """
    for text in (event.uid, event.annotator, event.note, event.target, event.session):
        if not text.isascii():
            text.encode()  # half of a surrogate pair
    if event.kind in DECISIONS and not len(event.rows) == len(event.before) == len(event.after) > 0:
        raise ValueError("expected labels for each of the rows")
    if event.details and not all(isinstance(value, str | int | float | None) for value in event.details.values()):
        raise ValueError("expected plain values as details")

"""The closed list of things that can happen on a workbench, and how each is written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from .base import JournalError

Detail: TypeAlias = str | int | float | None

UNRECORDED = datetime.min.replace(tzinfo=UTC)
"""The time of an event that no journal has taken yet."""


class Kind(StrEnum):
    """What happened. The values are written to stores: never rename one."""

    RELABEL = "relabel"
    UNDO = "undo"
    REDO = "redo"
    VERIFY = "verify"
    EXPORT = "export"
    KEEP = "keep"
    UNSURE = "unsure"


DECISIONS = frozenset({Kind.RELABEL, Kind.KEEP, Kind.UNSURE})
"""What a person decides of training rows, and can take back."""


@dataclass(frozen=True)
class Event:
    """One thing that happened. `relabelled`, `judged`, `step`, `verified` and `exported` make them.

    Parameters
    ----------
    kind
        Which of the closed list.
    annotator
        Who did it; may be empty.
    rows, before, after
        Of a decision: training rows, their class codes before it and after it, all of one length. Rows that are
        kept or left open have their original codes after it.
    note
        Of a decision: why.
    target
        Of an undo or redo: ``seq`` of the decision that it takes back or brings again.
    details
        Of a verification or an export: its summary.
    seq, time
        Place in the journal, from 1, and time in UTC. The journal gives both; before that they are 0 and
        `UNRECORDED`.

    Raises
    ------
    TypeError, ValueError
        If ``annotator`` or ``note`` is not a string that can be written as UTF-8.
    """

    kind: Kind
    annotator: str = ""
    rows: tuple[int, ...] = ()
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    note: str = ""
    target: int | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)
    seq: int = 0
    time: datetime = UNRECORDED

    def __post_init__(self) -> None:
        check_text("annotator", self.annotator)
        check_text("note", self.note)


def check_text(name: str, text: object) -> None:
    """Refuse what no file or page in UTF-8 could hold.

    Raises
    ------
    TypeError
        If it is not a string.
    ValueError
        If it holds half of a surrogate pair.
    """
    if not isinstance(text, str):
        raise TypeError(f"{name}: expected a string, got {type(text).__name__}. Give str({name}).")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}: expected text that can be written as UTF-8, got half of a surrogate pair at character "
            f"{error.start}. Give text.encode(errors='replace').decode()."
        ) from error


def relabelled(
    rows: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...], *, note: str, annotator: str
) -> Event:
    """Rows that got other labels, with the class codes they had and have."""
    assert len(rows) == len(before) == len(after)
    return Event(Kind.RELABEL, annotator, rows, before, after, note)


def judged(
    kind: Kind, rows: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...], *, note: str, annotator: str
) -> Event:
    """Rows whose original label was found right (`Kind.KEEP`), or that nobody is sure of (`Kind.UNSURE`)."""
    assert kind in DECISIONS - {Kind.RELABEL}
    assert len(rows) == len(before) == len(after)
    return Event(kind, annotator, rows, before, after, note)


def step(kind: Kind, target: int, *, annotator: str) -> Event:
    """The undo or redo of decision number ``target``."""
    assert kind in {Kind.UNDO, Kind.REDO}
    return Event(kind, annotator, target=target)


def verified(details: Mapping[str, Detail], *, annotator: str) -> Event:
    """A refit with all current relabels."""
    return Event(Kind.VERIFY, annotator, details=details)


def exported(path: str, count: int, digest: str = "", *, annotator: str) -> Event:
    """Corrected labels, ``count`` of them, written to ``path``; the file's digest tells whether it is still ours."""
    return Event(Kind.EXPORT, annotator, details={"path": path, "count": count, "digest": digest})


def payload(event: Event) -> str:
    """What a store keeps of an event beside kind, annotator, number and time, as JSON in ASCII."""
    if event.kind in DECISIONS:
        kept: dict[str, object] = {name: getattr(event, name) for name in ("rows", "before", "after", "note")}
    elif event.kind in {Kind.UNDO, Kind.REDO}:
        kept = {"target": event.target}
    else:
        kept = {"details": dict(event.details)}
    return json.dumps(kept, allow_nan=False)


def restore(seq: int, time: str, annotator: str, kind: str, text: str) -> Event:
    """Read an event back from what a store kept of it.

    Raises
    ------
    JournalError
        If this is not something that `payload` wrote.
    """
    try:
        kept = json.loads(text)
        for name in kept.keys() & {"rows", "before", "after"}:
            kept[name] = tuple(int(value) for value in kept[name])
        return Event(Kind(kind), annotator, seq=seq, time=datetime.fromisoformat(time), **kept)
    except (ValueError, TypeError, AttributeError) as error:
        raise JournalError(
            f"journal: expected event {seq} to be one of {', '.join(Kind)}, as this version writes them, "
            f"got kind {kind!r} with {text[:200]!r}. The store was damaged or edited by hand: restore it "
            "from a backup."
        ) from error

"""What a file or array says, one decision about one row at a time, in terms of the workbench that reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ...arguments import shown
from ...files.characters import readable
from ...journal import DECISIONS, Kind
from ...journal.identity import plain

KINDS = {kind.value: kind for kind in DECISIONS - {Kind.IMPORT}}

PACK = "relabel_widget"
"""Under this name, files of other tools keep what they have no place for."""


@dataclass(frozen=True)
class Line:
    """One decision as its source has it.

    Attributes
    ----------
    place
        Where it stands, in words.
    row, id, content, text
        What says which row it is about: its number, the user's id, its `content_key`, what people read; None where the
        source does not say.
    original, label
        The label before and after; None where the source does not say. ``label`` is None for unsure.
    decision
        One of `DECISIONS`.
    if_equal
        The decision that it is where the label is the original one; None: it says nothing then.
    annotator, note, time
        Who, why and when; the annotator is None where the source does not know of people.
    problem
        Why it cannot be taken, in words; empty if it can.
    gone
        Why it says nothing although an export wrote a decision there, in words; empty if it says something.
    """

    place: str
    row: int | None = None
    id: Any = None
    content: str | None = None
    text: str | None = None
    original: Any = None
    label: Any = None
    decision: Kind = Kind.RELABEL
    if_equal: Kind | None = Kind.RELABEL
    annotator: str | None = None
    note: str = ""
    time: datetime | None = None
    problem: str = ""
    gone: str = ""


@dataclass(frozen=True)
class Source:
    """What was read.

    Attributes
    ----------
    name
        What history calls it.
    lines
        Its decisions.
    silent
        How many of its rows say nothing.
    is_aligned
        Whether it has a value for each training row, in their order.
    """

    name: str
    lines: list[Line]
    silent: int = 0
    is_aligned: bool = False


def of_record(record: Mapping[str, Any], about: Line) -> Line:
    """A decision as one of our files has it, about the row of ``about``.

    Raises
    ------
    ValueError
        If it is none.
    """
    decision = record.get("decision", Kind.RELABEL.value)
    if not isinstance(decision, str) or decision not in KINDS:
        raise ValueError(f"expected a decision, one of {', '.join(sorted(KINDS))}, got {shown(decision)}")
    kind = KINDS[decision]
    annotator, note = (as_text(record.get(name, ""), name) for name in ("annotator", "note"))
    label = None if kind is Kind.UNSURE else record.get("corrected")
    said = replace(about, label=label, decision=kind, if_equal=Kind.RELABEL)
    return replace(said, annotator=annotator, note=note, time=as_time(record.get("time")))


def unpacked(pack: Any, about: Line) -> Iterator[Line]:
    """The decisions that an export put into a file of another tool, for a row.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not isinstance(pack, dict) or not isinstance(pack.get("decisions"), list):
        raise ValueError(f"expected {PACK} as an export writes it, got {shown(pack)}")
    row, content = pack.get("row"), pack.get("content")
    if not _is_whole(row) or not isinstance(content, str):
        raise ValueError(f"expected row as a number and content as text in {PACK}, got {shown(row)}, {shown(content)}")
    id_, original = (plain_or_none(pack.get(name)) for name in ("id", "original"))
    known = replace(about, row=row, id=None if id_ == row else id_, content=content, original=original)
    for record in pack["decisions"]:
        if not isinstance(record, dict):
            raise ValueError(f"expected decisions as records in {PACK}, got {shown(record)}")
        yield of_record(record, known)


def deleted(line: Line, tool: str) -> Line:
    """What is left of a decision of which another tool has deleted the label: nothing that could be taken for one."""
    written = "unsure" if line.decision is Kind.UNSURE else repr(str(line.label))
    why = f"The export wrote {written} here; in {tool} it was deleted, or was never imported."
    return replace(line, label=None, gone=why)


def plain_or_none(value: Any) -> Any:
    """An id or label as stores keep it; None for none."""
    return None if value is None else plain(value)


def as_text(value: Any, name: str) -> str:
    """A text of the file, made valid for UTF-8; what is missing is empty.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"expected {name} as text, got {shown(value)}")
    return readable(str(value))


def as_time(value: Any) -> datetime | None:
    """A time in UTC; None if it is missing.

    Raises
    ------
    ValueError
        If it is no time.
    """
    if value is None or value == "":
        return None
    try:
        time = datetime.fromisoformat(value.isoformat() if isinstance(value, datetime) else value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"expected a time as in 2026-01-31T10:00:00+00:00, got {shown(value)}") from None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

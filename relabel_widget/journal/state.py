"""The state that the events add up to: a pure fold, without state of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from .base import JournalError
from .events import DECISIONS, Event, Kind

_T = TypeVar("_T")


@dataclass(frozen=True)
class Mark:
    """A training row whose label differs from its original one.

    Parameters
    ----------
    original, code
        Original class code and current class code; never equal.
    annotator, note, time
        Who relabelled it, why, and when (UTC).
    """

    original: int
    code: int
    annotator: str
    note: str
    time: datetime


@dataclass(frozen=True)
class Judgement:
    """A training row that was reviewed and keeps its original label.

    Parameters
    ----------
    kind
        `Kind.KEEP`: the label is right. `Kind.UNSURE`: it may be either.
    annotator, note, time
        Who decided, why, and when (UTC).
    """

    kind: Kind
    annotator: str
    note: str
    time: datetime


@dataclass(frozen=True)
class _Step:
    """A decision that can be undone, with the marks and judgements it replaced."""

    event: Event
    replaced: Mapping[int, tuple[Mark | None, Judgement | None]]


def _no_marks() -> Mapping[int, Mark]:
    return MappingProxyType({})


def _no_judgements() -> Mapping[int, Judgement]:
    return MappingProxyType({})


@dataclass(frozen=True)
class State:
    """The labels that differ from the original ones, and the decisions to undo and redo.

    Parameters
    ----------
    overlay
        Maps training rows whose label currently differs to their mark.
    judged
        Maps training rows that were reviewed and keep their label to their judgement. No row is in both.
    done, undone
        Stacks of decisions to undo and to redo, the next one last.
    """

    overlay: Mapping[int, Mark] = field(default_factory=_no_marks)
    judged: Mapping[int, Judgement] = field(default_factory=_no_judgements)
    done: tuple[_Step, ...] = ()
    undone: tuple[_Step, ...] = ()

    def decision(self, row: int) -> str:
        """The decision about a row: ``relabel``, ``keep``, ``unsure``, or an empty string."""
        if row in self.overlay:
            return Kind.RELABEL.value
        judgement = self.judged.get(row)
        return "" if judgement is None else judgement.kind.value


class _Folding:
    """Private state of the fold's loop: mutable, so that n events cost O(n) and not O(n * marks)."""

    def __init__(self, state: State) -> None:
        self.overlay = dict(state.overlay)
        self.judged = dict(state.judged)
        self.done = list(state.done)
        self.undone = list(state.undone)

    def take(self, event: Event) -> None:
        if event.kind in DECISIONS:
            self.done.append(self._apply(event))
            self.undone.clear()
        elif event.kind is Kind.UNDO:
            step = self._pop(self.done, event)
            self._put_back(step)
            self.undone.append(step)
        elif event.kind is Kind.REDO:
            self.done.append(self._apply(self._pop(self.undone, event).event))

    def _apply(self, event: Event) -> _Step:
        replaced = {row: (self.overlay.get(row), self.judged.get(row)) for row in event.rows}
        for row, before, after in zip(event.rows, event.before, event.after, strict=True):
            mark = self.overlay.get(row)
            original = before if mark is None else mark.original
            if after == original:
                self.overlay.pop(row, None)
            else:
                self.overlay[row] = Mark(original, after, event.annotator, event.note, event.time)
            self.judged.pop(row, None)
            if event.kind is not Kind.RELABEL:
                self.judged[row] = Judgement(event.kind, event.annotator, event.note, event.time)
        return _Step(event, replaced)

    def _put_back(self, step: _Step) -> None:
        for row, (mark, judgement) in step.replaced.items():
            _restore(self.overlay, row, mark)
            _restore(self.judged, row, judgement)

    @staticmethod
    def _pop(steps: list[_Step], event: Event) -> _Step:
        expected = steps[-1].event.seq if steps else None
        if event.target != expected:
            raise JournalError(
                f"journal: event {event.seq} is the {event.kind} of decision {event.target}, expected "
                f"{'none' if expected is None else f'that of {expected}'} at this point. The store was "
                "damaged or edited by hand: restore it from a backup."
            )
        return steps.pop()


def _restore(kept: dict[int, _T], row: int, value: _T | None) -> None:
    if value is None:
        kept.pop(row, None)
    else:
        kept[row] = value


def fold(events: Iterable[Event], state: State | None = None) -> State:
    """The state after ``events``, starting from ``state`` (by default, empty).

    Parameters
    ----------
    events
        Oldest first.
    state
        The state after earlier events. It is not changed.

    Raises
    ------
    JournalError
        If an undo or redo does not fit the decisions before it.

    Notes
    -----
    Verifications and exports change nothing here. A new decision clears what could be redone. Cost: O(rows in
    the events + marks).
    """
    folding = _Folding(State() if state is None else state)
    for event in events:
        folding.take(event)
    overlay, judged = MappingProxyType(folding.overlay), MappingProxyType(folding.judged)
    return State(overlay, judged, tuple(folding.done), tuple(folding.undone))

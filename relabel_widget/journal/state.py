"""The state that the events add up to: a pure fold, without state of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from .._typing import CodeArray
from .events import Event, Kind


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


class Said(NamedTuple):
    """What one decision says about one row.

    Attributes
    ----------
    event
        The decision.
    label
        The class code that the row has by it.
    original
        The row's original class code when it was made.
    opinion
        The label that its annotator holds for right; None for unsure, and where one's own mark was taken off.
    """

    event: Event
    label: int
    original: int
    opinion: int | None


def _nothing() -> Mapping[Any, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class State:
    """The labels that differ from the original ones, and what everybody said about them.

    Parameters
    ----------
    standing
        Maps rows to what the decisions that were not undone say of them, in the order in which they were made. The
        last one counts. Rows that the data does not have are negative numbers.
    overlay
        Maps training rows whose label currently differs to their mark.
    judged
        Maps training rows that were reviewed and keep their label to their judgement. No row is in both.
    done, undone
        For each person (`Event.person`) their own decisions to undo and to redo, the next one last.
    """

    standing: Mapping[int, tuple[Said, ...]] = field(default_factory=_nothing)
    overlay: Mapping[int, Mark] = field(default_factory=_nothing)
    judged: Mapping[int, Judgement] = field(default_factory=_nothing)
    done: Mapping[str, tuple[Event, ...]] = field(default_factory=_nothing)
    undone: Mapping[str, tuple[Event, ...]] = field(default_factory=_nothing)

    def decision(self, row: int) -> str:
        """The decision about a row: ``relabel``, ``keep``, ``unsure``, or an empty string."""
        if row in self.overlay:
            return Kind.RELABEL.value
        judgement = self.judged.get(row)
        return "" if judgement is None else judgement.kind.value


class _Folding:
    """Private state of the fold's loop: mutable, so that n events cost O(n) and not O(n * marks)."""

    def __init__(self, state: State, original: CodeArray) -> None:
        self._original = original
        self.standing = dict(state.standing)
        self.overlay = dict(state.overlay)
        self.judged = dict(state.judged)
        self._touched: dict[int, list[Said]] = {}
        self.done = {person: list(events) for person, events in state.done.items()}
        self.undone = {person: list(events) for person, events in state.undone.items()}

    def take(self, event: Event) -> None:
        if event.rows:  # only decisions have them
            self._apply(event)
            self.undone.pop(event.person, None)
        elif event.kind is Kind.UNDO:
            self._undo(event)
        elif event.kind is Kind.REDO:
            self._redo(event)

    def _apply(self, event: Event) -> None:
        self.done.setdefault(event.person, []).append(event)
        for place, row in enumerate(event.rows):
            before, after, original = event.before[place], event.after[place], event.original[place]
            standing, one = self._of(row), event.on(place)
            standing.append(Said(one, after, original, _opinion(one, before, after, original, standing)))
            if len(standing) > 1 and standing[-2].event.seq > event.seq:  # a redo puts it back where it was
                standing.sort(key=lambda said: said.event.seq)

    def _of(self, row: int) -> list[Said]:
        """What stands of a row, to be changed."""
        standing = self._touched.get(row)
        if standing is None:
            standing = self._touched[row] = list(self.standing.get(row, ()))
        return standing

    def _undo(self, event: Event) -> None:
        """Take a decision back. That nothing happens to one which is not standing makes two undos of it one."""
        target = _pop(self.done, event)
        if target is None:
            return
        self.undone.setdefault(event.person, []).append(target)
        for row in set(target.rows):
            self._touched[row] = [said for said in self._of(row) if said.event.uid != target.uid]

    def _redo(self, event: Event) -> None:
        target = _pop(self.undone, event)
        if target is not None:
            self._apply(target)

    def settle(self) -> None:
        """Bring marks and judgements up to date."""
        for row, said in self._touched.items():
            if said:
                self.standing[row] = tuple(said)
            else:
                self.standing.pop(row, None)
            self._settle(row)

    def _settle(self, row: int) -> None:
        self.overlay.pop(row, None)
        self.judged.pop(row, None)
        if row not in self.standing or not holds(self.standing[row][-1], row, self._original):
            return
        said, original = self.standing[row][-1], int(self._original[row])
        who = (said.event.annotator, said.event.note, said.event.time)
        if said.label != original:
            self.overlay[row] = Mark(original, said.label, *who)
        elif said.event.kind is not Kind.RELABEL:
            kind = Kind.KEEP if said.event.kind is Kind.ADJUDICATE else said.event.kind
            self.judged[row] = Judgement(kind, *who)


def holds(said: Said, row: int, original: CodeArray) -> bool:
    """Whether a decision speaks of the data at hand: it has the row and the label, and the original label is the same.

    A decision also holds where the original label has become the one that was decided.
    """
    if row < 0 or said.label < 0:
        return False
    now = int(original[row])
    return now == said.original or (said.label == now and said.opinion is not None)


def _opinion(event: Event, before: int, after: int, original: int, earlier: Sequence[Said]) -> int | None:
    """What an annotator holds for right; the original label takes one's own mark or judgement off."""
    if event.kind is Kind.UNSURE:
        return None
    if event.kind is not Kind.RELABEL or after != original or (event.note and before == after):
        return after
    own = (said for said in reversed(earlier) if said.event.annotator == event.annotator)
    return None if any(said.event.seq <= event.seq for said in own) else after


def _pop(stacks: dict[str, list[Event]], step: Event) -> Event | None:
    """The decision that a step names, taken from its owner's stack: mostly one's own newest."""
    own = stacks.get(step.person, [])
    for stack in (own, *stacks.values()):
        for place in range(len(stack) - 1, -1, -1):
            if stack[place].uid == step.target:
                return stack.pop(place)
    return None


def fold(events: Iterable[Event], original: CodeArray, state: State | None = None) -> State:
    """The state after ``events``, starting from ``state`` (by default, empty).

    Parameters
    ----------
    events
        Oldest first.
    original
        Original class code of each training row.
    state
        The state after earlier events. It is not changed.

    Notes
    -----
    Verifications and exports change nothing here. A new decision clears what its annotator could redo. Cost: O(rows in
    the events + rows decided about).
    """
    folding = _Folding(State() if state is None else state, original)
    for event in events:
        folding.take(event)
    folding.settle()
    return State(
        MappingProxyType(folding.standing),
        MappingProxyType(folding.overlay),
        MappingProxyType(folding.judged),
        MappingProxyType({person: tuple(events) for person, events in folding.done.items() if events}),
        MappingProxyType({person: tuple(events) for person, events in folding.undone.items() if events}),
    )

"""The training labels as they are now: the original ones, and what people decided since."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import Any, TypeAlias, final

import numpy as np

from .._typing import CodeArray, IntArray
from ..inputs import is_one_value, named_rows, present_values
from ..journal import Event, Journal, Judgement, Kind, Said, State, holds
from ..journal.events import Detail, Imported, check_text, imported, judged, relabelled, step
from ..problem import Labels, code_of
from .carried import Uncarried, uncarried
from .opinions import Conflicts, OfState

Reason: TypeAlias = Callable[[IntArray, CodeArray], Mapping[str, Detail]]
"""Of training rows and the class codes that they get: what is known of why."""


@final
class Decisions:
    """Labels that people change one decision at a time. Each is in the journal before it counts here.

    Reading is safe in any thread; one thread at a time may decide.

    Parameters
    ----------
    labels
        The original labels of the training rows.
    journal
        What was decided before, and where each new decision is written.
    """

    def __init__(self, labels: Labels, journal: Journal) -> None:
        self.labels = labels
        self.journal = journal
        self._session = secrets.token_hex(8)
        self._conflicts = OfState(Conflicts().of)
        self._uncarried = OfState(partial(uncarried, rows=journal.rows))

    @property
    def state(self) -> State:
        """What everybody's decisions add up to."""
        return self.journal.state

    def conflicts(self) -> dict[int, list[Said]]:
        """The rows that people decided differently, with what each of them said."""
        return self._conflicts.of(self.state)

    def uncarried(self) -> list[Uncarried]:
        """The decisions that do not apply to the data at hand as they stand."""
        return self._uncarried.of(self.state)

    def rows(self) -> list[int]:
        """Training rows whose label differs from the original one, sorted."""
        return sorted(self.state.overlay)

    def overlay(self) -> dict[int, int]:
        """Of these rows the class codes that they have now."""
        return {row: mark.code for row, mark in self.state.overlay.items()}

    def codes(self) -> CodeArray:
        """Current class codes, shape (n_rows,), a new array."""
        codes = self.labels.original.copy()
        for row, mark in self.state.overlay.items():
            codes[row] = mark.code
        return codes

    def tried(self, rows: IntArray, label: Any, *, who: str) -> dict[int, int]:
        """`overlay` as it would be with some rows relabelled as `relabel` does it; nothing is changed or written.

        Raises
        ------
        TypeError, ValueError
            If a label is not one of the classes, there are not as many labels as rows, or None is given where there
            are more than two classes.
        """
        if not len(rows):
            return self.overlay()
        codes = self.codes()
        if label is None and len(self.labels.classes) > 2:
            raise ValueError(
                f"{who}: expected the new label of the rows, because there are {len(self.labels.classes)} classes. "
                "Pass one for all rows or one for each, such as the labels of a flip set."
            )
        codes[rows] = 1 - codes[rows] if label is None else self._codes_of(label, rows, who)
        changed = np.flatnonzero(codes != self.labels.original)
        return dict(zip(changed.tolist(), codes[changed].tolist(), strict=True))

    def settled(self) -> dict[int, Any]:
        """Training row to the label a person found right: rows marked now, kept ones, and those a note confirmed."""
        classes = self.labels.classes.tolist()
        last = ((row, said[-1]) for row, said in sorted(self.state.standing.items()) if self._is_settled(row, said[-1]))
        return {row: classes[said.label] for row, said in last}

    def _is_settled(self, row: int, said: Said) -> bool:
        return said.opinion is not None and holds(said, row, self.labels.original)

    # Whose they are

    def of(self, annotator: str) -> str:
        """Whose undo and redo an annotator has, as `State` names people; without a name it is this session's own."""
        return Event(Kind.UNDO, annotator, session=self._session).person

    def next_step(self, kind: Kind, annotator: str) -> Event | None:
        """The decision that an annotator's next undo or redo is about."""
        stacks = self.state.done if kind is Kind.UNDO else self.state.undone
        steps = stacks.get(self.of(annotator), ())
        return steps[-1] if steps else None

    def asked_before(self, request: str) -> Event | None:
        """What was written down for a request that has come before: of an undo or redo, the decision it was about."""
        known = self.journal.known(self._uid(request)) if request else None
        return self.journal.known(known.target) if known is not None and known.target else known

    def _uid(self, request: str) -> str:
        return sha256(f"{self._session} {request}".encode(errors="replace")).hexdigest()[:24] if request else ""

    def record(self, event: Event, request: str = "") -> Event:
        """Write an event down, and let it count."""
        session = "" if event.annotator else self._session
        return self.journal.append(event._replace(session=session, uid=self._uid(request)))

    def relabel(
        self, rows: IntArray, label: Any, *, note: str, annotator: str, request: str = "", why: Reason | None = None
    ) -> Event | None:
        """Give rows a label, one label each, or (None, of two classes) the other one than they have now.

        Rows that have that label already are left out, unless a note is given, which then says why the label stays,
        they were kept or unsure before, which this ends, or the label is somebody else's, which this agrees with.
        ``why`` gives what is known of the reason, to be written down with it.

        Returns
        -------
        Event or None
            What was written down; None if no row was left.

        Raises
        ------
        TypeError, ValueError
            If there are no rows, a label is not one of the classes, there are not as many labels as rows, None is
            given where there are more than two classes, or the note is not a string.
        """
        _check_decision("relabel", rows, note)
        if label is None and len(self.labels.classes) > 2:
            raise ValueError(
                f"relabel: expected the new label of the rows, because there are {len(self.labels.classes)} classes. "
                "Pass one for all rows or one for each, such as relabel(flip_set.rows, flip_set.labels). Nothing was "
                "changed."
            )
        before = self.codes()[rows]
        after = 1 - before if label is None else self._codes_of(label, rows)
        state = self.state
        looked_at = np.array([row in state.judged for row in rows.tolist()])
        agreed = np.array([self._agrees(*one, annotator) for one in zip(rows.tolist(), after.tolist(), strict=True)])
        kept = np.arange(len(rows)) if note else np.flatnonzero((before != after) | looked_at | agreed)
        if not len(kept):
            return None
        parts = (tuple(part[kept].tolist()) for part in (rows, before, after))
        details = {} if why is None else why(rows, after)
        return self.record(relabelled(*parts, note=note, annotator=annotator)._replace(details=details), request)

    def judge(self, kind: Kind, rows: IntArray, *, note: str, annotator: str, request: str = "") -> Event | None:
        """Say that rows keep their original label: because it is right (`Kind.KEEP`), or nobody is sure.

        Rows that were relabelled get their original label back. Rows of which the same was said are left out,
        unless a note is given.

        Returns
        -------
        Event or None
            What was written down; None if no row was left.

        Raises
        ------
        TypeError, ValueError
            If there are no rows, or the note is not a string.
        """
        _check_decision(kind.value, rows, note)
        state = self.state
        said = ((state.judged.get(row), self._own(row, annotator)) for row in rows.tolist())
        news = np.array([bool(note) or kind not in _kinds(one, own) for one, own in said])
        if not news.any():
            return None
        left = rows[news]
        codes = (tuple(part[left].tolist()) for part in (self.codes(), self.labels.original))
        return self.record(judged(kind, tuple(left.tolist()), *codes, note=note, annotator=annotator), request)

    def adjudicate(self, rows: IntArray, label: Any, *, note: str, annotator: str, request: str = "") -> Event:
        """Say which label of rows counts, whatever was decided about them; return what was written down.

        Raises
        ------
        TypeError, ValueError
            As `relabel`.
        """
        _check_decision("adjudicate", rows, note)
        codes = (tuple(part.tolist()) for part in (rows, self.codes()[rows], self._codes_of(label, rows, "adjudicate")))
        return self.record(judged(Kind.ADJUDICATE, *codes, note=note, annotator=annotator), request)

    def bring(
        self, rows: IntArray, after: CodeArray, items: tuple[Imported, ...], *, source: str, annotator: str
    ) -> Event:
        """Record decisions that were made elsewhere, as one that its ``annotator`` can undo.

        Of several about one row, each begins where the last one ended.
        """
        codes = self.codes()
        before: list[int] = []
        for row, code in zip(rows.tolist(), after.tolist(), strict=True):
            before.append(int(codes[row]))
            codes[row] = code
        known = tuple(rows.tolist()), tuple(before), tuple(after.tolist())
        return self.record(imported(*known, items, source=source, annotator=annotator))

    def step(self, kind: Kind, *, annotator: str, request: str = "") -> Event:
        """Take an annotator's newest own decision back (`Kind.UNDO`), or bring the one undone last again.

        Returns
        -------
        Event
            That decision.

        Raises
        ------
        ValueError
            If there is none.
        """
        event = self.next_step(kind, annotator)
        if event is None:
            way_out = "Decide about a row first." if kind is Kind.UNDO else "Only what was undone last can be redone."
            raise ValueError(f"{kind}: there is nothing to {kind}. {self._of_others(kind)}{way_out}")
        self.record(step(kind, event.uid, annotator=annotator), request)
        return event

    def _own(self, row: int, annotator: str) -> Said | None:
        """What an annotator said last about a row."""
        said = reversed(self.state.standing.get(row, ()))
        return next((one for one in said if one.event.annotator == annotator), None)

    def _agrees(self, row: int, code: int, annotator: str) -> bool:
        """Whether this label is somebody else's mark, about which the annotator has not said the same."""
        mark, own = self.state.overlay.get(row), self._own(row, annotator)
        return mark is not None and mark.code == code and (own is None or own.opinion != code)

    def _of_others(self, kind: Kind) -> str:
        others = [events[-1] for events in self.state.done.values()] if kind is Kind.UNDO else []
        if not others:
            return ""
        newest = max(others, key=lambda event: event.seq)
        who = newest.annotator or "somebody without a name in another session"
        return f"The newest decision (event {newest.seq}) was made by {who}, and only they undo it. "

    def _codes_of(self, label: Any, rows: IntArray, who: str = "relabel") -> CodeArray:
        """Class codes of one label for all rows, or of one label each."""
        if is_one_value(label):
            return np.full(len(rows), code_of(label, self.labels.classes, who=who), dtype=np.int64)
        given, places, shape = present_values(label, who=f"{who}: label")
        if shape != (len(rows),):
            raise ValueError(
                f"{who}: expected one label, or one for each of the {len(rows)} rows, got "
                f"{f'{shape[0]} labels' if len(shape) == 1 else f'labels of shape {shape}'}."
            )
        if len(places) < len(rows):
            missing = np.setdiff1d(rows, rows[places])
            raise ValueError(
                f"{who}: expected a label for every row, got {len(missing)} missing (None, NaN or NA), for training "
                f"{named_rows(missing)}. Leave those rows out. Nothing was changed."
            )
        return np.array([code_of(each, self.labels.classes, who=who) for each in given], dtype=np.int64)


def _kinds(now: Judgement | None, own: Said | None) -> set[Kind]:
    """What a row is judged by everybody's decisions, if the annotator said the same last."""
    return {now.kind} if now is not None and own is not None and own.event.kind is now.kind else set()


def _check_decision(who: str, rows: IntArray, note: Any) -> None:
    """Refuse a decision about no rows, and a note that is not a string."""
    if not isinstance(note, str):
        raise TypeError(
            f"{who}: expected note as one text that says why, kept with each of the rows, got {type(note).__name__}. "
            f"For a note of its own for each row, call {who} once for each."
        )
    check_text(f"{who}: note", note)
    if not len(rows):
        raise ValueError(f"{who}: expected at least one training row, got none. Nothing was changed.")

"""The training labels as they are now: the original ones, and what people decided since."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from .._typing import CodeArray, IntArray
from ..inputs import is_one_value, named_rows, present_values
from ..journal import Event, Journal, Kind, State, fold
from ..journal.events import check_text, judged, relabelled, step
from ..problem import Labels, code_of


@final
class Decisions:
    """Labels that people change one decision at a time. Each is in the journal before it counts here.

    Not safe to share between threads by itself: the workbench's lock guards it.

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
        self.state: State = fold(journal.events())

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
        codes = self.codes()
        if label is None and len(rows) and len(self.labels.classes) > 2:
            raise ValueError(
                f"{who}: expected the new label of the rows, because there are {len(self.labels.classes)} classes. "
                "Pass one for all rows or one for each, such as the labels of a flip set."
            )
        codes[rows] = 1 - codes[rows] if label is None else self._codes_of(label, rows, who)
        changed = np.flatnonzero(codes != self.labels.original)
        return dict(zip(changed.tolist(), codes[changed].tolist(), strict=True))

    def settled(self) -> dict[int, Any]:
        """Training row to the label a person found right: rows marked now, kept ones, and those a note confirmed."""
        codes: dict[int, int] = {}
        for step_ in self.state.done:
            for row, before, after in zip(step_.event.rows, step_.event.before, step_.event.after, strict=True):
                codes.pop(row, None)
                if step_.event.kind is Kind.UNSURE:
                    continue
                if before == after or row in self.state.overlay or step_.event.kind is Kind.KEEP:
                    codes[row] = after
        classes = self.labels.classes.tolist()
        return {row: classes[code] for row, code in sorted(codes.items())}

    def record(self, event: Event) -> Event:
        """Write an event down, then let it count."""
        recorded = self.journal.append(event)
        self.state = fold([recorded], self.state)
        return recorded

    def relabel(self, rows: IntArray, label: Any, *, note: str, annotator: str) -> Event | None:
        """Give rows a label, one label each, or (None, of two classes) the other one than they have now.

        Rows that have that label already are left out, unless a note is given, which then says why the label stays,
        or they were kept or unsure before, which this ends.

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
        looked_at = np.array([row in self.state.judged for row in rows.tolist()])
        kept = np.arange(len(rows)) if note else np.flatnonzero((before != after) | looked_at)
        if not len(kept):
            return None
        return self.record(
            relabelled(*(tuple(part[kept].tolist()) for part in (rows, before, after)), note=note, annotator=annotator)
        )

    def judge(self, kind: Kind, rows: IntArray, *, note: str, annotator: str) -> Event | None:
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
        said = (self.state.judged.get(row) for row in rows.tolist())
        news = np.array([bool(note) or one is None or one.kind is not kind for one in said])
        if not news.any():
            return None
        left = rows[news]
        codes = (tuple(part[left].tolist()) for part in (self.codes(), self.labels.original))
        return self.record(judged(kind, tuple(left.tolist()), *codes, note=note, annotator=annotator))

    def undo(self, *, annotator: str) -> Event:
        """Take the newest decision back; return that decision.

        Raises
        ------
        ValueError
            If there is none.
        """
        return self._step(Kind.UNDO, self.state.done, annotator)

    def redo(self, *, annotator: str) -> Event:
        """Bring the decision that was taken back last again; return that decision.

        Raises
        ------
        ValueError
            If there is none.
        """
        return self._step(Kind.REDO, self.state.undone, annotator)

    def _step(self, kind: Kind, steps: Any, annotator: str) -> Event:
        if not steps:
            way_out = "Decide about a row first." if kind is Kind.UNDO else "Only what was undone last can be redone."
            raise ValueError(f"{kind}: there is nothing to {kind}. {way_out}")
        event: Event = steps[-1].event
        self.record(step(kind, event.seq, annotator=annotator))
        return event

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


def _check_decision(who: str, rows: IntArray, note: Any) -> None:
    """Refuse a decision about no rows, and a note that is not a string."""
    check_text(f"{who}: note", note)
    if not len(rows):
        raise ValueError(f"{who}: expected at least one training row, got none. Nothing was changed.")

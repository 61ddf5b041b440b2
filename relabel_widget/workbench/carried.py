"""Decisions in a store that do not apply to the data at hand as they stand, and what can be done about each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..journal import Event, Kind, Lost, RowName, Rows, Said, State, Why, holds

if TYPE_CHECKING:
    import pandas as pd

    from .._typing import AnyArray

COLUMNS = ("row", "id", "decision", "label", "annotator", "note", "time", "what_happened", "what_can_be_done")


class Uncarried(NamedTuple):
    """The last decision about a row that is lost or whose label changed.

    Attributes
    ----------
    row
        The training row to look at; None where there is none.
    name
        What the store kept of a row that is lost; None of one that is here.
    event, original, label
        The decision, and the labels before and after it.
    why, way_out
        What happened, and what can be done in Python.
    advice
        What can be done where no decision about ``row`` helps; may be empty.
    is_open
        Whether a decision about ``row`` takes this one off the list.
    is_corrected
        Whether the data has the label that was decided.
    """

    row: int | None
    name: RowName | None
    event: Event
    original: Any
    label: Any
    why: str
    way_out: str
    advice: str = ""
    is_open: bool = False
    is_corrected: bool = False

    def id(self, ids: AnyArray) -> Any:
        """The id that the row had, or has."""
        return ids[self.row] if self.name is None else self.name.id


def carried_table(found: Iterable[Uncarried], ids: AnyArray) -> pd.DataFrame:
    """A line for each of them, with the words for it."""
    import pandas as pd

    lines = [
        (
            one.row,
            one.id(ids),
            one.event.kind.value,
            one.label,
            one.event.annotator,
            one.event.note,
            one.event.time,
            one.why,
            one.way_out,
        )
        for one in found
    ]
    table = pd.DataFrame(lines, columns=list(COLUMNS))
    table["row"] = table["row"].astype("Int64")
    for name in ("decision", "annotator", "note", "what_happened", "what_can_be_done"):
        table[name] = table[name].astype("str")
    table["time"] = pd.to_datetime(table["time"], utc=True).dt.as_unit("us")
    return table


def uncarried(state: State, rows: Rows) -> list[Uncarried]:
    """The decisions that do not apply to the data at hand as they stand."""
    return list(_found(state, rows))


def _found(state: State, rows: Rows) -> Iterator[Uncarried]:
    codes = rows.codes.tolist()
    for row, said in state.standing.items():
        last = said[-1]
        if row >= 0 and codes[row] == last.original and last.label >= 0:
            continue
        if last.opinion is None and last.event.kind is Kind.RELABEL:
            continue  # a mark that was taken off
        if row >= 0:
            yield _relabelled(row, last, rows)
        elif not _is_decided_again(rows.lost[-1 - row], last, state):
            yield _lost(rows.lost[-1 - row], last, rows)


def _is_decided_again(lost: Lost, said: Said, state: State) -> bool:
    """Whether somebody has decided since about the row that took the place of the lost one."""
    later = state.standing.get(lost.row, ()) if lost.why in {Why.CHANGED, Why.RENAMED} else ()
    return bool(later) and later[-1].event.seq > said.event.seq


def _lost(lost: Lost, said: Said, rows: Rows) -> Uncarried:
    name, stood = lost.name, f"row {lost.name.number} when it was decided"
    labels = (rows.label(said.original), rows.label(said.label))
    row = lost.row if lost.row >= 0 else None
    if lost.why is Why.GONE:
        known = f"the id {name.id!r}" if name.id is not None else "this content"
        why = f"No row has {known} any more ({stood}): it was removed{'' if name.id is not None else ' or edited'}."
        advice = (
            "Nothing to do if that was meant: the decision stays in the store, and counts again when the row is back."
        )
        return Uncarried(row, name, said.event, *labels, why, advice, advice)
    again = f"Read row {lost.row}; to decide the same, call {_call(lost.row, said, rows)}."
    if lost.why is Why.UNCERTAIN:
        why = f"Several rows have this content ({stood}), and it cannot be told which one was meant."
        advice = "Give ids, or decide again about the right one"
        return Uncarried(row, name, said.event, *labels, why, f"{advice}: {again}", f"{advice}.")
    if lost.why is Why.CHANGED:
        why = f"The row with id {name.id!r} has another content now."
    else:
        why = f"No row has the id {name.id!r} any more; row {lost.row} has the same content."
    return Uncarried(row, name, said.event, *labels, why, again, is_open=True)


def _relabelled(row: int, said: Said, rows: Rows) -> Uncarried:
    old, now, wanted = rows.label(said.original), rows.label(int(rows.codes[row])), rows.label(said.label)
    place = (row, None, said.event, old, wanted)
    if holds(said, row, rows.codes):
        why = f"The data has the label {now!r} now, as was decided: already corrected."
        return Uncarried(*place, why, "Nothing.", is_corrected=True)
    if said.label < 0:
        advice = f"Decide again about row {row} with a label that is, or load labels of the type that they had."
        return Uncarried(*place, f"{wanted!r} is not one of the classes any more.", advice, advice)
    return Uncarried(
        *place,
        f"The data changed the label from {old!r} to {now!r}, where {wanted!r} was decided: a conflict.",
        f"To accept {now!r}, call keep({row}); to insist, call relabel({row}, {wanted!r}).",
        is_open=True,
    )


def _call(row: int, said: Said, rows: Rows) -> str:
    if said.event.kind in {Kind.KEEP, Kind.UNSURE}:
        return f"{said.event.kind}({row})"
    return f"{said.event.kind}({row}, {rows.label(said.label)!r})"

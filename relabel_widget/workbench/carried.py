"""Decisions in a store that do not apply to the data at hand as they stand, and what can be done about each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..journal import Kind, Lost, Rows, Said, State, Why, holds

if TYPE_CHECKING:
    import pandas as pd

    from .._typing import AnyArray

COLUMNS = ("row", "id", "decision", "label", "annotator", "note", "time", "what_happened", "what_can_be_done")


def carried_table(state: State, rows: Rows, ids: AnyArray) -> pd.DataFrame:
    """The last decision about each row that is lost or whose label changed, with the words for it."""
    import pandas as pd

    lines = list(_lines(state, rows, ids))
    table = pd.DataFrame(lines, columns=list(COLUMNS))
    table["row"] = table["row"].astype("Int64")
    for name in ("decision", "annotator", "note", "what_happened", "what_can_be_done"):
        table[name] = table[name].astype("str")
    table["time"] = pd.to_datetime(table["time"], utc=True).dt.as_unit("us")
    return table


def _lines(state: State, rows: Rows, ids: AnyArray) -> Iterator[tuple[Any, ...]]:
    for row, said in state.standing.items():
        last = said[-1]
        if last.opinion is None and last.event.kind is Kind.RELABEL:
            continue  # a mark that was taken off
        if row < 0:
            lost = rows.lost[-1 - row]
            if _is_decided_again(lost, last, state):
                continue
            place, name = (lost.row if lost.row >= 0 else None), lost.name.id
            what, way_out = _lost(lost, last, rows)
        else:
            now = int(rows.codes[row])
            if now == last.original and last.label >= 0:
                continue
            place, name = row, ids[row]
            what, way_out = _relabelled(row, last, rows)
        event = last.event
        yield (
            place,
            name,
            event.kind.value,
            rows.label(last.label),
            event.annotator,
            event.note,
            event.time,
            what,
            way_out,
        )


def _is_decided_again(lost: Lost, said: Said, state: State) -> bool:
    """Whether somebody has decided since about the row that took the place of the lost one."""
    later = state.standing.get(lost.row, ()) if lost.why in {Why.CHANGED, Why.RENAMED} else ()
    return bool(later) and later[-1].event.seq > said.event.seq


def _lost(lost: Lost, said: Said, rows: Rows) -> tuple[str, str]:
    again = f"Read row {lost.row}; to decide the same, call {_call(lost.row, said, rows)}."
    name, stood = lost.name, f"row {lost.name.number} when it was decided"
    if lost.why is Why.CHANGED:
        return f"The row with id {name.id!r} has another content now.", again
    if lost.why is Why.RENAMED:
        return f"No row has the id {name.id!r} any more; row {lost.row} has the same content.", again
    if lost.why is Why.UNCERTAIN:
        return (
            f"Several rows have this content ({stood}), and it cannot be told which one was meant.",
            "Give ids, or decide again about the right one: " + again,
        )
    known = f"the id {name.id!r}" if name.id is not None else "this content"
    return (
        f"No row has {known} any more ({stood}): it was removed{'' if name.id is not None else ' or edited'}.",
        "Nothing, if that was meant: the decision stays in the store, and counts again when the row is back.",
    )


def _relabelled(row: int, said: Said, rows: Rows) -> tuple[str, str]:
    old, now, wanted = rows.label(said.original), rows.label(int(rows.codes[row])), rows.label(said.label)
    if holds(said, row, rows.codes):
        return f"The data has the label {now!r} now, as was decided: already corrected.", "Nothing."
    if said.label < 0:
        return (
            f"{wanted!r} is not one of the classes any more.",
            f"Decide again about row {row} with a label that is, or load labels of the type that they had.",
        )
    return (
        f"The data changed the label from {old!r} to {now!r}, where {wanted!r} was decided: a conflict.",
        f"To accept {now!r}, call keep({row}); to insist, call relabel({row}, {wanted!r}).",
    )


def _call(row: int, said: Said, rows: Rows) -> str:
    if said.event.kind in {Kind.KEEP, Kind.UNSURE}:
        return f"{said.event.kind}({row})"
    return f"{said.event.kind}({row}, {rows.label(said.label)!r})"

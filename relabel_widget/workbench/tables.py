"""The workbench's tables, as data frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .._typing import AnyArray, CodeArray
from ..facts import flips_by, plural
from ..files.characters import readable
from ..journal import Event, Judgement, Kind, Mark, Said

if TYPE_CHECKING:
    import pandas as pd


def corrected_table(overlay: Mapping[int, Mark], ids: AnyArray, classes: AnyArray) -> pd.DataFrame:
    """The rows whose label differs now: ``row, id, original, corrected, annotator, note, time``, by row."""
    import numpy as np
    import pandas as pd

    rows = np.array(sorted(overlay), dtype=np.int64)
    marks = [overlay[row] for row in rows.tolist()]
    return pd.DataFrame(
        {
            "row": rows,
            "id": ids[rows],
            "original": classes[np.array([mark.original for mark in marks], dtype=np.int64)],
            "corrected": classes[np.array([mark.code for mark in marks], dtype=np.int64)],
            "annotator": pd.Series([mark.annotator for mark in marks], dtype="str"),
            "note": pd.Series([mark.note for mark in marks], dtype="str"),
            "time": pd.to_datetime([mark.time for mark in marks], utc=True).as_unit("us"),
        }
    )


def decisions_table(
    overlay: Mapping[int, Mark], judged: Mapping[int, Judgement], ids: AnyArray, classes: AnyArray
) -> pd.DataFrame:
    """Every row that somebody decided about: ``row, id, decision, label, annotator, note, time``, by row.

    ``decision`` is ``relabel``, ``keep`` or ``unsure``; ``label`` the new one of a relabelled row, else missing.
    """
    import numpy as np
    import pandas as pd

    found: dict[int, Mark | Judgement] = {**overlay, **judged}
    rows = sorted(found)
    said = [found[row] for row in rows]
    return pd.DataFrame(
        {
            "row": np.array(rows, dtype=np.int64),
            "id": ids[np.array(rows, dtype=np.int64)],
            "decision": pd.Series([getattr(one, "kind", Kind.RELABEL).value for one in said], dtype="str"),
            "label": pd.Series([classes[one.code] if isinstance(one, Mark) else None for one in said], dtype="object"),
            "annotator": pd.Series([one.annotator for one in said], dtype="str"),
            "note": pd.Series([one.note for one in said], dtype="str"),
            "time": pd.to_datetime([one.time for one in said], utc=True).as_unit("us"),
        }
    )


def conflicts_table(
    conflicts: Mapping[int, list[Said]], original: CodeArray, ids: AnyArray, label: Callable[[int], Any]
) -> pd.DataFrame:
    """A line for each opinion: ``row, id, original, annotator, decision, label, note, time``, by row and time."""
    import pandas as pd

    lines = []
    for row, said in conflicts.items():
        for one in said:
            who, what = one.event.annotator, (one.event.kind.value, label(one.label), one.event.note, one.event.time)
            lines.append((row, ids[row], label(int(original[row])), who, *what))
    columns = ["row", "id", "original", "annotator", "decision", "label", "note", "time"]
    table = pd.DataFrame(lines, columns=columns)
    for name in ("annotator", "decision", "note"):
        table[name] = table[name].astype("str")
    table["time"] = pd.to_datetime(table["time"], utc=True).dt.as_unit("us")
    return table.astype({"row": "int64"})


def history_table(
    events: Iterable[Event], known: Callable[[str], Event | None], label: Callable[[int], Any]
) -> pd.DataFrame:
    """A line for each event: ``event, time, annotator, kind, rows, from, to, note, details``, oldest first.

    ``rows``, ``from`` and ``to`` hold lists; an undo shows the labels that it took away and brought back. Rows that the
    data does not have are left out, and counted in ``details``.
    """
    import pandas as pd

    lines = [_history_line(event, known(event.target) or event, label) for event in events]
    columns = ["event", "time", "annotator", "kind", "rows", "from", "to", "note", "details"]
    table = pd.DataFrame(lines, columns=columns)
    table["time"] = pd.to_datetime(table["time"], utc=True).dt.as_unit("us")
    return table


def in_words(event: Event) -> str:
    """A decision with its number, and whose it is."""
    number = len(set(event.rows))  # an event may have a row several times
    rows = f"row {event.rows[0]}" if number == 1 and event.rows[0] >= 0 else plural(number, "row")
    return f"event {event.seq}: {event.kind} {rows}, by {event.annotator or 'this session'}"


def _history_line(event: Event, source: Event, label: Callable[[int], Any]) -> tuple[Any, ...]:
    old, new = (source.after, source.before) if event.kind is Kind.UNDO else (source.before, source.after)
    here = [place for place, row in enumerate(source.rows) if row >= 0]
    labels = ([label(codes[place]) for place in here] for codes in (old, new))
    rows = [source.rows[place] for place in here]
    details = "; ".join(filter(None, (_details(event, source), _gone(len(source.rows) - len(here)))))
    return event.seq, event.time, event.annotator, event.kind.value, rows, *labels, source.note, details


def _gone(number: int) -> str:
    return f"{plural(number, 'row')} not in this data" if number else ""


def _details(event: Event, source: Event) -> str:
    kept = event.details
    if event.kind is Kind.VERIFY:
        return flips_by(*(int(kept[name] or 0) for name in ("n_flipped", "n_test", "n_relabelled")))
    if event.kind is Kind.EXPORT:
        as_of = f", as of event {kept['as_of']}" if kept.get("as_of") else ""
        what = "decisions" if kept.get("what") == "all" else "corrected labels"
        return readable(f"{kept['count']} {what} to {kept['path']}{as_of}")
    if event.kind is Kind.IMPORT:
        return f"from {kept.get('source', 'elsewhere')}"
    deed = {Kind.UNDO: "takes back", Kind.REDO: "brings back"}.get(event.kind)
    return f"{deed} event {source.seq}" if deed else ""

"""The workbench's tables, as data frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .._typing import AnyArray
from ..facts import flips_by
from ..files.characters import readable
from ..journal import Event, Judgement, Kind, Mark

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


def history_table(events: Iterable[Event], classes: AnyArray) -> pd.DataFrame:
    """Every event: ``event, time, annotator, kind, rows, from, to, note, details``, oldest first.

    ``rows``, ``from`` and ``to`` hold lists; an undo shows the labels that it took away and brought back.
    """
    import pandas as pd

    seen: dict[int, Event] = {}
    lines = []
    for event in events:
        seen[event.seq] = event
        lines.append(_history_line(event, seen.get(event.target or 0, event), classes.tolist()))
    columns = ["event", "time", "annotator", "kind", "rows", "from", "to", "note", "details"]
    table = pd.DataFrame(lines, columns=columns)
    table["time"] = pd.to_datetime(table["time"], utc=True).dt.as_unit("us")
    return table


def _history_line(event: Event, source: Event, classes: list[Any]) -> tuple[Any, ...]:
    old, new = (source.after, source.before) if event.kind is Kind.UNDO else (source.before, source.after)
    labels = ([classes[code] for code in codes] for codes in (old, new))
    note, details = source.note, _details(event)
    return event.seq, event.time, event.annotator, event.kind.value, list(source.rows), *labels, note, details


def _details(event: Event) -> str:
    kept = event.details
    if event.kind is Kind.VERIFY:
        return flips_by(*(int(kept[name] or 0) for name in ("n_flipped", "n_test", "n_relabelled")))
    if event.kind is Kind.EXPORT:
        return readable(f"{kept['count']} corrected labels to {kept['path']}")
    deed = {Kind.UNDO: "takes back", Kind.REDO: "brings back"}.get(event.kind)
    return f"{deed} event {event.target}" if deed else ""

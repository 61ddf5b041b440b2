"""The queue of labels to check as the page asks for it: ranked, filtered, a page at a time, and why each is there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import IntArray
from ..facts import clip
from ..monitor import Monitor
from ..workbench.row_content import Image
from . import _wire as wire
from . import _words as words
from ._content import shown
from ._search import TrainingSearch

if TYPE_CHECKING:
    import pandas as pd

    from ..workbench import Workbench

PARTS = 12
"""Features of a row that are marked as speaking against its label."""

MOST_BYTES = 50_000
"""Of an image in the list: many travel together, and the one in front is asked for in full."""

_KEPT = 4  # rankings: two pages on one widget, in both orders

Value = dict[str, Any]


class Queue:
    """Ranks the rows that nobody decided about, and keeps each ranking as long as a page works through it.

    A page names its rankings by numbers of its own: another number is another ranking, which has learned from all
    decisions. Within one, no row changes its place.
    """

    def __init__(self, workbench: Workbench, search: TrainingSearch) -> None:
        self._workbench = workbench
        self._search = search
        self._rankings: OrderedDict[tuple[str, int], pd.DataFrame] = OrderedDict()
        self._arranged: tuple[tuple[Any, ...], IntArray] | None = None

    def page(self, body: Mapping[str, Any], monitor: Monitor) -> Value:
        """Some of the rows that fit, in their order, and how many there are."""
        key = (body["order"], body["round"])
        table = self._ranking(key, monitor)
        asked = (*key, *(body[name] for name in ("search", "label", "suggested", "contradicted")))
        places = self._places(table, asked, monitor)
        shown = table.iloc[places[body["offset"] : body["offset"] + body["limit"]]]
        rows = [self._line(line) for line in shown.to_dict("records")]
        return {"total": len(places), "offset": body["offset"], "rows": rows}

    def _ranking(self, key: tuple[str, int], monitor: Monitor) -> pd.DataFrame:
        found = self._rankings.get(key)
        if found is None:
            bench = self._workbench
            said = set(bench.decisions()["row"].tolist())
            ranked = bench.next_to_check if key[0] == "repair" and "repair" in wire.orders(bench) else bench.suspects
            found = ranked(texts=False, monitor=monitor)
            found = found[~found["row"].isin(said)]
            self._rankings[key] = found
            while len(self._rankings) > _KEPT:
                self._rankings.popitem(last=False)
        self._rankings.move_to_end(key)
        return found

    def _places(self, table: pd.DataFrame, key: tuple[Any, ...], monitor: Monitor) -> IntArray:
        """Places in a ranking of the rows that a filter keeps."""
        if self._arranged is not None and self._arranged[0] == key:
            return self._arranged[1]
        *_, search, label, suggested, contradicted = key
        rows = table["row"].to_numpy()
        kept = np.ones(len(table), dtype=bool)
        for column, name in (("label", label), ("suggested", suggested)):
            if name is not None:
                kept &= (table[column] == wire.class_of(self._workbench, name)).to_numpy()
        if contradicted:
            kept &= self._workbench.same_text_other_label()[rows]
        places = np.flatnonzero(kept)
        places = places[self._search.places(rows[places], search, monitor)]
        self._arranged = (key, places)
        return places

    def _line(self, line: Mapping[Any, Any]) -> Value:
        row = int(line["row"])
        look = self._workbench.train_content(row)
        larger = isinstance(look, Image) and len(look.png) > MOST_BYTES
        text, content = shown(self._workbench.train_content(row, small=True) if larger else look)
        name = str(self._workbench.ids[row])
        return {
            "row": row,
            "title": f"Training row {row}" if name == str(row) else f"Training row {row} · {clip(name, 80)}",
            "facts": words.suspected(line["label"], line["suggested"], line["score"]),
            "text": clip(text, wire.TEXT_OF_QUERY),
            "content": content,
            "label": str(line["label"]),
            "suggested": str(line["suggested"]),
            "score": f"{line['score']:.1%}",
            "larger": larger,
        }

    def reasons(self, row: int, label: str, monitor: Monitor) -> Value:
        """Why a row is in the queue; ``label`` is the one to consider."""
        found = self._workbench.reasons(row, wire.class_of(self._workbench, label), monitor=monitor)
        against = found.features[found.features["contribution"] < 0].head(PARTS)
        return {
            "words": [clip(word, 80) for word in against["feature"]],
            "parts": (-against["contribution"]).tolist(),
            "lines": words.reasons(self._workbench, found),
        }

    def outlook(self, monitor: Monitor) -> Value:
        """How many wrong labels are likely left."""
        left = self._workbench.checking_outlook(monitor=monitor).left
        return {"message": f"about {left.estimate:,.0f} wrong left (likely {left.low:,.0f} to {left.high:,.0f})"}

"""The queue of labels to check as the page asks for it: ranked, filtered, a page at a time, and why each is there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import IntArray
from ..facts import clip
from ..monitor import Monitor
from . import _wire as wire
from ._pages import number_or_none

if TYPE_CHECKING:
    import pandas as pd

    from ..workbench import Workbench

TEXT_BESIDE = 300
"""Characters of a row that is shown beside the one in question."""

PARTS = 12
"""Features of a row that are named as speaking for or against its label."""

_KEPT = 4  # rankings: two pages on one widget, in both orders

Value = dict[str, Any]


class Queue:
    """Ranks the rows that nobody decided about, and keeps each ranking as long as a page works through it.

    A page names its rankings by numbers of its own: another number is another ranking, which has learned from all
    decisions. Within one, no row changes its place.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._rankings: OrderedDict[tuple[str, int], pd.DataFrame] = OrderedDict()
        self._arranged: tuple[tuple[Any, ...], IntArray] | None = None

    def page(self, body: Mapping[str, Any], monitor: Monitor) -> Value:
        """Some of the rows that fit, in their order, and how many there are."""
        key = (body["order"], body["round"])
        table = self._ranking(key, monitor)
        places = self._places(table, (*key, body["search"], body["label"], body["suggested"]))
        shown = table.iloc[places[body["offset"] : body["offset"] + body["limit"]]]
        rows = [self._line(line) for line in shown.to_dict("records")]
        return {"total": len(places), "offset": body["offset"], "rows": rows}

    def _ranking(self, key: tuple[str, int], monitor: Monitor) -> pd.DataFrame:
        found = self._rankings.get(key)
        if found is None:
            bench = self._workbench
            said = set(bench.decisions()["row"].tolist())
            ranked = bench.next_to_check if key[0] == "repair" and "repair" in wire.orders(bench) else bench.suspects
            found = ranked(monitor=monitor)
            found = found[~found["row"].isin(said)]
            self._rankings[key] = found
            while len(self._rankings) > _KEPT:
                self._rankings.popitem(last=False)
        self._rankings.move_to_end(key)
        return found

    def _places(self, table: pd.DataFrame, key: tuple[Any, ...]) -> IntArray:
        """Places in a ranking of the rows that a filter keeps."""
        if self._arranged is not None and self._arranged[0] == key:
            return self._arranged[1]
        *_, search, label, suggested = key
        kept = np.ones(len(table), dtype=bool)
        for column, wanted in (("label", label), ("suggested", suggested)):
            if wanted is not None:
                kept &= (table[column] == wire.class_of(self._workbench, wanted)).to_numpy()
        places, words = np.flatnonzero(kept), search.strip().casefold()
        if words:
            text, rows = self._workbench.train_text, table["row"].to_numpy()[places].tolist()
            places = places[[words in text(row).casefold() for row in rows]]
        self._arranged = (key, places)
        return places

    def _line(self, line: Mapping[Any, Any]) -> Value:
        row = int(line["row"])
        return {
            "row": row,
            "id": clip(self._workbench.ids[row], 80),
            "text": clip(self._workbench.train_text(row), wire.TEXT_OF_QUERY),
            "label": str(line["label"]),
            "suggested": str(line["suggested"]),
            "score": float(line["score"]),
        }

    def reasons(self, row: int, label: str, monitor: Monitor) -> Value:
        """Why a row is in the queue; ``label`` is the one to consider."""
        found = self._workbench.reasons(row, wire.class_of(self._workbench, label), monitor=monitor)
        features = found.features.head(PARTS)
        parts = zip(features["feature"], features["contribution"], strict=True)
        near = found.nearest.to_dict("records")
        effect = found.effect
        before, after = effect.log_loss_before, effect.log_loss_after
        return {
            "parts": [{"word": clip(word, 80), "part": float(part)} for word, part in parts],
            "near": [
                {
                    "row": int(line["row"]),
                    "label": str(line["label"]),
                    "text": clip(self._workbench.train_text(int(line["row"])), TEXT_BESIDE),
                    "similarity": float(line["similarity"]),
                }
                for line in near
            ],
            "repaired": effect.n_became_right,
            "made": effect.n_became_wrong,
            "loss": None if before is None or after is None else number_or_none(after - before),
        }

    def outlook(self, monitor: Monitor) -> Value:
        """How many wrong labels are likely left."""
        left = self._workbench.checking_outlook(monitor=monitor).left
        return {"left": left.estimate, "low": left.low, "high": left.high}

"""The list of all training rows as the page asks for it: filtered and searched, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._typing import FloatArray, IntArray
from ..facts import clip
from ..files.characters import quoted
from ..monitor import Monitor
from ..workbench.row_content import Content
from ._content import shown
from ._search import TrainingSearch

_COUNTED = {"relabel": "changed", "keep": "kept", "unsure": "unsure"}

SUSPECT = 0.5
"""A row whose label is wrong with more than this probability is suspect: another one is likelier than its own."""


class TrainingPages:
    """Pages of the training rows; which rows a filter keeps stands until it is asked for again."""

    def __init__(self, workbench: Any, search: TrainingSearch) -> None:
        self._workbench = workbench
        self._search = search
        self._arranged: tuple[tuple[Any, ...], IntArray] | None = None
        self._ranked: tuple[pd.DataFrame, FloatArray] | None = None

    def page(self, query: Mapping[str, Any], monitor: Monitor) -> dict[str, Any]:
        """Rows ``offset`` to ``offset + limit`` of what fits, and how many are decided in all."""
        said = self._workbench.decisions()
        rows = self._fitting(query, said, monitor)
        offset = query["offset"]
        lines = self._lines(rows[offset : offset + query["limit"]], offset)
        return {"total": len(rows), "offset": offset, "rows": lines, "words": self._counted(len(rows), said)}

    def _counted(self, total: int, said: pd.DataFrame) -> str:
        made = said["decision"].value_counts()
        n_train = self._workbench.n_train
        shown = "" if total == n_train else f"{total:,} of "
        counts = (f"{made.get(kind, 0):,} {words}" for kind, words in _COUNTED.items())
        return " · ".join((f"{shown}{n_train:,} rows", *counts))

    def _fitting(self, query: Mapping[str, Any], said: pd.DataFrame, monitor: Monitor) -> IntArray:
        key = (query["filter"], query["search"], query["asked"])
        if self._arranged is not None and self._arranged[0] == key:
            return self._arranged[1]
        rows = self._kept(query["filter"], said, monitor)
        rows = rows[self._search.places(rows, query["search"], monitor)]
        self._arranged = (key, rows)
        return rows

    def _kept(self, name: str, said: pd.DataFrame, monitor: Monitor) -> IntArray:
        """The training rows that a filter keeps: suspect ones the most suspect first, others in their own order."""
        if name == "all":
            return np.arange(self._workbench.n_train)
        if name == "suspect":
            scores = self._suspicion(said, monitor)
            order = np.argsort(-scores, kind="stable")
            return order[scores[order] > SUSPECT]
        if name == "contradicted":
            return np.flatnonzero(self._workbench.same_text_other_label())
        if name == "noted":
            fits = said["note"] != ""
        elif name == "mine":
            fits = said["annotator"] == self._workbench.annotator
        else:
            fits = said["decision"] == {"relabelled": "relabel", "kept": "keep", "unsure": "unsure"}[name]
        return said["row"].to_numpy()[fits.to_numpy()]

    def _suspicion(self, said: pd.DataFrame, monitor: Monitor) -> FloatArray:
        """How suspect each row is, -1 for those decided about: as known, unless somebody decided since."""
        decided = said[["row", "decision", "label"]]
        if self._ranked is None or not self._ranked[0].equals(decided):
            table = self._workbench.suspects(texts=False, monitor=monitor)
            scores = np.full(self._workbench.n_train, -1.0)
            scores[table["row"]] = table["score"]
            self._ranked = (decided, scores)
        return self._ranked[1]

    def _lines(self, rows: IntArray, offset: int) -> list[dict[str, Any]]:
        if not len(rows):
            return []
        table = self._workbench.train_rows(rows).to_dict("records")
        suggested = self._workbench.suggested_labels(rows)
        scores = None if self._ranked is None else self._ranked[1][rows]
        return [
            {
                **as_listed(
                    offset + i + 1,
                    line,
                    suggested[i],
                    self._workbench.train_content(line["row"], small=True),
                    f"{scores[i]:.1%} likely wrong" if scores is not None and scores[i] >= 0 else "",
                ),
                "influence": 0.0,
                "change": "",
                "share": "",
                "in_set": False,
                "words": [],
            }
            for i, line in enumerate(table)
        ]


TEXT_IN_LIST = 600
_NAME = 80
_SAID = {"keep": "✓ kept", "unsure": "? unsure"}


def as_listed(rank: int, line: Mapping[Any, Any], suggested: Any, look: Content, doubt: str = "") -> dict[str, Any]:
    """What every list of training rows tells of a line of `Workbench.train_rows`."""
    text, content = shown(look)
    note = quoted(clip(line["note"], TEXT_IN_LIST)) if line["note"] else ""
    facts = filter(None, (doubt, clip(line["annotator"], _NAME), note))
    return {
        "rank": rank,
        "row": int(line["row"]),
        "id": "" if str(line["id"]) == str(line["row"]) else clip(line["id"], _NAME),
        "text": clip(text, TEXT_IN_LIST),
        "content": content,
        "original": str(line["original"]),
        "current": str(line["current"]),
        "suggested": str(suggested),
        "relabelled": line["decision"] == "relabel",
        "said": _SAID.get(line["decision"], ""),
        "facts": " · ".join(facts),
    }

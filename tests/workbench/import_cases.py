"""Rows that decisions are imported for, and what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import relabel_widget as rw
from relabel_widget.workbench.workbench import Workbench

FOREIGN = Path(__file__).parent.parent / "foreign"
TEXTS = ["lovely tea", "cold soup", "warm room", "rude clerk", "twice said", "twice said", "kind guide", "dirty bus"]
Y = np.array(["praise", "complaint", "praise", "complaint", "complaint", "complaint", "praise", "complaint"])
IDS = [f"r{row:02}" for row in range(8)]
MODEL = make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-10)).fit(TEXTS, Y)
WAYS = [
    ("x.csv", None),
    ("x.jsonl", None),
    ("x.parquet", None),
    ("x.json", "label-studio"),
    ("y.jsonl", "doccano"),
]


def bench(annotator: str = "bo", ids: Any = IDS, **options: Any) -> Workbench:
    return Workbench(MODEL, TEXTS, Y, ["lovely bus", "cold tea"], annotator=annotator, ids=ids, **options)


def outcomes(result: rw.ImportedDecisions) -> list[tuple[Any, str]]:
    rows = [None if pd.isna(row) else int(row) for row in result.table["row"]]
    return list(zip(rows, result.table["outcome"], strict=True))


def state(one: Workbench) -> Any:
    """What everybody said of each row, without when it was written here."""
    said = one._decisions.state.standing
    return {
        row: [(s.event.kind, s.event.annotator, s.event.note, s.event.time, s.label, s.opinion) for s in each]
        for row, each in said.items()
    }


# --- out and in again


def full(ids: Any = IDS) -> Workbench:
    one = bench("ada", ids)
    one.relabel(one.flip_set(0).rows, one.flip_set(0).labels, note="read it, 'twice'\n=1")
    one.relabel(4)  # one of two rows with the same text
    one.keep(6, note="fine")
    one.unsure(7)
    one._annotator = "eve"
    one.keep(4, note="no")
    one.adjudicate(6, "complaint", note="so be it")
    one.relabel(5)
    one.relabel(5)  # takes the mark off again
    one.relabel(3)
    one.relabel(3, note="it was right")  # so does this, with a reason
    one._annotator = "ada"
    return one

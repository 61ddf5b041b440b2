"""Real texts as counts: what most benchmarks fit and ask about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer


@dataclass(frozen=True)
class Task:
    """Counts and labels of a data set's training rows, and the counts of some test rows."""

    x: Any
    y: np.ndarray
    queries: Any
    C: float
    threshold: float


def task_of(
    frame: pd.DataFrame, n_queries: int | None, *, C: float = 1.0, threshold: float = 0.5, min_df: int = 1
) -> Task:
    """The first of 100 test rows drawn with seed 0, or all test rows if ``n_queries`` is None."""
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    vectoriser = CountVectorizer(min_df=min_df)
    x = vectoriser.fit_transform(train["text"])
    if n_queries is not None:
        test = test.iloc[np.random.default_rng(0).choice(len(test), 100, replace=False)[:n_queries]]
    return Task(x, train["label"].to_numpy(), vectoriser.transform(test["text"]), C, threshold)

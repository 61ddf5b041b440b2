"""Data files as matrices: bag of words, one-hot columns, or vectors of a sentence encoder."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FOLDER = Path(os.environ.get("RELABEL_WIDGET_DATA", Path(__file__).parents[3] / "shared" / "data"))
THRESHOLDS = {"hate_speech": 0.25}


@dataclass(frozen=True, eq=False)
class Data:
    """Training and test rows of one data set."""

    name: str
    x: Any
    y: np.ndarray
    queries: Any
    truth: np.ndarray
    train: pd.DataFrame
    test: pd.DataFrame
    threshold: float = 0.5
    C: float = 1.0

    def some(self, rows: int) -> Data:
        """At most that many test rows, drawn with seed 0; all if 0."""
        if not rows or rows >= len(self.truth):
            return self
        kept = np.random.default_rng(0).choice(len(self.truth), rows, replace=False)
        return replace(self, queries=self.queries[kept], truth=self.truth[kept], test=self.test.iloc[kept])


def load(name: str, *, sample: int = 0) -> Data:
    """A data set by name; with ``sample`` that many training rows of it, or of a made one if the file is absent."""
    path = FOLDER / f"{name}.csv.gz"
    if path.is_file():
        frame = pd.read_csv(path, keep_default_na=False)
    elif sample:
        frame = made(name, 2 * sample)
    else:
        raise SystemExit(f"{path} is absent: set RELABEL_WIDGET_DATA to the folder that holds it, or run --sample.")
    if sample:
        train = frame[frame["split"] == "train"].sample(sample, random_state=0)
        frame = pd.concat([train, frame[frame["split"] == "test"].head(400)])
    return one_hot(name, frame) if "text" not in frame else words(name, frame)


def halves(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return frame[frame["split"] == "train"], frame[frame["split"] == "test"]


def words(name: str, frame: pd.DataFrame) -> Data:
    """Counts of words seen twice or more."""
    train, test = halves(frame)
    vectoriser = CountVectorizer(min_df=2)
    x = vectoriser.fit_transform(train["text"])
    return of(name, x, vectoriser.transform(test["text"]), train, test)


def one_hot(name: str, frame: pd.DataFrame) -> Data:
    """Every value of every column but Id."""
    train, test = halves(frame)
    columns = [column for column in frame.columns if column not in ("split", "label", "Id")]
    encoder = OneHotEncoder(handle_unknown="ignore").fit(train[columns].astype(str))
    return of(name, *(encoder.transform(part[columns].astype(str)) for part in (train, test)), train, test)


def embedded(data: Data, encoder: Any) -> Data:
    """The same rows as the vectors that a transformer makes of their texts, standardised."""
    vectors = make_pipeline(encoder, StandardScaler())
    x, queries = vectors.fit_transform(data.train["text"]), vectors.transform(data.test["text"])
    return replace(data, name=f"{data.name}, sentence encoder", x=x, queries=queries, C=0.01)


def of(name: str, x: Any, queries: Any, train: pd.DataFrame, test: pd.DataFrame) -> Data:
    y, truth = train["label"].to_numpy(dtype=int), test["label"].to_numpy(dtype=int)
    return Data(name, x, y, queries, truth, train, test, THRESHOLDS.get(name, 0.5))


def made(name: str, n: int) -> pd.DataFrame:
    """A table made by code, of the same columns."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, n)
    frame = pd.DataFrame({"split": np.where(np.arange(n) % 4 == 0, "test", "train"), "label": label})
    if name == "loan":
        frame["Car_Ownership"] = rng.choice(["yes", "no"], n)
        for column in ("Profession", "CITY"):
            frame[column] = [
                f"{column} {(value + 3 * rng.integers(0, 9)) % 12}" for value in label ^ (rng.uniform(size=n) < 0.25)
            ]
        return frame
    good, bad, plain = (["bright", "warm", "clever"], ["dull", "cold", "clumsy"], [f"word{k}" for k in range(150)])
    frame["text"] = [
        " ".join([*rng.choice(good if value ^ (rng.uniform() < 0.15) else bad, 2), *rng.choice(plain, 6)])
        for value in label
    ]
    return frame

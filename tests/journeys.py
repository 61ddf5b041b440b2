"""What people bring: estimators, pipelines, containers of rows, kinds of labels and of ids, by name."""

from __future__ import annotations

import datetime
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from imblearn.pipeline import Pipeline as SamplingPipeline
from imblearn.under_sampling import RandomUnderSampler
from oracles import sklearn_model
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectFromModel, SelectKBest, SelectPercentile, VarianceThreshold, chi2
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)

N_TRAIN = 120
N_TEST = 6
KINDS = ("texts", "table", "numbers", "dicts")  # of rows

_GOOD = ["great", "lovely", "superb", "warm", "bright", "funny"]
_BAD = ["dull", "awful", "bland", "cold", "weak", "boring"]
_ODD = ["strange", "weird", "eerie", "queer", "unusual", "curious"]
_PLAIN = ["Film", "plot", "actor", "scene", "score", "script", "camera", "story", "ending", "cast"]


@cache
def rows_of(kind: str, n_classes: int = 2) -> tuple[Any, Any, np.ndarray]:
    """Training rows, test rows and codes of the training labels; texts as a list, tables as a frame of pandas."""
    rng = np.random.default_rng(5)
    n_rows = N_TRAIN + N_TEST
    codes = np.arange(n_rows) % n_classes
    seen = np.where(rng.random(n_rows) < 0.12, n_classes - 1 - codes, codes)  # what the rows say
    texts = [_text(rng, code) for code in seen]
    if kind == "texts":
        rows: Any = texts
    elif kind == "numbers":
        rows = np.where(rng.random((n_rows, 5)) < 0.8, rng.normal(size=(n_rows, 5)).round(3), 0.0)
        rows[:, 0] += 1.5 * (seen == 1)
        rows[:, 1] += 1.5 * (seen == 2)
    else:
        frame = pd.DataFrame(
            {
                "text": texts,
                "city": np.where(rng.random(n_rows) < 0.7, np.array(["Rome", "Oslo", "Kiel"])[seen], "Bonn"),
                "shop": rng.choice(["north", "south", "west"], n_rows),
                "amount": (rng.normal(size=n_rows) + seen).round(3),
                "visits": rng.integers(0, 9, n_rows),
            }
        )
        rows = frame if kind == "table" else frame.drop(columns="text").to_dict("records")
    if kind == "table":
        return rows.iloc[:N_TRAIN], rows.iloc[N_TRAIN:].reset_index(drop=True), codes[:N_TRAIN]
    return rows[:N_TRAIN], rows[N_TRAIN:], codes[:N_TRAIN]


def _text(rng: np.random.Generator, code: int) -> str:
    chance = {0: 0.2, 1: 0.8, 2: 0.5}[code]
    telling = [rng.choice(_GOOD if rng.random() < chance else _BAD) for _ in range(3)]
    telling += [rng.choice(_ODD) for _ in range(2 * (code == 2))]
    return " ".join([*telling, *rng.choice(_PLAIN, rng.integers(3, 8))])


# --- estimators


@dataclass(frozen=True)
class Setting:
    """A classifier, what its owner does beside fitting it, and whether it takes counts alone, or two classes alone."""

    model: Any
    weights: str = "none"  # "given" to the fit and to us, or "forgotten": given to the fit alone
    sparsify: bool = False
    refused: str = ""
    counts: bool = False
    two: bool = False


ESTIMATORS = {
    "default": Setting(LogisticRegression()),
    "C=10": Setting(LogisticRegression(C=10)),
    "C=100": Setting(LogisticRegression(C=100)),
    "C=1e4": Setting(LogisticRegression(C=1e4)),
    "tight": Setting(LogisticRegression(tol=1e-10, max_iter=5000)),
    "liblinear": Setting(LogisticRegression(solver="liblinear", intercept_scaling=5), two=True),
    "saga early": Setting(LogisticRegression(C=10, solver="saga", max_iter=3, random_state=0)),
    "sag": Setting(LogisticRegression(solver="sag", random_state=0)),
    "newton-cholesky": Setting(LogisticRegression(solver="newton-cholesky")),
    "no intercept": Setting(LogisticRegression(fit_intercept=False)),
    "sparsified": Setting(LogisticRegression(), sparsify=True),
    "weights": Setting(LogisticRegression(), weights="given"),
    "weights forgotten": Setting(LogisticRegression(), weights="forgotten"),
    "balanced": Setting(LogisticRegression(class_weight="balanced", tol=1e-8, max_iter=5000)),
    "multinomial": Setting(MultinomialNB(), counts=True),
    "multinomial, weights": Setting(MultinomialNB(alpha=0.3), weights="given", counts=True),
    "complement": Setting(ComplementNB(), counts=True),
    "Bernoulli": Setting(BernoulliNB(), counts=True),
    "l1": Setting(sklearn_model("l1", solver="saga", random_state=0), refused="expected an L2 penalty"),
}


# --- steps of people's own


class Dense(BaseEstimator, TransformerMixin):
    """To a dense array."""

    def fit(self, X: Any, y: Any = None) -> Dense:  # noqa: ARG002 - scikit-learn's signature
        return self

    def transform(self, X: Any) -> np.ndarray:
        return X.toarray()


class TextStatistics(BaseEstimator, TransformerMixin):
    """Counts of characters and words."""

    def fit(self, X: Any, y: Any = None) -> TextStatistics:  # noqa: ARG002 - scikit-learn's signature
        return self

    def transform(self, X: Any) -> np.ndarray:
        return np.array([[len(text), len(text.split()), text.count("e")] for text in X], dtype=float)


class Encoder(TextStatistics):
    """Stands for a sentence encoder: a vector for each text, the mean of its words' vectors."""

    def transform(self, X: Any) -> np.ndarray:
        words = {
            word: np.random.default_rng(number).normal(size=8).astype(np.float32)
            for number, word in enumerate(_GOOD + _BAD + _PLAIN)
        }
        return np.array([np.mean([words[word] for word in text.split()], axis=0) for text in X])


class Duck:
    """A transformer without a base class."""

    def fit(self, X: Any, y: Any = None) -> Duck:  # noqa: ARG002 - scikit-learn's signature
        self.most_ = X.max()
        return self

    def transform(self, X: Any) -> Any:
        return X / self.most_


class Chosen(BaseEstimator, TransformerMixin):
    """One column of a frame, or some."""

    def __init__(self, columns: Any) -> None:
        self.columns = columns

    def fit(self, X: Any, y: Any = None) -> Chosen:  # noqa: ARG002 - scikit-learn's signature
        return self

    def transform(self, X: Any) -> Any:
        return X[self.columns]


class LongOnly(TextStatistics):
    """Drops rows, which no step may."""

    def transform(self, X: Any) -> Any:
        return [text for text in X if len(text.split()) > 7]


def _lower(texts: Any) -> list[str]:
    return [text.lower() for text in texts]


def _records(frame: Any) -> Any:
    return frame.to_dicts() if hasattr(frame, "to_dicts") else frame.to_dict("records")


# --- pipelines


@dataclass(frozen=True)
class Way:
    """How rows become features.

    Attributes
    ----------
    make
        From the classifier to the estimator that is fitted.
    takes
        Kind of rows.
    plain
        Whether the first step reads rows as any vectoriser does; steps of people's own need rows that they can index.
    words
        Whether features are words, so that their names can be found in the texts.
    columns
        Of a table, those that are passed in.
    refused
        What the refusal says.
    """

    make: Callable[[Any], Any]
    takes: str = "texts"
    plain: bool = True
    words: bool = False
    columns: tuple[str, ...] = ("text", "city", "shop", "amount", "visits")
    refused: str = ""


def _steps(*before: Any) -> Callable[[Any], Any]:
    return lambda model: make_pipeline(*before, model)


CATEGORIES = ("city", "shop")
NUMBERS = ("amount", "visits")

PIPELINES = {
    "tfidf": Way(_steps(TfidfVectorizer()), words=True),
    "nested counts": Way(_steps(make_pipeline(CountVectorizer(), TfidfTransformer())), words=True),
    "nested end": Way(lambda model: make_pipeline(CountVectorizer(), make_pipeline(MaxAbsScaler(), model)), words=True),
    "hashing": Way(_steps(HashingVectorizer(n_features=64))),
    "words and characters": Way(
        _steps(make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 2))))
    ),
    "words and statistics": Way(
        _steps(make_union(TfidfVectorizer(), make_pipeline(TextStatistics(), StandardScaler()))), plain=False
    ),
    "dense": Way(_steps(TfidfVectorizer(), Dense(), StandardScaler())),
    "statistics": Way(_steps(TextStatistics(), StandardScaler()), plain=False),
    "encoder": Way(_steps(Encoder()), plain=False),
    "duck": Way(_steps(CountVectorizer(), Duck())),
    "cleaned": Way(_steps(FunctionTransformer(_lower), TfidfVectorizer()), plain=False, words=True),
    "best words": Way(_steps(CountVectorizer(), SelectKBest(chi2, k=10)), words=True),
    "share of words": Way(_steps(TfidfVectorizer(), SelectPercentile(chi2, percentile=40)), words=True),
    "words of a model": Way(_steps(TfidfVectorizer(), SelectFromModel(LogisticRegression())), words=True),
    "varying words": Way(_steps(CountVectorizer(), VarianceThreshold(0.1)), words=True),
    "topics": Way(_steps(TfidfVectorizer(), TruncatedSVD(6, random_state=0))),
    "cached": Way(lambda model: Pipeline([("words", CountVectorizer()), ("model", model)], memory="CACHE"), words=True),
    "passed through": Way(
        lambda model: Pipeline(
            [("words", CountVectorizer()), ("scale", "passthrough"), ("nothing", None), ("model", model)]
        ),
        words=True,
    ),
    "sampler": Way(
        lambda model: SamplingPipeline(
            [("words", CountVectorizer()), ("sample", RandomUnderSampler(random_state=0)), ("model", model)]
        ),
        refused="is a sampler",
    ),
    "table": Way(
        _steps(
            make_column_transformer(
                (TfidfVectorizer(), "text"),
                (OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES)),
                (StandardScaler(), list(NUMBERS)),
            )
        ),
        "table",
    ),
    "table to pandas": Way(
        _steps(
            make_column_transformer(
                (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), list(CATEGORIES)),
                (StandardScaler(), list(NUMBERS)),
            ).set_output(transform="pandas")
        ),
        "table",
    ),
    "text selected": Way(_steps(Chosen("text"), TfidfVectorizer()), "table", words=True),
    "one column of texts": Way(_steps(Chosen("text"), TfidfVectorizer()), "table", columns=("text",), words=True),
    "union of selections": Way(
        _steps(
            FeatureUnion(
                [
                    ("words", make_pipeline(Chosen("text"), CountVectorizer())),
                    ("numbers", make_pipeline(Chosen(list(NUMBERS)), StandardScaler())),
                ]
            )
        ),
        "table",
    ),
    "targets": Way(_steps(TargetEncoder(random_state=0)), "table", columns=CATEGORIES),
    "bins": Way(_steps(KBinsDiscretizer(n_bins=4, strategy="uniform", subsample=None)), "table", columns=NUMBERS),
    "imputed": Way(_steps(SimpleImputer(), StandardScaler()), "table", columns=NUMBERS),
    "columns chosen": Way(
        _steps(FunctionTransformer(lambda frame: frame[list(NUMBERS)]), StandardScaler()), "table", plain=False
    ),
    "records": Way(
        _steps(FunctionTransformer(_records), DictVectorizer(sparse=False)), "table", columns=CATEGORIES + NUMBERS
    ),
    "bare on a frame": Way(lambda model: model, "table", columns=NUMBERS),
    "dicts": Way(_steps(DictVectorizer(sparse=False)), "dicts"),
    "bare": Way(lambda model: model, "numbers"),
    "scaled": Way(_steps(StandardScaler(with_mean=False)), "numbers"),
    "squares": Way(_steps(PolynomialFeatures(2, include_bias=False)), "numbers"),
    "best numbers": Way(_steps(SelectKBest(k=2)), "numbers"),
}


# --- containers of rows


@dataclass(frozen=True)
class Container:
    """What holds rows: as it is given to us, and as scikit-learn takes it where that is not the same."""

    give: Callable[[Any], Any]
    own: Callable[[Any], Any] | None = None
    plain: bool = False  # whether only vectorisers of scikit-learn read it


def _numbered(rows: Any) -> list[str]:
    return [f"r{number}" for number in range(len(rows))][::-1]


def _indexed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(_numbered(frame), axis=0)


def _categorical(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(set(frame.columns) & set(CATEGORIES), "category"))


def _chunked(texts: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([texts[:3], texts[3:]])


CONTAINERS = {
    "texts": {
        "list": Container(list),
        "tuple": Container(tuple),
        "generator": Container(lambda texts: (text for text in texts), list),
        "object array": Container(lambda texts: np.array(texts, dtype=object)),
        "text array": Container(np.array),
        "Series": Container(pd.Series),
        "object Series": Container(lambda texts: pd.Series(texts, dtype=object)),
        "string Series, index": Container(lambda texts: pd.Series(texts, _numbered(texts), dtype="string")),
        "Arrow Series": Container(lambda texts: pd.Series(texts, dtype=pd.ArrowDtype(pa.string()))),
        "categorical Series": Container(lambda texts: pd.Series(texts, dtype="category")),
        "one-column frame": Container(lambda texts: pd.DataFrame({"text": texts}), list, plain=True),
        "Polars": Container(pl.Series),
        "Polars lazy": Container(lambda texts: pl.LazyFrame({"text": texts}), list, plain=True),
        "Arrow array": Container(pa.array, list, plain=True),
        "Arrow chunks": Container(_chunked, list, plain=True),
        "Dask": Container(lambda texts: dd.from_pandas(pd.Series(texts), npartitions=2), pd.Series),
        "bytes": Container(lambda texts: [text.encode() for text in texts], plain=True),
    },
    "table": {
        "frame": Container(lambda frame: frame),
        "frame, index": Container(_indexed),
        "frame of objects": Container(lambda frame: frame.astype(dict.fromkeys(set(frame) - set(NUMBERS), object))),
        "frame of strings": Container(lambda frame: frame.astype(dict.fromkeys(set(frame) - set(NUMBERS), "string"))),
        "Arrow frame": Container(lambda frame: frame.convert_dtypes(dtype_backend="pyarrow")),
        "nullable frame": Container(lambda frame: frame.convert_dtypes()),
        "categories": Container(_categorical),
        "Polars": Container(pl.from_pandas),
        "Polars lazy": Container(lambda frame: pl.from_pandas(frame).lazy(), pl.from_pandas),
        "Dask": Container(lambda frame: dd.from_pandas(frame, npartitions=2), lambda frame: frame),
        "Arrow table": Container(pa.Table.from_pandas, lambda frame: frame),
    },
    "numbers": {
        "C": Container(np.ascontiguousarray),
        "F": Container(np.asfortranarray),
        "float32": Container(lambda x: x.astype(np.float32)),
        "lists": Container(lambda x: x.tolist()),
        "csr": Container(sparse.csr_matrix),
        "csr array": Container(sparse.csr_array),
        "csc": Container(sparse.csc_array),
        "coo": Container(sparse.coo_array),
        "frame": Container(lambda x: pd.DataFrame(x, columns=list("abcde"))),
        "numbered frame": Container(pd.DataFrame),
        "Polars": Container(lambda x: pl.DataFrame(x, schema=list("abcde"))),
        "Dask": Container(lambda x: da.from_array(x, chunks=(50, 5)), np.asarray),
    },
    "dicts": {
        "list": Container(list),
        "tuple": Container(tuple),
        "generator": Container(lambda rows: (row for row in rows), list),
        "object array": Container(lambda rows: np.array(rows, dtype=object)),
        "Series": Container(pd.Series),
    },
}


# --- labels


@dataclass(frozen=True)
class LabelKind:
    """Labels from codes: what holds them, and the two or three labels as they must come back."""

    hold: Callable[[list[Any]], Any]
    values: tuple[Any, ...]


_TEXTS = ("ham", "spam")
_THREE = ("bad", "good", "odd")

LABELS = {
    "int array": LabelKind(np.array, (0, 1)),
    "signs": LabelKind(np.array, (-1, 1)),
    "int list": LabelKind(list, (1, 2)),
    "bool array": LabelKind(np.array, (False, True)),
    "bool list": LabelKind(list, (False, True)),
    "float array": LabelKind(np.array, (0.0, 1.0)),
    "text array": LabelKind(np.array, _TEXTS),
    "text list": LabelKind(list, _TEXTS),
    "object array": LabelKind(lambda labels: np.array(labels, dtype=object), _TEXTS),
    "Series, index": LabelKind(lambda labels: pd.Series(labels, _numbered(labels)), _TEXTS),
    "boolean": LabelKind(lambda labels: pd.Series(labels, dtype="boolean"), (False, True)),
    "Int64": LabelKind(lambda labels: pd.Series(labels, dtype="Int64"), (0, 1)),
    "string": LabelKind(lambda labels: pd.Series(labels, dtype="string"), _TEXTS),
    "categorical": LabelKind(lambda labels: pd.Series(labels, dtype="category"), _TEXTS),
    "ordered": LabelKind(lambda labels: pd.Categorical(labels, ["spam", "ham"], ordered=True), _TEXTS),
    "whole categories": LabelKind(lambda labels: pd.Series(labels, dtype="category"), (3, 7)),
    "Arrow Series": LabelKind(lambda labels: pd.Series(labels, dtype=pd.ArrowDtype(pa.string())), _TEXTS),
    "Arrow booleans": LabelKind(lambda labels: pd.Series(labels, dtype=pd.ArrowDtype(pa.bool_())), (False, True)),
    "Arrow array": LabelKind(pa.array, (0, 1)),
    "Polars": LabelKind(pl.Series, _TEXTS),
    "Polars booleans": LabelKind(pl.Series, (False, True)),
    "Polars categories": LabelKind(lambda labels: pl.Series(labels, dtype=pl.Categorical), _TEXTS),
    "one-column frame": LabelKind(lambda labels: pd.DataFrame({"label": labels}), _TEXTS),
    "three ints": LabelKind(np.array, (0, 1, 2)),
    "three signs": LabelKind(list, (-1, 0, 1)),
    "three texts": LabelKind(list, _THREE),
    "three objects": LabelKind(lambda labels: np.array(labels, dtype=object), _THREE),
    "three categories": LabelKind(lambda labels: pd.Series(labels, dtype="category"), _THREE),
    "three Int64": LabelKind(lambda labels: pd.Series(labels, dtype="Int64"), (3, 7, 9)),
    "three of Polars": LabelKind(pl.Series, _THREE),
}


def labels_of(kind: str, codes: np.ndarray) -> Any:
    """Labels of a kind."""
    values = LABELS[kind].values
    return LABELS[kind].hold([values[code] for code in codes.tolist()])


def labels_for_scikit_learn(kind: str, codes: np.ndarray) -> Any:
    """The same labels as scikit-learn reads them."""
    values = LABELS[kind].values
    plain = [values[code] for code in codes.tolist()]
    held = labels_of(kind, codes)
    return np.array(plain) if type(held).__module__.startswith(("pyarrow", "polars")) else held


# --- ids

_DAY = datetime.date(2024, 2, 29)

IDS: dict[str, Callable[[int], Any] | None] = {
    "none": None,
    "ints": lambda n: np.arange(n) + 10**6,
    "texts": lambda n: [f"00{i}" for i in range(n)],
    "formulas": lambda n: pd.Series([f"=doc/{i}" for i in range(n)]),
    "UUIDs": lambda n: [uuid.UUID(int=i) for i in range(n)],
    "dates": lambda n: [_DAY + datetime.timedelta(days=i) for i in range(n)],
    "times": lambda n: pd.date_range("2024-02-29", periods=n, freq="h"),
    "Polars": lambda n: pl.Series([f"doc-{i}" for i in range(n)]),
    "Arrow": lambda n: pa.array(range(7, n + 7)),
    "index": lambda n: pd.DataFrame(index=[f"k{i}" for i in range(n)]).index,
}


# --- cells


@dataclass(frozen=True)
class Cell:
    """One journey; each attribute is a name."""

    estimator: str
    pipeline: str
    container: str
    labels: str
    ids: str

    def __str__(self) -> str:
        return " | ".join((self.estimator, self.pipeline, self.container, self.labels, self.ids))

    @property
    def way(self) -> Way:
        """The pipeline."""
        return PIPELINES[self.pipeline]

    @property
    def held(self) -> Container:
        """The container."""
        return CONTAINERS[self.way.takes][self.container]

    @property
    def refused(self) -> str:
        """What the refusal says; empty where the cell must work."""
        return self.way.refused or ESTIMATORS[self.estimator].refused


def _containers_for(way: Way) -> list[str]:
    return [name for name, held in CONTAINERS[way.takes].items() if way.plain or not held.plain]


def cells(n_each: int, seed: int) -> Iterator[Cell]:
    """Each pipeline with ``n_each`` draws of the rest; every value is taken once before one is taken twice.

    Then each classifier of counts with pipelines that make words.
    """
    rng = np.random.default_rng(seed)
    decks: dict[Any, list[str]] = {}

    def drawn(deck: Any, values: list[str]) -> str:
        if not decks.get(deck):
            decks[deck] = rng.permutation(values).tolist()
        return decks[deck].pop()

    def cell(estimator: str, pipeline: str) -> Cell:
        way, kinds = PIPELINES[pipeline], ESTIMATORS
        labels = [name for name, kind in LABELS.items() if len(kind.values) == 2 or not kinds[estimator].two]
        return Cell(
            estimator,
            pipeline,
            drawn((way.takes, way.plain), _containers_for(way)),
            drawn(("labels", len(labels)), labels),
            drawn("ids", list(IDS)),
        )

    of_counts = [name for name, setting in ESTIMATORS.items() if setting.counts]
    for pipeline, way in PIPELINES.items():
        for _ in range(2 if way.refused else n_each):
            yield cell(drawn("estimator", [name for name in ESTIMATORS if name not in of_counts]), pipeline)
    words = [pipeline for pipeline, way in PIPELINES.items() if way.words and not way.refused]
    for estimator in of_counts:
        for _ in range(n_each):
            yield cell(estimator, drawn("words", words))


def fitted(cell: Cell, rows: Any, codes: np.ndarray, weights: np.ndarray | None) -> Any:
    """The cell's estimator, fitted by its owner."""
    setting = ESTIMATORS[cell.estimator]
    own = cell.way.make(setting.model)
    fit_again(own, cell, rows, codes, weights)
    if setting.sparsify:
        last_of(own).sparsify()
    return own


def fit_again(own: Any, cell: Cell, rows: Any, codes: np.ndarray, weights: np.ndarray | None) -> Any:
    """Fit an estimator in place."""
    arguments = {} if weights is None else {f"{prefix_of(own)}sample_weight": weights}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return own.fit(rows, labels_for_scikit_learn(cell.labels, codes), **arguments)


def last_of(own: Any) -> Any:
    """The classifier at the end."""
    return last_of(own.steps[-1][1]) if hasattr(own, "steps") else own


def prefix_of(own: Any) -> str:
    """What the names of the classifier's arguments begin with."""
    return f"{own.steps[-1][0]}__{prefix_of(own.steps[-1][1])}" if hasattr(own, "steps") else ""

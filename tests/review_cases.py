"""Small reviews, and estimators fitted to them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest, SelectPercentile, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import relabel_widget as rw

WORDS = [
    ["great", "lovely", "superb", "warm", "bright", "funny"],
    ["dull", "awful", "bland", "cold", "weak", "boring"],
    ["film", "plot", "actor", "scene", "score", "script", "camera", "story", "ending", "cast", "pace", "tone"],
]


def reviews(n: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts of eight words, some of them telling; one label in ten is wrong."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    texts = []
    for label in labels:
        kinds = [rng.choice(WORDS[1 - label if rng.random() < 0.75 else label]) for _ in range(3)]
        texts.append(" ".join([*kinds, *rng.choice(WORDS[2], 5)]))
    wrong = rng.random(n) < 0.1
    return texts, np.where(wrong, 1 - labels, labels)


TRAIN, Y = reviews(200, 0)
TEST, _ = reviews(12, 1)


EARLY = LogisticRegression(C=1e4, max_iter=5)
PIPELINES = {
    "best words": make_pipeline(CountVectorizer(), SelectKBest(chi2, k=12), LogisticRegression()),
    "a share of words": make_pipeline(TfidfVectorizer(), SelectPercentile(chi2, percentile=40), LogisticRegression()),
    "words of a model": make_pipeline(TfidfVectorizer(), SelectFromModel(LogisticRegression()), LogisticRegression()),
    "eliminated words": make_pipeline(
        CountVectorizer(), RFE(LogisticRegression(), n_features_to_select=10), LogisticRegression()
    ),
    "stopped early": make_pipeline(TfidfVectorizer(), EARLY),
    "saga stopped early": make_pipeline(
        TfidfVectorizer(), LogisticRegression(C=100, solver="saga", max_iter=3, random_state=0)
    ),
}


def fitted(estimator: Any, X: Any = TRAIN, y: Any = Y) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(estimator).fit(X, y)


class Lengths(BaseEstimator, TransformerMixin):
    """Looks at nothing, and has nothing fitted."""

    def fit(self, X: Any, y: Any = None) -> Lengths:  # noqa: ARG002 - scikit-learn's signature
        return self

    def transform(self, X: Any) -> np.ndarray:
        return np.array([[len(text), text.count("a")] for text in X], dtype=float)


def flips(estimator: Any, flip_set: rw.FlipSet, query: str) -> bool:
    """By the user's own refit, from scratch."""
    labels = Y.copy()
    labels[flip_set.rows] = flip_set.labels
    return bool(fitted(estimator, TRAIN, labels).predict([query])[0] != estimator.predict([query])[0])

"""The problems that benchmarks share: training matrix, labels, and matrix of test rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.ndimage import zoom
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def features_of_a9a(texts: pd.Series) -> sparse.csr_array:
    pairs = [[pair.split(":") for pair in text.split()] for text in texts]
    rows = np.repeat(np.arange(len(pairs)), [len(row) for row in pairs])
    columns = np.array([int(column) - 1 for row in pairs for column, _ in row])
    values = np.array([float(value) for row in pairs for _, value in row])
    return sparse.csr_array((values, (rows, columns)), shape=(len(pairs), 123))


def of_scikit_learn(name: str) -> tuple[Any, np.ndarray, Any]:
    if name == "breast_cancer":
        x, y = load_breast_cancer(return_X_y=True)
    else:
        x, digit = load_digits(return_X_y=True)
        chosen = (digit == 3) | (digit == 8)
        x, y = x[chosen], (digit[chosen] == 8).astype(int)
    train, test, y_train, _ = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), y_train, scaler.transform(test)


def long_documents() -> tuple[Any, np.ndarray, Any]:
    """Word counts of two kinds of long documents over 16,000 Zipf-distributed words, 5 % of the labels wrong.

    A document mixes the words of both kinds; on average it has 160 distinct ones.
    """
    rng = np.random.default_rng(0)
    n_words, n_documents, n_train = 16_000, 2_100, 2_000
    tilt = 0.3 * rng.standard_normal(n_words)
    kinds = [np.exp(sign * tilt) / np.arange(1, n_words + 1) for sign in (-1, 1)]
    y = rng.integers(0, 2, n_documents)
    share = 0.6 * rng.beta(3, 3, n_documents) + 0.4 * y
    lengths = np.maximum(20, rng.lognormal(np.log(200), 0.6, n_documents)).astype(int)
    counts = [
        rng.multinomial(k, kinds[1] / kinds[1].sum()) + rng.multinomial(length - k, kinds[0] / kinds[0].sum())
        for length, k in zip(lengths, rng.binomial(lengths, share), strict=True)
    ]
    x = sparse.csr_array(np.array(counts, dtype=np.float64))
    noisy = np.where(rng.random(n_documents) < 0.05, 1 - y, y)
    return x[:n_train], noisy[:n_train], x[n_train:]


def grey_images(side: int, *, all_digits: bool = False) -> tuple[Any, np.ndarray, Any]:
    """Handwritten 4 against 9 (side 8), or the same enlarged with grain (side 28), as dense columns in [0, 1].

    With all ten digits: the odd ones against the even.
    """
    x, digit = load_digits(return_X_y=True)
    if not all_digits:
        chosen = (digit == 4) | (digit == 9)
        x, digit = x[chosen], digit[chosen]
    images, y = x.reshape(-1, 8, 8) / 16, digit % 2
    if side != 8:
        grain = np.random.default_rng(0).normal(0, 0.15, (len(images), side, side))
        images = np.clip(zoom(images, (1, side / 8, side / 8), order=1) + grain, 0, 1)
    pixels = images.reshape(len(images), -1)
    train, test, y_train, _ = train_test_split(pixels, y, test_size=0.3, random_state=0, stratify=y)
    return train, y_train, test


def problem(name: str, real_data: Callable[[str], pd.DataFrame]) -> tuple[Any, np.ndarray, Any]:
    """Training matrix, labels, and matrix of test rows."""
    if name in ("breast_cancer", "digits"):
        return of_scikit_learn(name)
    if name.startswith("grey images"):
        return grey_images(int(name.split()[2]), all_digits=name.endswith("all"))
    if name == "long documents":
        return long_documents()
    frame = real_data(name)
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    y = train["label"].to_numpy()
    if name == "a9a":
        return features_of_a9a(train["features"]), y, features_of_a9a(test["features"])
    if name == "loan":
        columns = [column for column in frame if column not in ("split", "label", "Id")]
        encoder = OneHotEncoder(handle_unknown="ignore").fit(train[columns])
        return encoder.transform(train[columns]), y, encoder.transform(test[columns])
    vectoriser = CountVectorizer(min_df=2).fit(train["text"])
    return vectoriser.transform(train["text"]), y, vectoriser.transform(test["text"])

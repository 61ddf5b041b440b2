"""Sizes of verified flip sets on nine problems, beside Algorithm 1; scikit-learn's own refit confirms each.

The paper's Table 1, for comparison: its algorithm finds a set for 61 to 100 % of the rows, and 39 to 87 % of its sets
flip the prediction on retraining.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from measuring import Record, show, stopwatch
from oracles import quiet_fit
from scipy import sparse
from scipy.special import logit
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

import relabel_widget as rw

pytestmark = [pytest.mark.benchmark, pytest.mark.data, pytest.mark.timeout(3600)]

# name: (data, C, threshold, mean size of the prototype that this search must not exceed)
CASES: dict[str, tuple[str, float, float, float]] = {
    "sst2, C=1": ("sst2", 1.0, 0.5, 4.23),
    "sst2, C=.1": ("sst2", 0.1, 0.5, 9.28),
    "sst2, C=.01": ("sst2", 0.01, 0.5, 21.69),
    "hate_speech, C=1, threshold .25": ("hate_speech", 1.0, 0.25, 5.45),
    "loan, C=1": ("loan", 1.0, 0.5, 4.13),
    "loan, C=.1": ("loan", 0.1, 0.5, 6.83),
    "a9a, C=1": ("a9a", 1.0, 0.5, 1.02 * 262.97),
    "breast_cancer, C=1": ("breast_cancer", 1.0, 0.5, 10.54),
    "digits 3/8, C=1": ("digits", 1.0, 0.5, 3.31),
}


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


def problem(name: str, real_data: Callable[[str], pd.DataFrame]) -> tuple[Any, np.ndarray, Any]:
    """Training matrix, labels, and matrix of test rows."""
    if name in ("breast_cancer", "digits"):
        return of_scikit_learn(name)
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


def refitted(x: Any, y: np.ndarray, query: Any, rows: np.ndarray, C: float) -> float:
    """The query's log-odds in scikit-learn's own refit on the edited labels."""
    edited = y.copy()
    edited[rows] = 1 - edited[rows]
    solver = "newton-cholesky" if x.shape[1] < 500 else "lbfgs"
    model = LogisticRegression(C=C, tol=1e-10, max_iter=20_000, solver=solver)
    return float(quiet_fit(model, x, edited).decision_function(query)[0])


@pytest.mark.parametrize("case", CASES)
def test_sizes(case: str, real_data: Callable[[str], pd.DataFrame], record: Record) -> None:
    name, C, threshold, prototype = CASES[case]
    x, y, test = problem(name, real_data)
    queries = test[np.random.default_rng(0).choice(test.shape[0], 100, replace=False)]
    with threadpool_limits(1, user_api="blas"):
        fit = rw.fit(x, y, C)
        with stopwatch() as lbfgs:
            quiet_fit(LogisticRegression(C=C, tol=1e-8, max_iter=20_000), x, y)
        found, walls = [], []
        for t in range(100):
            with stopwatch() as watch:
                found.append(rw.find_flip_set(fit, queries[[t]], threshold=threshold))
            walls.append(watch.wall)
        theirs = rw.find_flip_sets(fit, queries, threshold=threshold, method="first-order")
        after = np.array([refitted(x, y, queries[[t]], found[t].rows, C) for t in range(100)])
        confirmed = (after > logit(threshold)) != (fit.decision(queries) > logit(threshold))
        theirs_flip = [
            each.found and rw.verify(fit, each.rows, queries[[t]], threshold=threshold).flipped[0]
            for t, each in enumerate(theirs)
        ]
    sizes = np.array([each.size for each in found])
    sizes_of_theirs = [each.size for each in theirs if each.found]
    show(
        f"{case}: {x.shape[0]} x {x.shape[1]}, 100 queries, BLAS on one thread",
        ["", "found", "flips", "mean", "median", "largest"],
        [
            ["Algorithm 1", len(sizes_of_theirs), int(sum(theirs_flip)), *spread(sizes_of_theirs)],
            ["verified", int(sum(each.verified for each in found)), int(confirmed.sum()), *spread(sizes)],
        ],
    )
    median = float(np.median(walls))
    print(f"seconds a set: median {median:.3f}, mean {np.mean(walls):.3f}, slowest {max(walls):.2f};")
    print(f"one lbfgs fit at tol=1e-8: {lbfgs.wall:.3f}; median / lbfgs: {median / lbfgs.wall:.3f}")
    record.add(f"sizes, {case}", seconds=median, cpu_seconds=median, outcome=-float(sizes.mean()), peak_mib=0.0)
    assert all(each.verified for each in found)
    assert confirmed.all()
    larger = [t for t in range(100) if theirs_flip[t] and theirs[t].size < sizes[t]]
    assert larger == [], "Algorithm 1 has a smaller set that flips"
    # the prototype's figure for a9a is over the first 74 rows
    assert sizes[: 74 if name == "a9a" else 100].mean() <= prototype + 0.005


def spread(sizes: Any) -> list[float]:
    return [float(np.mean(sizes)), float(np.median(sizes)), float(np.max(sizes))] if len(sizes) else [0.0, 0.0, 0.0]


@pytest.mark.parametrize("case", ["sst2, C=1", "sst2, C=.1", "loan, C=.1", "breast_cancer, C=1", "digits 3/8, C=1"])
def test_no_row_can_be_left_out(case: str, real_data: Callable[[str], pd.DataFrame]) -> None:
    """A hundred sets a case: a full refit without any one row does not flip."""
    name, C, threshold, _ = CASES[case]
    x, y, test = problem(name, real_data)
    queries = test[np.random.default_rng(0).choice(test.shape[0], 100, replace=False)]
    fit = rw.fit(x, y, C)
    refits = still_flipping = 0
    for t, found in enumerate(rw.find_flip_sets(fit, queries, threshold=threshold)):
        for place in range(found.size):
            fewer = rw.verify(fit, np.delete(found.rows, place), queries[[t]], threshold=threshold)
            refits, still_flipping = refits + 1, still_flipping + int(fewer.flipped[0])
    print(f"\n{case}: {refits} refits of sets without one row; {still_flipping} still flip")
    assert still_flipping == 0


def test_many_queries_against_a_loop(real_data: Callable[[str], pd.DataFrame]) -> None:
    """All of SST-2's test rows at once, on all cores, against one after another."""
    x, y, test = problem("sst2", real_data)
    fit = rw.fit(x, y)
    with stopwatch() as loop:
        one_by_one = [rw.find_flip_set(fit, test[[t]]) for t in range(test.shape[0])]
    with stopwatch() as together:
        at_once = rw.find_flip_sets(fit, test)
    print(f"\nloop {loop.wall:.1f} s, at once {together.wall:.1f} s, ratio {together.wall / loop.wall:.2f}")
    assert all(np.array_equal(a.rows, b.rows) for a, b in zip(one_by_one, at_once, strict=True))

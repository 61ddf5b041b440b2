"""A workbench of each estimator, to an export; what is refused leads there, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from estimator_cases import (
    NEAR,
    SEARCHES,
    FixedThresholdClassifier,
    FrozenEstimator,
    quiet,
    with_freezing,
    with_thresholds,
)
from numpy.testing import assert_array_equal
from oracles import random_case
from review_cases import TEST, TRAIN, Y
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

import relabel_widget as rw

# --- a workbench of each, to an export


def texts_and_threshold() -> Any:
    return FixedThresholdClassifier(make_pipeline(CountVectorizer(), clone(NEAR)), threshold=0.65)


JOURNEYS = {
    "cross-validated": lambda: Pipeline(
        [("words", CountVectorizer()), ("cv", LogisticRegressionCV(Cs=[0.1, 1], cv=3))]
    ),
    "stochastic": lambda: make_pipeline(
        CountVectorizer(), SGDClassifier(loss="log_loss", alpha=0.01, average=True, random_state=0)
    ),
    "support vectors": lambda: make_pipeline(TfidfVectorizer(), LinearSVC(dual=False)),
    "ridge": lambda: make_pipeline(TfidfVectorizer(), RidgeClassifier()),
    "one vs rest": lambda: make_pipeline(TfidfVectorizer(), OneVsRestClassifier(LogisticRegression())),
    "search": SEARCHES["grid"],
    "threshold": pytest.param(texts_and_threshold, marks=with_thresholds),
}


@pytest.mark.parametrize("make", JOURNEYS.values(), ids=JOURNEYS)
def test_a_workbench_of_it(make: Any, tmp_path: Path) -> None:
    estimator = quiet(make(), TRAIN, Y)
    bench = rw.Workbench(estimator, TRAIN, Y, TEST)
    assert bench.estimator is estimator
    assert bench.threshold == (
        0.65 if FixedThresholdClassifier and isinstance(estimator, FixedThresholdClassifier) else 0.5
    )
    assert (bench.test_rows()["own_proba"] > bench.threshold).tolist() == (estimator.predict(TEST) == 1).tolist()
    row = int(np.flatnonzero([bench.flip_set(row).verified for row in range(6)])[0])
    bench.relabel(bench.flip_set(row).rows)
    assert bench.verify().flipped[row]
    path = tmp_path / "labels.csv"
    bench.export(path)
    assert_array_equal(rw.read_labels(path)["corrected"], bench.corrected_labels()["corrected"])
    bench.report(tmp_path / "report.html")
    bench.threshold = 0.4
    assert bench.threshold == 0.4


@with_thresholds
def test_a_threshold_given_to_the_workbench_counts() -> None:
    estimator = texts_and_threshold().fit(TRAIN, Y)
    bench = rw.Workbench(estimator, TRAIN, Y, TEST, threshold=0.5)
    assert bench.threshold == 0.5
    assert bench.fit.threshold == 0.65


@with_freezing
def test_bytes_in_a_frozen_vectoriser_are_read_as_it_reads_them() -> None:
    texts = [text.replace("warm", "süß").encode("latin-1") for text in TRAIN]
    pipeline = make_pipeline(CountVectorizer(encoding="latin-1"), clone(NEAR)).fit(texts, Y)
    bench = rw.Workbench(FrozenEstimator(pipeline), texts, Y, texts[:3])
    row = next(row for row, text in enumerate(texts) if "süß".encode("latin-1") in text)
    assert "süß" in bench.train_text(row)


# --- refusals lead somewhere


REFUSED = {
    "SVC": (SVC(), "Nystroem"),
    "Ridge": (Ridge(), "RidgeClassifier with the same alpha"),
    "isotonic": (
        CalibratedClassifierCV(LinearSVC(dual=False), ensemble=False, method="isotonic"),
        "method='sigmoid' to two",
    ),
    "several calibrated": (CalibratedClassifierCV(LinearSVC(dual=False)), "ensemble=False"),
    "Perceptron": (Perceptron(), r'SGDClassifier\(loss="log_loss"\)'),
    "DecisionTreeClassifier": (DecisionTreeClassifier(), "KBinsDiscretizer"),
    "RandomForestClassifier": (RandomForestClassifier(n_estimators=2), "RandomTreesEmbedding"),
    "VotingClassifier": (VotingClassifier([("ridge", RidgeClassifier())]), "one of the classifiers inside"),
}


@pytest.mark.parametrize(("model", "instead"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_what_to_fit_instead(model: Any, instead: str) -> None:
    case = random_case(74, n=60)
    for estimator in (model, make_pipeline(StandardScaler(), model)):
        with pytest.raises(TypeError, match=f"got {type(model).__name__}\\. .*{instead}.* Or use rw.fit"):
            rw.adopt(clone(estimator).fit(case.x, case.y), case.x, case.y)


WAYS_OUT = {
    "hinge": (LinearSVC(loss="hinge", dual=True), 'refit with loss="squared_hinge"', LinearSVC(dual=False)),
    "steps of a hinge": (
        SGDClassifier(random_state=0),
        'with "squared_hinge"',
        SGDClassifier(loss="squared_hinge", alpha=0.05, learning_rate="invscaling", eta0=0.05, random_state=0),
    ),
    "Perceptron": (
        Perceptron(),
        r'Fit SGDClassifier\(loss="log_loss"\)',
        SGDClassifier(loss="log_loss", alpha=0.01, average=True, random_state=0),
    ),
    "Ridge": (Ridge(), "Fit RidgeClassifier with the same alpha", RidgeClassifier()),
    "several calibrated": (
        CalibratedClassifierCV(LinearSVC(dual=False), cv=3),
        "ensemble=False and method='sigmoid'",
        CalibratedClassifierCV(LinearSVC(dual=False), cv=3, ensemble=False),
    ),
}


@pytest.mark.parametrize(("refused", "words", "instead"), WAYS_OUT.values(), ids=WAYS_OUT)
def test_the_way_out_of_a_refusal_leads_to_an_export(refused: Any, words: str, instead: Any, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        rw.Workbench(quiet(make_pipeline(CountVectorizer(), refused), TRAIN, Y), TRAIN, Y, TEST)
    _exported(rw.Workbench(quiet(make_pipeline(CountVectorizer(), instead), TRAIN, Y), TRAIN, Y, TEST), tmp_path)


def test_a_fit_of_our_own_leads_to_an_export(tmp_path: Path) -> None:
    words = CountVectorizer().fit(TRAIN)
    fit = rw.fit(words.transform(TRAIN), Y)
    _exported(
        rw.Workbench(fit, words.transform(TRAIN), Y, words.transform(TEST), train_text=TRAIN, test_text=TEST), tmp_path
    )


def _exported(bench: rw.Workbench, folder: Path) -> None:
    row = int(np.flatnonzero([bench.flip_set(row).verified for row in range(6)])[0])
    flip_set = bench.flip_set(row)
    bench.relabel(flip_set.rows)
    assert bench.verify().flipped[row]
    bench.export(folder / "labels.csv")
    corrected = rw.read_labels(folder / "labels.csv")
    assert sorted(corrected["row"]) == sorted(flip_set.rows)

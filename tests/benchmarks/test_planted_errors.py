"""How early suspects finds planted errors, and in what time, beside cleanlab, out-of-fold loss and self-influence.

The combination was chosen with seeds 0 and 1 and then frozen; seeds 2 to 4 were not looked at before. Every method sees
the same noisy labels and the same model, our own fit, which is also the one refitted in cleanlab's five folds: a slower
solver there would flatter ours.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from measuring import Record, show, stopwatch
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import ComplementNB
from sklearn.preprocessing import OneHotEncoder

import relabel_widget as rw
from relabel_widget.fits import OneVsRest

pytestmark = [pytest.mark.benchmark, pytest.mark.data, pytest.mark.timeout(3600)]

Read = Callable[[str], pd.DataFrame]


@dataclass(frozen=True)
class Noisy:
    """Rows, noisy class codes, and which are wrong."""

    x: Any
    y: np.ndarray
    wrong: np.ndarray
    C: float = 1.0

    def precision(self, score: np.ndarray) -> float:
        return float(average_precision_score(self.wrong, score))


def load(frame: pd.DataFrame) -> tuple[Any, np.ndarray, pd.DataFrame]:
    """Counts of texts, or indicators of every column of a table; class codes."""
    train = frame[frame["split"] == "train"]
    if "text" in train:
        x = CountVectorizer().fit_transform(train["text"])
    else:
        x = OneHotEncoder().fit_transform(train.drop(columns=["split", "label", "Id"]).astype(str))
    return sparse.csr_array(x, dtype=float), np.unique(train["label"], return_inverse=True)[1], train


def at_random(y: np.ndarray, rate: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A share of the rows gets another class, all equally likely."""
    rng, n_classes = np.random.default_rng(seed), y.max() + 1
    wrong = np.isin(np.arange(len(y)), rng.choice(len(y), round(rate * len(y)), replace=False))
    return np.where(wrong, (y + rng.integers(1, n_classes, len(y))) % n_classes, y), wrong


def by_class(y: np.ndarray, rates: tuple[float, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Each class has its own rate, and its rows go to the next class."""
    wrong = np.random.default_rng(seed).uniform(size=len(y)) < np.asarray(rates)[y]
    return np.where(wrong, (y + 1) % (y.max() + 1), y), wrong


def where_unsure(y: np.ndarray, rate: float, seed: int, texts: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Errors as people make them: where another model, naive Bayes on letters, also finds the label doubtful."""
    letters = HashingVectorizer(analyzer="char", ngram_range=(2, 4), n_features=2**16, alternate_sign=False)
    proba = cross_val_predict(ComplementNB(), letters.transform(texts), y, cv=5, method="predict_proba")
    doubt = (1 - proba[np.arange(len(y)), y]) ** 2
    chosen = np.random.default_rng(seed).choice(len(y), round(rate * len(y)), replace=False, p=doubt / doubt.sum())
    wrong = np.isin(np.arange(len(y)), chosen)
    proba[np.arange(len(y)), y] = -1
    return np.where(wrong, proba.argmax(axis=1), y), wrong


def model(x: Any, y: np.ndarray, C: float) -> rw.Fit | OneVsRest:
    return rw.fit(x, y, C) if y.max() == 1 else rw.fit_one_vs_rest(x, y, C)


def probabilities(fitted: Any, x: Any) -> np.ndarray:
    proba = fitted.proba(x)
    return proba if proba.ndim == 2 else np.column_stack([1 - proba, proba])


def out_of_fold(task: Noisy, fitted: Callable[..., Any] = model) -> np.ndarray:
    proba = np.empty((len(task.y), task.y.max() + 1))
    for rest, part in StratifiedKFold(5, shuffle=True, random_state=0).split(task.x, task.y):
        proba[part] = probabilities(fitted(task.x[rest], task.y[rest], task.C), task.x[part])
    return proba


def cleanlabs(task: Noisy, proba: np.ndarray, by: str) -> np.ndarray:
    """Its ranked issues first, then all other rows by the same score."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        issues = find_label_issues(task.y, proba, return_indices_ranked_by=by, n_jobs=1)
        quality = get_label_quality_scores(task.y, proba, method=by)
    score = -quality
    score[issues] = 2.0 - np.arange(len(issues)) / len(task.y)
    return score


def influences(task: Noisy) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Self-influence, leave-one-out loss and in-sample loss; of the given class against the rest."""
    fitted = model(task.x, task.y, task.C)
    own, alone, inside = (np.empty(len(task.y)) for _ in range(3))
    for code, fit in enumerate([fitted] * 2 if isinstance(fitted, rw.Fit) else fitted.fits):
        residual = np.exp(-np.logaddexp(0, fit.problem.labels.signs * fit.eta))
        curvature, held = fit.hessian.curvature, rw.leverages(fit, probes=64)
        spread = held / curvature
        margin = fit.problem.labels.signs * fit.eta
        of = task.y == code
        own[of] = (residual**2 * spread)[of]
        alone[of] = -(margin - residual * spread / (1 - held))[of]
        inside[of] = -margin[of]
    return own, alone, inside


def measured(task: Noisy) -> tuple[dict[str, float], dict[str, float]]:
    """Average precision of each method, and seconds of the two that are compared: wall, then processor."""
    with stopwatch() as ours:
        table = rw.suspects(model(task.x, task.y, task.C))
    score = np.empty(len(task.y))
    score[table["row"]] = -np.arange(len(table))
    with stopwatch() as theirs:
        proba = out_of_fold(task)
        confidence = cleanlabs(task, proba, "self_confidence")
    own, alone, inside = influences(task)
    found = {
        "suspects": task.precision(score),
        "cleanlab": task.precision(confidence),
        "cleanlab, margin": task.precision(cleanlabs(task, proba, "normalized_margin")),
        "out of fold": task.precision(-proba[np.arange(len(task.y)), task.y]),
        "self-influence": task.precision(own),
        "leave one out": task.precision(alone),
        "in sample": task.precision(inside),
    }
    return found, {"wall": ours.wall / theirs.wall, "cpu": ours.cpu / theirs.cpu, "ours": ours.wall}


def of_own_model(task: Noisy, fitted: Callable[..., Any], others: tuple[float, ...]) -> dict[str, float]:
    """Average precision of suspects on a user's model of all classes, and of what its probabilities say.

    ``others`` are values of C at which the model is also asked out of fold and in sample; the task's own among them.
    """
    table = rw.suspects(fitted(task.x, task.y, task.C))
    score = np.empty(len(task.y))
    score[table["row"]] = -np.arange(len(table))
    found, own = {"suspects": task.precision(score)}, (np.arange(len(task.y)), task.y)
    for C in others:
        proba = out_of_fold(Noisy(task.x, task.y, task.wrong, C), fitted)
        found[f"out of fold, C={C:g}"] = task.precision(-proba[own])
        found[f"in sample, C={C:g}"] = task.precision(-fitted(task.x, task.y, C).proba(task.x)[own])
        for by in ("self_confidence", "normalized_margin"):
            found[f"cleanlab, {by}, C={C:g}"] = task.precision(cleanlabs(task, proba, by))
    return found


def ratio(found: dict[str, float]) -> float:
    """To the best of cleanlab, out-of-fold loss and self-influence."""
    return found["suspects"] / max(
        found[name] for name in ("cleanlab", "cleanlab, margin", "out of fold", "self-influence")
    )


def cases(read: Read) -> Iterator[tuple[str, int, Noisy]]:
    x, y, train = load(read("sst2"))
    for seed in range(5):
        noisy = at_random(y, 0.1, seed)
        yield "sst2 10 %", seed, Noisy(x, *noisy)
        yield "sst2 10 %, C=.1", seed, Noisy(x, *noisy, C=0.1)
    for seed in range(2):
        yield "sst2 10 %, unsure", seed, Noisy(x, *where_unsure(y, 0.1, seed, train["text"]))
    for name in ("sst2", "hate_speech", "loan", "agnews"):
        x, y, train = load(read(name))
        kinds: dict[str, Callable[..., Any]] = {
            "10 %": partial(at_random, rate=0.1),
            "20 %": partial(at_random, rate=0.2),
            "20 / 5 %": partial(by_class, rates=(0.2, 0.05) * 2),
            "5 / 20 %": partial(by_class, rates=(0.05, 0.2) * 2),
        }
        for kind, noise in kinds.items():
            if (name, kind) != ("sst2", "10 %"):
                yield f"{name} {kind}", 2, Noisy(x, *noise(y, seed=2))


def test_early_and_in_no_more_time(real_data: Read) -> None:
    pytest.importorskip("cleanlab", reason="cleanlab is not installed: pip install 'relabel-widget[bench]'")
    rows, ratios, times = [], {}, []
    for name, seed, task in cases(real_data):
        found, seconds = measured(task)
        rows.append([f"{name}, seed {seed}", *found.values(), ratio(found), *seconds.values()])
        ratios.setdefault(name, []).append(ratio(found))
        times.append((name, seconds["cpu"]))
    header = ["average precision", *found, "ratio to best", "time / cleanlab's", "cpu / its", "seconds"]
    show("Planted errors", header, rows)
    assert min(ratios["sst2 10 %"]) > 1.05
    assert min(ratios["sst2 10 %, C=.1"]) > 1.05
    for name, each in ratios.items():
        assert min(each) >= 1.0, name
    assert np.median([value for name, value in times if name.startswith("sst2")]) <= 1.0


def test_own_model_of_four_classes(real_data: Read, record: Record) -> None:
    """AG News, multinomial: seeds that nothing was chosen by."""
    pytest.importorskip("cleanlab", reason="cleanlab is not installed: pip install 'relabel-widget[bench]'")
    x, y, _ = load(real_data("agnews"))
    lines, ratios = [], []
    for rate in (0.1, 0.2):
        for seed in range(2, 5):
            found = of_own_model(Noisy(x, *at_random(y, rate, seed)), rw.fit, (1.0, 0.1))
            ratios.append(found["suspects"] / max(value for name, value in found.items() if name != "suspects"))
            lines.append([f"{rate:.0%}, seed {seed}", *found.values(), ratios[-1]])
    show("Planted errors, multinomial model of AG News", ["average precision", *found, "ratio to best"], lines)
    record.claim("agnews, multinomial: suspects to the best of the others", "at least 1.05", min(ratios))
    assert min(ratios) >= 1.05


def test_answers_improve_what_comes_next(real_data: Read) -> None:
    """Precision of the next ones, and of all that are left, with and without learning from the answers."""
    rows, gains = [], []
    for name, n_answers in (("sst2", 100), ("sst2", 400), ("hate_speech", 300), ("loan", 500), ("agnews", 300)):
        x, y, _ = load(real_data(name))
        for seed in range(2, 4):
            noisy, wrong = at_random(y, 0.1, seed)
            fit = model(x, noisy, 1.0)
            first = rw.suspects(fit)["row"].to_numpy()
            rest, answers = first[n_answers:], {int(row): int(y[row]) for row in first[:n_answers]}
            learned = rw.suspects(fit, decisions=answers)["row"].to_numpy()
            order = -np.arange(len(rest))
            next_ones = wrong[rest[:n_answers]].mean(), wrong[learned[:n_answers]].mean()
            all_left = average_precision_score(wrong[rest], order), average_precision_score(wrong[learned], order)
            rows.append([f"{name}, {n_answers} answers, seed {seed}", *map(float, (*next_ones, *all_left))])
            gains.append((next_ones[1] / next_ones[0], all_left[1] / all_left[0]))
    header = ["after answers", "next ones: as before", "learned", "all left, AP: as before", "learned"]
    show("Learning from answers", header, rows)
    assert (np.mean(gains, axis=0) > 1.0).all()

"""The page for one contested decision: its first sentence, what it explains, and that nothing of the user's is HTML."""

from __future__ import annotations

import re
import time
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC
from workbench_cases import TEST, TRAIN, Y, closest

import relabel_widget as rw
from relabel_widget.outcome import Outcome
from relabel_widget.workbench import contest_page
from relabel_widget.workbench.contest import Contest, sentence
from relabel_widget.workbench.report import Report
from relabel_widget.workbench.retraining import Retraining

NASTY = '</td></table><script>alert(1)</script><img src="https://example.org/x.png" onerror="x"> & \'"'
THREE = ["complaint", "praise", "question"]
Y_THREE = [THREE[2] if i % 4 == 0 else label for i, label in enumerate(Y)]
EXACT = LogisticRegression(C=2.0, tol=1e-10, max_iter=1000)


def words_of(path: Path) -> str:
    """The page as people read it."""
    text = re.sub(r"<style>.*?</style>|<title>.*?</title>", "", path.read_text("utf-8"), flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", re.sub(r"</?(b|span)[^>]*>", "", text)))


def first_sentence(path: Path) -> str:
    found = re.search(r"<h1>(.*?)</h1>", path.read_text("utf-8"))
    assert found is not None
    return unescape(re.sub(r"</?b>", "", found[1]))


def contest_with(bench: rw.Workbench, row: int, found: rw.FlipSet, target: Any = None) -> Contest:
    """A page's facts with a set that the workbench would not have searched for."""
    retraining = Retraining(bench._queries, {}, bench.threshold, False, None)
    return Contest.of(Report.of(bench, {row: found}), (row, target), bench._queries, bench.decisions(), retraining)


def plain(contest: Contest) -> str:
    return unescape(re.sub(r"</?b>", "", sentence(contest)))


@pytest.mark.parametrize(
    ("estimator", "labels", "how"),
    [
        (make_pipeline(TfidfVectorizer(), EXACT), Y, "minimiser"),
        (make_pipeline(TfidfVectorizer(), EXACT), Y_THREE, "minimiser"),
        (make_pipeline(CountVectorizer(), MultinomialNB()), Y, "minimiser"),
        (make_pipeline(CountVectorizer(), MultinomialNB()), Y_THREE, "minimiser"),
        (make_pipeline(CountVectorizer(), SelectKBest(k=7), EXACT), Y, "pipeline"),
        (make_pipeline(TfidfVectorizer(), LinearSVC(dual=True, tol=1e-10)), Y, "minimiser"),
        (make_pipeline(TfidfVectorizer(), RidgeClassifier()), Y_THREE, "minimiser"),
    ],
)
def test_the_first_sentence_is_true_in_scikit_learn(
    estimator: Pipeline, labels: list[str], how: str, tmp_path: Path
) -> None:
    fitted = clone(estimator).fit(TRAIN, labels)
    bench = rw.Workbench(fitted, TRAIN, labels, TEST)
    row = closest(bench)
    said = first_sentence(bench.report(tmp_path / "one.html", row))
    found = bench.flip_set(row)
    assert found.confirmed_by == how
    changed = np.array(labels, dtype=object)
    changed[found.rows] = found.labels
    before = fitted.predict([TEST[row]])[0]
    after = clone(estimator).fit(TRAIN, changed.astype(str)).predict([TEST[row]])[0]
    assert before != after
    these = "this one example" if found.size == 1 else f"these {found.size} examples"
    assert said == f"The system said {before}. It would have said {after} had {these} been labelled otherwise."


def test_a_decision_that_nothing_flips(tmp_path: Path) -> None:
    bench = rw.Workbench(make_pipeline(TfidfVectorizer(), EXACT).fit(TRAIN, Y), TRAIN, Y, TEST, threshold=1 - 1e-12)
    assert not bench.flip_set(0).found
    page = bench.report(tmp_path / "one.html", 0)
    assert first_sentence(page).startswith("The system said complaint. ")
    assert "these" not in first_sentence(page)
    assert "none found" in words_of(page)
    assert "that decide it" not in words_of(page)


def test_an_estimate_is_called_one(bench: rw.Workbench) -> None:
    row = closest(bench)
    found = rw.find_flip_set(bench.fit, TEST[row], method="first-order")
    assert found.outcome is Outcome.PREDICTED
    contest = contest_with(bench, row, found)
    assert "By an estimate, which no retraining has checked, other labels of " in plain(contest)
    page = contest_page.render(contest)
    assert "Not checked: an estimate says so" in page
    assert "Could fewer do?" not in page


def test_a_class_that_was_asked_for_is_named(tmp_path: Path) -> None:
    bench = rw.Workbench(make_pipeline(TfidfVectorizer(), EXACT).fit(TRAIN, Y_THREE), TRAIN, Y_THREE, TEST)
    row = closest(bench)
    last = next(each for each in THREE if each not in set(bench.test_rows().loc[row, ["predicted", "rival"]]))
    bench.flip_set(row, last)
    assert f"It would have said {last} had " in first_sentence(bench.report(tmp_path / "one.html", row))
    none = rw.find_flip_set(bench.fit, TEST[row], target=last, candidates=[0])
    assert not none.found
    assert plain(contest_with(bench, row, none, last)).endswith(
        f"had they been others, would have made it say {last}. This does not prove that there are none."
        if none.outcome is Outcome.EXHAUSTED
        else f"No other labels of its examples would have made it say {last}."
    )


class Once(TransformerMixin, BaseEstimator):
    """A step that cannot be fitted to other labels than those of its first fit."""

    seen: Any = None

    def fit(self, _: Any, y: Any) -> Once:
        if Once.seen is not None and list(y) != Once.seen:
            raise RuntimeError("one fit is all there is")
        Once.seen = list(y)
        return self

    def transform(self, X: Any) -> Any:
        return X * 1.0


@pytest.mark.filterwarnings("ignore::relabel_widget.AdoptionWarning")
def test_what_could_not_be_confirmed_is_called_so(tmp_path: Path) -> None:
    Once.seen = None
    fitted = make_pipeline(TfidfVectorizer(), Once(), EXACT).fit(TRAIN, Y)
    bench = rw.Workbench(fitted, TRAIN, Y, TEST)
    row = closest(bench)
    page = bench.report(tmp_path / "one.html", row)
    assert bench.flip_set(row).outcome is Outcome.UNCONFIRMED
    assert "could not be retrained to confirm it." in first_sentence(page)
    assert "It would have said" not in first_sentence(page)
    bench.relabel(0)
    with pytest.raises(ValueError, match="corrected_estimator: your Pipeline could not be fitted"):
        bench.corrected_estimator()


@pytest.mark.filterwarnings("ignore::relabel_widget.AdoptionWarning")
def test_an_estimator_that_stopped_early_is_quoted_as_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(60, 3)) * [1, 1, 300]
    y = np.where(x[:, 0] + rng.normal(size=60) > 0, "yes", "no")
    early = LogisticRegression(solver="sag", max_iter=2, tol=1e-12, random_state=0)
    with pytest.warns(UserWarning, match="max_iter"):
        early.fit(x, y)
    bench = rw.Workbench(early, x, y, x)
    row = int(np.flatnonzero(early.predict(x) != bench.test_rows()["predicted"])[0])
    said = first_sentence(bench.report(tmp_path / "one.html", row))
    predicted, other = early.predict(x[[row]])[0], bench.test_rows()["predicted"][row]
    assert bench.flip_set(row).outcome is Outcome.CONTRADICTED
    assert said.startswith(f"The system said {predicted}. Trained until nothing improves, it would say {other}. ")
    assert said.endswith("; the system itself was retrained on them and did not confirm it.")


def test_who_corrected_what_and_what_it_does(bench: rw.Workbench, tmp_path: Path) -> None:
    row = closest(bench)
    found = bench.flip_set(row)
    bench.relabel(found.rows, found.labels, note="sarcasm, read aloud twice")
    outside = next(each for each in range(80) if each not in set(found.rows.tolist()))
    bench.unsure(outside)
    n_events = len(bench.history())
    page = bench.report(tmp_path / "one.html", row)
    words = words_of(page)
    assert "by ada" in words
    assert "sarcasm, read aloud twice" in words
    assert f"People corrected {found.size} label" in words
    before, after = found.predicted_before, found.predicted_after
    assert f"It now says {after} instead of {before}." in words
    assert len(bench.history()) == n_events
    assert bench.verification is None
    flipped = bench.verify().flipped
    assert f"Of 29 other decisions, {flipped.sum() - 1} changed as well." in words


def test_labels_that_leave_one_class_are_said_to(bench: rw.Workbench, tmp_path: Path) -> None:
    bench.relabel([row for row, label in enumerate(Y) if label == "praise"])
    words = words_of(bench.report(tmp_path / "one.html", 0))
    assert "Not known." in words
    assert "examples of one class only" in words


def test_nothing_of_the_users_is_html_and_nothing_is_loaded(tmp_path: Path) -> None:
    train = [f"{text} {NASTY}" for text in TRAIN]
    labels = np.array([f"<b>{label}</b>" for label in Y])
    ids = [f"{NASTY}{row}" for row in range(80)]
    fitted = make_pipeline(TfidfVectorizer(), EXACT).fit(train, labels)
    bench = rw.Workbench(fitted, train, labels, [f"{each} {NASTY}" for each in TEST], annotator=NASTY, ids=ids)
    row = closest(bench)
    bench.relabel(bench.flip_set(row).rows, note=NASTY)
    raw = bench.report(tmp_path / "one.html", row).read_text("utf-8")
    assert not re.search(r"<(script|img|link|iframe|a)\b", raw)
    assert not re.search(r"<b>(praise|complaint)", raw)
    assert "default-src 'none'" in raw
    words = words_of(tmp_path / "one.html")
    for each in (train[bench.relabelled[0]], ids[bench.relabelled[0]], "<b>praise</b>"):
        assert " ".join(each.split()) in " ".join(words.split())


def test_it_is_quick_and_small_with_long_texts_and_many_corrections(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 3))
    y = x[:, 0] + rng.normal(size=20_000) > 0
    texts = ["long " * 5_000] * 20_000
    bench = rw.Workbench(rw.fit(x, y), x, y, x[:3], train_text=texts)
    bench.flip_set(0)
    bench.relabel(np.arange(5_000), note="n" * 3_000)
    bench.verify()
    start = time.perf_counter()
    page = bench.report(tmp_path / "one.html", 0)
    assert time.perf_counter() - start < 5
    assert page.stat().st_size < 10 * 2**20
    assert "further corrections not listed" in words_of(page)


def test_a_wrong_test_row_is_refused(bench: rw.Workbench, tmp_path: Path) -> None:
    with pytest.raises(IndexError, match="report: test_row: expected a test row from 0 to 29, got 30"):
        bench.report(tmp_path / "one.html", 30)
    with pytest.raises(TypeError, match="expected the number of a test row, got True"):
        bench.report(tmp_path / "one.html", True)
    assert not (tmp_path / "one.html").exists()


@pytest.mark.parametrize(
    ("estimator", "labels", "words"),
    [
        (MultinomialNB(), Y, ["MultinomialNB, at the end of a Pipeline", "naive Bayes, multinomial"]),
        (RidgeClassifier(), Y, ["RidgeClassifier, at the end", "ridge regression", "It has no probabilities."]),
        (
            LinearSVC(dual=True),
            Y_THREE,
            ["LinearSVC, at the end", "squared hinge", "each of 3 classes against the rest"],
        ),
        (EXACT, Y_THREE, ["LogisticRegression, at the end", "L2-regularised logistic regression of 3 classes"]),
        (OneVsRestClassifier(EXACT), Y_THREE, ["LogisticRegression, inside OneVsRestClassifier, at the end"]),
    ],
)
@pytest.mark.filterwarnings("ignore::relabel_widget.AdoptionWarning")
def test_the_model_is_called_by_its_name(estimator: Any, labels: list[str], words: list[str], tmp_path: Path) -> None:
    fitted = make_pipeline(CountVectorizer(), clone(estimator)).fit(TRAIN, labels)
    bench = rw.Workbench(fitted, TRAIN, labels, TEST)
    shown = words_of(bench.report(tmp_path / "one.html", closest(bench)))
    for each in words:
        assert each in shown
    everything = words_of(bench.report(tmp_path / "all.html"))
    assert words[0] in everything


def test_a_fit_is_called_what_it_is(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(20, 2))
    y = np.arange(20) % 2
    bench = rw.Workbench(rw.fit(x, y), x, y, x[:2])
    assert "fitted by relabel_widget" in words_of(bench.report(tmp_path / "fit.html"))
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2).fit(x, y)
    bench = rw.Workbench(search, x, y, x[:2])
    assert "LogisticRegression, inside GridSearchCV" in words_of(bench.report(tmp_path / "all.html"))

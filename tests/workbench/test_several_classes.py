"""Workbenches of several classes, and of naive Bayes with two and more, held against scikit-learn's own refits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline

import relabel_widget as rw
from relabel_widget.widget._fallback import fallback_html
from relabel_widget.widget.snapshot import render

DESKS = {
    "bikes": ["chain", "saddle", "wheel", "pedal"],
    "bread": ["flour", "oven", "crust", "yeast"],
    "letters": ["stamp", "envelope", "parcel", "address"],
    "music": ["song", "violin", "choir", "drum"],
}
PLAIN = ["please", "today", "broken", "again", "question", "late"]
KINDS = {
    "logistic 4": (LogisticRegression(C=2.0, tol=1e-10, max_iter=2000), 4),
    "multinomial 4": (MultinomialNB(), 4),
    "complement 3": (ComplementNB(), 3),
    "multinomial 2": (MultinomialNB(alpha=0.5), 2),
    "bernoulli 2": (BernoulliNB(), 2),
}


def corpus(n_rows: int, n_classes: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts to some desks: three words of the desk, some of others, and a wrong label now and then."""
    rng = np.random.default_rng(seed)
    names, texts, labels = list(DESKS)[:n_classes], [], []
    for _ in range(n_rows):
        name = names[rng.integers(n_classes)]
        other = names[rng.integers(n_classes)]
        texts.append(" ".join([*rng.choice(DESKS[name], 3), *rng.choice(DESKS[other], 2), *rng.choice(PLAIN, 2)]))
        labels.append(name if rng.random() < 0.9 else names[rng.integers(n_classes)])
    return texts, labels


@pytest.fixture(scope="module", params=KINDS)
def case(request: pytest.FixtureRequest) -> tuple[Any, ...]:
    """An estimator, its training rows with labels, test rows with labels."""
    model, n_classes = KINDS[request.param]
    train, y = corpus(90, n_classes, seed=1)
    test, y_test = corpus(25, n_classes, seed=2)
    return make_pipeline(CountVectorizer(), clone(model)).fit(train, y), train, y, test, y_test


@pytest.fixture
def bench(case: tuple[Any, ...]) -> rw.Workbench:
    return rw.Workbench(*case, annotator="ada", ids=[f"r{row:02}" for row in range(90)])


def n_classes(bench: rw.Workbench) -> int:
    return len(bench.classes)


def scores(model: Any, texts: list[str]) -> Any:
    """Scores of the classes, (m, K), whose differences are the margins."""
    if not hasattr(model, "decision_function"):
        return model.predict_log_proba(texts)
    decision = model.decision_function(texts)
    return np.column_stack([np.zeros(len(decision)), decision]) if decision.ndim == 1 else decision


def margins(bench: rw.Workbench, model: Any, texts: list[str], predicted: Any, rival: Any) -> Any:
    """What influences change, by scikit-learn: of two classes the log-odds of the second."""
    classes = bench.classes.tolist()
    named = zip(predicted, rival, strict=True)
    pairs = [(1, 0) if len(classes) == 2 else (classes.index(a), classes.index(b)) for a, b in named]
    return np.array([line[a] - line[b] for line, (a, b) in zip(scores(model, texts), pairs, strict=True)])


def probabilities(model: Any, texts: list[str]) -> Any:
    """Those of the model; of one that has none, what is shown in their place."""
    return model.predict_proba(texts) if hasattr(model, "predict_proba") else softmax(scores(model, texts), axis=1)


def with_labels(y: list[str], rows: Any, labels: Any) -> list[str]:
    edited = list(y)
    for row, label in zip(rows, labels, strict=True):
        edited[row] = label
    return edited


def wrong_rows(bench: rw.Workbench) -> list[int]:
    """Test rows whose flip set is small."""
    return bench.test_rows()["margin"].abs().nsmallest(4).index.tolist()


def test_test_rows_are_scikit_learns_predictions(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    pipeline, _, _, test, y_test = case
    table, proba = bench.test_rows(), probabilities(pipeline, test)
    assert table["predicted"].tolist() == pipeline.predict(test).tolist()
    assert table["label"].tolist() == y_test
    shown = proba[:, 1] if n_classes(bench) == 2 else proba.max(axis=1)
    assert_allclose(table["proba"], shown, atol=1e-5)
    assert_allclose(table["own_proba"], shown, atol=1e-10)
    order = np.argsort(-scores(pipeline, test), axis=1)
    assert table["rival"].tolist() == pipeline.classes_[order[:, 1]].tolist()
    assert_allclose(table["margin"], margins(bench, pipeline, test, table["predicted"], table["rival"]), atol=1e-4)
    assert bench.disagreement is None


def test_influences_are_slopes_of_refits(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    """The influence of a row is the derivative in the weight that moves from its label to the suggested one."""
    pipeline, train, y, test, _ = case
    row = wrong_rows(bench)[0]
    line = bench.test_rows().iloc[row]
    table = bench.influential_rows(row, top=6)
    assert (table["suggested"] != table["original"]).all()
    assert table["original"].tolist() == [y[each] for each in table["row"]]
    step = 1e-4
    name = pipeline.steps[-1][0]
    for each in table.itertuples():
        ends = []
        for share in (-step, step):
            weights = np.append(np.ones(90), share)
            weights[each.row] = 1.0 - share
            rows, labels = [*train, train[each.row]], [*y, each.suggested]
            # a negative weight is what the derivative needs; scikit-learn refuses it in some models
            weights += 2 * step * (np.arange(91) == 90)
            model = clone(pipeline).fit(rows, labels, **{f"{name}__sample_weight": weights})
            ends.append(margins(bench, model, [test[row]], [line.predicted], [line.rival])[0])
        assert each.influence == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=0.02, abs=1e-4)
    towards = -1 if n_classes(bench) > 2 or line.predicted == bench.classes[1] else 1
    everything = bench.influential_rows(row, top=90)
    assert (np.diff(everything["influence"] * towards) <= 1e-12).all()
    assert_allclose(everything["share"], -everything["influence"] / line.margin)
    assert bench.largest_influence(row) == pytest.approx(everything["influence"].abs().max())


def test_flip_sets_hold_by_a_refit_of_the_pipeline(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    pipeline, train, y, test, _ = case
    for row in wrong_rows(bench):
        found = bench.flip_set(row)
        assert found.verified
        refit = clone(pipeline).fit(train, with_labels(y, found.rows, found.labels))
        assert refit.predict([test[row]])[0] == found.predicted_after != pipeline.predict([test[row]])[0]
        first = bench.influential_rows(row, top=found.size)
        assert first["row"].tolist() == found.rows.tolist()
        assert first["suggested"].tolist() == found.labels.tolist()
        assert bench.suggested_labels(found.rows, row).tolist() == found.labels.tolist()
        assert bench.test_rows()["flip_size"][row] == found.size
    told = bench.explanation(row)
    assert told is not None
    assert told.change == pytest.approx(told.shares.sum() + told.interaction)
    before, after = (
        margins(bench, each, [test[row]], *([label] for label in told.classes)) for each in (pipeline, refit)
    )
    assert told.change == pytest.approx(float(after[0] - before[0]), abs=1e-4)


def test_a_named_target_is_reached(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    pipeline, train, y, test, _ = case
    row = wrong_rows(bench)[0]
    target = pipeline.classes_[np.argmin(scores(pipeline, [test[row]])[0])]
    anything, named = bench.flip_set(row), bench.flip_set(row, target)
    refit = clone(pipeline).fit(train, with_labels(y, named.rows, named.labels))
    assert refit.predict([test[row]])[0] == target
    assert bench.known_flip_set(row) is named
    assert bench.known_target(row) == target
    assert named.size >= anything.size
    assert bench.flip_set(row) is anything
    assert bench.known_flip_set(row) is anything
    assert bench.known_target(row) is None
    with pytest.raises(ValueError, match="flip_set: target: expected one of the labels"):
        bench.flip_set(row, "trains")


def test_relabelling_to_any_class(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    _, _, y, _, _ = case
    names = bench.classes.tolist()
    other = {name: names[(place + 1) % len(names)] for place, name in enumerate(names)}
    rows = [3, 4, 5]
    labels = [other[y[row]] for row in rows]
    if n_classes(bench) > 2:
        with pytest.raises(ValueError, match=r"relabel\(flip_set.rows, flip_set.labels\)"):
            bench.relabel(rows)
        assert bench.relabelled == []
    assert bench.relabel(rows, labels) == rows
    assert bench.labels().tolist() == with_labels(y, rows, labels)
    assert bench.corrected_labels()["corrected"].tolist() == labels
    third = other[labels[0]]
    assert bench.relabel(3, third) == [3]
    assert bench.labels()[3] == third
    assert (3 in bench.relabelled) == (third != y[3])
    bench.undo()
    assert bench.labels().tolist() == with_labels(y, rows, labels)
    assert bench.history()["to"][0] == labels
    with pytest.raises(ValueError, match="expected one of the labels"):
        bench.relabel(3, "trains")


def test_marking_takes_the_suggested_labels(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    """Rows that are marked already keep theirs: what is asked twice counts once."""
    pipeline, train, y, _, _ = case
    rows = [3, 4, 5]
    likeliest = []
    for row, line in zip(rows, scores(pipeline, [train[row] for row in rows]), strict=True):
        line[pipeline.classes_ == y[row]] = -np.inf
        likeliest.append(pipeline.classes_[line.argmax()])
    assert bench.suggested_labels(rows).tolist() == likeliest
    bench.set_relabelled(rows, [3, 4])
    assert bench.labels()[rows].tolist() == [*likeliest[:2], y[5]]
    query = wrong_rows(bench)[0]
    ranked = bench.influential_rows(query, top=90).set_index("row")["suggested"]
    assert bench.set_relabelled(rows, rows, test_row=query) == [5]
    assert bench.labels()[rows].tolist() == [*likeliest[:2], ranked[5]]
    bench.set_relabelled(rows, [])
    assert bench.relabelled == []


def test_a_predicted_change_is_near_the_refit(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    pipeline, train, y, test, _ = case
    row = wrong_rows(bench)[-1]
    line = bench.test_rows().iloc[row]
    best = bench.influential_rows(row, top=20).iloc[-1]
    assert bench.predicted_change(row) == 0
    bench.relabel(best["row"], best["suggested"])
    assert bench.predicted_change(row) == pytest.approx(best["influence"])
    refit = clone(pipeline).fit(train, with_labels(y, [best["row"]], [best["suggested"]]))
    before, after = (margins(bench, each, [test[row]], [line.predicted], [line.rival])[0] for each in (pipeline, refit))
    assert 0.5 < bench.predicted_change(row) / (after - before) < 2  # it is a slope, over a whole step
    told = bench.forecast(row)
    shown = bench.classes[1] if n_classes(bench) == 2 else line.predicted
    proba = probabilities(refit, [test[row]])[0, pipeline.classes_.tolist().index(shown)]
    assert told.n_relabelled == 1
    assert told.proba == pytest.approx(proba, abs=0.1)
    assert told.proba != pytest.approx(line.proba, abs=1e-4)


def test_common_features_add_up_to_the_influence(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    _, train, _, test, _ = case
    row = wrong_rows(bench)[0]
    best = bench.influential_rows(row, top=1).iloc[0]
    table = bench.common_features(row, best["row"])
    shared = set(train[best["row"]].split()) & set(test[row].split())
    assert set(table["feature"]) == shared == set(bench.common_words(row, [best["row"]])[0])
    # the largest part of an influence comes through what both texts have
    assert np.sign(table["contribution"].sum()) == np.sign(best["influence"])
    line = bench.test_rows().iloc[row]
    classes, coef, names = bench.classes.tolist(), bench.fit.coef, bench.fit.feature_names
    weight = coef if coef.ndim == 1 else coef[classes.index(line.predicted)] - coef[classes.index(line.rival)]
    assert_allclose(table["weight"], [weight[names.index(word)] for word in table["feature"]])


def test_verification_and_its_summary(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    pipeline, train, y, test, y_test = case
    rows = np.arange(0, 40, 4)
    labels = bench.suggested_labels(rows)
    bench.relabel(rows, labels)
    result = bench.verify()
    refit = clone(pipeline).fit(train, with_labels(y, rows, labels))
    proba = probabilities(refit, test)
    assert bench.classes[result.predicted_after].tolist() == refit.predict(test).tolist()
    assert_allclose(result.proba_after, proba[:, 1] if n_classes(bench) == 2 else proba, atol=1e-5)
    table = bench.test_rows()
    assert table["verified_predicted"].tolist() == refit.predict(test).tolist()
    shown = ["nothing"] if n_classes(bench) == 2 else table["predicted"].tolist()
    columns = [1] * 25 if n_classes(bench) == 2 else [bench.classes.tolist().index(name) for name in shown]
    assert_allclose(table["verified_proba"], proba[np.arange(25), columns], atol=1e-5)
    summary = bench.verification_summary()
    assert summary is not None
    several = n_classes(bench) > 2
    average = {"average": "macro"} if several else {"pos_label": bench.classes[1]}
    scored = proba if several else proba[:, 1]
    assert summary.accuracy_after == accuracy_score(y_test, refit.predict(test))
    assert summary.log_loss_after == pytest.approx(log_loss(y_test, proba, labels=pipeline.classes_), rel=1e-4)
    assert summary.f1_after == pytest.approx(f1_score(y_test, refit.predict(test), **average))
    assert summary.auc_after == pytest.approx(roc_auc_score(y_test, scored, multi_class="ovr"))
    assert summary.f1_before == pytest.approx(f1_score(y_test, pipeline.predict(test), **average))
    before, after, truth = pipeline.predict(test), refit.predict(test), np.array(y_test)
    assert summary.n_flipped == (before != after).sum()
    assert summary.n_became_right == ((before != after) & (after == truth)).sum()
    assert summary.n_became_wrong == ((before != after) & (before == truth)).sum()
    columns = bench.test_columns()
    assert columns.became_right.sum() == summary.n_became_right
    assert columns.became_wrong.sum() == summary.n_became_wrong
    # another label of the same row is another verification
    bench.relabel(int(rows[0]), bench.classes[0] if labels[0] != bench.classes[0] else bench.classes[1])
    assert bench.verification is None


def test_a_summary_without_some_classes(case: tuple[Any, ...]) -> None:
    """Of classes that neither labels nor predictions hold there is no score; the mean is that of the others."""
    pipeline, train, y, test, y_test = case
    if len(pipeline.classes_) == 2:
        return
    kept = [row for row, label in enumerate(y_test) if label != pipeline.classes_[0]][:6]
    bench = rw.Workbench(pipeline, train, y, [test[row] for row in kept], [y_test[row] for row in kept])
    bench.relabel([3], bench.suggested_labels([3]))
    bench.verify()
    summary = bench.verification_summary()
    assert summary is not None
    truth, proba = np.array(y_test)[kept], probabilities(pipeline, [test[row] for row in kept])
    areas = [
        roc_auc_score(truth == name, proba[:, code])
        for code, name in enumerate(pipeline.classes_)
        if name in set(truth) and set(truth) != {name}
    ]
    assert summary.auc_before == pytest.approx(np.mean(areas))
    predicted = pipeline.predict([test[row] for row in kept])
    assert summary.f1_before == pytest.approx(f1_score(truth, predicted, average="macro", zero_division=0))


def test_suspects_leave_out_what_is_decided(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    _, _, y, _, _ = case
    table = bench.suspects(limit=5)
    assert (table["suggested"] != table["label"]).all()
    assert table["label"].tolist() == [y[row] for row in table["row"]]
    first = table.iloc[0]
    bench.relabel(first["row"], first["suggested"])
    bench.keep(table["row"][1])
    left = bench.suspects()["row"].tolist()
    assert {first["row"], table["row"][1]}.isdisjoint(left)
    assert bench.decisions()["decision"].tolist() == [
        "relabel" if row == first["row"] else "keep" for row in sorted(table["row"][:2])
    ]


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_files_come_back_and_pages_tell(bench: rw.Workbench, tmp_path: Path, ending: str) -> None:
    row = wrong_rows(bench)[0]
    found = bench.flip_set(row)
    bench.relabel(found.rows, found.labels, note="by hand")
    bench.verify()
    back = rw.read_labels(bench.export(tmp_path / f"labels.{ending}"))
    order = np.argsort(found.rows)
    assert back["row"].tolist() == found.rows[order].tolist()
    assert back["id"].tolist() == [f"r{each:02}" for each in found.rows[order]]
    assert back["corrected"].tolist() == found.labels[order].tolist()
    report = _words(bench.report(tmp_path / "report.html").read_text())
    snapshot, fallback = _words(render(bench, row)), _words(fallback_html(bench, row))
    line = bench.test_rows().iloc[row]
    for page in (report, snapshot, fallback):
        assert str(found.outcome) in page
        assert line.predicted in page
    several = n_classes(bench) > 2
    for page in (snapshot, fallback):
        assert (f"The nearest other class is {line.rival}." in page) == several
        assert ("Suggested" in page) == several
    assert ("the likeliest class" in report) == several
    assert all(f"{name} (" in report for name in bench.classes)
    assert ("The tick marks the threshold" in report) == (not several)


def _words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))


@pytest.mark.parametrize("kind", ["influence", "sizes", "size-probability", "before-after"])
def test_charts_show_the_class_that_is_predicted(bench: rw.Workbench, kind: str) -> None:
    pytest.importorskip("altair")
    row = wrong_rows(bench)[0]
    found = bench.flip_set(row)
    bench.relabel(found.rows, found.labels)
    bench.verify()
    drawn = bench.chart(kind, row).to_dict()
    told = str(drawn)
    several, line = n_classes(bench) > 2, bench.test_rows().iloc[row]
    assert ("hreshold" in told) == (not several and kind != "sizes")
    if kind == "influence":
        bars = next(part["data"]["values"] for part in drawn["layer"] if "name" in part["data"]["values"][0])
        assert ("suggested" in bars[0]) == several
        assert {bar["effect"] for bar in bars[: found.size]} == {"towards its flip"}
        assert (f"margin of {line.predicted} over {line.rival}" in told) == several
    elif kind != "before-after":
        assert all(name in told for name in bench.classes)


def test_a_chart_of_many_classes_has_the_commonest_by_name() -> None:
    pytest.importorskip("altair")
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(8), 12)
    x = rng.poisson(0.2, size=(96, 8)).astype(float)
    x[np.arange(96), y] += 1
    bench = rw.Workbench(MultinomialNB().fit(x, y), x, y, np.eye(8)[[0, 0, 1, 1, 2, 3, 4, 5, 6, 7]] * 2)
    for row in range(10):
        bench.flip_set(row)
    bars = bench.chart("sizes").to_dict()["data"]["values"]
    counts = {
        name: sum(bar["count"] for bar in bars if bar["predicted"] == name) for name in ("0", "1", "other classes")
    }
    assert counts == {"0": 2, "1": 2, "other classes": 4}


def test_thresholds_are_for_two_classes(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    if n_classes(bench) == 2:
        row = wrong_rows(bench)[0]
        bench.flip_set(row)
        bench.threshold = 0.9
        assert bench.known_flip_set(row) is None
        proba = bench.test_rows()["proba"]
        assert (bench.test_rows()["predicted"] == bench.classes[1]).tolist() == (proba > 0.9).tolist()
        return
    for call in (lambda: setattr(bench, "threshold", 0.4), lambda: rw.Workbench(*case, threshold=0.4)):
        with pytest.raises(ValueError, match="expected no threshold, because the likeliest of"):
            call()
    bench.threshold = 0.5
    assert bench.threshold == 0.5


def test_a_fit_in_place_of_the_estimator(bench: rw.Workbench, case: tuple[Any, ...]) -> None:
    pipeline, train, y, test, y_test = case
    fit = rw.adopt(pipeline, train, y)
    again = rw.Workbench(fit, train, y, test, y_test)
    assert_allclose(again.test_rows()["proba"], bench.test_rows()["proba"])
    assert again.flip_set(1).size == bench.flip_set(1).size
    others = with_labels(y, [7], [next(name for name in bench.classes if name != y[7])])
    with pytest.raises(ValueError, match="got 1 other labels, the first in row 7"):
        rw.Workbench(fit, train, others, test)
    with pytest.raises(ValueError, match="got another row in place of row 0"):
        rw.Workbench(fit, train[::-1], y, test)
    with pytest.raises(ValueError, match="got other weights"):
        rw.Workbench(fit, train, y, test, sample_weight=np.full(90, 2.0))


def test_labels_of_other_types_come_back(tmp_path: Path) -> None:
    train, y = corpus(90, 3, seed=1)
    codes = {"bikes": 10, "bread": 20, "letters": 30}
    numbers = np.array([codes[name] for name in y])
    pipeline = make_pipeline(CountVectorizer(), MultinomialNB()).fit(train, numbers)
    bench = rw.Workbench(pipeline, train, numbers, train[:5])
    labels = [30 if numbers[row] != 30 else 10 for row in (2, 3)]
    bench.relabel([2, 3], labels)
    assert bench.labels()[[2, 3]].tolist() == labels
    back = rw.read_labels(bench.export(tmp_path / "labels.csv"))
    assert back["corrected"].tolist() == labels
    assert back["corrected"].dtype.kind == "i"


def test_a_store_is_taken_up_again(case: tuple[Any, ...], tmp_path: Path) -> None:
    with rw.Workbench(*case, store=tmp_path / "store.db") as bench:
        bench.relabel([1, 2], bench.suggested_labels([1, 2]))
        labels = bench.labels().tolist()
    with rw.Workbench(*case, store=tmp_path / "store.db") as again:
        assert again.labels().tolist() == labels
        assert again.relabelled == [1, 2]


def test_two_hundred_classes() -> None:
    """Codes do not fit into eight bits."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(200), 3)
    x = rng.poisson(0.2, size=(600, 30)).astype(float)
    x[np.arange(600), y % 30] += 2
    bench = rw.Workbench(MultinomialNB().fit(x, y), x, y, x[:4])
    bench.relabel([0, 1], [190, 131])
    assert bench.labels()[:2].tolist() == [190, 131]
    assert bench.corrected_labels()["corrected"].tolist() == [190, 131]
    assert bench.verify().proba_after.shape == (4, 200)

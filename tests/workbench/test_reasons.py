"""Why a label may be wrong, against scikit-learn's own refits and plain arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import StandardScaler
from workbench_cases import TEST, TRAIN, Y_TEST, Y

import relabel_widget as rw
from relabel_widget.monitor import Cancelled, Monitor
from relabel_widget.workbench.workbench import Workbench

ROW = 7


def table(n_classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(90, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 50.0, 3.0, 0.0]
    score = x[:, 0] + (x[:, 1] - 50) / 10 + rng.normal(size=90)
    return x, np.array(["a", "b", "c"])[np.digitize(score, [0.0, 1.0][: n_classes - 1])]


def table_bench(n_classes: int = 2) -> tuple[Workbench, np.ndarray, np.ndarray]:
    x, y = table(n_classes)
    model = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000)
    return Workbench(model.fit(x[:60], y[:60]), x[:60], y[:60], x[60:], y[60:]), x, y


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probability_and_contributions_are_those_of_a_model_without_the_row(n_classes: int) -> None:
    bench, x, y = table_bench(n_classes)
    found = bench.reasons(ROW)
    rest = np.arange(60) != ROW
    own = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(x[:60][rest], y[:60][rest])
    proba = dict(zip(own.classes_, own.predict_proba(x[[ROW]])[0], strict=True))
    assert found.label == y[ROW]
    assert found.suggested == max((name for name in proba if name != y[ROW]), key=proba.__getitem__)
    assert found.probability == pytest.approx(proba[found.suggested], abs=1e-5)
    gap = np.log(proba[found.label] / proba[found.suggested])
    coef = own.coef_ if n_classes > 2 else np.vstack([-own.coef_[0] / 2, own.coef_[0] / 2])
    of = own.classes_.tolist().index
    weights = coef[of(found.label)] - coef[of(found.suggested)]
    parts = weights * (x[ROW] - x[:60].mean(axis=0))
    told = found.features.set_index("feature")["contribution"]
    np.testing.assert_allclose(told[[f"feature {j}" for j in range(4)]], parts, atol=1e-4)
    assert told.abs().is_monotonic_decreasing
    intercept = own.intercept_ if n_classes > 2 else np.array([-own.intercept_[0], own.intercept_[0]]) / 2
    typical = weights @ x[:60].mean(axis=0) + intercept[of(found.label)] - intercept[of(found.suggested)]
    assert told.sum() + typical == pytest.approx(gap, abs=1e-3)


def test_words_that_only_this_row_has_say_nothing(bench: Workbench) -> None:
    """A word learned from this label alone would speak for it."""
    texts = [*TRAIN]
    texts[ROW] += " zebra"
    model = bench.estimator
    alone = Workbench(model.fit(texts, Y), texts, Y, TEST, Y_TEST)
    assert abs(alone.fit.coef[list(alone.fit.feature_names).index("zebra")]) > 0.01
    told = alone.reasons(ROW).features.set_index("feature")["contribution"]
    assert abs(told.get("zebra", 0.0)) < 1e-6
    assert set(told.index) <= set(texts[ROW].split())


def test_the_effect_is_that_of_correcting_it_alone() -> None:
    bench, x, y = table_bench()
    bench.relabel([1, 2])
    found = bench.reasons(ROW)
    fixed = y[:60].copy()
    fixed[ROW] = found.suggested
    before, after = (
        LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(x[:60], labels) for labels in (y[:60], fixed)
    )
    right = [model.predict(x[60:]) == y[60:] for model in (before, after)]
    assert found.effect.n_became_right == np.count_nonzero(right[1] & ~right[0])
    assert found.effect.n_became_wrong == np.count_nonzero(right[0] & ~right[1])
    losses = [log_loss(y[60:], model.predict_proba(x[60:])) for model in (before, after)]
    assert found.effect.log_loss_before == pytest.approx(losses[0], abs=1e-5)
    assert found.effect.log_loss_after == pytest.approx(losses[1], abs=1e-5)


def expected_nearest(similarities: np.ndarray, y: np.ndarray) -> list[int]:
    others = [row for row in np.argsort(-similarities, kind="stable").tolist() if y[row] != y[ROW]]
    return [row for row in others if similarities[row] > 0][:3]


def test_nearest_rows_of_a_table_by_the_cosine_of_standardised_columns() -> None:
    bench, x, y = table_bench()
    similarities = cosine_similarity(StandardScaler().fit_transform(x[:60]))[ROW]
    nearest = bench.reasons(ROW).nearest
    assert nearest["row"].tolist() == expected_nearest(similarities, y)
    np.testing.assert_allclose(nearest["similarity"], similarities[nearest["row"]])
    assert nearest["label"].tolist() == [y[row] for row in nearest["row"]]


def test_nearest_texts_by_the_cosine_of_words_the_rare_ones_first(bench: Workbench) -> None:
    counts = bench.estimator[0].transform(TRAIN).toarray().astype(float)
    having = (counts > 0).sum(axis=0)
    counts, having = counts[:, having > 0], having[having > 0]
    size = np.sqrt((counts**2).sum(axis=0) / having)
    similarities = cosine_similarity(counts / size * np.log1p(len(TRAIN) / having))[ROW]
    nearest = bench.reasons(ROW).nearest
    np.testing.assert_allclose(nearest["similarity"], np.sort(similarities[np.array(Y) != Y[ROW]])[::-1][:3])
    assert {Y[row] for row in nearest["row"]} == {"praise", "complaint"} - {Y[ROW]}


def test_the_same_in_whatever_storage_and_constant_columns_say_nothing(tmp_path: Path) -> None:
    x, y = table()
    x = np.column_stack([x, np.full(90, 7.0)])
    in_memory = Workbench(rw.fit(x[:60], y[:60]), x[:60], y[:60], x[60:]).reasons(ROW)
    design = rw.write_design(tmp_path / "x.rlw", x[:60])
    in_file = Workbench(rw.fit(design, y[:60]), x[:60], y[:60], x[60:]).reasons(ROW)
    as_sparse = sparse.csr_array(x[:60])
    other = Workbench(rw.fit(as_sparse, y[:60]), as_sparse, y[:60], x[60:]).reasons(ROW)
    for found in (in_file, other):
        assert found.nearest["row"].tolist() == in_memory.nearest["row"].tolist()
        np.testing.assert_allclose(found.nearest["similarity"], in_memory.nearest["similarity"])
        np.testing.assert_allclose(found.features["contribution"], in_memory.features["contribution"], atol=1e-7)
    told = in_memory.features.set_index("feature")["contribution"]
    assert abs(told.get("feature 4", 0.0)) < 1e-12


def test_a_label_of_choice_and_what_is_refused() -> None:
    bench, _, y = table_bench(3)
    others = [name for name in "abc" if name != y[ROW]]
    asked = [bench.reasons(ROW, name) for name in others]
    assert [one.suggested for one in asked] == others
    assert bench.reasons(ROW).probability == max(one.probability for one in asked)
    assert "without it the model gives" in repr(asked[0])
    assert bench.relabelled == []
    assert bench.n_events == 0
    with pytest.raises(ValueError, match=r"reasons: expected another label than row 7 has, got '\w'\."):
        bench.reasons(ROW, y[ROW])
    with pytest.raises(ValueError, match="reasons: label"):
        bench.reasons(ROW, "d")
    with pytest.raises(IndexError, match="reasons: expected a training row from 0 to 59, got 60"):
        bench.reasons(60)
    stopped = Monitor()
    stopped.cancel()
    with pytest.raises(Cancelled):
        bench.reasons(ROW, monitor=stopped)


def test_the_outlook_counts_what_was_decided() -> None:
    bench, x, y = table_bench()
    rows = bench.next_to_check(6)["row"].tolist()
    bench.keep(rows[:4])
    bench.relabel(rows[4])
    bench.unsure(rows[5])
    found = bench.checking_outlook(more=10)
    assert (found.checked, found.found, found.more) == (5, 1, 10)
    assert bench.n_checked == 5
    answers = {row: y[row] for row in rows[:4]} | {rows[4]: "b" if y[rows[4]] == "a" else "a"}
    assert found.left == rw.checking_outlook(bench.fit, x[60:], y[60:], decisions=answers).left

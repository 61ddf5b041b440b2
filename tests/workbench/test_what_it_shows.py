"""What a workbench is about: facts, texts of any kind, influence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import logit
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from workbench_cases import TEST, TRAIN, Y_TEST, Y, closest

from relabel_widget.evidence import relabel_influence
from relabel_widget.workbench.workbench import Workbench


def test_facts(bench: Workbench) -> None:
    assert (bench.n_train, bench.n_test, bench.annotator, bench.threshold) == (80, 30, "ada", 0.5)
    assert bench.classes.tolist() == ["complaint", "praise"]
    assert bench.ids.tolist() == list(range(80))
    assert bench.y_test is not None
    assert bench.y_test.tolist() == Y_TEST
    assert bench.train_text(3) == TRAIN[3]
    assert bench.test_text(3) == TEST[3]
    assert bench.labels().tolist() == Y
    assert bench.fit.n_rows == 80
    assert isinstance(bench.estimator, Pipeline)


def test_what_it_hands_out_cannot_change_it(bench: Workbench) -> None:
    bench.labels()[:] = "praise"
    assert bench.labels().tolist() == Y
    with pytest.raises(ValueError, match="read-only"):
        bench.ids[0] = 7


def test_test_rows_are_scikit_learns_predictions(bench: Workbench, pipeline: Pipeline) -> None:
    table = bench.test_rows()
    assert table.columns.tolist() == [
        *("row", "text", "label", "predicted", "rival", "proba", "own_proba", "margin", "flip_size"),
        *("verified_proba", "verified_predicted"),
    ]
    assert table["text"].tolist() == TEST
    assert table["label"].tolist() == Y_TEST
    assert table["predicted"].tolist() == pipeline.predict(TEST).tolist()
    np.testing.assert_allclose(table["proba"], pipeline.predict_proba(TEST)[:, 1], atol=1e-6)
    np.testing.assert_allclose(table["margin"], pipeline.decision_function(TEST), atol=1e-5)
    assert table["flip_size"].dtype == "Int64"
    assert table["flip_size"].isna().all()
    assert table["verified_proba"].isna().all()
    assert table["verified_predicted"].isna().all()


def test_the_threshold_moves_margins_and_predictions(bench: Workbench) -> None:
    before = bench.test_rows()
    bench.threshold = 0.8
    after = bench.test_rows()
    np.testing.assert_allclose(after["margin"], before["margin"] - logit(0.8))
    assert (after["predicted"] == np.where(before["proba"] > 0.8, "praise", "complaint")).all()


@pytest.mark.parametrize("y_test", [np.array(Y_TEST)[:, None], pd.DataFrame({"label": Y_TEST})])
def test_true_labels_may_be_one_column_of_a_table(pipeline: Pipeline, y_test: Any) -> None:
    bench = Workbench(pipeline, TRAIN, np.array(Y)[:, None], TEST, y_test)
    assert bench.test_rows()["label"].tolist() == Y_TEST


def test_without_true_labels_there_are_none(pipeline: Pipeline) -> None:
    bench = Workbench(pipeline, TRAIN, Y, TEST)
    assert bench.y_test is None
    assert bench.test_rows()["label"].isna().all()
    bench.relabel(0)
    bench.verify()
    summary = bench.verification_summary()
    assert summary is not None
    assert (summary.n_relabelled, summary.accuracy_before, summary.n_became_right) == (1, None, None)


def test_the_test_set_is_transformed_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    honest = TfidfVectorizer.transform

    def transform(self: TfidfVectorizer, texts: Any) -> Any:
        seen.append(len(texts))
        return honest(self, texts)

    monkeypatch.setattr(TfidfVectorizer, "transform", transform)
    bench = Workbench(pipeline, TRAIN, Y, TEST, Y_TEST)
    bench.relabel(bench.flip_set(closest(bench)).rows)
    bench.verify()
    bench.influential_rows(0)
    assert seen == [80, 30]


def test_texts_may_be_given_apart(pipeline: Pipeline) -> None:
    features = pipeline[:-1].transform(TRAIN)
    model = LogisticRegression(tol=1e-10, max_iter=1000).fit(features, Y)
    texts = pd.Series(TRAIN, index=range(1000, 1080))
    bench = Workbench(model, features, Y, features[:5], train_text=texts, test_text=np.array(TRAIN[:5]))
    assert bench.train_text(79) == TRAIN[79]
    assert bench.test_text(4) == TRAIN[4]


def test_halves_of_surrogate_pairs_are_joined_or_replaced() -> None:
    """As they come from JSON; tables, pages and files must hold what is shown. The model sees the texts as they are."""
    cut, whole = [f"{text} \ud83d" for text in TRAIN], [f"{text} \ud83d\ude00" for text in TEST]
    characters = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 2)), LogisticRegression()).fit(cut, Y)
    bench = Workbench(characters, cut, Y, whole, Y_TEST)
    assert bench.train_text(3) == f"{TRAIN[3]} \ufffd"
    assert bench.test_text(3) == f"{TEST[3]} \U0001f600"
    assert bench.test_rows()["text"].tolist() == [f"{text} \U0001f600" for text in TEST]
    found = bench.flip_set(3)
    shown = bench.influential_rows(3, top=10)
    assert shown["text"].tolist() == [f"{TRAIN[row]} \ufffd" for row in shown["row"]]
    assert "\ufffd" in bench.common_words(3, found.rows[:1])[0]
    assert "\ufffd" in bench.common_features(3, int(found.rows[0]))["feature"].tolist()


def test_a_series_is_read_by_position(pipeline: Pipeline) -> None:
    bench = Workbench(pipeline, pd.Series(TRAIN, index=range(79, -1, -1)), Y, pd.Series(TEST, index=["x"] * 30))
    assert bench.train_text(0) == TRAIN[0]
    assert bench.test_text(29) == TEST[29]


def test_a_row_of_a_frame_reads_as_a_line() -> None:
    frame = pd.DataFrame({"age": [41.0, 23.5, 60, 18], "city": ["Ulm", "Bonn", "Ulm", "Köln"], "n": [1, 2, 3, 2**60]})
    columns = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["age"]))
    model = make_pipeline(columns, LogisticRegression(tol=1e-10)).fit(frame, [0, 1, 0, 1])
    bench = Workbench(model, frame, [0, 1, 0, 1], frame[2:])
    assert bench.train_text(0) == "age=41, city=Ulm, n=1"
    assert bench.test_text(1) == f"age=18, city=Köln, n={2**60}"
    assert bench.relabel(1) == [1]
    assert bench.labels().tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix, lambda X: X.toarray()])
def test_a_row_of_a_matrix_reads_as_its_largest_features(form: Any) -> None:
    X = sparse.csr_array(np.array([[0, 1.5, 0, -2], [0, 0, 0, 0], [3, 0, 0.125, 0]]))
    model = LogisticRegression(tol=1e-10).fit(X, [0, 1, 1])
    bench = Workbench(model, form(X), [0, 1, 1], form(X))
    assert bench.train_text(0) == "feature 3=-2, feature 1=1.5"
    assert bench.train_text(1) == "(all features are zero)"
    assert bench.test_text(2) == "feature 0=3, feature 2=0.125"


def test_features_are_named_where_the_pipeline_names_them(pipeline: Pipeline) -> None:
    features = pipeline[:-1].transform(["lovely room"])
    bench = Workbench(pipeline, TRAIN, Y, features)
    assert {part.split("=")[0] for part in bench.test_text(0).split(", ")} == {"lovely", "room"}


def test_a_pipeline_that_names_nothing_numbers_its_features() -> None:
    from sklearn.preprocessing import FunctionTransformer

    X = np.eye(4)
    model = make_pipeline(FunctionTransformer(), LogisticRegression()).fit(X, [0, 1, 0, 1])
    assert Workbench(model, X, [0, 1, 0, 1], X).train_text(2) == "feature 2=1"


def test_features_that_a_pipeline_picks_are_not_named_after_those_it_takes() -> None:
    X = np.eye(4) + np.outer([0, 1, 0, 1], [0, 0, 0, 5])
    model = make_pipeline(SelectKBest(k=2), LogisticRegression()).fit(X, [0, 1, 0, 1])
    assert Workbench(model, X, [0, 1, 0, 1], X).train_text(0) == "feature 0=1"


def test_zeros_that_a_sparse_matrix_stores_are_not_shown() -> None:
    X = sparse.csr_array((np.array([0.0, 2.0, 1.0]), np.array([0, 1, 0]), np.array([0, 2, 3])), shape=(2, 2))
    model = LogisticRegression(tol=1e-10).fit(X, [0, 1])
    assert Workbench(model, X, [0, 1], X).train_text(0) == "feature 1=2"


def test_long_lines_are_cut() -> None:
    frame = pd.DataFrame({f"c{j}": [0.0, 1.0] for j in range(40)})
    model = LogisticRegression().fit(frame, [0, 1])
    bench = Workbench(model, frame, [0, 1], frame.to_numpy())
    assert bench.train_text(1).endswith("c15=1, …")
    assert bench.test_text(1).endswith("c15=1, …")  # names are those of the frame it was fitted on


def test_influential_rows_are_those_of_the_engine(bench: Workbench) -> None:
    row = closest(bench)
    table = bench.influential_rows(row, top=80)
    assert table.columns.tolist() == [
        *("row", "id", "text", "original", "current", "suggested"),
        *("influence", "share", "in_flip_set", "relabelled", "decision", "annotator", "note"),
    ]
    influence = relabel_influence(bench.fit, [TEST[row]])[0]
    np.testing.assert_allclose(table["influence"], influence[table["row"]], rtol=1e-6, atol=1e-12)
    assert sorted(table["row"]) == list(range(80))
    gain = -np.sign(bench.test_rows()["margin"][row]) * table["influence"]
    assert (np.diff(gain) <= 1e-12).all()
    assert gain.iloc[0] > 0
    assert table["text"].tolist() == [TRAIN[each] for each in table["row"]]
    assert not table["in_flip_set"].any()


def test_rows_of_a_known_flip_set_come_first(bench: Workbench) -> None:
    row = int(bench.test_rows()["margin"].abs().nlargest(15).index[-1])
    ranked = bench.influential_rows(row, top=80)["row"].tolist()
    found = bench.flip_set(row)
    assert found.size >= 2
    table = bench.influential_rows(row, top=found.size + 3)
    assert table["row"].tolist()[: found.size] == found.rows.tolist()
    assert table["in_flip_set"].tolist() == [True] * found.size + [False] * 3
    assert table["row"].is_unique
    assert len(bench.influential_rows(row, top=1)) == 1

    among = bench.influential_rows(row, top=80, set_first=False)
    assert among["row"].tolist() == ranked
    assert sorted(among.loc[among["in_flip_set"], "row"]) == sorted(found.rows)


def test_influential_rows_show_what_is_relabelled(bench: Workbench) -> None:
    row = closest(bench)
    first = int(bench.influential_rows(row)["row"].iloc[0])
    bench.relabel(first)
    line = bench.influential_rows(row).iloc[0]
    assert (line["row"], line["relabelled"]) == (first, True)
    assert {line["original"], line["current"]} == {"complaint", "praise"}
    assert line["original"] == Y[first]


def test_the_predicted_change_is_the_sum_and_close_to_the_refit(bench: Workbench) -> None:
    row = closest(bench)
    assert bench.predicted_change(row) == 0
    chosen = [1, 4]
    bench.relabel(chosen)
    influence = relabel_influence(bench.fit, [TEST[row]])[0]
    assert bench.predicted_change(row) == pytest.approx(influence[chosen].sum(), rel=1e-6)
    after = bench.verify().fit.decision([TEST[row]])[0]
    assert bench.predicted_change(row) == pytest.approx(after - bench.fit.decision([TEST[row]])[0], rel=0.3, abs=0.02)


@pytest.mark.parametrize("top", [0, -3, 2.5, "all"])
def test_a_senseless_top_is_refused(bench: Workbench, top: Any) -> None:
    with pytest.raises(ValueError, match="top: expected a whole number of at least 1"):
        bench.influential_rows(0, top=top)


@pytest.mark.parametrize("method", ["test_text", "influential_rows", "predicted_change", "flip_set", "known_flip_set"])
def test_test_rows_that_do_not_exist_are_refused(bench: Workbench, method: str) -> None:
    for row in (30, -1):
        with pytest.raises(IndexError, match=f"{method}: expected a test row from 0 to 29, got {row}"):
            getattr(bench, method)(row)
    for row in (1.0, True, None, "1"):
        with pytest.raises(TypeError, match=f"{method}: expected the number of a test row, got"):
            getattr(bench, method)(row)


def test_training_rows_that_do_not_exist_are_refused(bench: Workbench) -> None:
    with pytest.raises(IndexError, match="train_text: expected a training row from 0 to 79, got 80"):
        bench.train_text(80)

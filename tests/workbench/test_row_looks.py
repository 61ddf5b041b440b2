"""What rows look like: texts, tables with what differs and contributes, images, and what a render returns."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from workbench_cases import TEST, TRAIN, Y_TEST, Y

import relabel_widget as rw
from relabel_widget.inputs import cells_of
from relabel_widget.widget.snapshot import write_snapshot
from relabel_widget.workbench.row_content import Image, Table, Text, content_of, image_of, table_of

EVIL = "<img src=x onerror=alert(1)>"


def pixels(image: Image) -> np.ndarray:
    """The bytes of a PNG that `png_of` made, by its format: lines of filter 0."""
    start = image.png.index(b"IDAT") + 4
    raw = np.frombuffer(zlib.decompressobj().decompress(image.png[start:]), np.uint8)
    return raw.reshape(image.height, -1)[:, 1:]


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(20, 70, 90), "pay": rng.normal(30.0, 5.0, 90).round(2)})
    frame["job"] = rng.choice(["nurse", "cook", "clerk"], 90)
    frame["note"] = rng.choice(["age pay", "late again", "prompt pay job"], 90)
    return frame


@pytest.fixture(scope="module")
def good(people: pd.DataFrame) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 6, 90)
    return np.where(people["age"] + noise > 45, "granted", "denied")


def bench_of(estimator: Any, rows: Any, y: Any, **options: Any) -> rw.Workbench:
    train, test = (rows[:60], rows[60:]) if not isinstance(rows, pd.DataFrame) else (rows.iloc[:60], rows.iloc[60:])
    return rw.Workbench(estimator.fit(train, y[:60]), train, y[:60], test, y[60:], **options)


def mixed() -> Any:
    steps = make_column_transformer(
        (StandardScaler(), ["age", "pay"]), (OneHotEncoder(), ["job"]), (TfidfVectorizer(), "note")
    )
    return make_pipeline(steps, LogisticRegression(tol=1e-10))


class TestTables:
    def test_parts_are_of_the_columns_and_add_up_to_the_log_odds(self, people: Any, good: Any) -> None:
        """A word of the notes is called as a column is: names alone would count it there."""
        bench = bench_of(mixed(), people, good)
        table = bench.train_content(7)
        assert isinstance(table, Table)
        assert {cell.name for cell in table.cells} == {"age", "pay", "job", "note"}
        assert table.about == "granted"
        total = sum(cell.part or 0.0 for cell in table.cells) + bench.fit.intercept
        assert total == pytest.approx(bench.fit.decision(people.iloc[[7]])[0], abs=1e-9)
        sizes = [abs(cell.part or 0.0) for cell in table.cells]
        assert sizes == sorted(sizes, reverse=True)

    def test_what_differs_comes_first_with_the_other_value_beside_it(self, people: Any, good: Any) -> None:
        bench = bench_of(mixed(), people, good)
        other = people.iloc[60 + 2]
        row = next(
            i for i in range(60) if people.iloc[i]["job"] == other["job"] and people.iloc[i]["age"] != other["age"]
        )
        table = bench.train_content(row, 2)
        assert isinstance(table, Table)
        beside = {cell.name: cell.beside for cell in table.cells}
        assert beside["job"] is None
        assert beside["age"] == str(other["age"])
        differs = [cell.beside is not None for cell in table.cells]
        assert differs == sorted(differs, reverse=True)

    def test_nothing_is_said_where_a_feature_could_be_of_no_column(self, people: Any, good: Any) -> None:
        numbers = people[["age", "pay"]]
        bench = bench_of(make_pipeline(PCA(2), LogisticRegression()), numbers, good)
        table = bench.test_content(0)
        assert isinstance(table, Table)
        assert [cell.part for cell in table.cells] == [None, None]
        assert table.about == ""
        assert [cell.name for cell in table.cells] == ["age", "pay"]

    def test_of_several_classes_parts_are_of_the_predicted_one_over_its_rival(self, people: Any) -> None:
        X, y = people[["age", "pay"]].to_numpy(), people["job"].to_numpy()
        bench = bench_of(make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10)), X, y)
        line = bench.test_rows().iloc[3]
        table = bench.test_content(3)
        assert isinstance(table, Table)
        assert table.about == line["predicted"]
        a, b = (bench.classes.tolist().index(line[name]) for name in ("predicted", "rival"))
        total = sum(cell.part or 0.0 for cell in table.cells)
        assert total + bench.fit.intercept[a] - bench.fit.intercept[b] == pytest.approx(line["margin"], abs=1e-9)
        alone = bench.train_content(0)
        assert isinstance(alone, Table)
        assert alone.about == ""

    def test_sparse_rows_show_what_is_not_zero_in_either(self) -> None:
        X = sparse.csr_array(np.array([[1.0, 0, 0], [0, 2, 0], [1, 1, 0], [0, 0, 3], [1, 0, 3], [0, 1, 1]]))
        y = np.array([0, 1, 0, 1, 0, 1])
        bench = rw.Workbench(LogisticRegression().fit(X, y), X, y, X[[3]])
        table = bench.train_content(0, 0)
        assert isinstance(table, Table)
        assert {(cell.name, cell.value, cell.beside) for cell in table.cells} == {
            ("feature 0", "1", "0"),
            ("feature 2", "0", "3"),
        }

    def test_dicts_and_polars_frames_have_columns_too(self, people: Any) -> None:
        polars = pytest.importorskip("polars")
        shapes = (people[["age", "job"]].to_dict("records"), polars.from_pandas(people[["age", "job"]]))
        for rows in shapes:
            looks = cells_of(rows, lambda _: None)
            assert looks is not None
            assert looks(4) == {"age": people["age"][4], "job": people["job"][4]}

    def test_a_naive_bayes_has_a_table_without_parts(self, good: Any) -> None:
        X = np.random.default_rng(0).integers(0, 4, (90, 3))
        table = bench_of(MultinomialNB(), X, good).train_content(0, 1)
        assert isinstance(table, Table)
        assert {cell.part for cell in table.cells} == {None}

    def test_a_line_has_the_first_few_and_says_how_many_more(self) -> None:
        table = table_of({f"c{j}": j for j in range(30)}, small=True)
        assert [cell.name for cell in table.cells] == [f"c{j}" for j in range(8)]
        assert table.left_out == 22
        assert table.text.endswith("c7=7, …")

    def test_texts_that_were_given_are_what_is_read(self, people: Any, good: Any) -> None:
        bench = bench_of(mixed(), people, good, test_text=[EVIL] * 30)
        assert bench.test_content(0) == Text(EVIL)
        assert isinstance(bench.train_content(0), Table)


class TestImages:
    def test_rows_of_pixels(self) -> None:
        X = np.arange(12 * 90, dtype=float).reshape(90, 12) % 17
        y = np.arange(90) % 2
        bench = bench_of(LogisticRegression(), X, y, image_shape=(3, 4))
        image = bench.test_content(1)
        assert isinstance(image, Image)
        assert (image.width, image.height, image.text) == (4, 3, "Image, 4 × 3 pixels")
        assert np.array_equal(pixels(image), np.rint(X[61].reshape(3, 4) * 255 / 16))

    def test_bytes_are_shown_as_they_are_and_sparse_rows_too(self) -> None:
        X = np.random.default_rng(0).integers(0, 200, (90, 12)).astype(np.uint8)
        for rows in (X, sparse.csr_array(X)):
            image = bench_of(LogisticRegression(), rows, np.arange(90) % 2, image_shape=(2, 2, 3)).train_content(5)
            assert isinstance(image, Image)
            assert np.array_equal(pixels(image).ravel(), X[5])

    @pytest.mark.parametrize("shape", [(3,), "8x8", (0, 12), (2, 3, 2), (3, True), 12, (5, 5), (2.0, 6.0)])
    def test_another_shape_is_refused(self, shape: Any) -> None:
        X = np.zeros((90, 12)) + np.arange(90)[:, None] % 7
        with pytest.raises(ValueError, match="Workbench: image_shape: expected"):
            bench_of(LogisticRegression(), X, np.arange(90) % 2, image_shape=shape)

    def test_large_ones_are_thinned_out_in_lists(self) -> None:
        large = np.zeros((300, 200, 3), dtype=np.uint8)
        assert (image_of(large).height, image_of(large, small=True).height) == (300, 75)

    def test_values_that_are_no_pixels_are_refused(self) -> None:
        with pytest.raises(
            ValueError, match="from 0 to 255 or floats from 0 to 1 in an image, got an array of float64"
        ):
            image_of(np.array([[0.0, 2.0]]))
        with pytest.raises(ValueError, match="from 0 to 255"):
            image_of(np.array([[0.0, np.nan]]))
        with pytest.raises(ValueError, match=r"1, 3 or 4 channels, got shape \(2, 2, 2\)"):
            image_of(np.zeros((2, 2, 2)))
        with pytest.raises(ValueError, match="an image of numbers, got an array of <U1"):
            image_of(np.array([["a"]]))


def text_bench(pipeline: Any, **options: Any) -> rw.Workbench:
    return rw.Workbench(pipeline, TRAIN, Y, TEST, Y_TEST, **options)


class Counted(Sequence[str]):
    """Texts that count how often one of them is read."""

    def __init__(self, texts: list[str]) -> None:
        self.texts, self.reads = texts, 0

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: Any) -> Any:
        self.reads += 1
        return self.texts[row]


def test_showing_a_row_reads_that_row_alone(pipeline: Any) -> None:
    """It once made an array of all texts for each line of a list, to see whether they were images."""
    train, test = Counted(TRAIN), Counted(TEST)
    bench = rw.Workbench(pipeline, train, Y, test, Y_TEST)
    train.reads = test.reads = 0
    assert bench.train_content(3, 1) == Text(TRAIN[3])
    assert bench.test_content(1, small=True) == Text(TEST[1])
    assert (train.reads, test.reads) == (1, 1)


class TestRender:
    def test_it_is_given_the_row_as_it_was_brought(self, people: Any, good: Any, pipeline: Any) -> None:
        asked: list[tuple[Any, str, int]] = []
        bench = text_bench(pipeline, render=lambda *row: asked.append(row) or "shown")
        assert asked == []  # nothing is made for rows that are not shown
        assert bench.train_content(3) == bench.test_content(4) == Text("shown")
        assert asked == [(TRAIN[3], "train", 3), (TEST[4], "test", 4)]
        bench = bench_of(mixed(), people, good, render=lambda row, side, number: f"{row['age']} {side} {number}")
        assert bench.test_content(2) == Text(f"{people['age'][62]} test 2")

    def test_a_mapping_is_compared_with_what_the_test_row_gives(self, pipeline: Any) -> None:
        bench = text_bench(pipeline, render=lambda row, *_: {"length": len(row), "kind": EVIL})
        table = bench.train_content(0, 1)
        assert isinstance(table, Table)
        lengths = str(len(TRAIN[0])), str(len(TEST[1]))
        assert [(c.name, c.value, c.beside) for c in table.cells] == [
            ("length", *lengths) if lengths[0] != lengths[1] else ("length", lengths[0], None),
            ("kind", EVIL, None),
        ]

    def test_png_bytes_stay_what_they_are(self) -> None:
        made = image_of(np.zeros((5, 7)))
        assert content_of(made.png) == Image(made.png, 7, 5)
        noise = np.random.default_rng(0).integers(0, 256, (400, 300), dtype=np.uint8)
        large = image_of(noise)
        assert content_of(large.png) == large
        assert content_of(large.png, small=True) == Text("Image, 300 × 400 pixels, too large for a list")
        huge = large.png[:16] + (60_000).to_bytes(4, "big") * 2 + large.png[24:]
        with pytest.raises(ValueError, match="at most 8 MB and 40 million pixels, got"):
            content_of(huge)

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (KeyError("path"), "KeyError: 'path'."),
            (ValueError(EVIL), EVIL),
            (b"<svg onload=alert(1)>", "expected the bytes of a PNG, got bytes that do not begin as one."),
            (object(), "expected a text, a mapping of names to values, an array of pixels or PNG bytes, got object."),
            (None, "got NoneType."),
            (np.zeros(3), "got shape (3,)."),
        ],
    )
    def test_an_error_is_a_sentence_in_place_of_the_row(self, pipeline: Any, value: Any, words: str) -> None:
        def render(_row: Any, side: str, number: int) -> Any:
            if (side, number) == ("train", 1):
                if isinstance(value, Exception):
                    raise value
                return value
            return "fine"

        bench = text_bench(pipeline, render=render)
        content = bench.train_content(1, 0)
        assert isinstance(content, Text)
        assert content.text.startswith("This row cannot be shown: ")
        assert words in content.text
        assert bench.train_content(0) == Text("fine")

    def test_something_that_cannot_be_called_is_refused(self, pipeline: Any) -> None:
        with pytest.raises(TypeError, match="Workbench: render: expected something to call with a row, its side"):
            text_bench(pipeline, render="html")

    def test_what_was_returned_is_kept_for_a_while_and_no_more_than_that(self, pipeline: Any) -> None:
        asked: list[int] = []
        bench = text_bench(pipeline, render=lambda _row, _side, number: asked.append(number) or np.zeros((9, 9)))
        for _ in range(3):
            bench.train_content(2, 0, small=True)
        assert asked.count(2) == 1
        assert bench._looks._rendered.keys() == {("train", 2), ("test", 0)}


def test_pages_to_read_show_rows_in_the_same_way(people: Any, good: Any, tmp_path: Any) -> None:
    rows = people.assign(job=people["job"] + EVIL)
    X = np.random.default_rng(0).random((90, 4))
    for bench, shown in (
        (bench_of(mixed(), rows, good), '<td dir="auto">job</td>'),
        (
            bench_of(LogisticRegression(), X, good, image_shape=(2, 2)),
            'alt="Image, 2 × 2 pixels" src="data:image/png;base64,',
        ),
        (bench_of(LogisticRegression(), X, good, render=lambda *_: EVIL), "&lt;img src=x onerror"),
    ):
        bench.relabel(bench.flip_set(1).rows)
        pages = [
            bench.report(tmp_path / "r.html", overwrite=True),
            bench.report(tmp_path / "c.html", 1, overwrite=True),
        ]
        pages.append(write_snapshot(tmp_path / "s.html", bench, 1, overwrite=True))
        for page in pages:
            words = page.read_text()
            assert shown in words
            assert EVIL not in words

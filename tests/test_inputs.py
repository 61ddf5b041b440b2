"""What people bring, as it is: frames, columns, labels, texts and queries of every library."""

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from relabel_widget import inputs

VALUES: dict[str, list[Any]] = {
    "bool": [True, False, True],
    "int": [3, -1, 3],
    "float": [0.5, 2.0, 0.5],
    "str": ["no", "but", "no"],
}


def dask(make: Callable[[Any], Any]) -> Any:
    pytest.importorskip("dask.dataframe", reason="the extra dask is not installed")
    return make(__import__("dask.dataframe").dataframe)


COLUMNS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda v: (each for each in v),
    "dict values": lambda v: dict(enumerate(v)).values(),
    "array": np.array,
    "object array": lambda v: np.array(v, dtype=object),
    "array of one column": lambda v: np.array(v)[:, None],
    "list of one column": lambda v: [[each] for each in v],
    "series": lambda v: pd.Series(v, index=[9, 7, 8]),
    "object series": lambda v: pd.Series(v, dtype=object),
    "category": lambda v: pd.Series(v, dtype="category"),
    "Categorical": pd.Categorical,
    "index": pd.Index,
    "pandas array": pd.array,
    "nullable": lambda v: pd.Series(v).convert_dtypes(),
    "arrow-backed": lambda v: pd.Series(v).convert_dtypes(dtype_backend="pyarrow"),
    "frame of one column": lambda v: pd.DataFrame({"y": v}),
    "polars": pl.Series,
    "polars frame": lambda v: pl.DataFrame({"y": v}),
    "polars lazy": lambda v: pl.LazyFrame({"y": v}),
    "pyarrow": pa.array,
    "pyarrow chunked": lambda v: pa.chunked_array([v[:1], v[1:]]),
    "pyarrow dictionary": lambda v: pa.array(v).dictionary_encode(),
    "pyarrow table": lambda v: pa.table({"y": v}),
    "dask": lambda v: dask(lambda dd: dd.from_pandas(pd.Series(v), npartitions=2)),
    "dask frame": lambda v: dask(lambda dd: dd.from_pandas(pd.DataFrame({"y": v}), npartitions=2)),
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("container", COLUMNS)
def test_labels_come_out_in_their_own_type(container: str, kind: str) -> None:
    found = inputs.as_labels(COLUMNS[container](VALUES[kind]), 3, who="f")
    assert isinstance(found, np.ndarray)
    assert found.tolist() == VALUES[kind]
    assert {type(label) for label in found.tolist()} == {type(VALUES[kind][0])}


# "list of one column" and arrays of one type hold no None
WITH_GAPS = [name for name in COLUMNS if "one column" not in name and name not in {"array", "Categorical", "index"}]


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("container", [*WITH_GAPS, "Categorical", "index", "frame of one column"])
def test_a_missing_label_is_found_in_every_container(container: str, kind: str) -> None:
    if "dask" in container and kind == "bool":
        pytest.skip("Dask makes texts of booleans among which some are missing")
    values = [VALUES[kind][0], None, VALUES[kind][2]]
    made = COLUMNS[container]
    labels, rows = inputs.known_labels(made(values), 3, who="f")
    assert rows.tolist() == [0, 2]
    assert labels.tolist() == VALUES[kind][::2]
    with pytest.raises(ValueError, match=r"f: expected a label for every row, got 1 missing .*, in row 1\. Drop"):
        inputs.as_labels(made(values), 3, who="f")


@pytest.mark.parametrize("gap", [float("nan"), pd.NA, pd.NaT, np.float64("nan"), None], ids=str)
def test_what_is_missing_among_texts_is_not_the_text_nan(gap: Any) -> None:
    assert inputs.missing_rows(["a", gap, "nan", gap]).tolist() == [1, 3]
    assert inputs.missing_rows(np.array(["a", gap], dtype=object)).tolist() == [1]
    labels, rows = inputs.known_labels(["a", gap, "nan"], 3, who="f")
    assert (labels.tolist(), rows.tolist()) == (["a", "nan"], [0, 2])


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([1.0, None, float("nan")]),
        pa.array([1.0, None, float("nan")]),
        pd.Series([1.0, None, float("nan")]),
        np.array(["2026-01-01", "NaT", "NaT"], dtype="datetime64[D]"),
        pd.Series([1.0, pd.NA, float("nan")], dtype=object),
    ],
    ids=["polars", "pyarrow", "pandas", "dates", "objects"],
)
def test_both_null_and_nan_are_missing(values: Any) -> None:
    assert inputs.missing_rows(values).tolist() == [1, 2]


def test_many_missing_rows_are_named_in_part() -> None:
    with pytest.raises(ValueError, match=r"got 9 missing .* in rows 1, 2, 3, 4, 5 and 4 more\."):
        inputs.as_labels([1, *[None] * 9], 10, who="f")


@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        ({1, 2}, TypeError, "f: y: expected a list, .* got a set, which has no order"),
        ({0: 1}, TypeError, r"f: y: expected a list, .* got a dict.* list\(d.values\(\)\)"),
        ("ab", TypeError, "f: y: expected a list, .* got one text, 'ab'. Put it into a list"),
        ([1, "a", 2], TypeError, "f: y: expected values of one type, got int, str together"),
        ([1, 2], ValueError, r"f: expected one label for each of the 3 rows of X, got y of shape \(2,\)"),
        (pl.Series([1]), ValueError, r"got y of shape \(1,\)"),
        (np.ones((3, 2)), ValueError, r"got y of shape \(3, 2\)"),
        (
            pd.DataFrame({"a": [1] * 3, "b": [1] * 3}),
            ValueError,
            r"one column, got a frame of the 2 columns a, b.*\['b'\]",
        ),
    ],
    ids=["set", "dict", "text", "mixed", "short list", "short series", "matrix", "frame"],
)
def test_what_cannot_be_labels(y: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        inputs.as_labels(y, 3, who="f")


# Frames and matrices

FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0, 1, 1]})
FRAMES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda f: f,
    "nullable": pd.DataFrame.convert_dtypes,
    "arrow-backed": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda f: f.astype(object),
    "polars": pl.from_pandas,
    "polars lazy": lambda f: pl.from_pandas(f).lazy(),
    "pyarrow": pa.Table.from_pandas,
    "dask": lambda f: dask(lambda dd: dd.from_pandas(f, npartitions=2)),
}


@pytest.mark.parametrize("container", FRAMES)
def test_numbers_of_frames(container: str) -> None:
    found = inputs.as_matrix(FRAMES[container](FRAME), who="f")
    assert found.dtype == np.float64
    assert_array_equal(found, FRAME.to_numpy(dtype=float))


@pytest.mark.parametrize("container", FRAMES)
def test_missing_numbers_name_their_columns(container: str) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0, None, 1], "c": [1.0, None, None]})
    with pytest.raises(ValueError, match=r"f: .* got missing values in columns b, c, first in row 1\. Impute"):
        inputs.as_matrix(FRAMES[container](frame), who="f")


@pytest.mark.parametrize("container", [name for name in FRAMES if name != "objects"])
def test_columns_of_texts_are_named(container: str) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "city": ["Ulm", "1"]})
    with pytest.raises(TypeError, match=r"f: expected real numbers, got texts.* in column city\. .* adopt the whole"):
        inputs.as_matrix(FRAMES[container](frame), who="f")


def test_infinite_numbers_are_not_missing() -> None:
    frame = pd.DataFrame({"a": [np.inf, -np.inf]})
    assert_array_equal(inputs.as_matrix(frame, who="f"), frame.to_numpy())


def test_columns_of_one_name() -> None:
    frame = pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=["a", "a"])
    assert_array_equal(inputs.as_matrix(frame, who="f"), frame.to_numpy())
    assert inputs.column_names(frame) == ["a", "a"]


def test_record_batches_are_a_table() -> None:
    table = pa.table({"a": [1, 2], "b": [3.0, 4.0]})
    batch = table.to_batches()[0]
    for rows in (batch, pa.RecordBatchReader.from_batches(table.schema, [batch])):
        assert inputs.materialised(rows, who="f").equals(table)
    assert inputs.as_matrix(batch, who="f").tolist() == [[1, 3], [2, 4]]


def test_a_row_of_a_frame_with_names_of_two_levels() -> None:
    columns = pd.MultiIndex.from_product([["a", "b"], ["x", "y"]])
    frame = pd.DataFrame(np.arange(8.0).reshape(2, 4), columns=columns)
    row = inputs.one_row(frame.iloc[1], columns=list(columns))
    assert np.asarray(row).tolist() == [[4, 5, 6, 7]]


def test_one_value() -> None:
    single = ["a", b"a", 1, 2.5, True, None, pd.NA, np.str_("a"), np.float64(1), np.array(1)]
    several = [["a"], (1,), np.ones(1), pd.Series([1]), pl.Series([1]), pl.LazyFrame({"a": [1]}), pa.array([1]), {1}]
    assert [inputs.is_one_value(value) for value in single] == [True] * len(single)
    assert [inputs.is_one_value(value) for value in several] == [False] * len(several)


def test_plain_arrays_are_not_copied() -> None:
    x = np.ones((3, 2))
    assert inputs.as_matrix(x, who="f") is x
    for rows in (x, [1], (1,), sparse.csr_array(x), pd.Series([1]), pl.Series([1]), FRAME):
        assert inputs.materialised(rows, who="f") is rows


@pytest.mark.parametrize("container", FRAMES)
def test_names_of_columns(container: str) -> None:
    assert inputs.column_names(inputs.materialised(FRAMES[container](FRAME), who="f")) == ["a", "b"]


@pytest.mark.parametrize("rows", [[1], np.ones((2, 2)), sparse.eye(2), pd.Series([1]), pl.Series([1])], ids=type)
def test_no_frame_has_no_names(rows: Any) -> None:
    assert inputs.column_names(rows) is None


@pytest.mark.parametrize("container", ["pandas", "polars", "pyarrow"])
def test_columns_go_into_the_order_of_the_training_frame(container: str) -> None:
    frame = FRAMES[container](FRAME.assign(extra=1)[["b", "extra", "a"]])
    assert inputs.column_names(inputs.in_order(frame, ["a", "b"], who="f")) == ["a", "b"]
    with pytest.raises(ValueError, match="f: expected the columns of the training frame, a, d, got a frame without d"):
        inputs.in_order(frame, ["a", "d"], who="f")
    assert inputs.in_order(frame, [0, 1, 2], who="f") is frame


# Queries

Row = namedtuple("Row", "b a")
ROWS: dict[str, Any] = {
    "list": [1.0, 2.0],
    "tuple": (1.0, 2.0),
    "array": np.array([1.0, 2.0]),
    "generator": lambda: iter([1.0, 2.0]),
    "dict": {"b": 2.0, "a": 1.0, "label": "x"},
    "named tuple": Row(2.0, 1.0),
    "itertuples": next(pd.DataFrame({"a": [1.0], "b": [2.0]}).itertuples()),
    "series": pd.Series({"b": 2.0, "a": 1.0}),
    "series of a mixed row": pd.DataFrame({"b": [2.0], "a": [1.0], "text": ["t"]}).iloc[0],
    "series without names": pd.Series([1.0, 2.0]),
    "polars series": pl.Series([1.0, 2.0]),
    "polars row": pl.DataFrame({"a": [1.0], "b": [2.0]}).row(0),
    "polars named row": pl.DataFrame({"b": [2.0], "a": [1.0]}).row(0, named=True),
    "pyarrow": pa.array([1.0, 2.0]),
}


@pytest.mark.parametrize("shape", ROWS)
def test_one_row_of_a_frame_in_any_shape(shape: str) -> None:
    given = ROWS[shape]
    found = inputs.one_row(given() if callable(given) else given, columns=["a", "b"])
    pd.testing.assert_frame_equal(found.reset_index(drop=True), pd.DataFrame({"a": [1.0], "b": [2.0]}))


@pytest.mark.parametrize("shape", ["list", "tuple", "array", "generator", "polars series", "pyarrow"])
def test_one_row_of_numbers_without_names(shape: str) -> None:
    given = ROWS[shape]
    assert_array_equal(inputs.one_row(given() if callable(given) else given), [[1.0, 2.0]])


@pytest.mark.parametrize(
    "row",
    [
        np.ones((1, 2)),
        sparse.csr_array([[1.0, 2.0]]),
        FRAME[:1],
        pl.from_pandas(FRAME[:1]),
        ["one text"],
        [[1.0, 2.0]],
        pd.Series(["one text"]),
    ],
    ids=type,
)
def test_what_has_one_row_stays(row: Any) -> None:
    assert inputs.one_row(row) is row


def test_texts_and_dicts_become_lists_of_one() -> None:
    assert inputs.one_row("text") == ["text"]
    assert inputs.one_row(b"text") == [b"text"]
    assert inputs.one_row(np.array("text")) == inputs.one_row(pa.scalar("text")) == ["text"]
    assert inputs.one_row({"warm": 1}) == [{"warm": 1}]
    assert inputs.one_row("text", columns=["review"]).to_dict("list") == {"review": ["text"]}
    assert inputs.one_row(sparse.coo_array(np.array([0.0, 1.0]))).shape == (1, 2)


@pytest.mark.parametrize("row", [None, 3, float("nan"), np.array(2.0)], ids=str)
def test_a_single_value_is_no_row(row: Any) -> None:
    with pytest.raises(TypeError, match="q: expected one row, such as a text, a list, a dict or a row of a frame, got"):
        inputs.one_row(row, who="q")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([1.0], "q: expected a value for each of the 2 columns a, b, got 1"),
        ({"a": 1.0}, "q: expected a value for every column of the training frame, got none for b"),
        (pd.Series({"a": 1.0}), "q: .* got a frame without b"),
        ("text", "q: expected a value for each of the 2 columns"),
    ],
)
def test_values_that_do_not_fit_the_columns(row: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        inputs.one_row(row, columns=["a", "b"], who="q")


def test_names_that_come_twice_cannot_say_which() -> None:
    columns = ["a", "a"]
    for row in ({"a": 1.0}, pd.Series([1.0, 2.0], index=["b", "a"])):
        with pytest.raises(ValueError, match=r"q: .* have the same name \(a, a\)\. Pass a list"):
            inputs.one_row(row, columns=columns, who="q")
    frame = pd.DataFrame([[1.0, 2.0]], columns=columns)
    for row in ([1.0, 2.0], frame.iloc[0], next(frame.itertuples())):
        assert_array_equal(inputs.one_row(row, columns=columns), [[1.0, 2.0]])


# Texts

TEXTS = ["café one", "two"]
TEXT_COLUMNS: dict[str, Callable[[list[Any]], Any]] = {
    **{name: make for name, make in COLUMNS.items() if name not in {"generator", "dict values", "series"}},
    "series": lambda v: pd.Series(v, index=[9, 7]),
    "bytes": lambda v: [None if each is None else each.encode("latin-1") for each in v],
}
for unread in ("list of one column", "array of one column", "polars lazy", "dask", "dask frame"):
    del TEXT_COLUMNS[unread]  # materialised before, or no texts


def text_of(rows: Any, row: int, **options: Any) -> str:
    return inputs.reader(rows, None, 2, names=lambda _: None, who="texts", **options)(row)


@pytest.mark.parametrize("container", TEXT_COLUMNS)
def test_texts_are_read_as_texts(container: str) -> None:
    rows = TEXT_COLUMNS[container](TEXTS)
    inputs.check_texts(rows, who="f")
    assert [text_of(rows, row, encoding="latin-1") for row in (0, 1)] == TEXTS
    assert inputs.reader(FRAME, rows, 2, names=lambda _: None, encoding="latin-1", who="f")(0) == TEXTS[0]


@pytest.mark.parametrize("container", sorted(set(TEXT_COLUMNS) - {"array"}))
def test_a_missing_text_is_named(container: str) -> None:
    rows = TEXT_COLUMNS[container](["a", None])
    with pytest.raises(ValueError, match=r"f: expected a text for every row, got 1 missing .* in row 1\. .* put \"\""):
        inputs.check_texts(rows, who="f")
    assert text_of(rows, 1) == "(missing)"


@pytest.mark.parametrize("container", ["pandas", "polars", "pyarrow"])
def test_a_frame_where_one_column_of_texts_is_meant(container: str) -> None:
    frame = FRAMES[container](pd.DataFrame({"id": [1], "text": ["a"]}))
    with pytest.raises(ValueError, match=r'f: .* a frame of the 2 columns id, text\. .* frame\["text"\]'):
        inputs.check_texts(frame, who="f")


@pytest.mark.parametrize("container", ["polars frame", "pyarrow table", "pyarrow", "frame of one column"])
def test_a_column_of_texts_as_vectorisers_take_it(container: str) -> None:
    assert list(inputs.text_column(COLUMNS[container](TEXTS))) == TEXTS
    assert inputs.text_column(TEXTS) is TEXTS


@pytest.mark.parametrize("container", ["pandas", "polars", "pyarrow", "arrow-backed"])
def test_lines_of_frames_show_whole_texts(container: str) -> None:
    """People judge by them: a text that was cut after 80 characters could not be judged."""
    review = "word " * 40
    frame = pd.DataFrame({**{f"x{j:02}": [1.5] for j in range(20)}, "review": [review], "shop": ["a"]})
    line = text_of(FRAMES[container](frame), 0)
    assert line == ", ".join(f"x{j:02}=1.5" for j in range(16)) + f", review={review}, shop=a, …"


def test_bytes_that_are_no_texts_are_replaced() -> None:
    assert text_of(["caf\xe9".encode("latin-1"), b""], 0) == "caf\ufffd"
    assert text_of(np.array([b"a", b"b"]), 1) == "b"


def test_the_encoding_is_the_vectorisers() -> None:
    inner = make_column_transformer((TfidfVectorizer(encoding="latin-1"), "text"))
    assert inputs.encoding_of(make_pipeline(inner, LogisticRegression())) == "latin-1"
    assert inputs.encoding_of(LogisticRegression()) == inputs.encoding_of(object()) == "utf-8"


def test_only_a_vectoriser_of_texts_reads_texts() -> None:
    assert inputs.reads_texts(make_pipeline(make_pipeline(CountVectorizer()), LogisticRegression()))
    assert not inputs.reads_texts(make_pipeline(CountVectorizer(analyzer=list), LogisticRegression()))
    assert not inputs.reads_texts(make_pipeline(StandardScaler(), LogisticRegression()))
    assert not inputs.reads_texts(LogisticRegression())


VECTORISER = make_pipeline(CountVectorizer(), LogisticRegression())


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["a", 3], "f: expected texts, got int in row 1"),
        ([{"a": 1}], "f: expected texts, got dict in row 0"),
        (pl.Series([1, 2]), "f: expected texts, got int in row 0"),
        (np.array([1.0]), "f: expected texts, got float64 in row 0"),
        (None, "f: expected a list, array, matrix or data frame of rows, got NoneType"),
    ],
    ids=["list", "dicts", "polars", "array", "None"],
)
def test_what_a_vectoriser_would_stumble_over(rows: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        inputs.check_vectorisable(rows, who="f")


@pytest.mark.parametrize("rows", [TEXTS, np.array(TEXTS), pa.array(TEXTS), [b"a"], sparse.eye(2), np.eye(2)], ids=type)
def test_what_a_vectoriser_takes_and_what_it_made(rows: Any) -> None:
    inputs.check_vectorisable(rows, who="f")


def test_libraries_that_are_not_used_are_not_imported() -> None:
    program = (
        "import sys, numpy as np, relabel_widget as rw; fit = rw.fit(np.eye(4), [0, 1, 0, 1]); "
        "rw.find_flip_set(fit, np.eye(4)[0]); "
        "print([name for name in ('narwhals', 'polars', 'pyarrow', 'dask', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


TAKEN: dict[str, Callable[[Any], Any]] = {
    "list": np.ndarray.tolist,
    "array": np.asarray,
    **{form: getattr(sparse, f"{form}_array") for form in ("csr", "csc", "coo", "dia", "lil", "dok", "bsr")},
    "frame, index": lambda x: pd.DataFrame(x, index=[4, 3, 2, 1]),
    "Polars": lambda x: pl.DataFrame(x, schema=["a", "b"]),
    "Arrow table": lambda x: pa.table({"a": x[:, 0], "b": x[:, 1]}),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_rows_at_places(kind: str) -> None:
    x = np.array([[1.0, 0.0], [2.0, 5.0], [0.0, 3.0], [4.0, 4.0]])
    taken = inputs.rows_at(TAKEN[kind](x), np.array([2, 0]))
    if sparse.issparse(taken):
        taken = taken.toarray()
    assert_array_equal(taken.to_pandas() if kind == "Arrow table" else taken, x[[2, 0]])
    column = pa.array([5, 6, 7])
    assert inputs.rows_at(column, np.array([2, 0])).to_pylist() == [7, 5]

"""Texts paged from where they lie, and the whole way with none of them in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest
from oracles import dask_client
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import relabel_widget as rw
from relabel_widget.files import texts as paged

TEXTS = [f"row {i} <b>ä\n\x00 {'x' * (i % 50)}" for i in range(300)] + ["", "\ud800", "🙂"]
PLAIN = [text.replace("\x00", "").replace("\ud800", "?") for text in TEXTS]


def in_file(folder: Path, texts: list[str]) -> paged.PagedTexts:
    return rw.write_texts(folder / "t.rlwt", iter(texts))


def in_parquet(folder: Path, texts: list[Any]) -> paged.PagedTexts:
    pd.DataFrame({"id": range(len(texts)), "text": texts}).to_parquet(folder / "t.parquet", row_group_size=40)
    return rw.open_texts(folder / "t.parquet")


def in_sqlite(folder: Path, texts: list[Any]) -> paged.PagedTexts:
    connection = sqlite3.connect(folder / "t.db")
    with connection:
        connection.execute('CREATE TABLE "te""xts" ("my ""text" TEXT)')
        rows = [(3 * i + 5, text) for i, text in enumerate(texts)]
        connection.executemany('INSERT INTO "te""xts" (rowid, "my ""text") VALUES (?, ?)', rows)
    connection.close()
    return rw.open_texts(folder / "t.db", 'my "text', table='te"xts')


PLACES: dict[str, Callable[[Path, list[str]], paged.PagedTexts]] = {
    "file": in_file,
    "Parquet": in_parquet,
    "SQLite": in_sqlite,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_texts_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Any) -> None:
    monkeypatch.setattr(paged, "_ROWS", 7)
    texts = place(tmp_path, PLAIN)
    assert len(texts) == len(PLAIN)
    assert list(texts) == PLAIN
    assert [texts[np.int64(i)] for i in (301, 0, 299, 0)] == [PLAIN[i] for i in (301, 0, 299, 0)]
    assert (texts[-1], texts[2:5]) == (PLAIN[-1], PLAIN[2:5])
    with pytest.raises(IndexError, match="texts: expected a row from 0 to 302, got 303"):
        texts[303]
    if isinstance(texts, paged.SqliteTexts):
        texts.close()


def test_any_string_comes_back_from_a_file(tmp_path: Path) -> None:
    assert list(in_file(tmp_path, TEXTS)) == TEXTS


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="write_texts: expected an iterable of texts, got one text"):
        rw.write_texts(tmp_path / "t", "one")
    with pytest.raises(TypeError, match="write_texts: expected texts, got int in row 1"):
        rw.write_texts(tmp_path / "t", ["a", 3])  # type: ignore[list-item]
    with pytest.raises(FileNotFoundError, match="open_texts: there is no file"):
        rw.open_texts(tmp_path / "t.db")
    in_parquet(tmp_path, PLAIN)
    with pytest.raises(ValueError, match=r"open_texts: expected one of the columns \['id', 'text'\], got 'none'"):
        rw.open_texts(tmp_path / "t.parquet", "none")
    texts = in_sqlite(tmp_path, PLAIN)
    with pytest.raises(ValueError, match="open_texts: expected a table 'none' with a column 'text', got columns"):
        rw.open_texts(tmp_path / "t.db", table="none")
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute('DELETE FROM "te""xts" WHERE rowid = 8')
    connection.close()
    with pytest.raises(LookupError, match="texts: row 1 was deleted from the table since it was opened"):
        texts[1]
    assert isinstance(texts, paged.SqliteTexts)
    texts.close()
    rw.write_design(tmp_path / "x.rlw", np.eye(3))
    with pytest.raises(ValueError, match="expected a file of texts, got one of design"):
        rw.open_texts(tmp_path / "x.rlw")


@pytest.mark.parametrize("place", [in_parquet, in_sqlite])
def test_a_missing_text_is_not_the_word_none(tmp_path: Path, place: Any) -> None:
    """A null was read as the text "None", and counted as the word."""
    texts = place(tmp_path, [*PLAIN[:50], None, *PLAIN[50:]])
    assert (texts[49], texts[51]) == (PLAIN[49], PLAIN[50])
    with pytest.raises(ValueError, match=r"texts: expected a text in every row, got none \(NULL\) in row 50\."):
        texts[50]
    with pytest.raises(ValueError, match="in row 50"):
        list(texts)
    if isinstance(texts, paged.SqliteTexts):
        texts.close()


@pytest.mark.parametrize("place", [in_parquet, in_sqlite])
def test_columns_of_bytes_are_texts(tmp_path: Path, place: Any) -> None:
    """People read b'caf...'."""
    words = ["caf\xe9", "na\xefve"]
    assert list(place(tmp_path, [word.encode() for word in words])) == words
    for path in tmp_path.iterdir():
        path.unlink()
    place(tmp_path, [word.encode("latin-1") for word in words])
    (path,) = tmp_path.iterdir()
    given: dict[str, str] = {} if path.suffix == ".parquet" else {"column": 'my "text', "table": 'te"xts'}
    assert list(rw.open_texts(path, encoding="latin-1", **given)) == words
    assert next(iter(rw.open_texts(path, **given))) == "caf\ufffd"
    with pytest.raises(ValueError, match="open_texts: expected the name of an encoding, got 'klingon'"):
        rw.open_texts(path, encoding="klingon")


@pytest.mark.parametrize("storage", ["mapped", "dask"])
def test_the_whole_way_to_the_widget(tmp_path: Path, storage: str) -> None:
    rng = np.random.default_rng(0)
    words = np.array(["good", "fine", "nice", "bad", "poor", "dull"])
    y = np.arange(120) % 2
    texts = [" ".join(words[rng.integers(3, size=4) + 3 * (1 - label)]) for label in y]
    hashing = HashingVectorizer(n_features=64, norm=None, alternate_sign=False)
    estimator = make_pipeline(hashing, LogisticRegression(C=0.1, tol=1e-8)).fit(texts, y)
    train_text = rw.write_texts(tmp_path / "t.rlwt", texts)
    design = (
        rw.write_design(tmp_path / "x.rlw", rw.text_blocks(train_text, hashing, batch=32))
        if storage == "mapped"
        else rw.dask_design([dask.delayed(texts)], vectoriser=hashing, client=dask_client())
    )
    bench = rw.Workbench(estimator, design, y, ["good bad dull", "nice nice"], train_text=train_text)
    assert bench.fit.problem.design is design
    assert bench.influential_rows(0, top=3)["text"].tolist()[0] in texts
    cut = float(bench.test_rows()["proba"][0])
    bench.threshold = cut - 0.005 if cut > 0.5 else cut + 0.005
    found = bench.flip_set(0)
    assert found.verified
    bench.relabel(found.rows)
    assert bench.verify().flipped[0]
    widget = rw.RelabelWidget(bench)
    widget.test_row = 0
    assert widget.relabelled == sorted(found.rows.tolist())
    widget.close()

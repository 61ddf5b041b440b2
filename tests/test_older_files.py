"""Files that an older version wrote (`older/make.py` with the code of commit f816143) open, and hold what they held."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from older.make import TEXTS, matrix, workbench

import relabel_widget as rw

OLDER = Path(__file__).parent / "older"
HISTORY = [
    ("relabel", [3], "", ""),
    ("relabel", [5, 8], "sarcasm ‚süß‘", ""),
    ("keep", [1], "read twice", ""),
    ("unsure", [2, 4], "", ""),
    ("relabel", [9], "", ""),
    ("undo", [9], "", "takes back event 5"),
    ("verify", [], "", "0 of 8 predictions flipped by 3 relabels"),
]


@pytest.fixture
def bench(tmp_path):
    store = shutil.copy(OLDER / "decisions.sqlite", tmp_path)
    with pytest.warns(rw.StoreWarning, match="whether the rows hold the same is not known"):
        one = workbench(rw, store)
    yield one
    one.close()


def test_the_decisions_of_an_older_store_count(bench):
    assert bench.relabelled == [3, 5, 8]
    said = bench.decisions().set_index("row")
    expected = {1: "keep", 2: "unsure", 3: "relabel", 4: "unsure", 5: "relabel", 8: "relabel"}
    assert said["decision"].to_dict() == expected
    assert said["label"].dropna().to_dict() == {3: "bad", 5: "good", 8: "good"}
    assert said.loc[[1, 5, 8], "note"].tolist() == ["read twice", "sarcasm ‚süß‘", "sarcasm ‚süß‘"]
    assert set(said["annotator"]) == {"ada"}
    assert bench.corrected_labels()["id"].tolist() == ["r03", "r05", "r08"]
    assert bench.labels()[[3, 5, 8, 9]].tolist() == ["bad", "good", "good", "good"]


def test_the_history_of_an_older_store_is_whole(bench):
    table = bench.history()
    assert list(zip(table["kind"], table["rows"], table["note"], table["details"], strict=True)) == HISTORY
    assert table["event"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert table["from"].tolist()[:2] == [["good"], ["bad", "bad"]]
    assert table["to"].tolist()[:2] == [["bad"], ["good", "good"]]
    assert table["time"].is_monotonic_increasing
    assert str(table["time"].dt.tz) == "UTC"


def test_work_on_an_older_store_goes_on(bench, tmp_path):
    assert bench.redo() == [9]
    assert bench.relabelled == [3, 5, 8, 9]
    assert bench.undo() == [9]
    bench.relabel(7, note="now")
    assert bench.verify().flipped.shape == (8,)
    bench.close()
    again = workbench(rw, tmp_path / "decisions.sqlite")  # and says nothing any more
    assert again.relabelled == [3, 5, 7, 8]
    assert again.history()["kind"].tolist()[-4:] == ["redo", "undo", "relabel", "verify"]
    again.close()


@pytest.mark.parametrize("kind", ["numbers", "counts", "ones"])
def test_an_older_design_has_its_values_and_products(kind):
    design, X = rw.open_design(OLDER / f"{kind}.rlw"), matrix(kind)
    assert design.shape == X.shape
    np.testing.assert_array_equal(design.take(np.arange(len(X))).matmat(np.eye(X.shape[1])), X)
    v, u = np.linspace(-1, 1, X.shape[1]), np.linspace(-2, 1, len(X))
    np.testing.assert_allclose(design.matvec(v), X @ v, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(design.rmatvec(u), X.T @ u, rtol=1e-13, atol=1e-13)


def test_older_texts_are_read():
    texts = rw.open_texts(OLDER / "texts.rlw")
    assert [texts[row] for row in range(len(texts))] == TEXTS

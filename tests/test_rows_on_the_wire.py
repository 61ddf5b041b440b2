"""Rows as they travel to the page: tables and images beside texts, metadata, and rows that say the same."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import comm
import numpy as np
import pandas as pd
import pytest
from recording_comm import RecordingComm
from sklearn.linear_model import LogisticRegression
from test_widget import ask, page, refused, rows_of

import relabel_widget as rw

RNG = np.random.default_rng(3)
X = pd.DataFrame(RNG.normal(size=(70, 3)).round(2), columns=["size", "heat", "rust"])
X.iloc[9] = X.iloc[7]
Y = np.where(X["size"] + 0.5 * RNG.normal(size=70) > 0, "good", "bad")
Y[9] = "good" if Y[7] == "bad" else "bad"
META = pd.DataFrame({"site": [f"site {row % 3}" for row in range(70)], "day": np.arange(70) // 4})


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    made: list[rw.RelabelWidget] = []

    def widget(**options: Any) -> rw.RelabelWidget:
        model = LogisticRegression(tol=1e-10).fit(X[:60], Y[:60])
        bench = rw.Workbench(model, X[:60], Y[:60], X[60:], Y[60:], meta=(META[:60], META[60:]), **options)
        made.append(rw.RelabelWidget(bench))
        return made[-1]

    yield widget
    for one in made:
        one.close()


def test_a_table_says_what_differs_and_what_that_contributes(make: Any) -> None:
    widget = make()
    bench = widget.workbench
    found = ask(widget, "words", row=2, train=7)
    head, *lines = found["content"]["lines"]
    assert head == ["Name", "Value", "Test row", "Log-odds"]
    assert found["content"]["about"] == "Log-odds of “good”: coefficient × value."
    coef = dict(zip(X.columns, bench.fit.coef, strict=True))
    own, other = X.iloc[7], X.iloc[62]
    for name, value, beside, part in lines:
        assert value == f"{own[name]:.6g}"
        assert beside == ("same" if own[name] == other[name] else f"{other[name]:.6g}")
        exact = coef[name] * own[name]
        assert float(part.replace("−", "-")) == pytest.approx(exact, abs=0.005 * max(0.1, abs(exact)))
    moved = [abs(coef[line[0]] * (own[line[0]] - other[line[0]])) for line in lines]
    assert moved == sorted(moved, reverse=True)
    assert found["text"].startswith(f"{lines[0][0]}={lines[0][1]}, ")


def test_equal_rows_and_metadata_come_with_the_details(make: Any) -> None:
    widget = make()
    found = ask(widget, "words", row=2, train=7)
    assert (found["same"], found["choices"]) == ([7, 9], ["bad", "good"])
    assert found["other"] == f"Row 9 is equal, and labelled “{Y[9]}”."
    assert found["meta"] == "site: site 1 · day: 1"
    assert ask(widget, "words", row=2, train=8)["same"] == []
    assert ask(widget, "ranking", row=2, set_first=True)["meta"] == "site: site 2 · day: 15"
    widget.workbench.relabel(9, Y[7])
    assert ask(widget, "words", row=2, train=7)["other"] == ""


def test_test_rows_are_sorted_and_kept_by_metadata(make: Any) -> None:
    widget = make()
    assert widget._state["meta"] == ["site", "day"]
    sites = META["site"][60:].reset_index(drop=True)
    assert rows_of(page(widget, meta="site")) == sites.sort_values(kind="stable").index.tolist()
    kept = np.flatnonzero(sites == "site 1").tolist()
    assert rows_of(page(widget, search="site=SITE 1")) == kept
    assert rows_of(page(widget, search="day>15", meta="day", descending=True)) == [8, 9, 4, 5, 6, 7]
    assert rows_of(page(widget, search="rust=")) == list(range(10))  # of the text of a table
    query = {"sort": "row", "descending": False, "filter": "all", "search": "", "offset": 0, "limit": 5}
    reason, words = refused(widget, "page", **query, predicted=None, meta="secret")
    assert (reason, "There is no column 'secret' of metadata" in words) == ("refused", True)


def test_images_travel_small_in_lists_and_large_in_the_details(make: Any) -> None:
    asked: list[tuple[str, int]] = []

    def render(_row: Any, side: str, number: int) -> Any:
        asked.append((side, number))
        if number == 3:
            raise OSError("no such file: <b>3.png</b>")
        return np.full((200, 100), 0.5) if number % 2 else f"<i>{number}</i>"

    widget = make(render=render)
    assert asked == []
    lines = page(widget, limit=4)["rows"]
    assert {side for side, _ in asked} == {"test"}
    assert sorted({number for _, number in asked}) == [0, 1, 2, 3]  # no row that is not shown
    assert (lines[0]["text"], lines[0]["content"]) == ("<i>0</i>", None)
    assert lines[3]["text"] == "This row cannot be shown: OSError: no such file: <b>3.png</b>."
    assert lines[1]["content"]["coarse"]
    assert b64decode(lines[1]["content"]["image"])[16:24] == (34).to_bytes(4, "big") + (67).to_bytes(4, "big")
    large = ask(widget, "ranking", row=1, set_first=True)
    assert large["text"] == "Image, 100 × 200 pixels"
    assert b64decode(large["content"]["image"])[16:24] == (100).to_bytes(4, "big") + (200).to_bytes(4, "big")
    suspects = {line["row"]: line for line in ask(widget, "queue")["rows"]}
    assert suspects[5]["content"]["image"] == ask(widget, "words", row=0, train=5)["content"]["image"]
    assert not suspects[5]["larger"]


def test_a_large_png_has_no_place_in_lists(make: Any) -> None:
    from relabel_widget.files.png import png_of

    noise = png_of(RNG.integers(0, 256, (400, 400), dtype=np.uint8))
    widget = make(render=lambda *_: noise)
    line = page(widget, limit=1)["rows"][0]
    assert (line["content"], line["text"]) == (None, "Image, 400 × 400 pixels, too large for a list")
    first = ask(widget, "queue")["rows"][0]
    assert (first["content"], first["larger"]) == (None, True)
    assert b64decode(ask(widget, "words", row=0, train=0)["content"]["image"]) == noise


def test_words_that_contribute_little_are_not_pointed_out() -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline
    from workbench.workbench_cases import TEST, TRAIN
    from workbench.workbench_cases import Y as LABELS

    texts, queries = [f"the {text} and" for text in TRAIN], [f"the {text} and" for text in TEST]
    model = make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-10)).fit(texts, LABELS)
    bench = rw.Workbench(model, texts, LABELS, queries)
    rows = bench.influential_rows(0, top=20)["row"].tolist()
    every, telling = bench.common_words(0, rows), bench.common_words(0, rows, telling=True)
    assert all({"the", "and"} <= set(words) for words in every)
    assert sum("the" in words for words in telling) < len(rows) / 2
    for row, words in zip(rows, telling, strict=True):
        parts = bench.common_features(0, row).set_index("feature")["contribution"].abs()
        assert words == [name for name in parts.index if parts[name] >= 0.3 * parts.max()]

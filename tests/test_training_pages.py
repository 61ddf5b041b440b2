"""The list of all training rows as the page asks for it, and the histograms of the test rows."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.monitor import Cancelled, Monitor
from relabel_widget.widget._pages import Pages
from relabel_widget.widget._search import TrainingSearch
from relabel_widget.widget._training import TrainingPages
from relabel_widget.widget._trial import Trial

WHOLE = {"filter": "all", "search": "", "asked": 0, "offset": 0, "limit": 500}
TEST_ROWS = {"sort": "row", "meta": None, "descending": False, "filter": "all", "predicted": None, "search": ""}


def make(n=60, n_test=30, classes=("bad", "good"), **options):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n + n_test, 3))
    y = np.array(classes)[(X[:n, 0] + rng.normal(size=n) > 0).astype(int)]
    texts = [f"Train text {i}" for i in range(n)]
    return rw.Workbench(LogisticRegression().fit(X[:n], y), X[:n], y, X[n:], train_text=texts, **options)


def pages_of(bench):
    return TrainingPages(bench, TrainingSearch(bench))


def rows_of(pages, **query):
    return [line["row"] for line in pages.page({**WHOLE, **query}, Monitor())["rows"]]


class TestTrainRows:
    def test_equal_texts_with_another_label_are_a_filter(self):
        texts = ["Warm soup.", "cold soup", "warm  soup.", "cold soup", "stale bread"]
        y = np.array(["good", "bad", "bad", "bad", "bad"])
        X = np.random.default_rng(0).normal(size=(5, 2))
        bench = rw.Workbench(LogisticRegression().fit(X, y), X, y, X, train_text=texts)
        pages = pages_of(bench)
        assert rows_of(pages, filter="contradicted") == [0, 2]
        bench.relabel(2, "good")
        assert rows_of(pages, filter="contradicted", asked=1) == []

    def test_a_line_says_what_was_decided_by_whom_and_why(self):
        bench = make(annotator="Ann")
        bench.relabel([4], note="sarcasm")
        bench.keep([2])
        table = bench.train_rows()
        assert table["row"].tolist() == list(range(60))
        assert table.loc[4, ["decision", "annotator", "note"]].tolist() == ["relabel", "Ann", "sarcasm"]
        assert table.loc[4, "current"] != table.loc[4, "original"]
        assert table.loc[2, ["decision", "annotator", "note"]].tolist() == ["keep", "Ann", ""]
        assert (table["current"] == bench.labels()).all()
        assert bench.train_rows([4, 2])["row"].tolist() == [4, 2]
        assert table.loc[3, ["decision", "annotator", "note"]].tolist() == ["", "", ""]

    def test_influential_rows_say_so_too(self):
        bench = make(annotator="Ann")
        row = int(bench.influential_rows(0)["row"].iloc[0])
        bench.keep([row], note="read")
        assert bench.influential_rows(0).loc[0, ["decision", "annotator", "note"]].tolist() == ["keep", "Ann", "read"]


class TestFilters:
    def test_each_keeps_what_it_says(self):
        bench = make(annotator="Ann")
        bench.relabel([3], note="sarcasm")
        bench.keep([5, 7])
        bench.unsure([9])
        pages = pages_of(bench)
        kept = {"relabelled": [3], "kept": [5, 7], "unsure": [9], "noted": [3], "mine": [3, 5, 7, 9]}
        assert {name: rows_of(pages, filter=name) for name in kept} == kept
        page = pages.page(WHOLE, Monitor())
        assert (page["total"], page["words"]) == (60, "60 rows · 1 changed · 2 kept · 1 unsure")
        assert pages.page({**WHOLE, "filter": "kept"}, Monitor())["words"].startswith("2 of 60 rows · ")

    def test_mine_are_not_those_of_others(self, tmp_path):
        store = tmp_path / "store.sqlite"
        with make(annotator="Ann", store=store) as ann, make(annotator="Ben", store=store) as ben:
            ann.keep([1])
            ben.keep([2])
            ben.refresh()
            assert rows_of(pages_of(ben), filter="mine") == [2]
            assert rows_of(pages_of(ben), filter="kept", asked=1) == [1, 2]

    def test_suspects_are_ranked_once_and_again_after_a_decision(self, monkeypatch):
        bench = make()
        table = bench.suspects()
        expected = table[table["score"] > 0.5]["row"].tolist()
        calls = []
        ranked = rw.Workbench.suspects
        monkeypatch.setattr(rw.Workbench, "suspects", lambda *a, **k: calls.append(1) or ranked(*a, **k))
        pages = pages_of(bench)
        assert rows_of(pages, filter="suspect") == expected
        assert rows_of(pages, filter="suspect", asked=1) == expected
        assert len(calls) == 1
        bench.keep(expected[:1])
        assert rows_of(pages, filter="suspect", asked=1) == expected  # until it is asked for again
        assert expected[0] not in rows_of(pages, filter="suspect", asked=2)
        assert len(calls) == 2

    def test_a_row_of_this_number_or_id_comes_first_then_texts_and_ids_that_hold_it(self):
        bench = make(ids=[f"Ticket-{100 + i}" for i in range(60)])
        pages = pages_of(bench)
        assert rows_of(pages, search="5") == [5, *(i for i in range(60) if i != 5 and "5" in f"{i} {100 + i}")]
        assert rows_of(pages, search="ticket-107 ")[0] == 7
        assert rows_of(pages, search="TRAIN TEXT 12") == [12]
        assert rows_of(pages, search="nowhere") == []
        assert rows_of(pages, search="7" * 5_000) == []  # more digits than int() takes

    def test_rows_that_say_the_same_as_one_are_found_with_that_one_first(self):
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.pipeline import make_pipeline

        words = [f"word{i}" for i in range(20)]
        texts = ["warm soup", " ".join(words), "Warm  soup", "stale bread", " ".join([*words, "extra"])]
        y = np.array(["good", "bad", "bad", "bad", "good"])
        model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, y)
        pages = pages_of(rw.Workbench(model, texts, y, texts[:1]))
        assert rows_of(pages, search="same=2") == [2, 0]
        assert rows_of(pages, search="Same = 4 ") == [4]
        assert rows_of(pages, search="near=4") == [4, 1]
        assert rows_of(pages, search="same=2", filter="kept") == []
        assert rows_of(pages, search="same=5") == []  # no such row, so these are words
        described = rw.Workbench(model, texts, y, texts[:1], meta=(pd.DataFrame({"same": [2, 1, 5, 1, 1]}), None))
        assert rows_of(pages_of(described), search="same=2") == [2, 0]  # what a reason leads to, not the column
        assert rows_of(pages_of(described), search="same=5") == [2]

    def test_a_hundred_thousand_rows_are_searched_in_a_moment_and_stopped_at_once(self):
        pages = pages_of(make(100_000))
        rows_of(pages)
        began = time.monotonic()
        assert rows_of(pages, search="text 77777") == [77777]
        assert rows_of(pages, asked=2, offset=90_000, limit=2) == [90_000, 90_001]
        assert time.monotonic() - began < 3
        stopped = Monitor()
        stopped.cancel()
        with pytest.raises(Cancelled):
            pages.page({**WHOLE, "search": "text 5"}, stopped)


class TestHistograms:
    @pytest.mark.parametrize("classes", [2, 3])
    def test_every_row_is_in_the_bin_that_its_label_names(self, classes):
        bench = make()
        if classes == 3:
            rng = np.random.default_rng(0)
            X = rng.normal(size=(90, 3))
            y = X[:60].argmax(axis=1)
            bench = rw.Workbench(LogisticRegression().fit(X[:60], y), X[:60], y, X[60:])
        bench.flip_set(0)
        columns = bench.test_columns()
        spread = Pages(bench, Trial(bench)).spread({**TEST_ROWS, "brushes": []})["histograms"]
        for one in spread:
            assert sum(one["every"]) == bench.n_test
            assert one["kept"] == one["every"]
        by_name = {one["of"]: one for one in spread}
        for name in ("proba", "margin"):
            values = getattr(columns, name)
            for one, number in zip(by_name[name]["bins"], by_name[name]["every"], strict=True):
                low, high = (float(one[end].replace("−", "-")) for end in ("from", "to"))
                assert number == np.count_nonzero((values >= low) & (values < high))
        begins = [one["from"] for one in by_name["flip_size"]["bins"]]
        sizes = dict(zip(begins, by_name["flip_size"]["every"], strict=True))
        assert sizes["not searched"] == bench.n_test - 1
        assert [(one["from"], one["to"]) for one in by_name["predicted"]["bins"]] == [
            (str(c), str(c)) for c in bench.classes
        ]
        assert by_name["predicted"]["every"] == np.bincount(columns.predicted, minlength=classes).tolist()

    def test_a_brush_filters_the_list_and_the_other_histograms_but_not_its_own(self):
        bench = make()
        pages = Pages(bench, Trial(bench))
        brushes = [{"of": "proba", "first": 4, "last": 9}, {"of": "predicted", "first": 1, "last": 1}]
        query = {**TEST_ROWS, "brushes": brushes, "offset": 0, "limit": 100}
        columns = bench.test_columns()
        near = (columns.proba >= 0.2) & (columns.proba < 0.5)
        first = pages.page({**query, "brushes": brushes[:1]})
        assert [line["row"] for line in first["rows"]] == np.flatnonzero(near).tolist()
        assert pages.page(query)["total"] == np.count_nonzero(near & (columns.predicted == 1))
        kept = {one["of"]: sum(one["kept"]) for one in pages.spread(query)["histograms"]}
        assert kept["proba"] == np.count_nonzero(columns.predicted == 1)
        assert kept["predicted"] == np.count_nonzero(near)
        assert kept["margin"] == pages.page(query)["total"]

"""Test rows come page by page: sorted, filtered and searched."""

from __future__ import annotations

import numpy as np
import pytest
from widget_cases import ask, make_workbench, page, rows_of

import relabel_widget as rw
from relabel_widget.widget._pages import Pages
from relabel_widget.widget._trial import Trial

pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture
def bench():
    return make_workbench()


class TestPages:
    def test_paging_and_sorting(self, widget, bench):
        table = bench.test_rows()
        assert page(widget)["total"] == 12
        assert rows_of(page(widget, offset=10)) == [10, 11]
        falling = rows_of(page(widget, sort="proba", descending=True))
        assert falling == table.sort_values("proba", ascending=False)["row"].tolist()
        assert rows_of(page(widget, sort="row", descending=True)) == list(range(11, -1, -1))

    def test_rows_without_a_value_come_last_either_way(self, widget, bench):
        bench.flip_set(4)
        for descending in (False, True):
            assert rows_of(page(widget, sort="flip_size", descending=descending))[0] == 4

    def test_filters(self, widget, bench):
        table = bench.test_rows()
        wrong = table.loc[table["label"] != table["predicted"], "row"].tolist()
        assert wrong
        assert rows_of(page(widget, filter="misclassified")) == wrong
        near = table.loc[(table["proba"] - 0.5).abs() <= 0.1, "row"].tolist()
        assert rows_of(page(widget, filter="near")) == near
        good = table.loc[table["predicted"] == "good", "row"].tolist()
        assert rows_of(page(widget, predicted="good")) == good
        assert sorted(good + rows_of(page(widget, predicted="bad"))) == list(range(12))
        bench.flip_set(2)
        assert rows_of(page(widget, filter="has_set")) == [2]
        assert rows_of(page(widget, filter="flipped")) == []
        bench.relabel(bench.flip_set(2).rows)
        flipped = np.flatnonzero(bench.verify().flipped).tolist()
        assert 2 in flipped
        assert rows_of(page(widget, filter="flipped")) == flipped

    def test_search_takes_words_as_they_are(self, widget):
        assert rows_of(page(widget, search="TEXT 1")) == [1, 10, 11]
        assert rows_of(page(widget, search=".*")) == []

    def test_integer_labels_and_no_true_labels(self):
        widget = rw.RelabelWidget(make_workbench(labels=(0, 1), y_test=None))
        line = page(widget)["rows"][0]
        assert line["predicted"] in ("0", "1")
        assert line["label"] is None
        assert not widget._state["labelled"]
        assert page(widget, filter="misclassified")["total"] == 0

    def test_small_sets_and_what_a_verification_made_of_predictions(self, widget, bench):
        assert page(widget, filter="small")["total"] == page(widget, filter="became_right")["total"] == 0
        sizes = {row: bench.flip_set(row).size for row in range(12)}
        assert rows_of(page(widget, filter="small")) == [row for row, size in sizes.items() if 0 < size <= 3]
        bench.relabel(list(range(0, 60, 3)))
        bench.verify()
        table = bench.test_rows()
        before, after = table["predicted"] == table["label"], table["verified_predicted"] == table["label"]
        assert rows_of(page(widget, filter="became_right")) == np.flatnonzero(after & ~before).tolist()
        assert rows_of(page(widget, filter="became_wrong")) == np.flatnonzero(before & ~after).tolist()
        assert {line["row"] for line in ask(widget, "flips")["rows"]} == set(np.flatnonzero(before != after))

    @pytest.mark.parametrize("column", ["text", "label", "predicted", "proba", "margin", "flip_size", "verified_proba"])
    def test_sorting_by_any_column_is_what_pandas_sorts(self, widget, bench, column):
        bench.flip_set(4)
        bench.flip_set(7)
        bench.relabel(list(range(0, 60, 4)))
        bench.verify()
        expected = bench.test_rows().sort_values(column, kind="stable", na_position="last")["row"].tolist()
        assert rows_of(page(widget, sort=column)) == expected

    def test_a_hundred_thousand_rows_come_page_by_page(self):
        n = 100_000
        bench = make_workbench(n_test=n)
        pages = Pages(bench, Trial(bench))
        query = {"sort": "proba", "descending": True, "search": "text", "offset": 0, "limit": 100}
        query |= {"filter": "all", "predicted": "good", "meta": None, "brushes": []}
        pages.page(query)
        reads = []
        content = bench.test_content
        bench_content = lambda row, *, small: reads.append(row) or content(row, small=small)  # noqa: E731
        bench.__dict__["test_content"] = bench_content
        answer = pages.page({**query, "offset": 40_000})
        assert len(reads) == len(answer["rows"]) == 100  # neither sorted nor searched again
        table = bench.test_rows()
        best = table[table["predicted"] == "good"].sort_values("proba", ascending=False, kind="stable")
        assert answer["total"] == len(best)
        assert rows_of(answer) == best["row"].iloc[40_000:40_100].tolist()

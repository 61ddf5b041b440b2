"""What is closed is freed: a closed widget kept its workbench and all its data, run after run of the same cell."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances
from sklearn.linear_model import LogisticRegression
from test_widget_live import tell
from widget_cases import ask, make_workbench

import relabel_widget as rw
from relabel_widget.widget._widget import _front_end

PAGE = {"sort": "row", "descending": False, "filter": "all", "search": "", "offset": 0, "limit": 50}
REQUESTS = [
    ("select", {"row": 1}),
    ("page", PAGE),
    ("ranking", {"row": 1, "set_first": True}),
    ("words", {"row": 1, "train": 2}),
    ("find", {"row": 1}),
    ("explain", {"row": 1}),
    ("decide", {"rows": [1, 2], "decision": "relabel", "note": ""}),
    ("queue", {}),
    ("reasons", {"row": 3, "label": "good"}),
    ("outlook", {}),
    ("decide", {"rows": [4], "decision": "keep", "note": "seen"}),
    ("verify", {}),
    ("flips", {}),
    ("history", {}),
]


pytestmark = pytest.mark.usefixtures("recorded")


def test_a_used_widget_and_its_workbench_die_after_close():
    def use():
        bench = make_workbench()
        widget = rw.RelabelWidget(bench)
        for kind, fields in REQUESTS:
            ask(widget, kind, **fields)
        widget._repr_mimebundle_()
        widget.find_flip_set(2)
        widget.close()
        bench.close()
        return [weakref.ref(one) for one in (widget, bench, bench.fit, widget.layout)]

    before = set(_instances)
    left = use()
    gc.collect()
    assert [ref() for ref in left] == [None] * 4
    assert set(_instances) == before


def test_the_front_end_is_text_and_while_it_is_developed_a_file(monkeypatch):
    text = _front_end("widget.js")
    monkeypatch.setenv("ANYWIDGET_HMR", "1")
    path = _front_end("widget.js")
    assert path.read_text(encoding="utf-8") == text
    assert rw.RelabelWidget._esm == text


def test_what_is_being_worked_out_ends_with_its_widget(monkeypatch):
    """A ranking and a search in the background held the closed widget until they were through."""
    begun = threading.Event()

    def crawl(*_args, monitor, **_kwargs):
        begun.set()
        while True:
            monitor.check()
            threading.Event().wait(0.01)

    def use():
        bench = make_workbench()
        widget = rw.RelabelWidget(bench)
        tell(widget, "w", "watch", rows=[0], on=True)
        assert begun.wait(30)
        begun.clear()
        tell(widget, "r", "ranking", row=1, set_first=True)
        assert begun.wait(30)
        answers, filler = widget._answers, widget._answers._filler
        widget.close()
        answers.join(30)
        filler.join(30)
        return weakref.ref(widget), weakref.ref(bench)

    monkeypatch.setattr(rw.Workbench, "flip_set", crawl)
    monkeypatch.setattr(rw.Workbench, "influential_rows", crawl)
    left = use()
    gc.collect()
    assert [ref() for ref in left] == [None, None]


def test_a_hundred_runs_of_a_cell_take_the_room_of_one():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3_000, 20))
    y = (X[:, 0] > 0).astype(int)
    model = LogisticRegression().fit(X, y)

    def cell():
        bench = rw.Workbench(model, X.copy(), y, X[:20].copy())
        widget = rw.RelabelWidget(bench)
        ask(widget, "ranking", row=1, set_first=True)
        room = tracemalloc.get_traced_memory()[0]
        widget.close()
        return room

    def alive():
        return sum(isinstance(each, rw.Workbench) for each in gc.get_objects())

    def taken():
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    gc.collect()
    others = alive()
    tracemalloc.start()
    try:
        cell()  # what is imported and cached once
        before = taken()
        one = cell() - before
        for _ in range(100):
            cell()
        grown = taken() - before
    finally:
        tracemalloc.stop()
    assert alive() <= others
    assert one > X.nbytes
    assert grown < one

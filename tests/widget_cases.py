"""A widget on a small workbench, what is asked of it, and what it answers."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.widget import _protocol as protocol


def make_workbench(n_train=60, n_test=12, labels=("bad", "good"), **options):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n_train + n_test, 3))
    y = np.array(labels)[(X[:, 0] + 0.8 * rng.normal(size=len(X)) > 0).astype(int)]
    train, test = slice(0, n_train), slice(n_train, None)
    estimator = LogisticRegression(C=1.0).fit(X[train], y[train])
    options.setdefault("test_text", [f"test text {i}" for i in range(n_test)])
    return rw.Workbench(estimator, X[train], y[train], X[test], options.pop("y_test", y[test]), **options)


NUMBERS = itertools.count()


def deliver(widget, content):
    """Everything that was sent back, once no job runs any more."""
    widget.comm.drain()
    widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})
    widget._answers.join(30)
    return [data["content"] for data in widget.comm.drain() if data["method"] == "custom"]


def message(request, kind, **body):
    """A request; what most tests leave to Python is left to it."""
    queue = {"order": "repair", "round": 1, "search": "", "label": None, "suggested": None}
    queue |= {"contradicted": False, "offset": 0, "limit": 100}
    page = {"predicted": None, "meta": None, "brushes": []}
    decide = {"labels": None, "test_row": None}
    left = {"find": {"target": None}, "decide": decide, "page": page, "queue": queue}
    return {"v": protocol.VERSION, "id": request, "kind": kind, **left.get(kind, {}), **body}


def ask(widget, kind, **body):
    """The value of the one result; no error may come."""
    *progress, last = deliver(widget, message(f"q{next(NUMBERS)}", kind, **body))
    assert all(one["kind"] == "progress" for one in progress)
    assert last["kind"] == "result", last
    return last["value"]


def refused(widget, kind, **body):
    *progress, last = deliver(widget, message("q", kind, **body))
    assert all(one["kind"] == "progress" for one in progress)
    assert last["kind"] == "error"
    assert last["id"] == "q"
    return last["reason"], last["message"]


def page(widget, **changes):
    query = {"sort": "row", "descending": False, "filter": "all", "search": "", "offset": 0, "limit": 100}
    return ask(widget, "page", **{**query, **changes})


def rows_of(answer):
    return [line["row"] for line in answer["rows"]]


class Slow:
    """Stands in the place of a workbench's method: works until told to stop."""

    def __init__(self):
        self.began = threading.Event()

    def __call__(self, *, monitor):
        self.began.set()
        for i in range(10_000):
            monitor.step("refit", i, 10_000)
            time.sleep(0.005)

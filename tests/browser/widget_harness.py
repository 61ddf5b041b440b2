"""The real widget, workbench and front end in a real browser, without Jupyter.

A model in the page speaks to the Python widget directly.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

import comm
from playwright.sync_api import expect
from recording_comm import RecordingComm

import relabel_widget as rw

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "tests" / "artifacts"
STATIC = ROOT / "relabel_widget" / "widget" / "static"

# What JupyterLab's themes set, as far as the widget uses it.
THEMES = {
    "light": {
        "--jp-layout-color1": "white",
        "--jp-ui-font-color1": "rgba(0, 0, 0, 0.87)",
        "--jp-brand-color1": "#1976d2",
        "--jp-error-color1": "#d32f2f",
        "--jp-success-color1": "#388e3c",
    },
    "dark": {
        "--jp-layout-color1": "#111",
        "--jp-ui-font-color1": "rgba(255, 255, 255, 1)",
        "--jp-brand-color1": "#2196f3",
        "--jp-error-color1": "#d32f2f",
        "--jp-success-color1": "#388e3c",
    },
}

PAGE_SCRIPT = """
class Model {
  constructor(attributes) { this.attributes = attributes; this.handlers = {}; }
  get(key) { return this.attributes[key]; }
  set(key, value) { this.attributes[key] = value; this.changed = {...this.changed, [key]: value}; }
  on(name, handler) { (this.handlers[name] ??= []).push(handler); }
  off(name, handler) { this.handlers[name] = (this.handlers[name] ?? []).filter((one) => one !== handler); }
  count() { return Object.values(this.handlers).flat().length; }
  fire(name, ...values) { for (const handler of [...(this.handlers[name] ?? [])]) handler(...values); }
  send(content) { window.__toPy(JSON.stringify({method: "custom", content})).then(pump); }
  save_changes() {
    const state = this.changed;
    this.changed = {};
    window.__toPy(JSON.stringify({method: "update", state})).then(pump);
  }
}
// One delivery at a time, as on a socket: two under way could overtake each other.
let delivery = Promise.resolve(), queued = 0;
function pump() {
  queued += 1;
  delivery = delivery.then(() => window.__drain()).then(receive).finally(() => { queued -= 1; });
}
function receive(messages) {
  for (const message of messages) {
    if (message.method === "custom") model.fire("msg:custom", message.content, []);
    if (message.method === "update") {
      for (const [key, value] of Object.entries(message.state)) model.attributes[key] = value;
      for (const key of Object.keys(message.state)) model.fire("change:" + key);
    }
  }
}
async function show(esm, attributes) {
  window.model = new Model(attributes);
  const url = URL.createObjectURL(new Blob([esm], {type: "text/javascript"}));
  window.widget = (await import(url)).default;
  window.dispose = widget.render({model, el: document.getElementById("host")});
  setInterval(() => queued === 0 && pump(), 20);
}
"""


def record_comms(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


def hold_background(monkeypatch):
    """Searches in the background wait for this event. They have all the time they need, so that a slow machine finds
    the same sets."""
    go_on, find = threading.Event(), rw.Workbench.flip_set

    def flip_set(self, row, *, budget=None, monitor=None, **options):
        while budget is not None and not go_on.wait(0.02):
            monitor.check()
        return find(self, row, monitor=monitor, **options)

    monkeypatch.setattr(rw.Workbench, "flip_set", flip_set)
    return go_on


def receive(widget, data):
    """Let the widget have a message as it comes from a front end."""
    widget._handle_msg({"content": {"data": {**data, "buffer_paths": []}}, "buffers": []})


def line_of(tests, row):
    """The line of a test row in their grid: its number stands in the first cell, and a size may be the same number."""
    return tests.locator(f"[role=row]:has(> [role=gridcell]:first-child:text-is('{row}'))")


def set_on_top(region, size):
    """The boxes of the training rows, once those of a set are the first: it is said to be found a little before."""
    ranking = region.get_by_role("grid", name="Influential training rows")
    for i in range(size):
        expect(ranking.locator(".rlw-train-row").nth(i)).to_contain_text("◆")
    return ranking.get_by_role("checkbox")


class Shown:
    """One widget on one page."""

    def __init__(self, page, widget, *, theme="light", width=1200):
        self.page, self.widget = page, widget
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_viewport_size({"width": width, "height": 900})
        page.expose_function("__toPy", self._to_python)
        page.expose_function("__drain", widget.comm.drain)
        page.set_content(self._html(theme))
        page.add_script_tag(content=PAGE_SCRIPT)
        state = {key: value for key, value in widget.get_state().items() if key not in ("_esm", "_css", "layout")}
        page.evaluate("([esm, state]) => show(esm, state)", [(STATIC / "widget.js").read_text(), state])

    def _html(self, theme):
        variables = "".join(f"{name}: {value};" for name, value in THEMES.get(theme, {}).items())
        css = (STATIC / "widget.css").read_text()
        body = "body { margin: 8px; background: var(--jp-layout-color1, white); }"
        return (
            f"<!doctype html><html lang=en><head><title>t</title><style>:root {{ {variables} }} {body}</style>"
            f"<style>{css}</style></head><body><main id=host></main></body></html>"
        )

    def _to_python(self, message):
        receive(self.widget, json.loads(message))

    # What a person sees and uses, by role and name

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def box(self, row):
        return self.page.get_by_role("checkbox", name=f"Relabel row {row}", exact=True)

    @property
    def status(self):
        return self.page.get_by_role("status")

    @property
    def tests(self):
        return self.page.get_by_role("grid", name="Test rows")

    @property
    def ranking(self):
        return self.page.get_by_role("grid", name="Influential training rows")

    def pane(self, name):
        """Open a pane, where there is room for one at a time."""
        tab = self.page.get_by_role("tab", name=name, exact=True)
        if tab.is_visible():
            tab.click()

    def pick(self, row):
        self.pane("Test rows")
        line_of(self.tests, row).click()

    def relabel_set(self, size):
        """Decide about the rows of the flip set one by one: each gets its label."""
        self.button("Decide row by row").click()
        for _ in range(size):
            self.page.keyboard.press("r")

    def wait_for(self, holds):
        """What was decided is shown at once and written a moment later: wait until ``holds()``."""
        for _ in range(200):
            if holds():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it did not come about within ten seconds")

    def shot(self, name):
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


def text_pipeline(texts, labels, C=1.0):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(CountVectorizer(), LogisticRegression(C=C, max_iter=2000)).fit(texts, labels)


def hotel_tables():
    """Reviews to train on, and to test with."""
    import pandas as pd

    table = pd.read_csv(ROOT / "examples" / "data" / "hotel_reviews.csv")
    return [table[table["split"] == split] for split in ("train", "test")]


def hotel_workbench(**options):
    train, test = hotel_tables()
    texts, labels = train["text"].tolist(), train["label"].to_numpy()
    return rw.Workbench(
        text_pipeline(texts, labels),
        texts,
        labels,
        test["text"].tolist(),
        test["label"].to_numpy(),
        ids=train["id"].tolist(),
        **options,
    )


TOPICS = {
    "business": "market shares profit bank trade price company deal stock growth",
    "science": "planet cell energy study species rocket telescope climate data theory",
    "sports": "match goal coach league season player final team score medal",
    "world": "election minister treaty border army vote summit crisis embassy protest",
}
COMMON = ["the", "new", "after", "week", "two", "people", "said", "over", "first", "its", "from", "report"]


def topics(n, seed=0, wrong=0.12):
    """Short texts on four topics, each with some words of another, and labels of which some are wrong."""
    import numpy as np

    rng = np.random.default_rng(seed)
    names = list(TOPICS)
    texts, labels = [], []
    for _ in range(n):
        topic, other = rng.choice(len(names), size=2, replace=False)
        words = [
            *rng.choice(TOPICS[names[topic]].split(), 3, replace=False),
            *rng.choice(TOPICS[names[other]].split(), 2, replace=False),
            *rng.choice(COMMON, 4, replace=False),
        ]
        texts.append(" ".join(rng.permutation(words)))
        labels.append(names[other if rng.random() < wrong else topic])
    return texts, labels


def topics_workbench(n=300, n_test=60, **options):
    texts, labels = topics(n)
    test, truth = topics(n_test, seed=1, wrong=0.0)
    return rw.Workbench(text_pipeline(texts, labels), texts, labels, test, truth, **options)


def small_workbench(labels=("bad", "good"), n_test=12, text="text", **options):
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    X = rng.normal(size=(60 + n_test, 3))
    y = np.array(labels)[(X[:, 0] + 0.8 * rng.normal(size=len(X)) > 0).astype(int)]
    estimator = LogisticRegression().fit(X[:60], y[:60])
    texts = {
        "train_text": [f"train {text} {i}" for i in range(60)],
        "test_text": [f"{text} {i}" for i in range(n_test)],
    }
    return rw.Workbench(estimator, X[:60], y[:60], X[60:], y[60:], **{**texts, **options})


def focused(page):
    """The text of what has the focus."""
    return page.evaluate(
        "(document.activeElement.getAttribute('aria-label') ?? '') + document.activeElement.textContent"
    )

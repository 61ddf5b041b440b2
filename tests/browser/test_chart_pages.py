"""Saved charts open from disk without a request; a notebook draws them without a network."""

from __future__ import annotations

import pytest
from jupyter_harness import foreign, jupyter, write_notebook
from playwright.sync_api import expect
from widget_harness import ARTIFACTS, text_pipeline

import relabel_widget as rw

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=\"document.title='taken'\"></script><script>document.title='taken'</script>"


@pytest.fixture
def bench():
    texts = [f"{word} place {number} {HOSTILE}" for number in range(15) for word in ("lovely", "broken")]
    labels = ["praise", "complaint"] * 15
    made = rw.Workbench(text_pipeline(texts, labels), texts, labels, texts[:6], labels[:6])
    made.flip_set(0)
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_saved_page_draws_from_disk(page, bench, tmp_path, scheme):
    path = rw.save_chart(bench.chart("influence", 0), tmp_path / "chart.html")
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.emulate_media(color_scheme=scheme)
    page.goto(path.as_uri())
    expect(page.locator("svg").first).to_be_visible()
    expect(page.get_by_text("Training rows behind test row 0")).to_be_visible()
    page.locator("path[aria-roledescription=bar]").first.hover()
    expect(page.locator("#vg-tooltip-element")).to_contain_text("onerror")
    assert page.locator("#vg-tooltip-element img").count() == 0
    assert page.title() == "Chart"
    assert [one for one in asked if not one.startswith(("file:", "data:", "blob:"))] == []
    assert asked[0] == path.as_uri()
    assert len([one for one in asked if one.startswith("file:")]) == 1
    assert errors == []
    title = page.locator("text").filter(has_text="Training rows behind test row 0").first
    ink = title.evaluate("e => getComputedStyle(e).fill")
    assert (sum(map(int, ink[4:-1].split(","))) > 380) == (scheme == "dark")


CELL = """
import relabel_widget as rw
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
texts = [f"{word} place {n}" for n in range(15) for word in ("lovely", "broken")]
labels = ["praise", "complaint"] * 15
model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, labels)
bench = rw.Workbench(model, texts, labels, texts[:6])
"""


@pytest.mark.jupyter
@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_a_notebook_draws_charts_by_itself(page, tmp_path, app):
    write_notebook(tmp_path / "charts.ipynb", CELL, "bench.chart('influence', 0)")
    with jupyter(app, tmp_path) as open_notebook:
        asked = open_notebook(page, "charts.ipynb")
        drawn = page.locator(".jp-OutputArea-output .vega-embed")
        expect(drawn.locator("canvas, svg").first).to_be_visible(timeout=30_000)
        assert page.locator(".jp-OutputArea-output").filter(has_text="Error").count() == 0
        ARTIFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"chart-{app}.png")
        assert foreign(asked) == []

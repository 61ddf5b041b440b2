"""The widget among other ipywidgets: linked, in layout boxes, twice in one cell, and saved with much data."""

from __future__ import annotations

import json

import nbformat
import pytest
from jupyter_harness import foreign, jupyter, write_notebook
from nbclient import NotebookClient
from playwright.sync_api import expect
from widget_harness import ARTIFACTS

pytestmark = [pytest.mark.browser, pytest.mark.jupyter]

MANY = """
import numpy as np
import relabel_widget as rw
from sklearn.linear_model import LogisticRegression
rng = np.random.default_rng(0)
n = {n}
X = rng.normal(size=(n, 4))
y = np.where(X @ [1, -1, 0.5, 0] + rng.normal(size=n) > 0, "yes", "no")
texts = [f"row {{i}} " + "some words that a person reads " * 3 for i in range(n)]
model = LogisticRegression(tol=1e-8).fit(X, y)
bench = rw.Workbench(model, X, y, X[:2000], y[:2000], train_text=texts, test_text=texts[:2000])
"""
TOGETHER = """
import ipywidgets
one, two = rw.RelabelWidget(bench), rw.RelabelWidget(bench)
one.test_row = 2
number = ipywidgets.IntText(value=0, description="Chosen")
ipywidgets.jslink((one, "test_row"), (number, "value"))
seen = ipywidgets.Label("nothing seen")
one.observe(lambda change: setattr(seen, "value", f"seen {change['new']}"), "test_row")
ipywidgets.VBox([number, seen, ipywidgets.HBox([one]), two])
"""


def test_linked_boxed_and_twice_in_one_cell(tmp_path, page):
    write_notebook(tmp_path / "together.ipynb", MANY.format(n=300).replace(":2000", ":30"), TOGETHER)
    page.set_viewport_size({"width": 1400, "height": 1000})
    with jupyter("lab", tmp_path) as open_notebook:
        asked = open_notebook(page, "together.ipynb")
        regions = page.get_by_role("region", name="Relabel workbench")
        expect(regions).to_have_count(2, timeout=30_000)
        first = regions.nth(0)
        first.get_by_role("grid", name="Test rows").get_by_role("row").nth(4).click()
        expect(first.get_by_role("status")).to_contain_text("Test row 3 is predicted")
        expect(page.get_by_label("Chosen")).to_have_value("3")
        expect(page.get_by_text("seen 3", exact=True)).to_be_visible()
        page.get_by_label("Chosen").fill("5")
        page.get_by_label("Chosen").press("Enter")
        expect(first.get_by_role("heading", name="Test row 5", exact=True)).to_be_visible()
        expect(regions.nth(1).get_by_role("heading", name="Test row 5", exact=True)).to_have_count(0)
        first.get_by_role("grid", name="Influential training rows").get_by_role("checkbox").first.check()
        for i in range(2):
            expect(regions.nth(i)).to_contain_text("1 label changed")
        page.screenshot(path=ARTIFACTS / "together.png")
    assert foreign(asked) == []


def test_a_saved_notebook_with_100_000_texts_stays_small(tmp_path):
    """With all widget state saved, which is more than JupyterLab saves by default."""
    path = tmp_path / "many.ipynb"
    write_notebook(path, MANY.format(n=100_000), "widget = rw.RelabelWidget(bench)\nwidget.test_row = 7\nwidget")
    before = path.stat().st_size
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, store_widget_state=True, resources={"metadata": {"path": tmp_path}}).execute()
    nbformat.write(notebook, path)
    saved = json.loads(path.read_text())
    assert "RelabelWidget" in json.dumps(saved["metadata"]["widgets"]) or "_esm" in json.dumps(saved["metadata"])
    html = "".join(saved["cells"][1]["outputs"][0]["data"]["text/html"])
    assert "Test row 7" in html
    grown = path.stat().st_size - before
    print(f"grown by {grown / 1000:.0f} kB")
    assert grown <= 150_000

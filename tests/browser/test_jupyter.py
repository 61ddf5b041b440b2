"""The whole job in real Jupyter front ends: what the page says, what the file holds, and which addresses are asked."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
from jupyter_harness import EXECUTE, foreign, jupyter, write_notebook
from playwright.sync_api import expect
from sklearn.linear_model import LogisticRegression
from widget_harness import ARTIFACTS, ROOT, line_of, set_on_top, text_pipeline

pytestmark = [pytest.mark.browser, pytest.mark.jupyter]

SETUP = """
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
import relabel_widget as rw

table = pd.read_csv({path!r})
train, test = table[table["split"] == "train"], table[table["split"] == "test"]
model = make_pipeline(CountVectorizer(), LogisticRegression(C=1, max_iter=2000)).fit(train["text"], train["label"])
bench = rw.Workbench(model, train["text"], train["label"], test["text"], test["label"])
"""
SHOW = "widget = rw.RelabelWidget(bench)\nwidget"


@pytest.fixture(scope="session")
def sst2():
    folder = Path(os.environ.get("RELABEL_WIDGET_DATA") or ROOT.parent / "shared" / "data")
    path = folder / "sst2.csv.gz"
    if not path.exists():
        pytest.skip(f"SST-2 is not at {path}; set RELABEL_WIDGET_DATA to the folder that holds it.")
    return path


@pytest.fixture
def hotel():
    return ROOT / "examples" / "data" / "hotel_reviews.csv"


def do_the_job(page, test_row, long=120_000, picture=None):
    """Pick, find, mark, verify, undo, redo, export. Gives the rows that were marked."""
    region = page.get_by_role("region", name="Relabel workbench")
    expect(region).to_be_visible(timeout=30_000)
    status = region.get_by_role("status")
    if region.get_by_role("heading", name=f"Test row {test_row}", exact=True).count() == 0:
        line_of(region.get_by_role("grid", name="Test rows"), test_row).click()
        expect(status).to_contain_text(f"Test row {test_row} is predicted", timeout=30_000)

    def press(name):
        region.get_by_role("button", name=name, exact=True).click()

    press("Find flip set")
    expect(status).to_contain_text("Found: a refit confirms that this set flips the prediction.", timeout=long)
    size = int(re.search(r"The set has ([\d,]+) training row", status.text_content())[1].replace(",", ""))
    boxes = set_on_top(region, size)
    rows = []
    for i in range(size):
        rows.append(int(boxes.nth(i).get_attribute("aria-label").removeprefix("Relabel row ")))
        boxes.nth(i).check()
    expect(status).to_contain_text(f"{size} labels changed in all" if size > 1 else "1 label changed in all")
    press("Verify by retraining")
    expect(status).to_contain_text(f"Retrained with {size} changed label", timeout=long)
    expect(region.get_by_role("region", name="Effect")).to_contain_text("this row flips to")
    if picture:
        region.screenshot(path=picture)
    press("Undo")
    expect(region.get_by_role("checkbox", name=f"Relabel row {rows[-1]}", exact=True)).not_to_be_checked()
    press("Redo")
    expect(region.get_by_role("checkbox", name=f"Relabel row {rows[-1]}", exact=True)).to_be_checked()
    press("Export labels")
    expect(status).to_contain_text(f"Wrote {size} corrected label")
    return rows


def check_by_a_fit_of_our_own(csv, written, test_row, rows):
    """The exported labels, put into the table by hand, flip the row in scikit-learn itself."""
    table = pd.read_csv(csv)
    train, test = table[table["split"] == "train"], table[table["split"] == "test"]
    before = text_pipeline(train["text"], train["label"])
    X = before[:-1].transform(train["text"])
    query = before[:-1].transform(test["text"].iloc[[test_row]])
    fixed = train["label"].to_numpy(copy=True)
    assert written["row"].tolist() == sorted(rows)
    assert (fixed[written["row"]] == written["original"]).all()
    fixed[written["row"]] = written["corrected"]
    after = LogisticRegression(C=1, tol=1e-8, max_iter=5000).fit(X, fixed)
    assert before[-1].predict(query)[0] != after.predict(query)[0]


def run(app, folder, page, csv, test_row):
    write_notebook(folder / "job.ipynb", SETUP.format(path=str(csv)), SHOW)
    page.set_viewport_size({"width": 1400, "height": 1000})
    with jupyter(app, folder) as open_notebook:
        asked = open_notebook(page, "job.ipynb")
        rows = do_the_job(page, test_row)
        ARTIFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"{app}-{Path(csv).name.split('.')[0]}.png")
        assert page.locator(".jp-Notebook .jp-Cell").count() == 2  # no key became a notebook's command
    assert len(asked) > 10
    assert foreign(asked) == []
    check_by_a_fit_of_our_own(csv, pd.read_csv(folder / "corrected_labels.csv"), test_row, rows)


def test_jupyterlab_on_the_example_reviews(tmp_path, page, hotel):
    run("lab", tmp_path, page, hotel, 3)


def test_notebook_7_on_the_example_reviews(tmp_path, page, hotel):
    run("notebook", tmp_path, page, hotel, 3)


def test_the_quickstart_notebook_in_jupyterlab(tmp_path, page, hotel):
    """Row 75 is chosen there by Python; the widget's cell is followed by others."""
    shutil.copytree(ROOT / "examples" / "data", tmp_path / "data")
    shutil.copy(ROOT / "examples" / "quickstart.ipynb", tmp_path)
    page.set_viewport_size({"width": 1560, "height": 1300})
    with jupyter("lab", tmp_path) as open_notebook:
        asked = open_notebook(page, "quickstart.ipynb")
        page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
        rows = do_the_job(page, 75, picture=ARTIFACTS / "readme.png")  # examples/workbench.png is a copy of it
        page.screenshot(path=ARTIFACTS / "lab-quickstart.png")
    assert foreign(asked) == []
    check_by_a_fit_of_our_own(hotel, pd.read_csv(tmp_path / "corrected_labels.csv"), 75, rows)


@pytest.mark.data
def test_jupyterlab_on_sst2(tmp_path, page, sst2):
    run("lab", tmp_path, page, sst2, 1)


def test_jupyterlab_dark_theme_keys_and_a_cancelled_job(tmp_path, page, hotel):
    """Keys stay in the widget in command mode, and the kernel is free again after Cancel."""
    slow = (
        "import time\n"
        "def crawl(self, *, monitor):\n"
        "    for i in range(3000):\n"
        "        monitor.step('refit', i, 3000)\n"
        "        time.sleep(0.01)\n"
        "rw.Workbench.verify = crawl\n"
        "bench.relabel([1])\n"
    )
    write_notebook(tmp_path / "job.ipynb", SETUP.format(path=str(hotel)) + slow, SHOW)
    page.set_viewport_size({"width": 1400, "height": 1000})
    with jupyter("lab", tmp_path) as open_notebook:
        open_notebook(page, "job.ipynb")
        page.evaluate(EXECUTE, ["apputils:change-theme", {"theme": "JupyterLab Dark"}])
        region = page.get_by_role("region", name="Relabel workbench")
        region.get_by_role("button", name="Verify by retraining").click()
        bar = region.get_by_role("progressbar")
        expect(bar).to_have_attribute("aria-valuemax", "3000")
        for key in ("a", "b", "x", "d", "d"):
            page.keyboard.press(key)
        page.screenshot(path=ARTIFACTS / "lab-dark-running.png")
        region.get_by_role("button", name="Cancel").click()
        expect(region.get_by_role("status")).to_have_text("Cancelled. Nothing was changed.")
        expect(bar).to_have_count(0)
        assert page.locator(".jp-Notebook .jp-Cell").count() == 2
        start = time.monotonic()
        page.evaluate(EXECUTE, ["notebook:run-all-cells", {}])
        assert time.monotonic() - start < 30


def test_the_check_for_foreign_addresses_sees_them():
    addresses = ["http://127.0.0.1:1/x", "data:text/css,x", "blob:http://127.0.0.1:1/x", "https://cdn.example/x.js"]
    assert foreign(addresses) == ["https://cdn.example/x.js"]

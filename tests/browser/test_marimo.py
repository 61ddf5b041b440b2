"""The whole job in real marimo servers, as an app and in the editor, and which addresses are asked."""

from __future__ import annotations

import pandas as pd
import pytest
from jupyter_harness import foreign
from marimo_harness import marimo, write_app
from playwright.sync_api import expect
from test_jupyter import SETUP, check_by_a_fit_of_our_own, do_the_job
from widget_harness import ARTIFACTS, ROOT, line_of

pytestmark = [pytest.mark.browser, pytest.mark.jupyter]
HOTEL = ROOT / "examples" / "data" / "hotel_reviews.csv"


def test_what_is_done_on_the_page_reaches_the_reactive_value(tmp_path, page):
    """A cell that reads the value was not run again: marimo knows only of traits that a page sends."""
    setup = "import marimo as mo\n" + SETUP.format(path=str(HOTEL))
    make = "widget = mo.ui.anywidget(rw.RelabelWidget(bench))\nwidget"
    read = "mo.md(f\"chosen {widget.value['test_row']}, changed {len(widget.value['relabelled'])}\")"
    write_app(tmp_path / "value.py", setup, make, read)
    page.set_viewport_size({"width": 1500, "height": 1000})
    with marimo("run", tmp_path / "value.py") as open_notebook:
        open_notebook(page)
        region = page.get_by_role("region", name="Relabel workbench")
        expect(page.get_by_text("chosen None, changed 0")).to_be_visible(timeout=30_000)
        line_of(region.get_by_role("grid", name="Test rows"), 3).click()
        expect(page.get_by_text("chosen 3, changed 0")).to_be_visible(timeout=15_000)
        boxes = region.get_by_role("grid", name="Influential training rows").get_by_role("checkbox")
        boxes.nth(0).check()
        boxes.nth(1).check()
        expect(page.get_by_text("chosen 3, changed 2")).to_be_visible(timeout=15_000)
        boxes.nth(0).uncheck()
        expect(page.get_by_text("chosen 3, changed 1")).to_be_visible(timeout=15_000)


@pytest.mark.parametrize("command", ["run", "edit"])
def test_the_whole_job(tmp_path, page, command):
    setup = SETUP.format(path=str(HOTEL))
    write_app(tmp_path / "job.py", setup, "widget = rw.RelabelWidget(bench)\nwidget", "bench.chart('influence', 3)")
    page.set_viewport_size({"width": 1500, "height": 1000})
    with marimo(command, tmp_path / "job.py") as open_notebook:
        asked = open_notebook(page)
        rows = do_the_job(page, 3)
        ARTIFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"marimo-{command}.png")
        drawn = page.locator(".vega-embed").locator("canvas, svg").first
        drawn.scroll_into_view_if_needed(timeout=30_000)
        expect(drawn).to_be_visible()
        page.screenshot(path=ARTIFACTS / f"marimo-{command}-chart.png", full_page=True)
    assert len(asked) > 10
    assert foreign(asked) == []
    check_by_a_fit_of_our_own(HOTEL, pd.read_csv(tmp_path / "corrected_labels.csv"), 3, rows)

"""The whole job in real marimo servers, as an app and in the editor, and which addresses are asked."""

from __future__ import annotations

import pandas as pd
import pytest
from jupyter_harness import foreign
from marimo_harness import marimo, write_app
from playwright.sync_api import expect
from test_jupyter import SETUP, check_by_a_fit_of_our_own, do_the_job
from widget_harness import ARTIFACTS, ROOT

pytestmark = [pytest.mark.browser, pytest.mark.jupyter]
HOTEL = ROOT / "examples" / "data" / "hotel_reviews.csv"


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

"""The whole job on a laptop in JupyterLab, its file browser open: the notebook is scrolled once, to the widget."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from boxes import box_of, expect_inside
from jupyter_harness import jupyter, write_notebook
from playwright.sync_api import expect
from test_jupyter import SETUP, SHOW
from widget_harness import ARTIFACTS, ROOT, hotel_workbench, line_of, small_workbench

pytestmark = pytest.mark.browser

HOTEL = ROOT / "examples" / "data" / "hotel_reviews.csv"
SCROLLED = "() => document.querySelector('.jp-WindowedPanel-outer').scrollTop"


def boxes_of(region):
    """Where each thing is that the job needs."""
    places = {
        "test rows": region.get_by_role("grid", name="Test rows"),
        "training rows": region.get_by_role("grid", name="Influential training rows"),
        "chosen row": region.locator(".rlw-query-card"),
        "status": region.get_by_role("status"),
        "effect": region.get_by_role("region", name="Effect"),
    }
    for name in ("Find flip set", "Try this set", "Verify by retraining", "Undo", "Redo", "Export labels"):
        places[name] = region.get_by_role("button", name=name, exact=True)
    return {name: box_of(place) for name, place in places.items()}


@pytest.mark.jupyter
def test_the_job_in_jupyterlab_on_a_laptop_without_scrolling(tmp_path, page):
    write_notebook(tmp_path / "job.ipynb", SETUP.format(path=str(HOTEL)), SHOW)
    page.set_viewport_size({"width": 1366, "height": 768})
    with jupyter("lab", tmp_path) as open_notebook:
        open_notebook(page, "job.ipynb")
        region = page.get_by_role("region", name="Relabel workbench")
        expect(region).to_be_visible(timeout=60_000)
        expect(page.get_by_role("region", name="File Browser Section")).to_be_visible()
        region.evaluate("(node) => node.scrollIntoView({block: 'end', behavior: 'instant'})")
        start, whole = page.evaluate(SCROLLED), box_of(region)
        assert whole["width"] >= 900
        assert whole["height"] <= 640

        def press(name):
            region.get_by_role("button", name=name, exact=True).click()

        status = region.get_by_role("status")
        line_of(region.get_by_role("grid", name="Test rows"), 3).click()
        checkboxes = region.get_by_role("grid", name="Influential training rows").get_by_role("checkbox")
        expect(checkboxes.first).to_be_visible()
        top, bottom = whole["y"], whole["y"] + whole["height"]
        assert bottom <= 768
        for name, box in boxes_of(region).items():
            assert top <= box["y"], name
            assert box["y"] + box["height"] <= bottom, name
        columns = [boxes_of(region)[name] for name in ("test rows", "training rows", "effect")]
        for left, right in itertools.pairwise(columns):
            assert left["x"] + left["width"] <= right["x"]

        press("Find flip set")
        expect(status).to_contain_text("Found: a refit", timeout=60_000)
        press("Try this set")
        press("Verify by retraining")
        expect(status).to_contain_text("nothing recorded. Retrained with", timeout=60_000)
        page.screenshot(path=ARTIFACTS / "lab-laptop-trial.png")
        press("Decide row by row")
        for _ in range(4):
            page.keyboard.press("r")
        expect(status).to_contain_text("4 labels changed in all")
        press("Verify by retraining")
        expect(status).to_contain_text("Retrained with", timeout=60_000)
        page.screenshot(path=ARTIFACTS / "lab-laptop.png")
        checkboxes.nth(1).focus()
        press("Keep (K)")
        expect(status).to_contain_text("Kept the label of")
        press("Undo")
        expect(status).to_contain_text("Undone")
        press("Export labels")
        expect(status).to_contain_text("Wrote ")
        assert page.evaluate(SCROLLED) == start
        assert box_of(region) == whole
    assert len(pd.read_csv(tmp_path / "corrected_labels.csv")) >= 1


class TestTheFrame:
    def test_its_height_is_an_argument_a_trait_and_an_edge(self, show):
        one = show(small_workbench(), height=500)
        frame = one.page.locator(".rlw-frame")

        def height():
            return box_of(frame)["height"]

        assert height() == 500
        one.widget.height = 700
        edge = one.page.get_by_role("separator", name="Height of the workbench")
        expect(edge).to_have_attribute("aria-valuenow", "700")
        assert height() == 700
        place = box_of(edge)
        one.page.mouse.move(place["x"] + 50, place["y"] + 5)
        one.page.mouse.down()
        one.page.mouse.move(place["x"] + 50, place["y"] - 95, steps=4)
        one.page.mouse.up()
        assert height() == 600
        edge.press("ArrowDown")
        assert height() == 620

    def test_the_wheel_goes_on_with_the_page_at_the_end_of_a_list(self, show):
        one = show(hotel_workbench())
        one.page.evaluate("document.getElementById('host').style.marginBottom = '2000px'")
        expect(one.tests.get_by_text("Heated rooms")).to_be_visible()
        one.tests.get_by_text("Heated rooms").hover()
        one.page.mouse.wheel(0, 100)
        one.page.wait_for_function("document.querySelector('.rlw-test-scroll').scrollTop > 0")
        assert one.page.evaluate("scrollY") == 0
        one.page.evaluate("document.querySelector('.rlw-test-scroll').scrollTop = 1e6")
        one.page.wait_for_timeout(300)  # a wheel that goes on is taken as one
        one.page.mouse.wheel(0, 100)
        one.page.wait_for_function("scrollY > 0")

    def test_the_whole_screen_and_back(self, show):
        one = show(hotel_workbench())
        one.pick(3)
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        screen = one.page.evaluate("[innerWidth, innerHeight]")
        one.button("Full screen").click()
        expect(one.button("Leave full screen")).to_be_visible()
        box = box_of(one.page.locator(".rlw-frame"))
        assert [box["width"], box["height"]] == screen
        one.page.keyboard.press("z")
        expect(one.button("Full screen")).to_be_visible()
        assert box_of(one.page.locator(".rlw-frame"))["height"] == 620

    def test_no_text_is_smaller_than_11_px(self, show):
        one = show(hotel_workbench())
        one.pick(3)
        one.button("Find flip set").click()
        expect(one.ranking.get_by_text("in flip set").first).to_be_visible()
        sizes = one.page.evaluate(
            "[...document.querySelectorAll('.rlw-root *')].map((node) => parseFloat(getComputedStyle(node).fontSize))"
        )
        assert min(sizes) >= 11


class TestTabs:
    """Below 900 px there is one pane at a time, and the chosen row stays."""

    def test_one_pane_at_a_time_with_the_chosen_row(self, show):
        one = show(hotel_workbench(), width=600)
        panes = one.page.get_by_role("tablist").get_by_role("tab")
        expect(panes).to_have_text(["Test rows", "Why", "Effect"])
        chosen = one.page.locator(".rlw-query-card")
        expect(one.ranking).not_to_be_visible()
        one.pick(3)
        expect(one.tests).not_to_be_visible()
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        for name, place in (
            ("Effect", one.page.get_by_text("Try the flip set, or decide")),
            ("Test rows", one.tests),
            ("Why", one.ranking),
        ):
            panes.filter(has_text=name).click()
            expect(place).to_be_visible()
            expect(chosen).to_contain_text("The heating was broken")
            for button in ("Verify by retraining", "Export labels"):
                expect(one.button(button)).to_be_visible()
        assert box_of(one.page.locator(".rlw-frame"))["height"] == 620

    def test_by_keys(self, show):
        one = show(hotel_workbench(), width=600)
        tabs = one.page.get_by_role("tab")
        tabs.first.focus()
        one.page.keyboard.press("ArrowRight")
        expect(tabs.nth(1)).to_be_focused()
        expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
        one.page.keyboard.press("1")
        expect(one.tests.locator("[data-index='0']")).to_be_focused()
        one.page.keyboard.press("Enter")
        expect(tabs.nth(1)).to_be_focused()  # the list that had the focus is hidden now
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        one.page.keyboard.press("1")
        one.page.keyboard.press("k")
        expect(one.ranking).to_be_visible()
        expect(one.page.get_by_text("Kept the label")).to_have_count(0)  # a row nobody saw: it was only shown


class TestALongText:
    LONG = "Nobody reads this to its end. " * 170

    def test_a_suspect_is_read_and_decided_without_scrolling_anything_but_its_text(self, show):
        bench = small_workbench(train_text=[f"{row} {self.LONG}" for row in range(60)])
        second = bench.next_to_check(2)["row"][1]
        one = show(bench, width=934)
        one.button("Suspects").click()
        text = one.page.locator(".rlw-queue-body .rlw-query")
        expect(text).to_contain_text("Nobody reads")
        frame = one.page.locator(".rlw-frame")
        reasons = one.page.get_by_text("Speaks for").last
        expect(reasons).to_be_visible()
        expect_inside(frame, text, reasons, *one.page.locator(".rlw-queue-body").get_by_role("button").all())
        assert box_of(text)["height"] > 250
        one.page.keyboard.press("PageDown")
        assert text.evaluate("(node) => node.scrollTop") > 200
        one.page.keyboard.press("k")
        expect(one.page.locator(".rlw-queue-body")).to_contain_text(f"Training row {second}")

    def test_a_chosen_row_and_a_training_row(self, show):
        texts = {name: [self.LONG] * n for name, n in (("train_text", 60), ("test_text", 12))}
        one = show(small_workbench(**texts), width=934)
        one.pick(2)
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        assert box_of(one.page.locator(".rlw-frame"))["height"] == 620
        assert box_of(one.ranking)["height"] > 150
        results = Axe().run(one.page, context="#host")
        assert results.violations_count == 0, results.generate_report()

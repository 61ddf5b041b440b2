"""What can go wrong around the page in a real JupyterLab, and that each ends in a page that says what is true."""

from __future__ import annotations

import pytest
from jupyter_harness import EXECUTE, KERNEL_IDLE, jupyter, write_notebook
from playwright.sync_api import expect
from test_jupyter import SETUP
from widget_harness import ARTIFACTS, ROOT, line_of

pytestmark = [pytest.mark.browser, pytest.mark.jupyter]

KERNEL = "window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"
TWO = """
from ipywidgets import HBox, IntText, VBox, jslink
one, two = rw.RelabelWidget(bench), rw.RelabelWidget(bench)
one.test_row = 0
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    with jupyter("lab", folder) as open_notebook:

        def start(page, name, *cells):
            csv = ROOT / "examples" / "data" / "hotel_reviews.csv"
            write_notebook(folder / name, SETUP.format(path=str(csv)), *cells)
            page.set_viewport_size({"width": 1500, "height": 1000})
            open_notebook(page, name)
            in_front = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
            region = in_front.get_by_role("region", name="Relabel workbench")
            expect(region.first).to_be_visible(timeout=60_000)
            return region

        yield start


def pick(region, row):
    line_of(region.get_by_role("grid", name="Test rows"), row).click()
    expect(region.get_by_role("status")).to_contain_text(f"Test row {row} is predicted", timeout=30_000)


def test_reload_closed_socket_clicks_twice_and_a_dead_kernel(page, lab):
    region = lab(page, "one.ipynb", "widget = rw.RelabelWidget(bench)\nwidget")
    pick(region, 3)
    region.get_by_role("button", name="Find flip set", exact=True).dblclick()
    status = region.get_by_role("status")
    expect(region.get_by_text("◆ in flip set").first).to_be_visible(timeout=30_000)
    region.get_by_role("button", name="Try this set", exact=True).dblclick()
    expect(status).to_contain_text("Trial: 4 labels changed, nothing recorded")
    region.get_by_role("button", name="Decide row by row", exact=True).click()
    for _ in range(4):
        page.keyboard.press("r")
    expect(status).to_contain_text("4 labels changed in all")
    box = region.get_by_role("grid", name="Influential training rows").get_by_role("checkbox").first
    box.dblclick()  # off and on again
    expect(box).to_be_checked()

    # The socket closes; JupyterLab opens another, restores its widgets, and what is done then arrives: every time.
    for checked in (False, True, False):
        page.evaluate(
            f"new Promise(done => {{ const s = {KERNEL}._ws; s.addEventListener('close', done); s.close(); }})"
        )
        box.set_checked(checked)
        expect(status).to_contain_text(f"{3 + checked} labels changed in all", timeout=60_000)

    # The page is loaded again; the kernel lives on, and so does what was decided.
    page.reload()
    page.wait_for_function(KERNEL_IDLE, timeout=90_000)
    region = page.get_by_role("region", name="Relabel workbench")
    expect(region).to_have_count(0)  # JupyterLab does not save widgets by itself: the cell is run again
    page.evaluate(EXECUTE, ["notebook:run-all-cells", {}])
    expect(region).to_be_visible(timeout=60_000)

    # The kernel dies; the page says so in words.
    pick(region, 3)
    page.evaluate(f"{KERNEL}.shutdown()")
    expect(region.get_by_role("status")).to_contain_text("The kernel is not responding", timeout=40_000)
    region.screenshot(path=ARTIFACTS / "lab-kernel-dead.png")


def test_a_restarted_kernel_is_told_of_within_seconds(page, lab):
    """The page looked alive for eleven seconds, and its card said "Cannot send"."""
    region = lab(page, "restart.ipynb", "widget = rw.RelabelWidget(bench)\nwidget")
    pick(region, 3)
    page.evaluate(f"{KERNEL}.restart()")
    expect(region.get_by_role("status")).to_contain_text("The kernel is not responding", timeout=6_000)
    line_of(region.get_by_role("grid", name="Test rows"), 5).click()
    page.wait_for_timeout(500)
    expect(region.get_by_role("status")).to_contain_text("The kernel is not responding")
    expect(region).not_to_contain_text("Cannot send")


def test_two_widgets_and_other_widgets_beside_them(page, lab):
    link = "number = IntText()\njslink((one, 'test_row'), (number, 'value'))\nVBox([number, HBox([one]), two])"
    region = lab(page, "two.ipynb", TWO, link)
    expect(region).to_have_count(2)
    first, second = region.nth(0), region.nth(1)
    pick(first, 5)
    expect(page.locator("input[type=number]:not(.rlw-input)")).to_have_value("5")
    box = first.get_by_role("grid", name="Influential training rows").get_by_role("checkbox").first
    row = box.get_attribute("aria-label")
    pick(second, 5)
    box.check()
    expect(second.get_by_role("checkbox", name=row, exact=True)).to_be_checked()
    second.get_by_role("button", name="Undo", exact=True).click()
    expect(box).not_to_be_checked()
    first.get_by_role("button", name="Redo", exact=True).click()
    expect(second.get_by_role("checkbox", name=row, exact=True)).to_be_checked()

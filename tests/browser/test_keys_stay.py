"""Keys of the widget stay in it: a click on plain text gave the focus to the notebook, where X cut its cell."""

from __future__ import annotations

import pytest
from boxes import box_of
from jupyter_harness import jupyter, write_notebook
from marimo_harness import marimo, write_app
from playwright.sync_api import expect
from test_jupyter import SETUP
from widget_harness import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.jupyter]

HOTEL = ROOT / "examples" / "data" / "hotel_reviews.csv"
READY = "bench.relabel(bench.flip_set(3).rows)\n_ = bench.verify()\n"
CHOSEN = "widget = rw.RelabelWidget(bench)\nwidget.test_row = 3\nwidget"
KEYS = [*"12/fakscnvujhXxRr?", "Shift+U", "ArrowDown", "Enter", "Space", "Escape", "Escape", "d", "d", "b", "m", "y"]

# Texts that are no controls, by kind: the class names of their element and of the one around it.
FIND = """
const kind = (node) => `${node.parentElement.className} > ${node.tagName}.${node.className}`;
const words = (node) => [...node.childNodes].find((one) => one.nodeType === 3 && one.data.trim() !== "");
const place = (node) => {
  node.scrollIntoView({block: "center", behavior: "instant"});
  const range = document.createRange();
  range.selectNodeContents(words(node));
  const [box] = range.getClientRects();
  const at = box && [box.left + Math.min(8, box.width / 2), box.top + box.height / 2];
  return at && node.getRootNode().elementFromPoint(...at) === node ? at : null;
};
const texts = (root) => [...root.querySelectorAll("*")].filter((node) =>
  words(node) && node.checkVisibility() && !node.closest("button, input, select, label, option, [aria-hidden]"));
"""
KINDS = f"(root) => {{ {FIND} return [...new Set(texts(root).map(kind))]; }}"
PLACE = f"""(root, name) => {{ {FIND}
  for (const node of texts(root).filter((one) => kind(one) === name)) {{ const at = place(node); if (at) return at; }}
  return null;
}}"""
FOCUS_INSIDE = "(root) => root.contains(root.getRootNode().activeElement)"
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map((cell) =>
  [cell.model.type, cell.model.sharedModel.source, cell.outputArea.model.length])"""


def region_of(page):
    region = page.get_by_role("region", name="Relabel workbench")
    expect(region).to_be_visible(timeout=60_000)
    expect(region.get_by_role("grid", name="Influential training rows").get_by_role("checkbox").first).to_be_visible()
    return region


def click_every_text(page, region, keys):
    """Click each kind of text, see that the focus stays inside, and press keys there. Gives how many kinds."""
    clicked = set()
    for panel in ("", "Suspects", "History", "Keys"):  # the panes, and what may stand in their place
        opener = region.get_by_role("button", name=panel or "Keys", exact=True)
        if panel:
            opener.click()
        if panel == "Suspects":
            expect(region.get_by_text("Corrected alone and retrained")).to_be_visible(timeout=60_000)
        for name in region.evaluate(KINDS):
            if panel and opener.get_attribute("aria-expanded") == "false":
                opener.click()
            place = None if name in clicked else region.evaluate(PLACE, name)
            if place is None:
                continue
            page.mouse.click(*place)
            assert region.evaluate(FOCUS_INSIDE), name
            clicked.add(name)
            for key in keys:
                page.keyboard.press(key)
            assert region.evaluate(FOCUS_INSIDE), name
            page.keyboard.press("Escape")
        if opener.get_attribute("aria-expanded") == "true":
            opener.click()
    return len(clicked)


def copied(page, region):
    """What Ctrl+C takes of a text that the mouse selected."""
    text = region.locator(".rlw-detail-text")
    text.scroll_into_view_if_needed()
    box = box_of(text)
    page.mouse.move(box["x"] + 1, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 10, steps=5)
    page.mouse.up()
    page.keyboard.press("Control+c")
    return page.evaluate("navigator.clipboard.readText()")


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_in_jupyter_the_cells_are_as_they_were(tmp_path, page, app):
    cells = (SETUP.format(path=str(HOTEL)) + READY, CHOSEN, "1 + 1")
    write_notebook(tmp_path / "job.ipynb", *cells)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.set_viewport_size({"width": 1400, "height": 900})
    with jupyter(app, tmp_path) as open_notebook:
        open_notebook(page, "job.ipynb")
        region = region_of(page)
        page.wait_for_function(f"({CELLS})()[2][2] === 1")  # all have run
        before = page.evaluate(CELLS)
        assert [(kind, outputs) for kind, _, outputs in before] == [("code", 0), ("code", 1), ("code", 1)]
        words = copied(page, region)
        assert len(words) > 10
        assert words in region.locator(".rlw-detail-text").text_content()
        assert click_every_text(page, region, KEYS if app == "lab" else ["x", "r", "k", "m", "d", "d"]) > 30
        assert page.evaluate(CELLS) == before
        expect(region).to_be_visible()


def test_in_marimo_the_focus_stays_inside(tmp_path, page):
    setup = SETUP.format(path=str(HOTEL)) + READY
    write_app(tmp_path / "job.py", setup, CHOSEN)
    page.set_viewport_size({"width": 1500, "height": 900})
    with marimo("edit", tmp_path / "job.py") as open_notebook:
        open_notebook(page)
        region = region_of(page)
        before = page.locator(".cm-editor").all_text_contents()
        assert click_every_text(page, region, ["x", "r", "k", "m", "d", "d"]) > 30
        assert page.locator(".cm-editor").all_text_contents() == before
        expect(region).to_be_visible()

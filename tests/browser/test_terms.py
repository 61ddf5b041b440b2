"""Terms of art are explained where they stand: under the pointer, by the keyboard, and to screen readers."""

from __future__ import annotations

import pytest
from boxes import box_of
from playwright.sync_api import expect
from widget_harness import hotel_workbench

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [480, 934])
@pytest.mark.parametrize("word", ["Flip set", "shares", "Margin"])
def test_a_term_explains_itself_on_hover_and_focus(show, width, word):
    one = show(hotel_workbench(), width=width)
    one.pick(3)
    one.pane("Why")
    term = one.page.locator(".rlw-term").get_by_role("button", name=word, exact=True)
    expect(term).to_be_visible()
    tip = one.page.locator(f"[id='{term.get_attribute('aria-describedby')}']")
    expect(term).to_have_accessible_description(tip.text_content())
    expect(tip).to_be_hidden()
    term.hover()
    expect(tip).to_be_visible()
    box, frame = box_of(tip), box_of(one.page.get_by_role("region", name="Relabel workbench"))
    assert frame["x"] <= box["x"]
    assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert tip.evaluate("(tip, at) => tip.contains(document.elementFromPoint(...at))", middle)  # nothing covers it
    one.page.mouse.move(1, 1)
    expect(tip).to_be_hidden()
    one.page.keyboard.press("Tab")
    term.focus()
    expect(tip).to_be_visible()

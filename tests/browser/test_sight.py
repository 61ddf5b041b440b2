"""What a key decides about is in sight: Q opened the queue above the window, and K decided about a row nobody saw."""

from __future__ import annotations

import pytest
from boxes import box_of
from playwright.sync_api import expect
from widget_harness import hotel_workbench

pytestmark = pytest.mark.browser

HEIGHT = 500
TO_THE_END = "window.scrollTo({top: document.documentElement.scrollHeight, behavior: 'instant'})"
LONG_PAGE = "document.getElementById('host').style.margin = '600px 0'"


@pytest.fixture
def bench():
    return hotel_workbench()


@pytest.fixture
def one(show, bench):
    shown = show(bench)
    shown.page.set_viewport_size({"width": 1000, "height": HEIGHT})
    shown.page.evaluate(LONG_PAGE)
    shown.pick(3)
    expect(shown.ranking.get_by_role("checkbox").first).to_be_visible()
    return shown


def in_sight(locator):
    box = box_of(locator)
    return box["y"] >= 0 and box["y"] + box["height"] <= HEIGHT


def test_the_queue_comes_into_sight_and_back_goes_who_closes_it(one):
    box = one.ranking.get_by_role("checkbox").first
    box.focus()
    one.page.evaluate(TO_THE_END)
    one.page.keyboard.press("q")
    queue = one.page.locator(".rlw-queue-body")
    expect(queue).to_be_visible()
    assert in_sight(queue)
    one.page.keyboard.press("Escape")
    expect(box).to_be_focused()
    assert in_sight(box)


@pytest.mark.parametrize("key", ["k", "r", "s", "j", "Enter", "Space"])
def test_a_suspect_out_of_sight_is_shown_before_anything_is_decided(one, bench, key):
    one.page.keyboard.press("q")
    queue = one.page.locator(".rlw-queue-body")
    first, second = bench.next_to_check(2)["row"]
    expect(queue).to_contain_text(f"Training row {first} ")
    if key in ("Enter", "Space"):
        queue.get_by_role("button", name="(K)").focus()
    one.page.evaluate(TO_THE_END)
    assert not in_sight(queue)
    one.page.keyboard.press(key)
    assert in_sight(queue)
    expect(queue).to_contain_text(f"Training row {first} ")
    one.page.keyboard.press(key)
    expect(queue).to_contain_text(f"Training row {second} ")
    assert len(bench.decisions()) == (key != "j")


@pytest.mark.parametrize("key", ["k", "Space", "Enter"])
def test_a_training_row_out_of_sight_is_shown_before_anything_is_decided(one, bench, key):
    box = one.ranking.get_by_role("checkbox").first
    box.focus()
    one.page.evaluate("window.scrollTo({top: 0, behavior: 'instant'})")
    assert not in_sight(box)
    one.page.keyboard.press(key)
    assert in_sight(box)
    one.page.keyboard.press(key)
    expect(one.status).to_contain_text("Kept" if key == "k" else "Relabelled")
    assert len(bench.decisions()) == 1


def test_the_flip_set_is_shown_before_it_is_tried(one, bench):
    one.page.keyboard.press("f")
    expect(one.ranking.get_by_text("in flip set").first).to_be_visible()
    note = one.page.locator(".rlw-note-text").first
    one.page.evaluate(TO_THE_END)
    assert not in_sight(note)
    one.page.keyboard.press("a")
    assert in_sight(note)
    one.page.keyboard.press("a")
    expect(one.status).to_contain_text(f"Trial: {bench.known_flip_set(3).size} labels changed, nothing recorded")


def test_the_focus_stays_when_the_last_suspect_goes(one, bench):
    rows = bench.suspects()["row"].tolist()
    bench.keep(rows[1:])
    one.page.keyboard.press("q")
    one.page.get_by_role("button", name="(K)").click()
    expect(one.page.get_by_text("No suspects left.")).to_be_visible()
    expect(one.page.get_by_role("region", name="Relabel workbench")).to_be_focused()


def test_a_decision_that_was_not_written_keeps_its_row_in_front(one, bench):
    """The queue ran on to row 9 of 200 while the store refused every decision."""
    one.page.keyboard.press("q")
    queue = one.page.locator(".rlw-queue-body")
    front = f"Training row {bench.next_to_check(1)['row'][0]} "
    expect(queue).to_contain_text(front)
    bench.close()
    one.page.keyboard.press("n")
    one.page.keyboard.type("sarcasm")
    one.page.keyboard.press("Escape")
    for key in "krsk":
        one.page.keyboard.press(key)
    expect(queue).to_contain_text("Not recorded.")
    expect(queue).to_contain_text("was closed")
    expect(queue).to_contain_text(front)
    expect(one.page.get_by_label("Note on this row")).to_have_value("sarcasm")
    one.shot("queue-not-recorded")

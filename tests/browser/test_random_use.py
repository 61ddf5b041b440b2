"""Two pages on one workbench, used at random: whatever was done, in the end both show what Python holds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Error
from widget_harness import Shown, hotel_workbench, record_comms

import relabel_widget as rw

pytestmark = pytest.mark.browser

STEPS = 60
SHOWN = """() => {
  const rows = [...document.querySelectorAll(".rlw-panes .rlw-train-row")].map((row) => ({
    at: Number(row.dataset.index), name: row.querySelector("input").ariaLabel,
    marked: row.querySelector("input").checked, tried: row.matches(".rlw-tried"),
    inSet: !row.querySelector(".rlw-chip").hidden}));
  const text = (selector) => document.querySelector(selector).textContent;
  return {rows, title: text(".rlw-panes .rlw-card h4"), facts: text(".rlw-header .rlw-muted"),
    threshold: Number(document.querySelector("input[type=number]").value),
    queue: document.querySelector(".rlw-queue") !== null};
}"""
KEYS = (
    *("ArrowDown", "ArrowUp", "PageDown", "Home", "End", "Enter", "Space", "Shift+ArrowDown", "Tab", "Escape"),
    *("f", "a", "t", "d", "r", "k", "s", "c", "v", "u", "Shift+U", "q", "j", "h", "?", "1", "2"),
)


def differences(one: Shown, bench: rw.Workbench) -> list[str]:
    """What a page says otherwise than the workbench."""
    shown, row = one.page.evaluate(SHOWN), one.widget.test_row
    marked, tried = set(bench.relabelled), set(one.widget._trial.labels)
    title = "No test row picked" if row is None else f"Test row {row}"
    found = [] if shown["title"] == title else [f"{shown['title']!r}, not {title!r}"]
    if f"{len(marked)} label" not in shown["facts"]:
        found.append(f"{shown['facts']!r} with {len(marked)} labels changed")
    if shown["threshold"] != bench.threshold:
        found.append(f"threshold {shown['threshold']}, not {bench.threshold}")
    if row is None or shown["queue"]:  # what the queue hides is fetched when it is closed
        return found
    if any(line["name"] == "Loading" for line in shown["rows"]):
        return [*found, "rows still load"]
    known = bench.known_flip_set(row)
    members = set() if known is None else set(known.rows.tolist())
    orders = [bench.influential_rows(row, top=500, set_first=first)["row"].tolist() for first in (True, False)]
    if not any(all(line["name"] == f"Relabel row {order[line['at']]}" for line in shown["rows"]) for order in orders):
        found.append("rows in no order that there is")
    for line in shown["rows"]:
        number = int(line["name"].rpartition(" ")[2])
        facts = number in marked, number in tried, number in members
        if (line["marked"], line["tried"], line["inSet"]) != facts:
            found.append(f"{line}, though {facts}")
    return found


class Hand:
    """Does one thing after the other, as its seed has it."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def one_of(self, things: Sequence[Any]) -> Any:
        return things[self._rng.integers(len(things))]

    def click(self, lines) -> None:
        lines.nth(self.one_of(range(min(6, lines.count()) or 1))).click(timeout=1000)

    def press(self, page) -> None:
        page.keyboard.press(self.one_of(KEYS))
        for field in page.locator("input[type=number]:focus").all():
            field.press("Enter")  # an arrow may have begun another number, which counts once it is taken

    def type(self, field, words: Sequence[str]) -> None:
        field.fill(self.one_of(words))
        field.press("Enter")

    def act(self, one: Shown, bench: rw.Workbench) -> None:
        """What a person does on a page, or a cell in Python."""
        page, row = one.page, self.one_of(range(400))
        deeds = {
            "key": lambda: self.press(page),
            "mark": lambda: self.click(one.ranking.get_by_role("checkbox")),
            "test row": lambda: self.click(one.tests.locator("[data-index]")),
            "button": lambda: self.click(page.get_by_role("button", disabled=False)),
            "filter": lambda: page.locator("select").select_option(self.one_of(("all", "near", "has_set", "flipped"))),
            "threshold": lambda: self.type(page.locator("input[type=number]"), ("0.3", "0.5", "0.7")),
            "search": lambda: self.type(page.get_by_role("searchbox"), ("", "room", "no such word")),
            "choose": lambda: setattr(one.widget, "test_row", self.one_of((None, *range(20)))),
            "relabel": lambda: bench.relabel([row]),
            "keep": lambda: bench.keep([row]),
        }
        with contextlib.suppress(Error):  # it moved away or was covered: a person would miss it, too
            deeds[self.one_of(("key", "key", "key", "mark", *deeds))]()


@pytest.mark.parametrize("seed", [1, 2])
def test_both_pages_come_to_show_what_python_holds(browser, monkeypatch, tmp_path, seed):
    record_comms(monkeypatch)
    bench, hand = hotel_workbench(), Hand(seed)
    with browser.new_context() as narrow, browser.new_context() as wide:
        both = []
        for context, width in ((narrow, 480), (wide, 1600)):
            widget = rw.RelabelWidget(bench, export_path=str(tmp_path / "fixed.csv"))
            both.append(Shown(context.new_page(), widget, width=width))
            both[-1].tests.locator("[data-index]").first.focus()
        for step in range(1, STEPS + 1):
            hand.act(hand.one_of(both), bench)
            for one in both if step % 5 == 0 else []:
                deadline = time.monotonic() + 15
                while (found := differences(one, bench)) and time.monotonic() < deadline:
                    one.page.wait_for_timeout(100)
                assert found == []
                assert one.errors == []
        for one in both:
            one.widget._jobs.join(30)
            one.widget.close()

"""All training rows: reached by a button, a key and the history, searched, filtered and decided about."""

from __future__ import annotations

import time

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from boxes import box_of, expect_inside
from playwright.sync_api import expect
from sklearn.linear_model import LogisticRegression
from widget_harness import hotel_workbench, topics_workbench

import relabel_widget as rw

pytestmark = pytest.mark.browser

N = 100_000


class Rows:
    """The panel with all training rows."""

    def __init__(self, one):
        self.page = one.page
        self.grid = self.page.get_by_role("grid", name="All training rows")
        self.search = self.page.get_by_label("Search training rows")
        self.filter = self.page.get_by_label("Filter training rows")
        self.detail = self.page.locator(".rlw-all .rlw-detail")
        self.counts = self.page.locator(".rlw-all .rlw-tools p")

    def box(self, row):
        return self.grid.get_by_role("checkbox", name=f"Relabel row {row}", exact=True)

    def line(self, row):
        inside = self.page.get_by_role("checkbox", name=f"Relabel row {row}", exact=True)
        return self.grid.get_by_role("row").filter(has=inside)

    def names(self):
        boxes = self.grid.get_by_role("checkbox")
        return boxes.evaluate_all(
            "(nodes) => nodes.map((n) => [n.closest('[data-index]').dataset.index, n.getAttribute('aria-label')])"
            ".sort((a, b) => a[0] - b[0]).map((pair) => pair[1])"
        )

    def show(self, name):
        self.filter.select_option(name)


def opened(one):
    one.page.get_by_role("button", name="training rows").click()
    rows = Rows(one)
    expect(rows.grid).to_be_visible()
    return rows


@pytest.fixture
def bench():
    bench = hotel_workbench(annotator="Ann")
    bench.relabel([3], note="sarcasm")
    bench.keep([5, 7])
    bench.unsure([9])
    return bench


class TestTheList:
    def test_a_button_and_a_key_open_it_without_a_test_row(self, show, bench):
        one = show(bench)
        rows = opened(one)
        expect(rows.grid).to_have_attribute("aria-rowcount", "441")
        expect(rows.counts).to_have_text("440 rows · 1 changed · 2 kept · 1 unsure")
        expect(rows.line(3)).to_contain_text("Ann · “sarcasm”")
        expect(rows.line(5)).to_contain_text("✓ kept")
        one.page.keyboard.press("Escape")
        expect(rows.grid).to_be_hidden()
        one.page.keyboard.press("l")
        expect(rows.grid).to_be_visible()

    def test_keys_and_ticks_decide_as_elsewhere_and_the_counts_follow(self, show, bench):
        one = show(bench)
        rows = opened(one)
        rows.box(0).focus()
        for key in ("k", "ArrowDown", "s", "ArrowDown", "r"):
            one.page.keyboard.press(key)
        expect(rows.counts).to_have_text("440 rows · 2 changed · 3 kept · 2 unsure")
        said = bench.decisions().set_index("row")["decision"]
        assert said.loc[[0, 1, 2]].tolist() == ["keep", "unsure", "relabel"]
        rows.box(4).check()
        one.wait_for(lambda: 4 in bench.relabelled)
        rows.box(3).uncheck()
        one.wait_for(lambda: 3 not in bench.relabelled)
        one.page.keyboard.press("n")
        one.page.keyboard.type("read twice")
        one.page.keyboard.press("Enter")
        one.page.keyboard.press("k")
        one.wait_for(lambda: "read twice" in bench.decisions()["note"].tolist())

    def test_ctrl_and_click_add_to_a_selection_that_one_key_decides(self, show, bench):
        one = show(bench)
        rows = opened(one)
        rows.line(0).locator(".rlw-train-text").click()
        for row in (2, 4):
            rows.line(row).locator(".rlw-train-text").click(modifiers=["Control"])
        expect(rows.detail.get_by_role("heading")).to_have_text("3 training rows selected")
        one.page.keyboard.press("k")
        one.wait_for(lambda: set(bench.decisions()["row"]) >= {0, 2, 4})

    def test_a_name_of_a_class_comes_with_what_the_key_gives(self, show):
        bench = topics_workbench()
        suggested = bench.suggested_labels([6])[0]
        one = show(bench)
        one.pick(3)  # which would suggest labels of its own
        rows = opened(one)
        rows.search.fill("6")
        rows.line(6).locator(".rlw-train-text").click()
        expect(one.page.locator(".rlw-all .rlw-change-to")).to_have_text(f"Relabel as {suggested} (R)")
        one.page.keyboard.press("r")
        one.wait_for(lambda: bench.relabelled == [6])
        assert bench.labels()[6] == suggested

    def test_the_row_at_hand_stays_at_hand(self, show, bench):
        one = show(bench)
        one.pick(3)
        row = int(bench.influential_rows(3)["row"].iloc[0])
        expect(one.box(row)).to_be_visible()
        rows = opened(one)
        expect(rows.detail.get_by_role("heading")).to_have_text(f"Training row {row}")
        expect(rows.line(row)).to_be_visible()
        one.page.keyboard.press("Escape")
        expect(one.ranking).to_be_visible()


class TestSearchAndFilters:
    def test_a_text_is_searched_and_a_row_or_an_id_comes_first(self, show, bench):
        one = show(bench)
        rows = opened(one)
        one.page.keyboard.press("/")
        expect(rows.search).to_be_focused()
        one.page.keyboard.type("BREAKFAST")
        found = [i for i in range(bench.n_train) if "breakfast" in bench.train_text(i).casefold()]
        expect(rows.grid).to_have_attribute("aria-rowcount", str(len(found) + 1))
        assert rows.names()[:3] == [f"Relabel row {row}" for row in found[:3]]
        for typed, row in ((str(bench.ids[212]), 212), ("7", 7)):
            rows.search.fill(typed)
            expect(rows.grid.get_by_role("checkbox").first).to_have_attribute("aria-label", f"Relabel row {row}")
            rows.search.press("Enter")
            expect(rows.box(row)).to_be_focused()
            expect(rows.detail.get_by_role("heading")).to_have_text(f"Training row {row}")

    @pytest.mark.parametrize(
        ("name", "kept"),
        [("relabelled", [3]), ("kept", [5, 7]), ("unsure", [9]), ("noted", [3]), ("mine", [3, 5, 7, 9])],
    )
    def test_what_was_decided(self, show, bench, name, kept):
        one = show(bench)
        rows = opened(one)
        rows.show(name)
        expect(rows.grid).to_have_attribute("aria-rowcount", str(len(kept) + 1))
        assert rows.names() == [f"Relabel row {row}" for row in kept]

    def test_suspects_come_worst_first_and_a_decision_moves_no_row(self, show, bench):
        table = bench.suspects()
        worst = table[table["score"] > 0.5]["row"].tolist()
        one = show(bench)
        rows = opened(one)
        rows.show("suspect")
        expect(rows.grid).to_have_attribute("aria-rowcount", str(len(worst) + 1))
        before = rows.names()
        assert before[:5] == [f"Relabel row {row}" for row in worst[:5]]
        expect(rows.line(worst[0])).to_contain_text("likely wrong")
        rows.box(worst[1]).focus()
        one.page.keyboard.press("k")
        expect(rows.line(worst[1])).to_contain_text("✓ kept")
        assert rows.names()[:5] == before[:5]
        rows.show("all")
        rows.show("suspect")
        expect(rows.box(worst[1])).to_have_count(0)

    def test_ranking_suspects_says_how_far_it_is_and_can_be_cancelled(self, show, bench, monkeypatch):
        def slow(*_, monitor, **_options):
            for step in range(200):
                monitor.step("looking for suspect labels", step, 200)
                time.sleep(0.05)

        monkeypatch.setattr(rw.Workbench, "suspects", slow)
        monkeypatch.setattr(rw.Workbench, "next_to_check", slow)
        one = show(bench)
        rows = opened(one)
        for ask in (lambda: rows.show("suspect"), one.button("Suspects").click):
            ask()
            bar = one.page.get_by_role("progressbar")
            expect(bar).to_have_attribute("aria-valuemax", "200")
            expect(one.page.locator(".rlw-phase")).to_contain_text("looking for suspect labels")
            expect(one.page.locator(".rlw-phase")).to_contain_text(", 1 s")
            one.button("Cancel").click()
            expect(bar).to_be_hidden()


class TestFromTheHistory:
    def test_an_entry_leads_to_its_row(self, show):
        bench = hotel_workbench()
        bench.keep([321])
        one = show(bench)
        one.button("History").click()
        one.page.locator(".rlw-leads", has_text="Kept the label of row 321").click()
        rows = Rows(one)
        expect(rows.box(321)).to_be_focused()
        expect(rows.box(321)).to_be_in_viewport()
        expect(rows.detail.get_by_role("heading")).to_have_text("Training row 321")


class TestManyRows:
    def test_a_hundred_thousand_rows_are_there_at_once(self, show):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(N, 3))
        y = (X[:, 0] + rng.normal(size=N) > 0).astype(int)
        texts = [f"number {i} of many" for i in range(N)]
        bench = rw.Workbench(LogisticRegression().fit(X, y), X, y, X[:5], train_text=texts)
        one = show(bench)
        began = time.monotonic()
        rows = opened(one)
        expect(rows.box(0)).to_be_visible()
        assert time.monotonic() - began < 10.0  # a second, on a machine that does nothing else
        assert rows.grid.get_by_role("checkbox").count() < 60
        rows.box(0).focus()
        one.page.keyboard.press("End")
        expect(rows.box(N - 1)).to_be_focused()
        began = time.monotonic()
        rows.search.fill("number 77777 ")
        expect(rows.grid).to_have_attribute("aria-rowcount", "2")
        assert time.monotonic() - began < 10.0  # a second, on a machine that does nothing else


class TestHowItLooks:
    @pytest.mark.parametrize("theme", ["light", "dark"])
    @pytest.mark.parametrize("width", [480, 950, 1400])
    def test_it_fits_and_axe_finds_nothing(self, show, bench, width, theme):
        one = show(bench, theme=theme, width=width)
        rows = opened(one)
        expect(rows.box(0)).to_be_visible()
        frame = one.page.locator(".rlw-frame")
        assert box_of(frame)["height"] <= 620
        expect_inside(frame, rows.grid, rows.detail.get_by_role("button", name="Keep (K)"))
        assert box_of(rows.grid)["height"] >= 136  # two rows
        found = Axe().run(one.page, context="#host")
        assert found.violations_count == 0, found.generate_report()
        one.shot(f"training-rows-{width}-{theme}")

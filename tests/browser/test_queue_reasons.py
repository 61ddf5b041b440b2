"""What is to be seen of the suspect in front: equal rows with another label, its large image, and all at one glance."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from boxes import box_of, expect_inside
from playwright.sync_api import expect
from sklearn.linear_model import LogisticRegression
from test_queue import body_of, front, list_of, opened, plain_hotel
from widget_harness import hotel_tables, small_workbench, text_pipeline

import relabel_widget as rw
from relabel_widget.files.png import png_of
from relabel_widget.widget._pages import Pages

pytestmark = pytest.mark.browser

TWINS = [10, 12, 14]
ESSAY = "The clerk reads this to its end, whatever it takes, and then decides about it. " * 60


@pytest.fixture(scope="module")
def twins():
    """Hotel reviews of which three rows say what the first suspect says, two of them with the other label."""
    train, test = hotel_tables()
    texts, labels = train["text"].tolist(), train["label"].to_numpy().copy()
    first = int(plain_hotel().next_to_check(1)["row"][0])
    other = {"praise": "complaint", "complaint": "praise"}[labels[first]]
    for row, label in zip(TWINS, (other, other, labels[first]), strict=True):
        texts[row], labels[row] = texts[first], label
    texts[12] = texts[12].upper()
    return text_pipeline(texts, labels), texts, labels, test["text"].tolist(), test["label"].to_numpy(), first


@pytest.fixture
def bench(twins):
    return rw.Workbench(*twins[:5])


@pytest.fixture
def first(twins):
    return twins[5]


class TestEqualRows:
    def test_the_reason_counts_labels_and_leads_there_and_back(self, show, bench, first):
        one, rows = opened(show, bench, width=934)
        one.page.get_by_label("Filter suspect labels").select_option("Same text, other label")
        same = [row for row in rows if row in (first, *TWINS)]
        assert len(same) == 4
        front(one, same[0])
        expect(one.page.get_by_text("4 labels", exact=True)).to_be_visible()
        list_of(one).locator(f"[data-index='{same.index(first)}']").click()
        front(one, first)
        label = str(bench.fit.y[first])
        other = next(name for name in bench.classes if name != label)
        line = body_of(one).locator(".rlw-why-line").first
        expect(line).to_have_text(f"Equal rows: 2 labelled “{other}”, 1 labelled “{label}”")
        line.get_by_role("button").click()
        lines = one.page.get_by_role("grid", name="All training rows").locator("[data-index]")
        expect(lines).to_have_count(4)
        expect(lines.first).to_contain_text(f"row {first}")
        expect(one.page.get_by_label("Search training rows")).to_have_value(f"same={first}")
        expect(one.page.get_by_text(f"Training row {first}", exact=True)).to_be_visible()
        results = Axe().run(one.page, context="#host")
        assert results.violations_count == 0, results.generate_report()
        one.page.keyboard.press("q")
        front(one, first)
        one.page.keyboard.press("k")
        expect(body_of(one).locator("p").first).not_to_have_text(f"Training row {first}")
        assert bench.decisions()["row"].tolist() == [first]

    def test_rows_alike_lead_there_too(self, show):
        bench = plain_hotel()
        one, rows = opened(show, bench)
        near = int(bench.reasons(rows[0]).nearest["row"][0])
        body_of(one).locator(".rlw-why-line button").first.click()
        expect(one.page.get_by_label("Search training rows")).to_have_value(f"same={near}")
        expect(one.page.get_by_role("heading", name=f"Training row {near}")).to_be_visible()

    def test_what_others_changed_meanwhile_ranks_them_anew(self, show, bench):
        one, rows = opened(show, bench)
        one.page.keyboard.press("j")
        front(one, rows[1])
        one.page.keyboard.press("h")
        bench.keep(rows[0])
        one.page.wait_for_timeout(300)
        one.page.keyboard.press("q")
        expect(one.page.get_by_text("439 labels", exact=True)).to_be_visible()


class TestImages:
    def test_the_one_in_front_is_large(self, show):
        rng = np.random.default_rng(0)
        noise = [png_of(rng.integers(0, 256, (300, 300), dtype=np.uint8)) for _ in range(4)]
        bench = small_workbench(train_text=None, test_text=None, render=lambda *row: noise[row[2] % 4])
        one, rows = opened(show, bench, width=934)
        image = body_of(one).locator("blockquote img")
        for row in rows[:3]:
            front(one, row)
            expect(image).to_have_js_property("naturalWidth", 300)
            assert box_of(image)["height"] == 240
            one.page.keyboard.press("j")

    def test_it_does_not_wait_for_reasons(self, show, monkeypatch):
        go_on, known = threading.Event(), rw.Workbench.reasons
        monkeypatch.setattr(rw.Workbench, "reasons", lambda *a, **k: go_on.wait(20) and known(*a, **k))
        rng = np.random.default_rng(0)
        X = pd.DataFrame(rng.random((80, 90_000)))
        y = np.where(X[0] > 0.5, "bright", "dark")
        bench = rw.Workbench(LogisticRegression().fit(X[:60], y[:60]), X[:60], y[:60], X[60:], image_shape=(300, 300))
        one, _ = opened(show, bench)
        expect(body_of(one).locator("blockquote img")).to_have_js_property("naturalWidth", 300)
        expect(one.page.get_by_text("Looking for reasons…")).to_be_visible()
        go_on.set()


class TestOneGlance:
    @pytest.mark.parametrize("width", [350, 480, 934])
    @pytest.mark.parametrize("long", [False, True])
    def test_a_suspect_its_reasons_and_buttons(self, show, bench, width, long):
        bench = small_workbench(train_text=[f"{row} {ESSAY}" for row in range(60)]) if long else bench
        one, _ = opened(show, bench, width=width)
        body = body_of(one)
        reasons = body.locator(".rlw-why-line")
        expect(reasons.nth(3)).to_be_visible()
        text = body.locator("blockquote")
        buttons = [button for button in body.locator(".rlw-queue-acts button").all() if button.is_visible()]
        expect_inside(one.page.locator(".rlw-frame"), text, *reasons.all()[:3], *buttons)
        assert box_of(text)["height"] >= 48
        places = [box_of(each) for each in (text, reasons.first, buttons[0])]
        for above, below in itertools.pairwise(places):
            assert above["y"] + above["height"] <= below["y"] + 0.5

    @pytest.mark.parametrize(("width", "theme"), [(350, "light"), (480, "dark"), (934, "light")])
    @pytest.mark.parametrize("long", [False, True])
    def test_a_row_of_the_flip_set_and_its_buttons(self, show, width, theme, long):
        bench = small_workbench(train_text=[f"{row} {ESSAY * long}" for row in range(60)])
        one = show(bench, width=width, theme=theme)
        one.pick(3)
        one.page.keyboard.press("f")
        expect(one.button("Decide row by row")).to_be_visible()
        one.page.keyboard.press("d")
        size = bench.flip_set(3).size
        expect(one.page.get_by_text(f": {size} of {size} to decide")).to_be_visible()
        detail = one.page.locator(".rlw-detail:visible")
        row = bench.flip_set(3).rows[0]
        expect(detail.get_by_role("heading")).to_have_text(f"Decide: row {row}")
        text, tools = detail.locator(".rlw-detail-text"), detail.get_by_role("button").all()
        words = detail.get_by_role("list", name="Shared with the test row")
        expect(words.get_by_role("listitem").first).to_be_visible()
        expect_inside(detail, text, *tools[:5])
        if width > 350:
            expect_inside(detail, words)
        last = box_of(tools[4])
        assert last["y"] + last["height"] <= box_of(one.page.get_by_role("button", name="Export labels"))["y"]
        assert box_of(text)["height"] >= 38
        assert box_of(text)["y"] + box_of(text)["height"] <= box_of(tools[1])["y"] + 0.5
        one.shot(f"step-{'long' if long else 'short'}-{width}-{theme}")
        results = Axe().run(one.page, context="#host")
        assert results.violations_count == 0, results.generate_report()
        one.page.keyboard.press("k")
        one.wait_for(lambda: bench.decisions()["row"].tolist() == [row])
        expect(one.page.get_by_text(f": {size - 1} of {size} to decide")).to_be_visible()
        one.page.keyboard.press("Escape")
        expect(one.ranking).to_be_visible()


class TestTypingAhead:
    def test_nobody_asks_why_of_what_is_passed(self, show, monkeypatch):
        """Half the time of sixty decisions went into reasons of suspects that were decided before anyone saw them."""
        asked, go_on = [], threading.Event()
        why, keep = rw.Workbench.reasons, rw.Workbench.keep
        monkeypatch.setattr(rw.Workbench, "reasons", lambda *a, **k: asked.append(a[1]) or why(*a, **k))
        bench = plain_hotel()
        one, rows = opened(show, bench)
        one.wait_for(lambda: asked == rows[:2])
        monkeypatch.setattr(rw.Workbench, "keep", lambda *a, **k: go_on.wait(20) and keep(*a, **k))
        for _ in range(10):
            one.page.keyboard.press("k")
        go_on.set()
        front(one, rows[10])
        expect(one.page.get_by_text("Corrected alone and retrained")).to_be_visible()
        one.wait_for(lambda: len(asked) > 3)
        assert asked == [*rows[:2], *rows[10:12]]

    def test_the_panes_behind_it_are_brought_up_to_date_when_it_is_closed(self, show, monkeypatch):
        asked, page = [], Pages.page
        monkeypatch.setattr(Pages, "page", lambda *a: asked.append(1) or page(*a))
        bench = plain_hotel()
        one, rows = opened(show, bench)
        before = len(asked)
        for _ in range(4):
            one.page.keyboard.press("r")
        front(one, rows[4])
        one.page.wait_for_timeout(500)
        assert len(asked) == before
        one.page.keyboard.press("Escape")
        one.wait_for(lambda: len(asked) == before + 1)


class TestNothing:
    def test_what_matches_nothing_says_what_to_do(self, show):
        one, _ = opened(show, plain_hotel())
        one.page.get_by_label("Search suspect labels").fill("nobody wrote this")
        expect(one.page.get_by_text("No suspects match.", exact=True)).to_be_visible()
        expect(one.page.get_by_text("Clear search and filter, or go back (B).")).to_be_visible()

    def test_a_ranking_tells_how_far_it_is_and_can_be_cancelled(self, show, monkeypatch):
        going, rank = threading.Event(), rw.Workbench.next_to_check

        def slow(bench, limit=None, *, monitor, **options):
            for step in range(400):
                monitor.step("ranking labels", step, 400)
                going.wait(0.05)
            return rank(bench, limit, **options)

        monkeypatch.setattr(rw.Workbench, "next_to_check", slow)
        one = show(plain_hotel())
        one.button("Suspects").click()
        expect(one.page.get_by_role("progressbar")).to_have_attribute("aria-valuemax", "400")
        one.button("Cancel").click()
        expect(one.page.locator(".rlw-queue .rlw-empty:visible").last).to_have_text("Cancelled.")
        monkeypatch.undo()
        one.button("Look again").click()
        expect(body_of(one)).to_be_visible()

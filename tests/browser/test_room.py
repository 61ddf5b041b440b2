"""What there is room for: nothing that is needed is cut, covered or out of sight, at the widths that notebooks have."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from boxes import box_of, expect_inside
from playwright.sync_api import expect
from sklearn.linear_model import LogisticRegression
from test_rows_shown import cancer_workbench, digits_workbench
from widget_harness import hotel_workbench, line_of, text_pipeline, topics, topics_workbench

import relabel_widget as rw

pytestmark = pytest.mark.browser

LONG_NAMES = {
    "business": "Business, finance and the economy",
    "science": "Science, climate and technology",
    "sports": "Sports (football, athletics, cycling)",
    "world": "World affairs and international politics",
}
CUT = "(node) => node.scrollWidth > node.clientWidth + 1"


def long_names_workbench():
    texts, labels = topics(300)
    test, truth = topics(60, seed=1, wrong=0.0)
    labels, truth = ([LONG_NAMES[name] for name in names] for names in (labels, truth))
    return rw.Workbench(text_pipeline(texts, labels), texts, labels, test, truth)


def early_workbench():
    """Rows of a table, and an estimator that stopped early, of which the page tells at length."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 12))
    y = np.where(X[:, 0] + rng.normal(size=len(X)) > 0, "approved", "declined")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rw.Workbench(LogisticRegression(C=1e4, max_iter=2).fit(X[:600], y[:600]), X[:600], y[:600], X[600:])


def picked(one, row=3):
    one.pick(row)
    expect(one.ranking.get_by_role("checkbox").first).to_be_visible()


def in_sight(one, *places, within=".rlw-frame"):
    expect_inside(one.page.locator(within), *places)


def queue_of(one):
    one.button("Suspects").click()
    body = one.page.locator(".rlw-queue-body")
    expect(body.get_by_text("Corrected alone")).to_be_attached()
    return body


class TestThePanes:
    def test_scores_are_all_in_sight_after_retraining(self, show):
        """At 934 px a sentence in bold and the head of the table were all that was seen of a result."""
        one = show(hotel_workbench(), width=950)
        picked(one)
        one.ranking.get_by_role("checkbox").first.check()
        one.button("Verify by retraining").click()
        scores = one.page.locator(".rlw-scores tbody tr")
        expect(scores).to_have_count(4)
        expect_inside(one.page.locator(".rlw-result"), *scores.all())

    @pytest.mark.parametrize("width", [480, 934])
    def test_a_long_note_on_the_estimator_takes_one_line_and_is_whole_with_the_focus(self, show, width):
        """It took 84 px, and the export bar was out of sight."""
        one = show(early_workbench(), width=width + 16)
        picked(one)
        note = one.page.locator(".rlw-own-note")
        expect_inside(note, note.locator("span"))
        assert box_of(note)["height"] < 20
        in_sight(one, note, one.button("Export labels"), one.button("Verify by retraining"))
        note.focus()
        one.page.keyboard.press("Shift+Tab")
        one.page.keyboard.press("Tab")
        assert not note.locator("span").evaluate(CUT)
        results = Axe().run(one.page, context="#host")
        assert results.violations_count == 0, results.generate_report()

    def test_long_class_names_leave_room_for_rows_and_keys(self, show):
        one = show(long_names_workbench(), width=950)
        picked(one)
        assert box_of(one.page.locator(".rlw-train-head"))["height"] >= 30
        for name in ("Keep (K)", "Unsure (S)", "Clear (C)"):
            assert not one.button(name).evaluate(CUT), name
        card = one.page.locator(".rlw-query-card")
        for fact in card.locator(".rlw-value").all():
            expect_inside(card, fact)
            assert fact.get_attribute("title") == fact.inner_text()

    def test_facts_of_a_test_row_stand_on_one_line_at_1400_px(self, show):
        one = show(hotel_workbench(), width=1396)
        cells = line_of(one.tests, 3).get_by_role("gridcell")
        assert len({round(box_of(cells.nth(at))["y"]) for at in range(2, 8)}) == 1
        one.page.get_by_label("Filter test rows").select_option("Misclassified")
        expect(one.tests.locator(".rlw-wrong").first).to_be_visible()
        for name in one.tests.locator(".rlw-name-head").all()[:20]:
            assert not name.evaluate("(node) => node.scrollWidth > node.clientWidth"), name.inner_text()

    def test_width_goes_to_the_text_at_2200_px(self, show):
        one = show(hotel_workbench(), width=2216)
        picked(one)
        line = one.ranking.locator(".rlw-train-row").first
        assert box_of(line.locator(".rlw-train-text"))["width"] > 0.65 * box_of(line)["width"]

    def test_a_note_has_room_while_it_is_typed(self, show):
        one = show(hotel_workbench(), width=950)
        picked(one)
        note = one.page.get_by_label("Note", exact=True)
        before = box_of(note)["width"]
        note.focus()
        assert box_of(note)["width"] > 1.5 * before
        expect_inside(one.page.locator(".rlw-detail"), note)

    def test_histograms_say_from_where_to_where(self, show):
        one = show(hotel_workbench(), width=950)
        one.button("Histograms").click()
        plots = one.page.locator(".rlw-plot")
        expect(plots).to_have_count(4)
        ends = plots.evaluate_all(
            "(nodes) => nodes.map((n) => ['before', 'after'].map((end) => getComputedStyle(n, '::' + end).content))"
        )
        assert ends[0] == ['"0.00"', '"1.00"']
        assert ends[3] == ['"complaint"', '"praise"']


class TestTheQueue:
    @pytest.mark.parametrize("width", [480, 934])
    def test_all_buttons_are_in_sight_with_four_long_names(self, show, width):
        one = show(long_names_workbench(), width=width + 16)
        body = queue_of(one)
        note = body.get_by_label("Note on this row")
        buttons = body.locator(".rlw-queue-acts").get_by_role("button")
        in_sight(one, *buttons.all(), note, within=".rlw-queue")
        assert buttons.count() == 8

    def test_all_buttons_are_in_sight_with_many_chosen(self, show):
        one = show(hotel_workbench(), width=496)
        body = queue_of(one)
        one.page.keyboard.press("k")
        expect(one.page.locator(".rlw-queue-far")).to_contain_text("1 checked")
        one.page.get_by_label("Search suspect labels").focus()  # the list is open while the focus is in it
        lines = one.page.locator(".rlw-suspect-row")
        lines.nth(1).click(modifiers=["Control"])
        lines.nth(2).click(modifiers=["Control"])
        expect(body).to_contain_text("2 labels chosen")
        note = body.get_by_label("Note on this row")
        in_sight(one, *body.locator(".rlw-queue-acts").get_by_role("button").all(), note, within=".rlw-queue")

    @pytest.mark.parametrize("width", [480, 934, 1400])
    def test_an_image_is_whole(self, show, width):
        one = show(digits_workbench(), width=width + 16)
        body = queue_of(one)
        image = body.locator("img")
        expect_inside(body.locator(".rlw-query"), image)
        assert box_of(image)["height"] >= 60


class TestAllTrainingRows:
    def open(self, show, bench, width):
        one = show(bench, width=width + 16)
        one.page.get_by_role("button", name="training rows").click()
        expect(one.page.locator(".rlw-all .rlw-train-row").first).to_be_visible()
        expect(one.page.locator(".rlw-all .rlw-detail-text")).not_to_have_text("Loading…")
        return one

    @pytest.mark.parametrize("width", [480, 934])
    def test_search_and_filter_share_a_line(self, show, width):
        one = self.open(show, hotel_workbench(), width)
        boxes = [box_of(place) for place in one.page.locator(".rlw-all > .rlw-tools > .rlw-input").all()]
        assert boxes[0]["y"] == boxes[1]["y"]

    def test_what_is_said_below_a_table_does_not_overlap(self, show):
        one = self.open(show, cancer_workbench(), 934)
        said = one.page.locator(".rlw-all .rlw-detail > .rlw-muted:visible").all()
        boxes = [box_of(place) for place in said]
        assert len(boxes) == 2
        for place, box in zip(said, boxes, strict=True):
            assert box["height"] >= place.evaluate("(node) => node.scrollHeight") - 1
        assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]

    def test_an_image_is_whole_at_480_px(self, show):
        one = self.open(show, digits_workbench(), 480)
        expect_inside(one.page.locator(".rlw-all .rlw-detail-text"), one.page.locator(".rlw-all .rlw-detail-text img"))

    @pytest.mark.parametrize("width", [480, 934])
    def test_new_labels_are_within_their_line(self, show, width):
        one = self.open(show, long_names_workbench(), width)
        line = one.page.locator(".rlw-all .rlw-train-row").first
        for place in (line.get_by_role("combobox"), line.locator(".rlw-row-number")):
            expect_inside(line.locator(".rlw-change"), place)

    def test_choosing_many_with_shift_marks_no_text(self, show):
        one = self.open(show, topics_workbench(), 934)
        lines = one.page.locator(".rlw-all .rlw-train-row")
        lines.nth(0).click(position={"x": 300, "y": 12})
        lines.nth(2).click(position={"x": 300, "y": 12}, modifiers=["Shift"])
        expect(one.page.get_by_role("heading", name="3 training rows selected")).to_be_visible()
        assert one.page.evaluate("getSelection().toString()") == ""

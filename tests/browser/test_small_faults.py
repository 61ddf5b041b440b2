"""Faults that people met on the page, one test each."""

from __future__ import annotations

import pytest
from boxes import box_of
from playwright.sync_api import expect
from widget_harness import STATIC, focused, hotel_workbench, small_workbench, topics_workbench

pytestmark = pytest.mark.browser

HEBREW = ("תלונה", "שבח")
ANOTHER_VIEW = """async (esm) => {
  const host = document.body.appendChild(document.createElement("div"));
  const url = URL.createObjectURL(new Blob([esm], {type: "text/javascript"}));
  (await import(url)).default.render({model, el: host});
}"""
CUT = """[...document.querySelectorAll("[role=columnheader], .rlw-button, .rlw-tab, .rlw-name")]
  .filter((node) => node.checkVisibility())
  .filter((node) => [node, ...node.querySelectorAll("*")].some((one) => one.scrollWidth > one.clientWidth + 1
     && one.clientWidth > 1 && getComputedStyle(one).overflowX === "hidden"))
  .map((node) => node.textContent)"""


def in_queue(one, row):
    one.button("Suspects").click()
    queue = one.page.locator(".rlw-queue-body")
    expect(queue).to_contain_text(f"Training row {row} ")
    return queue


class TestKeysOfTheQueue:
    def test_enter_leaves_the_note_and_the_next_keys_decide(self, show):
        bench = hotel_workbench()
        rows = bench.next_to_check(3)["row"].tolist()
        one = show(bench)
        queue = in_queue(one, rows[0])
        one.page.keyboard.press("n")
        one.page.keyboard.type("sarcasm")
        one.page.keyboard.press("Enter")
        for key in "ks":
            one.page.keyboard.press(key)
        expect(queue).to_contain_text(f"Training row {rows[2]} ")
        said = bench.decisions().set_index("row")
        assert said.loc[rows[0], "note"] == "sarcasm"
        assert said.loc[rows[:2], "decision"].tolist() == ["keep", "unsure"]

    def test_undo_brings_the_suspect_back_and_b_goes_to_the_one_before(self, show):
        bench = hotel_workbench()
        rows = bench.next_to_check(3)["row"].tolist()
        one = show(bench)
        queue = in_queue(one, rows[0])
        for key in "krus":  # typed ahead: S is about the row that came back
            one.page.keyboard.press(key)
        wanted = {rows[0]: "keep", rows[1]: "unsure"}
        # the third suspect is there twice, before and after the undo
        one.wait_for(lambda: bench.decisions().set_index("row")["decision"].to_dict() == wanted)
        expect(queue).to_contain_text(f"Training row {rows[2]} ")
        one.page.keyboard.press("b")
        expect(queue).to_contain_text(f"Training row {rows[1]} ")

    def test_keys_of_the_panes_do_nothing_while_a_panel_hides_them(self, show):
        bench = hotel_workbench()
        one = show(bench)
        one.pick(3)
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        for opener in ("History", "Suspects"):
            one.button(opener).click()
            for key in "fav12x":
                one.page.keyboard.press(key)
            expect(one.status).to_contain_text("(Esc) to")
            one.page.keyboard.press("Escape")
        assert bench.relabelled == []
        expect(one.page.get_by_role("progressbar")).to_have_count(0)


class TestSeveralViews:
    def test_no_id_is_there_twice_and_labels_lead_to_their_own_field(self, show):
        one = show(small_workbench())
        one.page.evaluate(ANOTHER_VIEW, (STATIC / "widget.js").read_text())
        regions = one.page.get_by_role("region", name="Relabel workbench")
        expect(regions).to_have_count(2)
        regions.nth(1).get_by_text("text 2", exact=True).click()
        expect(regions.nth(1).get_by_role("checkbox").first).to_be_visible()
        expect(regions.nth(0).get_by_role("checkbox").first).to_be_visible()
        ids = one.page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
        assert len(ids) > 20
        assert len(set(ids)) == len(ids)
        regions.nth(1).get_by_text("Threshold", exact=True).click()
        assert regions.nth(1).evaluate("(node) => node.contains(document.activeElement)")
        box = regions.nth(1).get_by_role("checkbox").first
        described = box.get_attribute("aria-describedby")
        assert regions.nth(1).evaluate("(node, id) => node.querySelector(`[id='${id}']`) !== null", described)


class TestFromRightToLeft:
    def test_a_text_has_the_direction_of_its_letters(self, show):
        one = show(small_workbench(text="خدمة ممتازة 😀"))
        one.pick(2)
        texts = one.page.locator(".rlw-clamp, .rlw-query, .rlw-detail-text").filter(has_text="خدمة")
        expect(texts.first).to_be_visible()
        assert texts.count() > 5
        shown = texts.evaluate_all(
            "(nodes) => nodes.filter((n) => n.checkVisibility() && n.textContent.startsWith('خ'))"
            ".map((node) => getComputedStyle(node).direction)"
        )
        assert set(shown) == {"rtl"}

    def test_names_stand_on_their_own_side_of_the_arrows(self, show):
        bench = small_workbench(labels=HEBREW)
        one = show(bench)
        one.pick(2)
        ends = one.ranking.get_by_role("columnheader", name="Influence")
        expect(ends).to_be_visible()
        left, right = (box_of(ends.get_by_text(str(name), exact=True)) for name in bench.classes)
        assert left["x"] < right["x"]
        first = one.ranking.get_by_role("checkbox").first
        first.check()
        labels = one.ranking.locator(".rlw-labels").first
        old, new = labels.locator("bdi:visible").all()
        assert box_of(old)["x"] < box_of(new)["x"]
        expect(one.status).to_contain_text("Relabelled")
        one.button("History").click()
        what = one.page.locator(".rlw-history-what").first.text_content()
        assert what.count("\u2068") == what.count("\u2069") == 2


class TestWhatIsSaid:
    def test_nobody_is_asked_to_pick_a_row_that_is_picked(self, show):
        bench = small_workbench()
        one = show(bench)
        expect(one.status).to_have_text("Pick a test row to see what decides it.")
        one.widget.test_row = 4
        expect(one.page.get_by_role("heading", name="Test row 4")).to_be_visible()
        expect(one.status).to_have_text("Test row 4 is chosen.")

    def test_a_loss_that_rises_does_not_look_like_a_gain_that_falls(self, show):
        bench = hotel_workbench()
        bench.relabel(bench.flip_set(3).rows)
        bench.verify()
        summary = bench.verification_summary()
        assert summary.log_loss_after > summary.log_loss_before
        assert summary.accuracy_after < summary.accuracy_before
        one = show(bench)
        scores = one.page.get_by_role("region", name="Effect").get_by_role("row")
        expect(scores.filter(has_text="Log-loss")).to_contain_text("↑ worse")
        expect(scores.filter(has_text="Accuracy")).to_contain_text("↓ worse")

    def test_a_time_of_the_history_has_its_day(self, show):
        bench = small_workbench()
        bench.relabel([3])
        one = show(bench)
        one.button("History").click()
        when = one.page.locator(".rlw-history-line time")
        expect(when).to_contain_text(when.get_attribute("datetime")[:4])

    def test_a_line_of_the_history_has_the_text_of_its_row_and_leads_to_it(self, show):
        bench = hotel_workbench()
        bench.keep([17])
        one = show(bench)
        one.button("History").click()
        line = one.page.locator(".rlw-history-line")
        expect(line).to_contain_text(bench.train_text(17)[:60])
        line.get_by_role("button", name="Kept the label of row 17").click()
        training = one.page.get_by_role("region", name="Training row 17", exact=True)
        expect(training).to_contain_text(bench.train_text(17))
        one.page.keyboard.press("s")
        expect(one.status).to_contain_text("Marked as unsure: training row 17")

    def test_shares_of_two_kinds_do_not_stand_side_by_side(self, show):
        one = show(hotel_workbench())
        one.pick(3)
        expect(one.ranking.get_by_text("of the way").first).to_be_visible()
        one.button("Find flip set").click()
        expect(one.ranking.get_by_text("of the flip").first).to_be_visible()
        expect(one.ranking.get_by_text("of the way")).to_have_count(0)

    @pytest.mark.parametrize("width", [480, 934, 1400, 2200])
    @pytest.mark.parametrize("make", [hotel_workbench, topics_workbench])
    def test_no_heading_no_button_and_no_short_name_is_cut(self, show, width, make):
        one = show(make(), width=width)
        one.pick(3)
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        for pane in ("Why", "Effect", "Test rows"):
            one.pane(pane)
            assert one.page.evaluate(CUT) == []

    def test_a_long_name_is_cut_in_its_middle_and_given_whole(self, show):
        names = ("comp.sys.ibm.pc.hardware.and.all", "comp.sys.ibm.pc.hardware.and.others")
        one = show(small_workbench(labels=names), width=934)
        cell = one.tests.get_by_role("row").nth(1).locator(".rlw-name").nth(1)
        expect(cell).to_have_attribute("title", cell.text_content())
        assert cell.text_content() in names
        tail = cell.locator("> :last-child")
        assert str(tail.text_content()) == cell.text_content()[-6:]
        places = [box_of(one) for one in (cell, tail)]
        ends = [place["x"] + place["width"] for place in places]
        assert places[1]["width"] > 10
        assert ends[1] <= ends[0] + 1  # its last letters are in sight


class TestSelecting:
    def test_ctrl_click_adds_a_row_and_takes_it_away(self, show):
        bench = small_workbench()
        one = show(bench)
        one.pick(2)
        texts = one.ranking.locator(".rlw-train-text")
        expect(texts.first).to_be_visible()
        rows = bench.influential_rows(2)["row"].tolist()
        texts.nth(0).click()
        texts.nth(2).click(modifiers=["Control"])
        texts.nth(4).click(modifiers=["Control"])
        texts.nth(4).click(modifiers=["Control"])
        one.page.keyboard.press("k")
        expect(one.status).to_contain_text("Kept the label of 2 training rows")
        assert sorted(bench.decisions()["row"]) == sorted([rows[0], rows[2]])
        assert "Loading" not in focused(one.page)


def test_the_threshold_field_shows_all_its_digits(show):
    """0.9999 was cut to 0.999, another threshold."""
    bench = small_workbench()
    one = show(bench)
    field = one.page.get_by_label("Threshold")
    for threshold in (0.9999, 0.123456789):
        bench.threshold = threshold
        expect(field).to_have_value(str(threshold))
        needed = field.evaluate("""(field) => {
          const measure = document.createElement("canvas").getContext("2d");
          measure.font = getComputedStyle(field).font;
          return measure.measureText(field.value).width + 30; // the arrows, padding and border
        }""")
        assert box_of(field)["width"] >= needed


class TestNumbersExplainThemselves:
    """Seen by a new user: "joint -43.1%", "129.3% of the flip" of a set of one row, an estimate that read as a fact."""

    def test_shares_of_a_flip_add_up_to_all_of_it(self, show):
        bench = hotel_workbench()
        one = show(bench)
        seen = set()
        for row in (3, 8, 0):
            one.pick(row)
            one.button("Find flip set").click()
            size = bench.flip_set(row).size
            seen.add(size)
            shares = one.ranking.locator(".rlw-share", has_text="of the flip")
            expect(shares).to_have_count(size)
            parts = [float(words.split("%")[0]) for words in shares.all_text_contents()]
            assert sum(parts) == pytest.approx(100, abs=0.05 * size + 0.01)
            expect(one.page.locator(".rlw-legend")).not_to_contain_text("joint")
        assert {1} < seen

    def test_an_estimate_is_no_fact_and_what_is_to_be_decided_is_named(self, show):
        bench = hotel_workbench()
        one = show(bench)
        one.page.get_by_role("searchbox", name="Search test rows").fill("we sat by the stove")
        one.pick(75)
        one.button("Find flip set").click()
        note = one.page.locator(".rlw-happens .rlw-note")
        expect(note).to_have_text(
            "Try the flip set, or decide about its rows. What that does is estimated here, and known once you verify."
        )
        one.button("Decide row by row").click()
        first = int(bench.flip_set(75).rows[0])
        detail = one.page.get_by_role("region", name=f"Decide: row {first}", exact=True)
        detail.get_by_role("button", name="Relabel as praise").click()
        expect(note).to_contain_text("EstimateNot retrained yet. With 1 changed label: probability 0.153 → about 0.")
        one.page.keyboard.press("r")
        one.page.keyboard.press("r")
        one.button("Verify by retraining").click()
        expect(one.page.locator(".rlw-flip-facts")).to_contain_text("by chance (p = ")

    def test_the_history_has_the_numbers_that_messages_name(self, show):
        bench = hotel_workbench()
        bench.keep(7)
        bench.relabel(9)
        bench.undo()
        one = show(bench)
        one.button("History").click()
        lines = one.page.get_by_role("list", name="Decisions, newest first").get_by_role("listitem")
        expect(lines.first).to_contain_text("Undid event 2")
        for place, words in enumerate(["event 3", "event 2, undone", "event 1"]):
            expect(lines.nth(place)).to_contain_text(words)

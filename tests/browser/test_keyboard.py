"""The page by keys alone: every action has one, the focus is never lost, and no key gets past the widget."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from widget_harness import focused, hotel_workbench, small_workbench

pytestmark = pytest.mark.browser


class TestKeyboard:
    def test_everything_by_keys_alone(self, show):
        bench = small_workbench()
        bench.flip_set(1)
        one = show(bench)
        keys = one.page.keyboard
        expect(one.tests.get_by_text("text 0", exact=True)).to_be_visible()
        one.page.get_by_label("Filter test rows").focus()
        keys.press("Tab")
        assert focused(one.page) == "Row▴"
        keys.press("ArrowRight")
        assert focused(one.page) == "Text"
        keys.press("Tab")
        for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
            keys.press(key)
        keys.press("Enter")
        expect(one.page.get_by_role("heading", name="Test row 1")).to_be_visible()
        expect(one.tests.get_by_role("row", selected=True)).to_be_focused()
        rows = bench.influential_rows(1)["row"].tolist()
        expect(one.box(rows[0])).to_be_visible()
        one.button("Try this set").focus()
        keys.press("Tab")
        expect(one.page.get_by_label("Text of test row 1")).to_be_focused()  # a long one is scrolled by keys
        for term in ("Margin", "Flip set", "shares"):
            keys.press("Tab")
            assert focused(one.page) == term  # which explains itself there
        keys.press("Tab")
        expect(one.button("Decide row by row")).to_be_focused()
        keys.press("Tab")
        expect(one.box(rows[0])).to_be_focused()
        keys.press("ArrowDown")
        keys.press("Space")
        expect(one.box(rows[1])).to_be_checked()
        expect(one.status).to_contain_text("Relabelled training row")
        keys.press("End")
        expect(one.box(rows[-1])).to_be_focused()
        keys.press("Home")
        keys.press("Enter")
        expect(one.status).to_contain_text("2 labels changed in all")
        expect(one.box(rows[0])).to_be_focused()
        assert bench.relabelled == sorted(rows[:2])

    def test_the_focus_stays_in_the_widget_when_its_line_goes(self, show):
        """Lost to the page, the next key would be a command of the notebook."""
        bench = small_workbench()
        bench.relabel(bench.flip_set(1).rows)
        bench.verify()
        one = show(bench)
        one.page.get_by_label("Filter test rows").select_option("flipped")
        line = one.tests.locator("[data-index='0']")
        line.focus()
        one.page.keyboard.press("u")
        nothing = one.page.get_by_text("No test rows match.")
        expect(nothing).to_be_focused()
        one.page.keyboard.press("Shift+U")
        expect(one.status).to_contain_text("Redone")
        one.page.keyboard.press("v")
        expect(line).to_be_focused()

        one.page.get_by_label("Filter test rows").select_option("all")
        one.pick(3)
        boxes = one.ranking.get_by_role("checkbox")
        boxes.first.focus()
        one.widget.test_row = 5  # another cell chooses
        expect(one.page.get_by_role("heading", name="Test row 5")).to_be_visible()
        expect(boxes.first).to_be_focused()

    def test_a_full_session_without_a_mouse(self, show, tmp_path):
        """Pick, find, try, verify, decide, note, keep, queue, history, undo, redo and export, each by its key."""
        bench = hotel_workbench()
        one = show(bench, export_path=str(tmp_path / "fixed.csv"))
        keys, page = one.page.keyboard, one.page
        expect(one.tests.get_by_role("row").nth(1)).to_contain_text("Heated rooms")
        one.button("Keys").focus()
        keys.press("1")
        for _ in range(3):
            keys.press("ArrowDown")
        keys.press("Enter")
        expect(one.status).to_contain_text("Test row 3 is predicted")
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        keys.press("f")
        expect(one.ranking.get_by_text("in flip set").first).to_be_visible()
        found = bench.known_flip_set(3)
        keys.press("a")
        expect(one.status).to_contain_text(f"Trial: {found.size} labels changed, nothing recorded")
        keys.press("v")
        expect(one.status).to_contain_text("nothing recorded. Retrained with")
        for key in ("d", *"r" * found.size):
            keys.press(key)
        expect(one.status).to_contain_text(f"{found.size} labels changed in all")
        keys.press("v")
        keys.press("2")  # what is typed while it retrains counts, too
        keys.press("End")
        last = int(bench.influential_rows(3, top=440)["row"].iloc[-1])
        expect(one.box(last)).to_be_focused()
        keys.press("n")
        keys.type("seen, right")
        keys.press("Escape")
        keys.press("2")
        keys.press("k")
        expect(one.status).to_contain_text(f"Kept the label of training row {last}")
        assert bench.decisions().set_index("row").loc[last, "note"] == "seen, right"
        keys.press("Home")
        keys.press("Shift+ArrowDown")
        keys.press("s")
        expect(one.status).to_contain_text("Marked as unsure: 2 training rows")
        keys.press("u")
        expect(one.status).to_contain_text("Undone")
        keys.press("Shift+U")
        expect(one.status).to_contain_text("Redone")
        keys.press("q")
        expect(page.locator(".rlw-queue-body")).to_be_visible()
        suspect = int(bench.next_to_check(1)["row"].iloc[0])
        expect(page.locator(".rlw-queue-body")).to_contain_text(f"Training row {suspect} ")
        keys.press("k")
        expect(one.status).to_contain_text(f"Kept the label of training row {suspect}")
        keys.press("Escape")
        keys.press("h")
        expect(page.get_by_role("list", name="Decisions, newest first")).to_contain_text("seen, right")
        keys.press("Escape")
        keys.press("x")
        expect(one.status).to_contain_text("Wrote")
        assert (tmp_path / "fixed.csv").exists()

    @staticmethod
    def place(row: int, test_row: int, *, found: bool) -> int:
        """Where a training row ranks for a test row, before or after its flip set is found."""
        bench = hotel_workbench()
        if found:
            bench.flip_set(test_row)
        return bench.influential_rows(test_row)["row"].tolist().index(row)

    def test_the_focus_survives_the_reordering_after_find(self, show):
        """A member of the set that ranks lower by itself moves up, which takes the focus from any element."""
        test_row, row = next(
            (test_row, row)
            for test_row in range(20)
            for row in hotel_workbench().flip_set(test_row).rows.tolist()
            if self.place(row, test_row, found=True) < self.place(row, test_row, found=False)
        )
        one = show(hotel_workbench())
        one.pick(test_row)
        one.box(row).focus()
        one.widget.find_flip_set(test_row)
        expect(one.ranking.get_by_text("in flip set").first).to_be_visible()
        expect(one.box(row)).to_be_focused()

    def test_no_key_reaches_the_notebook(self, show):
        one = show(small_workbench())
        one.page.evaluate("window.leaked = []; document.addEventListener('keydown', (e) => window.leaked.push(e.key))")
        one.pick(0)
        for place in (one.button("Find flip set"), one.tests.get_by_role("row", selected=True)):
            place.focus()
            for key in ("a", "b", "d", "ArrowDown", "Enter", "Escape"):
                one.page.keyboard.press(key)
        assert one.page.evaluate("window.leaked") == []

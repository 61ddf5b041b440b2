"""The page as a person uses it: real widget, workbench and front end in Chromium, no Jupyter."""

from __future__ import annotations

import re
import threading
import time

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sklearn.linear_model import LogisticRegression
from widget_harness import ROOT, focused, hold_background, hotel_workbench, small_workbench

import relabel_widget as rw
from relabel_widget.monitor import Monitor

pytestmark = pytest.mark.browser

# Where things are in each frame, as it is drawn; null what another pane hides. What scrolls is measured in its pane.
WATCH_PLACES = """
window.places = [];
const button = (name) => [...document.querySelectorAll("button")].find((one) => one.textContent === name);
const nodes = {find: button("Find flip set"), verify: button("Verify by retraining"),
  rows: document.querySelector(".rlw-train-scroll"), detail: document.querySelector(".rlw-detail")};
const onPage = (node) => Math.round(node.getBoundingClientRect().top + scrollY);
const top = (node) => !node.checkVisibility() ? null : node.matches("button") ? onPage(node) : node.offsetTop;
const look = () => {
  const seen = Object.entries(nodes).map(([name, node]) => [name, top(node)]);
  places.push({...Object.fromEntries(seen), end: document.documentElement.scrollHeight});
  requestAnimationFrame(look);
};
look();
"""
EVIL = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"


class TestTheWholeJob:
    def test_pick_find_mark_verify_undo_redo_export(self, show, tmp_path):
        bench = hotel_workbench()
        one = show(bench, export_path=str(tmp_path / "fixed.csv"))
        page = one.page
        expect(page.get_by_role("region", name="Relabel workbench")).to_be_visible()
        expect(one.button("Find flip set")).to_be_disabled()
        expect(one.button("Find flip set")).to_have_attribute("title", "Pick a test row first")
        reasons = {"Undo": "Nothing to undo", "Redo": "Nothing to redo"}
        for name, reason in reasons.items():
            expect(one.button(name)).to_be_disabled()
            expect(one.button(name)).to_have_attribute("title", reason)
        expect(one.button("Cancel")).to_have_count(0)  # while nothing runs

        one.pick(3)
        expect(one.status).to_contain_text("Test row 3 is predicted “complaint”")
        expect(page.locator(".rlw-card .rlw-query")).to_have_text(bench.test_text(3))
        assert one.widget.test_row == 3

        one.button("Find flip set").click()
        expect(one.status).to_contain_text("Found: a refit confirms that this set flips the prediction.")
        found = bench.known_flip_set(3)
        expect(page.locator(".rlw-outcome").first).to_contain_text(f"Relabelling {found.size} training rows flips")
        expect(page.locator(".rlw-outcome .rlw-badge").first).to_have_text("Verified")
        boxes = one.ranking.get_by_role("checkbox")
        for i, row in enumerate(found.rows):
            expect(boxes.nth(i)).to_have_accessible_name(f"Relabel row {row}")
        expect(one.ranking.get_by_text("in flip set")).to_have_count(found.size)
        shares = one.ranking.locator(".rlw-share").filter(has_text="of the flip")
        expect(shares).to_have_count(found.size)
        parts = shares.all_text_contents()
        percents = [float(part) for part in re.findall(r"(-?[\d.]+)%", "".join(parts).replace("−", "-"))]
        assert len(percents) == found.size
        assert sum(percents) == pytest.approx(100, abs=0.3)

        one.box(int(found.rows[0])).check()
        expect(page.locator(".rlw-guess")).to_contain_text("Not retrained yet")
        one.wait_for(lambda: bench.relabelled == [int(found.rows[0])])
        one.relabel_set(found.size - 1)
        expect(one.button("Decide row by row")).to_be_disabled()
        one.wait_for(lambda: bench.relabelled == sorted(found.rows.tolist()))

        one.button("Verify by retraining").click()
        expect(one.status).to_contain_text(f"Retrained with {found.size} changed labels")
        summary = bench.verification_summary()
        outcome = page.locator(".rlw-outcome").last
        expect(outcome).to_contain_text("this row flips to “praise”")
        expect(outcome).to_contain_text(f"{bench.verification.proba_after[3]:.3f}")
        happens = page.get_by_role("region", name="Effect")
        expect(happens).to_contain_text(f"{summary.n_flipped} of 140 test rows change class")
        score = happens.get_by_role("row").filter(has_text="Accuracy")
        expect(score).to_contain_text(f"{summary.accuracy_before:.1%}{summary.accuracy_after:.1%}")
        expect(one.tests.get_by_text("flips").first).to_be_visible()

        one.button("Undo").click()
        expect(one.box(int(found.rows[-1]))).not_to_be_checked()
        expect(outcome).not_to_contain_text("Retrained")
        one.button("Redo").click()
        expect(one.box(int(found.rows[-1]))).to_be_checked()

        one.button("Export labels").click()
        expect(one.status).to_contain_text(f"Wrote {found.size} corrected labels to")
        written = pd.read_csv(tmp_path / "fixed.csv")
        assert written["row"].tolist() == sorted(found.rows.tolist())
        assert set(written["corrected"]) == {"praise"}

    def test_nothing_is_ranked_before_a_test_row_is_picked(self, show):
        one = show(hotel_workbench())
        expect(one.page.get_by_text(re.compile("Set sizes: [1-9]"))).to_be_visible()  # what comes by itself does come
        expect(one.page.get_by_text("Pick a test row to rank them.")).to_be_visible()
        expect(one.ranking.get_by_role("checkbox")).to_have_count(0)

    @pytest.mark.parametrize("width", [480, 1000])
    def test_quick_clicks_all_count_because_nothing_moves_under_the_pointer(self, show, width):
        """Lines that closed on the press of the mouse button moved the next checkbox away before its release."""
        bench = hotel_workbench()
        one = show(bench, width=width)
        one.pick(3)
        rows = bench.influential_rows(3)["row"].tolist()[:6]
        expect(one.box(rows[0])).to_be_visible()
        one.button("Find flip set").focus()
        before = one.page.evaluate("document.querySelector('.rlw-train-scroll').offsetTop")
        for row in rows:
            one.box(row).check()
        expect(one.status).to_contain_text("6 labels changed in all")
        one.pane("Effect")
        expect(one.page.locator(".rlw-guess")).to_be_visible()
        one.pane("Why")
        assert bench.relabelled == sorted(rows)
        assert one.page.evaluate("document.querySelector('.rlw-train-scroll').offsetTop") == before
        for row in reversed(rows):
            one.box(row).uncheck()
        expect(one.status).to_contain_text("0 labels changed in all")

    def test_a_set_that_comes_by_itself_moves_no_line(self, show, monkeypatch):
        """A click aimed at a line must hit it, also where a search in the background ends just before the click."""
        go_on = hold_background(monkeypatch)
        bench = hotel_workbench()
        one = show(bench)
        boxes = one.ranking.get_by_role("checkbox")
        names = "all => all.slice(0, 8).map(one => one.ariaLabel)"
        one.pick(5)
        ranked = [f"Relabel row {row}" for row in bench.influential_rows(5)["row"].tolist()[:8]]
        expect(boxes.first).to_have_accessible_name(ranked[0])
        assert boxes.evaluate_all(names) == ranked

        go_on.set()
        expect(one.ranking.get_by_text("in flip set").first).to_be_visible()
        assert boxes.evaluate_all(names) == ranked

        # Asked for, by the button or by coming back to the test row, it comes first.
        found = bench.known_flip_set(5).rows.tolist()
        assert [f"Relabel row {row}" for row in found] != ranked[: len(found)]
        one.button("Find flip set").click()
        expect(boxes.first).to_have_accessible_name(f"Relabel row {found[0]}")
        assert boxes.evaluate_all(names)[: len(found)] == [f"Relabel row {row}" for row in found]

    @pytest.mark.parametrize("width", [480, 1000, 1600])
    def test_nothing_moves_as_answers_come_in(self, show, monkeypatch, width):
        """A click that was aimed before an answer must hit: here, and in what stands below the widget."""
        hold_background(monkeypatch)
        bench = hotel_workbench()
        one = show(bench, width=width)
        self._settle(one, bench, 3)
        one.page.evaluate(WATCH_PLACES)
        self._settle(one, bench, 5)
        places = one.page.evaluate("places")
        assert len({seen["end"] for seen in places}) == 1
        for name in ("find", "verify"):
            assert self._moved(places, name) <= 1, name  # a fraction of a pixel may round otherwise
        one.page.evaluate("places.length = 0")
        one.button("Find flip set").click()
        expect(one.ranking.get_by_text("in flip set").first).to_be_visible()
        one.button("Try this set").click()
        expect(one.page.locator(".rlw-guess").first).to_be_attached()
        for row in bench.influential_rows(5)["row"].tolist()[:6]:
            one.box(row).focus()
            expect(one.page.get_by_role("region", name=f"Training row {row}", exact=True)).to_contain_text(
                bench.train_text(row)
            )
        one.button("Verify by retraining").click()
        expect(one.status).to_contain_text("Retrained")
        places = one.page.evaluate("places")
        for name in ("find", "rows", "detail", "verify"):
            assert self._moved(places, name) <= 1, name

    @staticmethod
    def _moved(places, name):
        seen = {place[name] for place in places} - {None}
        return max(seen) - min(seen)

    @staticmethod
    def _settle(one, bench, row):
        one.pick(row)
        first = int(bench.influential_rows(row)["row"].iloc[0])
        training = one.page.get_by_role("region", name=f"Training row {first}", exact=True)
        expect(training).to_contain_text(bench.train_text(first))

    def test_what_python_does_shows_on_the_page(self, show):
        bench = small_workbench()
        one = show(bench)
        one.widget.test_row = 4
        expect(one.page.get_by_role("heading", name="Test row 4")).to_be_visible()
        row = int(bench.influential_rows(4)["row"].iloc[0])
        bench.relabel([row])
        expect(one.box(row)).to_be_checked()
        one.widget.find_flip_set()
        expect(one.status).to_contain_text("Test row 4. Found")
        bench.threshold = 0.7
        expect(one.page.get_by_label("Threshold")).to_have_value("0.7")

    def test_progress_and_cancel(self, show, monkeypatch):
        def slow(_self, *, monitor):
            for i in range(2000):
                monitor.step("refit", i, 2000)
                time.sleep(0.01)

        bench = small_workbench()
        bench.relabel([1])
        one = show(bench)
        expect(one.page.get_by_role("progressbar")).to_have_count(0)
        monkeypatch.setattr(rw.Workbench, "verify", slow)
        one.button("Verify by retraining").click()
        bar = one.page.get_by_role("progressbar")
        expect(bar).to_have_attribute("aria-valuemax", "2000")
        expect(bar).to_have_attribute("aria-valuetext", re.compile("refit"))
        expect(one.button("Verify by retraining")).to_be_disabled()
        assert "Verify by retraining" in focused(one.page)  # a started job takes no one's place from them
        one.button("Cancel").click()
        expect(one.status).to_have_text("Cancelled. Nothing was changed.")
        expect(bar).to_have_count(0)
        expect(one.button("Verify by retraining")).to_be_enabled()

    @pytest.mark.parametrize("job", ["Find flip set", "Verify by retraining"])
    def test_cancel_at_any_stage_leaves_all_as_it_was(self, show, monkeypatch, job):
        """The real work, with a pause at each of its steps: cancelled early, later, and then let through."""
        step, pause = Monitor.step, 0.15
        monkeypatch.setattr(Monitor, "step", lambda *a, **k: (time.sleep(pause), step(*a, **k)))
        bench = hotel_workbench()
        bench.relabel([1])
        one = show(bench)
        one.button("Pause: set sizes").click()
        one.pick(3)
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        bar = one.page.get_by_role("progressbar")
        for wait in (0, 400):
            one.button(job).click()
            expect(bar).to_be_visible()
            one.page.wait_for_timeout(wait)
            one.button("Cancel").click()
            expect(one.status).to_have_text("Cancelled. Nothing was changed.")
            expect(bar).to_have_count(0)
            assert bench.relabelled == [1]
            assert bench.known_flip_set(3) is None
            assert bench.verification is None
        pause = 0.0
        one.button(job).click()
        expect(one.status).to_contain_text("Found" if job == "Find flip set" else "Retrained")

    def test_errors_in_words(self, show, tmp_path):
        bench = small_workbench()
        bench.relabel([3])
        one = show(bench)
        field = one.page.get_by_label("Threshold")
        field.fill("3")
        field.press("Enter")
        expect(one.status).to_contain_text("threshold")
        expect(one.status).to_have_class(re.compile("rlw-failed"))
        field.blur()
        expect(field).to_have_value("0.5")
        one.page.get_by_label("Export file").fill(str(tmp_path / "none" / "x.csv"))
        one.button("Export labels").click()
        expect(one.status).to_contain_text("There is no folder")
        one.page.get_by_label("Export file").fill(" ")
        expect(one.button("Export labels")).to_be_disabled()

    def test_two_widgets_of_one_model_and_dispose(self, show):
        one = show(small_workbench())
        one.pick(2)
        expect(one.box(int(one.widget.workbench.influential_rows(2)["row"].iloc[0]))).to_be_visible()
        assert one.page.evaluate("model.count()") > 0
        one.page.evaluate("dispose()")
        assert one.page.evaluate("model.count()") == 0
        assert one.page.evaluate("document.getElementById('host').children.length") == 0


class TestTheListOfTestRows:
    def test_sort_filter_and_search(self, show):
        bench = hotel_workbench()
        one = show(bench)
        first = one.tests.get_by_role("row").nth(1).get_by_role("gridcell").first
        one.tests.get_by_role("button", name="Prob.").click()
        table = bench.test_rows().sort_values("proba", kind="stable")
        expect(first).to_have_text(str(table["row"].iloc[0]))
        expect(one.tests.get_by_role("columnheader").nth(4)).to_have_attribute("aria-sort", "ascending")
        one.tests.get_by_role("button", name="Prob.").click()
        expect(first).to_have_text(str(table["row"].iloc[-1]))
        one.page.get_by_label("Filter test rows").select_option("misclassified")
        wrong = int((table["label"] != table["predicted"]).sum())
        expect(one.tests).to_have_attribute("aria-rowcount", str(wrong + 1))
        one.page.get_by_label("Search test rows").fill("no review says this")
        expect(one.page.get_by_text("No test rows match.")).to_be_visible()

    def test_the_size_of_a_set_is_not_read_as_the_number_of_a_row(self, show):
        bench = small_workbench()
        size = bench.flip_set(0).size
        assert 1 < size < 12
        one = show(bench)
        expect(one.tests.get_by_role("gridcell", name=f"{size} rows", exact=True).first).to_have_text(str(size))
        expect(one.tests.get_by_role("gridcell", name=str(size), exact=True)).to_have_count(1)

    def test_a_row_that_python_chooses_comes_into_sight(self, show):
        one = show(small_workbench(n_test=5_000))
        expect(one.tests.get_by_text("text 0", exact=True)).to_be_visible()
        one.widget.test_row = 4_321
        expect(one.tests.get_by_role("row", selected=True)).to_contain_text("text 4321")
        expect(one.tests.get_by_text("text 4321", exact=True)).to_be_in_viewport()

    def test_only_lines_in_sight_exist_and_the_last_of_100_000_is_reached(self, show):
        one = show(small_workbench(n_test=100_000))
        lines = one.tests.get_by_role("row")
        expect(one.tests).to_have_attribute("aria-rowcount", "100001")
        expect(lines.nth(1)).to_contain_text("text 0")
        assert lines.count() < 60
        lines.nth(1).focus()
        one.page.keyboard.press("End")
        expect(one.tests.get_by_text("text 99999", exact=True)).to_be_in_viewport()
        assert lines.count() < 60
        one.page.keyboard.press("Enter")
        expect(one.page.get_by_role("heading", name="Test row 99999")).to_be_visible()


class TestCannotFlip:
    def test_a_prediction_that_nothing_flips_is_said(self, show):
        """Without an intercept, a row without features has log-odds 0 whatever the labels are."""
        X = np.array([[1.0, 0], [1, 0], [-1, 0], [0, 1]] * 5)
        y = np.array(["a", "a", "b", "a"] * 5)
        estimator = LogisticRegression(fit_intercept=False).fit(X, y)
        bench = rw.Workbench(estimator, X, y, np.array([[0.0, 0.0], [2.0, 0.0]]), threshold=0.25)
        one = show(bench)
        one.pick(0)
        one.button("Find flip set").click()
        expect(one.status).to_contain_text("Cannot flip")
        expect(one.page.locator(".rlw-outcome").first).to_contain_text(str(bench.known_flip_set(0).outcome))
        expect(one.button("Try this set")).to_be_disabled()
        one.shot("light-cannot-flip")


class TestForeignTexts:
    def test_nothing_in_the_data_runs(self, show):
        bench = small_workbench(labels=(EVIL, EVIL + "2"), text=EVIL, ids=[f"{EVIL}{i}" for i in range(60)])
        one = show(bench)
        one.pick(2)
        one.button("Find flip set").click()
        expect(one.status).to_contain_text("Found")
        one.button("Try this set").click()
        one.button("Verify by retraining").click()
        expect(one.status).to_contain_text("Retrained")
        one.relabel_set(bench.known_flip_set(2).size)
        expect(one.page.locator(".rlw-card .rlw-query")).to_have_text(f"{EVIL} 2")
        expect(one.ranking.get_by_text(f"train {EVIL}").first).to_be_visible()
        assert one.page.evaluate("window.hacked") is None
        assert one.page.locator("#host script, #host img").count() == 0


class TestLooks:
    @pytest.mark.parametrize("theme", ["light", "dark", "plain"])
    def test_no_accessibility_rule_is_broken_in_any_state(self, show, theme):
        one = show(hotel_workbench(), theme=theme)
        self._check(one, f"{theme}-empty")
        one.pick(3)
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        self._check(one, f"{theme}-picked")
        one.button("Find flip set").click()
        expect(one.ranking.get_by_text("in flip set").first).to_be_visible()
        self._check(one, f"{theme}-found")
        one.button("Try this set").click()
        expect(one.page.locator(".rlw-guess")).to_be_visible()
        self._check(one, f"{theme}-tried")
        one.button("Verify by retraining").click()
        expect(one.status).to_contain_text("Retrained")
        expect(one.tests.get_by_text("flips").first).to_be_visible()
        self._check(one, f"{theme}-verified")
        one.relabel_set(4)
        one.page.get_by_label("Export file").fill("/no folder/x.csv")
        one.button("Export labels").click()
        expect(one.status).to_contain_text("There is no folder")
        self._check(one, f"{theme}-error")
        one.page.get_by_label("Search test rows").fill("nobody wrote this")
        expect(one.page.get_by_text("No test rows match")).to_be_visible()
        self._check(one, f"{theme}-nothing-found")
        for key, name in (("q", "queue"), ("h", "history"), ("?", "keys")):
            one.button("Keys").focus()
            one.page.keyboard.press(key)
            expect(one.page.locator(".rlw-queue-body" if name == "queue" else ".rlw-panel")).to_be_visible()
            self._check(one, f"{theme}-{name}")

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_a_ranking_that_takes_its_time(self, show, theme, monkeypatch):
        go_on, rank = threading.Event(), rw.Workbench.influential_rows
        monkeypatch.setattr(rw.Workbench, "influential_rows", lambda *a, **k: go_on.wait(20) and rank(*a, **k))
        one = show(hotel_workbench(), theme=theme)
        one.pick(3)
        expect(one.page.get_by_text("Ranking…").and_(one.page.locator(":visible"))).to_be_visible()
        self._check(one, f"{theme}-loading")
        go_on.set()
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_a_decision_beside_another_notebooks(self, show, theme, tmp_path):
        """Both have the store open: the page shows what the other one decided, and neither is refused."""
        mine, theirs = (hotel_workbench(store=tmp_path / "shared.sqlite") for _ in range(2))
        one = show(mine, theme=theme)
        one.pick(3)
        theirs.relabel([5])
        header = one.page.locator(".rlw-header")
        expect(header).to_contain_text("1 label changed")
        first = one.ranking.get_by_role("checkbox").first
        first.click()
        expect(header).to_contain_text("2 labels changed")
        expect(first).to_be_checked()
        one.wait_for(lambda: len(mine.relabelled) == 2)
        assert 5 in mine.relabelled
        self._check(one, f"{theme}-shared")
        theirs.undo()
        expect(header).to_contain_text("1 label changed")
        expect(first).to_be_checked()
        theirs.close()
        mine.close()

    @staticmethod
    def _check(one, name):
        one.shot(name)
        results = Axe().run(one.page, context="#host")
        assert results.response["passes"]
        assert results.violations_count == 0, results.generate_report()

    @pytest.mark.parametrize("width", [480, 900, 1600])
    def test_nothing_sticks_out(self, show, width):
        one = show(hotel_workbench(), width=width)
        one.pick(3)
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        one.button("Find flip set").click()
        expect(one.ranking.get_by_text("in flip set").first).to_be_visible()
        one.shot(f"width-{width}")
        assert one.page.evaluate("document.documentElement.scrollWidth") <= width
        overlaps = one.page.evaluate(
            "[...document.querySelectorAll('.rlw-root button, .rlw-root input, .rlw-root select')].filter((node) => {"
            "const box = node.getBoundingClientRect(); const outer = document.querySelector('.rlw-frame')"
            ".getBoundingClientRect(); return box.width > 0 && (box.left < outer.left || box.right > outer.right); })"
            ".length"
        )
        assert overlaps == 0

    def test_every_rule_is_ours_and_no_address_is_named(self):
        static = ROOT / "relabel_widget" / "widget" / "static"
        css = (static / "widget.css").read_text()
        assert not re.search(r"url\(|@import|https?:", css)
        script = (static / "widget.js").read_text()
        assert set(re.findall(r"https?:[^\"'`]*", script)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
        bare = re.sub(r"@keyframes [^{]+\{(?:[^{}]*\{[^{}]*\})*\}|@(?:container|media)[^{]+\{", "", css)
        selectors = [one.strip() for rule in re.findall(r"([^{}]+)\{", bare) for one in rule.split(",")]
        assert len(selectors) > 50
        assert [one for one in selectors if not one.startswith(".rlw-")] == []

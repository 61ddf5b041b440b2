"""What if, and what is wrong, are two things: labels are tried without a trace, and decided about one by one."""

from __future__ import annotations

import pandas as pd
import pytest
from playwright.sync_api import expect
from widget_harness import hold_background, hotel_workbench, line_of, topics_workbench

pytestmark = pytest.mark.browser


def primary(one):
    """The names of the buttons that show what comes next."""
    return one.page.locator(".rlw-primary").all_text_contents()


def banner(one):
    return one.page.locator(".rlw-trial")


def searched(show, bench, row=3, **options):
    """A page that has found the flip set of a row."""
    one = show(bench, **options)
    one.pick(row)
    one.button("Find flip set").click()
    expect(one.button("Try this set")).to_be_enabled()
    return one


class TestTry:
    def test_a_set_is_tried_verified_and_gone_by_one_key_and_nothing_is_recorded(self, show, tmp_path):
        bench = hotel_workbench()
        one = searched(show, bench, export_path=str(tmp_path / "fixed.csv"))
        found = bench.known_flip_set(3)
        one.button("Try this set").click()
        expect(banner(one)).to_contain_text(f"Trial: {found.size} labels changed, nothing recorded")
        note = one.page.locator(".rlw-happens .rlw-note")
        expect(note).to_contain_text("Trial: estimate")
        expect(one.ranking.get_by_text("on trial")).to_have_count(found.size)
        for row in found.rows.tolist():
            expect(one.box(row)).not_to_be_checked()

        one.button("Verify by retraining").click()
        expect(one.status).to_contain_text(f"Trial of {found.size} labels, nothing recorded. Retrained with")
        tried = bench.what_if(found.rows, found.labels)
        expect(note).to_contain_text("Trial: verified")
        expect(note).to_contain_text(f"{tried.proba_after[3]:.3f}")
        summary = bench.verification_summary(tried)
        expect(one.page.get_by_role("region", name="Effect")).to_contain_text(
            f"{summary.n_flipped} of 140 test rows change class"
        )
        expect(line_of(one.tests, 3)).to_contain_text("flips")

        one.page.keyboard.press("x")
        expect(one.status).to_contain_text("so there is nothing to export")
        assert not (tmp_path / "fixed.csv").exists()
        one.page.keyboard.press("Escape")
        expect(banner(one)).to_be_hidden()
        expect(one.status).to_contain_text("The trial has ended")
        expect(one.ranking.get_by_text("on trial")).to_have_count(0)
        expect(one.tests.get_by_text("flips")).to_have_count(0)
        assert bench.relabelled == []
        assert len(bench.history()) == 0
        assert bench.verification is None

    def test_rows_are_tried_one_by_one_on_top_of_what_was_decided(self, show):
        bench = hotel_workbench()
        first, second, third = bench.influential_rows(3)["row"].tolist()[:3]
        bench.relabel([first])
        one = show(bench)
        one.pick(3)
        one.box(second).focus()
        one.page.keyboard.press("t")
        one.page.keyboard.press("ArrowDown")
        one.page.keyboard.press("t")
        expect(banner(one)).to_contain_text("Trial: 2 labels changed")
        expect(one.page.locator(".rlw-happens .rlw-note")).to_contain_text("With 3 changed labels: probability ")
        one.page.keyboard.press("v")
        expect(one.status).to_contain_text("Trial of 2 labels, nothing recorded. Retrained with 3 changed labels")
        attempt = one.page.get_by_role("button", name="Try (T)", exact=True)
        expect(attempt).to_have_attribute("aria-pressed", "true")
        attempt.click()
        expect(banner(one)).to_contain_text("Trial: 1 label changed")
        expect(attempt).to_have_attribute("aria-pressed", "false")
        one.box(second).check()  # a decision: the row is no longer tried
        expect(banner(one)).to_be_hidden()
        one.wait_for(lambda: bench.relabelled == sorted([first, second]))
        assert third not in bench.history()["rows"].explode().tolist()

    def test_a_trial_gives_way_to_what_was_verified_before(self, show):
        bench = hotel_workbench()
        rows = bench.influential_rows(3)["row"].tolist()
        bench.relabel(rows[:3])
        before = bench.verify()
        one = show(bench)
        one.pick(3)
        note = one.page.locator(".rlw-happens .rlw-note")
        expect(note).to_contain_text("with 3 changed labels")
        one.box(rows[3]).focus()
        one.page.keyboard.press("t")
        expect(note).to_contain_text("Trial: estimate")
        one.button("End trial").click()
        expect(note).to_contain_text("with 3 changed labels")
        assert bench.verification is before

    def test_a_trial_names_labels_of_several_classes(self, show):
        bench = topics_workbench()
        one = searched(show, bench)
        found = bench.known_flip_set(3)
        one.button("Try this set").click()
        for row, label in zip(found.rows.tolist(), found.labels.tolist(), strict=True):
            line = one.ranking.get_by_role("row").filter(has=one.box(row))
            expect(line.locator(".rlw-labels > .rlw-name").last).to_have_text(label)
        one.button("Verify by retraining").click()
        expect(one.status).to_contain_text("nothing recorded. Retrained with")
        after = bench.what_if(found.rows, found.labels)
        expect(one.page.locator(".rlw-happens .rlw-note")).to_contain_text(
            f"flips to “{bench.classes[after.predicted_after[3]]}”"
        )


class TestRowByRow:
    def test_each_decision_leads_to_the_next_row_and_undo_leads_back(self, show):
        bench = hotel_workbench()
        one = searched(show, bench)
        rows = bench.known_flip_set(3).rows.tolist()
        assert len(rows) == 4

        def in_front(row):
            return expect(one.page.get_by_role("region", name=f"Decide: row {row}", exact=True)).to_be_visible()

        one.button("Try this set").click()
        one.button("Decide row by row").click()
        expect(banner(one)).to_be_hidden()
        in_front(rows[0])
        one.page.keyboard.press("k")
        in_front(rows[1])
        expect(one.page.locator(".rlw-legend")).to_contain_text("3 of 4 to decide")
        one.page.keyboard.press("r")
        in_front(rows[2])
        one.wait_for(lambda: bench.relabelled == [rows[1]])
        one.page.keyboard.press("u")
        in_front(rows[1])
        one.wait_for(lambda: bench.relabelled == [])
        one.page.keyboard.press("s")
        one.page.locator(".rlw-detail .rlw-change-to").click()
        one.page.keyboard.press("k")
        expect(one.button("Decide row by row")).to_be_disabled()
        expect(one.button("Decide row by row")).to_have_attribute("title", "Every row of the set is decided")
        said = bench.decisions().set_index("row")["decision"]
        assert said[rows].tolist() == ["keep", "unsure", "relabel", "keep"]

    def test_it_goes_on_where_others_have_decided_and_ends_with_escape(self, show):
        bench = hotel_workbench()
        rows = bench.flip_set(3).rows.tolist()
        bench.keep([rows[0]])
        one = show(bench)
        one.pick(3)
        expect(one.button("Decide row by row")).to_be_visible()
        one.page.keyboard.press("d")
        expect(one.page.get_by_role("region", name=f"Decide: row {rows[1]}", exact=True)).to_be_visible()
        expect(one.button("Decide row by row")).to_have_attribute("aria-pressed", "true")
        one.page.keyboard.press("Escape")
        expect(one.button("Decide row by row")).to_have_attribute("aria-pressed", "false")
        one.page.keyboard.press("k")
        expect(one.status).to_contain_text("Kept the label of")
        expect(one.page.get_by_role("region", name=f"Training row {rows[1]}", exact=True)).to_be_visible()

    def test_a_decision_that_is_refused_comes_back_to_the_front(self, show, monkeypatch):
        bench = hotel_workbench()
        one = searched(show, bench)
        rows = bench.known_flip_set(3).rows.tolist()
        one.button("Decide row by row").click()

        def refuse(*_, **__):
            raise OSError("No space left on device.")

        with monkeypatch.context() as broken:
            broken.setattr(type(bench), "keep", refuse)
            one.page.keyboard.press("k")
            expect(one.status).to_contain_text("No space left")
        expect(one.page.get_by_role("region", name=f"Decide: row {rows[0]}", exact=True)).to_be_visible()


def test_buttons_show_what_comes_next_and_none_invites_to_mark_rows_unread(show, monkeypatch):
    hold_background(monkeypatch)
    bench = hotel_workbench()
    one = show(bench)
    one.pick(3)
    expect(one.box(int(bench.influential_rows(3, 1)["row"][0]))).to_be_visible()
    assert primary(one) == ["Find flip set"]
    one.button("Find flip set").click()
    expect(one.page.locator(".rlw-primary")).to_have_text("Try this set")
    one.button("Try this set").click()
    expect(one.page.locator(".rlw-primary")).to_have_text("Verify by retraining")
    one.button("Verify by retraining").click()
    expect(one.page.locator(".rlw-primary")).to_have_text("Decide row by row")
    one.relabel_set(bench.known_flip_set(3).size)
    expect(one.page.locator(".rlw-primary")).to_have_text("Verify by retraining")
    one.button("Verify by retraining").click()
    expect(one.page.locator(".rlw-primary")).to_have_count(0)


@pytest.mark.parametrize("width", [480, 934, 1400])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_trial_moves_nothing_under_the_pointer(show, width, theme):
    bench = hotel_workbench()
    one = searched(show, bench, width=width, theme=theme)
    where = """() => [...document.querySelectorAll(".rlw-panes, .rlw-train-scroll")]
      .map((one) => one.getBoundingClientRect().top)"""
    one.pane("Why")
    before = one.page.evaluate(where)
    one.button("Try this set").click()
    expect(banner(one)).to_be_visible()
    assert one.page.evaluate(where) == pytest.approx(before, abs=1)  # a fraction of a pixel may round otherwise
    one.shot(f"trial-{width}-{theme}")


def test_what_is_exported_beside_a_trial_is_what_was_decided(show, tmp_path):
    bench = hotel_workbench()
    one = searched(show, bench, export_path=str(tmp_path / "fixed.csv"))
    found = bench.known_flip_set(3).rows.tolist()
    other = next(row for row in bench.influential_rows(3)["row"].tolist() if row not in found)
    one.box(other).check()
    one.button("Try this set").click()
    expect(banner(one)).to_be_visible()
    one.button("Export labels").click()
    expect(one.status).to_contain_text("Wrote 1 corrected label")
    assert pd.read_csv(tmp_path / "fixed.csv")["row"].tolist() == [other]

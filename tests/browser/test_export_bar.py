"""From the export bar, corrected labels or all decisions, which can be taken in again."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from widget_harness import small_workbench

import relabel_widget as rw

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_decisions(show, tmp_path, theme):
    bench, back = (small_workbench(annotator="ada") for _ in range(2))
    bench.keep([4, 5], note="read twice")
    bench.unsure(6)
    one = show(bench, export_path=str(tmp_path / "fixed.jsonl"), theme=theme, width=934)
    one.button("Export labels").click()
    expect(one.status).to_contain_text("No label is changed, so there is nothing to export.")

    every = one.page.get_by_role("checkbox", name="All decisions", exact=True)
    every.focus()
    one.page.keyboard.press("Space")
    expect(every).to_be_checked()
    path = tmp_path / "all_decisions.jsonl"
    expect(one.page.get_by_label("Export file")).to_have_value(str(path))
    one.button("Export labels").click()
    expect(one.status).to_contain_text(f"Wrote 3 decisions to {path}, as of event")
    assert rw.read_labels(path)["decision"].tolist() == ["keep", "keep", "unsure"]
    back.import_decisions(path)
    assert back.decisions().equals(bench.decisions())
    one.shot(f"export-{theme}")
    assert Axe().run(one.page, context=".rlw-root").response["violations"] == []

    bench.relabel(7)
    every.uncheck()
    expect(one.page.get_by_label("Export file")).to_have_value(str(tmp_path / "fixed.jsonl"))
    one.button("Export labels").click()
    expect(one.status).to_contain_text("Wrote 1 corrected label to")
    expect(one.status).to_contain_text(
        "workbench.corrected_estimator() gives the model fitted on the corrected labels."
    )
    assert rw.read_labels(tmp_path / "fixed.jsonl")["row"].tolist() == [7]


def test_all_decisions_over_a_file_that_is_not_ours(show, tmp_path):
    bench = small_workbench()
    bench.keep(4)
    path = tmp_path / "notes.csv"
    path.write_text("mine")
    one = show(bench, export_path=str(path))
    one.page.get_by_role("checkbox", name="All decisions", exact=True).check()
    one.page.get_by_label("Export file").fill(str(path))
    one.button("Export labels").click()
    one.page.get_by_role("alertdialog").get_by_role("button", name="Replace", exact=True).click()
    expect(one.status).to_contain_text("Wrote 1 decision to")
    assert rw.read_labels(path)["decision"].tolist() == ["keep"]

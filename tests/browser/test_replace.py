"""A file that the workbench did not write is replaced only by somebody who was asked: an export took a training CSV."""

from __future__ import annotations

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from widget_harness import focused, small_workbench

pytestmark = pytest.mark.browser

THEIRS = "text,label\nnobody's but mine,good\n"


@pytest.fixture
def bench():
    return small_workbench()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text(THEIRS)
    return path


@pytest.fixture
def asked(show, bench, file):
    """Shows the page, and has it asked for an export over the file; gives the page and its question."""

    def ask(**options):
        bench.relabel([4])
        one = show(bench, export_path=str(file), **options)
        expect(one.tests.get_by_text("text 0", exact=True)).to_be_visible()
        one.button("Export labels").click()
        question = one.page.get_by_role("alertdialog", name="Replace “reviews.csv”?")
        expect(question).to_be_visible()
        return one, question

    return ask


def test_replace(asked, file):
    one, question = asked()
    assert file.read_text() == THEIRS
    question.get_by_role("button", name="Replace", exact=True).click()
    expect(one.status).to_contain_text("Wrote 1 corrected label to")
    assert pd.read_csv(file)["row"].tolist() == [4]
    expect(question).not_to_be_visible()
    expect(one.button("Export labels")).to_be_focused()

    # From now on it is our own.
    one.button("Export labels").click()
    expect(one.status).to_contain_text("Wrote 1 corrected label to")
    expect(question).not_to_be_visible()


def test_cancel(asked, file):
    one, question = asked()
    expect(question).to_have_accessible_description("It was not exported from here or has changed since.")
    cancel = question.get_by_role("button", name="Cancel", exact=True)
    expect(cancel).to_be_focused()
    cancel.click()
    expect(question).not_to_be_visible()
    expect(one.button("Export labels")).to_be_focused()
    one.page.keyboard.press("x")
    expect(cancel).to_be_focused()
    one.page.keyboard.press("Escape")
    expect(question).not_to_be_visible()
    expect(one.button("Export labels")).to_be_focused()
    assert file.read_text() == THEIRS


@pytest.mark.parametrize("key", ["x", "r", "y", "Enter", "Space"])
def test_no_key_says_yes(asked, file, key):
    one, _ = asked()
    one.page.keyboard.press(key)
    one.page.wait_for_timeout(300)
    assert file.read_text() == THEIRS


def test_a_double_click_says_nothing(show, bench, file):
    bench.relabel([4])
    one = show(bench, export_path=str(file))
    one.button("Export labels").dblclick()
    expect(one.page.get_by_role("alertdialog")).to_be_visible()
    assert "Cancel" in focused(one.page)
    assert file.read_text() == THEIRS


def test_no_labels(show, bench, file):
    one = show(bench, export_path=str(file))
    one.button("Export labels").click()
    expect(one.status).to_have_class("rlw-status rlw-failed")
    expect(one.status).to_contain_text("No label is changed, so there is nothing to export.")
    assert file.read_text() == THEIRS


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_question_can_be_read(asked, theme):
    one, _ = asked(theme=theme)
    one.shot(f"replace-{theme}")
    found = Axe().run(one.page, context=".rlw-root").response
    assert found["violations"] == []

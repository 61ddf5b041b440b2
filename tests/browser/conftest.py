"""Chromium for these tests.

pytest-playwright's fixtures are not used: with pytest 9.2 the base_url fixture they stand on warns, and warnings are
errors here.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))  # what these tests share with those without a browser

import widget_harness

import relabel_widget as rw

PATIENCE = 15_000  # ms for what is expected and what is done: a slow machine is no failure
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, or the one named in RELABEL_CHROMIUM: playwright cannot download its own everywhere."""
    path = os.environ.get("RELABEL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "These tests need Chromium: apt-get install chromium, or set RELABEL_CHROMIUM to a Chrome or Chromium."
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=path)
        yield one
        one.close()


@pytest.fixture
def page(browser):
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def show(page, monkeypatch):
    """Puts a widget on the page; afterwards no error may have been thrown in it."""
    widget_harness.record_comms(monkeypatch)
    shown = []

    def put(workbench, *, theme="light", width=1200, **options):
        one = widget_harness.Shown(page, rw.RelabelWidget(workbench, **options), theme=theme, width=width)
        shown.append(one)
        return one

    yield put
    for one in shown:
        one.widget._jobs.join(30)
        one.widget.close()
        assert one.errors == []

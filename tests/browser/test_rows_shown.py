"""Rows as people know them, on the page: digits as images, patients as tables, and texts that say the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from boxes import box_of, expect_inside
from playwright.sync_api import expect
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from widget_harness import hotel_tables, text_pipeline

import relabel_widget as rw

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=alert(1)>"


def digits_workbench(**options):
    X, y = load_digits(return_X_y=True)
    few = np.isin(y, [3, 8, 9])
    X, y = X[few], y[few].astype(str)
    model = LogisticRegression(max_iter=500).fit(X[:200], y[:200])
    return rw.Workbench(model, X[:200], y[:200], X[200:260], y[200:260], **{"image_shape": (8, 8), **options})


def cancer_workbench():
    data = load_breast_cancer(as_frame=True)
    X, y = data.data, np.array(data.target_names)[data.target]
    clinics = np.random.default_rng(0).choice(["north", EVIL], len(X))
    meta = pd.DataFrame({"clinic": clinics, "year": 2000 + np.arange(len(X)) % 20})
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:300], y[:300])
    return rw.Workbench(model, X[:300], y[:300], X[300:], y[300:], meta=(meta[:300], meta[300:]))


def no_faults(page):
    results = Axe().run(page, context="#host")
    assert results.violations_count == 0, results.generate_report()


LOADED = "(images) => images.length > 0 && images.every((one) => one.complete && one.naturalWidth === 8)"


@pytest.mark.parametrize(("theme", "width"), [("light", 934), ("dark", 934), ("light", 480), ("light", 2200)])
def test_digits_are_images_in_lists_and_large_in_the_detail(show, theme, width):
    one = show(digits_workbench(), theme=theme, width=width + 16)
    page = one.page
    thumbs = one.tests.locator("img")
    expect(thumbs.first).to_be_visible()
    assert thumbs.evaluate_all(LOADED)
    for line in one.tests.locator(".rlw-test-row").all()[:3]:
        image = line.locator("img")
        expect_inside(line, image)
        assert box_of(image)["height"] >= 28
        box = box_of(image)
        words = line.locator("[role=gridcell]:not(:has(img))").evaluate_all(
            """(cells) => cells.map((one) => {
              const range = document.createRange();
              range.selectNodeContents(one);
              const {x, y, width, height} = range.getBoundingClientRect();
              return {x, y, width, height};
            })"""
        )
        for other in words:
            apart = other["x"] >= box["x"] + box["width"] or other["x"] + other["width"] <= box["x"]
            assert apart or other["y"] >= box["y"] + box["height"] or other["y"] + other["height"] <= box["y"] + 3
    one.pick(5)
    card, detail = page.locator(".rlw-query-card img"), page.locator(".rlw-detail img")
    expect(card).to_be_visible()
    expect_inside(page.locator(".rlw-query-card .rlw-query"), card)
    expect(detail).to_have_attribute("alt", "Image, 8 × 8 pixels")
    assert box_of(detail)["height"] >= 140
    line = one.ranking.locator(".rlw-train-row").first
    expect_inside(line, line.locator("img"))
    assert page.locator("img").evaluate_all(LOADED)
    no_faults(page)
    one.shot(f"rows-digits-{theme}-{width}")


@pytest.mark.parametrize(("theme", "width"), [("light", 934), ("dark", 934), ("light", 480)])
def test_a_table_says_what_differs_and_what_contributes(show, theme, width):
    bench = cancer_workbench()
    one = show(bench, theme=theme, width=width + 16)
    page = one.page
    one.pick(5)
    found = bench.train_content(int(bench.influential_rows(5, top=1)["row"].iloc[0]), 5)
    detail = page.locator(".rlw-detail-text table")
    expect(detail.locator("tr")).to_have_count(31)
    heads = detail.locator("tr").first.locator("th").all_inner_texts()
    assert heads == ["Name", "Value", "Test row", "Log-odds"]
    said = page.locator(".rlw-detail > .rlw-muted").first
    expect(said).to_have_text("Log-odds of “malignant”: coefficient × value.")
    first = detail.locator("tr").nth(1).locator("th, td").all_inner_texts()
    assert first[:3] == [found.cells[0].name, found.cells[0].value, found.cells[0].beside]
    overflow = "(node) => node.scrollWidth - node.clientWidth"
    assert page.locator(".rlw-detail-text").evaluate(overflow) <= 0
    assert page.locator(".rlw-query").first.evaluate(overflow) <= 0
    expect(page.locator(".rlw-query-card .rlw-meta")).to_contain_text("year: 2005")
    line = one.ranking.locator(".rlw-train-row .rlw-clamp").first
    expect(line).to_contain_text(f"{found.cells[0].name} {found.cells[0].value}")
    no_faults(page)
    one.shot(f"rows-table-{theme}-{width}")


def test_metadata_sort_and_keep_test_rows(show):
    bench = cancer_workbench()
    one = show(bench, width=950)
    page = one.page
    page.get_by_label("Sort by metadata").select_option("year ▾")
    expect(one.tests.locator(".rlw-test-row").first.locator("[role=gridcell]").first).to_have_text("19")
    page.get_by_label("Search test rows").fill("clinic=onerror")
    kept = int(bench.test_metadata.kept("clinic=onerror").sum())
    expect(page.get_by_text(f"{kept} of 269", exact=True)).to_be_visible()
    page.get_by_label("Search test rows").fill("year > 2017")
    kept = int(bench.test_metadata.kept("year > 2017").sum())
    expect(page.get_by_text(f"{kept} of 269", exact=True)).to_be_visible()


def test_one_decision_for_all_equal_texts(show):
    train, _ = hotel_tables()
    texts, labels = train["text"].tolist(), train["label"].to_numpy()
    other = next(label for label in set(labels) if label != labels[3])
    texts, labels = [*texts, texts[3].upper(), f"  {texts[3]}"], np.append(labels, [labels[3], other])
    n = len(train)
    bench = rw.Workbench(text_pipeline(texts, labels), texts, labels, [texts[3], texts[5]])
    one = show(bench, width=950)
    one.pick(0)
    one.ranking.locator(".rlw-train-row", has_text="row 3").first.click()
    said = one.page.locator(".rlw-same")
    expect(said).to_contain_text(f"Row {n + 1} is equal, and labelled “{other}”.")
    no_faults(one.page)
    one.shot("rows-equal")
    one.button(f"All 3 equal rows: {labels[3]}").click()
    one.wait_for(lambda: bench.n_events == 1)
    assert bench.labels()[[3, n, n + 1]].tolist() == [labels[3]] * 3
    assert bench.history()["rows"].iloc[0] == [3, n, n + 1]
    expect(said).not_to_contain_text("is equal, and labelled")
    one.button("Undo").click()
    expect(said).to_contain_text(f"Row {n + 1} is equal")


def test_what_a_render_returns_is_never_markup_and_its_errors_are_sentences(show):
    def render(row, _side, number):
        if number % 3 == 0:
            raise KeyError(EVIL)
        return {EVIL: row[0], "sum": row.sum()} if number % 3 == 1 else f"<b>{number}</b>{EVIL}"

    one = show(digits_workbench(image_shape=None, render=render), width=950)
    lines = one.tests.locator(".rlw-test-row .rlw-clamp")
    expect(lines.nth(0)).to_have_text(f"This row cannot be shown: KeyError: '{EVIL}'.")
    expect(lines.nth(1)).to_contain_text(f"{EVIL} 0")
    expect(lines.nth(2)).to_have_text(f"<b>2</b>{EVIL}")
    for row in (0, 1, 2):
        one.pick(row)
        expect(one.page.locator(".rlw-query-card .rlw-query")).to_contain_text(EVIL)
    one.button("Suspects").click()
    expect(one.page.locator(".rlw-suspect")).to_contain_text(EVIL)
    assert one.page.locator("img, b").count() == 0

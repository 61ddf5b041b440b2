"""Small histograms of the test rows: a brush filters the list, brushes combine, and each is removed again."""

from __future__ import annotations

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from boxes import box_of
from playwright.sync_api import expect
from widget_harness import hotel_workbench, topics_workbench

pytestmark = pytest.mark.browser


@pytest.fixture
def bench():
    return hotel_workbench()


def histogram(one, name):
    return one.page.get_by_role("group", name=name)


def unfolded(one):
    one.button("Histograms").click()
    expect(one.page.locator(".rlw-histogram")).to_have_count(4)


def drag(one, name, first, last):
    """Over a part of the width, between two bins."""
    box = box_of(histogram(one, name).locator(".rlw-plot"))
    y = box["y"] + box["height"] / 2
    one.page.mouse.move(box["x"] + box["width"] * first, y)
    one.page.mouse.down()
    one.page.mouse.move(box["x"] + box["width"] * last, y, steps=5)
    one.page.mouse.up()


def n_listed(one, n):
    expect(one.tests).to_have_attribute("aria-rowcount", str(n + 1))


def test_they_are_folded_first_and_the_list_keeps_its_room(show, bench):
    one = show(bench, width=950)
    expect(one.page.locator(".rlw-histograms")).to_be_hidden()
    assert box_of(one.tests)["height"] > 350
    unfolded(one)
    assert box_of(one.tests)["height"] > 200
    assert box_of(one.page.locator(".rlw-frame"))["height"] <= 620
    one.button("Histograms").click()
    assert box_of(one.tests)["height"] > 350


def test_a_drag_filters_the_list_and_the_other_histograms_show_what_is_left(show, bench):
    proba = bench.test_columns().proba
    one = show(bench)
    unfolded(one)
    drag(one, "Prob.", 0.31, 0.59)
    expected = np.flatnonzero((proba >= 0.3) & (proba < 0.6))
    n_listed(one, len(expected))
    for name in ("Prob. 0.30 to 0.60", "Margin", "Set size", "Predicted"):
        expect(histogram(one, f"{name}: {len(expected)} rows")).to_be_visible()
    first = one.tests.get_by_role("row").nth(1).get_by_role("gridcell").first
    expect(first).to_have_text(str(expected[0]))
    expect(one.page.get_by_text(f"{len(expected)} of {bench.n_test}")).to_be_visible()


def test_brushes_combine_and_each_is_removed_by_itself(show, bench):
    columns = bench.test_columns()
    one = show(bench)
    unfolded(one)
    drag(one, "Prob.", 0.31, 0.69)
    drag(one, "Predicted", 0.6, 0.9)
    near = (columns.proba >= 0.3) & (columns.proba < 0.7)
    n_listed(one, int((near & (columns.predicted == 1)).sum()))
    expect(one.button("Histograms (2)")).to_be_visible()
    one.button("Remove the brush on Prob.").click()
    n_listed(one, int((columns.predicted == 1).sum()))
    one.button("Remove the brush on Predicted").click()
    n_listed(one, bench.n_test)
    expect(one.button("Histograms")).to_be_visible()


def test_two_handles_move_by_the_arrow_keys_and_say_where_they_are(show, bench):
    proba = bench.test_columns().proba
    one = show(bench)
    unfolded(one)
    start = one.page.get_by_role("slider", name="Prob., from")
    start.focus()
    for _ in range(3):
        one.page.keyboard.press("ArrowRight")
    n = int(((proba >= 0.15) & (proba < 0.2)).sum())
    expect(start).to_have_attribute("aria-valuetext", f"0.15 to 0.20: {n} rows")
    end = one.page.get_by_role("slider", name="Prob., to")
    end.focus()
    one.page.keyboard.press("Home")
    n_listed(one, n)
    expect(start).to_have_attribute("aria-valuenow", "3")
    expect(end).to_have_attribute("aria-valuenow", "3")
    one.page.keyboard.press("End")
    start.focus()
    one.page.keyboard.press("Home")
    n_listed(one, bench.n_test)


def test_set_sizes_that_are_known_are_brushed(show, bench):
    one = show(bench)
    one.button("Pause: set sizes").click()
    for row in (3, 8, 16):
        bench.flip_set(row)
    sizes = bench.test_columns().flip_size
    unfolded(one)
    end = one.page.get_by_role("slider", name="Set size, from")
    end.focus()
    one.page.keyboard.press("ArrowRight")
    one.wait_for(lambda: "not searched" not in end.get_attribute("aria-valuetext"))
    n_listed(one, int((bench.test_columns().flip_size >= 0).sum()))
    assert (sizes >= 0).sum() >= 3


def test_more_classes_and_a_filter(show):
    bench = topics_workbench()
    columns = bench.test_columns()
    one = show(bench)
    unfolded(one)
    one.page.get_by_label("Filter test rows").select_option("misclassified")
    expect(histogram(one, f"Predicted: {int(columns.wrong.sum())} rows")).to_be_visible()
    one.page.get_by_label("Filter test rows").select_option("all")
    drag(one, "Predicted", 0.3, 0.45)
    n_listed(one, int((columns.predicted == 1).sum()))
    name = str(bench.classes[1])
    expect(histogram(one, f"Predicted {name}")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [480, 950, 1400])
def test_it_fits_and_axe_finds_nothing(show, bench, width, theme):
    one = show(bench, theme=theme, width=width)
    unfolded(one)
    drag(one, "Prob.", 0.31, 0.59)
    expect(histogram(one, "Prob. 0.30 to 0.60")).to_be_visible()
    small = one.page.locator(".rlw-histogram").evaluate_all(
        "(nodes) => nodes.flatMap((n) => [...n.querySelectorAll('span, button')])"
        ".filter((n) => n.textContent !== '' && parseFloat(getComputedStyle(n).fontSize) < 11).length"
    )
    assert small == 0
    found = Axe().run(one.page, context="#host")
    assert found.violations_count == 0, found.generate_report()
    one.shot(f"brushing-{width}-{theme}")

"""Several classes on the page: what is meant by a mark, a class that is not the suggested one, and the whole job."""

from __future__ import annotations

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from jupyter_harness import jupyter, write_notebook
from playwright.sync_api import expect
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from widget_harness import ARTIFACTS, TOPICS, hotel_tables, line_of, set_on_top, text_pipeline, topics, topics_workbench

import relabel_widget as rw

pytestmark = pytest.mark.browser

CLASSES = list(TOPICS)


def new_label(one, row):
    return one.page.get_by_role("combobox", name=f"New label of row {row}", exact=True)


class TestOnThePage:
    def test_the_chosen_row_says_what_it_would_be_instead(self, show):
        bench = topics_workbench()
        one = show(bench)
        expect(one.page.get_by_label("Threshold")).not_to_be_visible()
        one.pick(3)
        line = bench.test_rows().iloc[3]
        card = one.page.locator(".rlw-query-card")
        expect(card).to_contain_text(f"Predicted{line['predicted']}")
        expect(card).to_contain_text(f"{line['proba']:.3f} for “{line['predicted']}”")
        expect(card).to_contain_text(f"over the rival “{line['rival']}”")
        cells = line_of(one.tests, 3).get_by_role("gridcell")
        expect(cells.nth(3)).to_have_text(line["predicted"])
        expect(cells.nth(4)).to_have_text(f"{line['proba']:.3f}")

    def test_a_tick_takes_the_suggested_label_and_the_list_any_other(self, show):
        bench = topics_workbench()
        one = show(bench)
        one.pick(3)
        table = bench.influential_rows(3)
        first, second = (table.iloc[i] for i in (0, 1))
        expect(new_label(one, first["row"])).to_have_value(first["original"])
        one.box(first["row"]).check()
        expect(new_label(one, first["row"])).to_have_value(first["suggested"])
        expect(one.status).to_contain_text("1 label changed in all")
        other = next(name for name in CLASSES if name not in (second["original"], second["suggested"]))
        new_label(one, second["row"]).select_option(other)
        expect(one.box(second["row"])).to_be_checked()
        expect(one.status).to_contain_text("2 labels changed in all")
        labels = bench.labels()
        assert [labels[first["row"]], labels[second["row"]]] == [first["suggested"], other]
        new_label(one, second["row"]).select_option(second["original"])
        expect(one.box(second["row"])).not_to_be_checked()
        expect(one.status).to_contain_text("1 label changed in all")
        assert bench.relabelled == [first["row"]]

    def test_a_set_is_found_to_the_class_that_is_asked_for(self, show):
        bench = topics_workbench()
        one = show(bench)
        one.pick(3)
        line = bench.test_rows().iloc[3]
        target = next(name for name in CLASSES if name not in (line["predicted"], line["rival"]))
        picker = one.page.get_by_role("combobox", name="Flip to")
        expect(picker).to_have_value("")
        expect(picker.locator("option:checked")).to_have_text("any other class")
        expect(picker.get_by_role("option", name=line["predicted"], exact=True)).to_be_disabled()
        picker.select_option(target)
        one.button("Find flip set").click()
        expect(one.page.locator(".rlw-outcome").first).to_contain_text(f"flips the prediction to “{target}”")
        found = bench.known_flip_set(3)
        one.relabel_set(found.size)
        expect(one.status).to_contain_text(f"{found.size} labels changed in all")
        labels = bench.labels()
        assert [labels[row] for row in found.rows] == list(found.labels)
        one.button("Verify by retraining").click()
        effect = one.page.get_by_role("region", name="Effect")
        expect(effect).to_contain_text(f"this row flips to “{target}”")
        expect(line_of(one.tests, 3).get_by_role("gridcell").last).to_have_attribute("title", f"to {target}")

    def test_suspects_are_changed_by_the_name_or_the_number_of_a_class(self, show):
        bench = topics_workbench()
        first, second, third, fourth = (line for _, line in bench.next_to_check(4).iterrows())
        one = show(bench)
        one.button("Suspects").click()
        queue = one.page.locator(".rlw-queue-body")
        change = one.button(f"Relabel as {first['suggested']} (R)")
        expect(change).to_be_visible()
        one.page.keyboard.press("r")
        expect(queue).to_contain_text(f"Training row {second['row']}")
        other = next(name for name in CLASSES if name not in (second["label"], second["suggested"]))
        number = CLASSES.index(other) + 1
        expect(one.button(f"{number} {other}")).to_be_visible()
        one.page.keyboard.press(str(number))
        expect(queue).to_contain_text(f"Training row {third['row']}")
        one.page.keyboard.press(str(CLASSES.index(third["label"]) + 1))  # the label it has: kept
        expect(queue).to_contain_text(f"Training row {fourth['row']}")
        labels, said = bench.labels(), bench.decisions().set_index("row")["decision"]
        assert labels[first["row"]] == first["suggested"]
        assert labels[second["row"]] == other
        assert said[third["row"]] == "keep"
        results = Axe().run(one.page, context="#host")
        assert results.violations_count == 0, results.generate_report()

    @pytest.mark.parametrize("width", [480, 934, 1600])
    def test_axe_finds_nothing(self, show, width):
        one = show(topics_workbench(), width=width)
        one.pick(3)
        expect(one.ranking.get_by_role("checkbox").first).to_be_visible()
        one.button("Find flip set").click()
        expect(one.status).to_contain_text("Found")
        one.button("Try this set").click()
        expect(one.page.locator(".rlw-tried.rlw-train-row").first).to_be_attached()
        one.shot(f"classes-{width}")
        results = Axe().run(one.page, context="#host")
        assert results.violations_count == 0, results.generate_report()


def test_naive_bayes_of_two_classes(show, tmp_path):
    train, test = hotel_tables()
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(train["text"], train["label"])
    bench = rw.Workbench(model, train["text"], train["label"], test["text"], test["label"])
    one = show(bench, export_path=str(tmp_path / "fixed.csv"))
    one.pick(3)
    one.button("Find flip set").click()
    expect(one.status).to_contain_text("Found")
    found = bench.known_flip_set(3)
    one.relabel_set(found.size)
    one.button("Verify by retraining").click()
    expect(one.page.get_by_role("region", name="Effect")).to_contain_text("this row flips to")
    one.button("Export labels").click()
    expect(one.status).to_contain_text("Wrote ")
    assert pd.read_csv(tmp_path / "fixed.csv")["row"].tolist() == sorted(found.rows.tolist())


SETUP = """
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
import relabel_widget as rw

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
model = make_pipeline(CountVectorizer(), LogisticRegression(C=1, max_iter=2000)).fit(train["text"], train["label"])
bench = rw.Workbench(model, train["text"], train["label"], test["text"], test["label"])
rw.RelabelWidget(bench)
"""


@pytest.mark.jupyter
def test_a_corpus_of_four_classes_is_corrected_in_jupyterlab(tmp_path, page):
    """One row gets a class that is not the suggested one; what is exported is read back and refitted."""
    (texts, labels), (test, truth) = topics(300), topics(60, seed=1, wrong=0.0)
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame({"text": test, "label": truth}).to_csv(tmp_path / "test.csv", index=False)
    write_notebook(tmp_path / "job.ipynb", SETUP)
    page.set_viewport_size({"width": 1366, "height": 768})
    with jupyter("lab", tmp_path) as open_notebook:
        open_notebook(page, "job.ipynb")
        region = page.get_by_role("region", name="Relabel workbench")
        status = region.get_by_role("status")
        expect(region).to_be_visible(timeout=60_000)
        line_of(region.get_by_role("grid", name="Test rows"), 3).click()
        region.get_by_role("button", name="Find flip set").click()
        expect(status).to_contain_text("Found: a refit", timeout=60_000)
        size = int(status.text_content().split("The set has ")[1].split()[0])
        boxes = set_on_top(region, size)
        rows = [int(boxes.nth(i).get_attribute("aria-label").split()[-1]) for i in range(size + 1)]
        for i in range(size):
            boxes.nth(i).check()
        expect(status).to_contain_text("changed in all")
        before = text_pipeline(texts, labels)
        ranked = rw.Workbench(before, texts, labels, test, truth).influential_rows(3, set_first=False)
        line = ranked.set_index("row").loc[rows[-1]]
        other = next(name for name in CLASSES if name not in (line["original"], line["suggested"]))
        region.get_by_role("combobox", name=f"New label of row {rows[-1]}", exact=True).select_option(other)
        expect(status).to_contain_text(f"{size + 1} labels changed in all")
        region.get_by_role("button", name="Verify by retraining").click()
        expect(status).to_contain_text("Retrained with", timeout=60_000)
        page.screenshot(path=ARTIFACTS / "lab-four-classes.png")
        region.get_by_role("button", name="Export labels").click()
        expect(status).to_contain_text(f"Wrote {size + 1} corrected labels")
    written = rw.read_labels(tmp_path / "corrected_labels.csv").set_index("row")
    assert sorted(written.index) == sorted(rows)
    assert written.loc[rows[-1], "corrected"] == other
    fixed = list(labels)
    for row, new in written["corrected"].items():
        assert written.loc[row, "original"] == labels[row]
        fixed[row] = new
    assert text_pipeline(texts, fixed).predict([test[3]])[0] != before.predict([test[3]])[0]

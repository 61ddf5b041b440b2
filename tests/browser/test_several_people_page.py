"""Several people on one store, as one of them sees it: conflicts, what did not carry over, and whose undo it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from boxes import box_of
from jupyter_harness import foreign, jupyter, write_notebook
from playwright.sync_api import expect
from test_page import EVIL
from widget_harness import ARTIFACTS, ROOT, hotel_tables, hotel_workbench, line_of, text_pipeline

import relabel_widget as rw

pytestmark = pytest.mark.browser

OTHER = {"complaint": "praise", "praise": "complaint"}
RIGHT_TO_LEFT = "דנה"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store.sqlite"


@pytest.fixture
def join(store):
    """A workbench of one of several people."""
    made = []

    def joined(annotator):
        made.append(hotel_workbench(store=store, annotator=annotator))
        return made[-1]

    yield joined
    for one in made:
        one.close()


def differ(*benches, row):
    """The first one relabels a row, and all others keep it."""
    first, *others = benches
    first.refresh()
    first.relabel(row, note="sarcasm")
    for one in others:
        one.refresh()
        one.keep(row, note=EVIL)


def matter(page, place=0):
    return page.get_by_role("list", name="To be decided").locator("> li").nth(place)


class TestConflicts:
    def test_of_one_annotator_nothing_is_shown(self, show):
        bench = hotel_workbench(annotator="ada")
        one = show(bench)
        bench.relabel(3)
        bench.keep(3)
        expect(one.button("Undo")).to_have_attribute("title", "Takes back event 2: keep row 3, by ada")
        for words in ("conflict", "carry over"):
            expect(one.page.get_by_role("button", name=words)).to_have_count(0)
        assert one.page.locator(".rlw-title").inner_text().splitlines()[0] == "Relabel workbench"

    @pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 934), ("light", 480)])
    def test_who_says_what_and_why_and_what_each_label_does(self, show, join, theme, width):
        ada, bo, eve = join("ada"), join(RIGHT_TO_LEFT), join("eve")
        for row in (3, 7):
            differ(ada, bo, row=row)
        differ(ada, bo, eve, row=12)
        one = show(eve, theme=theme, width=width)
        page = one.page
        one.pick(3)
        before = box_of(page.get_by_role("heading", name="Test row 3"))
        page.get_by_role("button", name="3 conflicts").click()
        first = matter(page)
        label = str(eve.labels()[3])
        expect(first).to_contain_text(f"Training row 3 · {eve.ids[3]} · originally “{label}”")
        expect(first).to_contain_text(eve.train_text(3))
        for words in ("ada", RIGHT_TO_LEFT, "sarcasm", EVIL, f"Relabelled: “{OTHER[label]}”", f"Kept: “{label}”"):
            expect(first).to_contain_text(words)
        expect(first.get_by_role("button", name=f"Take “{OTHER[label]}” (1)")).to_be_visible()
        effect = eve.forecast(3, [3], label)
        expect(first).to_contain_text(f"probability of “praise” about {effect.proba:.3f}")
        kept = str(eve.labels()[12])
        expect(matter(page, 2).get_by_role("button", name=f"Take the majority: “{kept}”")).to_be_visible()
        assert page.evaluate("window.hacked") is None
        assert Axe().run(page, context="#host").response["violations"] == []
        one.shot(f"conflicts-{theme}-{width}")
        page.keyboard.press("Escape")
        assert box_of(page.get_by_role("heading", name="Test row 3")) == before

    def test_keys_settle_one_after_the_other_and_undo_brings_the_last_one_back(self, show, join):
        ada, bo = join("ada"), join("bo")
        for row in (3, 7, 12):
            differ(ada, bo, row=row)
        one = show(ada)
        page = one.page
        one.tests.click(position={"x": 5, "y": 5})
        page.keyboard.press("o")
        expect(matter(page)).to_contain_text("Training row 3 ")
        page.keyboard.press("j")
        expect(matter(page)).to_contain_text("Training row 7 ")
        page.keyboard.press("n")
        page.keyboard.type("talked about it")
        page.keyboard.press("Enter")
        page.keyboard.press("1")
        expect(matter(page)).to_contain_text("Training row 12 ")
        page.keyboard.press("2")
        expect(matter(page)).to_contain_text("Training row 3 ")
        expect(page.get_by_role("button", name="1 conflict")).to_be_visible()
        assert 7 in ada.relabelled
        assert 12 not in ada.relabelled
        assert ada.history(2)["note"].tolist() == ["talked about it", ""]
        page.keyboard.press("u")
        expect(one.status).to_contain_text("adjudicate row 12, by ada")
        expect(matter(page)).to_contain_text("Training row 12 ")
        page.keyboard.press("1")
        page.keyboard.press("1")
        expect(page.get_by_text("No conflicts: nobody decided")).to_be_visible()
        expect(page.get_by_role("button", name="conflict")).to_have_count(0)
        assert ada.n_conflicts == 0

    def test_what_another_settles_goes_and_what_is_new_does_not_come_first(self, show, join):
        ada, bo = join("ada"), join("bo")
        differ(ada, bo, row=7)
        one = show(ada)
        page = one.page
        page.get_by_role("button", name="1 conflict").click()
        expect(matter(page)).to_contain_text("Training row 7 ")
        differ(ada, bo, row=3)
        expect(page.get_by_role("button", name="2 conflicts")).to_be_visible()
        expect(matter(page, 1)).to_contain_text("Training row 3 ")
        expect(matter(page)).to_contain_text("Training row 7 ")
        bo.adjudicate(7, bo.labels()[7])
        expect(matter(page)).to_contain_text("Training row 3 ")
        expect(matter(page, 1)).to_have_count(0)

    def test_what_is_refused_comes_back(self, show, join, monkeypatch):
        ada, bo = join("ada"), join("bo")
        for row in (3, 7):
            differ(ada, bo, row=row)
        one = show(ada)
        page = one.page

        def refuses(*_, **__):
            raise ValueError("adjudicate: not today.")

        monkeypatch.setattr(rw.Workbench, "adjudicate", refuses)
        page.get_by_role("button", name="2 conflicts").click()
        matter(page).get_by_role("button").nth(0).click()
        expect(one.status).to_have_text("Not today.")
        expect(matter(page)).to_contain_text("Training row 3 ")
        expect(matter(page, 1)).to_contain_text("Training row 7 ")


class TestUndo:
    def test_says_whose_and_what_and_leaves_others_alone(self, show, join):
        ada, bo = join("ada"), join("bo")
        ada.relabel(3)
        one = show(bo)
        expect(one.button("Undo")).to_have_attribute("title", "Nothing to undo")
        one.pick(3)
        bo.refresh()
        bo.relabel([4, 5])
        expect(one.button("Undo")).to_have_attribute("title", "Takes back event 2: relabel 2 rows, by bo")
        one.button("Undo").click()
        expect(one.status).to_contain_text("Undone: decision on 2 training rows (event 2: relabel 2 rows, by bo)")
        expect(one.button("Redo")).to_have_attribute("title", "Brings back event 2: relabel 2 rows, by bo")
        expect(one.button("Undo")).to_be_disabled()
        assert bo.relabelled == [3]
        one.page.get_by_role("button", name="History").click()
        history = one.page.get_by_role("list", name="Decisions, newest first")
        expect(history.locator("li").first).to_contain_text("Undid event 2, the decision on 2 rows")
        expect(history.locator("li").nth(2)).to_contain_text("ada")


class TestCarriedOver:
    @pytest.fixture
    def again(self, store):
        """The store of other data: row 3 reads otherwise, 5 has the other label, 7 is gone, 9 is corrected."""
        with hotel_workbench(store=store, annotator="ada") as bench:
            for row in (3, 5, 7, 9):
                bench.relabel(row, note=f"about {row}")
            bench.keep(5)
        train, test = hotel_tables()
        texts, labels = train["text"].to_numpy(dtype=object), train["label"].to_numpy(dtype=object)
        texts[3] = EVIL
        labels[5], labels[9] = OTHER[labels[5]], OTHER[labels[9]]
        left = np.arange(len(texts)) != 7
        model = text_pipeline(texts[left].tolist(), labels[left])
        with rw.Workbench(
            model,
            texts[left].tolist(),
            labels[left],
            test["text"].tolist(),
            ids=train["id"].to_numpy(dtype=object)[left],
            annotator="ada",
            store=store,
        ) as bench:
            yield bench

    @pytest.mark.parametrize(("theme", "width"), [("dark", 1400), ("light", 934), ("dark", 480)])
    def test_each_is_listed_with_why_and_with_what_can_be_done(self, show, again, theme, width):
        one = show(again, theme=theme, width=width)
        page = one.page
        one.shot(f"carried-header-{theme}-{width}")
        page.get_by_role("button", name="3 decisions did not carry over").click()
        expect(page.get_by_role("heading", name="Not carried over")).to_be_visible()
        expect(page.get_by_role("list", name="To be decided").locator("> li")).to_have_count(4)
        first = matter(page)
        expect(first).to_contain_text(f"The row with id '{again.ids[3]}' has another content now.")
        expect(first).to_contain_text(EVIL)
        expect(first).to_contain_text("about 3")
        expect(matter(page, 2)).to_contain_text("No row has the id")
        expect(matter(page, 2).get_by_role("button")).to_have_count(0)
        expect(matter(page, 3)).to_contain_text("already corrected")
        assert page.evaluate("window.hacked") is None
        assert Axe().run(page, context="#host").response["violations"] == []
        one.shot(f"carried-{theme}-{width}")

    def test_the_same_is_decided_by_a_button_and_the_note_comes_along(self, show, again):
        one = show(again)
        page = one.page
        page.get_by_role("button", name="carry over").click()
        new = OTHER[str(again.labels()[3])]
        matter(page).get_by_role("button", name=f"Relabel row 3: “{new}” (1)").click()
        expect(page.get_by_role("list", name="To be decided").locator("> li")).to_have_count(3)
        one.wait_for(lambda: again.relabelled == [3])
        assert again.corrected_labels()["note"].tolist() == ["about 3"]
        page.keyboard.press("2")
        expect(page.get_by_role("button", name="1 decision did not carry over")).to_be_visible()
        assert again.decisions().set_index("row").loc[5, "decision"] == "keep"


NOTEBOOK = """
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
import relabel_widget as rw

table = pd.read_csv({path!r})
train, test = table[table["split"] == "train"], table[table["split"] == "test"]
model = make_pipeline(CountVectorizer(), LogisticRegression(C=1, max_iter=2000)).fit(train["text"], train["label"])
bench = rw.Workbench(model, train["text"], train["label"], test["text"], test["label"], ids=train["id"],
                     annotator={who!r}, store={store!r})
"""


@pytest.mark.jupyter
def test_two_pages_in_two_browsers_on_two_kernels(tmp_path, browser, store):
    """Marked in one, seen in the other; a conflict is raised, adjudicated in one, gone in the other, and exported."""
    path = str(ROOT / "examples" / "data" / "hotel_reviews.csv")
    for who in ("ada", "bo"):
        cell = NOTEBOOK.format(path=path, who=who, store=str(store))
        write_notebook(tmp_path / f"{who}.ipynb", cell, "widget = rw.RelabelWidget(bench)\nwidget")
    pages, asked = {}, []
    with jupyter("lab", tmp_path) as open_notebook:
        for who in ("ada", "bo"):
            context = browser.new_context(viewport={"width": 1400, "height": 1000})
            pages[who] = context.new_page()
            asked += open_notebook(pages[who], f"{who}.ipynb")
        ada, bo = (page.get_by_role("region", name="Relabel workbench") for page in pages.values())
        for one in (ada, bo):
            expect(one).to_be_visible(timeout=60_000)
            line_of(one.get_by_role("grid", name="Test rows"), 3).click()
            expect(one.get_by_role("status")).to_contain_text("Test row 3 is predicted", timeout=30_000)

        def box(one, row):
            return one.get_by_role("checkbox", name=f"Relabel row {row}", exact=True)

        first = ada.get_by_role("grid", name="Influential training rows").get_by_role("checkbox").first
        row = int(first.get_attribute("aria-label").removeprefix("Relabel row "))
        expect(box(bo, row)).to_be_visible()
        box(ada, row).check()
        expect(ada.get_by_role("status")).to_contain_text("Relabelled")
        expect(box(bo, row)).to_be_checked(timeout=2_000)
        expect(bo.get_by_role("button", name="Undo")).to_be_disabled()

        box(bo, row).uncheck()
        expect(bo.get_by_role("button", name="1 conflict")).to_be_visible()
        expect(ada.get_by_role("button", name="1 conflict")).to_be_visible(timeout=2_000)
        expect(box(ada, row)).not_to_be_checked()
        ada.get_by_role("button", name="1 conflict").click()
        conflict = ada.get_by_role("list", name="To be decided").locator("> li")
        expect(conflict).to_contain_text(f"Training row {row} ")
        for words in ("ada", "bo", "Relabelled", "Test row 3"):
            expect(conflict).to_contain_text(words)
        ARTIFACTS.mkdir(exist_ok=True)
        pages["ada"].screenshot(path=ARTIFACTS / "lab-conflict.png")
        new = conflict.get_by_role("button").nth(0).text_content().split("“")[1].split("”")[0]
        conflict.get_by_role("button", name=f"Take “{new}” (1)").click()
        expect(ada.get_by_text("No conflicts: nobody decided")).to_be_visible()
        expect(bo.get_by_role("button", name="1 conflict")).to_have_count(0, timeout=2_000)
        expect(box(bo, row)).to_be_checked()

        bo.get_by_role("button", name="Export labels").click()
        expect(bo.get_by_role("status")).to_contain_text("Wrote 1 corrected label")
        expect(bo.get_by_role("status")).to_contain_text("as of event 3.")
        for page in pages.values():
            page.context.close()
    written = pd.read_csv(tmp_path / "corrected_labels.csv")
    assert written[["row", "corrected", "annotator"]].to_numpy().tolist() == [[row, new, "ada"]]
    assert foreign(asked) == []

"""The queue as a mode: everything in one place, all suspects, reasons that no key waits for, many decided at once."""

from __future__ import annotations

import re
import threading
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from boxes import box_of, expect_inside
from playwright.sync_api import expect
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from widget_harness import hotel_tables, hotel_workbench, small_workbench, topics_workbench

import relabel_widget as rw
from relabel_widget.journal import JournalError

pytestmark = pytest.mark.browser

ESSAY = "Nobody reads this to its end, but the clerk must decide it all the same. " * 70
HEBREW = ("תלונה על הכול", "שבח")
SCROLLED = """(text) => [...document.querySelectorAll('.rlw-root, .rlw-root *')].concat(document.documentElement)
  .filter((node) => node !== text && node.scrollTop > 0).map((node) => node.className)"""
CUT = """(body) => [...body.querySelectorAll('button, input, .rlw-queue-facts')]
  .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
  .map((node) => node.textContent)"""


def body_of(one):
    return one.page.locator(".rlw-queue-body")


def front(one, row):
    """Wait until a training row is in front."""
    expect(body_of(one).locator("p").first).to_have_text(f"Training row {row}")


def list_of(one):
    return one.page.get_by_role("grid", name="Suspect labels")


def opened(show, bench, **options):
    """The page with the queue open, and the rows in their order."""
    rows = (bench.next_to_check() if bench.y_test is not None else bench.suspects())["row"].tolist()
    one = show(bench, **options)
    one.button("Suspects").click()
    front(one, rows[0])
    return one, rows


def plain_hotel(**options):
    """The hotel reviews with row numbers for ids."""
    train, test = hotel_tables()
    texts, labels = train["text"].tolist(), train["label"].to_numpy()
    model = hotel_workbench().estimator
    return rw.Workbench(model, texts, labels, test["text"].tolist(), test["label"].to_numpy(), **options)


def decisions(bench):
    return bench.decisions().set_index("row")["decision"].to_dict()


class TestOnePlace:
    @pytest.mark.parametrize("width", [480, 934, 1400])
    @pytest.mark.parametrize("kind", ["essay", "classes", "right to left"])
    def test_text_reasons_and_buttons_without_scrolling(self, show, width, kind):
        bench = {
            "essay": lambda: small_workbench(train_text=[f"{row} {ESSAY}" for row in range(60)]),
            "classes": topics_workbench,
            "right to left": lambda: small_workbench(
                labels=HEBREW, train_text=[f"הדירה הייתה נקייה {row} ❤️🏨👍🏽 and some English" for row in range(60)]
            ),
        }[kind]()
        one, rows = opened(show, bench, width=width, theme="dark" if width == 934 else "light")
        reason = one.page.get_by_text("Corrected alone and retrained")
        expect(reason).to_be_visible()
        frame, body = one.page.locator(".rlw-frame"), body_of(one)
        text = body.locator("blockquote")
        tall = [reason, text, *body.get_by_role("button").all(), one.page.get_by_label("Note on this row")]
        expect_inside(frame, *tall)
        assert box_of(frame)["height"] == 620
        assert box_of(text)["height"] >= 20
        assert body.evaluate(CUT) == []
        one.page.keyboard.press("PageDown")
        assert (text.evaluate("(node) => node.scrollTop") > 0) == (kind == "essay")
        assert text.evaluate(SCROLLED) == []
        one.shot(f"queue-{kind}-{width}")
        results = Axe().run(one.page, context="#host")
        assert results.violations_count == 0, results.generate_report()
        one.page.keyboard.press("j")
        front(one, rows[1])
        assert text.evaluate("(node) => node.scrollTop") == 0

    def test_buttons_stay_where_they_are_from_text_to_text(self, show):
        texts = [f"{row} " + "word " * (1 if row % 2 else 900) for row in range(60)]
        one, rows = opened(show, small_workbench(train_text=texts))
        keep = one.page.get_by_role("button", name="(K)")
        places = []
        for row in rows[:6]:
            front(one, row)
            places.append(box_of(keep)["y"])
            one.page.keyboard.press("j")
        assert len({row % 2 for row in rows[:6]}) == 2
        assert len(set(places)) == 1

    def test_names_of_classes_are_isolated_and_buttons_say_what_they_do(self, show):
        bench = small_workbench(labels=HEBREW)
        one, rows = opened(show, bench)
        label = str(bench.fit.y[rows[0]])
        other = next(name for name in HEBREW if name != label)
        expect(one.button(f"Relabel as \u2068{other}\u2069 (R)")).to_be_visible()
        expect(one.button(f"Keep \u2068{label}\u2069 (K)")).to_be_visible()


class TestKeys:
    def test_sixty_decisions_typed_ahead_are_about_sixty_rows(self, show):
        """K after R was about the same row: the mark of R let the next key through."""
        bench = plain_hotel()
        one, _ = opened(show, bench, width=934)
        expect(one.page.get_by_text("Corrected alone and retrained")).to_be_visible()
        start = time.monotonic()
        for number in range(60):
            one.page.keyboard.press("rk"[number % 2])
        one.wait_for(lambda: len(bench.decisions()) == 60)
        print(f"60 decisions in {time.monotonic() - start:.1f} s")
        history = bench.history()
        assert history["kind"].tolist() == ["relabel", "keep"] * 30
        assert len({row for rows in history["rows"] for row in rows}) == 60
        assert list(decisions(bench).values()).count("relabel") == 30

    def test_no_key_waits_for_reasons(self, show, monkeypatch):
        go_on, known = threading.Event(), rw.Workbench.reasons
        monkeypatch.setattr(rw.Workbench, "reasons", lambda *a, **k: go_on.wait(20) and known(*a, **k))
        bench = plain_hotel()
        one, rows = opened(show, bench)
        expect(one.page.get_by_text("Looking for reasons…")).to_be_visible()
        for key in "krsk":
            one.page.keyboard.press(key)
        front(one, rows[4])
        assert len(bench.decisions()) == 4
        expect(one.page.get_by_text("Looking for reasons…")).to_be_visible()
        go_on.set()
        expect(one.page.get_by_text("Corrected alone and retrained")).to_be_visible()

    def test_reasons_of_the_next_row_are_there_before_it_is_in_front(self, show, monkeypatch):
        asked, known = [], rw.Workbench.reasons
        monkeypatch.setattr(rw.Workbench, "reasons", lambda *a, **k: asked.append(a[1]) or known(*a, **k))
        one, rows = opened(show, plain_hotel())
        one.wait_for(lambda: len(asked) == 2)
        assert asked == rows[:2]
        one.page.wait_for_timeout(500)  # until the answer has come
        one.page.keyboard.press("j")
        assert one.page.get_by_text("Corrected alone and retrained").is_visible()
        one.wait_for(lambda: len(asked) == 3)
        assert asked == rows[:3]

    def test_keys_pressed_while_it_ranks_are_kept(self, show, monkeypatch):
        go_on, rank = threading.Event(), rw.Workbench.next_to_check
        bench = plain_hotel()
        rows = bench.next_to_check(4)["row"].tolist()
        monkeypatch.setattr(rw.Workbench, "next_to_check", lambda *a, **k: go_on.wait(20) and rank(*a, **k))
        one = show(bench)
        one.button("Suspects").click()
        expect(one.page.locator(".rlw-queue .rlw-empty:visible").last).to_have_text("Ranking…")
        for key in "krj":
            one.page.keyboard.press(key)
        go_on.set()
        front(one, rows[3])
        assert decisions(bench) == {rows[0]: "keep", rows[1]: "relabel"}

    def test_a_queue_closed_while_it_ranks_holds_no_key_back(self, show, monkeypatch):
        go_on, rank = threading.Event(), rw.Workbench.next_to_check
        monkeypatch.setattr(rw.Workbench, "next_to_check", lambda *a, **k: go_on.wait(20) and rank(*a, **k))
        one = show(plain_hotel())
        one.button("Suspects").click()
        expect(one.page.locator(".rlw-queue .rlw-empty:visible").last).to_have_text("Ranking…")
        one.button("Close").click()
        one.page.keyboard.press("h")
        expect(one.page.get_by_text("No decisions yet.")).to_be_visible()
        go_on.set()

    def test_what_could_not_be_ranked_is_said(self, show, monkeypatch):
        def fail(*_, **__):
            raise ArithmeticError("next_to_check: conjugate gradients did not converge.")

        monkeypatch.setattr(rw.Workbench, "next_to_check", fail)
        one = show(plain_hotel())
        one.button("Suspects").click()
        expect(one.page.locator(".rlw-queue .rlw-empty:visible").last).to_contain_text("gradients did not converge")
        monkeypatch.undo()
        one.button("Look again").click()
        expect(body_of(one)).to_be_visible()

    @pytest.mark.parametrize("key", ["u", "Control+z"])
    def test_undo_brings_it_back_and_then_it_goes_on(self, show, key):
        bench = plain_hotel()
        one, rows = opened(show, bench)
        for name in ("k", "r", key):
            one.page.keyboard.press(name)
        one.wait_for(lambda: len(bench.history()) == 3)
        front(one, rows[1])
        assert decisions(bench) == {rows[0]: "keep"}
        one.page.keyboard.press("s")
        front(one, rows[2])
        one.page.keyboard.press("b")
        one.page.keyboard.press("b")
        front(one, rows[0])
        one.page.keyboard.press("r")
        front(one, rows[2])
        assert decisions(bench) == {rows[0]: "relabel", rows[1]: "unsure"}


class TestTheList:
    def test_all_of_them_in_either_order(self, show):
        bench = plain_hotel()
        one, _ = opened(show, bench)
        expect(one.page.get_by_text("440 labels", exact=True)).to_be_visible()
        expect(list_of(one)).to_have_attribute("aria-rowcount", "441")
        one.page.get_by_label("Order").select_option("Most suspect first")
        by_suspicion = bench.suspects()["row"].tolist()
        front(one, by_suspicion[0])
        lines = list_of(one).locator("[data-index]")
        lines.first.focus()
        one.page.keyboard.press("End")
        expect(list_of(one).locator("[data-index='439']")).to_contain_text(bench.train_text(by_suspicion[-1])[:40])
        one.page.keyboard.press("Enter")
        front(one, by_suspicion[-1])

    def test_search_and_filter_choose_what_comes(self, show):
        bench = plain_hotel()
        one, rows = opened(show, bench)
        table = bench.next_to_check().set_index("row")
        one.page.get_by_label("Filter suspect labels").select_option("Labelled “praise”")
        wanted = [row for row in rows if table["label"][row] == "praise"]
        front(one, wanted[0])
        expect(one.page.get_by_text(f"{len(wanted)} labels", exact=True)).to_be_visible()
        one.page.keyboard.press("/")
        one.page.keyboard.type("breakfast")
        wanted = [row for row in wanted if "breakfast" in bench.train_text(row).lower()]
        front(one, wanted[0])
        one.page.get_by_label("Filter suspect labels").select_option("Suggested “praise”")
        wanted = [row for row in rows if table["suggested"][row] == "praise"]
        wanted = [row for row in wanted if "breakfast" in bench.train_text(row).lower()]
        front(one, wanted[0])
        one.page.get_by_label("Search suspect labels").fill("nobody wrote this")
        expect(one.page.get_by_text("No suspects match.")).to_be_visible()
        expect(body_of(one)).to_be_hidden()
        one.page.get_by_label("Search suspect labels").fill("")
        expect(body_of(one)).to_be_visible()

    def test_the_list_and_the_front_say_what_was_decided(self, show):
        """A kept label and a changed one were both struck through, above "praise → complaint"."""
        bench = plain_hotel()
        one, rows = opened(show, bench)
        for key in "krs":
            one.page.keyboard.press(key)
        front(one, rows[3])
        for place, words in enumerate(["unchanged", "changed", "unchanged", "%"]):
            expect(list_of(one).locator(f"[data-index='{place}'] .rlw-num")).to_have_text(
                re.compile(f"(^|[0-9]){words}$")
            )
        facts = body_of(one).locator(".rlw-queue-facts")
        expect(facts).to_have_text(re.compile("^Labelled"))
        list_of(one).locator("[data-index='1']").click()
        expect(facts).to_have_text(re.compile("^Decided: changed. Labelled"))
        one.page.keyboard.press("k")
        front(one, rows[3])
        expect(list_of(one).locator("[data-index='1'] .rlw-num")).to_have_text("unchanged")

    def test_one_is_looked_at_and_the_other_comes_back_after_it(self, show):
        bench = plain_hotel()
        one, rows = opened(show, bench)
        line = list_of(one).locator("[data-index='4']")
        line.click()
        front(one, rows[4])
        expect(line).to_have_class("rlw-row rlw-suspect-row rlw-picked")
        one.page.keyboard.press("k")
        front(one, rows[0])
        for key in "jjjj":
            one.page.keyboard.press(key)
        front(one, rows[5])
        assert decisions(bench) == {rows[4]: "keep"}

    def test_many_are_chosen_and_decided_once(self, show):
        bench = plain_hotel()
        one, rows = opened(show, bench)
        lines = list_of(one)
        lines.locator("[data-index='1']").click(modifiers=["Control"])
        lines.locator("[data-index='3']").click(modifiers=["Shift"])
        one.page.keyboard.press("ArrowDown")
        one.page.keyboard.press("ArrowDown")
        one.page.keyboard.press("Space")
        one.page.keyboard.press("Home")
        one.page.keyboard.press("Shift+ArrowDown")
        one.page.keyboard.press("Home")
        one.page.keyboard.press("Space")
        chosen = [rows[i] for i in (1, 2, 3, 5)]
        expect(body_of(one).locator("p").first).to_have_text("4 labels chosen")
        for row in chosen:
            expect(body_of(one).locator("blockquote")).to_contain_text(bench.train_text(row))
        one.button("Relabel 4 as suggested (R)").click()
        expect(body_of(one).locator("p").first).to_have_text(f"Training row {rows[0]}")
        one.wait_for(lambda: decisions(bench) == dict.fromkeys(chosen, "relabel"))
        assert len(bench.history()) == 1
        assert bench.labels()[chosen].tolist() == bench.suggested_labels(chosen).tolist()
        one.page.keyboard.press("u")
        expect(body_of(one).locator("p").first).to_have_text("4 labels chosen")
        one.page.keyboard.press("k")
        one.wait_for(lambda: decisions(bench) == dict.fromkeys(chosen, "keep"))
        front(one, rows[0])

    def test_one_class_for_many_of_several(self, show):
        bench = topics_workbench()
        one, rows = opened(show, bench)
        labels = bench.fit.y
        for index in range(4):
            list_of(one).locator(f"[data-index='{index}']").click(modifiers=["Control"])
        one.page.keyboard.press("2")
        others = [row for row in rows[:4] if labels[row] != "science"]
        one.wait_for(lambda: decisions(bench) == dict.fromkeys(others, "relabel"))
        assert set(bench.labels()[others]) == {"science"}

    def test_what_was_not_written_stays_chosen_and_says_so(self, show, monkeypatch):
        bench = plain_hotel()
        one, _ = opened(show, bench)
        typed = threading.Event()

        def refuse(*_, **__):
            typed.wait(20)  # refused before that, the second key would be one about what is seen
            raise JournalError("keep: the store is full.")

        monkeypatch.setattr(rw.Workbench, "keep", refuse)
        for index in (1, 2):
            list_of(one).locator(f"[data-index='{index}']").click(modifiers=["Control"])
        one.page.keyboard.press("k")
        one.page.keyboard.press("r")
        typed.set()
        expect(body_of(one)).to_contain_text("Not recorded.")
        expect(body_of(one)).to_contain_text("Keys pressed since were ignored: r.")
        expect(body_of(one).locator("p").first).to_have_text("2 labels chosen")
        assert decisions(bench) == {}

    def test_in_a_narrow_frame_it_comes_when_it_is_used(self, show):
        bench = plain_hotel()
        one, rows = opened(show, bench, width=480)
        expect(list_of(one)).to_be_hidden()
        one.page.keyboard.press("/")
        expect(list_of(one)).to_be_visible()
        list_of(one).locator("[data-index='1']").click()
        front(one, rows[1])
        expect(list_of(one)).to_be_hidden()
        expect(body_of(one).locator("blockquote")).to_be_visible()


class TestProgress:
    def test_the_others_are_ranked_anew_after_a_batch_and_what_is_in_front_stays(self, show):
        bench = plain_hotel()
        one, _ = opened(show, bench)
        for number in range(20):
            one.page.keyboard.press("rk"[number % 2])
        one.wait_for(lambda: len(bench.decisions()) == 20)
        expect(one.page.get_by_text("420 labels", exact=True)).to_be_visible()
        stays = body_of(one).locator("p").first.text_content()
        ranked = bench.next_to_check()["row"].tolist()
        wanted = [row for row in ranked if f"Training row {row}" != stays]
        one.page.keyboard.press("j")
        front(one, wanted[0])
        left = bench.checking_outlook().left
        line = one.page.locator(".rlw-queue-far")
        expect(line).to_contain_text("20 checked, 10 wrong (50.0%)")
        expect(line).to_contain_text(f"about {left.estimate:.0f} wrong left (likely {left.low:.0f} to {left.high:.0f})")
        one.page.keyboard.press("u")
        expect(line).to_contain_text("19 checked, 10 wrong (52.6%)")

    def test_it_goes_on_over_pages_to_the_last_one(self, show):
        bench = small_workbench()
        one, rows = opened(show, bench)
        for _ in rows:
            one.page.keyboard.press("j")
        expect(one.page.get_by_text("No suspects left.")).to_be_visible()
        one.page.keyboard.press("b")
        front(one, rows[-1])
        one.page.keyboard.press("k")
        expect(one.page.get_by_text("No suspects left.")).to_be_visible()
        one.button("Look again").click()
        expect(one.page.get_by_text("59 labels", exact=True)).to_be_visible()
        expect(body_of(one)).to_be_visible()

    def test_rows_beyond_the_first_page_come(self, show):
        one, rows = opened(show, plain_hotel())
        for _ in range(150):
            one.page.keyboard.press("j")
        front(one, rows[150])

    def test_a_naive_bayes_has_suspicion_alone(self, show):
        train, test = hotel_tables()
        model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(train["text"], train["label"])
        bench = rw.Workbench(model, train["text"], train["label"], test["text"], test["label"])
        one = show(bench)
        one.button("Suspects").click()
        front(one, bench.suspects(1)["row"][0])
        expect(one.page.get_by_label("Order")).to_be_hidden()
        expect(one.page.get_by_text("Corrected alone and retrained")).to_be_visible()
        expect(one.page.locator(".rlw-queue-far")).to_have_text("None checked yet")


def test_texts_are_never_markup(show):
    evil = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 1</script>"
    bench = small_workbench(train_text=[f"{evil} {row}" for row in range(60)], labels=("<b>bad</b>", "good"))
    one, _ = opened(show, bench)
    expect(one.page.get_by_text("Corrected alone and retrained")).to_be_visible()
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("#host img, #host script, #host b").count() == 0
    expect(body_of(one).locator("blockquote")).to_contain_text("<script>")

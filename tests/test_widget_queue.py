"""The queue of labels to check as it is asked for: orders, rounds, filters, pages, reasons and what is left."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from test_widget_live import tell
from widget_cases import ask, deliver, make_workbench, message, refused

import relabel_widget as rw
from relabel_widget.widget import _search

pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture
def bench():
    return make_workbench(train_text=[f"text {row}{' straße' if row % 3 == 0 else ''}" for row in range(60)])


TWINS = (4, 11, 20, 22)


@pytest.fixture
def widget_of_twins():
    """Four rows say the same: the first two are labelled bad, the others good."""
    bench = make_workbench(train_text=[f"text {TWINS[0] if row in TWINS else row}" for row in range(60)])
    assert bench.fit.y[list(TWINS)].tolist() == ["bad", "bad", "good", "good"]
    widget = rw.RelabelWidget(bench)
    yield widget, bench
    widget.close()


def found(widget, search):
    """The rows that a search in the list of all of them has."""
    query = {"filter": "all", "asked": 0, "offset": 0, "limit": 100}
    return [line["row"] for line in ask(widget, "train_rows", search=search, **query)["rows"]]


def rows(widget, **body):
    return [line["row"] for line in ask(widget, "queue", **body)["rows"]]


class TestTheOrder:
    def test_all_rows_in_either_order(self, widget, bench):
        assert widget._state["orders"] == ["repair", "suspicion"]
        table = bench.next_to_check()
        answer = ask(widget, "queue")
        assert answer["total"] == len(answer["rows"]) == 60
        assert [line["row"] for line in answer["rows"]] == table["row"].tolist()
        assert [line["score"] for line in answer["rows"]] == [f"{score:.1%}" for score in table["score"]]
        assert rows(widget, order="suspicion") == bench.suspects()["row"].tolist()

    def test_without_truth_there_is_suspicion_alone(self):
        bench = make_workbench(y_test=None)
        widget = rw.RelabelWidget(bench)
        assert widget._state["orders"] == ["suspicion"]
        assert rows(widget, order="repair") == bench.suspects()["row"].tolist()
        told = ask(widget, "reasons", row=3, label="good" if bench.fit.y[3] == "bad" else "bad")
        assert "Corrected" not in str(told["lines"])
        widget.close()

    def test_no_row_moves_within_a_round_and_a_new_one_has_learned(self, widget, bench):
        before = rows(widget)
        bench.keep(before[0])
        bench.unsure(before[1])
        bench.relabel(before[2])
        assert rows(widget) == before
        after = rows(widget, round=2)
        assert after == bench.next_to_check()["row"][lambda all_: ~all_.isin(before[:3])].tolist()
        assert len(after) == 57
        assert rows(widget, round=1) == before  # another page works through it

    def test_a_page_at_a_time(self, widget):
        whole = rows(widget)
        second = ask(widget, "queue", offset=20, limit=7)
        assert (second["total"], second["offset"]) == (60, 20)
        assert [line["row"] for line in second["rows"]] == whole[20:27]

    def test_rankings_nobody_works_with_are_let_go(self, widget):
        for number in range(9):
            rows(widget, round=number)
        assert len(widget._answers._queued._rankings) == 4


class TestTheFilter:
    def test_by_text_label_and_suggested_label(self, widget):
        answer = ask(widget, "queue")["rows"]
        for wanted in ({"label": "bad"}, {"suggested": "good"}, {"label": "good", "suggested": "bad"}):
            fitting = [line["row"] for line in answer if all(line[name] == value for name, value in wanted.items())]
            assert 0 < len(fitting) < 60
            assert rows(widget, **wanted) == fitting
        assert rows(widget, search=" STRASSE ") == [line["row"] for line in answer if line["row"] % 3 == 0]
        assert ask(widget, "queue", search="nowhere") == {"total": 0, "offset": 0, "rows": []}
        assert rows(widget) == [line["row"] for line in answer]

    def test_a_row_of_this_number_or_id_comes_first(self):
        ids = [f"Ticket-{100 + row}" for row in range(60)]
        bench = make_workbench(ids=ids, train_text=["soup"] * 60)
        widget = rw.RelabelWidget(bench)
        ranked = rows(widget)
        assert rows(widget, search="5") == [5, *(row for row in ranked if row != 5 and "5" in ids[row])]
        assert rows(widget, search="ticket-107 ") == [7]
        assert rows(widget, search="same=7") == [7, *(row for row in ranked if row != 7)]
        widget.close()

    def test_a_search_that_nobody_waits_for_any_more_stops(self, widget, monkeypatch):
        asked, reading, go_on = [], threading.Event(), threading.Event()
        read = rw.Workbench.train_text

        def slow(bench, row):
            asked.append(row)
            reading.set()
            assert go_on.wait(30)
            return read(bench, row)

        whole = rows(widget)
        monkeypatch.setattr(rw.Workbench, "train_text", slow)
        monkeypatch.setattr(_search, "_AT_ONCE", 10)
        widget.comm.drain()
        tell(widget, "old", "queue", search="nowhere")
        assert reading.wait(30)
        tell(widget, "stop", "cancel")
        go_on.set()
        widget._answers.join(30)
        told = [data["content"] for data in widget.comm.drain() if data["method"] == "custom"]
        assert [one["message"] for one in told if one["id"] == "old"] == ["Cancelled."]
        assert len(asked) == 10 < len(whole)

    def test_of_many_rows_it_tells_how_many_are_searched(self, widget, monkeypatch):
        monkeypatch.setattr(_search, "_AT_ONCE", 10)
        rows(widget)
        told = deliver(widget, message("q", "queue", search="straße"))
        assert told[0]["phase"] == "searching training rows"
        assert (told[0]["done"], told[0]["total"]) == (10, 60)

    def test_rows_whose_text_has_another_label_elsewhere(self, widget_of_twins):
        widget, bench = widget_of_twins
        ranked = rows(widget)
        assert rows(widget, contradicted=True) == [row for row in ranked if row in TWINS]
        bench.relabel(list(TWINS[:2]), "good")
        assert rows(widget, round=2, contradicted=True) == []

    def test_a_class_that_is_none_is_refused(self, widget):
        assert refused(
            widget,
            "queue",
            order="repair",
            round=1,
            search="",
            label="ugly",
            suggested=None,
            contradicted=False,
            offset=0,
            limit=9,
        ) == ("refused", "There is no class 'ugly'. The classes are ['bad', 'good'].")


class TestWhy:
    def test_reasons_are_those_of_the_workbench(self, widget, bench):
        own = str(bench.fit.y[5])
        other = {"bad": "good", "good": "bad"}[own]
        told, known = ask(widget, "reasons", row=5, label=other), bench.reasons(5)
        parts = known.features.set_index("feature")["contribution"]
        against, behind = parts[parts < 0], parts[parts > 0]
        assert dict(zip(told["words"], told["parts"], strict=True)) == (-against).to_dict()
        lines = told["lines"]
        assert [line[0] for line in lines[:2]] == [f"Speaks for “{other}”: ", f"Speaks for “{own}”: "]
        for line, some in zip(lines, (against, behind), strict=False):
            assert line[1] == (", ".join(f"{word} {abs(part):.2f}" for word, part in some.items()) or "nothing")
        near = [(row, bench.train_text(row)) for row in known.nearest["row"]]
        assert [line[1:] for line in lines[2:5]] == [
            [text, f"Training row {row}: {text}", f"same={row}"] for row, text in near
        ]
        assert lines[2][0] == f"Alike ({known.nearest['similarity'][0]:.2f}), labelled “{other}”: "
        effect = known.effect
        change = effect.log_loss_after - effect.log_loss_before
        assert lines[5][0] == "Corrected alone and retrained: "
        assert lines[5][1].endswith(f"log-loss {'falls' if change <= 0 else 'rises'} by {abs(change):.5f}")
        assert f"{effect.n_became_right} test error" in lines[5][1]
        assert f" {effect.n_became_wrong} made" in lines[5][1]

    def test_equal_rows_with_another_label_are_a_reason(self, widget_of_twins):
        widget, bench = widget_of_twins
        first, *lines = ask(widget, "reasons", row=4, label="good")["lines"]
        assert first[:2] == ["Equal rows: ", "2 labelled “good”, 1 labelled “bad”"]
        assert found(widget, first[3]) == list(TWINS)
        leading = [line[3] for line in lines if len(line) > 3]
        assert len(leading) == 2  # there is room for six lines
        assert not {f"same={row}" for row in TWINS} & set(leading)
        bench.relabel(list(TWINS[2:]), "bad")
        assert "Equal" not in str(ask(widget, "reasons", row=4, label="good"))

    def test_so_are_nearly_equal_texts(self):
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        words = [f"word{i}" for i in range(20)]
        texts = [" ".join(words), " ".join([*words, "extra"]), "warm soup", "stale bread", " ".join([*words, "more"])]
        y = np.array(["good", "bad", "good", "bad", "bad"])
        model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, y)
        widget = rw.RelabelWidget(rw.Workbench(model, texts, y, texts[:1]))
        first = ask(widget, "reasons", row=0, label="bad")["lines"][0]
        assert first[:2] == ["Nearly equal rows: ", "2 labelled “bad”"]
        assert found(widget, first[3]) == [0, 1, 4]
        assert ask(widget, "reasons", row=2, label="bad")["lines"][0][0].startswith("Speaks for")
        widget.close()

    def test_pixels_have_no_names_that_could_speak_for_a_label(self):
        from sklearn.linear_model import LogisticRegression

        rng = np.random.default_rng(0)
        X = rng.random((60, 12))
        y = np.where(X[:, 0] > 0.5, "dark", "bright")
        bench = rw.Workbench(LogisticRegression().fit(X, y), X, y, X[:5], y[:5], image_shape=(3, 4))
        widget = rw.RelabelWidget(bench)
        other = {"dark": "bright", "bright": "dark"}[str(y[5])]
        about = [line[0] for line in ask(widget, "reasons", row=5, label=other)["lines"]]
        assert [words.split(" (")[0] for words in about] == ["Alike"] * 3 + ["Corrected alone and retrained: "]
        widget.close()

    def test_texts_beside_it_are_cut(self):
        bench = make_workbench(train_text=["long " * 500] * 60)
        widget = rw.RelabelWidget(bench)
        lines = ask(widget, "reasons", row=5, label={"bad": "good", "good": "bad"}[str(bench.fit.y[5])])["lines"]
        assert max(len(part) for line in lines for part in line) < 330
        widget.close()

    def test_how_many_are_left_and_how_many_were_checked(self, widget, bench):
        assert widget._state["checked"] == "None checked yet"
        bench.keep([1, 2])
        bench.relabel(3)
        bench.unsure(4)
        assert bench.n_checked == 3
        assert widget._state["checked"] == "3 checked, 1 wrong (33.3%)"
        told, known = ask(widget, "outlook"), bench.checking_outlook()
        assert (known.checked, known.found) == (3, 1)
        left = known.left
        assert told["message"] == f"about {left.estimate:.0f} wrong left (likely {left.low:.0f} to {left.high:.0f})"
        bench.undo()
        bench.undo()
        assert widget._state["checked"] == "2 checked, 0 wrong (0.0%)"


def test_a_naive_bayes_has_a_queue_and_reasons():
    from sklearn.naive_bayes import MultinomialNB

    rng = np.random.default_rng(1)
    counts = rng.poisson(1.0, (60, 5)).astype(float)
    y = np.array(["bad", "good"])[(counts[:, 0] > counts[:, 1]).astype(int)]
    bench = rw.Workbench(MultinomialNB().fit(counts, y), counts, y, counts[:5], y[:5])
    widget = rw.RelabelWidget(bench)
    assert widget._state["orders"] == ["suspicion"]
    assert rows(widget, order="repair") == bench.suspects()["row"].tolist()
    assert ask(widget, "reasons", row=5, label="good" if y[5] == "bad" else "bad")["lines"]
    assert refused(widget, "outlook")[0] == "refused"
    widget.close()

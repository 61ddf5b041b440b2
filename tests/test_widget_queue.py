"""The queue of labels to check as it is asked for: orders, rounds, filters, pages, reasons and what is left."""

from __future__ import annotations

import numpy as np
import pytest
from widget_cases import ask, make_workbench, refused

import relabel_widget as rw

pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture
def bench():
    return make_workbench(train_text=[f"text {row}{' straße' if row % 3 == 0 else ''}" for row in range(60)])


def rows(widget, **body):
    return [line["row"] for line in ask(widget, "queue", **body)["rows"]]


class TestTheOrder:
    def test_all_rows_in_either_order(self, widget, bench):
        assert widget._state["orders"] == ["repair", "suspicion"]
        table = bench.next_to_check()
        answer = ask(widget, "queue")
        assert answer["total"] == len(answer["rows"]) == 60
        assert [line["row"] for line in answer["rows"]] == table["row"].tolist()
        assert [line["score"] for line in answer["rows"]] == table["score"].tolist()
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

    def test_a_class_that_is_none_is_refused(self, widget):
        assert refused(
            widget,
            "queue",
            order="repair",
            round=1,
            search="",
            label="ugly",
            suggested=None,
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
        assert [line[1:] for line in lines[2:5]] == [[text, f"Training row {row}: {text}"] for row, text in near]
        assert lines[2][0] == f"Alike ({known.nearest['similarity'][0]:.2f}), labelled “{other}”: "
        effect = known.effect
        change = effect.log_loss_after - effect.log_loss_before
        assert lines[5][0] == "Corrected alone and retrained: "
        assert lines[5][1].endswith(f"log-loss {'falls' if change <= 0 else 'rises'} by {abs(change):.5f}")
        assert f"{effect.n_became_right} test error" in lines[5][1]
        assert f" {effect.n_became_wrong} made" in lines[5][1]

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

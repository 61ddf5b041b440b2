"""The widget where several people decide: conflicts, what did not carry over, and whose undo it is, in messages."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from widget_cases import ask, deliver, message, refused

import relabel_widget as rw

CLASSES = ("bad", "good")
OTHER = {"bad": "good", "good": "bad"}
RNG = np.random.default_rng(7)
X = RNG.normal(size=(72, 3))
Y = np.array(CLASSES)[(X[:, 0] + 0.8 * RNG.normal(size=72) > 0).astype(int)]
TEXTS = [f"train text {row}" for row in range(60)]
IDS = np.array([f"r{row}" for row in range(60)])
MODEL = LogisticRegression().fit(X[:60], Y[:60])


@pytest.fixture(autouse=True)
def _before_all_others(recorded):
    """Fixtures of tests make widgets, too."""


@pytest.fixture
def join(tmp_path):
    """A widget of one of several people on one store; the data may be others than before."""
    widgets = []

    def joined(annotator, keep=slice(None), **data):
        data = {"train_text": TEXTS, "ids": IDS, "y": Y[:60], **data}
        y = data.pop("y")[keep]
        data = {name: np.array(values)[keep] for name, values in data.items()}
        bench = rw.Workbench(
            MODEL, X[:60][keep], y, X[60:], Y[60:], annotator=annotator, store=tmp_path / "s.sqlite", **data
        )
        widgets.append(rw.RelabelWidget(bench))
        return widgets[-1]

    yield joined
    for one in widgets:
        one._answers.join(30)
        one.close()
        one.workbench.close()


def until(holds, seconds=5.0):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def decide(widget, decision, *rows, note="", labels=None):
    return ask(widget, "decide", rows=list(rows), decision=decision, note=note, labels=labels)


@pytest.fixture
def differing(join):
    """Ada and eve relabel row 3, bo keeps it; ada's row 4 is nobody else's."""
    ada, bo, eve = join("ada"), join("bo"), join("eve")
    decide(ada, "relabel", 3, 4, note="sarcasm")
    for one in (bo, eve):
        assert until(lambda one=one: one.relabelled == [3, 4])
    decide(bo, "keep", 3, note="<b>no</b>")
    eve.workbench.refresh()
    decide(eve, "relabel", 3)
    for one in (ada, bo, eve):
        assert until(lambda one=one: one._state["conflicts"] == "1 conflict")
        assert until(lambda one=one: one.workbench.n_events == 3)
    return ada, bo, eve


class TestConflicts:
    def test_one_annotator_has_none(self, join):
        ada = join("ada")
        decide(ada, "relabel", 3)
        decide(ada, "keep", 3)
        assert until(lambda: ada._state["next_undo"] == "event 2: keep row 3, by ada")
        assert ada._state["conflicts"] == ada._state["carried"] == ""
        told = ask(ada, "conflicts")
        assert told["matters"] == []
        assert told["about"].startswith("No conflicts")
        assert ask(ada, "carried") == {"about": "All decisions in the store fit this data.", "matters": []}

    def test_a_row_is_told_with_everybody_who_decided_and_with_the_majority_first(self, differing):
        ada, *_ = differing
        told = ask(ada, "conflicts")
        (one,) = told["matters"]
        assert "Anybody who shares the store may settle a conflict" in told["about"]
        assert "No test row is chosen, so no effect is shown." in told["about"]
        assert one["row"] == 3
        assert one["title"] == f"Training row 3 · r3 · originally “{Y[3]}”"
        assert one["text"] == "train text 3"
        said = [(line["who"], line["what"], line["note"]) for line in one["said"]]
        assert said == [
            ("ada", f"Relabelled: “{OTHER[Y[3]]}”", "sarcasm"),
            ("eve", f"Relabelled: “{OTHER[Y[3]]}”", ""),
            ("bo", f"Kept: “{Y[3]}”", "<b>no</b>"),
        ]
        assert all(pd.Timestamp(line["time"]).tzinfo is not None for line in one["said"])
        assert [choice["words"] for choice in one["choices"]] == [
            f"Take the majority: “{OTHER[Y[3]]}”",
            f"Take “{Y[3]}”",
        ]
        assert [choice["label"] for choice in one["choices"]] == [OTHER[Y[3]], Y[3]]
        assert [choice["effect"] for choice in one["choices"]] == ["", ""]

    def test_of_two_who_differ_neither_is_the_majority(self, join):
        ada, bo = join("ada"), join("bo")
        decide(ada, "relabel", 3)
        bo.workbench.refresh()
        decide(bo, "clear", 3)
        (one,) = ask(bo, "conflicts")["matters"]
        assert [choice["words"] for choice in one["choices"]] == [f"Take “{OTHER[Y[3]]}”", f"Take “{Y[3]}”"]

    def test_effects_are_what_influence_predicts_of_each_label(self, differing):
        ada, *_ = differing
        ask(ada, "select", row=5)
        told = ask(ada, "conflicts")
        assert "Effects are first-order predictions for test row 5" in told["about"]
        fit = ada.workbench.fit
        moves = rw.relabel_influence(fit, X[65:66])[0]
        for choice in told["matters"][0]["choices"]:
            rows = [4] if choice["label"] == Y[3] else [3, 4]
            eta = fit.decision(X[65:66])[0] + moves[rows].sum()
            proba = 1 / (1 + np.exp(-eta))
            verb = "stays" if (proba > 0.5) == (fit.proba(X[65:66])[0] > 0.5) else "becomes"
            label = CLASSES[int(proba > 0.5)]
            assert choice["effect"] == f"Test row 5 {verb} “{label}”, probability of “good” about {proba:.3f}"

    def test_is_settled_by_an_adjudication_that_undo_takes_back(self, differing):
        ada, bo, _ = differing
        told = decide(bo, "adjudicate", 3, labels=[Y[3]], note="talked about it")
        assert told["message"] == "Adjudicated training row 3; 1 label changed in all."
        assert ask(bo, "conflicts")["matters"] == []
        assert until(lambda: ada._state["conflicts"] == "")
        assert ada.workbench.relabelled == [4]
        assert ask(ada, "history")["lines"][0]["what"] == f"Adjudicated row 3: {OTHER[Y[3]]} → {Y[3]}"
        ask(bo, "undo")
        assert until(lambda: ada._state["conflicts"] == "1 conflict")

    def test_an_adjudication_without_a_label_is_refused(self, join):
        ada = join("ada")
        reason, words = refused(ada, "decide", rows=[3], decision="adjudicate", note="")
        assert reason == "malformed"
        assert "expected the labels to adjudicate for" in words


class TestUndo:
    def test_says_whose_and_what_and_takes_back_nothing_of_others(self, differing):
        ada, bo, _ = differing
        assert ada._state["next_undo"] == "event 1: relabel 2 rows, by ada"
        assert bo._state["next_undo"] == "event 2: keep row 3, by bo"
        told = ask(bo, "undo")
        assert told["message"].startswith("Undone: decision on 1 training row (event 2: keep row 3, by bo);")
        assert until(lambda: (bo._state["next_undo"], bo._state["next_redo"]) == ("", "event 2: keep row 3, by bo"))
        assert bo.workbench.relabelled == [3, 4]
        reason, words = refused(bo, "undo")
        assert reason == "refused"
        assert "was made by eve, and only they undo it" in words
        assert bo.workbench.relabelled == [3, 4]
        assert ask(bo, "history")["lines"][0]["what"] == "Undid event 2, the decision on row 3"

    def test_a_message_that_arrives_twice_acts_once_and_says_the_same(self, join):
        ada = join("ada")
        decide(ada, "relabel", 3)
        decide(ada, "relabel", 4)
        sent = [
            message("a", "undo"),
            message("b", "redo"),
            message("c", "decide", rows=[5], decision="keep", note=""),
            message("d", "decide", rows=[5], decision="adjudicate", labels=[Y[5]], note=""),
            message("e", "undo"),
        ]
        for one in sent:
            before = ada.workbench.n_events
            (first,), (second,) = deliver(ada, one), deliver(ada, one)
            assert first["kind"] == second["kind"] == "result"
            assert first["value"]["message"] == second["value"]["message"]
            assert ada.workbench.n_events == before + 1
        assert ada.workbench.relabelled == [3, 4]

    def test_a_decision_about_a_row_that_is_gone_has_no_number(self, join):
        decide(join("ada"), "relabel", 3)
        again = join("ada", keep=np.arange(60) != 3)
        assert again._state["next_undo"] == "event 1: relabel 1 row, by ada"


class TestExport:
    def test_says_the_event_it_is_true_of(self, join, tmp_path):
        ada, bo = join("ada"), join("bo")
        decide(ada, "relabel", 3)
        decide(ada, "relabel", 4)
        ask(ada, "undo")
        path = str(tmp_path / "out.csv")
        assert until(lambda: bo.relabelled == [3])
        told = ask(bo, "export", path=path, overwrite=False, every=False)
        assert told["message"].startswith(f"Wrote 1 corrected label to {path}, as of event 3.")
        assert ask(bo, "history")["lines"][0]["what"].endswith(f"{path}, as of event 3")


class TestCarriedOver:
    @pytest.fixture
    def before(self, join):
        """Decisions about seven rows, made on the data as it was."""
        ada = join("ada")
        for row in (3, 4, 5):
            decide(ada, "relabel", row, note=f"about {row}")
        decide(ada, "keep", 6, 7)
        decide(ada, "unsure", 8)
        decide(ada, "relabel", 9)
        ada.workbench.close()

    @pytest.fixture
    def changed(self):
        """Row 3 reads otherwise, 4 is already corrected, 6 has the other label, 8 reads otherwise, 9 is gone."""
        texts, y = list(TEXTS), Y[:60].copy()
        texts[3], texts[8] = "edited text", "another edited text"
        y[4], y[6] = OTHER[y[4]], OTHER[y[6]]
        return {"train_text": texts, "y": y, "keep": np.arange(60) != 9}

    @pytest.mark.usefixtures("before")
    def test_nothing_is_said_where_all_of_it_did(self, join):
        assert join("ada")._state["carried"] == ""

    @pytest.mark.usefixtures("before")
    def test_each_is_told_with_why_and_with_what_can_be_done(self, join, changed):
        again = join("ada", **changed)
        assert again._state["carried"] == "4 decisions did not carry over"
        assert again.relabelled == [5]
        matters = ask(again, "carried")["matters"]
        edited, conflict, unsure, gone, corrected = matters
        assert edited["title"] == "The row with id 'r3' has another content now."
        assert edited["text"] == "edited text"
        assert edited["said"][0]["what"] == f"Relabelled row 3 · r3: “{Y[3]}” → “{OTHER[Y[3]]}”"
        assert (edited["said"][0]["who"], edited["said"][0]["note"]) == ("ada", "about 3")
        assert [one["words"] for one in edited["choices"]] == [
            f"Relabel row 3: “{OTHER[Y[3]]}”",
            f"Keep row 3: “{Y[3]}”",
        ]
        assert edited["choices"][0]["note"] == "about 3"
        assert conflict["title"].endswith(": a conflict.")
        assert [one["words"] for one in conflict["choices"]] == [
            f"Relabel row 6: “{Y[6]}”",
            f"Keep row 6: “{OTHER[Y[6]]}”",
        ]
        assert [one["words"] for one in unsure["choices"]] == ["Unsure about row 8", f"Keep row 8: “{Y[8]}”"]
        assert gone["title"].startswith("No row has the id 'r9' any more")
        assert "counts again when the row is back" in gone["text"]
        assert (gone["row"], gone["choices"]) == (None, [])
        assert corrected["title"].endswith("already corrected.")
        assert corrected["choices"] == []

    @pytest.mark.usefixtures("before")
    def test_each_choice_takes_its_line_off_the_list(self, join, changed):
        again = join("ada", **changed)
        for place in (0, 1):
            for left in (4, 3, 2):
                matters = ask(again, "carried")["matters"]
                open_ones = [one for one in matters if one["choices"]]
                assert len(open_ones) == left - 1
                choice = open_ones[0]["choices"][place]
                labels = None if choice["label"] is None else [choice["label"]]
                decide(again, choice["decision"], open_ones[0]["row"], note=choice["note"], labels=labels)
            if place == 0:
                assert until(lambda: again.relabelled == [3, 5, 6])
                assert again.workbench.corrected_labels()["note"].tolist() == ["about 3", "about 5", ""]
            assert until(lambda: again._state["carried"] == "1 decision did not carry over")
            for _ in range(3):
                ask(again, "undo")

    @pytest.mark.usefixtures("before")
    def test_where_the_data_has_the_label_it_is_kept(self, join):
        texts, y = list(TEXTS), Y[:60].copy()
        texts[3], y[3] = "edited text", OTHER[y[3]]
        (edited,) = ask(join("ada", train_text=texts, y=y), "carried")["matters"]
        assert [one["words"] for one in edited["choices"]] == [f"Keep row 3: “{OTHER[Y[3]]}”"]

    @pytest.mark.usefixtures("before")
    def test_only_what_the_data_has_taken_over(self, join):
        y = Y[:60].copy()
        y[4] = OTHER[y[4]]
        assert join("ada", y=y)._state["carried"] == "1 decision already in the data"

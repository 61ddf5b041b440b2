"""The widget: its traits, its requests, and what Python sees of both."""

from __future__ import annotations

import json
import threading

import numpy as np
import pandas as pd
import pytest
import traitlets
from sklearn.linear_model import LogisticRegression
from widget_cases import ask, deliver, make_workbench, message, page, refused

import relabel_widget as rw
from relabel_widget.monitor import Cancelled
from relabel_widget.widget import _protocol as protocol
from relabel_widget.widget import _wire as wire
from relabel_widget.widget import _words as words
from relabel_widget.widget._outcomes import of_flip_set, of_retraining

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture
def bench():
    return make_workbench()


class TestTraits:
    def test_starts_from_the_workbench(self, bench):
        bench.relabel([5, 2])
        bench.threshold = 0.4
        widget = rw.RelabelWidget(bench)
        assert (widget.test_row, widget.relabelled, widget.busy, widget.threshold) == (None, [2, 5], False, 0.4)

    def test_setting_relabelled_relabels_the_difference_as_one_step(self, widget, bench):
        widget.relabelled = [4, 1]
        assert (widget.relabelled, bench.relabelled) == ([1, 4], [1, 4])
        widget.relabelled = [4, 9]
        assert bench.relabelled == [4, 9]
        bench.undo()
        assert (widget.relabelled, bench.relabelled) == ([1, 4], [1, 4])

    def test_refused_values_are_said_in_words_and_change_nothing(self, widget, bench):
        with pytest.raises(traitlets.TraitError, match="60"):
            widget.relabelled = [60]
        with pytest.raises(traitlets.TraitError, match="threshold"):
            widget.threshold = 1.5
        with pytest.raises(traitlets.TraitError, match="from 0 to 11, got 12"):
            widget.test_row = 12
        assert (widget.relabelled, widget.threshold, widget.test_row) == ([], 0.5, None)
        assert (bench.relabelled, bench.threshold) == ([], 0.5)

    def test_threshold_goes_to_the_workbench_and_back(self, widget, bench):
        widget.threshold = 0.3
        assert bench.threshold == 0.3
        bench.threshold = 0.6
        assert widget.threshold == 0.6

    def test_an_observer_may_answer_a_change_with_another(self, widget, bench):
        widget.observe(lambda _: setattr(widget, "threshold", 0.3), "relabelled")
        bench.relabel([2])
        assert (widget.threshold, bench.threshold) == (0.3, 0.3)

    def test_state_set_by_a_front_end_is_checked_too(self, widget, bench):
        widget.set_state({"relabelled": [3]})
        assert bench.relabelled == [3]

    def test_two_widgets_stay_in_step_and_a_closed_one_lets_go(self, bench):
        first, second = rw.RelabelWidget(bench), rw.RelabelWidget(bench)
        ask(first, "decide", rows=[3], decision="relabel", note="")
        assert second.relabelled == [3]
        assert second._state["next_undo"]
        first.close()
        bench.relabel([8])
        assert (first.relabelled, second.relabelled) == ([3], [3, 8])

    def test_saved_state_is_small_and_holds_no_texts(self):
        bench = make_workbench(n_test=400, test_text=["a long text " * 50] * 400)
        widget = rw.RelabelWidget(bench)
        state = {key: value for key, value in widget.get_state().items() if key not in ("_esm", "_css")}
        assert "a long text" not in json.dumps(state, default=str)
        assert len(json.dumps(state, default=str)) < 3000


class TestRequests:
    def test_select(self, widget):
        assert "Test row 3 is predicted" in ask(widget, "select", row=3)["message"]
        assert widget.test_row == 3
        ask(widget, "select", row=None)
        assert widget.test_row is None
        assert refused(widget, "select", row=99)[0] == "refused"

    def test_mark_unmark_undo_redo(self, widget, bench):
        assert ask(widget, "decide", rows=[3, 5], decision="relabel", note="")["message"].startswith(
            "Relabelled 2 training rows"
        )
        ask(widget, "decide", rows=[3, 4], decision="relabel", note="")  # 3 is marked already and must not swap back
        assert bench.relabelled == [3, 4, 5]
        ask(widget, "decide", rows=[5, 6], decision="clear", note="")
        assert bench.relabelled == [3, 4]
        assert "Already" in ask(widget, "decide", rows=[3], decision="relabel", note="")["message"]
        assert ask(widget, "undo")["message"].startswith("Undone: decision on 1 training row (event ")
        assert widget.relabelled == bench.relabelled == [3, 4, 5]
        ask(widget, "redo")
        assert widget.relabelled == [3, 4]

    def test_nothing_to_undo_is_said_in_words(self, widget):
        reason, message = refused(widget, "undo")
        assert reason == "refused"
        assert "nothing to undo" in message

    def test_find_reports_progress_and_what_it_found(self, widget, bench):
        *progress, result = deliver(widget, message("f", "find", row=2))
        assert progress
        assert {one["id"] for one in progress} == {"f"}
        found = bench.known_flip_set(2)
        assert found.verified
        assert found.outcome in result["value"]["message"]
        assert not widget.busy
        ranking = ask(widget, "ranking", row=2, set_first=True)
        assert [line["row"] for line in ranking["bars"]["rows"][: found.size]] == found.rows.tolist()
        assert [line["in_set"] for line in ranking["bars"]["rows"]].count(True) == found.size
        assert (ranking["flip"]["tone"], ranking["flip"]["words"]) == of_flip_set(found, several=False)

    def test_every_member_of_a_large_flip_set_is_ranked(self, widget, bench, monkeypatch):
        monkeypatch.setattr(wire, "BARS", 2)
        found = bench.flip_set(2)
        bars = ask(widget, "ranking", row=2, set_first=True)["bars"]
        assert found.size > 2
        assert [line["row"] for line in bars["rows"]] == found.rows.tolist()
        assert all(line["in_set"] for line in bars["rows"])

    def test_bars_come_a_page_at_a_time_to_the_last_training_row(self, widget, bench):
        bench.flip_set(2)
        whole = bench.influential_rows(2, top=60)["row"].tolist()
        pages = [ask(widget, "bars", row=2, set_first=True, offset=offset, limit=25) for offset in (0, 25, 50, 75)]
        assert [line["row"] for one in pages for line in one["rows"]] == whole
        assert [len(one["rows"]) for one in pages] == [25, 25, 10, 0]
        assert [line["rank"] for one in pages for line in one["rows"]] == list(range(1, 61))
        assert {one["total"] for one in pages} == {60}

    def test_forecast_is_the_first_order_change_of_the_marked_rows(self, widget):
        assert ask(widget, "ranking", row=1, set_first=True)["forecast"] is None
        widget.test_row = 1
        told = ask(widget, "decide", rows=[0, 1, 2], decision="relabel", note="")["forecast"]
        ranking = ask(widget, "ranking", row=1, set_first=True)
        influence = {line["row"]: line["influence"] for line in ranking["bars"]["rows"]}
        change = influence[0] + influence[1] + influence[2]
        assert told == ranking["forecast"]
        before = ranking["proba"]
        after = 1 / (1 + np.exp(-np.log(before / (1 - before)) - change))
        words = f"probability {before:.3f} → about {after:.3f}, so probably"
        assert words in told["words"]
        assert f"“{'good' if after > 0.5 else 'bad'}”" in told["words"]

    def test_verify_tells_what_an_independent_fit_tells(self, widget, bench):
        ask(widget, "decide", rows=list(range(40)), decision="relabel", note="")
        ask(widget, "verify")
        flipped = {line["row"]: line["change"] for line in ask(widget, "flips")["rows"]}
        X = np.random.default_rng(7).normal(size=(72, 3))  # as make_workbench draws it
        refit = LogisticRegression(C=1.0, tol=1e-10).fit(X[:60], bench.labels())
        before, after = bench.fit.proba(X[60:]), refit.predict_proba(X[60:])[:, 1]
        expected = np.flatnonzero((before > 0.5) != (after > 0.5)).tolist()
        assert flipped == {row: f"{before[row]:.3f} → {after[row]:.3f}" for row in expected}
        assert len(flipped) > 3
        verdicts = [line["verdict"]["words"] for line in page(widget)["rows"]]
        assert [row for row, words in enumerate(verdicts) if words != "same"] == expected
        assert widget._state["verification"] == of_retraining(bench.verification_summary())
        assert "with 40 changed labels" in ask(widget, "ranking", row=0, set_first=True)["retrained"]
        ask(widget, "undo")
        assert page(widget)["rows"][0]["verdict"]["words"] == "–"
        assert widget._state["verification"] is None

    def test_verify_with_nothing_marked_is_refused_in_words(self, widget):
        assert refused(widget, "verify")[0] == "refused"
        assert not widget.busy

    def test_threshold(self, widget, bench):
        assert "0.7" in ask(widget, "threshold", value=0.7)["message"]
        assert bench.threshold == 0.7
        reason, message = refused(widget, "threshold", value=2)
        assert reason == "refused"
        assert "threshold" in message

    def test_only_in_marimo_a_page_counts_what_it_saw(self, widget):
        assert widget._seen is None

    def test_a_threshold_near_1_is_said_as_it_is(self, widget):
        assert "0.99999999." in ask(widget, "threshold", value=0.99999999)["message"]

    def test_no_message_begins_with_a_name_of_the_code(self, widget, tmp_path):
        (tmp_path / "out.csv").write_text("theirs")
        ask(widget, "decide", rows=[3], decision="relabel", note="")
        said = [
            refused(widget, "export", path=str(tmp_path / "out.csv"), overwrite=False, every=False),
            refused(widget, "export", path=str(tmp_path / "out.exe"), overwrite=False, every=False),
            refused(widget, "decide", rows=[99], decision="keep", note=""),
        ]
        widget.workbench.close()
        said.append(refused(widget, "decide", rows=[4], decision="relabel", note=""))
        for _, text in said:
            assert text[0].isupper() or text[0] == "'", text
            assert not text.startswith(("Export:", "Journal:"))

    @pytest.mark.parametrize(
        ("raised", "shown"),
        [
            ("journal: expected an open store. Open it.", "Expected an open store. Open it."),
            ("find_flip_set: y_test has no row 3.", "y_test has no row 3."),
            ("Texts: 'a: b' is no label.", "Texts: 'a: b' is no label."),
            ("export: ", "export:"),
            ("division by zero", "division by zero"),
        ],
    )
    def test_only_a_name_of_the_code_is_left_out(self, raised, shown):
        assert words.on_page(ValueError(raised)) == shown

    def test_export(self, widget, tmp_path):
        ask(widget, "decide", rows=[3], decision="relabel", note="")
        target = tmp_path / "out.csv"
        assert str(target) in ask(widget, "export", path=str(target), overwrite=False, every=False)["message"]
        assert pd.read_csv(target)["row"].tolist() == [3]
        assert (
            refused(widget, "export", path=str(tmp_path / "no" / "out.csv"), overwrite=False, every=False)[0]
            == "refused"
        )
        assert refused(widget, "export", path=str(tmp_path / "out.exe"), overwrite=False, every=False)[0] == "refused"

    def test_a_file_that_is_not_ours_is_replaced_only_if_asked_for(self, widget, tmp_path):
        """The page wrote over a training CSV; the reason is what the page asks its question by."""
        theirs = tmp_path / "reviews.csv"
        theirs.write_text("text,label\n")
        ask(widget, "decide", rows=[3], decision="relabel", note="")
        assert refused(widget, "export", path=str(theirs), overwrite=False, every=False)[0] == "exists"
        assert theirs.read_text() == "text,label\n"
        ask(widget, "export", path=str(theirs), overwrite=True, every=False)
        assert pd.read_csv(theirs)["row"].tolist() == [3]

    @pytest.mark.parametrize(
        ("path", "for_all"),
        [
            ("labels.csv", "all_decisions.csv"),
            ("out/my.labels.jsonl", "out/all_decisions.jsonl"),
            ("out.d/labels", "out.d/all_decisions"),
            ("C:\\out\\labels.csv", "C:\\out\\all_decisions.csv"),
        ],
    )
    def test_all_decisions_have_a_file_of_their_own(self, bench, path, for_all):
        widget = rw.RelabelWidget(bench, export_path=path)
        assert widget._state["export_all"] == for_all
        widget.close()

    def test_an_export_of_all_decisions(self, widget, tmp_path):
        ask(widget, "decide", rows=[3], decision="keep", note="")
        target = tmp_path / "out.csv"
        message = ask(widget, "export", path=str(target), overwrite=False, every=True)["message"]
        assert message.startswith(f"Wrote 1 decision to {target}, as of event")
        assert rw.read_labels(target)["decision"].tolist() == ["keep"]
        assert widget.export_path != str(target)

    def test_an_export_of_no_labels_is_said_and_writes_nothing(self, widget, tmp_path):
        for overwrite in (False, True):
            reason, message = refused(
                widget, "export", path=str(tmp_path / "out.csv"), overwrite=overwrite, every=False
            )
            assert reason == "refused"
            assert message.startswith("No label is changed")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("kind", "fields"), [("ranking", {"set_first": True}), ("find", {})])
    def test_unknown_test_row(self, widget, kind, fields):
        assert "the last one is 11" in refused(widget, kind, row=12, **fields)[1]

    def test_an_unforeseen_failure_is_answered_in_words(self, widget, monkeypatch):
        monkeypatch.setattr(type(widget.workbench), "influential_rows", lambda *_, **__: 1 / 0)
        assert refused(widget, "ranking", row=0, set_first=True) == ("failed", "division by zero")

    def test_other_peoples_handlers_still_hear_messages(self, widget):
        heard = []
        widget.on_msg(lambda _w, content, _b: heard.append(content))
        deliver(widget, {"v": protocol.VERSION, "id": "q", "kind": "cancel"})
        assert heard == [{"v": protocol.VERSION, "id": "q", "kind": "cancel"}]


class TestFromPython:
    def test_blocking_twins(self, widget, bench):
        with pytest.raises(ValueError, match="no test row is chosen"):
            widget.find_flip_set()
        widget.test_row = 2
        found = widget.find_flip_set()
        assert found is bench.known_flip_set(2)
        assert found.outcome in widget._state["status"]
        widget.relabelled = found.rows.tolist()
        assert widget.verify().flipped[2]
        assert widget._state["status"].startswith("Retrained with")
        assert not widget.busy

    def test_a_failure_leaves_the_workbench_free(self, widget, monkeypatch):
        def stop(*_, **__):
            raise Cancelled("cancelled on request")

        monkeypatch.setattr(rw.Workbench, "verify", stop)
        with pytest.raises(Cancelled):
            widget.verify()
        assert not widget.busy

    def test_old_news_never_go_back_to_the_workbench_as_a_wish(self, widget, monkeypatch):
        """Seen with many threads: a list read before another thread's relabelling was passed on and undid it."""
        reads = iter([[1]])
        monkeypatch.setattr(rw.Workbench, "relabelled", property(lambda _: next(reads, [1, 2])))
        wishes = []
        monkeypatch.setattr(rw.Workbench, "relabel", lambda *values: wishes.append(values))
        widget._on_workbench("labels")
        assert wishes == []
        assert widget.relabelled == [1, 2]

    def test_changes_from_many_threads_end_in_step(self, widget, bench):
        threads = [
            threading.Thread(target=lambda row=row: [bench.relabel([row]) for _ in range(5)]) for row in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert widget.relabelled == bench.relabelled == list(range(8))


class TestFallback:
    def test_a_notebook_without_widgets_shows_an_escaped_table(self):
        bench = make_workbench(labels=("<b>bad</b>", "good"), test_text=[EVIL] * 12)
        data = rw.RelabelWidget(bench)._repr_mimebundle_()[0]
        assert "application/vnd.jupyter.widget-view+json" in data
        html = data["text/html"]
        assert "<script" not in html
        assert "<img" not in html
        assert "<b>" not in html
        assert "&lt;script&gt;" in html
        assert html.count("<tr>") == 11

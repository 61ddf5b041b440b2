"""What a widget does beside the message thread: lanes, searches that take over, sizes in the background, closing."""

from __future__ import annotations

import contextvars
import gc
import os
import sqlite3
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest
from recording_comm import RecordingComm
from widget_cases import Slow, ask, deliver, make_workbench, message, page, refused

import relabel_widget as rw
from relabel_widget.monitor import Cancelled
from relabel_widget.widget import _filling as filling
from relabel_widget.widget import _protocol as protocol
from relabel_widget.widget._lanes import Lane

pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture
def bench():
    return make_workbench(annotator="ada")


def tell(widget, request, kind, **body):
    """Send a request and do not wait for its answer."""
    content = message(request, kind, **body)
    widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


def answers(widget):
    widget._answers.join(30)
    sent = [data["content"] for data in widget.comm.drain() if data["method"] == "custom"]
    return {content["id"]: content for content in sent if content["kind"] in ("result", "error")}


class TestLanes:
    def test_a_newer_question_stops_the_older_ones(self):
        lane, heard, started = Lane("x"), [], threading.Event()

        def slow(monitor):
            started.set()
            for _ in range(2000):
                monitor.check()
                time.sleep(0.005)

        note = lambda name: lambda value, error: heard.append((name, value, type(error)))  # noqa: E731
        lane.ask(1, slow, note("running"))
        assert started.wait(10)
        lane.ask(2, slow, note("waiting"))
        lane.ask(3, lambda _: "new", note("newest"))
        lane.ask(3, lambda _: "twin", note("twin"))
        lane.join(30)
        assert {name: (value, kind) for name, value, kind in heard} == {
            "running": (None, Cancelled),
            "waiting": (None, Cancelled),
            "newest": ("new", type(None)),
            "twin": ("twin", type(None)),
        }

    def test_an_answer_that_cannot_be_given_does_not_stop_the_lane(self):
        lane, heard = Lane("x"), []
        lane.ask(1, lambda _: 5, lambda *_: 1 / 0)
        lane.join(30)
        lane.ask(1, lambda _: 6, lambda *given: heard.append(given[0]))
        lane.join(30)
        assert heard == [6]

    def test_what_fails_is_told_and_the_next_is_answered(self):
        lane, heard = Lane("x"), []
        lane.ask(1, lambda _: 1 / 0, lambda value, error: heard.append((value, str(error))))
        lane.ask(1, lambda _: 5, lambda value, error: heard.append((value, error)))
        lane.join(30)
        assert heard == [(None, "division by zero"), (5, None)]

    def test_the_message_thread_is_free_while_a_row_is_ranked(self, widget, monkeypatch):
        gate, threads = threading.Event(), []
        ranked = rw.Workbench.influential_rows

        def waits(*args, **keys):
            threads.append(threading.current_thread())
            assert gate.wait(10)
            return ranked(*args, **keys)

        monkeypatch.setattr(rw.Workbench, "influential_rows", waits)
        tell(widget, "slow", "ranking", row=1, set_first=True)
        tell(widget, "click", "decide", rows=[3], decision="relabel", note="")
        widget._answers._lanes["store"].join(10)
        assert widget.relabelled == [3]
        gate.set()
        assert answers(widget)["slow"]["kind"] == "result"
        assert threading.main_thread() not in threads

    def test_choosing_another_row_drops_the_ranking_of_the_first(self, widget, monkeypatch):
        began = threading.Event()

        def ranks(*_, monitor, **__):
            began.set()
            while True:
                monitor.check()
                time.sleep(0.005)

        monkeypatch.setattr(rw.Workbench, "influential_rows", ranks)
        tell(widget, "first", "ranking", row=1, set_first=True)
        assert began.wait(10)
        monkeypatch.undo()
        monkeypatch.setattr("comm.create_comm", RecordingComm)
        tell(widget, "second", "ranking", row=2, set_first=True)
        found = answers(widget)
        assert found["first"]["reason"] == "cancelled"
        assert found["second"]["value"]["row"] == 2


class TestJobsTakeOver:
    def test_a_search_for_another_row_takes_the_place_of_the_first(self, widget, bench, monkeypatch):
        began, real = threading.Event(), rw.Workbench.flip_set

        def search(self, row, **keys):
            if row != 5:
                began.set()
                Slow()(monitor=keys["monitor"])
            return real(self, row, **keys)

        monkeypatch.setattr(rw.Workbench, "flip_set", search)
        tell(widget, "one", "find", row=1)
        assert began.wait(10)
        tell(widget, "again", "find", row=1)
        tell(widget, "two", "find", row=2)
        tell(widget, "five", "find", row=5)
        found = answers(widget)
        assert found["again"]["reason"] == "busy"
        assert [found[name]["reason"] for name in ("one", "two")] == ["cancelled", "cancelled"]
        assert "another row took its place" in found["one"]["message"]
        assert found["five"]["kind"] == "result"
        assert bench.known_flip_set(5) is not None
        assert not widget.busy
        assert widget._state["job"] is None

    @pytest.mark.parametrize("change", [("decide", {"rows": [2], "decision": "relabel", "note": ""}), ("undo", {})])
    def test_a_change_of_labels_stops_a_retraining_on_the_old_ones(self, widget, bench, monkeypatch, change):
        slow = Slow()
        monkeypatch.setattr(rw.Workbench, "verify", lambda _, **keys: slow(**keys))
        bench.relabel([1])
        tell(widget, "v", "verify")
        assert slow.began.wait(10)
        assert widget._state["job"] == {"kind": "verify", "row": None, "words": "Retraining on the changed labels…"}
        kind, body = change
        tell(widget, "change", kind, **body)
        found = answers(widget)
        assert "labels changed" in found["v"]["message"]
        assert found["change"]["kind"] == "result"

    def test_a_search_goes_on_while_rows_are_marked(self, widget, bench, monkeypatch):
        slow = Slow()
        monkeypatch.setattr(rw.Workbench, "flip_set", lambda *_, monitor, **__: slow(monitor=monitor))
        tell(widget, "f", "find", row=1)
        assert slow.began.wait(10)
        tell(widget, "m", "decide", rows=[4], decision="relabel", note="")
        widget._answers._lanes["store"].join(10)
        assert bench.relabelled == [4]
        assert widget.busy
        tell(widget, "c", "cancel")
        found = answers(widget)
        assert (found["f"]["reason"], found["m"]["kind"]) == ("cancelled", "result")


class TestDecisions:
    def test_keep_unsure_relabel_and_clear(self, widget, bench):
        assert ask(widget, "decide", rows=[3], decision="keep", note="clear")["message"].startswith(
            "Kept the label of training row 3; 0 labels changed"
        )
        ask(widget, "decide", rows=[4, 5], decision="unsure", note="")
        ask(widget, "decide", rows=[5, 6], decision="relabel", note="sarcasm")
        table = bench.decisions().set_index("row")
        assert table["decision"].to_dict() == {3: "keep", 4: "unsure", 5: "relabel", 6: "relabel"}
        assert table["note"].to_dict() == {3: "clear", 4: "", 5: "sarcasm", 6: "sarcasm"}
        ask(widget, "decide", rows=[3, 6], decision="clear", note="")
        assert set(bench.decisions()["row"]) == {4, 5}
        assert "Already" in ask(widget, "decide", rows=[4], decision="unsure", note="")["message"]
        assert refused(widget, "decide", rows=[60], decision="keep", note="")[0] == "refused"

    def test_the_history_tells_what_counts_and_what_was_taken_back(self, widget, bench, tmp_path):
        bench.relabel(3, note="<b>sure</b>")
        bench.keep([4, 5])
        bench.undo()
        bench.verify()
        bench.export(tmp_path / "x.csv")
        lines = ask(widget, "history")["lines"]
        assert [line["state"] for line in lines] == ["record", "record", "record", "undone", "done"]
        assert lines[-1]["what"].startswith("Relabelled row 3: ")
        assert (lines[-1]["note"], lines[-1]["who"]) == ("<b>sure</b>", "ada")
        assert lines[2]["what"] == "Undid event 2, the decision on 2 rows"
        assert lines[0]["what"].startswith("Exported: 1 corrected labels to")

    def test_words_carry_the_note_and_the_whole_text(self, widget, bench):
        bench.keep(7, note="looked at it")
        found = ask(widget, "words", row=0, train=7)
        assert found["text"] == bench.train_content(7, 0).text
        assert found["about"].endswith(" · note: looked at it")
        assert len(found["words"]) == 3

    def test_shares_of_a_known_set_add_up(self, widget, bench):
        assert ask(widget, "explain", row=2)["shares"] == []
        found = bench.flip_set(2)
        told = ask(widget, "explain", row=2)
        assert [one["row"] for one in told["shares"]] == found.rows.tolist()
        parts = [float(one["words"].removesuffix("% of the flip")) for one in told["shares"]]
        assert sum(parts) == pytest.approx(100, abs=0.05 * found.size)


def sizes(widget):
    sent = [data["content"] for data in widget.comm.drain() if data["method"] == "custom"]
    return [content for content in sent if content["kind"] == "sizes"]


class TestSizesInTheBackground:
    def test_rows_in_sight_come_first_then_all_others_and_the_list_stays_as_it_is(self, widget, bench):
        revision = widget._state["revision"]
        found = deliver(widget, {"v": protocol.VERSION, "id": "w", "kind": "watch", "rows": [7, 3], "on": True})
        widget._answers._filler.join(60)
        news = [one for one in found if one["kind"] == "sizes"] + sizes(widget)
        assert [one["row"] for one in news] == [7, 3, 0, 1, 2, 4, 5, 6, 8, 9, 10, 11, None]
        assert news[-1] == {**news[-1], "done": 12, "total": 12, "words": "Set sizes: 12 of 12"}
        found = [str(bench.flip_set(row).size) for row in range(12)]
        assert {one["row"]: one["size"]["shown"] for one in news[:-1]} == dict(enumerate(found))
        assert widget._state["revision"] == revision
        assert [line["size"]["shown"] for line in page(widget)["rows"]] == found

    def test_the_chosen_row_is_told_of_its_set_at_once(self, widget):
        widget.test_row = 3
        revision = widget._state["revision"]
        tell(widget, "w", "watch", rows=[3], on=True)
        widget._answers._filler.join(60)
        assert widget._state["revision"] == revision + 1

    def test_it_stops_for_a_persons_job_and_when_told_to(self, widget, monkeypatch):
        searched, real = [], rw.Workbench.flip_set

        def search(self, row, *, budget=None, **keys):
            searched.append(row)
            if budget is not None and len(searched) < 3:
                Slow()(monitor=keys["monitor"])
            return real(self, row, budget=budget, **keys)

        monkeypatch.setattr(rw.Workbench, "flip_set", search)
        tell(widget, "w", "watch", rows=[7], on=True)
        while not searched:
            time.sleep(0.005)
        tell(widget, "f", "find", row=2)
        assert answers(widget)["f"]["kind"] == "result"
        while len(searched) < 3:
            time.sleep(0.005)
        assert searched[:3] == [7, 2, 7]
        tell(widget, "p", "watch", rows=[], on=False)
        widget._answers._filler.join(30)
        assert answers(widget)["p"]["kind"] == "result"
        n_searched = len(searched)
        time.sleep(0.5)
        assert len(searched) == n_searched

    def test_nobody_looks_any_more(self, widget, monkeypatch):
        monkeypatch.setattr(filling, "PATIENCE", 0.0)
        tell(widget, "w", "watch", rows=[7], on=True)
        widget._answers._filler.join(30)
        assert [one["row"] for one in sizes(widget)] == [None]

    def test_a_row_that_cannot_be_searched_leaves_the_others_their_turn(self, widget, monkeypatch, caplog):
        real = rw.Workbench.flip_set
        monkeypatch.setattr(
            rw.Workbench, "flip_set", lambda self, row, **keys: 1 / 0 if row == 0 else real(self, row, **keys)
        )
        tell(widget, "w", "watch", rows=[], on=True)
        widget._answers._filler.join(60)
        news = sizes(widget)
        assert (news[0]["row"], news[0]["size"]) == (0, None)
        assert len(news) == 13
        assert "could not be searched" in caplog.text

    def test_another_threshold_begins_anew(self, widget, bench):
        tell(widget, "w", "watch", rows=[], on=True)
        widget._answers._filler.join(60)
        bench.threshold = 0.4
        tell(widget, "w", "watch", rows=[5], on=True)
        widget._answers._filler.join(60)
        assert bench.known_flip_set(11) is not None

    def test_it_keeps_no_workbench_alive(self):
        bench = make_workbench()
        ref, filler = weakref.ref(bench), filling.filler_of(bench)
        assert filling.filler_of(bench) is filler
        del bench
        gc.collect()
        assert ref() is None


def test_a_closed_workbench_is_said_on_the_page(widget, bench):
    bench.close()
    reason, message = refused(widget, "decide", rows=[3], decision="relabel", note="")
    assert reason == "failed"
    assert "was closed" in message


def test_a_saved_notebook_grows_by_150_kb_at_most_with_100_000_training_texts():
    import json

    import numpy as np
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = np.array(["warm", "cold", "kind", "rude", "room", "desk"])
    rng = np.random.default_rng(0)
    texts = [" ".join(line) for line in words[rng.integers(6, size=(100_000, 12))]]
    labels = rng.integers(2, size=100_000)
    model = make_pipeline(CountVectorizer(), LogisticRegression(C=0.1)).fit(texts, labels)
    widget = rw.RelabelWidget(rw.Workbench(model, texts, labels, texts[:50]))
    widget.test_row = 3
    widget.relabelled = list(range(100))
    saved = json.dumps({**widget.get_state(), **widget._repr_mimebundle_()[0]}, default=str)
    assert len(saved.encode()) <= 150_000
    widget.close()


def test_whatever_is_sent_is_sent_as_an_answer_to_the_page(widget, bench, monkeypatch):
    whose = contextvars.ContextVar("whose", default="nobody")
    sent = []
    publish = widget.comm.publish_msg

    def record(*args, **kwargs):
        sent.append(whose.get())
        return publish(*args, **kwargs)

    monkeypatch.setattr(widget.comm, "publish_msg", record)

    def in_context_of(name, act):
        context = contextvars.copy_context()
        context.run(whose.set, name)
        context.run(act)

    in_context_of("page", lambda: ask(widget, "watch", rows=[0], on=True))
    filling.filler_of(bench).join(30)
    another = rw.RelabelWidget(bench)
    in_context_of("another page", lambda: ask(another, "decide", rows=[3], decision="relabel", note=""))
    bench.relabel([4])
    in_context_of("page", lambda: ask(widget, "find", row=1))
    another.close()
    assert len(sent) >= 6
    assert set(sent) == {"page"}


class TestWritesThatWait:
    def test_what_was_decided_is_written_though_the_widget_closes(self, bench):
        widget = rw.RelabelWidget(bench)
        with bench._deciding:  # as if the store were busy
            for row in (1, 2, 3):
                tell(widget, f"r{row}", "decide", rows=[row], decision="relabel", labels=None, note="")
            widget.close()
        widget._answers.join(30)
        assert bench.relabelled == [1, 2, 3]

    def test_an_export_comes_after_the_decisions_before_it(self, widget, bench, tmp_path):
        with bench._deciding:
            tell(widget, "r", "decide", rows=[1], decision="relabel", labels=None, note="")
            tell(widget, "x", "export", path=str(tmp_path / "labels.csv"), overwrite=False, every=False)
        assert answers(widget)["x"]["kind"] == "result"
        assert (tmp_path / "labels.csv").exists()

    def test_what_is_refused_after_a_while_does_not_wait_any_more(self, widget, bench, monkeypatch):
        monkeypatch.setattr("relabel_widget.widget._replies.PATIENCE", 0.01)
        with bench._deciding:
            tell(widget, "u", "undo")
            end = time.monotonic() + 10
            while widget._state["status"] != "Waiting for the store…" and time.monotonic() < end:
                time.sleep(0.01)
        assert answers(widget)["u"]["reason"] == "refused"
        assert widget._state["status"] == ""


def test_a_workbench_that_is_closed_at_once_has_written_what_was_decided_on_its_page(tmp_path):
    """What stood in the queue was refused, because the store was closed, and nobody was told."""
    bench = make_workbench(annotator="ada", store=tmp_path / "store.sqlite")
    widget = rw.RelabelWidget(bench)
    locked = sqlite3.connect(tmp_path / "store.sqlite", check_same_thread=False)
    locked.execute("BEGIN IMMEDIATE")
    for row in range(4):
        tell(widget, f"r{row}", "decide", rows=[row], decision="relabel", note="", labels=None)
    release = threading.Timer(0.5, locked.rollback)
    release.start()
    widget.close()
    bench.close()
    release.join()
    assert bench.store_trouble == ""
    again = make_workbench(annotator="ada", store=tmp_path / "store.sqlite")
    assert again.relabelled == [0, 1, 2, 3]
    again.close()


ENDS_AT_ONCE = """
import sys
sys.path.insert(0, sys.argv[1])
import comm
from recording_comm import RecordingComm
comm.create_comm = RecordingComm
from widget_cases import make_workbench
from test_widget_live import tell
import relabel_widget as rw
bench = make_workbench(annotator="ada", store=sys.argv[2])
widget = rw.RelabelWidget(bench)
for row in range(20):
    tell(widget, f"r{row}", "decide", rows=[row], decision="relabel", note="", labels=None)
"""


def test_python_does_not_end_before_the_decisions_of_the_page_are_written(tmp_path):
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ENDS_AT_ONCE, str(Path(__file__).parent), str(tmp_path / "store")],
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path},
    )
    with make_workbench(annotator="ada", store=tmp_path / "store") as again:
        assert again.relabelled == list(range(20))

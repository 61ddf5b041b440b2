"""Long work: the kernel stays free, and a cancel stops it."""

from __future__ import annotations

import pytest
from widget_cases import Slow, ask, make_workbench, message, refused

import relabel_widget as rw
from relabel_widget.widget import _protocol as protocol
from relabel_widget.widget._jobs import Jobs

pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture
def bench():
    return make_workbench()


class TestJobs:
    @pytest.fixture
    def slow(self, monkeypatch):
        slow = Slow()
        monkeypatch.setattr(rw.Workbench, "verify", lambda _, **keys: slow(**keys))
        return slow

    def _begin(self, widget, slow):
        widget._on_request(widget, {"v": protocol.VERSION, "id": "long", "kind": "verify"}, [])
        assert slow.began.wait(10)

    def _answers(self, widget):
        widget._answers.join(30)
        sent = [data["content"] for data in widget.comm.drain() if data["method"] == "custom"]
        return [content for content in sent if content["kind"] != "progress"]

    def test_the_kernel_is_free_while_a_job_runs_and_cancel_stops_it(self, widget, slow):
        self._begin(widget, slow)
        assert widget.busy
        widget._on_request(
            widget, {"v": protocol.VERSION, "id": "p", "kind": "ranking", "row": 0, "set_first": True}, []
        )
        for kind, body in [("find", {"row": 0}), ("verify", {}), ("threshold", {"value": 0.4})]:
            widget._on_request(widget, message(kind, kind, **body), [])
        widget._on_request(widget, {"v": protocol.VERSION, "id": "c", "kind": "cancel"}, [])
        answers = {answer["id"]: answer for answer in self._answers(widget)}
        assert answers["p"]["kind"] == "result"
        assert {answers[kind]["reason"] for kind in ("find", "verify", "threshold")} == {"busy"}
        assert "still running" in answers["find"]["message"]
        assert "Already running" in answers["verify"]["message"]
        assert answers["long"]["reason"] == "cancelled"
        assert answers["c"]["kind"] == "result"
        assert not widget.busy
        assert widget.relabelled == []

    def test_every_widget_on_the_workbench_shows_and_stops_the_job(self, widget, slow):
        other = rw.RelabelWidget(widget.workbench)
        self._begin(widget, slow)
        assert other.busy
        with pytest.raises(RuntimeError, match="still running"):
            other.find_flip_set(0)
        other._on_request(other, {"v": protocol.VERSION, "id": "c", "kind": "cancel"}, [])
        widget._jobs.join(30)
        assert not other.busy

    def test_progress_is_thinned_out(self):
        jobs, heard = Jobs(), []
        jobs.subscribe(heard.append)
        with jobs.running("verify") as monitor:
            for i in range(1, 1001):
                monitor.step("refit", i, 1000)
        reports = [one for one in heard if one is not None]
        assert reports[-1].done == 1000
        assert len(reports) < 100

    def test_cancel_with_nothing_running(self, widget):
        assert ask(widget, "cancel")["message"] == "Nothing is running."

    def test_a_job_that_ends_badly_lets_the_next_one_start(self, widget, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(rw.Workbench, "flip_set", lambda *_, **__: 1 / 0)
            assert refused(widget, "find", row=0) == ("failed", "division by zero")
        assert ask(widget, "find", row=0)

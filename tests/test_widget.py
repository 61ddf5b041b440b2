"""The widget without a browser: messages go in as a front end sends them, and what comes out is collected."""

from __future__ import annotations

import itertools
import json
import threading
import time
from pathlib import Path

import comm
import numpy as np
import pandas as pd
import pytest
import traitlets
from recording_comm import RecordingComm
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.monitor import Cancelled
from relabel_widget.widget import _protocol as protocol
from relabel_widget.widget import _requests as requests
from relabel_widget.widget import _wire as wire
from relabel_widget.widget import _words as words
from relabel_widget.widget._jobs import Jobs
from relabel_widget.widget._outcomes import of_flip_set, of_retraining
from relabel_widget.widget._pages import Pages
from relabel_widget.widget._trial import Trial

EXAMPLES = (Path(__file__).parent / "contract" / "messages.json").read_text()
CONTRACT = json.loads(EXAMPLES.replace('"VERSION"', json.dumps(protocol.VERSION)))
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(autouse=True)
def _record(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


def make_workbench(n_train=60, n_test=12, labels=("bad", "good"), **options):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n_train + n_test, 3))
    y = np.array(labels)[(X[:, 0] + 0.8 * rng.normal(size=len(X)) > 0).astype(int)]
    train, test = slice(0, n_train), slice(n_train, None)
    estimator = LogisticRegression(C=1.0).fit(X[train], y[train])
    options.setdefault("test_text", [f"test text {i}" for i in range(n_test)])
    return rw.Workbench(estimator, X[train], y[train], X[test], options.pop("y_test", y[test]), **options)


@pytest.fixture
def bench():
    return make_workbench()


NUMBERS = itertools.count()


def deliver(widget, content):
    """Everything that was sent back, once no job runs any more."""
    widget.comm.drain()
    widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})
    widget._answers.join(30)
    return [data["content"] for data in widget.comm.drain() if data["method"] == "custom"]


def message(request, kind, **body):
    """A request; what most tests leave to Python is left to it."""
    queue = {"order": "repair", "round": 1, "search": "", "label": None, "suggested": None}
    queue |= {"contradicted": False, "offset": 0, "limit": 100}
    page = {"predicted": None, "meta": None, "brushes": []}
    decide = {"labels": None, "test_row": None}
    left = {"find": {"target": None}, "decide": decide, "page": page, "queue": queue}
    return {"v": protocol.VERSION, "id": request, "kind": kind, **left.get(kind, {}), **body}


def ask(widget, kind, **body):
    """The value of the one result; no error may come."""
    *progress, last = deliver(widget, message(f"q{next(NUMBERS)}", kind, **body))
    assert all(one["kind"] == "progress" for one in progress)
    assert last["kind"] == "result", last
    return last["value"]


def refused(widget, kind, **body):
    *progress, last = deliver(widget, message("q", kind, **body))
    assert all(one["kind"] == "progress" for one in progress)
    assert last["kind"] == "error"
    assert last["id"] == "q"
    return last["reason"], last["message"]


def page(widget, **changes):
    query = {"sort": "row", "descending": False, "filter": "all", "search": "", "offset": 0, "limit": 100}
    return ask(widget, "page", **{**query, **changes})


def rows_of(answer):
    return [line["row"] for line in answer["rows"]]


def same_shape(value, example):
    """The same fields, all the way down; where either is None, nothing is said of the other."""
    if value is None or example is None:
        return
    if isinstance(example, dict):
        assert set(value) == set(example)
        for key in example:
            same_shape(value[key], example[key])
    elif isinstance(example, list):
        for item in value:
            same_shape(item, example[0])
    elif isinstance(example, float):
        assert isinstance(value, float)
    else:
        assert type(value) is type(example)


class TestContract:
    @pytest.mark.parametrize("message", CONTRACT["requests"], ids=lambda message: message["kind"])
    def test_every_example_request_is_understood(self, message):
        request = requests.parse(message)
        assert request.kind == message["kind"]
        assert {"v": protocol.VERSION, "id": request.id, "kind": request.kind, **request.body} == message

    def test_the_examples_cover_every_kind(self):
        kinds = set(protocol.REQUESTS)
        assert {message["kind"] for message in CONTRACT["requests"]} == kinds == set(CONTRACT["results"])

    def test_the_example_results_are_as_declared(self):
        wrong = [kind for kind, value in CONTRACT["results"].items() if not protocol.REQUESTS[kind].result.fits(value)]
        assert wrong == []
        assert protocol.SHARED.fits(CONTRACT["state"])

    @pytest.mark.parametrize("example", CONTRACT["malformed_requests"], ids=lambda example: example["why"])
    def test_a_malformed_request_gets_exactly_one_error(self, widget, example):
        (answer,) = deliver(widget, example["message"])
        assert answer["kind"] == "error"
        assert answer["reason"] == "malformed"
        assert answer["message"]
        assert answer["id"] == requests.request_id(example["message"])
        assert widget.relabelled == []

    def test_results_have_the_fields_of_the_examples(self, widget):
        examples = CONTRACT["results"]
        same_shape(ask(widget, "find", row=0), examples["find"])
        same_shape(
            ask(widget, "decide", rows=widget.workbench.flip_set(0).rows.tolist(), decision="relabel", note=""),
            examples["decide"],
        )
        same_shape(ask(widget, "verify"), examples["verify"])
        ranking = ask(widget, "ranking", row=0, set_first=True)
        assert None not in (ranking["flip"], ranking["forecast"], ranking["summary"]["verified_predicted"])
        same_shape(ranking, examples["ranking"])
        same_shape(ask(widget, "bars", row=0, set_first=True, offset=2, limit=5), examples["bars"])
        same_shape(ask(widget, "words", row=0, train=3), examples["words"])
        same_shape(ask(widget, "explain", row=0), examples["explain"])
        same_shape(ask(widget, "flips"), examples["flips"])
        queue = ask(widget, "queue")
        same_shape(queue, examples["queue"])
        first = queue["rows"][0]
        same_shape(ask(widget, "reasons", row=first["row"], label=first["suggested"]), examples["reasons"])
        same_shape(ask(widget, "outlook"), examples["outlook"])
        same_shape(ask(widget, "history"), examples["history"])
        same_shape(ask(widget, "conflicts"), examples["conflicts"])
        same_shape(ask(widget, "carried"), examples["carried"])
        same_shape(ask(widget, "watch", rows=[0], on=False), examples["watch"])
        same_shape(page(widget), examples["page"])
        same_shape(
            ask(widget, "train_rows", filter="all", search="", asked=0, offset=0, limit=9), examples["train_rows"]
        )
        whole = {"filter": "all", "predicted": None, "search": "", "brushes": []}
        same_shape(ask(widget, "spread", **whole), examples["spread"])
        same_shape(widget._state, CONTRACT["state"])
        assert protocol.SHARED.fits(widget._state)
        assert widget._state["verification"] is not None

    def test_replies_have_the_fields_of_the_examples(self):
        result, progress, _, error, sizes = CONTRACT["replies"]
        same_shape(requests.sizes_message(3, 2, 4, 10, True), sizes)
        same_shape(requests.result_message("a", {"message": "x"}), result)
        same_shape(requests.progress_message("a", "x", 1, 4), progress)
        same_shape(requests.error_message("a", "busy", "x"), error)


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
        before = ranking["summary"]["proba"]
        after = 1 / (1 + np.exp(-np.log(before / (1 - before)) - change))
        words = f"probability {before:.3f} → about {after:.3f}, so probably"
        assert words in told["words"]
        assert f"“{'good' if after > 0.5 else 'bad'}”" in told["words"]

    def test_verify_tells_what_an_independent_fit_tells(self, widget, bench):
        ask(widget, "decide", rows=list(range(0, 60, 4)), decision="relabel", note="")
        ask(widget, "verify")
        line = page(widget)["rows"][0]
        X = np.random.default_rng(7).normal(size=(72, 3))  # as make_workbench draws it
        refit = LogisticRegression(C=1.0, tol=1e-10).fit(X[:60], bench.labels())
        assert line["verified_proba"] == pytest.approx(refit.predict_proba(X[60:61])[0, 1], abs=1e-5)
        assert widget._state["verification"] == of_retraining(bench.verification_summary())
        assert "with 15 changed labels" in ask(widget, "ranking", row=0, set_first=True)["retrained"]
        ask(widget, "undo")
        assert page(widget)["rows"][0]["verified_proba"] is None
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
        for _, message in said:
            assert message[0].isupper() or message[0] == "'", message
            assert not message.startswith(("Export:", "Journal:"))

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


class TestPages:
    def test_paging_and_sorting(self, widget, bench):
        table = bench.test_rows()
        assert page(widget)["total"] == 12
        assert rows_of(page(widget, offset=10)) == [10, 11]
        falling = rows_of(page(widget, sort="proba", descending=True))
        assert falling == table.sort_values("proba", ascending=False)["row"].tolist()
        assert rows_of(page(widget, sort="row", descending=True)) == list(range(11, -1, -1))

    def test_rows_without_a_value_come_last_either_way(self, widget, bench):
        bench.flip_set(4)
        for descending in (False, True):
            assert rows_of(page(widget, sort="flip_size", descending=descending))[0] == 4

    def test_filters(self, widget, bench):
        table = bench.test_rows()
        wrong = table.loc[table["label"] != table["predicted"], "row"].tolist()
        assert wrong
        assert rows_of(page(widget, filter="misclassified")) == wrong
        near = table.loc[(table["proba"] - 0.5).abs() <= 0.1, "row"].tolist()
        assert rows_of(page(widget, filter="near")) == near
        good = table.loc[table["predicted"] == "good", "row"].tolist()
        assert rows_of(page(widget, predicted="good")) == good
        assert sorted(good + rows_of(page(widget, predicted="bad"))) == list(range(12))
        bench.flip_set(2)
        assert rows_of(page(widget, filter="has_set")) == [2]
        assert rows_of(page(widget, filter="flipped")) == []
        bench.relabel(bench.flip_set(2).rows)
        flipped = np.flatnonzero(bench.verify().flipped).tolist()
        assert 2 in flipped
        assert rows_of(page(widget, filter="flipped")) == flipped

    def test_search_takes_words_as_they_are(self, widget):
        assert rows_of(page(widget, search="TEXT 1")) == [1, 10, 11]
        assert rows_of(page(widget, search=".*")) == []

    def test_integer_labels_and_no_true_labels(self):
        widget = rw.RelabelWidget(make_workbench(labels=(0, 1), y_test=None))
        line = page(widget)["rows"][0]
        assert line["predicted"] in ("0", "1")
        assert line["label"] is None
        assert not widget._state["labelled"]
        assert page(widget, filter="misclassified")["total"] == 0

    def test_small_sets_and_what_a_verification_made_of_predictions(self, widget, bench):
        assert page(widget, filter="small")["total"] == page(widget, filter="became_right")["total"] == 0
        sizes = {row: bench.flip_set(row).size for row in range(12)}
        assert rows_of(page(widget, filter="small")) == [row for row, size in sizes.items() if 0 < size <= 3]
        bench.relabel(list(range(0, 60, 3)))
        bench.verify()
        table = bench.test_rows()
        before, after = table["predicted"] == table["label"], table["verified_predicted"] == table["label"]
        assert rows_of(page(widget, filter="became_right")) == np.flatnonzero(after & ~before).tolist()
        assert rows_of(page(widget, filter="became_wrong")) == np.flatnonzero(before & ~after).tolist()
        assert {line["row"] for line in ask(widget, "flips")["rows"]} == set(np.flatnonzero(before != after))

    @pytest.mark.parametrize("column", ["text", "label", "predicted", "proba", "margin", "flip_size", "verified_proba"])
    def test_sorting_by_any_column_is_what_pandas_sorts(self, widget, bench, column):
        bench.flip_set(4)
        bench.flip_set(7)
        bench.relabel(list(range(0, 60, 4)))
        bench.verify()
        expected = bench.test_rows().sort_values(column, kind="stable", na_position="last")["row"].tolist()
        assert rows_of(page(widget, sort=column)) == expected

    def test_a_hundred_thousand_rows_come_page_by_page(self):
        n = 100_000
        bench = make_workbench(n_test=n)
        pages = Pages(bench, Trial(bench))
        query = {"sort": "proba", "descending": True, "search": "text", "offset": 0, "limit": 100}
        query |= {"filter": "all", "predicted": "good", "meta": None, "brushes": []}
        pages.page(query)
        reads = []
        content = bench.test_content
        bench_content = lambda row, *, small: reads.append(row) or content(row, small=small)  # noqa: E731
        bench.__dict__["test_content"] = bench_content
        answer = pages.page({**query, "offset": 40_000})
        assert len(reads) == len(answer["rows"]) == 100  # neither sorted nor searched again
        table = bench.test_rows()
        best = table[table["predicted"] == "good"].sort_values("proba", ascending=False, kind="stable")
        assert answer["total"] == len(best)
        assert rows_of(answer) == best["row"].iloc[40_000:40_100].tolist()


class Slow:
    """Stands in the place of a workbench's method: works until told to stop."""

    def __init__(self):
        self.began = threading.Event()

    def __call__(self, *, monitor):
        self.began.set()
        for i in range(10_000):
            monitor.step("refit", i, 10_000)
            time.sleep(0.005)


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

"""Labels that are tried on a page: forecast and verified on top of those decided, of which nothing is recorded."""

from __future__ import annotations

import comm
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from recording_comm import RecordingComm
from widget_cases import ask, make_workbench, page, refused

import relabel_widget as rw
from relabel_widget.widget._outcomes import of_retraining


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    return make_workbench()


def try_rows(widget, rows, labels=None):
    return ask(widget, "try", rows=rows, labels=[None] * len(rows) if labels is None else labels)


def tried(widget):
    return {one["row"]: one["label"] for one in widget._state["trial"]}


def other(bench, row):
    return next(label for label in bench.classes.tolist() if label != bench.fit.y[row])


def test_a_trial_is_forecast_and_verified_and_leaves_no_trace(widget, bench):
    found = bench.flip_set(0)
    widget.test_row = 0
    answer = try_rows(widget, found.rows.tolist(), found.labels.tolist())
    assert answer["rows"] == found.rows.tolist()
    assert f"→ about {bench.forecast(0, found.rows, found.labels).proba:.3f}" in answer["forecast"]["words"]
    assert tried(widget) == dict(zip(sorted(found.rows.tolist()), [str(found.labels[0])] * found.size, strict=True))
    said = ask(widget, "verify")["message"]
    expected = bench.what_if(found.rows, found.labels)
    summary = bench.verification_summary(expected)
    assert said.startswith(f"Trial of {found.size} label")
    assert "nothing recorded" in said
    assert widget._state["verification"] == of_retraining(summary)
    lines = page(widget)["rows"]
    assert [line["verdict"]["worth"] != "" for line in lines] == expected.flipped.tolist()
    assert ask(widget, "flips")["total"] == summary.n_flipped
    assert len(page(widget, filter="flipped")["rows"]) == summary.n_flipped

    assert "Nothing of it was recorded" in try_rows(widget, [])["message"]
    assert widget._state["verification"] is None
    assert page(widget)["rows"][0]["verdict"]["words"] == "–"
    assert (len(bench.history()), bench.relabelled, widget.relabelled, bench.verification) == (0, [], [], None)


def test_a_trial_stands_on_top_of_what_was_decided(widget, bench):
    bench.relabel([4])
    decided = bench.verify()
    try_rows(widget, [4, 7])  # row 4 back to its original label
    assert tried(widget) == {4: bench.fit.y[4], 7: other(bench, 7)}
    ask(widget, "verify")
    np.testing.assert_allclose(widget._pages.columns().verified_proba, bench.what_if([4, 7]).proba_after)
    try_rows(widget, [])
    np.testing.assert_allclose(widget._pages.columns().verified_proba, decided.proba_after)
    assert bench.verification is decided


def test_a_decision_takes_its_row_out_of_the_trial(widget, bench):
    try_rows(widget, [3, 5, 9])
    ask(widget, "decide", rows=[3], decision="keep", note="")
    assert sorted(tried(widget)) == [5, 9]
    ask(widget, "verify")
    assert widget._state["verification"] is not None
    bench.relabel([5])  # from Python, as the trial has it
    assert sorted(tried(widget)) == [9]
    assert widget._state["verification"] is None
    assert bench.relabelled == [5]


def test_what_was_verified_goes_with_the_threshold_and_stays_with_what_moves_no_label(widget, bench):
    try_rows(widget, [3])
    ask(widget, "verify")
    bench.keep([20])
    assert widget._state["verification"] is not None
    bench.threshold = 0.6
    assert widget._state["verification"] is None
    assert sorted(tried(widget)) == [3]


def test_labels_that_rows_have_anyway_are_not_tried(widget, bench):
    try_rows(widget, [3], [str(bench.fit.y[3])])
    assert tried(widget) == {}
    assert "Relabel a row first" in refused(widget, "verify")[1]


@pytest.mark.parametrize(
    ("rows", "labels", "words"),
    [
        ([60], [None], "expected training rows 0 to 59, got 60"),
        ([3, 3], [None, None], "expected each training row once"),
        ([3], [], "xpected as many labels as rows (1), got 0"),
        ([3], ["worse"], "There is no class 'worse'"),
    ],
)
def test_what_is_no_trial_is_refused_and_the_one_there_is_stays(widget, rows, labels, words):
    try_rows(widget, [7])
    reason, said = refused(widget, "try", rows=rows, labels=labels)
    assert reason == "refused"
    assert words in said
    assert sorted(tried(widget)) == [7]


def test_two_widgets_try_apart(widget, bench):
    second = rw.RelabelWidget(bench)
    try_rows(widget, [3])
    assert (sorted(tried(widget)), tried(second)) == ([3], {})
    ask(second, "decide", rows=[3], decision="relabel", note="")
    assert tried(widget) == {}
    second.close()


def test_several_classes_get_the_label_that_moves_the_chosen_row(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    rng = np.random.default_rng(2)
    X = rng.normal(size=(90, 4))
    y = np.array(["a", "b", "c"])[np.argmax(X[:, :3] + rng.normal(size=(90, 3)), axis=1)]
    from sklearn.linear_model import LogisticRegression

    bench = rw.Workbench(LogisticRegression().fit(X[:70], y[:70]), X[:70], y[:70], X[70:], y[70:])
    widget = rw.RelabelWidget(bench)
    widget.test_row = 1
    try_rows(widget, [2, 5])
    assert list(tried(widget).values()) == bench.suggested_labels([2, 5], 1).tolist()
    ask(widget, "verify")
    expected = bench.what_if([2, 5], bench.suggested_labels([2, 5], 1))
    assert_array_equal([line["verdict"]["worth"] != "" for line in page(widget)["rows"]], expected.flipped)
    widget.close()

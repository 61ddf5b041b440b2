"""Other threads and listeners at work while something is computed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from workbench_cases import TEST, TRAIN, Y, closest

from relabel_widget.monitor import Monitor
from relabel_widget.workbench.workbench import Workbench


class Meanwhile(Monitor):
    """Has another thread make a change once, from inside the work. Under a lock that thread would never end."""

    def __init__(self, change: Callable[[], object]) -> None:
        super().__init__()
        self.change: Callable[[], object] | None = change

    def check(self) -> None:
        change, self.change = self.change, None
        if change is not None:
            worker = threading.Thread(target=change, daemon=True)
            worker.start()
            worker.join(timeout=20)
            assert not worker.is_alive(), "the lock is held while computing"


def test_a_retraining_on_labels_that_changed_meanwhile_is_not_kept(bench: Workbench) -> None:
    heard: list[str] = []
    bench.relabel(1)
    bench.subscribe(heard.append)
    result = bench.verify(monitor=Meanwhile(lambda: bench.relabel(2)))
    np.testing.assert_allclose(result.proba_after, retrained([1]), atol=1e-6)
    assert bench.relabelled == [1, 2]
    assert bench.verification is None
    assert bench.history()["kind"].tolist() == ["relabel", "relabel"]
    assert heard == ["labels"]


def retrained(rows: list[int]) -> Any:
    labels = np.array(Y)
    labels[rows] = np.where(labels[rows] == "praise", "complaint", "praise")
    vectors = TfidfVectorizer().fit(TRAIN)
    model = LogisticRegression(C=2.0, tol=1e-12, max_iter=5000).fit(vectors.transform(TRAIN), labels)
    return model.predict_proba(vectors.transform(TEST))[:, 1]


def test_a_flip_set_for_another_threshold_is_not_kept(bench: Workbench) -> None:
    row, heard = closest(bench), list[str]()
    bench.subscribe(heard.append)
    assert bench.flip_set(row, monitor=Meanwhile(lambda: setattr(bench, "threshold", 0.7))).found
    assert bench.threshold == 0.7
    assert bench.known_flip_set(row) is None
    assert heard == ["threshold"]


def test_two_searches_for_one_row_agree_on_the_first(bench: Workbench) -> None:
    row, heard, other = closest(bench), list[str](), list[Any]()
    bench.subscribe(heard.append)
    found = bench.flip_set(row, monitor=Meanwhile(lambda: other.append(bench.flip_set(row))))
    assert found is other[0]
    assert heard == ["flip_set"]


def test_many_threads_decide_at_once(tmp_path: Path, pipeline: Pipeline) -> None:
    store = tmp_path / "store.sqlite"
    bench = Workbench(pipeline, TRAIN, Y, TEST, store=store)

    def work(first: int) -> None:
        for row in range(first, first + 10):
            bench.relabel(row)
            bench.test_rows()
        bench.influential_rows(first // 10)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bench.relabelled == list(range(40))
    assert Workbench(pipeline, TRAIN, Y, TEST, store=store).relabelled == list(range(40))


def test_listeners_hear_of_every_change_until_they_leave(bench: Workbench) -> None:
    heard: list[str] = []
    leave = bench.subscribe(heard.append)
    bench.relabel(1)
    bench.undo()
    bench.redo()
    bench.flip_set(0)
    bench.flip_set(0)
    bench.verify()
    bench.threshold = 0.4
    bench.threshold = 0.4
    bench.relabel(1, label=bench.labels()[1])
    assert heard == ["labels", "labels", "labels", "flip_set", "verification", "threshold"]
    leave()
    leave()
    bench.undo()
    assert len(heard) == 6


def test_a_listener_may_wait_for_another_thread(bench: Workbench) -> None:
    seen: list[list[int]] = []

    def listener(_: str) -> None:
        worker = threading.Thread(target=lambda: seen.append(bench.relabelled))
        worker.start()
        worker.join(timeout=20)

    bench.subscribe(listener)
    bench.relabel(1)
    assert seen == [[1]]


def test_a_listener_that_fails_does_not_undo_the_decision(bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def fails(_: str) -> None:
        raise RuntimeError("the view is gone")

    bench.subscribe(fails)
    bench.subscribe(heard.append)
    with caplog.at_level(logging.ERROR):
        bench.relabel(1)
    assert bench.relabelled == [1]
    assert heard == ["labels"]
    assert "the view is gone" in caplog.text

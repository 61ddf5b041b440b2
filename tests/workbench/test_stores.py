"""Decisions in a SQLite file: taken up again, kept through a kill, refused where they do not fit."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from sklearn.pipeline import Pipeline
from workbench_cases import TEST, TRAIN, Y

from relabel_widget.journal import JournalError
from relabel_widget.workbench.workbench import Workbench


def test_decisions_are_taken_up_again(pipeline: Pipeline, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    first = Workbench(pipeline, TRAIN, Y, TEST, annotator="ada", store=store)
    first.relabel([1, 2], note="why")
    first.relabel(3)
    first.undo()
    second = Workbench(pipeline, TRAIN, Y, TEST, annotator="bo", store=str(store))
    assert second.relabelled == [1, 2]
    pd.testing.assert_frame_equal(second.corrected_labels(), first.corrected_labels())
    pd.testing.assert_frame_equal(second.history(), first.history())
    assert second.redo() == [3]
    assert second.corrected_labels()["annotator"].tolist() == ["ada"] * 3
    assert second.history()["annotator"].tolist()[-1] == "bo"


PROGRAM = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from workbench_cases import TEST, TRAIN, Y

from relabel_widget.workbench import Workbench
model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=2.0)).fit(TRAIN, Y)
bench = Workbench(model, TRAIN, Y, TEST, store=sys.argv[2])
bench.relabel([5, 6], note="before the crash")
print("told", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_told_survives_kill_9(pipeline: Pipeline, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(store)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "told\n"), done.stderr
    assert Workbench(pipeline, TRAIN, Y, TEST, store=store).relabelled == [5, 6]


def test_a_store_of_other_data_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    Workbench(pipeline, TRAIN, Y, TEST, store=store)
    with pytest.raises(JournalError, match="got different row ids"):
        Workbench(pipeline, TRAIN, Y, TEST, ids=range(1, 81), store=store)
    Workbench(pipeline, TRAIN, Y, TEST, ids=[str(row) for row in range(80)], store=store)


def test_a_store_that_cannot_be_written_leaves_the_labels(pipeline: Pipeline, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    one, two = (Workbench(pipeline, TRAIN, Y, TEST, store=store) for _ in range(2))
    heard: list[str] = []
    two.subscribe(heard.append)
    one.relabel(1)
    with pytest.raises(JournalError, match="another notebook or process"):
        two.relabel(2)
    assert (two.relabelled, heard, two.labels().tolist()) == ([], [], Y)

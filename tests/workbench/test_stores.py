"""Decisions in a store: taken up again, kept through a kill and through every kind of trouble with the file."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from sklearn.pipeline import Pipeline
from workbench_cases import TEST, TRAIN, Y

from relabel_widget.journal import JournalError, StoreWarning
from relabel_widget.workbench.workbench import Workbench


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def test_decisions_are_taken_up_again(pipeline: Pipeline, store: Path) -> None:
    first = Workbench(pipeline, TRAIN, Y, TEST, annotator="ada", store=store)
    first.relabel([1, 2], note="why")
    first.relabel(3)
    first.undo()
    second = Workbench(pipeline, TRAIN, Y, TEST, annotator="ada", store=str(store))
    assert second.relabelled == [1, 2]
    pd.testing.assert_frame_equal(second.corrected_labels(), first.corrected_labels())
    pd.testing.assert_frame_equal(second.history(), first.history())
    assert second.next_redo == "event 2: relabel row 3, by ada"
    assert second.redo() == [3]
    assert second.corrected_labels()["annotator"].tolist() == ["ada"] * 3


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


def test_what_was_told_survives_kill_9(pipeline: Pipeline, store: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(store)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "told\n"), done.stderr
    assert Workbench(pipeline, TRAIN, Y, TEST, store=store).relabelled == [5, 6]


def test_a_store_of_other_data_is_refused(pipeline: Pipeline, store: Path) -> None:
    with Workbench(pipeline, TRAIN, Y, TEST, store=store) as bench:
        bench.relabel(1)
    before = store.read_bytes()
    with pytest.raises(JournalError, match=r"expected the data that .*store\.sqlite' was made for.* shares no row"):
        Workbench(pipeline, [f"other {text}" for text in TRAIN], Y, TEST, store=store)
    assert store.read_bytes() == before


# --- trouble while it is open


def test_a_folder_that_is_missing_is_named_once(pipeline: Pipeline, tmp_path: Path) -> None:
    """The message named it, the store in it, the folder again, and ended in two full stops."""
    words = rf"^journal: cannot create the store: there is no folder '{tmp_path}/missing'\. Create it, or choose"
    with pytest.raises(JournalError, match=rf"{words} another\.$"):
        Workbench(pipeline, TRAIN, Y, TEST, store=tmp_path / "missing" / "store.sqlite")


def test_what_is_decided_while_the_store_is_gone_is_written_when_it_is_back(
    pipeline: Pipeline, store: Path, tmp_path: Path
) -> None:
    bench = Workbench(pipeline, TRAIN, Y, TEST, annotator="ada", store=store)
    bench.relabel(1)
    bench.refresh()  # brings the log into the file
    shutil.move(store, tmp_path / "moved.sqlite")
    with pytest.warns(StoreWarning, match=r"it was deleted or moved\. .* Until then 1 event is kept in memory only"):
        assert bench.relabel(2) == [2]
    assert bench.relabelled == [1, 2]
    assert "deleted or moved" in bench.store_trouble
    shutil.move(tmp_path / "moved.sqlite", store)
    bench.refresh()
    assert bench.store_trouble == ""
    bench.undo()
    bench.close()
    assert Workbench(pipeline, TRAIN, Y, TEST, store=store).history()["kind"].tolist() == ["relabel", "relabel", "undo"]


def test_an_older_copy_put_in_place_of_the_store_gets_what_it_lacks(
    pipeline: Pipeline, store: Path, tmp_path: Path
) -> None:
    bench = Workbench(pipeline, TRAIN, Y, TEST, store=store)
    bench.relabel(1)
    bench.refresh()
    shutil.copy(store, tmp_path / "backup.sqlite")
    bench.relabel([2, 3])
    bench.refresh()
    os.replace(tmp_path / "backup.sqlite", store)
    bench.relabel(4)
    bench.close()
    again = Workbench(pipeline, TRAIN, Y, TEST, store=store)
    assert again.relabelled == [1, 2, 3, 4]
    assert again.history()["event"].tolist() == [1, 2, 3]


def test_another_store_in_its_place_is_not_written_to(pipeline: Pipeline, store: Path, tmp_path: Path) -> None:
    bench = Workbench(pipeline, TRAIN, Y, TEST, store=store)
    bench.relabel(1)
    with Workbench(pipeline, TRAIN, Y, TEST, store=tmp_path / "other.sqlite") as other:
        other.relabel(9)
    os.replace(tmp_path / "other.sqlite", store)
    for name in ("store.sqlite-wal", "store.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.warns(StoreWarning, match="is another store now than the one that this workbench opened"):
        bench.relabel(2)
    with pytest.warns(StoreWarning, match="another store lay at .* before, with 1 events, and was not closed"):
        opened = Workbench(pipeline, TRAIN, Y, TEST, store=store)
    assert opened.relabelled == [9]
    assert bench.relabelled == [1, 2]


def test_nobody_who_reads_waits_for_a_lock(pipeline: Pipeline, store: Path) -> None:
    """Every read took as long as the write waited."""
    bench = Workbench(pipeline, TRAIN, Y, TEST, store=store)
    bench.relabel(1)
    other = sqlite3.connect(store)
    other.execute("BEGIN EXCLUSIVE")
    warned: list[Warning] = []

    def decide() -> None:
        with pytest.warns(StoreWarning, match="Another process has locked it") as found:
            bench.relabel(2)
        warned.extend(one.message for one in found)  # type: ignore[misc]

    writer = threading.Thread(target=decide)
    writer.start()
    time.sleep(0.2)
    began = time.monotonic()
    bench.test_rows()
    bench.corrected_labels()
    bench.history()
    assert bench.relabelled == [1]
    assert time.monotonic() - began < 1
    assert writer.is_alive()
    writer.join()
    assert len(warned) == 1
    assert bench.relabelled == [1, 2]
    began = time.monotonic()
    with pytest.warns(StoreWarning, match="2 events are kept in memory only"):
        bench.relabel(3)  # nobody waits again and again
    assert time.monotonic() - began < 2
    other.rollback()
    bench.refresh()
    assert bench.store_trouble == ""
    bench.close()
    other.close()
    assert Workbench(pipeline, TRAIN, Y, TEST, store=store).relabelled == [1, 2, 3]


def test_a_full_disk_keeps_decisions_in_memory(pipeline: Pipeline, store: Path) -> None:
    bench = Workbench(pipeline, TRAIN, Y, TEST, store=store)
    bench.relabel(1)
    engine = bench._decisions.journal._store._engine  # type: ignore[union-attr]
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.warns(StoreWarning, match="The disk is full: free some space"):
        bench.relabel(2, note="x" * 100_000)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    bench.refresh()
    bench.close()
    assert Workbench(pipeline, TRAIN, Y, TEST, store=store).relabelled == [1, 2]


def test_a_truncated_store_is_said_to_be_so(pipeline: Pipeline, store: Path, tmp_path: Path) -> None:
    bench = Workbench(pipeline, TRAIN, Y, TEST, store=store)
    bench.relabel(1)
    bench.refresh()
    store.write_bytes(b"")
    with pytest.warns(StoreWarning, match=r"is an empty file: it was truncated.* Workbench\.store_as\(path\)"):
        bench.relabel(2)
    bench.store_as(tmp_path / "new.sqlite")
    assert bench.store_trouble == ""
    bench.relabel(3)
    bench.close()
    assert Workbench(pipeline, TRAIN, Y, TEST, store=tmp_path / "new.sqlite").relabelled == [1, 2, 3]
    with pytest.raises(JournalError, match="is an empty file"):
        Workbench(pipeline, TRAIN, Y, TEST, store=store)


def test_what_was_decided_without_a_store_is_brought_to_one(bench: Workbench, pipeline: Pipeline, store: Path) -> None:
    bench.relabel([3, 4], note="why")
    bench.undo()
    bench.redo()
    bench.store_as(store)
    bench.keep(9)
    with pytest.raises(JournalError, match=r"store_as: the store .* holds events already\. Choose another place"):
        bench.store_as(store)
    again = Workbench(pipeline, TRAIN, Y, TEST, store=store)
    pd.testing.assert_frame_equal(again.history(), bench.history())


READ_ONLY = """
import sys, warnings
sys.path.insert(0, sys.argv[1])
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from workbench_cases import TEST, TRAIN, Y

from relabel_widget.workbench import Workbench
model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=2.0)).fit(TRAIN, Y)
bench = Workbench(model, TRAIN, Y, TEST, store=sys.argv[2])
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    bench.relabel(2)
print(bench.relabelled, found[-1].message)
"""


def by_another_user(store: Path, repository: Path) -> subprocess.CompletedProcess[str]:
    """What `READ_ONLY` says of a store that another user opens."""
    arguments = [str(Path(__file__).parent), str(store)]
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", READ_ONLY, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(repository), "HOME": "/tmp"},  # noqa: S108
    )
    if "No module named" in done.stderr or "Permission denied" in done.stderr:
        pytest.skip("the other user cannot read this installation")
    return done


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becomes another user, which root can")
def test_a_read_only_store_is_read(pipeline: Pipeline, store: Path, repository: Path) -> None:
    with Workbench(pipeline, TRAIN, Y, TEST, store=store) as bench:
        bench.relabel(1)
    for folder in (store.parent, *store.parent.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    store.chmod(0o444)
    done = by_another_user(store, repository)
    assert done.stdout.startswith("[1, 2] "), done.stderr
    assert "is read-only. Make it and its folder writable." in done.stdout
    with Workbench(pipeline, TRAIN, Y, TEST, store=store) as bench:
        assert bench.relabelled == [1]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becomes another user, which root can")
def test_a_log_that_cannot_be_read_is_not_left_out_in_silence(
    pipeline: Pipeline, store: Path, tmp_path: Path, repository: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    with Workbench(pipeline, TRAIN, Y, TEST, store=store) as bench, bench._deciding:
        bench.relabel(1)
        for name in (store.name, f"{store.name}-wal"):
            (folder / name).write_bytes((store.parent / name).read_bytes())
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    tmp_path.chmod(0o755)
    folder.chmod(0o555)
    done = by_another_user(folder / store.name, repository)
    assert "its newest decisions are in 'store.sqlite-wal' beside it" in done.stderr, done.stdout


def test_a_verification_is_kept_whatever_the_store_says(pipeline: Pipeline, store: Path) -> None:
    bench = Workbench(pipeline, TRAIN, Y, TEST, store=store)
    bench.relabel([1, 2, 3])
    store.unlink()
    with pytest.warns(StoreWarning, match="deleted or moved"):
        result = bench.verify()
    assert bench.verification is result


def test_a_dropped_workbench_stops_looking_at_its_store(pipeline: Pipeline, store: Path) -> None:
    before = set(threading.enumerate())
    bench = Workbench(pipeline, TRAIN, Y, TEST, store=store)
    followers = [one for one in threading.enumerate() if one not in before and one.name == "relabel_widget store"]
    bench.relabel(1)
    del bench
    for thread in followers:
        thread.join(5)
    assert not any(thread.is_alive() for thread in followers)


def test_who_is_told_of_news_by_an_export_holds_nobody_up(
    pipeline: Pipeline, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener may wait for a thread that decides."""
    monkeypatch.setattr("relabel_widget.workbench.people.POLL", 60)  # the export finds the news
    heard: list[bool] = []
    with (
        Workbench(pipeline, TRAIN, Y, TEST, store=store) as one,
        Workbench(pipeline, TRAIN, Y, TEST, store=store) as two,
    ):

        def listen(_: str) -> None:
            if not heard:
                other = threading.Thread(target=one.keep, args=(5,), daemon=True)
                heard.append(False)
                other.start()
                other.join(5)
                heard[0] = not other.is_alive()

        two.relabel(1)
        one.subscribe(listen)
        one.export(tmp_path / "labels.csv")
    assert heard == [True]


def test_a_new_store_is_told_of_and_followed_once(bench: Workbench, tmp_path: Path) -> None:
    told: list[str] = []
    bench.subscribe(told.append)
    before = set(threading.enumerate())
    bench.store_as(tmp_path / "one.sqlite")
    assert told == ["labels"]
    (first,) = (one for one in threading.enumerate() if one not in before and one.name == "relabel_widget store")
    bench.store_as(tmp_path / "two.sqlite")
    first.join(5)
    assert not first.is_alive()
    bench.close()

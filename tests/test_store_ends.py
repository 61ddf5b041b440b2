"""What becomes of decisions when a workbench is dropped or closed, or Python ends, and of files cut short."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest
import store_child
from journal_cases import damaged
from store_child import decided

from relabel_widget.journal import Journal, JournalError, StoreWarning

HERE = Path(__file__).parent


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store_child.opened(str(tmp_path / "store.sqlite")).close()
    return tmp_path / "store.sqlite"


def lock(store: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(store, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relabel_widget.journal.journal.PATIENT", 0.2)


def rows_in(store: Path) -> list[int]:
    journal = store_child.opened(str(store))
    rows = [row for event in journal.events() for row in event.rows]
    assert journal.trouble == ""
    journal.close()
    return rows


@pytest.mark.usefixtures("brief")
def test_a_workbench_that_is_dropped_while_its_store_is_locked_is_written_later(store: Path) -> None:
    """It was collected, and with it what waited."""
    bench = store_child.workbench(str(store))
    locked = lock(store)
    with pytest.warns(StoreWarning, match="Another process has locked it"):
        bench.relabel(3)
    journal = weakref.ref(bench._decisions.journal)
    del bench
    gc.collect()
    locked.rollback()
    end = time.monotonic() + 30
    while journal() is not None and time.monotonic() < end:  # it is needed no longer than until it is written
        time.sleep(0.1)
        gc.collect()
    assert journal() is None
    assert rows_in(store) == [3]


def test_a_workbench_that_is_dropped_while_its_store_is_away_goes_on_trying(store: Path, tmp_path: Path) -> None:
    bench = store_child.workbench(str(store))
    store.rename(tmp_path / "away.sqlite")
    with pytest.warns(StoreWarning, match="deleted or moved"):
        bench.relabel(3)
    del bench
    gc.collect()
    (tmp_path / "away.sqlite").rename(store)
    end = time.monotonic() + 30
    while not newest(store) and time.monotonic() < end:
        time.sleep(0.1)
    assert newest(store) == 1


def newest(store: Path) -> int:
    with sqlite3.connect(store) as connection:
        return connection.execute("SELECT last FROM relabel_store").fetchone()[0]


ENDS = """
import sys, warnings
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")
import relabel_widget.journal.journal as module
import store_child
module.PATIENT = 0.2
bench = store_child.workbench(sys.argv[2])
print("open", flush=True)
sys.stdin.readline()
bench.relabel([3, 4], note="why")
bench.undo()
bench.keep(5)
print("decided", flush=True)
sys.stdin.readline()
"""


def child(store: Path, program: str = ENDS) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    arguments = [sys.executable, "-c", program, str(HERE), str(store)]
    return subprocess.Popen(arguments, **pipes, text=True, env={**os.environ, "PYTHONPATH": path})


def told(process: subprocess.Popen[str], said: str) -> None:
    assert process.stdout.readline() == f"{said}\n", process.stderr.read()  # type: ignore[union-attr]


def go_on(process: subprocess.Popen[str]) -> None:
    process.stdin.write("go\n")  # type: ignore[union-attr]
    process.stdin.flush()  # type: ignore[union-attr]


def test_what_waits_when_python_ends_is_left_beside_the_store_and_taken_in(store: Path) -> None:
    process = child(store)
    told(process, "open")
    locked = lock(store)
    go_on(process)
    told(process, "decided")
    errors = process.communicate("go\n", timeout=60)[1]
    locked.rollback()
    (left,) = store.parent.glob("store.sqlite.waiting-*")
    assert "Another process has locked it" in errors
    assert f"3 events were left in {str(left)!r}: the next workbench on this store writes them." in errors
    assert errors.startswith("relabel_widget: journal: cannot write to the store")
    with pytest.warns(StoreWarning, match=r"waiting-.* was taken into the store .*store\.sqlite': 3 events were writ"):
        bench = store_child.workbench(str(store))
    assert bench.history()["kind"].tolist() == ["relabel", "undo", "keep"]
    assert bench.history()["note"].tolist()[0] == "why"
    assert not left.exists()
    bench.close()
    assert rows_in(store) == [3, 4, 5]


def test_what_is_written_in_the_last_moment_is_not_spoken_of(store: Path) -> None:
    process = child(store)
    told(process, "open")
    locked = lock(store)
    go_on(process)
    told(process, "decided")
    locked.rollback()
    assert process.communicate("go\n", timeout=60)[1] == ""
    assert rows_in(store) == [3, 4, 5]


def test_what_can_be_left_nowhere_is_said_to_be_lost(store: Path) -> None:
    process = child(store)
    told(process, "open")
    shutil.rmtree(store.parent)
    go_on(process)
    told(process, "decided")
    errors = process.communicate("go\n", timeout=60)[1]
    assert "it was deleted or moved" in errors
    assert "3 events were not written anywhere, and are lost." in errors


@pytest.mark.usefixtures("brief")
def test_a_closed_workbench_says_where_its_decisions_are(store: Path) -> None:
    """It said "they are written then", and nobody wrote them."""
    journal = store_child.opened(str(store))
    locked = lock(store)
    journal.append(decided(1))
    assert "1 event is kept in memory only; they are written then" in journal.trouble
    journal.close()
    (left,) = store.parent.glob("store.sqlite.waiting-*")
    assert f"1 event was left in {str(left)!r}: the next workbench on this store writes them." in journal.trouble
    assert "written then" not in journal.trouble
    locked.rollback()
    assert rows_in(store) == [1]
    assert not left.exists()


@pytest.mark.usefixtures("brief")
def test_a_closed_workbench_says_that_it_left_nothing(store: Path, tmp_path: Path) -> None:
    journal = store_child.opened(str(store))
    store.parent.rename(tmp_path.with_name("elsewhere"))
    journal.append(decided(1))
    journal.close()
    assert "1 event was kept in memory only, and could not be left in a file" in journal.trouble
    tmp_path.with_name("elsewhere").rename(tmp_path)
    journal.store_as(tmp_path / "new.sqlite")
    assert journal.trouble == ""
    journal.close()
    assert rows_in(tmp_path / "new.sqlite") == [1]


@pytest.mark.usefixtures("brief")
def test_a_file_of_events_counts_once_and_only_as_it_was_written(store: Path) -> None:
    journal = store_child.opened(str(store))
    locked = lock(store)
    journal.append(decided(1))
    journal.close()
    locked.rollback()
    (left,) = store.parent.glob("store.sqlite.waiting-*")
    whole = left.read_text()
    changed = json.loads(whole)
    changed["drafts"][0][3] = "keep"
    for text in (whole[:-5], json.dumps(changed), "[" * 100_000):
        left.write_text(text)
        again = store_child.opened(str(store))
        assert again.events() == ()
        assert again.notices == [f"journal: {str(left)!r} is damaged: the events in it were not taken in."]
        again.close()
    left.write_text(json.dumps({**json.loads(whole), "store": "x"}))
    again = store_child.opened(str(store))
    assert "is of another store: the events in it were not taken in" in again.notices[0]
    again.close()
    for number in range(2):  # a process that was killed between the two deeds takes it in again
        left.write_text(whole)
        again = store_child.opened(str(store))
        assert [event.rows for event in again.events()] == [(1,)]
        assert ("nothing was left to write" in again.notices[0]) is (number == 1)
        again.close()


@pytest.mark.usefixtures("brief")
def test_a_file_of_events_stays_where_the_store_takes_none(store: Path) -> None:
    first = store_child.opened(str(store))
    first.append(decided(2, "why"))
    locked = lock(store)
    first.append(decided(1))
    first.close()
    (left,) = store.parent.glob("store.sqlite.waiting-*")
    again = store_child.opened(str(store))
    assert "has locked it" in again.notices[0]
    assert f"The events in {str(left)!r} are not written yet." in again.notices[0]
    again.close()
    locked.close()
    whole = store.read_bytes()
    damaged(store, "UPDATE relabel_store SET digest = 'x'")
    again = store_child.opened(str(store))
    assert f"the events in {str(left)!r} wait until the store" in again.notices[0]
    again.close()
    store.write_bytes(whole)
    assert rows_in(store) == [2, 1]


# --- a log cut short

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import store_child
journal = store_child.opened(sys.argv[2])
for row in range(6):
    journal.append(store_child.decided(row, "x" * 500))
    if row == 2:
        journal.refresh()  # brings the log into the file
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("left", [0.0, 0.3, 0.6, 0.9, None])
def test_a_log_that_lost_its_end_is_noticed(store: Path, left: float | None) -> None:
    """SQLite takes what is left for all there was, and so the store opened as it had been earlier."""
    process = child(store, KILLED)
    process.communicate(timeout=60)
    log = store.with_name("store.sqlite-wal")
    size = log.stat().st_size
    assert size > 4096
    if left is None:
        log.unlink()
    else:
        os.truncate(log, int(size * left))
    for _ in range(2):  # it does not forget
        journal = store_child.opened(str(store))
        there = len(journal.events())
        assert 3 <= there < 6
        assert f"ends at event {there}, and lacks event 6, which was written to it" in journal.trouble
        assert f"Its first {there} events are as they were written and count here" in journal.trouble
        journal.append(decided(9))
        assert "1 event is kept in memory only" in journal.trouble
        journal.close()
        for path in store.parent.glob("*.waiting-*"):
            path.unlink()
    store.with_name("store.sqlite-head").unlink()  # what the sentence says to do if that was meant
    assert rows_in(store) == list(range(there))


def test_a_log_as_the_kill_left_it_is_whole(store: Path) -> None:
    child(store, KILLED).communicate(timeout=60)
    assert rows_in(store) == list(range(6))
    assert sorted(path.name for path in store.parent.iterdir()) == ["store.sqlite"]


def test_a_store_that_is_made_anew_under_the_name_is_another(store: Path) -> None:
    child(store, KILLED).communicate(timeout=60)
    for name in ("store.sqlite", "store.sqlite-wal", "store.sqlite-shm"):
        (store.parent / name).unlink()
    journal = store_child.opened(str(store))
    journal.append(decided(1))
    journal.close()
    assert rows_in(store) == [1]


def test_other_events_in_place_of_those_that_were_written_are_noticed(store: Path, tmp_path: Path) -> None:
    """Two copies of one store that went their own ways."""
    shutil.copy(store, tmp_path / "copy.sqlite")
    child(store, KILLED).communicate(timeout=60)
    other = store_child.opened(str(tmp_path / "copy.sqlite"))
    for row in range(8):
        other.append(decided(row))
    other.close()
    for name in ("store.sqlite-wal", "store.sqlite-shm"):
        (store.parent / name).unlink()
    shutil.copy(tmp_path / "copy.sqlite", store)
    assert "lacks event 6, which was written to it" in store_child.opened(str(store)).trouble


# --- store_as


def test_two_who_choose_one_new_place_do_not_mix(tmp_path: Path) -> None:
    """Both found it empty, and the second one wrote behind the first."""
    place = tmp_path / "new.sqlite"
    journals = [store_child.opened(None) for _ in range(4)]
    for number, journal in enumerate(journals):
        for row in range(5):
            journal.append(decided(row, f"{number}"))
    start, refused = threading.Barrier(len(journals)), []

    def move(journal: Journal) -> None:
        start.wait()
        try:
            journal.store_as(place)
        except JournalError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=move, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert all("holds events already. Choose another place." in words for words in refused)
    assert len(rows_in(place)) == 5
    (winner,) = [journal for journal in journals if journal.is_shared]
    winner.append(decided(7))
    assert rows_in(place) == [*range(5), 7]
    winner.close()


def test_a_store_that_was_deleted_after_a_crash_is_not_begun_anew_in_silence(store: Path) -> None:
    first = store_child.workbench(str(store))
    first.relabel([1, 2])
    for name in ("store.sqlite", "store.sqlite-wal", "store.sqlite-shm"):
        (store.parent / name).unlink()
    with pytest.warns(StoreWarning, match=r"another store lay at .*store\.sqlite' before, with 1 events, and was not"):
        second = store_child.workbench(str(store))
    assert second.relabelled == []
    second.relabel(3)
    second.close()
    store_child.workbench(str(store)).close()  # nothing is said of it any more

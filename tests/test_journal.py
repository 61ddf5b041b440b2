"""Events are kept for good, whatever happens to the process."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from journal_cases import given, opened, overlay, swap

from relabel_widget.journal import Kind
from relabel_widget.journal.events import step


def test_every_kind_comes_back_as_it_was(tmp_path: Path) -> None:
    journal = opened(tmp_path / "store.sqlite")
    kept = [journal.append(event) for event in given()]
    assert [event.seq for event in kept] == list(range(1, 9))
    assert all(datetime.now(UTC) - event.time < timedelta(minutes=5) for event in kept)
    alike = [event._replace(seq=0, time=given()[0].time, uid="", original=()) for event in kept]
    assert alike == given()
    assert journal.events() == tuple(kept)
    assert opened(tmp_path / "store.sqlite").events() == tuple(kept)


def test_memory_is_the_same_without_a_file() -> None:
    journal = opened(None)
    event = journal.append(swap(1))
    assert journal.events() == (event,)
    assert journal.trouble == ""


def test_an_event_of_a_known_uid_counts_once(tmp_path: Path) -> None:
    for journal in (opened(None), opened(tmp_path / "store.sqlite")):
        first = journal.append(swap(1)._replace(uid="request"))
        assert journal.append(swap(2)._replace(uid="request")) == first
        assert overlay(journal.state) == {1: 0}
    assert opened(tmp_path / "store.sqlite").append(swap(3)._replace(uid="request")).rows == (1,)


WRITER = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from journal_cases import opened, swap
from pathlib import Path
journal = opened(Path(sys.argv[1]))
"""

DONE = """
for row in range(3):
    journal.append(swap(row))
print("written", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

HALF_DONE = """
connection = journal._store._engine.connect()
connection.exec_driver_sql("BEGIN IMMEDIATE")
connection.exec_driver_sql("INSERT INTO relabel_events VALUES (2, 'x', '', 'relabel', '{}', '')")
print("halfway", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(program: str, store: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(store), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout


def test_what_was_appended_survives_kill_9(tmp_path: Path) -> None:
    assert killed(WRITER + DONE, tmp_path / "store.sqlite") == "written\n"
    assert [event.rows for event in opened(tmp_path / "store.sqlite").events()] == [(0,), (1,), (2,)]


def test_an_append_cut_short_leaves_no_trace(tmp_path: Path) -> None:
    opened(tmp_path / "store.sqlite").append(swap(1))
    assert killed(WRITER + HALF_DONE, tmp_path / "store.sqlite") == "halfway\n"
    journal = opened(tmp_path / "store.sqlite")
    assert len(journal.events()) == 1
    assert journal.append(swap(2)).seq == 2


def test_each_commit_is_flushed_to_the_disk(tmp_path: Path) -> None:
    journal = opened(tmp_path / "store.sqlite")
    with journal._store._engine.connect() as connection:  # type: ignore[union-attr]
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    assert journal.note == ""


def test_where_write_ahead_logging_does_not_work_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [(str(tmp_path), "nfs4")]
    monkeypatch.setattr("relabel_widget.journal.sqlite._mounts", lambda: iter(mounts))
    journal = opened(tmp_path / "store.sqlite")
    with journal._store._engine.connect() as connection:  # type: ignore[union-attr]
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    assert "Write-ahead logging does not work where" in journal.note
    assert journal.append(swap(1)).seq == 1


def test_a_copy_of_the_file_alone_holds_everything(tmp_path: Path) -> None:
    journal = opened(tmp_path / "store.sqlite")
    journal.append(swap(1))
    journal.refresh()
    (tmp_path / "copy.sqlite").write_bytes((tmp_path / "store.sqlite").read_bytes())
    assert opened(tmp_path / "copy.sqlite").events() == journal.events()


def test_events_are_never_changed_or_removed(tmp_path: Path) -> None:
    opened(tmp_path / "store.sqlite").append(swap(1))
    other = sqlite3.connect(tmp_path / "store.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        other.execute("UPDATE relabel_events SET kind = 'keep'")
    with pytest.raises(sqlite3.IntegrityError, match="never removed"):
        other.execute("DELETE FROM relabel_events")
    other.close()


def test_threads_share_one_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path / "store.sqlite")
    taken: list[int] = []

    def work() -> None:
        taken.extend(journal.append(swap(1)).seq for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 41))
    assert [event.seq for event in journal.events()] == list(range(1, 41))


def test_two_writers_are_normal(tmp_path: Path) -> None:
    one, two = (opened(tmp_path / "store.sqlite") for _ in range(2))
    assert one.append(swap(1)).seq == 1
    assert two.append(swap(2, annotator="bo")).seq == 2
    assert one.append(swap(3)).seq == 3
    assert two.refresh()
    assert not two.refresh()
    assert one.events() == two.events()
    assert overlay(one.state) == {1: 0, 2: 1, 3: 0}


def test_an_event_that_waits_comes_after_those_of_others(tmp_path: Path) -> None:
    """It had a number of its own meanwhile; its undo still finds it."""
    one, two = (opened(tmp_path / "store.sqlite") for _ in range(2))
    one.append(swap(1))
    (tmp_path / "store.sqlite").rename(tmp_path / "away")
    mine = one.append(swap(2))
    one.append(step(Kind.UNDO, mine.uid, annotator="ada"))
    assert (mine.seq, overlay(one.state)) == (2, {1: 0})
    assert "2 events are kept in memory only" in one.trouble
    (tmp_path / "away").rename(tmp_path / "store.sqlite")
    two.append(swap(3, annotator="bo"))
    assert one.refresh()
    assert [(event.seq, event.kind, event.annotator) for event in one.events()[1:]] == [
        (2, "relabel", "bo"),
        (3, "relabel", "ada"),
        (4, "undo", "ada"),
    ]
    assert overlay(one.state) == {1: 0, 3: 0}
    assert one.trouble == ""

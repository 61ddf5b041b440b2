"""Events are kept for good, whatever happens to the process, and add up to the state that people see."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from relabel_widget.journal import Event, Fingerprint, JournalError, Kind, SqliteJournal, State, fold
from relabel_widget.journal.events import UNRECORDED, exported, relabelled, restore, step, verified
from relabel_widget.journal.sqlite import SCHEMA_VERSION

LABELS = np.array(["ham", "spam", "ham", "spam"])
IDS = np.array(["a", "b", "c", "d"])
DATA = Fingerprint.of(LABELS, IDS)


def swap(row: int, before: int = 0, *, note: str = "", annotator: str = "ada") -> Event:
    return relabelled((row,), (before,), (1 - before,), note=note, annotator=annotator)


def numbered(*events: Event) -> list[Event]:
    return [replace(event, seq=seq, time=datetime(2026, 1, seq, tzinfo=UTC)) for seq, event in enumerate(events, 1)]


def overlay(state: State) -> dict[int, int]:
    return {row: mark.code for row, mark in state.overlay.items()}


# --- the fold


def test_nothing_adds_up_to_nothing() -> None:
    assert fold([]) == State()
    assert overlay(fold([])) == {}


def test_a_mark_carries_who_why_and_when() -> None:
    (event,) = numbered(swap(2, note="sarcasm"))
    mark = fold([event]).overlay[2]
    assert (mark.original, mark.code) == (0, 1)
    assert (mark.annotator, mark.note, mark.time) == ("ada", "sarcasm", event.time)


def test_back_to_the_original_label_leaves_no_mark() -> None:
    assert overlay(fold(numbered(swap(2), swap(2, before=1)))) == {}


def test_undo_brings_back_the_mark_that_was_there() -> None:
    first, second = swap(2, note="first"), relabelled((2,), (1,), (1,), note="second", annotator="bo")
    state = fold(numbered(first, second, step(Kind.UNDO, 2, annotator="bo")))
    assert (state.overlay[2].note, state.overlay[2].annotator) == ("first", "ada")
    assert [done.event.seq for done in state.done] == [1]
    assert [undone.event.seq for undone in state.undone] == [2]


def test_redo_applies_the_step_again_and_a_new_step_ends_redo() -> None:
    back, forth = step(Kind.UNDO, 1, annotator=""), step(Kind.REDO, 1, annotator="")
    assert overlay(fold(numbered(swap(2), back, forth))) == {2: 1}
    ended = fold(numbered(swap(2), back, swap(3, before=1)))
    assert overlay(ended) == {3: 0}
    assert ended.undone == ()


def test_verifications_and_exports_change_no_labels() -> None:
    events = numbered(swap(1), verified({"n_flipped": 1}, annotator=""), exported("x.csv", 1, annotator=""))
    state = fold(events)
    assert state.overlay == fold(events[:1]).overlay
    assert state.done == fold(events[:1]).done


@pytest.mark.parametrize("kind", [Kind.UNDO, Kind.REDO])
def test_a_step_without_its_relabelling_is_refused(kind: Kind) -> None:
    with pytest.raises(JournalError, match=rf"event 1 is the {kind} of decision 7, expected none .* backup"):
        fold(numbered(step(kind, 7, annotator="")))
    with pytest.raises(JournalError, match=r"undo of decision 1, expected that of 2 at this point"):
        fold(numbered(swap(1), swap(2), step(Kind.UNDO, 1, annotator="")))


def test_the_fold_is_that_of_a_list_of_snapshots() -> None:
    """Oracle: whole label arrays on two stacks. Also: folding at once, or event by event, is the same."""
    rng = random.Random(0)  # noqa: S311 - seeded, for a test
    original = [rng.randint(0, 1) for _ in range(6)]
    labels, past, future = list(original), [], []
    events: list[Event] = []
    state = State()
    for seq in range(1, 400):
        kind = rng.choice(["relabel", "relabel", "undo", "redo"])
        if kind == "undo" and past:
            event = step(Kind.UNDO, past[-1][0], annotator="")
            future.append((past[-1][0], labels))
            labels = past.pop()[1]
        elif kind == "redo" and future:
            event = step(Kind.REDO, future[-1][0], annotator="")
            past.append((future[-1][0], labels))
            labels = future.pop()[1]
        else:
            rows = tuple(rng.sample(range(6), rng.randint(1, 3)))
            after = tuple(rng.randint(0, 1) for _ in rows)
            event = relabelled(rows, tuple(labels[r] for r in rows), after, note="", annotator="")
            past.append((seq, labels))
            future.clear()
            labels = list(labels)
            for row, code in zip(rows, after, strict=True):
                labels[row] = code
        events.append(replace(event, seq=seq, time=datetime(2026, 1, 1, tzinfo=UTC)))
        earlier = dict(state.overlay)
        following = fold(events[-1:], state)
        assert dict(state.overlay) == earlier
        state = following
        assert [state.overlay[r].code if r in state.overlay else original[r] for r in range(6)] == labels
        assert all(mark.code != original[row] == mark.original for row, mark in state.overlay.items())
    assert fold(events) == state


# --- events


def test_notes_and_annotators_are_strings_of_unicode() -> None:
    with pytest.raises(TypeError, match=r"note: expected a string, got int\. Pass str\(note\)"):
        Event(Kind.RELABEL, note=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"annotator: expected text .* surrogate pair at character 1"):
        Event(Kind.RELABEL, "a\ud800")


@pytest.mark.parametrize(
    ("kind", "text"),
    [("vote", "{}"), ("relabel", "[1]"), ("relabel", "{"), ("relabel", '{"rows": 3}'), ("undo", '{"why": 1}')],
)
def test_what_we_did_not_write_is_not_read(kind: str, text: str) -> None:
    with pytest.raises(JournalError, match=r"expected event 4 to be one of relabel, undo, .* backup"):
        restore(4, "2026-01-01T00:00:00+00:00", "", kind, text)


def test_what_is_no_number_is_not_written(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "store.sqlite", DATA)
    with pytest.raises(ValueError, match="JSON compliant"):
        journal.append(verified({"log_loss_after": float("nan")}, annotator=""))
    assert journal.events() == ()
    assert journal.append(swap(1)).seq == 1


# --- the store

NASTY = "'); DROP TABLE events; --\x00\n\u202e<script>\U0001f600"


def test_every_kind_comes_back_as_it_was(tmp_path: Path) -> None:
    given = [
        relabelled((3, 0), (1, 0), (0, 1), note=NASTY, annotator="Ada"),
        step(Kind.UNDO, 1, annotator=NASTY),
        step(Kind.REDO, 1, annotator=""),
        verified({"n_flipped": 2, "accuracy_after": 0.1 + 0.2, "log_loss_after": None}, annotator=""),
        exported("folder/ü.csv", 2, annotator=""),
    ]
    journal = SqliteJournal(tmp_path / "store.sqlite", DATA)
    kept = [journal.append(event) for event in given]
    assert [event.seq for event in kept] == [1, 2, 3, 4, 5]
    assert all(datetime.now(UTC) - event.time < timedelta(minutes=5) for event in kept)
    assert [replace(event, seq=0, time=UNRECORDED) for event in kept] == given
    assert journal.events() == tuple(kept)
    assert SqliteJournal(tmp_path / "store.sqlite", DATA).events() == tuple(kept)


def test_memory_is_the_same_without_a_file() -> None:
    journal = SqliteJournal(":memory:", DATA)
    event = journal.append(swap(1))
    assert journal.events() == (event,)


WRITER = """
import os, signal, sys
import numpy as np
from relabel_widget.journal import Fingerprint, SqliteJournal
from relabel_widget.journal.events import relabelled
data = Fingerprint.of(np.array(["ham", "spam", "ham", "spam"]), np.array(["a", "b", "c", "d"]))
journal = SqliteJournal(sys.argv[1], data)
"""

DONE = """
for row in range(3):
    journal.append(relabelled((row,), (0,), (1,), note="", annotator=""))
print("written", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

HALF_DONE = """
journal._connection.execute("BEGIN IMMEDIATE")
journal._connection.execute("INSERT INTO events VALUES (2, '', '', 'relabel', '{}')")
print("halfway", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(program: str, store: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(store)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout


def test_what_was_appended_survives_kill_9(tmp_path: Path) -> None:
    assert killed(WRITER + DONE, tmp_path / "store.sqlite") == "written\n"
    assert [event.rows for event in SqliteJournal(tmp_path / "store.sqlite", DATA).events()] == [(0,), (1,), (2,)]


def test_an_append_cut_short_leaves_no_trace(tmp_path: Path) -> None:
    SqliteJournal(tmp_path / "store.sqlite", DATA).append(swap(1))
    assert killed(WRITER + HALF_DONE, tmp_path / "store.sqlite") == "halfway\n"
    journal = SqliteJournal(tmp_path / "store.sqlite", DATA)
    assert len(journal.events()) == 1
    assert journal.append(swap(2)).seq == 2


def test_each_commit_is_flushed_to_the_disk(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "store.sqlite", DATA)
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (3,)
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_events_are_never_changed_or_removed(tmp_path: Path) -> None:
    SqliteJournal(tmp_path / "store.sqlite", DATA).append(swap(1))
    other = sqlite3.connect(tmp_path / "store.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        other.execute("UPDATE events SET annotator = 'eve'")
    with pytest.raises(sqlite3.IntegrityError, match="never removed"):
        other.execute("DELETE FROM events")
    other.close()


def test_threads_share_one_journal(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "store.sqlite", DATA)
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


# --- what is refused


def reopen_after(store: Path, *statements: str) -> None:
    """Change a store behind its back, then open it again."""
    SqliteJournal(store, DATA).close()
    other = sqlite3.connect(store)
    for statement in statements:
        other.execute(statement)
    other.commit()
    other.close()
    SqliteJournal(store, DATA)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (Fingerprint.of(LABELS[:3], IDS[:3]), "got 3 training rows instead of 4"),
        (Fingerprint.of(LABELS[::-1], IDS), "got different original labels"),
        (Fingerprint.of(LABELS, IDS[::-1]), r"got different row ids \(or a different order\)"),
        (Fingerprint.of(LABELS[::-1], IDS[::-1]), "got different original labels and different row ids"),
    ],
)
def test_other_data_is_refused(tmp_path: Path, data: Fingerprint, words: str) -> None:
    SqliteJournal(tmp_path / "store.sqlite", DATA).append(swap(1))
    with pytest.raises(JournalError, match=rf"expected the data that .*store\.sqlite' was made for, {words}"):
        SqliteJournal(tmp_path / "store.sqlite", data)


def test_fingerprints_tell_lists_apart_that_run_together() -> None:
    assert Fingerprint.of(LABELS[:2], np.array(["ab", "c"])) != Fingerprint.of(LABELS[:2], np.array(["a", "bc"]))
    assert DATA.difference(Fingerprint.of(LABELS.copy(), IDS.copy())) == ""


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    words = rf"in format {SCHEMA_VERSION} or older, got format {SCHEMA_VERSION + 1}: it was written by a newer"
    with pytest.raises(JournalError, match=words):
        reopen_after(tmp_path / "store.sqlite", f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def test_a_store_with_a_strange_event_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="got kind 'vote'"):
        reopen_after(tmp_path / "store.sqlite", "INSERT INTO events VALUES (1, '2026-01-01', '', 'vote', '{}')")


def test_a_file_that_is_not_sqlite_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = tmp_path / "notes.txt"
    store.write_text("shopping list\n" * 100)
    with pytest.raises(JournalError, match=r"cannot open the store .*notes\.txt'.* It is not a store of relabel"):
        SqliteJournal(store, DATA)
    assert store.read_text() == "shopping list\n" * 100


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = tmp_path / "photos.db"
    other = sqlite3.connect(store)
    other.execute("CREATE TABLE photos (name TEXT)")
    other.commit()
    before = store.read_bytes()
    with pytest.raises(JournalError, match="an SQLite database that was not created by relabel_widget"):
        SqliteJournal(store, DATA)
    assert store.read_bytes() == before
    other.close()


@pytest.mark.parametrize("name", ["missing/store.sqlite", "."])
def test_a_path_that_cannot_be_opened_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalError, match=r"cannot open the store .* Check that its folder exists"):
        SqliteJournal(tmp_path / name, DATA)


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(JournalError, match="got an empty one"):
        SqliteJournal("", DATA)


def test_a_full_disk_records_nothing_and_says_so(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "store.sqlite", DATA)
    journal.append(swap(1))
    (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalError, match=r"cannot write to the store .* Nothing was recorded\. Free space"):
        journal.append(swap(2, note="x" * 100_000))
    assert len(journal.events()) == 1
    assert journal.append(swap(2)).seq == 2


def test_a_busy_store_says_who_is_in_the_way(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "store.sqlite", DATA)
    journal._connection.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / "store.sqlite")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(JournalError, match="Another process has it open"):
        journal.append(swap(1))
    other.close()
    assert journal.append(swap(1)).seq == 1


def test_two_writers_do_not_build_on_what_they_have_not_seen(tmp_path: Path) -> None:
    one, two = (SqliteJournal(tmp_path / "store.sqlite", DATA) for _ in range(2))
    one.append(swap(1))
    with pytest.raises(JournalError, match=r"expected 0 events .* got 1: another notebook or process has written"):
        two.append(swap(2))
    assert len(SqliteJournal(tmp_path / "store.sqlite", DATA).events()) == 1


def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "store.sqlite", DATA)
    journal.append(swap(1))
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="to be open, but this workbench was closed"):
        journal.append(swap(2))
    assert len(journal.events()) == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to count open files")
def test_a_dropped_or_refused_journal_leaves_no_file_open(tmp_path: Path) -> None:
    def opened() -> list[str]:
        links = (fd for fd in Path("/proc/self/fd").iterdir() if fd.exists())
        return [name for name in map(os.readlink, links) if name.startswith(str(tmp_path))]

    SqliteJournal(tmp_path / "store.sqlite", DATA).append(swap(1))
    with pytest.raises(JournalError):
        SqliteJournal(tmp_path / "store.sqlite", Fingerprint.of(LABELS[:2], IDS[:2]))
    assert opened() == []

"""Events are kept for good, whatever happens to the process, and add up to the state that people see."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from relabel_widget.inputs import row_digests
from relabel_widget.journal import Event, Imported, Journal, JournalError, Kind, Rows, State, fold
from relabel_widget.journal.events import check_text, exported, imported, judged, relabelled, step, verified
from relabel_widget.journal.identity import Why
from relabel_widget.journal.records import Record, restored
from relabel_widget.journal.store import VERSION

CLASSES = np.array(["ham", "spam"])
TEXTS = ["a", "b", "c", "d", "e", "f"]
CODES = np.array([0, 1, 0, 1, 0, 1])


def rows(texts: list[str] = TEXTS, codes: np.ndarray = CODES, ids: np.ndarray | None = None) -> Rows:
    return Rows(lambda: row_digests(texts, len(texts)), None, ids, CLASSES, codes[: len(texts)])


def opened(store: Path | None) -> Journal:
    return Journal(rows(), store)


def swap(row: int, before: int | None = None, *, note: str = "", annotator: str = "ada") -> Event:
    code = int(CODES[row]) if before is None else before
    return relabelled((row,), (code,), (1 - code,), note=note, annotator=annotator)


def numbered(*events: Event) -> list[Event]:
    return [
        event._replace(
            seq=seq,
            time=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seq),
            uid=event.uid or str(seq),
            original=tuple(int(CODES[row]) for row in event.rows),
        )
        for seq, event in enumerate(events, 1)
    ]


def folded(*events: Event) -> State:
    return fold(numbered(*events), CODES)


def overlay(state: State) -> dict[int, int]:
    return {row: mark.code for row, mark in state.overlay.items()}


def done(state: State, person: str = "ada") -> list[int]:
    return [event.seq for event in state.done.get(person, ())]


# --- the fold


def test_nothing_adds_up_to_nothing() -> None:
    assert folded() == State()
    assert overlay(folded()) == {}


def test_a_mark_carries_who_why_and_when() -> None:
    (event,) = numbered(swap(2, note="sarcasm"))
    mark = fold([event], CODES).overlay[2]
    assert (mark.original, mark.code) == (0, 1)
    assert (mark.annotator, mark.note, mark.time) == ("ada", "sarcasm", event.time)


def test_back_to_the_original_label_leaves_no_mark() -> None:
    assert overlay(folded(swap(2), swap(2, before=1))) == {}


def test_undo_brings_back_the_mark_that_was_there() -> None:
    first, second = swap(2, note="first"), relabelled((2,), (1,), (1,), note="second", annotator="bo")
    state = folded(first, second, step(Kind.UNDO, "2", annotator="bo"))
    assert (state.overlay[2].note, state.overlay[2].annotator) == ("first", "ada")
    assert (done(state), done(state, "bo")) == ([1], [])
    assert [event.seq for event in state.undone["bo"]] == [2]


def test_redo_puts_a_decision_back_where_it_was() -> None:
    """Somebody else's decision that came after it still counts."""
    mine, theirs = swap(2, annotator="ada"), relabelled((2,), (1,), (0,), note="", annotator="bo")
    back, forth = step(Kind.UNDO, "1", annotator="ada"), step(Kind.REDO, "1", annotator="ada")
    assert overlay(folded(mine, theirs)) == {}
    assert overlay(folded(mine, theirs, back, forth)) == {}
    assert folded(mine, theirs, back, forth).standing == folded(mine, theirs).standing
    assert overlay(folded(mine, back)) == {}
    assert overlay(folded(mine, back, forth)) == {2: 1}


def test_an_import_is_one_decision_of_its_annotator_about_decisions_of_others() -> None:
    brought = imported((1, 1), (1, 1), (0, 1), ITEMS, source="x.csv", annotator="bo")
    state = folded(swap(3, annotator="eve"), brought)
    said = state.standing[1]
    assert [(one.event.kind, one.event.annotator, one.event.note) for one in said] == [item[:3] for item in ITEMS]
    assert said[0].event.time == ITEMS[0].time
    assert said[1].event.time == datetime(2026, 1, 3, tzinfo=UTC)  # not known elsewhere: that of the import
    assert state.decision(1) == "unsure"
    assert (done(state, "eve"), done(state, "bo")) == ([1], [2])
    steps = [step(kind, "2", annotator="bo") for kind in (Kind.UNDO, Kind.REDO)]
    assert folded(swap(3, annotator="eve"), brought, steps[0]).standing.keys() == {3}
    assert folded(swap(3, annotator="eve"), brought, *steps) == state


def test_a_new_decision_ends_ones_own_redo_and_nobody_elses() -> None:
    back = [step(Kind.UNDO, str(seq), annotator=who) for seq, who in ((1, "ada"), (2, "bo"))]
    state = folded(swap(2), swap(3, annotator="bo"), *back, swap(4))
    assert "ada" not in state.undone
    assert [event.seq for event in state.undone["bo"]] == [2]


def test_a_step_that_comes_twice_is_taken_once() -> None:
    back = step(Kind.UNDO, "2", annotator="ada")
    once, twice = folded(swap(2), swap(3), back), folded(swap(2), swap(3), back, back)
    assert once == twice
    assert overlay(once) == {2: 1}
    assert folded(step(Kind.REDO, "7", annotator="ada")) == State()


def test_verifications_and_exports_change_no_labels() -> None:
    told = (verified({"n_flipped": 1}, annotator=""), exported("x.csv", 1, annotator=""))
    assert folded(swap(1), *told) == folded(swap(1))


def test_the_fold_is_that_of_a_list_of_decisions() -> None:
    """Oracle: each person's decisions in lists, labels worked out from all of them. Also: at once or one by one."""
    rng = random.Random(0)  # noqa: S311 - seeded, for a test
    people = ("ada", "bo", "eve")
    made: dict[int, Event] = {}
    stacks = {who: ([], []) for who in people}
    events: list[Event] = []
    state = State()
    for seq in range(1, 500):
        who = rng.choice(people)
        past, future = stacks[who]
        kind = rng.choice(["relabel", "import", "relabel", "undo", "redo"])
        if kind == "undo" and past:
            event = step(Kind.UNDO, str(past[-1]), annotator=who)
            future.append(past.pop())
        elif kind == "redo" and future:
            event = step(Kind.REDO, str(future[-1]), annotator=who)
            past.append(future.pop())
        else:
            chosen = tuple(rng.sample(range(6), rng.randint(1, 3)))
            before = tuple(overlay(state).get(row, int(CODES[row])) for row in chosen)
            event = relabelled(chosen, before, tuple(rng.randint(0, 1) for _ in chosen), note="", annotator=who)
            past.append(seq)
            future.clear()
            made[seq] = event
            if kind == "import":
                rows_, codes = (*chosen, *chosen), tuple(rng.randint(0, 1) for _ in range(2 * len(chosen)))
                items = tuple(Imported(Kind.RELABEL, rng.choice(people), "", None) for _ in rows_)
                made[seq] = event = imported(rows_, before * 2, codes, items, source="x.csv", annotator=who)
        original = tuple(int(CODES[row]) for row in event.rows)
        event = event._replace(seq=seq, uid=str(seq), time=datetime(2026, 1, 1, tzinfo=UTC), original=original)
        events.append(event)
        earlier = dict(state.standing)
        following = fold([event], CODES, state)
        assert dict(state.standing) == earlier
        state = following
        labels = CODES.tolist()
        for standing in sorted(number for past, _ in stacks.values() for number in past):
            for row, code in zip(made[standing].rows, made[standing].after, strict=True):
                labels[row] = code
        assert [overlay(state).get(row, int(CODES[row])) for row in range(6)] == labels
    assert fold(events, CODES) == state


# --- events


def test_notes_and_annotators_are_strings_of_unicode() -> None:
    with pytest.raises(TypeError, match=r"note: expected a string, got int\. Pass str\(note\)"):
        judged(Kind.KEEP, (1,), (0,), (0,), note=3, annotator="")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"annotator: expected text .* surrogate pair at character 1"):
        check_text("annotator", "a\ud800")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("vote", "{}"),
        ("relabel", "[1]"),
        ("relabel", "{"),
        ("relabel", "7"),
        ("import", '{"items": [["vote", "", "", null]], "names": [1]}'),
        ("import", '{"items": [["keep", "", "", null]], "names": []}'),
    ],
)
def test_what_we_did_not_write_is_not_read(kind: str, text: str) -> None:
    with pytest.raises(JournalError, match=r"expected event 4 to be one of relabel, undo, .* backup"):
        restored([Record(4, "x", "2026-01-01T00:00:00+00:00", kind, text)], rows())


def test_what_is_no_number_is_not_written(tmp_path: Path) -> None:
    journal = opened(tmp_path / "store.sqlite")
    with pytest.raises(ValueError, match="JSON compliant"):
        journal.append(verified({"log_loss_after": float("nan")}, annotator=""))
    assert journal.events() == ()
    assert journal.append(swap(1)).seq == 1


# --- the store

NASTY = "'); DROP TABLE events; --\x00\n\u202e<script>\U0001f600"


ITEMS = (
    Imported(Kind.RELABEL, "eve", NASTY, datetime(2025, 1, 1, 10, 30, 0, 5, tzinfo=UTC)),
    Imported(Kind.UNSURE, "", "", None),
)


def given() -> list[Event]:
    return [
        relabelled((3, 0), (1, 0), (0, 1), note=NASTY, annotator="Ada"),
        step(Kind.UNDO, "1", annotator=NASTY),
        step(Kind.REDO, "1", annotator="")._replace(session="s"),
        verified({"n_flipped": 2, "accuracy_after": 0.1 + 0.2, "log_loss_after": None}, annotator="bo"),
        exported("folder/ü.csv", 2, annotator="bo"),
        judged(Kind.ADJUDICATE, (4,), (0,), (1,), note="", annotator="eve"),
        imported((1, 1), (1, 1), (0, 1), ITEMS, source=NASTY, annotator="bo"),
        relabelled((3,), (0,), (1,), note="", annotator="Ada")._replace(details={"query": 7, "flip_set": "[]"}),
    ]


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
from test_journal import opened, swap
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


# --- what is refused


def reopen_after(store: Path, *statements: str) -> None:
    """Change a store behind its back, then open it again."""
    opened(store).close()
    other = sqlite3.connect(store)
    for statement in statements:
        other.execute(statement)
    other.commit()
    other.close()
    opened(store)


def test_other_data_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "store.sqlite").append(swap(1))
    with pytest.raises(JournalError, match=r"the data that .*store\.sqlite' was made for, got data that shares no row"):
        Journal(rows(["u", "v", "w"]), tmp_path / "store.sqlite")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    words = rf"in format {VERSION} or older, got format {VERSION + 1}: it was written by a newer"
    with pytest.raises(JournalError, match=words):
        reopen_after(tmp_path / "store.sqlite", "UPDATE relabel_store SET version = version + 1")


def test_a_file_that_is_not_sqlite_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = tmp_path / "notes.txt"
    store.write_text("shopping list\n" * 100)
    with pytest.raises(JournalError, match=r"cannot open the store .*notes\.txt'.* It is not a store of relabel"):
        opened(store)
    assert store.read_text() == "shopping list\n" * 100


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = tmp_path / "photos.db"
    other = sqlite3.connect(store)
    other.execute("CREATE TABLE photos (name TEXT)")
    other.commit()
    before = store.read_bytes()
    with pytest.raises(JournalError, match="an SQLite database that was not created by relabel_widget"):
        opened(store)
    assert store.read_bytes() == before
    other.close()


@pytest.mark.parametrize("name", ["missing/store.sqlite", "."])
def test_a_path_that_cannot_be_opened_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalError, match=r"cannot .* the store .* Check that its folder exists"):
        opened(tmp_path / name)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("", "got an empty one"),
        ("mysql://host/db", "a URL that begins with postgresql://, got one that begins with mysql://"),
        ("postgresql://host:port/db", "got a URL that cannot be read"),
    ],
)
def test_a_place_that_is_none_is_refused(place: str, words: str) -> None:
    with pytest.raises(JournalError, match=words):
        Journal(rows(), place)


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("host=db.example port=5433 dbname=labels user=ada", "postgresql://ada@db.example:5433/labels"),
        ("dbname = 'my labels' user='a@b' password='se cret'", "postgresql://a%40b:password@localhost/my%20labels"),
        ("host=db sslmode=require", "postgresql://user@db/database?sslmode=require"),
        ("host=/run/postgresql dbname=labels", "postgresql://user@%2Frun%2Fpostgresql/labels"),
    ],
)
def test_the_parts_of_a_connection_are_no_file_name(
    place: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of that name was made, and nobody else saw what was decided."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(JournalError) as caught:
        Journal(rows(), place)
    assert f"got the parts of a connection. Write '{url}'; for a file of that name" in str(caught.value)
    assert "cret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    opened(tmp_path / "host=1").close()


@pytest.mark.parametrize(
    "place",
    [
        "postgresql://ada:top@secret@127.0.0.1:1/db",
        "postgresql://ada:top@sec:secret@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?user=ada&password=secret",
        " postgresql://ada:secret@127.0.0.1:1/db",
        "postgresql:/ada:secret@127.0.0.1:1/db",
    ],
)
def test_no_part_of_a_password_is_shown(place: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(JournalError) as caught:
        Journal(rows(), place)
    shown = [str(caught.value)]
    error: BaseException = caught.value
    while not error.__suppress_context__ and error.__context__ is not None:
        error = error.__context__
        shown.append(str(error))
    assert "secret" not in " ".join(shown)


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="Check its name, its folder"):
        opened(tmp_path / ("x" * 300))


def test_a_folder_that_is_away_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    journal = opened(folder / "store.sqlite")
    folder.rename(tmp_path / "elsewhere")
    folder.write_text("in its place")
    journal.append(swap(1))
    assert "Not a directory" in journal.trouble
    assert "1 event is kept in memory only; they are written then" in journal.trouble
    folder.unlink()
    (tmp_path / "elsewhere").rename(folder)
    journal.refresh()
    assert journal.trouble == ""
    assert opened(folder / "store.sqlite").events() == journal.events()
    journal.close()


def test_an_id_that_json_does_not_have_is_kept(tmp_path: Path) -> None:
    ids = np.array([1.0, float("inf"), 3.0, 4.0, 5.0, 6.0])
    journal = Journal(rows(ids=ids), tmp_path / "store.sqlite")
    journal.append(swap(1))
    journal.close()
    again = Journal(rows([*TEXTS[1:], "a"], np.roll(CODES, -1), np.roll(ids, -1)), tmp_path / "store.sqlite")
    assert again.events()[0].rows == (0,)
    again.close()


def test_a_new_row_of_the_same_text_and_other_features_takes_no_decision(tmp_path: Path) -> None:
    def of(texts: list[str], features: list[str]) -> Rows:
        contents, details = (lambda: row_digests(texts, len(texts))), (lambda: row_digests(features, len(texts)))
        return Rows(contents, details, None, CLASSES, np.array([0] * len(texts)))

    journal = Journal(of(["t", "u"], ["old", "other"]), tmp_path / "store.sqlite")
    journal.append(swap(0))
    journal.close()
    twins = of(["t", "t", "u"], ["new", "old", "other"])
    again = Journal(twins, tmp_path / "store.sqlite")
    assert again.events()[0].rows == (-1,)
    assert twins.lost[0].why is Why.UNCERTAIN
    again.close()


def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    journal = opened(tmp_path / "store.sqlite")
    journal.append(swap(1))
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="expected an open store, but this workbench was closed"):
        journal.append(swap(2))
    assert len(journal.events()) == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to count open files")
def test_a_dropped_or_refused_journal_leaves_no_file_open(tmp_path: Path) -> None:
    def opened_files() -> list[str]:
        links = (fd for fd in Path("/proc/self/fd").iterdir() if fd.exists())
        return [name for name in map(os.readlink, links) if name.startswith(str(tmp_path))]

    opened(tmp_path / "store.sqlite").append(swap(1))
    with pytest.raises(JournalError):
        Journal(rows(["x", "y"]), tmp_path / "store.sqlite")
    assert opened_files() == []


# --- damage


def damaged(store: Path, *statements: str) -> None:
    other = sqlite3.connect(store)
    for trigger in ("relabel_events_stay", "relabel_events_last"):
        other.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        other.execute(statement)
    other.commit()
    other.close()


@pytest.mark.parametrize(
    ("statement", "good"),
    [
        ("UPDATE relabel_events SET body = replace(body, 'why', 'who') WHERE seq = 3", 2),
        ("UPDATE relabel_events SET time = '2026-01-01T00:00:00+00:00' WHERE seq = 2", 1),
        ("UPDATE relabel_events SET seq = 9 WHERE seq = 4", 3),
        ("DELETE FROM relabel_events WHERE seq = 4", 3),
        ("DELETE FROM relabel_events WHERE seq > 2", 2),
        ("UPDATE relabel_store SET digest = 'x'", 4),
        ("DELETE FROM relabel_store", 4),
        ("UPDATE relabel_store SET last = 0, digest = ''", 4),
        ("UPDATE relabel_store SET (last, digest) = (SELECT seq, digest FROM relabel_events WHERE seq = 2)", 4),
    ],
)
def test_a_damaged_store_is_read_up_to_the_last_good_event(tmp_path: Path, statement: str, good: int) -> None:
    store = tmp_path / "store.sqlite"
    journal = opened(store)
    for row in range(4):
        journal.append(swap(row, note="why"))
    journal.close()
    damaged(store, statement)
    again = opened(store)
    assert again.events() == journal.events()[:good]
    assert f"Its first {good} events are as they were written and count here" in again.trouble
    before = store.read_bytes()
    again.append(swap(5))
    assert "1 event is kept in memory only; write them to a new place" in again.trouble
    again.close()
    assert store.read_bytes() == before


NAME = [None, "00" * 16, "", "ham", 0, 1, 1]
BODY = {"annotator": "ada", "rows": [0], "names": [NAME], "before": ["ham"], "after": ["spam"], "note": ""}
ODD_NAMES = [
    NAME[:5],
    [None, "zz" * 16, *NAME[2:]],
    [None, "00", *NAME[2:]],
    [*NAME[:4], 3, 1, 1],
    [*NAME[:3], {}, 0, 1, 1],
]
ODD = {
    "no annotator": {"rows": [0], "names": [NAME], "before": ["ham"], "after": ["spam"]},
    "no rows": {"annotator": "ada", "note": "x"},
    "fewer labels than rows": {**BODY, "after": []},
    "fewer rows than names": {**BODY, "rows": []},
    "a label that is none": {**BODY, "after": [["spam"]]},
    "a note that is a number": {**BODY, "note": 3},
    "half a character": {**BODY, "note": "\ud800"},
    "a row that is a text": {**BODY, "rows": ["first"]},
    "a list": [BODY],
    **{f"name {number}": {**BODY, "names": [name]} for number, name in enumerate(ODD_NAMES)},
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
@pytest.mark.parametrize("is_open", [False, True])
def test_an_event_of_another_shape_is_no_riddle(tmp_path: Path, body: object, is_open: bool) -> None:
    """Another tool wrote it, and knew the digests: what came before it counts."""
    store = tmp_path / "store.sqlite"
    journal = opened(store)
    journal.append(swap(1))
    writer = opened(store)
    assert writer._store is not None
    draft = Record(0, "other-1", datetime.now(UTC).isoformat(), "relabel", json.dumps(body))
    last = writer._records[-1]
    writer._store.exchange(last.seq, last.digest, [draft, draft._replace(uid="other-2")], "[]")
    if is_open:
        journal.append(swap(2))
        assert "1 event is kept in memory only" in journal.trouble
        assert overlay(journal.state) == {1: 0, 2: 1}
    else:
        journal.close()
        journal = opened(store)
        assert overlay(journal.state) == {1: 0}
        assert "Its first 1 events are as they were written and count here" in journal.trouble
    assert "expected event 2 to be one of relabel, undo," in journal.trouble
    assert "nothing is written to it any more" in journal.trouble.lower()
    for one in (journal, writer):
        one.close()


@pytest.mark.parametrize(
    ("kind", "time", "body"),
    [
        ("undo", "2026-01-01T00:00:00+00:00", BODY),
        ("export", "2026-01-01T00:00:00+00:00", {"annotator": "", "details": {"path": ["x"]}}),
        ("export", "2026-01-01T00:00:00+00:00", {"annotator": "", "details": [1]}),
        ("undo", "2026-01-01T00:00:00+00:00", {"annotator": "", "target": 3}),
        ("relabel", "2026-01-01T00:00:00", BODY),
        ("relabel", "yesterday", BODY),
    ],
)
def test_an_event_that_only_looks_right_is_refused(kind: str, time: str, body: object) -> None:
    with pytest.raises(JournalError, match=r"expected event 4 to be one of relabel, undo, .* backup"):
        restored([Record(4, "x", time, kind, json.dumps(body))], rows())


def test_a_body_without_an_end_is_refused() -> None:
    for body in ("[" * 100_000, json.dumps(BODY) + " {}"):
        with pytest.raises(JournalError, match="expected event 4 to be one of relabel"):
            restored([Record(4, "x", "2026-01-01T00:00:00+00:00", "relabel", body)], rows())


def test_a_store_without_a_good_decision_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    journal = opened(store)
    journal.append(swap(1, note="why"))
    journal.close()
    damaged(store, "UPDATE relabel_events SET body = replace(body, 'why', 'who')")
    with pytest.raises(JournalError, match=r"is damaged: after event 0 .* No decision before that can be read"):
        opened(store)


def test_damage_that_comes_while_it_is_open_stops_all_writing(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    one, two = opened(store), opened(store)
    one.append(swap(1))
    damaged(store, "UPDATE relabel_events SET kind = 'keep'")
    two.append(swap(2))
    assert "is damaged: after event 0" in two.trouble
    assert overlay(two.state) == {2: 1}
    assert "Nothing is written to it any more." in two.trouble


@pytest.mark.parametrize("how", ["changed", "truncated"])
def test_no_damaged_file_opens_with_other_decisions(tmp_path: Path, how: str) -> None:
    """8 of 200 stores with three changed bytes did."""
    store = tmp_path / "store.sqlite"
    journal = opened(store)
    for number in range(30):
        journal.append(swap(number % 6, note=f"note {number}" * (number % 7), annotator=random.choice("ab")))  # noqa: S311
    journal.close()
    whole, events = store.read_bytes(), journal.events()
    rng = random.Random(how)  # noqa: S311 - seeded, for a test
    read, refused = 0, 0
    for _ in range(200):
        if how == "changed":
            content = bytearray(whole)
            for _ in range(3):
                content[rng.randrange(len(whole))] = rng.randrange(256)
        else:
            content = bytearray(whole[: rng.randrange(len(whole))])
        other = tmp_path / "damaged.sqlite"
        for name in ("damaged.sqlite-wal", "damaged.sqlite-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        other.write_bytes(content)
        try:
            again = opened(other)
        except JournalError:
            refused += 1
            continue
        found = again.events()
        again.close()
        assert found == events[: len(found)]
        assert len(found) == len(events) or again.trouble
        read += 1
    assert read + refused == 200
    assert refused > 0

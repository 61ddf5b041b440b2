"""What a journal refuses, and that it leaves it alone."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from journal_cases import CLASSES, CODES, TEXTS, opened, rows, swap

from relabel_widget.inputs import row_digests
from relabel_widget.journal import Journal, JournalError, Rows
from relabel_widget.journal.identity import Why
from relabel_widget.journal.store import VERSION


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


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/store.sqlite", r"cannot create the store: there is no folder '.*missing'\. Create it, or"),
        (".", r"cannot open the store .* Check that its folder exists"),
    ],
)
def test_a_path_that_cannot_be_opened_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(JournalError, match=words):
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

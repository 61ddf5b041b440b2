"""Several processes on one store, in SQLite and in PostgreSQL, and processes that are killed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import store_child
from servers import postgres
from store_child import decided

from relabel_widget.journal import JournalError

PEOPLE = ("ada", "bo", "eve", "kim")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("psycopg")
    with postgres() as url:
        yield url


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a server does not take is left in the current folder."""
    monkeypatch.chdir(tmp_path)


def emptied(url: str) -> str:
    """The same server, without a store."""
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    return emptied(request.getfixturevalue("server"))


def started(store: str, annotator: str, number: int) -> subprocess.Popen[str]:
    child = [sys.executable, str(Path(store_child.__file__)), store, annotator, str(number)]
    path = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(child, **pipes, text=True, env={**os.environ, "PYTHONPATH": path})


def decide_together(store: str, number: int) -> None:
    """Four write at once; a workbench in a process of its own sees all of it within two seconds of the last."""
    follower = store_child.opened(store)
    looker = started(store, "look", 4 * number)
    assert looker.stdout.readline() == "ready\n", looker.stderr.read()  # type: ignore[union-attr]
    children = [started(store, who, number) for who in PEOPLE]
    for child in children:
        assert child.stdout.readline() == "ready\n", child.stderr.read()  # type: ignore[union-attr]
    for child in children:
        child.stdin.write("go\n")  # type: ignore[union-attr]
        child.stdin.flush()  # type: ignore[union-attr]
    ended = [(child.communicate(timeout=590), child.returncode) for child in children]
    for (said, errors), code in ended:
        assert code == 0, errors
        assert said.split()[:-1] == [str(place) for place in range(number)]
    last = max(float(said.split()[-1]) for (said, _), _ in ended)
    seen, errors = looker.communicate(timeout=60)
    assert looker.returncode == 0, errors
    assert float(seen) - last < 2
    journal = store_child.opened(store)
    events = journal.events()
    follower.refresh()
    assert follower.events() == events
    assert follower.state == journal.state
    assert [event.seq for event in events] == list(range(1, 4 * number + 1))
    for who in PEOPLE:
        assert [event.note for event in events if event.annotator == who] == [str(place) for place in range(number)]
    for one in (follower, journal):
        one.close()


def test_four_processes_decide_at_once(store: str) -> None:
    decide_together(store, 40)


@pytest.mark.benchmark
def test_four_processes_make_a_thousand_decisions_each(store: str) -> None:
    decide_together(store, 1000)


def kill_sessions(store: str, sessions: int) -> int:
    """What a session said was written is there after kill -9 at any moment, and nothing is there twice or in part."""
    rng = random.Random(0)  # noqa: S311 - seeded, for a test
    told = 0  # decisions
    for session in range(sessions):
        child = started(store, f"s{session}", 10**6)
        assert child.stdout.readline() == "ready\n", child.stderr.read()  # type: ignore[union-attr]
        child.stdin.write("go\n")  # type: ignore[union-attr]
        child.stdin.flush()  # type: ignore[union-attr]
        time.sleep(rng.random() * 0.4)
        child.kill()
        said = child.communicate(timeout=60)[0].split("\n")[:-1]
        journal = store_child.opened(store)
        written = [event.note for event in journal.events() if event.annotator == f"s{session}"]
        assert written == [str(place) for place in range(len(written))]
        assert len(said) <= len(written) <= len(said) + 1
        assert journal.trouble == ""
        journal.close()
        told += len(said)
    assert told > sessions
    return told


def test_kill_9_at_random_moments_loses_nothing(tmp_path: Path) -> None:
    kill_sessions(str(tmp_path / "store.sqlite"), 6)


@pytest.mark.benchmark
@pytest.mark.timeout(3600)
def test_kill_9_in_many_sessions(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Half of those that the project promises; `tests/browser/test_killed_kernels.py` has the half through the page."""
    sessions = request.config.getoption("sessions")
    told = kill_sessions(str(tmp_path / "store.sqlite"), sessions)
    print(f"\n{sessions} sessions killed, {told} decisions told of, none lost")


# --- PostgreSQL alone


def test_events_in_postgres_are_never_changed_or_removed(server: str) -> None:
    import psycopg

    journal = store_child.opened(emptied(server))
    journal.append(decided(1, "a\x00b 'quoted'"))
    for statement in (
        "UPDATE relabel_events SET kind = 'keep'",
        "DELETE FROM relabel_events",
        "TRUNCATE relabel_events",
    ):
        with psycopg.connect(server) as connection, pytest.raises(psycopg.Error, match="never changed or removed"):
            connection.execute(statement)
    assert store_child.opened(server).events() == journal.events()
    assert journal.events()[0].note == "a\x00b 'quoted'"
    journal.close()


def test_readers_of_postgres_never_wait_and_writers_say_what_they_wait_for(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setattr("relabel_widget.journal.journal.PATIENT", 1)
    one, two = (store_child.opened(emptied(server) if first else server) for first in (True, False))
    with psycopg.connect(server) as connection:
        connection.execute("SELECT * FROM relabel_store FOR UPDATE")
        one.append(decided(1))
        assert "Another process has locked it" in one.trouble
        began = time.monotonic()
        two.refresh()
        store_child.opened(server).close()
        assert time.monotonic() - began < 0.9
    one.refresh()
    assert one.trouble == ""
    two.refresh()
    assert len(two.events()) == 1
    one.close()
    two.close()


def test_a_postgres_that_is_away_is_waited_for() -> None:
    pytest.importorskip("psycopg")
    with postgres() as url:
        journal = store_child.opened(url)
        journal.append(decided(1))
    journal.append(decided(2))
    assert "Until then 1 event is kept in memory only" in journal.trouble
    assert len(journal.events()) == 2
    with pytest.raises(JournalError, match=r"cannot reach the store 'postgresql://tester@127\.0\.0\.1"):
        store_child.opened(url)
    journal.close()


def test_a_password_is_not_shown(server: str) -> None:
    url = server.replace("tester@", "nobody_such:secret@")
    with pytest.raises(JournalError) as caught:
        store_child.opened(url)
    assert "secret" not in str(caught.value)
    assert "nobody_such:***@" in str(caught.value)


def test_tables_that_were_deleted_are_said_to_be_so(server: str) -> None:
    import psycopg

    journal = store_child.opened(emptied(server))
    journal.append(decided(1))
    with psycopg.connect(server) as connection:
        connection.execute("DROP TABLE relabel_store")
    journal.append(decided(2))
    assert "Its tables were deleted" in journal.trouble
    assert len(journal.events()) == 2
    journal.close()


def test_a_store_is_made_anew_where_its_tables_were_all_dropped(server: str) -> None:
    import psycopg

    store_child.opened(emptied(server)).close()
    with psycopg.connect(server) as connection:
        connection.execute("DROP TABLE relabel_events, relabel_store, relabel_data")
    journal = store_child.opened(server)
    journal.append(decided(1))
    assert journal.trouble == ""
    journal.close()


def test_what_the_database_is_set_to_does_not_matter(server: str) -> None:
    """Neither bytes without an encoding nor another isolation, in which who waited for a writer would be refused."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        plain = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
        connection.execute(f"CREATE DATABASE special TEMPLATE template0 {plain}")
        connection.execute("ALTER DATABASE special SET default_transaction_isolation = 'repeatable read'")
    url = server.rpartition("/")[0] + "/special"
    journals = [store_child.opened(url) for _ in range(3)]
    troubles: list[str] = []

    def decide(journal: Any) -> None:
        for row in range(20):
            journal.append(decided(row, "ü"))
            troubles.append(journal.trouble)

    threads = [threading.Thread(target=decide, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(troubles) == {""}
    for journal in journals:
        journal.refresh()
        assert len(journal.events()) == 60
        journal.close()


def test_a_reader_gives_up_on_tables_that_are_locked_altogether(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    monkeypatch.setattr("relabel_widget.journal.postgres._WAIT", 1)
    journal = store_child.opened(emptied(server))
    with psycopg.connect(server) as connection:
        connection.execute("LOCK TABLE relabel_store IN ACCESS EXCLUSIVE MODE")
        reader = threading.Thread(target=journal.refresh, daemon=True)
        reader.start()
        reader.join(8)
        assert not reader.is_alive()
        assert "Another process has locked it" in journal.trouble
    journal.refresh()
    assert journal.trouble == ""
    journal.close()


def test_a_server_that_allows_no_more_time_was_not_stopped(server: str) -> None:
    import psycopg

    journal = store_child.opened(emptied(server) + "?options=-cstatement_timeout%3D200")
    with psycopg.connect(server) as connection:
        connection.execute("SELECT * FROM relabel_store FOR UPDATE")
        journal.append(decided(1))
        assert "allows no more time: another process may have locked it" in journal.trouble
    journal.refresh()
    assert journal.trouble == ""
    journal.close()


CUT = """
import subprocess, sys, time
sys.path.insert(0, sys.argv[1])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
import store_child
from servers import postgres
with postgres() as url:
    journal = store_child.opened(url)
    journal.append(store_child.decided(1))
    assert journal.trouble == "", journal.trouble
    subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
    began = time.monotonic()
    journal.append(store_child.decided(2))
    print(time.monotonic() - began, journal.trouble, flush=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    journal.refresh()
    assert (journal.trouble, len(store_child.opened(url).events())) == ("", 2), journal.trouble
    journal.close()
"""


def test_a_network_that_is_cut_is_not_waited_for_without_end() -> None:
    """TCP asks again for a quarter of an hour. A network of its own is one that can be cut."""
    pytest.importorskip("psycopg")
    alone = subprocess.run(["unshare", "-n", "ip", "link"], capture_output=True, check=False)
    if alone.returncode:
        pytest.skip("no right to make a network")
    tests = Path(__file__).parent
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", CUT, str(tests)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests.parent), os.environ.get("PYTHONPATH", "")])},
    )
    assert done.returncode == 0, done.stderr
    seconds, _, trouble = done.stdout.partition(" ")
    assert float(seconds) < 40
    assert "cannot reach the store" in trouble
    assert "1 event is kept in memory only" in trouble


def test_the_url_has_the_last_word_on_how_long_to_wait(server: str) -> None:
    journal = store_child.opened(emptied(server) + "?keepalives_idle=77&connect_timeout=9")
    with journal._store._engine.connect() as connection:  # type: ignore[union-attr]
        found = connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
    wanted = {"keepalives_idle": "77", "connect_timeout": "9", "keepalives_count": "3", "tcp_user_timeout": "10000"}
    assert {name: found[name] for name in wanted} == wanted
    journal.close()


def test_what_cannot_be_written_to_a_server_is_left_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.chdir(tmp_path)
    with postgres() as url:
        import psycopg

        journal = store_child.opened(url)
        monkeypatch.setattr("relabel_widget.journal.journal.PATIENT", 0.2)
        with psycopg.connect(url) as connection:
            connection.execute("SELECT * FROM relabel_store FOR UPDATE")
            journal.append(decided(1))
            journal.close()
        (left,) = tmp_path.iterdir()
        assert f"1 event was left in {str(left)!r}" in journal.trouble
        again = store_child.opened(url)
        assert [event.rows for event in again.events()] == [(1,)]
        again.close()
    assert not left.exists()

"""Where files are put, whose they are, and what is left of a write that was killed."""

from __future__ import annotations

import json
import os
import sqlite3
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.files import whole as files_room
from relabel_widget.files.whole import write_whole
from relabel_widget.journal.fingerprint import Fingerprint
from relabel_widget.workbench.workbench import Workbench


@pytest.fixture
def bench() -> Workbench:
    X, y = np.eye(4), np.array(["no", "yes"] * 2)
    return Workbench(LogisticRegression(tol=1e-10).fit(X, y), X, y, X)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fill(file: Path) -> None:
    file.write_text("x")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs a list of the open files")
def test_without_locks_a_part_is_stale_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows replaces no file that is open: nothing may hold the part there, so its age has to tell."""
    monkeypatch.setattr(files_room, "fcntl", None)
    new, old = (tmp_path / f".relabel_widget-{digit * 16}.part" for digit in "01")
    for part in (new, old):
        part.write_text("half")
    os.utime(old, (0, 0))
    opened: list[str] = []
    replace = os.replace

    def as_on_windows(part: Path, target: Path) -> None:
        opened.extend(os.path.realpath(link) for link in Path("/proc/self/fd").iterdir())
        assert str(part) not in opened
        replace(part, target)

    monkeypatch.setattr(files_room.os, "replace", as_on_windows)
    write_whole(tmp_path / "x.csv", fill, who="export")
    assert opened
    assert files(tmp_path) == [new.name, "x.csv"]


def test_writers_in_one_folder_leave_each_others_parts(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for turn in range(30):
            write_whole(tmp_path / f"{number}.csv", fill, who="export", overwrite=turn > 0)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    assert files(tmp_path) == [f"{number}.csv" for number in range(6)]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root may write to")
def test_no_traceback_names_a_part(bench: Workbench) -> None:
    """The sentence did not, but the cause that Python shows above it did."""
    bench.relabel(1)
    with pytest.raises(FileNotFoundError, match="cannot write") as caught:
        bench.export("/proc/self/labels.csv")
    assert ".part" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("letter", ["x", "é", "文", "\U0001f600"])
def test_a_name_may_be_as_long_as_the_file_system_takes(bench: Workbench, tmp_path: Path, letter: str) -> None:
    """The part's name was longer than the file's, and no file could have it."""
    bench.relabel(1)
    name = letter * (251 // len(letter.encode())) + ".csv"
    assert bench.export(tmp_path / name).name == name
    with pytest.raises(OSError, match=r"export: cannot write '.*': File name too long\. Nothing was changed\.$"):
        bench.export(tmp_path / f"{letter * 260}.csv")


@pytest.mark.skipif(os.name == "nt", reason="needs a named pipe")
def test_what_is_no_file_is_not_waited_for(bench: Workbench, tmp_path: Path) -> None:
    """A pipe held the kernel for good, and /dev/zero would have been read to its end."""
    os.mkfifo(tmp_path / "pipe.html")
    for overwrite in (False, True):
        with pytest.raises(OSError, match=r"report: expected a file to write, got .*pipe\.html', a device or a pipe"):
            bench.report(tmp_path / "pipe.html", overwrite=overwrite)
    with pytest.raises(OSError, match=r"write_design: .* a device or a pipe"):
        rw.write_design(tmp_path / "pipe.html", np.eye(3))


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """A design may take hours to write; the question whose file lies there is asked at the end, too."""
    target = tmp_path / "x.rlw"

    def blocks() -> Iterator[Any]:
        yield np.eye(3)
        target.write_text("theirs")

    with pytest.raises(FileExistsError, match=r"write_design: .*x\.rlw' exists"):
        rw.write_design(target, blocks())
    assert target.read_text() == "theirs"
    assert files(tmp_path) == ["x.rlw"]


def test_ours_is_what_we_wrote(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who writes right after us is not taken for us."""
    path = tmp_path / "labels.csv"
    bench.relabel(1)
    replace = os.replace
    monkeypatch.setattr(files_room.os, "replace", lambda *names: (replace(*names), path.write_text("theirs")))
    bench.export(path)
    monkeypatch.undo()
    with pytest.raises(FileExistsError, match="changed since"):
        bench.export(path)


def test_a_store_of_an_older_version_owns_no_files(tmp_path: Path) -> None:
    """Its exports were noted without their content."""
    X, y, path = np.eye(4), [0, 1, 0, 1], tmp_path / "labels.csv"
    path.write_text("row,id,original,corrected\n0,0,0,1\n")
    data = Fingerprint.of(np.array(y), np.arange(4))
    events = [
        ("relabel", {"rows": [0], "before": [0], "after": [1], "note": ""}),
        ("export", {"details": {"path": str(path), "count": 1}}),
    ]
    with closing(sqlite3.connect(tmp_path / "s.sqlite")) as store, store:
        store.execute("CREATE TABLE data (n_rows INTEGER, labels TEXT, ids TEXT)")
        store.execute("INSERT INTO data VALUES (?, ?, ?)", (data.n_rows, data.labels, data.ids))
        store.execute("CREATE TABLE events (seq INTEGER, time TEXT, annotator TEXT, kind TEXT, payload TEXT)")
        for seq, (kind, payload) in enumerate(events, start=1):
            line = (seq, "2026-01-01T00:00:00+00:00", "", kind, json.dumps(payload))
            store.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", line)
        store.execute("PRAGMA application_id = 1380729412")
        store.execute("PRAGMA user_version = 2")
    model = LogisticRegression().fit(X, y)
    with pytest.warns(rw.StoreWarning, match="older relabel_widget"):
        bench = Workbench(model, X, y, X, store=tmp_path / "s.sqlite")
    with bench:
        assert bench.history()["details"].tolist()[-1] == f"1 corrected labels to {path}"
        with pytest.raises(FileExistsError, match="exists"):
            bench.export(path)


@pytest.mark.parametrize("store", [5, b"s.sqlite", "a\0b"])
def test_what_is_no_path_of_a_store(store: Any) -> None:
    X, y = np.eye(4), [0, 1, 0, 1]
    with pytest.raises((TypeError, ValueError), match="Workbench: store: expected "):
        Workbench(LogisticRegression().fit(X, y), X, y, X, store=store)

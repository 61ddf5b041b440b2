"""Files are written whole or not at all, and hold what the workbench shows."""

from __future__ import annotations

import builtins
import csv
import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from relabel_widget import files as files_room
from relabel_widget.export import write_table
from relabel_widget.files import write_whole
from relabel_widget.journal import JournalError
from relabel_widget.workbench import Workbench

NASTY = '=cmd|"/c calc"!A1,\r\n\rline\t\u202e\x00 Ünï \U0001f600'


@pytest.fixture
def bench() -> Workbench:
    X, y = np.vstack([np.eye(4), np.eye(4)]), np.array(["no", "yes"] * 4)
    ids = [f"{NASTY}{row}" for row in range(8)]
    model = LogisticRegression(tol=1e-10).fit(X, y)
    return Workbench(model, X, y, X[:2], ids=ids, annotator=NASTY)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what is in them


def test_csv_holds_the_values_as_they_are(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel([5, 2], note=NASTY)
    path = bench.export(tmp_path / "labels.csv")
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["row", "id", "original", "corrected", "annotator", "note", "time"]
    assert [line[:6] for line in lines[1:]] == [
        ["2", f"{NASTY}2", "no", "yes", NASTY, NASTY],
        ["5", f"{NASTY}5", "yes", "no", NASTY, NASTY],
    ]
    assert [pd.Timestamp(line[6]) for line in lines[1:]] == bench.corrected_labels()["time"].tolist()


def test_csv_comes_back_through_pandas(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel([5, 2], note='a, b\r\n"c"')
    read = pd.read_csv(bench.export(tmp_path / "labels.csv"), usecols=["row", "original", "corrected", "note", "time"])
    expected = bench.corrected_labels()[["row", "original", "corrected", "note", "time"]]
    read["time"] = pd.to_datetime(read["time"])
    pd.testing.assert_frame_equal(read, expected, check_dtype=False)


def test_jsonl_holds_the_values_as_they_are(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel([5, 2], note=NASTY)
    lines = bench.export(tmp_path / "labels.jsonl").read_bytes().decode().removesuffix("\n").split("\n")
    read = [json.loads(line) for line in lines]
    assert [(line["row"], line["id"], line["corrected"], line["note"]) for line in read] == [
        (2, f"{NASTY}2", "yes", NASTY),
        (5, f"{NASTY}5", "no", NASTY),
    ]
    assert [pd.Timestamp(line["time"]) for line in read] == bench.corrected_labels()["time"].tolist()


def test_parquet_comes_back_as_it_was(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel([5, 2], note=NASTY)
    path = bench.export(tmp_path / "labels.PARQUET")
    pd.testing.assert_frame_equal(pd.read_parquet(path), bench.corrected_labels(), check_dtype=False)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_nothing_corrected_makes_an_empty_file(bench: Workbench, tmp_path: Path, ending: str) -> None:
    path = bench.export(tmp_path / f"labels.{ending}")
    if ending == "jsonl":
        assert path.read_bytes() == b""
        return
    read = pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)
    assert read.columns.tolist() == bench.corrected_labels().columns.tolist()
    assert len(read) == 0


def test_an_export_is_an_event_with_its_path(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bench.export("labels.csv") == tmp_path / "labels.csv"
    event = bench.history().iloc[-1]
    assert (event["kind"], event["details"]) == ("export", f"0 corrected labels to {tmp_path / 'labels.csv'}")


# --- whole or not at all


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_an_older_file_is_replaced(bench: Workbench, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"labels.{ending}"
    path.write_text("old")
    path.chmod(0o640)
    bench.relabel(1)
    bench.export(path)
    assert path.read_bytes() != b"old"
    assert files(tmp_path) == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_followed(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    assert bench.export(tmp_path / "link.csv") == tmp_path / "real.csv"
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() != "old"


def fail(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("what", ["replace", "fsync"])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("old")
    monkeypatch.setattr(files_room.os, what, fail)
    with pytest.raises(OSError, match=r"export: cannot write .*labels\.csv': No space left .* Nothing was changed"):
        bench.export(path)
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert files(tmp_path) == ["labels.csv"]
    assert len(bench.history()) == 0


def test_a_writer_that_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("old")

    def half(file: Path) -> None:
        file.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, half, who="export")
    assert path.read_text() == "old"
    assert files(tmp_path) == ["labels.csv"]


def test_the_file_is_on_the_disk_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deeds: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(files_room.os, "fsync", lambda fd: (deeds.append("fsync"), fsync(fd)))
    monkeypatch.setattr(files_room.os, "replace", lambda old, new: (deeds.append("replace"), replace(old, new)))
    write_whole(tmp_path / "x", lambda file: (file.write_text("x"), None)[1], who="export")
    assert deeds == ["fsync", "replace", "fsync"]


# --- what is refused


@pytest.mark.parametrize("name", ["labels", "labels.txt", "labels.csv.gz", ".csv"])
def test_another_ending_is_refused(bench: Workbench, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"expected a path ending in \.csv, \.parquet, \.jsonl, got"):
        bench.export(tmp_path / name)
    assert files(tmp_path) == []


def test_a_folder_in_the_way_is_refused(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(IsADirectoryError, match=r"export: expected a file to write, got the folder .*labels\.csv'"):
        bench.export(tmp_path / "labels.csv")
    assert files(tmp_path) == ["labels.csv"]


def test_a_missing_folder_is_refused(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"export: there is no folder .*missing'\. Make it first"):
        bench.export(tmp_path / "missing" / "labels.csv")


def test_a_write_protected_file_is_refused(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("old")
    path.chmod(0o444)
    monkeypatch.setattr(files_room.os, "access", lambda *_: False)  # root may write anything
    with pytest.raises(PermissionError, match=r"export: .*labels\.csv' is write-protected"):
        bench.export(path)
    assert path.read_text() == "old"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root may write to")
def test_a_folder_that_cannot_be_written_is_refused(bench: Workbench) -> None:
    with pytest.raises(OSError, match=r"export: cannot write '/proc/.*labels\.csv': .* Nothing was changed"):
        bench.export("/proc/self/labels.csv")
    assert len(bench.history()) == 0


def test_parquet_without_pyarrow_names_the_command(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "pyarrow":
            raise ImportError(name)
        return honest(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=r'Run: pip install "relabel-widget\[parquet\]"'):
        bench.export(tmp_path / "labels.parquet")
    assert files(tmp_path) == []


def test_a_column_of_several_types_does_not_fit_parquet(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["a", 7]}, dtype=object)
    with pytest.raises(ValueError, match=r"a Parquet column holds one type.* Export to \.csv or \.jsonl"):
        write_table(tmp_path / "x.parquet", table)
    assert files(tmp_path) == []
    assert write_table(tmp_path / "x.csv", table).read_text() == '"id"\n"a"\n7\n'


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_half_a_surrogate_pair_is_refused(tmp_path: Path, ending: str) -> None:
    table = pd.DataFrame({"id": pd.Series(["\ud800"], dtype=object)})
    with pytest.raises(ValueError, match=r"cannot be written as UTF-8|holds one type"):
        write_table(tmp_path / f"x.{ending}", table)
    assert files(tmp_path) == []


def test_an_export_that_is_not_noted_says_so(tmp_path: Path) -> None:
    X, y = np.eye(4), [0, 1, 0, 1]
    model = LogisticRegression().fit(X, y)
    one, two = (Workbench(model, X, y, X, store=tmp_path / "store.sqlite") for _ in range(2))
    one.relabel(0)
    with pytest.raises(JournalError, match=r"export: .*labels\.csv' was written, but not noted in the history"):
        two.export(tmp_path / "labels.csv")
    assert (tmp_path / "labels.csv").exists()

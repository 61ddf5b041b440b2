"""Files are written whole or not at all, and hold what the workbench shows."""

from __future__ import annotations

import builtins
import csv
import json
import os
import stat
import subprocess
import sys
import tempfile
import traceback
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.files import whole as files_room
from relabel_widget.files.whole import OwnFiles, write_whole
from relabel_widget.journal import JournalError
from relabel_widget.workbench.export import COLUMNS, read_labels
from relabel_widget.workbench.export import write_table as write_table_of
from relabel_widget.workbench.workbench import Workbench

HEADER = b"row,id,original,corrected,annotator,note,time\n"
NASTY = '=cmd|"/c calc"!A1,\r\n\rline\t\u202e\x00 Ünï \U0001f600'


@pytest.fixture
def bench() -> Workbench:
    X, y = np.vstack([np.eye(4), np.eye(4)]), np.array(["no", "yes"] * 4)
    ids = [f"{NASTY}{row}" for row in range(8)]
    model = LogisticRegression(tol=1e-10).fit(X, y)
    return Workbench(model, X, y, X[:2], ids=ids, annotator=NASTY)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_table(path: Path, table: pd.DataFrame, *, excel: bool = False) -> Path:
    return write_table_of(path, table, OwnFiles(), excel=excel)[0]


# --- what is in them


def test_csv_holds_the_values_with_a_mark_where_a_spreadsheet_would_run_them(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel([5, 2], note=NASTY)
    path = bench.export(tmp_path / "labels.csv")
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert lines[0][:7] == ["row", "id", "original", "corrected", "annotator", "note", "time"]
    assert [line[:6] for line in lines[1:]] == [
        ["2", f"'{NASTY}2", "no", "yes", f"'{NASTY}", f"'{NASTY}"],
        ["5", f"'{NASTY}5", "yes", "no", f"'{NASTY}", f"'{NASTY}"],
    ]
    assert [pd.Timestamp(line[6]) for line in lines[1:]] == bench.corrected_labels()["time"].tolist()


def test_csv_comes_back_through_pandas(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel([5, 2], note='a, b\r\n"c"')
    read = pd.read_csv(bench.export(tmp_path / "labels.csv"), usecols=["row", "original", "corrected", "note", "time"])
    expected = bench.corrected_labels()[["row", "original", "corrected", "note", "time"]]
    read["time"] = pd.to_datetime(read["time"]).dt.as_unit("us")
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
    pd.testing.assert_frame_equal(pd.read_parquet(path)[list(COLUMNS)], bench.corrected_labels(), check_dtype=False)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_nothing_corrected_makes_an_empty_file(bench: Workbench, tmp_path: Path, ending: str) -> None:
    path = bench.export(tmp_path / f"labels.{ending}")
    if ending == "jsonl":
        assert path.read_bytes() == b""
        return
    read = pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)
    assert read.columns.tolist()[: len(COLUMNS)] == bench.corrected_labels().columns.tolist()
    assert len(read) == 0


def test_an_export_is_an_event_with_its_path(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bench.export("labels.csv") == tmp_path / "labels.csv"
    event = bench.history().iloc[-1]
    assert (event["kind"], event["details"]) == ("export", f"0 corrected labels to {tmp_path / 'labels.csv'}")


# --- whole or not at all


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_an_older_file_is_replaced_on_demand(bench: Workbench, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"labels.{ending}"
    path.write_text("old")
    path.chmod(0o640)
    bench.relabel(1)
    bench.export(path, overwrite=True)
    assert path.read_bytes() != b"old"
    assert files(tmp_path) == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_followed(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    assert bench.export(tmp_path / "link.csv", overwrite=True) == tmp_path / "real.csv"
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
        bench.export(path, overwrite=True)
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
        write_whole(path, half, who="export", overwrite=True)
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
    with pytest.raises(FileNotFoundError, match=r"export: there is no folder .*missing'\. Create it"):
        bench.export(tmp_path / "missing" / "labels.csv")


def test_a_write_protected_file_is_refused(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("old")
    path.chmod(0o444)
    bench.relabel(1)
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
def test_half_a_surrogate_pair_costs_no_other_row(tmp_path: Path, ending: str) -> None:
    table = pd.DataFrame({name: [0, 1] for name in COLUMNS} | {"id": pd.Series(["\ud800", "b"], dtype=object)})
    table["time"] = pd.Timestamp("2026-01-01", tz="UTC")
    assert read_labels(write_table(tmp_path / f"x.{ending}", table))["id"].tolist() == ["\ufffd", "b"]


def test_an_export_that_is_not_noted_says_so(tmp_path: Path) -> None:
    X, y = np.eye(4), [0, 1, 0, 1]
    bench = Workbench(LogisticRegression().fit(X, y), X, y, X, store=tmp_path / "store.sqlite")
    bench.relabel(0)
    bench.close()
    with pytest.raises(JournalError, match=r"export: .*labels\.csv' was written, but not noted in the history"):
        bench.export(tmp_path / "labels.csv")
    assert (tmp_path / "labels.csv").exists()


def test_an_export_is_never_older_than_the_store(tmp_path: Path) -> None:
    """A second notebook wrote an empty file over a full one."""
    X, y = np.eye(4), [0, 1, 0, 1]
    model = LogisticRegression().fit(X, y)
    one, two = (Workbench(model, X, y, X, annotator=who, store=tmp_path / "store.sqlite") for who in ("ada", "bo"))
    one.relabel([0, 1], note="why")
    one.export(tmp_path / "labels.csv")
    full = (tmp_path / "labels.csv").read_bytes()
    two.export(tmp_path / "labels.csv")
    assert (tmp_path / "labels.csv").read_bytes() == full
    assert two.history()["details"].tolist()[-1].endswith("labels.csv, as of event 1")
    two.report(tmp_path / "report.html")
    assert "2 of 4 training labels corrected" in (tmp_path / "report.html").read_text()
    one.close()
    two.close()


# --- whose files they are


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_somebody_elses_file_is_not_replaced(bench: Workbench, tmp_path: Path, ending: str) -> None:
    """An export over the training data was one key away."""
    path = tmp_path / f"reviews.{ending}"
    path.write_text("text,label\n" * 9)
    bench.relabel(1)
    with pytest.raises(FileExistsError, match=r"export: .*reviews\..* exists, but was not written here"):
        bench.export(path)
    assert path.read_text().startswith("text,label")
    assert len(bench.history()) == 1


def test_our_own_export_is_replaced_until_somebody_changes_it(bench: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    bench.relabel(1)
    bench.export(path)
    bench.relabel(2)
    assert len(pd.read_csv(bench.export(path))) == 2
    with path.open("a") as file:
        file.write('9,"x","no","yes","","","2026-01-01"\n')
    with pytest.raises(FileExistsError, match="has changed since"):
        bench.export(path)
    bench.export(path, overwrite=True)
    bench.export(path)


def test_a_store_remembers_which_exports_are_its_own(tmp_path: Path) -> None:
    X, y = np.eye(4), [0, 1, 0, 1]
    model = LogisticRegression().fit(X, y)
    with Workbench(model, X, y, X, store=tmp_path / "s.sqlite") as bench:
        bench.relabel(0)
        bench.export(tmp_path / "labels.csv")
    with Workbench(model, X, y, X, store=tmp_path / "s.sqlite") as bench:
        bench.relabel(1)
        bench.export(tmp_path / "labels.csv")
    with Workbench(model, X, y, X) as another:
        another.relabel(0)
        with pytest.raises(FileExistsError, match="exists"):
            another.export(tmp_path / "labels.csv")
    assert read_labels(tmp_path / "labels.csv")["row"].tolist() == [0, 1]


def test_an_export_of_no_labels_replaces_nothing(bench: Workbench, tmp_path: Path) -> None:
    """A bare header took the place of three corrected labels."""
    path = tmp_path / "labels.csv"
    bench.relabel(1)
    bench.export(path)
    bench.undo()
    with pytest.raises(ValueError, match=r"export: no label is corrected, and .*labels\.csv' was not changed"):
        bench.export(path)
    assert len(read_labels(path)) == 1
    assert len(pd.read_csv(bench.export(path, overwrite=True))) == 0


def test_pages_replace_their_own_kind_only(bench: Workbench, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    bench.report(page)
    bench.report(page)
    page.write_text("<p>notes of mine</p>")
    with pytest.raises(FileExistsError, match=r"report: .*report\.html' exists"):
        bench.report(page)
    assert bench.report(page, overwrite=True).read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("path", ["", "a\0b.csv"])
def test_what_is_no_path(bench: Workbench, path: str) -> None:
    with pytest.raises(ValueError, match="export: expected the path of a file, got"):
        bench.export(path)
    with pytest.raises(TypeError, match=r"expected a path as a string or pathlib\.Path, got int"):
        bench.export(7)  # type: ignore[arg-type]


def test_a_home_is_expanded_wherever_a_path_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    X, y = np.eye(4), [0, 1, 0, 1]
    with Workbench(LogisticRegression().fit(X, y), X, y, X, store="~/s.sqlite") as bench:
        bench.relabel(0)
        bench.export("~/labels.csv")
        bench.report("~/report.html")
    rw.write_design("~/x.rlw", X)
    rw.write_texts("~/t.rlwt", ["a"])
    assert len(rw.open_texts("~/t.rlwt")) == 1
    assert rw.open_design("~/x.rlw").shape == (4, 4)
    assert len(rw.read_labels("~/labels.csv")) == 1
    assert files(tmp_path) == ["labels.csv", "report.html", "s.sqlite", "t.rlwt", "x.rlw"]


# --- parts


@pytest.mark.skipif(os.name == "nt", reason="needs locks on files")
def test_what_a_killed_write_left_goes_with_the_next_one(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from relabel_widget.files.whole import write_whole
def slow(file):
    file.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
write_whole(Path(sys.argv[1]) / "labels.csv", slow, who="export")
"""
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        (part,) = tmp_path.iterdir()
        write_whole(tmp_path / "other.csv", lambda file: (file.write_text("x"), None)[1], who="export")
        assert part.exists(), "a part that is being written stays"
        writer.kill()
    assert part.exists()
    theirs = [".labels.csv.0123456789abcdef.part", ".relabel_widget-0123456789abcdef.part.txt"]
    for name in theirs:
        (tmp_path / name).write_text("not ours")
    write_whole(tmp_path / "third.csv", lambda file: (file.write_text("x"), None)[1], who="export")
    assert files(tmp_path) == [*theirs, "other.csv", "third.csv"]


def test_no_message_names_a_part(tmp_path: Path) -> None:
    def fails(file: Path) -> None:
        raise OSError(f"Failed to open local file '{file}'")

    with pytest.raises(OSError, match=r"cannot write .*x\.csv': Failed to open") as caught:
        write_whole(tmp_path / "x.csv", fails, who="export")
    assert ".part" not in "".join(traceback.format_exception(caught.value))


# --- and back

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
hostile = st.one_of(
    texts,
    st.sampled_from(
        ["00178", "NA", "", "nan", "True", "1e5", "'=1", "''-1", "-5", "+x", "\t", "\r\n", '="7"', "a;b", '"', "'"]
    ),
)
whole = st.integers(-(2**63), 2**63 - 1)
columns_of_ids = st.one_of(
    st.lists(hostile, min_size=1, max_size=5),
    st.lists(whole, min_size=1, max_size=5),
    st.lists(st.integers(2**63, 2**64 - 1), min_size=1, max_size=5),
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=5),
)


@given(ids=columns_of_ids, note=hostile, ending=st.sampled_from(["csv", "jsonl", "parquet", "excel"]), data=st.data())
@settings(max_examples=200, deadline=None)
def test_what_was_written_comes_back(ids: list[Any], note: str, ending: str, data: st.DataObject) -> None:
    labels = data.draw(
        st.sampled_from([np.array([0, 1]), np.array(["00", "=1"]), np.array([False, True]), np.array([-1.0, 2.5])])
    )
    n = len(ids)
    table = pd.DataFrame(
        {
            "row": np.arange(n),
            "id": np.array(ids, dtype=None if not isinstance(ids[0], str) else object),
            "original": labels[np.arange(n) % 2],
            "corrected": labels[(np.arange(n) + 1) % 2],
            "annotator": pd.Series([""] * n, dtype="str"),
            "note": pd.Series([note] * n, dtype="str"),
            "time": pd.to_datetime(["2026-11-28T05:00:00.123456Z"] * n, utc=True).as_unit("us"),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        excel = ending == "excel"
        path = Path(folder) / f"x.{'csv' if excel else ending}"
        write_table(path, table, excel=excel)
        back = read_labels(path)
    assert back["id"].tolist() == ids
    assert [type(each) for each in back["id"].tolist()] == [type(each) for each in ids]
    assert back["id"].dtype == table["id"].dtype or isinstance(ids[0], str)
    for column in ("row", "original", "corrected", "annotator", "note", "time"):
        assert back[column].tolist() == table[column].tolist()
        assert back[column].dtype.kind == table[column].dtype.kind or back[column].dtype == object


def test_missing_numbers_leave_the_others_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(",".join(COLUMNS) + '\n0,7,0,1,"","","2026-01-01"\n1,,0,1,"","","2026-01-01"\n')
    back = read_labels(path)
    assert back["id"].dtype == "Int64"
    assert back["id"].tolist() == [7, pd.NA] or back["id"].isna().tolist() == [False, True]


def test_ids_of_other_types_are_written_as_texts(tmp_path: Path) -> None:
    for ids in (
        [uuid.UUID(int=2**90 + i) for i in range(3)],
        [Path(f"a/{i}") for i in range(3)],
        [2**70 + i for i in range(3)],
    ):
        table = pd.DataFrame({name: [0] * 3 for name in COLUMNS} | {"id": pd.Series(ids, dtype=object)})
        table["time"] = pd.Timestamp("2026-01-01", tz="UTC")
        for ending in ("csv", "jsonl"):
            back = read_labels(write_table(tmp_path / f"{ids[0].__class__.__name__}.{ending}", table))
            assert back["id"].tolist() == (ids if isinstance(ids[0], int) else [str(each) for each in ids])
        if isinstance(ids[0], int):
            with pytest.raises(ValueError, match=r"export: a Parquet column .* at most 64 bits"):
                write_table(tmp_path / "big.parquet", table)
        else:
            assert read_labels(write_table(tmp_path / f"{ids[0].__class__.__name__}.parquet", table))[
                "id"
            ].tolist() == [str(each) for each in ids]


def test_excel_reads_ids_as_texts(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel(1)
    raw = bench.export(tmp_path / "x.csv", excel=True).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert b'"=""yes"""' in raw
    with pytest.raises(ValueError, match=r"export: excel=True is for \.csv files"):
        bench.export(tmp_path / "x.jsonl", excel=True)


def test_excel_keeps_long_numbers_which_are_read_back_as_numbers(tmp_path: Path) -> None:
    """Excel keeps fifteen digits of a number, so longer ids stand there as texts; they came back as texts."""
    X, y = np.eye(4), [0, 1, 0, 1]
    with Workbench(LogisticRegression().fit(X, y), X, y, X, ids=[10**15 - 1, 10**15, 10**17, 7]) as bench:
        bench.relabel([0, 1, 3])
        path = bench.export(tmp_path / "x.csv", excel=True)
        cells = [line.split(",")[1] for line in path.read_text("utf-8-sig").splitlines()[1:]]
        assert cells == ["999999999999999", '="1000000000000000"', "7"]
        pd.testing.assert_frame_equal(read_labels(path), bench.corrected_labels())


def test_no_text_in_a_formula_is_longer_than_excel_takes(tmp_path: Path) -> None:
    ids = ["0" * 255, "0" * 256, '"' * 127, '"' * 128, "00178\n"]
    table = pd.DataFrame({name: [0] * 5 for name in COLUMNS} | {"id": ids, "annotator": "", "note": ""})
    table["time"] = pd.Timestamp("2026-01-01", tz="UTC")
    path = write_table(tmp_path / "x.csv", table, excel=True)
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [line[1] for line in csv.reader(file)][1:]
    assert [cell.startswith('="') for cell in cells] == [True, False, True, False, False]
    assert max(len(cell) - len('=""') for cell in cells if cell.startswith("=")) <= 255
    assert read_labels(path)["id"].tolist() == ids


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", HEADER + b'x,1,0,1,"","","2026-01-01"\n', "expected whole numbers in the column row"),
        ("x.csv", HEADER + b",,,,,,\n", "expected whole numbers in the column row"),
        ("x.csv", HEADER + b"1,1,0,1,,,28/11/2026 07:05\n", "expected times as in .* in the column time"),
        ("x.csv", HEADER + b"1,1,0,1,,,17\n", "expected times as in .* in the column time"),
        ("x.csv", b"", "expected the columns row, id, .* got none"),
        ("x.csv", b"text,label\na,b\n", "got text, label"),
        ("x.csv", b'"row","id"\n1\n', "expected 2 cells in line 2 of .* got 1"),
        ("x.csv", b'"row","i', "a quoted cell does not end"),
        ("x.csv", b"\xff\xfe", "expected .* in UTF-8"),
        ("x.jsonl", b"{", "line 1 of .* is no JSON"),
        ("x.jsonl", b"[1]\n", "got none"),
        ("x.parquet", b"PAR1", "is no whole Parquet file"),
        ("x.txt", b"", "expected a path ending in"),
    ],
)
def test_files_that_are_no_exports(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"read_labels: .*{message}"):
        read_labels(tmp_path / name)


def test_a_file_that_a_spreadsheet_saved_again(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(";".join(COLUMNS) + "\n0;00178;no;yes;Ann;it's;2026-01-01 10:00:00+00:00\n", encoding="utf-8-sig")
    back = read_labels(path)
    assert back.loc[0, ["id", "original", "note"]].tolist() == ["00178", "no", "it's"]


def test_notes_and_annotators_are_texts_whatever_a_spreadsheet_makes_of_them(tmp_path: Path) -> None:
    """Without its quotes a note "123" came back as a number, and no note as a missing one."""
    path = tmp_path / "x.csv"
    lines = ("0,7,0,1,007,123,2026-01-01", "1,8,0,1,,,2026-01-01", "2,9,0,1,True,1e5,2026-01-01")
    path.write_text("\n".join([",".join(COLUMNS), *lines]))
    back = read_labels(path)
    assert back["annotator"].tolist() == ["007", "", "True"]
    assert back["note"].tolist() == ["123", "", "1e5"]


def test_an_empty_export_has_the_types_of_a_full_one(bench: Workbench, tmp_path: Path) -> None:
    back = read_labels(bench.export(tmp_path / "x.csv"))
    expected = bench.corrected_labels()
    for name in ("row", "annotator", "note", "time"):
        assert back[name].dtype == expected[name].dtype


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"read_labels: there is no file .*x\.csv"):
        read_labels(tmp_path / "x.csv")

"""The memory-mapped design: exact, whole or absent, and never a wrong answer from a damaged file."""

from __future__ import annotations

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import random_case, small_integers
from scipy import sparse
from sklearn.datasets import dump_svmlight_file
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

import relabel_widget as rw
from relabel_widget.design import Design
from relabel_widget.files import blockfile

X = small_integers(40, 7, 3)


@pytest.fixture(params=["plain", "compiled"])
def either_way(request: pytest.FixtureRequest) -> None:
    if request.param == "compiled":
        request.getfixturevalue("compiled")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.rlw"


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# --- what comes back is what was given


TYPES: dict[str, tuple[Any, int]] = {
    "ones": ([1, 1, 1], 0),
    "counts": ([1, 255, 7], 1),
    "signs": ([-1, 1, 3], 1),
    "large counts": ([1, 256, 65535], 2),
    "large signs": ([-129, 1, 3], 2),
    "float32": ([0.5, -1.25, 2.0**100], 4),
    "long integers": ([2.0**31 - 1, 1, 3], 4),
    "beyond": ([2.0**40 + 1, 1, 3], 8),
    "float64": ([0.1, 1, 3], 8),
    "smallest": ([5e-324, 1, 3], 8),
    "largest": ([np.finfo(float).max, 1, 3], 8),
}


@pytest.mark.parametrize(("values", "width"), TYPES.values(), ids=TYPES)
def test_values_are_exact_in_the_smallest_type(path: Path, values: Any, width: int) -> None:
    values = np.array(values, dtype=np.float64)
    rw.write_design(path, [np.diag(values)])
    design = rw.open_design(path)
    assert_array_equal(design.to_dense(), np.diag(values))
    header, table, columns, starts = 64, 48, 3 * 4, 4 * 4
    assert design.n_bytes == path.stat().st_size == header + -(-(starts + columns + 3 * width) // 64) * 64 + table
    assert design.n_stored == 3


def test_a_stored_negative_zero_keeps_its_sign(path: Path) -> None:
    x = sparse.csr_array((np.array([-0.0, 1.0]), np.array([0, 1]), np.array([0, 2])), shape=(1, 2))
    ((_, block),) = rw.write_design(path, x).blocks()
    assert_array_equal(np.signbit(block.data), [True, False])


@pytest.mark.parametrize("sizes", [[40], [1] * 40, [0, 13, 0, 27, 0], [39, 1]])
def test_blocks_come_back_in_order_whatever_they_came_in(path: Path, small_blocks: None, sizes: list[int]) -> None:
    del small_blocks
    ends = np.cumsum(sizes)
    design = rw.write_design(path, (X[stop - size : stop] for size, stop in zip(sizes, ends, strict=True)))
    assert_array_equal(design.to_dense(), X)
    assert len(list(design.blocks())) > 3
    rows = np.array([39, 0, 17, 17, 3])
    assert_array_equal(design.take(rows).to_dense(), X[rows])
    assert design.take(rows[:0]).shape == (0, 7)


KINDS: dict[str, Callable[[], Any]] = {
    "one matrix": lambda: sparse.csc_array(X),
    "one array": lambda: X,
    "a design": lambda: rw.design.CsrDesign(sparse.csr_array(X)),
    "a list of designs": lambda: [rw.design.DenseDesign(X)],
    "int64 indices": lambda: [sparse.csr_array(X).astype(np.int8)],
    "a generator": lambda: (row for row in X[:, None]),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_what_may_be_written(path: Path, make: Callable[[], Any]) -> None:
    assert_array_equal(rw.write_design(path, make()).to_dense(), X)


def test_only_what_is_regrouped_is_held(path: Path) -> None:
    alive = 0

    class Block(np.ndarray):
        def __array_finalize__(self, _: Any) -> None:
            nonlocal alive
            alive += 1

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def blocks() -> Iterator[Any]:
        for number in range(200):
            assert alive < 12, "blocks are kept"
            yield np.full((2, 3), number + 1.0).view(Block)

    assert rw.write_design(path, blocks()).n_rows == 400


# --- sources


def test_texts(path: Path) -> None:
    texts = [f"word{i % 7} and word{i % 3}" for i in range(25)]
    fitted = CountVectorizer().fit(texts)
    hashing = HashingVectorizer(n_features=64, norm=None, alternate_sign=False)
    for vectoriser in (fitted, hashing):
        design = rw.write_design(path, rw.text_blocks(iter(texts), vectoriser, batch=4))
        assert_array_equal(design.to_dense(), vectoriser.transform(texts).toarray())


def test_npz_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relabel_widget.design.mapped_sources._VALUES", 10)
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    sparse.save_npz(paths[0], sparse.csr_array(X[:30]))
    sparse.save_npz(paths[1], sparse.csr_matrix(X[30:]).astype(np.int16), compressed=False)
    assert_array_equal(rw.write_design(tmp_path / "x", rw.npz_blocks(paths)).to_dense(), X)
    assert_array_equal(rw.write_design(tmp_path / "x", rw.npz_blocks(str(paths[0]))).to_dense(), X[:30])
    assert len(list(rw.npz_blocks(paths))) > 8


@pytest.mark.parametrize("zero_based", [False, True])
def test_svmlight_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zero_based: bool) -> None:
    monkeypatch.setattr("relabel_widget.design.mapped_sources._BYTES", 100)
    y = np.arange(40.0)
    dump_svmlight_file(X, y, str(tmp_path / "x.svm"), zero_based=zero_based)
    blocks = rw.svmlight_blocks(tmp_path / "x.svm", 7, zero_based=zero_based)
    assert_array_equal(rw.write_design(tmp_path / "x", blocks).to_dense(), X)
    assert_array_equal(rw.svmlight_labels(tmp_path / "x.svm", 7, zero_based=zero_based), y)


# --- used by every algorithm, in this process and in others


@pytest.mark.usefixtures("small_blocks", "either_way")
def test_the_whole_way_as_in_memory(path: Path) -> None:
    case = random_case(5, n=40, p=6, sparsity=0.5)
    design = rw.write_design(path, (case.x[i : i + 7] for i in range(0, 40, 7)))
    queries = case.x[:3]
    fits = rw.fit(sparse.csr_array(case.x), case.y, case.C), rw.fit(design, case.y, case.C)
    assert_allclose(fits[0].theta, fits[1].theta, rtol=1e-9, atol=1e-9)
    assert_allclose(*(rw.removal_influence(fit, queries) for fit in fits), rtol=1e-6, atol=1e-9)
    mine = rw.find_flip_sets(pickle.loads(pickle.dumps(fits[1])), queries)  # noqa: S301 - as to another process
    for theirs, ours in zip(rw.find_flip_sets(fits[0], queries), mine, strict=True):
        assert set(theirs.rows) == set(ours.rows)  # rows of about equal gain may come in another order
        assert rw.verify(fits[1], ours.rows, queries[[0]]).fit.problem.design is design


def test_it_travels_by_its_path_unless_written_anew(path: Path) -> None:
    design = rw.write_design(path, X)
    sent = pickle.dumps(design)
    assert len(sent) < 500
    assert_array_equal(pickle.loads(sent).to_dense(), X)  # noqa: S301 - our own
    rw.write_design(path, X[:3])
    assert_array_equal(design.to_dense(), X)  # what is open stays as it was
    with pytest.raises(OSError, match=r"has been rewritten since\. Reopen it"):
        pickle.loads(sent)  # noqa: S301


def test_more_nonzeros_than_32_bits_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated: 3,000 entries of the table name the same block of 800,000 values, 2.4 billion in all."""
    add = blockfile.BlockWriter.add

    def often(self: Any, n_rows: int, size: int, kind: int, arrays: Any) -> None:
        add(self, n_rows, size, kind, arrays)
        self._entries *= 3_000
        rows = np.arange(3_000) * n_rows
        self._entries = [(int(first), *entry[1:]) for first, entry in zip(rows, self._entries, strict=True)]
        self.n_rows *= 3_000

    monkeypatch.setattr(blockfile.BlockWriter, "add", often)
    design = rw.write_design(path, np.ones((2, 400_000)))
    assert design.n_stored == 2_400_000_000 > 2**31
    assert design.shape == (6_000, 400_000)
    assert_array_equal(design.take(np.array([5_999, 0])).matvec(np.ones(400_000)), [400_000.0] * 2)
    assert [rows.stop for rows, _ in islice(design.blocks(), 3)] == [2, 4, 6]


# --- what is refused


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "other columns": (
        [X, X[:, :5]],
        ValueError,
        r"write_design: block 1: expected 7 columns, as in the previous blocks.* got 5",
    ),
    "empty with other columns": ([X, X[:0, :5]], ValueError, "block 1: expected 7 columns"),
    "no blocks": ([], ValueError, "write_design: expected at least one row, got no blocks, or only empty ones"),
    "empty blocks": ([X[:0], X[:0]], ValueError, "expected at least one row"),
    "no columns": ([X[:, :0]], ValueError, "write_design: block 0: expected at least one row and one column"),
    "NaN": ([X, X * np.nan], ValueError, "write_design: block 1: expected finite numbers, got NaN"),
    "texts": (["a b", "c"], TypeError, "write_design: block 0: expected a list, .* got one text"),
    "a path": ("x.npz", TypeError, "expected an iterable of blocks of rows, got str. Files and texts are turned"),
    "a number": (3, TypeError, "expected an iterable of blocks of rows, got int"),
    "too wide": (
        [sparse.csr_array((1, 2**31))],
        ValueError,
        "block 0: expected at most 2147483647 columns, which 32-bit indices reach, got 2147483648",
    ),
}


@pytest.mark.parametrize(("blocks", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_blocks_leave_nothing(tmp_path: Path, blocks: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        rw.write_design(tmp_path / "x.rlw", blocks)
    assert names(tmp_path) == []


def test_refused_sources(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="text_blocks: expected an iterable of texts, got one text"):
        rw.text_blocks("one", HashingVectorizer())
    with pytest.raises(TypeError, match="expected a fitted or stateless vectoriser, got dict, which has no transform"):
        rw.text_blocks(["one"], {})
    with pytest.raises(ValueError, match="expected batch to be a positive whole number, got 0"):
        rw.text_blocks(["one"], HashingVectorizer(), batch=0)
    sparse.save_npz(tmp_path / "a.npz", sparse.csc_array(X))
    with pytest.raises(ValueError, match=r"npz_blocks: expected a matrix in CSR format, got 'csc' .* save x\.tocsr"):
        list(rw.npz_blocks(tmp_path / "a.npz"))
    sparse.save_npz(tmp_path / "a.npz", sparse.csr_array(X))
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[:-200])
    with pytest.raises(ValueError, match=r"npz_blocks: .* is not a complete file from scipy.sparse.save_npz"):
        list(rw.npz_blocks(tmp_path / "a.npz"))
    evil = np.array([{}], dtype=object)
    np.savez(tmp_path / "b.npz", format=np.array(b"csr"), shape=[1, 1], indptr=evil, indices=[0], data=[1])
    with pytest.raises(ValueError, match="npz_blocks: 'indptr' holds Python objects, which are not read"):
        list(rw.npz_blocks(tmp_path / "b.npz"))
    np.savez(tmp_path / "c.npz", format=np.array(b"csr"), shape=[1, 9], indptr=[0, 5], indices=[0], data=[1])
    with pytest.raises(ValueError, match="corrupt: expected row starts from 0 to 1, got 0 to 5"):
        list(rw.npz_blocks(tmp_path / "c.npz"))
    dump_svmlight_file(X, np.ones(40), str(tmp_path / "x.svm"))
    with pytest.raises(ValueError, match=r"svmlight_blocks: cannot read .* from byte 0 on, with 3 columns"):
        list(rw.svmlight_blocks(tmp_path / "x.svm", 3))


def test_a_source_that_fails_is_not_mistaken_for_the_file(tmp_path: Path) -> None:
    def blocks() -> Iterator[Any]:
        yield X
        raise FileNotFoundError(errno.ENOENT, "the source is gone")

    with pytest.raises(FileNotFoundError, match="the source is gone"):
        rw.write_design(tmp_path / "x.rlw", blocks())
    assert names(tmp_path) == []


def test_cancel_leaves_nothing(tmp_path: Path) -> None:
    reports: list[rw.Progress] = []
    monitor = rw.Monitor(lambda progress: (reports.append(progress), monitor.cancel())[0])
    with pytest.raises(rw.Cancelled):
        rw.write_design(tmp_path / "x.rlw", X, monitor=monitor)
    assert reports == [rw.Progress("writing rows", 40)]
    assert names(tmp_path) == []


# --- accidents


def test_no_flipped_bit_goes_unnoticed(path: Path, small_blocks: None) -> None:
    """Every byte of a small file; those between blocks belong to none and change nothing."""
    del small_blocks
    rw.write_design(path, X[:12])
    whole = path.read_bytes()
    unnoticed = 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with suppress(OSError, ValueError):
            assert_array_equal(rw.open_design(path).to_dense(), X[:12])
            unnoticed += 1
    padding = len(whole) - blockfile._HEADER.size
    padding -= sum(
        int(entry["length"]) for entry in blockfile.BlockFile(_restored(path, whole), "design", who="").table
    )
    padding -= len(blockfile.BlockFile(path, "design", who="").table) * blockfile._ENTRY.itemsize
    assert unnoticed == padding


def _restored(path: Path, whole: bytes) -> Path:
    path.write_bytes(whole)
    return path


@pytest.mark.usefixtures("small_blocks", "either_way")
def test_a_damaged_block_is_named_at_first_touch_and_by_check(path: Path) -> None:
    design = rw.write_design(path, X)
    design.check()
    at = int(blockfile.BlockFile(path, "design", who="").table["at"][2])
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff")
    words = r"open_design: .*x\.rlw' is damaged: the block of rows \d+ to \d+ does not match its checksum\. Copy"
    damaged = rw.open_design(path)
    assert_array_equal(damaged.take(np.array([0])).to_dense(), X[:1])
    with pytest.raises(OSError, match=words):
        damaged.matvec(np.ones(7))
    with pytest.raises(OSError, match=words):
        design.check()


def test_progress_of_a_check(path: Path) -> None:
    reports: list[rw.Progress] = []
    rw.write_design(path, X).check(rw.Monitor(reports.append))
    assert reports == [rw.Progress("checking the file", 1, 1)]


@pytest.mark.parametrize("length", [0, 10, 60, 64, 200, -1])
def test_a_file_cut_short(path: Path, length: int) -> None:
    rw.write_design(path, X)
    os.truncate(path, length if length >= 0 else path.stat().st_size - 1)
    words = "has .* bytes, expected .* it was cut short" if length not in (0, 10) else "expected a file written by"
    with pytest.raises((OSError, ValueError), match=words):
        rw.open_design(path)


@pytest.mark.usefixtures("either_way")
def test_a_file_cut_short_while_it_is_open(path: Path) -> None:
    """Without the look at its length, the first touch of a missing page would end the process."""
    design = rw.write_design(path, X)
    os.truncate(path, 100)
    for touch in (lambda: design.matvec(np.ones(7)), lambda: design.take(np.array([1])), design.check):
        with pytest.raises(OSError, match="it was cut short"):
            touch()


def test_files_of_others(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"PK" * 100)
    with pytest.raises(ValueError, match=r"open_design: expected a file written by write_design, got '.*x\.rlw'"):
        rw.open_design(path)
    rw.write_design(path, X, overwrite=True)
    newer = bytearray(path.read_bytes())
    newer[8] = 9
    path.write_bytes(newer)
    with pytest.raises(ValueError, match=r"has format version 9, but this version reads up to 1\. Update"):
        rw.open_design(path)
    blockfile.write_blocks(path, lambda file: file.finish("texts", 1), kind="texts", who="test", overwrite=True)
    with pytest.raises(ValueError, match="expected a file of design, got one of texts"):
        rw.open_design(path)
    with pytest.raises(FileNotFoundError):
        rw.open_design(tmp_path / "none.rlw")


HOSTILE: dict[str, Callable[[Any], None]] = {
    "no blocks": lambda _: None,
    "columns outside": lambda file: file.add(1, 1, 0, (np.array([0, 1], "<i4"), np.array([5], "<i4"))),
    "negative columns": lambda file: file.add(1, 1, 0, (np.array([0, 1], "<i4"), np.array([-1], "<i4"))),
    "starts too far": lambda file: file.add(1, 1, 0, (np.array([0, 9], "<i4"), np.array([0], "<i4"))),
    "starts backwards": lambda file: file.add(2, 1, 0, (np.array([0, 2, 1], "<i4"), np.array([0], "<i4"))),
    "unknown type": lambda file: file.add(1, 1, 99, (np.array([0, 1], "<i4"), np.array([0], "<i4"))),
    "too short": lambda file: file.add(1, 1, 7, (np.array([0, 1], "<i4"), np.array([0], "<i4"))),
    "NaN": lambda file: file.add(1, 1, 7, (np.array([0, 1, 0], "<i4"), np.array([np.nan]))),
}


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("fill", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_with_right_checksums(path: Path, fill: Callable[[Any], None]) -> None:
    def write(file: Any) -> None:
        fill(file)
        file.finish("design", 5)

    blockfile.write_blocks(path, write, kind="design", who="test")
    with pytest.raises(OSError, match=r"is damaged: .* does not fit its shape \(\d, 5\)"):
        rw.open_design(path).matvec(np.ones(5))


WRITER = """
import json, signal, sys, resource
import numpy as np
import relabel_widget as rw
path, limit = sys.argv[1], int(sys.argv[2])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

def blocks():
    for number in range(100 if limit else 10**9):
        if number == 5:
            print("writing", flush=True)
        yield np.random.default_rng(number).normal(size=(1000, 200))

try:
    rw.write_design(path, blocks())
except OSError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def writer(path: Path, limit: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, path, str(limit)], stdout=subprocess.PIPE, text=True)


def test_a_disk_that_fills_while_writing(tmp_path: Path) -> None:
    """A limit on the file's size stands in for the disk: the kernel refuses the write in the same place."""
    path = tmp_path / "x.rlw"
    rw.write_design(path, X)
    out = writer(path, 6_000_000).communicate(timeout=60)[0].splitlines()
    kind, words = json.loads(out[-1])
    assert kind == "OSError"
    assert words.startswith("write_design: cannot write ")
    assert words.endswith("File too large. Nothing was changed.")
    assert names(tmp_path) == ["x.rlw"]
    assert_array_equal(rw.open_design(path).to_dense(), X)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False) if which("mount") else None
    if mounted is None or mounted.returncode:
        pytest.skip(f"no small disk can be mounted: {mounted.stderr.strip() if mounted else 'there is no mount'}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full(small_disk: Path) -> None:
    path = small_disk / "x.rlw"
    rw.write_design(path, X)
    out = writer(path, 0).communicate(timeout=60)[0].splitlines()
    kind, words = json.loads(out[-1])
    assert kind == "OSError"
    assert words.startswith("write_design: cannot write ")
    assert words.endswith("No space left on device. Nothing was changed.")
    assert names(small_disk) == ["x.rlw"]
    assert_array_equal(rw.open_design(path).to_dense(), X)


def test_a_writer_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "x.rlw"
    rw.write_design(path, X)
    with writer(path, 0) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    assert_array_equal(rw.open_design(path).to_dense(), X)
    (unfinished,) = [name for name in names(tmp_path) if name != "x.rlw"]
    with pytest.raises(ValueError, match="or was never finished"):
        rw.open_design(tmp_path / unfinished)


def test_opening_reads_no_block(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rw.write_design(path, X)
    monkeypatch.setattr(blockfile.BlockFile, "block", lambda *_: pytest.fail("a block was read"))
    design: Design = rw.open_design(path)
    assert design.shape == (40, 7)


def test_opening_takes_no_longer_with_many_blocks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated: 100,000 entries of the table, as a file of half a terabyte has, name the same block."""
    add = blockfile.BlockWriter.add

    def often(self: Any, n_rows: int, size: int, kind: int, arrays: Any) -> None:
        add(self, n_rows, size, kind, arrays)
        self._entries = [(n_rows * number, *self._entries[0][1:]) for number in range(100_000)]
        self.n_rows *= 100_000

    monkeypatch.setattr(blockfile.BlockWriter, "add", often)
    rw.write_design(path, X)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        assert rw.open_design(path).n_rows == 4_000_000
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.02


def test_a_compressed_svmlight_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected an uncompressed file"):
        list(rw.svmlight_blocks(tmp_path / "x.svm.gz", 3))

"""Sparse matrices whose arrays do not fit each other: a column out of range ended the interpreter in `rw.fit`."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import relabel_widget as rw

X = np.where(np.random.default_rng(0).random((40, 6)) < 0.5, 1.0, 0.0) + np.eye(40, 6)
Y = np.arange(40) % 2


def _set(name: str, place: int, value: int) -> Callable[[Any], None]:
    def spoil(x: Any) -> None:
        getattr(x, name)[place] = value

    return spoil


def _cut(name: str) -> Callable[[Any], None]:
    return lambda x: setattr(x, name, getattr(x, name)[:-1])


SPOILT: dict[str, Callable[[Any], None]] = {
    "index too large": _set("indices", 0, 99),
    "index negative": _set("indices", 3, -2),
    "start falls": _set("indptr", 5, 10**6),
    "start negative": _set("indptr", 5, -1),
    "first start": _set("indptr", 0, 1),
    "last start": _set("indptr", -1, 3),
    "values missing": _cut("data"),
    "indices missing": _cut("indices"),
    "starts missing": _cut("indptr"),
}


@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array", "csc_array", "bsr_array"])
@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_corrupt_rows_are_refused(spoil: Callable[[Any], None], kind: str) -> None:
    x = getattr(sparse, kind)(X)
    spoil(x)
    fit = rw.fit(X, Y)
    for call in (lambda: rw.fit(x, Y), lambda: rw.relabel_influence(fit, x)):
        with pytest.raises(ValueError, match="the sparse matrix is corrupt: expected"):
            call()


@pytest.mark.parametrize(("axis", "value"), [(0, 40), (1, 6), (0, -1)])
def test_corrupt_coordinates_are_refused(axis: int, value: int) -> None:
    x = sparse.coo_array(X)
    x.coords[axis][0] = value
    with pytest.raises(ValueError, match="fit: X: the sparse matrix is corrupt: expected indices from 0"):
        rw.fit(x, Y)


@pytest.mark.parametrize(
    "kind", ["csr_array", "csc_array", "bsr_array", "coo_array", "lil_array", "dok_array", "dia_array"]
)
def test_sound_ones_pass_in_every_format(kind: str) -> None:
    np.testing.assert_allclose(rw.fit(getattr(sparse, kind)(X), Y).coef, rw.fit(X, Y).coef, atol=1e-9)


def test_no_compiled_code_sees_them() -> None:
    code = """
import numpy as np, relabel_widget as rw
from scipy import sparse
x = sparse.csr_matrix(np.random.default_rng(0).normal(size=(40, 3)))
x.indices[0] = 10**6
try:
    rw.fit(x, np.arange(40) % 2)
except ValueError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr


def _npz(path: Path, **arrays: Any) -> Path:
    whole = sparse.csr_array(X)
    given = {"format": np.array(b"csr"), "shape": np.array(X.shape), "indptr": whole.indptr, "indices": whole.indices}
    np.savez_compressed(path, **{**given, "data": whole.data, **arrays})
    return path


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"indptr": np.r_[0, 90, np.full(39, 50)]}, "row starts"),
        ({"indptr": np.arange(5)}, "41 whole row starts"),
        ({"indices": np.full(sparse.csr_array(X).nnz, 9, dtype=np.int32)}, "indices from 0 to 5"),
        ({"data": np.ones(3)}, "as many values as column numbers"),
        ({"format": np.array(b"csc")}, "CSR format"),
    ],
)
def test_corrupt_files_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = _npz(tmp_path / "x.npz", **arrays)
    with pytest.raises(ValueError, match=rf"npz_blocks: .*{message}"):
        list(rw.npz_blocks(path))
    assert len(list(rw.npz_blocks(_npz(tmp_path / "y.npz")))) == 1


def test_a_file_that_would_grow_is_refused_before_it_does(tmp_path: Path) -> None:
    path = _npz(tmp_path / "x.npz", data=np.zeros(10**6))
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"npz_blocks: .*x\.npz' would grow to 0\.0 GiB, expected at most"):
        list(rw.npz_blocks(path, max_bytes=10**6))


def test_a_header_that_promises_more_than_is_there(tmp_path: Path) -> None:
    path = _npz(tmp_path / "x.npz")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i8", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    held["indptr.npy"] = header.getvalue() + b"\0" * 64
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=r"not a complete file from scipy\.sparse\.save_npz .*more than it holds"):
        list(rw.npz_blocks(path))


def test_masked_values_are_refused() -> None:
    for given in ((np.ma.masked_array(X, X > 1), Y), (X, np.ma.masked_array(Y, Y > 0))):
        with pytest.raises(ValueError, match="expected values without a mask, got"):
            rw.fit(*given)
    rw.fit(np.ma.masked_array(X, False), Y)
    with pytest.raises(ValueError, match="sample_weight: expected values without a mask"):
        rw.fit(X, Y, sample_weight=np.ma.masked_array(np.ones(40), Y > 0))


def test_what_is_no_bound_and_no_monitor() -> None:
    fit = rw.fit(X, Y)
    with pytest.raises(TypeError, match="find_flip_set: expected bound as remainder_bound or pair_bound made it"):
        rw.find_flip_set(fit, X[0], bound=5)
    with pytest.raises(TypeError, match="find_flip_set: expected monitor to be a Monitor or None, got 5"):
        rw.find_flip_set(fit, X[0], monitor=5)

"""Compiled products of a design in a file: those of the plain path, whatever the threads and the size of blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import small_integers

import relabel_widget as rw
from relabel_widget.design import mapped, sweeps
from relabel_widget.files import blockfile

X = small_integers(40, 7, 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.rlw"


VALUES: dict[str, list[float]] = {
    "none": [1],
    "u1": [1, 2, 255],
    "i1": [-1, 1, 3],
    "u2": [1, 2, 65535],
    "f4": [0.5, -1.25, 3],
    "f8": [0.1, 1, -3],
}


def counts(values: list[float], n_rows: int = 100) -> np.ndarray:
    """Zero to nine of nine columns filled a row; the first, the last and forty more rows are empty, and a column."""
    rng = np.random.default_rng(3)
    x = rng.choice(values, size=(n_rows, 9)) * (rng.uniform(size=(n_rows, 9)) < rng.uniform(size=(n_rows, 1)))
    if n_rows > 1:
        x[[0, *range(20, 60), n_rows - 1]], x[:, 4] = 0.0, 0.0
    return x


def products(design: Any, m: int = 7) -> list[Any]:
    """Every compiled product, of arrays in all guises: read-only, not contiguous, weights shared and a column's own."""
    rng = np.random.default_rng(4)
    (n, p), d = design.shape, rng.uniform(size=design.shape[0])
    v, many, own, shift = rng.normal(size=(p, 2))[:, 0], rng.normal(size=(p, m)), rng.normal(size=(n, m)), np.arange(m)
    d.setflags(write=False)
    image = np.empty(n)
    return [
        design.matvec(v),
        design.rmatvec(own[:, 1]),
        design.weighted_square_sum(d),
        *design.gram_matvec(v, d, 0.3),
        *design.gram_matvec(v, d, 0.3, image),
        image,
        *design.gram_matmat(many, d[:, None], shift * 0.5),
        *design.gram_matmat(np.asfortranarray(many)[:, :5], own[:, :5], shift[:5] * 0.5),
        *design.gram_matmat(many[:, :1], own[:, :1], shift[:1] * 0.5),
        *design.gram_matmat(many[:, :0], own[:, :1], shift[:0] * 0.5),
    ]


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(("size", "n_blocks"), [(16, range(15, 30)), (50, range(5, 10)), (10**9, range(1, 2))])
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_compiled_products_are_those_of_the_plain_path(
    path: Path, monkeypatch: pytest.MonkeyPatch, values: list[float], size: int, n_blocks: range
) -> None:
    monkeypatch.setattr(mapped, "_BLOCK", size)
    monkeypatch.setattr(mapped, "_COLUMNS", 0)
    for x in (counts(values), counts(values, 1)):
        design = rw.write_design(path, x)
        fast, dense = products(design), products(rw.design.DenseDesign(x))
        with monkeypatch.context() as patch:
            patch.setattr(mapped, "LARGE", design.n_stored + 1)
            plain = products(design)
        for mine, *others in zip(fast, plain, dense, strict=True):
            assert isinstance(mine, float) or mine.flags.c_contiguous
            for other in others:
                assert_allclose(mine, other, rtol=1e-12, atol=1e-12 * np.max(np.abs(other), initial=1.0))
        assert len(design._sound) in (n_blocks if len(x) > 1 else [1])


@pytest.mark.usefixtures("small_blocks", "compiled")
def test_every_other_product_begins_at_the_end_of_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file larger than memory was read whole for each product: its beginning had gone when its end was read."""
    monkeypatch.setattr("numba.get_num_threads", lambda: 1)
    design, v = rw.write_design(path, counts(VALUES["f8"])), np.ones(9)
    touched: list[int] = []
    block = blockfile.BlockFile.block
    monkeypatch.setattr(blockfile.BlockFile, "block", lambda file, i: (touched.append(i), block(file, i))[1])
    results = [design.gram_matvec(v, np.ones(100))[0] for _ in range(2)]
    assert_array_equal(*results)
    once, again = touched[: len(design._sound)], touched[len(design._sound) :]
    assert once == sorted(again) == list(range(len(design._sound)))
    assert again[0] > again[-1]


@pytest.mark.usefixtures("small_blocks", "compiled")
def test_results_do_not_depend_on_threads_or_their_timing(path: Path) -> None:
    numba = pytest.importorskip("numba")
    design = rw.write_design(path, counts(VALUES["f8"], 300))
    results = []
    for threads in [1, *[numba.config.NUMBA_NUM_THREADS] * 20]:
        numba.set_num_threads(threads)
        results.append(products(design))
    for other in results[1:]:
        for mine, first in zip(other, results[0], strict=True):
            assert_array_equal(mine, first)


def test_small_files_and_a_missing_extra_take_the_plain_path(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing numba takes longer than all products with a small file."""
    design = rw.write_design(path, X)
    monkeypatch.setattr(mapped, "BlockSweeps", lambda *_: pytest.fail("compiled products were asked for"))
    products(design)
    monkeypatch.setattr(mapped, "LARGE", 0)
    monkeypatch.setattr(mapped, "find_spec", lambda _: None)
    products(design)


@pytest.mark.parametrize("n_features", [10**3, 10**5, 10**6, 10**7])
@pytest.mark.parametrize("m", [1, 4, 32])
def test_sums_of_all_parts_stay_small(n_features: int, m: int) -> None:
    """600 million stored values in 600 blocks: 64 MB, or two parts where already these take more."""
    design = sweeps.BlockSweeps(lambda _: (X, X, X), print, np.arange(601), np.full(600, 10**6), n_features)
    parts = design._parts(m)
    assert [part[0] for part in parts] == [0, *[part[1] for part in parts[:-1]]]
    assert parts[-1][1] == 600
    assert len(parts) == 2 or len(parts) * n_features * 2 * m * 8 <= 64 * 2**20
    assert len(parts) == 16 or n_features > 10**5 or m > 1

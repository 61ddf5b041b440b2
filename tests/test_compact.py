"""The compact design: the same from run to run and for any number of threads, and absent without numba."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import long_indices, read_only
from scipy import sparse

import relabel_widget as rw
import relabel_widget.design.compact as compact_module
from relabel_widget.design import CsrDesign, compacted, dask_tasks
from relabel_widget.design.parts import in_threads, no_other_threads

numba = pytest.importorskip("numba")
_kernels = pytest.importorskip("relabel_widget.design._kernels")


def counts(n_rows: int = 600, n_features: int = 90, seed: int = 0) -> sparse.csr_array:
    """Word counts with Zipf columns in shuffled order; some rows and columns are empty."""
    rng = np.random.default_rng(seed)
    frequency = rng.permutation(0.8 / np.arange(1, n_features + 1))
    x = (rng.uniform(size=(n_rows, n_features)) < frequency) * (1.0 + (rng.uniform(size=(n_rows, n_features)) < 0.1))
    x[[0, 77, n_rows - 1]] = 0.0
    x[:, 5] = 0.0
    return sparse.csr_array(x)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LARGE": 100, "PART": 500, "_BLOCK_ROWS": 50, "_NARROW": 40}.items():
        monkeypatch.setattr(compact_module, name, value)


@pytest.mark.usefixtures("small_limits")
def test_results_do_not_depend_on_threads_or_their_timing() -> None:
    x, rng = counts(), np.random.default_rng(1)
    design = compacted(CsrDesign(x))
    assert isinstance(design, compact_module.CompactDesign)
    v, many, d, shift = rng.normal(size=90), rng.normal(size=(90, 5)), rng.uniform(size=600), np.arange(5.0)
    results = []
    for threads in [1, *[numba.config.NUMBA_NUM_THREADS] * 20]:
        numba.set_num_threads(threads)
        image = np.empty(600)
        one, many_out = design.gram_matvec(v, d, 0.5, image), design.gram_matmat(many, d[:, None], shift)
        assert_allclose(image, x @ v + 0.5, atol=1e-12)
        results.append([*one, image, *many_out, design.matvec(v), design.rmatvec(d), design.weighted_square_sum(d)])
    for other in results[1:]:
        for mine, first in zip(other, results[0], strict=True):
            assert_array_equal(mine, first)


@pytest.mark.parametrize("own_weights", [False, True])
def test_a_part_of_more_blocks_than_one_run_takes(own_weights: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact_module, "_BLOCK_ROWS", 3)
    monkeypatch.setattr(compact_module, "_NARROW", 40)
    x, rng = counts(), np.random.default_rng(3)
    design = compact_module.CompactDesign(x)
    assert max(last - first for first, last in design._parts) > 2 * _kernels._RUN
    many, shift, d = rng.normal(size=(90, 8)), rng.normal(size=8), rng.uniform(size=(600, 8 if own_weights else 1))
    out, totals = design.gram_matmat(many, d, shift)
    u = d * (x @ many + shift)
    assert_allclose(out, x.T @ u, atol=1e-11)
    assert_allclose(totals, u.sum(axis=0), atol=1e-11)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("guise", [sparse.csr_array, long_indices, lambda x: read_only(long_indices(x))])
def test_a_fit_and_its_flip_set_are_those_of_the_plain_path(guise: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, rng = counts(), np.random.default_rng(2)
    y = (x @ rng.normal(size=90) + rng.normal(size=600) > 0).astype(int)
    fast = rw.fit(guise(x.toarray()), y)
    assert isinstance(fast.problem.design, compact_module.CompactDesign)
    monkeypatch.setattr(compact_module, "LARGE", 10**9)
    plain = rw.fit(x, y)
    assert isinstance(plain.problem.design, CsrDesign)
    assert_allclose(fast.theta, plain.theta, rtol=0, atol=1e-10 * np.abs(plain.theta).max())
    query = x[[3]]
    theirs, ours = rw.relabel_influence(plain, query), rw.relabel_influence(fast, query)
    assert_allclose(ours, theirs, rtol=0, atol=1e-8 * np.abs(theirs).max())  # each solved to 1e-9
    assert_array_equal(rw.find_flip_set(fast, query).rows, rw.find_flip_set(plain, query).rows)


@pytest.mark.usefixtures("small_limits")
def test_counts_are_held_in_a_fraction_of_the_bytes() -> None:
    x = counts(2000, 400)
    held = CsrDesign(x)
    assert compacted(held).n_bytes < 0.6 * (x.data.nbytes + x.indices.nbytes + x.indptr.nbytes)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("value", [-1.0, 0.5, 256.0, 1e300])
def test_values_that_no_byte_holds_are_exact(value: float) -> None:
    x = counts()
    x.data[7] = value
    assert_array_equal(compacted(CsrDesign(x)).to_dense(), x.toarray())


@pytest.mark.usefixtures("small_limits")
def test_a_small_matrix_measurements_and_a_missing_extra_leave_the_design_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = counts()
    held = CsrDesign(x)
    measured = CsrDesign(sparse.csr_array((x.data + 0.25, x.indices, x.indptr), shape=x.shape))
    assert compacted(measured) is measured
    assert compacted(held) is not held
    with monkeypatch.context() as patch:
        patch.setattr(compact_module, "find_spec", lambda _: None)
        assert compacted(held) is held
    monkeypatch.setattr(compact_module, "LARGE", x.nnz + 1)
    assert compacted(held) is held


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_a_thread_raises_is_raised_and_no_thread_is_left(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba, "get_num_threads", lambda: 2)
    begun: list[int] = []

    def work(part: int, first: int, last: int) -> None:
        begun.append(part)
        time.sleep(0.02)  # the other thread takes a part meanwhile
        if part == place:
            raise OSError(f"blocks {first} to {last - 1} are damaged")

    before = threading.active_count()
    with pytest.raises(OSError, match=f"blocks {place} to {place} are damaged"):
        in_threads([(k, k + 1) for k in range(100)], work)
    assert threading.active_count() == before
    assert len(begun) < 10


def test_where_others_keep_the_cores_busy_a_product_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba, "get_num_threads", lambda: 2)

    def at_work() -> set[int]:
        seen: set[int] = set()

        def work(*_: int) -> None:
            seen.add(threading.get_ident())
            time.sleep(0.002)  # the other thread, if there is one, takes a part meanwhile

        in_threads([(k, k + 1) for k in range(20)], work)
        return seen

    here = {threading.get_ident()}
    with no_other_threads():
        assert at_work() == here
        with no_other_threads():
            pass
        assert at_work() == here
    assert at_work() > here


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("work", ["forward", "backward", "square_sum", "gram"])
def test_tasks_on_dask_workers_start_no_thread(work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's other threads have tasks of their own."""
    block = compacted(CsrDesign(counts()))
    started: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        started.append(thread)

    monkeypatch.setattr(numba, "get_num_threads", lambda: 2)
    monkeypatch.setattr(threading.Thread, "start", start)
    monkeypatch.setattr(threading.Thread, "join", lambda _: None)
    v, u = [np.ones(block.n_features)], [np.ones(block.n_rows)]
    product = partial(dask_tasks.gram, shift=0.0) if work == "gram" else getattr(dask_tasks, work)
    dask_tasks.on_block(product, block, *{"forward": [v], "gram": [v, u]}.get(work, [u]))
    assert not started
    block.matvec(*v)
    assert started, "in memory the same design uses another thread"

"""Hessian products at a million rows, against SciPy's two products on float64 CSR; and what rests on them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from corpora import zipf_counts, zipf_labels
from measuring import Record, resident_peak_mib, show, stopwatch
from scipy import sparse
from threadpoolctl import threadpool_limits

import relabel_widget as rw
from relabel_widget.design import CsrDesign
from relabel_widget.design.compact import CompactDesign
from relabel_widget.fits import Fit
from relabel_widget.problem import Problem

numba = pytest.importorskip("numba")
pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]
COLUMNS = 32


@pytest.fixture(scope="module")
def million() -> sparse.csr_array:
    return zipf_counts(10**6)


@pytest.fixture(scope="module")
def compact(million: sparse.csr_array) -> CompactDesign:
    return CompactDesign(million)


def in_turn(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, tuple[float, float]]:
    """Least wall-clock and processor seconds of each, after a first call that does not count.

    They take turns: a machine that others share may be half as fast a second later, for all of them alike.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            with stopwatch() as watch:
                work()
            taken[name].append((watch.wall, watch.cpu))
    return {name: (min(wall for wall, _ in each[1:]), min(cpu for _, cpu in each[1:])) for name, each in taken.items()}


def best(work: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """`in_turn` with nothing else."""
    return in_turn({"": work}, repeats)[""]


def bandwidth() -> float:
    """Bytes a second that one thread reads."""
    held = np.ones(2**26)
    return held.nbytes / best(held.sum, 5)[0]


def test_one_pass(million: sparse.csr_array, compact: CompactDesign, record: Record) -> None:
    (n, p), rng = million.shape, np.random.default_rng(0)
    v, many, d, shift = rng.normal(size=p), rng.normal(size=(p, COLUMNS)), rng.uniform(size=n), np.ones(COLUMNS)
    plain, transposed = CsrDesign(million), million.T
    reference = transposed @ (d * (million @ v + 1.0))
    ours = compact.gram_matvec(v, d, 1.0)[0]
    assert np.abs(ours - reference).max() <= 1e-10 * np.abs(reference).max()

    def on(threads: int, work: Callable[[], Any]) -> None:
        numba.set_num_threads(threads)
        work()

    def against_scipy(scipy: Callable[[], Any], ours: Callable[[], Any], rounds: int) -> list[tuple[float, float]]:
        works = {"scipy": scipy, **{str(k): partial(on, k, ours) for k in counts}}
        return list(in_turn(works, rounds).values())

    counts = sorted({1, numba.config.NUMBA_NUM_THREADS})
    names = ["SciPy, float64 CSR", *(f"compact, {k} threads" for k in counts)]
    one = against_scipy(
        lambda: transposed @ (d * (million @ v + 1.0)), lambda: compact.gram_matvec(v, d, 1.0), rounds=15
    )
    several = against_scipy(
        lambda: plain.gram_matmat(many, d[:, None], shift),
        lambda: compact.gram_matmat(many, d[:, None], shift),
        rounds=2,
    )
    rows, faster = [], []
    for what, measured, columns in (("", one, 1), (f", {COLUMNS} columns, a column", several, COLUMNS)):
        for name, (wall, cpu) in zip(names, measured, strict=True):
            ratios = [measured[0][0] / wall, measured[0][1] / cpu]
            rows.append([name + what, wall / columns, cpu / columns, *ratios])
        faster.append([measured[0][0] / wall for wall, _ in measured[1:]])
    for threads, (wall, cpu) in zip(counts, one[1:], strict=True):
        record.add(
            f"product, million rows, {threads} threads", seconds=wall, cpu_seconds=cpu, outcome=1.0,
            peak_mib=resident_peak_mib(),
        )  # fmt: skip
    show(f"{n:,} x {p:,}, {million.nnz:,} stored", ["", "wall s", "CPU s", "faster, wall", "faster, CPU"], rows)
    floor, fastest = compact.n_bytes / bandwidth(), min(wall for wall, _ in one[1:])
    print(f"{compact.n_bytes / 1e6:.0f} MB held; read once: {floor:.4f} s; product: {fastest / floor:.1f} times that")
    assert max(faster[0]) >= 2.0
    assert faster[0][0] >= 1.3
    assert max(faster[1]) >= 2.5


def test_time_grows_as_the_rows(record: Record) -> None:
    rows = []
    for n in (10**4, 10**5, 10**6):
        design, rng = CompactDesign(zipf_counts(n)), np.random.default_rng(0)
        v, d = rng.normal(size=design.n_features), rng.uniform(size=n)
        wall, cpu = best(lambda design=design, v=v, d=d: design.gram_matvec(v, d), 7)
        rows.append([f"{n:,}", design.n_stored, wall, cpu])
    exponent = float(np.log(rows[-1][3] / rows[0][3]) / np.log(100))
    show("A product, by rows", ["rows", "stored", "wall s", "CPU s"], rows)
    print(f"exponent of CPU time from 10^4 to 10^6 rows: {exponent:.3f}")
    record.add("product, exponent", seconds=rows[-1][2], cpu_seconds=rows[-1][3], outcome=-exponent, peak_mib=0.0)
    assert exponent <= 1.05


def test_a_query_and_a_flip_set(million: sparse.csr_array, record: Record) -> None:
    y, query = zipf_labels(million), zipf_counts(3, seed=9)[[1]]
    before = resident_peak_mib()
    with threadpool_limits(1, user_api="blas"):
        d, v = np.random.default_rng(0).uniform(size=million.shape[0]), np.ones(million.shape[1])
        fit: Fit = rw.fit(million, y)
        problem: Problem = fit.problem
        assert isinstance(problem.design, CompactDesign)
        with stopwatch() as making:
            assert fit.preconditioner is not None
        found = rw.find_flip_set(fit, query)
        short = in_turn(
            {
                "product": lambda: million.T @ (d * (million @ v)),
                "ranking": lambda: rw.top_influence(fit, query, 100, rtol=1e-6),
            },
            5,
        )
        long = in_turn({"fit": lambda: rw.fit(million, y), "search": lambda: rw.find_flip_set(fit, query)}, 4)
    product, ranking, fitting, searching = short["product"], short["ranking"], long["fit"], long["search"]
    stored = (million.data.nbytes + million.indices.nbytes + million.indptr.nbytes) / 2**20
    rows = [
        ["SciPy's two products", *product, 1.0],
        ["cold fit", *fitting, fitting[0] / product[0]],
        ["preconditioner, once", making.wall, making.cpu, making.wall / product[0]],
        ["one query ranked to 1e-6", *ranking, ranking[0] / product[0]],
        [f"verified flip set of {found.size}", *searching, searching[0] / product[0]],
    ]
    show("A million rows", ["", "wall s", "CPU s", "SciPy products"], rows)
    print(f"resident: {before:.0f} MiB before, {resident_peak_mib():.0f} MiB at most; the matrix: {stored:.0f} MiB")
    record.add(
        "flip set, million rows", seconds=searching[0], cpu_seconds=searching[1], outcome=float(found.verified),
        peak_mib=resident_peak_mib(),
    )  # fmt: skip
    assert found.verified
    assert ranking[0] <= 12 * product[0]
    assert searching[0] <= 0.5 * fitting[0]

"""The Dask design on a cluster of processes: same answers, also when a worker dies; words when the scheduler does."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask.sizeof import sizeof
from distributed import Client, LocalCluster
from numpy.testing import assert_allclose, assert_array_equal
from oracles import random_case, small_integers
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

import relabel_widget as rw
from relabel_widget.design import DaskDesign, dasked
from relabel_widget.solver import Jacobi, solve

X = small_integers(40, 7, 3)
CASE = random_case(5, n=60, p=4, sparsity=0.5)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two worker processes that a nanny starts anew when they die; the client in use."""
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(processes=True, **settings) as cluster, Client(cluster) as client:
        yield client


def delayed(x: Any, size: int) -> list[Any]:
    return [dask.delayed(sparse.csr_array)(x[first : first + size]) for first in range(0, len(x), size)]


def kill_one(client: Client) -> None:
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)


class Killer(rw.Monitor):
    """Kills a worker, by the signal that no process survives, at some check of the monitor."""

    def __init__(self, client: Client, at: int) -> None:
        super().__init__()
        self.client, self.at, self.checks = client, at, 0

    def check(self) -> None:
        self.checks += 1
        if self.checks == self.at:
            kill_one(self.client)


# --- what may be loaded


def test_sources(client: Client) -> None:
    texts = pd.Series([f"word{i % 7} and word{i % 3}" for i in range(25)])
    counts = CountVectorizer().fit(texts)
    hashing = HashingVectorizer(n_features=32, norm=None, alternate_sign=False)
    numbers = dd.from_pandas(pd.DataFrame(X), npartitions=3)
    words = dd.from_pandas(pd.DataFrame({"text": texts}), npartitions=4)
    chosen = words[words["text"] == texts[0]]  # leaves blocks empty
    for design, expected in (
        (rw.dask_design(delayed(X, 9)), X),
        (rw.dask_design([X[:30], X[:0], client.submit(np.asarray, X[30:])]), X),
        (rw.dask_design(da.from_array(X, chunks=(11, 3)), client=client), X),
        (rw.dask_design(numbers), X),
        (rw.dask_design(words, vectoriser=counts), counts.transform(texts).toarray()),
        (rw.dask_design(words["text"], vectoriser=hashing), hashing.transform(texts).toarray()),
        (rw.dask_design(chosen, vectoriser=counts), counts.transform(texts[[0, 21]]).toarray()),
    ):  # fmt: skip
        assert_array_equal(design.to_dense(), expected)
        assert design.n_stored >= np.count_nonzero(expected)


@pytest.mark.usefixtures("client")
def test_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"expected 7 columns, as in the first .* got 5 in block 1\. Make"):
        rw.dask_design([X, X[:, :5]])
    with pytest.raises(ValueError, match="dask_design: expected at least one row, got no blocks, or only empty ones"):
        rw.dask_design([X[:0]])
    with pytest.raises(ValueError, match="dask_design: block 1: expected finite numbers, got NaN"):
        rw.dask_design([X, X * np.nan])
    with pytest.raises(ValueError, match="dask_design: block 0: expected two dimensions"):
        rw.dask_design([X[0]])
    with pytest.raises(RuntimeError, match="dask_design: block 1 could not be loaded: ZeroDivisionError: division by"):
        rw.dask_design([X, dask.delayed(lambda: 1 / 0)()])
    with pytest.raises(TypeError, match="expected delayed blocks, a Dask array or a Dask data frame, got ndarray"):
        rw.dask_design(X)
    with pytest.raises(ValueError, match=r"expected a two-dimensional array, got shape \(7,\)"):
        rw.dask_design(da.from_array(X[0]))
    design = rw.dask_design([X])
    with pytest.raises(TypeError, match=r"rows lie on the workers of a Dask cluster .* or search with n_jobs=1"):
        design.__reduce__()
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r'not installed\. Run: pip install "relabel-widget\[dask\]"'):
        rw.dask_design([X])


def test_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Any:
        raise ValueError("No clients found")

    monkeypatch.setattr("distributed.default_client", none)
    with pytest.raises(ValueError, match=r"dask_design: expected a Dask client, found none in use\. Start one"):
        rw.dask_design([X])


def test_progress_and_cancel_of_loading(client: Client) -> None:
    del client
    reports: list[rw.Progress] = []
    rw.dask_design(delayed(X, 20), monitor=rw.Monitor(reports.append))
    assert reports == [rw.Progress("loading blocks", 1, 2), rw.Progress("loading blocks", 2, 2)]
    monitor = rw.Monitor()
    monitor.cancel()
    with pytest.raises(rw.Cancelled):
        rw.dask_design(delayed(X, 20), monitor=monitor)


# --- same answers


@pytest.mark.usefixtures("as_large")
def test_the_whole_way_as_in_memory(client: Client) -> None:
    del client
    design = rw.dask_design(delayed(CASE.x, 16))
    fits = rw.fit(CASE.x, CASE.y, CASE.C), rw.fit(design, CASE.y, CASE.C)
    assert_allclose(fits[0].theta, fits[1].theta, rtol=1e-9, atol=1e-9)
    theirs, ours = (rw.find_flip_set(fit, CASE.query, budget=3) for fit in fits)
    assert_array_equal(theirs.rows, ours.rows)
    checks = [rw.verify(fit, ours.rows, CASE.query[None]) for fit in fits]
    assert_allclose(checks[0].proba_after, checks[1].proba_after, rtol=1e-9)
    assert_array_equal(checks[0].flipped, checks[1].flipped)


def test_a_block_weighs_what_it_holds() -> None:
    """Dask moves what it takes for light: by default a Python object of ours would weigh 48 bytes."""
    x = sparse.random_array((1000, 50), density=0.5, random_state=np.random.default_rng(0), format="csr")
    assert sizeof(rw.design.CsrDesign(x)) >= 8 * x.nnz


def test_many_queries_stay_in_this_process(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    del client
    monkeypatch.setattr("relabel_widget.search.find._WORTH_PROCESSES", 2)
    fit = rw.fit(rw.dask_design([CASE.x]), CASE.y, CASE.C)
    assert len(rw.find_flip_sets(fit, CASE.x[:2], budget=1)) == 2


@pytest.mark.usefixtures("client")
def test_an_edited_vector_is_another() -> None:
    design, d, v, image = rw.dask_design([X[:20], X[20:]]), np.ones(40), np.ones(7), np.empty(40)
    for edited in (slice(0, 0), [3], slice(0, 20)):
        d[edited] += 4.0
        assert_allclose(design.gram_matvec(v, d, 0.0, image)[0], X.T @ (d * (X @ v)), atol=1e-12)
        assert_allclose(image, X @ v, atol=1e-12)
        assert_allclose(design.rmatvec(d), X.T @ d, atol=1e-12)
        assert_allclose(design.weighted_square_sum(d), np.square(X).T @ d, atol=1e-12)


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("size", [1, 50, 2**23])
def test_arrays_in_pieces(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many messages it takes to send an array."""
    monkeypatch.setattr(dasked, "_PIECE_BYTES", size)
    design, rng = rw.dask_design(delayed(X, 15)), np.random.default_rng(0)
    v, u, d = rng.normal(size=(7, 3)), rng.normal(size=(40, 3)), rng.uniform(size=40)
    assert_allclose(design.matmat(v), X @ v, atol=1e-12)
    assert_allclose(design.rmatmat(u), X.T @ u, atol=1e-12)
    gram = design.gram(d)
    for k in range(3):
        assert_allclose(gram.matvec(v[:, k])[0], X.T @ (d * (X @ v[:, k])), atol=1e-12)
    assert_allclose(gram.matmat(v, np.ones(3))[0], X.T @ (d[:, None] * (X @ v + 1)), atol=1e-12)


@pytest.mark.usefixtures("client")
def test_a_long_vector_is_sent_without_a_warning() -> None:
    """Dask advises against graphs of more than 10 MB, which users of a design have no part in."""
    n_rows = 1_500_000
    design, u = rw.dask_design([dask.delayed(np.ones)((n_rows, 1))]), np.ones(n_rows)
    assert_allclose(design.rmatvec(u), [n_rows])


@pytest.fixture
def vectors(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many vectors of rows were sent to the workers, and how many came from there."""
    counts = {"sent": 0, "came": 0}

    def counted(name: str, what: str) -> None:
        method = getattr(DaskDesign, name)

        def count(self: DaskDesign, vector: Any) -> Any:
            counts[what] += 1
            return method(self, vector)

        monkeypatch.setattr(DaskDesign, name, count)

    counted("_beside", "sent")
    counted("matvec", "came")
    return counts


@pytest.mark.usefixtures("client")
def test_a_system_sends_its_weights_once_and_brings_one_image(vectors: dict[str, int]) -> None:
    """However many products it takes."""
    case = random_case(5, n=300, p=60, sparsity=0.9)
    here = rw.fit(case.x, case.y, 30.0).hessian
    there = replace(here, design=rw.dask_design(delayed(case.x, 100)))
    b, how = (
        np.random.default_rng(0).normal(size=61),
        {"rtol": 1e-6, "preconditioner": Jacobi.of(here), "with_eta": True},
    )
    theirs, ours = solve(here, b, **how), solve(there, b, **how)
    assert ours.iterations > 10
    assert vectors == {"sent": 1, "came": 1}
    assert_allclose(ours.eta_direction, theirs.eta_direction, rtol=1e-9, atol=1e-9)
    again = solve(there, 2 * b, start=(ours.x, ours.eta_direction), **how)
    assert_allclose(
        again.eta_direction,
        solve(here, 2 * b, start=(ours.x, ours.eta_direction), **how).eta_direction,
        rtol=1e-9,
        atol=1e-9,
    )


def test_nothing_but_blocks_stays_on_the_workers(client: Client) -> None:
    def keys() -> set[Any]:
        gc.collect()
        return {key for held in client.has_what().values() for key in held}

    def left(expected: set[Any]) -> bool:
        deadline = time.monotonic() + 20
        while keys() - before != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        return keys() - before == expected

    before = keys()
    design = rw.dask_design(delayed(X, 20))
    design.gram(design.matvec(np.ones(7))).matvec(np.ones(7))
    assert left({block.key for block in design._blocks})
    del design
    assert left(set())


# --- accidents


@pytest.mark.parametrize("at", [1, 8], ids=["in the first system", "later"])
def test_a_worker_killed_during_conjugate_gradients(client: Client, at: int) -> None:
    killer = Killer(client, at)
    fit = rw.fit(rw.dask_design(delayed(CASE.x, 16)), CASE.y, CASE.C, monitor=killer)
    assert killer.checks > at
    assert_allclose(fit.theta, rw.fit(CASE.x, CASE.y, CASE.C).theta, rtol=1e-9, atol=1e-9)


def test_a_worker_killed_during_a_refit(client: Client) -> None:
    fit = rw.fit(rw.dask_design(delayed(CASE.x, 16)), CASE.y, CASE.C)
    killer = Killer(client, 3)
    after = rw.verify(fit, [3, 5], CASE.query[None], monitor=killer).proba_after
    assert killer.checks > 3
    assert_allclose(after, rw.verify(rw.fit(CASE.x, CASE.y, CASE.C), [3, 5], CASE.query[None]).proba_after, rtol=1e-9)


@pytest.mark.parametrize("direct", [False, True])
def test_any_worker_may_die_or_retire(direct: bool) -> None:
    settings = {"n_workers": 4, "threads_per_worker": 2, "dashboard_address": ":0"}
    rng = np.random.default_rng(0)
    v, d, shift = rng.normal(size=(7, 3)), rng.uniform(size=(40, 3)), np.ones(3)
    with (
        LocalCluster(processes=True, **settings) as cluster,
        Client(cluster, direct_to_workers=direct, set_as_default=False) as client,
    ):
        design = rw.dask_design(delayed(X, 3), client=client)
        gram = design.gram(d[:, 0])
        for killed in range(4):
            assert_allclose(design.matmat(v), X @ v, atol=1e-12)
            assert_allclose(design.rmatvec(d[:, 0]), X.T @ d[:, 0], atol=1e-12)
            product, totals = design.gram_matmat(v, d, shift)
            assert_allclose(product, X.T @ (d * (X @ v + 1)), atol=1e-12)
            assert_allclose(totals, (d * (X @ v + 1)).sum(axis=0), atol=1e-12)
            assert_allclose(gram.matvec(v[:, 0])[0], X.T @ (d[:, 0] * (X @ v[:, 0])), atol=1e-12)
            assert_array_equal(design.take(np.arange(39, 0, -3)).to_dense(), X[39:0:-3])
            pids = client.run(os.getpid)
            if killed == 2:
                client.retire_workers([next(iter(pids))])
            else:
                os.kill([*pids.values()][killed % len(pids)], signal.SIGKILL)


def test_what_a_product_raises_is_raised_here(client: Client) -> None:
    del client
    design = rw.dask_design(delayed(X, 20))
    for _ in range(2):
        with pytest.raises(ValueError, match="mismatch"):
            design.matvec(np.ones(9))
        assert_allclose(design.matvec(np.ones(7)), X.sum(axis=1))


def test_workers_that_die_again_and_again(tmp_path: Path) -> None:
    """Of a block that is read once and then kills whoever reads it."""

    def load(path: Path) -> Any:
        if path.exists():
            os._exit(1)
        path.touch()
        return X

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(processes=True, n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        design = rw.dask_design([dask.delayed(load, pure=False)(tmp_path / "read")], client=client)
        kill_one(client)
        with pytest.raises(RuntimeError, match=r"workers repeatedly died during .*\. They may be short of memory"):
            design.matvec(np.ones(7))


@pytest.mark.usefixtures("client")
def test_several_callers_at_once() -> None:
    design, rng = rw.dask_design(delayed(X, 9)), np.random.default_rng(0)
    d, v = rng.uniform(size=(12, 40)), rng.normal(size=(12, 7))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(design.gram_matvec, v, d))
    for (product, _), one, weights in zip(found, v, d, strict=True):
        assert_allclose(product, X.T @ (weights * (X @ one)), atol=1e-12)


def test_blocks_that_were_lost_come_from_their_source(client: Client, tmp_path: Path) -> None:
    """What was read again after a death is what lies there, not a copy kept somewhere; if it is gone, so it is said."""

    def load(path: str) -> Any:
        with open(path + ".log", "a") as log:
            log.write("read\n")
        return np.load(path)

    np.save(tmp_path / "x.npy", X)
    path = str(tmp_path / "x.npy")
    design = rw.dask_design([dask.delayed(load, pure=False)(path)])

    def kill() -> None:
        (home,) = client.who_has(design._blocks)[design._blocks[0].key]
        os.kill(client.run(os.getpid, workers=[home])[home], signal.SIGKILL)

    kill()
    assert_allclose(design.matvec(np.ones(7)), X.sum(axis=1))
    assert len((tmp_path / "x.npy.log").read_text().splitlines()) >= 2
    (tmp_path / "x.npy").unlink()
    kill()
    with pytest.raises(FileNotFoundError, match=r"x\.npy"):
        design.matvec(np.ones(7))


SCHEDULER = """
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0")
    print(cluster.scheduler_address, flush=True)
    input()
"""


def test_a_scheduler_that_is_gone_ends_in_words() -> None:
    with (
        subprocess.Popen([sys.executable, "-c", SCHEDULER], stdout=-1, stdin=-1, stderr=-3, text=True) as process,
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
    ):
        assert process.stdout is not None
        with Client(process.stdout.readline().strip(), set_as_default=False, timeout=5) as client:
            design = rw.dask_design([X[:20], X[20:]], client=client)
            process.send_signal(signal.SIGKILL)
            process.wait()
            for _ in range(2):
                with pytest.raises(ConnectionError, match=r"the Dask scheduler at .* is gone or was restarted"):
                    design.matvec(np.ones(7))
        with pytest.raises(ConnectionError, match="Start a new client and call dask_design again"):
            design.rmatvec(np.ones(40))

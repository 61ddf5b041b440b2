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
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask.sizeof import sizeof
from distributed import Client, KilledWorker, LocalCluster
from numpy.testing import assert_allclose, assert_array_equal
from oracles import random_case, small_integers
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

import relabel_widget as rw
from relabel_widget.design import dask_parts, dask_rows, dasked
from relabel_widget.design.dask_parts import Parts
from relabel_widget.design.dask_rows import RowVectors
from relabel_widget.design.dask_worker import Part

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


class Killer(rw.Monitor):
    """Kills a worker, by the signal that no process survives, at some check of the monitor."""

    def __init__(self, client: Client, at: int) -> None:
        super().__init__()
        self.client, self.at, self.checks = client, at, 0

    def check(self) -> None:
        self.checks += 1
        if self.checks == self.at:
            os.kill(next(iter(self.client.run(os.getpid).values())), signal.SIGKILL)


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


def test_what_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"expected 7 columns, as in the first .* got 5 in number 1\. Make"):
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
    with pytest.raises(ValueError, match=r"expected an array of two dimensions, got shape \(7,\)"):
        rw.dask_design(da.from_array(X[0]))
    design = rw.dask_design([X])
    with pytest.raises(TypeError, match=r"rows lie on the workers of a Dask cluster .* or search with n_jobs=1"):
        design.__reduce__()
    with (
        pytest.raises(RuntimeError, match=r"workers died again and again over one block \(load\)\. They"),
        dasked._in_words(client),
    ):
        raise KilledWorker("load", None, 3)
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
    x = sparse.random_array((1000, 50), density=0.5, rng=np.random.default_rng(0), format="csr")
    assert sizeof(rw.design.CsrDesign(x)) >= 8 * x.nnz


def test_many_queries_stay_in_this_process(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    del client
    monkeypatch.setattr("relabel_widget.search.find._WORTH_PROCESSES", 2)
    fit = rw.fit(rw.dask_design([CASE.x]), CASE.y, CASE.C)
    assert len(rw.find_flip_sets(fit, CASE.x[:2], budget=1)) == 2


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Vectors that were cut into pieces for the workers from here on."""
    vectors: list[Any] = []
    cut = RowVectors._cut
    monkeypatch.setattr(RowVectors, "_cut", lambda self, vector: (vectors.append(vector), cut(self, vector))[1])
    return vectors


def test_an_edited_vector_is_another(client: Client, sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the workers hold is found by value, not by the array that held it; a few other values go out alone."""
    del client
    monkeypatch.setattr(dask_rows, "_GLANCE", 4)
    design, d, v, image = rw.dask_design([X[:20], X[20:]]), np.ones(40), np.ones(7), np.empty(40)
    for edited, whole in ((slice(0, 0), 1), (slice(0, 0), 1), ([3], 1), ([30], 1), (slice(0, 20), 2)):
        d[edited] += 4.0
        for _ in range(2):
            assert_allclose(design.gram_matvec(v, d, 0.0, image)[0], X.T @ (d * (X @ v)), atol=1e-12)
            assert_allclose(image, X @ v, atol=1e-12)
        assert_allclose(design.rmatvec(d), X.T @ d, atol=1e-12)
        assert_allclose(design.weighted_square_sum(d), np.square(X).T @ d, atol=1e-12)
        assert len(sent) == whole


def hypotenuse(a: Any, b: Any) -> Any:
    return np.hypot(a, b)


def test_vectors_made_of_what_the_workers_have_are_not_sent(client: Client, sent: list[Any]) -> None:
    del client
    design, rng = rw.dask_design(delayed(X, 9)), np.random.default_rng(0)
    v, u, given = rng.normal(size=7), rng.normal(size=40), rng.uniform(size=40)
    z = X @ v + 0.5
    image, pulled, total = design.pullback(v, hypotenuse, given, shift=0.5)
    assert_allclose(image, z)
    assert_allclose(pulled, X.T @ np.hypot(z, given))
    assert_allclose(total, np.hypot(z, given).sum())
    assert len(sent) == 1, "what is given, once"
    made = design.rowwise(hypotenuse, design.rowwise(np.multiply, image, 3.0), given)
    assert_allclose(made, np.hypot(3 * z, given))
    for _ in range(2):
        assert_allclose(design.rmatvec(made), X.T @ made)
        assert_allclose(design.gram_matvec(v, made)[0], X.T @ (made * (X @ v)))
    assert_allclose(design.rmatvec(design.matvec(v)), X.T @ (X @ v))
    assert len(sent) == 1
    unknown = design.rowwise(hypotenuse, u, given)
    assert_allclose(design.rmatvec(unknown), X.T @ unknown)
    assert len(sent) == 2, "of what only this process has the result goes out, no parts of it"


def the_other(a: Any, b: Any) -> Any:
    return b + 0.0 * a


def test_a_vector_is_not_made_from_what_is_made_of_it(client: Client) -> None:
    """What is made may be the same as, or differ in few rows from, a vector it is made of that was not sent yet."""
    del client
    design, rng = rw.dask_design(delayed(X, 9)), np.random.default_rng(0)
    given = rng.uniform(size=40)
    made = design.rowwise(the_other, design.matvec(rng.normal(size=7)), given)
    assert_allclose(design.rmatvec(made), X.T @ given)
    assert_allclose(design.rmatvec(given), X.T @ given)


def test_the_vectors_used_last_are_kept(client: Client, sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    del client
    monkeypatch.setattr(dask_rows, "_KEPT_BYTES", 0)
    monkeypatch.setattr(dask_rows, "_KEPT_LEAST", 2)
    design, rng, v = rw.dask_design([X]), np.random.default_rng(0), np.ones(7)
    one, two, three = rng.uniform(size=(3, 40))
    for d, whole in ((one, 1), (two, 2), (one, 2), (three, 3), (one, 3), (two, 4), (three, 5)):
        assert_allclose(design.gram_matvec(v, d)[0], X.T @ (d * (X @ v)))
        assert len(sent) == whole


@pytest.mark.usefixtures("as_large")
def test_a_search_sends_no_vector_but_labels_and_weights(client: Client, sent: list[Any]) -> None:
    del client
    fit = rw.fit(rw.dask_design(delayed(CASE.x, 16)), CASE.y, CASE.C)
    assert len(sent) <= 4, "weights and their squares, labels, and curvatures at the start, which are all the same"
    sent.clear()
    assert rw.find_flip_set(fit, CASE.query).verified
    assert len(sent) <= 1, "labels that differ in many rows of so few"


def test_rows_that_were_taken_are_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    del client
    design, fetched = rw.dask_design(delayed(X, 9)), []
    fetch = design._fetched
    monkeypatch.setattr(design, "_fetched", lambda rows: (fetched.append(rows), fetch(rows))[1])
    for rows, fetches in (([7, 3, 30, 3], 1), ([30, 7], 1), ([], 1), ([7, 8], 2), ([8, 8], 2), ([3], 2)):
        assert_array_equal(design.take(np.array(rows, dtype=np.int64)).to_dense(), X[rows])
        assert len(fetched) == fetches
    monkeypatch.setattr(dasked, "_TAKEN_STORED", 1)
    for _ in range(2):
        design.take(np.array([20, 21]))
    assert len(fetched) == 4, "a large take is not kept"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What parts were asked for, by name."""
    names: list[str] = []
    ask = Parts._ask
    monkeypatch.setattr(Parts, "_ask", lambda self, work, *a: (names.append(work), ask(self, work, *a))[1])
    return names


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("starts", [False, True])
def test_images_stay_there_until_the_sum_is_asked_for(starts: bool, asked: list[str]) -> None:
    design, rng = rw.dask_design(delayed(X, 9)), np.random.default_rng(0)
    start, d = (rng.normal(size=40) if starts else None), rng.uniform(size=40)
    images, expected = design.image_sum(start), np.zeros(40) if start is None else start.copy()
    untouched = design.image_sum(start).total()
    assert_array_equal(untouched, expected)
    for scale, shift in ((2.0, 0.5), (0.0, 3.0), (-1.5, 1.0)):
        v = rng.normal(size=7)
        z = X @ v + shift
        product, total = images.gram_matvec(v, d, shift)
        v[:] = 0.0  # the caller's to use
        assert_allclose(product, X.T @ (d * z), atol=1e-12)
        assert_allclose(total, (d * z).sum())
        if scale:
            images.add(scale)
            expected += scale * z
    assert_allclose(images.total(), expected, atol=1e-12)
    assert asked == ["gram_and_add"] * 3 + ["image_sum"]


def test_a_system_brings_one_image(client: Client, asked: list[str]) -> None:
    del client
    case = random_case(5, n=300, p=250, sparsity=0.95)  # systems take several products
    fit = rw.fit(rw.dask_design([case.x]), case.y, 30.0)
    assert rw.find_flip_set(fit, case.query).verified
    assert 0 < 2 * asked.count("image_sum") < asked.count("gram_and_add")
    assert "forward" not in asked


def test_a_sum_of_images_that_was_lost_is_made_anew(client: Client) -> None:
    del client
    design, rng = rw.dask_design(delayed(X, 9)), np.random.default_rng(0)
    v, d = rng.normal(size=(4, 7)), rng.uniform(size=40)
    for start in (None, rng.normal(size=40)):
        for lost in range(4):
            images = design.image_sum(start)
            for k, each in enumerate(v):
                if k == lost:
                    design._parts = None
                assert_allclose(images.gram_matvec(each, d, 1.0)[0], X.T @ (d * (X @ each + 1.0)), atol=1e-12)
                images.add(0.5)
            if lost == 3:
                design._parts = None
            expected = 0.5 * (X @ v.sum(axis=0) + 4.0) + (0.0 if start is None else start)
            assert_allclose(images.total(), expected, atol=1e-12)


def held(client: Client) -> list[int]:
    """How many vectors each part holds."""

    def count(dask_worker: Any) -> list[int]:
        return [len(part._held) + len(part._images) for part in dask_worker.state.actors.values()]

    return [each for counts in client.run(count).values() for each in counts]


def test_parts_hold_no_more_than_is_known_of(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums that nobody asked for, as after a cancel, are dropped, and so are parts with their design."""
    monkeypatch.setattr(dask_rows, "_KEPT_BYTES", 0)
    gc.collect()
    design, d = rw.dask_design(delayed(X, 20)), np.ones(40)
    for k in range(20):
        images = design.image_sum()
        images.gram_matvec(np.full(7, k), d, 0.0)
        images.add(1.0)
        if k % 2:
            images.total()
        del images
        gc.collect()
    design.rmatvec(d)
    counts = held(client)
    assert len(counts) == 2
    assert max(counts) <= dask_rows._KEPT_LEAST
    del design
    gc.collect()
    deadline = time.monotonic() + 20
    while held(client) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not held(client)


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
def test_any_worker_may_die(direct: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one above others, or below; their threads share the blocks. Two is as many as the client asks itself."""
    monkeypatch.setattr(dask_parts, "_FAN_IN", 2)
    settings = {"n_workers": 4, "threads_per_worker": 2, "dashboard_address": ":0"}
    rng = np.random.default_rng(0)
    v, d, shift = rng.normal(size=(7, 3)), rng.uniform(size=(40, 3)), np.ones(3)
    with (
        LocalCluster(processes=True, **settings) as cluster,
        Client(cluster, direct_to_workers=direct, set_as_default=False) as client,
    ):
        design = rw.dask_design(delayed(X, 3), client=client)
        for killed in range(4):
            assert_allclose(design.matmat(v), X @ v, atol=1e-12)
            assert_allclose(design.rmatvec(d[:, 0]), X.T @ d[:, 0], atol=1e-12)
            product, totals = design.gram_matmat(v, d, shift)
            assert_allclose(product, X.T @ (d * (X @ v + 1)), atol=1e-12)
            assert_allclose(totals, (d * (X @ v + 1)).sum(axis=0), atol=1e-12)
            assert_array_equal(design.take(np.arange(39, 0, -3)).to_dense(), X[39:0:-3])
            pids = [*client.run(os.getpid).values()]
            os.kill(pids[killed % len(pids)], signal.SIGKILL)


def test_a_part_does_not_wait_for_a_dead_one_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would keep its blocks as long as its worker lives."""
    monkeypatch.setattr(dask_parts, "_FAN_IN", 1)

    def parts() -> int:
        gc.collect()
        return sum(isinstance(each, Part) for each in gc.get_objects())

    with (
        LocalCluster(processes=True, n_workers=3, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        design = rw.dask_design(delayed(X, 3), client=client)
        design.matvec(np.ones(7))
        below = client.run(lambda dask_worker: [len(part._below) for part in dask_worker.state.actors.values()])
        last = next(home for home, counts in below.items() if counts == [0])
        os.kill(client.run(os.getpid, workers=[last])[last], signal.SIGKILL)
        assert_allclose(design.matvec(np.ones(7)), X.sum(axis=1))
        del design
        deadline = time.monotonic() + 20
        while (left := parts() + sum(client.run(parts).values())) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left


def test_a_part_for_each_worker(client: Client) -> None:
    design = rw.dask_design(delayed(X, 5))
    design.matvec(np.ones(7))
    assert design._parts is not None
    homes = [client.who_has([block])[block.key] for block in design._blocks]
    places = [sorted(rows.start // 5 for rows in part.slices) for part in design._parts._rows]
    on = [{home for block in part for home in homes[block]} for part in places]
    assert all(len(workers) == 1 for workers in on)
    assert len(on) == len(set.union(*on))
    assert sorted(place for part in places for place in part) == list(range(8))


def test_what_a_product_raises_is_raised_here(client: Client) -> None:
    del client
    design = rw.dask_design(delayed(X, 20))
    for _ in range(2):
        with pytest.raises(ValueError, match="mismatch"):
            design.matvec(np.ones(9))
        assert_allclose(design.matvec(np.ones(7)), X.sum(axis=1))


def test_workers_that_die_again_and_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    del client
    design = rw.dask_design(delayed(X, 20))
    tries: list[int] = []

    def lost(*_: Any) -> Any:
        tries.append(1)
        raise OSError("Unable to contact Actor's worker")

    monkeypatch.setattr(Parts, "_ask", lost)
    with pytest.raises(RuntimeError, match=r"workers died again and again over a product\. They may lack memory"):
        design.matvec(np.ones(7))
    assert len(tries) == 3


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Parts]:
    """Parts that were made from here on."""
    found: list[Parts] = []
    make = Parts.__init__
    monkeypatch.setattr(Parts, "__init__", lambda self, *a: (found.append(self), make(self, *a))[1])
    return found


def test_an_interrupted_product_leaves_nothing_behind(
    client: Client, made: list[Parts], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What parts were about to be told, they may not have heard."""
    del client
    design, d, v = rw.dask_design(delayed(X, 20)), np.arange(40.0), np.ones(7)
    with monkeypatch.context() as patch:

        def interrupted(*_: Any) -> Any:
            raise KeyboardInterrupt

        patch.setattr(Parts, "_ask", interrupted)
        with pytest.raises(KeyboardInterrupt):
            design.gram_matvec(v, d)
    for _ in range(2):
        assert_allclose(design.gram_matvec(v, d)[0], X.T @ (d * (X @ v)))
    assert len(made) == 2
    assert made[0] is not design._parts


@pytest.mark.usefixtures("client")
def test_callers_take_turns(made: list[Parts]) -> None:
    design, rng = rw.dask_design(delayed(X, 9)), np.random.default_rng(0)
    d, v = rng.uniform(size=(12, 40)), rng.normal(size=(12, 7))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(design.gram_matvec, v, d))
    for (product, _), one, weights in zip(found, v, d, strict=True):
        assert_allclose(product, X.T @ (weights * (X @ one)), atol=1e-12)
    assert len(made) == 1


def test_blocks_that_were_lost_come_from_their_source(client: Client, tmp_path: Any) -> None:
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
                with pytest.raises(ConnectionError, match=r"the Dask scheduler at .* is gone, or was restarted"):
                    design.matvec(np.ones(7))
        with pytest.raises(ConnectionError, match="Start a new client and call dask_design again"):
            design.rmatvec(np.ones(40))

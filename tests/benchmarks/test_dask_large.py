"""Dask on two processes of this machine: same sets as in memory, what it costs, and workers killed on the way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from measuring import Record, resident_peak_mib, show, stopwatch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from zipf import zipf_blocks

import relabel_widget as rw
from relabel_widget.design import as_design, compacted

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(10_800)]

ROWS = int(os.environ.get("RELABEL_WIDGET_ROWS", "1_000_000"))


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    settings: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(processes=True, **settings) as cluster, Client(cluster) as client:
        yield client


def kill_one(client: Client) -> None:
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)


@pytest.mark.data
def test_same_sets_on_sst2(client: Client, real_data: Callable[[str], pd.DataFrame]) -> None:
    frame = real_data("sst2")
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    counts = CountVectorizer()
    x, y = counts.fit_transform(train["text"]), train["label"].to_numpy()
    queries = counts.transform(test["text"].iloc[:5])
    fits = rw.fit(x, y), rw.fit(rw.dask_design([x[i : i + 2000] for i in range(0, x.shape[0], 2000)], client=client), y)
    for one, other in zip(*(rw.find_flip_sets(fit, queries) for fit in fits), strict=True):
        assert_array_equal(one.rows, other.rows)


def test_a_million_rows(client: Client, record: Record) -> None:
    parts = list(zipf_blocks(ROWS))
    y = np.concatenate([labels for _, labels in parts])
    x = sparse.csr_array(sparse.vstack([block for block, _ in parts], format="csr"))
    del parts

    def load(first: int) -> Any:
        return sparse.vstack([block for block, _ in islice(zipf_blocks(ROWS), first, first + 5)], format="csr")

    blocks = [dask.delayed(load, pure=False)(first) for first in range(0, -(-ROWS // 50_000), 5)]
    here, there = compacted(as_design(x, who="here")), rw.dask_design(blocks, client=client)
    rng = np.random.default_rng(0)
    v, d = rng.normal(size=here.n_features), rng.uniform(size=ROWS)
    times: dict[str, list[float]] = {"in memory": [], "Dask": []}
    for _ in range(7):
        for name, design in (("in memory", here), ("Dask", there)):
            with stopwatch() as watch:
                product = design.gram_matvec(v, d)[0]
            times[name].append(watch.wall)
            v = product / np.linalg.norm(product)
    mine, theirs = (float(np.median(each)) for each in (times["Dask"], times["in memory"]))
    show(
        "Hessian product, wall", ["", "s", "of in memory"], [["in memory", theirs, 1.0], ["Dask", mine, mine / theirs]]
    )
    record.add("Dask product", seconds=mine, cpu_seconds=theirs, outcome=theirs / mine, peak_mib=resident_peak_mib())

    settings = {"C": 0.01}
    fits = [rw.fit(x, y, **settings)]
    killer = threading.Timer(5.0, kill_one, [client])
    killer.start()
    fits.append(rw.fit(there, y, **settings))
    assert killer.finished.is_set()
    assert_allclose(fits[1].theta, fits[0].theta, rtol=1e-6, atol=1e-8)
    query = here.take(np.array([int(np.argsort(np.abs(fits[0].eta))[ROWS // 50])]))
    sets = []
    for fit in fits:
        start = time.perf_counter()
        sets.append(rw.find_flip_set(fit, query, budget=12))
        print(f"flip set of {sets[-1].size} rows: {time.perf_counter() - start:.1f} s")
    assert_array_equal(sets[0].rows, sets[1].rows)
    killer = threading.Timer(1.0, kill_one, [client])
    killer.start()
    checks = [rw.verify(fit, sets[0].rows, query) for fit in reversed(fits)]
    assert_allclose(checks[0].proba_after, checks[1].proba_after, rtol=1e-6)
    assert mine <= 1.4 * theirs

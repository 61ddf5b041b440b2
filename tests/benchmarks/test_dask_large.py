"""Dask on two processes of this machine: same sets as in memory, what it costs, and workers killed on the way."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
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
    with LocalCluster(processes=True, **settings) as cluster, Client(cluster, direct_to_workers=True) as client:
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


def test_a_million_rows(client: Client, tmp_path: Path, record: Record) -> None:
    """Blocks are read from files, which takes about as long for each: where it does not, one worker ends with more."""
    parts, labels = zip(*zipf_blocks(ROWS), strict=True)
    y, blocks = np.concatenate(labels), []
    for first in range(0, len(parts), 5):
        path = tmp_path / f"{first}.npz"
        sparse.save_npz(path, sparse.vstack(parts[first : first + 5], format="csr"), compressed=False)
        blocks.append(dask.delayed(sparse.load_npz, pure=False)(path))
    x = sparse.csr_array(sparse.vstack(parts, format="csr"))
    del parts
    designs = {"in memory": compacted(as_design(x, who="here")), "Dask": rw.dask_design(blocks, client=client)}
    here, there = designs.values()
    rng = np.random.default_rng(0)
    v, d = rng.normal(size=here.n_features), rng.uniform(size=ROWS)
    products: list[list[float]] = [[], []]
    cpu = 0.0
    for _ in range(7):
        for design, walls in zip(designs.values(), products, strict=True):
            with stopwatch() as watch:
                product = design.gram_matvec(v, d)[0]
            walls.append(watch.wall)
            cpu = watch.cpu  # of Dask: the client's
            v = product / np.linalg.norm(product)
    fits, sets, fitting = [], [], []
    searching: tuple[list[float], ...] = [], []
    for design in designs.values():
        with stopwatch() as watch:
            fits.append(rw.fit(design, y, C=0.01))
        fitting.append(watch.wall)
    query = here.take(np.array([int(np.argsort(np.abs(fits[0].eta))[ROWS // 50])]))
    for _ in range(7):  # the first makes the preconditioner
        sets = []
        for each, walls in zip(fits, searching, strict=True):
            with stopwatch() as watch:
                sets.append(rw.find_flip_set(each, query, budget=12))
            walls.append(watch.wall)
    product_s = [float(np.median(walls)) for walls in products]
    first, later = [walls[0] for walls in searching], [float(np.median(walls[1:])) for walls in searching]
    columns = [[*pair, pair[1] / pair[0]] for pair in (product_s, fitting, first, later)]
    rows = [list(row) for row in zip([*designs, "Dask, of in memory"], *columns, strict=True)]
    show("A million rows, wall s", ["", "Hessian product", "fit", f"flip set of {sets[0].size}", "another"], rows)
    record.add(
        "Dask product", seconds=product_s[1], cpu_seconds=cpu, outcome=product_s[0] / product_s[1],
        peak_mib=resident_peak_mib(),
    )  # fmt: skip
    assert_array_equal(sets[0].rows, sets[1].rows)
    assert_allclose(fits[1].theta, fits[0].theta, rtol=1e-6, atol=1e-8)

    killer = threading.Timer(2.0, kill_one, [client])
    killer.start()
    again = rw.fit(there, y, C=0.01)
    assert killer.finished.is_set()
    assert_allclose(again.theta, fits[0].theta, rtol=1e-6, atol=1e-8)
    killer = threading.Timer(1.0, kill_one, [client])
    killer.start()
    checks = [rw.verify(fit, sets[0].rows, query) for fit in reversed(fits)]
    assert_allclose(checks[0].proba_after, checks[1].proba_after, rtol=1e-6)
    for wall in (product_s, later):
        assert wall[1] <= 1.4 * wall[0]

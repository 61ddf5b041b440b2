"""Dask on two processes of this machine: same sets as in memory, what it costs, and workers killed on the way.

``RELABEL_WIDGET_ROWS`` sets the number of rows, a million by default. Ten million, of shorter texts, take 10 GB of
memory, 4 GB of disk and a quarter of an hour.
"""

from __future__ import annotations

import os
import signal
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
from relabel_widget.design import Design, as_design, compacted

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(10_800)]

ROWS = int(os.environ.get("RELABEL_WIDGET_ROWS", "1_000_000"))
TOKENS = min(78.0, 3e8 / ROWS)  # a row
N_BLOCKS = 6  # three for each worker
PRODUCT, FLIP_SET = (1.3, 1.5) if ROWS >= 10_000_000 else (2.5, 2.5)  # at most so many times as long as in memory


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    settings: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(processes=True, **settings) as cluster, Client(cluster, direct_to_workers=True) as client:
        yield client


class Killer(rw.Monitor):
    """Kills a worker at two of the checks of the monitor, which come with each product."""

    def __init__(self, client: Client, at: tuple[int, int]) -> None:
        super().__init__()
        self.client, self.at, self.checks, self.killed = client, at, 0, 0

    def check(self) -> None:
        self.checks += 1
        if self.checks in self.at:
            pids = self.client.run(os.getpid, on_error="return").values()
            os.kill(next(pid for pid in pids if isinstance(pid, int)), signal.SIGKILL)
            self.killed += 1


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


def both(client: Client, folder: Path) -> tuple[dict[str, Design], np.ndarray]:
    """The same rows in memory and on Dask, which reads them from files, and their labels."""
    parts, labels = zip(*zipf_blocks(ROWS, tokens=TOKENS), strict=True)
    size, blocks = -(-len(parts) // N_BLOCKS), []
    for first in range(0, len(parts), size):
        path = folder / f"{first}.npz"
        sparse.save_npz(path, sparse.vstack(parts[first : first + size], format="csr"), compressed=False)
        blocks.append(dask.delayed(sparse.load_npz, pure=False)(path))
    x = sparse.csr_array(sparse.vstack(parts, format="csr"))
    del parts
    here = compacted(as_design(x, who="here"))
    # a worker that has not loaded the compiled products yet would get fewer of the blocks
    client.run(
        lambda: compacted(as_design(sparse.csr_array(np.ones((3000, 1000))), who="there")).rmatvec(np.ones(3000))
    )
    return {"in memory": here, "Dask": rw.dask_design(blocks, client=client)}, np.concatenate(labels)


def in_turn(rounds: int, *works: Callable[[], Any]) -> list[list[float]]:
    """Wall-clock seconds of each, one after the other, so that both see the same machine."""
    walls: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, mine in zip(works, walls, strict=True):
            with stopwatch() as watch:
                work()
            mine.append(watch.wall)
    return walls


def test_many_rows(client: Client, tmp_path: Path, record: Record) -> None:
    designs, y = both(client, tmp_path)
    here, there = designs.values()
    rng = np.random.default_rng(0)
    v, d = rng.normal(size=here.n_features), rng.uniform(size=ROWS)
    grams = [design.gram(d) for design in designs.values()]
    products = in_turn(7, *(lambda gram=gram: gram.matvec(v) for gram in grams))
    fits: list[rw.Fit] = []
    fitting = in_turn(1, *(lambda design=design: fits.append(rw.fit(design, y, C=0.01)) for design in designs.values()))
    query = here.take(np.array([int(np.argsort(np.abs(fits[0].eta))[ROWS // 50])]))
    sets: list[rw.FlipSet] = []
    searching = in_turn(5, *(lambda fit=fit: sets.append(rw.find_flip_set(fit, query, budget=12)) for fit in fits))

    product, fitted, first, later = (
        [float(np.median(walls)) for walls in each]
        for each in (products, fitting, [walls[:1] for walls in searching], [walls[1:] for walls in searching])
    )  # the first search makes the preconditioner
    columns = [[*pair, pair[1] / pair[0]] for pair in (product, fitted, first, later)]
    rows = [list(row) for row in zip([*designs, "Dask, of in memory"], *columns, strict=True)]
    show(f"{ROWS:,} rows, wall s", ["", "Hessian product", "fit", f"flip set of {sets[0].size}", "another"], rows)
    record.add(
        "Dask product", seconds=product[1], cpu_seconds=0.0, outcome=product[0] / product[1],
        peak_mib=resident_peak_mib(),
    )  # fmt: skip
    assert_allclose(fits[1].theta, fits[0].theta, rtol=1e-6, atol=1e-8)
    for each in sets:
        assert_array_equal(each.rows, sets[0].rows)

    killers = Killer(client, (4, 12)), Killer(client, (2, 5))
    again = rw.fit(there, y, C=0.01, monitor=killers[0])
    assert_allclose(again.theta, fits[0].theta, rtol=1e-6, atol=1e-8)
    found = rw.find_flip_set(fits[1], query, budget=12, monitor=killers[1])
    assert_array_equal(found.rows, sets[0].rows)
    assert [killer.killed for killer in killers] == [2, 2]
    assert product[1] <= PRODUCT * product[0]
    assert later[1] <= FLIP_SET * later[0]

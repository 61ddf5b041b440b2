"""What `test_mapped.py` runs in a process of limited memory; prints one JSON object."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from zipf import zipf_blocks

import relabel_widget as rw


def build(folder: Path, n_rows: int) -> None:
    labels: list[np.ndarray] = []

    def counts() -> Iterator[Any]:
        for x, y in zipf_blocks(n_rows, tokens=TOKENS):
            labels.append(y)
            yield x

    rw.write_design(folder / "x.rlw", counts())
    np.save(folder / "y.npy", np.concatenate(labels))


def read_once(path: Path) -> float:
    """Seconds to read the file once, from the disk."""
    buffer = bytearray(2**24)
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        start = time.perf_counter()
        while file.readinto(buffer):
            pass
    return time.perf_counter() - start


def say(**values: Any) -> None:
    sys.stderr.write(f"{time.perf_counter() - START:.0f} s: {values}\n")
    RESULT.update(values)


def query(folder: Path) -> None:
    say(read_once=read_once(folder / "x.rlw"))
    start = time.perf_counter()
    open_design = rw.open_design  # imports what it needs, which reading the file has pushed out of a small memory
    say(imported=time.perf_counter() - start)
    start = time.perf_counter()
    design = open_design(folder / "x.rlw")
    say(opened=time.perf_counter() - start, n_stored=design.n_stored, n_bytes=design.n_bytes, n_rows=design.n_rows)
    v, d = np.random.default_rng(1).normal(size=(design.n_features, 8)), np.full((design.n_rows, 1), 0.25)
    for name in ("first_pass", "pass"):  # the first verifies checksums
        start = time.perf_counter()
        design.matvec(v[:, 0])
        say(**{name: time.perf_counter() - start})
    for name, m in (("hessian_pass", 1), ("hessian_pass_of_8", 8)):
        design.gram_matmat(v[:, :m], d, np.zeros(m))  # loads or makes compiled code
        start = time.perf_counter()
        design.gram_matmat(v[:, :m], d, np.zeros(m))
        say(**{name: time.perf_counter() - start})
    start = time.perf_counter()
    fit = rw.fit(design, np.load(folder / "y.npy"))
    say(fit=time.perf_counter() - start, gradient_norm=fit.gradient_norm)
    x = design.take(np.array([int(np.argsort(np.abs(fit.eta))[design.n_rows // 20])]))
    start = time.perf_counter()
    scores = rw.relabel_influence(fit, x)
    say(ranked=time.perf_counter() - start, finite=bool(np.isfinite(scores).all()))
    del scores
    start = time.perf_counter()
    found = rw.find_flip_set(fit, x, budget=rw.Budget(seconds=SECONDS))
    say(flip_set=time.perf_counter() - start, size=found.size, verified=found.verified, refits=found.refits)
    start = time.perf_counter()
    flipped = bool(rw.verify(fit, found.rows, x).flipped[0])
    say(verify=time.perf_counter() - start, flipped=flipped)


if __name__ == "__main__":
    START, RESULT = time.perf_counter(), {}
    what, folder, n_rows, tokens, seconds = sys.argv[1:]
    TOKENS, SECONDS = float(tokens), float(seconds)
    if what == "build":
        build(Path(folder), int(n_rows))
    else:
        query(Path(folder))
    say(**{f"{what}_seconds": time.perf_counter() - START})
    RESULT["cpu_seconds"] = time.process_time()
    RESULT["peak_rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(RESULT))

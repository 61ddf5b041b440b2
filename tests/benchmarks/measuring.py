"""Benchmarks record outcome and peak memory beside time, print tables, and can be held against an earlier run.

``make bench`` runs them and leaves ``tests/artifacts/benchmarks.json``. To compare a change with its base, keep the
base's file and run again with ``RELABEL_WIDGET_BASELINE=that-file.json``: a case fails if it is slower both
relatively and absolutely, if its outcome changed for the worse, or if it is missing.
"""

from __future__ import annotations

import resource
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

RELATIVE, ABSOLUTE = 1.5, 0.05  # slower by half again and by 50 ms


@dataclass
class Measurement:
    """One case: wall-clock and processor seconds, how it came out (higher is better), peak memory."""

    seconds: float
    cpu_seconds: float
    outcome: float
    peak_mib: float


class Record:
    """The measurements of a session, by the name of the case."""

    def __init__(self) -> None:
        self.cases: dict[str, Measurement] = {}
        self.claims: list[list[Any]] = [["of Algorithm 1's sets flip, as published", "paper's Table 1", "39-87 %"]]

    def add(self, case: str, *, seconds: float, cpu_seconds: float, outcome: float, peak_mib: float) -> None:
        self.cases[case] = Measurement(seconds, cpu_seconds, outcome, peak_mib)

    def claim(self, what: str, wanted: str, measured: Any) -> None:
        """A line of the one table at the end: what flip sets and bounds are held to, beside what was measured."""
        self.claims.append([what, wanted, measured])


class Stopwatch:
    """Wall-clock and processor seconds of a block."""

    wall = cpu = 0.0


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    watch, wall, cpu = Stopwatch(), time.perf_counter(), time.process_time()
    yield watch
    watch.wall, watch.cpu = time.perf_counter() - wall, time.process_time() - cpu


def peak_mib(work: Callable[[], Any]) -> float:
    """Peak of what is newly allocated while ``work`` runs (run apart from the timing: tracing slows it down)."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def resident_peak_mib() -> float:
    """The largest resident size of the process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def show(title: str, header: list[str], rows: list[list[Any]]) -> None:
    """Print a table."""
    cells = [header, *[[f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]]
    widths = [max(len(line[j]) for line in cells) for j in range(len(header))]
    print(f"\n\n{title}")
    for line in cells:
        print(
            "  ".join(
                cell.ljust(width) if j == 0 else cell.rjust(width)
                for j, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
        )

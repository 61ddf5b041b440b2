"""A store of 100,000 events beside one of ten: opening it, deciding on it, reporting on it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pytest
from measuring import Record, show
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.journal import Kind
from relabel_widget.journal.events import judged
from relabel_widget.journal.records import START, recorded

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

N_ROWS, MANY, FEW, DECISIONS = 2_000, 100_000, 10, 40
X = np.random.default_rng(0).normal(size=(N_ROWS + 20, 5))
Y = (X[:N_ROWS, 0] > 0).astype(int)
MODEL = LogisticRegression().fit(X[:N_ROWS], Y)


def opened(store: Path) -> rw.Workbench:
    return rw.Workbench(MODEL, X[:N_ROWS], Y, X[N_ROWS:], annotator="ada", store=store)


def filled(store: Path, number: int) -> Path:
    """Decisions on rows in turn, back and forth, as `append` writes them, in one transaction."""
    with opened(store) as bench:
        journal = bench._decisions.journal
        drafts = []
        for place in range(number):
            row = place % N_ROWS
            back = (place // N_ROWS) % 2
            before, after = (int(Y[row]), 1 - int(Y[row])) if not back else (1 - int(Y[row]), int(Y[row]))
            event = judged(Kind.RELABEL, (row,), (before,), (after,), note=f"note {place}", annotator="ada")
            event = event._replace(uid=secrets.token_hex(12), time=datetime.now(UTC), original=(int(Y[row]),))
            drafts.append(recorded(event, journal.rows))
        assert journal._store is not None
        journal._store.exchange(0, START, drafts, journal._sample())
    return store


def measured(store: Path) -> tuple[float, float, float, float]:
    """Seconds to open, to decide (median) and to report, and the megabytes of the report."""
    began = perf_counter()
    bench = opened(store)
    opening = perf_counter() - began
    times = []
    for row in range(DECISIONS):
        began = perf_counter()
        bench.relabel(row, note="now")
        times.append(perf_counter() - began)
    began = perf_counter()
    page = bench.report(store.with_suffix(".html"))
    reporting = perf_counter() - began
    bench.close()
    return opening, median(times), reporting, page.stat().st_size / 1e6


def test_a_hundred_thousand_events(tmp_path: Path, record: Record) -> None:
    few = measured(filled(tmp_path / "few.sqlite", FEW))
    many = measured(filled(tmp_path / "many.sqlite", MANY))
    header = ["events", "open, s", "decision, ms", "report, s", "report, MB"]
    lines = [[number, line[0], 1e3 * line[1], *line[2:]] for number, line in ((FEW, few), (MANY, many))]
    show("Stores of few and many events", header, lines)
    record.claims += [
        ["open 100,000 events, s", "< 2", many[0]],
        ["decide on 100,000 events, ms", "< 20", 1e3 * many[1]],
        ["report on 100,000 events, s", "< 5", many[2]],
    ]
    assert many[3] < 10

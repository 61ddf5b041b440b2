"""Flip sets of naive Bayes on word counts: size, proven bound, time; scikit-learn's own refit confirms each set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from measuring import Record, show, stopwatch
from sklearn.base import clone
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from tasks import task_of
from threadpoolctl import threadpool_limits

import relabel_widget as rw

pytestmark = [pytest.mark.benchmark, pytest.mark.data, pytest.mark.timeout(3600)]


@dataclass(frozen=True)
class Case:
    """What the mean size over the first ``sized`` of ``n`` rows must not exceed, and seconds a row at the median."""

    data: str
    model: Any
    n: int = 100
    sized: int = 100
    size: float = np.inf
    seconds: float = np.inf


CASES = {
    "sst2, multinomial": Case("sst2", MultinomialNB(), size=5.41, seconds=0.05),
    "agnews, multinomial": Case("agnews", MultinomialNB(), sized=60, size=26.1, seconds=0.05),
    "sst2, complement": Case("sst2", ComplementNB()),
    "agnews, complement": Case("agnews", ComplementNB()),
    "sst2, Bernoulli": Case("sst2", BernoulliNB(), n=30),
    "agnews, Bernoulli": Case("agnews", BernoulliNB(), n=30),
}


@pytest.mark.parametrize("name", CASES)
def test_every_row_has_a_small_set(name: str, real_data: Callable[[str], pd.DataFrame], record: Record) -> None:
    case = CASES[name]
    task = task_of(real_data(case.data), case.n, min_df=2)
    fit = rw.adopt(clone(case.model).fit(task.x, task.y), task.x, task.y)
    before, confirmed, found, times = fit.decision(task.queries), 0, [], []
    rw.find_flip_set(fit, task.queries[0])
    with threadpool_limits(1):
        for t in range(case.n):
            with stopwatch() as watch:
                found.append(rw.find_flip_set(fit, task.queries[t]))
            times.append(watch.cpu)
            edited = task.y.copy()
            edited[found[-1].rows] = found[-1].labels
            after = clone(case.model).fit(task.x, edited).predict(task.queries[t])[0]
            now = int(before[t] > 0) if before.ndim == 1 else int(np.argmax(before[t]))
            confirmed += int(after != fit.classes[now])
    sizes, bounds = (np.array([getattr(each, what) for each in found]) for what in ("size", "lower_bound"))
    ratio, median = float(np.median(bounds / sizes)), float(np.median(times))
    show(
        f"{name}: {case.n} rows",
        [
            "confirmed",
            f"mean size, first {case.sized}",
            "largest",
            "bound / size",
            "optimal",
            "ms (median)",
            "ms (most)",
        ],
        [
            [
                confirmed,
                sizes[: case.sized].mean(),
                sizes.max(),
                ratio,
                int((bounds == sizes).sum()),
                1e3 * median,
                1e3 * max(times),
            ]
        ],
    )
    record.claim(f"{name}: mean size of sets", f"<= {case.size}", sizes[: case.sized].mean())
    record.claim(f"{name}: bound / size at the median", ">= .5", ratio)
    record.add(f"bayes: {name}", seconds=median, cpu_seconds=median, outcome=confirmed, peak_mib=0.0)
    assert confirmed == case.n
    assert sizes[: case.sized].mean() <= case.size
    assert ratio >= 0.5
    assert median <= case.seconds

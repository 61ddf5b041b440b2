"""How close proven lower bounds come to the sizes that searches find, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from measuring import Record, resident_peak_mib, show, stopwatch
from sklearn.feature_extraction.text import CountVectorizer

import relabel_widget as rw
from relabel_widget._typing import IntArray
from relabel_widget.bound import pair_bound_cost, remainder_bound, remainder_bound_cost

pytestmark = [pytest.mark.benchmark, pytest.mark.data, pytest.mark.timeout(3600)]


def problem(C: float, real_data: Callable[[str], pd.DataFrame]) -> tuple[rw.Fit, Any, IntArray]:
    """SST-2, 100 queries, and the sizes that searches find for them."""
    frame = real_data("sst2")
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    vectoriser = CountVectorizer(min_df=2)
    x = vectoriser.fit_transform(train["text"])
    chosen = np.random.default_rng(0).choice(len(test), 100, replace=False)
    queries = vectoriser.transform(test["text"].iloc[chosen])
    fit = rw.fit(x, train["label"], C)
    return fit, queries, np.array([found.size for found in rw.find_flip_sets(fit, queries)])


@pytest.mark.parametrize(("C", "least_median"), [(0.01, 0.9), (0.1, 0.45)])
def test_bound_over_size(
    C: float, least_median: float, real_data: Callable[[str], pd.DataFrame], record: Record
) -> None:
    fit, queries, sizes = problem(C, real_data)
    with stopwatch() as building:
        bound = remainder_bound(fit)
    with stopwatch() as bounding:
        lowers = bound.lower_bounds(queries, at_most=sizes)
    ratio = lowers / sizes
    quartiles = np.quantile(ratio, [0.25, 0.5, 0.75])
    show(
        f"lower bounds, sst2, C = {C:g}, 100 queries; {remainder_bound_cost(fit)}",
        ["", "25 %", "median", "75 %"],
        [
            ["size found", *np.quantile(sizes, [0.25, 0.5, 0.75]).tolist()],
            ["lower bound", *np.quantile(lowers, [0.25, 0.5, 0.75]).tolist()],
            ["bound / size", *quartiles.tolist()],
            ["share proven minimal", float((ratio == 1).mean()), "", ""],
            ["seconds: tables, all bounds", building.wall, bounding.wall, ""],
        ],
    )
    record.add(
        f"lower bounds, sst2, C = {C:g}",
        seconds=building.wall + bounding.wall,
        cpu_seconds=building.cpu + bounding.cpu,
        outcome=float(quartiles[1]),
        peak_mib=resident_peak_mib(),
    )
    record.claim(f"sst2, C={C:g}: median lower bound / size", f"at least {least_median}", float(quartiles[1]))
    assert (lowers <= sizes).all()
    assert quartiles[1] >= least_median


def test_bounds_at_c_1(real_data: Callable[[str], pd.DataFrame], record: Record) -> None:
    """Where boxes do not close: by what each source proves, one after the other switched on."""
    fit, queries, sizes = problem(1.0, real_data)
    with stopwatch() as building:
        bound = rw.pair_bound(fit)
    with stopwatch() as bounding:
        pairs = bound.lower_bounds(queries, at_most=sizes)
    singles = bound.lower_bounds(queries, at_most=np.minimum(sizes, 2))
    lines = []
    for what, lowers in (("nothing", np.ones_like(sizes)), ("single relabels", singles), ("and pairs", pairs)):
        assert (lowers <= sizes).all()
        ratio = lowers / sizes
        lines.append([what, *np.quantile(ratio, [0.25, 0.5, 0.75]).tolist(), float((ratio == 1).mean()), lowers.max()])
    show(
        f"lower bound / size, sst2, C = 1, 100 queries; {pair_bound_cost(fit)}; {bound.reason} Seconds: tables "
        f"{building.wall:.0f} ({building.cpu:.0f} of processor), all bounds {bounding.wall:.0f} ({bounding.cpu:.0f})",
        ["switched on", "25 %", "median", "75 %", "proven minimal", "largest"],
        lines,
    )
    record.add(
        "lower bounds by pairs, sst2, C = 1",
        seconds=building.wall + bounding.wall,
        cpu_seconds=building.cpu + bounding.cpu,
        outcome=float(np.median(pairs / sizes)),
        peak_mib=resident_peak_mib(),
    )
    record.claim("sst2, C=1: median bound / size, single relabels", "at least 0.45", float(np.median(singles / sizes)))
    record.claim("sst2, C=1: median bound / size, with pairs", "-", float(np.median(pairs / sizes)))
    record.claim("sst2, C=1: largest bound", "above 2", int(pairs.max()))
    assert np.median(singles / sizes) >= 0.45
    assert np.median(pairs / sizes) >= 0.75
    assert pairs.max() == 3

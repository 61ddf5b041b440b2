"""`rw.repair`: twenty wrong predictions of texts at once, optima of small problems, a rate complaint about a group."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from measuring import Record, resident_peak_mib, show, stopwatch
from oracles import quiet_fit
from problems import problem
from repair_cases import repair_case
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw

pytestmark = [pytest.mark.benchmark, pytest.mark.data, pytest.mark.timeout(3600)]

N_WRONG, N_KEPT = 20, 50
SHARE_OF_UNION = 0.8
TIMES_CHANCE = 3.0


@pytest.mark.parametrize("name", ["sst2", "hate_speech", "agnews"])
def test_twenty_wrong_predictions_at_once(real_data: Callable[[str], pd.DataFrame], record: Record, name: str) -> None:
    """Right in scikit-learn's own refit, smaller than the union of their flip sets, and 1-minimal."""
    x, y, queries = problem(name, real_data)
    frame = real_data(name)
    truth = frame[frame["split"] == "test"]["label"].to_numpy()
    fit = rw.fit(x, y)
    predicted = fit.classes[fit.problem.predicted(fit.decision(queries))]
    rng = np.random.default_rng(0)
    wrong = np.sort(rng.choice(np.flatnonzero(predicted != truth), N_WRONG, replace=False))
    kept = np.sort(rng.choice(np.flatnonzero(predicted == truth), N_KEPT, replace=False))
    with stopwatch() as watch:
        found = rw.repair(fit, queries[wrong], truth[wrong], keep=queries[kept])
    sets = [rw.find_flip_set(fit, queries[[t]], target=truth[t]) for t in wrong]
    union = np.unique(np.concatenate([each.rows for each in sets]))
    labels = y.copy()
    labels[found.rows] = found.labels
    judge = quiet_fit(LogisticRegression(tol=1e-8, max_iter=10_000), x, labels)
    right = int((judge.predict(queries[wrong]) == truth[wrong]).sum())
    changed = int((judge.predict(queries[kept]) != predicted[kept]).sum())
    spared = 0
    for place in range(found.size):
        fewer = np.delete(np.arange(found.size), place)
        refit = fit.refit(found.rows[fewer], labels=found.labels[fewer])
        after = fit.classes[fit.problem.predicted(refit.decision(queries))]
        spared += bool((after[wrong] == truth[wrong]).all() and (after[kept] == predicted[kept]).all())
    share = found.size / len(union)
    record.add(
        f"repair of {N_WRONG}, {name}", seconds=watch.wall, cpu_seconds=watch.cpu, outcome=-share,
        peak_mib=resident_peak_mib(),
    )  # fmt: skip
    record.claim(f"repair of {N_WRONG} on {name} over the union of flip sets", f"<= {SHARE_OF_UNION}", f"{share:.2f}")
    show(
        f"{N_WRONG} wrong predictions of {name} at once, {N_KEPT} kept",
        ["", "rows", "union", "share", "right", "kept changed", "rows spared", "wall s", "CPU s"],
        [[name, found.size, len(union), share, right, changed, spared, watch.wall, watch.cpu]],
    )
    assert (right, changed, spared) == (N_WRONG, 0, 0)
    assert found.verified
    assert share <= SHARE_OF_UNION


def test_optima(record: Record) -> None:
    """Fifty small problems, two or three queries each, against every set of scikit-learn's own refits."""
    reached = proven = 0
    with stopwatch() as watch:
        for seed in range(50):
            case = repair_case(seed)
            found = rw.repair(case.fit, case.queries, case.wanted)
            reached += found.complete and case.holds(found.rows, found.labels)
            reached -= case.optimum(found.size - 1) < found.size
            proven += found.optimal
    record.add(
        "repairs of small problems", seconds=watch.wall, cpu_seconds=watch.cpu, outcome=reached / 50,
        peak_mib=resident_peak_mib(),
    )  # fmt: skip
    show("small problems, 2 or 3 queries", ["", "of 50"], [["optimum reached", reached], ["proven optimal", proven]])
    assert reached == 50


@pytest.mark.parametrize("state", ["Tamil_Nadu", "Gujarat", "Madhya_Pradesh"])
def test_a_rate_complaint_finds_the_biased_group(
    real_data: Callable[[str], pd.DataFrame], record: Record, state: str
) -> None:
    """Forty per cent of one state's good payers are labelled as defaulters: its test rows are accepted too seldom."""
    x, y, queries = problem("loan", real_data)
    frame = real_data("loan")
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    group, harmed = train["STATE"].to_numpy() == state, np.flatnonzero(test["STATE"].to_numpy() == state)
    good = np.flatnonzero(group & (y == 0))
    planted = np.random.default_rng(0).choice(good, int(0.4 * len(good)), replace=False)
    labels = y.copy()
    labels[planted] = 1
    fair = float((rw.fit(x, y).decision(queries[harmed]) <= 0).mean())
    fit = rw.fit(x, labels)
    with stopwatch() as watch:
        found = rw.repair(fit, queries[harmed], rw.Rate(np.arange(len(harmed)), 0, fair))
    share, chance = float(group[found.rows].mean()), float(group[labels == 1].mean())
    record.add(
        f"rate complaint, {state}", seconds=watch.wall, cpu_seconds=watch.cpu, outcome=share / chance,
        peak_mib=resident_peak_mib(),
    )  # fmt: skip
    accepted = float((fit.decision(queries[harmed]) <= 0).mean())
    show(
        f"{state}: accepted {accepted:.2f}, wanted {fair:.2f}",
        ["", "rows", "of the group", "by chance", "times", "planted", "wall s"],
        [[state, found.size, share, chance, share / chance, float(np.isin(found.rows, planted).mean()), watch.wall]],
    )
    assert found.verified
    assert found.complete
    assert share >= TIMES_CHANCE * chance

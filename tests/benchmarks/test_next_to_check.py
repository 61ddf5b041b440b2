"""What checking labels in some order repairs, beside other orders; and whether the stop rule's intervals hold.

The combination was chosen with seeds 0, 1 and 7 and then frozen. Seeds 2 to 4 of SST-2 and hate_speech had shown that
an earlier choice trusted the known rows too far; 5 and 6 were not looked at before. All orders see the same noisy fit;
half of the test rows are known to those that use them, the other half judges.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from measuring import show, stopwatch
from problems import problem
from scipy import sparse
from sklearn.model_selection import StratifiedKFold
from test_planted_errors import at_random, by_class

import relabel_widget as rw

pytestmark = [pytest.mark.benchmark, pytest.mark.data, pytest.mark.timeout(4 * 3600)]

Read = Callable[[str], pd.DataFrame]

SETS = ("sst2", "hate_speech", "loan", "agnews")
CHECKS = (100, 200, 300, 400, 500, 600, 700, 800)
AT = (100, 400, 800)
SEEDS = [int(seed) for seed in os.environ.get("RELABEL_WIDGET_SEEDS", "2,3,4,5,6").split(",")]
OURS = ("next_to_check", "suspects", "gain alone")


def data_of(name: str, read: Read) -> tuple[Any, np.ndarray, Any, np.ndarray]:
    """Training rows with their true classes, and test rows with theirs."""
    x, y, queries = problem(name, read)
    frame = read(name)
    classes, codes = np.unique(y, return_inverse=True)
    truth = np.searchsorted(classes, frame.loc[frame["split"] == "test", "label"])
    return sparse.csr_array(x, dtype=float), codes, sparse.csr_array(queries, dtype=float), truth


def noisy_labels(y: np.ndarray, kind: str, seed: int) -> np.ndarray:
    """A tenth of the labels wrong: at random, or 15 and 5 % of alternate classes."""
    return at_random(y, 0.1, seed)[0] if kind == "uniform" else by_class(y, (0.15, 0.05) * 2, seed)[0]


def proba_of(fit: rw.Fit, x: Any) -> np.ndarray:
    proba = fit.proba(x)
    return proba if proba.ndim == 2 else np.column_stack([1 - proba, proba])


def out_of_fold(x: Any, y: np.ndarray) -> np.ndarray:
    proba = np.empty((len(y), y.max() + 1))
    for rest, part in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
        proba[part] = proba_of(rw.fit(x[rest], y[rest]), x[part])
    return proba


def cleanlabs(y: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """Its ranked issues first, then all other rows by the same score."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    issues = find_label_issues(y, proba, return_indices_ranked_by="self_confidence", n_jobs=1)
    rest = np.argsort(get_label_quality_scores(y, proba, method="self_confidence"), kind="stable")
    return np.concatenate([issues, rest[~np.isin(rest, issues)]])


def self_influence(fit: rw.Fit) -> np.ndarray:
    """Rows by the product of squared residual and leverage without curvature."""
    own = proba_of(fit, fit.problem.design)[np.arange(fit.n_rows), fit.problem.labels.codes]
    curvature = np.maximum(own * (1 - own), 1e-12)
    return np.argsort(-np.square(1 - own) * rw.leverages(fit, probes=64) / curvature, kind="stable")


def orders(x: Any, y: np.ndarray, fit: rw.Fit, known: tuple[Any, np.ndarray]) -> dict[str, Any]:
    proba = out_of_fold(x, y)
    gain = rw.next_to_check(fit, *known)
    found = {
        "next_to_check": "next_to_check",
        "random": "random",
        "out of fold": np.argsort(proba[np.arange(len(y)), y], kind="stable"),
        "suspects": rw.suspects(fit)["row"].to_numpy(),
        "self-influence": self_influence(fit),
        "gain alone": gain.sort_values("gain", ascending=False)["row"].to_numpy(),
    }
    try:
        found["cleanlab"] = cleanlabs(y, proba)
    except ImportError:
        print("cleanlab is not installed: pip install 'relabel-widget[bench]'")
    return found


def half_of(x: Any, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """The half that `simulate_checking` lets an order know."""
    rows = np.sort(np.random.default_rng(0).permutation(len(y))[: len(y) // 2])
    return x[rows], y[rows]


@pytest.mark.parametrize("name", SETS)
def test_share_repaired(name: str, real_data: Read) -> None:
    x, y, queries, truth = data_of(name, real_data)
    behind: list[tuple[Any, ...]] = []
    at_400: dict[str, list[float]] = {}
    for kind in ("uniform", "by class"):
        repaired: dict[str, list[list[float]]] = {}
        halves: dict[str, list[float]] = {}
        for seed in SEEDS:
            noisy = noisy_labels(y, kind, seed)
            fit = rw.fit(x, noisy)
            mixed = np.random.default_rng(seed).permutation(len(truth))  # so that each seed has other rows to judge by
            tests, true = queries[mixed], truth[mixed]
            for order, rows in orders(x, noisy, fit, half_of(tests, true)).items():
                curve = rw.simulate_checking(fit, y, tests, true, order=rows, checks=CHECKS)
                repaired.setdefault(order, []).append([curve.at(number) for number in AT])
                halves.setdefault(order, []).append(curve.checks_for(0.5))
                print(name, kind, seed, order, np.round(repaired[order][-1], 3), halves[order][-1])
        means = {order: np.mean(each, axis=0) for order, each in repaired.items()}
        lines = [
            [order, *map(float, mean), float(np.median(np.nan_to_num(halves[order], nan=np.inf)))]
            for order, mean in means.items()
        ]
        show(f"{name}, {kind}, seeds {SEEDS}", ["share repaired after", *map(str, AT), "for half (median)"], lines)
        for column, number in enumerate(AT):
            for order, each in repaired.items():
                ahead = np.array(repaired["next_to_check"])[:, column] - np.array(each)[:, column]
                noise = ahead.std(ddof=1) / np.sqrt(len(ahead)) if len(ahead) > 1 else 0.0
                print(f"{name} {kind} {number}: ahead of {order} by {ahead.mean():.3f} +- {noise:.3f}")
                if ahead.mean() < -2.0 * noise - 1e-9:
                    behind.append((name, kind, number, order))
        for order, mean in means.items():
            at_400.setdefault(order, []).append(mean[1])
        if name == "sst2" and kind == "uniform" and not np.median(halves["next_to_check"]) <= 250:
            behind.append((name, kind, "half of the damage"))
    others = max(np.mean(each) for order, each in at_400.items() if order not in OURS)
    ratio = np.mean(at_400["next_to_check"]) / others
    print(f"{name}: {ratio:.2f} times the best of the others at 400")
    if name != "agnews" and ratio < 1.3:  # asked of three of the four sets
        behind.append((name, "1.3 times the others"))
    assert not behind


def test_reranks_in_a_second(real_data: Read) -> None:
    x, y, queries, truth = data_of("sst2", real_data)
    noisy = noisy_labels(y, "uniform", 2)
    fit, known = rw.fit(x, noisy), half_of(queries, truth)
    rows = rw.next_to_check(fit, *known, limit=100)["row"]
    with stopwatch() as watch:
        rw.next_to_check(fit, *known, decisions={row: y[row] for row in rows}, limit=100)
    show("Ranking again after 100 answers, SST-2", ["", "wall", "cpu"], [["seconds", watch.wall, watch.cpu]])
    assert watch.cpu < 1.0


def test_intervals_hold_the_true_number(real_data: Read) -> None:
    """Of 40 planted runs, 2 to 20 % wrong, after 0 to 400 checks in our order."""
    inside: dict[int, list[bool]] = {}
    lines = []
    for name in SETS:
        x, y, queries, truth = data_of(name, real_data)
        for rate in (0.02, 0.05, 0.1, 0.15, 0.2):
            for seed in SEEDS[:2]:
                noisy = at_random(y, rate, seed)[0]
                fit, known, wrong = rw.fit(x, noisy), half_of(queries, truth), int((noisy != y).sum())
                answers: dict[int, int] = {}
                cells: list[str] = []
                for number in (0, 100, 200, 400):
                    more = number - len(answers)
                    if more:
                        rows = rw.next_to_check(fit, *known, decisions=answers, limit=more)["row"]
                        answers.update({int(row): int(y[row]) for row in rows})
                    said = rw.checking_outlook(fit, *known, decisions=answers).wrong
                    inside.setdefault(number, []).append(said.low <= wrong <= said.high)
                    cells.append(str(said))
                lines.append([f"{name} {rate:.0%}, seed {seed}", wrong, *cells])
    show("Wrong labels: true, then estimates after so many checks", ["", "true", *map(str, inside)], lines)
    shares = {number: float(np.mean(each)) for number, each in inside.items()}
    print(f"inside the 90 % interval: {shares}")
    assert min(shares.values()) >= 0.8

"""What the audits see: planted noise in groups of training rows, planted bias against a group of applicants."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from measuring import Record, resident_peak_mib, show, stopwatch
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import relabel_widget as rw

pytestmark = [pytest.mark.benchmark, pytest.mark.data, pytest.mark.timeout(3600)]

Array = np.ndarray
SHARES = (0.0, 0.1, 0.2, 0.3)


def noisy(y: Array, share: float, seed: int = 0) -> Array:
    """Labels 0 and 1 with a share of them flipped; a larger share flips the same ones and more."""
    flipped = y.copy()
    flipped[np.random.default_rng(seed).permutation(len(y))[: round(share * len(y))]] ^= 1
    return flipped


def reviews(frame: pd.DataFrame) -> tuple[object, Array, object, Array]:
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    vectoriser = CountVectorizer(min_df=2)
    x = vectoriser.fit_transform(train["text"])
    return x, train["label"].to_numpy(), vectoriser.transform(test["text"]), test["label"].to_numpy()


def digits() -> tuple[Array, Array, Array, Array]:
    x, y = load_digits(return_X_y=True)
    of = np.isin(y, [3, 8])
    train, test, y_train, y_test = train_test_split(
        x[of], (y[of] == 8).astype(int), test_size=0.3, random_state=0, stratify=y[of]
    )
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), y_train, scaler.transform(test), y_test


@pytest.mark.parametrize("name", ["sst2", "digits"])
def test_means_fall_with_noise(name: str, real_data: Callable[[str], pd.DataFrame], record: Record) -> None:
    x, y, queries, _ = digits() if name == "digits" else reviews(real_data("sst2"))
    chosen = np.random.default_rng(0).choice(queries.shape[0], 100, replace=False)
    groups = {f"{share:.0%}": (x, noisy(y, share)) for share in SHARES}
    C = 0.003 if name == "digits" else 1.0  # digits, C = 1: a model that learns each label by heart, 3.2 4.4 3.6 2.8
    with stopwatch() as watch:
        audit = rw.noise_audit(groups, queries[chosen], C=C, permutations=0)
    means = audit.means["mean"].to_numpy()
    rows = [list(line) for line in zip(audit.means["group"], means, audit.means["median"], strict=True)]
    show(f"verified flip sets by label noise, {name}, C = {C:g}, 100 test rows", ["flipped", "mean", "median"], rows)
    record.add(
        f"noise means, {name}", seconds=watch.wall, cpu_seconds=watch.cpu, outcome=float(means[0] / means[-1]),
        peak_mib=resident_peak_mib(),
    )  # fmt: skip
    assert (np.diff(means) < 0).all()


def test_groups_of_reviews(real_data: Callable[[str], pd.DataFrame], record: Record) -> None:
    """Three random thirds of SST-2, the third with 10 % of its labels flipped; all 872 test rows, C = .2."""
    x, y, queries, truth = reviews(real_data("sst2"))
    lines, passed = [], {"group 2": 0, "group 3": 0}
    with stopwatch() as watch:
        for seed in range(5):
            rng = np.random.default_rng(seed)
            thirds = np.array_split(rng.permutation(len(y)), 3)
            labels = y.copy()
            labels[rng.choice(thirds[2], len(thirds[2]) // 10, replace=False)] ^= 1
            groups = {f"group {k + 1}": (x[rows], labels[rows]) for k, rows in enumerate(thirds)}
            audit = rw.noise_audit(
                groups, queries, truth, C=0.2, reference="group 1", permutations=299, method="first-order", seed=seed
            )
            tests = audit.tests.set_index("group")
            passed["group 2"] += tests.loc["group 2", "p"] > 0.05
            passed["group 3"] += tests.loc["group 3", "p_adjusted"] < 0.01
            lines.append([
                seed, *audit.means["mean"].tolist(), tests.loc["group 2", "p"], tests.loc["group 3", "p"],
                tests.loc["group 3", "p_adjusted"],
            ])  # fmt: skip
    show(
        "group 3 has 10 % of its labels flipped; p against group 1, by permuting training rows",
        ["seed", "mean 1", "mean 2", "mean 3", "p of 2", "p of 3", "p of 3, Holm"],
        lines,
    )
    record.add(
        "noise groups, sst2", seconds=watch.wall, cpu_seconds=watch.cpu, outcome=float(sum(passed.values())),
        peak_mib=resident_peak_mib(),
    )  # fmt: skip
    assert passed["group 3"] >= 4
    assert passed["group 2"] >= 4


def test_bias_on_loan(real_data: Callable[[str], pd.DataFrame], record: Record) -> None:
    """30 % of the car owners who paid back are called defaulters; 40 wrong test predictions of each group."""
    frame = real_data("loan")
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    columns = [column for column in frame.columns if column not in ("split", "label", "Id")]
    encoder = OneHotEncoder(handle_unknown="ignore").fit(train[columns].astype(str))
    x, queries = (encoder.transform(part[columns].astype(str)) for part in (train, test))
    y, truth = train["label"].to_numpy(), test["label"].to_numpy()
    rng = np.random.default_rng(0)
    biased = (train["Car_Ownership"] == "yes").to_numpy() & (y == 0) & (rng.uniform(size=len(y)) < 0.3)
    fit = rw.fit(x, np.where(biased, 1, y))
    wrong, owner = (fit.decision(queries) > 0) != (truth == 1), (test["Car_Ownership"] == "yes").to_numpy()
    chosen = np.concatenate([rng.permutation(np.flatnonzero(wrong & (owner == kind)))[:40] for kind in (False, True)])
    with stopwatch() as watch:
        audit = rw.group_audit(
            fit, queries[chosen], np.where(biased, "biased", "as it was"), y_query=truth[chosen],
            query_group=np.where(owner[chosen], "harmed", "others"), n_jobs=1,
        )  # fmt: skip
    share = audit.table[audit.table["train_group"] == "biased"].set_index("query_group")
    show(
        "loan, planted bias: share of flip set rows that were tampered with (verified sets)",
        ["", "sets", "share", "low", "high", "chance", "p, Holm"],
        [[name, *line[["sets", "share", "low", "high", "chance", "p_adjusted"]]] for name, line in share.iterrows()],
    )
    record.add(
        "bias, loan", seconds=watch.wall, cpu_seconds=watch.cpu,
        outcome=float(share.loc["harmed", "share"]), peak_mib=resident_peak_mib(),
    )  # fmt: skip
    assert share.loc["harmed", "share"] >= 2.5 * share.loc["others", "share"]
    assert share.loc["harmed", "p_adjusted"] < 0.05

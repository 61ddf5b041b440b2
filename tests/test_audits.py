"""Noise audit, group audit and robustness, against enumeration, counts by hand and exhaustive search."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from oracles import DenseProblem, batch_margins, random_case
from scipy import sparse
from sklearn.linear_model import SGDClassifier

import relabel_widget as rw
from relabel_widget import monitor as progress
from relabel_widget.audit.noise import adjusted_p, least_sums, score
from relabel_widget.audit.settings import stacked
from relabel_widget.design import as_design

Array = np.ndarray


def rows_of(n: int, seed: int, noise: float = 0.0, p: int = 6) -> tuple[Array, Array]:
    """A clean linear problem, then a share of its labels flipped."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    y = (x @ np.linspace(1, 2, p) + 0.5 * rng.normal(size=n) > 0).astype(int)
    y[rng.choice(n, round(noise * n), replace=False)] ^= 1
    return x, y


QUERIES, TRUTH = rows_of(40, 99)


@pytest.fixture(scope="module")
def audit() -> rw.NoiseAudit:
    groups = {"a": rows_of(150, 0), "b": rows_of(190, 1), "c": rows_of(150, 2, noise=0.25)}
    return rw.noise_audit(groups, QUERIES, TRUTH, reference="a", permutations=99, n_jobs=1)


def test_noise_is_seen_and_clean_groups_are_alike(audit: rw.NoiseAudit) -> None:
    tests = audit.tests.set_index("group")
    assert list(tests.index) == ["b", "c"]
    assert tests.loc["c", "p_adjusted"] == pytest.approx(0.02)  # the least that two comparisons of 99 can give
    assert tests.loc["c", "difference"] < 0
    assert tests.loc["b", "p_adjusted"] > 0.05
    means = audit.means.set_index("group")
    assert means.loc["c", "mean"] < 0.8 * means.loc["a", "mean"]
    assert "c is easier to flip than a" in repr(audit)
    assert "four times out of five" in audit.power


def test_noise_sizes_are_those_of_models_of_equal_draws(audit: rw.NoiseAudit) -> None:
    assert audit.means["rows"].tolist() == [150, 190, 150]
    assert len(set(audit.means["drawn"])) == 1
    for name, sizes in audit.sizes.groupby("group"):
        assert sizes["size"].mean() == pytest.approx(audit.means.set_index("group").loc[name, "mean"])
    x, y = rows_of(60, 5)
    whole = rw.noise_audit({"all": (x, y)}, QUERIES, permutations=0, n_jobs=1)  # one group: nothing is left out
    expected = [each.size for each in rw.find_flip_sets(rw.fit(x, y), QUERIES)]
    assert whole.sizes["size"].tolist() == expected
    assert whole.power == "One group: nothing to compare."


def test_noise_of_a_fit_is_noise_of_its_rows() -> None:
    x, y = rows_of(120, 6)
    names = np.array(["u", "v", "v"] * 40)
    settings: dict[str, Any] = {"permutations": 19, "method": "first-order"}
    one = rw.noise_audit(names, QUERIES, TRUTH, fit=rw.fit(x, y, 0.3), **settings)
    other = rw.noise_audit(
        {name: (x[names == name], y[names == name]) for name in "uv"}, QUERIES, TRUTH, C=0.3, **settings
    )
    assert one.means["drawn"].tolist() == other.means["drawn"].tolist()
    assert one.means["rows"].tolist() == [40, 80]
    sparse_groups = {name: (sparse.csr_array(x[names == name]), y[names == name]) for name in "uv"}
    again = rw.noise_audit(sparse_groups, QUERIES, TRUTH, C=0.3, **settings)
    pd.testing.assert_frame_equal(other.tests, again.tests)


def test_noise_p_value_against_all_permutations() -> None:
    """Tiny groups, all ways to deal rows within each class, models and sizes by dense brute force."""
    pairs = [rows_of(14, seed, p=2) for seed in (7, 8)]
    x, y = np.vstack([pairs[0][0], pairs[1][0]]), np.concatenate([pairs[0][1], pairs[1][1]])
    group = np.repeat([0, 1], 14)
    kept = [[np.flatnonzero((group == g) & (y == c))[:3] for c in (0, 1)] for g in (0, 1)]  # 3 rows of each class
    x, y = np.vstack([x[np.concatenate(rows)] for rows in kept]), np.tile([0, 0, 0, 1, 1, 1], 2)
    queries, truth = QUERIES[:, :2], TRUTH
    whole = DenseProblem.of(x, y, 1.0, 0.5 * np.ones(12))
    pulls = whole.z @ np.linalg.solve(whole.hessian(whole.fit()), whole.extended(queries).T)

    def brute(rows: Array) -> float:
        margins = whole.extended(queries) @ DenseProblem.of(x[rows], y[rows]).fit()
        total = 0.0
        for t, margin in enumerate(margins):
            gains = sorted((2 * y[rows] - 1) * pulls[rows, t] * np.sign(margin), reverse=True)
            sums = np.cumsum(gains)
            size = int(np.argmax(sums >= abs(margin))) + 1 if (sums >= abs(margin)).any() else len(rows)
            total += np.log2(1 + size) * (1 if (margin > 0) == truth[t] else -1)
        return total / len(margins)

    zeros, ones = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    differences = {}
    for a in combinations(zeros, 3):
        for b in combinations(ones, 3):
            first = np.array(a + b)
            differences[a + b] = brute(first) - brute(np.setdiff1d(np.arange(12), first))
    seen = differences[(0, 1, 2, 3, 4, 5)]
    exact = np.mean([abs(each) >= abs(seen) - 1e-9 for each in differences.values()])
    groups = {"a": (x[:6], y[:6]), "b": (x[6:], y[6:])}
    test = rw.noise_audit(groups, queries, truth, permutations=300, method="first-order").tests.iloc[0]
    assert test["difference"] == pytest.approx(seen, abs=1e-9)
    # it stops after 20 as extreme: the relative error of p is about 1 / sqrt(20)
    assert test["p"] == pytest.approx(exact, rel=0.7)
    assert 0.02 < exact < 0.98


def test_noise_says_when_it_has_no_power() -> None:
    groups = {name: rows_of(40, seed) for seed, name in enumerate("abc")}
    few = rw.noise_audit(groups, QUERIES[:8], permutations=9, method="first-order")
    assert "so few permutations" in few.power
    assert few.tests["verdict"].str.endswith("no power to tell").all()
    tiny = rw.noise_audit(
        {name: rows_of(30, seed, noise=0.5) for seed, name in enumerate("ab")},
        QUERIES,
        TRUTH,
        permutations=99,
        n_jobs=1,
    )
    assert "more than the scores themselves" in tiny.power


def test_corrections_by_hand() -> None:
    p = np.array([0.04, 0.01, 0.03])
    assert adjusted_p(p, "holm") == pytest.approx([0.06, 0.03, 0.06])
    assert adjusted_p(p, "fdr") == pytest.approx([0.04, 0.03, 0.04])
    assert len(adjusted_p(p[:0], "fdr")) == 0


def test_least_sums_against_sorting() -> None:
    rng = np.random.default_rng(0)
    gains, needs = rng.normal(size=(50, 300)), rng.uniform(0, 260, size=50) ** 1.0
    expected = [
        next((k for k in range(1, 301) if np.sort(line)[::-1][:k].sum() >= need), 300)
        for line, need in zip(gains, needs, strict=True)
    ]
    assert least_sums(gains, needs).tolist() == expected
    assert max(expected) == 300
    assert min(expected) < 64


def test_score_counts_wrong_predictions_against_the_model() -> None:
    sizes, predicted = np.array([1.0, 3.0, np.nan]), np.array([1, 0, 1])
    assert score(sizes, predicted, None) == pytest.approx(1.5)
    assert score(sizes, predicted, np.array([1, 1, 0], dtype=np.int8)) == pytest.approx(-0.5)


# --- groups


def planted() -> tuple[rw.Fit, Array, Array, Array, Array]:
    """Rows of two kinds; 40 % of the zeros of kind 1 are called ones. Returns fit, biased rows, queries."""
    rng = np.random.default_rng(0)
    x, y = rows_of(400, 3)
    x[:, 0] = rng.integers(0, 2, 400)
    y = (x[:, 1:] @ np.ones(5) + 0.3 * rng.normal(size=400) > 0).astype(int)
    biased = (x[:, 0] == 1) & (y == 0) & (rng.uniform(size=400) < 0.4)
    queries = rng.normal(size=(200, 6))
    queries[:, 0] = rng.integers(0, 2, 200)
    truth = (queries[:, 1:] @ np.ones(5) > 0).astype(int)
    return rw.fit(x, np.where(biased, 1, y)), biased, queries, truth, queries[:, 0]


def audited_rows(fit: rw.Fit, queries: Array) -> Array:
    return np.concatenate([each.rows for each in rw.find_flip_sets(fit, queries, n_jobs=1)])


def test_group_shares_against_counts_by_hand() -> None:
    fit, biased, queries, truth, kind = planted()
    audit = rw.group_audit(fit, queries, biased, query_group=kind, y_query=truth, resamples=499, n_jobs=1)
    wrong = np.flatnonzero((fit.decision(queries) > 0) != (truth == 1))
    assert audit.n_audited == len(wrong)
    shares: dict[float, list[float]] = {0.0: [], 1.0: []}
    chances: dict[float, list[float]] = {0.0: [], 1.0: []}
    for t in wrong:
        rows = rw.find_flip_set(fit, queries[t]).rows
        shares[kind[t]].append(np.mean([biased[row] for row in rows]))
        same = Counter(fit.y[rows].tolist())
        chances[kind[t]].append(sum(n * biased[fit.y == label].mean() for label, n in same.items()) / len(rows))
    table = audit.table.set_index(["query_group", "train_group"])
    for group in (0.0, 1.0):
        line = table.loc[(group, True)]
        assert line["sets"] == len(shares[group])
        assert line["share"] == pytest.approx(np.mean(shares[group]))
        assert line["chance"] == pytest.approx(np.mean(chances[group]))
        assert line["low"] <= line["share"] <= line["high"]
        assert line["share"] + table.loc[(group, False), "share"] == pytest.approx(1)
    ratio = audit.ratios.set_index("train_group")["ratio"]
    assert ratio[False] == pytest.approx((1 - np.mean(shares[1.0])) / (1 - np.mean(shares[0.0])))
    assert ratio[True] == pytest.approx(np.mean(shares[1.0]) / np.mean(shares[0.0]))
    assert "flip sets of" in repr(audit)
    often = np.bincount(audited_rows(fit, queries[wrong]), minlength=fit.n_rows) >= 3
    seen = rw.group_audit(fit, queries, often, y_query=truth, resamples=499, n_jobs=1).table.set_index("train_group")
    assert seen.loc[True, "p_adjusted"] == pytest.approx(2 / 500)
    assert seen.loc[True, "times_chance"] > 1.5


def test_group_chance_and_p_against_all_permutations() -> None:
    """Eight rows: every way to give two of each label's four to a group."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(8, 2)), np.array([0, 0, 0, 0, 1, 1, 1, 1])
    fit = rw.fit(x, y)
    group = np.array(["g", "g", "h", "h", "g", "h", "g", "h"])
    queries = rng.normal(size=(5, 2))
    sets = rw.find_flip_sets(fit, queries)
    audit = rw.group_audit(fit, queries, group, flip_sets=sets, resamples=4000)

    def mean_share(members: set[int]) -> float:
        return float(np.mean([np.mean([row in members for row in each.rows]) for each in sets]))

    all_shares = [mean_share({*a, *b}) for a in combinations(range(4), 2) for b in combinations(range(4, 8), 2)]
    line = audit.table.iloc[0]
    assert line["chance"] == pytest.approx(np.mean(all_shares))
    assert line["share"] == pytest.approx(mean_share(set(np.flatnonzero(group == "g").tolist())))
    away = abs(line["share"] - line["chance"]) - 1e-9
    exact = np.mean([abs(each - line["chance"]) >= away for each in all_shares])
    assert line["p"] == pytest.approx(exact, abs=0.03)


def test_group_intervals_cover_the_mean_of_the_source() -> None:
    """Shares drawn from a known source: intervals of 30 sets hold its mean about 95 times of 100."""
    from relabel_widget.audit.groups import _interval

    rng = np.random.default_rng(2)
    held = sum(
        low <= 0.3 <= high
        for low, high in (_interval(rng.binomial(5, 0.3, size=30) / 5, 0.05, 999, rng) for _ in range(300))
    )
    assert 270 <= held <= 297
    assert np.isnan(_interval(np.array([0.4]), 0.05, 99, rng)).all()


# --- robustness


def test_curve_against_exhaustive_search() -> None:
    case = random_case(3, n=14, p=2, C=1.0)
    queries = np.random.default_rng(4).normal(size=(12, 2))
    fit = rw.fit(case.x, case.y)
    optimum = []
    for query in queries:
        before = fit.decision(query[None])[0] > 0
        sizes = (
            k
            for k in range(1, 15)
            if (
                (batch_margins(case.dense, np.array(list(combinations(range(14), k))), "relabel", query, 0.0) > 0)
                != before
            ).any()
        )
        optimum.append(next(sizes))
    curve = rw.robustness_curve(fit, queries, bound=rw.remainder_bound(fit))
    for k in range(6):
        least, most = curve.at(k)
        assert least <= np.mean(np.array(optimum) <= k) <= most
        assert least == np.mean(np.array(optimum) <= k)  # the search finds the optimum on problems of this size
    table = curve.table
    assert table["k"].iloc[0] == 0
    assert (table["flip_at_least"] <= table["flip_at_most"]).all()
    assert table["flip_at_least"].is_monotonic_increasing
    assert (table["flip_at_least"] + table["stand_at_most"]).to_numpy() == pytest.approx(1)
    for line in table.itertuples():
        assert (line.flip_at_least, line.flip_at_most) == pytest.approx(curve.at(line.k))
    assert "k = 1:" in repr(curve)


def test_without_lower_bounds_nothing_is_called_proven(tmp_path: Path) -> None:
    fit = rw.fit(*rows_of(60, 0))
    sets = rw.find_flip_sets(fit, QUERIES[:6])
    without = rw.robustness_curve(fit, None, flip_sets=[replace(each, lower_bound=1) for each in sets])
    proven = rw.robustness_curve(fit, None, flip_sets=[replace(each, lower_bound=each.size) for each in sets])
    assert (without.bounded, proven.bounded) == (False, True)
    assert "k = 1: at least 33%" in repr(without)
    drawn, drawn_proven = (
        rw.save_chart(curve.chart(), tmp_path / f"{k}.svg").read_text() for k, curve in enumerate((without, proven))
    )
    assert "provably" not in drawn
    assert "undecided" not in drawn
    assert "no lower bounds known: more may flip" in drawn
    assert "provably" in drawn_proven
    assert "undecided" in drawn_proven


def test_progress_is_printed_if_asked_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PAUSE", 0.0)  # all that is told is written
    x, y = rows_of(60, 0)
    fit, group = rw.fit(x, y), np.where(np.arange(60) % 2, "odd", "even")
    calls = [
        lambda **more: rw.noise_audit(group, QUERIES[:6], fit=fit, permutations=30, method="first-order", **more),
        lambda **more: rw.group_audit(fit, QUERIES[:6], group, resamples=9, **more),
        lambda **more: rw.robustness_curve(fit, QUERIES[:6], **more),
    ]
    said = []
    for call in calls:
        call()
        assert capsys.readouterr().err == ""
        call(progress=True)
        said.append(capsys.readouterr().err.splitlines())
    assert [lines[0] for lines in said] == [""] * 3  # each report begins with a carriage return
    noise, groups, curve = ([line for line in lines if line.endswith(" 6")] for lines in said)
    assert noise == [f"finding flip sets: {k} of 6" for k in range(1, 7)] * 2
    assert groups == curve == noise[:6]
    permuted = [line for line in said[0] if line.startswith("permuting rows between even and odd: ")]
    assert 20 <= len(permuted) <= 30
    assert permuted[-1].endswith(f"{len(permuted)} of 30")


def test_what_was_not_found_never_counts_as_flipped() -> None:
    fit = rw.fit(*rows_of(60, 0))
    sets = rw.find_flip_sets(fit, QUERIES[:6], budget=0)
    assert not any(each.found for each in sets)
    curve = rw.robustness_curve(fit, None, flip_sets=sets)
    assert curve.at(60) == (0.0, 1.0)


def test_sets_that_the_estimator_contradicts_never_count_as_flipped() -> None:
    """Nor do they end the audit: one of them among many queries is nothing unusual."""
    x, y = rows_of(60, 0)
    few_steps = SGDClassifier(loss="log_loss", max_iter=1, tol=None, learning_rate="constant", eta0=5.0, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rw.AdoptionWarning)
        fit = rw.adopt(few_steps.fit(x, y), x, y)
    sets = rw.find_flip_sets(fit, QUERIES[:12])
    confirmed = np.array([each.verified for each in sets])
    assert {each.outcome for each in sets if not each.verified} == {rw.Outcome.CONTRADICTED}
    assert confirmed.any()
    assert rw.robustness_curve(fit, QUERIES[:12]).at(60)[0] == confirmed.mean()


# --- pictures


def test_pictures_name_their_axes_and_are_drawn(audit: rw.NoiseAudit, tmp_path: Path) -> None:
    fit, biased, queries, truth, kind = planted()
    groups = rw.group_audit(fit, queries, biased, query_group=kind, y_query=truth, resamples=99, n_jobs=1)
    curve = rw.robustness_curve(fit, queries[:10], n_jobs=1)
    titles = {
        "noise": (audit.chart(), ["Flip set size (training rows to edit, log scale)", "Training group"]),
        "groups": (groups.chart(), ["Share of the rows of a flip set (mean over sets)"]),
        "curve": (
            curve.chart(),
            ["Training rows relabelled, k (log scale)", "Share of test predictions that flip with at most k"],
        ),
    }
    for name, (chart, words) in titles.items():
        path = rw.save_chart(chart, tmp_path / f"{name}.svg")
        drawn = path.read_text()
        assert all(each in drawn for each in words), name


def test_picture_of_groups_with_hostile_names(tmp_path: Path) -> None:
    fit, biased, queries, truth, _ = planted()
    names = np.where(biased, "a' || true || \"", "<b>\\")
    chart = rw.group_audit(fit, queries, names, y_query=truth, resamples=9, n_jobs=1).chart()
    drawn = rw.save_chart(chart, tmp_path / "x.svg").read_text()
    assert "<b>" not in drawn
    assert "&lt;b&gt;" in drawn


# --- what is refused


X, Y = rows_of(30, 0)
FIT = rw.fit(X, Y)
TWO = {"a": (X, Y), "b": (X, Y)}


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: rw.noise_audit(["a"] * 30, X), TypeError, "expected fit along with each row's group"),
        (lambda: rw.noise_audit({}, X), ValueError, "at least one group, got none"),
        (lambda: rw.noise_audit({"a": X}, X), TypeError, r"expected \(X, y\) for group 'a', got ndarray"),
        (lambda: rw.noise_audit({"a": (X, Y[:5])}, X), ValueError, "expected one label for each of the 30 rows"),
        (lambda: rw.noise_audit({**TWO, "c": (X[:, :2], Y)}, X), ValueError, "same columns in every group"),
        (lambda: rw.noise_audit(TWO, X, reference="c"), ValueError, "expected reference to be one of"),
        (lambda: rw.noise_audit(TWO, X, permutations=-1), ValueError, "permutations: expected a whole number"),
        (lambda: rw.noise_audit(TWO, X, seed=0.5), ValueError, "seed: expected a whole number"),
        (lambda: rw.noise_audit(TWO, X, level=1), ValueError, "expected level strictly between 0 and 1"),
        (lambda: rw.noise_audit(TWO, X, correction="none"), ValueError, 'expected correction "holm" or "fdr"'),
        (lambda: rw.noise_audit(Y, X, fit=FIT), ValueError, "rows of both classes in every group"),
        (lambda: rw.noise_audit(TWO, X, budget=0), ValueError, "none of the 30 queries has a flip set"),
        (lambda: rw.noise_audit(Y[:3], X, fit=FIT), ValueError, "expected one group for each of 30 rows"),
        (lambda: rw.noise_audit([None, *"a" * 29], X, fit=FIT), ValueError, "got 1 missing, in row 0"),
        (lambda: rw.noise_audit([*"ab" * 14, np.nan, "a"], X, fit=FIT), ValueError, "got 1 missing, in row 28"),
        (lambda: rw.noise_audit(pl.Series([*"ab" * 14, None, "a"]), X, fit=FIT), ValueError, "missing, in row 28"),
        (lambda: rw.noise_audit(TWO, X, [2] * 30), ValueError, r"noise_audit: y_query: .* got the labels \[2\]"),
        (
            lambda: rw.noise_audit(["a", "b"] * 15, X[:0], fit=FIT),
            ValueError,
            "noise_audit: X_query: expected at least one",
        ),
        (
            lambda: rw.noise_audit(np.array([1, *"a" * 29], dtype=object), X, fit=FIT),
            TypeError,
            "expected groups of one type, got int, str",
        ),
        (lambda: rw.group_audit(FIT, X, Y, correction="none"), ValueError, 'expected correction "holm" or "fdr"'),
        (lambda: rw.group_audit(FIT, X, Y, resamples=0), ValueError, "resamples: expected a whole number"),
        (lambda: rw.group_audit(FIT, X, Y, flip_sets=[]), ValueError, "one flip set for each of 30 queries"),
        (lambda: rw.group_audit(FIT, X, Y, budget=0), ValueError, "none of the 30 queries has a flip set"),
        (
            lambda: rw.group_audit(FIT, X, Y, y_query=(FIT.decision(X) > 0).astype(int)),
            ValueError,
            "no query is misclassified",
        ),
        (lambda: rw.robustness_curve(FIT, X, flip_sets=[]), ValueError, "expected at least one query"),
        (
            lambda: rw.robustness_curve(FIT, X, flip_sets=rw.find_flip_sets(FIT, X[:3], method="first-order")),
            ValueError,
            "got 3 of another method",
        ),
    ],
)
def test_misuse_is_explained(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


def test_queries_may_all_be_of_one_true_class() -> None:
    """Who audits the rejected alone has one class; only a model needs both."""
    wrong = rw.group_audit(FIT, X, ["a", "b"] * 15, y_query=np.ones(30, int), resamples=9, n_jobs=1)
    assert sorted(set(wrong.shares["query"])) == np.flatnonzero(FIT.decision(X) < 0).tolist()
    assert len(rw.noise_audit(TWO, X[Y == 0], Y[Y == 0], permutations=9, n_jobs=1).means) == 2


def test_a_cancelled_audit_stops() -> None:
    monitor = rw.Monitor()
    monitor.cancel()
    with pytest.raises(rw.Cancelled):
        rw.noise_audit(TWO, X, monitor=monitor)


def test_stacked_keeps_rows_in_order() -> None:
    both = stacked([as_design(X, who=""), as_design(sparse.csr_array(X[:3]), who="")], who="test")
    assert both.to_dense() == pytest.approx(np.vstack([X, X[:3]]))

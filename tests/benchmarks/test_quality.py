"""Verified flip sets beside Algorithm 1, on fifteen problems; scikit-learn's own refit confirms each set.

The paper's Table 1, for comparison: its algorithm finds a set for 61 to 100 % of the rows, and 39 to 87 % of its sets
flip the prediction on retraining.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from measuring import Record, show, stopwatch
from oracles import quiet_fit
from problems import problem
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

import relabel_widget as rw
from relabel_widget.evidence import solved_factors
from relabel_widget.question import Question
from relabel_widget.search.flip_set import Budget
from relabel_widget.search.refit import Context
from relabel_widget.search.refits import Refits, Spending
from relabel_widget.search.responses import RowResponses
from relabel_widget.search.settings import settings_for

pytestmark = [pytest.mark.benchmark, pytest.mark.data, pytest.mark.timeout(3600)]

# name: (data, C, threshold, mean size of the prototype that this search must not exceed)
CASES: dict[str, tuple[str, float, float, float]] = {
    "sst2, C=1": ("sst2", 1.0, 0.5, 4.23),
    "sst2, C=.1": ("sst2", 0.1, 0.5, 9.28),
    "sst2, C=.01": ("sst2", 0.01, 0.5, 21.69),
    "hate_speech, C=1, threshold .25": ("hate_speech", 1.0, 0.25, 5.45),
    "loan, C=1": ("loan", 1.0, 0.5, 4.13),
    "loan, C=.1": ("loan", 0.1, 0.5, 6.83),
    "a9a, C=1": ("a9a", 1.0, 0.5, 1.02 * 262.97),
    "breast_cancer, C=1": ("breast_cancer", 1.0, 0.5, 10.54),
    "digits 3/8, C=1": ("digits", 1.0, 0.5, 3.31),
    # no prototype saw these
    "long documents, C=1": ("long documents", 1.0, 0.5, np.inf),
    "long documents, C=.01": ("long documents", 0.01, 0.5, np.inf),
    "grey images 8 x 8, C=1": ("grey images 8", 1.0, 0.5, np.inf),
    "grey images 28 x 28, C=1": ("grey images 28", 1.0, 0.5, np.inf),
    "grey images 8 x 8, odd or even, C=1": ("grey images 8 all", 1.0, 0.5, np.inf),
    "grey images 28 x 28, odd or even, C=1": ("grey images 28 all", 1.0, 0.5, np.inf),
}


def refitted(x: Any, y: np.ndarray, query: Any, rows: np.ndarray, C: float) -> float:
    """The query's log-odds in scikit-learn's own refit on the edited labels."""
    edited = y.copy()
    edited[rows] = 1 - edited[rows]
    solver = "newton-cholesky" if x.shape[1] < 500 else "lbfgs"
    model = LogisticRegression(C=C, tol=1e-10, max_iter=20_000, solver=solver)
    return float(quiet_fit(model, x, edited).decision_function(query)[0])


HEADER = ["", "method", "found", "flips", "mean", "median", "largest", "s/set", "of one lbfgs fit", "of so many steps"]
PAPER = ["the paper's Table 1", "Algorithm 1", "61-100 %", "39-87 %", *["-"] * 6]


@pytest.fixture(scope="module")
def lines(repository: Path) -> Iterator[list[list[Any]]]:
    """Three lines a case, for the one table that the last case is followed by."""
    kept: list[list[Any]] = []
    yield kept
    show(
        "Verified flip sets beside Algorithm 1; 100 queries a line, or all there are; BLAS on one thread",
        HEADER,
        [PAPER, *kept],
    )
    frame = pd.DataFrame([PAPER, *kept], columns=HEADER)
    artifacts = repository / "tests" / "artifacts"
    artifacts.mkdir(exist_ok=True)
    frame.to_csv(artifacts / "quality.csv", index=False)


@dataclass(frozen=True)
class Outcomes:
    """What a method found for each query, whether the refit flips, and seconds a set."""

    sets: list[rw.FlipSet]
    flips: np.ndarray
    seconds: float

    def line(self, case: str, method: str, lbfgs: float, steps: int) -> list[Any]:
        m, sizes = len(self.sets), [each.size for each in self.sets if each.found]
        spread = [float(f(sizes)) if sizes else float("nan") for f in (np.mean, np.median, np.max)]
        shares = [f"{100 * np.mean([each.found for each in self.sets]):.0f} %", f"{100 * self.flips.sum() / m:.0f} %"]
        return [case, method, *shares, *spread, self.seconds, self.seconds / lbfgs, steps]


def verified_sets(fit: rw.Fit, x: Any, y: np.ndarray, queries: Any, threshold: float) -> Outcomes:
    """Each query on its own; scikit-learn's refit says whether it flips."""
    found, walls = [], []
    for t in range(queries.shape[0]):
        with stopwatch() as watch:
            found.append(rw.find_flip_set(fit, queries[[t]], threshold=threshold))
        walls.append(watch.wall)
    after = np.array([refitted(x, y, queries[[t]], each.rows, fit.C) for t, each in enumerate(found)])
    flips = (after > logit(threshold)) != (fit.decision(queries) > logit(threshold))
    return Outcomes(found, flips, float(np.median(walls)))


def first_order_sets(fit: rw.Fit, queries: Any, threshold: float) -> Outcomes:
    """All queries at once; our refit on fresh labels says whether each flips."""
    with stopwatch() as watch:
        sets = rw.find_flip_sets(fit, queries, threshold=threshold, method="first-order")
    flips = [
        each.found and bool(rw.verify(fit, each.rows, queries[[t]], threshold=threshold).flipped[0])
        for t, each in enumerate(sets)
    ]
    return Outcomes(sets, np.array(flips), watch.wall / len(sets))


def seconds_if_known(fit: rw.Fit, queries: Any, threshold: float, sets: list[rw.FlipSet]) -> float:
    """The median time of what no search can spare: a first ranking, the set's own refit, and its confirmation."""
    walls = []
    for t, each in enumerate(sets):
        with stopwatch() as watch:
            design = fit.design_of(queries[[t]], who="query")
            query = fit.problem.extended_rows(design)[:, 0]
            (factor,) = solved_factors(fit, query[:, None], rtol=1e-2).columns()
            question = Question(fit, query, float(logit(threshold)), each.edit, np.arange(fit.n_rows))
            context = Context(question, settings_for(fit.problem.design), RowResponses(fit))
            refits = Refits(context, factor, Spending(Budget()))
            margin = refits.confirmed_margin(refits.at(each.rows, refits.base))
        assert margin < 0
        walls.append(watch.wall)
    return float(np.median(walls))


@pytest.mark.parametrize("case", CASES)
def test_sizes(case: str, real_data: Callable[[str], pd.DataFrame], record: Record, lines: list[list[Any]]) -> None:
    name, C, threshold, prototype = CASES[case]
    x, y, queries = hundred(name, real_data)
    with threadpool_limits(1, user_api="blas"):
        fit = rw.fit(x, y, C)
        with stopwatch() as lbfgs:
            steps = int(quiet_fit(LogisticRegression(C=C, tol=1e-8, max_iter=20_000), x, y).n_iter_[0])
        ours = verified_sets(fit, x, y, queries, threshold)
        known = seconds_if_known(fit, queries, threshold, ours.sets)
        theirs = first_order_sets(fit, queries, threshold)
    lines += [
        theirs.line(case, "Algorithm 1", lbfgs.wall, steps),
        ours.line(case, "verified", lbfgs.wall, steps),
        [case, "the same, if known", *["-"] * 5, known, known / lbfgs.wall, steps],
    ]
    sizes = np.array([each.size for each in ours.sets])
    record.add(f"sizes, {case}", seconds=ours.seconds, cpu_seconds=ours.seconds, outcome=-sizes.mean(), peak_mib=0.0)
    mean = sizes[: 74 if name == "a9a" else 100].mean()  # the prototype's figure for a9a is over the first 74 rows
    record.claim(f"{case}: sets that scikit-learn confirms", f"{len(sizes)}", f"{int(ours.flips.sum())}")
    record.claim(f"{case}: Algorithm 1's sets that flip", "-", f"{int(theirs.flips.sum())}")
    record.claim(f"{case}: mean size", f"at most {prototype:.2f}", float(mean))
    record.claim(f"{case}: median set, of one lbfgs fit", "1/50 (sst2), 1/3", ours.seconds / lbfgs.wall)
    record.claim(f"{case}: its refit and confirmation alone, of one lbfgs fit", "-", known / lbfgs.wall)
    assert all(each.verified for each in ours.sets)
    assert ours.flips.all()
    larger = [t for t, each in enumerate(theirs.sets) if theirs.flips[t] and each.size < sizes[t]]
    assert larger == [], "Algorithm 1 has a smaller set that flips"
    assert mean <= prototype + 0.005


def hundred(name: str, real_data: Callable[[str], pd.DataFrame]) -> tuple[Any, np.ndarray, Any]:
    x, y, test = problem(name, real_data)
    n_test = test.shape[0]
    return x, y, test[np.random.default_rng(0).choice(n_test, min(100, n_test), replace=False)]


@pytest.mark.parametrize("case", ["sst2, C=1", "sst2, C=.1", "loan, C=.1", "breast_cancer, C=1", "digits 3/8, C=1"])
def test_no_row_can_be_left_out(case: str, real_data: Callable[[str], pd.DataFrame], record: Record) -> None:
    """A hundred sets a case: a full refit without any one row does not flip."""
    name, C, threshold, _ = CASES[case]
    x, y, queries = hundred(name, real_data)
    fit = rw.fit(x, y, C)
    refits = still_flipping = 0
    for t, found in enumerate(rw.find_flip_sets(fit, queries, threshold=threshold)):
        for place in range(found.size):
            fewer = rw.verify(fit, np.delete(found.rows, place), queries[[t]], threshold=threshold)
            refits, still_flipping = refits + 1, still_flipping + int(fewer.flipped[0])
    print(f"\n{case}: {refits} refits of sets without one row; {still_flipping} still flip")
    record.claim(f"{case}: sets without one row that still flip", f"0 of {refits}", still_flipping)
    assert still_flipping == 0


def test_many_queries_against_a_loop(real_data: Callable[[str], pd.DataFrame], record: Record) -> None:
    """All of SST-2's test rows at once, on all cores, against one after another."""
    x, y, test = problem("sst2", real_data)
    fit = rw.fit(x, y)
    with stopwatch() as loop:
        one_by_one = [rw.find_flip_set(fit, test[[t]]) for t in range(test.shape[0])]
    for workers in ("workers to be started", "workers at hand"):
        with stopwatch() as together:
            at_once = rw.find_flip_sets(fit, test)
        ratio = together.wall / loop.wall
        print(f"\nloop {loop.wall:.1f} s, at once ({workers}) {together.wall:.1f} s, ratio {ratio:.2f}")
        record.claim(f"sst2, C=1: all test rows at once, {workers}, of a loop", "1/2", ratio)
        assert all(np.array_equal(a.rows, b.rows) for a, b in zip(one_by_one, at_once, strict=True))

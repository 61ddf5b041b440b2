"""Rankings on SST-2 beside SciPy's conjugate gradients and the published steps with a dense inverse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from measuring import Record, peak_mib, show, stopwatch
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.feature_extraction.text import CountVectorizer
from threadpoolctl import threadpool_limits

import relabel_widget as rw
from relabel_widget.influence import factors

pytestmark = [pytest.mark.benchmark, pytest.mark.data, pytest.mark.timeout(3600)]

REPEATS = 30


@pytest.fixture(scope="module")
def reviews(real_data: Callable[[str], pd.DataFrame]) -> tuple[Any, np.ndarray, Any]:
    frame = real_data("sst2")
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    vectoriser = CountVectorizer()
    x = vectoriser.fit_transform(train["text"]).astype(np.float64)
    return x, train["label"].to_numpy(), vectoriser.transform(test["text"]).astype(np.float64)


def ours(fit: rw.Fit, query: Any) -> np.ndarray:
    problem = fit.problem
    solved = factors(fit, fit.design_of(query), rtol=1e-6)[:, 0]
    return np.asarray(-problem.force(fit.eta, "relabel") * problem.eta(solved))


def scipys(fit: rw.Fit, x: Any, y: np.ndarray, query: Any) -> np.ndarray:
    """The same system with SciPy's solver and products, and the inverse diagonal as preconditioner."""
    p = 1.0 / (1.0 + np.exp(-fit.eta))
    d, n = p * (1 - p), x.shape[1] + 1
    penalty = np.append(np.full(n - 1, 1.0 / fit.C), 0.0)
    transposed, squares = x.T, x.multiply(x)
    diagonal = np.append(squares.T @ d, d.sum()) + penalty

    def product(v: np.ndarray) -> np.ndarray:
        pushed = d * (x @ v[:-1] + v[-1])
        return np.append(transposed @ pushed, pushed.sum()) + penalty * v

    right = np.append(query.toarray().ravel(), 1.0)
    jacobi = LinearOperator((n, n), matvec=lambda v: v / diagonal)
    solved, failed = cg(LinearOperator((n, n), matvec=product), right, rtol=1e-6, M=jacobi)
    assert not failed
    return np.asarray(-(2 * y - 1) * (x @ solved[:-1] + solved[-1]))


def dense_inverse(fit: rw.Fit, x: Any, y: np.ndarray, queries: Any) -> np.ndarray:
    """The published steps: the Hessian as a matrix, its inverse, and the influence of every row on every query."""
    rows = np.column_stack([x.toarray(), np.ones(x.shape[0])])
    p = 1.0 / (1.0 + np.exp(-fit.eta))
    hessian = (rows * (p * (1 - p))[:, None]).T @ rows
    hessian[np.diag_indices(x.shape[1])] += 1.0 / fit.C
    inverse = np.linalg.inv(hessian)
    return (
        -(np.column_stack([queries.toarray(), np.ones(queries.shape[0])]) @ inverse) @ (rows * (2 * y - 1)[:, None]).T
    )


def test_one_query_beside_scipy(reviews: tuple[Any, np.ndarray, Any], record: Record) -> None:
    x, y, queries = reviews
    with threadpool_limits(1, user_api="blas"):
        fit = rw.fit(x, y)
        with stopwatch() as once:
            assert fit.preconditioner is not None
        walls: dict[str, list[float]] = {"ours": [], "SciPy": []}
        for t in range(REPEATS):
            with stopwatch() as watch:
                mine = ours(fit, queries[[t]])
            walls["ours"].append(watch.wall)
            with stopwatch() as watch:
                theirs = scipys(fit, x, y, queries[[t]])
            walls["SciPy"].append(watch.wall)
            assert np.abs(mine - theirs).max() <= 1e-4 * np.abs(theirs).max()
    ratio = float(np.median(walls["SciPy"]) / np.median(walls["ours"]))
    rows = [[name, float(np.median(each)), float(np.max(each))] for name, each in walls.items()]
    show(f"SST-2, one query ranked to 1e-6; {REPEATS} queries", ["", "median s", "worst s"], rows)
    print(f"{ratio:.2f} times faster; preconditioner, once: {once.wall:.4f} s")
    record.add(
        "one query, sst2", seconds=float(np.median(walls["ours"])), cpu_seconds=float(np.median(walls["ours"])),
        outcome=1.0, peak_mib=0.0,
    )  # fmt: skip
    assert ratio >= 1.0


def test_all_queries_beside_a_dense_inverse(reviews: tuple[Any, np.ndarray, Any], record: Record) -> None:
    """Theirs with BLAS on all cores, ours on one; memory is what each allocates beside the matrix and the fit."""
    x, y, queries = reviews
    fit = rw.fit(x, y)
    assert fit.preconditioner is not None
    with stopwatch() as theirs:
        inverse: list[np.ndarray] = []
        theirs_mib = peak_mib(lambda: inverse.append(dense_inverse(fit, x, y, queries)))
    with threadpool_limits(1, user_api="blas"):
        with stopwatch() as mine:
            full = rw.relabel_influence(fit, queries)
        with stopwatch() as best:
            rw.top_influence(fit, queries, 100, rtol=1e-6)
        full_mib = peak_mib(lambda: rw.relabel_influence(fit, queries))
        best_mib = peak_mib(lambda: rw.top_influence(fit, queries, 100, rtol=1e-6))
    assert np.abs(full - inverse[0]).max() <= 1e-6 * np.abs(full).max()
    rows = [
        ["dense inverse", theirs.wall, 1.0, theirs_mib, 1.0],
        ["relabel_influence, all scores", mine.wall, theirs.wall / mine.wall, full_mib, full_mib / theirs_mib],
        ["top_influence to 1e-6, 100 a query", best.wall, theirs.wall / best.wall, best_mib, best_mib / theirs_mib],
    ]
    show(f"SST-2, all {queries.shape[0]} queries", ["", "wall s", "times faster", "MiB", "of theirs"], rows)
    record.add(
        "all queries, sst2", seconds=best.wall, cpu_seconds=best.cpu, outcome=theirs.wall / best.wall, peak_mib=best_mib
    )
    assert theirs.wall / best.wall >= 30
    assert best_mib <= 0.1 * theirs_mib

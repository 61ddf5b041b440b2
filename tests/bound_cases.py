"""Small problems with all their dense refits, for tests of lower bounds."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from oracles import Case, DenseProblem, random_case, sigmoid

import relabel_widget as rw
from relabel_widget.bound import (
    RemainderBound,
    remainder_bound,
)
from relabel_widget.bound.gains import Query, largest_gain
from relabel_widget.bound.gains import queries_of as fit_queries

EDITS = ("relabel", "remove")
every_edit = pytest.mark.parametrize("edit", EDITS)
KINDS: dict[str, dict[str, Any]] = {
    "dense": {"p": 6},
    "sparse": {"p": 40, "sparsity": 0.8},
    "sparse, weighted": {"p": 40, "sparsity": 0.8, "weighted": True},
    "dense, weighted": {"p": 6, "weighted": True},
    "sparse, no intercept": {"p": 40, "sparsity": 0.8, "fit_intercept": False},
    "weighted, no intercept": {"p": 12, "sparsity": 0.5, "weighted": True, "fit_intercept": False},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def case_of(kind: str, n: int, C: float) -> Case:
    case = random_case(70, n=n, C=C, **KINDS[kind])
    if case.weights is not None:
        case.weights[5] = 0.0  # a row that counts for nothing, and whose edit does nothing
        case.weights[6] = 6.0
    if not case.fit_intercept:
        case.x[7] = 0.0  # a row that nothing can move
    return case


@cache
def fit_of(kind: str, n: int, C: float) -> rw.Fit:
    case = case_of(kind, n, C)
    return rw.fit(case.x, case.y, C, case.weights, case.fit_intercept)


@cache
def bound_of(kind: str, n: int, C: float, edit: Any) -> RemainderBound:
    return remainder_bound(fit_of(kind, n, C), edit=edit)


def queries_of(case: Case, count: int = 8) -> np.ndarray:
    """New points, training rows, and points near the decision boundary."""
    rng = np.random.default_rng(5)
    new = rng.normal(size=(count, case.x.shape[1])) * case.x.std()
    return np.vstack([new, case.x[:count], 0.1 * new])


def all_sets(n: int, size: int) -> np.ndarray:
    return np.array(list(combinations(range(n), size)))


def refits(problem: DenseProblem, sets: np.ndarray, edit: str) -> np.ndarray:
    """Minimisers after editing each set of rows, (number of sets, n_params), by damped Newton on all sets at once.

    NaN where an edit leaves one class only.
    """
    z, penalty, count = problem.z, problem.penalty, len(sets)
    outer = (z[:, :, None] * z[:, None, :]).reshape(len(z), -1)
    y, weights = np.tile(problem.y, (count, 1)), np.tile(problem.weights, (count, 1))
    if edit == "relabel":
        y[np.arange(count)[:, None], sets] = 1 - y[np.arange(count)[:, None], sets]
    else:
        weights[np.arange(count)[:, None], sets] = 0.0
    theta = np.zeros((count, z.shape[1]))
    for _ in range(60):
        p = sigmoid(theta @ z.T)
        gradient = (weights * (p - y)) @ z + theta * penalty
        hessian = ((weights * p * (1 - p)) @ outer).reshape(count, *2 * [len(penalty)]) + np.diag(penalty + 1e-300)
        step = -np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        decrement = np.sqrt(np.abs((gradient * step).sum(axis=1)))
        theta += step / (1 + (decrement * 0.5 * np.abs(z).sum(axis=1).max() > 1) * decrement)[:, None]
        if np.abs(step).max() < 1e-11:
            break
    one_class = ((weights * y).sum(axis=1) == 0) | ((weights * (1 - y)).sum(axis=1) == 0)
    assert np.abs(step[~one_class]).max() < 1e-9
    theta[one_class] = np.nan
    return theta


def unedited(problem: DenseProblem) -> np.ndarray:
    return refits(problem, np.zeros((1, 0), dtype=int), "relabel")[0]


@cache
def gains_of(kind: str, n: int, C: float, size: int, edit: str, count: int) -> np.ndarray:
    """How far each set of ``size`` rows moves each of `queries_of` from its prediction, (sets, queries)."""
    case = case_of(kind, n, C)
    return dense_gains(case.dense, all_sets(n, size), edit, queries_of(case, count))


def dense_gains(problem: DenseProblem, sets: np.ndarray, edit: str, queries: np.ndarray) -> np.ndarray:
    z = problem.extended(queries)
    before, after = z @ unedited(problem), refits(problem, sets, edit) @ z.T
    return np.where(before > 0, before - after, after - before)


def smallest(
    kind: str, n: int, C: float, edit: str, count: int, largest: int, threshold: float = 0.5
) -> list[int | None]:
    """The size of the smallest flipping set of at most ``largest`` rows, for each query; None if there is none."""
    case, cut = case_of(kind, n, C), float(np.log(threshold / (1 - threshold)))
    before = case.dense.extended(queries_of(case, count)) @ unedited(case.dense)
    found: list[int | None] = [None] * len(before)
    for size in range(largest, 0, -1):
        gains = gains_of(kind, n, C, size, edit, count)
        after = np.where(before > 0, before - gains, before + gains)
        with np.errstate(invalid="ignore"):
            flips = ((after > cut) != (before > cut)) & ~np.isnan(after)
        found = [size if flip else known for flip, known in zip(flips.any(axis=0), found, strict=True)]
    return found


def gains_at_refit(case: Case, rows: np.ndarray, edit: str, query: np.ndarray) -> np.ndarray:
    """First-order changes of the query at the refit on labels edited in some rows, (n,)."""
    problem, theta = case.dense.edited(rows, edit), refits(case.dense, rows[None], edit)[0]
    p = sigmoid(problem.z @ theta)
    push = 2 * problem.y - 1 if edit == "relabel" else problem.y - p
    factor = np.linalg.solve(problem.hessian(theta), problem.extended(query)[0])
    return -(problem.z @ factor) * problem.weights * push


def bound_gain(bound: RemainderBound, query: np.ndarray, size: int, factor: np.ndarray | None = None) -> float:
    """The proven largest gain of ``size`` rows; infinite where boxes do not close."""
    sizes = bound._sizes(None)
    boxes = sizes._at(size)
    if boxes is None:
        return np.inf
    return largest_gain(sizes.closure, boxes, seen_by(bound, query, factor))


def seen_by(bound: RemainderBound, query: np.ndarray, factor: np.ndarray | None = None) -> Query:
    design = bound.fit.query_of(query)
    solved = rw.evidence.factors(bound.fit, design) if factor is None else factor[:, None]
    return fit_queries(bound.fit, bound.fit.problem.extended_rows(design), solved, 0.0)[0]

"""What the engine is compared with: dense brute force in NumPy, and every guise in which a matrix may come.

Nothing here imports the engine's numerics: formulas are stated another way (softplus and tanh, dense inverses,
enumeration), so that a mistake would have to be made twice to go unseen. A new design joins `DESIGNS`, a new way of
holding a matrix joins `GUISES`; both then inherit the tests.
"""

from __future__ import annotations

import inspect
import secrets
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

import relabel_widget.design.compact as compact_module
from relabel_widget.design import CsrDesign, DenseDesign, Design, dask_design, mapped, write_design

Array = np.ndarray


# --- matrices, and the guises they come in


def small_integers(n_rows: int, n_features: int, seed: int) -> Array:
    """Mostly zeros, some of -2 .. 3, so that every guise (also int and float32) holds the same numbers exactly."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-2, 4, size=(n_rows, n_features)).astype(float)
    return values * (rng.uniform(size=values.shape) < 0.4)


def with_empty_lines() -> Array:
    x = small_integers(9, 6, 5)
    x[[0, 4, 8]] = 0.0
    x[:, [0, 3]] = 0.0
    return x


MATRICES: dict[str, Array] = {
    "tall": small_integers(23, 5, 0),
    "wide": small_integers(4, 17, 1),
    "one row": small_integers(1, 8, 2),
    "one column": small_integers(12, 1, 3),
    "one by one": np.array([[2.0]]),
    "empty rows and columns": with_empty_lines(),
    "all zero": np.zeros((5, 3)),
}


def read_only(x: Any) -> Any:
    for array in (x.data, x.indices, x.indptr) if sparse.issparse(x) else (x,):
        array.flags.writeable = False
    return x


def long_indices(x: Array) -> sparse.csr_array:
    csr = sparse.csr_array(x)
    csr.indices, csr.indptr = csr.indices.astype(np.int64), csr.indptr.astype(np.int64)
    return csr


def unsorted(x: Array) -> sparse.csr_array:
    """Each row's entries backwards."""
    csr = sparse.csr_array(x)
    order = np.concatenate([np.arange(b - 1, a - 1, -1) for a, b in zip(csr.indptr[:-1], csr.indptr[1:], strict=True)])
    order = order.astype(np.int64)
    return sparse.csr_array((csr.data[order], csr.indices[order], csr.indptr.copy()), shape=x.shape)


def duplicates(x: Array) -> sparse.csr_array:
    """Each entry twice: three times its value, then minus twice."""
    csr = sparse.csr_array(x)
    data = np.ravel(np.column_stack([3 * csr.data, -2 * csr.data]))
    return sparse.csr_array((data, np.repeat(csr.indices, 2), 2 * csr.indptr), shape=x.shape)


def stored_zeros(x: Array) -> sparse.csr_array:
    """Every entry stored, zeros as well."""
    n, p = x.shape
    indptr = np.arange(0, n * p + 1, p)
    return sparse.csr_array((x.ravel().copy(), np.tile(np.arange(p), n), indptr), shape=x.shape)


def every_second(x: Array) -> Array:
    """A view with strides in both directions."""
    wide = np.full((2 * x.shape[0], 2 * x.shape[1]), np.nan)
    wide[::2, ::2] = x
    return wide[::2, ::2]


def frame(x: Array) -> pd.DataFrame:
    return pd.DataFrame(x, columns=[f"c{j}" for j in range(x.shape[1])])


def mixed_frame(x: Array) -> pd.DataFrame:
    """Columns of float, int and bool where the numbers allow."""
    columns = frame(x)
    for j, name in enumerate(columns.columns):
        if j % 3 == 1:
            columns[name] = columns[name].astype(np.int32)
        elif j % 3 == 2 and set(np.unique(x[:, j])) <= {0.0, 1.0}:
            columns[name] = columns[name].astype(bool)
    return columns


GUISES: dict[str, Callable[[Array], Any]] = {
    **{f"{kind}_matrix": getattr(sparse, f"{kind}_matrix") for kind in ("csr", "csc", "coo", "lil", "bsr", "dok")},
    **{f"{kind}_array": getattr(sparse, f"{kind}_array") for kind in ("csr", "csc", "coo", "lil", "bsr", "dok", "dia")},
    "csr, read-only": lambda x: read_only(sparse.csr_array(x)),
    "csc, read-only": lambda x: read_only(sparse.csc_array(x)),
    "csr, int64 indices": long_indices,
    "csr, int64 indices, read-only": lambda x: read_only(long_indices(x)),
    "csr, unsorted": unsorted,
    "csr, unsorted, read-only": lambda x: read_only(unsorted(x)),
    "csr, duplicates": duplicates,
    "csr_matrix, duplicates": lambda x: sparse.csr_matrix(duplicates(x)),
    "csr, duplicates, int": lambda x: duplicates(x).astype(np.int64),
    "csr, stored zeros": stored_zeros,
    "csr, float32": lambda x: sparse.csr_array(x.astype(np.float32)),
    "csr, int8": lambda x: sparse.csr_array(x.astype(np.int8)),
    "coo, duplicates": lambda x: duplicates(x).tocoo(),
    "dense, C order": lambda x: np.array(x, order="C"),
    "dense, F order": lambda x: np.array(x, order="F"),
    "dense, read-only": lambda x: read_only(np.array(x)),
    "dense, strided": every_second,
    "dense, backwards": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "dense, int": lambda x: x.astype(np.int64),
    "dense, float32": lambda x: x.astype(np.float32),
    "dense, big-endian": lambda x: x.astype(">f8"),
    "dense, object": lambda x: x.astype(object),
    "list of lists": lambda x: x.tolist(),
    "data frame": frame,
    "data frame, mixed types": mixed_frame,
}


def stored_arrays(x: Any) -> list[Array]:
    """The arrays that hold a guise, for comparing bytes before and after."""
    if isinstance(x, pd.DataFrame):
        return [x[name].to_numpy() for name in x.columns]  # as one array, mixed types would be boxed anew each time
    if isinstance(x, list):
        return [np.array(x)]
    if not sparse.issparse(x):
        return [x]
    if x.format == "dok":
        return [np.array(sorted((*key, value) for key, value in x.items()))]
    if x.format == "lil":
        return [np.concatenate([np.ravel(part) for part in lists] or [[]]) for lists in (x.rows, x.data)]
    names = ("data", "indices", "indptr", "row", "col", "offsets")
    return [getattr(x, name) for name in names if hasattr(x, name)]


def snapshot(x: Any) -> list[bytes]:
    return [np.ascontiguousarray(array).tobytes() for array in stored_arrays(x)]


# --- designs


class BlockDesign(Design):
    """A design that supplies its blocks only, as one that reads from disk would; it inherits every product."""

    def __init__(self, blocks: list[Any]) -> None:
        self._blocks = blocks

    @property
    def shape(self) -> tuple[int, int]:
        return sum(block.shape[0] for block in self._blocks), self._blocks[0].shape[1]

    def blocks(self) -> Iterator[tuple[slice, Any]]:
        first = 0
        for block in self._blocks:
            yield slice(first, first + block.shape[0]), block
            first += block.shape[0]

    def take(self, rows: Array) -> Design:
        return DenseDesign(self.to_dense()[rows])


def in_blocks(x: Array, size: int, kind: Callable[[Array], Any], *, with_empty: bool = False) -> BlockDesign:
    blocks = [kind(x[first : first + size]) for first in range(0, len(x), size)]
    if with_empty:
        empty = kind(x[:0])
        blocks = [empty, *[block for each in blocks for block in (each, empty)]]
    return BlockDesign(blocks)


MAPPED = tempfile.TemporaryDirectory()  # files of mapped designs, for as long as the tests run


def in_a_file(x: Array, size: int, kind: Callable[[Array], Any]) -> Design:
    path = Path(MAPPED.name) / f"{secrets.token_hex(8)}.rlw"
    return write_design(path, (kind(x[first : first + size]) for first in range(0, len(x), size)))


def in_a_file_of_small_blocks(x: Array) -> Design:
    """Several blocks in the file, which only large matrices have otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped, "_BLOCK", 8)
        patch.setattr(mapped, "_COLUMNS", 0)
        return in_a_file(x, 5, sparse.csr_array)


def compact(**sizes: int) -> Callable[[Array], Design]:
    """A compact design with smaller limits, so that few rows and columns reach every part of the layout."""

    def make(x: Array) -> Design:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in sizes.items():
                patch.setattr(compact_module, name, value)
            return compact_module.CompactDesign(sparse.csr_array(x))

    return make


# Where the extra `fast` is absent, what is left runs the plain path.
COMPACT: dict[str, Callable[[Array], Design]] = (
    {"compact": compact(), "compact, few narrow columns": compact(_NARROW=2, _BLOCK_ROWS=3, PART=4)}
    if find_spec("numba")
    else {}
)


@cache
def dask_client() -> Any:
    """A scheduler and two workers in this process, started when the first test needs them; kept to the end."""
    from distributed import Client

    return Client(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0", set_as_default=False)


def on_workers(x: Array, size: int, kind: Callable[[Array], Any]) -> Design:
    blocks = [dask.delayed(kind)(x[first : first + size]) for first in range(0, len(x), size)]
    return dask_design(blocks, client=dask_client())


DESIGNS: dict[str, Callable[[Array], Design]] = {
    "csr": lambda x: CsrDesign(sparse.csr_array(x)),
    "dense": lambda x: DenseDesign(np.array(x)),
    "dense, F order": lambda x: DenseDesign(np.asfortranarray(x)),
    "sparse blocks of 1": lambda x: in_blocks(x, 1, sparse.csr_array),
    "sparse blocks of 3": lambda x: in_blocks(x, 3, sparse.csr_array),
    "sparse blocks and empty ones": lambda x: in_blocks(x, 2, sparse.csr_array, with_empty=True),
    "dense blocks of 4": lambda x: in_blocks(x, 4, np.array),
    "dense blocks and empty ones": lambda x: in_blocks(x, 5, np.array, with_empty=True),
    "mapped": lambda x: in_a_file(x, 4, sparse.csr_array),
    "mapped, small blocks": in_a_file_of_small_blocks,
    "mapped, from dense rows": lambda x: in_a_file(x, 1, np.array),
    **COMPACT,
    "dask, sparse blocks": lambda x: on_workers(x, 9, sparse.csr_array),
    "dask, one dense block": lambda x: on_workers(x, len(x), np.array),
    "one dense block": lambda x: in_blocks(x, len(x), np.asfortranarray),
}


# --- the problem, dense


def sigmoid(eta: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(eta, dtype=float)))


@dataclass(frozen=True)
class DenseProblem:
    """The objective of the contract's section 1, as dense as can be, plus ``tilt . theta`` for fractional relabels."""

    x: Array
    y: Array  # 0 or 1
    l2: float
    weights: Array
    has_intercept: bool = True
    intercept_l2: float = 0.0
    tilt: Array | float = 0.0

    @classmethod
    def of(cls, x: Array, y: Array, C: float = 1.0, weights: Any = None, fit_intercept: bool = True) -> DenseProblem:
        weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
        return cls(np.asarray(x, dtype=float), np.asarray(y, dtype=float), 1.0 / C, weights, fit_intercept)

    @property
    def z(self) -> Array:
        return np.column_stack([self.x, np.ones(len(self.x))]) if self.has_intercept else self.x

    @property
    def penalty(self) -> Array:
        coef = np.full(self.x.shape[1], self.l2)
        return np.append(coef, self.intercept_l2) if self.has_intercept else coef

    def objective(self, theta: Array) -> float:
        eta = self.z @ theta
        loss = np.logaddexp(0.0, eta) - self.y * eta
        return float(self.weights @ loss + 0.5 * self.penalty @ theta**2 + np.sum(self.tilt * theta))

    def gradient(self, theta: Array) -> Array:
        return self.z.T @ (self.weights * (sigmoid(self.z @ theta) - self.y)) + self.penalty * theta + self.tilt

    def hessian(self, theta: Array) -> Array:
        p = sigmoid(self.z @ theta)
        return (self.z.T * (self.weights * p * (1 - p))) @ self.z + np.diag(self.penalty)

    def fit(self) -> Array:
        """The minimiser by dense Newton steps, halved until the objective falls, until no step changes anything."""
        theta = np.zeros(self.z.shape[1])
        for _ in range(200):
            gradient = self.gradient(theta)
            step = -np.linalg.solve(self.hessian(theta), gradient)
            length = 1.0
            while self.objective(theta + length * step) > self.objective(theta) and length > 1e-12:
                length /= 2
            if length < 1e-12:  # the objective no longer resolves the step: take it whole if the gradient says so
                better = np.linalg.norm(self.gradient(theta + step)) < np.linalg.norm(gradient)
                if not better:
                    break
                length = 1.0
            theta = theta + length * step
            if np.linalg.norm(step) <= 1e-14 * (1 + np.linalg.norm(theta)):
                break
        return theta

    def relabelled(self, rows: Any, amount: float = 1.0) -> DenseProblem:
        """Rows relabelled to a fraction: the tilt ``amount * sum_i s_i (2 y_i - 1) z_i``."""
        if amount == 1.0:
            y = self.y.copy()
            y[rows] = 1 - y[rows]
            return replace(self, y=y)
        push = self.weights * (2 * self.y - 1)
        return replace(self, tilt=self.tilt + amount * self.z[rows].T @ push[rows])

    def removed(self, rows: Any, amount: float = 1.0) -> DenseProblem:
        """Rows left out to a fraction of their weight."""
        weights = self.weights.copy()
        weights[rows] *= 1 - amount
        return replace(self, weights=weights)

    def edited(self, rows: Any, edit: str, amount: float = 1.0) -> DenseProblem:
        return self.relabelled(rows, amount) if edit == "relabel" else self.removed(rows, amount)

    def extended(self, queries: Array) -> Array:
        queries = np.atleast_2d(queries)
        return np.column_stack([queries, np.ones(len(queries))]) if self.has_intercept else queries

    def influence(self, queries: Array, edit: str) -> Array:
        """First-order change of each query's log-odds, (m, n), with a dense solve."""
        theta = self.fit()
        p = sigmoid(self.z @ theta)
        push = 2 * self.y - 1 if edit == "relabel" else self.y - p
        factors = np.linalg.solve(self.hessian(theta), self.extended(queries).T)
        return -(self.z @ factors * (self.weights * push)[:, None]).T


# --- exhaustive search


def exact_log_odds(
    x: Array, y: Array, C: float, weights: Any, fit_intercept: bool, queries: Array
) -> Array:  # fmt: skip
    """Log-odds of queries at the minimiser, by dense Newton in columns standardised by hand and long double gradients.

    Whatever the scales and means of columns: beyond what a solver in the user's units can see.
    """
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    kept = weights > 0
    rows, signs, weights = x[kept].astype(np.longdouble), 2.0 * y[kept] - 1.0, weights[kept].astype(np.longdouble)
    centre = np.average(rows, axis=0, weights=weights) if fit_intercept else np.zeros(x.shape[1])
    spread = np.sqrt(np.mean((rows - centre) ** 2, axis=0))
    spread[spread <= 1e-16 * np.abs(centre)] = 1.0

    def standardised(some: Array) -> Array:
        columns = (some.astype(np.longdouble) - centre) / spread
        return np.column_stack([columns, np.ones(len(some))]) if fit_intercept else columns

    z, penalty = standardised(x[kept]), 1.0 / (C * spread**2)
    penalty = np.append(penalty, 0.0) if fit_intercept else penalty

    def objective(theta: Array) -> Any:
        return weights @ np.logaddexp(0.0, -signs * (z @ theta)) + 0.5 * penalty @ theta**2

    theta = np.zeros(z.shape[1], dtype=np.longdouble)
    for _ in range(200):
        wrong = np.exp(-np.logaddexp(0.0, signs * (z @ theta)))
        gradient = z.T @ (-signs * weights * wrong) + penalty * theta
        hessian = ((z.T * (weights * wrong * (1 - wrong))) @ z + np.diag(penalty)).astype(float)
        scale = 1.0 / np.sqrt(np.diag(hessian))
        step = -scale * np.linalg.solve(scale[:, None] * hessian * scale, (scale * gradient).astype(float))
        slope, length = gradient @ step, 1.0
        if -slope < 1e-30 * weights.sum():
            break
        while -slope > 1e-12 and objective(theta + length * step) > objective(theta) + 1e-4 * length * slope:
            length /= 2
        theta = theta + length * step
    return np.asarray(standardised(queries) @ theta, dtype=float)


def batch_margins(problem: DenseProblem, sets: Array, edit: str, query: Array, cut: float) -> Array:
    """Margin of the query after a refit for each set of rows, (number of sets, size) to (number of sets,).

    All sets at once by Newton with a line search, columns scaled, each to the end. NaN where an edit leaves one class
    only.
    """
    scale = np.linalg.norm(problem.z, axis=0)
    scale[scale == 0] = 1.0
    z, penalty, query = problem.z / scale, problem.penalty / scale**2, problem.extended(query)[0] / scale
    pairs = (z[:, :, None] * z[:, None, :]).reshape(len(z), -1)
    side, weights = np.tile(2.0 * problem.y - 1.0, (len(sets), 1)), np.tile(problem.weights, (len(sets), 1))
    places = (np.arange(len(sets))[:, None], sets)
    if edit == "relabel":
        side[places] *= -1
    else:
        weights[places] = 0.0
    both = (weights * (side > 0)).any(axis=1) & (weights * (side < 0)).any(axis=1)

    def objective(theta: Array, among: Array) -> Array:
        loss = np.logaddexp(0, -side[among] * (theta @ z.T))
        return (weights[among] * loss).sum(axis=1) + 0.5 * theta**2 @ penalty

    going, theta, margins = np.flatnonzero(both), np.zeros((len(sets), z.shape[1])), np.full(len(sets), np.nan)
    for _ in range(300):
        at = side[going] * (theta[going] @ z.T)
        wrong, right = np.exp(-np.logaddexp(0, at)), np.exp(-np.logaddexp(0, -at))
        gradient = -(weights[going] * side[going] * wrong) @ z + theta[going] * penalty
        hessian = ((weights[going] * wrong * right) @ pairs).reshape(-1, *2 * [z.shape[1]]) + np.diag(penalty)
        step = -np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        before, slope, length = objective(theta[going], going), (gradient * step).sum(axis=1), np.ones(len(going))
        for _ in range(60):
            fallen = before - objective(theta[going] + length[:, None] * step, going)
            worse = fallen < -1e-4 * length * slope - 1e-13 * before
            if not worse.any():
                break
            length[worse] /= 2
        theta[going] += length[:, None] * step
        moved = np.maximum(np.abs(step @ z.T).max(axis=1), np.abs(step @ query))
        margins[going] = theta[going] @ query - cut
        going = going[(moved > 1e-9) | (length < 1)]
        if not len(going):
            return margins
    raise AssertionError("the oracle's own Newton did not converge")


def exhaustive_minimum(
    problem: DenseProblem, query: Array, edit: str, cut: float, largest: int, allowed: Array | None = None
) -> int | None:
    """The size of the smallest set that flips the query, None if it is above ``largest``; by trying all of them."""
    sizes = flip_sizes(problem, query, edit, cut, largest=largest, allowed=allowed, tie=0.0)
    return sizes[1] if sizes[1] <= largest else None


def flip_sizes(
    problem: DenseProblem,
    query: Array,
    edit: str,
    cut: float,
    *,
    largest: int | None = None,
    allowed: Array | None = None,
    tie: float = 1e-6,
) -> tuple[int, int]:
    """The least size of a set that comes within ``tie`` log-odds of a flip or flips, and of one that flips by more.

    By trying all sets in order of size; one more than the largest that were tried where there is none. Where the two
    differ the optimum hinges on a tie, and any size from the first to the second is right.
    """
    towards = 1.0 if problem.extended(query)[0] @ problem.fit() > cut else -1.0
    rows = np.flatnonzero(problem.weights > 0) if allowed is None else allowed
    largest = len(rows) if largest is None else min(largest, len(rows))
    least = largest + 1
    for size in range(1, largest + 1):
        after = towards * batch_margins(problem, np.array(list(combinations(rows, size))), edit, query, cut)
        after = after[~np.isnan(after)].min(initial=np.inf)
        least = min(least, size) if after <= tie else least
        if after < -tie:
            return least, size
    return least, largest + 1


# --- scikit-learn, whatever its version calls things

_TAKES_PENALTY = inspect.signature(LogisticRegression).parameters["penalty"].default == "l2"  # before 1.8


def sklearn_model(penalty: str = "l2", **settings: Any) -> LogisticRegression:
    """An unfitted LogisticRegression with a penalty by name: l2, l1, elasticnet or none."""
    if _TAKES_PENALTY:
        name = None if penalty == "none" else penalty
        ratio = {"l1_ratio": 0.5} if penalty == "elasticnet" else {}
        return LogisticRegression(**{"penalty": name, **ratio, **settings})
    changes: dict[str, Any] = {
        "l2": {},
        "l1": {"l1_ratio": 1.0},
        "elasticnet": {"l1_ratio": 0.5},
        "none": {"C": np.inf},
    }[penalty]
    return LogisticRegression(**{**settings, **changes})


def quiet_fit(model: Any, x: Any, y: Any, **settings: Any) -> Any:
    """Fit without scikit-learn's warnings that it stopped early: some tests want just that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y, **settings)


def sklearn_fit(
    x: Any, y: Any, C: float = 1.0, weights: Any = None, fit_intercept: bool = True, solver: str = "newton-cholesky"
) -> LogisticRegression:
    """scikit-learn's own fit, at a tight tolerance: the judge of refits."""
    model = LogisticRegression(C=C, fit_intercept=fit_intercept, solver=solver, tol=1e-10, max_iter=10_000)
    return quiet_fit(model, x, y, sample_weight=weights)


def sklearn_edited(
    x: Array, y: Array, rows: Any, edit: str, C: float = 1.0, weights: Any = None, fit_intercept: bool = True
) -> LogisticRegression:
    """scikit-learn's fit with 0/1 labels edited in the given rows, on a copy."""
    y, keep = np.array(y), np.ones(len(y), dtype=bool)
    if edit == "relabel":
        y[rows] = 1 - y[rows]
    else:
        keep[rows] = False
    weights = np.ones(len(y)) if weights is None else np.asarray(weights)
    return sklearn_fit(x[keep], y[keep], C, weights[keep], fit_intercept)


# --- random problems


@dataclass(frozen=True)
class Case:
    """A small random problem with one query."""

    x: Array
    y: Array
    query: Array
    C: float
    weights: Array | None = None
    fit_intercept: bool = True

    @property
    def dense(self) -> DenseProblem:
        return DenseProblem.of(self.x, self.y, self.C, self.weights, self.fit_intercept)


def random_case(
    seed: int,
    n: int = 40,
    p: int = 5,
    *,
    sparsity: float = 0.0,
    C: float | None = None,
    weighted: bool = False,
    fit_intercept: bool = True,
) -> Case:
    """Rows from a noisy linear model; sparse ones are word counts. Both classes are always there."""
    rng = np.random.default_rng(seed)
    if sparsity:
        x = rng.poisson(1.0, size=(n, p)) * (rng.uniform(size=(n, p)) > sparsity) * 1.0
        query = rng.poisson(1.0, size=p) * (rng.uniform(size=p) > sparsity) * 1.0
        query[rng.integers(p)] += 1.0
    else:
        x, query = rng.normal(size=(n, p)), rng.normal(size=p)
    y = (x @ rng.normal(size=p) + rng.normal(size=n) > 0).astype(int)
    y[:2] = [0, 1]
    C = float(10.0 ** rng.uniform(-1.5, 1)) if C is None else C
    weights = rng.uniform(0.2, 2.0, size=n) if weighted else None
    return Case(x, y, query, C, weights, fit_intercept)

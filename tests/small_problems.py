"""Small problems of every odd kind, and what is wrong with a flip set of one by exhaustive search."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import Case, flip_sizes
from scipy.special import logit

import relabel_widget as rw


def hostile(seed: int) -> tuple[Case, float, Any]:
    """A problem of 6 to 14 rows with its query, a threshold, and an edit.

    Rows come in all scales, twice, or as small whole numbers; columns may be empty or far from 0; labels are nearly
    separable; some rows weigh much, or nothing; C is anything from .001 to 1000.
    """
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(6, 15)), int(rng.integers(1, 7))
    x = rng.normal(size=(n, p)) * 10.0 ** rng.uniform(-1, 1)
    if rng.random() < 0.3:
        x = np.round(x)
    if rng.random() < 0.2:
        x[:, rng.integers(p)] *= rng.choice([0.0, 30.0])
    if rng.random() < 0.1:
        x[:, rng.integers(p)] += 10.0
    if rng.random() < 0.3:
        twice = int(rng.integers(1, n // 2 + 1))
        x[rng.integers(0, n, twice)] = x[rng.integers(0, n, twice)]
    y = (x @ rng.normal(size=p) + rng.choice([0.3, 1.0]) * x.std() * rng.normal(size=n) > 0).astype(int)
    y[rng.permutation(n)[:2]] = [0, 1]
    kind = rng.random()
    weights = rng.uniform(0.1, 3, n) if kind < 0.2 else rng.integers(0, 3, n) * 1.0 if kind < 0.35 else None
    if weights is not None and min(weights[y == 0].sum(), weights[y == 1].sum()) == 0:
        weights = None
    query = x[rng.integers(n)].copy() if rng.random() < 0.3 else x.std() * rng.normal(size=p)
    C, threshold = 10.0 ** rng.uniform(-3, 3), float(rng.choice([0.5, 0.5, 0.05, 0.2, 0.35, 0.65, 0.8, 0.95]))
    case = Case(x, y, query, C, weights, fit_intercept=bool(rng.random() < 0.6))
    return case, threshold, str(rng.choice(["relabel", "remove"]))


def wrong_with(found: rw.FlipSet, case: Case, threshold: float, edit: Any) -> str:
    """What exhaustive search says against a flip set: nothing if its size and its bound are those of the optimum.

    A tie is an optimum that hinges on margins within 1e-6 log-odds of the threshold: then a size and a bound are right
    from the least size of a set that comes so near to the least of one that flips by more.
    """
    least, most = flip_sizes(case.dense, case.query, edit, float(logit(threshold)))
    none = int(np.count_nonzero(case.dense.weights > 0)) + 1
    size = found.size if found.found else none
    if not least <= size <= most:
        return f"a set of {size} rows (none if {none}), where {least} to {most} flip"
    if not least <= found.lower_bound <= most:
        return f"a bound of {found.lower_bound} rows, where {least} to {most} flip"
    return ""

"""Small naive Bayes problems, and what exhaustive search says of them by the definition of each classifier."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB

import relabel_widget as rw

Array = np.ndarray
TIE = 1e-7  # log-odds nearer than this decide nothing


@dataclass(frozen=True)
class BayesCase:
    """A classifier, its training rows, and a query."""

    model: Any
    x: Array
    y: Array
    query: Array
    weights: Array | None = None

    @property
    def n_classes(self) -> int:
        return len(np.unique(self.y))

    def fitted(self) -> Any:
        return type(self.model)(**self.model.get_params()).fit(self.x, self.y, self.weights)

    def fit(self) -> rw.BayesFit:
        return rw.adopt(self.fitted(), self.x, self.y, self.weights)

    def row_weights(self) -> Array:
        return np.ones(len(self.y)) if self.weights is None else self.weights


def scores_by_definition(case: BayesCase, one_hot: Array) -> Array:
    """Class scores of the query, (m, K), for many weighted memberships of the rows, (m, n, K).

    From the definitions: products of smoothed frequencies, in logarithms.
    """
    model, x, query = case.model, case.x, case.query
    if isinstance(model, BernoulliNB):
        x, query = (x > model.binarize).astype(float), (query > model.binarize).astype(float)
    counts = one_hot.transpose(0, 2, 1) @ x
    masses = one_hot.sum(axis=1)
    if isinstance(model, ComplementNB):
        others = counts.sum(axis=1, keepdims=True) - counts + model.alpha
        return -(np.log(others / others.sum(axis=2, keepdims=True)) @ query)
    if isinstance(model, BernoulliNB):
        p = (counts + model.alpha) / (masses[:, :, None] + 2 * model.alpha)
        scores = (query * np.log(p) + (1 - query) * np.log(1 - p)).sum(axis=2)
    else:
        p = (counts + model.alpha) / (counts + model.alpha).sum(axis=2, keepdims=True)
        scores = np.log(p) @ query
    if model.class_prior is not None:
        return scores + np.log(model.class_prior)
    with np.errstate(divide="ignore"):
        return scores + np.log(masses / masses.sum(axis=1, keepdims=True)) if model.fit_prior else scores


@dataclass(frozen=True)
class Asked:
    """What a search may do: see `rw.find_flip_set`."""

    edit: str = "relabel"
    target: int | None = None
    allowed: tuple[int, ...] | None = None
    candidates: tuple[int, ...] | None = None
    threshold: float = 0.5

    def arguments(self) -> dict[str, Any]:
        given = {"edit": self.edit, "target": self.target, "threshold": self.threshold}
        given["allowed_labels"] = None if self.allowed is None else list(self.allowed)
        given["candidates"] = None if self.candidates is None else list(self.candidates)
        return {key: value for key, value in given.items() if value is not None}


def leads(case: BayesCase, one_hot: Array, asked: Asked) -> Array:
    """By how much what was asked for is in front, (m,): positive where the prediction flips."""
    start = scores_by_definition(case, _members(case, case.y[None]))[0]
    now = scores_by_definition(case, one_hot)
    if case.n_classes == 2:
        offset = np.log(asked.threshold / (1 - asked.threshold))
        sign = 1 if start[1] - start[0] > offset else -1
        return -sign * (now[:, 1] - now[:, 0] - offset)
    c = int(np.argmax(start))
    if asked.target is not None:
        return now[:, asked.target] - np.delete(now, asked.target, axis=1).max(axis=1)
    return np.delete(now, c, axis=1).max(axis=1) - now[:, c]


def _members(case: BayesCase, labels: Array) -> Array:
    return (labels[:, :, None] == np.arange(case.n_classes)) * case.row_weights()[:, None]


def memberships(case: BayesCase, size: int, asked: Asked) -> Array:
    """Of all edits of so many rows that leave each class some: weighted memberships, (m, n, K)."""
    rows = np.flatnonzero(case.row_weights() > 0)
    if asked.candidates is not None:
        rows = np.intersect1d(rows, asked.candidates)
    out = []
    for chosen in combinations(rows.tolist(), size):
        if asked.edit == "remove":
            members = _members(case, case.y[None])
            members[:, list(chosen)] = 0.0
            out.append(members)
            continue
        allowed = range(case.n_classes) if asked.allowed is None else asked.allowed
        others = [[k for k in allowed if k != case.y[i]] for i in chosen]
        labels = np.array(list(product(*others)), dtype=int).reshape(-1, size)
        edited = np.repeat(case.y[None], len(labels), axis=0)
        edited[:, list(chosen)] = labels
        out.append(_members(case, edited))
    if not out:
        return np.empty((0, len(case.y), case.n_classes))
    every = np.concatenate(out)
    return every[((every > 0).sum(axis=1) > 0).all(axis=1)]


def optimum(case: BayesCase, asked: Asked, largest: int) -> tuple[int, int]:
    """The least size of a set that flips, ties counted as flips and not: ``largest + 1`` if there is none so small."""
    least = largest + 1
    for size in range(1, largest + 1):
        members = memberships(case, size, asked)
        lead = leads(case, members, asked).max() if len(members) else -np.inf
        least = min(least, size) if lead > -TIE else least
        if lead > TIE:
            return least, size
    return least, largest + 1


def random_case(seed: int, n: int, n_classes: int, p: int = 5, *, weighted: bool = False) -> BayesCase:
    """Counts drawn at rates that differ by class, some labels wrong."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % n_classes)
    rates = rng.gamma(0.7, 1.0, (n_classes, p))
    drawn = np.where(rng.random(n) < 0.2, rng.integers(0, n_classes, n), y)
    x, query = rng.poisson(rates[drawn]).astype(float), rng.poisson(rates[rng.integers(n_classes)]).astype(float)
    weights = rng.choice([0.0, 0.5, 1.0, 2.5], n) if weighted else None
    if weights is not None and not np.bincount(y, weights > 0, minlength=n_classes).all():
        weights = None
    alpha = float(rng.choice([1.0, 0.1, 2.0]))
    prior: dict[str, Any] = {"fit_prior": bool(rng.random() < 0.7)}
    if rng.random() < 0.2:
        prior["class_prior"] = rng.dirichlet(np.full(n_classes, 5.0))
    kind = rng.integers(3)
    model: Any = (
        MultinomialNB(alpha=alpha, **prior)
        if kind == 0
        else BernoulliNB(alpha=alpha, binarize=float(rng.integers(2)), **prior)
        if kind == 1
        else ComplementNB(alpha=alpha)
    )
    return BayesCase(model, x, y, query, weights)

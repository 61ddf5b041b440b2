"""What a call of `repair` asks: queries, kept ones and goals, read and checked."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..arguments import as_number, as_rows, shown
from ..audit.settings import stacked
from ..design import Design
from ..fits import Fit, OwnModel, minimiser
from ..monitor import Monitor
from ..problem import code_of, codes_of_queries
from .goals import Goals, Rate

_WHO = "repair"


@dataclass(frozen=True, eq=False)
class Part:
    """Some queries, as features, and as the adopted pipeline takes them (None where only features are at hand)."""

    design: Design
    raw: Any

    @classmethod
    def of(cls, fit: Fit, X: Any, name: str) -> Part:
        """From what callers pass."""
        X = fit.rows_of(X, who=f"{_WHO}: {name}")
        return cls(fit.design_of(X, who=f"{_WHO}: {name}"), fit.raw_queries(X, who=f"{_WHO}: {name}"))


@dataclass(frozen=True, eq=False)
class Asked:
    """Queries and what is wanted of them.

    Attributes
    ----------
    parts
        The queries, and the kept ones if there are any.
    n_queries
        Number of queries, m; kept ones follow them.
    rates
        The rates that were wanted, with the queries of each.
    before
        Decisions by the fit as it was given, (m + kept,) or (m + kept, K).
    theta
        Its parameters.
    goals
        All goals.
    """

    parts: list[Part]
    n_queries: int
    rates: list[tuple[Rate, IntArray]]
    before: FloatArray
    theta: FloatArray
    goals: Goals

    @classmethod
    def of(cls, fit: Fit, X_query: Any, wanted: Any, keep: Any, threshold_logit: float) -> Asked:
        """Checked.

        Raises
        ------
        ValueError, TypeError
            If something is not as `repair` describes.
        """
        parts = [Part.of(fit, X_query, "X_query")]
        m = parts[0].design.n_rows
        rates = _rates(wanted, m)
        found: list[tuple[IntArray, IntArray, int]] = []
        if rates:
            for rate, rows in rates:
                code = code_of(rate.class_, fit.classes, who=f"{_WHO}: class_ of a Rate")
                needed = int(np.ceil(rate.at_least * len(rows) - 1e-9))
                found.append((rows, np.full(len(rows), code), needed))
        else:
            found.append((np.arange(m), _codes(wanted, m, fit), -1))
        if keep is not None:
            parts.append(Part.of(fit, keep, "keep"))
        design = stacked([part.design for part in parts], who=_WHO) if len(parts) > 1 else parts[0].design
        before = fit.problem.decision(design, fit.theta)
        if keep is not None:
            codes = fit.problem.predicted(before[m:], threshold_logit)
            found.append((np.arange(m, design.n_rows), codes, 0))
        return cls(parts, m, rates, before, fit.theta, Goals.of(fit.problem, design, threshold_logit, found))


def _codes(wanted: Any, m: int, fit: Fit) -> IntArray:
    if wanted is None:
        raise ValueError(
            f"{_WHO}: wanted: expected a class for all queries, one for each of the {m}, or Rates, got None. The "
            f"classes are {shown(fit.classes.tolist())}."
        )
    if isinstance(wanted, (str, bytes, numbers.Number, np.generic)):
        return np.full(m, code_of(wanted, fit.classes, who=f"{_WHO}: wanted"))
    return np.asarray(codes_of_queries(wanted, m, who=f"{_WHO}: wanted", classes=fit.classes), dtype=np.int64)


def _rates(wanted: Any, m: int) -> list[tuple[Rate, IntArray]]:
    """The rates with their queries; none where classes are wanted.

    Raises
    ------
    TypeError
        If rates and classes are mixed.
    """
    if isinstance(wanted, Rate):
        wanted = [wanted]
    if isinstance(wanted, np.ndarray) and wanted.dtype == object:
        wanted = wanted.tolist()
    if not isinstance(wanted, Sequence) or not any(isinstance(each, Rate) for each in wanted):
        return []
    if not all(isinstance(each, Rate) for each in wanted):
        raise TypeError(f"{_WHO}: expected wanted as classes or as Rates alone, got both: {shown(wanted)}.")
    return [(rate, rate.rows_in(m, who=_WHO)) for rate in wanted]


@dataclass(frozen=True, eq=False)
class Trusted:
    """Rows that are known to be right, and what their weight is multiplied by."""

    rows: IntArray
    factor: float

    @classmethod
    def of(cls, rows: Any, factor: Any, n_rows: int) -> Trusted:
        """Checked.

        Raises
        ------
        ValueError, TypeError
            If they are no rows, or the factor is not positive.
        """
        chosen = np.empty(0, dtype=np.int64) if rows is None else as_rows(rows, n_rows, who=f"{_WHO}: trusted")
        return cls(chosen, as_number(factor, who=f"{_WHO}: trusted_weight", above=0.0))

    def weighted(self, fit: Fit, monitor: Monitor | None) -> Fit:
        """The fit with these rows weighing more; itself where they weigh the same."""
        if self.factor == 1.0 or not len(self.rows):
            return fit
        scale = np.ones(fit.n_rows)
        scale[self.rows] = self.factor
        problem = fit.problem
        following = problem.label_weights
        if following is None:
            problem = replace(problem, weights=problem.weights * scale)
        else:
            following = replace(following, base=following.base * scale)
            problem = replace(problem, label_weights=following, weights=following.of(problem.labels.codes))
        heavier = minimiser(problem, fit.theta, None, monitor, fit)
        return replace(heavier, own=None if fit.own is None else _heavier(fit.own, scale))

    def left(self, rows: IntArray) -> IntArray:
        """Those of some sorted rows that may be touched."""
        return np.setdiff1d(rows, self.rows, assume_unique=True)


def _heavier(own: OwnModel, scale: FloatArray) -> OwnModel:
    weights = scale if own.sample_weight is None else own.sample_weight * scale
    return replace(own, sample_weight=weights)


def hopeless(goals: Goals, lost: dict[int, str]) -> Goals:
    """The goals without some that cannot be had."""
    for goal in lost:
        goals = goals.without(goal)
    return goals


def wanted_of(goals: Goals) -> BoolArray:
    """Which goals are classes wanted of single queries, (n_goals,)."""
    return np.asarray((goals.quota < 0) & ~goals.kept)

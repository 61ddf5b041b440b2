"""Lower bounds that a caller has at hand, applied to what a search found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._typing import FloatArray
from ..arguments import as_numbers, shown
from ..bound import Bound
from ..fits import AnyFit, Fit
from ..problem import Edit
from ..question import Question
from .flip_set import FlipSet

# An entry of the single-relabel table this close to the threshold counts as a flip: the table's error is far smaller.
_TABLE_SLACK = 1e-5


@dataclass(frozen=True, eq=False)
class Proof:
    """Sources of lower bounds: a bound, and rows of the single-relabel table, (m, n_rows), or (m, n_rows, K)."""

    bound: Bound | None
    table: FloatArray | None

    def applied(self, flip_set: FlipSet, question: Question, place: int) -> FlipSet:
        """The flip set with the best lower bound that is proven; ``place`` is the query's row of the table."""
        if self.table is not None:
            margins = question.direction * (self.table[place, question.candidates] - question.offset)
            flip_set = self.by_table(flip_set, margins)
        if self.bound is None:
            return flip_set
        proven = self.bound.answer(question, flip_set.size if flip_set.verified else None)
        return replace(flip_set, lower_bound=max(flip_set.lower_bound, proven))

    def by_table(self, flip_set: FlipSet, margins: FloatArray) -> FlipSet:
        """The flip set with a lower bound of 2 where none of these margins, of all single edits, has come to nothing.

        An edit that leaves a class without rows has no refit: NaN.
        """
        if (margins[~np.isnan(margins)] < _TABLE_SLACK).any():
            return flip_set
        return replace(flip_set, lower_bound=max(flip_set.lower_bound, 2))


def as_proof(fit: AnyFit, edit: Edit, bound: Bound | None, table: Any, n_queries: int, *, who: str) -> Proof:
    """Check the sources of lower bounds.

    Raises
    ------
    TypeError
        If the bound is not a `Bound`.
    ValueError
        If the bound is of another fit or edit, or the table of another shape or used for removals; or for a naive
        Bayes, whose lower bound needs neither.
    """
    if not isinstance(fit, Fit) and not (bound is None and table is None):
        raise ValueError(f"{who}: expected no bound and no table for a naive Bayes: its lower bound needs neither.")
    if bound is not None and not isinstance(bound, Bound):
        raise TypeError(f"{who}: expected bound as remainder_bound or pair_bound made it, or None, got {shown(bound)}.")
    if bound is not None and (bound.fit is not fit or bound.edit != edit):
        raise ValueError(
            f"{who}: expected a bound made of this fit for edit {edit!r}, got one of {bound.fit} for {bound.edit!r}."
        )
    if table is None:
        return Proof(bound, None)
    if edit != "relabel":
        raise ValueError(f"{who}: table holds single relabels and says nothing about edit {edit!r}.")
    array = as_numbers(table, who=f"{who}: table")
    shape: tuple[int, ...] = (n_queries, fit.n_rows)
    if len(fit.classes) > 2:
        shape = (*shape, len(fit.classes))
    if array.shape == shape[1:] and n_queries == 1:
        array = array[None]
    if array.shape != shape:
        raise ValueError(f"{who}: expected table of shape {shape}, got {array.shape}.")
    return Proof(bound, array)

"""The interface of every bound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..arguments import as_rows, as_whole, check_monitor
from ..evidence import FACTOR_RTOL, factors, solved_factors
from ..fits import Fit
from ..monitor import Monitor
from ..problem import Edit
from ..question import Question
from .gains import Query, queries_of

MAX_REFITS = 2000  # per query: some ten seconds on SST-2


@dataclass(frozen=True, eq=False)
class Bound(ABC):
    """Proves that no set of fewer than so many training rows flips a query. Made once per fit and edit; immutable."""

    fit: Fit
    edit: Edit

    @property
    @abstractmethod
    def reason(self) -> str:
        """What the bound can and cannot prove for this model, in words."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Size of the tables in bytes."""

    @abstractmethod
    def _smallest(
        self, query: Query, candidates: BoolArray, at_most: int | None, max_refits: int, monitor: Monitor | None
    ) -> int:
        """1 + the largest size proven not to flip the query; at most ``at_most``."""

    def lower_bound(
        self,
        x: Any,
        threshold: float | None = None,
        candidates: Any = None,
        at_most: int | None = None,
        *,
        factor: FloatArray | None = None,
        max_refits: int = MAX_REFITS,
        monitor: Monitor | None = None,
    ) -> int:
        """A proven lower bound: no set of fewer candidate rows flips the query; at least 1.

        Parameters
        ----------
        x
            One query, as `find_flip_set` takes it.
        threshold
            As in `find_flip_set`.
        candidates
            Rows that may be edited: numbers or a mask; all if None. A remainder bound builds separate tables for each
            set of candidates: two products of n_rows x n_rows x n_candidates.
        at_most
            A size that is known to flip: the bound cannot be larger, and the search for it stops there.
        factor
            ``H^-1 x``, shape (n_params,), if known; it may be approximate, its error is accounted for.
        max_refits
            Pairs that a pair bound leaves open are refitted if there are no more than this; otherwise the answer is 2.

        Returns
        -------
        int
            1 + the largest k for which it is proven that no k rows flip. It may exceed the number of candidates: then
            no set of them flips.

        Notes
        -----
        Cost: one CG solve. A remainder bound then makes one pass over its kernel for each of about log2(bound)
        sizes, a pair bound three passes over its tables and typically zero to some hundred refits.
        """
        check_monitor(monitor, who="lower_bound")
        who = f"{type(self).__name__}.lower_bound"
        design = self.fit.query_of(x, who=f"{who}: x")
        solved = factors(self.fit, design) if factor is None else np.asarray(factor, dtype=np.float64)[:, None]
        right, offset = self.fit.problem.extended_rows(design), self.fit.threshold_logit(threshold, who=who)
        (query,) = queries_of(self.fit, right, solved, offset)
        limit = None if at_most is None else as_whole(at_most, 0, who=f"{who}: at_most")
        return self._smallest(query, self._mask(candidates, who), limit, max_refits, monitor)

    def lower_bounds(
        self,
        X_query: Any,
        threshold: float | None = None,
        candidates: Any = None,
        at_most: Any = None,
        *,
        max_refits: int = MAX_REFITS,
        monitor: Monitor | None = None,
    ) -> IntArray:
        """`lower_bound` for each of m queries, int64, shape (m,); ``at_most`` has one size for each, or is None."""
        check_monitor(monitor, who="lower_bounds")
        who = f"{type(self).__name__}.lower_bounds"
        design = self.fit.design_of(X_query, who=f"{who}: X_query")
        right, offset = self.fit.problem.extended_rows(design), self.fit.threshold_logit(threshold, who=who)
        queries = queries_of(self.fit, right, factors(self.fit, design), offset)
        limits = [None] * len(queries) if at_most is None else list(at_most)
        if len(limits) != len(queries):
            raise ValueError(
                f"{who}: expected at_most of length {len(queries)}, one size for each query, got {len(limits)}."
            )
        mask, out = self._mask(candidates, who), []
        for query, limit in zip(queries, limits, strict=True):
            out.append(self._smallest(query, mask, limit, max_refits, monitor))
            if monitor is not None:
                monitor.step("lower bounds", len(out), len(queries))
        return np.array(out, dtype=np.int64)

    def answer(self, question: Question, at_most: int | None) -> int:
        """`lower_bound` for a question with this fit and edit."""
        assert question.fit is self.fit
        assert question.edit == self.edit
        right = question.functional[:, None]
        solved = solved_factors(self.fit, right, rtol=FACTOR_RTOL).x
        (query,) = queries_of(self.fit, right, solved, question.offset)
        return self._smallest(query, self._mask(question.candidates, "bound"), at_most, MAX_REFITS, None)

    def _mask(self, candidates: Any, who: str) -> BoolArray:
        mask = np.ones(self.fit.n_rows, dtype=bool)
        if candidates is not None:
            mask[:] = False
            mask[as_rows(candidates, self.fit.n_rows, who=f"{who}: candidates")] = True
        return mask

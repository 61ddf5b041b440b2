"""The public face of the closed-box remainder bound: what it costs, its tables, and bounds for queries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..arguments import as_rows, check_edit, check_threshold
from ..fitting import Fit
from ..influence import factors
from ..monitor import Monitor
from ..problem import Edit
from .boxes import Boxes, Closure
from .cost import DECISION_RTOL, MAX_BYTES, BoundCost
from .couplings import make_couplings
from .gains import Query, direct_gains, largest_gain, queries_of
from .kernel import Kernel, make_kernel
from .pointwise import Pointwise
from .top import KEPT

_REMEMBERED = 4
_FIXED_BYTES = 2**27
_LEAST_LEFT, _FLOOR = 1e-6, 1e-12


def remainder_bound_cost(fit: Fit) -> BoundCost:
    """What `remainder_bound` will take, before anything is spent.

    Memory: 16 n_rows^2 bytes and some blocks of rows. Operations: 2.3 n_rows^3 for the kernel in float64 and
    4 n_rows^3 for its two products in float32. A core does some 2e10 to 1e11 of them a second.
    """
    n, columns = fit.n_rows, fit.problem.design.n_features
    lists = 5 * KEPT * 20 * n
    return BoundCost(n, 16 * n * n + lists + 64 * max(n, columns) + _FIXED_BYTES, (19 * n**3) // 3)


def remainder_bound(
    fit: Fit, *, edit: Edit = "relabel", max_bytes: int = MAX_BYTES, monitor: Monitor | None = None
) -> RemainderBound:
    """Build the tables of the closed-box remainder bound for a fit, once for all queries and thresholds.

    Parameters
    ----------
    fit
        A fit at its minimiser.
    edit
        ``"relabel"`` or ``"remove"``.
    max_bytes
        The memory that may be spent.
    monitor
        Receives progress and may stop the work between its four steps.

    Raises
    ------
    ValueError
        If the tables would take more memory than allowed; nothing was spent then.
    ArithmeticError
        If the tables cannot be made accurately enough.

    Notes
    -----
    Cost: `remainder_bound_cost` says. The kernel stays: 4 n_rows^2 bytes.
    """
    check_edit(edit, who="remainder_bound")
    cost = remainder_bound_cost(fit)
    if cost.bytes > max_bytes:
        raise ValueError(
            f"remainder_bound: expected tables of at most {max_bytes / 2**30:.2f} GiB, got {cost}. Allow more with "
            "max_bytes if the machine has it, or do without: a flip set is as valid with the bound 1."
        )
    return _bound(fit, edit, make_kernel(fit, monitor), monitor)


@dataclass(frozen=True, eq=False)
class RemainderBound:
    """Certified lower bounds on the size of any set of training rows whose edit flips a query.

    Made by `remainder_bound`. Boxes and the tables of the last few candidate sets are remembered; threads may share it,
    and what two of them need is made once.
    """

    fit: Fit
    edit: Edit
    kernel: Kernel
    _closures: dict[bytes, _Sizes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def with_edit(self, edit: Edit, *, monitor: Monitor | None = None) -> RemainderBound:
        """The bound for the other edit, from the same kernel. Cost: about two thirds of making it anew."""
        check_edit(edit, who="RemainderBound.with_edit")
        return self if edit == self.edit else _bound(self.fit, edit, self.kernel, monitor)

    def lower_bound(
        self,
        x: Any,
        threshold: float = 0.5,
        candidates: Any = None,
        at_most: int | None = None,
        *,
        factor: FloatArray | None = None,
    ) -> int:
        """A size such that no set of fewer candidate rows flips the query, proven; at least 1.

        Parameters
        ----------
        x
            One query, as `find_flip_set` takes it.
        threshold
            As in `find_flip_set`.
        candidates
            Rows that may be edited: numbers or a mask; all if None. Another set of candidates makes its own
            tables: two products of n_rows x n_rows x n_candidates.
        at_most
            A size that is known to flip: the bound cannot be larger, and is not looked for beyond.
        factor
            ``H^-1 x``, shape (n_params,), if it is at hand; it may be rough, its error is accounted for.

        Returns
        -------
        int
            1 + the largest k for which it is proven that no k rows flip; 1 where the boxes do not close. It may
            exceed the number of candidates: then no set of them flips.

        Notes
        -----
        Cost: one CG solve, and for each of about log2 of the bound sizes one pass over the kernel.
        """
        design = self.fit.query_of(x, who="RemainderBound.lower_bound: x")
        right = self.fit.problem.extended_rows(design)
        solved = factors(self.fit, design) if factor is None else np.asarray(factor, dtype=np.float64)[:, None]
        cut = check_threshold(threshold, who="RemainderBound.lower_bound")
        return self._sizes(candidates).smallest_possible(queries_of(self.fit, right, solved, cut)[0], at_most)

    def lower_bounds(
        self, X_query: Any, threshold: float = 0.5, candidates: Any = None, at_most: Any = None
    ) -> IntArray:
        """`lower_bound` for each of m queries, int64, shape (m,); ``at_most`` is one size for each, or None."""
        design = self.fit.design_of(X_query, who="RemainderBound.lower_bounds: X_query")
        right = self.fit.problem.extended_rows(design)
        cut = check_threshold(threshold, who="RemainderBound.lower_bounds")
        queries = queries_of(self.fit, right, factors(self.fit, design), cut)
        limits = [None] * len(queries) if at_most is None else list(at_most)
        if len(limits) != len(queries):
            raise ValueError(
                f"RemainderBound.lower_bounds: expected at_most of length {len(queries)}, one size for each query, "
                f"got {len(limits)}."
            )
        sizes = self._sizes(candidates)
        found = [sizes.smallest_possible(query, limit) for query, limit in zip(queries, limits, strict=True)]
        return np.array(found, dtype=np.int64)

    @property
    def closes_to(self) -> int:
        """The largest number of rows for which closed boxes were found; 0 if none. Found when first asked for."""
        return self._sizes(None).closes_to

    @property
    def reason(self) -> str:
        """What the bound can and cannot say of this model, in words."""
        size, n = self.closes_to, self.fit.n_rows
        if size >= n:
            return "The bound covers sets of any size."
        if size:
            return (
                f"The bound covers sets of up to {size} rows, so that it is at most {size + 1}: beyond, the effects "
                "of edited rows on each other could not be bounded. A smaller C covers larger sets."
            )
        return (
            "No lower bound beyond 1: even one edited row moves others so far that their effects on each other could "
            "not be bounded. A smaller C would help; on tiny data, so does trying all sets (exhaustive_lower_bound)."
        )

    @property
    def nbytes(self) -> int:
        """Bytes that the kernel holds."""
        return int(self.kernel.cross.nbytes + self.kernel.own.nbytes)

    def _sizes(self, candidates: Any) -> _Sizes:
        mask = np.ones(self.fit.n_rows, dtype=bool)
        if candidates is not None:
            mask[:] = False
            mask[as_rows(candidates, self.fit.n_rows, who="RemainderBound.lower_bound: candidates")] = True
        key = np.packbits(mask).tobytes()
        with self._lock:
            if key not in self._closures:
                while len(self._closures) >= _REMEMBERED:
                    self._closures.pop(next(reversed(self._closures)))  # the first, of all rows, stays
                self._closures[key] = _Sizes(_closure(self.fit, self.edit, self.kernel, mask, None))
            return self._closures[key]


@dataclass(eq=False)
class _Sizes:
    """Closed boxes by size, found when first needed."""

    closure: Closure
    _boxes: dict[int, Boxes | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def smallest_possible(self, query: Query, at_most: int | None) -> int:
        """1 + the largest size found that is proven not to flip the query, but not above ``at_most``.

        The largest size at which the direct gains alone do not reach is cheap to find; the answer is close below.
        """
        most = int(self.closure.candidates.sum())
        if at_most is not None:
            most = min(most, max(0, int(at_most) - 1))
        high, low, below = _largest_true(lambda size: self._in_reach(query, size), most) + 1, 0, 1
        while high - low > 1:
            size = (low + high) // 2 if low else max(1, high - below)
            if self._excluded(query, size):
                low = size
            else:
                high, below = size, 2 * below
        return 1 + low

    @property
    def closes_to(self) -> int:
        return _largest_true(lambda size: self._at(size) is not None, int(self.closure.candidates.sum()))

    def _in_reach(self, query: Query, size: int) -> bool:
        boxes = self._at(size)
        return boxes is not None and np.sort(direct_gains(self.closure, boxes, query))[-size:].sum() < query.need

    def _excluded(self, query: Query, size: int) -> bool:
        boxes = self._at(size)
        return boxes is not None and largest_gain(self.closure, boxes, query) < query.need * (1.0 - DECISION_RTOL)

    def _at(self, size: int) -> Boxes | None:
        with self._lock:
            if size not in self._boxes:
                open_at = min((at for at, boxes in self._boxes.items() if boxes is None), default=np.inf)
                closed = [boxes for boxes in self._boxes.values() if boxes is not None and boxes.size < size]
                start = max(closed, key=lambda boxes: boxes.size, default=None)
                self._boxes[size] = None if size > open_at else self.closure.boxes(size, start)
            return self._boxes[size]


def _largest_true(holds: Callable[[int], bool], most: int) -> int:
    """The largest size up to ``most`` at which ``holds`` was seen, by doubling and bisection; 0 if not at 1."""
    low, high = 0, 1
    while high <= most and holds(high):
        low, high = high, 2 * high
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _bound(fit: Fit, edit: Edit, kernel: Kernel, monitor: Monitor | None) -> RemainderBound:
    everything = np.ones(fit.n_rows, dtype=bool)
    sizes = _Sizes(_closure(fit, edit, kernel, everything, monitor))
    return RemainderBound(fit, edit, kernel, {np.packbits(everything).tobytes(): sizes})


def _closure(fit: Fit, edit: Edit, kernel: Kernel, candidates: BoolArray, monitor: Monitor | None) -> Closure:
    problem = fit.problem
    rows = Pointwise(fit.eta, problem.weights, problem.labels.signs, problem.d2loss(fit.eta))
    force = np.where(candidates, np.abs(problem.force(fit.eta, edit)), 0.0)
    left = np.maximum(1.0 - kernel.own * rows.curvature, _LEAST_LEFT)
    guess = force if edit == "relabel" else force / left
    reference = np.where(candidates, np.maximum(guess, _FLOOR * max(float(guess.max()), _FLOOR)), 0.0)
    couplings = make_couplings(kernel, rows, np.flatnonzero(candidates).astype(np.int64), reference, monitor)
    return Closure(rows, kernel, couplings, force, candidates, edit == "relabel", _gradient_error(fit, kernel))


def _gradient_error(fit: Fit, kernel: Kernel) -> float:
    """Bound on the gradient at the fit in the norm of H^-1, the rounding of its evaluation included."""
    n = fit.n_rows
    rounding = 2.0 * n**1.5 * float(np.finfo(np.float64).eps) * fit.problem.gradient_scale
    return float(np.sqrt(kernel.inverse_norm) * (fit.gradient_norm + rounding))

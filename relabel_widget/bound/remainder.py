"""Public functions of the closed-box remainder bound: its cost, its tables, and bounds for queries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._typing import BoolArray
from ..arguments import check_edit, check_monitor
from ..fits import Fit, check_logistic
from ..monitor import Monitor
from ..problem import Edit
from .base import Bound
from .boxes import Boxes, Closure
from .cost import DECISION_RTOL, MAX_BYTES, BoundCost
from .couplings import make_couplings
from .gains import Query, direct_gains, largest_gain
from .kernel import Kernel, make_kernel
from .pointwise import Pointwise
from .top import KEPT

_REMEMBERED = 4
_FIXED_BYTES = 2**27
_LEAST_LEFT, _FLOOR = 1e-6, 1e-12


def remainder_bound_cost(fit: Fit) -> BoundCost:
    """Estimate the cost of `remainder_bound` in advance.

    Memory: 16 n_rows^2 bytes and some blocks of rows. Operations: 2.3 n_rows^3 for the kernel in float64 and
    4 n_rows^3 for its two products in float32. A core does about 2e10 to 1e11 of them per second.
    """
    check_logistic(fit, who="remainder_bound_cost")
    n, columns = fit.n_rows, fit.problem.design.n_features
    lists = 5 * KEPT * 20 * n
    return BoundCost(n, 16 * n * n + lists + 64 * max(n, columns) + _FIXED_BYTES, (19 * n**3) // 3)


def remainder_bound(
    fit: Fit, *, edit: Edit = "relabel", max_bytes: int = MAX_BYTES, monitor: Monitor | None = None
) -> RemainderBound:
    """Build the tables of the closed-box remainder bound of a fit, once for all queries and thresholds.

    Parameters
    ----------
    fit
        A fit at its minimiser.
    edit
        ``"relabel"`` or ``"remove"``.
    max_bytes
        Memory limit.
    monitor
        Receives progress and can cancel the work between its four steps.

    Raises
    ------
    ValueError
        If the tables would take more memory than allowed; raised before any work.
    ArithmeticError
        If the tables cannot be computed accurately enough.

    Notes
    -----
    Cost: see `remainder_bound_cost`. The kernel stays in memory: 4 n_rows^2 bytes.
    """
    check_logistic(fit, who="remainder_bound")
    check_monitor(monitor, who="remainder_bound")
    check_edit(edit, who="remainder_bound")
    cost = remainder_bound_cost(fit)
    if cost.bytes > max_bytes:
        raise ValueError(
            f"remainder_bound: expected tables of at most {max_bytes / 2**30:.2f} GiB, got {cost}. Allow more with "
            "max_bytes if the machine has it, or go without: a flip set is just as valid with a bound of 1."
        )
    return _bound(fit, edit, make_kernel(fit, monitor), monitor)


@dataclass(frozen=True, eq=False)
class RemainderBound(Bound):
    """Certified lower bounds on the size of any set of training rows whose edit flips a query; 1 if boxes do not close.

    Made by `remainder_bound`. Boxes and the tables of the last few candidate sets are cached. Thread-safe; what several
    threads need is computed once.
    """

    kernel: Kernel
    _closures: dict[bytes, _Sizes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def with_edit(self, edit: Edit, *, monitor: Monitor | None = None) -> RemainderBound:
        """The bound for the other edit, from the same kernel. Cost: about two thirds of building it from scratch."""
        check_monitor(monitor, who="with_edit")
        check_edit(edit, who="RemainderBound.with_edit")
        return self if edit == self.edit else _bound(self.fit, edit, self.kernel, monitor)

    @property
    def closes_to(self) -> int:
        """The largest number of rows for which closed boxes were found; 0 if none. Computed on first use."""
        return self._sizes(None).closes_to

    @property
    def reason(self) -> str:  # noqa: D102 - as in Bound
        size, n = self.closes_to, self.fit.n_rows
        if size >= n:
            return "The bound covers sets of any size."
        if size:
            return (
                f"The bound covers sets of up to {size} rows, so it is at most {size + 1}: beyond that, the effects "
                "of edited rows on each other could not be bounded. A smaller C covers larger sets."
            )
        return (
            "No lower bound beyond 1: even one edited row moves others so far that their effects on each other could "
            "not be bounded. A smaller C would help; on tiny data, so does trying all sets (exhaustive_lower_bound)."
        )

    @property
    def nbytes(self) -> int:  # noqa: D102 - as in Bound
        return int(self.kernel.cross.nbytes + self.kernel.own.nbytes)

    def _smallest(
        self,
        query: Query,
        candidates: BoolArray,
        at_most: int | None,
        max_refits: int,  # noqa: ARG002 - this bound refits nothing
        monitor: Monitor | None,  # noqa: ARG002 - and takes no time worth a report
    ) -> int:
        return self._sizes(candidates).smallest_possible(query, at_most)

    def _sizes(self, candidates: Any) -> _Sizes:
        mask = self._mask(candidates, "RemainderBound")
        key = np.packbits(mask).tobytes()
        with self._lock:
            if key not in self._closures:
                while len(self._closures) >= _REMEMBERED:
                    self._closures.pop(next(reversed(self._closures)))  # keep the first, for all rows
                self._closures[key] = _Sizes(_closure(self.fit, self.edit, self.kernel, mask, None))
            return self._closures[key]


@dataclass(eq=False)
class _Sizes:
    """Closed boxes by size, computed on first use."""

    closure: Closure
    _boxes: dict[int, Boxes | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def smallest_possible(self, query: Query, at_most: int | None) -> int:
        """1 + the largest size found that is proven not to flip the query, at most ``at_most``.

        The largest size at which the direct gains alone do not reach the threshold is cheap to find; the answer is
        slightly smaller.
        """
        most = int(self.closure.candidates.sum())
        if at_most is not None:
            most = min(most, max(0, int(at_most) - 1))
        high = _largest_true(lambda size: self._in_reach(query, size), most) + 1
        low = 0
        below = 1
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
    """The largest size up to ``most`` at which ``holds`` was true, by doubling and bisection; 0 if false at 1."""
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
    """Bound on the gradient at the fit in the norm of H^-1, including the rounding of its evaluation."""
    n = fit.n_rows
    rounding = 2.0 * n**1.5 * float(np.finfo(np.float64).eps) * fit.problem.gradient_scale
    return float(np.sqrt(kernel.inverse_norm) * (fit.gradient_norm + rounding))

"""An exact lower bound for tiny data, by trying every set."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, islice
from math import comb
from typing import Any

import numpy as np

from .._typing import IntArray
from ..arguments import as_rows, as_whole, check_edit, check_monitor
from ..design import Design
from ..fits import Fit, check_fit
from ..monitor import Monitor
from ..problem import Edit, OneVsRestProblem
from ..question import Question
from .small import SLACK, SmallProblem
from .small_classes import SmallClasses
from .small_rest import SmallRest

MAX_REFITS = 50_000
_WHO = "exhaustive_lower_bound"


def exhaustive_refits(n_candidates: int, largest: int) -> int:
    """Number of sets of 1 to ``largest`` of ``n_candidates`` rows, each of which takes a refit."""
    return sum(comb(n_candidates, size) for size in range(1, largest + 1))


def exhaustive_lower_bound(
    fit: Fit,
    x: Any,
    *,
    threshold: float | None = None,
    edit: Edit = "relabel",
    candidates: Any = None,
    largest: int = 2,
    max_refits: int = MAX_REFITS,
    monitor: Monitor | None = None,
) -> int:
    """The size of the smallest set that flips a query, by refitting every set of at most ``largest`` rows.

    Parameters
    ----------
    fit, x, threshold, edit, candidates
        As in `find_flip_set`.
    largest
        The largest set size to try.
    max_refits
        Refuse to start if more refits would be needed; `exhaustive_refits` counts them. With K classes each row counts
        K - 1 times, once for each new label.

    Returns
    -------
    int
        The smallest size at which some set flips, or ``largest + 1`` if none does. A set whose margin after its refit
        is within 1e-6 of the threshold counts as flipping; one that leaves a class without rows cannot be refitted and
        does not count. With several classes a set flips as soon as any other class is predicted.

    Raises
    ------
    ValueError
        If more than ``max_refits`` refits would be needed, or an argument is not as described.

    Notes
    -----
    Cost: a few Newton steps per set, each 2 n_rows r^2 operations, r the smaller of n_rows and n_features.
    """
    check_fit(fit, who=_WHO, several=True, instead="The lower_bound of find_flip_set is proven for a naive Bayes.")
    check_monitor(monitor, who="exhaustive_lower_bound")
    check_edit(edit, who="exhaustive_lower_bound")
    offset = fit.threshold_logit(threshold, who="exhaustive_lower_bound")
    rows = np.arange(fit.n_rows) if candidates is None else as_rows(candidates, fit.n_rows, who=f"{_WHO}: candidates")
    largest = min(as_whole(largest, 0, who=f"{_WHO}: largest"), len(rows))
    edits = fit.problem.all_edits(rows, edit)
    count = exhaustive_refits(len(edits), largest)
    if count > max_refits:
        fewer = max((s for s in range(largest) if exhaustive_refits(len(edits), s) <= max_refits), default=0)
        raise ValueError(
            f"exhaustive_lower_bound: expected at most {max_refits} refits, got {count} for sets of up to {largest} "
            f"of {len(rows)} rows. Use largest={fewer} or fewer candidates, or raise max_refits."
        )
    small, done = _small(fit, fit.query_of(x, who=_WHO), offset, edit, rows), 0
    for size in range(1, largest + 1):
        for sets in sets_of(edits, size, small.group_size):
            margins, doubts = small.margins(sets)
            if not (margins - doubts > SLACK).all():
                return size
            done += len(sets)
            if monitor is not None:
                monitor.step("trying all sets", done, count)
    return largest + 1


def _small(
    fit: Fit, query: Design, offset: float, edit: Edit, rows: IntArray
) -> SmallProblem | SmallClasses | SmallRest:
    functional = fit.problem.extended_rows(query)[:, 0]
    if len(fit.classes) == 2:
        return SmallProblem.of(Question(fit, functional, offset, edit, rows))
    kind = SmallRest if isinstance(fit.problem, OneVsRestProblem) else SmallClasses
    return kind.of(fit, functional, int(fit.decision(query)[0].argmax()), None, edit)


def sets_of(rows: IntArray, size: int, group: int) -> Iterator[IntArray]:
    """All sets of ``size`` of the rows, or edits, as arrays (group, size), in lexicographic order."""
    sets = combinations(rows.tolist(), size)
    while block := list(islice(sets, group)):
        yield np.fromiter(chain.from_iterable(block), np.int64, len(block) * size).reshape(-1, size)

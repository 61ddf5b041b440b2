"""How many relabels a model's predictions withstand: verified sets on one side, proven bounds on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import FloatArray, IntArray
from ..arguments import as_whole, check_monitor
from ..bound import RemainderBound
from ..files.cards import card
from ..fits import AnyFit, check_any_fit
from ..monitor import Monitor
from ..problem import Edit
from ..search import FlipSet, check_flip_sets, find_flip_sets

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class RobustnessCurve:
    """Share of predictions that flip with at most k edits, bounded by two curves.

    Attributes
    ----------
    queries
        One line for each query: ``query, size`` (of its verified set, NaN if none was found, or the refit of an adopted
        estimator did not confirm it), ``lower_bound``.
    edit
        ``"relabel"`` or ``"remove"``.
    """

    queries: pd.DataFrame
    edit: Edit

    @property
    def table(self) -> pd.DataFrame:
        """One line for each k at which a curve steps, from 0.

        Columns ``k, flip_at_least, flip_at_most, stand_at_least, stand_at_most``, shares in [0, 1].

        ``flip_at_least`` is the share whose verified set has at most k rows: these flip. ``flip_at_most`` is the share
        whose proven lower bound is at most k: no others can flip. ``stand_*`` are the complements: with k edits,
        verified sets bound the share that stands from above, and certified bounds from below.
        """
        import pandas as pd

        sizes, bounds = self.queries["size"].to_numpy(dtype=float), self.queries["lower_bound"].to_numpy()
        k = np.unique(np.concatenate([[0], sizes[~np.isnan(sizes)], bounds])).astype(np.int64)
        least, most = _at_most(sizes[~np.isnan(sizes)], k, len(sizes)), _at_most(bounds, k, len(bounds))
        return pd.DataFrame(
            {
                "k": k,
                "flip_at_least": least,
                "flip_at_most": most,
                "stand_at_least": 1.0 - most,
                "stand_at_most": 1.0 - least,
            }
        )

    @property
    def bounded(self) -> bool:
        """Whether more than one edit is proven necessary for any query; otherwise nothing is said of how many stand."""
        return bool((self.queries["lower_bound"] > 1).any())

    def at(self, k: int) -> tuple[float, float]:
        """The smallest and the largest share of predictions that can flip with at most k edits."""
        k = as_whole(k, 0, who="RobustnessCurve.at: k")
        sizes, bounds = self.queries["size"].to_numpy(dtype=float), self.queries["lower_bound"].to_numpy()
        return float((sizes <= k).mean()), float((bounds <= k).mean())  # NaN is not at most anything

    def chart(self) -> Any:
        """An Altair chart of both curves over k, and the undecided band between them."""
        from .pictures import robustness_picture

        return robustness_picture(self)

    def __repr__(self) -> str:
        shares = ", ".join(f"k = {k}: {self._share(k)}" for k in (1, 2, 5, 10))
        return f"RobustnessCurve({len(self.queries)} queries, {self.edit}; flip with at most {shares})"

    def _repr_html_(self) -> str:
        facts = [("Queries", f"{len(self.queries):,}"), ("Edit", self.edit)]
        facts += [(f"Flip with at most {k}", self._share(k)) for k in (1, 2, 5, 10)]
        return card("RobustnessCurve", facts)

    def _share(self, k: int) -> str:
        least, most = self.at(k)
        return f"{least:.0%} to {most:.0%}" if self.bounded else f"at least {least:.0%}"


def robustness_curve(
    fit: AnyFit,
    X_query: Any,
    *,
    flip_sets: Sequence[FlipSet] | None = None,
    threshold: float | None = None,
    edit: Edit = "relabel",
    candidates: Any = None,
    budget: Any = None,
    bound: RemainderBound | None = None,
    table: Any = None,
    n_jobs: int | None = None,
    progress: bool | None = None,
    monitor: Monitor | None = None,
) -> RobustnessCurve:
    """Share of predictions that flip with at most k relabels: verified sets on one side, certified bounds on the other.

    Parameters
    ----------
    fit, X_query, threshold, edit, candidates, budget, bound, table, n_jobs, progress, monitor
        As in `find_flip_sets`. Without ``bound`` or ``table`` nothing beyond 1 is certified unless the problem is
        small, and the curve of bounds is at 1 from the first relabel on. A naive Bayes is certified without either.
    flip_sets
        Flip sets of the queries, if known already; the other arguments are then ignored.

    Returns
    -------
    RobustnessCurve

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, a set is of another method, or there are no queries.

    Notes
    -----
    Cost: one search for each query.
    """
    check_any_fit(fit, who="robustness_curve", bayes=True)
    check_monitor(monitor, who="robustness_curve")
    if flip_sets is None:
        flip_sets = find_flip_sets(
            fit, X_query, threshold=threshold, edit=edit, candidates=candidates, budget=budget, bound=bound,
            table=table, n_jobs=n_jobs, progress=progress, monitor=monitor,
        )  # fmt: skip
    else:
        check_flip_sets(flip_sets, who="robustness_curve")
    if not flip_sets:
        raise ValueError("robustness_curve: expected at least one query, got none.")
    unverified = sum(each.method != "verified" for each in flip_sets)
    edits = {each.edit for each in flip_sets}
    if unverified or len(edits) > 1:
        raise ValueError(
            f'robustness_curve: expected flip sets of method "verified" and one edit, got {unverified} of another '
            f"method and edits {sorted(edits)}."
        )
    return _curve(flip_sets, flip_sets[0].edit)


def _curve(flip_sets: Sequence[FlipSet], edit: Edit) -> RobustnessCurve:
    import pandas as pd

    lines = {
        "query": np.arange(len(flip_sets)),
        "size": [float(each.size) if each.verified else np.nan for each in flip_sets],
        "lower_bound": [each.lower_bound for each in flip_sets],
    }
    return RobustnessCurve(pd.DataFrame(lines), edit)


def _at_most(values: FloatArray, k: IntArray, of: int) -> FloatArray:
    return np.asarray(np.searchsorted(np.sort(values), k, side="right") / of)

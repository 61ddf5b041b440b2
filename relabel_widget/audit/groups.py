"""Which groups of training rows the flip sets of wrong predictions come from, compared with chance.

Source: Yang, Xu, Yu, "Relabeling Minimal Training Subset to Flip a Prediction" (EACL Findings 2024), section 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._typing import BoolArray, CodeArray, FloatArray, IntArray
from ..arguments import as_rows, as_whole, check_choice, check_monitor
from ..bayes import BayesFit, predicted_codes, scores_of
from ..design import Design
from ..facts import on_one_line, plural
from ..files.cards import card
from ..fits import AnyFit, check_any_fit
from ..monitor import Monitor
from ..problem import Edit, codes_of_queries
from ..search import FlipSet, check_flip_sets, find_flip_sets
from .noise import Correction, adjusted_p
from .settings import as_labels, check_level

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class GroupAudit:
    """What `group_audit` found.

    Attributes
    ----------
    shares
        One line for each flip set and training group: ``query`` (its index in X_query), ``query_group, train_group,
        rows`` (of the set, in that group), ``size, share``.
    table
        One line for each query group and training group: ``query_group, train_group, sets, share`` (mean over sets),
        ``low, high`` (its interval), ``chance`` (mean share if each row of a set were a random candidate with its
        label), ``times_chance, p, p_adjusted`` (for a share that far from chance).
    ratios
        One line for each training group and pair of query groups: ``train_group, query_group, other, ratio`` (of mean
        shares; infinite where the other's is 0), ``p, p_adjusted`` (permuting query groups between sets; 1 where one
        of them has a single set).
    n_queries, n_audited, n_found
        Number of queries given, of queries audited (only wrong ones if labels were given), and of flip sets found.
    level
        1 minus the confidence of the intervals.
    """

    shares: pd.DataFrame
    table: pd.DataFrame
    ratios: pd.DataFrame
    n_queries: int
    n_audited: int
    n_found: int
    level: float

    def chart(self) -> Any:
        """An Altair chart of shares by query group and training group, with intervals and chance."""
        from .pictures import group_picture

        return group_picture(self)

    def __repr__(self) -> str:
        return on_one_line(f"GroupAudit({self._counts()}; {self._furthest()})")

    def _repr_html_(self) -> str:
        facts = {"Found": self._counts(), "Furthest from chance": self._furthest()}
        return card("GroupAudit", facts.items(), self.table)

    def _counts(self) -> str:
        return f"{plural(self.n_found, 'flip set')} of {plural(self.n_audited, 'query', 'queries')}"

    def _furthest(self) -> str:
        known = self.table[self.table["p_adjusted"].notna()]
        if known.empty:
            return "nothing to compare with chance"
        line = known.sort_values("p_adjusted", kind="stable").iloc[0]
        return (
            f"training group {line['train_group']} has {line['share']:.0%} of the sets of query group "
            f"{line['query_group']}, {line['chance']:.0%} by chance (adjusted p = {line['p_adjusted']:.2g})"
        )


def group_audit(
    fit: AnyFit,
    X_query: Any,
    train_group: Any,
    *,
    query_group: Any = None,
    y_query: Any = None,
    flip_sets: Sequence[FlipSet] | None = None,
    candidates: Any = None,
    threshold: float | None = None,
    edit: Edit = "relabel",
    method: Literal["verified", "first-order"] = "verified",
    budget: Any = None,
    n_jobs: int | None = None,
    level: float = 0.05,
    correction: Correction = "holm",
    resamples: int = 9999,
    seed: int = 0,
    progress: bool | None = None,
    monitor: Monitor | None = None,
) -> GroupAudit:
    """Share of flip sets that falls into each training group, for each group of queries.

    Parameters
    ----------
    fit
        A fit at its minimiser, of n_rows training rows.
    X_query
        Queries, shape (m, n_features), or raw rows of an adopted pipeline.
    train_group
        Each training row's group, shape (n_rows,); booleans are accepted.
    query_group
        Each query's group, shape (m,); a single group if None.
    y_query
        True labels of the queries, shape (m,). If given, only misclassified queries are audited, as in the paper.
    flip_sets
        Flip sets of the queries, one each, in order, if known already; otherwise they are searched for.
    candidates, threshold, edit, method, budget, n_jobs, progress, monitor
        As in `find_flip_sets`.
    level
        Significance level of the intervals (0.05 for 95 %).
    correction
        For multiple comparisons, ``"holm"`` or ``"fdr"``, for each table separately.
    resamples
        Number of resamples for intervals (percentile bootstrap over sets) and permutations.
    seed
        Seed for both.

    Returns
    -------
    GroupAudit

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, no query is misclassified, or none of them has a flip set.

    Notes
    -----
    Chance keeps each set's size and labels: relabelling pushes a prediction one way with rows of one label, so
    groups with a different mix of labels differ without any bias. Its test permutes training groups among candidates
    of one label, which preserves rows shared by several sets. Intervals treat queries as the sample: they say nothing
    about other training data. Cost: one search for each audited query; resamples cost milliseconds.
    """
    check_any_fit(fit, who="group_audit", bayes=True)
    check_monitor(monitor, who="group_audit")
    as_whole(seed, 0, who="group_audit: seed")  # some invalid seeds crash NumPy
    check_level(level, who="group_audit")
    as_whole(resamples, 1, who="group_audit: resamples")
    as_whole(seed, 0, who="group_audit: seed")
    check_choice(correction, "correction", ("holm", "fdr"), who="group_audit")
    queries = fit.design_of(X_query, who="group_audit: X_query")
    m = queries.n_rows
    names, codes = as_labels(train_group, fit.n_rows, who="group_audit: train_group")
    groups = np.full(m, "all queries") if query_group is None else query_group
    query_names, query_codes = as_labels(groups, m, who="group_audit: query_group")
    allowed = np.arange(fit.n_rows)
    if candidates is not None:
        allowed = as_rows(candidates, fit.n_rows, who="group_audit: candidates")
    audited = _audited(fit, queries, y_query, threshold)
    if flip_sets is None:
        found = find_flip_sets(
            fit, queries.take(audited), threshold=threshold, edit=edit, method=method, candidates=candidates,
            budget=budget, n_jobs=n_jobs, progress=progress, monitor=monitor,
        )  # fmt: skip
    else:
        check_flip_sets(flip_sets, who="group_audit")
        if len(flip_sets) != m:
            raise ValueError(f"group_audit: expected one flip set for each of {m} queries, got {len(flip_sets)}.")
        found = [flip_sets[t] for t in audited]
    kept = np.array([each.found for each in found])
    if not kept.any():
        raise ValueError(f"group_audit: none of the {len(audited)} queries has a flip set, so there are no shares.")
    counted = _Counted(
        [each for each in found if each.found], audited[kept], query_codes[audited][kept], codes,
        _codes(fit), allowed, len(names), len(query_names),
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    table = _table(counted, names, query_names, correction, level, resamples, rng)
    ratios = _ratios(counted, names, query_names, correction, resamples, rng)
    return GroupAudit(
        _shares(counted, names, query_names), table, ratios, m, len(audited), int(kept.sum()), float(level)
    )


def _codes(fit: AnyFit) -> CodeArray:
    """Class codes of the training rows."""
    return fit.codes if isinstance(fit, BayesFit) else fit.problem.labels.codes


def _predicted(fit: AnyFit, queries: Design, threshold_logit: float) -> IntArray:
    """Codes of the predicted classes."""
    decision = fit.decision(queries)
    if isinstance(fit, BayesFit):
        return predicted_codes(scores_of(decision), threshold_logit)
    return fit.problem.predicted(decision, threshold_logit)


def _audited(fit: AnyFit, queries: Design, y_query: Any, threshold: Any) -> IntArray:
    threshold_logit = fit.threshold_logit(threshold, who="group_audit")
    if y_query is None:
        return np.arange(queries.n_rows)
    truth = codes_of_queries(y_query, queries.n_rows, who="group_audit: y_query", classes=fit.classes)
    wrong = np.flatnonzero(_predicted(fit, queries, threshold_logit) != truth)
    if not len(wrong):
        raise ValueError(
            "group_audit: no query is misclassified, so there is nothing to audit. Omit y_query to audit all queries."
        )
    return wrong


@dataclass(frozen=True, eq=False)
class _Counted:
    """Flip sets, with the groups of their rows."""

    sets: list[FlipSet]
    queries: IntArray
    query_codes: IntArray
    train_codes: IntArray
    labels: CodeArray
    allowed: IntArray
    n_groups: int
    n_query_groups: int

    def counts(self) -> IntArray:
        """Number of rows of each set in each training group, (sets, groups)."""
        return np.array([np.bincount(self.train_codes[each.rows], minlength=self.n_groups) for each in self.sets])

    def shares(self) -> FloatArray:
        counts = self.counts()
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))

    def weights(self, of: BoolArray) -> FloatArray:
        """Contribution of each training row to the mean share of its group over some sets, (n_rows,), summing to 1."""
        weights = np.zeros(len(self.train_codes))
        for each, take in zip(self.sets, of, strict=True):
            if take:
                weights[each.rows] += 1.0 / (each.size * int(of.sum()))
        return weights

    def by_label(self) -> list[IntArray]:
        """The candidates of each label."""
        return [self.allowed[self.labels[self.allowed] == code] for code in np.unique(self.labels)]

    def chance(self, weights: FloatArray) -> FloatArray:
        """Mean shares if every row of a set were a random candidate with its label, (groups,)."""
        out = np.zeros(self.n_groups)
        for rows in self.by_label():
            if len(rows):
                mix = np.bincount(self.train_codes[rows], minlength=self.n_groups) / len(rows)
                out += weights[rows].sum() * mix
        return out

    def permuted(self, weights: FloatArray, resamples: int, rng: np.random.Generator) -> FloatArray:
        """Mean shares with training groups permuted among candidates of one label, (resamples, groups)."""
        out = np.zeros((resamples, self.n_groups))
        for rows in self.by_label():
            used = weights[rows][weights[rows] > 0]
            for k in range(resamples if len(used) else 0):
                drawn = rng.choice(self.train_codes[rows], len(used), replace=False, shuffle=True)
                out[k] += np.bincount(drawn, weights=used, minlength=self.n_groups)
        return out


def _shares(counted: _Counted, names: list[Any], query_names: list[Any]) -> pd.DataFrame:
    import pandas as pd

    lines = [
        (int(query), query_names[code], name, int(n), each.size, n / each.size)
        for each, query, code, counts in zip(
            counted.sets, counted.queries, counted.query_codes, counted.counts(), strict=True
        )
        for name, n in zip(names, counts, strict=True)
    ]
    return pd.DataFrame(lines, columns=["query", "query_group", "train_group", "rows", "size", "share"])


def _table(
    counted: _Counted,
    names: list[Any],
    query_names: list[Any],
    correction: Correction,
    level: float,
    resamples: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    import pandas as pd

    shares, lines = counted.shares(), []
    for code in range(counted.n_query_groups):
        of = counted.query_codes == code
        if not of.any():
            continue
        weights = counted.weights(of)
        seen, chance = shares[of].mean(axis=0), counted.chance(weights)
        away = np.abs(counted.permuted(weights, resamples, rng) - chance) >= np.abs(seen - chance) - 1e-12
        p = (1.0 + away.sum(axis=0)) / (resamples + 1.0)
        for g, name in enumerate(names):
            low, high = _interval(shares[of, g], level, resamples, rng)
            times = float(seen[g] / chance[g]) if chance[g] else float("nan")
            lines.append((query_names[code], name, int(of.sum()), seen[g], low, high, chance[g], times, p[g]))
    columns = ["query_group", "train_group", "sets", "share", "low", "high", "chance", "times_chance", "p"]
    table = pd.DataFrame(lines, columns=columns)
    return table.assign(p_adjusted=adjusted_p(table["p"].to_numpy(), correction))


def _interval(values: FloatArray, level: float, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    """Percentile bootstrap of a mean; NaN for a single value."""
    if len(values) < 2:
        return float("nan"), float("nan")
    # the mean of a resample needs only how often each value was drawn
    drawn = rng.multinomial(len(values), np.full(len(values), 1.0 / len(values)), size=resamples)
    low, high = np.quantile(drawn @ values / len(values), [level / 2, 1 - level / 2])
    return float(low), float(high)


def _ratios(
    counted: _Counted,
    names: list[Any],
    query_names: list[Any],
    correction: Correction,
    resamples: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    import pandas as pd
    from scipy.stats import permutation_test

    def difference(a: FloatArray, b: FloatArray, axis: int = -1) -> FloatArray:
        return np.asarray(np.mean(a, axis=axis) - np.mean(b, axis=axis))

    shares, lines = counted.shares(), []
    present = np.unique(counted.query_codes)
    for g, name in enumerate(names):
        for i in present:
            for j in present[present < i]:
                one, other = shares[counted.query_codes == i, g], shares[counted.query_codes == j, g]
                p = 1.0
                if min(len(one), len(other)) > 1 and np.ptp(np.concatenate([one, other])) > 0:
                    p = float(
                        permutation_test(
                            (one, other), difference, vectorized=True, n_resamples=resamples, batch=1000,
                            random_state=rng,
                        ).pvalue
                    )  # fmt: skip
                a, b = float(one.mean()), float(other.mean())
                ratio = a / b if b else (float("inf") if a else float("nan"))
                lines.append((name, query_names[i], query_names[j], ratio, p))
    table = pd.DataFrame(lines, columns=["train_group", "query_group", "other", "ratio", "p"])
    return table.assign(p_adjusted=adjusted_p(table["p"].to_numpy(dtype=float), correction))

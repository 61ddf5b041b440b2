"""Whether the labels of one group of training rows are noisier than another's, judged by the sizes of flip sets.

Noise makes predictions easy to flip: a model trained on contradictions needs fewer additional ones. Source: Yang,
Xu, Yu, "Relabeling Minimal Training Subset to Flip a Prediction" (EACL Findings 2024), section 5.1 and Figure 3.

What is compared
----------------
The same number of rows of each class is drawn from each group, a model is fitted on each draw, and flip sets of the
same test rows are found for each model. A group's score is the mean over test rows of log2(1 + size), with the sign
reversed for wrong predictions if true labels are given: how many doublings of relabels stand between the model and an
error.

What the test permutes
----------------------
Training rows. Two models of the same clean source differ a little everywhere, so a test over test rows would call any
two groups different given enough test rows. Under the null hypothesis the rows of one class could just as well have
been in the other group; so rows are reassigned at random between the two groups, within each class, both models are
refitted, and their scores compared. Verified searches for each of hundreds of models would take hours: the test sums
first-order influences on the log-odds instead, both for the actual groups and for every permutation, which keeps it
exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from .._typing import CodeArray, FloatArray, IntArray
from ..arguments import as_whole, check_choice, check_edit, check_monitor
from ..design import Design, as_design
from ..evidence import solved_factors
from ..facts import on_one_line
from ..files.cards import card
from ..fits import Fit, check_any_fit, check_C, minimiser
from ..monitor import Monitor, ProgressLine
from ..problem import Edit, Labels, MultinomialProblem, Problem, codes_of_queries, encode
from ..search import find_flip_sets
from .settings import as_labels, check_level, stacked

if TYPE_CHECKING:
    import pandas as pd

Correction: TypeAlias = Literal["holm", "fdr"]

_OF_BAYES = "Audit a logistic regression of the same rows: pass fit=rw.fit(X, y)."
_EXTREME = 20  # after this many permutations as extreme as the data no more are needed: p is not small
_FEW = 64  # most flip sets need no more gains than this
_ENOUGH = 0.8  # probability with which a "detectable" difference is found


@dataclass(frozen=True, eq=False)
class NoiseAudit:
    """What `noise_audit` found.

    Attributes
    ----------
    sizes
        One line for each group and query: ``group, query, size``; size is NaN where no set was found.
    means
        One line for each group: ``group, rows`` (in the group), ``drawn`` (rows of its model), ``mean, median`` (size,
        over the ``queries`` that have a set in every group) and ``score``, of these sizes (see the module).
    tests
        One line for each comparison: ``group, other, ratio`` (of mean sizes), ``difference`` (of first-order
        scores), ``p, p_adjusted, permutations`` (number made), ``smallest_p`` (the smallest adjusted p possible),
        ``detectable`` (a true difference of scores found four times out of five, from the spread of permutations)
        and ``verdict``.
    level
        Significance level for adjusted p-values.
    """

    sizes: pd.DataFrame
    means: pd.DataFrame
    tests: pd.DataFrame
    level: float

    @property
    def power(self) -> str:
        """The power of the test, in words."""
        if not len(self.tests):
            return "One group: nothing to compare."
        if (self.tests["smallest_p"] > self.level).any():
            return (
                f"No power: with {len(self.tests)} comparisons and so few permutations no adjusted p can reach "
                f"{self.level:g}, whatever the labels. Use more permutations, or compare with one reference."
            )
        worst, scores = float(self.tests["detectable"].max()), self.means["score"]
        if worst > float(scores.abs().max()):
            return (
                f"No power: only differences in score above {worst:.2g} would be found, more than the scores "
                "themselves. Use larger groups or more test rows."
            )
        return (
            f"True differences in score of {worst:.2g} (the scores lie from {scores.min():.2g} to {scores.max():.2g}) "
            "would be found about four times out of five; smaller ones mostly would not."
        )

    def chart(self) -> Any:
        """An Altair chart of the distribution of sizes in each group, with means (the paper's Figure 3)."""
        from .pictures import noise_picture

        return noise_picture(self)

    def __repr__(self) -> str:
        means = ", ".join(
            f"{name}: {mean:.2f}" for name, mean in zip(self.means["group"], self.means["mean"], strict=True)
        )
        return on_one_line(f"NoiseAudit(mean sizes {means}; {'; '.join(self.tests['verdict'])})")

    def _repr_html_(self) -> str:
        facts = {"Verdict": "; ".join(self.tests["verdict"]) or "no comparison", "Power": self.power}
        return card("NoiseAudit", facts.items(), self.means)


def noise_audit(
    groups: Any,
    X_query: Any,
    y_query: Any = None,
    *,
    fit: Fit | None = None,
    C: float = 1.0,
    reference: Any = None,
    permutations: int = 399,
    correction: Correction = "holm",
    level: float = 0.05,
    threshold: float | None = None,
    edit: Edit = "relabel",
    method: Literal["verified", "first-order"] = "verified",
    budget: Any = None,
    n_jobs: int | None = None,
    seed: int = 0,
    progress: bool | None = None,
    monitor: Monitor | None = None,
) -> NoiseAudit:
    """Compare groups of training rows by how many relabels it takes to flip the same test predictions.

    Parameters
    ----------
    groups
        The name of each training row's group (vendor, batch, annotator), shape (n_rows,), with ``fit``; or a mapping
        from each name to its own ``(X, y)``, all with the same columns and classes.
    X_query
        The common test rows, shape (m, n_features), or raw rows of an adopted pipeline.
    y_query
        Their true labels, shape (m,), if known: with them the test detects much smaller differences.
    fit
        The fit of all training rows: its features, labels, weights, C and intercept are used.
    C
        Inverse regularisation strength, for a mapping; with ``fit`` it is the fit's.
    reference
        Name of the group to compare the others with. None compares all pairs.
    permutations
        At most, for each comparison; fewer are made if the groups soon turn out to be alike. 0 for sizes only.
    correction
        For multiple comparisons: ``"holm"`` keeps the probability of any false alarm at ``level``, ``"fdr"``
        (Benjamini-Hochberg) the expected share of false alarms among the reported differences.
    level
        Significance level, between 0 and 1.
    threshold, edit, method, budget, n_jobs, progress, monitor
        As in `find_flip_sets`, for the reported sizes.
    seed
        Seed for the draws and permutations.

    Returns
    -------
    NoiseAudit
        Smaller sizes mean that a group's model is easier to flip. Label noise has this effect; so do different texts,
        which is for the reader to judge.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or a group has no rows of some class.

    Notes
    -----
    If groups differ in size, as many rows of each class are drawn, without replacement, as the group with the fewest
    has, so that size and class mix are the same everywhere. Cost: m searches for each group; one block solve of m
    right-hand sides for each comparison, and for each permutation two fits from a common start and a partition of
    m * drawn numbers. Memory: 12 bytes for each query and row of two draws.
    """
    check_monitor(monitor, who="noise_audit")
    if fit is not None:
        check_any_fit(fit, who="noise_audit", instead=_OF_BAYES)
    as_whole(seed, 0, who="noise_audit: seed")  # some invalid seeds crash NumPy
    _check(permutations, correction, seed, level, edit)
    data = _of_mapping(groups, C) if fit is None else _of_fit(groups, fit)
    if threshold is None and fit is not None:
        threshold = fit.threshold
    if reference is not None and reference not in data.names:
        raise ValueError(f"noise_audit: expected reference to be one of the groups {data.names}, got {reference!r}.")
    who = "noise_audit: X_query"
    queries = as_design(X_query, who=who) if fit is None else fit.design_of(X_query, who=who)
    truth = None if y_query is None else _truth(y_query, queries.n_rows, data.problem)
    drawn = data.draws(np.random.default_rng(seed))
    settings: dict[str, Any] = {"threshold": threshold, "edit": edit, "method": method, "budget": budget}
    fits = [data.fitted(rows, None, monitor) for rows in drawn]
    threshold_logit = fits[0].threshold_logit(threshold, who="noise_audit")
    settings |= {"n_jobs": n_jobs, "progress": progress, "monitor": monitor}
    found = [find_flip_sets(each, queries, **settings) for each in fits]
    sizes = np.array([[one.size if one.found else np.nan for one in sets] for sets in found])
    _check_common(sizes)
    scores = [
        score(size, data.problem.predicted(each.decision(queries), threshold_logit), truth)
        for size, each in zip(sizes, fits, strict=True)
    ]
    means = _means(data, drawn, sizes, scores)
    test = _Test(data, queries, truth, threshold_logit, edit, drawn, permutations, seed, progress, monitor)
    tests = _tests(data.names, means, test, reference, correction, level)
    return NoiseAudit(_lines(data.names, sizes), means, tests, level)


def _check(permutations: Any, correction: Any, seed: Any, level: Any, edit: Any) -> None:
    as_whole(permutations, 0, who="noise_audit: permutations")
    as_whole(seed, 0, who="noise_audit: seed")
    check_level(level, who="noise_audit")
    check_edit(edit, who="noise_audit")
    check_choice(correction, "correction", ("holm", "fdr"), who="noise_audit")


@dataclass(frozen=True, eq=False)
class _Data:
    """All rows of all groups as one problem."""

    problem: Problem
    names: list[Any]
    group: IntArray

    def draws(self, rng: np.random.Generator) -> list[IntArray]:
        """The same number of rows of each class from each group, at random."""
        codes, places = self.problem.labels.codes, range(len(self.names))
        classes = range(self.problem.n_classes)
        rows = [[np.flatnonzero((self.group == g) & (codes == c)) for c in classes] for g in places]
        counts = [min(len(rows[g][c]) for g in places) for c in classes]
        if min(counts) < 1:
            lacking = next(g for g in places if min(map(len, rows[g])) < 1)
            lost = self.problem.labels.classes.tolist()[min(classes, key=lambda c: len(rows[lacking][c]))]
            what = "of both classes" if len(classes) == 2 else f"of each of the {len(classes)} classes"
            raise ValueError(
                f"noise_audit: expected rows {what} in every group, got none of {lost!r} in {self.names[lacking]!r}. "
                "Leave out that group."
            )
        return [
            np.concatenate([rng.permutation(rows[g][c])[: counts[c]] for c in classes]).astype(np.int64) for g in places
        ]

    def taken(self, rows: IntArray, weight: float = 1.0) -> _Data:
        """These rows, their weights times ``weight``."""
        whole = self.problem
        labels = Labels(whole.labels.classes, whole.labels.codes[rows])
        weights, following = weight * whole.weights[rows], whole.label_weights
        if following is not None:
            following = replace(following, base=weight * following.base[rows])
            weights = following.of(labels.codes)
        problem = replace(
            whole, design=whole.design.take(rows), labels=labels, weights=weights, label_weights=following
        )
        return _Data(problem, self.names, self.group[rows])

    def fitted(self, rows: IntArray, start: FloatArray | None, monitor: Monitor | None) -> Fit:
        """A fit on the given rows only."""
        problem = self.taken(rows).problem
        return minimiser(problem, np.zeros(problem.n_params) if start is None else start, None, monitor, None)


def _of_mapping(groups: Any, C: Any) -> _Data:
    if not isinstance(groups, Mapping):
        raise TypeError(
            "noise_audit: expected fit along with each row's group, or groups as a mapping from each name to its "
            f"(X, y), got {type(groups).__name__} without fit."
        )
    if not groups:
        raise ValueError("noise_audit: expected at least one group, got none.")
    designs, labels = [], []
    for name, pair in groups.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"noise_audit: expected (X, y) for group {name!r}, got {type(pair).__name__}.")
        designs.append(as_design(pair[0], who=f"noise_audit: X of {name!r}"))
        of_group = encode(pair[1], designs[-1].n_rows, who=f"noise_audit: {name!r}", several=True)
        labels.append(of_group.decode(of_group.codes))
    design = stacked(designs, who="noise_audit")
    y = encode(np.concatenate(labels), design.n_rows, who="noise_audit", several=True)
    stated = Problem if len(y.classes) == 2 else MultinomialProblem
    problem = stated(design, y, np.ones(design.n_rows), 1.0 / check_C(C, who="noise_audit"))
    return _Data(problem, list(groups), np.repeat(np.arange(len(designs)), [each.n_rows for each in designs]))


def _of_fit(groups: Any, fit: Fit) -> _Data:
    names, codes = as_labels(groups, fit.n_rows, who="noise_audit: groups")
    return _Data(fit.problem, names, codes)


def _truth(y_query: Any, m: int, problem: Problem) -> CodeArray:
    return codes_of_queries(y_query, m, who="noise_audit: y_query", classes=problem.labels.classes)


@dataclass(frozen=True, eq=False)
class _Test:
    """Permutation tests between draws, and their shared data."""

    data: _Data
    queries: Design
    truth: CodeArray | None
    threshold_logit: float
    edit: Edit
    drawn: list[IntArray]
    most: int
    seed: int
    progress: bool | None
    monitor: Monitor | None

    def between(self, i: int, j: int) -> tuple[float, float, FloatArray]:
        """The two-sided p-value of draws i and j, their difference in score, and the differences of permutations.

        Sequential: after `_EXTREME` permutations as extreme as the data, p is their share (Besag and Clifford,
        "Sequential Monte Carlo p-values", Biometrika 1991), which is a valid p-value, too.
        """
        rng, n = np.random.default_rng([self.seed, i, j]), len(self.drawn[i])
        both = np.concatenate([self.drawn[i], self.drawn[j]])
        pair = _Pair.of(self, both)
        places = np.arange(n)
        seen = pair.difference(places, n + places)
        differences: list[float] = []
        extreme = 0
        ones = self.data.problem.labels.codes[both] == 1
        with ProgressLine(self.progress) as line:
            for made in range(1, self.most + 1):
                halves = [rng.permutation(np.flatnonzero(ones == side)).reshape(2, -1) for side in (False, True)]
                differences.append(pair.difference(*(np.concatenate([half[k] for half in halves]) for k in (0, 1))))
                extreme += abs(differences[-1]) >= abs(seen) - 1e-12
                if self.monitor is not None:
                    self.monitor.step("permuting rows between groups", made, self.most)
                line.show(f"{self._line(i, j)}: {made} of {self.most}")
                if extreme == _EXTREME:
                    break
        if extreme == _EXTREME:
            return extreme / len(differences), seen, np.array(differences)
        return (extreme + 1) / (self.most + 1), seen, np.array(differences)

    def _line(self, i: int, j: int) -> str:
        return on_one_line(f"permuting rows between {self.data.names[i]} and {self.data.names[j]}")


@dataclass(frozen=True, eq=False)
class _Pair:
    """The rows of two draws, and how much editing each would move each query in a model of half of them.

    Permutations change labels and rows, but hardly the Hessian: every permutation uses that of all rows of both
    draws at half their weight, at their common minimiser. With several classes the two likeliest of each query there
    are the two whose difference is followed.
    """

    test: _Test
    data: _Data
    start: FloatArray
    above: IntArray
    """Code of the class that is predicted where the margin is positive, shape (m,)."""
    below: IntArray
    """Code of the other one."""
    moves: FloatArray
    """``x_i . H^-1 x_t``, float32, shape (rows of both, m); with K classes (rows of both, K, m)."""

    @classmethod
    def of(cls, test: _Test, both: IntArray) -> _Pair:
        rows = test.data.taken(both)
        fit = test.data.taken(both, weight=0.5).fitted(np.arange(len(both)), None, test.monitor)
        problem, m = fit.problem, test.queries.n_rows
        functionals = problem.functionals(test.queries, fit.theta)
        solved = solved_factors(fit, functionals, rtol=1e-4, monitor=test.monitor).x
        moves: Any = np.asarray(problem.extended_matvec(problem.design, solved), dtype=np.float32)
        if problem.n_classes == 2:
            return cls(test, rows, fit.theta, np.ones(m, dtype=np.int64), np.zeros(m, dtype=np.int64), moves)
        order = np.argsort(-fit.decision(test.queries), axis=1, kind="stable")
        return cls(test, rows, fit.theta, order[:, 0], order[:, 1], moves.reshape(len(both), -1, m))

    def difference(self, first: IntArray, second: IntArray) -> float:
        return self._score(first) - self._score(second)

    def _score(self, rows: IntArray) -> float:
        fit, test = self.data.fitted(rows, self.start, self.test.monitor), self.test
        margins = fit.decision(test.queries)
        if margins.ndim == 1:
            margins = margins - test.threshold_logit
        else:
            every = np.arange(len(margins))
            margins = margins[every, self.above] - margins[every, self.below]
        towards = np.where(margins > 0, -1.0, 1.0).astype(np.float32)
        moves = (self.moves[rows] * towards).reshape(-1, len(towards))
        gains = fit.problem.influence(fit.eta, moves, test.edit)
        if gains.ndim == 3:  # the best new label of each row
            gains = gains.max(axis=2)
        predicted = np.where(margins > 0, self.above, self.below)
        return score(least_sums(np.ascontiguousarray(gains), np.abs(margins)), predicted, test.truth)


def score(sizes: FloatArray, predicted: IntArray, truth: CodeArray | None) -> float:
    """The mean of log2(1 + size), where wrong predictions count negatively if the truth is known; codes, both (m,)."""
    doublings = np.log2(1.0 + sizes)
    if truth is not None:
        doublings = np.where(predicted == truth, doublings, -doublings)
    return float(np.nanmean(doublings))


def least_sums(gains: FloatArray, needs: FloatArray) -> FloatArray:
    """How many of the largest gains in each row, (m, n), add up to its need, (m,); n if all are not enough.

    Cost: one partition, and a sort of the few largest; rows that need more are sorted completely.
    """
    n = gains.shape[1]
    few = min(_FEW, n)
    sizes = _sums(-np.partition(-gains, few - 1, axis=1)[:, :few], needs)
    short = np.isnan(sizes)
    if few < n and short.any():
        sizes[short] = _sums(gains[short], needs[short])
    return np.where(np.isnan(sizes), float(n), sizes)


def _sums(gains: FloatArray, needs: FloatArray) -> FloatArray:
    reached = np.cumsum(-np.sort(-gains, axis=1), axis=1, dtype=np.float64) >= needs[:, None]
    return np.where(reached.any(axis=1), 1.0 + reached.argmax(axis=1), np.nan)


def _check_common(sizes: FloatArray) -> None:
    if np.isnan(sizes).any(axis=0).all():
        raise ValueError(
            f"noise_audit: none of the {sizes.shape[1]} queries has a flip set in every group. Use more queries, or "
            'edit="relabel" with threshold 0.5, for which a set always exists.'
        )


def _lines(names: list[Any], sizes: FloatArray) -> pd.DataFrame:
    import pandas as pd

    m = sizes.shape[1]
    return pd.DataFrame(
        {
            "group": [name for name in names for _ in range(m)],
            "query": np.tile(np.arange(m), len(names)),
            "size": sizes.ravel(),
        }
    )


def _means(data: _Data, drawn: list[IntArray], sizes: FloatArray, scores: list[float]) -> pd.DataFrame:
    import pandas as pd

    common = ~np.isnan(sizes).any(axis=0)
    kept = sizes[:, common]
    return pd.DataFrame(
        {
            "group": data.names,
            "rows": np.bincount(data.group, minlength=len(data.names)),
            "drawn": [len(rows) for rows in drawn],
            "mean": kept.mean(axis=1),
            "median": np.median(kept, axis=1),
            "queries": int(common.sum()),
            "score": scores,
        }
    )


def _tests(
    names: list[Any], means: pd.DataFrame, test: _Test, reference: Any, correction: Correction, level: float
) -> pd.DataFrame:
    import pandas as pd
    from scipy.stats import norm

    places = range(len(names))
    pairs = list(combinations(places, 2))
    if reference is not None:
        pairs = [(i, names.index(reference)) for i in places if names[i] != reference]
    tested = [test.between(i, j) for i, j in pairs]
    p, count = np.array([each for each, _, _ in tested]), max(1, len(pairs))
    normal = float(norm.ppf(1 - level / (2 * count)) + norm.ppf(_ENOUGH))
    smallest = min(1.0, (count if correction == "holm" else 1) / (test.most + 1))
    sizes = means["mean"].to_numpy()
    lines = [
        (names[i], names[j], float(sizes[i] / sizes[j]), seen, each, adjusted, len(permuted), smallest,
         normal * float(np.std(permuted, ddof=1)) if len(permuted) > 1 else np.nan)
        for (i, j), adjusted, (each, seen, permuted) in zip(pairs, adjusted_p(p, correction), tested, strict=True)
    ]  # fmt: skip
    columns = ["group", "other", "ratio", "difference", "p", "p_adjusted", "permutations", "smallest_p", "detectable"]
    table = pd.DataFrame(lines, columns=columns)
    table["verdict"] = [_verdict(line, level) for line in table.itertuples()]
    return table


def adjusted_p(p: FloatArray, correction: Correction) -> FloatArray:
    """P-values corrected for multiple comparisons: Holm's step-down, or Benjamini and Hochberg's."""
    from scipy.stats import false_discovery_control

    if not len(p):
        return p
    if correction == "fdr":
        return np.asarray(false_discovery_control(p))
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def _verdict(line: Any, level: float) -> str:
    if line.smallest_p > level:
        return f"{line.group} against {line.other}: no power to tell"
    if line.p_adjusted > level:
        return f"{line.group} against {line.other}: no difference found (p = {line.p_adjusted:.2g})"
    which = "easier" if line.difference < 0 else "harder"
    return f"{line.group} is {which} to flip than {line.other} (p = {line.p_adjusted:.2g})"

"""What explains a repair: which rows serve which queries, what the rows have in common, what else changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from .._typing import BoolArray, FloatArray, IntArray
from ..arguments import shown
from ..audit.noise import adjusted_p
from ..audit.settings import as_labels
from ..facts import plural
from ..files.cards import card, several
from ..files.characters import readable
from ..fits import Fit
from ..problem import truth_of
from ..solver import solve_many
from .goals import Goals

if TYPE_CHECKING:
    import pandas as pd

    from .result import Made, Repair

_FACTOR_RTOL = 1e-6
_FEWEST = 2  # rows of the repair that a pattern is of
_MOST_VALUES = 20  # of a numeric column of metadata; more are cut into quarters


@dataclass(frozen=True, eq=False)
class RepairExplanation:
    """What explains a repair; made by `Repair.explain`.

    Attributes
    ----------
    serves
        One line for each row of the repair and each query that was wrong: ``row, query, change`` (the row's part of the
        query's change, in log-odds, positive towards the wanted class: its influence averaged between fit and refit),
        ``lost`` (whether a refit with this row put back loses the query). The largest changes of each row first.
    patterns
        What the rows have in common: ``kind`` (``"feature"`` or ``"metadata"``), ``name, value, rows`` (of the repair,
        that have it), ``share, chance`` (the share that is expected of as many random candidates with the same labels),
        ``lift, p`` (hypergeometric, one-sided: so many by chance), ``p_adjusted`` (Holm's, over all patterns that were
        looked at); the least p first.
    collateral
        Further queries whose prediction changes: ``query`` (its index), ``before, after, truth, better`` (None where
        neither class is true, or the truth is not known).
    """

    serves: pd.DataFrame
    patterns: pd.DataFrame
    collateral: pd.DataFrame

    def __repr__(self) -> str:
        return f"RepairExplanation({', '.join(self._counts())}; tables: serves, patterns, collateral)"

    def _repr_html_(self) -> str:
        facts = {"Explained": ", ".join(self._counts())}
        beyond = self._beyond_chance()
        if len(beyond):
            facts["In common beyond chance"] = several(
                f"{name} ({value}) in {n} rows" for name, value, n in beyond[["name", "value", "rows"]].to_numpy()
            )
        facts["Tables"] = "serves (below): which row serves which query; patterns; collateral"
        return card("RepairExplanation", facts.items(), self.serves)

    def _counts(self) -> Iterator[str]:
        rows, queries = (int(self.serves[name].nunique()) for name in ("row", "query"))
        yield f"{plural(rows, 'row')} for {plural(queries, 'query', 'queries')}"
        yield plural(len(self._beyond_chance()), "pattern") + " beyond chance"
        if len(self.collateral):
            yield plural(len(self.collateral), "other prediction") + " changed"

    def _beyond_chance(self) -> pd.DataFrame:
        return self.patterns[self.patterns["p_adjusted"] < 0.05]


def explained(repair: Repair, metadata: Any, X_other: Any, y_other: Any) -> RepairExplanation:
    """See `Repair.explain`."""
    made = repair.made
    if y_other is not None and X_other is None:
        raise ValueError("explain: expected X_other with y_other, got truth without queries.")
    columns = list(_metadata(metadata, made.fit.n_rows))
    return RepairExplanation(_serves(made), _patterns(made, columns), _collateral(made, X_other, y_other))


# which rows serve which queries


def _serves(made: Made) -> pd.DataFrame:
    import pandas as pd

    goals, edits = made.asked.goals, made.edits
    wrong = np.flatnonzero(~goals.kept & (goals.margins(made.asked.before) <= 0) & goals.met(made.margins))
    changes = _changes(made, goals, wrong) if len(edits) and len(wrong) else np.zeros((len(edits), len(wrong)))
    lost = np.zeros(changes.shape, dtype=bool)
    for place, edit in enumerate(edits.tolist()) if len(wrong) else []:
        trial = made.trials.at(made.trial.edits[made.trial.edits != edit], made.trial, goals)
        lost[place] = trial is None or ~goals.met(trial.margins)[wrong]
    rows = made.fit.problem.rows_of(edits)
    lines = [
        (int(rows[i]), int(goals.queries[wrong[j]]), changes[i, j], bool(lost[i, j]))
        for i in range(len(edits))
        for j in np.argsort(-changes[i], kind="stable").tolist()
    ]
    return pd.DataFrame(lines, columns=["row", "query", "change", "lost"])


def _changes(made: Made, goals: Goals, wrong: IntArray) -> FloatArray:
    """Of each edit its part of the change of each goal's margin, (len(edits), len(wrong)); the trapezoidal rule.

    With several classes, of the lead over the rival that is nearest after the refit.
    """
    fit, trial = made.fit, made.trial
    problem = fit.problem
    _, functionals = goals.functionals(wrong, trial.decisions, 1)
    refit = made.trials.carrier.edited(trial.edits)
    out = np.zeros((len(made.edits), len(wrong)))
    for hessian, eta in ((fit.hessian, fit.eta), (refit.hessian(trial.eta), trial.eta)):
        solved = solve_many(
            hessian, functionals, rtol=_FACTOR_RTOL, preconditioner=fit.preconditioner, monitor=made.trials.monitor
        ).x
        moved = problem.extended_matvec(problem.design, solved)
        for j, column in enumerate(moved.T):
            out[:, j] -= 0.5 * problem.pulls(eta, np.ascontiguousarray(column), "relabel")[made.edits]
    return out


# what the rows have in common


@dataclass(frozen=True, eq=False)
class _Pattern:
    """A property of training rows: how many of the candidates of each label have it, and which of the rows do."""

    kind: str
    name: Any
    value: Any
    of_label: IntArray
    n_chosen: int


@dataclass(frozen=True, eq=False)
class _Draw:
    """As many random candidates of each label as the repair has: ``sizes`` of labels, ``drawn`` of each."""

    sizes: IntArray
    drawn: IntArray

    def expected(self, pattern: _Pattern) -> float:
        """How many of the rows would have the pattern."""
        return float((self.drawn * pattern.of_label / np.maximum(self.sizes, 1)).sum())

    def p(self, pattern: _Pattern) -> float:
        """The probability of so many or more; labels are drawn independently, so that their counts add up."""
        from scipy.stats import hypergeom

        if pattern.n_chosen < _FEWEST:
            return 1.0
        total = np.ones(1)
        for size, with_it, drawn in zip(
            self.sizes.tolist(), pattern.of_label.tolist(), self.drawn.tolist(), strict=True
        ):
            if drawn:
                total = np.convolve(total, hypergeom.pmf(np.arange(drawn + 1), size, with_it, drawn))
        return float(min(total[pattern.n_chosen :].sum(), 1.0))


def _patterns(made: Made, metadata: list[tuple[str, list[Any], IntArray]]) -> pd.DataFrame:
    import pandas as pd

    rows = made.fit.problem.rows_of(made.edits)
    candidates = made.trials.carrier.candidates
    labels = made.fit.problem.labels
    n_labels = len(labels.classes)
    of_row = labels.codes.astype(np.int64)
    draw = _Draw(np.bincount(of_row[candidates], minlength=n_labels), np.bincount(of_row[rows], minlength=n_labels))
    lines = []
    if len(rows):
        chosen = np.zeros(made.fit.n_rows, dtype=bool)
        chosen[rows] = True
        masks = [
            np.isin(np.arange(made.fit.n_rows), candidates[of_row[candidates] == code]) for code in range(n_labels)
        ]
        found = [*_of_features(made.fit, masks, chosen), *_of_metadata(metadata, masks, chosen)]
        found = [each for each in found if each.of_label.sum() >= _FEWEST]
        p = np.array([draw.p(each) for each in found])
        for each, own, adjusted in zip(found, p, adjusted_p(p, "holm"), strict=True):
            if each.n_chosen >= _FEWEST:
                chance = draw.expected(each)
                lift = each.n_chosen / chance
                shares = each.n_chosen / len(rows), chance / len(rows)
                lines.append((each.kind, each.name, each.value, each.n_chosen, *shares, lift, own, adjusted))
    columns = ["kind", "name", "value", "rows", "share", "chance", "lift", "p", "p_adjusted"]
    return pd.DataFrame(lines, columns=columns).sort_values("p", kind="stable", ignore_index=True)


def _of_features(fit: Fit, masks: list[BoolArray], chosen: BoolArray) -> Iterator[_Pattern]:
    """Columns that are not 0, of sparse rows; of dense ones, columns above their mean."""
    design = fit.problem.design
    names = fit.feature_names
    means = design.rmatvec(np.ones(design.n_rows)) / design.n_rows
    counts = np.zeros((len(masks) + 1, design.n_features), dtype=np.int64)
    dense = False
    for rows, block in design.blocks():
        dense = not sparse.issparse(block)
        has = block > means if dense else block != 0
        for place, mask in enumerate([*masks, chosen]):
            counts[place] += np.asarray(has[np.flatnonzero(mask[rows])].sum(axis=0)).ravel().astype(np.int64)
    for column in range(design.n_features):
        name = f"feature {column}" if names is None else readable(names[column])
        value = f"> {means[column]:.3g}" if dense else "present"
        yield _Pattern("feature", name, value, counts[:-1, column], int(counts[-1, column]))


def _of_metadata(
    metadata: list[tuple[str, list[Any], IntArray]], masks: list[BoolArray], chosen: BoolArray
) -> Iterator[_Pattern]:
    for name, values, codes in metadata:
        counts = [np.bincount(codes[mask], minlength=len(values)) for mask in [*masks, chosen]]
        for place, value in enumerate(values):
            yield _Pattern(
                "metadata", name, value, np.array([each[place] for each in counts[:-1]]), int(counts[-1][place])
            )


def _metadata(metadata: Any, n_rows: int) -> Iterator[tuple[str, list[Any], IntArray]]:
    """Name, values and codes of each column; of numbers of many values, quarters.

    Raises
    ------
    TypeError
        If it is neither a frame nor a mapping.
    ValueError
        If a column has not one value for each training row.
    """
    if metadata is None:
        return
    columns = metadata if isinstance(metadata, Mapping) else _frame_columns(metadata)
    for name, column in columns.items():
        values, codes = as_labels(column, n_rows, who=f"explain: metadata {shown(name)}")
        if len(values) > _MOST_VALUES and all(isinstance(each, (int, float)) for each in values):
            numbers = np.array(values, dtype=np.float64)[codes]
            cuts = np.unique(np.quantile(numbers, [0.25, 0.5, 0.75]))
            codes = np.searchsorted(cuts, numbers)
            values = [f"up to {cut:.4g}" for cut in cuts] + [f"above {cuts[-1]:.4g}"]
        yield str(name), values, codes


def _frame_columns(metadata: Any) -> dict[Any, Any]:
    from ..inputs.containers import frame_of

    frame = frame_of(metadata)
    if frame is None:
        raise TypeError(f"explain: expected metadata as a frame or a mapping of columns, got {shown(metadata)}.")
    return {name: frame[name].to_numpy() for name in frame.columns}


# what else changes


def _collateral(made: Made, X_other: Any, y_other: Any) -> pd.DataFrame:
    import pandas as pd

    columns = ["query", "before", "after", "truth", "better"]
    if X_other is None:
        return pd.DataFrame(columns=columns)
    fit, goals = made.fit, made.asked.goals
    design = fit.design_of(X_other, who="explain: X_other")
    before = goals.problem.predicted(goals.problem.decision(design, made.asked.theta), goals.offset)
    after = goals.problem.predicted(fit.problem.decision(design, made.trial.theta), goals.offset)
    classes = fit.classes
    truth: list[Any] = [None] * design.n_rows
    codes = np.full(design.n_rows, -1)
    if y_other is not None:
        codes, given = truth_of(y_other, design.n_rows, who="explain: y_other", classes=classes)
        truth = given.tolist()
    lines = [
        (
            query,
            classes[before[query]],
            classes[after[query]],
            truth[query],
            _better(before[query], after[query], codes[query]),
        )
        for query in np.flatnonzero(before != after).tolist()
    ]
    return pd.DataFrame(lines, columns=columns)


def _better(before: Any, after: Any, truth: Any) -> bool | None:
    return True if after == truth else False if before == truth else None

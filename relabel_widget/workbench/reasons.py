"""Why a training row's label may be wrong: what its features say, which rows are like it, what correcting it does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
from scipy import sparse

from .._typing import AnyArray, FloatArray, IntArray
from ..bayes import BayesFit
from ..bayes.columns import counted
from ..design import Design
from ..files.characters import readable
from ..fits import AnyFit
from ..monitor import Monitor
from .retraining import Retraining
from .summary import summarise

if TYPE_CHECKING:
    import pandas as pd

    from .summary import VerificationSummary
    from .test_rows import Queries

_NEAREST = 3  # rows that a person reads beside the one in question
_NUMBERS = 0.9  # share of rows that have a value in columns of numbers, which are compared by their deviations
_CONSTANT = 1e-12  # of the square of the mean: less spread is rounding


@dataclass(frozen=True, eq=False)
class Reasons:
    """What speaks for and against the label of a training row.

    Attributes
    ----------
    row
        The training row.
    label
        Its original label.
    suggested
        The label to consider instead.
    probability
        The probability of ``suggested`` by the model refitted without the row, in [0, 1].
    features
        ``feature, contribution``: what each feature of the row adds, in that model, to the log-odds of ``label`` over
        ``suggested``, the largest first; negative ones speak against the label. Of a column of numbers it is what the
        value adds beyond the mean of the column.
    nearest
        ``row, label, similarity``: the most similar training rows whose original label is another one.
    effect
        What the model refitted with the suggested label, and nothing else changed, does to the test rows whose truth
        is known, as `Workbench.verification_summary` puts it.
    """

    row: int
    label: Any
    suggested: Any
    probability: float
    features: pd.DataFrame
    nearest: pd.DataFrame
    effect: VerificationSummary

    def __repr__(self) -> str:
        return (
            f"Reasons(row {self.row}, label {self.label!r}; without it the model gives {self.suggested!r} a "
            f"probability of {self.probability:.3f})"
        )


class _Alike(NamedTuple):
    """Of what rows are compared: their numbers, design and lengths, and the centre and weights of columns."""

    rows: IntArray
    design: Design
    centre: FloatArray
    weights: FloatArray
    lengths: FloatArray


@final
class Reasoning:
    """Finds the reasons of one training row after the other.

    Parameters
    ----------
    queries
        The test rows, with the fit on the original labels.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._fit = queries.fit

    def of(self, row: int, code: int | None, threshold: float, *, monitor: Monitor | None = None) -> Reasons:
        """The reasons of one row.

        Parameters
        ----------
        code
            The class to consider instead; None for the likeliest other one.
        threshold
            Of the predictions that the effect counts.

        Notes
        -----
        Cost: two refits that start next to their end, and one product with X.
        """
        fit, design = self._fit, self._fit.design.take(np.array([row]))
        own = int(fit.labels.original[row])
        without = fit.refit(np.array([row]), "remove", monitor=monitor)
        found = without.proba_of(without.decision(design))
        proba = found[0] if found.ndim == 2 else np.array([1.0 - found[0], found[0]])
        if code is None:
            code = int(np.argmax(np.where(np.arange(len(proba)) == own, -1.0, proba)))
        relabelled = Retraining(self._queries, {row: code}, threshold, False, monitor).result("minimiser")
        return Reasons(
            row,
            fit.classes.tolist()[own],
            fit.classes.tolist()[code],
            float(proba[code]),
            self._features(without, design, own, code),
            self._nearest(row, own),
            summarise(relabelled, self._queries.codes, n_relabelled=1),
        )

    def _features(self, without: AnyFit, design: Design, own: int, code: int) -> pd.DataFrame:
        import pandas as pd

        coef = without.coef
        weights = coef[own] - coef[code] if coef.ndim == 2 else coef * (1.0 if own == 1 else -1.0)
        cut = without.trained.cut if isinstance(without, BayesFit) else None
        values = counted(design.to_dense()[0], cut)
        columns = np.flatnonzero(values)
        values = values[columns] if cut is not None else values[columns] - self._alike.centre[columns]
        parts = weights[columns] * values
        told = np.flatnonzero(parts)
        order = told[np.argsort(-np.abs(parts[told]), kind="stable")]
        names = self._fit.feature_names
        called = [f"feature {j}" if names is None else readable(names[j]) for j in columns[order].tolist()]
        return pd.DataFrame({"feature": pd.Series(called, dtype="object"), "contribution": parts[order]})

    def _nearest(self, row: int, own: int) -> pd.DataFrame:
        """By the cosine of columns in units of their own, of which the rare ones weigh more."""
        import pandas as pd

        alike, original = self._alike, self._fit.labels.original
        values = self._fit.design.take(np.array([row])).to_dense()[0] - alike.centre
        direction = alike.weights * values
        length = float(np.sqrt(direction @ values))
        products = alike.design.matvec(direction) - float(alike.centre @ direction)
        lengths = alike.lengths * length
        cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
        others = np.flatnonzero((original[alike.rows] != own) & (cosines > 0))
        first = others[np.argsort(-cosines[others], kind="stable")][:_NEAREST]
        rows = alike.rows[first]
        labels: AnyArray = self._fit.classes[original[rows]]
        return pd.DataFrame({"row": rows, "label": labels, "similarity": np.minimum(cosines[first], 1.0)})

    @cached_property
    def _alike(self) -> _Alike:
        """Rows in a file or on workers are compared with a sample of them.

        A column is measured in units of its own size: one of numbers, hardly any of them 0, by its deviation from
        its mean; one that few rows have, such as a word, by the root mean square of what is not 0, times
        ``log(1 + n / rows that have it)``. It does not matter how rows are stored.
        """
        whole = self._fit.design
        rows, design = (np.arange(whole.n_rows), whole) if whole.place == "memory" else whole.sample
        n_rows, n_features = design.shape
        having = np.zeros(n_features)
        for _, block in design.blocks():
            having += _having(block)
        ones = np.ones(n_rows)
        squares = design.weighted_square_sum(ones)
        means = design.rmatvec(ones) / n_rows
        centre = np.where(having > _NUMBERS * n_rows, means, 0.0)
        spread = np.where(centre == 0, squares / np.maximum(having, 1.0), squares / n_rows - centre**2)
        rarity = np.where(centre == 0, np.log1p(n_rows / np.maximum(having, 1.0)) ** 2, 1.0)
        flat = spread <= _CONSTANT * centre**2
        weights = np.where(flat, 0.0, rarity / np.where(flat, 1.0, spread))
        lengths = [_square_lengths(block, centre, weights) for _, block in design.blocks()]
        return _Alike(rows, design, centre, weights, np.sqrt(np.concatenate(lengths)))


def _having(block: Any) -> IntArray:
    """How many rows have a value other than 0 in each column, (n_features,)."""
    if sparse.issparse(block):
        return np.bincount(block.nonzero()[1], minlength=block.shape[1])
    return np.asarray(np.count_nonzero(block, axis=0))


def _square_lengths(block: Any, centre: FloatArray, weights: FloatArray) -> FloatArray:
    """``sum_j w_j (X_ij - c_j)^2`` of the rows of a block, (n,)."""
    squares = block.power(2) if sparse.issparse(block) else np.square(block)
    weighed = weights * centre
    return np.asarray(np.maximum(squares @ weights - 2.0 * (block @ weighed) + float(centre @ weighed), 0.0))

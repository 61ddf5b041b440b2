"""What each column of a row contributes to a linear model's log-odds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from scipy import sparse

from .._typing import IntArray
from ..bayes import BayesFit
from ..design import Design
from ..fits import AnyFit, opened


@final
class Contributions:
    """Coefficient times value of a row's features, added up over the columns that they were made from.

    Parameters
    ----------
    fit, estimator
        The fit, and the estimator that it comes from.
    columns
        Names of the columns of rows as people bring them.

    Notes
    -----
    A column's features are told by a `ColumnTransformer` right before the classifier, or else by their names: the
    column's own, alone or followed by a value. Where a feature could be of no column, or of several, nothing is said.
    """

    def __init__(self, fit: AnyFit, estimator: Any, columns: Sequence[str]) -> None:
        self._fit = fit
        self._columns = list(columns)
        known = not isinstance(fit, BayesFit) and fit.design.place != "workers"
        self._owner = _owners(fit, estimator, self._columns) if known else None

    def of(self, row: Design, pair: tuple[int, int]) -> Mapping[str, float]:
        """The part of each column by name; empty where it is not known.

        Parameters
        ----------
        row
            One row as the model's features.
        pair
            Codes of two classes: parts are of the log-odds of the first over the second.
        """
        if self._owner is None:
            return {}
        coef = self._fit.coef
        weights = (coef if pair[0] else -coef) if coef.ndim == 1 else coef[pair[0]] - coef[pair[1]]
        (_, block), *_ = row.blocks()
        values = block.toarray()[0] if sparse.issparse(block) else np.asarray(block)[0]
        sums = np.bincount(self._owner, weights=weights * values, minlength=len(self._columns))
        return dict(zip(self._columns, sums.tolist(), strict=True))


def _owners(fit: AnyFit, estimator: Any, columns: list[str]) -> IntArray | None:
    """The position of the column that each feature was made from, (n_features,); None where one is not known."""
    n_features, names = fit.design.n_features, fit.feature_names
    if fit.transform is None:
        return np.arange(n_features) if len(columns) == n_features else None
    found = _by_transformer(opened(estimator).estimator, columns, names)
    if found is None and names is not None:
        found = [_by_name(name, dict(enumerate(columns))) for name in names]
    if found is None or -1 in found or len(found) != n_features:
        return None
    return np.array(found, dtype=np.int64)


def _by_transformer(estimator: Any, columns: list[str], names: list[str] | None) -> list[int] | None:
    """By the slices of features that a `ColumnTransformer` right before the classifier makes of which columns."""
    steps = list(getattr(estimator, "steps", ()))
    if len(steps) != 2 or names is None:
        return None
    first = steps[0][1]
    if not hasattr(first, "output_indices_") or not hasattr(first, "_transformer_to_input_indices"):
        return None
    found = [-1] * len(names)
    for name, inputs in first._transformer_to_input_indices.items():
        made = first.output_indices_.get(name, slice(0, 0))
        known = {int(j): columns[int(j)] for j in inputs if int(j) < len(columns)}
        for place in range(made.start, made.stop):
            found[place] = next(iter(known)) if len(known) == 1 else _by_name(names[place], known)
    return found


def _by_name(feature: str, columns: Mapping[int, str]) -> int:
    """The column whose name, perhaps with a value behind it, a feature bears; -1 if none or several could be meant."""
    name = feature.split("__", 1)[-1]
    own = [
        j
        for j, column in columns.items()
        for known in (column, f"x{j}")
        if name in (known, column) or name.startswith((f"{known}_", f"{known}="))
    ]
    return own[0] if len(set(own)) == 1 else -1

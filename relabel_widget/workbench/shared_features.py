"""What training rows have in common with a query: their features, by name, and what each contributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np
from scipy import sparse

from .._typing import FloatArray, IntArray
from ..bayes import BayesFit, bayes_words
from ..design import Design
from ..files.characters import readable
from ..fits import AnyFit

if TYPE_CHECKING:
    import pandas as pd

    from .findings import Ranking


_TELLING = 0.3  # of the largest contribution of a feature: those below it are not pointed out


@final
class CommonFeatures:
    """Features that a training row and a query both have, named as the estimator names them.

    Parameters
    ----------
    fit
        The fit on the original labels; it knows the names of its features, perhaps.
    """

    def __init__(self, fit: AnyFit) -> None:
        self._fit = fit

    def _name(self, column: int) -> str:
        names = self._fit.feature_names
        return f"feature {column}" if names is None else readable(names[column])

    def words(self, query: Design, rows: IntArray, most: int = 40, factor: FloatArray | None = None) -> list[list[str]]:
        """Names of the features that each training row shares with the query, the largest products first.

        With the query's factor, as `Ranking` has it, a feature goes by what it contributes to the row's influence, and
        those that contribute less than three tenths of the largest are left out: "the" and "and" are in every row.

        Parameters
        ----------
        query
            A design of one row.
        rows
            Training rows.
        most
            How many names for each row at most.

        Returns
        -------
        list of list of str
            One list for each row; empty lists where the estimator does not name its features.
        """
        if self._fit.feature_names is None:
            return [[] for _ in rows]
        values, columns = self._shared_values(query, rows)
        sizes = np.abs(values)
        if factor is not None:
            of_query = _columns_of(query, columns)[0]
            sizes *= np.abs(factor[columns] / of_query)
            sizes[sizes < _TELLING * sizes.max(axis=1, initial=0.0, keepdims=True)] = 0.0
        out = []
        for line in sizes:
            order = np.argsort(-line, kind="stable")[:most]
            out.append([self._name(columns[j]) for j in order if line[j] > 0])
        return out

    def table(self, query: Design, ranking: Ranking, row: int, pair: tuple[int, int]) -> pd.DataFrame:
        """What each shared feature contributes: ``feature, weight, contribution``, the largest contribution first.

        Parameters
        ----------
        ranking
            Of the query.
        row
            A training row; its new label is the suggested one.
        pair
            Codes of the two classes whose margin the influence changes.

        Returns
        -------
        DataFrame
            ``weight`` is the model's coefficient of the first class less that of the second; ``contribution`` the
            feature's part of the row's first-order influence, in log-odds. The rest of the influence comes through the
            intercept and other features.
        """
        import pandas as pd

        vector, columns = self._shared_values(query, np.array([row], dtype=np.int64))
        shared = np.flatnonzero(vector[0])
        parts = self._parts(query, ranking, row, columns, pair)
        order = shared[np.argsort(-np.abs(parts[shared]), kind="stable")]
        names = [self._name(column) for column in columns[order].tolist()]
        coef = self._fit.coef
        weights = coef if coef.ndim == 1 else coef[pair[0]] - coef[pair[1]]
        return pd.DataFrame({"feature": names, "weight": weights[columns[order]], "contribution": parts[order]}).astype(
            {"feature": "object"}
        )

    def _parts(self, query: Design, ranking: Ranking, row: int, columns: IntArray, pair: tuple[int, int]) -> FloatArray:
        """Parts of the influence of the row's suggested label that come through some columns of the query."""
        fit, rows, codes = self._fit, np.array([row]), ranking.suggested[[row]]
        if isinstance(fit, BayesFit):
            words, parts = bayes_words(fit, query, row, int(codes[0]), pair)
            out = np.zeros(fit.design.n_features)
            out[words] = parts
            return out[columns]
        assert ranking.factor is not None
        edits = fit.problem.edits_of(rows, "relabel", codes)
        pushes = fit.problem.pushes(fit.eta, edits, "relabel", ranking.factor)[0]
        values = _columns_of(fit.design.take(rows), columns)[0]
        return np.asarray(-pushes[columns] * values)

    def _shared_values(self, query: Design, rows: IntArray) -> tuple[FloatArray, IntArray]:
        """Products of rows and query in the query's nonzero columns, (len(rows), c), and those columns (c,)."""
        (_, block), *_ = query.blocks()
        columns = np.unique(block.nonzero()[1]).astype(np.int64)
        own = _columns_of(query, columns)[0]
        return _columns_of(self._fit.design.take(rows), columns) * own, columns


def _columns_of(design: Design, columns: IntArray) -> FloatArray:
    """Some columns as an array, (n_rows, len(columns))."""
    out = np.zeros((design.n_rows, len(columns)))
    for rows, block in design.blocks():
        part = block[:, columns]
        out[rows] = part.toarray() if sparse.issparse(part) else part
    return out

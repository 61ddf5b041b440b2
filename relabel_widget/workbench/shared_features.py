"""What training rows have in common with a query: their features, by name, and what each contributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np
from scipy import sparse

from .._typing import FloatArray, IntArray
from ..design import Design
from ..files.characters import readable
from ..fits import Fit

if TYPE_CHECKING:
    import pandas as pd


@final
class CommonFeatures:
    """Features that a training row and a query both have, named as the estimator names them.

    Parameters
    ----------
    fit
        The fit on the original labels; it knows the names of its features, perhaps.
    """

    def __init__(self, fit: Fit) -> None:
        self._fit = fit

    def _name(self, column: int) -> str:
        names = self._fit.feature_names
        return f"feature {column}" if names is None else readable(names[column])

    def words(self, query: Design, rows: IntArray, most: int = 40) -> list[list[str]]:
        """Names of the features that each training row shares with the query, the largest products first.

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
        out = []
        for line in values:
            order = np.argsort(-np.abs(line), kind="stable")[:most]
            out.append([self._name(columns[j]) for j in order if line[j] != 0])
        return out

    def table(self, query: Design, factor: FloatArray, row: int) -> pd.DataFrame:
        """What each shared feature contributes: ``feature, weight, contribution``, the largest contribution first.

        Parameters
        ----------
        factor
            ``H^-1 x`` of the query, shape (n_params,).
        row
            A training row.

        Returns
        -------
        DataFrame
            ``weight`` is the model's coefficient; ``contribution`` the feature's part of the row's first-order
            influence, in log-odds. The rest of the influence comes through the intercept and other features.
        """
        import pandas as pd

        problem = self._fit.problem
        force = float(problem.force(self._fit.eta, "relabel")[row])
        vector, columns = self._shared_values(query, np.array([row], dtype=np.int64))
        shared = np.flatnonzero(vector[0])
        values = _columns_of(problem.design.take(np.array([row], dtype=np.int64)), columns)[0]
        parts = -force * values * factor[columns]
        order = shared[np.argsort(-np.abs(parts[shared]), kind="stable")]
        names = [self._name(column) for column in columns[order].tolist()]
        return pd.DataFrame(
            {"feature": names, "weight": self._fit.coef[columns[order]], "contribution": parts[order]}
        ).astype({"feature": "object"})

    def _shared_values(self, query: Design, rows: IntArray) -> tuple[FloatArray, IntArray]:
        """Products of rows and query in the query's nonzero columns, (len(rows), c), and those columns (c,)."""
        (_, block), *_ = query.blocks()
        columns = np.unique(block.nonzero()[1]).astype(np.int64)
        own = _columns_of(query, columns)[0]
        return _columns_of(self._fit.problem.design.take(rows), columns) * own, columns


def _columns_of(design: Design, columns: IntArray) -> FloatArray:
    """Some columns as an array, (n_rows, len(columns))."""
    out = np.zeros((design.n_rows, len(columns)))
    for rows, block in design.blocks():
        part = block[:, columns]
        out[rows] = part.toarray() if sparse.issparse(part) else part
    return out

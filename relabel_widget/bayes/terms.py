"""The logarithms that one query's scores are made of, and what each training row adds to their arguments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from .._typing import BoolArray, FloatArray, IntArray
from ..design import Design
from .columns import counted
from .fitting import BayesFit
from .models import Bernoulli


@dataclass(frozen=True, eq=False)
class Terms:
    """``score_k = constants_k + sum_t weights_t log(arguments_kt)`` of one query, as `models` describes it.

    Attributes
    ----------
    narrow, by_column
        The query's columns of the training rows, each row times its weight, shape (n_rows, q), by rows and by columns.
    absent
        Which of the columns enter as the row's weight less the entry, shape (q,).
    sums
        What the other terms count of each row, times its weight, shape (n_rows, e).
    weights
        Shape (q + e,), none 0.
    floors
        The least value of each argument, whatever the edit: smoothing, or for a prior the smallest weight of a row.
    is_prior
        Which terms are the prior, shape (q + e,).
    arguments
        At the fit, shape (K, q + e).
    constants
        Shape (K,).
    complement
        Whether the rows of all other classes are counted instead of those of the class.
    """

    narrow: sparse.csr_array
    by_column: sparse.csc_array
    absent: BoolArray
    sums: FloatArray
    weights: FloatArray
    floors: FloatArray
    is_prior: BoolArray
    arguments: FloatArray
    constants: FloatArray
    complement: bool

    def scores(self, arguments: FloatArray) -> FloatArray:
        """The logarithms' part of scores, (..., q + e) to (...,)."""
        return np.asarray(np.log(arguments) @ self.weights)

    def product(self, g: FloatArray) -> FloatArray:
        """``sum_t F_it g_t`` for each row, (q + e,) to (n_rows,). Cost: the stored values of the query's columns."""
        q = len(self.absent)
        out = self.sums @ g[q:]
        if g[:q].any():
            out += self.narrow @ np.where(self.absent, -g[:q], g[:q])
            if self.absent.any():
                out += self.row_weights * g[:q][self.absent].sum()
        return np.asarray(out)

    @property
    def row_weights(self) -> FloatArray:
        """Weights of the rows, shape (n_rows,): where entries enter as 1 less the entry, the first sum is of ones."""
        return self.sums[:, 0]

    def totals(self, u: FloatArray) -> FloatArray:
        """``sum_i F_it u_i``, (n_rows,) to (q + e,)."""
        entries = self.by_column.T @ u
        if self.absent.any():
            entries = np.where(self.absent, self.row_weights @ u - entries, entries)
        return np.concatenate([entries, u @ self.sums])

    @cached_property
    def largest(self) -> FloatArray:
        """``max_i F_it``, or more, shape (q + e,)."""
        starts = self.by_column.indptr[:-1]
        filled = np.diff(self.by_column.indptr) > 0
        entries = np.zeros(len(filled))
        if filled.any():
            entries[filled] = np.maximum.reduceat(self.by_column.data, starts[filled])
        if self.absent.any():
            entries = np.where(self.absent, self.row_weights.max(), entries)
        return np.concatenate([entries, self.sums.max(axis=0)])

    @cached_property
    def _alike(self) -> IntArray:
        """A number for each of the columns, the same where the arguments of all classes are the same, shape (q,)."""
        _, numbers = np.unique(self.arguments[:, : len(self.absent)], axis=1, return_inverse=True)
        return np.asarray(numbers.ravel())

    def merged(self, rows: IntArray) -> Terms:
        """The same terms as far as these rows, ascending, are edited, with fewer columns.

        An absent column in which none of the rows has an entry takes the weights of the rows alone, as any other does:
        those that have the same arguments stay alike, and one stands for all. Of a text's thousands of absent words,
        some hundreds of rows have a few hundred.
        """
        if not self.absent.any():
            return self
        narrow = self.narrow[rows]
        alone = np.bincount(narrow.indices, minlength=len(self.absent)) > 0
        alone |= ~self.absent
        others = np.flatnonzero(~alone)
        _, first, group = np.unique(self._alike[others], return_index=True, return_inverse=True)
        columns = np.concatenate([np.flatnonzero(alone), others[first]])
        picked = np.concatenate([columns, np.arange(len(self.absent), len(self.weights))])
        weights = self.weights[picked]
        together = np.bincount(group, self.weights[others], minlength=len(first))
        weights[len(columns) - len(first) : len(columns)] = together
        narrow, lengths = narrow[:, columns], np.zeros(len(self.sums), dtype=np.int64)
        lengths[rows] = np.diff(narrow.indptr)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        placed = sparse.csr_array((narrow.data, narrow.indices, starts), shape=(len(self.sums), len(columns)))
        return replace(
            self,
            narrow=placed,
            by_column=placed.tocsc(),
            absent=self.absent[columns],
            weights=weights,
            floors=self.floors[picked],
            is_prior=self.is_prior[picked],
            arguments=self.arguments[:, picked],
        )

    def of_rows(self, rows: IntArray) -> FloatArray:
        """``F`` of some rows, dense, shape (len(rows), q + e)."""
        starts = self.narrow.indptr[rows]
        lengths = self.narrow.indptr[rows + 1] - starts
        places = np.arange(lengths.sum()) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        out = np.zeros((len(rows), len(self.weights)))
        out[np.repeat(np.arange(len(rows)), lengths), self.narrow.indices[places]] = self.narrow.data[places]
        q = len(self.absent)
        if self.absent.any():
            out[:, :q] = np.where(self.absent, self.row_weights[rows, None] - out[:, :q], out[:, :q])
        out[:, q:] = self.sums[rows]
        return out


def terms_of(fit: BayesFit, query: Design) -> Terms:
    """The terms of a query, a design of one row.

    Raises
    ------
    ValueError
        If a `BernoulliNB` that does not binarise gets other values than 0 and 1.
    """
    values = counted(query.to_dense(), fit.trained.cut)[0]
    columns = np.flatnonzero(values)
    if isinstance(fit.model, Bernoulli) and (values[columns] != 1).any():
        raise ValueError("expected a query of values 0 and 1 for a BernoulliNB with binarize=None, got others.")
    layout = fit.model.layout(columns, values[columns])
    by_column = fit.trained.narrow(layout.columns)
    if (fit.weights != 1).any():
        by_column.data *= fit.weights[by_column.indices]
    of_rows = np.column_stack([fit.trained.lengths, np.ones(fit.n_rows)])[:, layout.sums]
    sums = fit.weights[:, None] * of_rows
    inside = fit.counts[:, layout.columns]
    inside = np.where(layout.absent, fit.masses[:, None] - inside, inside)
    of_classes = np.column_stack([fit.counts.sum(axis=1), fit.masses])[:, layout.sums]
    arguments = np.column_stack([inside, of_classes])
    if fit.model.complement:
        arguments = arguments.sum(axis=0) - arguments
    least = fit.weights[fit.weights > 0].min()
    return Terms(
        by_column.tocsr(),
        by_column,
        layout.absent,
        sums,
        layout.weights,
        np.where(layout.offsets > 0, layout.offsets, least),
        layout.offsets == 0,
        np.maximum(arguments, 0.0) + layout.offsets,
        fit.model.constants(len(fit.classes)),
        fit.model.complement,
    )

"""A rival class against the class that is predicted: which edits bring the rival in front?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..problem import Edit
from .fitting import BayesFit
from .terms import Terms

TIE = 1e-9  # log-odds: a smaller lead is rounding, which may fall otherwise in scikit-learn's order of summation

_AT_ONCE = 2**18  # numbers that are worked out row by row; for more, sums over all rows are faster


@dataclass(frozen=True, eq=False)
class Rules:
    """What may be edited, for all queries of one call.

    Attributes
    ----------
    fit
        On the original labels.
    edit
        ``"relabel"`` or ``"remove"``.
    editable
        Which rows may be edited, shape (n_rows,).
    labels
        Which classes a row may be relabelled to, shape (K,).
    costs
        Of editing each row, shape (n_rows,); None counts rows.
    """

    fit: BayesFit
    edit: Edit
    editable: BoolArray
    labels: BoolArray
    costs: FloatArray | None = None

    @cached_property
    def class_sizes(self) -> IntArray:
        """Rows of each class that count, shape (K,)."""
        fit = self.fit
        return np.bincount(fit.codes[fit.weights > 0], minlength=len(fit.classes))


@dataclass(frozen=True, eq=False)
class Contest:
    """One rival, and the classes that it has to leave behind.

    The *margin* is the lead of the best defender over the rival: positive as long as the rival is not in front. A
    *move* is one row with one new label; moves are numbered by ``option * n_rows + row``. Where the rival only has to
    overtake the predicted class, moves between two further classes change nothing, and which of these takes a row does
    not matter: two options for each row are all there are.

    Attributes
    ----------
    rules, terms
        What may be edited, and the query.
    rival
        Class code.
    defenders
        Class codes, the predicted one first.
    offset
        Log-odds that the rival needs beyond the lead: of the threshold.
    codes
        New class code of each move, shape (n_options, n_rows); for removals the row's own.
    barred
        0 for moves that may be made, infinite for others, same shape.
    shifts
        What a move adds of its row to the arguments of each class that takes part: -1, 0 or 1. Shape (1 +
        len(defenders), n_options, n_rows), the rival first; 0 for barred moves.
    """

    rules: Rules
    terms: Terms
    rival: int
    defenders: tuple[int, ...]
    offset: float
    codes: IntArray
    barred: FloatArray
    shifts: FloatArray

    @property
    def n_rows(self) -> int:
        """Number of training rows."""
        return int(self.codes.shape[1])

    @cached_property
    def places(self) -> list[int]:
        """Codes of the classes that take part, the rival first."""
        return [self.rival, *self.defenders]

    @cached_property
    def start(self) -> FloatArray:
        """Arguments at the fit, shape (len(places), n_terms)."""
        return self.terms.arguments[self.places]

    @cached_property
    def _constants(self) -> FloatArray:
        return self.terms.constants[self.places]

    def leads(self, arguments: FloatArray) -> FloatArray:
        """Lead of each defender, (..., len(places), n_terms) to (..., len(defenders)).

        An argument is never below its floor: where it is, a class has lost all of its rows, or rounding has gone below.
        """
        scores = self.terms.scores(np.maximum(arguments, self.terms.floors)) + self._constants
        return np.asarray(scores[..., 1:] - scores[..., :1] - self.offset)

    def margins(self, arguments: FloatArray) -> FloatArray:
        """(..., len(places), n_terms) to (...,)."""
        return np.asarray(self.leads(arguments).max(axis=-1))

    def slopes(self, arguments: FloatArray) -> tuple[int, FloatArray, FloatArray]:
        """The best defender's place, and the derivatives of the margin in its arguments and in the rival's."""
        place = 1 + int(np.argmax(self.leads(arguments)))
        weights, arguments = self.terms.weights, np.maximum(arguments, self.terms.floors)
        return place, weights / arguments[place], -weights / arguments[0]

    def effects(self, arguments: FloatArray) -> FloatArray:
        """First-order change of the margin by each move, shape (n_options, n_rows); infinite for barred ones."""
        place, of_defender, of_rival = self.slopes(arguments)
        out = self.shifts[place] * self.terms.product(of_defender)
        out += self.shifts[0] * self.terms.product(of_rival)
        out += self.barred
        return np.asarray(out)

    def changes(self, moves: IntArray) -> FloatArray:
        """What each move adds to the arguments, shape (len(moves), len(places), n_terms)."""
        options, rows = np.divmod(moves, self.n_rows)
        return self.shifts[:, options, rows].T[:, :, None] * self.terms.of_rows(rows)[:, None, :]

    def total_change(self, moves: IntArray) -> FloatArray:
        """The sum of `changes`, shape (len(places), n_terms)."""
        if len(moves) * self.start.size < _AT_ONCE:
            return np.asarray(self.changes(moves).sum(axis=0))
        options, rows = np.divmod(moves, self.n_rows)
        out = np.empty_like(self.start)
        for k in range(len(self.places)):
            made = np.zeros(self.n_rows)
            made[rows] = self.shifts[k, options, rows]
            out[k] = self.terms.totals(made)
        return out

    def merged(self, moves: IntArray) -> Contest:
        """The same contest with fewer terms, of these moves alone."""
        terms = self.terms.merged(np.unique(moves % self.n_rows))
        return self if terms is self.terms else replace(self, terms=terms)

    def costs(self, moves: IntArray) -> FloatArray:
        """Of each move: 1, or what editing its row costs."""
        costs = self.rules.costs
        return np.ones(len(moves)) if costs is None else costs[moves % self.n_rows]

    def class_sizes(self, moves: IntArray) -> IntArray:
        """Rows of each class that count after some moves, shape (K,)."""
        n_classes, rows = len(self.rules.class_sizes), moves % self.n_rows
        left = self.rules.class_sizes - np.bincount(self.rules.fit.codes[rows], minlength=n_classes)
        if self.rules.edit == "relabel":
            left += np.bincount(self.codes.ravel()[moves], minlength=n_classes)
        return np.asarray(left)


def contest_of(
    rules: Rules, terms: Terms, rival: int, defenders: tuple[int, ...], offset: float, *, all_labels: bool
) -> Contest:
    """A contest with its moves; ``all_labels`` where it matters which of the other classes takes a row."""
    own, n_classes = rules.fit.codes, len(rules.fit.classes)
    if rules.edit == "remove":
        codes = own[None]
    elif n_classes == 2:
        codes = (1 - own)[None]
    elif all_labels:
        codes = np.repeat(np.arange(n_classes)[:, None], len(own), axis=1)
    else:
        predicted = defenders[0]
        others = [k for k in range(n_classes) if k not in (rival, predicted)]
        other = ([k for k in others if rules.labels[k]] or others)[0]
        first = np.where(own == rival, predicted, rival)
        second = np.where((own == rival) | (own == predicted), other, predicted)
        codes = np.array([first, second])
    open_ = rules.editable & ((rules.edit == "remove") | ((codes != own) & rules.labels[codes]))
    shifts = np.array([_shift(rules, terms, k, codes) * open_ for k in (rival, *defenders)])
    return Contest(rules, terms, rival, defenders, offset, codes, np.where(open_, 0.0, np.inf), shifts)


def _shift(rules: Rules, terms: Terms, k: int, codes: IntArray) -> FloatArray:
    """What each move adds of its row to the arguments of class k."""
    leaves = (rules.fit.codes == k).astype(np.float64)
    if rules.edit == "remove":
        return np.asarray(leaves - 1.0 if terms.complement else -leaves)[None]
    return np.asarray(((codes == k) - leaves) * (-1.0 if terms.complement else 1.0))

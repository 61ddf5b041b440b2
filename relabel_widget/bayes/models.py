"""How each naive Bayes turns counts into scores.

With ``N_kj`` the weighted sum of column j over the rows of class k, ``T_k`` its sum over columns and ``P_k`` the weight
of the class, every score is a constant and a few logarithms of sums over rows,

    score_k(x) = const_k + sum_t w_t log(b_t + sum over counted rows i of s_i F_it),

where "counted" are the rows of class k, or for `ComplementNB` those of all other classes. The *terms* t follow from the
query alone:

- multinomial: ``x_j log(N_kj + a_j)`` for its words, ``-|x| log(T_k + sum_j a_j)``, and ``log P_k`` with a fitted
  prior;
- complement: the same with the opposite sign and without a prior, as scikit-learn has it for two classes and more;
- Bernoulli: ``log(N_kj + a_j)`` for its words, ``log(P_k - N_kj + a_j)`` for all other columns, ``-log(P_k + 2 a)`` as
  many times as there are columns, and the prior.

``F_it`` is an entry of X, 1 less such an entry, the sum of a row, or 1: never negative. Constants that all classes
share are left out: they change no difference of scores. `Model.linear` has them, to give scikit-learn's own numbers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray

LENGTH, MASS = 0, 1  # of a row: the sum of its values, and 1


@dataclass(frozen=True, eq=False)
class Layout:
    """The terms of one query.

    Attributes
    ----------
    columns
        Columns of X that terms are made of, int64, shape (q,).
    absent
        Whether the term is made of 1 less the entry instead of the entry, shape (q,).
    sums
        What the further terms are made of, `LENGTH` or `MASS` of a row, shape (e,).
    weights, offsets
        ``w_t`` and ``b_t`` of all terms, shape (q + e,).
    """

    columns: IntArray
    absent: BoolArray
    sums: IntArray
    weights: FloatArray
    offsets: FloatArray


@dataclass(frozen=True, eq=False)
class Model(ABC):
    """Smoothing and prior.

    Attributes
    ----------
    alpha
        What is added to the count of each column, positive, shape (n_features,).
    log_prior
        Of each class where it is given or uniform, shape (K,); None if it is fitted.
    """

    alpha: FloatArray
    log_prior: FloatArray | None

    complement = False  # whether the rows of all other classes are counted
    has_prior = True

    @abstractmethod
    def linear(self, counts: FloatArray, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Coefficients (K, n_features) and intercepts (K,) of the scores from ``N`` and ``P``."""

    @abstractmethod
    def layout(self, columns: IntArray, values: FloatArray) -> Layout:
        """The terms of a query with these columns and values other than 0."""

    def prior(self, masses: FloatArray) -> FloatArray:
        """Logarithms of the priors, shape (K,)."""
        return np.log(masses) - np.log(masses.sum()) if self.log_prior is None else self.log_prior

    def constants(self, n_classes: int) -> FloatArray:
        """What scores have that no edit changes, shape (K,)."""
        return np.zeros(n_classes) if self.log_prior is None or not self.has_prior else self.log_prior

    def _prior_term(self) -> tuple[list[int], list[float], list[float]]:
        """Its sum, weight and offset, if the prior is fitted."""
        return ([MASS], [1.0], [0.0]) if self.log_prior is None and self.has_prior else ([], [], [])


@final
class Multinomial(Model):
    """``MultinomialNB``."""

    def linear(self, counts: FloatArray, masses: FloatArray) -> tuple[FloatArray, FloatArray]:  # noqa: D102
        smoothed = counts + self.alpha
        return np.log(smoothed) - np.log(smoothed.sum(axis=1, keepdims=True)), self.prior(masses)

    def layout(self, columns: IntArray, values: FloatArray) -> Layout:  # noqa: D102
        return _words(self, columns, values, 1.0)


@final
class Complement(Model):
    """``ComplementNB`` with ``norm=False``."""

    complement = True
    has_prior = False

    def linear(self, counts: FloatArray, masses: FloatArray) -> tuple[FloatArray, FloatArray]:  # noqa: D102
        smoothed = counts.sum(axis=0) - counts + self.alpha
        return np.log(smoothed.sum(axis=1, keepdims=True)) - np.log(smoothed), np.zeros(len(masses))

    def layout(self, columns: IntArray, values: FloatArray) -> Layout:  # noqa: D102
        return _words(self, columns, values, -1.0)


def _words(model: Model, columns: IntArray, values: FloatArray, sign: float) -> Layout:
    sums, weights, offsets = model._prior_term()
    return Layout(
        columns,
        np.zeros(len(columns), dtype=bool),
        np.array([LENGTH, *sums]),
        np.concatenate([sign * values, [-sign * values.sum()], weights]),
        np.concatenate([model.alpha[columns], [model.alpha.sum()], offsets]),
    )


@final
class Bernoulli(Model):
    """``BernoulliNB``, of values 0 and 1; one alpha for all columns, as scikit-learn's formula needs it."""

    def linear(self, counts: FloatArray, masses: FloatArray) -> tuple[FloatArray, FloatArray]:  # noqa: D102
        present, absent = np.log(counts + self.alpha), np.log(masses[:, None] - counts + self.alpha)
        without = (absent - np.log(masses[:, None] + 2 * self.alpha)).sum(axis=1)
        return present - absent, self.prior(masses) + without

    def layout(self, columns: IntArray, values: FloatArray) -> Layout:  # noqa: ARG002, D102 - values are all 1
        absent = np.ones(len(self.alpha), dtype=bool)
        absent[columns] = False
        sums, weights, offsets = self._prior_term()
        return Layout(
            np.arange(len(self.alpha)),
            absent,
            np.array([MASS, *sums]),
            np.concatenate([np.ones(len(self.alpha)), [-float(len(self.alpha))], weights]),
            np.concatenate([self.alpha, [2 * self.alpha[0]], offsets]),
        )

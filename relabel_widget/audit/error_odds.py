"""How likely each label is wrong: the scores of suspects, calibrated by the answers of people who checked some."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, logit

from .._typing import BoolArray, FloatArray, IntArray

# What is assumed before anyone has answered. The log-odds that a label is wrong were found to be linear in those of its
# score, within a few percent in every part of the range: on SST-2, hate_speech, loan and AG News with 2, 10 and 20 % of
# the labels wrong (seed 0), slopes were 1.1 to 3.1 and levels -0.3 to -5.4, lower levels with smaller slopes.
_LEVEL = -2.3  # at a score of one half, of two classes; each of K - 1 other labels has its share
_LEVEL_SPREAD = 1.2
_SLOPE, _SLOPE_SPREAD = 1.5, 0.35
_SLOPE_BY_LEVEL = 0.4  # how much larger the slope is where the level is larger by one
_CLASS_SPREAD = 0.7  # of the level between the labels that rows bear
_PAIR_SPREAD = 0.5  # and between the labels that are suggested for them
# An answer counts as this share of one: answered rows were chosen for their scores, and errors of people are less
# regular than planted ones. With whole answers, intervals were too narrow.
_ANSWER = 0.5
_DRAWS, _SEED = 300, 0
_STEPS, _LONGEST, _SETTLED = 50, 2.0, 1e-8
_LEAST = 1e-9  # score, and its distance from one


@dataclass(frozen=True, eq=False)
class ErrorOdds:
    """The log-odds that each label is wrong: ``offset + columns @ coefficients``, the coefficients known with doubt.

    Attributes
    ----------
    columns
        Shape (n_rows, k).
    offset
        The log-odds at coefficients of 0, (n_rows,).
    coefficients
        Their most probable values, (k,).
    root
        ``root root'`` is their covariance, (k, k).
    """

    columns: FloatArray
    offset: FloatArray
    coefficients: FloatArray
    root: FloatArray

    @cached_property
    def probability(self) -> FloatArray:
        """The probability that each label is wrong, (n_rows,)."""
        return np.asarray(expit(self.offset + self.columns @ self.coefficients))

    def totals(self, parts: list[IntArray]) -> FloatArray:
        """Draws of how many labels are wrong in each part of the rows, (300, len(parts)).

        Each draw has coefficients of its own, and an error in each row or not, by the normal approximation.
        """
        rng = np.random.default_rng(_SEED)
        out = np.empty((_DRAWS, len(parts)))
        for draw in out:
            coefficients = self.coefficients + self.root @ rng.standard_normal(len(self.root))
            p = expit(self.offset + self.columns @ coefficients)
            for part, rows in enumerate(parts):
                mean, variance = p[rows].sum(), (p[rows] * (1.0 - p[rows])).sum()
                draw[part] = mean + np.sqrt(variance) * rng.standard_normal()
        limits = np.array([len(rows) for rows in parts], dtype=np.float64)
        return np.asarray(np.clip(np.round(out), 0.0, limits))


def error_odds(
    score: FloatArray, given: IntArray, suggested: IntArray, n_classes: int, checked: IntArray, wrong: BoolArray
) -> ErrorOdds:
    """Logistic regression of the answers on the log-odds of the scores, with the priors above.

    Parameters
    ----------
    score
        Probability that a model gives to other labels than the row's, (n_rows,).
    given, suggested
        Codes of the rows' labels, and of the likeliest others, (n_rows,).
    checked, wrong
        The rows that were checked, and whether their label was wrong.
    """
    odds = np.asarray(logit(np.clip(score, _LEAST, 1.0 - _LEAST)))
    columns = [odds, 1.0 + _SLOPE_BY_LEVEL * odds, *(given == np.arange(n_classes)[:, None]).astype(np.float64)]
    spreads = [_SLOPE_SPREAD, _LEVEL_SPREAD, *[_CLASS_SPREAD] * n_classes]
    if n_classes > 2:
        pairs = given * n_classes + suggested
        seen = np.unique(pairs[checked])
        columns += list((pairs == seen[:, None]).astype(np.float64))
        spreads += [_PAIR_SPREAD] * len(seen)
    table, offset = np.column_stack(columns), _LEVEL - np.log(n_classes - 1.0) + _SLOPE * odds
    prior = 1.0 / np.square(spreads)
    coefficients, precision = _most_probable(table[checked], offset[checked], wrong.astype(np.float64), prior)
    root = np.linalg.inv(np.linalg.cholesky(precision)).T
    return ErrorOdds(table, offset, coefficients, root)


def _most_probable(
    columns: FloatArray, offset: FloatArray, wrong: FloatArray, prior: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The most probable coefficients and their precision there (Laplace's approximation), by Newton's method."""
    beta = np.zeros(len(prior))
    for _ in range(_STEPS):
        p = expit(offset + columns @ beta)
        gradient = _ANSWER * (columns.T @ (p - wrong)) + prior * beta
        bent = columns * (_ANSWER * p * (1.0 - p))[:, None]
        precision = columns.T @ bent + np.diag(prior)
        step = np.linalg.solve(precision, gradient)
        size = float(np.abs(step).max())
        beta = beta - step * min(1.0, _LONGEST / max(size, _LONGEST))
        if size < _SETTLED:
            break
    return beta, precision

"""What the words that a training row and a query share have to do with the row's influence."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray, IntArray
from ..design import Design
from .columns import counted
from .fitting import BayesFit
from .terms import terms_of


def bayes_words(
    fit: BayesFit, query: Design, row: int, code: int, margin: tuple[int, int]
) -> tuple[IntArray, FloatArray]:
    """Parts of the first-order influence of relabelling a row to a code, through each of the query's words.

    Parameters
    ----------
    margin
        Codes of two classes: the influence is on the score of the first less that of the second.

    Returns
    -------
    columns, parts
        The query's columns that are not 0, and the part of each, both (c,). The rest of the influence comes through
        the lengths of texts, the prior and words that the query does not have.
    """
    terms = terms_of(fit, query)
    moved = np.zeros(len(fit.classes))
    moved[code] += 1.0
    moved[fit.codes[row]] -= 1.0
    first, second = margin
    slopes = terms.weights * (moved[first] / terms.arguments[first] - moved[second] / terms.arguments[second])
    parts = terms.of_rows(np.array([row]))[0] * slopes
    columns = np.flatnonzero(counted(query.to_dense(), fit.trained.cut)[0])
    present = np.flatnonzero(~terms.absent)
    return columns, np.asarray(-parts[present] if terms.complement else parts[present])

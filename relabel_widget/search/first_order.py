"""The paper's Algorithm 1: a prefix of the first-order ranking, unchecked.

Source: Yang, Xu, Yu, "Relabeling Minimal Training Subset to Flip a Prediction" (EACL Findings 2024), Algorithm 1.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from .._typing import FloatArray, IntArray
from .ranking import largest

_FIRST, _MORE = 1024, 16  # rows of the ranking that are sorted, and how many times as many next


def first_order_set(influence: FloatArray, margin: float, cut: float, *, at_most: int | None = None) -> IntArray | None:
    """The shortest prefix of the ranking whose summed change of probability is predicted to flip, or None.

    Parameters
    ----------
    influence
        First-order change of the query's log-odds by editing each row, shape (n_rows,); NaN-free. Rows that may
        not be edited are left out by the caller.
    margin
        Log-odds of the query less ``cut``.
    cut
        The threshold as log-odds.
    at_most
        Longer prefixes are of no interest; any length if None.

    Returns
    -------
    int64
        Positions in ``influence``, most influential first. The change of probability is ``p (1 - p)`` times the
        change of log-odds, as the paper has it; its error is Algorithm 1's, not ours. Cost: one pass where the prefix
        is short, at most a sort.
    """
    p, threshold = expit(margin + cut), expit(cut)
    change = p * (1 - p) * influence
    towards = change if margin > 0 else -change
    longest = len(influence) if at_most is None else min(at_most, len(influence))
    count = min(_FIRST, longest)
    while True:
        order = largest(-towards, count)
        predicted = p + np.cumsum(change[order])
        flips = (predicted > threshold) != (margin > 0)
        if flips.any():
            return order[: int(np.argmax(flips)) + 1]
        if count == longest:
            return None
        count = min(count * _MORE, longest)

"""The paper's Algorithm 1: a prefix of the first-order ranking, unchecked.

Source: Yang, Xu, Yu, "Relabeling Minimal Training Subset to Flip a Prediction" (EACL Findings 2024), Algorithm 1.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from .._typing import FloatArray, IntArray
from ..question import Question
from .ranking import largest

_FIRST = 1024  # rows of the ranking that are sorted first: most prefixes are shorter
_MORE = 16  # times as many next


def first_order_set(question: Question, gains: FloatArray, at_most: int | None = None) -> IntArray | None:
    """The shortest prefix of the ranking whose summed change of probability is predicted to flip, or None.

    Parameters
    ----------
    question
        Its candidates are ranked.
    gains
        First-order change of the margin by editing each row, towards a flip, shape (n_rows,); NaN-free.
    at_most
        Longer prefixes are of no interest; any length if None.

    Returns
    -------
    int64
        Rows, most influential first. The change of probability is ``p (1 - p)`` times the change of log-odds, as the
        paper has it; with several classes p is the predicted one's share of its own and its rival's. Its error is
        Algorithm 1's, not ours. Cost: one pass where the prefix is short, at most a sort.
    """
    candidates = question.edits_at(gains)
    p, threshold = expit(question.value + question.offset), expit(question.offset)
    towards = p * (1 - p) * gains[candidates]
    longest = len(towards) if at_most is None else min(at_most, len(towards))
    count = min(_FIRST, longest)
    while True:
        order = largest(towards, count)
        predicted = p - question.direction * np.cumsum(towards[order])
        flips = (predicted > threshold) != (question.value > 0)
        if flips.any():
            return candidates[order[: int(np.argmax(flips)) + 1]]
        if count == longest:
            return None
        count = min(count * _MORE, longest)

"""Ridge regression: the Hessian never changes, so that effects of relabelled rows add up, and the shortest prefix of
the ranking is the smallest set there is.
"""  # noqa: D205

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IntArray
from ..bound import SLACK
from ..question import Question


@dataclass(frozen=True, eq=False)
class Prefix:
    """The shortest prefix of the ranking that flips.

    ``edits``, most influential first, are None if all that help are not enough, or would leave a class without rows. No
    set of fewer than ``lower_bound`` rows flips, feasible or not; one more than there are candidates if none does.
    """

    edits: IntArray | None
    lower_bound: int


def shortest_prefix(question: Question, gains: FloatArray) -> Prefix:
    """The smallest set, by gains that are right to many digits, (n_rows,); costs are left out of account.

    A margin within `SLACK` of the threshold counts as a flip for the bound, and as none for the set.
    """
    candidates = question.edits_at(gains)
    ordered = np.argsort(-gains[candidates], kind="stable")
    helped = np.cumsum(np.maximum(gains[candidates[ordered]], 0.0))
    margin = abs(question.value)
    least = int(np.searchsorted(helped, margin - SLACK)) + 1
    size = int(np.searchsorted(helped, margin + SLACK, side="right")) + 1
    edits = candidates[ordered[:size]]
    possible = size <= len(candidates) and question.feasible(np.sort(edits))
    return Prefix(edits if possible else None, least)

"""The first of a ranking, without the rest."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray, IntArray

# Of a long array a sample says which values cannot be among the largest: only these are sorted.
_STRIDE = 64
_LONG = 2**16


def largest(values: FloatArray, count: int) -> IntArray:
    """The places of the ``count`` largest values, the largest first; of equal ones the first first.

    Cost: one pass over the values, where they are many and these few.
    """
    among = None
    if len(values) > _LONG and count < len(values) // _STRIDE:
        sample = values[::_STRIDE]  # only to skip most values: what is skipped is smaller than enough others
        rank = min(2 * count // _STRIDE + 8, len(sample))
        among = np.flatnonzero(values >= np.partition(sample, -rank)[-rank])
    if among is None or len(among) < count:
        among = np.arange(len(values))
    if count < len(among):
        bound = np.partition(values[among], -count)[-count]
        among = among[values[among] >= bound]
    return np.asarray(among[np.argsort(-values[among], kind="stable")[:count]])

"""All sets of a size that the relaxation cannot rule out: either one of them flips, or it is proven that none does."""

from __future__ import annotations

import numpy as np

from .._typing import IntArray
from .contest import TIE, Contest
from .local_search import Ledger
from .relaxation import Minorant

_MOST = 2**19  # logarithms that are worked out for one size: some milliseconds
_MERGED = 2**12  # terms; where there are more, most are merged
_AT_ONCE = 2**21  # numbers that are held at a time


def exhausted(contest: Contest, minorant: Minorant, ledger: Ledger) -> IntArray | None:
    """The moves of one set of ``minorant.size`` that flips, empty if none does; None if there are too many to try.

    Sets that leave a class without rows are left out.
    """
    sets = _not_ruled_out(minorant, _MOST // min(contest.start.size, _MERGED))
    if sets is None:
        return None
    if not len(sets):
        return np.empty(0, dtype=np.int64)
    moves, places = np.unique(sets, return_inverse=True)
    places = places.reshape(sets.shape)
    rows = np.sort(sets % contest.n_rows, axis=1)
    places = places[(rows[:, 1:] != rows[:, :-1]).all(axis=1)]
    contest = contest.merged(moves)
    changes = contest.changes(moves)
    for first in range(0, len(places), max(1, _AT_ONCE // contest.start.size)):
        ledger.spend()
        some = places[first : first + max(1, _AT_ONCE // contest.start.size)]
        arguments = np.repeat(contest.start[None], len(some), axis=0)
        for column in some.T:
            arguments += changes[column]
        margins = contest.margins(arguments)
        for i in np.flatnonzero(margins < -TIE)[np.argsort(margins[margins < -TIE])]:
            if (contest.class_sizes(moves[some[i]]) > 0).all():
                return np.asarray(moves[some[i]])
    return np.empty(0, dtype=np.int64)


def _not_ruled_out(minorant: Minorant, most: int) -> IntArray | None:
    """Sets of moves whose lower bound is not positive, (m, size), each once; None if there may be more than ``most``.

    Built one move at a time, ascending in effect. What a partial set needs at least is known from the effects that
    follow: a run of them in a row is the least that further moves can add.
    """
    size, flat = minorant.size, minorant.effects.ravel()
    limit = -minorant.const
    least = np.sort(minorant.lowest)[: size - 1].sum()  # all others at their best
    moves = np.flatnonzero(flat + least <= limit)
    order = moves[np.argsort(flat[moves], kind="stable")]
    sums = np.concatenate([[0.0], np.cumsum(flat[order])])
    if len(order) < size:
        return np.empty((0, size), dtype=np.int64)
    runs = {length: sums[length:] - sums[:-length] for length in range(1, size + 1)}
    chosen = np.flatnonzero(runs[size] <= limit)[:, None]
    for length in range(size - 1, 0, -1):
        if len(chosen) > most:
            return None
        room = limit - flat[order][chosen].sum(axis=1)
        ends = np.searchsorted(runs[length], room, side="right")  # runs ascend
        counts = np.maximum(ends - chosen[:, -1] - 1, 0)
        if counts.sum() > most:
            return None
        following = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        following += np.repeat(chosen[:, -1] + 1, counts)
        chosen = np.column_stack([np.repeat(chosen, counts, axis=0), following])
    return np.asarray(order[chosen]) if len(chosen) <= most else None

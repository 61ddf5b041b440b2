"""A small set of moves that brings the rival in front: greedy, then drops, swaps and pairs of swaps.

Every set that is considered last is worked out exactly: it costs the query's terms alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IntArray
from ..monitor import Monitor
from .contest import TIE, Contest

# The numbers that the search can be tuned by, chosen on the texts of tests/benchmarks/test_naive_bayes.py.
_TRIED = 8  # moves of largest first-order effect whose effect is worked out exactly, at each step of the climb
_ROUND = 256  # moves of which one after the other is taken before all are ranked again
_POOL, _POOL_RATE = 96, 2.0  # moves outside that swaps choose from: so many, and so many for each move inside
_POOL_MOST, _OUT_MOST = 512, 256  # but no more, nor more of the moves inside, of which the least useful are swapped
_STARTS = 3  # moves that are left out in turn, to look for a set of one less by swaps
_SWAPS = 16  # swaps of best forecast that are worked out exactly
_PAIRS = 32  # swaps of which all pairs are worked out exactly, where no single one helps
_LESS = 1e-9  # log-odds, and costs: less is rounding


class Spent(Exception):  # noqa: N818 - an outcome of the search, caught by it
    """The search has used its refits or seconds."""


class Ledger:
    """What one query's search has spent. Sets that are worked out together count as one refit.

    Parameters
    ----------
    refits, seconds
        The budget; None is no limit.
    """

    def __init__(self, refits: int | None, seconds: float | None, monitor: Monitor | None) -> None:
        self.refits = 0
        self._most, self._monitor = refits, monitor
        self._deadline = np.inf if seconds is None else time.monotonic() + seconds

    def spend(self) -> None:
        """Count one refit, and stop where a person or the budget says so.

        Raises
        ------
        Spent
            If the budget is used up.
        """
        if self._monitor is not None:
            self._monitor.step("refitting", self.refits, self._most)
        if (self._most is not None and self.refits >= self._most) or time.monotonic() > self._deadline:
            raise Spent
        self.refits += 1


def climb(contest: Contest, ledger: Ledger) -> IntArray | None:
    """Moves that bring the rival in front, one after the other by their effect there; None if they run out.

    All moves are ranked by the gradient; of those that rank first, one after the other is taken and the rest ranked
    again, until moves that were left out may be better than the best of them: then all are ranked again.
    """
    climb = _Climb(contest)
    while climb.margin >= -TIE:
        ledger.spend()
        if not climb.round(ledger):
            return None
    return np.array(climb.taken)


def flipping_prefix(contest: Contest, effects: FloatArray, ledger: Ledger) -> IntArray | None:
    """A short prefix of the moves in order of these effects, (n_options, n_rows), that flips; None if none does.

    Each row's best move, without the last rows of a class. Sizes are doubled and then halved in, as if margins fell.
    """
    best, own = effects.min(axis=0), contest.rules.fit.codes
    rows = np.flatnonzero(best < 0)
    rows = rows[np.argsort(best[rows], kind="stable")]
    for k, size in enumerate(contest.rules.class_sizes):
        rows = np.delete(rows, np.flatnonzero(own[rows] == k)[size - 1 :])
    moves = effects[:, rows].argmin(axis=0) * contest.n_rows + rows

    def flips(size: int) -> bool:
        ledger.spend()
        return bool(contest.margins(contest.start + contest.total_change(moves[:size])) < -TIE)

    short, size = 0, 1
    while size < len(moves) and not flips(size):
        short, size = size, 2 * size
    size = min(size, len(moves))
    if not size or not flips(size):
        return None
    while size - short > 1:
        middle = (short + size) // 2
        short, size = (short, middle) if flips(middle) else (middle, size)
    return np.asarray(moves[:size])


class _Climb:
    """Where a climb has come to."""

    def __init__(self, contest: Contest) -> None:
        self._contest = contest
        self._sizes = contest.class_sizes(np.empty(0, dtype=np.int64))
        self._open = np.ones(contest.n_rows, dtype=bool)
        self.taken: list[int] = []
        self.margin = float(contest.margins(contest.start))

    def round(self, ledger: Ledger) -> bool:
        """Moves out of those that rank first; False if none of them lowers the margin."""
        contest, taken = self._contest, np.array(self.taken, dtype=np.int64)
        effects = contest.effects(contest.start + contest.total_change(taken))
        worth = np.where(self._open, effects, np.inf)
        if contest.rules.costs is not None:
            worth = worth / np.maximum(contest.rules.costs, _LESS)
        pool = Pool.of(contest, _smallest(worth, _ROUND), taken)
        if not len(pool.moves):
            return False
        cutoff = float(worth.ravel()[pool.moves].max()) if len(pool.moves) >= _ROUND else np.inf
        moved, arguments = False, pool.contest.start + pool.contest.total_change(taken)
        while self.margin >= -TIE:
            step = self._step(pool, arguments)
            if step is None or (moved and step[1] > cutoff):
                break
            ledger.spend()
            arguments = arguments + pool.changes[step[0]]
            self._take(pool, step[0], float(pool.contest.margins(arguments)))
            moved = True
        return moved

    def _step(self, pool: Pool, arguments: FloatArray) -> tuple[int, float] | None:
        """The place of the move that lowers the margin most, of those of best effect, and the best effect per cost."""
        place, of_defender, of_rival = pool.contest.slopes(arguments)
        effects = pool.changes[:, place] @ of_defender + pool.changes[:, 0] @ of_rival
        effects /= np.maximum(pool.costs, _LESS)
        last = (self._sizes == 1)[self._contest.rules.fit.codes[pool.rows]]  # of its class: it stays
        effects[~self._open[pool.rows] | last] = np.inf
        best = _smallest(effects, _TRIED)
        best = best[effects[best] < np.inf]
        if not best.size:
            return None
        gains = self.margin - pool.contest.margins(arguments + pool.changes[best])
        gains /= np.maximum(pool.costs[best], _LESS)
        leader = int(np.argmax(gains))
        return (int(best[leader]), float(effects[best].min())) if gains[leader] > _LESS else None

    def _take(self, pool: Pool, place: int, margin: float) -> None:
        self.taken.append(int(pool.moves[place]))
        self._open[pool.rows[place]] = False
        self.margin = margin
        self._sizes = self._contest.class_sizes(np.array(self.taken))


def _smallest(values: FloatArray, count: int) -> IntArray:
    """Places of the smallest values in the flattened array, in no order."""
    flat = values.ravel()
    return np.arange(flat.size) if flat.size <= count else np.argpartition(flat, count - 1)[:count]


@dataclass(frozen=True, eq=False)
class Pool:
    """The moves that a climb or swaps choose from, with what each adds to the arguments.

    The contest is `Contest.merged`: arguments have its terms.
    """

    contest: Contest
    moves: IntArray
    rows: IntArray
    changes: FloatArray
    costs: FloatArray

    @classmethod
    def of(cls, contest: Contest, moves: IntArray, taken: IntArray) -> Pool:
        """These moves, without those that are barred; ``taken`` are others that are made before."""
        moves = moves[contest.barred.ravel()[moves] == 0]
        contest = contest.merged(np.append(moves, taken))
        return cls(contest, moves, moves % contest.n_rows, contest.changes(moves), contest.costs(moves))

    @classmethod
    def around(cls, contest: Contest, taken: IntArray) -> Pool:
        """The moves taken, and those of largest effect before and after them."""
        after = contest.start + contest.total_change(taken)
        count = min(int(_POOL + _POOL_RATE * len(taken)), _POOL_MOST)
        parts = [taken]
        for arguments in (after, contest.start):
            effects = contest.effects(arguments)
            if contest.rules.costs is not None:
                effects = effects / np.maximum(contest.rules.costs, _LESS)
            best = _smallest(effects, count)
            parts.append(best[effects.ravel()[best] < 0])
        return cls.of(contest, np.unique(np.concatenate(parts)), taken)

    def arguments(self, members: IntArray) -> FloatArray:
        """After the moves of some members."""
        return np.asarray(self.contest.start + self.changes[members].sum(axis=0))

    def feasible(self, members: IntArray) -> bool:
        """Whether every class keeps a row."""
        return bool((self.contest.class_sizes(self.moves[members]) > 0).all())


class LocalSearch:
    """Looks for cheaper sets among the moves of a pool.

    ``members`` are places in the pool of the cheapest set so far, which flips: a spent budget does not lose it.
    """

    def __init__(self, pool: Pool, ledger: Ledger, members: IntArray) -> None:
        self._pool, self._ledger = pool, ledger
        self.members = members

    def run(self) -> None:
        """Until no member can be left out, and no swap that is tried makes up for one that is."""
        while True:
            self._drop()
            cheaper = self._cheaper(self.members)
            if cheaper is None:
                return
            self.members = cheaper

    def _without(self, members: IntArray) -> FloatArray:
        """Margins of the set without each member in turn."""
        self._ledger.spend()
        pool = self._pool
        return pool.contest.margins(pool.arguments(members) - pool.changes[members])

    def _drop(self) -> None:
        """Leave out the members that are not needed, the dearest first."""
        while len(self.members) > 1:
            margins = self._without(self.members)
            spare = np.flatnonzero(margins < -TIE)
            order = spare[np.lexsort((margins[spare], -self._pool.costs[self.members[spare]]))]
            fewer = (np.delete(self.members, i) for i in order)
            kept = next((members for members in fewer if self._pool.feasible(members)), None)
            if kept is None:
                return
            self.members = kept

    def _cheaper(self, members: IntArray) -> IntArray | None:
        """A set of less cost that flips, by leaving a member out and swapping others; None if none is found."""
        costs = self._pool.costs
        limit = float(costs[members].sum()) - _LESS
        if len(members) == 1:
            return self._single(limit)
        margins = self._without(members)
        worth = margins / np.maximum(costs[members], _LESS)
        for i in np.argsort(worth, kind="stable")[:_STARTS]:
            found = self._descended(np.delete(members, i), limit)
            if found is not None:
                return found
        return None

    def _single(self, limit: float) -> IntArray | None:
        """The cheapest single move that flips, below the limit."""
        self._ledger.spend()
        margins = self._pool.contest.margins(self._pool.contest.start + self._pool.changes)
        flips = np.flatnonzero((margins < -TIE) & (self._pool.costs < limit))
        for i in flips[np.argsort(self._pool.costs[flips], kind="stable")]:
            if self._pool.feasible(np.array([i])):
                return np.array([i])
        return None

    def _descended(self, members: IntArray, limit: float) -> IntArray | None:
        """Swaps, and further moves where costs allow them, until the set flips; None where none lowers the margin."""
        margin = float(self._pool.contest.margins(self._pool.arguments(members)))
        while margin >= -TIE:
            self._ledger.spend()
            step = self._step(members, margin, limit)
            if step is None:
                return None
            members, margin = step
        return members if self._pool.feasible(members) else None

    def _step(self, members: IntArray, margin: float, limit: float) -> tuple[IntArray, float] | None:
        pool = self._pool
        arguments = pool.arguments(members)
        outside = ~np.isin(pool.rows, pool.rows[members])
        added = self._pool.contest.margins(arguments + pool.changes) - margin
        spare = limit - float(pool.costs[members].sum())
        further = np.flatnonzero(outside & (pool.costs < spare))
        if further.size:
            best = further[np.argmin(added[further])]
            if added[best] < -_LESS:
                return np.append(members, best), margin + float(added[best])
        if not len(members):
            return None
        left = pool.contest.margins(arguments - pool.changes[members]) - margin
        out = _smallest(left, _OUT_MOST)
        forecast = left[out][:, None] + added + self._interaction(members[out], arguments)
        same = pool.rows[members[out]][:, None] == pool.rows
        dear = pool.costs[None, :] - pool.costs[members[out]][:, None] >= spare
        forecast[~(outside | same) | dear] = np.inf
        forecast[np.arange(len(out)), members[out]] = np.inf
        return self._swapped(members, out, arguments, margin, forecast)

    def _interaction(self, out: IntArray, arguments: FloatArray) -> FloatArray:
        """What the two moves of each swap, (out, pool), do to each other's effect on the margin, to second order."""
        pool = self._pool
        place, of_defender, of_rival = pool.contest.slopes(arguments)
        arguments = np.maximum(arguments, pool.contest.terms.floors)
        bent = (of_defender / arguments[place], of_rival / arguments[0])  # minus the second derivatives
        cross = (pool.changes[out, place] * bent[0]) @ pool.changes[:, place].T
        cross += (pool.changes[out, 0] * bent[1]) @ pool.changes[:, 0].T
        return np.asarray(cross)

    def _swapped(
        self, members: IntArray, out: IntArray, arguments: FloatArray, margin: float, forecast: FloatArray
    ) -> tuple[IntArray, float] | None:
        """The best of the swaps of best forecast, or of their pairs, if it lowers the margin.

        ``out`` are the places among the members that the rows of ``forecast`` are of.
        """
        pool = self._pool
        best = _smallest(forecast, _PAIRS)
        best = best[forecast.ravel()[best] < np.inf]
        best = best[np.argsort(forecast.ravel()[best], kind="stable")]
        which, in_ = np.divmod(best, forecast.shape[1])
        out = out[which]
        changes = pool.changes[in_] - pool.changes[members[out]]
        margins = self._pool.contest.margins(arguments + changes[:_SWAPS])
        if margins.size and margins.min() < margin - _LESS:
            i = int(np.argmin(margins))
            return _exchanged(members, out[[i]], in_[[i]]), float(margins[i])
        self._ledger.spend()
        first, second = np.triu_indices(len(best), 1)
        apart = (out[first] != out[second]) & (pool.rows[in_[first]] != pool.rows[in_[second]])
        first, second = first[apart], second[apart]
        if not first.size:
            return None
        margins = self._pool.contest.margins(arguments + changes[first] + changes[second])
        i = int(np.argmin(margins))
        if margins[i] >= margin - _LESS:
            return None
        chosen = [first[i], second[i]]
        return _exchanged(members, out[chosen], in_[chosen]), float(margins[i])


def _exchanged(members: IntArray, out: IntArray, in_: IntArray) -> IntArray:
    return np.append(np.delete(members, out), in_)

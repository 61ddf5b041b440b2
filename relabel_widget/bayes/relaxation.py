"""A proven lower bound: how few rows might bring the rival in front, every logarithm replaced by a line.

With S a set of at most k moves and ``D_u(S)`` the sum of what they add to argument u, the margin of a defender is

    m(S) = m + sum_u beta_u [log(A_u + D_u) - log A_u],   beta_u = w_t of the defender's terms, -w_t of the rival's.

From below, with ``D = D- + D+`` the sums of what is taken away and of what is added, ``-lo <= D- <= 0 <= D+ <= hi``:

- ``beta_u > 0``: the logarithm is concave, so that ``log(A + D- + D+) - log(A + D-) >= log(A + D+) - log A``, and it
  lies above its chords on [-lo, 0] and [0, hi]. Hence

      log(A + D) - log A >= D- [log A - log(A - lo)] / lo + D+ [log(A + hi) - log A] / hi.

  ``lo`` is the sum of the term's entries over the rows that can be taken away, or k times its largest entry where that
  is less; ``hi`` the same for rows that can be added. No argument falls below its smoothing. A prior's has none, and
  all rows of a class may leave it if others come: what is added then counts nothing, ``log(A + D)`` is at least the
  logarithm of ``A + D-`` or of the smallest weight of a row, and both lie above the first chord.
- ``beta_u < 0``: minus the logarithm is convex and lies above each of its tangents: for any ``D0 > -A``

      -log(A + D) + log A >= -log(1 + D0 / A) - (D - D0) / (A + D0).

All of it is linear in S, ``m(S) >= const + sum of e_i over the moves of S``: with each row's best move, sorted, no set
of k' <= k rows can bring the rival in front as long as ``const`` and the k' smallest ``e_i`` (none above 0) add up to
more than 0. The points of tangency are free. The best ones are found by the Frank-Wolfe method (Jaggi, "Revisiting
Frank-Wolfe", 2013) on the convex program that has chords for the first terms and the logarithms themselves for the
second, over fractional sets of k rows: its linear subproblem is this very bound.

Rounding, some 1e-12, is far below `contest.TIE`, by which a lead has to be cleared to count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._typing import FloatArray, IntArray
from .contest import Contest

_STEPS = 12  # of Frank and Wolfe, at one size
_NEWTON = 4  # of the line search


@dataclass(frozen=True, eq=False)
class Minorant:
    """``const + sum of effects`` is at most the margin after any set of up to ``size`` moves.

    ``effects`` has shape (n_options, n_rows), infinite for barred moves.
    """

    size: int
    const: float
    effects: FloatArray

    @cached_property
    def lowest(self) -> FloatArray:
        """The least effect of each row, shape (n_rows,)."""
        return np.asarray(self.effects.min(axis=0))

    @cached_property
    def _sums(self) -> FloatArray:
        """The least that 0 .. size moves of different rows leave of the margin."""
        below = self.lowest[self.lowest < 0]
        first = np.sort(below if len(below) <= self.size else np.partition(below, self.size - 1)[: self.size])
        return self.const + np.concatenate([[0.0], np.cumsum(first)])

    @property
    def least(self) -> float:
        """A lower bound of the margin after ``size`` moves or fewer."""
        return float(self._sums[-1])

    @property
    def proven(self) -> int:
        """No set of so many rows, or fewer, brings the rival in front; -1 if not even that is proven of no rows."""
        positive = self._sums > 0
        if not positive[0]:
            return -1
        return self.size if positive.all() else int(np.argmin(positive)) - 1


class Relaxation:
    """The bounds of one contest against its first defender."""

    def __init__(self, contest: Contest) -> None:
        self._contest = contest
        self._arguments = contest.start[:2]  # of the rival and of the first defender
        self._shifts = contest.shifts[:2]
        weights = contest.terms.weights
        self._slopes = np.array([-weights, weights])
        self._concave = self._slopes > 0
        self._margin = float(contest.leads(contest.start)[0])
        self._taken = [contest.terms.totals((self._shifts[k] < 0).any(axis=0) * 1.0) for k in (0, 1)]
        self._added = [contest.terms.totals((self._shifts[k] > 0).any(axis=0) * 1.0) for k in (0, 1)]
        self._tangency = np.zeros_like(self._arguments)
        self._made: dict[int, Minorant] = {}

    def bound(self, size: int, proven: int = 0) -> int:
        """The largest number below ``size`` of which it is proven that no set of so many rows flips.

        ``proven`` is a number of which that is known.
        """
        ask = size - 1
        while ask > proven:
            proven = max(proven, self.minorant(ask).proven)
            size = ask
            ask = (proven + size) // 2
        return proven

    def minorant(self, size: int) -> Minorant:
        """One that tells as much of sets of up to ``size`` moves as a few steps find; kept."""
        if size not in self._made:
            self._made[size] = self._best(size, None)
        return self._made[size]

    def sharpened(self, size: int) -> Minorant:
        """`minorant` after some more steps, which look for the highest bound even where none is positive."""
        return self._best(size, self.minorant(size))

    def _best(self, size: int, best: Minorant | None) -> Minorant:
        static, point, sharpen = self._static(size), None, best is not None
        for _ in range(_STEPS):
            found = self._tangent(size, static)
            best = found if best is None or found.least > best.least else best
            if best.proven >= size:
                break
            chosen = self._lowest(found)
            change = self._contest.total_change(chosen)[:2]
            corner = _Point(change, float(static.ravel()[chosen].sum()))
            point = corner if point is None else self._between(point, corner)
            self._tangency = point.change
            if not sharpen and self._value(point) <= 0:
                break  # no line is positive here: the logarithms themselves are not
        assert best is not None
        return best

    def _static(self, size: int) -> FloatArray:
        """The chords' part of the effect of each move."""
        out = self._contest.barred.copy()
        for k in (0, 1):
            down, up = self._chords(k, size)
            out += np.where(self._shifts[k] > 0, self._contest.terms.product(up), 0.0)
            out -= np.where(self._shifts[k] < 0, self._contest.terms.product(down), 0.0)
        return out

    def _chords(self, k: int, size: int) -> tuple[FloatArray, FloatArray]:
        """Slopes of the concave terms for what is taken away and for what is added; 0 for others."""
        terms, at = self._contest.terms, self._arguments[k]
        most = size * terms.largest
        down, up = np.zeros_like(at), np.zeros_like(at)
        least = np.maximum(at - np.minimum(self._taken[k], most), terms.floors)
        taken, added = at - least, np.minimum(self._added[k], most)
        np.divide(np.log(at / least), taken, out=down, where=taken > 0)
        np.divide(np.log1p(added / at), added, out=up, where=added > 0)
        up[terms.is_prior] = 0.0
        scale = np.where(self._concave[k], self._slopes[k], 0.0)
        return scale * down, scale * up

    def _tangent(self, size: int, static: FloatArray) -> Minorant:
        """The minorant whose tangents touch at the present point."""
        effects, const = static.copy(), self._margin
        for k in (0, 1):
            at, scale = self._arguments[k], np.where(self._concave[k], 0.0, self._slopes[k])
            change = np.maximum(self._tangency[k], 0.5 * self._contest.terms.floors - at)
            effects += self._shifts[k] * self._contest.terms.product(scale / (at + change))
            const += float(scale @ (np.log1p(change / at) - change / (at + change)))
        return Minorant(size, const, effects)

    def _lowest(self, minorant: Minorant) -> IntArray:
        """The moves of at most ``size`` rows that make the minorant least."""
        rows = np.flatnonzero(minorant.lowest < 0)
        if len(rows) > minorant.size:
            rows = rows[np.argpartition(minorant.lowest[rows], minorant.size - 1)[: minorant.size]]
        return np.asarray(minorant.effects[:, rows].argmin(axis=0) * self._contest.n_rows + rows)

    def _value(self, point: _Point) -> float:
        """The convex program's objective."""
        return self._margin + point.lines + self._logarithms(point.change)

    def _logarithms(self, change: FloatArray) -> float:
        ratio = np.maximum(change / self._arguments, -1 + 1e-12)
        return float((np.where(self._concave, 0.0, self._slopes) * np.log1p(ratio)).sum())

    def _between(self, point: _Point, corner: _Point) -> _Point:
        """The best point between two: Newton's method on the step, kept between 0 and 1."""
        way, lines = corner.change - point.change, corner.lines - point.lines
        scale, step = np.where(self._concave, 0.0, self._slopes), 0.3
        for _ in range(_NEWTON):
            at = np.maximum(self._arguments + point.change + step * way, 1e-12)
            ratio = way / at
            slope, curvature = lines + float((scale * ratio).sum()), -float((scale * ratio**2).sum())
            if curvature <= 0:
                break
            step = min(max(step - slope / curvature, 0.0), 1.0)
        return _Point(point.change + step * way, point.lines + step * lines)


@dataclass(frozen=True, eq=False)
class _Point:
    """A fractional set: what it adds to the arguments, (2, terms), and its part of the chords."""

    change: FloatArray
    lines: float

"""Vectors of rows that the workers of a Dask cluster have, or can make from what they have: these are not sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from .._typing import AnyArray, IntArray
from ..vectors import consecutive
from .dask_worker import Told, itself, patched

_KEPT_BYTES, _KEPT_LEAST = 2**27, 6  # of vectors: a Newton step needs log-odds, labels, weights, curvatures, an image
_FEW = 1 / 16  # of the rows: what differs from a kept vector in no more is sent as what differs
_GLANCE = 64  # entries by which most other vectors are told apart


@dataclass(frozen=True)
class PartRows:
    """The rows of one part: slices of all rows, ascending."""

    slices: list[slice]

    def of(self, vector: AnyArray) -> AnyArray:
        """The part's piece of a vector."""
        return np.concatenate([vector[rows] for rows in self.slices])

    def put(self, vector: AnyArray, piece: AnyArray) -> None:
        """Write the part's piece into a vector."""
        for rows, places in self._places():
            vector[rows] = piece[places]

    def among(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Of rows, ascending, those of the part: their places in it, and their numbers."""
        ends = np.searchsorted(rows, [(each.start, each.stop) for each in self.slices])
        numbers = [rows[first:end] for first, end in ends]
        shifts = [places.start - each.start for each, places in self._places()]
        return np.concatenate([some + shift for some, shift in zip(numbers, shifts, strict=True)]), np.concatenate(
            numbers
        )

    def _places(self) -> Iterator[tuple[slice, slice]]:
        """Each slice, and its places in the part."""
        return zip(self.slices, consecutive(each.stop - each.start for each in self.slices), strict=True)


@dataclass(eq=False)
class _Known:
    """A vector: its values, the number under which parts hold it, if they do, and otherwise how they can make it.

    ``made`` is a function that takes a part's arrays, and what it takes: other vectors, or lists of what each part
    gets. One that is not kept any more has no number.
    """

    array: AnyArray
    number: int | None
    held: bool = False
    made: tuple[Callable[..., AnyArray], list[Any]] | None = None
    of_few: bool = False  # made from another by what differs


class RowVectors:
    """The vectors used last, at least six, up to 128 MB.

    They are found by value, so that an array that was edited is another. Those that come out of here are read-only.
    What parts are told they must be asked with, in the same order.
    """

    def __init__(self, parts: list[PartRows]) -> None:
        self._parts = parts
        self._known: list[_Known] = []
        self._numbers = count()
        self._dropped: list[int] = []

    def number(self) -> int:
        """A number for a vector that is to come."""
        return next(self._numbers)

    def came(self, array: AnyArray, number: int) -> None:
        """This vector came from the parts, which hold it."""
        array.flags.writeable = False
        self._add(_Known(array, number, held=True))

    def made(self, array: AnyArray, f: Callable[..., AnyArray], given: Sequence[Any]) -> None:
        """This vector is ``f(*given)``, row by row, of vectors and numbers: the parts can make it as they need it.

        Nothing is noted if they do not know the first: it would have to be sent instead.
        """
        if self._find(given[0]) is not None and self._find(array) is None:
            sources = [[each] * len(self._parts) if np.ndim(each) == 0 else self._known_as(each) for each in given]
            array.flags.writeable = False
            self._add(_Known(array, self.number(), made=(f, sources)))

    def made_of(self, number: int, f: Callable[..., AnyArray], given: Sequence[Any]) -> list[Any]:
        """What tells each part its piece of ``f(*given)`` where a vector that is to come goes first."""
        of = [[each] * len(self._parts) if np.ndim(each) == 0 else self.often(each) for each in given]
        return [Told(None, f, (Told(number), *each)) for each in zip(*of, strict=True)]

    def once(self, vector: AnyArray) -> list[Any]:
        """What tells each part its piece, for one product: the values themselves, unless the parts know better."""
        known = self._find(vector)
        return self._cut(vector) if known is None else self._told(known)

    def often(self, vector: AnyArray) -> list[Any]:
        """What tells each part its piece, for many products: from the second on, they hold it."""
        return self._told(self._known_as(vector))

    def drop(self, number: int) -> None:
        """What came under a number is not wanted any more."""
        self._dropped.append(number)

    def dropped(self) -> list[int]:
        """Numbers of vectors that parts need not hold once they have answered."""
        numbers, self._dropped = self._dropped, []
        return numbers

    def _told(self, known: _Known) -> list[Any]:
        if known.held:
            return [Told(known.number)] * len(self._parts)
        f, sources = known.made or self._from_another(known) or (itself, [self._cut(known.array)])
        of = [self._told(each) if isinstance(each, _Known) else each for each in sources]
        if known.number is not None:
            known.held, known.made = True, None
        return [Told(known.number, f, each) for each in zip(*of, strict=True)]

    def _from_another(self, known: _Known) -> tuple[Callable[..., AnyArray], list[Any]] | None:
        """How it is made from a vector that differs in a few rows and is held."""
        found = [
            (rows, other)
            for other in self._known
            if other.held and not other.of_few and (rows := _differing(other.array, known.array)) is not None
        ]
        if not found:
            return None
        rows, other = min(found, key=lambda each: len(each[0]))
        self._use(other)
        known.of_few = True
        theirs = [part.among(rows) for part in self._parts]
        return patched, [other, [places for places, _ in theirs], [known.array[some] for _, some in theirs]]

    def _cut(self, vector: AnyArray) -> list[AnyArray]:
        return [part.of(vector) for part in self._parts]

    def _find(self, vector: AnyArray) -> _Known | None:
        for known in reversed(self._known):
            if _alike(known.array, vector):
                self._use(known)
                return known
        return None

    def _use(self, known: _Known) -> None:
        self._known.remove(known)
        self._known.append(known)

    def _known_as(self, vector: AnyArray) -> _Known:
        return self._find(vector) or self._add(_Known(vector.copy(), self.number()))

    def _add(self, known: _Known) -> _Known:
        self._known.append(known)
        size = sum(each.array.nbytes for each in self._known)
        while size > _KEPT_BYTES and len(self._known) > _KEPT_LEAST:
            oldest = self._known.pop(0)
            size -= oldest.array.nbytes
            if oldest.held and oldest.number is not None:
                self._dropped.append(oldest.number)
            oldest.number, oldest.held = None, False
        return known


def _glances(a: AnyArray, b: AnyArray) -> tuple[AnyArray, AnyArray]:
    step = max(1, len(a) // _GLANCE)
    return a[::step], b[::step]


def _alike(a: AnyArray, b: AnyArray) -> bool:
    return a is b or (a.shape == b.shape and np.array_equal(*_glances(a, b)) and np.array_equal(a, b))


def _differing(a: AnyArray, b: AnyArray) -> IntArray | None:
    """The rows in which two vectors differ, if they are few."""
    if a.ndim != 1 or a.shape != b.shape:
        return None
    glance = np.not_equal(*_glances(a, b))
    if 2 * np.count_nonzero(glance) > len(glance):
        return None
    rows = np.flatnonzero(a != b)
    return rows if len(rows) <= _FEW * len(a) else None

"""Vectors of rows that the workers of a Dask cluster have, or can make from what they have: these are not sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any

import numpy as np

from .._typing import AnyArray, IntArray
from . import dask_tasks as tasks

_KEPT_BYTES, _KEPT_LEAST = 2**27, 6  # of vectors: a Newton step needs log-odds, labels, weights, curvatures, an image
_FEW = 1 / 16  # of the rows: what differs from a kept vector in no more is sent as what differs
_GLANCE = 64  # entries by which most other vectors are told apart


@dataclass(eq=False)
class _Known:
    """A vector: its values, and where it is or how it is made.

    ``pieces`` are futures, one for each group of blocks. ``made`` is a function that takes blocks' arrays, and what it
    takes: other vectors, or lists of what each group gets, a number or arrays.
    """

    array: AnyArray
    pieces: list[Any] | None = None
    made: tuple[Callable[..., AnyArray], list[Any]] | None = None
    of_few: bool = False  # made from another by what differs


class RowVectors:
    """The vectors used last, at least six, up to 128 MB.

    They are found by value, so that an array that was edited is another. Those that come out of here are read-only.
    ``slices`` are the rows of each block, group by group. `asked` is to follow each product.
    """

    def __init__(self, client: Any, slices: list[list[slice]]) -> None:
        self._client, self._slices = client, slices
        self._known: list[_Known] = []
        self._wanted: list[_Known] = []
        self._dropped: list[Any] = []
        self._lock = RLock()

    def came(self, array: AnyArray, pieces: list[Any]) -> None:
        """This vector came from the workers, where futures keep its pieces."""
        array.flags.writeable = False
        with self._lock:
            self._add(_Known(array, pieces))

    def made(self, array: AnyArray, f: Callable[..., AnyArray], given: Sequence[Any]) -> None:
        """This vector is ``f(*given)``, row by row, of vectors and numbers: the workers can make it as they need it.

        Nothing is noted if they do not know the first: it would have to be sent instead.
        """
        with self._lock:
            if self._find(given[0]) is not None and self._find(array) is None:
                n_groups = len(self._slices)
                sources = [[each] * n_groups if np.ndim(each) == 0 else self._known_as(each) for each in given]
                array.flags.writeable = False
                self._add(_Known(array, made=(f, sources)))

    def once(self, vector: AnyArray) -> list[Any]:
        """What tells each group its pieces, for one product: the values themselves, unless the workers know better."""
        with self._lock:
            known = self._find(vector)
            return self._cut(vector) if known is None else self._told(known)

    def again(self, vector: AnyArray) -> list[Any]:
        """What tells each group its pieces, for several products: sent now, if need be."""
        with self._lock:
            return self._told(self._known_as(vector))

    def often(self, vector: AnyArray) -> list[Any]:
        """What tells each group its pieces, for many products: from the second on, they lie on the workers."""
        with self._lock:
            known = self._known_as(vector)
            self._wanted.append(known)
            return self._told(known)

    def asked(self) -> None:
        """A product was asked for: now there is time for what it need not wait for.

        A client that told the scheduler anything, if only what it drops, then sends nothing for 10 ms.
        """
        with self._lock:
            for known in self._wanted:
                if known.pieces is None:
                    known.pieces = self._client.map(tasks.evaluated, self._told(known), pure=False)
                    self._dropped.append(known.made)
                    known.made = None
            self._wanted.clear()
            self._dropped.clear()

    def _told(self, known: _Known) -> list[Any]:
        if known.pieces is None and known.made is None:
            known.made = self._from_another(known)
            if known.made is None:
                known.pieces = self._client.map(tasks.held, self._cut(known.array), pure=False)
        if known.pieces is not None:
            return known.pieces
        assert known.made is not None
        f, sources = known.made
        return tasks.told(f, *(self._told(each) if isinstance(each, _Known) else each for each in sources))

    def _from_another(self, known: _Known) -> tuple[Callable[..., AnyArray], list[Any]] | None:
        """How it is made from a vector that differs in a few rows and lies on the workers."""
        found = [
            (rows, other)
            for other in self._known
            if other.pieces and not other.of_few and (rows := _differing(other.array, known.array)) is not None
        ]
        if not found:
            return None
        rows, other = min(found, key=lambda each: len(each[0]))
        self._use(other)
        known.of_few = True
        theirs, values = [], []
        for group in self._slices:
            inside = [rows[slice(*np.searchsorted(rows, (block.start, block.stop)))] for block in group]
            theirs.append([each - block.start for each, block in zip(inside, group, strict=True)])
            values.append([known.array[each] for each in inside])
        return tasks.patched, [other, theirs, values]

    def _cut(self, vector: AnyArray) -> list[list[AnyArray]]:
        return [[vector[block] for block in group] for group in self._slices]

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
        return self._find(vector) or self._add(_Known(vector.copy()))

    def _add(self, known: _Known) -> _Known:
        self._known.append(known)
        size = sum(each.array.nbytes for each in self._known)
        while size > _KEPT_BYTES and len(self._known) > _KEPT_LEAST:
            size -= self._known[0].array.nbytes
            self._dropped.append(self._known.pop(0))
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

"""The parts of a matrix that answer on the workers of a Dask cluster, as the client sees them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from .._typing import FloatArray, IntArray
from ..vectors import row_by_row
from .base import Block
from .dask_rows import PartRows, RowVectors
from .dask_worker import LOOK_EVERY_S, Part, asked, stacked, together

_FAN_IN = 8  # parts that a part, or the client, asks by itself


class Parts:
    """A `Part` on each worker that has blocks, and what they know; products of their rows together.

    ``blocks`` are futures, ``rows`` what each has of all rows. A vector goes to each worker and one comes back, through
    a tree where there are more than eight. One caller at a time; once a call has failed, parts are not to be used.
    Making them moves no block.
    """

    def __init__(self, client: Any, blocks: list[Any], rows: list[slice]) -> None:
        self._client = client
        groups = _lying_together(client, blocks)
        self._rows = [PartRows([rows[block] for block in group]) for group, _ in groups]
        self._vectors = RowVectors(self._rows)
        self._futures: list[Any] = []
        roots, self._counts = self._planted([([blocks[k] for k in group], threads) for group, threads in groups])
        with client.as_current():  # an actor that comes from its future is asked through the client in use
            self._roots = client.gather(roots)
        self._homes = {home for homes in client.who_has(self._futures).values() for home in homes}

    def _planted(self, groups: list[tuple[list[Any], int]]) -> tuple[list[Any], list[int]]:
        """Parts of these blocks, each over as many below it as it stands for: their futures and the counts."""
        futures, counts = [], []
        for chunk in np.array_split(np.arange(len(groups)), min(_FAN_IN, len(groups)) or 1):
            if len(chunk):
                (blocks, n_threads), *below = (groups[k] for k in chunk)
                under = self._planted(below)
                futures.append(self._client.submit(Part, blocks, n_threads, *under, actor=True, pure=False))
                counts.append(len(chunk))
        self._futures += futures
        return futures, counts

    def forward(self, product: str, v: FloatArray, shift: float = 0.0) -> FloatArray:
        """``X v`` plus a shift, by `Design.matvec` or `Design.matmat`."""
        number = self._vectors.number() if v.ndim == 1 else None
        images, _ = self._ask("forward", [None] * len(self._rows), product, v, shift, number)
        return self._image(images, number)

    def pullback(
        self, v: FloatArray, f: Callable[..., FloatArray], given: tuple[Any, ...], shift: float
    ) -> tuple[FloatArray, FloatArray, float]:
        """`Design.pullback`."""
        number = self._vectors.number()
        told = self._vectors.made_of(number, partial(row_by_row, f), given)
        images, (pulled, total) = self._ask("pullback", told, v, shift, number)
        return self._image(images, number), pulled, float(total)

    def back(self, product: str, u: FloatArray) -> FloatArray:
        """`Design.rmatvec` or another product that sums over rows."""
        out: FloatArray = self._ask("back", self._vectors.once(u), product)[1][0]
        return out

    def gram(self, product: str, v: FloatArray, d: FloatArray, shift: Any) -> tuple[Any, Any]:
        """`Design.gram_matvec` or `Design.gram_matmat`."""
        _, (out, total) = self._ask("gram", self._vectors.often(d), product, v, shift)
        return out, total

    def number(self) -> int:
        """For a sum of images: to be dropped in the end."""
        return self._vectors.number()

    def drop(self, number: int) -> None:
        """What is under the number need not be held."""
        self._vectors.drop(number)

    def gram_and_add(
        self, v: FloatArray, d: FloatArray, shift: float, number: int, scale: float
    ) -> tuple[FloatArray, float]:
        """`Design.gram_matvec`; so much of the image before this one is added to a sum."""
        _, (out, total) = self._ask("gram_and_add", self._vectors.often(d), v, shift, number, scale)
        return out, float(total)

    def image_sum(self, start: FloatArray | None, number: int, scale: float) -> FloatArray:
        """``start`` and a sum of images, with so much of the last one."""
        told = [None] * len(self._rows) if start is None else self._vectors.often(start)
        kept = self._vectors.number()
        return self._image(self._ask("image_sum", told, number, scale, kept)[0], kept)

    def made(self, vector: FloatArray, f: Callable[..., FloatArray], given: tuple[Any, ...]) -> None:
        """This vector is ``f(*given)``, row by row."""
        self._vectors.made(vector, partial(row_by_row, f), given)

    def take(self, rows: IntArray) -> Block:
        """Some distinct rows, ascending, as a matrix."""
        places, numbers = zip(*(part.among(rows) for part in self._rows), strict=True)
        found, _ = self._ask("take", list(places))
        return stacked([block for block in found if block is not None])[np.argsort(np.concatenate(numbers))]

    def _image(self, pieces: list[Any], number: int | None) -> FloatArray:
        out = np.empty((sum(map(len, pieces)), *pieces[0].shape[1:]))
        for part, piece in zip(self._rows, pieces, strict=True):
            part.put(out, piece)
        if number is not None:
            self._vectors.came(out, number)
        return out

    def _ask(self, work: str, each: list[Any], *shared: Any) -> tuple[list[Any], tuple[Any, ...]]:
        try:
            waiting = asked(self._roots, self._counts, work, shared, each, self._vectors.dropped())
            return together([self._answer(answer) for answer in waiting])
        except BaseException:
            for root in self._roots:
                with suppress(Exception):
                    root.give_up()
            raise

    def _answer(self, waiting: Any) -> Any:
        """What a part says. It may wait for one below it of whose worker's death only the scheduler knows."""
        while True:
            try:
                return waiting.result(timeout=LOOK_EVERY_S)
            except TimeoutError:
                if waiting.done():
                    raise
                if not self._homes <= set(self._client.nthreads()):
                    raise ConnectionError("a worker is gone") from None


def _lying_together(client: Any, blocks: list[Any]) -> list[tuple[list[int], int]]:
    """Numbers of the blocks on each worker, by their first ones, and the threads that the worker has for them."""
    homes, threads = client.who_has(blocks), client.nthreads()
    on: dict[str, list[int]] = {}
    for number, block in enumerate(blocks):
        on.setdefault(next(iter(homes.get(block.key, ())), ""), []).append(number)
    return sorted((numbers, threads.get(worker, 1)) for worker, numbers in on.items())

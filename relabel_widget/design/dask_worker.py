"""What runs on the workers of a Dask cluster: loading of blocks, and parts of the rows that answer for products."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from .._typing import AnyArray, FloatArray, IntArray
from ..vectors import add_scaled, consecutive
from .base import Block, Design
from .compact import compacted
from .convert import as_design
from .parts import no_other_threads

_Answer: TypeAlias = tuple[Any, tuple[Any, ...]]  # of the rows, and sums over them


def load(block: Any, vectoriser: Any, number: int) -> Design | None:
    """A block as a design, None if it has no row."""
    if vectoriser is not None:
        texts = block.iloc[:, 0] if hasattr(block, "columns") and block.shape[1] == 1 else block
        block = vectoriser.transform(list(texts)) if len(texts) else np.empty((0, 0))
    shape = np.shape(block) if not hasattr(block, "shape") else block.shape
    if len(shape) == 2 and shape[0] == 0:
        return None
    return compacted(as_design(block, who=f"dask_design: block {number}"))


def facts(block: Design | None) -> tuple[int, int, int] | None:
    """(rows, columns, stored values), None if there is no row."""
    return None if block is None else (block.n_rows, block.n_features, block.n_stored)


def matrix(block: Design) -> Block:
    """All rows of a design."""
    return stacked([rows for _, rows in block.blocks()])


def stacked(parts: list[Block]) -> Block:
    """Blocks one below the other, sparse if any is."""
    if len(parts) == 1:
        return parts[0]
    if any(sparse.issparse(part) for part in parts):
        return sparse.csr_array(sparse.vstack(parts, format="csr"))
    return np.vstack(parts)


@dataclass(frozen=True)
class Told:
    """What tells a part its piece of a vector of rows: the number under which it holds it, or how it is made.

    Made: what ``f`` gives of others, which may be told, too; kept under the number, if there is one.
    """

    number: int | None
    f: Callable[..., AnyArray] | None = None
    of: tuple[Any, ...] = ()


def itself(array: AnyArray) -> AnyArray:
    """What is told of a vector whose values are sent."""
    return array


def patched(array: AnyArray, rows: IntArray, values: AnyArray) -> AnyArray:
    """A copy with other values in some rows."""
    out = array.copy()
    out[rows] = values
    return out


def added(parts: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Sums over the parts, each some arrays or numbers."""
    return tuple(sum(each[1:], start=each[0]) for each in zip(*parts, strict=True))


def asked(
    parts: list[Any], counts: list[int], work: str, shared: tuple[Any, ...], each: list[Any], dropped: list[int]
) -> list[Any]:
    """What some parts are to answer, each for as many as it stands for: see `Part.ask`."""
    theirs = zip(parts, consecutive(counts), strict=True)
    return [part.ask(work, shared, each[places], dropped) for part, places in theirs]


def together(answers: list[tuple[list[Any], tuple[Any, ...]]]) -> tuple[list[Any], tuple[Any, ...]]:
    """Of the rows one after the other, and the sums."""
    return [piece for pieces, _ in answers for piece in pieces], added([sums for _, sums in answers])


@dataclass
class _Images:
    """The sum of images so far, and the one of which a multiple is to be added next."""

    sum: FloatArray
    latest: FloatArray


LOOK_EVERY_S = 1.0  # between looks whether a part that does not answer is still there


class Part:
    """The blocks of rows that lie on a worker, and vectors of these rows; a tree of parts adds up what they give.

    An actor of Dask: asked directly, without the scheduler between. Its threads share out the blocks. ``below`` are
    the parts under it, ``counts`` how many parts each of them stands for, its own included.
    """

    def __init__(self, blocks: list[Design], n_threads: int, below: list[Any], counts: list[int]) -> None:
        self._blocks = list(zip(blocks, consecutive(block.n_rows for block in blocks), strict=True))
        self._n_rows = self._blocks[-1][1].stop
        shares = np.array_split(np.arange(len(blocks)), min(n_threads, len(blocks)))
        self._shares = [[self._blocks[k] for k in share] for share in shares]
        self._pool = ThreadPoolExecutor(len(shares))
        self._below, self._counts = below, counts
        self._given_up = False
        self._held: dict[int, AnyArray] = {}
        self._images: dict[int, _Images] = {}

    async def ask(
        self, work: str, shared: tuple[Any, ...], each: list[Any], dropped: list[int]
    ) -> tuple[list[Any], tuple[Any, ...]]:
        """What all parts from this one down give: of rows, one after the other, and sums.

        ``work`` is the name of a method below; ``each`` are what the parts are told of a vector, ``dropped`` the
        numbers of vectors that need not be held any more.
        """
        mine, *theirs = each
        waiting = asked(self._below, self._counts, work, shared, theirs, dropped)
        of_rows, sums = await getattr(self, work)(mine, *shared)
        for number in dropped:
            self._held.pop(number, None)
            self._images.pop(number, None)
        return together([([of_rows], sums), *[await self._answer(answer) for answer in waiting]])

    async def _answer(self, waiting: Any) -> Any:
        """What a part below says. Of one whose worker died Dask may never hear: it would be waited for without end."""
        answer = asyncio.ensure_future(waiting)
        while not (await asyncio.wait({answer}, timeout=LOOK_EVERY_S))[0]:
            if self._given_up:
                answer.cancel()
                raise ConnectionError("the client waits no more")
        return answer.result()

    def give_up(self) -> None:
        """Wait for no part below, nor let them wait."""
        self._given_up = True
        for part in self._below:
            part.give_up()

    async def forward(self, told: Any, product: str, v: FloatArray, shift: float, number: int | None) -> _Answer:
        """``X v`` plus a shift, held under a number if there is one."""
        del told
        out = np.empty((self._n_rows, *v.shape[1:]))

        def work(block: Design, rows: slice) -> tuple[()]:
            np.add(getattr(block, product)(v), shift, out=out[rows])
            return ()

        await self._over_blocks(work)
        if number is not None:
            self._held[number] = out
        return out, ()

    async def back(self, told: Any, product: str) -> _Answer:
        """``X' u``, or another product that sums over rows, and the sum of u."""
        u = await self._in_pool(self._value, told)
        return None, await self._over_blocks(
            lambda block, rows: (getattr(block, product)(u[rows]), u[rows].sum(axis=0))
        )

    async def pullback(self, told: Any, v: FloatArray, shift: float, number: int) -> _Answer:
        """``X v`` plus a shift, and ``X'`` of what is made of it, and its sum."""
        image, _ = await self.forward(None, "matvec", v, shift, number)
        return image, (await self.back(told, "rmatvec"))[1]

    async def gram(self, told: Any, product: str, v: FloatArray, shift: Any) -> _Answer:
        """`Design.gram_matvec` or `Design.gram_matmat`; a vector weights all columns."""
        d = await self._in_pool(self._value, told)
        if v.ndim == 2:
            d = d.reshape(len(d), -1)
        return None, await self._over_blocks(lambda block, rows: getattr(block, product)(v, d[rows], shift))

    async def gram_and_add(self, told: Any, v: FloatArray, shift: float, number: int, scale: float) -> _Answer:
        """`Design.gram_matvec`, the image held; so much of the one before is added to the sum under the number."""
        d = await self._in_pool(self._value, told)
        images = self._images.setdefault(number, _Images(np.zeros(self._n_rows), np.zeros(self._n_rows)))

        def work(block: Design, rows: slice) -> tuple[Any, ...]:
            if scale:
                add_scaled(images.sum[rows], scale, images.latest[rows])
            return block.gram_matvec(v, d[rows], shift, images.latest[rows])

        return None, await self._over_blocks(work)

    async def image_sum(self, told: Any, number: int, scale: float, kept: int) -> _Answer:
        """What is told, and the sum under a number, with so much of the last image; held under another number."""
        images, start = self._images.pop(number), await self._in_pool(self._value, told)
        add_scaled(images.sum, scale, images.latest)
        if start is not None:
            images.sum += start
        self._held[kept] = images.sum
        return images.sum, ()

    async def take(self, rows: IntArray) -> _Answer:
        """Some of the rows, ascending, as a matrix."""

        def taken() -> Block | None:
            some = []
            for block, place in self._blocks:
                first, end = np.searchsorted(rows, (place.start, place.stop))
                if first < end:
                    some.append(matrix(block.take(rows[first:end] - place.start)))
            return stacked(some) if some else None

        return await self._in_pool(taken), ()

    def _value(self, told: Any) -> Any:
        if not isinstance(told, Told):
            return told
        if told.f is None:
            return self._held[told.number]  # type: ignore[index]
        value = told.f(*map(self._value, told.of))
        if told.number is not None:
            self._held[told.number] = value
        return value

    async def _over_blocks(self, work: Callable[[Design, slice], tuple[Any, ...]]) -> tuple[Any, ...]:
        """The sums over all blocks of what ``work`` gives of each."""

        def over(share: list[tuple[Design, slice]]) -> tuple[Any, ...]:
            with no_other_threads():
                return added([work(*each) for each in share])

        return added(await asyncio.gather(*(self._in_pool(over, share) for share in self._shares)))

    async def _in_pool(self, f: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, f, *arguments)

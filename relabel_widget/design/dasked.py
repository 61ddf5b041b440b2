"""A design whose blocks lie on the workers of a Dask cluster.

Everything is a task on the client that the user has: Dask places, moves and, where a worker dies, recomputes. Blocks
are recomputed from their source. Dask is imported in this module and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import FloatArray, IntArray
from ..monitor import Monitor
from ..vectors import row_by_row
from . import dask_tasks as tasks
from .base import Block, Design
from .dask_rows import RowVectors

_FAN_IN = 8  # partial sums that one task of the reduction, or the client, adds up
_TAKEN_STORED, _TAKEN_KEPT = 2**18, 8  # values of rows that are kept here, and how many such takes
_QUIET = {"distributed.admin.large-graph-warning-threshold": "16 GiB"}  # a vector is sent inside its task


class DaskDesign(Design):
    """X as designs on the workers of a Dask cluster; `dask_design` makes one.

    A product is one task for each thread of the cluster, over the blocks that lay together once they were loaded: a
    vector goes out and one comes back. Where these are many, partial sums are added on the workers, in a fixed tree.
    Vectors of rows that came from the workers, or were made `rowwise` of such, are not sent back: see `RowVectors`.
    Results are the same each time; those of the same blocks loaded anew may lie elsewhere and differ by rounding. It
    cannot travel to another process.
    """

    travels = False
    image_is_free = False

    def __init__(self, client: Any, blocks: list[Any], sizes: list[int], n_features: int, n_stored: int) -> None:
        self._client, self._blocks = client, blocks
        ends = np.cumsum(sizes).tolist()
        self._rows = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        self._n_features, self._n_stored = n_features, n_stored
        with _in_words(client):
            self._groups = _lying_together(client, blocks)
        self._vectors = RowVectors(client, [[self._rows[block] for block in group] for group in self._groups])
        self._latest: list[Any] = []
        self._taken: list[tuple[IntArray, Design]] = []

    @property
    def shape(self) -> tuple[int, int]:  # noqa: D102 - as in Design
        return self._rows[-1].stop, self._n_features

    @property
    def n_stored(self) -> int:  # noqa: D102
        return self._n_stored

    def blocks(self) -> Iterator[tuple[slice, Block]]:
        """The rows in order; each block travels here, one at a time."""
        for rows, block in zip(self._rows, self._blocks, strict=True):
            with self._in_words():
                matrix = self._client.submit(tasks.matrix, block, pure=False).result()
            yield rows, matrix

    def take(self, rows: IntArray) -> Design:
        """The given rows, in memory here. Small takes are kept for a while: their rows are often asked for again."""
        for distinct, design in self._taken:
            places = np.minimum(np.searchsorted(distinct, rows), len(distinct) - 1)
            if np.array_equal(distinct[places], rows):
                return design.take(places)
        distinct, places = np.unique(np.asarray(rows, dtype=np.int64), return_inverse=True)
        design = self._fetched(distinct)
        if len(distinct) and design.n_stored <= _TAKEN_STORED:
            self._taken = [(distinct, design), *self._taken[: _TAKEN_KEPT - 1]]
        return design.take(places)

    def _fetched(self, rows: IntArray) -> Design:
        """Distinct rows, ascending."""
        from .csr import CsrDesign
        from .dense import DenseDesign

        starts = np.array([part.start for part in self._rows])
        homes = np.searchsorted(starts, rows, side="right") - 1
        chosen = np.unique(homes) if len(rows) else np.zeros(1, dtype=np.int64)
        local = [rows[homes == i] - starts[i] for i in chosen]
        with self._in_words():
            parts = self._client.map(tasks.take, [self._blocks[i] for i in chosen], local, pure=False)
            stacked = tasks.stacked(self._client.gather(parts))
        return CsrDesign(stacked) if sparse.issparse(stacked) else DenseDesign(stacked)

    def matvec(self, v: FloatArray) -> FloatArray:  # noqa: D102
        out, pieces = self._forward("matvec", v)
        self._vectors.came(out, pieces)
        return out

    def matmat(self, v: FloatArray) -> FloatArray:  # noqa: D102
        return self._forward("matmat", v)[0]

    def pullback(  # noqa: D102
        self, v: FloatArray, f: Callable[..., FloatArray], *given: Any, shift: float = 0.0
    ) -> tuple[FloatArray, FloatArray, float]:
        with self._in_words():
            images = self._asked(tasks.forward, self._to_each((v, shift)), product="matvec")
            told = tasks.told(partial(row_by_row, f), images, *map(self._vectors.again, given))
            parts = self._asked(tasks.back, told, product="rmatvec")  # on their way while the images come here
            image = self._put_together(images)
            pulled, total = self._sum(parts)
        self._vectors.came(image, images)
        return image, pulled, float(total)

    def rowwise(self, f: Callable[..., FloatArray], *given: Any) -> FloatArray:  # noqa: D102
        out = super().rowwise(f, *given)
        if out.shape == (self.n_rows,):
            self._vectors.made(out, partial(row_by_row, f), given)
        return out

    def rmatvec(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self._back("rmatvec", u)

    def rmatmat(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self._back("rmatmat", u)

    def weighted_square_sum(self, d: FloatArray) -> FloatArray:  # noqa: D102
        return self._back("weighted_square_sum", d)

    def gram_matvec(  # noqa: D102
        self, v: FloatArray, d: FloatArray, shift: float = 0.0, image: FloatArray | None = None
    ) -> tuple[FloatArray, float]:
        if image is not None:
            np.add(self.matvec(v), shift, out=image)
        product, total = self._gram("gram_matvec", v, d, shift)
        return product, float(total)

    def gram_matmat(self, v: FloatArray, d: FloatArray, shift: FloatArray) -> tuple[FloatArray, FloatArray]:  # noqa: D102
        one = d.shape[1] == 1  # a vector that the workers may have
        product, total = self._gram("gram_matmat", v, d[:, 0] if one else d, shift)
        return product, total

    def _forward(self, product: str, v: FloatArray) -> tuple[FloatArray, list[Any]]:
        with self._in_words():
            images = self._asked(tasks.forward, self._to_each((v, 0.0)), product=product)
            return self._put_together(images), images

    def _put_together(self, images: list[Any]) -> FloatArray:
        found = self._client.gather(images)
        out = np.empty((self.n_rows, *found[0][0].shape[1:]))
        for group, parts in zip(self._groups, found, strict=True):
            for block, part in zip(group, parts, strict=True):
                out[self._rows[block]] = part
        return out

    def _back(self, product: str, u: FloatArray) -> FloatArray:
        with self._in_words():
            out: FloatArray = self._sum(self._asked(tasks.back, self._vectors.once(u), product=product))[0]
        return out

    def _gram(self, product: str, v: FloatArray, d: FloatArray, shift: Any) -> Any:
        with self._in_words():
            told, shared = self._vectors.often(d), self._to_each((v, shift))
            return self._sum(self._asked(tasks.gram, told, shared, product=product))

    def _asked(self, work: Any, *arguments: list[Any], product: str) -> list[Any]:
        """One task for each group. Those of the product before are dropped only now.

        A client tells the scheduler of what it drops at once, and then sends nothing for 10 ms.
        """
        groups = [[self._blocks[block] for block in group] for group in self._groups]
        asked: list[Any] = self._client.map(work, groups, *arguments, product=product, pure=False)
        self._latest = asked
        self._vectors.asked()
        return asked

    def _to_each(self, values: Any) -> list[Any]:
        """Values for every group: in its task, or for many groups in one task more, so that they go out only once.

        Scattered data would be lost with the worker that holds them; a task is run again.
        """
        many = len(self._groups) > _FAN_IN
        return [self._client.submit(tasks.held, values, pure=False) if many else values] * len(self._groups)

    def _sum(self, parts: list[Any]) -> Any:
        while len(parts) > _FAN_IN:
            groups = [parts[first : first + _FAN_IN] for first in range(0, len(parts), _FAN_IN)]
            parts = self._client.map(tasks.added, groups, pure=False)
        return tasks.added(self._client.gather(parts))

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        # Once the scheduler was lost, so were the blocks: a client that tries to reconnect would wait without end.
        if self._client.status != "running" or any(block.status == "cancelled" for block in self._blocks):
            raise _gone(self._client)
        with _in_words(self._client):
            yield

    def __reduce__(self) -> Any:
        raise TypeError(
            "DaskDesign: its rows lie on the workers of a Dask cluster and cannot be sent to another process. Build it "
            "there with dask_design, or search with n_jobs=1."
        )


def dask_design(
    source: Any, *, vectoriser: Any = None, client: Any = None, monitor: Monitor | None = None
) -> DaskDesign:
    """Load the rows of a matrix on the workers of a Dask cluster, as a design.

    Parameters
    ----------
    source
        Delayed blocks of rows (``dask.delayed`` of anything that `fit` takes, each of shape (any, n_features)), a
        two-dimensional Dask array, a Dask data frame of numbers, or, with a vectoriser, a Dask series or data frame
        of one column of texts. Two or three blocks for each core are best, all about as large: a product waits for
        the worker that holds most. Empty ones are left out.
    vectoriser
        Fitted or stateless; turns a block of texts into features, on the workers.
    client
        A ``dask.distributed.Client``; the one in use if None. One made with ``direct_to_workers=True`` gets results
        without the scheduler between, where it can reach the workers.
    monitor
        Receives progress (blocks loaded); a cancel is honoured when the next block is there.

    Returns
    -------
    DaskDesign
        Its blocks stay on their workers as long as it lives.

    Raises
    ------
    ImportError
        If Dask is not installed.
    ValueError, TypeError
        If there is no client, no row, or a block is not as described.
    RuntimeError
        If a block could not be loaded, with the reason.
    ConnectionError
        If the scheduler is gone.
    """
    client = _client(client)
    with _in_words(client):
        blocks = client.compute(_delayed(source, vectoriser))
        facts = _loaded(client, blocks, monitor)
    full = [(block, fact) for block, fact in zip(blocks, facts, strict=True) if fact is not None]
    if not full:
        raise ValueError("dask_design: expected at least one row, got no blocks, or only empty ones.")
    widths = [fact[1] for _, fact in full]
    if len(set(widths)) > 1:
        other = next(number for number, width in enumerate(widths) if width != widths[0])
        raise ValueError(
            f"dask_design: expected {widths[0]} columns, as in the first block with rows, got {widths[other]} in "
            f"number {other}. Make all blocks with one fitted or stateless vectoriser."
        )
    sizes, stored = [fact[0] for _, fact in full], sum(fact[2] for _, fact in full)
    return DaskDesign(client, [block for block, _ in full], sizes, widths[0], stored)


def _lying_together(client: Any, blocks: list[Any]) -> list[list[int]]:
    """Numbers of the blocks on each worker, in as many groups as it has threads; by their first blocks."""
    homes, threads = client.who_has(blocks), client.nthreads()
    on: dict[str, list[int]] = {}
    for number, block in enumerate(blocks):
        on.setdefault(next(iter(homes.get(block.key, ())), ""), []).append(number)
    groups = [
        part.tolist()
        for worker, numbers in on.items()
        for part in np.array_split(numbers, min(len(numbers), threads.get(worker, len(numbers))))
    ]
    return sorted(groups)


def _client(client: Any) -> Any:
    try:
        from distributed import default_client
    except ImportError as error:
        raise ImportError(
            'dask_design: needs dask and distributed, which are not installed. Run: pip install "relabel-widget[dask]"'
        ) from error
    if client is not None:
        return client
    try:
        return default_client()
    except ValueError as error:
        raise ValueError(
            "dask_design: expected a Dask client, found none in use. Start one (client = dask.distributed.Client()), "
            "or pass it as client=."
        ) from error


def _delayed(source: Any, vectoriser: Any) -> list[Any]:
    from dask.delayed import delayed

    if hasattr(source, "rechunk"):
        if source.ndim != 2:
            raise ValueError(f"dask_design: expected an array of two dimensions, got shape {source.shape}.")
        source = source.rechunk({1: -1}).to_delayed().ravel()
    elif hasattr(source, "to_delayed"):
        source = source.to_delayed()
    elif isinstance(source, (str, bytes)) or not isinstance(source, Iterable) or hasattr(source, "shape"):
        raise TypeError(
            "dask_design: expected delayed blocks, a Dask array or a Dask data frame, got "
            f"{type(source).__name__}. What fits into memory needs no Dask: pass it to fit as it is."
        )
    shared = None if vectoriser is None else delayed(vectoriser, traverse=False, pure=False)
    return [delayed(tasks.load, pure=False)(block, shared, number) for number, block in enumerate(source)]


def _loaded(client: Any, blocks: list[Any], monitor: Monitor | None) -> list[tuple[int, int, int] | None]:
    """(rows, columns, stored values) of each block, None if it is empty; waits for all."""
    from distributed import as_completed

    facts = client.map(tasks.facts, blocks, pure=False)
    places = {future.key: number for number, future in enumerate(facts)}
    for done, future in enumerate(as_completed(facts, loop=client.loop), start=1):
        if future.status == "error":
            reason = future.exception()
            if isinstance(reason, (ValueError, TypeError)) and str(reason).startswith("dask_design"):
                raise reason
            raise RuntimeError(
                f"dask_design: block {places[future.key]} could not be loaded: {type(reason).__name__}: {reason}"
            ) from reason
        if monitor is not None:
            monitor.step("loading blocks", done, len(facts))
    found: list[tuple[int, int, int] | None] = client.gather(facts)
    return found


@contextmanager
def _in_words(client: Any) -> Iterator[None]:
    """Turn what Dask raises when the cluster is gone into one error that says so.

    Raises
    ------
    ConnectionError
        If the scheduler cannot be reached or has forgotten this client.
    RuntimeError
        If workers kept dying on a block.
    """
    import asyncio
    import concurrent.futures

    import dask
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    cancelled = (asyncio.CancelledError, concurrent.futures.CancelledError)
    lost = (*cancelled, TimeoutError, ConnectionError, CommClosedError)
    try:
        with dask.config.set(_QUIET):
            yield
    except KilledWorker as error:
        raise RuntimeError(
            f"DaskDesign: workers died again and again over one block ({error.task}). They may lack memory for it: "
            "make smaller blocks, or give the workers more."
        ) from error
    except lost as error:
        raise _gone(client) from error
    except Exception as error:
        if client.status in ("running", "connecting"):
            raise
        raise _gone(client) from error


def _gone(client: Any) -> ConnectionError:
    address = getattr(client.scheduler, "address", None) or "its address"
    return ConnectionError(
        f"DaskDesign: the Dask scheduler at {address} is gone, or was restarted, and the rows with it. Start a new "
        "client and call dask_design again; no label or decision is lost."
    )

"""A design whose blocks lie on the workers of a Dask cluster.

All runs on the client that the user has. Blocks are tasks: Dask places them, moves them and, where a worker dies, loads
them anew from their source. What answers for products are actors, which Dask places, but does not bring back: those are
asked for again. Dask is imported in this module and nowhere else.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any, TypeVar

import numpy as np
from scipy import sparse

from .._typing import FloatArray, IntArray
from ..monitor import Monitor
from ..vectors import add_scaled, consecutive
from . import dask_worker
from .base import Block, Design, ImageSum
from .dask_parts import Parts

_ATTEMPTS = 3  # as often as Dask tries a task whose worker died
_TAKEN_STORED, _TAKEN_KEPT = 2**18, 8  # values of rows that are kept here, and how many such takes
_T = TypeVar("_T")


class DaskDesign(Design):
    """X as designs on the workers of a Dask cluster; `dask_design` makes one.

    Products are asked of `Parts`, actors on the workers that have blocks. Vectors of rows that came from there, or were
    made `rowwise` of such, are not sent back. Where a worker was lost, parts are made anew, of blocks that Dask loads
    anew. Results are the same each time; those of other parts may differ by rounding. It cannot travel to another
    process.
    """

    travels = False

    def __init__(self, client: Any, blocks: list[Any], sizes: list[int], n_features: int, n_stored: int) -> None:
        self._client, self._blocks = client, blocks
        self._rows = consecutive(sizes)
        self._n_features, self._n_stored = n_features, n_stored
        self._parts: Parts | None = None
        self._lock = RLock()  # a product keeps all workers busy
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
                matrix = self._client.submit(dask_worker.matrix, block, pure=False).result()
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

        matrix = self._ask(Parts.take, rows) if len(rows) else np.empty((0, self.n_features))
        return CsrDesign(matrix) if sparse.issparse(matrix) else DenseDesign(matrix)

    def matvec(self, v: FloatArray) -> FloatArray:  # noqa: D102
        return self._ask(Parts.forward, "matvec", v)

    def matmat(self, v: FloatArray) -> FloatArray:  # noqa: D102
        return self._ask(Parts.forward, "matmat", v)

    def pullback(  # noqa: D102
        self, v: FloatArray, f: Callable[..., FloatArray], *given: Any, shift: float = 0.0
    ) -> tuple[FloatArray, FloatArray, float]:
        return self._ask(Parts.pullback, v, f, given, shift)

    def rowwise(self, f: Callable[..., FloatArray], *given: Any) -> FloatArray:  # noqa: D102
        out = super().rowwise(f, *given)
        with self._lock:
            if self._parts is not None and out.shape == (self.n_rows,):
                self._parts.made(out, f, given)
        return out

    def rmatvec(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self._ask(Parts.back, "rmatvec", u)

    def rmatmat(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self._ask(Parts.back, "rmatmat", u)

    def weighted_square_sum(self, d: FloatArray) -> FloatArray:  # noqa: D102
        return self._ask(Parts.back, "weighted_square_sum", d)

    def gram_matvec(  # noqa: D102
        self, v: FloatArray, d: FloatArray, shift: float = 0.0, image: FloatArray | None = None
    ) -> tuple[FloatArray, float]:
        if image is not None:
            np.add(self.matvec(v), shift, out=image)
        product, total = self._ask(Parts.gram, "gram_matvec", v, d, shift)
        return product, float(total)

    def image_sum(self, start: FloatArray | None = None) -> ImageSum:  # noqa: D102
        return _ImageSum(self, start)

    def gram_matmat(self, v: FloatArray, d: FloatArray, shift: FloatArray) -> tuple[FloatArray, FloatArray]:  # noqa: D102
        one = d.shape[1] == 1  # a vector that the workers may have
        return self._ask(Parts.gram, "gram_matmat", v, d[:, 0] if one else d, shift)

    def _ask(self, work: Callable[..., _T], *arguments: Any) -> _T:
        """What a method of `Parts` gives. Where one does not answer, all are made anew and asked again, twice."""
        failures = 0
        while True:
            with self._lock, self._in_words():
                parts, self._parts = self._parts or Parts(self._client, self._blocks, self._rows), None
                try:
                    answer = work(parts, *arguments)
                except Exception as failure:
                    failures += 1
                    if failures < _ATTEMPTS:
                        continue
                    if _from_afar(failure):
                        raise _dying("a product") from failure
                    raise
                self._parts = parts
                return answer

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


class _ImageSum(ImageSum):
    """Kept by the parts. Where these were made anew on the way, the image of the vector's own sum takes its place."""

    def __init__(self, design: DaskDesign, start: FloatArray | None) -> None:
        self._of, self._start = design, start
        self._kept: tuple[Parts, int] | None = None  # under a number
        self._x, self._shift = np.zeros(design.n_features), 0.0
        self._last: tuple[FloatArray, float] = self._x, 0.0
        self._scale = 0.0  # of the last one, so much was added

    def gram_matvec(self, v: FloatArray, d: FloatArray, shift: float) -> tuple[FloatArray, float]:
        found = self._of._ask(self._asked, v, d, shift)
        self._last, self._scale = (v.copy(), shift), 0.0
        return found

    def _asked(self, parts: Parts, v: FloatArray, d: FloatArray, shift: float) -> tuple[FloatArray, float]:
        if self._kept is None:
            self._kept = parts, parts.number()
            weakref.finalize(self, parts.drop, self._kept[1])
        if parts is self._kept[0]:
            return parts.gram_and_add(v, d, shift, self._kept[1], self._scale)
        return parts.gram("gram_matvec", v, d, shift)

    def add(self, scale: float) -> None:
        v, shift = self._last
        add_scaled(self._x, scale, v)
        self._shift, self._scale = self._shift + scale * shift, scale

    def total(self) -> FloatArray:
        if self._kept is None:
            return np.zeros(self._of.n_rows) if self._start is None else self._start.copy()
        return self._of._ask(self._fetched, *self._kept)

    def _fetched(self, parts: Parts, kept_by: Parts, number: int) -> FloatArray:
        if parts is kept_by:
            return parts.image_sum(self._start, number, self._scale)
        image = parts.forward("matvec", self._x, self._shift)
        return image if self._start is None else self._start + image


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
        A ``dask.distributed.Client``; the one in use if None. One made with ``direct_to_workers=True`` asks workers
        without the scheduler between, where it can reach them.
    monitor
        Receives progress (blocks loaded); a cancel is honoured when the next block is there.

    Returns
    -------
    DaskDesign
        Its blocks stay on their workers as long as it lives. A worker that dies is survived; to retire one that has
        blocks, delete the design first: Dask does not move the actors that answer for them.

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
    return [delayed(dask_worker.load, pure=False)(block, shared, number) for number, block in enumerate(source)]


def _loaded(client: Any, blocks: list[Any], monitor: Monitor | None) -> list[tuple[int, int, int] | None]:
    """(rows, columns, stored values) of each block, None if it is empty; waits for all."""
    from distributed import as_completed

    facts = client.map(dask_worker.facts, blocks, pure=False)
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

    from distributed import KilledWorker

    cancelled = (asyncio.CancelledError, concurrent.futures.CancelledError)
    try:
        yield
    except KilledWorker as error:
        raise _dying(f"one block ({error.task})") from error
    except cancelled as error:
        raise _gone(client) from error
    except Exception as error:
        if client.status in ("running", "connecting") and not _from_afar(error):
            raise
        raise _gone(client) from error


def _from_afar(error: Exception) -> bool:
    """Whether it says that somebody did not answer; what the system says of files has a number."""
    return isinstance(error, (TimeoutError, ConnectionError)) or (isinstance(error, OSError) and error.errno is None)


def _dying(over: str) -> RuntimeError:
    return RuntimeError(
        f"DaskDesign: workers died again and again over {over}. They may lack memory for it: make smaller blocks, or "
        "give the workers more."
    )


def _gone(client: Any) -> ConnectionError:
    address = getattr(client.scheduler, "address", None) or "its address"
    return ConnectionError(
        f"DaskDesign: the Dask scheduler at {address} is gone, or was restarted, and the rows with it. Start a new "
        "client and call dask_design again; no label or decision is lost."
    )

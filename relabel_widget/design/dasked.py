"""A design whose row blocks live on the workers of a Dask cluster.

Every product is a Dask graph of one task per block, which Dask runs where the block is, and tasks that add up the
results. Blocks are futures whose graphs the scheduler keeps, so that Dask reloads the blocks of a dead worker from
their source. Vectors of rows are NumPy arrays on the client; only a `Gram` keeps one beside the blocks. Dask is
imported in this module and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import AnyArray, FloatArray, IntArray
from ..arguments import check_monitor
from ..monitor import Monitor
from ..vectors import consecutive, pieces
from . import dask_tasks
from .base import Block, Design, Gram
from .csr import CsrDesign
from .dense import DenseDesign

_PIECE_BYTES = 2**23  # of an array sent in one message: Dask warns above 10 MB
_ADDED_AT_ONCE = 16  # arrays: more would send the results of a large cluster to one worker


class DaskDesign(Design):
    """X as designs on the workers of a Dask cluster, made by `dask_design`.

    A product sends its vectors, runs one task per block and returns one array; nothing stays on the workers. Sums are
    added in the order of the blocks, so results do not depend on which worker did what. The design cannot be pickled.
    """

    place = "workers"

    def __init__(self, client: Any, blocks: list[Any], sizes: list[int], n_features: int, n_stored: int) -> None:
        self._client, self._blocks = client, blocks
        self._rows = consecutive(sizes)
        self._n_features, self._n_stored = n_features, n_stored

    @property
    def shape(self) -> tuple[int, int]:  # noqa: D102 - as in Design
        return self._rows[-1].stop, self._n_features

    @property
    def n_stored(self) -> int:  # noqa: D102
        return self._n_stored

    def blocks(self) -> Iterator[tuple[slice, Block]]:
        """The rows in order; blocks are transferred to the client, one at a time."""
        for rows, block in zip(self._rows, self._blocks, strict=True):
            with self._in_words():
                matrix = self._client.submit(dask_tasks.matrix, block, pure=False).result()
            yield rows, matrix

    def take(self, rows: IntArray) -> Design:
        """The given rows, in the client's memory. Cost: one task for each block that has some of them."""
        distinct, places = np.unique(np.asarray(rows, dtype=np.int64), return_inverse=True)
        ends = np.searchsorted(distinct, [self._rows[0].start, *(each.stop for each in self._rows)])
        found = []
        with self._in_words():
            for block, each, own in zip(self._blocks, self._rows, consecutive(np.diff(ends).tolist()), strict=True):
                if own.start < own.stop:
                    found.append(self._task(dask_tasks.taken, block, [distinct[own] - each.start]))
            matrix = dask_tasks.stacked(self._gathered(found)) if found else np.empty((0, self.n_features))
        taken = CsrDesign(matrix) if sparse.issparse(matrix) else DenseDesign(matrix)
        return taken.take(places)

    def matvec(self, v: FloatArray) -> FloatArray:  # noqa: D102
        with self._in_words():
            sent = self._sent(v)
            tasks = [self._task(dask_tasks.forward, block, sent) for block in self._blocks]
            return np.concatenate(self._gathered(tasks))

    def matmat(self, v: FloatArray) -> FloatArray:  # noqa: D102
        return self.matvec(v)

    def rmatvec(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self._summed(dask_tasks.backward, u)

    def rmatmat(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self.rmatvec(u)

    def weighted_square_sum(self, d: FloatArray) -> FloatArray:  # noqa: D102
        return self._summed(dask_tasks.square_sum, d)

    def gram(self, d: FloatArray) -> Gram:
        """A `Gram` whose weights are sent once and kept beside the blocks."""
        return _DaskGram(self, d)

    def gram_matvec(  # noqa: D102
        self, v: FloatArray, d: FloatArray, shift: float = 0.0, image: FloatArray | None = None
    ) -> tuple[FloatArray, float]:
        return self.gram(d).matvec(v, shift, image)

    def gram_matmat(self, v: FloatArray, d: FloatArray, shift: FloatArray) -> tuple[FloatArray, FloatArray]:  # noqa: D102
        return self.gram(d).matmat(v, shift)

    def _summed(self, work: Callable[..., FloatArray], u: FloatArray) -> FloatArray:
        """The sum over blocks of ``work`` applied to each block and its rows of a vector."""
        with self._in_words():
            tasks = [
                self._task(work, block, u_block) for block, u_block in zip(self._blocks, self._beside(u), strict=True)
            ]
            return self._added(tasks)

    def _task(self, work: Callable[..., Any], block: Any, *sent: list[Any]) -> Any:
        from dask.delayed import delayed

        return delayed(dask_tasks.on_block, pure=False)(work, block, *sent)

    def _gathered(self, tasks: list[Any]) -> list[Any]:
        found: list[Any] = self._client.gather(self._client.compute(tasks))
        return found

    def _added(self, tasks: list[Any]) -> FloatArray:
        """The sum of the tasks' results, in block order; a few at a time, so that no worker holds them all."""
        from dask.delayed import delayed

        while len(tasks) > 1:
            tasks = [delayed(sum, pure=False)(tasks[some]) for some in pieces(len(tasks), _ADDED_AT_ONCE)]
        out: FloatArray = self._client.compute(tasks[0]).result()
        return out

    def _sent(self, array: AnyArray, *block: Any) -> list[Any]:
        """Send an array to the workers in pieces; for the rows of a block, to where the block is.

        As task arguments, not scattered: the scheduler keeps them, so they outlive a worker.
        """
        size = max(1, _PIECE_BYTES // array[:1].nbytes)
        parts = [array[part] for part in pieces(len(array), size)]
        return [self._client.submit(dask_tasks.identity, part, *block, pure=False) for part in parts]

    def _beside(self, u: FloatArray) -> list[list[Any]]:
        """Send a vector (n_rows,), or several (n_rows, m), to where the blocks of its rows are."""
        return [self._sent(u[rows], block) for rows, block in zip(self._rows, self._blocks, strict=True)]

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        # If the scheduler is lost, so are the blocks: a client that tried to reconnect would wait forever.
        if self._client.status != "running" or any(block.status == "cancelled" for block in self._blocks):
            raise _gone(self._client)
        with _in_words(self._client):
            yield

    def __reduce__(self) -> Any:
        raise TypeError(
            "DaskDesign: its rows lie on the workers of a Dask cluster and cannot be sent to another process. Build it "
            "there with dask_design, or search with n_jobs=1."
        )


class _DaskGram(Gram):
    def __init__(self, design: DaskDesign, d: FloatArray) -> None:
        super().__init__(design, d)
        self._of = design
        with design._in_words():
            self._weights = design._beside(d)

    def matvec(self, v: FloatArray, shift: float = 0.0, image: FloatArray | None = None) -> tuple[FloatArray, float]:
        if image is not None:
            np.add(self._of.matvec(v), shift, out=image)
        product, total = self._product(v, shift)
        return product, float(total)

    def matmat(self, v: FloatArray, shift: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._product(v, shift)

    def _product(self, v: FloatArray, shift: Any) -> tuple[FloatArray, Any]:
        design = self._of
        with design._in_words():
            sent, work = design._sent(v), partial(dask_tasks.gram, shift=shift)
            tasks = [
                design._task(work, block, sent, weights)
                for block, weights in zip(design._blocks, self._weights, strict=True)
            ]
            out = design._added(tasks)
        return out[:-1], out[-1]


def dask_design(
    source: Any, *, vectoriser: Any = None, client: Any = None, monitor: Monitor | None = None
) -> DaskDesign:
    """Load the rows of a matrix onto the workers of a Dask cluster, as a design.

    Parameters
    ----------
    source
        Delayed blocks of rows (``dask.delayed`` of anything that `fit` takes, each of shape (any, n_features)), a
        two-dimensional Dask array, a Dask data frame of numbers, or, with a vectoriser, a Dask series or data frame
        of one column of texts. Two or three blocks of similar size per core are best: a product waits for the
        worker that holds most. Empty blocks are left out.
    vectoriser
        Fitted or stateless vectoriser that turns blocks of texts into features, on the workers.
    client
        A ``dask.distributed.Client``; the current one if None. One made with ``direct_to_workers=True`` gets results
        directly from workers, not through the scheduler, if it can reach them.
    monitor
        Receives progress (blocks loaded); a cancel takes effect when the next block arrives.

    Returns
    -------
    DaskDesign
        Its blocks stay on the workers as long as it exists. Dask reloads the blocks of a dead worker from their source,
        and moves those of a retiring worker.

    Raises
    ------
    ImportError
        If Dask is not installed.
    ValueError, TypeError
        If there is no client, there are no rows, or a block is not as described.
    RuntimeError
        If a block could not be loaded, with the reason.
    ConnectionError
        If the scheduler is gone.
    """
    check_monitor(monitor, who="dask_design")
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
            f"block {other}. Make all blocks with one fitted or stateless vectoriser."
        )
    sizes, stored = [fact[0] for _, fact in full], sum(fact[2] for _, fact in full)
    return DaskDesign(client, [block for block, _ in full], sizes, widths[0], stored)


def _client(client: Any) -> Any:
    try:
        from distributed import Client, default_client
    except ImportError as error:
        raise ImportError(
            'dask_design: needs dask and distributed, which are not installed. Run: pip install "relabel-widget[dask]"'
        ) from error
    if client is not None:
        if not isinstance(client, Client):
            raise TypeError(
                f"dask_design: expected client to be a dask.distributed.Client, got {type(client).__name__}."
            )
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
            raise ValueError(f"dask_design: expected a two-dimensional array, got shape {source.shape}.")
        source = source.rechunk({1: -1}).to_delayed().ravel()
    elif hasattr(source, "to_delayed"):
        source = source.to_delayed()
    elif isinstance(source, (str, bytes)) or not isinstance(source, Iterable) or hasattr(source, "shape"):
        raise TypeError(
            "dask_design: expected delayed blocks, a Dask array or a Dask data frame, got "
            f"{type(source).__name__}. Data that fits into memory needs no Dask: pass it to fit directly."
        )
    shared = None if vectoriser is None else delayed(vectoriser, traverse=False, pure=False)
    return [delayed(dask_tasks.load, pure=False)(block, shared, number) for number, block in enumerate(source)]


def _loaded(client: Any, blocks: list[Any], monitor: Monitor | None) -> list[tuple[int, int, int] | None]:
    """(rows, columns, stored values) of each block, None if it is empty; waits for all blocks."""
    from distributed import as_completed

    facts = client.map(dask_tasks.facts, blocks, pure=False)
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
    """Turn Dask's exceptions for a lost cluster into one error that says so.

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
    """Whether the error means that a peer did not answer; errors about files have an errno."""
    return isinstance(error, (TimeoutError, ConnectionError)) or (isinstance(error, OSError) and error.errno is None)


def _dying(over: str) -> RuntimeError:
    return RuntimeError(
        f"DaskDesign: workers repeatedly died during {over}. They may be short of memory: make smaller blocks, or "
        "give the workers more memory."
    )


def _gone(client: Any) -> ConnectionError:
    address = getattr(client.scheduler, "address", None) or "its address"
    return ConnectionError(
        f"DaskDesign: the Dask scheduler at {address} is gone or was restarted, and its rows are lost. Start a new "
        "client and call dask_design again; no label or decision is lost."
    )

"""What runs on the workers of a Dask cluster.

A worker has as many threads for tasks as it is to keep busy: products start no others. A vector of rows comes as one
array for each block of the group, or as what makes them: see `evaluated`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import AnyArray, IntArray
from .base import Block, Design
from .compact import compacted
from .convert import as_design
from .parts import no_other_threads


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


def held(values: Any) -> Any:
    """The same: as a task, values go out once, and again if the worker that holds them dies."""
    return values


def told(f: Callable[..., AnyArray], *of: list[Any]) -> list[Any]:
    """What tells each group how to make a vector; ``of`` are what it is made of, each a list over groups."""
    return [{"f": f, "of": list(each)} for each in zip(*of, strict=True)]


def evaluated(vector: Any) -> Any:
    """A vector's arrays, one for each block, worked out if it was `told`; what it is made of may be told, too."""
    if not isinstance(vector, dict):
        return vector
    given = [evaluated(each) for each in vector["of"]]
    n_blocks = next(len(each) for each in given if isinstance(each, list))
    return [vector["f"](*(each[k] if isinstance(each, list) else each for each in given)) for k in range(n_blocks)]


def patched(array: AnyArray, rows: IntArray, values: AnyArray) -> AnyArray:
    """A copy with other values in some rows."""
    out = array.copy()
    out[rows] = values
    return out


@no_other_threads()
def forward(blocks: list[Design], shared: Any, *, product: str) -> list[AnyArray]:
    """``X v`` plus a shift, block by block."""
    v, shift = shared
    return [np.asarray(np.add(image := getattr(block, product)(v), shift, out=image)) for block in blocks]


@no_other_threads()
def back(blocks: list[Design], vector: Any, *, product: str) -> tuple[AnyArray, Any]:
    """``X' u``, or another product that sums over rows, and the sum of u; of the group."""
    pieces = evaluated(vector)
    return added(
        [(getattr(block, product)(piece), piece.sum(axis=0)) for block, piece in zip(blocks, pieces, strict=True)]
    )


@no_other_threads()
def gram(blocks: list[Design], vector: Any, shared: Any, *, product: str) -> tuple[Any, Any]:
    """`Design.gram_matvec` or `Design.gram_matmat` of the group; a vector weights all columns."""
    pieces, (v, shift) = evaluated(vector), shared
    if v.ndim == 2:
        pieces = [piece.reshape(len(piece), -1) for piece in pieces]
    return added([getattr(block, product)(v, piece, shift) for block, piece in zip(blocks, pieces, strict=True)])


def added(parts: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Sums over the parts, each some arrays or numbers."""
    return tuple(sum(each[1:], start=each[0]) for each in zip(*parts, strict=True))


def matrix(block: Design) -> Block:
    """All rows of a design."""
    return stacked([rows for _, rows in block.blocks()])


def take(block: Design, rows: IntArray) -> Block:
    """Some rows of a design."""
    return matrix(block.take(rows))


def stacked(parts: list[Block]) -> Block:
    """Blocks one below the other, sparse if any is."""
    if len(parts) == 1:
        return parts[0]
    if any(sparse.issparse(part) for part in parts):
        return sparse.csr_array(sparse.vstack(parts, format="csr"))
    return np.vstack(parts)

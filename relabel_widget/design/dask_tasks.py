"""The tasks of `DaskDesign`, which run on the workers of a Dask cluster, on one block each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import AnyArray, FloatArray, IntArray
from .base import Block, Design
from .compact import compacted
from .convert import as_design
from .parts import no_other_threads


def load(block: Any, vectoriser: Any, number: int) -> Design | None:
    """A block as a design, None if it has no rows."""
    if vectoriser is not None:
        texts = block.iloc[:, 0] if hasattr(block, "columns") and block.shape[1] == 1 else block
        block = vectoriser.transform(list(texts)) if len(texts) else np.empty((0, 0))
    shape = np.shape(block) if not hasattr(block, "shape") else block.shape
    if len(shape) == 2 and shape[0] == 0:
        return None
    return compacted(as_design(block, who=f"dask_design: block {number}"))


def facts(block: Design | None) -> tuple[int, int, int] | None:
    """(rows, columns, stored values), None if there are no rows."""
    return None if block is None else (block.n_rows, block.n_features, block.n_stored)


def on_block(work: Callable[..., Any], block: Design, *sent: list[AnyArray]) -> Any:
    """Apply ``work`` to a block and arrays sent in pieces, in one thread: other tasks use the others."""
    with no_other_threads():
        return work(block, *(each[0] if len(each) == 1 else np.concatenate(each) for each in sent))


def identity(array: AnyArray, block: Design | None = None) -> AnyArray:
    """Return the array; with a block, on the worker that holds it."""
    del block
    return array


def forward(block: Design, v: FloatArray) -> FloatArray:
    """`Design.matvec` or `Design.matmat`."""
    return block.matvec(v) if v.ndim == 1 else block.matmat(v)


def backward(block: Design, u: FloatArray) -> FloatArray:
    """`Design.rmatvec` or `Design.rmatmat`."""
    return block.rmatvec(u) if u.ndim == 1 else block.rmatmat(u)


def square_sum(block: Design, d: FloatArray) -> FloatArray:
    """`Design.weighted_square_sum`."""
    return block.weighted_square_sum(d)


def gram(block: Design, v: FloatArray, d: FloatArray, *, shift: Any) -> FloatArray:
    """`Design.gram_matvec` or `Design.gram_matmat`, with the sum of u as a last row; a vector d weights all columns."""
    found = block.gram_matvec(v, d, shift) if v.ndim == 1 else block.gram_matmat(v, d.reshape(len(d), -1), shift)
    return np.concatenate([found[0], np.reshape(found[1], (1, *v.shape[1:]))])


def taken(block: Design, rows: IntArray) -> Block:
    """The given rows, as a matrix."""
    return matrix(block.take(rows))


def matrix(block: Design) -> Block:
    """All rows of a design."""
    return stacked([rows for _, rows in block.blocks()])


def stacked(parts: list[Block]) -> Block:
    """Blocks stacked vertically, sparse if any is."""
    if len(parts) == 1:
        return parts[0]
    if any(sparse.issparse(part) for part in parts):
        return sparse.csr_array(sparse.vstack(parts, format="csr"))
    return np.vstack(parts)

"""A design in a memory-mapped file, for matrices larger than memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import count
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import AnyArray, FloatArray, IntArray
from ..arguments import check_monitor
from ..files.blockfile import BlockFile, BlockWriter, SourceError, write_blocks
from ..monitor import Monitor
from .base import Block, Design
from .compact import LARGE
from .convert import as_design
from .csr import CsrDesign
from .sweeps import BlockSweeps, Stored

_MOST = 2**31 - 1  # largest 32-bit index
_BLOCK = 2**20  # stored values and rows of a block: little memory, but much work compared with a product's overhead
_COLUMNS = 4  # and at least this many per column: the product of each block has the length of a row

# Types for the values of a block, smallest first; None: all are 1 and none is stored.
_TYPES: tuple[np.dtype[Any] | None, ...] = (
    None,
    *(np.dtype(name) for name in ("<u1", "<i1", "<u2", "<i2", "<f4", "<i4", "<f8")),
)


class MappedDesign(Design):
    """X in a file written by `write_design`. Its pages are read when a product needs them.

    Blocks of about a million values in compressed sparse rows: 32-bit columns, and values in the smallest type that
    represents the block exactly. A block is verified when it is first read; `check` verifies all. It is pickled by its
    path.

    With numba (extra ``fast``) and at least 2 million stored values, ``matvec``, ``rmatvec``, ``weighted_square_sum``
    and ``gram_*`` sweep the stored arrays in threads; besides the result they take at most 64 MB, or four times the
    result if that is more. Otherwise one block at a time is converted to float64, in one thread. Results agree up to
    rounding, and do not depend on the number of threads.

    Raises
    ------
    ValueError, OSError
        If it is not such a file, or is truncated or damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = BlockFile(path, "design", who="open_design")
        table = self._file.table
        self._check_table()
        self._first = np.append(table["first"], np.uint64(self._file.n_rows)).astype(np.int64)
        self._n_stored = int(table["size"].sum(dtype=np.uint64))
        self._sound = np.zeros(len(table), dtype=bool)
        self._turns = count()

    @property
    def shape(self) -> tuple[int, int]:  # noqa: D102 - as in Design
        return self._file.n_rows, self._file.n_columns

    @property
    def n_stored(self) -> int:  # noqa: D102
        return self._n_stored

    @property
    def path(self) -> str:
        """Absolute path of the file."""
        return str(self._file.path)

    @property
    def n_bytes(self) -> int:
        """Size of the file."""
        return self._file.n_bytes

    def check(self, monitor: Monitor | None = None) -> None:
        """Compare the whole file with its checksums.

        Raises
        ------
        OSError
            If it was truncated or a block differs.
        """
        check_monitor(monitor, who="check")
        self._file.check(monitor)

    def blocks(self) -> Iterator[tuple[slice, Block]]:  # noqa: D102
        self._file.check_length()  # reading beyond the end of a truncated file would crash the process
        for i in range(len(self._sound)):
            self._file.ahead(i + 1)
            yield slice(int(self._first[i]), int(self._first[i + 1])), self._block(i)

    def matvec(self, v: FloatArray) -> FloatArray:  # noqa: D102
        return self._sweeps().matvec(v) if self._pays() else super().matvec(v)

    def rmatvec(self, u: FloatArray) -> FloatArray:  # noqa: D102
        return self._sweeps().rmatvec(u) if self._pays() else super().rmatvec(u)

    def gram_matvec(  # noqa: D102
        self, v: FloatArray, d: FloatArray, shift: float = 0.0, image: FloatArray | None = None
    ) -> tuple[FloatArray, float]:
        product = self._sweeps().gram_matvec if self._pays() else super().gram_matvec
        return product(v, d, shift, image)

    def gram_matmat(  # noqa: D102
        self, v: FloatArray, d: FloatArray, shift: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        return self._sweeps().gram_matmat(v, d, shift) if self._pays() else super().gram_matmat(v, d, shift)

    def weighted_square_sum(self, d: FloatArray) -> FloatArray:  # noqa: D102
        return self._sweeps().weighted_square_sum(d) if self._pays() else super().weighted_square_sum(d)

    def _pays(self) -> bool:
        return self._n_stored >= LARGE and find_spec("numba") is not None

    def _sweeps(self) -> BlockSweeps:
        """For one product: every second product runs from the end of the file to its beginning, with the same result.

        With a file larger than memory it then starts with the pages that the previous one read last.
        """
        self._file.check_length()
        backwards = next(self._turns) % 2 == 1
        sizes = self._file.table["size"].astype(np.int64)
        return BlockSweeps(self._stored, self._file.ahead, self._first, sizes, self.n_features, backwards)

    def take(self, rows: IntArray) -> CsrDesign:
        """The given rows, in memory."""
        self._file.check_length()
        rows = np.asarray(rows, dtype=np.int64)
        order = np.argsort(rows, kind="stable")
        homes = np.searchsorted(self._first, rows[order], side="right") - 1
        pieces = [self._block(int(i))[rows[order[homes == i]] - self._first[i]] for i in np.unique(homes)] or [
            sparse.csr_array((0, self.n_features))
        ]
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return CsrDesign(sparse.csr_array(sparse.vstack(pieces, format="csr"))[back])

    def _block(self, i: int) -> sparse.csr_array:
        starts, columns, values = self._stored(i)
        data = np.ones(len(columns)) if values is None else values.astype(np.float64)
        return sparse.csr_array((data, columns, starts), shape=(len(starts) - 1, self.n_features))

    def _stored(self, i: int) -> Stored:
        raw, entry = self._file.block(i), self._file.table[i]
        n_rows = int(entry["rows"])
        size = int(entry["size"])
        kind = _TYPES[int(entry["type"])]
        at_columns, at_values = 4 * (n_rows + 1), 4 * (n_rows + 1 + size)
        starts, columns = raw[:at_columns].view("<i4"), raw[at_columns:at_values].view("<i4")
        values = None if kind is None else np.frombuffer(raw[at_values:].data, kind)
        if not self._sound[i]:
            self._check_block(i, starts, columns, values)
        return starts, columns, values

    # Checksums catch accidents. The two checks below keep products within bounds, whoever wrote the file.

    def _check_table(self) -> None:
        table, shape = self._file.table, self.shape
        sizes = np.array([0 if kind is None else kind.itemsize for kind in _TYPES], dtype=np.uint64)
        sound = len(table) > 0 and min(shape) > 0 and shape[1] <= _MOST and bool((table["type"] < len(_TYPES)).all())
        if sound:
            ends = np.cumsum(table["rows"])
            lengths = 4 * (table["rows"] + 1 + table["size"]) + table["size"] * sizes[table["type"]]
            sound = bool(ends[-1] == shape[0] and (ends - table["rows"] == table["first"]).all())
            sound = sound and bool((lengths == table["length"]).all() and (table["size"] <= _MOST).all())
        if not sound:
            raise self._unsound("the table of blocks")

    def _check_block(self, i: int, starts: AnyArray, columns: AnyArray, values: AnyArray | None) -> None:
        sound = starts[0] == 0 and starts[-1] == len(columns) and (np.diff(starts) >= 0).all()
        if len(columns):
            sound = sound and columns.min() >= 0 and columns.max() < self.n_features
            sound = sound and (values is None or np.isfinite(values).all())
        if not sound:
            raise self._unsound(f"the block of rows {self._first[i]} to {self._first[i + 1] - 1}")
        self._sound[i] = True

    def _unsound(self, what: str) -> OSError:
        return OSError(
            f"open_design: {self.path!r} is damaged: {what} does not fit its shape {self.shape}. Write it again."
        )

    def __reduce__(self) -> Any:
        return _reopen, (self.path, self._file.stamp)


def open_design(path: str | os.PathLike[str]) -> MappedDesign:
    """Open a design written by `write_design`; every function accepts it in place of a matrix.

    Cost: milliseconds, whatever the size; only the table of blocks is read. Do not modify the file while it is open:
    replace it by a new one (as `write_design` does) instead of overwriting it.

    Raises
    ------
    ValueError
        If it is not a design of this package, or is of a newer version.
    OSError
        If there is no such file, or it is truncated or damaged.
    """
    return MappedDesign(path)


def _reopen(path: str, stamp: tuple[int, int]) -> MappedDesign:
    """The same file in another process.

    Raises
    ------
    OSError
        If the file has been replaced.
    """
    design = MappedDesign(path)
    if design._file.stamp != stamp:
        raise OSError(f"open_design: {path!r} has been rewritten since. Reopen it and start again.")
    return design


def write_design(
    path: str | os.PathLike[str], blocks: Any, *, overwrite: bool = False, monitor: Monitor | None = None
) -> MappedDesign:
    """Write a matrix to a file, block by block, and open it.

    Parameters
    ----------
    path
        The file, conventionally ending in ``.rlw``. It appears when it is complete; until then, and after any failure,
        an existing file is left untouched.
    blocks
        An iterable of blocks of rows: sparse, dense, data frames of numbers or designs, each of shape (any,
        n_features); or one such matrix. `text_blocks`, `npz_blocks` and `svmlight_blocks` make blocks from texts and
        files. Only one block, plus what is needed to regroup it, is in memory at a time.
    overwrite
        Replace any existing file; otherwise only an older design is replaced.
    monitor
        Receives progress (rows written), and may cancel.

    Returns
    -------
    MappedDesign

    Raises
    ------
    ValueError, TypeError
        If a block is not a matrix of finite numbers or has another number of columns, or there are no rows.
    FileExistsError
        If there is a file that is not a design and ``overwrite`` is False.
    OSError
        If the file cannot be written, for instance because the disk is full.
    Cancelled
        If ``monitor`` was cancelled. Nothing is left behind.

    Notes
    -----
    Size: 4 bytes per stored value for its column, 4 per row, and 0 to 8 per value: none if all values of a block are
    1, one if they are counts up to 255. Values are stored exactly.
    """
    check_monitor(monitor, who="write_design")

    def write(file: BlockWriter) -> None:
        n_features = 0
        for part in _regrouped(_checked(blocks)):
            n_features = int(part.shape[1])
            _add(file, part)
            if monitor is not None:
                monitor.step("writing rows", file.n_rows)
        if not file.n_rows:
            raise ValueError("write_design: expected at least one row, got no blocks, or only empty ones.")
        file.finish("design", n_features)

    return MappedDesign(write_blocks(path, write, kind="design", who="write_design", overwrite=overwrite))


def _checked(blocks: Any) -> Iterator[sparse.csr_array]:
    """Each block as canonical CSR of the same width, without empty ones."""
    if isinstance(blocks, Design) or sparse.issparse(blocks) or getattr(blocks, "ndim", 0) == 2:
        blocks = [blocks]
    if isinstance(blocks, (str, bytes)) or not isinstance(blocks, Iterable):
        raise TypeError(
            f"write_design: expected an iterable of blocks of rows, got {type(blocks).__name__}. Files and texts are "
            "turned into blocks by npz_blocks, svmlight_blocks and text_blocks."
        )
    width = None
    for number, block in enumerate(_read(blocks)):
        who = f"write_design: block {number}"
        shape = getattr(block, "shape", None)
        design = None if shape is not None and len(shape) == 2 and shape[0] == 0 else as_design(block, who=who)
        n_features = int(shape[1]) if design is None and shape is not None else design.n_features  # type: ignore[union-attr]
        width = n_features if width is None else width
        if n_features != width:
            raise ValueError(
                f"{who}: expected {width} columns, as in the previous blocks, got {n_features}. Make all blocks with "
                "one fitted or stateless vectoriser, or pass n_features to the reader."
            )
        if width > _MOST:
            raise ValueError(f"{who}: expected at most {_MOST} columns, which 32-bit indices reach, got {width}.")
        if design is not None:
            yield from (sparse.csr_array(part) for _, part in _read(design.blocks()) if part.shape[0])


def _read(source: Iterable[Any]) -> Iterator[Any]:
    """Items of a source; its OSErrors are wrapped, so that none is mistaken for an error of the file being written."""
    try:
        yield from source
    except OSError as error:
        raise SourceError(error) from error


def _regrouped(parts: Iterable[sparse.csr_array]) -> Iterator[sparse.csr_array]:
    """The same rows in blocks of about ``_BLOCK`` values and rows each, whatever the input blocks."""
    held: list[sparse.csr_array] = []
    total = 0
    for part in parts:
        enough = max(_BLOCK, _COLUMNS * part.shape[1])
        weight = np.diff(part.indptr).astype(np.int64) + 1
        ends = np.searchsorted(np.cumsum(weight) + total, np.arange(enough, total + weight.sum() + 1, enough)) + 1
        ends = np.unique(np.minimum(ends, part.shape[0]))
        for first, stop in zip(np.append(0, ends), np.append(ends, part.shape[0]), strict=True):
            if stop > first:
                held.append(part[first:stop])
                total += int(weight[first:stop].sum())
            if stop < part.shape[0] or total >= enough:
                yield _joined(held)
                held, total = [], 0
    if held:
        yield _joined(held)


def _joined(parts: list[sparse.csr_array]) -> sparse.csr_array:
    return parts[0] if len(parts) == 1 else sparse.csr_array(sparse.vstack(parts, format="csr"))


def _add(file: BlockWriter, block: sparse.csr_array) -> None:
    assert block.nnz <= _MOST, "a block is cut long before"
    kind = _smallest_type(block.data)
    values = () if _TYPES[kind] is None else (block.data.astype(_TYPES[kind]),)
    file.add(block.shape[0], int(block.nnz), kind, (block.indptr.astype("<i4"), block.indices.astype("<i4"), *values))


def _smallest_type(values: AnyArray) -> int:
    """The index in ``_TYPES`` of the smallest type that represents these values exactly, signs of zeros included."""
    if (values == 1).all():
        return 0
    low, high = values.min(), values.max()
    for number, kind in enumerate(_TYPES[1:-1], start=1):
        assert kind is not None
        if kind.kind == "f":
            with np.errstate(over="ignore"):
                same = values.astype(kind).astype(np.float64) == values
        else:
            limits = np.iinfo(kind)
            if low < limits.min or high > limits.max:
                continue
            same = (np.trunc(values) == values) & ~((values == 0) & np.signbit(values))
        if same.all():
            return number
    return len(_TYPES) - 1

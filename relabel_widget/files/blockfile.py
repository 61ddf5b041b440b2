"""A file of checksummed blocks that is written once, front to back, and read through a memory map.

Layout, little-endian: a header of 64 bytes, the blocks (each at a multiple of 64), then a table with one entry per
block. The header is written last, so an unfinished file has none.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import numpy as np

from .._typing import AnyArray
from ..arguments import as_path
from ..monitor import Monitor
from .whole import write_whole

Kind: TypeAlias = Literal["design", "texts"]

VERSION = 1
_MAGIC = b"RLWblock"
_KINDS: dict[Kind, int] = {"design": 1, "texts": 2}
_HEADER = struct.Struct(
    "<8sIIQQQQII"
)  # magic, version, kind, rows, columns, table offset, file size, crc of table, own
_ALIGN = 64
_ENTRY = np.dtype(  # one block: its rows, number of values, place and bytes in the file, type of values, checksum
    [
        ("first", "<u8"),
        ("rows", "<u8"),
        ("size", "<u8"),
        ("at", "<u8"),
        ("length", "<u8"),
        ("type", "<u4"),
        ("crc", "<u4"),
    ]
)


class SourceError(Exception):
    """An OSError of the source that is read while a file is written, as opposed to one of the file itself."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class BlockWriter:
    """Writes blocks in sequence; private to one call of `write_blocks`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._entries: list[tuple[int, ...]] = []
        self.n_rows = 0
        file.write(b"\0" * _ALIGN)

    def add(self, n_rows: int, size: int, kind: int, arrays: Iterable[AnyArray]) -> None:
        """Append a block of ``n_rows`` rows and ``size`` values of a type: the concatenated bytes of the arrays."""
        at = self._aligned()
        crc = 0
        for array in arrays:
            part = np.ascontiguousarray(array).view(np.uint8).data
            crc = zlib.crc32(part, crc)
            self._file.write(part)
        self._entries.append((self.n_rows, n_rows, size, at, self._file.tell() - at, kind, crc))
        self.n_rows += n_rows

    def finish(self, kind: Kind, n_columns: int) -> None:
        """Append the table, then write the header, which makes the file valid."""
        at = self._aligned()
        table = np.array(self._entries, dtype=_ENTRY).tobytes()
        self._file.write(table)
        fields = (_MAGIC, VERSION, _KINDS[kind], self.n_rows, n_columns, at, at + len(table), zlib.crc32(table))
        crc = zlib.crc32(_HEADER.pack(*fields, 0)[:-4])
        self._file.seek(0)
        self._file.write(_HEADER.pack(*fields, crc))

    def _aligned(self) -> int:
        at = self._file.tell()
        self._file.write(b"\0" * (-at % _ALIGN))
        return at + -at % _ALIGN


def write_blocks(
    path: str | os.PathLike[str], write: Callable[[BlockWriter], None], *, kind: Kind, who: str, overwrite: bool = False
) -> Path:
    """Let ``write`` fill a new file of blocks, which replaces ``path`` once it is complete and on disk.

    An older file of the same kind is replaced, any other file only with ``overwrite``.

    Raises
    ------
    FileExistsError
        If there is a file of another kind and ``overwrite`` is False.
    OSError
        If the file cannot be written, with the reason; an existing file is left untouched. An OSError of the
        source, wrapped by ``write`` in `SourceError`, is re-raised unchanged.
    """

    def fill(part: Path) -> None:
        with part.open("r+b") as file:
            write(BlockWriter(file))

    def ours(file: Path) -> bool:
        with file.open("rb") as old:
            header = old.read(_HEADER.size)
        return len(header) == _HEADER.size and _HEADER.unpack(header)[:3:2] == (_MAGIC, _KINDS[kind])

    try:
        return write_whole(path, fill, who=who, overwrite=overwrite, ours=ours)
    except SourceError as error:
        raise error.reason from None


class BlockFile:
    """An open file of blocks, mapped into memory: pages are loaded when touched and dropped when memory is short.

    A block's checksum is verified when it is first read. Thread-safe.

    Attributes
    ----------
    path
        Absolute path of the file.
    n_rows, n_columns
        As written.
    table
        An entry for each block, with the fields ``first, rows, size, at, length, type, crc``; a structured array.

    Raises
    ------
    ValueError
        If it is not a file of this kind, or is of a newer version.
    OSError
        If there is no such file, or it is truncated or damaged.
    """

    def __init__(self, path: str | os.PathLike[str], kind: Kind, *, who: str) -> None:
        self.path, self._who = Path(os.path.abspath(as_path(path, who=who))), who
        try:
            file = self.path.open("rb")
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{who}: there is no file {str(self.path)!r}.") from error
        with file:
            header = file.read(_HEADER.size)
            self._check_kind(header, kind)
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        _, _, _, self.n_rows, self.n_columns, at, self._size, crc, own = _HEADER.unpack(header)
        if zlib.crc32(header[:-4]) != own:
            raise self._damaged("its header")
        self.check_length()
        self._bytes = np.frombuffer(self._map, dtype=np.uint8)
        table = self._bytes[at : self._size]
        if zlib.crc32(table.data) != crc:
            raise self._damaged("its table of blocks")
        self.table: AnyArray = table.view(_ENTRY)
        self.stamp: tuple[int, int] = (self._size, crc)  # crc of the table, which holds the checksum of every block
        self._known = np.zeros(len(self.table), dtype=bool)

    def _check_kind(self, header: bytes, kind: Kind) -> None:
        if len(header) < _HEADER.size or header[:8] != _MAGIC:
            raise ValueError(
                f"{self._who}: expected a file written by write_{kind}, got {str(self.path)!r}, which is "
                "not one or was never finished."
            )
        version, found = struct.unpack_from("<II", header, 8)
        if version > VERSION:
            raise ValueError(
                f"{self._who}: {str(self.path)!r} has format version {version}, but this version reads up to "
                f"{VERSION}. Update relabel-widget, or write the file again."
            )
        if found != _KINDS[kind]:
            names = {number: name for name, number in _KINDS.items()}
            raise ValueError(f"{self._who}: expected a file of {kind}, got one of {names.get(found, 'another kind')}.")

    @property
    def n_bytes(self) -> int:
        """Size of the file."""
        return self.stamp[0]

    def check_length(self) -> None:
        """Refuse a file that is now shorter than when it was written.

        Raises
        ------
        OSError
            If bytes are missing at the end.
        """
        found = self._map.size()  # of the file as it is now
        if found != self._size:
            raise OSError(
                f"{self._who}: {str(self.path)!r} has {found:,} bytes, expected {self._size:,}: it was cut short or "
                "written over, perhaps by an interrupted copy. Copy or write it again."
            )

    def block(self, i: int) -> AnyArray:
        """The bytes of a block, uint8, read-only; verified on first access.

        Raises
        ------
        OSError
            If they differ from what was written.
        """
        entry = self.table[i]
        raw = self._bytes[int(entry["at"]) : int(entry["at"]) + int(entry["length"])]
        if not self._known[i]:
            if zlib.crc32(raw.data) != entry["crc"]:
                first, n_rows = int(entry["first"]), int(entry["rows"])
                raise self._damaged(f"the block of rows {first} to {first + n_rows - 1}")
            self._known[i] = True
        return raw

    def ahead(self, i: int) -> None:
        """Prefetch a block's pages, so that they load while another block is in use."""
        if i < len(self.table) and hasattr(mmap, "MADV_WILLNEED"):
            start = int(self.table["at"][i]) // mmap.PAGESIZE * mmap.PAGESIZE
            stop = int(self.table["at"][i]) + int(self.table["length"][i])
            self._map.madvise(mmap.MADV_WILLNEED, start, stop - start)

    def check(self, monitor: Monitor | None = None) -> None:
        """Compare every block with its checksum, even those already verified. Cost: one pass over the file.

        Raises
        ------
        OSError
            If one differs, or the file was truncated.
        """
        self.check_length()
        self._known[:] = False
        for i in range(len(self.table)):
            self.block(i)
            if monitor is not None:
                monitor.step("checking the file", i + 1, len(self.table))

    def _damaged(self, what: str) -> OSError:
        return OSError(
            f"{self._who}: {str(self.path)!r} is damaged: {what} does not match its checksum. Copy the file again, or "
            "write it again."
        )

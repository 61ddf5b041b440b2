"""Texts read on demand, one at a time, from a file of ours, Parquet or SQLite."""

from __future__ import annotations

import codecs
import os
import threading
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from operator import index
from pathlib import Path
from typing import Any, overload

import numpy as np

from ..arguments import as_path, as_whole, shown
from .blockfile import BlockFile, BlockWriter, SourceError, write_blocks

_BLOCK = 2**20  # bytes of a block, which is verified as a whole
_ROWS = 4096
MOST_BYTES = 2**31  # of one unpacked row group
_KEPT_GROUPS = 2  # row groups of a Parquet file kept in memory


class PagedTexts(Sequence[str]):
    """A sequence of texts that are read only on request. Thread-safe.

    Accepted wherever texts are: as ``train_text`` and ``test_text`` of a `Workbench`, and by `text_blocks`.
    """

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self._text(i) for i in range(*row.indices(len(self)))]
        place = index(row)
        place += len(self) if place < 0 else 0
        if not 0 <= place < len(self):
            raise IndexError(f"texts: expected a row from 0 to {len(self) - 1}, got {row}.")
        return self._text(place)

    @abstractmethod
    def _text(self, row: int) -> str: ...


class FileTexts(PagedTexts):
    """Texts of a file written by `write_texts`, mapped into memory; blocks are verified on first access."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = BlockFile(path, "texts", who="open_texts")
        self._first = self._file.table["first"].astype(np.int64)

    def __len__(self) -> int:
        return int(self._file.n_rows)

    def _text(self, row: int) -> str:
        self._file.check_length()
        i = int(np.searchsorted(self._first, row, side="right")) - 1
        raw = self._file.block(i)
        n_rows = int(self._file.table["rows"][i])
        local = row - int(self._first[i])
        start, stop = raw[: 8 * (n_rows + 1)].view("<i8")[local : local + 2]
        body = raw[8 * (n_rows + 1) :]
        return body[int(start) : int(stop)].tobytes().decode("utf-8", "surrogatepass")


class ParquetTexts(PagedTexts):
    """One column of a Parquet file. Reading a text reads its row group: small groups are faster."""

    def __init__(self, path: Path, column: str, max_bytes: int, encoding: str) -> None:
        known = _parquet(path).schema_arrow.names
        if column not in known:
            raise ValueError(f"open_texts: expected one of the columns {known}, got {column!r}.")
        # Repeated texts are stored once: a column of a few kilobytes can expand to any size.
        self._file, self._column, self._encoding = _parquet(path, read_dictionary=[column]), column, encoding
        self._check_size(path, max_bytes)
        groups = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self._first = np.append(0, np.cumsum(groups)).astype(np.int64)
        self._groups: OrderedDict[int, Any] = OrderedDict()
        self._lock = threading.Lock()

    def _check_size(self, path: Path, most: int) -> None:
        metadata = self._file.metadata
        for i in range(self._file.num_row_groups):
            parts = (metadata.row_group(i).column(j) for j in range(metadata.num_columns))
            size = sum(
                part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] == self._column
            )
            if size > most:
                raise ValueError(
                    f"open_texts: expected at most {most / 2**30:.3g} GiB in a row group of {str(path)!r}, got "
                    f"{size / 2**30:.3g} GiB in row group {i}. Write smaller groups or, if you trust the file, allow "
                    "more with max_bytes."
                )

    def __len__(self) -> int:
        return int(self._first[-1])

    def __iter__(self) -> Iterator[str]:
        for i, first in enumerate(self._first[:-1].tolist()):
            for row, value in enumerate(self._group(i), start=first):
                yield _decoded(value.as_py(), row, self._encoding)

    def _text(self, row: int) -> str:
        i = int(np.searchsorted(self._first, row, side="right")) - 1
        return _decoded(self._group(i)[row - int(self._first[i])].as_py(), row, self._encoding)

    def _group(self, i: int) -> Any:
        with self._lock:
            if i not in self._groups:
                self._groups[i] = self._file.read_row_group(i, columns=[self._column]).column(0)
            self._groups.move_to_end(i)
            while len(self._groups) > _KEPT_GROUPS:
                self._groups.popitem(last=False)
            return self._groups[i]


def _parquet(path: Path, **options: Any) -> Any:
    import pyarrow
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, memory_map=True, **options)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"open_texts: {str(path)!r} is not a Parquet file ({error}).") from error


class SqliteTexts(PagedTexts):
    """One column of an SQLite table, in the order of its row ids; opened for reading only."""

    def __init__(self, path: Path, column: str, table: str, encoding: str) -> None:
        import sqlite3

        self._lock, self._encoding = threading.Lock(), encoding
        uri = f"{path.absolute().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        try:
            known = [name for (name,) in self._connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise ValueError(f"open_texts: {str(path)!r} is not an SQLite database ({error}).") from error
        if column not in known:
            self._connection.close()
            raise ValueError(f"open_texts: expected a table {table!r} with a column {column!r}, got columns {known}.")
        # a name cannot be a parameter: these exist in the database and are quoted
        quoted_column, quoted_table = ('"' + name.replace('"', '""') + '"' for name in (column, table))
        self._query = f"SELECT {quoted_column} FROM {quoted_table} WHERE rowid = ?"  # noqa: S608
        ids = self._connection.execute(f"SELECT rowid FROM {quoted_table} ORDER BY rowid")  # noqa: S608
        self._ids = np.fromiter((each for (each,) in ids), dtype=np.int64)

    def __len__(self) -> int:
        return len(self._ids)

    def _text(self, row: int) -> str:
        with self._lock:
            found = self._connection.execute(self._query, (int(self._ids[row]),)).fetchone()
        if found is None:
            raise LookupError(f"texts: row {row} was deleted from the table since it was opened. Open it again.")
        return _decoded(found[0], row, self._encoding)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def _decoded(value: Any, row: int, encoding: str) -> str:
    """A value of a column as text; what its bytes cannot mean is replaced by U+FFFD."""
    if value is None:
        raise ValueError(
            f"texts: expected a text in every row, got none (NULL) in row {row}. Leave such rows out of the column, "
            "and their labels out of y, or fill them with an empty text."
        )
    return value.decode(encoding, "replace") if isinstance(value, bytes) else str(value)


def write_texts(path: str | os.PathLike[str], texts: Iterable[str], *, overwrite: bool = False) -> FileTexts:
    """Write texts to a file and open it. The file appears complete or not at all.

    Parameters
    ----------
    path
        The file, conventionally ending in ``.rlwt``.
    texts
        Read once; about a megabyte is held at a time.
    overwrite
        Replace any existing file; otherwise only an older file of texts is replaced.

    Raises
    ------
    TypeError
        If it is a single string, or holds anything but strings.
    FileExistsError
        If there is a file of another kind and ``overwrite`` is False.
    OSError
        If the file cannot be written.
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError("write_texts: expected an iterable of texts, got one text. Put it in a list.")
    if not isinstance(texts, Iterable):
        raise TypeError(f"write_texts: expected an iterable of texts, got {shown(texts)}.")

    def write(file: BlockWriter) -> None:
        for block in _grouped(texts):
            starts = np.append(0, np.cumsum([len(each) for each in block])).astype("<i8")
            file.add(len(block), int(starts[-1]), 0, (starts, np.frombuffer(b"".join(block), np.uint8)))
        file.finish("texts", 1)

    return FileTexts(write_blocks(path, write, kind="texts", who="write_texts", overwrite=overwrite))


def _grouped(texts: Iterable[str]) -> Iterator[list[bytes]]:
    block: list[bytes] = []
    size = 0
    try:
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"write_texts: expected texts, got {type(text).__name__} in row {row}.")
            block.append(text.encode("utf-8", "surrogatepass"))
            size += len(block[-1])
            if size >= _BLOCK or len(block) >= _ROWS:
                yield block
                block, size = [], 0
    except OSError as error:
        raise SourceError(error) from error
    if block:
        yield block


def open_texts(
    path: str | os.PathLike[str],
    column: str = "text",
    *,
    table: str = "texts",
    max_bytes: int = MOST_BYTES,
    encoding: str = "utf-8",
) -> PagedTexts:
    """Open texts without loading them; only the most recently used are kept in memory.

    Parameters
    ----------
    path
        A file by `write_texts`, a Parquet file (ending in ``.parquet``; needs pyarrow), or an SQLite database
        (``.sqlite``, ``.sqlite3`` or ``.db``).
    column, table
        The column of a Parquet file or table; the table of a database.
    max_bytes
        Largest unpacked size of the column in one row group of a Parquet file, of which two are kept; 2 GiB by
        default.
    encoding
        How a column of bytes is decoded.

    Returns
    -------
    PagedTexts
        Text i belongs to row i; for a database, in the order of row ids (8 bytes per row are kept). Reading a row
        whose text is missing raises ValueError.

    Raises
    ------
    ValueError
        If there is no such column, table or encoding, the file is of another kind, or a row group exceeds
        ``max_bytes``.
    OSError
        If there is no such file, or it is damaged.
    """
    place = as_path(path, who="open_texts")
    for name, value in (("column", column), ("table", table), ("encoding", encoding)):
        if not isinstance(value, str):
            raise TypeError(f"open_texts: expected {name} as a name, got {shown(value)}.")
    try:
        codecs.lookup(encoding)
    except (LookupError, ValueError) as error:
        raise ValueError(f"open_texts: expected the name of an encoding, got {shown(encoding)}.") from error
    most = as_whole(max_bytes, 1, who="open_texts: max_bytes")
    if not place.is_file():
        raise FileNotFoundError(f"open_texts: there is no file {str(place)!r}.")
    ending = place.suffix.lower()
    if ending == ".parquet":
        return ParquetTexts(place, column, most, encoding)
    if ending in (".sqlite", ".sqlite3", ".db"):
        return SqliteTexts(place, column, table, encoding)
    return FileTexts(place)

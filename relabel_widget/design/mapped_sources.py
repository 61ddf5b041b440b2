"""Blocks of rows from texts and files for `write_design`, one at a time."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import AnyArray, FloatArray
from ..arguments import as_path, as_whole
from .compressed import check_compressed, check_starts

_TEXTS = 10_000
_VALUES = 2**20
_BYTES = 2**24
MAX_BYTES = 2**38  # 256 GiB: ten times the largest corpus tried


def text_blocks(texts: Iterable[str], vectoriser: Any, *, batch: int = _TEXTS) -> Iterator[Any]:
    """Feature blocks of texts, ``batch`` texts at a time.

    Parameters
    ----------
    texts
        An iterable of texts, such as the result of `open_texts`; read once.
    vectoriser
        Fitted, or stateless like scikit-learn's ``HashingVectorizer`` (with ``norm=None, alternate_sign=False`` it
        produces counts, which take one byte each); or a fitted pipeline of transformers.

    Raises
    ------
    TypeError
        If ``texts`` is one string, or the vectoriser has no ``transform``.
    ValueError
        If ``batch`` is not positive.
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError("text_blocks: expected an iterable of texts, got one text. Put it in a list.")
    if not hasattr(vectoriser, "transform"):
        raise TypeError(
            f"text_blocks: expected a fitted or stateless vectoriser, got {type(vectoriser).__name__}, which has no "
            "transform."
        )
    if batch < 1:
        raise ValueError(f"text_blocks: expected batch to be a positive whole number, got {batch!r}.")
    return _text_blocks(iter(texts), vectoriser, batch)


def _text_blocks(texts: Iterator[str], vectoriser: Any, batch: int) -> Iterator[Any]:
    while part := list(islice(texts, batch)):
        yield vectoriser.transform(part)


def npz_blocks(paths: Any, *, max_bytes: int = MAX_BYTES) -> Iterator[Any]:
    """Blocks of CSR matrices written by ``scipy.sparse.save_npz``, in the order of the paths.

    A file is read in pieces of about a million values; only its row starts (8 bytes per row) are kept in memory.
    Nothing is unpickled.

    Parameters
    ----------
    paths
        One path or several.
    max_bytes
        A file whose uncompressed arrays would take more than this is refused before any is read; 256 GiB by default.

    Raises
    ------
    ValueError
        If a file holds a format other than CSR, is corrupt or too large, or is not such a file.
    OSError
        If a file cannot be read.
    """
    for path in [paths] if isinstance(paths, (str, os.PathLike)) else paths:
        place = as_path(path, who="npz_blocks")
        try:
            with zipfile.ZipFile(place) as archive:
                _check_size(archive, place, max_bytes)
                yield from _npz_blocks(archive, place)
        except (zipfile.BadZipFile, KeyError, EOFError) as error:
            raise ValueError(
                f"npz_blocks: {os.fspath(path)!r} is not a complete file from scipy.sparse.save_npz ({error}). "
                "Save it again."
            ) from error


def _npz_blocks(archive: zipfile.ZipFile, path: Any) -> Iterator[Any]:
    kind = _Member(archive, "format").read().astype(str).item()
    if kind != "csr":
        raise ValueError(
            f"npz_blocks: expected a matrix in CSR format, got {kind!r} in {os.fspath(path)!r}. Other formats do "
            "not store rows together: save x.tocsr()."
        )
    who = f"npz_blocks: {os.fspath(path)!r}"
    n_rows, n_features = _Member(archive, "shape").read().tolist()
    starts = _Member(archive, "indptr").read().astype(np.int64)
    columns, values = _Member(archive, "indices"), _Member(archive, "data")
    check_starts(starts, columns.size, n_rows, who=who)
    if values.size != columns.size:
        raise ValueError(f"{who}: expected as many values as column numbers, got {values.size} and {columns.size}.")
    first = 0
    while first < n_rows:
        stop = max(first + 1, int(np.searchsorted(starts, starts[first] + _VALUES, side="right")) - 1)
        stop = min(stop, first + _VALUES, n_rows)
        size = int(starts[stop] - starts[first])
        parts = (values.read(size), columns.read(size), starts[first : stop + 1] - starts[first])
        check_compressed(parts[2], parts[1], size, (stop - first, n_features), who=who)
        yield sparse.csr_array(parts, shape=(stop - first, n_features))
        first = stop


def _check_size(archive: zipfile.ZipFile, path: Path, max_bytes: int) -> None:
    """Refuse files that would fill memory or a disk: a small file can claim to hold any number of zeros."""
    total = sum(member.file_size for member in archive.infolist())
    if total > max_bytes:
        raise ValueError(
            f"npz_blocks: {str(path)!r} would grow to {total / 2**30:,.1f} GiB, expected at most "
            f"{max_bytes / 2**30:,.1f}. Allow more with max_bytes, if you trust the file."
        )


class _Member:
    """One array of an ``.npz`` file, read from front to back."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._file = archive.open(f"{name}.npy")
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        self._shape, _, self._dtype = read[np.lib.format.read_magic(self._file)](self._file)
        self.size = int(np.prod(self._shape))
        if self.size * self._dtype.itemsize > archive.getinfo(f"{name}.npy").file_size:
            raise EOFError(f"{name} claims {self.size:,} entries, more than it holds")
        if self._dtype.hasobject:
            raise ValueError(
                f"npz_blocks: {name!r} holds Python objects, which are not read. Save a matrix of numbers."
            )

    def read(self, count: int | None = None) -> AnyArray:
        """The next ``count`` entries, or all if None."""
        if count is None:
            count = self.size
        raw = self._file.read(count * self._dtype.itemsize)
        if len(raw) != count * self._dtype.itemsize:
            raise EOFError("an array is truncated")
        return np.frombuffer(raw, dtype=self._dtype).reshape(self._shape if count == self.size else (count,))


def svmlight_blocks(path: str | os.PathLike[str], n_features: int, *, zero_based: bool = False) -> Iterator[Any]:
    """Blocks of rows from a file in svmlight format, about 16 MB of text at a time.

    Parameters
    ----------
    n_features
        Number of columns, which is not known in advance when a file is read in pieces.
    zero_based
        Whether column indices start at 0; conventionally they start at 1.

    Raises
    ------
    ValueError
        If a line is not in svmlight format or names a column beyond ``n_features``.
    OSError
        If the file cannot be read.
    """
    return (x for x, _ in _svmlight(path, n_features, zero_based))


def svmlight_labels(path: str | os.PathLike[str], n_features: int, *, zero_based: bool = False) -> FloatArray:
    """The labels of a file in svmlight format, shape (n_rows,); raises as `svmlight_blocks`."""
    return np.concatenate([np.empty(0), *(y for _, y in _svmlight(path, n_features, zero_based))])


def _svmlight(path: str | os.PathLike[str], n_features: int, zero_based: bool) -> Iterator[tuple[Any, FloatArray]]:
    from sklearn.datasets import load_svmlight_file

    path = as_path(path, who="svmlight_blocks")
    n_features = as_whole(n_features, 1, who="svmlight_blocks: n_features")
    if path.suffix in (".gz", ".bz2"):  # offsets count unpacked bytes, so the end of the file would be lost
        raise ValueError(f"svmlight_blocks: expected an uncompressed file, got {path.name!r}. Unpack it first.")
    if not path.is_file():
        raise FileNotFoundError(f"svmlight_blocks: there is no file {os.fspath(path)!r}.")
    for offset in range(0, os.path.getsize(path), _BYTES):
        try:
            x, y = load_svmlight_file(
                os.fspath(path), n_features=n_features, offset=offset, length=_BYTES, zero_based=zero_based
            )
        except (ValueError, OverflowError) as error:
            raise ValueError(
                f"svmlight_blocks: cannot read {os.fspath(path)!r} from byte {offset} on, with {n_features} columns: "
                f"{error}"
            ) from error
        if x.shape[0]:
            yield x, y

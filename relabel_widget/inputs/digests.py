"""What a row holds, as sixteen bytes: equal for equal content, whatever library, type or order of columns holds it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
from scipy import sparse

from .._typing import AnyArray
from ..files.characters import readable
from .containers import frame_of, series_of
from .missing import is_missing

SIZE = 16
"""Bytes of a digest: two of a million million rows are alike by chance with a probability of 1e-15."""

_ROWS_AT_ONCE = 4096


def digest_of(text: str) -> bytes:
    """The digest of a text."""
    return blake2b(readable(text).encode(), digest_size=SIZE).digest()


def row_digests(rows: Any, n_rows: int) -> AnyArray:
    """The digest of each row, bytes, shape (n_rows,).

    Parameters
    ----------
    rows
        Texts or other values, one for each row; or a frame, a matrix or a design. Zeros that a sparse matrix stores
        count as zeros, whole numbers are the same as floats or integers, and columns of a frame go by their names.
    n_rows
        The number of rows.

    Notes
    -----
    Reads all of ``rows`` once: about a second for a million texts.
    """
    return np.fromiter(_digests(rows, n_rows), dtype=f"S{SIZE}", count=n_rows)


def _digests(rows: Any, n_rows: int) -> Iterator[bytes]:
    frame = frame_of(rows)
    if frame is not None:
        if frame.shape[1] == 1:
            return (digest_of(_canonical(value)) for value in frame[:, 0].to_list())
        return _of_frame(frame)
    series = series_of(rows)
    if series is not None:
        return (digest_of(_canonical(value)) for value in series.to_list())
    if hasattr(rows, "blocks"):
        return (digest for _, block in rows.blocks() for digest in _of_matrix(block))
    if sparse.issparse(rows) or getattr(rows, "ndim", 1) == 2:
        return _of_parts(rows, n_rows)
    return (digest_of(_canonical(rows[row])) for row in range(n_rows))


def _of_frame(frame: Any) -> Iterator[bytes]:
    names = [str(name) for name in frame.columns]
    order = sorted(range(len(names)), key=names.__getitem__)
    for values in frame.iter_rows():
        yield digest_of(json.dumps([[names[j], _canonical(values[j])] for j in order]))


def _of_parts(matrix: Any, n_rows: int) -> Iterator[bytes]:
    matrix = matrix.tocsr() if sparse.issparse(matrix) else matrix
    for start in range(0, n_rows, _ROWS_AT_ONCE):
        yield from _of_matrix(matrix[start : start + _ROWS_AT_ONCE])


def _of_matrix(block: Any) -> Iterator[bytes]:
    """Of a dense or sparse block: places and values of what is not zero."""
    if not sparse.issparse(block):
        array = np.asarray(block)
        if array.dtype.kind not in "biuf":
            for line in array.tolist():
                yield digest_of(_canonical(line))
            return
        block = sparse.csr_array(array)
    rows = sparse.csr_array(block, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    places, values = rows.indices.astype(np.int64), rows.data.astype(np.float64)
    for start, end in zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True):
        digest = blake2b(places[start:end].tobytes(), digest_size=SIZE)
        digest.update(values[start:end].tobytes())
        yield digest.digest()


def _canonical(value: Any) -> str:
    """A value as text, one for equal values: a text as it is, anything else with a mark of its kind in front."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        kind, text = "bytes", bytes(value).hex()
    elif isinstance(value, Mapping):
        kind, text = "mapping", json.dumps(sorted([_canonical(key), _canonical(of)] for key, of in value.items()))
    elif isinstance(value, (list, tuple, np.ndarray)):
        kind, text = "list", json.dumps([_canonical(each) for each in value])
    elif is_missing(value):
        kind, text = "missing", ""
    elif isinstance(value, float) and value.is_integer():
        kind, text = "int", str(int(value))
    else:
        kind, text = type(value).__name__, str(value)
    return f"\0{kind} {text}"

"""Which training rows say the same as others."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from typing import final

import numpy as np
from scipy import sparse

from .._typing import BoolArray, CodeArray, FloatArray, IntArray
from ..design import Design
from ..inputs import Reader, digest_of, row_digests
from .looks import Side


@final
class EqualRows:
    """Groups training rows of equal content, when it is first asked.

    Texts are equal if nothing but case, spaces and the way a character is written (Unicode's NFKC) tells them apart;
    rows that are not read as texts, if all their values are.

    Parameters
    ----------
    train
        The rows.

    Notes
    -----
    The first question reads all rows once, about a second for a million short texts, and keeps 8 bytes for each row.
    """

    def __init__(self, train: Side) -> None:
        self._train = train
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._groups: IntArray | None = None
        self._norms: FloatArray | None = None

    @property
    def _are_texts(self) -> bool:
        """Whether the rows themselves are texts."""
        return self._train.cells is None and getattr(self._train.rows, "ndim", 1) < 2

    @property
    def counts_words(self) -> bool:
        """Whether the features are those of texts, so that a large cosine means that texts are nearly equal."""
        return self._are_texts or (self._train.is_read and sparse.issparse(self._train.rows))

    def groups(self) -> IntArray:
        """A number for each row, (n_rows,), the same for equal rows."""
        with self._lock:
            if self._groups is None:
                train, n_rows = self._train, self._train.design.n_rows
                digests = _text_digests(train.text, n_rows) if train.is_read or self._are_texts else None
                found = row_digests(train.rows, n_rows) if digests is None else np.fromiter(digests, "S16", n_rows)
                self._groups = np.unique(found, return_inverse=True)[1].astype(np.int64)
            return self._groups

    def known_within(self, seconds: float) -> bool:
        """Whether the rows are grouped now or after this time; a thread groups them meanwhile, and goes on."""
        if self._groups is None and self._thread is None:
            self._thread = threading.Thread(target=self.groups, name="relabel_widget equal rows", daemon=True)
            self._thread.start()
        if self._groups is None and self._thread is not None:
            self._thread.join(seconds)
        return self._groups is not None

    def equal_to(self, row: int) -> IntArray:
        """The rows that say what a row says, itself among them, in order."""
        groups = self.groups()
        return np.flatnonzero(groups == groups[row]).astype(np.int64)

    def contradicted(self, codes: CodeArray) -> BoolArray:
        """Rows that have an equal one with another class code, (n_rows,)."""
        groups = self.groups()
        n_groups = int(groups.max()) + 1
        smallest, largest = np.full(n_groups, np.iinfo(np.int64).max), np.full(n_groups, -1)
        np.minimum.at(smallest, groups, codes)
        np.maximum.at(largest, groups, codes)
        return np.asarray((smallest < largest)[groups])

    def near(self, row: int, least: float) -> IntArray:
        """Rows whose features have at least this cosine with a row's, in order.

        Notes
        -----
        Cost: one product with the feature matrix, and one more pass over it for the first question.
        """
        design = self._train.design
        with self._lock:
            if self._norms is None:
                self._norms = _norms(design)
            norms = self._norms
        (_, block), *_ = self._train.one(row).blocks()
        own = block.toarray()[0] if sparse.issparse(block) else np.asarray(block)[0]
        if not norms[row]:
            return np.flatnonzero(norms == 0).astype(np.int64)
        products = design.matvec(own.astype(np.float64))
        found = products >= least * norms[row] * norms * (1 - 1e-12)
        return np.flatnonzero(found & (norms > 0)).astype(np.int64)


def _text_digests(text: Reader, n_rows: int) -> Iterator[bytes]:
    for row in range(n_rows):
        words = text(row)
        plain = words if words.isascii() else unicodedata.normalize("NFKC", words)
        yield digest_of(" ".join(plain.casefold().split()))


def _norms(design: Design) -> FloatArray:
    squares = np.zeros(design.n_rows)
    for rows, block in design.blocks():
        part = block.multiply(block).sum(axis=1) if sparse.issparse(block) else np.einsum("ij,ij->i", block, block)
        squares[rows] = np.asarray(part, dtype=np.float64).ravel()
    return np.sqrt(squares)

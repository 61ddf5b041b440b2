"""How a store recognises the data it was made for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from relabel_widget._typing import AnyArray


def _digest(values: Iterable[object]) -> str:
    """SHA-256 of the values' texts, each as its own JSON string, so that no two lists have the same digest."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(json.dumps(str(value)).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Fingerprint:
    """Size and hashes of a training set. Ids are compared as text, so that 7 and "7" are one id.

    Parameters
    ----------
    n_rows
        Number of training rows.
    labels, ids
        SHA-256 of the original labels and of the row ids, in order.
    """

    n_rows: int
    labels: str
    ids: str

    @classmethod
    def of(cls, labels: AnyArray, ids: AnyArray) -> Self:
        """The fingerprint of original labels (n_rows,) and ids (n_rows,). Cost: about a second per million rows."""
        return cls(len(labels), _digest(labels.tolist()), _digest(ids.tolist()))

    def difference(self, other: Fingerprint) -> str:
        """How ``other`` differs from this, in words; empty if they are equal."""
        if self.n_rows != other.n_rows:
            return f"{other.n_rows} training rows instead of {self.n_rows}"
        parts = [
            words
            for name, words in (
                ("labels", "different original labels"),
                ("ids", "different row ids (or a different order)"),
            )
            if getattr(self, name) != getattr(other, name)
        ]
        return " and ".join(parts)

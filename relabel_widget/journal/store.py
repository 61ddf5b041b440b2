"""Where events are kept for good: the interface of a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .base import StoreAwayError
from .records import Record

if TYPE_CHECKING:
    from .older import OlderStore

VERSION = 3
"""Format 3 names rows by what they are, chains events by digests, and is the first that PostgreSQL has too."""


class Store(ABC):
    """Records in order, shared by any number of workbenches at once. Thread-safe.

    Attributes
    ----------
    name
        How messages name it.
    note
        What is worth knowing about how it works here; empty if nothing is.
    notice
        What was out of the ordinary when it was first read; empty if nothing was.
    patience
        Seconds that a write waits for others.
    key
        A name that no other store has; empty before it was read.
    beside
        How the path of a file begins in which events can be left for the store.
    """

    name: str
    note: str = ""
    notice: str = ""
    patience: float = 5.0
    key: str = ""
    beside: Path

    @abstractmethod
    def exchange(self, after: int, digest: str, drafts: Sequence[Record], sample: str) -> list[Record]:
        """Append drafts, unless others have done so, and return all records from ``after`` on, theirs included.

        Parameters
        ----------
        after, digest
            Number and digest of the last record that the caller knows.
        drafts
            What to write, in one transaction that takes the next numbers. Without drafts nothing is locked or written.
        sample
            Recognises the data that the drafts are about.

        Returns
        -------
        list of Record
            When it returns, the drafts are on disk.

        Raises
        ------
        StoreAwayError, StoreDamagedError
            Nothing was written.
        BehindError
            If the store has fewer records than the caller. Nothing was written.
        """

    @abstractmethod
    def begin(self, drafts: Sequence[Record], sample: str) -> list[Record] | None:
        """Write the first records, as `exchange` does; None if it has others already: nothing was written then."""

    @abstractmethod
    def one_by_one(self) -> Iterator[Record]:
        """Records from the first one up to where the store cannot be read."""

    @abstractmethod
    def samples(self) -> list[list[str]]:
        """What data the decisions in the store were made about."""

    def older(self) -> OlderStore | None:
        """What it holds in an older format; None in the present one."""
        return None

    def migrate(self, records: Sequence[Record], sample: str) -> None:  # noqa: ARG002 - only SQLite has older formats
        """Write what it holds in an older format in the present one, in one transaction, unless somebody did."""
        raise AssertionError("no other store has older formats")

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""


class BehindError(StoreAwayError):
    """The store ends at an earlier record than the caller's last one: an older copy of it was put back."""

    def __init__(self, message: str, last: int, digest: str) -> None:
        super().__init__(message)
        self.last = last
        self.digest = digest

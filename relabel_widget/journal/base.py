"""The seam between decisions and what keeps them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .events import Event


class JournalError(RuntimeError):
    """Raised where a store cannot be opened, read or written; the message says what to do."""


class Journal(ABC):
    """An append-only list of events. Safe to share between threads."""

    @abstractmethod
    def append(self, event: Event) -> Event:
        """Write an event down for good and return it with its number and UTC time.

        When this returns the event is on disk; when it raises `JournalError` nothing was written.
        """

    @abstractmethod
    def events(self) -> tuple[Event, ...]:
        """All events, oldest first."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store. Nothing that `append` returned is lost without it."""

"""The interface between decisions and their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .events import Event


class JournalError(RuntimeError):
    """Raised when a store cannot be opened, read or written; the message says what to do."""


class Journal(ABC):
    """An append-only list of events. Thread-safe."""

    @abstractmethod
    def append(self, event: Event) -> Event:
        """Record an event permanently and return it with its number and UTC time.

        When this returns the event is on disk; when it raises `JournalError` nothing was written.
        """

    @abstractmethod
    def events(self) -> tuple[Event, ...]:
        """All events, oldest first."""

    @abstractmethod
    def close(self) -> None:
        """Release the store. Events that `append` returned are safe even without closing."""

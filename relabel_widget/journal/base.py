"""How stores fail, in a closed list."""

from __future__ import annotations


class JournalError(RuntimeError):
    """Raised when a store cannot be used; the message says what to do."""


class StoreAwayError(JournalError):
    """The store cannot be read or written now: deleted, locked, full, read-only, out of reach. It may come back."""


class StoreDamagedError(JournalError):
    """The store holds something that nobody wrote there, or lacks what somebody wrote."""


class StoreWarning(UserWarning):
    """Warns of a store that does not take decisions, can be read in part, or was not opened as it had been closed."""

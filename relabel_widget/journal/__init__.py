"""People's decisions in order: append-only events, a store that keeps them, and the state they add up to.

Events are never changed or removed; undoing one is an event, too. The current state is a pure fold over
them.
"""

from __future__ import annotations

from .base import Journal, JournalError
from .events import DECISIONS, Event, Kind
from .fingerprint import Fingerprint
from .sqlite import SqliteJournal
from .state import Judgement, Mark, State, fold

__all__ = [
    "DECISIONS",
    "Event",
    "Fingerprint",
    "Journal",
    "JournalError",
    "Judgement",
    "Kind",
    "Mark",
    "SqliteJournal",
    "State",
    "fold",
]

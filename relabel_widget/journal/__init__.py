"""People's decisions in order: append-only events, a store that keeps them, and the state they add up to.

Events are never changed or removed; undoing one is an event, too. The current state is a pure fold over
them.
"""

from __future__ import annotations

from .base import JournalError, StoreWarning
from .events import DECISIONS, Event, Kind
from .identity import Lost, Rows, Why
from .journal import Journal, Place
from .state import Judgement, Mark, Said, State, fold, holds

__all__ = [
    "DECISIONS",
    "Event",
    "Journal",
    "JournalError",
    "Judgement",
    "Kind",
    "Lost",
    "Mark",
    "Place",
    "Rows",
    "Said",
    "State",
    "StoreWarning",
    "Why",
    "fold",
    "holds",
]

"""People's decisions in order: append-only events, a store that keeps them, and the state they add up to.

Events are never changed or removed; undoing one is an event, too. The current state is a pure fold over them (`state`).

In memory an event (`events`) is about row numbers and class codes of the data at hand. In a store (`store`) its rows go
by id and content and its labels by value (`records`, `identity`), so that it can be found again in other data. Stores
are in SQLite or PostgreSQL (`sql_store`), and several people may share one: the journal (`journal`) takes up what
others wrote, and keeps what the store does not take at present. Older formats are read by `older`.
"""

from __future__ import annotations

from .base import JournalError, StoreWarning
from .events import DECISIONS, Event, Imported, Kind
from .identity import Lost, RowName, Rows, Why
from .journal import Journal, Place
from .state import Judgement, Mark, Said, State, fold, holds

__all__ = [
    "DECISIONS",
    "Event",
    "Imported",
    "Journal",
    "JournalError",
    "Judgement",
    "Kind",
    "Lost",
    "Mark",
    "Place",
    "RowName",
    "Rows",
    "Said",
    "State",
    "StoreWarning",
    "Why",
    "fold",
    "holds",
]

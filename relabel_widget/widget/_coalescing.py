"""Work that brings something up to date, whichever threads find it out of date."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Coalesced:
    """Does one piece of work, in one thread at a time.

    Whoever asks while another thread is at it leaves the work to that thread, which then goes round once more: waiting
    could lock two threads against each other.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._at_it = threading.Lock()
        self._asked = threading.Event()
        self._thread: int | None = None

    def ask(self) -> None:
        """Have the work done, from now on or from its next round on. May be called in any thread."""
        self._asked.set()
        while self._asked.is_set() and self._at_it.acquire(blocking=False):
            try:
                self._asked.clear()
                self._thread = threading.get_ident()
                self._work()
            finally:
                self._thread = None
                self._at_it.release()

    @property
    def here(self) -> bool:
        """Whether this very thread is at it."""
        return self._thread == threading.get_ident()

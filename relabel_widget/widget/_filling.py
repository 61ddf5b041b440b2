"""Sizes of flip sets, searched for in the background while somebody looks at the list of test rows."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from ..monitor import Cancelled, Monitor, Progress
from ..search import Budget
from ._jobs import Jobs, jobs_of

_log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds after which nobody is taken to look any more: a page that is open says so more often."""

BUDGET = Budget(seconds=4.0)
"""For one row; what takes longer is left to a person's own search."""


@dataclass(frozen=True)
class Filled:
    """How far it is: ``done`` of ``total`` rows were searched for, ``row`` just now with ``size`` (None: gave up)."""

    row: int | None
    size: int | None
    done: int
    total: int


class _Turns:
    """Which row comes next: those in sight first, then the others in their order; each is tried once."""

    def __init__(self, n_rows: int) -> None:
        self.n_rows = n_rows
        self.in_sight: list[int] = []
        self.tried: set[int] = set()
        self._cursor = 0

    def start_again(self) -> None:
        """Nothing was tried."""
        self.tried.clear()
        self._cursor = 0

    def next(self) -> int | None:
        """None once all were tried."""
        for row in self.in_sight:
            if row not in self.tried:
                return row
        while self._cursor in self.tried:
            self._cursor += 1
        return self._cursor if self._cursor < self.n_rows else None


class Filler:
    """Searches for one row after the other: those in sight first, then the others in their order.

    It rests while a person's own job runs, as long as each search took, and once nobody looks any more.
    Listeners are called in its thread.
    """

    def __init__(self, workbench: Any, jobs: Jobs) -> None:
        self._of, self._jobs = weakref.ref(workbench), jobs  # what is kept by workbench must not keep it
        self._lock = threading.Lock()
        self._turns = _Turns(workbench.n_test)
        self._threshold = workbench.threshold
        self._looked = 0.0
        self._monitor: Monitor | None = None
        self._row: int | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._listeners: list[Callable[[Filled], None]] = []
        jobs.subscribe(self._on_job)

    def subscribe(self, listener: Callable[[Filled], None]) -> Callable[[], None]:
        """Call ``listener`` from now on; returns what ends that. The last one that goes ends the search, too."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
            if not self._listeners:
                self.pause()

        return end

    def watch(self, rows: list[int]) -> Filled:
        """Somebody looks at these test rows."""
        with self._lock:
            self._turns.in_sight, self._looked = list(rows), time.monotonic()
            workbench = self._of()
            if workbench is not None and self._threshold != workbench.threshold:
                self._turns.start_again()
                self._threshold = workbench.threshold
            start = self._thread is None and self._turns.next() is not None
            if start:
                self._thread = threading.Thread(target=self._run, name="relabel_widget sizes", daemon=True)
                self._thread.start()
        return self._filled(None, None)

    def pause(self) -> Filled:
        """Stop at once."""
        with self._lock:
            self._looked = 0.0
        self._stop_search()
        self._wake.set()
        return self._filled(None, None)

    def searched_here(self) -> int | None:
        """The test row that this very thread is searching for, if it is the filler's."""
        return self._row if threading.current_thread() is self._thread else None

    def _stop_search(self) -> None:
        monitor = self._monitor
        if monitor is not None:
            monitor.cancel()

    def _on_job(self, progress: Progress | None) -> None:
        if progress is not None:
            return
        if self._jobs.busy:
            self._stop_search()
        else:
            self._wake.set()

    def _looked_at(self) -> bool:
        return time.monotonic() - self._looked < PATIENCE

    def _filled(self, row: int | None, size: int | None) -> Filled:
        return Filled(row, size, len(self._turns.tried), self._turns.n_rows)

    def _tell(self, row: int | None, size: int | None) -> None:
        for listener in list(self._listeners):
            listener(self._filled(row, size))

    def _run(self) -> None:
        while True:
            with self._lock:
                row = self._turns.next() if self._looked_at() and self._listeners else None
                if row is None:
                    self._thread = None
                    break
            if self._jobs.busy:
                self._wake.wait(1.0)
                self._wake.clear()
                continue
            began = time.monotonic()
            self._search(row)
            time.sleep(min(0.25, time.monotonic() - began))  # the kernel is there for people first
        self._tell(None, None)

    def _search(self, row: int) -> None:
        workbench = self._of()
        if workbench is None:
            self._looked = 0.0
            return
        self._row = row
        self._monitor = Monitor()
        threshold = workbench.threshold
        try:
            if self._jobs.busy:
                return
            found = workbench.known_flip_set(row)  # a person's own, perhaps with a target
            if found is None:
                found = workbench.flip_set(row, budget=BUDGET, monitor=self._monitor)
        except Cancelled:
            return
        except Exception:  # a row that cannot be searched leaves the others their turn
            _log.exception("the flip set of test row %d could not be searched for", row)
            found = None
        finally:
            self._monitor = None
        if threshold != workbench.threshold:
            return
        self._turns.tried.add(row)
        kept = found is not None and workbench.known_flip_set(row) is not None
        self._tell(row, None if not kept or found is None else (found.size if found.found else 0))

    def join(self, timeout: float | None = None) -> None:
        """Wait until it rests."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)


_ALL: WeakKeyDictionary[Any, Filler] = WeakKeyDictionary()


def filler_of(workbench: Any) -> Filler:
    """The `Filler` of a workbench: the same for all widgets on it."""
    found = _ALL.get(workbench)
    if found is None:
        found = _ALL[workbench] = Filler(workbench, jobs_of(workbench))
    return found

"""One long job at a time for each workbench, in this thread or another, seen and stopped from every widget on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from ..monitor import Monitor, Progress
from ._requests import RequestError

QUIET = 0.05
"""Seconds between two reports: more would only fill the channel to the page."""


class Jobs:
    """The job that runs on a workbench, if any.

    Listeners are called with None when a job begins or ends, and with each `Progress` in between, in the thread
    that works.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._monitor: Monitor | None = None
        self._listeners: list[Callable[[Progress | None], None]] = []
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._monitor is not None

    def subscribe(self, listener: Callable[[Progress | None], None]) -> Callable[[], None]:
        """Call ``listener`` from now on; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def _tell(self, progress: Progress | None) -> None:
        for listener in list(self._listeners):
            listener(progress)

    def refuse_if_busy(self) -> None:
        """Raise `RequestError` while a job runs."""
        if self.busy:
            raise RequestError("busy", "A job is still running. Wait until it has ended, or cancel it.")

    def _begin(self) -> Monitor:
        last = [0.0]

        def report(progress: Progress) -> None:
            now = time.monotonic()
            if now - last[0] >= QUIET or progress.done == progress.total:
                last[0] = now
                self._tell(progress)

        with self._lock:
            self.refuse_if_busy()
            self._monitor = monitor = Monitor(report)
        self._tell(None)
        return monitor

    def _end(self) -> None:
        self._monitor = None
        self._tell(None)

    @contextmanager
    def running(self) -> Iterator[Monitor]:
        """Work in this thread."""
        monitor = self._begin()
        try:
            yield monitor
        finally:
            self._end()

    def start(self, work: Callable[[Monitor], Any], ended: Callable[[Any, BaseException | None], None]) -> None:
        """Work in another thread; ``ended`` gets the result, or what went wrong, once the next job may start.

        Raises
        ------
        RequestError
            With reason ``busy`` while another job runs.
        """
        monitor = self._begin()

        def run() -> None:
            result, error = None, None
            try:
                result = work(monitor)
            except BaseException as caught:
                error = caught
            self._end()
            ended(result, error)

        self._thread = threading.Thread(target=run, name="relabel_widget job", daemon=True)
        self._thread.start()

    def cancel(self) -> bool:
        """Ask the job to stop; False if none runs."""
        monitor = self._monitor
        if monitor is not None:
            monitor.cancel()
        return monitor is not None

    def join(self, timeout: float | None = None) -> None:
        """Wait for the last job that was started in another thread."""
        if self._thread is not None:
            self._thread.join(timeout)


_ALL: WeakKeyDictionary[Any, Jobs] = WeakKeyDictionary()


def jobs_of(workbench: Any) -> Jobs:
    """The `Jobs` of a workbench: the same for all widgets on it."""
    return _ALL.setdefault(workbench, Jobs())

"""One long job at a time for each workbench, in this thread or another, seen and stopped from every widget on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from ..monitor import Cancelled, Monitor, Progress
from ._requests import RequestError

QUIET = 0.05
"""Seconds between two reports: more would only fill the channel to the page."""


@dataclass(frozen=True)
class Job:
    """What runs: ``find`` for a test row or ``verify``, and the request that asked for it (empty: Python did)."""

    kind: str
    row: int | None = None
    request: str = ""

    def same_as(self, other: Job) -> bool:
        """Whether both do the same."""
        return (self.kind, self.row) == (other.kind, other.row)


@dataclass(frozen=True, eq=False)
class _Task:
    job: Job
    work: Callable[[Monitor], Any]
    ended: Callable[[Any, BaseException | None], None]


def telling(tell: Callable[[Progress], None]) -> Monitor:
    """A monitor whose reports are passed on, as many as the channel to the page bears."""
    last = [0.0]

    def report(progress: Progress) -> None:
        now = time.monotonic()
        if now - last[0] >= QUIET or progress.done == progress.total:
            last[0] = now
            tell(progress)

    return Monitor(report)


class Jobs:
    """The job that runs on a workbench, if any, and the one that takes its place.

    Listeners are called with None when a job begins or ends, and with each `Progress` in between, in the thread
    that works.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._monitor: Monitor | None = None
        self._job: Job | None = None
        self._next: _Task | None = None
        self._why = ""
        self._listeners: list[Callable[[Progress | None], None]] = []
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._monitor is not None

    @property
    def current(self) -> Job | None:
        """The job that runs."""
        return self._job

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

    def _begin(self, job: Job) -> Monitor:
        with self._lock:
            self.refuse_if_busy()
            self._monitor = telling(self._tell)
            self._job = job
            self._why = ""
            monitor = self._monitor
        self._tell(None)
        return monitor

    def _end(self) -> _Task | None:
        """The job has ended; the one that waited for its place begins."""
        with self._lock:
            task, self._next = self._next, None
            self._monitor, self._job = (None, None) if task is None else (telling(self._tell), task.job)
        self._tell(None)
        return task

    @contextmanager
    def running(self, kind: str, row: int | None = None) -> Iterator[Monitor]:
        """Work in this thread."""
        monitor = self._begin(Job(kind, row))
        try:
            yield monitor
        finally:
            task = self._end()
            if task is not None:
                self._work(task)

    def start(
        self, job: Job, work: Callable[[Monitor], Any], ended: Callable[[Any, BaseException | None], None]
    ) -> None:
        """Work in another thread; ``ended`` gets the result, or what went wrong, once the next job may start.

        A search for another row takes the place of one that runs: nobody waits for that any more.

        Raises
        ------
        RequestError
            With reason ``busy`` while the same job runs, or one that this cannot take the place of.
        """
        task = _Task(job, work, ended)
        if self._take_over(task):
            return
        self._begin(job)
        self._work(task)

    def _take_over(self, task: _Task) -> bool:
        with self._lock:
            running = self._job
            if running is None:
                return False
            if (self._next.job if self._next is not None else running).same_as(task.job):
                raise RequestError("busy", "Already running.")
            if (running.kind, task.job.kind) != ("find", "find"):
                self.refuse_if_busy()
            replaced = self._next
            self._next = task
            self._why = "Stopped: a search for another row took its place."
            assert self._monitor is not None
            self._monitor.cancel()
        if replaced is not None:
            replaced.ended(None, Cancelled(self._why))
        return True

    def _work(self, first: _Task) -> None:
        def run() -> None:
            task: _Task | None = first
            while task is not None:
                result: Any = None
                error: BaseException | None = None
                monitor = self._monitor
                assert monitor is not None
                try:
                    result = task.work(monitor)
                except Cancelled:
                    error = Cancelled(self._why)
                except BaseException as caught:
                    error = caught
                done, task = task, self._end()
                done.ended(result, error)

        self._thread = threading.Thread(target=run, name="relabel_widget job", daemon=True)
        self._thread.start()

    def cancel(self, why: str = "") -> bool:
        """Ask the job to stop, and the one that waits for its place not to begin; False if none runs."""
        with self._lock:
            monitor = self._monitor
            waiting = self._next
            self._next = None
            self._why = why
            if monitor is not None:
                monitor.cancel()
        if waiting is not None:
            waiting.ended(None, Cancelled(why))
        return monitor is not None

    def labels_change(self) -> None:
        """A retraining on labels that are about to change answers a question that nobody asks any more."""
        if self._job is not None and self._job.kind == "verify":
            self.cancel("Stopped: the labels changed while it was retraining. Verify again.")

    def join(self, timeout: float | None = None) -> None:
        """Wait for the last job that was started in another thread."""
        if self._thread is not None:
            self._thread.join(timeout)


_ALL: WeakKeyDictionary[Any, Jobs] = WeakKeyDictionary()


def jobs_of(workbench: Any) -> Jobs:
    """The `Jobs` of a workbench: the same for all widgets on it."""
    return _ALL.setdefault(workbench, Jobs())

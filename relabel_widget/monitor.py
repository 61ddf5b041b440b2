"""Progress reports from long work, and cancelling it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


class Cancelled(Exception):  # noqa: N818 - a person's decision, not an error
    """Raised inside long work after `Monitor.cancel`; nothing has been changed."""


@dataclass(frozen=True)
class Progress:
    """One progress report.

    ``phase`` is a few words for people, ``done`` counts finished steps, and ``total`` is the number of steps, or
    None while it is unknown.
    """

    phase: str
    done: int
    total: int | None = None


class Monitor:
    """Carries progress reports out of running work and cancel requests into it. Thread-safe.

    Parameters
    ----------
    on_progress
        Called with a `Progress` in the thread that does the work; must return quickly.
    """

    def __init__(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        self._on_progress = on_progress
        self._stop = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop. It raises `Cancelled` at its next step, within one refit."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if `cancel` was called."""
        if self._stop.is_set():
            raise Cancelled("cancelled on request")

    def step(self, phase: str, done: int, total: int | None = None) -> None:
        """Report progress, then `check`."""
        if self._on_progress is not None:
            self._on_progress(Progress(phase, done, total))
        self.check()

"""Progress reports from long work, and cancelling it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 2.0
"""Seconds that a call in a notebook takes before it shows progress of its own accord."""

PAUSE = 0.1
"""Seconds between two states of its line: a notebook keeps all that is written, and a search takes many steps."""

_LATEST = 0.5  # seconds after which words that came within a pause are written, if nothing is said after them


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

    def __str__(self) -> str:
        if self.total is not None:
            return f"{self.phase}: {self.done} of {self.total}"
        return f"{self.phase}: {self.done}" if self.done else self.phase


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


class ProgressLine:
    """One line on standard error, written over and over, which a notebook shows below the cell; a context.

    Parameters
    ----------
    wanted
        Whether it is shown; None in a notebook only, once the work takes longer than `PATIENCE`.
    """

    def __init__(self, wanted: bool | None) -> None:
        self._wanted = _in_notebook() if wanted is None else wanted
        self._from = time.monotonic() + (PATIENCE if wanted is None else 0.0)
        self._words = ""
        self._written = ""
        self._longest = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def show(self, words: str) -> None:
        """Write these words in place of the last ones, unless those came just now."""
        self._words = words
        if self._wanted and time.monotonic() >= self._from:
            self._write()

    def _write(self) -> None:
        with self._lock:
            if self._wanted and self._words != self._written:
                self._written = self._words
                self._longest = max(self._longest, len(self._words))
                self._from = time.monotonic() + PAUSE
                sys.stderr.write(f"\r{self._words:<{self._longest}}")

    def _follow(self) -> None:
        """Write what was said last, if nothing is said for long after that."""
        wait = self._from - time.monotonic()
        while not self._ended.wait(wait):
            self._write()
            wait = _LATEST

    def __enter__(self) -> ProgressLine:
        if self._wanted:
            threading.Thread(target=self._follow, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        """Leave the line with the last words; what is written next begins another one."""
        self._ended.set()
        if self._longest:
            self._write()
        with self._lock:
            self._wanted = False
            if self._longest:
                sys.stderr.write("\n")
                sys.stderr.flush()  # or a notebook shows the end of the line below what is printed after it


def shows_progress(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function with a keyword ``monitor`` show its progress below a cell that calls it without one.

    A phase of known length stays in front until it is over; what is done within it follows.
    """

    @wraps(function)
    def shown(*args: P.args, **kwargs: P.kwargs) -> T:
        if kwargs.get("monitor") is not None or not _in_notebook():
            return function(*args, **kwargs)
        whole: list[Progress] = []

        def tell(progress: Progress) -> None:
            if progress.total is not None and (not whole or whole[0].phase == progress.phase):
                whole[:] = [progress] if progress.done < progress.total else []
            line.show(str(progress) if progress in whole or not whole else f"{whole[0]} ({progress})")

        with ProgressLine(None) as line:
            watched: Any = {**kwargs, "monitor": Monitor(tell)}
            return function(*args, **watched)

    return shown


def _in_notebook() -> bool:
    """Whether this runs in a cell of Jupyter: the shell of a terminal shows no line below a cell."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_shell is not None and type(get_shell()).__name__ == "ZMQInteractiveShell"

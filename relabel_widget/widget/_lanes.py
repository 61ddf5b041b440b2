"""Answers that take a while are made beside the message thread, and a newer question stops an older one."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from ..monitor import Cancelled, Monitor

_log = logging.getLogger(__name__)

_CANCELLED = "Cancelled."

Answer = Callable[[Any, BaseException | None], None]


@dataclass(frozen=True, eq=False)
class _Question:
    key: Hashable
    work: Callable[[Monitor], Any]
    answer: Answer
    monitor: Monitor

    def settle(self) -> None:
        error: BaseException | None
        try:
            self.monitor.check()
            result, error = self.work(self.monitor), None
        except Cancelled:
            result, error = None, Cancelled(_CANCELLED)
        except BaseException as caught:
            result, error = None, caught
        self.answer(result, error)


class Lane:
    """Questions of one kind, answered one after the other in a thread that lives while there are any.

    Questions with another key than the newest one are what nobody waits for any more: they are stopped, and their
    answer is `Cancelled`.

    Parameters
    ----------
    name
        Of its thread.
    must_end
        Whether Python may not end before every question has its answer.
    """

    def __init__(self, name: str, must_end: bool = False) -> None:
        self._name = name
        self._must_end = must_end
        self._lock = threading.Lock()
        self._waiting: deque[_Question] = deque()
        self._current: _Question | None = None
        self._thread: threading.Thread | None = None

    def ask(
        self, key: Hashable, work: Callable[[Monitor], Any], answer: Answer, monitor: Monitor | None = None
    ) -> None:
        """Have ``work`` done and ``answer`` called with its result, or with what went wrong."""
        with self._lock:
            late = [one for one in self._waiting if one.key != key]
            self._waiting = deque(one for one in self._waiting if one.key == key)
            self._waiting.append(_Question(key, work, answer, monitor or Monitor()))
            if self._current is not None and self._current.key != key:
                self._current.monitor.cancel()
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=f"relabel_widget {self._name}")
                thread.daemon = not self._must_end
                thread.start()
                self._thread = thread  # once it can be joined
        for one in late:
            one.answer(None, Cancelled("superseded by a newer request"))

    def stop(self) -> bool:
        """Nobody waits for an answer any more; returns whether any was being made."""
        with self._lock:
            busy = self._current is not None
            late = list(self._waiting)
            self._waiting.clear()
            if self._current is not None:
                self._current.monitor.cancel()
        for one in late:
            one.answer(None, Cancelled(_CANCELLED))
        return busy

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._current = self._thread = None
                    return
                self._current = question = self._waiting.popleft()
            try:
                question.settle()
            except Exception:  # whatever became of one answer, the next question has a right to its own
                _log.exception("an answer in the lane %r could not be given", self._name)

    def join(self, timeout: float | None = None) -> None:
        """Wait until every question has its answer, unless this is the thread that gives them."""
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

"""Who wants to know of changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeAlias, final

_log = logging.getLogger(__name__)

Listener: TypeAlias = Callable[[str], None]


@final
class Listeners:
    """Callbacks that are told what kind of thing changed. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: dict[object, Listener] = {}

    def add(self, callback: Listener) -> Callable[[], None]:
        """Call back from now on; returns what ends that, and does nothing the second time."""
        if not callable(callback):
            raise TypeError(f"subscribe: expected a function of one argument, got {type(callback).__name__}.")
        token = object()
        with self._lock:
            self._callbacks[token] = callback

        def remove() -> None:
            with self._lock:
                self._callbacks.pop(token, None)

        return remove

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._callbacks.clear()

    def tell(self, kind: str) -> None:
        """Call everybody, in this thread and under no lock: a listener may wait for a thread that needs it."""
        with self._lock:
            callbacks = list(self._callbacks.values())
        for callback in callbacks:
            try:
                callback(kind)
            except Exception:  # the change is made and kept, whatever a listener makes of it
                _log.exception("a listener of the workbench failed on %r", kind)

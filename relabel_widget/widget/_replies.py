"""The ways in which a request is answered: at once, in a lane beside, as a job, or once it is written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import traitlets

from ..monitor import Cancelled, Monitor, Progress
from . import _requests as requests
from . import _words as words
from ._jobs import Job, telling
from ._lanes import Lane
from ._requests import Request, RequestError

if TYPE_CHECKING:
    from ..workbench import Workbench
    from ._jobs import Jobs

Value = dict[str, Any]

PATIENCE = 1.0
"""Seconds that a write may take before the page says that it waits."""

CLOSING = 60.0
"""Seconds that a workbench which is closed waits for writes: more would mean that two threads wait for each other."""

STORE = "store"
"""The lane of everything that is written to the store."""

_REFUSALS = (ValueError, TypeError, IndexError, OSError, ImportError, traitlets.TraitError)


class Asked(Protocol):
    """What answers need of the widget that was asked."""

    test_row: int | None
    threshold: float
    export_path: str

    def send(self, content: Any) -> None:
        """Send a message to the page."""

    def say(self, words: str) -> str:
        """Show a sentence in the status line, and return it."""

    def show_news(self) -> None:
        """Have the page ask again for what it shows."""


class Replies:
    """Gives each request of one widget's pages exactly one result or error, from where its work is done."""

    def __init__(self, widget: Asked, workbench: Workbench, jobs: Jobs) -> None:
        self._widget = widget
        self._workbench = workbench
        self._jobs = jobs
        self._lanes: dict[str, Lane] = {}

    def _reply(self, request: Request, value: Value) -> None:
        self._widget.send(requests.result_message(request.id, value))

    def _refuse(self, request: str, error: BaseException) -> None:
        reason, message = "failed", words.on_page(error)
        if isinstance(error, RequestError):
            reason = error.reason
        elif isinstance(error, Cancelled):
            reason, message = "cancelled", str(error) or "Cancelled. Nothing was changed."
        elif isinstance(error, FileExistsError):
            reason = "exists"  # the page asks whether to replace the file
        elif isinstance(error, _REFUSALS):
            reason = "refused"
        self._widget.send(requests.error_message(request, reason, message))

    def _beside(
        self,
        request: Request,
        work: Callable[[Monitor], Value],
        lane: str = "",
        key: Any = None,
        *,
        tells: bool = False,
    ) -> None:
        """Answer from a lane; an answer that a newer question with another key overtakes is not made.

        Work that may take seconds ``tells`` the page how far it is.
        """

        def answer(value: Any, error: BaseException | None) -> None:
            if error is None:
                self._reply(request, value)
            else:
                self._refuse(request.id, error)

        name = lane or request.kind
        monitor = telling(partial(self._tell, request.id)) if tells else None
        self._lanes.setdefault(name, Lane(name)).ask(key, work, answer, monitor)

    def _tell(self, request: str, progress: Progress) -> None:
        self._widget.send(requests.progress_message(request, progress.phase, progress.done, progress.total))

    def _as_job(self, request: Request, job: Job, work: Callable[[Monitor], Any], tell: Callable[[Any], str]) -> None:
        """Work in the one long-running thread; the answer is sent when it has ended."""

        def ended(result: Any, error: BaseException | None) -> None:
            try:
                if error is not None:
                    raise error
                self._reply(request, {"message": self._widget.say(tell(result))})
            except BaseException as caught:  # the page is told of whatever happened
                self._refuse(request.id, caught)

        self._jobs.start(job, work, ended)

    def _write(self, request: Request, act: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do what is written to the store, one thing after the other, beside the thread that takes messages."""
        has_waited = threading.Event()

        def say_it_waits() -> None:
            has_waited.set()
            self._widget.say("Waiting for the store…")

        def work(_: Monitor) -> Any:
            word = threading.Timer(PATIENCE, say_it_waits)
            word.daemon = True
            word.start()
            try:
                return act()
            finally:
                word.cancel()

        def answer(value: Any, error: BaseException | None) -> None:
            try:
                if error is not None:
                    raise error
                then(value)
            except BaseException as caught:  # the page is told of whatever happened
                if has_waited.is_set():
                    self._widget.say("")
                self._refuse(request.id, caught)

        self._store_lane().ask(None, work, answer)

    def _store_lane(self) -> Lane:
        """Outlives the widget: what was decided on the page is written before the workbench lets go of its store."""
        if STORE not in self._lanes:
            lane = Lane(STORE, must_end=True)
            self._lanes[STORE] = lane
            self._workbench.subscribe(lambda what: lane.join(CLOSING) if what == "closed" else None)
        return self._lanes[STORE]

    def _with_trouble(self, message: str) -> str:
        return f"{message} {self._workbench.store_trouble}".rstrip()

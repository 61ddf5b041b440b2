"""Which workbench method answers which request, and where: at once, in a lane beside, or as a job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import traitlets

from ..monitor import Cancelled, Monitor
from . import _disagreements as disagreements
from . import _requests as requests
from . import _wire as wire
from . import _words as words
from ._filling import Filled, filler_of
from ._jobs import Job
from ._lanes import Lane
from ._pages import ARRANGED_BY
from ._queue import Queue
from ._requests import Request, RequestError

if TYPE_CHECKING:
    from ..workbench import Workbench
    from ._jobs import Jobs
    from ._pages import Pages

Value = dict[str, Any]

PATIENCE = 1.0
"""Seconds that a write may take before the page says that it waits."""

CLOSING = 60.0
"""Seconds that a workbench which is closed waits for writes: more would mean that two threads wait for each other."""

_STORE = "store"
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


class Answers:
    """Answers the requests of one widget's pages: each gets exactly one result or error."""

    def __init__(self, widget: Asked, workbench: Workbench, pages: Pages, jobs: Jobs) -> None:
        self._widget = widget
        self._workbench = workbench
        self._pages = pages
        self._jobs = jobs
        self._queued = Queue(workbench)
        self._filler = filler_of(workbench)
        self._lanes: dict[str, Lane] = {}
        self._unsubscribe = self._filler.subscribe(self._on_filled)

    def close(self) -> None:
        """The page is gone: stop what is being worked out for an answer; what was decided there is still written."""
        self._unsubscribe()
        for name, lane in list(self._lanes.items()):
            if name != _STORE:
                lane.stop()

    def join(self, timeout: float | None = None) -> None:
        """Wait until everything asked for has its answer."""
        self._jobs.join(timeout)
        for _ in range(2):  # a decision that was made asks for its effect in another lane
            for lane in list(self._lanes.values()):
                lane.join(timeout)

    def take(self, content: Any) -> None:
        """Answer one message. Nothing may escape from here: it would be lost without a word to the person."""
        try:
            request = requests.parse(content)
            _HANDLERS[request.kind](self, request)
        except Exception as error:
            self._refuse(requests.request_id(content), error)

    def searched_here(self) -> int | None:
        """The test row whose set this very thread is looking for in the background."""
        return self._filler.searched_here()

    # ---- ways to answer -----------------------------------------------------------------------------------------

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

    def _beside(self, request: Request, work: Callable[[Monitor], Value], lane: str = "", key: Any = None) -> None:
        """Answer from a lane; an answer that a newer question with another key overtakes is not made."""

        def answer(value: Any, error: BaseException | None) -> None:
            if error is None:
                self._reply(request, value)
            else:
                self._refuse(request.id, error)

        name = lane or request.kind
        self._lanes.setdefault(name, Lane(name)).ask(key, work, answer)

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
        if _STORE not in self._lanes:
            lane = Lane(_STORE, must_end=True)
            self._lanes[_STORE] = lane
            self._workbench.subscribe(lambda what: lane.join(CLOSING) if what == "closed" else None)
        return self._lanes[_STORE]

    def _with_trouble(self, message: str) -> str:
        return f"{message} {self._workbench.store_trouble}".rstrip()

    def _done(self, request: Request, message: str) -> None:
        """Say what was done, with what it is predicted to do to the chosen row; ranking that row may take a while."""
        said, row = self._widget.say(self._with_trouble(message)), self._widget.test_row

        def value(_: Monitor) -> Value:
            return {"message": said, "forecast": wire.forecast(self._workbench, row)}

        self._beside(request, value, lane="effect")

    # ---- lists and details --------------------------------------------------------------------------------------

    def _page(self, request: Request) -> None:
        key = tuple(request.body[name] for name in ARRANGED_BY)
        self._beside(request, lambda _: self._pages.page(request.body), key=key)

    def _row(self, request: Request) -> int:
        row: int = request.body["row"]
        if row >= self._workbench.n_test:
            raise RequestError("refused", f"There is no test row {row}; the last one is {self._workbench.n_test - 1}.")
        return row

    def _ranking(self, request: Request) -> None:
        row, set_first = self._row(request), request.body["set_first"]

        def value(monitor: Monitor) -> Value:
            return wire.ranking(self._workbench, self._pages, row, set_first=set_first, monitor=monitor)

        self._beside(request, value, key=(row, set_first))

    def _bars(self, request: Request) -> None:
        row, set_first = self._row(request), request.body["set_first"]
        offset, limit = request.body["offset"], request.body["limit"]

        def value(monitor: Monitor) -> Value:
            return wire.bars(self._workbench, row, offset, limit, set_first=set_first, monitor=monitor)

        self._beside(request, value, key=(row, set_first))

    def _common(self, request: Request) -> None:
        row, train = self._row(request), request.body["train"]
        self._beside(request, lambda _: wire.words(self._workbench, row, train), key=(row, train))

    def _explain(self, request: Request) -> None:
        row = self._row(request)
        self._beside(request, lambda monitor: wire.explanation(self._workbench, row, monitor), key=row)

    def _history(self, request: Request) -> None:
        self._beside(request, lambda _: words.history(self._workbench, wire.LINES_OF_HISTORY))

    def _queue(self, request: Request) -> None:
        key = tuple(value for name, value in request.body.items() if name not in ("offset", "limit"))
        self._beside(request, lambda monitor: self._queued.page(request.body, monitor), key=key)

    def _reasons(self, request: Request) -> None:
        row, label = request.body["row"], request.body["label"]
        self._beside(request, lambda monitor: self._queued.reasons(row, label, monitor), key=row)

    def _outlook(self, request: Request) -> None:
        self._beside(request, self._queued.outlook)

    def _conflicts(self, request: Request) -> None:
        row = self._widget.test_row
        self._beside(request, lambda _: disagreements.conflicts(self._workbench, self._pages, row))

    def _carried(self, request: Request) -> None:
        self._beside(request, lambda _: disagreements.carried(self._workbench))

    def _flips(self, request: Request) -> None:
        self._beside(request, lambda _: wire.flips(self._pages))

    def _watch(self, request: Request) -> None:
        rows = [row for row in request.body["rows"] if row < self._workbench.n_test]
        filled = self._filler.watch(rows) if request.body["on"] else self._filler.pause()
        self._reply(request, {"done": filled.done, "total": filled.total, "running": filled.running})

    def _on_filled(self, filled: Filled) -> None:
        facts = (filled.row, filled.size, filled.done, filled.total, filled.running)
        self._widget.send(requests.sizes_message(*facts))

    # ---- decisions ----------------------------------------------------------------------------------------------

    def _select(self, request: Request) -> None:
        row = request.body["row"]
        self._widget.test_row = row
        said = "" if row is None else words.picked(self._pages.line(row), wire.classes(self._workbench))
        self._reply(request, {"message": self._widget.say(said)})

    def _decide(self, request: Request) -> None:
        rows, decision, note = (request.body[name] for name in ("rows", "decision", "note"))
        labels = request.body["labels"] if decision in ("relabel", "adjudicate") else None
        if decision == "adjudicate" and labels is None:
            raise RequestError("malformed", "Request decide: expected the labels to adjudicate for, got none.")
        named = None if labels is None else [wire.class_of(self._workbench, label) for label in labels]
        if self._changes_labels(rows, decision, named):
            self._jobs.labels_change()
        test_row = self._widget.test_row

        def act() -> list[int]:
            bench, once = self._workbench, request.id
            if decision in ("keep", "unsure"):
                written: list[int] = getattr(bench, decision)(rows, note, request=once)
                return written
            if decision == "adjudicate":
                return bench.adjudicate(rows, named, note, request=once)
            if named is not None:
                return bench.relabel(rows, named, note, request=once)
            wanted = rows if decision == "relabel" else []
            return bench.set_relabelled(rows, wanted, note, test_row=test_row, request=once)

        def then(written: list[int]) -> None:
            self._done(request, words.decided(decision, written, len(self._workbench.relabelled)))

        self._write(request, act, then)

    def _changes_labels(self, rows: list[int], decision: str, named: list[Any] | None) -> bool:
        """Whether a decision changes any label, so that what is being retrained would be out of date."""
        asked, now = set(rows), set(self._workbench.relabelled)
        if named is None:
            return bool(asked - now if decision == "relabel" else asked & now)
        current = dict(enumerate(self._workbench.labels().tolist()))
        return any(current.get(row) != label for row, label in zip(rows, named, strict=False))

    def _step(self, request: Request) -> None:
        undo = request.kind == "undo"
        self._jobs.labels_change()

        def act() -> list[int]:
            return (self._workbench.undo if undo else self._workbench.redo)(request=request.id)

        def then(rows: list[int]) -> None:
            what = self._workbench.asked_before(request.id)
            self._done(request, words.stepped(undo, what, len(rows), len(self._workbench.relabelled)))

        self._write(request, act, then)

    # ---- long work ----------------------------------------------------------------------------------------------

    def _find(self, request: Request) -> None:
        row, target = self._row(request), request.body["target"]
        to = None if target is None else wire.class_of(self._workbench, target)
        self._as_job(
            request,
            Job("find", row, request.id),
            lambda monitor: self._workbench.flip_set(row, target=to, monitor=monitor),
            lambda result: words.found(self._workbench, result, row),
        )

    def _verify(self, request: Request) -> None:
        self._as_job(
            request,
            Job("verify", None, request.id),
            lambda monitor: self._workbench.verify(monitor=monitor),
            lambda _: words.retrained(self._workbench),
        )

    def _cancel(self, request: Request) -> None:
        self._reply(request, {"message": "Cancelling…" if self._jobs.cancel() else "Nothing is running."})

    # ---- the rest -----------------------------------------------------------------------------------------------

    def _threshold(self, request: Request) -> None:
        self._jobs.refuse_if_busy()
        self._widget.threshold = request.body["value"]
        self._reply(request, {"message": self._widget.say(f"Threshold set to {self._widget.threshold}.")})

    def _export(self, request: Request) -> None:
        bench, every = self._workbench, request.body["every"]

        def act() -> Path:  # which comes after the decisions that were made before
            if not (len(bench.decisions()) if every else bench.relabelled):
                why = "Nothing is decided" if every else "No label is changed"
                raise RequestError("refused", f"{why}, so there is nothing to export. Nothing was written.")
            path, overwrite = request.body["path"], request.body["overwrite"]
            return bench.export(path, overwrite=overwrite, decisions="all" if every else "corrected")

        def then(path: Path) -> None:
            if not every:
                self._widget.export_path = request.body["path"]
            said = words.written(bench.last_export(path), str(path), every=every)
            self._reply(request, {"message": self._widget.say(self._with_trouble(said))})

        self._write(request, act, then)


_HANDLERS: Mapping[str, Callable[[Answers, Request], None]] = {
    "page": Answers._page,
    "ranking": Answers._ranking,
    "bars": Answers._bars,
    "words": Answers._common,
    "explain": Answers._explain,
    "history": Answers._history,
    "queue": Answers._queue,
    "conflicts": Answers._conflicts,
    "carried": Answers._carried,
    "reasons": Answers._reasons,
    "outlook": Answers._outlook,
    "flips": Answers._flips,
    "watch": Answers._watch,
    "select": Answers._select,
    "decide": Answers._decide,
    "find": Answers._find,
    "verify": Answers._verify,
    "cancel": Answers._cancel,
    "undo": Answers._step,
    "redo": Answers._step,
    "threshold": Answers._threshold,
    "export": Answers._export,
}

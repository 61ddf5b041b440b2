"""Which workbench method answers which request, and where: at once, in a lane beside, or as a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..monitor import Monitor
from . import _disagreements as disagreements
from . import _requests as requests
from . import _wire as wire
from . import _words as words
from ._filling import Filled, filler_of
from ._jobs import Job
from ._pages import ARRANGED_BY
from ._queue import Queue
from ._replies import STORE, Asked, Replies, Value
from ._requests import Request, RequestError
from ._search import TrainingSearch
from ._training import TrainingPages

if TYPE_CHECKING:
    from ..workbench import Workbench
    from ._jobs import Jobs
    from ._pages import Pages
    from ._trial import Trial

_TELLING = ("queue", "train_rows")
"""Lanes whose work may take seconds, so that it tells how far it is and can be cancelled."""


class Answers(Replies):
    """Answers the requests of one widget's pages: each gets exactly one result or error."""

    def __init__(self, widget: Asked, workbench: Workbench, pages: Pages, jobs: Jobs, trial: Trial) -> None:
        super().__init__(widget, workbench, jobs)
        self._pages = pages
        search = TrainingSearch(workbench)
        self._training = TrainingPages(workbench, search)
        self._trial = trial
        self._queued = Queue(workbench, search)
        self._filler = filler_of(workbench)
        self._unsubscribe = self._filler.subscribe(self._on_filled)

    def close(self) -> None:
        """The page is gone: stop what is being worked out for an answer; what was decided there is still written."""
        self._unsubscribe()
        for name, lane in list(self._lanes.items()):
            if name != STORE:
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

    def _done(self, request: Request, message: str, rows: list[int]) -> None:
        """Say what was done, with what it is predicted to do to the chosen row; ranking that row may take a while."""
        said, row = self._widget.say(self._with_trouble(message)), self._widget.test_row

        def value(_: Monitor) -> Value:
            return {"message": said, "rows": rows, "forecast": wire.forecast(self._pages, self._trial, row)}

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
            return wire.ranking(self._workbench, self._pages, self._trial, row, set_first=set_first, monitor=monitor)

        self._beside(request, value, key=(row, set_first))

    def _bars(self, request: Request) -> None:
        row, set_first = self._row(request), request.body["set_first"]
        offset, limit = request.body["offset"], request.body["limit"]

        def value(monitor: Monitor) -> Value:
            return wire.bars(self._workbench, row, offset, limit, set_first=set_first, monitor=monitor)

        self._beside(request, value, key=(row, set_first))

    def _common(self, request: Request) -> None:
        row = None if request.body["row"] is None else self._row(request)
        train = request.body["train"]
        self._beside(request, lambda _: wire.words(self._workbench, row, train), key=(row, train))

    def _explain(self, request: Request) -> None:
        row = self._row(request)
        self._beside(request, lambda monitor: wire.explanation(self._workbench, row, monitor), key=row)

    def _history(self, request: Request) -> None:
        self._beside(request, lambda _: words.history(self._workbench, wire.LINES_OF_HISTORY))

    def _queue(self, request: Request) -> None:
        key = tuple(value for name, value in request.body.items() if name not in ("offset", "limit"))
        self._beside(request, lambda monitor: self._queued.page(request.body, monitor), key=key, tells=True)

    def _spread(self, request: Request) -> None:
        self._beside(request, lambda _: self._pages.spread(request.body), key=request.id)

    def _train_page(self, request: Request) -> None:
        key = tuple(request.body[name] for name in ("filter", "search", "asked"))
        self._beside(request, lambda monitor: self._training.page(request.body, monitor), key=key, tells=True)

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
        self._reply(request, wire.filled(filled))

    def _on_filled(self, filled: Filled) -> None:
        self._widget.send(requests.sizes_message(filled.row, filled.size, wire.filled(filled)))

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
        test_row = request.body["test_row"]

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
            if self._trial.leave_out(rows):
                self._trial_changed()
            self._done(request, words.decided(decision, written, len(self._workbench.relabelled)), written)

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
            self._done(request, words.stepped(undo, what, len(rows), len(self._workbench.relabelled)), rows)

        self._write(request, act, then)

    def _try(self, request: Request) -> None:
        texts = request.body["labels"]
        labels = [None if text is None else wire.class_of(self._workbench, text) for text in texts]
        self._trial.begin(request.body["rows"], labels, self._widget.test_row)
        self._jobs.labels_change()
        self._trial_changed()
        self._done(request, words.tried(len(self._trial.labels)), list(self._trial.labels))

    def _trial_changed(self) -> None:
        self._pages.forget()
        self._widget.show_news()

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
        """The trial if there is one, which is told to these pages only; otherwise what was decided."""
        n_tried = len(self._trial.labels)

        def tell(_: Any) -> str:
            if n_tried:
                self._trial_changed()
            return words.retrained(self._trial.summary(), n_tried)

        self._as_job(request, Job("verify", None, request.id), self._trial.verify, tell)

    def _cancel(self, request: Request) -> None:
        stopped = [self._lanes[name].stop() for name in _TELLING if name in self._lanes]
        cancelled = self._jobs.cancel() or any(stopped)
        self._reply(request, {"message": "Cancelling…" if cancelled else "Nothing is running."})

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
    "spread": Answers._spread,
    "train_rows": Answers._train_page,
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
    "try": Answers._try,
    "find": Answers._find,
    "verify": Answers._verify,
    "cancel": Answers._cancel,
    "undo": Answers._step,
    "redo": Answers._step,
    "threshold": Answers._threshold,
    "export": Answers._export,
}

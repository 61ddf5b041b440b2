"""The anywidget: its traits, and which workbench method answers which request."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..monitor import Cancelled, Monitor, Progress
from . import _requests as requests
from . import _wire as wire
from ._fallback import fallback_html
from ._jobs import jobs_of
from ._pages import Pages
from ._requests import Request, RequestError

_STATIC = Path(__file__).parent / "static"

Value = dict[str, Any]


class RelabelWidget(anywidget.AnyWidget):
    """Relabel training rows, verify by retraining and export, on a page in a notebook.

    Every action is a method of the workbench: what is done here and what is done there is the same, and several
    widgets on one workbench stay in step.

    Parameters
    ----------
    workbench
        The `Workbench` to show.
    export_path
        The file name that stands in the export field at first.

    Attributes
    ----------
    test_row
        The chosen test row, or None. Setting it chooses.
    relabelled
        Training rows whose label is changed, sorted. Setting it relabels the difference.
    busy
        Whether a search or a retraining runs on the workbench.
    threshold
        A test row is predicted ``classes[1]`` when its probability is above this. Setting it sets the workbench's.

    Raises
    ------
    traitlets.TraitError
        When a trait is set to what the workbench refuses; the old value stays.
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"

    test_row = traitlets.Int(None, allow_none=True).tag(sync=True)
    relabelled = traitlets.List(traitlets.Int()).tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)
    threshold = traitlets.Float(0.5).tag(sync=True)
    _state = traitlets.Dict().tag(sync=True)

    def __init__(self, workbench: Any, *, export_path: str = "corrected_labels.csv", **kwargs: Any) -> None:
        self.workbench = workbench
        self._pages = Pages(workbench)
        self._jobs = jobs_of(workbench)
        self._export_path = str(export_path)
        self._revisions = itertools.count(1)
        self._revision = 0
        self._status = ""
        self._asked_by = ""
        self._refreshing = threading.Lock()
        self._news: dict[str, Any] = {}
        self._out_of_date = threading.Event()
        start = {"relabelled": list(workbench.relabelled), "threshold": workbench.threshold, "busy": self._jobs.busy}
        super().__init__(**start, _state=self._describe(), **kwargs)
        self._ends = [workbench.subscribe(self._on_workbench), self._jobs.subscribe(self._on_job)]
        self.on_msg(self._on_request)

    # ---- what Python may do -------------------------------------------------------------------------------------

    def find_flip_set(self, test_row: int | None = None) -> Any:
        """Find the flip set of a test row, by default the chosen one, and wait for it.

        Returns
        -------
        FlipSet

        Raises
        ------
        ValueError
            If no test row is given or chosen.
        RuntimeError
            If another job runs on the workbench.
        """
        row = self.test_row if test_row is None else test_row
        if row is None:
            raise ValueError("find_flip_set: no test row is chosen. Set `test_row` first, or give one.")
        with self._jobs.running() as monitor:
            result = self.workbench.flip_set(row, monitor=monitor)
        self._say(wire.found(result, row))
        return result

    def verify(self) -> Any:
        """Retrain on the labels as they are now, and wait for it.

        Returns
        -------
        Verification

        Raises
        ------
        RuntimeError
            If another job runs on the workbench.
        """
        with self._jobs.running() as monitor:
            result = self.workbench.verify(monitor=monitor)
        self._say(wire.retrained(self.workbench))
        return result

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write what the widget shows now as one page to read: test rows, the chosen one with its bars, figures.

        It opens from disk, runs no script and asks for nothing; light or dark as its reader prefers.

        Returns
        -------
        Path
            The file, absolute.

        Raises
        ------
        OSError
            If the file cannot be written. An older file of that name is then as it was.
        """
        from ..snapshot import write_snapshot

        return write_snapshot(path, self.workbench, self.test_row)

    def close(self) -> None:
        """Take the widget off the page and let go of the workbench, which stays as it is."""
        for end in self.__dict__.pop("_ends", []):
            end()
        super().close()

    # ---- traits -------------------------------------------------------------------------------------------------

    @traitlets.validate("test_row")
    def _check_test_row(self, proposal: Any) -> int | None:
        row: int | None = proposal["value"]
        n_test = self.workbench.n_test
        if row is not None and not 0 <= row < n_test:
            raise traitlets.TraitError(f"test_row: expected None or a row from 0 to {n_test - 1}, got {row}.")
        return row

    @traitlets.validate("relabelled")
    def _pass_on_relabelled(self, proposal: Any) -> list[int]:
        wanted, now = set(proposal["value"]), set(self.workbench.relabelled)
        if wanted != now and not self._is_news("relabelled", proposal["value"]):
            self._or_trait_error(lambda: self._relabel(sorted(wanted ^ now), wanted))
        return list(self.workbench.relabelled)

    @traitlets.validate("threshold")
    def _pass_on_threshold(self, proposal: Any) -> float:
        value: float = proposal["value"]
        if value != self.workbench.threshold and not self._is_news("threshold", value):
            self._or_trait_error(lambda: setattr(self.workbench, "threshold", value))
        return float(self.workbench.threshold)

    def _relabel(self, rows: list[int], wanted: set[int]) -> None:
        """Bring rows to their other label where they are wanted, to their original one where not, as one step.

        The labels are named, not swapped: a mark that arrives twice counts once.
        """
        first, second = self.workbench.classes.tolist()
        y, known = self.workbench.fit.y, range(self.workbench.n_train)
        original = [y[row] if row in known else first for row in rows]  # relabel refuses the others in words
        other = [second if label == first else first for label in original]
        labels = [new if row in wanted else old for row, old, new in zip(rows, original, other, strict=True)]
        self.workbench.relabel(rows, labels)

    @staticmethod
    def _or_trait_error(act: Callable[[], Any]) -> None:
        try:
            act()
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            raise traitlets.TraitError(wire.in_words(error)) from error

    def _describe(self) -> Value:
        return wire.state(self.workbench, revision=self._revision, export_path=self._export_path, status=self._status)

    def _say(self, words: str) -> str:
        self._status = words
        self._refresh()
        return words

    # ---- what the workbench and its jobs tell -------------------------------------------------------------------

    def _on_workbench(self, _kind: str) -> None:
        self._pages.forget()
        self._revision = next(self._revisions)
        self._refresh()

    def _refresh(self) -> None:
        """Bring the traits up to date.

        May be called in any thread. Whoever comes while another thread is at it leaves the work to that thread, which
        then goes round once more: waiting could lock two threads against each other.
        """
        self._out_of_date.set()
        while self._out_of_date.is_set() and self._refreshing.acquire(blocking=False):
            try:
                self._out_of_date.clear()
                relabelled, threshold = list(self.workbench.relabelled), float(self.workbench.threshold)
                self._news = {"relabelled": relabelled, "threshold": threshold, "thread": threading.get_ident()}
                self.relabelled, self.threshold, self._state = relabelled, threshold, self._describe()
            finally:
                self._news = {}
                self._refreshing.release()

    def _is_news(self, name: str, value: Any) -> bool:
        """Whether a value comes from the workbench: news must not go back to it as somebody's wish."""
        news = self._news
        return news.get("thread") == threading.get_ident() and news[name] == value

    def _on_job(self, progress: Progress | None) -> None:
        if progress is None:
            self.busy = self._jobs.busy
        else:
            self.send(requests.progress_message(self._asked_by, progress.phase, progress.done, progress.total))

    # ---- requests -----------------------------------------------------------------------------------------------

    def _on_request(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Answer one message. Nothing may escape from here: it would be lost without a word to the person."""
        try:
            request = requests.parse(content)
            value = _ANSWERS[request.kind](self, request)
        except Exception as error:
            self._send_error(requests.request_id(content), error)
        else:
            if value is not None:
                self.send(requests.result_message(request.id, value))

    def _send_error(self, request: str, error: BaseException) -> None:
        if isinstance(error, RequestError):
            reason = error.reason
        elif isinstance(error, Cancelled):
            self.send(requests.error_message(request, "cancelled", "Cancelled. Nothing was changed."))
            return
        else:
            refusals = (ValueError, TypeError, IndexError, OSError, ImportError, traitlets.TraitError)
            reason = "refused" if isinstance(error, refusals) else "failed"
        self.send(requests.error_message(request, reason, wire.in_words(error)))

    def _start(self, request: Request, work: Callable[[Monitor], Any], tell: Callable[[Any], str]) -> None:
        """Work in another thread; its one answer is sent when it has ended."""

        def ended(result: Any, error: BaseException | None) -> None:
            self._asked_by = ""
            try:
                if error is not None:
                    raise error
                value = {"message": self._say(tell(result))}
            except BaseException as caught:  # the page is told of whatever happened
                self._send_error(request.id, caught)
            else:
                self.send(requests.result_message(request.id, value))

        self._jobs.refuse_if_busy()
        self._asked_by = request.id
        self._jobs.start(work, ended)

    def _page(self, request: Request) -> Value:
        return self._pages.page(request.body)

    def _ranking(self, request: Request) -> Value:
        return wire.ranking(self.workbench, self._pages, self._known_row(request))

    def _known_row(self, request: Request) -> int:
        row: int = request.body["row"]
        if row >= self.workbench.n_test:
            raise RequestError("refused", f"There is no test row {row}; the last one is {self.workbench.n_test - 1}.")
        return row

    def _select(self, request: Request) -> Value:
        row = request.body["row"]
        self.test_row = row
        if row is None:
            return {"message": self._say("")}
        return {"message": self._say(wire.picked(self._pages.line(row), wire.classes(self.workbench)[1]))}

    def _mark(self, request: Request) -> Value:
        self._jobs.refuse_if_busy()
        asked, now = set(request.body["rows"]), set(self.workbench.relabelled)
        marked = request.body["marked"]
        rows = sorted(asked - now if marked else asked & now)
        if rows:
            self._relabel(rows, asked if marked else set())
        return self._changed(len(rows), "Marked" if marked else "Took the mark off")

    def _changed(self, number: int, verb: str) -> Value:
        return {"message": self._say(wire.changed(number, verb, len(self.workbench.relabelled)))}

    def _step(self, request: Request) -> Value:
        self._jobs.refuse_if_busy()
        before = set(self.workbench.relabelled)
        undo = request.kind == "undo"
        (self.workbench.undo if undo else self.workbench.redo)()
        number = len(before ^ set(self.workbench.relabelled))
        return self._changed(number, "Undone: relabelling of" if undo else "Redone: relabelling of")

    def _find(self, request: Request) -> None:
        row = self._known_row(request)
        self._start(
            request,
            lambda monitor: self.workbench.flip_set(row, monitor=monitor),
            lambda result: wire.found(result, row),
        )

    def _verify(self, request: Request) -> None:
        self._start(
            request,
            lambda monitor: self.workbench.verify(monitor=monitor),
            lambda _: wire.retrained(self.workbench),
        )

    def _cancel(self, _request: Request) -> Value:
        return {"message": "Cancelling…" if self._jobs.cancel() else "Nothing is running."}

    def _set_threshold(self, request: Request) -> Value:
        self._jobs.refuse_if_busy()
        self.threshold = request.body["value"]
        return {"message": self._say(f"The threshold is {self.threshold:g} now.")}

    def _export(self, request: Request) -> Value:
        path = self.workbench.export(request.body["path"])
        self._export_path = request.body["path"]
        number = len(self.workbench.relabelled)
        return {"message": self._say(f"Wrote {wire.plural(number, 'corrected label')} to {path}.")}

    # ---- display ------------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """As anywidget's, with a table for where no widget can be drawn."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, *rest = bundle if isinstance(bundle, tuple) else (bundle,)
        if data is None:
            return bundle
        data = {**data, "text/html": fallback_html(self.workbench, self.test_row)}
        return (data, *rest) if isinstance(bundle, tuple) else data


_ANSWERS: Mapping[str, Callable[[RelabelWidget, Request], Value | None]] = {
    "page": RelabelWidget._page,
    "ranking": RelabelWidget._ranking,
    "select": RelabelWidget._select,
    "mark": RelabelWidget._mark,
    "find": RelabelWidget._find,
    "verify": RelabelWidget._verify,
    "cancel": RelabelWidget._cancel,
    "undo": RelabelWidget._step,
    "redo": RelabelWidget._step,
    "threshold": RelabelWidget._set_threshold,
    "export": RelabelWidget._export,
}

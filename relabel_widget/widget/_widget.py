"""The anywidget: its traits, and how they stay in step with the workbench."""

from __future__ import annotations

import itertools
import numbers
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import traitlets

from ..arguments import shown
from ..files.characters import readable
from ..monitor import Progress
from ..workbench import Workbench
from . import _requests as requests
from . import _wire as wire
from . import _words as words
from ._answers import Answers
from ._coalescing import Coalesced
from ._fallback import fallback_html
from ._jobs import jobs_of
from ._pages import Pages
from ._trial import Trial
from ._where_asked import SendsWhereAsked

_STATIC = Path(__file__).parent / "static"
_LEAST_HEIGHT = 360  # pixels: less shows no list beside the actions
_MOST_HEIGHT = 2000


def _front_end(name: str) -> str | Path:
    """The text of a built file; while it is being developed its path, which anywidget watches.

    A path given to anywidget becomes an object of the class that refers to every widget for good.
    """
    path = _STATIC / name
    return path if os.environ.get("ANYWIDGET_HMR") == "1" else path.read_text(encoding="utf-8")


Value = dict[str, Any]


class RelabelWidget(SendsWhereAsked):
    """Relabel training rows, verify by retraining and export, on a page in a notebook.

    Every action is a method of the workbench: what is done here and what is done there is the same, and several
    widgets on one workbench stay in step.

    Parameters
    ----------
    workbench
        The `Workbench` to show.
    export_path
        The file name that stands in the export field at first.
    height
        The height of the page in pixels, from 360 to 2000; what is inside scrolls. Its lower edge can be dragged.

    Attributes
    ----------
    test_row
        The chosen test row, or None. Setting it chooses.
    relabelled
        Training rows whose label is changed, sorted. Setting it relabels the difference: of several classes, a newly
        marked row gets the label that `Workbench.suggested_labels` has for the chosen test row.
    busy
        Whether a search or a retraining runs on the workbench.
    threshold
        Of two classes, ``classes[1]`` is predicted above this probability. Setting it sets the workbench's.

    Raises
    ------
    TypeError, ValueError
        If ``workbench`` is none, or ``height`` is not as described.
    traitlets.TraitError
        When a trait is set to what the workbench refuses; the old value stays.
    """

    _esm = _front_end("widget.js")
    _css = _front_end("widget.css")

    test_row = traitlets.Int(None, allow_none=True).tag(sync=True)
    relabelled = traitlets.List(traitlets.Int()).tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)
    threshold = traitlets.Float(0.5).tag(sync=True)
    height = traitlets.Int(620, min=_LEAST_HEIGHT, max=_MOST_HEIGHT).tag(sync=True)
    _state = traitlets.Dict().tag(sync=True)
    # Marimo runs the cells that read the value again only when a page sends a trait: its pages count here what they
    # saw change. None elsewhere, where nothing needs it. It is no trait of ours that pages send back, because an old
    # value of `relabelled` would take back a newer decision.
    _seen = traitlets.Int(None, allow_none=True).tag(sync=True)

    def __init__(
        self, workbench: Any, *, export_path: str = "corrected_labels.csv", height: int = 620, **kwargs: Any
    ) -> None:
        if not isinstance(workbench, Workbench):
            raise TypeError(
                f"RelabelWidget: expected a Workbench, got {type(workbench).__name__}. Call "
                "RelabelWidget(Workbench(model, X_train, y_train, X_query))."
            )
        whole = isinstance(height, numbers.Integral) and not isinstance(height, bool)
        if not whole or not _LEAST_HEIGHT <= height <= _MOST_HEIGHT:
            raise ValueError(
                f"RelabelWidget: height: expected a whole number of pixels from {_LEAST_HEIGHT} to {_MOST_HEIGHT}, got "
                f"{shown(height)}."
            )
        self.workbench = workbench
        self._trial = Trial(workbench)
        self._pages = Pages(workbench, self._trial)
        self._jobs = jobs_of(workbench)
        self.export_path = str(export_path)
        self._revisions = itertools.count(1)
        self._revision = 0
        self._status = ""
        self._refreshing = Coalesced(self._bring_up_to_date)
        self._news: dict[str, Any] = {}
        start = {
            "relabelled": list(workbench.relabelled),
            "threshold": workbench.threshold,
            "busy": self._jobs.busy,
            "height": int(height),
        }
        kwargs.setdefault(
            "layout", {"width": "100%"}
        )  # in an HBox it would have no width: its size is not its content's
        super().__init__(**start, _state=self._describe(), **kwargs)
        if type(self.comm).__module__.startswith("marimo."):
            self._seen = 0
        self._answers = Answers(self, workbench, self._pages, self._jobs, self._trial)
        self._ends = [
            workbench.subscribe(self._on_workbench),
            self._jobs.subscribe(self._on_job),
            self._answers.close,
        ]
        self.on_msg(self._on_request)

    # ---- what Python may do -------------------------------------------------------------------------------------

    def find_flip_set(self, test_row: int | None = None, target: Any = None) -> Any:
        """Find the flip set of a test row, by default the chosen one, and wait for it; ``target`` as for the workbench.

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
        with self._jobs.running("find", row) as monitor:
            result = self.workbench.flip_set(row, target=target, monitor=monitor)
        self.say(words.found(self.workbench, result, row))
        return result

    def verify(self) -> Any:
        """Retrain on the labels as they were decided, and wait for it. `Workbench.what_if` tries others.

        Returns
        -------
        Verification

        Raises
        ------
        RuntimeError
            If another job runs on the workbench.
        """
        with self._jobs.running("verify") as monitor:
            result = self.workbench.verify(monitor=monitor)
        self.say(words.retrained(self.workbench.verification_summary()))
        return result

    def to_html(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write what the widget shows now as one page to read: test rows, the chosen one with its bars, figures.

        It opens from disk, runs no script and asks for nothing; light or dark as its reader prefers. A page that this
        workbench wrote is replaced, another file only with ``overwrite``.

        Returns
        -------
        Path
            The file, absolute.

        Raises
        ------
        FileExistsError
            If there is a file that was not asked to be replaced.
        OSError
            If the file cannot be written. An older file of that name is then unchanged.
        """
        from .snapshot import write_snapshot

        return write_snapshot(path, self.workbench, self.test_row, overwrite=overwrite)

    def close(self) -> None:
        """Take the widget off the page, and no longer follow the workbench, which stays as it is.

        A kernel keeps every widget that is not closed, with its workbench and data; close one before its cell makes
        another. IPython also keeps what a cell's last line showed, in ``Out``; ``display(widget)`` does not.
        """
        for end in self.__dict__.pop("_ends", []):
            end()
        super().close()
        self.layout.close()  # a widget of its own, which ipywidgets would keep for good

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
            changed, row = sorted(wanted ^ now), self.test_row
            self._or_trait_error(lambda: self.workbench.set_relabelled(changed, sorted(wanted), test_row=row))
        return list(self.workbench.relabelled)

    @traitlets.validate("threshold")
    def _pass_on_threshold(self, proposal: Any) -> float:
        value: float = proposal["value"]
        if value != self.workbench.threshold and not self._is_news("threshold", value):
            self._or_trait_error(lambda: setattr(self.workbench, "threshold", value))
        return float(self.workbench.threshold)

    @staticmethod
    def _or_trait_error(act: Callable[[], Any]) -> None:
        try:
            act()
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            raise traitlets.TraitError(words.in_words(error)) from error

    def _describe(self) -> Value:
        said = {"export_path": readable(self.export_path), "status": self._status}
        return wire.state(self.workbench, self._trial, revision=self._revision, job=self._jobs.current, **said)

    def say(self, words: str) -> str:
        self._status = readable(words)  # a path may hold bytes that are no UTF-8
        self._refreshing.ask()
        return self._status

    # ---- what the workbench and its jobs tell -------------------------------------------------------------------

    def _on_workbench(self, kind: str) -> None:
        """A set that was found in the background reaches the page as an event, and no line of a list moves for it."""
        if kind == "closed":
            return
        if kind == "labels":
            self._trial.follow()
        elif kind == "threshold":
            self._trial.forget_result()
        searched = self._answers.searched_here()
        self._pages.forget(order=searched is None)
        if searched is None or searched == self.test_row:
            self.show_news()

    def show_news(self) -> None:
        """Have the page ask again for what it shows."""
        self._revision = next(self._revisions)
        self._refreshing.ask()

    def _bring_up_to_date(self) -> None:
        relabelled, threshold = list(self.workbench.relabelled), float(self.workbench.threshold)
        self._news = {"relabelled": relabelled, "threshold": threshold}
        self.relabelled = relabelled
        self.threshold = threshold
        self._state = self._describe()

    def _is_news(self, name: str, value: Any) -> bool:
        """Whether a value comes from the workbench: what it said must not go back to it as a request."""
        return self._refreshing.here and bool(self._news[name] == value)

    def _on_job(self, progress: Progress | None) -> None:
        if progress is None:
            self.busy = self._jobs.busy
            self._refreshing.ask()
        else:
            job = self._jobs.current
            request = "" if job is None else job.request
            self.send(requests.progress_message(request, progress.phase, progress.done, progress.total))

    # ---- requests -----------------------------------------------------------------------------------------------

    def _on_request(self, _widget: Any, content: Any, _buffers: Any) -> None:
        self.asked_here()
        self._answers.take(content)

    # ---- display ------------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """As anywidget's, with a table for where no widget can be drawn."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, *rest = bundle if isinstance(bundle, tuple) else (bundle,)
        if data is None:
            return bundle
        data = {**data, "text/html": fallback_html(self.workbench, self.test_row)}
        return (data, *rest) if isinstance(bundle, tuple) else data

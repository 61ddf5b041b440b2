"""What a workbench knows of several people's decisions, and of the store that they share."""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from .._typing import AnyArray
from ..arguments import as_rows, as_whole
from ..journal import Event, Journal, Kind, Place, StoreWarning
from ..journal.events import check_text
from .carried import Uncarried, carried_table
from .decisions import Decisions
from .listeners import Listener, Listeners
from .opinions import Agreement, Policy, agreement, check_policy, marks
from .tables import conflicts_table, corrected_table, decisions_table, history_table, in_words

if TYPE_CHECKING:
    import pandas as pd

POLL = 0.5
"""Seconds between two looks at a store for what others have written."""


class People(ABC):
    """The part of `Workbench` that is about who decided what, where that is kept, and who is told of it."""

    _annotator: str
    _decisions: Decisions
    _listeners: Listeners
    _follower: threading.Thread

    @property
    @abstractmethod
    def ids(self) -> AnyArray:
        """Id of each training row, shape (n_train,), read-only."""

    @property
    @abstractmethod
    def classes(self) -> AnyArray:
        """The class labels."""

    @property
    @abstractmethod
    def n_train(self) -> int:
        """Number of training rows."""

    @abstractmethod
    def _decide(self, decide: Callable[[], Event | None], request: str = "") -> list[int]:
        """Have something decided, and tell everybody."""

    @abstractmethod
    def _take_news(self) -> None:
        """Take up what others have written."""

    # Who decided what

    @property
    def can_undo(self) -> bool:
        """Whether there is a decision of one's own to take back."""
        return self._decisions.next_step(Kind.UNDO, self._annotator) is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is a decision of one's own to bring again."""
        return self._decisions.next_step(Kind.REDO, self._annotator) is not None

    @property
    def next_undo(self) -> str:
        """What `undo` would take back, and whose it is, in words; empty if nothing."""
        return self._step_in_words(Kind.UNDO)

    @property
    def next_redo(self) -> str:
        """What `redo` would bring again, and whose it is, in words; empty if nothing."""
        return self._step_in_words(Kind.REDO)

    def _step_in_words(self, kind: Kind) -> str:
        event = self._decisions.next_step(kind, self._annotator)
        return "" if event is None else in_words(event)

    def asked_before(self, request: str) -> str:
        """What a call of this name wrote down, in words: of an undo or redo, the decision that it was about.

        Raises
        ------
        TypeError, ValueError
            If ``request`` is no text.
        """
        check_text("request", request)
        event = self._decisions.asked_before(request)
        return "" if event is None else in_words(event)

    @property
    def standing_decisions(self) -> frozenset[int]:
        """Numbers of the decisions that were not taken back, as `history` counts events."""
        return frozenset(event.seq for events in self._decisions.state.done.values() for event in events)

    def history(self, newest: int | None = None) -> pd.DataFrame:
        """Everything that was decided, verified and exported, oldest first; with a number, the ``newest`` events only.

        Columns: ``event, time, annotator, kind, rows, from, to, note, details``; ``rows``, ``from`` and ``to`` hold
        lists.

        Raises
        ------
        TypeError, ValueError
            If ``newest`` is not a positive whole number.
        """
        journal = self._decisions.journal
        events = journal.events()
        if newest is not None:
            events = events[-as_whole(newest, 1, who="history: newest") :]
        return history_table(events, journal.known, journal.rows.label)

    def last_export(self, file: str | os.PathLike[str]) -> Mapping[str, Any] | None:
        """What the history has of the newest export to a file: ``path, count, digest, as_of``; None without one."""
        events = reversed(self._decisions.journal.events())
        exports = (event.details for event in events if event.kind is Kind.EXPORT)
        return next((details for details in exports if details["path"] == str(file)), None)

    @property
    def n_events(self) -> int:
        """Number of all events in the history."""
        return len(self._decisions.journal.events())

    @property
    def annotators(self) -> list[str]:
        """Everybody in the history who gave a name, sorted."""
        return sorted({event.annotator for event in self._decisions.journal.events() if event.annotator})

    def corrected_labels(self, policy: Policy = "latest") -> pd.DataFrame:
        """The rows whose label differs now: ``row, id, original, corrected, annotator, note, time``, by row.

        Parameters
        ----------
        policy
            Where people decided differently: ``"latest"`` follows the newest decision; ``"majority"`` the label that
            more people hold for right than any other, and the original one at a tie; ``"adjudicated"`` what
            `adjudicate` said, and the original label until then.

        Raises
        ------
        ValueError
            If the policy is another.
        """
        policy = check_policy(policy)
        chosen = marks(self._decisions.state, self._decisions.labels.original, policy)
        return corrected_table(chosen, self.ids, self.classes)

    def decisions(self) -> pd.DataFrame:
        """Every row that somebody decided about: ``row, id, decision, label, annotator, note, time``, by row.

        ``decision`` is ``relabel``, ``keep`` or ``unsure``; ``label`` the new one of a relabelled row, else missing.
        """
        state = self._decisions.state
        return decisions_table(state.overlay, state.judged, self.ids, self.classes)

    def conflicts(self) -> pd.DataFrame:
        """The rows that people decided differently and nobody adjudicated since, a line for each opinion.

        Columns: ``row, id, original, annotator, decision, label, note, time``. Who is unsure has no opinion; people
        without a name count as one.
        """
        original, label = self._decisions.labels.original, self._decisions.journal.rows.label
        return conflicts_table(self._decisions.conflicts(), original, self.ids, label)

    @property
    def n_conflicts(self) -> int:
        """Number of rows that people decided differently and nobody adjudicated since."""
        return len(self._decisions.conflicts())

    def adjudicate(self, rows: Any, label: Any, note: str = "", *, request: str = "") -> list[int]:
        """Say which label of some training rows counts, where people decided differently.

        Parameters, errors and what is returned as `relabel`; ``label`` may be the original one.
        """
        chosen = as_rows(rows, self.n_train, who="adjudicate: rows")
        given = {"note": note, "annotator": self._annotator, "request": request}
        return self._decide(partial(self._decisions.adjudicate, chosen, label, **given), request)

    def agreement(self) -> Agreement:
        """How far people agree: Cohen's kappa of each two, Krippendorff's alpha of all."""
        return agreement(self._decisions.state)

    # The store

    @property
    def carried_over(self) -> pd.DataFrame:
        """Decisions in the store that do not apply to this data as they stand; all others do.

        Columns: ``row, id, decision, label, annotator, note, time, what_happened, what_can_be_done``. ``row`` is where
        to look, missing where there is nothing to look at. A row is known by its id and its content, without ids by its
        content alone. It is listed here if it is gone or has another content, if it cannot be told for certain which
        one it is, or if the data has another original label for it now.
        """
        return carried_table(self._decisions.uncarried(), self.ids)

    @property
    def uncarried(self) -> tuple[Uncarried, ...]:
        """The lines of `carried_over`, as the page needs them."""
        return tuple(self._decisions.uncarried())

    @property
    def store_status(self) -> str:
        """What is wrong with the store now and what to do about it, or how it works here; empty if all is well."""
        return f"{self.store_trouble} {self._decisions.journal.note}".strip()

    @property
    def store_trouble(self) -> str:
        """Why decisions are not written or not all read at present, and what to do; empty if all is well."""
        return self._decisions.journal.trouble

    @property
    def as_of(self) -> int:
        """Number of the newest event that changed decisions, as `history` counts them: what labels are true of."""
        return self._decisions.journal.as_of

    def refresh(self) -> None:
        """Take up what others have decided in the store; this happens by itself every half second.

        Warns
        -----
        StoreWarning
            If the store cannot be read.
        """
        self._take_news()
        self._warn_of_trouble()

    def store_as(self, store: Place) -> None:
        """Write all decisions that are known here to a new store, and keep them there from now on.

        For decisions that were kept in memory, and for what can be read of a damaged store.

        Raises
        ------
        JournalError
            If the place holds events already, or cannot be written. All stays as it is then.
        """
        self._decisions.journal.store_as(store)
        self._follow()
        self._listeners.tell("labels")

    def subscribe(self, callback: Listener) -> Callable[[], None]:
        """Call back after every change, in the thread that made it, with what changed.

        ``callback`` gets ``"labels"``, ``"threshold"``, ``"flip_set"``, ``"verification"`` or ``"closed"``; what it
        raises is logged. Returns a function that ends the subscription; calling it again does nothing.

        Raises
        ------
        TypeError
            If ``callback`` cannot be called.
        """
        return self._listeners.add(callback)

    def close(self) -> None:
        """Let go of the store and of all listeners; closing again does nothing.

        What is known can still be read. Deciding raises `JournalError`: make a new workbench on the store to go on.
        A workbench that is dropped without this goes on trying to write what waits, to the end of Python.

        Warns
        -----
        StoreWarning
            If the store does not take decisions that wait for it. They are left in a file beside an SQLite store, or
            in the current folder; the next workbench on the store takes them in from there.
        """
        self._listeners.tell("closed")
        self._listeners.clear()
        self._decisions.journal.close()
        self._warn_of_trouble()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _warn_of_opening(self) -> None:
        for notice in self._decisions.journal.notices:
            warnings.warn(notice, StoreWarning, stacklevel=3)
        if self.store_trouble:
            warnings.warn(self.store_trouble, StoreWarning, stacklevel=3)

    def _warn_of_trouble(self) -> None:
        if self.store_trouble:
            warnings.warn(self.store_trouble, StoreWarning, stacklevel=4)

    def _follow(self) -> None:
        """See what others write, for as long as the workbench lives, or events wait, and the store is open."""
        journal = self._decisions.journal
        if journal.is_shared:
            look = partial(_look, weakref.ref(self), weakref.ref(journal))
            follower = threading.Thread(target=look, name="relabel_widget store", daemon=True)
            self._follower = follower  # not started from here: another thread may put its own there
            follower.start()


def _look(who: weakref.ref[People], where: weakref.ref[Journal]) -> None:
    pause = threading.Event()
    while not pause.wait(POLL):
        people, journal = who(), where()
        if journal is None or not journal.is_shared:
            return
        if people is not None:
            if people._follower is not threading.current_thread():
                return
            people._take_news()
        elif journal.n_waiting:  # the workbench was dropped, and what was decided in it was not written yet
            journal.refresh()
        else:
            return
        del people, journal

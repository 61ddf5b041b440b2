"""What a person works on: labels, decisions, flip sets, verifications and files, without any display."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from .._typing import AnyArray
from ..arguments import as_rows, check_monitor, check_threshold
from ..fits import UNSAID, AdoptionWarning, Disagreement, How, fitted_again, opened
from ..inputs import encoding_of
from ..journal import Event, Journal, JournalError, Kind, Place
from ..journal.events import check_text, verified
from ..monitor import Monitor
from ..problem import code_of
from .appearance import Appearance
from .decisions import Decisions
from .exchange import Exchange
from .findings import Findings, check_applies
from .listeners import Listeners
from .looks import Render
from .outputs import Outputs
from .people import People
from .predictions import Predictions
from .reasons import Reasoning
from .retraining import Retraining
from .shared_features import CommonFeatures
from .summary import VerificationSummary, check_verification
from .taking import fit_of
from .test_rows import Queries
from .train_rows import TrainingRows

if TYPE_CHECKING:
    import pandas as pd

    from ..evidence import Verification
    from ..search import FlipSet


@final
class Workbench(Predictions, Appearance, People, Exchange):
    """Holds labels, what people decide about them, and what retraining says of it.

    Safe to share between threads; searches and retraining do not hold others up.

    Parameters
    ----------
    estimator
        A fitted scikit-learn classifier that `adopt` takes, alone, in a pipeline or search; or a fit, as `adopt` and
        `fit` make.
    train, y_train
        What it was fitted on: rows as it takes them, and their labels, shape (n_train,). Held by reference.
    test, y_test
        Rows whose predictions are looked into, as the estimator takes them, and their true labels, as far as known.
    train_text, test_text
        What people read, one text for each row. By default the rows themselves where they are texts, otherwise
        a line made from their values.
    ids
        Your name for each training row, no two alike; row numbers by default.
    sample_weight
        The weights that were given to the estimator's fit, shape (n_train,). A `Fit` knows its own.
    threshold
        Of two classes, ``classes[1]`` is predicted above this probability, strictly between 0 and 1; None: the
        estimator's own, or 0.5. Of more, the likeliest is predicted, and no other threshold than 0.5 is taken.
    annotator
        Who decides; may be empty.
    store
        Where every decision is kept: the path of an SQLite file, made if it does not exist, or the URL of a PostgreSQL
        database. Several workbenches may use it at once. What it holds is taken up, in other data where rows are the
        same; `carried_over` lists the rest. None keeps decisions in memory only.
    image_shape
        (height, width) or (height, width, channels) of rows whose values are pixels. Those of type uint8 are shown as
        they are, others from the smallest to the largest of some training rows.
    render
        Called as ``render(row, side, number)`` with a row as it was brought, ``"train"`` or ``"test"``, and its number;
        returns what people see of it: a text, a mapping of names to values, an array of pixels (uint8, or floats from
        0 to 1; two or three dimensions) or PNG bytes, never HTML. It is called when a row is shown, by one thread at a
        time; an error is shown in place of that row.
    meta
        A pair of frames, for training and test rows, of columns that the model does not see; either may be None. They
        are shown beside a row; the test rows are sorted and searched by them.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the others, or the estimator cannot be adopted; the message says why.
    JournalError
        If the store cannot be opened: not a store, of other data, made by a newer version, or damaged from the start.

    Warns
    -----
    StoreWarning
        If the store is damaged, and only what stands before the damage counts; if it was of an older format, or took
        in what an earlier workbench could not write.
    AdoptionWarning
        If the estimator predicts a training or test row differently from the minimiser of its objective, which
        influences and flip sets are about. `disagreement` keeps what it says. If ``sample_weight`` was not passed, and
        balanced weights explain the estimator's coefficients: they are then used.

    Examples
    --------
    >>> bench = Workbench(pipeline, texts, labels, new_texts)  # doctest: +SKIP
    >>> bench.relabel(bench.flip_set(0).rows, note="sarcasm")  # doctest: +SKIP
    """

    def __init__(
        self,
        estimator: Any,
        train: Any,
        y_train: Any,
        test: Any,
        y_test: Any = None,
        *,
        train_text: Any = None,
        test_text: Any = None,
        ids: Any = None,
        sample_weight: Any = None,
        threshold: float | None = None,
        annotator: str = "",
        store: Place | None = None,
        image_shape: Any = None,
        render: Render | None = None,
        meta: Any = None,
    ) -> None:
        check_threshold(0.5 if threshold is None else threshold, who="Workbench")
        check_text("Workbench: annotator", annotator)
        self._annotator = annotator
        encoding = encoding_of(opened(estimator).estimator)
        self._training = TrainingRows.of(train, y_train, ids, train_text, names=self._column_names, encoding=encoding)
        self._estimator = estimator
        self._fit = fit_of(estimator, self._training.rows, self._training.y, sample_weight)
        threshold = self._fit.threshold if threshold is None else threshold
        check_applies(threshold, self._fit.classes, who="Workbench")
        self._queries = Queries.of(self._fit, test, y_test, test_text, encoding=encoding)
        labels = self._fit.labels
        self._decisions = Decisions(labels, Journal(self._training.identities(labels), store))
        self._lock = threading.RLock()
        self._deciding = threading.RLock()  # held while the store writes, which readers must not wait for
        self._findings = Findings(self._queries, threshold, self._lock)
        self._common = CommonFeatures(self._fit)
        self._reasoning = Reasoning(self._queries)
        self._show_by(image_shape, render, meta)
        self._listeners = Listeners()
        self._outputs = Outputs()
        if self._fit.own is not None and self._fit.own.weights_found and estimator is not self._fit:
            warnings.warn(f"Workbench: {UNSAID}", AdoptionWarning, stacklevel=2)
        self._disagreement = Disagreement.of(self._fit, self._queries.n_disagreeing(threshold), self.n_test)
        if self._disagreement is not None:
            warnings.warn(f"Workbench: {self._disagreement}", AdoptionWarning, stacklevel=2)
        self._warn_of_opening()
        self._follow()

    @property
    def threshold(self) -> float:
        """Of two classes, ``classes[1]`` is predicted above this. Setting it forgets flip sets and the verification."""
        return self._findings.threshold

    @threshold.setter
    def threshold(self, threshold: float) -> None:
        if self._findings.move_threshold(threshold):
            self._listeners.tell("threshold")

    # Decisions

    @property
    def relabelled(self) -> list[int]:
        """Training rows whose label differs from the original one, sorted."""
        with self._lock:
            return self._decisions.rows()

    def relabel(
        self, rows: Any, label: Any = None, note: str = "", *, test_row: int | None = None, request: str = ""
    ) -> list[int]:
        """Give training rows another label.

        Parameters
        ----------
        rows
            One training row, several distinct ones, or a mask of shape (n_train,).
        label
            One label for all rows, or one for each, such as `FlipSet.labels`; the original one takes a mark back. None
            swaps the label that each row has now, where there are two classes.
        note
            Why. It is also kept for rows whose label it confirms.
        test_row
            The prediction that it is about; by default that whose known flip set these rows and labels are. Exports
            name it and its flip set.
        request
            A name for this call: a second one of the same name does nothing, and returns the same. Who names calls is
            not warned of the store, and looks at `store_trouble`.

        Returns
        -------
        list of int
            The rows that were recorded: those whose label changed, or all if there is a note.

        Raises
        ------
        ValueError, TypeError
            If a row or label is not as described. Nothing is changed then.
        JournalError
            If the workbench was closed. Nothing is changed then.

        Warns
        -----
        StoreWarning
            If the store cannot be written. The decision counts and is kept in memory; it is written as soon as the
            store takes it.
        """
        chosen = as_rows(rows, self.n_train, who="relabel: rows")
        asked = None if test_row is None else self._check_test_row(test_row, "relabel: test_row")
        given = {"note": note, "annotator": self._annotator, "request": request}
        relabel = partial(self._decisions.relabel, chosen, label, why=partial(self._reason, asked))
        return self._decide(partial(relabel, **given), request)

    def set_relabelled(
        self, rows: Any, relabelled: Any, note: str = "", *, test_row: int | None = None, request: str = ""
    ) -> list[int]:
        """Give some training rows another label where they are among ``relabelled``, elsewhere their original one.

        One decision, whatever the labels are now: what is asked twice counts once, and a row that is relabelled
        already keeps its label. Others get the label that `suggested_labels` has for ``test_row``. The rest as in
        `relabel`.
        """
        chosen = as_rows(rows, self.n_train, who="set_relabelled: rows")
        wanted = as_rows(relabelled, self.n_train, who="set_relabelled: relabelled")
        with self._lock:
            marked = self._decisions.overlay()
        codes = self._fit.labels.original[chosen].astype(np.int64)
        kept = np.array([marked.get(row, -1) for row in chosen.tolist()], dtype=np.int64)
        of_them = np.isin(chosen, wanted)
        codes[of_them] = kept[of_them]
        new = of_them & (kept < 0)
        row = None if test_row is None else self._check_test_row(test_row, "set_relabelled")
        if new.any():
            codes[new] = self._suggested(chosen[new], row)
        return self.relabel(chosen, self.classes[codes], note, test_row=row if new.any() else None, request=request)

    def keep(self, rows: Any, note: str = "", *, request: str = "") -> list[int]:
        """Say that the original label of some training rows is right; a relabelled row gets it back.

        Parameters and errors as `relabel`. Returns the rows that were recorded: those of which this was not said
        before, or all if there is a note.
        """
        return self._judge(Kind.KEEP, rows, note, request)

    def unsure(self, rows: Any, note: str = "", *, request: str = "") -> list[int]:
        """Say that the label of some training rows may be this one or another; as `keep` otherwise."""
        return self._judge(Kind.UNSURE, rows, note, request)

    def _judge(self, kind: Kind, rows: Any, note: str, request: str) -> list[int]:
        chosen = as_rows(rows, self.n_train, who=f"{kind}: rows")
        given = {"note": note, "annotator": self._annotator, "request": request}
        return self._decide(partial(self._decisions.judge, kind, chosen, **given), request)

    def undo(self, *, request: str = "") -> list[int]:
        """Take the newest decision of the annotator back, and return its rows; `next_undo` says which one that is.

        Raises
        ------
        ValueError
            If there is nothing to undo; others undo what they decided.
        """
        return self._decide(
            partial(self._decisions.step, Kind.UNDO, annotator=self._annotator, request=request), request
        )

    def redo(self, *, request: str = "") -> list[int]:
        """Bring the decision that the annotator undid last again, and return its rows.

        Raises
        ------
        ValueError
            If there is nothing to redo.
        """
        return self._decide(
            partial(self._decisions.step, Kind.REDO, annotator=self._annotator, request=request), request
        )

    def _decide(self, decide: Callable[[], Event | None], request: str = "") -> list[int]:
        check_text("request", request)
        with self._deciding:
            event = self._decisions.asked_before(request)
            if event is None:
                before = self._decisions.overlay()
                event = decide()
                if event is None:
                    return []
                self._forget_if_moved(before)
        self._listeners.tell("labels")
        if not request:  # the page names its requests, and shows `store_trouble` by itself
            self._warn_of_trouble()
        return list(dict.fromkeys(row for row in event.rows if row >= 0))  # an import may have one several times

    def _forget_if_moved(self, before: dict[int, int]) -> None:
        """A verification is of the labels that it was made with."""
        with self._lock:
            if self._decisions.overlay() != before:
                self._findings.verification = None

    def _take_news(self) -> None:
        if self._found_news():
            self._listeners.tell("labels")

    def _found_news(self) -> bool:
        """Take up what others have written; whether there is something to tell."""
        with self._deciding:
            before, trouble = self._decisions.overlay(), self.store_trouble
            changed = self._decisions.journal.refresh()
            self._forget_if_moved(before)
            return changed or self.store_trouble != trouble

    def labels(self) -> AnyArray:
        """The current labels, shape (n_train,), a new array."""
        with self._lock:
            return self.classes[self._decisions.codes()]

    # Long work. No lock is held while it computes; what a later change has made stale is returned, but not kept.

    def flip_set(
        self, test_row: int, target: Any = None, *, budget: Any = None, monitor: Monitor | None = None
    ) -> FlipSet:
        """The smallest set of training labels found whose change, by a refit, flips a test row's prediction.

        It starts from the original labels, whatever is relabelled now, and is kept until the threshold changes.
        What ran out of its ``budget`` (as in `find_flip_set`) is not kept. ``target`` is the class to flip to, None
        any other; of the sets of one test row, `known_flip_set` and everything made from it has the one asked for last.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such test row or class, or the budget is none.
        Cancelled
            If ``monitor`` was cancelled.
        """
        row = self._check_test_row(test_row, "flip_set")
        code = None if target is None else code_of(target, self.classes, who="flip_set: target")
        found, is_news = self._findings.flip_set(row, code, budget=budget, monitor=monitor)
        if is_news:
            self._listeners.tell("flip_set")
        return found

    def suspects(self, limit: int | None = None, *, texts: bool = True, monitor: Monitor | None = None) -> pd.DataFrame:
        """Training rows most likely mislabelled, as `suspects` ranks them, without the rows already decided.

        Beside its columns there is ``text``, what people read of the row. ``texts=False`` leaves it out, which is
        quicker where texts are read from a file and ``limit`` is large.
        """
        from ..audit import suspects

        with self._lock:
            settled = self._decisions.settled()
        found = suspects(self._fit, decisions=settled, limit=limit, monitor=monitor)
        return self._with_texts(found) if texts else found

    def next_to_check(
        self, limit: int | None = None, *, texts: bool = True, monitor: Monitor | None = None
    ) -> pd.DataFrame:
        """Training rows in the order in which checking them repairs most, as `next_to_check` ranks them.

        It learns from the rows already decided, which are left out. The test rows whose true label is a class of the
        model are what it wants to see predicted better: scores on them are then no longer those of unseen rows.
        ``texts`` as in `suspects`.
        """
        from ..audit import next_to_check

        with self._lock:
            settled = self._decisions.settled()
        rows, labels = self._queries.known
        found = next_to_check(self._fit, rows, labels, decisions=settled, limit=limit, monitor=monitor)
        return self._with_texts(found) if texts else found

    def _with_texts(self, found: pd.DataFrame) -> pd.DataFrame:
        return found.assign(text=[self.train_text(row) for row in found["row"].tolist()])

    def known_flip_set(self, test_row: int) -> FlipSet | None:
        """The flip set of a test row that was asked for last at this threshold, None if none was."""
        return self._findings.known_flip_set(self._check_test_row(test_row, "known_flip_set"))

    def verify(self, *, how: How | None = None, monitor: Monitor | None = None) -> Verification:
        """Retrain with all current relabels, from the original labels, and compare the predictions of all test rows.

        The result becomes `verification` and is written down, unless labels or threshold changed meanwhile. What others
        have decided in the store is taken up before. The result is returned and kept whatever the store does.

        Parameters
        ----------
        how
            What is retrained, as in `verify`. None takes the whole pipeline where a step looks at labels, the estimator
            where it may predict a test row otherwise than its minimiser does, and otherwise the minimiser.

        Raises
        ------
        ValueError
            If nothing is relabelled, the relabels leave a class without rows, or there is no estimator to retrain.
        Cancelled
            If ``monitor`` was cancelled.
        """
        self._take_news()
        with self._lock:
            labels, threshold = self._decisions.overlay(), self.threshold
        if not labels:
            raise ValueError("verify: expected relabelled rows, got none. Relabel a row first, then retrain.")
        retraining = Retraining(self._queries, labels, threshold, self._disagreement is not None, monitor)
        result = retraining.result(how)
        details = self._findings.details(result, threshold)
        with self._lock:
            if labels != self._decisions.overlay() or threshold != self.threshold:
                return result
            self._findings.verification = result
        with suppress(JournalError):  # of a workbench that was closed meanwhile
            self._decisions.record(verified(details, annotator=self._annotator))
        self._listeners.tell("verification")
        self._warn_of_trouble()
        return result

    def what_if(self, rows: Any, labels: Any = None, *, monitor: Monitor | None = None) -> Verification:
        """Retrain with some training rows relabelled on top of the current labels; nothing is recorded or kept.

        Parameters
        ----------
        rows
            As in `relabel`; none at all tries the current labels.
        labels
            One label for all these rows, or one for each, such as `FlipSet.labels`. None swaps the label that each row
            has now, where there are two classes.

        Returns
        -------
        Verification
            Of all test rows, as `verify` makes it by itself: compared with the model on the original labels.
            `verification_summary` puts it in numbers.

        Raises
        ------
        ValueError, TypeError
            If a row or label is not as described, or the labels leave a class without rows.
        Cancelled
            If ``monitor`` was cancelled.
        """
        check_monitor(monitor, who="what_if")
        chosen = as_rows(rows, self.n_train, who="what_if: rows")
        with self._lock:
            tried, threshold = self._decisions.tried(chosen, labels, who="what_if"), self.threshold
        return Retraining(self._queries, tried, threshold, self._disagreement is not None, monitor).result(None)

    def corrected_estimator(self) -> Any:
        """Your estimator, cloned and fitted on the current labels; the one that was given stays as it is.

        It is fitted with everything around it: a pipeline with all its steps, a search by searching once more, with the
        ``sample_weight`` that was given. Of a pipeline whose training rows were given as features, it is the classifier
        alone. For a `Fit` it is the fit on the current labels, as `Fit.refit` makes it.

        Raises
        ------
        ValueError
            If it cannot be cloned or fitted on these labels; the message says why.

        Examples
        --------
        >>> bench.relabel(bench.flip_set(0).rows)  # doctest: +SKIP
        >>> bench.corrected_estimator().predict(new_texts)  # doctest: +SKIP
        """
        with self._lock:
            marked = self._decisions.overlay()
        rows, labels = np.array(list(marked), dtype=np.int64), self.classes[np.array(list(marked.values()), dtype=int)]
        own = self._fit.own
        if self._estimator is self._fit or own is None:
            return self._fit.refit(rows, labels=labels)
        corrected = own.labels.copy()
        corrected[rows] = labels
        return fitted_again(self._estimator, own, corrected, who="corrected_estimator")

    @property
    def verification(self) -> Verification | None:
        """What retraining said of the current labels and threshold; None once either changed."""
        return self._findings.verification

    def verification_summary(self, of: Verification | None = None) -> VerificationSummary | None:
        """A verification in numbers, such as that of `what_if`; by default the current one, or None.

        Raises
        ------
        TypeError, ValueError
            If ``of`` is no `Verification` of the test rows.
        """
        if of is not None:
            check_verification(of, self.n_test, who="verification_summary")
        result = self.verification if of is None else of
        return None if result is None else self._findings.summary(result)

    # Files

    def report(self, path: str | os.PathLike[str], test_row: int | None = None, overwrite: bool = False) -> Path:
        """Write one self-contained HTML page: model, corrected labels, verification, flip sets, history.

        With a ``test_row`` the page is for whoever contests that prediction: what would have changed it, who corrected
        which labels and why, what the model retrained on them says, and what all this does not show. The flip set is
        searched for, and the model retrained, where that is not known yet; nothing is recorded.

        With ``overwrite`` it replaces whatever is there, otherwise only an earlier page of this workbench.

        Raises as `export`, and as `flip_set` for the ``test_row``.
        """
        from .report import Report, render

        self._take_news()
        if test_row is not None:
            page = self._contested(self._check_test_row(test_row, "report: test_row"))
            self._warn_of_trouble()
            return self.write_page(path, page, who="report", overwrite=overwrite)
        with self._lock:
            report = Report.of(self, self._findings.flip_sets())
        self._warn_of_trouble()
        return self.write_page(path, render(report), who="report", overwrite=overwrite)

    def _contested(self, row: int) -> str:
        from .contest import Contest
        from .contest_page import render
        from .report import Report

        found = self.known_flip_set(row) or self.flip_set(row)
        with self._lock:
            report = Report.of(self, {row: found})
            decisions, labels = self.decisions(), self._decisions.overlay()
        retraining = Retraining(self._queries, labels, self.threshold, self._disagreement is not None, None)
        return render(Contest.of(report, (row, self.known_target(row)), self._queries, decisions, retraining))

    def write_page(self, path: str | os.PathLike[str], page: str, *, who: str, overwrite: bool = False) -> Path:
        """Write HTML about this workbench; a page of its own is replaced, another file only with ``overwrite``."""
        return self._outputs.page(path, page, who=who, overwrite=overwrite)

    def chart(self, kind: str, test_row: int | None = None, *, top: int = 25) -> Any:
        """An Altair chart of what is known now, shown and saved (`save_chart`) without a network.

        Parameters
        ----------
        kind
            ``"influence"``: the ``top`` training rows behind ``test_row``. ``"sizes"``: how many test rows have a flip
            set of which size. ``"size-probability"``: these sizes against the predicted probability (Figure 2 of Yang,
            Xu and Yu 2024). ``"before-after"``: probabilities of all test rows before and after the verification.

        Raises
        ------
        ValueError, IndexError, TypeError
            If the kind is another, what it shows is not known yet, or there is no such test row.
        ImportError
            If altair is not installed; the message names the command that installs it.
        """
        from ..charts import draw

        return draw(kind, self, test_row, top)

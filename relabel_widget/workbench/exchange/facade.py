"""The part of `Workbench` that takes decisions out, with where they come from, and in."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from ..._typing import AnyArray, CodeArray, IntArray
from ...arguments import as_flag, check_choice, shown
from ...fits import AnyFit
from ...journal import Event, JournalError
from ...journal.events import Detail, check_text, exported
from ..decisions import Decisions
from ..findings import Findings
from ..listeners import Listeners
from ..opinions import Policy, check_policy
from ..outputs import Outputs
from ..test_rows import Queries
from ..train_rows import TrainingRows
from .importing import Here, ImportedDecisions, Plan, as_names, table_of
from .matching import Matching
from .provenance import Stamp, Verified, all_lines, corrected_lines, exported_table, reason_of
from .sources import Format, read
from .writing import ENDINGS, write_documents, write_tasks

if TYPE_CHECKING:
    import pandas as pd

Exported: TypeAlias = Literal["corrected", "all"]


class Exchange(ABC):
    """Exports and imports of a workbench."""

    _annotator: str
    _decisions: Decisions
    _deciding: threading.RLock
    _findings: Findings
    _fit: AnyFit
    _listeners: Listeners
    _lock: threading.RLock
    _outputs: Outputs
    _queries: Queries
    _training: TrainingRows

    @property
    @abstractmethod
    def as_of(self) -> int:
        """Number of the newest event that changed decisions."""

    @abstractmethod
    def labels(self) -> AnyArray:
        """The current labels."""

    @abstractmethod
    def _decide(self, decide: Callable[[], Event | None], request: str = "") -> list[int]:
        """Have something decided, and tell everybody."""

    @abstractmethod
    def _found_news(self) -> bool:
        """Take up what others have written; whether there is something to tell."""

    @abstractmethod
    def _take_news(self) -> None:
        """Take up what others have written."""

    @abstractmethod
    def _warn_of_trouble(self) -> None:
        """Warn if the store cannot be read or written."""

    def _reason(self, test_row: int | None, rows: IntArray, codes: CodeArray) -> Mapping[str, Detail]:
        """What is known of why rows get other labels."""
        return reason_of(self._findings, self._queries, self._training.ids, (test_row, rows, codes))

    # Out

    def export(
        self,
        path: str | os.PathLike[str],
        overwrite: bool = False,
        *,
        excel: bool = False,
        policy: Policy = "latest",
        decisions: Exported = "corrected",
        format: Format | None = None,
    ) -> Path:
        """Write the corrected labels, or all decisions, to a file; `read_labels` and `import_decisions` read it back.

        What others have decided in the store is taken up first, and `history` states the event that the file is true
        of. The file appears whole or not at all.

        Parameters
        ----------
        path
            Ends in ``.csv``, ``.parquet`` or ``.jsonl``.
        overwrite
            Replace whatever is there; otherwise only what this workbench (or its store) wrote and nobody changed since.
        excel
            Write a ``.csv`` that Excel reads rightly.
        policy
            That of `corrected_labels`, for corrected labels.
        decisions
            ``"corrected"``: a line for each row whose label differs now. ``"all"``: a line for each decision that was
            not taken back, by row and in order: keep and unsure too, of everybody, with ``counts`` for the one that
            decides.
        format
            ``"label-studio"`` writes ``.json`` that Label Studio imports as tasks with annotations, ``"doccano"``
            ``.jsonl`` that doccano imports with labels, both with the rows that have a decision. The labelling
            interface of Label Studio needs a ``Text`` with ``name="text" value="$text"``, and ``Choices`` with
            ``name="label" toName="text"``.

        Notes
        -----
        Columns: ``row, id, original, corrected, annotator, note, time``, then ``decision`` (``counts``), ``event`` (in
        `history`), ``query, query_text, flip_set, flip`` (the prediction that it was decided for, and its flip set by
        ids), ``source`` (of an import), ``verified`` (what retraining on these very labels said, if that was tried in
        this session), ``as_of``, ``content`` (a digest of the row), ``model``, ``data`` (digests) and ``version`` (of
        this package).

        Raises
        ------
        ValueError
            If the ending, the policy or another argument is none of these, or there is nothing to write and a file of
            that name.
        ImportError
            If a Parquet file is asked for without pyarrow.
        FileExistsError, OSError
            If there is a file that was not asked to be replaced, or it cannot be written. Nothing is changed then.
        JournalError
            If the workbench was closed: the file was written, but not noted in the history.

        Warns
        -----
        StoreWarning
            If the store cannot be read or written: the file then holds what is known here.
        """
        check_choice(decisions, "decisions", get_args(Exported), who="export")
        if format is not None:
            check_choice(format, "format", get_args(Format), who="export")
        if decisions == "all" and check_policy(policy) != "latest":
            raise ValueError(f"export: expected no policy with all decisions, got {policy!r}. Leave one of them out.")
        is_news = False
        try:
            with self._deciding:
                is_news = self._found_news()
                as_of = self.as_of
                table = self._exported(policy, decisions == "all")
                self._outputs.remember(self._decisions.journal.events())
                writer = self._writer(format, table)
                written, digest = self._outputs.table(path, table, overwrite=overwrite, excel=excel, writer=writer)
                what = decisions if decisions == "all" else ""
                event = exported(str(written), len(table), digest, as_of, what, annotator=self._annotator)
                try:
                    self._decisions.record(event)
                except JournalError as error:
                    raise JournalError(
                        f"export: {str(written)!r} was written, but not noted in the history: {error}"
                    ) from error
        finally:
            if is_news:
                self._listeners.tell("labels")
        self._warn_of_trouble()
        return written

    def _exported(self, policy: Policy, every: bool) -> pd.DataFrame:
        journal, original = self._decisions.journal, self._decisions.labels.original
        ids, state = self._training.ids, self._decisions.state
        lines = all_lines(state, original) if every else corrected_lines(state, original, check_policy(policy))
        with self._lock:
            overlay = self._decisions.overlay()
        corrected = {row: said.label for row, said, counts in lines if counts and said.label != original[row]}
        verified = Verified(self._findings, self._queries, corrected == overlay)
        stamp = Stamp.of(self._fit, journal.rows, ids, self.as_of)
        return exported_table(lines, (journal.rows, ids, self._fit.classes), stamp, verified, every=every)

    def _writer(self, format: Format | None, table: pd.DataFrame) -> tuple[str, Callable[[Path], None]] | None:
        """Of a file of another tool: its ending, and what fills it."""
        if format is None or format == "labels":
            return None
        write = write_tasks if format == "label-studio" else write_documents
        return ENDINGS[format], partial(write, table=table, text=self._training.text)

    # In

    def import_decisions(
        self,
        source: Any,
        *,
        format: Format | None = None,
        dry_run: bool = False,
        match: str | None = None,
        labels: Mapping[Any, Any] | None = None,
        annotator: str | None = None,
        conflicts: Literal["skip", "record"] | None = None,
    ) -> ImportedDecisions:
        """Take decisions in that were made elsewhere, as one action that one `undo` takes back.

        A row is known by its content and id, as in a store; a decision is never put on a row of which that is not
        certain. What could not be taken is listed. Who decided, when and why are kept where the source says them.

        Parameters
        ----------
        source
            The path of an export of ours (``.csv``, ``.parquet``, ``.jsonl``), of Label Studio's JSON export, or of
            doccano's (``.json``, ``.jsonl``). A frame as `read_labels` gives it with ``provenance=True``. Or, in the
            order of the training rows: an array of labels; a pair (labels, issues), of which only the rows in
            ``issues`` (a mask or row numbers) are taken; a frame of cleanlab with ``is_label_issue`` and
            ``predicted_label``. An index that has the row numbers in another order is refused. The text of a task of
            Label Studio is its field ``text``, or its longest text.
        format
            Of a file: ``"labels"`` (ours), ``"label-studio"`` or ``"doccano"``. None looks at it.
        dry_run
            Say what would be recorded, and write nothing.
        match
            None finds rows by content, and by id where an export of ours has them. ``"row"`` says that row numbers are
            those of the same training rows in the same order, for exports of older versions; a source is then refused
            if a line contradicts the row of its number, by content, id or original label. Any other text names the
            field in which a file of Label Studio (in ``data``) or doccano has your ids.
        labels
            What the source calls a class, to the class: ``{"POS": "praise"}``, for those that differ.
        annotator
            Who decided, where the source does not say; by default the annotator of this workbench.
        conflicts
            Decisions about rows that were decided differently here: None and ``"skip"`` list them, ``"record"`` takes
            them in as well, and then they are the newest. ``"skip"`` also leaves out the lines that contradict
            ``match="row"``, and takes the others.

        Returns
        -------
        ImportedDecisions
            Its ``table`` has a line for each decision of the source, with what became of it and why.

        Raises
        ------
        ValueError, TypeError, OSError
            If the source cannot be read, or is not as its format has it. Nothing is imported then.
        JournalError
            If the workbench was closed. Nothing is imported then.

        Warns
        -----
        StoreWarning
            If the store cannot be written, as in `relabel`.

        Notes
        -----
        A label that is the original one counts as ``keep`` where a person of Label Studio chose it; in arrays and in
        doccano, which does not say whether anybody looked, it says nothing. A task that was skipped in Label Studio is
        ``unsure``, and so is a row in ``issues`` whose label is the original one or missing. Where an export of ours
        comes back from one of these tools without the label that it wrote, nothing is recorded of that decision.
        """
        dry_run = as_flag(dry_run, who="import_decisions: dry_run")
        if conflicts is not None:
            check_choice(conflicts, "conflicts", ("skip", "record"), who="import_decisions")
        if match is not None and not isinstance(match, str):
            raise TypeError(f'import_decisions: expected match as "row" or the name of a field, got {shown(match)}.')
        if annotator is not None:
            check_text("import_decisions: annotator", annotator)
        by_row, own = match == "row", self._decisions.labels
        rows = self._training.identities(own)
        names = as_names(labels, rows, own.classes)
        found = read(source, own.classes[own.original], names, format=format, id_field=None if by_row else match)
        ids = self._training.ids.tolist() if self._training.are_named else None
        places = Matching(rows, ids, by_number=by_row or found.is_aligned).find(found.lines)
        who = self._annotator if annotator is None else annotator
        planned: list[tuple[Plan, pd.DataFrame, str]] = []

        def decide() -> Event | None:
            here = Here(rows, own.classes, self._decisions.state, names, who, conflicts == "record")
            plan = here.plan(found, places)
            doubt = plan.contradiction() if by_row and conflicts != "skip" else ""
            if doubt:
                plan = plan.held_back(doubt)
            planned.append((plan, table_of(plan, here, self._training.ids, self.labels()), doubt))
            taken = plan.recorded()
            if dry_run or not taken:
                return None
            codes = np.array([one.code for one in taken], dtype=np.int64)
            chosen = np.array([one.row for one in taken], dtype=np.int64)
            return self._decisions.bring(chosen, codes, plan.items(who), source=found.name, annotator=self._annotator)

        self._take_news()
        self._decide(decide)
        plan, table, doubt = planned[0]
        if doubt and not dry_run:
            raise ValueError(f"import_decisions: {doubt} Nothing was imported.")
        recorded = sorted({one.row for one in plan.recorded()})
        return ImportedDecisions(table, recorded, found.silent, dry_run)

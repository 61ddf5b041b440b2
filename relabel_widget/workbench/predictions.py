"""What a workbench shows of its rows and of what the model says of them; nothing here changes anything."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import AnyArray, IntArray
from ..arguments import as_rows, as_whole, check_monitor
from ..facts import plural
from ..files.cards import card, several
from ..fits import AnyFit, Disagreement
from ..monitor import Monitor
from ..problem import code_of
from .decisions import Decisions
from .findings import Findings, Forecast
from .reasons import Reasoning, Reasons
from .shared_features import CommonFeatures
from .summary import check_verification
from .test_rows import Queries, TestColumns
from .train_rows import TrainingRows, check_row, with_first

if TYPE_CHECKING:
    import pandas as pd

    from ..audit import CheckingOutlook
    from ..evidence import Explanation, Verification


class Predictions:
    """The reading half of a `Workbench`."""

    _estimator: Any
    _fit: AnyFit
    _training: TrainingRows
    _queries: Queries
    _decisions: Decisions
    _findings: Findings
    _common: CommonFeatures
    _reasoning: Reasoning
    _lock: threading.RLock
    _disagreement: Disagreement | None
    _annotator: str

    # What it is about

    def _column_names(self, n_columns: int) -> list[str] | None:
        return self._fit.column_names(n_columns)

    @property
    def fit(self) -> AnyFit:
        """The fit on the original labels."""
        return self._fit

    @property
    def estimator(self) -> Any:
        """The estimator as it was given."""
        return self._estimator

    @property
    def disagreement(self) -> Disagreement | None:
        """Where and why the estimator predicts differently from its own minimiser; None where it does not."""
        return self._disagreement

    @property
    def classes(self) -> AnyArray:
        """The class labels. Of two, probabilities are those of ``classes[1]``; of more, of the predicted one."""
        return self._fit.classes

    @property
    def n_train(self) -> int:
        """Number of training rows."""
        return self._training.n_rows

    @property
    def n_test(self) -> int:
        """Number of test rows."""
        return self._queries.n_rows

    @property
    def ids(self) -> AnyArray:
        """Id of each training row, shape (n_train,), read-only."""
        return self._training.ids

    @property
    def y_test(self) -> AnyArray | None:
        """True label of each test row, shape (n_test,), None where it is not known; or None."""
        return None if self._queries.truth is None else self._queries.truth.copy()

    @property
    def annotator(self) -> str:
        """Who decides."""
        return self._annotator

    def train_text(self, row: int) -> str:
        """What people read of a training row."""
        return self._training.text(check_row(row, self.n_train, who="train_text", what="training"))

    def test_text(self, row: int) -> str:
        """What people read of a test row."""
        return self._queries.text(self._check_test_row(row, "test_text"))

    # Predictions

    def test_rows(self) -> pd.DataFrame:
        """All test rows, a line each.

        Columns: ``row, text, label, predicted, rival, proba, own_proba, margin, flip_size, verified_proba,
        verified_predicted``. ``label`` is missing without ``y_test``, ``flip_size`` where no flip set is known, and
        ``verified_*`` without a current verification. ``rival`` is the nearest other class. ``proba`` is that of the
        minimiser, ``own_proba`` that of the estimator as it was given, missing for a fit.

        With two classes all probabilities are of ``classes[1]``, and ``margin`` is its log-odds less those of the
        threshold. With more they are of the class that is predicted (before the verification), and ``margin`` is its
        log-odds less those of the rival.
        """
        return self._queries.table(*self._known())

    def test_columns(self) -> TestColumns:
        """`test_rows` as arrays, without texts: what long lists are sorted and filtered by. O(n_test)."""
        return self.columns_after(self._findings.verification)

    def columns_after(self, verification: Verification | None) -> TestColumns:
        """`test_columns` with what another verification says, such as that of `Workbench.what_if`, or none.

        Raises
        ------
        TypeError, ValueError
            If it is no `Verification` of the test rows.
        """
        if verification is not None:
            check_verification(verification, self.n_test, who="columns_after")
        threshold, sizes, _ = self._known()
        return self._queries.columns(threshold, sizes, verification)

    def _known(self) -> tuple[float, IntArray, Verification | None]:
        with self._lock:
            return self._findings.threshold, self._findings.flip_sizes(), self._findings.verification

    def train_rows(self, rows: Any = None) -> pd.DataFrame:
        """Training rows with what was decided about them, a line each; all of them if None.

        Columns: ``row, id, text, original, current, decision, annotator, note``. ``decision`` is ``relabel``, ``keep``,
        ``unsure``, or empty where nothing is decided; ``annotator`` and ``note`` are then empty as well.

        Parameters
        ----------
        rows
            As in `Workbench.relabel`.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such row.
        """
        chosen = np.arange(self.n_train) if rows is None else as_rows(rows, self.n_train, who="train_rows: rows")
        with self._lock:
            state = self._decisions.state
        return self._training.known(chosen, self._decisions.labels, state)

    def influential_rows(
        self,
        test_row: int,
        top: int = 200,
        *,
        start: int = 0,
        set_first: bool = True,
        monitor: Monitor | None = None,
    ) -> pd.DataFrame:
        """Training rows by how far relabelling them moves one prediction towards its flip, the furthest first.

        Columns: ``row, id, text, original, current, suggested, influence, share, in_flip_set, relabelled, decision,
        annotator, note``. Rows of a known flip set come first, in its order, unless ``set_first`` is False.
        ``suggested`` is the label that moves the prediction furthest towards its flip (of two classes the one that the
        row did not have), for members of the known flip set the one they have there; ``influence`` is the first-order
        change by giving it to that row alone in place of its original label: of the log-odds of ``classes[1]``, or,
        with more classes, of the margin between the predicted class and its rival. ``share`` is that as a part of the
        way to the flip, 1 being all of it, negative away from it, missing where there is no way left. The first
        ``start`` rows are left out.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such test row, ``top`` is not a positive whole number, or ``start`` a negative one.
        Cancelled
            If ``monitor`` was cancelled.
        """
        row = self._check_test_row(test_row, "influential_rows")
        top = as_whole(top, 1, who="influential_rows: top")
        start = as_whole(start, 0, who="influential_rows: start")
        ranking = self._findings.suggestions(row, monitor=monitor)
        with self._lock:
            known, state = self._findings.known_flip_set(row), self._decisions.state
            margin = self._findings.standing(row)[2]
        members = ranking.order[:0] if known is None else known.rows
        rows = with_first(ranking.order, members if set_first else members[:0], start, top)
        return self._training.table(rows, ranking, margin, members, self._decisions.labels, state)

    def largest_influence(self, test_row: int) -> float:
        """The largest influence that any training row has on a test row, without its sign."""
        ranking = self._findings.suggestions(self._check_test_row(test_row, "largest_influence"))
        return float(np.abs(ranking.influence).max())

    def predicted_change(self, test_row: int) -> float:
        """First-order change of what `influential_rows` is about by all current relabels. A prediction, not a fact."""
        return self.forecast(self._check_test_row(test_row, "predicted_change")).change

    def forecast(self, test_row: int, rows: Any = (), labels: Any = None) -> Forecast:
        """What all current relabels together do to a test row, to first order. A prediction, not a fact.

        ``rows`` and ``labels`` are tried on top of them, as in `Workbench.what_if`.
        """
        row = self._check_test_row(test_row, "forecast")
        chosen = as_rows(rows, self.n_train, who="forecast: rows")
        with self._lock:
            tried = self._decisions.tried(chosen, labels, who="forecast")
        return self._findings.forecast(row, tried)

    def common_words(self, test_row: int, rows: Any, *, telling: bool = False) -> list[list[str]]:
        """Names of the features that a test row shares with each of some training rows; none without names.

        With ``telling``, those that contribute less than three tenths of the largest to the row's influence are left
        out.
        """
        row = self._check_test_row(test_row, "common_words")
        chosen = as_rows(rows, self.n_train, who="common_words: rows")
        factor = self._findings.suggestions(row).factor if telling else None
        return self._common.words(self._queries.one(row), chosen, factor=factor)

    def common_features(self, test_row: int, train_row: int) -> pd.DataFrame:
        """What the features that a test row and a training row share contribute to its influence, first the largest.

        Columns: ``feature, weight, contribution``: the model's coefficient (with more than two classes, of the
        predicted class less that of its rival), and the feature's part of the influence in `influential_rows`.

        Raises
        ------
        IndexError, TypeError
            If there is no such row.
        """
        row = self._check_test_row(test_row, "common_features")
        train = check_row(train_row, self.n_train, who="common_features", what="training")
        ranking, standing = self._findings.suggestions(row), self._findings.standing(row)
        pair = standing[:2] if len(self.classes) > 2 else (1, 0)
        return self._common.table(self._queries.one(row), ranking, train, pair)

    def known_target(self, test_row: int) -> Any:
        """The class that the known flip set of a test row was asked to flip to; None for any other one."""
        code = self._findings.target_of(self._check_test_row(test_row, "known_target"))
        return None if code is None else self.classes[code]

    def suggested_labels(self, rows: Any, test_row: int | None = None) -> AnyArray:
        """The label to consider for each of some training rows instead of its original one, shape (len(rows),).

        Of two classes it is the other one. Of more it is what `influential_rows` suggests for the test row; without a
        test row, the class that the model finds likeliest among the others.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such row.
        """
        chosen = as_rows(rows, self.n_train, who="suggested_labels: rows")
        row = None if test_row is None else self._check_test_row(test_row, "suggested_labels")
        return self.classes[self._suggested(chosen, row)]

    def _suggested(self, rows: IntArray, test_row: int | None) -> IntArray:
        original = self._fit.labels.original[rows].astype(np.int64)
        if len(self.classes) == 2:
            return 1 - original
        if test_row is not None:
            return self._findings.suggestions(test_row).suggested[rows]
        decision = self._fit.decision(self._fit.design.take(rows))
        decision[np.arange(len(rows)), original] = -np.inf
        return np.asarray(decision.argmax(axis=1), dtype=np.int64)

    def explanation(self, test_row: int, *, monitor: Monitor | None = None) -> Explanation | None:
        """How the known flip set of a test row shares the change between its rows, by a refit; None without one."""
        return self._findings.explanation(self._check_test_row(test_row, "explanation"), monitor=monitor)

    def reasons(self, row: int, label: Any = None, *, monitor: Monitor | None = None) -> Reasons:
        """Why the label of a training row may be wrong: what speaks for and against it, and what correcting it does.

        Everything is about the original labels, as in `suspects`: the model is refitted without the row, and once more
        with another label for it alone.

        Parameters
        ----------
        row
            The training row.
        label
            The label to consider instead of its original one; None for the likeliest other one.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such row or class, the label is its own, or the row is the last one of its class.
        Cancelled
            If ``monitor`` was cancelled.
        """
        check_monitor(monitor, who="reasons")
        train = check_row(row, self.n_train, who="reasons", what="training")
        code = None if label is None else code_of(label, self.classes, who="reasons: label")
        if code == self._fit.labels.original[train]:
            own = self.classes.tolist()[code]
            raise ValueError(f"reasons: expected another label than row {train} has, got {own!r}. Name another class.")
        return self._reasoning.of(train, code, self._findings.threshold, monitor=monitor)

    def checking_outlook(self, more: int = 100, *, monitor: Monitor | None = None) -> CheckingOutlook:
        """How many labels are wrong, how many are left, and what checking more would bring: whether to stop.

        As the function `checking_outlook` has it. It learns from the rows already decided and from the test rows, as
        `next_to_check` does.
        """
        from ..audit import checking_outlook

        with self._lock:
            settled = self._decisions.settled()
        rows, labels = self._queries.known
        return checking_outlook(self._fit, rows, labels, decisions=settled, more=more, monitor=monitor)

    @property
    def n_checked(self) -> int:
        """Number of training rows whose label a person found right or wrong."""
        with self._lock:
            return len(self._decisions.settled())

    def _check_test_row(self, row: Any, who: str) -> int:
        return check_row(row, self.n_test, who=who, what="test")

    # Display

    def _n_changed(self) -> int:
        with self._lock:
            return len(self._decisions.rows())

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({plural(self.n_train, 'training row')}, {plural(self.n_test, 'test row')}, "
            f"classes={self.classes.tolist()}, {plural(self._n_changed(), 'label')} changed)"
        )

    def _repr_html_(self) -> str:
        facts = {
            "Estimator": type(self._estimator).__name__,
            "Training rows": f"{self.n_train:,}",
            "Test rows": f"{self.n_test:,}",
            "Classes": several(self.classes.tolist()),
            "Labels changed": f"{self._n_changed():,}",
            "On a page": "RelabelWidget(workbench)",
        }
        return card(type(self).__name__, facts.items())

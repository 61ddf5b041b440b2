"""The test rows: what the model says of them, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..arguments import check_threshold
from ..bayes import BayesFit, bayes_influence
from ..design import Design
from ..evidence import FACTOR_RTOL, solved_factors
from ..fits import AnyFit
from ..inputs import Reader, count_rows, materialised, reader, rows_at
from ..monitor import Monitor
from ..problem import truth_of

if TYPE_CHECKING:
    import pandas as pd

    from ..evidence import Verification


_READ_RTOL = 1e-6  # of influences of several classes, which are read and summed up: a solve takes K times as long


@dataclass(frozen=True, eq=False)
class TestColumns:
    """What is known of the test rows, as arrays of shape (m,): what lists are sorted and filtered by.

    Attributes
    ----------
    label
        Class codes of the true labels, int64, or None: -1 where the label is not known, 2 and above for labels that
        are no class of the model.
    truth
        The true labels themselves, None where not known; or None.
    predicted, rival
        Class codes of the predicted class and of the nearest other one, int64.
    proba, margin
        Probability of ``classes[1]``, and log-odds less those of the threshold; of more classes than two, the
        probability of the predicted one, and its log-odds less those of the rival.
    own_proba
        Probability of the same class by the estimator as it was given; None for a `Fit`.
    flip_size
        Size of the flip set, int64; -1 where it was not searched for, 0 where none was found.
    verified_proba, verified_predicted
        Probability of the same class and code of the predicted one after the current verification, or None without it.
    before_proba, before_predicted
        The same two before it, by what was retrained: an estimator of one's own may predict otherwise than the fit.
    flipped
        Whether that verification changed the predicted class, or None.
    """

    __test__ = False  # no test for pytest

    label: IntArray | None
    truth: AnyArray | None
    predicted: IntArray
    rival: IntArray
    proba: FloatArray
    margin: FloatArray
    own_proba: FloatArray | None
    flip_size: IntArray
    verified_proba: FloatArray | None
    verified_predicted: IntArray | None
    before_proba: FloatArray | None
    before_predicted: IntArray | None
    flipped: BoolArray | None

    @property
    def known(self) -> BoolArray:
        """Where the true label is known, shape (m,)."""
        return np.zeros(len(self.predicted), dtype=bool) if self.label is None else self.label >= 0

    @property
    def wrong(self) -> BoolArray:
        """Where the predicted class is not the true label, as far as that is known, shape (m,)."""
        return self.known if self.label is None else self.known & (self.predicted != self.label)

    @property
    def became_right(self) -> BoolArray:
        """Where the verification changed the predicted class to the true label, shape (m,)."""
        if self.label is None or self.flipped is None:
            return np.zeros(len(self.predicted), dtype=bool)
        return self.flipped & (self.verified_predicted == self.label)

    @property
    def became_wrong(self) -> BoolArray:
        """Where the verification changed the predicted class from the true label, shape (m,)."""
        if self.label is None or self.flipped is None:
            return np.zeros(len(self.predicted), dtype=bool)
        return self.flipped & (self.before_predicted == self.label)


@dataclass(frozen=True, eq=False)
class Queries:
    """Test rows, transformed once.

    Attributes
    ----------
    fit
        The fit on the original labels.
    design
        Features, m rows.
    decision
        Log-odds of ``classes[1]``, shape (m,); of each of more classes than two, (m, K).
    codes, truth
        Class codes of the true labels and these themselves, as in `TestColumns`, shape (m,), or None.
    rows, is_read
        The rows as they were brought, and whether texts were given to be read in their place.
    text
        What people read of a row.
    raw
        The rows as an adopted pipeline takes them; None without one, or where they are features already.
    own_decision
        The same by the estimator that the fit was adopted from; None without one.
    """

    fit: AnyFit
    design: Design
    decision: FloatArray
    codes: IntArray | None
    truth: AnyArray | None
    rows: Any
    is_read: bool
    text: Reader
    raw: Any
    own_decision: FloatArray | None

    @classmethod
    def of(cls, fit: AnyFit, test: Any, y_test: Any, texts: Any, *, encoding: str) -> Self:
        """Test rows as callers hold them, checked.

        Raises
        ------
        ValueError, TypeError
            If there are none, or labels or texts do not fit them.
        """
        test = materialised(test, who="Workbench: test")
        n_rows = count_rows(test, who="Workbench: test")
        if not n_rows:
            raise ValueError("Workbench: expected at least one test row, got none.")
        text = reader(
            test,
            materialised(texts, who="Workbench: test_text"),
            n_rows,
            names=fit.column_names,
            encoding=encoding,
            who="Workbench: test_text",
        )
        codes = truth = None
        if y_test is not None:
            codes, truth = truth_of(y_test, n_rows, who="Workbench: y_test", classes=fit.classes)
            if not (codes >= 0).any():
                codes = truth = None  # a column that nobody has filled in yet
        design = fit.design_of(test, who="Workbench: test")
        raw = fit.raw_queries(test, who="Workbench: test")
        own_decision = None if fit.own is None else fit.own.decision(design)
        return cls(fit, design, fit.decision(design), codes, truth, test, texts is not None, text, raw, own_decision)

    @property
    def n_rows(self) -> int:
        """Number of test rows, m."""
        return len(self.decision)

    @property
    def known(self) -> tuple[Design | None, AnyArray | None]:
        """The test rows whose true label is a class of the model, and these labels; None for both without labels."""
        if self.codes is None:
            return None, None
        rows = np.flatnonzero((self.codes >= 0) & (self.codes < len(self.fit.classes)))
        return self.design.take(rows), self.fit.classes[self.codes[rows]]  # truth_of refuses labels of no known class

    def one(self, row: int) -> Design:
        """One row as a design."""
        return self.design.take(np.array([row], dtype=np.int64))

    def asked(self, row: int) -> Any:
        """One row as a search is to be asked for: raw where the whole pipeline may have to judge, else as features."""
        own = self.fit.own
        raw_matters = own is not None and self.raw is not None and own.makes_other_features("relabel")
        return rows_at(self.raw, np.array([row])) if raw_matters else self.one(row)

    def n_disagreeing(self, threshold: float) -> int:
        """How many rows the user's own estimator predicts differently from the fit."""
        if self.own_decision is None:
            return 0
        own, fitted = (predicted_codes(each, threshold) for each in (self.own_decision, self.decision))
        return int(np.count_nonzero(own != fitted))

    def standing(self, row: int, threshold: float) -> tuple[int, int, float]:
        """The codes of the predicted class of a row and of its rival, and the margin, as in `TestColumns`."""
        predicted, rival, margin = _standings(self.decision[row : row + 1], threshold)
        return int(predicted[0]), int(rival[0]), float(margin[0])

    def moved(self, row: int, change: float, threshold: float) -> tuple[float, int]:
        """The probability of a row as in `TestColumns`, and the predicted code, once its margin has changed."""
        decision = self.decision[row : row + 1].copy()
        predicted, rival, _ = self.standing(row, threshold)
        if decision.ndim == 1:
            decision += change
        else:
            decision[0, rival] -= change
        proba = of_class(self.fit.proba_of(decision), np.array([predicted]))
        return float(proba[0]), int(predicted_codes(decision, threshold)[0])

    def moves(self, row: int, *, monitor: Monitor | None = None) -> tuple[FloatArray, FloatArray | None]:
        """First-order influence of each training row on one test row.

        Returns
        -------
        moves
            Change of the log-odds of ``classes[1]`` by relabelling each training row, (n_rows,); with more classes, of
            the margin between the predicted class and its rival by giving the row each of the labels, (n_rows, K).
        factor
            ``H^-1`` times the functional of the test row that this changes, (n_params,); None for a naive Bayes.

        Notes
        -----
        Cost: one CG solve, one product with X; for a naive Bayes, two products with the columns of the test row.
        """
        query = self.one(row)
        if isinstance(self.fit, BayesFit):
            return bayes_influence(self.fit, query, "relabel", monitor=monitor)[0], None
        problem = self.fit.problem
        functional = problem.functionals(query, self.fit.theta)
        rtol = FACTOR_RTOL if len(self.fit.classes) == 2 else _READ_RTOL
        factor = solved_factors(self.fit, functional, rtol=rtol, monitor=monitor).x
        moves = problem.influence(self.fit.eta, problem.extended_matvec(problem.design, factor), "relabel")
        return moves[0], factor[:, 0]

    def columns(self, threshold: float, flip_size: IntArray, verification: Verification | None) -> TestColumns:
        """All rows as arrays."""
        predicted, rival, margin = _standings(self.decision, threshold)
        own, after = self.own_decision, verification
        return TestColumns(
            self.codes,
            self.truth,
            predicted,
            rival,
            of_class(self.fit.proba_of(self.decision), predicted),
            margin,
            None if own is None else of_class(self.fit.proba_of(own), predicted),
            flip_size,
            None if after is None else of_class(after.proba_after, predicted),
            None if after is None else after.predicted_after.astype(np.int64),
            None if after is None else of_class(after.proba_before, predicted),
            None if after is None else after.predicted_before.astype(np.int64),
            None if after is None else after.flipped,
        )

    def table(self, threshold: float, flip_size: IntArray, verification: Verification | None) -> pd.DataFrame:
        """All rows, as `Workbench.test_rows` describes them."""
        import pandas as pd

        columns = self.columns(threshold, flip_size, verification)
        classes = self.fit.classes
        missing, no_number = np.full(self.n_rows, None, dtype=object), np.full(self.n_rows, np.nan)
        after = columns.verified_predicted
        sizes = pd.array(flip_size, dtype="Int64")
        sizes[flip_size < 1] = pd.NA
        return pd.DataFrame(
            {
                "row": np.arange(self.n_rows),
                "text": [self.text(row) for row in range(self.n_rows)],
                "label": missing if columns.truth is None else columns.truth,
                "predicted": classes[columns.predicted],
                "rival": classes[columns.rival],
                "proba": columns.proba,
                "own_proba": no_number if columns.own_proba is None else columns.own_proba,
                "margin": columns.margin,
                "flip_size": sizes,
                "verified_proba": no_number if columns.verified_proba is None else columns.verified_proba,
                "verified_predicted": missing if after is None else classes[after],
            }
        )


def predicted_codes(decision: FloatArray, threshold: float) -> IntArray:
    """Class codes that a decision predicts, (m,): above the threshold, or the first of the largest of more classes."""
    if decision.ndim == 2:
        return np.asarray(decision.argmax(axis=1), dtype=np.int64)
    return np.asarray(decision > check_threshold(threshold, who="threshold"), dtype=np.int64)


def _standings(decision: FloatArray, threshold: float) -> tuple[IntArray, IntArray, FloatArray]:
    """``predicted``, ``rival`` and ``margin`` of `TestColumns`."""
    predicted = predicted_codes(decision, threshold)
    if decision.ndim == 1:
        return predicted, 1 - predicted, decision - check_threshold(threshold, who="threshold")
    every = np.arange(len(decision))
    others = decision.copy()
    others[every, predicted] = -np.inf
    rival = np.asarray(others.argmax(axis=1), dtype=np.int64)
    return predicted, rival, decision[every, predicted] - decision[every, rival]


def of_class(proba: FloatArray, codes: IntArray) -> FloatArray:
    """Probabilities of ``classes[1]``, (m,), as they are; of all classes, (m, K), those of the given ones, (m,)."""
    return proba if proba.ndim == 1 else proba[np.arange(len(proba)), codes]

"""The test rows: what the model says of them, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import expit

from .._typing import AnyArray, BoolArray, FloatArray, IntArray
from ..arguments import check_threshold
from ..design import Design
from ..evidence import factors
from ..fits import Fit
from ..inputs import Reader, count_rows, materialised, reader, rows_at
from ..monitor import Monitor
from ..problem import truth_of

if TYPE_CHECKING:
    import pandas as pd

    from ..evidence import Verification


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
    predicted
        Whether ``classes[1]`` is predicted.
    proba, margin
        Probability of ``classes[1]``, and log-odds less those of the threshold.
    own_proba
        Probability of ``classes[1]`` by the estimator as it was given; None for a `Fit`.
    flip_size
        Size of the flip set, int64; -1 where it was not searched for, 0 where none was found.
    verified_proba
        Probability after the current verification, or None without one.
    flipped
        Whether that verification changed the predicted class, or None.
    """

    __test__ = False  # no test for pytest

    label: IntArray | None
    truth: AnyArray | None
    predicted: BoolArray
    proba: FloatArray
    margin: FloatArray
    own_proba: FloatArray | None
    flip_size: IntArray
    verified_proba: FloatArray | None
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
    def right_if_flipped(self) -> BoolArray:
        """Where the class that is not predicted is the true label, as far as that is known, shape (m,)."""
        return self.known if self.label is None else ~self.predicted == self.label


@dataclass(frozen=True, eq=False)
class Queries:
    """Test rows, transformed once.

    Attributes
    ----------
    fit
        The fit on the original labels.
    design
        Features, m rows.
    eta
        Log-odds of ``classes[1]``, shape (m,).
    codes, truth
        Class codes of the true labels and these themselves, as in `TestColumns`, shape (m,), or None.
    text
        What people read of a row.
    raw
        The rows as an adopted pipeline takes them; None without one, or where they are features already.
    own_eta
        Log-odds by the estimator that the fit was adopted from, (m,); None without one.
    """

    fit: Fit
    design: Design
    eta: FloatArray
    codes: IntArray | None
    truth: AnyArray | None
    text: Reader
    raw: Any
    own_eta: FloatArray | None

    @classmethod
    def of(cls, fit: Fit, test: Any, y_test: Any, texts: Any, *, encoding: str) -> Self:
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
        own_eta = None if fit.own is None else fit.own.decision(design)
        return cls(fit, design, fit.decision(design), codes, truth, text, raw, own_eta)

    @property
    def n_rows(self) -> int:
        """Number of test rows, m."""
        return len(self.eta)

    def one(self, row: int) -> Design:
        """One row as a design."""
        return self.design.take(np.array([row], dtype=np.int64))

    def asked(self, row: int) -> Any:
        """One row as a search is to be asked for: raw where the whole pipeline may have to judge, else as features."""
        own = self.fit.own
        raw_matters = own is not None and self.raw is not None and own.looks_at_labels
        return rows_at(self.raw, np.array([row])) if raw_matters else self.one(row)

    def n_disagreeing(self, threshold: float) -> int:
        """How many rows the user's own estimator predicts differently from the fit."""
        if self.own_eta is None:
            return 0
        threshold_logit = check_threshold(threshold, who="threshold")
        return int(np.count_nonzero((self.own_eta > threshold_logit) != (self.eta > threshold_logit)))

    def margins(self, threshold: float) -> FloatArray:
        """Log-odds less those of the threshold, shape (m,); ``classes[1]`` is predicted where positive."""
        return self.eta - check_threshold(threshold, who="threshold")

    def predicted(self, threshold: float) -> BoolArray:
        """Where ``classes[1]`` is predicted, shape (m,)."""
        return np.asarray(self.margins(threshold) > 0)

    def margin(self, row: int, threshold: float) -> float:
        """`margins` of one row."""
        return float(self.eta[row]) - check_threshold(threshold, who="threshold")

    def rank(self, row: int, above: bool, *, monitor: Monitor | None = None) -> tuple[FloatArray, IntArray, FloatArray]:
        """First-order influence of each training row on one test row, and the rows in order of gain towards a flip.

        Parameters
        ----------
        above
            Whether ``classes[1]`` is predicted now, so that a flip lowers the log-odds.

        Returns
        -------
        influence, order, factor
            float64 and int64, both of shape (n_rows,) of training rows, and ``H^-1 x``, shape (n_params,).

        Notes
        -----
        Cost: one CG solve, one product with X, one sort.
        """
        problem = self.fit.problem
        factor = factors(self.fit, self.one(row), monitor=monitor)
        influence = problem.extended_matvec(problem.design, factor)[:, 0] * -problem.force(self.fit.eta, "relabel")
        return influence, np.argsort(influence if above else -influence, kind="stable"), factor[:, 0]

    def columns(self, threshold: float, flip_size: IntArray, verification: Verification | None) -> TestColumns:
        """All rows as arrays."""
        return TestColumns(
            self.codes,
            self.truth,
            self.predicted(threshold),
            np.asarray(expit(self.eta)),
            self.margins(threshold),
            None if self.own_eta is None else np.asarray(expit(self.own_eta)),
            flip_size,
            None if verification is None else verification.proba_after,
            None if verification is None else verification.flipped,
        )

    def table(self, threshold: float, flip_size: IntArray, verification: Verification | None) -> pd.DataFrame:
        """All rows, as `Workbench.test_rows` describes them."""
        import pandas as pd

        rows = np.arange(self.n_rows)
        predicted = self.predicted(threshold)
        classes = self.fit.classes
        missing = np.full(self.n_rows, None, dtype=object)
        sizes = pd.array(flip_size, dtype="Int64")
        sizes[flip_size < 1] = pd.NA
        return pd.DataFrame(
            {
                "row": rows,
                "text": [self.text(row) for row in range(self.n_rows)],
                "label": missing if self.truth is None else self.truth,
                "predicted": classes[predicted.astype(np.int8)],
                "proba": expit(self.eta),
                "own_proba": np.full(self.n_rows, np.nan) if self.own_eta is None else expit(self.own_eta),
                "margin": self.margins(threshold),
                "flip_size": sizes,
                "verified_proba": np.full(self.n_rows, np.nan) if verification is None else verification.proba_after,
                "verified_predicted": missing if verification is None else classes[verification.predicted_after],
            }
        )

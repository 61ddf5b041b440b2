"""A naive Bayes as a fit: counts of each class, which an edit moves from one class to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from .._typing import AnyArray, FloatArray, IntArray
from ..arguments import as_array, as_rows, check_edit, check_monitor
from ..design import Design, TakesQueries
from ..files.cards import card, several
from ..monitor import Monitor
from ..problem import Edit, Labels, code_of
from .columns import Columns, product
from .models import Model

_NO_MASS = 1e-12  # of a class without rows, so that its logarithm is finite


@dataclass(frozen=True, eq=False)
class BayesFit(TakesQueries):
    """A naive Bayes classifier with its training rows, as `adopt` returns it.

    Attributes
    ----------
    model
        How counts become scores.
    trained
        The training rows.
    classes
        The class labels, sorted, shape (K,).
    codes
        Class code of each training row, from 0, int64, shape (n_rows,).
    weights
        Of the rows, shape (n_rows,).
    counts
        Weighted sum of each column over the rows of each class, shape (K, n_features).
    transform
        For an adopted pipeline: what turns raw rows into features.
    columns
        Names of the columns of the training frame, in its order; None if the training rows were no frame.
    own
        The estimator that the fit was adopted from, an `OwnModel`, which can be refitted with the steps before it.
    threshold
        As that of a `Fit`.
    """

    model: Model
    trained: Columns
    classes: AnyArray
    codes: IntArray
    weights: FloatArray
    counts: FloatArray
    transform: Any = None
    columns: list[Any] | None = None
    own: Any = None
    threshold: float = 0.5

    @cached_property
    def masses(self) -> FloatArray:
        """Weight of each class, shape (K,)."""
        return np.bincount(self.codes, self.weights, minlength=len(self.classes)).astype(np.float64)

    @cached_property
    def linear(self) -> tuple[FloatArray, FloatArray]:
        """Coefficients and intercepts of the class scores, shapes (K, n_features) and (K,)."""
        return self.model.linear(self.counts, self.masses)

    @property
    def coef(self) -> FloatArray:
        """Coefficients of `decision`, shape (n_features,) for two classes, (K, n_features) for more."""
        coef = self.linear[0]
        return coef[1] - coef[0] if len(self.classes) == 2 else coef

    @property
    def intercept(self) -> float | FloatArray:
        """The intercept of `decision`, or that of each class, shape (K,), for more than two classes."""
        intercept = self.linear[1]
        return float(intercept[1] - intercept[0]) if len(self.classes) == 2 else intercept

    @property
    def y(self) -> AnyArray:
        """The labels that were fitted, shape (n_rows,), a new array."""
        return self.classes[self.codes]

    @cached_property
    def labels(self) -> Labels:
        """The labels that were fitted, as a `Fit` has them."""
        return Labels(self.classes, self.codes.astype(np.int8) if len(self.classes) == 2 else self.codes)

    @property
    def design(self) -> Design:
        """The training rows as features."""
        return self.trained.design

    @property
    def n_rows(self) -> int:
        """Number of training rows."""
        return len(self.codes)

    @property
    def _n_features(self) -> int:
        return self.trained.design.n_features

    @property
    def _n_classes(self) -> int:
        return len(self.classes)

    def scores(self, X: Any) -> FloatArray:
        """Score of each class, shape (m, K): what scikit-learn calls the joint log likelihood."""
        coef, intercept = self.linear
        return product(self.design_of(X, who="scores"), self.trained.cut, coef.T) + intercept

    def decision(self, X: Any) -> FloatArray:
        """Log-odds of ``classes[1]``, shape (m,); scores of the classes, shape (m, K), if there are more than two."""
        scores = self.scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes) == 2 else scores

    def proba(self, X: Any) -> FloatArray:
        """Probability of ``classes[1]``, shape (m,), or of each of more classes, shape (m, K)."""
        return self.proba_of(self.decision(X))

    def proba_of(self, decision: FloatArray) -> FloatArray:
        """The probabilities that a decision means, same shape."""
        return proba_of(decision)

    def relearned(self, codes: IntArray, weights: FloatArray) -> BayesFit:
        """The fit on other labels and weights of the same rows. Cost: one pass over X."""
        counts = self.trained.sums(weights[:, None] * np.eye(len(self.classes))[codes])
        return replace(self, codes=codes, weights=weights, counts=counts)

    def held_out(self, folds: IntArray) -> FloatArray:
        """Scores of each training row from counts without its fold, shape (n_rows, K); ``folds`` from 0, (n_rows,).

        A class all of whose rows are in one fold is as good as impossible there.
        """
        out, members = np.empty((self.n_rows, len(self.classes))), np.eye(len(self.classes))[self.codes]
        members *= self.weights[:, None]
        for fold in range(int(folds.max()) + 1):
            rows = np.flatnonzero(folds == fold)
            part = Columns(self.trained.design.take(rows), self.trained.cut)
            counts = np.maximum(self.counts - part.sums(members[rows]), 0.0)
            masses = np.maximum(self.masses - members[rows].sum(axis=0), _NO_MASS)
            coef, intercept = self.model.linear(counts, masses)
            out[rows] = product(part.design, part.cut, coef.T) + intercept
        return out

    def bare(self) -> BayesFit:
        """This fit without its estimator and the transform of raw rows, which might not travel."""
        return replace(self, transform=None, own=None)

    def new_codes(self, rows: IntArray, labels: Any, *, who: str) -> IntArray:
        """Codes of the new labels of some rows; with two classes and no labels, of the other class.

        Raises
        ------
        ValueError
            If there is not one of the classes for each row; its own is one of them, and changes nothing.
        """
        if labels is None:
            if len(self.classes) > 2:
                raise ValueError(
                    f"{who}: expected the new labels of the rows, because there are {len(self.classes)} classes. "
                    "Pass labels, such as those of a FlipSet."
                )
            return np.asarray(1 - self.codes[rows])
        given = as_array(labels, who=f"{who}: labels")
        if given.ndim == 0:
            given = np.full(len(rows), given)
        if given.shape != rows.shape:
            raise ValueError(f"{who}: expected one label for each of the {len(rows)} rows, got shape {given.shape}.")
        return np.array([code_of(label, self.classes, who=f"{who}: labels") for label in given], dtype=np.int64)

    def refit(
        self, rows: Any, edit: Edit = "relabel", *, labels: Any = None, monitor: Monitor | None = None
    ) -> BayesFit:
        """The fit on labels edited in the given distinct rows, by moving their counts; nothing of this fit changes.

        Parameters
        ----------
        rows
            Numbers of the rows, or a mask of shape (n_rows,).
        edit
            ``"relabel"`` or ``"remove"``.
        labels
            The new label of each row, or one for all; None swaps the two classes.

        Raises
        ------
        ValueError
            If a label is missing or unknown, or the edit leaves a class without rows.

        Notes
        -----
        Cost: the stored values of these rows, and a copy of the counts.
        """
        check_monitor(monitor, who="refit")
        check_edit(edit, who="refit")
        chosen = as_rows(rows, self.n_rows, who="refit: rows")
        codes, weights, n_classes = self.codes.copy(), self.weights.copy(), len(self.classes)
        own, moved = np.eye(n_classes)[self.codes[chosen]], np.zeros((len(chosen), n_classes))
        if edit == "remove":
            weights[chosen] = 0.0
        else:
            codes[chosen] = self.new_codes(chosen, labels, who="refit")
            moved = np.eye(n_classes)[codes[chosen]]
        self._check_classes(codes, weights, len(chosen))
        counts = self.counts
        if len(chosen):
            part = Columns(self.trained.design.take(chosen), self.trained.cut)
            counts = counts + part.sums((moved - own) * self.weights[chosen, None])
            counts = np.maximum(counts, 0.0)  # all rows of a word gone: rounding may leave less than nothing
        return replace(self, codes=codes, weights=weights, counts=counts, own=None)

    def _check_classes(self, codes: IntArray, weights: FloatArray, n_edited: int) -> None:
        left = np.bincount(codes, weights > 0, minlength=len(self.classes))
        if not left.all():
            raise ValueError(
                f"refit: the edit of {n_edited} rows leaves no examples of {self.classes[left == 0].tolist()[0]!r}. "
                "Keep at least one row of each class."
            )

    def __repr__(self) -> str:
        return (
            f"BayesFit({type(self.model).__name__}, {self.n_rows} rows, {self.trained.design.n_features} features, "
            f"classes={self.classes.tolist()})"
        )

    def _repr_html_(self) -> str:
        facts = {
            "Naive Bayes": type(self.model).__name__,
            "Training rows": f"{self.n_rows:,}",
            "Features": f"{self.trained.design.n_features:,}",
            "Classes": several(self.classes.tolist()),
        }
        return card("BayesFit", facts.items())


def proba_of(decision: FloatArray) -> FloatArray:
    """Probabilities from a decision: of ``classes[1]``, (m,), or of each of more classes, (m, K)."""
    return np.asarray(expit(decision) if decision.ndim == 1 else softmax(decision, axis=1))


def scores_of(decision: FloatArray) -> FloatArray:
    """Scores of each class, (m, K), up to a number for each row."""
    return np.column_stack([np.zeros_like(decision), decision]) if decision.ndim == 1 else decision

"""More than two classes: one fit for each class against all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import AnyArray, FloatArray, IntArray
from ..arguments import check_monitor
from ..design import as_design
from ..inputs import as_labels
from ..monitor import Monitor
from ..problem import shares
from .fitting import Fit, fit


@dataclass(frozen=True, eq=False)
class OneVsRest:
    """Fits of each class against the rest, as `fit_one_vs_rest` returns them.

    Attributes
    ----------
    classes
        The class labels, sorted, shape (n_classes,).
    codes
        Class code of each training row, from 0, int64, shape (n_rows,).
    fits
        In the order of ``classes``; each fit's own classes are False and True.
    """

    classes: AnyArray
    codes: IntArray
    fits: tuple[Fit, ...]

    @property
    def y(self) -> AnyArray:
        """The labels that were fitted, shape (n_rows,), a new array."""
        return self.classes[self.codes]

    @property
    def n_rows(self) -> int:
        """Number of training rows."""
        return len(self.codes)

    def decision(self, X: Any) -> FloatArray:
        """Log-odds of each class against the rest, shape (m, n_classes)."""
        design = self.fits[0].design_of(X, who="decision")
        return np.column_stack([each.decision(design) for each in self.fits])

    def proba(self, X: Any) -> FloatArray:
        """Probability of each class, shape (m, n_classes): the fits' own, divided by their sum."""
        return shares(self.decision(X))


def fit_one_vs_rest(
    X: Any,
    y: Any,
    C: float = 1.0,
    sample_weight: Any = None,
    fit_intercept: bool = True,
    *,
    monitor: Monitor | None = None,
) -> OneVsRest:
    """Fit one logistic regression for each class against the rest; parameters as `fit`, with two classes or more.

    Raises
    ------
    ValueError, TypeError
        If the input is not as described, or there is one class only.

    Notes
    -----
    X is held once. Cost: one `fit` a class.
    """
    check_monitor(monitor, who="fit_one_vs_rest")
    design = as_design(X, who="fit_one_vs_rest: X")
    labels = as_labels(y, design.n_rows, who="fit_one_vs_rest")
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError as error:  # objects without an order
        raise TypeError(f"fit_one_vs_rest: expected labels of one type in y, got values that {error}.") from error
    if len(classes) < 2:
        raise ValueError(
            f"fit_one_vs_rest: expected labels of two classes or more, got only {classes.tolist()} in y. A model needs "
            "examples of both."
        )
    fits = [
        fit(design, codes == code, C, sample_weight, fit_intercept, monitor=monitor) for code in range(len(classes))
    ]
    return OneVsRest(classes, codes.astype(np.int64), tuple(fits))

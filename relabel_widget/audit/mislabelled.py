"""Which training rows are most likely mislabelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from .._typing import FloatArray
from ..decisions import code_of
from ..fitting import Fit
from ..leverage import leverages
from ..monitor import Monitor
from ..rows import as_rows

if TYPE_CHECKING:
    import pandas as pd


def suspects(
    fit: Fit,
    *,
    decisions: Mapping[int, Any] | None = None,
    limit: int | None = None,
    monitor: Monitor | None = None,
) -> pd.DataFrame:
    """Training rows by how likely it is that their label is wrong, the most suspect first.

    Parameters
    ----------
    fit
        A fit on the labels as they came.
    decisions
        Training row to the label that a person found right for it: another one than it came with, or the same.
        The other rows are judged by a refit with these labels, and these rows are left out of the result.
    limit
        At most that many rows; all if None.

    Returns
    -------
    DataFrame
        ``row, label, suggested, score``: the training row, the label it came with, the label to consider instead, and
        the probability in [0, 1] that the model, had it not seen this row, gives to other labels than the one
        it came with.

    Raises
    ------
    TypeError, ValueError
        If a decided row or label does not exist, or ``limit`` is not a positive whole number.
    Cancelled
        If ``monitor`` was cancelled.

    Notes
    -----
    The log-odds without row i come from one Newton step from the minimiser: ``eta_i - s_i (y_i - p_i) q_i / (1 -
    h_i)`` with ``q_i = x_i . H^-1 x_i`` and the leverage ``h_i = s_i p_i (1 - p_i) q_i`` (`leverages`, estimated).
    """
    import pandas as pd

    decided, relabelled = _decided(fit, decisions)
    limit = fit.n_rows if limit is None else _check_limit(limit)
    current = fit.refit(relabelled, monitor=monitor) if len(relabelled) else fit
    labels = fit.problem.labels
    against = -labels.signs * without_itself(current, monitor=monitor)
    against[decided] = -np.inf
    rows = np.argsort(-against, kind="stable")[: min(limit, fit.n_rows - len(decided))]
    codes = labels.codes[rows]
    return pd.DataFrame(
        {
            "row": rows,
            "label": labels.decode(codes),
            "suggested": labels.decode(1 - codes),
            "score": expit(against[rows]),
        }
    )


def without_itself(fit: Fit, *, monitor: Monitor | None = None) -> FloatArray:
    """Log-odds of each training row from a model that has not seen it, by one Newton step, shape (n_rows,)."""
    held = leverages(fit, monitor=monitor)
    curvature = fit.hessian.curvature
    pull = np.divide(held, curvature * (1.0 - held), out=np.zeros_like(held), where=curvature > 0)
    return fit.eta - fit.problem.force(fit.eta, "remove") * pull


def _decided(fit: Fit, decisions: Mapping[int, Any] | None) -> tuple[Any, Any]:
    """The decided rows, and those of them whose label changes."""
    given = decisions or {}
    rows = as_rows(list(given), fit.n_rows, who="suspects: decisions")
    codes = np.array([code_of(label, fit.classes, who="suspects: decisions") for label in given.values()], dtype=int)
    return rows, rows[codes != fit.problem.labels.codes[rows]]


def _check_limit(limit: Any) -> int:
    """The limit as int.

    Raises
    ------
    ValueError
        If it is not a positive whole number.
    """
    if isinstance(limit, bool) or not isinstance(limit, (int, np.integer)) or limit < 1:
        raise ValueError(f"suspects: expected limit as a positive whole number, got {limit!r}.")
    return int(limit)

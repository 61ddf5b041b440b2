"""What callers pass, checked before it is used."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from scipy.special import logit

from ._typing import IntArray


def as_rows(rows: Any, n_rows: int, *, who: str) -> IntArray:
    """Distinct training rows as int64, in the order given.

    Parameters
    ----------
    rows
        One row number, a sequence of them, or a boolean mask of shape (n_rows,).

    Raises
    ------
    TypeError
        If they are not whole numbers.
    ValueError
        If one is outside 0 .. n_rows - 1 or comes twice, or a mask has another length.
    """
    array = np.atleast_1d(np.asarray(rows))
    if array.dtype == np.bool_:
        if array.shape != (n_rows,):
            raise ValueError(f"{who}: expected a mask of shape ({n_rows},), got {array.shape}.")
        return np.flatnonzero(array).astype(np.int64)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.dtype.kind not in "ui" or array.ndim != 1:
        raise TypeError(f"{who}: expected training row numbers, got {array.dtype} of shape {array.shape}.")
    outside = array[(array < 0) | (array >= n_rows)]
    if outside.size:
        raise ValueError(f"{who}: expected training rows 0 to {n_rows - 1}, got {outside[0]}.")
    if np.unique(array).size != array.size:
        raise ValueError(
            f"{who}: expected each training row once, got some twice. A row relabelled twice is as it was."
        )
    return array.astype(np.int64)


def check_threshold(threshold: Any, *, who: str) -> float:
    """The threshold as log-odds.

    Raises
    ------
    ValueError
        If it does not lie strictly between 0 and 1.
    """
    if not isinstance(threshold, numbers.Real) or not 0 < float(threshold) < 1:
        raise ValueError(f"{who}: expected a threshold strictly between 0 and 1, got {threshold!r}.")
    return float(logit(float(threshold)))


def check_edit(edit: Any, *, who: str) -> None:
    """Refuse an edit that is neither "relabel" nor "remove".

    Raises
    ------
    ValueError
        If it is another.
    """
    if edit not in ("relabel", "remove"):
        raise ValueError(f'{who}: expected edit "relabel" or "remove", got {edit!r}.')

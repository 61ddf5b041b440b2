"""Checks of what callers pass."""

from __future__ import annotations

import numbers
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logit

from ._typing import AnyArray, FloatArray, IntArray
from .monitor import Monitor


def as_array(values: Any, *, who: str) -> AnyArray:
    """Convert anything that NumPy accepts to an array.

    Raises
    ------
    ValueError
        If some values are masked, or rows have different lengths.
    TypeError
        If NumPy cannot make an array of it.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(
            f"{who}: expected values without a mask, got {int(np.ma.getmaskarray(values).sum())} masked ones. Drop "
            "those rows or fill them with .filled(...)."
        )
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{who}: expected an array, got rows of different lengths ({error}).") from error
    except Exception as error:  # the object's own __array__ may raise anything
        raise TypeError(f"{who}: expected an array, got {type(values).__name__} ({error}).") from error


def as_numbers(values: Any, *, who: str) -> FloatArray:
    """Real numbers as float64, of any shape, NaN and infinity included. No copy if they are float64 already.

    Raises
    ------
    TypeError
        If the values are not real numbers: texts, dates, complex numbers and objects are refused.
    ValueError
        As `as_array`.
    """
    array = as_array(values, who=who)
    if array.dtype == object and not any(isinstance(value, (str, bytes)) for value in array.flat):
        with suppress(TypeError, ValueError, OverflowError):  # a data frame of mixed number types
            array = array.astype(np.float64)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{who}: expected real numbers, got {_kind_of(values, array)}.")
    return np.asarray(array, dtype=np.float64)


def _kind_of(values: Any, array: AnyArray) -> str:
    return f"dtype {array.dtype}" if array.ndim else shown(values)


def shown(value: Any, most: int = 80) -> str:
    """A value as shown in messages, cut if it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # its own __repr__ fails
        text = f"<{type(value).__name__}>"
    return text if len(text) <= most else f"{text[:most]}… ({type(value).__name__})"


def as_rows(rows: Any, n_rows: int, *, who: str, kind: str = "training row") -> IntArray:
    """Distinct rows as int64, in the order given.

    Parameters
    ----------
    rows
        One row number, a sequence of them, or a boolean mask of shape (n_rows,).
    kind
        What messages call a row.

    Raises
    ------
    TypeError
        If they are not whole numbers.
    ValueError
        If one is outside 0 .. n_rows - 1 or repeated, or a mask has the wrong length or consists of 0 and 1.
    """
    array = np.atleast_1d(as_array(rows, who=who))
    if array.dtype == object and array.size and {type(one) for one in array.flat} <= {bool, np.bool_}:
        array = array.astype(np.bool_)  # a mask that went through a join
    if array.dtype == np.bool_:
        if array.shape != (n_rows,):
            raise ValueError(f"{who}: expected a mask of shape ({n_rows},), got {array.shape}.")
        return np.flatnonzero(array).astype(np.int64)
    if array.shape == (n_rows,) and n_rows > 2 and array.dtype.kind in "uif" and np.isin(array, (0, 1)).all():
        raise ValueError(
            f"{who}: expected {kind} numbers or a mask of True and False, got 0 or 1 for each of the {n_rows} rows. "
            "Pass a mask as np.asarray(mask, dtype=bool), or the numbers of the rows."
        )
    if array.shape == (0,) and not isinstance(rows, (str, bytes)):
        return np.empty(0, dtype=np.int64)
    if array.dtype.kind not in "ui" or array.ndim != 1:
        raise TypeError(
            f"{who}: expected {kind} numbers, got {_rows_shown(rows, array)}. Pass {_column_of_rows(rows)}whole "
            f"numbers from 0 to {n_rows - 1}, or a mask of True and False of shape ({n_rows},)."
        )
    outside = array[(array < 0) | (array >= n_rows)]
    if outside.size:
        raise ValueError(f"{who}: expected {kind}s 0 to {n_rows - 1}, got {outside[0]}.")
    if np.unique(array).size != array.size:
        raise ValueError(f"{who}: expected each {kind} once, got some twice. Naming it twice changes nothing.")
    return array.astype(np.int64)


def _rows_shown(rows: Any, array: AnyArray) -> str:
    return f"{array.dtype} of shape {array.shape}" if hasattr(rows, "shape") else shown(rows)


def _column_of_rows(rows: Any) -> str:
    """Where something else than rows has them, such as a flip set or a table of suspects."""
    if hasattr(rows, "rows"):
        return "its .rows, "
    return 'its column ["row"], ' if "row" in getattr(rows, "columns", ()) else ""


def as_whole(value: Any, least: int, *, who: str) -> int:
    """A whole number of at least ``least``.

    Raises
    ------
    ValueError
        If it is not one.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{who}: expected a whole number of at least {least}, got {shown(value)}.")
    return int(value)


def as_number(value: Any, *, who: str, above: float = -np.inf, below: float = np.inf) -> float:
    """A real number strictly between two others.

    Raises
    ------
    ValueError
        If it is not one.
    """
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        with suppress(OverflowError):  # a whole number too large for float64
            if above < float(value) < below:
                return float(value)
    between = f" above {above:g}" if above > -np.inf else ""
    between += f"{' and' if between else ''} below {below:g}" if below < np.inf else ""
    raise ValueError(f"{who}: expected a finite number{between}, got {shown(value)}.")


def as_flag(value: Any, *, who: str) -> bool:
    """True or False; 1 and 0 are accepted.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, numbers.Integral) and value in (0, 1)):
        return bool(value)
    raise TypeError(f"{who}: expected True or False, got {shown(value)}.")


def check_choice(value: Any, name: str, choices: Sequence[str], *, who: str) -> None:
    """Refuse a value that is not one of ``choices``; ``name`` is the argument's name.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, str) or value not in choices:
        known = ", ".join(f'"{choice}"' for choice in choices[:-1]) + f' or "{choices[-1]}"'
        raise ValueError(f"{who}: expected {name} {known}, got {shown(value)}.")


def check_monitor(monitor: Any, *, who: str) -> None:
    """Refuse anything but a `Monitor` or None.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if monitor is not None and not isinstance(monitor, Monitor):
        raise TypeError(f"{who}: expected monitor to be a Monitor or None, got {shown(monitor)}.")


def as_path(path: str | os.PathLike[str], *, who: str) -> Path:
    """A path from the user, with ``~`` expanded.

    Raises
    ------
    TypeError, ValueError
        If it is not a path, or not one that a file system could hold.
    """
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise TypeError(f"{who}: expected a path as a string or pathlib.Path, got {type(path).__name__}.")
    text = os.fspath(path)
    try:
        sound = b"\0" not in os.fsencode(text) and bool(text)
    except UnicodeEncodeError:
        sound = False
    if not sound:
        raise ValueError(f"{who}: expected the path of a file, got {text!r}.")
    with suppress(RuntimeError):  # no such user: the path is used literally
        return Path(text).expanduser()
    return Path(text)


def check_threshold(threshold: Any, *, who: str) -> float:
    """The threshold as log-odds.

    Raises
    ------
    ValueError
        If it does not lie strictly between 0 and 1.
    """
    if not isinstance(threshold, numbers.Real) or not 0 < float(threshold) < 1:
        raise ValueError(f"{who}: expected a threshold strictly between 0 and 1, got {shown(threshold)}.")
    return float(logit(float(threshold)))


def check_edit(edit: Any, *, who: str) -> None:
    """Refuse an edit that is neither "relabel" nor "remove".

    Raises
    ------
    ValueError
        If it is neither.
    """
    check_choice(edit, "edit", ("relabel", "remove"), who=who)

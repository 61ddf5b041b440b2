"""Immutable class codes plus an overlay of relabelled rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .._typing import AnyArray, CodeArray, FloatArray, IntArray
from ..arguments import as_array
from ..files.characters import readable, readable_values


@dataclass(frozen=True, eq=False)
class Labels:
    """Two-class labels of the training rows, some of them swapped.

    Attributes
    ----------
    classes
        The two class labels, sorted, shape (2,).
    original
        Class codes 0 or 1 before any edit, int8, shape (n_rows,).
    swapped
        Rows whose label is swapped, sorted and unique, int64.
    """

    classes: AnyArray
    original: CodeArray
    swapped: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @cached_property
    def codes(self) -> CodeArray:
        """Class codes with the overlay applied, int8, shape (n_rows,)."""
        codes = self.original.copy()
        codes[self.swapped] ^= 1
        codes.flags.writeable = False
        return codes

    @cached_property
    def signs(self) -> FloatArray:
        """``2 y_i - 1``: -1 or +1 for each row, shape (n_rows,)."""
        return 2.0 * self.codes.astype(np.float64) - 1.0

    def swap(self, rows: IntArray) -> Labels:
        """These labels with the given distinct rows swapped; swapping a row twice changes nothing."""
        return Labels(self.classes, self.original, np.setxor1d(self.swapped, rows, assume_unique=True))

    def decode(self, codes: CodeArray) -> AnyArray:
        """The class labels of the given codes, same shape."""
        return self.classes[codes]


def encode(y: Any, n_rows: int, *, who: str, classes: AnyArray | None = None) -> Labels:
    """Labels from an array-like of two classes.

    Parameters
    ----------
    y
        Labels, shape (n_rows,): numbers, strings or booleans.
    n_rows
        The number of rows of X.
    who
        The name of the calling function, for messages.
    classes
        The estimator's classes, if labels must be among them; otherwise they are the sorted distinct labels.

    Returns
    -------
    Labels
        Halves of surrogate pairs in text labels are joined or replaced (`readable`), so that every file and page can
        hold a class.

    Raises
    ------
    ValueError
        If the length differs, a label is missing, there are not exactly two classes, or a label is not one of
        ``classes``.
    TypeError
        If labels are of several types that cannot be compared.
    """
    array, found = _read(y, n_rows, who)
    if classes is None:
        classes = found
        _check_two(classes, who)
    else:
        classes = readable_values(classes)
        _check_known(found, classes, who)
        if len(found) == 1:
            _check_two(found, who)
    codes = (array == classes[1]).astype(np.int8)
    codes.flags.writeable = False
    return Labels(classes, codes)


def codes_of_queries(y: Any, n_rows: int, *, who: str, classes: AnyArray) -> CodeArray:
    """Class codes of the true labels of queries, as `encode` reads labels; all may be of one class."""
    return codes_among(y, n_rows, who=who, classes=classes).astype(np.int8)


def codes_among(y: Any, n_rows: int, *, who: str, classes: AnyArray) -> IntArray:
    """Class codes among any number of sorted classes, int64, shape (n_rows,), as `encode` reads labels."""
    array, found = _read(y, n_rows, who)
    _check_known(found, classes, who)
    return np.searchsorted(classes, array)


def _read(y: Any, n_rows: int, who: str) -> tuple[AnyArray, AnyArray]:
    """Labels as an array of shape (n_rows,), and the distinct ones, sorted."""
    array = as_array(y, who=f"{who}: y")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.shape[0] != n_rows:
        raise ValueError(f"{who}: expected one label for each of the {n_rows} rows of X, got y of shape {array.shape}.")
    _check_present(array, who)
    array = readable_values(array)
    return array, _distinct(array, who)


def _distinct(array: AnyArray, who: str) -> AnyArray:
    try:
        return np.unique(array)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in array})
        raise TypeError(f"{who}: expected labels of one type, got {', '.join(kinds)} together in y.") from error


def _check_present(array: AnyArray, who: str) -> None:
    missing = sum(_is_missing(label) for label in array) if array.dtype.kind in "fO" else 0
    if missing:
        raise ValueError(
            f"{who}: expected a label for every row, got {missing} missing (None, NaN or NA). Drop those rows."
        )


def _is_missing(label: Any) -> bool:
    try:
        return label is None or bool(label != label)  # noqa: PLR0124 - NaN is the only value that differs from itself
    except TypeError:  # pandas.NA: what it is compared with is neither true nor false
        return True


def _check_known(found: AnyArray, classes: AnyArray, who: str) -> None:
    if not np.isin(found, classes).all():
        raise ValueError(
            f"{who}: the estimator knows the classes {_shown(classes)}, got the labels {_shown(found)} in y. "
            "Pass y as it was given to the estimator's fit, in the same type."
        )


def _check_two(classes: AnyArray, who: str) -> None:
    if len(classes) == 1:
        raise ValueError(
            f"{who}: expected two classes, got only {_shown(classes)} in y. A model needs examples of both."
        )
    if len(classes) != 2:
        raise ValueError(
            f"{who}: expected two classes, got {len(classes)}: {_shown(classes)}. "
            "More than two are not supported yet: pose one class against the rest, y == label."
        )


def _shown(classes: AnyArray) -> str:
    shown = ", ".join(repr(label) for label in classes[:6].tolist())
    return f"[{shown}, ...]" if len(classes) > 6 else f"[{shown}]"


def code_of(label: Any, classes: AnyArray, *, who: str) -> int:
    """The class code of a label.

    Raises
    ------
    ValueError
        If it is not one of the classes.
    """
    known = classes.tolist()
    plain = label.item() if isinstance(label, np.generic) else label
    plain = readable(plain) if isinstance(plain, str) else plain  # as the classes are
    if plain not in known:
        raise ValueError(
            f"{who}: expected one of the labels {known}, got {plain!r} ({type(plain).__name__}). Give a label as it "
            "was given to the estimator's fit, in the same type."
        )
    code: int = known.index(plain)
    return code

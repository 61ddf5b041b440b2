"""Immutable class codes plus an overlay of relabelled rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .._typing import AnyArray, CodeArray, FloatArray, IntArray
from ..arguments import shown
from ..files.characters import readable, readable_values
from ..inputs import as_labels, is_missing, known_labels, labels_name


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of the training rows, some of them changed.

    Attributes
    ----------
    classes
        The class labels, sorted, shape (2,) or (K,).
    original
        Class codes 0 or 1 before any edit, int8, shape (n_rows,); 0 to K - 1, int64, with several classes.
    swapped
        Rows whose label is another one, sorted and unique, int64.
    given
        With several classes, the codes of these rows, same shape; None with two: each has the other label.
    """

    classes: AnyArray
    original: CodeArray
    swapped: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    given: CodeArray | None = None

    @cached_property
    def codes(self) -> CodeArray:
        """Class codes with the overlay applied, in the type of ``original``, shape (n_rows,)."""
        codes = self.original.copy()
        if self.given is None:
            codes[self.swapped] ^= 1
        else:
            codes[self.swapped] = self.given
        codes.flags.writeable = False
        return codes

    @cached_property
    def signs(self) -> FloatArray:
        """``2 y_i - 1``: -1 or +1 for each row, shape (n_rows,)."""
        return 2.0 * self.codes.astype(np.float64) - 1.0

    def swap(self, rows: IntArray) -> Labels:
        """A copy with the given distinct rows swapped; swapping a row twice changes nothing."""
        return Labels(self.classes, self.original, np.setxor1d(self.swapped, rows, assume_unique=True))

    def relabel(self, rows: IntArray, codes: IntArray) -> Labels:
        """These labels of several classes with the given distinct rows' labels replaced."""
        edited = self.codes.copy()
        edited[rows] = codes
        changed = np.flatnonzero(edited != self.original)
        return Labels(self.classes, self.original, changed, edited[changed])

    def decode(self, codes: CodeArray) -> AnyArray:
        """The class labels for the given codes, same shape."""
        return self.classes[codes]


def encode(y: Any, n_rows: int, *, who: str, classes: AnyArray | None = None, several: bool = False) -> Labels:
    """Labels from an array-like of two classes, or of more where ``several`` are allowed.

    Parameters
    ----------
    y
        Labels, shape (n_rows,): numbers, strings or booleans, as `as_labels` takes them.
    n_rows
        The number of rows of X.
    who
        The name of the calling function, for messages.
    classes
        The estimator's classes, if labels must be among them; by default, the sorted distinct labels. They keep the
        type of the labels where the estimator has another for the same values, such as 0.0 and 1.0 for booleans.

    Returns
    -------
    Labels
        Halves of surrogate pairs in text labels are joined or replaced (`readable`), so that class names can be
        written to any file or page.

    Raises
    ------
    ValueError
        If the length is wrong, a label is missing, there are not exactly two classes (two or more, with ``several``),
        or a label is not one of ``classes``.
    TypeError
        If labels are of types that cannot be compared.
    """
    array, found = _read(y, n_rows, who)
    if classes is None:
        classes = found
        _check_number(classes, who, several)
        if len(classes) == n_rows > 2:
            raise ValueError(
                f"{who}: expected classes that rows share, got one of its own for each of the {n_rows} rows: "
                f"{_shown(classes)}. Are these numbers to predict, or ids?"
            )
    else:
        classes = readable_values(classes)
        _check_known(found, classes, who)
        _check_number(classes if len(found) > 1 else found, who, several)
        classes = _as_given(classes, found)
    codes = _codes(array, classes)
    codes.flags.writeable = False
    return Labels(classes, codes)


def codes_of_queries(y: Any, n_rows: int, *, who: str, classes: AnyArray) -> CodeArray:
    """Class codes of the true labels of queries, read as by `encode`; they may all be of one class."""
    array, found = _read(y, n_rows, who)
    _check_known(found, classes, who)
    return _codes(array, classes)


def _codes(array: AnyArray, classes: AnyArray) -> CodeArray:
    if len(classes) == 2:
        return np.asarray((array == classes[1]).astype(np.int8))
    return np.searchsorted(classes, array).astype(np.int64)


def truth_of(y: Any, n_rows: int, *, who: str, classes: AnyArray) -> tuple[IntArray, AnyArray]:
    """True labels of queries, some of which may be missing, or of classes that the model does not know.

    Returns
    -------
    codes, labels
        Class codes, int64, shape (n_rows,): -1 where the label is missing, from ``len(classes)`` on for each other
        label. The labels themselves, shape (n_rows,), None where they are missing.

    Raises
    ------
    ValueError, TypeError
        If there is not one for each row, or none of them is a class: they are then of another type.
    """
    values, rows = known_labels(y, n_rows, who=who)
    values = readable_values(values)
    found = _distinct(values, who)
    others = found[~np.isin(found, classes)]
    if len(others) == len(found):
        _check_known(found, classes, who)
    named = classes.tolist() + others.tolist()
    places = {label: code for code, label in enumerate(named)}
    codes = np.full(n_rows, -1, dtype=np.int64)
    codes[rows] = [places[label] for label in values.tolist()]
    if len(rows) == n_rows:
        return codes, values if len(others) else classes[codes]
    labels = np.full(n_rows, None, dtype=object)
    for row, code in zip(rows.tolist(), codes[rows].tolist(), strict=True):
        labels[row] = named[code]
    return codes, labels


def _read(y: Any, n_rows: int, who: str) -> tuple[AnyArray, AnyArray]:
    """Labels as an array of shape (n_rows,), and the sorted distinct labels."""
    array = readable_values(as_labels(y, n_rows, who=who))
    return array, _distinct(array, who)


def _distinct(array: AnyArray, who: str) -> AnyArray:
    try:
        return np.unique(array)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in array})
        raise TypeError(
            f"{who}: expected labels of one type, got {', '.join(kinds)} together in {labels_name(who)}."
        ) from error


def _as_given(classes: AnyArray, found: AnyArray) -> AnyArray:
    """The estimator's classes, in its order, in the type that the labels came in: 0.0 and 1.0 may be booleans."""
    return found if len(found) == len(classes) and bool((found == classes).all()) else classes


def _check_known(found: AnyArray, classes: AnyArray, who: str) -> None:
    if not np.isin(found, classes).all():
        raise ValueError(
            f"{who}: the estimator knows the classes {_shown(classes)}, got the labels {_shown(found)} in "
            f"{labels_name(who)}. Pass {labels_name(who)} as it was given to the estimator's fit, in the same type."
        )


def _check_number(classes: AnyArray, who: str, several: bool) -> None:
    if len(classes) == 1:
        raise ValueError(
            f"{who}: expected two classes, got only {_shown(classes)} in y. A model needs examples of both."
        )
    if several and len(classes) > 2 and classes.dtype.kind == "f" and (classes != np.round(classes)).any():
        raise ValueError(
            f"{who}: expected classes in y, got {len(classes)} distinct numbers that are not whole: {_shown(classes)}. "
            "Such numbers are mostly measurements; if they name classes, pass them as text."
        )
    if len(classes) != 2 and not several:
        raise ValueError(
            f"{who}: expected two classes, got {len(classes)}: {_shown(classes)}. "
            "More than two are not supported here yet: train one class against the rest with y == label."
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
    if getattr(label, "ndim", 0):
        raise ValueError(f"{who}: expected one of the labels {known}, got several: {shown(label)}. Pass one.")
    if is_missing(label):
        raise ValueError(
            f"{who}: expected one of the labels {known}, got {label!r} ({type(label).__name__}), which is missing. "
            "Leave it out."
        )
    plain = label.item() if isinstance(label, np.generic) else label
    plain = readable(plain) if isinstance(plain, str) else plain  # the classes are, too
    if plain not in known:
        raise ValueError(
            f"{who}: expected one of the labels {known}, got {plain!r} ({type(plain).__name__}). Pass a label as it "
            "was given to the estimator's fit, in the same type."
        )
    code: int = known.index(plain)
    return code

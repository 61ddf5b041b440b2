"""Labels: codes, the overlay of swapped rows, and the types that labels come in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from relabel_widget.problem import encode

GUISES: dict[str, tuple[Any, list[Any]]] = {
    "int": (np.array([3, -1, 3]), [-1, 3]),
    "bool": (np.array([True, False, True]), [False, True]),
    "float": (np.array([1.0, 0.0, 1.0]), [0.0, 1.0]),
    "string": (np.array(["no", "but", "no"]), ["but", "no"]),
    "list": (["b", "a", "b"], ["a", "b"]),
    "object": (np.array(["b", "a", "b"], dtype=object), ["a", "b"]),
    "column": (np.array([[1], [0], [1]]), [0, 1]),
    "series": (pd.Series(["b", "a", "b"], index=[7, 8, 9]), ["a", "b"]),
    "categorical": (pd.Series(["b", "a", "b"], dtype="category"), ["a", "b"]),
    "nullable int": (pd.Series([2, 1, 2], dtype="Int64"), [1, 2]),
    "uint8": (np.array([255, 0, 255], dtype=np.uint8), [0, 255]),
}


@pytest.mark.parametrize(("y", "classes"), GUISES.values(), ids=GUISES)
def test_codes_and_classes(y: Any, classes: list[Any]) -> None:
    labels = encode(y, 3, who="test")
    assert labels.classes.tolist() == classes
    assert labels.codes.tolist() == [1, 0, 1]
    assert labels.signs.tolist() == [1.0, -1.0, 1.0]
    assert labels.decode(labels.codes).tolist() == [classes[1], classes[0], classes[1]]


def test_classes_of_the_estimator_decide() -> None:
    """Also when the labels come in another type of text or number than the estimator holds."""
    labels = encode(np.array(["b", "a"], dtype=object), 2, who="test", classes=np.array(["a", "b"]))
    assert labels.codes.tolist() == [1, 0]
    labels = encode(np.array([1.0, 0.0]), 2, who="test", classes=np.array([0, 1]))
    assert labels.codes.tolist() == [1, 0]


def test_relabel_twice_is_nothing() -> None:
    labels = encode([0, 1, 1, 0, 1], 5, who="test")
    once = labels.swap(np.array([3, 1]))
    assert once.codes.tolist() == [0, 0, 1, 1, 1]
    assert once.swapped.tolist() == [1, 3]
    twice = once.swap(np.array([1, 3]))
    assert twice.swapped.tolist() == []
    assert_array_equal(twice.codes, labels.codes)
    assert once.swap(np.array([3, 4])).codes.tolist() == [0, 0, 1, 0, 0]


def test_swapping_leaves_everything_else_as_it_was() -> None:
    labels = encode(["x", "y", "x"], 3, who="test")
    swapped = labels.swap(np.array([0]))
    assert labels.codes.tolist() == labels.original.tolist() == swapped.original.tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match="read-only"):
        labels.codes[0] = 1


def test_the_callers_labels_are_not_held() -> None:
    y = np.array([0, 1, 0])
    labels = encode(y, 3, who="test")
    y[:] = 1
    assert labels.codes.tolist() == [0, 1, 0]

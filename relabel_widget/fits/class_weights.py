"""``class_weight`` as scikit-learn's estimators take it: a mapping of labels to weights, or "balanced"."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._typing import AnyArray, FloatArray
from ..arguments import as_number, shown
from ..problem import Labels, LabelWeights, RestWeights, Weighing


def label_weights(
    class_weight: Any,
    labels: Labels,
    weights: FloatArray,
    *,
    who: str,
    counts_rows: bool = False,
    weighing: Weighing | None = None,
    classes: AnyArray | None = None,
) -> LabelWeights | None:
    """What makes the rows' weights of their labels; None where they stay as they are.

    ``counts_rows`` balances classes by their numbers of rows in every release of scikit-learn. ``weighing`` is that of
    one class against the rest, None elsewhere; ``classes`` are those that a mapping names, if not those of the labels.

    Raises
    ------
    ValueError, TypeError
        If class_weight is neither None, "balanced", nor a mapping of classes to positive numbers.
    """
    if class_weight is None:
        return None
    n_classes = len(labels.classes)
    of_class = None
    if not (isinstance(class_weight, str) and class_weight == "balanced"):
        of_class = _of_mapping(class_weight, labels.classes if classes is None else classes, who)
    counts_rows = counts_rows or not _takes_weights()
    if weighing is None:
        return LabelWeights(weights, n_classes, of_class, counts_rows)
    return RestWeights(weights, n_classes, of_class, counts_rows, weighing)


def _of_mapping(class_weight: Any, classes: AnyArray, who: str) -> FloatArray:
    if not isinstance(class_weight, Mapping):
        raise TypeError(f'{who}: expected class_weight as a mapping, "balanced" or None, got {shown(class_weight)}.')
    unknown = [label for label in class_weight if label not in classes.tolist()]
    if unknown:
        raise ValueError(
            f"{who}: expected the classes {shown(classes.tolist())} in class_weight, got {shown(unknown)}. Name each "
            "as it stands in y, in the same type."
        )
    given = [class_weight.get(label, 1.0) for label in classes.tolist()]
    return np.array([as_number(value, who=f"{who}: class_weight", above=0.0) for value in given])


def _takes_weights() -> bool:
    """Whether this release of scikit-learn balances classes by their weight, not by their number of rows."""
    from sklearn.utils.class_weight import compute_class_weight

    return "sample_weight" in inspect.signature(compute_class_weight).parameters

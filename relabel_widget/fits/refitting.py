"""A user's estimator, as it was given, fitted once more: with all that is wrapped around its classifier."""

from __future__ import annotations

from copy import copy
from typing import Any

from .._typing import AnyArray
from ..design import Design
from .own_model import NoRefitError, OwnModel, in_memory, name_of_weights
from .wrappers import is_frozen, opened


def fitted_again(estimator: Any, own: OwnModel, labels: AnyArray, *, who: str) -> Any:
    """A clone of an estimator, fitted to its training rows with other labels.

    Searches search, and classifiers with a threshold tune or calibrate, once more. What is frozen is fitted, and frozen
    again; at the end of a pipeline it is fitted with its steps. A step that is frozen stays as it is.

    Parameters
    ----------
    estimator
        As it was given. Where its rows were given as features, the steps before the classifier cannot be fitted: then
        it is the classifier alone.
    own
        What it was fitted to.
    labels
        The new labels, shape (n_rows,).

    Raises
    ------
    NoRefitError
        If it cannot be cloned, or its fit raises.
    """
    as_features = own.steps is None
    whole = not as_features or opened(estimator).estimator is own.classifier
    given = estimator if whole else own.classifier
    rows = own.rows if not as_features else own.features
    if isinstance(rows, Design):
        rows = in_memory(rows)
    try:
        return _fitted(given, own, rows, labels)
    except Exception as error:
        raise NoRefitError(
            f"{who}: your {type(given).__name__} could not be fitted on the corrected labels. See that "
            f"sklearn.base.clone(estimator).fit(X, y) works. It raised {type(error).__name__}: {error}"
        ) from error


def _fitted(given: Any, own: OwnModel, rows: Any, labels: AnyArray) -> Any:
    from sklearn.base import clone

    if is_frozen(given):
        return type(given)(_fitted(given.estimator, own, rows, labels))
    inner = getattr(given, "estimator", None)
    if is_frozen(inner) or getattr(given, "cv", None) == "prefit":  # it takes a fitted one
        held = copy(given)
        held.estimator = _fitted(inner, own, rows, labels)
        return held.fit(rows, labels)
    arguments = {} if own.sample_weight is None else {name_of_weights(given, own.classifier): own.sample_weight}
    return clone(_thawed(given)).fit(rows, labels, **arguments)


def _thawed(estimator: Any) -> Any:
    """A pipeline whose last step is not frozen any more; others as they are."""
    steps = getattr(estimator, "steps", None)
    if not steps or not hasattr(estimator, "named_steps"):
        return estimator
    name, last = steps[-1]
    inside = _thawed(last.estimator if is_frozen(last) else last)
    if inside is last:
        return estimator
    pipeline = copy(estimator)
    pipeline.steps = [*steps[:-1], (name, inside)]
    return pipeline

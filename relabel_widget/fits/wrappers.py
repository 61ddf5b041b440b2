"""Estimators around a classifier that leave its objective as it is: searches, thresholds, frozen ones."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

from scipy.special import expit


@dataclass(frozen=True, eq=False)
class Opened:
    """What is inside.

    Attributes
    ----------
    estimator
        A classifier, or a pipeline of transformers that ends in one; what cannot be opened is left as it is.
    threshold
        ``classes[1]`` is predicted above this probability of it; None where no wrapper has a threshold. On it,
        scikit-learn predicts the wrapper's ``pos_label``.
    """

    estimator: Any
    threshold: float | None


def opened(estimator: Any) -> Opened:
    """Take off what is wrapped around a fitted classifier, wherever it is in pipelines; nothing given changes.

    A search counts as the estimator that it found, which a refit fits again with the same parameters. What is frozen
    counts as what it was before, unless it is a transformer.
    """
    inner = _inside(estimator)
    if inner is not None:
        found = opened(inner)
        return Opened(found.estimator, _threshold(estimator) if _has_threshold(estimator) else found.threshold)
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps and hasattr(estimator, "named_steps"):
        name, last = steps[-1]
        found = opened(last)
        if found.estimator is last:
            return Opened(estimator, found.threshold)
        pipeline = copy(estimator)
        pipeline.steps = [*steps[:-1], (name, found.estimator)]
        return Opened(pipeline, found.threshold)
    return Opened(estimator, None)


def is_frozen(estimator: Any) -> bool:
    """Whether it is a ``FrozenEstimator``: fitting it, or a clone of it, changes nothing."""
    return type(estimator).__module__.startswith("sklearn.frozen")


def _inside(estimator: Any) -> Any:
    """The fitted estimator in a wrapper; None if there is no wrapper, or it cannot be said what it was fitted to."""
    if is_frozen(estimator):
        return estimator.estimator
    if not _has_threshold(estimator):
        return getattr(estimator, "best_estimator_", None)
    if hasattr(estimator, "threshold"):  # which is fixed: a fitted classifier suffices
        return getattr(estimator, "estimator_", estimator.estimator)
    split = not estimator.refit and estimator.cv != "prefit"  # fitted to the rows of one split only
    return None if split else getattr(estimator, "estimator_", None)


def _has_threshold(estimator: Any) -> bool:
    try:
        from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
    except ImportError:  # before scikit-learn 1.5
        return False
    return isinstance(estimator, (FixedThresholdClassifier, TunedThresholdClassifierCV))


def _threshold(estimator: Any) -> float:
    """The threshold of a fitted one as a probability of ``classes[1]``.

    scikit-learn predicts ``pos_label`` where its score is at least the threshold t. If that is ``classes[0]``, the
    other class is predicted where ``1 - p < t``: strictly above ``1 - t``.
    """
    if hasattr(estimator, "best_threshold_"):
        threshold = estimator.best_threshold_
        pos_label = estimator._curve_scorer._get_pos_label()  # scikit-learn has no public name for it
    else:
        threshold = estimator.threshold
        pos_label = estimator.pos_label
    if threshold == "auto":
        return 0.5
    classes = getattr(estimator, "classes_", None)
    of_first = classes is not None and pos_label is not None and pos_label == classes[0]
    if estimator.response_method == "decision_function":
        return float(expit(-threshold if of_first else threshold))
    return float(1 - threshold if of_first else threshold)

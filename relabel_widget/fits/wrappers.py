"""Estimators around a classifier that leave its objective as it is: searches, thresholds, calibration, frozen ones."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, logit

from .._typing import AnyArray
from .linear import is_one_vs_rest


@dataclass(frozen=True, eq=False)
class Opened:
    """What is inside.

    Attributes
    ----------
    estimator
        A classifier, or a pipeline of transformers that ends in one; what cannot be opened is left as it is.
    threshold
        ``classes[1]`` is predicted above this probability of it (`Problem.proba`); None where no wrapper has a
        threshold. On it, scikit-learn predicts the wrapper's ``pos_label``.
    calibration
        The ``CalibratedClassifierCV`` that made the threshold, if a fit of it fits the classifier as well.
    classes
        The labels that the classifier's classes stand for, where a wrapper fitted it to their codes, 0, 1 and so on;
        None where they are its own.
    """

    estimator: Any
    threshold: float | None
    calibration: Any = None
    classes: AnyArray | None = None


def opened(estimator: Any) -> Opened:
    """Take off what is wrapped around a fitted classifier, wherever it is in pipelines; nothing given changes.

    A search counts as the estimator that it found, which a refit fits again with the same parameters. What is frozen
    counts as what it was before, unless it is a transformer. Calibration by one function that rises with the decision
    counts as a threshold.
    """
    inner = _inside(estimator)
    if inner is not None:
        found = opened(inner)
        if _has_threshold(estimator):
            return replace(found, threshold=_threshold(estimator), calibration=None)
        if _is_calibrated(estimator):
            moves = len(estimator.classes_) == 2 and not _is_tempered(estimator)
            again = estimator if moves and not is_frozen(estimator.estimator) else None
            threshold = _own_proba(estimator, 0.5) if moves else None
            return Opened(found.estimator, threshold, again, _coded_classes(estimator, inner))
        return found
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps and hasattr(estimator, "named_steps"):
        name, last = steps[-1]
        found = opened(last)
        if found.estimator is last:
            return replace(found, estimator=estimator)
        pipeline = copy(estimator)
        pipeline.steps = [*steps[:-1], (name, found.estimator)]
        return replace(found, estimator=pipeline)
    return Opened(estimator, None)


def calibrated_again(given: Any, calibration: Any) -> Any:
    """A classifier or pipeline to fit, with calibration around what it was around; itself without."""
    if calibration is None:
        return given
    if _is_pipeline(given) and not (calibrates_steps(calibration) and _names(given) == _names(calibration.estimator)):
        pipeline = copy(given)
        name, last = given.steps[-1]
        pipeline.steps = [*given.steps[:-1], (name, calibrated_again(last, calibration))]
        return pipeline
    again = copy(calibration)
    again.estimator = given
    return again


def calibrates_steps(calibration: Any) -> bool:
    """Whether calibration is around a pipeline, whose steps are fitted again to each of its folds."""
    return calibration is not None and _is_pipeline(calibration.estimator)


def _is_pipeline(estimator: Any) -> bool:
    return isinstance(getattr(estimator, "steps", None), list) and hasattr(estimator, "named_steps")


def _names(pipeline: Any) -> list[str]:
    return [name for name, _ in pipeline.steps]


def is_frozen(estimator: Any) -> bool:
    """Whether it is a ``FrozenEstimator``: fitting it, or a clone of it, changes nothing."""
    return type(estimator).__module__.startswith("sklearn.frozen")


def passes_on(estimator: Any) -> bool:
    """Whether its ``fit`` hands further arguments to the estimator inside, as searches and thresholds do."""
    return hasattr(estimator, "best_estimator_") or _has_threshold(estimator)


def _inside(estimator: Any) -> Any:
    """The fitted estimator in a wrapper; None if there is no wrapper, or it cannot be said what it was fitted to."""
    if is_frozen(estimator):
        return estimator.estimator
    if _is_calibrated(estimator):
        return estimator.calibrated_classifiers_[0].estimator if _keeps_order(estimator) else None
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
    inside = _inside(estimator)
    by_decision = estimator.response_method == "decision_function" or not hasattr(inside, "predict_proba")
    if threshold == "auto":
        threshold = 0.0 if by_decision else 0.5
    classes = getattr(estimator, "classes_", None)
    of_first = classes is not None and pos_label is not None and pos_label == classes[0]
    if by_decision:
        return float(expit(-threshold if of_first else threshold))
    return _own_proba(inside, 1 - threshold if of_first else threshold)


# --- the probabilities of scikit-learn, and ours


def _own_proba(estimator: Any, proba: float) -> float:
    """What `Problem.proba` is where a fitted estimator of two classes gives its second this probability.

    The same with the logistic loss and naive Bayes. Calibration and the modified Huber loss make theirs of the decision
    in another way.
    """
    from sklearn.linear_model import SGDClassifier

    if _is_calibrated(estimator):
        return _uncalibrated(estimator, proba)
    beneath = _beneath(estimator)
    if beneath is not None:
        return _own_proba(beneath, proba)
    if isinstance(estimator, SGDClassifier) and estimator.loss == "modified_huber":
        return float(expit(2.0 * proba - 1.0))  # (1 + clip(decision, -1, 1)) / 2 is its probability
    return float(proba)


def _beneath(estimator: Any) -> Any:
    """What an estimator takes its probabilities from as they are; None if from itself."""
    if hasattr(estimator, "named_steps"):
        return estimator.steps[-1][1]
    return estimator.estimators_[0] if is_one_vs_rest(estimator) else _inside(estimator)


def _uncalibrated(estimator: Any, proba: float) -> float:
    """`_own_proba` where calibration made a probability of the score of a classifier inside."""
    inside = estimator.calibrated_classifiers_[0].estimator
    slope, shift = _calibration(estimator)
    score = (logit(proba) - shift) / slope
    if hasattr(inside, "decision_function"):
        return float(expit(score))
    return _own_proba(inside, float(expit(score) if _is_tempered(estimator) else np.clip(score, 0.0, 1.0)))


def _is_calibrated(estimator: Any) -> bool:
    from sklearn.calibration import CalibratedClassifierCV

    return isinstance(estimator, CalibratedClassifierCV) and hasattr(estimator, "calibrated_classifiers_")


def _is_tempered(estimator: Any) -> bool:
    return bool(estimator.method == "temperature")


def _keeps_order(estimator: Any) -> bool:
    """Whether calibration leaves the predicted class a matter of the decision and a threshold.

    One classifier was calibrated, not one for each fold; by one rising function of the decision of two classes, or by
    one temperature for all.
    """
    if len(estimator.calibrated_classifiers_) != 1:
        return False
    if _is_tempered(estimator):
        return True
    two = len(estimator.classes_) == 2 and estimator.method == "sigmoid"
    return two and _calibration(estimator)[0] > 0


def _coded_classes(estimator: Any, inside: Any) -> AnyArray | None:
    """The labels of a calibrated classifier that was fitted to their codes: a temperature is fitted so to texts."""
    classes = np.asarray(estimator.classes_)
    coded = not np.array_equal(inside.classes_, classes) and np.array_equal(inside.classes_, np.arange(len(classes)))
    return classes if coded else None


def _calibration(estimator: Any) -> tuple[float, float]:
    """Slope and shift of what the logistic function of makes the calibrated probability of two classes."""
    calibrated = estimator.calibrated_classifiers_[0]
    calibrator = calibrated.calibrators[0]
    if not _is_tempered(estimator):
        return -float(calibrator.a_), -float(calibrator.b_)
    # logits are (-decision, decision), or logarithms of probabilities
    twice = 2.0 if hasattr(calibrated.estimator, "decision_function") else 1.0
    return twice * float(calibrator.beta_), 0.0

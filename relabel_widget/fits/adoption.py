"""Taking over fitted scikit-learn estimators."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from .._typing import AnyArray, FloatArray
from ..arguments import check_threshold
from ..bayes import BayesFit, bayes_fit, is_bayes
from ..design import Design, as_design, compacted
from ..inputs import as_labels, column_names, count_rows, materialised
from ..problem import Labels, MultinomialProblem, OneVsRestProblem, Problem, encode
from .class_weights import label_weights
from .estimators import Objective, objective_of
from .fitting import Fit, Polish, check_weights, minimiser
from .linear import coef_of, intercepts_of, is_one_vs_rest, n_fits, setting
from .own_model import AdoptionWarning, OwnModel, coefficients
from .steps import Steps, check_ways, unrolled
from .unsaid_weights import UNSAID, unsaid_weights
from .wrappers import opened

_FITS_OF_CALIBRATION = 6  # of five folds, and of all rows

AnyFit: TypeAlias = Fit | BayesFit


def adopt(estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> AnyFit:
    """Take over a fitted scikit-learn classifier at the minimiser of its objective, or a naive Bayes by its counts.

    Parameters
    ----------
    estimator
        A fitted linear classifier with an L2 penalty: ``LogisticRegression`` with any solver (for liblinear, whose
        intercept is penalised, the objective has that penalty too) or ``LogisticRegressionCV`` at the C it chose;
        ``LinearSVC`` with the squared hinge, C and penalised intercept as liblinear has them; ``RidgeClassifier``, also
        cross-validated, with C = 1 / (2 alpha); ``SGDClassifier`` with the loss ``"log_loss"``, ``"modified_huber"``,
        ``"squared_hinge"`` or ``"squared_error"``, with C = 1 / (alpha n_rows). Or a ``MultinomialNB``,
        ``ComplementNB`` or ``BernoulliNB``. With three classes or more, logistic regression is multinomial but for
        liblinear; the others fit each class against the rest, and so does a ``OneVsRestClassifier`` of any but a naive
        Bayes.

        Or what is built of these: a ``Pipeline`` that ends in one, whose steps may be nested pipelines, transformers
        of your own, and transformers that look at the labels; a fitted search such as ``GridSearchCV``, of which
        ``best_estimator_`` is taken; a ``FixedThresholdClassifier`` or ``TunedThresholdClassifierCV``, whose threshold
        becomes that of the fit; a ``FrozenEstimator``; a ``CalibratedClassifierCV`` of one classifier that leaves the
        order of scores as it is (``ensemble=False`` or a frozen classifier inside; the method ``"sigmoid"`` with two
        classes, or ``"temperature"``), whose threshold is taken over too. They may be inside one another.
    X
        What the estimator was fitted on: rows of features, or raw rows for a pipeline. Held by reference.
    y
        Its labels, shape (n_rows,).
    sample_weight
        The weights given to its fit, shape (n_rows,). Balanced ones that were not passed are found.

    Returns
    -------
    Fit or BayesFit
        A naive Bayes is taken as it is. Others are polished by Newton steps from the estimator's coefficients;
        `Fit.polish` says how far they were. `Fit.own` refits the estimator itself: of a search the estimator that it
        found, with the parameters that it found, of a classifier with a threshold the one inside;
        ``LogisticRegressionCV`` chooses C again, and ``CalibratedClassifierCV`` calibrates again: every flip set is
        then confirmed by such a refit. `Fit.threshold` is the estimator's own, the default of flip sets,
        `verify` and `Workbench`. A fit from a pipeline takes raw rows as queries (numeric matrices too, where the
        pipeline takes texts).

    Raises
    ------
    TypeError
        If there is another classifier inside, or one with a way to predict of its own, or a step of a pipeline
        resamples rows; the message says what to fit instead.
    ValueError
        If it is unfitted, has another loss (the hinge) or penalty (l1, elastic net, none), was fitted on other columns,
        or does not know the labels; if a step changes the number of rows; or if
        its threshold predicts one class alone.

    Warns
    -----
    AdoptionWarning
        If polishing changes the predicted class of a training row; the message says why. If ``sample_weight`` was not
        passed, and balanced weights explain the coefficients: they are then used.

    Notes
    -----
    A row exactly on the threshold is predicted ``classes[0]`` here, and ``pos_label`` by a classifier with a threshold.
    Ridge regression, the squared hinge and the modified Huber loss have no probabilities: `Fit.proba` is the logistic
    function of their decision, so that 0.5 is where the prediction changes; with several classes, of each class against
    the rest, divided by the sum. Removing rows keeps C; a refit of ``SGDClassifier`` on k rows fewer has
    C = 1 / (alpha (n_rows - k)).
    """
    fit = adopted(estimator, X, y, sample_weight)
    if fit.own is not None and fit.own.weights_found:
        warnings.warn(f"adopt: {UNSAID}", AdoptionWarning, stacklevel=2)
    disagreement = Disagreement.of(fit)
    if disagreement is not None:
        warnings.warn(f"adopt: {disagreement}", AdoptionWarning, stacklevel=2)
    return fit


def adopted(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    *,
    who: str = "adopt",
    x_name: str = "X",
) -> AnyFit:
    """`adopt`, without its warnings; ``x_name`` is what its caller calls X."""
    inside = opened(estimator)
    estimator = inside.estimator
    threshold = _own_threshold(inside.threshold, who)
    steps, model = unrolled(estimator, who=who)
    objective = None
    if is_bayes(model):
        check_ways(model, "Refit with scikit-learn's own class.")
    else:
        objective = objective_of(model)
    rows = materialised(X, who=f"{who}: {x_name}")
    y = materialised(y, who=f"{who}: y")
    columns = column_names(rows)
    features = rows
    if steps is not None:
        rows = steps.brought(rows, f"{who}: {x_name}")
        labels_given = as_labels(y, count_rows(rows, who=f"{who}: {x_name}"), who=who)
        features = steps.training(rows, labels_given, who=f"{who}: {x_name}")
    if objective is None:
        if steps is None:
            _check_names(model, features, who)
        design = as_design(features, who=f"{who}: {x_name}")
        taken = bayes_fit(model, design, y, sample_weight, transform=steps, columns=columns, classes=inside.classes)
        weights = None if sample_weight is None else taken.weights
        own = _own(estimator, model, steps, rows, features, taken.y, weights, design)
        own = replace(own, calibration=inside.calibration, threshold_logit=taken.threshold_logit(threshold, who=who))
        return replace(taken, threshold=threshold, own=own)
    design = compacted(as_design(features, who=f"{who}: {x_name}"))
    coef = coef_of(model)
    if design.n_features != coef.shape[1]:
        raise ValueError(
            f"{who}: the estimator was fitted on {coef.shape[1]} columns, got {x_name} of shape {design.shape}. "
            "Pass the training matrix it was fitted on."
        )
    if steps is None:
        _check_names(model, features, who)
    classes = np.asarray(model.classes_) if inside.classes is None else inside.classes
    labels = encode(y, design.n_rows, who=who, classes=classes, several=True)
    weights = check_weights(sample_weight, labels, who=who)
    problem, start = _stated(objective, model, design, labels, weights)
    unsaid = None
    if sample_weight is None and setting(model, "class_weight") is None:
        unsaid = unsaid_weights(problem, start, labels)
    if unsaid is not None:
        problem, start = _stated(objective, model, design, labels, unsaid)
    fit = _polished(problem, start, threshold)
    given_weights = unsaid if sample_weight is None else weights
    own = _own(estimator, model, steps, rows, features, fit.y, given_weights, design)
    own = replace(
        own,
        calibration=inside.calibration,
        threshold_logit=fit.threshold_logit(threshold, who=who),
        distance=fit.polish.typical_change if fit.polish else 0.0,
        n_stored=own.n_stored * n_fits(model) * (1 if inside.calibration is None else _FITS_OF_CALIBRATION),
        chooses=objective.chosen,
        weights_found=unsaid is not None,
    )
    return replace(fit, transform=steps, own=own, columns=columns, threshold=threshold)


def _own(
    estimator: Any,
    model: Any,
    steps: Steps | None,
    rows: Any,
    features: Any,
    labels: AnyArray,
    sample_weight: FloatArray | None,
    design: Design,
) -> OwnModel:
    """The estimator with what it was fitted to; where that is the minimiser, it is no distance away."""
    as_features = isinstance(rows, Design)
    return OwnModel(
        estimator=model if as_features else estimator,
        classifier=model,
        steps=None if as_features else steps,
        rows=rows,
        features=features,
        labels=labels,
        sample_weight=sample_weight,
        distance=0.0,
        n_stored=design.n_stored,
    )


def _own_threshold(threshold: float | None, who: str) -> float:
    """The threshold of the estimator; 0.5 without one.

    Raises
    ------
    ValueError
        If it leaves one class alone.
    """
    if threshold is None:
        return 0.5
    if not 0 < threshold < 1:
        raise ValueError(
            f"{who}: the estimator's threshold, {threshold:g} as a probability, predicts one class for every row. "
            "Choose one strictly between 0 and 1, or pass the classifier inside."
        )
    return threshold


def _stated(
    objective: Objective, model: Any, design: Design, labels: Labels, weights: FloatArray
) -> tuple[Problem, FloatArray]:
    """The objective on the training rows, and where the estimator stopped, (n_params,)."""
    l2 = objective.l2_on(design.n_rows)
    weighing = objective.weighing if objective.one_vs_rest else None
    following = label_weights(
        setting(model, "class_weight"),
        labels,
        weights,
        who="adopt",
        counts_rows=objective.counts_rows,
        weighing=weighing,
        classes=np.array([0, 1]) if is_one_vs_rest(model) else None,  # what the classifiers inside are fitted to
    )
    if following is not None:
        weights = following.of(labels.codes)
    kind: type[Problem] = Problem
    if len(labels.classes) > 2:
        kind = OneVsRestProblem if objective.one_vs_rest else MultinomialProblem
    problem = kind(
        design,
        labels,
        weights,
        l2,
        has_intercept=objective.has_intercept,
        intercept_l2=objective.intercept_l2,
        label_weights=following,
        row_loss=objective.loss,
    )
    if isinstance(problem, MultinomialProblem):
        return problem, problem.theta_of(coef_of(model), intercepts_of(model))
    return problem, coefficients(model, problem.n_params)


@dataclass(frozen=True)
class Disagreement:
    """How many rows an estimator predicts differently from its minimiser, and why; at the threshold in force.

    Attributes
    ----------
    n_train, n_test
        Rows predicted otherwise.
    of_train, of_test
        Rows looked at.
    cause
        In words.
    """

    n_train: int
    of_train: int
    n_test: int
    of_test: int
    cause: str

    @classmethod
    def of(cls, fit: AnyFit, n_test: int = 0, of_test: int = 0) -> Disagreement | None:
        """Between a fit and the estimator it was adopted from; None where all predictions agree."""
        if isinstance(fit, BayesFit):
            return None  # which is taken as it is
        n_train = 0 if fit.polish is None else fit.polish.predictions_changed
        if fit.own is None or not n_train + n_test:
            return None
        return cls(n_train, fit.n_rows, n_test, of_test, fit.own.why_elsewhere(fit.coef))

    def __str__(self) -> str:
        rows = f"{self.n_train:,} of {self.of_train:,} training rows"
        if self.of_test:
            rows = f"{self.n_test:,} of {self.of_test:,} test rows and {rows}"
        return (
            f"The adopted estimator predicts {rows} differently from the minimum of its objective, which influences "
            f"and flip sets describe. {self.cause} Flip sets that this may affect are confirmed by refitting the "
            "estimator, or marked as not confirmed."
        )


def _check_names(model: Any, X: Any, who: str) -> None:
    expected, got = getattr(model, "feature_names_in_", None), column_names(X)
    if expected is not None and got is not None and list(expected) != got:
        differing = [name for name in got if name not in set(expected)][:3] or ["the same names in another order"]
        raise ValueError(
            f"{who}: the estimator was fitted on other columns: {differing}. Pass the frame it was fitted on."
        )


def _polished(problem: Problem, start: FloatArray, threshold: float) -> Fit:
    before = problem.eta(start)
    fit = minimiser(problem, start, None, None, None)
    change = fit.eta - before
    threshold_logit = check_threshold(threshold, who="adopt")
    moved = problem.predicted_rows(fit.eta, threshold_logit) != problem.predicted_rows(before, threshold_logit)
    polish = Polish(
        gradient_norm=float(np.linalg.norm(problem.gradient(start, problem.dloss(before)))),
        distance=float(np.linalg.norm(fit.theta - start)),
        largest_change=float(np.abs(change).max()),
        typical_change=float(np.sqrt(np.mean(change * change))),
        predictions_changed=int(np.count_nonzero(moved)),
    )
    return replace(fit, polish=polish)

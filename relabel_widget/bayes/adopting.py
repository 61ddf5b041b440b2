"""Taking over a fitted naive Bayes of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from .._typing import AnyArray, FloatArray, IntArray
from ..arguments import as_numbers
from ..design import Design
from ..problem import encode
from .columns import Columns
from .fitting import BayesFit
from .models import Bernoulli, Complement, Model, Multinomial

_RTOL = 1e-6  # of counts: the estimator may have added up float32 values, in another order
_MODELS: dict[str, type[Model]] = {
    "MultinomialNB": Multinomial,
    "ComplementNB": Complement,
    "BernoulliNB": Bernoulli,
}


def is_bayes(estimator: Any) -> bool:
    """Whether `bayes_fit` takes this estimator: one of the three naive Bayes, or a subclass."""
    from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB

    return isinstance(estimator, (MultinomialNB, ComplementNB, BernoulliNB))


def bayes_fit(
    estimator: Any,
    design: Design,
    y: Any,
    sample_weight: Any = None,
    *,
    transform: Any = None,
    columns: list[Any] | None = None,
    classes: AnyArray | None = None,
) -> BayesFit:
    """Take over a fitted ``MultinomialNB``, ``ComplementNB`` or ``BernoulliNB``.

    Parameters
    ----------
    estimator
        Fitted, with positive smoothing; a ``ComplementNB`` with ``norm=False``.
    design
        What it was fitted on.
    y, sample_weight
        The labels, of two classes or more, and weights that it was fitted with.
    transform, columns
        What turns the raw rows of a pipeline into features; names of the columns of a training frame.
    classes
        The labels, where it was fitted to their codes; None where they are its own.

    Raises
    ------
    ValueError
        If it is unfitted, has ``norm=True`` or a smoothing of 0, or its counts are not those of these rows.
    """
    model = _model(estimator)
    classes = np.asarray(estimator.classes_) if classes is None else classes
    if design.n_features != len(model.alpha):
        raise ValueError(
            f"adopt: the estimator was fitted on {len(model.alpha)} columns, got X of shape {design.shape}. "
            "Pass the training matrix it was fitted on."
        )
    if len(classes) < 2:
        raise ValueError(f"adopt: expected two classes or more, got only {classes.tolist()}.")
    labels = encode(y, design.n_rows, who="adopt", classes=classes, several=True)
    classes, codes = labels.classes, labels.codes.astype(np.int64)
    weights = _weights(sample_weight, codes, classes)
    trained = Columns(design, getattr(estimator, "binarize", None))
    _check_values(trained, model)
    empty = np.zeros((len(classes), design.n_features))
    fit = BayesFit(model, trained, classes, codes, weights, empty, transform, columns).relearned(codes, weights)
    _check_counts(estimator, fit)
    return fit


def _model(estimator: Any) -> Model:
    name = next(cls.__name__ for cls in type(estimator).__mro__ if cls.__name__ in _MODELS)
    if not hasattr(estimator, "feature_count_"):
        raise ValueError(f"adopt: this {name} is not fitted yet. Call its fit(X, y) first.")
    if getattr(estimator, "norm", False):
        raise ValueError(
            "adopt: expected a ComplementNB with norm=False, got norm=True, which divides the scores of each class by "
            "a sum over all columns. Refit with ComplementNB(norm=False)."
        )
    n_classes, n_features = estimator.feature_count_.shape
    least = 0.0 if getattr(estimator, "force_alpha", True) else 1e-10  # as scikit-learn has it
    if name == "BernoulliNB" and np.ndim(estimator.alpha):
        raise ValueError("adopt: expected a BernoulliNB with one number as alpha, got an array. Refit with one number.")
    alpha = np.maximum(np.broadcast_to(np.asarray(estimator.alpha, dtype=np.float64), n_features), least)
    if not (alpha > 0).all():
        raise ValueError(
            f"adopt: expected a {name} with positive alpha, got {estimator.alpha}: without smoothing, a word that a "
            f"class has not seen rules the class out. Refit with {name}(alpha=1e-10)."
        )
    log_prior = None
    if estimator.class_prior is not None:
        log_prior = np.log(np.asarray(estimator.class_prior, dtype=np.float64))
    elif not estimator.fit_prior:
        log_prior = np.full(n_classes, -np.log(n_classes))
    if log_prior is not None and not np.isfinite(log_prior).all():
        raise ValueError(f"adopt: expected a positive class_prior, got {estimator.class_prior}.")
    return _MODELS[name](alpha, log_prior)


def _weights(sample_weight: Any, codes: IntArray, classes: AnyArray) -> FloatArray:
    weights = np.ones(len(codes))
    if sample_weight is not None:
        weights = np.array(as_numbers(sample_weight, who="adopt: sample_weight"))
        if weights.ndim == 0:  # scikit-learn takes one number for all
            weights = np.full(len(codes), float(weights))
        if weights.shape != codes.shape:
            raise ValueError(f"adopt: expected sample_weight of shape {codes.shape}, got {weights.shape}.")
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError("adopt: expected finite, non-negative sample_weight, got values outside that.")
    masses = np.bincount(codes, weights, minlength=len(classes))
    if not masses.all():
        raise ValueError(
            f"adopt: expected rows of positive weight in each class, got none for {classes[masses == 0].tolist()[0]!r}."
        )
    return weights


def _check_values(columns: Columns, model: Model) -> None:
    """What scikit-learn refuses (negative counts), and what it does not look at (values other than 0 and 1)."""
    for _, block in columns.design.blocks():
        values = block.data if sparse.issparse(block) else block
        if not isinstance(model, Bernoulli) and (values < 0).any():
            raise ValueError("adopt: expected counts, got negative values in X.")
        if isinstance(model, Bernoulli) and columns.cut is None and not np.isin(values, (0.0, 1.0)).all():
            raise ValueError(
                "adopt: expected values 0 and 1 for a BernoulliNB with binarize=None, got others in X. "
                "Refit with BernoulliNB(binarize=0.0)."
            )


def _check_counts(estimator: Any, fit: BayesFit) -> None:
    """Whether the estimator was fitted on these rows: its counts are theirs."""
    for theirs, ours in ((estimator.feature_count_, fit.counts), (estimator.class_count_, fit.masses)):
        if not np.allclose(theirs, ours, rtol=_RTOL, atol=_RTOL * float(np.max(ours))):
            raise ValueError(
                "adopt: the estimator has other counts than these rows, labels and weights. Pass what it was fitted "
                "on: X, y, and sample_weight if it was given."
            )

"""What fitted linear classifiers know of themselves, also where one classifier holds one for each class."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from .._typing import FloatArray


def is_one_vs_rest(classifier: Any) -> bool:
    """Whether it is a ``OneVsRestClassifier``."""
    from sklearn.multiclass import OneVsRestClassifier

    return isinstance(classifier, OneVsRestClassifier)


def parts_of(classifier: Any) -> list[Any]:
    """The classifier, or those of two classes that a ``OneVsRestClassifier`` fitted."""
    return list(classifier.estimators_) if is_one_vs_rest(classifier) else [classifier]


def is_fitted(classifier: Any) -> bool:
    """Whether there are coefficients."""
    return hasattr(classifier, "estimators_" if is_one_vs_rest(classifier) else "coef_")


def as_dense(coef: Any) -> FloatArray:
    """Coefficients as a float64 array, after ``sparsify`` as well."""
    dense = np.asarray(coef.toarray() if sparse.issparse(coef) else coef, dtype=np.float64)
    return np.atleast_2d(dense)


def coef_of(classifier: Any) -> FloatArray:
    """Coefficients: of two classes (1, n_features), otherwise (K, n_features)."""
    return np.concatenate([as_dense(part.coef_) for part in parts_of(classifier)])


def intercepts_of(classifier: Any) -> FloatArray:
    """Intercepts, as many as `coef_of` has rows."""
    n_classes = len(coef_of(classifier))
    given = np.concatenate([np.ravel(part.intercept_) for part in parts_of(classifier)]).astype(np.float64)
    return np.array(np.broadcast_to(given, n_classes))


def steps_of(classifier: Any) -> int:
    """The most steps that any part of its fit took; 0 where the solver takes none."""
    counts = [getattr(part, "n_iter_", None) for part in parts_of(classifier)]
    known = [float(np.max(count)) for count in counts if count is not None and np.all(np.equal(count, count))]
    return int(max(known, default=0.0))


def n_fits(classifier: Any) -> int:
    """How many fits one fit of it takes, by the steps that it counts."""
    return sum(max(1, int(np.size(getattr(part, "n_iter_", 0)))) for part in parts_of(classifier))


def setting(classifier: Any, name: str, default: Any = None) -> Any:
    """A parameter of the classifier, or of those inside it, which have the same."""
    return getattr(parts_of(classifier)[0], name, default)

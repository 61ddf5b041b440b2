"""Names of features, for people to read."""

from __future__ import annotations

from typing import Any


def feature_names(estimator: Any, n_features: int) -> Any:
    """Names of the columns where the estimator knows them: those it was fitted on, or those its pipeline makes."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None and hasattr(estimator, "steps") and len(estimator.steps) > 1:
        try:
            names = estimator[:-1].get_feature_names_out()
        except (AttributeError, ValueError):  # a step that does not name what it makes
            return None
    return names if names is not None and len(names) == n_features else None

"""Queries in every form that people hold, as a design with a model's columns: what all fits share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np

from ..arguments import check_threshold
from ..inputs import in_order, materialised, one_row, queries_of
from .base import Design
from .convert import as_design, as_query


class TakesQueries(ABC):
    """A fit that takes rows of features, or raw rows of an adopted pipeline.

    Attributes
    ----------
    transform
        For an adopted pipeline: what turns raw rows into features; None without one.
    columns
        Names of the columns of the training frame, in its order; None if the training rows were no frame.
    own
        The estimator that the fit was adopted from; None without one.
    threshold
        ``classes[1]`` is predicted above this probability, unless a function is given another one.
    """

    transform: Any
    own: Any
    columns: list[Any] | None
    threshold: float

    @property
    @abstractmethod
    def _n_features(self) -> int:
        """Number of the model's columns."""

    @property
    @abstractmethod
    def _n_classes(self) -> int:
        """Number of classes."""

    @cached_property
    def feature_names(self) -> list[str] | None:
        """Name of each feature as the adopted estimator has it; None where it has none."""
        if self.own is None:
            return None if self.columns is None else [str(name) for name in self.columns]
        names = getattr(self.own.classifier, "feature_names_in_", None)
        if names is not None:
            return [str(name) for name in names]
        return None if self.transform is None else self.transform.names(self._n_features)

    def column_names(self, n_columns: int) -> list[str] | None:
        """Names of the columns of rows as this fit takes them; a pipeline's features have names of their own."""
        of_features = self.transform is None or self.transform.takes_texts
        names = self.feature_names if of_features else self.columns
        return names if names is not None and len(names) == n_columns else None

    def threshold_logit(self, threshold: Any, *, who: str) -> float:
        """A threshold as log-odds; the fit's own if None.

        Raises
        ------
        ValueError
            If it does not lie strictly between 0 and 1, or there are several classes, of which the likeliest is
            predicted.
        """
        logit = check_threshold(self.threshold if threshold is None else threshold, who=who)
        if logit and self._n_classes > 2:
            raise ValueError(
                f"{who}: expected no threshold with {self._n_classes} classes, got {threshold!r}. The likeliest is "
                "predicted."
            )
        return logit

    def design_of(self, X: Any, *, who: str = "X") -> Design:
        """Rows as a design with the model's columns; raw rows pass through the pipeline first.

        The result may be given to every function in place of the rows, so that they are transformed once.
        """
        return as_design(self._features(self.rows_of(X, who=who), who), who=who, n_features=self._n_features)

    def rows_of(self, X: Any, *, who: str = "X") -> Any:
        """Queries as rows; one query in a shape of its own, such as a dict, as rows of length one."""
        return X if isinstance(X, Design) else queries_of(X, columns=self._columns_for(X), who=who)

    def _columns_for(self, X: Any) -> list[Any] | None:
        """Columns that a query must have: by place all of the training frame's, by name those that a pipeline needs."""
        by_place = isinstance(X, (list, np.ndarray)) or (isinstance(X, tuple) and not hasattr(X, "_fields"))
        if self.columns is None or self.transform is None or by_place:
            return self.columns
        needed: list[Any] = self.transform.needed(self.columns)
        return needed

    def query_of(self, x: Any, *, who: str = "x") -> Design:
        """One query as a design of one row: a row of features, or one raw row of an adopted pipeline."""
        if not isinstance(x, Design):
            by_place = self.transform is None and isinstance(x, np.ndarray)  # no frame has to be made of it
            x = one_row(x, columns=None if by_place else self._columns_for(x), who=who)
        return as_query(self._features(x, who), who=who, n_features=self._n_features)

    def _features(self, X: Any, who: str) -> Any:
        if isinstance(X, Design):
            return X
        X = materialised(X, who=who)
        return in_order(X, self.columns, who=who) if self.transform is None else self.transform(X, who=who)

    def raw_query(self, x: Any, *, who: str = "x") -> Any:
        """One query as the adopted pipeline takes it, rows of length one; None without one, or if x is features."""
        if self.transform is None or isinstance(x, Design):
            return None
        return self.raw_queries(one_row(x, columns=self._columns_for(x), who=who), who=who)

    def raw_queries(self, X: Any, *, who: str = "X") -> Any:
        """As `raw_query`, for many queries."""
        if self.transform is None:
            return None
        raw = self.transform.brought(X, who)
        return None if isinstance(raw, Design) else raw

"""Weights of rows that follow their labels, as ``class_weight`` asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from .._typing import CodeArray, FloatArray, IntArray

Weighing: TypeAlias = Literal["rows", "own class", "each problem"]


@dataclass(frozen=True, eq=False)
class LabelWeights:
    """``base_i * of_class[code_i]``: a relabelled row has the weight of its new class.

    Attributes
    ----------
    base
        Weights that stay with the rows, (n_rows,).
    n_classes
        Number of classes, K.
    of_class
        Weights of the classes, (K,). None for ``"balanced"``: ``n / (K n_k)``, n_k the weight of class k by ``base``
        and n that of all; then every relabel moves the weights of all rows a little.
    counts_rows
        Whether n and n_k are numbers of rows instead, as scikit-learn had it before it took weights into account.
    """

    base: FloatArray
    n_classes: int
    of_class: FloatArray | None = None
    counts_rows: bool = False

    @property
    def balanced(self) -> bool:
        """Whether a class's weight depends on all labels."""
        return self.of_class is None

    def per_class(self, codes: CodeArray) -> FloatArray:
        """The weight of each class where rows have these codes, (K,)."""
        if self.of_class is not None:
            return self.of_class
        sizes = self.sizes(codes)
        return np.asarray(sizes.sum() / (self.n_classes * np.where(sizes > 0, sizes, 1.0)))

    def sizes(self, codes: CodeArray) -> FloatArray:
        """The weight, or number of rows, of each class where rows have these codes, (K,)."""
        counted = np.bincount(codes, self.base > 0 if self.counts_rows else self.base, self.n_classes)
        return np.asarray(counted, dtype=np.float64)

    def of(self, codes: CodeArray) -> FloatArray:
        """The weight of each row where rows have these codes, (n_rows,)."""
        return np.asarray(self.base * self.per_class(codes)[codes])

    def without(self, rows: IntArray) -> LabelWeights:
        """With the given rows left out: they weigh nothing and do not count."""
        base = self.base.copy()
        base[rows] = 0.0
        return replace(self, base=base)


@dataclass(frozen=True, eq=False)
class RestWeights(LabelWeights):
    """Weights where each class is fitted against the rest: those of the rows, times what their class makes of them.

    With ``weighing="rows"`` a row weighs as much in every class's problem, as ``RidgeClassifier`` has it. With
    ``"own class"`` the class weights count in the problem of the row's own class, and in others there are none, as
    liblinear and ``SGDClassifier`` have it. With ``"each problem"`` each problem of two classes has weights of its own,
    as in a ``OneVsRestClassifier``: balanced, or ``of_class`` (2,), those of the rest and of the class.
    """

    weighing: Weighing = "rows"

    def table(self, codes: CodeArray) -> FloatArray:
        """The weights by a row's code and the problem's class, (K, K), where rows have these codes."""
        if self.weighing == "each problem":
            return self._of_problems(codes)
        of_class = self.per_class(codes)
        if self.weighing == "rows":
            return np.repeat(of_class[:, None], self.n_classes, axis=1)
        table = np.ones((self.n_classes, self.n_classes))
        np.fill_diagonal(table, of_class)
        return table

    def _of_problems(self, codes: CodeArray) -> FloatArray:
        if self.of_class is not None:
            return np.asarray(np.where(np.eye(self.n_classes) > 0, self.of_class[1], self.of_class[0]))
        sizes = self.sizes(codes)
        inside = sizes.sum() / (2.0 * np.where(sizes > 0, sizes, 1.0))
        outside = sizes.sum() / (2.0 * (sizes.sum() - sizes))
        return np.asarray(np.where(np.eye(self.n_classes) > 0, inside, outside))

    def of(self, codes: CodeArray) -> FloatArray:  # noqa: ARG002
        """What stays with the rows, (n_rows,): the rest is in the `table`."""
        return self.base

"""Weights of rows that follow their labels, as ``class_weight`` asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._typing import CodeArray, FloatArray, IntArray


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
        sizes = np.bincount(codes, self.base > 0 if self.counts_rows else self.base, self.n_classes)
        return np.asarray(sizes.sum() / (self.n_classes * np.where(sizes > 0, sizes, 1.0)))

    def of(self, codes: CodeArray) -> FloatArray:
        """The weight of each row where rows have these codes, (n_rows,)."""
        return np.asarray(self.base * self.per_class(codes)[codes])

    def without(self, rows: IntArray) -> LabelWeights:
        """With the given rows left out: they weigh nothing and do not count."""
        base = self.base.copy()
        base[rows] = 0.0
        return replace(self, base=base)

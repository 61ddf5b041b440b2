"""Refits of a small problem of one class against the rest on many sets of edits at once: K problems of two classes.

Each class's decision is right to the doubt of its own refit (`small`); a margin between two is to the sum of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IntArray
from ..fits import Fit
from ..problem import Edit
from .small import SmallProblem, decided
from .small_classes import edited_classes


@dataclass(frozen=True, eq=False)
class SmallRest:
    """K problems and a query, dense.

    ``of_two`` (K,) are the classes' problems of two, whose margins are decisions; ``codes`` (n_rows,). The prediction
    stands as long as ``code`` is above all others, or some class above ``target``.
    """

    of_two: tuple[SmallProblem, ...]
    codes: IntArray
    code: int
    target: int | None
    edit: Edit

    @classmethod
    def of(cls, fit: Fit, query: FloatArray, code: int, target: int | None, edit: Edit) -> SmallRest:
        """Of a fit and a query (n_features + 1,). Cost: for each class the dense matrix, and its QR if it is wide."""
        codes, thetas = fit.problem.labels.codes, fit.theta.reshape(len(query), -1).T
        of_two = tuple(
            SmallProblem.of_class(fit.problem, query, theta, np.where(codes == k, 1.0, -1.0), edit)
            for k, theta in enumerate(np.ascontiguousarray(thetas))
        )
        return cls(of_two, codes, code, target, edit)

    @property
    def group_size(self) -> int:
        """How many sets are refitted together."""
        return max(1, self.of_two[0].group_size // len(self.of_two))

    def margins(self, sets: IntArray) -> tuple[FloatArray, FloatArray]:
        """As `SmallClasses.margins`."""
        own = self.of_two[0].weights
        codes, weights, possible = edited_classes(sets, self.codes, own, len(self.of_two), self.edit)
        start = np.stack([each.start for each in self.of_two])
        return decided(self._stepped, start, possible, codes, weights)

    def _stepped(
        self, theta: FloatArray, codes: IntArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The points that Newton steps lead to, (m, K, r), and margins after full ones with their doubts."""
        there, eta, doubts = np.empty_like(theta), np.empty(theta.shape[:2]), np.empty(theta.shape[:2])
        for k, each in enumerate(self.of_two):
            signs = np.where(codes == k, 1.0, -1.0)
            there[:, k], eta[:, k], doubts[:, k] = each.stepped(theta[:, k], signs, weights)
        if self.target is None:
            lead = eta[:, [self.code]] - np.delete(eta, self.code, axis=1)
            margin, own = lead.min(axis=1), doubts[:, self.code]
            return there, margin, own + np.delete(doubts, self.code, axis=1).max(axis=1)
        lead = np.delete(eta, self.target, axis=1) - eta[:, [self.target]]
        margin, own = lead.max(axis=1), doubts[:, self.target]
        return there, margin, own + np.delete(doubts, self.target, axis=1).max(axis=1)

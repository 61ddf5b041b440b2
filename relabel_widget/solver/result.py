"""Results of the solvers. The loop itself judges how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from .._typing import FloatArray


@dataclass(frozen=True, eq=False)
class SolveResult:
    """Solution of ``H x = b`` for one or many columns.

    ``residual`` is the largest ``|b - H x| / |b|`` over columns and ``scale`` the largest ``|b|``, in the norm of the
    preconditioner; ``converged`` says whether the tolerance was met; ``iterations`` counts Hessian products.
    ``eta_direction`` is ``[X, 1] x``, (n_rows,), if requested; otherwise empty. ``left`` is ``b - H x`` for a single
    right-hand side.
    """

    x: FloatArray
    residual: float
    scale: float
    iterations: int
    converged: bool
    eta_direction: FloatArray = field(default_factory=lambda: np.empty(0))
    left: FloatArray = field(default_factory=lambda: np.empty(0))

    def columns(self) -> Iterator[SolveResult]:
        """The solutions one by one, x (n_params,), each with the residual of the worst column."""
        return (replace(self, x=x) for x in np.ascontiguousarray(self.x.T))


@dataclass(frozen=True, eq=False)
class MinimiseResult:
    """A minimiser: parameters, log-odds of the rows, Newton decrement over the objective's root, gradient norm.

    ``converged`` is True if the decrement met the tolerance; False means that rounding or the step limit stopped it.
    """

    theta: FloatArray
    eta: FloatArray
    decrement: float
    gradient_norm: float
    steps: int
    products: int
    converged: bool

"""Preconditioned conjugate gradients and truncated Newton."""

from .cg import Jacobi, solve, solve_many
from .newton import Iterate, NewtonSettings, minimise, newton_step
from .result import MinimiseResult, SolveResult

__all__ = [
    "Iterate",
    "Jacobi",
    "MinimiseResult",
    "NewtonSettings",
    "SolveResult",
    "minimise",
    "newton_step",
    "solve",
    "solve_many",
]

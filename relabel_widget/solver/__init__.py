"""Preconditioned conjugate gradients and truncated Newton."""

from .cg import solve, solve_many
from .newton import Iterate, NewtonRun, NewtonSettings, StoppingRule, minimise, newton, newton_step
from .preconditioner import (
    Centred,
    Jacobi,
    PerClass,
    Preconditioner,
    TwoLevel,
    norm_in,
    preconditioner_of,
    rebuilding_is_cheap,
)
from .result import MinimiseResult, SolveResult

__all__ = [
    "Centred",
    "Iterate",
    "Jacobi",
    "MinimiseResult",
    "NewtonRun",
    "NewtonSettings",
    "PerClass",
    "Preconditioner",
    "SolveResult",
    "StoppingRule",
    "TwoLevel",
    "minimise",
    "newton",
    "newton_step",
    "norm_in",
    "preconditioner_of",
    "rebuilding_is_cheap",
    "solve",
    "solve_many",
]

"""Preconditioned conjugate gradients and truncated Newton."""

from .cg import solve, solve_many
from .newton import Iterate, NewtonRun, NewtonSettings, StoppingRule, minimise, newton, newton_step
from .preconditioner import (
    Centred,
    Jacobi,
    PerClass,
    Preconditioner,
    TwoLevel,
    anew_is_cheap,
    norm_in,
    preconditioner_of,
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
    "anew_is_cheap",
    "minimise",
    "newton",
    "newton_step",
    "norm_in",
    "preconditioner_of",
    "solve",
    "solve_many",
]

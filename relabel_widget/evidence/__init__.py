"""What a fit says of rows: influence, refits on edited labels, shares, leverages."""

from .explanation import Explanation, explain
from .influence import (
    FACTOR_RTOL,
    TopInfluence,
    factors,
    relabel_influence,
    removal_influence,
    solved_factors,
    top_influence,
)
from .leverage import leverages
from .single_relabels import refit_sets, single_relabel_table
from .verification import Verification, verify

__all__ = [
    "FACTOR_RTOL",
    "Explanation",
    "TopInfluence",
    "Verification",
    "explain",
    "factors",
    "leverages",
    "refit_sets",
    "relabel_influence",
    "removal_influence",
    "single_relabel_table",
    "solved_factors",
    "top_influence",
    "verify",
]

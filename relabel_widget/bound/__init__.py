"""Proven lower bounds."""

from .exhaustive import exhaustive_lower_bound, exhaustive_refits
from .remainder import BoundCost, RemainderBound, remainder_bound, remainder_bound_cost

__all__ = [
    "BoundCost",
    "RemainderBound",
    "exhaustive_lower_bound",
    "exhaustive_refits",
    "remainder_bound",
    "remainder_bound_cost",
]

"""Candidates for a minimal set, and the refits that dispose of them."""

from .find import find_flip_set, find_flip_sets
from .flip_set import Budget, FlipSet

__all__ = ["Budget", "FlipSet", "find_flip_set", "find_flip_sets"]

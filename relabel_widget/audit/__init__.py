"""Many rows at once: which training labels are suspect."""

from .mislabelled import suspects

__all__ = ["suspects"]

"""Audits of many rows at once: suspect training labels, label noise by group, group bias, robustness."""

from .groups import GroupAudit, group_audit
from .mislabelled import suspects
from .noise import NoiseAudit, noise_audit
from .robustness import RobustnessCurve, robustness_curve

__all__ = [
    "GroupAudit",
    "NoiseAudit",
    "RobustnessCurve",
    "group_audit",
    "noise_audit",
    "robustness_curve",
    "suspects",
]

"""Audits of many rows at once: suspect labels, what to check next, label noise, group bias, robustness."""

from .checking import CheckingOutlook, Interval, checking_outlook, next_to_check
from .groups import GroupAudit, group_audit
from .mislabelled import suspects
from .noise import NoiseAudit, noise_audit
from .robustness import RobustnessCurve, robustness_curve
from .simulation import CheckingCurve, simulate_checking

__all__ = [
    "CheckingCurve",
    "CheckingOutlook",
    "GroupAudit",
    "Interval",
    "NoiseAudit",
    "RobustnessCurve",
    "checking_outlook",
    "group_audit",
    "next_to_check",
    "noise_audit",
    "robustness_curve",
    "simulate_checking",
    "suspects",
]

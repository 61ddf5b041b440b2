"""Fits: minimisers of problems, from data or taken over from scikit-learn."""

from .adoption import AnyFit, adopt
from .fitting import MINIMISER_RTOL, Fit, Polish, check_C, check_fit, check_weights, fit, minimised, minimiser
from .one_vs_rest import OneVsRest, fit_one_vs_rest, shares

__all__ = [
    "MINIMISER_RTOL",
    "AnyFit",
    "Fit",
    "OneVsRest",
    "Polish",
    "adopt",
    "check_C",
    "check_fit",
    "check_weights",
    "fit",
    "fit_one_vs_rest",
    "minimised",
    "minimiser",
    "shares",
]

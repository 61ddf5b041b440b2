"""Fits: minimisers of problems, from data or taken over from scikit-learn."""

from .adoption import AnyFit, Disagreement, adopt, adopted
from .fitting import (
    MINIMISER_RTOL,
    Fit,
    Polish,
    check_any_fit,
    check_C,
    check_fit,
    check_logistic,
    check_weights,
    fit,
    minimised,
    minimiser,
)
from .one_vs_rest import OneVsRest, fit_one_vs_rest
from .own_model import AdoptionWarning, How, NoRefitError, OwnModel, check_how
from .refitting import fitted_again
from .unsaid_weights import UNSAID
from .wrappers import opened

__all__ = [
    "MINIMISER_RTOL",
    "UNSAID",
    "AdoptionWarning",
    "AnyFit",
    "Disagreement",
    "Fit",
    "How",
    "NoRefitError",
    "OneVsRest",
    "OwnModel",
    "Polish",
    "adopt",
    "adopted",
    "check_C",
    "check_any_fit",
    "check_fit",
    "check_how",
    "check_logistic",
    "check_weights",
    "fit",
    "fit_one_vs_rest",
    "fitted_again",
    "minimised",
    "minimiser",
    "opened",
]

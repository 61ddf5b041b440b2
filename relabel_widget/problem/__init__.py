"""The objective: labels, the penalised logistic problem, and its Hessian as an operator."""

from .hessian import Hessian, eta_of
from .label_weights import LabelWeights
from .labels import Labels, code_of, codes_of_queries, encode, truth_of
from .multinomial import MultinomialHessian, MultinomialProblem, slopes, softmax
from .problem import Edit, Problem

__all__ = [
    "Edit",
    "Hessian",
    "LabelWeights",
    "Labels",
    "MultinomialHessian",
    "MultinomialProblem",
    "Problem",
    "code_of",
    "codes_of_queries",
    "encode",
    "eta_of",
    "slopes",
    "softmax",
    "truth_of",
]

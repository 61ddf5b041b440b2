"""The objective: labels, losses of rows, the penalised problem, and its Hessian as an operator."""

from .hessian import Hessian, eta_of
from .label_weights import LabelWeights, RestWeights, Weighing
from .labels import Labels, code_of, codes_of_queries, encode, truth_of
from .losses import LOGISTIC, MODIFIED_HUBER, RIDGE, SQUARED_HINGE, Logistic, Loss, Squared
from .multinomial import MultinomialHessian, MultinomialProblem, TableHessian, slopes, softmax
from .one_vs_rest import OneVsRestProblem, RestHessian, shares
from .problem import Edit, Problem

__all__ = [
    "LOGISTIC",
    "MODIFIED_HUBER",
    "RIDGE",
    "SQUARED_HINGE",
    "Edit",
    "Hessian",
    "LabelWeights",
    "Labels",
    "Logistic",
    "Loss",
    "MultinomialHessian",
    "MultinomialProblem",
    "OneVsRestProblem",
    "Problem",
    "RestHessian",
    "RestWeights",
    "Squared",
    "TableHessian",
    "Weighing",
    "code_of",
    "codes_of_queries",
    "encode",
    "eta_of",
    "shares",
    "slopes",
    "softmax",
    "truth_of",
]

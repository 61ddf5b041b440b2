"""The objective: labels, the penalised logistic problem, and its Hessian as products."""

from .hessian import Hessian, eta_of
from .labels import Labels, code_of, codes_among, codes_of_queries, encode
from .problem import Edit, Problem

__all__ = ["Edit", "Hessian", "Labels", "Problem", "code_of", "codes_among", "codes_of_queries", "encode", "eta_of"]

"""X as row blocks and two products. Storage lives in this room and nowhere else."""

from .base import Design
from .convert import as_design, as_query
from .csr import CsrDesign
from .dense import DenseDesign

__all__ = ["CsrDesign", "DenseDesign", "Design", "as_design", "as_query"]

"""The matrix X as row blocks and products. Storage is handled in this package and nowhere else."""

from .base import Design, Gram
from .compact import LARGE, compacted
from .convert import as_design, as_query
from .csr import CsrDesign
from .dasked import DaskDesign, dask_design
from .dense import DenseDesign
from .mapped import MappedDesign, open_design, write_design
from .mapped_sources import npz_blocks, svmlight_blocks, svmlight_labels, text_blocks
from .queries import TakesQueries

__all__ = [
    "LARGE",
    "CsrDesign",
    "DaskDesign",
    "DenseDesign",
    "Design",
    "Gram",
    "MappedDesign",
    "TakesQueries",
    "as_design",
    "as_query",
    "compacted",
    "dask_design",
    "npz_blocks",
    "open_design",
    "svmlight_blocks",
    "svmlight_labels",
    "text_blocks",
    "write_design",
]

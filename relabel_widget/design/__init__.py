"""X as row blocks and two products. Storage lives in this room and nowhere else."""

from .base import Design, Gram
from .compact import LARGE, compacted
from .convert import as_design, as_query, one_raw_row
from .csr import CsrDesign
from .dasked import DaskDesign, dask_design
from .dense import DenseDesign
from .mapped import MappedDesign, open_design, write_design
from .mapped_sources import npz_blocks, svmlight_blocks, svmlight_labels, text_blocks

__all__ = [
    "LARGE",
    "CsrDesign",
    "DaskDesign",
    "DenseDesign",
    "Design",
    "Gram",
    "MappedDesign",
    "as_design",
    "as_query",
    "compacted",
    "dask_design",
    "npz_blocks",
    "one_raw_row",
    "open_design",
    "svmlight_blocks",
    "svmlight_labels",
    "text_blocks",
    "write_design",
]

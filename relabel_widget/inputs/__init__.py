"""What people bring, as it is: frames, columns, lists, texts and labels of every library, read through narwhals.

The room knows shapes and types of what is passed in, and nothing of models. Plain NumPy and SciPy never reach narwhals.
"""

from .cells import Cells, cells_of, raw_row
from .containers import column_names, count_rows, is_one_value, materialised
from .digests import digest_of, row_digests
from .labels import as_labels, known_labels, labels_name, present_values
from .matrix import as_matrix
from .missing import is_missing, missing_by_column, missing_rows, named_rows
from .queries import in_order, listed, one_row, queries_of
from .taking import rows_at
from .texts import (
    Names,
    Reader,
    check_texts,
    check_vectorisable,
    encoding_of,
    reader,
    reads_texts,
    text_column,
    value_text,
)

__all__ = [
    "Cells",
    "Names",
    "Reader",
    "as_labels",
    "as_matrix",
    "cells_of",
    "check_texts",
    "check_vectorisable",
    "column_names",
    "count_rows",
    "digest_of",
    "encoding_of",
    "in_order",
    "is_missing",
    "is_one_value",
    "known_labels",
    "labels_name",
    "listed",
    "materialised",
    "missing_by_column",
    "missing_rows",
    "named_rows",
    "one_row",
    "present_values",
    "queries_of",
    "raw_row",
    "reader",
    "reads_texts",
    "row_digests",
    "rows_at",
    "text_column",
    "value_text",
]

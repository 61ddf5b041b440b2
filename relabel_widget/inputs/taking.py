"""Some rows of whatever holds rows."""

from __future__ import annotations

from typing import Any

from scipy import sparse

from .._typing import IntArray


def rows_at(rows: Any, positions: IntArray) -> Any:
    """The rows at some positions, in the kind of container that they came in."""
    if isinstance(rows, (list, tuple)):
        return [rows[position] for position in positions.tolist()]
    if hasattr(rows, "iloc"):
        return rows.iloc[positions]
    if type(rows).__module__ == "pyarrow.lib":
        return rows.take(positions)
    if sparse.issparse(rows):
        return rows.tocsr()[positions]  # the other formats cannot be indexed, or not by rows
    if hasattr(rows, "to_arrow") or hasattr(rows, "shape"):  # Polars; NumPy
        return rows[positions]
    return [rows[position] for position in positions.tolist()]

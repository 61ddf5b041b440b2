"""Some rows of whatever holds rows."""

from __future__ import annotations

from typing import Any

from .._typing import IntArray


def rows_at(rows: Any, positions: IntArray) -> Any:
    """The rows at some positions, in the kind of container that they came in."""
    if isinstance(rows, (list, tuple)):
        return [rows[position] for position in positions.tolist()]
    if hasattr(rows, "iloc"):
        return rows.iloc[positions]
    if hasattr(rows, "to_arrow") or hasattr(rows, "shape"):  # Polars; NumPy and SciPy
        return rows[positions]
    if hasattr(rows, "take"):  # pyarrow
        return rows.take(positions)
    return [rows[position] for position in positions.tolist()]

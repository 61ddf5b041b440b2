"""The cost of a bound's tables, and when a gain counts as reaching the threshold."""

from __future__ import annotations

from dataclasses import dataclass

MAX_BYTES = 4 * 2**30
# A gain within this fraction of the need counts as reaching it, which covers rounding of float64 sums and products.
DECISION_RTOL = 1e-5


@dataclass(frozen=True)
class BoundCost:
    """The cost of the tables for a fit: peak memory in bytes, and floating-point operations."""

    n_rows: int
    bytes: int
    operations: int

    def __str__(self) -> str:
        memory = f"{self.bytes / 2**30:.2f} GiB"
        return f"{memory} and {self.operations:.1e} floating-point operations for {self.n_rows} rows"

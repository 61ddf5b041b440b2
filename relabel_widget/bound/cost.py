"""What tables of a bound cost, and when a gain counts as reaching the threshold."""

from __future__ import annotations

from dataclasses import dataclass

MAX_BYTES = 4 * 2**30
# A gain within this fraction of the need counts as reaching it: it covers the rounding of float64 sums and products.
DECISION_RTOL = 1e-5


@dataclass(frozen=True)
class BoundCost:
    """What the tables of a fit take: bytes of memory at their peak, and floating-point operations."""

    n_rows: int
    bytes: int
    operations: int

    def __str__(self) -> str:
        memory = f"{self.bytes / 2**30:.2f} GiB"
        return f"{memory} and {self.operations:.1e} floating-point operations for {self.n_rows} rows"

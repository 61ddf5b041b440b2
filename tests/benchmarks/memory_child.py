"""What `test_peak_memory.py` runs in a process of its own; prints one JSON object, in MiB.

Linux only: the high-water mark of the resident size is set back before each stage.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from corpora import zipf_counts
from scipy import sparse

import relabel_widget as rw

peaks: dict[str, float] = {}


def peak(stage: str) -> None:
    """Note the largest resident size since the last call."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    peaks[stage] = int(line.split()[1]) / 2**10
    Path("/proc/self/clear_refs").write_text("5")


folder = Path(sys.argv[1])
query = zipf_counts(3, seed=9)[[1]]
small = zipf_counts(50_000)
rw.fit(small, np.arange(50_000) % 2)  # what is imported and compiled at the first use is there from here on
del small
peak("warming up")
peak("imports")  # nothing has happened since: what stays resident
data, indices, indptr = (np.load(folder / f"{name}.npy") for name in ("data", "indices", "indptr"))
x = sparse.csr_array((data, indices, indptr), shape=(len(indptr) - 1, query.shape[1]))
y = np.load(folder / "y.npy")
del data, indices, indptr
peak("the matrix as given")
fit = rw.fit(x, y)
peak("fit")
assert fit.preconditioner is not None
rw.top_influence(fit, query, 100, rtol=1e-6)
peak("one query ranked")
assert rw.find_flip_set(fit, query).verified
peak("a flip set")
del x
peak("(letting go of the given matrix)")
assert rw.find_flip_set(fit, query).verified
peak("a flip set without it")
print(json.dumps(peaks))

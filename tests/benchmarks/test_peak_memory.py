"""Resident memory at a million rows, stage by stage, as multiples of the stored matrix (float64 CSR).

The matrix as the caller holds it counts, the interpreter with the imported packages does not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from corpora import zipf_counts, zipf_labels
from measuring import Record, show

pytest.importorskip("numba")
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status"),
]


def test_a_million_rows(tmp_path: Path, record: Record) -> None:
    x = zipf_counts(10**6)
    stored = (x.data.nbytes + x.indices.nbytes + x.indptr.nbytes) / 2**20
    for name, array in (("data", x.data), ("indices", x.indices), ("indptr", x.indptr), ("y", zipf_labels(x))):
        np.save(tmp_path / f"{name}.npy", array)
    del x
    child = Path(__file__).with_name("memory_child.py")
    done = subprocess.run([sys.executable, child, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peaks: dict[str, float] = json.loads(done.stdout)
    imports = peaks.pop("imports")
    rows = [[stage, peak, (peak - imports) / stored] for stage, peak in peaks.items()]
    title = f"A million rows, {stored:.0f} MiB as float64 CSR; imports: {imports:.0f} MiB"
    show(title, ["resident at most", "MiB", "beyond imports, of the matrix"], rows)
    worst = max(peaks.values())
    record.add("peak memory, million rows", seconds=0.0, cpu_seconds=0.0, outcome=stored / worst, peak_mib=worst)
    assert worst - imports <= 1.5 * stored

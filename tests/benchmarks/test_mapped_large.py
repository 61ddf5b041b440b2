"""Ten million rows in a file, built and queried in a process whose memory is limited to 3 GB.

The limit is a memory cgroup where one can be made (version 1, as root; it counts the page cache as well, and is the
tighter limit for that). Elsewhere the peak resident size is measured instead and said to be. ``RELABEL_WIDGET_ROWS``
sets the number of rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from measuring import Record, show

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(10_800)]

ROWS = int(os.environ.get("RELABEL_WIDGET_ROWS", "10_000_000"))
LIMIT = max(3_000_000_000 * ROWS // 10_000_000, 700_000_000)
CGROUP = Path("/sys/fs/cgroup/memory/relabel_widget_benchmark")


def limited() -> tuple[Callable[[], None] | None, str]:
    """What a child runs to limit itself, and the limit in words."""
    try:
        CGROUP.mkdir(exist_ok=True)
        (CGROUP / "memory.limit_in_bytes").write_text(str(LIMIT))
    except OSError as error:
        return None, f"no limit set ({error.strerror}), peak resident size measured"
    return (lambda: (CGROUP / "cgroup.procs").write_text(str(os.getpid())) and None), "cgroup v1, page cache included"


def test_ten_million_rows(tmp_path: Path, record: Record) -> None:
    enter, words = limited()
    child = Path(__file__).with_name("mapped_child.py")
    found: dict[str, Any] = {}
    for what in ("build", "query"):
        command = [sys.executable, child, what, tmp_path, str(ROWS), "78", "1800"]
        done = subprocess.run(command, preexec_fn=enter, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found |= {f"{what}_peak_rss": json.loads(done.stdout)["peak_rss"], **json.loads(done.stdout)}
        record.add(
            f"mapped, {what}, {ROWS} rows", seconds=found[f"{what}_seconds"], cpu_seconds=found["cpu_seconds"],
            outcome=1.0, peak_mib=found["peak_rss"] / 2**20,
        )  # fmt: skip
    once = found["read_once"]
    rows: list[list[Any]] = [
        [name, found[key], found[key] / once]
        for name, key in (
            ("read the file once", "read_once"), ("build", "build_seconds"), ("import", "imported"),
            ("open", "opened"), ("first product (verifies)", "first_pass"), ("product", "pass"),
            ("product of the Hessian", "hessian_pass"), ("the same, 8 columns", "hessian_pass_of_8"), ("fit", "fit"),
            ("one query ranked", "ranked"), ("flip set", "flip_set"), ("verify", "verify"),
        )
    ]  # fmt: skip
    limits = f"limit {LIMIT / 1e9:.1f} GB: {words}"
    show(
        f"{ROWS:,} rows, {found['n_stored']:,} stored values, {found['n_bytes'] / 1e9:.2f} GB; {limits}",
        ["", "s", "reads"],
        rows,
    )
    assert found["build_peak_rss"] < LIMIT
    assert found["query_peak_rss"] < LIMIT + found["n_bytes"]  # mapped pages count, and are given back on demand
    assert found["opened"] < 0.1
    assert found["finite"]
    assert found["verified"]
    assert found["flipped"]

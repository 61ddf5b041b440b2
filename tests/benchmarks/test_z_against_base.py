"""Last: this run against an earlier one, where there is one."""

from __future__ import annotations

import pytest
from measuring import ABSOLUTE, RELATIVE, Measurement, Record, show

pytestmark = pytest.mark.benchmark


def test_against_the_base(record: Record, baseline: dict[str, Measurement]) -> None:
    rows, failed = [], []
    for case, base in baseline.items():
        head = record.cases.get(case)
        if head is None:
            failed.append(f"{case}: missing")
            continue
        ratio = head.cpu_seconds / base.cpu_seconds
        rows.append([case, base.cpu_seconds, head.cpu_seconds, ratio, base.peak_mib, head.peak_mib])
        if ratio > RELATIVE and head.cpu_seconds - base.cpu_seconds > ABSOLUTE:
            failed.append(f"{case}: {ratio:.2f} times slower")
        if head.outcome < base.outcome:
            failed.append(f"{case}: outcome {base.outcome:g} -> {head.outcome:g}")
    show("Against the base (CPU seconds, peak MiB)", ["", "base s", "head s", "ratio", "base MiB", "head MiB"], rows)
    assert failed == []

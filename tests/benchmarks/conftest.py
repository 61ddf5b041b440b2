"""The record of a session's measurements, and the one it is compared with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from measuring import Measurement, Record, show


@pytest.fixture(scope="session")
def record(repository: Path) -> Iterator[Record]:
    kept = Record()
    yield kept
    show("Flip sets and bounds, in one table", ["", "wanted", "measured"], kept.claims)
    artifacts = repository / "tests" / "artifacts"
    artifacts.mkdir(exist_ok=True)
    values = {case: asdict(measured) for case, measured in kept.cases.items()}
    (artifacts / "benchmarks.json").write_text(json.dumps(values, indent=2) + "\n")


@pytest.fixture(scope="session")
def baseline() -> dict[str, Measurement]:
    path = os.environ.get("RELABEL_WIDGET_BASELINE")
    if not path:
        pytest.skip(
            "nothing to compare with: set RELABEL_WIDGET_BASELINE to an earlier tests/artifacts/benchmarks.json"
        )
    return {case: Measurement(**values) for case, values in json.loads(Path(path).read_text()).items()}

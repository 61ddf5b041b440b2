"""Style, types and import contracts, so that one run of pytest covers them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = {
    "style": ["ruff", "check", "--no-cache", "."],
    "format": ["ruff", "format", "--check", "--no-cache", "."],
    "types": ["mypy"],
    "imports": ["lint-imports", "--no-cache"],
}


@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS)
def test_style(command: list[str], repository: Path) -> None:
    program = Path(sys.executable).with_name(command[0])
    if not program.exists():
        pytest.skip(f"{command[0]} is not installed: pip install 'relabel-widget[test]'")
    settings = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}
    done = subprocess.run(
        [program, *command[1:]], cwd=repository, env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def test_no_file_is_too_long(repository: Path) -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in (repository / "relabel_widget").rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > 600} == {}

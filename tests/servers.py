"""A PostgreSQL server on loopback, of Debian's package, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


def programs() -> Path:
    """Where the server's programs are; skips the test where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(path) for path in [shutil.which("initdb")] if path
    ]
    if not found:
        pytest.skip("no PostgreSQL server: install Debian's package postgresql")
    return found[-1].parent


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database, whose server ends with the block."""
    programs_ = programs()
    with TemporaryDirectory(prefix="relabel_widget-") as folder:  # pytest clears away the folders of earlier runs
        yield from _served(programs_, Path(folder))


def _served(programs_: Path, folder: Path) -> Iterator[str]:
    data = folder / "data"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data.mkdir()
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        as_user = ["setpriv", "--reuid=65534", "--clear-groups"]
        os.chown(data, 65534, -1)
        folder.chmod(0o755)

    def run(*arguments: str) -> None:
        subprocess.run([*as_user, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=120)

    run(str(programs_ / "initdb"), "-D", str(data), "-U", "tester", "--auth=trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
    control = [str(programs_ / "pg_ctl"), "-D", str(data), "-w", "-l", str(data / "log")]
    run(*control, "-o", options, "start")
    try:
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        run(*control, "-m", "immediate", "stop")

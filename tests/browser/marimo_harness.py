"""A real marimo server with everything of its own in one folder."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from jupyter_harness import free_port, stop, wait_until_up


def write_app(path: Path, *cells: str):
    body = "\n".join(f"@app.cell\ndef _():\n{_indented(cell)}\n" for cell in cells)
    path.write_text(f"import marimo\n\napp = marimo.App()\n\n\n{body}")


def _indented(cell):
    return "\n".join(f"    {line}" if line else "" for line in cell.splitlines())


@contextlib.contextmanager
def marimo(command: str, notebook: Path):
    """Serve one notebook by ``marimo run`` or ``marimo edit``; gives what opens it in a page."""
    port, home = free_port(), notebook.parent / ".home"
    home.mkdir()
    log = (home / "log").open("w")
    own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_CACHE_HOME": str(home)}
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "marimo", "-y", command, str(notebook), "--headless", "--no-token"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        env={**os.environ, **own, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        cwd=notebook.parent,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        wait_until_up(server, f"http://127.0.0.1:{port}/health", home / "log")
        yield lambda page: _open(page, f"http://127.0.0.1:{port}/", command)
    finally:
        stop(server)
        log.close()


def _open(page, address, command):
    """Open the notebook with all its cells run. Gives every address that was asked for."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.goto(address)
    if command == "edit":
        page.locator(".cm-editor").first.wait_for(timeout=60_000)
        page.keyboard.press("Control+Shift+R")
    return asked

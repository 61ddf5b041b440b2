"""A real Jupyter server with everything of its own in one folder, and the notebook in a real browser."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

KERNEL_IDLE = "window.jupyterapp?.shell?.currentWidget?.context?.sessionContext?.session?.kernel?.status === 'idle'"
EXECUTE = "async ([command, options]) => { await window.jupyterapp.commands.execute(command, options) }"
APPS = {
    "lab": ("lab", "--LabApp.expose_app_in_browser=True", "lab/tree"),
    "notebook": ("notebook", "--JupyterNotebookApp.expose_app_in_browser=True", "notebooks"),
}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def write_notebook(path: Path, *cells: str):
    from nbformat.v4 import new_code_cell, new_notebook

    notebook = new_notebook(cells=[new_code_cell(cell, id=f"cell-{i}") for i, cell in enumerate(cells)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.write_text(json.dumps(notebook))


def _environment(home: Path):
    folders = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    own = {f"JUPYTER_{name}": str(home / name.lower()) for name in folders}
    settings = home / "settings"
    quiet = settings / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    news = {"fetchNews": "false", "checkForUpdates": False}
    (quiet / "notification.jupyterlab-settings").write_text(json.dumps(news))
    return {
        **os.environ,
        **own,
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "OPENBLAS_NUM_THREADS": "1",  # browser, server and kernel share few cores; waiting threads would take them
        "OMP_NUM_THREADS": "1",
    }


@contextlib.contextmanager
def jupyter(app: str, folder: Path):
    """Serve ``folder``; gives what opens one of its notebooks in a page."""
    command, expose, place = APPS[app]
    port, token = free_port(), secrets.token_hex(16)
    base = f"http://127.0.0.1:{port}"
    home = folder / ".home"
    home.mkdir()
    log = (home / "log").open("w")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter", command, "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
            *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"),
            *(f"--ServerApp.root_dir={folder}", expose, "--LabApp.extension_manager=readonly"),
        ],
        env=_environment(home),
        cwd=folder,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        wait_until_up(server, f"{base}/api/status?token={token}", home / "log")
        yield lambda page, name: _open(page, f"{base}/{place}/{name}?token={token}" + "&reset" * (app == "lab"))
    finally:
        stop(server)
        log.close()


def wait_until_up(server, address, log):
    for _ in range(600):
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"Jupyter did not start:\n{log.read_text()[-3000:]}")


def stop(server):
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if server.poll() is None:
            server.send_signal(sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(8)


def _open(page, address):
    """Open a notebook, wait for its kernel and run all its cells. Gives every address that was asked for."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.goto(address)
    page.wait_for_function(KERNEL_IDLE, timeout=90_000)
    page.evaluate(EXECUTE, ["notebook:run-all-cells", {}])
    return asked


def foreign(addresses):
    """Addresses outside this machine; data: and blob: name no machine."""
    return [one for one in addresses if urlsplit(one).hostname not in ("127.0.0.1", None)]

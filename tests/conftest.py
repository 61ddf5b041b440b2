"""Fixtures that several rooms' tests share, and what is left out of a plain run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import comm
import pandas as pd
import pytest
from recording_comm import RecordingComm

import relabel_widget as rw
from relabel_widget.journal.journal import _UNWRITTEN
from relabel_widget.widget import _protocol as protocol
from relabel_widget.widget._replies import Replies
from relabel_widget.widget._requests import Request
from relabel_widget.widget._types import Type

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many sessions the benchmarks kill that show that nothing is lost."""
    parser.addoption("--sessions", type=int, default=100, help="sessions to kill, in Python and through the page each")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave benchmarks out unless ``-m`` names them: a plain run checks, it does not measure."""
    if "benchmark" in config.getoption("markexpr", ""):
        return
    left_out = [item for item in items if item.get_closest_marker("benchmark")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("benchmark")]


@pytest.fixture(scope="session", autouse=True)
def _nothing_waits_at_the_end(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decisions whose store a test took away are given up before pytest's summary, not told of after it."""
    yield
    os.chdir(tmp_path_factory.mktemp("left"))  # those of a server would be left in the current folder
    for journal in list(_UNWRITTEN):
        journal.close()


@pytest.fixture(autouse=True)
def _what_travels_is_as_declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page takes what it is told as it is declared, without a look: what any test makes Python tell is checked."""
    wrong: list[str] = []
    reply, describe, send = Replies._reply, rw.RelabelWidget._describe, rw.RelabelWidget.send
    told = {"progress": protocol.PROGRESS, "sizes": protocol.SIZES}

    def check(one: Type, value: Any, what: str) -> None:
        if not one.fits(value):
            wrong.append(f"{what} is not a {one.typescript}: {value!r:.500}")

    def checked_reply(self: Replies, request: Request, value: Mapping[str, Any]) -> None:
        check(protocol.REQUESTS[request.kind].result, value, f"the answer to {request.kind}")
        reply(self, request, value)

    def checked_state(self: rw.RelabelWidget) -> dict[str, Any]:
        state = describe(self)
        check(protocol.SHARED, state, "the state")
        return state

    def checked_send(self: rw.RelabelWidget, content: Any, buffers: Any = None) -> None:
        if isinstance(content, dict) and content.get("kind") in told:
            body = {name: value for name, value in content.items() if name not in ("v", "id", "kind")}
            check(told[content["kind"]], body, content["kind"])
        send(self, content, buffers)

    monkeypatch.setattr(Replies, "_reply", checked_reply)
    monkeypatch.setattr(rw.RelabelWidget, "_describe", checked_state)
    monkeypatch.setattr(rw.RelabelWidget, "send", checked_send)
    yield
    assert wrong == []


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What widgets send goes nowhere and is kept."""
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


@pytest.fixture
def widget(bench: rw.Workbench) -> Iterator[rw.RelabelWidget]:
    """The widget of a test file's own workbench, without a page; whoever asks records its messages."""
    one = rw.RelabelWidget(bench)
    yield one
    one._answers.join(30)
    one.close()
    one._answers._filler.join(30)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], pd.DataFrame]:
    """Reads one of the real data sets by name; skips the test where the folder is absent."""
    folder = Path(os.environ.get("RELABEL_WIDGET_DATA", ROOT.parent / "shared" / "data"))

    def read(name: str) -> pd.DataFrame:
        path = folder / f"{name}.csv.gz"
        if not path.is_file():
            pytest.skip(f"no real data: {path} is absent (set RELABEL_WIDGET_DATA to the folder that holds it)")
        return pd.read_csv(path, keep_default_na=False)

    return read


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several blocks in the file, which only large matrices have otherwise."""
    monkeypatch.setattr("relabel_widget.design.mapped._BLOCK", 16)
    monkeypatch.setattr("relabel_widget.design.mapped._COLUMNS", 0)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled products in several parts, which only large files have otherwise."""
    pytest.importorskip("numba")
    monkeypatch.setattr("relabel_widget.design.mapped.LARGE", 0)
    monkeypatch.setattr("relabel_widget.design.sweeps._PART", 16)
    monkeypatch.setattr("relabel_widget.design.sweeps._RUN", 2)


@pytest.fixture(params=[False, True], ids=["small", "large"])
def as_large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches of small designs work out each gradient and factor, those of large ones as few as bounds allow."""
    if request.param:
        monkeypatch.setattr("relabel_widget.search.settings.LARGE", 0)

"""A kernel that is killed while a page decides: what the page was told is in the store, and nothing is half there."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import random
import threading
import time
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import page_child
import pytest
from widget_harness import Shown, small_workbench

pytestmark = pytest.mark.browser

# Clicks boxes and buttons, as the browser does it for a person, but faster than any.
HAND = """(seed) => {
  let at = seed;
  const below = (n) => (at = (at * 16807) % 2147483647) % n;
  const named = (name) => [...document.querySelectorAll("button")].find((one) => one.textContent.trim() === name);
  setInterval(() => {
    const boxes = [...document.querySelectorAll(".rlw-train-row input[type=checkbox]")];
    const chance = below(10);
    const one = chance === 0 ? named("Undo") : chance === 1 ? named("Mark whole flip set") : boxes[below(boxes.length)];
    one?.click();
  }, 12);
}"""


# Processes begin as copies of one that has imported everything.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["page_child"])


class Kernel:
    """A widget in a process of its own, as far as `Shown` needs it."""

    def __init__(self, store: Path, annotator: str) -> None:
        self._pipe, theirs = PROCESSES.Pipe()
        self.process = PROCESSES.Process(target=page_child.main, args=(str(store), annotator, theirs))
        self.process.start()
        theirs.close()
        self._news: queue.SimpleQueue[dict] = queue.SimpleQueue()
        self.comm = SimpleNamespace(drain=self._drain)
        self.asked: list[dict] = []  # what the page wanted written, in order
        self.told = 0  # events that were written before the last word that came from the process
        self.answered = 0
        self.session, self._state = self._pipe.recv()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(EOFError, OSError):  # a word that was cut off was not said
            while True:
                self.told, message = self._pipe.recv()
                wanted = {request["id"] for request in self.asked}
                self.answered += message["method"] == "custom" and message["content"]["id"] in wanted
                self._news.put(message)

    def _drain(self) -> list[dict]:
        return [self._news.get() for _ in range(self._news.qsize())]

    def get_state(self) -> dict:
        return self._state

    def _handle_msg(self, message: dict) -> None:
        data = {key: value for key, value in message["content"]["data"].items() if key != "buffer_paths"}
        content = data.get("content", {})
        if content.get("kind") in ("decide", "undo"):
            self.asked.append(content)
        with contextlib.suppress(OSError):  # it was killed: the page does not know yet
            self._pipe.send(data)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self._reader.join(20)
        self._pipe.close()


def check(kernel: Kernel, store: Path, annotator: str) -> int:
    """Hold the store against what the page asked for, worked out anew from the requests; the number of its events."""
    bench = small_workbench(annotator=annotator, store=store)
    events = bench._decisions.journal.events()
    assert bench.store_trouble == ""
    assert len(events) >= kernel.told
    known = {event.uid: event for event in events}
    assert len(known) == len(events)
    marked: set[int] = set()
    decided: list[tuple[set[int], str]] = []  # what was marked before each decision that can be undone, and its uid
    expected = []
    for request in kernel.asked:
        uid = sha256(f"{kernel.session} {request['id']}".encode()).hexdigest()[:24]
        if request["kind"] == "undo":
            if not decided:
                continue
            before, target = decided[-1]
            expected.append((uid, (), target))
            after = before
        else:
            rows = request["rows"]
            wanted = set(rows) if request["decision"] == "relabel" else set()
            changed = tuple(row for row in rows if (row in marked) != (row in wanted))
            if not changed:
                continue
            expected.append((uid, changed, ""))
            after = marked ^ set(changed)
        if uid not in known:
            break  # this one was not written before the end, and so nothing after it
        if request["kind"] == "undo":
            decided.pop()
        else:
            decided.append((marked, uid))
        marked = after
    written = [(event.uid, event.rows, event.target) for event in events]
    assert written == expected[: len(written)]
    assert bench.relabelled == sorted(marked)
    bench.close()
    return len(events)


def kill_sessions(browser, folder: Path, sessions: int) -> tuple[int, int]:
    """Events that were written in all, and the requests that were answered."""
    rng = random.Random(0)  # noqa: S311 - seeded, for a test
    written, answered = 0, 0
    for session in range(sessions):
        store, annotator = folder / f"{session}.sqlite", f"page {session}"
        kernel = Kernel(store, annotator)
        with browser.new_context() as context:
            one = Shown(context.new_page(), kernel)
            one.page.wait_for_selector(".rlw-train-row input[type=checkbox]")
            one.page.evaluate(HAND, session + 1)
            end = time.monotonic() + 0.1 + 1.2 * rng.random()
            killer = threading.Timer(end - time.monotonic(), kernel.process.kill)
            killer.start()
            while killer.is_alive():
                one.page.wait_for_timeout(20)
            one.page.wait_for_timeout(50)
            kernel.end()
            assert one.errors == []
        written += check(kernel, store, annotator)
        answered += kernel.answered
    return written, answered


def test_what_the_page_was_told_survives_kill_9(browser, tmp_path):
    written, answered = kill_sessions(browser, tmp_path, 5)
    assert written > 20
    assert answered > 20


@pytest.mark.benchmark
@pytest.mark.timeout(3600)
def test_kill_9_through_the_page(browser, tmp_path, request):
    sessions = request.config.getoption("sessions")
    written, answered = kill_sessions(browser, tmp_path, sessions)
    print(f"\n{sessions} sessions killed, {answered} requests answered, {written} events written, none lost")
    assert answered > sessions

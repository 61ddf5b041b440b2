"""A process with a widget, whose page is in another one."""

from __future__ import annotations

import threading
from multiprocessing.connection import Connection

import comm
from recording_comm import RecordingComm
from widget_harness import receive, small_workbench

import relabel_widget as rw


def main(store: str, annotator: str, page: Connection) -> None:
    """Say the widget's state, then everything for the page, each with the number of events written before it."""
    comm.create_comm = RecordingComm
    bench = small_workbench(annotator=annotator, store=store)
    bench.flip_set(0)
    widget = rw.RelabelWidget(bench)
    widget.test_row = 0
    widget.comm.drain()
    state = {key: value for key, value in widget.get_state().items() if key not in ("_esm", "_css", "layout")}
    page.send((bench._decisions._session, state))

    def publish() -> None:
        while True:
            message = widget.comm.outbox.get()
            page.send((bench.n_events, message))

    threading.Thread(target=publish, daemon=True).start()
    while True:
        receive(widget, page.recv())

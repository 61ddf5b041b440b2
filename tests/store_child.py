"""A process that decides on a store: `store_child.py STORE ANNOTATOR NUMBER`.

It says each number once it is written, and the time in the end. With `look` for an annotator it is a workbench that
only looks, and says when it had seen that many events.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from relabel_widget.inputs import row_digests
from relabel_widget.journal import Event, Journal, Rows
from relabel_widget.journal.events import relabelled

N_ROWS = 50
TEXTS = [f"text {row}" for row in range(N_ROWS)]
CODES = np.arange(N_ROWS) % 2
CLASSES = np.array(["bad", "good"])


def place_of(store: str | None) -> str | Path | None:
    return store if store is None or "://" in store else Path(store)


def opened(store: str | None) -> Journal:
    """The journal of all these processes."""
    rows = Rows(lambda: row_digests(TEXTS, N_ROWS), None, None, CLASSES, CODES)
    return Journal(rows, place_of(store))


def workbench(store: str | None):
    """A workbench on the same rows."""
    from sklearn.linear_model import LogisticRegression

    import relabel_widget as rw

    X = np.column_stack([CODES + 0.1 * np.sin(np.arange(N_ROWS)), np.cos(np.arange(N_ROWS))])
    model = LogisticRegression().fit(X, CLASSES[CODES])
    options = {"train_text": TEXTS, "annotator": "ada", "store": place_of(store)}
    return rw.Workbench(model, X, CLASSES[CODES], X[:2], **options)


def decided(row: int, note: str = "", annotator: str = "ada") -> Event:
    """The first decision about a row."""
    return relabelled((row,), (row % 2,), (1 - row % 2,), note=note, annotator=annotator)


def look(store: str, number: int) -> None:
    """Say when all events had been seen, by themselves."""
    bench = workbench(store)
    print("ready", flush=True)
    while bench.n_events < number:
        time.sleep(0.02)
    print(time.time(), flush=True)
    bench.close()


def main(store: str, annotator: str, number: int) -> None:
    """Decide, one after the other."""
    journal = opened(store)
    print("ready", flush=True)
    sys.stdin.readline()
    for place in range(number):
        journal.append(decided(place % N_ROWS, f"{place}", annotator))
        assert journal.trouble == "", journal.trouble
        print(place, flush=True)
    print(time.time(), flush=True)
    journal.close()


if __name__ == "__main__":
    if sys.argv[2] == "look":
        look(sys.argv[1], int(sys.argv[3]))
    else:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

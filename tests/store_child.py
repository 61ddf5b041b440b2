"""A process that decides on a store: `store_child.py STORE ANNOTATOR NUMBER`; says each number once it is written."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from relabel_widget.inputs import row_digests
from relabel_widget.journal import Journal, Rows
from relabel_widget.journal.events import relabelled

N_ROWS = 50
TEXTS = [f"text {row}" for row in range(N_ROWS)]


def opened(store: str) -> Journal:
    """The journal of all these processes."""
    codes = np.arange(N_ROWS) % 2
    rows = Rows(lambda: row_digests(TEXTS, N_ROWS), None, None, np.array(["bad", "good"]), codes)
    return Journal(rows, store if "://" in store else Path(store))


def main(store: str, annotator: str, number: int) -> None:
    """Decide, one after the other."""
    journal = opened(store)
    print("ready", flush=True)
    sys.stdin.readline()
    for place in range(number):
        row = place % N_ROWS
        event = relabelled((row,), (row % 2,), (1 - row % 2,), note=f"{place}", annotator=annotator)
        journal.append(event)
        assert journal.trouble == "", journal.trouble
        print(place, flush=True)
    journal.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

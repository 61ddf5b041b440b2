"""Makes the files here, with the code of a CHECKOUT: `PYTHONPATH=CHECKOUT python tests/older/make.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

N_TRAIN, N_TEST, N_FEATURES = 40, 8, 6
LABELS = np.array(["bad", "good"])
TEXTS = [f"text {row}: süß" for row in range(N_TRAIN)]


def matrix(kind, n_rows=N_TRAIN):
    """Numbers, counts or ones, many of them zero, by arithmetic alone: no generator has to draw the same again."""
    rows, columns = np.indices((n_rows, N_FEATURES))
    mixed = (rows * 7 + columns * 13 + rows * rows * columns) % 11
    if kind == "numbers":
        return np.where(mixed > 3, (mixed - 6.5) / 7, 0.0)
    return np.where(mixed > 6, mixed if kind == "counts" else 1.0, 0.0).astype(float)


def workbench(rw, store):
    """The workbench that the store belongs to."""
    X = matrix("numbers", N_TRAIN + N_TEST)
    total = X @ np.arange(1, N_FEATURES + 1) + (np.arange(len(X)) % 5 == 0)
    y = LABELS[(np.round(total, 6) > 0).astype(int)]  # sums of 0 are 0 on every machine
    estimator = LogisticRegression(C=2.0).fit(X[:N_TRAIN], y[:N_TRAIN])
    train, test = slice(0, N_TRAIN), slice(N_TRAIN, None)
    return rw.Workbench(
        estimator,
        X[train],
        y[train],
        X[test],
        y[test],
        ids=[f"r{row:02d}" for row in range(N_TRAIN)],
        annotator="ada",
        store=store,
    )


def main(folder):
    import relabel_widget as rw

    bench = workbench(rw, folder / "decisions.sqlite")
    bench.relabel(3)
    bench.relabel([5, 8], note="sarcasm ‚süß‘")
    bench.keep(1, note="read twice")
    bench.unsure([2, 4])
    bench.relabel(9)
    bench.undo()
    bench.verify()
    bench.close()
    for kind in ("numbers", "counts", "ones"):
        rw.write_design(folder / f"{kind}.rlw", matrix(kind))
    rw.write_texts(folder / "texts.rlw", TEXTS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

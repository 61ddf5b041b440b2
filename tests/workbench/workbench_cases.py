"""A small made corpus for workbenches."""

from __future__ import annotations

import numpy as np

from relabel_widget.workbench.workbench import Workbench

GOOD, BAD, NEUTRAL = ["lovely", "warm", "kind"], ["dirty", "cold", "rude"], ["room", "desk", "bus", "key", "soap"]


def corpus(n_rows: int, seed: int) -> tuple[list[str], list[str]]:
    """Made texts: two words of the label's kind, or sometimes of the other, and two of neither."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n_rows):
        good = bool(rng.integers(2))
        words = [*rng.choice(GOOD if good else BAD, 2), *rng.choice(NEUTRAL, 2), rng.choice(GOOD + BAD)]
        texts.append(" ".join(words))
        labels.append("praise" if good ^ (rng.random() < 0.1) else "complaint")
    return texts, labels


TRAIN, Y = corpus(80, seed=1)
TEST, Y_TEST = corpus(30, seed=2)


def closest(bench: Workbench) -> int:
    """The test row nearest to the threshold."""
    return int(bench.test_rows()["margin"].abs().idxmin())

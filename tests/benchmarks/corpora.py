"""Large corpora made by code, seeded: word counts with Zipf columns in shuffled order."""

from __future__ import annotations

import numpy as np
from scipy import sparse

_TABLE = 2**22


def zipf_counts(n_rows: int, n_columns: int = 10**5, tokens: float = 81.6, seed: int = 0) -> sparse.csr_array:
    """Rows of Poisson-many draws from ``1 / rank``, each column once; nine in ten values are 1, the rest 2 or more.

    With the default of tokens a row has 67 distinct columns. Made in blocks of 20,000 rows.
    """
    rng = np.random.default_rng(seed)
    cumulated = np.cumsum(1.0 / np.arange(1, n_columns + 1))
    table = np.searchsorted(cumulated / cumulated[-1], (np.arange(_TABLE) + 0.5) / _TABLE)
    table = rng.permutation(n_columns)[np.minimum(table, n_columns - 1)].astype(np.int64)
    indices, lengths = [], []
    for first in range(0, n_rows, 20_000):
        m = min(20_000, n_rows - first)
        drawn = rng.poisson(tokens, m)
        key = np.repeat(np.arange(m) * n_columns, drawn) + table[rng.integers(0, _TABLE, int(drawn.sum()))]
        key.sort()
        key = key[np.append(True, key[1:] != key[:-1])]
        indices.append((key % n_columns).astype(np.int32))
        lengths.append(np.bincount(key // n_columns, minlength=m))
    columns = np.concatenate(indices)
    values = np.ones(len(columns))
    more = rng.integers(0, 10, len(columns), dtype=np.int8) == 0
    values[more] += rng.geometric(0.7, int(more.sum()))
    starts = np.append(0, np.cumsum(np.concatenate(lengths))).astype(np.int32)
    return sparse.csr_array((values, columns, starts), shape=(n_rows, n_columns))


def zipf_labels(x: sparse.csr_array, seed: int = 1) -> np.ndarray:
    """Labels of a noisy linear model of the counts."""
    rng = np.random.default_rng(seed)
    scores = x @ (0.3 * rng.normal(size=x.shape[1])) + rng.normal(size=x.shape[0])
    return (scores > np.median(scores)).astype(np.int64)

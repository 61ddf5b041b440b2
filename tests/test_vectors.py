"""Products of vectors in pieces that BLAS does not split, against plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg.blas import dgemm
from threadpoolctl import threadpool_info, threadpool_limits

from relabel_widget import vectors
from relabel_widget.vectors import add_scaled, blas_in_one_thread, dot, norm, symmetric_product

every_length = pytest.mark.parametrize("n", [0, 1, 9_999, 10_000, 10_001, 25_000])


@every_length
def test_inner_products(n: int) -> None:
    a, b = np.random.default_rng(n).normal(size=(2, n))
    assert_allclose(dot(a, b), a @ b, atol=1e-9)
    assert_allclose(norm(a), np.sqrt(a @ a), atol=1e-9)


@every_length
def test_a_scaled_vector_is_added_in_place(n: int) -> None:
    a, out = np.random.default_rng(n).normal(size=(2, n))
    given, expected = a.copy(), out - 0.3 * a
    add_scaled(out, -0.3, a)
    assert_allclose(out, expected, atol=1e-12)
    assert_array_equal(a, given)


@pytest.mark.parametrize("k", [1, 2, 511, 512, 513, 900])
def test_a_symmetric_matrix_times_vectors(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 513 on in strips: 512 squared is what is multiplied at once, and what BLAS leaves to the calling thread."""

    def multiplied(scale: float, a: Any, b: Any) -> Any:
        assert a.shape[0] * a.shape[1] * b.shape[1] <= 2**18
        return dgemm(scale, a, b)

    monkeypatch.setattr(vectors, "dgemm", multiplied)
    rng = np.random.default_rng(k)
    a, v = rng.normal(size=(k, k)), rng.normal(size=k)
    a = np.asfortranarray(a + a.T)
    assert_allclose(symmetric_product(a, v), a @ v, atol=1e-10)
    for m in (0, 1, 16, 35):
        many = rng.normal(size=(k, m))
        assert_allclose(symmetric_product(a, many), a @ many, atol=1e-10)


def blas_threads() -> set[int]:
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_blas_gets_its_threads_back_when_the_last_caller_is_done() -> None:
    """Callers overlap: one's end must neither give threads to another nor keep what that one found."""
    one, other = blas_in_one_thread(), blas_in_one_thread()
    with threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        one.__enter__()
        other.__enter__()
        assert blas_threads() == {1}
        one.__exit__(None, None, None)
        assert blas_threads() == {1}
        other.__exit__(None, None, None)
        assert blas_threads() == before != {1}
        with pytest.raises(ZeroDivisionError), blas_in_one_thread():
            raise ZeroDivisionError
        assert blas_threads() == before

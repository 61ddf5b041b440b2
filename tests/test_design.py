"""Designs: every storage and every guise gives the products of the same dense matrix."""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import DESIGNS, GUISES, MATRICES, BlockDesign, small_integers, snapshot, stored_arrays
from scipy import sparse

from relabel_widget.design import CsrDesign, DenseDesign, Design, as_design, as_query

every_matrix = pytest.mark.parametrize("x", MATRICES.values(), ids=MATRICES)
every_guise = pytest.mark.parametrize("guise", GUISES.values(), ids=GUISES)
every_design = pytest.mark.parametrize("make", DESIGNS.values(), ids=DESIGNS)


def check_products(design: Design, x: np.ndarray) -> None:
    """Each product against NumPy on the dense matrix; entries are small integers, so only summation order differs."""
    rng = np.random.default_rng(7)
    n, p = x.shape
    v, u, many_v, many_u = rng.normal(size=p), rng.normal(size=n), rng.normal(size=(p, 3)), rng.normal(size=(n, 3))
    close = {"rtol": 1e-13, "atol": 1e-13}
    assert (design.shape, design.n_rows, design.n_features, design.dtype) == ((n, p), n, p, np.float64)
    assert_array_equal(design.to_dense(), x)
    assert_allclose(design.matvec(v), x @ v, **close)
    assert_allclose(design.rmatvec(u), x.T @ u, **close)
    assert_allclose(design.matmat(many_v), x @ many_v, **close)
    assert_allclose(design.rmatmat(many_u), x.T @ many_u, **close)
    assert_allclose(design.weighted_square_sum(u), (x**2).T @ u, **close)
    d, shift = rng.normal(size=n), rng.normal(size=3)
    u_one, u_many, image = d * (x @ v + 0.3), d[:, None] * (x @ many_v + shift), np.full(n, np.nan)
    for (product, total), expected in (
        (design.gram_matvec(v, d, 0.3), u_one),
        (design.gram_matvec(v, d, 0.3, image), u_one),
        (design.gram_matmat(many_v, d[:, None], shift), u_many),
        (design.gram_matmat(many_v, np.tile(d[:, None], 3), shift), u_many),
    ):
        assert_allclose(product, x.T @ expected, **close)
        assert_allclose(total, expected.sum(axis=0), **close)
    assert_allclose(image, x @ v + 0.3, **close)
    for product in (design.matvec(v), design.rmatvec(u), design.matmat(many_v), design.rmatmat(many_u)):
        assert type(product) is np.ndarray
        assert product.dtype == np.float64


@every_matrix
@every_design
def test_products(make: Any, x: np.ndarray) -> None:
    check_products(make(x), x)


@every_matrix
@every_guise
def test_products_of_every_guise(guise: Any, x: np.ndarray) -> None:
    held = guise(x)
    before = snapshot(held)
    check_products(as_design(held, who="test"), x)
    assert snapshot(held) == before, "the caller's matrix was edited"


@every_matrix
@every_design
def test_adjoint_identity(make: Any, x: np.ndarray) -> None:
    """``u . (X v) = (X' u) . v``, also for products on columns that are not contiguous."""
    design, rng = make(x), np.random.default_rng(1)
    u, v = rng.normal(size=(x.shape[0], 4)), rng.normal(size=(x.shape[1], 4))
    assert_allclose(np.sum(u * design.matmat(v)), np.sum(design.rmatmat(u) * v), rtol=1e-12, atol=1e-12)
    assert_allclose(u[:, 1] @ design.matvec(v[:, 1]), design.rmatvec(u[:, 1]) @ v[:, 1], rtol=1e-12, atol=1e-12)


@every_matrix
@every_design
def test_blocks_cover_the_rows_in_order(make: Any, x: np.ndarray) -> None:
    ends = [(rows.start, rows.stop, block.shape) for rows, block in make(x).blocks()]
    assert ends[0][0] == 0
    assert ends[-1][1] == len(x)
    assert all(before[1] == after[0] for before, after in pairwise(ends))
    assert all(shape == (stop - start, x.shape[1]) for start, stop, shape in ends)


@every_design
def test_take_keeps_the_order_given(make: Any) -> None:
    x = MATRICES["tall"]
    rows = np.array([5, 0, 22, 5])
    taken = make(x).take(rows)
    check_products(taken, x[rows])


@pytest.mark.parametrize("kind", [sparse.csr_array, np.array], ids=["sparse", "dense"])
def test_any_block_size_gives_the_same_answer(kind: Any) -> None:
    x = small_integers(31, 7, 11)
    for size in (1, 2, 5, 30, 31, 100):
        check_products(BlockDesign([kind(x[first : first + size]) for first in range(0, 31, size)]), x)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_a_canonical_matrix_is_shared(kind: Any, index: Any) -> None:
    held = kind(MATRICES["tall"])
    held.indices, held.indptr = held.indices.astype(index), held.indptr.astype(index)
    ((_, block),) = as_design(held, who="test").blocks()
    for name in ("data", "indices", "indptr"):
        assert np.shares_memory(getattr(held, name), getattr(block, name)), name


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_dense_float_array_is_shared(order: Any) -> None:
    held = np.array(MATRICES["tall"], order=order)
    ((_, block),) = as_design(held, who="test").blocks()
    assert np.shares_memory(held, block)


@pytest.mark.parametrize("name", ["csr, unsorted", "csr, duplicates", "csr_matrix, duplicates"])
def test_a_matrix_that_must_be_sorted_is_copied(name: str) -> None:
    held = GUISES[name](MATRICES["tall"])
    ((_, block),) = as_design(held, who="test").blocks()
    assert not any(np.shares_memory(part, mine) for part in stored_arrays(held) for mine in stored_arrays(block))
    assert block.has_canonical_format


def test_memory_mapped_arrays_put_into_a_matrix_are_not_edited(tmp_path: Any) -> None:
    held = GUISES["csr, unsorted"](MATRICES["tall"])
    for name in ("data", "indices"):
        np.save(tmp_path / name, getattr(held, name))
        setattr(held, name, np.load(tmp_path / f"{name}.npy", mmap_mode="r+"))
    before = snapshot(held)
    check_products(as_design(held, who="test"), MATRICES["tall"])
    assert snapshot(held) == before


def test_a_design_is_taken_as_it_is() -> None:
    for make in DESIGNS.values():
        design = make(MATRICES["tall"])
        assert as_design(design, who="test") is design


def test_storage_follows_what_came() -> None:
    assert isinstance(as_design(sparse.coo_array(np.eye(3)), who="test"), CsrDesign)
    assert isinstance(as_design(np.eye(3), who="test"), DenseDesign)


QUERIES: dict[str, Any] = {
    "1-D array": lambda x: x,
    "list": lambda x: x.tolist(),
    "one row": lambda x: x[None],
    "sparse row": lambda x: sparse.csr_array(x[None]),
    "csr_matrix row": lambda x: sparse.csr_matrix(x[None]),
    "1-D sparse": sparse.coo_array,
    "int": lambda x: x.astype(int),
    "design": lambda x: DenseDesign(x[None]),
}


@pytest.mark.parametrize("guise", QUERIES.values(), ids=QUERIES)
def test_a_query_in_every_guise(guise: Any) -> None:
    x = MATRICES["one row"][0]
    design = as_query(guise(x), who="test", n_features=8)
    assert_array_equal(design.to_dense(), x[None])


@every_design
def test_a_copy_in_another_process(make: Any) -> None:
    design = make(MATRICES["tall"])
    if design.place != "workers":
        check_products(pickle.loads(pickle.dumps(design)), MATRICES["tall"])  # noqa: S301 - our own

"""Tables of top sums: how strongly editing a few rows can move each row, to first, second and third order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .._typing import AnyArray, FloatArray, IntArray
from ..monitor import Monitor
from .kernel import Kernel, row_blocks
from .pointwise import Pointwise
from .top import TopColumns

# The reference bends are taken at twice the first-order displacements by so many rows that their median is about 1:
# closures end near there, whatever the data and C (SST-2 at C = .1 with 4 rows, at C = .01 with 40). Narrower ones
# would be tighter for small sets, but a single row beyond them rescales all. A bad guess costs only tightness.
_TYPICAL_DISPLACEMENT = 1.0
_WIDER = 2.0
_LEAST_CONTRACTION = 0.2
_FLOOR = 1e-12


@dataclass(frozen=True, eq=False)
class Couplings:
    """Tables of top sums over the candidate columns; see the package docstring for K0, T and U.

    Attributes
    ----------
    first
        Of ``|K0_ji|``.
    same, opposite
        Of the positive and negative parts of ``z_j z_i K0_ji`` (z the labels' signs).
    second
        Of ``T_ji^.5``, ``T_ji = sum_l |K0_jl| bend_l K0_li^2``.
    third
        Of ``U_ji = (sum_{l != i} |K0_jl| bend_l T_li^2)^.25``.
    bend
        The reference bends used for T and U, shape (n_rows,).
    """

    first: TopColumns
    same: TopColumns
    opposite: TopColumns
    second: TopColumns
    third: TopColumns
    bend: FloatArray


def make_couplings(
    kernel: Kernel, rows: Pointwise, allowed: IntArray, reference: FloatArray, monitor: Monitor | None = None
) -> Couplings:
    """Make the tables for edits within ``allowed``.

    Parameters
    ----------
    reference
        An estimate of each candidate's force, positive there and 0 elsewhere, shape (n_rows,).

    Notes
    -----
    Cost: two products of n_rows x n_rows x len(allowed) in float32 and five partitions; peak memory besides the
    kernel 8 n_rows len(allowed) bytes.
    """
    first, same, opposite = (
        TopColumns.of(_entries(kernel, rows, allowed, kind), allowed, reference) for kind in (0, 1, -1)
    )
    bend = _reference_bend(kernel, rows, first, reference)
    table = _second(kernel, allowed, bend)
    _tell(monitor, 3)
    second = TopColumns.of((np.sqrt(table[part]) for part in _product_blocks(table)), allowed, reference)
    third = TopColumns.of(_third(kernel, allowed, bend, table), allowed, reference)
    _tell(monitor, 4)
    return Couplings(first, same, opposite, second, third, bend)


def _tell(monitor: Monitor | None, done: int) -> None:
    if monitor is not None:
        monitor.step("tables of the lower bound: cross effects", done, 4)


def _entries(kernel: Kernel, rows: Pointwise, allowed: IntArray, kind: int) -> Iterator[AnyArray]:
    """Blocks of ``|K0|`` (kind 0) or of the positive parts of ``kind z_j z_i K0_ji``."""
    signs = rows.signs.astype(np.float32)
    everything = len(allowed) == len(signs)
    for part in row_blocks(len(signs), len(signs)):
        block = kernel.cross[part] if everything else kernel.cross[part][:, allowed]
        yield np.abs(block) if kind == 0 else np.maximum(block * (kind * signs[part, None] * signs[allowed]), 0.0)


def _reference_bend(kernel: Kernel, rows: Pointwise, first: TopColumns, reference: FloatArray) -> FloatArray:
    size, most = 1, int((reference > 0).sum())
    while size < most and np.median(first.largest(size + 1, reference)) <= _TYPICAL_DISPLACEMENT:
        size += max(1, size // 8)
    radius = _WIDER * first.largest(size, reference)
    bend, contraction = bend_and_contraction(kernel, rows, (-radius, radius), least=_LEAST_CONTRACTION)
    return np.maximum(bend / np.square(contraction), _FLOOR * np.maximum(rows.weights, _FLOOR))


def bend_and_contraction(
    kernel: Kernel, rows: Pointwise, box: tuple[FloatArray, FloatArray], *, least: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """``C`` with |e_i(x)| <= C_i x^2, and ``c`` with |force| >= c_i |x| in a row's own equation, over the box."""
    below, above = rows.bends(box)
    slack = np.maximum(rows.curvature - rows.least_slope(box), 0.0)
    return np.maximum(below, above), np.maximum(1.0 - kernel.own * slack, least)


def _second(kernel: Kernel, allowed: IntArray, bend: FloatArray) -> AnyArray:
    """T restricted to the allowed columns, float32, rounded upwards."""
    squares = np.square(kernel.cross if len(allowed) == len(bend) else kernel.cross[:, allowed])
    out = np.empty_like(squares)
    for part in _product_blocks(squares):
        out[part] = _weighted_product(kernel, bend, squares, part)
    return out


def _third(kernel: Kernel, allowed: IntArray, bend: FloatArray, table: AnyArray) -> Iterator[AnyArray]:
    """Blocks of U; overwrites T. The entries T_ii are excluded: i is edited, so it is not summed over."""
    np.square(table, out=table)
    table[allowed, np.arange(len(allowed))] = 0.0
    for part in _product_blocks(table):
        yield np.sqrt(np.sqrt(_weighted_product(kernel, bend, table, part)))


def _product_blocks(right: AnyArray) -> Iterator[slice]:
    return row_blocks(len(right), 3 * len(right), product=True)


def _weighted_product(kernel: Kernel, bend: FloatArray, right: AnyArray, part: slice) -> AnyArray:
    """Rows of ``|K0| diag(bend) right``, rounded upwards."""
    weighted = np.abs(kernel.cross[part])
    weighted *= bend.astype(np.float32)
    out = weighted @ right
    out *= np.float32(kernel.outward)
    out += np.float32(len(right) * float(np.finfo(np.float32).tiny))
    return out

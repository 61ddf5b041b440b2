"""Checks and helpers shared by audits: groups, levels, counts."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from .._typing import IntArray
from ..design import Design, as_design
from ..files.characters import readable_values
from ..inputs import named_rows, present_values


def as_labels(groups: Any, n_rows: int, *, who: str) -> tuple[list[Any], IntArray]:
    """The sorted distinct groups, and the index of each row's group among them, shape (n_rows,).

    Raises
    ------
    ValueError
        If there is not exactly one group per row, or one is missing.
    TypeError
        If the groups have types that cannot be sorted together.
    """
    array, rows, shape = present_values(groups, who=who)
    if shape != (n_rows,):
        raise ValueError(f"{who}: expected one group for each of {n_rows} rows, got shape {shape}.")
    if len(rows) < n_rows:
        missing = np.setdiff1d(np.arange(n_rows), rows, assume_unique=True)
        raise ValueError(
            f"{who}: expected a group for every row, got {len(missing)} missing, in {named_rows(missing)}. Give them "
            "a name of their own."
        )
    try:
        names, codes = np.unique(readable_values(array), return_inverse=True)
    except TypeError as error:
        kinds = sorted({type(each).__name__ for each in array.tolist()})
        raise TypeError(f"{who}: expected groups of one type, got {', '.join(kinds)} together.") from error
    return names.tolist(), codes.astype(np.int64)


def check_level(level: Any, *, who: str) -> None:
    """Refuse a significance level outside (0, 1).

    Raises
    ------
    ValueError
        If it is not a number strictly between 0 and 1.
    """
    if not isinstance(level, numbers.Real) or not 0 < float(level) < 1:
        raise ValueError(f"{who}: expected level strictly between 0 and 1, got {level!r}.")


def stacked(designs: list[Design], *, who: str) -> Design:
    """The rows of several designs stacked in memory.

    Raises
    ------
    ValueError
        If they have different columns.
    """
    from scipy import sparse

    widths = {design.n_features for design in designs}
    if len(widths) > 1:
        raise ValueError(f"{who}: expected the same columns in every group, got {sorted(widths)} columns.")
    blocks = [block for design in designs for _, block in design.blocks()]
    if any(sparse.issparse(block) for block in blocks):
        return as_design(sparse.vstack([sparse.csr_array(block) for block in blocks], format="csr"), who=who)
    return as_design(np.vstack(blocks), who=who)

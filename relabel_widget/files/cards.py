"""The small card that a notebook shows for an object: its name, a few facts, perhaps the head of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..facts import UNKNOWN, clip, plural
from .html import Markup, join, tag

if TYPE_CHECKING:
    import pandas as pd

_MOST_LINES = 8
_LONGEST_CELL = 200
_LEFT = "text-align: left; vertical-align: top; padding: 1px 12px 1px 0"
_RIGHT = "text-align: right; padding: 1px 12px 1px 0"


def card(name: str, facts: Iterable[tuple[str, Any]], table: pd.DataFrame | None = None) -> str:
    """HTML without script or style sheet: everything but the markup made here is escaped, long texts are cut."""
    lines = (tag("tr", tag("th", said, scope="row", style=_LEFT), _cell(value, _LEFT)) for said, value in facts)
    body = tag("table", tag("tbody", *lines))
    return tag("div", tag("strong", name), body, *(() if table is None else (_head(table),)))


def several(values: Any) -> str:
    """The first of several values, separated by commas."""
    listed = list(values)
    shown = ", ".join(clip(value, 40) for value in listed[:_MOST_LINES])
    left = len(listed) - _MOST_LINES
    return f"{shown}, … ({left:,} more)" if left > 0 else shown or "none"


def _head(table: pd.DataFrame) -> Markup:
    columns = [str(column) for column in table.columns]
    head = tag("tr", *(tag("th", column, scope="col", style=_RIGHT) for column in columns))
    lines = [tag("tr", *(_cell(value, _RIGHT) for value in line)) for line in _first_lines(table)]
    left = len(table) - _MOST_LINES
    more = tag("div", f"… {plural(left, 'more line')}") if left > 0 else ""
    return join(tag("table", tag("thead", head), tag("tbody", *lines)), more)


def _first_lines(table: pd.DataFrame) -> Iterable[tuple[Any, ...]]:
    return table.head(_MOST_LINES).itertuples(index=False, name=None)


def _cell(value: Any, style: str) -> Markup:
    return tag("td", clip(_shown(value), _LONGEST_CELL), dir="auto", style=style)


def _shown(value: Any) -> Any:
    if isinstance(value, float):
        return UNKNOWN if math.isnan(value) else f"{value:.4g}"
    return value

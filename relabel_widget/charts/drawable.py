"""Makes chart specifications safe to draw: everything sent to vl-convert or the notebook passes through here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..files.characters import printable

_LONGEST = 10_000  # characters: vl-convert takes time quadratic in the length to measure a text on an axis
_LARGEST = 32_768  # points of width or height: the elements of an axis of 1e9 points would fill the memory
_FONTS = ("font", "fontweight", "fontstyle")
_BREAKS = re.compile("[\n\r\u2028\u2029]+")
_DATA = ("values", "datasets")


def drawable(spec: Any) -> Any:
    """A copy of a specification in which no text, key or number can crash the program that draws it.

    Controls, noncharacters and halves of surrogate pairs become U+FFFD (`printable`), non-finite numbers become
    null, because JSON has none, texts are cut at 10,000 characters, and titles are put on one line.
    Cost: one pass over the specification.

    Notes
    -----
    vl-convert 1.9 measures texts as XML, and characters that XML cannot hold end the whole process (SIGABRT, not an
    exception): U+0000 to U+0008, U+000B, U+000C, U+000E to U+001F, U+FFFE and U+FFFF, for ``.png`` and ``.svg``.
    Each was tried in its own process: all of C0, DEL and C1, U+FDD0, U+1FFFE, U+10FFFF and the like, separators and
    direction marks; the others are drawn. Lone surrogates raise ValueError in vl-convert, NaN is drawn, and a text of
    a million characters on an axis takes minutes. `check_drawable` covers a chart's own settings. Escapes in a
    chart's own expressions (a backslash and u0001) are not detected here; our charts have none.
    """
    return _clean(spec, in_data=False)


def _clean(value: Any, *, in_data: bool) -> Any:
    if isinstance(value, str):
        text = printable(value)
        return text if len(text) <= _LONGEST or text.startswith("data:") else f"{text[: _LONGEST - 1]}…"
    if isinstance(value, Mapping):
        return {printable(str(key)): _clean_entry(key, each, in_data) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(each, in_data=in_data) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _clean_entry(key: Any, value: Any, in_data: bool) -> Any:
    if in_data:
        return _clean(value, in_data=True)
    if key in _DATA:
        return _clean_data(value)
    if key == "title" and isinstance(value, str):
        value = _BREAKS.sub(" ", value)  # Vega-Lite 6 puts it in an expression, where a line break is an error
    return _clean(value, in_data=False)


def _clean_data(data: Any) -> Any:
    """A chart's data; a whole table in one text, such as CSV, is not cut."""
    if isinstance(data, str):
        return printable(data)
    if isinstance(data, Mapping):
        return {name: _clean_data(table) for name, table in data.items()}
    return _clean(data, in_data=True)


def check_drawable(spec: Any, *, who: str) -> None:
    """Refuse chart settings that would crash the process that draws it.

    Raises
    ------
    ValueError
        If a font's name holds ``<`` or ``&``, which vl-convert takes for XML, or a size is above 32,768 points.
    """
    for name, value in _settings(spec):
        key = name.lower()
        if key.endswith(_FONTS) and isinstance(value, str) and set("<&") & set(value):
            raise ValueError(f"{who}: the chart cannot be drawn: expected {name} without < and &, got {value!r}.")
        if key in ("width", "height", "step") and isinstance(value, (int, float)) and value > _LARGEST:
            raise ValueError(
                f"{who}: the chart cannot be drawn: expected {name} of at most {_LARGEST:,} points, got {value:g}."
            )


def _settings(spec: Any) -> Iterator[tuple[str, Any]]:
    """All names and values of a specification outside its data."""
    if isinstance(spec, Mapping):
        for name, value in spec.items():
            if name not in _DATA:
                yield str(name), value
                yield from _settings(value)
    elif isinstance(spec, (list, tuple)):
        for value in spec:
            yield from _settings(value)

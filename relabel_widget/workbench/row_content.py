"""What a row looks like to people: a text, a table of its values, or an image. Pages, reports and lists draw these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .._typing import AnyArray
from ..facts import clip
from ..files.characters import readable
from ..files.png import png_of, png_size
from ..inputs import value_text

SMALL_SIDE = 96
"""Pixels of an array's longer side in lists; larger arrays are thinned out."""

_LARGE_SIDE = 1024
_SMALL_BYTES = 100_000  # of a PNG in lists
_LARGE_BYTES = 8_000_000
_MOST_PIXELS = 40_000_000  # a browser takes four bytes for each
_SMALL_CELLS = 8
_LARGE_CELLS = 200
_LONGEST_NAME = 80
_LONGEST_VALUE = 400


@dataclass(frozen=True)
class Text:
    """A row that is read."""

    text: str


@dataclass(frozen=True)
class Cell:
    """One named value of a row.

    Attributes
    ----------
    name, value
        As people read them.
    beside
        The value of the row that it is compared with, where that differs; otherwise None.
    part
        What it contributes to the log-odds of the table's class; None where that is not known.
    """

    name: str
    value: str
    beside: str | None = None
    part: float | None = None


@dataclass(frozen=True)
class Table:
    """Named values, the most telling first.

    Attributes
    ----------
    cells
        The values that are shown.
    left_out
        How many more there are.
    about
        The class whose log-odds parts are of, as text; empty without parts.
    """

    cells: tuple[Cell, ...]
    left_out: int = 0
    about: str = ""

    @property
    def text(self) -> str:
        """The same as one line."""
        return ", ".join(f"{cell.name}={cell.value}" for cell in self.cells) + (", …" if self.left_out else "")


@dataclass(frozen=True)
class Image:
    """A picture, as PNG."""

    png: bytes
    width: int
    height: int

    @property
    def text(self) -> str:
        """What is said of it where it cannot be seen."""
        return f"Image, {self.width:,} × {self.height:,} pixels"


Content: TypeAlias = Text | Table | Image


def table_of(
    values: Mapping[str, Any],
    other: Mapping[str, Any] | None = None,
    parts: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {}),
    *,
    about: str = "",
    small: bool = False,
) -> Table:
    """Named values, those that differ from another row's first, and of these what contributes most to the difference.

    ``parts`` are the contributions of the values by name, and those of the other row. Without another row the largest
    contributions come first; without contributions the order stays.
    """
    own, beside = parts
    words = {str(name): value_text(value) for name, value in values.items()}
    others = {} if other is None else {str(name): value_text(value) for name, value in other.items()}
    names = list(words) + [name for name in others if name not in words]  # a sparse row leaves zeros out
    differs = {name: other is not None and words.get(name, "0") != others.get(name, "0") for name in names}

    def place(name: str) -> tuple[bool, float]:
        return not differs[name], -abs(own.get(name, 0.0) - (beside.get(name, 0.0) if differs[name] else 0.0))

    most = _SMALL_CELLS if small else _LARGE_CELLS
    cells = [
        Cell(
            clip(readable(name), _LONGEST_NAME),
            clip(readable(words.get(name, "0")), _LONGEST_VALUE),
            clip(readable(others.get(name, "0")), _LONGEST_VALUE) if differs[name] else None,
            own.get(name, 0.0) if own else None,
        )
        for name in sorted(names, key=place)[:most]
    ]
    return Table(tuple(cells), len(names) - len(cells), about if own else "")


def image_of(array: AnyArray, *, small: bool = False) -> Image:
    """An array of pixels as an image, thinned out where it is larger than a list or a page can use.

    Parameters
    ----------
    array
        Shape (height, width) or (height, width, channels), with 1, 3 or 4 channels; whole numbers from 0 to 255,
        floats from 0 to 1, or booleans.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    pixels = np.asarray(array)
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise ValueError(
            "expected an image of shape (height, width) or (height, width, channels) with 1, 3 or 4 channels, got "
            f"shape {pixels.shape}"
        )
    step = -(-max(pixels.shape[:2]) // (SMALL_SIDE if small else _LARGE_SIDE))
    pixels = _bytes_of(pixels[::step, ::step])
    return Image(png_of(pixels), pixels.shape[1], pixels.shape[0])


def _bytes_of(pixels: AnyArray) -> AnyArray:
    kind, most = pixels.dtype.kind, 1 if pixels.dtype.kind in "fb" else 255
    if kind not in "fbiu":
        raise ValueError(f"expected an image of numbers, got an array of {pixels.dtype}")
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= most):  # NaN is neither
        raise ValueError(
            "expected whole numbers from 0 to 255 or floats from 0 to 1 in an image, got an array of "
            f"{pixels.dtype} from {low:g} to {high:g}"
        )
    return np.asarray(np.rint(pixels * np.float64(255 / most)), dtype=np.uint8)


def content_of(value: Any, other: Any = None, *, small: bool = False) -> Content:
    """What a ``render`` of somebody's own returned, as content: never HTML.

    Parameters
    ----------
    value
        A text; a mapping of names to values; an image, as `image_of` takes arrays, or as PNG bytes.
    other
        What it returned for the row that this one is compared with.
    small
        For a line of a list.

    Raises
    ------
    ValueError, TypeError
        If it is something else.
    """
    if isinstance(value, str):
        return Text(readable(value))
    if isinstance(value, Mapping):
        return table_of(value, other if isinstance(other, Mapping) else None, small=small)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _of_png(bytes(value), small)
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        return image_of(np.asarray(value), small=small)
    raise TypeError(
        f"expected a text, a mapping of names to values, an array of pixels or PNG bytes, got {type(value).__name__}"
    )


def _of_png(data: bytes, small: bool) -> Content:
    size = png_size(data)
    if size is None:
        raise ValueError("expected the bytes of a PNG, got bytes that do not begin as one")
    image = Image(data, *size)
    if len(data) > _LARGE_BYTES or size[0] * size[1] > _MOST_PIXELS:
        raise ValueError(f"expected a PNG of at most 8 MB and 40 million pixels, got {len(data):,} bytes, {image.text}")
    return Text(f"{image.text}, too large for a list") if small and len(data) > _SMALL_BYTES else image

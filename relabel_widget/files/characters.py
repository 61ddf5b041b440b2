"""Characters that files, pages and pictures cannot hold, and their replacements."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from .._typing import AnyArray

_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # all of C0 and C1 except tab, line feed and carriage return
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
_NOT_SHOWN = re.compile(f"[{_CONTROLS}{_NONCHARACTERS}]")


def readable(text: str) -> str:
    """The text made valid for UTF-8: halves of surrogate pairs are joined, or replaced by U+FFFD.

    Such halves come from JSON that was cut in the middle of a character.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def isolated(text: str) -> str:
    """The text between marks that keep its direction to itself, if it has letters from right to left.

    Within a sentence from left to right, such a name would turn what stands between it and the next one.
    """
    return f"\u2068{text}\u2069" if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text) else text


def quoted(name: object) -> str:
    """A name in quotation marks, `isolated` from the sentence around it."""
    return f"“{isolated(str(name))}”"


def printable(text: str) -> str:
    """The text made valid for XML and HTML: `readable`, with controls and noncharacters replaced by U+FFFD.

    Tab, line feed and carriage return stay. Nothing that is replaced has a visible shape.
    """
    return _NOT_SHOWN.sub("\ufffd", readable(text))


def readable_values(values: AnyArray) -> AnyArray:
    """A one-dimensional array of any type with its texts made `readable`; the same array if they all are."""
    if values.dtype.kind not in "OU" or (values.dtype.kind == "U" and not _has_surrogates(values)):
        return values
    out = values
    for place, value in enumerate(values.tolist()):
        if isinstance(value, str) and readable(value) is not value:
            out = values.copy() if out is values else out
            out[place] = readable(value)
    return out


def _has_surrogates(values: AnyArray) -> bool:
    points = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("="), copy=False).view(np.uint32)
    return bool(((points >= 0xD800) & (points < 0xE000)).any())

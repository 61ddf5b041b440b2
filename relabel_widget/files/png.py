"""Images as PNG bytes, made by the standard library; and what the head of a PNG says."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from .._typing import AnyArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {1: 0, 3: 2, 4: 6}  # channels: the number that PNG has for grey, RGB, RGBA


def png_of(image: AnyArray) -> bytes:
    """A PNG of an array of shape (height, width) or (height, width, channels), with 1, 3 or 4 channels, uint8."""
    pixels = image[:, :, None] if image.ndim == 2 else image
    height, width, channels = pixels.shape
    lines = np.zeros((height, 1 + width * channels), dtype=np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    body = zlib.compress(lines.tobytes(), 6)
    return _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG; None of anything else."""
    if not data.startswith(_SIGNATURE + b"\x00\x00\x00\rIHDR") or len(data) < 24:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return (width, height) if width and height else None

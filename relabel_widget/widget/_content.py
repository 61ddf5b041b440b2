"""How what a row looks like travels: its text, and beside it a table or an image where it is one."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, TypeAlias

from ..facts import signed
from ..files.characters import quoted
from ..workbench.row_content import Content, Table, Text
from ._types import FLAG, TEXT, listed, record

CONTENT = record(
    "Content",
    "A row that is more than its text: an image as PNG in base64, or a table. `coarse` says that its pixels are to be "
    "told apart. The first of the `lines` are the headings: name, value and, where they are known, the value of the "
    "test row and what the value contributes, which `about` explains. The most telling values come first.",
    image=TEXT,
    coarse=FLAG,
    lines=listed(listed(TEXT)),
    about=TEXT,
)

SAME = "same"
"""Stands for a value that the test row has as well."""

_COARSE = 128  # pixels of an image's width

Shown: TypeAlias = tuple[str, dict[str, Any] | None]


def shown(content: Content) -> Shown:
    """The text of a row, and a `CONTENT` where that is not all of it."""
    if isinstance(content, Text):
        return content.text, None
    if isinstance(content, Table):
        about = f"Log-odds of {quoted(content.about)}: coefficient × value." if content.about else ""
        return content.text, {"image": "", "coarse": False, "lines": _lines(content), "about": about}
    image = b64encode(content.png).decode()
    return content.text, {"image": image, "coarse": content.width < _COARSE, "lines": [], "about": ""}


def _lines(table: Table) -> list[list[str]]:
    compared = any(cell.beside is not None for cell in table.cells)
    log_odds = ["Log-odds"] if table.about else []
    lines = [["Name", "Value", *["Test row"] * compared, *log_odds]]
    for cell in table.cells:
        beside = [SAME if cell.beside is None else cell.beside] if compared else []
        lines.append([cell.name, cell.value, *beside, *[signed(cell.part or 0.0) for _ in log_odds]])
    return lines + ([[f"and {table.left_out:,} more"]] if table.left_out else [])

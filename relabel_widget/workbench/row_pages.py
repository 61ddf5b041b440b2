"""What a row looks like on a page to read, as HTML."""

from __future__ import annotations

from ..facts import signed
from ..files.html import Markup, excerpt, picture, values
from .row_content import Content, Image, Table

_MOST_LINES = 16


def drawn(content: Content, *, large: bool = False, quoted: bool = False) -> Markup:
    """A row: its text, cut if long; an image; or a table. Nothing in it is interpreted."""
    if isinstance(content, Image):
        return picture(content.png, content.text, content.width, large=large)
    if not isinstance(content, Table):
        return excerpt(content.text, quoted=quoted)
    if not large:
        return excerpt(content.text)
    compared = any(cell.beside is not None for cell in content.cells)
    log_odds = [f"Log-odds of {content.about}"] if content.about else []
    lines = (
        (
            *(cell.name, cell.value),
            *["same" if cell.beside is None else cell.beside] * compared,
            *[signed(cell.part or 0.0) for _ in log_odds],
        )
        for cell in content.cells[:_MOST_LINES]
    )
    left = content.left_out + max(0, len(content.cells) - _MOST_LINES)
    more = excerpt(f"and {left:,} more") if left else Markup("")
    return Markup(values(("Name", "Value", *["Test row"] * compared, *log_odds), lines) + more)

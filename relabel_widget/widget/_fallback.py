"""What stands in a notebook's output where no widget can be drawn: a small table, every text escaped."""

from __future__ import annotations

from html import escape
from typing import Any

from ._pages import Pages, clip
from ._wire import plural

LINES = 10

_HEADINGS = ("Row", "Text", "True", "Predicted", "Probability", "Flip set")


def _cells(line: dict[str, Any]) -> list[str]:
    label = "–" if line["label"] is None else line["label"]
    size = "–" if line["flip_size"] is None else str(line["flip_size"])
    return [str(line["row"]), clip(line["text"], 120), label, line["predicted"], f"{line['proba']:.3f}", size]


def fallback_html(workbench: Any, pages: Pages) -> str:
    """The first test rows and what was changed, as HTML without a script."""
    numbers = range(min(LINES, workbench.n_test))
    head = "".join(f"<th>{escape(words)}</th>" for words in _HEADINGS)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(pages.line(row))) + "</tr>" for row in numbers
    )
    facts = (
        f"{plural(workbench.n_train, 'training row')}, {plural(workbench.n_test, 'test row')}, "
        f"{plural(len(workbench.relabelled), 'label')} changed."
    )
    return (
        f"<p><strong>Relabel workbench.</strong> {escape(facts)} Run this cell in a notebook to work with it.</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )

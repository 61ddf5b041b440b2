"""What stands in a notebook's output where no widget can be drawn: small tables, every text escaped.

Front ends take styles and pictures out of what they do not trust; bars are therefore letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..facts import accuracy_change, clip, flips, set_size
from ..files.html import Markup, join, tag
from .snapshot import label_of, sentence, signs, state, true_label

LINES = 10

_TEXT = 120
_BAR = 16


def fallback_html(workbench: Any, test_row: int | None) -> str:
    """The chosen test row with its strongest bars, the first test rows, and what was changed, without a script."""
    head = tag("p", tag("strong", "Relabel workbench."), " ", state(workbench), *_retrained(workbench))
    hint = tag("p", "As it was when this cell ran. Run the cell to work with it.")
    chosen = [] if test_row is None else _chosen(workbench, test_row)
    return join(head, *chosen, tag("p", tag("strong", "Test rows")), _tests(workbench), hint)


def _retrained(workbench: Any) -> Iterator[str]:
    summary = workbench.verification_summary()
    if summary is None:
        return
    yield f" Verified by retraining: {flips(summary.n_flipped, summary.n_test)}."
    yield accuracy_change(summary)


def _chosen(workbench: Any, row: int) -> Iterator[Markup]:
    text = tag("em", clip(workbench.test_content(row, small=True).text, 4 * _TEXT))
    yield tag("p", tag("strong", f"Test row {row}. "), text, " ", sentence(workbench, row))
    known = workbench.known_flip_set(row)
    if known is not None:
        size = f" The set has {known.size:,} training rows." if known.found else ""
        yield tag("p", f"{known.outcome}{size}")
    ranked = workbench.influential_rows(row, LINES)
    largest = float(np.abs(ranked["influence"]).max()) or 1.0
    several = len(workbench.classes) > 2
    lines = (
        (
            *(
                line.row,
                clip(workbench.train_content(line.row, row, small=True).text, _TEXT),
                label_of(line),
                signs(line),
            ),
            *[line.suggested] * several,
            f"{line.influence:+.3f}",
            "█" * max(1, round(_BAR * abs(line.influence) / largest)),
        )
        for line in ranked.itertuples()
    )
    yield _table(("Training row", "Text", "Label", "Mark", *["Suggested"] * several, "Influence", ""), lines)


def _tests(workbench: Any) -> Markup:
    columns, classes = workbench.test_columns(), workbench.classes
    lines = []
    for row in range(min(LINES, workbench.n_test)):
        label = true_label(columns, row)
        known = set_size(columns.flip_size[row])
        predicted = classes[columns.predicted[row]]
        text = clip(workbench.test_content(row, small=True).text, _TEXT)
        lines.append((row, text, label, predicted, f"{columns.proba[row]:.3f}", known))
    return _table(("Row", "Text", "True", "Predicted", "Probability", "Flip set"), lines)


def _table(headings: Iterable[str], lines: Iterable[Iterable[Any]]) -> Markup:
    head = tag("thead", tag("tr", *(tag("th", words) for words in headings)))
    body = tag("tbody", *(tag("tr", *(tag("td", cell) for cell in line)) for line in lines))
    return tag("table", head, body)

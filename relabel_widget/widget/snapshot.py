"""A workbench as one page to read: what stood on the screen, without a script, opened from disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..facts import (
    UNKNOWN,
    clip,
    flips_by,
    influence_on,
    judged_on,
    own_word,
    probability_of,
    score_change,
    set_size,
    share_change,
)
from ..files.html import Markup, bar, chance, change, facts, join, page, section, smallest, table, tag, tile
from ..workbench.row_content import Content, Text
from ..workbench.row_pages import drawn

if TYPE_CHECKING:
    from ..workbench.test_rows import TestColumns
    from ..workbench.workbench import Workbench

_MOST_BARS = 60
_MOST_TESTS = 300
_SHORT = 240  # characters of a text in a list


def write_snapshot(
    path: str | os.PathLike[str], workbench: Workbench, test_row: int | None, *, overwrite: bool = False
) -> Path:
    """Write the page, whole or not at all, and return its absolute path; raises as `Workbench.report`."""
    return workbench.write_page(path, render(workbench, test_row), who="to_html", overwrite=overwrite)


def render(workbench: Workbench, test_row: int | None) -> str:
    """The page as HTML, with the chosen test row if there is one. Texts, ids and labels are shown as they are."""
    chosen = _nothing_chosen() if test_row is None else join(_query(workbench, test_row), _bars(workbench, test_row))
    return page("Relabel workbench", _header(workbench), _retraining(workbench), chosen, _tests(workbench, test_row))


def signs(line: Any) -> str:
    """How a training row stands to the flip set and to the labels, in words."""
    words = ["in the flip set"] * line.in_flip_set + ["relabelled"] * line.relabelled
    decision = line.decision
    return ", ".join(words + [decision] * (decision in {"keep", "unsure"}))


def label_of(line: Any) -> Markup:
    """The label of a training row, with the one it had."""
    return change(line.original, line.current) if line.relabelled else join(line.original)


def sentence(workbench: Workbench, test_row: int) -> str:
    """How the model decides a test row."""
    columns = workbench.test_columns()
    label = true_label(columns, test_row)
    truth = "" if label is UNKNOWN else f", true label {label}"
    classes, proba = workbench.classes, columns.proba[test_row]
    predicted, rival = classes[columns.predicted[test_row]], classes[columns.rival[test_row]]
    nearest = "" if len(classes) == 2 else f" The nearest other class is {rival}."
    return f"Predicted {predicted}{truth}. {probability_of(classes)} {proba:.3f}.{nearest}"


def shown_threshold(workbench: Workbench) -> float | None:
    """The threshold, where there is one."""
    return workbench.threshold if len(workbench.classes) == 2 else None


def true_label(columns: TestColumns, row: int) -> Any:
    """The true label of a test row, or a dash."""
    return UNKNOWN if columns.truth is None or columns.truth[row] is None else columns.truth[row]


def state(workbench: Workbench) -> str:
    """How much there is, how much of it is labelled, and how much was relabelled."""
    relabelled = len(workbench.relabelled)
    marked = f"{relabelled:,} of {workbench.n_train:,} training rows relabelled" if relabelled else "no row relabelled"
    known = int(workbench.test_columns().known.sum())
    of_them = f" ({known:,} with a known label)" if 0 < known < workbench.n_test else ""
    return f"{workbench.n_train:,} training rows, {workbench.n_test:,} test rows{of_them}, {marked}."


def _header(workbench: Workbench) -> Markup:
    made = datetime.now(UTC)
    when = tag("time", f"{made:%Y-%m-%d %H:%M} UTC", datetime=made.isoformat())
    words = tag("p", state(workbench), " Read-only snapshot from ", when, ".")
    return tag("header", tag("p", "Relabel workbench", class_="over"), tag("h1", _title(workbench)), words)


def _title(workbench: Workbench) -> str:
    summary = workbench.verification_summary()
    if summary is None:
        return "Not verified by retraining"
    return flips_by(summary.n_flipped, summary.n_test, summary.n_relabelled)


def _retraining(workbench: Workbench) -> Markup:
    summary = workbench.verification_summary()
    if summary is None:
        return Markup("")
    names = {"accuracy": share_change, "f1": score_change, "auc": score_change, "log_loss": score_change}
    became = summary.n_became_right
    fate = "" if became is None else f": {became:,} became right, {summary.n_became_wrong:,} wrong"
    tiles = [tile(f"{summary.n_flipped:,}", f"test predictions flipped{fate}")]
    for name, phrased in names.items():
        before, after = (getattr(summary, f"{name}_{when}") for when in ("before", "after"))
        if before is not None and after is not None:
            words = name.replace("_", "-") if name in {"accuracy", "log_loss"} else name.upper()
            rows = judged_on(summary.n_known, summary.n_test)
            tiles.append(tile(change(*phrased(before, after)), f"{words} on {rows}"))
    return section("Verified by retraining", tag("div", *tiles, class_="tiles"))


def _nothing_chosen() -> Markup:
    return section("Test row", tag("p", "None is chosen.", class_="soft"))


def _query(workbench: Workbench, row: int) -> Markup:
    parts = [drawn(workbench.test_content(row), large=True), tag("p", sentence(workbench, row))]
    return section(f"Test row {row}", tag("div", *parts, facts(_facts(workbench, row)), class_="card"))


def _facts(workbench: Workbench, row: int) -> Iterator[tuple[str, Any]]:
    columns, known = workbench.test_columns(), workbench.known_flip_set(row)
    before, after = columns.before_proba, columns.verified_proba
    threshold = shown_threshold(workbench)
    if known is None:
        yield "Flip set", "Not searched for."
    elif not known.found:
        yield "Flip set", known.outcome
    else:
        yield f"Flip set of {known.size:,}", known.outcome
        if len(workbench.classes) > 2 and known.predicted_after is not None:
            yield "It becomes", known.predicted_after
        yield "Probability with the set relabelled", chance(known.proba_before, known.proba_after, threshold)
        if own_word(known):
            yield "Your own model", own_word(known)
        yield "Smallest possible", smallest(known.optimal, known.lower_bound)
    if before is not None and after is not None:
        yield "Probability after retraining with the marks", chance(before[row], after[row], threshold)
    elif workbench.relabelled:
        found = workbench.forecast(row)
        yield "Marks, to first order (a prediction)", f"{found.change:+.3f} in log-odds: {found.predicted}"


def _bars(workbench: Workbench, row: int) -> Markup:
    ranked = workbench.influential_rows(row, _MOST_BARS)
    largest = float(np.abs(ranked["influence"]).max()) or 1.0
    ranks: Any = ranked.itertuples()
    several = len(workbench.classes) > 2  # of two, the suggested label is the other one
    lines = (
        (
            *(
                line.row,
                line.id,
                drawn(workbench.train_content(line.row, row, small=True)),
                label_of(line),
                signs(line),
            ),
            *[line.suggested] * several,
            _bar(line.influence, largest),
        )
        for line in ranks
    )
    columns, classes = workbench.test_columns(), workbench.classes
    words = influence_on(classes, classes[columns.predicted[row]], classes[columns.rival[row]])
    headings = ("#Row", "Id", "Text", "Label", "Mark", *["Suggested"] * several, "Influence")
    return section("Influential training rows", tag("p", words), table("Influential training rows", headings, lines))


def _bar(influence: float, largest: float) -> Markup:
    return bar(influence / largest, f"{influence:+.4f}")


def _short(content: Content) -> Markup:
    return drawn(Text(clip(content.text, _SHORT)) if isinstance(content, Text) else content)


def _tests(workbench: Workbench, chosen: int | None) -> Markup:
    columns, classes = workbench.test_columns(), workbench.classes
    rows = list(range(min(_MOST_TESTS, workbench.n_test)))
    rows += [chosen] if chosen is not None and chosen not in rows else []
    before, after = columns.before_proba, columns.verified_proba
    change = None if before is None or after is None else list(zip(before.tolist(), after.tolist(), strict=True))
    lines = []
    for row in rows:
        proba, size = columns.proba[row], columns.flip_size[row]
        lines.append(
            (
                tag("b", row, " (chosen)") if row == chosen else row,
                _short(workbench.test_content(row, small=True)),
                true_label(columns, row),
                classes[columns.predicted[row]],
                f"{proba:.3f}" if change is None else chance(*change[row], shown_threshold(workbench)),
                set_size(size),
            )
        )
    more = workbench.n_test - len(rows)
    note = tag("p", f"{more:,} further test rows are not listed.", class_="soft") if more else ""
    headings = ("#Row", "Text", "True", "Predicted", probability_of(classes), "#Flip set")
    return section("Test rows", table("Test rows", headings, lines), note)

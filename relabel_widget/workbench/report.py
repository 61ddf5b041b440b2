"""One self-contained page that tells an auditor what was changed, by whom, and what retraining says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import AnyArray
from ..facts import judged_on, own_word, probability_of, score_change, share_change
from ..files.html import Markup, chance, change, excerpt, facts, join, page, section, smallest, table, tag, tile
from ..fits import AnyFit, Fit
from ..inputs import is_missing
from .model_words import model_facts
from .row_content import Content
from .row_pages import drawn
from .test_rows import of_class

if TYPE_CHECKING:
    import pandas as pd

    from ..evidence import Verification
    from ..search import FlipSet
    from .summary import VerificationSummary
    from .workbench import Workbench

_MOST_FLIPPED = 500
_MOST_ROWS = 40
_MOST_CARDS = 10
_MOST_SETS = 500
_MOST_EVENTS = 1_000


@dataclass(frozen=True, eq=False)
class Report:
    """A workbench at one moment, so that all parts of the page agree.

    Attributes
    ----------
    fit, estimator
        The fit on the original labels, and the estimator it comes from, as text.
    kind
        Names and values of what the model is, as `model_facts` has them.
    ids
        Id of each training row.
    train, test
        What gives the looks of a training row and of a test row.
    threshold
        Probability above which ``classes[1]`` is predicted; None with more than two classes.
    tests, corrected, history
        The workbench's tables, the history with its newest events.
    verification, summary
        What retraining says of these labels; None if they were not tried.
    flip_sets
        Test row to its flip set, for those searched for.
    as_of, n_events, people
        The event that labels are true of, how many there are, and who decided.
    """

    fit: AnyFit
    estimator: str
    kind: list[tuple[str, str]]
    ids: AnyArray
    train: Callable[..., Content]
    test: Callable[..., Content]
    threshold: float | None
    tests: pd.DataFrame
    corrected: pd.DataFrame
    history: pd.DataFrame
    verification: Verification | None
    summary: VerificationSummary | None
    flip_sets: Mapping[int, FlipSet]
    disagreement: str
    as_of: int
    n_events: int
    people: list[str]

    @classmethod
    def of(cls, workbench: Workbench, flip_sets: Mapping[int, FlipSet]) -> Report:
        """Of a workbench that nobody changes meanwhile."""
        return cls(
            fit=workbench.fit,
            estimator=repr(workbench.estimator),
            kind=list(model_facts(workbench.fit, workbench.estimator)),
            ids=workbench.ids,
            train=workbench.train_content,
            test=workbench.test_content,
            threshold=workbench.threshold if len(workbench.classes) == 2 else None,
            tests=workbench.test_rows(),
            corrected=workbench.corrected_labels(),
            history=workbench.history(_MOST_EVENTS),
            verification=workbench.verification,
            summary=workbench.verification_summary(),
            flip_sets=flip_sets,
            disagreement=str(workbench.disagreement or ""),
            as_of=workbench.as_of,
            n_events=workbench.n_events,
            people=workbench.annotators,
        )


def render(report: Report) -> str:
    """The page as HTML. Texts, ids, labels and notes are shown as they are, never interpreted."""
    made = datetime.now(UTC)
    parts = (_header(report, made), _corrected(report), _retraining(report), _sets(report), _model(report))
    return page(f"Relabelling report, {made:%Y-%m-%d}", *parts, _history(report), _FOOTER)


_FOOTER = tag(
    "footer",
    tag(
        "p",
        "Only what a refit on the edited labels confirmed is stated as fact here. Every refit starts from the original "
        "labels. Times are in UTC.",
    ),
)


def _header(report: Report, made: datetime) -> Markup:
    count, of = len(report.corrected), report.fit.n_rows
    title = f"{count:,} of {of:,} training labels corrected" if count else "No training label is corrected"
    by = join(", by ", ", ".join(report.people)) if report.people else ""
    as_of = f", as of event {report.as_of}" if report.as_of else ""
    when = tag("p", shown_time(made), " UTC", by, as_of)
    head = tag("header", tag("p", "Relabelling report", class_="over"), tag("h1", title), when)
    return join(head, _tiles(report))


def _tiles(report: Report) -> Markup:
    found = report.summary
    if found is None:
        words = (
            "These labels have not been verified by retraining since they were last changed, so nothing on this page "
            "says what they do to predictions."
            if len(report.corrected)
            else "No label is changed, so there is nothing to retrain with."
        )
        return tag("p", tag("b", "Not verified. "), words, class_="note")
    tiles = [tile(f"{found.n_flipped:,} of {found.n_test:,}", "test predictions flipped by retraining")]
    if found.accuracy_before is not None:
        rows = judged_on(found.n_known, found.n_test)
        tiles.append(tile(change(*share_change(found.accuracy_before, found.accuracy_after)), f"accuracy on {rows}"))
        tiles.append(tile(change(*score_change(found.log_loss_before, found.log_loss_after)), f"log-loss on {rows}"))
        right, wrong = f"{found.n_became_right:,}", f"{found.n_became_wrong:,}"
        tiles.append(tile(f"{right} right, {wrong} wrong", "what flipped predictions became"))
    return tag("div", *tiles, class_="tiles")


def _corrected(report: Report) -> Markup:
    if not len(report.corrected):
        return section("Corrected labels", tag("p", "None.", class_="soft"))
    lines = (
        (
            line.row,
            line.id,
            drawn(report.train(line.row, small=True)),
            change(line.original, line.corrected),
            line.annotator,
            excerpt(line.note),
            shown_time(line.time),
        )
        for line in _lines(report.corrected)
    )
    headings = ("#Row", "Id", "Text", "Label", "By", "Note", "When (UTC)")
    return section("Corrected labels", table("Corrected labels", headings, lines))


def _retraining(report: Report) -> Markup:
    found = report.verification
    if found is None:
        return section("What retraining says", tag("p", "Not tried with the present labels.", class_="soft"))
    flipped = np.flatnonzero(found.flipped)
    words = (
        f"{_REFITTED[found.how]} was fitted again on the original labels with these {len(report.corrected):,} "
        f"corrected, and asked for all {len(report.tests):,} test rows again."
    )
    if report.threshold is not None:
        words += f" The tick marks the threshold, {report.threshold:g}."
    if not len(flipped):
        return section("What retraining says", tag("p", words), tag("p", "No prediction flipped."))
    more = len(flipped) - _MOST_FLIPPED
    note = tag("p", f"{more:,} further flipped predictions are not listed.", class_="soft") if more > 0 else ""
    headings = ("#Test row", "Text", _probability(report), "Prediction", "True label")
    lines = _flipped_lines(report, found, flipped[:_MOST_FLIPPED].tolist())
    return section("What retraining says", tag("p", words), table("Flipped predictions", headings, lines), note)


_REFITTED = {
    "minimiser": "The model",
    "estimator": "The estimator itself, with its own solver and stopping rule,",
    "pipeline": "The whole pipeline",
}


def _flipped_lines(report: Report, found: Verification, rows: list[int]) -> Iterator[tuple[Any, ...]]:
    before, after = (of_class(each, found.predicted_before) for each in (found.proba_before, found.proba_after))
    predicted = found.classes[found.predicted_before]  # by what was retrained, which the list of test rows is not of
    for line in _lines(report.tests.iloc[rows]):
        yield (
            line.row,
            drawn(report.test(line.row, small=True)),
            chance(before[line.row], after[line.row], report.threshold),
            change(predicted[line.row], line.verified_predicted),
            _verdict(line.label, predicted[line.row], line.verified_predicted),
        )


def _verdict(label: Any, before: Any, after: Any) -> Markup:
    if is_missing(label):
        return join("unknown")
    words = ": became right" if label == after else ": became wrong" if label == before else ": wrong before and after"
    return join(label, tag("span", words, class_="soft"))


def _sets(report: Report) -> Markup:
    words = (
        "A flip set is a set of training labels that, had they been different, would have flipped one prediction. It "
        "starts from the original labels, whatever was corrected since."
    )
    if not report.flip_sets:
        return section("Flip sets", tag("p", words), tag("p", "None was searched for.", class_="soft"))
    others = sorted(report.flip_sets)
    chosen = sorted(_telling(report)[:_MOST_CARDS])
    cards = [_card(report, row, report.flip_sets[row]) for row in chosen]
    if len(chosen) == len(others):
        return section("Flip sets", tag("p", words), *cards)
    words += (
        f" {len(others):,} were searched for. In full: the {len(chosen)} with the largest share of corrected rows, "
        "those of wrong predictions first. The others have a line each."
    )
    return section(
        "Flip sets", tag("p", words), *cards, _other_sets(report, [row for row in others if row not in chosen])
    )


def _telling(report: Report) -> list[int]:
    """Test rows with a flip set, those first that say most about the corrections."""
    corrected = report.corrected["row"].to_numpy()
    wrong = (report.tests["label"].notna() & (report.tests["label"] != report.tests["predicted"])).to_numpy()

    def order(row: int) -> tuple[float, bool, int]:
        rows = report.flip_sets[row].rows
        return -float(np.isin(rows, corrected).mean()) if len(rows) else 0.0, not wrong[row], row

    return sorted(report.flip_sets, key=order)


def _other_sets(report: Report, rows: list[int]) -> Markup:
    lines = (_set_line(report, report.tests.iloc[row], report.flip_sets[row]) for row in rows[:_MOST_SETS])
    more = len(rows) - _MOST_SETS
    note = tag("p", f"{more:,} further flip sets are not listed.", class_="soft") if more > 0 else ""
    headings = ("#Test row", "Text", "Predicted", "#Rows in the set", _probability(report))
    return join(table("Other flip sets", headings, lines), note)


def _set_line(report: Report, line: pd.Series, found: FlipSet) -> tuple[Any, ...]:
    text = drawn(report.test(line["row"], small=True))
    if not found.found:
        return line["row"], text, line["predicted"], "none", ""
    moved = chance(found.proba_before, found.proba_after, report.threshold)
    return line["row"], text, line["predicted"], f"{found.size:,}", moved


def _card(report: Report, row: int, found: FlipSet) -> Markup:
    line = report.tests.iloc[row]
    parts = [
        tag("h3", f"Test row {row}, predicted ", line["predicted"]),
        drawn(report.test(row), large=True),
        tag("p", str(found.outcome)),
    ]
    if found.found:
        parts += [facts(_set_facts(report, found)), _set_table(report, row, found)]
    return tag("div", *parts, class_="card")


def _set_facts(report: Report, found: FlipSet) -> Iterator[tuple[str, Any]]:
    yield "Rows in the set", f"{found.size:,}"
    yield _probability(report), chance(found.proba_before, found.proba_after, report.threshold)
    if own_word(found):
        yield "The estimator itself, refitted", own_word(found)
    yield "Smallest possible", smallest(found.optimal, found.lower_bound)


def _probability(report: Report) -> str:
    """What the probabilities are of; in a table of changes, of the class before."""
    return (
        probability_of(report.fit.classes)
        if report.threshold is not None
        else "Probability of the class predicted before"
    )


def _set_table(report: Report, row: int, found: FlipSet) -> Markup:
    labels = report.fit.labels
    shown = found.rows[:_MOST_ROWS]
    lines = (
        (each, report.ids[each], drawn(report.train(each, row, small=True)), change(old, new))
        for each, old, new in zip(shown.tolist(), labels.decode(labels.original[shown]), found.labels, strict=False)
    )
    more = found.size - len(shown)
    note = tag("p", f"{more:,} further rows are not listed.", class_="soft") if more > 0 else ""
    return join(table(f"Flip set of test row {row}", ("#Row", "Id", "Text", "Label"), lines), note)


def _model(report: Report) -> Markup:
    return section("The model", facts(model_lines(report)), tag("p", tag("code", report.estimator)))


def model_lines(report: Report) -> list[tuple[str, str]]:
    """Names and values of what the model is, and of how near to its minimum it was fitted."""
    fit = report.fit
    counts = np.bincount(fit.labels.original, minlength=len(fit.classes)).tolist()
    sizes = (f"{label} ({count:,} rows)" for label, count in zip(fit.classes.tolist(), counts, strict=True))
    above = "" if report.threshold is None else f"{fit.classes[1]} above probability {report.threshold:g}"
    pairs = [
        *report.kind,
        ("Training rows", f"{fit.n_rows:,}"),
        ("Features", f"{fit.design.n_features:,}"),
        ("Test rows", _test_rows(report)),
        ("Classes", ", ".join(sizes)),
        ("Prediction", above or "the likeliest class"),
    ]
    if isinstance(fit, Fit):
        pairs.append(("Gradient norm at the fit", f"{fit.gradient_norm:.2g}"))
        if fit.polish is not None:
            pairs.append(("Distance of the estimator from the minimiser", f"{fit.polish.distance:.2g}"))
    if report.disagreement:
        pairs.append(("The estimator itself", report.disagreement))
    return pairs


def _test_rows(report: Report) -> str:
    n_test, n_known = len(report.tests), int(report.tests["label"].notna().sum())
    return f"{n_test:,}, {n_known:,} of them with a known label" if 0 < n_known < n_test else f"{n_test:,}"


def _history(report: Report) -> Markup:
    lines = (
        (
            event.event,
            shown_time(event.time),
            event.annotator,
            event.kind,
            _listed(event.rows),
            drawn(report.train(event.rows[0], small=True)) if len(set(event.rows)) == 1 else "",
            _moves(event.old, event.to),
            tag("div", event.note, dir="auto", class_="details"),
            tag("div", event.details, class_="details"),
        )
        for event in _lines(report.history.rename(columns={"from": "old"}))  # "from" cannot be an attribute
    )
    if not len(report.history):
        return section("History", tag("p", "No decisions yet.", class_="soft"))
    more = report.n_events - len(report.history)
    left_out = tag("p", f"The newest {len(report.history):,} of {report.n_events:,} events.", class_="soft")
    return section(
        "History",
        left_out if more else "",
        table("History", ("#No.", "When (UTC)", "By", "What", "Rows", "Text", "Label", "Note", "Details"), lines),
    )


def _lines(frame: pd.DataFrame) -> Iterator[Any]:
    yield from frame.itertuples()


def _listed(rows: list[int]) -> str:
    shown = ", ".join(map(str, rows[:_MOST_ROWS]))
    return f"{shown} and {len(rows) - _MOST_ROWS:,} more" if len(rows) > _MOST_ROWS else shown


def _moves(before: list[Any], after: list[Any]) -> Markup:
    """Which labels became which, each pair once; a label that stays is named alone."""
    pairs = dict.fromkeys(zip(before, after, strict=True))
    return join(*(tag("div", old if old == new else change(old, new)) for old, new in pairs))


def shown_time(time: datetime) -> Markup:
    """A moment, for people and for machines."""
    return tag("time", f"{time:%Y-%m-%d %H:%M:%S}", datetime=time.isoformat())

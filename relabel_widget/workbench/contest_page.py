"""The page for whoever contests one decision: the answer first, every figure explained, the model's details last."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ..facts import plural
from ..files.html import Markup, chance, change, excerpt, explained, join, listed, page, section, table, tag
from ..inputs import is_missing
from ..outcome import Outcome
from .contest import Change, Contest, sentence
from .model_words import has_probabilities
from .report import model_lines, shown_time
from .row_pages import drawn

_MOST_ROWS = 200


def render(contest: Contest) -> str:
    """The page as HTML. Texts, ids, labels and notes are shown as they are, never interpreted."""
    made = datetime.now(UTC)
    parts = (_header(contest), _case(contest), _examples(contest), _corrected(contest), _retrained(contest))
    title = f"Report on the prediction of test row {contest.row}, {made:%Y-%m-%d}"
    return page(title, *parts, _limits(contest), _model(contest), _footer(contest, made))


def _header(contest: Contest) -> Markup:
    return tag("header", tag("p", "Report on one decision", class_="over"), tag("h1", sentence(contest)))


# --- the decision


def _case(contest: Contest) -> Markup:
    return section(
        "The decision",
        drawn(contest.report.test(contest.row), large=True, quoted=True),
        explained(_figures(contest)),
        _true_label(contest),
    )


def _true_label(contest: Contest) -> Markup:
    label = contest.line["label"]
    if is_missing(label):
        return Markup("")
    words = "which is what the system said." if label == contest.said else "which is not what the system said."
    return tag("p", "The true answer is known here: it is ", tag("b", label), ", ", words)


def _figures(contest: Contest) -> Iterator[tuple[str, Any, Any]]:
    found, by_set, said = contest.found, contest.by_set, contest.said
    yield "What the system said", said, f"Its choice among {_listed_classes(contest)}."
    measure = _measure(contest)
    if by_set is None:
        yield f"{measure} of {said}", f"{_proba_of_said(contest):.3f}", _of_measure(contest)
    else:
        words = f"{_of_measure(contest)} Hollow: as it was. Filled: with the other labels."
        yield f"{measure} of {by_set.before}", _moved(contest, by_set), words
    if not found.found:
        yield "Examples whose labels decide it", "none found", str(found.outcome)
        if found.lower_bound > 1 and found.outcome is not Outcome.CANNOT_FLIP:
            yield "Proven", f"at least {found.lower_bound:,}", _bound_words(contest)
        return
    yield "Examples whose labels decide it", f"{found.size:,} of {contest.report.fit.n_rows:,}", _checked_words(contest)
    if found.verified:
        yield "Could fewer do?", *_fewer(contest)


def _listed_classes(contest: Contest) -> str:
    names = [str(each) for each in contest.classes.tolist()]
    if len(names) > 12:
        return f"{len(names)} possible answers"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _measure(contest: Contest) -> str:
    return "Probability" if has_probabilities(contest.report.fit) else "Score"


def _of_measure(contest: Contest) -> str:
    sure = (
        "How sure the system is of this answer, from 0 to 1."
        if has_probabilities(contest.report.fit)
        else "The system's score on a scale from 0 to 1. It has no probabilities."
    )
    if contest.report.threshold is None:
        return f"{sure} The answer with the highest one is given."
    return f"{sure} The answer changes at {_tick(contest, contest.said):g}, the mark on the line."


def _tick(contest: Contest, answer: Any) -> float:
    """Where the answer changes, on the scale of the given one."""
    threshold = contest.report.threshold
    assert threshold is not None
    return threshold if answer == contest.classes[1] else 1 - threshold


def _moved(contest: Contest, moved: Change) -> Markup:
    tick = None if contest.report.threshold is None else _tick(contest, moved.before)
    return chance(moved.proba_before, moved.proba_after, tick)


def _proba_of_said(contest: Contest) -> float:
    line = contest.line
    proba = line["proba"] if math.isnan(line["own_proba"]) else line["own_proba"]
    if len(contest.classes) == 2 and contest.said == contest.classes[0]:
        return float(1 - proba)
    return float(proba)


_CHECKED = {
    "minimiser": "the model was trained again with these labels changed, and gave another answer",
    "estimator": "the system's own model was trained again with these labels changed, and gave another answer",
    "pipeline": "the whole system, with its preparation of the data, was trained again with these labels changed, and "
    "gave another answer",
}


def _checked_words(contest: Contest) -> str:
    found = contest.found
    if found.verified and found.confirmed_by is not None:
        return f"Checked: {_CHECKED[found.confirmed_by]}."
    if found.outcome is Outcome.PREDICTED:
        return "Not checked: an estimate says so, and no model was trained to see whether it is true."
    if found.outcome is Outcome.UNCONFIRMED:
        return "Not confirmed: the answer changes at the model's exact minimum; the system could not be trained again."
    return "Not confirmed: the answer changes at the model's exact minimum, but not when the system is trained again."


def _fewer(contest: Contest) -> tuple[str, str]:
    found = contest.found
    if found.optimal:
        return "no, proven", f"No smaller set of examples exists that could have changed the answer{_to(contest)}."
    if found.lower_bound <= 1:
        return "not known", "The set is as small as the search could make it. A smaller one has not been ruled out."
    return f"not fewer than {found.lower_bound:,}", (
        f"{_bound_words(contest)} Between that and {found.size:,}, nothing is proven."
    )


def _bound_words(contest: Contest) -> str:
    least = contest.found.lower_bound
    return f"It is proven that other labels of fewer than {least:,} examples cannot change the answer{_to(contest)}."


def _to(contest: Contest) -> str:
    """To which answer, where one was asked for."""
    return "" if contest.target is None else f" to {contest.target}"


# --- the examples


def _examples(contest: Contest) -> Markup:
    found = contest.found
    if not found.found:
        return Markup("")
    words = (
        "The system learned from examples that people had labelled. These are the ones in question, those that matter "
        "most first, with the label that each had and the one that it would have to have. What people decided about "
        "them since is in the last column."
    )
    labels = contest.report.fit.labels
    decided = {line.row: line for line in _lines(contest.decisions)}
    shown = found.rows[:_MOST_ROWS]
    rows = (
        (
            contest.report.ids[row],
            drawn(contest.report.train(row, contest.row, small=True)),
            change(old, new),
            _since(decided.get(row)),
        )
        for row, old, new in zip(shown.tolist(), labels.decode(labels.original[shown]), found.labels, strict=False)
    )
    more = found.size - len(shown)
    left = tag("p", f"{plural(more, 'further example')} not listed.", class_="soft") if more else ""
    headings = ("Id", "Text", "Label", "Decided since")
    title = "The example that decides it" if found.size == 1 else f"The {found.size:,} examples that decide it"
    return section(title, tag("p", words), table(title, headings, rows), left)


def _since(line: Any) -> Markup:
    """What somebody decided about a training row."""
    if line is None:
        return tag("span", "nothing", class_="soft")
    said = {"keep": join("label found right"), "unsure": join("unsure")}
    what = said.get(line.decision, join("corrected to ", tag("b", line.label)))
    who = join(", by ", line.annotator) if line.annotator else ""
    why = excerpt(line.note) if line.note else ""
    return join(what, who, why)


# --- what was corrected, and what that does


def _corrected(contest: Contest) -> Markup:
    corrected = contest.report.corrected
    if not len(corrected):
        return section("Labels corrected since", tag("p", "No label has been corrected."))
    of_set = set(contest.found.rows.tolist())
    order = sorted(range(len(corrected)), key=lambda place: int(corrected["row"].iloc[place]) not in of_set)
    shown = corrected.iloc[order[:_MOST_ROWS]]
    n_in_set = len(of_set & set(corrected["row"].tolist()))
    words = f"People corrected {plural(len(corrected), 'label')} in all, {n_in_set:,} of them of the examples above."
    if not contest.found.found:
        words = f"People corrected {plural(len(corrected), 'label')} in all."
    rows = (
        (
            line.id,
            drawn(contest.report.train(line.row, small=True)),
            change(line.original, line.corrected),
            line.annotator or tag("span", "no name given", class_="soft"),
            excerpt(line.note) if line.note else tag("span", "no reason given", class_="soft"),
            shown_time(line.time),
        )
        for line in _lines(shown)
    )
    more = len(corrected) - len(shown)
    left = tag("p", f"{plural(more, 'further correction')} not listed.", class_="soft") if more else ""
    headings = ("Id", "Text", "Label", "By", "Why", "When (UTC)")
    return section("Labels corrected since", tag("p", words), table("Labels corrected since", headings, rows), left)


_REFITTED = {
    "minimiser": "The model was",
    "estimator": "The system's own model was",
    "pipeline": "The whole system, with its preparation of the data, was",
}


def _retrained(contest: Contest) -> Markup:
    title = "What the system says with the corrected labels"
    now, result = contest.now, contest.retrained
    if now is None or result is None:
        if not contest.trouble:
            return Markup("")
        return section(title, tag("p", tag("b", "Not known. "), contest.trouble, class_="note"))
    answer = (
        join("It now says ", tag("b", now.after), " instead of ", tag("b", now.before), ".")
        if now.after != now.before
        else join("It still says ", tag("b", now.after), ".")
    )
    n_others = int(result.flipped.sum()) - int(result.flipped[contest.row])
    of = len(result.flipped) - 1
    n_labels = plural(len(contest.report.corrected), "corrected label")
    words = f"{_REFITTED[result.how]} trained again from the original data with {n_labels}. "
    others = f"Of {plural(of, 'other decision')}, {n_others:,} changed as well." if of else ""
    measure = f"{_measure(contest)} of {now.before}"
    figures = [(measure, _moved(contest, now), "Hollow: before. Filled: with the corrected labels.")]
    return section(title, tag("p", words, answer, " ", others), explained(figures))


# --- what it does not show


def _limits(contest: Contest) -> Markup:
    return section("What this page does not show", listed(_limits_in_words(contest)))


def _limits_in_words(contest: Contest) -> Iterator[str]:
    found = contest.found
    yield (
        "It does not say whether the decision is right. It says how the decision depends on labels that people gave to "
        "the examples that the system learned from."
    )
    if found.found:
        yield (
            "It does not say that these labels are wrong. Whether one is has to be decided by reading the example; an "
            "example may be listed because it is like this case, not because anybody made a mistake."
        )
        yield "Other sets of examples may change the answer as well. This is one of them, as small as could be found."
    if found.outcome in (Outcome.EXHAUSTED, Outcome.BUDGET):
        yield "The search tried many sets of examples, not all. That none was found does not prove that there is none."
    if not found.verified and found.found:
        yield f"The examples are a computation's word and not a fact: {found.outcome}"
    yield (
        "Only labels are changed here. Other causes, such as what was measured, left out, or never collected, are not "
        "looked into."
    )
    if found.verified and found.confirmed_by != "minimiser" and found.lower_bound > 1:
        yield (
            "What is proven about smaller sets is proven for the model at its exact minimum and with the data prepared "
            "as it was; a system that stops earlier, or prepares the data by the labels, may differ."
        )
    if contest.report.disagreement:
        yield contest.report.disagreement
    yield "The set starts from the labels that the system was trained on, whatever was corrected since."


# --- details, for those who check


def _model(contest: Contest) -> Markup:
    found = contest.found
    search = [
        ("How the search ended", str(found.outcome)),
        ("Retrainings in the search", f"{found.refits:,}"),
        ("Lower bound", f"{found.lower_bound:,}"),
        ("Confirmed by", f"a refit of the {found.confirmed_by}" if found.confirmed_by else "no refit"),
        ("Test row", f"{contest.row:,}"),
    ]
    lines = ((name, value, _MEANING.get(name, "")) for name, value in (*model_lines(contest.report), *search))
    words = "For those who check the page, with the model as it was given at the end."
    code = tag("p", tag("code", contest.report.estimator))
    return section("Technical details", tag("p", words), explained(lines), code)


_MEANING = {
    "Model": "What makes the decisions, by its name in scikit-learn.",
    "Objective": "What training makes as small as possible.",
    "C (inverse regularisation)": "The larger, the more closely the model follows single examples.",
    "Training rows": "Examples that the system learned from.",
    "Features": "What the model knows of each case, such as its words.",
    "Test rows": "Decisions that were looked into, this one among them.",
    "Classes": "The possible answers, and how many examples had which label.",
    "Prediction": "When which answer is given.",
    "Gradient norm at the fit": "How far training is from its exact end, where it would be 0.",
    "Distance of the estimator from the minimiser": "How far the model was from there as it was given.",
    "The estimator itself": "Where the model as it was given answers otherwise than trained to its exact end.",
    "Retrainings in the search": "How often the model was trained with other labels to find the examples.",
    "Lower bound": "Proven: fewer examples than this cannot change the answer.",
    "Confirmed by": "Minimiser: the model trained to its exact end. Estimator: the model as its owner trains it. "
    "Pipeline: that, with the preparation of the data.",
    "Test row": "The number of this decision, counted from 0.",
}


def _footer(contest: Contest, made: datetime) -> Markup:
    n_events = len(contest.report.history)
    state = f"True after {plural(n_events, 'event')} of the history" if n_events else "Nothing has been decided so far"
    return tag("footer", tag("p", state, ". Made with relabel_widget, ", shown_time(made), " UTC."))


def _lines(frame: Any) -> Iterator[Any]:
    yield from frame.itertuples()

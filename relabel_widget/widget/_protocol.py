"""What travels between the page and Python, declared once: ``js/wire.py`` makes the page's types from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ._columns import COLUMNS, SORTABLE
from ._content import CONTENT
from ._spread import MEASURES
from ._types import CLASSES, COUNT, FLAG, NUMBER, TEXT, Type, limited, listed, nullable, one_of, record, spelled

LONGEST_PAGE = 500
LONGEST_WATCH = 1_000
LONGEST_NOTE = 2_000

COLUMN = one_of("Column", *SORTABLE)
FILTER = one_of(
    "Filter",
    *("all", "misclassified", "near", "small", "has_set", "flipped", "became_right", "became_wrong"),
)
TRAIN_FILTER = one_of("TrainFilter", "all", "suspect", "relabelled", "kept", "unsure", "noted", "mine", "contradicted")
MEASURE = limited(TEXT, lambda name: name in MEASURES)
DECISION = one_of("Decision", "relabel", "keep", "unsure", "clear", "adjudicate")
ORDER = one_of("Order", "repair", "suspicion")
TONE = one_of("Tone", "fact", "guess", "open")
REASON = one_of("Reason", "malformed", "refused", "busy", "cancelled", "failed", "exists")

BRUSH = record(
    "Brush", "A choice of test rows: those in some bins of a histogram.", of=MEASURE, first=COUNT, last=COUNT
)

# What is told

TEST_ROW = record(
    "TestRow",
    "A line of the list of test rows. `rival` is the nearest other class. With two classes `proba` is the probability "
    "of the second and `margin` the log-odds beyond the threshold; with more they are those of the predicted class, "
    "and its log-odds over the rival. `flipSize` is null where no set was looked for, 0 where none was found. What a "
    "verification found is null when there is none or it is out of date: `verifiedProba` is of the same class as "
    "`proba`.",
    **{column.name: column.type for column in COLUMNS},
)
HISTOGRAM = record(
    "Histogram",
    "How many test rows are in each bin: of those that fit filter and search, and of those that fit the brushes of the "
    "other histograms, too.",
    of=TEXT,
    title=TEXT,
    labels=listed(TEXT),
    every=listed(COUNT),
    kept=listed(COUNT),
)
SPREAD = record("Spread", "The histograms of the test rows.", histograms=listed(HISTOGRAM))
PAGE = record("Page", "Some of the test rows that fit a query.", total=COUNT, offset=COUNT, rows=listed(TEST_ROW))

TRAIN_ROW = record(
    "TrainRow",
    "A training row as it bears on the query; without one nothing does. `suggested` is the label that moves the query "
    "most towards its flip; with two classes, the one that the row did not have. `influence` is the first-order change "
    "of the query's log-odds (with more classes, of its margin) when this row alone gets it; `share` is that as a part "
    "of the way to the flip, null where there is none left; `words` are the features that it shares with the query. "
    "`who` and `note` are those of the decision. `suspicion` is the probability that the label is wrong, null where "
    "rows are not ranked by it.",
    rank=COUNT,
    row=COUNT,
    id=TEXT,
    text=TEXT,
    content=nullable(CONTENT),
    original=TEXT,
    current=TEXT,
    suggested=TEXT,
    influence=NUMBER,
    share=nullable(NUMBER),
    in_set=FLAG,
    relabelled=FLAG,
    decision=TEXT,
    who=TEXT,
    note=TEXT,
    suspicion=nullable(NUMBER),
    words=listed(TEXT),
)
BARS = record("Bars", "Some of the ranked training rows.", total=COUNT, offset=COUNT, rows=listed(TRAIN_ROW))
TRAINING = record(
    "Training",
    "Some of the training rows that fit a query, and how many of all rows are relabelled, kept and unsure.",
    total=COUNT,
    offset=COUNT,
    rows=listed(TRAIN_ROW),
    relabelled=COUNT,
    kept=COUNT,
    unsure=COUNT,
)

FLIP_SUMMARY = record(
    "FlipSummary",
    "A flip set. `labels` has the new label of each of its `rows`, `open` are those that nobody has decided about. "
    "`target` is the class that was asked for, null for any. `words` say what is known of it, and how surely (`tone`).",
    size=COUNT,
    found=FLAG,
    verified=FLAG,
    tone=TONE,
    words=TEXT,
    rows=listed(COUNT),
    labels=listed(TEXT),
    open=listed(COUNT),
    target=nullable(TEXT),
)
FORECAST = record(
    "Forecast",
    "What the marked and tried rows do to the chosen row, to first order: a prediction, never a fact. It says how many "
    "changed labels it speaks of: the mark of this moment may not be among them yet.",
    words=TEXT,
)
RANKING = record(
    "Ranking",
    "One test row in full. `meta` is its metadata on one line. `retrained` says what the last verification made of it, "
    "empty if that is not known. `largest` is the largest influence of any training row, without its sign.",
    text=TEXT,
    content=nullable(CONTENT),
    meta=TEXT,
    summary=TEST_ROW,
    flip=nullable(FLIP_SUMMARY),
    forecast=nullable(FORECAST),
    retrained=TEXT,
    largest=NUMBER,
    bars=BARS,
)

WORD_PART = record("WordPart", "What a shared feature contributes.", word=TEXT, weight=NUMBER, part=NUMBER)
WORDS = record(
    "Words",
    "A training row in full, and what the features it shares with the query contribute, to first order, when it gets "
    "the `label`; without a query it shares none. `weight` is the coefficient of the second class; with more than two, "
    "of the predicted class less that of the rival. `same` are the training rows that say the same, itself among them; "
    "empty if no other does, or they are too many. `other` says whether one of them is labelled otherwise, and "
    "`choices` are labels that all of them may get.",
    train=COUNT,
    text=TEXT,
    content=nullable(CONTENT),
    meta=TEXT,
    same=listed(COUNT),
    other=TEXT,
    choices=listed(TEXT),
    note=TEXT,
    label=TEXT,
    words=listed(WORD_PART),
)
SHARE = record("Share", "The part of one row.", row=COUNT, share=NUMBER)
EXPLAINED = record(
    "Explained",
    "Each row's share of the change that a refit with the whole flip set brought to the log-odds of the class `of` "
    "over the class `over`; both are empty without a flip set. The shares add up to 1.",
    row=COUNT,
    of=TEXT,
    over=TEXT,
    change=NUMBER,
    shares=listed(SHARE),
)

HISTORY_LINE = record(
    "HistoryLine",
    "One event in words, and whether it counts now; `row` and `text` are of the first row it is about, null and empty "
    "where it is about none.",
    event=COUNT,
    time=TEXT,
    who=TEXT,
    what=TEXT,
    note=TEXT,
    state=TEXT,
    row=nullable(COUNT),
    text=TEXT,
)
HISTORY = record("History", "The newest events.", total=COUNT, lines=listed(HISTORY_LINE))
SUSPECT = record(
    "Suspect",
    "A training row that nobody decided about. `title` names it, `facts` says what is wrong with it; `score` is the "
    "probability that its label is wrong, and `larger` whether its `words` have a larger image.",
    row=COUNT,
    title=TEXT,
    facts=TEXT,
    text=TEXT,
    content=nullable(CONTENT),
    label=TEXT,
    suggested=TEXT,
    score=NUMBER,
    larger=FLAG,
)
QUEUE = record("Queue", "Some of them, in the order asked for.", total=COUNT, offset=COUNT, rows=listed(SUSPECT))
REASONS = record(
    "Reasons",
    "Why a label may be wrong: `words` that speak for the suggested one, how much each does (`parts`), and `lines` to "
    "read: what it is about, what there is of that, how it was found, and a search for the training rows that a line "
    "speaks of, if it does.",
    words=listed(TEXT),
    parts=listed(NUMBER),
    lines=listed(listed(TEXT)),
)
FLIPS = record("Flips", "The test rows that a verification flipped.", total=COUNT, rows=listed(TEST_ROW))

CHOICE = record(
    "Choice",
    "What a button decides about a row. `effect` says what that is predicted to do, and may be empty.",
    words=TEXT,
    effect=TEXT,
    decision=DECISION,
    label=nullable(TEXT),
    note=TEXT,
)
MATTER = record(
    "Matter",
    "A row to decide about, or null where there is none, with what was said about it. Titles tell them apart.",
    row=nullable(COUNT),
    title=TEXT,
    text=TEXT,
    said=listed(HISTORY_LINE),
    choices=listed(CHOICE),
)
MATTERS = record("Matters", "Conflicts, or what did not carry over.", about=TEXT, matters=listed(MATTER))

FILLED = record("Filled", "How far the search in the background is.", done=COUNT, total=COUNT, running=FLAG)
DONE = record("Done", "What was done, in words.", message=TEXT)
DECIDED = record(
    "Decided",
    "The same, the training rows that it was about, and what it does to the chosen row.",
    message=TEXT,
    rows=listed(COUNT),
    forecast=nullable(FORECAST),
)

PROGRESS = record("Progress", "How far a job is.", phase=TEXT, done=COUNT, total=nullable(COUNT))
SIZES = record(
    "Sizes",
    "News of the search in the background: the size found for a row (null: it gave up), and how far it is.",
    row=nullable(COUNT),
    size=nullable(COUNT),
    **FILLED.fields,
)

SCORE = record(
    "Score",
    "Where a score went, in numbers and words; `worth` is `better`, `worse` or empty.",
    label=TEXT,
    before=TEXT,
    after=TEXT,
    worth=TEXT,
    trend=TEXT,
)
VERIFIED = record(
    "Verified", "What a verification found; it has those scores that are defined.", words=TEXT, scores=listed(SCORE)
)
JOB = record("Job", "What runs now.", kind=TEXT, row=nullable(COUNT))
TRIED = record("Tried", "A label that is tried for a training row; nothing of it is recorded.", row=COUNT, label=TEXT)
SHARED = record(
    "Shared",
    "The small synced state. Everything larger is asked for. `classes` are two or more; the threshold is one of two "
    "classes and stays where it is with more. With a `trial`, the verification is that of the trial. `own_note` says "
    "where the user's own estimator predicts otherwise than the minimum of its objective, and why; empty where it does "
    "not. `checked` says how many labels were found right or wrong, `orders` in which order the others can be checked "
    "(`Order`), the best one first. `meta` names the columns of metadata of the test rows. `next_undo` and `next_redo` "
    "say what these would take back or bring again, and whose it is; `conflicts` and `carried` how many rows people "
    "decided differently, and how many decisions did not carry over. All four are empty if there is none.",
    revision=COUNT,
    n_train=COUNT,
    n_test=COUNT,
    classes=CLASSES,
    labelled=FLAG,
    next_undo=TEXT,
    next_redo=TEXT,
    conflicts=TEXT,
    carried=TEXT,
    export_path=TEXT,
    status=TEXT,
    job=nullable(JOB),
    trial=listed(TRIED),
    verification=nullable(VERIFIED),
    own_note=TEXT,
    checked=TEXT,
    orders=listed(TEXT),
    meta=listed(TEXT),
)

# What is asked


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of request: the fields it needs, and what its result is."""

    fields: Mapping[str, Type]
    result: Type


def _kind(result: Type, **fields: Type) -> Kind:
    return Kind(fields, result)


_PAGE_LENGTH = limited(COUNT, lambda number: 1 <= number <= LONGEST_PAGE)
_NOTE = limited(TEXT, lambda text: len(text) <= LONGEST_NOTE)
_ROWS = limited(listed(COUNT), lambda rows: len(rows) > 0)
_WATCHED = limited(listed(COUNT), lambda rows: len(rows) <= LONGEST_WATCH)

REQUESTS: Mapping[str, Kind] = {
    "page": _kind(
        PAGE,
        sort=COLUMN,
        meta=nullable(TEXT),
        descending=FLAG,
        filter=FILTER,
        predicted=nullable(TEXT),
        search=TEXT,
        brushes=listed(BRUSH),
        offset=COUNT,
        limit=_PAGE_LENGTH,
    ),
    "spread": _kind(SPREAD, filter=FILTER, predicted=nullable(TEXT), search=TEXT, brushes=listed(BRUSH)),
    "ranking": _kind(RANKING, row=COUNT, set_first=FLAG),
    "bars": _kind(BARS, row=COUNT, set_first=FLAG, offset=COUNT, limit=_PAGE_LENGTH),
    "train_rows": _kind(TRAINING, filter=TRAIN_FILTER, search=TEXT, asked=COUNT, offset=COUNT, limit=_PAGE_LENGTH),
    "words": _kind(WORDS, row=nullable(COUNT), train=COUNT),
    "explain": _kind(EXPLAINED, row=COUNT),
    "history": _kind(HISTORY),
    "queue": _kind(
        QUEUE,
        order=ORDER,
        round=COUNT,
        search=TEXT,
        label=nullable(TEXT),
        suggested=nullable(TEXT),
        contradicted=FLAG,
        offset=COUNT,
        limit=_PAGE_LENGTH,
    ),
    "reasons": _kind(REASONS, row=COUNT, label=TEXT),
    "outlook": _kind(DONE),
    "conflicts": _kind(MATTERS),
    "carried": _kind(MATTERS),
    "flips": _kind(FLIPS),
    "watch": _kind(FILLED, rows=_WATCHED, on=FLAG),
    "select": _kind(DONE, row=nullable(COUNT)),
    "decide": _kind(
        DECIDED, rows=_ROWS, decision=DECISION, labels=nullable(listed(TEXT)), test_row=nullable(COUNT), note=_NOTE
    ),
    "try": _kind(DECIDED, rows=listed(COUNT), labels=listed(nullable(TEXT))),
    "find": _kind(DONE, row=COUNT, target=nullable(TEXT)),
    "verify": _kind(DONE),
    "cancel": _kind(DONE),
    "undo": _kind(DECIDED),
    "redo": _kind(DECIDED),
    "threshold": _kind(DONE, value=NUMBER),
    "export": _kind(DONE, path=TEXT, overwrite=FLAG, every=FLAG),
}
"""A closed list of kinds, each with the fields it needs. No expression is evaluated.

Classes travel as texts, those of ``SHARED.classes``. ``predicted`` of a page keeps the test rows of that predicted
class, and ``meta`` is a column of metadata to sort by in place of ``sort``. Which training rows a filter keeps is
decided when ``asked`` changes, so that no row moves because somebody decided about it. ``labels`` of a decision to
relabel gives each row that label, the original one clears the row, and None leaves the choice to
`Workbench.set_relabelled` with this ``test_row``; to adjudicate, they are needed. ``target`` is the class to flip to,
None any other. ``round`` of a queue names a ranking: a new number makes a new one, which has learned from all
decisions. ``try`` names all that is tried from now on, and no rows at all to end the trial; a label that is None is
left to Python.
"""


def _version() -> str:
    """A digest of all that may travel: page and kernel understand each other if theirs are the same."""
    asked = (f"{name}:{spelled(field)}" for kind in REQUESTS.values() for name, field in kind.fields.items())
    told = map(spelled, (*(kind.result for kind in REQUESTS.values()), REASON, PROGRESS, SIZES, SHARED))
    return hashlib.sha256("\n".join([*REQUESTS, *asked, *told]).encode()).hexdigest()[:8]


VERSION = _version()

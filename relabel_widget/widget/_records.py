"""What Python tells the page, piece by piece: `_protocol` says in answer to what."""

from __future__ import annotations

from ._columns import SORTABLE
from ._content import CONTENT
from ._spread import MEASURES
from ._types import CLASSES, COUNT, FLAG, NUMBER, TEXT, limited, listed, nullable, one_of, record

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
WORTH = one_of("Worth", "fact", "better", "worse", "")
REASON = one_of("Reason", "malformed", "refused", "busy", "cancelled", "failed", "exists")

BRUSH = record(
    "Brush", "A choice of test rows: those in some bins of a histogram.", of=MEASURE, first=COUNT, last=COUNT
)

VERDICT = record(
    "Verdict",
    "What a verification made of a prediction, and what that is worth: `fact` if it is neither better nor worse, empty "
    "if nothing changed. `to` names what it flipped to, and from what where the line shows another class.",
    words=TEXT,
    worth=WORTH,
    to=TEXT,
)
SIZE = record("Size", "The size of a flip set, as it is shown and as it is read out.", shown=TEXT, said=TEXT)
TEST_ROW = record(
    "TestRow",
    "A line of the list of test rows, numbers in words. With two classes `proba` is the probability of the second and "
    "`margin` the log-odds beyond the threshold; with more they are those of the predicted class, and its log-odds "
    "over the nearest other one.",
    row=COUNT,
    text=TEXT,
    content=nullable(CONTENT),
    label=nullable(TEXT),
    predicted=TEXT,
    proba=TEXT,
    margin=TEXT,
    size=SIZE,
    verdict=VERDICT,
)
BIN = record("Bin", "Where it begins and ends; a bin of one value has that twice.", **{"from": TEXT, "to": TEXT})
HISTOGRAM = record(
    "Histogram",
    "How many test rows are in each bin: of those that fit filter and search, and of those that fit the brushes of the "
    "other histograms, too.",
    of=TEXT,
    title=TEXT,
    bins=listed(BIN),
    every=listed(COUNT),
    kept=listed(COUNT),
)
SPREAD = record("Spread", "The histograms of the test rows.", histograms=listed(HISTOGRAM))
PAGE = record("Page", "Some of the test rows that fit a query.", total=COUNT, offset=COUNT, rows=listed(TEST_ROW))

TRAIN_ROW = record(
    "TrainRow",
    "A training row as it bears on the query; without one nothing does. `id` is empty where it is its number. `said` "
    "tells a decision that leaves the label as it is. `suggested` is the label that moves the query "
    "most towards its flip; with two classes, the one that the row did not have. `influence` is the first-order change "
    "of the query's log-odds (with more classes, of its margin) when this row alone gets it, `change` is the same in "
    "words; `share` says what part that is of the way to the flip, and is empty where there is none left; `words` are "
    "the features that it shares with the query. `facts` say how likely the label is wrong, where rows are ranked by "
    "that, and who decided what for which reason.",
    rank=COUNT,
    row=COUNT,
    id=TEXT,
    text=TEXT,
    content=nullable(CONTENT),
    original=TEXT,
    current=TEXT,
    suggested=TEXT,
    influence=NUMBER,
    change=TEXT,
    share=TEXT,
    in_set=FLAG,
    relabelled=FLAG,
    said=TEXT,
    facts=TEXT,
    words=listed(TEXT),
)
BARS = record("Bars", "Some of the ranked training rows.", total=COUNT, offset=COUNT, rows=listed(TRAIN_ROW))
TRAINING = record(
    "Training",
    "Some of the training rows that fit a query; `words` say how many do, and how many of all are decided.",
    total=COUNT,
    offset=COUNT,
    rows=listed(TRAIN_ROW),
    words=TEXT,
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
    "One test row in full. `rival` is the nearest other class. With two classes `proba` is the probability of the "
    "second, else of the predicted one. `facts` are the predicted class, the true label, the probability and the "
    "margin in words, `meta` is its metadata on one line. `retrained` says what the last verification made of it, "
    "empty if that is not known. `largest` is the largest influence of any training row, without its sign.",
    row=COUNT,
    text=TEXT,
    content=nullable(CONTENT),
    meta=TEXT,
    predicted=TEXT,
    rival=TEXT,
    proba=NUMBER,
    facts=listed(TEXT),
    flip=nullable(FLIP_SUMMARY),
    forecast=nullable(FORECAST),
    retrained=TEXT,
    largest=NUMBER,
    bars=BARS,
)

WORD_PART = record(
    "WordPart", "What a shared feature contributes, as a number and in words.", word=TEXT, part=NUMBER, change=TEXT
)
WORDS = record(
    "Words",
    "A training row in full, and what the features it shares with the query contribute, to first order, when it gets "
    "the `label`; without a query it shares none. `about` says so, and what was noted. `same` are the training rows "
    "that say the same, itself among them; empty if no other does, or they are too many. `other` says whether one of "
    "them is labelled otherwise, and `choices` are labels that all of them may get.",
    train=COUNT,
    text=TEXT,
    content=nullable(CONTENT),
    meta=TEXT,
    same=listed(COUNT),
    other=TEXT,
    choices=listed(TEXT),
    about=TEXT,
    label=TEXT,
    words=listed(WORD_PART),
)
SHARE = record("Share", "The part of one row, in words.", row=COUNT, words=TEXT)
EXPLAINED = record(
    "Explained",
    "Each row's share of what a refit with the whole flip set changed; the shares add up to all of it.",
    row=COUNT,
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
    "A training row that nobody decided about. `title` names it, `facts` says what is wrong with it; `score` is how "
    "likely that is, in words, and `larger` whether its `words` have a larger image.",
    row=COUNT,
    title=TEXT,
    facts=TEXT,
    text=TEXT,
    content=nullable(CONTENT),
    label=TEXT,
    suggested=TEXT,
    score=TEXT,
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
FLIP = record(
    "Flip",
    "A test row that a verification flipped: what that is worth, and its probability before and after.",
    row=COUNT,
    text=TEXT,
    words=TEXT,
    worth=WORTH,
    change=TEXT,
)
FLIPS = record("Flips", "Those that changed most.", total=COUNT, rows=listed(FLIP))

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

FILLED = record(
    "Filled", "How far the search in the background is, in numbers and words.", done=COUNT, total=COUNT, words=TEXT
)
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
    size=nullable(SIZE),
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
JOB = record("Job", "What runs now.", kind=TEXT, row=nullable(COUNT), words=TEXT)
TRIED = record("Tried", "A label that is tried for a training row; nothing of it is recorded.", row=COUNT, label=TEXT)
SHARED = record(
    "Shared",
    "The small synced state. Everything larger is asked for. `classes` are two or more; the threshold is one of two "
    "classes and stays where it is with more. With a `trial`, the verification is that of the trial. `own_note` says "
    "where the user's own estimator predicts otherwise than the minimum of its objective, and why; empty where it does "
    "not. `checked` says how many labels were found right or wrong, `orders` in which order the others can be checked "
    "(`Order`), the best one first. `meta` names the columns of metadata of the test rows. `next_undo` and `next_redo` "
    "say what these would take back or bring again, and whose it is; `conflicts` and `carried` how many rows people "
    "decided differently, and how many decisions did not carry over. All four are empty if there is none. "
    "`export_path` is where the corrected labels go by default, `export_all` where all decisions do.",
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
    export_all=TEXT,
    status=TEXT,
    job=nullable(JOB),
    trial=listed(TRIED),
    verification=nullable(VERIFIED),
    own_note=TEXT,
    checked=TEXT,
    orders=listed(TEXT),
    meta=listed(TEXT),
)

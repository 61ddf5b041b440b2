"""What the page may ask, and what it is told then, declared once: ``js/wire.py`` makes the page's types from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ._records import (
    BARS,
    BRUSH,
    COLUMN,
    DECIDED,
    DECISION,
    DONE,
    EXPLAINED,
    FILLED,
    FILTER,
    FLIPS,
    HISTORY,
    MATTERS,
    ORDER,
    PAGE,
    PROGRESS,
    QUEUE,
    RANKING,
    REASON,
    REASONS,
    SHARED,
    SIZES,
    SPREAD,
    TRAIN_FILTER,
    TRAINING,
    WORDS,
)
from ._types import COUNT, FLAG, NUMBER, TEXT, Type, limited, listed, nullable, spelled

LONGEST_PAGE = 500
LONGEST_WATCH = 1_000
LONGEST_NOTE = 2_000


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

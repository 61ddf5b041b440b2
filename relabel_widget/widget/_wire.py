"""What the page is told of a workbench: plain values for JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..bayes import BayesFit
from ..facts import clip, signed
from ..files.characters import quoted
from ..monitor import Monitor
from ..workbench.row_content import Content
from . import _outcomes as outcomes
from ._content import shown
from ._disagreements import in_conflict, not_carried
from ._filling import Filled
from ._jobs import Job
from ._pages import Pages, number_or_none
from ._requests import RequestError
from ._training import as_listed
from ._trial import Trial
from ._words import checked, running

BARS = 100
"""How many training rows come with a ranking; further ones are asked for."""

FLIPS = 100
LINES_OF_HISTORY = 200
WORDS = 40
MOST_SAME = 1_000
PATIENCE = 0.2
"""Seconds that the details of a row wait for the rows that say the same, which are grouped once."""

TEXT_OF_QUERY = 20_000

_STEM = re.compile(r"[^\\/]+?(?=(\.\w+)?$)")  # of a file's name


def classes(workbench: Any) -> list[str]:
    """The classes as text."""
    return [str(label) for label in workbench.classes]


def class_of(workbench: Any, text: str) -> Any:
    """The class that is called so on the page.

    Raises
    ------
    RequestError
        If there is none.
    """
    known = classes(workbench)
    if text not in known:
        raise RequestError("refused", f"There is no class {clip(text, 80)!r}. The classes are {clip(str(known), 400)}.")
    return workbench.classes.tolist()[known.index(text)]


def state(
    workbench: Any, trial: Trial, *, revision: int, export_path: str, status: str, job: Job | None
) -> dict[str, Any]:
    """The small state that is synced, and saved with the notebook."""
    summary = trial.summary()
    return {
        "revision": revision,
        "n_train": int(workbench.n_train),
        "n_test": int(workbench.n_test),
        "classes": classes(workbench),
        "labelled": workbench.y_test is not None,
        "next_undo": workbench.next_undo,
        "next_redo": workbench.next_redo,
        "conflicts": in_conflict(workbench.n_conflicts),
        "carried": not_carried(workbench.uncarried),
        "export_path": export_path,
        "export_all": _STEM.sub("all_decisions", export_path, count=1),
        "status": status,
        "job": None if job is None else {"kind": job.kind, "row": job.row, "words": running(job)},
        "trial": [{"row": row, "label": str(label)} for row, label in sorted(trial.labels.items())],
        "verification": None if summary is None else outcomes.of_retraining(summary),
        "own_note": str(workbench.disagreement or ""),
        "checked": checked(workbench),
        "orders": orders(workbench),
        "meta": workbench.test_metadata.names,
    }


def orders(workbench: Any) -> list[str]:
    """In which orders labels can be checked, the best one first: the first needs the truth of test rows."""
    known = workbench.y_test is not None and not isinstance(workbench.fit, BayesFit)
    return ["repair", "suspicion"] if known else ["suspicion"]


def flip_set(found: Any, target: Any, decided: set[int], *, several: bool) -> dict[str, Any]:
    """A `FlipSet` that was asked for with this target; ``decided`` are rows that somebody decided about."""
    tone, words = outcomes.of_flip_set(found, several=several)
    return {
        "size": int(found.size),
        "found": bool(found.found),
        "verified": bool(found.verified),
        "tone": tone,
        "words": words,
        "rows": [int(row) for row in found.rows],
        "labels": [str(label) for label in found.labels],
        "open": [int(row) for row in found.rows if int(row) not in decided],
        "target": None if target is None else str(target),
    }


def forecast(pages: Pages, trial: Trial, row: int | None) -> dict[str, Any] | None:
    """What the labels changed and tried do to a test row, to first order; None without any, or a chosen row."""
    if row is None:
        return None
    found = trial.forecast(row)
    if not (found.n_relabelled or trial.labels):
        return None
    return {"words": outcomes.of_forecast(found, pages.line(row)["proba"])}


def _train_row(rank: int, line: Mapping[Any, Any], words: list[str], look: Content) -> dict[str, Any]:
    influence, share = float(line["influence"]), number_or_none(line["share"])
    return {
        **as_listed(rank, line, line["suggested"], look),
        "influence": influence,
        "change": signed(influence),
        "share": "" if share is None else outcomes.of_share(share, "way"),
        "in_set": bool(line["in_flip_set"]),
        "words": [clip(word, 80) for word in words],
    }


def bars(workbench: Any, row: int, offset: int, limit: int, *, set_first: bool, monitor: Monitor) -> dict[str, Any]:
    """Some of the training rows that decide a test row; its flip set first, or every row where its influence ranks."""
    table = workbench.influential_rows(row, top=limit, start=offset, set_first=set_first, monitor=monitor)
    numbers = table["row"].tolist()
    words = workbench.common_words(row, numbers, telling=True) if numbers else []
    looks = (workbench.train_content(number, row, small=True) for number in numbers)
    lines = enumerate(zip(table.to_dict("records"), words, looks, strict=True), start=offset + 1)
    return {
        "total": int(workbench.n_train),
        "offset": offset,
        "rows": [_train_row(rank, line, shared[:WORDS], look) for rank, (line, shared, look) in lines],
    }


def ranking(
    workbench: Any, pages: Pages, trial: Trial, row: int, *, set_first: bool, monitor: Monitor
) -> dict[str, Any]:
    """One test row in full, what is known of it, and the first of the training rows that decide it."""
    known = workbench.known_flip_set(row)
    decided = set() if known is None else set(workbench.decisions()["row"].tolist())
    line = pages.line(row)
    length = max(BARS, min(known.size, 400) if known is not None else 0)
    set_first = set_first and known is not None  # one that is found meanwhile is not told of, and comes first no sooner
    first = bars(workbench, row, 0, length, set_first=set_first, monitor=monitor)
    text, content = shown(workbench.test_content(row))
    target, several = workbench.known_target(row), len(workbench.classes) > 2
    return {
        "row": row,
        "text": clip(text, TEXT_OF_QUERY),
        "content": content,
        "meta": workbench.test_metadata.line(row),
        **{name: line[name] for name in ("predicted", "rival", "proba")},
        "facts": outcomes.of_chosen_row(line, classes(workbench)),
        "flip": None if known is None else flip_set(known, target, decided, several=several),
        "forecast": forecast(pages, trial, row),
        "retrained": outcomes.of_retrained_row(line, trial.verification),
        "largest": workbench.largest_influence(row),
        "bars": first,
    }


def words(workbench: Any, row: int | None, train: int) -> dict[str, Any]:
    """A training row in full, the rows that say the same, and what features it shares with a test row, if any."""
    known = workbench.train_rows([train]).iloc[0]
    text, content = shown(workbench.train_content(train, row))
    suggested = str(workbench.suggested_labels([train], row)[0])
    common = [] if row is None else _contributions(workbench, row, train)
    shares = "" if row is None else "Shared with the test row" if common else "Shares no feature with the test row"
    note = f"note: {known['note']}" if known["note"] else ""
    return {
        "train": train,
        "text": clip(text, TEXT_OF_QUERY),
        "content": content,
        "meta": workbench.train_metadata.line(train),
        **_same(workbench, train, suggested),
        "about": " · ".join(filter(None, (shares if content is None else content["about"], note))),
        "label": suggested,
        "words": common,
    }


def _contributions(workbench: Any, row: int, train: int) -> list[dict[str, Any]]:
    table = workbench.common_features(row, train).head(WORDS)
    parts = zip(table["feature"], table["contribution"], strict=True)
    return [{"word": clip(word, 80), "part": float(part), "change": signed(part)} for word, part in parts]


def _same(workbench: Any, train: int, suggested: str) -> dict[str, Any]:
    """The training rows that say the same as one, as far as one decides about them at once."""
    same, labels = workbench.same_texts(train, patience=PATIENCE), workbench.labels()
    if not 1 < len(same) <= MOST_SAME:
        return {"same": [], "other": "", "choices": []}
    others = same[labels[same] != labels[train]].tolist()
    named = classes(workbench) if len(workbench.classes) == 2 else sorted({str(labels[train]), suggested})
    other = f"Row {others[0]} is equal, and labelled {quoted(labels[others[0]])}." if others else ""
    return {"same": same.tolist(), "other": other, "choices": named}


def explanation(workbench: Any, row: int, monitor: Monitor) -> dict[str, Any]:
    """How the rows of a known flip set share the verified change of a test row."""
    found = workbench.explanation(row, monitor=monitor)
    if found is None:
        return {"row": row, "shares": []}
    together = float(found.shares.sum())  # not the change: averages over a long way leave something out
    parts = found.shares / together if together * found.change > 0 else np.zeros(0)
    shares = zip(found.rows.tolist(), parts.tolist(), strict=False)
    return {"row": row, "shares": [{"row": one, "words": outcomes.of_share(part, "flip")} for one, part in shares]}


def filled(done: Filled) -> dict[str, Any]:
    """How far the search in the background is. Whether it is paused is told by each page's button alone."""
    return {"done": done.done, "total": done.total, "words": f"Set sizes: {done.done:,} of {done.total:,}"}


def flips(pages: Pages) -> dict[str, Any]:
    """The test rows whose predicted class a verification changed, the largest change of probability first."""
    rows, columns = pages.kept("flipped"), pages.columns()
    if columns.verified_proba is not None and columns.before_proba is not None:
        change = np.abs(columns.verified_proba - columns.before_proba)[rows]
        rows = rows[np.argsort(-change, kind="stable")]
    return {"total": len(rows), "rows": [outcomes.of_flip(pages.line(row)) for row in rows[:FLIPS].tolist()]}

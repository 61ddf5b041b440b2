"""What a front end may ask for: a closed list of kinds, each with the fields it needs. No expression is evaluated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

VERSION = 1

FILTERS = (
    *("all", "misclassified", "near", "small", "has_set", "flipped", "became_right", "became_wrong"),
    *("class0", "class1"),
)
COLUMNS = ("row", "text", "label", "predicted", "proba", "margin", "flip_size", "verified_proba")
DECISIONS = ("relabel", "keep", "unsure", "clear")
REASONS = ("malformed", "refused", "busy", "cancelled", "failed", "exists")

LONGEST_PAGE = 500
LONGEST_WATCH = 1_000
LONGEST_NOTE = 2_000
LONGEST_ID = 100


class RequestError(RuntimeError):
    """A request that gets an error for an answer; ``reason`` is one of `REASONS`, the message is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        assert reason in REASONS, reason
        self.reason = reason


@dataclass(frozen=True)
class Request:
    """A well-formed request: ``body`` holds exactly the fields of its kind, each of the right type."""

    id: str
    kind: str
    body: Mapping[str, Any]


Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_count_or_none(value: Any) -> bool:
    return value is None or _is_count(value)


def _is_page_length(value: Any) -> bool:
    return _is_count(value) and 1 <= value <= LONGEST_PAGE


def _is_note(value: Any) -> bool:
    return _is_text(value) and len(value) <= LONGEST_NOTE


def _are_watched(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= LONGEST_WATCH and all(map(_is_count, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _are_rows(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_is_count, value))


def _one_of(names: tuple[str, ...]) -> Check:
    return lambda value: isinstance(value, str) and value in names


FIELDS: Mapping[str, Mapping[str, Check]] = {
    "page": {
        "sort": _one_of(COLUMNS),
        "descending": _is_flag,
        "filter": _one_of(FILTERS),
        "search": _is_text,
        "offset": _is_count,
        "limit": _is_page_length,
    },
    "ranking": {"row": _is_count, "set_first": _is_flag},
    "bars": {"row": _is_count, "set_first": _is_flag, "offset": _is_count, "limit": _is_page_length},
    "words": {"row": _is_count, "train": _is_count},
    "explain": {"row": _is_count},
    "history": {},
    "queue": {},
    "flips": {},
    "watch": {"rows": _are_watched, "on": _is_flag},
    "select": {"row": _is_count_or_none},
    "decide": {"rows": _are_rows, "decision": _one_of(DECISIONS), "note": _is_note},
    "find": {"row": _is_count},
    "verify": {},
    "cancel": {},
    "undo": {},
    "redo": {},
    "threshold": {"value": _is_number},
    "export": {"path": _is_text, "overwrite": _is_flag},
}


def request_id(content: Any) -> str:
    """The id to answer to, also where the rest is malformed; empty where there is none."""
    found = content.get("id") if isinstance(content, dict) else None
    return found if isinstance(found, str) and len(found) <= LONGEST_ID else ""


def parse(content: Any) -> Request:
    """Read one message.

    Raises
    ------
    RequestError
        With reason ``malformed``, naming what does not fit.
    """
    if not isinstance(content, dict):
        raise RequestError("malformed", f"Expected a message with fields, got {type(content).__name__}.")
    if content.get("v") != VERSION:
        raise RequestError(
            "malformed",
            f"This page speaks another version of the protocol than the kernel ({content.get('v')!r}, expected "
            f"{VERSION}). Reload the page and run the cell again.",
        )
    found = request_id(content)
    if not found:
        raise RequestError("malformed", f"Expected an id of 1 to {LONGEST_ID} characters.")
    kind = content.get("kind")
    fields = FIELDS.get(kind) if isinstance(kind, str) else None
    if fields is None or not isinstance(kind, str):
        raise RequestError("malformed", f"Unknown request {kind!r}; known are {', '.join(FIELDS)}.")
    body = {name: value for name, value in content.items() if name not in {"v", "id", "kind"}}
    if set(body) != set(fields):
        raise RequestError(
            "malformed", f"Request {kind}: expected fields {sorted(fields)}, got {sorted(map(str, body))}."
        )
    for name, fits in fields.items():
        if not fits(body[name]):
            raise RequestError("malformed", f"Request {kind}: field {name} does not fit, got {body[name]!r:.100}.")
    return Request(found, kind, body)


def result_message(request: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """The one result of a request."""
    return {"v": VERSION, "id": request, "kind": "result", "value": dict(value)}


def error_message(request: str, reason: str, message: str) -> dict[str, Any]:
    """The one error of a request."""
    return {"v": VERSION, "id": request, "kind": "error", "reason": reason, "message": message}


def sizes_message(row: int | None, size: int | None, done: int, total: int, running: bool) -> dict[str, Any]:
    """News of the search in the background: the size found for a row, and how far it is."""
    facts = {"row": row, "size": size, "done": done, "total": total, "running": running}
    return {"v": VERSION, "id": "", "kind": "sizes", **facts}


def progress_message(request: str, phase: str, done: int, total: int | None) -> dict[str, Any]:
    """One of any number of progress reports; ``request`` is empty for work that no request of this page began."""
    return {"v": VERSION, "id": request, "kind": "progress", "phase": phase, "done": done, "total": total}

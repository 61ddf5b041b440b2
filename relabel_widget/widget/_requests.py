"""Reading what a front end asks, and writing what it is answered; `_protocol` declares both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._outcomes import of_size
from ._protocol import REQUESTS, VERSION
from ._records import REASON

LONGEST_ID = 100


class RequestError(RuntimeError):
    """A request that gets an error for an answer; ``reason`` is one of `REASON`, the message is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        assert REASON.fits(reason), reason
        self.reason = reason


@dataclass(frozen=True)
class Request:
    """A well-formed request: ``body`` holds exactly the fields of its kind, each of the right type."""

    id: str
    kind: str
    body: Mapping[str, Any]


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
    if not isinstance(kind, str) or kind not in REQUESTS:
        raise RequestError("malformed", f"Unknown request {kind!r}; known are {', '.join(REQUESTS)}.")
    fields = REQUESTS[kind].fields
    body = {name: value for name, value in content.items() if name not in {"v", "id", "kind"}}
    if set(body) != set(fields):
        raise RequestError(
            "malformed", f"Request {kind}: expected fields {sorted(fields)}, got {sorted(map(str, body))}."
        )
    for name, field in fields.items():
        if not field.fits(body[name]):
            raise RequestError("malformed", f"Request {kind}: field {name} does not fit, got {body[name]!r:.100}.")
    return Request(found, kind, body)


def result_message(request: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """The one result of a request."""
    return {"v": VERSION, "id": request, "kind": "result", "value": dict(value)}


def error_message(request: str, reason: str, message: str) -> dict[str, Any]:
    """The one error of a request."""
    return {"v": VERSION, "id": request, "kind": "error", "reason": reason, "message": message}


def sizes_message(row: int | None, size: int | None, filled: Mapping[str, Any]) -> dict[str, Any]:
    """News of the search in the background: the size found for a row, and how far it is."""
    facts = {"row": row, "size": None if size is None else of_size(size), **filled}
    return {"v": VERSION, "id": "", "kind": "sizes", **facts}


def progress_message(request: str, phase: str, done: int, total: int | None) -> dict[str, Any]:
    """One of any number of progress reports; ``request`` is empty for work that no request of this page began."""
    return {"v": VERSION, "id": request, "kind": "progress", "phase": phase, "done": done, "total": total}

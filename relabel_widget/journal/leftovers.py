"""Events that a store did not take before the end: left in a file, which the next opening takes in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..files.whole import write_whole
from .records import START, Record, sound

_MARK = ".waiting-"


class Left(NamedTuple):
    """What such a file holds: the store that it is for, by which its data is recognised, and the events."""

    store: str
    sample: str
    drafts: list[Record]


def leave(beside: Path, left: Left) -> Path:
    """Write it to a new file whose name begins as ``beside``, and return that.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    chained: list[Record] = []
    for seq, draft in enumerate(left.drafts):
        chained.append(draft.after(seq, chained[-1].digest if chained else START))
    text = json.dumps(left._replace(drafts=chained)._asdict())
    path = beside.with_name(f"{beside.name}{_MARK}{secrets.token_hex(4)}")
    return write_whole(path, lambda part: _fill(part, text), who="journal")


def _fill(part: Path, text: str) -> None:
    part.write_text(text, encoding="utf-8")


def found(beside: Path) -> Iterator[tuple[Path, Left | None]]:
    """Each such file and what it holds; None if it is not as it was written."""
    start = f"{beside.name}{_MARK}"
    try:
        paths = sorted(path for path in beside.parent.iterdir() if path.name.startswith(start))
    except OSError:
        return
    for path in paths:
        yield path, _read(path)


def _read(path: Path) -> Left | None:
    try:
        left = Left(**json.loads(path.read_text(encoding="utf-8")))
        drafts = [Record(*draft) for draft in left.drafts]
        if not drafts or len(sound(drafts, 0, START)) < len(drafts):
            return None
        return Left(str(left.store), str(left.sample), drafts)
    except (OSError, ValueError, TypeError, RecursionError):
        return None

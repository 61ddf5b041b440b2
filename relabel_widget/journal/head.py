"""What an SQLite file took last, noted beside it: tells a write-ahead log that lost its end from a shorter one.

SQLite reads such a log up to where it breaks off, as it must after a power cut, and takes that for all there was. The
digests in the file agree with it, because they went with the rest. So each write that was acknowledged is noted in a
second file, after it is on disk: what is noted and not there was lost, and what is there and not noted was never
acknowledged.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, final

_SIZE = 256  # bytes, always the same: it is written in place


class Head(NamedTuple):
    """The store, and number and digest of an event in it."""

    store: str
    last: int
    digest: str


@final
class HeadFile:
    """The note beside an SQLite file.

    Parameters
    ----------
    store
        The SQLite file; this one has its name with ``-head`` behind it, and its permissions.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self.path = store.with_name(f"{store.name}-head")

    def read(self) -> Head | None:
        """What was noted, as far as it can be read."""
        try:
            store, last, digest = json.loads(self.path.read_text(encoding="ascii"))
        except (OSError, ValueError, TypeError, RecursionError):
            return None  # nothing was noted, or not to its end: nothing is known then
        return Head(store, last, digest) if [type(store), type(last), type(digest)] == [str, int, str] else None

    def note(self, head: Head) -> None:
        """Note it, on disk when this returns, unless something later is noted already. What prevents it is ignored."""
        known = self.read()
        if known is not None and known.store == head.store and known.last > head.last:
            return  # another process wrote meanwhile
        with suppress(OSError):
            is_new = not self.path.exists()
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT, self._store.stat().st_mode & 0o777)
            try:
                os.write(file, json.dumps(head).ljust(_SIZE).encode())
                os.fsync(file)
            finally:
                os.close(file)
            if is_new and os.name != "nt":
                _flush(self.path.parent)

    def remove(self) -> None:
        """Forget it: there is no log any more, and the file itself says how many events it has."""
        with suppress(OSError):
            self.path.unlink()


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

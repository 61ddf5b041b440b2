"""The files that a workbench writes, and which of them it may replace without asking."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..arguments import as_path
from ..files.whole import OwnFiles
from ..journal import Event, Kind
from .export import COUNTS, Writer, write_table

if TYPE_CHECKING:
    import pandas as pd


class Outputs:
    """Files written so far by one workbench; of others and earlier sessions, those that its store tells of."""

    def __init__(self) -> None:
        self._own = OwnFiles()
        self._heard = 0

    def remember(self, events: Sequence[Event]) -> None:
        """Take note of the exports among all events."""
        for event in events[self._heard :]:
            if event.kind is Kind.EXPORT and "digest" in event.details:
                self._own.remember(str(event.details["path"]), str(event.details["digest"]))
        self._heard = len(events)

    def table(
        self,
        path: str | os.PathLike[str],
        labels: pd.DataFrame,
        *,
        overwrite: bool,
        excel: bool = False,
        writer: Writer | None = None,
    ) -> tuple[Path, str]:
        """Write corrected labels or all decisions, and return the file and the digest of its content.

        ``writer`` is as `write_table` takes it. Raises as `Workbench.export`.
        """
        if not len(labels) and not overwrite and as_path(path, who="export").is_file():
            nothing = "nothing is decided" if COUNTS in labels else "no label is corrected"
            raise ValueError(
                f"export: {nothing}, and {os.fspath(path)!r} was not changed. Relabel a row first, or "
                "replace the file by an empty table with overwrite=True."
            )
        return write_table(path, labels, self._own, overwrite=overwrite, excel=excel, writer=writer)

    def page(self, path: str | os.PathLike[str], html: str, *, who: str, overwrite: bool) -> Path:
        """Write a page; one of the workbench's own is replaced, another file only with ``overwrite``."""

        def fill(file: Path) -> None:
            # Half of a surrogate pair, which UTF-8 cannot hold, becomes a character reference.
            file.write_bytes(html.encode("utf-8", "xmlcharrefreplace"))

        written, _ = self._own.write(path, fill, who=who, overwrite=overwrite)
        return written

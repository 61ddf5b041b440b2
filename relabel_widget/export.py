"""Tables as files, by the path's ending."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .files import write_whole

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".parquet", ".jsonl")


def write_table(path: str | os.PathLike[str], table: pd.DataFrame) -> Path:
    """Write a table by the path's ending: ``.csv``, ``.parquet`` or ``.jsonl``, in UTF-8, values as they are.

    Returns
    -------
    Path
        The file, absolute.

    Raises
    ------
    ValueError
        If the ending is another, or a column mixes types that a Parquet file cannot hold.
    ImportError
        If a Parquet file is asked for without pyarrow.
    OSError
        If the file cannot be written; what was there before is still there.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(
            f"export: expected a path ending in {', '.join(ENDINGS)}, got {os.fspath(path)!r}. The ending decides the "
            "format."
        )
    if ending == ".parquet":
        _need_pyarrow()
    writers: dict[str, Callable[[Path], None]] = {
        # All texts quoted: the csv module leaves a lone carriage return bare, which readers take for a line's end.
        ".csv": lambda file: table.to_csv(file, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC),
        ".jsonl": lambda file: _write_jsonl(file, table),
        ".parquet": lambda file: _write_parquet(file, table),
    }
    return write_whole(path, writers[ending], who="export")


def _write_jsonl(file: Path, table: pd.DataFrame) -> None:
    if len(table):  # pandas writes an empty line for no lines
        table.to_json(file, orient="records", lines=True, force_ascii=False, date_format="iso", date_unit="us")


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'export: writing .parquet needs pyarrow, which is not installed. Run: pip install "relabel-widget[parquet]"'
            ", or export to .csv or .jsonl."
        ) from error


def _write_parquet(file: Path, table: pd.DataFrame) -> None:
    import pyarrow

    try:
        table.to_parquet(file, index=False, engine="pyarrow")
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise ValueError(
            f"export: a Parquet column holds one type, and these do not fit: {error}. Export to .csv or .jsonl."
        ) from error

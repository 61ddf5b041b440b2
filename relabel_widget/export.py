"""Files that are either written whole or not at all."""

from __future__ import annotations

import csv
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

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


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], None], *, who: str) -> Path:
    """Let ``write`` fill a new file beside ``path``, flush it to the disk, and put it in the place of ``path``.

    A reader sees the old file or the new one, never a part; on any failure the old file stays and nothing else is
    left behind. An existing file's permissions are kept, and a link is followed.

    Raises
    ------
    OSError
        If the file cannot be written, with the reason.
    ValueError
        If a text cannot be written as UTF-8.
    """
    target = Path(os.path.realpath(Path(path).expanduser()))
    _check_target(target, who)
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        part.touch(exist_ok=False)
        if target.exists():
            shutil.copymode(target, part)
        write(part)
        _flush(part)
        os.replace(part, target)
    except OSError as error:
        raise OSError(
            f"{who}: cannot write {str(target)!r}: {error.strerror or error}. Nothing was changed."
        ) from error
    except UnicodeError as error:
        raise ValueError(f"{who}: a text cannot be written as UTF-8: {error}. Nothing was changed.") from error
    finally:
        part.unlink(missing_ok=True)
    _flush(target.parent)
    return target


def _check_target(target: Path, who: str) -> None:
    if target.is_dir():
        raise IsADirectoryError(f"{who}: expected a file to write, got the folder {str(target)!r}. Add a file name.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{who}: there is no folder {str(target.parent)!r}. Make it first, or give another.")
    # Replacing a file needs no right to write to it, but whoever took that right away wants to keep it.
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{who}: {str(target)!r} is write-protected. Change its permissions, or give another.")


def _flush(path: Path) -> None:
    """Wait until a file, or the list of files in a folder, is on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows flushes folders by itself and cannot open them
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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

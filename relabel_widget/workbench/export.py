"""Corrected labels and other decisions as files, by the path's ending, and back.

CSV files are ones of RFC 4180 in UTF-8. Texts are quoted and numbers are not, so that "00178" and 178 stay what they
are. Spreadsheets run cells that begin with one of ``= + - @``, a tab or a carriage return: such a text gets an
apostrophe in front, as does one that begins with apostrophes before such a character. `read_labels` takes one off.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..arguments import as_flag, as_path, shown
from ..files.characters import readable
from ..files.whole import OwnFiles

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".parquet", ".jsonl")
COLUMNS = ("row", "id", "original", "corrected", "annotator", "note", "time")
"""Of every export, first and in this order."""
COUNTS = "counts"
"""Whether a decision is the one that counts for its row. Only exports of all decisions have this column."""
REASONS = ("query_text", "flip_set", "flip", "source")
"""Why: the query, its flip set by ids and what that does, and where the decision was imported from."""
_TEXTS = ("annotator", "note", "decision", *REASONS, "verified", "content", "model", "data", "version")
_WHOLE_COLUMNS = ("event", "as_of")
_AS_TEXT_IN_EXCEL = ("id", "original", "corrected", "content", "model", "data")  # Excel would make numbers of them
_LONGEST_IN_EXCEL = 255  # characters of a text in a formula
_WHOLE_IN_EXCEL = 10**15  # Excel keeps fifteen digits
_RUNS = re.compile(r"'*[=+\-@\t\r]")
_MARKED = re.compile(r"'+[=+\-@\t\r]")
_WHOLE = re.compile(r"-?(?:0|[1-9]\d*)")
# a boolean or a number; one that starts with zeros was a text whose quotes a spreadsheet dropped
_PLAIN = re.compile(r"True|False|-?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?|-?inf")
_FORMULA = re.compile(r'="((?:[^"]|"")*)"')  # what stands for a text where Excel would read something else


Writer: TypeAlias = tuple[str, Callable[[Path], None]]
"""Of another format: the ending that its files have, and what fills a file."""


def write_table(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    own: OwnFiles,
    *,
    overwrite: bool = False,
    excel: bool = False,
    writer: Writer | None = None,
) -> tuple[Path, str]:
    """Write a table by the path's ending: ``.csv``, ``.parquet`` or ``.jsonl``, in UTF-8.

    Ids and labels that are neither numbers, booleans nor texts (UUIDs, paths, periods) are written as texts.

    Parameters
    ----------
    own, overwrite
        A file that is there is replaced if it is among ``own``, or if ``overwrite`` says so. What is written is then
        among ``own``.
    excel
        For ``.csv``: a byte-order mark, and ids and labels as ``="00178"``, so that Excel shows what is there.
    writer
        What writes the table in another format; None goes by the ending.

    Returns
    -------
    Path, str
        The file, absolute, and the digest of its content.

    Raises
    ------
    ValueError
        If the ending is another, or a column mixes types that a Parquet file cannot hold.
    ImportError
        If a Parquet file is asked for without pyarrow.
    FileExistsError
        If there is a file that was not asked to be replaced.
    OSError
        If the file cannot be written; what was there before is still there.
    """
    place = as_path(path, who="export")
    ending = _ending(place, who="export", endings=ENDINGS if writer is None else writer[:1])
    if excel and ending != ".csv":
        raise ValueError(f"export: excel=True is for .csv files, got {os.fspath(path)!r}. Leave it out.")
    if ending == ".parquet":
        _need_pyarrow("export: writing .parquet needs pyarrow", "export to .csv or .jsonl")
    writers: dict[str, Callable[[Path], None]] = {
        ".csv": lambda file: _write_csv(file, table, excel),
        ".jsonl": lambda file: _write_jsonl(file, table),
        ".parquet": lambda file: _write_parquet(file, table),
    }
    write = writers[ending] if writer is None else writer[1]
    return own.write(place, write, who="export", overwrite=overwrite)


def read_labels(path: str | os.PathLike[str], *, provenance: bool = False) -> pd.DataFrame:
    """Read back what `Workbench.export` wrote: ids and labels in the types they had.

    Parameters
    ----------
    path
        A ``.csv``, ``.parquet`` or ``.jsonl`` file, of this version or an older one.
    provenance
        Give all columns that the file has.

    Returns
    -------
    DataFrame
        ``row, id, original, corrected, annotator, note, time``; of an export of all decisions ``decision`` and
        ``counts`` as well (does it decide the label that the row has?); with ``provenance`` the rest of them. Whole
        numbers stay whole (``Int64`` beside missing ones), texts stay texts ("00178", "NA"), ``time`` is in UTC. Other
        types come back as the texts they were written as. A CSV file that a spreadsheet saved again has lost its
        quotes: there an id or label "178" becomes a number; notes and annotators stay texts.

    Raises
    ------
    ValueError
        If the file is no export.
    ImportError
        If a Parquet file is to be read without pyarrow.
    OSError
        If it cannot be read.
    """
    place = as_path(path, who="read_labels")
    ending = _ending(place, who="read_labels")
    as_flag(provenance, who="read_labels: provenance")
    if not place.is_file():
        raise FileNotFoundError(f"read_labels: there is no file {str(place)!r}.")
    if ending == ".parquet":
        _need_pyarrow("read_labels: reading .parquet needs pyarrow", "export to .csv or .jsonl")
        table = _checked(_read_parquet(place), place)
    else:
        text = text_of(place, who="read_labels")
        columns = _read_csv(text, place) if ending == ".csv" else _read_jsonl(text, place)
        table = _as_exported(columns, place)
    if provenance:
        return table
    return table[[*COLUMNS, *(("decision", COUNTS) if COUNTS in table else ())]]


def text_of(path: Path, *, who: str) -> str:
    """What a file in UTF-8 holds, without a byte-order mark.

    Raises
    ------
    ValueError
        If it is in another encoding.
    OSError
        If it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{who}: expected {str(path)!r} in UTF-8, got {error}. Save it as UTF-8, or export again."
        ) from error


def _ending(path: Path, *, who: str, endings: Sequence[str] = ENDINGS) -> str:
    ending = path.suffix.lower()
    if ending not in endings:
        raise ValueError(
            f"{who}: expected a path ending in {', '.join(endings)}, got {os.fspath(path)!r}. The ending decides the "
            "format."
        )
    return ending


def _need_pyarrow(what: str, instead: str) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'{what}, which is not installed. Run: pip install "relabel-widget[parquet]", or {instead}.'
        ) from error


def plain_value(value: Any) -> Any:
    """A value as a file can hold it: None, a boolean, a number, or a `readable` text."""
    import numpy as np
    import pandas as pd

    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (bool, int, float)) else readable(str(value))


# --- CSV


def _write_csv(file: Path, table: pd.DataFrame, excel: bool) -> None:
    with file.open("w", encoding="utf-8-sig" if excel else "utf-8", newline="") as out:
        out.write(",".join(f'"{name}"' for name in table.columns) + "\n")
        for line in table.itertuples(index=False, name=None):
            cells = zip(table.columns, line, strict=True)
            out.write(",".join(_cell(value, excel and name in _AS_TEXT_IN_EXCEL) for name, value in cells) + "\n")


def _cell(value: Any, for_excel: bool) -> str:
    value = plain_value(value)
    if value is None:
        return ""
    if for_excel and isinstance(value, int) and abs(value) >= _WHOLE_IN_EXCEL:
        return f'="{value}"'  # no quotes around it: it is read back as a number
    if not isinstance(value, str):
        return repr(value)
    doubled = value.replace('"', '""')
    if for_excel and len(doubled) <= _LONGEST_IN_EXCEL and value.isprintable():
        formula = f'="{doubled}"'
        return '"' + formula.replace('"', '""') + '"'
    return f'"\'{doubled}"' if _RUNS.match(value) else f'"{doubled}"'


def _read_csv(text: str, path: Path) -> dict[str, list[Any]]:
    lines = list(_lines(text))
    if not lines:
        raise _no_export(path, [])
    names = [cell for cell, _ in lines[0]]
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(names):
            raise ValueError(
                f"read_labels: expected {len(names)} cells in line {number} of {str(path)!r}, got {len(line)}. "
                "Export it again."
            )
    cells = {name: [line[place] for line in lines[1:]] for place, name in enumerate(names)}
    return {name: [_value(cell, quoted or name in _TEXTS) for cell, quoted in column] for name, column in cells.items()}


def _lines(text: str) -> Iterator[list[tuple[str, bool]]]:
    """Records of cells, each with whether it was quoted; by commas, or semicolons where the first line has none."""
    first = text.partition("\n")[0]
    comma = ";" if ";" in first and "," not in first else ","
    cell = re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"|((?!")[^{comma}\r\n]*))({comma}|\r\n|\n|\r|\Z)')
    at, line = 0, list[tuple[str, bool]]()
    while at < len(text) or line:
        found = cell.match(text, at)
        if found is None:
            raise ValueError(f"read_labels: a quoted cell does not end where it should, after character {at}.")
        quoted = found[1] is not None
        line.append((found[1].replace('""', '"') if quoted else found[2], quoted))
        at = found.end()
        if found[3] != comma:
            yield line
            line = []


def _value(cell: str, quoted: bool) -> Any:
    """What a cell holds. Quotes tell texts; without them what looks like a number or a boolean is one."""
    if not quoted and (cell == "" or _PLAIN.fullmatch(cell)):
        return None if cell == "" else _number(cell)
    formula = _FORMULA.fullmatch(cell)
    if formula is not None:
        text = formula[1].replace('""', '"')
        return text if quoted or not _WHOLE.fullmatch(text) else int(text)
    return cell[1:] if _MARKED.match(cell) else cell


def _number(cell: str) -> bool | int | float:
    if cell in {"True", "False"}:
        return cell == "True"
    return int(cell) if _WHOLE.fullmatch(cell) else float(cell)


# --- JSON Lines and Parquet


def _write_jsonl(file: Path, table: pd.DataFrame) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for line in table.itertuples(index=False, name=None):
            record = {name: plain_value(value) for name, value in zip(table.columns, line, strict=True)}
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


def _read_jsonl(text: str, path: Path) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    names: list[str] = []
    for number, line in enumerate(text.split("\n")[:-1] if text.endswith("\n") else text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"read_labels: line {number} of {str(path)!r} is no JSON: {error}.") from error
        names = names or (list(record) if isinstance(record, dict) else [])
        if not isinstance(record, dict) or list(record) != names or not _begins_right(names):
            raise _no_export(path, list(record) if isinstance(record, dict) else [])
        for name, value in record.items():
            if isinstance(value, (list, dict)):
                raise ValueError(
                    f"read_labels: expected one value as {name} in line {number} of {str(path)!r}, got "
                    f"{shown(value)}. Export it again."
                )
            columns.setdefault(name, []).append(value)
    return columns


def _write_parquet(file: Path, table: pd.DataFrame) -> None:
    import pandas as pd
    import pyarrow

    plain = table.copy()
    for name, column in table.items():
        if column.dtype == object:
            plain[name] = pd.Series([plain_value(value) for value in column], index=column.index, dtype=object)
    try:
        plain.to_parquet(file, index=False, engine="pyarrow")
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, pyarrow.ArrowNotImplementedError, OverflowError) as error:
        raise ValueError(
            "export: a Parquet column holds one type, and whole numbers of at most 64 bits; these do not fit: "
            f"{error}. Export to .csv or .jsonl."
        ) from error


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow

    try:
        return pd.read_parquet(path, engine="pyarrow")
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        raise ValueError(f"read_labels: {str(path)!r} is no whole Parquet file: {error}. Export it again.") from error


# --- both


def _typed(values: list[Any]) -> Any:
    """A column of plain values in the type that holds all of them as they are; whole numbers in 64 bits or objects."""
    import numpy as np
    import pandas as pd

    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    missing = len(present) < len(values)
    if kinds == {int}:
        for whole, beside_missing in (("int64", "Int64"), ("uint64", "UInt64")):
            reach = np.iinfo(whole)
            if reach.min <= min(present) and max(present) <= reach.max:
                return pd.Series(values, dtype=beside_missing if missing else whole)
    if kinds == {bool}:
        return pd.array(values, dtype="boolean") if missing else pd.Series(values, dtype="bool")
    if kinds == {float}:
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype="str" if kinds == {str} else "object")


def _as_exported(columns: dict[str, list[Any]], place: Path) -> pd.DataFrame:
    """Columns of plain values in the types that an export has."""
    import pandas as pd

    frame = _checked(pd.DataFrame({name: _typed(values) for name, values in columns.items()}), place)
    for name in ("row", *(each for each in _WHOLE_COLUMNS if each in columns)):
        if not all(type(value) is int and abs(value) < 2**63 for value in columns[name]):
            raise ValueError(
                f"read_labels: expected whole numbers in the column {name} of {str(place)!r}, got others. Export it "
                "again."
            )
    try:
        told = frame["time"].astype("str").where(frame["time"].notna())
        times = pd.to_datetime(told, utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"read_labels: expected times as in 2026-01-31T10:00:00+00:00 in the column time of {str(place)!r}, got "
            "others: a spreadsheet may have changed them. Export it again."
        ) from error
    texts = {name: frame[name].astype("str") for name in _TEXTS if name in frame}
    whole = {name: frame[name].astype("int64") for name in ("row", *_WHOLE_COLUMNS) if name in frame}
    if not len(frame.get("query", pd.Series(dtype=object)).dropna()) and "query" in frame:
        whole["query"] = frame["query"].astype("Int64")  # none of them knows its query
    return frame.assign(time=times, **whole, **texts)


def _checked(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    if not _begins_right(list(frame.columns)):
        raise _no_export(path, list(frame.columns))
    return frame


def _begins_right(names: list[str]) -> bool:
    """Older versions wrote `COLUMNS` alone."""
    return names[: len(COLUMNS)] == list(COLUMNS) and len(set(names)) == len(names)


def _no_export(path: Path, names: list[Any]) -> ValueError:
    return ValueError(
        f"read_labels: expected the columns {', '.join(COLUMNS)}, as Workbench.export writes them, in {str(path)!r}, "
        f"got {', '.join(map(str, names)) or 'none'}."
    )

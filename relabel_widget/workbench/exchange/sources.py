"""What people import decisions from: files of three tools, frames and arrays, read into lines.

Nothing in a file is run or unpickled. A file that is not as its format has it is refused as a whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from ..._typing import AnyArray, BoolArray
from ...arguments import as_path, as_rows, check_choice, shown
from ...inputs import is_missing, materialised, named_rows, present_values
from ...inputs.containers import frame_of
from ...journal import Kind
from ...journal.identity import plain, value_text
from ..export import COLUMNS, read_labels, text_of
from . import doccano, label_studio
from .lines import Line, Source, of_record, plain_or_none

Format: TypeAlias = Literal["labels", "label-studio", "doccano"]

LARGEST = 2**30
"""Bytes of a file, and of a Parquet file's content."""

_LINES_OF: Mapping[str, Callable[[Any, str, str | None], Iterator[Line]]] = {
    "label-studio": label_studio.lines_of,
    "doccano": doccano.lines_of,
}
_ISSUES = ("is_label_issue", "predicted_label")


def read(
    source: Any, original: AnyArray, names: Mapping[str, Any], *, format: Format | None, id_field: str | None
) -> Source:
    """What a source says.

    Parameters
    ----------
    source
        A path, a frame or an array, as `Workbench.import_decisions` takes them.
    original
        The labels as they were, shape (n_train,): what arrays are compared with.
    names
        What the source calls a class, by its text, to the class.
    format
        Of a file; None looks at it.
    id_field
        Where a file of another tool has the user's ids.

    Raises
    ------
    TypeError, ValueError
        If it is none of these, or not as its format has it.
    OSError
        If a file cannot be read.
    """
    if format is not None:
        check_choice(format, "format", get_args(Format), who="import_decisions")
    if isinstance(source, (str, os.PathLike)):
        return _of_file(as_path(source, who="import_decisions"), format, id_field)
    if isinstance(source, (Mapping, set, frozenset, bytes)) or source is None:
        raise TypeError(
            "import_decisions: expected a path, a frame as read_labels or cleanlab makes them, an array of labels or a "
            f"pair (labels, issues), got {shown(source)}."
        )
    frame = frame_of(source)
    if frame is not None and frame.shape[1] != 1:
        return _of_frame(frame, original, names)
    if isinstance(source, tuple) and len(source) == 2 and len(original) != 2:
        for one in source:
            _check_order(one, len(original))
        return _of_arrays(source[0], original, source[1])
    if isinstance(source, tuple) and len(source) != len(original):
        raise ValueError(
            "import_decisions: expected a pair (labels, issues), or a label for each of the "
            f"{len(original)} training rows, got a tuple of {len(source)}: {shown(source)}."
        )
    _check_order(source, len(original))
    return _of_arrays(source, original, None)


# --- files


def _of_file(path: Path, format: Format | None, id_field: str | None) -> Source:
    if path.is_dir():
        raise IsADirectoryError(f"import_decisions: expected a file, got the folder {str(path)!r}.")
    if not path.is_file():
        raise FileNotFoundError(f"import_decisions: there is no file {str(path)!r}.")
    size = path.stat().st_size
    if path.suffix.lower() == ".parquet":
        size = max(size, _unpacked_size(path))
    if size > LARGEST:
        raise ValueError(
            f"import_decisions: expected at most {LARGEST:,} bytes, got {size:,} in {str(path)!r}. Split the file."
        )
    ending = path.suffix.lower()
    if ending in {".csv", ".parquet"}:
        return _of_labels(path)
    if ending not in {".json", ".jsonl"}:
        raise ValueError(
            f"import_decisions: expected a path ending in .csv, .parquet, .jsonl or .json, got {str(path)!r}."
        )
    if format == "labels":
        return _of_labels(path)
    records = list(_records(path, one_a_line=ending == ".jsonl"))
    if format is None:
        if not records and ending == ".json":  # as Label Studio writes where nothing is annotated
            return Source(path.name, [])
        format = _format_of(records, path)
    return _of_labels(path) if format == "labels" else _of_records(records, path, format, id_field)


def _unpacked_size(path: Path) -> int:
    """Bytes of a Parquet file's columns when they are not compressed; 0 if it is none, which reading it will say."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return 0
    try:
        about = parquet.read_metadata(path)
    except pyarrow.ArrowException:
        return 0
    return sum(about.row_group(place).total_byte_size for place in range(about.num_row_groups))


def _of_labels(path: Path) -> Source:
    """One of our own exports."""
    try:
        table = read_labels(path, provenance=True)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"import_decisions: {str(error).removeprefix('read_labels: ')}") from error
    columns = {name: table[name].tolist() for name in table.columns}
    return Source(path.name, list(_own_lines(columns, str(path))))


def _own_lines(columns: Mapping[str, list[Any]], name: str) -> Iterator[Line]:
    """Of the columns of one of our exports. Ids that are the row numbers are none."""
    named = [value_of(one) for one in columns["id"]] != [value_of(one) for one in columns["row"]]
    for number, values in enumerate(zip(*columns.values(), strict=True), start=1):
        record = {key: value_of(value) for key, value in zip(columns, values, strict=True)}
        about = Line(
            f"row {number} of the table",
            row=record["row"] if type(record["row"]) is int else None,
            id=plain_or_none(record["id"]) if named else None,
            content=record["content"] if isinstance(record.get("content"), str) else None,
            original=plain_or_none(record["original"]),
        )
        yield _in_words(lambda record=record, about=about: of_record(record, about), about.place, name)


def value_of(value: Any) -> Any:
    """A value of a table as Python has it; None for what is missing."""
    if is_missing(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _records(path: Path, *, one_a_line: bool) -> Iterator[tuple[str, Any]]:
    """The records of a file, each with where it stands."""
    text = text_of(path, who="import_decisions")
    if not one_a_line:
        found = _json(text, str(path))
        for number, record in enumerate(found if isinstance(found, list) else [found], start=1):
            yield f"record {number}", record
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", _json(line, f"line {number} of {path}")


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"import_decisions: expected JSON, got {error}, in {where!r}. Export it again.") from error


def _format_of(records: list[tuple[str, Any]], path: Path) -> Format:
    first = records[0][1] if records else None
    if isinstance(first, dict) and list(first)[: len(COLUMNS)] == list(COLUMNS):
        return "labels"
    if label_studio.is_task(first):
        return "label-studio"
    if doccano.is_document(first):
        return "doccano"
    got = f"records with {shown(', '.join(map(str, first)))}" if isinstance(first, dict) else shown(first)
    got = got if records else "an empty file"
    raise ValueError(
        "import_decisions: expected an export of Workbench.export, of Label Studio (JSON: data and annotations) or of "
        f"doccano (text and label), got {got} in {str(path)!r}. Export it again in one of these formats."
    )


def _of_records(records: Iterable[tuple[str, Any]], path: Path, name: str, id_field: str | None) -> Source:
    lines, silent = list[Line](), 0
    for place, record in records:
        found = _in_words(lambda at=place, one=record: list(_LINES_OF[name](one, at, id_field)), place, str(path))
        lines += found
        silent += not found
    if id_field is not None and lines and all(line.id is None for line in lines):
        raise ValueError(
            f"import_decisions: expected ids in the field {id_field!r}, as match= names it, got none in {str(path)!r}."
        )
    return Source(path.name, lines, silent)


def _in_words(read_one: Callable[..., Any], place: str, name: str) -> Any:
    try:
        return read_one()
    except ValueError as error:
        raise ValueError(
            f"import_decisions: {error}, in {place} of {name!r}. Nothing was imported. Export the file again."
        ) from error


# --- frames and arrays


def _of_frame(frame: Any, original: AnyArray, names_of: Mapping[str, Any]) -> Source:
    names = [str(name) for name in frame.columns]
    if names[: len(COLUMNS)] == list(COLUMNS):
        return Source("a table", list(_own_lines({name: frame[name].to_list() for name in names}, "the table")))
    if not set(_ISSUES) <= set(names):
        raise ValueError(
            f"import_decisions: expected the columns {', '.join(COLUMNS)}, as read_labels gives them, or "
            f"{' and '.join(_ISSUES)}, as cleanlab does, got {shown(', '.join(names))}."
        )
    _check_order(frame.to_native(), len(original))
    issues, labels = (np.array(frame[name].to_list()) for name in _ISSUES)
    if "given_label" in names:
        _check_given(frame["given_label"].to_list(), original, names_of)
    return _of_arrays(labels, original, issues, name=_ISSUES[0])


def _check_order(source: Any, n_rows: int) -> None:
    """Refuse an index that has the row numbers in another order: which of the two orders is meant is not known."""
    index = getattr(getattr(source, "index", None), "to_numpy", None)
    places = None if index is None else index()
    if places is None or places.dtype.kind not in "iu" or len(places) != n_rows:
        return
    in_order = np.arange(n_rows)
    if not np.array_equal(places, in_order) and np.array_equal(np.sort(places), in_order):
        raise ValueError(
            f"import_decisions: expected a line for each training row, in their order, got an index with 0 to "
            f"{n_rows - 1} in another order. Call sort_index() first if it has the row numbers, or "
            "reset_index(drop=True) if the lines are in the order of the training rows."
        )


def _check_given(given: list[Any], original: AnyArray, names: Mapping[str, Any]) -> None:
    """Refuse labels that are not the ones here: they are of other data, or in another order."""
    if len(given) == len(original):
        called = [names.get(value_text(plain(one)), one) for one in given]
        texts = [str(one) for one in called], [str(one) for one in original.tolist()]
        if not names and not set(texts[0]) & set(texts[1]):
            return  # codes for labels, none of which will be known
        other = np.flatnonzero(np.array(texts[0]) != np.array(texts[1]))
        if len(other):
            raise ValueError(
                f"import_decisions: expected given_label as the labels are here, got others in {named_rows(other)}. "
                "Pass what was found for these rows, in their order."
            )


def _of_arrays(labels: Any, original: AnyArray, issues: Any, name: str = "issues") -> Source:
    """A label for each row, and perhaps the rows that are in question."""
    values, rows, shape = present_values(materialised(labels, who="import_decisions"), who="import_decisions")
    n_rows = len(original)
    if shape != (n_rows,):
        raise ValueError(
            f"import_decisions: expected one label for each of the {n_rows} training rows, in their order, got shape "
            f"{shape}. Rows without a decision may have their original label, or None."
        )
    doubted = None if issues is None else _doubted(issues, n_rows, name)
    given = dict(zip(rows.tolist(), values.tolist(), strict=True))
    lines = []
    for row in range(n_rows) if doubted is None else np.flatnonzero(doubted).tolist():
        label, unsure = given.get(row), None if doubted is None else Kind.UNSURE
        if label is not None or unsure is not None:
            decision = Kind.RELABEL if label is not None else Kind.UNSURE
            lines.append(Line(f"value {row}", row=row, label=label, decision=decision, if_equal=unsure))
    return Source("an array", lines, is_aligned=True)


def _doubted(issues: Any, n_rows: int, name: str) -> BoolArray:
    found = np.zeros(n_rows, dtype=bool)
    found[as_rows(issues, n_rows, who=f"import_decisions: {name}")] = True
    return found

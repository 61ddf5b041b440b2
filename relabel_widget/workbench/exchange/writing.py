"""Exports as files of Label Studio and doccano, which these tools import."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...files.characters import readable
from ...inputs import Reader
from ..export import plain_value
from .doccano import document_of
from .label_studio import task_of

if TYPE_CHECKING:
    import pandas as pd

_OF_THE_ROW = ("row", "id", "original", "content", "as_of", "model", "data", "version")

ENDINGS = {"label-studio": ".json", "doccano": ".jsonl"}


def packs(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """What an export says of each row: what is the same in all its decisions, and these in order."""
    for _, lines in groupby(table.to_dict("records"), lambda line: line["row"]):  # lines come by row
        records = [{str(name): plain_value(value) for name, value in line.items()} for line in lines]
        decisions = [{name: value for name, value in one.items() if name not in _OF_THE_ROW} for one in records]
        yield {**{name: records[0][name] for name in _OF_THE_ROW}, "decisions": decisions}


def write_tasks(file: Path, table: pd.DataFrame, text: Reader) -> None:
    """JSON that Label Studio imports: a list of tasks."""
    with file.open("w", encoding="utf-8", newline="\n") as out:
        out.write("[\n" + ",\n".join(_documents(table, text, task_of)) + "\n]\n")


def write_documents(file: Path, table: pd.DataFrame, text: Reader) -> None:
    """JSON Lines that doccano imports: a document in each."""
    with file.open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(f"{line}\n" for line in _documents(table, text, document_of))


def _documents(
    table: pd.DataFrame, text: Reader, document: Callable[[Mapping[str, Any], str], dict[str, Any]]
) -> Iterator[str]:
    for pack in packs(table):
        yield json.dumps(document(pack, readable(text(pack["row"]))), ensure_ascii=False)

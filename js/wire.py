"""Writes `src/wire.ts` from what `_records.py`, `_protocol.py` and `_columns.py` declare; `make build` runs it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from relabel_widget.widget import _protocol as protocol
from relabel_widget.widget._columns import SORTABLE
from relabel_widget.widget._types import Choice, Record, Type

TARGET = Path(__file__).parent / "src" / "wire.ts"

HEAD = """\
/** Made by js/wire.py from the widget's _records.py, _protocol.py and _columns.py: change those, then `make build`. */
"""


def types() -> list[Type]:
    """All that the protocol is made of, each after its parts."""
    told = [kind.result for kind in protocol.REQUESTS.values()]
    asked = [field for kind in protocol.REQUESTS.values() for field in kind.fields.values()]
    found: dict[Type, None] = {}

    def visit(one: Type) -> None:
        for part in one.parts:
            visit(part)
        found[one] = None

    for one in (*asked, *told, protocol.REASON, protocol.PROGRESS, protocol.SIZES, protocol.SHARED):
        visit(one)
    return list(found)


def choice(one: Choice) -> Iterator[str]:
    yield f"export type {one.typescript} = {' | '.join(json.dumps(name) for name in one.names)};"


def interface(one: Record) -> Iterator[str]:
    lines = textwrap.wrap(one.doc, 112)
    yield from [f"/** {lines[0]} */"] if len(lines) == 1 else ["/**", *(f" * {line}" for line in lines), " */"]
    yield f"export interface {one.typescript} {{"
    yield from (f"  {name}: {field.typescript};" for name, field in one.fields.items())
    yield "}"


def requests() -> Iterator[str]:
    yield "/** What is asked, and what is told then. */"
    yield "export interface Requests {"
    for name, kind in protocol.REQUESTS.items():
        fields = "; ".join(f"{field}: {of.typescript}" for field, of in kind.fields.items())
        body = f"{{ {fields} }}" if fields else "Record<never, never>"
        yield f"  {name}: {{ body: {body}; result: {kind.result.typescript} }};"
    yield "}"


def headings() -> Iterator[str]:
    yield "/** The columns of the list of test rows in their order: what stands over each, and what that means. */"
    yield "export const HEADINGS: readonly (readonly [column: Column, heading: string, title: string])[] = ["
    for name, one in SORTABLE.items():
        yield f"  {json.dumps([name, one.heading, one.title], ensure_ascii=False)},"
    yield "];"


def source() -> str:
    """The whole file."""
    parts = [f'export const VERSION = "{protocol.VERSION}";']
    for one in types():
        if isinstance(one, Choice):
            parts.append("\n".join(choice(one)))
        elif isinstance(one, Record):
            parts.append("\n".join(interface(one)))
    parts += ["\n".join(requests()), "\n".join(headings())]
    return "\n".join([HEAD, "\n\n".join(parts), ""])


if __name__ == "__main__":
    TARGET.write_text(source(), encoding="utf-8")

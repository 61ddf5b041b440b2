"""Documents of doccano's text classification: its JSON and JSON Lines, out and in.

A document has a ``text``, a list of labels, and whatever else was imported with it; there an export puts what doccano
has no place for. Who labelled it, and when, doccano does not export.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...arguments import shown
from ...journal import Kind
from .lines import PACK, Line, as_text, deleted, unpacked

_LABELS = ("label", "labels")  # older versions say "labels"


def is_document(record: Any) -> bool:
    """Whether it looks like a document."""
    return (
        isinstance(record, dict) and ("text" in record or "data" in record) and any(name in record for name in _LABELS)
    )


def lines_of(document: Mapping[str, Any], place: str, id_field: str | None) -> Iterator[Line]:
    """The decisions on one document; none if it has no label.

    Raises
    ------
    ValueError
        If it is no document as doccano writes it.
    """
    if not is_document(document):
        raise ValueError(f"expected a document with text and label, got {shown(document)}")
    text = document.get("text", document.get("data"))
    labels = document[next(name for name in _LABELS if name in document)]
    labels = labels if isinstance(labels, list) else [] if labels is None else [labels]
    comments = document.get("Comments") or []
    if not isinstance(text, str) or not isinstance(comments, list):
        raise ValueError(f"expected text as text and Comments as a list, got {shown(text)}, {shown(comments)}")
    about = Line(place, text=text, note=as_text("\n".join(map(str, comments)), "Comments"), if_equal=None)
    beside = {**(document["meta"] if isinstance(document.get("meta"), dict) else {}), **document}
    if id_field is not None:
        about = replace(about, id=beside.get(id_field))
    approver = document.get("annotation_approver")
    if isinstance(approver, str):
        about = replace(about, annotator=as_text(approver, "annotation_approver"))
    own = _own(beside.get(PACK), about)
    if own and not labels and _written(own):
        yield deleted(own[-1], "doccano")
        return
    yield from own
    if own and labels == _written(own):
        return
    if own:
        about = replace(own[0], decision=Kind.RELABEL, if_equal=Kind.KEEP, note=about.note, annotator=None, time=None)
    if len(labels) == 1:
        yield replace(about, label=labels[0])
    elif labels:
        yield replace(about, label=None, problem=f"The document has {len(labels)} labels where one is expected.")


def _own(pack: Any, about: Line) -> list[Line]:
    if pack is None:
        return []
    try:
        return list(unpacked(json.loads(pack) if isinstance(pack, str) else pack, about))
    except RecursionError as error:
        raise ValueError(f"expected {PACK} as an export writes it, got {shown(pack)}") from error


def _written(own: list[Line]) -> list[Any]:
    return [] if own[-1].decision is Kind.UNSURE else [str(own[-1].label)]


def document_of(pack: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A document that doccano imports with its label: that of the last decision; none for unsure."""
    last = pack["decisions"][-1]
    labels = [] if last["decision"] == Kind.UNSURE.value else [str(last["corrected"])]
    return {"text": text, "label": labels, PACK: json.dumps(pack, ensure_ascii=False)}

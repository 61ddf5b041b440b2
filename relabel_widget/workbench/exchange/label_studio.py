"""Tasks of Label Studio: its JSON export, and JSON that it imports.

A task has ``data`` (the text, and whatever else was imported) and ``annotations``, each by one person. Of these,
results of the type ``choices`` are labels and ``textarea`` is a note; a task that was skipped is an annotation with
``was_cancelled``. ``meta`` is kept as it was imported; there an export puts what Label Studio has no place for.
Predictions and drafts are not decisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...arguments import shown
from ...journal import Kind
from .lines import PACK, Line, as_text, as_time, deleted, unpacked

_REGION = "relabel-"  # what an export calls its results, so that a changed one is seen


def is_task(record: Any) -> bool:
    """Whether it looks like a task."""
    return isinstance(record, dict) and isinstance(record.get("data"), dict)


def lines_of(task: Mapping[str, Any], place: str, id_field: str | None) -> Iterator[Line]:
    """The decisions on one task.

    Raises
    ------
    ValueError
        If it is no task as Label Studio writes it.
    """
    if not is_task(task) or not isinstance(_listing(task, "annotations"), list):
        raise ValueError(f"expected a task with data and annotations, got {shown(task)}")
    data = task["data"]
    about = Line(place, text=_text_of(data, id_field), if_equal=Kind.KEEP)
    if id_field is not None:
        about = replace(about, id=data.get(id_field))
    pack = task["meta"].get(PACK) if isinstance(task.get("meta"), dict) else None
    own = [] if pack is None else list(unpacked(pack, about))
    if own:
        about = replace(own[0], if_equal=Kind.KEEP)
    annotations = _listing(task, "annotations")
    news = [line for each in annotations if (line := _line(each, about, own)) is not None]
    gone = {} if any(not line.gone for line in news) else _deleted(annotations, own)
    yield from (line for line in own if line.annotator not in gone)
    yield from gone.values()
    yield from (line for line in news if not line.gone or not own)


def _text_of(data: Mapping[str, Any], id_field: str | None) -> str | None:
    """The field ``text``, or the longest one that is a text: if it is not the one, no training row has it."""
    texts = {name: value for name, value in data.items() if isinstance(value, str) and name != id_field}
    return texts.get("text", max(texts.values(), key=len, default=None))


def _line(annotation: Any, about: Line, own: list[Line]) -> Line | None:
    """What an annotation says; None where it is as an export wrote it."""
    if not isinstance(annotation, dict) or not isinstance(_listing(annotation, "result"), list):
        raise ValueError(f"expected an annotation with a list of results, got {shown(annotation)}")
    results = _results(annotation)
    cancelled = annotation.get("was_cancelled") is True
    chosen = [one for one in results if one.get("type") == "choices"]
    if _is_own(chosen, own, cancelled):
        return None
    notes = [_listed(one, "text") for one in results if one.get("type") == "textarea"]
    line = replace(
        about,
        annotator=_person(annotation.get("completed_by")),
        note=as_text("\n".join(str(text) for each in notes for text in each), "note"),
        time=as_time(annotation.get("updated_at") or annotation.get("created_at")),
    )
    labels = [label for one in chosen for label in _listed(one, "choices")]
    if cancelled:
        return replace(line, decision=Kind.UNSURE, label=None)
    if not labels:
        return replace(line, label=None, gone="The annotation has no label.")
    if len(labels) != 1:
        return replace(line, problem=f"The annotation has {len(labels)} choices where one label is expected.")
    return replace(line, decision=Kind.RELABEL, label=labels[0])


def _listing(record: Mapping[str, Any], name: str) -> Any:
    """A field that lists something; null stands for nothing, as if it were left out."""
    value = record.get(name)
    return [] if value is None else value


def _results(annotation: Mapping[str, Any]) -> list[Any]:
    return [one for one in _listing(annotation, "result") if isinstance(one, dict)]


def _is_own(chosen: list[Any], own: list[Line], cancelled: bool) -> bool:
    """Whether an export wrote an annotation, and nobody changed it since."""
    if cancelled:
        return not chosen and any(line.decision is Kind.UNSURE for line in own)
    return len(chosen) == 1 and any(
        chosen[0].get("id") == f"{_REGION}{place}" and _listed(chosen[0], "choices") == [str(line.label)]
        for place, line in enumerate(own)
    )


def _deleted(annotations: list[Any], own: list[Line]) -> dict[str | None, Line]:
    """By person, the decisions that an export wrote as annotations of which none is left."""
    left = [one.get("id") for each in annotations for one in _results(each)]
    skipped = any(each.get("was_cancelled") is True and not each.get("result") for each in annotations)
    last = {line.annotator: (place, line) for place, line in enumerate(own)}
    return {
        who: deleted(line, "Label Studio")
        for who, (place, line) in last.items()
        if (not skipped if line.decision is Kind.UNSURE else f"{_REGION}{place}" not in left)
    }


def _listed(result: Mapping[str, Any], name: str) -> list[Any]:
    value = result.get("value")
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else [] if found is None else [found]


def _person(completed_by: Any) -> str | None:
    """Their e-mail address or name, if the file has it."""
    if isinstance(completed_by, dict):
        names = [completed_by.get(name) for name in ("first_name", "last_name")]
        full = " ".join(name for name in names if isinstance(name, str) and name)
        email = completed_by.get("email")
        return as_text(email if isinstance(email, str) and email else full, "completed_by") or None
    known = isinstance(completed_by, int) and not isinstance(completed_by, bool)
    return f"Label Studio user {completed_by}" if known else None


def task_of(pack: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A task that Label Studio imports, with an annotation for each person's last decision.

    The labelling interface it is made for has ``<Text name="text" value="$text"/>`` and
    ``<Choices name="label" toName="text">``. Nobody is named as its author, because Label Studio refuses people whom it
    does not know.
    """
    last = {record["annotator"]: (place, record) for place, record in enumerate(pack["decisions"])}
    annotations = [_annotation(place, record) for place, record in last.values()]
    return {"data": {"text": text, "id": pack["id"]}, "meta": {PACK: pack}, "annotations": annotations}


def _annotation(place: int, record: Mapping[str, Any]) -> dict[str, Any]:
    unsure = record["decision"] == Kind.UNSURE.value
    choice = {
        "id": f"{_REGION}{place}",
        "from_name": "label",
        "to_name": "text",
        "type": "choices",
        "origin": "manual",
        "value": {"choices": [str(record["corrected"])]},
    }
    return {"result": [] if unsure else [choice], "was_cancelled": unsure, "ground_truth": False}

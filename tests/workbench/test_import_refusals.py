"""What an import refuses, and what it may not do."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_cases import IDS, TEXTS, Y, bench, outcomes

from relabel_widget.journal import JournalError
from relabel_widget.workbench.exchange import sources


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", "[" * 100_000, r"expected JSON, got .* in '.*x\.json'\. Export it again"),
        ("x.json", '[{"data": {"text": "a"}, "annotations": 3}]', "expected a task with data and annotations, got"),
        (
            "x.json",
            '[{"data": {}, "annotations": [7]}]',
            "expected an annotation with a list of results, got 7, in record 1",
        ),
        (
            "x.json",
            '[{"sentiment": "a", "text": "b"}]',
            r"expected an export of .*, got records with 'sentiment, text'",
        ),
        ("x.json", "7", r"expected an export of .*, got 7 in"),
        ("x.jsonl", "", r"expected an export of .*, got an empty file in"),
        ("x.jsonl", '{"text": "a", "label": []}\n{"text"', "expected JSON, got .* in 'line 2 of"),
        ("x.jsonl", '{"text": 5, "label": []}', "expected text as text and Comments as a list, got 5"),
        (
            "x.jsonl",
            '{"text": "a", "label": [], "relabel_widget": "{}"}',
            "expected relabel_widget as an export writes it",
        ),
        (
            "x.jsonl",
            '{"text": "a", "label": [], "relabel_widget": {"decisions": []}}',
            "expected row as a number and con",
        ),
        (
            "x.jsonl",
            '{"text": "a", "label": [], "relabel_widget": {"row": 1, "content": "", "decisions": [1]}}',
            "expected decisions as records in relabel_widget, got 1",
        ),
        (
            "x.jsonl",
            '{"text": "", "label": 1, "relabel_widget": {"row": 1, "content": "", "decisions": [{"decision": "no"}]}}',
            "expected a decision, one of adjudicate, keep, relabel, unsure, got 'no'",
        ),
        (
            "x.json",
            '[{"data": {}, "annotations": [{"result": [], "updated_at": "soon"}]}]',
            "expected a time as in .*, got 'soon'",
        ),
        ("x.csv", "a,b\n1,2\n", "expected the columns row, id, .* got a, b"),
        ("x.csv", "\udcff", "in UTF-8"),
        ("x.parquet", "PAR1", "is no whole Parquet file"),
        ("x.pkl", "", r"expected a path ending in \.csv, \.parquet, \.jsonl or \.json"),
    ],
)
def test_files_that_are_not_what_they_should_be(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_bytes(content.encode(errors="surrogateescape"))
    one = bench()
    with pytest.raises(ValueError, match=f"^import_decisions: .*{message}"):
        one.import_decisions(tmp_path / name)
    assert len(one.history()) == 0


def test_arguments_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    one = bench()
    with pytest.raises(FileNotFoundError, match=r"import_decisions: there is no file .*x\.csv"):
        one.import_decisions(tmp_path / "x.csv")
    with pytest.raises(TypeError, match=r"expected a path, a frame .*, an array of labels or a pair"):
        one.import_decisions({0: "praise"})
    with pytest.raises(TypeError, match=r"expected labels as a mapping such as \{'POS': 'praise'\}, got \['praise'\]"):
        one.import_decisions(Y, labels=["praise"])  # type: ignore[arg-type]
    for unknown in ("prase", None, ["praise"]):
        with pytest.raises(
            ValueError, match=r"expected labels to map to .* classes complaint, praise, got .* for 'POS'"
        ):
            one.import_decisions(Y, labels={"POS": unknown})
    with pytest.raises(TypeError, match='expected match as "row" or the name of a field, got 5'):
        one.import_decisions(Y, match=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='expected conflicts "skip" or "record", got \'ask\''):
        one.import_decisions(Y, conflicts="ask")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='expected format "labels", "label-studio" or "doccano", got \'xml\''):
        one.import_decisions(Y, format="xml")  # type: ignore[arg-type]
    one.close()
    with pytest.raises(JournalError, match="this workbench was closed"):
        one.import_decisions(np.where(Y == "praise", "complaint", Y))


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, packed = tmp_path / "x.jsonl", tmp_path / "x.parquet"
    path.write_text("{}" * 1000)
    pd.DataFrame({"text": ["a" * 100] * 1000}).to_parquet(packed)
    monkeypatch.setattr(sources, "LARGEST", 1500)
    for one in (path, packed):
        with pytest.raises(ValueError, match=r"expected at most 1,500 bytes, got [0-9,]+ in .* Split the file"):
            bench().import_decisions(one)


SHARED = bench()  # of which nothing is decided


CONTENTS = [bytes(one).ljust(16, b"\0").hex() for one in SHARED._decisions.journal.rows.contents]


digits = st.sampled_from([*CONTENTS, "0" * 32, "0" * 31, "g" * 32])


small = st.integers(-1, 3)


keys = st.one_of(digits, st.builds("{}:{}:{}:{}:{}".format, digits, small, small, small, digits), st.text(max_size=8))


things = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)


labels = st.sampled_from(["praise", "complaint"])


decision = {
    "decision": st.one_of(st.sampled_from(["relabel", "keep", "unsure", "adjudicate"]), things),
    "corrected": st.one_of(labels, things),
    "annotator": st.one_of(st.text(max_size=5), things),
    "note": st.one_of(st.text(max_size=5), things),
    "time": st.one_of(st.just("2026-01-01T00:00:00"), things),
}


pack = {
    "row": st.one_of(st.integers(-2, 9), things),
    "id": st.one_of(st.sampled_from(IDS), things),
    "content": st.one_of(keys, keys, things),
    "original": st.one_of(labels, things),
    "decisions": st.lists(st.fixed_dictionaries({}, optional=decision), max_size=2),
}


@given(
    kept=st.fixed_dictionaries(pack),
    text=st.sampled_from([*TEXTS, "new"]),
    label=st.one_of(labels, things),
    tool=st.sampled_from(["label-studio", "doccano"]),
    match=st.sampled_from([None, "row", "key"]),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_file_holds_is_taken_listed_or_refused_in_words(
    kept: Any, text: str, label: Any, tool: Any, match: str | None
) -> None:
    results = [{"type": "choices", "id": "relabel-0", "value": {"choices": label}}]
    annotation = {"result": results, "completed_by": label}
    task = {"data": {"text": text, "key": label}, "meta": {"relabel_widget": kept}, "annotations": [annotation]}
    document = {"text": text, "label": label, "key": label, "relabel_widget": kept}
    said, taken = "", None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.json"
        path.write_text(json.dumps([task if tool == "label-studio" else document]))
        try:
            taken = SHARED.import_decisions(path, format=tool, match=match, dry_run=True)
        except ValueError as error:
            said = str(error)
    if taken is None:
        assert said.startswith("import_decisions: expected ")
        assert len(said) < 1000
        return
    taken._repr_html_()
    content = kept["content"][:32] if isinstance(kept["content"], str) else ""
    for row, outcome in outcomes(taken):
        known = row is not None and (match == "row" or CONTENTS[row] == content or TEXTS[row] == text)
        assert known or outcome != "recorded"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="import_decisions: expected a file, got the folder"):
        bench().import_decisions(tmp_path)

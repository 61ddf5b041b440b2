"""Decisions come in from other tools and out again: on the right row or listed, as one action, or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import relabel_widget as rw
from relabel_widget.journal import JournalError
from relabel_widget.workbench.exchange import sources
from relabel_widget.workbench.workbench import Workbench

FOREIGN = Path(__file__).parent.parent / "foreign"
TEXTS = ["lovely tea", "cold soup", "warm room", "rude clerk", "twice said", "twice said", "kind guide", "dirty bus"]
Y = np.array(["praise", "complaint", "praise", "complaint", "complaint", "complaint", "praise", "complaint"])
IDS = [f"r{row:02}" for row in range(8)]
MODEL = make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-10)).fit(TEXTS, Y)
WAYS = [
    ("x.csv", None),
    ("x.jsonl", None),
    ("x.parquet", None),
    ("x.json", "label-studio"),
    ("y.jsonl", "doccano"),
]


def bench(annotator: str = "bo", ids: Any = IDS, **options: Any) -> Workbench:
    return Workbench(MODEL, TEXTS, Y, ["lovely bus", "cold tea"], annotator=annotator, ids=ids, **options)


def outcomes(result: rw.ImportedDecisions) -> list[tuple[Any, str]]:
    rows = [None if pd.isna(row) else int(row) for row in result.table["row"]]
    return list(zip(rows, result.table["outcome"], strict=True))


def state(one: Workbench) -> Any:
    """What everybody said of each row, without when it was written here."""
    said = one._decisions.state.standing
    return {
        row: [(s.event.kind, s.event.annotator, s.event.note, s.event.time, s.label, s.opinion) for s in each]
        for row, each in said.items()
    }


# --- other tools


def test_label_studio() -> None:
    one = bench()
    result = one.import_decisions(FOREIGN / "label_studio.json", dry_run=True)
    assert outcomes(result) == [
        (0, "recorded"),
        (1, "recorded"),
        (1, "recorded"),
        (2, "recorded"),
        (3, "not readable"),
        (3, "unknown label"),
        (None, "uncertain row"),
        (None, "no such row"),
    ]
    assert (result.rows, result.silent, result.dry_run) == ([0, 1, 2], 1, True)
    why = result.table["why"].tolist()
    assert why[4] == "The annotation has 2 choices where one label is expected."
    assert why[5].startswith("'mixed' is none of the classes complaint, praise. Say which one it is by labels=")
    assert why[6].startswith("2 training rows have this text.")
    assert why[7].startswith("No training row has this text.")
    assert len(one.history()) == 0
    assert len(one.decisions()) == 0
    done = one.import_decisions(FOREIGN / "label_studio.json")
    pd.testing.assert_frame_equal(done.table, result.table)
    table = one.decisions().set_index("row")
    assert table["decision"].to_dict() == {0: "relabel", 1: "relabel", 2: "unsure"}
    assert table.loc[0, ["annotator", "note"]].tolist() == ["eve@example.org", "meant as irony"]
    assert table.loc[0, "time"] == datetime(2026, 10, 2, 8, 16, 1, 500000, tzinfo=UTC)
    assert table.loc[1, ["annotator", "label"]].tolist() == ["Label Studio user 4", "praise"]
    assert one.conflicts()["annotator"].tolist() == ["Label Studio user 3", "Label Studio user 4"]
    assert one.conflicts()["decision"].tolist() == ["keep", "relabel"]
    assert one.history()["details"].tolist() == ["from label_studio.json"]
    assert one.next_undo == "event 1: import 3 rows, by bo"
    assert one.undo() == [0, 1, 2]
    assert len(one.decisions()) == 0
    one.redo()
    assert one.relabelled == [0, 1]


def test_ids_in_a_field_of_the_other_tool_tell_equal_texts_apart() -> None:
    one = bench()
    result = one.import_decisions(FOREIGN / "label_studio.json", match="review", labels={"mixed": "praise"})
    assert outcomes(result)[5:] == [(3, "recorded"), (5, "recorded"), (None, "no such row")]
    assert one.relabelled == [0, 1, 3, 5]
    with pytest.raises(ValueError, match=r"expected ids in the field 'key', as match= names it, got none in"):
        one.import_decisions(FOREIGN / "label_studio.json", match="key")


def test_an_id_whose_text_is_another_is_no_match() -> None:
    """The tool's texts were edited, or the ids are of other data."""
    shifted = Workbench(MODEL, TEXTS, Y, ["tea"], ids=[*IDS[1:], "r00"])
    result = shifted.import_decisions(FOREIGN / "doccano.jsonl", match="review")
    assert set(result.table["outcome"]) == {"no such row", "recorded"}
    assert result.rows == [] or [TEXTS[row] for row in result.rows] == ["twice said"]
    assert "has another text here" in result.table["why"].iloc[0]


def test_doccano() -> None:
    one = bench()
    result = one.import_decisions(FOREIGN / "doccano.jsonl", match="review", annotator="kim")
    assert outcomes(result) == [(0, "recorded"), (5, "recorded"), (3, "unknown label")]
    assert result.silent == 1  # the label that is the original one says nothing
    assert one.corrected_labels()[["row", "annotator", "note"]].to_numpy().tolist() == [
        [0, "kim", "irony"],
        [5, "kim", ""],
    ]
    again = one.import_decisions(FOREIGN / "doccano.jsonl", match="review", annotator="kim", labels={"POS": "praise"})
    assert outcomes(again) == [(0, "known"), (5, "known"), (3, "recorded")]
    old = bench().import_decisions(FOREIGN / "doccano_old.json")
    assert outcomes(old) == [(0, "recorded"), (2, "not readable")]
    assert old.table["annotator"][0] == "kim"


# --- arrays


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pl.Series])
def test_an_array_of_labels(kind: Callable[[Any], Any]) -> None:
    labels = Y.tolist()
    labels[3] = "praise"
    one = bench()
    assert outcomes(one.import_decisions(kind(labels))) == [(3, "recorded")]
    assert one.relabelled == [3]
    assert one.corrected_labels()["annotator"].tolist() == ["bo"]
    with pytest.raises(ValueError, match=r"expected one label for each of the 8 training rows, .* got shape \(7,\)"):
        one.import_decisions(kind(labels[:7]))


def test_labels_with_issues() -> None:
    labels, issues = Y.copy(), np.zeros(8, dtype=bool)
    labels[[1, 3]] = "praise"
    issues[[3, 6]] = True
    one = bench()
    result = one.import_decisions((labels, issues))
    assert list(zip(result.table["row"], result.table["decision"], strict=True)) == [(3, "relabel"), (6, "unsure")]
    by_number = bench()
    by_number.import_decisions((labels, [3, 6]))
    assert by_number.decisions()["decision"].tolist() == one.decisions()["decision"].tolist()
    with pytest.raises(ValueError, match=r"import_decisions: issues: expected a mask of shape \(8,\), got \(7,\)"):
        one.import_decisions((labels, issues[:7]))


def test_a_frame_of_cleanlab() -> None:
    frame = pd.DataFrame(
        {
            "is_label_issue": [False, True] + [False] * 6,
            "label_score": 0.5,
            "given_label": Y,
            "predicted_label": ["complaint"] + ["praise"] * 7,
        }
    )
    one = bench()
    assert one.import_decisions(frame).rows == [1]
    codes = frame.assign(given_label=(Y == "praise").astype(int), predicted_label=[0] + [1] * 7)
    assert bench().import_decisions(codes, labels={0: "complaint", 1: "praise"}).rows == [1]
    with pytest.raises(ValueError, match=r"expected given_label as the labels are here, got others in rows 0, 1, 2"):
        one.import_decisions(frame.assign(given_label=frame["given_label"].tolist()[::-1]))
    with pytest.raises(ValueError, match=r"expected the columns row, id, .* or is_label_issue and predicted_label"):
        one.import_decisions(frame[["label_score", "given_label"]])


# --- out and in again


def full(ids: Any = IDS) -> Workbench:
    one = bench("ada", ids)
    one.relabel(one.flip_set(0).rows, one.flip_set(0).labels, note="read it, 'twice'\n=1")
    one.relabel(4)  # one of two rows with the same text
    one.keep(6, note="fine")
    one.unsure(7)
    one._annotator = "eve"
    one.keep(4, note="no")
    one.adjudicate(6, "complaint", note="so be it")
    one.relabel(5)
    one.relabel(5)  # takes the mark off again
    one._annotator = "ada"
    return one


@pytest.mark.parametrize(("name", "format"), WAYS)
@pytest.mark.parametrize("ids", [IDS, None])
def test_all_decisions_come_back_as_they_were(tmp_path: Path, name: str, format: Any, ids: Any) -> None:
    one, back = full(ids), bench("kim", ids, store=tmp_path / "back.sqlite")
    path = one.export(tmp_path / name, decisions="all", format=format)
    result = back.import_decisions(path)
    assert set(result.table["outcome"]) == {"recorded"}
    assert state(back) == state(one)
    assert back.labels().tolist() == one.labels().tolist()
    pd.testing.assert_frame_equal(back.decisions(), one.decisions())
    again = back.import_decisions(path)
    assert set(again.table["outcome"]) == {"known"}
    assert len(back.history()) == 1
    back.undo()
    assert state(back) == {}
    back.redo()
    assert state(back) == state(one)
    back.close()
    with bench("kim", ids, store=tmp_path / "back.sqlite") as reopened:
        assert state(reopened) == state(one)


@pytest.mark.parametrize(("name", "format"), WAYS)
def test_corrected_labels_come_back(tmp_path: Path, name: str, format: Any) -> None:
    one, back = full(), bench("kim")
    back.import_decisions(one.export(tmp_path / name, format=format))
    pd.testing.assert_frame_equal(back.corrected_labels(), one.corrected_labels())


@pytest.mark.parametrize(("name", "format"), WAYS)
def test_what_was_exported_without_ids_finds_rows_that_have_some(tmp_path: Path, name: str, format: Any) -> None:
    one, back = full(None), bench("kim")
    back.import_decisions(one.export(tmp_path / name, decisions="all", format=format))
    assert state(back) == state(one)


def test_the_same_at_another_time_is_another_decision(tmp_path: Path) -> None:
    one, two = bench("ada"), bench("ada")
    one.keep(0)
    two.keep(0)
    path = one.export(tmp_path / "x.jsonl", decisions="all")
    assert outcomes(two.import_decisions(path)) == [(0, "recorded")]
    assert outcomes(two.import_decisions(path)) == [(0, "known")]


def test_a_table_comes_in_as_its_file_does(tmp_path: Path) -> None:
    one, back, polars = full(), bench("kim"), bench("kim")
    path = one.export(tmp_path / "x.parquet", decisions="all")
    back.import_decisions(rw.read_labels(path, provenance=True))
    polars.import_decisions(pl.read_parquet(path))
    assert state(back) == state(polars) == state(one)


def test_what_was_changed_in_label_studio_is_news_and_the_rest_is_not(tmp_path: Path) -> None:
    one = full()
    path = one.export(tmp_path / "x.json", decisions="all", format="label-studio")
    tasks = json.loads(path.read_text())
    assert [task["data"]["text"] for task in tasks] == [TEXTS[task["meta"]["relabel_widget"]["row"]] for task in tasks]
    (changed,) = (task for task in tasks if task["meta"]["relabel_widget"]["row"] == 7)
    assert changed["annotations"] == [{"result": [], "was_cancelled": True, "ground_truth": False}]
    choice = {"type": "choices", "from_name": "label", "to_name": "text", "value": {"choices": ["praise"]}}
    made = {"completed_by": {"email": "zoe@example.org"}, "updated_at": "2027-01-01T00:00:00Z", "result": [choice]}
    changed["annotations"].append(made)
    path.write_text(json.dumps(tasks))
    result = one.import_decisions(path)
    assert outcomes(result)[:-1] == [(row, "known") for row, _ in outcomes(result)[:-1]]
    assert outcomes(result)[-1] == (7, "conflict")
    assert result.table["why"].iloc[-1] == "Here ada decided: unsure."
    assert len(one.decisions().query("annotator == 'zoe@example.org'")) == 0
    one.import_decisions(path, conflicts="record")
    assert one.decisions().set_index("row").loc[7, ["decision", "annotator"]].tolist() == ["relabel", "zoe@example.org"]


def test_a_label_that_was_changed_in_doccano_is_news(tmp_path: Path) -> None:
    one = bench("ada")
    one.relabel(0, note="why")
    path = one.export(tmp_path / "x.jsonl", format="doccano")
    document = json.loads(path.read_text())
    assert (document["text"], document["label"]) == ("lovely tea", ["complaint"])
    path.write_text(json.dumps({**document, "id": 5, "label": ["praise"], "Comments": ["no"]}) + "\n")
    back = bench("kim")
    result = back.import_decisions(path)
    assert result.table["decision"].tolist() == ["relabel", "keep"]
    assert back.decisions()[["decision", "annotator", "note"]].to_numpy().tolist() == [["keep", "kim", "no"]]


# --- on the right row or listed


def test_an_older_export_needs_ids_or_a_word_on_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    head = "row,id,original,corrected,annotator,note,time\n"
    path.write_text(head + '1,"r01","complaint","praise","ada","",2026-01-01T00:00:00+00:00\n')
    assert list(rw.read_labels(path, provenance=True)) == head.strip().split(",")
    assert outcomes(bench().import_decisions(path)) == [(1, "recorded")]
    path.write_text(head + '1,1,"complaint","praise","ada","",2026-01-01T00:00:00+00:00\n')
    one = bench(ids=None)
    result = one.import_decisions(path)
    assert outcomes(result) == [(None, "no such row")]
    assert 'pass match="row"' in result.table["why"][0]
    assert outcomes(one.import_decisions(path, match="row")) == [(1, "recorded")]
    path.write_text(head + '0,0,"complaint","praise","ada","",2026-01-01T00:00:00+00:00\n9,9,"a","b","","",\n')
    assert outcomes(one.import_decisions(path, match="row")) == [(0, "original label differs"), (None, "no such row")]


def test_a_row_of_that_number_with_another_content_is_no_match(tmp_path: Path) -> None:
    one = bench("ada", None)
    one.relabel([1, 6])
    path = one.export(tmp_path / "x.csv")
    texts, labels = [*TEXTS[:6], *TEXTS[:5:-1]], [*Y[:6], *Y[:5:-1]]
    other = Workbench(MODEL, texts, labels, ["tea"])
    result = other.import_decisions(path, match="row")
    assert outcomes(result) == [(1, "recorded"), (None, "no such row")]
    assert result.table["why"][1] == "Row 6 has another content here."


@pytest.mark.parametrize("rest", [":5:1:1:", ":0:2:1:", ":1:1:2:", ":0:1:", ":x:1:1:", ":0:1:1:xyz", ":" * 9])
def test_a_content_that_no_export_writes_is_none(tmp_path: Path, rest: str) -> None:
    one = bench("ada", None)
    one.relabel(4)
    table = rw.read_labels(one.export(tmp_path / "x.csv"), provenance=True)
    digest = table["content"][0].partition(":")[0]
    result = bench(ids=None).import_decisions(table.assign(content=digest + rest))
    assert outcomes(result)[0][1] in {"no such row", "uncertain row"}


@st.composite
def changed_data(draw: st.DrawFn) -> tuple[list[str], list[str], list[str] | None]:
    """Next week's rows: some gone, some edited, some new, in another order, some with another label."""
    rows = draw(st.permutations(range(8)).map(lambda order: order[: draw(st.integers(4, 8))]))
    texts = [draw(st.sampled_from([TEXTS[row], TEXTS[row], TEXTS[row], "edited"])) for row in rows]
    labels = [draw(st.sampled_from([Y[row], Y[row], Y[row], "praise"])) for row in rows]
    ids = [IDS[row] for row in rows]
    new = draw(st.lists(st.sampled_from([*TEXTS, "new"]), max_size=2))
    texts, labels = [*texts, *new, "good", "bad"], [*labels, *(["praise"] * len(new)), "praise", "complaint"]
    return texts, labels, draw(st.sampled_from([[*ids, *(f"n{place}" for place in range(len(new) + 2))], None]))


@given(changed_data(), st.sampled_from(WAYS), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_decision_is_never_on_another_row(data: Any, way: tuple[str, Any], named: bool) -> None:
    texts, labels, ids = data
    one = full(IDS if named else None)
    with tempfile.TemporaryDirectory() as folder:
        path = one.export(Path(folder) / way[0], decisions="all", format=way[1])
        model = make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-10)).fit(texts, labels)
        other = Workbench(model, texts, labels, ["tea"], ids=ids)
        result = other.import_decisions(path)
    decided = one.decisions().set_index("row")
    for row, said in other.decisions().set_index("row").iterrows():
        alike = [place for place, text in enumerate(TEXTS) if text == texts[row] and Y[place] == labels[row]]
        if named and ids is not None:
            alike = [place for place in alike if IDS[place] == ids[row]]
        found = decided.loc[[place for place in alike if place in decided.index]]
        assert ((found["note"] == said["note"]) & (found["decision"] == said["decision"])).any()
    assert len(result.table) >= len(one._decisions.state.standing)


# --- what is refused, and what an import may not do


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
        ("x.jsonl", "", r"expected an export of .*, got None in"),
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


def test_a_conflict_with_what_is_decided_here_is_listed(tmp_path: Path) -> None:
    theirs, ours = bench("eve"), bench("ada")
    theirs.relabel([1, 3], note="theirs")
    theirs.keep(6)
    ours.keep(1, note="ours")
    ours.keep(6)
    path = theirs.export(tmp_path / "x.csv", decisions="all")
    result = ours.import_decisions(path)
    assert outcomes(result) == [(1, "conflict"), (3, "recorded"), (6, "recorded")]
    assert result.table["why"][0] == "Here ada decided: keep."
    assert ours.relabelled == [3]
    assert ours.agreement().n_rows == 1  # both kept row 6
    ours.import_decisions(path, conflicts="record")
    assert ours.conflicts()[["row", "annotator"]].to_numpy().tolist() == [[1, "ada"], [1, "eve"]]
    assert ours.relabelled == [1, 3]


def test_what_it_says_of_itself() -> None:
    one = bench()
    result = one.import_decisions(FOREIGN / "label_studio.json", dry_run=True)
    assert repr(result) == (
        "ImportedDecisions(4 recorded, 1 not readable, 1 unknown label, 1 uncertain row, 1 no such row; dry run, "
        "nothing written)"
    )
    page = result._repr_html_()
    assert "Would be recorded" in page
    assert "decisions on 3 rows" in page
    assert bench().import_decisions(Y).rows == []


def test_listeners_hear_of_an_import_and_of_no_dry_run() -> None:
    one, heard = bench(), list[str]()
    one.subscribe(heard.append)
    one.import_decisions(FOREIGN / "doccano.jsonl", dry_run=True)
    assert heard == []
    one.import_decisions(FOREIGN / "doccano.jsonl")
    assert heard == ["labels"]


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


# --- what would put a decision on another row


def test_a_frame_of_cleanlab_in_another_order_is_refused() -> None:
    codes = [1, 0, 1, 0, 0, 0, 1, 0]
    table = pd.DataFrame(
        {
            "is_label_issue": [row == 2 for row in range(8)],
            "label_quality": [0.9, 0.8, 0.01, 0.7, 0.6, 0.5, 0.4, 0.3],
            "given_label": codes,
            "predicted_label": [1, 0, 0, 0, 0, 0, 1, 0],
        }
    )
    called = {0: "complaint", 1: "praise"}
    assert outcomes(bench().import_decisions(table, labels=called)) == [(2, "recorded")]
    moved = table.sort_values("label_quality")
    for source in (moved, moved.drop(columns="given_label"), pd.Series(list(Y), index=range(7, -1, -1))):
        with pytest.raises(ValueError, match=r"got an index with 0 to 7 in another order. Call sort_index\(\) first"):
            bench().import_decisions(source, labels=called)
    with pytest.raises(ValueError, match=r"expected given_label as the labels are here, got others in row"):
        bench().import_decisions(moved.reset_index(drop=True), labels=called)


def test_the_text_of_a_task_is_looked_for_beside_the_field_of_ids(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"

    def write(**data: str) -> None:
        chosen = {"type": "choices", "value": {"choices": ["complaint"]}}
        path.write_text(json.dumps([{"data": data, "annotations": [{"result": [chosen]}]}]))

    write(review="lovely tea", source="web")
    assert outcomes(bench().import_decisions(path)) == [(0, "recorded")]
    write(rid="r01", review="lovely tea")
    result = bench().import_decisions(path, match="rid")
    assert outcomes(result) == [(None, "no such row")]
    assert result.table["why"][0] == "The row with id 'r01' has another text here."


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="import_decisions: expected a file, got the folder"):
        bench().import_decisions(tmp_path)

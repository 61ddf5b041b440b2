"""Decisions come in from other tools and out again, as one action."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from import_cases import FOREIGN, IDS, MODEL, TEXTS, WAYS, Y, bench, full, outcomes, state

import relabel_widget as rw
from relabel_widget.workbench.workbench import Workbench

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
    with pytest.raises(ValueError, match=r"issues: .* got 0 or 1 for each of the 8 rows\. Pass a mask as"):
        one.import_decisions((labels, issues.astype(int)))


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


@pytest.mark.parametrize("format", [None, "label-studio", "doccano"])
def test_an_export_of_nothing_has_no_decisions(tmp_path: Path, format: Any) -> None:
    path = tmp_path / "empty.json"
    path.write_text("[]\n")
    one = bench()
    result = one.import_decisions(path, format=format)
    assert (result.rows, result.silent, len(result.table)) == ([], 0, 0)
    assert repr(result) == "ImportedDecisions(the source has no decisions)"
    assert "Recorded" in result._repr_html_()
    assert len(one.history()) == 0
    assert one.import_decisions(bench().export(tmp_path / "none.json", format="label-studio")).rows == []


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

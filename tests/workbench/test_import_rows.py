"""Imported decisions come on the right row, or are listed; what another tool deleted does not come back."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_cases import IDS, MODEL, TEXTS, WAYS, Y, bench, full, outcomes, state
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import relabel_widget as rw
from relabel_widget.workbench.workbench import Workbench

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
    result = other.import_decisions(path, match="row", conflicts="skip")
    assert outcomes(result) == [(1, "recorded"), (None, "no such row")]
    assert result.table["why"][1] == "Row 6 has another content here."


def contradicted(path: Path, column: str) -> tuple[Any, Workbench]:
    """A file of three lines of which the last contradicts the row of its number."""
    head = "row,id,original,corrected,annotator,note,time\n"
    lines = [f"{row},{IDS[row]},complaint,praise,ada,,2026-01-01T00:00:00+00:00" for row in (1, 3, 5)]
    if column == "row":
        lines[2] = lines[2].replace("5,", "9,", 1)
    else:
        lines[2] = lines[2].replace(*{"id": ("r05", "r06"), "original": ("complaint,", "praise,")}[column])
    path.write_text(head + "\n".join(lines) + "\n")
    return path, bench()


@pytest.mark.parametrize("column", ["row", "id", "original"])
def test_a_file_whose_row_numbers_are_of_other_rows_is_refused(tmp_path: Path, column: str) -> None:
    """The lines that agreed by chance were recorded."""
    path, one = contradicted(tmp_path / "old.csv", column)
    words = r'match="row" says, got 2 lines that agree with the row of that number and 1 that contradicts it'
    for conflicts in (None, "record"):
        with pytest.raises(ValueError, match=rf'^import_decisions: .*{words} .*pass conflicts="skip" .* Nothing was'):
            one.import_decisions(path, match="row", conflicts=conflicts)  # type: ignore[arg-type]
    assert len(one.history()) == 0
    dry = one.import_decisions(path, match="row", dry_run=True)
    assert dry.counts()["held back"] == 2
    assert (dry.rows, "got 2 lines that agree" in dry.table["why"][0]) == ([], True)
    done = one.import_decisions(path, match="row", conflicts="skip")
    assert (done.rows, one.relabelled) == ([1, 3], [1, 3])
    again = one.import_decisions(path, match="row", dry_run=True)
    assert again.counts()["known"] == 2
    with pytest.raises(ValueError, match="got 2 lines that agree"):
        one.import_decisions(path, match="row")


def test_a_line_without_a_row_number_is_found_otherwise(tmp_path: Path) -> None:
    """Tasks that were added in the tool have no number of ours."""
    one = bench("ada")
    one.relabel(0)
    path = one.export(tmp_path / "x.json", format="label-studio")
    chosen = {"type": "choices", "value": {"choices": ["praise"]}}
    added = {"data": {"text": "rude clerk"}, "annotations": [{"result": [chosen]}]}
    path.write_text(json.dumps([*json.loads(path.read_text()), added]))
    assert outcomes(bench().import_decisions(path, match="row")) == [(0, "recorded"), (3, "recorded")]


# --- what another tool deleted


def changed_tasks(one: Workbench, path: Path, change: Callable[[Any], None]) -> Path:
    """An export for Label Studio as it comes back after a change of its tasks."""
    one.export(path, decisions="all", format="label-studio")
    tasks = json.loads(path.read_text())
    for task in tasks:
        change(task)
    path.write_text(json.dumps(tasks))
    return path


def emptied(task: Any) -> None:
    task["annotations"] = []


def nothing(task: Any) -> None:
    task["annotations"] = None


def null(task: Any) -> None:
    task["annotations"] = [{"result": None, "was_cancelled": False, "completed_by": 3} for _ in task["annotations"]]


def cleared(task: Any) -> None:
    task["annotations"] = [{"result": [], "was_cancelled": False, "completed_by": 3} for _ in task["annotations"]]


@pytest.mark.parametrize("change", [emptied, nothing, cleared, null])
def test_a_label_deleted_in_label_studio_does_not_come_back(tmp_path: Path, change: Callable[[Any], None]) -> None:
    """It came back as a decision of the one who had exported it."""
    one = bench("ada")
    one.keep(1)
    one.relabel(1, note="read again")
    one.unsure(2)
    path = changed_tasks(one, tmp_path / "x.json", change)
    back = bench("kim")
    dry = back.import_decisions(path, dry_run=True)
    assert outcomes(dry) == [(1, "no label"), (2, "no label")]
    assert dry.table["why"].tolist() == [
        "The export wrote 'praise' here; in Label Studio it was deleted, or was never imported.",
        "The export wrote unsure here; in Label Studio it was deleted, or was never imported.",
    ]
    assert back.import_decisions(path).rows == []
    assert (len(back.history()), state(back)) == (0, {})


def test_what_one_person_said_stays_where_that_of_another_is_deleted(tmp_path: Path) -> None:
    one = bench("ada")
    one.relabel(1)
    one._annotator = "eve"
    one.keep(1)

    def without_eve(task: Any) -> None:
        task["annotations"] = [each for each in task["annotations"] if each["result"][0]["id"] == "relabel-0"]

    back = bench("kim")
    result = back.import_decisions(changed_tasks(one, tmp_path / "x.json", without_eve))
    assert list(zip(result.table["annotator"], result.table["outcome"], strict=True)) == [
        ("ada", "recorded"),
        ("eve", "no label"),
    ]
    assert back.decisions()["annotator"].tolist() == ["ada"]


def test_a_label_that_was_skipped_in_label_studio_afterwards_is_unsure(tmp_path: Path) -> None:
    one = bench("ada")
    one.relabel(1)

    def skipped(task: Any) -> None:
        task["annotations"][0]["was_cancelled"] = True

    result = bench("kim").import_decisions(changed_tasks(one, tmp_path / "x.json", skipped))
    assert result.table["decision"].tolist() == ["relabel", "unsure"]


def test_a_label_deleted_in_doccano_does_not_come_back(tmp_path: Path) -> None:
    one = bench("ada")
    one.relabel([0, 1])
    one.unsure(2)
    path = one.export(tmp_path / "x.jsonl", decisions="all", format="doccano")
    documents = [json.loads(line) for line in path.read_text().splitlines()]
    assert [each["label"] for each in documents] == [["complaint"], ["praise"], []]
    documents[1]["label"] = []
    path.write_text("".join(f"{json.dumps(each)}\n" for each in documents))
    back = bench("kim")
    result = back.import_decisions(path)
    assert outcomes(result) == [(0, "recorded"), (1, "no label"), (2, "recorded")]
    assert back.decisions()["row"].tolist() == [0, 2]
    assert "The export wrote 'praise' here; in doccano it was deleted" in result.table["why"][1]


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

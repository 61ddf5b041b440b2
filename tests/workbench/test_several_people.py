"""Several people on one store: they see each other, undo their own, differ, and are told how far they agree."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score
from sklearn.pipeline import Pipeline
from workbench_cases import TEST, TRAIN, Y

from relabel_widget.workbench.opinions import krippendorff_alpha
from relabel_widget.workbench.workbench import Workbench

OTHER = {"praise": "complaint", "complaint": "praise"}


@pytest.fixture
def join(pipeline: Pipeline, tmp_path: Path) -> Iterator[Callable[[str], Workbench]]:
    made: list[Workbench] = []

    def joined(annotator: str) -> Workbench:
        made.append(Workbench(pipeline, TRAIN, Y, TEST, annotator=annotator, store=tmp_path / "store.sqlite"))
        return made[-1]

    yield joined
    for one in made:
        one.close()


def until(holds: Callable[[], bool], seconds: float = 2.0) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def test_what_one_decides_the_other_sees_within_two_seconds(join: Callable[[str], Workbench]) -> None:
    ada, bo = join("ada"), join("bo")
    heard: list[str] = []
    bo.subscribe(heard.append)
    bo.relabel(9)
    bo.verify()
    ada.relabel([3, 4], note="why")
    assert until(lambda: bo.relabelled == [3, 4, 9])
    assert until(lambda: heard == ["labels", "verification", "labels"])
    assert bo.verification is None
    assert bo.corrected_labels()["annotator"].tolist() == ["ada", "ada", "bo"]


def test_undo_is_ones_own_and_says_whose(join: Callable[[str], Workbench]) -> None:
    ada = join("ada")
    ada.relabel(3)
    eve = join("eve")
    with pytest.raises(ValueError, match=r"newest decision \(event 1\) was made by ada, and only they undo it"):
        eve.undo()
    assert (eve.can_undo, eve.next_undo) == (False, "")
    eve.relabel([4, 5])
    ada.refresh()
    assert (ada.next_undo, eve.next_undo) == ("event 1: relabel row 3, by ada", "event 2: relabel 2 rows, by eve")
    assert ada.undo() == [3]
    assert ada.relabelled == [4, 5]
    eve.refresh()
    assert eve.undo() == [4, 5]
    assert ada.redo() == [3]
    eve.refresh()
    assert eve.relabelled == [3]
    assert eve.history()["details"].tolist()[-3:] == ["takes back event 1", "takes back event 2", "brings back event 1"]


def test_people_without_a_name_undo_what_their_session_did(join: Callable[[str], Workbench]) -> None:
    first, second = join(""), join("")
    first.relabel(3)
    second.refresh()
    with pytest.raises(ValueError, match="made by somebody without a name in another session"):
        second.undo()
    second.relabel(4)
    assert second.next_undo == "event 2: relabel row 4, by this session"
    assert second.undo() == [4]
    assert first.undo() == [3]


def test_a_request_that_arrives_twice_acts_once(join: Callable[[str], Workbench]) -> None:
    ada = join("ada")
    for _ in range(2):
        assert ada.relabel(3, request="one") == [3]
    for _ in range(2):
        assert ada.relabel(4, request="two") == [4]
    for _ in range(2):
        assert ada.undo(request="three") == [4]
    for _ in range(2):
        assert ada.redo(request="four") == [4]
        assert ada.undo(request="five") == [4]
    assert ada.relabelled == [3]
    assert ada.history()["kind"].tolist() == ["relabel", "relabel", "undo", "redo", "undo"]
    with pytest.raises(TypeError, match="request: expected a string, got int"):
        ada.relabel(5, request=5)  # type: ignore[arg-type]


def test_two_who_decide_differently_are_in_conflict_until_somebody_adjudicates(
    join: Callable[[str], Workbench],
) -> None:
    ada, bo, eve = join("ada"), join("bo"), join("eve")
    ada.relabel([1, 2, 3], note="sarcasm")
    for one in (bo, eve):
        one.refresh()
    assert bo.relabel(1) == [1]  # back to the original: another opinion
    assert bo.relabel(2, OTHER[Y[2]]) == [2]  # the same opinion
    assert bo.relabel(2, OTHER[Y[2]]) == []
    bo.unsure(3)  # no opinion
    eve.refresh()
    table = eve.conflicts()
    assert table.columns.tolist() == ["row", "id", "original", "annotator", "decision", "label", "note", "time"]
    assert table["row"].tolist() == [1, 1]
    assert table["annotator"].tolist() == ["ada", "bo"]
    assert table["label"].tolist() == [OTHER[Y[1]], Y[1]]
    assert table["note"].tolist() == ["sarcasm", ""]
    assert eve.relabelled == [2]
    assert eve.adjudicate(1, OTHER[Y[1]], "ada is right") == [1]
    assert len(eve.conflicts()) == 0
    assert eve.relabelled == [1, 2]
    bo.refresh()
    bo.keep(1)
    eve.refresh()
    assert eve.conflicts()["annotator"].tolist() == ["ada", "bo"]
    bo.undo()
    eve.undo()
    assert len(eve.conflicts()) == 2


def test_who_takes_their_own_mark_off_has_no_opinion(join: Callable[[str], Workbench]) -> None:
    ada, bo = join("ada"), join("bo")
    ada.relabel(1)
    ada.relabel(1)
    bo.refresh()
    bo.relabel(1)
    assert len(bo.conflicts()) == 0
    assert bo.relabelled == [1]


def test_policies(join: Callable[[str], Workbench]) -> None:
    ada, bo, eve = join("ada"), join("bo"), join("eve")

    def rows(policy: Any) -> list[int]:
        return ada.corrected_labels(policy)["row"].tolist()

    ada.relabel([1, 2, 3, 4])
    bo.refresh()
    bo.relabel([1, 2, 4], [OTHER[Y[row]] for row in (1, 2, 4)])
    bo.keep(3)
    eve.refresh()
    eve.keep([1, 4], note="no")
    ada.refresh()
    assert rows("latest") == [2]
    assert rows("majority") == [1, 2, 4]
    assert rows("adjudicated") == [2]
    ada.adjudicate([3, 4], [OTHER[Y[3]], Y[4]], note="talked about it")
    assert rows("latest") == [2, 3]
    assert rows("majority") == [1, 2, 4]
    assert rows("adjudicated") == [2, 3]
    assert ada.corrected_labels("adjudicated")["note"].tolist() == ["", "talked about it"]
    assert ada.corrected_labels("majority")["annotator"].tolist() == ["bo", "bo", "bo"]
    with pytest.raises(ValueError, match="policy: expected one of latest, majority, adjudicated, got 'newest'"):
        rows("newest")


def test_an_export_follows_its_policy(join: Callable[[str], Workbench], tmp_path: Path) -> None:
    ada, bo = join("ada"), join("bo")
    ada.relabel([1, 2])
    bo.refresh()
    bo.keep(1)
    bo.export(tmp_path / "x.jsonl", policy="adjudicated")
    assert [int(row) for row in pd.read_json(tmp_path / "x.jsonl", lines=True)["row"]] == [2]


def test_agreement_is_that_of_scikit_learn_and_of_krippendorff(join: Callable[[str], Workbench]) -> None:
    people = [join(who) for who in ("ada", "bo", "eve")]
    rng = np.random.default_rng(0)
    said = np.full((3, 80), np.nan)
    for number, one in enumerate(people):
        one.refresh()
        for row in rng.choice(80, 25, replace=False).tolist():
            code = int(rng.integers(2))
            label = ["complaint", "praise"][code]
            if label == Y[row]:
                one.keep(row)
            else:
                one.relabel(row, label, note="so")
            said[number, row] = code
    found = people[-1].agreement()
    assert found.pairs[["first", "second"]].to_numpy().tolist() == [["ada", "bo"], ["ada", "eve"], ["bo", "eve"]]
    for line, (a, b) in zip(found.pairs.itertuples(), [(0, 1), (0, 2), (1, 2)], strict=True):
        both = ~np.isnan(said[[a, b]]).any(axis=0)
        assert line.n_rows == both.sum()
        assert line.n_agreed == (said[a, both] == said[b, both]).sum()
        assert line.kappa == pytest.approx(cohen_kappa_score(said[a, both], said[b, both]))
    assert found.n_rows == (np.sum(~np.isnan(said), axis=0) > 1).sum()
    krippendorff = pytest.importorskip("krippendorff")
    assert found.alpha == pytest.approx(krippendorff.alpha(reliability_data=said, level_of_measurement="nominal"))


def test_alpha_of_the_published_example() -> None:
    """Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: four observers, alpha 0.743."""
    none = None
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, none, none, none],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, none, 3],
        [none, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, none],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, none],
    ]
    units = [[value for value in unit if value is not None] for unit in zip(*table, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)
    assert np.isnan(krippendorff_alpha([[1, 1], [1, 1]]))
    assert np.isnan(krippendorff_alpha([]))


def test_agreement_without_two_labels_is_not_defined(join: Callable[[str], Workbench]) -> None:
    ada, bo = join("ada"), join("bo")
    rows = [row for row in range(80) if Y[row] == "praise"][:3]
    ada.keep(rows)
    bo.refresh()
    bo.keep(rows)
    found = bo.agreement()
    assert found.pairs["n_agreed"].tolist() == [3]
    assert found.pairs["kappa"].isna().all()
    assert np.isnan(found.alpha)

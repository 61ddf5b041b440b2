"""Decisions find their rows again in other data, or are listed: never do they sit on another row."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from relabel_widget.inputs import row_digests
from relabel_widget.journal import DECISIONS, Event, Journal, Kind, Rows, holds
from relabel_widget.journal.events import judged
from relabel_widget.workbench.carried import uncarried
from relabel_widget.workbench.workbench import Workbench

WORDS = ["lovely", "warm", "kind", "dirty", "cold", "rude"]


def texts_of(n: int) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(0)
    good = np.arange(n) % 2
    return [f"{WORDS[rng.integers(3) + 3 * (1 - g)]} text {row}" for row, g in enumerate(good)], good


TEXTS, Y = texts_of(40)
NAMES = np.array([f"r{row}" for row in range(40)])


def bench(texts: Any, y: Any, store: Path, **options: Any) -> Workbench:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, y)
    return Workbench(model, texts, y, ["lovely dirty text"], annotator="ada", store=store, **options)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with bench(TEXTS, Y, tmp_path / "store.sqlite", ids=NAMES) as first:
        first.relabel([3, 5], note="sarcasm")
        first.keep(8)
        first.unsure(9)
    return tmp_path / "store.sqlite"


def what(one: Workbench) -> dict[str, str]:
    table = one.decisions()
    return dict(zip(table["id"], table["decision"], strict=True))


DECIDED = {"r3": "relabel", "r5": "relabel", "r8": "keep", "r9": "unsure"}


def test_in_another_order_and_with_rows_added_decisions_carry_over(store: Path) -> None:
    order = np.random.default_rng(1).permutation(40)
    texts = ["new warm", *(TEXTS[row] for row in order), "new rude"]
    with bench(texts, [1, *Y[order], 0], store, ids=["n0", *NAMES[order], "n1"]) as again:
        assert what(again) == DECIDED
        assert len(again.carried_over) == 0
        assert sorted(again.train_text(row) for row in again.relabelled) == sorted([TEXTS[3], TEXTS[5]])
        again.undo()
    with bench(TEXTS, Y, store, ids=NAMES) as again:
        assert what(again) == {name: decision for name, decision in DECIDED.items() if name != "r9"}


def test_rows_that_are_gone_changed_or_renamed_are_listed(store: Path) -> None:
    texts, names = list(TEXTS), NAMES.copy()
    texts[3] = "another text"
    names[5] = "renamed"
    keep = [row for row in range(40) if row != 9]
    with bench([texts[row] for row in keep], Y[keep], store, ids=names[keep]) as again:
        assert what(again) == {"r8": "keep"}
        table = again.carried_over.set_index("id")
        assert table["decision"].to_dict() == {"r3": "relabel", "r5": "relabel", "r9": "unsure"}
        assert table["row"].dropna().to_dict() == {"r3": 3, "r5": 5}
        assert table.loc["r3", "what_happened"] == "The row with id 'r3' has another content now."
        assert table.loc["r3", "what_can_be_done"] == "Read row 3; to decide the same, call relabel(3, 0)."
        assert table.loc["r5", "what_happened"] == "No row has the id 'r5' any more; row 5 has the same content."
        assert table.loc["r9", "what_happened"].startswith(
            "No row has the id 'r9' any more (row 9 when it was decided)"
        )
        assert table.loc["r3", "note"] == "sarcasm"
        again.relabel(3, 0)
        assert "r3" not in again.carried_over["id"].tolist()
    with bench(TEXTS, Y, store, ids=NAMES) as again:
        assert what(again) == DECIDED


def test_labels_that_changed_upstream(store: Path) -> None:
    y = Y.copy()
    y[[3, 8]] = 1 - y[[3, 8]]
    with bench(TEXTS, y, store, ids=NAMES) as again:
        assert what(again) == {"r5": "relabel", "r9": "unsure"}
        assert again.labels()[[3, 8]].tolist() == y[[3, 8]].tolist()
        happened = again.carried_over.set_index("id")["what_happened"]
        assert happened["r3"] == f"The data has the label {y[3]} now, as was decided: already corrected."
        assert "a conflict" in happened["r8"]
        again.keep(8)
        assert again.carried_over["id"].tolist() == ["r3"]
        assert 3 not in again.suspects()["row"].tolist()


def test_a_label_that_is_no_class_any_more_is_listed(store: Path) -> None:
    named = np.array(["bad", "good"])[Y]
    with bench(TEXTS, named, store, ids=NAMES) as again:
        assert again.relabelled == []
        assert set(again.carried_over["id"]) == set(DECIDED)
        assert again.carried_over["what_happened"].str.contains("not one of the classes|a conflict").all()
        assert len(again.history()) == 3


@pytest.mark.parametrize("y", [Y.astype(str), Y.astype(float), Y.astype(np.int8)])
def test_labels_are_found_by_value_whatever_their_type(store: Path, y: np.ndarray) -> None:
    with bench(TEXTS, y, store, ids=NAMES) as again:
        assert what(again) == DECIDED
        assert again.corrected_labels()["original"].tolist() == y[[3, 5]].tolist()
        assert again.corrected_labels()["corrected"].astype(float).tolist() == (1.0 - Y[[3, 5]]).tolist()


def test_labels_that_sort_otherwise_as_texts_are_not_turned_round(tmp_path: Path) -> None:
    numbers = np.where(Y == 1, 10, 9)
    with bench(TEXTS, numbers, tmp_path / "store.sqlite") as first:
        first.relabel([3, 4])
        decided = first.labels()[[3, 4]]
    with bench(TEXTS, numbers.astype(str), tmp_path / "store.sqlite") as again:
        assert again.labels()[[3, 4]].tolist() == decided.astype(str).tolist()
        assert again.corrected_labels()["original"].tolist() == numbers[[3, 4]].astype(str).tolist()


def test_without_ids_the_content_is_the_identity(tmp_path: Path) -> None:
    with bench(TEXTS, Y, tmp_path / "store.sqlite") as first:
        first.relabel([3, 5])
    order = np.random.default_rng(2).permutation(40)
    with bench([TEXTS[row] for row in order], Y[order], tmp_path / "store.sqlite", ids=NAMES[order]) as again:
        assert sorted(again.train_text(row) for row in again.relabelled) == sorted([TEXTS[3], TEXTS[5]])
        again.relabel(again.relabelled, again.fit.y[again.relabelled], note="no")
        again.relabel(0)
    with bench(TEXTS, Y, tmp_path / "store.sqlite") as again:
        assert again.relabelled == [order[0]]


def test_equal_texts_are_told_apart_by_their_order_and_never_guessed(tmp_path: Path) -> None:
    texts, y = [*TEXTS, "same", "same", "same"], [*Y, 1, 1, 1]
    with bench(texts, y, tmp_path / "store.sqlite") as first:
        first.relabel(41)
    with bench(["new cold", *texts, "same"], [0, *y, 1], tmp_path / "store.sqlite") as again:
        assert again.relabelled == [42]
    for changed, labels in ((texts[:-1], y[:-1]), (texts, [*Y, 1, 1, 0])):
        with bench(changed, labels, tmp_path / "store.sqlite") as again:
            assert again.relabelled == []
            assert "cannot be told which one was meant" in again.carried_over.loc[0, "what_happened"]


def test_rows_of_equal_text_are_told_apart_by_their_features(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(20, 3))
    y = (X[:, 0] > 0).astype(int)

    def opened(order: Any) -> Workbench:
        X_, y_ = X[order], y[order]
        model = LogisticRegression().fit(X_, y_)
        return Workbench(model, X_, y_, X[:2], train_text=["image"] * 20, store=tmp_path / "store.sqlite")

    with opened(np.arange(20)) as first:
        first.relabel([4, 7])
    order = np.random.default_rng(3).permutation(20)
    with opened(order) as again:
        assert sorted(order[again.relabelled]) == [4, 7]


def test_content_is_the_same_in_whatever_holds_it() -> None:
    X = np.array([[0.0, 1.5, 2.0], [3.0, 0.0, -0.0], [0.0, 0.0, 0.0]])
    held = sparse.coo_array(X).tocsr()
    held.data = np.append(held.data, 0.0)
    expected = row_digests(X, 3).tolist()
    assert len(set(expected)) == 3
    for same in (sparse.csc_matrix(X), sparse.coo_array(X), X.astype(np.float32), np.asfortranarray(X)):
        assert row_digests(same, 3).tolist() == expected
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert row_digests(frame, 2).tolist() == row_digests(frame[["b", "a"]].astype({"a": float}), 2).tolist()
    assert row_digests(["x", "y"], 2).tolist() == row_digests(pd.Series(["x", "y"]), 2).tolist()
    assert row_digests(np.array(["x", "y"]), 2).tolist() == row_digests(pd.DataFrame({"t": ["x", "y"]}), 2).tolist()
    assert len(set(row_digests([1, "1", True, None, b"1", [1], {"a": 1}], 7).tolist())) == 7


def test_a_store_of_the_older_format_says_what_it_needs(tmp_path: Path, repository: Path) -> None:
    from older.make import workbench

    import relabel_widget as rw

    store = tmp_path / "decisions.sqlite"
    store.write_bytes((repository / "tests" / "older" / "decisions.sqlite").read_bytes())
    before = store.read_bytes()
    with pytest.raises(rw.JournalError, match=r"20 training rows instead of 40\. An older relabel_widget wrote it"):
        bench(TEXTS[:20], Y[:20], store)
    assert store.read_bytes() == before
    with pytest.warns(rw.StoreWarning, match=r"kept no texts or features.* edited since, look through Workbench\.deci"):
        migrated = workbench(rw, store)
    with migrated:
        assert migrated.relabelled == [3, 5, 8]
        X, y = np.asarray(migrated._training.rows), migrated.fit.y
    order = np.random.default_rng(4).permutation(40)
    model = LogisticRegression(C=2.0).fit(X[order], y[order])
    ids = [f"r{row:02d}" for row in order]
    with Workbench(model, X[order], y[order], X[:3], ids=ids, store=store) as moved:
        assert sorted(order[moved.relabelled]) == [3, 5, 8]
        assert len(moved.history()) == 7


# --- a week of changes


@dataclass(frozen=True)
class Row:
    key: int
    text: str
    label: int


LABELS = ("ham", "spam", "other")
CHANGES = st.lists(
    st.tuples(st.sampled_from(["shuffle", "insert", "remove", "relabel", "edit", "twin"]), st.integers(0, 10**6)),
    max_size=6,
)
DAYS = st.lists(
    st.tuples(CHANGES, st.booleans(), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 4)), max_size=4)),
    min_size=2,
    max_size=5,
)


def changed(data: list[Row], changes: list[tuple[str, int]], keys: list[int]) -> list[Row]:
    data = list(data)
    for change, seed in changes:
        place = seed % len(data)
        row = data[place]
        if change == "shuffle":
            data = [data[each] for each in np.random.default_rng(seed).permutation(len(data))]
        elif change in {"insert", "twin"}:
            keys.append(len(keys))
            text = row.text if change == "twin" else f"text {keys[-1]}"
            data.insert(place, Row(keys[-1], text, row.label))
        elif change == "remove" and len(data) > 3:
            del data[place]
        elif change == "relabel":
            data[place] = replace(row, label=(row.label + 1 + seed % 2) % 3)
        elif change == "edit":
            data[place] = replace(row, text=f"edited {seed}" if seed % 3 else data[0].text)
    return data


def opened(data: list[Row], named: bool, store: Path) -> Journal:
    ids = np.array([f"id {row.key}" for row in data]) if named else None
    codes = np.array([row.label for row in data])
    texts = [row.text for row in data]
    return Journal(Rows(lambda: row_digests(texts, len(texts)), None, ids, np.array(LABELS), codes), store)


def decide(journal: Journal, place: int, decision: int) -> Event:
    mark = journal.state.overlay.get(place)
    original = int(journal.rows.codes[place])
    before = original if mark is None else mark.code
    kind = (Kind.RELABEL, Kind.RELABEL, Kind.RELABEL, Kind.KEEP, Kind.UNSURE)[decision]
    after = decision if kind is Kind.RELABEL else original
    return journal.append(judged(kind, (place,), (before,), (after,), note="n", annotator="ada"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(days=DAYS)
def test_a_week_of_changes(days: list[tuple[list[tuple[str, int]], bool, list[tuple[int, int]]]]) -> None:
    """Each decision sits on the row it was made about, or is listed."""
    data = [Row(key, f"text {key}", key % 3) for key in range(5)]
    keys = list(range(5))
    made: list[tuple[Row, bool, int]] = []  # the row, whether ids were given, how many rows had its text
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        for changes, named, decisions in days:
            data = changed(data, changes, keys)
            if store.exists() and not any(known(row, named, data) for row in made):
                break  # it may be refused as other data, and nothing can be wrong with it
            journal = opened(data, named, store)
            check(journal, data, named, made)
            for seed, decision in decisions:
                row = data[seed % len(data)]
                decide(journal, seed % len(data), decision)
                made.append((row, named, sum(other.text == row.text for other in data)))
            check(journal, data, named, made)
            journal.close()


def known(one: tuple[Row, bool, int], named: bool, data: list[Row]) -> bool:
    """Whether something of a row that was decided about is still there."""
    row, were_named, _ = one
    return any(other.text == row.text or (named and were_named and other.key == row.key) for other in data)


def check(journal: Journal, data: list[Row], named: bool, made: list[tuple[Row, bool, int]]) -> None:
    events = [event for event in journal.events() if event.kind in DECISIONS]
    assert len(events) == len(made)
    for event, (row, were_named, alike) in zip(events, made, strict=True):
        (place,) = event.rows
        same_text = [other for other in data if other.text == row.text]
        by_id = named and were_named
        if place >= 0:
            found = data[place]
            assert found.text == row.text
            assert found.key == row.key or not by_id
            assert by_id or found.label == row.label or (len(same_text) == alike == 1)
        elif by_id:
            assert not any(other.key == row.key for other in same_text)
        else:
            assert not (len(same_text) == alike == 1)
        assert LABELS[event.original[0]] == LABELS[row.label]
    listed = len(uncarried(journal.state, journal.rows))
    unlisted = 0
    for row, said in journal.state.standing.items():
        last = said[-1]
        in_force = row >= 0 and last.original == data[row].label
        assert in_force or row < 0 or row not in journal.state.overlay
        if in_force:
            assert holds(last, row, journal.rows.codes)
            mark = journal.state.overlay.get(row)
            assert (data[row].label if mark is None else mark.code) == last.label
            unlisted += 1
        elif last.opinion is None and last.event.kind is Kind.RELABEL:
            unlisted += 1  # a mark that was taken off says nothing any more
        elif row < 0 and journal.rows.lost[-1 - row].row >= 0:
            listed += is_superseded(journal, row, last.event.seq)
    assert listed + unlisted == len(journal.state.standing)


def is_superseded(journal: Journal, row: int, seq: int) -> bool:
    lost = journal.rows.lost[-1 - row]
    later = journal.state.standing.get(lost.row, ())
    return lost.why.name in {"CHANGED", "RENAMED"} and bool(later) and later[-1].event.seq > seq


def test_an_equal_row_that_was_there_all_along_is_no_successor(tmp_path: Path) -> None:
    """A row is gone, and another of the same text, with its own id and a later decision, stays."""
    texts = ["poor", "poor", "good film", "bad film", "awful"]
    labels, ids = list("baabb"), ["i4", "i7", "x", "y", "z"]
    path = tmp_path / "s.sqlite"
    with bench(texts, labels, path, ids=ids) as one:
        one.relabel(0, "a", note="u4")
        one.relabel(1, "b", note="u7")
    with bench(texts[1:], labels[1:], path, ids=ids[1:]) as one:
        assert one.decisions()["note"].tolist() == ["u7"]
        assert one.carried_over["note"].tolist() == ["u4"]
        assert "No row has the id 'i4' any more" in one.carried_over["what_happened"][0]

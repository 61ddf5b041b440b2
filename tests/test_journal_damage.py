"""A damaged store is read up to the last good event, and never opens with other decisions."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from journal_cases import damaged, opened, overlay, rows, swap

from relabel_widget.journal import JournalError
from relabel_widget.journal.records import Record, restored


@pytest.mark.parametrize(
    ("statement", "good"),
    [
        ("UPDATE relabel_events SET body = replace(body, 'why', 'who') WHERE seq = 3", 2),
        ("UPDATE relabel_events SET time = '2026-01-01T00:00:00+00:00' WHERE seq = 2", 1),
        ("UPDATE relabel_events SET seq = 9 WHERE seq = 4", 3),
        ("DELETE FROM relabel_events WHERE seq = 4", 3),
        ("DELETE FROM relabel_events WHERE seq > 2", 2),
        ("UPDATE relabel_store SET digest = 'x'", 4),
        ("DELETE FROM relabel_store", 4),
        ("UPDATE relabel_store SET last = 0, digest = ''", 4),
        ("UPDATE relabel_store SET (last, digest) = (SELECT seq, digest FROM relabel_events WHERE seq = 2)", 4),
    ],
)
def test_a_damaged_store_is_read_up_to_the_last_good_event(tmp_path: Path, statement: str, good: int) -> None:
    store = tmp_path / "store.sqlite"
    journal = opened(store)
    for row in range(4):
        journal.append(swap(row, note="why"))
    journal.close()
    damaged(store, statement)
    again = opened(store)
    assert again.events() == journal.events()[:good]
    assert f"Its first {good} events are as they were written and count here" in again.trouble
    before = store.read_bytes()
    again.append(swap(5))
    assert "1 event is kept in memory only; write them to a new place" in again.trouble
    again.close()
    assert store.read_bytes() == before


NAME = [None, "00" * 16, "", "ham", 0, 1, 1]
BODY = {"annotator": "ada", "rows": [0], "names": [NAME], "before": ["ham"], "after": ["spam"], "note": ""}
ODD_NAMES = [
    NAME[:5],
    [None, "zz" * 16, *NAME[2:]],
    [None, "00", *NAME[2:]],
    [*NAME[:4], 3, 1, 1],
    [*NAME[:3], {}, 0, 1, 1],
]
ODD = {
    "no annotator": {"rows": [0], "names": [NAME], "before": ["ham"], "after": ["spam"]},
    "no rows": {"annotator": "ada", "note": "x"},
    "fewer labels than rows": {**BODY, "after": []},
    "fewer rows than names": {**BODY, "rows": []},
    "a label that is none": {**BODY, "after": [["spam"]]},
    "a note that is a number": {**BODY, "note": 3},
    "half a character": {**BODY, "note": "\ud800"},
    "a row that is a text": {**BODY, "rows": ["first"]},
    "a list": [BODY],
    **{f"name {number}": {**BODY, "names": [name]} for number, name in enumerate(ODD_NAMES)},
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
@pytest.mark.parametrize("is_open", [False, True])
def test_an_event_of_another_shape_is_no_riddle(tmp_path: Path, body: object, is_open: bool) -> None:
    """Another tool wrote it, and knew the digests: what came before it counts."""
    store = tmp_path / "store.sqlite"
    journal = opened(store)
    journal.append(swap(1))
    writer = opened(store)
    assert writer._store is not None
    draft = Record(0, "other-1", datetime.now(UTC).isoformat(), "relabel", json.dumps(body))
    last = writer._records[-1]
    writer._store.exchange(last.seq, last.digest, [draft, draft._replace(uid="other-2")], "[]")
    if is_open:
        journal.append(swap(2))
        assert "1 event is kept in memory only" in journal.trouble
        assert overlay(journal.state) == {1: 0, 2: 1}
    else:
        journal.close()
        journal = opened(store)
        assert overlay(journal.state) == {1: 0}
        assert "Its first 1 events are as they were written and count here" in journal.trouble
    assert "expected event 2 to be one of relabel, undo," in journal.trouble
    assert "nothing is written to it any more" in journal.trouble.lower()
    for one in (journal, writer):
        one.close()


@pytest.mark.parametrize(
    ("kind", "time", "body"),
    [
        ("undo", "2026-01-01T00:00:00+00:00", BODY),
        ("export", "2026-01-01T00:00:00+00:00", {"annotator": "", "details": {"path": ["x"]}}),
        ("export", "2026-01-01T00:00:00+00:00", {"annotator": "", "details": [1]}),
        ("undo", "2026-01-01T00:00:00+00:00", {"annotator": "", "target": 3}),
        ("relabel", "2026-01-01T00:00:00", BODY),
        ("relabel", "yesterday", BODY),
    ],
)
def test_an_event_that_only_looks_right_is_refused(kind: str, time: str, body: object) -> None:
    with pytest.raises(JournalError, match=r"expected event 4 to be one of relabel, undo, .* backup"):
        restored([Record(4, "x", time, kind, json.dumps(body))], rows())


def test_a_body_without_an_end_is_refused() -> None:
    for body in ("[" * 100_000, json.dumps(BODY) + " {}"):
        with pytest.raises(JournalError, match="expected event 4 to be one of relabel"):
            restored([Record(4, "x", "2026-01-01T00:00:00+00:00", "relabel", body)], rows())


def test_a_store_without_a_good_decision_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    journal = opened(store)
    journal.append(swap(1, note="why"))
    journal.close()
    damaged(store, "UPDATE relabel_events SET body = replace(body, 'why', 'who')")
    with pytest.raises(JournalError, match=r"is damaged: after event 0 .* No decision before that can be read"):
        opened(store)


def test_damage_that_comes_while_it_is_open_stops_all_writing(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    one, two = opened(store), opened(store)
    one.append(swap(1))
    damaged(store, "UPDATE relabel_events SET kind = 'keep'")
    two.append(swap(2))
    assert "is damaged: after event 0" in two.trouble
    assert overlay(two.state) == {2: 1}
    assert "Nothing is written to it any more." in two.trouble


@pytest.mark.parametrize("how", ["changed", "truncated"])
def test_no_damaged_file_opens_with_other_decisions(tmp_path: Path, how: str) -> None:
    """8 of 200 stores with three changed bytes did."""
    store = tmp_path / "store.sqlite"
    journal = opened(store)
    for number in range(30):
        journal.append(swap(number % 6, note=f"note {number}" * (number % 7), annotator=random.choice("ab")))  # noqa: S311
    journal.close()
    whole, events = store.read_bytes(), journal.events()
    rng = random.Random(how)  # noqa: S311 - seeded, for a test
    read, refused = 0, 0
    for _ in range(200):
        if how == "changed":
            content = bytearray(whole)
            for _ in range(3):
                content[rng.randrange(len(whole))] = rng.randrange(256)
        else:
            content = bytearray(whole[: rng.randrange(len(whole))])
        other = tmp_path / "damaged.sqlite"
        for name in ("damaged.sqlite-wal", "damaged.sqlite-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        other.write_bytes(content)
        try:
            again = opened(other)
        except JournalError:
            refused += 1
            continue
        found = again.events()
        again.close()
        assert found == events[: len(found)]
        assert len(found) == len(events) or again.trouble
        read += 1
    assert read + refused == 200
    assert refused > 0

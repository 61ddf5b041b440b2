"""Events add up to the state that people see."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from journal_cases import CODES, ITEMS, done, folded, numbered, opened, overlay, rows, swap

from relabel_widget.journal import Event, Imported, JournalError, Kind, State, fold
from relabel_widget.journal.events import check_text, exported, imported, judged, relabelled, step, verified
from relabel_widget.journal.records import Record, restored

# --- the fold


def test_nothing_adds_up_to_nothing() -> None:
    assert folded() == State()
    assert overlay(folded()) == {}


def test_a_mark_carries_who_why_and_when() -> None:
    (event,) = numbered(swap(2, note="sarcasm"))
    mark = fold([event], CODES).overlay[2]
    assert (mark.original, mark.code) == (0, 1)
    assert (mark.annotator, mark.note, mark.time) == ("ada", "sarcasm", event.time)


def test_back_to_the_original_label_leaves_no_mark() -> None:
    assert overlay(folded(swap(2), swap(2, before=1))) == {}


def test_undo_brings_back_the_mark_that_was_there() -> None:
    first, second = swap(2, note="first"), relabelled((2,), (1,), (1,), note="second", annotator="bo")
    state = folded(first, second, step(Kind.UNDO, "2", annotator="bo"))
    assert (state.overlay[2].note, state.overlay[2].annotator) == ("first", "ada")
    assert (done(state), done(state, "bo")) == ([1], [])
    assert [event.seq for event in state.undone["bo"]] == [2]


def test_redo_puts_a_decision_back_where_it_was() -> None:
    """Somebody else's decision that came after it still counts."""
    mine, theirs = swap(2, annotator="ada"), relabelled((2,), (1,), (0,), note="", annotator="bo")
    back, forth = step(Kind.UNDO, "1", annotator="ada"), step(Kind.REDO, "1", annotator="ada")
    assert overlay(folded(mine, theirs)) == {}
    assert overlay(folded(mine, theirs, back, forth)) == {}
    assert folded(mine, theirs, back, forth).standing == folded(mine, theirs).standing
    assert overlay(folded(mine, back)) == {}
    assert overlay(folded(mine, back, forth)) == {2: 1}


def test_an_import_is_one_decision_of_its_annotator_about_decisions_of_others() -> None:
    brought = imported((1, 1), (1, 1), (0, 1), ITEMS, source="x.csv", annotator="bo")
    state = folded(swap(3, annotator="eve"), brought)
    said = state.standing[1]
    assert [(one.event.kind, one.event.annotator, one.event.note) for one in said] == [item[:3] for item in ITEMS]
    assert said[0].event.time == ITEMS[0].time
    assert said[1].event.time == datetime(2026, 1, 3, tzinfo=UTC)  # not known elsewhere: that of the import
    assert state.decision(1) == "unsure"
    assert (done(state, "eve"), done(state, "bo")) == ([1], [2])
    steps = [step(kind, "2", annotator="bo") for kind in (Kind.UNDO, Kind.REDO)]
    assert folded(swap(3, annotator="eve"), brought, steps[0]).standing.keys() == {3}
    assert folded(swap(3, annotator="eve"), brought, *steps) == state


def test_a_new_decision_ends_ones_own_redo_and_nobody_elses() -> None:
    back = [step(Kind.UNDO, str(seq), annotator=who) for seq, who in ((1, "ada"), (2, "bo"))]
    state = folded(swap(2), swap(3, annotator="bo"), *back, swap(4))
    assert "ada" not in state.undone
    assert [event.seq for event in state.undone["bo"]] == [2]


def test_a_step_that_comes_twice_is_taken_once() -> None:
    back = step(Kind.UNDO, "2", annotator="ada")
    once, twice = folded(swap(2), swap(3), back), folded(swap(2), swap(3), back, back)
    assert once == twice
    assert overlay(once) == {2: 1}
    assert folded(step(Kind.REDO, "7", annotator="ada")) == State()


def test_verifications_and_exports_change_no_labels() -> None:
    told = (verified({"n_flipped": 1}, annotator=""), exported("x.csv", 1, annotator=""))
    assert folded(swap(1), *told) == folded(swap(1))


def test_the_fold_is_that_of_a_list_of_decisions() -> None:
    """Oracle: each person's decisions in lists, labels worked out from all of them. Also: at once or one by one."""
    rng = random.Random(0)  # noqa: S311 - seeded, for a test
    people = ("ada", "bo", "eve")
    made: dict[int, Event] = {}
    stacks = {who: ([], []) for who in people}
    events: list[Event] = []
    state = State()
    for seq in range(1, 500):
        who = rng.choice(people)
        past, future = stacks[who]
        kind = rng.choice(["relabel", "import", "relabel", "undo", "redo"])
        if kind == "undo" and past:
            event = step(Kind.UNDO, str(past[-1]), annotator=who)
            future.append(past.pop())
        elif kind == "redo" and future:
            event = step(Kind.REDO, str(future[-1]), annotator=who)
            past.append(future.pop())
        else:
            chosen = tuple(rng.sample(range(6), rng.randint(1, 3)))
            before = tuple(overlay(state).get(row, int(CODES[row])) for row in chosen)
            event = relabelled(chosen, before, tuple(rng.randint(0, 1) for _ in chosen), note="", annotator=who)
            past.append(seq)
            future.clear()
            made[seq] = event
            if kind == "import":
                rows_, codes = (*chosen, *chosen), tuple(rng.randint(0, 1) for _ in range(2 * len(chosen)))
                items = tuple(Imported(Kind.RELABEL, rng.choice(people), "", None) for _ in rows_)
                made[seq] = event = imported(rows_, before * 2, codes, items, source="x.csv", annotator=who)
        original = tuple(int(CODES[row]) for row in event.rows)
        event = event._replace(seq=seq, uid=str(seq), time=datetime(2026, 1, 1, tzinfo=UTC), original=original)
        events.append(event)
        earlier = dict(state.standing)
        following = fold([event], CODES, state)
        assert dict(state.standing) == earlier
        state = following
        labels = CODES.tolist()
        for standing in sorted(number for past, _ in stacks.values() for number in past):
            for row, code in zip(made[standing].rows, made[standing].after, strict=True):
                labels[row] = code
        assert [overlay(state).get(row, int(CODES[row])) for row in range(6)] == labels
    assert fold(events, CODES) == state


# --- events


def test_notes_and_annotators_are_strings_of_unicode() -> None:
    with pytest.raises(TypeError, match=r"note: expected a string, got int\. Pass str\(note\)"):
        judged(Kind.KEEP, (1,), (0,), (0,), note=3, annotator="")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"annotator: expected text .* surrogate pair at character 1"):
        check_text("annotator", "a\ud800")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("vote", "{}"),
        ("relabel", "[1]"),
        ("relabel", "{"),
        ("relabel", "7"),
        ("import", '{"items": [["vote", "", "", null]], "names": [1]}'),
        ("import", '{"items": [["keep", "", "", null]], "names": []}'),
    ],
)
def test_what_we_did_not_write_is_not_read(kind: str, text: str) -> None:
    with pytest.raises(JournalError, match=r"expected event 4 to be one of relabel, undo, .* backup"):
        restored([Record(4, "x", "2026-01-01T00:00:00+00:00", kind, text)], rows())


def test_what_is_no_number_is_not_written(tmp_path: Path) -> None:
    journal = opened(tmp_path / "store.sqlite")
    with pytest.raises(ValueError, match="JSON compliant"):
        journal.append(verified({"log_loss_after": float("nan")}, annotator=""))
    assert journal.events() == ()
    assert journal.append(swap(1)).seq == 1

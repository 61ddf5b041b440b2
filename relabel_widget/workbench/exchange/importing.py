"""What an import would do, line by line, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._typing import AnyArray
from ...arguments import shown
from ...facts import clip, plural
from ...files.cards import card, several
from ...journal import Imported, Kind, Rows, Said, State
from ...journal.identity import plain, value_text
from .lines import Line, Source
from .matching import NoRow

if TYPE_CHECKING:
    import pandas as pd

RECORDED, KNOWN, CONFLICT, HELD_BACK, CHANGED, DELETED, NO_LABEL, NO_ROW, UNCERTAIN, UNREADABLE = (
    "recorded",
    "known",
    "conflict",
    "held back",
    "original label differs",
    "no label",
    "unknown label",
    "no such row",
    "uncertain row",
    "not readable",
)


@dataclass(frozen=True, eq=False)
class ImportedDecisions:
    """What `Workbench.import_decisions` did, or would do.

    Attributes
    ----------
    table
        A line for each decision of the source: ``place, row, id, outcome, decision, label, now, annotator, note, time,
        why``. ``outcome`` is ``recorded``, ``known`` (it is here already), ``conflict`` (the row was decided
        differently here), ``held back`` (other lines contradict the rows of their numbers), ``original label differs``,
        ``no label`` (it was deleted in the other tool), ``unknown label``, ``no such row``, ``uncertain row`` or ``not
        readable``. ``now`` is the row's label before the import, ``row`` missing where none was found.
    rows
        Training rows of which something was recorded, or would be, sorted.
    silent
        Rows of the source that say nothing: without a label, or never annotated.
    dry_run
        Whether nothing was written.
    """

    table: pd.DataFrame
    rows: list[int]
    silent: int
    dry_run: bool

    def counts(self) -> dict[str, int]:
        """How many lines of each outcome there are, the most frequent first."""
        return {str(name): int(number) for name, number in self.table["outcome"].value_counts().items()}

    def __repr__(self) -> str:
        said = ", ".join(f"{number:,} {name}" for name, number in self.counts().items())
        said = said or "the source has no decisions"
        return f"ImportedDecisions({said}{'; dry run, nothing written' if self.dry_run else ''})"

    def _repr_html_(self) -> str:
        left = {name: number for name, number in self.counts().items() if name != RECORDED}
        facts = {
            "Would be recorded" if self.dry_run else "Recorded": f"decisions on {plural(len(self.rows), 'row')}",
            "Not recorded": ", ".join(f"{number:,} {name}" for name, number in left.items()) or "none",
            "Without a decision": plural(self.silent, "row"),
        }
        listed = self.table.sort_values("outcome", key=lambda column: column == RECORDED, kind="stable")
        return card("Imported decisions", facts.items(), listed)


class _Planned(NamedTuple):
    line: Line
    row: int
    code: int
    outcome: str
    why: str


@dataclass(frozen=True, eq=False)
class Plan:
    """What each line of a source is to the workbench.

    Attributes
    ----------
    planned
        The lines with their rows (-1 for none), class codes (-1 for none) and outcomes.
    """

    planned: Sequence[_Planned]

    def recorded(self) -> list[_Planned]:
        """The decisions to write down, in the order of the source."""
        return [one for one in self.planned if one.outcome == RECORDED]

    def contradiction(self) -> str:
        """In words, that some lines are about other rows than those of their numbers; empty if all agree."""
        wrong = [one for one in self.planned if one.outcome in {NO_ROW, CHANGED}]
        right = sum(one.outcome in {RECORDED, KNOWN, CONFLICT} for one in self.planned)
        if not wrong or not right:
            return ""
        first = wrong[0]
        return (
            f'expected row numbers of these very rows, as match="row" says, got {plural(right, "line")} that '
            f"{'agrees' if right == 1 else 'agree'} with the row of that number and {len(wrong):,} that "
            f"{'contradicts' if len(wrong) == 1 else 'contradict'} it (the first, {first.line.place}: {first.why}) The "
            'rows are probably others. Leave out match to find rows by content and id; or pass conflicts="skip" to '
            "record the lines that agree."
        )

    def held_back(self, why: str) -> Plan:
        """The same with nothing to record."""
        of_these = [
            one._replace(outcome=HELD_BACK, why=why) if one.outcome == RECORDED else one for one in self.planned
        ]
        return Plan(of_these)

    def items(self, annotator: str) -> tuple[Imported, ...]:
        """These as events keep them; ``annotator`` decided where the source knows of nobody."""
        lines = [one.line for one in self.recorded()]
        return tuple(
            Imported(line.decision, annotator if line.annotator is None else line.annotator, line.note, line.time)
            for line in lines
        )


@dataclass(frozen=True, eq=False)
class Here:
    """What is known before an import.

    Attributes
    ----------
    rows
        The training rows.
    classes
        The class labels.
    state
        What was decided about them.
    labels
        What the source calls a class, by its value or text, to the class here; empty where names agree.
    annotator
        Who decided where the source knows of nobody.
    takes_conflicts
        Whether decisions about rows that were decided differently here are recorded as well.
    """

    rows: Rows
    classes: AnyArray
    state: State
    labels: Mapping[str, Any]
    annotator: str
    takes_conflicts: bool

    def plan(self, source: Source, found: Sequence[int | NoRow]) -> Plan:
        """What each line is, given its row."""
        planned = [self._planned(line, row) for line, row in zip(source.lines, found, strict=True)]
        by_row: dict[int, list[int]] = {}
        for place, one in enumerate(planned):
            if one is not None and one.outcome == RECORDED:
                by_row.setdefault(one.row, []).append(place)
        for row, places in by_row.items():
            for place, outcome, why in self._beside_known(row, places, planned):
                planned[place] = planned[place]._replace(outcome=outcome, why=why)  # type: ignore[union-attr]
        return Plan([one for one in planned if one is not None])

    def _planned(self, line: Line, row: int | NoRow) -> _Planned | None:
        """One line by itself; None where it says nothing."""
        if line.problem or line.gone:
            outcome = UNREADABLE if line.problem else DELETED
            return _Planned(line, row if isinstance(row, int) else -1, -1, outcome, line.problem or line.gone)
        if isinstance(row, NoRow):
            return _Planned(line, -1, -1, NO_ROW if row.certain else UNCERTAIN, row.why)
        original = int(self.rows.codes[row])
        code = original if line.decision is Kind.UNSURE else self._code(line.label)
        if code < 0:
            known = several(self.classes)
            why = f"{clip(line.label, 80)!r} is none of the classes {known}. Say which one it is by labels={{…}}."
            return _Planned(line, row, -1, NO_LABEL, why)
        if code == original and line.decision is Kind.RELABEL:
            if line.if_equal is None:
                return None
            line = replace(line, decision=line.if_equal)
        if line.original is not None and self.rows.code(plain(line.original)) != original:
            now = self.rows.label(original)
            why = f"It was decided where the label was {clip(line.original, 80)!r}; here it is {clip(now, 80)!r}."
            return _Planned(line, row, code, CHANGED, why)
        return _Planned(line, row, code, RECORDED, "")

    def _code(self, label: Any) -> int:
        if label is None or isinstance(label, (list, dict)):
            return -1
        return self.rows.code(plain(self.labels.get(value_text(label), label)))

    def _beside_known(
        self, row: int, places: Sequence[int], planned: Sequence[_Planned | None]
    ) -> Iterable[tuple[int, str, str]]:
        """What becomes of the lines about one row, beside what was decided about it here."""
        standing = list(self.state.standing.get(row, ()))
        news = []
        for place in places:
            one = planned[place]
            assert one is not None
            same = next((said for said in standing if self._is_same(one, said)), None)
            if same is None:
                news.append(place)
            else:
                standing.remove(same)
                yield place, KNOWN, f"It is event {same.event.seq} here."
        last = self.state.standing.get(row, ())[-1:]
        is_open = not last or (last[0].event.kind is Kind.RELABEL and last[0].opinion is None)
        if not news or is_open:  # a mark that was taken off decides nothing
            return
        newest = planned[news[-1]]
        assert newest is not None
        if (newest.code, newest.line.decision is Kind.UNSURE) == (last[0].label, last[0].event.kind is Kind.UNSURE):
            return
        who, what = last[0].event.annotator or "somebody without a name", self._in_words(last[0])
        for place in news:
            yield place, RECORDED if self.takes_conflicts else CONFLICT, f"Here {who} decided: {what}."

    def _is_same(self, one: _Planned, said: Said) -> bool:
        line, event = one.line, said.event
        who = self.annotator if line.annotator is None else line.annotator
        alike = (line.decision, who, line.note, one.code) == (event.kind, event.annotator, event.note, said.label)
        return alike and (line.time is None or line.time == event.time)

    def _in_words(self, said: Said) -> str:
        kind = said.event.kind.value
        return kind if kind in {"keep", "unsure"} else f"{kind} to {clip(self.rows.label(said.label), 80)!r}"


def table_of(plan: Plan, here: Here, ids: AnyArray, labels: AnyArray) -> pd.DataFrame:
    """The plan as `ImportedDecisions` has it; ``labels`` are the current ones."""
    import pandas as pd

    lines = [
        (
            line.place,
            row if row >= 0 else None,
            ids[row] if row >= 0 else line.id,
            outcome,
            line.decision.value,
            here.rows.label(code) if code >= 0 and line.decision is not Kind.UNSURE else line.label,
            labels[row] if row >= 0 else None,
            here.annotator if line.annotator is None else line.annotator,
            line.note,
            line.time,
            why,
        )
        for line, row, code, outcome, why in plan.planned
    ]
    names = ["place", "row", "id", "outcome", "decision", "label", "now", "annotator", "note", "time", "why"]
    columns = {name: [line[place] for line in lines] for place, name in enumerate(names)}
    of_text = ("place", "outcome", "decision", "annotator", "note", "why")
    texts = {name: pd.Series(columns[name], dtype="str") for name in of_text}
    values = {name: pd.Series(columns[name], dtype="object") for name in ("id", "label", "now")}
    times = pd.Series(columns["time"], dtype="datetime64[us, UTC]")
    return pd.DataFrame({**columns, **texts, **values, "row": pd.Series(columns["row"], dtype="Int64"), "time": times})


def as_names(labels: Any, rows: Rows, classes: AnyArray) -> dict[str, Any]:
    """The mapping of a source's labels to classes, by the texts of the former.

    Raises
    ------
    TypeError, ValueError
        If it is no mapping, or one to something else than classes.
    """
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise TypeError(
            f"import_decisions: expected labels as a mapping such as {{'POS': 'praise'}}, got {shown(labels)}."
        )
    for name, label in labels.items():
        if rows.code(plain(label)) < 0:
            raise ValueError(
                f"import_decisions: expected labels to map to one of the classes {several(classes)}, got "
                f"{shown(label)} for {shown(name)}."
            )
    return {value_text(plain(name)): label for name, label in labels.items()}

"""Where each exported row comes from: who decided what, when and why, by which model, about which data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from ...facts import accuracy_change, clip, flips_by, probabilities
from ...fits import AnyFit
from ...inputs.digests import SIZE
from ...journal import RowName, Rows, Said, State, holds
from ..export import COUNTS, REASONS
from ..findings import Findings
from ..opinions import Policy, deciding
from ..test_rows import Queries, of_class

if TYPE_CHECKING:
    import pandas as pd

    from ..._typing import AnyArray, CodeArray, IntArray
    from ...evidence import Verification
    from ...journal.events import Detail
    from ...search import FlipSet

_LONGEST_QUERY = 300


@dataclass(frozen=True)
class Stamp:
    """What is the same in every row of one export.

    Attributes
    ----------
    as_of
        Number of the event that the export is true of.
    model, data
        Digests of the fitted model, and of the training rows with their ids and original labels.
    version
        Of this package.
    """

    as_of: int
    model: str
    data: str
    version: str

    @classmethod
    def of(cls, fit: AnyFit, rows: Rows, ids: AnyArray, as_of: int) -> Stamp:
        """Of a workbench now. Reads all training rows once."""
        package = import_module(__name__.partition(".")[0])  # the version is stated there alone
        return cls(as_of, model_digest(fit), data_digest(rows, ids), str(package.__version__))


def model_digest(fit: AnyFit) -> str:
    """Of classes, coefficients and intercepts, in hexadecimal digits."""
    digest = blake2b(json.dumps([str(one) for one in fit.classes.tolist()]).encode(), digest_size=SIZE)
    for values in (fit.coef, fit.intercept):
        digest.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
    return digest.hexdigest()


def data_digest(rows: Rows, ids: AnyArray) -> str:
    """Of the contents, ids and original labels of all training rows, in their order."""
    digest = blake2b(np.ascontiguousarray(rows.contents).tobytes(), digest_size=SIZE)
    labels = [rows.label(code) for code in rows.codes.tolist()]
    for one in (ids.tolist(), labels):
        digest.update(json.dumps([str(value) for value in one]).encode())
    return digest.hexdigest()


# --- Rows by their contents


def content_key(name: RowName) -> str:
    """A row's content as one text: its digest, and what tells it apart from rows of the same content."""
    if name.alike == 1:
        return name.content
    return f"{name.content}:{name.place}:{name.equals}:{name.alike}:{name.detail}"


def name_of(key: Any, id_: Any, label: Any) -> RowName | None:
    """The name that `content_key` made a text of; None if it is none."""
    digits, _, rest = key.partition(":") if isinstance(key, str) else ("", "", "")
    numbers, detail = rest.split(":")[:3] if rest else ["0", "1", "1"], rest.split(":")[3:]
    sizes = all(_is_digest(one) for one in [digits, *filter(None, detail)])
    if not sizes or len(numbers) < 3 or len(detail) > 1 or not all(one.isdecimal() for one in numbers):
        return None
    place, equals, alike = (int(one[:9]) for one in numbers)
    if not place < equals <= alike:
        return None
    return RowName(id_, digits, detail[0] if detail else "", label, place, equals, alike, -1)


def _is_digest(text: str) -> bool:
    return len(text) == 2 * SIZE and set(text) <= set("0123456789abcdef")


# --- The reason for a decision


def reason_of(
    findings: Findings, queries: Queries, ids: AnyArray, asked: tuple[int | None, IntArray, AnyArray]
) -> Mapping[str, Detail]:
    """What is kept of why rows are relabelled: the query, and its flip set as far as it is known.

    Parameters
    ----------
    asked
        The test row that the caller names, the training rows, and their new class codes. Without a test row it is that
        whose known flip set these rows and labels are; there may be none.
    """
    test_row, rows, codes = asked
    if test_row is None:
        test_row = _whose_set(findings.flip_sets(), rows, queries.fit.classes[codes])
    if test_row is None:
        return {}
    found = findings.known_flip_set(test_row)
    reason: dict[str, Detail] = {"query": test_row, "query_text": clip(queries.text(test_row), _LONGEST_QUERY)}
    if found is None or not found.found:
        return reason
    members = json.dumps([str(one) for one in ids[found.rows].tolist()], ensure_ascii=False)
    return {**reason, "flip_set": members, "flip": _flip_words(found)}


def _whose_set(sets: Mapping[int, FlipSet], rows: IntArray, labels: AnyArray) -> int | None:
    wanted = dict(zip(rows.tolist(), labels.tolist(), strict=True))
    for test_row, found in reversed(list(sets.items())):
        if found.size == len(wanted) and dict(zip(found.rows.tolist(), found.labels.tolist(), strict=True)) == wanted:
            return test_row
    return None


def _flip_words(found: FlipSet) -> str:
    if not found.verified:
        return str(found.outcome)
    change = " → ".join(probabilities(found.proba_before, found.proba_after))
    flip = f"{found.predicted_before} → {found.predicted_after}"
    return f"{flip}, probability {change}, by a refit of the {found.confirmed_by}"


# --- Tables


def corrected_lines(state: State, original: CodeArray, policy: Policy) -> list[tuple[int, Said, bool]]:
    """The rows whose label differs by a policy, each with the decision that it follows."""
    return [(row, said, True) for row, said in sorted(deciding(state, original, policy).items())]


def all_lines(state: State, original: CodeArray) -> list[tuple[int, Said, bool]]:
    """Every decision that was not taken back, by row and then in order, and whether it is the one that counts."""
    return [
        (row, one, one is said[-1])
        for row, said in sorted(state.standing.items())
        if holds(said[-1], row, original)
        for one in said
        if holds(one, row, original)
    ]


def exported_table(
    lines: Iterable[tuple[int, Said, bool]],
    known: tuple[Rows, AnyArray, AnyArray],
    stamp: Stamp,
    verified: Verified,
    *,
    every: bool,
) -> pd.DataFrame:
    """Decisions as an export has them: what and who, then where they come from (`export`).

    Parameters
    ----------
    known
        The training rows, their ids, and the classes.
    verified
        Gives the words on what retraining says of the present labels.
    every
        Whether it is an export of all decisions.
    """
    import pandas as pd

    lines = list(lines)
    rows, ids, classes = known
    numbers = np.array([row for row, _, _ in lines], dtype=np.int64)
    said = [one for _, one, _ in lines]
    details = [one.event.details for one in said]
    codes = np.array([one.label for one in said], dtype=np.int64)
    texts = {name: [str(one.get(name, "")) for one in details] for name in REASONS}
    names = rows.names(numbers.tolist()) if lines else []
    columns: dict[str, Any] = {
        "row": numbers,
        "id": ids[numbers],
        "original": classes[rows.codes[numbers]],
        "corrected": classes[codes],
        "annotator": pd.Series([one.event.annotator for one in said], dtype="str"),
        "note": pd.Series([one.event.note for one in said], dtype="str"),
        "time": pd.to_datetime([one.event.time for one in said], utc=True).as_unit("us"),
        "decision": pd.Series([one.event.kind.value for one in said], dtype="str"),
        **({COUNTS: np.array([counts for _, _, counts in lines], dtype=bool)} if every else {}),
        "event": np.array([one.event.seq for one in said], dtype=np.int64),
        "query": pd.Series([one.get("query") for one in details], dtype="Int64"),
        **{name: pd.Series(each, dtype="str") for name, each in texts.items()},
        "verified": pd.Series([verified.words(one) for one in details], dtype="str"),
        "as_of": np.full(len(lines), stamp.as_of, dtype=np.int64),
        "content": pd.Series([content_key(name) for name in names], dtype="str"),
        **{
            name: pd.Series([value] * len(lines), dtype="str")
            for name, value in (("model", stamp.model), ("data", stamp.data), ("version", stamp.version))
        },
    }
    return pd.DataFrame(columns)


@dataclass(frozen=True, eq=False)
class Verified:
    """What retraining says of the labels that are exported; nothing where they were not tried as they are."""

    findings: Findings
    queries: Queries
    n_relabelled: int
    applies: bool

    @cached_property
    def _result(self) -> Verification | None:
        return self.findings.verification if self.applies else None

    @cached_property
    def _of_all(self) -> str:
        if self._result is None:
            return ""
        found = self.findings.summary(self._result, self.n_relabelled)
        return f"{flips_by(found.n_flipped, found.n_test, found.n_relabelled)}.{accuracy_change(found)}"

    def words(self, reason: Mapping[str, Detail]) -> str:
        """Of all test rows, and of the query that a decision was about."""
        result, said = self._result, self._of_all
        if result is None:
            return ""
        row = reason.get("query")
        if not isinstance(row, int) or row >= self.queries.n_rows:
            return said
        if clip(self.queries.text(row), _LONGEST_QUERY) != reason.get("query_text"):
            return said  # it was another test set then
        place = slice(row, row + 1)
        code = result.predicted_before[place]
        before, after = (of_class(each[place], code)[0] for each in (result.proba_before, result.proba_after))
        names = self.queries.fit.classes[[int(code[0]), int(result.predicted_after[row])]]
        return (
            f"{said} Test row {row}: {names[0]} → {names[1]}, probability {' → '.join(probabilities(before, after))}."
        )

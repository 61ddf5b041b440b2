"""Which training row is which: rows by their ids and contents, labels by their values.

A decision in a store names its rows by what they are, so that it can be found again in other data: shuffled, with rows
added or removed, with labels or contents that changed. Nothing is guessed: what cannot be told for certain is lost
(`Lost`), with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np

from .._typing import AnyArray, CodeArray, IntArray
from ..inputs.digests import SIZE, digest_of
from .fingerprint import Fingerprint

_SAMPLED = 64  # rows by which data is recognised: those with the smallest digests, the same ones in any order


class RowName(NamedTuple):
    """What a store keeps of a row.

    Attributes
    ----------
    id
        The user's id; None where none were given.
    content
        Digest of what people read, or of the features where there are no texts, in hexadecimal digits.
    detail
        Where several rows have this content: the digest of the row itself, if that is something else than its text.
    label
        The original label, by value.
    place, equals, alike
        Among the rows of the same content, detail and label, how many come before it and how many there are; and how
        many have the same content.
    number
        Where it stood when it was named: for people, not to find it by.
    """

    id: Any
    content: str
    detail: str
    label: Any
    place: int
    equals: int
    alike: int
    number: int


LABEL = RowName._fields.index("label")


class Why(Enum):
    """Why a row cannot be found."""

    GONE = "no row has this id or content"
    RENAMED = "the id is gone, and one other row has this content"
    CHANGED = "the row of this id has another content"
    UNCERTAIN = "several rows could be meant"


@dataclass(frozen=True)
class Lost:
    """A row that a store names and that the data at hand does not have; ``row`` is where to look, -1 for nowhere."""

    name: RowName
    why: Why
    row: int = -1


@final
class Rows:
    """The training rows at hand, and how they are found again.

    Parameters
    ----------
    contents
        Gives the digest of each row's text, or of its features where there are no texts, bytes, shape (n_rows,).
    details
        Gives the digest of each row itself where rows have texts beside them; None elsewhere.
    ids
        The user's ids, shape (n_rows,), or None.
    classes, codes
        The class labels, and the original class code of each row. Negative codes are labels that only a store knows.

    Notes
    -----
    Nothing is read before it is needed: a workbench without a store needs none of it.
    """

    def __init__(
        self,
        contents: Callable[[], AnyArray],
        details: Callable[[], AnyArray] | None,
        ids: AnyArray | None,
        classes: AnyArray,
        codes: CodeArray,
    ) -> None:
        self._read_contents, self._read_details = contents, details
        self._contents: AnyArray | None = None
        self._details: AnyArray | None = None
        self._ids = ids
        self.codes = codes
        self._classes = classes
        self._labels = [plain(label) for label in classes.tolist()]
        self._foreign: list[Any] = []
        self._codes = {(type(label), label): code for code, label in enumerate(self._labels)}
        texts = [value_text(label) for label in self._labels]
        self._by_text = {text: code for code, text in enumerate(texts) if texts.count(text) == 1}
        self.lost: list[Lost] = []
        self._known: dict[tuple[Any, ...], int] = {}
        self._lost_numbers: dict[tuple[Any, ...], int] = {}

    @property
    def n_rows(self) -> int:
        """Number of training rows."""
        return len(self.codes)

    # Labels

    def label(self, code: int) -> Any:
        """The label of a code."""
        return self._labels[code] if code >= 0 else self._foreign[-1 - code]

    def code(self, label: Any) -> int:
        """The code of a label: the same value; failing that the one that reads the same; else a negative number."""
        known = self._codes.get((type(label), label))
        if known is None:
            known = self._by_text.get(value_text(label))
            if known is None:
                self._foreign.append(label)
                known = -len(self._foreign)
            self._codes[(type(label), label)] = known
        return known

    # Naming

    def names(self, rows: Sequence[int]) -> list[RowName]:
        """What a store keeps of some rows. Cost: O(n_rows)."""
        contents = self.contents
        places = self._places({contents[row] for row in rows})
        return [self._name(row, places[contents[row]]) for row in rows]

    def _name(self, row: int, alike: IntArray) -> RowName:
        equals = self._equal_to(row, alike)
        return RowName(
            None if self._ids is None else plain(self._ids[row]),
            _hex(self.contents[row]),
            self._detail(row) if len(alike) > 1 else "",
            self.label(int(self.codes[row])),
            equals.index(row),
            len(equals),
            len(alike),
            row,
        )

    def _equal_to(self, row: int, alike: IntArray) -> list[int]:
        return [
            other
            for other in alike.tolist()
            if self.codes[other] == self.codes[row] and self._detail(other) == self._detail(row)
        ]

    @property
    def contents(self) -> AnyArray:
        """Digest of each row's content, bytes, shape (n_rows,)."""
        if self._contents is None:
            self._contents = self._read_contents()
        return self._contents

    def _detail(self, row: int) -> str:
        if self._read_details is None:
            return ""
        if self._details is None:
            self._details = self._read_details()
        return _hex(self._details[row])

    def _places(self, wanted: Iterable[bytes]) -> Mapping[bytes, IntArray]:
        """Rows of each of some contents, in order."""
        distinct = np.array(sorted(wanted), dtype=f"S{SIZE}")
        if len(distinct) > 4:
            hits = np.flatnonzero(np.isin(_words(self.contents), _words(distinct)))
        else:
            hits = np.flatnonzero((_words(self.contents)[:, None] == _words(distinct)).any(axis=1))
        found: dict[bytes, list[int]] = {content: [] for content in distinct.tolist()}
        for row, content in zip(hits.tolist(), self.contents[hits].tolist(), strict=True):
            if content in found:
                found[content].append(row)
        return {content: np.array(rows, dtype=np.int64) for content, rows in found.items()}

    # Finding

    def find(self, names: Sequence[tuple[Sequence[Any], int]]) -> list[int]:
        """The row of each name, each with the number it had; a negative number for what is lost.

        ``lost[-1 - number]`` says why.
        """
        keys = [(type(name[0]), type(name[LABEL]), *name) for name, _ in names]  # True and 1 are equal
        distinct = dict(zip(keys, names, strict=True))  # many events are about few rows
        news = {
            key: _checked(RowName._make((*name, number)))
            for key, (name, number) in distinct.items()
            if key not in self._known
        }
        if news:
            places = self._places({bytes.fromhex(name.content) for name in news.values()})
            named = self._rows_of_ids([name.id for name in news.values() if name.id is not None])
            for key, name in news.items():
                found = self._found(name, places[_unpadded(name.content)], named)
                self._known[key] = found if isinstance(found, int) else self._number(found)
        return [self._known[key] for key in keys]

    def _number(self, lost: Lost) -> int:
        """One number for each row that is lost, however its label changed meanwhile."""
        name = lost.name
        key = (name.id,) if name.id is not None else (name.content, name.detail, value_text(name.label), name.place)
        if key not in self._lost_numbers:
            self.lost.append(lost)
            self._lost_numbers[key] = -len(self.lost)
        return self._lost_numbers[key]

    def _rows_of_ids(self, ids: list[Any]) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {value_text(one): [] for one in ids}
        if self._ids is not None and found:
            for row, one in enumerate(self._ids.tolist()):
                text = value_text(plain(one))
                if text in found:
                    found[text].append(row)
        return found

    def _found(self, name: RowName, alike: IntArray, named: Mapping[str, list[int]]) -> int | Lost:
        if name.id is None or self._ids is None:
            return self._by_content(name, alike)
        rows = named[value_text(name.id)]
        if len(rows) > 1:  # 7 and "7" in one data set
            rows = [row for row in rows if plain(self._ids[row]) == name.id]
        if len(rows) != 1:
            was_the_only_one = len(alike) == name.alike == 1  # otherwise it may be one that was there beside it
            return Lost(name, Why.RENAMED, int(alike[0])) if was_the_only_one else Lost(name, Why.GONE)
        if _hex(self.contents[rows[0]]) != name.content:
            return Lost(name, Why.CHANGED, rows[0])
        return rows[0]

    def _by_content(self, name: RowName, alike: IntArray) -> int | Lost:
        """Content is the identity; rows of equal content, detail and label are told apart by their order."""
        if not len(alike):
            return Lost(name, Why.GONE)
        if len(alike) == name.alike == 1:
            return int(alike[0])
        code = self.code(name.label)
        equal = [row for row in alike.tolist() if self.codes[row] == code]
        if name.detail:
            equal = [row for row in equal if self._detail(row) == name.detail]
        elif len({self._detail(row) for row in equal}) > 1:  # the row was the only one then: nobody kept its detail
            return Lost(name, Why.UNCERTAIN, int(alike[0]))
        only_equal = len(alike) == len(equal) >= name.equals == name.alike
        same_mixture = len(alike) == name.alike and len(equal) == name.equals
        if only_equal or same_mixture:
            return int(equal[name.place])
        return Lost(name, Why.UNCERTAIN, int(alike[0]))

    # Recognising data

    def fingerprint(self) -> Fingerprint:
        """By which older stores recognise data."""
        ids = np.arange(self.n_rows) if self._ids is None else self._ids
        return Fingerprint.of(self._classes[self.codes], ids)

    @cached_property
    def sample(self) -> list[str]:
        """Digests of some rows by content, and of some by id: data that shares none of them is other data."""
        words = np.sort(_words(np.unique(self.contents)))[:_SAMPLED]
        sample = [f"content {word:016x}" for word in words.tolist()]
        if self._ids is not None:
            ids = sorted(digest_of(value_text(plain(one))).hex()[:16] for one in self._ids.tolist())[:_SAMPLED]
            sample += [f"id {one}" for one in ids]
        return sample


def _checked(name: RowName) -> RowName:
    """A name from a store, which another tool may have written.

    Raises
    ------
    ValueError
        If it is not as `Rows.names` makes them.
    """
    whole = (name.place, name.equals, name.alike, name.number)
    if (
        not all(type(number) is int for number in whole)
        or not 0 <= name.place < name.equals <= name.alike
        or not (isinstance(name.content, str) and isinstance(name.detail, str))
        or len(bytes.fromhex(name.content)) != SIZE
    ):
        raise ValueError(f"expected the name of a row, got {name}")
    return name


def plain(value: Any) -> Any:
    """A label or id as JSON keeps it: a text, a truth value or a number; anything else as a text with its type."""
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) in (str, bool, int) or (type(value) is float and math.isfinite(value)):
        return value
    if isinstance(value, str):
        return str(value)
    return f"{type(value).__name__}: {value}"


def value_text(value: Any) -> str:
    """A label or id as text, in which 7, 7.0 and "7" are alike."""
    whole = type(value) is float and value.is_integer()
    return str(int(value)) if whole else str(value)


def _hex(digest: bytes) -> str:
    return bytes(digest).ljust(SIZE, b"\0").hex()


def _unpadded(content: str) -> bytes:
    """A digest as NumPy gives it back: without zeros at the end."""
    return bytes.fromhex(content).rstrip(b"\0")


def _words(digests: AnyArray) -> AnyArray:
    """The first eight bytes of each digest as a number."""
    return np.ascontiguousarray(digests).view(np.uint8).reshape(-1, SIZE)[:, :8].copy().view(">u8").ravel()

"""The types of what travels: a check here, and a type in the page's TypeScript."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, eq=False)
class Type:
    """Which values fit.

    Attributes
    ----------
    typescript
        The type that they have on the page.
    parts
        The types that this one is made of.
    """

    fits: Callable[[Any], bool]
    typescript: str
    parts: tuple[Type, ...] = ()


@dataclass(frozen=True, eq=False)
class Choice(Type):
    """One of some names; the page has the type by its name."""

    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Record(Type):
    """Named fields; the page has them as an interface of the record's name."""

    doc: str = ""
    fields: Mapping[str, Type] = field(default_factory=dict)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


TEXT = Type(lambda value: isinstance(value, str), "string")
FLAG = Type(lambda value: isinstance(value, bool), "boolean")
COUNT = Type(_is_count, "number")
NUMBER = Type(_is_number, "number")
CLASSES = Type(
    lambda value: isinstance(value, list) and len(value) > 1 and all(map(TEXT.fits, value)),
    "[string, string, ...string[]]",
)


def nullable(of: Type) -> Type:
    """That, or None."""
    return Type(lambda value: value is None or of.fits(value), f"{of.typescript} | null", (of,))


def listed(of: Type) -> Type:
    """Any number of them."""
    return Type(
        lambda value: isinstance(value, list) and all(map(of.fits, value)),
        f"Array<{of.typescript}>",
        (of,),
    )


def limited(of: Type, within: Callable[[Any], bool]) -> Type:
    """Those that lie within a limit, which the page does not check."""
    return replace(of, fits=lambda value: of.fits(value) and within(value))


def one_of(name: str, *names: str) -> Choice:
    """One of these names."""
    return Choice(lambda value: isinstance(value, str) and value in names, name, names=names)


def record(name: str, doc: str, /, **fields: Type) -> Record:
    """Exactly these fields."""

    def fits(value: Any) -> bool:
        if not isinstance(value, dict) or set(value) != set(fields):
            return False
        return all(each.fits(value[key]) for key, each in fields.items())

    return Record(fits, name, tuple(fields.values()), doc, fields)


def spelled(one: Type) -> str:
    """A type in words, with all that it is made of: where two differ, so do these."""
    names = one.names if isinstance(one, Choice) else one.fields if isinstance(one, Record) else ()
    return f"{one.typescript}[{','.join(names)}]({','.join(map(spelled, one.parts))})"

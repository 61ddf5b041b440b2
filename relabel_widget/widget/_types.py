"""The types of what travels: a check here, and a type and a decoder in the page's TypeScript."""

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
    decoder
        What checks them there: an expression over the decoders of ``js/src/decode.ts``.
    parts
        The types that this one is made of.
    """

    fits: Callable[[Any], bool]
    typescript: str
    decoder: str
    parts: tuple[Type, ...] = ()


@dataclass(frozen=True, eq=False)
class Choice(Type):
    """One of some names; the page has the type by its name, and all names as a constant."""

    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Record(Type):
    """Named fields, in snake_case; the page has them in camelCase, as an interface of the record's name."""

    doc: str = ""
    fields: Mapping[str, Type] = field(default_factory=dict)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


TEXT = Type(lambda value: isinstance(value, str), "string", "string")
FLAG = Type(lambda value: isinstance(value, bool), "boolean", "boolean")
COUNT = Type(_is_count, "number", "count")
NUMBER = Type(_is_number, "number", "number")
CLASSES = Type(
    lambda value: isinstance(value, list) and len(value) > 1 and all(map(TEXT.fits, value)),
    "[string, string, ...string[]]",
    "classes",
)


def nullable(of: Type) -> Type:
    """That, or None."""
    return Type(
        lambda value: value is None or of.fits(value), f"{of.typescript} | null", f"nullable({of.decoder})", (of,)
    )


def listed(of: Type) -> Type:
    """Any number of them."""
    return Type(
        lambda value: isinstance(value, list) and all(map(of.fits, value)),
        f"Array<{of.typescript}>",
        f"list({of.decoder})",
        (of,),
    )


def limited(of: Type, within: Callable[[Any], bool]) -> Type:
    """Those that lie within a limit, which the page does not check."""
    return replace(of, fits=lambda value: of.fits(value) and within(value))


def one_of(name: str, *names: str) -> Choice:
    """One of these names."""
    # The page only sends such a name back, and Python checks it.
    decoder = f"string as Decoder<{name}>"
    return Choice(lambda value: isinstance(value, str) and value in names, name, decoder, names=names)


def record(name: str, doc: str, /, **fields: Type) -> Record:
    """Exactly these fields."""

    def fits(value: Any) -> bool:
        if not isinstance(value, dict) or set(value) != set(fields):
            return False
        return all(each.fits(value[key]) for key, each in fields.items())

    return Record(fits, name, name[0].lower() + name[1:], tuple(fields.values()), doc, fields)

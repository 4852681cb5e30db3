"""The columns that a record has as a table, and how its values become text."""

import types
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="string")


class Form(StrEnum):
    """What a column holds; in CSV all of them are text."""

    TEXT = "text"
    WHOLE = "whole number"
    DECIMAL = "decimal"
    NUMBER = "number"
    FLAG = "true or false"
    DATE = "date"
    JSON = "JSON"


class Column(NamedTuple):
    """One column: a nested record's are named after both, `fill.qty`; empty is none if optional."""

    name: str
    form: Form
    is_optional: bool
    get: Callable[[Any], Any]


_FORMS: tuple[tuple[type, Form], ...] = (
    (bool, Form.FLAG),
    (int, Form.WHOLE),
    (Decimal, Form.DECIMAL),
    (float, Form.NUMBER),
    (str, Form.TEXT),
    (Enum, Form.TEXT),
)


def columns_of(
    record: type, before: str = "", get: Callable[[Any], Any] | None = None
) -> list[Column]:
    """Return the columns of a record or named tuple, those of records inside it in their place."""
    return list(_columns(record, before, get))


def _columns(record: type, before: str, outer: Callable[[Any], Any] | None) -> Iterator[Column]:
    for name, hint in get_type_hints(record).items():
        if name not in getattr(record, "__struct_fields__", getattr(record, "_fields", ())):
            continue
        get = _getter(name, outer)
        kind, is_optional = _kind(hint)
        if isinstance(kind, type) and issubclass(kind, Struct):
            yield from _columns(kind, f"{before}{name}.", get)
        else:
            yield Column(f"{before}{name}", form_of(kind), is_optional, get)


def _getter(name: str, outer: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    if outer is None:
        return lambda record: getattr(record, name)
    return lambda record: getattr(outer(record), name)


def _kind(hint: Any) -> tuple[Any, bool]:
    """Return what a field holds besides None, and whether it may hold that."""
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [each for each in get_args(hint) if each is not type(None)]
        if len(kinds) == 1:
            return kinds[0], True
    # A new type is its base, as `Key` is text.
    return getattr(hint, "__supertype__", hint), False


def form_of(kind: Any) -> Form:
    """Return how values of a type are written; what is made of several is JSON."""
    if isinstance(kind, type):
        return next((form for known, form in _FORMS if issubclass(kind, known)), Form.JSON)
    return Form.JSON


def written(value: Any, form: Form) -> str:
    """Return a value as text: decimals exact and without exponent, nothing for none."""
    if value is None:
        return ""
    if form is Form.JSON:
        return _ENCODER.encode(value).decode()
    if form is Form.FLAG:
        return "true" if value else "false"
    if form is Form.DECIMAL:
        return f"{value:f}"
    if form is Form.NUMBER:
        return repr(float(value))
    return str(value.value if isinstance(value, Enum) else value)

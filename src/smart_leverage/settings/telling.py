"""Says what is wrong with a configuration: key, value, and what would be accepted."""

import difflib
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import (
    BaseModel,
    ValidationError,
)
from pydantic.fields import FieldInfo

from smart_leverage.settings.sections import Settings, contradictions, flat

ENV_PREFIX = "SMART_LEVERAGE_"

SHOWN_MAX = 64
"""Characters of a wrong value that an error repeats."""


def sentences_of(tree: Mapping[str, Any], error: ValidationError, told: set[str]) -> Iterator[str]:
    """Yield every problem; keys that are sound by themselves are compared with each other."""
    values = {key: value for key, value in flat(tree) if key not in told}
    for one in error.errors():
        key = ".".join(str(part) for part in one["loc"])
        if not key:
            continue  # the contradictions, told below
        values.pop(key, None)
        if one["type"] == "extra_forbidden":
            yield unknown_key(key)
        elif one["type"] == "value_error":
            yield f"{key}: {one['msg'].removeprefix('Value error, ')}"
        else:
            yield f"{key}: {_refused(field_of(key), one['input'])}"
    yield from contradictions(values)


def with_variable(problem: str, variables: Mapping[str, str]) -> str:
    """Return a problem with the variable that caused it, so that nobody looks for it in a file."""
    key = problem.split(":")[0]
    return f"{problem} ({variable_of(key)})" if key in variables else problem


def _refused(field: FieldInfo | None, value: Any) -> str:
    """Return why a value is not accepted, and what is; per cent are read as the fraction meant."""
    seen = shown(value)
    bounds = {} if field is None else _bounds(field)
    is_number = field is not None and field.annotation is float
    if is_number and ("le" in bounds or "lt" in bounds):  # what is bounded above is a ratio
        if isinstance(value, str) and value.rstrip().endswith("%"):
            meant = _per_cent(number_in(value.rstrip().removesuffix("%").strip()), bounds)
            if meant:
                return f"{seen} is not a number; write {meant}"
        elif type(value) in (int, float) and (meant := _per_cent(value, bounds)):
            side = f"above {bounds['le']:g}" if value > 0 else f"below {bounds['gt']:g}"
            return f"{seen} is {side}; fractions, not per cent: {meant}?"
    return f"{seen} is not accepted; {accepted(field)}"


def _per_cent(number: float | str, bounds: Mapping[str, float]) -> str:
    """Return a percentage as a fraction, if that would be accepted, or an empty text."""
    if isinstance(number, str):
        return ""
    value = number / 100
    return f"{value:g}" if all(_INSIDE[name](value, at) for name, at in bounds.items()) else ""


_INSIDE: Mapping[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_WORDS = {"gt": "above", "ge": "from", "lt": "below", "le": "up to"}


def _bounds(field: FieldInfo) -> dict[str, float]:
    return {
        name: getattr(each, name)
        for each in field.metadata
        for name in _INSIDE
        if hasattr(each, name)
    }


def accepted(field: FieldInfo | None) -> str:
    """Return what a key takes, in words."""
    if field is None:
        return "no such key is known"
    if field.annotation in (int, float):
        bounds = " and ".join(f"{_WORDS[name]} {at:,.12g}" for name, at in _bounds(field).items())
        return f"a{' whole' if field.annotation is int else ''} number {bounds}"
    if choices := get_args(field.annotation):
        return f"{' or '.join(repr(choice) for choice in choices)}"
    lengths = [
        getattr(each, name)
        for name in ("min_length", "max_length")
        for each in field.metadata
        if hasattr(each, name)
    ]
    return f"text of {lengths[0]} to {lengths[1]} characters" if lengths else "text"


def shown(value: Any) -> str:
    """Return a wrong value as an error repeats it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def unknown_key(key: str) -> str:
    """Return the problem of a key that nobody reads, with the nearest that somebody does."""
    model: type[BaseModel] = Settings
    unknown = key
    for unknown in key.split("."):
        field = model.model_fields.get(unknown)
        if field is None:
            break
        model = section_of(field) or model
    kind = "section" if model is Settings else "key"
    return f"{key}: unknown {kind}{nearest(unknown, model.model_fields)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint at the known name that is meant, or all of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.45)
    return f", did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"


def field_of(key: str) -> FieldInfo | None:
    """Return the declaration of a dotted key, None when there is none."""
    model: type[BaseModel] = Settings
    *sections, last = key.split(".")
    for name in sections:
        field = model.model_fields.get(name)
        section = None if field is None else section_of(field)
        if section is None:
            return None
        model = section
    return model.model_fields.get(last)


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the section that a field is, None for a plain value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def variable_of(key: str) -> str:
    """Return the environment's name of a dotted key."""
    return ENV_PREFIX + key.upper().replace(".", "__")


def number_in(text: str) -> float | int | str:
    """Return the number that a text is, or the text, which the validation will refuse."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

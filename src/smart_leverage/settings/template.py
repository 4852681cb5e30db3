"""Writes a configuration file from the records that check it: every key, most of them asleep."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from smart_leverage.settings.loading import load
from smart_leverage.settings.sections import Settings, flat
from smart_leverage.settings.telling import section_of

_HEAD = (
    "# Every key stands here with its default; a line that begins with # is not in force.",
    "# Take the # away to change a key. Fractions are fractions: 0.25 is a quarter.",
    "# `smart-leverage config check --config FILE` tells every problem of a file at once.",
)


def template(changed: Settings) -> str:
    """Return the text of a file that says what some settings say.

    Args:
        changed: Keys that are as they would be without a file are written as comments, the others
            in force.
    """
    defaults = dict(flat(load(None, {}).settings.model_dump()))
    values = dict(flat(changed.model_dump()))
    lines = (*_HEAD, *_section("", Settings, values, defaults))
    return "\n".join(lines) + "\n"


def _section(
    path: str, model: type[BaseModel], values: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Iterator[str]:
    """Yield one section and those below it; a heading without a key in force changes nothing."""
    if path:
        yield from ("", f"# {(model.__doc__ or '').strip()}", f"[{path}]")
    below = f"{path}." if path else ""
    for name, field in model.model_fields.items():
        if section_of(field) is None:
            key = f"{below}{name}"
            sleeps = "# " if values[key] == defaults[key] else ""
            line = f"{sleeps}{name} = {_toml(values[key])}"
            yield f"{line:<40}  # {field.description}"
    for name, field in model.model_fields.items():
        if (section := section_of(field)) is not None:
            yield from _section(f"{below}{name}", section, values, defaults)


def _toml(value: Any) -> str:
    """Return a value as TOML has it; text of JSON is text of TOML."""
    import json

    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)

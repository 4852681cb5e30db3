"""Reads defaults, preset, file and environment, each over the one before."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
)

from smart_leverage.domain.errors import ConfigError
from smart_leverage.settings.sections import Settings, flat
from smart_leverage.settings.telling import (
    ENV_PREFIX,
    accepted,
    field_of,
    nearest,
    number_in,
    section_of,
    sentences_of,
    shown,
    unknown_key,
    variable_of,
    with_variable,
)

PRESETS = ("steady", "classic", "fixed", "vol-target", "fractional-kelly", "drawdown-control")
"""What ships with the package; the first one holds where nobody names another."""

BASE = "classic"
"""Names every number of a policy; the other presets are laid over it."""


LIVE = {"account": {"enforcement": "observe", "adopted_consent": "asked"}}
"""How an account with real money begins where nothing else is written."""


class Loaded(BaseModel):
    """Settings with the place that each key came from."""

    model_config = ConfigDict(frozen=True)
    settings: Settings
    origin: dict[str, str]


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """Read defaults, preset, file and environment, in that order.

    Args:
        path: A file in TOML; None reads none.
        environment: Variables; None reads those of the process.

    Raises:
        ConfigError: Everything that is wrong, at once, each with what would be accepted.
    """
    problems: list[str] = []
    given = {} if path is None else _read(path)
    variables = dict(_from_environment(os.environ if environment is None else environment))
    preset = _preset_of(variables) or _preset_of(given) or PRESETS[0]
    mode = _value("account.mode", variables) or _value("account.mode", given)
    tree = Settings().model_dump()
    origin = {key: "default" for key, _ in flat(tree)}
    for source, values in (
        (f"preset {BASE}", _preset(BASE)),
        *([] if preset == BASE else [(f"preset {preset}", _preset(preset))]),
        *([("mode live", LIVE)] if mode == "live" else []),
        (str(path), given),
        ("environment", _as_tree(variables, problems)),
    ):
        problems += _merge(tree, values)
        origin.update({key: source for key, _ in flat(values)})
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        problems += sentences_of(tree, error, {each.split(":")[0] for each in problems})
    if problems:
        if path is not None:
            problems = [with_variable(each, variables) for each in problems]
        raise ConfigError(list(dict.fromkeys(problems)), source=str(path or "environment"))
    return Loaded(settings=settings, origin=origin)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError([f"{path} does not exist"], source=str(path)) from None
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror}"], source=str(path)) from None
    except UnicodeDecodeError as error:
        fault = f"is not UTF-8 text: {error.reason} at byte {error.start}; save it as plain UTF-8"
        raise ConfigError([fault], source=str(path)) from None
    if text.startswith("\ufeff"):
        raise ConfigError(["starts with a byte-order mark; save it as plain UTF-8"], str(path))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"is not TOML: {error}"], source=str(path)) from None
    except RecursionError:
        raise ConfigError(["is not TOML: nested too deeply"], source=str(path)) from None


def _preset_of(given: Mapping[str, Any]) -> str | None:
    """Return the preset that a source names; an unknown one is told by the validation."""
    name = _value("policy.preset", given)
    return name if name in PRESETS else None


def _value(key: str, given: Mapping[str, Any]) -> Any:
    return dict(flat(given)).get(key)


def _preset(name: str) -> dict[str, Any]:
    text = files("smart_leverage").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _merge(tree: dict[str, Any], given: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Lay one source over another, key by key, and yield where a table meets a value."""
    for key, value in given.items():
        below = tree.get(key)
        if isinstance(value, Mapping) and isinstance(below, dict):
            yield from _merge(below, value, f"{prefix}{key}.")
        elif isinstance(below, dict):
            yield f"{prefix}{key}: {shown(value)} is not accepted; a table, [{prefix}{key}]"
        elif isinstance(value, Mapping) and below is not None:
            right = accepted(field_of(f"{prefix}{key}"))
            yield f"{prefix}{key}: a table is not accepted; {right}"
        else:
            tree[key] = value


def _from_environment(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield dotted keys and texts of the variables that bear our prefix."""
    for name in sorted(variables):
        if name.startswith(ENV_PREFIX):
            key = name.removeprefix(ENV_PREFIX).lower().replace("__", ".")
            yield key, variables[name]


def _as_tree(variables: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """Return what the environment sets; our prefix on a name that means nothing is an error."""
    tree: dict[str, Any] = {}
    for key, text in variables.items():
        section = key.split(".")[0]
        field = field_of(key)
        if section not in Settings.model_fields:
            hint = nearest(section, Settings.model_fields)
            problems.append(f"environment {variable_of(key)}: no section {section!r}{hint}")
        elif field is None:
            problems.append(unknown_key(key))
        elif section_of(field) is not None:
            problems.append(f"environment {variable_of(key)}: {key} is a section; name a key of it")
        else:
            below = tree
            *sections, last = key.split(".")
            for each in sections:
                below = below.setdefault(each, {})
            below[last] = number_in(text) if field.annotation in (int, float) else text
    return tree

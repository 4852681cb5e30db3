"""Numbers of a policy that a case changes, checked exactly as a configuration is."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from smart_leverage.domain.errors import ConfigError
from smart_leverage.settings import ENV_PREFIX, Settings, load

SECTIONS = ("tiers", "sizing", "limits", "deleveraging", "stops", "exposure")
"""The sections that the one decision can depend on."""

EXPOSURE = "look_through"
"""Of the exposure that is earned only this: what is in force of the rest is the account's."""


def problems_of(overrides: Mapping[str, Any]) -> list[str]:
    """Return everything that is wrong with overrides, each with what would be accepted."""
    problems = [*_unknown(overrides)]
    try:
        settings_with(overrides)
    except ConfigError as error:
        problems += error.problems
    return [f"policy.{problem}" for problem in problems]


def settings_with(overrides: Mapping[str, Any]) -> Settings:
    """Return the preset with some numbers replaced, sections as in the configuration.

    Raises:
        ConfigError: A number cannot be accepted, or a key is not known.
    """
    given = {key: value for key, value in overrides.items() if key in SECTIONS}
    # The numbers take the way of the environment, so they meet the same checks and sentences.
    variables = {ENV_PREFIX + key.upper().replace(".", "__"): text for key, text in _flat(given)}
    return load(None, variables).settings


def _unknown(overrides: Mapping[str, Any]) -> Iterator[str]:
    for key, value in overrides.items():
        if key not in SECTIONS:
            near = difflib.get_close_matches(key, SECTIONS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(SECTIONS)}"
            yield f"{key}: unknown section; {hint}"
        elif not isinstance(value, dict):
            yield f"{key}: an object of numbers is expected, not {json.dumps(value)}"
        elif key == "exposure":
            for name in value.keys() - {EXPOSURE}:
                yield f"{key}.{name}: changes no single decision; known is {EXPOSURE}"


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif prefix:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)

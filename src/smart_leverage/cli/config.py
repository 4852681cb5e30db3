"""The configuration: checked, shown with its sources, and described as a schema."""

from typing import Annotated, Any

import typer

from smart_leverage.cli.options import ConfigPath, command
from smart_leverage.cli.screen import Column, Screen


@command("smart-leverage config check", "smart-leverage config check --config mine.toml")
def check(screen: Screen, config: ConfigPath = None) -> None:
    """Check file and environment; all problems are told at once.

    Leaves with 3 when there is one.
    """
    from smart_leverage.cli.places import configuration
    from smart_leverage.settings import load

    place = configuration(config)
    loaded = load(place)
    changed = sorted(key for key, source in loaded.origin.items() if _is_own(source))
    if screen.as_json:
        screen.record(
            {
                "file": None if place is None else str(place),
                "problems": [],
                "changed": changed,
                "policy_hash": loaded.settings.policy_hash(),
            }
        )
        return
    where = "no file, defaults and environment" if place is None else str(place)
    screen.say(f"{where}: no problem, {len(changed)} keys set, the rest as in the preset")


def _is_own(source: str) -> bool:
    """Tell whether a key was set here: not by the defaults, not by the preset."""
    return source != "default" and not source.startswith("preset ")


@command("smart-leverage config show", "smart-leverage config show --origin --json")
def show(
    screen: Screen,
    config: ConfigPath = None,
    has_origin: Annotated[
        bool, typer.Option("--origin", help="Say where each value comes from.")
    ] = False,
) -> None:
    """Show every key with the value in force; fractions are fractions."""
    from smart_leverage.cli.places import configuration
    from smart_leverage.settings import flat, load

    loaded = load(configuration(config))
    values = dict(flat(loaded.settings.model_dump()))
    if screen.as_json:
        screen.record(
            {key: _member(value, loaded.origin, key, has_origin) for key, value in values.items()}
        )
        return
    columns = (Column("key"), Column("value"), *([Column("from")] if has_origin else []))
    rows = (
        [key, _toml(value), *([loaded.origin.get(key, "default")] if has_origin else [])]
        for key, value in values.items()
    )
    screen.table(columns, rows)


def _member(value: Any, origin: dict[str, str], key: str, has_origin: bool) -> Any:
    return {"value": value, "origin": origin.get(key, "default")} if has_origin else value


def _toml(value: Any) -> str:
    """Return a value as the file would have it."""
    return f'"{value}"' if isinstance(value, str) else str(value)


@command("smart-leverage config schema", "smart-leverage config schema > schema.json")
def schema(screen: Screen) -> None:
    """Print the JSON schema of the configuration."""
    import json
    import sys

    from smart_leverage.settings import Settings

    sys.stdout.write(f"{json.dumps(Settings.model_json_schema(), indent=2, ensure_ascii=False)}\n")

"""Says which version this is."""

from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen


def line() -> str:
    """Return name and version in one line."""
    return f"smart-leverage {number()}"


def number() -> str:
    """Return the version of the installed package."""
    from importlib.metadata import version as version_of

    return version_of("smart-leverage")


@command("smart-leverage version", "smart-leverage version --json")
def version(screen: Screen) -> None:
    """Say which version this is."""
    import platform
    import sqlite3

    parts = {
        "smart-leverage": number(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    if screen.as_json:
        screen.record(parts)
    else:
        screen.say(*(f"{name} {value}" for name, value in parts.items()))

"""Checks of the installation: program, database, configuration, time zones, disk."""

import platform
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from smart_leverage.cli.finding import Finding, fine, warning, wrong
from smart_leverage.cli.version import number
from smart_leverage.domain.errors import ConfigError
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.ledger.space import REFUSE_BYTES, WARN_BYTES, Room, Space
from smart_leverage.settings import Settings, load

_WAL_DEFECT = ((3, 7, 0), (3, 51, 2))
"""First and last version of the library that can lose a commit when two connections write."""


def program(writes_bytecode: bool | None = None) -> Finding:
    """Return which program this is, and whether it may keep what it compiled."""
    found = f"smart-leverage {number()} on Python {platform.python_version()}"
    if writes_bytecode is None:
        writes_bytecode = not sys.dont_write_bytecode
    if writes_bytecode:
        return fine("program", found)
    return warning(
        "program",
        f"{found}, which may not keep compiled modules: every start takes longer",
        "unset PYTHONDONTWRITEBYTECODE",
    )


def database(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Finding:
    """Return which database library is linked; a ledger has one writer, whichever it is."""
    found = f"SQLite {'.'.join(map(str, version))}"
    if not _WAL_DEFECT[0] <= version <= _WAL_DEFECT[1]:
        return fine("database", found)
    return warning(
        "database",
        f"{found} can lose a commit of two writers; a ledger has one, and its lock sees to that",
        "3.51.3 or later is better",
    )


def configuration(place: Path | None) -> Iterator[Finding]:
    """Yield whether file and environment can be used, a line for every problem, and the zone."""
    where = "no file, defaults and environment" if place is None else str(place)
    try:
        loaded = load(place)
    except ConfigError as error:
        for problem in error.problems:
            yield wrong("configuration", f"{where}: {problem}")
        yield time_zone(Settings().risk.timezone)
        return
    own = [key for key, source in loaded.origin.items() if source in (str(place), "environment")]
    keys = "1 key" if len(own) == 1 else f"{len(own)} keys"
    yield fine("configuration", f"{where}: no problem, {keys} set")
    yield time_zone(loaded.settings.risk.timezone)


def time_zone(name: str) -> Finding:
    """Return whether the zone of the risk day is known here."""
    try:
        RiskCalendar(name)
    except ConfigError as error:
        return wrong("time zone", error.problems[0], "install the package tzdata")
    return fine("time zone", f"{name} is known: the risk day begins at its midnight")


def disk(space: Room) -> Finding:
    """Return whether there is room to write."""
    if space.free_bytes is None:
        return wrong("disk", "does not say what is free", "look at the disk")
    found = f"{_size(space.free_bytes)} free"
    if space.level is Space.SHORT:
        return wrong(
            "disk",
            f"{found}: nothing that adds exposure is sent",
            f"free more than {_size(REFUSE_BYTES)}",
        )
    if space.level is Space.LOW:
        return warning("disk", f"{found}, which is little", f"free more than {_size(WARN_BYTES)}")
    return fine("disk", found)


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"

"""Examines installation and account, and changes nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.cli.finding import Finding
    from smart_leverage.settings import Settings

FOUND = 6


@command("smart-leverage doctor", "smart-leverage doctor --ledger runs/live --json")
def doctor(screen: Screen, ledger: LedgerPath = None) -> None:
    """Examine installation and account: what was found, and what would mend it.

    A line a check: ● is fine, ▲ is worth knowing, ■ is wrong. It only reads, beside a running
    account as well. Leaves with 6 when something is wrong. Before the first run there is only the
    installation to examine.
    """
    from smart_leverage.cli.places import place_of

    place = place_of(ledger)
    findings = [*_installation(place), *([] if place is None else _account(screen, place))]
    if screen.as_json:
        _record(screen, place, findings)
    else:
        screen.say(*(finding.line for finding in findings), _verdict(place, findings))
    if _count(findings, "WRONG"):
        raise typer.Exit(FOUND)


def _installation(place: Path | None) -> Iterator["Finding"]:
    from smart_leverage.cli import check_program as check
    from smart_leverage.cli.places import RUNS, configuration
    from smart_leverage.ledger.space import room

    yield check.program()
    yield check.database()
    yield from check.configuration(configuration(None, None if place is None else place.parent))
    yield check.disk(room(RUNS.absolute() if place is None else place))


def _account(screen: Screen, place: Path) -> Iterator["Finding"]:
    from smart_leverage.cli import check_account as check
    from smart_leverage.cli.check_ledger import ledger_checks
    from smart_leverage.cli.check_notify import notify_checks
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.runtime.presence import presence, venue

    folder = place.parent
    if (unreadable := check.unreadable(folder)) is not None:
        yield unreadable
        return
    present = presence(place)
    yield from check.folder_modes(place)
    yield check.process(present, folder)
    if check.is_in_real_time(folder, present):
        if (real := _at_a_broker(folder)) is None:
            yield check.venue_process(venue(folder), present)
        else:
            from smart_leverage.cli.check_broker import broker_checks

            yield from broker_checks(real, folder)
        yield check.token(folder)
        yield check.halt_file(folder)
        yield from notify_checks(folder, SystemClock().now_ns())
    yield check.emergency(place)
    now_ns = SystemClock().now_ns()
    yield from ledger_checks(place, present, now_ns, screen.progress("verifying"))


def _at_a_broker(folder: Path) -> "Settings | None":
    """Return the settings of an account that is at a real broker; None for any other."""
    from smart_leverage.cli.places import configuration
    from smart_leverage.domain.errors import ConfigError
    from smart_leverage.settings import load

    try:
        settings = load(configuration(None, folder)).settings
    except ConfigError:
        return None  # told in a line of its own
    return None if settings.account.mode == "sim" else settings


def _record(screen: Screen, place: Path | None, findings: Sequence["Finding"]) -> None:
    screen.record(
        {
            "ledger": None if place is None else str(place),
            "wrong": _count(findings, "WRONG"),
            "warnings": _count(findings, "WARNING"),
            "checks": [finding.fields() for finding in findings],
        }
    )


def _verdict(place: Path | None, findings: Sequence["Finding"]) -> str:
    wrong, warnings = _count(findings, "WRONG"), _count(findings, "WARNING")
    counted = f"{wrong} wrong, {warnings} {'warning' if warnings == 1 else 'warnings'}"
    told = counted if wrong or warnings else "nothing is wrong"
    where = "" if place else "; no account was run here yet, only the installation was examined"
    return f"{told}{where}"


def _count(findings: Sequence["Finding"], level: str) -> int:
    return sum(finding.level.name == level for finding in findings)

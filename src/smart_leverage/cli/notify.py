"""Who is told: a message through each channel to try it, and how the channels do."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import ConfigPath, LedgerPath, command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.notify.line import Outcome, Standing
    from smart_leverage.notify.post import Kept
    from smart_leverage.settings import Settings

UNREACHABLE = 4


@command("smart-leverage notify test", "smart-leverage notify test --channel mail")
def try_channels(
    screen: Screen,
    channel: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this one.  [default: all that are on]")
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Send one message through each channel that is on, and say what became of it.

    Leaves with 0 when all arrived, with 4 when one did not, and with 3 when none is on.
    """
    from smart_leverage.cli.places import configuration
    from smart_leverage.settings import load

    settings = load(configuration(config)).settings
    results = _tried(settings, channel)
    if screen.as_json:
        screen.record({name: _fields(outcome) for name, outcome in results.items()})
    else:
        screen.say(*(_line(name, outcome) for name, outcome in results.items()))
    if not all(outcome.is_sent for outcome in results.values()):
        raise typer.Exit(UNREACHABLE)


def _tried(settings: "Settings", channel: str | None) -> "dict[str, Outcome]":
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.domain.errors import ConfigError
    from smart_leverage.notify.sending import Network
    from smart_leverage.runtime.notifier.notifier import channels_of
    from smart_leverage.runtime.notifier.trying import tried
    from smart_leverage.wiring.notifying import notify_config

    channels = channels_of(notify_config(settings), Network())
    if channel is not None and channel not in channels:
        known = ", ".join(channels) or "none"
        raise ConfigError([f"notify.{channel}: this channel is not on; on are: {known}"])
    if not channels:
        right = 'enabled = "on" in [notify.mail], for one'
        raise ConfigError([f"notify: no channel is on; {right}"])
    account = settings.account
    wanted = channels if channel is None else {channel: channels[channel]}
    label = f"{account.mode.upper()} …{account.name[-4:]}"
    return tried(wanted, label, SystemClock().now_ns())


def _line(name: str, outcome: "Outcome") -> str:
    return f"● {name:<9} sent" if outcome.is_sent else f"■ {name:<9} not sent: {outcome.why}"


def _fields(outcome: "Outcome") -> dict[str, Any]:
    return {"sent": outcome.is_sent, "why": outcome.why}


@command("smart-leverage notify status", "smart-leverage notify status --json")
def status(screen: Screen, ledger: LedgerPath = None) -> None:
    """Show what each channel was sent, what waits, what was only counted, and what failed."""
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.notify.keeping import read_kept
    from smart_leverage.notify.post import Kept

    folder = ledger_path(ledger).parent
    kept = read_kept(folder)
    if screen.as_json:
        screen.record(_record(kept or Kept()))
    elif kept is None:
        screen.say(f"{folder}: nobody was told anything yet")
    else:
        _show(screen, kept, SystemClock().now_ns())


def _record(kept: "Kept") -> dict[str, Any]:
    channels = {
        name: {
            **_standing(line.standing),
            "waiting": len(line.waiting),
            "counted": line.missed.total + line.unheard.total,
        }
        for name, line in kept.lines.items()
    }
    return {
        "channels": channels,
        "watcher": _standing(kept.watcher),
        "told_to": max(kept.read_seq, 0),
    }


def _standing(standing: "Standing") -> dict[str, Any]:
    return {
        "sent": standing.sent,
        "last_sent_ns": standing.sent_ns or None,
        "failures": standing.failures,
        "last_failed_ns": standing.failed_ns or None,
        "why": standing.why,
    }


def _show(screen: Screen, kept: "Kept", now_ns: int) -> None:
    from smart_leverage.domain.stamps import second, span
    from smart_leverage.notify.keeping import failing

    failures = failing(kept, now_ns)
    rows = [
        [
            f"{'■' if name in failures else '●'} {name}",
            f"{line.standing.sent:,}",
            second(line.standing.sent_ns) if line.standing.sent else "never",
            f"{len(line.waiting):,}",
            f"{line.missed.total + line.unheard.total:,}",
            failures.get(name, ""),
        ]
        for name, line in kept.lines.items()
    ]
    numbers = [Column(title, is_number=True) for title in ("sent", "waiting", "counted")]
    sent, waiting, counted = numbers
    screen.table(
        (Column("channel"), sent, Column("last"), waiting, counted, Column("failing")), rows
    )
    screen.say("", f"told up to event {max(kept.read_seq, 0):,}")
    watcher = kept.watcher
    if watcher.sent or watcher.failures:
        last = f"{span(now_ns - watcher.sent_ns)} ago" if watcher.sent else "never"
        why = f"; failing: {watcher.why}" if watcher.failures else ""
        screen.say(f"outside watcher: last sign of life {last}{why}")

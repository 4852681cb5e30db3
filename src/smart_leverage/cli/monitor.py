"""Is it really that good, and does it still work? Asked daily, without being fooled by looking."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.research.verify.monitoring import Alarm, MonthAnswer, RateAnswer

FOUND = 6
EDGE_DAYS = 4
"""The first month counts as whole where the account was opened this early in it."""


class Past(NamedTuple):
    """What a ledger tells: one truth value per closed trade, whole months, days so far."""

    won: list[bool]
    scratches: int
    imported: int
    months: list[float]
    days: float


@command(
    "smart-leverage monitor --ledger runs/demo",
    "smart-leverage monitor --win-rate 0.50 --month 0.02 --json",
)
def monitor(
    screen: Screen,
    *,
    win_rate: Annotated[
        str, typer.Option(metavar="FRACTION", help="Is the win rate above this?")
    ] = "0.55",
    month: Annotated[
        str, typer.Option(metavar="FRACTION", help="Is the mean month above this?")
    ] = "0.05",
    broken: Annotated[
        str, typer.Option(metavar="FRACTION", help="Sound an alarm below this win rate.")
    ] = "0.45",
    worst: Annotated[
        str,
        typer.Option(metavar="FRACTION", help="No month can lose more than this; 1 is all of it."),
    ] = "1",
    ledger: LedgerPath = None,
) -> None:
    """Tell whether the account is above its bars, and whether it has stopped working.

    The answers hold at 95 % however often one looks, every day or after every trade: evidence of
    20 decides, and most days it is not decided yet. Trades that were imported are left out. Leaves
    with 6 while the alarm sounds.
    """
    from smart_leverage.cli.amounts import fraction
    from smart_leverage.cli.lacking import statistics
    from smart_leverage.cli.places import ledger_path

    bars = (
        float(fraction(win_rate, "--win-rate")),
        float(fraction(month, "--month")),
        float(fraction(broken, "--broken")),
    )
    floor = -float(fraction(worst, "--worst"))
    path = ledger_path(ledger)
    past = _past(path)
    with statistics("monitor"):
        rate, mean, alarm = _answers(past, bars, floor)
    if screen.as_json:
        screen.record(_fields(path, past, rate, mean, alarm))
    else:
        screen.say(*_lines(past, rate, mean, alarm))
    if alarm.is_sounding:
        raise typer.Exit(FOUND)


def _past(path: Path) -> Past:
    from smart_leverage.books.trades import Outcome
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.reports.curve import Curve
    from smart_leverage.reports.story import read_story

    with opened(path) as reader:
        story = read_story(reader, keeps_figures=False)
    every = sorted(story.book.trades(), key=lambda trade: trade.rank)
    own = [trade.outcome for trade in every if not trade.is_imported]
    curve = Curve(story)
    months = curve.months[:-1]  # whether the last one is over, nobody knows
    if months and int(story.calendar.day_of(curve.times[0])[-2:]) > EDGE_DAYS:
        months = months[1:]
    return Past(
        won=[each is Outcome.WON for each in own if each is not Outcome.SCRATCH],
        scratches=own.count(Outcome.SCRATCH),
        imported=len(every) - len(own),
        months=[each.change for each in months],
        days=curve.span_days,
    )


def _answers(
    past: Past, bars: tuple[float, float, float], worst: float
) -> tuple["RateAnswer", "MonthAnswer", "Alarm"]:
    from smart_leverage.domain.errors import ConfigError
    from smart_leverage.research.verify.monitoring import (
        has_stopped,
        is_month_above,
        is_rate_above,
    )

    try:
        return (
            is_rate_above(past.won, bars[0]),
            is_month_above(past.months, bars[1], worst),
            has_stopped(past.won, bars[2]),
        )
    except ValueError as error:  # a bar that is none, or a month below what no month can be
        raise ConfigError([str(error)], "monitor") from None


def _fields(
    path: Path, past: Past, rate: "RateAnswer", mean: "MonthAnswer", alarm: "Alarm"
) -> dict[str, Any]:
    return {
        "win_rate": rate,
        "month": mean,
        "stopped": alarm,
        "is_stopped": alarm.is_sounding,
        "scratches": past.scratches,
        "imported": past.imported,
        "days": past.days,
        "ledger": str(path),
    }


def _lines(past: Past, rate: "RateAnswer", mean: "MonthAnswer", alarm: "Alarm") -> Iterator[str]:
    left = [f"{past.scratches} scratched"] if past.scratches else []
    left += [f"{past.imported} imported"] if past.imported else []
    without = f", left out: {', '.join(left)}" if left else ""
    yield f"record    {len(past.won)} closed trades in {past.days:.0f} days{without}"
    yield f"win rate  {_rate(past, rate)}"
    yield f"month     {_month(mean)}"
    yield f"alarm     {_alarm(alarm)}"


def _rate(past: Past, told: "RateAnswer") -> str:
    from smart_leverage.domain.sentences import percent

    asked = f"above {percent(told.bar, 0)}?"
    if not told.trades:
        return f"{asked} nothing to go by: no closed trade yet"
    word = "not decided"
    if told.answer is not None:
        word = f"{'yes' if told.answer else 'no'}, since trade {told.decided:,}"
    shown = (
        f"{asked} {word}. {percent(told.wins / told.trades)} ({told.wins} of {told.trades}), in "
        f"truth between {percent(told.lower)} and {percent(told.upper)}; highest evidence for "
        f"it {told.evidence:.3g}, against it {told.counter:.3g}, 20 decides"
    )
    if told.answer is not None:
        return shown
    if told.needed is None:
        return f"{shown}; at this rate 100,000 more trades do not decide it"
    days = told.needed * past.days / told.trades
    return f"{shown}; at this rate {told.needed:,} more trades do, about {days:,.0f} days"


def _month(told: "MonthAnswer") -> str:
    from smart_leverage.domain.sentences import percent

    asked = f"above {percent(told.bar, 0)}?"
    if not told.months:
        return f"{asked} nothing to go by: no whole month yet"
    word = "yes" if told.answer else "not decided"
    shown = (
        f"{asked} {word}. {percent(told.mean)} in the mean of {told.months}; evidence "
        f"{told.evidence:.3g}, 20 decides, if no month can lose more than {percent(-told.worst, 0)}"
    )
    if told.answer:
        return shown
    if told.needed is None:
        return f"{shown}; 1,200 more months like these would not decide it"
    return f"{shown}; {told.needed:,} more months like these do"


def _alarm(told: "Alarm") -> str:
    from smart_leverage.domain.sentences import percent

    bar = f"a win rate below {percent(told.bar, 0)}"
    if not told.trades:
        return f"{bar}? nothing to go by: no closed trade yet"
    rule = "1,000 is the alarm, by chance at most once in 1,000 trades on average"
    level = f"level {told.level:.3g}, {told.highest:.3g} at its highest; {rule}"
    if told.is_sounding:
        return f"■ it has stopped working: {bar}, first told {told.since:,} trades ago; {level}"
    if told.since is not None:
        return f"▲ it had {bar}, first told {told.since:,} trades ago, and no longer has; {level}"
    return f"● no sign of {bar}: {level}"

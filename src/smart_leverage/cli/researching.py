"""What commands over bars have in common: their options, and the inputs made of them."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from smart_leverage.cli.options import ConfigPath
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.domain.opportunity import Opportunity
    from smart_leverage.market.bars import BarSeries
    from smart_leverage.research.kernel import Columns, Setup, Signals
    from smart_leverage.settings import Settings
    from smart_leverage.strategies.base import Strategy


class Proposer(StrEnum):
    """Who proposes where nobody is there to send orders."""

    MOMENTUM = "momentum"
    NONE = "none"


class Asked(NamedTuple):
    """What was typed about bars and who proposes; `options.command` makes options of the fields."""

    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="BARS...", help="CSV or Parquet, as BTC-USD.1h.csv, or a series of `data get`."
        ),
    ]
    strategy: Annotated[Proposer, typer.Option(help="Who proposes.")] = Proposer.MOMENTUM
    signals: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Opportunities from CSV or JSON lines."),
    ] = None
    cash: Annotated[
        str | None,
        typer.Option(metavar="MONEY", help="Opening cash.  [default: of the configuration]"),
    ] = None
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="First instant, 2024-01-01 or with a time.")
    ] = None
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Last instant; a date means its midnight.")
    ] = None
    quote: Annotated[
        list[str] | None,
        typer.Option(metavar="A=B", help="Count prices in A as prices in B, as USDT=USD."),
    ] = None
    drops_outside: Annotated[
        bool, typer.Option("--drop-outside", help="Leave out rows outside trading sessions.")
    ] = False
    trusts_jumps: Annotated[
        bool, typer.Option("--trust-jumps", help="Take prices that look false as true.")
    ] = False
    resumes_monthly: Annotated[
        bool,
        typer.Option("--resume-monthly", help="Play the person who lifts a halt in a new month."),
    ] = False
    config: ConfigPath = None


class Market(NamedTuple):
    """What the kernel is given, and what it was made of."""

    settings: "Settings"
    series: list["BarSeries"]
    bars: "Columns"
    signals: "Signals"
    setup: "Setup"


def market_of(screen: Screen, asked: Asked) -> Market:
    """Read bars and ask strategies.

    Raises:
        ConfigError: The settings ask for what the kernel does not play.
        BadData: A file cannot be used.
    """
    from smart_leverage.cli.inputs import aliases, read_bars, read_ideas, settings_for, span
    from smart_leverage.market.files import Reading
    from smart_leverage.research.kernel import columns_of, signals_of
    from smart_leverage.wiring.research import ladder_of, setup_of

    settings = settings_for(asked.config, asked.cash)
    setup = setup_of(settings, resumes_monthly=asked.resumes_monthly)
    alias = aliases(asked.quote or [])
    since_ns, until_ns = span(asked.since, asked.until)
    reading = Reading(
        quote_alias=alias, drops_outside=asked.drops_outside, trusts_jumps=asked.trusts_jumps
    )
    series = read_bars(screen, asked.files, reading, since_ns, until_ns)
    ideas = [] if asked.signals is None else read_ideas(asked.signals, alias)
    bars = columns_of(series, timezone=settings.risk.timezone, ladder=ladder_of(settings))
    signals = signals_of(_strategies(asked.strategy, ideas), series, bars)
    return Market(settings, series, bars, signals, setup)


def _strategies(strategy: Proposer, ideas: Sequence["Opportunity"]) -> list["Strategy"]:
    from smart_leverage.strategies.files import FileStrategy
    from smart_leverage.strategies.momentum import Momentum

    found: list[Strategy] = [Momentum()] if strategy is Proposer.MOMENTUM else []
    if ideas:
        found.append(FileStrategy(ideas))
    return found


def number(value: float, places: int = 4) -> str:
    """Return a number for a table, or a dash where it is not known."""
    import math

    return f"{value:.{places}g}" if math.isfinite(value) else "–"


def share(value: float, places: int = 1) -> str:
    """Return a fraction as people read it, or a dash where it is not known."""
    import math

    from smart_leverage.domain.sentences import percent

    return percent(value, places) if math.isfinite(value) else "–"

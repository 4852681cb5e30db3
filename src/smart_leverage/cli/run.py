"""A governed account: over price bars from files, or in real time on the embedded market."""

import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli import bars_table
from smart_leverage.cli.options import ConfigPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.cli.tally import Tally
    from smart_leverage.domain.opportunity import Opportunity
    from smart_leverage.market.bars import BarSeries
    from smart_leverage.runtime.bars import BarRun
    from smart_leverage.settings import Settings
    from smart_leverage.wiring import Traders

INTERRUPTED = 130


class Source(StrEnum):
    """Who proposes."""

    MOMENTUM = "momentum"
    OVERBUYER = "overbuyer"
    NONE = "none"


@command(
    "smart-leverage run prices/*-USDT.1h.parquet prices/TQQQ.1d.parquet --quote USDT=USD",
    "smart-leverage run --strategy overbuyer --name live",
)
def run(
    screen: Screen,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[BARS]...", help="CSV or Parquet, as BTC-USD.1h.csv; none runs in real time."
        ),
    ] = None,
    strategy: Annotated[
        Source | None,
        typer.Option(
            help="Who proposes: momentum, sized by the policy, or overbuyer, which buys anyhow; at "
            "a real broker only bots do.  [default: momentum]",
            show_default=False,
        ),
    ] = None,
    signals: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Opportunities from CSV or JSON lines, beside it."),
    ] = None,
    cash: Annotated[
        str | None,
        typer.Option(metavar="MONEY", help="Opening cash.  [default: of the configuration]"),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its folder is runs/NAME.  [default: a time]")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="First instant, 2024-01-01 or with a time.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Last instant; a date means its midnight.")
    ] = None,
    quote: Annotated[
        list[str] | None,
        typer.Option(metavar="A=B", help="Count prices in A as prices in B, as USDT=USD."),
    ] = None,
    drops_outside: Annotated[
        bool, typer.Option("--drop-outside", help="Leave out rows outside trading sessions.")
    ] = False,
    trusts_jumps: Annotated[
        bool, typer.Option("--trust-jumps", help="Take prices that look false as true.")
    ] = False,
    resumes_monthly: Annotated[
        bool,
        typer.Option("--resume-monthly", help="Play the person who lifts a halt in a new month."),
    ] = False,
    lasts_s: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", help="In real time: end by itself after so long."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Of the embedded market.")] = 1,
    config: ConfigPath = None,
) -> None:
    """Run a governed account with ledger, simulated broker and report.

    Over BARS, decisions see closed bars only and orders fill at the next opening, costs included;
    limits, stops and plans are those that would run live. A month that trips its loss limit halts
    the account until a person resumes it; --resume-monthly plays that person, and the ledger says
    so. Without BARS the account runs in real time: on a synthetic market with the broker as a
    process of its own, or, where the configuration says account.mode = "paper" or "live", at
    Alpaca. Started again with the same --name it goes on where it was, also after a crash. An
    account that `init` made runs by its own configuration, unless --config names another. Ctrl-C
    ends either where it is whole.
    """
    from smart_leverage.cli.inputs import aliases, read_bars, read_ideas, settings_for, span
    from smart_leverage.cli.runs import new_folder, note_latest, same_folder
    from smart_leverage.market.files import Reading

    settings = settings_for(config, cash, name)
    alias = aliases(quote or [])
    if not files:
        is_of_bars = resumes_monthly or drops_outside or trusts_jumps
        _refuse_of_bars(since, until, is_of_bars=is_of_bars)
        ideas = [] if signals is None else read_ideas(signals, alias)
        if settings.account.mode != "sim":
            _refuse_of_sim(strategy, cash, signals)
        _go_live(screen, same_folder(name, "live"), settings, strategy, ideas, lasts_s, seed)
        return
    if settings.account.mode != "sim":
        raise typer.BadParameter(
            f"a {settings.account.mode} account deals at the broker now, not over bars of the past",
            param_hint="BARS",
        )
    since_ns, until_ns = span(since, until)
    reading = Reading(quote_alias=alias, drops_outside=drops_outside, trusts_jumps=trusts_jumps)
    series = read_bars(screen, files, reading, since_ns, until_ns)
    ideas = [] if signals is None else read_ideas(signals, alias)
    traders = _traders(strategy, series, ideas)
    folder = new_folder(name, "run")
    note_latest(folder)
    _go(screen, folder, settings, series, traders, resumes_monthly=resumes_monthly)


def _refuse_of_sim(strategy: Source | None, cash: str | None, signals: Path | None) -> None:
    """At a real broker nobody proposes but bots, and the money is what the broker says."""
    given = {
        "--strategy": strategy not in (None, Source.NONE),
        "--cash": cash,
        "--signals": signals,
    }
    for option, is_given in given.items():
        if is_given:
            raise typer.BadParameter(
                "belongs to the embedded market; at a real broker bots trade through the gateway",
                param_hint=option,
            )


def _refuse_of_bars(since: str | None, until: str | None, *, is_of_bars: bool) -> None:
    if since or until or is_of_bars:
        raise typer.BadParameter(
            "--since, --until, --resume-monthly, --drop-outside and --trust-jumps belong to bars; "
            "name bar files",
            param_hint="BARS",
        )


def _go_live(
    screen: Screen,
    folder: Path,
    settings: "Settings",
    strategy: Source | None,
    ideas: Sequence["Opportunity"],
    lasts_s: float | None,
    seed: int,
) -> None:
    from smart_leverage.cli.live import go_live, market_of
    from smart_leverage.cli.reporting import write_run_report
    from smart_leverage.cli.runs import note_latest

    note_latest(folder)
    is_embedded = settings.account.mode == "sim"
    series = market_of(folder, seed) if is_embedded else []
    traders = _traders(strategy if is_embedded else Source.NONE, series, ideas)
    is_stopped = go_live(screen, folder, settings, series, traders, lasts_s=lasts_s)
    report = write_run_report(screen, folder, series)
    if screen.as_json:
        place = {"run": folder.name, "ledger": str(folder / "ledger.sqlite")}
        screen.record({**place, "report": str(report), "interrupted": is_stopped})
        return
    screen.say(f"report    {report}", f"to go on  smart-leverage run --name {folder.name}")


def _traders(
    strategy: Source | None, series: Sequence["BarSeries"], ideas: Sequence["Opportunity"]
) -> "Traders":
    from smart_leverage.strategies.base import Bot, Strategy
    from smart_leverage.strategies.files import FileStrategy
    from smart_leverage.strategies.momentum import Momentum
    from smart_leverage.strategies.overbuyer import Overbuyer
    from smart_leverage.wiring import Traders

    strategies: list[Strategy] = [Momentum()] if strategy in (None, Source.MOMENTUM) else []
    if ideas:
        strategies.append(FileStrategy(ideas))
    keys = [each.key for each in series]
    bots: list[Bot] = [Overbuyer(keys)] if strategy is Source.OVERBUYER else []
    return Traders(strategies=strategies, bots=bots)


def _go(
    screen: Screen,
    folder: Path,
    settings: "Settings",
    series: Sequence["BarSeries"],
    traders: "Traders",
    *,
    resumes_monthly: bool,
) -> None:
    from smart_leverage.cli.stopping import Stopping
    from smart_leverage.cli.tally import Tally
    from smart_leverage.market.feed import instants
    from smart_leverage.wiring import over_bars

    tally, total = Tally(), sum(map(len, series))
    show = screen.progress(f"{folder.name}: bars")
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    with (
        Stopping() as stopping,
        over_bars(
            folder,
            settings,
            series,
            traders,
            resumes_monthly=resumes_monthly,
            tell=tally.hear,
        ) as driver,
    ):
        done = driver.run(
            stopping.until_asked(instants(series)), lambda bars, at_ns: show(bars, total)
        )
        show(total if not stopping.is_asked else done.bars, total)
        counts = driver.trader.ledger.counts
        tier = driver.trader.engine.state.tier.name
        state = driver.trader.engine.state.trading.name.lower()
    spent = _spent(time.perf_counter() - wall_s, time.process_time() - cpu_s, done)
    spent |= {"events": counts.records, "commits": counts.commits}
    _tell(screen, folder, tally, done, spent, tier=tier, state=state, series=series)
    if stopping.is_asked:
        screen.note(f"interrupted: the ledger holds the run as far as it came ({done.bars:,} bars)")
        raise typer.Exit(INTERRUPTED)


def _spent(wall_s: float, cpu_s: float, done: "BarRun") -> dict[str, Any]:
    import resource
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    return {
        "bars": done.bars,
        "instants": done.instants,
        "wall_s": round(wall_s, 2),
        "cpu_s": round(cpu_s, 2),
        "memory_peak_mib": round(peak),
    }


def _tell(
    screen: Screen,
    folder: Path,
    tally: "Tally",
    done: "BarRun",
    spent: dict[str, Any],
    *,
    tier: str,
    state: str,
    series: Sequence["BarSeries"],
) -> None:
    from smart_leverage.cli.reporting import write_run_report
    from smart_leverage.cli.tally import signed
    from smart_leverage.domain.sentences import STATES, TIERS, money
    from smart_leverage.domain.stamps import iso
    from smart_leverage.policy.reasons import TradingState

    report = write_run_report(screen, folder, series)
    if screen.as_json:
        place = {"run": folder.name, "ledger": str(folder / "ledger.sqlite"), "report": str(report)}
        screen.record({**place, "tier": tier, "state": state, **tally.fields(), **spent})
        return
    screen.table(bars_table.COLUMNS, bars_table.rows(series))
    screen.say(*bars_table.doubts(series))
    screen.say("")
    if tally.first is not None and tally.last is not None:
        first, last = money(tally.first.equity), money(tally.last.equity)
        screen.say(f"equity    {first} → {last}   {signed(tally.change)}   to {iso(done.last_ns)}")
    word = STATES[TradingState[state.upper()]]
    screen.say(
        f"ended     {word.word} ({word.line}), tier {TIERS[tier]}",
        f"decided   {tally.words()}",
        f"happened  {_happened(tally)}",
        f"took      {_effort(spent)}",
        f"report    {report}",
    )


def _effort(spent: dict[str, Any]) -> str:
    return (
        f"{spent['bars']:,} bars in {spent['cpu_s']} s CPU, {spent['wall_s']} s, "
        f"{spent['memory_peak_mib']} MiB; {spent['events']:,} events, {spent['commits']:,} commits"
    )


def _happened(tally: "Tally") -> str:
    trips = [f"{name} limit tripped {count}×" for name, count in tally.trips.items() if count]
    parts = [
        *trips,
        f"{tally.locks} asset locks",
        f"{tally.tiers} tier changes",
        f"{tally.halts} halts",
        f"{tally.fills:,} fills",
    ]
    return ", ".join(parts)

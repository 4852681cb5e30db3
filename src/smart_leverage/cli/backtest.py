"""One account over price bars, as the compiled kernel plays it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli import bars_table
from smart_leverage.cli.options import command
from smart_leverage.cli.researching import Asked, Market, market_of, number, share
from smart_leverage.cli.screen import Screen
from smart_leverage.cli.telling import unwritable

if TYPE_CHECKING:
    from smart_leverage.research.backtest import Backtest


@command(
    "smart-leverage backtest prices/*-USDT.1h.parquet --quote USDT=USD --resume-monthly",
    "smart-leverage backtest BTC-USD.1h.csv --signals mine.csv --strategy none --html mine.html",
)
def backtest(
    screen: Screen,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write curve, decisions, fills and trades as Parquet files there."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a tear sheet as one page.")
    ] = None,
    asked: Asked,
) -> None:
    """Tell what the policy would have done with price bars.

    The same rules as `run`, decision for decision, compiled: no ledger, a fraction of the
    time. The first call compiles for a minute or two, once for each version. What is shown is
    one path of the past, costs included; it is no forecast.
    """
    from smart_leverage.research.backtest import backtest as play
    from smart_leverage.wiring import policy_of

    market = market_of(screen, asked)
    cpu_s = time.process_time()
    one = play(
        market.bars,
        market.signals,
        policy_of(market.settings),
        market.setup,
        timezone=market.settings.risk.timezone,
    )
    spent_s = time.process_time() - cpu_s
    written = [] if out is None else one.write(out)
    if html is not None:
        written.append(_page(market, one, html))
    if screen.as_json:
        screen.record(_fields(market, one, written))
        return
    screen.table(bars_table.COLUMNS, bars_table.rows(market.series))
    screen.say(*bars_table.doubts(market.series), "")
    screen.say(*_lines(market, one))
    screen.say(f"took      {market.bars.bars:,} bars in {spent_s:.2f} s CPU")
    screen.say(*(f"wrote     {file}" for file in written))


def _page(market: Market, one: "Backtest", to: Path) -> Path:
    """Write the tear sheet and return where it is."""
    import shlex
    import sys

    from smart_leverage.cli.reporting import files_of
    from smart_leverage.cli.version import line
    from smart_leverage.research.tear_sheet import TearSheet, write_tear_sheet

    settings = market.settings
    facts = [
        ("policy", f"preset {settings.policy.preset}, hash {settings.policy_hash()}"),
        ("program", line()),
        ("bars", f"{market.bars.bars:,} of {len(market.series)} instruments"),
        ("command", shlex.join(["smart-leverage", *sys.argv[1:]])),
    ]
    sheet = TearSheet(one, market.setup.cash, settings.risk.timezone)
    try:
        return write_tear_sheet(sheet, to, facts=facts, data=files_of(market.series))
    except OSError as error:
        raise unwritable(to, error) from error


def _fields(market: Market, one: "Backtest", written: list[Path]) -> dict[str, Any]:
    at = market.bars.instants["at"]
    return {
        "bars": market.bars.bars,
        "first_ns": int(at[0]),
        "last_ns": int(at[-1]),
        "cash": market.setup.cash,
        **one.figures,
        "decisions": len(one.decisions),
        "fills": len(one.fills),
        "tier": one.curve["tier"][-1],
        "state": one.curve["state"][-1],
        "denied_for": _reasons(one),
        "files": [str(file) for file in written],
    }


def _lines(market: Market, one: "Backtest") -> Iterator[str]:
    from decimal import Decimal

    from smart_leverage.cli.tally import signed
    from smart_leverage.domain.sentences import STATES, TIERS, money, short
    from smart_leverage.domain.stamps import iso
    from smart_leverage.policy.reasons import TradingState
    from smart_leverage.runtime.words import rate

    of = one.figures
    first, last = money(Decimal(repr(market.setup.cash))), money(Decimal(repr(of["equity"])))
    ended = STATES[TradingState[one.curve["state"][-1].upper()]]
    yield (
        f"equity    {first} → {last}   {signed(Decimal(repr(of['growth'])))}   "
        f"to {iso(int(market.bars.instants['at'][-1]))}"
    )
    yield f"ended     {ended.word} ({ended.line}), tier {TIERS[one.curve['tier'][-1].upper()]}"
    yield (
        f"drawdown  {share(of['drawdown'])} at the deepest; of a day {share(of['shortfall'], 2)} "
        "lost in the mean of the worst 2.5 %"
    )
    yield (
        f"months    {of['months']:.0f} whole, {of['months_good']:.0f} with +5 % or more and never "
        f"8 % down; mean {share(of['month_mean'])}, worst {share(of['month_worst'])}, "
        f"best {share(of['month_best'])}"
    )
    yield (
        f"held      {share(of['exposure'])} of equity in the mean, {share(of['exposure_crypto'])} "
        f"in crypto, {share(of['cap_use'], 0)} of its cap"
    )
    yield (
        f"trades    {of['trades']:.0f} closed, {of['forced']:.0f} of them by the house; won "
        f"{rate(int(of['wins']), int(of['wins'] + of['losses']))}; "
        f"turnover {number(of['turnover'])}× the cash, fees {money(Decimal(repr(of['fees'])))}"
    )
    reasons = ", ".join(f"{short(name)} {count:,}" for name, count in _reasons(one).items())
    yield f"decided   {of['bought']:,.0f} purchases granted, {of['denied']:,.0f} denied"
    yield f"reasons   {reasons or 'none'}"
    yield (
        f"happened  day limit tripped {of['trips_day']:.0f}×, "
        f"month limit {of['trips_month']:.0f}×, "
        f"{of['locks']:.0f} asset locks, {of['plans']:.0f} plans, {of['halts']:.0f} halts"
    )


def _reasons(one: "Backtest") -> dict[str, int]:
    """Return why purchases were cut or denied, the most frequent first."""
    bound = one.decisions.filter(
        one.decisions["is_buy"] & (one.decisions["given"] < one.decisions["asked"])
    )
    counts = bound["reason"].value_counts().sort("count", "reason", descending=[True, False])
    return dict(counts.iter_rows())

"""Fetches bars and quotes, keeps them, and tells what is held and what is missing in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.domain.instruments import AssetClass
    from smart_leverage.market.download.findings import Checked
    from smart_leverage.market.download.rows import RowSource
    from smart_leverage.market.download.store import Series
    from smart_leverage.market.placing import Hole

STORE = Path("prices")

StorePath = Annotated[
    Path, typer.Option("--store", metavar="FOLDER", help="Where series are kept.")
]
Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[SERIES]...", help="Folders of series.  [default: all]", show_default=False
    ),
]
KeysFile = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        help="Alpaca's key id and secret, one a line; of mode 0600.  [default: the environment]",
    ),
]
Url = Annotated[
    str, typer.Option("--url", metavar="URL", help="A server on this machine, as the source.")
]


class Adjustment(StrEnum):
    """What is taken out of prices of shares."""

    RAW = "raw"
    SPLIT = "split"
    DIVIDEND = "dividend"
    ALL = "all"


class Feed(StrEnum):
    """Whose trades and quotes, of shares."""

    SIP = "sip"
    IEX = "iex"
    OTC = "otc"
    BOATS = "boats"


@command("smart-leverage data list", "smart-leverage data list --store ~/prices --json")
def show(screen: Screen, store: StorePath = STORE) -> None:
    """List the series that are held, with range, rows and size.

    A folder of bars can be given wherever bar files are: backtest, sweep, compare, run.
    """
    from smart_leverage.domain.stamps import iso
    from smart_leverage.market.download.store import all_series

    held = all_series(store)
    if screen.as_json:
        for series in held:
            screen.record(_fields(series))
        return
    if not held:
        screen.say(f"no series below {store}; `smart-leverage data get` fetches one")
        return
    rows = []
    for series in held:
        one = _fields(series)
        first, last = (iso(at)[:16] if one["rows"] else "" for at in _ends(series))
        size = f"{one['bytes'] / 1e6:,.1f} MB"
        rows.append([one["series"], f"{one['rows']:,}", first, last, size, one["fetched"]])
    titles = ("series", "rows", "first", "last", "size", "fetched")
    screen.table([Column(name, name in ("rows", "size")) for name in titles], rows)


@command(
    "smart-leverage data get alpaca BTC/USD 1h --since 2022-01-01",
    "smart-leverage data get ccxt:kraken ETH/USD 1h --since 2024-01-01",
)
def get(
    screen: Screen,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="alpaca, or ccxt: and an exchange.")
    ],
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="BTC/USD or SPY.")],
    step: Annotated[
        str, typer.Argument(metavar="STEP", help="Length of a bar: 1m, 5m, 1h, 1d; or quotes.")
    ],
    *,
    since: Annotated[str, typer.Option(metavar="TIME", help="First instant, as 2022-01-01.")],
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Last instant.  [default: now]")
    ] = None,
    adjustment: Annotated[
        Adjustment, typer.Option(help="What is taken out of prices of shares.")
    ] = Adjustment.RAW,
    feed: Annotated[Feed, typer.Option(help="Of shares at Alpaca.")] = Feed.SIP,
    is_again: Annotated[bool, typer.Option("--again", help="Fetch all of it anew.")] = False,
    keys: KeysFile = None,
    url: Url = "",
    store: StorePath = STORE,
) -> None:
    """Fetch the bars, or quotes, that are not held yet.

    Interrupt it when you like: finished months stay (days, of quotes), and the same command goes on
    behind them. What has not ended and settled is not asked for. Adjusted prices of an earlier date
    are fetched anew when newer ones are added, since the two would not fit. What the source does
    not have is a hole, which is told and never filled.
    """
    from smart_leverage.cli.inputs import span
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.market.download.checking import check as checked
    from smart_leverage.market.download.fetching import get as fetched
    from smart_leverage.market.download.rows import BarSpan, Wanted
    from smart_leverage.market.download.store import series_of

    asked = BarSpan(*span(since, until))
    asset_class = _class_of(symbol)
    with _source(source, step, asset_class, feed.value, keys, url) as asks:
        wanted = Wanted(asset_class, symbol, step, adjustment.value)
        series = series_of(store, asks.name, wanted)
        now_ns = SystemClock().now_ns()
        progress = screen.progress(f"{symbol} {step}")
        got = fetched(series, asks, asked, now_ns, is_again=is_again, progress=progress)
    found = checked(series)
    if screen.as_json:
        screen.record(
            {
                **_fields(series),
                "kept": got.kept,
                "fetched": got.fetched,
                _word(series): got.rows,
                "findings": [_finding(f) for f in found.findings],
            }
        )
        return
    screen.say(
        f"{'●' if found.is_sound else '▲'} {series.path}: {got.rows:,} {_word(series)} are new, "
        f"{got.fetched} parts fetched, {got.kept} were there",
        *_told(found),
    )


@command(
    "smart-leverage data check",
    "smart-leverage data check prices/alpaca/BTC-USD/1h/raw --json",
)
def check(screen: Screen, paths: Paths = None, store: StorePath = STORE) -> None:
    """Tell what is missing in series, what cannot be, and what looks false; leaves with 6 then.

    Holes against the calendar of the class, bars that are there twice or out of order, values that
    are missing, prices that are not positive, a high below a low, jumps that look like a split,
    days under a finer step, damaged files. Of quotes: days without any, and stamps out of order;
    crossed and empty ones are counted. A hole that stayed empty when it was asked for again is
    told and is no fault.
    """
    from smart_leverage.market.download.checking import check as checked

    is_sound = True
    for series in _named(paths, store):
        found = checked(series)
        is_sound &= found.is_sound
        if screen.as_json:
            findings = [_finding(one) for one in found.findings]
            screen.record(
                {"series": str(series.path), "is_sound": found.is_sound, "findings": findings}
            )
        else:
            sign = "●" if found.is_sound else "■"
            screen.say(f"{sign} {series.path}: {found.rows:,} {_word(series)}", *_told(found))
    if not is_sound:
        raise typer.Exit(6)


@command(
    "smart-leverage data repair",
    "smart-leverage data repair prices/alpaca/BTC-USD/1h/raw",
)
def repair(
    screen: Screen,
    paths: Paths = None,
    keys: KeysFile = None,
    url: Url = "",
    store: StorePath = STORE,
) -> None:
    """Ask the sources again for the holes, and for files that are damaged.

    A row that is there is not replaced. What stayed empty is told and written down.
    """
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.market.download.repairing import repair as repaired

    for series in _named(paths, store):
        told = series.manifest
        kind, _, rest = told.source.partition("-")
        name = f"ccxt:{rest}" if kind == "ccxt" else kind
        feed = rest if kind == "alpaca" and rest else "sip"
        with _source(name, told.step, told.asset_class, feed, keys, url) as asks:
            progress = screen.progress(f"{told.symbol} {told.step}")
            done = repaired(series, asks, SystemClock().now_ns(), progress=progress)
        if screen.as_json:
            empty = [_hole(hole) for hole in done.empty]
            screen.record(
                {
                    "series": str(series.path),
                    "holes": done.holes,
                    _word(series): done.rows,
                    "mended": list(done.mended),
                    "empty": empty,
                }
            )
            continue
        screen.say(
            f"{'▲' if done.empty else '●'} {series.path}: {done.holes} holes, "
            f"{done.rows:,} {_word(series)} came, {len(done.empty)} holes stayed",
            *(f"  written anew: part {name}" for name in done.mended),
            *_shown(done.empty),
        )


# -- what was typed -------------------------------------------------------------------------------


def _class_of(symbol: str) -> "AssetClass":
    from smart_leverage.domain.instruments import AssetClass

    return AssetClass.CRYPTO if "/" in symbol else AssetClass.US_EQUITY


@contextmanager
def _source(
    name: str, step: str, asset_class: "AssetClass", feed: str, keys: Path | None, url: str
) -> Iterator["RowSource"]:
    """Open a source while the block runs."""
    from smart_leverage.domain.instruments import AssetClass
    from smart_leverage.market.download.rows import QUOTES

    kind, _, exchange = name.partition(":")
    if kind == "alpaca" and not exchange:
        from smart_leverage.brokers.alpaca.keys import keys_from
        from smart_leverage.market.download.alpaca import AlpacaBars, AlpacaQuotes

        needs_keys = keys or asset_class is AssetClass.US_EQUITY
        given = keys_from(keys, os.environ) if needs_keys else None
        kind_of = AlpacaQuotes if step == QUOTES else AlpacaBars
        with kind_of(asset_class, url=url, keys=given, feed=feed) as alpaca:
            yield alpaca
        return
    if kind != "ccxt" or not exchange:
        raise typer.BadParameter(f"{name!r}: alpaca, or ccxt:kraken", param_hint="SOURCE")
    if step == QUOTES:
        said = "exchanges publish no quotes of the past; alpaca does"
        raise typer.BadParameter(said, param_hint="STEP")
    from smart_leverage.market.download.exchanges import ExchangeBars

    asks = ExchangeBars(exchange, url=url)
    try:
        yield asks
    finally:
        asks.close()


def _named(paths: list[Path] | None, store: Path) -> list["Series"]:
    from smart_leverage.market.download.store import all_series, open_series

    found = [open_series(path) for path in paths] if paths else all_series(store)
    if not found:
        raise typer.BadParameter(f"no series below {store}", param_hint="--store")
    return found


# -- what is told ---------------------------------------------------------------------------------


def _ends(series: "Series") -> tuple[int, int]:
    held = [part for part in series.manifest.parts.values() if part.rows]
    return (held[0].first_ns, held[-1].last_ns) if held else (0, 0)


def _fields(series: "Series") -> dict[str, Any]:
    from smart_leverage.domain.stamps import iso

    told = series.manifest
    parts = list(told.parts.values())
    rows = sum(part.rows for part in parts)
    first_ns, last_ns = _ends(series)
    return {
        "series": str(series.path),
        "source": told.source,
        "symbol": told.symbol,
        "step": told.step,
        "adjustment": told.adjustment,
        "rows": rows,
        "first": iso(first_ns) if rows else None,
        "last": iso(last_ns) if rows else None,
        "parts_held": len(parts),
        "bytes": sum(part.bytes for part in parts),
        "fetched": max((part.as_of for part in parts), default=""),
    }


def _word(series: "Series") -> str:
    return "quotes" if series.holds_quotes else "bars"


def _finding(one: Any) -> dict[str, Any]:
    return {"kind": one.kind, "number": one.number, "said": one.said, "is_fault": one.is_fault}


def _told(found: "Checked") -> Iterator[str]:
    for one in found.findings:
        yield f"  {'▲' if one.is_fault else '○'} {one.kind} ({one.number:,}): {one.said}"


def _hole(hole: "Hole") -> dict[str, Any]:
    from smart_leverage.domain.stamps import iso

    return {"from": iso(hole.from_ns), "until": iso(hole.until_ns), "bars": hole.bars or None}


def _shown(holes: tuple["Hole", ...], most: int = 10) -> Iterator[str]:
    for hole in map(_hole, holes[:most]):
        bars = f", {hole['bars']:,} bars" if hole["bars"] else ""
        yield f"  ▲ empty at the source: {hole['from']} to {hole['until']}{bars}"
    if len(holes) > most:
        yield f"  and {len(holes) - most:,} more"

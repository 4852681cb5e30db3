"""Loads bar files: which rows are refused, and what the reader is told."""

import hashlib
import time
from array import array
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.market.columns import Columns, check_numbers
from smart_leverage.market.csv_rows import read_csv
from smart_leverage.market.declared import BarFile, Reading
from smart_leverage.market.download.reading import is_series, read_series
from smart_leverage.market.json_rows import read_json
from smart_leverage.market.jumps import judge_jumps
from smart_leverage.market.opening import content_of, identify, parse_step
from smart_leverage.market.parquet_rows import read_feather, read_parquet
from smart_leverage.market.placing import (
    Spans,
    count_holes,
    place_coins,
    place_days,
    place_intraday,
)
from smart_leverage.market.timing import (
    refuse_far,
    refuse_future,
    refuse_newest_first,
    refuse_wrong_step,
)

__all__ = ["BarFile", "Progress", "Reading", "load", "parse_step"]

_READERS = {
    ".csv": read_csv,
    ".feather": read_feather,
    ".json": read_json,
    ".parquet": read_parquet,
}

Progress = Callable[[int, int, BarSeries], None]
"""Called after each file with the files done, all files, and what was read."""


def load(
    files: Iterable[Path | BarFile],
    registry: Registry,
    *,
    reading: Reading | None = None,
    sessions: Sessions | None = None,
    progress: Progress | None = None,
) -> list[BarSeries]:
    """Read bar files, refuse what cannot be, and return one series per file in registry order.

    Nothing is filled in or repaired: a hole stays a hole and is counted.

    Args:
        files: CSV, JSON, Parquet or Feather with the columns ts (start of the bar), open, high,
            low, close, volume; symbol and step stand in the name, `BTC-USDT.1h.parquet`. Or the
            folder of a series that `data get` made.
        registry: Knows the instruments; decides by asset class how stamps are placed in time.
        reading: Aliases and declarations.
        sessions: Calendar of US securities; the exchange's own when None.
        progress: Told after each file.

    Raises:
        BadData: The file, the row (1 is the first below the header), the fault, and what would
            be right.
    """
    reading = reading or Reading()
    calendar = sessions or Sessions.xnys()
    now_ns = time.time_ns() if reading.now_ns is None else reading.now_ns
    wanted = [each if isinstance(each, BarFile) else BarFile(each) for each in files]
    loaded: dict[Key, BarSeries] = {}
    for number, file in enumerate(wanted, start=1):
        series = _load_one(file, registry, reading, calendar, now_ns)
        twin = loaded.get(series.key)
        if twin is not None:
            raise BadData(
                f"{series.key} was read already from {twin.source.name}",
                file=file.path,
                fix="give one file per instrument",
            )
        loaded[series.key] = series
        if progress is not None:
            progress(number, len(wanted), series)
    return sorted(loaded.values(), key=lambda each: registry.rank(each.key))


def _load_one(
    file: BarFile, registry: Registry, reading: Reading, sessions: Sessions, now_ns: int
) -> BarSeries:
    name = str(file.path)
    file, step_ns, rows, sha256 = _read(file, reading)
    instrument, quoted_in = _resolve(file.symbol or "", file, registry, reading.quote_alias)
    if not rows.ns:
        raise BadData(
            "the file has no rows, only names of columns", file=name, fix="fetch it again"
        )
    check_numbers(rows, name)
    spans = _place(rows, instrument, step_ns, sessions, reading, name)
    refuse_future(spans, now_ns, name)
    is_coin = instrument.asset_class is AssetClass.CRYPTO
    outside = frozenset(spans.outside)
    series = BarSeries(
        key=instrument.key,
        step_ns=step_ns,
        starts=spans.starts,
        ends=spans.ends,
        opens=_column(rows.opens, outside),
        highs=_column(rows.highs, outside),
        lows=_column(rows.lows, outside),
        closes=_column(rows.closes, outside),
        volumes=_column(rows.volumes, outside),
        source=Source(name, sha256, quoted_in, len(outside)),
        holes=count_holes(spans, step_ns, None if is_coin else sessions),
    )
    doubts = judge_jumps(series, spans.outside, name, trusts=reading.trusts_jumps)
    return replace(series, source=replace(series.source, doubts=doubts))


def _read(file: BarFile, reading: Reading) -> tuple[BarFile, int, Columns, str]:
    """Return a file with its symbol, its step, its rows and the hash of what was read."""
    if is_series(file.path):
        told, rows, sha256 = read_series(file.path)
        stored = replace(file, symbol=told.symbol, asset_class=told.asset_class)
        return stored, parse_step(told.step), rows, sha256
    content = content_of(file.path)
    symbol, step_ns = identify(file)
    read = _READERS[file.path.suffix.lower()]
    rows = read(content, str(file.path), is_naive_utc=reading.is_naive_utc, names=file.columns)
    return replace(file, symbol=symbol), step_ns, rows, hashlib.sha256(content).hexdigest()


def _column(values: list[float], outside: frozenset[int]) -> "array[float]":
    if outside:
        values = [value for index, value in enumerate(values) if index not in outside]
    return array("d", values)


def _place(
    rows: Columns,
    instrument: Instrument,
    step_ns: int,
    sessions: Sessions,
    reading: Reading,
    name: str,
) -> Spans:
    refuse_far(rows, name)
    refuse_newest_first(rows, name)
    if instrument.asset_class is AssetClass.CRYPTO:
        spans = place_coins(rows, step_ns, name)
    elif step_ns == DAY_NS:
        return place_days(rows, sessions, name)
    else:
        drops = reading.drops_outside
        spans = place_intraday(rows, step_ns, sessions, name, drops_outside=drops)
        if not spans.starts:
            raise BadData(
                "every row lies outside the trading sessions",
                file=name,
                fix="check the zone of the stamps",
            )
    refuse_wrong_step(spans, step_ns, name)
    return spans


def _resolve(
    symbol: str, file: BarFile, registry: Registry, alias: Mapping[str, str]
) -> tuple[Instrument, str]:
    """Return the instrument of a file and the quote that was accepted as another, if one was."""
    try:
        instrument = registry.resolve(symbol, file.asset_class, quote_alias=alias)
    except BadData as error:
        base, _, quote = symbol.replace("/", "-").rpartition("-")
        fix = error.fix
        if base and quote not in alias and f"{AssetClass.CRYPTO.value}:{base}/USD" in registry:
            fix = f"prices in {quote} count as US dollars only where an alias {quote}=USD says so"
        raise BadData(error.fault, file=file.path, fix=fix) from None
    for quote in alias:
        if instrument.asset_class is AssetClass.CRYPTO and symbol.endswith(quote):
            return instrument, quote
    return instrument, ""

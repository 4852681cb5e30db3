"""Loads bar files: what a file name means, which rows are refused, what the reader is told."""

import hashlib
import re
import time
from array import array
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.market.columns import Columns, check_numbers
from smart_leverage.market.csv_rows import read_csv
from smart_leverage.market.parquet_rows import read_parquet
from smart_leverage.market.placing import (
    Spans,
    count_holes,
    place_coins,
    place_days,
    place_intraday,
    refuse_far,
    refuse_future,
    refuse_wrong_step,
)

_READERS = {".csv": read_csv, ".parquet": read_parquet}
_UNITS_NS = {"s": SECOND_NS, "m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS}
_NAME_FIX = "name it like BTC-USDT.1h.parquet or TQQQ.1d.csv, or give symbol and step"
_LFS = b"version https://git-lfs.github.com/spec"

Progress = Callable[[int, int, BarSeries], None]
"""Called after each file with the files done, all files, and what was read."""


class BarFile(Struct, frozen=True):
    """A file whose name does not say what it holds; None leaves that part to the name."""

    path: Path
    symbol: str | None = None
    step: str | None = None
    asset_class: AssetClass | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """How files are to be understood; every departure from what stands there is stated here.

    Attributes:
        quote_alias: Quotes accepted as another, {"USDT": "USD"}; recorded in each series' source.
        is_naive_utc: Take stamps without a zone as UTC; otherwise they are refused.
        drops_outside: Leave out intraday rows of shares outside the regular sessions; otherwise
            they are refused. Recorded in each series' source.
        now_ns: Bars that end later are refused; None asks the machine's clock.
    """

    quote_alias: Mapping[str, str] = {}
    is_naive_utc: bool = False
    drops_outside: bool = False
    now_ns: int | None = None


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
        files: CSV or Parquet with the columns ts (start of the bar), open, high, low, close,
            volume; symbol and step stand in the name, `BTC-USDT.1h.parquet`.
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


def parse_step(text: str) -> int:
    """Return the nanoseconds of a step such as "5m", "1h" or "1d".

    Raises:
        BadData: It is not a number with s, m, h or d, or does not divide a day.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})([smhd])", text)
    step_ns = int(match[1]) * _UNITS_NS[match[2]] if match else 0
    if step_ns == 0 or DAY_NS % step_ns:
        raise BadData(
            f"step {text[:16]!a} is not a step", fix="one that divides a day: 1m, 5m, 1h, 1d"
        )
    return step_ns


def _load_one(
    file: BarFile, registry: Registry, reading: Reading, sessions: Sessions, now_ns: int
) -> BarSeries:
    name = str(file.path)
    symbol, step_ns, suffix = _identify(file)
    instrument, quoted_in = _resolve(symbol, file, registry, reading.quote_alias)
    content = _content(file.path)
    rows = _READERS[suffix](content, name, is_naive_utc=reading.is_naive_utc)
    if not rows.ns:
        raise BadData("the file has no rows", file=name, fix="leave it out")
    check_numbers(rows, name)
    spans = _place(rows, instrument, step_ns, sessions, reading, name)
    refuse_future(spans, now_ns, name)
    is_coin = instrument.asset_class is AssetClass.CRYPTO
    outside = frozenset(spans.outside)
    return BarSeries(
        key=instrument.key,
        step_ns=step_ns,
        starts=spans.starts,
        ends=spans.ends,
        opens=_column(rows.opens, outside),
        highs=_column(rows.highs, outside),
        lows=_column(rows.lows, outside),
        closes=_column(rows.closes, outside),
        volumes=_column(rows.volumes, outside),
        source=Source(name, hashlib.sha256(content).hexdigest(), quoted_in, len(outside)),
        holes=count_holes(spans, step_ns, None if is_coin else sessions),
    )


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
    if instrument.asset_class is AssetClass.CRYPTO:
        spans = place_coins(rows, step_ns, name)
    elif step_ns == DAY_NS:
        return place_days(rows, sessions, name)
    else:
        drops = reading.drops_outside
        spans = place_intraday(rows, step_ns, sessions, name, drops_outside=drops)
        if not spans.starts:
            raise BadData("every row lies outside the trading sessions", file=name)
    refuse_wrong_step(spans, step_ns, name)
    return spans


def _identify(file: BarFile) -> tuple[str, int, str]:
    """Return symbol, step and kind of a file, from its name where they are not given."""
    suffix = file.path.suffix.lower()
    if suffix not in _READERS:
        raise BadData(
            f"files of kind {suffix or '(none)'} cannot be read",
            file=file.path,
            fix="give .parquet or .csv",
        )
    symbol, _, step = file.path.name.removesuffix(file.path.suffix).rpartition(".")
    symbol, step = file.symbol or symbol, file.step or step
    if not symbol or not step:
        raise BadData(
            "the name does not say which instrument and step", file=file.path, fix=_NAME_FIX
        )
    try:
        return symbol, parse_step(step), suffix
    except BadData as error:
        raise BadData(error.fault, file=file.path, fix=_NAME_FIX) from None


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


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadData("there is no such file", file=path) from None
    except OSError as error:
        raise BadData(f"the file cannot be read: {error.strerror}", file=path) from None
    if not content:
        raise BadData("the file is empty", file=path, fix="fetch it again")
    if content.startswith(_LFS):
        raise BadData(
            "the file is a Git LFS pointer, not the data", file=path, fix="run git lfs pull"
        )
    return content

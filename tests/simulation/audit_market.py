"""Prices for the auditor: bar files or rows in columns, and one line of instants through them.

Part of the auditor: standard library, polars for Parquet, a calendar of the exchange for shares,
and nothing of what is audited.
"""

import csv
import heapq
import re
import warnings
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STEPS = {"s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": DAY}
QUOTES = ("USD", "USDT", "USDC")
"""Quotes that count as dollars."""

Row = tuple[str, int, int, float, float, float, float]
"""Key, start, end, open, high, low, close."""


class Series:
    """The bars of one instrument, one typed array per column; the high is of no use here."""

    __slots__ = ("closes", "ends", "key", "lows", "opens", "starts")

    def __init__(self, key: str) -> None:
        self.key = key
        self.starts, self.ends = array("q"), array("q")
        self.opens, self.lows, self.closes = array("d"), array("d"), array("d")

    def add(self, start: int, end: int, opened: float, low: float, close: float) -> None:
        self.starts.append(start)
        self.ends.append(end)
        self.opens.append(opened)
        self.lows.append(low)
        self.closes.append(close)


class Closing(NamedTuple):
    """A bar that ends now."""

    key: str
    start: int
    low: float
    close: float


class Moment(NamedTuple):
    """One instant: what ends, and (key, open) of what begins."""

    at: int
    closes: list[Closing]
    opens: list[tuple[str, float]]


def when(at: int) -> str:
    """Return an instant as people read it."""
    return f"{EPOCH + timedelta(microseconds=at // 1000):%Y-%m-%d %H:%M:%S}Z"


def series_of(rows: Iterable[Row]) -> list[Series]:
    """Put rows in columns, one series per key, in time order."""
    found: dict[str, Series] = {}
    for key, start, end, opened, _, low, close in rows:
        found.setdefault(key, Series(key)).add(start, end, opened, low, close)
    return list(found.values())


def moments(series: Sequence[Series]) -> Iterator[Moment]:
    """Yield every instant at which a bar ends or starts; one bar per series is looked at a time."""
    heap: list[tuple[int, int, int, int]] = []  # when, 0 ends and 1 starts, which series, which row
    for number, each in enumerate(series):
        if each.starts:
            heap += [(each.starts[0], 1, number, 0), (each.ends[0], 0, number, 0)]
    heapq.heapify(heap)
    while heap:
        at = heap[0][0]
        moment = Moment(at, [], [])
        while heap and heap[0][0] == at:
            _, kind, number, row = heap[0]
            each = series[number]
            if kind:
                moment.opens.append((each.key, each.opens[row]))
                column = each.starts
            else:
                moment.closes.append(
                    Closing(each.key, each.starts[row], each.lows[row], each.closes[row])
                )
                column = each.ends
            if row + 1 < len(column):
                heapq.heapreplace(heap, (column[row + 1], kind, number, row + 1))
            else:
                heapq.heappop(heap)
        yield moment


# -- files ----------------------------------------------------------------------------------------


def read_file(path: Path) -> Series:
    """Read a file named like BTC-USDT.1h.parquet or TQQQ.1d.csv.

    A coin's bar begins at its stamp. A share's daily bar lasts from the opening of its session to
    the close, an hourly one is cut to the session it lies in.
    """
    match = re.fullmatch(r"(.+)\.(\d+)([smhd])", path.stem)
    if match is None:
        raise ValueError(f"{path.name}: not named like BTC-USDT.1h.parquet")
    name, step = match[1], int(match[2]) * STEPS[match[3]]
    base, _, quote = name.replace("/", "-").rpartition("-")
    is_coin = bool(base) and quote in QUOTES and "-" not in base
    if base and not is_coin:
        raise ValueError(f"{path.name}: {name} is neither a coin in dollars nor a share")
    series = Series(f"crypto:{base}/USD" if is_coin else f"us_equity:{name}")
    for at, opened, low, close in _rows(path):
        span = (at, at + step) if is_coin else _in_session(at, step)
        if span is not None:
            series.add(*span, opened, low, close)
    return series


def _rows(path: Path) -> Iterator[tuple[int, float, float, float]]:
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                yield _stamp(row["ts"]), float(row["open"]), float(row["low"]), float(row["close"])
        return
    import polars as pl  # only here, so that everything else runs without it

    frame = pl.read_parquet(path, columns=["ts", "open", "low", "close"])
    if frame.schema["ts"] == pl.Date:
        frame = frame.with_columns(pl.col("ts").cast(pl.Datetime("ns")))
    stamps = frame["ts"].dt.epoch("ns")
    yield from zip(stamps, frame["open"], frame["low"], frame["close"], strict=True)


def _stamp(text: str) -> int:
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (at - EPOCH) // timedelta(microseconds=1) * 1000


def _in_session(at: int, step: int) -> tuple[int, int] | None:
    day = date(1970, 1, 1) + timedelta(days=at // DAY)
    session = _sessions().get(day)
    if session is None:
        return None
    if step == DAY:
        return session
    start, end = max(at, session[0]), min(at + step, session[1])
    return (start, end) if start < end else None


@cache
def _sessions() -> dict[date, tuple[int, int]]:
    """Return opening and close of every session, by the exchange's own calendar."""
    import exchange_calendars  # it loads pandas, which only files of shares are worth

    with warnings.catch_warnings(action="ignore"):  # what it says of pandas does not concern us
        calendar = exchange_calendars.get_calendar("XNYS", start="1980-01-01")
        opens, closes = calendar.opens, calendar.closes
    return {
        label.date(): (opened.value, close.value)
        for label, opened, close in zip(opens.index, opens, closes, strict=True)
    }

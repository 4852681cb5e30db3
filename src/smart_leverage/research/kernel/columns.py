"""Bars of many instruments as columns over one line of instants; what cannot be is refused.

Nothing is ever filled in. A hole stays a hole: the instrument has no bar then, its last price grows
old, and no purchase is carried by it. An instrument whose bars end stays in the account at its last
price, counted with the haircut of an old one, until it is sold or the bars are over. A bar of a US
security has to lie inside a session: one that ends at midnight would be known before its close was
traded.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.calendars import NEVER_NS, RiskCalendar, Sessions
from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.stamps import iso
from smart_leverage.market.bars import BarSeries
from smart_leverage.research.kernel.exact import UNITS
from smart_leverage.research.kernel.ladder import CELL, Ladder, learn

_EPOCH = date(1970, 1, 1)
_PRICES = ("opens", "highs", "lows", "closes")
_MARK_EVERY_NS = 60 * SECOND_NS
_AHEAD = timedelta(days=400)
"""Deadlines that lie farther behind the last bar are never reached."""

INSTANT = np.dtype(
    [(name, "i8") for name in ("at", "day", "month", "day_ends", "opens_at", "closes_at", "traded")]
    + [(name, "u1") for name in ("closes", "opens", "is_session", "is_day_new")]
)
"""An instant: UTC ns; number of risk day and month; when the day ends; next open and close of US
sessions and the ns they have traded; whether any bar ends or starts."""

SESSION = np.dtype([(name, "i8") for name in ("opens", "traded")])
"""A US session: its open, and the ns that were traded before it."""

FACT = np.dtype(
    [(name, "i8") for name in ("lot", "step", "places")]
    + [(name, "f8") for name in ("lot_size", "notional_min", "factor", "maintenance", "initial")]
    + [(name, "u1") for name in ("is_coin", "is_crypto", "is_leveraged", "is_broad", "is_by_day")],
    align=True,
)
"""What is true of an instrument: lot and order step in units of 1e-9, decimals of its price step,
lot in coins or shares, smallest purchase in money, daily multiple of a fund, the parts of its value
that must be own money by day and over a close, asset class and groups."""


class Columns(NamedTuple):
    """Bars over instants; read-only, and shared by every account of a sweep.

    Attributes:
        keys: (n_assets,) instruments by key.
        instants: (n_instants,) of `INSTANT`, every moment at which a bar ends or starts.
        cells: (n_instants, n_assets) of `ladder.CELL`.
        low: (n_instants, n_assets) least price that is met then: the low of a bar that ends, the
            last good price once the opens are printed; 0.0 before any.
        close: (n_instants, n_assets) last good price once the closes are known; 0.0 before any.
            Of this and of `low` the prices of an instrument lie side by side in memory.
        ratio: (n_instants, n_assets) recent over usual volatility once the closes are known; NaN
            until there is one.
        facts: (n_assets,) of `FACT`.
        sessions: (n_sessions,) of `SESSION`; empty where there are only coins.
        bars: How many bars there are.
    """

    keys: tuple[Key, ...]
    instants: npt.NDArray[Any]
    cells: npt.NDArray[Any]
    low: npt.NDArray[np.float64]
    close: npt.NDArray[np.float64]
    ratio: npt.NDArray[np.float64]
    facts: npt.NDArray[Any]
    sessions: npt.NDArray[Any]
    bars: int

    @property
    def dead(self) -> dict[Key, int]:
        """Return when the bars of an instrument ended, where that is before the last instant."""
        ended: dict[Key, int] = {}
        for place, key in enumerate(self.keys):
            last = int(np.flatnonzero(self.cells["closes"][:, place])[-1])
            if last < len(self.instants) - 1:
                ended[key] = int(self.instants["at"][last])
        return ended


def check_begin(bars: Columns) -> None:
    """Refuse columns that were cut out of longer ones and still count days from those.

    An account opens on day 0; with another number its first instant would begin a second day.

    Raises:
        BadData: The first instant is of a later day, or begins one.
    """
    first = bars.instants[:1]
    if len(first) and (first["day"][0] != 0 or first["is_day_new"][0]):
        raise BadData(
            f"the first instant is of day {first['day'][0]}, and an account opens on day 0",
            fix="count days from the first instant, which begins none",
        )


def columns_of(
    series: Sequence[BarSeries],
    registry: Registry | None = None,
    *,
    timezone: str = "America/New_York",
    ladder: Ladder | None = None,
    now_ns: int | None = None,
) -> Columns:
    """Return bars as columns.

    Args:
        series: One per instrument, in any order; steps and calendars may differ.
        registry: Knows the instruments; the packaged one when None.
        timezone: Risk days and months begin at its midnight.
        ladder: How prices are believed and volatility is learned.
        now_ns: The present; bars that end later are refused. None asks the clock.

    Raises:
        BadData: A column is shorter than another, a stamp is there twice or out of order, a bar
            ends in the future or outside of a session, a price cannot be, an instrument is unknown
            or has two series.
    """
    registry = registry or Registry.builtin()
    known = time.time_ns() if now_ns is None else now_ns
    ordered = sorted(series, key=lambda each: each.key)
    if not ordered:
        raise BadData("there are no bars", fix="give at least one series")
    for one, other in pairwise(ordered):
        if one.key == other.key:
            raise BadData(f"{one.key} has two series", fix="give one series per instrument")
    instruments = [_instrument(registry, each) for each in ordered]
    for each, instrument in zip(ordered, instruments, strict=True):
        check(each, instrument.asset_class, known)
    at = np.unique(np.concatenate([_ints(c) for each in ordered for c in (each.starts, each.ends)]))
    cells = _cells(ordered, at)
    has_shares = any(each.asset_class is AssetClass.US_EQUITY for each in instruments)
    instants, sessions = _instants(at, cells, timezone, has_shares=has_shares)
    ratio = learn(at, cells, ladder or Ladder())
    return Columns(
        keys=tuple(each.key for each in ordered),
        instants=instants,
        cells=cells,
        low=np.asfortranarray(np.fmin(cells["low"], np.nan_to_num(cells["mark_open"]))),
        close=np.asfortranarray(np.nan_to_num(cells["mark_close"])),
        ratio=ratio,
        facts=_facts(instruments),
        sessions=sessions,
        bars=sum(map(len, ordered)),
    )


def check(series: BarSeries, asset_class: AssetClass, now_ns: int) -> None:
    """Refuse a series that cannot be what it says.

    Raises:
        BadData: The first fault, with its row from 1.
    """
    file = series.source.name
    columns = {name: np.asarray(getattr(series, name)) for name in ("starts", "ends", *_PRICES)}
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
        raise BadData(
            f"{series.key}: columns of unequal length: {lengths}", file=file, fix="read it anew"
        )
    if not len(series):
        raise BadData(f"{series.key} has no bars", file=file, fix="leave it out")
    starts, ends, opens, highs, lows, closes = columns.values()
    repeated = np.concatenate([[False], starts[1:] == starts[:-1]])
    overlaps = np.concatenate([[False], starts[1:] < ends[:-1]])
    with np.errstate(invalid="ignore"):
        is_sound = (
            (lows > 0.0)
            & (lows <= opens)
            & (opens <= highs)
            & (lows <= closes)
            & (closes <= highs)
            & (highs < np.inf)
        )
    faults = (
        (repeated, "is there twice", "keep one row per bar"),
        (overlaps, "begins before the bar before it has ended", "sort the rows, oldest first"),
        (ends <= starts, "ends before it begins", "an end is after its start"),
        (ends > now_ns, "ends in the future", "leave out bars that have not ended"),
        (~is_sound, "has prices that cannot be", "0 < low <= open, close <= high, all finite"),
    )
    for is_faulty, fault, fix in faults:
        if is_faulty.any():
            row = int(np.argmax(is_faulty))
            at = iso(int(starts[row]))
            raise BadData(f"{series.key}: the bar at {at} {fault}", file=file, row=row + 1, fix=fix)
    if asset_class is AssetClass.US_EQUITY:
        _check_sessions(series, starts, ends)


def _check_sessions(series: BarSeries, starts: Any, ends: Any) -> None:
    opens, closes = _sessions_around(int(starts[0]), int(ends[-1]))
    place = np.searchsorted(opens, starts, side="right") - 1
    is_inside = (place >= 0) & (ends <= closes[np.maximum(place, 0)])
    if not is_inside.all():
        row = int(np.argmin(is_inside))
        raise BadData(
            f"{series.key}: the bar at {iso(int(starts[row]))} does not lie inside a session",
            file=series.source.name,
            row=row + 1,
            fix="a day of a share begins and ends with its session, not at midnight",
        )


def _instrument(registry: Registry, series: BarSeries) -> Instrument:
    if series.key not in registry:
        raise BadData(
            f"{series.key} is not in the registry",
            file=series.source.name,
            fix="add the instrument to the registry first",
        )
    instrument = registry[series.key]
    if instrument.tick.normalize().as_tuple().digits != (1,) or instrument.tick > 1:
        raise BadData(
            f"{series.key} has a price step of {instrument.tick}", fix="one, or 0.1, 0.01 and so on"
        )
    return instrument


def _ints(column: Any) -> npt.NDArray[np.int64]:
    return np.asarray(column, dtype=np.int64)


def _cells(ordered: Sequence[BarSeries], at: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    cells = np.zeros((len(at), len(ordered)), dtype=CELL)
    for name in ("first", "high", "low", "close", "print"):
        cells[name] = np.nan
    for place, series in enumerate(ordered):
        ended = np.searchsorted(at, _ints(series.ends))
        began = np.searchsorted(at, _ints(series.starts))
        columns = zip(("first", "high", "low", "close"), _PRICES, strict=True)
        for name, column in columns:
            cells[name][ended, place] = np.asarray(getattr(series, column))
        cells["start"][ended, place] = _ints(series.starts)
        cells["closes"][ended, place] = 1
        cells["print"][began, place] = np.asarray(series.opens)
        cells["opens"][began, place] = 1
    return cells


def _instants(
    at: npt.NDArray[np.int64], cells: npt.NDArray[Any], timezone: str, *, has_shares: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    instants = np.zeros(len(at), dtype=INSTANT)
    instants["at"] = at
    instants["closes"] = cells["closes"].any(axis=1)
    instants["opens"] = cells["opens"].any(axis=1)
    calendar = RiskCalendar(timezone)
    days = list(_spans(at, calendar.day_start_ns, calendar.next_day_ns))
    ends = np.array([end for _, end in days])
    instants["day"] = np.searchsorted(ends, at, side="right")
    instants["day_ends"] = ends[instants["day"]]
    months = np.array([end for _, end in _spans(at, calendar.day_start_ns, calendar.next_month_ns)])
    instants["month"] = np.searchsorted(months, at, side="right")
    instants["is_day_new"][1:] = instants["day"][1:] != instants["day"][:-1]
    _check_marks(instants)
    sessions = np.zeros(0, dtype=SESSION)
    if has_shares:
        sessions = _heed_sessions(instants)
    return instants, sessions


def _spans(at: npt.NDArray[np.int64], start: Any, after: Any) -> Iterator[tuple[int, int]]:
    """Yield begin and end of every day, or month, from the first instant to the last."""
    begin = start(int(at[0]))
    while begin <= at[-1]:
        end = after(max(begin, int(at[0])))
        yield begin, end
        begin = end


def _check_marks(instants: npt.NDArray[Any]) -> None:
    """The engine marks the equity once a minute at most, so closes have to be that far apart."""
    closing = instants["at"][instants["closes"] > 0]
    if len(closing) > 1 and int(np.diff(closing).min()) < _MARK_EVERY_NS:
        at = int(closing[int(np.argmin(np.diff(closing)))])
        raise BadData(f"bars end less than a minute apart at {iso(at)}", fix="use bars of a minute")


def _sessions_around(
    first_ns: int, last_ns: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return opens and closes of the sessions from a week before to a year behind a span."""
    table = Sessions.xnys()
    first = max(_EPOCH + timedelta(days=first_ns // DAY_NS - 7), table.first)
    last = min(_EPOCH + timedelta(days=last_ns // DAY_NS) + _AHEAD, table.last)
    sessions = list(table.between(first, last))
    return (
        np.array([each.open_ns for each in sessions], dtype=np.int64),
        np.array([each.close_ns for each in sessions], dtype=np.int64),
    )


def _heed_sessions(instants: npt.NDArray[Any]) -> npt.NDArray[Any]:
    at = instants["at"]
    opens, closes = _sessions_around(int(at[0]), int(at[-1]))
    traded = np.concatenate([[0], np.cumsum(closes - opens)])
    begun = np.searchsorted(opens, at, side="right")
    left = np.maximum(closes[np.maximum(begun - 1, 0)] - at, 0)
    instants["traded"] = np.where(begun > 0, traded[begun] - left, 0)
    instants["is_session"] = (begun > 0) & (left > 0)
    never = np.array([NEVER_NS])
    instants["opens_at"] = np.concatenate([opens, never])[begun]
    after = np.searchsorted(closes, at, side="right")
    instants["closes_at"] = np.concatenate([closes, never])[after]
    sessions = np.zeros(len(opens), dtype=SESSION)
    sessions["opens"], sessions["traded"] = opens, traded[:-1]
    return sessions


def _facts(instruments: Sequence[Instrument]) -> npt.NDArray[Any]:
    facts = np.zeros(len(instruments), dtype=FACT)
    for place, each in enumerate(instruments):
        fact = facts[place]
        fact["lot"] = int(each.lot * UNITS)
        fact["step"] = int(each.size_step * UNITS)
        fact["places"] = -each.tick.adjusted()
        fact["lot_size"] = float(each.lot)
        fact["notional_min"] = float(each.notional_min)
        fact["factor"] = float(each.factor)
        fact["is_coin"] = each.asset_class is AssetClass.CRYPTO
        fact["is_crypto"] = each.is_crypto
        fact["is_leveraged"] = each.is_leveraged
        fact["is_broad"] = each.is_broad
        fact["maintenance"] = float(each.margin_rate)
        fact["initial"] = float(each.margin_rate_initial)
        fact["is_by_day"] = each.is_intraday
    return facts

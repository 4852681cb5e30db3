from datetime import UTC, date, datetime
from pathlib import Path

import exchange_calendars
import polars as pl
import pytest

from smart_leverage.domain.calendars import (
    NEVER_NS,
    AlwaysOpen,
    Session,
    Sessions,
    TradingCalendar,
    calendar_for,
)
from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass

MARKET_DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
XNYS = Sessions.xnys()
COINS = calendar_for(AssetClass.CRYPTO)


def ns(text: str) -> int:
    """Return the instant of a UTC time written as 2026-11-25T14:30, seconds optional."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.filterwarnings("ignore:Series.values:DeprecationWarning")
def test_every_packaged_session_is_the_referees():
    # The packaged table is made from this library; the test also notices when it learns better.
    schedule = exchange_calendars.get_calendar("XNYS", start=XNYS.first, end=XNYS.last).schedule
    theirs = [
        Session(date=day.date(), open_ns=opened.value, close_ns=closed.value)
        for day, opened, closed in zip(
            schedule.index.as_unit("ns"),
            schedule["open"].dt.as_unit("ns"),
            schedule["close"].dt.as_unit("ns"),
            strict=True,
        )
    ]
    assert list(XNYS.between(XNYS.first, XNYS.last)) == theirs


@pytest.mark.needs("market-data")
@pytest.mark.parametrize("file", ["etf/SPY", "stock/GE", "stock/KO"])
def test_every_day_with_prices_is_a_session_and_the_other_way_round(file):
    rows = pl.scan_parquet(MARKET_DATA / f"{file}.1d.parquet").select(pl.col("ts").dt.date())
    days = [day for (day,) in rows.collect().iter_rows() if day >= XNYS.first]
    assert [session.date for session in XNYS.between(days[0], days[-1])] == days


def test_what_the_table_covers():
    assert (XNYS.first, XNYS.last) == (date(1970, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("day", "opened", "closed"),
    [
        pytest.param("2026-11-25", "14:30", "21:00", id="winter"),
        pytest.param("2026-07-02", "13:30", "20:00", id="summer"),
        pytest.param("2026-11-27", "14:30", "18:00", id="day-after-thanksgiving"),
        pytest.param("2026-12-24", "14:30", "18:00", id="christmas-eve"),
        pytest.param("2026-03-09", "13:30", "20:00", id="new-york-changed-europe-did-not"),
        pytest.param("2024-02-29", "14:30", "21:00", id="leap-day"),
    ],
)
def test_the_hours_of_a_session(day, opened, closed):
    session = XNYS.session_on(date.fromisoformat(day))
    assert session == (date.fromisoformat(day), ns(f"{day}T{opened}"), ns(f"{day}T{closed}"))
    assert session.minutes == (ns(f"{day}T{closed}") - ns(f"{day}T{opened}")) // MINUTE_NS


@pytest.mark.parametrize(
    "day",
    [
        pytest.param("2026-11-26", id="thanksgiving"),
        pytest.param("2026-11-28", id="saturday"),
        pytest.param("2026-07-03", id="independence-day-observed"),
        pytest.param("2025-01-09", id="national-mourning"),
        pytest.param("2001-09-12", id="attack"),
        pytest.param("2012-10-29", id="storm"),
    ],
)
def test_days_without_a_session(day):
    assert XNYS.session_on(date.fromisoformat(day)) is None
    assert not XNYS.is_open(ns(f"{day}T15:00"))


def test_a_session_is_open_at_its_open_and_closed_at_its_close():
    opened, closed = ns("2026-11-25T14:30"), ns("2026-11-25T21:00")
    assert [XNYS.is_open(at) for at in (opened - 1, opened, closed - 1, closed)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("at", "next_open", "next_close"),
    [
        pytest.param("2026-11-25T14:29:59", "2026-11-25T14:30", "2026-11-25T21:00", id="before"),
        pytest.param("2026-11-25T14:30", "2026-11-27T14:30", "2026-11-25T21:00", id="at-the-open"),
        pytest.param("2026-11-25T21:00", "2026-11-27T14:30", "2026-11-27T18:00", id="at-the-close"),
        pytest.param("2026-11-26T15:00", "2026-11-27T14:30", "2026-11-27T18:00", id="holiday"),
        pytest.param("2026-11-27T18:00", "2026-11-30T14:30", "2026-11-30T21:00", id="weekend"),
    ],
)
def test_the_next_open_and_close_lie_strictly_ahead(at, next_open, next_close):
    assert XNYS.next_open(ns(at)) == ns(next_open)
    assert XNYS.next_close(ns(at)) == ns(next_close)


@pytest.mark.parametrize(
    ("from_", "to", "minutes"),
    [
        pytest.param("2026-11-25T00:00", "2026-11-26T00:00", 390, id="a-day"),
        pytest.param("2026-11-27T00:00", "2026-11-28T00:00", 210, id="a-short-day"),
        pytest.param("2026-11-25T20:50", "2026-11-27T14:40", 20, id="across-a-holiday"),
        pytest.param("2026-11-28T00:00", "2026-11-30T00:00", 0, id="a-weekend"),
        pytest.param("2026-11-25T15:00", "2026-11-25T15:01:59", 1, id="whole-minutes"),
        pytest.param("2026-11-25T16:00", "2026-11-25T15:00", 0, id="backwards"),
        pytest.param("1970-01-01T00:00", "1970-01-02T14:31", 1, id="from-the-first-day"),
    ],
)
def test_minutes_of_trading_between_two_instants(from_, to, minutes):
    assert XNYS.open_minutes(ns(from_), ns(to)) == minutes


@pytest.mark.parametrize(
    ("from_", "minutes", "due"),
    [
        pytest.param("2026-11-25T15:00", 30, "2026-11-25T15:30", id="within-a-session"),
        pytest.param("2026-11-25T20:50", 10, "2026-11-25T21:00", id="just-at-the-close"),
        pytest.param("2026-11-25T20:50", 30, "2026-11-27T14:50", id="across-a-holiday"),
        pytest.param("2026-11-28T12:00", 30, "2026-11-30T15:00", id="set-at-a-weekend"),
        pytest.param("2026-11-28T12:00", 0, "2026-11-28T12:00", id="no-minutes"),
        pytest.param("2026-11-24T21:00", 390 + 210 + 1, "2026-11-30T14:31", id="days"),
    ],
)
def test_a_deadline_counts_minutes_of_trading(from_, minutes, due):
    assert XNYS.after_open_minutes(ns(from_), minutes) == ns(due)


@pytest.mark.parametrize("at", ["1969-12-31T23:59:59", "2031-01-01T00:00"])
def test_outside_the_table_nothing_is_guessed(at):
    asked = (
        XNYS.is_open,
        XNYS.next_open,
        XNYS.next_close,
        lambda at_ns: XNYS.open_minutes(at_ns, at_ns),
        lambda at_ns: XNYS.after_open_minutes(at_ns, 1),
        lambda at_ns: XNYS.session_on(datetime.fromisoformat(at).date()),
    )
    for question in asked:
        with pytest.raises(BadData, match="covered are 1970-01-01 to 2030-12-31"):
            question(ns(at))


def test_an_answer_beyond_the_table_is_not_guessed():
    evening = ns("2030-12-31T22:00")
    assert not XNYS.is_open(evening)
    with pytest.raises(BadData):
        XNYS.next_open(evening)
    with pytest.raises(BadData):
        XNYS.next_close(evening)
    with pytest.raises(BadData):
        XNYS.after_open_minutes(evening, 1)
    with pytest.raises(BadData):
        list(XNYS.between(date(2030, 12, 31), date(2031, 1, 1)))


def test_coins_trade_at_every_instant():
    sunday = ns("2026-11-29T03:00")
    assert COINS.is_open(sunday)
    assert COINS.next_open(sunday) == COINS.next_close(sunday) == NEVER_NS
    assert COINS.open_minutes(sunday, ns("2026-11-30T03:00:59")) == 1440
    assert COINS.open_minutes(sunday, sunday - 1) == 0
    assert COINS.after_open_minutes(sunday, 30) == ns("2026-11-29T03:30")


def test_the_session_of_coins_is_the_utc_day():
    day = date(2026, 11, 29)
    assert COINS.session_on(day) == (day, ns("2026-11-29T00:00"), ns("2026-11-30T00:00"))


@pytest.mark.parametrize(
    ("asset_class", "kind"), [(AssetClass.US_EQUITY, Sessions), (AssetClass.CRYPTO, AlwaysOpen)]
)
def test_each_class_has_its_calendar(asset_class, kind):
    calendar: TradingCalendar = calendar_for(asset_class)
    assert isinstance(calendar, kind)
    assert calendar_for(asset_class) is calendar

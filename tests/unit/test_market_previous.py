"""What an instrument closed at on the day before: by the days by which its bars are cut."""

from datetime import date
from decimal import Decimal

import pytest
from tests.unit.test_market_history import BTC, EVERYTHING, SPY, ns, series

from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.timeframes import DAY, BarCalendar
from smart_leverage.market.history import EmbeddedMarket
from smart_leverage.market.previous import PreviousCloses
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate

SHARES = series(
    SPY,
    [
        ("2026-11-24 20:59", 600, 600, 600, 600, 1),
        ("2026-11-25 14:30", 610, 610, 610, 610, 1),
        ("2026-11-25 20:59", 620, 620, 620, 620, 1),
        ("2026-11-27 14:30", 630, 630, 630, 630, 1),
    ],
)
COINS = series(
    BTC,
    [
        ("2026-11-25 23:59", 100, 100, 100, 100, 1),
        ("2026-11-26 00:00", 101, 101, 101, 101, 1),
        ("2026-11-26 04:59", 102, 102, 102, 102, 1),
        ("2026-11-26 23:59", 103, 103, 103, 103, 1),
    ],
)


@pytest.mark.parametrize(
    ("key", "now", "close"),
    [
        pytest.param(SPY, "2026-11-25 14:00", "600", id="before-the-opening"),
        pytest.param(SPY, "2026-11-25 23:59", "600", id="after-the-close"),
        pytest.param(SPY, "2026-11-26 00:00", "600", id="still-the-day-in-new-york"),
        pytest.param(SPY, "2026-11-26 04:59", "600", id="the-last-minute-of-it"),
        pytest.param(SPY, "2026-11-26 05:00", "620", id="the-next-day-there"),
        pytest.param(SPY, "2026-11-27 15:00", "620", id="over-a-holiday"),
        pytest.param(BTC, "2026-11-25 23:59", None, id="no-day-before"),
        pytest.param(BTC, "2026-11-26 00:00", "100", id="coins-by-utc"),
        pytest.param(BTC, "2026-11-26 05:00", "100", id="coins-all-day"),
        pytest.param(BTC, "2026-11-27 00:00", "103", id="coins-the-day-after"),
        pytest.param(Key("crypto:ETH/USD"), "2026-11-27 00:00", None, id="not-in-the-market"),
    ],
)
def test_the_last_close_before_the_present_day(key: Key, now: str, close: str | None) -> None:
    found = PreviousCloses([SHARES, COINS]).at(key, ns(now))
    assert found == (None if close is None else Decimal(close))


def test_it_is_the_close_of_the_last_daily_bar_before_the_present_one() -> None:
    """One truth: a position's price of the day before is the one that the daily bars show."""
    made = generate(SyntheticMarket(seed=5, first_day=date(2026, 11, 23), days=6, step_s=3600))
    market, closes = EmbeddedMarket(lambda: made), PreviousCloses(made)
    compared = 0
    for each in made:
        cut = BarCalendar(AssetClass(each.key.partition(":")[0]))
        for now_ns in range(ns("2026-11-23 00:00"), ns("2026-11-28 00:00"), HOUR_NS):
            days = market.bars(each.key, DAY, EVERYTHING, now_ns)
            past = [day.close for day in days if day.at_ns < cut.day_start_ns(now_ns)]
            expected = Decimal(repr(past[-1])) if past else None
            assert closes.at(each.key, now_ns) == expected, (each.key, now_ns)
            compared += bool(past)
    assert compared > 100

"""Quotes between bars: inside the range, in order, and silent where nothing trades."""

from datetime import date

import pytest

from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.stamps import read_stamp
from smart_leverage.market.clip import clip
from smart_leverage.market.quotes import HALF_SPREAD, QuotePath
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate

BTC, SPY = Key("crypto:BTC/USD"), Key("us_equity:SPY")
SERIES = [
    each
    for each in generate(SyntheticMarket(seed=5, first_day=date(2024, 3, 4), days=2))
    if each.key in (BTC, SPY)
]


def at(text: str) -> int:
    return read_stamp(text).ns


def test_a_quote_lies_around_a_price_of_its_bar() -> None:
    path, btc = QuotePath(SERIES), SERIES[0]
    for bar in btc.bars(0, 50):
        for part in range(10):
            (quote,) = path.at(bar.start_ns + (bar.end_ns - bar.start_ns) * part // 10)
            assert quote.key == BTC
            assert bar.low * (1 - 1e-9) <= quote.middle <= bar.high * (1 + 1e-9)
            assert quote.bid < quote.middle < quote.ask
            assert quote.ask / quote.bid - 1 == pytest.approx(2 * HALF_SPREAD, rel=1e-3)


def test_a_bar_is_walked_from_its_open_over_both_extremes_to_its_close() -> None:
    path, btc = QuotePath(SERIES), SERIES[0]
    rising = next(bar for bar in btc if bar.close > bar.open and bar.low < bar.open)
    step = (rising.end_ns - rising.start_ns) // 3
    first, low, high = (path.at(rising.start_ns + step * leg)[0].middle for leg in range(3))
    assert first == pytest.approx(rising.open, rel=1e-9)
    assert low == pytest.approx(rising.low, rel=1e-9)
    assert high == pytest.approx(rising.high, rel=1e-9)


@pytest.mark.parametrize(
    ("moment", "keys"),
    [
        pytest.param("2024-03-04T03:00:00Z", [BTC], id="night"),
        pytest.param("2024-03-04T14:29:59Z", [BTC], id="before-the-bell"),
        pytest.param("2024-03-04T14:30:00Z", [BTC, SPY], id="at-the-bell"),
        pytest.param("2024-03-04T21:00:00Z", [BTC], id="at-the-close"),
    ],
)
def test_shares_are_silent_outside_their_sessions(moment: str, keys: list[Key]) -> None:
    assert [quote.key for quote in QuotePath(SERIES).at(at(moment))] == keys


def test_nothing_is_quoted_after_the_end() -> None:
    path = QuotePath(SERIES)
    assert path.until_ns == at("2024-03-06T00:00:00Z")
    assert path.at(path.until_ns) == []


def test_a_closed_bar_is_told_once_and_the_latest_only() -> None:
    path, start = QuotePath(SERIES), at("2024-03-04T00:00:00Z")
    assert list(path.closed(start, start + 4 * MINUTE_NS)) == []
    ((key, bar),) = path.closed(start, start + 11 * MINUTE_NS)
    assert (key, bar.end_ns) == (BTC, start + 10 * MINUTE_NS)
    assert list(path.closed(start + 11 * MINUTE_NS, start + 14 * MINUTE_NS)) == []


def test_a_part_holds_the_bars_between_two_instants_and_counts_its_own_holes() -> None:
    spy = SERIES[1]
    part = clip(spy, at("2024-03-04T15:00:00Z"), at("2024-03-05T15:00:00Z"))
    assert part.starts[0] == at("2024-03-04T15:00:00Z")
    assert part.ends[-1] == at("2024-03-05T15:00:00Z")
    assert len(part) == 6 * 12 + 6
    assert part.holes.count == 0  # the night between is no hole
    assert part.source == spy.source
    assert list(part) == [bar for bar in spy if part.starts[0] <= bar.start_ns < part.ends[-1]]


def test_a_part_beyond_the_bars_is_empty() -> None:
    assert len(clip(SERIES[0], SERIES[0].ends[-1], SERIES[0].ends[-1] + HOUR_NS)) == 0

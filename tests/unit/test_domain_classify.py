from decimal import Decimal

import pytest

from smart_leverage.domain.classify import (
    classify,
    coin_lot,
    coin_tick,
    maintenance_rates,
    nearest_power_of_ten,
    stock,
    unknown_coin,
    unknown_equity,
)
from smart_leverage.domain.errors import BadData


@pytest.mark.parametrize(
    ("value", "power"),
    [
        pytest.param("1", "1", id="itself"),
        pytest.param("3.16", "1", id="just-under-the-middle"),
        pytest.param("3.17", "10", id="just-over-the-middle"),
        pytest.param("0.0002", "0.0001", id="small"),
        pytest.param("500", "1000", id="large"),
    ],
)
def test_nearest_power_of_ten(value, power):
    assert nearest_power_of_ten(Decimal(value)) == Decimal(power)


def test_a_large_power_of_ten_is_written_in_plain_digits():
    assert str(nearest_power_of_ten(Decimal(500))) == "1000"


@pytest.mark.parametrize(
    ("price", "lot"),
    [
        pytest.param("50000", "1e-7", id="bitcoin"),
        pytest.param("2000", "1e-5", id="ether"),
        pytest.param("0.5", "0.01", id="half-a-dollar"),
        pytest.param("0.00001", "1000", id="a-meme"),
        pytest.param("1e9", "1e-9", id="never-below-the-increment"),
    ],
)
def test_a_lot_of_a_coin_is_worth_about_a_cent(price, lot):
    assert coin_lot(Decimal(price)) == Decimal(lot)


@pytest.mark.parametrize(
    ("price", "tick"), [("50000", "0.01"), ("2000", "0.01"), ("0.5", "1e-6"), ("1e-5", "1e-10")]
)
def test_a_tick_of_a_coin_follows_its_price(price, tick):
    assert coin_tick(Decimal(price)) == Decimal(tick)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_a_price_must_be_a_positive_number(price):
    with pytest.raises(BadData, match="not a positive number"):
        coin_lot(Decimal(price))
    with pytest.raises(BadData, match="not a positive number"):
        maintenance_rates(Decimal(1), Decimal(price))


# Alpaca's table of 2026-09-17 for the price bands; FINRA Regulatory Notice 09-53 for the factors.
@pytest.mark.parametrize(
    ("factor", "price", "long", "short"),
    [
        pytest.param("1", "100", "0.30", "0.30", id="plain"),
        pytest.param("-1", "100", "0.30", "0.30", id="inverse"),
        pytest.param("1.5", "100", "0.375", "0.45", id="one-and-a-half"),
        pytest.param("2", "100", "0.50", "0.60", id="twice"),
        pytest.param("-2", "100", "0.50", "0.60", id="twice-inverse"),
        pytest.param("3", "100", "0.75", "0.90", id="three-times"),
        pytest.param("-3", "100", "0.75", "0.90", id="three-times-inverse"),
        pytest.param("5", "100", "1", "1", id="never-above-the-whole"),
        pytest.param("1", "2.49", "1", "1.0041", id="penny-share"),
        pytest.param("1", "2.50", "0.50", "1", id="edge-of-the-cheap-band"),
        pytest.param("1", "6.00", "0.50", "0.8334", id="last-of-the-cheap-band"),
        pytest.param("1", "6.01", "0.30", "0.8320", id="first-of-the-plain-band"),
        pytest.param("1", "4.99", "0.50", "1", id="short-below-five"),
        pytest.param("1", "5.00", "0.50", "1", id="short-at-five"),
        pytest.param("3", "4", "0.75", "1", id="cheap-fund"),
    ],
)
def test_maintenance_rates(factor, price, long, short):
    rates = maintenance_rates(Decimal(factor), Decimal(price))
    assert rates == (Decimal(long), Decimal(short))


def test_a_plain_stock():
    one = stock("F", "Ford Motor Company", Decimal("12.5"))
    assert one.factor == 1
    assert (one.is_leveraged, one.is_crypto, one.marginable) == (False, False, True)
    assert (one.lot, one.tick) == (Decimal("0.0001"), Decimal("0.01"))
    assert one.size_step == 1
    assert (one.maintenance_rate_long, one.reference_price) == (Decimal("0.30"), Decimal("12.5"))


def test_an_unknown_share_is_read_in_the_strictest_way():
    one = unknown_equity("ZZZZ")
    assert one.factor == 3
    assert one.is_leveraged
    assert (one.marginable, one.shortable, one.fractionable) == (False, False, False)
    assert one.maintenance_rate_long == one.maintenance_rate_short == one.lot == 1


def test_an_unknown_coin_counts_as_crypto():
    one = unknown_coin("FOO/USD", Decimal("0.3"))
    assert (one.is_crypto, one.is_leveraged) == (True, True)
    assert (one.marginable, one.shortable) == (False, False)
    assert (one.lot, one.size_step) == (Decimal("0.1"), Decimal("0.1"))
    assert (one.underlying, one.fee_asset) == ("FOO", "FOO")
    assert one.maintenance_rate_long == 1
    assert one.notional_min == 10


@pytest.mark.parametrize(
    ("spelling", "symbol"),
    [
        ("FOO/USD", "FOO/USD"),
        ("FOO-USD", "FOO/USD"),
        ("FOOUSD", "FOO/USD"),
        ("FOOUSDT", "FOO/USDT"),
        ("FOOBTC", "FOO/BTC"),
    ],
)
def test_an_unknown_coin_has_one_key_however_it_is_spelled(spelling, symbol):
    assert unknown_coin(spelling, Decimal(1)).key == f"crypto:{symbol}"


@pytest.mark.parametrize("spelling", ["FOO", "USD", "/USD", "FOO/", "A/B/USD", "foo/usd", "A-B/C"])
def test_a_coin_pair_without_two_sides_is_refused(spelling):
    with pytest.raises(BadData):
        unknown_coin(spelling, Decimal(1))


@pytest.mark.parametrize("symbol", ["", "tqqq", " SPY", "SPY ", "ＳＰＹ", "../X", "A" * 26])
def test_what_is_not_a_symbol_is_refused(symbol):
    with pytest.raises(BadData, match="not a symbol"):
        unknown_equity(symbol)
    with pytest.raises(BadData, match="not a symbol"):
        stock(symbol, "x", Decimal(1))


@pytest.mark.parametrize(
    ("name", "factor", "is_crypto"),
    [
        pytest.param("Ford Motor Company", 1, False, id="plain"),
        pytest.param("Direxion Daily Auto Bull 2X ETF", 3, False, id="leveraged"),
        pytest.param("Some Dogecoin Trust", 3, True, id="coins"),
        pytest.param("", 3, False, id="nameless"),
    ],
)
def test_a_listed_symbol_is_classified_by_its_name(name, factor, is_crypto):
    one = classify("ZZZZ", name, Decimal(20))
    assert one.factor == factor
    assert one.is_crypto is is_crypto

from decimal import Decimal

import pytest

from smart_leverage.domain.instruments import AssetClass, key_of
from smart_leverage.domain.registry import Registry

REGISTRY = Registry.builtin()
BITCOIN = REGISTRY[key_of(AssetClass.CRYPTO, "BTC/USD")]
TQQQ = REGISTRY[key_of(AssetClass.US_EQUITY, "TQQQ")]


def test_a_key_names_class_and_symbol():
    assert key_of(AssetClass.CRYPTO, "BTC/USD") == "crypto:BTC/USD"
    assert key_of(AssetClass.US_EQUITY, "BTC") == "us_equity:BTC"


@pytest.mark.parametrize(
    ("qty", "lots"),
    [
        pytest.param("0.0000003", 3, id="exact"),
        pytest.param("0.00000039999", 3, id="dust-is-left-over"),
        pytest.param("-0.00000039999", -3, id="toward-zero-for-a-short"),
        pytest.param("0.0000002999999999999999999999999999999999", 2, id="never-rounded-up"),
    ],
)
def test_lots_in_a_quantity(qty, lots):
    assert BITCOIN.lot == Decimal("1e-7")
    assert BITCOIN.lots(Decimal(qty)) == lots


def test_a_quantity_of_lots_is_exact():
    assert BITCOIN.quantity(123_456_789) == Decimal("12.3456789")


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        pytest.param("0.9999", "0.0001", id="below-a-dollar"),
        pytest.param("1", "0.01", id="a-dollar"),
        pytest.param("50", "0.01", id="above"),
    ],
)
def test_the_tick_of_a_share_is_finer_below_a_dollar(price, tick):
    assert TQQQ.tick_at(Decimal(price)) == Decimal(tick)


def test_the_tick_of_a_coin_does_not_depend_on_its_price():
    assert BITCOIN.tick_at(Decimal("0.5")) == BITCOIN.tick

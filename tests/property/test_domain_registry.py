from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_leverage.domain.classify import coin_lot, maintenance_rates, unknown_coin
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.registry import Registry

REGISTRY = Registry.builtin()
prices = st.decimals("1e-9", "1e6", places=9, allow_nan=False).filter(lambda price: price > 0)
factors = st.decimals("-3", "3", places=2)
pairs = [one for one in REGISTRY.values() if one.asset_class is AssetClass.CRYPTO]


@given(st.sampled_from(list(REGISTRY.values())))
def test_every_symbol_resolves_to_itself_within_its_class(instrument):
    assert REGISTRY.resolve(instrument.symbol, instrument.asset_class) is instrument


@given(st.sampled_from(pairs), st.sampled_from(["/", "-", ""]))
def test_every_spelling_of_a_pair_has_one_key(instrument, separator):
    spelling = instrument.symbol.replace("/", separator)
    assert REGISTRY.resolve(spelling) is instrument


spelled = {one.symbol for one in REGISTRY.values()} | {
    one.symbol.replace("/", by) for one in pairs for by in ("-", "")
}
typed = st.from_regex(r"[A-Z]{1,6}[/-]?(USD|USDT)?", fullmatch=True)


@given((st.text(max_size=30) | typed).filter(lambda text: text not in spelled))
@settings(max_examples=200)
def test_any_other_text_is_refused_with_a_short_sentence(spelling):
    with pytest.raises(BadData) as refusal:
        REGISTRY.resolve(spelling)
    assert len(str(refusal.value)) < 300


@given(prices)
def test_a_lot_is_a_power_of_ten_worth_about_a_cent(price):
    lot = coin_lot(price)
    assert lot.normalize().as_tuple().digits == (1,)
    assert lot == Decimal("1e-9") or Decimal("0.003") < lot * price < Decimal("0.032")


@given(prices, st.integers(-(2**53), 2**53))
def test_lots_and_quantities_agree(price, lots):
    coin = unknown_coin("FOO/USD", price)
    assert coin.lots(coin.quantity(lots)) == lots


@given(prices, st.decimals("0", "1e9", places=12))
def test_lots_never_promise_more_than_there_is(price, qty):
    coin = unknown_coin("FOO/USD", price)
    counted = coin.quantity(coin.lots(qty))
    assert counted <= qty < counted + coin.lot


@given(factors, factors, prices)
def test_more_leverage_never_needs_less_margin(one, other, price):
    low, high = sorted((one, other), key=abs)
    for lower, higher in zip(
        maintenance_rates(low, price), maintenance_rates(high, price), strict=True
    ):
        assert Decimal("0.30") <= lower <= higher


@given(factors, prices, prices)
def test_a_cheaper_share_never_needs_less_margin(factor, one, other):
    cheap, dear = sorted((one, other))
    for lower, higher in zip(
        maintenance_rates(factor, dear), maintenance_rates(factor, cheap), strict=True
    ):
        assert lower <= higher

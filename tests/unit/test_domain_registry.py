import copy
import pickle
from collections import Counter
from decimal import Decimal

import msgspec
import pytest

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Key, key_of
from smart_leverage.domain.registry import Registry, stock, unknown_coin

REGISTRY = Registry.builtin()
EQUITY, CRYPTO = AssetClass.US_EQUITY, AssetClass.CRYPTO
USDT_IS_USD = {"USDT": "USD"}


def fund(symbol):
    return REGISTRY[key_of(EQUITY, symbol)]


@pytest.mark.parametrize("spelling", ["BTC/USD", "BTC-USD", "BTCUSD"])
@pytest.mark.parametrize("asset_class", [None, CRYPTO])
def test_every_spelling_of_a_pair_is_one_instrument(spelling, asset_class):
    assert REGISTRY.resolve(spelling, asset_class).key == "crypto:BTC/USD"


@pytest.mark.parametrize("symbol", ["BTC", "ETH", "XRP", "USD"])
def test_a_fund_with_the_letters_of_a_currency_needs_its_class(symbol):
    assert REGISTRY.resolve(symbol, EQUITY).key == f"us_equity:{symbol}"
    with pytest.raises(BadData, match=f"ambiguous.*us_equity:{symbol}"):
        REGISTRY.resolve(symbol)


def test_an_ambiguous_symbol_names_what_it_may_mean():
    with pytest.raises(BadData, match="us_equity:BTC, crypto:BTC/USD"):
        REGISTRY.resolve("BTC")


@pytest.mark.parametrize(
    ("spelling", "asset_class", "nearest"),
    [
        pytest.param("TQQQQ", None, "us_equity:TQQQ", id="typing-error"),
        pytest.param("btc/usd", None, "crypto:BTC/USD", id="lower-case"),
        pytest.param("BTC", CRYPTO, "crypto:BTC/USD", id="half-a-pair"),
        pytest.param("AAVE", None, "crypto:AAVE/USD", id="coin-code-alone"),
        pytest.param("BTC/USDT", None, "crypto:BTC/USD", id="another-quote"),
        pytest.param("ETHUSD", EQUITY, "us_equity:ETHU", id="of-the-other-class"),
    ],
)
def test_an_unknown_symbol_names_the_nearest(spelling, asset_class, nearest):
    with pytest.raises(BadData, match=f"unknown; nearest known: .*{nearest}"):
        REGISTRY.resolve(spelling, asset_class)


@pytest.mark.parametrize(
    "spelling",
    [
        "",
        " BTC/USD",
        "BTC/USD ",
        "BTC//USD",
        "BTC/USD/",
        "ＢＴＣ/USD",
        "ВТС/USD",
        "BTC USD",
        "x" * 999,
    ],
)
def test_no_other_spelling_slips_through(spelling):
    with pytest.raises(BadData, match="unknown") as caught:
        REGISTRY.resolve(spelling, quote_alias=USDT_IS_USD)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("spelling", ["BTC/USDT", "BTC-USDT", "BTCUSDT"])
def test_another_quote_is_read_as_dollars_only_when_asked(spelling):
    assert REGISTRY.resolve(spelling, quote_alias=USDT_IS_USD).key == "crypto:BTC/USD"
    with pytest.raises(BadData):
        REGISTRY.resolve(spelling)


@pytest.mark.parametrize("spelling", ["USDT", "/USDT", "BTC//USDT", "FOO/USDT"])
def test_an_alias_makes_no_pair_out_of_nothing(spelling):
    with pytest.raises(BadData):
        REGISTRY.resolve(spelling, quote_alias=USDT_IS_USD)


def test_an_alias_leaves_other_spellings_and_funds_alone():
    assert REGISTRY.resolve("TQQQ", quote_alias=USDT_IS_USD).key == "us_equity:TQQQ"
    assert REGISTRY.resolve("BTC/USD", quote_alias=USDT_IS_USD).key == "crypto:BTC/USD"
    assert REGISTRY.resolve("USD", EQUITY, quote_alias={"USD": "EUR"}).key == "us_equity:USD"


def test_two_pairs_that_join_to_one_spelling_are_ambiguous():
    both = REGISTRY.with_instruments(
        [unknown_coin("AB/USD", Decimal(1)), unknown_coin("A/BUSD", Decimal(1))]
    )
    with pytest.raises(BadData, match="ambiguous"):
        both.resolve("ABUSD")
    assert both.resolve("A-BUSD").key == "crypto:A/BUSD"


def test_the_order_is_by_key_and_ranks_follow_it():
    keys = list(REGISTRY)
    assert keys == sorted(keys)
    assert [REGISTRY.rank(key) for key in keys] == list(range(len(REGISTRY)))


def test_the_order_does_not_depend_on_when_something_was_listed():
    one, two = stock("ZA", "a", Decimal(9)), stock("ZB", "b", Decimal(9))
    first = REGISTRY.with_instrument(one).with_instrument(two)
    second = REGISTRY.with_instrument(two).with_instrument(one)
    assert list(first) == list(second)
    assert first == second


def test_listing_leaves_the_registry_itself_unchanged():
    before = len(REGISTRY)
    longer = REGISTRY.with_instrument(stock("ZA", "a", Decimal(9)))
    assert len(REGISTRY) == before
    assert Key("us_equity:ZA") not in REGISTRY
    assert longer.resolve("ZA").name == "a"


def test_a_changed_instrument_needs_a_later_version():
    changed = msgspec.structs.replace(fund("TQQQ"), factor=Decimal(2))
    with pytest.raises(BadData, match="version 2 or later"):
        REGISTRY.with_instrument(changed)
    newer = msgspec.structs.replace(changed, version=2)
    assert REGISTRY.with_instrument(newer)[newer.key].factor == 2


def test_listing_the_same_instrument_again_changes_nothing():
    assert REGISTRY.with_instrument(fund("TQQQ")) == REGISTRY


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param({"lot": Decimal("0.0002")}, "power of ten", id="crooked-lot"),
        pytest.param({"size_step": Decimal("0.00015")}, "whole lots", id="step-between-lots"),
        pytest.param({"tick": Decimal(0)}, "wrong tick", id="no-tick"),
        pytest.param({"factor": Decimal("NaN")}, "wrong factor", id="no-factor"),
        pytest.param({"reference_price": Decimal(-1)}, "reference_price", id="no-price"),
        pytest.param({"symbol": "SPY"}, "wrong key", id="key-of-another"),
        pytest.param({"maintenance_rate_long": Decimal(0)}, "maintenance rate", id="no-rate"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(fault, message):
    with pytest.raises(BadData, match=message):
        Registry([msgspec.structs.replace(fund("TQQQ"), **fault)])


def test_a_coin_that_does_not_count_as_crypto_is_refused():
    bitcoin = REGISTRY.resolve("BTC/USD")
    with pytest.raises(BadData, match="is_crypto"):
        Registry([msgspec.structs.replace(bitcoin, is_crypto=False)])


def test_one_key_is_listed_once():
    with pytest.raises(BadData, match="twice"):
        Registry([fund("TQQQ"), fund("TQQQ")])


def test_a_registry_travels_to_another_process():
    assert pickle.loads(pickle.dumps(REGISTRY)) == REGISTRY
    assert copy.deepcopy(REGISTRY).resolve("BTCUSD") == REGISTRY.resolve("BTCUSD")


def test_the_packaged_registry_is_read_once():
    assert Registry.builtin() is Registry.builtin()


# ---- the packaged tables


@pytest.mark.parametrize(
    ("symbol", "factor", "is_crypto", "is_proxy", "is_leveraged", "rates"),
    [
        pytest.param("TQQQ", "3", False, False, True, ("0.75", "0.90"), id="3x"),
        pytest.param("SQQQ", "-3", False, False, True, ("0.75", "0.90"), id="3x-inverse"),
        pytest.param("SSO", "2", False, False, True, ("0.50", "0.60"), id="2x"),
        pytest.param("UVXY", "1.5", False, False, True, ("0.375", "0.45"), id="one-and-a-half"),
        pytest.param("SVXY", "-0.5", False, False, False, ("0.30", "0.30"), id="half-inverse"),
        pytest.param("SH", "-1", False, False, False, ("0.30", "0.30"), id="inverse"),
        pytest.param("IBIT", "1", True, False, True, ("0.50", "0.60"), id="spot-coin-fund"),
        pytest.param("BITX", "2", True, False, True, ("0.50", "0.60"), id="2x-coin-fund"),
        pytest.param("BITI", "-1", True, False, True, ("0.50", "0.60"), id="inverse-coin-fund"),
        pytest.param("MSTU", "2", False, True, True, ("0.50", "0.60"), id="fund-on-a-proxy"),
        pytest.param("COIN", "1", False, True, False, ("0.30", "0.30"), id="proxy"),
        pytest.param("SPY", "1", False, False, False, ("0.30", "0.30"), id="plain"),
    ],
)
def test_what_the_tables_say_of_a_fund(symbol, factor, is_crypto, is_proxy, is_leveraged, rates):
    one = fund(symbol)
    assert one.factor == Decimal(factor)
    assert (one.is_crypto, one.is_proxy, one.is_leveraged) == (is_crypto, is_proxy, is_leveraged)
    assert (one.maintenance_rate_long, one.maintenance_rate_short) == tuple(map(Decimal, rates))


def test_how_many_of_each_kind_are_packaged():
    assert Counter(one.kind for one in REGISTRY.values()) == {
        "coin": 28,
        "crypto_futures": 4,
        "crypto_leveraged": 21,
        "crypto_spot": 45,
        "etf": 118 + 25,  # leveraged and inverse, then plain
        "etf_broad": 8,
        "etn": 9,
        "single_stock": 42,
        "stock": 56,
    }


@pytest.mark.parametrize("symbol", ["SPY", "QQQ", "DIA", "IWM", "VTI", "VOO"])
def test_broad_funds_are_marked_for_the_larger_symbol_cap(symbol):
    assert fund(symbol).kind == "etf_broad"


def test_notes_trade_in_whole_units():
    assert (fund("FNGU").fractionable, fund("FNGU").lot) == (False, 1)


def test_every_coin_is_paid_in_full_and_counted_as_crypto():
    for one in REGISTRY.values():
        if one.asset_class is CRYPTO:
            assert one.is_crypto
            assert not one.marginable
            assert not one.shortable
            assert one.maintenance_rate_long == 1
            assert one.notional_min == 10
            assert one.size_step == one.lot


def test_a_cent_is_about_a_lot_of_every_coin():
    for one in REGISTRY.values():
        if one.asset_class is CRYPTO:
            assert Decimal("0.003") <= one.lot * one.reference_price <= Decimal("0.032")


def test_a_billion_dollars_of_anything_are_countable_lots():
    for one in REGISTRY.values():
        assert Decimal(10**9) / one.reference_price / one.lot < 2**53


def test_ticks_are_fine_enough_for_the_reference_price():
    for one in REGISTRY.values():
        assert one.tick <= max(Decimal("0.01"), one.reference_price / 1000)
        assert one.tick <= one.reference_price / 1000


# The coins of the venue files that backtests read, dead ones included.
@pytest.mark.parametrize(
    "symbol",
    ["ADA", "BNB", "BTC", "DOGE", "DOT", "ETC", "ETH", "FTT", "LINK", "LTC", "LUNA", "SOL"],
)
def test_coins_are_known_by_the_names_of_another_venue(symbol):
    found = REGISTRY.resolve(f"{symbol}-USDT", quote_alias=USDT_IS_USD)
    assert found.key == f"crypto:{symbol}/USD"

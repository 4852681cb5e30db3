"""Requests of orders: what every client sends passes, and nothing is overlooked or guessed."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from alpaca.trading.enums import OrderClass as TheirClass
from alpaca.trading.enums import OrderSide as TheirSide
from alpaca.trading.enums import TimeInForce as TheirTime
from alpaca.trading.requests import (
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)
from alpaca.trading.requests import (
    OrderRequest as TheirRequest,
)

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import OrderClass, OrderType, Side, TimeInForce
from smart_leverage.domain.registry import Registry
from smart_leverage.wire.checks import check_for_asset
from smart_leverage.wire.errors import WireError
from smart_leverage.wire.reading import parse
from smart_leverage.wire.requests import change_request, order_request
from smart_leverage.wire.symbols import key_of_symbol
from smart_leverage.wire.terms import OrderRequest

Body = dict[str, object]

MARKET: Body = {
    "symbol": "AAPL",
    "qty": "1",
    "side": "buy",
    "type": "market",
    "time_in_force": "day",
}
LIMIT: Body = {**MARKET, "type": "limit", "limit_price": "200"}
STOP = {**MARKET, "type": "stop", "stop_price": "210"}
STOP_LIMIT = {**STOP, "type": "stop_limit", "limit_price": "211"}
COIN = {**MARKET, "symbol": "BTC/USD", "time_in_force": "gtc"}
TARGET, LOSS = {"limit_price": "220"}, {"stop_price": "190"}
BRACKET = {**LIMIT, "order_class": "bracket", "take_profit": TARGET, "stop_loss": LOSS}
OCO = {**MARKET, "side": "sell", "type": "limit", "order_class": "oco"}
OCO |= {"take_profit": TARGET, "stop_loss": LOSS}
OTO = {**LIMIT, "order_class": "oto", "stop_loss": LOSS}
TRAILING: Body = {**MARKET, "side": "sell", "type": "trailing_stop", "trail_percent": "1.5"}


def asked(content: Mapping[str, object]) -> OrderRequest:
    """Read an order as the gateway does: from bytes, and with the asset's own rules."""
    request = order_request(parse(json.dumps(content).encode()))
    check_for_asset(request, is_crypto="/" in request.symbol)
    return request


def refusal(content: Mapping[str, object]) -> WireError:
    with pytest.raises(WireError) as caught:
        asked(content)
    return caught.value


# -- what clients send ----------------------------------------------------------------------------


def sent(request: TheirRequest) -> OrderRequest:
    """Read what the official client would put on the wire."""
    return asked(json.loads(json.dumps(request.to_request_fields())))


def terms(**more: Any) -> dict[str, Any]:
    return {"symbol": "AAPL", "side": TheirSide.BUY, "time_in_force": TheirTime.DAY, **more}


def test_the_official_client_sends_floats() -> None:
    request = sent(MarketOrderRequest(**terms(qty=0.1 + 0.2)))
    assert (request.qty, request.type) == (Decimal("0.3"), OrderType.MARKET)
    assert (request.order_class, request.client_order_id) == (OrderClass.SIMPLE, None)
    coin = terms(symbol="BTC/USD", time_in_force=TheirTime.GTC)
    assert sent(MarketOrderRequest(**coin, qty=0.00001)).qty == Decimal("0.00001")
    assert sent(MarketOrderRequest(**coin, notional=25)).notional == Decimal(25)


def test_every_type_of_the_official_client_is_read() -> None:
    limit = sent(LimitOrderRequest(**terms(qty=2, limit_price=201.5, client_order_id="mine-1")))
    assert (limit.limit_price, limit.client_order_id) == (Decimal("201.5"), "mine-1")
    stop = sent(StopOrderRequest(**terms(qty=2, stop_price=210.0)))
    assert (stop.type, stop.stop_price) == (OrderType.STOP, Decimal(210))
    both = sent(StopLimitOrderRequest(**terms(qty=2, stop_price=210.0, limit_price=211.0)))
    assert (both.stop_price, both.limit_price) == (Decimal(210), Decimal(211))
    later = sent(LimitOrderRequest(**terms(qty=2, limit_price=201.5, extended_hours=True)))
    assert later.extended_hours


def test_every_class_of_the_official_client_is_read() -> None:
    exits = {
        "take_profit": TakeProfitRequest(limit_price=220.0),
        "stop_loss": StopLossRequest(stop_price=190.0, limit_price=189.0),
    }
    kind = TheirClass.BRACKET
    bracket = sent(LimitOrderRequest(**terms(qty=2, limit_price=200.0, order_class=kind, **exits)))
    assert (bracket.take_profit, bracket.stop_loss) == (Decimal(220), Decimal(190))
    assert bracket.stop_loss_limit == Decimal(189)
    selling = terms(qty=2, side=TheirSide.SELL, order_class=TheirClass.OCO, **exits)
    oco = sent(LimitOrderRequest(**selling))  # without a limit price of its own
    assert (oco.order_class, oco.limit_price) == (OrderClass.OCO, Decimal(220))
    single = terms(qty=2, order_class=TheirClass.OTO, stop_loss=exits["stop_loss"])
    assert sent(MarketOrderRequest(**single)).take_profit is None


def test_a_trailing_stop_of_the_official_client_is_read() -> None:
    share = sent(TrailingStopOrderRequest(**terms(qty=2, trail_percent=1.5)))
    assert (share.type, share.trail_percent) == (OrderType.TRAILING_STOP, Decimal("1.5"))
    assert (share.trail_price, share.stop_price, share.limit_price) == (None, None, None)
    money = sent(TrailingStopOrderRequest(**terms(qty=2, trail_price=0.25)))
    assert (money.trail_price, money.trail_percent) == (Decimal("0.25"), None)


def test_lumibot_and_ccxt_send_texts_and_spell_everything_out() -> None:
    lumibot: dict[str, object] = {
        **COIN,
        "qty": "0.5",
        "order_class": "simple",
        "limit_price": None,
    }
    lumibot |= {"trail_price": None, "extended_hours": False, "take_profit": None}
    assert asked(lumibot).qty == Decimal("0.5")
    ccxt = {**COIN, "client_order_id": "ccxt_0123456789abcdef", "notional": None}
    assert asked(ccxt).client_order_id == "ccxt_0123456789abcdef"


def test_a_repeated_order_is_the_same_however_its_numbers_are_written() -> None:
    one, two = asked({**LIMIT, "qty": 1.0, "limit_price": 200}), asked({**LIMIT, "qty": "1"})
    assert [str(one.qty), str(one.limit_price)] == [str(two.qty), str(two.limit_price)]


def test_null_empty_and_absent_mean_the_same() -> None:
    nothing: dict[str, object] = {"client_order_id": "", "order_class": "", "stop_loss": {}}
    assert asked({**MARKET, **nothing}) == asked(MARKET)
    unset = dict.fromkeys(("client_order_id", "order_class", "legs", "stop_price", "subtag"))
    assert asked({**MARKET, **unset}) == asked(MARKET)


def test_the_twin_of_the_type_stands_for_it() -> None:
    twin = {name: value for name, value in LIMIT.items() if name != "type"}
    assert asked({**twin, "order_type": "limit"}) == asked(LIMIT)


# -- what is no order -----------------------------------------------------------------------------

MALFORMED = [
    pytest.param({"qty": None}, "qty or notional is required", id="no-amount"),
    pytest.param({"notional": "5"}, "only one of them", id="both-amounts"),
    pytest.param({"qty": "0"}, "qty must be > 0", id="nothing"),
    pytest.param({"qty": 1e-10}, "qty must be > 0", id="less-than-the-step"),
    pytest.param({"qty": "-1"}, "qty is no number", id="negative"),
    pytest.param({"qty": -1.5}, "qty is no number", id="negative-token"),
    pytest.param({"qty": True}, "qty is no number", id="bool-for-a-number"),
    pytest.param({"qty": ["1"]}, "qty is no number", id="list-for-a-number"),
    pytest.param({"qty": {"value": "1"}}, "qty is no number", id="object-for-a-number"),
    pytest.param({"qty": ""}, "qty is no number", id="empty-number"),
    pytest.param({"symbol": None}, "symbol is required", id="no-symbol"),
    pytest.param({"symbol": ""}, "symbol is required", id="empty-symbol"),
    pytest.param({"symbol": 5}, "symbol is required", id="number-for-a-text"),
    pytest.param({"symbol": ["AAPL"]}, "symbol is required", id="list-for-a-text"),
    pytest.param({"side": None}, "side is required", id="no-side"),
    pytest.param({"side": "long"}, "side must be one of buy, sell", id="unknown-side"),
    pytest.param({"side": "BUY"}, "side must be one of", id="upper-case"),
    pytest.param({"side": ["buy"]}, "side must be one of", id="list-for-a-word"),
    pytest.param({"type": None}, "type is required", id="no-type"),
    pytest.param({"type": "twap"}, "type must be one of", id="unknown-type"),
    pytest.param({"order_type": "limit"}, "must be the same", id="two-types"),
    pytest.param({"time_in_force": None}, "time_in_force is required", id="no-time-in-force"),
    pytest.param({"time_in_force": "opg"}, "time_in_force must be one of", id="at-the-open"),
    pytest.param({"time_in_force": "fok"}, "time_in_force must be one of", id="all-or-nothing"),
    pytest.param({"order_class": "spread"}, "order_class must be one of", id="unknown-class"),
    pytest.param({"extended_hours": "true"}, "extended_hours must be", id="text-for-a-bool"),
    pytest.param({"extended_hours": 1}, "extended_hours must be", id="number-for-a-bool"),
    pytest.param({"client_order_id": "a b"}, "client_order_id", id="space-in-an-id"),
    pytest.param({"client_order_id": "é"}, "client_order_id", id="letter-of-another-alphabet"),
    pytest.param({"client_order_id": "x" * 129}, "client_order_id", id="129-characters"),
    pytest.param({"client_order_id": 7}, "client_order_id", id="number-for-an-id"),
    pytest.param({"position_intent": "open"}, "position_intent must be one of", id="intent"),
    pytest.param({"take_profit": "220"}, "take_profit must be an object", id="text-for-an-object"),
    pytest.param({"take_profit": [TARGET]}, "take_profit must be an object", id="list-of-it"),
    pytest.param({"stop_loss": {"limit_price": "1"}}, "stop_loss.stop_price", id="half-a-stop"),
    pytest.param({"take_profit": {"stop_price": "1"}}, "unknown field", id="wrong-name-within"),
    pytest.param({"quantity": "1"}, "unknown field quantity", id="unknown-field"),
    pytest.param({"Qty": "1"}, "unknown field Qty", id="name-in-another-case"),
    pytest.param({"leverage": "2"}, "unknown field leverage", id="wish-nobody-reads"),
]


@pytest.mark.parametrize(("more", "words"), MALFORMED)
def test_a_value_that_is_none_is_422(more: dict[str, object], words: str) -> None:
    error = refusal({**MARKET, **more})
    assert (error.status, error.code) == (422, 40010001)
    assert words in error.message


def test_a_name_is_not_said_back_at_full_length() -> None:
    assert len(refusal({**MARKET, "x" * 1_000: 1}).message) < 100


@pytest.mark.parametrize("identity", ["a", "x" * 128, "~!@#$%^&*()[]{}<>'\"\\/", "sl-1"])
def test_any_printable_id_is_taken(identity: str) -> None:
    assert asked({**MARKET, "client_order_id": identity}).client_order_id == identity


FORBIDDEN = [
    pytest.param({"order_class": "mleg"}, "several legs", id="multi-leg"),
    pytest.param({"legs": [{"symbol": "AAPL"}]}, "several legs", id="legs"),
    pytest.param({"symbol": "AAPL261218C00200000"}, "options", id="option"),
    pytest.param({"position_intent": "buy_to_close"}, "not allowed to short", id="cover"),
    pytest.param(
        {"side": "sell", "position_intent": "sell_to_open"}, "not allowed to short", id="short"
    ),
    pytest.param({"advanced_instructions": {"algorithm": "TWAP"}}, "advanced", id="algorithm"),
]


@pytest.mark.parametrize(("more", "words"), FORBIDDEN)
def test_what_is_not_modelled_never_passes(more: dict[str, object], words: str) -> None:
    error = refusal({**MARKET, **more})
    assert (error.status, error.code) == (403, 40310000)
    assert words in error.message


def test_an_intent_goes_with_its_side() -> None:
    assert asked({**MARKET, "position_intent": "buy_to_open"}) == asked(MARKET)
    sale = {**MARKET, "side": "sell"}
    assert asked({**sale, "position_intent": "sell_to_close"}) == asked(sale)
    wrong_buy = {**MARKET, "position_intent": "sell_to_close"}
    for wrong in (wrong_buy, {**sale, "position_intent": "buy_to_open"}):
        assert refusal(wrong).code == 42210000


# -- prices, classes, assets ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param({**MARKET, "limit_price": "1"}, "market orders must not have limit_price",
                     id="market-with-a-limit"),
        pytest.param({**MARKET, "stop_price": "1"}, "market orders must not have stop_price",
                     id="market-with-a-stop"),
        pytest.param({**LIMIT, "limit_price": None}, "limit orders require limit_price",
                     id="limit-without"),
        pytest.param({**LIMIT, "stop_price": "1"}, "limit orders must not have stop_price",
                     id="limit-with-a-stop"),
        pytest.param({**STOP, "stop_price": None}, "stop orders require stop_price",
                     id="stop-without"),
        pytest.param({**STOP, "limit_price": "1"}, "stop orders must not have limit_price",
                     id="stop-with-a-limit"),
        pytest.param({**STOP_LIMIT, "limit_price": None}, "stop_limit orders require limit_price",
                     id="stop-limit-without-limit"),
        pytest.param({**STOP_LIMIT, "stop_price": None}, "stop_limit orders require stop_price",
                     id="stop-limit-without-stop"),
        pytest.param({**TRAILING, "trail_percent": None}, "require either trail_price or",
                     id="trailing-without"),
        pytest.param({**TRAILING, "trail_price": "1"}, "require either trail_price or",
                     id="trailing-by-both"),
        pytest.param({**TRAILING, "stop_price": "190"},
                     "trailing_stop orders must not have stop_price", id="trailing-with-a-stop"),
        pytest.param({**TRAILING, "limit_price": "190"},
                     "trailing_stop orders must not have limit_price", id="trailing-with-a-limit"),
        pytest.param({**STOP, "trail_price": "1"}, "stop orders must not have trail_price or",
                     id="stop-with-a-trail"),
        pytest.param({**MARKET, "take_profit": TARGET}, "simple orders must not have",
                     id="exit-of-a-simple-order"),
        pytest.param({**BRACKET, "stop_loss": None}, "bracket orders require", id="half-a-bracket"),
        pytest.param({**OCO, "take_profit": None, "limit_price": "220"}, "oco orders require",
                     id="half-an-oco"),
        pytest.param({**OTO, "take_profit": TARGET}, "oto orders require either", id="oto-of-two"),
        pytest.param({**OTO, "stop_loss": None}, "oto orders require either", id="oto-of-none"),
        pytest.param({**OCO, "type": "market", "limit_price": None},
                     "oco orders must be limit orders", id="oco-at-the-market"),
        pytest.param({**OCO, "limit_price": "221"}, "that of its take_profit",
                     id="oco-with-two-targets"),
    ],
)  # fmt: skip
def test_prices_belong_to_types_and_exits_to_classes(
    content: dict[str, object], words: str
) -> None:
    error = refusal(content)
    assert (error.status, error.code) == (422, 40010001)
    assert words in error.message


@pytest.mark.parametrize(
    ("more", "words"),
    [
        pytest.param({"stop_loss": {"stop_price": "220"}}, "profitable side", id="stop-at-target"),
        pytest.param({"take_profit": {"limit_price": "189"}}, "profitable side", id="crossed"),
        pytest.param({"stop_loss": {"stop_price": "200"}}, "<= base_price - 0.01", id="at-entry"),
        pytest.param({"stop_loss": {"stop_price": "201"}}, "<= base_price - 0.01", id="above"),
    ],
)
def test_exits_stand_on_their_own_sides_of_the_entry(more: dict[str, object], words: str) -> None:
    error = refusal({**BRACKET, **more})
    assert (error.status, error.code) == (422, 42210000)
    assert words in error.message
    assert asked({**BRACKET, "stop_loss": {"stop_price": "199.99"}}).stop_loss == Decimal("199.99")


def test_exits_of_a_sale_are_the_other_way_round() -> None:
    sale = {**BRACKET, "side": "sell", "take_profit": LOSS | {"limit_price": "190"}}
    sale |= {"take_profit": {"limit_price": "190"}, "stop_loss": {"stop_price": "210"}}
    assert asked(sale).stop_loss == Decimal(210)
    error = refusal({**sale, "stop_loss": {"stop_price": "200"}})
    assert error.message == "stop_loss.stop_price must be >= base_price + 0.01"
    assert error.extras == {"base_price": "200", "stop_price": "200"}


SHARE_TIMES = {
    "day": ("market", "limit", "stop", "stop_limit", "trailing_stop"),
    "gtc": ("market", "limit", "stop", "stop_limit", "trailing_stop"),
    "ioc": ("market", "limit"),
}
COIN_TIMES = {
    "day": (),
    "gtc": ("market", "limit", "stop_limit"),
    "ioc": ("market", "limit", "stop_limit"),
}
BY_TYPE: dict[str, dict[str, object]] = {
    "market": {},
    "limit": {"limit_price": "200"},
    "stop": {"stop_price": "210"},
    "stop_limit": {"limit_price": "211", "stop_price": "210"},
    "trailing_stop": {"trail_price": "5"},
}


@pytest.mark.parametrize("time_in_force", TimeInForce)
@pytest.mark.parametrize("kind", OrderType)
@pytest.mark.parametrize("symbol", ["AAPL", "BTC/USD"])
def test_which_type_goes_with_which_time_in_force(
    symbol: str, kind: OrderType, time_in_force: TimeInForce
) -> None:
    wanted = {"type": kind.value, "time_in_force": time_in_force.value, **BY_TYPE[kind.value]}
    content = {**MARKET, "symbol": symbol, **wanted}
    table: Mapping[str, tuple[str, ...]] = COIN_TIMES if "/" in symbol else SHARE_TIMES
    if kind.value in table[time_in_force.value]:
        assert asked(content).type is kind
    else:
        assert refusal(content).status == 422


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        pytest.param({**COIN, **STOP, "symbol": "BTC/USD", "time_in_force": "gtc"}, 40010001,
                     "invalid order type for crypto order", id="stop-of-a-coin"),
        pytest.param({**COIN, "time_in_force": "day"}, 42210000, "invalid crypto time_in_force",
                     id="coin-for-a-day"),
        pytest.param({**BRACKET, "symbol": "BTC/USD", "time_in_force": "gtc"}, 42210000,
                     "crypto orders must be simple orders", id="bracket-of-a-coin"),
        pytest.param({**MARKET, "qty": "1.5", "time_in_force": "gtc"}, 42210000,
                     "fractional orders must be DAY orders", id="part-of-a-share-for-long"),
        pytest.param({**BRACKET, "qty": "1.5"}, 42210000,
                     "fractional orders must be simple orders", id="bracket-of-a-part"),
        pytest.param({**BRACKET, "qty": None, "notional": "500"}, 42210000,
                     "fractional orders must be simple orders", id="bracket-of-a-sum"),
        pytest.param({**STOP, "qty": None, "notional": "500"}, 42210000,
                     "notional orders must be market or limit orders", id="stop-of-a-sum"),
        pytest.param({**COIN, **TRAILING, "symbol": "BTC/USD", "time_in_force": "gtc"}, 40010001,
                     "invalid order type for crypto order", id="trailing-stop-of-a-coin"),
        pytest.param({**TRAILING, "qty": None, "notional": "500"}, 42210000,
                     "notional orders must be market or limit orders", id="trailing-stop-of-a-sum"),
        pytest.param({**TRAILING, "qty": "1.5"}, 42210000,
                     "trailing_stop orders must be of whole shares", id="trailing-stop-of-a-part"),
        pytest.param({**TRAILING, "trail_percent": "100"}, 42210000,
                     "trail_percent must be < 100", id="trail-to-nothing"),
        pytest.param({**TRAILING, "trail_percent": None, "trail_price": "1.005"}, 42210000,
                     "invalid trail_price 1.005. sub-penny increment does not fulfill minimum"
                     " pricing criteria", id="trail-finer-than-a-cent"),
        pytest.param({**TRAILING, "order_class": "oto", "stop_loss": LOSS}, 42210000,
                     "trailing_stop orders must be simple orders", id="trailing-stop-with-an-exit"),
        pytest.param({**TRAILING, "extended_hours": True}, 42210000,
                     "extended hours order must be DAY limit orders", id="trailing-stop-late"),
        pytest.param({**BRACKET, "time_in_force": "ioc"}, 42210000,
                     "invalid time_in_force for this order type", id="bracket-at-once"),
        pytest.param({**BRACKET, "extended_hours": True}, 42210000,
                     "bracket orders must not be for extended hours", id="bracket-late"),
        pytest.param({**MARKET, "extended_hours": True}, 42210000,
                     "extended hours order must be DAY limit orders", id="market-late"),
        pytest.param({**LIMIT, "limit_price": "200.001"}, 42210000,
                     "invalid limit_price 200.001. sub-penny increment does not fulfill minimum"
                     " pricing criteria", id="tenth-of-a-cent"),
        pytest.param({**LIMIT, "limit_price": "0.99999"}, 42210000,
                     "invalid limit_price 0.99999. sub-penny increment does not fulfill minimum"
                     " pricing criteria", id="below-a-dollar"),
        pytest.param({**BRACKET, "stop_loss": {"stop_price": "190", "limit_price": "189.995"}},
                     42210000, "invalid stop_loss_limit 189.995. sub-penny increment does not"
                     " fulfill minimum pricing criteria", id="price-of-an-exit"),
    ],
)  # fmt: skip
def test_each_class_of_assets_has_rules_of_its_own(
    content: dict[str, object], code: int, message: str
) -> None:
    error = refusal(content)
    assert (error.status, error.code, error.message) == (422, code, message)


def test_a_price_below_a_dollar_may_be_finer() -> None:
    assert asked({**LIMIT, "limit_price": "0.9999"}).limit_price == Decimal("0.9999")
    assert asked({**LIMIT, "qty": "1.5"}).qty == Decimal("1.5")
    assert asked({**COIN, "type": "limit", "limit_price": "60000.12345"}).limit_price is not None


# -- replacements ---------------------------------------------------------------------------------


def test_the_official_client_changes_an_order() -> None:
    theirs = ReplaceOrderRequest(qty=3, limit_price=201.5, client_order_id="mine-2")
    change = change_request(parse(json.dumps(theirs.to_request_fields()).encode()))
    assert (change.qty, change.limit_price) == (Decimal(3), Decimal("201.5"))
    assert change.stop_price is None
    assert (change.client_order_id, change.time_in_force) == ("mine-2", None)
    wider = json.dumps(ReplaceOrderRequest(trail=2.5).to_request_fields())
    assert change_request(parse(wider.encode())).trail == Decimal("2.5")
    patient = change_request({"time_in_force": "gtc"})
    assert patient.time_in_force is TimeInForce.GTC


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param({}, 422, id="nothing"),
        pytest.param({"client_order_id": "a"}, 422, id="only-a-name"),
        pytest.param({"trail": "0"}, 422, id="no-trail"),
        pytest.param({"notional": "100"}, 422, id="notional"),
        pytest.param({"qty": "0"}, 422, id="to-nothing"),
        pytest.param({"qty": "1", "side": "sell"}, 422, id="another-side"),
        pytest.param({"qty": "1", "symbol": "AAPL"}, 422, id="another-symbol"),
        pytest.param({"qty": "1", "time_in_force": "fok"}, 422, id="unknown-time-in-force"),
        pytest.param({"qty": "1", "advanced_instructions": {"a": "b"}}, 403, id="algorithm"),
    ],
)
def test_what_cannot_be_changed_is_refused(content: dict[str, object], status: int) -> None:
    with pytest.raises(WireError) as caught:
        change_request(content)
    assert caught.value.status == status


# -- symbols --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "key"),
    [
        pytest.param("BTC/USD", "crypto:BTC/USD", id="with-a-slash"),
        pytest.param("BTCUSD", "crypto:BTC/USD", id="without"),
        pytest.param("ETHUSD", "crypto:ETH/USD", id="another-coin"),
        pytest.param("AAPL", "us_equity:AAPL", id="share"),
        pytest.param("TQQQ", "us_equity:TQQQ", id="fund"),
        pytest.param("BTC", "us_equity:BTC", id="fund-named-like-a-coin"),
        pytest.param("USD", "us_equity:USD", id="fund-named-like-a-currency"),
    ],
)
def test_every_spelling_leads_to_one_key(symbol: str, key: str) -> None:
    assert key_of_symbol(symbol, Registry.builtin()) == Key(key)


@pytest.mark.parametrize(
    "symbol",
    [
        "", "btc/usd", "BTC/usd", "aapl", " AAPL", "AAPL ", "AAPL\n", "ＡＡＰＬ", "ААРL",
        "BTC%2FUSD", "BTC//USD", "BTC/USD/", "/BTC/USD", "../AAPL", "BTC-USD",
        "crypto:BTC/USD", "us_equity:AAPL", "A" * 26, "AAPL\x00", "BTCUSDUSD",
    ],
)  # fmt: skip
def test_no_other_spelling_gets_around_a_cap(symbol: str) -> None:
    assert key_of_symbol(symbol, Registry.builtin()) is None


def test_side_is_that_of_the_domain() -> None:
    assert asked({**MARKET, "side": "sell"}).side is Side.SELL

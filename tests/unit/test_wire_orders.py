"""Orders as the wire shows them: complete, plain, and legible to the official client."""

import json
from decimal import Decimal
from typing import Any

import pytest
from alpaca.trading.enums import OrderStatus
from alpaca.trading.models import Order, TradeUpdate
from msgspec import structs

from smart_leverage.domain.orders import OrderClass, OrderState, OrderType, Side, TimeInForce
from smart_leverage.wire.encoding import encode, plain, text, when
from smart_leverage.wire.errors import (
    WireError,
    bad_json,
    forbidden,
    internal,
    invalid,
    not_found,
    too_large,
    too_many,
    unauthorized,
    unprocessable,
)
from smart_leverage.wire.orders import OrderView, order_json, status_of
from smart_leverage.wire.updates import Execution, update_json

AT_NS = 1_785_767_462_120_000_001
FIELDS = (
    "id", "client_order_id", "created_at", "updated_at", "submitted_at", "filled_at", "expired_at",
    "canceled_at", "failed_at", "replaced_at", "replaced_by", "replaces", "asset_id", "symbol",
    "asset_class", "notional", "qty", "filled_qty", "filled_avg_price", "order_class", "order_type",
    "type", "side", "position_intent", "time_in_force", "limit_price", "stop_price", "status",
    "extended_hours", "legs", "trail_percent", "trail_price", "hwm", "subtag", "source",
    "expires_at",
)  # fmt: skip

BUY = OrderView(
    id="1c0f5f0e-5f2d-5c8e-9d57-3a1f4f8c0001",
    client_order_id="mine-1",
    asset_id="b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    symbol="AAPL",
    asset_class="us_equity",
    side=Side.BUY,
    type=OrderType.LIMIT,
    time_in_force=TimeInForce.DAY,
    status="new",
    qty=Decimal("1E+2"),
    notional=None,
    filled_qty=Decimal(0),
    filled_avg_price=None,
    created_ns=AT_NS,
    updated_ns=AT_NS,
    submitted_ns=AT_NS,
    limit_price=Decimal("201.50"),
)
STOP = structs.replace(
    BUY,
    id="1c0f5f0e-5f2d-5c8e-9d57-3a1f4f8c0002",
    client_order_id="leg-1",
    side=Side.SELL,
    type=OrderType.STOP,
    order_class=OrderClass.BRACKET,
    status="held",
    limit_price=None,
    stop_price=Decimal(190),
)
BRACKET = structs.replace(BUY, order_class=OrderClass.BRACKET, legs=(STOP,))


def on_the_wire(view: OrderView, *, is_nested: bool = True) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(encode(order_json(view, is_nested=is_nested)))
    return content


def test_an_order_has_every_field_in_the_order_of_the_venue() -> None:
    shown = on_the_wire(BUY)
    assert tuple(shown) == FIELDS
    assert shown["qty"] == "100"
    assert shown["limit_price"] == "201.5"
    assert shown["filled_qty"] == "0"
    assert (shown["order_class"], shown["type"], shown["order_type"]) == ("", "limit", "limit")
    assert shown["created_at"] == "2026-08-03T14:31:02.120000001Z"
    assert shown["position_intent"] == "buy_to_open"


def test_what_is_unset_is_null_and_never_empty() -> None:
    shown = on_the_wire(BUY)
    unset = {"filled_at", "replaced_by", "replaces", "notional", "stop_price", "legs", "hwm"}
    assert {name for name in unset if shown[name] is not None} == set()
    assert [name for name, value in shown.items() if value == ""] == ["order_class"]


def test_the_official_client_reads_an_order() -> None:
    order = Order(**on_the_wire(BUY))
    assert (str(order.id), order.client_order_id) == (BUY.id, "mine-1")
    assert (order.qty, order.limit_price, order.legs) == ("100", "201.5", None)
    assert order.order_class.value == "simple"
    whole = structs.replace(
        BUY,
        status="filled",
        filled_qty=Decimal(100),
        filled_avg_price=Decimal("201.123456789"),
        filled_ns=AT_NS,
        expires_ns=AT_NS + 10**9,
        replaces=STOP.id,
    )
    read = Order(**on_the_wire(whole))
    assert (read.filled_avg_price, str(read.replaces)) == ("201.123456789", STOP.id)
    assert read.filled_at is not None


def test_the_official_client_reads_every_kind_of_order() -> None:
    coin = structs.replace(
        BUY,
        symbol="BTC/USD",
        asset_class="crypto",
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        qty=None,
        notional=Decimal("25.50"),
        limit_price=None,
    )
    assert Order(**on_the_wire(coin)).notional == "25.5"
    for kind in OrderType:
        for tif in TimeInForce:
            view = structs.replace(BUY, type=kind, time_in_force=tif, stop_price=Decimal(210))
            assert Order(**on_the_wire(view)).type.value == kind.value


def test_legs_are_shown_where_they_are_asked_for() -> None:
    order = Order(**on_the_wire(BRACKET))
    assert order.legs is not None
    assert [(leg.client_order_id, leg.status) for leg in order.legs] == [
        ("leg-1", OrderStatus.HELD)
    ]
    assert on_the_wire(BRACKET)["order_class"] == "bracket"
    assert on_the_wire(BRACKET)["legs"][0]["position_intent"] == "sell_to_close"
    assert on_the_wire(BRACKET, is_nested=False)["legs"] is None


def test_every_state_has_a_word_that_the_official_client_knows() -> None:
    words = {status.value for status in OrderStatus} | {"", "an_unheard_of_word"}
    for state in OrderState:
        for word in sorted(words):
            for is_whole, is_part in ((False, False), (False, True), (True, True)):
                told = status_of(state, word, is_whole=is_whole, is_part=is_part)
                assert OrderStatus(told)
                if is_whole:
                    assert told == "filled"


@pytest.mark.parametrize(
    ("state", "word", "is_part", "told"),
    [
        pytest.param(OrderState.INTENT, "", False, "pending_new", id="not-sent-yet"),
        pytest.param(OrderState.UNKNOWN, "", False, "pending_new", id="outcome-unknown"),
        pytest.param(OrderState.OPEN, "accepted", False, "accepted", id="waits-for-the-open"),
        pytest.param(OrderState.OPEN, "held", False, "held", id="exit-that-waits"),
        pytest.param(OrderState.OPEN, "new", True, "partially_filled", id="in-part"),
        pytest.param(OrderState.OPEN, "calculated", False, "new", id="rare-word"),
        pytest.param(OrderState.PENDING_CANCEL, "new", True, "pending_cancel", id="cancelling"),
        pytest.param(OrderState.CANCELED, "canceled", True, "canceled", id="canceled-in-part"),
        pytest.param(OrderState.ABSENT, "", False, "rejected", id="never-arrived"),
    ],
)
def test_status_of(state: OrderState, word: str, is_part: bool, told: str) -> None:
    assert status_of(state, word, is_whole=False, is_part=is_part) == told


# -- updates --------------------------------------------------------------------------------------


def test_the_official_client_reads_an_update_with_a_fill() -> None:
    fill = Execution(STOP.id, Decimal("201.40"), Decimal("4.0"), Decimal("0.249375"))
    update = update_json(
        event="partial_fill", event_id=BUY.id, at_ns=AT_NS, order=order_json(BUY), fill=fill
    )
    read = TradeUpdate(**json.loads(encode(update)))
    assert (str(read.execution_id), read.price, read.qty) == (STOP.id, 201.4, 4.0)
    assert read.position_qty == 0.249375
    assert update["position_qty"] == "0.249375"


@pytest.mark.parametrize("event", ["new", "accepted", "canceled", "order_cancel_rejected"])
def test_the_official_client_reads_an_update_without_one(event: str) -> None:
    update = update_json(
        event=event, event_id=BUY.id, at_ns=AT_NS, order=order_json(BUY), fill=None
    )
    assert "price" not in update
    read = TradeUpdate(**json.loads(encode(update)))
    assert getattr(read.event, "value", read.event) == event


# -- shapes that all share ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "written"),
    [
        pytest.param(Decimal("1E+2"), "100", id="no-exponent-upwards"),
        pytest.param(Decimal("1E-9"), "0.000000001", id="no-exponent-downwards"),
        pytest.param(Decimal("1.500"), "1.5", id="no-idle-zeros"),
        pytest.param(Decimal("100.00"), "100", id="no-idle-point"),
        pytest.param(Decimal("0E-9"), "0", id="nothing"),
        pytest.param(Decimal("-0.00"), "0", id="no-negative-nothing"),
        pytest.param(Decimal("-1.50"), "-1.5", id="negative"),
    ],
)
def test_numbers_are_plain(number: Decimal, written: str) -> None:
    assert plain(number) == text(number) == written
    assert text(None) is None


@pytest.mark.parametrize(
    ("at_ns", "written"),
    [
        pytest.param(AT_NS, "2026-08-03T14:31:02.120000001Z", id="nanoseconds"),
        pytest.param(AT_NS - 1, "2026-08-03T14:31:02.12Z", id="as-short-as-it-is"),
        pytest.param(AT_NS - 120_000_001, "2026-08-03T14:31:02Z", id="whole-second"),
        pytest.param(0, "1970-01-01T00:00:00Z", id="epoch"),
        pytest.param(-1, "1969-12-31T23:59:59.999999999Z", id="before-it"),
    ],
)
def test_instants_are_utc_to_the_nanosecond(at_ns: int, written: str) -> None:
    assert when(at_ns) == written
    assert when(None) is None


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (bad_json("x"), 400, 40010000),
        (unauthorized(), 401, 40110000),
        (forbidden("x"), 403, 40310000),
        (not_found("x"), 404, 40410000),
        (too_large(), 413, 41310000),
        (invalid("x"), 422, 40010001),
        (unprocessable("x"), 422, 42210000),
        (too_many("x"), 429, 42910000),
        (internal("0a1b"), 500, 50010000),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_every_refusal_has_a_code_and_a_message(error: WireError, status: int, code: int) -> None:
    body = json.loads(encode(error.body()))
    assert (error.status, body["code"]) == (status, code)
    assert body["message"]
    assert type(body["code"]) is int


def test_facts_stand_beside_the_message() -> None:
    body = forbidden("insufficient qty", available="0", symbol="MSFT").body()
    assert body == {
        "code": 40310000,
        "message": "insufficient qty",
        "available": "0",
        "symbol": "MSFT",
    }

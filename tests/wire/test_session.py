"""Shares over the wire, in an hour in which they trade: entries with exits, and pairs of exits."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    OrderClass,
    OrderSide,
    OrderStatus,
    OrderType,
    QueryOrderStatus,
    TimeInForce,
)
from alpaca.trading.models import Order
from alpaca.trading.requests import (
    GetOrderByIdRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopOrderRequest,
    TrailingStopOrderRequest,
)
from tests.wire.serving import Served, gateway
from tests.wire.test_alpaca_py import eventually
from tests.wire.test_updates import heard

A_WEDNESDAY = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
SPY = "SPY"
FAR: dict[str, Any] = {"take_profit": {"limit_price": 9_000}, "stop_loss": {"stop_price": 1}}
DAY = {"symbol": SPY, "time_in_force": TimeInForce.DAY}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gateway(tmp_path_factory.mktemp("account"), at=A_WEDNESDAY) as running:
        client = TradingClient(*running.keys["bot"], url_override=running.url)
        eventually(lambda: client.get_clock().is_open)
        yield running


def bought(client: TradingClient, qty: float, **more: Any) -> Order:
    return filled(
        client,
        client.submit_order(MarketOrderRequest(side=OrderSide.BUY, qty=qty, **DAY, **more)),
    )


def filled(client: TradingClient, order: Any) -> Order:
    return now(client, order, OrderStatus.FILLED)


def now(client: TradingClient, order: Any, *wanted: OrderStatus) -> Order:
    """Return an order with its exits, once it has got there."""

    def read() -> Any:
        found = client.get_order_by_id(order.id, GetOrderByIdRequest(nested=True))
        return found if found.status in wanted else None

    found: Order = eventually(read, 15.0)
    return found


def states(order: Any) -> list[OrderStatus]:
    return [leg.status for leg in order.legs or ()]


def price(client: TradingClient) -> float:
    return float(client.get_open_position(SPY).current_price)


def test_exits_are_held_until_the_entry_is_whole_and_end_with_it(client: TradingClient) -> None:
    entry = client.submit_order(
        LimitOrderRequest(
            side=OrderSide.BUY,
            qty=1,
            limit_price=100,
            order_class=OrderClass.BRACKET,
            **DAY,
            **FAR,
        )
    )
    assert entry.order_class is OrderClass.BRACKET
    assert [leg.order_type for leg in entry.legs or ()] == [OrderType.LIMIT, OrderType.STOP]
    assert states(entry) == [OrderStatus.HELD, OrderStatus.HELD]
    assert [one.id for one in client.get_orders(GetOrdersRequest(nested=True))] == [entry.id]
    assert len(client.get_orders()) == 3
    client.cancel_order_by_id(entry.id)
    assert states(now(client, entry, OrderStatus.CANCELED)) == [OrderStatus.CANCELED] * 2


def test_exits_wake_when_the_entry_is_filled(client: TradingClient) -> None:
    entry = bought(client, 2, order_class=OrderClass.BRACKET, **FAR)
    eventually(lambda: states(now(client, entry, OrderStatus.FILLED)) == [OrderStatus.NEW] * 2)
    position = client.get_open_position(SPY)
    assert (position.qty, position.qty_available) == ("2", "0")
    client.cancel_order_by_id(entry.legs[0].id)
    eventually(lambda: states(now(client, entry, OrderStatus.FILLED)) == [OrderStatus.CANCELED] * 2)
    eventually(lambda: client.get_open_position(SPY).qty_available == "2")


def test_the_stream_tells_when_exits_wake_and_end(served: Served) -> None:
    with heard(served, "listener") as one:
        entry = bought(one.client, 1, order_class=OrderClass.BRACKET, **FAR)
        one.wait(4)
        one.client.cancel_orders()
        one.wait(8)
        events = {
            leg.id: [
                str(getattr(each.event, "value", each.event))
                for each in one.updates
                if each.order.id == leg.id
            ]
            for leg in entry.legs or ()
        }
    assert len(events) == 2
    assert all(told[0] == "new" and told[-1] == "canceled" for told in events.values()), events


def test_the_fill_of_one_exit_cancels_the_other(client: TradingClient) -> None:
    bought(client, 1)
    at = price(client)
    pair = {
        "take_profit": {"limit_price": round(at * 1.0003, 2)},
        "stop_loss": {"stop_price": round(at * 0.9997, 2)},
    }
    order = client.submit_order(
        LimitOrderRequest(side=OrderSide.SELL, qty=1, order_class=OrderClass.OCO, **DAY, **pair)
    )
    assert order.order_class is OrderClass.OCO
    ended = now(client, order, OrderStatus.FILLED, OrderStatus.CANCELED)
    ends = {ended.status, *states(ended)}
    assert ends == {OrderStatus.FILLED, OrderStatus.CANCELED}
    eventually(lambda: client.get_all_positions() == [])


def test_cancel_all_takes_the_exits_of_a_filled_entry_along(client: TradingClient) -> None:
    bought(client, 2, order_class=OrderClass.BRACKET, **FAR)
    assert len(client.cancel_orders()) == 2
    eventually(lambda: client.get_orders() == [])
    eventually(lambda: client.get_open_position(SPY).qty_available == "2")


def test_close_all_sells_what_exits_hold_once_they_are_cancelled(client: TradingClient) -> None:
    bought(client, 2, order_class=OrderClass.OTO, stop_loss={"stop_price": 1})
    eventually(lambda: client.get_open_position(SPY).qty_available == "0")
    with pytest.raises(APIError, match="insufficient qty available") as held:
        client.close_position(SPY)
    assert held.value.code == 40310000
    answers = client.close_all_positions(cancel_orders=True)
    assert [answer.status for answer in answers] == [200]
    eventually(lambda: client.get_all_positions() == [])
    assert client.get_orders() == []


def test_a_part_of_a_share_for_money(client: TradingClient) -> None:
    order = client.submit_order(MarketOrderRequest(side=OrderSide.BUY, notional=100, **DAY))
    done = filled(client, order)
    assert 0 < float(done.filled_qty or 0) < 1
    position = client.get_open_position(SPY)
    assert float(position.qty) == float(done.filled_qty or 0)
    client.close_position(SPY)
    eventually(lambda: client.get_all_positions() == [])


def test_a_stop_rests_below_the_market(client: TradingClient) -> None:
    bought(client, 1)
    stop = client.submit_order(StopOrderRequest(side=OrderSide.SELL, qty=1, stop_price=1, **DAY))
    assert (stop.order_type, stop.stop_price) == (OrderType.STOP, "1")
    client.cancel_order_by_id(stop.id)
    now(client, stop, OrderStatus.CANCELED)


def trailing(qty: float, **trail: float) -> TrailingStopOrderRequest:
    return TrailingStopOrderRequest(
        symbol=SPY, side=OrderSide.SELL, time_in_force=TimeInForce.GTC, qty=qty, **trail
    )


def test_a_trailing_stop_is_shown_where_it_stands_and_gets_another_distance(
    client: TradingClient,
) -> None:
    bought(client, 2)
    order = client.submit_order(trailing(2, trail_percent=5))
    assert (order.order_type, order.type) == (OrderType.TRAILING_STOP, OrderType.TRAILING_STOP)
    assert (order.trail_percent, order.trail_price, order.limit_price) == ("5", None, None)
    assert Decimal(order.stop_price) == on_a_cent(Decimal(order.hwm) * Decimal("0.95"))
    assert [(one.id, one.hwm) for one in client.get_orders()] == [(order.id, order.hwm)]
    assert client.get_open_position(SPY).qty_available == "0"
    wider = client.replace_order_by_id(order.id, ReplaceOrderRequest(trail=10))
    assert (wider.replaces, wider.trail_percent) == (order.id, "10")
    assert Decimal(wider.hwm) >= Decimal(order.hwm)  # it was followed while nobody looked
    assert Decimal(wider.stop_price) == on_a_cent(Decimal(wider.hwm) * Decimal("0.9"))
    assert now(client, order, OrderStatus.REPLACED).replaced_by == wider.id
    for change in ({"trail": 100}, {"stop_price": 1}, {"limit_price": 1}):
        with pytest.raises(APIError) as refused:
            client.replace_order_by_id(wider.id, ReplaceOrderRequest(**change))
        assert refused.value.status_code == 422
    client.cancel_order_by_id(wider.id)
    now(client, wider, OrderStatus.CANCELED)


def on_a_cent(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.01"), rounding=ROUND_FLOOR)


def test_the_stream_tells_which_stop_a_trailing_one_met(served: Served) -> None:
    with heard(served, "follower") as one:
        bought(one.client, 1)
        order = filled(one.client, one.client.submit_order(trailing(1, trail_price=0.01)))
        eventually(lambda: one.client.get_all_positions() == [])
        told = [each for each in one.updates if each.order.id == order.id]
    events = [str(getattr(each.event, "value", each.event)) for each in told]
    assert (events[0], events[-1]) == ("new", "fill")
    met = told[-1].order
    assert Decimal(met.stop_price) == on_a_cent(Decimal(met.hwm) - Decimal("0.01"))
    assert told[-1].price <= float(met.stop_price)
    assert (order.hwm, order.stop_price) == (met.hwm, met.stop_price)


def test_a_trailing_stop_to_buy_says_why_it_is_refused(client: TradingClient) -> None:
    request = trailing(1, trail_percent=1).model_copy(update={"side": OrderSide.BUY})
    with pytest.raises(APIError, match="its worst price cannot be known") as refused:
        client.submit_order(request)
    assert (refused.value.status_code, refused.value.code) == (422, 40010001)


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param({"qty": 0.5, "time_in_force": TimeInForce.GTC}, id="a-part-till-cancelled"),
        pytest.param(
            {"qty": 0.5, "order_class": OrderClass.BRACKET, **FAR}, id="a-part-with-exits"
        ),
        pytest.param({"qty": 1, "extended_hours": True}, id="extended-hours-at-the-market"),
    ],
)
def test_what_the_venue_refuses_of_shares_is_refused(
    client: TradingClient, terms: dict[str, Any]
) -> None:
    with pytest.raises(APIError) as refused:
        client.submit_order(MarketOrderRequest(**(DAY | {"side": OrderSide.BUY} | terms)))
    assert refused.value.code == 42210000
    every = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL))
    assert every == []


def test_a_short_sale_is_refused(client: TradingClient) -> None:
    with pytest.raises(APIError, match="insufficient qty available") as refused:
        client.submit_order(MarketOrderRequest(side=OrderSide.SELL, qty=1, **DAY))
    assert refused.value.code == 40310000

"""The official client, unmodified, against a gateway over sockets: every method that it has."""

import inspect
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AssetClass,
    OrderSide,
    OrderStatus,
    OrderType,
    QueryOrderStatus,
    TimeInForce,
)
from alpaca.trading.models import Order
from alpaca.trading.requests import (
    ClosePositionRequest,
    CreateWatchlistRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetOrderByIdRequest,
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    UpdateWatchlistRequest,
)

BTC, ETH = "BTC/USD", "ETH/USD"
GTC = TimeInForce.GTC

WORKS = {
    "cancel_order_by_id", "cancel_orders", "close_all_positions", "close_position",
    "create_watchlist", "delete_watchlist_by_id", "add_asset_to_watchlist_by_id", "get_account",
    "get_account_configurations", "get_all_assets", "get_all_positions", "get_asset",
    "get_calendar", "get_clock", "get_open_position", "get_order_by_client_id", "get_order_by_id",
    "get_orders", "get_portfolio_history", "get_watchlist_by_id", "get_watchlists",
    "remove_asset_from_watchlist_by_id", "replace_order_by_id", "set_account_configurations",
    "submit_order", "update_watchlist_by_id",
}  # fmt: skip
REFUSED = {
    "exercise_options_position": "a right to buy is no holding that is modelled",
    "get_corporate_announcement_by_id": "another service of the broker",
    "get_corporate_announcements": "another service of the broker",
    "get_option_contract": "options are not modelled",
    "get_option_contracts": "options are not modelled",
}
PLUMBING = {"get", "post", "put", "patch", "delete", "response_wrapper"}


def eventually(read: Callable[[], Any], within_s: float = 8.0) -> Any:
    """Return what is read once it is something; the embedded market moves every second."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := read():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s")


def market(symbol: str, side: OrderSide, **amount: float) -> MarketOrderRequest:
    return MarketOrderRequest(symbol=symbol, side=side, time_in_force=GTC, **amount)


def limit(symbol: str, price: float, qty: float, **more: Any) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol=symbol, side=OrderSide.BUY, time_in_force=GTC, qty=qty, limit_price=price, **more
    )


def filled(client: TradingClient, order: Any) -> Any:
    def read() -> Any:
        found = client.get_order_by_id(order.id)
        return found if found.status is OrderStatus.FILLED else None

    return eventually(read)


def test_every_method_is_known_to_work_or_to_be_refused() -> None:
    """A method that a later client brings has to be given its place in one of the lists."""
    named = {
        name
        for name, _ in inspect.getmembers(TradingClient, inspect.isfunction)
        if not name.startswith("_")
    }
    assert named == WORKS | set(REFUSED) | PLUMBING


def test_what_is_not_offered_is_refused_and_never_passed_on(client: TradingClient) -> None:
    calls: list[Callable[[], object]] = [
        lambda: client.exercise_options_position("AAPL261218C00200000"),
        lambda: client.get_option_contract("AAPL261218C00200000"),
        lambda: client.post("/wallets/transfers", {}),
        lambda: client.post("/perpetuals/leverage", {}),
        lambda: client.post("/tokenization/mint", {}),
        lambda: client.post("/options/exercise", {}),
        lambda: client.post("/locates", {}),
    ]
    for call in calls:
        with pytest.raises(APIError) as refused:
            call()
        assert refused.value.code in (40310000, 40410000)
        assert refused.value.message


def test_account_clock_calendar_and_assets(client: TradingClient) -> None:
    account = client.get_account()
    assert account.status == "ACTIVE"
    assert float(account.buying_power) > 0
    assert not account.shorting_enabled
    assert client.get_clock().next_open is not None
    days = client.get_calendar(GetCalendarRequest(start="2026-11-25", end="2026-11-30"))
    assert [(day.date.day, day.close.hour) for day in days] == [(25, 16), (27, 13), (30, 16)]
    coins = client.get_all_assets(GetAssetsRequest(asset_class=AssetClass.CRYPTO))
    assert BTC in {asset.symbol for asset in coins}
    by_symbol = [client.get_asset(name) for name in (BTC, "BTCUSD", "BTC%2FUSD")]
    assert len({asset.id for asset in by_symbol}) == 1
    assert client.get_asset(str(by_symbol[0].id)).symbol == BTC
    with pytest.raises(APIError, match="asset not found"):
        client.get_asset("NOSUCH")


def test_a_purchase_becomes_a_position_less_its_fee(client: TradingClient) -> None:
    order = client.submit_order(market(BTC, OrderSide.BUY, qty=0.02))
    done = filled(client, order)
    assert float(done.filled_qty) == 0.02
    for name in (BTC, "BTCUSD"):
        position = client.get_open_position(name)
        assert position.symbol == "BTCUSD"
        assert float(position.qty) == pytest.approx(0.02 * 0.9975)
    fills = client.get("/account/activities", {"activity_types": "FILL"})
    assert sum(float(row["qty"]) for row in fills) == 0.02
    fees = client.get("/account/activities/CFEE")
    assert sum(float(row["qty"]) for row in fees) == pytest.approx(-0.02 * 0.0025)
    client.close_position(BTC, ClosePositionRequest(percentage="50"))
    eventually(lambda: float(client.get_open_position(BTC).qty) < 0.0101)
    answers = client.close_all_positions(cancel_orders=True)
    assert [answer.status for answer in answers] == [200]
    eventually(lambda: client.get_all_positions() == [])


def test_a_notional_purchase_says_what_it_was_asked_for(client: TradingClient) -> None:
    order = client.submit_order(market(ETH, OrderSide.BUY, notional=120))
    assert (order.notional, order.qty) == ("120", None)
    done = filled(client, order)
    assert float(done.filled_qty) * float(done.filled_avg_price) == pytest.approx(120, rel=0.02)


def test_an_order_rests_is_found_changed_and_cancelled(client: TradingClient) -> None:
    name = f"mine-{uuid.uuid4()}"
    order = client.submit_order(limit(ETH, 900.0, 0.5, client_order_id=name))
    assert (order.client_order_id, order.order_type) == (name, OrderType.LIMIT)
    assert client.get_order_by_client_id(name).id == order.id
    assert [one.id for one in client.get_orders()] == [order.id]
    changed = client.replace_order_by_id(order.id, ReplaceOrderRequest(limit_price=910.0))
    assert changed.id != order.id
    assert changed.replaces == order.id
    before = eventually(
        lambda: _with_status(client, order, OrderStatus.REPLACED),
    )
    assert before.replaced_by == changed.id
    client.cancel_order_by_id(changed.id)
    eventually(lambda: _with_status(client, changed, OrderStatus.CANCELED))
    with pytest.raises(APIError) as again:
        client.cancel_order_by_id(changed.id)
    assert again.value.code == 42210000
    assert client.get_orders() == []
    closed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED))
    assert [one.id for one in closed] == [changed.id, order.id]


def _with_status(client: TradingClient, order: Any, status: OrderStatus) -> Order | None:
    found = client.get_order_by_id(order.id, GetOrderByIdRequest(nested=True))
    assert isinstance(found, Order)
    return found if found.status is status else None


def test_all_orders_are_cancelled_at_once(client: TradingClient) -> None:
    orders = [client.submit_order(limit(ETH, 800.0 + step, 0.02)) for step in range(5)]
    answers = client.cancel_orders()
    assert {answer.id for answer in answers} == {order.id for order in orders}
    eventually(lambda: client.get_orders() == [])


def test_a_stop_limit_rests(client: TradingClient) -> None:
    order = client.submit_order(
        StopLimitOrderRequest(
            symbol=ETH,
            side=OrderSide.BUY,
            time_in_force=GTC,
            qty=0.005,
            stop_price=9_000.0,
            limit_price=9_010.0,
        )
    )
    assert (float(order.stop_price), float(order.limit_price)) == (9_000.0, 9_010.0)
    client.cancel_order_by_id(order.id)


def test_lists_are_paged_turned_and_filtered(client: TradingClient) -> None:
    orders = [client.submit_order(limit(ETH, 700.0 + step, 0.02)) for step in range(4)]
    newest_first = [order.id for order in reversed(orders)]
    every = GetOrdersRequest(status=QueryOrderStatus.ALL)
    assert [one.id for one in client.get_orders(every)] == newest_first
    two = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN, limit=2))
    assert [one.id for one in two] == newest_first[:2]
    rest = client.get_orders(GetOrdersRequest(until=two[-1].submitted_at))
    assert [one.id for one in rest] == newest_first[2:]
    ascending = client.get_orders(GetOrdersRequest(direction="asc", symbols=["ETHUSD"]))
    assert [one.id for one in ascending] == newest_first[::-1]
    assert client.get_orders(GetOrdersRequest(symbols=[BTC])) == []
    assert client.get_orders(GetOrdersRequest(side=OrderSide.SELL)) == []
    client.cancel_orders()


def test_a_list_is_filtered_by_quantity_both_bounds_left_out(client: TradingClient) -> None:
    """By what an order asks for; one that asks for money has no quantity."""
    small, middle, large = (
        client.submit_order(limit(ETH, 600.0, qty)).id for qty in (0.02, 0.025, 0.03)
    )
    client.submit_order(market(ETH, OrderSide.BUY, notional=50))

    def listed(**bounds: str) -> list[object]:
        return [uuid.UUID(one["id"]) for one in client.get("/orders", {"status": "all", **bounds})]

    assert listed(qty_above="0.02") == [large, middle]
    assert listed(qty_below="0.030") == [middle, small]
    assert listed(qty_above="0.02", qty_below="0.03") == [middle]
    assert listed(qty_above="2e-2", qty_below="1") == [large, middle]
    assert listed(qty_above="0.03") == []
    for bounds in ({"qty_above": "much"}, {"qty_below": "-1"}, {"qty_above": "NaN"}):
        with pytest.raises(APIError) as refused:
            listed(**bounds)
        assert (refused.value.status_code, refused.value.code) == (422, 40010001)
    client.cancel_orders()


def test_configuration_can_be_tightened_and_not_loosened(client: TradingClient) -> None:
    configuration = client.get_account_configurations()
    assert client.set_account_configurations(configuration) == configuration
    for name, value in (("no_shorting", False), ("max_margin_multiplier", "4")):
        with pytest.raises(APIError) as refused:
            client.set_account_configurations(configuration.model_copy(update={name: value}))
        assert refused.value.code == 40310000
    tight = client.set_account_configurations(
        configuration.model_copy(update={"suspend_trade": True})
    )
    assert tight.suspend_trade
    with pytest.raises(APIError) as suspended:
        client.submit_order(market(BTC, OrderSide.BUY, qty=0.001))
    assert suspended.value.code == 40310000
    with pytest.raises(APIError):
        client.set_account_configurations(configuration)


def test_watchlists(client: TradingClient) -> None:
    made = client.create_watchlist(CreateWatchlistRequest(name="mine", symbols=["SPY", BTC]))
    assert [asset.symbol for asset in made.assets or ()] == ["SPY", BTC]
    assert [one.id for one in client.get_watchlists()] == [made.id]
    client.update_watchlist_by_id(made.id, UpdateWatchlistRequest(name="other"))
    client.add_asset_to_watchlist_by_id(made.id, ETH)
    client.remove_asset_from_watchlist_by_id(made.id, "SPY")
    now = client.get_watchlist_by_id(made.id)
    assert (now.name, [asset.symbol for asset in now.assets or ()]) == ("other", [BTC, ETH])
    client.delete_watchlist_by_id(made.id)
    assert client.get_watchlists() == []


def test_history_is_well_formed(client: TradingClient) -> None:
    history = client.get_portfolio_history(GetPortfolioHistoryRequest(period="1D"))
    assert len(history.timestamp) == len(history.equity) == len(history.profit_loss)

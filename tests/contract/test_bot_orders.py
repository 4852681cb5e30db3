"""Every kind of order that a bot may send, at a real venue; the house comes before all."""

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.contract.test_broker_changes import Account, account_of
from tests.contract.test_broker_contract import AAPL, FORMS

from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import OrderClass, OrderState, OrderType, Side, TimeInForce
from smart_leverage.domain.records import Decided, Intended, Noted, OrderMoved, OrderTrailed
from smart_leverage.engine.events import CancelWished, ChangeWished, Command, Prices, Rung, Wished
from smart_leverage.engine.tracked import Tracked

D = Decimal
GTC, DAY = TimeInForce.GTC, TimeInForce.DAY


@pytest.fixture(params=FORMS)
def account(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
    with ExitStack() as stack:
        yield account_of(FORMS[request.param], tmp_path, stack)


def wish(account: Account, side: Side, qty: str, bot: str = "bot", **terms: Any) -> Decided:
    now = account.clock.now_ns()
    account.wait()
    order = OrderWish(
        at_ns=now, key=AAPL, side=side, source="order", id=f"{bot}{now}", qty=D(qty), **terms
    )
    return account.trader.offer(Wished(at_ns=now, wish=order, bot=bot))[0]


def of_bot(account: Account) -> list[Tracked]:
    orders = account.trader.engine.state.orders
    return [one for one in orders.of(AAPL) if not one.is_of_house]


def quote(account: Account, bid: float, ask: float) -> None:
    account.wait()
    now = account.clock.now_ns()
    account.trader.offer(
        Prices(at_ns=now, prints=((AAPL, D(repr((bid + ask) / 2))),), rung=Rung.QUOTE)
    )
    account.line.venue.on_quote(now, AAPL, bid, ask)
    account.trader.drain()


def holding(account: Account, qty: str = "20") -> None:
    """Buy so much, and see it filled and protected."""
    assert wish(account, Side.BUY, qty).given == D(qty)
    quote(account, 199.9, 199.95)
    assert account.trader.engine.state.book.qty(AAPL) == D(qty)
    quote(account, 199.9, 199.95)
    assert account.trader.engine.state.live_stop(AAPL) is not None


def test_a_limit_below_the_market_rests_and_is_counted(account: Account) -> None:
    limit: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D(150), "time_in_force": GTC}
    assert wish(account, Side.BUY, "40", **limit).given == 40
    # What rests counts at the market's price: another like it is over the symbol's cap.
    assert wish(account, Side.BUY, "40", **limit).verdict == "denied"
    account.wait(3600)
    account.price()
    assert [one.state for one in of_bot(account)] == [OrderState.OPEN]
    quote(account, 149.0, 149.5)
    assert account.trader.engine.state.book.qty(AAPL) == 40
    account.agrees()


def test_a_limit_far_above_the_market_is_sent_at_the_collar(account: Account) -> None:
    terms: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D(400), "time_in_force": DAY}
    assert wish(account, Side.BUY, "10", **terms).given == 10
    (order,) = of_bot(account)
    assert order.order.limit_price == D("201.00")


def test_a_stop_to_buy_is_counted_at_what_it_may_cost(account: Account) -> None:
    terms: dict[str, Any] = {"type": OrderType.STOP, "stop_price": D(220), "time_in_force": GTC}
    assert wish(account, Side.BUY, "44", **terms).given == 44
    (order,) = of_bot(account)
    assert (order.order.type, order.reserve_price) == (OrderType.STOP_LIMIT, D("221.10"))
    # 45 are 9,949.50, and 46 would be 10,170.60 of 100,000; a stop that is met costs nothing more.
    assert wish(account, Side.BUY, "2", **terms).verdict == "denied"
    assert wish(account, Side.BUY, "1", **terms).verdict == "approved"
    account.price()
    assert all(one.state is OrderState.OPEN for one in of_bot(account))


def test_a_bot_cancels_its_own_order_and_nobody_elses(account: Account) -> None:
    limit: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D(150), "time_in_force": GTC}
    wish(account, Side.BUY, "10", **limit)
    (order,) = of_bot(account)
    for bot in ("other", "bot"):
        account.wait()
        account.trader.offer(
            CancelWished(
                at_ns=account.clock.now_ns(), bot=bot, client_order_id=order.order.client_order_id
            )
        )
        assert bool(of_bot(account)) is (bot == "other")


def test_a_resting_sale_gives_way_to_the_house(account: Account) -> None:
    """No bot keeps an account over its cap by resting a sale far above the market."""
    holding(account)
    limit: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D(900), "time_in_force": GTC}
    assert wish(account, Side.SELL, "20", **limit).given == 20
    assert [one.state for one in of_bot(account)] == [OrderState.OPEN]
    account.command(Command.FLATTEN)
    quote(account, 199.9, 199.95)
    quote(account, 199.9, 199.95)
    assert account.trader.engine.state.book.qty(AAPL) == 0
    assert of_bot(account) == []
    account.agrees()


def test_a_resting_sale_is_no_protection_and_the_engine_watches(account: Account) -> None:
    holding(account)
    limit: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D(900), "time_in_force": GTC}
    assert wish(account, Side.SELL, "20", **limit).given == 20
    quote(account, 150.0, 150.1)  # a lone jump is not believed
    for _ in range(4):
        quote(account, 150.0, 150.1)
    assert account.trader.engine.state.book.qty(AAPL) == 0
    account.agrees()


def test_a_stop_of_a_bot_covers_its_part_and_ours_the_rest(account: Account) -> None:
    holding(account)
    stop: dict[str, Any] = {"type": OrderType.STOP, "stop_price": D(195), "time_in_force": GTC}
    assert wish(account, Side.SELL, "8", **stop).given == 8
    quote(account, 199.9, 199.95)
    ours = account.trader.engine.state.live_stop(AAPL)
    assert ours is not None
    assert ours.remaining == 12


def test_a_trailing_stop_protects_follows_and_survives_a_restart(account: Account) -> None:
    holding(account)
    trail: dict[str, Any] = {"type": OrderType.TRAILING_STOP, "trail_percent": D(2)}
    assert wish(account, Side.SELL, "20", time_in_force=GTC, **trail).given == 20
    quote(account, 203.0, 203.1)
    assert account.trader.engine.state.live_stop(AAPL) is None  # it is all that is needed
    account.trader.reconcile()
    (order,) = of_bot(account)
    assert (order.hwm, order.stop_price) == (D(203), D("198.94"))
    account.restart()
    (order,) = of_bot(account)
    assert (order.hwm, order.stop_price) == (D(203), D("198.94"))
    quote(account, 204.0, 204.1)
    name = order.order.client_order_id
    change = ChangeWished(at_ns=account.clock.now_ns(), bot="bot", client_order_id=name, trail=D(4))
    assert account.trader.offer(change)[0].verdict == "approved"
    (order,) = of_bot(account)
    assert (order.order.trail_percent, order.hwm, order.stop_price) == (D(4), D(204), D("195.84"))
    quote(account, 197.0, 197.1)
    assert account.trader.engine.state.book.qty(AAPL) == 20
    quote(account, 195.8, 195.9)
    assert account.trader.engine.state.book.qty(AAPL) == 0
    account.agrees()
    account.trader.flush()
    told = [(each.hwm, each.stop_price) for each in account.records(OrderTrailed)]
    assert told[-2:] == [(D(203), D("198.94")), (D(204), D("195.84"))]


def test_a_trailing_stop_changed_by_somebody_else_is_known_where_it_stands(
    account: Account,
) -> None:
    holding(account)
    trail: dict[str, Any] = {"type": OrderType.TRAILING_STOP, "trail_price": D(4)}
    assert wish(account, Side.SELL, "20", time_in_force=GTC, **trail).given == 20
    (order,) = of_bot(account)
    account.line.venue.replace(order.order.client_order_id, trail=D(10))
    account.trader.drain()
    (after,) = of_bot(account)
    assert (after.order.trail_price, after.order.stop_price) == (D(10), None)
    assert after.hwm is not None
    assert after.stop_price == (after.hwm - 10).quantize(D("0.01"), rounding=ROUND_FLOOR)
    account.agrees()


def bracket(account: Account, qty: str = "20") -> Tracked:
    terms: dict[str, Any] = {
        "order_class": OrderClass.BRACKET,
        "take_profit": D(220),
        "stop_loss": D(190),
    }
    assert wish(account, Side.BUY, qty, time_in_force=GTC, **terms).given == D(qty)
    return of_bot(account)[0]


def test_exits_of_a_bracket_are_held_until_the_entry_is_filled(account: Account) -> None:
    entry = bracket(account)
    held = [one for one in of_bot(account) if one.parent]
    assert [one.is_held for one in held] == [True, True]
    assert account.trader.engine.state.orders.selling(AAPL) == 0
    quote(account, 199.9, 199.95)
    exits = of_bot(account)
    assert entry not in exits
    assert [(one.is_held, one.remaining) for one in exits] == [(False, D(20))] * 2
    account.trader.flush()
    for one in exits:  # each waking is journalled, once, for whoever looks at the exit
        name = one.order.client_order_id
        moves = [each for each in account.records(OrderMoved) if each.client_order_id == name]
        assert [each.status for each in moves] == ["held", "new"]
    # Of a pair only one fills, and its stop is all the protection that is needed.
    assert account.trader.engine.state.orders.selling(AAPL) == 20
    assert account.trader.engine.state.live_stop(AAPL) is None
    quote(account, 221.0, 221.1)
    assert account.trader.engine.state.book.qty(AAPL) == 0
    assert of_bot(account) == []
    codes = [each.code for each in account.records(Noted)]
    assert "order.external" not in codes
    assert "reconcile.difference" not in codes


def test_a_bracket_survives_a_restart_and_the_house_is_before_it(account: Account) -> None:
    bracket(account)
    quote(account, 199.9, 199.95)
    account.restart()
    account.price()
    assert len(of_bot(account)) == 2
    account.command(Command.FLATTEN)
    quote(account, 199.9, 199.95)
    quote(account, 199.9, 199.95)
    assert account.trader.engine.state.book.qty(AAPL) == 0
    assert of_bot(account) == []


def test_a_cancelled_entry_takes_its_exits_along(account: Account) -> None:
    terms: dict[str, Any] = {
        "order_class": OrderClass.BRACKET,
        "take_profit": D(220),
        "stop_loss": D(140),
    }
    limit: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D(150), "time_in_force": GTC}
    assert wish(account, Side.BUY, "20", **terms, **limit).given == 20
    entry = of_bot(account)[0]
    account.trader.offer(
        CancelWished(
            at_ns=account.clock.now_ns(), bot="bot", client_order_id=entry.order.client_order_id
        )
    )
    account.trader.drain()
    assert of_bot(account) == []


def test_a_bracket_over_a_cap_is_denied_whole(account: Account) -> None:
    terms: dict[str, Any] = {
        "order_class": OrderClass.BRACKET,
        "take_profit": D(220),
        "stop_loss": D(190),
    }
    assert wish(account, Side.BUY, "60", time_in_force=GTC, **terms).verdict == "denied"
    assert account.records(Intended) == []


def test_a_pair_of_exits_for_a_holding_counts_once(account: Account) -> None:
    holding(account)
    terms: dict[str, Any] = {
        "order_class": OrderClass.OCO,
        "type": OrderType.LIMIT,
        "limit_price": D(220),
        "take_profit": D(220),
        "stop_loss": D(190),
        "time_in_force": GTC,
    }
    assert wish(account, Side.SELL, "20", **terms).given == 20
    account.trader.drain()
    assert len(of_bot(account)) == 2
    assert account.trader.engine.state.orders.selling(AAPL) == 20
    assert wish(account, Side.SELL, "1").verdict == "denied"  # the pair holds all of it
    quote(account, 189.0, 189.1)
    quote(account, 189.0, 189.1)
    assert account.trader.engine.state.book.qty(AAPL) == 0
    assert of_bot(account) == []


@pytest.mark.parametrize(
    "terms",
    [
        {"type": OrderType.LIMIT},
        {"type": OrderType.LIMIT, "limit_price": D("NaN")},
        {"type": OrderType.LIMIT, "limit_price": D("Infinity")},
        {"type": OrderType.LIMIT, "limit_price": D(-1)},
        {"type": OrderType.LIMIT, "limit_price": D("1e15")},
        {"type": OrderType.LIMIT, "limit_price": D("0.000001")},
        {"type": OrderType.MARKET, "limit_price": D(200)},
        {"type": OrderType.STOP, "limit_price": D(200)},
        {"type": OrderType.STOP_LIMIT, "stop_price": D(200)},
        {"order_class": OrderClass.OCO, "take_profit": D(210), "stop_loss": D(190)},
    ],
)
@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_terms_that_do_not_go_together_decide_nothing(
    account: Account, side: Side, terms: dict[str, Any]
) -> None:
    if side is Side.SELL and terms.get("order_class") is OrderClass.OCO:
        terms = {**terms, "order_class": OrderClass.BRACKET}
    decided = wish(account, side, "1", **terms)
    assert (decided.verdict, decided.reason) == ("denied", "bad_input")
    assert account.records(Intended) == []

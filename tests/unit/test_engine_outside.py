"""What happens at the broker without us: somebody's orders, fees, dividends, lists that lag."""

from decimal import Decimal

import msgspec
import pytest
from tests.simulation.desk import BTC, KO, D, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    EXTERNAL,
    HOUSE,
    BrokerOrder,
    Fill,
    Order,
    OrderState,
    OrderType,
    Role,
    Side,
    TimeInForce,
    TradeUpdate,
)
from smart_leverage.domain.records import Filled, IncomeSeen, Intended, Noted
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import IncomeArrived, Opened, Reconciled, Updated
from smart_leverage.policy.reasons import TradingState

BY_HAND = "by-hand"
LATE_FEES = EngineConfig(fees_come_later=True)
LAGGING = EngineConfig(lists_lag=True)


def order_of(side: Side, qty: str, key: Key = KO, name: str = BY_HAND) -> Order:
    return Order(
        client_order_id=name, bot="whoever", key=key, side=side, qty=D(qty),
        type=OrderType.MARKET, time_in_force=TimeInForce.DAY,
    )  # fmt: skip


def shown(desk: Desk, order: Order, status: str, filled: str = "0") -> BrokerOrder:
    return msgspec.structs.replace(desk.view(order, status), filled_qty=D(filled))


def execution(desk: Desk, order: Order, qty: str, price: str, number: int = 1) -> Fill:
    return Fill(
        execution_id=f"theirs-{number}", client_order_id=order.client_order_id, key=order.key,
        side=order.side, qty=D(qty), price=D(price), fee=D(0), fee_asset="USD", at_ns=desk.now_ns,
    )  # fmt: skip


def tell(desk: Desk, view: BrokerOrder, fill: Fill | None = None) -> None:
    update = TradeUpdate(
        sequence=len(desk.events), event=view.status, broker_order=view, at_ns=desk.now_ns,
        fill=fill,
    )  # fmt: skip
    desk.feed(Updated(at_ns=desk.now_ns, update=update))


def notes(desk: Desk, code: str = "order.external") -> list[str]:
    return [each.text for each in desk.of(Noted) if isinstance(each, Noted) and each.code == code]


def dealt(desk: Desk, side: Side, qty: str, price: str, key: Key = KO, number: int = 1) -> None:
    """Let somebody deal outside, in full, at once."""
    order = order_of(side, qty, key, f"{BY_HAND}-{number}")
    tell(desk, shown(desk, order, "filled", qty), execution(desk, order, qty, price, number))


# -- orders ----------------------------------------------------------------------------------------


def test_what_somebody_buys_is_booked_and_explains_the_lists() -> None:
    desk = Desk()
    cash = desk.state.book.cash
    dealt(desk, Side.BUY, "10", "60")
    assert desk.state.book.quantities(KO) == {EXTERNAL: D(10)}
    assert desk.state.book.cash == cash - 600
    desk.reconcile()
    assert notes(desk, "reconcile.difference") == []
    assert desk.state.trading is TradingState.ACTIVE
    assert desk.state.orders.by_id.keys() == {desk.take(Role.STOP).client_order_id}


def test_it_is_told_once_and_booked_once() -> None:
    desk = Desk()
    for _ in range(3):
        dealt(desk, Side.BUY, "10", "60")
    assert desk.state.book.qty(KO) == 10
    assert len(notes(desk)) == len(desk.of(Filled)) == 1


def test_what_somebody_sells_is_his_own_first() -> None:
    desk = Desk(holdings={KO: "30"})
    dealt(desk, Side.BUY, "10", "60")
    dealt(desk, Side.SELL, "20", "60", number=2)
    assert desk.state.book.quantities(KO) == {HOUSE: D(20)}


def test_an_open_order_of_somebody_is_reserved_and_left_alone() -> None:
    desk = Desk()
    tell(desk, shown(desk, order_of(Side.BUY, "9000"), "new"))
    (tracked,) = desk.state.orders.buys()
    assert (tracked.order.bot, tracked.state) == (EXTERNAL, OrderState.OPEN)
    assert desk.engine._core.worst().units[KO] == 9_000
    assert notes(desk)[0].endswith("; it does not fit: cap_gross")
    assert desk.buy(KO, "1").given == 0
    desk.wait(3_600)
    desk.prices()
    assert desk.cancelled == []


def test_a_halt_takes_it_back_as_well() -> None:
    from smart_leverage.engine.events import Command

    desk = Desk()
    tell(desk, shown(desk, order_of(Side.BUY, "10"), "new"))
    desk.order(Command.HALT)
    assert desk.cancelled == [BY_HAND]


def test_what_was_executed_before_the_opening_is_in_the_holdings() -> None:
    desk = Desk()
    at_ns = desk.now_ns
    opened = next(each for each in desk.events if isinstance(each, Opened))
    engine = Engine(EngineConfig())
    engine.process(msgspec.structs.replace(opened, broker_ns=at_ns, holdings=((KO, D(4), D(60)),)))
    order = order_of(Side.BUY, "10")
    view = shown(desk, order, "partially_filled", "4")
    old = execution(desk, order, "4", "60")
    update = TradeUpdate(sequence=1, event="fill", broker_order=view, at_ns=at_ns, fill=old)
    engine.process(Updated(at_ns=at_ns + 1, update=update))
    assert engine.state.book.qty(KO) == 4
    (tracked,) = engine.state.orders.buys()
    assert (tracked.filled, tracked.remaining) == (D(4), D(6))

    desk.wait(5)
    rest = execution(desk, order, "6", "61", 2)
    done = shown(desk, order, "filled", "10")
    update = TradeUpdate(sequence=2, event="fill", broker_order=done, at_ns=desk.now_ns, fill=rest)
    engine.process(Updated(at_ns=desk.now_ns, update=update))
    assert engine.state.book.quantities(KO) == {HOUSE: D(4), EXTERNAL: D(6)}
    assert engine.state.orders.buys() == []


def test_an_order_that_ended_before_anything_was_bought_is_none_of_ours() -> None:
    desk = Desk()
    tell(desk, shown(desk, order_of(Side.BUY, "10"), "canceled"))
    assert desk.of(Intended) == []
    assert notes(desk) == []


# -- fees and dividends ----------------------------------------------------------------------------


def came(desk: Desk, amount: str = "0", reference: str = "r1", source: str = "dividend",
         qty: str = "0") -> None:  # fmt: skip
    desk.feed(
        IncomeArrived(
            at_ns=desk.now_ns, amount=D(amount), source=source, reference=reference,
            key=BTC if qty != "0" else None, qty=D(qty), price=D("50000"),
        )
    )  # fmt: skip


def test_a_dividend_is_money_and_a_result() -> None:
    desk = Desk()
    before, base = desk.engine.valuation().equity, desk.state.baselines.last_mark
    for _ in range(2):
        came(desk, "12.34")
    assert desk.engine.valuation().equity == before + D("12.34")
    assert desk.state.baselines.last_mark == base  # of a deposit it would have grown
    assert len(desk.of(IncomeSeen)) == 1


def coin(qty: str = "0.1") -> Desk:
    """Return an account that has bought coins whose fee nobody has told of."""
    desk = Desk(config=LATE_FEES)
    assert desk.buy(BTC, qty).given == D(qty)
    desk.fill(desk.take(), desk.price[BTC])
    return desk


def lists(desk: Desk, qty: str) -> None:
    desk.wait(1)
    desk.reconcile(positions={BTC: D(qty)})


def test_a_fee_that_the_holding_shows_is_booked_before_it_is_told() -> None:
    desk = coin()
    assert desk.engine.has_doubts  # so the lists are read at once
    lists(desk, "0.09975")
    assert not desk.engine.has_doubts
    assert desk.state.book.qty(BTC) == D("0.09975")
    assert desk.state.trading is TradingState.ACTIVE
    came(desk, qty="-0.00025", source="fee")
    assert desk.state.book.qty(BTC) == D("0.09975")
    lists(desk, "0.09975")
    assert notes(desk, "reconcile.difference") == []


def test_a_fee_that_is_told_before_the_holding_shows_it() -> None:
    desk = coin()
    lists(desk, "0.1")
    came(desk, qty="-0.00025", source="fee")
    assert desk.state.book.qty(BTC) == D("0.09975")
    lists(desk, "0.09975")
    assert notes(desk, "reconcile.difference") == []


@pytest.mark.parametrize("theirs", ["0.0996", "0.1001"], ids=["more", "none"])
def test_a_difference_that_no_fee_explains_stays_one(theirs: str) -> None:
    desk = coin()
    lists(desk, theirs)
    assert desk.state.book.qty(BTC) == D("0.1")
    assert desk.state.trading is TradingState.REDUCING


def test_a_part_of_a_sale_that_nobody_has_told_is_no_fee() -> None:
    desk = coin()
    lists(desk, "0.09975")
    assert desk.sell(BTC, "0.05").given == D("0.05")
    sale = next(one for one in desk.state.orders.by_id.values() if one.order.role is Role.BOT)
    view = shown(desk, sale.order, "partially_filled", "0.0001")
    paid = D("0.0001") * 50_000
    before = desk.state.book.cash
    desk.wait(1)
    desk.reconcile(cash=before + paid, positions={BTC: D("0.09965")}, orders=(view,))
    assert desk.state.book.qty(BTC) == D("0.09975")
    tell(desk, view, execution(desk, sale.order, "0.0001", "50000"))
    assert desk.state.book.qty(BTC) == D("0.09965")
    assert desk.state.book.cash == before + paid


def test_a_part_that_is_sold_once_more_after_a_bust_is_no_fee_either() -> None:
    desk = coin()
    lists(desk, "0.09975")
    assert desk.sell(BTC, "0.05").given == D("0.05")
    sale = next(one for one in desk.state.orders.by_id.values() if one.order.role is Role.BOT)
    view, cash = shown(desk, sale.order, "partially_filled", "0.0001"), desk.state.book.cash
    first = execution(desk, sale.order, "0.0001", "50000")
    tell(desk, view, first)
    desk.revise(first)
    assert desk.state.book.qty(BTC) == D("0.09975")
    desk.wait(1)
    desk.reconcile(cash=cash + 5, positions={BTC: D("0.09965")}, orders=(view,))
    assert desk.state.book.qty(BTC) == D("0.09975")


def test_last_weeks_purchase_explains_no_fee() -> None:
    desk = coin()
    desk.wait(6 * 86_400)
    lists(desk, "0.09975")
    assert desk.state.trading is TradingState.REDUCING


def test_every_bot_bears_a_fee_by_what_it_holds() -> None:
    desk = Desk(config=LATE_FEES, holdings={BTC: "0.06"})
    dealt(desk, Side.BUY, "0.06", str(desk.price[BTC]), BTC)
    lists(desk, "0.11986")
    assert desk.state.book.quantities(BTC) == {HOUSE: D("0.05993"), EXTERNAL: D("0.05993")}


def test_a_fee_of_a_sale_is_cash_and_matched_with_what_is_told_later() -> None:
    desk = coin()
    lists(desk, "0.09975")
    assert desk.sell(BTC, "0.09").given == D("0.09")
    desk.end(desk.pop(Role.STOP)) if desk.sent and desk.sent[0].role is Role.STOP else None
    sale = next(one for one in desk.state.orders.by_id.values() if one.order.role is Role.BOT)
    desk.fill(sale.order, "50000")
    due = D("0.09") * 50_000
    cash = desk.state.book.cash - due * D("0.0025")
    desk.reconcile(cash=cash)
    assert desk.state.book.cash == cash
    assert notes(desk, "reconcile.difference") == []
    came(desk, str(-due * D("0.0025")), source="fee")
    assert desk.state.book.cash == cash
    desk.wait(1)
    desk.reconcile(cash=cash - due)
    assert desk.state.trading is TradingState.REDUCING


# -- lists that lag --------------------------------------------------------------------------------


def test_lists_that_lag_are_read_again_before_they_are_believed() -> None:
    desk = Desk(config=LAGGING)
    desk.hold(KO, "10")
    desk.reconcile(positions={})
    assert desk.engine.has_doubts
    assert not desk.engine.is_ready
    assert desk.buy(KO, "1").given == 0
    desk.wait(1)
    desk.reconcile()
    assert desk.engine.is_ready
    assert desk.state.trading is TradingState.ACTIVE


def test_a_difference_that_lasts_is_one() -> None:
    desk = Desk(config=LAGGING)
    desk.hold(KO, "10")
    for _ in range(2):
        desk.reconcile(positions={})
        desk.wait(4)
    assert desk.state.trading is TradingState.REDUCING
    assert notes(desk, "reconcile.difference") == [f"{KO}: broker 0, books 10.0000"]


def test_what_is_replayed_is_what_was() -> None:
    desk = coin()
    dealt(desk, Side.BUY, "10", "60")
    lists(desk, "0.09975")
    came(desk, qty="-0.0001", source="fee")
    again = Engine(LATE_FEES, iter(desk.records))
    assert again.state.book.state() == desk.state.book.state()
    assert again.state.fees_ahead == desk.state.fees_ahead == {BTC: Decimal("0.00015")}
    assert isinstance(desk.events[-1], IncomeArrived | Reconciled)


# -- the account itself ----------------------------------------------------------------------------


def stated(desk: Desk, **more: object) -> None:
    """Let the broker state the account as the books have it, but for what is named."""
    desk.reconcile()
    event = desk.events[-1]
    assert isinstance(event, Reconciled)
    account = msgspec.structs.replace(event.account, **more)
    desk.feed(msgspec.structs.replace(event, account=account))


def test_an_account_that_the_broker_has_blocked_may_only_reduce() -> None:
    desk = Desk()
    assert desk.buy(KO, "10").given == 10
    for _ in range(2):
        stated(desk, is_blocked=True)
    assert desk.state.trading is TradingState.REDUCING
    assert notes(desk, "broker.blocked") == ["the broker takes no orders of this account"]
    assert len(desk.cancelled) == 1


def test_an_answer_about_another_account_halts() -> None:
    desk = Desk()
    opened = next(each for each in desk.events if isinstance(each, Opened))
    engine = Engine(EngineConfig())
    engine.process(msgspec.structs.replace(opened, broker_account="PA1"))
    desk.reconcile()
    event = desk.events[-1]
    assert isinstance(event, Reconciled)
    own = msgspec.structs.replace(event.account, account_id="PA1")
    engine.process(msgspec.structs.replace(event, account=own))
    assert (engine.is_ready, engine.state.trading) == (True, TradingState.ACTIVE)
    other = msgspec.structs.replace(event.account, account_id="PA2")
    for _ in range(2):
        engine.process(msgspec.structs.replace(event, account=other))
    assert (engine.is_ready, engine.state.trading) == (False, TradingState.HALTED)
    assert "account PA2, this one is PA1" in engine.state.trading_why

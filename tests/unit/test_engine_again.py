"""What comes twice, and what a later process still knows: requests, money, prices."""

import math
from decimal import Decimal

import pytest
from tests.simulation.desk import BTC, ETH, NOON, TQQQ, D, Desk

from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import OrderState, Role, Side
from smart_leverage.domain.records import PricesRemembered
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.core import Core
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import (
    Command,
    FlowArrived,
    LookedUp,
    Rung,
    Started,
    Verdict,
    Wished,
)
from smart_leverage.engine.ladder import LadderConfig, PriceLadder


def wish(desk: Desk, name: str, qty: str, side: Side = Side.BUY) -> Wished:
    wanted = OrderWish(at_ns=desk.now_ns, key=BTC, side=side, source="bot", id=name, qty=D(qty))
    return Wished(at_ns=desk.now_ns, wish=wanted, bot="bot")


# -- requests -------------------------------------------------------------------------------------


def test_a_request_that_was_granted_is_no_new_order_when_it_comes_again() -> None:
    desk = Desk()
    assert desk.feed(wish(desk, "one", "0.1")).decisions[0].given == D("0.1")
    again = desk.feed(wish(desk, "one", "0.1"))
    assert (again.decisions, again.sends, again.records) == ([], [], [])


def test_it_is_none_after_a_restart_either() -> None:
    desk = Desk()
    desk.feed(wish(desk, "one", "0.1"))
    desk.engine = Engine(desk.config, desk.records)
    assert desk.feed(wish(desk, "one", "0.1")).records == []


def test_a_request_that_was_denied_may_be_asked_again() -> None:
    desk = Desk()
    assert desk.feed(wish(desk, "one", "10")).decisions[0].verdict == "denied"
    assert desk.feed(wish(desk, "one", "10")).decisions[0].verdict == "denied"


def test_another_order_under_a_used_name_is_refused() -> None:
    desk = Desk()
    desk.feed(wish(desk, "one", "0.1"))
    (decided,) = desk.feed(wish(desk, "one", "0.05")).decisions
    assert (decided.verdict, decided.reason) == ("denied", "bad_input")
    assert '"side":"buy","qty":"0.1"' in decided.figures["request"]


def test_a_name_given_long_ago_is_refused_though_nobody_knows_for_what(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Core, "remembers", 4)
    monkeypatch.setattr("smart_leverage.engine.state.REQUESTS_KEPT", 3)
    desk = Desk()
    for number in range(12):
        desk.feed(wish(desk, str(number), "0.001"))
    assert len(desk.state.requests) < 8
    (decided,) = desk.feed(wish(desk, "12", "0.001")).decisions
    assert decided.verdict == "approved"
    assert desk.feed(wish(desk, "12", "0.001")).records == []
    desk.engine = Engine(desk.config, desk.records)
    (decided,) = desk.feed(wish(desk, "0", "0.001")).decisions
    assert (decided.verdict, decided.reason) == ("denied", "bad_input")
    assert decided.figures["request"] == "0 was given to an order long ago"


def test_money_that_is_told_twice_counts_once() -> None:
    desk = Desk()
    before = desk.state.book.cash
    for _ in range(2):
        desk.feed(FlowArrived(at_ns=desk.now_ns, amount=D(500), source="bank", reference="w1"))
    assert desk.state.book.cash == before + 500


# -- prices ---------------------------------------------------------------------------------------


def test_prices_are_remembered_exactly() -> None:
    ladder = PriceLadder(LadderConfig())
    for minute, price in enumerate(("100", "101.37", "99.2", "250")):
        ladder.see(BTC, D(price), NOON + minute * 60_000_000_000, Rung.QUOTE)
    ladder.see(ETH, D("2500"), NOON, Rung.BROKER)
    later = PriceLadder(LadderConfig())
    later.restore(ladder.prices(), ladder.memory())
    assert (later.prices(), later.memory()) == (ladder.prices(), ladder.memory())
    assert later.doubted(BTC) == D("250.0")
    assert later.volatility_daily(BTC) == ladder.volatility_daily(BTC) > 0
    assert math.isnan(later.volatility_daily(ETH))


def test_a_jump_that_is_told_twice_confirms_nothing() -> None:
    ladder = PriceLadder(LadderConfig())
    ladder.see(BTC, D("100"), NOON, Rung.QUOTE)
    for _ in range(2):
        ladder.see(BTC, D("250"), NOON + 1, Rung.QUOTE)
        assert ladder.mark(BTC) == D("100")
    ladder.see(BTC, D("251"), NOON + 2, Rung.QUOTE)
    assert ladder.mark(BTC) == D("251")


def test_a_later_process_goes_on_from_what_was_remembered() -> None:
    desk = Desk(config=EngineConfig(remember_every_s=0.0))
    desk.wait()
    desk.prices({BTC: "51000"})
    assert isinstance(desk.of(PricesRemembered)[-1], PricesRemembered)
    later = Engine(desk.config, desk.records)
    assert later.valuation() == desk.engine.valuation()
    assert later._core.ladder.memory() == desk.engine._core.ladder.memory()


# -- orders that the broker does not list ---------------------------------------------------------


def lost(desk: Desk, key: str, qty: str) -> str:
    """Buy something whose answer stays away; return its id after one look-up in vain."""
    desk.buy(key, qty)  # type: ignore[arg-type]
    order = desk.pop()
    desk.answer(order, Verdict.UNKNOWN)
    desk.feed(missed(desk, order.client_order_id))
    desk.wait(1)
    desk.prices()
    return order.client_order_id


def missed(desk: Desk, name: str) -> LookedUp:
    return LookedUp(at_ns=desk.now_ns, client_order_id=name, broker_order=None)


def test_what_the_broker_does_not_list_leaves_once_more_and_only_once() -> None:
    desk = Desk()
    name = lost(desk, BTC, "0.1")
    assert [each.client_order_id for each in desk.sent] == [name]
    order = desk.pop()
    desk.answer(order, Verdict.UNKNOWN)
    desk.feed(missed(desk, name))
    desk.wait(1)
    desk.prices()
    assert desk.sent == []


def test_a_refusal_of_the_second_attempt_proves_nothing_about_the_first() -> None:
    desk = Desk()
    name = lost(desk, BTC, "0.1")
    desk.answer(desk.pop(), Verdict.REFUSED, "insufficient balance")
    assert desk.state.orders.by_id[name].state is OrderState.UNKNOWN


def test_a_broker_that_accepts_repeated_ids_is_sent_nothing_twice() -> None:
    desk = Desk(config=EngineConfig(may_resend=False))
    lost(desk, BTC, "0.1")
    assert desk.sent == []


def test_a_purchase_that_grew_old_is_not_sent_once_more() -> None:
    desk = Desk()
    desk.buy(BTC, "0.1")
    order = desk.pop()
    desk.answer(order, Verdict.UNKNOWN)
    desk.wait(301)
    desk.prices()
    desk.feed(missed(desk, order.client_order_id))
    assert desk.sent == []


def test_a_sale_is_sent_once_more_as_long_as_it_is_held() -> None:
    desk = Desk(holdings={TQQQ: "100"})
    stop = desk.state.live_stop(TQQQ)
    assert stop is not None
    desk.sell(TQQQ, "100", bot="house")
    desk.end(stop.order)
    order = desk.pop(Role.BOT)
    desk.answer(order, Verdict.UNKNOWN)
    desk.feed(missed(desk, order.client_order_id))
    desk.reconcile()
    assert order in desk.sent


# -- somebody else sells --------------------------------------------------------------------------


def test_the_house_sells_what_is_there_when_somebody_else_sold_a_part() -> None:
    desk = Desk(holdings={TQQQ: "100"})
    stop = desk.state.live_stop(TQQQ)
    assert stop is not None
    desk.end(stop.order)
    desk.answer(desk.pop(Role.STOP), Verdict.REFUSED, "insufficient qty available: 60")
    desk.reconcile(positions={TQQQ: D(60)})
    assert desk.pop(Role.STOP).qty == D(60)
    desk.order(Command.FLATTEN)
    desk.wait(1)
    desk.prices()
    assert desk.state.orders.selling(TQQQ) == D(60)


def test_what_our_own_sale_may_have_taken_is_not_missing() -> None:
    desk = Desk(holdings={TQQQ: "100"})
    stop = desk.state.live_stop(TQQQ)
    assert stop is not None
    desk.reconcile(positions={})  # the stop may have sold it all, its message is on the way
    assert desk.engine._core.sellable(TQQQ) == Decimal(100)


def test_a_start_asks_for_prices_and_keeps_what_it_knew() -> None:
    desk = Desk(config=EngineConfig(remember_every_s=0.0))
    desk.wait(1)
    desk.prices()
    desk.engine = Engine(desk.config, desk.records)
    desk.feed(Started(at_ns=desk.now_ns))
    desk.reconcile()
    assert desk.buy(BTC, "0.01").verdict == "approved"


def test_a_buy_under_way_whose_price_is_doubted_counts_as_lost_down_to_the_doubt() -> None:
    desk = Desk()
    desk.buy(TQQQ, "40")
    before = desk.engine._core.worst().equity
    desk.print_one(TQQQ, "2")
    lost = before - desk.engine._core.worst().equity
    assert lost == D(40) * (D(50) - D(2))
